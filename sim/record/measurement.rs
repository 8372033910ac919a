//! What the core carried inside an envelope, and what it cost. Figures of one machine at one
//! time, of our own core: none says how fast the vendor's sensor is.

use serde::{Deserialize, Serialize};

use super::{ActivityCount, InputFile, Quantiles};

/// Everything one `measure` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub headroom_version: String,
    /// Whether it was built with optimisation: without, every figure is too high.
    pub is_optimised_build: bool,
    /// The command, with its arguments as given. Hostile.
    pub command: String,
    /// Inputs in the order they were given.
    pub inputs: Vec<InputFile>,
    /// False where an input was damaged.
    pub complete: bool,
    /// Why it is not complete, as sentences.
    pub problems: Vec<String>,
    /// Why the figures must not be relied on, as sentences; empty where they may.
    pub inconclusive: Vec<String>,
    /// What a reader should know, as sentences.
    pub warnings: Vec<String>,
    /// How it was measured.
    pub mode: MeasureMode,
    /// Why so.
    pub mode_reason: String,
    /// The machine.
    pub machine: Machine,
    /// The limits the core worked inside.
    pub envelope: Envelope,
    /// What was replayed.
    pub replay: Replay,
    /// Whether the core gave the same answers every time.
    pub digest: Digest,
    /// Highest load by goal.
    pub goals: Vec<GoalResult>,
    /// Trials at loads that were asked for.
    pub loads: Vec<Trial>,
    /// A long trial at the lower bound of the first goal.
    pub soak: Option<Trial>,
    /// Trials of the searches, in their order.
    pub trials: Vec<Trial>,
    /// Delay and queue at shares of the last goal's lower bound.
    pub latency: Vec<Latency>,
    /// What the packets cost.
    pub cost: Cost,
    /// Real time against virtual time, where both were run.
    pub cross_check: Option<CrossCheck>,
    /// How far others disturbed each part of the measurement.
    pub disturbances: Vec<Disturbance>,
}

/// How throughput was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureMode {
    /// Costs are measured once; load, buffer and queue are computed from them.
    Virtual,
    /// The core is fed as the clock says.
    Realtime,
    /// Both.
    Both,
}

/// An estimate with an interval that holds the median of all possible replicas in at least 95 of
/// 100 cases (order statistics of the replicas).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Median of the replicas.
    pub estimate: f64,
    /// Upper end.
    pub high: f64,
}

/// The machine.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system and its version.
    pub system: String,
    /// Processor; `None` where the system does not say.
    pub processor: Option<String>,
    /// Logical processors that the program may use.
    pub logical_processors: Option<usize>,
    /// Runs under a hypervisor; `None` where the system does not say.
    pub is_virtual: Option<bool>,
    /// Share of processor time that others used just before; `None` where unknown.
    pub busy_share_before: Option<f64>,
    /// Share of processor time that the hypervisor gave to others just before.
    pub steal_share_before: Option<f64>,
}

/// The limits the core worked inside.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Envelope {
    /// Cores asked for: one worker each.
    pub cores: usize,
    /// Memory asked for, in bytes.
    pub memory_bytes: u64,
    /// Cores of quota asked for.
    pub quota_cores: Option<f64>,
    /// How the cores are held.
    pub affinity: EnforcedLimit,
    /// Numbers of the logical processors worked on.
    pub processors: Vec<usize>,
    /// Those of them that share a physical core with another of them.
    pub siblings: Vec<usize>,
    /// How the memory is held.
    pub memory: EnforcedLimit,
    /// How the quota is held.
    pub quota: EnforcedLimit,
}

/// Whether a limit is enforced.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct EnforcedLimit {
    /// By the system, for the whole process.
    pub is_enforced: bool,
    /// By what, or why not.
    pub how: String,
}

