//! RADIUS, RFC 2865 (authentication), RFC 2866 (accounting), RFC 5176 (dynamic authorization).
//!
//! Logons are followed from the first request through challenges to the verdict, sessions from
//! each accounting request to its response. Passwords and keys are never shown.

use super::{
    Context, Framing, Observer, PROBE_WINDOW, Probe, Protocol, Quality, Sample, Step, Tally,
    Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod attributes;
mod dialogue;
mod samples;
mod value;

pub use attributes::{Format, of_vendor, standard, status_type, value_name, vendor_name};
pub use dialogue::Exchange;
pub use value::{Attribute, Value, Vendor};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Radius;

/// Allowed packet lengths in bytes, RFC 2865 section 3.
const LENGTH_MIN: usize = 20;
const LENGTH_MAX: usize = 4096;

/// Codes, RFC 2865 section 3 and RFC 5176 section 2.3 (IANA: RADIUS packet type codes).
pub const ACCESS_REQUEST: u8 = 1;
/// Access granted.
pub const ACCESS_ACCEPT: u8 = 2;
/// Access refused.
pub const ACCESS_REJECT: u8 = 3;
/// A session begun, continued or ended.
pub const ACCOUNTING_REQUEST: u8 = 4;
/// That was recorded.
pub const ACCOUNTING_RESPONSE: u8 = 5;
/// More is asked for.
pub const ACCESS_CHALLENGE: u8 = 11;

/// Attribute types, RFC 2865 section 5, that logons and sessions are made of.
pub const USER_NAME: u8 = 1;
/// RFC 2865 section 5.2.
pub const USER_PASSWORD: u8 = 2;
/// RFC 2865 section 5.3.
pub const CHAP_PASSWORD: u8 = 3;
/// RFC 2865 section 5.4.
pub const NAS_IP_ADDRESS: u8 = 4;
/// RFC 2865 section 5.6.
pub const SERVICE_TYPE: u8 = 6;
/// RFC 2865 section 5.7.
pub const FRAMED_PROTOCOL: u8 = 7;
/// RFC 2865 section 5.8.
pub const FRAMED_IP_ADDRESS: u8 = 8;
/// RFC 2865 section 5.24.
pub const STATE: u8 = 24;
/// RFC 2865 section 5.26.
pub const VENDOR_SPECIFIC: u8 = 26;
/// RFC 2865 section 5.31.
pub const CALLING_STATION_ID: u8 = 31;
/// RFC 2865 section 5.32.
pub const NAS_IDENTIFIER: u8 = 32;
/// RFC 2866 section 5.1.
pub const ACCT_STATUS_TYPE: u8 = 40;
/// RFC 2866 section 5.5.
pub const ACCT_SESSION_ID: u8 = 44;
/// RFC 2866 section 5.6.
pub const ACCT_AUTHENTIC: u8 = 45;
/// RFC 2866 section 5.7.
pub const ACCT_SESSION_TIME: u8 = 46;
/// RFC 2866 section 5.10.
pub const ACCT_TERMINATE_CAUSE: u8 = 49;
/// RFC 2865 section 5.41.
pub const NAS_PORT_TYPE: u8 = 61;
/// RFC 3579 section 3.1.
pub const EAP_MESSAGE: u8 = 79;
/// RFC 3162 section 2.1.
pub const NAS_IPV6_ADDRESS: u8 = 95;
/// RFC 5176 section 3.5.
pub const ERROR_CAUSE: u8 = 101;

/// Values of Acct-Status-Type that speak of the server, not of a session; RFC 2866 section 5.1.
const STATUS_ON: u32 = 7;
const STATUS_OFF: u32 = 8;

wire_struct! {
    /// Fixed part of a packet, RFC 2865 section 3.
    pub struct Header / HeaderView [20] {
        /// Packet type, e.g. 1 for Access-Request.
        0 code: be u8,
        /// Matches a reply to its request.
        1 identifier: be u8,
        /// Length of the whole packet, in bytes.
        2 length: be u16,
        /// Request or response authenticator.
        4 authenticator: raw [u8; 16],
    }
}

/// A packet where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    header: HeaderView<'a>,
    attributes: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads the fixed part. Bytes beyond the length are padding (RFC 2865 section 3) and are
    /// not looked at; the attributes may be cut.
    ///
    /// # Errors
    /// Truncation inside the fixed part, a length outside the limits, or a code that is not
    /// defined: such a packet is discarded (RFC 2865 section 3).
    #[inline]
    pub fn read(input: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("radius::Header", input);
        let mut r = at.clone();
        let header = Header::view(&mut r)?;
        let length = usize::from(header.length());
        let Some(attributes) = length.checked_sub(LENGTH_MIN).filter(|_| length <= LENGTH_MAX)
        else {
            let (min, max) = (LENGTH_MIN, LENGTH_MAX);
            return Err(at.error(Cause::BadLength { field: "length", got: length, min, max }));
        };
        if code_name(header.code()).is_none() {
            return Err(at.error(Cause::BadValue { field: "code", got: header.code().into() }));
        }
        let rest = r.remainder();
        Ok(Self { header, attributes: rest.get(..attributes).unwrap_or(rest) })
    }

    /// See [`Header::code`]; for its name see [`Protocol::operation`].
    pub fn code(&self) -> u8 {
        self.header.code()
    }

    /// See [`Header::identifier`].
    pub fn identifier(&self) -> u8 {
        self.header.identifier()
    }

    /// See [`Header::authenticator`].
    pub fn authenticator(&self) -> [u8; 16] {
        self.header.authenticator()
    }

    /// The attributes in order, up to the first that is malformed or cut.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut r = Reader::new("radius::Attribute", self.attributes);
        std::iter::from_fn(move || Attribute::parse(&mut r).ok())
    }

    /// The first attribute of type `kind`.
    pub fn find(&self, kind: u8) -> Option<Attribute<'a>> {
        self.attributes().find(|attribute| attribute.kind == kind)
    }

    /// Calls `found` with each attribute.
    #[inline]
    fn walk(&self, mut found: impl FnMut(Attribute<'a>)) -> Result<(), WireError> {
        // Read from a whole packet, so that errors name the offset in it.
        let mut r = Reader::new("radius::Attribute", self.attributes);
        let shifted = |error: WireError| WireError { offset: error.offset + Header::LEN, ..error };
        while !r.is_empty() {
            found(Attribute::parse(&mut r).map_err(shifted)?);
        }
        let missing = usize::from(self.header.length()) - Header::LEN - self.attributes.len();
        if missing > 0 {
            return Err(shifted(r.error(Cause::Truncated { need: missing, have: 0 })));
        }
        Ok(())
    }
}

