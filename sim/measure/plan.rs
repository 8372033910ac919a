//! What is to be measured, checked.

use super::envelope::Wish;
use super::load::Arrivals;
use super::search::Goal;
use crate::sensor;

/// How throughput is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Both where the machine is quiet, else in virtual time.
    Auto,
    /// In virtual time.
    Virtual,
    /// In real time, cross-checked against virtual time.
    Realtime,
}

/// A load to try beside the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Packets per second.
    PacketsPerSecond(f64),
    /// So many times the recorded pace.
    Times(f64),
}

/// Rates that may be tried, in packets per second. Ours.
pub const RATES: std::ops::RangeInclusive<f64> = 1e-3..=1e9;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Limits.
    pub envelope: Wish,
    /// Mode.
    pub mode: Mode,
    /// Goals, the one with the least loss first.
    pub goals: Vec<Goal>,
    /// Arrivals.
    pub arrivals: Arrivals,
    /// Seed of arrivals that are drawn.
    pub seed: u64,
    /// Captured bytes that may wait.
    pub buffer_bytes: u64,
    /// Memory for the frames that are replayed, in bytes.
    pub window_bytes: u64,
    /// Loads to try beside.
    pub loads: Vec<Load>,
    /// Length of a trial at the first goal's lower bound, in seconds.
    pub soak_seconds: Option<f64>,
    /// How to run the core.
    pub core: sensor::Options,
}

impl Plan {
    /// A quota was asked for.
    pub fn has_quota(&self) -> bool {
        self.envelope.quota_cores.is_some()
    }
}

/// Captured bytes that may wait by default: the kernel buffer that Npcap's libpcap asks for where
/// nobody says otherwise.
pub const BUFFER_BYTES: u64 = 1 << 20;

/// Memory for the frames that are replayed by default.
pub const WINDOW_BYTES: u64 = 256 << 20;

/// Loss ratio of the partial drop rate (FD.io CSIT).
pub const PDR_LOSS_RATIO: f64 = 0.005;

/// A goal as FD.io CSIT sets it: trials of 1 s, half of them may be bad, bounds 0.5 % apart; with
/// a shorter sum of durations than CSIT's 21 s. A virtual trial would come out the same again, so
/// one decides.
pub fn goal(name: &'static str, loss_ratio: f64, sum_seconds: f64) -> Goal {
    Goal {
        name,
        loss_ratio,
        exceed_ratio: 0.5,
        initial_seconds: 0.2,
        final_seconds: 1.0,
        sum_seconds,
        relative_width: 0.005,
    }
}

/// RFC 2544 section 26.1: 60 s, no loss, no second chance.
pub fn rfc2544() -> Goal {
    Goal {
        name: "RFC 2544",
        loss_ratio: 0.0,
        exceed_ratio: 0.0,
        initial_seconds: 1.0,
        final_seconds: 60.0,
        sum_seconds: 60.0,
        relative_width: 0.005,
    }
}

/// Trial time that decides about a load in real time by default, in seconds. Ours: CSIT's 21 s
/// would take a quarter of an hour for two goals.
pub const REALTIME_SUM_SECONDS: f64 = 5.0;
