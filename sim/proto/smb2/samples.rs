//! One message of each kind, made from the specification with names of our own.

use super::body::*;
use super::negotiate::{Contexts, NegotiateRequest, NegotiateResponse};
use super::part::{At8Long, At16, At16Long, At16Wide, At32, Buffer, Following, Locks, Long16At};
use super::{
    Body, COMPRESSED, Compression, ENCRYPTED, FLAG_ASYNC, FLAG_RELATED, FLAG_RESPONSE, Header,
    PLAIN, Packet, STRUCTURE_SIZE, Transform, command, status,
};
use crate::proto::Sample;
use crate::wire::Writer;

const FILE: FileId = *b"persist\x01volatil\x02";
const TIME: u64 = 0x01dc_5a3e_1122_3344;
const TOKEN: &[u8] = b"NTLMSSP\0\x01\x00\x00\x00\x97\x82\x08\xe2";
const PATH: &[u8] = b"\\\0\\\0d\0c\x001\0\\\0s\0y\0s\0v\0o\0l\0";
const NAME: &[u8] = b"g\0p\0t\0.\0i\0n\0i\0";
const PREAUTH: &[u8] = b"\x01\x00\x0a\x00\x01\x00\x00\x00\x01\x00\x04\x00\x01\x00salt\0\0\0\0\0\0\
      \x02\x00\x04\x00\x02\x00\x00\x00\x01\x00\x02\x00";
const LEASE: &[u8] = b"\0\0\0\0\x10\0\x04\0\0\0\x18\0\x20\0\0\0RqLs\0\0\0\0sixteen-byte-key\
      \x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// All samples.
pub(super) fn samples() -> Vec<Sample> {
    let mut all = opaque();
    all.extend(session());
    all.extend(files());
    all.extend(queries());
    all.extend(breaks_and_failures());
    all.extend(chains());
    all
}

/// A header of which every field is in use.
fn header(command: u16, is_response: bool) -> Header {
    Header {
        protocol: PLAIN,
        structure_size: STRUCTURE_SIZE,
        credit_charge: 1,
        status: if is_response { 0 } else { 0x0000_0101 }, // a request's channel sequence
        command,
        credits: 33,
        flags: 8 | if is_response { FLAG_RESPONSE } else { 0 },
        next_command: 0,
        message_id: 0x0100_0000_0000_0007,
        async_or_tree: *b"\xff\xfe\x00\x00\x05\x00\x00\x00",
        session_id: 0x8877_6655_4433_2211,
        signature: *b"sixteen-byte-sig",
    }
}

fn emit(packet: &Packet<'_>) -> Sample {
    let mut bytes = Vec::new();
    packet.emit(&mut Writer::new(&mut bytes)).expect("samples are short");
    Sample::tcp(bytes)
}

fn request(command: u16, body: Body<'_>) -> Sample {
    emit(&Packet::Chain(vec![(header(command, false), body)]))
}

fn response(command: u16, body: Body<'_>) -> Sample {
    emit(&Packet::Chain(vec![(header(command, true), body)]))
}

fn failed(command: u16, status: u32, body: Body<'_>) -> Sample {
    emit(&Packet::Chain(vec![(Header { status, ..header(command, true) }, body)]))
}

/// Messages that do not show what is inside, byte for byte, and one that does.
fn opaque() -> Vec<Sample> {
    // Response to a tree connect, all header fields in use.
    let mut plain = b"\x00\x00\x00\x50\xfeSMB\x40\x00\x01\x00\x00\x00\x00\x00\x03\x00".to_vec();
    plain.extend(b"\x21\x00\x09\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x01");
    plain.extend(b"\xff\xfe\x00\x00\x05\x00\x00\x00\x11\x22\x33\x44\x55\x66\x77\x88");
    plain.extend(b"sixteen-byte-sig");
    plain.extend(b"\x10\x00\x01\x00\x30\x08\x00\x00\x20\x01\x00\x00\xff\x01\x1f\x00");
    let encrypted = Transform {
        protocol: ENCRYPTED,
        signature: *b"sixteen-byte-tag",
        nonce: *b"sixteen-byte-nnc",
        original_message_size: 8,
        reserved: 1,
        flags: 1,
        session_id: 0x8877_6655_4433_2211,
    };
    let compressed = Compression {
        protocol: COMPRESSED,
        original_size: 4096,
        algorithm: 2,
        flags: 1,
        offset_or_length: 4,
    };
    vec![
        Sample::tcp(plain),
        emit(&Packet::Encrypted(encrypted, b"\xd0\x0d\xd0\x0d\xd0\x0d\xd0\x0d")),
        emit(&Packet::Compressed(compressed, b"\xde\xad\xbe\xef")),
    ]
}

