//! Remote Desktop Protocol, connection sequence: \[MS-RDPBCGR\] section 2.2.1, in TPKT (RFC 1006
//! section 6, now T.123) and X.224 (ITU-T X.224 section 13).
//!
//! Cookie, negotiation and the client's name are read; what else X.224 carries is opaque, as are
//! fast-path updates. With enhanced security the connection goes on as TLS, which is recognised
//! as such.

use std::ops::RangeInclusive;

use super::{Context, Framing, Observer, Probe, Protocol, Quality, Sample, Step, Tally, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod attempt;
mod mcs;
mod x224;

pub use attempt::Attempt;
pub use mcs::{Client, Core, CoreView, connect_initial};
pub use x224::{
    Connection, ConnectionView, Correlation, CorrelationView, Negotiation, NegotiationView,
    Protocols, Variable, failure_name,
};

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

/// Version of TPKT, RFC 1006 section 6.
const VERSION: u8 = 3;
/// TPKT header, length indicator, code and one more byte.
const LENGTH_MIN: usize = 7;
/// Codes, X.224 section 13.1; the lower half of the first two may hold credit, here zero.
pub const REQUEST: u8 = 0xe0;
/// Connection confirm.
pub const CONFIRM: u8 = 0xd0;
/// Disconnect request.
pub const DISCONNECT: u8 = 0x80;
/// Data.
pub const DATA: u8 = 0xf0;
/// Largest length indicator, X.224 section 13.2.1; 255 is reserved.
const INDICATOR_MAX: u8 = 254;
/// The bits of a first byte that are zero in a fast-path PDU, \[MS-RDPBCGR\] 2.2.8.1.2.
const FAST_PATH: u8 = 0x03;
/// The bit of a length that says that a second byte follows, \[MS-RDPBCGR\] 2.2.8.1.2.
const LONG: u8 = 0x80;
/// What stands before the data of X.224: TPKT, length indicator, code, end of transmission.
const DATA_HEADER: usize = 7;
/// Bytes of the data that are read at most: a connect-initial has 400 to 500.
const DATA_MAX: usize = 2_048;

/// Numbers of operations beside the codes of X.224: the tags of T.125 section 11.
pub const CONNECT_INITIAL: u8 = 0x65;
/// T.125 connect-response.
pub const CONNECT_RESPONSE: u8 = 0x66;
/// A fast-path update or input event.
pub const FAST: u8 = 0;

/// A PDU where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    operation: u8,
    header: &'a [u8],
    data: &'a [u8],
}

impl<'a> View<'a> {
    /// Reads a packet or fast-path PDU, of which `input` may hold the beginning only.
    ///
    /// # Errors
    /// Another version, an undefined code, or a header that does not fit or is cut.
    #[inline]
    pub fn read(input: &'a [u8]) -> Result<Self, WireError> {
        if is_fast_path(input) {
            return Ok(Self { operation: FAST, header: &[], data: &[] });
        }
        let mut r = Reader::new("rdp::Tpkt", input);
        let length = packet_length(&mut r)?;
        let mut body = r.named("rdp::X224");
        let at = body.clone();
        let &[indicator] = body.array()?;
        let header_length = usize::from(indicator);
        let max = usize::from(INDICATOR_MAX).min(length - Tpkt::LEN - 1);
        if !(1..=max).contains(&header_length) {
            let cause = Cause::BadLength { field: "indicator", got: header_length, min: 1, max };
            return Err(at.error(cause));
        }
        let code = body.byte()?;
        if !matches!(code, REQUEST | CONFIRM | DISCONNECT | DATA) {
            return Err(at.error(Cause::BadValue { field: "code", got: u64::from(code) }));
        }
        let header = body.bytes(header_length - 1)?;
        let rest = length.saturating_sub(body.offset());
        let data = body.peek();
        let data = data.get(..rest).unwrap_or(data);
        let operation = match data {
            [0x7f, tag @ (CONNECT_INITIAL | CONNECT_RESPONSE), ..] if code == DATA => *tag,
            _ => code,
        };
        Ok(Self { operation, header, data })
    }

    /// What it is: a code of X.224, or [`CONNECT_INITIAL`], [`CONNECT_RESPONSE`], [`FAST`].
    pub const fn operation(&self) -> u8 {
        self.operation
    }

