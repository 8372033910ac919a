//! Network Time Protocol, RFC 5905 section 7.3, and the authenticators of \[MS-SNTP\] section 2.2.
//!
//! Control and private messages (modes 6 and 7) have other formats and stay opaque.

use std::fmt::{self, Display};

use super::{
    Context, Dialogue, Framing, Id, Kind, Observer, Outcome, Pending, Probe, Protocol, Quality,
    Sample, Side, Step, Tally, Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ntp;

wire_struct! {
    /// Header, RFC 5905 section 7.3.
    pub struct Header / HeaderView [48] {
        /// Leap indicator, version and mode.
        0 leap_version_mode: be u8,
        /// Distance from the reference clock.
        1 stratum: be u8,
        /// Interval between messages, as a power of two in seconds.
        2 poll: be i8,
        /// Precision of the clock, as a power of two in seconds.
        3 precision: be i8,
        /// Round trip to the reference clock, in 2^-16 seconds.
        4 root_delay: be u32,
        /// Error relative to the reference clock, in 2^-16 seconds.
        8 root_dispersion: be u32,
        /// Reference clock.
        12 reference_id: raw [u8; 4],
        /// When the clock was set, in 2^-32 seconds since 1900.
        16 reference_time: be u64,
        /// When the request left the client, likewise.
        24 origin_time: be u64,
        /// When the request came to the server, likewise.
        32 receive_time: be u64,
        /// When this message left, likewise.
        40 transmit_time: be u64,
    }
}

/// Modes, RFC 5905 figure 10.
pub const MODE_SYMMETRIC_ACTIVE: u8 = 1;
/// Answer of a peer.
pub const MODE_SYMMETRIC_PASSIVE: u8 = 2;
/// Request of a client.
pub const MODE_CLIENT: u8 = 3;
/// Answer of a server.
pub const MODE_SERVER: u8 = 4;
/// To whoever listens.
pub const MODE_BROADCAST: u8 = 5;
/// Control message, RFC 9327; of another format, as is the private mode 7.
pub const MODE_CONTROL: u8 = 6;

/// Shortest message of modes 6 and 7 in bytes: the header of a private one, as ntpd writes it
/// (RFC 9327 leaves mode 7 to implementations).
const OTHER_LENGTH_MIN: usize = 8;
/// Header of a control message in bytes, RFC 9327 section 2.
const CONTROL_LENGTH_MIN: usize = 12;
/// Versions that are in use, RFC 5905 section 7.3.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=4;
/// Highest stratum (unsynchronised), RFC 5905 figure 11.
const STRATUM_MAX: u8 = 16;
/// Longest poll interval as an exponent, RFC 5905 section 7.2 (`MAXPOLL`).
const POLL_MAX: i8 = 17;
/// Extension fields and authenticators come in words of 4 bytes, RFC 5905 section 7.5.
const WORD: usize = 4;
/// Longest authenticator behind extension fields in bytes: a key identifier and a SHA-1 digest
/// (RFC 7822 section 3).
const MAC_MAX: usize = 24;
/// Key identifier and digest of \[MS-SNTP\] 2.2.3, in bytes.
const EXTENDED_MAC: usize = 72;
/// The bit of a key identifier that chooses between a machine's passwords, \[MS-SNTP\] 2.2.1.
const KEY_SELECTOR: u32 = 0x8000_0000;
/// Requests of one flow that wait for an answer at most: a client sends a burst of eight
/// (RFC 5905 section 7.2, `BCOUNT`) and waits for each.
const WAITING_MAX: usize = 8;

impl Header {
    /// Version, bits 3 to 5 of the first byte.
    pub const fn version(&self) -> u8 {
        version(self.leap_version_mode)
    }

    /// Mode, the lowest three bits of the first byte.
    pub const fn mode(&self) -> u8 {
        mode(self.leap_version_mode)
    }
}

const fn version(first: u8) -> u8 {
    first >> 3 & 0x07
}

const fn mode(first: u8) -> u8 {
    first & 0x07
}

/// Who vouches for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticator<'a> {
    /// Key identifier as it lies: big-endian in RFC 5905, little-endian in \[MS-SNTP\].
    pub key: [u8; 4],
    /// The digest; empty in a crypto-NAK (RFC 5905 section 9.2), and all zero in a request for a
    /// signed answer (\[MS-SNTP\] 3.1.5.1).
    pub digest: &'a [u8],
}

