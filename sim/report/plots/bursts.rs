//! How much higher the traffic rises in short windows: peak packets per second from 1 ms to
//! 15 min, both axes logarithmic.

use crate::record::{Peak, Sized};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, Scale, Size, draw,
};
use super::super::{ReportError, number};
use super::{Frame, headings, label_margin, value_axis};

const TITLE: &str = "Bursts";

/// Most peaks that are drawn: the record has seven window lengths.
const MAX_PEAKS: usize = 12;

/// The peaks of one domain controller, shortest window first, each window once.
pub fn peaks(sized: &Sized) -> Vec<Peak> {
    let mut peaks: Vec<Peak> = sized
        .load
        .peaks
        .iter()
        .chain(&sized.dc.sub_sample_peaks)
        .copied()
        .filter(|peak| peak.packets_per_second.is_finite() && peak.packets_per_second > 0.0)
        .filter(|peak| peak.window_ms > 0)
        .collect();
    peaks.sort_by_key(|peak| peak.window_ms);
    peaks.dedup_by_key(|peak| peak.window_ms);
    peaks.truncate(MAX_PEAKS);
    peaks
}

/// The plot of one domain controller; `key` is unique in the page.
pub fn bursts(sized: &Sized, key: &str) -> Result<Figure, ReportError> {
    let peaks = peaks(sized);
    let (Some(shortest), Some(longest)) = (peaks.first(), peaks.last()) else {
        return Ok(Figure::absent(TITLE, "The input has no samples to find bursts in."));
    };
    let mean = sized.load.average_packets_per_second.filter(|mean| mean.is_finite() && *mean > 0.0);
    let description = format!(
        "Highest packets per second by window length, from {} in {} down to {} in {}.{}",
        number::rate(shortest.packets_per_second),
        number::duration(shortest.window_ms),
        number::rate(longest.packets_per_second),
        number::duration(longest.window_ms),
        mean.map_or_else(String::new, |mean| format!(" The average is {}.", number::rate(mean))),
    );
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(TITLE, &id, &description, size, |canvas| panel(canvas, size, &peaks, mean))
    };
    let mut caption = "Highest mean rate inside a window of each length, and how many times the \
                       average that is. Both axes are logarithmic."
        .to_string();
    if shortest.window_ms < 1_000 {
        caption.push_str(
            " Windows of a second and less lie on a fixed grid: a burst across the edge of two \
             can be up to twice as high.",
        );
    } else {
        caption.push_str(" Counters do not see what happens inside one sample: shorter bursts need a packet capture.");
    }
    let mut legend = vec![LegendEntry::line(Ink::Line, "highest mean in a window")];
    if let Some(mean) = mean {
        legend.push(LegendEntry::line(Ink::Mean, format!("average, {}/s", number::rate(mean))));
    }
    Ok(Figure {
        title: TITLE,
        caption,
        legend,
        wide: paint(Size::wide(240.0))?,
        narrow: paint(Size::narrow(240.0))?,
        data: Some(data(&peaks, mean, key)),
    })
}

fn panel(canvas: &mut Canvas<'_>, size: Size, peaks: &[Peak], mean: Option<f64>) {
    let values = || peaks.iter().map(|peak| peak.packets_per_second).chain(mean);
    let lowest = values().fold(f64::INFINITY, f64::min);
    let highest = values().fold(0.0, f64::max);
    let ticks = powers_of_ten(lowest, highest);
    let (Some(from), Some(to)) = (ticks.first(), ticks.last()) else { return };
    let frame = Frame {
        left: label_margin(&ticks),
        right: size.width - if size.narrow { 24.0 } else { 44.0 },
        top: 34.0,
        bottom: size.height - 26.0,
    };
    let y = Scale::logarithmic((*from, *to), (frame.bottom, frame.top));
    value_axis(canvas, frame, &y, &ticks);
    if let Some(mean) = mean {
        canvas.line(&[(frame.left, y.at(mean)), (frame.right, y.at(mean))], Ink::Mean, 1.0);
    }
    let windows = || peaks.iter().map(|peak| peak.window_ms as f64);
    let inset = if size.narrow { 14.0 } else { 36.0 };
    let first = windows().fold(f64::INFINITY, f64::min);
    let last = windows().fold(first * 10.0, f64::max);
    let x = Scale::logarithmic((first, last), (frame.left + inset, frame.right));
    let points: Vec<Point> =
        peaks.iter().map(|p| (x.at(p.window_ms as f64), y.at(p.packets_per_second))).collect();
    canvas.line(&points, Ink::Line, 1.5);
    let mut taken_to = f64::NEG_INFINITY;
    for (peak, at) in peaks.iter().zip(&points) {
        canvas.line(&[(at.0, frame.bottom), (at.0, frame.bottom + 4.0)], Ink::Label, 0.5);
        let window = short_window(peak.window_ms, size.narrow);
        canvas.label((at.0, frame.bottom + 14.0), Anchor::Middle, Ink::Label, &window);
        canvas.dot(*at, 3.5, Ink::Line);
        let below = size.narrow && at.0 - taken_to < 34.0;
        taken_to = if below { f64::NEG_INFINITY } else { at.0 };
        point_label(canvas, *at, size, peak, mean, below);
    }
}

