//! The virtual sensor: a sensor of each candidate size, fed the same arrivals at once.
//!
//! Packets come with their times; the listener ([`listener`]) serves them as far as the quota
//! loop ([`quota`]) lets it, loses what finds no room, and passes messages on to the stages
//! behind it ([`stages`]), which block it when they are full. Memory follows the packet rate;
//! at its limit the service stops and starts again. Time moves in ticks of 100 ms (10 ms while a queue fills), but arrivals
//! keep their own times: ticks are when queues behind the listener, restarts and series are
//! looked at, and every 10 s the quota.
//!
//! What is published, inferred or assumed is said at each parameter. Nothing here knows how the
//! vendor's sensor is written: it is a model of what the vendor says about it.

mod assumptions;
mod block;
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

pub use crate::base::Arrivals;
pub use engine::VirtualSensor;
pub use quota::{OwnLoad, QUOTA_SECONDS, Use, quota_percent};
pub use settings::{
    CLASSES, Candidate, DEFAULT_BUFFER_BYTES, MemoryUse, Probes, SensorError, Server, Settings,
};
pub use size::FULL;
pub use stages::{RESOLVER_QUEUE, SENDER_QUEUE, Stages, TRANSLATOR_QUEUE};
