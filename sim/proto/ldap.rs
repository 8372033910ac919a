//! Lightweight Directory Access Protocol, RFC 4511, \[MS-ADTS\] sections 3.1.1.3 and 5.1, and
//! the signed or sealed buffers that follow a SASL bind, RFC 4422 section 3.7.
//!
//! A buffer that is only signed shows the messages inside; one that is sealed is opaque.

use std::ops::RangeInclusive;

use super::{
    Context, Framing, Id, NEEDED_MAX, Observer, Probe, Protocol, Quality, Sample, Step, Tally,
    Transport,
};
use crate::wire::ber::{self, Element};
use crate::wire::{Cause, Reader, WireError, Writer};

pub mod filter;
pub mod form;
mod message;
pub mod names;
pub mod netlogon;
mod samples;
mod session;

pub use message::{
    Attribute, Authentication, BindRequest, BindResponse, Change, Control, Entry, Message,
    Operation, Outcome, RenameRequest, SearchRequest, Secret,
};
pub(super) use samples::{ping, ping_answer};
pub use session::Session;

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ldap;

/// Longest message and longest sealed buffer in bytes. Ours: 16 MiB is what a buffer's length
/// with a first byte of zero can say, and above the 10 MiB that a domain controller receives
/// (`MaxReceiveBuffer`, \[MS-ADTS\] 3.1.1.3.4.6).
pub(super) const MESSAGE_MAX: usize = 0xff_ffff;
/// Bytes of the length before a sealed buffer, RFC 4422 section 3.7.
const SEALED_PREFIX: usize = 4;
/// Bytes behind that length which tell whether a buffer is sealed or only signed: a token's
/// header of 16 and, behind the signature of NTLM, the beginning of a message with a length and a
/// number of four octets, as Windows writes it.
const SEALED_LOOK: usize = 16 + 13;
/// Bytes of a signed buffer that are read at most. Ours: all messages of an answer share one,
/// so that the largest entry (the aggregated schema takes 300 KB) would hide the result.
const SIGNED_NEEDED_MAX: usize = 1 << 19;
/// Operation of a sealed or signed buffer in [`Tally`], behind the numbers of RFC 4511.
pub const SEALED: u32 = 32;

/// What travels in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A message in the clear.
    Message(Message<'a>),
    /// A buffer that a SASL mechanism signed or encrypted.
    Sealed(Sealed<'a>),
}

/// A buffer that a SASL mechanism signed or encrypted. Of a sealed one, and of a very long one,
/// only the beginning may have been kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Its length on the wire, in bytes.
    pub length: usize,
    /// What was kept of it.
    pub kept: &'a [u8],
}

/// A message of which the operation's content is opaque, every length in the form in which it
/// came: what [`Message`] would write in another way is written from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    envelope: ber::Header,
    id: Element<'a>,
    operation: Element<'a>,
    rest: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Takes one message from the front of `r`.
    ///
    /// # Errors
    /// Tags other than RFC 4511 says, or lengths that do not fit.
    pub(super) fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = ber::Header::expect(r, ber::SEQUENCE, "LDAPMessage", MESSAGE_MAX)?;
        let mut content = r.sub("ldap::Message", envelope.length)?;
        let id = Element::expect(&mut content, ber::INTEGER, "messageID")?;
        let at = content.clone();
        let operation = Element::parse(&mut content)?;
        if !is_operation(operation.tag()) {
            let got = u64::from(operation.tag());
            return Err(at.error(Cause::BadValue { field: "protocolOp", got }));
        }
        Ok(Self { envelope, id, operation, rest: content.remainder() })
    }

    /// Identifier octet of the operation.
    pub(super) const fn tag(&self) -> u8 {
        self.operation.tag()
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let length = self.id.total_length() + self.operation.total_length() + self.rest.len();
        self.envelope.around(length).emit(w);
        self.id.emit(w);
        self.operation.emit(w);
        w.bytes(self.rest);
    }
}

/// Parses the message at the front of `r` and emits it: through its fields where these say all
/// there is, else with its operation opaque.
pub(super) fn reencode_message(r: &mut Reader<'_>, w: &mut Writer<'_>) -> Result<(), WireError> {
    let before = r.peek();
    let envelope = Envelope::parse(&mut r.clone())?;
    let message = Message::parse(r)?;
    let mut emitted = Vec::new();
    message.emit(&mut Writer::new(&mut emitted));
    if before.get(..before.len() - r.peek().len()) == Some(&emitted) {
        w.bytes(&emitted);
    } else {
        envelope.emit(w);
    }
    Ok(())
}

