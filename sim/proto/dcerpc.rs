//! DCE/RPC: connection-oriented (version 5) and connectionless (version 4) packets.
//!
//! C706 (DCE 1.1: Remote Procedure Call) chapter 12, with \[MS-RPCE\] section 2.2.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Dcerpc;

wire_struct! {
    /// Common header of connection-oriented packets, C706 section 12.6.1.
    pub struct Header / HeaderView [16] {
        /// 5.
        0 version: be u8,
        /// 0 or 1.
        1 version_minor: be u8,
        /// Packet type, e.g. 11 for bind.
        2 kind: be u8,
        /// First and last fragment, and more.
        3 flags: be u8,
        /// Data representation; see [`is_little_endian`].
        4 representation: raw [u8; 4],
        /// Length of the fragment in bytes, in the order that `representation` says.
        8 fragment_length: raw [u8; 2],
        /// Length of the authentication value in bytes, likewise.
        10 auth_length: raw [u8; 2],
        /// Call identifier, likewise.
        12 call_id: raw [u8; 4],
    }
}

wire_struct! {
    /// Header of connectionless packets, C706 chapter 12, "Connectionless RPC PDUs".
    pub struct Datagram / DatagramView [80] {
        /// 4.
        0 version: be u8,
        /// Packet type, e.g. 0 for request.
        1 kind: be u8,
        /// Last fragment, idempotent, and more.
        2 flags1: be u8,
        /// 0x02 says that a cancel is pending.
        3 flags2: be u8,
        /// Data representation; see [`is_little_endian`].
        4 representation: raw [u8; 3],
        /// High byte of the fragment's serial number.
        7 serial_high: be u8,
        /// Object identifier.
        8 object: raw [u8; 16],
        /// Interface identifier.
        24 interface: raw [u8; 16],
        /// Activity identifier.
        40 activity: raw [u8; 16],
        /// When the server booted, in the order that `representation` says.
        56 server_boot: raw [u8; 4],
        /// Version of the interface, likewise.
        60 interface_version: raw [u8; 4],
        /// Sequence number, likewise.
        64 sequence: raw [u8; 4],
        /// Operation number, likewise.
        68 operation: raw [u8; 2],
        /// Interface hint, likewise.
        70 interface_hint: raw [u8; 2],
        /// Activity hint, likewise.
        72 activity_hint: raw [u8; 2],
        /// Length of the body in bytes, likewise.
        74 length: raw [u8; 2],
        /// Fragment number, likewise.
        76 fragment: raw [u8; 2],
        /// Authentication protocol.
        78 auth_protocol: be u8,
        /// Low byte of the fragment's serial number.
        79 serial_low: be u8,
    }
}

/// Versions of connection-oriented and connectionless packets, C706 chapter 12.
const CONNECTION: u8 = 5;
const CONNECTIONLESS: u8 = 4;
/// Highest packet type over a connection: those of C706 chapter 12, table "RPC Protocol Data
/// Units", end with orphaned (19); \[MS-RPCH\] 2.2.3.6.1 adds RTS.
const CONNECTION_KIND_MAX: u8 = 20;
/// Highest packet type without one (cancel_ack), from the same table.
const CONNECTIONLESS_KIND_MAX: u8 = 10;
/// Bits of the second flags without a meaning, C706 chapter 12, "Connectionless RPC PDUs".
const RESERVED_FLAGS2: u8 = 0xfc;
/// Integers are little-endian: upper half of the first byte, C706 chapter 14.
const LITTLE_ENDIAN: u8 = 0x10;
/// Highest floating-point format (IBM), C706 chapter 14.
const FLOAT_MAX: u8 = 3;

/// Whether integers of a packet with this data representation are little-endian.
#[inline]
pub fn is_little_endian(representation: &[u8]) -> bool {
    representation.first().is_some_and(|first| first & 0xf0 == LITTLE_ENDIAN)
}

/// Whether `representation`, as far as present, is one of C706 chapter 14.
#[inline]
fn is_representation(representation: &[u8]) -> bool {
    let mut bytes = representation.iter();
    bytes.next().is_none_or(|first| first & !(LITTLE_ENDIAN | 0x01) == 0)
        && bytes.next().is_none_or(|&float| float <= FLOAT_MAX)
        && bytes.all(|&reserved| reserved == 0)
}

fn get_u16(representation: &[u8], bytes: [u8; 2]) -> u16 {
    if is_little_endian(representation) {
        u16::from_le_bytes(bytes)
    } else {
        u16::from_be_bytes(bytes)
    }
}

fn put_u16(representation: &[u8], value: usize) -> [u8; 2] {
    // The value was read from 16 bits, or bounded by them.
    let value = u16::try_from(value).unwrap_or(u16::MAX);
    if is_little_endian(representation) { value.to_le_bytes() } else { value.to_be_bytes() }
}

