//! Packets by hand: each code, and attributes of each format.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Packet, Value, Vendor};
use crate::proto::Utf8;

const SERVER: Value<'static> = Value::Address(Ipv4Addr::new(10, 20, 30, 11));
const USER: Value<'static> = Value::Text(Utf8(b"HERON\\mart"));
/// MS-CHAP-Challenge and MS-CHAP2-Response, shortened; Cisco-AVPair.
const CHAP2: &[u8] = b"\x0b\x0achalleng\x19\x0aresponse";
const PAIR: &[u8] = b"\x01\x10audit-session=7";

fn packet<'a>(code: u8, identifier: u8, attributes: Vec<(u8, Value<'a>)>) -> Packet<'a> {
    Packet { code, identifier, authenticator: [0x5c ^ code; 16], attributes }
}

fn logons() -> Vec<Packet<'static>> {
    vec![
        packet(1, 0x2a, vec![(1, USER), (4, SERVER)]),
        packet(
            1,
            0x2b,
            vec![
                (1, USER),
                (2, Value::Secret(&[0xee; 16])),
                (5, Value::Integer(7, None)),
                (6, Value::Integer(2, Some("Framed"))),
                (24, Value::Octets(b"state-1")),
                (26, Value::Vendor(Vendor { id: 311, data: CHAP2 })),
                (31, Value::Text(Utf8(b"02-00-5E-10-20-30"))),
                (32, Value::Text(Utf8(b"gate1"))),
                (61, Value::Integer(5, Some("Virtual"))),
                (79, Value::Octets(b"\x02\x01\x00\x09\x01mart")),
                (80, Value::Octets(&[0xab; 16])),
                (95, Value::Address6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 7))),
            ],
        ),
        packet(11, 0x2a, vec![(18, Value::Text(Utf8(b"code?"))), (24, Value::Octets(b"state-1"))]),
        packet(
            2,
            0x2b,
            vec![
                (8, Value::Address(Ipv4Addr::new(10, 20, 99, 7))),
                (27, Value::Integer(28_800, None)),
                (64, Value::TaggedInteger(1, 13)),
                (81, Value::TaggedText(1, Utf8(b"vlan7"))),
                (26, Value::Vendor(Vendor { id: 9, data: PAIR })),
            ],
        ),
        packet(3, 0x2c, vec![(18, Value::Text(Utf8(b"no")))]),
    ]
}

fn sessions() -> Vec<Packet<'static>> {
    let of = |status, name, seconds| {
        vec![
            (1, USER),
            (40, Value::Integer(status, Some(name))),
            (44, Value::Text(Utf8(b"a1b2c3"))),
            (46, Value::Integer(seconds, None)),
            (55, Value::Time(1_700_000_000)),
            (4, SERVER),
            (8, Value::Address(Ipv4Addr::new(10, 20, 99, 7))),
        ]
    };
    let mut stop = of(2, "Stop", 3_600);
    stop.push((49, Value::Integer(1, Some("User Request"))));
    vec![
        packet(4, 1, of(1, "Start", 1)),
        packet(5, 1, Vec::new()),
        packet(4, 2, of(3, "Interim-Update", 600)),
        packet(4, 3, stop),
        packet(4, 4, vec![(40, Value::Integer(7, Some("Accounting-On"))), (4, SERVER)]),
    ]
}

/// RFC 5176.
fn changes() -> Vec<Packet<'static>> {
    let cause = (101, Value::Integer(503, Some("Session Context Not Found")));
    vec![
        packet(12, 9, vec![(80, Value::Octets(&[0xcd; 16]))]),
        packet(40, 5, vec![(44, Value::Text(Utf8(b"a1b2c3")))]),
        packet(41, 5, Vec::new()),
        packet(42, 5, vec![cause]),
        packet(43, 6, vec![(44, Value::Text(Utf8(b"a1b2c3"))), (11, Value::Text(Utf8(b"few")))]),
        packet(44, 6, Vec::new()),
        packet(45, 6, vec![cause]),
    ]
}

/// All of them.
pub(super) fn all() -> Vec<Packet<'static>> {
    [logons(), sessions(), changes()].concat()
}