/// A whole packet. The length is derived, so it cannot be wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// See [`Header::code`].
    pub code: u8,
    /// See [`Header::identifier`].
    pub identifier: u8,
    /// See [`Header::authenticator`].
    pub authenticator: [u8; 16],
    /// The attributes in order: type and value.
    pub attributes: Vec<(u8, Value<'a>)>,
}

impl<'a> Packet<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// A length outside the limits or the datagram, or an attribute that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let view = View::read(bytes)?;
        let mut attributes = Vec::new();
        view.walk(|attribute| attributes.push((attribute.kind, attribute.value())))?;
        let Header { code, identifier, authenticator, .. } =
            Header::parse(&mut Reader::new("radius::Header", bytes))?;
        Ok(Self { code, identifier, authenticator, attributes })
    }

    /// Appends the packet, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let (mut body, mut value) = (Vec::new(), Vec::new());
        for (kind, what) in &self.attributes {
            value.clear();
            what.emit(&mut Writer::new(&mut value));
            Attribute { kind: *kind, bytes: &value }.emit(&mut Writer::new(&mut body));
        }
        let length = u16::try_from(Header::LEN + body.len()).unwrap_or(u16::MAX);
        let Self { code, identifier, authenticator, .. } = *self;
        Header { code, identifier, length, authenticator }.emit(w);
        w.bytes(&body);
    }
}

