//! The tables of the page behind the verdicts and plots.

use crate::record::{Drops, Fact, Format, InputFile, RejectedReadings, Sized, SizingReport};

use super::labels::Tone;
use super::{escape, labels, number, virtual_words};

/// Most rows of one table; a capture in ten thousand rotated files must not drown the page.
const MAX_ROWS: usize = 200;

/// A table ready to print.
pub struct Grid {
    /// Name for those who cannot see it.
    pub label: &'static str,
    /// Headings.
    pub headings: Vec<GridHeading>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<GridCell>>,
    /// The sentence in place of a table without rows.
    pub none: &'static str,
    /// Below the table; may be empty.
    pub note: String,
}

/// A heading; numeric columns are aligned right.
pub struct GridHeading {
    /// Words.
    pub text: String,
    /// Above numbers?
    pub numeric: bool,
}

/// A cell ready to print.
pub struct GridCell {
    /// Words or a formatted number.
    pub text: String,
    /// A number?
    pub numeric: bool,
    /// How an answer is to be taken; its words are in the text.
    pub tone: Option<Tone>,
}

impl GridHeading {
    /// `words` begin with `#` where they stand above numbers.
    pub fn new(words: &str) -> Self {
        Self { text: words.trim_start_matches('#').to_string(), numeric: words.starts_with('#') }
    }
}

impl GridCell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), numeric: false, tone: None }
    }

    /// A formatted number.
    pub fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), numeric: true, tone: None }
    }

    /// An answer in words, with its sign and colour.
    pub fn toned(tone: Tone, text: impl Into<String>) -> Self {
        Self { text: text.into(), numeric: false, tone: Some(tone) }
    }

    /// A count.
    pub fn count(value: u64) -> Self {
        Self::number(number::count(value))
    }
}

impl Grid {
    /// `columns` begin with `#` where they hold numbers. Rows beyond [`MAX_ROWS`] are counted.
    pub fn new(
        label: &'static str,
        columns: &[&str],
        rows: impl IntoIterator<Item = Vec<GridCell>>,
        none: &'static str,
    ) -> Self {
        let headings = columns.iter().map(|column| GridHeading::new(column));
        let mut rows = rows.into_iter();
        let shown: Vec<_> = rows.by_ref().take(MAX_ROWS).collect();
        let left = rows.count();
        let note = if left > 0 {
            format!("… and {left} more; report.json has them all.")
        } else {
            String::new()
        };
        Self { label, headings: headings.collect(), rows: shown, none, note }
    }

    /// With a sentence below it, behind those that are there.
    pub fn with_note(mut self, note: &str) -> Self {
        if !self.note.is_empty() {
            self.note.push(' ');
        }
        self.note.push_str(note);
        self
    }
}

fn optional_count(value: Option<u64>) -> GridCell {
    GridCell::number(value.map_or_else(|| number::UNKNOWN.to_string(), number::count))
}

/// What was read.
pub fn inputs(report: &SizingReport) -> Grid {
    let rows = report.inputs.iter().map(|input| {
        let damage = input.damage.as_ref().map_or_else(
            || "none found".to_string(),
            |damage| {
                format!(
                    "at byte {}: {}",
                    number::count(damage.offset_bytes),
                    escape::sentence(&damage.what)
                )
            },
        );
        vec![
            GridCell::text(escape::path(&input.path)),
            GridCell::text(escape::sentence(&input.format_text)),
            GridCell::count(input.records),
            GridCell::text(damage),
            GridCell::count(input.records_out_of_order),
            GridCell::count(input.skipped_blocks),
        ]
    });
    let columns = ["File", "Format", "#Records used", "Damage", "#Out of order", "#Blocks skipped"];
    let grid = Grid::new("Inputs", &columns, rows, "No input could be read.");
    match report.unattributed_packets {
        Some(packets) if packets > 0 => grid.with_note(&format!(
            "{} belong to no domain controller found here and are in no verdict.",
            labels::plural(packets, "frame", "frames")
        )),
        _ => grid,
    }
}

