//! Arrivals as listeners take them: a thousand at a time, dealt to shards once for all sizes that
//! have as many.
//!
//! A shard that has its packets in one row is served without looking anything up, twice as fast
//! as one whose packets lie scattered among those of others.

use super::shards::{SHARDS_MAX, SLOTS, deal, slot_of};
use super::{Arrivals, CLASSES};

/// Units of time in a nanosecond, as a power of two: a packet's place in a tick of 100 ms fits
/// into 32 bits.
pub(super) const UNIT_BITS: u32 = 5;
/// Longest tick in nanoseconds.
const TICK_NS_MAX: i64 = (1 << (32 - UNIT_BITS)) - 1;

/// Packets of a block, at most.
const BLOCK: usize = 1_024;
/// From one shard's row to the next. Not a power of two, which would lay all of them into the same
/// few lines of the processor's cache.
const ROW: usize = BLOCK + 12;

/// Bytes of a packet, at most: those of a block add up to less than 2^32. Four times what
/// any offload makes of segments.
const BYTES_MAX: u32 = (1 << 21) - 1;

/// What a packet is, whenever it comes: its bytes, and its class in the lowest eight bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Kind(u32);

impl Kind {
    #[inline(always)]
    pub(super) fn bytes(self) -> u64 {
        u64::from(self.0 >> u8::BITS)
    }

    #[inline(always)]
    pub(super) fn class(self) -> usize {
        usize::from(u8::try_from(self.0 & 0xff).unwrap_or(0))
    }
}

/// An arrival.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Packet {
    /// When it comes, in units from the start of the tick.
    now: u32,
    pub(super) kind: Kind,
}

impl Packet {
    /// One that comes so long after the start of the tick.
    #[inline(always)]
    fn new(ns: u32, bytes: u32, class: u8) -> Self {
        let kind = Kind(bytes.clamp(1, BYTES_MAX) << u8::BITS | u32::from(class));
        Self { now: ns << UNIT_BITS, kind }
    }

    /// When it comes, in units from the start of the tick.
    #[inline(always)]
    pub(super) fn now(self) -> i64 {
        i64::from(self.now)
    }
}

/// Consecutive packets of one shard.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'a> {
    pub(super) packets: &'a [Packet],
    /// Bytes of all of them.
    pub(super) bytes: u64,
}

/// Bytes of a block's packets, at most [`BLOCK`] of them.
fn bytes_of(packets: &[Packet]) -> u64 {
    u64::from(packets.iter().map(|packet| packet.kind.0 >> u8::BITS).sum::<u32>())
}

/// Consecutive arrivals of one tick.
#[derive(Debug, Clone)]
pub(super) struct Block {
    packets: Vec<Packet>,
    /// The slot of each one's flow.
    slots: Vec<u16>,
    /// Bytes of all.
    bytes: u64,
    /// One for each number of shards above one.
    deals: Vec<Deal>,
}

impl Block {
    /// An empty one, for listeners of so many shards.
    pub(super) fn new(shards: impl Iterator<Item = usize>) -> Self {
        let mut deals: Vec<Deal> = Vec::new();
        for shards in shards.filter(|shards| *shards > 1) {
            if deals.iter().all(|deal| deal.shards != shards) {
                deals.push(Deal::new(shards));
            }
        }
        let (packets, slots) = (Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK));
        Self { packets, slots, bytes: 0, deals }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.packets.len() >= BLOCK
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.slots.clear();
        self.bytes = 0;
    }

    /// Adds arrivals, as many as there is room for, of those from `from` on that come before the
    /// tick ends; how many.
    pub(super) fn fill(
        &mut self,
        arrivals: &Arrivals,
        from: usize,
        tick_start_ns: i64,
        tick_ns: i64,
    ) -> usize {
        let times = arrivals.time_ns.get(from..).unwrap_or_default();
        let times = times.get(..BLOCK - self.packets.len()).unwrap_or(times);
        let bytes = arrivals.bytes.get(from..).unwrap_or_default();
        let classes = arrivals.class.get(from..).unwrap_or_default();
        let flows = arrivals.flow.get(from..).unwrap_or_default();
        let all_in = all_in_tick(times, tick_start_ns, tick_ns);
        let count = if all_in { times.len() } else { in_tick(times, tick_start_ns, tick_ns) };
        let old = self.packets.len();
        let each = times.iter().zip(bytes).zip(classes).take(count);
        if all_in {
            self.packets.extend(each.map(|((time, bytes), class)| {
                Packet::new(low_bits(time.wrapping_sub(tick_start_ns)), *bytes, *class)
            }));
        } else {
            self.packets.extend(each.map(|((time, bytes), class)| {
                Packet::new(since(*time, tick_start_ns), *bytes, *class)
            }));
        }
        self.slots.extend(flows.iter().take(count).map(|flow| slot_of(*flow)));
        self.bytes += bytes_of(self.packets.get(old..).unwrap_or_default());
        count
    }

    /// Packets, their bytes, and their work where each class costs so much.
    pub(super) fn sums(&self, costs: &[u64; CLASSES]) -> (u64, u64, u64) {
        let cost = |packet: &Packet| costs.get(packet.kind.class()).copied().unwrap_or(0);
        let work = self.packets.iter().map(cost).sum();
        (self.packets.len() as u64, self.bytes, work)
    }

    /// Deals the packets to shards.
    pub(super) fn deal(&mut self) {
        let (packets, slots) = (&self.packets, &self.slots);
        for deals in self.deals.chunks_mut(2) {
            match deals {
                [one, other] => deal_two(one, other, packets, slots),
                rest => rest.iter_mut().for_each(|one| one.deal(packets, slots)),
            }
        }
    }

    /// What each shard is shown where there are so many.
    pub(super) fn lists(&self, shards: usize) -> impl Iterator<Item = List<'_>> {
        let all = (shards == 1).then_some(List { packets: &self.packets, bytes: self.bytes });
        let deal = self.deals.iter().find(|deal| deal.shards == shards);
        all.into_iter().chain(deal.into_iter().flat_map(Deal::lists))
    }
}

