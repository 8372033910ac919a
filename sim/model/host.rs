//! What is known of the server: usable facts only, its operating system, and the estate's facts.

use std::fmt::Display;

use crate::estate::{self, Estate};
use crate::record::{DomainController, Fact, HostFacts, Synthesis, SynthesisServer};

use super::tables::{OperatingSystem, Support, tables};

/// Longest name of an operating system that is looked at; names come from files.
const OS_NAME_CHARS_MAX: usize = 200;

/// Host facts as numbers, without those that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Host {
    /// Physical cores, at least 1.
    pub physical_cores: Option<f64>,
    /// Logical processors, at least 1.
    pub logical_processors: Option<f64>,
    /// Installed memory in GB, above 0.
    pub installed_gb: Option<f64>,
    /// Smallest available memory in GB.
    pub min_available_gb: Option<f64>,
    /// Processor use to count with, in percent: the mean, or the highest where no mean is known.
    pub cpu_percent: Option<f64>,
    /// Highest processor use seen, in percent.
    pub max_cpu_percent: Option<f64>,
}

/// MB in one GB, as Windows and the vendor count.
const MB_PER_GB: f64 = 1_024.0;

/// Nothing that runs Windows has this much memory (24 TB is the limit of Windows Server 2016;
/// later ones address 256 TB); above it is an error of the input.
const MEMORY_GB_MAX: f64 = 1e6;

/// Readings of perfmon overshoot by timer ticks: up to here, in percent, they mean a processor
/// that is busy all the time. To call them unknown would count the busiest server as idle.
const PROCESSOR_PERCENT_MAX: f64 = 101.0;

/// Nothing has this many processors.
const PROCESSORS_MAX: u32 = 100_000;

impl Host {
    /// The usable facts of `facts`.
    pub fn read(facts: &HostFacts) -> Self {
        let number = |fact: &Option<Fact<f64>>| fact.as_ref().map(|fact| fact.value);
        let count = |fact: &Option<Fact<u32>>| {
            let value = fact.as_ref().map(|fact| fact.value);
            value.filter(|n| (1..=PROCESSORS_MAX).contains(n)).map(f64::from)
        };
        let percent = |fact| {
            let share = number(fact).filter(|share| (0.0..=PROCESSOR_PERCENT_MAX).contains(share));
            share.map(|share| share.min(100.0))
        };
        let max_cpu_percent = percent(&facts.max_cpu_percent);
        Self {
            physical_cores: count(&facts.physical_cores),
            logical_processors: count(&facts.logical_processors),
            installed_gb: number(&facts.installed_memory_gb)
                .filter(|gb| *gb > 0.0 && *gb <= MEMORY_GB_MAX),
            min_available_gb: number(&facts.min_available_mb)
                .map(|mb| mb / MB_PER_GB)
                .filter(|gb| (0.0..=MEMORY_GB_MAX).contains(gb)),
            cpu_percent: percent(&facts.avg_cpu_percent).or(max_cpu_percent),
            max_cpu_percent,
        }
    }

    /// Whether anything is known of its memory.
    pub fn knows_memory(&self) -> bool {
        self.installed_gb.is_some() || self.min_available_gb.is_some()
    }
}

/// What a given name of an operating system turned out to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Os {
    /// No name was given.
    NotGiven,
    /// The vendor's tool wrote that it could not read it.
    Unreadable,
    /// No Windows Server that the vendor's pages name.
    Unrecognised,
    /// One they name.
    Known {
        /// Which.
        os: &'static OperatingSystem,
        /// Installed as Server Core.
        core: bool,
    },
}

impl Os {
    /// From the name as given.
    pub fn read(facts: &HostFacts) -> Self {
        let Some(fact) = &facts.operating_system else { return Self::NotGiven };
        let name = compact(&fact.value);
        if name.is_empty() {
            return Self::NotGiven;
        }
        let tables = tables();
        if name.contains(&compact(&tables.wordings.os_unreadable)) {
            return Self::Unreadable;
        }
        if !name.contains("server") {
            return Self::Unrecognised;
        }
        let known = tables.operating_systems.iter().find(|os| name.contains(&os.pattern));
        known.map_or(Self::Unrecognised, |os| Self::Known { os, core: name.contains("core") })
    }

