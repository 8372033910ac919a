//! The columns of one row per domain controller, for CSV and XLSX: the vendor tool's first and
//! under its headings, then ours.

use crate::base::Timestamp;
use crate::record::{Fact, Headroom, SizeProbability, Sized, SizingReport, VirtualVerdict};

use super::{escape, labels, virtual_words};

/// What one cell holds. Text has been through [`escape::visible`] but not yet through
/// [`escape::spreadsheet`].
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A finite number.
    Number(f64),
    /// A point in time.
    Time(Timestamp),
    /// Not known.
    Unknown,
}

impl Cell {
    fn number(value: Option<f64>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Self::Unknown, Self::Number)
    }

    fn count(value: u64) -> Self {
        Self::Number(value as f64)
    }

    fn text(text: String) -> Self {
        if text.is_empty() { Self::Unknown } else { Self::Text(text) }
    }

    fn fact<T: Copy + Into<f64>>(fact: Option<&Fact<T>>) -> Self {
        Self::number(fact.map(|fact| fact.value.into()))
    }
}

/// Which figure the Total row shows below a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sum {
    /// None.
    No,
    /// `sum_maximum_packets_per_second`.
    Maximum,
    /// `sum_average_packets_per_second`.
    Average,
    /// `sum_busy_packets_per_second`.
    Busy,
}

/// One column.
pub struct Column {
    /// Heading.
    pub heading: &'static str,
    /// Width in characters for a spreadsheet.
    pub width: f64,
    /// Decimals that a spreadsheet shows.
    pub decimals: usize,
    /// What the Total row holds.
    pub sum: Sum,
    /// The cell of one domain controller.
    pub cell: fn(&Sized) -> Cell,
}

/// How many columns are the vendor tool's.
pub const VENDOR_COLUMNS: usize = 10;

const fn column(heading: &'static str, width: f64, cell: fn(&Sized) -> Cell) -> Column {
    Column { heading, width, decimals: 0, sum: Sum::No, cell }
}

const fn decimal(heading: &'static str, decimals: usize, cell: fn(&Sized) -> Cell) -> Column {
    Column { heading, width: 14.0, decimals, sum: Sum::No, cell }
}

const fn summed(heading: &'static str, sum: Sum, cell: fn(&Sized) -> Cell) -> Column {
    Column { heading, width: 14.0, decimals: 0, sum, cell }
}

