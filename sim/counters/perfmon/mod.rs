//! Logs of Windows' Performance Monitor as CSV, as `relog` and `typeperf` write them.
//!
//! There is no specification; the form is that of PDH logs of type `PDH_LOG_TYPE_CSV` (pdh.h)
//! as seen in public logs. Local times plus the bias in the header give UTC.

use std::io::Read;

use crate::base::Timestamp;
use crate::record::{Damage, DomainController, RejectedReadings};

use super::clock::{self, SECOND};
use super::names::Names;
use super::number::{Decimal, Rejection, reject};
use super::placement::{Beside, MAX_READINGS, Placement, enter};
use super::stats::{self, Stats};
use super::table::{self, LineList, Row, Table};
use super::{Found, Problem, shown, unknown_host};

mod dst;
mod header;

use header::{Header, Target};

/// Packets per second that no adapter exceeds: 400 Gb/s Ethernet (IEEE 802.3bs) filled with
/// frames of 64 bytes and 20 bytes of preamble and gap, sent and received.
pub(super) const PACKETS_MAX: f64 = 2.0 * 400e9 / (84.0 * 8.0);

/// Bytes per second that no adapter exceeds: the same link, sent and received.
pub(super) const BYTES_MAX: f64 = 2.0 * 400e9 / 8.0;

/// What a perfmon log starts with; `TSV` when separated by tabs (`relog -f tsv`).
const MAGIC: [&str; 2] = ["(PDH-CSV ", "(PDH-TSV "];

/// True where `line` begins like a header.
pub(super) fn is_header(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '"']);
    MAGIC.iter().any(|magic| line.starts_with(magic))
}

/// Reads a log; `host` is the name of a host that the log does not name.
pub(super) fn read(
    source: impl Read,
    head: &[u8],
    names: &Names,
    host: &str,
) -> Result<Found, Problem> {
    let mut table = Table::open(source, head)?;
    let header = Header::parse(&table.header, table.delimiter, names);
    if !header.has_packets() {
        return Err(Problem::NoPackets { columns: header.columns, objects: header.objects });
    }
    let wanted = |column: usize| header.targets.get(column).copied().flatten().is_some();
    let assumed = table.learn(wanted)?;
    let mut log = Log::new(&header, table.delimiter, table.decimal);
    log.warnings.extend(assumed);
    let damage = log.read_rows(&mut table)?;
    if log.times.is_empty() {
        let refused = log.bad_times.count + log.too_wide.count;
        if refused == 0 && damage.is_none() {
            return Err(Problem::OnlyHeader);
        }
        return Err(Problem::NoRows {
            expected: "MM/DD/YYYY HH:MM:SS.mmm",
            first: log.first_bad_time,
        });
    }
    let mut found = log.finish(host);
    found.damage = damage;
    let zone = match header.bias_minutes {
        Some(bias) => format!("zone {} (bias {bias} min)", shown(&header.zone)),
        None => "no time zone".to_owned(),
    };
    found.format_text = format!("perfmon CSV, {}, {zone}", table.notation());
    Ok(found)
}

/// Readings of one host.
#[derive(Debug, Default)]
struct HostReadings {
    /// Sum over its adapters per row, NaN where it is not known.
    packets: Vec<f64>,
    /// The same for bytes; empty where they are not logged of every adapter.
    bytes: Vec<f64>,
    has_bytes: bool,
    bytes_bad: u64,
    rejected: RejectedReadings,
    memory: Stats,
    processor: Stats,
    beside: Beside,
}

/// A log while its rows are read.
struct Log<'a> {
    header: &'a Header,
    delimiter: char,
    decimal: Decimal,
    /// Local time of each row, as if it were UTC.
    times: Vec<i64>,
    hosts: Vec<HostReadings>,
    /// Packets and bytes of each adapter in the current row.
    row_packets: Vec<Result<f64, Rejection>>,
    row_bytes: Vec<Result<f64, Rejection>>,
    /// Adapters that gave a reading in some row.
    seen: Vec<bool>,
    /// Readings that spoiled a row, per adapter.
    spoiled: Vec<u64>,
    bad_times: LineList,
    first_bad_time: String,
    too_wide: LineList,
    headers_again: LineList,
    warnings: Vec<String>,
}

