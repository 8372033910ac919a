//! Kerberos 5, RFC 4120, and its password protocol, RFC 3244.
//!
//! A message is one datagram, or follows a record mark of four bytes in a stream (RFC 4120
//! section 7.2.2). What is encrypted in it stays opaque.

use std::ops::RangeInclusive;

use super::{Context, Framing, Observer, Probe, Protocol, Quality, Sample, Step, Tally, Transport};
use crate::wire::ber::{self, Element};
use crate::wire::{Cause, Reader, WireError, Writer};

mod dialogue;
mod names;
mod parts;
mod view;

pub use dialogue::{Etype, Exchanges};
pub use names::{asks_to_go_on, error_name, etype_name, padata_name, password_result_name};
pub use parts::Parts;
pub use view::{Address, Encrypted, Message, Name, Options, Padata, Ticket};

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
const PASSWORD_VERSIONS: [u16; 2] = [0x0001, SET_PASSWORD];
const SET_PASSWORD: u16 = 0xff80;

/// Message types, which are also the numbers of the application tags, RFC 4120 section 5.10.
const AS_REQUEST: u8 = 10;
const AS_REPLY: u8 = 11;
const TGS_REQUEST: u8 = 12;
const TGS_REPLY: u8 = 13;
pub(super) const AP_REQUEST: u8 = 14;
const AP_REPLY: u8 = 15;
const SAFE: u8 = 20;
const PRIV: u8 = 21;
const CRED: u8 = 22;
pub(super) const ERROR: u8 = 30;
/// Message types of the user-to-user mechanism, which have no application tag:
/// draft-swift-win2k-krb-user2user-03 section 3.
pub(super) const TGT_REQUEST: u8 = 16;
pub(super) const TGT_REPLY: u8 = 17;

/// A request to change a password, or its reply, RFC 3244 section 2, as far as it is present.
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

impl<'a> Password<'a> {
    /// Looks at the password message that `bytes` begin with, of which the end may be missing.
    ///
    /// # Errors
    /// Another version, a length that does not fit, or fewer bytes than precede the AP-REQ.
    fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("kerberos::Password", bytes);
        let at = r.clone();
        let length = usize::from(u16::from_be_bytes(*r.array()?));
        let version = u16::from_be_bytes(*r.array()?);
        let authentication_length = usize::from(u16::from_be_bytes(*r.array()?));
        let least = PASSWORD_HEADER + authentication_length;
        if length < bytes.len() || length < least {
            let (min, max) = (least.max(bytes.len()), usize::from(u16::MAX));
            let cause = Cause::BadLength { field: "length", got: length, min, max };
            return Err(at.error(cause));
        }
        if !PASSWORD_VERSIONS.contains(&version) {
            return Err(at.error(Cause::BadValue { field: "version", got: u64::from(version) }));
        }
        let present = authentication_length.min(r.peek().len());
        Ok(Self { version, authentication: r.bytes(present)?, body: r.remainder() })
    }

    /// The AP-REQ or AP-REP.
    pub fn authentication(&self) -> Option<Message<'a>> {
        Message::parse(self.authentication).ok()
    }

    /// The KRB-PRIV or KRB-ERROR.
    pub fn message(&self) -> Option<Message<'a>> {
        Message::parse(self.body).ok()
    }

    /// Whether it asks for a change: replies begin with AP-REP or are an error.
    pub fn is_request(&self) -> bool {
        self.authentication.first() == Some(&(APPLICATION | AP_REQUEST))
    }

    /// What a request asks for: a user's own password changed, or any password set.
    pub const fn operation(&self) -> &'static str {
        if self.version == SET_PASSWORD { "set password" } else { "change password" }
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
    /// Looks at what one datagram, or one record without its mark, holds. The end may be missing.
    ///
    /// # Errors
    /// As [`Message::parse`], or a password message whose lengths do not fit.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        if bytes.first().is_some_and(|tag| tag & !TAG_NUMBER == APPLICATION) {
            return Message::parse(bytes).map(Self::Message);
        }
        Password::parse(bytes).map(Self::Password)
    }

    /// Requires that the packet takes exactly the `present` bytes that it was parsed from.
    fn check(bytes: &'a [u8]) -> Result<(), WireError> {
        let mut r = Reader::new("kerberos::Message", bytes);
        let length = match Self::parse(bytes)? {
            Self::Message(_) => ber::Header::parse(&mut r.clone(), MESSAGE_MAX)?.total_length(),
            Self::Password(_) => usize::from(u16::from_be_bytes(*r.clone().array()?)),
        };
        r.bytes(length)?;
        r.finish()
    }
}

