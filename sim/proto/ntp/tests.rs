use super::*;
use crate::proto::Side::{Client, Server};
use crate::proto::told::Talk;

/// A message without times but when the request left and when this one did.
fn message(first: u8, stratum: u8, origin: u64, transmit: u64) -> Header {
    Header {
        leap_version_mode: first,
        stratum,
        poll: 6,
        precision: -23,
        root_delay: 0xa3d,
        root_dispersion: 0x2b11,
        reference_id: *b"RATE",
        reference_time: 0xe900_0001_1020_3040,
        origin_time: origin,
        receive_time: 0xe900_0003_1121_3141,
        transmit_time: transmit,
    }
}

fn bytes(header: Header, authenticator: Option<Authenticator<'_>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet::Time { header, extensions: &[], authenticator }.emit(&mut Writer::new(&mut bytes));
    bytes
}

const CLIENT: u8 = 0xdb;
const SERVER: u8 = 0x64;

#[test]
fn reads_version_mode_and_signed_exponents() {
    let bytes = Ntp::samples().remove(0).bytes;
    let view = View::read(&bytes).unwrap();
    let header = view.header().unwrap();
    assert_eq!((view.version(), view.mode()), (4, 4));
    assert_eq!((header.stratum(), header.poll(), header.precision()), (3, 6, -23));
    assert_eq!(header.transmit_time(), 0xe900_0004_5161_7181);
    let reference = Reference { stratum: header.stratum(), id: header.reference_id() };
    assert_eq!(reference.to_string(), "10.20.30.1");
    assert_eq!(Reference { stratum: 1, id: *b"GPS\0" }.to_string(), "GPS");
}

#[test]
fn a_clock_that_cannot_be_is_not_certain() {
    // Poll interval, precision, root delay, root dispersion.
    for (at, value) in [(2, 18), (3, 1), (4, 1), (8, 1)] {
        let mut bytes = Ntp::samples().remove(0).bytes;
        bytes[at] = value;
        assert_eq!(Ntp::probe(&bytes, Transport::Udp), Probe::Possible, "byte {at}");
    }
}

#[test]
fn authenticators_of_every_size_are_read_and_written() {
    let header = message(CLIENT, 0, 1, 2);
    let field = b"\x01\x04\x00\x1c a field of 24 bytes .. ";
    // Crypto-NAK, MD5, SHA-1, extended; then behind an extension field.
    for (extensions, digest) in [(0, 0), (0, 16), (0, 20), (0, 68), (28, 0), (28, 16), (28, 20)] {
        let digest = vec![0xab; digest];
        let authenticator = Authenticator { key: [0x58, 4, 0, 0x80], digest: &digest };
        let packet = Packet::Time {
            header,
            extensions: &field[..extensions],
            authenticator: Some(authenticator),
        };
        let mut out = Vec::new();
        packet.emit(&mut Writer::new(&mut out));
        assert_eq!(Packet::parse(&out), Ok(packet));
        assert_eq!(View::read(&out).unwrap().authenticator(), Some(authenticator));
        assert_eq!((authenticator.key_id(), authenticator.relative_id()), (0x5804_0080, 1112));
        assert_eq!(Ntp::probe(&out, Transport::Udp), Probe::Certain);
        out.push(0);
        assert_eq!(Ntp::probe(&out, Transport::Udp), Probe::No);
        let cause = Cause::TrailingBytes { count: 1 };
        assert_eq!(Packet::parse(&out).unwrap_err().cause, cause);
    }
}

#[test]
fn extension_fields_that_do_not_fit_are_opaque() {
    for field in [&b"\x01\x04\x00\x00"[..], b"\x01\x04\xff\xff"] {
        let trailer = [field, &[7; 28]].concat();
        assert_eq!(split(&trailer), (&trailer[..], None));
    }
}

#[test]
fn control_messages_are_opaque() {
    let control = b"\x16\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00";
    assert_eq!(Packet::parse(control), Ok(Packet::Other(control)));
    let mut talk = Talk::<Ntp>::new();
    talk.say(Client, control).unwrap();
    assert_eq!(talk.told.messages, [(6, false, Quality::Opaque)]);
    assert!(talk.end().is_empty());
}

#[test]
fn the_time_is_asked_for_and_told() {
    let mut talk = Talk::<Ntp>::new();
    let wish = Authenticator { key: [0x58, 4, 0, 0], digest: &[0; 16] };
    let signed = Authenticator { key: [0x58, 4, 0, 0], digest: &[7; 16] };
    talk.say(Client, &bytes(message(CLIENT, 0, 0, 2), Some(wish))).unwrap();
    talk.say(Client, &bytes(message(CLIENT, 0, 0, 3), Some(signed))).unwrap();
    talk.say(Client, &bytes(message(CLIENT, 0, 0, 4), None)).unwrap();
    talk.say(Server, &bytes(message(SERVER, 3, 2, 9), Some(signed))).unwrap();
    talk.say(Server, &bytes(message(SERVER, 0, 3, 9), None)).unwrap();
    talk.say(Server, &bytes(message(SERVER, 3, 99, 9), None)).unwrap(); // to nobody
    assert_eq!(talk.told.messages.iter().filter(|told| told.1).count(), 3);
    let rate = u32::from_be_bytes(*b"RATE");
    let want = [
        "TimeRequest - | - | client signed for RID 1112 | Success".to_owned(),
        format!("TimeRequest - | - | client key 1476657152 | failed {rate} rate exceeded"),
        "TimeRequest - | - | client | Unanswered".to_owned(),
    ];
    assert_eq!(talk.end(), want);
}

#[test]
fn peers_answer_each_other() {
    const ACTIVE: u8 = 0x59;
    let mut talk = Talk::<Ntp>::new();
    talk.say(Client, &bytes(message(ACTIVE, 3, 0, 2), None)).unwrap();
    talk.say(Server, &bytes(message(ACTIVE, 3, 2, 3), None)).unwrap();
    talk.say(Client, &bytes(message(0x5a, 3, 3, 4), None)).unwrap();
    assert!(talk.dialogue.is_idle());
    assert_eq!(talk.end(), ["TimeRequest - | - | symmetric active | Success"; 2]);
}

#[test]
fn what_the_capture_cut_is_told_as_far_as_it_goes() {
    let mut talk = Talk::<Ntp>::new();
    let bytes = bytes(message(CLIENT, 0, 0, 2), None);
    assert!(talk.hear(Client, &bytes[..20], 48).unwrap_err().is_truncation());
    assert_eq!(talk.told.messages, [(3, false, Quality::Cut)]);
    assert!(talk.end().is_empty());
}
