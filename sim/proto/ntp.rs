//! Network Time Protocol, RFC 5905 section 7.3, and the authenticators of \[MS-SNTP\] section 2.2.

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
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

/// Modes of client, server and peers, RFC 5905 figure 10; 6 and 7 have another format.
const MODE_SYMMETRIC_ACTIVE: u8 = 1;
const MODE_BROADCAST: u8 = 5;
const MODE_CONTROL: u8 = 6;
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

/// One packet of modes 1 to 5; extension fields and authenticator are opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The header.
    pub header: Header,
    /// Extension fields and authenticator.
    pub trailer: &'a [u8],
}

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

impl<'a> Packet<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// A version or mode without this format, or a trailer that is not in whole words.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let at = Reader::new("ntp::Header", bytes);
        let mut r = at.clone();
        let header = Header::parse(&mut r)?;
        if !VERSIONS.contains(&header.version()) {
            let got = u64::from(header.version());
            return Err(at.error(Cause::BadValue { field: "version", got }));
        }
        if !(MODE_SYMMETRIC_ACTIVE..=MODE_BROADCAST).contains(&header.mode()) {
            return Err(at.error(Cause::BadValue { field: "mode", got: u64::from(header.mode()) }));
        }
        let trailer = r.remainder();
        match trailer.len() % WORD {
            0 => Ok(Self { header, trailer }),
            count => Err(r.error(Cause::TrailingBytes { count })),
        }
    }

    /// Appends the packet.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.header.emit(w);
        w.bytes(self.trailer);
    }
}

impl Protocol for Ntp {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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
        Step::datagram(input, Packet::parse(input).map(|_| ()))
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
        out.message(context, &super::Message::Ntp(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Packet::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        let times = b"\xe9\x00\x00\x01\x10\x20\x30\x40\xe9\x00\x00\x02\x50\x60\x70\x80\
            \xe9\x00\x00\x03\x11\x21\x31\x41\xe9\x00\x00\x04\x51\x61\x71\x81";
        // Server's answer, version 4.
        let mut answer =
            b"\x64\x03\x06\xe9\x00\x00\x0a\x3d\x00\x00\x2b\x11\x0a\x14\x1e\x01".to_vec();
        answer.extend(times);
        // Client's request, version 3, as Windows sends it.
        let mut request =
            b"\xdb\x00\x11\xe9\x00\x00\x00\x00\x00\x01\x03\xfe\x4c\x4f\x43\x4c".to_vec();
        request.extend(times);
        vec![Sample::udp(answer), Sample::udp(request)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_version_mode_and_signed_exponents() {
        let bytes = Ntp::samples().remove(0).bytes;
        let header = Packet::parse(&bytes).unwrap().header;
        assert_eq!((header.version(), header.mode()), (4, 4));
        assert_eq!((header.stratum, header.poll, header.precision), (3, 6, -23));
        assert_eq!(header.transmit_time, 0xe900_0004_5161_7181);
    }

    #[test]
    fn a_clock_that_cannot_be_is_not_certain() {
        // Poll interval, precision, root delay, root dispersion.
        for (at, value) in [(2, 18), (3, 1), (4, 1), (8, 1)] {
            let mut bytes = Ntp::samples().remove(0).bytes;
            bytes[at] = value;
            assert_eq!(Ntp::probe(&bytes, Transport::Udp), Probe::Possible, "byte {at}");
        }
    }

    #[test]
    fn the_authenticator_of_a_domain_controller_is_opaque() {
        // Key identifier and checksum, [MS-SNTP] 2.2.2.
        let mut bytes = Ntp::samples().remove(0).bytes;
        bytes.extend([0xab; 20]);
        assert_eq!(Ntp::probe(&bytes, Transport::Udp), Probe::Certain);
        assert_eq!(Packet::parse(&bytes).map(|packet| packet.trailer), Ok(&[0xab; 20][..]));
        bytes.push(0);
        assert_eq!(Ntp::probe(&bytes, Transport::Udp), Probe::No);
        let error = Packet::parse(&bytes).unwrap_err();
        assert_eq!(error.cause, Cause::TrailingBytes { count: 1 });
    }
}
