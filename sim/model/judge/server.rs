//! The server as it is known, and what it uses itself.

use crate::model::virtual_sensor::{Candidate, OwnLoad, Server, Use};
use crate::record::{Basis, HostFacts, Sized};

use super::Question;

/// Share of a domain controller's processors that it uses in its busiest time where nobody knows:
/// what Microsoft plans domain controllers for (capacity planning for AD DS: 40 %).
const ASSUMED_CPU_PERCENT: f64 = 40.0;
/// Memory that it uses itself where nobody knows, in GB, and at most that share of all. Assumed:
/// Windows and the directory service without its cache, which gives way.
const ASSUMED_MEMORY_GB: f64 = 4.0;
const ASSUMED_MEMORY_SHARE: f64 = 0.5;
const MB_PER_GB: f64 = 1_024.0;

/// A server and what it uses itself.
#[derive(Debug, Clone)]
pub struct Host {
    pub server: Server,
    pub own_load: OwnLoad,
    /// That in words.
    pub words: String,
    pub cpu_basis: Basis,
    pub memory_basis: Basis,
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
        let busy = sized.load.busy?.packets_per_second;
        let average = sized.load.average_packets_per_second.unwrap_or(busy);
        let (percent, rate, cpu_basis, source) = match (question.own_cpu_percent, facts) {
            (Some(percent), _) => (percent, busy, Basis::Given, "as given, in the busiest time"),
            (None, HostFacts { avg_cpu_percent: Some(cpu), .. }) if average > 0.0 => {
                (cpu.value, average, Basis::Measured, "as its counters say, on average")
            }
            _ => (ASSUMED_CPU_PERCENT, busy, Basis::Assumed, "as assumed, in the busiest time"),
        };
        let (used_gb, memory_basis) = match &facts.min_available_mb {
            Some(free) => ((memory_gb - free.value / MB_PER_GB).max(0.0), Basis::Measured),
            None => (ASSUMED_MEMORY_GB.min(memory_gb * ASSUMED_MEMORY_SHARE), Basis::Assumed),
        };
        let idle = Use { cores: 0.0, memory_gb: used_gb };
        let cores_per_packet_per_second = percent / 100.0 * cores / rate.max(1e-9);
        Some(Self {
            server: Server { cores, memory_gb },
            own_load: OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second },
            words: format!(
                "{percent:.0} % of its {cores:.0} cores {source}, following the traffic, and \
                 {used_gb:.1} of its {memory_gb:.0} GB of memory{}",
                if memory_basis == Basis::Assumed { ", as assumed" } else { "" }
            ),
            cpu_basis,
            memory_basis,
        })
    }

    /// A sensor that may use whatever the server leaves it.
    pub fn candidate(&self, question: &Question) -> Candidate {
        self.with_cores(self.server.cores, question)
    }

    /// The same on a server with other cores.
    pub fn with_cores(&self, cores: f64, question: &Question) -> Candidate {
        let server = Server { cores, ..self.server };
        let sensor = super::sensor(cores, self.server.memory_gb, question);
        Candidate { server: Some(server), ..sensor }
    }
}
