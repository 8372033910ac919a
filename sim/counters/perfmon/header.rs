//! The header of a perfmon CSV: the time zone, and a counter path per column.

use std::collections::BTreeMap;

use crate::counters::names::{Counter, Names};
use crate::counters::{adapters, shown, table};

/// Longest counter path that is looked at, in bytes: PDH_MAX_COUNTER_PATH (pdh.h) is 2048
/// characters.
const MAX_PATH_BYTES: usize = 3 * 2048;

/// Offsets from UTC that exist, in minutes (IANA time zone database: -12 h to +14 h, more
/// before 1900).
const BIAS_MINUTES: std::ops::RangeInclusive<i64> = -16 * 60..=16 * 60;

/// A counter path taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Path<'a> {
    /// Computer, without backslashes; empty where the path names none.
    pub(super) host: &'a str,
    /// Object, e.g. `Network Adapter`.
    pub(super) object: &'a str,
    /// Instance, empty where there is none.
    pub(super) instance: &'a str,
    /// Counter, e.g. `Packets/sec`.
    pub(super) counter: &'a str,
}

impl<'a> Path<'a> {
    /// Reads `\\HOST\Object(Instance)\Counter`, the host and the instance being optional.
    /// Instances may hold backslashes and brackets, counters may hold brackets.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_PATH_BYTES {
            return None;
        }
        let (host, rest) = match text.strip_prefix(r"\\") {
            Some(rest) => rest.split_once('\\')?,
            None => ("", text.strip_prefix('\\')?),
        };
        let bracket = rest.find('(').unwrap_or(usize::MAX);
        if bracket < rest.find('\\')? {
            let (object, rest) = rest.split_once('(')?;
            let (instance, counter) = rest.rsplit_once(r")\")?;
            return Some(Self { host, object, instance, counter });
        }
        let (object, counter) = rest.split_once('\\')?;
        Some(Self { host, object, instance: "", counter })
    }
}

/// What a column adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Packets of an adapter, by its number.
    Packets(usize),
    /// Bytes of an adapter, by its number.
    Bytes(usize),
    /// Available memory of a host, by its number.
    Memory(usize),
    /// Processor time of a host, by its number.
    Processor(usize),
}

/// An adapter that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Adapter {
    /// Number of its host.
    pub(super) host: usize,
    /// Instance name. Hostile.
    pub(super) name: String,
    /// True where its bytes are logged as well.
    pub(super) has_bytes: bool,
}

/// A host of the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Host {
    /// Name as first written, empty where the log has none. Hostile.
    pub(super) name: String,
    /// Object its adapters belong to, e.g. `Network Adapter`; empty without one.
    pub(super) object: &'static str,
    /// Counter that its processor time was taken from, e.g. `Processor(_Total)`.
    pub(super) processor: &'static str,
    /// What a reader should know, as sentences.
    pub(super) notes: Vec<String>,
    /// What makes its figures doubtful, as sentences.
    pub(super) warnings: Vec<String>,
}

/// The header as far as it concerns us.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Header {
    /// What each column adds to; shorter than the header where the last are not wanted.
    pub(super) targets: Vec<Option<Target>>,
    /// Columns in all, with the time.
    pub(super) columns: usize,
    /// Hosts in the order of the header.
    pub(super) hosts: Vec<Host>,
    /// Adapters that count, over all hosts.
    pub(super) adapters: Vec<Adapter>,
    /// Minutes to add to a local time to get UTC; none where the header does not say.
    pub(super) bias_minutes: Option<i64>,
    /// Time zone in words, empty where the header does not say. Hostile.
    pub(super) zone: String,
    /// Objects that occur, for a message.
    pub(super) objects: String,
}

/// Columns of one host while the header is read.
#[derive(Debug, Default)]
struct Columns {
    name: String,
    /// Per object and instance: columns of packets and of bytes.
    adapters: BTreeMap<(Counter, usize), Instance>,
    memory: Option<usize>,
    processor: Option<usize>,
    processor_information: Option<usize>,
    repeated: Vec<String>,
}

#[derive(Debug, Default)]
struct Instance {
    name: String,
    packets: Option<usize>,
    bytes: Option<usize>,
}

impl Header {
    /// Reads the header `line`.
    pub(super) fn parse(line: &str, delimiter: char, names: &Names) -> Self {
        let mut header = Self::default();
        let mut hosts: Vec<Columns> = Vec::new();
        let mut host_numbers: BTreeMap<String, usize> = BTreeMap::new();
        let mut instances: BTreeMap<(usize, Counter, String), usize> = BTreeMap::new();
        let mut objects: BTreeMap<String, ()> = BTreeMap::new();
        for (column, cell) in table::cells(line, delimiter).enumerate() {
            header.columns = column + 1;
            let text = cell.unescaped();
            if column == 0 {
                (header.zone, header.bias_minutes) = zone(&text);
                continue;
            }
            let Some(path) = Path::parse(&text) else { continue };
            if objects.len() < 8 {
                objects.insert(shown(path.object), ());
            }
            let Some((object, counter)) = wanted(&path, names) else { continue };
            let number = *host_numbers.entry(path.host.to_lowercase()).or_insert_with(|| {
                hosts.push(Columns { name: path.host.to_owned(), ..Columns::default() });
                hosts.len() - 1
            });
            let next = instances.len();
            let key = (number, object, path.instance.to_lowercase());
            let instance = *instances.entry(key).or_insert(next);
            if let Some(host) = hosts.get_mut(number) {
                host.add(object, counter, &path, instance, column);
            }
        }
        header.objects = table::name_list(objects.keys().map(String::as_str));
        header.targets = vec![None; header.columns];
        for host in hosts {
            header.settle(host);
        }
        header
    }

