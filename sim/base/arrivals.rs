//! Packets as a queue sees them: when, how long, of which kind and flow.

use super::Timestamp;

/// Packets in the order they arrive, one column per property: what arithmetic on many of them
/// goes through fastest. All columns have the same length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// When each arrived, in nanoseconds since 1970.
    pub times_ns: Vec<i64>,
    /// Bytes on the wire.
    pub bytes: Vec<u32>,
    /// What it is, in numbers that whoever made them gives.
    pub classes: Vec<u8>,
    /// Hash of its flow, the same for both directions.
    pub flows: Vec<u32>,
}

impl Arrivals {
    /// Appends one.
    #[inline]
    pub fn push(&mut self, time: Timestamp, bytes: u32, class: u8, flow: u32) {
        self.times_ns.push(time.nanos());
        self.bytes.push(bytes);
        self.classes.push(class);
        self.flows.push(flow);
    }

    /// Forgets all, memory kept.
    pub fn clear(&mut self) {
        self.times_ns.clear();
        self.bytes.clear();
        self.classes.clear();
        self.flows.clear();
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.times_ns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times_ns.is_empty()
    }
}
