//! Result workbooks of the vendor's sizing tool (TriSizingTool).
//!
//! The layout is known from published screenshots only (tool 1.0 of 2016, 1.2.0.0 of 2018,
//! 1.3.0.0 of 2023), whose right part is cut off. So tables are found by their labels, wherever
//! they stand, and what is not known is named and left alone. A row whose figures contradict
//! each other is not sized: one of the vendor's own screenshots has such rows.

use std::collections::BTreeSet;
use std::io::Read;

use crate::base::Timestamp;
use crate::record::{Basis, DomainController, Fact, HostFacts, Load, Window};

use super::archive::{self, MAX_WORKBOOK_BYTES};
use super::number::{Decimal, Rejection, reject};
use super::perfmon::PACKETS_MAX;
use super::{Found, Problem, clock, shown, stats, table, unknown_host};

mod grid;
mod labels;

use grid::{Grid, Value};
use labels::Column;

/// Most physical cores or logical processors of one server (Windows Server 2025: 2,048
/// logical processors), doubled.
const CORES_MAX: f64 = 4_096.0;

/// Busy is the largest mean of 180 samples, so it is at least half the mean of all: at worst
/// the samples outside of the window are as many and as large.
const BUSY_TO_AVERAGE_MIN: f64 = 0.5;

/// Reads a workbook.
pub(super) fn read(source: impl Read) -> Result<Found, Problem> {
    let mut bytes = Vec::new();
    let limit = MAX_WORKBOOK_BYTES as u64 + 1;
    source.take(limit).read_to_end(&mut bytes).map_err(Problem::Io)?;
    if bytes.len() > MAX_WORKBOOK_BYTES {
        return Err(Problem::Workbook(format!("it is larger than {MAX_WORKBOOK_BYTES} bytes")));
    }
    let safe = archive::repack(&bytes).map_err(Problem::Workbook)?;
    let grids = grid::read_all(safe).map_err(Problem::Workbook)?;
    let mut found = Found::default();
    let block = Block::find(&grids);
    let mut tables: Vec<_> = grids.iter().filter_map(labels::find_table).collect();
    if tables.is_empty() {
        let sheets = table::name_list(grids.iter().map(|grid| grid.name.as_str()));
        return Err(Problem::NotASizingWorkbook { sheets });
    }
    // The summary first: it holds the verdict and the memory.
    tables.sort_by_key(|table| !table.has(Column::Verdict));
    for table in &tables {
        tell_columns(table, &mut found.warnings);
        let mut names = BTreeSet::new();
        for row in table.grid.rows.range(table.header_row + 1..) {
            let Some(name) = table.text(row.1, Column::Dc) else { break };
            if name.eq_ignore_ascii_case("total") || name.eq_ignore_ascii_case("grand total") {
                break;
            }
            // The other sheet repeats every name; one sheet does not, unless two domains do.
            if !names.insert(name.to_lowercase()) {
                found.warnings.push(format!(
                    "sheet `{}`: row {} names `{}` again and was left out; if that is another \
                     domain controller, give it a name of its own and save",
                    shown(&table.grid.name),
                    u64::from(*row.0) + 1,
                    shown(&name)
                ));
                continue;
            }
            let known = |dc: &DomainController| dc.name.eq_ignore_ascii_case(&name);
            if !found.domain_controllers.iter().any(known) {
                let dc = RowReader { table, cells: row.1, row: *row.0, block: &block }.read(&name);
                found.records += u64::from(dc.reported.is_some());
                found.domain_controllers.push(dc);
            }
        }
    }
    found.warnings.extend(grids.iter().filter_map(coincident));
    block.tell(&mut found);
    Ok(found)
}

/// The lines above the tables.
#[derive(Debug, Default)]
struct Block {
    domain_controllers: Option<f64>,
    good_samples: Option<u64>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    version: Option<String>,
    times_are_local: bool,
}

impl Block {
    fn find(grids: &[Grid]) -> Self {
        let value = |labels: &[&str]| grids.iter().find_map(|grid| grid.value_after(labels));
        let time = |labels: &[&str]| value(labels).and_then(Value::time).map(Timestamp::from_nanos);
        let number = |labels: &[&str]| value(labels).and_then(|v| v.number(1e9).ok());
        let display = value(&["display dc times as"]).map(Value::text).unwrap_or_default();
        Self {
            domain_controllers: number(&["number of dcs"]),
            good_samples: number(&["number of good samples", "number of samples"]).and_then(whole),
            start: time(&["overall start time utc", "start time utc"]),
            end: time(&["overall end time utc", "end time utc"]),
            version: value(&["sizing tool version"]).map(Value::text),
            times_are_local: display.to_lowercase().contains("local"),
        }
    }

