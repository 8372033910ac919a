//! One frame to one [`Packet`]: a straight path for Ethernet, IPv4, TCP or UDP, and a loop over
//! layers (`link.rs`, `network.rs`) for everything else.
//!
//! Headers are read through etherparse's slices, which check lengths once. Nothing here
//! trusts a length: what the headers claim is cut to what was captured.

use std::ops::Range;

use etherparse::{Ethernet2HeaderSlice, Ipv4HeaderSlice, TcpHeaderSlice};

use super::{Address, Flag, Packet, Transport};
use super::{link, network};
use crate::base::{Frame, LinkType};

/// Layers looked at in one frame; real mirror traffic has about six.
const LAYERS_MAX: usize = 16;

/// Ethernet header: two addresses and the type, IEEE 802.3 clause 3.2.
const ETHERNET_LENGTH: usize = 14;

/// UDP header, RFC 768.
const UDP_LENGTH: usize = 8;

/// Settings of the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoder {
    /// Largest IP packet the link carries, in bytes. Larger ones are offload super-frames.
    pub mtu_bytes: u32,
}

impl Default for Decoder {
    /// 1500 bytes, RFC 894.
    fn default() -> Self {
        Self { mtu_bytes: 1500 }
    }
}

/// What the next layer of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Ethernet II or IEEE 802.3.
    Ethernet,
    /// Whatever this EtherType says.
    EtherType(u16),
    /// IPv4 or IPv6, told by the version nibble.
    Ip,
    /// PPP, starting at its protocol field.
    Ppp,
    /// The payload of this IP protocol number.
    Transport(u8),
    /// Nothing more to read; `true` where something is missing or wrong.
    End(bool),
}

/// A frame while its layers are peeled off.
#[derive(Debug)]
pub(super) struct Peel<'a> {
    /// Captured bytes of the frame.
    pub bytes: &'a [u8],
    /// Offset of the layer about to be read.
    pub at: usize,
    /// Where the current packet ends: the captured end, or earlier if a header says so.
    pub end: usize,
    /// Bytes of the outermost IP packet on the wire, 0 until one was seen.
    pub network_length: u32,
    /// Source of the Ethernet header that no IP header has followed yet.
    pub mac: Option<[u8; 6]>,
    /// Ethernet address that the innermost IP packet was sent from.
    pub sender: Option<[u8; 6]>,
    /// What was found so far.
    pub packet: Packet,
}

impl<'a> Peel<'a> {
    fn new(bytes: &'a [u8], packet: Packet) -> Self {
        let end = bytes.len();
        Self { bytes, at: 0, end, network_length: 0, mac: None, sender: None, packet }
    }

    /// Reads layers until the last; sets [`Flag::Undecodable`] where one is missing or wrong.
    fn run(&mut self, first: Layer) {
        let mut layer = first;
        for _ in 0..LAYERS_MAX {
            layer = match layer {
                Layer::Ethernet => link::ethernet(self),
                Layer::EtherType(ether_type) => link::ether_type(self, ether_type),
                Layer::Ppp => link::ppp(self),
                Layer::Ip => network::ip(self),
                Layer::Transport(number) => network::transport(self, number),
                Layer::End(_) => break,
            };
        }
        if layer != Layer::End(false) {
            self.packet.set(Flag::Undecodable);
        }
    }

    /// What is left of the current packet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end.min(self.bytes.len())).unwrap_or_default()
    }

    /// The next two bytes as a big-endian number, `skip` bytes ahead.
    pub fn be16(&self, skip: usize) -> Option<u16> {
        self.rest().get(skip..)?.first_chunk::<2>().map(|pair| u16::from_be_bytes(*pair))
    }
}

/// Decodes `frame`, whose bytes start at `base` in their batch, into `packet`.
///
/// Into a place, not as a value: what is stored field by field and then moved as a whole makes
/// the processor wait for its own stores, which cost more than all the decoding (measured: 25
/// of 40 ns).
#[inline]
pub fn decode(decoder: &Decoder, frame: &Frame<'_>, base: u32, packet: &mut Packet) {
    let ethernet = frame.link == LinkType(link::ETHERNET);
    if !ethernet || straight(decoder, frame, base, packet).is_none() {
        peel(decoder, frame, base, packet);
    }
}

