//! What connection requests and confirms of X.224 carry for RDP, \[MS-RDPBCGR\] section 2.2.1.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use super::{CONFIRM, Packet, REQUEST};
use crate::proto::{Probe, Utf8, agrees};
use crate::wire::{Reader, Writer, wire_struct};

wire_struct! {
    /// Fixed part of a connection request or confirm after its code, X.224 13.3.1.
    pub struct Connection / ConnectionView [5] {
        /// Destination reference.
        0 destination: be u16,
        /// Source reference.
        2 source: be u16,
        /// Class and options.
        4 class: be u8,
    }
}

wire_struct! {
    /// Negotiation request, response or failure, \[MS-RDPBCGR\] 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2.
    pub struct Negotiation / NegotiationView [8] {
        /// 1 request, 2 response, 3 failure.
        0 kind: be u8,
        /// Flags; 8 in a request says that a correlation follows.
        1 flags: be u8,
        /// 8.
        2 length: le u16,
        /// Protocols requested or selected, or the reason of the failure.
        4 value: le u32,
    }
}

wire_struct! {
    /// Correlation of a request, \[MS-RDPBCGR\] 2.2.1.1.2.
    pub struct Correlation / CorrelationView [36] {
        /// 6.
        0 kind: be u8,
        /// Flags, zero.
        1 flags: be u8,
        /// 36.
        2 length: le u16,
        /// Identifier of the connection in logs.
        4 id: raw [u8; 16],
        /// Zero.
        20 reserved: raw [u8; 16],
    }
}

/// Kinds, \[MS-RDPBCGR\] 2.2.1.1.1 to 2.2.1.2.2.
pub(super) const NEGOTIATION_REQUEST: u8 = 1;
pub(super) const NEGOTIATION_RESPONSE: u8 = 2;
pub(super) const NEGOTIATION_FAILURE: u8 = 3;
const CORRELATION: u8 = 6;
/// What a cookie or routing token begins with, \[MS-RDPBCGR\] 2.2.1.1.
const COOKIE: &[u8] = b"Cookie: msts";
const USER: &[u8] = b"Cookie: mstshash=";
const TOKEN: &[u8] = b"Cookie: msts=";
const LINE_END: [u8; 2] = *b"\r\n";

/// What follows the fixed part of a connection request or confirm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable<'a> {
    /// Cookie or routing token, without its line end.
    pub cookie: Option<&'a [u8]>,
    /// Request, response or failure.
    pub negotiation: Option<Negotiation>,
    /// Present where the request says so.
    pub correlation: Option<Correlation>,
    /// What is left.
    pub rest: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Reads what is there.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut rest = bytes;
        let is_negotiation = |bytes: &[u8]| matches!(bytes, [1..=3, _, 8, 0, ..]);
        let cookie = match bytes.windows(2).position(|pair| pair == LINE_END) {
            Some(end) if !is_negotiation(bytes) => {
                rest = bytes.get(end + LINE_END.len()..).unwrap_or_default();
                bytes.get(..end)
            }
            _ => None,
        };
        let mut r = Reader::new("rdp::Negotiation", rest);
        let negotiation = if is_negotiation(rest) { Negotiation::parse(&mut r).ok() } else { None };
        let correlation = match r.peek() {
            [CORRELATION, _, 36, 0, ..] if negotiation.is_some() => Correlation::parse(&mut r).ok(),
            _ => None,
        };
        Self { cookie, negotiation, correlation, rest: r.remainder() }
    }

    /// Appends it all.
    pub(super) fn emit(&self, w: &mut Writer<'_>) {
        if let Some(cookie) = self.cookie {
            w.bytes(cookie);
            w.bytes(&LINE_END);
        }
        if let Some(negotiation) = self.negotiation {
            negotiation.emit(w);
        }
        if let Some(correlation) = self.correlation {
            correlation.emit(w);
        }
        w.bytes(self.rest);
    }

    /// Who wants in, as the cookie says: cut by the client to nine characters.
    pub fn user(&self) -> Option<Utf8<'a>> {
        self.cookie?.strip_prefix(USER).map(Utf8)
    }

    /// Where a load balancer shall route to.
    pub fn token(&self) -> Option<Utf8<'a>> {
        let cookie = self.cookie?;
        match cookie.strip_prefix(TOKEN) {
            Some(token) => Some(Utf8(token)),
            None if cookie.starts_with(USER) => None,
            None => Some(Utf8(cookie)),
        }
    }
}