impl<'a> Authenticator<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&key, digest) = bytes.split_first_chunk()?;
        Some(Self { key, digest })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.key);
        w.bytes(self.digest);
    }

    /// Key identifier, RFC 5905 section 7.3.
    pub const fn key_id(&self) -> u32 {
        u32::from_be_bytes(self.key)
    }

    /// Relative identifier of the machine's account, if this is of \[MS-SNTP\] 2.2.1, as it is
    /// where [`is_signature_wanted`](Self::is_signature_wanted).
    pub const fn relative_id(&self) -> u32 {
        u32::from_le_bytes(self.key) & !KEY_SELECTOR
    }

    /// Whether this asks a domain controller to sign its answer.
    pub fn is_signature_wanted(&self) -> bool {
        !self.digest.is_empty() && self.digest.iter().all(|&byte| byte == 0)
    }
}

/// Extension fields and the authenticator behind them, RFC 7822 section 3.
fn split(trailer: &[u8]) -> (&[u8], Option<Authenticator<'_>>) {
    let mut rest = trailer;
    if trailer.len() != EXTENDED_MAC {
        while rest.len() > MAC_MAX
            && let Some(&[_, _, high, low]) = rest.first_chunk()
        {
            let length = usize::from(u16::from_be_bytes([high, low]));
            match rest.get(length..) {
                Some(behind) if length >= WORD => rest = behind,
                _ => return (trailer, None),
            }
        }
    }
    let extensions = trailer.get(..trailer.len() - rest.len()).unwrap_or_default();
    (extensions, Authenticator::parse(rest))
}

/// A message where it lies in the input.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    first: u8,
}

impl<'a> View<'a> {
    /// Looks at a message of any mode, which may be cut behind its first byte.
    ///
    /// # Errors
    /// No byte, or a version or mode that is not defined.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("ntp::Header", bytes);
        let first = at.clone().byte()?;
        if !VERSIONS.contains(&version(first)) {
            let got = u64::from(version(first));
            return Err(at.error(Cause::BadValue { field: "version", got }));
        }
        if mode(first) < MODE_SYMMETRIC_ACTIVE {
            return Err(at.error(Cause::BadValue { field: "mode", got: 0 }));
        }
        Ok(Self { bytes, first })
    }

    /// Version, RFC 5905 section 7.3.
    pub const fn version(&self) -> u8 {
        version(self.first)
    }

    /// Mode, RFC 5905 section 7.3.
    pub const fn mode(&self) -> u8 {
        mode(self.first)
    }

    /// The header of modes 1 to 5.
    #[inline]
    pub fn header(&self) -> Option<HeaderView<'a>> {
        if self.mode() < MODE_CONTROL { HeaderView::peek(self.bytes) } else { None }
    }

    /// The authenticator of modes 1 to 5.
    pub fn authenticator(&self) -> Option<Authenticator<'a>> {
        self.header()?;
        split(self.bytes.get(Header::LEN..)?).1
    }

    /// What is wrong with its length.
    fn check(&self) -> Result<(), WireError> {
        let mut r = Reader::new("ntp::Header", self.bytes);
        r.bytes(if self.mode() < MODE_CONTROL { Header::LEN } else { OTHER_LENGTH_MIN })?;
        match r.peek().len() % WORD {
            0 => Ok(()),
            count => Err(r.error(Cause::TrailingBytes { count })),
        }
    }
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Modes 1 to 5.
    Time {
        /// The header.
        header: Header,
        /// Extension fields as they lie, RFC 7822.
        extensions: &'a [u8],
        /// The authenticator, if there is one.
        authenticator: Option<Authenticator<'a>>,
    },
    /// Modes 6 and 7, as they lie.
    Other(&'a [u8]),
}

