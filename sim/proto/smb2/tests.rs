use super::body::*;
use super::negotiate::NegotiateResponse;
use super::part::{At8Long, At16, At16Long, At32, Buffer};
use super::*;
use crate::base::Timestamp;
use crate::proto::{Activity, Dialogue as _, Hint, Id, Side};

#[test]
fn reads_every_field_of_the_header() {
    let bytes = Smb2::samples().remove(0).bytes;
    let Ok(Packet::Chain(chain)) = Packet::parse(&bytes) else { panic!("plain") };
    let (header, body) = chain[0];
    let want = Header {
        protocol: PLAIN,
        structure_size: 64,
        credit_charge: 1,
        status: 0,
        command: 3,
        credits: 33,
        flags: 9,
        next_command: 0,
        message_id: 0x0100_0000_0000_0007,
        async_or_tree: *b"\xff\xfe\x00\x00\x05\x00\x00\x00",
        session_id: 0x8877_6655_4433_2211,
        signature: *b"sixteen-byte-sig",
    };
    assert_eq!(header, want);
    let Body::TreeConnectResponse(tree) = body else { panic!("{body:?}") };
    assert_eq!((tree.share_type, tree.share_flags, tree.maximal_access), (1, 0x0830, 0x001f_01ff));
    let view = HeaderView::peek(&bytes[4..]).unwrap();
    assert_eq!((view.is_response(), view.tree_id()), (true, Some(5)));
}

#[test]
fn every_sample_in_the_clear_is_understood() {
    let mut understood = 0;
    for sample in Smb2::samples() {
        if let Packet::Chain(chain) = Packet::parse(&sample.bytes).unwrap() {
            for (header, body) in chain {
                let is_opaque = matches!(body, Body::Opaque(_));
                assert_eq!(is_opaque, header.command > command::OPLOCK_BREAK, "{header:?}");
                understood += u32::from(!is_opaque);
            }
        }
    }
    assert_eq!(understood, 47);
}

#[test]
fn a_body_that_would_change_stays_opaque() {
    let mut bytes = Smb2::samples().remove(0).bytes;
    let create = Smb2::samples().into_iter().find(|s| s.bytes[16] == 5).unwrap().bytes;
    // The name one byte later than where we would put it: understood, but not typed.
    let mut moved = create.clone();
    moved[68 + 44] += 2;
    moved.splice(4 + 120..4 + 120, [0, 0]);
    moved[3] += 2;
    let Ok(Packet::Chain(chain)) = Packet::parse(&moved) else { panic!("plain") };
    assert!(matches!(chain[0].1, Body::Opaque(_)));
    bytes[8] = 0x41;
    assert_eq!(
        Packet::parse(&bytes).unwrap_err().to_string(),
        "smb2::Header at byte 4: structure_size must be 0x40, is 0x41"
    );
}

/// What an observer was told.
#[derive(Default)]
struct Told {
    operations: Vec<(u32, bool, Quality)>,
    activities: Vec<String>,
}

impl Observer for Told {
    fn message(&mut self, _: &Context, message: &crate::proto::Message<'_>, tally: Tally) {
        if message.id() == Id::Smb2 {
            self.operations.push((tally.operation, tally.is_answer, tally.quality));
        }
    }

    fn activity(&mut self, a: &Activity<'_>) {
        let show =
            |name: Option<&dyn std::fmt::Display>| name.map_or("-".into(), |n| n.to_string());
        let (principal, target, detail) = (show(a.principal), show(a.target), show(a.detail));
        self.activities.push(format!(
            "{:?} {principal} {target} {detail} {:?} {:?}",
            a.kind, a.outcome, a.asked_by
        ));
    }

