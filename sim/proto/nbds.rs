//! NetBIOS datagram service, RFC 1002 section 4.4.

use super::nbns::starts_encoded_name;
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Nbds;

wire_struct! {
    /// What all datagrams begin with, RFC 1002 section 4.4.1.
    pub struct Header / HeaderView [10] {
        /// Message type, 0x10 to 0x16.
        0 kind: be u8,
        /// Source node type, first and more-follows bits.
        1 flags: be u8,
        /// Number that the sender gave the datagram.
        2 id: be u16,
        /// Address of the sender.
        4 source_address: raw [u8; 4],
        /// Port of the sender.
        8 source_port: be u16,
    }
}

wire_struct! {
    /// What follows in datagrams that carry data, RFC 1002 section 4.4.2.
    pub struct DataHeader / DataHeaderView [4] {
        /// Bytes that follow this structure: names and data.
        0 length: be u16,
        /// Where this fragment's data lie in the whole, in bytes.
        2 packet_offset: be u16,
    }
}

/// Message types, RFC 1002 section 4.4.1.
const DIRECT_UNIQUE: u8 = 0x10;
const BROADCAST: u8 = 0x12;
const ERROR: u8 = 0x13;
const QUERY_REQUEST: u8 = 0x14;
const NEGATIVE_QUERY_RESPONSE: u8 = 0x16;
/// Reserved bits of the flags, RFC 1002 section 4.4.1.
const RESERVED_FLAGS: u8 = 0xf0;

/// What a datagram says after its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// Data to one name, a group or all: types 0x10 to 0x12.
    Data {
        /// See [`DataHeader::packet_offset`].
        packet_offset: u16,
        /// Source name, destination name and user data, at most 65,535 bytes.
        names_and_data: &'a [u8],
    },
    /// Error code: type 0x13, RFC 1002 section 4.4.3.
    Error(u8),
    /// Encoded destination name: types 0x14 to 0x16, RFC 1002 section 4.4.4.
    Query(&'a [u8]),
}

/// One datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// What all datagrams begin with.
    pub header: Header,
    body: Body<'a>,
}

impl<'a> Message<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// An undefined type, or a length other than the datagram's.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("nbds::Header", bytes);
        let mut r = at.clone();
        let header = Header::parse(&mut r)?;
        let mut r = r.named("nbds::Body");
        let body = match header.kind {
            DIRECT_UNIQUE..=BROADCAST => {
                let DataHeader { length, packet_offset } = DataHeader::parse(&mut r)?;
                Body::Data { packet_offset, names_and_data: r.bytes(usize::from(length))? }
            }
            ERROR => Body::Error(r.byte()?),
            QUERY_REQUEST..=NEGATIVE_QUERY_RESPONSE => Body::Query(query_name(&mut r)?),
            kind => return Err(at.error(Cause::BadValue { field: "kind", got: u64::from(kind) })),
        };
        r.finish()?;
        Ok(Self { header, body })
    }

    /// What follows the header.
    pub const fn body(&self) -> Body<'a> {
        self.body
    }

    /// Appends the datagram, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.header.emit(w);
        match self.body {
            Body::Data { packet_offset, names_and_data } => {
                let length = u16::try_from(names_and_data.len()).unwrap_or(u16::MAX);
                DataHeader { length, packet_offset }.emit(w);
                w.bytes(names_and_data);
            }
            Body::Error(code) => w.byte(code),
            Body::Query(name) => w.bytes(name),
        }
    }
}

/// An encoded name: labels up to the root, RFC 1002 section 4.1.
fn query_name<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let mut rest = r.clone();
    loop {
        match rest.byte()? {
            0 => return r.bytes(rest.offset() - r.offset()),
            length => rest.bytes(usize::from(length))?,
        };
    }
}

impl Protocol for Nbds {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "nbds";
    const LABEL: &'static str = "NBDS";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[138];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        let kind = payload.first().copied().unwrap_or(DIRECT_UNIQUE);
        let flags = payload.get(1).copied().unwrap_or(0);
        if !(DIRECT_UNIQUE..=NEGATIVE_QUERY_RESPONSE).contains(&kind) || flags & RESERVED_FLAGS != 0
        {
            return Probe::No;
        }
        let name_at = match kind {
            ERROR if payload.len() == Header::LEN + 1 => return Probe::Certain,
            ERROR if payload.len() > Header::LEN + 1 => return Probe::No,
            ERROR => return Probe::Possible,
            DIRECT_UNIQUE..=BROADCAST => Header::LEN + DataHeader::LEN,
            _ => Header::LEN,
        };
        match payload.get(name_at..) {
            Some(name) if !starts_encoded_name(name) => Probe::No,
            Some([_, _, ..]) => Probe::Certain,
            _ => Probe::Possible,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, Message::parse(input).map(|_| ()))
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
        out.message(context, &super::Message::Nbds(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Message::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        let workstation = b"\x20FHFDDADHCACACACACACACACACACACAAA\x00";
        let domain = b"\x20EIEFFCEPEOCACACACACACACACACACABN\x00";
        // A mailslot message to the domain's master browser; the SMB within is opaque here.
        let mut data = b"\x11\x0e\x81\x23\x0a\x14\x1e\x63\x00\x8a\x00\x49\x00\x05".to_vec();
        data.extend(workstation);
        data.extend(domain);
        data.extend(b"\xffSMB%");
        let error = b"\x13\x02\x81\x24\x0a\x14\x1e\x63\x00\x8a\x82".to_vec();
        let mut query = b"\x14\x02\x81\x25\x0a\x14\x1e\x63\x00\x8a".to_vec();
        query.extend(domain);
        vec![Sample::udp(data), Sample::udp(error), Sample::udp(query)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_header_and_leaves_the_names_alone() {
        let bytes = Nbds::samples().remove(0).bytes;
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(
            message.header,
            Header {
                kind: 0x11,
                flags: 0x0e,
                id: 0x8123,
                source_address: [10, 20, 30, 99],
                source_port: 138
            }
        );
        let Body::Data { packet_offset, names_and_data } = message.body() else { panic!() };
        assert_eq!((packet_offset, names_and_data.len()), (5, 73));
    }

    #[test]
    fn an_undefined_kind_is_named() {
        let mut bytes = Nbds::samples().remove(0).bytes;
        bytes[0] = 0x17;
        assert_eq!(
            Message::parse(&bytes).unwrap_err().to_string(),
            "nbds::Header at byte 0: kind 0x17 is not defined"
        );
    }
}
