//! What connection-oriented packets hold behind their common header: C706 section 12.6.4 with
//! \[MS-RPCE\] section 2.2.2.
//!
//! [`Pdu`] looks at the bytes in place, for reading; [`Fragment`] holds the parts, for writing.

use super::syntax::{LEVEL_PRIVACY, Order, SYNTAX, Syntax, Uuid, kind};
use super::{Header, connection_length};
use crate::wire::{Cause, Reader, WireError, Writer};

/// First fragment of a call, C706 section 12.6.3.1.
pub const FIRST_FRAGMENT: u8 = 0x01;
/// Last fragment of a call, same place.
pub const LAST_FRAGMENT: u8 = 0x02;
/// An object identifier stands before the stub, same place.
pub const OBJECT: u8 = 0x80;

/// Length of the authentication verifier without its value, \[MS-RPCE\] section 2.2.2.11.
pub const TRAILER: usize = 8;

/// Who vouches for a fragment: `sec_trailer`, \[MS-RPCE\] section 2.2.2.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verifier<'a> {
    /// Package, see [`super::syntax::auth_type`].
    pub kind: u8,
    /// 1 none, 2 connect, 3 call, 4 packet, 5 integrity, 6 privacy.
    pub level: u8,
    /// What was put before it to align it.
    pub padding: &'a [u8],
    /// Without meaning.
    pub reserved: u8,
    /// Which of the association's security contexts.
    pub context: u32,
    /// Token of an authentication, or a signature.
    pub token: &'a [u8],
}

/// One connection-oriented packet where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct Pdu<'a> {
    /// Packet type, see [`kind`].
    pub kind: u8,
    /// [`FIRST_FRAGMENT`], [`LAST_FRAGMENT`] and others.
    pub flags: u8,
    /// Order of octets in it.
    pub order: Order,
    /// To which call it belongs.
    pub call_id: u32,
    /// The verifier, if any was captured.
    pub verifier: Option<Verifier<'a>>,
    /// The input ends before the packet does.
    pub is_cut: bool,
    /// There is a verifier, captured or not.
    is_vouched: bool,
    /// Between the common header and what aligns the verifier.
    body: &'a [u8],
}

