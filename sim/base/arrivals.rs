//! Packets as a queue sees them: when, how long, of which kind and flow.

/// Packets in the order they arrive, one column per property: what arithmetic on many of them
/// goes through fastest. All columns have the same length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arrivals {
    /// When each arrived, in nanoseconds since 1970.
    pub time_ns: Vec<i64>,
    /// Bytes on the wire.
    pub bytes: Vec<u32>,
    /// What it is, in numbers that whoever made them gives.
    pub class: Vec<u8>,
    /// Hash of its flow, the same for both directions.
    pub flow: Vec<u32>,
}

impl Arrivals {
    /// Appends one.
    #[inline]
    pub fn push(&mut self, time_ns: i64, bytes: u32, class: u8, flow: u32) {
        self.time_ns.push(time_ns);
        self.bytes.push(bytes);
        self.class.push(class);
        self.flow.push(flow);
    }

    /// Forgets all, memory kept.
    pub fn clear(&mut self) {
        self.time_ns.clear();
        self.bytes.clear();
        self.class.clear();
        self.flow.clear();
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.time_ns.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.time_ns.is_empty()
    }
}
