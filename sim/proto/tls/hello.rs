//! The messages of a handshake that are sent in the clear: ClientHello, ServerHello and
//! Certificate, RFC 5246 section 7.4 and RFC 8446 section 4.

use std::fmt::{self, Display};

use crate::wire::{Cause, Reader, WireError, Writer};

/// Handshake types, RFC 8446 section 4 and RFC 5246 section 7.4.
pub const CLIENT_HELLO: u8 = 1;
/// See [`ServerHello`].
pub const SERVER_HELLO: u8 = 2;
/// See [`Certificates`].
pub const CERTIFICATE: u8 = 11;

/// Extensions, RFC 6066 section 3, RFC 7301 section 3.1, RFC 8446 section 4.2.1.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;

/// A host in a list of server names, RFC 6066 section 3.
const HOST_NAME: u8 = 0;
/// Bytes of a random value.
const RANDOM: usize = 32;
/// Longest session identifier in bytes, RFC 5246 section 7.4.1.2.
const SESSION_MAX: usize = 32;
/// The random value of a ServerHello that asks for another ClientHello: the SHA-256 of
/// "HelloRetryRequest", RFC 8446 section 4.1.3.
pub(super) const RETRY: [u8; RANDOM] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Name of a handshake type; `None` where it is not defined.
pub fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        0 => "hello_request",
        CLIENT_HELLO => "client_hello",
        SERVER_HELLO => "server_hello",
        3 => "hello_verify_request",
        4 => "new_session_ticket",
        5 => "end_of_early_data",
        8 => "encrypted_extensions",
        CERTIFICATE => "certificate",
        12 => "server_key_exchange",
        13 => "certificate_request",
        14 => "server_hello_done",
        15 => "certificate_verify",
        16 => "client_key_exchange",
        20 => "finished",
        21 => "certificate_url",
        22 => "certificate_status",
        23 => "supplemental_data",
        24 => "key_update",
        _ => return None,
    })
}

/// A version as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u16);

impl Version {
    /// RFC 8446 section 4.1.2.
    pub const TLS13: Self = Self(0x0304);

    /// Whether it is one that was made up so that nobody relies on a list, RFC 8701 section 2.
    const fn is_grease(self) -> bool {
        self.0 & 0x0f0f == 0x0a0a
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0300 => f.write_str("SSL 3.0"),
            0x0301..=0x0304 => write!(f, "TLS 1.{}", self.0 - 0x0301),
            other => write!(f, "{other:#06x}"),
        }
    }
}

/// What a client offers, RFC 8446 section 4.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// Version before there was an extension for it.
    pub version: Version,
    /// Random value.
    pub random: &'a [u8; RANDOM],
    /// Session to be resumed.
    pub session: &'a [u8],
    /// Cipher suites, two bytes each.
    pub cipher_suites: &'a [u8],
    /// Compression methods.
    pub compressions: &'a [u8],
    /// Extensions, where there are any.
    pub extensions: Option<Extensions<'a>>,
}

/// What a server has chosen, RFC 8446 section 4.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerHello<'a> {
    /// Version, as far as no extension says another.
    pub version: Version,
    /// Random value.
    pub random: &'a [u8; RANDOM],
    /// Session.
    pub session: &'a [u8],
    /// Cipher suite.
    pub cipher_suite: u16,
    /// Compression method.
    pub compression: u8,
    /// Extensions, where there are any.
    pub extensions: Option<Extensions<'a>>,
}

/// Extensions of a hello, as they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extensions<'a>(pub &'a [u8]);

/// One extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Its type.
    pub kind: u16,
    /// Its content.
    pub content: &'a [u8],
}

/// Certificates of a server or client before TLS 1.3, RFC 5246 section 7.4.2, as they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificates<'a>(pub &'a [u8]);

