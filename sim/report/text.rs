//! The report for a terminal: one table row per domain controller, then the reasons.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use crate::record::{Sized, SizingReport, Total, VirtualVerdict};

use super::labels::{self, Tone};
use super::{RenderOptions, escape, number, virtual_words};

/// Narrowest terminal that is laid out for; the table of seven columns needs it.
const MIN_WIDTH: u16 = 40;

/// Widest line of prose; longer ones are hard to read on any screen.
const MAX_PROSE: usize = 110;

/// The report as text with a newline at its end.
pub fn render(report: &SizingReport, options: RenderOptions) -> String {
    let width = options.width.max(MIN_WIDTH);
    let mut screen = Screen {
        text: String::new(),
        prose: usize::from(width).min(MAX_PROSE),
        color: options.color,
    };
    if !report.complete {
        screen.painted(Tone::Bad, "INCOMPLETE: this result rests on only a part of the input.");
        screen.bullets("-", &report.problems);
        screen.text.push('\n');
    }
    if report.domain_controllers.is_empty() {
        screen.wrapped("", "No domain controller was found in the input, so there is no verdict.");
    } else {
        screen.text.push_str(&table(report, width));
        screen.text.push('\n');
    }
    for sized in &report.domain_controllers {
        details(&mut screen, sized);
    }
    if !report.warnings.is_empty() {
        screen.text.push_str("\nWarnings\n");
        screen.bullets("!", &report.warnings);
    }
    screen.text.push('\n');
    let source = format!(
        "Table: {}. Source: {}.",
        escape::sentence(&report.table.title),
        escape::sentence(&report.table.source)
    );
    screen.wrapped("", &source);
    screen.text
}

/// The output as it grows.
struct Screen {
    text: String,
    prose: usize,
    color: bool,
}

impl Screen {
    /// One line in the colour of `tone`. `line` holds no hostile characters any more.
    fn painted(&mut self, tone: Tone, line: &str) {
        let code = match tone {
            Tone::Good => "32",
            Tone::Attention => "33",
            Tone::Bad => "31",
            Tone::Unknown => "35",
        };
        for part in wrap(line, self.prose) {
            if self.color {
                self.text.push_str(&format!("\u{1b}[1;{code}m{part}\u{1b}[0m\n"));
            } else {
                self.text.push_str(&part);
                self.text.push('\n');
            }
        }
    }

    /// A paragraph, its first line behind `lead`, the others indented as far.
    fn wrapped(&mut self, lead: &str, paragraph: &str) {
        let indent = lead.chars().count();
        for (index, part) in wrap(paragraph, self.prose.saturating_sub(indent)).iter().enumerate() {
            if index == 0 {
                self.text.push_str(lead);
            } else {
                self.text.push_str(&" ".repeat(indent));
            }
            self.text.push_str(part);
            self.text.push('\n');
        }
    }

    /// Hostile sentences, one bullet each.
    fn bullets(&mut self, bullet: &str, sentences: &[String]) {
        for sentence in escape::sentences(sentences) {
            self.wrapped(&format!("  {bullet} "), &sentence);
        }
    }
}

/// `paragraph` in lines of at most `width` characters; longer words are cut.
fn wrap(paragraph: &str, width: usize) -> Vec<String> {
    let width = width.max(10);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in paragraph.split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        if length > 0 && length + 1 + rest.len() > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        while rest.len() > width {
            lines.push(rest.drain(..width).collect());
        }
        length += rest.len();
        line.extend(rest);
    }
    if length > 0 || lines.is_empty() {
        lines.push(line);
    }
    lines
}