/// Protocols requested, or the one selected; shown by their names, \[MS-RDPBCGR\] 2.2.1.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols(pub u32);

impl Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(u32, &str); 5] = [
            (0x01, "PROTOCOL_SSL"),
            (0x02, "PROTOCOL_HYBRID"),
            (0x04, "PROTOCOL_RDSTLS"),
            (0x08, "PROTOCOL_HYBRID_EX"),
            (0x10, "PROTOCOL_RDSAAD"),
        ];
        if self.0 == 0 {
            return f.write_str("PROTOCOL_RDP");
        }
        let mut unknown = self.0;
        let mut between = "";
        for (bit, name) in NAMES.into_iter().filter(|(bit, _)| self.0 & bit != 0) {
            write!(f, "{between}{name}")?;
            unknown &= !bit;
            between = "|";
        }
        if unknown == 0 { Ok(()) } else { write!(f, "{between}{unknown:#x}") }
    }
}

/// Why a confirm chooses no protocol, \[MS-RDPBCGR\] 2.2.1.2.2. Empty where it is not known.
pub const fn failure_name(code: u32) -> &'static str {
    match code {
        1 => "SSL_REQUIRED_BY_SERVER",
        2 => "SSL_NOT_ALLOWED_BY_SERVER",
        3 => "SSL_CERT_NOT_ON_SERVER",
        4 => "INCONSISTENT_FLAGS",
        5 => "HYBRID_REQUIRED_BY_SERVER",
        6 => "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
        _ => "",
    }
}

/// Probes a connection request or confirm. Other protocols over TPKT begin with them as well,
/// so that only what \[MS-RDPBCGR\] puts behind proves this one.
#[inline]
pub(super) fn probe(variable: &[u8], kinds: RangeInclusive<u8>) -> Probe {
    if variable.len() >= COOKIE.len() && agrees(variable, COOKIE) {
        return Probe::Certain;
    }
    match variable.first_chunk() {
        Some(&[kind, _, 8, 0]) if kinds.contains(&kind) => Probe::Certain,
        _ => Probe::Possible,
    }
}

/// Requests with cookie, routing token and correlation, and all answers.
pub(super) fn samples() -> Vec<Packet<'static>> {
    let negotiation = |kind, flags, value| Negotiation { kind, flags, length: 8, value };
    let packet = |code, class, cookie, negotiation, correlation| Packet::Connection {
        code,
        connection: Connection { destination: 0x1234, source: 0x5678, class },
        variable: Variable { cookie, negotiation, correlation, rest: &[] },
    };
    let correlation = Correlation {
        kind: CORRELATION,
        flags: 0,
        length: 36,
        id: *b"\xc0\x1a\x7e\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd",
        reserved: [0; 16],
    };
    let mart: Option<&[u8]> = Some(b"Cookie: mstshash=mart");
    let token: Option<&[u8]> = Some(b"Cookie: msts=3640205228.15629.0000");
    vec![
        packet(REQUEST, 5, mart, Some(negotiation(1, 8, 11)), Some(correlation)),
        packet(REQUEST, 0, None, Some(negotiation(1, 1, 3)), None),
        packet(REQUEST, 0, token, Some(negotiation(1, 0, 1)), None),
        packet(REQUEST, 0, mart, None, None),
        packet(CONFIRM, 0, None, Some(negotiation(2, 0x1f, 2)), None),
        packet(CONFIRM, 0, None, Some(negotiation(3, 1, 5)), None),
    ]
}
