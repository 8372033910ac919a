//! IP fragments to datagrams (RFC 791 section 3.2, RFC 8200 section 4.5), within limits.
//!
//! Where fragments overlap, the bytes that came first stay: no byte a parser has seen can be
//! rewritten later. Analysers differ here; sensors have been evaded by it.

use std::collections::{BTreeMap, HashMap};

use super::{Address, Flag, Packet, decode};
use crate::base::Timestamp;

/// Bounds on what is held while fragments are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FragmentLimits {
    /// Datagrams waiting at the same time.
    pub datagrams: usize,
    /// Bytes they may hold together.
    pub bytes: usize,
    /// How long a datagram waits, in nanoseconds of packet time.
    pub wait_ns: i64,
}

impl Default for FragmentLimits {
    /// 60 s is the reassembly time of RFC 8200 section 4.5; the rest keeps it under 16 MiB.
    fn default() -> Self {
        Self { datagrams: 4096, bytes: 16 << 20, wait_ns: 60_000_000_000 }
    }
}

/// Largest datagram: what the 16-bit length fields can say, RFC 791 section 3.1.
const DATAGRAM_MAX: usize = 65_535;

/// Which datagram a fragment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    source: Address,
    destination: Address,
    id: u32,
    protocol: u8,
}

#[derive(Debug)]
struct Datagram {
    data: Vec<u8>,
    /// Received ranges, start to end, merged and sorted.
    have: BTreeMap<usize, usize>,
    /// Known once the last fragment is there.
    total: Option<usize>,
    fragments: u64,
    born: Timestamp,
    /// Order of arrival, for expiry.
    number: u64,
}

/// Puts datagrams together.
#[derive(Debug, Default)]
pub struct Reassembler {
    limits: FragmentLimits,
    waiting: HashMap<Key, Datagram>,
    /// Oldest first.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    next: u64,
    /// Fragments given up: limit reached, rest never came, or cut by the snap length.
    pub dropped: u64,
    /// Datagrams completed.
    pub completed: u64,
}

impl Reassembler {
    /// An empty one with these limits.
    pub fn new(limits: FragmentLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes one fragment whose data is `data`. When it completes its datagram, the data is
    /// appended to `side` and `packet` becomes the packet of that datagram.
    pub fn take(&mut self, packet: &mut Packet, data: &[u8], side: &mut Vec<u8>) {
        self.expire(packet.time);
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            id: packet.fragment_id(),
            protocol: packet.tcp_flags,
        };
        let start = packet.fragment_offset() as usize;
        if packet.has(Flag::Cut) || start + data.len() > DATAGRAM_MAX {
            self.dropped += 1;
            if start == 0 {
                lone_first(packet, data);
            }
            return;
        }
        let datagram = self.entry(key, packet.time);
        let before = datagram.data.len();
        datagram.fragments += 1;
        datagram.put(start, data);
        if !packet.has(Flag::MoreFragments) {
            datagram.total.get_or_insert(start + data.len());
        }
        let (grown, complete) = (datagram.data.len() - before, datagram.is_complete());
        self.bytes += grown;
        if complete {
            if let Some(datagram) = self.remove(&key) {
                self.completed += 1;
                deliver(packet, &datagram, side);
            }
        } else {
            self.shrink();
        }
    }

    /// Counts what is still waiting as given up.
    pub fn finish(&mut self) {
        self.dropped += self.waiting.values().map(|datagram| datagram.fragments).sum::<u64>();
        self.waiting.clear();
        self.order.clear();
        self.bytes = 0;
    }

    fn entry(&mut self, key: Key, time: Timestamp) -> &mut Datagram {
        let number = self.next;
        let order = &mut self.order;
        let next = &mut self.next;
        self.waiting.entry(key).or_insert_with(|| {
            *next += 1;
            order.insert(number, key);
            Datagram {
                data: Vec::new(),
                have: BTreeMap::new(),
                total: None,
                fragments: 0,
                born: time,
                number,
            }
        })
    }

    fn remove(&mut self, key: &Key) -> Option<Datagram> {
        let datagram = self.waiting.remove(key)?;
        self.order.remove(&datagram.number);
        self.bytes = self.bytes.saturating_sub(datagram.data.len());
        Some(datagram)
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, &key)) = self.order.first_key_value() else { return false };
        if let Some(datagram) = self.remove(&key) {
            self.dropped += datagram.fragments;
        }
        true
    }

    fn shrink(&mut self) {
        while self.waiting.len() > self.limits.datagrams || self.bytes > self.limits.bytes {
            if !self.drop_oldest() {
                return;
            }
        }
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(key) = self.order.first_key_value().map(|(_, key)| *key) {
            let old =
                self.waiting.get(&key).is_none_or(|d| now.since(d.born) > self.limits.wait_ns);
            if !old || !self.drop_oldest() {
                return;
            }
        }
    }
}

impl Datagram {
    /// Copies the parts of `data` that are not there yet.
    fn put(&mut self, start: usize, data: &[u8]) {
        let end = start + data.len();
        if self.data.len() < end {
            self.data.resize(end, 0);
        }
        let mut at = start;
        while at < end {
            // The range that covers `at`, or else the next one behind it.
            let covered = self.have.range(..=at).next_back().map_or(0, |(_, &end)| end);
            if covered > at {
                at = covered;
                continue;
            }
            let stop = self.have.range(at..).next().map_or(end, |(&start, _)| start.min(end));
            let (target, source) =
                (self.data.get_mut(at..stop), data.get(at - start..stop - start));
            if let (Some(target), Some(source)) = (target, source) {
                target.copy_from_slice(source);
            }
            self.note(at, stop);
            at = stop;
        }
    }

