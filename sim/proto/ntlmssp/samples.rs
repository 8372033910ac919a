//! Tokens made by hand from \[MS-NLMP\] section 2.2.1, with names of our own.

use super::token::{Attribute, Flags};
use super::{Authenticate, Challenge, Negotiate, Version2};
use crate::wire::Writer;

/// Windows 10, \[MS-NLMP\] 2.2.2.10, with reserved bytes that are not zero.
const VERSION: [u8; 8] = *b"\x0a\0\x63\x45\x01\x02\x03\x0f";

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn target() -> Vec<(u16, Vec<u8>)> {
    vec![
        (Attribute::DOMAIN, wide("HERON")),
        (Attribute::COMPUTER, wide("DC01")),
        (Attribute::DNS_DOMAIN, wide("heron.example")),
        (Attribute::TIMESTAMP, 0x01da_1234_5678_9abc_u64.to_le_bytes().to_vec()),
    ]
}

pub(super) fn negotiate() -> Negotiate {
    Negotiate {
        flags: Flags(0xe208_b297),
        version: VERSION,
        workstation: b"WS07".to_vec(),
        domain: b"HERON".to_vec(),
    }
}

pub(super) fn challenge() -> Challenge {
    Challenge {
        flags: Flags(0xe289_8215),
        challenge: *b"\x01\x23\x45\x67\x89\xab\xcd\xef",
        reserved: *b"\x08\x07\x06\x05\x04\x03\x02\x01",
        version: VERSION,
        target: wide("HERON"),
        attributes: target(),
    }
}

pub(super) fn authenticate_v2() -> Authenticate {
    let mut attributes = target();
    attributes.push((Attribute::FLAGS, 2_u32.to_le_bytes().to_vec()));
    attributes.push((Attribute::TARGET, wide("cifs/dc01.heron.example")));
    let (proof, time, challenge) = ([0x9a; 16], 0x01da_1234_5678_9abd, *b"\x11\x12\x13\x14abcd");
    let mut nt_response = Vec::new();
    Version2 { proof, time, challenge, attributes }.emit(&mut Writer::new(&mut nt_response));
    Authenticate {
        flags: Flags(0xe288_8215),
        version: VERSION,
        integrity_code: Some([0xc0; 16]),
        domain: wide("HERON"),
        user: wide("mj\u{f8}lner"),
        workstation: wide("WS07"),
        lm_response: vec![0; 24],
        nt_response,
        session_key: vec![0x5e; 16],
    }
}

/// Version 1 with names in the code page.
pub(super) fn authenticate_v1() -> Authenticate {
    Authenticate {
        flags: Flags(0x0200_8206),
        version: VERSION,
        integrity_code: None,
        domain: b"HERON".to_vec(),
        user: b"MARTA".to_vec(),
        workstation: b"WS07".to_vec(),
        lm_response: vec![0x17; 24],
        nt_response: vec![0x18; 24],
        session_key: vec![0x19; 16],
    }
}

/// Names before responses in another order than Windows writes them: AUTHENTICATE without
/// flags, and with them.
pub(super) fn laid_otherwise() -> [Vec<u8>; 2] {
    let mut old = b"NTLMSSP\0\x03\0\0\0".to_vec();
    old.extend(b"\x02\0\x02\0\x4a\0\0\0\x03\0\x03\0\x4c\0\0\0\x05\0\x05\0\x34\0\0\0");
    old.extend(b"\x05\0\x05\0\x39\0\0\0\x04\0\x04\0\x3e\0\0\0");
    old.extend(b"HERONmartaWS07........llnnn");
    let mut new = b"NTLMSSP\0\x03\0\0\0".to_vec();
    new.extend(b"\x02\0\x02\0\x5e\0\0\0\x03\0\x03\0\x60\0\0\0\x0a\0\x0a\0\x40\0\0\0");
    new.extend(b"\x0a\0\x0a\0\x4a\0\0\0\x08\0\x08\0\x54\0\0\0\x02\0\x02\0\x5c\0\0\0");
    new.extend(b"\x15\x82\x88\xe2H\0E\0R\0O\0N\0m\0a\0r\0t\0a\0W\0S\x000\x007\0");
    new.extend(b"kklmntt");
    [old, new]
}
