//! Remote Desktop Protocol, connection sequence: \[MS-RDPBCGR\] section 2.2.1, in TPKT (RFC 1006
//! section 6, now T.123) and X.224 (ITU-T X.224 section 13).
//!
//! Cookie and negotiation are read; what X.224 carries is opaque. With enhanced security the
//! connection goes on as TLS, which is recognised as such.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Rdp;

wire_struct! {
    /// TPKT header, RFC 1006 section 6.
    pub struct Tpkt / TpktView [4] {
        /// 3.
        0 version: be u8,
        /// Reserved, zero.
        1 reserved: be u8,
        /// Length of the packet with this header, in bytes.
        2 length: be u16,
    }
}

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
        /// Flags.
        1 flags: be u8,
        /// 8.
        2 length: le u16,
        /// Protocols requested or selected, or the reason of the failure.
        4 value: le u32,
    }
}

/// Version of TPKT, RFC 1006 section 6.
const VERSION: u8 = 3;
/// TPKT header, length indicator, code and one more byte.
const LENGTH_MIN: usize = 7;
/// Codes, X.224 section 13.1; the lower half of the first two may hold credit, here zero.
const REQUEST: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DISCONNECT: u8 = 0x80;
const DATA: u8 = 0xf0;
/// Largest length indicator, X.224 section 13.2.1; 255 is reserved.
const INDICATOR_MAX: u8 = 254;
/// What a cookie or routing token begins with, \[MS-RDPBCGR\] 2.2.1.1.
const COOKIE: &[u8] = b"Cookie: msts";
/// MCS connect-initial and connect-response, T.125 section 11, in BER: [APPLICATION 101, 102].
const MCS_CONNECT: [[u8; 2]; 2] = [[0x7f, 0x65], [0x7f, 0x66]];

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Code of the X.224 header, e.g. 0xe0 for a connection request.
    pub code: u8,
    /// The X.224 header after its code, at most 253 bytes.
    header: &'a [u8],
    /// What the packet carries.
    data: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parses the packet that `input` is.
    ///
    /// # Errors
    /// Another version, an undefined code, or lengths that do not fit.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("rdp::Tpkt", input);
        let length = packet_length(&mut r)?;
        let mut body = r.sub("rdp::X224", length - Tpkt::LEN)?;
        r.finish()?;
        let at = body.clone();
        let &[indicator] = body.array()?;
        let Some(header_length) = usize::from(indicator).checked_sub(1) else {
            let max = usize::from(INDICATOR_MAX);
            return Err(at.error(Cause::BadLength { field: "indicator", got: 0, min: 1, max }));
        };
        let code = body.byte()?;
        if !matches!(code, REQUEST | CONFIRM | DISCONNECT | DATA) {
            return Err(at.error(Cause::BadValue { field: "code", got: u64::from(code) }));
        }
        Ok(Self { code, header: body.bytes(header_length)?, data: body.remainder() })
    }

    /// Appends the packet, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let length = Tpkt::LEN + 2 + self.header.len() + self.data.len();
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        Tpkt { version: VERSION, reserved: 0, length }.emit(w);
        w.bytes(&[u8::try_from(1 + self.header.len()).unwrap_or(u8::MAX), self.code]);
        w.bytes(self.header);
        w.bytes(self.data);
    }

    /// References and class of a connection request or confirm.
    pub fn connection(&self) -> Option<Connection> {
        match self.code {
            REQUEST | CONFIRM => Connection::parse(&mut Reader::new("rdp", self.header)).ok(),
            _ => None,
        }
    }

    /// Cookie or routing token of a request, without its line end.
    pub fn cookie(&self) -> Option<&'a [u8]> {
        let variable = self.header.get(Connection::LEN..)?;
        let end = variable.windows(2).position(|pair| pair == b"\r\n")?;
        variable.get(..end)
    }

    /// Negotiation at the end of a connection request or confirm.
    pub fn negotiation(&self) -> Option<Negotiation> {
        self.connection()?;
        let variable = self.header.get(Connection::LEN..)?;
        let at = self.cookie().map_or(0, |cookie| cookie.len() + 2);
        Negotiation::parse(&mut Reader::new("rdp", variable.get(at..)?)).ok()
    }

    /// What the packet carries.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }
}

/// Takes the TPKT header and gives the length of the whole packet.
fn packet_length(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let at = r.clone();
    if let Some(&version) = r.peek().first()
        && version != VERSION
    {
        let (want, got) = (u64::from(VERSION), u64::from(version));
        return Err(at.error(Cause::BadConstant { field: "version", want, got }));
    }
    let header = Tpkt::parse(r)?;
    if header.reserved != 0 {
        let got = u64::from(header.reserved);
        return Err(at.error(Cause::BadConstant { field: "reserved", want: 0, got }));
    }
    let length = usize::from(header.length);
    if length < LENGTH_MIN {
        let max = usize::from(u16::MAX);
        let cause = Cause::BadLength { field: "length", got: length, min: LENGTH_MIN, max };
        return Err(at.error(cause));
    }
    Ok(length)
}

