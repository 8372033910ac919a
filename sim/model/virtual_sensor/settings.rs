//! What a simulation is told: sizes, costs, limits, and where each default comes from.

use crate::model::calibration::MemoryCosts;
use crate::model::rounding::{whole_u64, whole_usize};

use super::shards::SHARDS_MAX;
use super::{OwnLoad, Stages, Use};

/// Classes of cost that arrivals may name.
pub const CLASSES: usize = 256;

/// Capture buffer of the whole sensor in bytes: Npcap's default kernel buffer (Npcap API
/// reference, `pcap_set_buffer_size`: 1 MB by default). What the sensor sets is not published.
pub const DEFAULT_BUFFER_BYTES: u64 = 1 << 20;

/// Largest capture buffer of a shard, in bytes.
const BUFFER_MAX: u64 = 1 << 30;

/// Least and most that traffic may be multiplied by.
const LOAD: std::ops::RangeInclusive<f64> = 0.001..=1_000.0;

/// Most cores of a size or a server: what is more than [`SHARDS_MAX`] finds nothing to do.
const CORES_MAX: f64 = 4_096.0;

/// Most sizes of one simulation.
const CANDIDATES_MAX: usize = 512;

/// Shortest time that a restart may take and longest, in seconds.
const RESTART_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=86_400.0;

/// A server and what it has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Server {
    /// Physical cores.
    pub cores: f64,
    /// Memory in GB.
    pub memory_gb: f64,
}

/// A size of sensor to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Physical cores that the sensor may use at most; may be a fraction. Flows are dealt to as
    /// many shards as that, rounded up, at most 32.
    pub cores: f64,
    /// Memory that the sensor may use at most, in GB.
    pub memory_gb: f64,
    /// Bytes of capture buffer for each shard.
    pub buffer_bytes_per_shard: u64,
    /// The server, whose quota then applies too; `None` where the sensor always has its size.
    pub server: Option<Server>,
    /// How many times the traffic is offered: each arrival is taken as so many of its kind at once,
    /// in cost, in bytes, in what the server itself needs for it. Bursts keep their shape. 1 is the
    /// traffic as it is; results count arrivals as they came.
    pub load: f64,
}

impl Candidate {
    /// A size with the default capture buffer, divided among its shards, and no server.
    pub fn new(cores: f64, memory_gb: f64) -> Self {
        let buffer_bytes_per_shard = DEFAULT_BUFFER_BYTES / shards(cores) as u64;
        Self { cores, memory_gb, buffer_bytes_per_shard, server: None, load: 1.0 }
    }

    /// The same with so many times the capture buffer.
    #[must_use]
    pub fn with_buffer_times(self, times: f64) -> Self {
        let bytes = self.buffer_bytes_per_shard as f64 * times;
        Self { buffer_bytes_per_shard: whole_u64(bytes), ..self }
    }
}

/// Threads for that many cores.
pub(super) fn shards(cores: f64) -> usize {
    whole_usize(libm::ceil(cores).clamp(1.0, SHARDS_MAX as f64))
}

/// Memory that the sensor uses: a base and a share that follows the packet rate, because flows
/// live for a time (Little's law).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryUse {
    /// Without traffic, in GB; fitted to the vendor's table.
    pub base_gb: f64,
    /// For each 1,000 packets per second, in GB; fitted to the vendor's table.
    pub gb_per_kpps: f64,
    /// How long a flow is kept, in seconds: how slowly memory follows the rate. Assumed.
    pub residency_seconds: f64,
    /// Packets per second up to which the vendor's first row holds, another regime than the rest.
    pub small_packets_per_second: f64,
    /// Memory in GB up to there.
    pub small_gb: f64,
}

impl MemoryUse {
    /// The same with what the table allows: the first row keeps a regime of its own.
    #[must_use]
    pub fn with_costs(self, costs: MemoryCosts) -> Self {
        let MemoryCosts { base_gb, gb_per_kpps } = costs;
        Self { base_gb, gb_per_kpps, ..self }
    }
}

/// What active name resolution costs: "Sensor sends out 3 packets to the IP" and keeps the answer
/// for 30 s (name resolution flow diagram of 2019, the newest that was published).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probes {
    /// Addresses that are active within 30 s.
    pub active_addresses: f64,
    /// Share of them that is not resolved from the cache or from traffic, 0 to 1.
    pub unresolved: f64,
    /// Cost of one probe, in nanoseconds of one core. Assumed.
    pub cost_ns: f64,
}

/// Probes to one address: NetBIOS, NTLM over RPC, TLS over RDP (as above).
const PROBES_PER_ADDRESS: f64 = 3.0;
/// How long an answer is kept, in seconds (as above).
const PROBE_CACHE_SECONDS: f64 = 30.0;

impl Probes {
    /// No probing.
    pub const NONE: Self = Self { active_addresses: 0.0, unresolved: 0.0, cost_ns: 0.0 };

    /// Cores that probing takes, on average. A mean, not single probes: they are a small share of
    /// the work, and spread by the 30 s of the cache.
    pub fn cores(&self) -> f64 {
        let addresses = self.active_addresses * self.unresolved;
        addresses * PROBES_PER_ADDRESS / PROBE_CACHE_SECONDS * self.cost_ns / 1e9
    }
}

