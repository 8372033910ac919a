//! Frames in one buffer, headers and checksums written here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::tcp::Tcp;
use super::trouble::Fate;
use crate::proto::Side;
use crate::synth::Peer;

/// EtherTypes: IPv4, IPv6 (RFC 894, 2464), VLAN (IEEE 802.1Q).
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
/// Protocol numbers (RFC 9293, RFC 768), and that of the fragment header (RFC 8200 section 4.5).
const TCP: u8 = 6;
const UDP: u8 = 17;
const FRAGMENT: u8 = 44;
/// Don't fragment, more fragments (RFC 791 section 3.1), as the high half of the offset field.
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
/// Header lengths in bytes: IPv4, IPv6, its fragment header, UDP, TCP without options.
const IPV4_HEADER: usize = 20;
const IPV6_HEADER: usize = 40;
const FRAGMENT_HEADER: usize = 8;
const UDP_HEADER: usize = 8;
const TCP_HEADER: usize = 20;
/// Hop limit Windows begins with; of link-local groups (RFC 4795 section 2.5).
const HOP_LIMIT: u8 = 128;
const HOP_LIMIT_GROUP: u8 = 1;
/// Least length of an Ethernet frame without its checksum (IEEE 802.3).
const FRAME_MIN: usize = 60;
/// Least smallest IP packet that every link carries (RFC 8200 section 5): no MTU below.
const MTU_MIN: usize = 576;
/// Everybody (IEEE 802.3).
const BROADCAST: [u8; 6] = [0xff; 6];
/// Where a round trip takes longer, the other end is behind routers: in nanoseconds. Assumed.
const ROUTED_NS: i64 = 500_000;
/// Then it is behind at most so many. Assumed.
const HOPS_MAX: u64 = 6;
/// A bit on the adapter's line: 1 Gb/s, in nanoseconds per byte.
const LINE_NS_PER_BYTE: i64 = 8;
/// Preamble, frame checksum and gap between frames (IEEE 802.3), in bytes.
const LINE_OVERHEAD_BYTES: i64 = 24;

/// Two ends of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Who speaks first.
    pub client: Peer,
    /// Who is spoken to.
    pub server: Peer,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
    /// VLAN tag of its frames.
    pub vlan: Option<u16>,
    /// Which side the domain controller is: its packets are captured as it sends them.
    pub here: Side,
    /// Time to the other end and back, in nanoseconds.
    pub round_trip_ns: i64,
}

impl Flow {
    /// Sender, receiver and their ports, of what `side` sends.
    pub fn ends(&self, side: Side) -> (Peer, u16, Peer, u16) {
        match side {
            Side::Client => (self.client, self.client_port, self.server, self.server_port),
            Side::Server => (self.server, self.server_port, self.client, self.client_port),
        }
    }

    /// Whether it runs over IPv4.
    pub fn is_v4(&self) -> bool {
        self.client.address.is_ipv4()
    }

    /// Hop limit left at the capture point in what `side` sends.
    fn hop_limit(&self, side: Side) -> u8 {
        if side == self.here || self.round_trip_ns <= ROUTED_NS {
            return HOP_LIMIT;
        }
        // The way to a network does not change from packet to packet.
        let (from, ..) = self.ends(side);
        let network = match from.address {
            IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
            IpAddr::V6(v6) => v6
                .to_bits()
                .to_be_bytes()
                .iter()
                .take(8)
                .fold(0, |sum, byte| sum * 31 + u64::from(*byte)),
        };
        HOP_LIMIT - 1 - u8::try_from(network % HOPS_MAX).unwrap_or(0)
    }
}

impl Peer {
    /// Everybody who listens at a multicast or broadcast address. Anything but a multicast
    /// address is taken for a broadcast address, also that of a subnet.
    pub fn group(address: IpAddr) -> Self {
        Self { address, mac: group_mac(address).unwrap_or(BROADCAST) }
    }
}

