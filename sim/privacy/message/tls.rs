//! TLS records, RFC 8446 section 5.1 and RFC 5246 section 6.2: framing, and of the handshake
//! what both sides offer; the server's name becomes another, keys and data stay blank.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const RECORD: usize = 5;
const CHANGE_CIPHER: usize = 20;
const ALERT: usize = 21;
const HANDSHAKE: usize = 22;
/// Handshake header: type and length.
const HEADER: usize = 4;
const CLIENT_HELLO: usize = 1;
const SERVER_HELLO: usize = 2;
const CERTIFICATE: usize = 11;
/// Types of handshake messages that occur in the clear, RFC 5246 section 7.4, RFC 5077.
const CLEAR: [usize; 9] = [0, 1, 2, 4, 11, 12, 13, 14, 16];
/// Messages in one record.
const MESSAGES_MAX: usize = 16;
/// Version and random bytes of a hello.
const HELLO_FIXED: usize = 34;
const EXTENSIONS_MAX: usize = 64;
const SERVER_NAME: usize = 0;
const KEY_SHARE: usize = 51;
/// Extensions that list what a side can: fragment length, groups, point formats, signatures,
/// application protocols, extended master secret, versions, key exchange modes, signatures of
/// certificates.
const LISTS: [usize; 9] = [1, 10, 11, 13, 16, 23, 43, 45, 50];

/// One record.
pub(super) fn record(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..RECORD);
    let kind = sheet.byte(0);
    let length = sheet.be16(3).unwrap_or(0);
    match kind {
        Some(CHANGE_CIPHER) if length == 1 => sheet.keep(RECORD..RECORD + 1),
        Some(ALERT) if length == 2 => sheet.keep(RECORD..RECORD + 2),
        Some(HANDSHAKE) => messages(sheet, RECORD + length, names),
        _ => {}
    }
}

/// Handshake messages up to the first that is not in the clear: then type or length make no
/// sense.
fn messages(sheet: &mut Sheet<'_>, end: usize, names: &mut Pseudonyms) {
    let mut at = RECORD;
    for _ in 0..MESSAGES_MAX {
        let Some([kind, a, b, c]) = sheet.array::<HEADER>(at) else { return };
        let kind = usize::from(kind);
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let body = at + HEADER..(at + HEADER).saturating_add(length);
        // A certificate may go on in the next record.
        if !CLEAR.contains(&kind) || (body.end > end && kind != CERTIFICATE) {
            return;
        }
        sheet.keep(at..at + HEADER);
        let mut message = sheet.part(body.start..body.end.min(end));
        match kind {
            CLIENT_HELLO | SERVER_HELLO => hello(&mut message, kind == CLIENT_HELLO, names),
            CERTIFICATE => certificates(&mut message, names),
            _ => {}
        }
        at = body.end;
        if at >= end {
            return;
        }
    }
}

/// RFC 8446 sections 4.1.2 and 4.1.3.
fn hello(sheet: &mut Sheet<'_>, is_client: bool, names: &mut Pseudonyms) {
    sheet.keep(0..2);
    let Some(session) = sheet.byte(HELLO_FIXED) else { return };
    sheet.keep(HELLO_FIXED..HELLO_FIXED + 1);
    let mut at = HELLO_FIXED + 1 + session;
    if is_client {
        let Some(suites) = sheet.be16(at) else { return };
        sheet.keep(at..at + 2 + suites);
        at += 2 + suites;
        let Some(compressions) = sheet.byte(at) else { return };
        sheet.keep(at..at + 1 + compressions);
        at += 1 + compressions;
    } else {
        sheet.keep(at..at + 3);
        at += 3;
    }
    sheet.keep(at..at + 2);
    at += 2;
    for _ in 0..EXTENSIONS_MAX {
        let (Some(kind), Some(length)) = (sheet.be16(at), sheet.be16(at + 2)) else { return };
        sheet.keep(at..at + 4);
        let mut data = sheet.part(at + 4..at + 4 + length);
        match kind {
            SERVER_NAME => server_names(&mut data, names),
            KEY_SHARE => key_shares(&mut data, is_client),
            kind if LISTS.contains(&kind) => data.keep(0..length),
            _ => {}
        }
        at += 4 + length;
    }
}

/// RFC 6066 section 3: one name of type 0.
fn server_names(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const NAME: usize = 5;
    sheet.keep(0..NAME);
    let length = sheet.be16(3).unwrap_or(0);
    sheet.text(NAME..NAME + length, Numbers::Replace, names);
}

/// RFC 8446 section 4.2.8: groups and lengths without the keys.
fn key_shares(sheet: &mut Sheet<'_>, is_client: bool) {
    let mut at = if is_client { 2 } else { 0 };
    sheet.keep(0..at);
    for _ in 0..EXTENSIONS_MAX {
        sheet.keep(at..at + 4);
        let Some(length) = sheet.be16(at + 2) else { return };
        at += 4 + length;
    }
}

/// RFC 5246 section 7.4.2: a list of certificates, each behind its length.
fn certificates(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const LENGTH: usize = 3;
    const CERTIFICATES_MAX: usize = 16;
    sheet.keep(0..LENGTH);
    let mut at = LENGTH;
    for _ in 0..CERTIFICATES_MAX {
        let Some([a, b, c]) = sheet.array::<LENGTH>(at) else { return };
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        sheet.keep(at..at + LENGTH);
        at += LENGTH;
        super::asn1::certificate(&mut sheet.part(at..at.saturating_add(length)), names);
        at = at.saturating_add(length);
    }
}
