//! The sensor asks an address for its name: NetBIOS, NTLM over RPC and the certificate of TLS
//! over RDP at once, reverse DNS where none of them answers (learn.microsoft.com, "Network Name
//! Resolution in Microsoft Defender for Identity").

use super::super::smb::tokens::{self, Host};
use super::{desktop, tls};
use crate::base::Random;
use crate::proto::dcerpc::Service;
use crate::proto::dcerpc::pdu::{Address, Body, Fragment, Limits, OfferParts, Verdict, Verifier};
use crate::proto::dcerpc::syntax::{Syntax, auth_type, kind};
use crate::proto::dns::{Data, Entry, Message, NBSTAT, NameBuf, Question, types};
use crate::proto::nbns::{NetBiosName, NodeName, OPCODE_QUERY};
use crate::proto::rdp::Protocols;
use crate::proto::{Id, Kind, Outcome, Side, Transport};
use crate::synth::{Close, Knock, Peer, Stage, Words};

/// Ports of the methods, from the page above.
const NETBIOS: u16 = 137;
const RPC: u16 = 135;
const RDP: u16 = 3389;
const DNS: u16 = 53;
/// Class of the Internet, RFC 1035 section 3.2.4.
const IN: u16 = 1;
/// Flags: a node's own answer (RFC 1002 section 4.2.18); a query with recursion, its answers.
const NODE_STATUS: u16 = 0x8400;
const QUERY: u16 = 0x0100;
const ANSWER: u16 = 0x8580;
const NO_SUCH_NAME: u16 = ANSWER | 3;
/// Seconds that a registered name may be kept: Windows' default.
const TTL_SECONDS: u32 = 1_200;
/// Between the beginnings of two methods, in milliseconds. Assumed.
const BETWEEN_MS: f64 = 0.2;
/// Until a method is given up, in nanoseconds. Assumed; no publication found.
const PATIENCE_NS: i64 = 3_500_000_000;
/// Shares of addresses by how they answer, assumed: Windows' firewall drops what is not allowed,
/// RPC is allowed where computers are managed, NetBIOS where it is not switched off.
const SILENT_SHARE: f64 = 0.2;
/// Of the others, NetBIOS answers.
const NETBIOS_SHARE: f64 = 0.6;
/// RPC answers.
const RPC_SHARE: f64 = 0.7;
/// Remote desktop answers.
const RDP_SHARE: f64 = 0.35;
/// Of those of the others whose port is closed, the share that says so.
const REFUSED_SHARE: f64 = 0.5;
/// Names that reverse DNS knows.
const REVERSE_SHARE: f64 = 0.85;

/// How a host answers a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Open,
    Failing(Knock),
}

/// How a host answers; the same whenever it is asked.
struct Doors {
    netbios: bool,
    rpc: Door,
    rdp: Door,
    reverse: bool,
}

impl Doors {
    /// Those of this client; nobody answers at an address that is off.
    fn of(stage: &Stage<'_>) -> Self {
        let doors = Self::of_host(stage);
        if stage.item.argument == 0 {
            return doors;
        }
        let closed = Door::Failing(Knock::Dropped);
        Self { netbios: false, rpc: closed, rdp: closed, ..doors }
    }

    fn of_host(stage: &Stage<'_>) -> Self {
        let label = u64::from(stage.item.client) | 3 << 62;
        let mut random = Random::fork(stage.cast.seed, label);
        let is_silent = random.chance(SILENT_SHARE);
        let mut door = |share| {
            let (is_open, refuses) = (random.chance(share), random.chance(REFUSED_SHARE));
            match (is_silent, is_open) {
                (true, _) => Door::Failing(Knock::Dropped),
                (false, true) => Door::Open,
                (false, false) if refuses => Door::Failing(Knock::Refused),
                (false, false) => Door::Failing(Knock::Dropped),
            }
        };
        let (rpc, rdp) = (door(RPC_SHARE), door(RDP_SHARE));
        let netbios = door(NETBIOS_SHARE) == Door::Open;
        Self { netbios, rpc, rdp, reverse: random.chance(REVERSE_SHARE) }
    }
}

/// Who is asked.
struct Asked {
    peer: Peer,
    round_trip_ns: i64,
    host: String,
    dns_name: String,
}

