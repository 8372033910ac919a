//! NetBIOS names: asked for at the name server (WINS) or of everybody, registered and kept.
//! RFC 1002 section 4.2, \[MS-NBTE\].

use std::net::{IpAddr, Ipv4Addr};

use super::{is_near, to_dc_v4, to_everybody};
use crate::base::Timestamp;
use crate::estate::Knob;
use crate::proto::dns::{Data, Entry, NB, NB_ADDRESS, Question, Section, Sheet, types};
use crate::proto::nbns::{NetBiosName, OPCODE_QUERY, OPCODE_REFRESH, OPCODE_REGISTRATION};
use crate::proto::{Id, Kind, Outcome, Side, Transport};
use crate::synth::activity::dns::draw_id;
use crate::synth::{Flow, Stage, Words};

/// Port of the name service, RFC 1002 section 4.2.
const PORT: u16 = 137;
/// Class of the Internet.
const IN: u16 = 1;
/// Flags, RFC 1002 section 4.2.1.1: recursion desired; broadcast.
const RECURSION: u16 = 0x0100;
const BROADCAST: u16 = 0x0010;
/// Response, authority, recursion desired and available.
const ANSWER: u16 = 0x8580;
/// There is no such name, RFC 1002 section 4.2.14.
const NAME_ERROR: u16 = 3;
/// Flags of an address, RFC 1002 section 4.2.1.3: group, and Windows' hybrid node, which says
/// that it is a mixed one.
const GROUP: u16 = 0x8000;
const HYBRID: u16 = 0x6000;
/// Seconds for which a name is asked to be kept, and for which WINS keeps it: six days, its
/// renewal interval.
const WANTED_SECONDS: u32 = 300_000;
const KEPT_SECONDS: u32 = 518_400;
/// Tries and milliseconds between them, of a name server and of everybody: Windows'
/// `NameSrvQueryCount`, `NameSrvQueryTimeout`, `BcastNameQueryCount`, `BcastQueryTimeout`.
const TRIES: u32 = 3;
const SERVER_TIMEOUT_MS: f64 = 1_500.0;
const BROADCAST_TIMEOUT_MS: f64 = 750.0;
/// Share of answers that say that there is no such name. Assumed.
const MISSING_SHARE: f64 = 0.2;
/// Share of registrations that only keep a name: a refresh at half of the time that it is kept.
/// Assumed.
const REFRESH_SHARE: f64 = 0.35;
/// Domain controllers that a name of a domain has at most, \[MS-NBTE\] and WINS: 25.
const CONTROLLERS_MAX: usize = 25;
/// What a name means, \[MS-NBTE\] section 2.2.3: the workstation, the messenger, the file server,
/// the domain's controllers.
const WORKSTATION: u8 = 0x00;
const MESSENGER: u8 = 0x03;
const SERVER: u8 = 0x20;
const CONTROLLERS: u8 = 0x1c;

/// A name with what the name server knows of it.
struct Known {
    name: NetBiosName,
    /// Flags and addresses; none of a name that does not exist.
    addresses: Vec<[u8; NB_ADDRESS]>,
}

/// A client asks its NetBIOS name server for a name.
pub fn nbns_query(stage: &mut Stage<'_>) {
    let Some(known) = wanted(stage) else { return };
    let mut flow = to_dc_v4(stage, PORT, PORT);
    let id = draw_id(stage);
    let is_silent = stage.random.chance(stage.knob(Knob::NbnsUnansweredShare));
    let sheet = &mut Sheet::default();
    let mut first = None;
    for again in 0..if is_silent { TRIES } else { 1 } {
        if again > 0 {
            stage.wait_ms(SERVER_TIMEOUT_MS);
        }
        let time = ask(stage, sheet, &mut flow, (id, RECURSION), &known.name);
        first.get_or_insert(time);
    }
    let first = first.unwrap_or(stage.now());
    if is_silent {
        return did(stage, &flow, (first, "query NB"), &known.name, Outcome::Unanswered);
    }
    let is_missing = known.addresses.is_empty();
    let flags = ANSWER | if is_missing { NAME_ERROR } else { 0 };
    let Ok(owner) = known.name.encode("") else { return };
    sheet.begin(id, flags);
    let data = match is_missing {
        true => Data::Other(types::NULL, b""),
        false => Data::Nb(&known.addresses),
    };
    let entry = Entry { name: owner.name(), class: IN, ttl_seconds: 0, data };
    sheet.record(Section::Answer, &entry);
    stage.datagram(&mut flow, Side::Server, |w| sheet.emit(Transport::Udp, w));
    stage.told(Id::Nbns, types::operation(OPCODE_QUERY, NB), true);
    let outcome = match is_missing {
        true => Outcome::Failure { code: u32::from(NAME_ERROR), name: "NAM_ERR" },
        false => Outcome::Success,
    };
    did(stage, &flow, (first, "query NB"), &known.name, outcome);
}

