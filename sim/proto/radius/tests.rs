use super::*;
use crate::proto::Side::{Client, Server};
use crate::proto::Utf8;
use crate::proto::told::Talk;

fn bytes(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.emit(&mut Writer::new(&mut bytes));
    bytes
}

fn packet(code: u8, identifier: u8, attributes: &[(u8, Value<'_>)]) -> Vec<u8> {
    let authenticator = [code ^ identifier; 16];
    bytes(&Packet { code, identifier, authenticator, attributes: attributes.to_vec() })
}

const USER: (u8, Value<'_>) = (USER_NAME, Value::Text(Utf8(b"mart")));
const GATE: (u8, Value<'_>) = (NAS_IDENTIFIER, Value::Text(Utf8(b"gate1")));
const STATE_1: (u8, Value<'_>) = (STATE, Value::Octets(b"one"));
const EAP: (u8, Value<'_>) = (EAP_MESSAGE, Value::Octets(b"\x02\x01\x00\x04"));

#[test]
fn reads_attributes_in_order() {
    let bytes = packet(1, 0x2a, &[USER, (4, Value::Address([10, 20, 30, 11].into()))]);
    assert_eq!(bytes[20..], *b"\x01\x06mart\x04\x06\x0a\x14\x1e\x0b");
    let view = View::read(&bytes).unwrap();
    assert_eq!((view.code(), view.identifier()), (1, 0x2a));
    let read: Vec<_> = view.attributes().map(|a| (a.kind, a.value().to_string())).collect();
    assert_eq!(read, [(1, "mart".to_owned()), (4, "10.20.30.11".to_owned())]);
}

#[test]
fn the_attribute_and_its_offset_are_named() {
    let mut bytes = packet(1, 0x2a, &[USER, GATE]);
    bytes[27] = 1;
    let want = "radius::Attribute at byte 26: length is 1, must be 2..=255";
    assert_eq!(Packet::parse(&bytes).unwrap_err().to_string(), want);
    // What stands before is told.
    let mut talk = Talk::<Radius>::new();
    assert_eq!(talk.say(Client, &bytes).unwrap_err().to_string(), want);
    assert_eq!(talk.told.messages, [(1, false, Quality::Parsed)]);
    assert_eq!(talk.end(), ["RadiusLogon mart | - | Access-Request | Unanswered"]);
}

#[test]
fn padding_is_not_part_of_the_packet() {
    let mut bytes = packet(1, 0x2a, &[USER]);
    bytes.extend([0; 4]);
    assert_eq!(Radius::step(&bytes, Transport::Udp), Step::Message { length: 26 });
    assert_eq!(Radius::probe(&bytes, Transport::Udp), Probe::Possible);
}

#[test]
fn what_the_capture_cut_is_told_as_far_as_it_goes() {
    let bytes = packet(1, 0x2a, &[USER, GATE]);
    let mut talk = Talk::<Radius>::new();
    assert!(talk.hear(Client, &bytes[..28], bytes.len()).unwrap_err().is_truncation());
    assert!(talk.hear(Client, &bytes[..26], bytes.len()).unwrap_err().is_truncation());
    assert_eq!(talk.told.messages, [(1, false, Quality::Cut); 2]);
    assert_eq!(talk.end(), ["RadiusLogon mart | - | Access-Request | Unanswered"]);
}

#[test]
fn a_logon_is_told_with_its_verdict() {
    let mut talk = Talk::<Radius>::new();
    let password = (USER_PASSWORD, Value::Secret(&[7; 16]));
    talk.say(Client, &packet(1, 1, &[USER, password, GATE])).unwrap();
    talk.say(Client, &packet(1, 2, &[USER, EAP])).unwrap();
    talk.say(Server, &packet(3, 2, &[])).unwrap();
    talk.say(Server, &packet(2, 1, &[])).unwrap();
    talk.say(Server, &packet(2, 1, &[])).unwrap(); // sent again
    let want = [
        "RadiusLogon mart | - | Access-Request EAP | failed 3 Access-Reject",
        "RadiusLogon mart | gate1 | Access-Request PAP | Success",
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn a_challenged_logon_is_one_logon() {
    let mut talk = Talk::<Radius>::new();
    talk.say(Client, &packet(1, 1, &[USER, GATE, EAP])).unwrap();
    talk.say(Server, &packet(11, 1, &[STATE_1])).unwrap();
    assert!(talk.told.activities.is_empty());
    talk.say(Client, &packet(1, 2, &[USER, STATE_1, EAP])).unwrap();
    talk.say(Server, &packet(2, 2, &[])).unwrap();
    // A challenge that nobody takes up.
    talk.say(Client, &packet(1, 3, &[USER])).unwrap();
    talk.say(Server, &packet(11, 3, &[STATE_1])).unwrap();
    let want = [
        "RadiusLogon mart | gate1 | Access-Request EAP | Success",
        "RadiusLogon mart | - | Access-Request | Unanswered",
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn retransmissions_are_one_request_and_a_reused_identifier_is_two() {
    let mut talk = Talk::<Radius>::new();
    let request = packet(1, 1, &[USER]);
    let mut other = packet(1, 1, &[GATE]);
    other[4] ^= 0xff;
    talk.say(Client, &request).unwrap();
    talk.say(Client, &request).unwrap();
    talk.say(Server, &packet(2, 1, &[])).unwrap();
    talk.say(Client, &request).unwrap(); // the answer was lost behind the capture
    talk.say(Server, &packet(2, 1, &[])).unwrap();
    talk.say(Client, &other).unwrap();
    talk.say(Client, &request).unwrap();
    let want = [
        "RadiusLogon mart | - | Access-Request | Success",
        "RadiusLogon - | gate1 | Access-Request | Unanswered",
        "RadiusLogon mart | - | Access-Request | Unanswered",
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn sessions_are_told_and_servers_that_start_are_not() {
    let mut talk = Talk::<Radius>::new();
    let framed = (FRAMED_IP_ADDRESS, Value::Address([10, 20, 99, 7].into()));
    let status = |value| (ACCT_STATUS_TYPE, Value::Integer(value, None));
    let seconds = (ACCT_SESSION_TIME, Value::Integer(3_600, None));
    for (identifier, attributes) in [
        (1, &[USER, GATE, status(1)][..]),
        (2, &[USER, GATE, status(2), seconds, framed]),
        (3, &[GATE, status(7)]),
        (4, &[USER, status(99)]),
    ] {
        talk.say(Client, &packet(4, identifier, attributes)).unwrap();
        talk.say(Server, &packet(5, identifier, &[])).unwrap();
    }
    assert_eq!(talk.told.messages.len(), 8);
    let want = [
        "VpnSession mart | gate1 | Start | Success",
        "VpnSession mart | 10.20.99.7 | Stop 3600 s | Success",
        "VpnSession mart | - | 99 | Success",
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn more_requests_than_are_remembered_are_all_told() {
    let mut talk = Talk::<Radius>::new();
    for identifier in 0..=u8::MAX {
        talk.say(Client, &packet(1, identifier, &[USER])).unwrap();
    }
    assert_eq!(talk.end().len(), 256);
}

#[test]
fn every_code_has_a_name() {
    for sample in Radius::samples() {
        assert!(Radius::operation(u32::from(sample.bytes[0])).is_some());
    }
    assert_eq!(Radius::operation(11), Some("Access-Challenge"));
    assert_eq!(Radius::operation(0x101), None);
}
