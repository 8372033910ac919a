//! Domain controllers for the tests of this room.

use crate::base::Timestamp;
use crate::record::{Basis, DomainController, Fact, HostFacts, Load, Offload, RejectedReadings};
use crate::record::{Timeline, Window};

/// A fact the test made up.
pub(super) fn fact<T>(value: T) -> Option<Fact<T>> {
    Some(Fact { value, source: "test".to_owned() })
}

/// Nothing known but the name.
pub(super) fn bare(name: &str) -> DomainController {
    DomainController {
        name: name.to_owned(),
        addresses: Vec::new(),
        recognised_by: "test".to_owned(),
        services: Vec::new(),
        packets: None,
        bytes: None,
        timeline: None,
        reported: None,
        traffic_basis: Basis::Measured,
        sub_sample_peaks: Vec::new(),
        protocols: Vec::new(),
        offload: Offload::default(),
        name_lookups: None,
        host: HostFacts::default(),
        rejected: RejectedReadings::default(),
        notes: Vec::new(),
    }
}

/// A counter log.
pub(super) fn counters(
    name: &str,
    start_utc: Timestamp,
    interval_ms: u64,
    packets_per_second: Vec<Option<f64>>,
) -> DomainController {
    let intervals = u64::try_from(packets_per_second.len()).unwrap().saturating_sub(1);
    let timeline = Timeline {
        start_utc,
        interval_ms,
        covered_ms: intervals * interval_ms,
        packets_per_second,
        bytes_per_second: Vec::new(),
        cpu_percent: Vec::new(),
        available_mb: Vec::new(),
        protocol_interval_ms: interval_ms,
        protocols: Vec::new(),
    };
    DomainController { timeline: Some(timeline), ..bare(name) }
}

/// A capture with that many packets in each sample of 5 s.
pub(super) fn capture(start: Timestamp, covered_ms: u64, packets: &[u32]) -> DomainController {
    let rates = packets.iter().map(|&count| Some(f64::from(count) / 5.0)).collect();
    let mut dc = counters("10.0.0.1", start, 5_000, rates);
    dc.packets = Some(packets.iter().map(|&count| u64::from(count)).sum());
    dc.addresses = vec!["10.0.0.1".to_owned()];
    if let Some(timeline) = &mut dc.timeline {
        timeline.covered_ms = covered_ms;
    }
    dc
}

/// A row of a sizing workbook.
pub(super) fn reported(name: &str, busy: f64, average: Option<f64>) -> DomainController {
    let start_utc = Timestamp::from_parts(0, 0);
    let load = Load {
        busy: Some(Window {
            packets_per_second: busy,
            start_utc,
            end_utc: start_utc.plus_nanos(900_000_000_000),
        }),
        average_packets_per_second: average,
        maximum_packets_per_second: None,
        peaks: Vec::new(),
        good_samples: 17_221,
        failed_samples: 0,
    };
    DomainController { reported: Some(load), ..bare(name) }
}
