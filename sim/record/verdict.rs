//! The answer, with its working.

use serde::{Deserialize, Serialize};

use super::{Basis, DomainController, Drops, InputFile, Peak, Window};

/// Traffic figures of one domain controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Busy Packets/sec: the highest mean over 15 minutes (180 samples of 5 s), and when.
    /// The whole time where less than 15 minutes are covered.
    pub busy: Option<Window>,
    /// Mean packets per second over the whole time.
    pub average_packets_per_second: Option<f64>,
    /// Highest single sample, in packets per second.
    pub maximum_packets_per_second: Option<f64>,
    /// Highest mean per window length, shortest window first.
    pub peaks: Vec<Peak>,
    /// Samples with a good reading.
    pub good_samples: u64,
    /// Samples without one.
    pub failed_samples: u64,
}

/// One row of a capacity table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityRow {
    /// Label as the vendor prints it, e.g. `10k-20k`.
    pub label: String,
    /// Lowest Busy Packets/sec of the row.
    pub from_packets_per_second: f64,
    /// Busy Packets/sec where the row ends.
    pub to_packets_per_second: f64,
    /// Physical cores.
    pub cores: f64,
    /// Memory in GB.
    pub memory_gb: f64,
}

/// A capacity table with its source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapacityTable {
    /// Short key, e.g. `mdi-2.x`.
    pub key: String,
    /// Title to show.
    pub title: String,
    /// Where it was published.
    pub source: String,
    /// From when to when it was the published one.
    pub valid: String,
    /// What its figures mean: the sensor's own use, or the whole server.
    pub convention: String,
    /// Rows, lowest first.
    pub rows: Vec<CapacityRow>,
}

/// The vendor's words for a result, without amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// `Yes`
    Yes,
    /// `Yes, but additional resources required`
    YesButResources,
    /// `Maybe`
    Maybe,
    /// `Maybe, but additional resources required`
    MaybeButResources,
    /// `No`
    No,
    /// `Missing OS Data`
    MissingOsData,
    /// `Missing Traffic Data`
    MissingTrafficData,
    /// `Missing RAM data`
    MissingRamData,
    /// `Missing core data`
    MissingCoreData,
}

/// What may run short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Memory against what was available at the worst moment.
    AvailableMemory,
    /// Memory against what is installed.
    InstalledMemory,
    /// Physical cores.
    PhysicalCores,
    /// The published 2-core / 6 GB minimum: cores.
    MinimumCores,
    /// The published 2-core / 6 GB minimum: memory.
    MinimumMemory,
}

/// One resource compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceCheck {
    /// Which resource.
    pub resource: Resource,
    /// Unit of the amounts: `GB` or `cores`.
    pub unit: String,
    /// How much is needed.
    pub needed: f64,
    /// How much there is; `None` where unknown.
    pub available: Option<f64>,
    /// How much to add, rounded up to whole units; 0 where it suffices, `None` where unknown.
    pub short_by: Option<f64>,
    /// Whose rule this is.
    pub basis: Basis,
    /// The sentence for a person: which resource, needed, available, short by, from which
    /// row and why.
    pub sentence: String,
}

/// What an older or other table would have said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherTable {
    /// Key of the table.
    pub key: String,
    /// Title of the table.
    pub title: String,
    /// Row that the busy rate falls into; `None` above its last row.
    pub row: Option<CapacityRow>,
    /// What its figures mean.
    pub convention: String,
}

/// The verdict on one domain controller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Kind of result.
    pub kind: VerdictKind,
    /// The vendor's exact wording, with amounts where it adds them, e.g.
    /// `Yes, but additional resources required: +4GB; +2 cores`.
    pub words: String,
    /// The answer in one plain sentence.
    pub summary: String,
    /// Row of the table in force; `None` above the last row or without traffic.
    pub row: Option<CapacityRow>,
    /// Resources compared, in the order to read them.
    pub checks: Vec<ResourceCheck>,
    /// Why `Maybe` or `No`, as sentences; empty for `Yes`.
    pub reasons: Vec<String>,
    /// What was not known, as flags to give or counters to log.
    pub missing: Vec<String>,
    /// What weakens the result (short capture, offload, drops), as sentences.
    pub caveats: Vec<String>,
    /// Other tables for comparison.
    pub other_tables: Vec<OtherTable>,
}

/// One domain controller, sized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sized {
    /// What was observed.
    pub dc: DomainController,
    /// Its traffic figures.
    pub load: Load,
    /// The answer.
    pub verdict: Verdict,
    /// What the virtual sensor says; `None` where it was not asked for, or has no traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtual_sensor: Option<Box<super::VirtualVerdict>>,
}

/// Several domain controllers together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// Plain sum of Busy Packets/sec, as the vendor's Total row adds them.
    pub sum_busy_packets_per_second: Option<f64>,
    /// Plain sum of averages.
    pub sum_average_packets_per_second: Option<f64>,
    /// Plain sum of maxima.
    pub sum_maximum_packets_per_second: Option<f64>,
    /// Busiest 15 minutes of the summed timelines; `None` where they do not overlap in time or
    /// their samples differ in length.
    pub coincident_busy: Option<Window>,
}

/// Something the result rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assumption {
    /// The sentence.
    pub text: String,
    /// Whose it is.
    pub basis: Basis,
    /// Where it was published, or how to change it.
    pub source: String,
}

/// Everything one run found; the report in all its formats is made from this alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SizingReport {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub headroom_version: String,
    /// The command, with its arguments as given. Hostile.
    pub command: String,
    /// Inputs in the order they were used.
    pub inputs: Vec<InputFile>,
    /// False where an input was damaged or a limit made the result partial.
    pub complete: bool,
    /// Why it is not complete, as sentences.
    pub problems: Vec<String>,
    /// Warnings that do not make it incomplete, as sentences.
    pub warnings: Vec<String>,
    /// One entry per domain controller.
    pub domain_controllers: Vec<Sized>,
    /// All of them together; `None` for a single one.
    pub total: Option<Total>,
    /// Frames that belong to no domain controller found here; `None` for counters.
    pub unattributed_packets: Option<u64>,
    /// Packets not or not fully analysed, over all inputs.
    pub drops: Drops,
    /// The table the verdicts were read from.
    pub table: CapacityTable,
    /// What the results rest on.
    pub assumptions: Vec<Assumption>,
}
