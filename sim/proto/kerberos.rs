//! Kerberos 5, RFC 4120, and its password protocol, RFC 3244.
//!
//! A message is one datagram, or follows a record mark of four bytes in a stream (RFC 4120
//! section 7.2.2). Of the messages, the version and type are read; the rest is opaque.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::ber::{self, Element};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Kerberos;

/// Application class, constructed: the upper bits of the tag, X.690 section 8.1.2.
const APPLICATION: u8 = 0x60;
const TAG_NUMBER: u8 = 0x1f;
/// Protocol version, RFC 4120 section 5.1.
const VERSION: u8 = 5;
/// Bytes of the record mark, RFC 4120 section 7.2.2.
const MARK: usize = 4;
/// Longest message in a stream. Ours, far above the largest ticket that Windows accepts
/// (65,535 bytes, `MaxTokenSize`), so that a wrong mark cannot ask for much memory.
const MESSAGE_MAX: usize = 1 << 20;
/// Fixed part of a password message, RFC 3244 section 2: length, version, AP-REQ length.
const PASSWORD_HEADER: usize = 6;
/// Versions of password messages, RFC 3244 section 2; the first is also of every reply.
const PASSWORD_VERSIONS: [u16; 2] = [0x0001, 0xff80];

/// Message types, which are also the numbers of the application tags, RFC 4120 section 5.10.
const AS_REQUEST: u8 = 10;
const AP_REQUEST: u8 = 14;
const AP_REPLY: u8 = 15;
const SAFE: u8 = 20;
const CRED: u8 = 22;
const ERROR: u8 = 30;

/// A message of RFC 4120 sections 5.4 to 5.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    application: ber::Header,
    sequence: ber::Header,
    version: Element<'a>,
    kind: Element<'a>,
    /// The other fields of the sequence, encoded.
    pub body: &'a [u8],
}

/// A request to change a password, or its reply, RFC 3244 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Password<'a> {
    /// Protocol version, 1 or 0xff80.
    pub version: u16,
    /// AP-REQ or AP-REP, empty before an error.
    authentication: &'a [u8],
    /// KRB-PRIV or KRB-ERROR.
    body: &'a [u8],
}

/// What a datagram or record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Ports 88 and, within other protocols, anywhere.
    Message(Message<'a>),
    /// Port 464.
    Password(Password<'a>),
}

impl<'a> Message<'a> {
    /// Parses the message that `r` holds.
    ///
    /// # Errors
    /// Tags, version or type other than RFC 4120 says, or lengths that do not fit.
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let at = r.clone();
        let application = ber::Header::parse(r, MESSAGE_MAX)?;
        let number = application.tag & TAG_NUMBER;
        if application.tag & !TAG_NUMBER != APPLICATION || !is_message(number) {
            let got = u64::from(application.tag);
            return Err(at.error(Cause::BadValue { field: "application tag", got }));
        }
        let mut content = r.sub("kerberos::Message", application.length)?;
        let sequence = ber::Header::expect(&mut content, ber::SEQUENCE, "sequence", MESSAGE_MAX)?;
        let mut fields = content.sub("kerberos::Message", sequence.length)?;
        content.finish()?;
        let first = version_tag(number);
        let version = constant(&mut fields, first, "pvno", VERSION)?;
        let kind = constant(&mut fields, first + 1, "msg-type", number)?;
        Ok(Self { application, sequence, version, kind, body: fields.remainder() })
    }

    /// Message type, RFC 4120 section 5.10.
    pub const fn kind(&self) -> u8 {
        self.application.tag & TAG_NUMBER
    }

    /// Appends the message, its lengths derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let sequence = self
            .sequence
            .around(self.version.total_length() + self.kind.total_length() + self.body.len());
        self.application.around(sequence.total_length()).emit(w);
        sequence.emit(w);
        self.version.emit(w);
        self.kind.emit(w);
        w.bytes(self.body);
    }
}

impl<'a> Password<'a> {
    fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let at = r.clone();
        let had = r.peek().len();
        let length = usize::from(u16::from_be_bytes(*r.array()?));
        let version = u16::from_be_bytes(*r.array()?);
        let authentication_length = usize::from(u16::from_be_bytes(*r.array()?));
        if length != had {
            let cause = Cause::BadLength { field: "length", got: length, min: had, max: had };
            return Err(at.error(cause));
        }
        if !PASSWORD_VERSIONS.contains(&version) {
            return Err(at.error(Cause::BadValue { field: "version", got: u64::from(version) }));
        }
        let authentication = r.bytes(authentication_length)?;
        Ok(Self { version, authentication, body: r.remainder() })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        // Both were read from 16 bits.
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        w.bytes(&short(PASSWORD_HEADER + self.authentication.len() + self.body.len()));
        w.bytes(&self.version.to_be_bytes());
        w.bytes(&short(self.authentication.len()));
        w.bytes(self.authentication);
        w.bytes(self.body);
    }
}