/// Whether RFC 4120 section 5.10 has a message of this type.
const fn is_message(number: u8) -> bool {
    matches!(number, AS_REQUEST..=AP_REPLY | SAFE..=CRED | ERROR)
}

/// Tag of `pvno`: requests to the KDC begin with \[1\] (RFC 4120 section 5.4.1), others with \[0\].
const fn version_tag(number: u8) -> u8 {
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

/// Tells a packet, and the messages inside one of the password protocol. `length` is its length
/// in bytes.
fn tell(
    packet: &Packet<'_>,
    length: usize,
    is_present: bool,
    context: &Context,
    out: &mut dyn Observer,
) {
    match packet {
        Packet::Message(message) => tell_message(message, length, is_present, context, out),
        Packet::Password(password) => {
            let quality = if is_present { Quality::Opaque } else { Quality::Cut };
            let (operation, is_answer) = (u32::from(password.version), !password.is_request());
            let tally = Tally { operation, is_answer, bytes: length, quality };
            out.message(context, &super::Message::Kerberos(*packet), tally);
            for message in [password.authentication(), password.message()].into_iter().flatten() {
                tell_message(&message, message.bytes().len(), is_present, context, out);
            }
        }
    }
}

/// Tells one message of `length` bytes.
pub(super) fn tell_message(
    message: &Message<'_>,
    length: usize,
    is_present: bool,
    context: &Context,
    out: &mut dyn Observer,
) {
    let kind = message.kind();
    let quality = match kind {
        _ if !is_present => Quality::Cut,
        AP_REPLY | PRIV | CRED => Quality::Opaque,
        _ => Quality::Parsed,
    };
    let is_answer = matches!(kind, AS_REPLY | TGS_REPLY | AP_REPLY | TGT_REPLY | ERROR);
    let tally = Tally { operation: u32::from(kind), is_answer, bytes: length, quality };
    out.message(context, &super::Message::Kerberos(Packet::Message(*message)), tally);
}

/// Names of message types, RFC 4120 section 5.10, and of the versions of password messages.
fn operation(code: u32) -> Option<&'static str> {
    const CHANGE: u32 = 1;
    const SET: u32 = SET_PASSWORD as u32;
    Some(match code {
        10 => "AS-REQ",
        11 => "AS-REP",
        12 => "TGS-REQ",
        13 => "TGS-REP",
        14 => "AP-REQ",
        15 => "AP-REP",
        16 => "TGT-REQ",
        17 => "TGT-REP",
        20 => "KRB-SAFE",
        21 => "KRB-PRIV",
        22 => "KRB-CRED",
        30 => "KRB-ERROR",
        CHANGE => "change password",
        SET => "set password",
        _ => return None,
    })
}

impl Protocol for Kerberos {
    type Message<'a> = Packet<'a>;
    type Dialogue = Exchanges;

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
            Transport::Udp => Step::datagram(input, Packet::check(input)),
            Transport::Tcp => match parse_mark(&mut Reader::new("kerberos::mark", input)) {
                Ok(length) => Step::framed(input, MARK + length),
                Err(error) => Step::failed(input, error),
            },
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let body = match context.transport {
            Transport::Udp => input,
            Transport::Tcp => {
                let mut r = Reader::new("kerberos::mark", input);
                parse_mark(&mut r)?;
                r.remainder()
            }
        };
        let packet = Packet::parse(body)?;
        let is_present = input.len() >= context.length;
        tell(&packet, context.length, is_present, context, out);
        dialogue.take(&packet, context, out);
        if is_present || context.is_cut { Packet::check(body) } else { Ok(()) }
    }

    fn operation(code: u32) -> Option<&'static str> {
        operation(code)
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        if transport == Transport::Udp {
            Parts::parse(input)?.emit(out);
            return Ok(());
        }
        let mut r = Reader::new("kerberos::mark", input);
        let length = parse_mark(&mut r)?;
        let parts = Parts::parse(r.bytes(length)?)?;
        r.finish()?;
        let mut bytes = Vec::with_capacity(length);
        parts.emit(&mut Writer::new(&mut bytes));
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
        assert_eq!((message.kind(), message.error_code()), (30, Some(25)));
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