    /// Code of its X.224 header; a fast-path PDU has none.
    pub const fn code(&self) -> Option<u8> {
        match self.operation {
            FAST => None,
            CONNECT_INITIAL | CONNECT_RESPONSE => Some(DATA),
            code => Some(code),
        }
    }

    /// What a connection request or confirm says.
    pub fn variable(&self) -> Option<Variable<'a>> {
        if !matches!(self.operation, REQUEST | CONFIRM) {
            return None;
        }
        self.header.get(Connection::LEN..).map(Variable::read)
    }

    /// Protocols that a request offers.
    pub fn requested(&self) -> Option<Protocols> {
        let negotiation = self.variable()?.negotiation?;
        (negotiation.kind == x224::NEGOTIATION_REQUEST).then_some(Protocols(negotiation.value))
    }

    /// The protocol that a confirm chooses.
    pub fn selected(&self) -> Option<Protocols> {
        let negotiation = self.variable()?.negotiation?;
        (negotiation.kind == x224::NEGOTIATION_RESPONSE).then_some(Protocols(negotiation.value))
    }

    /// The reason why a confirm chooses none; for its name see [`failure_name`].
    pub fn failure(&self) -> Option<u32> {
        let negotiation = self.variable()?.negotiation?;
        (negotiation.kind == x224::NEGOTIATION_FAILURE).then_some(negotiation.value)
    }

    /// What the client says of itself when it begins without TLS.
    pub fn client(&self) -> Option<Client<'a>> {
        if self.operation == CONNECT_INITIAL { Client::find(self.data) } else { None }
    }
}

/// One packet or fast-path PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Connection request or confirm.
    Connection {
        /// [`REQUEST`] or [`CONFIRM`].
        code: u8,
        /// References and class.
        connection: Connection,
        /// Cookie, negotiation and what else follows.
        variable: Variable<'a>,
    },
    /// Any other X.224 packet.
    Other {
        /// Code of the X.224 header.
        code: u8,
        /// The X.224 header after its code, at most 253 bytes.
        header: &'a [u8],
        /// What the packet carries.
        data: &'a [u8],
    },
    /// \[MS-RDPBCGR\] 2.2.8.1.2, 2.2.9.1.2.
    Fast {
        /// Action, number of events and flags.
        first: u8,
        /// Whether the length takes two bytes where one would do.
        is_long: bool,
        /// Updates or input events.
        data: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Parses the packet that `input` is.
    ///
    /// # Errors
    /// Another version, an undefined code, or lengths that do not fit.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("rdp::Packet", input);
        if is_fast_path(input) {
            let (length, header) = fast_path_length(&mut r)?;
            let data = r.bytes(length - header)?;
            r.finish()?;
            let first = input.first().copied().unwrap_or_default();
            return Ok(Self::Fast { first, is_long: header == 3, data });
        }
        let length = packet_length(&mut r)?;
        r.bytes(length - Tpkt::LEN)?;
        r.finish()?;
        let view = View::read(input)?;
        let code = view.code().unwrap_or(DATA);
        if matches!(code, REQUEST | CONFIRM)
            && view.data.is_empty()
            && let Some(variable) = view.variable()
        {
            let connection = Connection::parse(&mut Reader::new("rdp", view.header))?;
            return Ok(Self::Connection { code, connection, variable });
        }
        Ok(Self::Other { code, header: view.header, data: view.data })
    }

    /// Appends the packet, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Connection { code, connection, variable } => {
                let mut header = Vec::new();
                let mut inner = Writer::new(&mut header);
                connection.emit(&mut inner);
                variable.emit(&mut inner);
                emit_packet(code, &header, &[], w);
            }
            Self::Other { code, header, data } => emit_packet(code, header, data, w),
            Self::Fast { first, is_long, data } => {
                w.byte(first);
                match u8::try_from(data.len() + 2) {
                    Ok(length) if length < LONG && !is_long => w.byte(length),
                    _ => {
                        let length = u16::try_from(data.len() + 3).unwrap_or(u16::MAX);
                        w.bytes(&(length | u16::from(LONG) << 8).to_be_bytes());
                    }
                }
                w.bytes(data);
            }
        }
    }
}

fn emit_packet(code: u8, header: &[u8], data: &[u8], w: &mut Writer<'_>) {
    let length = u16::try_from(Tpkt::LEN + 2 + header.len() + data.len()).unwrap_or(u16::MAX);
    Tpkt { version: VERSION, reserved: 0, length }.emit(w);
    w.bytes(&[u8::try_from(1 + header.len()).unwrap_or(u8::MAX), code]);
    w.bytes(header);
    w.bytes(data);
}