impl<'a> Pdu<'a> {
    /// Looks at the packet that `input` is, or at the captured beginning of one.
    ///
    /// # Errors
    /// Other versions, lengths that do not fit, or not even a whole common header.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("dcerpc::Header", input);
        let length = connection_length(&mut r.clone())?;
        let header = Header::view(&mut r)?;
        let order = Order::of(&header.representation());
        let mut pdu = Self {
            kind: header.kind(),
            flags: header.flags(),
            order,
            call_id: order.get_u32(header.call_id()),
            verifier: None,
            is_cut: input.len() < length,
            is_vouched: order.get_u16(header.auth_length()) != 0,
            body: &[],
        };
        if pdu.is_cut {
            pdu.body = r.remainder();
            return Ok(pdu);
        }
        let value = usize::from(order.get_u16(header.auth_length()));
        let trailer = if value == 0 { 0 } else { TRAILER + value };
        let mut body = r.bytes(length - Header::LEN - trailer)?;
        if value > 0 {
            let verifier = Verifier::parse(order, body, &mut r)?;
            body = body.get(..body.len() - verifier.padding.len()).unwrap_or_default();
            pdu.verifier = Some(verifier);
        }
        r.finish()?;
        pdu.body = body;
        Ok(pdu)
    }

    /// The reader of the body; offsets are those of the packet.
    fn reader(&self, what: &'static str) -> Reader<'a> {
        Reader::new(what, self.body)
    }

    /// Whether a call begins here.
    pub const fn is_first(&self) -> bool {
        self.flags & FIRST_FRAGMENT != 0
    }

    /// Whether a call ends here.
    pub const fn is_last(&self) -> bool {
        self.flags & LAST_FRAGMENT != 0
    }

    /// Whether the stub is encrypted, or might be, as the verifier was not captured.
    pub fn may_be_sealed(&self) -> bool {
        match &self.verifier {
            Some(verifier) => verifier.level == LEVEL_PRIVACY,
            None => self.is_vouched,
        }
    }

    /// Fixed part of a request. `None` for other packets, and where it was not captured.
    pub fn request(&self) -> Option<Request<'a>> {
        let r = &mut self.reader("dcerpc::Request");
        (self.kind == kind::REQUEST).then(|| Request::parse(self, r)).and_then(Result::ok)
    }

    /// Fixed part of a response or a fault.
    pub fn response(&self) -> Option<Response<'a>> {
        let is_response = matches!(self.kind, kind::RESPONSE | kind::FAULT);
        let r = &mut self.reader("dcerpc::Response");
        is_response.then(|| Response::parse(self.order, r)).and_then(Result::ok)
    }

    /// Status of a fault, C706 section 12.6.4.7.
    pub fn fault(&self) -> Option<u32> {
        if self.kind != kind::FAULT {
            return None;
        }
        Some(self.order.get_u32(*self.response()?.stub.first_chunk()?))
    }

    /// Why a bind was refused, C706 section 12.6.4.5.
    pub fn reason(&self) -> Option<u16> {
        let reason = self.body.first_chunk().filter(|_| self.kind == kind::BIND_NAK)?;
        Some(self.order.get_u16(*reason))
    }

    /// Presentation contexts that a bind or alter_context offers, C706 section 12.6.4.3.
    pub fn offers(&self) -> Offers<'a> {
        let mut r = self.reader("dcerpc::Bind");
        let has_offers = matches!(self.kind, kind::BIND | kind::ALTER_CONTEXT);
        let left = if has_offers && Limits::parse(self.order, &mut r).is_ok() {
            count(&mut r).unwrap_or(0)
        } else {
            0
        };
        Offers { order: self.order, left, r }
    }

    /// What a bind_ack or alter_context_resp says to each offer, C706 section 12.6.4.4.
    pub fn verdicts(&self) -> Verdicts<'a> {
        let mut r = self.reader("dcerpc::BindAck");
        let mut left = 0;
        if matches!(self.kind, kind::BIND_ACK | kind::ALTER_CONTEXT_RESP)
            && Limits::parse(self.order, &mut r).is_ok()
            && Address::parse(self.order, &mut r).is_ok()
        {
            left = count(&mut r).unwrap_or(0);
        }
        Verdicts { order: self.order, left, r }
    }

    /// Checks that the body holds what its type says.
    ///
    /// # Errors
    /// Truncation.
    pub fn check(&self) -> Result<(), WireError> {
        let order = self.order;
        match self.kind {
            kind::BIND | kind::ALTER_CONTEXT => {
                let mut r = self.reader("dcerpc::Bind");
                Limits::parse(order, &mut r)?;
                for _ in 0..count(&mut r)? {
                    Offer::parse(order, &mut r)?;
                }
            }
            kind::BIND_ACK | kind::ALTER_CONTEXT_RESP => {
                let mut r = self.reader("dcerpc::BindAck");
                Limits::parse(order, &mut r)?;
                Address::parse(order, &mut r)?;
                for _ in 0..count(&mut r)? {
                    Verdict::parse(order, &mut r)?;
                }
            }
            kind::BIND_NAK => {
                self.reader("dcerpc::BindNak").array::<2>()?;
            }
            kind::REQUEST => {
                Request::parse(self, &mut self.reader("dcerpc::Request"))?;
            }
            kind::RESPONSE => {
                Response::parse(order, &mut self.reader("dcerpc::Response"))?;
            }
            kind::FAULT => {
                let mut r = self.reader("dcerpc::Fault");
                Response::parse(order, &mut r.clone())?;
                r.bytes(FAULT)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Octets of a fault's body up to its status, C706 section 12.6.4.7.
const FAULT: usize = 12;

impl<'a> Verifier<'a> {
    /// Reads the verifier that follows `body`, which ends with what aligns it.
    fn parse(order: Order, body: &'a [u8], r: &mut Reader<'a>) -> Result<Self, WireError> {
        let at = r.clone();
        let &[kind, level, padding, reserved] = r.array()?;
        let context = order.get_u32(*r.array()?);
        let padded = usize::from(padding);
        let Some(start) = body.len().checked_sub(padded) else {
            let (field, max) = ("auth_pad_length", body.len());
            return Err(at.error(Cause::BadLength { field, got: padded, min: 0, max }));
        };
        let padding = body.get(start..).unwrap_or_default();
        Ok(Self { kind, level, padding, reserved, context, token: r.remainder() })
    }

    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        let padding = u8::try_from(self.padding.len()).unwrap_or(u8::MAX);
        w.bytes(self.padding.get(..usize::from(padding)).unwrap_or_default());
        w.bytes(&[self.kind, self.level, padding, self.reserved]);
        w.bytes(&order.put_u32(self.context));
        w.bytes(self.token);
    }
}

/// What both sides of an association agree on, C706 section 12.6.4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest fragment that the sender will send, in octets.
    pub transmit: u16,
    /// Longest that it takes.
    pub receive: u16,
    /// To which group of associations it belongs; 0 for a new one.
    pub group: u32,
}

impl Limits {
    fn parse(order: Order, r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            transmit: order.get_u16(*r.array()?),
            receive: order.get_u16(*r.array()?),
            group: order.get_u32(*r.array()?),
        })
    }

    fn emit(self, order: Order, w: &mut Writer<'_>) {
        w.bytes(&order.put_u16(self.transmit));
        w.bytes(&order.put_u16(self.receive));
        w.bytes(&order.put_u32(self.group));
    }
}

