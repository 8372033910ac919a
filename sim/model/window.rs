//! Rolling means over samples, exact and in one pass.
//!
//! Rates are kept as whole millionths of a packet per second, so that what enters and leaves a
//! window cancels to the last digit: a rolling sum over a million samples is the direct sum.

use crate::base::Timestamp;
use crate::record::{Timeline, Window};

/// Millionths in one packet per second. Captures count whole packets in 5 s: exact.
const MICRO: f64 = 1e6;

/// No adapter reaches this many packets per second (800 Gbit/s of 64-byte frames is 1.2e9);
/// a reading above it is an error of the input, and the bound keeps sums inside their types.
const RATE_MAX_PACKETS_PER_SECOND: f64 = 1e10;

/// Share of good readings, in percent, that a window needs to be compared. Ours.
pub const MIN_GOOD_PERCENT: u64 = 90;

/// Nanoseconds in a millisecond.
const MILLISECOND_NS: i64 = 1_000_000;

/// A sample: millionths of a packet per second, or no good reading.
pub(super) type Sample = Option<i64>;

/// The reading as a sample; what is negative, no number or impossible is no reading.
pub(super) fn sample(packets_per_second: Option<f64>) -> Sample {
    let rate =
        packets_per_second.filter(|rate| (0.0..=RATE_MAX_PACKETS_PER_SECOND).contains(rate))?;
    #[expect(clippy::cast_possible_truncation, reason = "at most 1e16 by the filter above")]
    let micro = (rate * MICRO).round() as i64;
    Some(micro)
}

/// Good samples of a span and their sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    /// Index of the first sample.
    pub first: usize,
    /// Sum of the good ones, in millionths.
    pub micro: i128,
    /// How many are good.
    pub good: u64,
}

impl Sum {
    /// Over all of `samples`.
    pub fn of(samples: impl Iterator<Item = Sample>) -> Self {
        samples.fold(Self::default(), |mut sum, sample| {
            sum.enter(sample);
            sum
        })
    }

    /// Mean of the good samples in packets per second; `None` where there is none.
    pub fn mean(&self) -> Option<f64> {
        (self.good > 0).then(|| self.micro as f64 / (self.good as f64 * MICRO))
    }

    /// Packets in all, where each sample is `interval_ms` long.
    pub fn packets(&self, interval_ms: u64) -> f64 {
        self.micro as f64 / MICRO * (interval_ms as f64 / 1_000.0)
    }

    /// Whether its mean is higher; exact.
    fn above(&self, other: &Self) -> bool {
        self.micro * i128::from(other.good) > other.micro * i128::from(self.good)
    }

    fn enter(&mut self, sample: Sample) {
        if let Some(micro) = sample {
            self.micro += i128::from(micro);
            self.good += 1;
        }
    }

    fn leave(&mut self, sample: Sample) {
        if let Some(micro) = sample {
            self.micro -= i128::from(micro);
            self.good -= 1;
        }
    }
}

/// The window of `length` samples with the highest mean, the earliest of equals.
///
/// Windows with less than [`MIN_GOOD_PERCENT`] good readings are passed over. Where all are,
/// those with the most good readings are compared instead; `None` where no reading is good, or
/// fewer than `length` samples are there.
pub(super) fn highest<S: Copy>(
    samples: &[S],
    length: usize,
    read: impl Fn(S) -> Sample + Copy,
) -> Option<Sum> {
    let best = rolling(samples, length, read).map(|sum| sum.good).max()?;
    let needed = good_needed(length).min(best).max(1);
    rolling(samples, length, read)
        .filter(|sum| sum.good >= needed)
        .reduce(|highest, sum| if sum.above(&highest) { sum } else { highest })
}

/// Good readings that a window of `length` samples needs, at least one.
pub(super) fn good_needed(length: usize) -> u64 {
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    length.saturating_mul(MIN_GOOD_PERCENT).div_ceil(100).max(1)
}

/// Sums of all windows of `length` samples, in order.
pub(super) fn rolling<S: Copy>(
    samples: &[S],
    length: usize,
    read: impl Fn(S) -> Sample + Copy,
) -> impl Iterator<Item = Sum> {
    let length = length.max(1);
    let mut sum = Sum::default();
    // What leaves the window runs `length` samples behind what enters it.
    let leaving = std::iter::repeat_n(None, length).chain(samples.iter().copied().map(Some));
    samples.iter().copied().zip(leaving).enumerate().filter_map(
        move |(index, (entering, leaving))| {
            sum.enter(read(entering));
            if let Some(leaving) = leaving {
                sum.leave(read(leaving));
            }
            let first = (index + 1).checked_sub(length)?;
            Some(Sum { first, ..sum })
        },
    )
}

/// Number of samples of `interval_ms` that come nearest to `window_ms`, at least one.
pub(super) fn samples_in(window_ms: u64, interval_ms: u64) -> usize {
    let interval_ms = interval_ms.max(1);
    let samples = window_ms.saturating_add(interval_ms / 2) / interval_ms;
    usize::try_from(samples).unwrap_or(usize::MAX).max(1)
}

/// `count` samples of `interval_ms` after `start`.
pub(super) fn after(start: Timestamp, count: usize, interval_ms: u64) -> Timestamp {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    after_ms(start, count.saturating_mul(interval_ms))
}

/// `milliseconds` after `start`.
pub(super) fn after_ms(start: Timestamp, milliseconds: u64) -> Timestamp {
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    start.plus_nanos(milliseconds.saturating_mul(MILLISECOND_NS))
}

