//! The server as it is known, and what it uses itself.

use crate::model::virtual_sensor::{Candidate, OwnLoad, QUOTA_SECONDS, Server, Use};
use crate::model::words;
use crate::record::{Basis, HostFacts, Sized, Timeline};

use super::Question;
use super::own_load::{Follow, MemoryReadings, Readings};
use super::span::{Span, interval_ns};

/// Share of a domain controller's processors that it uses at its peak where nobody knows: what
/// Microsoft plans domain controllers for (capacity planning for AD DS: 40 %).
pub const ASSUMED_CPU_PERCENT: f64 = 40.0;
/// How long a peak of its processors lasts, in nanoseconds: what the quota looks at. A longer one
/// would let a server with little traffic use more than it has whenever some comes.
const PEAK_NS: i64 = QUOTA_SECONDS * 1_000_000_000;
/// Memory that it uses itself where nobody knows, in GB, and at most that share of all. Assumed:
/// Windows and the directory service without its cache, which gives way.
const ASSUMED_MEMORY_GB: f64 = 4.0;
const ASSUMED_MEMORY_SHARE: f64 = 0.5;
/// How the source of a fact begins that was given on the command line.
const FLAG: &str = "--";
const MB_PER_GB: f64 = 1_024.0;

/// A server and what it uses itself.
#[derive(Debug, Clone)]
pub struct Host {
    pub server: Server,
    /// What it uses itself without traffic, or, where there are readings, from one to the next.
    idle: Use,
    readings: Option<Readings>,
    cores_per_packet_per_second: f64,
    /// How its processor readings follow the traffic; `None` where there are none.
    pub follow: Option<Follow>,
    /// That in words.
    pub words: String,
    pub cpu_basis: Basis,
    pub memory_basis: Basis,
}

/// What is known of the processors.
struct Processors {
    cores_per_packet_per_second: f64,
    follow: Option<Follow>,
    words: String,
    basis: Basis,
}

impl Host {
    /// `None` where cores or memory are not known.
    pub fn of(sized: &Sized, question: &Question) -> Option<Self> {
        let facts = &sized.dc.host;
        let cores = f64::from(facts.physical_cores.as_ref()?.value);
        let memory_gb = facts.installed_memory_gb.as_ref()?.value;
        if cores <= 0.0 || memory_gb <= 0.0 {
            return None;
        }
        let timeline = sized.dc.timeline.as_ref();
        let processors = processors(sized, question, cores)?;
        let free = facts.min_available_mb.as_ref();
        let given = free.filter(|free| free.source.starts_with(FLAG));
        // What the user says goes before what was read.
        let memory = timeline.filter(|_| given.is_none());
        let memory = memory.and_then(|timeline| MemoryReadings::of(timeline, memory_gb));
        let (used_gb, memory_words, memory_basis) = match (&memory, free) {
            (Some(memory), _) => (memory.mean_gb, memory.words(), Basis::Measured),
            (None, Some(free)) => {
                let used_gb = (memory_gb - free.value / MB_PER_GB).max(0.0);
                let basis = given.map_or(Basis::Measured, |_| Basis::Given);
                (used_gb, format!("{used_gb:.1}"), basis)
            }
            (None, None) => {
                let used_gb = ASSUMED_MEMORY_GB.min(memory_gb * ASSUMED_MEMORY_SHARE);
                (used_gb, format!("{used_gb:.1}"), Basis::Assumed)
            }
        };
        let idle = Use { cores: 0.0, memory_gb: used_gb };
        let readings = timeline
            .and_then(|timeline| readings(timeline, cores, &processors, memory.as_ref(), idle));
        let assumed = if memory_basis == Basis::Assumed { " (assumed)" } else { "" };
        Some(Self {
            server: Server { cores, memory_gb },
            idle,
            readings,
            cores_per_packet_per_second: processors.cores_per_packet_per_second,
            follow: processors.follow,
            words: format!(
                "{}, and {memory_words} of its {memory_gb:.0} GB of memory{assumed}",
                processors.words
            ),
            cpu_basis: processors.basis,
            memory_basis,
        })
    }

    /// What the server uses itself in `span`.
    pub fn own_load(&self, span: Span) -> OwnLoad {
        let cores_per_packet_per_second = self.cores_per_packet_per_second;
        match &self.readings {
            Some(readings) => readings.within(span, cores_per_packet_per_second),
            None => OwnLoad::FollowsTraffic { idle: self.idle, cores_per_packet_per_second },
        }
    }

    /// A sensor that may use whatever the server leaves it.
    pub fn candidate(&self, question: &Question) -> Candidate {
        self.with(self.server, question)
    }

