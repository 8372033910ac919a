//! A bounded table of flows: open addressing, one cache line per flow, linear probing.
//!
//! Flows are not expired by time (a quiet connection is still one connection); when the table
//! has reached its limit, the longest idle of the neighbouring entries makes room and is
//! handed to the caller, so that nothing is lost without being counted.

use super::{Address, Flag, Packet, Transport};
use crate::base::Timestamp;

/// Bytes of memory per entry.
pub const ENTRY_BYTES: usize = size_of::<Entry>();

/// Entries to start with.
const SLOTS_MIN: usize = 1 << 6;

/// The table grows when 6 of 8 slots are taken, and evicts when 7 of 8 are and it may not grow.
const GROW_EIGHTHS: usize = 6;
const FULL_EIGHTHS: usize = 7;

/// Fourfold: what is copied and given back on the way is a third of the table, not all of it.
const GROW_FACTOR: usize = 4;

/// Neighbours looked at for the longest idle one.
const NEIGHBOURS_MAX: usize = 64;

/// Entries looked at to find a flow. Runs this long do not occur by chance at these fill levels;
/// the bound is for colliding keys made on purpose.
const PROBES_MAX: usize = 512;

/// Bits of [`Entry::state`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// The entry is in use.
    Used = 1,
    /// The client is the second endpoint of the ordered pair.
    ClientIsSecond = 1 << 1,
    /// A SYN was seen.
    Syn = 1 << 2,
    /// A SYN with ACK was seen.
    SynAck = 1 << 3,
    /// A FIN was seen.
    Fin = 1 << 4,
    /// A RST was seen.
    Reset = 1 << 5,
    /// The client has sent payload.
    ClientData = 1 << 6,
    /// The server has sent payload.
    ServerData = 1 << 7,
}

/// One flow, in one cache line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Entry {
    /// First endpoint of the ordered pair.
    first: Address,
    /// Second endpoint.
    second: Address,
    first_port: u16,
    second_port: u16,
    transport: u8,
    /// Bits of [`State`].
    state: u8,
    /// For the user of the table: what it thinks the flow carries.
    pub class: u8,
    /// For the user of the table: how often it has looked at payload.
    pub looks: u8,
    /// Bytes of all frames on the wire, lower 32 bits.
    bytes_low: u32,
    /// Upper 16 bits: a flow of 256 TB stays in one cache line.
    bytes_high: u16,
    /// For the user of the table: where it keeps what the flow says, 0 for nowhere.
    pub talk: u16,
    /// Frames.
    pub packets: u32,
    /// Sequence number of the SYN that began it (RFC 9293: ISS).
    initial_sequence: u32,
    /// Milliseconds from the table's epoch to the first packet.
    first_ms: u32,
    /// Milliseconds from the table's epoch to the latest packet.
    last_ms: u32,
}

const EMPTY: Entry = Entry {
    first: Address { high: 0, low: 0 },
    second: Address { high: 0, low: 0 },
    first_port: 0,
    second_port: 0,
    transport: 0,
    state: 0,
    class: 0,
    looks: 0,
    bytes_low: 0,
    bytes_high: 0,
    talk: 0,
    packets: 0,
    initial_sequence: 0,
    first_ms: 0,
    last_ms: 0,
};

/// What tells flows apart: the endpoints in their order, and the transport.
struct Key {
    first: (Address, u16),
    second: (Address, u16),
    transport: u8,
}

impl Key {
    #[inline]
    fn of(packet: &Packet) -> Self {
        let source = (packet.source, packet.source_port);
        let destination = (packet.destination, packet.destination_port);
        let turned = packet.has(Flag::FromSecond);
        let (first, second) = if turned { (destination, source) } else { (source, destination) };
        Self { first, second, transport: packet.transport as u8 }
    }
}

impl Entry {
    /// Is `state` set?
    #[inline]
    pub fn has(&self, state: State) -> bool {
        self.state & state as u8 != 0
    }

    #[inline]
    fn set(&mut self, state: State) {
        self.state |= state as u8;
    }

