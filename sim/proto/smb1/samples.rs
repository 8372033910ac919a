//! One message of each shape, made from the specification with names of our own.

use super::words::*;
use super::{AndX, Block, FLAG_REPLY, Header, MAGIC, Packet, Words, command};
use crate::proto::Sample;
use crate::wire::Writer;

const TIME: u64 = 0x01dc_5a3e_1122_3344;
const DOS_TIME: u32 = 0x5566_7788;
const TOKEN: &[u8] = b"NTLMSSP\0\x01\x00\x00\x00\x97\x82\x08\xe2";
/// Bytes before the parameters of a transaction: header, word count, 14 words, one setup word and
/// the byte count.
const REQUEST_DATA: u16 = 32 + 1 + 28 + 2 + 2;
/// Bytes before the parameters of its response.
const RESPONSE_DATA: u16 = 32 + 1 + 20 + 2;

/// No command follows.
const LAST: AndX = AndX { command: command::NO_ANDX_COMMAND, reserved: 0, offset: 0xdead };

/// All samples.
pub(super) fn samples() -> Vec<Sample> {
    let mut all = vec![negotiate()];
    all.extend(sessions());
    all.extend(trees());
    all.extend(opens());
    all.extend(transfers());
    all.extend(transactions());
    all.extend(names());
    all.extend(others());
    all
}

/// Negotiate with one dialect, all header fields in use, byte for byte.
fn negotiate() -> Sample {
    let mut request = b"\x00\x00\x00\x2f\xffSMB\x72\x05\x00\x00\xc0\x18\x01\xc8\x34\x12".to_vec();
    request.extend(b"signme!!\x01\x00\x22\x11\xfe\xca\x44\x33\x66\x55");
    request.extend(b"\x00\x0c\x00\x02NT LM 0.12");
    request.push(0);
    Sample::tcp(request)
}

fn header(command: u8, is_response: bool) -> Header {
    Header {
        protocol: MAGIC,
        command,
        status: if is_response { 0 } else { 1 },
        flags: 0x18 | if is_response { FLAG_REPLY } else { 0 },
        flags2: 0xc801,
        process_high: 0x1234,
        security: *b"signme!!",
        reserved: 1,
        tree_id: 0x1122,
        process_low: 0xcafe,
        user_id: 0x3344,
        multiplex_id: 0x5566,
    }
}

fn block<'a>(command: u8, words: Words<'a>, data: &'a [u8]) -> Block<'a> {
    let has_next = command::is_andx(command) && words != Words::NoWords(NoWords::default());
    Block { command, words, data, and_x: has_next.then_some(LAST) }
}

fn emit(is_response: bool, blocks: Vec<Block<'_>>) -> Sample {
    let command = blocks.first().map_or(0, |block| block.command);
    let mut bytes = Vec::new();
    let packet = Packet { header: header(command, is_response), blocks, rest: &[] };
    packet.emit(&mut Writer::new(&mut bytes)).expect("samples are short");
    Sample::tcp(bytes)
}

fn request(command: u8, words: Words<'_>, data: &[u8]) -> Sample {
    emit(false, vec![block(command, words, data)])
}

fn response(command: u8, words: Words<'_>, data: &[u8]) -> Sample {
    emit(true, vec![block(command, words, data)])
}

/// `text` in UTF-16 with what ends it.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// Strings that begin at an odd offset, behind `before`.
fn padded(before: &[u8], texts: &[&str]) -> Vec<u8> {
    let mut data = before.to_vec();
    data.extend(texts.iter().flat_map(|text| wide(text)));
    data
}

fn session_plain() -> SessionSetupPlain<'static> {
    SessionSetupPlain {
        max_buffer: 4356,
        max_mpx: 10,
        vc_number: 1,
        session_key: 7,
        oem_password_length: 24,
        unicode_password_length: 24,
        reserved: 8,
        capabilities: 0xd4,
        more: &[],
    }
}