    /// True where at least one column counts packets.
    pub(super) fn has_packets(&self) -> bool {
        !self.adapters.is_empty()
    }

    /// Decides which columns of a host count.
    fn settle(&mut self, columns: Columns) {
        let number = self.hosts.len();
        let mut host = Host { name: columns.name, ..Host::default() };
        if !columns.repeated.is_empty() {
            host.notes.push(format!(
                "columns that occur twice were read once: {}",
                table::name_list(columns.repeated.iter().map(String::as_str))
            ));
        }
        let (object, instances) = choose_object(columns.adapters, &mut host);
        host.object = object;
        for instance in choose_instances(instances, &mut host) {
            let adapter = self.adapters.len();
            self.aim(instance.packets, Target::Packets(adapter));
            self.aim(instance.bytes, Target::Bytes(adapter));
            self.adapters.push(Adapter {
                host: number,
                name: instance.name,
                has_bytes: instance.bytes.is_some(),
            });
        }
        self.aim(columns.memory, Target::Memory(number));
        // `Processor` sees one processor group only (64 logical processors).
        let (processor, source) = match columns.processor_information {
            Some(column) => {
                (Some(column), r"counter Processor Information(_Total)\% Processor Time")
            }
            None => (columns.processor, r"counter Processor(_Total)\% Processor Time"),
        };
        self.aim(processor, Target::Processor(number));
        host.processor = source;
        self.hosts.push(host);
    }

    fn aim(&mut self, column: Option<usize>, target: Target) {
        if let Some(entry) = column.and_then(|column| self.targets.get_mut(column)) {
            *entry = Some(target);
        }
    }
}

impl Columns {
    fn add(
        &mut self,
        object: Counter,
        counter: Counter,
        path: &Path<'_>,
        instance: usize,
        column: usize,
    ) {
        let slot = match (object, counter) {
            (Counter::Memory, _) => &mut self.memory,
            (Counter::Processor, _) => &mut self.processor,
            (Counter::ProcessorInformation, _) => &mut self.processor_information,
            _ => {
                let entry = self.adapters.entry((object, instance)).or_default();
                entry.name = path.instance.to_owned();
                if counter == Counter::PacketsPerSecond {
                    &mut entry.packets
                } else {
                    &mut entry.bytes
                }
            }
        };
        if slot.is_some() {
            self.repeated.push(format!(r"{}({})\{}", path.object, path.instance, path.counter));
        } else {
            *slot = Some(column);
        }
    }
}

/// The object and counter of `path`, where we want them.
fn wanted(path: &Path<'_>, names: &Names) -> Option<(Counter, Counter)> {
    use Counter::{
        AvailableMb, BytesPerSecond, Memory, NetworkAdapter, NetworkInterface, PacketsPerSecond,
        Processor, ProcessorInformation, ProcessorTime,
    };
    const PAIRS: [(Counter, Counter); 7] = [
        (NetworkAdapter, PacketsPerSecond),
        (NetworkInterface, PacketsPerSecond),
        (NetworkAdapter, BytesPerSecond),
        (NetworkInterface, BytesPerSecond),
        (Memory, AvailableMb),
        (Processor, ProcessorTime),
        (ProcessorInformation, ProcessorTime),
    ];
    let pair = PAIRS.into_iter().find(|&(object, counter)| {
        names.is(object, path.object) && names.is(counter, path.counter)
    })?;
    let of_processor = matches!(pair.0, Processor | ProcessorInformation);
    (!of_processor || adapters::is_total(path.instance)).then_some(pair)
}

/// `Network Adapter` where it is logged: the vendor's manual method names it.
fn choose_object(
    adapters: BTreeMap<(Counter, usize), Instance>,
    host: &mut Host,
) -> (&'static str, Vec<Instance>) {
    let mut of_adapter = Vec::new();
    let mut of_interface = Vec::new();
    // An instance without packets (bytes only) is of no use.
    for ((object, _), instance) in adapters.into_iter().filter(|(_, i)| i.packets.is_some()) {
        if object == Counter::NetworkAdapter { &mut of_adapter } else { &mut of_interface }
            .push(instance);
    }
    match (of_adapter.is_empty(), of_interface.is_empty()) {
        (true, true) => ("", Vec::new()),
        (true, false) => ("Network Interface", of_interface),
        (false, both) => {
            if !both {
                host.notes.push(
                    "`Network Adapter` and `Network Interface` are both logged and count the same \
                     packets; `Network Adapter` was used, as the vendor's manual method says"
                        .to_owned(),
                );
            }
            ("Network Adapter", of_adapter)
        }
    }
}

