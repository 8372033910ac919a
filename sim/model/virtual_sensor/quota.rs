//! The quota loop: what the rest of the server leaves to the sensor.
//!
//! "A monitoring component … evaluates the available compute and memory capacity on the server …
//! runs every 10 seconds and dynamically updates the CPU and memory utilization quota … makes
//! sure the server always has at least 15% of free compute and memory resources available"
//! (Microsoft Defender for Identity architecture, 2025-09-28). What the quota is, follows from
//! the vendor's two worked examples: 100 % less the reserve, the directory service and the rest.

use crate::model::tables::tables;

use super::{Candidate, Server};

/// How often the quota is set anew, in seconds (vendor, as above).
pub const QUOTA_SECONDS: i64 = 10;

/// Share of the server's processor time that the sensor may use, in percent, where the
/// directory service uses `directory_percent` and other processes use `other_percent`.
pub fn quota_percent(directory_percent: f64, other_percent: f64) -> f64 {
    (100.0 - tables().figures.reserve.value - directory_percent - other_percent).max(0.0)
}

/// What the domain controller itself uses of the server over time.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnLoad {
    /// Always the same.
    Constant(Use),
    /// Read from a counter log, and on top of that what follows the traffic. So what was read is
    /// what it uses with the traffic of then, and more traffic lets it use more.
    Series {
        /// Start of the first reading, in nanoseconds since 1970.
        start_ns: i64,
        /// Length of one reading, in nanoseconds.
        interval_ns: i64,
        /// Readings less what follows the traffic. Before the first one it counts, after the last
        /// one that. Cores may lie below zero where the server used less than its traffic needs on
        /// average; the sum of both does not.
        readings: Vec<Use>,
        /// Cores for each packet per second of the last 10 s.
        cores_per_packet_per_second: f64,
    },
    /// In proportion to the packet rate of the last 10 s, on top of what it uses when idle.
    FollowsTraffic {
        /// Without traffic.
        idle: Use,
        /// Cores for each packet per second.
        cores_per_packet_per_second: f64,
    },
}

/// Processor and memory in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    /// Physical cores.
    pub cores: f64,
    /// Memory in GB.
    pub memory_gb: f64,
}

impl OwnLoad {
    /// What is in use at `now_ns`, after 10 s of `packets_per_second`.
    pub fn at(&self, now_ns: i64, packets_per_second: f64) -> Use {
        match self {
            Self::Constant(constant) => *constant,
            Self::Series { start_ns, interval_ns, readings, cores_per_packet_per_second } => {
                let passed = now_ns.saturating_sub(*start_ns).max(0) / (*interval_ns).max(1);
                let index = usize::try_from(passed).unwrap_or(usize::MAX);
                let reading = readings.get(index).or(readings.last());
                let rest = reading.copied().unwrap_or(Use { cores: 0.0, memory_gb: 0.0 });
                let cores = rest.cores + cores_per_packet_per_second * packets_per_second;
                Use { cores: cores.max(0.0), ..rest }
            }
            Self::FollowsTraffic { idle, cores_per_packet_per_second } => Use {
                cores: idle.cores + cores_per_packet_per_second * packets_per_second,
                ..*idle
            },
        }
    }
}

/// Cores that the sensor of this size may use where the server uses `own`.
pub(super) fn cores(candidate: &Candidate, own: Use, other_percent: f64) -> f64 {
    let Some(server) = candidate.server else { return candidate.cores };
    let percent = quota_percent(100.0 * own.cores / server.cores, other_percent);
    candidate.cores.min(server.cores * percent / 100.0)
}

/// Memory in GB that the sensor of this size may use where the server uses `own`.
pub(super) fn memory_gb(candidate: &Candidate, own: Use) -> f64 {
    let Some(Server { memory_gb, .. }) = candidate.server else { return candidate.memory_gb };
    let free = memory_gb * (100.0 - tables().figures.reserve.value) / 100.0 - own.memory_gb;
    candidate.memory_gb.min(free.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: f64 = 4.0;

    fn candidate(server: Option<Server>) -> Candidate {
        Candidate { cores: 3.5, memory_gb: 9.5, buffer_bytes_per_shard: 1 << 20, server, load: 1.0 }
    }

    #[test]
    fn the_vendors_two_examples_come_out_exactly() {
        assert_eq!(quota_percent(30.0, 10.0), 45.0);
        assert_eq!(quota_percent(60.0, 10.0), 15.0);
        assert_eq!(quota_percent(80.0, 10.0), 0.0);
    }

    #[test]
    fn the_smaller_of_size_and_quota_counts() {
        let own = Use { cores: 3.0, memory_gb: GB };
        assert_eq!(cores(&candidate(None), own, 10.0), 3.5);
        let server = Server { cores: 10.0, memory_gb: 16.0 };
        assert_eq!(cores(&candidate(Some(server)), own, 10.0), 3.5);
        let busy = Use { cores: 6.0, memory_gb: GB };
        assert_eq!(cores(&candidate(Some(server)), busy, 10.0), 1.5);
        assert_eq!(memory_gb(&candidate(Some(server)), own), 9.5);
        let full = Use { cores: 3.0, memory_gb: 8.0 };
        assert!((memory_gb(&candidate(Some(server)), full) - 5.6).abs() < 1e-12);
        assert_eq!(memory_gb(&candidate(Some(server)), Use { cores: 0.0, memory_gb: 15.0 }), 0.0);
    }

    #[test]
    fn own_load_is_read_from_its_source() {
        let at = |cores| Use { cores, memory_gb: GB };
        let series = OwnLoad::Series {
            start_ns: 100,
            interval_ns: 10,
            readings: vec![at(1.0), at(2.0), at(-3.0)],
            cores_per_packet_per_second: 0.0,
        };
        let read: Vec<f64> =
            [0, 100, 109, 110, 500].iter().map(|now| series.at(*now, 9.0).cores).collect();
        assert_eq!(read, [1.0, 1.0, 1.0, 2.0, 0.0]);
        let OwnLoad::Series { start_ns, interval_ns, readings, .. } = series else { panic!() };
        let cores_per_packet_per_second = 0.25;
        let series =
            OwnLoad::Series { start_ns, interval_ns, readings, cores_per_packet_per_second };
        assert_eq!([100, 500].map(|now| series.at(now, 8.0).cores), [3.0, 0.0]);
        assert_eq!(series.at(500, 16.0).cores, 1.0);
        let follows =
            OwnLoad::FollowsTraffic { idle: at(0.5), cores_per_packet_per_second: 1.0 / 4_096.0 };
        assert_eq!(follows.at(0, 8_192.0), at(2.5));
        assert_eq!(OwnLoad::Constant(at(0.25)).at(7, 1.0), at(0.25));
    }
}
