//! Delay by percentile, on an axis where each nine takes the same room.

use crate::record::{Latency, Measurement, Spread};

use super::super::plot::{Anchor, Canvas, Ink, Scale, Size, draw};
use super::super::{ReportError, number};

const TITLE: &str = "Delay by percentile";

/// Room for labels: left, right, above, below; in CSS pixels.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 14.0;
const BELOW: f64 = 44.0;

/// Nines on the axis: to 99.9999 %.
const NINES: f64 = 6.0;

/// A drawing of the delay from scheduled arrival at all loads, complete as a file.
///
/// # Errors
/// Where the drawing library refuses.
pub fn latency(measurement: &Measurement) -> Result<Vec<u8>, ReportError> {
    let list = &measurement.latency;
    let highest = list.iter().map(|latency| latency.sojourn_ns.quantiles.max).max();
    let lowest = list.iter().filter_map(|latency| latency.sojourn_ns.curve.first()).min();
    let (Some(highest), Some(&lowest)) = (highest, lowest) else {
        return drawing("No load was carried, so no delay was measured.", |_, _| ());
    };
    let description = format!(
        "Delay from scheduled arrival to the end of the batch, {} in the worst case.",
        words(highest)
    );
    let y = decades(lowest.max(1), highest.max(2));
    drawing(&description, |canvas, size| {
        axes(canvas, size, &y);
        for (rank, latency) in list.iter().enumerate() {
            curve(canvas, size, &y, rank, latency);
        }
    })
}

fn drawing(
    description: &str,
    paint: impl FnOnce(&mut Canvas<'_>, Size),
) -> Result<Vec<u8>, ReportError> {
    let size = Size::wide(380.0);
    let svg = draw(TITLE, "latency", description, size, |canvas| {
        canvas.rectangle((0.0, 0.0), (size.width, size.height), Ink::Paper, 1.0);
        paint(canvas, size);
    })?;
    Ok((svg + "\n").into_bytes())
}

/// Whole powers of ten around the values, in nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "a scale for the eye")]
fn decades(lowest: u64, highest: u64) -> (f64, f64) {
    let from = 10f64.powf((lowest as f64).log10().floor());
    (from, 10f64.powf((highest as f64).log10().ceil()).max(from * 10.0))
}

fn x_scale(size: Size) -> Scale {
    Scale::linear((0.0, NINES), (LEFT, size.width - RIGHT))
}

fn y_scale(size: Size, y: &(f64, f64)) -> Scale {
    Scale::logarithmic(*y, (size.height - BELOW, TOP))
}

fn axes(canvas: &mut Canvas<'_>, size: Size, range: &(f64, f64)) {
    let (x, y) = (x_scale(size), y_scale(size, range));
    for nines in 0..=6u32 {
        let at = x.at(f64::from(nines));
        canvas.line(&[(at, TOP), (at, size.height - BELOW)], Ink::Grid, 1.0);
        let label = match nines {
            0 => "0 %".to_owned(),
            1 => "90 %".to_owned(),
            2 => "99 %".to_owned(),
            more => format!("99.{} %", "9".repeat(more as usize - 2)),
        };
        canvas.label((at, size.height - BELOW + 14.0), Anchor::Middle, Ink::Label, &label);
    }
    let title = "percentile of packets";
    let middle = f64::midpoint(x.at(0.0), x.at(NINES));
    canvas.label((middle, size.height - 10.0), Anchor::Middle, Ink::Label, title);
    let mut value = range.0;
    while value <= range.1 * 1.001 {
        let at = y.at(value);
        canvas.line(&[(LEFT, at), (size.width - RIGHT, at)], Ink::Grid, 1.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
        canvas.label((LEFT - 6.0, at), Anchor::End, Ink::Label, &words(value as u64));
        value *= 10.0;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a drawing")]
fn curve(canvas: &mut Canvas<'_>, size: Size, range: &(f64, f64), rank: usize, latency: &Latency) {
    let (x, y) = (x_scale(size), y_scale(size, range));
    let spread = &latency.sojourn_ns;
    let nines = |level: f64| (-(1.0 - level).log10()).min(NINES);
    // Beyond the last packet there is nothing to see.
    let most = (spread.quantiles.count.max(1) as f64).log10();
    let levels = Spread::levels().map(nines).zip(&spread.curve);
    let points: Vec<_> = levels
        .filter(|(nines, _)| *nines <= most + 0.25)
        .map(|(nines, &value)| (x.at(nines), y.at((value as f64).max(range.0))))
        .collect();
    let ink = Ink::Series(rank);
    canvas.line(&points, ink, 2.0);
    let place = TOP + 14.0 + 18.0 * rank as f64;
    let left = size.width - RIGHT + 12.0;
    canvas.line(&[(left, place), (left + 16.0, place)], ink, 3.0);
    let label =
        format!("{} = {}/s", number::percent(latency.share), number::rate(latency.trial.load_pps));
    canvas.label((left + 20.0, place), Anchor::Start, Ink::Label, &label);
}

/// A length of time in nanoseconds, for people.
#[expect(clippy::cast_precision_loss, reason = "three digits")]
pub fn words(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => (ns as f64, "ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let decimals = if value >= 100.0 || unit == "ns" { 0 } else { 1 };
    format!("{} {unit}", number::fixed(value, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(words(950), "950 ns");
        assert_eq!(words(1_500), "1.5 µs");
        assert_eq!(words(250_000_000), "250 ms");
    }

    #[test]
    fn ranges_are_whole_decades() {
        assert_eq!(decades(150, 9_000), (100.0, 10_000.0));
        assert_eq!(decades(100, 100), (100.0, 1_000.0));
    }
}
