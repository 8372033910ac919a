//! Which protocols the traffic consists of: in all, and over time.

use crate::record::{DomainController, ProtocolCount, Timeline};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, SERIES_COLORS, Scale, Size, draw,
    round_ticks,
};
use super::super::{ReportError, escape, number};
use super::{Frame, headings, label_margin, sample_time, samples_per_row, time_axis, value_axis};

const BARS: &str = "Protocols by share";
const AREAS: &str = "Protocols over time";

/// Bars drawn one by one; the rest is one bar.
const MAX_BARS: usize = 12;

/// Height of one protocol's pair of bars.
const BAR_ROW_PX: f64 = 34.0;

/// Columns of the area plot: enough to see shape, few enough to stay small.
const AREA_COLUMNS: usize = 240;

/// The protocols by packets, most first; ties by name.
fn mix_ranks(dc: &DomainController) -> Vec<&ProtocolCount> {
    let mut ranks: Vec<&ProtocolCount> = dc.protocols.iter().filter(|p| p.packets > 0).collect();
    ranks.sort_by(|a, b| b.packets.cmp(&a.packets).then_with(|| a.protocol.cmp(&b.protocol)));
    ranks
}

/// One bar or row: name, packets, bytes, colour rank.
struct Entry {
    name: String,
    packets: f64,
    bytes: f64,
    rank: usize,
}

fn entries(ranks: &[&ProtocolCount]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = ranks
        .iter()
        .take(MAX_BARS)
        .enumerate()
        .map(|(rank, p)| Entry {
            name: escape::name(&p.protocol),
            packets: p.packets as f64,
            bytes: p.bytes as f64,
            rank,
        })
        .collect();
    let rest = ranks.get(MAX_BARS..).unwrap_or_default();
    if !rest.is_empty() {
        entries.push(Entry {
            name: format!("{} more", rest.len()),
            packets: rest.iter().map(|p| p.packets as f64).sum(),
            bytes: rest.iter().map(|p| p.bytes as f64).sum(),
            rank: SERIES_COLORS,
        });
    }
    entries
}

/// Shares of packets and bytes, sorted.
pub fn mix_bars(dc: &DomainController, key: &str) -> Result<Figure, ReportError> {
    let ranks = mix_ranks(dc);
    if ranks.is_empty() {
        return Ok(Figure::absent(
            BARS,
            "This input does not say which protocols the packets belong to. A packet capture does.",
        ));
    }
    let packets: f64 = ranks.iter().map(|p| p.packets as f64).sum();
    let bytes: f64 = ranks.iter().map(|p| p.bytes as f64).sum();
    let entries = entries(&ranks);
    let parts: Vec<String> = entries
        .iter()
        .take(5)
        .map(|entry| format!("{} {}", entry.name, number::percent(entry.packets / packets)))
        .collect();
    let description = format!("Bars of each protocol’s share, by packets: {}.", parts.join(", "));
    let height = entries.len() as f64 * BAR_ROW_PX + 8.0;
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(BARS, &id, &description, size, |canvas| bars(canvas, size, &entries, packets, bytes))
    };
    Ok(Figure {
        title: BARS,
        caption:
            "For each protocol, upper bar: share of packets; lower, paler bar: share of bytes. \
                  The vendor sizes by packets and publishes no cost per protocol."
                .to_string(),
        legend: Vec::new(),
        wide: paint(Size::wide(height))?,
        narrow: paint(Size::narrow(height))?,
        data: Some(bars_data(&ranks, packets, bytes, key)),
    })
}

