//! The probability of losing more than the goal by size of sensor, each with its 95 % interval,
//! from 0 to 100 %, and the two lines between Yes, Maybe and No.

use crate::record::{Chance, SizeProbability, VirtualVerdict};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Scale, Size, Swatch, draw,
};
use super::super::{ReportError, number, virtual_words};
use super::{Frame, headings};

const TITLE: &str = "Probability of losing too much, by size of the sensor";

/// Most sizes that are drawn; the tables have seven or less.
const MAX_SIZES: usize = 16;

/// Height of one size in CSS pixels.
const ROW_PX: f64 = 26.0;

/// The plot of one domain controller; `key` is unique in the page.
pub fn probability(verdict: &VirtualVerdict, key: &str) -> Result<Figure, ReportError> {
    let rows = rows(verdict);
    if rows.is_empty() {
        return Ok(Figure::absent(TITLE, "The model tried no size, so there is nothing to draw."));
    }
    let description = description(verdict, &rows);
    let height = rows.len() as f64 * ROW_PX + 46.0;
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(TITLE, &id, &description, size, |canvas| panel(canvas, size, &rows))
    };
    let goal = virtual_words::goal(verdict.goal_loss_ratio);
    let dot = |ink, label: &str| LegendEntry::dot(ink, label);
    Ok(Figure {
        title: TITLE,
        caption: format!(
            "How probable it is that more than {goal} of the packets are lost in the busiest part \
             of the input, {}. A size is what the sensor itself may use. Each bar is what chance \
             alone leaves open with so many runs (95 % interval).",
            virtual_words::span(verdict)
        ),
        legend: vec![
            dot(Ink::Good, "Yes, below 5 %"),
            dot(Ink::Attention, "Maybe"),
            dot(Ink::Bad, "No, above 50 %"),
            LegendEntry::line(Ink::Mean, "5 % and 50 %"),
            LegendEntry {
                color: Ink::Envelope.css(),
                shape: Swatch::Area,
                label: "what chance leaves open".into(),
            },
        ],
        wide: paint(Size::wide(height))?,
        narrow: paint(Size::narrow(height))?,
        data: Some(data(&rows, key)),
    })
}

/// One line of the plot.
struct Row<'a> {
    label: String,
    is_server: bool,
    size: &'a SizeProbability,
}

/// The server first, then the sizes; those without a finite probability are left out.
fn rows(verdict: &VirtualVerdict) -> Vec<Row<'_>> {
    let server = verdict.server.iter().map(|size| Row {
        label: "this server".to_string(),
        is_server: true,
        size,
    });
    let sizes = verdict.sizes.iter().map(|size| Row {
        label: virtual_words::size(&size.size),
        is_server: false,
        size,
    });
    server.chain(sizes).filter(|row| row.size.probability.is_finite()).take(MAX_SIZES).collect()
}