    fn tell(self, found: &mut Found) {
        let read = found.domain_controllers.len();
        #[expect(clippy::cast_precision_loss, reason = "a count of rows")]
        if let Some(said) = self.domain_controllers.filter(|&said| said != read as f64) {
            found.warnings.push(format!(
                "the workbook says it covers {said} domain controllers, {read} rows were read"
            ));
        }
        if self.times_are_local {
            found.warnings.push(
                "the workbook shows times as local time of each domain controller; they are shown \
                 here as if they were UTC (set `Display DC Times as` to UTC and save)"
                    .to_owned(),
            );
        }
        let version = self.version.map_or("unknown version".to_owned(), |v| shown(&v));
        found.format_text = format!("workbook of the sizing tool, {version}");
        found.first_utc = self.start;
        found.last_utc = self.end;
    }
}

/// The busiest 15 minutes of all domain controllers together, which the ATA sheet has.
fn coincident(grid: &Grid) -> Option<String> {
    let table = labels::find_center(grid)?;
    let (_, cells) = grid.rows.range(table.header_row + 1..).find(|(_, cells)| {
        cells.values().next().is_some_and(|v| v.text().eq_ignore_ascii_case("grand total"))
    })?;
    let busy = table.value(cells, Column::Busy)?.number(PACKETS_MAX * 1_000.0).ok()?;
    let start = table.value(cells, Column::Start).and_then(Value::time);
    let start = start.map_or(String::new(), |t| format!(" at {}", Timestamp::from_nanos(t)));
    Some(format!(
        "the workbook's sheet `{}` gives Busy Packets/sec of all domain controllers together, \
         taken on the summed traffic: {busy}{start}",
        shown(&grid.name)
    ))
}

fn tell_columns(table: &labels::Table<'_>, warnings: &mut Vec<String>) {
    let sheet = shown(&table.grid.name);
    for (label, column) in &table.guessed {
        warnings.push(format!(
            "sheet `{sheet}`: column `{}` was read as {}",
            shown(label),
            column.name()
        ));
    }
    if !table.unknown.is_empty() {
        let unknown = table::name_list(table.unknown.iter().map(String::as_str));
        warnings.push(format!("sheet `{sheet}`: columns not used: {unknown}"));
    }
}

/// One row of the table of domain controllers.
struct RowReader<'a> {
    table: &'a labels::Table<'a>,
    cells: &'a grid::Cells,
    row: u32,
    block: &'a Block,
}

