//! How the probability of losing too much grows with the traffic: the share of replicas that miss
//! the goal at each multiple of today's load.

use crate::record::{Evidence, Headroom, VirtualVerdict};

use super::super::columns::Cell;
use super::super::plot::{
    Anchor, Canvas, DataTable, Figure, Ink, LegendEntry, Point, Scale, Size, draw,
};
use super::super::{ReportError, number, virtual_words};
use super::{Frame, MAX_TABLE_ROWS, headings};

const TITLE: &str = "Headroom: what happens with more traffic";

/// Multiples that the axis can begin and end at, and has ticks at.
const MULTIPLES: [f64; 18] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 50.0,
];

/// Those that keep their labels where there is little room.
const ROUND_MULTIPLES: [f64; 4] = [0.01, 0.1, 1.0, 10.0];

/// The plot of one domain controller; `key` is unique in the page.
pub fn headroom(verdict: &VirtualVerdict, key: &str) -> Result<Figure, ReportError> {
    let Some(room) = &verdict.headroom else {
        let why = match verdict.evidence() {
            Evidence::TooLittle => "Too little was seen to tell, so there is no headroom to draw.",
            _ => "No size that was tried is enough, so there is no headroom to draw.",
        };
        return Ok(Figure::absent(TITLE, why));
    };
    let loads = loads(room);
    if loads.is_empty() {
        return Ok(Figure::absent(TITLE, "The record holds no load that was tried."));
    }
    let tried = room.load_tried;
    let steps = steps(&loads, tried);
    let description = description(room, verdict);
    let paint = |size: Size| {
        let id = format!("{key}-{}", if size.narrow { "n" } else { "w" });
        let job = Job { room, steps: &steps, loads: &loads };
        draw(TITLE, &id, &description, size, |canvas| job.paint(canvas, size))
    };
    Ok(Figure {
        title: TITLE,
        caption: format!(
            "{description} 1× is the busiest part of the input, {} packets/s; equal \
             distances are equal multiples. The higher the line, the more of the runs lose more than {}.",
            number::rate(room.packets_per_second),
            virtual_words::goal(verdict.goal_loss_ratio)
        ),
        legend: vec![
            LegendEntry::line(Ink::Line, "share of runs that lose too much"),
            LegendEntry::line(Ink::Busy, "traffic now"),
            LegendEntry::line(Ink::Mean, "5 % and 50 %"),
            LegendEntry::dot(Ink::Good, "most traffic with the answer Yes"),
            LegendEntry::dot(Ink::Attention, "most traffic with the answer Maybe"),
        ],
        wide: paint(Size::wide(250.0))?,
        narrow: paint(Size::narrow(230.0))?,
        data: Some(data(room, &steps, key)),
    })
}

/// Loads of the replicas, lowest first.
fn loads(room: &Headroom) -> Vec<f64> {
    let finite = room.highest_loads.iter().copied().filter(|load| load.is_finite());
    let mut loads: Vec<f64> = finite.map(|load| load.max(0.0)).collect();
    loads.sort_unstable_by(f64::total_cmp);
    loads
}

/// Where the share of replicas that miss the goal rises, and to what. A replica misses it above
/// its highest load; what was not tried is not said.
fn steps(loads: &[f64], tried: f64) -> Vec<(f64, f64)> {
    let count = loads.len().max(1) as f64;
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (index, load) in loads.iter().enumerate().filter(|(_, load)| **load < tried * (1.0 - 1e-9))
    {
        let share = (index + 1) as f64 / count;
        match steps.last_mut().filter(|(last, _)| last == load) {
            Some(step) => step.1 = share,
            None => steps.push((*load, share)),
        }
    }
    steps
}

fn description(room: &Headroom, verdict: &VirtualVerdict) -> String {
    let on = format!("With {}", virtual_words::room_of(verdict, room));
    let multiple = |load: Option<f64>| match load.filter(|load| load.is_finite()) {
        None => "at no traffic that was tried".to_string(),
        Some(load) => {
            let at_least = virtual_words::at_least(Some(load), room);
            format!("up to {at_least}{} times the traffic of now", number::amount(load))
        }
    };
    format!(
        "{on}, the answer is Yes {}, and at worst Maybe {}.",
        multiple(room.load_yes),
        multiple(room.load_maybe)
    )
}

struct Job<'a> {
    room: &'a Headroom,
    steps: &'a [(f64, f64)],
    loads: &'a [f64],
}

