//! The page: one offline file with inline style and SVG. Verdicts first, then the traffic behind
//! them, then how far the data can be trusted, what is assumed, and where it all came from.
//!
//! A Content-Security-Policy names our style and our script by hash and allows nothing else, so
//! that even markup that slipped through could neither run, nor style, nor load anything.

use askama::Template;
use sha2::{Digest, Sha256};

use crate::record::{CapacityTable, ResourceCheck, Sized, SizingReport, Total};

use super::columns::Cell;
use super::labels::{self, Tone};
use super::page_tables::{self, Grid, GridCell};
use super::plot::{DataTable, Figure, LegendEntry, Swatch};
use super::virtual_page::{self, Calibrated, VirtualCard, VirtualDetails};
use super::{ReportError, csv, escape, number, plots, virtual_words};

const STYLE: &str = include_str!("../../reports/templates/report.css");
/// What the virtual sensor's parts need besides; only where they are shown.
const VIRTUAL_STYLE: &str = include_str!("../../reports/templates/virtual.css");
const SCRIPT: &str = include_str!("../../reports/templates/report.js");

/// Everything the template shows, ready to print: hostile text made visible and cut, numbers
/// formatted. The template engine escapes what HTML needs escaped.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    policy: String,
    style: String,
    script: &'static str,
    title: String,
    version: String,
    lede: String,
    tally: Vec<Tally>,
    model_tally: Vec<Tally>,
    complete: bool,
    problems: Vec<String>,
    warnings: Vec<String>,
    cards: Vec<Card>,
    totals: Option<Together>,
    details: Vec<Details>,
    models: Vec<VirtualDetails>,
    calibrations: Vec<Calibrated>,
    inputs: Grid,
    interfaces: Grid,
    drops: Grid,
    readings: Grid,
    offload: Grid,
    notes: Vec<String>,
    assumptions: Grid,
    bases: Vec<(&'static str, &'static str)>,
    facts: Vec<(&'static str, String, bool)>,
    provenance: Grid,
}

/// How many domain controllers got one kind of verdict.
struct Tally {
    tone: Tone,
    count: u64,
    words: &'static str,
}

/// The verdict on one domain controller.
struct Card {
    id: String,
    name: String,
    found: String,
    tone: Tone,
    words: String,
    summary: String,
    busy: String,
    busy_when: String,
    has_busy: bool,
    traffic_basis: &'static str,
    average: String,
    covered: String,
    maximum: String,
    sample: String,
    row: String,
    has_row: bool,
    row_needs: String,
    short_by: String,
    caveats: Vec<String>,
    missing: Vec<String>,
    reasons: Vec<String>,
    checks: Vec<Check>,
    model: Option<VirtualCard>,
}

/// One resource compared.
struct Check {
    class: &'static str,
    resource: &'static str,
    needed: String,
    available: String,
    short_by: String,
    basis: &'static str,
    sentence: String,
}

/// The Total rows.
struct Together {
    sum_busy: String,
    sum_average: String,
    sum_maximum: String,
    coincident: String,
    coincident_when: String,
    explained: String,
}

/// The traffic of one domain controller.
struct Details {
    name: String,
    figures: Vec<Plotted>,
    other_tables: Grid,
    host: Grid,
}

/// A figure, its data ready to print.
pub struct Plotted {
    title: &'static str,
    caption: String,
    legend: Vec<LegendEntry>,
    wide: String,
    narrow: String,
    data: Option<Data>,
}

struct Data {
    headings: Vec<String>,
    rows: Vec<Vec<GridCell>>,
    note: String,
    file_name: String,
    href: String,
}