fn sessions() -> Vec<Sample> {
    let more = &[][..];
    let modern = NegotiateResponse {
        dialect: 5,
        security_mode: 3,
        max_mpx: 50,
        max_vcs: 1,
        max_buffer: 16644,
        max_raw: 65536,
        session_key: 7,
        capabilities: 0x8000_e3fd,
        time: TIME,
        time_zone: 0xffc4,
        challenge_length: 8,
        more,
    };
    let old = LanmanResponse {
        dialect: 3,
        security_mode: 3,
        max_buffer: 4096,
        max_mpx: 50,
        max_vcs: 1,
        raw_mode: 3,
        session_key: 7,
        time: DOS_TIME,
        time_zone: 60,
        challenge_length: 8,
        reserved: 9,
        more,
    };
    let extended = SessionSetupExtended {
        max_buffer: 4356,
        max_mpx: 10,
        vc_number: 1,
        session_key: 7,
        token_length: 16,
        reserved: 8,
        capabilities: 0x8000_00d4,
        more,
    };
    let lanman = SessionSetupLanman {
        max_buffer: 4356,
        max_mpx: 10,
        vc_number: 1,
        session_key: 7,
        password_length: 24,
        reserved: 8,
        more,
    };
    let answer = SessionSetupResponse { action: 1, more };
    let goes_on = SessionSetupExtendedResponse { action: 1, token_length: 16, more };
    let names = ["ada", "LAB", "Windows 5.1", "Windows 2000 LAN Manager"];
    let passwords = [[0x11; 24], [0x22; 24]].concat();
    // 32 + 1 + 26 + 2 + 48 is odd, and so are the places behind the tokens.
    let plain = padded(&[&passwords[..], b"\0"].concat(), &names);
    let token = padded(&[TOKEN, b"\0"].concat(), &["Unix", "Samba"]);
    let told = padded(b"\0", &["Unix", "Samba", "LAB"]);
    let nothing = Words::NoWords(NoWords::default());
    let dialects = b"\x02PC NETWORK PROGRAM 1.0\0\x02LANMAN1.0\0\x02NT LM 0.12\0";
    use command::{LOGOFF_ANDX, NEGOTIATE, SESSION_SETUP_ANDX};
    vec![
        request(NEGOTIATE, nothing, dialects),
        response(NEGOTIATE, Words::NegotiateResponse(modern), b"challngeL\0A\0B\0\0\0"),
        response(NEGOTIATE, Words::LanmanResponse(old), b"challngeLAB\0"),
        response(NEGOTIATE, Words::DialectChosen(DialectChosen { dialect: 0xffff, more }), b""),
        request(SESSION_SETUP_ANDX, Words::SessionSetupExtended(extended), &token),
        request(SESSION_SETUP_ANDX, Words::SessionSetupPlain(session_plain()), &plain),
        request(SESSION_SETUP_ANDX, Words::SessionSetupLanman(lanman), &plain),
        response(SESSION_SETUP_ANDX, Words::SessionSetupResponse(answer), &told),
        response(SESSION_SETUP_ANDX, Words::SessionSetupExtendedResponse(goes_on), &token),
        emit(false, vec![Block { and_x: Some(LAST), ..block(LOGOFF_ANDX, nothing, b"") }]),
    ]
}

