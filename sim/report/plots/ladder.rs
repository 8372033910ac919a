//! Where the busy rate stands among the rows of the capacity table.

use crate::record::{CapacityRow, CapacityTable, Sized};

use super::super::columns::Cell;
use super::super::plot::{Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Scale, Size, draw};
use super::super::{ReportError, escape, number};
use super::headings;

const TITLE: &str = "Position in the capacity table";

/// Rows that are drawn; the published tables have seven or less.
const MAX_ROWS: usize = 12;

/// The plot of one domain controller; `key` is unique in the page.
pub fn ladder(sized: &Sized, table: &CapacityTable, key: &str) -> Result<Figure, ReportError> {
    let Some(busy) = sized.load.busy.map(|busy| busy.packets_per_second).filter(|v| v.is_finite())
    else {
        return Ok(Figure::absent(TITLE, "Without a busy rate there is no row to read."));
    };
    let rows = table.rows.get(..table.rows.len().min(MAX_ROWS)).unwrap_or_default();
    if rows.is_empty() {
        return Ok(Figure::absent(TITLE, "The capacity table has no rows."));
    }
    let place = sized.verdict.row.as_ref().map_or_else(
        || "above the last row of the table".to_string(),
        |row| format!("in the row {}", escape::label(&row.label)),
    );
    let description =
        format!("The busy rate of {} packets per second stands {place}.", number::rate(busy));
    let job = Job { sized, rows, busy };
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(TITLE, &id, &description, size, |canvas| job.paint(canvas, size))
    };
    let mut legend = vec![LegendEntry::dot(Ink::Busy, format!("busy, {}/s", number::rate(busy)))];
    if let Some(average) = sized.load.average_packets_per_second {
        legend.push(LegendEntry::dot(Ink::Mean, format!("average, {}/s", number::rate(average))));
    }
    if let Some(highest) = sized.load.maximum_packets_per_second {
        legend.push(LegendEntry::dot(
            Ink::Line,
            format!("highest sample, {}/s", number::rate(highest)),
        ));
    }
    Ok(Figure {
        title: TITLE,
        caption: format!(
            "{description} Inside a box the position is to scale; the boxes are drawn equally wide. The rows count {}.",
            escape::sentence(&table.convention)
        ),
        legend,
        wide: paint(Size::wide(112.0))?,
        narrow: paint(Size::narrow(rows.len() as f64 * 26.0 + 36.0))?,
        data: Some(data(sized, rows, key)),
    })
}

struct Job<'a> {
    sized: &'a Sized,
    rows: &'a [CapacityRow],
    busy: f64,
}

