//! NTLMSSP tokens, \[MS-NLMP\] section 2.2.1: names become others, challenges and responses,
//! from which passwords can be guessed, are blank.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const NEGOTIATE: usize = 1;
const CHALLENGE: usize = 2;
const AUTHENTICATE: usize = 3;
/// NTLMSSP_NEGOTIATE_UNICODE, section 2.2.2.5.
const UNICODE: usize = 1;
/// AV pairs, section 2.2.2.1.
const AV_END: usize = 0;
const AV_NAMES: [usize; 6] = [1, 2, 3, 4, 5, 9];
const AV_KEPT: [usize; 2] = [6, 7];
/// Real target information has about eight.
const AV_MAX: usize = 32;

/// One token.
pub(super) fn token(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..12);
    match sheet.le32(8) {
        Some(NEGOTIATE) => {
            sheet.keep(12..40.min(first_payload(sheet, &[16, 24])));
            for field in [16, 24] {
                // Always in the machine's own character set.
                text(sheet, field, false, names);
            }
        }
        Some(CHALLENGE) => {
            sheet.keep(12..24);
            sheet.keep(32..56.min(first_payload(sheet, &[12, 40])));
            let unicode = is_unicode(sheet, 20);
            text(sheet, 12, unicode, names);
            if let Some((at, length)) = field(sheet, 40) {
                pairs(&mut sheet.part(at..at + length), names);
            }
        }
        Some(AUTHENTICATE) => {
            sheet.keep(12..72.min(first_payload(sheet, &[12, 20, 28, 36, 44])));
            let unicode = is_unicode(sheet, 60);
            for field in [28, 36, 44] {
                text(sheet, field, unicode, names);
            }
            if let Some((at, length)) = field(sheet, 20).filter(|(_, length)| *length > 24) {
                // NTLMv2: the version, section 2.2.2.7; its pairs stay blank, which ends them.
                sheet.keep(at + 16..(at + 18).min(at + length));
            }
        }
        _ => {}
    }
}

fn is_unicode(sheet: &Sheet<'_>, flags: usize) -> bool {
    sheet.le32(flags).is_some_and(|flags| flags & UNICODE != 0)
}

/// Offset and length of a field, where it lies behind the fixed part.
fn field(sheet: &Sheet<'_>, at: usize) -> Option<(usize, usize)> {
    let (length, offset) = (sheet.le16(at)?, sheet.le32(at + 4)?);
    (length > 0 && offset >= 32 && offset < sheet.len()).then_some((offset, length))
}

/// Where the first of some fields lies: old clients begin it where others have a version.
fn first_payload(sheet: &Sheet<'_>, fields: &[usize]) -> usize {
    let places = fields.iter().filter_map(|at| field(sheet, *at).map(|(offset, _)| offset));
    places.min().unwrap_or(usize::MAX)
}

fn text(sheet: &mut Sheet<'_>, at: usize, unicode: bool, names: &mut Pseudonyms) {
    let Some((offset, length)) = field(sheet, at) else { return };
    if unicode {
        sheet.wide(offset..offset + length, Numbers::Replace, names);
    } else {
        sheet.text(offset..offset + length, Numbers::Replace, names);
    }
}

/// Target information.
fn pairs(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    let mut at = 0;
    for _ in 0..AV_MAX {
        let (Some(id), Some(length)) = (sheet.le16(at), sheet.le16(at + 2)) else { return };
        sheet.keep(at..at + 4);
        let value = at + 4..at + 4 + length;
        at = value.end;
        match id {
            AV_END => return,
            id if AV_NAMES.contains(&id) => sheet.wide(value, Numbers::Replace, names),
            id if AV_KEPT.contains(&id) => sheet.keep(value.start..value.end.min(value.start + 8)),
            _ => {}
        }
    }
}
