//! What the virtual sensor says of one domain controller, beside the vendor's row.

use serde::{Deserialize, Serialize};

use super::SensorSize;
use super::{
    Assumption, CalibrationSummary, Chance, Exhaustion, Headroom, Limit, SimulatedSize,
    SizeProbability, SufficientSize,
};
use crate::base::Timestamp;

/// Fewest replicas whose interval (Wilson 1927, 95 %) ends below 5 % where none of them misses:
/// its end is then 3.84 / (replicas + 3.84).
pub const REPLICAS_FOR_YES: u32 = 73;
/// The vendor's busy window, 15 minutes.
const BUSY_WINDOW_MS: u64 = 15 * 60_000;
/// Below this no rate is a rate of anything longer. Ours.
const LEAST_MS: u64 = 60_000;
/// Fewer packets are no traffic to tell bursts from. Ours.
const LEAST_PACKETS: u64 = 1_000;

/// Where the arrivals came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalsFrom {
    /// The packets' own times: a capture, or synthesized traffic.
    Packets,
    /// Made below the samples of a counter log by a model of bursts.
    Samples,
}

/// One cell of the what-if grid: the server as it is, or with other cores or other memory, under
/// other traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// Times today's traffic: growth, or the load of those that failed.
    pub load: f64,
    /// Times the deviation of the bursts that arrivals are made with; 1 where packets have their
    /// own times.
    pub bursts: f64,
    /// Domain controllers that have failed, whose load the others take.
    pub failed: u32,
    /// Physical cores of the server.
    pub server_cores: f64,
    /// Its memory in GB.
    pub server_memory_gb: f64,
    /// Probability of losing more than the goal, 0 to 1.
    pub probability: f64,
    /// The answer.
    pub chance: Chance,
}

/// The verdict of the virtual sensor on one domain controller: a model, not the vendor's sensor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualVerdict {
    /// Where the arrivals came from.
    pub arrivals: ArrivalsFrom,
    /// Begin of the time that probabilities are of: the busiest part of the input.
    pub span_start_utc: Timestamp,
    /// Its end.
    pub span_end_utc: Timestamp,
    /// Mean packets per second in it.
    pub packets_per_second: f64,
    /// Time of which traffic was seen, in milliseconds.
    pub seen_ms: u64,
    /// Packets in it.
    pub seen_packets: u64,
    /// Share of packets that may be lost, 0 to 1.
    pub goal_loss_ratio: f64,
    /// Replicas of costs, and where they are made, of arrivals.
    pub replicas: u32,
    /// Seed of the replicas.
    pub seed: u64,
    /// Costs as the vendor's table allows them.
    pub calibration: CalibrationSummary,
    /// The server as it is, with what it leaves to the sensor; `None` where its cores or memory
    /// are not known.
    pub server: Option<SizeProbability>,
    /// Physical cores of that server.
    pub server_cores: Option<f64>,
    /// Its memory in GB.
    pub server_memory_gb: Option<f64>,
    /// What the server needs for itself, in words.
    pub own_load: String,
    /// What its own work is assumed to take of its processors in the busiest time, in percent;
    /// `None` where that was given or read, or the server is not known.
    pub assumed_own_cpu_percent: Option<f64>,
    /// The sizes of the vendor's table, as the sensor's own share, smallest first; and where none
    /// of them is enough, some beyond it.
    pub sizes: Vec<SizeProbability>,
    /// Smallest of them that do.
    pub sufficient: SufficientSize,
    /// How much more traffic the server takes, or where it is not known the smallest sufficient
    /// size; `None` where no size does, or too little was seen to tell.
    pub headroom: Option<Headroom>,
    /// What runs short first where it ends; `None` where it does not end at any load tried.
    pub headroom_limit: Option<Limit>,
    /// When that is used up.
    pub exhaustion: Option<Exhaustion>,
    /// One run with the mean costs over the whole input, of the server or the smallest sufficient
    /// size, else of the largest.
    pub course: SimulatedSize,
    /// What if; empty where the server is not known, or too little was seen to tell.
    pub what_if: Vec<WhatIf>,
    /// The answer in sentences for people who have never heard of queues, the first one alone is
    /// enough.
    pub sentences: Vec<String>,
    /// What it rests on.
    pub assumptions: Vec<Assumption>,
}

/// How much there is behind a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The vendor's busy window or more.
    Enough,
    /// Less than that: other hours may be busier.
    Short,
    /// A minute or a thousand packets were not seen: nothing can be told of other traffic.
    TooLittle,
}

impl Evidence {
    /// Of so many packets in so much time.
    pub fn of(seen_ms: u64, seen_packets: u64) -> Self {
        match (seen_ms, seen_packets) {
            (..LEAST_MS, _) | (_, ..LEAST_PACKETS) => Self::TooLittle,
            (..BUSY_WINDOW_MS, _) => Self::Short,
            _ => Self::Enough,
        }
    }
}

impl VirtualVerdict {
    /// Whether a size is larger than all of the vendor's table.
    pub fn is_beyond_table(&self, size: &SensorSize) -> bool {
        let rows = &self.calibration.rows;
        !rows.is_empty() && rows.iter().all(|row| row.table_cores < size.cores)
    }

    /// How much was seen.
    pub fn evidence(&self) -> Evidence {
        Evidence::of(self.seen_ms, self.seen_packets)
    }

    /// What runs short first: now, where the goal is missed, else where headroom ends.
    pub fn limit(&self) -> Option<Limit> {
        self.server.as_ref().and_then(|server| server.limit).or(self.headroom_limit)
    }
}
