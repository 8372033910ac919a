//! Lightweight Directory Access Protocol, RFC 4511, and the sealed buffers that follow a SASL
//! bind, RFC 4422 section 3.7.
//!
//! Of a message, its number and operation are read; the operation's content is opaque.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::ber::{self, Element};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ldap;

/// Longest message and longest sealed buffer in bytes. Ours: 16 MiB is what a buffer's length
/// with a first byte of zero can say, and above the 10 MiB that a domain controller receives
/// (`MaxReceiveBuffer`, \[MS-ADTS\] 3.1.1.3.4.6).
pub(super) const MESSAGE_MAX: usize = 0xff_ffff;
/// Bytes of the length before a sealed buffer, RFC 4422 section 3.7.
const SEALED_PREFIX: usize = 4;

/// One message, RFC 4511 section 4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    envelope: ber::Header,
    id: Element<'a>,
    /// The operation: its tag, e.g. 0x60 for a bind request, and its content.
    pub operation: Element<'a>,
    /// Controls, encoded, or empty.
    pub controls: &'a [u8],
}

/// What travels in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A message in the clear.
    Message(Message<'a>),
    /// A buffer that a SASL mechanism signed or encrypted.
    Sealed(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Takes one message from the front of `r`.
    ///
    /// # Errors
    /// Tags other than RFC 4511 says, or lengths that do not fit.
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = ber::Header::expect(r, ber::SEQUENCE, "LDAPMessage", MESSAGE_MAX)?;
        let mut content = r.sub("ldap::Message", envelope.length)?;
        let id = Element::expect(&mut content, ber::INTEGER, "messageID")?;
        let at = content.clone();
        let operation = Element::parse(&mut content)?;
        if !is_operation(operation.tag()) {
            let got = u64::from(operation.tag());
            return Err(at.error(Cause::BadValue { field: "protocolOp", got }));
        }
        Ok(Self { envelope, id, operation, controls: content.remainder() })
    }

    /// Message number; `None` where it is negative or too long.
    pub fn id(&self) -> Option<u32> {
        self.id.unsigned()
    }

    /// Appends the message, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let length = self.id.total_length() + self.operation.total_length() + self.controls.len();
        self.envelope.around(length).emit(w);
        self.id.emit(w);
        self.operation.emit(w);
        w.bytes(self.controls);
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
                Ok(Self::Sealed(r.bytes(length)?))
            }
            _ => Ok(Self::Message(Message::parse(r)?)),
        }
    }

    /// Appends the unit, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Message(message) => message.emit(w),
            Self::Sealed(buffer) => {
                w.bytes(&u32::try_from(buffer.len()).unwrap_or(u32::MAX).to_be_bytes());
                w.bytes(buffer);
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
        Some(0) => Ok(SEALED_PREFIX + sealed_length(r)?),
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

impl Protocol for Ldap {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Ldap(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("ldap::Message", input);
        let unit = Unit::parse(&mut r)?;
        r.finish()?;
        unit.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        // Simple bind with a control.
        let mut bind = b"\x30\x39\x02\x01\x07\x60\x17\x02\x01\x03".to_vec();
        bind.extend(b"\x04\x0aHERON\\mart\x80\x06pa$$w0");
        bind.extend(b"\xa0\x1b\x30\x19\x04\x171.2.840.113556.1.4.1339");
        // Search result as Windows writes it, with lengths in long form throughout.
        let mut done = b"\x30\x84\x00\x00\x00\x16\x02\x02\x01\x2c\x65\x84\x00\x00\x00\x0c".to_vec();
        done.extend(b"\x0a\x01\x04\x04\x02DC\x04\x03big");
        vec![Sample::tcp(bind), Sample::tcp(done), Sample::tcp(*b"\x30\x05\x02\x01\x09\x42\x00")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::conformance::check_message;

    #[test]
    fn reads_number_operation_and_controls() {
        let bytes = Ldap::samples().remove(0).bytes;
        let message = Message::parse(&mut Reader::new("test", &bytes)).unwrap();
        assert_eq!((message.id(), message.operation.tag()), (Some(7), 0x60));
        assert_eq!((message.operation.content.len(), message.controls.len()), (23, 29));
    }

    #[test]
    fn sealed_buffers_obey_the_laws_of_framing() {
        let sealed = Sample::tcp(*b"\x00\x00\x00\x0a\x05\x04\x06\xff\x00\x00\x00\x0c\x01\x02");
        check_message::<Ldap>(&sealed);
        assert_eq!(Ldap::probe(&sealed.bytes, Transport::Tcp), Probe::Certain);
        assert_eq!(Ldap::probe(&sealed.bytes[..5], Transport::Tcp), Probe::Possible);
        assert_eq!(Ldap::probe(b"\x00\x00\x00\x00\x05\x04", Transport::Tcp), Probe::No);
    }

    #[test]
    fn an_undefined_operation_is_named() {
        let bytes = b"\x30\x05\x02\x01\x09\x62\x00";
        assert_eq!(probe_message(bytes), Probe::No);
        assert_eq!(
            Message::parse(&mut Reader::new("ldap::Message", bytes)).unwrap_err().to_string(),
            "ldap::Message at byte 5: protocolOp 0x62 is not defined"
        );
    }

    #[test]
    fn every_operation_of_the_specification_is_known() {
        let constructed = [0, 1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 19, 23, 24, 25];
        let mut want: Vec<u8> = constructed.iter().map(|number| 0x60 + number).collect();
        want.extend([0x42, 0x4a, 0x50]);
        want.sort_unstable();
        let known: Vec<u8> = (0..=u8::MAX).filter(|&tag| is_operation(tag)).collect();
        assert_eq!(known, want);
    }

    #[test]
    fn snmp_is_not_ldap() {
        // Version 2c: an INTEGER, then a community string.
        assert_eq!(probe_message(b"\x30\x29\x02\x01\x01\x04\x06public"), Probe::No);
    }
}
