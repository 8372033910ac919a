//! The plain table `time,host,packets_per_second`, for whoever has readings from elsewhere.
//!
//! Columns in any order; `host` may be missing; `bytes_per_second`, `available_mb` and
//! `cpu_percent` are read where present. Rows of several hosts may be mixed.

use std::collections::BTreeMap;
use std::io::Read;

use crate::record::{Damage, RejectedReadings};

use super::number::{Decimal, reject};
use super::perfmon::{BYTES_MAX, PACKETS_MAX};
use super::placement::{Beside, MAX_READINGS, Placement, enter};
use super::stats::{self, Stats};
use super::table::{self, LineList, Row, Table};
use super::{Found, Problem, shown, unknown_host};

/// Most hosts of one table; a forest with more domain controllers is sized in parts.
const MAX_HOSTS: usize = 10_000;

/// Longest host name in bytes: DNS allows 253 characters (RFC 1035 2.3.4).
const MAX_HOST_BYTES: usize = 255;

/// Columns that are read.
const COLUMNS: [&str; 6] =
    ["time", "host", "packets_per_second", "bytes_per_second", "available_mb", "cpu_percent"];

/// True where `line` names the columns that are needed.
pub(super) fn is_header(line: &str) -> bool {
    let names = column_names(line, table::delimiter_of(line));
    ["time", "packets_per_second"].iter().all(|wanted| names.iter().any(|name| name == wanted))
}

fn column_names(line: &str, delimiter: char) -> Vec<String> {
    let line = line.trim_start_matches('\u{feff}');
    // Labels are short; a cell that is not is no label.
    let names = table::cells(line, delimiter).take(table::MAX_COLUMNS);
    names.map(|cell| cell.text.trim().to_ascii_lowercase()).collect()
}

/// Which column holds what.
#[derive(Debug, Clone, Copy, Default)]
struct Layout {
    time: usize,
    packets: usize,
    host: Option<usize>,
    bytes: Option<usize>,
    memory: Option<usize>,
    processor: Option<usize>,
}

/// Readings of one host.
#[derive(Debug, Default)]
struct HostReadings {
    name: String,
    times: Vec<i64>,
    packets: Vec<f64>,
    bytes: Vec<f64>,
    bytes_bad: u64,
    rejected: RejectedReadings,
    memory: Stats,
    processor: Stats,
    beside: Beside,
}

/// Reads a table; `unnamed` is the host where there is no such column.
pub(super) fn read(source: impl Read, head: &[u8], unnamed: &str) -> Result<Found, Problem> {
    let mut table = Table::open(source, head)?;
    let names = column_names(&table.header, table.delimiter);
    let layout = Layout::of(&names)?;
    let numbers = [Some(layout.packets), layout.bytes, layout.memory, layout.processor];
    let assumed = table.learn(|column| numbers.contains(&Some(column)))?;
    let mut log = Log {
        layout,
        delimiter: table.delimiter,
        decimal: table.decimal,
        columns: names.len(),
        hosts: Vec::new(),
        numbers: BTreeMap::new(),
        readings: 0,
        bad_times: LineList::default(),
        first_bad_time: String::new(),
        bad_hosts: LineList::default(),
        too_wide: LineList::default(),
    };
    let damage = log.read_rows(&mut table, unnamed)?;
    if log.hosts.is_empty() {
        let refused = log.bad_times.count + log.bad_hosts.count + log.too_wide.count;
        if refused == 0 && damage.is_none() {
            return Err(Problem::OnlyHeader);
        }
        return Err(Problem::NoRows {
            expected: "RFC 3339, `YYYY-MM-DD HH:MM:SS` or seconds since 1970",
            first: log.first_bad_time,
        });
    }
    let mut found = log.finish();
    found.warnings.splice(0..0, assumed);
    let ignored = names.iter().filter(|name| !COLUMNS.contains(&name.as_str()));
    let ignored = ignored.map(String::as_str).filter(|name| !name.is_empty()).collect::<Vec<_>>();
    if !ignored.is_empty() {
        found.warnings.push(format!("columns not used: {}", table::name_list(ignored)));
    }
    if layout.host.is_none() {
        found.warnings.push(
            "there is no column `host`; all rows were taken for one host, named after the file"
                .to_owned(),
        );
    }
    found.damage = damage;
    found.format_text = format!("plain CSV, {}", table.notation());
    Ok(found)
}

