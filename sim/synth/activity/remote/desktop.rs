//! The beginning of a remote desktop session, \[MS-RDPBCGR\] section 1.3.1.1: negotiation, TLS,
//! network-level authentication, connection sequence, and the first picture.

use super::tls;
use crate::base::Timestamp;
use crate::proto::rdp::{CONFIRM, Connection, Negotiation, Packet, Protocols, REQUEST, Variable};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::{Close, Stage, Tcp, Words};

/// Port, \[MS-RDPBCGR\] section 2.1.
const PORT: u16 = 3389;
/// What the client of Windows offers: TLS, network-level authentication and its extension,
/// \[MS-RDPBCGR\] section 2.2.1.1.1.
const OFFERED: u32 = 0x0b;
/// What a server takes of it: network-level authentication.
const HYBRID: u32 = 2;
/// TLS alone.
pub const SSL: u32 = 1;
/// What Windows Server says that it can besides, section 2.2.1.2.1.
const SERVER_FLAGS: u8 = 0x1f;
/// The client cuts the user's name in its cookie here.
const COOKIE_CHARACTERS: usize = 9;
/// Share of attempts whose password is wrong. Assumed: twice that of logons, as people try
/// accounts that may not log on.
const REFUSED_SHARE: f64 = 0.04;
/// Records of the first picture, median, and deviation of the logarithm. Assumed.
const PICTURES_MEDIAN: f64 = 40.0;
/// See [`PICTURES_MEDIAN`].
const PICTURES_SIGMA: f64 = 0.6;
/// At most that many.
const PICTURES_MAX: u32 = 400;

/// Lengths of the sealed records of network-level authentication as a capture of Windows showed
/// them (rdp-to-ssl.pcap of Zeek's tests), section 5.4.5.2: NTLM's three tokens, key, password.
const AUTHENTICATION: [(Side, usize); 5] = [
    (Side::Client, 80),
    (Side::Server, 336),
    (Side::Client, 928),
    (Side::Server, 336),
    (Side::Client, 160),
];
/// And of the connection sequence behind it, section 1.3.1.1: connect initial and response,
/// domain, user, seven channels, client information, licence, capabilities, synchronization.
const CONNECTION: [(Side, usize); 30] = [
    (Side::Client, 464),
    (Side::Server, 144),
    (Side::Client, 48),
    (Side::Client, 32),
    (Side::Server, 32),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 48),
    (Side::Server, 48),
    (Side::Client, 432),
    (Side::Server, 64),
    (Side::Server, 464),
    (Side::Client, 560),
    (Side::Client, 64),
    (Side::Client, 64),
    (Side::Client, 64),
    (Side::Server, 64),
    (Side::Client, 96),
    (Side::Server, 64),
    (Side::Server, 64),
    (Side::Server, 64),
    (Side::Server, 80),
];

/// A request of a session, and its confirmation; when it was asked for.
pub fn negotiate(
    stage: &mut Stage<'_>,
    tcp: &mut Tcp,
    cookie: Option<&[u8]>,
    offered: u32,
    selected: u32,
) -> Timestamp {
    let message = |code, source, cookie, (kind, flags, value)| Packet::Connection {
        code,
        connection: Connection { destination: 0, source, class: 0 },
        variable: Variable {
            cookie,
            negotiation: Some(Negotiation { kind, flags, length: 8, value }),
            correlation: None,
            rest: &[],
        },
    };
    let asked = stage.say(tcp, Side::Client, |w| {
        message(REQUEST, 0, cookie, (1, 0, offered)).emit(w);
        Ok(())
    });
    stage.told(Id::Rdp, REQUEST.into(), false);
    stage.say(tcp, Side::Server, |w| {
        message(CONFIRM, 0x1234, None, (2, SERVER_FLAGS, selected)).emit(w);
        Ok(())
    });
    stage.told(Id::Rdp, CONFIRM.into(), true);
    asked
}

/// Somebody begins a session with the domain controller, or fails to.
pub fn attempt(stage: &mut Stage<'_>) {
    let user = stage.cast.user_name(stage.item.client);
    let user = user.get(..COOKIE_CHARACTERS).unwrap_or(&user).to_owned();
    let flow = stage.to_dc(PORT);
    let mut tcp = stage.connect(flow);
    let cookie = format!("Cookie: mstshash={user}");
    let asked = negotiate(stage, &mut tcp, Some(cookie.as_bytes()), OFFERED, HYBRID);
    stage.did(&flow, asked, Kind::RdpAttempt, Outcome::Success, || Words {
        principal: Some(user.clone()),
        target: None,
        detail: Some(Protocols(OFFERED).to_string()),
    });
    let server = stage.cast.dc_dns_name(stage.cast.dc);
    let seed = stage.cast.seed ^ u64::from(PORT);
    tls::hellos(stage, &mut tcp, &server, seed);
    tls::finish(stage, &mut tcp);
    let is_refused = stage.random.chance(REFUSED_SHARE);
    let steps = if is_refused { 3 } else { AUTHENTICATION.len() };
    for (side, length) in AUTHENTICATION.into_iter().take(steps) {
        tls::sealed(stage, &mut tcp, side, length + tls::SEALING);
    }
    if !is_refused {
        for (side, length) in CONNECTION {
            tls::sealed(stage, &mut tcp, side, length + tls::SEALING);
        }
        picture(stage, &mut tcp);
    }
    stage.close(tcp, if is_refused { Close::Client } else { Close::ClientReset });
}

/// The desktop is drawn; the client moves its mouse now and then.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded counts")]
fn picture(stage: &mut Stage<'_>, tcp: &mut Tcp) {
    let records = stage.random.lognormal(PICTURES_MEDIAN, PICTURES_SIGMA) as u32;
    for _ in 0..records.min(PICTURES_MAX) {
        let pause = stage.random.exponential(60.0);
        stage.wait_ms(pause);
        let bytes = stage.random.lognormal(700.0, 1.1).min(15_000.0) as usize;
        tls::sealed(stage, tcp, Side::Server, bytes + tls::SEALING);
        if stage.random.chance(0.3) {
            let moves = 1 + stage.random.below(4) as usize;
            tls::sealed(stage, tcp, Side::Client, 16 * moves + tls::SEALING);
        }
    }
}