/// Leaves out pseudo-adapters and sums, and says so.
fn choose_instances(instances: Vec<Instance>, host: &mut Host) -> Vec<Instance> {
    let (totals, mut kept): (Vec<_>, Vec<_>) =
        instances.into_iter().partition(|instance| adapters::is_total(&instance.name));
    let mut left_out: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    kept.retain(|instance| match adapters::left_out_because(&instance.name) {
        Some(why) => {
            left_out.entry(why).or_default().push(instance.name.clone());
            false
        }
        None => true,
    });
    for (why, names) in &left_out {
        let names = table::name_list(names.iter().map(String::as_str));
        host.notes.push(format!("adapters left out: {names} ({why})"));
    }
    if kept.is_empty() && !totals.is_empty() {
        host.notes
            .push("only the sum of all adapters is logged, pseudo-adapters included".to_owned());
        return totals;
    }
    if !totals.is_empty() {
        host.notes.push("the instance that sums up all adapters was left out".to_owned());
    }
    if kept.is_empty() && !left_out.is_empty() {
        host.warnings
            .push("every adapter logged is a pseudo-adapter; log the real ones".to_owned());
    }
    let aggregates = kept.iter().filter(|instance| adapters::is_aggregate(&instance.name));
    let aggregates = aggregates.map(|instance| instance.name.as_str()).collect::<Vec<_>>();
    if !aggregates.is_empty() && aggregates.len() < kept.len() {
        host.warnings.push(format!(
            "{} forwards what its member adapters count as well, so packets may be counted twice; \
             log either the team or its members",
            table::name_list(aggregates)
        ));
    }
    if !kept.is_empty() {
        let names = table::name_list(kept.iter().map(|instance| instance.name.as_str()));
        host.notes.push(format!("packets of {} summed: {names}", count_of(kept.len())));
    }
    kept
}

fn count_of(adapters: usize) -> String {
    if adapters == 1 { "1 adapter".to_owned() } else { format!("{adapters} adapters") }
}

/// Zone name and bias of `(PDH-CSV 4.0) (W. Europe Standard Time)(-60)`.
fn zone(cell: &str) -> (String, Option<i64>) {
    let after = cell.split_once(')').map_or("", |(_, after)| after).trim();
    let Some((zone, bias)) = after.strip_suffix(')').and_then(|text| text.rsplit_once('(')) else {
        return (after.trim_matches(['(', ')', ' ']).to_owned(), None);
    };
    let bias = bias.trim().parse().ok().filter(|minutes| BIAS_MINUTES.contains(minutes));
    (zone.trim().trim_start_matches('(').trim_end_matches(')').to_owned(), bias)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path<'a>(
        host: &'a str,
        object: &'a str,
        instance: &'a str,
        counter: &'a str,
    ) -> Option<Path<'a>> {
        Some(Path { host, object, instance, counter })
    }

    #[test]
    fn takes_counter_paths_apart() {
        for (text, expected) in [
            (
                r"\\DC1\Network Adapter(NIC _2)\Packets/sec",
                path("DC1", "Network Adapter", "NIC _2", "Packets/sec"),
            ),
            (r"\Memory\Available MBytes", path("", "Memory", "", "Available MBytes")),
            (
                r"\\DC1\Prozessor(_Total)\Prozessorzeit (%)",
                path("DC1", "Prozessor", "_Total", "Prozessorzeit (%)"),
            ),
            (
                r"\\DC1\Geheugen\Beschikbare megabytes (MB)",
                path("DC1", "Geheugen", "", "Beschikbare megabytes (MB)"),
            ),
            (r"\\DC1\A(x\y(z))\C", path("DC1", "A", r"x\y(z)", "C")),
            ("plain", None),
            (r"\\DC1", None),
            (r"\\DC1\Memory", None),
            ("", None),
        ] {
            assert_eq!(Path::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_bias_is_read_in_every_language_or_not_at_all() {
        for (cell, expected) in [
            (
                "(PDH-CSV 4.0) (W. Europe Standard Time)(-60)",
                ("W. Europe Standard Time", Some(-60)),
            ),
            ("(PDH-CSV 4.0) (Pacific Daylight Time)(420)", ("Pacific Daylight Time", Some(420))),
            ("(PDH-CSV 4.0) (Paris (heure d'été))(-120)", ("Paris (heure d'été", Some(-120))),
            ("(PDH-CSV 4.0) (Maroc (heure d", ("Maroc (heure d", None)),
            ("(PDH-CSV 4.0)", ("", None)),
            ("(PDH-CSV 4.0) (X)(99999)", ("X", None)),
        ] {
            let (zone, bias) = zone(cell);
            assert_eq!((zone.as_str(), bias), expected, "{cell}");
        }
    }
}