/// How many items follow: one octet, then three without meaning.
fn count(r: &mut Reader<'_>) -> Result<u8, WireError> {
    let &[count, ..] = r.array::<4>()?;
    Ok(count)
}

/// One offered presentation context, `p_cont_elem_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    /// How requests will call it.
    pub id: u16,
    /// The interface.
    pub interface: Syntax,
    reserved: u8,
    /// Encodings that may be used for it.
    transfers: &'a [u8],
}

impl<'a> Offer<'a> {
    fn parse(order: Order, r: &mut Reader<'a>) -> Result<Self, WireError> {
        let id = order.get_u16(*r.array()?);
        let &[transfers, reserved] = r.array()?;
        let interface = Syntax::parse(order, r)?;
        let transfers = r.bytes(usize::from(transfers) * SYNTAX)?;
        Ok(Self { id, interface, reserved, transfers })
    }

    /// The encodings that may be used, best first.
    pub fn transfers(self, order: Order) -> impl Iterator<Item = Syntax> + 'a {
        let (items, _) = self.transfers.as_chunks::<SYNTAX>();
        items.iter().filter_map(move |item| {
            Syntax::parse(order, &mut Reader::new("dcerpc::Transfer", item)).ok()
        })
    }
}

/// The contexts that a packet offers; ends early where it is cut.
#[derive(Debug, Clone)]
pub struct Offers<'a> {
    order: Order,
    left: u8,
    r: Reader<'a>,
}

impl<'a> Iterator for Offers<'a> {
    type Item = Offer<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Offer::parse(self.order, &mut self.r).ok()
    }
}

/// What became of one offered context, `p_result_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// 0 accepted, 1 refused by the user, 2 by the provider, 3 answers a feature negotiation.
    pub result: u16,
    /// Why it was refused, or which features.
    pub reason: u16,
    /// The encoding to use.
    pub transfer: Syntax,
}

impl Verdict {
    fn parse(order: Order, r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            result: order.get_u16(*r.array()?),
            reason: order.get_u16(*r.array()?),
            transfer: Syntax::parse(order, r)?,
        })
    }

    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        w.bytes(&order.put_u16(self.result));
        w.bytes(&order.put_u16(self.reason));
        self.transfer.emit(order, w);
    }
}

/// The verdicts in a packet; ends early where it is cut.
#[derive(Debug, Clone)]
pub struct Verdicts<'a> {
    order: Order,
    left: u8,
    r: Reader<'a>,
}

impl Iterator for Verdicts<'_> {
    type Item = Verdict;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Verdict::parse(self.order, &mut self.r).ok()
    }
}

/// Secondary address in a bind_ack: a port or pipe, with what aligns the rest to 4 octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Text that ends with a zero octet, or nothing.
    pub text: &'a [u8],
    padding: &'a [u8],
}

impl<'a> Address<'a> {
    /// An address, aligned.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, padding: [0; 3].get(..Self::gap(text.len())).unwrap_or_default() }
    }

    /// Octets behind the text; the common header and the limits before it are aligned.
    const fn gap(text: usize) -> usize {
        (2 + text).wrapping_neg() % 4
    }

    fn parse(order: Order, r: &mut Reader<'a>) -> Result<Self, WireError> {
        let length = usize::from(order.get_u16(*r.array()?));
        Ok(Self { text: r.bytes(length)?, padding: r.bytes(Self::gap(length))? })
    }

    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        let length = u16::try_from(self.text.len()).unwrap_or(u16::MAX);
        w.bytes(&order.put_u16(length));
        w.bytes(self.text.get(..usize::from(length)).unwrap_or_default());
        w.bytes(self.padding);
    }
}

/// A request, C706 section 12.6.4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Octets of the whole stub, or 0.
    pub hint: u32,
    /// Presentation context: which interface.
    pub context: u16,
    /// Which of its operations.
    pub opnum: u16,
    /// Which object.
    pub object: Option<Uuid>,
    /// Arguments, or a part of them.
    pub stub: &'a [u8],
}

