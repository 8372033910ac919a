use super::*;
use crate::proto::Side;

#[test]
fn reads_the_header_and_the_names() {
    let bytes = Nbds::samples().remove(0).bytes;
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(
        message.header,
        Header {
            kind: 0x11,
            flags: 0x0e,
            id: 0x8123,
            source_address: [10, 20, 30, 99],
            source_port: 138
        }
    );
    let Body::Data { packet_offset, payload, .. } = message.body else { panic!() };
    assert_eq!((packet_offset, payload), (5, Payload::Opaque(b"\xffSMB%")));
    let view = View::new(&bytes).unwrap();
    assert_eq!(view.source().unwrap().to_string(), "WS07<00>");
    assert_eq!(view.destination().unwrap().to_string(), "HERON<1d>");
    assert_eq!(view.mailslot(), None);
}

#[test]
fn an_undefined_kind_is_named() {
    let mut bytes = Nbds::samples().remove(0).bytes;
    bytes[0] = 0x17;
    assert_eq!(
        Message::parse(&bytes).unwrap_err().to_string(),
        "nbds::Header at byte 0: kind 0x17 is not defined"
    );
}

#[test]
fn a_mailslot_is_read_where_the_specification_says() {
    // [MS-CIFS] 2.2.4.33.1 byte by byte, with a pad byte between name and data.
    let mut bytes = b"\xffSMB\x25\0\0\0\0\0\0\0".to_vec();
    bytes.resize(32, 0);
    bytes.extend(b"\x11\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe8\x03\x00\x00\x00\x00");
    bytes.extend(b"\x00\x00\x00\x00\x03\x00\x57\x00\x03\x00\x01\x00\x01\x00\x02\x00\x15\x00");
    bytes.extend(b"\\mailslot\\Browse\0\0");
    bytes.extend(b"\x0e\x02\x00");
    let mailslot = Mailslot::parse(&bytes).unwrap();
    assert!(mailslot.is(BROWSE) && !mailslot.is(NETLOGON));
    assert_eq!((mailslot.timeout_milliseconds, mailslot.priority, mailslot.class), (1_000, 1, 2));
    assert_eq!(mailslot.data, b"\x0e\x02\x00");
    assert_eq!(Payload::of(&bytes), Payload::Opaque(&bytes)); // not as we would write it
    for at in [0, 4, 32, 59, 61] {
        let mut other = bytes.clone();
        other[at] ^= 0x40;
        assert!(Mailslot::parse(&other).is_err(), "byte {at}");
    }
}

#[test]
fn messages_of_the_browser_come_back_as_they_were() {
    for bytes in samples::browsing() {
        let message = Browser::parse(&bytes).unwrap();
        assert!(!matches!(message, Browser::Other(..)));
        let mut out = Vec::new();
        message.emit(&mut Writer::new(&mut out));
        assert_eq!(out, bytes);
    }
    let other = Browser::parse(b"\x63rest").unwrap();
    assert_eq!(other, Browser::Other(0x63, b"rest"));
}

#[test]
fn messages_of_netlogon_come_back_as_they_were() {
    for bytes in samples::searching() {
        let message = Netlogon::parse(&bytes).unwrap();
        assert!(!matches!(message, Netlogon::Other(..)));
        let mut out = Vec::new();
        message.emit(&mut Writer::new(&mut out));
        assert_eq!(out, bytes);
    }
}

#[test]
fn an_announcement_is_read_byte_by_byte() {
    // [MS-BRWS] 2.2.1.
    let bytes = b"\x01\x03\x80\xa9\x03\x00DC1\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\x00\x2b\x10\x84\x00\x0f\x01\x55\xaahello\0";
    let Browser::Announcement(command, announcement, comment) = Browser::parse(bytes).unwrap()
    else {
        panic!()
    };
    assert_eq!((command, comment), (HOST_ANNOUNCEMENT, &b"hello"[..]));
    assert_eq!(Padded(&announcement.name).to_string(), "DC1");
    assert_eq!((announcement.period_milliseconds, announcement.os_version), (240_000, [10, 0]));
    assert_eq!((announcement.server_type, announcement.signature), (0x0084_102b, 0xaa55));
}

#[test]
fn announcements_and_searches_are_told() {
    let samples = Nbds::samples();
    let messages: Vec<_> = samples.iter().map(|s| (Side::Client, 1, &s.bytes[..])).collect();
    let mut said = crate::proto::dns::tests::told::<Nbds>(Transport::Udp, &messages);
    said.retain(|line| line.contains("Client"));
    let want = [
        "1 Client LocalNameQuery WS07 HostAnnouncement: Unknown",
        "1 Client LocalNameQuery WS07 LocalMasterAnnouncement: Unknown",
        "1 Client NetlogonPing HERON<1d> LOGON_PRIMARY_QUERY: Unknown",
        "1 Client NetlogonPing HERON<1d> LOGON_SAM_LOGON_REQUEST: Unknown",
    ];
    assert_eq!(said, want);
}

#[test]
fn operations_are_named_by_what_is_inside() {
    let name = Nbds::operation;
    assert_eq!(name(0x11), Some("direct group"));
    assert_eq!(name(BROWSER_OPERATION | 8), Some("RequestElection"));
    assert_eq!(name(NETLOGON_OPERATION | 18), Some("LOGON_SAM_LOGON_REQUEST"));
    assert_eq!(name(0x99), None);
}
