//! Neighbours' Ethernet addresses: ARP (RFC 826) and neighbour discovery (RFC 4861).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::Sum;
use super::frames::{Flow, Frames, ipv6, link};
use crate::proto::Side;

/// EtherTypes: ARP (RFC 826), IPv6 (RFC 2464).
const ARP: [u8; 2] = [0x08, 0x06];
const IPV6: [u8; 2] = [0x86, 0xdd];
/// Beginning of an ARP packet: Ethernet, IPv4, lengths of their addresses.
const ARP_HEAD: [u8; 6] = [0, 1, 8, 0, 6, 4];
/// Operations, RFC 826.
const ARP_REQUEST: [u8; 2] = [0, 1];
const ARP_REPLY: [u8; 2] = [0, 2];
/// Protocol number of ICMPv6, its types, and the hop limit that shows that no router has been
/// passed: RFC 4861 sections 4.3, 4.4 and 7.1.
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const HOPS: u8 = 255;
/// Flags of an advertisement: solicited, override (RFC 4861 section 4.4).
const SOLICITED: u8 = 0x60;
/// Options with the address of the sender, or of who was looked for; eight bytes long (RFC 4861
/// section 4.6.1).
const SOURCE: [u8; 2] = [1, 1];
const TARGET: [u8; 2] = [2, 1];
/// Length of either message with its option, in bytes.
const MESSAGE: u16 = 32;
/// Everybody (IEEE 802.3).
const EVERYBODY: [u8; 6] = [0xff; 6];

/// What one neighbour says to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Who has your address? Of everybody, by one who does not know.
    Looks,
    /// The same of the one who had it: whether he is still there.
    Probes,
    /// I have.
    Answers,
}

impl Frames {
    /// Appends what `side` says: by ARP between addresses of IPv4, or else by neighbour
    /// discovery.
    pub fn neighbour(&mut self, time: i64, flow: &Flow, side: Side, says: Neighbour) {
        if time < self.from {
            return;
        }
        let (from, _, to, _) = flow.ends(side);
        let start = self.bytes.len();
        match (from.address, to.address) {
            (IpAddr::V4(sender), IpAddr::V4(target)) => {
                let known = if says == Neighbour::Answers { to.mac } else { [0; 6] };
                let to_mac = if says == Neighbour::Looks { EVERYBODY } else { to.mac };
                let (bytes, used) = link(to_mac, from.mac, flow.vlan, ARP);
                self.bytes.extend_from_slice(bytes.get(used..).unwrap_or_default());
                let is_answer = says == Neighbour::Answers;
                self.arp(is_answer, (from.mac, sender), (known, target));
            }
            (IpAddr::V6(sender), IpAddr::V6(target)) => {
                let group = solicited(target);
                let [.., a, b, c, d] = group.octets();
                let (to_mac, address) = match says {
                    Neighbour::Looks => ([0x33, 0x33, a, b, c, d], group),
                    Neighbour::Probes | Neighbour::Answers => (to.mac, target),
                };
                let (bytes, used) = link(to_mac, from.mac, flow.vlan, IPV6);
                self.bytes.extend_from_slice(bytes.get(used..).unwrap_or_default());
                self.bytes.extend_from_slice(&ipv6([sender, address], 0, MESSAGE, [ICMPV6, HOPS]));
                let about = if says == Neighbour::Answers { sender } else { target };
                let message = icmpv6(says, [sender, address], about, from.mac);
                self.bytes.extend_from_slice(&message);
            }
            // A flow has two addresses of one family; the cast sees to that.
            _ => return,
        }
        self.finish(time, start);
    }

    /// Appends an ARP packet: its sender, and who is asked for or told.
    fn arp(&mut self, is_answer: bool, from: ([u8; 6], Ipv4Addr), to: ([u8; 6], Ipv4Addr)) {
        self.bytes.extend_from_slice(&ARP_HEAD);
        self.bytes.extend_from_slice(&if is_answer { ARP_REPLY } else { ARP_REQUEST });
        for (mac, address) in [from, to] {
            self.bytes.extend_from_slice(&mac);
            self.bytes.extend_from_slice(&address.octets());
        }
    }
}