/// Whether all of these times lie in a tick: the signs of what has passed of it and what is left
/// say so, and nothing branches on each.
fn all_in_tick(times: &[i64], start_ns: i64, tick_ns: i64) -> bool {
    let (mut passed, mut left) = (0, 0);
    for time in times {
        let since = time.wrapping_sub(start_ns);
        passed |= since;
        left |= tick_ns.min(TICK_NS_MAX).wrapping_sub(1).wrapping_sub(since);
    }
    passed >= 0 && left >= 0
}

/// How many of these times, from the first on, lie before the end of a tick.
fn in_tick(times: &[i64], start_ns: i64, tick_ns: i64) -> usize {
    let end_ns = start_ns.saturating_add(tick_ns);
    times.iter().position(|time| *time >= end_ns).unwrap_or(times.len())
}

/// Nanoseconds from the start of a tick; what lies before it counts as at it.
fn since(time: i64, start_ns: i64) -> u32 {
    u32::try_from(time.saturating_sub(start_ns).clamp(0, TICK_NS_MAX)).unwrap_or(0)
}

/// The lower half of a number that has nothing in the upper one.
#[inline(always)]
fn low_bits(number: i64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The packets of a block, dealt to so many shards.
#[derive(Debug, Clone)]
struct Deal {
    shards: usize,
    /// The shard of each slot.
    owners: Box<[u8; SLOTS]>,
    /// A row for each shard.
    rows: Vec<Packet>,
    /// Where each shard's row ends.
    next: [usize; SHARDS_MAX],
    /// Bytes of each shard's packets.
    bytes: [u64; SHARDS_MAX],
}

impl Deal {
    fn new(shards: usize) -> Self {
        let mut owners = Box::new([0; SLOTS]);
        for (owner, shard) in owners.iter_mut().zip(deal(shards)) {
            *owner = u8::try_from(shard).unwrap_or(0);
        }
        let rows = vec![Packet::default(); ROW * shards];
        Self { shards, owners, rows, next: [0; SHARDS_MAX], bytes: [0; SHARDS_MAX] }
    }

    /// A hand that has dealt nothing yet.
    fn hand(&mut self) -> Hand<'_> {
        let next = std::array::from_fn(|shard| shard * ROW);
        Hand { owners: &self.owners, rows: &mut self.rows, next }
    }

    fn deal(&mut self, packets: &[Packet], slots: &[u16]) {
        let mut hand = self.hand();
        for (packet, slot) in packets.iter().zip(slots) {
            hand.put(*packet, *slot);
        }
        self.next = hand.next;
        self.add_up();
    }

    /// Adds up what was dealt.
    fn add_up(&mut self) {
        let mut bytes = [0; SHARDS_MAX];
        bytes.iter_mut().zip(self.packets()).for_each(|(sum, row)| *sum = bytes_of(row));
        self.bytes = bytes;
    }

    fn lists(&self) -> impl Iterator<Item = List<'_>> {
        self.packets().zip(&self.bytes).map(|(packets, bytes)| List { packets, bytes: *bytes })
    }

    /// The packets of each shard.
    fn packets(&self) -> impl Iterator<Item = &[Packet]> {
        let rows = self.rows.chunks(ROW).zip(&self.next).enumerate();
        rows.map(|(shard, (row, next))| row.get(..next - shard * ROW).unwrap_or_default())
    }
}

