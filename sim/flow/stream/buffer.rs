//! What a stream holds: bytes in order that wait for more, and islands behind holes.

use std::collections::VecDeque;

use super::pool::Pool;

/// Bytes that came before others they follow.
#[derive(Debug)]
pub(super) struct Island {
    /// Sequence number of the first byte.
    pub start: u32,
    /// Bytes behind `data` that the capture cut off.
    pub missing: u32,
    /// Empty where only cut off bytes are known.
    pub data: Vec<u8>,
}

/// Where bytes belong among the islands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// The first this many are there already.
    Covered(usize),
    /// `room` bytes are free before the island `index`, or for ever if there is none.
    Free { index: usize, room: usize },
}

/// What one stream holds.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    front: Vec<u8>,
    /// Bytes of `front` that the consumer has taken.
    taken: usize,
    /// Sorted and apart, though they may touch; never more than the limit of the pool, for
    /// which there is memory from the first one on.
    islands: VecDeque<Island>,
    /// Capacity of all pieces of memory.
    bytes: usize,
    /// Whether bytes behind some island may have been cut off.
    has_missing: bool,
    /// Segments that came since the first hole last shrank.
    pub waiting: u32,
}

impl Buffer {
    /// Bytes of memory of the buffer itself.
    pub fn own_bytes(&self) -> usize {
        size_of::<Self>() + self.islands.capacity() * size_of::<Island>()
    }

    pub fn is_empty(&self) -> bool {
        self.held().is_empty() && self.islands.is_empty()
    }

    /// Bytes in order that the consumer has not taken.
    pub fn held(&self) -> &[u8] {
        self.front.get(self.taken..).unwrap_or_default()
    }

    /// Adds bytes to those in order; false if there is no memory for them.
    ///
    /// The bytes that stay are moved only where at least as many have been taken or the memory
    /// doubles, so that each is moved a constant number of times on average.
    pub fn append(&mut self, bytes: &[u8], pool: &mut Pool) -> bool {
        let held = self.held().len();
        if self.front.capacity() - self.front.len() < bytes.len() {
            if self.taken >= held && self.front.capacity() - held >= bytes.len() {
                self.front.copy_within(self.taken.., 0);
                self.front.truncate(held);
                self.taken = 0;
            } else {
                let used = self.bytes - self.front.capacity();
                let wanted = (held + bytes.len()).max(self.front.capacity() + 1);
                let Some(mut larger) = pool.take(wanted, used) else { return false };
                larger.extend_from_slice(self.held());
                self.bytes = used + larger.capacity();
                self.taken = 0;
                pool.give(std::mem::replace(&mut self.front, larger));
            }
            pool.counts.copied_bytes += held as u64;
        }
        self.front.extend_from_slice(bytes);
        pool.counts.copied_bytes += bytes.len() as u64;
        true
    }

    /// Makes `data`, of which `taken` bytes are taken, the bytes in order; there are none.
    pub fn adopt(&mut self, data: Vec<u8>, taken: usize, pool: &mut Pool) {
        self.consume(usize::MAX, pool);
        self.bytes += data.capacity();
        (self.front, self.taken) = (data, taken);
    }

    /// The consumer has taken `count` of the bytes in order.
    pub fn consume(&mut self, count: usize, pool: &mut Pool) {
        self.taken = self.taken.saturating_add(count);
        if self.taken >= self.front.len() {
            self.bytes -= self.front.capacity();
            self.taken = 0;
            pool.give(std::mem::take(&mut self.front));
        }
    }

    /// Where the first island begins.
    pub fn shore(&self) -> Option<u32> {
        self.islands.front().map(|island| island.start)
    }

    /// Takes the first island out.
    pub fn pop(&mut self) -> Option<Island> {
        let island = self.islands.pop_front()?;
        self.has_missing &= !self.islands.is_empty();
        self.bytes -= island.data.capacity();
        Some(island)
    }

    /// Where `length` bytes at `start` belong; both `start` and all islands are at or behind
    /// `next`.
    pub fn spot(&self, next: u32, start: u32, length: usize) -> Spot {
        let offset = |at: u32| at.wrapping_sub(next) as usize;
        let end = |island: &Island| offset(island.end());
        let index = self.islands.partition_point(|island| end(island) <= offset(start));
        let Some(island) = self.islands.get(index) else {
            return Spot::Free { index, room: usize::MAX };
        };
        match offset(island.start).checked_sub(offset(start)) {
            Some(room) if room > 0 => Spot::Free { index, room },
            _ => Spot::Covered((end(island) - offset(start)).min(length)),
        }
    }