impl<'a> Request<'a> {
    fn parse(pdu: &Pdu<'a>, r: &mut Reader<'a>) -> Result<Self, WireError> {
        let order = pdu.order;
        let hint = order.get_u32(*r.array()?);
        let (context, opnum) = (order.get_u16(*r.array()?), order.get_u16(*r.array()?));
        let has_object = pdu.flags & OBJECT != 0;
        let object = if has_object { Some(order.get_uuid(*r.array()?)) } else { None };
        Ok(Self { hint, context, opnum, object, stub: r.remainder() })
    }

    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        w.bytes(&order.put_u32(self.hint));
        w.bytes(&order.put_u16(self.context));
        w.bytes(&order.put_u16(self.opnum));
        if let Some(object) = self.object {
            w.bytes(&order.put_uuid(object));
        }
        w.bytes(self.stub);
    }
}

/// A response, C706 section 12.6.4.10, or a fault, whose stub begins with its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// Octets of the whole stub, or 0.
    pub hint: u32,
    /// Presentation context of the request.
    pub context: u16,
    /// Cancels that arrived.
    pub cancels: u8,
    /// Without meaning; in a fault, bit 0 says that it is extended.
    pub reserved: u8,
    /// Results, or a part of them.
    pub stub: &'a [u8],
}

impl<'a> Response<'a> {
    fn parse(order: Order, r: &mut Reader<'a>) -> Result<Self, WireError> {
        let (hint, context) = (order.get_u32(*r.array()?), order.get_u16(*r.array()?));
        let &[cancels, reserved] = r.array()?;
        Ok(Self { hint, context, cancels, reserved, stub: r.remainder() })
    }

    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        w.bytes(&order.put_u32(self.hint));
        w.bytes(&order.put_u16(self.context));
        w.bytes(&[self.cancels, self.reserved]);
        w.bytes(self.stub);
    }
}

/// One connection-oriented packet in its parts, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Minor version: 0 or 1.
    pub version_minor: u8,
    /// [`FIRST_FRAGMENT`], [`LAST_FRAGMENT`] and others; [`OBJECT`] where the request has one.
    pub flags: u8,
    /// Data representation.
    pub representation: [u8; 4],
    /// To which call it belongs.
    pub call_id: u32,
    /// What it says.
    pub body: Body<'a>,
    /// Who vouches for it.
    pub verifier: Option<Verifier<'a>>,
}

/// Data representation of Windows: little-endian, ASCII, IEEE, C706 section 14.1.
pub const WINDOWS: [u8; 4] = [0x10, 0, 0, 0];

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A bind or, of type 14, an alter_context.
    Offers(u8, Limits, Vec<OfferParts>, Tail<'a>),
    /// A bind_ack or, of type 15, an alter_context_resp.
    Verdicts(u8, Limits, Address<'a>, Vec<Verdict>, Tail<'a>),
    /// A call.
    Request(Request<'a>),
    /// Its results, or a fault of type 3.
    Response(u8, Response<'a>),
    /// Any other type, with its octets.
    Other(u8, &'a [u8]),
}

/// The three octets without meaning behind a count, and those behind the list.
pub type Tail<'a> = ([u8; 3], &'a [u8]);

/// One offered presentation context, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferParts {
    /// See [`Offer::id`].
    pub id: u16,
    /// See [`Offer::interface`].
    pub interface: Syntax,
    /// See [`Offer::transfers`]; at most 255.
    pub transfers: Vec<Syntax>,
    /// Without meaning.
    pub reserved: u8,
}

impl<'a> Fragment<'a> {
    /// A whole call in one fragment from Windows.
    pub const fn new(call_id: u32, body: Body<'a>) -> Self {
        let flags = FIRST_FRAGMENT | LAST_FRAGMENT;
        Self { version_minor: 0, flags, representation: WINDOWS, call_id, body, verifier: None }
    }

    /// Parses the packet that `input` is.
    ///
    /// # Errors
    /// Other versions, or lengths that do not fit.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let pdu = Pdu::parse(input)?;
        let header = Header::view(&mut Reader::new("dcerpc::Header", input))?;
        if pdu.is_cut {
            let at = Reader::new("dcerpc::Header", input);
            let need = usize::from(pdu.order.get_u16(header.fragment_length()));
            return Err(at.error(Cause::Truncated { need, have: input.len() }));
        }
        Ok(Self {
            version_minor: header.version_minor(),
            flags: pdu.flags,
            representation: header.representation(),
            call_id: pdu.call_id,
            body: Body::parse(&pdu)?,
            verifier: pdu.verifier,
        })
    }

    /// Appends the packet, its lengths derived. What exceeds 65,535 octets is cut.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let order = Order::of(&self.representation);
        let mut rest = Vec::new();
        let kind = self.body.emit(order, &mut Writer::new(&mut rest));
        let mut auth_length = 0;
        if let Some(verifier) = &self.verifier {
            verifier.emit(order, &mut Writer::new(&mut rest));
            auth_length = u16::try_from(verifier.token.len()).unwrap_or(u16::MAX);
        }
        rest.truncate(usize::from(u16::MAX) - Header::LEN);
        let length = u16::try_from(Header::LEN + rest.len()).unwrap_or(u16::MAX);
        let header = Header {
            version: 5,
            version_minor: self.version_minor,
            kind,
            flags: self.flags,
            representation: self.representation,
            fragment_length: order.put_u16(length),
            auth_length: order.put_u16(auth_length),
            call_id: order.put_u32(self.call_id),
        };
        header.emit(w);
        w.bytes(&rest);
    }
}