    /// The same on another server.
    pub fn with(&self, server: Server, question: &Question) -> Candidate {
        let sensor = super::sensor(server.cores, server.memory_gb, question);
        Candidate { server: Some(server), ..sensor }
    }
}

/// What the processors do themselves: as given, as read over time, as read on average, or as
/// assumed; `None` without traffic.
fn processors(sized: &Sized, question: &Question, cores: f64) -> Option<Processors> {
    let busy = sized.load.busy?.packets_per_second;
    let average = sized.load.average_packets_per_second.unwrap_or(busy);
    let peak = sized.dc.timeline.as_ref().map_or(busy, |timeline| peak(timeline).max(busy));
    let follow = sized.dc.timeline.as_ref().and_then(|timeline| Follow::of(timeline, cores));
    let (percent, rate, basis, source) = match (question.own_cpu_percent, follow, &sized.dc.host) {
        (Some(percent), ..) => (
            percent,
            peak,
            Basis::Given,
            "in the busiest ten seconds (given; it grows and falls with the traffic)",
        ),
        (None, Some(follow), _) => {
            return Some(Processors {
                cores_per_packet_per_second: follow.cores_per_packet_per_second,
                follow: Some(follow),
                words: follow.words(cores),
                basis: Basis::Measured,
            });
        }
        (None, None, HostFacts { avg_cpu_percent: Some(cpu), .. }) if average > 0.0 => (
            cpu.value,
            average,
            Basis::Measured,
            "on average (as its counters say; it grows and falls with the traffic)",
        ),
        _ => (
            ASSUMED_CPU_PERCENT,
            peak,
            Basis::Assumed,
            "in the busiest ten seconds (assumed; it grows and falls with the traffic)",
        ),
    };
    Some(Processors {
        cores_per_packet_per_second: percent / 100.0 * cores / rate.max(1e-9),
        follow: None,
        words: format!("{percent:.0} % of its {} {source}", words::cores(cores)),
        basis,
    })
}

/// Highest packet rate of [`PEAK_NS`], or of one sample where that is longer.
fn peak(timeline: &Timeline) -> f64 {
    let samples = (PEAK_NS + interval_ns(timeline) - 1) / interval_ns(timeline).max(1);
    let samples = usize::try_from(samples).unwrap_or(1).max(1);
    let rates = &timeline.packets_per_second;
    let means = rates.windows(samples.min(rates.len()).max(1)).map(|window| {
        let sum: f64 = window.iter().flatten().sum();
        sum / window.iter().flatten().count().max(1) as f64
    });
    means.fold(0.0, f64::max)
}

/// Readings of processors, memory or both, each less what follows the traffic; `None` where there
/// are neither.
fn readings(
    timeline: &Timeline,
    cores: f64,
    processors: &Processors,
    memory: Option<&MemoryReadings>,
    idle: Use,
) -> Option<Readings> {
    if processors.follow.is_none() && memory.is_none() {
        return None;
    }
    let used = (0..timeline.packets_per_second.len()).map(|at| Use {
        cores: processors.follow.map_or(0.0, |follow| follow.rest(timeline, at, cores)),
        memory_gb: memory.and_then(|memory| memory.used_gb(timeline, at)).unwrap_or(idle.memory_gb),
    });
    Some(Readings {
        start_ns: timeline.start_utc.nanos(),
        interval_ns: interval_ns(timeline),
        used: used.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::sized;
    use super::*;

    #[test]
    fn a_peak_of_the_processors_lasts_ten_seconds() {
        let sized = sized(&[100.0, 400.0, 200.0, 100.0], 4, 16.0);
        let mut timeline = sized.dc.timeline.clone().unwrap();
        timeline.interval_ms = 5_000;
        assert_eq!(peak(&timeline), 300.0);
        timeline.interval_ms = 60_000;
        assert_eq!(peak(&timeline), 400.0);
        timeline.packets_per_second[1] = None;
        timeline.interval_ms = 5_000;
        assert_eq!(peak(&timeline), 200.0);
        timeline.packets_per_second.clear();
        assert_eq!(peak(&timeline), 0.0);
    }

    #[test]
    fn a_server_without_readings_never_uses_more_than_is_assumed() {
        let sized = sized(&[10.0, 10.0, 500.0, 10.0], 4, 16.0);
        let question = Question { own_cpu_percent: None, ..super::super::tests::question() };
        let host = Host::of(&sized, &question).unwrap();
        let OwnLoad::FollowsTraffic { cores_per_packet_per_second, .. } =
            host.own_load(Span { start_ns: 0, end_ns: 1 })
        else {
            panic!("{host:?}")
        };
        // Ten seconds of it have 255 packets per second at most.
        assert!((cores_per_packet_per_second * 255.0 - 0.4 * 4.0).abs() < 1e-9);
    }
}
