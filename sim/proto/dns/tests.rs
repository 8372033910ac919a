use super::*;
use crate::base::Timestamp;
use crate::proto::{Activity, Quality, Side};

/// What an observer was told, in words.
#[derive(Default)]
pub struct Told(pub Vec<String>);

impl Observer for Told {
    fn message(&mut self, _: &Context, _: &super::super::Message<'_>, tally: Tally) {
        let name = |id: Id| id.operation(tally.operation);
        let operation = name(Id::Dns).unwrap_or("?");
        let answer = if tally.is_answer { "answer to " } else { "" };
        let quality = match tally.quality {
            Quality::Parsed => "",
            Quality::Opaque => ", opaque",
            Quality::Cut => ", cut",
        };
        self.0.push(format!("{answer}{operation}{quality}"));
    }

    fn activity(&mut self, activity: &Activity<'_>) {
        let Activity { kind, time, asked_by, target, detail, outcome, .. } = activity;
        let shown = |name: &Option<&dyn std::fmt::Display>| {
            name.map(|name| name.to_string()).unwrap_or_default()
        };
        let outcome = match outcome {
            Outcome::Failure { code, name } => format!("{code} {name}"),
            outcome => format!("{outcome:?}"),
        };
        let seconds = time.nanos() / 1_000_000_000;
        let (target, detail) = (shown(target), shown(detail));
        self.0.push(format!("{seconds} {asked_by:?} {kind:?} {target} {detail}: {outcome}"));
    }

    fn hint(&mut self, _: &Context, hint: Hint<'_>) {
        self.0.push(match hint {
            Hint::NtlmHost(name) => format!("host {name}"),
            Hint::DnsAddress(name, address) => format!("{name} is {address}"),
            Hint::Resolution(method, address, is_answered) => {
                format!("{method:?} {address:?} {is_answered}")
            }
        });
    }

    fn malformed(&mut self, protocol: Id, error: WireError) {
        self.0.push(format!("{protocol:?}: {error}"));
    }
}

/// A conversation: who speaks, after how many seconds, what.
pub fn told<P: Protocol>(transport: Transport, messages: &[(Side, i64, &[u8])]) -> Vec<String> {
    let (mut dialogue, mut told) = (P::Dialogue::default(), Told::default());
    for &(side, seconds, bytes) in messages {
        let time = Timestamp::from_parts(seconds, 0);
        let context = Context { transport, side, time, length: bytes.len(), is_cut: false };
        if let Err(error) = P::observe(bytes, &context, &mut dialogue, &mut told) {
            told.0.push(error.to_string());
        }
    }
    if !dialogue.is_idle() {
        told.0.push("not idle".to_owned());
    }
    dialogue.finish(&mut told);
    dialogue.reset();
    assert!(dialogue.is_idle());
    told.0
}

fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    message(id, 0x0100, name, kind, &[])
}

