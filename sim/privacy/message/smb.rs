//! NetBIOS sessions and SMB2/3, \[MS-SMB2\] section 2.2: headers and fixed structures are kept;
//! of the buffers, names and security tokens are rewritten, calls in pipes keep their headers,
//! and everything else, files above all, stays blank.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;
use crate::proto::{Id, Probe, Transport};

/// Session header, RFC 1002 section 4.3.1.
const SESSION_HEADER: usize = 4;
const SESSION_REQUEST: u8 = 0x81;
/// Header of SMB2, section 2.2.1.
const HEADER: usize = 64;
const SIGNATURE: usize = 48;
/// Messages in one compound; Windows sends at most about ten.
const COMPOUND_MAX: usize = 64;
/// Header of an encrypted message, section 2.2.41, and of a compressed one, 2.2.42.
const TRANSFORM: usize = 52;
const COMPRESSION: usize = 16;
/// Contexts in one list.
const CONTEXTS_MAX: usize = 32;

const NEGOTIATE: usize = 0;
const SESSION_SETUP: usize = 1;
const TREE_CONNECT: usize = 3;
const CREATE: usize = 5;
const READ: usize = 8;
const WRITE: usize = 9;
const IOCTL: usize = 11;
const QUERY_DIRECTORY: usize = 14;

/// Bytes of the fixed structure of request and response by command, sections 2.2.3 to 2.2.40.
const FIXED: [[usize; 2]; 19] = [
    [36, 64],
    [24, 8],
    [4, 4],
    [8, 16],
    [4, 4],
    [56, 88],
    [24, 60],
    [24, 4],
    [48, 16],
    [48, 16],
    [24, 4],
    [56, 48],
    [4, 4],
    [4, 4],
    [32, 8],
    [32, 8],
    [40, 8],
    [32, 2],
    [24, 24],
];

/// A session packet of any kind.
pub(super) fn session(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..SESSION_HEADER);
    match sheet.old {
        [SESSION_REQUEST, ..] => {
            let called = super::dns::level_one(sheet, SESSION_HEADER, names);
            called.and_then(|calling| super::dns::level_one(sheet, calling, names));
        }
        [_, _, _, _, 0xfe, b'S', b'M', b'B', ..] => {
            compound(&mut sheet.from(SESSION_HEADER), names);
        }
        [_, _, _, _, 0xff, b'S', b'M', b'B', ..] => {
            super::smb1::message(&mut sheet.from(SESSION_HEADER), names);
        }
        [_, _, _, _, 0xfd, b'S', b'M', b'B', ..] => {
            let mut header = sheet.part(SESSION_HEADER..SESSION_HEADER + TRANSFORM);
            header.keep(0..4);
            header.keep(36..TRANSFORM); // behind signature and nonce
        }
        [_, _, _, _, 0xfc, b'S', b'M', b'B', ..] => {
            sheet.keep(SESSION_HEADER..SESSION_HEADER + COMPRESSION);
        }
        // Responses of a session: an error code, another address and port.
        [0x83, ..] => sheet.keep(SESSION_HEADER..SESSION_HEADER + 1),
        _ => {}
    }
}

fn compound(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    let mut at = 0;
    for _ in 0..COMPOUND_MAX {
        let next = sheet.le32(at + 20).unwrap_or(0);
        let end = if next >= HEADER { at.saturating_add(next) } else { sheet.len() };
        let mut this = sheet.part(at..end);
        if this.get(0..4) != Some(b"\xfeSMB") {
            return;
        }
        message(&mut this, names);
        if next < HEADER {
            return;
        }
        at = end;
    }
}

fn message(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..HEADER);
    sheet.blank(SIGNATURE..HEADER);
    let command = sheet.le16(12).unwrap_or(usize::MAX);
    let is_answer = sheet.byte(16).is_some_and(|flags| flags & 1 != 0);
    let Some([request, response]) = FIXED.get(command) else { return };
    // The structure says its own size, one more where a buffer follows; an error has eight.
    let said = sheet.le16(HEADER).unwrap_or(0) & !1;
    let fixed = said.min(if is_answer { *response } else { *request });
    sheet.keep(HEADER..HEADER + fixed);
    if fixed >= 8 || command == TREE_CONNECT {
        buffers(sheet, command, is_answer, names);
    }
}

/// Numbers of a message's fixed structure by their offset in it.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn le16(self, at: usize) -> usize {
        let bytes = self.0.get(HEADER + at..).and_then(|rest| rest.first_chunk::<2>());
        bytes.map_or(0, |bytes| usize::from(u16::from_le_bytes(*bytes)))
    }

    /// A number that no length can exceed where the machine's words are shorter.
    fn le32(self, at: usize) -> usize {
        let bytes = self.0.get(HEADER + at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| usize::try_from(u32::from_le_bytes(*bytes)).unwrap_or(usize::MAX))
    }
}