impl Job<'_> {
    /// Markers: value, colour, radius; busy last, so that it lies on top.
    fn markers(&self) -> Vec<(f64, Ink, f64)> {
        let load = &self.sized.load;
        let mut markers = Vec::new();
        markers.extend(load.average_packets_per_second.map(|value| (value, Ink::Mean, 4.0)));
        markers.extend(load.maximum_packets_per_second.map(|value| (value, Ink::Line, 4.0)));
        markers.push((self.busy, Ink::Busy, 6.0));
        markers
    }

    /// Where `value` stands, in boxes from the first.
    fn position(&self, value: f64) -> f64 {
        for (index, row) in self.rows.iter().enumerate() {
            if value < row.to_packets_per_second {
                let span = Scale::linear(
                    (row.from_packets_per_second, row.to_packets_per_second),
                    (0.0, 1.0),
                );
                return index as f64 + span.at(value);
            }
        }
        self.rows.len() as f64 + 0.5
    }

    fn paint(&self, canvas: &mut Canvas<'_>, size: Size) {
        if size.narrow { self.upright(canvas, size) } else { self.level(canvas, size) }
    }

    fn is_current(&self, row: &CapacityRow) -> bool {
        let current = self.sized.verdict.row.as_ref();
        current.is_some_and(|now| now.from_packets_per_second == row.from_packets_per_second)
    }

    /// Boxes side by side, markers on a line below.
    fn level(&self, canvas: &mut Canvas<'_>, size: Size) {
        let boxes = self.rows.len() as f64 + 1.0;
        let x = Scale::linear((0.0, boxes), (4.0, size.width - 4.0));
        for (index, row) in self.rows.iter().enumerate() {
            let (from, to) = (x.at(index as f64), x.at(index as f64 + 1.0));
            let middle = f64::midpoint(from, to);
            let current = self.is_current(row);
            let (ink, opacity) = if current { (Ink::Busy, 0.22) } else { (Ink::Band, 1.0) };
            canvas.rectangle((from + 1.5, 4.0), (to - 1.5, 66.0), ink, opacity);
            canvas.label(
                (middle, 18.0),
                Anchor::Middle,
                Ink::Strong,
                &escape::visible(&row.label, 14),
            );
            let cores = number::amount_of(Some(row.cores), "cores");
            canvas.label((middle, 36.0), Anchor::Middle, Ink::Label, &cores);
            let memory = number::amount_of(Some(row.memory_gb), "GB");
            canvas.label((middle, 52.0), Anchor::Middle, Ink::Label, &memory);
        }
        let above = x.at(self.rows.len() as f64 + 0.5);
        canvas.label((above, 36.0), Anchor::Middle, Ink::Label, "no row above");
        let y = 86.0;
        canvas.line(&[(4.0, y), (size.width - 4.0, y)], Ink::Grid, 1.0);
        for (value, ink, radius) in self.markers() {
            canvas.dot((x.at(self.position(value)), y), radius, ink);
        }
    }

    /// Boxes one above the other, lowest row first, markers on a line at the left.
    fn upright(&self, canvas: &mut Canvas<'_>, size: Size) {
        let boxes = self.rows.len() as f64 + 1.0;
        let y = Scale::linear((0.0, boxes), (4.0, size.height - 4.0));
        for (index, row) in self.rows.iter().enumerate() {
            let (from, to) = (y.at(index as f64), y.at(index as f64 + 1.0));
            let middle = f64::midpoint(from, to);
            let (ink, opacity) =
                if self.is_current(row) { (Ink::Busy, 0.22) } else { (Ink::Band, 1.0) };
            canvas.rectangle((28.0, from + 1.5), (size.width - 4.0, to - 1.5), ink, opacity);
            canvas.label(
                (38.0, middle),
                Anchor::Start,
                Ink::Strong,
                &escape::visible(&row.label, 14),
            );
            let cores = number::amount_of(Some(row.cores), "cores");
            canvas.label((230.0, middle), Anchor::End, Ink::Label, &cores);
            let memory = number::amount_of(Some(row.memory_gb), "GB");
            canvas.label((size.width - 14.0, middle), Anchor::End, Ink::Label, &memory);
        }
        let above = y.at(self.rows.len() as f64 + 0.5);
        canvas.label((38.0, above), Anchor::Start, Ink::Label, "no row above");
        canvas.line(&[(14.0, 4.0), (14.0, size.height - 4.0)], Ink::Grid, 1.0);
        for (value, ink, radius) in self.markers() {
            canvas.dot((14.0, y.at(self.position(value))), radius, ink);
        }
    }
}

fn data(sized: &Sized, rows: &[CapacityRow], key: &str) -> DataTable {
    let current = sized.verdict.row.as_ref().map(|row| row.from_packets_per_second);
    let rows = rows.iter().map(|row| {
        let here = current == Some(row.from_packets_per_second);
        vec![
            Cell::Text(escape::label(&row.label)),
            Cell::Number(row.from_packets_per_second),
            Cell::Number(row.to_packets_per_second),
            Cell::Number(row.cores),
            Cell::Number(row.memory_gb),
            Cell::Text(if here { "busy rate is here".into() } else { String::new() }),
        ]
    });
    DataTable {
        headings: headings(&[
            "Row",
            "From packets/s",
            "To packets/s",
            "Cores",
            "Memory GB",
            "Position",
        ]),
        rows: rows.collect(),
        note: "The table as published.".into(),
        file_name: format!("{key}.csv"),
    }
}