impl Job<'_> {
    /// Ends of the axis: round multiples around the loads and 1.
    fn ends(&self) -> (f64, f64) {
        let lowest = self.loads.first().copied().unwrap_or(1.0).min(1.0);
        let highest = self.loads.last().copied().unwrap_or(1.0).max(1.0);
        let below = MULTIPLES.iter().rev().find(|multiple| **multiple < lowest);
        let above = MULTIPLES.iter().find(|multiple| **multiple > highest);
        (below.copied().unwrap_or(0.01), above.copied().unwrap_or(50.0))
    }

    fn paint(&self, canvas: &mut Canvas<'_>, size: Size) {
        let frame = Frame {
            left: 50.0,
            right: size.width - if size.narrow { 16.0 } else { 100.0 },
            top: 20.0,
            bottom: size.height - if size.narrow { 26.0 } else { 42.0 },
        };
        let (from, to) = self.ends();
        let x = Scale::logarithmic((from, to), (frame.left, frame.right));
        let y = Scale::linear((0.0, 1.0), (frame.bottom, frame.top));
        self.axes(canvas, size, frame, &x, &y);
        let mut line: Vec<Point> = vec![(frame.left, y.at(0.0))];
        let mut share = 0.0;
        for (load, next) in self.steps {
            line.push((x.at(*load), y.at(share)));
            line.push((x.at(*load), y.at(*next)));
            share = *next;
        }
        // Above what was tried nothing is known: the line ends there.
        let end = if share >= 1.0 { to } else { self.room.load_tried.min(to) };
        line.push((x.at(end), y.at(share)));
        canvas.line(&line, Ink::Line, 2.0);
        let marks = [
            (self.room.load_yes, virtual_words::YES_BELOW, Ink::Good),
            (self.room.load_maybe, virtual_words::NO_ABOVE, Ink::Attention),
        ];
        for (load, share, ink) in marks {
            if let Some(load) = load.filter(|load| load.is_finite()) {
                canvas.dot((x.at(load), y.at(share)), 4.5, ink);
                let label = format!("{}×", number::amount(load));
                // The line rises to the right: above it to the left there is room.
                let at = (x.at(load) - 6.0, y.at(share) - 12.0);
                canvas.label(at, Anchor::End, Ink::Strong, &label);
            }
        }
    }

    fn axes(&self, canvas: &mut Canvas<'_>, size: Size, frame: Frame, x: &Scale, y: &Scale) {
        for share in [0.0, 0.25, 0.75, 1.0] {
            canvas.line(&[(frame.left, y.at(share)), (frame.right, y.at(share))], Ink::Grid, 0.5);
            let label = format!("{} %", number::fixed(share * 100.0, 0));
            canvas.label((frame.left - 8.0, y.at(share)), Anchor::End, Ink::Label, &label);
        }
        for (share, name) in
            [(virtual_words::YES_BELOW, "Maybe above"), (virtual_words::NO_ABOVE, "No above")]
        {
            let level = y.at(share);
            canvas.line(&[(frame.left, level), (frame.right, level)], Ink::Mean, 1.0);
            if !size.narrow {
                canvas.label((frame.right + 8.0, level), Anchor::Start, Ink::Label, name);
            }
        }
        // 5 % has no room beside 0 %.
        canvas.label((frame.left - 8.0, y.at(0.5)), Anchor::End, Ink::Label, "50 %");
        let (from, to) = self.ends();
        let in_sight = MULTIPLES.into_iter().filter(|multiple| (from..=to).contains(multiple));
        let few = in_sight.clone().count() <= if size.narrow { 6 } else { 10 };
        for multiple in in_sight.filter(|m| few || ROUND_MULTIPLES.contains(m)) {
            let at = x.at(multiple);
            canvas.line(&[(at, frame.bottom), (at, frame.bottom + 4.0)], Ink::Label, 0.5);
            let label = format!("{}×", number::amount(multiple));
            canvas.label((at, frame.bottom + 14.0), Anchor::Middle, Ink::Label, &label);
            if !size.narrow {
                let rate = format!("{}/s", number::rate(multiple * self.room.packets_per_second));
                canvas.label((at, frame.bottom + 30.0), Anchor::Middle, Ink::Label, &rate);
            }
        }
        canvas.line(&[(x.at(1.0), frame.top), (x.at(1.0), frame.bottom)], Ink::Busy, 1.5);
        canvas.label((x.at(1.0), frame.top - 10.0), Anchor::Middle, Ink::Strong, "now");
    }
}

fn data(room: &Headroom, steps: &[(f64, f64)], key: &str) -> DataTable {
    let per = steps.len().div_ceil(MAX_TABLE_ROWS).max(1);
    // The last of each few, so that the end is there.
    let shown = steps.chunks(per).filter_map(<[_]>::last);
    let rows = shown.map(|(load, share)| {
        vec![
            Cell::Number((load * 1000.0).round() / 1000.0),
            Cell::Number((load * room.packets_per_second).round()),
            Cell::Number(share * 100.0),
        ]
    });
    DataTable {
        headings: headings(&["Above so much traffic ×", "Packets/s", "Runs that lose too much %"]),
        rows: rows.collect(),
        note: format!("Up to {}× the traffic of now was tried.", number::amount(room.load_tried)),
        file_name: format!("{key}.csv"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_rises_at_each_load_and_ends_with_what_was_tried() {
        let loads = [0.5, 1.5, 1.5, 20.0];
        assert_eq!(steps(&loads, 20.0), [(0.5, 0.25), (1.5, 0.75)]);
        assert!(steps(&[], 20.0).is_empty());
        assert!(steps(&[20.0], 20.0).is_empty());
    }
}
