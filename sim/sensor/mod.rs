//! The packet-processing core: frames in, an [`Observation`] out.
//!
//! This is our own core, built to be measured. It is not the vendor's sensor, and nothing it
//! measures of itself says how fast that one is.

mod audience;
mod endpoints;
mod hosts;
mod jot;
mod ledger;
mod names;
mod observation;
mod pipeline;
mod series;
mod shard;
mod talk;
mod talkers;
mod tallies;
mod tickets;
mod understood;

use std::net::IpAddr;

pub use audience::{Audience, Ends};
pub use hosts::{LOG_MAX, SERVICE_PORTS, Service};
pub use ledger::Rows;
pub use observation::Observation;
pub use pipeline::{Progress, Step, Watch, arrivals, hear, observe, observe_watched};
pub use series::TIMELINE_DAYS;
pub use shard::Taken;

/// A domain controller that is known before the traffic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Name to show.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Who named it, in words, e.g. `named with --dc`.
    pub by: String,
}

/// How to run the core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Worker threads; the result is the same for every number.
    pub threads: usize,
    /// Flows kept at the same time, over all shards.
    pub flows_max: usize,
    /// The flow table has its full size from the start, as after a long run. Else it grows, and
    /// the core stands still while it does: for 90 ms in all on its way to the default size.
    pub is_reserved: bool,
    /// Largest IP packet of the link, in bytes.
    pub mtu_bytes: u32,
    /// Domain controllers given by the user; found from the traffic where empty.
    pub named: Vec<Named>,
}

/// Flows kept by default: 1 Mi, which takes 128 MiB when all are used (64 bytes each, rounded
/// up to a power of two per shard).
pub const FLOWS_MAX: usize = 1 << 20;

impl Default for Options {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            flows_max: FLOWS_MAX,
            is_reserved: false,
            mtu_bytes: crate::flow::Decoder::default().mtu_bytes,
            named: Vec::new(),
        }
    }
}