/// The common case without a loop: Ethernet II, IPv4 without fragments, TCP or UDP whose
/// header was captured whole. Anything else gives `None` and is read by [`peel`].
#[inline]
fn straight(decoder: &Decoder, frame: &Frame<'_>, base: u32, packet: &mut Packet) -> Option<()> {
    let ethernet = Ethernet2HeaderSlice::from_slice(frame.bytes).ok()?;
    if ethernet.ether_type().0 != link::ETHERTYPE_IPV4 {
        return None;
    }
    let ip = Ipv4HeaderSlice::from_slice(frame.bytes.get(ETHERNET_LENGTH..)?).ok()?;
    let header_length = ip.slice().len();
    let total_length = usize::from(ip.total_len());
    if ip.is_fragmenting_payload() || total_length < header_length {
        return None; // fragments, offload with length 0, damage
    }
    let start = ETHERNET_LENGTH + header_length;
    let end = frame.bytes.len().min(ETHERNET_LENGTH + total_length);
    let segment = frame.bytes.get(start..end)?;
    *packet = header(frame);
    packet.source = Address::v4(ip.source());
    packet.destination = Address::v4(ip.destination());
    packet.set(Flag::Ip);
    let payload = match ip.protocol().0 {
        network::IP_TCP => tcp(packet, segment)?,
        network::IP_UDP => udp(packet, segment)?,
        _ => return None,
    };
    if ethernet.destination()[0] & 1 != 0 {
        packet.set(Flag::Group);
    }
    place(packet, base, start + payload, end);
    packet.missing = missing(ETHERNET_LENGTH + total_length, end);
    finish(decoder, frame, packet, ip.total_len().into());
    Some(())
}

/// Reads a whole TCP header; the payload's offset in `segment`, or `None` where it is cut.
#[inline]
fn tcp(packet: &mut Packet, segment: &[u8]) -> Option<usize> {
    let tcp = TcpHeaderSlice::from_slice(segment).ok()?;
    packet.transport = Transport::Tcp;
    packet.source_port = tcp.source_port();
    packet.destination_port = tcp.destination_port();
    packet.sequence = tcp.sequence_number();
    packet.acknowledgment = tcp.acknowledgment_number();
    packet.tcp_flags = *tcp.slice().get(TCP_FLAGS_AT)?;
    Some(tcp.slice().len())
}

/// Offset of the flags byte in a TCP header, RFC 9293 section 3.1.
const TCP_FLAGS_AT: usize = 13;

/// Reads a whole UDP header; the payload's offset in `segment`, or `None` where it is cut or
/// where the datagram may be a tunnel.
#[inline]
fn udp(packet: &mut Packet, segment: &[u8]) -> Option<usize> {
    let &[s0, s1, d0, d1, _, _, _, _] = segment.first_chunk::<UDP_LENGTH>()?;
    packet.transport = Transport::Udp;
    packet.source_port = u16::from_be_bytes([s0, s1]);
    packet.destination_port = u16::from_be_bytes([d0, d1]);
    (!network::is_vxlan(packet.destination_port)).then_some(UDP_LENGTH)
}

/// Fields that every packet takes from its frame.
#[inline]
fn header(frame: &Frame<'_>) -> Packet {
    Packet {
        time: frame.time,
        original_length: frame.original_length,
        wire_packets: 1,
        ..Packet::default()
    }
}

/// Notes where the payload lies in the batch.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a frame's length fits in u32")]
fn place(packet: &mut Packet, base: u32, start: usize, end: usize) {
    packet.payload_offset = base.saturating_add(start as u32);
    packet.payload_length = end.saturating_sub(start) as u32;
}

