//! The vendor's table against the costs fitted to it: rows, fitted line with its 95 % band, what
//! a fit without a row predicts for it, and below it what the table gives above the need.

use crate::record::{CalibratedRow, CalibrationSummary, Estimate};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, Scale, Size, draw, round_ticks,
};
use super::super::{ReportError, escape, number};
use super::{Frame, headings, label_margin, value_axis};

const TITLE: &str = "Calibration: the table against the model";

/// Most rows that are drawn; the published tables have seven or less.
const MAX_ROWS: usize = 16;

/// Height of the upper panel, and of the whole drawing, in CSS pixels.
const UPPER_PX: f64 = 270.0;
const TOTAL_PX: f64 = 420.0;

/// The plot of one calibration; `key` is unique in the page.
pub fn calibration(summary: &CalibrationSummary, key: &str) -> Result<Figure, ReportError> {
    let rows: Vec<&CalibratedRow> = summary
        .rows
        .iter()
        .filter(|row| row.packets_per_second.is_finite() && row.packets_per_second > 0.0)
        .take(MAX_ROWS)
        .collect();
    if rows.is_empty() {
        return Ok(Figure::absent(TITLE, "The calibration has no rows to draw."));
    }
    let description = description(&rows);
    let job = Job { base: summary.base_cores, rows: &rows };
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(TITLE, &id, &description, size, |canvas| job.paint(canvas, size))
    };
    Ok(Figure {
        title: TITLE,
        caption: format!(
            "{description} Above: cores for the sensor by packets per second. Below: cores that \
             the table gives less those that the model needs there."
        ),
        legend: job.legend(),
        wide: paint(Size::wide(TOTAL_PX))?,
        narrow: paint(Size::narrow(TOTAL_PX))?,
        data: Some(data(summary, key)),
    })
}

fn description(rows: &[&CalibratedRow]) -> String {
    let told: Vec<&&CalibratedRow> =
        rows.iter().filter(|row| row.probability_enough.is_some()).collect();
    if told.is_empty() {
        return "The table does not say how probable it is that a row is enough.".to_string();
    }
    let missed: Vec<String> =
        told.iter().filter(|row| !row.covered).map(|row| escape::label(&row.label)).collect();
    let covered = told.len() - missed.len();
    let weak = if missed.is_empty() {
        String::new()
    } else {
        format!(" Not covered, the weak points of the model: {}.", missed.join(", "))
    };
    format!(
        "Each row was left out once and predicted from the others: with a probability of at least \
         95 % its amount is enough then, for {covered} of {} rows.{weak}",
        told.len()
    )
}

/// Whether a fit without the row covers it; `None` where that fit does not say.
pub fn covered(row: &CalibratedRow) -> Option<&'static str> {
    row.probability_enough.map(|_| if row.covered { "yes" } else { "no" })
}

struct Job<'a> {
    base: Estimate,
    rows: &'a [&'a CalibratedRow],
}

fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

