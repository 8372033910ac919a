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
            let stub_end = if auth == 0 { Some(end) } else { plain_end(sheet, end) };
            let at = stub_end.and_then(|end| end.checked_sub(4));
            if let Some(at) = at.filter(|at| *at >= HEADER + 8) {
                status(sheet, at);
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

/// Where the stub before the trailer at `trailer` ends, without its padding; `None` where it is
/// sealed. \[MS-RPCE\] sections 2.2.1.1.8 and 2.2.2.11.
fn plain_end(sheet: &Sheet<'_>, trailer: usize) -> Option<usize> {
    const PRIVACY: usize = 6;
    let is_plain = sheet.byte(trailer + 1)? != PRIVACY;
    trailer.checked_sub(sheet.byte(trailer + 2)?).filter(|_| is_plain)
}

/// What a call returned, which stands last: kept where it can only be a code, of Windows
/// (\[MS-ERREF\] section 2.2), NTSTATUS (section 2.3), a failed HRESULT of the facilities that
/// servers answer with (section 2.1: null, RPC, dispatch, interface, Windows) or a status of the
/// endpoint mapper (C706 appendix E).
fn status(sheet: &mut Sheet<'_>, at: usize) {
    let is_code = |value: usize| {
        matches!(value >> 16, 0 | 0xc000 | 0x8000..=0x8002 | 0x8004 | 0x8007 | 0x16c9)
    };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Key;

    #[test]
    fn what_a_call_returned_stays_where_it_is_a_code() {
        let codes = [0, 5, 0xc000_0022, 0x8007_0005, 0x8002_801d, 0x16c9_a0d6];
        for (code, is_kept) in codes
            .map(|code: u32| (code, true))
            .into_iter()
            .chain([(0x6563_696c, false), (0x8123_4567, false)])
        {
            let stub = [&b"alice@la"[..], &code.to_le_bytes()].concat();
            let head = b"\x05\0\x02\x03\x10\0\0\0\x24\0\0\0\x01\0\0\0\x0c\0\0\0\0\0\0\0";
            let old = [&head[..], &stub].concat();
            let mut new = vec![0; old.len()];
            let mut names = Pseudonyms::new(&Key::from_secret(b"a key of the test"));
            connection(&mut Sheet { old: &old, new: &mut new }, &mut names);
            assert_eq!(new[24..32], [0; 8]);
            assert_eq!(new[32..] == old[32..], is_kept, "{code:#x}");
        }
    }

    #[test]
    fn a_code_before_a_signature_stays_and_a_sealed_one_does_not() {
        for (level, is_kept) in [(5, true), (6, false)] {
            let head = b"\x05\0\x02\x03\x10\0\0\0\x38\0\x08\0\x01\0\0\0\x0c\0\0\0\0\0\0\0";
            let stub = b"secret\0\0\x05\0\0\0\xaa\xaa\xaa\xaa";
            let trailer = [&[10, level, 4, 0, 1, 0, 0, 0][..], &[0xee; 8]].concat();
            let old = [&head[..], stub, &trailer].concat();
            let mut new = vec![0; old.len()];
            let mut names = Pseudonyms::new(&Key::from_secret(b"a key of the test"));
            connection(&mut Sheet { old: &old, new: &mut new }, &mut names);
            assert_eq!(new[24..32], [0; 8]);
            assert_eq!(new[32] == 5, is_kept);
            assert_eq!(new[36..40], [0; 4]);
        }
    }
}
