//! RADIUS accounting of VPN sessions, RFC 2866, as the routing and remote access service of
//! Windows sends it (\[MS-RNAP\] section 2.2.1 for its own attributes).

use std::net::Ipv4Addr;

use crate::base::Random;
use crate::proto::radius::{
    ACCOUNTING_REQUEST, ACCOUNTING_RESPONSE, Packet, Value, Vendor, status_type,
};
use crate::proto::{Id, Kind, Outcome, Side, Utf8};
use crate::synth::cast::Way;
use crate::synth::{Flow, Peer, Stage, Words};
use crate::wire::Writer;

/// Port of RADIUS accounting, RFC 2866 section 3.
const PORT: u16 = 1813;
/// Private enterprise number of Microsoft, IANA.
const MICROSOFT: u32 = 311;
/// Share of requests whose answer does not come in time. Assumed: networks lose fewer, a sensor
/// that starts or is overloaded more.
const SLOW_SHARE: f64 = 0.01;
/// Of these, share that is never answered. Assumed.
const SILENT_SHARE: f64 = 0.5;
/// Until a request is sent again, in milliseconds: the default of Windows' remote access service.
const AGAIN_MS: f64 = 5_000.0;
/// Bytes a second that a session sends, median, and deviation of the logarithm. Assumed: office
/// work with the web outside the tunnel.
const SENT_MEDIAN: f64 = 4_000.0;
/// See [`SENT_MEDIAN`].
const SENT_SIGMA: f64 = 1.0;
/// Bytes received for each one sent. Assumed.
const RECEIVED_PER_SENT: f64 = 5.0;
/// Bytes of a packet inside the tunnel, mean. Assumed.
const PACKET_BYTES: u64 = 600;
/// Ports of the gateway. Default of Windows Server for IKEv2.
const PORTS: u32 = 128;
/// Bytes of a class that a Windows policy server gives, which the gateway repeats.
const CLASS: usize = 46;

/// The gateway as the Internet sees it: an address for documentation, RFC 5737.
const GATEWAY_OUTSIDE: &str = "192.0.2.10";

/// What of a session is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It begins.
    Start,
    /// It goes on.
    Interim,
    /// It ends.
    Stop,
}

impl Status {
    /// Value of Acct-Status-Type, RFC 2866 section 5.1.
    const fn code(self) -> u32 {
        match self {
            Self::Start => 1,
            Self::Stop => 2,
            Self::Interim => 3,
        }
    }
}

/// What stays the same through a session: drawn from who began it when.
struct Session {
    seconds: u32,
    user: String,
    number: u32,
    port: u32,
    /// Where the tunnel comes from: an address for documentation, RFC 5737.
    outside: Ipv4Addr,
    sent: u64,
    received: u64,
    class: [u8; CLASS],
    correlation: [u8; 16],
}

impl Session {
    /// The session of the stage's client that began `argument` seconds ago.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of bytes and seconds, positive and saturating"
    )]
    fn of(stage: &mut Stage<'_>, status: Status) -> Self {
        let seconds = if status == Status::Start { 0 } else { stage.item.argument };
        let now = stage.item.time.nanos() / 1_000_000_000;
        let begun = begun(stage.memory.vpn_begun_seconds, now, seconds);
        stage.memory.vpn_begun_seconds = begun;
        let label = u64::from(stage.item.client) << 32 | begun as u64 & 0xffff_ffff;
        let mut random = Random::fork(stage.cast.seed, label);
        let drawn = random.next_u64();
        let [low, high, ..] = drawn.to_le_bytes();
        let outside = match high & 1 {
            0 => Ipv4Addr::new(203, 0, 113, low),
            _ => Ipv4Addr::new(198, 51, 100, low),
        };
        let rate = random.lognormal(SENT_MEDIAN, SENT_SIGMA);
        let sent = rate * f64::from(seconds);
        let (mut class, mut correlation) = ([0; CLASS], [0; 16]);
        random.fill(&mut class);
        random.fill(&mut correlation);
        let forest = &stage.cast.forest;
        Self {
            seconds,
            user: format!("{}\\{}", forest.netbios_name, stage.cast.user_name(stage.item.client)),
            number: (drawn >> 32) as u32 % 100_000,
            port: random.below(PORTS),
            outside,
            sent: sent as u64,
            received: (sent * RECEIVED_PER_SENT) as u64,
            class,
            correlation,
        }
    }
}