impl<'a> Packet<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// A version or mode that is not defined, or a length that is not in whole words.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let view = View::read(bytes)?;
        view.check()?;
        if view.mode() >= MODE_CONTROL {
            return Ok(Self::Other(bytes));
        }
        let mut r = Reader::new("ntp::Header", bytes);
        let header = Header::parse(&mut r)?;
        let (extensions, authenticator) = split(r.remainder());
        Ok(Self::Time { header, extensions, authenticator })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Time { header, extensions, authenticator } => {
                header.emit(w);
                w.bytes(extensions);
                if let Some(authenticator) = authenticator {
                    authenticator.emit(w);
                }
            }
            Self::Other(bytes) => w.bytes(bytes),
        }
    }
}

/// Requests of one flow that wait for the time, by who sent them and when.
#[derive(Debug, Default)]
pub struct Exchange {
    waiting: Pending<(bool, u64), WAITING_MAX>,
}

impl Exchange {
    fn message(
        &mut self,
        view: &View<'_>,
        header: HeaderView<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let from_client = context.side == Side::Client;
        if matches!(view.mode(), MODE_SERVER | MODE_SYMMETRIC_PASSIVE | MODE_SYMMETRIC_ACTIVE) {
            self.waiting.answer((!from_client, header.origin_time()), outcome(header), out);
        }
        if !matches!(view.mode(), MODE_CLIENT | MODE_SYMMETRIC_ACTIVE) {
            return;
        }
        let key = (from_client, header.transmit_time());
        let at = (context.time, context.side);
        let asked = self.waiting.ask(key, (Kind::TimeRequest, Id::Ntp), at, out);
        asked.detail.set(&mode_name(view.mode()).unwrap_or_default());
        match view.authenticator() {
            Some(by) if by.is_signature_wanted() => {
                asked.add_detail(&format_args!("signed for RID {}", by.relative_id()));
            }
            Some(by) => asked.add_detail(&format_args!("key {}", by.key_id())),
            None => {}
        }
    }
}

impl Dialogue for Exchange {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.waiting.finish(out);
    }

    fn reset(&mut self) {
        self.waiting.reset();
    }

    fn memory(&self) -> usize {
        self.waiting.memory()
    }
}

/// What an answer gives: the time, or with stratum 0 the reason why not (RFC 5905 section 7.4).
fn outcome(header: HeaderView<'_>) -> Outcome {
    if header.stratum() != 0 {
        return Outcome::Success;
    }
    let code = header.reference_id();
    Outcome::Failure { code: u32::from_be_bytes(code), name: kiss(code) }
}

/// Kiss codes, RFC 5905 figure 13.
const fn kiss(code: [u8; 4]) -> &'static str {
    match &code {
        b"ACST" => "association belongs to a unicast server",
        b"AUTH" => "authentication failed",
        b"AUTO" => "autokey sequence failed",
        b"BCST" => "association belongs to a broadcast server",
        b"CRYP" => "cryptographic authentication failed",
        b"DENY" => "access denied",
        b"DROP" => "lost peer",
        b"RSTR" => "access denied by policy",
        b"INIT" => "not yet synchronised",
        b"MCST" => "association belongs to a dynamic server",
        b"NKEY" => "no key",
        b"RATE" => "rate exceeded",
        b"RMOT" => "altered from a remote host",
        b"STEP" => "system time stepped",
        _ => "",
    }
}

/// RFC 5905 figure 10.
const fn mode_name(mode: u8) -> Option<&'static str> {
    Some(match mode {
        MODE_SYMMETRIC_ACTIVE => "symmetric active",
        MODE_SYMMETRIC_PASSIVE => "symmetric passive",
        MODE_CLIENT => "client",
        MODE_SERVER => "server",
        MODE_BROADCAST => "broadcast",
        MODE_CONTROL => "control",
        7 => "private",
        _ => return None,
    })
}

/// Shows a reference identifier: a name below stratum 2, an address above (RFC 5905 figure 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// [`Header::stratum`].
    pub stratum: u8,
    /// [`Header::reference_id`].
    pub id: [u8; 4],
}

