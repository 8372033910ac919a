use super::*;
use crate::base::Timestamp;
use crate::proto::{Activity, Dialogue, Hint, Quality, Side, Tally};

/// What was told, in words.
#[derive(Default)]
struct Told {
    messages: Vec<(u32, Quality)>,
    activities: Vec<String>,
    malformed: Vec<WireError>,
}

impl Observer for Told {
    fn message(&mut self, _: &Context, _: &crate::proto::Message<'_>, tally: Tally) {
        self.messages.push((tally.operation, tally.quality));
    }
    fn activity(&mut self, a: &Activity<'_>) {
        let [target, detail] =
            [a.target, a.detail].map(|name| name.map_or("-".to_owned(), ToString::to_string));
        self.activities.push(format!("{:?} {target} | {detail} | {:?}", a.protocol, a.outcome));
    }
    fn hint(&mut self, _: &Context, _: Hint<'_>) {}
    fn malformed(&mut self, _: Id, error: WireError) {
        self.malformed.push(error);
    }
}

fn context(side: Side, length: usize) -> Context {
    let time = Timestamp::from_nanos(7);
    Context { transport: Transport::Tcp, side, time, length, is_cut: false }
}

/// Lets both sides say something in turn, and ends the flow.
fn converse(records: &[(Side, Vec<u8>)]) -> Told {
    let (mut session, mut told) = (Session::default(), Told::default());
    for (side, bytes) in records {
        let wanted = &bytes[..needed(bytes, bytes.len())];
        let context = context(*side, bytes.len());
        Tls::observe(wanted, &context, &mut session, &mut told).unwrap();
    }
    session.finish(&mut told);
    told
}

fn record(kind: u8, fragment: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    Record { kind, version_minor: 3, fragment }.emit(&mut Writer::new(&mut bytes));
    bytes
}

fn client_hello() -> (Side, Vec<u8>) {
    (Side::Client, handshake_record(1, hello::CLIENT_HELLO, &hello::sample_client()))
}

fn server_hello(version: u16) -> (Side, Vec<u8>) {
    let body = hello::sample_server(Version(version));
    (Side::Server, handshake_record(3, hello::SERVER_HELLO, &body))
}

fn certificate() -> (Side, Vec<u8>) {
    let mut body = Vec::new();
    Certificates::emit(&mut Writer::new(&mut body), &[&certificate::sample()]);
    (Side::Server, handshake_record(3, hello::CERTIFICATE, &body))
}

#[test]
fn a_handshake_of_tls_12_shows_who_serves_and_succeeds_when_it_changes_cipher() {
    let told = converse(&[
        client_hello(),
        server_hello(0x0303),
        certificate(),
        (Side::Client, record(CHANGE_CIPHER_SPEC, b"\x01")),
        (Side::Client, record(HANDSHAKE, b"\x01\x00\x00\x00 looks like a hello, is encrypted")),
        (Side::Client, record(APPLICATION_DATA, b"sealed")),
    ]);
    let want = "Tls nest.heron.example | TLS 1.2 certificate nest by Heron Root | Success";
    assert_eq!(told.activities, [want]);
    let (parsed, opaque) = (Quality::Parsed, Quality::Opaque);
    assert_eq!(
        told.messages,
        [
            (22, parsed),
            (0x101, parsed),
            (22, parsed),
            (0x102, parsed),
            (22, parsed),
            (0x10b, parsed),
            (20, parsed),
            (22, opaque),
            (23, opaque),
        ]
    );
    assert_eq!(told.malformed, []);
}

#[test]
fn a_handshake_of_tls_13_succeeds_with_the_server_hello() {
    let told = converse(&[client_hello(), server_hello(0x0304)]);
    assert_eq!(told.activities, ["Tls nest.heron.example | TLS 1.3 | Success"]);
}

#[test]
fn a_second_hello_after_a_retry_is_the_same_handshake() {
    let body = hello::sample_server(Version::TLS13);
    let retry = {
        let mut body = body.clone();
        body[2..34].copy_from_slice(&hello::RETRY);
        (Side::Server, handshake_record(3, hello::SERVER_HELLO, &body))
    };
    let change = |side| (side, record(CHANGE_CIPHER_SPEC, b"\x01"));
    let told = converse(&[
        client_hello(),
        retry,
        change(Side::Server),
        change(Side::Client),
        client_hello(),
        server_hello(0x0304),
    ]);
    assert_eq!(told.activities, ["Tls nest.heron.example | TLS 1.3 | Success"]);
    let hellos = told.messages.iter().filter(|(operation, _)| *operation > 0x100).count();
    assert_eq!(hellos, 4);
}

#[test]
fn a_fatal_alert_is_a_failure_by_its_name() {
    let unknown_ca = (Side::Client, record(ALERT, b"\x02\x30"));
    let warning = (Side::Server, record(ALERT, b"\x01\x70"));
    let told = converse(&[client_hello(), warning, server_hello(0x0303), unknown_ca]);
    let want = "Tls nest.heron.example | TLS 1.2 | Failure { code: 48, name: \"unknown_ca\" }";
    assert_eq!(told.activities, [want]);
    let told = converse(&[client_hello()]);
    assert_eq!(told.activities, ["Tls nest.heron.example | TLS 1.3 | Unanswered"]);
}

#[test]
fn a_hello_is_put_together_from_its_records() {
    let (_, whole) = client_hello();
    let fragment = &whole[Header::LEN..];
    let pieces: Vec<_> =
        fragment.chunks(7).map(|piece| (Side::Client, record(HANDSHAKE, piece))).collect();
    let told = converse(&pieces);
    assert_eq!(told.activities, ["Tls nest.heron.example | TLS 1.3 | Unanswered"]);
    assert_eq!(told.messages.len(), pieces.len() + 1);
    // Without one of them there is none.
    let told = converse(&pieces[1..]);
    assert_eq!((told.activities.len(), told.malformed.len()), (0, 0));
}

#[test]
fn a_lost_record_ends_the_message_it_was_part_of() {
    let (_, whole) = client_hello();
    let (mut session, mut told) = (Session::default(), Told::default());
    let first = record(HANDSHAKE, &whole[Header::LEN..40]);
    Tls::observe(&first, &context(Side::Client, first.len()), &mut session, &mut told).unwrap();
    session.gap(Side::Client);
    Tls::observe(&whole, &context(Side::Client, whole.len()), &mut session, &mut told).unwrap();
    assert_eq!(told.messages.len(), 3);
    session.reset();
    session.finish(&mut told);
    assert!(told.activities.is_empty());
}

#[test]
fn the_middle_of_an_encrypted_conversation_is_opaque() {
    let noise = record(HANDSHAKE, b"\x63\x91\x07\x5e encrypted");
    let told = converse(&[(Side::Server, noise.clone()), (Side::Server, noise)]);
    assert_eq!(told.messages, [(22, Quality::Opaque), (22, Quality::Opaque)]);
}

#[test]
fn what_is_put_together_is_bounded() {
    let mut session = Session::default();
    let mut told = Told::default();
    // Says 65,536 bytes and goes on for ever.
    let endless = record(HANDSHAKE, &[&b"\x0b\x01\x00\x00"[..], &[0x0b; 0x3ff0]].concat());
    for _ in 0..200 {
        let context = context(Side::Server, endless.len());
        Tls::observe(&endless, &context, &mut session, &mut told).unwrap();
    }
    let records = told.messages.iter().filter(|(operation, _)| *operation == 22).count();
    assert_eq!(records, 200);
}

#[test]
fn of_application_data_only_the_header_is_wanted() {
    let bytes = record(APPLICATION_DATA, b"sealed");
    assert_eq!(needed(&bytes[..5], bytes.len()), Header::LEN);
    // What `step` asks for before it knows the length is wanted whole.
    assert_eq!(needed(&bytes[..3], Header::LEN), Header::LEN);
    assert_eq!(needed(&record(ALERT, b"\x02\x28"), 7), 7);
}

#[test]
fn every_sample_of_a_handshake_is_understood_to_its_last_byte() {
    let mut hellos = 0;
    for sample in samples() {
        let record = Record::parse(&sample.bytes).unwrap();
        for message in record.handshakes().into_iter().flatten() {
            let mut emitted = Vec::new();
            message.emit(&mut Writer::new(&mut emitted));
            assert_eq!(emitted, record.fragment);
            hellos += 1;
        }
    }
    assert_eq!(hellos, 4);
}

#[test]
fn an_undefined_version_is_named() {
    assert_eq!(
        Record::parse(b"\x16\x03\x05\x00\x00").unwrap_err().to_string(),
        "tls::Header at byte 0: version_minor 0x5 is not defined"
    );
}

#[test]
fn a_record_longer_than_allowed_is_refused() {
    assert_eq!(probe(b"\x17\x03\x03\x48\x00"), Probe::Certain);
    assert_eq!(probe(b"\x17\x03\x03\x48\x01"), Probe::No);
    assert_eq!(
        Record::parse(b"\x17\x03\x03\x48\x01").unwrap_err().to_string(),
        "tls::Header at byte 0: length is 18433, must be 0..=18432"
    );
}

#[test]
fn a_hello_without_a_version_is_not_certain() {
    assert_eq!(probe(b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x04"), Probe::Possible);
}