fn session() -> Vec<Sample> {
    let client = *b"client-of-16-byt";
    let contexts = Contexts { count: 2, bytes: PREAUTH };
    let rest = &[][..];
    let modern = NegotiateRequest {
        security_mode: 1,
        capabilities: 0x7f,
        client,
        dialects: b"\x02\x02\x10\x02\x00\x03\x02\x03\x11\x03",
        contexts,
        ..NegotiateRequest::default()
    };
    let old =
        NegotiateRequest { dialects: b"\x02\x02\x10\x02", security_mode: 2, client, ..modern };
    let old = NegotiateRequest { contexts: Contexts::default(), start_time: *b"startime", ..old };
    let chosen = NegotiateResponse {
        security_mode: 3,
        dialect: 0x0311,
        server: *b"server-of-16-byt",
        capabilities: 0x2f,
        sizes_max: [0x0080_0000, 0x0081_0000, 0x0082_0000],
        time: TIME,
        start_time: 7,
        token: TOKEN,
        contexts,
        ..NegotiateResponse::default()
    };
    let wildcard = NegotiateResponse { dialect: 0x02ff, reserved: 0x204d_4c20, ..chosen };
    let wildcard = NegotiateResponse { contexts: Contexts::default(), ..wildcard };
    let token = At16(Buffer::new(TOKEN));
    let setup = SessionSetupRequest {
        flags: 1,
        security_mode: 1,
        capabilities: 1,
        channel: 9,
        token,
        previous_session: 0x55,
        rest,
    };
    let goes_on = SessionSetupResponse { flags: 1, token, rest };
    let path = At16(Buffer::new(PATH));
    let tree = TreeConnectResponse {
        share_type: SHARE_PIPE,
        reserved: 1,
        share_flags: 0x30,
        capabilities: 8,
        maximal_access: 0x001f_01ff,
        rest,
    };
    let reserved = 1;
    vec![
        request(command::NEGOTIATE, Body::NegotiateRequest(modern)),
        request(command::NEGOTIATE, Body::NegotiateRequest(old)),
        response(command::NEGOTIATE, Body::NegotiateResponse(chosen)),
        response(command::NEGOTIATE, Body::NegotiateResponse(wildcard)),
        request(command::SESSION_SETUP, Body::SessionSetupRequest(setup)),
        failed(
            command::SESSION_SETUP,
            status::MORE_PROCESSING_REQUIRED,
            Body::SessionSetupResponse(goes_on),
        ),
        request(command::LOGOFF, Body::LogoffRequest(LogoffRequest { reserved, rest })),
        response(command::LOGOFF, Body::LogoffResponse(LogoffResponse { reserved, rest })),
        request(
            command::TREE_CONNECT,
            Body::TreeConnectRequest(TreeConnectRequest { flags: 1, path, rest }),
        ),
        response(command::TREE_CONNECT, Body::TreeConnectResponse(tree)),
        request(
            command::TREE_DISCONNECT,
            Body::TreeDisconnectRequest(TreeDisconnectRequest { reserved, rest }),
        ),
        response(
            command::TREE_DISCONNECT,
            Body::TreeDisconnectResponse(TreeDisconnectResponse { reserved, rest }),
        ),
        request(command::ECHO, Body::EchoRequest(EchoRequest { reserved, rest })),
        response(command::ECHO, Body::EchoResponse(EchoResponse { reserved, rest })),
        request(command::CANCEL, Body::CancelRequest(CancelRequest { reserved, rest })),
    ]
}

fn create_request() -> CreateRequest<'static> {
    CreateRequest {
        security_flags: 1,
        oplock: 0xff,
        impersonation: 2,
        create_flags: 3,
        reserved: 4,
        desired_access: 0x0012_0089,
        attributes: 0x80,
        share_access: 7,
        disposition: 1,
        options: 0x44,
        name: At16(Buffer::new(NAME)),
        contexts: At32(Buffer::new(LEASE)),
        rest: &[],
    }
}