impl Layout {
    fn of(names: &[String]) -> Result<Self, Problem> {
        let optional = |column: &'static str| {
            let mut found = names.iter().enumerate().filter(|(_, name)| *name == column);
            let first = found.next().map(|(at, _)| at);
            match found.count() {
                0 => Ok(first),
                more => Err(Problem::Column { column, found: more + 1 }),
            }
        };
        let needed = |column| optional(column)?.ok_or(Problem::Column { column, found: 0 });
        Ok(Self {
            time: needed("time")?,
            packets: needed("packets_per_second")?,
            host: optional("host")?,
            bytes: optional("bytes_per_second")?,
            memory: optional("available_mb")?,
            processor: optional("cpu_percent")?,
        })
    }
}

/// The cells of one row that are read.
#[derive(Debug, Default)]
struct Picked<'a> {
    time: &'a str,
    host: Option<String>,
    packets: &'a str,
    bytes: &'a str,
    memory: &'a str,
    processor: &'a str,
}

struct Log {
    layout: Layout,
    delimiter: char,
    decimal: Decimal,
    columns: usize,
    hosts: Vec<HostReadings>,
    numbers: BTreeMap<String, usize>,
    readings: usize,
    bad_times: LineList,
    first_bad_time: String,
    bad_hosts: LineList,
    too_wide: LineList,
}