fn bars(canvas: &mut Canvas<'_>, size: Size, entries: &[Entry], packets: f64, bytes: f64) {
    let left = if size.narrow { 88.0 } else { 130.0 };
    let right = size.width - 64.0;
    let most = if size.narrow { 12 } else { 18 };
    let shares = entries.iter().flat_map(|e| [e.packets / packets, share(e.bytes, bytes)]);
    let highest = shares.fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let x = Scale::linear((0.0, highest), (left, right));
    for (index, entry) in entries.iter().enumerate() {
        let top = index as f64 * BAR_ROW_PX + 4.0;
        let name = escape::visible(&entry.name, most);
        canvas.label((left - 8.0, top + 12.5), Anchor::End, Ink::Strong, &name);
        let pairs =
            [(entry.packets / packets, top, 1.0), (share(entry.bytes, bytes), top + 13.0, 0.45)];
        for (value, y, opacity) in pairs {
            let end = x.at(value).max(left + 1.0);
            canvas.rectangle((left, y), (end, y + 11.0), Ink::Series(entry.rank), opacity);
            canvas.label((end + 6.0, y + 5.5), Anchor::Start, Ink::Label, &number::percent(value));
        }
    }
}

/// `part` of `whole`, 0 where there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn bars_data(ranks: &[&ProtocolCount], packets: f64, bytes: f64, key: &str) -> DataTable {
    let rows = ranks.iter().take(super::MAX_TABLE_ROWS).map(|p| {
        vec![
            Cell::Text(escape::name(&p.protocol)),
            Cell::Number(p.packets as f64),
            Cell::Number(percent(p.packets as f64, packets)),
            Cell::Number(p.bytes as f64),
            Cell::Number(percent(p.bytes as f64, bytes)),
            Cell::Number((share(p.bytes as f64, p.packets as f64) * 10.0).round() / 10.0),
        ]
    });
    DataTable {
        headings: headings(&[
            "Protocol",
            "Packets",
            "Packets %",
            "Bytes",
            "Bytes %",
            "Bytes per packet",
        ]),
        rows: rows.collect(),
        note: format!("Packets and bytes on the wire; {} protocols.", ranks.len()),
        file_name: format!("{key}.csv"),
    }
}

/// A share in percent with two decimals.
fn percent(part: f64, whole: f64) -> f64 {
    (share(part, whole) * 10_000.0).round() / 100.0
}

/// Stacked packets per second of the largest protocols and the rest.
pub fn mix_over_time(dc: &DomainController, key: &str) -> Result<Figure, ReportError> {
    let Some((line, layers)) =
        dc.timeline.as_ref().and_then(|line| Some((line, layers(dc, line)?)))
    else {
        return Ok(Figure::absent(
            AREAS,
            "This input does not say how the protocols change over time.",
        ));
    };
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    let description = format!(
        "Stacked areas of packets per second by protocol, from the bottom: {}. Times in UTC.",
        names.join(", ")
    );
    let columns = columns(line, &layers);
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        draw(AREAS, &id, &description, size, |canvas| areas(canvas, size, line, &columns))
    };
    let step_ms = line.protocol_interval_ms.saturating_mul(columns.per as u64);
    let step = number::duration(step_ms.min(counted_ms(line, columns.samples)));
    Ok(Figure {
        title: AREAS,
        caption: format!(
            "Packets per second, means over {step}, the largest protocol at the bottom."
        ),
        legend: layers
            .iter()
            .map(|l| LegendEntry::area(Ink::Series(l.rank), l.name.clone()))
            .collect(),
        wide: paint(Size::wide(260.0))?,
        narrow: paint(Size::narrow(240.0))?,
        data: Some(areas_data(line, &layers, key)),
    })
}

/// One layer of the stack: packets per sample.
struct Layer {
    name: String,
    rank: usize,
    packets: Vec<u64>,
}

