//! Files and directories: opened, asked about, read, written, listed, closed. Sizes, order and
//! contexts as Windows 10 and Server 2019 showed them.

use super::link::{Asked, Message, Smb};
use crate::base::{Random, Timestamp};
use crate::proto::smb2::body::{
    ATTRIBUTE_DIRECTORY, ChangeNotifyRequest, ChangeNotifyResponse, CloseRequest, CloseResponse,
    CreateRequest, CreateResponse, ErrorResponse, FileId, QueryDirectoryRequest,
    QueryDirectoryResponse, QueryInfoRequest, QueryInfoResponse, ReadRequest, ReadResponse,
    WriteRequest, WriteResponse,
};
use crate::proto::smb2::part::{At8Long, At16, At16Long, At32, Buffer, Following};
use crate::proto::smb2::{Body, command, status};
use crate::proto::{Kind, Outcome};
use crate::synth::activity::wide;
use crate::synth::{Stage, Words};

/// An archived file, \[MS-FSCC\] section 2.6.
const ATTRIBUTE_ARCHIVE: u32 = 0x20;
/// A lease is wanted or granted, \[MS-SMB2\] section 2.2.13.
const LEASE: u8 = 0xff;
/// Classes of information, \[MS-FSCC\] section 2.4: standard, times and sizes, streams,
/// extended attributes; entries of a directory with identifiers.
const STANDARD: u8 = 5;
const EXTENDED_ATTRIBUTES: u8 = 7;
const STREAMS: u8 = 22;
const NETWORK_OPEN: u8 = 34;
const ID_BOTH_DIRECTORY: u8 = 37;
/// Of a file; of its security.
const FILE: u8 = 1;
const SECURITY: u8 = 3;
/// No more entries; no such name; \[MS-ERREF\] section 2.3.1.
const NO_MORE_FILES: u32 = 0x8000_0006;
const NAME_NOT_FOUND: u32 = 0xc000_0034;
/// Bytes that Windows reads or writes at once.
const CHUNK: usize = 1 << 20;
/// Milliseconds that a durable handle may be away, \[MS-SMB2\] section 3.3.5.9.10: Windows' own.
const DURABLE_MS: u32 = 60_000;

/// What is opened.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Tree.
    pub tree: u32,
    /// Path of the share, `\\server\share`, and path in it.
    pub share: &'a str,
    /// See [`Wanted::share`].
    pub path: &'a str,
    /// Bytes of the file; `None` of a directory.
    pub size: Option<u64>,
    /// Whether it is written.
    pub is_written: bool,
}

/// An open file or directory.
#[derive(Debug)]
pub struct Open<'a> {
    what: Wanted<'a>,
    id: FileId,
    /// When it was created and written, as Windows counts time.
    times: [u64; 2],
    first: Option<Timestamp>,
}

impl<'a> Open<'a> {
    /// Opens what is wanted.
    pub fn new(stage: &mut Stage<'_>, smb: &mut Smb, what: Wanted<'a>) -> Self {
        let mut own = of_path(stage, what.path);
        let times = times(&mut own, super::tokens::filetime(stage.item.time));
        let name = wide(what.path);
        let is_directory = what.size.is_none();
        let lease = lease(stage, &mut own);
        let contexts = asked_contexts(stage, is_directory, &lease);
        let (access, attributes, sharing, options) = match (is_directory, what.is_written) {
            (true, _) => (0x0010_0081, 0, 7, 0x21),
            (false, false) => (0x0012_0089, 0x80, 1, 0x64),
            (false, true) => (0x0012_0196, 0x20, 0, 0x64),
        };
        let body = CreateRequest {
            oplock: LEASE,
            impersonation: 2,
            desired_access: access,
            attributes,
            share_access: sharing,
            disposition: if what.is_written { 5 } else { 1 },
            options,
            name: At16(Buffer::new(&name)),
            contexts: At32(Buffer::new(&contexts)),
            ..Default::default()
        };
        let asked =
            smb.ask(stage, Message::new(command::CREATE, what.tree, Body::CreateRequest(body)));
        let id = smb.new_file();
        let open = Self { what, id, times, first: None };
        let contexts = granted_contexts(is_directory, &lease, &mut own);
        let [created, written] = times;
        let end_of_file = if what.is_written { 0 } else { what.size.unwrap_or(0) };
        let body = CreateResponse {
            oplock: LEASE,
            action: if what.is_written { 2 } else { 1 },
            created,
            accessed: written,
            written,
            changed: written,
            allocated: end_of_file.next_multiple_of(8),
            end_of_file,
            attributes: open.attributes(),
            file: id,
            contexts: At32(Buffer::new(&contexts)),
            ..Default::default()
        };
        smb.answer(
            stage,
            asked,
            Message::new(command::CREATE, what.tree, Body::CreateResponse(body)),
        );
        open
    }

