//! Messages counted by protocol, operation and quality.

use std::collections::HashMap;

use crate::proto::{Context, Id, Quality, Tally};
use crate::wire::{Cause, WireError};

/// Operations told apart at most; those of real traffic are some hundreds. Ours.
const OPERATIONS_MAX: usize = 8_192;

/// Bits of a short hash by which the place of an operation is found without the map. Ours.
const SHORT_BITS: u32 = 10;

/// Reasons told apart at most: structures times causes, some hundreds in all protocols. Ours.
const REASONS_MAX: usize = 4_096;

/// Messages of one protocol, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// Messages read to their end.
    pub parsed: u64,
    /// Messages whose inside is encrypted, compressed or not looked into.
    pub opaque: u64,
    /// Messages that the capture does not hold whole.
    pub cut: u64,
    /// Messages that are not what the specification says.
    pub malformed: u64,
    /// Bytes of all these.
    pub bytes: u64,
    /// Holes in streams.
    pub gaps: u64,
    /// Bytes in them.
    pub lost_bytes: u64,
    /// Bytes that belong to no message that was found.
    pub unread_bytes: u64,
}

/// What is counted of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Everything counted of messages.
#[derive(Debug, Clone)]
pub struct Tallies {
    by_protocol: [Heard; Id::COUNT],
    operations: Operations,
    reasons: HashMap<(Id, &'static str, &'static str), u64>,
    /// Messages whose operation found no room.
    pub operations_dropped: u64,
    /// Times a flow said more after its place had gone to another.
    pub evicted: u64,
}

impl Default for Tallies {
    fn default() -> Self {
        Self {
            by_protocol: [Heard::default(); Id::COUNT],
            operations: Operations::default(),
            reasons: HashMap::new(),
            operations_dropped: 0,
            evicted: 0,
        }
    }
}

impl Tallies {
    /// Counts a message that was read.
    #[inline]
    pub fn message(&mut self, id: Id, tally: Tally) {
        let heard = self.heard(id);
        match tally.quality {
            Quality::Parsed => heard.parsed += 1,
            Quality::Opaque => heard.opaque += 1,
            Quality::Cut => heard.cut += 1,
        }
        heard.bytes += tally.bytes as u64;
        let Some(count) = self.operations.count((id, tally.operation, tally.is_answer)) else {
            self.operations_dropped += 1;
            return;
        };
        count.messages += 1;
        count.bytes += tally.bytes as u64;
    }

    /// Counts a message that could not be read. Where only the port says which protocol it is,
    /// its bytes count as unread and nothing as malformed.
    pub fn failed(&mut self, id: Id, context: &Context, error: WireError, is_proven: bool) {
        if context.is_cut && error.is_truncation() {
            self.heard(id).cut += 1;
        } else if is_proven {
            self.malformed(id, error);
        } else {
            self.unread(id, context.length as u64);
        }
    }

    /// Counts a message that is not what it should be, by reason.
    pub fn malformed(&mut self, id: Id, error: WireError) {
        self.heard(id).malformed += 1;
        let key = (id, error.what, cause(&error));
        if self.reasons.len() < REASONS_MAX || self.reasons.contains_key(&key) {
            *self.reasons.entry(key).or_default() += 1;
        }
    }

    /// Counts bytes that will not come.
    pub fn gap(&mut self, id: Id, lost: u64) {
        let heard = self.heard(id);
        heard.gaps += 1;
        heard.lost_bytes += lost;
    }

    /// Counts bytes in which no message was found.
    pub fn unread(&mut self, id: Id, bytes: u64) {
        self.heard(id).unread_bytes += bytes;
    }