fn trees() -> Vec<Sample> {
    let more = &[][..];
    let connect = TreeConnectRequest { flags: 8, password_length: 1, more };
    let connected = TreeConnectResponse { more: b"\x01\x00\xff\x01\x1f\x00\x00\x00\x00\x01" };
    let path = [&b"\0"[..], &wide(r"\\dc1\IPC$"), b"?????\0"].concat();
    let chained = [&[0x11; 24][..], &[0x22; 24], b"\0", &wide("ada"), &wide("LAB")].concat();
    let old = OldTreeConnectResponse { max_buffer: 4096, tree: 0x1122, more };
    use command::{SESSION_SETUP_ANDX, TREE_CONNECT, TREE_CONNECT_ANDX, TREE_DISCONNECT};
    let nothing = Words::NoWords(NoWords::default());
    vec![
        request(TREE_CONNECT_ANDX, Words::TreeConnectRequest(connect), &path),
        response(TREE_CONNECT_ANDX, Words::TreeConnectResponse(connected), b"IPC\0\0\0"),
        // A logon and a share in one message.
        emit(
            false,
            vec![
                block(SESSION_SETUP_ANDX, Words::SessionSetupPlain(session_plain()), &chained),
                block(TREE_CONNECT_ANDX, Words::TreeConnectRequest(connect), &path),
            ],
        ),
        request(TREE_CONNECT, nothing, b"\x04\\\\DC1\\SYSVOL\0\x04\0\x04A:\0"),
        response(TREE_CONNECT, Words::OldTreeConnectResponse(old), b""),
        request(TREE_DISCONNECT, nothing, b""),
    ]
}

fn opens() -> Vec<Sample> {
    let more = &[][..];
    let name = padded(b"\0", &[r"\lab\gpt.ini"]);
    let nt = NtCreateRequest {
        reserved: 1,
        name_length: 24,
        flags: 0x16,
        root: 2,
        access: 0x0012_0089,
        allocation: 3,
        attributes: 0x80,
        share: 7,
        disposition: 1,
        options: 0x44,
        impersonation: 2,
        security: 3,
        more,
    };
    let nt_answer = NtCreateResponse {
        lock: 1,
        file: 0x4001,
        disposition: 1,
        created: TIME,
        accessed: TIME + 1,
        written: TIME + 2,
        changed: TIME + 3,
        attributes: 0x20,
        allocation: 4096,
        size: 22,
        resource: 1,
        pipe_status: 7,
        directory: 1,
        more,
    };
    let open = OpenAndxRequest {
        flags: 7,
        access: 0x42,
        search: 6,
        attributes: 0x20,
        created: DOS_TIME,
        mode: 0x11,
        allocation: 8,
        timeout: 9,
        reserved: 10,
        more,
    };
    let open_answer = OpenAndxResponse {
        file: 0x4001,
        attributes: 0x20,
        written: DOS_TIME,
        size: 22,
        access: 2,
        resource: 1,
        pipe_status: 3,
        result: 1,
        reserved: [4; 6],
        more,
    };
    let plain = OpenRequest { access: 0x42, search: 6, more };
    let plain_answer = OpenResponse {
        file: 0x4001,
        attributes: 0x20,
        written: DOS_TIME,
        size: 22,
        access: 2,
        more,
    };
    let tagged = padded(b"\x04", &[r"\lab\gpt.ini"]);
    let close = CloseRequest { file: 0x4001, written: DOS_TIME, more };
    use command::{CLOSE, FLUSH, LOCKING_ANDX, NT_CREATE_ANDX, OPEN, OPEN_ANDX};
    let locking = LockingRequest {
        file: 0x4001,
        kind: 0x10,
        level: 1,
        timeout: 5,
        unlocks: 1,
        locks: 2,
        more,
    };
    vec![
        request(NT_CREATE_ANDX, Words::NtCreateRequest(nt), &name),
        response(NT_CREATE_ANDX, Words::NtCreateResponse(nt_answer), b""),
        request(OPEN_ANDX, Words::OpenAndxRequest(open), &name),
        response(OPEN_ANDX, Words::OpenAndxResponse(open_answer), b""),
        request(OPEN, Words::OpenRequest(plain), &tagged),
        response(OPEN, Words::OpenResponse(plain_answer), b""),
        request(CLOSE, Words::CloseRequest(close), b""),
        response(CLOSE, Words::NoWords(NoWords::default()), b""),
        request(FLUSH, Words::FlushRequest(FlushRequest { file: 0x4001, more }), b""),
        request(LOCKING_ANDX, Words::LockingRequest(locking), &[7; 60]),
    ]
}

