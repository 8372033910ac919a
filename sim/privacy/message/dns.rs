//! DNS, mDNS, LLMNR and the NetBIOS name service: one format, RFC 1035 section 4 and RFC 1002
//! section 4.2.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const HEADER: usize = 12;
/// Names with more labels than RFC 1035 section 2.3.4 allows bytes are nonsense.
const LABELS_MAX: usize = 128;
/// A pointer leads backwards; so many follow each other in no honest name.
const JUMPS_MAX: usize = 16;
/// Both bits set: a pointer, RFC 1035 section 4.1.4.
const POINTER: usize = 0xc0;
/// First-level encoding of a NetBIOS name, RFC 1001 section 14.1.
const ENCODED: usize = 32;
/// A NetBIOS name and its suffix.
const NETBIOS_NAME: usize = 16;

/// Types of resource records by what their data is.
mod kind {
    pub const A: usize = 1;
    pub const NS: usize = 2;
    pub const CNAME: usize = 5;
    pub const SOA: usize = 6;
    pub const PTR: usize = 12;
    pub const MX: usize = 15;
    pub const TXT: usize = 16;
    pub const AAAA: usize = 28;
    /// NetBIOS general name service, RFC 1002 section 4.2.1.3.
    pub const NB: usize = 32;
    /// SRV, RFC 2782, and in the NetBIOS name service a node's status (NBSTAT).
    pub const SRV: usize = 33;
    pub const DNAME: usize = 39;
    pub const OPT: usize = 41;
    pub const NSEC: usize = 47;
    pub const TKEY: usize = 249;
    pub const TSIG: usize = 250;
}

/// A message without a stream's prefix.
pub(super) fn message(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..HEADER);
    let count = |at| sheet.be16(at).unwrap_or(0);
    let [questions, records] = [count(4), count(6) + count(8) + count(10)];
    let mut at = HEADER;
    for _ in 0..questions {
        let Some(end) = name(sheet, at, names) else { return };
        sheet.keep(end..end + 4);
        at = end + 4;
    }
    for _ in 0..records {
        let Some(end) = name(sheet, at, names) else { return };
        sheet.keep(end..end + 10);
        let (Some(kind), Some(length)) = (sheet.be16(end), sheet.be16(end + 8)) else { return };
        at = end + 10;
        data(sheet, kind, at, length, names);
        at += length;
    }
}

/// Rewrites the name at `at`; where it ends. Its text is made whole, following pointers, so that
/// an address written backwards is recognised; only labels in place are written.
fn name(sheet: &mut Sheet<'_>, at: usize, names: &mut Pseudonyms) -> Option<usize> {
    let (mut labels, mut place, mut end, mut jumps) = (Vec::new(), at, None, 0);
    loop {
        let length = sheet.byte(place)?;
        if length & POINTER == POINTER {
            if end.is_none() {
                sheet.keep(place..place + 2);
                end = Some((place + 2, labels.len()));
            }
            let target = sheet.be16(place)? & 0x3fff;
            jumps += 1;
            if target >= place || jumps > JUMPS_MAX {
                break;
            }
            place = target;
        } else if length == 0 || length > 63 || labels.len() >= LABELS_MAX {
            break;
        } else {
            labels.push(place + 1..place + 1 + length);
            place += 1 + length;
        }
    }
    let (end, own) = end.unwrap_or((place + 1, labels.len()));
    let texts: Vec<&[u8]> = labels.iter().filter_map(|label| sheet.get(label.clone())).collect();
    let mut text = texts.join(&b'.');
    let is_encoded = texts.first().is_some_and(|first| is_encoded(first));
    if is_encoded {
        let (first, scope) = text.split_at_mut(ENCODED);
        encoded(first, names);
        names.alike(scope, Numbers::Replace);
    } else {
        names.alike(&mut text, Numbers::Replace);
    }
    let mut from = 0;
    for label in labels.iter().take(own) {
        let image = text.get(from..from + label.len())?;
        sheet.keep(label.start - 1..label.start);
        sheet.put(label.start, image);
        from += label.len() + 1;
    }
    sheet.keep(end - 1..end);
    Some(end)
}

fn is_encoded(label: &[u8]) -> bool {
    label.len() == ENCODED && label.iter().all(|byte| (b'A'..=b'P').contains(byte))
}

/// Replaces the name that thirty-two letters encode.
fn encoded(letters: &mut [u8], names: &mut Pseudonyms) {
    let mut name: Vec<u8> = letters
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |byte, letter| byte << 4 | letter.wrapping_sub(b'A') & 15))
        .collect();
    netbios_name(&mut name, names);
    for (pair, byte) in letters.chunks_exact_mut(2).zip(name) {
        if let [high, low] = pair {
            (*high, *low) = (b'A' + (byte >> 4), b'A' + (byte & 15));
        }
    }
}

