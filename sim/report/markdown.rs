//! The report as Markdown (GitHub flavour), for a ticket or a wiki. Everything but the plots.

use std::fmt::Write as _;

use crate::record::{Basis, Sized, SizingReport, Total, VirtualVerdict};

use super::page_tables::Grid;
use super::{escape, labels, number, virtual_page, virtual_tables, virtual_words};

/// The report as Markdown.
pub fn render(report: &SizingReport) -> String {
    let mut page = Page(String::new());
    page.line("# Will the Defender for Identity sensor keep up?");
    if !report.complete {
        page.blank();
        page.line("> **Incomplete.** This result rests on only a part of the input:");
        for problem in escape::sentences(&report.problems) {
            page.line(&format!("> - {}", escape::markdown(&problem)));
        }
    }
    page.list("Warnings", &report.warnings);
    overview(&mut page, report);
    for sized in &report.domain_controllers {
        domain_controller(&mut page, sized);
    }
    calibrations(&mut page, report);
    inputs(&mut page, report);
    assumptions(&mut page, report);
    page.blank();
    page.line(&format!(
        "Made by Headroom {} with {}. Table: {}, {}.",
        escape::markdown(&escape::name(&report.headroom_version)),
        command(&report.command),
        text(&report.table.title),
        text(&report.table.source),
    ));
    page.0
}

/// The command, as it was given to the last character. A code span ends at the first backtick
/// and knows no escapes: a command that would need them is plain text.
fn command(text: &str) -> String {
    let shown = escape::sentence(text);
    if shown.contains(['`', '<', '>', '&']) {
        escape::markdown(&shown)
    } else {
        format!("`{shown}`")
    }
}

/// Text as it grows.
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }

    /// A table row; cells are ready for Markdown.
    fn row(&mut self, cells: &[String]) {
        let _ = writeln!(self.0, "| {} |", cells.join(" | "));
    }

    /// A heading row; columns from `right_from` on are aligned right.
    fn header(&mut self, headings: &[&str], right: &[usize]) {
        self.blank();
        let _ = writeln!(self.0, "| {} |", headings.join(" | "));
        let rule = |index| if right.contains(&index) { "---:" } else { "---" };
        let rules: Vec<&str> = (0..headings.len()).map(rule).collect();
        let _ = writeln!(self.0, "| {} |", rules.join(" | "));
    }

    /// A titled table, or the sentence in its place.
    fn grid(&mut self, grid: &Grid) {
        self.blank();
        self.line(&format!("**{}**", grid.label));
        if grid.rows.is_empty() {
            self.blank();
            self.line(grid.none);
        } else {
            let headings = grid.headings.iter().map(|heading| escape::markdown(&heading.text));
            let headings: Vec<String> = headings.collect();
            let words: Vec<&str> = headings.iter().map(String::as_str).collect();
            let numeric = grid.headings.iter().enumerate().filter(|(_, heading)| heading.numeric);
            let right: Vec<usize> = numeric.map(|(index, _)| index).collect();
            self.header(&words, &right);
            for row in &grid.rows {
                let cells = row.iter().map(|cell| escape::markdown(&cell.text));
                self.row(&cells.collect::<Vec<String>>());
            }
        }
        if !grid.note.is_empty() {
            self.blank();
            self.line(&escape::markdown(&grid.note));
        }
    }

    /// A titled list of hostile sentences; nothing where there are none.
    fn list(&mut self, title: &str, sentences: &[String]) {
        if sentences.is_empty() {
            return;
        }
        self.blank();
        self.line(&format!("**{title}**"));
        self.blank();
        for sentence in escape::sentences(sentences) {
            self.line(&format!("- {}", escape::markdown(&sentence)));
        }
    }
}

/// A hostile sentence, ready for Markdown.
fn text(hostile: &str) -> String {
    escape::markdown(&escape::sentence(hostile))
}

fn overview(page: &mut Page, report: &SizingReport) {
    if report.domain_controllers.is_empty() {
        page.blank();
        page.line("No domain controller was found in the input, so there is no verdict.");
        return;
    }
    let mut headings = vec![
        "DC",
        "Sensor Supported (vendor’s wording)",
        "Busy pps",
        "Busy window",
        "Average pps",
        "Maximum pps",
        "Table row",
        "Short by",
    ];
    let modelled = virtual_words::any(report);
    headings.extend(modelled.then_some(virtual_words::HEADING));
    page.header(&headings, &[2, 4, 5]);
    for sized in &report.domain_controllers {
        let mut row = vec![
            escape::markdown(&escape::name(&sized.dc.name)),
            escape::markdown(&escape::words(&sized.verdict.words)),
            number::optional_rate(sized.load.busy.map(|busy| busy.packets_per_second)),
            busy_when(sized),
            number::optional_rate(sized.load.average_packets_per_second),
            number::optional_rate(sized.load.maximum_packets_per_second),
            escape::markdown(&labels::row(sized)),
            labels::short_by(&sized.verdict.checks),
        ];
        row.extend(modelled.then(|| virtual_words::brief(sized.virtual_sensor.as_deref())));
        page.row(&row);
    }
    if let Some(total) = &report.total {
        totals(page, total, modelled);
    }
}

/// When it is busiest; also that nobody recorded it.
fn busy_when(sized: &Sized) -> String {
    let when = labels::busy_when(&sized.load);
    match labels::traffic_basis(&sized.dc) {
        made @ Basis::Synthesized => format!("{when}, {}", labels::basis(made)),
        _ => when,
    }
}