impl<'a> ClientHello<'a> {
    /// Parses the body of a handshake message.
    ///
    /// # Errors
    /// Lengths that do not fit, or bytes left over.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("tls::ClientHello", body);
        Ok(Self {
            version: version(&mut r)?,
            random: r.array()?,
            session: session(&mut r)?,
            cipher_suites: vector16(&mut r)?,
            compressions: vector8(&mut r)?,
            extensions: Extensions::parse(r)?,
        })
    }

    /// Appends the body.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.version.0.to_be_bytes());
        w.bytes(self.random);
        emit8(w, self.session);
        emit16(w, self.cipher_suites);
        emit8(w, self.compressions);
        self.extensions.inspect(|extensions| extensions.emit(w));
    }

    /// The host that the client wants, RFC 6066 section 3.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        self.server_names().next()
    }

    /// All hosts in the list of names; one is allowed.
    pub fn server_names(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let content = self.extension(SERVER_NAME).unwrap_or_default();
        let mut r = Reader::new("tls::ServerName", content);
        let list = vector16(&mut r).unwrap_or_default();
        let mut r = Reader::new("tls::ServerName", list);
        std::iter::from_fn(move || {
            let kind = r.byte().ok()?;
            let name = vector16(&mut r).ok()?;
            (kind == HOST_NAME).then_some(name)
        })
    }

    /// Protocols that the client would speak inside, RFC 7301 section 3.1.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let content = self.extension(ALPN).unwrap_or_default();
        let mut r = Reader::new("tls::Alpn", content);
        let list = vector16(&mut r).unwrap_or_default();
        let mut r = Reader::new("tls::Alpn", list);
        std::iter::from_fn(move || vector8(&mut r).ok())
    }

    /// Versions that the client speaks, RFC 8446 section 4.2.1, made-up ones included; empty
    /// where the hello has no such extension.
    pub fn versions(&self) -> impl Iterator<Item = Version> + use<'a> {
        let content = self.extension(SUPPORTED_VERSIONS).unwrap_or_default();
        let mut r = Reader::new("tls::Versions", content);
        let (pairs, _) = vector8(&mut r).unwrap_or_default().as_chunks::<2>();
        pairs.iter().map(|&pair| Version(u16::from_be_bytes(pair)))
    }

    /// The highest version that the client speaks.
    pub fn best_version(&self) -> Version {
        self.versions().filter(|version| !version.is_grease()).max().unwrap_or(self.version)
    }

    fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        self.extensions?.find(kind)
    }
}

impl<'a> ServerHello<'a> {
    /// Parses the body of a handshake message.
    ///
    /// # Errors
    /// Lengths that do not fit, or bytes left over.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("tls::ServerHello", body);
        Ok(Self {
            version: version(&mut r)?,
            random: r.array()?,
            session: session(&mut r)?,
            cipher_suite: u16::from_be_bytes(*r.array()?),
            compression: r.byte()?,
            extensions: Extensions::parse(r)?,
        })
    }

    /// Appends the body.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.version.0.to_be_bytes());
        w.bytes(self.random);
        emit8(w, self.session);
        w.bytes(&self.cipher_suite.to_be_bytes());
        w.byte(self.compression);
        self.extensions.inspect(|extensions| extensions.emit(w));
    }

    /// The version that was chosen.
    pub fn chosen_version(&self) -> Version {
        let chosen = self.extensions.and_then(|extensions| extensions.find(SUPPORTED_VERSIONS));
        match chosen {
            Some(&[high, low]) => Version(u16::from_be_bytes([high, low])),
            _ => self.version,
        }
    }

    /// Whether the client is asked for another hello, RFC 8446 section 4.1.4.
    pub fn is_retry(&self) -> bool {
        *self.random == RETRY
    }
}

impl<'a> Extensions<'a> {
    /// Takes what follows in a hello, which may be nothing.
    fn parse(mut r: Reader<'a>) -> Result<Option<Self>, WireError> {
        if r.is_empty() {
            return Ok(None);
        }
        let extensions = Self(vector16(&mut r)?);
        r.finish()?;
        Ok(Some(extensions))
    }

    /// The extensions in order, up to the first that is malformed.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut r = Reader::new("tls::Extension", self.0);
        std::iter::from_fn(move || {
            let kind = u16::from_be_bytes(*r.array().ok()?);
            Some(Extension { kind, content: vector16(&mut r).ok()? })
        })
    }

    /// Content of the first extension of that type.
    fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|extension| extension.kind == kind).map(|extension| extension.content)
    }

    fn emit(&self, w: &mut Writer<'_>) {
        emit16(w, self.0);
    }
}

