use super::*;
use crate::proto::Side::{Client as Asker, Server};
use crate::proto::conformance;
use crate::proto::told::Talk;

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.emit(&mut Writer::new(&mut bytes));
    bytes
}

fn sample(at: usize) -> Vec<u8> {
    Rdp::samples().remove(at).bytes
}

fn confirm(negotiation: Option<Negotiation>) -> Vec<u8> {
    let connection = Connection { destination: 1, source: 2, class: 0 };
    let variable = Variable { cookie: None, negotiation, correlation: None, rest: &[] };
    bytes(&Packet::Connection { code: CONFIRM, connection, variable })
}

#[test]
fn reads_cookie_negotiation_and_correlation() {
    let bytes = sample(0);
    assert_eq!(&bytes[..11], b"\x03\x00\x00\x4e\x49\xe0\x12\x34\x56\x78\x05");
    assert_eq!(&bytes[11..42], b"Cookie: mstshash=mart\r\n\x01\x08\x08\x00\x0b\x00\x00\x00");
    let view = View::read(&bytes).unwrap();
    let variable = view.variable().unwrap();
    assert_eq!(variable.user().map(|user| user.to_string()).as_deref(), Some("mart"));
    assert_eq!((variable.token(), variable.rest), (None, &[][..]));
    assert_eq!(variable.correlation.map(|correlation| correlation.id[0]), Some(0xc0));
    let requested = view.requested().map(|requested| requested.to_string());
    assert_eq!(requested.as_deref(), Some("PROTOCOL_SSL|PROTOCOL_HYBRID|PROTOCOL_HYBRID_EX"));
    assert_eq!((view.selected(), view.failure()), (None, None));
    let bytes = sample(2);
    let token = View::read(&bytes).unwrap().variable().unwrap().token().map(|t| t.to_string());
    assert_eq!(token.as_deref(), Some("3640205228.15629.0000"));
}

#[test]
fn a_line_end_inside_a_negotiation_ends_no_cookie() {
    let negotiation = Negotiation { kind: 2, flags: 0, length: 8, value: 0x0000_0a0d };
    let bytes = confirm(Some(negotiation));
    let variable = View::read(&bytes).unwrap().variable().unwrap();
    assert_eq!((variable.cookie, variable.negotiation), (None, Some(negotiation)));
    assert_eq!(
        Protocols(0xa0d).to_string(),
        "PROTOCOL_SSL|PROTOCOL_RDSTLS|PROTOCOL_HYBRID_EX|0xa00"
    );
}

#[test]
fn other_protocols_over_tpkt_are_not_taken_for_it() {
    // Connection request of S7 (port 102), with TPDU size and selectors.
    let s7 = b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\
        \xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02";
    assert_eq!(Rdp::probe(s7, Transport::Tcp), Probe::Possible);
}

#[test]
fn an_undefined_code_is_named() {
    let mut bytes = sample(1);
    bytes[5] = 0x70;
    assert_eq!(Rdp::probe(&bytes, Transport::Tcp), Probe::No);
    assert_eq!(
        Packet::parse(&bytes).unwrap_err().to_string(),
        "rdp::X224 at byte 4: code 0x70 is not defined"
    );
    bytes[4] = 0xf0;
    assert_eq!(
        View::read(&bytes).unwrap_err().to_string(),
        "rdp::X224 at byte 4: indicator is 240, must be 1..=14"
    );
}

#[test]
fn what_the_port_alone_tells_obeys_the_laws_too() {
    let short = Packet::Fast { first: 0x44, is_long: false, data: b"\x01\x1c\x02\x1d" };
    let long = Packet::Fast { first: 0x80, is_long: true, data: &[7; 100] };
    let longer = Packet::Fast { first: 0, is_long: true, data: &[7; 300] };
    let data = Packet::Other { code: DATA, header: b"\x80", data: b"\x68\x00\x01\x03\xeb" };
    let end = Packet::Other { code: DISCONNECT, header: &[0, 1, 0, 2, 3], data: &[] };
    for packet in [short, long, longer, data, end] {
        let bytes = bytes(&packet);
        assert_eq!(Packet::parse(&bytes), Ok(packet));
        conformance::check_message::<Rdp>(&Sample::tcp(bytes));
    }
}

#[test]
fn tls_is_another_protocol() {
    for record in [b"\x16\x03\x01\x00\xc4\x01", b"\x17\x03\x03\x00\x20\x00"] {
        assert!(matches!(Rdp::step(record, Transport::Tcp), Step::Malformed(_)));
    }
}

