//! Which protocol a packet carries: by its ports and by its first bytes.
//!
//! A port suggests; the payload proves or contradicts. Everything here runs once per packet,
//! so it is one look into a table of ports, one probe, and, where that proves nothing, the
//! probes of those protocols that are known on any port and may begin with the first byte.

use super::{Id, Probe, Transport};

/// What ports and payload say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recognised {
    /// The payload proves the protocol.
    Certain(Id),
    /// A port suggests the protocol; the payload neither proves nor contradicts it.
    PortOnly(Id),
    /// A port suggests this protocol, the payload cannot be it, and nothing else fits.
    Contradicted(Id),
    /// Neither port nor payload is known.
    Unknown,
}

impl Recognised {
    /// The protocol to count the packet under.
    #[inline]
    pub const fn id(self) -> Id {
        match self {
            Self::Certain(id) | Self::PortOnly(id) => id,
            Self::Contradicted(_) | Self::Unknown => Id::Other,
        }
    }
}

/// The protocol that `port` suggests.
#[inline]
pub fn by_port(transport: Transport, port: u16) -> Option<Id> {
    let slot = PORTS.slots.get(slot_of(port, PORTS.multiplier))?;
    if slot.port != port {
        return None;
    }
    match transport {
        Transport::Tcp => slot.tcp,
        Transport::Udp => slot.udp,
    }
}

/// The protocol of one packet.
///
/// `payload` is what the packet carries above `transport`, possibly cut by the snap length.
/// `at_start` says that it is the first of its direction in a TCP stream (the handshake was
/// seen): only there does a payload contradict a port, as any later segment may begin in the
/// middle of a message. Every datagram is at its start.
///
/// Both directions of a flow get the same answer from the ports: where both are known, the
/// lower one is asked first, since clients choose high ones.
#[inline]
pub fn recognise(
    transport: Transport,
    source_port: u16,
    destination_port: u16,
    payload: &[u8],
    at_start: bool,
) -> Recognised {
    let low = by_port(transport, source_port.min(destination_port));
    let high = by_port(transport, source_port.max(destination_port));
    let Some(&first) = payload.first() else {
        return low.or(high).map_or(Recognised::Unknown, Recognised::PortOnly);
    };
    let mut suggested = None;
    for id in [low, high].into_iter().flatten() {
        match id.probe(payload, transport) {
            Probe::Certain => return Recognised::Certain(id),
            Probe::Possible => suggested = suggested.or(Some(id)),
            Probe::No => {}
        }
    }
    if let Some(id) = on_any_port(transport, first, payload) {
        return Recognised::Certain(id);
    }
    match (suggested, low.or(high)) {
        (Some(id), _) => Recognised::PortOnly(id),
        (None, Some(id)) if at_start || transport == Transport::Udp => Recognised::Contradicted(id),
        (None, Some(id)) => Recognised::PortOnly(id),
        (None, None) => Recognised::Unknown,
    }
}

/// The protocol that the payload proves whatever the port.
#[inline]
fn on_any_port(transport: Transport, first: u8, payload: &[u8]) -> Option<Id> {
    let starts = match transport {
        Transport::Tcp => &TCP_STARTS,
        Transport::Udp => &UDP_STARTS,
    };
    let mut candidates = *starts.get(usize::from(first))?;
    while candidates != 0 {
        let id = Id::from_index(candidates.trailing_zeros() as usize)?;
        if id.probe(payload, transport) == Probe::Certain {
            return Some(id);
        }
        candidates &= candidates - 1;
    }
    None
}

/// Bit `i` stands for the protocol at index `i`.
type Candidates = u32;
const _: () = assert!(Id::COUNT <= Candidates::BITS as usize, "widen `Candidates`");

/// By first byte of the payload, the protocols that it may begin.
static TCP_STARTS: [Candidates; 256] = starts(Transport::Tcp);
static UDP_STARTS: [Candidates; 256] = starts(Transport::Udp);

#[expect(clippy::indexing_slicing, reason = "run by the compiler, where a panic is an error")]
const fn starts(transport: Transport) -> [Candidates; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < Id::COUNT {
        let id = Id::ALL[index];
        let ranges = match id.framing() {
            Some(framing) if framing.uses(transport) => id.starts(),
            _ => &[],
        };
        let mut range = 0;
        while range < ranges.len() {
            let mut byte = *ranges[range].start() as usize;
            while byte <= *ranges[range].end() as usize {
                table[byte] |= 1 << index;
                byte += 1;
            }
            range += 1;
        }
        index += 1;
    }
    table
}