fn create_response() -> CreateResponse<'static> {
    CreateResponse {
        oplock: 8,
        flags: 1,
        action: 1,
        created: TIME,
        accessed: TIME + 1,
        written: TIME + 2,
        changed: TIME + 3,
        allocated: 4096,
        end_of_file: 22,
        attributes: 0x20,
        reserved: 5,
        file: FILE,
        contexts: At32(Buffer::new(LEASE)),
        rest: &[],
    }
}

fn read_request(file: FileId) -> ReadRequest<'static> {
    ReadRequest {
        padding: 0x50,
        flags: 1,
        length: 4096,
        offset: 0x0001_0203,
        file,
        minimum: 2,
        channel: 1,
        remaining: 3,
        channel_info: At16(Buffer::new(&[])),
        rest: b"\x00",
    }
}

fn files() -> Vec<Sample> {
    let rest = &[][..];
    let closed = CloseResponse {
        flags: 1,
        reserved: 2,
        created: TIME,
        accessed: TIME + 1,
        written: TIME + 2,
        changed: TIME + 3,
        allocated: 4096,
        end_of_file: 22,
        attributes: 0x20,
        rest,
    };
    let data = Buffer::new(b"[General]\r\nVersion=65537");
    let read = ReadResponse { data: At8Long(data), remaining: 1, flags: 1, rest };
    let write = WriteRequest {
        data: At16Long(data),
        offset: 9,
        file: FILE,
        channel: 1,
        remaining: 2,
        channel_info: At16(Buffer::new(&[])),
        flags: 1,
        rest,
    };
    let written = WriteResponse {
        reserved: 1,
        count: 24,
        remaining: 2,
        channel_info: At16(Buffer::new(&[])),
        rest,
    };
    let lock = b"offset-8length-8\x02\x00\x00\x00\x01\x00\x00\x00";
    let locks = Locks(Buffer::new(lock));
    vec![
        request(command::CREATE, Body::CreateRequest(create_request())),
        response(command::CREATE, Body::CreateResponse(create_response())),
        request(
            command::CLOSE,
            Body::CloseRequest(CloseRequest { flags: 1, reserved: 2, file: FILE, rest }),
        ),
        response(command::CLOSE, Body::CloseResponse(closed)),
        request(
            command::FLUSH,
            Body::FlushRequest(FlushRequest { reserved1: 1, reserved2: 2, file: FILE, rest }),
        ),
        response(command::FLUSH, Body::FlushResponse(FlushResponse { reserved: 1, rest })),
        request(command::READ, Body::ReadRequest(read_request(FILE))),
        response(command::READ, Body::ReadResponse(read)),
        request(command::WRITE, Body::WriteRequest(write)),
        response(command::WRITE, Body::WriteResponse(written)),
        request(
            command::LOCK,
            Body::LockRequest(LockRequest { locks, sequence: 0x51, file: FILE, rest }),
        ),
        response(command::LOCK, Body::LockResponse(LockResponse { reserved: 1, rest })),
    ]
}