impl HeaderView<'_> {
    fn total_length(self) -> usize {
        usize::from(get_u16(&self.representation(), self.fragment_length()))
    }

    fn auth_length_bytes(self) -> usize {
        usize::from(get_u16(&self.representation(), self.auth_length()))
    }
}

/// One connection-oriented packet; what follows the common header is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The common header.
    pub header: Header,
    body: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parses the packet that `input` is.
    ///
    /// # Errors
    /// Other versions, or lengths that do not fit.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("dcerpc::Header", input);
        let length = connection_length(&mut r.clone())?;
        let header = Header::parse(&mut r)?;
        let body = r.bytes(length - Header::LEN)?;
        r.finish()?;
        Ok(Self { header, body })
    }

    /// Appends the packet, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let length = Header::LEN + self.body.len();
        let fragment_length = put_u16(&self.header.representation, length);
        Header { fragment_length, ..self.header }.emit(w);
        w.bytes(self.body);
    }
}

/// Checks the common header and gives the length of the fragment.
fn connection_length(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let at = r.clone();
    let bad = |field, got: u8| Err(at.error(Cause::BadValue { field, got: u64::from(got) }));
    if let Some(&version) = r.peek().first()
        && version != CONNECTION
    {
        return bad("version", version);
    }
    let header = Header::view(r)?;
    if header.kind() > CONNECTION_KIND_MAX {
        return bad("kind", header.kind());
    }
    let length = header.total_length();
    let min = Header::LEN + header.auth_length_bytes();
    if length < min {
        let max = usize::from(u16::MAX);
        return Err(at.error(Cause::BadLength { field: "fragment_length", got: length, min, max }));
    }
    Ok(length)
}

/// One connectionless packet; the body is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramPacket<'a> {
    /// The header.
    pub header: Datagram,
    body: &'a [u8],
    /// Authentication verifier, C706 chapter 13.
    verifier: &'a [u8],
}

impl<'a> DatagramPacket<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// Another version, or a length beyond the datagram; without an authentication protocol
    /// also a length that is not the datagram's.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("dcerpc::Datagram", input);
        let mut r = at.clone();
        let header = Datagram::parse(&mut r)?;
        if header.version != CONNECTIONLESS {
            let got = u64::from(header.version);
            return Err(at.error(Cause::BadValue { field: "version", got }));
        }
        let body = r.bytes(usize::from(get_u16(&header.representation, header.length)))?;
        let verifier = if header.auth_protocol == 0 { &[][..] } else { r.remainder() };
        r.finish()?;
        Ok(Self { header, body, verifier })
    }

    /// Appends the datagram, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let length = put_u16(&self.header.representation, self.body.len());
        Datagram { length, ..self.header }.emit(w);
        w.bytes(self.body);
        w.bytes(self.verifier);
    }
}

/// Probes a connection-oriented packet.
#[inline]
fn probe_connection(payload: &[u8]) -> Probe {
    let byte = |at: usize, is_good: fn(u8) -> bool| payload.get(at).is_none_or(|&b| is_good(b));
    if !byte(0, |version| version == CONNECTION)
        || !byte(1, |minor| minor <= 1)
        || !byte(2, |kind| kind <= CONNECTION_KIND_MAX)
        || !payload.get(4..payload.len().min(8)).is_none_or(is_representation)
    {
        return Probe::No;
    }
    match HeaderView::peek(payload) {
        None => Probe::Possible,
        Some(header) if header.total_length() < Header::LEN + header.auth_length_bytes() => {
            Probe::No
        }
        Some(_) => Probe::Certain,
    }
}

/// Probes a connectionless packet.
#[inline]
fn probe_connectionless(payload: &[u8]) -> Probe {
    let byte = |at: usize, is_good: fn(u8) -> bool| payload.get(at).is_none_or(|&b| is_good(b));
    if !byte(0, |version| version == CONNECTIONLESS)
        || !byte(1, |kind| kind <= CONNECTIONLESS_KIND_MAX)
        || !byte(3, |flags2| flags2 & RESERVED_FLAGS2 == 0)
        || !payload.get(4..payload.len().min(7)).is_none_or(is_representation)
    {
        return Probe::No;
    }
    // Behind the identifiers, so that the beginning alone proves nothing.
    match DatagramView::peek(payload) {
        None => Probe::Possible,
        Some(header) => {
            let representation = header.representation();
            let body = usize::from(get_u16(&representation, header.length()));
            let rest = payload.len() - Datagram::LEN;
            if body == rest || header.auth_protocol() != 0 && body < rest {
                Probe::Certain
            } else if body > rest {
                Probe::Possible // cut by the snap length
            } else {
                Probe::No
            }
        }
    }
}

/// One association over a named pipe or a connection: what both sides send, as a stream of
/// fragments, and what it means.
#[derive(Debug, Default)]
pub struct Association {}