/// Everything but arrivals and sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Cores that the sensor uses without traffic; fitted to the vendor's table.
    pub base_cores: f64,
    /// Cost of a packet of each class, in nanoseconds of one core. Classes that are not listed
    /// cost as much as the first.
    pub class_cost_ns: Vec<f64>,
    /// What the domain controller uses itself; counts for sizes with a server.
    pub own_load: OwnLoad,
    /// What other processes of the server use, in percent of its cores.
    pub other_percent: f64,
    /// Packets per second before the first, which the server's own load follows for ten seconds.
    pub packets_per_second_before: f64,
    /// Stages behind the listener.
    pub stages: Stages,
    /// Memory.
    pub memory: MemoryUse,
    /// Name resolution.
    pub probes: Probes,
    /// How long the service is down when it restarts, in seconds. Assumed: not published.
    pub restart_seconds: f64,
    /// Length of an interval of the series, in seconds, rounded to whole quota intervals.
    pub interval_seconds: u32,
    /// Share of lost packets in an interval above which traffic counts as not analysed, 0 to 1.
    /// Ours: the vendor publishes no threshold.
    pub alert_loss_ratio: f64,
}

impl Settings {
    /// Defaults around these costs: memory as fitted to the vendor's table (5.44 GB and 76 MB for
    /// each 1,000 packets/s, first row 2.5 GB), flows kept for 120 s, a restart of 60 s, no
    /// probes, nothing else on the server, no traffic before, intervals of a minute, any loss above 0.1 % an alert.
    pub fn new(base_cores: f64, class_cost_ns: Vec<f64>) -> Self {
        Self {
            base_cores,
            class_cost_ns,
            own_load: OwnLoad::Constant(Use { cores: 0.0, memory_gb: 0.0 }),
            other_percent: 0.0,
            packets_per_second_before: 0.0,
            stages: Stages::default(),
            memory: MemoryUse {
                base_gb: 5.44,
                gb_per_kpps: 0.076,
                residency_seconds: 120.0,
                small_packets_per_second: 1_000.0,
                small_gb: 2.5,
            },
            probes: Probes::NONE,
            restart_seconds: 60.0,
            interval_seconds: 60,
            alert_loss_ratio: 0.001,
        }
    }

    /// Cores that the sensor uses whatever the traffic.
    pub(super) fn idle_cores(&self) -> f64 {
        self.base_cores + self.probes.cores()
    }

    /// Cost of a packet of `class`, in nanoseconds of one core.
    pub(super) fn cost_ns(&self, class: usize) -> f64 {
        let first = self.class_cost_ns.first();
        self.class_cost_ns.get(class).or(first).copied().unwrap_or(0.0)
    }

    /// Refuses what cannot be simulated.
    pub(super) fn check(&self, candidates: &[Candidate]) -> Result<(), SensorError> {
        if candidates.is_empty() || candidates.len() > CANDIDATES_MAX {
            return Err(SensorError::Candidates(candidates.len()));
        }
        for (index, candidate) in candidates.iter().enumerate() {
            let server = candidate.server.unwrap_or(Server { cores: 1.0, memory_gb: 1.0 });
            let amounts = [candidate.cores, candidate.memory_gb, server.cores, server.memory_gb];
            let load = LOAD.contains(&candidate.load);
            let buffer = (1..=BUFFER_MAX).contains(&candidate.buffer_bytes_per_shard);
            let sane = amounts.iter().all(|amount| amount.is_finite() && *amount > 0.0);
            if !sane || !buffer || !load || candidate.cores.max(server.cores) > CORES_MAX {
                return Err(SensorError::Candidate(index));
            }
        }
        if self.class_cost_ns.is_empty() || self.class_cost_ns.len() > CLASSES {
            return Err(SensorError::Classes(self.class_cost_ns.len()));
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let at_least_zero = |value: f64| value.is_finite() && value >= 0.0;
        let stages = &self.stages;
        let checks = [
            ("base cores", at_least_zero(self.base_cores)),
            ("cost of a class", self.class_cost_ns.iter().all(|cost| positive(*cost))),
            ("rate before the start", at_least_zero(self.packets_per_second_before)),
            ("use of other processes", at_least_zero(self.other_percent)),
            ("messages per packet", positive(stages.messages_per_packet)),
            ("activities per message", positive(stages.activities_per_message)),
            ("rate of the translator", positive(stages.translator_per_second)),
            ("rate of the resolver", positive(stages.resolver_per_second)),
            ("rate of the sender", positive(stages.sender_per_second)),
            ("memory of an entry", at_least_zero(stages.bytes_per_entry)),
            ("memory base", at_least_zero(self.memory.base_gb)),
            ("memory per packet rate", at_least_zero(self.memory.gb_per_kpps)),
            ("residency of flows", positive(self.memory.residency_seconds)),
            ("cost of name resolution", at_least_zero(self.probes.cores())),
            ("restart time", RESTART_SECONDS.contains(&self.restart_seconds)),
            ("interval", self.interval_seconds > 0),
        ];
        let wrong = checks.iter().find(|(_, good)| !good);
        wrong.map_or(Ok(()), |(name, _)| Err(SensorError::Setting(name)))
    }
}

/// Why a simulation cannot run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SensorError {
    /// No size or too many.
    #[error("simulate {0} sizes of sensor: give between 1 and {CANDIDATES_MAX}")]
    Candidates(usize),
    /// A size that cannot be.
    #[error(
        "simulate size {0} (counted from 0): cores (at most {CORES_MAX}), memory, buffer (at most 1 GiB) and load (0.001 to 1,000) must be above zero"
    )]
    Candidate(usize),
    /// No class or too many.
    #[error("simulate {0} classes of cost: give between 1 and {CLASSES}")]
    Classes(usize),
    /// Another setting that cannot be.
    #[error("simulate with this {0}: it must be a finite number of a sensible size")]
    Setting(&'static str),
    /// A start so late that times end.
    #[error("simulate from the last days that times can tell: the clock of the input is wrong")]
    Start,
    /// More time than is kept.
    #[error("simulate {days} days: arrivals may span at most 31, choose a part of them")]
    TooLong {
        /// Days between the first arrival and this one.
        days: i64,
    },
}