impl<'a> Log<'a> {
    fn new(header: &'a Header, delimiter: char, decimal: Decimal) -> Self {
        let mut hosts: Vec<HostReadings> = Vec::new();
        hosts.resize_with(header.hosts.len(), HostReadings::default);
        for (number, host) in hosts.iter_mut().enumerate() {
            let mut own =
                header.adapters.iter().filter(|adapter| adapter.host == number).peekable();
            host.has_bytes = own.peek().is_some() && own.all(|adapter| adapter.has_bytes);
        }
        let adapters = header.adapters.len();
        Self {
            header,
            delimiter,
            decimal,
            times: Vec::new(),
            hosts,
            row_packets: vec![Err(Rejection::Empty); adapters],
            row_bytes: vec![Err(Rejection::Empty); adapters],
            seen: vec![false; adapters],
            spoiled: vec![0; adapters],
            bad_times: LineList::default(),
            first_bad_time: String::new(),
            too_wide: LineList::default(),
            headers_again: LineList::default(),
            warnings: Vec::new(),
        }
    }

    /// Reads all rows, or those before damage.
    fn read_rows<R: Read>(&mut self, table: &mut Table<R>) -> Result<Option<Damage>, Problem> {
        let rows_max = self.rows_max();
        loop {
            let row = match table.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(error) => return table::line_damage(error).map(Some),
            };
            if self.times.len() == rows_max {
                let what = format!(
                    "line {}: {rows_max} rows of {} hosts were read, the most that are held; cut \
                     the log with `relog -b` and `-e`",
                    row.line,
                    self.hosts.len()
                );
                return Ok(Some(Damage { offset_bytes: row.offset_bytes, what }));
            }
            if is_header(&row.text) {
                if row.text.trim() != table.header.trim() {
                    let what = format!(
                        "line {} is a header of other columns; give joined logs as files of their own",
                        row.line
                    );
                    return Ok(Some(Damage { offset_bytes: row.offset_bytes, what }));
                }
                self.headers_again.push(row.line);
            } else if let Some(damage) = self.read_row(&row) {
                return Ok(Some(damage));
            }
        }
    }

    fn rows_max(&self) -> usize {
        MAX_READINGS / self.hosts.len().max(1)
    }

    /// Reads one row. Gives damage where the file ends inside it.
    fn read_row(&mut self, row: &Row) -> Option<Damage> {
        self.row_packets.fill(Err(Rejection::Empty));
        self.row_bytes.fill(Err(Rejection::Empty));
        let mut time = None;
        let mut columns = 0;
        let mut closed = true;
        let mut wide = false;
        let mut beside: Vec<(Target, Result<f64, Rejection>)> = Vec::new();
        for (column, cell) in table::cells(&row.text, self.delimiter).enumerate() {
            columns = column + 1;
            closed &= cell.closed;
            wide |= columns > self.header.columns && !cell.text.trim().is_empty();
            if column == 0 {
                time = clock::perfmon_local(cell.text);
                if time.is_none() && self.bad_times.count == 0 {
                    self.first_bad_time = format!(", found `{}`", shown(cell.text));
                }
            }
            let target = self.header.targets.get(column).copied().flatten();
            let Some(target) = target else { continue };
            let reading = |maximum| self.decimal.read(cell.text, maximum);
            match target {
                Target::Packets(adapter) => {
                    put(&mut self.row_packets, adapter, reading(PACKETS_MAX))
                }
                Target::Bytes(adapter) => put(&mut self.row_bytes, adapter, reading(BYTES_MAX)),
                Target::Memory(_) => beside.push((target, reading(stats::AVAILABLE_MB_MAX))),
                Target::Processor(_) => beside.push((target, reading(stats::CPU_PERCENT_MAX))),
            }
        }
        if !row.ended && (!closed || columns < self.header.columns) {
            let what = format!(
                "line {} ends after {columns} of {} columns and without a line break; the file is \
                 cut short, only the rows before it were used",
                row.line, self.header.columns
            );
            return Some(Damage { offset_bytes: row.offset_bytes, what });
        }
        let Some(time) = time else {
            self.bad_times.push(row.line);
            return None;
        };
        if wide {
            // A bare decimal comma moves every cell behind it: no cell can be trusted.
            self.too_wide.push(row.line);
            self.row_packets.fill(Err(Rejection::NotANumber));
            self.row_bytes.fill(Err(Rejection::NotANumber));
            beside.clear();
        }
        let number = self.times.len();
        self.times.push(time);
        for (target, reading) in beside {
            let (Target::Memory(host) | Target::Processor(host)) = target else { continue };
            let Some(host) = self.hosts.get_mut(host) else { continue };
            let (stats, values) = match target {
                Target::Memory(_) => (&mut host.memory, &mut host.beside.available_mb),
                _ => (&mut host.processor, &mut host.beside.cpu_percent),
            };
            stats.add(reading);
            enter(values, number, reading);
        }
        self.sum_row(row.line);
        None
    }

    /// Adds the adapters of the current row up, host by host.
    ///
    /// A blank of an adapter that has not given a reading yet means that it is not there yet;
    /// a blank later on means that its packets are not known, and so not those of the host.
    fn sum_row(&mut self, line: u64) {
        struct Sum {
            packets: f64,
            bytes: f64,
            adapters: u32,
            worst: Option<Rejection>,
        }
        let none = || Sum { packets: 0.0, bytes: 0.0, adapters: 0, worst: None };
        let mut sums: Vec<Sum> = Vec::new();
        sums.resize_with(self.hosts.len(), none);
        let adapters = self.header.adapters.iter().zip(&mut self.seen).zip(&mut self.spoiled);
        for (((adapter, seen), spoiled), (packets, bytes)) in
            adapters.zip(self.row_packets.iter().zip(&self.row_bytes))
        {
            let Some(sum) = sums.get_mut(adapter.host) else { continue };
            match *packets {
                Ok(value) => {
                    *seen = true;
                    sum.packets += value;
                    sum.bytes += bytes.unwrap_or(f64::NAN);
                    sum.adapters += 1;
                }
                Err(Rejection::Empty) if !*seen => {}
                Err(reason) => {
                    *spoiled += 1;
                    sum.worst = Some(sum.worst.map_or(reason, |worst| worst.min(reason)));
                }
            }
        }
        let has_adapters =
            |number: usize| self.header.hosts.get(number).is_some_and(|h| !h.object.is_empty());
        for (number, (host, sum)) in self.hosts.iter_mut().zip(sums).enumerate() {
            let reason = sum.worst.or((sum.adapters == 0).then_some(Rejection::Empty));
            host.packets.push(if reason.is_some() { f64::NAN } else { sum.packets });
            if let Some(reason) = reason.filter(|_| has_adapters(number)) {
                reject(&mut host.rejected, reason, line);
            }
            if host.has_bytes {
                host.bytes.push(if reason.is_some() { f64::NAN } else { sum.bytes });
                host.bytes_bad += u64::from(reason.is_none() && sum.bytes.is_nan());
            }
        }
    }

    /// Times to UTC, readings to timelines.
    fn finish(mut self, unnamed: &str) -> Found {
        let changes = dst::undo_clock_changes(&mut self.times);
        self.warnings.extend(changes);
        let bias = match self.header.bias_minutes {
            Some(minutes) => minutes,
            None => {
                self.warnings.push(
                    "the header names no time zone; times were taken for UTC, so windows may be \
                     told hours off"
                        .to_owned(),
                );
                0
            }
        };
        for time in &mut self.times {
            *time = time.saturating_add(bias * 60 * SECOND);
        }
        let placement = Placement::of(&self.times, self.rows_max());
        self.warnings.extend(placement.iter().flat_map(|p| p.findings.iter().cloned()));
        let mut found = Found {
            records_out_of_order: placement.as_ref().map_or(0, |p| p.out_of_order),
            first_utc: placement.as_ref().map(Placement::start),
            last_utc: placement.as_ref().map(Placement::end),
            warnings: std::mem::take(&mut self.warnings),
            ..Found::default()
        };
        self.tell_lines(&mut found.warnings);
        let spoiled = self.spoiled_by_host();
        let hosts = std::mem::take(&mut self.hosts);
        for ((host, readings), spoiled) in self.header.hosts.iter().zip(hosts).zip(spoiled) {
            let dc = domain_controller(host, readings, placement.as_ref(), unnamed, spoiled);
            let series = dc.timeline.iter().flat_map(|timeline| &timeline.packets_per_second);
            found.records += series.flatten().count() as u64;
            let warnings = host.warnings.iter();
            found.warnings.extend(warnings.map(|w| format!("{}: {w}", shown(&dc.name))));
            found.domain_controllers.push(dc);
        }
        found
    }

    fn tell_lines(&self, warnings: &mut Vec<String>) {
        let mut tell = |lines: &LineList, what: &str| {
            if lines.count > 0 {
                warnings.push(format!("{} rows {what} ({lines})", lines.count));
            }
        };
        tell(&self.bad_times, "were left out because their time could not be read");
        tell(
            &self.too_wide,
            "have more cells than the header, so no cell of them was used; a decimal comma needs \
             quotes where columns are separated by `,`",
        );
        tell(&self.headers_again, "repeat the header and were left out");
    }

    /// Sentences on adapters that spoiled rows, per host.
    fn spoiled_by_host(&self) -> Vec<Vec<String>> {
        let mut notes = vec![Vec::new(); self.header.hosts.len()];
        for ((adapter, &count), seen) in
            self.header.adapters.iter().zip(&self.spoiled).zip(&self.seen)
        {
            let Some(notes) = notes.get_mut(adapter.host) else { continue };
            if !seen {
                notes.push(format!(
                    "adapter `{}` gave no good reading at all",
                    shown(&adapter.name)
                ));
            } else if count > 0 {
                notes.push(format!(
                    "{count} samples are empty because adapter `{}` gave no good reading then",
                    shown(&adapter.name)
                ));
            }
        }
        notes
    }
}