impl Job<'_> {
    /// A figure of the need along the rows, from no traffic on.
    fn need(&self, value: fn(&Estimate) -> Option<f64>) -> Vec<Point> {
        let start = finite(value(&self.base)).map(|cores| (0.0, cores));
        let rows = self.rows.iter();
        let rest = rows
            .filter_map(|row| Some((row.packets_per_second, finite(value(&row.needed_cores))?)));
        start.into_iter().chain(rest).collect()
    }

    /// Is there a row that a fit without it predicts?
    fn is_predicted(&self) -> bool {
        self.rows.iter().any(|row| row.predicted_cores.is_some())
    }

    /// Only what is drawn.
    fn legend(&self) -> Vec<LegendEntry> {
        let mut legend = vec![LegendEntry::dot(Ink::Busy, "row of the table")];
        if self.need(|e| e.mean).len() > 1 {
            legend
                .push(LegendEntry::line(Ink::Line, "cores needed, mean of what the table allows"));
        }
        match (self.need(|e| e.low).len() > 1, self.need(|e| e.high).len() > 1) {
            (true, true) => {
                legend.push(LegendEntry::area(Ink::Envelope, "95 % of what the table allows"))
            }
            (false, true) => legend.push(LegendEntry::line(Ink::Envelope, "cores needed at most")),
            (true, false) => legend.push(LegendEntry::line(Ink::Envelope, "cores needed at least")),
            (false, false) => {}
        }
        if self.is_predicted() {
            legend.extend([
                LegendEntry::line(Ink::Good, "predicted without this row (95 %), row covered"),
                LegendEntry::line(Ink::Bad, "predicted, row not covered"),
            ]);
        }
        legend
    }

    fn highest_cores(&self) -> f64 {
        let predicted = |row: &CalibratedRow| row.predicted_cores.and_then(|p| p.high);
        let values = self.rows.iter().flat_map(|row| {
            [Some(row.table_cores), row.needed_cores.high, predicted(row)].map(finite)
        });
        values.flatten().fold(0.0, f64::max)
    }

    fn paint(&self, canvas: &mut Canvas<'_>, size: Size) {
        let cores = round_ticks(self.highest_cores(), 5);
        let residuals = self.residual_ticks();
        let rates = self.rows.iter().map(|row| row.packets_per_second).fold(0.0, f64::max);
        let rates = round_ticks(rates, if size.narrow { 2 } else { 5 });
        let left = label_margin(&cores).max(label_margin(&residuals)) + 4.0;
        let right = size.width - 36.0;
        let x = Scale::linear((0.0, rates.last().copied().unwrap_or(1.0)), (left, right));
        let upper = Frame { left, right, top: 30.0, bottom: UPPER_PX - 8.0 };
        canvas.label((4.0, 10.0), Anchor::Start, Ink::Strong, "Cores for the sensor");
        self.upper(canvas, upper, &x, &cores);
        let lower = Frame { left, right, top: UPPER_PX + 34.0, bottom: TOTAL_PX - 28.0 };
        canvas.label(
            (4.0, UPPER_PX + 12.0),
            Anchor::Start,
            Ink::Strong,
            "Table less need, in cores",
        );
        self.lower(canvas, lower, &x, &residuals);
        for rate in &rates {
            let label = format!("{}/s", number::rate(*rate));
            canvas.label((x.at(*rate), TOTAL_PX - 12.0), Anchor::Middle, Ink::Label, &label);
        }
    }

    fn upper(&self, canvas: &mut Canvas<'_>, frame: Frame, x: &Scale, ticks: &[f64]) {
        let y =
            Scale::linear((0.0, ticks.last().copied().unwrap_or(1.0)), (frame.bottom, frame.top));
        value_axis(canvas, frame, &y, ticks);
        let place = |points: Vec<Point>| -> Vec<Point> {
            points.into_iter().map(|(rate, cores)| (x.at(rate), y.at(cores))).collect()
        };
        let (low, high) = (place(self.need(|e| e.low)), place(self.need(|e| e.high)));
        if low.len() > 1 && high.len() > 1 {
            let mut outline = high;
            outline.extend(low.into_iter().rev());
            canvas.area(&outline, Ink::Envelope, 0.75);
        } else {
            // Only one end is known: it is a line of its own.
            for end in [low, high].iter().filter(|end| end.len() > 1) {
                canvas.line(end, Ink::Envelope, 2.0);
            }
        }
        let mean = place(self.need(|e| e.mean));
        if mean.len() > 1 {
            canvas.line(&mean, Ink::Line, 1.5);
        }
        for row in self.rows {
            let at = x.at(row.packets_per_second);
            let ink = if row.covered { Ink::Good } else { Ink::Bad };
            if let Some(predicted) = row.predicted_cores {
                // Beside the row, so that neither hides the other.
                let at = at + 5.0;
                if let Some((low, high)) = finite(predicted.low).zip(finite(predicted.high)) {
                    canvas.line(&[(at, y.at(low)), (at, y.at(high))], ink, 2.5);
                }
                if let Some(mean) = finite(predicted.mean) {
                    canvas.line(&[(at - 3.0, y.at(mean)), (at + 3.0, y.at(mean))], ink, 2.0);
                }
            }
            canvas.dot((at, y.at(row.table_cores)), 3.5, Ink::Busy);
        }
    }

    /// Round values around all residuals, 0 among them.
    fn residual_ticks(&self) -> Vec<f64> {
        let residuals = || self.rows.iter().filter_map(|row| finite(row.residual_cores));
        let highest = residuals().fold(0.1, f64::max);
        let lowest = residuals().fold(0.0, f64::min);
        let above = round_ticks(highest, 2);
        let step = above.get(1).copied().unwrap_or(1.0);
        let mut ticks: Vec<f64> = Vec::new();
        let mut below = 0.0;
        while below > lowest && ticks.len() < 8 {
            below -= step;
            ticks.insert(0, below);
        }
        ticks.extend(above);
        ticks
    }

    fn lower(&self, canvas: &mut Canvas<'_>, frame: Frame, x: &Scale, ticks: &[f64]) {
        let ends = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
        let y = Scale::linear(ends, (frame.bottom, frame.top));
        value_axis(canvas, frame, &y, ticks);
        canvas.line(&[(frame.left, y.at(0.0)), (frame.right, y.at(0.0))], Ink::Label, 1.0);
        for row in self.rows {
            let Some(residual) = finite(row.residual_cores) else { continue };
            let at = x.at(row.packets_per_second);
            canvas.line(&[(at, y.at(0.0)), (at, y.at(residual))], Ink::Line, 2.0);
            canvas.dot((at, y.at(residual)), 3.0, Ink::Line);
        }
    }
}

