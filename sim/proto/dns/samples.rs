//! One message of each kind, made from the specifications with names of our own: the first few
//! byte by byte, the others by the emitter, which a test holds against those.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::types;
use super::{
    Data, DnskeyHead, Entry, Message, NameBuf, Question, SoaTimes, SrvHead, TKEY_MODE_GSS, Tkey,
    TkeyHead, Tsig, TsigHead, TsigTail,
};
use crate::proto::{Sample, Transport};
use crate::wire::Writer;

/// Class of the Internet, RFC 1035 section 3.2.4.
const IN: u16 = 1;
/// All classes: in an update a whole set of records is deleted, RFC 2136 section 2.5.2.
const ANY_CLASS: u16 = 255;
/// Flags of a query that wants recursion.
const QUERY: u16 = 0x0100;
/// Flags of an answer with authority.
const ANSWER: u16 = 0x8580;
const UPDATE: u16 = 0x2800;
const HOST: Ipv4Addr = Ipv4Addr::new(10, 20, 30, 40);
const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, 0x10);

/// All of them.
pub fn all() -> Vec<Sample> {
    let mut samples = by_hand();
    let names = Names::new();
    samples.extend(names.lookups());
    samples.extend(names.transfers());
    samples.extend(names.secured());
    samples
}

/// Query for the SRV records that locate a domain controller; its answer, the name compressed,
/// with an address; a dynamic update that adds one record; the query in a stream.
pub fn by_hand() -> Vec<Sample> {
    let mut query = b"\x1b\x2c\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    let question = b"\x05_ldap\x04_tcp\x02dc\x06_msdcs\x05heron\x07example\x00\x00\x21\x00\x01";
    query.extend(question);
    let mut response = b"\x1b\x2c\x85\x80\x00\x01\x00\x01\x00\x00\x00\x01".to_vec();
    response.extend(question);
    response.extend(b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x02\x58\x00\x0c");
    response.extend(b"\x00\x01\x00\x64\x01\x85\x03dc1\xc0\x21");
    response.extend(b"\xc0\x46\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x0a\x14\x1e\x28");
    let mut update = b"\x77\x01\x28\x00\x00\x01\x00\x00\x00\x01\x00\x00".to_vec();
    update.extend(b"\x05heron\x07example\x00\x00\x06\x00\x01");
    update.extend(b"\x04ws07\xc0\x0c\x00\x01\x00\x01\x00\x00\x04\xb0\x00\x04\x0a\x14\x1e\x63");
    let stream = [&b"\x00\x34"[..], &query].concat();
    vec![Sample::udp(query), Sample::udp(response), Sample::udp(update), Sample::tcp(stream)]
}

struct Names {
    zone: NameBuf,
    host: NameBuf,
    alias: NameBuf,
    mailbox: NameBuf,
    algorithm: NameBuf,
    key: NameBuf,
}

impl Names {
    fn new() -> Self {
        let name = |text| NameBuf::from_text(text).expect("short labels");
        Self {
            zone: name("heron.example"),
            host: name("dc1.heron.example"),
            alias: name("files.heron.example"),
            mailbox: name("hostmaster.heron.example"),
            algorithm: name("gss-tsig"),
            key: name("1148-ms-7.17-35b2.8f0a"),
        }
    }

    fn soa(&self) -> Data<'_> {
        let times = SoaTimes {
            serial: 4711,
            refresh_seconds: 900,
            retry_seconds: 600,
            expire_seconds: 86_400,
            minimum_seconds: 3_600,
        };
        Data::Soa(self.host.name(), self.mailbox.name(), times)
    }

    /// A query and its answer for each type that is read, and one for a name that is missing.
    fn lookups(&self) -> Vec<Sample> {
        let (zone, host) = (self.zone.name(), self.host.name());
        let srv = SrvHead { priority: 1, weight: 100, port: 88 };
        let key = DnskeyHead { flags: 257, protocol: 3, algorithm: 13 };
        let answers = [
            Data::A(HOST),
            Data::Aaaa(HOST6),
            Data::Ns(host),
            self.soa(),
            Data::Mx(10, host),
            Data::Txt(b"\x05hello\x05world"),
            Data::Srv(srv, host),
            Data::Dnskey(key, b"\x51\x52\x53\x54"),
            Data::Other(types::HINFO, b"\x03PDP\x04UNIX"),
        ];
        let mut samples = Vec::new();
        for (id, data) in (0x0101..).zip(answers) {
            let answer = Entry { name: zone, class: IN, ttl_seconds: 3_600, data };
            let questions = vec![Question { name: zone, kind: data.kind(), class: IN }];
            let query = Message { id, flags: QUERY, questions, ..Message::default() };
            let (answers, additionals) = (vec![answer], vec![opt(0)]);
            let response = Message { flags: ANSWER, answers, additionals, ..query.clone() };
            samples.extend([udp(&query), udp(&response)]);
        }
        samples.extend(self.detours());
        samples
    }

    /// An alias followed, a name for an address, a name that is missing, a code that takes more
    /// than four bits.
    fn detours(&self) -> [Sample; 4] {
        let alias = self.alias.name();
        let entry = |name, data| Entry { name, class: IN, ttl_seconds: 600, data };
        let response = |kind, name, answers| Message {
            id: 0x2a01,
            flags: ANSWER,
            questions: vec![Question { name, kind, class: IN }],
            answers,
            ..Message::default()
        };
        let answers = vec![
            entry(alias, Data::Cname(self.host.name())),
            entry(self.host.name(), Data::A(HOST)),
        ];
        let followed = udp(&response(types::A, alias, answers));
        let reverse = NameBuf::reverse(IpAddr::V6(HOST6));
        let answers = vec![entry(reverse.name(), Data::Ptr(self.host.name()))];
        let named = udp(&response(types::PTR, reverse.name(), answers));
        let mut missing = response(types::ANY, alias, Vec::new());
        missing.flags |= 3; // NXDOMAIN
        missing.authorities.push(entry(self.zone.name(), self.soa()));
        let mut refused = response(types::A, alias, Vec::new());
        refused.additionals.push(opt(1)); // BADVERS
        [followed, named, udp(&missing), udp(&refused)]
    }

    /// A zone transfer with its query, and an incremental one.
    fn transfers(&self) -> [Sample; 3] {
        let zone = self.zone.name();
        let entry = |name, data| Entry { name, class: IN, ttl_seconds: 600, data };
        let whole = Message {
            id: 0x3b01,
            questions: vec![Question { name: zone, kind: types::AXFR, class: IN }],
            ..Message::default()
        };
        let answers = vec![
            entry(zone, self.soa()),
            entry(self.host.name(), Data::A(HOST)),
            entry(zone, self.soa()),
        ];
        let answer = Message { flags: ANSWER, answers, ..whole.clone() };
        let changes = Message {
            id: 0x3b02,
            questions: vec![Question { name: zone, kind: types::IXFR, class: IN }],
            authorities: vec![entry(zone, self.soa())],
            ..Message::default()
        };
        [tcp(&whole), tcp(&answer), tcp(&changes)]
    }

    /// A key exchanged and an update signed with it, RFC 3645; its answer.
    fn secured(&self) -> [Sample; 4] {
        let (algorithm, key) = (self.algorithm.name(), self.key.name());
        let head = TkeyHead {
            inception_seconds: 1_700_000_000,
            expiration_seconds: 1_700_086_400,
            mode: TKEY_MODE_GSS,
            error: 0,
        };
        let tkey = |token| Data::Tkey(Tkey { algorithm, head, key: token, other: b"" });
        let entry = |data| Entry { name: key, class: ANY_CLASS, ttl_seconds: 0, data };
        let query = Message {
            id: 0x4c01,
            questions: vec![Question { name: key, kind: types::TKEY, class: IN }],
            // A token of SPNEGO with nothing in it but its object identifier.
            additionals: vec![entry(tkey(b"\x60\x08\x06\x06\x2b\x06\x01\x05\x05\x02"))],
            ..Message::default()
        };
        let answers = vec![entry(tkey(b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x00"))];
        let response = Message { flags: 0x8000, answers, additionals: Vec::new(), ..query.clone() };
        let signature = entry(Data::Tsig(Tsig {
            algorithm,
            head: TsigHead { signed_seconds: [0, 0, 0x65, 0x53, 0xf1, 0x07], fudge_seconds: 300 },
            mac: &[0x5a; 28],
            tail: TsigTail { original_id: 0x4c02, error: 0 },
            other: b"",
        }));
        let host = self.host.name();
        let delete = Data::Other(types::A, b"");
        let update = Message {
            id: 0x4c02,
            flags: UPDATE,
            questions: vec![Question { name: self.zone.name(), kind: types::SOA, class: IN }],
            answers: Vec::new(),
            authorities: vec![
                Entry { name: host, class: ANY_CLASS, ttl_seconds: 0, data: delete },
                Entry { name: host, class: IN, ttl_seconds: 1_200, data: Data::A(HOST) },
            ],
            additionals: vec![signature],
        };
        let done = Message { flags: UPDATE | 0x8000, authorities: Vec::new(), ..update.clone() };
        [tcp(&query), tcp(&response), udp(&update), udp(&done)]
    }
}

/// Datagrams of up to 4,000 bytes taken; `high` above the four bits of the response code.
fn opt(high: u8) -> Entry<'static> {
    const ROOT: &[u8] = b"\x00";
    let name = super::Name::parse(&mut crate::wire::Reader::new("root", ROOT), ROOT);
    let ttl_seconds = u32::from_be_bytes([high, 0, 0x80, 0]);
    Entry { name: name.expect("the root"), class: 4_000, ttl_seconds, data: Data::Opt(b"") }
}

fn emitted(message: &Message<'_>, transport: Transport) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.emit(transport, &mut Writer::new(&mut bytes)).expect("shorter than 64 KiB");
    bytes
}

fn udp(message: &Message<'_>) -> Sample {
    Sample::udp(emitted(message, Transport::Udp))
}

fn tcp(message: &Message<'_>) -> Sample {
    Sample::tcp(emitted(message, Transport::Tcp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emitter_writes_what_was_written_by_hand() {
        let name = |text| NameBuf::from_text(text).unwrap();
        let service = name("_ldap._tcp.dc._msdcs.heron.example");
        let (zone, host) = (name("heron.example"), name("ws07.heron.example"));
        let questions = vec![Question { name: service.name(), kind: types::SRV, class: IN }];
        let query = Message { id: 0x1b2c, flags: QUERY, questions, ..Message::default() };
        let update = Message {
            id: 0x7701,
            flags: UPDATE,
            questions: vec![Question { name: zone.name(), kind: types::SOA, class: IN }],
            authorities: vec![Entry {
                name: host.name(),
                class: IN,
                ttl_seconds: 1_200,
                data: Data::A(Ipv4Addr::new(10, 20, 30, 99)),
            }],
            ..Message::default()
        };
        let by_hand = by_hand();
        assert_eq!(by_hand[0], udp(&query));
        assert_eq!(by_hand[2], udp(&update));
        assert_eq!(by_hand[3], tcp(&query));
    }

    #[test]
    fn every_watched_type_has_an_answer_of_its_own() {
        let kinds: Vec<u16> = all()
            .iter()
            .filter_map(|s| super::super::View::over(&s.bytes, s.transport).ok())
            .filter(super::super::View::is_response)
            .filter_map(|view| Some(view.questions().next()?.ok()?.kind))
            .collect();
        assert!(types::WATCHED.iter().all(|kind| kinds.contains(kind)), "{kinds:?}");
    }
}
