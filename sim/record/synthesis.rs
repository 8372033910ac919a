//! Where synthesized traffic comes from, and what it was made of.

use serde::{Deserialize, Serialize};

use super::Basis;
use crate::base::Timestamp;

/// How traffic was synthesized. Written into the capture, so that nobody takes it for a
/// recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Synthesis {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub headroom_version: String,
    /// The estate file as it was named. Hostile.
    pub estate: String,
    /// SHA-256 of the estate file in hexadecimal.
    pub estate_sha256: String,
    /// The domain controller at whose adapter the packets are seen. Hostile.
    pub domain_controller: String,
    /// What the estate says of its server.
    #[serde(default)]
    pub server: Option<SynthesisServer>,
    /// Domain controllers whose clients have gone elsewhere. Hostile.
    pub failed: Vec<String>,
    /// Seed.
    pub seed: u64,
    /// First moment.
    pub start_utc: Timestamp,
    /// Length in seconds.
    pub duration_seconds: f64,
    /// Name of the calibration.
    pub calibration: String,
    /// Clients of the domain controller.
    pub clients: u64,
    /// Rates may be too high or too low by this factor.
    pub uncertainty_factor: f64,
    /// Every parameter in force, those of single populations last.
    pub parameters: Vec<SynthesisParameter>,
    /// What the parameters were learned from, where that was itself synthesized. Hostile.
    #[serde(default)]
    pub learned_from: Option<String>,
    /// Parameters for which the capture file had no room.
    #[serde(default)]
    pub parameters_left_out: u64,
}

/// The server of the domain controller, as the estate describes it. Missing stays missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthesisServer {
    /// Its addresses, by which it is known in the traffic.
    pub addresses: Vec<String>,
    /// Physical cores (hyper-threads not counted).
    pub physical_cores: Option<u32>,
    /// Logical processors.
    pub logical_processors: Option<u32>,
    /// Installed memory in GB of 1024 MB.
    pub installed_memory_gb: Option<f64>,
    /// Smallest available memory seen on a busy day, in MB.
    pub min_available_mb: Option<f64>,
    /// Operating system. Hostile.
    pub operating_system: Option<String>,
    /// What it runs on, in the word of estate files.
    pub virtualization: Option<String>,
}

/// A parameter of synthesized traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynthesisParameter {
    /// Name in estate files.
    pub name: String,
    /// What it is.
    pub meaning: String,
    /// Value.
    pub value: f64,
    /// Unit.
    pub unit: String,
    /// Whose it is.
    pub basis: Basis,
    /// By whom published, or why assumed.
    pub source: String,
}

/// What was planned and put on the wire: the ground truth of synthesized traffic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// How it was made.
    pub synthesis: Synthesis,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Items of the plan per activity.
    pub planned: Vec<PlannedCount>,
    /// Messages per protocol and operation, those inside others included.
    pub messages: Vec<MessageCount>,
    /// Activities that an observer of the wire can derive.
    pub activities: Vec<DerivedCount>,
}

/// Items of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCount {
    /// Name of the activity.
    pub activity: String,
    /// How many.
    pub count: u64,
}

/// Messages of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCount {
    /// Short name of the protocol.
    pub protocol: String,
    /// Number of the operation, as `inspect` counts it.
    pub operation: u32,
    /// Its name in the specification, where we know one.
    pub name: Option<String>,
    /// Answers, not requests.
    pub is_answer: bool,
    /// How many.
    pub count: u64,
    /// So many of them on connections that were opened before the first frame, of which an
    /// observer may know less: of remote procedure calls not the interface.
    #[serde(default)]
    pub from_before: u64,
}

/// Activities of one kind and outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivedCount {
    /// Name of the kind.
    pub kind: String,
    /// `success`, `failure`, `continued`, `unanswered` or `unknown`.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// So many of them on connections that were opened before the first frame, as of messages.
    #[serde(default)]
    pub from_before: u64,
}