/// Capture interfaces with what they lost.
pub fn interfaces(report: &SizingReport) -> Grid {
    let rows =
        report.inputs.iter().flat_map(|input| input.interfaces.iter().map(move |i| (input, i)));
    let rows = rows.map(|(input, interface)| {
        let name = interface.name.as_ref().or(interface.description.as_ref());
        let cut = if interface.snap_length_bytes == 0 {
            "unlimited".to_string()
        } else {
            number::count(interface.snap_length_bytes.into())
        };
        vec![
            GridCell::text(escape::path(&input.path)),
            GridCell::text(
                name.map_or_else(|| number::UNKNOWN.to_string(), |name| escape::name(name)),
            ),
            GridCell::text(escape::name(&interface.link_name)),
            GridCell::number(cut),
            GridCell::number(tick(interface.tick_ns)),
            GridCell::count(interface.packets),
            GridCell::count(interface.packets_cut),
            optional_count(interface.dropped_by_interface),
            optional_count(interface.dropped_by_os),
        ]
    });
    let columns = [
        "File",
        "Interface",
        "Link",
        "#Snap length",
        "#Time step",
        "#Frames",
        "#Cut",
        "#Lost by interface",
        "#Lost by system",
    ];
    Grid::new("Capture interfaces", &columns, rows, "")
}

/// The resolution of timestamps.
fn tick(ns: f64) -> String {
    if !ns.is_finite() {
        return number::UNKNOWN.to_string();
    }
    let (value, unit) = match ns {
        ns if ns >= 1e6 => (ns / 1e6, "ms"),
        ns if ns >= 1e3 => (ns / 1e3, "µs"),
        ns => (ns, "ns"),
    };
    format!("{} {unit}", number::amount(value))
}

/// Packets that were not fully analysed, by name.
pub fn drops(report: &SizingReport) -> Grid {
    let Drops {
        not_captured,
        cut_by_snap_length,
        undecodable,
        fragments_dropped,
        flows_evicted,
        outside_timeline,
    } = report.drops;
    let rows = [
        (
            "Not captured",
            not_captured,
            "Lost before the file was written, as its own statistics say; the true rate was higher by these.",
        ),
        (
            "Cut by snap length",
            cut_by_snap_length,
            "Counted with their full length; what was cut off could not be recognised.",
        ),
        ("Undecodable", undecodable, "Headers not understood; counted as frames only."),
        ("Fragments dropped", fragments_dropped, "A limit was reached, or the rest never came."),
        (
            "Flows evicted",
            flows_evicted,
            "The flow table was full; seen again they count as new flows.",
        ),
        ("Outside the timeline", outside_timeline, "Beyond the time span that the timeline holds."),
    ];
    let capture = |input: &InputFile| matches!(input.format, Format::Pcap | Format::Pcapng);
    let captures = report.inputs.iter().any(capture);
    let losses_known = not_captured > 0 || report.inputs.iter().any(has_loss_statistics);
    let rows = rows.into_iter().filter(|_| captures).map(|(name, packets, meaning)| {
        let known = name != "Not captured" || losses_known;
        vec![
            GridCell::text(name),
            optional_count(known.then_some(packets)),
            GridCell::text(if known {
                meaning
            } else {
                "The capture does not say what was lost before it was written."
            }),
        ]
    });
    let none = "There is no packet capture among the inputs; counters do not know single packets.";
    Grid::new("Packets not fully analysed", &["Name", "#Count", "Meaning"], rows, none)
}

/// Does the capture say what was lost before it was written?
fn has_loss_statistics(input: &InputFile) -> bool {
    input.interfaces.iter().any(|i| i.dropped_by_interface.is_some() || i.dropped_by_os.is_some())
}