    /// Was this packet sent by the client?
    #[inline]
    pub fn from_client(&self, packet: &Packet) -> bool {
        packet.has(Flag::FromSecond) == self.has(State::ClientIsSecond)
    }

    /// Transport of the flow.
    pub fn transport(&self) -> Transport {
        match self.transport {
            6 => Transport::Tcp,
            17 => Transport::Udp,
            _ => Transport::None,
        }
    }

    /// Address and port of the client: who sent the SYN; else who sent the first packet, unless
    /// that came from a system port.
    pub fn client(&self) -> (Address, u16) {
        if self.has(State::ClientIsSecond) {
            (self.second, self.second_port)
        } else {
            (self.first, self.first_port)
        }
    }

    /// Address and port of the server.
    pub fn server(&self) -> (Address, u16) {
        if self.has(State::ClientIsSecond) {
            (self.first, self.first_port)
        } else {
            (self.second, self.second_port)
        }
    }

    /// Bytes of all frames on the wire.
    pub fn bytes(&self) -> u64 {
        u64::from(self.bytes_high) << 32 | u64::from(self.bytes_low)
    }

    /// Milliseconds from the table's epoch to the latest packet.
    pub fn last_ms(&self) -> u32 {
        self.last_ms
    }

    /// The sequence number behind the client's SYN, if that was seen.
    pub fn client_start(&self) -> Option<u32> {
        self.has(State::Syn).then(|| self.initial_sequence.wrapping_add(1))
    }

    /// Milliseconds between first and latest packet.
    pub fn duration_ms(&self) -> u32 {
        self.last_ms.saturating_sub(self.first_ms)
    }

    /// The hash of its endpoints, as [`Packet::seal`] computes it.
    pub fn hash(&self) -> u64 {
        let mut packet = Packet {
            source: self.first,
            destination: self.second,
            source_port: self.first_port,
            destination_port: self.second_port,
            transport: self.transport(),
            ..Packet::default()
        };
        packet.seal();
        packet.hash
    }

    #[inline]
    fn is(&self, key: &Key) -> bool {
        self.first == key.first.0
            && self.second == key.second.0
            && self.first_port == key.first.1
            && self.second_port == key.second.1
            && self.transport == key.transport
    }

    /// Starts the flow over with `packet` as its first.
    fn begin(packet: &Packet, now_ms: u32) -> Self {
        let Key { first, second, transport } = Key::of(packet);
        let mut entry = Self {
            first: first.0,
            second: second.0,
            first_port: first.1,
            second_port: second.1,
            transport,
            state: State::Used as u8,
            initial_sequence: packet.sequence,
            first_ms: now_ms,
            ..EMPTY
        };
        if packet.has(Flag::FromSecond) != is_answer(packet) {
            entry.set(State::ClientIsSecond);
        }
        entry
    }

    #[inline]
    fn count(&mut self, packet: &Packet, now_ms: u32) {
        self.packets = self.packets.saturating_add(1);
        let (low, carry) = self.bytes_low.overflowing_add(packet.original_length);
        self.bytes_low = low;
        self.bytes_high = self.bytes_high.saturating_add(u16::from(carry));
        self.last_ms = now_ms;
        if packet.payload_length != 0 {
            let client = self.from_client(packet);
            self.set(if client { State::ClientData } else { State::ServerData });
        }
        if packet.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST) != 0 {
            self.count_flags(packet);
        }
    }

    #[cold]
    fn count_flags(&mut self, packet: &Packet) {
        if is_syn(packet) {
            self.set(State::Syn);
        }
        if is_syn_ack(packet) {
            self.set(State::SynAck);
        }
        if packet.tcp_flags & TCP_FIN != 0 {
            self.set(State::Fin);
        }
        if packet.tcp_flags & TCP_RST != 0 {
            self.set(State::Reset);
        }
    }
}

/// RFC 9293 section 3.1.
const TCP_FIN: u8 = 0x01;
const TCP_SYN: u8 = 0x02;
const TCP_RST: u8 = 0x04;
const TCP_ACK: u8 = 0x10;

fn is_syn(packet: &Packet) -> bool {
    packet.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN
}

fn is_syn_ack(packet: &Packet) -> bool {
    packet.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN | TCP_ACK
}