fn message(id: u16, flags: u16, name: &str, kind: u16, answers: &[Data<'_>]) -> Vec<u8> {
    let name = NameBuf::from_text(name).unwrap();
    let message = Message {
        id,
        flags,
        questions: vec![Question { name: name.name(), kind, class: 1 }],
        answers: answers
            .iter()
            .map(|&data| Entry { name: name.name(), class: 1, ttl_seconds: 60, data })
            .collect(),
        ..Message::default()
    };
    let mut bytes = Vec::new();
    message.emit(Transport::Udp, &mut Writer::new(&mut bytes)).unwrap();
    bytes
}

const CLIENT: Side = Side::Client;
const SERVER: Side = Side::Server;

#[test]
fn reads_the_sections_of_an_answer() {
    let bytes = Dns::samples().remove(1).bytes;
    let view = View::new(&bytes).unwrap();
    assert_eq!((view.id(), view.flags(), view.counts()), (0x1b2c, 0x8580, [1, 1, 0, 1]));
    let question = view.questions().next().unwrap().unwrap();
    assert_eq!((question.kind, question.class), (types::SRV, 1));
    let records: Vec<_> = view.records().map(Result::unwrap).collect();
    let (section, answer) = records[0];
    assert_eq!(section, Section::Answer);
    assert_eq!((answer.name.wire(), answer.ttl_seconds), (&b"\xc0\x0c"[..], 600));
    assert_eq!(answer.name.to_string(), "_ldap._tcp.dc._msdcs.heron.example");
    let Data::Srv(head, target) = answer.data(Dialect::Dns) else { panic!() };
    assert_eq!(head, SrvHead { priority: 1, weight: 100, port: 389 });
    assert_eq!(target.to_string(), "dc1.heron.example");
    let (section, additional) = records[1];
    assert_eq!(section, Section::Additional);
    assert_eq!(additional.name.to_string(), "dc1.heron.example");
    assert_eq!(additional.data(Dialect::Dns), Data::A([10, 20, 30, 40].into()));
}

#[test]
fn samples_show_every_type_of_data() {
    let mut kinds = std::collections::BTreeSet::new();
    for sample in Dns::samples() {
        let view = View::over(&sample.bytes, sample.transport).unwrap();
        for (_, record) in view.records().map(Result::unwrap) {
            if !matches!(record.data(Dialect::Dns), Data::Other(..)) {
                kinds.insert(record.kind);
            }
        }
    }
    let wanted = [
        types::A,
        types::NS,
        types::CNAME,
        types::SOA,
        types::PTR,
        types::MX,
        types::TXT,
        types::AAAA,
        types::SRV,
        types::OPT,
        types::DNSKEY,
        types::TKEY,
        types::TSIG,
    ];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn a_lookup_is_told_with_its_answer() {
    let (asked, address) = (query(7, "DC1.lab.example", types::A), Data::A([10, 0, 0, 1].into()));
    let answer = message(7, 0x8180, "dc1.LAB.example", types::A, &[address]);
    let said = told::<Dns>(Transport::Udp, &[(CLIENT, 1, &asked), (SERVER, 2, &answer)]);
    let want = [
        "query A",
        "answer to query A",
        "1 Client DnsLookup DC1.lab.example A: Success",
        "dc1.LAB.example is 10.0.0.1",
    ];
    assert_eq!(said, want);
}

#[test]
fn a_repeated_query_counts_once_and_so_does_its_second_answer() {
    let asked = query(7, "nosuch.lab.example", types::TXT);
    let answer = message(7, 0x8183, "nosuch.lab.example", types::TXT, &[]);
    let messages: [(Side, i64, &[u8]); 4] =
        [(CLIENT, 1, &asked), (CLIENT, 2, &asked), (SERVER, 3, &answer), (SERVER, 4, &answer)];
    let mut said = told::<Dns>(Transport::Udp, &messages);
    said.retain(|line| line.contains("Dns"));
    assert_eq!(said, ["1 Client DnsQuery nosuch.lab.example TXT: 3 NXDOMAIN"]);
    // Long after, it is another one.
    let late: [(Side, i64, &[u8]); 2] = [(CLIENT, 1, &asked), (CLIENT, 30, &asked)];
    let mut said = told::<Dns>(Transport::Udp, &late);
    said.retain(|line| line.contains("Dns"));
    let want = ["1", "30"]
        .map(|time| format!("{time} Client DnsQuery nosuch.lab.example TXT: Unanswered"));
    assert_eq!(said, want);
}

#[test]
fn one_id_may_ask_two_things() {
    let (v4, v6) = (query(7, "a.example", types::A), query(7, "a.example", types::AAAA));
    let answers = [types::A, types::AAAA].map(|kind| message(7, 0x8180, "a.example", kind, &[]));
    let messages: [(Side, i64, &[u8]); 4] =
        [(CLIENT, 1, &v4), (CLIENT, 2, &v6), (SERVER, 3, &answers[1]), (SERVER, 4, &answers[0])];
    let mut said = told::<Dns>(Transport::Udp, &messages);
    said.retain(|line| line.contains("Dns"));
    let want = ["2 Client DnsLookup a.example AAAA", "1 Client DnsLookup a.example A"];
    assert_eq!(said, want.map(|line| format!("{line}: Success")));
}

#[test]
fn an_answer_alone_tells_what_was_asked() {
    let answer = message(7, 0x8185, "a.example", types::MX, &[]);
    let said = told::<Dns>(Transport::Udp, &[(SERVER, 5, &answer)]);
    assert_eq!(said[1..], ["5 Client DnsQuery a.example MX: 5 REFUSED"]);
}

#[test]
fn an_answer_without_question_is_known_by_its_id() {
    let asked = query(7, "a.example", types::A);
    let bare = b"\x00\x07\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00";
    let said = told::<Dns>(Transport::Udp, &[(CLIENT, 1, &asked), (SERVER, 2, bare)]);
    let want = ["query A", "answer to query", "1 Client DnsLookup a.example A: 1 FORMERR"];
    assert_eq!(said, want);
}

#[test]
fn a_code_may_take_more_than_the_header_has() {
    let samples = Dns::samples();
    let said: Vec<String> = samples
        .iter()
        .flat_map(|s| told::<Dns>(s.transport, &[(SERVER, 1, &s.bytes)]))
        .filter(|line| line.contains("BADVERS"))
        .collect();
    assert_eq!(said, ["1 Client DnsLookup files.heron.example A: 16 BADVERS"]);
}

#[test]
fn a_reverse_lookup_is_a_resolution_whatever_comes() {
    let host = NameBuf::from_text("ws1.lab.example").unwrap();
    let name = "21.0.77.10.in-addr.arpa";
    let asked = query(7, name, types::PTR);
    let named = message(7, 0x8580, name, types::PTR, &[Data::Ptr(host.name())]);
    let missing = message(7, 0x8583, name, types::PTR, &[]);
    let resolution = |answer: Option<&[u8]>| {
        let answer = answer.map(|bytes| (SERVER, 2, bytes));
        let messages: Vec<_> = std::iter::once((CLIENT, 1, &asked[..])).chain(answer).collect();
        let mut said = told::<Dns>(Transport::Udp, &messages);
        said.retain(|line| line.starts_with("Reverse"));
        said
    };
    let want = |is_answered| [format!("ReverseDns Some(10.77.0.21) {is_answered}")];
    assert_eq!(resolution(Some(&named)), want(true));
    assert_eq!(resolution(Some(&missing)), want(false));
    assert_eq!(resolution(None), want(false));
}

#[test]
fn an_update_is_told_by_the_name_it_changes() {
    let samples = Dns::samples();
    let update = &samples[2].bytes;
    let mut done = update[..12 + 19].to_vec(); // header and zone
    (done[2], done[3]) = (0xa8, 5);
    (done[9], done[11]) = (0, 0);
    let said = told::<Dns>(Transport::Udp, &[(CLIENT, 1, update), (SERVER, 2, &done)]);
    let want = ["update", "answer to update", "1 Client DnsUpdate ws07.heron.example A: 5 REFUSED"];
    assert_eq!(said, want);
}

#[test]
fn a_transfer_in_many_messages_is_one() {
    let stream =
        |bytes: Vec<u8>| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    let asked = stream(query(9, "lab.example", types::AXFR));
    let address = Data::A([10, 0, 0, 1].into());
    let first = stream(message(9, 0x8400, "lab.example", types::AXFR, &[address]));
    let next = stream(b"\x00\x09\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01b\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04abcd".to_vec());
    let messages: [(Side, i64, &[u8]); 4] =
        [(CLIENT, 1, &asked), (SERVER, 2, &first), (SERVER, 3, &first), (SERVER, 4, &next)];
    let mut said = told::<Dns>(Transport::Tcp, &messages);
    said.retain(|line| line.contains("Dns"));
    assert_eq!(said, ["1 Client DnsQuery lab.example AXFR: Success"]);
}

#[test]
fn what_stands_before_the_cut_is_told() {
    let answer = message(7, 0x8180, "a.example", types::TXT, &[Data::Txt(&[7; 200])]);
    let mut told = Told::default();
    let context = Context {
        transport: Transport::Udp,
        side: SERVER,
        time: Timestamp::from_parts(3, 0),
        length: answer.len(),
        is_cut: true,
    };
    Dns::observe(&answer[..86], &context, &mut Talk::default(), &mut told).unwrap();
    let want = ["answer to query TXT, cut", "3 Client DnsQuery a.example TXT: Success"];
    assert_eq!(told.0, want);
}

#[test]
fn names_that_point_at_names_cost_no_more_than_others() {
    // 64 KiB of records whose names are pointers to pointers, as many as fit, all followed.
    let mut bytes =
        b"\x00\x01\x80\x00\x00\x01\x15\x4e\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01".to_vec();
    let mut target = 12_u16;
    for _ in 0..0x154e_u16 {
        let here = u16::try_from(bytes.len()).unwrap();
        bytes.extend((0xc000 | target).to_be_bytes());
        bytes.extend(b"\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x00");
        target = if here < 0x4000 { here } else { target };
    }
    let view = View::new(&bytes).unwrap();
    let labels: usize = view.records().map(|r| r.unwrap().1.name.labels().count()).sum();
    assert_eq!((view.records().count(), labels), (0x154e, 0x154e)); // one label, or one error
}

#[test]
fn a_label_type_of_the_future_is_named() {
    let mut bytes = Dns::samples().remove(0).bytes;
    bytes[Header::LEN] = 0x41;
    assert_eq!(
        check(&bytes).unwrap_err().to_string(),
        "dns::Question at byte 12: label type 0x41 is not defined"
    );
}

#[test]
fn a_name_longer_than_allowed_is_refused() {
    let mut bytes = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    for _ in 0..5 {
        bytes.push(63);
        bytes.extend([b'a'; 63]);
    }
    bytes.extend(b"\x00\x00\x01\x00\x01");
    let error = check(&bytes).unwrap_err();
    assert_eq!(error.cause, Cause::BadLength { field: "name", got: 256, min: 1, max: 255 });
}

#[test]
fn a_damaged_name_behind_a_sound_header_still_may_be_dns() {
    let mut bytes = Dns::samples().remove(0).bytes;
    bytes[Header::LEN] = 0x41;
    assert_eq!(Dns::probe(&bytes, Transport::Udp), Probe::Possible);
}

#[test]
fn flags_that_are_not_defined_contradict() {
    for (at, value) in [(2, 0x18), (3, 0x40), (3, 0x03), (4, 0x01)] {
        let mut bytes = Dns::samples().remove(0).bytes;
        bytes[at] = value;
        assert_eq!(Dns::probe(&bytes, Transport::Udp), Probe::No, "byte {at}");
    }
}

#[test]
fn a_zone_transfer_goes_on_without_a_question() {
    let payload = b"\x00\x40\x00\x07\x84\x00\x00\x00\x00\x02\x00\x00\x00\x00\x03ws1\x00";
    assert_eq!(Dns::probe(payload, Transport::Tcp), Probe::Certain);
}
