use super::*;
use crate::proto::Side::{Client, Server};
use crate::proto::told::Talk;
use crate::proto::{Dialogue, Utf8};

fn bytes(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.emit(&mut Writer::new(&mut bytes));
    bytes
}

/// The sample of this message type with other addresses: client's, given, relay agent's.
fn addressed(kind: u8, [client, given, relay]: [u8; 3]) -> Vec<u8> {
    let octets = |last| if last == 0 { [0; 4] } else { [10, 20, 30, last] };
    let wanted = (MESSAGE_TYPE, Value::Byte(kind));
    let mut message =
        lease::samples().into_iter().find(|message| message.options[0] == wanted).unwrap();
    message.header.client_address = octets(client);
    message.header.your_address = octets(given);
    message.header.gateway_address = octets(relay);
    bytes(&message)
}

#[test]
fn reads_options_between_padding() {
    let mut bytes = Dhcp::samples().remove(0).bytes;
    bytes.extend([0; 9]);
    let view = View::read(&bytes).unwrap();
    assert_eq!((view.header().transaction_id(), view.header().hops()), (0xcafe_f00d, 1));
    assert_eq!(view.hardware_address().to_string(), "02:00:5e:10:20:30");
    assert_eq!(view.options().map(|(code, _)| code).collect::<Vec<_>>(), [53, 12, 60, 55, 50]);
    assert_eq!((view.message_type(), view.find(12)), (Some(1), Some(&b"ws07"[..])));
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.padding, [0; 9]);
    assert_eq!(super::tests::bytes(&message), bytes);
}

#[test]
fn options_must_end() {
    let mut bytes = Dhcp::samples().remove(0).bytes;
    let end = bytes.len() - 1;
    bytes.pop();
    let want = format!("dhcp::Option at byte {end}: needs 1 bytes, 0 present");
    assert_eq!(Message::parse(&bytes).unwrap_err().to_string(), want);
}

#[test]
fn names_that_hold_options_are_read_and_parts_are_joined() {
    let mut message = lease::samples().remove(2);
    message.names.file[..8].copy_from_slice(b"\x0c\x03.he\xff\x0c\x01");
    message.names.server_name[..6].copy_from_slice(b"\x0c\x03ron\xff");
    for (overload, want) in [(0, "ws07"), (1, "ws07.he"), (2, "ws07ron"), (3, "ws07.heron")] {
        message.options.truncate(4);
        message.options.push((OVERLOAD, Value::Byte(overload)));
        let bytes = bytes(&message);
        let view = View::read(&bytes).unwrap();
        assert_eq!(view.joined(HOST_NAME).to_string(), want);
        assert_eq!(Message::parse(&bytes).as_ref(), Ok(&message));
    }
}

#[test]
fn what_the_capture_cut_is_told_as_far_as_it_goes() {
    let bytes = addressed(3, [0, 0, 1]);
    for (kept, kind) in [(86, 0), (FIXED + 5, 3)] {
        let mut talk = Talk::<Dhcp>::new();
        assert!(talk.hear(Client, &bytes[..kept], bytes.len()).unwrap_err().is_truncation());
        assert_eq!(talk.told.messages, [(kind, false, Quality::Cut)]);
    }
}

#[test]
fn another_cookie_is_malformed() {
    let mut bytes = addressed(3, [0, 0, 1]);
    bytes[FIXED - 1] = 0;
    assert_eq!(
        View::read(&bytes).unwrap_err().to_string(),
        "dhcp::Header at byte 236: cookie must be 0x63825363, is 0x63825300"
    );
}

#[test]
fn a_relayed_lease_is_told_with_its_answer() {
    let mut talk = Talk::<Dhcp>::new();
    talk.say(Client, &addressed(1, [0, 0, 1])).unwrap();
    talk.say(Server, &addressed(2, [0, 7, 1])).unwrap();
    talk.say(Client, &addressed(3, [0, 0, 1])).unwrap();
    talk.say(Client, &addressed(3, [0, 0, 1])).unwrap(); // sent again
    talk.say(Server, &addressed(5, [0, 7, 1])).unwrap();
    talk.say(Client, &addressed(3, [0, 0, 1])).unwrap();
    talk.say(Server, &addressed(6, [0, 0, 1])).unwrap();
    talk.say(Client, &addressed(3, [0, 0, 1])).unwrap();
    let want = [
        "AddressLease ws07 | 10.20.30.7 | DHCPREQUEST | Success",
        "AddressLease ws07 | 10.20.30.100 | DHCPREQUEST | failed 6 DHCPNAK",
        "AddressLease ws07 | 10.20.30.100 | DHCPREQUEST | Unanswered",
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn a_renewal_is_told_once_whether_it_is_answered_here_or_elsewhere() {
    let mut here = Talk::<Dhcp>::new();
    here.say(Client, &addressed(3, [7, 0, 0])).unwrap();
    assert!(!here.dialogue.is_idle());
    here.say(Server, &addressed(5, [7, 7, 0])).unwrap();
    assert!(here.dialogue.is_idle());
    assert_eq!(here.end(), ["AddressLease ws07 | 10.20.30.7 | DHCPREQUEST | Success"]);
    let mut elsewhere = Talk::<Dhcp>::new();
    elsewhere.say(Client, &addressed(3, [7, 0, 0])).unwrap();
    assert!(elsewhere.end().is_empty());
}

#[test]
fn a_broadcast_request_is_told_by_its_answer() {
    let mut request = Talk::<Dhcp>::new();
    request.say(Client, &addressed(3, [0, 0, 0])).unwrap();
    assert!(request.dialogue.is_idle() && request.end().is_empty());
    let mut answer = Talk::<Dhcp>::new();
    answer.say(Client, &addressed(5, [0, 7, 0])).unwrap();
    answer.say(Client, &addressed(5, [7, 0, 0])).unwrap(); // parameters alone
    answer.say(Client, &addressed(6, [0, 0, 0])).unwrap();
    let want = [
        "AddressLease 02:00:5e:10:20:30 | 10.20.30.7 | DHCPREQUEST | Success",
        "AddressLease 02:00:5e:10:20:30 | - | DHCPREQUEST | failed 6 DHCPNAK",
    ];
    assert_eq!(answer.end(), want);
}

#[test]
fn every_type_has_a_name() {
    for kind in 1..=13 {
        assert!(Dhcp::operation(kind).is_some_and(|name| name.starts_with("DHCP")));
    }
    assert_eq!(Dhcp::operation(0), None);
    let full = View::read(&addressed(3, [0; 3])).unwrap().full_name().map(|n| n.to_string());
    assert_eq!(full.as_deref(), Some("ws07.heron.example."));
    assert_eq!(Value::parse(HOST_NAME, b"ws07"), Value::Text(Utf8(b"ws07")));
}