impl Extension<'_> {
    /// Appends the extension.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.kind.to_be_bytes());
        emit16(w, self.content);
    }

    /// Appends the name of the host that a client wants.
    pub fn emit_server_name(w: &mut Writer<'_>, name: &[u8]) {
        let content = built(|w| {
            let list = built(|w| {
                w.byte(HOST_NAME);
                emit16(w, name);
            });
            emit16(w, &list);
        });
        Extension { kind: SERVER_NAME, content: &content }.emit(w);
    }

    /// Appends the protocols that a client would speak inside.
    pub fn emit_protocols(w: &mut Writer<'_>, protocols: &[&[u8]]) {
        let list = built(|w| protocols.iter().for_each(|protocol| emit8(w, protocol)));
        let content = built(|w| emit16(w, &list));
        Extension { kind: ALPN, content: &content }.emit(w);
    }

    /// Appends the versions that a client speaks.
    pub fn emit_versions(w: &mut Writer<'_>, versions: &[Version]) {
        let list = built(|w| versions.iter().for_each(|version| w.bytes(&version.0.to_be_bytes())));
        let content = built(|w| emit8(w, &list));
        Extension { kind: SUPPORTED_VERSIONS, content: &content }.emit(w);
    }

    /// Appends the version that a server has chosen.
    pub fn emit_chosen_version(w: &mut Writer<'_>, version: Version) {
        let content = version.0.to_be_bytes();
        Extension { kind: SUPPORTED_VERSIONS, content: &content }.emit(w);
    }
}

impl<'a> Certificates<'a> {
    /// Parses the body of a handshake message.
    ///
    /// # Errors
    /// Lengths that do not fit, or bytes left over.
    pub fn parse(body: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("tls::Certificates", body);
        let list = vector24(&mut r)?;
        r.finish()?;
        Ok(Self(list))
    }

    /// The certificates in order, the sender's first, up to the first that is malformed.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut r = Reader::new("tls::Certificates", self.0);
        std::iter::from_fn(move || vector24(&mut r).ok())
    }

    /// Appends a body with these certificates.
    pub fn emit(w: &mut Writer<'_>, certificates: &[&[u8]]) {
        let list = built(|w| certificates.iter().for_each(|certificate| emit24(w, certificate)));
        emit24(w, &list);
    }
}

fn version(r: &mut Reader<'_>) -> Result<Version, WireError> {
    Ok(Version(u16::from_be_bytes(*r.array()?)))
}

fn session<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let at = r.clone();
    let session = vector8(r)?;
    if session.len() > SESSION_MAX {
        let (got, max) = (session.len(), SESSION_MAX);
        return Err(at.error(Cause::BadLength { field: "session", got, min: 0, max }));
    }
    Ok(session)
}

/// Takes a vector behind a length of one byte, RFC 8446 section 3.4.
fn vector8<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let length = r.byte()?;
    r.bytes(usize::from(length))
}

fn vector16<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let length = u16::from_be_bytes(*r.array()?);
    r.bytes(usize::from(length))
}

fn vector24<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let &[high, middle, low] = r.array()?;
    r.bytes(u32::from_be_bytes([0, high, middle, low]) as usize)
}

/// Appends a vector behind its length; what a length cannot say is left out.
fn emit8(w: &mut Writer<'_>, content: &[u8]) {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    w.byte(length);
    w.bytes(content.get(..usize::from(length)).unwrap_or_default());
}

fn emit16(w: &mut Writer<'_>, content: &[u8]) {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    w.bytes(&length.to_be_bytes());
    w.bytes(content.get(..usize::from(length)).unwrap_or_default());
}

pub(super) fn emit24(w: &mut Writer<'_>, content: &[u8]) {
    let length = content.len().min(0xff_ffff);
    let [.., high, middle, low] = length.to_be_bytes();
    w.bytes(&[high, middle, low]);
    w.bytes(content.get(..length).unwrap_or_default());
}