    /// Adds a range that touches no byte already there, joining it to its neighbours.
    fn note(&mut self, start: usize, end: usize) {
        let mut range = (start, end);
        if let Some((&before, &stop)) = self.have.range(..start).next_back()
            && stop == start
        {
            range.0 = before;
        }
        if let Some(after) = self.have.remove(&end) {
            range.1 = after;
        }
        self.have.insert(range.0, range.1);
    }

    fn is_complete(&self) -> bool {
        self.total.is_some_and(|total| self.have.get(&0).is_some_and(|&end| end >= total))
    }
}

fn deliver(packet: &mut Packet, datagram: &Datagram, side: &mut Vec<u8>) {
    let data = datagram.data.get(..datagram.total.unwrap_or(0)).unwrap_or_default();
    packet.flags &= !(Flag::Fragment as u16 | Flag::MoreFragments as u16);
    packet.set(Flag::Reassembled);
    let Some(payload) = decode::reassembled(packet, data) else { return };
    packet.seal();
    let base = side.len();
    side.extend_from_slice(data);
    packet.payload_offset = u32::try_from(base + payload.start).unwrap_or(u32::MAX);
    packet.payload_length = u32::try_from(payload.len()).unwrap_or(0);
}

/// A first fragment that was cut, whose datagram can never be put together, still tells its
/// ports.
fn lone_first(packet: &mut Packet, data: &[u8]) {
    let Some(payload) = decode::reassembled(packet, data) else { return };
    packet.seal();
    let start = u32::try_from(payload.start).unwrap_or(u32::MAX);
    packet.payload_offset = packet.payload_offset.saturating_add(start);
    packet.payload_length = u32::try_from(payload.len()).unwrap_or(0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::flow::Transport;
    use crate::flow::network;

    fn fragment(id: u16, offset: u32, more: bool, seconds: i64) -> Packet {
        let mut packet = Packet {
            source: Address::v4([10, 0, 0, 1]),
            destination: Address::v4([10, 0, 0, 2]),
            destination_port: id,
            sequence: offset,
            tcp_flags: network::IP_UDP,
            time: Timestamp::from_parts(seconds, 0),
            ..Packet::default()
        };
        packet.set(Flag::Ip);
        packet.set(Flag::Fragment);
        if more {
            packet.set(Flag::MoreFragments);
        }
        packet
    }

    /// A UDP datagram from port 1000 to port 53 with `length` bytes of payload.
    fn datagram(length: usize) -> Vec<u8> {
        let mut data = vec![3, 232, 0, 53, 0, 0, 0, 0];
        data.extend((0..=u8::MAX).cycle().take(length));
        data
    }

    #[test]
    fn any_order_gives_the_same_datagram() {
        let whole = datagram(2_000);
        let mut random = Random::new(11);
        for _ in 0..200 {
            let mut pieces: Vec<usize> = (0..whole.len().div_ceil(400)).collect();
            for at in (1u32..6).rev() {
                pieces.swap(at as usize, random.below(at + 1) as usize);
            }
            let mut reassembler = Reassembler::default();
            let mut side = b"before".to_vec();
            let mut last = Packet::default();
            for piece in pieces {
                let range = piece * 400..whole.len().min(piece * 400 + 400);
                let start = u32::try_from(range.start).unwrap();
                last = fragment(7, start, range.end < whole.len(), 0);
                reassembler.take(&mut last, &whole[range], &mut side);
            }
            assert_eq!(&side[6..], whole);
            assert_eq!((last.source_port, last.destination_port), (1000, 53));
            assert_eq!(last.transport, Transport::Udp);
            assert_eq!((last.payload_offset, last.payload_length), (14, 2_000));
            assert_eq!((reassembler.completed, reassembler.bytes), (1, 0));
        }
    }

    #[test]
    fn the_first_bytes_stay_where_fragments_overlap() {
        let mut reassembler = Reassembler::default();
        let mut side = Vec::new();
        reassembler.take(&mut fragment(7, 8, true, 0), &[1; 16], &mut side);
        reassembler.take(&mut fragment(7, 0, true, 0), &[2; 16], &mut side);
        reassembler.take(&mut fragment(7, 16, false, 0), &[3; 16], &mut side);
        assert_eq!(side, [[2; 8], [1; 8], [1; 8], [3; 8]].concat());
    }

    #[test]
    fn what_never_completes_is_counted_and_bounded() {
        let limits = FragmentLimits { datagrams: 4, bytes: 1 << 20, wait_ns: 1_000_000_000 };
        let mut reassembler = Reassembler::new(limits);
        for id in 0..100 {
            reassembler.take(&mut fragment(id, 0, true, 0), &[0; 64], &mut Vec::new());
            assert!(reassembler.waiting.len() <= 4 && reassembler.bytes <= 4 * 64);
        }
        assert_eq!(reassembler.dropped, 96);
        reassembler.take(&mut fragment(500, 0, true, 9), &[0; 64], &mut Vec::new());
        assert_eq!((reassembler.dropped, reassembler.waiting.len()), (100, 1));
        reassembler.finish();
        assert_eq!(reassembler.dropped, 101);
    }

    #[test]
    fn a_fragment_beyond_the_largest_datagram_is_refused() {
        let mut reassembler = Reassembler::default();
        reassembler.take(&mut fragment(7, 65_528, false, 0), &[0; 64], &mut Vec::new());
        assert_eq!((reassembler.dropped, reassembler.waiting.len()), (1, 0));
    }
}
