//! What a client remembers from one activity to the next. Small: there is one per client.

use super::activity::{Link, Pool};
use super::rpc::{Connection, Partner};
use super::tickets::Wallet;

/// What a client remembers. Its tickets and connections are seeds and sequence numbers, not
/// bytes.
#[derive(Debug, Default)]
pub struct Memory {
    /// Its tickets.
    pub wallet: Wallet,
    /// The connections that its application keeps open to the directory.
    pub pools: Vec<Pool>,
    /// How many such connections there have been.
    pub pools_opened: u32,
    /// Sessions with the file service, of the computer and of the person.
    pub links: [Option<Box<Link>>; 2],
    /// When its last VPN session began, in seconds since 1970.
    pub vpn_begun_seconds: i64,
    /// The next of its ephemeral ports, counted from [`FIRST_PORT`].
    next_port: u16,
    /// The connection of its secure channel.
    pub(super) channel: Option<Box<Connection>>,
    /// Connections with other domain controllers, of one that is itself one.
    pub(super) partners: Vec<Partner>,
    /// Whether what it remembers from before the start is hidden.
    has_begun: bool,
}

/// First ephemeral port of Windows since Vista (RFC 6335 section 6): 49152 to 65535.
const FIRST_PORT: u16 = 49_152;

impl Memory {
    /// A client whose ports begin anywhere.
    pub fn new(seed: u64) -> Self {
        let next_port = (seed >> 48) as u16 % (u16::MAX - FIRST_PORT);
        Self { wallet: Wallet::new(seed), next_port, ..Self::default() }
    }

    /// The start: nobody has seen how the tickets it holds were given, and how its connections
    /// began. Does something only the first time.
    pub(super) fn begin(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        self.wallet.hide();
        self.pools.iter_mut().for_each(Pool::hide);
        self.channel.iter_mut().for_each(|channel| channel.hide());
        self.links.iter_mut().flatten().for_each(|link| link.hide());
        self.partners.iter_mut().for_each(|partner| partner.connection.hide());
    }

    /// Forgets every open connection.
    pub fn disconnect(&mut self) {
        self.pools.clear();
        self.channel = None;
        self.links = [None, None];
        self.partners.clear();
    }

    /// The next ephemeral port; they come round after 16,384.
    pub fn port(&mut self) -> u16 {
        let port = FIRST_PORT + self.next_port;
        self.next_port = (self.next_port + 1) % (u16::MAX - FIRST_PORT + 1);
        port
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::estate::Estate;
    use crate::proto::dns::Sheet;
    use crate::synth::net::{Conditions, Frames};
    use crate::synth::stage::Props;
    use crate::synth::{Activity, Cast, Item, Stage, Truth};

    #[test]
    fn nothing_is_left_of_what_need_not_be_remembered() {
        let text = include_str!("../../tests/it/synth/small.toml");
        let cast = Cast::new(&Estate::parse(text, "small.toml").unwrap(), None, &[], 1).unwrap();
        let conditions = Conditions {
            mtu_bytes: 1_500,
            segment_bytes_max: None,
            loss: 0.0,
            reordering: 0.0,
            offload: false,
        };
        let passing = Activity::ALL.iter().filter(|activity| !activity.is_remembered());
        for &activity in passing {
            for client in 1..u32::try_from(cast.clients.len()).unwrap() {
                let mut memory = Memory::new(7);
                let before = format!("{:?}", Memory { next_port: 0, ..Memory::new(7) });
                let mut later = Vec::new();
                let props = Props {
                    out: &mut Frames::default(),
                    truth: &mut Truth::default(),
                    later: &mut later,
                    scratch: &mut Vec::new(),
                    sheet: &mut Sheet::default(),
                    memory: &mut memory,
                    start: 0,
                };
                let time = Timestamp::from_parts(1_768_204_800, 0);
                let variation = u64::from(client);
                let item = Item { time, client, activity, argument: 1, variation };
                let mut stage = Stage::new(&cast, &conditions, item, props);
                activity.render(&mut stage);
                stage.finish();
                memory.next_port = 0;
                assert_eq!(format!("{memory:?}"), before, "{}", activity.name());
                assert!(later.is_empty(), "{}", activity.name());
            }
        }
    }
}
