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
    /// Bytes of capture buffer for each shard; `None` where each replica drew its own.
    pub buffer_bytes_per_shard: Option<u64>,
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
    /// Packets that waited at the end with more than a second of work before them: a sensor that
    /// lags behind has only not lost them yet.
    pub late_packets: u64,
    /// Of the lost and late packets those of ten seconds in which all cores that the sensor may
    /// use were busy.
    pub saturated_packets: u64,
    /// Of those, the ones where the server itself left it fewer cores than its size has.
    pub starved_packets: u64,
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
    /// The run in intervals of equal length; written as one list for each figure.
    #[serde(with = "super::course")]
    pub intervals: Vec<SimulatedInterval>,
}

impl SimulatedSize {
    /// Share of the packets that was lost, 0 to 1; 0 where none came.
    pub fn loss_ratio(&self) -> f64 {
        ratio(self.lost_packets, self.offered_packets)
    }

    /// Share of the packets that was lost or late, 0 to 1; 0 where none came.
    pub fn missed_ratio(&self) -> f64 {
        let missed = self.lost_packets.saturating_add(self.late_packets);
        ratio(missed.min(self.offered_packets), self.offered_packets)
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
    /// Highest utilisation of one shard within a quota interval, 0 to 1.
    pub busiest_shard: f64,
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

/// The answer by probability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chance {
    /// The loss goal is missed with a probability below 5 %.
    Yes,
    /// Between 5 and 50 %.
    Maybe,
    /// Above 50 %.
    No,
}

/// What runs short first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The cores of the size.
    Cores,
    /// What the rest of the server leaves of them.
    Quota,
    /// Memory: the service stopped.
    Memory,
    /// One shard: its conversations are more than a core, while others had less to do.
    Conversation,
    /// The capture buffer: packets were lost although no interval used 90 % of the cores.
    Bursts,
}

/// One size of sensor over many replicas of the traffic and of what is not known of the costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizeProbability {
    /// The size.
    pub size: SensorSize,
    /// Times the traffic that was offered.
    pub load: f64,
    /// Replicas.
    pub replicas: u32,
    /// Share of them that lost more than the goal: the probability, 0 to 1.
    pub probability: f64,
    /// 95 % interval of that probability, for the number of replicas alone (Wilson 1927).
    pub probability_low: f64,
    /// Its upper end.
    pub probability_high: f64,
    /// Share of packets lost, 0 to 1, that 5 % of the replicas stay below.
    pub loss_p5: f64,
    /// Half of them.
    pub loss_p50: f64,
    /// 95 % of them.
    pub loss_p95: f64,
    /// Highest utilisation of an interval, 0 to 1, that 95 % of the replicas stay below.
    pub peak_utilisation_p95: f64,
    /// Most memory in use, in GB, that 95 % of the replicas stay below.
    pub peak_memory_gb_p95: f64,
    /// The answer.
    pub chance: Chance,
    /// What ran short in most of the replicas that missed the goal; `None` where none did.
    pub limit: Option<Limit>,
}

/// Smallest sizes that do, in the order in which they were tried; `None` where none of them does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SufficientSize {
    /// Smallest that is not `No`: it may do.
    pub lower: Option<SensorSize>,
    /// Smallest that is `Yes`.
    pub target: Option<SensorSize>,
    /// Smallest whose whole interval of probability is `Yes`.
    pub upper: Option<SensorSize>,
}

/// How much more traffic one size takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Headroom {
    /// The size.
    pub size: SensorSize,
    /// Busy packets per second now.
    pub packets_per_second: f64,
    /// Highest multiple of the traffic at which the answer is still `Yes`; `None` where it never
    /// is. Below 1 the size does not do.
    pub load_yes: Option<f64>,
    /// Highest multiple at which it is not `No`; `None` where it always is.
    pub load_maybe: Option<f64>,
    /// Highest multiple that was tried: a headroom of that is that or more.
    pub load_tried: f64,
    /// Highest multiple at which each replica keeps the goal, in order, 0 where none does: the
    /// probability of missing it at a load is the share of them below that load.
    pub highest_loads: Vec<f64>,
}

impl Headroom {
    /// Packets per second that may be added until the answer is no longer `Yes`; below zero where
    /// there are too many.
    pub fn spare_packets_per_second(&self) -> Option<f64> {
        self.load_yes.map(|load| (load - 1.0) * self.packets_per_second)
    }

    /// The same in percent of the traffic now.
    pub fn spare_percent(&self) -> Option<f64> {
        self.load_yes.map(|load| (load - 1.0) * 100.0)
    }
}

/// When headroom is used up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Exhaustion {
    /// Growth of traffic in a year, as a share: 0.2 is 20 %.
    pub growth_per_year: f64,
    /// Years until the answer is no longer `Yes`; 0 where it is not now, `None` where it stays.
    pub years_yes: Option<f64>,
    /// Years until it is `No`.
    pub years_maybe: Option<f64>,
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