impl Log {
    fn read_rows<R: Read>(
        &mut self,
        table: &mut Table<R>,
        unnamed: &str,
    ) -> Result<Option<Damage>, Problem> {
        loop {
            let row = match table.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(None),
                Err(error) => return table::line_damage(error).map(Some),
            };
            if self.readings == MAX_READINGS {
                let what = format!(
                    "line {}: {MAX_READINGS} readings were read, the most that are held; split \
                     the table by host or by day",
                    row.line
                );
                return Ok(Some(Damage { offset_bytes: row.offset_bytes, what }));
            }
            if let Some(damage) = self.read_row(&row, unnamed) {
                return Ok(Some(damage));
            }
        }
    }

    /// Reads one row. Gives damage where the file ends inside it.
    fn read_row(&mut self, row: &Row, unnamed: &str) -> Option<Damage> {
        let mut picked = Picked::default();
        let (mut columns, mut closed, mut wide) = (0, true, false);
        for (column, cell) in table::cells(&row.text, self.delimiter).enumerate() {
            columns = column + 1;
            closed &= cell.closed;
            wide |= columns > self.columns && !cell.text.trim().is_empty();
            if column == self.layout.time {
                picked.time = cell.text;
            } else if column == self.layout.packets {
                picked.packets = cell.text;
            } else if self.layout.host == Some(column) {
                picked.host = (cell.text.len() <= MAX_HOST_BYTES).then(|| cell.unescaped());
            } else if self.layout.bytes == Some(column) {
                picked.bytes = cell.text;
            } else if self.layout.memory == Some(column) {
                picked.memory = cell.text;
            } else if self.layout.processor == Some(column) {
                picked.processor = cell.text;
            }
        }
        if !row.ended && (!closed || columns < self.columns) {
            let what = format!(
                "line {} ends after {columns} of {} columns and without a line break; the file is \
                 cut short, only the rows before it were used",
                row.line, self.columns
            );
            return Some(Damage { offset_bytes: row.offset_bytes, what });
        }
        if wide {
            self.too_wide.push(row.line);
        } else {
            self.use_row(row.line, &picked, unnamed);
        }
        None
    }

    fn use_row(&mut self, line: u64, picked: &Picked<'_>, unnamed: &str) {
        let Some(time) = super::clock::plain_utc(picked.time) else {
            if self.bad_times.count == 0 {
                self.first_bad_time = format!(", found `{}`", shown(picked.time));
            }
            return self.bad_times.push(line);
        };
        let name = match (&picked.host, self.layout.host) {
            (Some(name), _) => name.as_str(),
            (None, None) => unnamed,
            (None, Some(_)) => "",
        };
        let Some(number) = self.host_number(name) else { return self.bad_hosts.push(line) };
        let decimal = self.decimal;
        let Some(host) = self.hosts.get_mut(number) else { return };
        self.readings += 1;
        let row = host.times.len();
        host.times.push(time);
        let packets = decimal.read(picked.packets, PACKETS_MAX);
        if let Err(reason) = packets {
            reject(&mut host.rejected, reason, line);
        }
        host.packets.push(packets.unwrap_or(f64::NAN));
        if self.layout.bytes.is_some() {
            let bytes = decimal.read(picked.bytes, BYTES_MAX);
            host.bytes_bad += u64::from(bytes.is_err());
            host.bytes.push(bytes.unwrap_or(f64::NAN));
        }
        if self.layout.memory.is_some() {
            let reading = decimal.read(picked.memory, stats::AVAILABLE_MB_MAX);
            host.memory.add(reading);
            enter(&mut host.beside.available_mb, row, reading);
        }
        if self.layout.processor.is_some() {
            let reading = decimal.read(picked.processor, stats::CPU_PERCENT_MAX);
            host.processor.add(reading);
            enter(&mut host.beside.cpu_percent, row, reading);
        }
    }

    /// Number of the host called `name`; none where it cannot be one, or there are too many.
    fn host_number(&mut self, name: &str) -> Option<usize> {
        if name.is_empty() {
            return None;
        }
        let folded = name.to_lowercase();
        if let Some(&number) = self.numbers.get(&folded) {
            return Some(number);
        }
        if self.hosts.len() == MAX_HOSTS {
            return None;
        }
        self.numbers.insert(folded, self.hosts.len());
        self.hosts.push(HostReadings { name: name.to_owned(), ..HostReadings::default() });
        Some(self.hosts.len() - 1)
    }

    fn finish(self) -> Found {
        let mut found = Found::default();
        for (lines, what) in [
            (&self.bad_times, "were left out because their time could not be read"),
            (&self.bad_hosts, "were left out because they name no host, or one too many"),
            (&self.too_wide, "were left out because they have more cells than the header"),
        ] {
            if lines.count > 0 {
                found.warnings.push(format!("{} rows {what} ({lines})", lines.count));
            }
        }
        let samples_max = MAX_READINGS / self.hosts.len().max(1);
        for host in self.hosts {
            let mut dc = unknown_host(&host.name, "counter log");
            if let Some(placement) = Placement::of(&host.times, samples_max) {
                let bytes = self.layout.bytes.map(|_| host.bytes.as_slice());
                let timeline = placement.timeline(&host.packets, bytes, &host.beside);
                found.records += timeline.packets_per_second.iter().flatten().count() as u64;
                found.records_out_of_order += placement.out_of_order;
                found.first_utc = found.first_utc.into_iter().chain([placement.start()]).min();
                found.last_utc = found.last_utc.into_iter().chain([placement.end()]).max();
                dc.timeline = Some(timeline);
                dc.notes.extend(placement.findings.iter().cloned());
            }
            if host.bytes_bad > 0 {
                dc.notes.push(format!(
                    "{} readings of column bytes_per_second were not usable and left out",
                    host.bytes_bad
                ));
            }
            dc.rejected = host.rejected;
            let sources = ["column available_mb", "column cpu_percent"];
            let notes = stats::put_facts(&mut dc.host, &host.memory, &host.processor, sources);
            dc.notes.extend(notes);
            found.domain_controllers.push(dc);
        }
        found
    }
}
