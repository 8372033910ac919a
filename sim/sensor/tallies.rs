//! Messages counted by protocol, operation and quality.

use std::collections::HashMap;

use crate::proto::{Context, Id, Quality, Tally};
use crate::wire::{Cause, WireError};

/// Operations told apart at most; those of real traffic are some hundreds. Ours.
const OPERATIONS_MAX: usize = 8_192;

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
    operations: HashMap<(Id, u32, bool), Count>,
    reasons: HashMap<(Id, &'static str, &'static str), u64>,
    /// Messages whose operation found no room.
    pub operations_dropped: u64,
    /// Flows that stopped being listened to because others needed the place.
    pub evicted: u64,
}

impl Default for Tallies {
    fn default() -> Self {
        Self {
            by_protocol: [Heard::default(); Id::COUNT],
            operations: HashMap::new(),
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
        let key = (id, tally.operation, tally.is_answer);
        if self.operations.len() >= OPERATIONS_MAX && !self.operations.contains_key(&key) {
            self.operations_dropped += 1;
            return;
        }
        let count = self.operations.entry(key).or_default();
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
        for (key, more) in &other.operations {
            let sum = self.operations.entry(*key).or_default();
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
        let all = self.operations.iter();
        let mut list: Vec<_> =
            all.map(|(&(id, code, answer), &count)| (id, code, answer, count)).collect();
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