/// The report as one HTML file.
pub fn render(report: &SizingReport) -> Result<String, ReportError> {
    let dcs = || report.domain_controllers.iter().enumerate();
    let details: Result<Vec<Details>, ReportError> =
        dcs().map(|(index, sized)| details(sized, &report.table, index + 1)).collect();
    let models: Result<Vec<Option<VirtualDetails>>, ReportError> =
        dcs().map(|(index, sized)| virtual_page::details(sized, index + 1)).collect();
    let style = style(report);
    let page = Page {
        policy: policy(&style),
        style,
        script: SCRIPT,
        title: title(report),
        version: escape::name(&report.headroom_version),
        lede: lede(report),
        tally: tally(report),
        model_tally: model_tally(report),
        complete: report.complete,
        problems: escape::sentences(&report.problems),
        warnings: escape::sentences(&report.warnings),
        cards: dcs().map(|(index, sized)| card(sized, index + 1)).collect(),
        totals: report.total.as_ref().map(together),
        details: details?,
        models: models?.into_iter().flatten().collect(),
        calibrations: virtual_page::calibrations(report)?,
        inputs: page_tables::inputs(report),
        interfaces: page_tables::interfaces(report),
        drops: page_tables::drops(report),
        readings: page_tables::readings(report),
        offload: page_tables::offload(report),
        notes: page_tables::notes(report),
        assumptions: page_tables::assumptions(report),
        bases: bases(report),
        facts: page_tables::facts(report),
        provenance: page_tables::provenance(report),
    };
    Ok(page.render()?)
}

/// Whose a figure can be, with what that means.
fn bases(report: &SizingReport) -> Vec<(&'static str, &'static str)> {
    let modelled = virtual_words::any(report);
    let words = |(basis, words)| match virtual_words::basis(basis).filter(|_| modelled) {
        Some(of_the_model) => (labels::basis(basis), of_the_model),
        None => (labels::basis(basis), words),
    };
    labels::BASES.map(words).to_vec()
}

/// The style of what is on the page.
fn style(report: &SizingReport) -> String {
    if virtual_words::any(report) { [STYLE, VIRTUAL_STYLE].concat() } else { STYLE.to_string() }
}

/// Nothing may load; style and script only as they were built into this program.
fn policy(style: &str) -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        base64(&Sha256::digest(style)),
        base64(&Sha256::digest(SCRIPT)),
    )
}