    /// Whether its name is known at all.
    pub fn missing(&self) -> bool {
        matches!(self, Self::NotGiven | Self::Unreadable)
    }

    /// The operating system, where the sensor does not run on it at all.
    pub fn refused(&self) -> Option<&'static OperatingSystem> {
        match self {
            Self::Known { os, .. } if os.sensor_2x == Support::Never => Some(os),
            _ => None,
        }
    }
}

/// Lower case without blanks, so that `2012R2` and `2012 R2` are one.
fn compact(name: &str) -> String {
    name.chars()
        .take(OS_NAME_CHARS_MAX)
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

/// Fills what is not known of `dc` from its entry in `estate`, found by address, else by name;
/// whatever is known already stays. `source` says where the facts come from, e.g.
/// `estate lab.toml`. Returns whether an entry was found.
pub fn apply_estate(dc: &mut DomainController, estate: &Estate, source: &str) -> bool {
    let by_address = dc
        .addresses
        .iter()
        .filter_map(|address| address.parse().ok())
        .find_map(|address| estate.by_address(address));
    let Some(entry) = by_address.or_else(|| estate.by_name(&dc.name)) else { return false };
    let host = &mut dc.host;
    fill(&mut host.physical_cores, entry.physical_cores, source);
    fill(&mut host.logical_processors, entry.logical_processors, source);
    fill(&mut host.installed_memory_gb, entry.installed_memory_gb, source);
    fill(&mut host.min_available_mb, entry.min_available_mb, source);
    fill(&mut host.operating_system, entry.operating_system.clone(), source);
    note_memory(dc, entry.virtualization);
    true
}

/// Fills in what synthesized traffic says of the domain controller at which it was made, as
/// [`apply_estate`] does; false where `dc` is another one.
pub fn apply_synthesis(dc: &mut DomainController, made: &Synthesis) -> bool {
    let Some(server) = made.server.as_ref().filter(|server| is_at(dc, server)) else {
        return false;
    };
    let source = format!("estate {}", made.estate);
    let host = &mut dc.host;
    fill(&mut host.physical_cores, server.physical_cores, &source);
    fill(&mut host.logical_processors, server.logical_processors, &source);
    fill(&mut host.installed_memory_gb, server.installed_memory_gb, &source);
    fill(&mut host.min_available_mb, server.min_available_mb, &source);
    fill(&mut host.operating_system, server.operating_system.clone(), &source);
    let kind = server.virtualization.as_deref().and_then(estate::Virtualization::by_name);
    note_memory(dc, kind);
    true
}

fn is_at(dc: &DomainController, server: &SynthesisServer) -> bool {
    dc.addresses.iter().any(|address| server.addresses.contains(address))
}

fn note_memory(dc: &mut DomainController, kind: Option<estate::Virtualization>) {
    if let Some(note) = kind.and_then(memory_note).map(str::to_owned)
        && !dc.notes.contains(&note)
    {
        dc.notes.push(note);
    }
}

fn fill<T>(fact: &mut Option<Fact<T>>, value: Option<T>, source: impl Display) {
    if fact.is_none() {
        *fact = value.map(|value| Fact { value, source: source.to_string() });
    }
}

/// What the vendor's prerequisites page demands of a virtual machine's memory.
fn memory_note(kind: estate::Virtualization) -> Option<&'static str> {
    match kind {
        estate::Virtualization::None => None,
        estate::Virtualization::HyperV => Some(
            "Runs on Hyper-V: the vendor requires that Enable Dynamic Memory is off, so that all \
             memory is allocated at all times.",
        ),
        estate::Virtualization::Vmware => Some(
            "Runs on VMware: the vendor requires that all guest memory is reserved, so that all \
             memory is allocated at all times.",
        ),
        estate::Virtualization::Other => Some(
            "Runs on a virtual machine: the vendor requires that all memory is allocated at all \
             times.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{bare, fact};
    use super::*;

    #[test]
    fn numbers_that_cannot_be_are_unknown() {
        let facts = HostFacts {
            physical_cores: fact(0),
            logical_processors: fact(u32::MAX),
            installed_memory_gb: fact(f64::NAN),
            min_available_mb: fact(-1.0),
            avg_cpu_percent: fact(101.1),
            max_cpu_percent: fact(f64::INFINITY),
            ..HostFacts::default()
        };
        assert_eq!(Host::read(&facts), Host::default());
        let facts = HostFacts {
            min_available_mb: fact(0.0),
            max_cpu_percent: fact(90.0),
            ..HostFacts::default()
        };
        let host = Host::read(&facts);
        assert_eq!((host.min_available_gb, host.cpu_percent), (Some(0.0), Some(90.0)));
    }

    #[test]
    fn a_processor_that_overshoots_is_busy_not_unknown() {
        let facts = HostFacts {
            avg_cpu_percent: fact(100.2),
            max_cpu_percent: fact(101.0),
            ..HostFacts::default()
        };
        let host = Host::read(&facts);
        assert_eq!((host.cpu_percent, host.max_cpu_percent), (Some(100.0), Some(100.0)));
    }

    #[test]
    fn operating_systems_are_told_apart() {
        let read = |name: &str| {
            Os::read(&HostFacts { operating_system: fact(name.to_owned()), ..HostFacts::default() })
        };
        let named = [
            ("Windows Server 2008 R2 Enterprise", "Windows Server 2008 R2"),
            ("Microsoft Windows Server 2012R2 Standard", "Windows Server 2012 R2"),
            ("WINDOWS SERVER 2012 Datacenter", "Windows Server 2012"),
            ("Microsoft® Windows Server® 2008 Standard", "Windows Server 2008"),
            ("Windows Server 2016 Nano Server", "Nano Server"),
            ("Windows Server 2016", "Windows Server 2016"),
            ("Windows Server 2019 Standard", "Windows Server 2019"),
            ("Windows Server 2022 Datacenter Azure Edition", "Windows Server 2022"),
            ("Windows Server 2025", "Windows Server 2025"),
        ];
        for (name, expected) in named {
            let Os::Known { os, .. } = read(name) else { panic!("{name}") };
            assert_eq!(os.name, expected);
        }
        assert!(matches!(read("Windows Server 2008 R2 Server Core"), Os::Known { core: true, .. }));
        assert_eq!(read("Remote Registry Query Failed"), Os::Unreadable);
        assert_eq!(read("Debian GNU/Linux 12, Samba 2016"), Os::Unrecognised);
        assert_eq!(read("   "), Os::NotGiven);
        assert_eq!(Os::read(&HostFacts::default()), Os::NotGiven);
        assert_eq!(read(&"x".repeat(1_000_000)), Os::Unrecognised);
    }

    #[test]
    fn an_estate_fills_only_what_is_unknown() {
        let text = "[[domain_controller]]\nname = \"dc1.lab.example\"\naddresses = [\"10.0.0.1\"]\n\
                    physical_cores = 4\ninstalled_memory_gb = 8\nvirtualization = \"hyper-v\"\n\
                    operating_system = \"Windows Server 2022\"\n";
        let estate = Estate::parse(text, "lab.toml").unwrap();
        let mut dc = bare("somebody else");
        dc.addresses = vec!["not an address".to_owned(), "10.0.0.1".to_owned()];
        dc.host.physical_cores = Some(Fact { value: 16, source: "--cores".to_owned() });
        assert!(apply_estate(&mut dc, &estate, "estate lab.toml"));
        assert!(apply_estate(&mut dc, &estate, "estate lab.toml"));
        let expected = HostFacts {
            physical_cores: Some(Fact { value: 16, source: "--cores".to_owned() }),
            installed_memory_gb: Some(Fact { value: 8.0, source: "estate lab.toml".to_owned() }),
            operating_system: Some(Fact {
                value: "Windows Server 2022".to_owned(),
                source: "estate lab.toml".to_owned(),
            }),
            ..HostFacts::default()
        };
        assert_eq!(dc.host, expected);
        assert_eq!(dc.notes.len(), 1);

        let mut by_name = bare("DC1");
        assert!(apply_estate(&mut by_name, &estate, "x"));
        let mut stranger = bare("dc9");
        assert!(!apply_estate(&mut stranger, &estate, "x"));
        assert_eq!(stranger, bare("dc9"));
    }
}
