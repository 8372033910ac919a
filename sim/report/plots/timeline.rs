//! Packets per second over time, the busy window shaded, the capacity table's bands behind.

use crate::record::{CapacityTable, Sized, Timeline};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, Scale, Size, draw, round_ticks,
};
use super::super::{ReportError, escape, number};
use super::{
    Bucket, Frame, buckets, headings, label_margin, sample_time, samples_per_row, table_note,
    time_axis, value_axis,
};

const TITLE: &str = "Packets per second over time";

/// Room right of the plot for the label of a band; the longest is `75k-100k: 7.5 cores, 13.5 GB`.
const BAND_LABEL_PX: f64 = 206.0;

/// The plot of one domain controller; `key` is unique in the page.
pub fn timeline(sized: &Sized, table: &CapacityTable, key: &str) -> Result<Figure, ReportError> {
    let Some(line) = sized.dc.timeline.as_ref() else {
        let why = if sized.dc.reported.is_some() {
            "The input holds only results, not the samples behind them, so there is no line to draw."
        } else {
            "There is no traffic data over time, so there is no line to draw."
        };
        return Ok(Figure::absent(TITLE, why));
    };
    let highest = line.packets_per_second.iter().flatten().copied().filter(|v| v.is_finite());
    let Some(highest) = highest.reduce(f64::max) else {
        return Ok(Figure::absent(
            TITLE,
            "No sample has a good reading, so there is no line to draw.",
        ));
    };
    let job = Job { sized, line, table, highest };
    let description = job.description();
    let wide = draw(TITLE, &format!("{key}-w"), &description, Size::wide(300.0), |canvas| {
        job.paint(canvas, Size::wide(300.0));
    })?;
    let narrow = draw(TITLE, &format!("{key}-n"), &description, Size::narrow(250.0), |canvas| {
        job.paint(canvas, Size::narrow(250.0));
    })?;
    Ok(Figure {
        title: TITLE,
        caption: job.caption(),
        legend: job.legend(),
        wide,
        narrow,
        data: Some(data(line, key)),
    })
}

/// What is painted.
struct Job<'a> {
    sized: &'a Sized,
    line: &'a Timeline,
    table: &'a CapacityTable,
    highest: f64,
}