impl RowReader<'_> {
    fn read(&self, name: &str) -> DomainController {
        let mut dc = unknown_host(name, "sizing workbook");
        if let Some(verdict) = self.table.text(self.cells, Column::Verdict) {
            dc.notes.push(format!("the workbook says: {}", shown(&verdict)));
        }
        self.read_traffic(&mut dc);
        self.read_host(&mut dc);
        dc
    }

    fn number(&self, column: Column, maximum: f64) -> Option<Result<f64, Rejection>> {
        match self.table.value(self.cells, column)?.number(maximum) {
            Err(Rejection::Empty) => None,
            reading => Some(reading),
        }
    }

    fn read_traffic(&self, dc: &mut DomainController) {
        let columns = [Column::Max, Column::Avg, Column::Busy];
        let readings = columns.map(|column| self.number(column, PACKETS_MAX));
        let line = u64::from(self.row) + 1;
        if readings.iter().all(Option::is_none) {
            reject(&mut dc.rejected, Rejection::Empty, line);
            return;
        }
        if let Some(reason) = readings.iter().flatten().find_map(|reading| reading.err()) {
            reject(&mut dc.rejected, reason, line);
            dc.notes.push("a traffic figure of the row is not usable; none was used".to_owned());
            return;
        }
        let [maximum, average, busy] = readings.map(|reading| reading.and_then(Result::ok));
        if let Some(contradiction) = contradiction(maximum, average, busy) {
            reject(&mut dc.rejected, Rejection::Impossible, line);
            dc.notes.push(format!("{contradiction}; the traffic figures of the row were not used"));
            return;
        }
        let busy = busy.map(|busy| self.busy_window(busy, &mut dc.notes));
        let failed = self.number(Column::Failed, 1e9).and_then(Result::ok).and_then(whole);
        dc.traffic_basis = Basis::Given;
        dc.reported = Some(Load {
            busy,
            average_packets_per_second: average,
            maximum_packets_per_second: maximum,
            peaks: Vec::new(),
            good_samples: self.block.good_samples.unwrap_or(0),
            failed_samples: failed.unwrap_or(0),
        });
    }

    fn busy_window(&self, busy: f64, notes: &mut Vec<String>) -> Window {
        let time = |column| self.table.value(self.cells, column).and_then(Value::time);
        let times = [Column::Start, Column::End].map(|c| time(c).map(Timestamp::from_nanos));
        let (start_utc, end_utc) = match times {
            [Some(start), Some(end)] if start <= end => (start, end),
            _ => {
                notes.push(
                    "the workbook gives no readable time of the busy window; the time of the \
                     whole measurement is shown"
                        .to_owned(),
                );
                let start = self.block.start.unwrap_or_default();
                (start, self.block.end.unwrap_or(start))
            }
        };
        Window { packets_per_second: busy, start_utc, end_utc }
    }

    fn read_host(&self, dc: &mut DomainController) {
        let mut unusable = Vec::new();
        let mut fact = |column: Column, maximum: f64| -> Option<Fact<f64>> {
            match self.number(column, maximum)? {
                Ok(value) => Some(Fact { value, source: self.source(column) }),
                Err(_) => {
                    unusable.push(self.source(column));
                    None
                }
            }
        };
        let memory_gb_max = stats::AVAILABLE_MB_MAX / 1024.0;
        let installed = fact(Column::InstalledGb, memory_gb_max).or_else(|| {
            let megabytes = fact(Column::InstalledMb, stats::AVAILABLE_MB_MAX)?;
            Some(Fact { value: megabytes.value / 1024.0, source: megabytes.source })
        });
        let mut host = HostFacts {
            physical_cores: fact(Column::Cores, CORES_MAX).and_then(count),
            logical_processors: fact(Column::Logical, CORES_MAX).and_then(count),
            installed_memory_gb: installed.filter(|fact| fact.value > 0.0),
            min_available_mb: fact(Column::MinAvailable, stats::AVAILABLE_MB_MAX),
            avg_available_mb: fact(Column::AvgAvailable, stats::AVAILABLE_MB_MAX),
            avg_cpu_percent: fact(Column::AvgCpu, stats::CPU_PERCENT_MAX),
            max_cpu_percent: fact(Column::MaxCpu, stats::CPU_PERCENT_MAX),
            operating_system: None,
        };
        if let (Some(minimum), Some(average)) = (&host.min_available_mb, &host.avg_available_mb)
            && minimum.value > average.value
        {
            dc.notes.push(format!(
                "available memory of at least {} MB and {} MB on average contradict each other; \
                 neither was used",
                minimum.value, average.value
            ));
            host.min_available_mb = None;
            host.avg_available_mb = None;
        }
        if !unusable.is_empty() {
            dc.notes.push(format!("not a usable number: {}", unusable.join(", ")));
        }
        if let Some(text) = self.table.text(self.cells, Column::Os) {
            // The tool writes its error into this field (README of the sizing tool).
            if text.to_lowercase().contains("failed") {
                dc.notes
                    .push(format!("the workbook says of the operating system: {}", shown(&text)));
            } else {
                host.operating_system = Some(Fact { value: text, source: self.source(Column::Os) });
            }
        }
        dc.host = host;
    }

    fn source(&self, column: Column) -> String {
        let label = self.table.label(column).unwrap_or(column.name());
        format!("workbook, column {}", shown(label))
    }
}

/// How the three figures of a row contradict each other.
fn contradiction(maximum: Option<f64>, average: Option<f64>, busy: Option<f64>) -> Option<String> {
    let above = |name: &str, value: Option<f64>| {
        let (value, maximum) = (value?, maximum?);
        (value > maximum).then(|| format!("{name} {value} exceeds Max Packets/sec {maximum}"))
    };
    let below = || {
        let (average, busy) = (average?, busy?);
        (busy < average * BUSY_TO_AVERAGE_MIN)
            .then(|| format!("Busy Packets/sec {busy} is far below Avg Packets/sec {average}"))
    };
    above("Busy Packets/sec", busy).or_else(|| above("Avg Packets/sec", average)).or_else(below)
}

/// A whole number of things.
fn whole(value: f64) -> Option<u64> {
    let exact = value.fract() == 0.0 && (0.0..=1e9).contains(&value);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    exact.then_some(value as u64)
}

fn count(fact: Fact<f64>) -> Option<Fact<u32>> {
    let value = u32::try_from(whole(fact.value)?).ok().filter(|&value| value > 0)?;
    Some(Fact { value, source: fact.source })
}

impl Value {
    /// The number in the cell; text is read as US English writes it.
    fn number(&self, maximum: f64) -> Result<f64, Rejection> {
        match self {
            Self::Number(value) if !value.is_finite() || *value > maximum => {
                Err(Rejection::Impossible)
            }
            Self::Number(value) if *value < 0.0 => Err(Rejection::Negative),
            Self::Number(value) => Ok(*value),
            Self::Text(text) => Decimal::Point.read(text, maximum),
        }
    }

    /// The time in the cell, in nanoseconds.
    fn time(&self) -> Option<i64> {
        match self {
            Self::Number(days) => clock::spreadsheet_serial(*days),
            Self::Text(text) => clock::workbook_text(text),
        }
    }
}