/// When a session began, in seconds since 1970, as it has lasted for `seconds`: as was `kept`, if
/// that only differs because parts of seconds are cut off.
fn begun(kept: i64, now: i64, seconds: u32) -> i64 {
    let begun = now - i64::from(seconds);
    if kept.abs_diff(begun) <= 1 { kept } else { begun }
}

/// Tells the sensor of a session.
pub fn account(stage: &mut Stage<'_>, status: Status) {
    let client = stage.item.client;
    let Some(gateway) = stage.cast.vpn_gateway(client) else { return };
    let session = Session::of(stage, status);
    let drawn = stage.random.next_u64();
    let [identifier, low, high, ..] = drawn.to_le_bytes();
    let Way { round_trip_ns, vlan, hops } = stage.cast.way(client);
    let mut flow = Flow {
        client: gateway,
        server: stage.cast.dc_v4,
        client_port: 49_152 + (u16::from_le_bytes([low, high]) >> 2),
        server_port: PORT,
        vlan,
        here: Side::Server,
        round_trip_ns,
        hops,
    };
    let mut request = Vec::with_capacity(400);
    emit_request(stage, status, &session, &gateway, identifier, &mut Writer::new(&mut request));
    let is_slow = stage.random.chance(SLOW_SHARE);
    let is_silent = is_slow && stage.random.chance(SILENT_SHARE);
    let tries = 1 + u8::from(is_slow) + u8::from(is_silent);
    let mut asked = stage.now();
    for attempt in 0..tries {
        if attempt > 0 {
            stage.wait_ms(AGAIN_MS);
        }
        let time = stage.datagram(&mut flow, Side::Client, |w| {
            w.bytes(&request);
            Ok(())
        });
        stage.told(Id::Radius, ACCOUNTING_REQUEST.into(), false);
        if attempt == 0 {
            asked = time;
        }
    }
    let outcome = if is_silent {
        Outcome::Unanswered
    } else {
        answer(stage, &mut flow, identifier);
        Outcome::Success
    };
    stage.did(&flow, asked, Kind::VpnSession, outcome, || {
        let status_name = status_type(status.code()).unwrap_or_default();
        let detail = match status {
            Status::Start => status_name.to_owned(),
            _ => format!("{status_name} {} s", session.seconds),
        };
        Words {
            principal: Some(session.user.clone()),
            target: Some(stage.cast.client(client).v4.to_string()),
            detail: Some(detail),
        }
    });
}

/// The sensor's answer.
fn answer(stage: &mut Stage<'_>, flow: &mut Flow, identifier: u8) {
    let mut authenticator = [0; 16];
    stage.random.fill(&mut authenticator);
    stage.datagram(flow, Side::Server, |w| {
        let attributes = Vec::new();
        Packet { code: ACCOUNTING_RESPONSE, identifier, authenticator, attributes }.emit(w);
        Ok(())
    });
    stage.told(Id::Radius, ACCOUNTING_RESPONSE.into(), true);
}