/// Samples of each domain controller, with the rejected readings where there are any.
pub fn readings(report: &SizingReport) -> Grid {
    let any_rejected = report.domain_controllers.iter().any(|sized| sized.dc.rejected.total() > 0);
    let rows = report.domain_controllers.iter().map(|sized| {
        let rejected = &sized.dc.rejected;
        let mut row = vec![
            GridCell::text(escape::name(&sized.dc.name)),
            GridCell::count(sized.load.good_samples),
            GridCell::count(sized.load.failed_samples),
        ];
        if any_rejected {
            row.push(GridCell::count(rejected.negative));
            row.push(GridCell::count(rejected.empty));
            row.push(GridCell::count(rejected.not_a_number));
            row.push(GridCell::count(rejected.impossible));
            row.push(GridCell::text(rejected_rows(rejected)));
        }
        row
    });
    let all = [
        "DC",
        "#Good",
        "#Failed",
        "#Negative",
        "#Empty",
        "#Not a number",
        "#Impossible",
        "First such rows",
    ];
    let (columns, note) = if any_rejected {
        (
            all.as_slice(),
            "Negative, empty, non-numeric and impossible readings are counted here and never sized.",
        )
    } else {
        (all.get(..3).unwrap_or_default(), "No reading was rejected.")
    };
    Grid::new("Samples", columns, rows, "").with_note(note)
}

fn rejected_rows(rejected: &RejectedReadings) -> String {
    let rows: Vec<String> = rejected.rows.iter().take(8).map(|row| number::count(*row)).collect();
    if rows.is_empty() {
        return "none".to_string();
    }
    let more = if rejected.rows.len() > rows.len() { ", …" } else { "" };
    rows.join(", ") + more
}

/// Frames above the MTU; only where there are any.
pub fn offload(report: &SizingReport) -> Grid {
    let found = report.domain_controllers.iter().filter(|sized| sized.dc.offload.frames > 0);
    let rows = found.map(|sized| {
        let offload = sized.dc.offload;
        vec![
            GridCell::text(escape::name(&sized.dc.name)),
            GridCell::count(offload.frames),
            GridCell::number(format!(
                "{} bytes",
                number::count(offload.largest_frame_bytes.into())
            )),
            GridCell::number(format!("{} bytes", number::count(offload.mtu_bytes.into()))),
            GridCell::count(offload.estimated_wire_packets),
        ]
    });
    let columns =
        ["DC", "#Frames", "#Largest", "#MTU assumed", "#Packets they stand for (estimate)"];
    Grid::new("Offload", &columns, rows, "").with_note(
        "The network card or the host merged these frames (LSO, TSO, GRO). The capture holds fewer \
         packets than the wire carried, so rates here are lower than the card’s counter.",
    )
}

/// Notes of all domain controllers, with their names where there are several.
pub fn notes(report: &SizingReport) -> Vec<String> {
    let several = report.domain_controllers.len() > 1;
    let all = report.domain_controllers.iter().flat_map(|sized| {
        let name = escape::name(&sized.dc.name);
        escape::sentences(&sized.dc.notes)
            .into_iter()
            .map(move |note| if several { format!("{name}: {note}") } else { note })
    });
    all.take(MAX_ROWS).collect()
}

/// What the result rests on.
pub fn assumptions(report: &SizingReport) -> Grid {
    let rows = virtual_words::assumptions(report).into_iter().map(|assumption| {
        vec![
            GridCell::text(escape::sentence(&assumption.text)),
            GridCell::text(labels::basis(assumption.basis)),
            GridCell::text(escape::sentence(&assumption.source)),
        ]
    });
    let columns = ["Assumption", "Whose", "Source, or how to change it"];
    Grid::new("Assumptions", &columns, rows, "The record names none.")
}