impl<'a> Packet<'a> {
    /// Parses what one datagram, or one record without its mark, holds.
    ///
    /// # Errors
    /// As [`Message::parse`], or a password message whose lengths do not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("kerberos::Message", bytes);
        if bytes.first().is_some_and(|tag| tag & !TAG_NUMBER == APPLICATION) {
            let message = Message::parse(&mut r)?;
            r.finish()?;
            return Ok(Self::Message(message));
        }
        Ok(Self::Password(Password::parse(&mut r.named("kerberos::Password"))?))
    }

    /// Appends the packet without a record mark.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Message(message) => message.emit(w),
            Self::Password(password) => password.emit(w),
        }
    }
}

/// Whether RFC 4120 section 5.10 has a message of this type.
const fn is_message(number: u8) -> bool {
    matches!(number, AS_REQUEST..=AP_REPLY | SAFE..=CRED | ERROR)
}

/// Tag of `pvno`: requests to the KDC begin with \[1\] (RFC 4120 section 5.4.1), others with \[0\].
const fn version_tag(number: u8) -> u8 {
    const TGS_REQUEST: u8 = 12;
    match number {
        AS_REQUEST | TGS_REQUEST => 0xa1,
        _ => 0xa0,
    }
}

/// Takes a field that is tagged `tag` and requires an INTEGER inside that is `want`.
fn constant<'a>(
    r: &mut Reader<'a>,
    tag: u8,
    field: &'static str,
    want: u8,
) -> Result<Element<'a>, WireError> {
    let at = r.clone();
    let element = Element::expect(r, tag, field)?;
    let mut content = Reader::new("", element.content);
    let integer = Element::expect(&mut content, ber::INTEGER, field).ok();
    match integer.and_then(|integer| integer.unsigned()) {
        Some(got) if got == u32::from(want) && content.is_empty() => Ok(element),
        got => {
            let (want, got) = (u64::from(want), u64::from(got.unwrap_or(u32::MAX)));
            Err(at.error(Cause::BadConstant { field, want, got }))
        }
    }
}

/// Probes a datagram or a record without its mark. `length` is what its mark says, or at least
/// how long it is.
#[inline]
fn probe_message(bytes: &[u8], length: Option<usize>) -> Probe {
    let Some(&tag) = bytes.first() else { return Probe::Possible };
    if tag & !TAG_NUMBER != APPLICATION {
        return probe_password(bytes, length);
    }
    let number = tag & TAG_NUMBER;
    if !is_message(number) {
        return Probe::No;
    }
    let mut r = Reader::new("kerberos::Message", bytes);
    let headers = ber::Header::parse(&mut r, MESSAGE_MAX).and_then(|application| {
        Ok((application, ber::Header::expect(&mut r, ber::SEQUENCE, "sequence", MESSAGE_MAX)?))
    });
    let (application, sequence) = match headers {
        Ok(headers) => headers,
        Err(error) if error.is_truncation() => return Probe::Possible,
        Err(_) => return Probe::No,
    };
    let total = application.total_length();
    if sequence.total_length() != application.length
        || length.map_or(total < bytes.len(), |length| length != total)
    {
        return Probe::No;
    }
    let version = version_tag(number);
    let fields = [version, 3, ber::INTEGER, 1, VERSION, version + 1, 3, ber::INTEGER, 1, number];
    match r.peek() {
        rest if !super::agrees(rest, &fields) => Probe::No,
        [_, _, _, _, _, ..] => Probe::Certain,
        _ => Probe::Possible,
    }
}