impl<'a> Body<'a> {
    fn parse(pdu: &Pdu<'a>) -> Result<Self, WireError> {
        let (kind, order) = (pdu.kind, pdu.order);
        let r = &mut pdu.reader("dcerpc::Body");
        Ok(match kind {
            kind::BIND | kind::ALTER_CONTEXT => {
                let limits = Limits::parse(order, r)?;
                let &[count, a, b, c] = r.array()?;
                let offers = (0..count).map(|_| Offer::parse(order, r).map(|o| o.parts(order)));
                let offers = offers.collect::<Result<_, _>>()?;
                Self::Offers(kind, limits, offers, ([a, b, c], r.remainder()))
            }
            kind::BIND_ACK | kind::ALTER_CONTEXT_RESP => {
                let limits = Limits::parse(order, r)?;
                let address = Address::parse(order, r)?;
                let &[count, a, b, c] = r.array()?;
                let verdicts = (0..count).map(|_| Verdict::parse(order, r));
                let verdicts = verdicts.collect::<Result<_, _>>()?;
                Self::Verdicts(kind, limits, address, verdicts, ([a, b, c], r.remainder()))
            }
            kind::REQUEST => Self::Request(Request::parse(pdu, r)?),
            kind::RESPONSE | kind::FAULT => Self::Response(kind, Response::parse(order, r)?),
            _ => Self::Other(kind, r.remainder()),
        })
    }

    /// Appends the body and gives its type.
    fn emit(&self, order: Order, w: &mut Writer<'_>) -> u8 {
        match self {
            Self::Offers(kind, limits, offers, (reserved, rest)) => {
                limits.emit(order, w);
                let count = u8::try_from(offers.len()).unwrap_or(u8::MAX);
                w.byte(count);
                w.bytes(reserved);
                offers.iter().take(usize::from(count)).for_each(|offer| offer.emit(order, w));
                w.bytes(rest);
                *kind
            }
            Self::Verdicts(kind, limits, address, verdicts, (reserved, rest)) => {
                limits.emit(order, w);
                address.emit(order, w);
                let count = u8::try_from(verdicts.len()).unwrap_or(u8::MAX);
                w.byte(count);
                w.bytes(reserved);
                verdicts.iter().take(usize::from(count)).for_each(|item| item.emit(order, w));
                w.bytes(rest);
                *kind
            }
            Self::Request(request) => {
                request.emit(order, w);
                kind::REQUEST
            }
            Self::Response(kind, response) => {
                response.emit(order, w);
                *kind
            }
            Self::Other(kind, bytes) => {
                w.bytes(bytes);
                *kind
            }
        }
    }
}

impl Offer<'_> {
    fn parts(self, order: Order) -> OfferParts {
        let transfers = self.transfers(order).collect();
        OfferParts { id: self.id, interface: self.interface, transfers, reserved: self.reserved }
    }
}

impl OfferParts {
    fn emit(&self, order: Order, w: &mut Writer<'_>) {
        let count = u8::try_from(self.transfers.len()).unwrap_or(u8::MAX);
        w.bytes(&order.put_u16(self.id));
        w.bytes(&[count, self.reserved]);
        self.interface.emit(order, w);
        let transfers = self.transfers.iter().take(usize::from(count));
        transfers.for_each(|transfer| transfer.emit(order, w));
    }
}
