//! The report as a workbook. Sheet 1 has the layout of the vendor tool's results file (header
//! block, its columns under its headings, a Total row), with our columns to the right; then
//! reasons, the virtual sensor's sizes and what-if grid where it was asked, timeline samples, and
//! inputs with provenance. The creation date is fixed, so the
//! same record gives the same bytes.

use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
    XlsxError,
};

use crate::base::Timestamp;
use crate::record::{SizeProbability, Sized, SizingReport, Timeline, Total, VirtualVerdict};

use super::columns::{self, Cell, Sum};
use super::{ReportError, escape, labels, number, virtual_words};

/// Name of the vendor tool's sheet that holds the sensor's verdicts.
const SUMMARY_SHEET: &str = "Azure ATP Summary";

/// Rows of samples on sheet 3, over all domain controllers: what a planner's spreadsheet still
/// opens quickly. Longer series are averaged until they fit.
const MAX_SAMPLE_ROWS: usize = 20_000;

/// Days from Excel's day 0 (1899-12-30) to the Unix epoch.
const EXCEL_DAYS_TO_EPOCH: f64 = 25_569.0;

/// Nanoseconds in a day.
const DAY_NS: f64 = 86_400e9;

/// Number format of a point in time.
const TIME_FORMAT: &str = "yyyy-mm-dd hh:mm:ss";

/// The report as XLSX.
pub fn render(report: &SizingReport) -> Result<Vec<u8>, ReportError> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_ymd(2020, 1, 1)?;
    workbook.set_properties(
        &DocProperties::new().set_title("Headroom sizing report").set_creation_datetime(&created),
    );
    let styles = Styles::new();
    summary(workbook.add_worksheet(), report, &styles)?;
    reasons(workbook.add_worksheet(), report, &styles)?;
    if report.domain_controllers.iter().any(|sized| sized.virtual_sensor.is_some()) {
        sizes(workbook.add_worksheet(), report, &styles)?;
        what_if(workbook.add_worksheet(), report, &styles)?;
    }
    samples(workbook.add_worksheet(), report, &styles)?;
    inputs(workbook.add_worksheet(), report, &styles)?;
    Ok(workbook.save_to_buffer()?)
}

/// Formats used on every sheet.
struct Styles {
    head: Format,
    vendor_head: Format,
    bold: Format,
    text: Format,
    wrapped: Format,
    unknown: Format,
    time: Format,
    note: Format,
}

impl Styles {
    fn new() -> Self {
        let top = Format::new().set_align(FormatAlign::Top);
        let head = top.clone().set_bold().set_text_wrap().set_border_bottom(FormatBorder::Thin);
        Self {
            vendor_head: head.clone().set_background_color(Color::RGB(0xDD_E8_F3)),
            head: head.set_background_color(Color::RGB(0xEE_EE_EE)),
            bold: top.clone().set_bold(),
            wrapped: top.clone().set_text_wrap(),
            unknown: top.clone().set_align(FormatAlign::Right),
            time: top.clone().set_num_format(TIME_FORMAT).set_align(FormatAlign::Left),
            note: top.clone().set_italic(),
            text: top,
        }
    }

    fn number(decimals: usize) -> Format {
        let format = match decimals {
            0 => "#,##0".to_string(),
            places => format!("#,##0.{}", "0".repeat(places)),
        };
        Format::new().set_align(FormatAlign::Top).set_num_format(format)
    }
}

/// A sheet that is filled from the top.
struct Sheet<'a> {
    sheet: &'a mut Worksheet,
    styles: &'a Styles,
    row: u32,
}

impl<'a> Sheet<'a> {
    fn new(sheet: &'a mut Worksheet, name: &str, styles: &'a Styles) -> Result<Self, XlsxError> {
        sheet.set_name(name)?;
        Ok(Self { sheet, styles, row: 0 })
    }