/// All columns in order but those of the virtual sensor; see [`columns`].
static COLUMNS: &[Column] = &[
    column("DC", 24.0, |s| Cell::text(escape::name(&s.dc.name))),
    column("Sensor Supported", 44.0, |s| Cell::text(escape::words(&s.verdict.words))),
    column("Failed Samples", 10.0, |s| Cell::count(s.load.failed_samples)),
    summed("Max Packets/sec", Sum::Maximum, |s| Cell::number(s.load.maximum_packets_per_second)),
    summed("Avg Packets/sec", Sum::Average, |s| Cell::number(s.load.average_packets_per_second)),
    summed("Busy Packets/sec", Sum::Busy, |s| {
        Cell::number(s.load.busy.map(|busy| busy.packets_per_second))
    }),
    column("Busy Packets/sec Start Time", 21.0, |s| {
        s.load.busy.map_or(Cell::Unknown, |busy| Cell::Time(busy.start_utc))
    }),
    column("Busy Packets/sec End Time", 21.0, |s| {
        s.load.busy.map_or(Cell::Unknown, |busy| Cell::Time(busy.end_utc))
    }),
    column("Min Avail MB", 12.0, |s| Cell::fact(s.dc.host.min_available_mb.as_ref())),
    column("Avg Avail MB", 12.0, |s| Cell::fact(s.dc.host.avg_available_mb.as_ref())),
    // Ours from here on.
    column("Summary", 60.0, |s| Cell::text(escape::sentence(&s.verdict.summary))),
    column("Table Row", 12.0, |s| Cell::text(labels::row(s))),
    decimal("Sensor Cores (Table)", 2, |s| {
        Cell::number(s.verdict.row.as_ref().map(|row| row.cores))
    }),
    decimal("Sensor Memory GB (Table)", 1, |s| {
        Cell::number(s.verdict.row.as_ref().map(|row| row.memory_gb))
    }),
    column("Memory Short By GB", 12.0, |s| {
        Cell::number(labels::largest_shortage(&s.verdict.checks, "GB"))
    }),
    column("Cores Short By", 12.0, |s| {
        Cell::number(labels::largest_shortage(&s.verdict.checks, "cores"))
    }),
    column("Physical Cores", 12.0, |s| Cell::fact(s.dc.host.physical_cores.as_ref())),
    column("Logical Processors", 12.0, |s| Cell::fact(s.dc.host.logical_processors.as_ref())),
    decimal("Installed Memory GB", 1, |s| Cell::fact(s.dc.host.installed_memory_gb.as_ref())),
    decimal("Avg CPU Percent", 1, |s| Cell::fact(s.dc.host.avg_cpu_percent.as_ref())),
    decimal("Max CPU Percent", 1, |s| Cell::fact(s.dc.host.max_cpu_percent.as_ref())),
    column("Operating System", 24.0, |s| {
        let system = s.dc.host.operating_system.as_ref();
        system.map_or(Cell::Unknown, |fact| Cell::text(escape::name(&fact.value)))
    }),
    column("Good Samples", 12.0, |s| Cell::count(s.load.good_samples)),
    column("Rejected Readings", 12.0, |s| Cell::count(s.dc.rejected.total())),
    decimal("Covered Hours", 2, |s| {
        Cell::number(s.dc.timeline.as_ref().map(|t| t.covered_ms as f64 / 3_600_000.0))
    }),
    column("Packets", 16.0, |s| s.dc.packets.map_or(Cell::Unknown, Cell::count)),
    column("Bytes", 18.0, |s| s.dc.bytes.map_or(Cell::Unknown, Cell::count)),
    summed("Peak 1 ms Packets/sec", Sum::No, |s| peak(s, 1)),
    summed("Peak 10 ms Packets/sec", Sum::No, |s| peak(s, 10)),
    summed("Peak 100 ms Packets/sec", Sum::No, |s| peak(s, 100)),
    summed("Peak 1 s Packets/sec", Sum::No, |s| peak(s, 1_000)),
    summed("Peak 5 s Packets/sec", Sum::No, |s| peak(s, 5_000)),
    summed("Peak 1 min Packets/sec", Sum::No, |s| peak(s, 60_000)),
    summed("Peak 15 min Packets/sec", Sum::No, |s| peak(s, 900_000)),
    column("Frames Above MTU", 12.0, |s| Cell::count(s.dc.offload.frames)),
    column("Recognised By", 30.0, |s| Cell::text(escape::sentence(&s.dc.recognised_by))),
    column("Not Known", 40.0, |s| Cell::text(join(&s.verdict.missing))),
    column("Caveats", 60.0, |s| Cell::text(join(&s.verdict.caveats))),
];

/// Columns of the virtual sensor, behind all others.
static VIRTUAL_COLUMNS: &[Column] = &[
    column("Sensor Supported (Model)", 14.0, |s| {
        told(s).and_then(virtual_words::server_word).map_or(Cell::Unknown, Cell::text)
    }),
    decimal("Loss Probability Percent (Model)", 1, |s| percent(server(s).map(|p| p.probability))),
    decimal("Loss Probability Percent Low (Model)", 1, |s| {
        percent(server(s).map(|p| p.probability_low))
    }),
    decimal("Loss Probability Percent High (Model)", 1, |s| {
        percent(server(s).map(|p| p.probability_high))
    }),
    decimal("Loss Goal Percent (Model)", 3, |s| percent(told(s).map(|v| v.goal_loss_ratio))),
    decimal("Spare Packets/sec (Model)", 0, |s| {
        Cell::number(headroom(s).and_then(Headroom::spare_packets_per_second))
    }),
    decimal("Spare Percent (Model)", 1, |s| {
        Cell::number(headroom(s).and_then(Headroom::spare_percent))
    }),
    decimal("Sensor Cores Sufficient (Model)", 2, |s| {
        Cell::number(told(s).and_then(|v| v.sufficient.target).map(|size| size.cores))
    }),
    decimal("Sensor Memory GB Sufficient (Model)", 1, |s| {
        Cell::number(told(s).and_then(|v| v.sufficient.target).map(|size| size.memory_gb))
    }),
    column("Runs Short First (Model)", 40.0, |s| {
        let limit = told(s).and_then(VirtualVerdict::limit);
        limit.map_or(Cell::Unknown, |limit| Cell::text(virtual_words::limit(limit)))
    }),
    decimal("Years To Exhaustion (Model)", 1, |s| {
        Cell::number(told(s).and_then(|v| v.exhaustion).and_then(|end| end.years_yes))
    }),
    column("Spare And Years Rest On (Model)", 40.0, |s| {
        told(s).and_then(virtual_words::rests_on).map_or(Cell::Unknown, Cell::text)
    }),
];

