//! Transport Layer Security: records, RFC 5246 section 6.2 and RFC 8446 section 5.1, and what a
//! handshake shows before it is encrypted.

use std::ops::RangeInclusive;

use super::{Context, Framing, Id, Observer, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod certificate;
mod hello;
mod session;

pub use certificate::{Certificate, Name};
pub use hello::{
    Certificates, ClientHello, Extension, Extensions, ServerHello, Version,
    type_name as handshake_name,
};
pub use session::{Session, Voice};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Tls;

wire_struct! {
    /// Header of a record, RFC 5246 section 6.2.1.
    pub struct Header / HeaderView [5] {
        /// Content type, 20 to 24.
        0 kind: be u8,
        /// 3.
        1 version_major: be u8,
        /// 0 for SSL 3.0 to 3 for TLS 1.2 and later.
        2 version_minor: be u8,
        /// Length of the fragment, in bytes.
        3 length: be u16,
    }
}

/// Content types: change cipher spec to application data (RFC 8446 section 5.1), heartbeat
/// (RFC 6520 section 3).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
/// Major version since SSL 3.0, RFC 6101 section 5.2.1.
const VERSION_MAJOR: u8 = 3;
/// TLS 1.3 writes 3 (RFC 8446 section 5.1); drafts of it wrote 4.
const VERSION_MINOR_MAX: u8 = 4;
/// Longest fragment in bytes: 2^14 and 2,048 of expansion, RFC 5246 section 6.2.3.
const FRAGMENT_MAX: u16 = 0x4800;

/// Operations of handshake messages in [`Tally`](super::Tally): this and their type. Records
/// have their content type.
pub const HANDSHAKE_OPERATION: u32 = 0x100;

/// What travels in the stream: records, and the messages inside those of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A record.
    Record(Record<'a>),
    /// A message of the handshake that the record told last has completed.
    Handshake(Handshake<'a>),
}

/// One record; of one that was cut the fragment is clipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Content type.
    pub kind: u8,
    /// Minor version.
    pub version_minor: u8,
    /// What it carries, possibly encrypted.
    pub fragment: &'a [u8],
}

/// A message of the handshake in the clear, RFC 8446 section 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// Handshake type.
    pub kind: u8,
    /// Its body.
    pub body: &'a [u8],
}

impl<'a> Handshake<'a> {
    /// The hello of a client, if it is one.
    pub fn client_hello(&self) -> Option<ClientHello<'a>> {
        if self.kind == hello::CLIENT_HELLO { ClientHello::parse(self.body).ok() } else { None }
    }

    /// The hello of a server, if it is one.
    pub fn server_hello(&self) -> Option<ServerHello<'a>> {
        if self.kind == hello::SERVER_HELLO { ServerHello::parse(self.body).ok() } else { None }
    }

    /// The certificates before TLS 1.3, if it is them.
    pub fn certificates(&self) -> Option<Certificates<'a>> {
        if self.kind == hello::CERTIFICATE { Certificates::parse(self.body).ok() } else { None }
    }

    /// Appends the message through its fields as far as they are known.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let mut body = Vec::new();
        let mut inner = Writer::new(&mut body);
        if let Some(hello) = self.client_hello() {
            hello.emit(&mut inner);
        } else if let Some(hello) = self.server_hello() {
            hello.emit(&mut inner);
        } else if let Some(certificates) = self.certificates() {
            Certificates::emit(&mut inner, &certificates.iter().collect::<Vec<_>>());
        } else {
            inner.bytes(self.body);
        }
        w.byte(self.kind);
        hello::emit24(w, &body);
    }
}

/// Name of an alert, RFC 8446 section 6 and RFC 5246 section 7.2; empty where none is known.
pub fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close_notify",
        10 => "unexpected_message",
        20 => "bad_record_mac",
        21 => "decryption_failed",
        22 => "record_overflow",
        30 => "decompression_failure",
        40 => "handshake_failure",
        41 => "no_certificate",
        42 => "bad_certificate",
        43 => "unsupported_certificate",
        44 => "certificate_revoked",
        45 => "certificate_expired",
        46 => "certificate_unknown",
        47 => "illegal_parameter",
        48 => "unknown_ca",
        49 => "access_denied",
        50 => "decode_error",
        51 => "decrypt_error",
        60 => "export_restriction",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        90 => "user_canceled",
        100 => "no_renegotiation",
        109 => "missing_extension",
        110 => "unsupported_extension",
        112 => "unrecognized_name",
        113 => "bad_certificate_status_response",
        115 => "unknown_psk_identity",
        116 => "certificate_required",
        120 => "no_application_protocol",
        _ => "",
    }
}