    /// One cell of the current row.
    fn put(&mut self, column: u16, cell: &Cell, decimals: usize) -> Result<(), XlsxError> {
        let (sheet, styles, row) = (&mut *self.sheet, self.styles, self.row);
        match cell {
            Cell::Text(text) => {
                let text = escape::spreadsheet(text);
                let wide = text.chars().count() > 60;
                let format = if wide { &styles.wrapped } else { &styles.text };
                sheet.write_string_with_format(row, column, text, format)?;
            }
            Cell::Number(value) if value.is_finite() => {
                sheet.write_number_with_format(row, column, *value, &Styles::number(decimals))?;
            }
            Cell::Time(at) => match excel_days(*at) {
                Some(days) => {
                    sheet.write_number_with_format(row, column, days, &styles.time)?;
                }
                None => {
                    sheet.write_string_with_format(row, column, number::time(*at), &styles.text)?;
                }
            },
            Cell::Number(_) | Cell::Unknown => {
                sheet.write_string_with_format(row, column, number::UNKNOWN, &styles.unknown)?;
            }
        }
        Ok(())
    }

    /// A whole row of cells.
    fn line(&mut self, cells: &[Cell]) -> Result<(), XlsxError> {
        for (column, cell) in (0..).zip(cells) {
            self.put(column, cell, 0)?;
        }
        self.row += 1;
        Ok(())
    }

    /// A heading row, frozen with all above it.
    fn head(&mut self, headings: &[(&str, f64)]) -> Result<(), XlsxError> {
        for (column, (heading, width)) in (0..).zip(headings) {
            self.sheet.write_string_with_format(self.row, column, *heading, &self.styles.head)?;
            self.sheet.set_column_width(column, *width)?;
        }
        self.row += 1;
        self.sheet.set_freeze_panes(self.row, 0)?;
        Ok(())
    }

    /// A line of our own words across the sheet.
    fn note(&mut self, words: &str) -> Result<(), XlsxError> {
        self.sheet.write_string_with_format(self.row, 0, words, &self.styles.note)?;
        self.row += 1;
        Ok(())
    }
}

/// Excel's count of days; `None` before 1900, which Excel cannot show.
fn excel_days(at: Timestamp) -> Option<f64> {
    let days = at.nanos() as f64 / DAY_NS + EXCEL_DAYS_TO_EPOCH;
    (days >= 2.0).then_some(days)
}

fn text(hostile: &str) -> Cell {
    Cell::Text(escape::sentence(hostile))
}

fn summary(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, SUMMARY_SHEET, styles)?;
    header_block(&mut sheet, report)?;
    sheet.note(&format!(
        "Columns A to J are laid out as in the vendor’s sizing tool; the figures and all further columns are Headroom’s. {} means not known.",
        number::UNKNOWN
    ))?;
    for (index, (column, spec)) in (0..).zip(columns::columns(report)).enumerate() {
        let vendor = index < columns::VENDOR_COLUMNS;
        let head = if vendor { &styles.vendor_head } else { &styles.head };
        sheet.sheet.write_string_with_format(sheet.row, column, spec.heading, head)?;
        sheet.sheet.set_column_width(column, spec.width)?;
    }
    sheet.row += 1;
    sheet.sheet.set_freeze_panes(sheet.row, 1)?;
    for sized in &report.domain_controllers {
        for (column, spec) in (0..).zip(columns::columns(report)) {
            sheet.put(column, &(spec.cell)(sized), spec.decimals)?;
        }
        sheet.row += 1;
    }
    if let Some(total) = &report.total {
        totals(&mut sheet, report, total)?;
    }
    Ok(())
}

/// The block that the vendor's tool writes above its table.
fn header_block(sheet: &mut Sheet<'_>, report: &SizingReport) -> Result<(), XlsxError> {
    let good: u64 =
        report.domain_controllers.iter().map(|s| s.load.good_samples).max().unwrap_or(0);
    let first = report.inputs.iter().filter_map(|input| input.first_utc).min();
    let last = report.inputs.iter().filter_map(|input| input.last_utc).max();
    let rows = [
        ("Number of DCs", Cell::Number(report.domain_controllers.len() as f64)),
        ("Number of Good Samples", Cell::Number(good as f64)),
        ("Overall Start Time UTC", first.map_or(Cell::Unknown, Cell::Time)),
        ("Overall End Time UTC", last.map_or(Cell::Unknown, Cell::Time)),
        ("Made by", Cell::Text(format!("Headroom {}", escape::name(&report.headroom_version)))),
        (
            "Complete",
            Cell::Text(if report.complete { "Yes" } else { "NO: see sheet Reasons" }.into()),
        ),
    ];
    for (label, cell) in rows {
        sheet.sheet.write_string_with_format(sheet.row, 0, label, &sheet.styles.bold)?;
        sheet.put(1, &cell, 0)?;
        sheet.row += 1;
    }
    sheet.row += 1;
    Ok(())
}

