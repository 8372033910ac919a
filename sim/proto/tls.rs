//! Transport Layer Security, record layer: RFC 5246 section 6.2, RFC 8446 section 5.1.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

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
const HEARTBEAT: u8 = 24;
/// Major version since SSL 3.0, RFC 6101 section 5.2.1.
const VERSION_MAJOR: u8 = 3;
/// TLS 1.3 writes 3 (RFC 8446 section 5.1); drafts of it wrote 4.
const VERSION_MINOR_MAX: u8 = 4;
/// Longest fragment in bytes: 2^14 and 2,048 of expansion, RFC 5246 section 6.2.3.
const FRAGMENT_MAX: u16 = 0x4800;

/// One record; the fragment is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Content type.
    pub kind: u8,
    /// Minor version.
    pub version_minor: u8,
    fragment: &'a [u8],
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

/// Records of a handshake and of what follows, for this protocol and those inside it.
pub(super) fn samples() -> Vec<Sample> {
    // ClientHello: version, random, session, one cipher suite, no compression.
    let mut hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03".to_vec();
    hello.extend(b"thirty-two bytes, chosen by hand\x02id\x00\x02\xc0\x2f\x01\x00");
    vec![
        Sample::tcp(hello),
        Sample::tcp(*b"\x14\x03\x03\x00\x01\x01"),
        Sample::tcp(*b"\x15\x03\x02\x00\x02\x02\x28"),
        Sample::tcp(*b"\x17\x03\x03\x00\x08sealed!!"),
    ]
}

impl Protocol for Tls {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Tls(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Record::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        samples()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undefined_version_is_named() {
        assert_eq!(
            Record::parse(b"\x16\x03\x05\x00\x00").unwrap_err().to_string(),
            "tls::Header at byte 0: version_minor 0x5 is not defined"
        );
    }

    #[test]
    fn a_record_longer_than_allowed_is_refused() {
        assert_eq!(probe(b"\x17\x03\x03\x48\x00"), Probe::Certain);
        assert_eq!(probe(b"\x17\x03\x03\x48\x01"), Probe::No);
        assert_eq!(
            Record::parse(b"\x17\x03\x03\x48\x01").unwrap_err().to_string(),
            "tls::Header at byte 0: length is 18433, must be 0..=18432"
        );
    }

    #[test]
    fn a_hello_without_a_version_is_not_certain() {
        assert_eq!(probe(b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x04"), Probe::Possible);
    }
}
