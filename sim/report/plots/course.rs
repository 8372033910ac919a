//! The course of one run over the whole input: loss, utilisation and the cores that the sensor
//! was allowed, one above the other on the same time axis.

use crate::record::{SimulatedInterval, SimulatedSize};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, Scale, Size, draw, round_ticks,
};
use super::super::{ReportError, number, virtual_words};
use super::{Frame, ROUND_MS, headings, time_axis, value_axis};

const TITLE: &str = "Over time: packets lost, cores in use, cores left for the sensor";

/// Most rows of the table below it, a day in steps of 15 minutes: it has many columns.
const MAX_ROWS: usize = 96;

/// Pixels that one step of a line takes: three panels of single pixels are half a page's bytes.
const STEP_PX: f64 = 2.0;

/// Height of one panel with its name, in CSS pixels.
const PANEL_PX: f64 = 122.0;

/// The plot of one domain controller; `key` is unique in the page.
pub fn course(course: &SimulatedSize, key: &str) -> Result<Figure, ReportError> {
    let (Some(first), Some(second)) = (course.intervals.first(), course.intervals.get(1)) else {
        let why = "The input is shorter than two minutes, so there is nothing to draw over time.";
        return Ok(Figure::absent(TITLE, why));
    };
    let interval_ms = second.start_utc.since(first.start_utc) as f64 / 1e6;
    if interval_ms < 1.0 {
        return Ok(Figure::absent(TITLE, "The steps in time have no length."));
    }
    let job = Job { course, first, interval_ms };
    let description = job.description();
    let height = 3.0 * PANEL_PX + 36.0;
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(TITLE, &id, &description, size, |canvas| job.paint(canvas, size))
    };
    let mut legend = vec![
        LegendEntry::line(Ink::Line, "mean"),
        LegendEntry::area(Ink::Envelope, "lowest to highest step"),
    ];
    if course.longest_loss.is_some() {
        legend.push(LegendEntry::area(Ink::Busy, "longest time with losses"));
    }
    Ok(Figure {
        title: TITLE,
        caption: format!(
            "{description} It is one run over the whole input with average costs, of a sensor with \
             at most {}, in steps of {}, times in UTC. Cores in use are counted against what the \
             sensor may use: its size, or what the server leaves over, whichever is less.",
            virtual_words::size(&course.size),
            number::duration(whole_ms(interval_ms)),
        ),
        legend,
        wide: paint(Size::wide(height))?,
        narrow: paint(Size::narrow(height))?,
        data: Some(job.data(key)),
    })
}

fn whole_ms(ms: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let whole = ms.round() as u64;
    whole
}

struct Job<'a> {
    course: &'a SimulatedSize,
    first: &'a SimulatedInterval,
    interval_ms: f64,
}

/// A figure of some neighbouring intervals.
#[derive(Clone, Copy)]
struct Level {
    mean: f64,
    lowest: f64,
    highest: f64,
}

/// Mean and extremes of one figure; `None` without a finite one.
fn level(intervals: &[SimulatedInterval], figure: fn(&SimulatedInterval) -> f64) -> Option<Level> {
    let values = || intervals.iter().map(figure).filter(|value| value.is_finite());
    let count = values().count();
    (count > 0).then(|| Level {
        mean: values().sum::<f64>() / count as f64,
        lowest: values().fold(f64::INFINITY, f64::min),
        highest: values().fold(f64::NEG_INFINITY, f64::max),
    })
}

/// Loss of neighbouring intervals together: of their packets, not the mean of their shares.
fn loss(intervals: &[SimulatedInterval]) -> Option<Level> {
    let shares = level(intervals, SimulatedInterval::loss_ratio)?;
    let offered: f64 = intervals.iter().map(|row| row.offered_packets as f64).sum();
    let lost: f64 = intervals.iter().map(|row| row.lost_packets as f64).sum();
    Some(Level { mean: if offered > 0.0 { lost / offered } else { 0.0 }, ..shares })
}

