//! Memory and cores compared: needed, available, short by, each with its sentence.
//!
//! Memory follows the arithmetic that fits the vendor's own screenshot (inferred). How the
//! vendor's tool counts cores is not published; ours is a rule of its own and says so.

use crate::record::{Basis, CapacityRow, Resource, ResourceCheck};

use super::host::Host;
use super::rules::Rules;
use super::tables::tables;
use super::words;

/// Differences below this are rounding of decimal fractions, not a shortage.
const NOTHING: f64 = 1e-9;

/// MB in one GB, as Windows and the vendor count.
const MB_PER_GB: f64 = 1_024.0;

/// The row a rate falls into, with that rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need<'r> {
    /// The row.
    pub row: &'r CapacityRow,
    /// Busy Packets/sec.
    pub busy_packets_per_second: f64,
}

/// All comparisons, in the order to read them. Without a row only the published minimum.
pub(super) fn checks(need: Option<Need<'_>>, host: &Host, rules: &Rules) -> Vec<ResourceCheck> {
    let mut checks = Vec::new();
    if let Some(need) = need {
        checks.push(available_memory(need, host, rules));
        checks.push(installed_memory(need, host, rules));
        checks.push(physical_cores(need, host, rules));
    }
    checks.push(minimum_memory(host));
    checks.push(minimum_cores(host));
    checks
}

/// Whole GB and whole cores to add, as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Shortage {
    /// GB of memory.
    pub memory_gb: f64,
    /// Cores.
    pub cores: f64,
}

impl Shortage {
    /// What `checks` say in all. Memory against what was available at the worst moment decides
    /// where it is known, as with the vendor's tool; what is installed only where it is not.
    pub fn of(checks: &[ResourceCheck]) -> Self {
        let short = |resource| {
            checks.iter().find(|check| check.resource == resource).and_then(|check| check.short_by)
        };
        let row = short(Resource::AvailableMemory).or_else(|| short(Resource::InstalledMemory));
        let memory = [row, short(Resource::MinimumMemory)];
        let cores = [short(Resource::PhysicalCores), short(Resource::MinimumCores)];
        let most = |amounts: [Option<f64>; 2]| amounts.into_iter().flatten().fold(0.0, f64::max);
        Self { memory_gb: most(memory), cores: most(cores) }
    }

    /// Whether anything must be added.
    pub fn any(self) -> bool {
        self.memory_gb > 0.0 || self.cores > 0.0
    }

    /// As the vendor writes it: `+4GB; +2 cores`.
    pub fn vendor_words(self) -> String {
        let memory = (self.memory_gb > 0.0).then(|| format!("+{:.0}GB", self.memory_gb));
        // Exact: amounts to add are whole.
        let unit = if self.cores == 1.0 { "core" } else { "cores" };
        let cores = (self.cores > 0.0).then(|| format!("+{:.0} {unit}", self.cores));
        memory.into_iter().chain(cores).collect::<Vec<_>>().join("; ")
    }

    /// In a sentence: `4 GB of memory and 2 cores`.
    pub fn plain_words(self) -> String {
        let memory = (self.memory_gb > 0.0)
            .then(|| format!("{} GB of memory", words::plain(self.memory_gb)));
        let cores = (self.cores > 0.0).then(|| words::cores(self.cores));
        words::list(&memory.into_iter().chain(cores).collect::<Vec<_>>())
    }
}

/// Where the amount comes from: `row 10k-20k of the sensor 2.x table, because Busy is 13,212`.
fn because(need: Need<'_>, rules: &Rules) -> String {
    format!(
        "row {} of the {} table, because Busy is {}",
        need.row.label,
        rules.table().title,
        words::rate(need.busy_packets_per_second)
    )
}

/// `short by 3.43 GB: add 4 GB` or `enough`.
fn outcome(deficit: f64, unit: &str) -> String {
    let add = whole(deficit);
    if add > 0.0 {
        let add = if unit == "cores" {
            words::cores(add)
        } else {
            format!("{} {unit}", words::plain(add))
        };
        format!("short by {} {unit}: add {add}", words::amount(deficit))
    } else {
        "enough".to_owned()
    }
}

/// `deficit` in whole units, 0 where there is none.
fn whole(deficit: f64) -> f64 {
    (deficit - NOTHING).ceil().max(0.0)
}