/// Whether a PDU is one of the fast path. Nothing but TPKT and these begins so: TLS records
/// begin with 0x14 only behind others.
#[inline]
fn is_fast_path(input: &[u8]) -> bool {
    input.first().is_some_and(|first| first & FAST_PATH == 0)
}

/// Takes the header of a fast-path PDU; gives the length of it all and that of the header.
fn fast_path_length(r: &mut Reader<'_>) -> Result<(usize, usize), WireError> {
    let at = r.named("rdp::FastPath");
    let mut header = at.clone();
    let &[_, first] = header.array()?;
    let (length, header_length) = if first & LONG == 0 {
        (usize::from(first), 2)
    } else {
        let second = header.byte()?;
        (usize::from(u16::from_be_bytes([first & !LONG, second])), 3)
    };
    if length < header_length {
        let max = usize::from(u16::MAX >> 1);
        let cause = Cause::BadLength { field: "length", got: length, min: header_length, max };
        return Err(at.error(cause));
    }
    *r = header;
    Ok((length, header_length))
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

impl Protocol for Rdp {
    type Message<'a> = View<'a>;
    type Dialogue = Attempt;

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
        let Some((&[indicator, code], rest)) =
            payload.get(Tpkt::LEN..).and_then(<[u8]>::split_first_chunk::<2>)
        else {
            return Probe::Possible;
        };
        let is_connection = usize::from(indicator) == length - Tpkt::LEN - 1;
        let variable = || rest.get(Connection::LEN..).unwrap_or_default();
        match code {
            REQUEST if is_connection => x224::probe(variable(), 1..=1),
            CONFIRM if is_connection => x224::probe(variable(), 2..=3),
            DISCONNECT if is_connection => Probe::Possible,
            DATA if indicator == 2 => match rest.get(1..3) {
                Some([0x7f, CONNECT_INITIAL | CONNECT_RESPONSE]) => Probe::Certain,
                _ => Probe::Possible,
            },
            _ => Probe::No,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        let mut r = Reader::new("rdp::Tpkt", input);
        let length = if is_fast_path(input) {
            fast_path_length(&mut r).map(|(length, _)| length)
        } else {
            packet_length(&mut r)
        };
        match length {
            Ok(length) => Step::framed(input, length),
            Err(error) => Step::failed(input, error),
        }
    }

    /// Of data only what begins an MCS connection is read.
    fn needed(head: &[u8], length: usize) -> usize {
        let data = match head {
            [first, ..] if first & FAST_PATH == 0 => return length.min(3),
            [_, _, _, _, 2, DATA, _, data @ ..] => data,
            _ => return length,
        };
        match data {
            [0x7f, CONNECT_INITIAL | CONNECT_RESPONSE, ..] => length.min(DATA_MAX),
            [0x7f] | [] => length.min(DATA_HEADER + 2),
            _ => length.min(DATA_HEADER),
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Attempt,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View::read(input)?;
        let operation = view.operation();
        let tally = Tally {
            operation: operation.into(),
            is_answer: matches!(operation, CONFIRM | CONNECT_RESPONSE),
            bytes: context.length,
            quality: match operation {
                _ if context.is_cut => Quality::Cut,
                REQUEST | CONFIRM | DISCONNECT => Quality::Parsed,
                _ => Quality::Opaque,
            },
        };
        out.message(context, &super::Message::Rdp(view), tally);
        dialogue.message(&view, context, out);
        Ok(())
    }

    fn operation(code: u32) -> Option<&'static str> {
        Some(match u8::try_from(code).ok()? {
            REQUEST => "X.224 Connection Request",
            CONFIRM => "X.224 Connection Confirm",
            DISCONNECT => "X.224 Disconnect Request",
            DATA => "X.224 Data",
            CONNECT_INITIAL => "MCS Connect Initial",
            CONNECT_RESPONSE => "MCS Connect Response",
            FAST => "Fast-Path",
            _ => return None,
        })
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
        let initial = connect_initial(&mcs::sample());
        let initial = Packet::Other { code: DATA, header: b"\x80", data: &initial };
        x224::samples()
            .iter()
            .chain([&initial])
            .map(|packet| {
                let mut bytes = Vec::new();
                packet.emit(&mut Writer::new(&mut bytes));
                Sample::tcp(bytes)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