impl<'a> Sealed<'a> {
    /// Takes what is there of a buffer, the rest of `r`.
    fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let length = sealed_length(r)?;
        let kept = r.bytes(length.min(r.peek().len()))?;
        Ok(Self { length, kept })
    }

    /// The messages in the clear, as far as they were kept, where the buffer is signed only:
    /// inside a wrap token of Kerberos (RFC 4121 section 4.2.6.2), or behind a signature of NTLM
    /// (\[MS-NLMP\] section 2.2.2.9).
    pub fn plain(&self) -> Option<&'a [u8]> {
        /// Flag of a wrap token: the content is encrypted.
        const IS_SEALED: u8 = 0x02;
        let (header, rest) = self.kept.split_first_chunk::<16>()?;
        match header {
            [5, 4, flags, 0xff, ec1, ec0, rrc1, rrc0, ..] if flags & IS_SEALED == 0 => {
                let checksum = usize::from(u16::from_be_bytes([*ec1, *ec0]));
                let rotated = usize::from(u16::from_be_bytes([*rrc1, *rrc0]));
                // The checksum stands behind the content, or was rotated before it.
                match rotated {
                    0 => {
                        let length = self.length.checked_sub(header.len() + checksum)?;
                        rest.get(..length.min(rest.len()))
                    }
                    _ if rotated == checksum => {
                        self.length.checked_sub(header.len() + checksum)?;
                        Some(rest.get(checksum..).unwrap_or_default())
                    }
                    _ => None,
                }
            }
            // Nothing says whether NTLM sealed: only sealed messages do not look like messages.
            [1, 0, 0, 0, ..] if probe_message(rest) == Probe::Certain => Some(rest),
            _ => None,
        }
    }
}

impl<'a> Unit<'a> {
    /// Takes one unit from the front of `r`.
    ///
    /// # Errors
    /// As [`Message::parse`], or a sealed buffer that is longer than allowed.
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        match r.peek().first() {
            Some(0) => {
                let length = sealed_length(r)?;
                Ok(Self::Sealed(Sealed { length, kept: r.bytes(length)? }))
            }
            _ => Ok(Self::Message(Message::parse(r)?)),
        }
    }

    /// Appends the unit, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Message(message) => message.emit(w),
            Self::Sealed(Sealed { kept, .. }) => {
                w.bytes(&u32::try_from(kept.len()).unwrap_or(u32::MAX).to_be_bytes());
                w.bytes(kept);
            }
        }
    }
}

/// Takes the length before a sealed buffer.
fn sealed_length(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let at = r.clone();
    let length = u32::from_be_bytes(*r.array::<SEALED_PREFIX>()?) as usize;
    if !(1..=MESSAGE_MAX).contains(&length) {
        let cause = Cause::BadLength { field: "buffer", got: length, min: 1, max: MESSAGE_MAX };
        return Err(at.error(cause));
    }
    Ok(length)
}

/// Length of the unit at the front of `r`, prefix or header included.
fn unit_length(r: &mut Reader<'_>) -> Result<usize, WireError> {
    match r.peek().first() {
        Some(0) => {
            let length = sealed_length(r)?;
            // Read before the length is told, so that `needed` can look at them.
            r.bytes(length.min(SEALED_LOOK))?;
            Ok(SEALED_PREFIX + length)
        }
        _ => Ok(ber::Header::expect(r, ber::SEQUENCE, "LDAPMessage", MESSAGE_MAX)?.total_length()),
    }
}

/// Whether RFC 4511 sections 4.2 to 4.13 define an operation with this tag.
#[inline]
const fn is_operation(tag: u8) -> bool {
    /// Constructed: bind (0, 1), search (3 to 5), modify (6, 7), add (8, 9), delete response
    /// (11), rename (12, 13), compare (14, 15), search reference (19), extended (23, 24),
    /// intermediate response (25).
    const CONSTRUCTED: u32 = 0b0011_1000_1000_1111_1011_1111_1011;
    match tag {
        0x42 | 0x4a | 0x50 => true, // unbind, delete and abandon are primitive
        0x60..=0x7f => CONSTRUCTED >> (tag - 0x60) & 1 == 1,
        _ => false,
    }
}

/// What `payload` says about a message in the clear at its front.
#[inline]
pub(super) fn probe_message(payload: &[u8]) -> Probe {
    let mut r = Reader::new("ldap::Message", payload);
    let headers = ber::Header::expect(&mut r, ber::SEQUENCE, "LDAPMessage", MESSAGE_MAX).and_then(
        |envelope| {
            /// A number of 31 bits (RFC 4511 section 4.1.1) in at most five octets.
            const ID_OCTETS: usize = 5;
            let id = ber::Header::expect(&mut r, ber::INTEGER, "messageID", ID_OCTETS)?;
            r.bytes(id.length)?;
            Ok((envelope, id))
        },
    );
    match (headers, r.peek().first()) {
        (Err(error), _) if error.is_truncation() => Probe::Possible,
        (Ok((envelope, id)), Some(&tag))
            if id.length > 0 && is_operation(tag) && envelope.length >= id.total_length() + 2 =>
        {
            Probe::Certain
        }
        (Ok((_, id)), None) if id.length > 0 => Probe::Possible,
        _ => Probe::No,
    }
}