fn transfers() -> Vec<Sample> {
    let more = &[][..];
    let read = ReadAndxRequest {
        file: 0x4001,
        offset: 9,
        count_max: 4096,
        count_min: 1,
        timeout: 2,
        remaining: 3,
        more: b"\x01\x00\x00\x00",
    };
    let read_answer = ReadAndxResponse {
        available: 1,
        compaction: 2,
        reserved1: 3,
        length: 4,
        offset: 60,
        length_high: 0,
        reserved2: [5; 8],
        more,
    };
    let write = WriteAndxRequest {
        file: 0x4001,
        offset: 9,
        timeout: 1,
        mode: 8,
        remaining: 4,
        length_high: 0,
        length: 4,
        data: 64,
        more: b"\x01\x00\x00\x00",
    };
    let write_answer =
        WriteAndxResponse { count: 4, available: 1, count_high: 2, reserved: 3, more };
    let old_read = ReadRequest { file: 0x4001, count: 4, offset: 9, remaining: 1, more };
    let old_read_answer = ReadResponse { count: 4, reserved: [6; 8], more };
    let old_write = WriteRequest { file: 0x4001, count: 4, offset: 9, remaining: 1, more };
    use command::{READ, READ_ANDX, WRITE, WRITE_ANDX};
    vec![
        request(READ_ANDX, Words::ReadAndxRequest(read), b""),
        response(READ_ANDX, Words::ReadAndxResponse(read_answer), b"\0data"),
        request(WRITE_ANDX, Words::WriteAndxRequest(write), b"\0data"),
        response(WRITE_ANDX, Words::WriteAndxResponse(write_answer), b""),
        request(READ, Words::ReadRequest(old_read), b""),
        response(READ, Words::ReadResponse(old_read_answer), b"\x01\x04\x00data"),
        request(WRITE, Words::WriteRequest(old_write), b"\x01\x04\x00data"),
        response(WRITE, Words::WriteResponse(WriteResponse { count: 4, more }), b""),
    ]
}

fn transaction(setup: &[u8], before: u16, parameters: u16, data: u16) -> TransactionRequest<'_> {
    let setup_count = u8::try_from(setup.len() / 2).unwrap_or(u8::MAX);
    let start = REQUEST_DATA + 2 * (u16::from(setup_count) - 1) + before;
    TransactionRequest {
        total_parameters: parameters,
        total_data: data,
        max_parameters: 10,
        max_data: 4280,
        max_setup: 1,
        reserved1: 1,
        flags: 2,
        timeout: 3,
        reserved2: 4,
        parameter_length: parameters,
        parameter_offset: start,
        data_length: data,
        data_offset: start + parameters,
        setup_count,
        reserved3: 5,
        more: setup,
    }
}