/// The row's memory against what was available at the worst moment, less the reserve:
/// `ceil(row - (MinAvail - R))`, R being 15 % of installed memory. Inferred: it gives the memory
/// amounts of all nine rows of the vendor's screenshot.
fn available_memory(need: Need<'_>, host: &Host, rules: &Rules) -> ResourceCheck {
    let needed = need.row.memory_gb;
    let start = format!("Memory: {} GB needed ({})", words::memory(needed), because(need, rules));
    let Some(min_available) = host.min_available_gb else {
        return ResourceCheck {
            resource: Resource::AvailableMemory,
            unit: "GB".to_owned(),
            needed,
            available: None,
            short_by: None,
            basis: Basis::Inferred,
            sentence: format!(
                "{start}; how much is available at the worst moment is not known: log the counter \
                 Memory\\Available MBytes or give `--min-available-mb`."
            ),
        };
    };
    let assumed = tables().figures.assumed_installed_memory.value.max(min_available);
    let installed = host.installed_gb.unwrap_or(assumed);
    let share = rules.reserve_share();
    let reserve = share * installed;
    let free = min_available - reserve;
    let deficit = needed - free;
    let percent = words::plain(rules.reserve_percent());
    let kept = words::amount(reserve);
    let outcome = outcome(deficit, "GB");
    let mut sentence = if free >= 0.0 {
        format!(
            "{start}, {} GB available at the worst moment after leaving {percent} % ({kept} GB) \
             free, {outcome}.",
            words::amount(free)
        )
    } else {
        format!(
            "{start}, {} GB available at the worst moment, less than the {percent} % ({kept} GB) \
             that must stay free, {outcome}.",
            words::amount(min_available)
        )
    };
    // What is added is subject to the reserve too; the vendor's arithmetic leaves that out.
    let in_full = whole(deficit / (1.0 - share));
    if in_full > whole(deficit) {
        sentence.push_str(&format!(
            " Since {percent} % of what is added stays free as well, {} GB are safe.",
            words::plain(in_full)
        ));
    }
    if host.installed_gb.is_none() {
        sentence.push_str(&format!(
            " Installed memory is not known; the {percent} % are taken of {} GB. Give `--ram`.",
            words::memory(assumed)
        ));
    }
    ResourceCheck {
        resource: Resource::AvailableMemory,
        unit: "GB".to_owned(),
        needed,
        available: Some(free),
        short_by: Some(whole(deficit)),
        basis: Basis::Inferred,
        sentence,
    }
}

/// The row's memory and the reserve against what is installed: a server that fails this is too
/// small even if the domain controller itself used nothing. Ours.
fn installed_memory(need: Need<'_>, host: &Host, rules: &Rules) -> ResourceCheck {
    let share = rules.reserve_share();
    let needed = need.row.memory_gb / (1.0 - share);
    let start = format!(
        "Installed memory: {} GB needed ({} GB for the sensor, {}, and {} % of the server free), \
         not counting the domain controller's own use",
        words::amount(needed),
        words::memory(need.row.memory_gb),
        because(need, rules),
        words::plain(rules.reserve_percent())
    );
    let sentence = match host.installed_gb {
        None => format!("{start}; how much is installed is not known: give `--ram`."),
        Some(installed) => {
            let left = installed - needed;
            let rest = if left > NOTHING && host.min_available_gb.is_none() {
                format!(
                    ", which leaves {} GB for the domain controller itself",
                    words::amount(left)
                )
            } else {
                String::new()
            };
            format!(
                "{start}, {} GB installed, {}{rest}.",
                words::memory(installed),
                outcome(needed - installed, "GB")
            )
        }
    };
    ResourceCheck {
        resource: Resource::InstalledMemory,
        unit: "GB".to_owned(),
        needed,
        available: host.installed_gb,
        short_by: host.installed_gb.map(|installed| whole(needed - installed)),
        basis: Basis::Ours,
        sentence,
    }
}