/// Bytes between where the captured ones end and where they should.
#[inline]
fn missing(claimed_end: usize, end: usize) -> u16 {
    u16::try_from(claimed_end.saturating_sub(end)).unwrap_or(u16::MAX)
}

/// Sets what needs the whole frame: cut, oversize, hash.
#[inline]
fn finish(decoder: &Decoder, frame: &Frame<'_>, packet: &mut Packet, network_length: u32) {
    if frame.bytes.len() < frame.original_length as usize {
        packet.set(Flag::Cut);
    }
    if network_length > decoder.mtu_bytes {
        oversize(decoder, packet, network_length);
    }
    if packet.transport != Transport::None {
        packet.seal();
    }
}

/// Estimates how many packets of MTU size a super-frame stands for: its data over the data
/// that one packet carries (RFC 9293 section 3.7.1; headers without options).
#[cold]
fn oversize(decoder: &Decoder, packet: &mut Packet, network_length: u32) {
    packet.set(Flag::Oversize);
    let ip_header = if packet.has(Flag::V6) { 40 } else { 20 };
    let headers = ip_header + if packet.transport == Transport::Tcp { 20 } else { 8 };
    let data = network_length.saturating_sub(headers);
    let each = decoder.mtu_bytes.saturating_sub(headers).max(1);
    packet.wire_packets = u16::try_from(data.div_ceil(each)).unwrap_or(u16::MAX).max(1);
}

/// Reads any frame, layer by layer.
fn peel(decoder: &Decoder, frame: &Frame<'_>, base: u32, packet: &mut Packet) {
    let mut state = Peel::new(frame.bytes, header(frame));
    let first = link::first(&mut state, frame.link);
    state.run(first);
    *packet = state.packet;
    place(packet, base, state.at.min(state.end), state.end);
    if state.end == frame.bytes.len() {
        packet.missing = missing(frame.original_length as usize, state.end);
    }
    // Offload leaves the length field at 0 where the packet exceeds 65535 bytes.
    finish(decoder, frame, packet, state.network_length);
}

/// The Ethernet address that the frame's IP packet was sent from; inside a tunnel that of the
/// inner Ethernet header, none where the tunnel carries IP itself.
pub fn sender_mac(frame: &Frame<'_>) -> Option<[u8; 6]> {
    let mut state = Peel::new(frame.bytes, header(frame));
    let first = link::first(&mut state, frame.link);
    state.run(first);
    state.sender
}

/// Reads `data`, the payload of a datagram whose fragment `packet` is, from its first byte,
/// tunnels included; where the transport's payload lies in it. `None` without ports.
pub(super) fn reassembled(packet: &mut Packet, data: &[u8]) -> Option<Range<usize>> {
    let protocol = packet.tcp_flags;
    (packet.tcp_flags, packet.sequence) = (0, 0);
    packet.missing = 0;
    (packet.source_port, packet.destination_port) = (0, 0);
    let mut state = Peel::new(data, *packet);
    state.run(Layer::Transport(protocol));
    *packet = state.packet;
    let found = packet.transport != Transport::None;
    found.then(|| state.at.min(state.end)..state.end)
}

/// Ports and lengths from a possibly cut transport header. Returns the payload's offset in `segment`.
pub(super) fn ports(packet: &mut Packet, transport: Transport, segment: &[u8]) -> Option<usize> {
    let &[s0, s1, d0, d1] = segment.first_chunk::<4>()?;
    packet.transport = transport;
    packet.source_port = u16::from_be_bytes([s0, s1]);
    packet.destination_port = u16::from_be_bytes([d0, d1]);
    let whole_enough = if transport == Transport::Tcp { TCP_FLAGS_AT } else { UDP_LENGTH };
    if segment.len() < whole_enough {
        packet.set(Flag::PortsOnly);
    }
    match transport {
        Transport::Tcp => tcp(packet, segment),
        Transport::Udp => (segment.len() >= UDP_LENGTH).then_some(UDP_LENGTH),
        Transport::None => None,
    }
}