/// The columns of `report`: those of the virtual sensor only where it was asked.
pub fn columns(report: &SizingReport) -> impl Iterator<Item = &'static Column> {
    let asked = if virtual_words::any(report) { VIRTUAL_COLUMNS } else { &[] };
    COLUMNS.iter().chain(asked)
}

fn told(sized: &Sized) -> Option<&VirtualVerdict> {
    sized.virtual_sensor.as_deref()
}

fn server(sized: &Sized) -> Option<&SizeProbability> {
    told(sized).and_then(|verdict| verdict.server.as_ref())
}

fn headroom(sized: &Sized) -> Option<&Headroom> {
    told(sized).and_then(|verdict| verdict.headroom.as_ref())
}

fn percent(share: Option<f64>) -> Cell {
    Cell::number(share.map(|share| share * 100.0))
}

/// How far, as one part of this, a window may be off the length that a column names: samples of
/// a log "every 5 s" are 5.017 s long, and twelve of them 60.2 s.
const WINDOW_SLACK: u64 = 20;

/// The highest rate over windows of one length, wherever the record holds it.
pub fn peak_rate(sized: &Sized, window_ms: u64) -> Option<f64> {
    let peaks = sized.load.peaks.iter().chain(&sized.dc.sub_sample_peaks);
    peaks
        .map(|peak| (peak.window_ms.abs_diff(window_ms), peak))
        .filter(|(off_ms, _)| *off_ms <= window_ms / WINDOW_SLACK)
        .min_by_key(|(off_ms, _)| *off_ms)
        .map(|(_, peak)| peak.packets_per_second)
}

fn peak(sized: &Sized, window_ms: u64) -> Cell {
    Cell::number(peak_rate(sized, window_ms))
}

/// Sentences in one cell, cut as one sentence is.
fn join(list: &[String]) -> String {
    escape::sentence(&escape::sentences(list).join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendor_tools_columns_come_first_under_its_headings() {
        let headings: Vec<&str> = COLUMNS.iter().take(VENDOR_COLUMNS).map(|c| c.heading).collect();
        assert_eq!(
            headings,
            [
                "DC",
                "Sensor Supported",
                "Failed Samples",
                "Max Packets/sec",
                "Avg Packets/sec",
                "Busy Packets/sec",
                "Busy Packets/sec Start Time",
                "Busy Packets/sec End Time",
                "Min Avail MB",
                "Avg Avail MB",
            ]
        );
    }

    #[test]
    fn peaks_of_a_log_whose_samples_are_a_little_long_are_known() {
        use crate::base::Timestamp;
        use crate::record::{Peak, Sized};

        let text = include_str!("../../tests/it/golden/report-single.json");
        let report: serde_json::Value = serde_json::from_str(text).unwrap();
        let one = report.get("domain_controllers").and_then(|all| all.get(0)).unwrap();
        let mut sized: Sized = serde_json::from_value(one.clone()).unwrap();
        sized.dc.sub_sample_peaks.clear();
        sized.load.peaks = [(5_017, 3.0), (60_204, 2.0), (903_060, 1.0)]
            .map(|(window_ms, packets_per_second)| Peak {
                window_ms,
                packets_per_second,
                start_utc: Timestamp::default(),
            })
            .to_vec();
        let found = [1_000, 5_000, 60_000, 900_000].map(|window_ms| peak_rate(&sized, window_ms));
        assert_eq!(found, [None, Some(3.0), Some(2.0), Some(1.0)]);
        // Samples of 7 s are no samples of 5 s.
        sized.load.peaks.iter_mut().for_each(|peak| peak.window_ms = 7_000);
        assert_eq!(peak_rate(&sized, 5_000), None);
    }

    #[test]
    fn what_is_not_finite_is_unknown() {
        assert_eq!(Cell::number(Some(f64::NAN)), Cell::Unknown);
        assert_eq!(Cell::number(Some(2.0)), Cell::Number(2.0));
    }
}