/// Name of a code of RFC 2865 section 3 or RFC 5176 section 2.3.
const fn code_name(code: u8) -> Option<&'static str> {
    Some(match code {
        ACCESS_REQUEST => "Access-Request",
        ACCESS_ACCEPT => "Access-Accept",
        ACCESS_REJECT => "Access-Reject",
        ACCOUNTING_REQUEST => "Accounting-Request",
        ACCOUNTING_RESPONSE => "Accounting-Response",
        ACCESS_CHALLENGE => "Access-Challenge",
        12 => "Status-Server",
        13 => "Status-Client",
        40 => "Disconnect-Request",
        41 => "Disconnect-ACK",
        42 => "Disconnect-NAK",
        43 => "CoA-Request",
        44 => "CoA-ACK",
        45 => "CoA-NAK",
        _ => return None,
    })
}

/// Whether a code answers another.
const fn is_answer(code: u8) -> bool {
    matches!(
        code,
        ACCESS_ACCEPT | ACCESS_REJECT | ACCOUNTING_RESPONSE | ACCESS_CHALLENGE | 41 | 42 | 44 | 45
    )
}

impl Protocol for Radius {
    type Message<'a> = View<'a>;
    type Dialogue = Exchange;

    const NAME: &'static str = "radius";
    const LABEL: &'static str = "RADIUS";
    const FRAMING: Framing = Framing::Datagram;
    /// Assigned (RFC 2865 section 3, RFC 2866 section 3, RFC 5176 section 2.1) and the older
    /// 1645 and 1646 that those sections replace.
    const UDP_PORTS: &'static [u16] = &[1812, 1813, 3799, 1645, 1646];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        if payload.first().is_some_and(|&code| code_name(code).is_none()) {
            return Probe::No;
        }
        let Some(&[_, _, high, low]) = payload.first_chunk() else { return Probe::Possible };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
            return Probe::No;
        }
        // Cut by the snap length or padded, less speaks for it; so too if the attributes within
        // the window do not tile the packet.
        if payload.len() == length && tiles(payload, length) {
            Probe::Certain
        } else {
            Probe::Possible
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        let length = match View::read(input) {
            Ok(view) => usize::from(view.header.length()),
            Err(error) => return Step::Malformed(error),
        };
        Step::framed(input, length)
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Exchange,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View::read(input)?;
        let mut facts = dialogue::Facts::default();
        let walked = view.walk(|attribute| facts.take(attribute));
        let (operation, bytes) = (u32::from(view.code()), context.length);
        let is_whole = input.len() >= usize::from(view.header.length());
        let quality = if is_whole { Quality::Parsed } else { Quality::Cut };
        let tally = Tally { operation, is_answer: is_answer(view.code()), bytes, quality };
        out.message(context, &super::Message::Radius(view), tally);
        dialogue.message(&view, &facts, context, out);
        walked
    }

    fn operation(code: u32) -> Option<&'static str> {
        code_name(u8::try_from(code).ok()?)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Packet::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        samples::all()
            .iter()
            .map(|packet| {
                let mut bytes = Vec::new();
                packet.emit(&mut Writer::new(&mut bytes));
                Sample::udp(bytes)
            })
            .collect()
    }
}

/// Whether the attributes that begin within the probe's window tile the packet.
#[inline]
fn tiles(payload: &[u8], length: usize) -> bool {
    let mut at = Header::LEN;
    while at < PROBE_WINDOW && at < length {
        match payload.get(at..at + value::HEADER) {
            Some(&[kind, size]) if kind != 0 && usize::from(size) >= value::HEADER => {
                at += usize::from(size);
            }
            _ => return false,
        }
    }
    at <= length
}

#[cfg(test)]
mod tests;