    const fn attributes(&self) -> u32 {
        if self.what.size.is_none() { ATTRIBUTE_DIRECTORY } else { ATTRIBUTE_ARCHIVE }
    }

    fn ask(&self, stage: &mut Stage<'_>, smb: &mut Smb, command: u16, body: Body<'_>) -> Asked {
        smb.ask(stage, Message::new(command, self.what.tree, body))
    }

    fn answer(
        &self,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        asked: Asked,
        command: u16,
        body: Body<'_>,
    ) {
        smb.answer(stage, asked, Message::new(command, self.what.tree, body));
    }

    /// Times and sizes, as a client asks for after opening.
    pub fn information(&self, stage: &mut Stage<'_>, smb: &mut Smb) {
        let asked =
            self.ask(stage, smb, command::QUERY_INFO, self.query((FILE, NETWORK_OPEN), 56, 0));
        let info = self.network_open();
        self.answer(stage, smb, asked, command::QUERY_INFO, informed(&info));
    }

    fn query(&self, (info_type, class): (u8, u8), output_max: u32, additional: u32) -> Body<'_> {
        Body::QueryInfoRequest(QueryInfoRequest {
            info_type,
            class,
            output_max,
            additional,
            file: self.id,
            ..Default::default()
        })
    }

    /// \[MS-FSCC\] section 2.4.29.
    fn network_open(&self) -> Vec<u8> {
        let [created, written] = self.times;
        let size = self.what.size.unwrap_or(0);
        let numbers = [created, written, written, written, size.next_multiple_of(8), size];
        let mut info: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        info.extend(self.attributes().to_le_bytes());
        info.extend([0; 4]);
        info
    }

    /// Extended attributes, streams and security in one chain, as before a file is copied.
    pub fn details(&self, stage: &mut Stage<'_>, smb: &mut Smb) {
        let tree = self.what.tree;
        let asks = [
            self.query((FILE, EXTENDED_ATTRIBUTES), 4, 0),
            self.query((FILE, STREAMS), 4_096, 0),
            self.query((SECURITY, 0), 0, 7),
        ];
        let asked =
            smb.ask_all(stage, &asks.map(|body| Message::new(command::QUERY_INFO, tree, body)));
        let size = self.what.size.unwrap_or(0);
        let mut streams = vec![0; 4];
        streams.extend(14u32.to_le_bytes());
        streams.extend(size.to_le_bytes());
        streams.extend(size.next_multiple_of(8).to_le_bytes());
        streams.extend(wide("::$DATA"));
        // The descriptor is larger than no bytes: its length is told, [MS-SMB2] 3.3.5.20.3.
        let too_small = Body::Error(ErrorResponse {
            data: Following(Buffer::new(&[0xec, 0, 0, 0])),
            ..Default::default()
        });
        let answers = [informed(&[0; 4]), informed(&streams), too_small];
        let mut messages = answers.map(|body| Message::new(command::QUERY_INFO, tree, body));
        let [.., last] = &mut messages;
        last.status = 0xc000_0023; // STATUS_BUFFER_TOO_SMALL
        smb.answer_all(stage, asked, &messages);
    }

    /// Reads it to its end.
    pub fn read(&mut self, stage: &mut Stage<'_>, smb: &mut Smb) {
        let size = usize::try_from(self.what.size.unwrap_or(0)).unwrap_or(usize::MAX);
        let mut random = Random::new(stage.random.next_u64());
        let mut offset = 0;
        while offset < size {
            let length = (size - offset).min(CHUNK);
            let body = ReadRequest {
                padding: 0x50,
                length: u32::try_from(length).unwrap_or(u32::MAX),
                offset: offset as u64,
                file: self.id,
                rest: b"\0",
                ..Default::default()
            };
            let asked = self.ask(stage, smb, command::READ, Body::ReadRequest(body));
            self.first.get_or_insert(asked.time);
            let mut data = vec![0; length];
            random.fill(&mut data);
            let body = ReadResponse { data: At8Long(Buffer::new(&data)), ..Default::default() };
            self.answer(stage, smb, asked, command::READ, Body::ReadResponse(body));
            offset += length;
        }
    }

    /// Writes all of it.
    pub fn write(&mut self, stage: &mut Stage<'_>, smb: &mut Smb) {
        let size = usize::try_from(self.what.size.unwrap_or(0)).unwrap_or(usize::MAX);
        let mut random = Random::new(stage.random.next_u64());
        let mut offset = 0;
        while offset < size {
            let length = (size - offset).min(CHUNK);
            let mut data = vec![0; length];
            random.fill(&mut data);
            let body = WriteRequest {
                data: At16Long(Buffer::new(&data)),
                offset: offset as u64,
                file: self.id,
                ..Default::default()
            };
            let asked = self.ask(stage, smb, command::WRITE, Body::WriteRequest(body));
            self.first.get_or_insert(asked.time);
            let count = u32::try_from(length).unwrap_or(u32::MAX);
            let body = Body::WriteResponse(WriteResponse { count, ..Default::default() });
            self.answer(stage, smb, asked, command::WRITE, body);
            offset += length;
        }
    }

    /// Lists it: entries, and that there are no more, in one chain.
    pub fn list(&self, stage: &mut Stage<'_>, smb: &mut Smb, names: &[(&str, bool)]) {
        let tree = self.what.tree;
        let ask = |output_max| {
            let body = QueryDirectoryRequest {
                class: ID_BOTH_DIRECTORY,
                file: self.id,
                pattern: At16(Buffer::new(b"*\0")),
                output_max,
                ..Default::default()
            };
            Message::new(command::QUERY_DIRECTORY, tree, Body::QueryDirectoryRequest(body))
        };
        let asked = smb.ask_all(stage, &[ask(65_536), ask(1_024)]);
        let entries = self.entries(names);
        let body = QueryDirectoryResponse { entries: At16Long(Buffer::new(&entries)), rest: &[] };
        let body = Body::QueryDirectoryResponse(body);
        let last = Message::new(command::QUERY_DIRECTORY, tree, Body::Error(error()));
        let last = Message { status: NO_MORE_FILES, ..last };
        smb.answer_all(stage, asked, &[Message::new(command::QUERY_DIRECTORY, tree, body), last]);
    }

    /// \[MS-FSCC\] section 2.4.22: names, and whether each is a directory.
    fn entries(&self, names: &[(&str, bool)]) -> Vec<u8> {
        let all = [(".", true), ("..", true)];
        let all: Vec<_> = all.iter().chain(names).copied().collect();
        let [created, written] = self.times;
        let mut out = Vec::with_capacity(128 * all.len());
        for (at, (name, is_directory)) in all.iter().enumerate() {
            let name = wide(name);
            let length = 104 + name.len();
            let is_last = at + 1 == all.len();
            let next = if is_last { 0 } else { length.next_multiple_of(8) };
            let start = out.len();
            out.extend(u32::try_from(next).unwrap_or(0).to_le_bytes());
            out.extend([0; 4]);
            let size = if *is_directory { 0u64 } else { 2_048 };
            for number in [created, written, written, written, size, size] {
                out.extend(number.to_le_bytes());
            }
            let attributes = if *is_directory { ATTRIBUTE_DIRECTORY } else { ATTRIBUTE_ARCHIVE };
            out.extend(attributes.to_le_bytes());
            out.extend(u32::try_from(name.len()).unwrap_or(0).to_le_bytes());
            out.extend([0; 32]); // no extended attributes, no short name, reserved
            out.extend((created ^ at as u64).to_le_bytes());
            out.extend(&name);
            if !is_last {
                out.resize(start + next, 0);
            }
        }
        out
    }

    /// Waits for changes below it: the answer comes when the client gives up, or never. Its
    /// request.
    pub fn watch(&self, stage: &mut Stage<'_>, smb: &mut Smb) -> Asked {
        let body = ChangeNotifyRequest {
            flags: 1,
            output_max: 2_048,
            file: self.id,
            filter: 0x17,
            ..Default::default()
        };
        let asked = self.ask(stage, smb, command::CHANGE_NOTIFY, Body::ChangeNotifyRequest(body));
        if smb.is_clear() {
            let body = Body::Error(error());
            let message = Message::new(command::CHANGE_NOTIFY, self.what.tree, body);
            smb.pending(stage, asked, Message { status: status::PENDING, ..message });
        }
        Asked { is_pending: smb.is_clear(), ..asked }
    }

    /// Something has changed: the answer to [`Open::watch`], \[MS-FSCC\] section 2.7.1.
    pub fn changed(&self, stage: &mut Stage<'_>, smb: &mut Smb, asked: Asked, name: &str) {
        let name = wide(name);
        let mut changes = vec![0; 4];
        changes.extend(1u32.to_le_bytes()); // added
        changes.extend(u32::try_from(name.len()).unwrap_or(0).to_le_bytes());
        changes.extend(&name);
        let body = ChangeNotifyResponse { changes: At16Long(Buffer::new(&changes)), rest: &[] };
        self.answer(stage, smb, asked, command::CHANGE_NOTIFY, Body::ChangeNotifyResponse(body));
    }

    /// Closes it, and tells what an observer makes of it.
    pub fn close(self, stage: &mut Stage<'_>, smb: &mut Smb) {
        close(stage, smb, self.what.tree, self.id);
        let Some(time) = self.first.filter(|_| smb.is_clear()) else { return };
        let (flow, principal) = (smb.link.tcp.flow, smb.principal.clone());
        let detail = if self.what.is_written { "write" } else { "read" };
        let share = if smb.link.is_tree_seen(self.what.tree) { self.what.share } else { "" };
        stage.did(&flow, time, Kind::FileCopy, Outcome::Success, || Words {
            principal,
            target: Some(format!("{share}\\{}", self.what.path)),
            detail: Some(detail.to_owned()),
        });
    }
}