/// Base64 with padding (RFC 4648, section 4), as a Content-Security-Policy wants its hashes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3)
            .fold(0, |word, index| word << 8 | usize::from(chunk.get(index).copied().unwrap_or(0)));
        for index in 0..4 {
            let digit = ALPHABET.get(word >> (18 - 6 * index) & 63).copied().unwrap_or(b'=');
            text.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn title(report: &SizingReport) -> String {
    let what = match report.domain_controllers.as_slice() {
        [] => "no domain controller".to_string(),
        [only] => format!("{}: {}", escape::name(&only.dc.name), labels::kind(only.verdict.kind)),
        several => format!("{} domain controllers", several.len()),
    };
    format!("Sensor sizing: {what}")
}

fn lede(report: &SizingReport) -> String {
    let dcs = report.domain_controllers.len() as u64;
    let inputs = report.inputs.len() as u64;
    let from = report.inputs.iter().filter_map(|input| input.first_utc).min();
    let to = report.inputs.iter().filter_map(|input| input.last_utc).max();
    let when =
        from.zip(to).map_or_else(String::new, |(from, to)| format!(", {}", number::span(from, to)));
    format!(
        "{}, from {}{when}.",
        labels::plural(dcs, "domain controller", "domain controllers"),
        labels::plural(inputs, "input file", "input files"),
    )
}

fn tally(report: &SizingReport) -> Vec<Tally> {
    let kinds = report.domain_controllers.iter().map(|sized| sized.verdict.kind);
    counted(kinds.map(|kind| (labels::tone(kind), labels::kind(kind))))
}

/// How many got each answer of our model; empty where it was not asked.
fn model_tally(report: &SizingReport) -> Vec<Tally> {
    let all = report.domain_controllers.iter().filter_map(|sized| sized.virtual_sensor.as_deref());
    counted(all.map(|verdict| {
        let answer = verdict.server.as_ref().map(|server| virtual_words::chance(server.chance));
        (virtual_words::server_tone(verdict), answer.unwrap_or("No answer"))
    }))
}

fn counted(answers: impl Iterator<Item = (Tone, &'static str)>) -> Vec<Tally> {
    let mut tally: Vec<Tally> = Vec::new();
    for (tone, words) in answers {
        let known = |entry: &&mut Tally| (entry.tone, entry.words) == (tone, words);
        match tally.iter_mut().find(known) {
            Some(entry) => entry.count += 1,
            None => tally.push(Tally { tone, count: 1, words }),
        }
    }
    tally.sort_by(|a, b| a.tone.cmp(&b.tone).then(a.words.cmp(b.words)));
    tally
}

fn card(sized: &Sized, position: usize) -> Card {
    let (dc, load, verdict) = (&sized.dc, &sized.load, &sized.verdict);
    let known_line = dc.timeline.as_ref().filter(|_| load.average_packets_per_second.is_some());
    Card {
        id: format!("dc-{position}"),
        name: escape::name(&dc.name),
        found: found(sized),
        tone: labels::tone(verdict.kind),
        words: escape::words(&verdict.words),
        summary: escape::sentence(&verdict.summary),
        busy: number::optional_rate(load.busy.map(|busy| busy.packets_per_second)),
        busy_when: labels::busy_when(load),
        has_busy: load.busy.is_some(),
        traffic_basis: labels::basis(labels::traffic_basis(dc)),
        average: number::optional_rate(load.average_packets_per_second),
        // No rate is a mean over less than one sample.
        covered: known_line.map_or_else(String::new, |line| {
            format!("over {}", number::duration(line.covered_ms.max(line.interval_ms)))
        }),
        maximum: number::optional_rate(load.maximum_packets_per_second),
        sample: known_line.map_or_else(String::new, |line| {
            format!("mean of {}", number::duration(line.interval_ms))
        }),
        row: labels::row(sized),
        has_row: verdict.row.is_some(),
        row_needs: verdict.row.as_ref().map_or_else(
            || "no row to read".to_string(),
            |row| {
                format!(
                    "{} and {} for the sensor",
                    number::amount_of(Some(row.cores), "cores"),
                    number::amount_of(Some(row.memory_gb), "GB")
                )
            },
        ),
        short_by: labels::short_by(&verdict.checks),
        caveats: escape::sentences(&verdict.caveats),
        missing: escape::sentences(&verdict.missing),
        reasons: escape::sentences(&verdict.reasons),
        checks: verdict.checks.iter().take(escape::LIST_ITEMS).map(check).collect(),
        model: virtual_page::card(sized, position),
    }
}

/// How the domain controller was found, with the addresses that are not its name.
fn found(sized: &Sized) -> String {
    let addresses = sized.dc.addresses.iter().filter(|address| **address != sized.dc.name);
    let mut parts = vec![escape::sentence(&sized.dc.recognised_by)];
    parts.extend(addresses.take(6).map(|address| escape::name(address)));
    parts.retain(|part| !part.is_empty());
    parts.join(" · ")
}

fn check(check: &ResourceCheck) -> Check {
    let unit = escape::label(&check.unit);
    let class = match check.short_by.filter(|amount| amount.is_finite()) {
        None => "open",
        Some(amount) if amount <= 0.0 => "enough",
        Some(_) => "lacking",
    };
    Check {
        class,
        resource: labels::resource(check.resource),
        needed: number::amount_of(Some(check.needed), &unit),
        available: number::amount_of(check.available, &unit),
        short_by: labels::shortage(check.short_by, &unit),
        basis: labels::basis(check.basis),
        sentence: escape::sentence(&check.sentence),
    }
}

fn together(total: &Total) -> Together {
    Together {
        sum_busy: number::optional_rate(total.sum_busy_packets_per_second),
        sum_average: number::optional_rate(total.sum_average_packets_per_second),
        sum_maximum: number::optional_rate(total.sum_maximum_packets_per_second),
        coincident: number::optional_rate(total.coincident_busy.map(|busy| busy.packets_per_second)),
        coincident_when: total.coincident_busy.map_or_else(
            || number::UNKNOWN.to_string(),
            |busy| number::span(busy.start_utc, busy.end_utc),
        ),
        explained: match (total.coincident_busy, total.sum_busy_packets_per_second) {
            (None, _) => "not computable here, as the inputs do not overlap in time or differ in sample length.".into(),
            (Some(busy), Some(sum)) if sum > 0.0 => format!(
                "{} of the plain sum.",
                number::percent(busy.packets_per_second / sum)
            ),
            (Some(_), _) => "see the row.".into(),
        },
    }
}

fn details(sized: &Sized, table: &CapacityTable, position: usize) -> Result<Details, ReportError> {
    let key = |plot: &str| format!("{plot}-{position}");
    let mut figures = vec![
        plots::timeline(sized, table, &key("timeline"))?,
        plots::mix_bars(&sized.dc, &key("protocols"))?,
    ];
    // One sentence says that there are no protocols, not two.
    if !sized.dc.protocols.is_empty() {
        figures.push(plots::mix_over_time(&sized.dc, &key("protocols-over-time"))?);
    }
    figures.push(plots::bursts(sized, &key("bursts"))?);
    figures.push(plots::ladder(sized, table, &key("table-position"))?);
    Ok(Details {
        name: escape::name(&sized.dc.name),
        figures: figures.into_iter().map(plotted).collect(),
        other_tables: page_tables::other_tables(sized),
        host: page_tables::host(sized),
    })
}

/// `figure`, its data ready to print.
pub fn plotted(figure: Figure) -> Plotted {
    Plotted {
        title: figure.title,
        caption: figure.caption,
        legend: figure.legend,
        wide: figure.wide,
        narrow: figure.narrow,
        data: figure.data.map(data),
    }
}

fn data(table: DataTable) -> Data {
    let href = data_link(&table);
    let rows = table.rows.iter().map(|row| row.iter().map(grid_cell).collect()).collect();
    Data { headings: table.headings, rows, note: table.note, file_name: table.file_name, href }
}

fn grid_cell(cell: &Cell) -> GridCell {
    match cell {
        Cell::Text(text) => GridCell::text(text.clone()),
        Cell::Number(value) if value.fract() == 0.0 => GridCell::number(number::fixed(*value, 0)),
        Cell::Number(value) => GridCell::number(number::rate(*value)),
        Cell::Time(at) => GridCell::text(number::time(*at)),
        Cell::Unknown => GridCell::number(number::UNKNOWN.to_string()),
    }
}

/// The table as CSV inside a link (RFC 2397).
fn data_link(table: &DataTable) -> String {
    let mut link = String::from("data:text/csv;charset=utf-8,");
    let mut push_line = |fields: &mut dyn Iterator<Item = String>| {
        for (index, field) in fields.enumerate() {
            if index > 0 {
                link.push(',');
            }
            percent_encode(&mut link, &quoted(&field));
        }
        link.push_str("%0D%0A");
    };
    push_line(&mut table.headings.iter().map(|heading| escape::spreadsheet(heading)));
    for row in &table.rows {
        push_line(&mut row.iter().map(csv::field));
    }
    link
}

/// A CSV field, in quotes where it needs them (RFC 4180, section 2).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_string()
    }
}

/// Everything but RFC 3986's unreserved characters, and colons, as `%xx`.
fn percent_encode(link: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            link.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(link, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_examples_of_rfc_4648() {
        let examples = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in examples.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected);
        }
    }

    #[test]
    fn the_data_link_is_csv_without_formulas() {
        let table = DataTable {
            headings: vec!["A b".into(), "C".into()],
            rows: vec![vec![Cell::Text("=1,\"x\"".into()), Cell::Number(-1.5)]],
            note: String::new(),
            file_name: String::new(),
        };
        assert_eq!(
            data_link(&table),
            "data:text/csv;charset=utf-8,A%20b,C%0D%0A%22%27%3D1%2C%22%22x%22%22%22,-1.5%0D%0A"
        );
    }
}