/// Is the first packet seen of a flow an answer, its sender the server? A SYN with ACK is; in a
/// flow that began before the capture, or UDP, what comes from a system port (RFC 6335
/// section 6) and goes to another one.
fn is_answer(packet: &Packet) -> bool {
    const SYSTEM_PORTS: std::ops::Range<u16> = 0..1024;
    let from_system = SYSTEM_PORTS.contains(&packet.source_port)
        && !SYSTEM_PORTS.contains(&packet.destination_port);
    is_syn_ack(packet) || (from_system && !is_syn(packet))
}

/// What [`FlowTable::touch`] did.
#[derive(Debug)]
pub struct Touched<'a> {
    /// The flow of the packet, already counted.
    pub entry: &'a mut Entry,
    /// True if this packet began it.
    pub is_new: bool,
    /// The flow that ended because of it: evicted, or replaced by a new connection between
    /// the same endpoints.
    pub ended: Option<Ended>,
}

/// A flow that left the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Its last state.
    pub entry: Entry,
    /// True if it had to make room.
    pub evicted: bool,
}

/// The table of one shard.
#[derive(Debug)]
pub struct FlowTable {
    slots: Vec<Entry>,
    used: usize,
    slots_max: usize,
    epoch: Option<Timestamp>,
}

fn slots_max(flows: usize) -> usize {
    (flows.max(1).saturating_mul(8) / FULL_EIGHTHS).next_power_of_two().max(SLOTS_MIN)
}

#[expect(clippy::indexing_slicing, reason = "every index is masked to the table's length")]
impl FlowTable {
    /// A table for at most about `flows` flows; the memory is that of the next power of two
    /// above 8/7 of it times [`ENTRY_BYTES`], taken only as it grows.
    pub fn new(flows: usize) -> Self {
        Self { slots: vec![EMPTY; SLOTS_MIN], used: 0, slots_max: slots_max(flows), epoch: None }
    }

    /// Bytes of memory that a table for at most about `flows` flows takes at its full size.
    pub fn bytes_max(flows: usize) -> usize {
        slots_max(flows).saturating_mul(ENTRY_BYTES)
    }

    /// The same with all its memory taken at once: it never stands still to grow.
    pub fn reserved(flows: usize) -> Self {
        let mut table = Self::new(flows);
        table.slots = vec![EMPTY; table.slots_max];
        table
    }

    /// Flows in the table.
    pub fn len(&self) -> usize {
        self.used
    }

    /// True without any flow.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Reads the line that `packet` will need, so that several such reads overlap in time.
    /// The value means nothing; use it so that the read is not left out.
    #[inline]
    pub fn warm(&self, packet: &Packet) -> u8 {
        self.slots.get(self.home(packet.hash)).map_or(0, |entry| entry.state)
    }

