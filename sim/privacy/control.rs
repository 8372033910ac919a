//! ICMP (RFC 792), ICMPv6 (RFC 4443, RFC 4861, RFC 3810) and IGMP (RFC 3376): types and
//! numbers kept, addresses mapped, of quoted packets only the headers.

use super::checksum::{Fix, Pseudo};
use super::frame::{Peel, header_v4, header_v6};

const HEADER: usize = 8;
/// Ports, and the length or sequence number behind them, of what a quoted packet carries.
const QUOTED_KEPT: usize = 6;

/// The message at the place that `peel` has come to.
pub(super) fn message(peel: &mut Peel<'_, '_>, is_v6: bool, is_group: bool) {
    let at = peel.at;
    peel.sheet.keep(at..at + HEADER);
    let kind = peel.sheet.byte(at).unwrap_or(0);
    match (is_group, is_v6, kind) {
        (true, _, 0x22) => records(peel, at + HEADER, 4),
        (true, ..) => peel.sheet.v4(at + 4, peel.names),
        (_, false, 3 | 4 | 11 | 12) | (_, true, 1..=4) => quoted(peel),
        (_, false, 5) => {
            peel.sheet.v4(at + 4, peel.names);
            quoted(peel);
        }
        (_, true, 130..=132) => peel.sheet.v6(at + HEADER, peel.names),
        (_, true, 133) => options(peel, at + HEADER),
        (_, true, 134) => {
            peel.sheet.keep(at + HEADER..at + 16);
            options(peel, at + 16);
        }
        (_, true, 135 | 136) => {
            peel.sheet.v6(at + HEADER, peel.names);
            options(peel, at + 24);
        }
        (_, true, 137) => {
            peel.sheet.v6(at + HEADER, peel.names);
            peel.sheet.v6(at + 24, peel.names);
            options(peel, at + 40);
        }
        (_, true, 143) => records(peel, at + HEADER, 16),
        _ => {}
    }
}

/// The packet that an error quotes.
fn quoted(peel: &mut Peel<'_, '_>) {
    let at = peel.at + HEADER;
    let behind = match peel.sheet.byte(at).map(|first| first >> 4) {
        Some(4) => {
            let Some((length, _)) = header_v4(peel.sheet, at, peel.names) else { return };
            peel.fixes.push(Fix::new(at..at + length, at + 10, Pseudo::None));
            at + length
        }
        Some(6) => {
            header_v6(peel.sheet, at, peel.names);
            at + 40
        }
        _ => return,
    };
    peel.sheet.keep(behind..behind + QUOTED_KEPT);
}

/// Group records of a membership report, addresses of `size` bytes.
fn records(peel: &mut Peel<'_, '_>, mut at: usize, size: usize) {
    const RECORD: usize = 4;
    let end = peel.end.min(peel.sheet.len());
    while at + RECORD <= end {
        let auxiliary = peel.sheet.byte(at + 1).unwrap_or(0) * 4;
        let addresses = 1 + peel.sheet.be16(at + 2).unwrap_or(0);
        peel.sheet.keep(at..at + RECORD);
        at += RECORD;
        for _ in 0..addresses {
            if at + size > end {
                return;
            }
            if size == 4 {
                peel.sheet.v4(at, peel.names);
            } else {
                peel.sheet.v6(at, peel.names);
            }
            at += size;
        }
        at += auxiliary;
    }
}

/// Options of neighbour discovery, RFC 4861 section 4.6 and RFC 8106.
fn options(peel: &mut Peel<'_, '_>, mut at: usize) {
    const SOURCE_AND_TARGET: [usize; 2] = [1, 2];
    const PREFIX: usize = 3;
    const MTU: usize = 5;
    const NAME_SERVERS: usize = 25;
    let end = peel.end.min(peel.sheet.len());
    while at + HEADER <= end {
        let (Some(kind), Some(units)) = (peel.sheet.byte(at), peel.sheet.byte(at + 1)) else {
            return;
        };
        let length = units * 8;
        if length == 0 {
            return;
        }
        peel.sheet.keep(at..at + 2);
        match kind {
            kind if SOURCE_AND_TARGET.contains(&kind) => peel.sheet.mac(at + 2, peel.names),
            PREFIX => {
                peel.sheet.keep(at..at + 16);
                peel.sheet.v6(at + 16, peel.names);
            }
            MTU => peel.sheet.keep(at..at + 8),
            NAME_SERVERS => {
                peel.sheet.keep(at..at + 8);
                for server in (at + 8..(at + length).min(end)).step_by(16) {
                    peel.sheet.v6(server, peel.names);
                }
            }
            _ => {}
        }
        at += length;
    }
}