/// The row's cores, the domain controller's measured use and the reserve against physical
/// cores. Ours: what is needed is such that the reserve is kept of all cores, added ones too.
fn physical_cores(need: Need<'_>, host: &Host, rules: &Rules) -> ResourceCheck {
    let share = rules.reserve_share();
    let own_use = host.physical_cores.zip(host.cpu_percent).map(|(cores, percent)| {
        let used = cores * percent / 100.0;
        (used, percent)
    });
    let needed = (need.row.cores + own_use.map_or(0.0, |(used, _)| used)) / (1.0 - share);
    let own_text = match own_use {
        Some((used, percent)) => format!(
            "{} in use by the domain controller itself ({} % of {})",
            words::amount(used),
            words::plain(percent),
            words::cores(host.physical_cores.unwrap_or_default())
        ),
        None => "the domain controller's own use unknown and not counted".to_owned(),
    };
    let start = format!(
        "Cores: {} needed ({} for the sensor, {}; {own_text}; {} % of the server free)",
        words::amount(needed),
        words::amount(need.row.cores),
        because(need, rules),
        words::plain(rules.reserve_percent())
    );
    let mut sentence = match (host.physical_cores, host.logical_processors) {
        (Some(physical), _) => format!(
            "{start}, {} physical, {}.",
            words::plain(physical),
            outcome(needed - physical, "cores")
        ),
        (None, Some(logical)) => format!(
            "{start}; {} logical processors are known, but hyper-threads do not count, and how \
             many physical cores they are is not known: give `--cores`.",
            words::plain(logical)
        ),
        (None, None) => {
            format!("{start}; how many physical cores there are is not known: give `--cores`.")
        }
    };
    if let (Some((_, mean)), Some(max)) = (own_use, host.max_cpu_percent)
        && max > mean
    {
        sentence.push_str(&format!(
            " The highest single reading of processor use was {} %.",
            words::plain(max)
        ));
    }
    sentence.push_str(" This is our rule; the vendor's for cores is not published.");
    ResourceCheck {
        resource: Resource::PhysicalCores,
        unit: "cores".to_owned(),
        needed,
        available: host.physical_cores,
        short_by: host.physical_cores.map(|physical| whole(needed - physical)),
        basis: Basis::Ours,
        sentence,
    }
}

fn minimum_memory(host: &Host) -> ResourceCheck {
    let figures = &tables().figures;
    let needed = figures.minimum_memory.value;
    // A server of 6 GB reports 1 MB less, and the vendor lets that pass.
    let tolerance = figures.minimum_memory_tolerance.value / MB_PER_GB;
    let deficit = host.installed_gb.map(|installed| needed - installed);
    let deficit = deficit.map(|short| if short <= tolerance + NOTHING { 0.0 } else { short });
    let start = format!("Minimum memory: {} GB, whatever the traffic", words::plain(needed));
    let sentence = match host.installed_gb.zip(deficit) {
        Some((installed, short)) => {
            format!("{start}, {} GB installed, {}.", words::memory(installed), outcome(short, "GB"))
        }
        None => format!("{start}; how much is installed is not known: give `--ram`."),
    };
    ResourceCheck {
        resource: Resource::MinimumMemory,
        unit: "GB".to_owned(),
        needed,
        available: host.installed_gb,
        short_by: deficit.map(whole),
        basis: figures.minimum_memory.basis,
        sentence,
    }
}