fn data(summary: &CalibrationSummary, key: &str) -> DataTable {
    let number = |value: Option<f64>| {
        finite(value).map_or(Cell::Unknown, |value| Cell::Number((value * 1e4).round() / 1e4))
    };
    let percent = |value: Option<f64>| number(value.map(|value| value * 100.0));
    let rows = summary.rows.iter().take(super::MAX_TABLE_ROWS).map(|row| {
        let predicted = row.predicted_cores;
        vec![
            Cell::Text(escape::label(&row.label)),
            number(Some(row.packets_per_second)),
            number(Some(row.table_cores)),
            number(row.needed_cores.mean),
            number(row.needed_cores.low),
            number(row.needed_cores.high),
            percent(row.utilisation.mean),
            number(row.residual_cores),
            number(predicted.and_then(|p| p.mean)),
            number(predicted.and_then(|p| p.low)),
            number(predicted.and_then(|p| p.high)),
            percent(row.probability_enough),
            covered(row).map_or(Cell::Unknown, |word| Cell::Text(word.into())),
        ]
    });
    DataTable {
        headings: headings(&[
            "Row",
            "Packets/s",
            "Cores in the table",
            "Cores needed",
            "From",
            "To",
            "Utilisation %",
            "Table less need",
            "Predicted without the row",
            "Predicted from",
            "Predicted to",
            "Probability that the table is enough %",
            "Covered",
        ]),
        rows: rows.collect(),
        note: "Intervals hold 95 % of what the table allows; where only one end is known, the \
               least or greatest possible value."
            .into(),
        file_name: format!("{key}.csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(mean: f64) -> Estimate {
        let around = |by: f64| Some(mean * by);
        Estimate { mean: Some(mean), median: Some(mean), low: around(0.9), high: around(1.1) }
    }

    fn row(label: &str, residual_cores: Option<f64>, covered: bool) -> CalibratedRow {
        CalibratedRow {
            label: label.into(),
            packets_per_second: 1_000.0,
            table_cores: 0.25,
            needed_cores: estimate(0.22),
            utilisation: estimate(0.88),
            residual_cores,
            predicted_cores: None,
            probability_enough: None,
            covered,
        }
    }

    #[test]
    fn ticks_hold_what_lies_below_zero() {
        let (above, below) = (row("a", Some(0.9), true), row("b", Some(-0.3), true));
        let job = |rows: &[&CalibratedRow]| Job { base: estimate(0.1), rows }.residual_ticks();
        assert_eq!(job(&[&above]), [0.0, 0.5, 1.0]);
        assert_eq!(job(&[&above, &below]), [-0.5, 0.0, 0.5, 1.0]);
        let endless = row("c", Some(-1e300), true);
        assert!(job(&[&endless]).len() < 16);
    }

    #[test]
    fn rows_that_are_not_covered_are_named() {
        let rows = [("0-1k", false), ("1k-5k", true)].map(|(label, covered)| CalibratedRow {
            probability_enough: Some(0.5),
            ..row(label, None, covered)
        });
        let text = description(&[&rows[0], &rows[1]]);
        assert!(
            text.contains("for 1 of 2 rows") && text.contains("weak points of the model: 0-1k"),
            "{text}"
        );
        assert!(!description(&[&rows[1]]).contains("Not covered"));
        // What the fit does not say is not against it.
        assert!(!description(&[&row("a", None, false)]).contains("ot covered"));
    }

    #[test]
    fn a_fit_that_knows_one_end_has_no_mean() {
        let only_high = Estimate { mean: None, median: None, low: None, high: Some(0.5) };
        let mut unknown = row("a", None, false);
        unknown.needed_cores = only_high;
        let job = Job { base: only_high, rows: &[&unknown] };
        assert!(job.need(|e| e.mean).is_empty());
        assert_eq!(job.need(|e| e.high), [(0.0, 0.5), (1_000.0, 0.5)]);
    }
}