/// What `payload` says about a sealed buffer at its front. Other protocols seal in the same
/// way, so that [`Protocol::STARTS`] lacks its first byte and only our ports lead here.
#[inline]
fn probe_sealed(payload: &[u8]) -> Probe {
    /// A wrapped token of Kerberos, RFC 4121 section 4.2.6.2, and a signature of NTLM,
    /// [MS-NLMP] 2.2.2.9.
    const TOKENS: [&[u8]; 2] = [b"\x05\x04", b"\x01\x00\x00\x00"];
    let mut r = Reader::new("ldap::Sealed", payload);
    match sealed_length(&mut r) {
        Ok(_) if TOKENS.iter().any(|token| r.peek().starts_with(token)) => Probe::Certain,
        Err(error) if !error.is_truncation() => Probe::No,
        _ => Probe::Possible,
    }
}

/// Tells what a buffer holds, and the messages in it where it is only signed.
fn observe_sealed(
    input: &[u8],
    context: &Context,
    session: &mut Session,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    let sealed = Sealed::parse(&mut Reader::new("ldap::Sealed", input))?;
    let plain = sealed.plain();
    let is_whole = sealed.kept.len() == sealed.length;
    let quality = match plain {
        _ if context.is_cut => Quality::Cut,
        Some(_) if is_whole => Quality::Parsed,
        _ => Quality::Opaque,
    };
    let tally = Tally { operation: SEALED, is_answer: false, bytes: context.length, quality };
    out.message(context, &super::Message::Ldap(Unit::Sealed(sealed)), tally);
    let mut r = Reader::new("ldap::Message", plain.unwrap_or_default());
    while !r.is_empty() {
        let before = r.offset();
        let (read, quality) = match Message::parse(&mut r.clone()) {
            Err(error) if error.is_truncation() && !is_whole => {
                (Message::parse_cut(&mut r), quality)
            }
            _ => (Message::parse(&mut r), Quality::Parsed),
        };
        let length = r.offset() - before;
        let inner = Context { length, ..*context };
        let heard =
            read.and_then(|message| observe_message(&message, &inner, quality, session, out));
        match heard {
            Err(error) if is_whole => {
                out.malformed(Id::Ldap, error);
                break;
            }
            Err(_) => break,
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Tells a message and what it means. `context` has its own length.
fn observe_message(
    message: &Message<'_>,
    context: &Context,
    quality: Quality,
    session: &mut Session,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    let tally = tally(message, context, quality);
    out.message(context, &super::Message::Ldap(Unit::Message(*message)), tally);
    session.hear(Id::Ldap, message, context, out)
}

/// What is counted of a message; `context` has its own length.
pub(super) const fn tally(message: &Message<'_>, context: &Context, quality: Quality) -> Tally {
    let operation = message.operation.number();
    Tally { operation, is_answer: message.operation.is_answer(), bytes: context.length, quality }
}

impl Protocol for Ldap {
    type Message<'a> = Unit<'a>;
    type Dialogue = Session;

    const NAME: &'static str = "ldap";
    const LABEL: &'static str = "LDAP";
    const FRAMING: Framing = Framing::Stream;
    /// A domain controller and a global catalogue, \[MS-ADTS\] 5.1.1.2.
    const TCP_PORTS: &'static [u16] = &[389, 3268];
    const STARTS: &'static [RangeInclusive<u8>] = &[ber::SEQUENCE..=ber::SEQUENCE];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        match payload.first() {
            Some(0) => probe_sealed(payload),
            _ => probe_message(payload),
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        match unit_length(&mut Reader::new("ldap::Message", input)) {
            Ok(length) => Step::framed(input, length),
            Err(error) => Step::failed(input, error),
        }
    }

    /// Of a sealed buffer its beginning; of a signed one more than of a message.
    fn needed(head: &[u8], length: usize) -> usize {
        if head.first() != Some(&0) {
            return length.min(NEEDED_MAX);
        }
        match Sealed::parse(&mut Reader::new("ldap::Sealed", head)) {
            Ok(buffer)
                if SEALED_PREFIX + buffer.length == length
                    && buffer.kept.len() >= SEALED_LOOK.min(buffer.length)
                    && buffer.plain().is_none() =>
            {
                length.min(SEALED_PREFIX + SEALED_LOOK)
            }
            _ => length.min(SIGNED_NEEDED_MAX),
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        session: &mut Session,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        if input.first() == Some(&0) {
            return observe_sealed(input, context, session, out);
        }
        let mut r = Reader::new("ldap::Message", input);
        let (message, quality) = if input.len() >= context.length {
            (Message::parse(&mut r)?, Quality::Parsed)
        } else {
            let quality = if context.is_cut { Quality::Cut } else { Quality::Opaque };
            (Message::parse_cut(&mut r)?, quality)
        };
        let heard = observe_message(&message, context, quality, session, out);
        // A filter that is cut has been counted as such.
        if quality == Quality::Parsed { heard } else { Ok(()) }
    }

    fn operation(code: u32) -> Option<&'static str> {
        names::operation(code)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("ldap::Message", input);
        if input.first() != Some(&0) {
            reencode_message(&mut r, out)?;
            return r.finish();
        }
        let unit = Unit::parse(&mut r)?;
        r.finish()?;
        unit.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        samples::ldap()
    }
}

#[cfg(test)]
mod tests;