/// What `fill` appends.
fn built(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    fill(&mut Writer::new(&mut out));
    out
}

/// Body of a ClientHello of our own: two versions, a host, a protocol, two cipher suites.
pub(super) fn sample_client() -> Vec<u8> {
    let extensions = built(|w| {
        Extension::emit_server_name(w, b"nest.heron.example");
        Extension::emit_protocols(w, &[b"h2", b"http/1.1"]);
        Extension::emit_versions(w, &[Version(0x7a7a), Version::TLS13, Version(0x0303)]);
    });
    let hello = ClientHello {
        version: Version(0x0303),
        random: b"thirty-two bytes, chosen by hand",
        session: b"id",
        cipher_suites: b"\x13\x02\xc0\x2f",
        compressions: b"\0",
        extensions: Some(Extensions(&extensions)),
    };
    built(|w| hello.emit(w))
}

/// Body of a ServerHello of our own that chooses `version`.
pub(super) fn sample_server(version: Version) -> Vec<u8> {
    let extensions = built(|w| Extension::emit_chosen_version(w, version));
    let hello = ServerHello {
        version: version.min(Version(0x0303)),
        random: b"by a server, thirty-two of these",
        session: b"id",
        cipher_suite: 0x1302,
        compression: 0,
        extensions: (version == Version::TLS13).then_some(Extensions(&extensions)),
    };
    built(|w| hello.emit(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_what_it_offers() {
        let body = sample_client();
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!(hello.server_name(), Some(&b"nest.heron.example"[..]));
        assert_eq!(hello.protocols().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(
            hello.versions().collect::<Vec<_>>(),
            [Version(0x7a7a), Version::TLS13, Version(0x0303)]
        );
        assert_eq!(hello.best_version().to_string(), "TLS 1.3");
        assert_eq!(hello.cipher_suites.len() / 2, 2);
        assert_eq!(built(|w| hello.emit(w)), body);
    }

    #[test]
    fn extensions_come_back_through_their_parts() {
        let body = sample_client();
        let extensions = ClientHello::parse(&body).unwrap().extensions.unwrap();
        assert_eq!(extensions.iter().map(|e| e.kind).collect::<Vec<_>>(), [0, 16, 43]);
        assert_eq!(built(|w| extensions.iter().for_each(|e| e.emit(w))), extensions.0);
    }

    #[test]
    fn a_hello_without_extensions_is_whole() {
        let mut body = sample_client();
        body.truncate(2 + 32 + 3 + 6 + 2);
        let hello = ClientHello::parse(&body).unwrap();
        assert_eq!((hello.extensions, hello.server_name()), (None, None));
        assert_eq!(hello.best_version().to_string(), "TLS 1.2");
        assert_eq!(built(|w| hello.emit(w)), body);
    }

    #[test]
    fn a_server_says_what_it_chose() {
        let body = sample_server(Version::TLS13);
        let hello = ServerHello::parse(&body).unwrap();
        assert_eq!((hello.chosen_version(), hello.is_retry()), (Version::TLS13, false));
        assert_eq!(hello.cipher_suite, 0x1302);
        assert_eq!(built(|w| hello.emit(w)), body);
        let retry = ServerHello { random: &RETRY, ..hello };
        assert!(retry.is_retry());
        let body = sample_server(Version(0x0302));
        assert_eq!(ServerHello::parse(&body).unwrap().chosen_version().to_string(), "TLS 1.1");
    }

    #[test]
    fn no_prefix_of_a_hello_is_a_longer_one() {
        let body = sample_client();
        // Where the extensions would begin, a hello without any ends.
        let whole: Vec<usize> =
            (0..=body.len()).filter(|&n| ClientHello::parse(&body[..n]).is_ok()).collect();
        assert_eq!(whole, [45, body.len()]);
    }

    #[test]
    fn certificates_are_counted() {
        let body = built(|w| Certificates::emit(w, &[b"one", b"another"]));
        let parsed = Certificates::parse(&body).unwrap();
        assert_eq!(parsed.iter().collect::<Vec<_>>(), [&b"one"[..], b"another"]);
    }
}
