use super::form::List;
use super::*;
use crate::base::Timestamp;
use crate::proto::cldap::Cldap;
use crate::proto::conformance::check_message;
use crate::proto::{Activity, Dialogue, Hint, Side};

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
        let [who, target, detail] = [a.principal, a.target, a.detail]
            .map(|name| name.map_or("-".to_owned(), ToString::to_string));
        self.activities.push(format!("{:?} {who} | {target} | {detail} | {:?}", a.kind, a.outcome));
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
fn converse(messages: &[(Side, Vec<u8>)]) -> Told {
    let (mut session, mut told) = (Session::default(), Told::default());
    for (side, bytes) in messages {
        let context = context(*side, bytes.len());
        Ldap::observe(bytes, &context, &mut session, &mut told).unwrap();
    }
    session.finish(&mut told);
    told
}

fn encoded(form: form::Form, id: u32, operation: Operation<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    Message { form, id, operation, controls: None }.emit(&mut Writer::new(&mut out));
    out
}

fn client(id: u32, operation: Operation<'_>) -> (Side, Vec<u8>) {
    (Side::Client, encoded(form::Form::Windows, id, operation))
}

fn server(id: u32, operation: Operation<'_>) -> (Side, Vec<u8>) {
    (Side::Server, encoded(form::Form::Shortest, id, operation))
}

fn bind<'a>(name: &'a [u8], authentication: Authentication<'a>) -> Operation<'a> {
    Operation::BindRequest(BindRequest { version: 3, name, authentication })
}

fn bound(outcome: Outcome<'_>) -> Operation<'_> {
    Operation::BindResponse(BindResponse { outcome, credentials: None })
}

fn search<'a>(base: &'a [u8], parts: &'a [filter::Part<'a>]) -> Operation<'a> {
    Operation::SearchRequest(SearchRequest {
        base,
        scope: 1,
        aliases: 0,
        size_limit: 0,
        time_limit_seconds: 0,
        types_only: false,
        filter: filter::Filter::Parts(parts),
        attributes: List::Items(&[b"cn"]),
    })
}