/// Probes a connection request or confirm. Other protocols over TPKT begin with them as well,
/// so that only what \[MS-RDPBCGR\] puts behind proves this one.
#[inline]
fn probe_connection(variable: &[u8], kinds: RangeInclusive<u8>) -> Probe {
    if variable.len() >= COOKIE.len() && super::agrees(variable, COOKIE) {
        return Probe::Certain;
    }
    match variable.first_chunk() {
        Some(&[kind, _, 8, 0]) if kinds.contains(&kind) => Probe::Certain,
        _ => Probe::Possible,
    }
}

impl Protocol for Rdp {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "rdp";
    const LABEL: &'static str = "RDP";
    const FRAMING: Framing = Framing::Stream;
    const TCP_PORTS: &'static [u16] = &[3389];
    const STARTS: &'static [RangeInclusive<u8>] = &[VERSION..=VERSION];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        if !super::agrees(payload, &[VERSION, 0]) {
            return Probe::No;
        }
        let Some(tpkt) = TpktView::peek(payload) else { return Probe::Possible };
        let length = usize::from(tpkt.length());
        if length < LENGTH_MIN {
            return Probe::No;
        }
        let (&[indicator, code], rest) = match payload.get(Tpkt::LEN..) {
            Some(x224) => match x224.split_first_chunk::<2>() {
                Some(split) => split,
                None => return Probe::Possible,
            },
            None => return Probe::Possible,
        };
        let is_connection = usize::from(indicator) == length - Tpkt::LEN - 1;
        match code {
            REQUEST if is_connection => {
                probe_connection(rest.get(Connection::LEN..).unwrap_or_default(), 1..=1)
            }
            CONFIRM if is_connection => {
                probe_connection(rest.get(Connection::LEN..).unwrap_or_default(), 2..=3)
            }
            DISCONNECT if is_connection => Probe::Possible,
            DATA if indicator == 2 => match rest.get(1..3) {
                Some(mcs) if MCS_CONNECT.iter().any(|connect| connect == mcs) => Probe::Certain,
                _ => Probe::Possible,
            },
            _ => Probe::No,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        match packet_length(&mut Reader::new("rdp::Tpkt", input)) {
            Ok(length) => Step::framed(input, length),
            Err(error) => Step::failed(input, error),
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
        out.message(context, &super::Message::Rdp(super::Bytes(input)), tally);
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
        // Connection request with cookie and negotiation.
        let mut request = b"\x03\x00\x00\x2a\x25\xe0\x11\x22\x33\x44\x05".to_vec();
        request.extend(b"Cookie: mstshash=mart\r\n\x01\x08\x08\x00\x0b\x00\x00\x00");
        // Request without cookie; confirm; confirm with failure.
        let bare = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x12\x34\x00\x01\x01\x08\x00\x03\x00\x00\x00";
        let confirm =
            b"\x03\x00\x00\x13\x0e\xd0\x12\x34\x56\x78\x00\x02\x1f\x08\x00\x02\x00\x00\x00";
        let failure =
            b"\x03\x00\x00\x13\x0e\xd0\x12\x34\x56\x78\x00\x03\x01\x08\x00\x05\x00\x00\x00";
        // Data that carries an MCS connect-initial.
        let data = b"\x03\x00\x00\x0e\x02\xf0\x80\x7f\x65\x82\x01\x02mc";
        vec![
            Sample::tcp(request),
            Sample::tcp(*bare),
            Sample::tcp(*confirm),
            Sample::tcp(*failure),
            Sample::tcp(*data),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_cookie_and_negotiation() {
        let bytes = Rdp::samples().remove(0).bytes;
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            packet.connection(),
            Some(Connection { destination: 0x1122, source: 0x3344, class: 5 })
        );
        assert_eq!(packet.cookie(), Some(&b"Cookie: mstshash=mart"[..]));
        assert_eq!(
            packet.negotiation(),
            Some(Negotiation { kind: 1, flags: 8, length: 8, value: 11 })
        );
    }

    #[test]
    fn other_protocols_over_tpkt_are_not_taken_for_it() {
        // Connection request of S7 (port 102), with TPDU size and selectors.
        let s7 = b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\
            \xc0\x01\x0a\xc1\x02\x01\x00\xc2\x02\x01\x02";
        assert_eq!(Rdp::probe(s7, Transport::Tcp), Probe::Possible);
    }

    #[test]
    fn an_undefined_code_is_named() {
        let mut bytes = Rdp::samples().remove(1).bytes;
        bytes[5] = 0x70;
        assert_eq!(Rdp::probe(&bytes, Transport::Tcp), Probe::No);
        assert_eq!(
            Packet::parse(&bytes).unwrap_err().to_string(),
            "rdp::X224 at byte 4: code 0x70 is not defined"
        );
    }
}