/// The span of `sum` as a window of `length` samples of `timeline`.
pub(super) fn window(timeline: &Timeline, sum: &Sum, length: usize) -> Option<Window> {
    let start = after(timeline.start_utc, sum.first, timeline.interval_ms);
    Some(Window {
        packets_per_second: sum.mean()?,
        start_utc: start,
        end_utc: after(start, length, timeline.interval_ms),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Packets counted in each sample of 5 s.
    fn counts() -> impl Strategy<Value = Vec<Option<u32>>> {
        let count = prop_oneof![9 => (0u32..1_000_000).prop_map(Some), 1 => Just(None)];
        proptest::collection::vec(count, 1..200)
    }

    fn rates(counts: &[Option<u32>]) -> Vec<Option<f64>> {
        counts.iter().map(|count| count.map(|packets| f64::from(packets) / 5.0)).collect()
    }

    /// Slow and plain: every window summed on its own, in whole packets. Start, sum, good ones.
    fn direct(counts: &[Option<u32>], length: usize) -> Option<(usize, i128, u64)> {
        let windows: Vec<&[Option<u32>]> = counts.windows(length).collect();
        let good = |w: &[Option<u32>]| w.iter().flatten().count();
        let most = windows.iter().copied().map(good).max()?;
        let needed = if most * 100 >= length * 90 { (length * 90).div_ceil(100) } else { most };
        let mut best: Option<(usize, i128, u64)> = None;
        for (first, window) in windows.into_iter().enumerate() {
            let n = good(window) as u64;
            let packets: i128 = window.iter().flatten().map(|count| i128::from(*count)).sum();
            let higher = |(_, sum, count): (usize, i128, u64)| {
                packets * i128::from(count) > sum * i128::from(n)
            };
            if n > 0 && good(window) >= needed && best.is_none_or(higher) {
                best = Some((first, packets, n));
            }
        }
        best
    }

    proptest! {
        #[test]
        fn rolling_equals_the_direct_sum(counts in counts(), length in 1usize..60) {
            let got = highest(&rates(&counts), length, sample);
            let expected = direct(&counts, length);
            let fifth = 200_000;
            prop_assert_eq!(
                got.map(|sum| (sum.first, sum.micro, sum.good)),
                expected.map(|(first, packets, good)| (first, packets * fifth, good))
            );
            if let (Some(got), Some((_, packets, good))) = (got, expected) {
                let mean = packets as f64 / 5.0 / good as f64;
                prop_assert!((got.mean().unwrap() - mean).abs() <= mean * 1e-15);
            }
        }

        #[test]
        fn adding_load_never_lowers_the_highest_window(
            counts in counts(), length in 1usize..60, at in 0usize..200, more in 0u32..1_000_000,
        ) {
            let mut added = counts.clone();
            let at = at % added.len();
            added[at] = added[at].map(|count| count + more);
            let before = highest(&rates(&counts), length, sample).and_then(|sum| sum.mean());
            let after = highest(&rates(&added), length, sample).and_then(|sum| sum.mean());
            prop_assert_eq!(before.is_some(), after.is_some());
            prop_assert!(after >= before, "{:?} {:?}", before, after);
        }
    }

    #[test]
    fn a_million_samples_do_not_drift() {
        // Numbers far apart, which floating sums lose.
        let readings: Vec<Option<f64>> = (0..1_000_000u32)
            .map(|i| Some(if i % 977 == 0 { 9.9e9 } else { f64::from(i % 7) / 5.0 }))
            .chain(std::iter::repeat_n(Some(0.2), 180))
            .collect();
        let last = rolling(&readings, 180, sample).last().unwrap();
        assert_eq!(last, Sum { first: 1_000_000, micro: 180 * 200_000, good: 180 });
    }

    #[test]
    fn readings_that_cannot_be_are_no_readings() {
        for bad in [f64::NAN, f64::INFINITY, -0.1, 1.1e10] {
            assert_eq!(sample(Some(bad)), None, "{bad}");
        }
        assert_eq!(sample(None), None);
        assert_eq!(sample(Some(0.2)), Some(200_000));
        assert_eq!(sample(Some(1e10)), Some(10_000_000_000_000_000));
    }

    #[test]
    fn a_window_needs_nine_tenths_good_readings_unless_none_has() {
        let mut readings = vec![Some(10.0); 10];
        readings.extend(vec![None; 9]);
        readings.push(Some(900.0));
        // 9 of 10 good are enough, and the lone 900 among failures is not.
        let sum = highest(&readings, 10, sample).unwrap();
        assert_eq!((sum.first, sum.mean()), (0, Some(10.0)));
        // Nothing reaches 9 of 10: the fullest windows are compared.
        let sparse = [Some(1.0), None, Some(5.0), Some(7.0), None, None];
        let sum = highest(&sparse, 4, sample).unwrap();
        assert_eq!((sum.first, sum.good, sum.mean()), (0, 3, Some(13.0 / 3.0)));
        assert_eq!(highest(&[None, None], 2, sample), None);
        assert_eq!(highest(&[Some(1.0)], 2, sample), None);
    }

    #[test]
    fn equal_windows_give_the_earliest() {
        let readings = vec![Some(3.0); 20];
        assert_eq!(highest(&readings, 5, sample).unwrap().first, 0);
    }

    #[test]
    fn a_quarter_of_an_hour_is_the_nearest_number_of_samples() {
        for (interval_ms, samples) in
            [(5_000, 180), (1_000, 900), (7_000, 129), (60_000, 15), (3_600_000, 1), (0, 900_000)]
        {
            assert_eq!(samples_in(900_000, interval_ms), samples);
        }
    }
}