fn buffers(sheet: &mut Sheet<'_>, command: usize, is_answer: bool, names: &mut Pseudonyms) {
    let fields = Fields(sheet.old);
    let le16 = |at: usize| fields.le16(at);
    let le32 = |at: usize| fields.le32(at);
    match (command, is_answer) {
        (NEGOTIATE, false) => {
            sheet.blank(HEADER + 12..HEADER + 28); // the client's identifier
            let dialects = HEADER + 36 + 2 * le16(2);
            let [list, count] = [le32(28), le16(32)];
            let end = if list >= HEADER { dialects.min(list) } else { dialects };
            sheet.keep(HEADER + 36..end);
            negotiate_contexts(sheet, list, count, names);
        }
        (NEGOTIATE, true) => {
            sheet.blank(HEADER + 8..HEADER + 24); // the server's identifier
            let [list, count] = [le32(60), le16(6)];
            security(sheet, le16(56), le16(58), names);
            negotiate_contexts(sheet, list, count, names);
        }
        (SESSION_SETUP, false) => security(sheet, le16(12), le16(14), names),
        (SESSION_SETUP, true) => security(sheet, le16(4), le16(6), names),
        (TREE_CONNECT, false) => text(sheet, le16(4), le16(6), names),
        (CREATE, false) => {
            let [list, length] = [le32(48), le32(52)];
            text(sheet, le16(44), le16(46), names);
            create_contexts(sheet, list, length);
        }
        (CREATE, true) => create_contexts(sheet, le32(80), le32(84)),
        (WRITE, false) => pipe(sheet, le16(2), le32(4), names),
        (READ, true) => pipe(sheet, le16(2) & 0xff, le32(4), names),
        (IOCTL, false) => pipe(sheet, le32(24), le32(28), names),
        (IOCTL, true) => pipe(sheet, le32(32), le32(36), names),
        (QUERY_DIRECTORY, false) => text(sheet, le16(24), le16(26), names),
        _ => {}
    }
}

/// A buffer that begins behind the fixed part; offsets count from the header.
fn text(sheet: &mut Sheet<'_>, offset: usize, length: usize, names: &mut Pseudonyms) {
    if offset > HEADER {
        sheet.wide(offset..offset + length, Numbers::Replace, names);
    }
}

fn security(sheet: &mut Sheet<'_>, offset: usize, length: usize, names: &mut Pseudonyms) {
    if offset > HEADER {
        super::token(&mut sheet.part(offset..offset + length), names);
    }
}

/// Data of a pipe are remote procedure calls; of a file, nothing that is kept.
fn pipe(sheet: &mut Sheet<'_>, offset: usize, length: usize, names: &mut Pseudonyms) {
    if offset > HEADER {
        call(&mut sheet.part(offset..offset.saturating_add(length)), names);
    }
}

/// Rewrites `sheet` if it is a remote procedure call.
pub(super) fn call(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    if Id::Dcerpc.probe(sheet.old, Transport::Tcp) == Probe::Certain {
        super::rpc::connection(sheet, names);
    }
}

/// Section 2.2.3.1: what is offered is kept without salts; a host name becomes another.
fn negotiate_contexts(sheet: &mut Sheet<'_>, list: usize, count: usize, names: &mut Pseudonyms) {
    const HASHES: usize = 1;
    const HOST_NAME: usize = 5;
    const CIPHERS_AND_THE_LIKE: [usize; 4] = [2, 3, 7, 8];
    if list <= HEADER {
        return;
    }
    let mut at = list;
    for _ in 0..count.min(CONTEXTS_MAX) {
        let (Some(kind), Some(length)) = (sheet.le16(at), sheet.le16(at + 2)) else { return };
        sheet.keep(at..at + 8);
        let data = at + 8..at + 8 + length;
        match kind {
            HASHES => sheet.keep(data.start..data.end.min(data.start + 6)),
            HOST_NAME => sheet.wide(data.clone(), Numbers::Replace, names),
            kind if CIPHERS_AND_THE_LIKE.contains(&kind) => sheet.keep(data.clone()),
            _ => {}
        }
        at = data.end.next_multiple_of(8);
    }
}

/// Section 2.2.13.2: the chain and its four-letter names.
fn create_contexts(sheet: &mut Sheet<'_>, list: usize, length: usize) {
    if list <= HEADER {
        return;
    }
    let (mut at, end) = (list, list.saturating_add(length));
    for _ in 0..CONTEXTS_MAX {
        let (Some(next), Some(name), Some(size)) =
            (sheet.le32(at), sheet.le16(at + 4), sheet.le16(at + 6))
        else {
            return;
        };
        if at + 16 > end {
            return;
        }
        sheet.keep(at..at + 16);
        if size == 4 {
            sheet.keep(at + name..at + name + 4);
        }
        if next == 0 {
            return;
        }
        at = at.saturating_add(next);
    }
}