fn table(report: &SizingReport, width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    let modelled = virtual_words::any(report);
    let headings = ["DC", "Sensor supported", "Busy/s", "Avg/s", "Max/s", "Row", "Short by"];
    table.set_header(headings.into_iter().chain(modelled.then_some(virtual_words::HEADING)));
    for sized in &report.domain_controllers {
        let mut row = vec![
            escape::name(&sized.dc.name),
            escape::words(&sized.verdict.words),
            number::optional_rate(sized.load.busy.map(|busy| busy.packets_per_second)),
            number::optional_rate(sized.load.average_packets_per_second),
            number::optional_rate(sized.load.maximum_packets_per_second),
            labels::row(sized),
            labels::short_by(&sized.verdict.checks),
        ];
        row.extend(modelled.then(|| virtual_words::brief(sized.virtual_sensor.as_deref())));
        table.add_row(row);
    }
    if let Some(total) = &report.total {
        add_totals(&mut table, total);
    }
    for index in 2..5 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn add_totals(table: &mut Table, total: &Total) {
    let dash = || Cell::new(number::UNKNOWN);
    table.add_row(vec![
        Cell::new("Total, plain sum"),
        Cell::new("each DC at its own busiest time"),
        Cell::new(number::optional_rate(total.sum_busy_packets_per_second)),
        Cell::new(number::optional_rate(total.sum_average_packets_per_second)),
        Cell::new(number::optional_rate(total.sum_maximum_packets_per_second)),
        dash(),
        dash(),
    ]);
    let when = total.coincident_busy.map_or_else(
        || "not computable from this input".to_string(),
        |busy| number::span(busy.start_utc, busy.end_utc),
    );
    table.add_row(vec![
        Cell::new("Total, same time"),
        Cell::new(when),
        Cell::new(number::optional_rate(total.coincident_busy.map(|busy| busy.packets_per_second))),
        dash(),
        dash(),
        dash(),
        dash(),
    ]);
}

fn details(screen: &mut Screen, sized: &Sized) {
    let verdict = &sized.verdict;
    let tone = labels::tone(verdict.kind);
    screen.text.push('\n');
    let name = escape::name(&sized.dc.name);
    let words = escape::words(&verdict.words);
    screen.painted(tone, &format!("{} {name}: {words}", tone.sign()));
    screen.wrapped("  ", &escape::sentence(&verdict.summary));
    if let Some(busy) = sized.load.busy {
        let when = number::span(busy.start_utc, busy.end_utc);
        let rate = number::rate(busy.packets_per_second);
        let basis = labels::basis(labels::traffic_basis(&sized.dc));
        screen.wrapped("  ", &format!("Busy {rate} packets/s, {when} ({basis})."));
    }
    screen.bullets("!", &verdict.caveats);
    screen.bullets("-", &verdict.reasons);
    for check in verdict.checks.iter().take(escape::LIST_ITEMS) {
        let sentence = escape::sentence(&check.sentence);
        screen.wrapped("  - ", &format!("{sentence} [{}]", labels::basis(check.basis)));
    }
    screen.bullets("?", &verdict.missing);
    if let Some(model) = sized.virtual_sensor.as_deref() {
        virtual_sensor(screen, model);
    }
}

/// What our model says, below what the vendor's table says.
fn virtual_sensor(screen: &mut Screen, model: &VirtualVerdict) {
    let tone = virtual_words::server_tone(model);
    let answer = virtual_words::answer(model);
    screen.painted(tone, &format!("{} Our model: {answer}", tone.sign()));
    screen.wrapped("  ", virtual_words::WHOSE);
    screen.bullets("-", &model.sentences);
    for fact in virtual_facts(model) {
        screen.wrapped("  - ", &fact);
    }
    for alert in virtual_words::alerts(&model.course).iter().take(escape::LIST_ITEMS) {
        let (title, when, whose) = (escape::name(alert.title), &alert.when, &alert.whose);
        screen.wrapped("  ! ", &format!("Health alert: {title}, {when} [{whose}]"));
    }
}

/// Room, time, limit and sizes, a sentence each.
fn virtual_facts(model: &VirtualVerdict) -> Vec<String> {
    let room = virtual_words::spare(model.headroom.as_ref());
    let flagged = |text| virtual_words::flagged(text, model);
    let mut facts = vec![format!(
        "Room for more traffic: {room}; {}.",
        flagged(virtual_words::spare_of(model))
    )];
    if let Some(end) = &model.exhaustion {
        let (years, growth) =
            (virtual_words::years(end.years_yes), flagged(virtual_words::growth(end)));
        facts.push(format!("Time until that is used up: {years}; {growth}."));
    }
    if model.limit().is_some() {
        let (limit, reason) = virtual_words::short_first(model);
        facts.push(format!("Runs short first: {limit}: {reason}."));
    }
    let sizes = virtual_words::sufficient(model);
    facts.extend(sizes.map(|(name, size, meaning)| {
        format!("Size for the sensor, {}: {size}; {meaning}.", name.to_lowercase())
    }));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wrapped_and_long_words_cut() {
        assert_eq!(wrap("one two three four", 10), ["one two", "three four"]);
        assert_eq!(wrap(&"x".repeat(25), 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
        assert_eq!(wrap("", 10), [""]);
        let long = format!("a {} b", "y".repeat(20));
        assert_eq!(wrap(&long, 10), ["a", &"y".repeat(10), &"y".repeat(10), "b"]);
    }
}