    /// Adds another shard's.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.by_protocol.iter_mut().zip(&other.by_protocol) {
            sum.parsed += more.parsed;
            sum.opaque += more.opaque;
            sum.cut += more.cut;
            sum.malformed += more.malformed;
            sum.bytes += more.bytes;
            sum.gaps += more.gaps;
            sum.lost_bytes += more.lost_bytes;
            sum.unread_bytes += more.unread_bytes;
        }
        for &(key, more) in &other.operations.counts {
            let Some(sum) = self.operations.count(key) else {
                self.operations_dropped += more.messages;
                continue;
            };
            sum.messages += more.messages;
            sum.bytes += more.bytes;
        }
        for (key, more) in &other.reasons {
            *self.reasons.entry(*key).or_default() += more;
        }
        self.operations_dropped += other.operations_dropped;
        self.evicted += other.evicted;
    }

    /// Messages of `id`.
    pub fn of(&self, id: Id) -> Heard {
        self.by_protocol.get(id.index()).copied().unwrap_or_default()
    }

    /// Operations of all protocols, most messages first within each, protocols in order.
    pub fn operations(&self) -> Vec<(Id, u32, bool, Count)> {
        let all = self.operations.counts.iter();
        let mut list: Vec<_> =
            all.map(|&((id, code, answer), count)| (id, code, answer, count)).collect();
        list.sort_by_key(|&(id, code, answer, count)| {
            (id, std::cmp::Reverse(count.messages), code, answer)
        });
        list
    }

    /// Why messages are malformed: protocol, structure, cause, how often.
    pub fn reasons(&self) -> Vec<(Id, &'static str, &'static str, u64)> {
        let all = self.reasons.iter();
        let mut list: Vec<_> = all.map(|(&(id, what, why), &n)| (id, what, why, n)).collect();
        list.sort_by_key(|&(id, what, why, n)| (id, std::cmp::Reverse(n), what, why));
        list
    }

    fn heard(&mut self, id: Id) -> &mut Heard {
        self.by_protocol.get_mut(id.index()).expect("as long as the list of protocols")
    }
}

/// Protocol, operation, whether it is an answer.
type Operation = (Id, u32, bool);

/// Counts of operations. Almost every message is of one counted before: its place is looked up
/// by a short hash, which senders may make collide, and only then in the map, where they cannot.
#[derive(Debug, Clone)]
struct Operations {
    counts: Vec<(Operation, Count)>,
    places: HashMap<Operation, u16>,
    /// The place of the latest operation with each short hash.
    latest: [u16; 1 << SHORT_BITS],
}

impl Default for Operations {
    fn default() -> Self {
        Self { counts: Vec::new(), places: HashMap::new(), latest: [0; 1 << SHORT_BITS] }
    }
}

impl Operations {
    /// The count of `key`; `None` if there is no room for it.
    #[inline]
    fn count(&mut self, key: Operation) -> Option<&mut Count> {
        let place = *self.latest.get(short_hash(key))?;
        let is_latest = self.counts.get(usize::from(place)).is_some_and(|(known, _)| *known == key);
        let place = if is_latest { place } else { self.place(key)? };
        self.counts.get_mut(usize::from(place)).map(|(_, count)| count)
    }

    #[inline(never)]
    fn place(&mut self, key: Operation) -> Option<u16> {
        let Self { counts, places, latest } = self;
        let place = match places.get(&key) {
            Some(&place) => place,
            None => {
                let place = u16::try_from(counts.len()).ok();
                let place = place.filter(|&place| usize::from(place) < OPERATIONS_MAX)?;
                counts.push((key, Count::default()));
                places.insert(key, place);
                place
            }
        };
        *latest.get_mut(short_hash(key))? = place;
        Some(place)
    }
}

/// The top bits of a product (Knuth, The Art of Computer Programming 3, section 6.4).
#[inline]
fn short_hash((id, code, is_answer): Operation) -> usize {
    let word = u64::from(code) << 8 | u64::from(id as u8) << 1 | u64::from(is_answer);
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - SHORT_BITS)) as usize
}

/// A cause without its numbers.
fn cause(error: &WireError) -> &'static str {
    match error.cause {
        Cause::Truncated { .. } => "ends early",
        Cause::BadConstant { field, .. }
        | Cause::BadValue { field, .. }
        | Cause::BadLength { field, .. } => field,
        Cause::TrailingBytes { .. } => "bytes behind its end",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(operation: u32) -> Tally {
        Tally { operation, is_answer: false, bytes: 10, quality: Quality::Parsed }
    }

    #[test]
    fn operations_that_share_a_short_hash_are_told_apart() {
        let mut tallies = Tallies::default();
        for operation in (0..4_096).chain(0..4_096) {
            tallies.message(Id::Dns, tally(operation));
        }
        let operations = tallies.operations();
        assert_eq!(operations.len(), 4_096);
        assert!(operations.iter().all(|(.., count)| (count.messages, count.bytes) == (2, 20)));
    }

    #[test]
    fn operations_beyond_the_limit_are_dropped_and_counted() {
        let mut tallies = Tallies::default();
        for operation in 0..10_000 {
            tallies.message(Id::Dns, tally(operation));
        }
        tallies.message(Id::Dns, tally(0));
        let dropped = 10_000 - OPERATIONS_MAX as u64;
        assert_eq!(tallies.operations_dropped, dropped);
        assert_eq!(tallies.operations().len(), OPERATIONS_MAX);
        let mut sum = tallies.clone();
        sum.add(&tallies);
        assert_eq!(sum.operations_dropped, 2 * dropped);
        assert_eq!(sum.operations()[0].3.messages, 4);
    }
}