impl Association {
    /// Reads bytes that `context.side` sent next: one fragment, several, or part of one.
    pub fn bytes(
        &mut self,
        _bytes: &[u8],
        _context: &super::Context,
        _out: &mut dyn super::Observer,
    ) {
    }
}

impl super::Dialogue for Association {}

impl Protocol for Dcerpc {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "dcerpc";
    const LABEL: &'static str = "DCE/RPC";
    const FRAMING: Framing = Framing::Either;
    /// The endpoint mapper; interfaces have ports of their own choice (\[MS-RPCE\] 2.1.1.1).
    const TCP_PORTS: &'static [u16] = &[135];
    const UDP_PORTS: &'static [u16] = &[135];
    const STARTS: &'static [RangeInclusive<u8>] = &[CONNECTIONLESS..=CONNECTION];

    fn probe(payload: &[u8], transport: Transport) -> Probe {
        match transport {
            Transport::Tcp => probe_connection(payload),
            Transport::Udp => probe_connectionless(payload),
        }
    }

    fn step(input: &[u8], transport: Transport) -> Step {
        match transport {
            Transport::Udp => Step::datagram(input, DatagramPacket::parse(input).map(|_| ())),
            Transport::Tcp => match connection_length(&mut Reader::new("dcerpc::Header", input)) {
                Ok(length) => Step::framed(input, length),
                Err(error) => Step::failed(input, error),
            },
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
        out.message(context, &super::Message::Dcerpc(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        match transport {
            Transport::Tcp => Packet::parse(input)?.emit(out),
            Transport::Udp => DatagramPacket::parse(input)?.emit(out),
        }
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        // Bind to one interface of the endpoint mapper.
        let mut bind = b"\x05\x01\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x02\x00\x00\x00".to_vec();
        bind.extend(b"\xb8\x10\xb8\x10\x05\x34\x00\x00\x01\x00\x00\x00\x01\x00\x01\x00");
        bind.extend(
            b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa\x03\x00\x00\x00",
        );
        bind.extend(
            b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\x00\x00\x00",
        );
        // Big-endian request with an authentication value of 4 bytes.
        let mut request =
            b"\x05\x00\x00\x03\x00\x00\x00\x00\x00\x28\x00\x04\x00\x00\x00\x03".to_vec();
        request.extend(b"\x00\x00\x00\x04\x00\x01\x00\x0fbody\x0a\x06\x00\x00\x00\x00\x00\x01auth");
        // Connectionless request, little-endian.
        let mut datagram = b"\x04\x00\x28\x02\x10\x00\x00\x01".to_vec();
        datagram.extend([0x0b; 16]);
        datagram.extend([0x1f; 16]);
        datagram.extend([0xac; 16]);
        datagram
            .extend(b"\x11\x22\x33\x44\x01\x00\x00\x00\x05\x00\x00\x00\x07\x00\xff\xff\xff\xff");
        datagram.extend(b"\x04\x00\x02\x00\x00\x09body");
        vec![Sample::tcp(bind), Sample::tcp(request), Sample::udp(datagram)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_order_that_the_packet_says() {
        let samples = Dcerpc::samples();
        for (sample, order) in samples.iter().zip([true, false]) {
            let packet = Packet::parse(&sample.bytes).unwrap();
            assert_eq!(is_little_endian(&packet.header.representation), order);
        }
    }

    #[test]
    fn the_types_end_with_those_of_rpc_over_http() {
        let head = |kind| [5, 0, kind, 3, 0x10, 0, 0, 0, 76, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Dcerpc::probe(&head(20), Transport::Tcp), Probe::Certain);
        assert_eq!(Dcerpc::probe(&head(21), Transport::Tcp), Probe::No);
    }

    #[test]
    fn a_fragment_shorter_than_what_it_holds_is_refused() {
        let mut bytes = Dcerpc::samples().remove(1).bytes;
        bytes[9] = 0x13;
        assert_eq!(Dcerpc::probe(&bytes, Transport::Tcp), Probe::No);
        assert_eq!(
            Packet::parse(&bytes).unwrap_err().to_string(),
            "dcerpc::Header at byte 0: fragment_length is 19, must be 20..=65535"
        );
    }

    #[test]
    fn a_verifier_may_follow_only_where_it_is_announced() {
        let mut bytes = Dcerpc::samples().remove(2).bytes;
        bytes.extend(b"verifier");
        assert_eq!(Dcerpc::probe(&bytes, Transport::Udp), Probe::No);
        bytes[78] = 10;
        assert_eq!(Dcerpc::probe(&bytes, Transport::Udp), Probe::Certain);
        assert_eq!(
            DatagramPacket::parse(&bytes).map(|packet| packet.verifier),
            Ok(&b"verifier"[..])
        );
    }
}