fn totals(sheet: &mut Sheet<'_>, report: &SizingReport, total: &Total) -> Result<(), XlsxError> {
    sheet.sheet.write_string_with_format(sheet.row, 0, "Total", &sheet.styles.bold)?;
    sheet.put(1, &Cell::Text("plain sums: each DC at its own busiest time".into()), 0)?;
    for (column, spec) in (0..).zip(columns::columns(report)) {
        let sum = match spec.sum {
            Sum::No => continue,
            Sum::Maximum => total.sum_maximum_packets_per_second,
            Sum::Average => total.sum_average_packets_per_second,
            Sum::Busy => total.sum_busy_packets_per_second,
        };
        sheet.put(column, &sum.map_or(Cell::Unknown, Cell::Number), 0)?;
    }
    sheet.row += 1;
    let label = "Total at the same time";
    sheet.sheet.write_string_with_format(sheet.row, 0, label, &sheet.styles.bold)?;
    match total.coincident_busy {
        Some(busy) => {
            sheet.put(1, &Cell::Text("busiest 15 minutes of the summed series".into()), 0)?;
            sheet.put(5, &Cell::Number(busy.packets_per_second), 0)?;
            sheet.put(6, &Cell::Time(busy.start_utc), 0)?;
            sheet.put(7, &Cell::Time(busy.end_utc), 0)?;
        }
        None => {
            sheet.put(1, &Cell::Text("not computable from this input".into()), 0)?;
            sheet.put(5, &Cell::Unknown, 0)?;
        }
    }
    sheet.row += 1;
    Ok(())
}

fn reasons(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, "Reasons", styles)?;
    sheet.head(&[
        ("DC", 24.0),
        ("Kind", 16.0),
        ("Resource", 32.0),
        ("Unit", 8.0),
        ("Needed", 10.0),
        ("Available", 10.0),
        ("Short by", 10.0),
        ("Basis", 18.0),
        ("Sentence", 100.0),
    ])?;
    let dash = || Cell::Unknown;
    let say = |sheet: &mut Sheet<'_>, dc: &str, kind: &str, sentences: &[String]| {
        for sentence in escape::sentences(sentences) {
            sheet.line(&[
                Cell::Text(escape::name(dc)),
                Cell::Text(kind.into()),
                dash(),
                dash(),
                dash(),
                dash(),
                dash(),
                dash(),
                Cell::Text(sentence),
            ])?;
        }
        Ok::<(), XlsxError>(())
    };
    say(&mut sheet, "all", "incomplete", &report.problems)?;
    say(&mut sheet, "all", "warning", &report.warnings)?;
    for sized in &report.domain_controllers {
        let (name, verdict) = (&sized.dc.name, &sized.verdict);
        say(&mut sheet, name, "verdict", std::slice::from_ref(&verdict.words))?;
        say(&mut sheet, name, "summary", std::slice::from_ref(&verdict.summary))?;
        say(&mut sheet, name, "caveat", &verdict.caveats)?;
        say(&mut sheet, name, "reason", &verdict.reasons)?;
        for check in &verdict.checks {
            let amount = |value: Option<f64>| value.map_or(Cell::Unknown, Cell::Number);
            sheet.put(0, &Cell::Text(escape::name(name)), 0)?;
            sheet.put(1, &Cell::Text("resource".into()), 0)?;
            sheet.put(2, &Cell::Text(labels::resource(check.resource).into()), 0)?;
            sheet.put(3, &Cell::Text(escape::label(&check.unit)), 0)?;
            sheet.put(4, &Cell::Number(check.needed), 2)?;
            sheet.put(5, &amount(check.available), 2)?;
            sheet.put(6, &amount(check.short_by), 0)?;
            sheet.put(7, &Cell::Text(labels::basis(check.basis).into()), 0)?;
            sheet.put(8, &text(&check.sentence), 0)?;
            sheet.row += 1;
        }
        say(&mut sheet, name, "not known", &verdict.missing)?;
        say(&mut sheet, name, "note", &sized.dc.notes)?;
        if let Some(verdict) = &sized.virtual_sensor {
            say(&mut sheet, name, "model: whose", &[virtual_words::WHOSE.to_string()])?;
            say(&mut sheet, name, "model: answer", &[virtual_words::answer(verdict)])?;
            say(&mut sheet, name, "model", &verdict.sentences)?;
        }
    }
    Ok(())
}