#[test]
fn of_bulk_data_only_the_head_is_wanted() {
    let needed = |bytes: &[u8]| Rdp::needed(bytes, 60_000);
    assert_eq!(needed(b"\x00\xea\x60"), 3);
    assert_eq!(needed(b"\x03\x00\xea\x60\x02\xf0\x80\x68\x00"), DATA_HEADER);
    assert_eq!(needed(b"\x03\x00\xea\x60\x02\xf0\x80"), DATA_HEADER + 2);
    assert_eq!(needed(b"\x03\x00\xea\x60\x02\xf0\x80\x7f\x65"), DATA_MAX);
    assert_eq!(Rdp::needed(b"\x03\x00", 4), 4); // the length is not known yet
    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, b"\x00\xea\x60").unwrap();
    talk.say(Asker, b"\x03\x00\xea\x60\x02\xf0\x80").unwrap();
    assert_eq!(talk.told.messages, [(0, false, Quality::Opaque), (0xf0, false, Quality::Opaque)]);
}

#[test]
fn an_attempt_is_told_with_the_answer() {
    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(0)).unwrap();
    talk.say(Server, &sample(4)).unwrap();
    assert_eq!(talk.told.hints, ["Rdp None true"]);
    let want = "RdpAttempt mart | - | PROTOCOL_SSL|PROTOCOL_HYBRID|PROTOCOL_HYBRID_EX | Success";
    assert_eq!(talk.end(), [want]);

    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(2)).unwrap();
    talk.say(Server, &sample(5)).unwrap();
    let want = "RdpAttempt - | 3640205228.15629.0000 | PROTOCOL_SSL \
        | failed 5 HYBRID_REQUIRED_BY_SERVER";
    assert_eq!(talk.end(), [want]);
}

#[test]
fn with_standard_security_the_client_names_its_computer() {
    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(3)).unwrap();
    talk.say(Server, &confirm(None)).unwrap();
    assert!(talk.told.activities.is_empty());
    talk.say(Asker, &sample(6)).unwrap();
    assert_eq!(talk.told.messages[2], (0x65, false, Quality::Opaque));
    assert_eq!(talk.end(), ["RdpAttempt mart | - | PROTOCOL_RDP from ws07mart | Success"]);
    let bytes = sample(6);
    let client = View::read(&bytes).unwrap().client().unwrap();
    assert_eq!((client.core().build(), client.core().keyboard()), (22_621, 0x407));
}

#[test]
fn a_connect_initial_in_pieces_or_damaged_names_nobody_or_the_same() {
    let bytes = sample(6);
    for length in 7..bytes.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[length] = value;
            View::read(&bytes).unwrap().client().map(|client| client.name().to_string());
        }
        let client = View::read(&bytes[..length]).unwrap().client();
        assert!(client.is_none_or(|client| client.name().to_string() == "ws07mart"));
    }
}

#[test]
fn without_an_answer_or_a_name_the_attempt_is_still_told() {
    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(1)).unwrap();
    let mut told = std::mem::take(&mut talk.told);
    crate::proto::Dialogue::finish(&mut talk.dialogue, &mut told);
    assert_eq!(told.hints, ["Rdp None false"]);
    let want = "RdpAttempt - | - | PROTOCOL_SSL|PROTOCOL_HYBRID | Unanswered";
    assert_eq!(told.activities, [want]);

    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(3)).unwrap();
    talk.say(Server, &confirm(None)).unwrap();
    assert_eq!(talk.end(), ["RdpAttempt mart | - | PROTOCOL_RDP | Success"]);

    let mut talk = Talk::<Rdp>::new();
    talk.say(Asker, &sample(3)).unwrap();
    talk.say(Server, b"\x03\x00\x00\x0b\x06\x80\x00\x01\x00\x02\x03").unwrap();
    assert_eq!(talk.end(), ["RdpAttempt mart | - | PROTOCOL_RDP | failed 128 disconnected"]);
}

#[test]
fn every_operation_has_a_name() {
    for code in [REQUEST, CONFIRM, DISCONNECT, DATA, CONNECT_INITIAL, CONNECT_RESPONSE, FAST] {
        assert!(Rdp::operation(code.into()).is_some());
    }
    assert_eq!(Rdp::operation(1), None);
}
