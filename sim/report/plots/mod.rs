//! One file per plot.

mod bursts;
mod calibration;
mod course;
mod headroom;
mod ladder;
pub mod latency;
mod mix;
mod probability;
mod timeline;

pub use bursts::{bursts, peaks};
pub use calibration::{calibration, covered};
pub use course::course;
pub use headroom::headroom;
pub use ladder::ladder;
pub use mix::{mix_bars, mix_over_time};
pub use probability::probability;
pub use timeline::timeline;

use crate::base::Timestamp;

use super::number;
use super::plot::{Anchor, CHAR_PX, Canvas, Ink, ROUND_MS, Scale, Size, time_ticks};

/// Most rows of a table below a plot: a day in steps of 5 minutes.
pub const MAX_TABLE_ROWS: usize = 288;

/// Some neighbouring samples taken together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Index of its first sample.
    pub first: usize,
    /// Samples with a good reading.
    pub good: usize,
    /// Their mean; `None` without a good one, like the other two.
    pub mean: Option<f64>,
    /// The lowest.
    pub lowest: Option<f64>,
    /// The highest.
    pub highest: Option<f64>,
}

/// `samples` in buckets of `per` each. What is not finite counts as no reading.
pub fn buckets(samples: &[Option<f64>], per: usize) -> Vec<Bucket> {
    let per = per.max(1);
    let chunks = samples.chunks(per).enumerate();
    chunks.map(|(index, chunk)| bucket(index * per, chunk)).collect()
}

fn bucket(first: usize, chunk: &[Option<f64>]) -> Bucket {
    let good = || chunk.iter().flatten().copied().filter(|value| value.is_finite());
    let count = good().count();
    let sum: f64 = good().sum();
    Bucket {
        first,
        good: count,
        mean: (count > 0 && sum.is_finite()).then(|| sum / count as f64),
        lowest: good().reduce(f64::min),
        highest: good().reduce(f64::max),
    }
}

/// Start of sample number `index`; saturates.
pub fn sample_time(start: Timestamp, interval_ms: u64, index: usize) -> Timestamp {
    let ns = (u128::from(interval_ms) * index as u128).saturating_mul(1_000_000);
    start.plus_nanos(i64::try_from(ns).unwrap_or(i64::MAX))
}

/// How many samples one table row takes so that `samples` fit, at a round length of time where
/// the interval allows.
fn samples_per_row(samples: usize, interval_ms: u64) -> usize {
    let least = samples.div_ceil(MAX_TABLE_ROWS).max(1);
    let interval_ms = interval_ms.max(1);
    let round = ROUND_MS.iter().filter(|ms| *ms % interval_ms == 0).map(|ms| ms / interval_ms);
    let mut fitting = round.filter_map(|per| usize::try_from(per).ok()).filter(|per| *per >= least);
    fitting.next().filter(|_| least > 1).unwrap_or(least)
}

/// Headings of a table.
fn headings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_string()).collect()
}

/// What stands above a table of averaged rows.
fn table_note(samples: usize, per: usize, interval_ms: u64) -> String {
    let all = number::count(samples as u64);
    if per <= 1 {
        return format!("All {all} samples of {}.", number::duration(interval_ms));
    }
    let length = number::duration(interval_ms.saturating_mul(per as u64));
    format!("Means over {length} ({per} samples each); all {all} samples are in report.json.")
}

/// The inside of a plot with axes.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Horizontal grid lines with their values at the left.
fn value_axis(canvas: &mut Canvas<'_>, frame: Frame, scale: &Scale, ticks: &[f64]) {
    for tick in ticks {
        let y = scale.at(*tick);
        canvas.line(&[(frame.left, y), (frame.right, y)], Ink::Grid, 0.5);
        canvas.label((frame.left - 8.0, y), Anchor::End, Ink::Label, &tick_label(*tick));
    }
}

/// A value at an axis: no needless decimals.
fn tick_label(value: f64) -> String {
    if value.fract() == 0.0 { number::fixed(value, 0) } else { number::amount(value) }
}

/// Left margin that holds the longest of `ticks`.
fn label_margin(ticks: &[f64]) -> f64 {
    let longest = ticks.iter().map(|tick| tick_label(*tick).chars().count()).max();
    longest.unwrap_or(1) as f64 * CHAR_PX + 14.0
}

/// Round UTC times below the plot, each date once.
fn time_axis(canvas: &mut Canvas<'_>, frame: Frame, size: Size, start: Timestamp, length_ms: f64) {
    let scale = Scale::linear((0.0, length_ms), (frame.left, frame.right));
    let most = if size.narrow { 4 } else { 9 };
    let mut date_free_from = f64::NEG_INFINITY;
    canvas.line(&[(frame.left, frame.bottom), (frame.right, frame.bottom)], Ink::Label, 0.5);
    for tick in time_ticks(start, length_ms, most) {
        let x = scale.at(tick.offset_ms);
        canvas.line(&[(x, frame.bottom), (x, frame.bottom + 4.0)], Ink::Label, 0.5);
        canvas.label((x, frame.bottom + 14.0), Anchor::Middle, Ink::Label, &tick.label);
        let Some(date) = tick.date else { continue };
        // Ten characters: half of them may not hang over either edge.
        let half = date.chars().count() as f64 * CHAR_PX / 2.0;
        let x = x.clamp(half, (size.width - half).max(half));
        if x - half > date_free_from {
            canvas.label((x, frame.bottom + 30.0), Anchor::Middle, Ink::Label, &date);
            date_free_from = x + half + 8.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_keep_the_extremes_and_skip_what_is_no_number() {
        let samples = [Some(1.0), None, Some(5.0), Some(f64::NAN), None];
        assert_eq!(
            buckets(&samples, 3),
            [
                Bucket {
                    first: 0,
                    good: 2,
                    mean: Some(3.0),
                    lowest: Some(1.0),
                    highest: Some(5.0)
                },
                Bucket { first: 3, good: 0, mean: None, lowest: None, highest: None },
            ]
        );
    }

    #[test]
    fn a_day_of_samples_becomes_288_rows_of_5_minutes() {
        assert_eq!(samples_per_row(17_280, 5_000), 60);
        assert_eq!(samples_per_row(100, 5_000), 1);
        // A week: 42 min at least, so an hour.
        assert_eq!(samples_per_row(7 * 17_280, 5_000), 720);
        assert_eq!(samples_per_row(1_000, 0), 5);
    }

    #[test]
    fn far_samples_saturate() {
        let far = sample_time(Timestamp::from_nanos(i64::MAX - 1), u64::MAX, usize::MAX);
        assert_eq!(far, Timestamp::from_nanos(i64::MAX));
    }
}
