//! What the decoder finds in one frame.

use super::{Address, SHARDS};
use crate::base::Timestamp;

/// Transport protocol of a packet, by what the flow table does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Transport {
    /// None that has ports: ICMP, ARP, routing, unreadable.
    #[default]
    None = 0,
    /// TCP (RFC 9293).
    Tcp = 6,
    /// UDP (RFC 768).
    Udp = 17,
}

/// One bit of [`Packet::flags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Flag {
    /// An IP header was read.
    Ip = 1,
    /// A fragment; ports are not known (yet), see [`Packet::fragment_offset`].
    Fragment = 1 << 1,
    /// A header that should be there is cut off or contradicts itself.
    Undecodable = 1 << 2,
    /// The frame is shorter in the file than on the wire.
    Cut = 1 << 3,
    /// The IP packet is larger than the link's MTU.
    Oversize = 1 << 4,
    /// Carried in a tunnel (GRE, ERSPAN, VXLAN, IP in IP); the fields are those inside.
    Tunnelled = 1 << 5,
    /// At least one VLAN tag.
    Vlan = 1 << 6,
    /// The payload was put together from fragments and lies in the side buffer.
    Reassembled = 1 << 7,
    /// Sender's end of the ordered endpoint pair is the second one.
    FromSecond = 1 << 8,
    /// More fragments follow (only with `Fragment`).
    MoreFragments = 1 << 9,
    /// Sent to an Ethernet group address (broadcast or multicast).
    Group = 1 << 10,
    /// IPv6.
    V6 = 1 << 11,
    /// Only ports could be read: too little of the transport header for a flow.
    PortsOnly = 1 << 12,
}

/// One decoded frame: what the flow table and the timeline need, in 80 bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Packet {
    /// Source address; zero where there is no IP.
    pub source: Address,
    /// Destination address.
    pub destination: Address,
    /// Symmetric hash of both endpoints and the transport; 0 without ports.
    pub hash: u64,
    /// When it was captured.
    pub time: Timestamp,
    /// TCP sequence number. For a fragment: its offset in bytes.
    pub sequence: u32,
    /// TCP acknowledgment number; means nothing without the ACK flag.
    pub acknowledgment: u32,
    /// Where the transport payload starts: offset in the batch, or in the side buffer if
    /// [`Flag::Reassembled`]. For a fragment: where its data starts.
    pub payload_offset: u32,
    /// Captured bytes of that payload.
    pub payload_length: u32,
    /// Bytes of the whole frame on the wire.
    pub original_length: u32,
    /// Source port. For a fragment: upper half of the identification.
    pub source_port: u16,
    /// Destination port. For a fragment: lower half of the identification.
    pub destination_port: u16,
    /// See [`Flag`].
    pub flags: u16,
    /// Packets this frame stands for on the wire: more than 1 only with [`Flag::Oversize`].
    pub wire_packets: u16,
    /// Bytes of the payload behind the captured ones that the snap length cut off. More than
    /// 65,535 do not occur but in super-frames of IPv6, and are cut to that.
    pub missing: u16,
    /// TCP flags, RFC 9293 section 3.1. For a fragment: the IP protocol number.
    pub tcp_flags: u8,
    /// Transport.
    pub transport: Transport,
}

/// Arbitrary odd constants with well-spread bits (digits of the golden ratio and of pi).
const MIX: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0x2437_54a8_885a_308d, 0x1319_8a2e_0370_7345];

impl Packet {
    /// Is `flag` set?
    #[inline]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags & flag as u16 != 0
    }

    /// Sets `flag`.
    #[inline]
    pub fn set(&mut self, flag: Flag) {
        self.flags |= flag as u16;
    }

    /// Identification of the datagram that a fragment belongs to.
    pub fn fragment_id(&self) -> u32 {
        u32::from(self.source_port) << 16 | u32::from(self.destination_port)
    }

    /// Offset of a fragment's data in its datagram, in bytes.
    pub fn fragment_offset(&self) -> u32 {
        self.sequence
    }

    /// Orders the endpoints and hashes them; both directions of a flow get the same hash.
    #[inline]
    pub fn seal(&mut self) {
        let source = (self.source, self.source_port);
        let destination = (self.destination, self.destination_port);
        let ((a, port_a), (b, port_b)) = if source <= destination {
            (source, destination)
        } else {
            self.set(Flag::FromSecond);
            (destination, source)
        };
        let ports = u64::from(port_a) << 32 | u64::from(port_b) << 8 | self.transport as u64;
        let mut hash = fold(a.low ^ MIX[0], b.low.rotate_left(32) ^ ports ^ MIX[1]);
        if a.high | b.high != 0 {
            hash = fold(a.high ^ hash, b.high ^ MIX[2]);
        }
        self.hash = fold(hash, MIX[2]);
    }

    /// The shard that owns this packet's flow: by both addresses and nothing else, so that all
    /// flows between two hosts meet, whatever their ports. One of them may say what another is
    /// about, as the endpoint mapper does.
    #[inline]
    pub fn shard(&self) -> usize {
        let low = self.source.low.wrapping_add(self.destination.low);
        let high = self.source.high.wrapping_add(self.destination.high);
        (fold(low ^ MIX[0], high ^ MIX[1]) >> 61) as usize % SHARDS
    }
}

/// Multiplies to 128 bits and folds the halves: every input bit reaches every output bit.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(source: &str, source_port: u16, destination: &str, destination_port: u16) -> Packet {
        let ip = |text: &str| Address::from(text.parse::<std::net::IpAddr>().unwrap());
        let mut packet = Packet {
            source: ip(source),
            destination: ip(destination),
            source_port,
            destination_port,
            transport: Transport::Tcp,
            ..Packet::default()
        };
        packet.seal();
        packet
    }

    #[test]
    fn both_directions_share_a_hash_and_differ_in_direction() {
        let there = packet("10.0.0.9", 49_152, "10.0.0.1", 445);
        let back = packet("10.0.0.1", 445, "10.0.0.9", 49_152);
        assert_eq!(there.hash, back.hash);
        assert_ne!(there.has(Flag::FromSecond), back.has(Flag::FromSecond));
    }

    #[test]
    fn shards_are_filled_evenly() {
        let mut counts = [0u32; SHARDS];
        for client in 0..4_000u32 {
            let source = format!("10.1.{}.{}", client / 250, client % 250);
            counts[packet(&source, 49_152, "10.0.0.1", 88).shard()] += 1;
        }
        assert!(counts.iter().all(|&count| (400..600).contains(&count)), "{counts:?}");
    }

    #[test]
    fn a_packet_stays_small() {
        assert!(size_of::<Packet>() <= 80, "{}", size_of::<Packet>());
    }
}