/// Deals to two numbers of shards in turns: where a shard's next packet goes is known after the one
/// before, and a processor does something else meanwhile.
#[inline(never)]
fn deal_two(one: &mut Deal, other: &mut Deal, packets: &[Packet], slots: &[u16]) {
    let (mut hand, mut second) = (one.hand(), other.hand());
    for (packet, slot) in packets.iter().zip(slots) {
        hand.put(*packet, *slot);
        second.put(*packet, *slot);
    }
    (one.next, other.next) = (hand.next, second.next);
    one.add_up();
    other.add_up();
}

/// What deals.
struct Hand<'a> {
    owners: &'a [u8; SLOTS],
    rows: &'a mut [Packet],
    /// Where the next packet of each shard goes.
    next: [usize; SHARDS_MAX],
}

impl Hand<'_> {
    #[inline(always)]
    fn put(&mut self, packet: Packet, slot: u16) {
        let owner = self.owners.get(usize::from(slot) % SLOTS).copied().unwrap_or(0);
        let Some(next) = self.next.get_mut(usize::from(owner) % SHARDS_MAX) else { return };
        if let Some(place) = self.rows.get_mut(*next) {
            *place = packet;
        }
        *next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(count: u32) -> Arrivals {
        let mut arrivals = Arrivals::default();
        for number in 0..count {
            let class = u8::try_from(number % 256).unwrap();
            arrivals.push(i64::from(number) * 1_000, 60 + number, class, number * 77);
        }
        arrivals
    }

    #[test]
    fn every_packet_is_dealt_once_and_in_order() {
        let arrivals = arrivals(300);
        let mut block = Block::new([1, 3, 32, 3, 7].into_iter());
        assert_eq!(block.deals.len(), 3);
        assert_eq!(block.fill(&arrivals, 0, 0, 100_000_000), 300);
        block.deal();
        for shards in [1, 3, 7, 32] {
            let owners = deal(shards);
            let lists: Vec<List<'_>> = block.lists(shards).collect();
            assert_eq!(lists.len(), shards);
            for (shard, list) in lists.iter().enumerate() {
                let own = (0..300).filter(|n| owners[usize::from(slot_of(n * 77))] == shard);
                let bytes: Vec<u64> = own.map(|n| 60 + u64::from(n)).collect();
                let found: Vec<u64> =
                    list.packets.iter().map(|packet| packet.kind.bytes()).collect();
                assert_eq!(found, bytes);
                assert_eq!(list.bytes, bytes.iter().sum::<u64>());
            }
        }
        assert!(block.lists(2).next().is_none());
    }

    #[test]
    fn a_block_ends_with_its_tick_and_where_it_is_full() {
        let arrivals = arrivals(2_000);
        let mut block = Block::new([1].into_iter());
        // 0, 1, 2 and 3 us lie before the end.
        assert_eq!(block.fill(&arrivals, 0, 0, 3_001), 4);
        assert_eq!(block.fill(&arrivals, 4, 0, 3_001), 0);
        assert!(!block.is_full());
        assert_eq!(block.fill(&arrivals, 4, 0, 100_000_000), BLOCK - 4);
        assert!(block.is_full());
        assert_eq!(block.fill(&arrivals, BLOCK, 0, 100_000_000), 0);
    }

    #[test]
    fn whatever_is_said_of_a_packet_it_is_one() {
        let all = |ns, bytes| {
            let packet = Packet::new(since(ns, 0), bytes, 200);
            (packet.now() >> UNIT_BITS, packet.kind.bytes(), packet.kind.class())
        };
        assert_eq!(all(99_999_999, 1_514), (99_999_999, 1_514, 200));
        assert_eq!(all(-1, 0), (0, 1, 200));
        assert_eq!(all(i64::MAX, u32::MAX), (TICK_NS_MAX, u64::from(BYTES_MAX), 200));
    }

    #[test]
    fn times_that_go_back_or_lie_centuries_away_are_told_apart() {
        assert_eq!(in_tick(&[5, 3, 9, 10, 2], 3, 7), 3);
        assert_eq!(in_tick(&[0, i64::MAX], i64::MIN, 100), 0);
        assert_eq!(in_tick(&[i64::MIN, 0], 0, 100), 2);
        let all = |times: &[i64], start_ns| all_in_tick(times, start_ns, 100);
        assert!(all(&[0, 99, 50], 0) && all(&[], 0) && all(&[i64::MIN], i64::MIN));
        for (time, start_ns) in [(100, 0), (-1, 0), (0, i64::MIN), (i64::MAX, 0)] {
            assert!(!all(&[start_ns, time], start_ns), "{time} {start_ns}");
        }
    }
}