/// The Ethernet address that belongs to a multicast address (RFC 1112 section 6.4, RFC 2464
/// section 7) or to the limited broadcast; `None` of any other.
fn group_mac(address: IpAddr) -> Option<[u8; 6]> {
    match address {
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some(BROADCAST),
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

/// Where a frame lies, and its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Offset of its first byte.
    pub offset: u32,
    /// Its length in bytes.
    pub length: u32,
}

/// Frames in the order they were made, which is not that of their times.
#[derive(Debug, Default)]
pub struct Frames {
    /// Their bytes.
    pub bytes: Vec<u8>,
    /// Their places.
    pub places: Vec<Place>,
    /// What comes before it is left out: nanoseconds since 1970.
    pub from: i64,
    /// Connections on which an acknowledgment is held back.
    pub(super) owing: Vec<Tcp>,
    /// Spare: what happens to the segments of a flight.
    pub(super) fates: Vec<Fate>,
}

/// What a TCP header says besides ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment<'a> {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Flags, RFC 9293 section 3.1.
    pub flags: u8,
    /// Window, as it is written.
    pub window: u16,
    /// Identification of the IP packet.
    pub ip_id: u16,
    /// Options, a multiple of four bytes, at most 40.
    pub options: &'a [u8],
}

/// What an IP header says besides addresses.
#[derive(Debug, Clone, Copy)]
struct Packet {
    protocol: u8,
    id: u16,
    /// Flags and offset of a fragment (RFC 791 section 3.1).
    fragment: u16,
    /// Bytes above the header.
    length: usize,
}

impl Frames {
    /// Takes note of a connection on which an acknowledgment is held back.
    pub fn owe(&mut self, tcp: &Tcp) {
        self.owing.push(*tcp);
    }

    /// Forgets such a connection, because it goes on; whether it was noted.
    pub fn recall(&mut self, tcp: &Tcp) -> bool {
        let same =
            |other: &Tcp| other.flow.client_port == tcp.flow.client_port && other.flow == tcp.flow;
        let found = self.owing.iter().position(same);
        found.map(|at| self.owing.swap_remove(at)).is_some()
    }

    /// Writes the acknowledgments that are held back on connections that do not go on soon.
    pub fn settle(&mut self) {
        let mut owing = std::mem::take(&mut self.owing);
        for mut tcp in owing.drain(..) {
            tcp.acknowledge_owed(self);
        }
        self.owing = owing;
    }

    /// Appends a UDP datagram, in fragments where it is longer than the MTU.
    pub fn udp(
        &mut self,
        time: i64,
        flow: &Flow,
        side: Side,
        ip_id: u16,
        mtu_bytes: u16,
        payload: &[u8],
    ) {
        if time < self.from {
            return;
        }
        let (from, from_port, to, to_port) = flow.ends(side);
        let length = UDP_HEADER + payload.len();
        // Longer than this no datagram can be; nothing emits one.
        debug_assert!(length <= usize::from(u16::MAX));
        let word = u16::try_from(length).unwrap_or(u16::MAX);
        let ([a, b], [c, d], [e, f]) =
            (from_port.to_be_bytes(), to_port.to_be_bytes(), word.to_be_bytes());
        let header = [a, b, c, d, e, f, 0, 0];
        let sum = pseudo_sum(&from, &to, UDP, length).bytes(&header).bytes(payload).finish();
        // Zero means no checksum (RFC 768), so that a sum of zero is sent as its complement.
        let [g, h] = if sum == 0 { [0xff; 2] } else { sum.to_be_bytes() };
        let header = [a, b, c, d, e, f, g, h];
        let ip_header = if flow.is_v4() { IPV4_HEADER } else { IPV6_HEADER };
        if ip_header + length > usize::from(mtu_bytes) {
            return self.fragments(time, flow, side, ip_id, mtu_bytes, &header, payload);
        }
        // Windows does not ask for path MTU discovery of datagrams.
        let start = self.ip(flow, side, Packet { protocol: UDP, id: ip_id, fragment: 0, length });
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(payload);
        self.finish(time, start);
    }