/// Asks this client's address by all methods. Argument: 1 where the client is off.
pub fn probe(stage: &mut Stage<'_>) {
    let client = stage.item.client;
    if stage.cast.client(client).population.is_none() {
        return; // the domain controller knows its own name
    }
    let asked = Asked {
        peer: stage.client_peer(),
        round_trip_ns: stage.cast.round_trip_ns(client),
        host: stage.cast.host_name(client).to_uppercase(),
        dns_name: stage.cast.dns_name(client),
    };
    let doors = Doors::of(stage);
    let begin = stage.now();
    let mut end = begin.plus_nanos(PATIENCE_NS);
    let methods: [fn(&mut Stage<'_>, &Asked, &Doors); 3] = [netbios, rpc, remote_desktop];
    for (method, after_ms) in methods.into_iter().zip([0.0, BETWEEN_MS, 2.0 * BETWEEN_MS]) {
        // All are under way at once.
        stage.aside(after_ms, |stage| {
            method(stage, &asked, &doors);
            end = end.max(stage.now());
        });
    }
    let answers = doors.netbios || doors.rpc == Door::Open || doors.rdp == Door::Open;
    if !answers {
        #[expect(clippy::cast_precision_loss, reason = "seconds, in nanoseconds")]
        stage.wait_ms(end.since(begin) as f64 / 1e6);
        reverse(stage, &asked, &doors);
    }
}

/// The state of a node, RFC 1002 section 4.2.17.
fn netbios(stage: &mut Stage<'_>, asked: &Asked, doors: &Doors) {
    let Ok(wildcard) = NetBiosName::WILDCARD.encode("") else { return };
    let mut flow = stage.from_dc(asked.peer, NETBIOS, asked.round_trip_ns);
    let [a, b, ..] = stage.random.next_u64().to_le_bytes();
    let id = u16::from_le_bytes([a, b]);
    let question = Question { name: wildcard.name(), kind: NBSTAT, class: IN };
    let time = stage.datagram(&mut flow, Side::Client, |w| {
        let message = Message { id, questions: vec![question], ..Message::default() };
        message.emit(Transport::Udp, w)
    });
    let operation = u32::from(OPCODE_QUERY) << 16 | u32::from(NBSTAT);
    stage.told(Id::Nbns, operation, false);
    let mut outcome = Outcome::Unanswered;
    if doors.netbios {
        let names = node_names(stage, asked);
        let own_mac = stage.cast.client(stage.item.client).own_mac();
        let mut statistics = [0; 46];
        let [a, b, c, d, e, f, ..] = &mut statistics;
        for (to, from) in [a, b, c, d, e, f].into_iter().zip(own_mac) {
            *to = from;
        }
        stage.datagram(&mut flow, Side::Server, |w| {
            let data = Data::NodeStatus(&names, &statistics);
            let entry = Entry { name: wildcard.name(), class: IN, ttl_seconds: 0, data };
            let answers = vec![entry];
            Message { id, flags: NODE_STATUS, answers, ..Message::default() }
                .emit(Transport::Udp, w)
        });
        stage.told(Id::Nbns, operation, true);
        outcome = Outcome::Success;
    }
    stage.did(&flow, time, Kind::LocalNameQuery, outcome, || Words {
        principal: None,
        target: Some(NetBiosName::WILDCARD.to_string()),
        detail: Some("query NBSTAT".to_owned()),
    });
}

/// What a member of the domain calls itself: workstation, domain, server, elections.
fn node_names(stage: &Stage<'_>, asked: &Asked) -> Vec<[u8; 18]> {
    /// Active; a group's, RFC 1002 section 4.2.18.
    const UNIQUE: u16 = 0x0400;
    const GROUP: u16 = 0x8400;
    let domain = &stage.cast.forest.netbios_name;
    let names = [
        (&asked.host, 0x00, UNIQUE),
        (domain, 0x00, GROUP),
        (&asked.host, 0x20, UNIQUE),
        (domain, 0x1e, GROUP),
    ];
    let node = |(name, suffix, flags): (&String, u8, u16)| {
        NetBiosName::new(name, suffix).ok().map(|name| NodeName { name, flags }.emit())
    };
    names.into_iter().filter_map(node).collect()
}

/// A bind with the first token of NTLM, whose answer names the host, \[MS-RPCE\] section 3.3.1.5.2.
fn rpc(stage: &mut Stage<'_>, asked: &Asked, doors: &Doors) {
    let flow = stage.from_dc(asked.peer, RPC, asked.round_trip_ns);
    if let Door::Failing(how) = doors.rpc {
        return stage.knock(&flow, how);
    }
    let mut tcp = stage.connect(flow);
    let limits = Limits { transmit: 5_840, receive: 5_840, group: 0 };
    let offer = OfferParts {
        id: 0,
        interface: Syntax { uuid: Service::Epm.uuid(), version: 3, minor: 0 },
        transfers: vec![Syntax::NDR],
        reserved: 0,
    };
    let verifier = |token| Verifier {
        kind: auth_type::NTLM,
        level: 2, // connect, [MS-RPCE] section 2.2.1.1.8
        padding: &[],
        reserved: 0,
        context: 0,
        token,
    };
    let token = tokens::negotiate();
    stage.say(&mut tcp, Side::Client, |w| {
        let body = Body::Offers(kind::BIND, limits, vec![offer], ([0; 3], &[]));
        Fragment { verifier: Some(verifier(&token)), ..Fragment::new(1, body) }.emit(w);
        Ok(())
    });
    stage.told(Id::Dcerpc, kind::BIND.into(), false);
    stage.told(Id::Ntlmssp, 1, false);
    let host = Host { name: &asked.host, dns_name: &asked.dns_name };
    let token = tokens::challenge(stage.cast, host, stage.now(), &mut stage.random);
    let group = stage.random.below(u32::MAX);
    stage.say(&mut tcp, Side::Server, |w| {
        let verdict = Verdict { result: 0, reason: 0, transfer: Syntax::NDR };
        let limits = Limits { group, ..limits };
        let address = Address::new(b"135\0");
        let body = Body::Verdicts(kind::BIND_ACK, limits, address, vec![verdict], ([0; 3], &[]));
        Fragment { verifier: Some(verifier(&token)), ..Fragment::new(1, body) }.emit(w);
        Ok(())
    });
    stage.told(Id::Dcerpc, kind::BIND_ACK.into(), true);
    stage.told(Id::Ntlmssp, 2, true);
    stage.close(tcp, Close::ClientReset);
}

/// The certificate of a remote desktop server.
fn remote_desktop(stage: &mut Stage<'_>, asked: &Asked, doors: &Doors) {
    let flow = stage.from_dc(asked.peer, RDP, asked.round_trip_ns);
    if let Door::Failing(how) = doors.rdp {
        return stage.knock(&flow, how);
    }
    let mut tcp = stage.connect(flow);
    let time = desktop::negotiate(stage, &mut tcp, None, desktop::SSL, desktop::SSL);
    stage.did(&flow, time, Kind::RdpAttempt, Outcome::Success, || Words {
        detail: Some(Protocols(desktop::SSL).to_string()),
        ..Words::default()
    });
    let seed = stage.cast.seed ^ u64::from(stage.item.client);
    tls::hellos(stage, &mut tcp, &asked.dns_name, seed);
    stage.close(tcp, Close::ClientReset);
}

/// Reverse lookup at another domain controller: one asks itself without a packet.
fn reverse(stage: &mut Stage<'_>, asked: &Asked, doors: &Doors) {
    let controllers = stage.cast.estate.domain_controllers();
    let is_dns = |(at, _): &&(usize, Peer)| controllers.get(*at).is_some_and(|dc| dc.roles.dns);
    let Some((_, server)) = stage.cast.others.iter().find(is_dns).copied() else { return };
    let [a, b, c, d] = stage.cast.client(stage.item.client).v4.octets();
    let text = format!("{d}.{c}.{b}.{a}.in-addr.arpa");
    let (Ok(name), Ok(own)) = (NameBuf::from_text(&text), NameBuf::from_text(&asked.dns_name))
    else {
        return;
    };
    let mut flow = stage.from_dc(server, DNS, asked.round_trip_ns);
    let [a, b, ..] = stage.random.next_u64().to_le_bytes();
    let id = u16::from_le_bytes([a, b]);
    let question = || vec![Question { name: name.name(), kind: types::PTR, class: IN }];
    let time = stage.datagram(&mut flow, Side::Client, |w| {
        Message { id, flags: QUERY, questions: question(), ..Message::default() }
            .emit(Transport::Udp, w)
    });
    stage.told(Id::Dns, u32::from(types::PTR), false);
    stage.datagram(&mut flow, Side::Server, |w| {
        let data = Data::Ptr(own.name());
        let entry = Entry { name: name.name(), class: IN, ttl_seconds: TTL_SECONDS, data };
        let (flags, answers) = match doors.reverse {
            true => (ANSWER, vec![entry]),
            false => (NO_SUCH_NAME, Vec::new()),
        };
        Message { id, flags, questions: question(), answers, ..Message::default() }
            .emit(Transport::Udp, w)
    });
    stage.told(Id::Dns, u32::from(types::PTR), true);
    let outcome = match doors.reverse {
        true => Outcome::Success,
        false => Outcome::Failure { code: 3, name: "NXDOMAIN" },
    };
    stage.did(&flow, time, Kind::DnsLookup, outcome, || Words {
        principal: None,
        target: Some(text.clone()),
        detail: Some("PTR".to_owned()),
    });
}