/// What was replayed and how it came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Frames held in memory and replayed.
    pub frames: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// Most bytes that may be held.
    pub limit_bytes: u64,
    /// All frames of the input are held; else only the first.
    pub is_whole: bool,
    /// Seconds from the first frame to the last.
    pub span_seconds: f64,
    /// Recorded pace in packets per second; `None` where the frames have no times, or all the
    /// same.
    pub recorded_pps: Option<f64>,
    /// How arrivals are spaced, in words.
    pub arrivals: String,
    /// Seed of arrivals that are drawn.
    pub seed: u64,
    /// Captured bytes of frames that may wait.
    pub buffer_bytes: u64,
    /// Packets handed to the core at once, at most.
    pub batch_max: usize,
    /// Frames whose addresses stay the same when the window is repeated (neither end is a
    /// client's), so that a repetition looks like a retransmission.
    pub frames_unmoved: u64,
}

/// Whether the core gave the same answers every time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Digest {
    /// Runs whose answers were compared.
    pub compared: u64,
    /// Runs that differed.
    pub differing: u64,
    /// What they agree on for one pass over the window.
    pub activities: Vec<ActivityCount>,
}

/// How a goal came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoalResult {
    /// `NDR`, `PDR`, or as given.
    pub goal: String,
    /// Measured in this mode.
    pub mode: MeasureMode,
    /// Highest loss ratio.
    pub loss_ratio: f64,
    /// Share of trial time that may exceed it.
    pub exceed_ratio: f64,
    /// Length of a full trial in seconds.
    pub final_trial_seconds: f64,
    /// Trial time that decides, in seconds.
    pub duration_sum_seconds: f64,
    /// Width of the bounds at which the search ends, as a share of the upper one.
    pub relative_width: f64,
    /// Relevant lower bound in packets per second; `None` where even the least load is too much.
    pub lower_pps: Option<f64>,
    /// Relevant upper bound; `None` where the most that was tried is carried.
    pub upper_pps: Option<f64>,
    /// What gets through at the lower bound.
    pub conditional_throughput_pps: Option<f64>,
    /// The same in bits per second on the wire.
    pub conditional_throughput_bps: Option<f64>,
    /// Lower bounds of searches with costs at both ends of their intervals, in packets per second.
    pub range_pps: Option<(f64, f64)>,
    /// What is irregular about it, as sentences.
    pub irregular: Vec<String>,
    /// What of the envelope it leaves out, in a few words each.
    #[serde(default)]
    pub caveats: Vec<String>,
    /// Its trials were disturbed, or it was not decided: not to be relied on.
    pub is_inconclusive: bool,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Trial {
    /// In virtual time.
    pub is_virtual: bool,
    /// Intended load in packets per second.
    pub load_pps: f64,
    /// Intended length in seconds.
    pub seconds: f64,
    /// Rate at which packets came by the schedule, in packets per second from the first to the
    /// last: where arrivals are drawn, by this draw. `None` of fewer than two.
    #[serde(default)]
    pub realised_pps: Option<f64>,
    /// Packets that were to come.
    pub intended: u64,
    /// Packets that came.
    pub offered: u64,
    /// Lost because the buffer was full.
    pub lost_buffer_full: u64,
    /// Never offered because the trial did not keep its schedule; they count as lost.
    pub unsent: u64,
    /// (lost + unsent) over the larger of offered and intended.
    pub loss_ratio: f64,
    /// Share of the workers' time that was spent on packets.
    pub utilisation: f64,
    /// Most packets that waited.
    pub queue_max: u64,
    /// Times it was repeated because others disturbed it.
    pub repeated: u32,
    /// It was disturbed, the last time too.
    pub is_tainted: bool,
}

/// Delay and queue at one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Share of the goal's lower bound.
    pub share: f64,
    /// The trial.
    pub trial: Trial,
    /// From the moment a packet was to arrive until its batch is done, in nanoseconds.
    pub sojourn_ns: Spread,
    /// From the moment its batch was taken until it is done, in nanoseconds.
    pub service_ns: Spread,
    /// Packets that wait when one arrives.
    pub queue_packets: Spread,
}

/// A distribution, with at most 0.1 % error (HDR histogram, 3 digits).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Spread {
    /// Some quantiles.
    #[serde(flatten)]
    pub quantiles: Quantiles,
    /// 99.9th percentile.
    pub p999: u64,
    /// 99.99th percentile.
    pub p9999: u64,
    /// Value at each of [`Spread::levels`], for plots.
    pub curve: Vec<u64>,
}

