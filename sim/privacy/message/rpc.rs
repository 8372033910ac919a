//! Remote procedure calls, C706 chapter 12 and \[MS-RPCE\] section 2.2: headers, interfaces,
//! operation numbers and the framing of security are kept; what is called with stays blank.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const HEADER: usize = 16;
const REQUEST: usize = 0;
const RESPONSE: usize = 2;
const FAULT: usize = 3;
const BIND: usize = 11;
const BIND_ACK: usize = 12;
const BIND_NAK: usize = 13;
const ALTER: usize = 14;
const ALTER_ACK: usize = 15;
/// Type, level, padding and context before an authentication token, \[MS-RPCE\] 2.2.2.11.
const TRAILER: usize = 8;
/// Fragments that one message of another protocol carries.
const FRAGMENTS_MAX: usize = 64;
/// Header of a connectionless packet, C706 section 12.5.
const DATAGRAM_HEADER: usize = 80;

/// Fragments of a connection, one behind the other.
pub(super) fn connection(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    let mut at = 0;
    for _ in 0..FRAGMENTS_MAX {
        let mut rest = sheet.from(at);
        let length = if is_little(&rest) { rest.le16(8) } else { rest.be16(8) };
        let is_fragment = rest.byte(0) == Some(5);
        let Some(length) = length.filter(|length| is_fragment && *length >= HEADER) else { return };
        fragment(&mut rest.part(0..length), length, names);
        at += length;
    }
}

/// Data representation, C706 section 14.1.
fn is_little(sheet: &Sheet<'_>) -> bool {
    sheet.byte(4).is_some_and(|order| order & 0x10 != 0)
}

fn fragment(sheet: &mut Sheet<'_>, length: usize, names: &mut Pseudonyms) {
    sheet.keep(0..HEADER);
    let number = |at| if is_little(sheet) { sheet.le16(at) } else { sheet.be16(at) };
    let auth = number(10).unwrap_or(0);
    let trailer = length.saturating_sub(auth + TRAILER).max(HEADER);
    let end = if auth > 0 { trailer } else { length };
    match sheet.byte(2).unwrap_or(usize::MAX) {
        REQUEST => sheet.keep(HEADER..end.min(HEADER + 8)),
        RESPONSE => {
            sheet.keep(HEADER..end.min(HEADER + 8));
            if auth == 0 && length >= HEADER + 12 {
                status(sheet, length - 4);
            }
        }
        FAULT => sheet.keep(HEADER..end.min(HEADER + 16)),
        // Sizes, group and the list of interfaces, which are published numbers.
        BIND | ALTER => sheet.keep(HEADER..contexts_end(sheet).min(end)),
        BIND_ACK | ALTER_ACK => {
            let port = number(HEADER + 8).unwrap_or(0);
            let list = (HEADER + 10 + port).next_multiple_of(4);
            sheet.keep(HEADER..end.min(HEADER + 10));
            sheet.text(HEADER + 10..(HEADER + 10 + port).min(end), Numbers::Keep, names);
            let results = sheet.byte(list).unwrap_or(0);
            sheet.keep(list..(list + 4 + results * 24).min(end));
        }
        BIND_NAK => sheet.keep(HEADER..end.min(HEADER + 8)),
        _ => {}
    }
    if auth > 0 {
        sheet.keep(trailer..(trailer + TRAILER).min(length));
        super::token(&mut sheet.part(trailer + TRAILER..length), names);
    }
}

/// What a call returned, which stands last: kept where it can only be a code, of Windows
/// (\[MS-ERREF\] section 2.2) or NTSTATUS (section 2.3).
fn status(sheet: &mut Sheet<'_>, at: usize) {
    const NTSTATUS_ERROR: usize = 0xc000;
    let is_code = |value: usize| matches!(value >> 16, 0 | NTSTATUS_ERROR);
    if sheet.le32(at).is_some_and(is_code) {
        sheet.keep(at..at + 4);
    }
}

/// Where the list of presentation contexts ends.
fn contexts_end(sheet: &Sheet<'_>) -> usize {
    let count = sheet.byte(HEADER + 8).unwrap_or(0);
    let mut at = HEADER + 12;
    for _ in 0..count {
        let Some(syntaxes) = sheet.byte(at + 2) else { break };
        at += 24 + syntaxes * 20;
    }
    at
}

/// A connectionless packet: its header without the object and the maker of the activity.
pub(super) fn datagram(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..DATAGRAM_HEADER);
    for uuid in [8, 40] {
        sheet.blank(uuid..uuid + 16);
        sheet.identifier(uuid, names);
    }
}
