//! RADIUS, RFC 2865 section 5, RFC 2866 section 5, RFC 2869 section 5: types, lengths and
//! numbers are kept; names become others, passwords and tokens stay blank.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const HEADER: usize = 20;
const ATTRIBUTES_MAX: usize = 2_048;
/// An attribute that is a number, with its type and length.
const NUMBER: usize = 6;
/// Types whose value is a number of 32 bits or a time.
const NUMBERS: [usize; 38] = [
    5, 6, 7, 10, 12, 13, 15, 16, 23, 27, 28, 29, 36, 37, 38, 40, 41, 42, 43, 45, 46, 47, 48, 49,
    51, 52, 53, 55, 61, 62, 64, 65, 72, 73, 76, 83, 85, 86,
];
/// Types whose value is an IPv4 address.
const ADDRESSES: [usize; 5] = [4, 8, 9, 14, 98];
const NAS_ADDRESS_V6: usize = 95;
/// Types whose value is text: names, stations, sessions.
const TEXTS: [usize; 18] = [1, 11, 18, 19, 20, 22, 30, 31, 32, 34, 35, 44, 50, 63, 77, 87, 88, 90];
const VENDOR: usize = 26;
const EAP: usize = 79;

/// One packet.
pub(super) fn packet(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..4);
    let end = sheet.be16(2).unwrap_or(0).min(sheet.len());
    let mut at = HEADER;
    for _ in 0..ATTRIBUTES_MAX {
        let (Some(kind), Some(length)) = (sheet.byte(at), sheet.byte(at + 1)) else { return };
        if at >= end || length < 2 {
            return;
        }
        sheet.keep(at..at + 2);
        let value = at + 2..(at + length).min(end);
        match kind {
            kind if NUMBERS.contains(&kind) && length == NUMBER => sheet.keep(value),
            kind if ADDRESSES.contains(&kind) && length == NUMBER => sheet.v4(value.start, names),
            NAS_ADDRESS_V6 if length == 18 => sheet.v6(value.start, names),
            kind if TEXTS.contains(&kind) => sheet.text(value, Numbers::Replace, names),
            VENDOR => vendor(sheet, value.start, value.end),
            EAP => eap(sheet, value.start, value.end, names),
            _ => {}
        }
        at += length;
    }
}

/// RFC 2865 section 5.26: whose attributes, and which.
fn vendor(sheet: &mut Sheet<'_>, start: usize, end: usize) {
    sheet.keep(start..end.min(start + 4));
    let mut at = start + 4;
    while at + 2 <= end {
        let Some(length) = sheet.byte(at + 1).filter(|length| *length >= 2) else { return };
        sheet.keep(at..at + 2);
        at += length;
    }
}

/// RFC 3748 section 4: code, identifier, length, type; an identity becomes another.
fn eap(sheet: &mut Sheet<'_>, start: usize, end: usize, names: &mut Pseudonyms) {
    const FIXED: usize = 4;
    const IDENTITY: usize = 1;
    // A long packet goes on in further attributes, which do not begin like one.
    if !matches!(sheet.byte(start), Some(1..=4)) || sheet.be16(start + 2) < Some(end - start) {
        return;
    }
    sheet.keep(start..end.min(start + FIXED + 1));
    if sheet.byte(start + FIXED) == Some(IDENTITY) {
        sheet.text(start + FIXED + 1..end, Numbers::Replace, names);
    }
}