fn emit_request(
    stage: &mut Stage<'_>,
    status: Status,
    session: &Session,
    gateway: &Peer,
    identifier: u8,
    w: &mut Writer<'_>,
) {
    let mut authenticator = [0; 16];
    stage.random.fill(&mut authenticator);
    let client = stage.cast.client(stage.item.client);
    let outside = session.outside.to_string();
    let number = session.number.to_string();
    let name = format!("vpn{:02}", client.site);
    let now = stage.item.time.nanos() / 1_000_000_000;
    let text = |text: &'static str| Value::Text(Utf8(text.as_bytes()));
    let number_of = |value: u32| Value::Integer(value, None);
    let mut attributes = vec![
        (40, number_of(status.code())),
        (44, Value::Text(Utf8(number.as_bytes()))),
        (1, Value::Text(Utf8(session.user.as_bytes()))),
        (50, Value::Text(Utf8(number.as_bytes()))),
        (51, number_of(1)),
        (55, Value::Time(u32::try_from(now).unwrap_or(u32::MAX))),
        (45, number_of(1)), // authenticated by RADIUS
        (8, Value::Address(client.v4)),
        (6, number_of(2)), // framed
        (7, number_of(1)), // PPP
    ];
    if let std::net::IpAddr::V4(v4) = gateway.address {
        attributes.push((4, Value::Address(v4)));
    }
    let host = format!("MSRAS-0-{}", stage.cast.host_name(stage.item.client).to_uppercase());
    let microsoft = microsoft(session, &host);
    attributes.extend([
        (32, Value::Text(Utf8(name.as_bytes()))),
        (5, number_of(session.port)),
        (61, number_of(5)),               // virtual
        (64, Value::TaggedInteger(0, 9)), // ESP in tunnel mode, RFC 2868 section 3.1
        (65, Value::TaggedInteger(0, 1)), // IPv4
        (66, Value::TaggedText(0, Utf8(outside.as_bytes()))),
        (31, Value::Text(Utf8(outside.as_bytes()))),
        (30, text(GATEWAY_OUTSIDE)),
        (25, Value::Octets(&session.class)),
    ]);
    attributes.extend(microsoft.iter().map(|data| (26, vendor(data))));
    if status != Status::Start {
        attributes.extend(consumed(session).map(|(kind, value)| (kind, number_of(value))));
    }
    if status == Status::Stop {
        attributes.push((49, number_of(1))); // asked for by the user
    }
    Packet { code: ACCOUNTING_REQUEST, identifier, authenticator, attributes }.emit(w);
}

fn vendor(data: &[u8]) -> Value<'_> {
    Value::Vendor(Vendor { id: MICROSOFT, data })
}

/// Microsoft's own attributes, \[MS-RNAP\] section 2.2.1 and RFC 2548 section 2: vendor of the
/// gateway, its version, kind of server, name of the client, correlation of its logs.
fn microsoft(session: &Session, host: &str) -> [Vec<u8>; 5] {
    let attribute = |kind: u8, value: &[u8]| {
        let length = u8::try_from(value.len() + 2).unwrap_or(u8::MAX);
        [&[kind, length], value].concat()
    };
    [
        attribute(9, &MICROSOFT.to_be_bytes()),
        attribute(18, b"MSRASV5.20"),
        attribute(47, &2u32.to_be_bytes()), // remote access
        attribute(34, host.as_bytes()),
        attribute(56, &session.correlation),
    ]
}

/// What went through the tunnel until now, RFC 2866 sections 5.3 to 5.9 and RFC 2869 section 5.1.
fn consumed(session: &Session) -> impl Iterator<Item = (u8, u32)> {
    let Session { seconds, sent, received, .. } = *session;
    #[expect(clippy::cast_possible_truncation, reason = "the rest is in the gigawords")]
    let low = |value: u64| value as u32;
    // Input is what the gateway gets.
    let counts = [
        (46, seconds),
        (42, low(sent)),
        (43, low(received)),
        (47, low(sent / PACKET_BYTES)),
        (48, low(received / PACKET_BYTES)),
        (52, low(sent >> 32)),
        (53, low(received >> 32)),
    ];
    // Gigawords are sent where there are any.
    let is_told = |(kind, value): &(u8, u32)| *kind < 52 || *value > 0;
    counts.into_iter().filter(is_told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_the_same_whatever_part_of_a_second_it_began_in() {
        // It begins at 100.7 s and is told of at 700.9 s, when it has lasted 600.2 s; another
        // begins at 900 s.
        assert_eq!(begun(0, 100, 0), 100);
        assert_eq!(begun(100, 701, 600), 100);
        assert_eq!(begun(100, 700, 600), 100);
        assert_eq!(begun(100, 900, 0), 900);
    }
}