    /// Appends the fragments of a datagram, one after the other as the line takes them.
    #[expect(clippy::too_many_arguments, reason = "a datagram and how it is cut")]
    fn fragments(
        &mut self,
        mut time: i64,
        flow: &Flow,
        side: Side,
        ip_id: u16,
        mtu_bytes: u16,
        header: &[u8],
        payload: &[u8],
    ) {
        let headers = if flow.is_v4() { IPV4_HEADER } else { IPV6_HEADER + FRAGMENT_HEADER };
        // Offsets count in units of eight bytes.
        let room = (usize::from(mtu_bytes).max(MTU_MIN) - headers) & !7;
        let (mut header, mut rest, mut offset) = (header, payload, 0u16);
        while !rest.is_empty() {
            let (part, later) = rest.split_at_checked(room - header.len()).unwrap_or((rest, &[]));
            let length = header.len() + part.len();
            let is_last = later.is_empty();
            let start = if flow.is_v4() {
                let more = if is_last { 0 } else { MORE_FRAGMENTS };
                let fragment = more | offset >> 3;
                self.ip(flow, side, Packet { protocol: UDP, id: ip_id, fragment, length })
            } else {
                let length = FRAGMENT_HEADER + length;
                let packet = Packet { protocol: FRAGMENT, id: 0, fragment: 0, length };
                let start = self.ip(flow, side, packet);
                // The offset stands where it counts in eights (RFC 8200 section 4.5).
                let [a, b] = (offset | u16::from(!is_last)).to_be_bytes();
                let [c, d] = ip_id.to_be_bytes();
                self.bytes.extend_from_slice(&[UDP, 0, a, b, 0, 0, c, d]);
                start
            };
            self.bytes.extend_from_slice(header);
            self.bytes.extend_from_slice(part);
            self.finish(time, start);
            time += line_ns(self.bytes.len() - start);
            offset += u16::try_from(length).unwrap_or(0);
            (header, rest) = (&[], later);
        }
    }

    /// Appends a TCP segment. IP and the line carry what they are given: 65,535 bytes at most.
    #[inline]
    pub fn tcp(
        &mut self,
        time: i64,
        flow: &Flow,
        side: Side,
        segment: &Segment<'_>,
        payload: &[u8],
    ) {
        if time < self.from {
            return;
        }
        let (from, from_port, to, to_port) = flow.ends(side);
        let Segment { sequence, acknowledgment, flags, window, ip_id, options } = *segment;
        let header_length = TCP_HEADER + options.len();
        let length = header_length + payload.len();
        let ([a, b], [c, d]) = (from_port.to_be_bytes(), to_port.to_be_bytes());
        let ([e, f, g, h], [i, j, k, l]) = (sequence.to_be_bytes(), acknowledgment.to_be_bytes());
        let offset = u8::try_from(header_length / 4).unwrap_or(15) << 4;
        let [m, n] = window.to_be_bytes();
        let mut header = [a, b, c, d, e, f, g, h, i, j, k, l, offset, flags, m, n, 0, 0, 0, 0];
        let sum = pseudo_sum(&from, &to, TCP, length).bytes(&header).bytes(options).bytes(payload);
        [header[16], header[17]] = sum.finish().to_be_bytes();
        let packet = Packet { protocol: TCP, id: ip_id, fragment: DONT_FRAGMENT, length };
        let start = self.ip(flow, side, packet);
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(options);
        self.bytes.extend_from_slice(payload);
        self.finish(time, start);
    }

    /// Appends Ethernet, VLAN and IP headers; where they begin.
    #[inline]
    fn ip(&mut self, flow: &Flow, side: Side, packet: Packet) -> usize {
        let (from, from_port, to, to_port) = flow.ends(side);
        let Packet { protocol, id, fragment, length } = packet;
        let start = self.bytes.len();
        // One growth for all of the frame.
        self.bytes.reserve(FRAME_MIN + IPV6_HEADER + length);
        let group = group_mac(to.address);
        let link = |kind| link(group.unwrap_or(to.mac), from.mac, flow.vlan, kind);
        let hops = if group.is_some() && group != Some(BROADCAST) {
            HOP_LIMIT_GROUP
        } else {
            flow.hop_limit(side)
        };
        match (from.address, to.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                let (bytes, used) = link(IPV4);
                self.bytes.extend_from_slice(bytes.get(used..).unwrap_or_default());
                let total = u16::try_from(IPV4_HEADER + length).unwrap_or(u16::MAX);
                let header = ipv4([from, to], total, id, fragment, [hops, protocol]);
                self.bytes.extend_from_slice(&header);
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                let (bytes, used) = link(IPV6);
                self.bytes.extend_from_slice(bytes.get(used..).unwrap_or_default());
                let length = u16::try_from(length).unwrap_or(u16::MAX);
                let label = flow_label(from, [from_port, to_port]);
                let header = ipv6([from, to], label, length, [protocol, hops]);
                self.bytes.extend_from_slice(&header);
            }
            // A flow has two addresses of one family; the cast sees to that.
            _ => {}
        }
        start
    }

    #[inline]
    pub(super) fn finish(&mut self, time: i64, start: usize) {
        let length = self.bytes.len() - start;
        if length < FRAME_MIN {
            self.bytes.resize(start + FRAME_MIN, 0);
        }
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        let offset = u32::try_from(start).unwrap_or(u32::MAX);
        self.places.push(Place { time, offset, length });
    }
}