fn put(readings: &mut [Result<f64, Rejection>], adapter: usize, reading: Result<f64, Rejection>) {
    if let Some(entry) = readings.get_mut(adapter) {
        *entry = reading;
    }
}

fn domain_controller(
    host: &header::Host,
    readings: HostReadings,
    placement: Option<&Placement>,
    unnamed: &str,
    spoiled: Vec<String>,
) -> DomainController {
    let name = if host.name.is_empty() { unnamed } else { &host.name };
    let mut dc = unknown_host(name, "counter log");
    dc.notes.extend(host.warnings.iter().chain(&host.notes).cloned());
    if host.name.is_empty() {
        dc.notes.push("the log names no computer; the name is that of the file".to_owned());
    }
    if host.object.is_empty() {
        dc.notes.push("the log has no packet counter of this computer".to_owned());
    } else {
        let bytes = readings.has_bytes.then_some(readings.bytes.as_slice());
        let (packets, beside) = (&readings.packets, &readings.beside);
        dc.timeline = placement.map(|placement| placement.timeline(packets, bytes, beside));
        dc.notes.extend(spoiled);
    }
    if readings.bytes_bad > 0 {
        dc.notes.push(format!(
            "{} readings of `Bytes Total/sec` were not usable and left out",
            readings.bytes_bad
        ));
    }
    dc.rejected = readings.rejected;
    let sources = [r"counter Memory\Available MBytes", host.processor];
    let notes = stats::put_facts(&mut dc.host, &readings.memory, &readings.processor, sources);
    dc.notes.extend(notes);
    dc
}

/// UTC time for a sentence.
fn told(nanos: i64) -> Timestamp {
    Timestamp::from_nanos(nanos)
}