/// One panel: its name, the figure, what it is multiplied with, and its least upper end.
struct Panel {
    name: &'static str,
    figure: fn(&[SimulatedInterval]) -> Option<Level>,
    factor: f64,
    least_top: f64,
}

const PANELS: [Panel; 3] = [
    Panel { name: "Packets lost, %", figure: loss, factor: 100.0, least_top: 0.1 },
    Panel {
        name: "Cores in use, %",
        figure: |rows| level(rows, |row| row.utilisation),
        factor: 100.0,
        least_top: 100.0,
    },
    Panel {
        name: "Cores left for the sensor",
        figure: |rows| level(rows, |row| row.allowed_cores),
        factor: 1.0,
        least_top: 0.5,
    },
];

impl Job<'_> {
    fn length_ms(&self) -> f64 {
        self.interval_ms * self.course.intervals.len() as f64
    }

    fn description(&self) -> String {
        let course = self.course;
        let stretch = course.longest_loss.map_or_else(
            || " No packet was lost.".to_string(),
            |stretch| {
                format!(
                    " The longest time with losses is {}, with {} lost.",
                    number::span(stretch.start_utc, stretch.end_utc),
                    super::super::labels::plural(stretch.lost_packets, "packet", "packets")
                )
            },
        );
        let stops = match course.restart_count {
            0 => String::new(),
            count => format!(
                " The sensor stopped at its memory limit {} and was down for {}.",
                super::super::labels::plural(count, "time", "times"),
                number::duration(course.downtime_ms)
            ),
        };
        format!(
            "{} of {} packets are lost, {}. At most {} of the cores that the sensor may use are in \
             use in one step.{stretch}{stops}",
            number::count(course.lost_packets),
            number::count(course.offered_packets),
            number::percent(course.loss_ratio()),
            number::percent(course.peak_utilisation),
        )
    }

    fn paint(&self, canvas: &mut Canvas<'_>, size: Size) {
        let right = size.width - if size.narrow { 24.0 } else { 30.0 };
        for (index, panel) in PANELS.iter().enumerate() {
            let top = index as f64 * PANEL_PX;
            let frame = Frame { left: 56.0, right, top: top + 26.0, bottom: top + PANEL_PX - 8.0 };
            canvas.label((frame.left, top + 12.0), Anchor::Start, Ink::Strong, panel.name);
            self.panel(canvas, frame, panel);
            if index + 1 == PANELS.len() {
                time_axis(canvas, frame, size, self.first.start_utc, self.length_ms());
            }
        }
    }

    fn panel(&self, canvas: &mut Canvas<'_>, frame: Frame, panel: &Panel) {
        let rows = &self.course.intervals;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "plots are below 1000 px wide"
        )]
        let columns = ((frame.right - frame.left) / STEP_PX).max(1.0) as usize;
        let per = rows.len().div_ceil(columns).max(1);
        let levels: Vec<(f64, Level)> = rows
            .chunks(per)
            .enumerate()
            .filter_map(|(index, chunk)| {
                let middle = (index * per) as f64 + chunk.len() as f64 / 2.0;
                Some((middle * self.interval_ms, (panel.figure)(chunk)?))
            })
            .collect();
        let highest = levels.iter().map(|(_, level)| level.highest * panel.factor);
        let highest = highest.fold(panel.least_top, f64::max);
        let ticks = round_ticks(highest, 3);
        let top = ticks.last().copied().unwrap_or(1.0);
        let y = Scale::linear((0.0, top), (frame.bottom, frame.top));
        let x = Scale::linear((0.0, self.length_ms()), (frame.left, frame.right));
        value_axis(canvas, frame, &y, &ticks);
        if let Some(stretch) = self.course.longest_loss {
            let offset = |at: crate::base::Timestamp| at.since(self.first.start_utc) as f64 / 1e6;
            let from = x.at(offset(stretch.start_utc));
            let to = x.at(offset(stretch.end_utc)).max(from + 2.0);
            canvas.rectangle((from, frame.top), (to, frame.bottom), Ink::Busy, 0.18);
        }
        let points = |value: fn(&Level) -> f64| -> Vec<Point> {
            let all = levels.iter();
            all.map(|(at, level)| (x.at(*at), y.at(value(level) * panel.factor))).collect()
        };
        let mut outline = points(|level| level.highest);
        outline.extend(points(|level| level.lowest).into_iter().rev());
        if per > 1 && !outline.is_empty() {
            canvas.area(&outline, Ink::Envelope, 0.75);
        }
        canvas.line(&points(|level| level.mean), Ink::Line, 1.5);
    }

    fn data(&self, key: &str) -> DataTable {
        let rows = &self.course.intervals;
        let least = rows.len().div_ceil(MAX_ROWS).max(1);
        let round = ROUND_MS.iter().map(|ms| *ms as f64 / self.interval_ms);
        let round = round.filter(|per| per.fract() == 0.0 && *per >= least as f64).map(whole_ms);
        let fitting = round.filter_map(|per| usize::try_from(per).ok()).find(|_| least > 1);
        let per = fitting.unwrap_or(least);
        let table = rows.chunks(per).filter_map(|chunk| {
            let percent = |found: Option<Level>, value: fn(&Level) -> f64| {
                found.map_or(Cell::Unknown, |level| Cell::Number(value(&level) * 100.0))
            };
            let used = level(chunk, |row| row.utilisation);
            let cores = level(chunk, |row| row.allowed_cores);
            let waits = level(chunk, |row| row.mean_wait_ms);
            let buffered = level(chunk, |row| row.queue_bytes_max as f64);
            let queued = level(chunk, |row| row.queued_entries_max);
            let memory = level(chunk, |row| row.memory_gb);
            let number = |found: Option<f64>| found.map_or(Cell::Unknown, Cell::Number);
            Some(vec![
                Cell::Time(chunk.first()?.start_utc),
                Cell::Number(chunk.iter().map(|row| row.offered_packets as f64).sum()),
                Cell::Number(chunk.iter().map(|row| row.lost_packets as f64).sum()),
                percent(loss(chunk), |level| level.mean),
                percent(used, |level| level.mean),
                percent(used, |level| level.highest),
                number(cores.map(|level| level.mean)),
                number(waits.map(|level| level.highest)),
                number(buffered.map(|level| level.highest)),
                number(queued.map(|level| level.highest)),
                number(memory.map(|level| level.highest)),
            ])
        });
        let length = number::duration(whole_ms(self.interval_ms * per as f64));
        DataTable {
            headings: headings(&[
                "Start UTC",
                "Packets offered",
                "Packets lost",
                "Lost %",
                "Cores in use %",
                "Most cores in use %",
                "Cores left for the sensor",
                "Longest mean wait ms",
                "Most bytes in a buffer",
                "Most entries waiting behind it",
                "Memory GB",
            ]),
            rows: table.collect(),
            note: format!(
                "Rows of {length} ({}); report.json has every step.",
                super::super::labels::plural(per as u64, "step", "steps each"),
            ),
            file_name: format!("{key}.csv"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(offered_packets: u64, lost_packets: u64) -> SimulatedInterval {
        SimulatedInterval {
            start_utc: crate::base::Timestamp::default(),
            offered_packets,
            lost_packets,
            utilisation: 0.5,
            busiest_shard: 0.5,
            allowed_cores: 2.0,
            mean_wait_ms: 0.1,
            queue_bytes_max: 0,
            queued_entries_max: 0.0,
            memory_gb: 6.0,
        }
    }

    #[test]
    fn loss_together_is_that_of_the_packets() {
        let found = loss(&[interval(900, 0), interval(100, 50)]).unwrap();
        assert_eq!((found.mean, found.lowest, found.highest), (0.05, 0.0, 0.5));
        assert!(loss(&[]).is_none());
        assert_eq!(loss(&[interval(0, 0)]).unwrap().mean, 0.0);
    }
}