/// Asks for a file that is not there.
pub fn missing(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, path: &str) {
    let name = wide(path);
    let mut own = of_path(stage, path);
    let lease = lease(stage, &mut own);
    let contexts = asked_contexts(stage, true, &lease);
    let body = CreateRequest {
        oplock: LEASE,
        impersonation: 2,
        desired_access: 0x0010_0080,
        share_access: 7,
        disposition: 1,
        options: 0x0020_0000,
        name: At16(Buffer::new(&name)),
        contexts: At32(Buffer::new(&contexts)),
        ..Default::default()
    };
    let asked = smb.ask(stage, Message::new(command::CREATE, tree, Body::CreateRequest(body)));
    let message = Message::new(command::CREATE, tree, Body::Error(error()));
    smb.answer(stage, asked, Message { status: NAME_NOT_FOUND, ..message });
}

/// Size and links, \[MS-FSCC\] section 2.4.41, as asked of a pipe after opening.
pub fn standard(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, file: FileId) {
    let body = QueryInfoRequest {
        info_type: FILE,
        class: STANDARD,
        output_max: 24,
        file,
        ..Default::default()
    };
    let asked =
        smb.ask(stage, Message::new(command::QUERY_INFO, tree, Body::QueryInfoRequest(body)));
    let mut info = [0; 24];
    let [_, allocated, .., links, _, _, _, pending, _, _, _] = &mut info;
    (*allocated, *links, *pending) = (16, 1, 1);
    smb.answer(stage, asked, Message::new(command::QUERY_INFO, tree, informed(&info)));
}

