//! DCE/RPC: connection-oriented (version 5) and connectionless (version 4) packets.
//!
//! C706 (DCE 1.1: Remote Procedure Call) chapter 12, with \[MS-RPCE\] section 2.2.

use std::ops::RangeInclusive;

use super::{Context, Framing, Observer, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod association;
#[cfg(test)]
mod conversations;
mod datagram;
pub mod epm;
mod interfaces;
mod logon;
mod meaning;
pub mod ndr;
pub mod pdu;
mod samples;
mod status;
pub mod syntax;
mod view;

pub use association::Association;
pub use datagram::{Datagram, DatagramPacket, DatagramView};
pub use interfaces::{Answer, Service};
pub use syntax::Syntax;
pub use view::{Carrier, Packet, View};

use pdu::Fragment;
use syntax::{Order, kind};

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

impl HeaderView<'_> {
    fn total_length(self) -> usize {
        let order = Order::of(&self.representation());
        usize::from(order.get_u16(self.fragment_length()))
    }

    /// Least length of a fragment that holds what its header says.
    fn min_length(self) -> usize {
        let order = Order::of(&self.representation());
        match usize::from(order.get_u16(self.auth_length())) {
            0 => Header::LEN,
            value => Header::LEN + pdu::TRAILER + value,
        }
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
    let min = header.min_length();
    if length < min {
        let max = usize::from(u16::MAX);
        return Err(at.error(Cause::BadLength { field: "fragment_length", got: length, min, max }));
    }
    Ok(length)
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
        Some(header) if header.total_length() < header.min_length() => Probe::No,
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
            let order = Order::of(&header.representation());
            let body = usize::from(order.get_u16(header.length()));
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

impl Protocol for Dcerpc {
    type Message<'a> = View<'a>;
    type Dialogue = Association;

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
        context: &Context,
        dialogue: &mut Association,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        match context.transport {
            Transport::Tcp => dialogue.connection(input, context, Carrier::Connection, out),
            Transport::Udp => {
                let datagram = if context.is_cut {
                    DatagramPacket::beginning(input)?
                } else {
                    DatagramPacket::parse(input)?
                };
                dialogue.datagram(&datagram, context, out);
                Ok(())
            }
        }
    }

    fn operation(code: u32) -> Option<&'static str> {
        match u8::try_from(code) {
            Ok(kind) => kind::name(kind),
            Err(_) => interfaces::name(code),
        }
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        match transport {
            Transport::Tcp => Fragment::parse(input)?.emit(out),
            Transport::Udp => DatagramPacket::parse(input)?.emit(out),
        }
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        samples::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_the_order_that_the_packet_says() {
        let samples = Dcerpc::samples();
        for (sample, order) in samples.iter().zip([true, false]) {
            let fragment = Fragment::parse(&sample.bytes).unwrap();
            assert_eq!(is_little_endian(&fragment.representation), order);
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
            Fragment::parse(&bytes).unwrap_err().to_string(),
            "dcerpc::Header at byte 0: fragment_length is 19, must be 28..=65535"
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
            DatagramPacket::parse(&bytes).map(|packet| packet.verifier()),
            Ok(&b"verifier"[..])
        );
    }
}
