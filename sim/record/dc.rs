//! One domain controller as it was observed.

use serde::{Deserialize, Serialize};

use super::{Peak, Timeline};

/// Whose a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Published by the vendor.
    VendorPublished,
    /// Inferred by us from material the vendor published.
    Inferred,
    /// Our own choice; configurable.
    Ours,
    /// Published by others, e.g. in a standard or a study; of synthesized traffic.
    Sourced,
    /// Assumed by us, for the reason given; of synthesized traffic.
    Assumed,
    /// Fitted to a capture of the user's; of synthesized traffic.
    Learned,
    /// Measured in the input.
    Measured,
    /// Measured in synthesized traffic, which nobody recorded.
    Synthesized,
    /// Given by the user.
    Given,
}

/// A value with where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact<T> {
    /// The value.
    pub value: T,
    /// Where it came from, in words, e.g. `--cores`, `estate lab.toml`,
    /// `counter Memory\Available MBytes`.
    pub source: String,
}

/// What is known of the server itself. Missing stays missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    /// Physical cores (hyper-threads not counted).
    pub physical_cores: Option<Fact<u32>>,
    /// Logical processors.
    pub logical_processors: Option<Fact<u32>>,
    /// Installed memory in GB (1024-based, as the vendor counts).
    pub installed_memory_gb: Option<Fact<f64>>,
    /// Smallest available memory seen, in MB (counter `Memory\Available MBytes`).
    pub min_available_mb: Option<Fact<f64>>,
    /// Mean available memory, in MB.
    pub avg_available_mb: Option<Fact<f64>>,
    /// Mean of `Processor(_Total)\% Processor Time`, in percent.
    pub avg_cpu_percent: Option<Fact<f64>>,
    /// Highest `% Processor Time` sample, in percent.
    pub max_cpu_percent: Option<Fact<f64>>,
    /// Operating system as given. Hostile.
    pub operating_system: Option<Fact<String>>,
}

/// Packets of one protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolCount {
    /// Display name, e.g. `SMB2/3`.
    pub protocol: String,
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

/// A well-known service that the host was seen answering from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Port number.
    pub port: u16,
    /// Packets sent from that port.
    pub packets: u64,
}

/// Frames larger than the link can carry: offload merged or not yet split them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Offload {
    /// Frames larger than the MTU allows.
    pub frames: u64,
    /// The largest frame, in bytes.
    pub largest_frame_bytes: u32,
    /// MTU assumed, in bytes of IP packet.
    pub mtu_bytes: u32,
    /// Packets that those frames stand for on the wire, estimated.
    pub estimated_wire_packets: u64,
}

/// Addresses that the sensor would have to ask for their names: see [`super::NameResolution`]. Of a
/// capture with several domain controllers, the part in proportion to this one's packets.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct NameLookups {
    /// On average in a second, if every address answers and its name is kept for 30 s.
    pub per_second: f64,
    /// If none answers, so that none is kept.
    pub per_second_if_unanswered: f64,
}

/// Readings of a counter log that were not used, by reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RejectedReadings {
    /// Below zero.
    pub negative: u64,
    /// Nothing in the cell (perfmon writes a blank when a reading failed).
    pub empty: u64,
    /// Not a number.
    pub not_a_number: u64,
    /// A number that no adapter can reach, or an average above its maximum and the like.
    pub impossible: u64,
    /// Rows of the first ones, counted from 1 as a text editor counts lines, at most 20.
    pub rows: Vec<u64>,
}

impl RejectedReadings {
    /// How many in all.
    pub fn total(&self) -> u64 {
        self.negative + self.empty + self.not_a_number + self.impossible
    }
}

/// One domain controller (or a whole capture, when none was recognised).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainController {
    /// Name to show: an address, a host name of a counter log, or what the user called it.
    /// Hostile.
    pub name: String,
    /// Its addresses seen in the capture, IPv4 first; empty for counters.
    pub addresses: Vec<String>,
    /// How it was found, e.g. `answers on 88, 389, 445`, `--dc`, `counter log`.
    pub recognised_by: String,
    /// Services it was seen answering from.
    pub services: Vec<Service>,
    /// Packets in all; `None` where the input has only rates.
    pub packets: Option<u64>,
    /// Bytes on the wire in all.
    pub bytes: Option<u64>,
    /// Rate over time; `None` where the input has only results (sizing workbook).
    pub timeline: Option<Timeline>,
    /// Busy, average and maximum as a workbook says; `None` where we compute them.
    pub reported: Option<super::Load>,
    /// Whose the rates are: measured, of synthesized traffic, or given by a workbook.
    #[serde(default = "measured")]
    pub traffic_basis: Basis,
    /// Peaks of windows shorter than one sample (1 ms to 1 s); empty from counters.
    pub sub_sample_peaks: Vec<Peak>,
    /// Packets and bytes per protocol; empty from counters.
    pub protocols: Vec<ProtocolCount>,
    /// Super-frames of offload.
    pub offload: Offload,
    /// What resolving the addresses of its clients to names would ask of a sensor; `None` where
    /// the input does not say, as counters do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name_lookups: Option<NameLookups>,
    /// What is known of the server.
    pub host: HostFacts,
    /// Counter readings that were not used.
    pub rejected: RejectedReadings,
    /// Anything a reader should know about this row, as sentences.
    pub notes: Vec<String>,
}

/// What results of older versions do not say.
const fn measured() -> Basis {
    Basis::Measured
}