/// The virtual sensor's verdicts with the names of their domain controllers.
fn verdicts(report: &SizingReport) -> impl Iterator<Item = (Cell, &VirtualVerdict)> {
    report.domain_controllers.iter().filter_map(|sized| {
        let verdict = sized.virtual_sensor.as_deref()?;
        Some((Cell::Text(escape::name(&sized.dc.name)), verdict))
    })
}

/// Every size that the virtual sensor was tried with, the server first.
fn sizes(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, "Model sizes", styles)?;
    sheet.note(virtual_words::WHOSE)?;
    sheet.head(&[
        ("DC", 24.0),
        ("Size", 12.0),
        ("Cores", 8.0),
        ("Memory GB", 10.0),
        ("Answer", 10.0),
        ("Probability of losing too much, 0 to 1", 16.0),
        ("From (95 %)", 10.0),
        ("To (95 %)", 10.0),
        ("Runs", 10.0),
        ("Share lost, middle run", 14.0),
        ("Share lost, 95 % of runs stay below", 18.0),
        ("Share of cores in use at most, 95 % of runs stay below", 18.0),
        ("Memory wanted GB, 95 % of runs stay below", 18.0),
        ("Runs short first", 26.0),
    ])?;
    for (name, verdict) in verdicts(report) {
        let server = verdict.server.iter().map(|size| ("this server", size));
        for (what, size) in server.chain(verdict.sizes.iter().map(|size| ("table", size))) {
            for (column, (cell, decimals)) in (0..).zip(size_cells(&name, what, size)) {
                sheet.put(column, &cell, decimals)?;
            }
            sheet.row += 1;
        }
    }
    Ok(())
}

/// Cells of one size with their decimals.
fn size_cells(name: &Cell, what: &str, found: &SizeProbability) -> [(Cell, usize); 14] {
    let words = |words: &str| (Cell::Text(words.into()), 0);
    let number = |value, decimals| (Cell::Number(value), decimals);
    [
        (name.clone(), 0),
        words(what),
        number(found.size.cores, 2),
        number(found.size.memory_gb, 1),
        words(virtual_words::chance(found.chance)),
        number(found.probability, 3),
        number(found.probability_low, 3),
        number(found.probability_high, 3),
        number(found.replicas.into(), 0),
        number(found.loss_p50, 5),
        number(found.loss_p95, 5),
        number(found.peak_utilisation_p95, 3),
        number(found.peak_memory_gb_p95, 2),
        found.limit.map_or((Cell::Unknown, 0), |limit| words(virtual_words::limit_name(limit))),
    ]
}

/// Other traffic and other servers.
fn what_if(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, "Model what-if", styles)?;
    sheet.note(virtual_words::WHOSE)?;
    sheet.head(&[
        ("DC", 24.0),
        ("Traffic, times that of now", 14.0),
        ("Bursts, times those assumed", 14.0),
        ("DCs failed", 10.0),
        ("Cores of the server", 12.0),
        ("Memory of the server, GB", 12.0),
        ("Answer", 10.0),
        ("Probability of losing too much, 0 to 1", 16.0),
    ])?;
    for (name, verdict) in verdicts(report) {
        for tried in &verdict.what_if {
            sheet.put(0, &name, 0)?;
            sheet.put(1, &Cell::Number(tried.load), 2)?;
            sheet.put(2, &Cell::Number(tried.bursts), 2)?;
            sheet.put(3, &Cell::Number(tried.failed.into()), 0)?;
            sheet.put(4, &Cell::Number(tried.server_cores), 0)?;
            sheet.put(5, &Cell::Number(tried.server_memory_gb), 1)?;
            sheet.put(6, &Cell::Text(virtual_words::chance(tried.chance).into()), 0)?;
            sheet.put(7, &Cell::Number(tried.probability), 3)?;
            sheet.row += 1;
        }
    }
    Ok(())
}