/// Rate and ratio at a point; on a narrow page only the ratio, below the point where the label
/// before it is too near.
fn point_label(
    canvas: &mut Canvas<'_>,
    at: Point,
    size: Size,
    peak: &Peak,
    mean: Option<f64>,
    below: bool,
) {
    let rate = number::rate(peak.packets_per_second);
    let times = mean.map(|mean| times(peak.packets_per_second / mean));
    let mut say = |dy: f64, ink, text: &str| {
        canvas.label((at.0, at.1 + dy), Anchor::Middle, ink, text);
    };
    match times {
        Some(times) if size.narrow => say(if below { 14.0 } else { -13.0 }, Ink::Label, &times),
        Some(times) => {
            say(-27.0, Ink::Strong, &rate);
            say(-13.0, Ink::Label, &times);
        }
        None => say(if below { 14.0 } else { -13.0 }, Ink::Strong, &rate),
    }
}

/// A ratio, short enough to stand beside its neighbours.
fn times(ratio: f64) -> String {
    if ratio >= 10.0 {
        format!("{}×", number::fixed(ratio, 0))
    } else {
        format!("{}×", number::fixed(ratio, 1))
    }
}

/// The length of a window; without a space where room is short.
fn short_window(ms: u64, narrow: bool) -> String {
    match (narrow, ms) {
        (false, _) => number::duration(ms),
        (true, 100..1_000) => format!("{}s", number::amount(ms as f64 / 1000.0)),
        (true, _) => number::duration(ms).replace(" min", "m").replace(' ', ""),
    }
}

/// Powers of ten that enclose both values, at least two.
fn powers_of_ten(lowest: f64, highest: f64) -> Vec<f64> {
    if !(lowest.is_finite() && lowest > 0.0 && highest.is_finite()) {
        return Vec::new();
    }
    let from = lowest.log10().floor().max(-3.0);
    let to = highest.log10().ceil().max(from + 1.0);
    let mut ticks = Vec::new();
    let mut power = from;
    // A step of more than one power where a hostile record spans more than ten.
    let step = ((to - from) / 8.0).ceil().max(1.0);
    while power < to + step && ticks.len() < 16 {
        ticks.push(10f64.powf(power));
        power += step;
    }
    ticks
}

fn data(peaks: &[Peak], mean: Option<f64>, key: &str) -> DataTable {
    let rows = peaks.iter().map(|peak| {
        let ratio = mean.map(|mean| peak.packets_per_second / mean);
        vec![
            Cell::Text(number::duration(peak.window_ms)),
            Cell::Number(peak.packets_per_second),
            ratio.map_or(Cell::Unknown, |ratio| Cell::Number((ratio * 100.0).round() / 100.0)),
            Cell::Time(peak.start_utc),
        ]
    });
    DataTable {
        headings: headings(&["Window", "Peak packets/s", "Times the average", "Window start UTC"]),
        rows: rows.collect(),
        note: "The fullest window of each length.".into(),
        file_name: format!("{key}.csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_encloses_its_values_in_powers_of_ten() {
        assert_eq!(powers_of_ten(150.0, 48_000.0), [100.0, 1000.0, 10_000.0, 100_000.0]);
        assert_eq!(powers_of_ten(5.0, 5.0), [1.0, 10.0]);
        assert!(powers_of_ten(0.0, 5.0).is_empty());
        assert!(powers_of_ten(1e-300, 1e300).len() <= 16);
    }
}