fn queries() -> Vec<Sample> {
    let rest = &[][..];
    let ioctl = IoctlRequest {
        reserved: 1,
        code: PIPE_TRANSCEIVE,
        file: FILE,
        input: At32(Buffer::new(b"\x05\x00\x00\x03")),
        input_max: 1,
        output: At32(Buffer::new(&[])),
        output_max: 1024,
        flags: 1,
        reserved2: 2,
        rest,
    };
    let ioctl_answer = IoctlResponse {
        reserved: 1,
        code: PIPE_TRANSCEIVE,
        file: FILE,
        input: At32(Buffer::new(&[])),
        output: At32(Buffer::new(b"\x05\x00\x02\x03")),
        flags: 1,
        reserved2: 2,
        rest,
    };
    let directory = QueryDirectoryRequest {
        class: 37,
        flags: 1,
        index: 2,
        file: FILE,
        pattern: At16(Buffer::new(b"*\0")),
        output_max: 0x0001_0000,
        rest,
    };
    let told = At16Long(Buffer::new(b"\x11\x22\x33\x44\x55\x66\x77\x88"));
    let notify = ChangeNotifyRequest {
        flags: 1,
        output_max: 4096,
        file: FILE,
        filter: 0x17,
        reserved: 1,
        rest,
    };
    let query = QueryInfoRequest {
        info_type: 3,
        class: 1,
        output_max: 4096,
        input: At16Wide(Buffer::new(b"\x01\x02\x03\x04")),
        additional: 7,
        flags: 1,
        file: FILE,
        rest,
    };
    let set = SetInfoRequest {
        info_type: 1,
        class: 13,
        info: Long16At(Buffer::new(b"\x01")),
        additional: 4,
        file: FILE,
        rest,
    };
    vec![
        request(command::IOCTL, Body::IoctlRequest(ioctl)),
        response(command::IOCTL, Body::IoctlResponse(ioctl_answer)),
        request(command::QUERY_DIRECTORY, Body::QueryDirectoryRequest(directory)),
        response(
            command::QUERY_DIRECTORY,
            Body::QueryDirectoryResponse(QueryDirectoryResponse { entries: told, rest }),
        ),
        request(command::CHANGE_NOTIFY, Body::ChangeNotifyRequest(notify)),
        response(
            command::CHANGE_NOTIFY,
            Body::ChangeNotifyResponse(ChangeNotifyResponse { changes: told, rest }),
        ),
        request(command::QUERY_INFO, Body::QueryInfoRequest(query)),
        response(
            command::QUERY_INFO,
            Body::QueryInfoResponse(QueryInfoResponse { info: told, rest }),
        ),
        request(command::SET_INFO, Body::SetInfoRequest(set)),
        response(command::SET_INFO, Body::SetInfoResponse(SetInfoResponse { rest })),
    ]
}

fn breaks_and_failures() -> Vec<Sample> {
    let rest = &[][..];
    let oplock = OplockBreak { level: 1, reserved: 2, reserved2: 3, file: FILE, rest };
    let lease = LeaseBreak {
        epoch: 1,
        flags: 1,
        key: *b"sixteen-byte-key",
        current: 7,
        new: 3,
        reason: 1,
        access_hint: 2,
        share_hint: 3,
        rest,
    };
    let acknowledged = LeaseAcknowledgment {
        reserved: 1,
        flags: 2,
        key: *b"sixteen-byte-key",
        state: 3,
        duration: 4,
        rest,
    };
    let error = ErrorResponse { rest: b"\x00", ..ErrorResponse::default() };
    let link = ErrorResponse {
        context_count: 1,
        reserved: 2,
        data: Following(Buffer::new(b"more")),
        rest,
    };
    let waits = Header {
        status: status::PENDING,
        flags: FLAG_RESPONSE | FLAG_ASYNC,
        ..header(command::CHANGE_NOTIFY, true)
    };
    vec![
        response(command::OPLOCK_BREAK, Body::OplockBreak(oplock)),
        response(command::OPLOCK_BREAK, Body::LeaseBreak(lease)),
        request(command::OPLOCK_BREAK, Body::LeaseAcknowledgment(acknowledged)),
        failed(command::CREATE, 0xc000_0022, Body::Error(error)),
        failed(command::CREATE, 0x8000_002d, Body::Error(link)),
        emit(&Packet::Chain(vec![(waits, Body::Error(error))])),
    ]
}

/// A file opened, read and closed in one message, and a command that is not known.
fn chains() -> Vec<Sample> {
    let related =
        |command, message_id| Header { flags: FLAG_RELATED, message_id, ..header(command, false) };
    let close = CloseRequest { flags: 1, file: RELATED_FILE, ..CloseRequest::default() };
    // The padding that brings each to a multiple of 8 bytes is part of its body.
    let create = CreateRequest { contexts: At32::default(), rest: &[0; 2], ..create_request() };
    let read = ReadRequest { rest: &[0; 8], ..read_request(RELATED_FILE) };
    vec![
        emit(&Packet::Chain(vec![
            (header(command::CREATE, false), Body::CreateRequest(create)),
            (related(command::READ, 8), Body::ReadRequest(read)),
            (related(command::CLOSE, 9), Body::CloseRequest(close)),
        ])),
        request(0x13, Body::Opaque(b"\x04\x00\x01\x00")),
    ]
}