fn totals(page: &mut Page, total: &Total, modelled: bool) {
    let dash = number::UNKNOWN.to_string();
    let mut sum = vec![
        "**Total**, plain sum".into(),
        dash.clone(),
        number::optional_rate(total.sum_busy_packets_per_second),
        "each DC at its own busiest time".into(),
        number::optional_rate(total.sum_average_packets_per_second),
        number::optional_rate(total.sum_maximum_packets_per_second),
        dash.clone(),
        dash.clone(),
    ];
    let mut together = vec![
        "**Total**, at the same time".into(),
        dash.clone(),
        number::optional_rate(total.coincident_busy.map(|busy| busy.packets_per_second)),
        total.coincident_busy.map_or_else(
            || "not computable from this input".into(),
            |busy| number::span(busy.start_utc, busy.end_utc),
        ),
        dash.clone(),
        dash.clone(),
        dash.clone(),
        dash.clone(),
    ];
    for row in [&mut sum, &mut together] {
        row.extend(modelled.then(|| dash.clone()));
        page.row(row);
    }
}

fn domain_controller(page: &mut Page, sized: &Sized) {
    let verdict = &sized.verdict;
    page.blank();
    page.line(&format!("## {}", escape::markdown(&escape::name(&sized.dc.name))));
    page.blank();
    let words = escape::markdown(&escape::words(&verdict.words));
    page.line(&format!("**{words}** (vendor’s wording)"));
    page.blank();
    page.line(&text(&verdict.summary));
    page.list("Caveats", &verdict.caveats);
    page.list("Reasons", &verdict.reasons);
    if !verdict.checks.is_empty() {
        page.header(&["Resource", "Needed", "Available", "Short by", "Basis", "Why"], &[1, 2, 3]);
        for check in &verdict.checks {
            let unit = escape::markdown(&escape::label(&check.unit));
            page.row(&[
                labels::resource(check.resource).into(),
                number::amount_of(Some(check.needed), &unit),
                number::amount_of(check.available, &unit),
                labels::shortage(check.short_by, &unit),
                labels::basis(check.basis).into(),
                text(&check.sentence),
            ]);
        }
    }
    page.list("Not known", &verdict.missing);
    page.list("Notes", &sized.dc.notes);
    if let Some(model) = sized.virtual_sensor.as_deref() {
        virtual_sensor(page, sized, model);
    }
}

fn virtual_sensor(page: &mut Page, sized: &Sized, model: &VirtualVerdict) {
    page.blank();
    page.line("### What our model says");
    page.blank();
    page.line(&format!("**{}** (ours)", escape::markdown(&virtual_words::answer(model))));
    page.blank();
    page.line(&escape::markdown(virtual_words::WHOSE));
    page.list("In plain words", &model.sentences);
    page.header(&["Figure", "Value", "Meaning"], &[1]);
    for (name, value, meaning) in virtual_page::figures(sized, model) {
        page.row(&[name, value, meaning].map(|cell| escape::markdown(&cell)));
    }
    page.grid(&virtual_tables::asked(model));
    page.grid(&virtual_tables::sizes(model));
    page.grid(&virtual_tables::sufficient(model));
    page.grid(&virtual_tables::what_if(model));
    page.grid(&virtual_tables::health(model));
    page.grid(&virtual_tables::bursts(sized));
}

fn calibrations(page: &mut Page, report: &SizingReport) {
    let all = virtual_words::calibrations(report);
    let several = all.len() > 1;
    for (summary, names) in all {
        page.blank();
        page.line("## How our model was calibrated");
        if several {
            page.blank();
            page.line(&escape::markdown(&virtual_page::named(&names)));
        }
        page.blank();
        page.line(&escape::markdown(&virtual_words::reading(summary)));
        page.grid(&virtual_tables::costs(summary));
        page.grid(&virtual_tables::calibrated(summary));
        page.list("What it leaves out", &summary.caveats);
    }
}

fn inputs(page: &mut Page, report: &SizingReport) {
    page.blank();
    page.line("## Inputs");
    if report.inputs.is_empty() {
        page.blank();
        page.line("None could be read.");
        return;
    }
    page.header(&["File", "Format", "Size", "Records", "From", "To", "SHA-256", "Damage"], &[2, 3]);
    for input in &report.inputs {
        let damage = input.damage.as_ref().map_or_else(
            || "none found".to_string(),
            |damage| {
                format!("at byte {}: {}", number::count(damage.offset_bytes), text(&damage.what))
            },
        );
        page.row(&[
            escape::markdown(&escape::path(&input.path)),
            text(&input.format_text),
            number::bytes(input.size_bytes),
            number::count(input.records),
            number::optional_time(input.first_utc),
            number::optional_time(input.last_utc),
            input.sha256.as_ref().map_or_else(
                || number::UNKNOWN.to_string(),
                |digest| escape::markdown(&escape::name(digest)),
            ),
            damage,
        ]);
    }
}

fn assumptions(page: &mut Page, report: &SizingReport) {
    let all = virtual_words::assumptions(report);
    if all.is_empty() {
        return;
    }
    page.blank();
    page.line("## Assumptions");
    page.header(&["Assumption", "Basis", "Source, or how to change it"], &[]);
    for assumption in all {
        page.row(&[
            text(&assumption.text),
            labels::basis(assumption.basis).into(),
            text(&assumption.source),
        ]);
    }
}
