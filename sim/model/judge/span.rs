//! Which part of the input a verdict is of.

use crate::base::{Arrivals, Timestamp};
use crate::model::rounding::whole_usize;
use crate::record::{Sized, Timeline};

/// The vendor's busy window, in seconds: where it is longer than what is judged, it is cut to its
/// busiest part.
const BUSY_SECONDS: f64 = 900.0;
/// Shortest span that is judged, in seconds: three rounds of the quota.
const LEAST_SECONDS: f64 = 30.0;

/// Longest course, in seconds: 30 days; the virtual sensor takes 31.
const MOST_SECONDS: f64 = 30.0 * 86_400.0;

/// A part of the input, in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start_ns: i64,
    pub end_ns: i64,
}

impl Span {
    /// The busiest 15 minutes, or as much of them around the peak as holds `packets`; `None`
    /// where no timeline or no traffic is known.
    pub fn busiest(sized: &Sized, packets: f64) -> Option<Self> {
        let busy = sized.load.busy?;
        let timeline = sized.dc.timeline.as_ref()?;
        if busy.packets_per_second <= 0.0 {
            return None;
        }
        let seconds = (packets / busy.packets_per_second).clamp(LEAST_SECONDS, BUSY_SECONDS);
        let within = Self { start_ns: busy.start_utc.nanos(), end_ns: busy.end_utc.nanos() };
        Some(within.densest(timeline, seconds))
    }

    /// All of the input, or as much of it around its busiest part as holds `packets`.
    pub fn whole(sized: &Sized, packets: f64) -> Option<Self> {
        let timeline = sized.dc.timeline.as_ref()?;
        let rate = sized.load.average_packets_per_second?.max(1e-3);
        let samples = i64::try_from(timeline.packets_per_second.len()).unwrap_or(i64::MAX);
        let start_ns = timeline.start_utc.nanos();
        let end_ns = start_ns.saturating_add(samples.saturating_mul(interval_ns(timeline)));
        let all = Self { start_ns, end_ns };
        Some(all.densest(timeline, (packets / rate).min(MOST_SECONDS)))
    }

    /// The part of that many seconds with the most packets; all of it where it is shorter.
    fn densest(self, timeline: &Timeline, seconds: f64) -> Self {
        if seconds >= self.seconds() {
            return self;
        }
        let interval = interval_ns(timeline);
        let width = whole_usize((seconds * 1e9 / interval as f64).max(1.0));
        let start = timeline.start_utc.nanos();
        let at = |index: usize| start + i64::try_from(index).unwrap_or(0) * interval;
        let rates: Vec<(usize, f64)> = timeline
            .packets_per_second
            .iter()
            .enumerate()
            .filter(|(index, _)| (self.start_ns..self.end_ns).contains(&at(*index)))
            .map(|(index, rate)| (index, rate.unwrap_or(0.0)))
            .collect();
        let sum = |window: &[(usize, f64)]| window.iter().map(|(_, rate)| rate).sum::<f64>();
        // Of equal ones the first.
        let best = rates.windows(width).rev().max_by(|a, b| sum(a).total_cmp(&sum(b)));
        let first = best.and_then(|window| window.first()).map_or(self.start_ns, |(i, _)| at(*i));
        let length = interval * i64::try_from(width).unwrap_or(1);
        Self { start_ns: first, end_ns: (first + length).min(self.end_ns) }
    }

    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        (self.end_ns - self.start_ns) as f64 / 1e9
    }

    /// Begin and end.
    pub fn moments(self) -> (Timestamp, Timestamp) {
        (Timestamp::from_nanos(self.start_ns), Timestamp::from_nanos(self.end_ns))
    }

    /// The packets in it.
    pub fn of(self, arrivals: &Arrivals) -> Arrivals {
        let mut kept = Arrivals::default();
        let rest = arrivals.bytes.iter().zip(&arrivals.class).zip(&arrivals.flow);
        for (time, ((bytes, class), flow)) in arrivals.time_ns.iter().zip(rest) {
            if (self.start_ns..self.end_ns).contains(time) {
                kept.push(*time, *bytes, *class, *flow);
            }
        }
        kept
    }
}

/// Length of a sample, in nanoseconds.
pub fn interval_ns(timeline: &Timeline) -> i64 {
    i64::try_from(timeline.interval_ms).unwrap_or(i64::MAX / 1_000_000).max(1) * 1_000_000
}