fn minimum_cores(host: &Host) -> ResourceCheck {
    let figure = &tables().figures.minimum_cores;
    let needed = figure.value;
    let start = format!("Minimum cores: {}, whatever the traffic", words::plain(needed));
    let sentence = match host.physical_cores {
        Some(cores) => {
            format!(
                "{start}, {} physical, {}.",
                words::plain(cores),
                outcome(needed - cores, "cores")
            )
        }
        None => format!("{start}; how many there are is not known: give `--cores`."),
    };
    ResourceCheck {
        resource: Resource::MinimumCores,
        unit: "cores".to_owned(),
        needed,
        available: host.physical_cores,
        short_by: host.physical_cores.map(|cores| whole(needed - cores)),
        basis: figure.basis,
        sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::row_for;
    use super::*;

    fn need(busy: f64) -> Need<'static> {
        let row = row_for(Rules::default().table(), busy).unwrap();
        Need { row, busy_packets_per_second: busy }
    }

    fn all(busy: f64, host: Host) -> Vec<ResourceCheck> {
        checks(Some(need(busy)), &host, &Rules::default())
    }

    fn find(checks: &[ResourceCheck], resource: Resource) -> &ResourceCheck {
        checks.iter().find(|check| check.resource == resource).unwrap()
    }

    #[test]
    fn memory_says_what_a_user_asked_for() {
        let host = Host {
            installed_gb: Some(8.0),
            min_available_gb: Some(6_934.0 / 1_024.0),
            ..Host::default()
        };
        let checks = all(13_212.0, host);
        let memory = find(&checks, Resource::AvailableMemory);
        assert_eq!(
            memory.sentence,
            "Memory: 9.0 GB needed (row 10k-20k of the sensor 2.x table, because Busy is 13,212), \
             5.57 GB available at the worst moment after leaving 15 % (1.20 GB) free, short by \
             3.43 GB: add 4 GB. Since 15 % of what is added stays free as well, 5 GB are safe."
        );
        assert_eq!((memory.short_by, memory.basis), (Some(4.0), Basis::Inferred));
        let installed = find(&checks, Resource::InstalledMemory);
        assert_eq!(
            installed.sentence,
            "Installed memory: 10.59 GB needed (9.0 GB for the sensor, row 10k-20k of the sensor \
             2.x table, because Busy is 13,212, and 15 % of the server free), not counting the \
             domain controller's own use, 8.0 GB installed, short by 2.59 GB: add 3 GB."
        );
        assert_eq!((installed.short_by, installed.basis), (Some(3.0), Basis::Ours));
    }

    #[test]
    fn cores_add_up_sensor_own_use_and_reserve() {
        let host = Host {
            physical_cores: Some(4.0),
            cpu_percent: Some(30.0),
            max_cpu_percent: Some(92.0),
            ..Host::default()
        };
        let checks = all(31_827.0, host);
        let cores = find(&checks, Resource::PhysicalCores);
        assert_eq!(
            cores.sentence,
            "Cores: 5.53 needed (3.50 for the sensor, row 20k-50k of the sensor 2.x table, because \
             Busy is 31,827; 1.20 in use by the domain controller itself (30 % of 4 cores); 15 % \
             of the server free), 4 physical, short by 1.53 cores: add 2 cores. The highest single \
             reading of processor use was 92 %. This is our rule; the vendor's for cores is not \
             published."
        );
        assert_eq!((cores.short_by, cores.basis), (Some(2.0), Basis::Ours));
        // What is asked for is enough: four and two, with the same 1.2 in use.
        let added = Host { physical_cores: Some(6.0), cpu_percent: Some(20.0), ..host };
        assert_eq!(find(&all(31_827.0, added), Resource::PhysicalCores).short_by, Some(0.0));
    }

    #[test]
    fn what_is_unknown_stays_unknown_and_is_named() {
        let checks = all(500.0, Host { logical_processors: Some(8.0), ..Host::default() });
        assert_eq!(checks.len(), 5);
        for check in &checks {
            assert_eq!((check.available, check.short_by), (None, None), "{}", check.sentence);
            assert!(check.sentence.contains('`'), "{}", check.sentence);
        }
        let cores = find(&checks, Resource::PhysicalCores);
        assert!(cores.sentence.contains("8 logical processors are known, but hyper-threads"));
        assert_eq!(Shortage::of(&checks), Shortage::default());
    }

    #[test]
    fn a_server_of_six_gigabytes_may_report_one_megabyte_less() {
        let short = |megabytes: f64| {
            let host = Host { installed_gb: Some(megabytes / 1_024.0), ..Host::default() };
            minimum_memory(&host).short_by
        };
        assert_eq!(short(6_144.0), Some(0.0));
        assert_eq!(short(6_143.0), Some(0.0));
        assert_eq!(short(6_142.0), Some(1.0));
        assert_eq!(short(4_096.0), Some(2.0));
        let cores = |n| minimum_cores(&Host { physical_cores: Some(n), ..Host::default() });
        assert_eq!(cores(1.0).short_by, Some(1.0));
        assert_eq!(cores(2.0).short_by, Some(0.0));
    }

    #[test]
    fn the_reserve_without_installed_memory_is_said_to_be_assumed() {
        let host = Host { min_available_gb: Some(6.0), ..Host::default() };
        let check = available_memory(need(500.0), &host, &Rules::default());
        assert_eq!(check.available, Some(6.0 - 1.2));
        assert!(check.sentence.ends_with(
            "Installed memory is not known; the 15 % are taken of 8.0 GB. Give `--ram`."
        ));
        let large = Host { min_available_gb: Some(20.0), ..Host::default() };
        let check = available_memory(need(500.0), &large, &Rules::default());
        assert_eq!(check.available, Some(17.0));
    }

    #[test]
    fn amounts_are_written_as_the_vendor_writes_them() {
        let words = |memory_gb, cores| Shortage { memory_gb, cores }.vendor_words();
        assert_eq!(words(4.0, 2.0), "+4GB; +2 cores");
        assert_eq!(words(1.0, 1.0), "+1GB; +1 core");
        assert_eq!(words(0.0, 1.0), "+1 core");
        assert_eq!(words(3.0, 0.0), "+3GB");
        let plain = Shortage { memory_gb: 4.0, cores: 2.0 }.plain_words();
        assert_eq!(plain, "4 GB of memory and 2 cores");
    }
}
