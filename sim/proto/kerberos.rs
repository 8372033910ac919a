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
mod samples;
mod view;

pub use dialogue::{Etype, Exchanges};
pub use names::{asks_to_go_on, error_name, etype_name, padata_name, password_result_name};
pub use parts::{
    AccessRequest, Cipher, ErrorParts, KdcReply, KdcRequest, Parts, PasswordParts, Principal, Safe,
    TicketParts, Typed, method_data,
};
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
/// Number of a ticket's tag, RFC 4120 section 5.3.
const TICKET_NUMBER: u8 = 1;
/// Message types of the user-to-user mechanism, which have no application tag:
/// draft-swift-win2k-krb-user2user-03 section 3.
pub(super) const TGT_REQUEST: u8 = 16;
pub(super) const TGT_REPLY: u8 = 17;

/// A request to change a password, or its reply, RFC 3244 section 2, as far as it is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Password<'a> {
    /// Protocol version, 1 or 0xff80.
    pub version: u16,
    /// Length as the message says it, in bytes.
    length: usize,
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
        Ok(Self { version, length, authentication: r.bytes(present)?, body: r.remainder() })
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

    /// Requires that `bytes`, of which the packet was parsed, are present to its end and no more.
    fn check(&self, bytes: &[u8]) -> Result<(), WireError> {
        let length = match self {
            Self::Message(message) => message.length(),
            Self::Password(password) => password.length,
        };
        let mut r = Reader::new("kerberos::Message", bytes);
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

/// `pvno` and `msg-type` in DER.
const fn first_fields(number: u8) -> [u8; 10] {
    let version = version_tag(number);
    [version, 3, ber::INTEGER, 1, VERSION, version + 1, 3, ber::INTEGER, 1, number]
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
    match r.peek() {
        rest if !super::agrees(rest, &first_fields(number)) => Probe::No,
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
                let length = message.bytes().len();
                tell_message(&message, length, is_present, &Context { length, ..*context }, out);
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
    /// Records below 16 MiB begin with a zero, datagrams with a tag, or, of passwords, with their
    /// length; one of more than 4 KiB is known by its port only.
    const STARTS: &'static [RangeInclusive<u8>] =
        &[0..=0x0f, APPLICATION | AS_REQUEST..=APPLICATION | ERROR];

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
            Transport::Udp => {
                Step::datagram(input, Packet::parse(input).and_then(|packet| packet.check(input)))
            }
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
        if is_present || context.is_cut { packet.check(body) } else { Ok(()) }
    }

    fn operation(code: u32) -> Option<&'static str> {
        operation(code)
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        if transport == Transport::Udp {
            out.bytes(&Parts::parse(input)?.encode());
            return Ok(());
        }
        let mut r = Reader::new("kerberos::mark", input);
        let length = parse_mark(&mut r)?;
        let bytes = Parts::parse(r.bytes(length)?)?.encode();
        r.finish()?;
        out.bytes(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.bytes(&bytes);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        let messages = samples::all().into_iter().chain([samples::otherwise()]);
        let both = messages.flat_map(|bytes| {
            let mark = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
            [Sample::tcp([&mark[..], &bytes].concat()), Sample::udp(bytes)]
        });
        both.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: &[u8]) -> Message<'_> {
        Message::parse(bytes).unwrap()
    }

    fn text(value: Option<impl ToString>) -> String {
        value.map(|value| value.to_string()).unwrap_or_default()
    }

    #[test]
    fn every_message_of_ours_comes_apart() {
        for bytes in samples::all() {
            let parts = Parts::parse(&bytes).unwrap();
            assert!(!matches!(parts, Parts::Whole(_)), "{bytes:02x?}");
        }
        assert!(matches!(Parts::parse(&samples::otherwise()), Ok(Parts::Whole(_))));
        let bytes = Parts::Request(samples::delegated()).encode();
        assert_eq!(Parts::parse(&bytes), Ok(Parts::Request(samples::delegated())));
    }

    #[test]
    fn a_request_for_a_logon_is_read() {
        let bytes = Parts::Request(samples::logon()).encode();
        let request = message(&bytes);
        assert_eq!((request.kind(), request.length()), (10, bytes.len()));
        let names = [text(request.cname()), text(request.sname()), text(request.realm())];
        assert_eq!(names, ["alice", "krbtgt/LAB.EXAMPLE", "LAB.EXAMPLE"]);
        assert_eq!(request.sname().and_then(|name| name.kind()), Some(2));
        let times = [text(request.from()), text(request.till()), text(request.rtime())];
        assert_eq!(times, ["20260101060000Z", "20370913024805Z", "20370913024806Z"]);
        assert_eq!(request.etypes().collect::<Vec<_>>(), [18, 17, 23, -135]);
        let kinds: Vec<_> = request.padata().map(|padata| padata.kind).collect();
        assert_eq!((kinds, request.is_fast()), (vec![2, 128], false));
        assert_eq!(request.nonce(), Some(0xfedc_ba98));
        let address = Address { kind: 20, value: b"WS07            " };
        assert_eq!(request.addresses().collect::<Vec<_>>(), [address]);
        assert!(request.options().unwrap().contains(Options::CANONICALIZE));
        assert_eq!(
            (request.ticket(), request.error_code(), request.tickets().count()),
            (None, None, 0)
        );
    }

    #[test]
    fn a_delegated_request_is_read() {
        let bytes = Parts::Request(samples::delegated()).encode();
        let request = message(&bytes);
        let (user, realm) = request.for_user().unwrap();
        assert_eq!([text(user), text(realm)], ["bob", "LAB.EXAMPLE"]);
        assert_eq!(request.authorization().and_then(|part| part.etype()), Some(18));
        let added: Vec<_> = request.tickets().map(|ticket| text(ticket.sname())).collect();
        assert_eq!(added, ["http/web01.lab.example"]);
        let access = request.ap_request().unwrap();
        assert_eq!((access.kind(), access.ap_options()), (14, Some(0x2000_0000)));
        assert_eq!(text(access.sname()), "krbtgt/LAB.EXAMPLE");
        let authenticator = access.enc_part().unwrap();
        assert_eq!((authenticator.key_version(), authenticator.cipher().len()), (None, 60));
    }

    #[test]
    fn a_reply_is_read() {
        let bytes = Parts::Reply(samples::reply(false, &["cifs", "dc01"])).encode();
        let reply = message(&bytes);
        let names = [text(reply.cname()), text(reply.crealm()), text(reply.sname())];
        assert_eq!(names, ["alice", "LAB.EXAMPLE", "cifs/dc01"]);
        let ticket = reply.ticket().unwrap();
        let part = ticket.enc_part().unwrap();
        assert_eq!(
            (part.etype(), part.key_version(), part.cipher().len()),
            (Some(18), Some(3), 140)
        );
        assert_eq!((text(ticket.realm()).as_str(), ticket.bytes), ("LAB.EXAMPLE", 213));
        assert_eq!(reply.enc_part().and_then(|part| part.key_version()), Some(7));
        assert_eq!(reply.padata().map(|padata| padata.kind).collect::<Vec<_>>(), [19]);
    }

    #[test]
    fn an_error_tells_what_would_do() {
        let bytes = Parts::Error(samples::challenged()).encode();
        let error = message(&bytes);
        assert_eq!((error.error_code(), text(error.error_text()).as_str()), (Some(25), "why"));
        assert_eq!(
            error.error_padata().map(|padata| padata.kind).collect::<Vec<_>>(),
            [19, 2, 136]
        );
        assert_eq!(error.error_status(), None);
        // STATUS_ACCOUNT_LOCKED_OUT as [MS-KILE] 2.2.1 and 2.2.2 wrap it.
        let status =
            b"\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x34\x02\x00\xc0\0\0\0\0\x01\0\0\0";
        let bytes = Parts::Error(samples::error(18, &["krbtgt", "LAB.EXAMPLE"], status)).encode();
        assert_eq!(message(&bytes).error_status(), Some(0xc000_0234));
        assert_eq!(message(&bytes).error_padata().count(), 0);
    }

    #[test]
    fn user_to_user_requests_are_read_without_their_tag() {
        let bytes = b"\x30\x2a\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x10\
            \xa2\x0f\x30\x0d\xa0\x03\x02\x01\x02\xa1\x06\x30\x04\x1b\x02WS\
            \xa3\x0d\x1b\x0bLAB.EXAMPLE";
        let request = Message::parse_user_to_user(TGT_REQUEST, bytes).unwrap();
        assert_eq!([text(request.sname()), text(request.realm())], ["WS", "LAB.EXAMPLE"]);
        assert_eq!(request.length(), bytes.len());
    }

    #[test]
    fn what_is_captured_of_a_message_is_read() {
        let bytes = Parts::Request(samples::logon()).encode();
        let mut known = 0;
        for end in 0..bytes.len() {
            let Ok(request) = Message::parse(&bytes[..end]) else { continue };
            let name = text(request.sname());
            assert!(name.is_empty() || name == "krbtgt/LAB.EXAMPLE", "{name:?} of {end} bytes");
            assert!(request.nonce().is_none_or(|nonce| nonce == 0xfedc_ba98), "{end} bytes");
            known += usize::from(!name.is_empty());
        }
        assert!(known > 80, "read from {known} beginnings");
    }

    #[test]
    fn integers_have_a_sign() {
        for value in [0, 1, 127, 128, 255, 256, -1, -128, -129, -135, i32::MAX, i32::MIN] {
            let request = KdcRequest { etypes: vec![value], ..samples::logon() };
            let bytes = Parts::Request(request).encode();
            assert_eq!(message(&bytes).etypes().collect::<Vec<_>>(), [value]);
        }
    }

    #[test]
    fn a_type_other_than_the_tag_is_refused() {
        let mut bytes = samples::otherwise();
        bytes[15] = 12;
        assert_eq!(Kerberos::probe(&bytes, Transport::Udp), Probe::No);
        assert_eq!(
            Packet::parse(&bytes).unwrap_err().to_string(),
            "kerberos::Message at byte 11: msg-type must be 0xd, is 0xc"
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
        bytes[3] ^= 1;
        assert_eq!(Kerberos::probe(&bytes, Transport::Tcp), Probe::No);
    }

    #[test]
    fn nesting_without_end_takes_no_time() {
        // 300,000 sequences inside each other where names and lists are looked for.
        let mut bytes = Vec::new();
        let mut content = 0;
        while content < 1_000_000 {
            content += 6;
        }
        for depth in 0..content / 6 {
            let length = u32::try_from(content - depth * 6 - 6).unwrap();
            bytes.extend(b"\x30\x84");
            bytes.extend(length.to_be_bytes());
        }
        let fields =
            [b"\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa3\x84", &[0; 4][..], &bytes].concat();
        let mut request = Vec::new();
        let sequence = ber::Header::new(ber::SEQUENCE, fields.len());
        let mut w = Writer::new(&mut request);
        ber::Header::new(0x6a, sequence.total_length()).emit(&mut w);
        sequence.emit(&mut w);
        w.bytes(&fields);
        let request = message(&request);
        assert_eq!(
            (request.padata().count(), request.sname(), request.etypes().count()),
            (0, None, 0)
        );
    }
}