/// Slots of the table of ports: a power of two that fits the highest byte of a product.
const SLOTS: usize = 256;

/// A perfect hash of the known ports: each has a slot of its own. 1.5 KB, where a table
/// by port would push 128 KB through the cache as clients go through their port range.
struct Ports {
    multiplier: u32,
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy)]
struct Slot {
    port: u16,
    tcp: Option<Id>,
    udp: Option<Id>,
}

static PORTS: Ports = perfect_hash();

#[inline]
const fn slot_of(port: u16, multiplier: u32) -> usize {
    (((port as u32).wrapping_mul(multiplier)) >> 24) as usize
}

/// Tries multipliers until no two ports share a slot.
const fn perfect_hash() -> Ports {
    // Knuth's multiplicative hash begins at 2^32 divided by the golden ratio; so do we.
    let mut multiplier: u32 = 0x9e37_79b1;
    loop {
        if let Some(slots) = place(multiplier) {
            return Ports { multiplier, slots };
        }
        // The next of Numerical Recipes' generator, made odd: unlike its neighbour.
        multiplier = multiplier.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) | 1;
    }
}

#[expect(clippy::indexing_slicing, reason = "run by the compiler, where a panic is an error")]
const fn place(multiplier: u32) -> Option<[Slot; SLOTS]> {
    let mut slots = [Slot { port: 0, tcp: None, udp: None }; SLOTS];
    let mut index = 0;
    while index < Id::COUNT {
        let id = Id::ALL[index];
        let tcp = id.ports(Transport::Tcp);
        let udp = id.ports(Transport::Udp);
        let mut at = 0;
        while at < tcp.len() + udp.len() {
            let is_tcp = at < tcp.len();
            let port = if is_tcp { tcp[at] } else { udp[at - tcp.len()] };
            let slot = &mut slots[slot_of(port, multiplier)];
            if slot.port != 0 && slot.port != port {
                return None;
            }
            slot.port = port;
            let owner = if is_tcp { &mut slot.tcp } else { &mut slot.udp };
            assert!(owner.is_none(), "two protocols claim the same port");
            *owner = Some(id);
            at += 1;
        }
        index += 1;
    }
    Some(slots)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::Sample;
    use super::*;
    use crate::base::Random;

    /// A port that suggests nothing, as clients choose them.
    const CLIENT: u16 = 51_234;

    fn at_start(transport: Transport, port: u16, payload: &[u8]) -> Recognised {
        let to_server = recognise(transport, CLIENT, port, payload, true);
        let to_client = recognise(transport, port, CLIENT, payload, true);
        assert_eq!(to_server, to_client, "both directions of port {port}");
        to_server
    }

    fn tcp(port: u16, payload: &[u8]) -> Recognised {
        at_start(Transport::Tcp, port, payload)
    }

    fn udp(port: u16, payload: &[u8]) -> Recognised {
        at_start(Transport::Udp, port, payload)
    }

    fn known_ports(transport: Transport) -> impl Iterator<Item = (Id, u16)> {
        Id::ALL.iter().flat_map(move |&id| id.ports(transport).iter().map(move |&port| (id, port)))
    }

    fn samples() -> impl Iterator<Item = (Id, usize, Sample)> {
        Id::ALL.iter().flat_map(|&id| {
            id.samples().into_iter().enumerate().map(move |(index, sample)| (id, index, sample))
        })
    }

    /// Pairs that one cannot tell apart but by port: what is at the port of `at` may be taken
    /// for `at` although it is `sent`.
    fn told_apart_by_port(sent: Id, at: Id) -> Option<&'static str> {
        const DNS_FORMAT: [Id; 4] = [Id::Dns, Id::Mdns, Id::Llmnr, Id::Nbns];
        match (sent, at) {
            _ if DNS_FORMAT.contains(&sent) && DNS_FORMAT.contains(&at) => {
                Some("one message format, RFC 1035 section 4")
            }
            (Id::Tls, Id::Ldaps) => Some("LDAPS is TLS on its port"),
            (Id::Ldaps, Id::Tls) => Some("LDAPS is TLS on any other port"),
            _ => None,
        }
    }

    /// What must come of a sample of `sent` at a port that belongs to `at`.
    fn is_right(sent: Id, at: Id, got: Recognised) -> bool {
        let on_any_port = if sent == Id::Ldaps { Id::Tls } else { sent };
        match got {
            Recognised::Certain(id) if sent == at => id == sent,
            Recognised::Certain(id) if id == at => told_apart_by_port(sent, at).is_some(),
            Recognised::Certain(id) => id == on_any_port && !id.starts().is_empty(),
            // Whatever is known on any port must be known here.
            Recognised::PortOnly(id) | Recognised::Contradicted(id) => {
                sent != at && id == at && on_any_port.starts().is_empty()
            }
            Recognised::Unknown => false,
        }
    }

    #[test]
    fn every_sample_at_every_port() {
        let mut wrong = String::new();
        for (sent, index, sample) in samples() {
            for (at, port) in known_ports(sample.transport) {
                let got = at_start(sample.transport, port, &sample.bytes);
                if !is_right(sent, at, got) {
                    let (name, transport) = (sent.name(), sample.transport);
                    writeln!(wrong, "{name}/{index} at {transport:?} {port}: {got:?}").unwrap();
                }
            }
        }
        assert!(wrong.is_empty(), "\n{wrong}");
    }

    #[test]
    fn every_sample_at_an_unknown_port() {
        for (sent, index, sample) in samples() {
            let got = at_start(sample.transport, 50_000, &sample.bytes);
            let want = match sent {
                Id::Ldaps => Recognised::Certain(Id::Tls),
                _ if sent.starts().is_empty() => Recognised::Unknown,
                _ => Recognised::Certain(sent),
            };
            assert_eq!(got, want, "{}/{index}", sent.name());
        }
    }

    #[test]
    fn what_the_snap_length_leaves_is_still_of_its_port() {
        for (sent, index, sample) in samples() {
            for &port in sent.ports(sample.transport) {
                for length in 0..sample.bytes.len() {
                    let got = at_start(sample.transport, port, &sample.bytes[..length]);
                    assert!(
                        matches!(got, Recognised::Certain(id) | Recognised::PortOnly(id) if id == sent),
                        "{length} bytes of {}/{index} at {port}: {got:?}",
                        sent.name()
                    );
                }
            }
        }
    }

    #[test]
    fn the_middle_of_a_stream_does_not_contradict_its_port() {
        let middle = b"is the middle of a longer message";
        for (id, port) in known_ports(Transport::Tcp) {
            let got = recognise(Transport::Tcp, port, CLIENT, middle, false);
            assert_eq!(got, Recognised::PortOnly(id), "port {port}");
            assert_eq!(tcp(port, middle), Recognised::Contradicted(id), "port {port}");
        }
    }

    #[test]
    fn a_port_alone_does_not_suffice() {
        use Recognised::{Certain, Contradicted};
        let ssh = b"SSH-2.0-OpenSSH_9.9\r\n";
        let http = b"GET /certsrv HTTP/1.1\r\nHost: ca.heron.example\r\n\r\n";
        let hello = b"\x16\x03\x01\x00\xc4\x01\x00\x00\xc0\x03\x03";
        let smb2 = b"\x00\x00\x00\x80\xfeSMB\x40\x00\x00\x00";
        assert_eq!(tcp(445, ssh), Contradicted(Id::Smb2));
        assert_eq!(tcp(445, ssh).id(), Id::Other);
        assert_eq!(tcp(389, ssh), Contradicted(Id::Ldap));
        assert_eq!(tcp(636, ssh), Contradicted(Id::Ldaps));
        assert_eq!(tcp(389, http), Certain(Id::Http));
        assert_eq!(tcp(50_000, http), Certain(Id::Http));
        assert_eq!(tcp(389, hello), Certain(Id::Tls)); // StartTLS
        assert_eq!(tcp(636, hello), Certain(Id::Ldaps));
        assert_eq!(tcp(3269, hello), Certain(Id::Ldaps));
        assert_eq!(tcp(3389, hello), Certain(Id::Tls));
        for port in [53, 88, 135, 139, 389, 445, 636, 3389, 8080] {
            assert_eq!(tcp(port, smb2), Certain(Id::Smb2), "port {port}");
        }
        assert_eq!(udp(53, b"\xde\xad\xbe\xef garbage on port 53"), Contradicted(Id::Dns));
        assert_eq!(tcp(88, ssh), Contradicted(Id::Kerberos));
        assert_eq!(tcp(3389, ssh), Contradicted(Id::Rdp));
        assert_eq!(udp(123, http), Contradicted(Id::Ntp));
    }

    #[test]
    fn smb_is_known_behind_a_header_in_a_segment_of_its_own() {
        let recognised = |payload| recognise(Transport::Tcp, 445, CLIENT, payload, false);
        assert_eq!(recognised(b"\x00\x00\x00\xbe"), Recognised::PortOnly(Id::Smb2));
        assert_eq!(recognised(b"\xfeSMB\x40\x00"), Recognised::Certain(Id::Smb2));
        assert_eq!(recognised(b"\xffSMB\x72\x00"), Recognised::Certain(Id::Smb1));
    }

    #[test]
    fn sealed_ldap_is_known_on_its_ports_alone() {
        let sealed = b"\x00\x00\x00\x20\x05\x04\x06\xff\x00\x00\x00\x1c";
        assert_eq!(tcp(3268, sealed), Recognised::Certain(Id::Ldap));
        assert_eq!(tcp(50_000, sealed), Recognised::Unknown);
    }

    #[test]
    fn an_empty_payload_says_what_its_port_says() {
        assert_eq!(tcp(445, b""), Recognised::PortOnly(Id::Smb2));
        assert_eq!(tcp(50_000, b""), Recognised::Unknown);
    }

    #[test]
    fn of_two_known_ports_the_payload_or_else_the_lower_decides() {
        let both = |payload, at_start| {
            let there = recognise(Transport::Tcp, 3389, 445, payload, at_start);
            let back = recognise(Transport::Tcp, 445, 3389, payload, at_start);
            assert_eq!(there, back);
            there
        };
        assert_eq!(both(b"middle of something", false), Recognised::PortOnly(Id::Smb2));
        assert_eq!(both(b"", true), Recognised::PortOnly(Id::Smb2));
        let request = Id::Rdp.samples().remove(0).bytes;
        assert_eq!(both(&request, true), Recognised::Certain(Id::Rdp));
    }

    #[test]
    fn random_bytes_are_hardly_ever_certain() {
        /// Of a million; the weakest probe is NTP's, which expects some 0.1.
        const ROUNDS: u32 = 1_000_000;
        const CERTAIN_MAX: u32 = 20;
        let seed = 0x7261_6e64;
        for transport in [Transport::Tcp, Transport::Udp] {
            let mut random = Random::new(seed);
            let mut bytes = [0; 96];
            let mut certain = [0; Id::COUNT];
            let ports: Vec<u16> = known_ports(transport).map(|(_, port)| port).collect();
            for round in 0..ROUNDS {
                for chunk in bytes.chunks_exact_mut(8) {
                    chunk.copy_from_slice(&random.next_u64().to_le_bytes());
                }
                let port = ports[round as usize % ports.len()];
                if let Recognised::Certain(id) = recognise(transport, CLIENT, port, &bytes, true) {
                    certain[id.index()] += 1;
                }
            }
            let told: Vec<_> = Id::ALL.iter().map(|id| (id.name(), certain[id.index()])).collect();
            let total: u32 = certain.iter().sum();
            assert!(total <= CERTAIN_MAX, "{transport:?}, seed {seed:#x}: {told:?}");
        }
    }

    /// The obvious slow version of the table of ports.
    #[test]
    fn every_port_is_found_and_no_other() {
        for transport in [Transport::Tcp, Transport::Udp] {
            for port in 0..=u16::MAX {
                let want = known_ports(transport).find(|&(_, known)| known == port);
                assert_eq!(by_port(transport, port), want.map(|(id, _)| id), "{port}");
            }
        }
    }

    #[test]
    fn names_and_places_lead_back_to_the_protocol() {
        for (index, &id) in Id::ALL.iter().enumerate() {
            assert_eq!(id.index(), index);
            assert_eq!(Id::from_index(index), Some(id));
            assert_eq!(Id::from_name(id.name()), Some(id));
        }
        assert_eq!(Id::from_index(Id::COUNT), None);
        assert_eq!(Id::from_name("smb9"), None);
        assert_eq!(Id::ALL.last(), Some(&Id::Other));
    }
}
