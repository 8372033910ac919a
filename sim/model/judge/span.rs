//! Which part of the input a verdict is of.

use crate::base::{Arrivals, Timestamp};
use crate::model::rounding::{whole_u64, whole_usize};
use crate::record::{Sized, Timeline};

/// The vendor's busy window, in seconds: where it is longer than what is judged, it is cut to its
/// busiest part.
const BUSY_SECONDS: f64 = 900.0;
/// Shortest span that is judged, in seconds, rounded up to whole samples: in it the quota is set
/// anew twice, after 10 and 20 s, each time from what came in the span itself.
const LEAST_SECONDS: f64 = 30.0;

/// Longest course, in seconds: 30 days; the virtual sensor takes 31.
const MOST_SECONDS: f64 = 30.0 * 86_400.0;

/// Millionths in one packet per second: rates are added up as whole ones.
const MICRO: f64 = 1e6;

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

    /// The time that the input covers; `None` where no timeline is known.
    pub fn covered(sized: &Sized) -> Option<Self> {
        let timeline = sized.dc.timeline.as_ref()?;
        let samples = i64::try_from(timeline.packets_per_second.len()).unwrap_or(i64::MAX);
        let start_ns = timeline.start_utc.nanos();
        let end_ns = start_ns.saturating_add(samples.saturating_mul(interval_ns(timeline)));
        Some(Self { start_ns, end_ns })
    }

    /// Whether both have time in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.start_ns < other.end_ns && other.start_ns < self.end_ns
    }

    /// All of the input, or as much of it around its busiest part as holds `packets`.
    pub fn whole(sized: &Sized, packets: f64) -> Option<Self> {
        let timeline = sized.dc.timeline.as_ref()?;
        let rate = sized.load.average_packets_per_second?.max(1e-3);
        Some(Self::covered(sized)?.densest(timeline, (packets / rate).min(MOST_SECONDS)))
    }

    /// The part of that many seconds with the most packets; all of it where it is shorter.
    fn densest(self, timeline: &Timeline, seconds: f64) -> Self {
        if seconds >= self.seconds() {
            return self;
        }
        let interval = interval_ns(timeline);
        // Down, so that there are no more packets than were asked for, but never below the least.
        let samples = |seconds: f64| seconds * 1e9 / interval as f64;
        let width = whole_usize(samples(seconds)).max(whole_usize(samples(LEAST_SECONDS).ceil()));
        let start = timeline.start_utc.nanos();
        let at = |index: usize| start + i64::try_from(index).unwrap_or(0) * interval;
        let rates: Vec<(usize, u64)> = timeline
            .packets_per_second
            .iter()
            .enumerate()
            .filter(|(index, _)| (self.start_ns..self.end_ns).contains(&at(*index)))
            .map(|(index, rate)| (index, whole_u64((rate.unwrap_or(0.0) * MICRO).round())))
            .collect();
        let best = fullest(rates.iter().map(|(_, rate)| *rate), width);
        let first = best.and_then(|place| rates.get(place)).map_or(self.start_ns, |(i, _)| at(*i));
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

    /// Whether all packets lie in it.
    pub fn holds_all(self, arrivals: &Arrivals) -> bool {
        arrivals.time_ns.iter().all(|time| (self.start_ns..self.end_ns).contains(time))
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

/// Where the `width` values in a row with the largest sum begin, of equal ones the first; `None`
/// where there are fewer. One pass: what enters and leaves a window cancels exactly.
fn fullest(values: impl Iterator<Item = u64> + Clone, width: usize) -> Option<usize> {
    let mut leaving = values.clone();
    let (mut sum, mut best) = (0_u128, None);
    for (index, value) in values.enumerate() {
        sum += u128::from(value);
        let Some(first) = (index + 1).checked_sub(width) else { continue };
        if best.is_none_or(|(most, _)| sum > most) {
            best = Some((sum, first));
        }
        sum -= u128::from(leaving.next().unwrap_or(0));
    }
    best.map(|(_, first)| first)
}

/// Length of a sample, in nanoseconds.
pub fn interval_ns(timeline: &Timeline) -> i64 {
    i64::try_from(timeline.interval_ms).unwrap_or(i64::MAX / 1_000_000).max(1) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use crate::model::fixture::counters;
    use crate::model::{Rules, size};

    #[test]
    fn the_fullest_window_is_that_of_the_direct_sum() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let values: Vec<u64> = (0..40).map(|_| random.next_u64() % 5).collect();
            for width in [1, 2, 7, 40] {
                let sum = |window: &[u64]| window.iter().sum::<u64>();
                let windows = values.windows(width).enumerate().rev();
                let direct = windows.max_by_key(|(_, window)| sum(window)).map(|(at, _)| at);
                assert_eq!(fullest(values.iter().copied(), width), direct, "{width} {values:?}");
            }
            assert_eq!(fullest(values.iter().copied(), 41), None);
        }
    }

    #[test]
    fn half_a_minute_is_the_least_also_where_samples_are_a_little_long() {
        let busiest = |interval_ms: u64, count: usize| {
            let rates = vec![Some(20_000.0); count];
            let dc = counters("DC", Timestamp::from_parts(1_768_204_800, 0), interval_ms, rates);
            Span::busiest(&size(dc, &Rules::default()), 200_000.0).unwrap().seconds()
        };
        assert_eq!(busiest(5_013, 200), 30.078);
        assert_eq!(busiest(5_000, 200), 30.0);
        assert_eq!(busiest(7_000, 200), 35.0);
        assert_eq!(busiest(60_000, 20), 60.0);
        // There is no more than that.
        assert_eq!(busiest(5_013, 5), 25.065);
    }

    #[test]
    fn a_month_in_samples_of_five_seconds_is_searched_in_one_pass() {
        // Half of it for each of 259,200 windows would be 67 billion sums: hours in this build.
        let mut rates = vec![Some(1_000.0); 518_400];
        rates[300_000] = Some(1_000.1);
        let dc = counters("DC", Timestamp::from_parts(1_768_204_800, 0), 5_000, rates);
        let sized = size(dc, &Rules::default());
        let half = Span::whole(&sized, 1_000.0 * 5.0 * 259_200.0).unwrap();
        let first = (300_000 - 259_199 + 1) * 5;
        assert!((half.start_ns / 1_000_000_000 - 1_768_204_800 - first).abs() <= 5, "{half:?}");
        assert!((half.seconds() - 1_296_000.0).abs() <= 5.0);
    }
}