const ANY: &[filter::Part<'_>] = &[filter::Part::Present(b"objectClass")];

#[test]
fn every_sample_is_understood_to_its_last_byte() {
    for sample in Ldap::samples() {
        let mut r = Reader::new("test", &sample.bytes);
        let message = Message::parse(&mut r).unwrap();
        let mut emitted = Vec::new();
        message.emit(&mut Writer::new(&mut emitted));
        assert_eq!((r.finish(), emitted), (Ok(()), sample.bytes));
    }
    for sample in Cldap::samples() {
        let mut r = Reader::new("test", &sample.bytes);
        let mut emitted = Vec::new();
        while !r.is_empty() {
            Message::parse(&mut r).unwrap().emit(&mut Writer::new(&mut emitted));
        }
        assert_eq!(emitted, sample.bytes);
    }
}

#[test]
fn what_is_written_in_another_way_comes_back_as_it_was() {
    // A message number with a leading zero, a Boolean of 1, a field behind the last.
    for bytes in [
        &b"\x30\x06\x02\x02\x00\x09\x42\x00"[..],
        b"\x30\x1b\x02\x01\x02\x63\x16\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x01\x87\x01a\x30\x00",
        b"\x30\x0e\x02\x01\x02\x65\x09\x0a\x01\x00\x04\x00\x04\x00\xbf\x00",
    ] {
        let mut out = Vec::new();
        let got = Ldap::reencode(bytes, Transport::Tcp, &mut Writer::new(&mut out));
        assert_eq!((got, &*out), (Ok(()), bytes));
    }
}

#[test]
fn reads_number_operation_and_controls() {
    let bytes = Ldap::samples().remove(0).bytes;
    let message = Message::parse(&mut Reader::new("test", &bytes)).unwrap();
    let control = Control { oid: b"1.2.840.113556.1.4.1339", is_critical: false, value: None };
    assert_eq!(message.id, 7);
    assert_eq!(message.operation, bind(b"HERON\\mart", Authentication::Simple(Secret(b"pa$$w0"))));
    assert_eq!(message.controls.unwrap().iter().collect::<Vec<_>>(), [control]);
}

#[test]
fn a_password_in_the_clear_is_told_but_never_shown() {
    let refused = Outcome { diagnostic: b"comment: x, data 52e, v1", ..Outcome::new(49) };
    let told = converse(&[
        client(1, bind(b"mart@heron.example", Authentication::Simple(Secret(b"hunter2")))),
        server(1, bound(refused)),
        client(2, bind(b"mart@heron.example", Authentication::Simple(Secret(b"hunter3")))),
        server(2, bound(Outcome::new(0))),
        client(3, search(b"DC=heron", ANY)),
        server(3, Operation::SearchResultDone(Outcome::new(4))),
    ]);
    assert_eq!(
        told.activities,
        [
            "LdapClearTextBind mart@heron.example | - | simple data 52e | \
             Failure { code: 49, name: \"invalidCredentials\" }",
            "LdapClearTextBind mart@heron.example | - | simple | Success",
            "LdapQuery mart@heron.example | DC=heron | singleLevel (objectClass=*) | \
             Failure { code: 4, name: \"sizeLimitExceeded\" }",
        ]
    );
    let secret = Authentication::Simple(Secret(b"hunter2"));
    assert_eq!(format!("{secret:?}"), "Simple(Secret)");
}

#[test]
fn a_bind_of_several_steps_is_told_once() {
    let step = Authentication::Sasl { mechanism: b"GSS-SPNEGO", credentials: Some(b"token") };
    let told = converse(&[
        client(1, bind(b"", step)),
        server(1, bound(Outcome::new(14))),
        client(2, bind(b"", step)),
        server(2, bound(Outcome::new(0))),
        client(3, bind(b"", Authentication::Simple(Secret(b"")))),
    ]);
    assert_eq!(
        told.activities,
        ["LdapBind - | - | GSS-SPNEGO | Success", "LdapBind - | - | anonymous | Unanswered"]
    );
}

#[test]
fn a_bind_has_the_outcome_of_its_own_answer() {
    let simple = Authentication::Simple(Secret(b"secret"));
    let told = converse(&[
        client(1, bind(b"CN=one", simple)),
        client(2, bind(b"CN=two", simple)),
        server(1, bound(Outcome::new(0))),
        server(2, bound(Outcome::new(49))),
    ]);
    let one = "LdapClearTextBind CN=one | - | simple | Unanswered";
    let two = "LdapClearTextBind CN=two | - | simple | \
               Failure { code: 49, name: \"invalidCredentials\" }";
    assert_eq!(told.activities, [one, two]);
}

#[test]
fn sicily_succeeds_in_its_last_step_only() {
    let step = |tag| bind(b"mart", Authentication::Other(tag, b"NTLMSSP\0"));
    let challenge = Outcome { matched: b"NTLMSSP\0challenge", ..Outcome::new(0) };
    let told = converse(&[
        client(1, step(0x89)),
        server(1, bound(Outcome { matched: b"NTLM", ..Outcome::new(0) })),
        client(2, step(0x8a)),
        server(2, bound(challenge)),
        client(3, step(0x8b)),
        server(3, bound(Outcome::new(49))),
    ]);
    let failed = "Failure { code: 49, name: \"invalidCredentials\" }";
    assert_eq!(told.activities, [format!("LdapBind mart | - | SICILY | {failed}")]);
}

#[test]
fn changes_say_what_they_do_to_what() {
    let samples = Ldap::samples();
    let messages: Vec<_> = samples
        .iter()
        .map(|sample| sample.bytes.clone())
        .filter(|bytes| {
            let tag = Message::parse(&mut Reader::new("test", bytes)).unwrap().operation.number();
            (6..=13).contains(&tag)
        })
        .map(|bytes| (Side::Client, bytes))
        .collect();
    let told = converse(&messages);
    let object = "CN=Mart,OU=Reeds,DC=heron,DC=example";
    let line = |detail, code, name| {
        format!("LdapChange - | {object} | {detail} | Failure {{ code: {code}, name: {name:?} }}")
    };
    assert_eq!(
        told.activities,
        [
            line("modify add:member delete:mail", 20, "attributeOrValueExists"),
            line("add", 68, "entryAlreadyExists"),
            line("delete", 66, "notAllowedOnNonLeaf"),
            line("modifyDN CN=Martin below OU=Banks,DC=heron,DC=example", 64, "namingViolation"),
        ]
    );
}

#[test]
fn a_domain_controller_is_looked_for_and_found() {
    let (mut session, mut told) = (Session::default(), Told::default());
    let samples = Cldap::samples();
    for (sample, side) in samples.iter().zip([Side::Client, Side::Server]) {
        let context = context(side, sample.bytes.len());
        Cldap::observe(&sample.bytes, &context, &mut session, &mut told).unwrap();
    }
    let detail = "NtVer=0x20000016 Host=PERCH DC=nest.heron.example Site=Marsh";
    assert_eq!(told.activities, [format!("NetlogonPing - | heron.example | {detail} | Success")]);
    assert_eq!(told.messages, [3, 4, 5].map(|operation| (operation, Quality::Parsed)));
    assert!(session.is_idle());
    // A result without an entry says no.
    Cldap::observe(&samples[0].bytes, &context(Side::Client, 0), &mut session, &mut told).unwrap();
    let (_, no) = server(3, Operation::SearchResultDone(Outcome::new(0)));
    Cldap::observe(&no, &context(Side::Server, 0), &mut session, &mut told).unwrap();
    assert!(told.activities[1].ends_with("| Failure { code: 0, name: \"no entry\" }"));
}

#[test]
fn an_abandoned_search_and_one_without_an_answer() {
    let told = converse(&[
        client(1, search(b"DC=one", ANY)),
        client(2, search(b"", ANY)),
        client(3, Operation::AbandonRequest(1)),
    ]);
    assert_eq!(
        told.activities,
        [
            "LdapQuery - | DC=one | singleLevel (objectClass=*) | Unknown",
            "LdapQuery - | - | singleLevel (objectClass=*) | Unanswered",
        ]
    );
}

/// A buffer that Kerberos signed, with the checksum before the content or behind it.
fn signed(messages: &[u8], rotation: u8) -> Vec<u8> {
    const CHECKSUM: &[u8; 12] = b"the checksum";
    let mut token = b"\x05\x04\x04\xff\x00\x0c\x00".to_vec();
    token.push(rotation);
    token.extend(b"sequence");
    let parts: [&[u8]; 2] = if rotation == 0 { [messages, CHECKSUM] } else { [CHECKSUM, messages] };
    token.extend(parts.concat());
    framed(token)
}

fn framed(token: Vec<u8>) -> Vec<u8> {
    [&u32::try_from(token.len()).unwrap().to_be_bytes()[..], &token].concat()
}

#[test]
fn the_messages_in_a_signed_buffer_are_read() {
    let (_, one) = client(1, search(b"DC=one", ANY));
    let two = [&one[..], b"\x30\x05\x02\x01\x09\x42\x00"].concat();
    let ntlm = framed([b"\x01\x00\x00\x00checksum\x01\x00\x00\x00", &two[..]].concat());
    for buffer in [signed(&two, 0), signed(&two, 12), ntlm] {
        assert_eq!(Ldap::needed(&buffer, buffer.len()), buffer.len());
        // Also where no more than the beginning is there yet.
        let Step::NeedMore { total } = Ldap::step(&buffer[..4], Transport::Tcp) else { panic!() };
        assert_eq!(Ldap::needed(&buffer[..total], buffer.len()), buffer.len());
        let told = converse(&[(Side::Client, buffer)]);
        let operations: Vec<u32> = told.messages.iter().map(|(operation, _)| *operation).collect();
        assert_eq!((operations, told.malformed.len()), (vec![SEALED, 3, 2], 0));
    }
}

#[test]
fn a_sealed_buffer_is_opaque_and_only_its_beginning_is_wanted() {
    let mut buffer = signed(&[0x30; 300], 0);
    buffer[6] = 0x06;
    assert_eq!(Ldap::needed(&buffer, buffer.len()), SEALED_PREFIX + SEALED_LOOK);
    let ntlm = framed([&b"\x01\x00\x00\x00"[..], &[0xa5; 60]].concat());
    assert_eq!(Ldap::needed(&ntlm, ntlm.len()), SEALED_PREFIX + SEALED_LOOK);
    // What `step` asks for before it knows the length is wanted whole.
    let total = SEALED_PREFIX + SEALED_LOOK;
    assert_eq!(Ldap::step(&ntlm[..10], Transport::Tcp), Step::NeedMore { total });
    assert_eq!(Ldap::needed(&ntlm[..10], total), total);
    let (mut session, mut told) = (Session::default(), Told::default());
    let context = context(Side::Server, buffer.len());
    Ldap::observe(&buffer[..28], &context, &mut session, &mut told).unwrap();
    assert_eq!(told.messages, [(SEALED, Quality::Opaque)]);
}

#[test]
fn of_a_cut_message_its_beginning_is_told() {
    let (_, whole) = client(1, search(b"DC=heron", ANY));
    let mut told = Told::default();
    let mut session = Session::default();
    let context = Context { is_cut: true, ..context(Side::Client, whole.len()) };
    let mut read = 0;
    for length in 0..whole.len() {
        read +=
            u32::from(Ldap::observe(&whole[..length], &context, &mut session, &mut told).is_ok());
    }
    assert!(read > 15, "{read}");
    assert!(told.messages.iter().all(|(_, quality)| *quality == Quality::Cut));
    session.finish(&mut told);
    assert_eq!(
        told.activities,
        ["LdapQuery - | DC=heron | singleLevel (objectClass=*) | Unanswered"]
    );
}

#[test]
fn sealed_buffers_obey_the_laws_of_framing() {
    let sealed = Sample::tcp(*b"\x00\x00\x00\x0a\x05\x04\x06\xff\x00\x00\x00\x0c\x01\x02");
    check_message::<Ldap>(&sealed);
    check_message::<Ldap>(&Sample::tcp(signed(b"\x30\x05\x02\x01\x09\x42\x00", 0)));
    assert_eq!(Ldap::probe(&sealed.bytes, Transport::Tcp), Probe::Certain);
    assert_eq!(Ldap::probe(&sealed.bytes[..5], Transport::Tcp), Probe::Possible);
    assert_eq!(Ldap::probe(b"\x00\x00\x00\x00\x05\x04", Transport::Tcp), Probe::No);
}

#[test]
fn an_undefined_operation_is_named() {
    let bytes = b"\x30\x05\x02\x01\x09\x62\x00";
    assert_eq!(probe_message(bytes), Probe::No);
    assert_eq!(
        Envelope::parse(&mut Reader::new("ldap::Message", bytes)).unwrap_err().to_string(),
        "ldap::Message at byte 5: protocolOp 0x62 is not defined"
    );
    assert_eq!(
        Message::parse(&mut Reader::new("ldap::Message", bytes)).unwrap_err().to_string(),
        "ldap::Message at byte 5: protocolOp 0x62 is not defined"
    );
}

#[test]
fn every_operation_of_the_specification_is_known() {
    let constructed = [0, 1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 19, 23, 24, 25];
    let mut want: Vec<u8> = constructed.iter().map(|number| 0x60 + number).collect();
    want.extend([0x42, 0x4a, 0x50]);
    want.sort_unstable();
    let known: Vec<u8> = (0..=u8::MAX).filter(|&tag| is_operation(tag)).collect();
    assert_eq!(known, want);
    for tag in known {
        assert!(names::operation(u32::from(tag & 0x1f)).is_some(), "{tag:#x}");
    }
}

#[test]
fn snmp_is_not_ldap() {
    // Version 2c: an INTEGER, then a community string.
    assert_eq!(probe_message(b"\x30\x29\x02\x01\x01\x04\x06public"), Probe::No);
}

#[test]
fn tls_behind_start_tls_is_another_protocol() {
    let step = Ldap::step(b"\x16\x03\x01\x00\xc4\x01\x00", Transport::Tcp);
    assert!(matches!(step, Step::Malformed(_)), "{step:?}");
}