fn transactions() -> Vec<Sample> {
    let answer = TransactionResponse {
        total_parameters: 2,
        total_data: 4,
        reserved1: 1,
        parameter_length: 2,
        parameter_offset: RESPONSE_DATA + 1,
        parameter_displacement: 2,
        data_length: 4,
        data_offset: RESPONSE_DATA + 3,
        data_displacement: 3,
        setup_count: 0,
        reserved2: 4,
        more: &[],
    };
    let pipe = padded(b"\0", &[r"\PIPE\"]);
    let at = u16::try_from(pipe.len()).unwrap_or_default();
    let transact = transaction(b"\x26\x00\x01\x40", at, 0, 4);
    // FIND_FIRST2: twelve bytes of parameters before the pattern.
    let pattern = padded(b"\0\0\0\x16\0\x56\x05\x06\0\x04\x01\0\0\0\0", &[r"\lab\*"]);
    let find = transaction(b"\x01\x00", 3, u16::try_from(pattern.len() - 3).unwrap_or_default(), 0);
    let notify = NtTransactRequest {
        max_setup: 1,
        reserved: 2,
        total_parameters: 3,
        total_data: 4,
        max_parameters: 32,
        max_data: 5,
        parameter_length: 3,
        parameter_offset: 84,
        data_length: 4,
        data_offset: 88,
        setup_count: 4,
        function: 4,
        more: b"\x17\x00\x00\x00\x01\x40\x01\x00",
    };
    let changed = NtTransactResponse {
        reserved: [1; 3],
        total_parameters: 4,
        total_data: 1,
        parameter_length: 4,
        parameter_offset: 76,
        parameter_displacement: 2,
        data_length: 1,
        data_offset: 80,
        data_displacement: 3,
        setup_count: 0,
        more: &[],
    };
    use command::{NT_TRANSACT, TRANSACTION, TRANSACTION2};
    let transact_data = [&pipe[..], b"\x05\0\0\x03"].concat();
    vec![
        request(TRANSACTION, Words::TransactionRequest(transact), &transact_data),
        response(TRANSACTION, Words::TransactionResponse(answer), b"\0pa\x05\0\x02\x03"),
        request(TRANSACTION2, Words::TransactionRequest(find), &pattern),
        response(TRANSACTION2, Words::TransactionResponse(answer), b"\0padata"),
        request(NT_TRANSACT, Words::NtTransactRequest(notify), b"\0par\0data"),
        response(NT_TRANSACT, Words::NtTransactResponse(changed), b"\0pardd"),
    ]
}

/// Requests that name files.
fn names() -> Vec<Sample> {
    let (more, search) = (&[][..], 0x16);
    let nothing = Words::NoWords(NoWords::default());
    let one = padded(b"\x04", &[r"\old"]);
    let two = [&b"\x04"[..], &wide(r"\logon.bat"), b"\x04\0", &wide(r"\old\logon.bat")].concat();
    let set = SetInformationRequest { attributes: 1, written: DOS_TIME, reserved: [2; 10], more };
    let told = QueryInformationResponse {
        attributes: 0x20,
        written: DOS_TIME,
        size: 22,
        reserved: [3; 10],
        more,
    };
    let nt = NtRenameRequest { search, level: 0x104, reserved: 1, more };
    let entries = SearchRequest { count: 10, search, more };
    use command as c;
    vec![
        request(c::CREATE_DIRECTORY, nothing, &one),
        request(c::DELETE_DIRECTORY, nothing, &one),
        request(c::CHECK_DIRECTORY, nothing, &one),
        request(c::QUERY_INFORMATION, nothing, &one),
        response(c::QUERY_INFORMATION, Words::QueryInformationResponse(told), b""),
        request(c::SET_INFORMATION, Words::SetInformationRequest(set), &one),
        request(c::DELETE, Words::DeleteRequest(DeleteRequest { search, more }), &one),
        request(c::RENAME, Words::RenameRequest(RenameRequest { search, more }), &two),
        request(c::NT_RENAME, Words::NtRenameRequest(nt), &two),
        request(c::SEARCH, Words::SearchRequest(entries), &one),
        response(
            c::SEARCH,
            Words::SearchResponse(SearchResponse { count: 0, more }),
            b"\x05\x00\x00",
        ),
    ]
}

fn others() -> Vec<Sample> {
    let more = &[][..];
    let disk =
        DiskResponse { units: 1000, blocks: 8, block_size: 512, free: 500, reserved: 1, more };
    use command as c;
    vec![
        response(c::QUERY_INFORMATION_DISK, Words::DiskResponse(disk), b""),
        request(c::ECHO, Words::EchoRequest(EchoRequest { count: 2, more }), b"echo"),
        response(c::ECHO, Words::EchoResponse(EchoResponse { sequence: 1, more }), b"echo"),
        request(
            c::FIND_CLOSE2,
            Words::FindClose2Request(FindClose2Request { search: 7, more }),
            b"",
        ),
        // Not looked into.
        request(c::SEEK, Words::Opaque(b"\x01\x40\x00\x00\x09\x00\x00\x00"), b""),
    ]
}