impl Job<'_> {
    /// Whole samples, in milliseconds.
    fn length_ms(&self) -> f64 {
        (self.line.interval_ms.max(1) as f64) * self.line.packets_per_second.len().max(1) as f64
    }

    fn description(&self) -> String {
        let load = &self.sized.load;
        let end = sample_time(
            self.line.start_utc,
            self.line.interval_ms,
            self.line.packets_per_second.len(),
        );
        let busy = load.busy.map_or_else(String::new, |busy| {
            format!(
                " The busy window is {} at {} packets per second.",
                number::span(busy.start_utc, busy.end_utc),
                number::rate(busy.packets_per_second)
            )
        });
        format!(
            "Line of packets per second from {}.{busy} The average is {}, the highest sample {}.",
            number::span(self.line.start_utc, end),
            number::optional_rate(load.average_packets_per_second),
            number::rate(self.highest),
        )
    }

    fn caption(&self) -> String {
        let interval = number::duration(self.line.interval_ms);
        let samples = number::count(self.line.packets_per_second.len() as u64);
        let title = escape::sentence(&self.table.title);
        format!(
            "{samples} samples of {interval}, times in UTC. Shaded rows behind the line: {title}."
        )
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let load = &self.sized.load;
        let mut legend = vec![LegendEntry::line(Ink::Line, "mean")];
        if self.line.packets_per_second.len() > 280 {
            legend.push(LegendEntry::area(Ink::Envelope, "lowest to highest sample"));
        }
        if let Some(busy) = load.busy {
            let rate = number::rate(busy.packets_per_second);
            legend.push(LegendEntry::area(Ink::Busy, format!("busy window, {rate}/s")));
        }
        if let Some(average) = load.average_packets_per_second {
            legend.push(LegendEntry::line(
                Ink::Mean,
                format!("average, {}/s", number::rate(average)),
            ));
        }
        legend
    }

    fn paint(&self, canvas: &mut Canvas<'_>, size: Size) {
        let ticks = round_ticks(self.highest * 1.02, if size.narrow { 4 } else { 5 });
        let top_value = ticks.last().copied().unwrap_or(1.0);
        let frame = Frame {
            left: label_margin(&ticks),
            right: size.width - if size.narrow { 24.0 } else { BAND_LABEL_PX },
            top: 10.0,
            bottom: size.height - 40.0,
        };
        let y = Scale::linear((0.0, top_value), (frame.bottom, frame.top));
        self.bands(canvas, frame, &y, top_value, size);
        value_axis(canvas, frame, &y, &ticks);
        let x = Scale::linear((0.0, self.length_ms()), (frame.left, frame.right));
        self.busy(canvas, frame, &x);
        self.samples(canvas, frame, &x, &y);
        if let Some(average) = self.sized.load.average_packets_per_second {
            let level = y.at(average);
            canvas.line(&[(frame.left, level), (frame.right, level)], Ink::Mean, 1.0);
        }
        self.busy_level(canvas, &x, &y);
        time_axis(canvas, frame, size, self.line.start_utc, self.length_ms());
    }

    /// The rows of the capacity table as far as they are in sight.
    fn bands(&self, canvas: &mut Canvas<'_>, frame: Frame, y: &Scale, top_value: f64, size: Size) {
        let in_force = self.sized.verdict.row.as_ref().map(|row| row.from_packets_per_second);
        for (index, row) in self.table.rows.iter().take(64).enumerate() {
            if row.from_packets_per_second >= top_value {
                break;
            }
            let (low, high) = (y.at(row.from_packets_per_second), y.at(row.to_packets_per_second));
            if index % 2 == 1 {
                canvas.rectangle((frame.left, high), (frame.right, low), Ink::Band, 1.0);
            }
            if low - high < 16.0 {
                continue;
            }
            let current = in_force == Some(row.from_packets_per_second);
            let ink = if current { Ink::Strong } else { Ink::Label };
            let label = escape::visible(&row.label, 16);
            if size.narrow {
                canvas.label((frame.right - 4.0, high + 10.0), Anchor::End, ink, &label);
            } else {
                let cores = number::amount_of(Some(row.cores), "cores");
                let memory = number::amount_of(Some(row.memory_gb), "GB");
                let words = format!("{label}: {cores}, {memory}");
                canvas.label(
                    (frame.right + 8.0, f64::midpoint(low, high)),
                    Anchor::Start,
                    ink,
                    &words,
                );
            }
        }
    }

    /// Start and end of the busy window in milliseconds from the start.
    fn busy_ms(&self) -> Option<(f64, f64, f64)> {
        let busy = self.sized.load.busy?;
        let offset = |at: crate::base::Timestamp| at.since(self.line.start_utc) as f64 / 1e6;
        Some((offset(busy.start_utc), offset(busy.end_utc), busy.packets_per_second))
    }

    fn busy(&self, canvas: &mut Canvas<'_>, frame: Frame, x: &Scale) {
        if let Some((start, end, _)) = self.busy_ms() {
            let (from, to) = at_least_wide(x.at(start), x.at(end), frame);
            canvas.rectangle((from, frame.top), (to, frame.bottom), Ink::Busy, 0.22);
        }
    }

    fn busy_level(&self, canvas: &mut Canvas<'_>, x: &Scale, y: &Scale) {
        if let Some((start, end, rate)) = self.busy_ms() {
            canvas.line(&[(x.at(start), y.at(rate)), (x.at(end), y.at(rate))], Ink::Busy, 2.0);
        }
    }

    /// The envelope and the mean, at most one bucket per pixel column, broken at gaps.
    fn samples(&self, canvas: &mut Canvas<'_>, frame: Frame, x: &Scale, y: &Scale) {
        let samples = &self.line.packets_per_second;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "plots are below 1000 px wide"
        )]
        let columns = (frame.right - frame.left).max(1.0) as usize;
        let per = samples.len().div_ceil(columns).max(1);
        let interval = self.line.interval_ms.max(1) as f64;
        let middle = |bucket: &Bucket| {
            let length = per.min(samples.len() - bucket.first.min(samples.len()));
            x.at((bucket.first as f64 + length as f64 / 2.0) * interval)
        };
        for run in buckets(samples, per).chunk_by(|a, b| a.mean.is_some() == b.mean.is_some()) {
            let points = |value: fn(&Bucket) -> Option<f64>| -> Vec<Point> {
                run.iter().filter_map(|b| Some((middle(b), y.at(value(b)?)))).collect()
            };
            let mean = points(|b| b.mean);
            if let [only] = mean.as_slice() {
                canvas.dot(*only, 1.5, Ink::Line);
                continue;
            }
            if mean.is_empty() {
                continue;
            }
            if per > 1 {
                let mut outline = points(|b| b.highest);
                outline.extend(points(|b| b.lowest).into_iter().rev());
                canvas.area(&outline, Ink::Envelope, 0.75);
            }
            canvas.line(&mean, Ink::Line, 1.0);
        }
    }
}

/// A span of at least 3 px inside the frame, so that 15 minutes in a week are still seen.
fn at_least_wide(from: f64, to: f64, frame: Frame) -> (f64, f64) {
    if to - from >= 3.0 {
        return (from, to);
    }
    let from = (from - 1.0).clamp(frame.left, frame.right - 3.0);
    (from, from + 3.0)
}

fn data(line: &Timeline, key: &str) -> DataTable {
    let samples = line.packets_per_second.len();
    let per = samples_per_row(samples, line.interval_ms);
    let number = |value: Option<f64>| value.map_or(Cell::Unknown, Cell::Number);
    let rows = buckets(&line.packets_per_second, per).into_iter().map(|bucket| {
        vec![
            Cell::Time(sample_time(line.start_utc, line.interval_ms, bucket.first)),
            number(bucket.mean),
            number(bucket.lowest),
            number(bucket.highest),
            Cell::Number(bucket.good as f64),
        ]
    });
    DataTable {
        headings: headings(&[
            "Start UTC",
            "Mean packets/s",
            "Lowest sample",
            "Highest sample",
            "Good samples",
        ]),
        rows: rows.collect(),
        note: table_note(samples, per, line.interval_ms),
        file_name: format!("{key}.csv"),
    }
}