/// Command, version and table: label, words, set in a fixed-width face?
pub fn facts(report: &SizingReport) -> Vec<(&'static str, String, bool)> {
    let table = &report.table;
    vec![
        ("Command", escape::sentence(&report.command), true),
        ("Headroom", escape::name(&report.headroom_version), false),
        ("Record schema", report.schema_version.to_string(), false),
        (
            "Capacity table",
            format!("{} ({})", escape::sentence(&table.title), escape::name(&table.key)),
            false,
        ),
        ("Published at", escape::sentence(&table.source), false),
        ("In force", escape::sentence(&table.valid), false),
        ("What it counts", escape::sentence(&table.convention), false),
    ]
}

/// Every input with its digest.
pub fn provenance(report: &SizingReport) -> Grid {
    let rows = report.inputs.iter().map(|input| {
        vec![
            GridCell::text(escape::path(&input.path)),
            GridCell::number(number::bytes(input.size_bytes)),
            GridCell::count(input.records),
            GridCell::text(input_span(input)),
            GridCell::text(
                input
                    .sha256
                    .as_ref()
                    .map_or_else(|| "not computed".to_string(), |digest| escape::name(digest)),
            ),
        ]
    });
    let columns = ["File", "#Size", "#Records", "Time span", "SHA-256"];
    Grid::new("Input files", &columns, rows, "No input could be read.")
}

fn input_span(input: &InputFile) -> String {
    match (input.first_utc, input.last_utc) {
        (Some(first), Some(last)) => number::span(first, last),
        _ => number::UNKNOWN.to_string(),
    }
}

/// What older and other tables would have said.
pub fn other_tables(sized: &Sized) -> Grid {
    let rows = sized.verdict.other_tables.iter().map(|table| {
        let (row, cores, memory) = table.row.as_ref().map_or_else(
            || {
                (
                    "no row that high".to_string(),
                    number::UNKNOWN.to_string(),
                    number::UNKNOWN.to_string(),
                )
            },
            |row| {
                (
                    escape::label(&row.label),
                    number::amount_of(Some(row.cores), "cores"),
                    number::amount_of(Some(row.memory_gb), "GB"),
                )
            },
        );
        vec![
            GridCell::text(escape::sentence(&table.title)),
            GridCell::text(row),
            GridCell::number(cores),
            GridCell::number(memory),
            GridCell::text(escape::sentence(&table.convention)),
        ]
    });
    let columns = ["Table", "Row", "#Cores", "#Memory", "What it counts"];
    Grid::new("Other tables", &columns, rows, "None to compare with.")
}

/// Host facts, known and unknown.
pub fn host(sized: &Sized) -> Grid {
    let host = &sized.dc.host;
    let rows = [
        host_row("Physical cores", host.physical_cores.as_ref(), |v| number::count(u64::from(*v))),
        host_row("Logical processors", host.logical_processors.as_ref(), |v| {
            number::count(u64::from(*v))
        }),
        host_row("Installed memory", host.installed_memory_gb.as_ref(), |v| {
            number::amount_of(Some(*v), "GB")
        }),
        host_row("Least available memory", host.min_available_mb.as_ref(), |v| {
            number::amount_of(Some(v.round()), "MB")
        }),
        host_row("Mean available memory", host.avg_available_mb.as_ref(), |v| {
            number::amount_of(Some(v.round()), "MB")
        }),
        host_row("Mean processor time", host.avg_cpu_percent.as_ref(), |v| {
            number::percent(*v / 100.0)
        }),
        host_row("Highest processor time", host.max_cpu_percent.as_ref(), |v| {
            number::percent(*v / 100.0)
        }),
        host_row("Operating system", host.operating_system.as_ref(), |v| escape::name(v)),
    ];
    Grid::new("Server", &["Fact", "#Value", "Where it comes from"], rows, "")
}

fn host_row<T>(label: &str, fact: Option<&Fact<T>>, show: impl Fn(&T) -> String) -> Vec<GridCell> {
    let (value, source) = fact.map_or_else(
        || (number::UNKNOWN.to_string(), "unknown".to_string()),
        |fact| (show(&fact.value), escape::path(&fact.source)),
    );
    vec![GridCell::text(label), GridCell::number(value), GridCell::text(source)]
}
