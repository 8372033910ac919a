//! Frames in one buffer, headers and checksums written here.

use std::net::IpAddr;

use super::checksum::Sum;
use crate::proto::Side;
use crate::synth::Peer;

/// EtherTypes: IPv4, IPv6 (RFC 894, 2464), VLAN (IEEE 802.1Q).
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
/// Protocol numbers (RFC 9293, RFC 768).
const TCP: u8 = 6;
const UDP: u8 = 17;
/// Hop limit Windows begins with.
const HOP_LIMIT: u8 = 128;
/// Least length of an Ethernet frame without its checksum (IEEE 802.3).
const FRAME_MIN: usize = 60;

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
}

/// What a TCP header says besides ports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Segment {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number.
    pub acknowledgment: u32,
    /// Flags, RFC 9293 section 3.1.
    pub flags: u8,
    /// Window, not scaled.
    pub window: u16,
}

impl Frames {
    /// Appends a UDP datagram.
    pub fn udp(&mut self, time: i64, flow: &Flow, side: Side, ip_id: u16, payload: &[u8]) {
        let (from, from_port, to, to_port) = flow.ends(side);
        let length = 8 + payload.len();
        let start = self.bytes.len();
        self.ip(from, to, flow.vlan, UDP, ip_id, length);
        let header = self.bytes.len();
        let word = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let [[a, b], [c, d], [e, f]] = [from_port.to_be_bytes(), to_port.to_be_bytes(), word];
        self.bytes.extend_from_slice(&[a, b, c, d, e, f, 0, 0]);
        self.bytes.extend_from_slice(payload);
        let sum = self.transport_sum(from, to, UDP, header);
        // Zero means no checksum (RFC 768), so that a sum of zero is sent as its complement.
        self.put(header + 6, if sum == 0 { 0xffff } else { sum });
        self.finish(time, start);
    }

    /// Appends a TCP segment.
    pub fn tcp(
        &mut self,
        time: i64,
        flow: &Flow,
        side: Side,
        ip_id: u16,
        segment: &Segment,
        options: &[u8],
        payload: &[u8],
    ) {
        let (from, from_port, to, to_port) = flow.ends(side);
        let header_length = 20 + options.len();
        let start = self.bytes.len();
        self.ip(from, to, flow.vlan, TCP, ip_id, header_length + payload.len());
        let header = self.bytes.len();
        self.bytes.extend_from_slice(&from_port.to_be_bytes());
        self.bytes.extend_from_slice(&to_port.to_be_bytes());
        self.bytes.extend_from_slice(&segment.sequence.to_be_bytes());
        self.bytes.extend_from_slice(&segment.acknowledgment.to_be_bytes());
        let words = u8::try_from(header_length / 4).unwrap_or(15);
        self.bytes.extend_from_slice(&[words << 4, segment.flags]);
        self.bytes.extend_from_slice(&segment.window.to_be_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(options);
        self.bytes.extend_from_slice(payload);
        let sum = self.transport_sum(from, to, TCP, header);
        self.put(header + 16, sum);
        self.finish(time, start);
    }

    /// Ethernet, VLAN and IP headers of a packet with `length` bytes above IP.
    fn ip(
        &mut self,
        from: Peer,
        to: Peer,
        vlan: Option<u16>,
        protocol: u8,
        ip_id: u16,
        length: usize,
    ) {
        self.bytes.extend_from_slice(&to.mac);
        self.bytes.extend_from_slice(&from.mac);
        if let Some(tag) = vlan {
            self.bytes.extend_from_slice(&VLAN.to_be_bytes());
            self.bytes.extend_from_slice(&tag.to_be_bytes());
        }
        match (from.address, to.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                self.bytes.extend_from_slice(&IPV4.to_be_bytes());
                let start = self.bytes.len();
                let total = u16::try_from(20 + length).unwrap_or(u16::MAX);
                self.bytes.extend_from_slice(&[0x45, 0]);
                self.bytes.extend_from_slice(&total.to_be_bytes());
                self.bytes.extend_from_slice(&ip_id.to_be_bytes());
                // Don't fragment, as Windows asks for path MTU discovery.
                self.bytes.extend_from_slice(&[0x40, 0, HOP_LIMIT, protocol, 0, 0]);
                self.bytes.extend_from_slice(&from.octets());
                self.bytes.extend_from_slice(&to.octets());
                let header = self.bytes.get(start..).unwrap_or_default();
                let sum = Sum::default().bytes(header).finish();
                self.put(start + 10, sum);
            }
            (IpAddr::V6(from), IpAddr::V6(to)) => {
                self.bytes.extend_from_slice(&IPV6.to_be_bytes());
                let payload = u16::try_from(length).unwrap_or(u16::MAX);
                self.bytes.extend_from_slice(&[0x60, 0, 0, 0]);
                self.bytes.extend_from_slice(&payload.to_be_bytes());
                self.bytes.extend_from_slice(&[protocol, HOP_LIMIT]);
                self.bytes.extend_from_slice(&from.octets());
                self.bytes.extend_from_slice(&to.octets());
            }
            // A flow has two addresses of one family; the cast sees to that.
            _ => {}
        }
    }

    /// Checksum over pseudo header and everything from `header` on.
    fn transport_sum(&self, from: Peer, to: Peer, protocol: u8, header: usize) -> u16 {
        let bytes = self.bytes.get(header..).unwrap_or_default();
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let sum = Sum::default().word(protocol.into()).word(length);
        let sum = match (from.address, to.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => sum.bytes(&from.octets()).bytes(&to.octets()),
            (IpAddr::V6(from), IpAddr::V6(to)) => sum.bytes(&from.octets()).bytes(&to.octets()),
            _ => sum,
        };
        sum.bytes(bytes).finish()
    }

    fn put(&mut self, at: usize, value: u16) {
        if let Some(field) = self.bytes.get_mut(at..at + 2) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }

    fn finish(&mut self, time: i64, start: usize) {
        let length = self.bytes.len() - start;
        if length < FRAME_MIN {
            self.bytes.resize(start + FRAME_MIN, 0);
        }
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        let offset = u32::try_from(start).unwrap_or(u32::MAX);
        self.places.push(Place { time, offset, length });
    }
}
