//! Short protocols: NetBIOS datagrams, the opening of RDP, time, addresses.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

/// A NetBIOS datagram, RFC 1002 section 4.4.
pub(super) fn netbios_datagram(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const HEADER: usize = 10;
    const SOURCE: usize = 4;
    const DATA_HEADER: usize = 4;
    sheet.keep(0..HEADER);
    sheet.v4(SOURCE, names);
    match sheet.byte(0) {
        Some(0x10..=0x12) => {
            sheet.keep(HEADER..HEADER + DATA_HEADER);
            let source = super::dns::level_one(sheet, HEADER + DATA_HEADER, names);
            let Some(destination) = source else { return };
            let data = super::dns::level_one(sheet, destination, names);
            let Some(mut data) = data.map(|at| sheet.from(at)) else { return };
            if data.get(0..4) == Some(b"\xffSMB") {
                super::smb1::message(&mut data, names);
            }
        }
        Some(0x13) => sheet.keep(HEADER..HEADER + 1),
        _ => {
            super::dns::level_one(sheet, HEADER, names);
        }
    }
}

/// The opening of RDP: TPKT (RFC 1006 section 6), X.224 (section 13), the cookie and what is
/// asked for (\[MS-RDPBCGR\] section 2.2.1.1); of T.125 its structure.
pub(super) fn remote_desktop(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const TPKT: usize = 4;
    const CONNECTION: usize = TPKT + 7;
    const DATA: usize = TPKT + 3;
    const NEGOTIATION: usize = 8;
    sheet.keep(0..TPKT);
    match sheet.byte(TPKT + 1) {
        Some(0xe0 | 0xd0 | 0x80) => {
            sheet.keep(TPKT..CONNECTION);
            let rest = sheet.old.get(CONNECTION..).unwrap_or_default();
            let line = rest.windows(2).position(|pair| pair == b"\r\n");
            let mut at = CONNECTION;
            if let Some(length) = line.filter(|_| rest.starts_with(b"Cookie: ")) {
                sheet.text(at..at + length, Numbers::Replace, names);
                sheet.keep(at + length..at + length + 2);
                at += length + 2;
            }
            if matches!(sheet.byte(at), Some(1..=3)) {
                sheet.keep(at..at + NEGOTIATION);
            }
        }
        Some(0xf0) => {
            sheet.keep(TPKT..DATA);
            let mut rest = sheet.from(DATA);
            if rest.byte(0) == Some(0x7f) {
                super::asn1::structure(&mut rest, names);
            } else {
                rest.keep(0..1); // which request of T.125
            }
        }
        _ => {}
    }
}

/// Network time, RFC 5905 section 7.3: all but whose clock the sender follows, which is an
/// address, and what proves the sender.
pub(super) fn time(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const HEADER: usize = 48;
    const REFERENCE: usize = 12;
    const KEY_IDENTIFIER: usize = 4;
    sheet.keep(0..HEADER);
    let is_control = sheet.byte(0).is_some_and(|first| first & 7 >= 6);
    if is_control {
        // Variables in text, RFC 9327 section 2.
        sheet.blank(12..HEADER);
        return;
    }
    if sheet.byte(1).is_some_and(|stratum| stratum > 1) {
        sheet.blank(REFERENCE..REFERENCE + 4);
        sheet.v4(REFERENCE, names);
    }
    sheet.keep(HEADER..HEADER + KEY_IDENTIFIER);
}

/// DHCP, RFC 2131 section 2 and RFC 2132.
pub(super) fn dhcp(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const ADDRESSES: [usize; 4] = [12, 16, 20, 24];
    const HARDWARE: usize = 28;
    const COOKIE: usize = 236;
    const PAD: usize = 0;
    const END: usize = 255;
    const OPTIONS_MAX: usize = 512;
    sheet.keep(0..12);
    for at in ADDRESSES {
        sheet.v4(at, names);
    }
    if sheet.byte(2) == Some(6) {
        sheet.mac(HARDWARE, names);
    }
    sheet.keep(COOKIE..COOKIE + 4);
    let mut at = COOKIE + 4;
    for _ in 0..OPTIONS_MAX {
        let Some(code) = sheet.byte(at) else { return };
        sheet.keep(at..at + 1);
        match code {
            PAD => at += 1,
            END => return,
            code => {
                let Some(length) = sheet.byte(at + 1) else { return };
                sheet.keep(at + 1..at + 2);
                option(&mut sheet.part(at + 2..at + 2 + length), code, names);
                at += 2 + length;
            }
        }
    }
}

/// One option, by the section of RFC 2132 (and RFC 4702 for the full name).
fn option(sheet: &mut Sheet<'_>, code: usize, names: &mut Pseudonyms) {
    let length = sheet.len();
    match code {
        // Mask, times, overload, type, parameters asked for, largest message.
        1 | 51 | 52 | 53 | 55 | 57 | 58 | 59 => sheet.keep(0..length),
        // Routers, servers of names and time, broadcast, requested, server, NetBIOS servers.
        3 | 4 | 5 | 6 | 28 | 42 | 44 | 45 | 50 | 54 => {
            for at in (0..length).step_by(4) {
                sheet.v4(at, names);
            }
        }
        12 | 15 | 60 => sheet.text(0..length, Numbers::Replace, names),
        61 if length == 7 => {
            sheet.keep(0..1);
            sheet.mac(1, names);
        }
        81 => {
            sheet.keep(0..3);
            sheet.text(3..length, Numbers::Replace, names);
        }
        _ => {}
    }
}