/// A client asks everybody for a NetBIOS name, three times.
pub fn nbns_broadcast(stage: &mut Stage<'_>) {
    if !is_near(stage) {
        return;
    }
    let Some(known) = wanted(stage) else { return };
    let mut flow = to_everybody(stage, PORT);
    let id = draw_id(stage);
    let sheet = &mut Sheet::default();
    let mut first = None;
    for again in 0..TRIES {
        if again > 0 {
            stage.wait_ms(BROADCAST_TIMEOUT_MS);
        }
        let time = ask(stage, sheet, &mut flow, (id, RECURSION | BROADCAST), &known.name);
        first.get_or_insert(time);
    }
    let first = first.unwrap_or(stage.now());
    // Who has the name answers in a flow of its own, which switches do not send here.
    did(stage, &flow, (first, "query NB"), &known.name, Outcome::Unknown);
}

/// A client registers one of its NetBIOS names with its name server, or keeps it.
pub fn nbns_register(stage: &mut Stage<'_>) {
    let host = stage.cast.host_name(stage.item.client).to_uppercase();
    let domain = &stage.cast.forest.netbios_name;
    let (text, suffix, group) = match stage.random.below(8) {
        0..3 => (host.as_str(), WORKSTATION, 0),
        3..5 => (host.as_str(), SERVER, 0),
        5 => (host.as_str(), MESSENGER, 0),
        _ => (domain.as_str(), WORKSTATION, GROUP),
    };
    let Ok(name) = NetBiosName::new(text, suffix) else { return };
    let Ok(owner) = name.encode("") else { return };
    let is_refresh = stage.random.chance(REFRESH_SHARE);
    let (opcode, flags, detail) = match is_refresh {
        true => (OPCODE_REFRESH, 0, "refresh"),
        false => (OPCODE_REGISTRATION, RECURSION, "registration"),
    };
    let opcode_bits = u16::from(opcode) << 11;
    let addresses = [address(HYBRID | group, stage.cast.client(stage.item.client).v4)];
    let mut flow = to_dc_v4(stage, PORT, PORT);
    let id = draw_id(stage);
    let sheet = &mut Sheet::default();
    let entry = |ttl_seconds| Entry {
        name: owner.name(),
        class: IN,
        ttl_seconds,
        data: Data::Nb(&addresses),
    };
    sheet.begin(id, opcode_bits | flags);
    sheet.question(&Question { name: owner.name(), kind: NB, class: IN });
    sheet.record(Section::Additional, &entry(WANTED_SECONDS));
    let first = stage.datagram(&mut flow, Side::Client, |w| sheet.emit(Transport::Udp, w));
    stage.told(Id::Nbns, types::operation(opcode, 0), false);
    sheet.begin(id, ANSWER | opcode_bits);
    sheet.record(Section::Answer, &entry(KEPT_SECONDS));
    stage.datagram(&mut flow, Side::Server, |w| sheet.emit(Transport::Udp, w));
    stage.told(Id::Nbns, types::operation(opcode, 0), true);
    did(stage, &flow, (first, detail), &name, Outcome::Success);
}

/// A name that is asked for: a server's, the domain's, or one that is gone.
fn wanted(stage: &mut Stage<'_>) -> Option<Known> {
    let cast = stage.cast;
    if stage.random.chance(MISSING_SHARE) {
        let gone = format!("OLD-SRV{:02}", stage.random.below(60));
        return Some(Known { name: NetBiosName::new(&gone, SERVER).ok()?, addresses: Vec::new() });
    }
    if stage.random.chance(0.2) {
        let name = NetBiosName::new(&cast.forest.netbios_name, CONTROLLERS).ok()?;
        let controllers = cast.estate.domain_controllers().iter().flat_map(|dc| &dc.addresses);
        let of_ours = controllers.filter_map(|of| match of {
            IpAddr::V4(v4) => Some(address(GROUP | HYBRID, *v4)),
            IpAddr::V6(_) => None,
        });
        return Some(Known { name, addresses: of_ours.take(CONTROLLERS_MAX).collect() });
    }
    let server = stage.some_server();
    let text = cast.host_name(server).to_uppercase();
    let suffix = if stage.random.chance(0.7) { SERVER } else { WORKSTATION };
    let name = NetBiosName::new(&text, suffix).ok()?;
    Some(Known { name, addresses: vec![address(HYBRID, cast.client(server).v4)] })
}

fn address(flags: u16, v4: Ipv4Addr) -> [u8; NB_ADDRESS] {
    let ([high, low], [a, b, c, d]) = (flags.to_be_bytes(), v4.octets());
    [high, low, a, b, c, d]
}

fn ask(
    stage: &mut Stage<'_>,
    sheet: &mut Sheet,
    flow: &mut Flow,
    (id, flags): (u16, u16),
    name: &NetBiosName,
) -> Timestamp {
    sheet.begin(id, flags);
    if let Ok(owner) = name.encode("") {
        sheet.question(&Question { name: owner.name(), kind: NB, class: IN });
    }
    let time = stage.datagram(flow, Side::Client, |w| sheet.emit(Transport::Udp, w));
    stage.told(Id::Nbns, types::operation(OPCODE_QUERY, NB), false);
    time
}

fn did(
    stage: &mut Stage<'_>,
    flow: &Flow,
    (time, detail): (Timestamp, &str),
    name: &NetBiosName,
    outcome: Outcome,
) {
    stage.did(flow, time, Kind::LocalNameQuery, outcome, || Words {
        target: Some(name.to_string()),
        detail: Some(detail.to_owned()),
        ..Words::default()
    });
}
