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
        let ranges = id.starts();
        let mut range = 0;
        while range < ranges.len() && id.framing().uses(transport) {
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