    /// How many of the bytes at `start` the islands hold already, and how many of those differ.
    pub fn compare(&self, next: u32, start: u32, bytes: &[u8]) -> (u64, u64) {
        let offset = |at: u32| at.wrapping_sub(next) as usize;
        let (start, end) = (offset(start), offset(start) + bytes.len());
        let first = self.islands.partition_point(|island| offset(island.end()) <= start);
        let (mut again, mut other) = (0, 0);
        for island in self.islands.iter().skip(first) {
            let from = offset(island.start);
            if from >= end {
                break;
            }
            let old = island.data.get(start.saturating_sub(from)..).unwrap_or_default();
            let new = bytes.get(from.saturating_sub(start)..).unwrap_or_default();
            let both = old.iter().zip(new);
            again += both.len() as u64;
            other += both.filter(|(old, new)| old != new).count() as u64;
        }
        (again, other)
    }

    /// Forgets that `length` bytes at `start` are missing; how many behind them still are.
    pub fn found(&mut self, next: u32, start: u32, length: usize) -> u32 {
        if !self.has_missing {
            return 0;
        }
        let mut behind = 0;
        let start = start.wrapping_sub(next) as usize;
        for island in self.islands.iter_mut().filter(|island| island.missing > 0) {
            let end = island.end().wrapping_sub(next) as usize;
            let lost = end + island.missing as usize;
            if length > 0 && start < lost && end < start + length {
                island.missing = saturated(start.saturating_sub(end));
                behind = behind.max(saturated(lost.saturating_sub(start + length)));
            }
        }
        behind
    }

    /// Keeps bytes that belong before the island `index` and touch no other byte; false if
    /// there is no memory for them, or too many islands.
    pub fn store(&mut self, index: usize, start: u32, bytes: &[u8], pool: &mut Pool) -> bool {
        if self.extend(index, start, bytes, pool) {
            return true;
        }
        let islands_max = pool.limits().islands_max;
        if self.islands.capacity() == 0 && pool.charge(islands_max * size_of::<Island>()) {
            self.islands.reserve_exact(islands_max);
        }
        if self.islands.len() >= islands_max.min(self.islands.capacity()) {
            return false;
        }
        let mut data = Vec::new();
        if !bytes.is_empty() {
            let Some(piece) = pool.take(bytes.len(), self.bytes) else { return false };
            data = piece;
            data.extend_from_slice(bytes);
            pool.counts.copied_bytes += bytes.len() as u64;
        }
        self.bytes += data.capacity();
        self.islands.insert(index, Island { start, missing: 0, data });
        true
    }

    /// Appends to the island before `index` if that ends at `start`.
    fn extend(&mut self, index: usize, start: u32, bytes: &[u8], pool: &mut Pool) -> bool {
        let before = index.checked_sub(1).and_then(|index| self.islands.get_mut(index));
        let Some(island) = before.filter(|island| island.end() == start) else {
            return false;
        };
        let (length, capacity) = (island.data.len(), island.data.capacity());
        if capacity - length < bytes.len() {
            let used = self.bytes - capacity;
            let Some(mut larger) = pool.take(length + bytes.len(), used) else { return false };
            larger.extend_from_slice(&island.data);
            self.bytes = used + larger.capacity();
            pool.counts.copied_bytes += length as u64;
            pool.give(std::mem::replace(&mut island.data, larger));
        }
        island.data.extend_from_slice(bytes);
        pool.counts.copied_bytes += bytes.len() as u64;
        true
    }

    /// Notes that `missing` bytes behind the island that ends at `end` were cut off; false if
    /// there is no such island.
    pub fn cut(&mut self, end: u32, missing: u32) -> bool {
        let island = self.islands.iter_mut().rev().find(|island| island.end() == end);
        let Some(island) = island else { return false };
        island.missing = island.missing.max(missing);
        self.has_missing = true;
        true
    }
}

impl Island {
    /// Sequence number behind the last byte.
    #[expect(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
    fn end(&self) -> u32 {
        self.start.wrapping_add(self.data.len() as u32)
    }
}

/// Lengths within the window, which fit.
fn saturated(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