fn description(verdict: &VirtualVerdict, rows: &[Row<'_>]) -> String {
    let server = rows.iter().find(|row| row.is_server).map_or_else(String::new, |row| {
        format!(
            "With what this server leaves over the probability is {}: {}. ",
            virtual_words::probability(row.size),
            virtual_words::chance(row.size.chance),
        )
    });
    let target = virtual_words::optional_size(verdict.sufficient.target.as_ref());
    format!("{server}The smallest size with the answer Yes: {target}.")
}

/// Colour of an answer.
pub fn ink(chance: Chance) -> Ink {
    match chance {
        Chance::Yes => Ink::Good,
        Chance::Maybe => Ink::Attention,
        Chance::No => Ink::Bad,
    }
}

fn panel(canvas: &mut Canvas<'_>, size: Size, rows: &[Row<'_>]) {
    let (left, right) = if size.narrow { (132.0, 98.0) } else { (150.0, 206.0) };
    let frame = Frame { left, right: size.width - right, top: 6.0, bottom: size.height - 36.0 };
    let x = Scale::linear((0.0, 1.0), (frame.left, frame.right));
    let quarters: &[f64] =
        if size.narrow { &[0.0, 0.5, 1.0] } else { &[0.0, 0.25, 0.5, 0.75, 1.0] };
    for share in quarters {
        let at = x.at(*share);
        canvas.line(&[(at, frame.top), (at, frame.bottom)], Ink::Grid, 0.5);
        let label = format!("{} %", number::fixed(share * 100.0, 0));
        canvas.label((at, frame.bottom + 14.0), Anchor::Middle, Ink::Label, &label);
    }
    for mark in [virtual_words::YES_BELOW, virtual_words::NO_ABOVE] {
        canvas.line(&[(x.at(mark), frame.top), (x.at(mark), frame.bottom)], Ink::Mean, 1.0);
    }
    // 5 % is too near to 0 for a label between the ticks: zones have a line of their own.
    let zones = if size.narrow { ["Maybe", "No"] } else { ["Maybe from 5 %", "No above 50 %"] };
    for (mark, zone) in [virtual_words::YES_BELOW, virtual_words::NO_ABOVE].into_iter().zip(zones) {
        canvas.label((x.at(mark), frame.bottom + 28.0), Anchor::Start, Ink::Label, zone);
    }
    for (index, row) in rows.iter().enumerate() {
        let y = frame.top + (index as f64 + 0.5) * ROW_PX;
        draw_row(canvas, size, frame, &x, y, row);
    }
}

fn draw_row(canvas: &mut Canvas<'_>, size: Size, frame: Frame, x: &Scale, y: f64, row: &Row<'_>) {
    let found = row.size;
    if row.is_server {
        let (from, to) = ((0.0, y - ROW_PX / 2.0 + 1.0), (size.width, y + ROW_PX / 2.0 - 1.0));
        canvas.rectangle(from, to, Ink::Busy, 0.15);
    }
    let words = if row.is_server { Ink::Strong } else { Ink::Label };
    canvas.label((frame.left - 10.0, y), Anchor::End, words, &row.label);
    let (low, high) = (x.at(found.probability_low), x.at(found.probability_high));
    canvas.rectangle((low, y - 4.0), (high.max(low + 1.0), y + 4.0), Ink::Envelope, 1.0);
    canvas.dot((x.at(found.probability), y), 4.5, ink(found.chance));
    let answer = virtual_words::chance(found.chance);
    let text = if size.narrow {
        format!("{} {answer}", number::percent(found.probability))
    } else {
        format!("{} {answer}", virtual_words::probability(found))
    };
    canvas.label((frame.right + 10.0, y), Anchor::Start, words, &text);
}

fn data(rows: &[Row<'_>], key: &str) -> DataTable {
    let percent = |share: f64| Cell::Number(share * 100.0);
    let table = rows.iter().map(|row| {
        let found = row.size;
        vec![
            Cell::Text(if row.is_server { "this server" } else { "table" }.into()),
            Cell::Number(found.size.cores),
            Cell::Number(found.size.memory_gb),
            percent(found.probability),
            percent(found.probability_low),
            percent(found.probability_high),
            Cell::Text(virtual_words::chance(found.chance).into()),
            percent(found.loss_p50),
            percent(found.loss_p95),
            percent(found.peak_utilisation_p95),
            Cell::Number(found.peak_memory_gb_p95),
            found.limit.map_or(Cell::Unknown, |limit| Cell::Text(virtual_words::limit(limit))),
        ]
    });
    DataTable {
        headings: headings(&[
            "Size",
            "Cores for the sensor",
            "Memory GB for the sensor",
            "Probability %",
            "From %",
            "To %",
            "Answer",
            "Loss % that half of the runs stay below",
            "Loss % that 95 % of the runs stay below",
            "Cores in use, %, that 95 % stay below",
            "Memory wanted, GB, that 95 % stay below",
            "Runs short first",
        ]),
        rows: table.collect(),
        note: virtual_words::CHANCES.into(),
        file_name: format!("{key}.csv"),
    }
}