/// The largest protocols and the rest; `None` where the input has no such series.
fn layers(dc: &DomainController, line: &Timeline) -> Option<Vec<Layer>> {
    let ranks = mix_ranks(dc);
    let samples = line.protocols.iter().map(|series| series.packets.len()).max().unwrap_or(0);
    let any = line.protocols.iter().any(|series| series.packets.iter().any(|packets| *packets > 0));
    if samples == 0 || !any || line.protocol_interval_ms == 0 {
        return None;
    }
    let mut layers: Vec<Layer> = Vec::new();
    let mut rest = Layer { name: "others".into(), rank: SERIES_COLORS, packets: vec![0; samples] };
    let mut others = false;
    for series in &line.protocols {
        let rank = ranks.iter().position(|p| p.protocol == series.protocol).unwrap_or(usize::MAX);
        if rank < SERIES_COLORS {
            let mut packets = series.packets.clone();
            packets.resize(samples, 0);
            layers.push(Layer { name: escape::name(&series.protocol), rank, packets });
        } else {
            others = true;
            for (sum, packets) in rest.packets.iter_mut().zip(&series.packets) {
                *sum = sum.saturating_add(*packets);
            }
        }
    }
    layers.sort_by_key(|layer| layer.rank);
    if others {
        layers.push(rest);
    }
    Some(layers)
}

/// The stack as it is drawn: per layer and column, the height of its upper edge.
struct Columns {
    per: usize,
    samples: usize,
    /// Right end in samples: a fraction where the last one is covered in part only.
    end: f64,
    ranks: Vec<usize>,
    edges: Vec<Vec<f64>>,
}

fn columns(line: &Timeline, layers: &[Layer]) -> Columns {
    let samples = layers.first().map_or(0, |layer| layer.packets.len());
    let per = samples.div_ceil(AREA_COLUMNS).max(1);
    let all_ms = counted_ms(line, samples) as f64;
    let sample_ms = line.protocol_interval_ms as f64;
    let mut sums = vec![0.0; samples.div_ceil(per)];
    let mut edges = Vec::new();
    for layer in layers {
        for (index, (sum, chunk)) in sums.iter_mut().zip(layer.packets.chunks(per)).enumerate() {
            let packets: f64 = chunk.iter().map(|packets| *packets as f64).sum();
            let covered_ms =
                (chunk.len() as f64 * sample_ms).min(all_ms - (index * per) as f64 * sample_ms);
            *sum += packets * 1000.0 / covered_ms;
        }
        edges.push(sums.clone());
    }
    let ranks = layers.iter().map(|layer| layer.rank).collect();
    Columns { per, samples, end: all_ms / sample_ms, ranks, edges }
}

/// Milliseconds in which the packets of `samples` samples were counted: the last sample is
/// rarely covered to its end, and spreading its packets over all of it would show a drop, or a
/// fraction of the rate of a short capture.
fn counted_ms(line: &Timeline, samples: usize) -> u64 {
    let full = line.protocol_interval_ms.saturating_mul(samples as u64);
    let before_last = full.saturating_sub(line.protocol_interval_ms);
    // No less than one sample of the rates, as everywhere that a rate of a capture is told.
    let covered = line.covered_ms.max(before_last.saturating_add(line.interval_ms));
    if covered > before_last { covered.min(full) } else { full }
}

fn areas(canvas: &mut Canvas<'_>, size: Size, line: &Timeline, columns: &Columns) {
    let highest = columns.edges.last().map_or(0.0, |top| top.iter().copied().fold(0.0, f64::max));
    let ticks = round_ticks(highest * 1.02, 4);
    let top_value = ticks.last().copied().unwrap_or(1.0);
    let frame = Frame {
        left: label_margin(&ticks),
        right: size.width - 24.0,
        top: 10.0,
        bottom: size.height - 40.0,
    };
    let y = Scale::linear((0.0, top_value), (frame.bottom, frame.top));
    value_axis(canvas, frame, &y, &ticks);
    let x = Scale::linear((0.0, columns.end), (frame.left, frame.right));
    let mut below: Vec<f64> = vec![0.0; columns.edges.first().map_or(0, Vec::len)];
    for (edge, rank) in columns.edges.iter().zip(&columns.ranks) {
        let upper = steps(edge, columns, &x, &y);
        let mut outline = upper.clone();
        outline.extend(steps(&below, columns, &x, &y).into_iter().rev());
        canvas.area(&outline, Ink::Series(*rank), 1.0);
        canvas.line(&upper, Ink::Paper, 0.5);
        below.clone_from(edge);
    }
    let length_ms = line.protocol_interval_ms as f64 * columns.end;
    time_axis(canvas, frame, size, line.start_utc, length_ms);
}