/// Closes a file.
pub fn close(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, file: FileId) {
    let body = CloseRequest { file, ..Default::default() };
    let asked = smb.ask(stage, Message::new(command::CLOSE, tree, Body::CloseRequest(body)));
    let body = Body::CloseResponse(CloseResponse::default());
    smb.answer(stage, asked, Message::new(command::CLOSE, tree, body));
}

fn informed(info: &[u8]) -> Body<'_> {
    Body::QueryInfoResponse(QueryInfoResponse { info: At16Long(Buffer::new(info)), rest: &[] })
}

/// \[MS-SMB2\] section 2.2.2: without data, but with the byte that its size promises.
pub fn error() -> ErrorResponse<'static> {
    ErrorResponse { rest: b"\0", ..Default::default() }
}

/// What stays the same of a file whenever it is opened.
fn of_path(stage: &Stage<'_>, path: &str) -> Random {
    let hash = path.bytes().fold(stage.cast.seed, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Random::new(hash)
}

/// When a file was created and last written: in the two years before `now`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below 2^53")]
fn times(own: &mut Random, now: u64) -> [u64; 2] {
    /// Two years in 100 nanoseconds.
    const SPAN: f64 = 6.3e14;
    let written = now - own.between(0.0, SPAN) as u64;
    [written - own.between(0.0, SPAN) as u64, written]
}

/// Keys of the lease of a file and of its directory, \[MS-SMB2\] section 2.2.13.2.10.
fn lease(stage: &Stage<'_>, own: &mut Random) -> [u8; 32] {
    let mut keys = [0; 32];
    let client = u64::from(stage.item.client);
    for key in keys.as_chunks_mut::<16>().0 {
        let [a, b, c, d, ..] = (own.next_u64() ^ client).to_le_bytes();
        *key = [a & 0xf0, b, c, d, 0x87, 0xe1, 0xff, 0xff, b ^ d, 3, 0, 0, 0, 0, 0, 0];
    }
    keys
}

/// A create context, \[MS-SMB2\] section 2.2.13.2; `next` where another follows.
fn create_context(out: &mut Vec<u8>, name: &[u8; 4], data: &[u8], is_last: bool) {
    let length = 24 + data.len();
    let next = if is_last { 0 } else { length.next_multiple_of(8) };
    let start = out.len();
    out.extend(u32::try_from(next).unwrap_or(0).to_le_bytes());
    let offset = if data.is_empty() { 0u16 } else { 24 };
    out.extend([16, 0, 4, 0, 0, 0]);
    out.extend(offset.to_le_bytes());
    out.extend(u32::try_from(data.len()).unwrap_or(0).to_le_bytes());
    out.extend(name);
    out.extend([0; 4]);
    out.extend(data);
    if !is_last {
        out.resize(start + next, 0);
    }
}

/// What a client asks for with a file: a durable handle (of files), rights, identifier, lease.
fn asked_contexts(stage: &mut Stage<'_>, is_directory: bool, lease: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    if !is_directory {
        let mut durable = [0; 32];
        let (_, guid) = durable.split_at_mut(16);
        stage.random.fill(guid);
        create_context(&mut out, b"DH2Q", &durable, false);
    }
    create_context(&mut out, b"MxAc", &[], false);
    create_context(&mut out, b"QFid", &[], false);
    let wanted = if is_directory { 3 } else { 7 };
    create_context(&mut out, b"RqLs", &lease_data(lease, wanted, 0), true);
    out
}