/// The group that an address's owner listens to (RFC 4291 section 2.7.1).
fn solicited(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// A solicitation or an advertisement about an address, with the sender's own Ethernet address.
fn icmpv6(
    says: Neighbour,
    [from, to]: [Ipv6Addr; 2],
    about: Ipv6Addr,
    mac: [u8; 6],
) -> [u8; MESSAGE as usize] {
    let mut message = [0; MESSAGE as usize];
    let (kind, flags, option) = match says {
        Neighbour::Answers => (ADVERTISEMENT, SOLICITED, TARGET),
        Neighbour::Looks | Neighbour::Probes => (SOLICITATION, 0, SOURCE),
    };
    [message[0], message[4]] = [kind, flags];
    message[8..24].copy_from_slice(&about.octets());
    message[24..26].copy_from_slice(&option);
    message[26..].copy_from_slice(&mac);
    // Pseudo header: RFC 8200 section 8.1.
    let sum = Sum::default().word(ICMPV6.into()).word(MESSAGE.into());
    let sum = sum.bytes(&from.octets()).bytes(&to.octets()).bytes(&message);
    [message[2], message[3]] = sum.finish().to_be_bytes();
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synth::Peer;

    fn flow(client: &str, server: &str) -> Flow {
        let peer = |address: &str, last| {
            let address = address.parse().unwrap();
            Peer { address, mac: [2, 0x48, 0, 0, 0, last] }
        };
        Flow {
            client: peer(client, 1),
            server: peer(server, 2),
            client_port: 0,
            server_port: 0,
            vlan: None,
            here: Side::Server,
            round_trip_ns: 0,
        }
    }

    fn said(flow: &Flow, side: Side, says: Neighbour) -> Vec<u8> {
        let mut frames = Frames::default();
        frames.neighbour(0, flow, side, says);
        assert_eq!(frames.places.len(), 1);
        // What comes before all that is seen is not written.
        let mut later = Frames { from: 1, ..Frames::default() };
        later.neighbour(0, flow, side, says);
        assert_eq!(later.places.len(), 0);
        frames.bytes
    }

    #[test]
    fn arp_is_asked_of_everybody_or_one_and_answered_by_one() {
        let flow = flow("10.0.0.1", "10.0.0.2");
        let looks = said(&flow, Side::Client, Neighbour::Looks);
        let begin = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0x48, 0, 0, 0, 1, 8, 6];
        assert_eq!((&looks[..14], looks.len()), (&begin[..], 60));
        let body = [
            0, 1, 8, 0, 6, 4, 0, 1, 2, 0x48, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
        ];
        assert_eq!(looks[14..42], body);
        let probes = said(&flow, Side::Client, Neighbour::Probes);
        assert_eq!((probes[5], &probes[14..42]), (2, &body[..]));
        let answers = said(&flow, Side::Server, Neighbour::Answers);
        assert_eq!((answers[5], answers[11], answers[21]), (1, 2, 2));
        assert_eq!(
            answers[22..42],
            [2, 0x48, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0x48, 0, 0, 0, 1, 10, 0, 0, 1]
        );
    }

    #[test]
    fn neighbours_are_discovered_through_the_group_of_their_address() {
        let flow = flow("fd00::1", "fd00::a1:b2c3");
        let looks = said(&flow, Side::Client, Neighbour::Looks);
        assert_eq!(looks[..6], [0x33, 0x33, 0xff, 0xa1, 0xb2, 0xc3]);
        assert_eq!((looks[21], looks[38], looks[54]), (255, 0xff, 135));
        let answers = said(&flow, Side::Server, Neighbour::Answers);
        assert_eq!((answers[5], answers[54], answers[58]), (1, 136, 0x60));
        // About the one who answers.
        assert_eq!(answers[62..78], answers[22..38]);
        for frame in [looks, answers] {
            let sum = Sum::default().word(58).word(32).bytes(&frame[22..54]).bytes(&frame[54..86]);
            assert_eq!((frame.len(), sum.finish()), (86, 0));
        }
    }
}