/// An edge through the middle of each column, level at both ends.
fn steps(edge: &[f64], columns: &Columns, x: &Scale, y: &Scale) -> Vec<Point> {
    let per = columns.per as f64;
    let middle = |index: usize| {
        let from = index as f64 * per;
        f64::midpoint(from, (from + per).min(columns.end))
    };
    let inner = edge.iter().enumerate().map(|(index, value)| (x.at(middle(index)), y.at(*value)));
    let first = edge.first().map(|value| (x.at(0.0), y.at(*value)));
    let last = edge.last().map(|value| (x.at(columns.end), y.at(*value)));
    first.into_iter().chain(inner).chain(last).collect()
}

fn areas_data(line: &Timeline, layers: &[Layer], key: &str) -> DataTable {
    let samples = layers.first().map_or(0, |layer| layer.packets.len());
    let per = samples_per_row(samples, line.protocol_interval_ms);
    let rows = (0..samples).step_by(per).map(|first| {
        let at = sample_time(line.start_utc, line.protocol_interval_ms, first);
        let packets =
            layers.iter().map(|layer| {
                let chunk =
                    layer.packets.get(first..(first + per).min(samples)).unwrap_or_default();
                Cell::Number(
                    chunk.iter().fold(0u64, |sum, packets| sum.saturating_add(*packets)) as f64
                )
            });
        std::iter::once(Cell::Time(at)).chain(packets).collect()
    });
    let step = number::duration(line.protocol_interval_ms.saturating_mul(per as u64));
    let names = layers.iter().map(|layer| layer.name.clone());
    DataTable {
        headings: std::iter::once("Start UTC".to_string()).chain(names).collect(),
        rows: rows.collect(),
        note: format!("Packets in steps of {step}. report.json has every sample, and the bytes."),
        file_name: format!("{key}.csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_stack_to_packets_per_second() {
        let line = Timeline {
            start_utc: crate::base::Timestamp::default(),
            interval_ms: 5_000,
            covered_ms: 15_000,
            packets_per_second: vec![],
            bytes_per_second: vec![],
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: 5_000,
            protocols: vec![],
        };
        let layers = [
            Layer { name: "a".into(), rank: 0, packets: vec![10, 20, 0] },
            Layer { name: "b".into(), rank: 1, packets: vec![5, 0, 50] },
        ];
        assert_eq!(columns(&line, &layers).edges, [vec![2.0, 4.0, 0.0], vec![3.0, 4.0, 10.0]]);
    }

    #[test]
    fn packets_of_a_short_capture_are_not_spread_over_a_whole_sample() {
        let mut line = Timeline {
            start_utc: crate::base::Timestamp::default(),
            interval_ms: 5_000,
            covered_ms: 8_000,
            packets_per_second: vec![],
            bytes_per_second: vec![],
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: 60_000,
            protocols: vec![],
        };
        let layers = |packets: Vec<u64>| [Layer { name: "a".into(), rank: 0, packets }];
        // 8 s of 150 packets/s are 150 packets/s, not 20.
        assert_eq!(columns(&line, &layers(vec![1_200])).edges, [vec![150.0]]);
        // The same in the last minute of a longer one.
        line.covered_ms = 68_000;
        assert_eq!(columns(&line, &layers(vec![9_000, 1_200])).edges, [vec![150.0, 150.0]]);
        // Less than one sample of the rates counts as one, as it does for the average.
        line.covered_ms = 60_001;
        assert_eq!(columns(&line, &layers(vec![9_000, 50])).edges, [vec![150.0, 10.0]]);
    }
}