/// How long a frame occupies the line, in nanoseconds.
pub fn line_ns(frame_bytes: usize) -> i64 {
    let bytes = i64::try_from(frame_bytes.max(FRAME_MIN)).unwrap_or(0);
    (bytes + LINE_OVERHEAD_BYTES) * LINE_NS_PER_BYTE
}

/// An Ethernet header, with room for a VLAN tag in front; and how much of that is not used.
#[inline]
pub(super) fn link(
    to: [u8; 6],
    from: [u8; 6],
    vlan: Option<u16>,
    [y, z]: [u8; 2],
) -> ([u8; 18], usize) {
    let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (to, from);
    let Some(tag) = vlan else {
        return ([0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l, y, z], 4);
    };
    let ([v, w], [m, n]) = (VLAN, tag.to_be_bytes());
    ([a, b, c, d, e, f, g, h, i, j, k, l, v, w, m, n, y, z], 0)
}

/// An IPv4 header, RFC 791 section 3.1.
#[inline]
fn ipv4(
    [from, to]: [Ipv4Addr; 2],
    total: u16,
    id: u16,
    fragment: u16,
    [hops, protocol]: [u8; 2],
) -> [u8; IPV4_HEADER] {
    let ([a, b], [c, d], [e, f]) = (total.to_be_bytes(), id.to_be_bytes(), fragment.to_be_bytes());
    let ([i, j, k, l], [m, n, o, p]) = (from.octets(), to.octets());
    let mut header = [0x45, 0, a, b, c, d, e, f, hops, protocol, 0, 0, i, j, k, l, m, n, o, p];
    [header[10], header[11]] = Sum::default().bytes(&header).finish().to_be_bytes();
    header
}

/// An IPv6 header, RFC 8200 section 3.
#[inline]
pub(super) fn ipv6(
    [from, to]: [Ipv6Addr; 2],
    label: u32,
    length: u16,
    [next, hops]: [u8; 2],
) -> [u8; IPV6_HEADER] {
    let mut header = [0; IPV6_HEADER];
    let [a, b, c, d] = (0x6000_0000 | label).to_be_bytes();
    let [e, f] = length.to_be_bytes();
    header[..8].copy_from_slice(&[a, b, c, d, e, f, next, hops]);
    header[8..24].copy_from_slice(&from.octets());
    header[24..].copy_from_slice(&to.octets());
    header
}

/// Flow label (RFC 6437): 20 bits that look random, the same for all that one end of a flow
/// sends. Windows has set one since Windows 10.
#[expect(clippy::cast_possible_truncation, reason = "both halves are taken")]
fn flow_label(from: Ipv6Addr, [from_port, to_port]: [u16; 2]) -> u32 {
    let ports = u64::from(from_port) << 16 | u64::from(to_port);
    let address = from.to_bits();
    let mixed =
        (ports ^ (address as u64) ^ ((address >> 64) as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    u32::try_from(mixed >> 44).unwrap_or(0)
}

/// Sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
#[inline]
fn pseudo_sum(from: &Peer, to: &Peer, protocol: u8, length: usize) -> Sum {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let sum = Sum::default().word(protocol.into()).word(length);
    match (from.address, to.address) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum.word(from.to_bits()).word(to.to_bits()),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum.bytes(&from.octets()).bytes(&to.octets()),
        _ => sum,
    }
}