    /// Finds or makes the flow of `packet` and counts the packet to it.
    #[inline]
    pub fn touch(&mut self, packet: &Packet) -> Touched<'_> {
        let now_ms = self.milliseconds(packet.time);
        let (at, found) = self.find(packet);
        if found && !self.is_new_connection(at, packet) {
            let entry = &mut self.slots[at];
            entry.count(packet, now_ms);
            return Touched { entry, is_new: false, ended: None };
        }
        self.begin(at, found, packet, now_ms)
    }

    /// All flows in it, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().filter(|entry| entry.state != 0)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "masked to the size of the table")]
    fn home(&self, hash: u64) -> usize {
        hash as usize & (self.slots.len() - 1)
    }

    /// Saturates after 49 days from the first packet, and at 0 before it.
    #[inline]
    fn milliseconds(&mut self, time: Timestamp) -> u32 {
        let epoch = *self.epoch.get_or_insert(time);
        u32::try_from(time.since(epoch).max(0) / 1_000_000).unwrap_or(u32::MAX)
    }

    /// The slot of the packet's flow, or where it would go: an empty slot, or, behind
    /// `PROBES_MAX` used ones, the longest idle of the nearest.
    #[inline]
    fn find(&self, packet: &Packet) -> (usize, bool) {
        let key = Key::of(packet);
        let mask = self.slots.len() - 1;
        let home = self.home(packet.hash);
        let mut idlest = home;
        for step in 0..PROBES_MAX {
            let at = (home + step) & mask;
            let entry = &self.slots[at];
            if entry.is(&key) && entry.state != 0 {
                return (at, true);
            }
            if entry.state == 0 {
                return (at, false);
            }
            if step < NEIGHBOURS_MAX && entry.last_ms < self.slots[idlest].last_ms {
                idlest = at;
            }
        }
        (idlest, false)
    }

    /// A SYN with another sequence number between the same endpoints is a new connection
    /// (RFC 9293 section 3.6.1), a SYN with the same one a retransmission.
    #[inline]
    fn is_new_connection(&self, at: usize, packet: &Packet) -> bool {
        let entry = &self.slots[at];
        packet.transport == Transport::Tcp
            && is_syn(packet)
            && packet.sequence != entry.initial_sequence
    }

    #[cold]
    #[inline(never)]
    fn begin(&mut self, at: usize, found: bool, packet: &Packet, now_ms: u32) -> Touched<'_> {
        let mut at = at;
        let mut ended = None;
        if found {
            ended = Some(Ended { entry: self.slots[at], evicted: false });
        } else {
            if self.used * 8 >= self.slots.len() * GROW_EIGHTHS && self.slots.len() < self.slots_max
            {
                self.grow();
                at = self.find(packet).0;
            }
            if self.slots[at].state == 0 && self.used * 8 >= self.slots.len() * FULL_EIGHTHS {
                at = self.idlest_neighbour(packet).unwrap_or(at);
            }
            if self.slots[at].state == 0 {
                self.used += 1;
            } else {
                ended = Some(Ended { entry: self.slots[at], evicted: true });
            }
        }
        let entry = &mut self.slots[at];
        *entry = Entry::begin(packet, now_ms);
        entry.count(packet, now_ms);
        Touched { entry, is_new: true, ended }
    }

    /// The longest idle flow between the packet's home slot and the first empty one. A flow
    /// put in its place is found again, because no empty slot lies before it.
    fn idlest_neighbour(&self, packet: &Packet) -> Option<usize> {
        let mask = self.slots.len() - 1;
        let home = self.home(packet.hash);
        (0..NEIGHBOURS_MAX)
            .map(|step| (home + step) & mask)
            .take_while(|&at| self.slots[at].state != 0)
            .min_by_key(|&at| self.slots[at].last_ms)
    }

    fn grow(&mut self) {
        let larger = vec![EMPTY; (self.slots.len() * GROW_FACTOR).min(self.slots_max)];
        let old = std::mem::replace(&mut self.slots, larger);
        let mask = self.slots.len() - 1;
        for entry in old.iter().filter(|entry| entry.state != 0) {
            let mut at = self.home(entry.hash());
            // More than half empty by construction; a run longer than the table cannot be.
            while self.slots[at].state != 0 {
                at = (at + 1) & mask;
            }
            self.slots[at] = *entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::base::Random;

    fn packet(client: u32, flags: u8, sequence: u32, millis: i64) -> Packet {
        let mut packet = Packet {
            source: Address::v4(client.to_be_bytes()),
            destination: Address::v4([10, 0, 0, 1]),
            source_port: 50_000,
            destination_port: 445,
            transport: Transport::Tcp,
            tcp_flags: flags,
            sequence,
            original_length: 100,
            time: Timestamp::from_nanos(millis * 1_000_000),
            ..Packet::default()
        };
        packet.seal();
        packet
    }

    fn back(mut packet: Packet) -> Packet {
        std::mem::swap(&mut packet.source, &mut packet.destination);
        std::mem::swap(&mut packet.source_port, &mut packet.destination_port);
        packet.flags ^= Flag::FromSecond as u16;
        packet
    }

    #[test]
    fn a_reserved_table_has_its_size_from_the_start_and_says_the_same() {
        let (mut grown, mut reserved) = (FlowTable::new(3_000), FlowTable::reserved(3_000));
        let slots = reserved.slots.len();
        assert_eq!((grown.slots.len(), slots), (SLOTS_MIN, 4_096));
        assert_eq!(FlowTable::bytes_max(3_000), 4_096 * 64);
        for client in 0..2_000 {
            for round in 0..2 {
                let packet = packet(client, 0, 0, i64::from(client * 2 + round));
                let [one, other] =
                    [&mut grown, &mut reserved].map(|table| table.touch(&packet).is_new);
                assert_eq!((one, other), (round == 0, round == 0));
            }
        }
        assert_eq!((reserved.slots.len(), grown.slots.len()), (slots, slots));
        assert_eq!((grown.len(), reserved.len()), (2_000, 2_000));
    }

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(ENTRY_BYTES, 64);
    }

    #[test]
    fn agrees_with_a_plain_map_while_it_grows() {
        let mut table = FlowTable::new(100_000);
        let mut plain: HashMap<u32, u32> = HashMap::new();
        let mut random = Random::new(3);
        for at in 0..200_000 {
            let client = random.below(30_000);
            let mut p = packet(client, TCP_ACK, 0, at);
            if random.below(2) == 0 {
                p = back(p);
            }
            let touched = table.touch(&p);
            let count = plain.entry(client).or_insert(0);
            *count += 1;
            assert_eq!((touched.is_new, touched.entry.packets), (*count == 1, *count));
            assert!(touched.ended.is_none());
        }
        assert_eq!(table.len(), plain.len());
        assert_eq!(table.iter().count(), plain.len());
    }

    #[test]
    fn a_full_table_evicts_the_idle_and_loses_no_packet() {
        let mut table = FlowTable::new(500);
        let mut ended_packets = 0;
        for at in 0..20_000u32 {
            // One busy flow between many that come once.
            for client in [1, 1_000 + at] {
                let touched = table.touch(&packet(client, TCP_ACK, 0, at.into()));
                if let Some(ended) = touched.ended {
                    assert!(ended.evicted);
                    ended_packets += u64::from(ended.entry.packets);
                }
            }
        }
        assert!(table.len() <= table.slots_max && table.slots_max == 1024);
        let inside: u64 = table.iter().map(|entry| u64::from(entry.packets)).sum();
        assert_eq!(inside + ended_packets, 40_000);
        let busy = table.touch(&packet(1, TCP_ACK, 0, 20_000));
        assert_eq!(busy.entry.packets, 20_001, "the busy flow was never evicted");
    }

    #[test]
    fn a_syn_with_another_sequence_number_is_a_new_connection() {
        let mut table = FlowTable::new(500);
        assert!(table.touch(&packet(9, TCP_SYN, 1_000, 0)).is_new);
        assert!(!table.touch(&packet(9, TCP_SYN, 1_000, 1)).is_new, "a retransmission");
        assert!(!table.touch(&back(packet(9, TCP_SYN | TCP_ACK, 7, 2))).is_new);
        let again = table.touch(&packet(9, TCP_SYN, 2_000, 3));
        assert!(again.is_new);
        assert_eq!(again.ended.map(|ended| (ended.evicted, ended.entry.packets)), Some((false, 3)));
    }

    #[test]
    fn the_client_is_who_sent_the_syn() {
        let mut table = FlowTable::new(500);
        let syn = packet(9, TCP_SYN, 1_000, 0);
        let entry = *table.touch(&syn).entry;
        assert_eq!((entry.client().1, entry.server().1), (50_000, 445));
        assert!(entry.from_client(&syn) && !entry.from_client(&back(syn)));
        let middle = back(packet(7, TCP_ACK, 1, 0));
        assert_eq!(table.touch(&middle).entry.server().1, 445, "a flow that began earlier");
        let scan = Packet { tcp_flags: TCP_SYN, ..back(packet(6, 0, 1, 0)) };
        assert_eq!(table.touch(&scan).entry.client().1, 445, "a scanner that sends from 445");
        let answer_first = back(packet(8, TCP_SYN | TCP_ACK, 1, 0));
        let entry = *table.touch(&answer_first).entry;
        assert_eq!((entry.client().1, entry.server().1), (50_000, 445));
    }
}
