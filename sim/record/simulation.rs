//! What the virtual sensor found: per size, over time, with its probability.

use serde::{Deserialize, Serialize};

use super::Basis;
use crate::base::Timestamp;

/// A size of sensor: what it may use of the server, on top of the server's own use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SensorSize {
    /// Physical cores; may be a fraction.
    pub cores: f64,
    /// Memory in GB (1024-based, as the vendor counts).
    pub memory_gb: f64,
    /// Bytes of capture buffer for each shard.
    pub buffer_bytes_per_shard: u64,
}

/// One size of sensor after a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimulatedSize {
    /// The size.
    pub size: SensorSize,
    /// Threads that packets were dealt to, by flow: cores, rounded up.
    pub shards: u32,
    /// Packets offered.
    pub offered_packets: u64,
    /// Bytes offered.
    pub offered_bytes: u64,
    /// Packets lost: no room in the buffer, or the service was down.
    pub lost_packets: u64,
    /// Bytes lost.
    pub lost_bytes: u64,
    /// Mean wait of the packets that were not lost, from arrival to start of service, in ms.
    pub mean_wait_ms: f64,
    /// Highest utilisation of an interval, 0 to 1; see [`SimulatedInterval::utilisation`].
    pub peak_utilisation: f64,
    /// Most memory in use, in GB.
    pub peak_memory_gb: f64,
    /// Stops at the memory limit, at most the first 1,000.
    pub restarts: Vec<Timestamp>,
    /// Stops at the memory limit, all.
    pub restart_count: u64,
    /// Time in which the service was down, in milliseconds.
    pub downtime_ms: u64,
    /// The longest stretch of time in which loss was never a second away.
    pub longest_loss: Option<LossStretch>,
    /// When which condition of a health alert held, in order of time, at most 1,000.
    pub health: Vec<HealthSpan>,
    /// The run in intervals of equal length.
    pub intervals: Vec<SimulatedInterval>,
}

impl SimulatedSize {
    /// Share of the packets that was lost, 0 to 1; 0 where none came.
    pub fn loss_ratio(&self) -> f64 {
        ratio(self.lost_packets, self.offered_packets)
    }
}

/// One size of sensor in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SimulatedInterval {
    /// Its start.
    pub start_utc: Timestamp,
    /// Packets offered.
    pub offered_packets: u64,
    /// Packets lost.
    pub lost_packets: u64,
    /// Share of the cores it was allowed that the sensor used, 0 to 1.
    pub utilisation: f64,
    /// Mean of the cores it was allowed: its size or the quota, whichever was less.
    pub allowed_cores: f64,
    /// Mean wait of the packets that were not lost, in ms.
    pub mean_wait_ms: f64,
    /// Most bytes in the buffer of one shard.
    pub queue_bytes_max: u64,
    /// Most entries in the queues behind the listener together.
    pub queued_entries_max: f64,
    /// Most memory in use, in GB.
    pub memory_gb: f64,
}

impl SimulatedInterval {
    /// Share of the packets that was lost, 0 to 1; 0 where none came.
    pub fn loss_ratio(&self) -> f64 {
        ratio(self.lost_packets, self.offered_packets)
    }
}

/// A stretch of time with loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossStretch {
    /// First lost packet.
    pub start_utc: Timestamp,
    /// Last lost packet.
    pub end_utc: Timestamp,
    /// Packets lost in it.
    pub lost_packets: u64,
}

/// A time in which the condition of one of the vendor's health alerts held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthSpan {
    /// Exact title of the alert.
    pub title: String,
    /// From when.
    pub start_utc: Timestamp,
    /// Until when.
    pub end_utc: Timestamp,
    /// Whose the condition is: the vendor publishes few thresholds.
    pub basis: Basis,
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
