//! Packet rates over time.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// Packet rate of one domain controller over time, in samples of equal length.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Start of the first sample.
    pub start_utc: Timestamp,
    /// Length of one sample in milliseconds. 5000 from captures, as the vendor's tool
    /// samples; from counters the interval of the log.
    pub interval_ms: u64,
    /// Time covered, first to last packet or reading, in milliseconds. The last sample of a
    /// capture may be only partly covered.
    pub covered_ms: u64,
    /// Packets per second of each sample; `None` where there was no good reading.
    pub packets_per_second: Vec<Option<f64>>,
    /// Bytes per second of each sample; empty where the input does not say.
    pub bytes_per_second: Vec<Option<f64>>,
    /// Share of its processors that the server used in each sample, in percent; empty where the
    /// input does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpu_percent: Vec<Option<f64>>,
    /// Available memory in each sample, in MB; empty where the input does not say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub available_mb: Vec<Option<f64>>,
    /// Length of one sample of `protocols`, in milliseconds.
    pub protocol_interval_ms: u64,
    /// Packets and bytes per protocol, in the order of the protocol registry; only those that
    /// occur. Empty where the input does not say.
    pub protocols: Vec<ProtocolSeries>,
}

/// Packets and bytes of one protocol over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolSeries {
    /// Display name, e.g. `SMB2/3`.
    pub protocol: String,
    /// Packets in each sample of `protocol_interval_ms`.
    pub packets: Vec<u64>,
    /// Bytes on the wire in each sample.
    pub bytes: Vec<u64>,
}

/// The highest rate over windows of one length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// Window length in milliseconds: 1, 10, 100, 1000, 5000, 60000, 900000.
    pub window_ms: u64,
    /// Mean packets per second inside the fullest window.
    pub packets_per_second: f64,
    /// Start of that window.
    pub start_utc: Timestamp,
}

/// A span of time with its mean rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Mean packets per second inside it.
    pub packets_per_second: f64,
    /// Start of its first sample.
    pub start_utc: Timestamp,
    /// End of its last sample.
    pub end_utc: Timestamp,
}