/// What it gets: no lease to write where others read, too.
fn granted_contexts(is_directory: bool, lease: &[u8; 32], own: &mut Random) -> Vec<u8> {
    let mut out = Vec::with_capacity(208);
    create_context(&mut out, b"MxAc", &[0, 0, 0, 0, 0xa9, 0, 0x12, 0], false);
    create_context(&mut out, b"RqLs", &lease_data(lease, 3, 1), false);
    if !is_directory {
        let [a, b, c, d] = DURABLE_MS.to_le_bytes();
        create_context(&mut out, b"DH2Q", &[a, b, c, d, 0, 0, 0, 0], false);
    }
    let mut id = [0; 32];
    let (start, _) = id.split_at_mut(16);
    own.fill(start);
    create_context(&mut out, b"QFid", &id, true);
    out
}

/// A lease of version 2, \[MS-SMB2\] sections 2.2.13.2.10 and 2.2.14.2.11.
fn lease_data(keys: &[u8; 32], state: u8, epoch: u8) -> [u8; 52] {
    let mut data = [0; 52];
    let (key, parent) = keys.split_at(16);
    let (first, rest) = data.split_at_mut(32);
    let (head, tail) = first.split_at_mut(16);
    head.copy_from_slice(key);
    tail.copy_from_slice(&[state, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (own, end) = rest.split_at_mut(16);
    own.copy_from_slice(parent);
    end.copy_from_slice(&[epoch, 0, 0, 0]);
    data
}