fn samples(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, "Timeline", styles)?;
    let timelines =
        || report.domain_controllers.iter().filter_map(|s| Some((s, s.dc.timeline.as_ref()?)));
    let longest = timelines().map(|(_, timeline)| timeline.packets_per_second.len()).max();
    let share = MAX_SAMPLE_ROWS / timelines().count().max(1);
    let per_row = longest.unwrap_or(0).div_ceil(share.max(1)).max(1);
    if per_row > 1 {
        sheet.note(&format!(
            "Each row is the mean of up to {per_row} samples, so that at most {} rows stand here; report.json has every sample.",
            number::count(MAX_SAMPLE_ROWS as u64)
        ))?;
    } else {
        sheet.note("Each row is one sample. – is a sample without a good reading.")?;
    }
    sheet.head(&[
        ("DC", 24.0),
        ("Start UTC", 21.0),
        ("Packets/sec", 14.0),
        ("Bytes/sec", 16.0),
        ("Good Samples", 14.0),
    ])?;
    for (sized, timeline) in timelines() {
        sample_rows(&mut sheet, sized, timeline, per_row)?;
    }
    Ok(())
}

fn sample_rows(
    sheet: &mut Sheet<'_>,
    sized: &Sized,
    timeline: &Timeline,
    per_row: usize,
) -> Result<(), XlsxError> {
    let packets = super::plots::buckets(&timeline.packets_per_second, per_row);
    let bytes = super::plots::buckets(&timeline.bytes_per_second, per_row);
    let mut bytes = bytes.iter();
    for bucket in packets {
        let at = super::plots::sample_time(timeline.start_utc, timeline.interval_ms, bucket.first);
        let mean = |value: Option<f64>| value.map_or(Cell::Unknown, Cell::Number);
        sheet.put(0, &Cell::Text(escape::name(&sized.dc.name)), 0)?;
        sheet.put(1, &Cell::Time(at), 0)?;
        sheet.put(2, &mean(bucket.mean), 1)?;
        sheet.put(3, &mean(bytes.next().and_then(|bucket| bucket.mean)), 0)?;
        sheet.put(4, &Cell::Number(bucket.good as f64), 0)?;
        sheet.row += 1;
    }
    Ok(())
}

fn inputs(sheet: &mut Worksheet, report: &SizingReport, styles: &Styles) -> Result<(), XlsxError> {
    let mut sheet = Sheet::new(sheet, "Inputs", styles)?;
    sheet.head(&[
        ("File", 48.0),
        ("Format", 40.0),
        ("Bytes", 16.0),
        ("Records", 14.0),
        ("First UTC", 21.0),
        ("Last UTC", 21.0),
        ("SHA-256", 68.0),
        ("Out of order", 12.0),
        ("Damage", 60.0),
    ])?;
    for input in &report.inputs {
        let damage = input.damage.as_ref().map_or_else(
            || "none found".to_string(),
            |damage| format!("at byte {}: {}", damage.offset_bytes, escape::sentence(&damage.what)),
        );
        sheet.line(&[
            Cell::Text(escape::path(&input.path)),
            text(&input.format_text),
            Cell::Number(input.size_bytes as f64),
            Cell::Number(input.records as f64),
            input.first_utc.map_or(Cell::Unknown, Cell::Time),
            input.last_utc.map_or(Cell::Unknown, Cell::Time),
            input.sha256.as_ref().map_or(Cell::Unknown, |digest| Cell::Text(escape::name(digest))),
            Cell::Number(input.records_out_of_order as f64),
            Cell::Text(damage),
        ])?;
    }
    sheet.row += 1;
    for (label, words) in [
        ("Command", &report.command),
        ("Headroom version", &report.headroom_version),
        ("Capacity table", &report.table.title),
        ("Table source", &report.table.source),
        ("Table valid", &report.table.valid),
        ("What it counts", &report.table.convention),
    ] {
        sheet.line(&[Cell::Text(label.into()), text(words)])?;
    }
    sheet.row += 1;
    sheet.line(&[
        Cell::Text("Assumption".into()),
        Cell::Text("Source".into()),
        Cell::Text("Basis".into()),
    ])?;
    for assumption in virtual_words::assumptions(report) {
        sheet.line(&[
            text(&assumption.text),
            text(&assumption.source),
            Cell::Text(labels::basis(assumption.basis).into()),
        ])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_excel_counts_them() {
        // 2025-11-21T12:00:00Z is day 45982.5 in Excel.
        assert_eq!(excel_days(Timestamp::from_parts(1_763_726_400, 0)), Some(45_982.5));
        assert_eq!(excel_days(Timestamp::from_nanos(i64::MIN)), None);
    }
}