impl<'a> Record<'a> {
    /// Parses the record that `input` is.
    ///
    /// # Errors
    /// Undefined type or version, or a length that does not fit.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("tls::Header", input);
        let header = header(&mut r)?;
        let fragment = r.bytes(usize::from(header.length))?;
        r.finish()?;
        Ok(Self { kind: header.kind, version_minor: header.version_minor, fragment })
    }

    /// Reads what is there of the record that `input` begins.
    ///
    /// # Errors
    /// Undefined type or version.
    pub fn parse_cut(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("tls::Header", input);
        let header = header(&mut r)?;
        let present = usize::from(header.length).min(r.peek().len());
        let fragment = r.bytes(present)?;
        Ok(Self { kind: header.kind, version_minor: header.version_minor, fragment })
    }

    /// Level and description of an alert in the clear, RFC 8446 section 6.
    pub fn alert(&self) -> Option<(u8, u8)> {
        match *self.fragment {
            [level, description] if self.kind == ALERT => Some((level, description)),
            _ => None,
        }
    }

    /// The messages, where the fragment is nothing but whole ones.
    fn handshakes(&self) -> Option<Vec<Handshake<'a>>> {
        let mut r = Reader::new("tls::Handshake", self.fragment);
        let mut messages = Vec::new();
        while self.kind == HANDSHAKE && !r.is_empty() {
            let &[kind, high, middle, low] = r.array().ok()?;
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            messages.push(Handshake { kind, body: r.bytes(length).ok()? });
        }
        (!messages.is_empty()).then_some(messages)
    }

    /// Appends the record, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let Self { kind, version_minor, fragment } = *self;
        let length = u16::try_from(fragment.len()).unwrap_or(FRAGMENT_MAX);
        Header { kind, version_major: VERSION_MAJOR, version_minor, length }.emit(w);
        w.bytes(fragment);
    }
}

fn header(r: &mut Reader<'_>) -> Result<Header, WireError> {
    let at = r.clone();
    let header = Header::parse(r)?;
    let bad = |field, got: u8| Err(at.error(Cause::BadValue { field, got: u64::from(got) }));
    if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&header.kind) {
        return bad("kind", header.kind);
    }
    if header.version_major != VERSION_MAJOR {
        return bad("version_major", header.version_major);
    }
    if header.version_minor > VERSION_MINOR_MAX {
        return bad("version_minor", header.version_minor);
    }
    if header.length > FRAGMENT_MAX {
        let (got, max) = (usize::from(header.length), usize::from(FRAGMENT_MAX));
        return Err(at.error(Cause::BadLength { field: "length", got, min: 0, max }));
    }
    Ok(header)
}

/// What a payload says about a record at its front.
#[inline]
pub(super) fn probe(payload: &[u8]) -> Probe {
    let byte = |at: usize, is_good: fn(u8) -> bool| payload.get(at).is_none_or(|&b| is_good(b));
    if !byte(0, |kind| (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind))
        || !byte(1, |major| major == VERSION_MAJOR)
        || !byte(2, |minor| minor <= VERSION_MINOR_MAX)
    {
        return Probe::No;
    }
    let Some(header) = HeaderView::peek(payload) else { return Probe::Possible };
    let is_length_good = match header.kind() {
        CHANGE_CIPHER_SPEC => header.length() == 1,
        // In the clear two bytes, encrypted with padding of any block cipher.
        ALERT => (2..=256).contains(&header.length()),
        _ => (1..=FRAGMENT_MAX).contains(&header.length()),
    };
    if !is_length_good {
        return Probe::No;
    }
    match payload.get(Header::LEN..) {
        Some([first, rest @ ..]) if header.kind() == HANDSHAKE => handshake(*first, rest, header),
        _ => Probe::Certain,
    }
}

/// A handshake in the clear has a type and a length; an encrypted one (renegotiation, or the
/// last message of TLS 1.2) has neither, so that only the record header speaks for it.
#[inline]
fn handshake(kind: u8, rest: &[u8], header: HeaderView<'_>) -> Probe {
    /// client_hello and server_hello, RFC 8446 section 4.
    const HELLOS: RangeInclusive<u8> = 1..=2;
    match rest {
        // A hello has a version, which begins with the same 3.
        [_, _, _, major, ..] if HELLOS.contains(&kind) && *major != VERSION_MAJOR => {
            Probe::Possible
        }
        [high, ..] if HELLOS.contains(&kind) && (*high > 1 || header.length() < 42) => {
            Probe::Possible
        }
        _ => Probe::Certain,
    }
}