impl Spread {
    /// Quantiles of [`curve`](Self::curve): equal steps of log10(1 / (1 - q)), four each decade,
    /// to 99.9999 %.
    pub fn levels() -> impl Iterator<Item = f64> {
        (0..=24).map(|step| 1.0 - libm::pow(10.0, -f64::from(step) / 4.0))
    }
}

/// What packets cost, in nanoseconds of processor time of one worker.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Processor time was measured; else elapsed time stands for it.
    pub is_cpu_time: bool,
    /// By how many packets are handed over at once.
    pub batches: Vec<BatchCost>,
    /// Nanoseconds of a packet's way through the ring: arriving as a schedule says, waiting, being
    /// taken. Beside the costs of batches, and in both modes.
    #[serde(default)]
    pub arrival_ns: f64,
    /// By part of the work, at [`Cost::REFERENCE_BATCH`] packets at once.
    pub stages: Vec<StageCost>,
    /// By protocol: frames of one protocol replayed alone.
    pub protocols: Vec<ProtocolCost>,
    /// Sum of the protocols' costs by their share of frames, over the cost of the mix; far from
    /// 1, protocols alone cost something else than together.
    pub parts_over_whole: Option<f64>,
    /// Growth of resident memory per new flow, in bytes; `None` with too few flows to tell.
    pub memory_per_flow_bytes: Option<f64>,
    /// Flows that growth was divided by.
    pub memory_flows: u64,
}

impl Cost {
    /// Packets at once when costs are split by stage and protocol.
    pub const REFERENCE_BATCH: usize = 32;
}

/// Cost by batch size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BatchCost {
    /// Packets at once.
    pub packets: usize,
    /// Nanoseconds per packet.
    pub ns_per_packet: Interval,
    /// Elapsed nanoseconds per packet where all workers carry what they can at once; `None` with
    /// one worker, or where that could not be measured.
    #[serde(default)]
    pub together_ns_per_packet: Option<Interval>,
    /// Replicas.
    pub replicas: usize,
    /// Packets in each.
    pub replica_packets: u64,
    /// Disturbed in spite of repetitions: not to be relied on.
    pub is_inconclusive: bool,
}

/// Cost of one part of the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageCost {
    /// Which part.
    pub stage: String,
    /// Share of the whole.
    pub share: f64,
    /// Nanoseconds per packet.
    pub ns_per_packet: Interval,
}

/// Cost of one protocol's frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtocolCost {
    /// Display name.
    pub protocol: String,
    /// Frames in the window.
    pub frames: u64,
    /// Captured bytes of these.
    pub bytes: u64,
    /// Nanoseconds per packet; `None` with too few frames to tell.
    pub ns_per_packet: Option<Interval>,
    /// Disturbed in spite of repetitions: not to be relied on.
    pub is_inconclusive: bool,
}

/// Real time against virtual time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossCheck {
    /// The goal.
    pub goal: String,
    /// Conditional throughput in real time, in packets per second.
    pub realtime_pps: f64,
    /// The same in virtual time.
    pub virtual_pps: f64,
    /// Virtual over real.
    pub ratio: f64,
    /// The ratio lies in 0.9 to 1.1.
    pub agrees: bool,
}

/// How far others disturbed one part of the measurement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Disturbance {
    /// Which part.
    pub part: String,
    /// Elapsed seconds.
    pub wall_seconds: f64,
    /// Share of all processor time that the hypervisor gave to others.
    pub steal_share: Option<f64>,
    /// Times the control group was stopped for its quota.
    pub throttled: Option<u64>,
    /// Processor time of the worker over elapsed time.
    pub cpu_over_wall: Option<f64>,
    /// Times the worker was stopped for others.
    pub involuntary_switches: Option<u64>,
    /// Spread of its replicas: difference of the quartiles over the median.
    pub replica_spread: Option<f64>,
    /// Times the part was repeated.
    pub repeated: u32,
    /// Why it cannot be relied on, as sentences.
    pub taints: Vec<String>,
}
