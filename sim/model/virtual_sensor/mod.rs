//! The virtual sensor: a sensor of each candidate size, fed the same arrivals at once.
//!
//! Packets come with their times; the listener ([`listener`]) serves them as far as the quota
//! loop ([`quota`]) lets it, loses what finds no room, and passes messages on to the stages
//! behind it ([`stages`]), which block it when they are full. Memory follows the packet rate;
//! at its limit the service stops and starts again. Time moves in ticks of 10 ms, but arrivals
//! keep their own times: ticks are when queues behind the listener, restarts and series are
//! looked at, and every 1,000 of them the quota.
//!
//! What is published, inferred or assumed is said at each parameter. Nothing here knows how the
//! vendor's sensor is written: it is a model of what the vendor says about it.

mod assumptions;
mod engine;
mod listener;
#[cfg(test)]
mod oracles;
#[cfg(test)]
mod properties;
mod quota;
mod settings;
mod shards;
mod size;
mod stages;

pub use engine::VirtualSensor;
pub use quota::{OwnLoad, QUOTA_SECONDS, Use, quota_percent};
pub use settings::{
    CLASSES, Candidate, DEFAULT_BUFFER_BYTES, MemoryUse, Probes, SensorError, Server, Settings,
};
pub use stages::{RESOLVER_QUEUE, SENDER_QUEUE, Stages, TRANSLATOR_QUEUE};

/// Arrivals in order of time, one array for each property. All four are equally long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Nanoseconds since 1970, never decreasing; one that is earlier than the simulation has
    /// come counts as now.
    pub time_ns: Vec<i64>,
    /// Bytes in the capture buffer; 0 counts as 1.
    pub bytes: Vec<u32>,
    /// Class of cost; see [`Settings::class_cost_ns`].
    pub class: Vec<u8>,
    /// Hash of the flow, the same in both directions.
    pub flow: Vec<u32>,
}

impl Arrivals {
    /// Adds one.
    pub fn push(&mut self, time_ns: i64, bytes: u32, class: u8, flow: u32) {
        self.time_ns.push(time_ns);
        self.bytes.push(bytes);
        self.class.push(class);
        self.flow.push(flow);
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.time_ns.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.time_ns.is_empty()
    }

    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.time_ns.clear();
        self.bytes.clear();
        self.class.clear();
        self.flow.clear();
    }
}