/// Probes a password message.
#[inline]
fn probe_password(bytes: &[u8], length: Option<usize>) -> Probe {
    let short = |at: usize| match bytes.get(at..at + 2) {
        Some(&[high, low]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    let total = short(0).map(usize::from);
    if total.is_some_and(|total| length.map_or(total < bytes.len(), |length| total != length))
        || short(2).is_some_and(|version| !PASSWORD_VERSIONS.contains(&version))
    {
        return Probe::No;
    }
    let (Some(total), Some(authentication)) = (total, short(4)) else { return Probe::Possible };
    if PASSWORD_HEADER + usize::from(authentication) > total {
        return Probe::No;
    }
    let application = |number: u8| APPLICATION | number;
    match bytes.get(PASSWORD_HEADER) {
        None => Probe::Possible,
        Some(&tag) if authentication == 0 && tag == application(ERROR) => Probe::Certain,
        Some(&tag) if tag == application(AP_REQUEST) || tag == application(AP_REPLY) => {
            Probe::Certain
        }
        Some(_) => Probe::No,
    }
}

/// The length that a record mark says, if it can be one.
#[inline]
fn mark_length(mark: [u8; MARK]) -> Option<usize> {
    // Zero, or the high bit that RFC 4120 section 7.2.2 reserves, are out of range as well.
    let length = u32::from_be_bytes(mark) as usize;
    (1..=MESSAGE_MAX).contains(&length).then_some(length)
}

fn parse_mark(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let at = r.clone();
    let mark = *r.array::<MARK>()?;
    mark_length(mark).ok_or_else(|| {
        let got = u32::from_be_bytes(mark) as usize;
        at.error(Cause::BadLength { field: "record mark", got, min: 1, max: MESSAGE_MAX })
    })
}

impl Protocol for Kerberos {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "kerberos";
    const LABEL: &'static str = "Kerberos";
    const FRAMING: Framing = Framing::Either;
    /// KDC, RFC 4120 section 7.2; password protocol, RFC 3244 section 2.
    const TCP_PORTS: &'static [u16] = &[88, 464];
    const UDP_PORTS: &'static [u16] = &[88, 464];
    /// Datagrams begin with a tag, records below 16 MiB with a zero.
    const STARTS: &'static [RangeInclusive<u8>] =
        &[0..=0, APPLICATION | AS_REQUEST..=APPLICATION | ERROR];

    fn probe(payload: &[u8], transport: Transport) -> Probe {
        match (transport, payload.split_first_chunk::<MARK>()) {
            (Transport::Udp, _) => probe_message(payload, None),
            (Transport::Tcp, Some((&mark, message))) => match mark_length(mark) {
                Some(length) => {
                    probe_message(message.get(..length).unwrap_or(message), Some(length))
                }
                None => Probe::No,
            },
            (Transport::Tcp, None) if super::agrees(payload, &[0]) => Probe::Possible,
            (Transport::Tcp, None) => Probe::No,
        }
    }

    fn step(input: &[u8], transport: Transport) -> Step {
        match transport {
            Transport::Udp => Step::datagram(input, Packet::parse(input).map(|_| ())),
            Transport::Tcp => match parse_mark(&mut Reader::new("kerberos::mark", input)) {
                Ok(length) => Step::framed(input, MARK + length),
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
        out.message(context, &super::Message::Kerberos(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        if transport == Transport::Udp {
            Packet::parse(input)?.emit(out);
            return Ok(());
        }
        let mut r = Reader::new("kerberos::mark", input);
        let length = parse_mark(&mut r)?;
        let packet = Packet::parse(r.bytes(length)?)?;
        r.finish()?;
        let mut bytes = Vec::with_capacity(length);
        packet.emit(&mut Writer::new(&mut bytes));
        out.bytes(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.bytes(&bytes);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        // AS-REQ; the body after the type is one opaque element.
        let request = b"\x6a\x14\x30\x12\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\
            \xa4\x06\x30\x04\x0a\x01\x02\x03";
        // TGS-REP with lengths in long form.
        let mut reply =
            b"\x6d\x81\x95\x30\x81\x92\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d".to_vec();
        reply.extend(b"\xa6\x81\x85");
        reply.extend([0xe7; 0x85]);
        // KRB-ERROR, pre-authentication required.
        let error = b"\x7e\x14\x30\x12\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\
            \xa6\x03\x02\x01\x19\xe0\x01\x01";
        // Set a password: AP-REQ and KRB-PRIV, both cut down to their heads.
        let mut password = b"\x00\x2c\xff\x80\x00\x13".to_vec();
        password.extend(
            b"\x6e\x11\x30\x0f\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa2\x03\x03\x01\x07",
        );
        password.extend(
            b"\x75\x11\x30\x0f\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x15\xa3\x03\x0a\x01\x02",
        );
        let record = |bytes: &[u8]| {
            let mark = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
            Sample::tcp([&mark[..], bytes].concat())
        };
        vec![
            record(request),
            record(&reply),
            record(&password),
            Sample::udp(*request),
            Sample::udp(reply),
            Sample::udp(*error),
            Sample::udp(password),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_type_and_leaves_the_rest_alone() {
        let bytes = Kerberos::samples().remove(5).bytes;
        let Ok(Packet::Message(message)) = Packet::parse(&bytes) else { panic!() };
        assert_eq!((message.kind(), message.body), (30, &b"\xa6\x03\x02\x01\x19\xe0\x01\x01"[..]));
    }

    #[test]
    fn a_type_other_than_the_tag_is_refused() {
        let mut bytes = Kerberos::samples().remove(3).bytes;
        bytes[13] = 12;
        assert_eq!(Kerberos::probe(&bytes, Transport::Udp), Probe::No);
        assert_eq!(
            Packet::parse(&bytes).unwrap_err().to_string(),
            "kerberos::Message at byte 9: msg-type must be 0xa, is 0xc"
        );
    }

    #[test]
    fn a_mark_beyond_reason_is_refused() {
        let error = Reader::new("kerberos::mark", b"\x00\x10\x00\x01");
        assert_eq!(
            parse_mark(&mut error.clone()).unwrap_err().to_string(),
            "kerberos::mark at byte 0: record mark is 1048577, must be 1..=1048576"
        );
        assert_eq!(Kerberos::probe(b"\x80\x00\x00\x10\x6a", Transport::Tcp), Probe::No);
    }

    #[test]
    fn the_mark_and_the_message_agree() {
        let mut bytes = Kerberos::samples().remove(0).bytes;
        bytes[3] += 1;
        assert_eq!(Kerberos::probe(&bytes, Transport::Tcp), Probe::No);
    }
}
