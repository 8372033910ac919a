//! RADIUS, RFC 2865 (authentication), RFC 2866 (accounting), RFC 5176 (dynamic authorization).

use super::{Framing, PROBE_WINDOW, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Radius;

/// Allowed packet lengths in bytes, RFC 2865 section 3.
const LENGTH_MIN: usize = 20;
const LENGTH_MAX: usize = 4096;
/// Type and length of an attribute, in bytes, RFC 2865 section 5.
const ATTRIBUTE_HEADER: usize = 2;

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

/// One attribute, RFC 2865 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Attribute type, e.g. 1 for User-Name.
    pub kind: u8,
    /// Value, at most 253 bytes.
    value: &'a [u8],
}

impl<'a> Attribute<'a> {
    fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let at = r.clone();
        let &[kind, length] = r.array()?;
        let length = usize::from(length);
        let Some(value_length) = length.checked_sub(ATTRIBUTE_HEADER) else {
            let max = usize::from(u8::MAX);
            let cause =
                Cause::BadLength { field: "length", got: length, min: ATTRIBUTE_HEADER, max };
            return Err(at.error(cause));
        };
        Ok(Self { kind, value: r.bytes(value_length)? })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let length = u8::try_from(ATTRIBUTE_HEADER + self.value.len()).unwrap_or(u8::MAX);
        w.bytes(&[self.kind, length]);
        w.bytes(self.value);
    }

    /// The value.
    pub const fn value(&self) -> &'a [u8] {
        self.value
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
    attributes: Vec<Attribute<'a>>,
}

impl<'a> Packet<'a> {
    /// Parses one datagram. Bytes beyond the length are padding (RFC 2865 section 3) and are
    /// not kept.
    ///
    /// # Errors
    /// A length outside the limits or the datagram, or an attribute that does not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut attributes = Vec::new();
        let header = walk(bytes, |attribute| attributes.push(attribute))?;
        let Header { code, identifier, authenticator, .. } = header;
        Ok(Self { code, identifier, authenticator, attributes })
    }

    /// The attributes in order.
    pub fn attributes(&self) -> &[Attribute<'a>] {
        &self.attributes
    }

    /// Appends the packet, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let sizes = self.attributes.iter().map(|a| ATTRIBUTE_HEADER + a.value.len());
        let length = u16::try_from(Header::LEN + sizes.sum::<usize>()).unwrap_or(u16::MAX);
        let Self { code, identifier, authenticator, .. } = *self;
        Header { code, identifier, length, authenticator }.emit(w);
        self.attributes.iter().for_each(|attribute| attribute.emit(w));
    }
}

/// Checks the header and calls `found` with each attribute.
fn walk<'a>(bytes: &'a [u8], mut found: impl FnMut(Attribute<'a>)) -> Result<Header, WireError> {
    let at = Reader::new("radius::Header", bytes);
    let mut r = at.clone();
    let header = Header::parse(&mut r)?;
    let length = usize::from(header.length);
    if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
        let (min, max) = (LENGTH_MIN, LENGTH_MAX);
        return Err(at.error(Cause::BadLength { field: "length", got: length, min, max }));
    }
    let mut r = r.sub("radius::Attribute", length - Header::LEN)?;
    while !r.is_empty() {
        found(Attribute::parse(&mut r)?);
    }
    Ok(header)
}

/// Codes of RFC 2865 section 3 and RFC 5176 section 2.3 (IANA: RADIUS packet type codes).
#[inline]
const fn is_code(code: u8) -> bool {
    matches!(code, 1..=5 | 11..=13 | 40..=45)
}

impl Protocol for Radius {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "radius";
    const LABEL: &'static str = "RADIUS";
    const FRAMING: Framing = Framing::Datagram;
    /// Assigned (RFC 2865 section 3, RFC 2866 section 3, RFC 5176 section 2.1) and the older
    /// 1645 and 1646 that those sections replace.
    const UDP_PORTS: &'static [u16] = &[1812, 1813, 3799, 1645, 1646];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        if payload.first().is_some_and(|&code| !is_code(code)) {
            return Probe::No;
        }
        let Some(&[_, _, high, low]) = payload.first_chunk() else { return Probe::Possible };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !(LENGTH_MIN..=LENGTH_MAX).contains(&length) {
            return Probe::No;
        }
        // Attributes within the window tile the packet.
        let mut at = Header::LEN;
        while at < PROBE_WINDOW && at < length {
            match payload.get(at..at + ATTRIBUTE_HEADER) {
                Some(&[kind, size]) if kind == 0 || usize::from(size) < ATTRIBUTE_HEADER => {
                    return Probe::No;
                }
                Some(&[_, size]) => at += usize::from(size),
                _ => break,
            }
        }
        if at > length {
            return Probe::No;
        }
        // Cut by the snap length or padded, less speaks for it.
        if payload.len() == length { Probe::Certain } else { Probe::Possible }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        match walk(input, |_| ()) {
            Ok(header) => Step::framed(input, usize::from(header.length)),
            Err(error) => Step::Malformed(error),
        }
    }

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Radius(super::Bytes(input)), tally);
        Ok(())
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
        // Access-Request with User-Name and NAS-IP-Address.
        let mut request = b"\x01\x2a\x00\x20".to_vec();
        request.extend([0x5c; 16]);
        request.extend(b"\x01\x06mart\x04\x06\x0a\x14\x1e\x0b");
        // Accounting-Request: start.
        let mut accounting = b"\x04\x2b\x00\x22".to_vec();
        accounting.extend([0x9a; 16]);
        accounting.extend(b"\x28\x06\x00\x00\x00\x01\x2c\x08a1b2c3");
        // Accounting-Response without attributes.
        let mut response = b"\x05\x2b\x00\x14".to_vec();
        response.extend([0x3e; 16]);
        vec![Sample::udp(request), Sample::udp(accounting), Sample::udp(response)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_attributes_in_order() {
        let bytes = Radius::samples().remove(0).bytes;
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.code, packet.identifier), (1, 0x2a));
        let read: Vec<_> = packet.attributes().iter().map(|a| (a.kind, a.value())).collect();
        assert_eq!(read, [(1, &b"mart"[..]), (4, &[10, 20, 30, 11])]);
    }

    #[test]
    fn the_attribute_and_its_offset_are_named() {
        let mut bytes = Radius::samples().remove(0).bytes;
        bytes[27] = 1;
        assert_eq!(
            Packet::parse(&bytes).unwrap_err().to_string(),
            "radius::Attribute at byte 26: length is 1, must be 2..=255"
        );
    }

    #[test]
    fn padding_is_not_part_of_the_packet() {
        let mut bytes = Radius::samples().remove(0).bytes;
        bytes.extend([0; 4]);
        assert_eq!(Radius::step(&bytes, Transport::Udp), Step::Message { length: 32 });
        assert_eq!(Radius::probe(&bytes, Transport::Udp), Probe::Possible);
    }
}