/// Finds one record.
pub(super) fn step(input: &[u8]) -> Step {
    match header(&mut Reader::new("tls::Header", input)) {
        Ok(header) => Step::framed(input, Header::LEN + usize::from(header.length)),
        Err(error) => Step::failed(input, error),
    }
}

/// How much of a record is looked at: of application data nothing but the header.
pub(super) fn needed(head: &[u8], length: usize) -> usize {
    match HeaderView::peek(head) {
        Some(header) if header.kind() == APPLICATION_DATA => Header::LEN,
        _ => length,
    }
}

/// Name of an operation: of a record or, behind [`HANDSHAKE_OPERATION`], a handshake message.
pub(super) fn operation(code: u32) -> Option<&'static str> {
    match code {
        20 => Some("change_cipher_spec"),
        21 => Some("alert"),
        22 => Some("handshake"),
        23 => Some("application_data"),
        24 => Some("heartbeat"),
        _ => handshake_name(u8::try_from(code.checked_sub(HANDSHAKE_OPERATION)?).ok()?),
    }
}

/// Parses a record and emits it: messages of a handshake through their fields, where these say
/// all there is.
pub(super) fn reencode(input: &[u8], out: &mut Writer<'_>) -> Result<(), WireError> {
    let record = Record::parse(input)?;
    let mut fragment = Vec::new();
    for message in record.handshakes().into_iter().flatten() {
        message.emit(&mut Writer::new(&mut fragment));
    }
    if fragment == record.fragment {
        Record { fragment: &fragment, ..record }.emit(out);
    } else {
        record.emit(out);
    }
    Ok(())
}

/// A record with one message of a handshake.
fn handshake_record(version_minor: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let (mut fragment, mut bytes) = (Vec::new(), Vec::new());
    Handshake { kind, body }.emit(&mut Writer::new(&mut fragment));
    let record = Record { kind: HANDSHAKE, version_minor, fragment: &fragment };
    record.emit(&mut Writer::new(&mut bytes));
    bytes
}

/// Records of a handshake and of what follows, for this protocol and those inside it.
pub(super) fn samples() -> Vec<Sample> {
    // ClientHello: version, random, session, one cipher suite, no compression.
    let mut hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03".to_vec();
    hello.extend(b"thirty-two bytes, chosen by hand\x02id\x00\x02\xc0\x2f\x01\x00");
    let mut certificates = Vec::new();
    let chain: &[&[u8]] = &[&certificate::sample(), b"its issuer's"];
    Certificates::emit(&mut Writer::new(&mut certificates), chain);
    let server = hello::sample_server(Version::TLS13);
    vec![
        Sample::tcp(hello),
        Sample::tcp(handshake_record(1, hello::CLIENT_HELLO, &hello::sample_client())),
        Sample::tcp(handshake_record(3, hello::SERVER_HELLO, &server)),
        Sample::tcp(handshake_record(3, hello::CERTIFICATE, &certificates)),
        Sample::tcp(*b"\x14\x03\x03\x00\x01\x01"),
        Sample::tcp(*b"\x15\x03\x02\x00\x02\x02\x28"),
        Sample::tcp(*b"\x17\x03\x03\x00\x08sealed!!"),
    ]
}

impl Protocol for Tls {
    type Message<'a> = Unit<'a>;
    type Dialogue = Session;

    const NAME: &'static str = "tls";
    const LABEL: &'static str = "TLS";
    const FRAMING: Framing = Framing::Stream;
    /// HTTPS; LDAP and others inside TLS have ports of their own.
    const TCP_PORTS: &'static [u16] = &[443];
    const STARTS: &'static [RangeInclusive<u8>] = &[CHANGE_CIPHER_SPEC..=HEARTBEAT];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        probe(payload)
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        step(input)
    }

    fn needed(head: &[u8], length: usize) -> usize {
        needed(head, length)
    }

    fn observe(
        input: &[u8],
        context: &Context,
        session: &mut Session,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        session.hear((Id::Tls, |unit| super::Message::Tls(unit)), input, context, out)
    }

    fn operation(code: u32) -> Option<&'static str> {
        operation(code)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        reencode(input, out)
    }

    fn samples() -> Vec<Sample> {
        samples()
    }
}

#[cfg(test)]
mod tests;