impl Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stratum > 1 {
            return std::net::Ipv4Addr::from(self.id).fmt(f);
        }
        let end = self.id.iter().position(|&byte| byte == 0).unwrap_or(self.id.len());
        super::Utf8(self.id.get(..end).unwrap_or_default()).fmt(f)
    }
}

impl Protocol for Ntp {
    type Message<'a> = View<'a>;
    type Dialogue = Exchange;

    const NAME: &'static str = "ntp";
    const LABEL: &'static str = "NTP";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[123];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        let Some(&first) = payload.first() else { return Probe::Possible };
        if !VERSIONS.contains(&version(first)) || mode(first) < MODE_SYMMETRIC_ACTIVE {
            return Probe::No;
        }
        if mode(first) >= MODE_CONTROL {
            let is_cut = payload.len() < CONTROL_LENGTH_MIN;
            return if payload.len().is_multiple_of(WORD) || is_cut {
                Probe::Possible
            } else {
                Probe::No
            };
        }
        if payload.get(1).is_some_and(|&stratum| stratum > STRATUM_MAX) {
            return Probe::No;
        }
        let Some(header) = HeaderView::peek(payload) else { return Probe::Possible };
        if !(payload.len() - Header::LEN).is_multiple_of(WORD) {
            return Probe::No;
        }
        // No clock ticks slower than once a second, nor faster than its own time stamps; no
        // root is further away than 256 seconds.
        let is_plausible = (0..=POLL_MAX).contains(&header.poll())
            && (-32..=0).contains(&header.precision())
            && header.root_delay() >> 24 == 0
            && header.root_dispersion() >> 24 == 0;
        if is_plausible { Probe::Certain } else { Probe::Possible }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, View::read(input).and_then(|view| view.check()))
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Exchange,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View::read(input)?;
        let mode = view.mode();
        let quality = match (context.is_cut, mode) {
            (true, _) => Quality::Cut,
            (false, ..MODE_CONTROL) => Quality::Parsed,
            (false, _) => Quality::Opaque,
        };
        let is_answer = matches!(mode, MODE_SYMMETRIC_PASSIVE | MODE_SERVER);
        let tally = Tally { operation: mode.into(), is_answer, bytes: context.length, quality };
        out.message(context, &super::Message::Ntp(view), tally);
        if let Some(header) = view.header() {
            dialogue.message(&view, header, context, out);
        }
        if context.is_cut && input.len() < Header::LEN { view.check() } else { Ok(()) }
    }

    fn operation(code: u32) -> Option<&'static str> {
        mode_name(u8::try_from(code).ok()?)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Packet::parse(input)?.emit(out);
        Ok(())
    }

    /// Without authenticators, behind which a header is a whole message as well; the tests have
    /// those, and the modes that only the port tells.
    fn samples() -> Vec<Sample> {
        let times = b"\xe9\x00\x00\x01\x10\x20\x30\x40\xe9\x00\x00\x02\x50\x60\x70\x80\
            \xe9\x00\x00\x03\x11\x21\x31\x41\xe9\x00\x00\x04\x51\x61\x71\x81";
        [
            // Server's answer, version 4.
            b"\x64\x03\x06\xe9\x00\x00\x0a\x3d\x00\x00\x2b\x11\x0a\x14\x1e\x01",
            // Client's request, version 3, as Windows sends it.
            b"\xdb\x00\x11\xe9\x00\x00\x00\x00\x00\x01\x03\xfe\x4c\x4f\x43\x4c",
            // Peer's request and answer, version 3.
            b"\x59\x04\x0a\xfa\x00\x00\x08\x11\x00\x00\x17\x42\x0a\x14\x1e\x02",
            b"\x5a\x04\x0a\xfa\x00\x00\x08\x11\x00\x00\x17\x42\x0a\x14\x1e\x02",
            // Broadcast, and a refusal.
            b"\x25\x02\x06\xec\x00\x00\x01\x11\x00\x00\x02\x22\x0a\x14\x1e\x03",
            b"\xe4\x00\x06\xec\x00\x00\x01\x11\x00\x00\x02\x22RATE",
        ]
        .map(|head| Sample::udp([head, &times[..]].concat()))
        .into()
    }
}

#[cfg(test)]
mod tests;