    fn hint(&mut self, _: &Context, _: Hint<'_>) {}
    fn malformed(&mut self, _: Id, _: WireError) {}
}

/// One connection under test.
#[derive(Default)]
struct Connection {
    dialogue: Conversation,
    told: Told,
    /// How many bytes of a message are given, as after a gap.
    cut: Option<usize>,
}

impl Connection {
    fn hear(&mut self, chain: Vec<(Header, Body<'_>)>) -> Result<(), WireError> {
        let is_response = chain[0].0.flags & FLAG_RESPONSE != 0;
        let mut bytes = Vec::new();
        Packet::Chain(chain).emit(&mut Writer::new(&mut bytes)).unwrap();
        let needed = Smb2::needed(&bytes, bytes.len());
        let present = self.cut.unwrap_or(needed).min(bytes.len());
        let context = Context {
            transport: Transport::Tcp,
            side: if is_response { Side::Server } else { Side::Client },
            time: Timestamp::from_nanos(1),
            length: bytes.len(),
            is_cut: self.cut.is_some(),
        };
        Smb2::observe(&bytes[..present], &context, &mut self.dialogue, &mut self.told)
    }

    fn says(&mut self, message_id: u64, command: u16, body: Body<'_>) {
        self.hear(vec![(request(message_id, command), body)]).unwrap();
    }

    fn answers(&mut self, message_id: u64, command: u16, status: u32, body: Body<'_>) {
        self.hear(vec![(response(message_id, command, status), body)]).unwrap();
    }
}

const SHARE: &[u8] = b"\\\0\\\0d\0c\0\\\0s\0";
const FILE: FileId = [7; 16];

fn request(message_id: u64, command: u16) -> Header {
    Header {
        protocol: PLAIN,
        structure_size: STRUCTURE_SIZE,
        credit_charge: 1,
        status: 0,
        command,
        credits: 1,
        flags: 0,
        next_command: 0,
        message_id,
        async_or_tree: *b"\xff\xfe\0\0\x05\0\0\0",
        session_id: 9,
        signature: [0; 16],
    }
}

fn response(message_id: u64, command: u16, status: u32) -> Header {
    Header { status, flags: FLAG_RESPONSE, ..request(message_id, command) }
}

fn error() -> Body<'static> {
    Body::Error(ErrorResponse { rest: b"\0", ..ErrorResponse::default() })
}

/// A connection whose tree 5 is a share of files with one of them open.
fn with_open_file() -> Connection {
    let mut it = Connection::default();
    let path = TreeConnectRequest { path: At16(Buffer::new(SHARE)), ..Default::default() };
    it.says(1, command::TREE_CONNECT, Body::TreeConnectRequest(path));
    let tree = TreeConnectResponse { share_type: SHARE_DISK, ..Default::default() };
    it.answers(1, command::TREE_CONNECT, 0, Body::TreeConnectResponse(tree));
    let name = At16(Buffer::new(b"a\0.\0b\0"));
    let create = CreateRequest { name, ..Default::default() };
    it.says(2, command::CREATE, Body::CreateRequest(create));
    it.answers(2, command::CREATE, status::PENDING, error());
    let created = CreateResponse { file: FILE, ..Default::default() };
    it.answers(2, command::CREATE, 0, Body::CreateResponse(created));
    it
}

fn close(it: &mut Connection) {
    let close = CloseRequest { file: FILE, ..Default::default() };
    it.says(9, command::CLOSE, Body::CloseRequest(close));
    it.answers(9, command::CLOSE, 0, Body::CloseResponse(CloseResponse::default()));
}

const SHARED: &str = r"ShareAccess - \\dc\s TREE_CONNECT Success Client";

#[test]
fn a_file_that_is_read_is_told_once_when_it_is_closed() {
    let mut it = with_open_file();
    for id in 3..6 {
        let read = ReadRequest { file: FILE, length: 4, ..Default::default() };
        it.says(id, command::READ, Body::ReadRequest(read));
        let data = At8Long(Buffer::new(b"data"));
        let read = ReadResponse { data, ..Default::default() };
        it.answers(id, command::READ, 0, Body::ReadResponse(read));
    }
    assert_eq!(it.told.activities, [SHARED]);
    close(&mut it);
    it.dialogue.finish(&mut it.told);
    let copied = r"FileCopy - \\dc\s\a.b read Success Client";
    assert_eq!(it.told.activities, [SHARED, copied]);
}

#[test]
fn a_file_without_a_byte_read_is_not_told() {
    let mut it = with_open_file();
    let read = ReadRequest { file: FILE, length: 4, ..Default::default() };
    it.says(3, command::READ, Body::ReadRequest(read));
    it.answers(3, command::READ, status::END_OF_FILE, error());
    close(&mut it);
    it.dialogue.finish(&mut it.told);
    assert_eq!(it.told.activities, [SHARED]);
}

#[test]
fn a_write_that_is_refused_and_one_without_an_answer_are_told() {
    for (status, outcome) in [
        (Some(0xc000_0022), r#"Failure { code: 3221225506, name: "STATUS_ACCESS_DENIED" }"#),
        (None, "Unanswered"),
    ] {
        let mut it = with_open_file();
        let data = At16Long(Buffer::new(b"data"));
        let write = WriteRequest { data, file: FILE, ..Default::default() };
        it.says(3, command::WRITE, Body::WriteRequest(write));
        if let Some(status) = status {
            it.answers(3, command::WRITE, status, error());
        }
        it.dialogue.finish(&mut it.told);
        let copied = format!(r"FileCopy - \\dc\s\a.b write {outcome} Client");
        assert_eq!(it.told.activities, [SHARED.to_owned(), copied]);
    }
}

#[test]
fn related_messages_work_on_the_file_that_the_chain_opened() {
    let mut it = with_open_file();
    let name = At16(Buffer::new(b"c\0"));
    let related = |id, command| Header { flags: FLAG_RELATED, ..request(id, command) };
    let (other, file) = ([8; 16], RELATED_FILE);
    let read = ReadRequest { file, length: 4, ..Default::default() };
    it.hear(vec![
        (
            request(20, command::CREATE),
            Body::CreateRequest(CreateRequest { name, ..Default::default() }),
        ),
        (related(21, command::READ), Body::ReadRequest(read)),
        (
            related(22, command::CLOSE),
            Body::CloseRequest(CloseRequest { file, ..Default::default() }),
        ),
    ])
    .unwrap();
    let data = At8Long(Buffer::new(b"data"));
    it.hear(vec![
        (
            response(20, command::CREATE, 0),
            Body::CreateResponse(CreateResponse { file: other, ..Default::default() }),
        ),
        (
            response(21, command::READ, 0),
            Body::ReadResponse(ReadResponse { data, ..Default::default() }),
        ),
        (response(22, command::CLOSE, 0), Body::CloseResponse(CloseResponse::default())),
    ])
    .unwrap();
    assert_eq!(it.told.activities, [SHARED, r"FileCopy - \\dc\s\c read Success Client"]);
    assert_eq!(it.told.operations.len(), 5 + 6);
}

#[test]
fn a_refused_share_is_told_with_its_status() {
    let mut it = Connection::default();
    let path = TreeConnectRequest { path: At16(Buffer::new(SHARE)), ..Default::default() };
    it.says(1, command::TREE_CONNECT, Body::TreeConnectRequest(path));
    it.answers(1, command::TREE_CONNECT, 0xc000_00cc, error());
    let code = r#"Failure { code: 3221225676, name: "STATUS_BAD_NETWORK_NAME" }"#;
    let told = format!(r"ShareAccess - \\dc\s TREE_CONNECT {code} Client");
    assert_eq!(it.told.activities, [told]);
}

#[test]
fn bulk_data_is_not_waited_for() {
    let data = vec![1; 100_000];
    let read = ReadResponse { data: At8Long(Buffer::new(&data)), ..Default::default() };
    let chain = vec![(response(3, command::READ, 0), Body::ReadResponse(read))];
    let mut bytes = Vec::new();
    Packet::Chain(chain.clone()).emit(&mut Writer::new(&mut bytes)).unwrap();
    assert_eq!(Smb2::needed(&bytes, bytes.len()), HEAD);
    // Too little is there to tell: all of what the step asked for.
    assert_eq!(Smb2::needed(&bytes[..50], HEAD), HEAD);
    assert_eq!(Smb2::step(&bytes[..50], Transport::Tcp), Step::NeedMore { total: HEAD });

    let mut it = with_open_file();
    let read = ReadRequest { file: FILE, length: 100_000, ..Default::default() };
    it.says(3, command::READ, Body::ReadRequest(read));
    it.hear(chain).unwrap();
    assert_eq!(it.told.operations.last(), Some(&(8, true, Quality::Parsed)));
    close(&mut it);
    assert_eq!(it.told.activities[1], r"FileCopy - \\dc\s\a.b read Success Client");
}

#[test]
fn what_was_cut_is_told_as_far_as_it_goes() {
    let mut it = Connection { cut: Some(90), ..Connection::default() };
    let answer = NegotiateResponse { dialect: 0x0302, ..Default::default() };
    it.answers(1, command::NEGOTIATE, 0, Body::NegotiateResponse(answer));
    assert_eq!(it.told.operations, [(0, true, Quality::Cut)]);
    let chain = vec![(request(2, command::ECHO), Body::EchoRequest(EchoRequest::default()))];
    it.cut = Some(30); // the header holds the command and the flags
    it.hear(chain.clone()).unwrap();
    assert_eq!(it.told.operations[1..], [(13, false, Quality::Cut)]);
    it.cut = Some(23); // not all flags
    assert!(it.hear(chain).unwrap_err().is_truncation());
    assert_eq!(it.told.operations.len(), 2);
}

#[test]
fn nothing_grows_without_bound() {
    let mut it = with_open_file();
    for id in 0..1_000_u64 {
        let mut file = [0; 16];
        file[..8].copy_from_slice(&id.to_le_bytes());
        let name = At16(Buffer::new(b"x\0"));
        let create = CreateRequest { name, ..Default::default() };
        it.says(100 + id, command::CREATE, Body::CreateRequest(create));
        let created = CreateResponse { file, ..Default::default() };
        it.answers(100 + id, command::CREATE, 0, Body::CreateResponse(created));
        let data = At16Long(Buffer::new(b"data"));
        let write = WriteRequest { data, file, ..Default::default() };
        it.says(5_000 + id, command::WRITE, Body::WriteRequest(write));
        let written = WriteResponse { count: 4, ..Default::default() };
        it.answers(5_000 + id, command::WRITE, 0, Body::WriteResponse(written));
        let setup = SessionSetupRequest::default();
        let new = Header { session_id: 0, ..request(9_000 + id, command::SESSION_SETUP) };
        it.hear(vec![(new, Body::SessionSetupRequest(setup))]).unwrap();
    }
    // Each file was told, by losing its place or at the end.
    it.dialogue.finish(&mut it.told);
    assert_eq!(it.told.activities.len(), 1 + 1_000);
    it.dialogue.reset();
    assert!(it.dialogue.is_idle());
}

#[test]
fn a_keep_alive_stands_between_messages() {
    assert_eq!(Smb2::step(b"\x85\0\0\0rest", Transport::Tcp), Step::Message { length: 4 });
    assert!(matches!(Smb2::step(b"\x85\0\0\x01rest", Transport::Tcp), Step::Malformed(_)));
    assert_eq!(Smb2::step(b"\x85\0", Transport::Tcp), Step::NeedMore { total: 4 });
}

/// AUTHENTICATE of a client that says no more than its domain and name, \[MS-NLMP\] 2.2.1.3.
fn token() -> Vec<u8> {
    let mut token = b"NTLMSSP\0\x03\0\0\0".to_vec();
    let field = |length: u16, at: u32| {
        [&length.to_le_bytes()[..], &length.to_le_bytes(), &at.to_le_bytes()].concat()
    };
    for (length, at) in [(0, 64), (0, 64), (6, 64), (6, 70), (0, 76), (0, 76)] {
        token.extend(field(length, at));
    }
    token.extend(b"\x01\0\0\0"); // UTF-16
    token.extend(b"L\0A\0B\0a\0d\0a\0");
    token
}

#[test]
fn a_call_through_a_pipe_is_of_the_account_of_the_session() {
    let mut it = Connection::default();
    let token = token();
    let setup = SessionSetupRequest { token: At16(Buffer::new(&token)), ..Default::default() };
    it.says(1, command::SESSION_SETUP, Body::SessionSetupRequest(setup));
    it.answers(1, command::SESSION_SETUP, 0, Body::SessionSetupResponse(Default::default()));
    // NetrShareEnum without a bind: of an interface that is not known.
    let call = b"\x05\0\0\x03\x10\0\0\0\x18\0\0\0\x02\0\0\0\0\0\0\0\0\0\x0f\0";
    for (id, file) in [(2, FILE), (3, [8; 16])] {
        if file == FILE {
            it.says(id, command::CREATE, Body::CreateRequest(CreateRequest::default()));
            let created = CreateResponse { file, ..Default::default() };
            it.answers(id, command::CREATE, 0, Body::CreateResponse(created));
        }
        let input = At32(Buffer::new(call));
        let ioctl = IoctlRequest { code: PIPE_TRANSCEIVE, file, input, ..Default::default() };
        it.says(4, command::IOCTL, Body::IoctlRequest(ioctl));
    }
    it.dialogue.finish(&mut it.told);
    let called = r"RemoteCall LAB\ada - opnum 15 of an unknown interface Unanswered Client";
    assert_eq!(it.told.activities[1..], [called; 2]);
}

#[test]
fn a_logon_without_an_answer_is_told_at_the_end() {
    let token = token();
    let mut it = Connection::default();
    let setup = SessionSetupRequest { token: At16(Buffer::new(&token)), ..Default::default() };
    it.says(1, command::SESSION_SETUP, Body::SessionSetupRequest(setup));
    it.dialogue.finish(&mut it.told);
    assert_eq!(it.told.activities.len(), 1, "{:?}", it.told.activities);
    assert!(it.told.activities[0].starts_with(r"NtlmLogon LAB\ada"), "{:?}", it.told.activities);
    assert!(it.told.activities[0].ends_with("Unanswered Client"));
}