/// Replaces a NetBIOS name in its sixteen bytes; the last one is its suffix and stays.
fn netbios_name(name: &mut [u8], names: &mut Pseudonyms) {
    let name = name.get_mut(..NETBIOS_NAME - 1).unwrap_or_default();
    names.alike(name, Numbers::Replace);
}

/// A name in first-level encoding with its length and end, as in datagrams and session requests.
/// Returns where it ends.
pub(super) fn level_one(sheet: &mut Sheet<'_>, at: usize, names: &mut Pseudonyms) -> Option<usize> {
    name(sheet, at, names)
}

fn data(sheet: &mut Sheet<'_>, kind: usize, at: usize, length: usize, names: &mut Pseudonyms) {
    let end = at + length;
    match kind {
        kind::A if length == 4 => sheet.v4(at, names),
        kind::AAAA if length == 16 => sheet.v6(at, names),
        kind::NS | kind::CNAME | kind::PTR | kind::DNAME => {
            name(sheet, at, names);
        }
        kind::MX => {
            sheet.keep(at..at + 2);
            name(sheet, at + 2, names);
        }
        kind::SOA => {
            let second = name(sheet, at, names).filter(|second| *second < end);
            if let Some(rest) = second.and_then(|second| name(sheet, second, names)) {
                sheet.keep(rest..end.min(rest + 20));
            }
        }
        kind::TXT => texts(sheet, at, end, names),
        kind::NB if length.is_multiple_of(6) => {
            for entry in (at..end).step_by(6) {
                sheet.keep(entry..entry + 2);
                sheet.v4(entry + 2, names);
            }
        }
        kind::SRV if is_status(sheet, at, length) => status(sheet, at, end, names),
        kind::SRV => {
            sheet.keep(at..at + 6);
            name(sheet, at + 6, names);
        }
        kind::OPT => options(sheet, at, end),
        kind::NSEC => {
            if let Some(bitmap) = name(sheet, at, names) {
                sheet.keep(bitmap..end);
            }
        }
        kind::TKEY => tkey(sheet, at, end, names),
        kind::TSIG => tsig(sheet, at, end, names),
        _ => {}
    }
}

/// Strings with their lengths, RFC 1035 section 3.3.14.
fn texts(sheet: &mut Sheet<'_>, mut at: usize, end: usize, names: &mut Pseudonyms) {
    while at < end {
        let Some(length) = sheet.byte(at) else { return };
        sheet.keep(at..at + 1);
        sheet.text(at + 1..end.min(at + 1 + length), Numbers::Replace, names);
        at += 1 + length;
    }
}

/// Names of 18 bytes each and the statistics behind them, RFC 1002 section 4.2.18, not a
/// service's priority, weight, port and name.
fn is_status(sheet: &Sheet<'_>, at: usize, length: usize) -> bool {
    let names = sheet.byte(at).unwrap_or(0);
    names > 0 && length >= 1 + names * 18 + 6
}

fn status(sheet: &mut Sheet<'_>, at: usize, end: usize, names: &mut Pseudonyms) {
    let count = sheet.byte(at).unwrap_or(0);
    sheet.keep(at..at + 1);
    let mut place = at + 1;
    for _ in 0..count {
        let Some(bytes) = sheet.array::<18>(place) else { return };
        let mut image = bytes;
        netbios_name(&mut image, names);
        sheet.put(place, &image);
        place += 18;
    }
    if place + 6 <= end {
        sheet.mac(place, names);
    }
}

/// EDNS options, RFC 6891 section 6.1.2: codes and lengths only.
fn options(sheet: &mut Sheet<'_>, mut at: usize, end: usize) {
    while at + 4 <= end {
        let Some(length) = sheet.be16(at + 2) else { return };
        sheet.keep(at..at + 4);
        at += 4 + length;
    }
}

/// RFC 2930 section 2: algorithm, times, mode, error, key.
fn tkey(sheet: &mut Sheet<'_>, at: usize, end: usize, names: &mut Pseudonyms) {
    const FIXED: usize = 12;
    let Some(fixed) = name(sheet, at, names).filter(|fixed| fixed + FIXED + 2 <= end) else {
        return;
    };
    let key = fixed + FIXED + 2;
    sheet.keep(fixed..key);
    let Some(length) = sheet.be16(key - 2) else { return };
    super::token(&mut sheet.part(key..end.min(key + length)), names);
    sheet.keep(key + length..end.min(key + length + 2)); // length of other data
}

/// RFC 8945 section 4.2: algorithm, time, fudge, code, original identifier, error, other data.
fn tsig(sheet: &mut Sheet<'_>, at: usize, end: usize, names: &mut Pseudonyms) {
    let Some(fixed) = name(sheet, at, names).filter(|fixed| fixed + 10 <= end) else { return };
    sheet.keep(fixed..fixed + 10);
    let Some(length) = sheet.be16(fixed + 8) else { return };
    let behind = fixed + 10 + length;
    sheet.keep(behind..end.min(behind + 6));
}
