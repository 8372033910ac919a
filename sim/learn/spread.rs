//! How unevenly requests come: index of dispersion at several lengths of time.

/// Lengths of windows in seconds.
pub const WINDOWS_SECONDS: [i64; 4] = [1, 10, 60, 600];

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Seconds that wait until they are over for certain: what is told of different flows comes out
/// of order by as much as a batch of frames. Ours: four and a half hours.
const OPEN_SECONDS: usize = 1 << 14;

/// Counts in windows of several lengths, one after the other.
#[derive(Debug, Default, Clone)]
pub struct Spread {
    windows: [Window; WINDOWS_SECONDS.len()],
    /// Counts of the seconds that are open, by second modulo their number; empty before the first.
    open: Vec<u32>,
    /// The first of them, and the first that has not begun.
    from: i64,
    until: i64,
}

/// Counts in windows of one length.
#[derive(Debug, Default, Clone, Copy)]
struct Window {
    /// Number of the window that is open.
    now: Option<i64>,
    first: i64,
    count: u64,
    sum: f64,
    squares: f64,
    peak: u64,
}

/// How unevenly requests come in windows of one length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unevenness {
    /// Length of a window in seconds.
    pub seconds: i64,
    /// How many windows.
    pub windows: u64,
    /// Variance over mean: 1 where requests come independently of each other (Poisson).
    pub dispersion: f64,
    /// The fullest window over the mean.
    pub peak_to_mean: f64,
}

impl Spread {
    /// Counts a request. One that comes very late counts in the first second that is open.
    pub fn count(&mut self, nanos: i64) {
        let second = nanos.div_euclid(NS_PER_SECOND);
        if self.open.is_empty() {
            self.open.resize(OPEN_SECONDS, 0);
            (self.from, self.until) = (second, second + 1);
        }
        let room = OPEN_SECONDS as i64;
        if second >= self.until {
            // Far behind everything, all that is open is over, and nothing comes between.
            self.close(second.saturating_sub(room - 1));
            self.until = second + 1;
        } else if second < self.from && self.until - second <= room && self.is_fresh() {
            self.from = second;
        }
        let at = place(second.max(self.from));
        if let Some(count) = self.open.get_mut(at) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether no second is over yet.
    fn is_fresh(&self) -> bool {
        self.windows.iter().all(|window| window.now.is_none())
    }

    /// Ends the open seconds before `first`.
    fn close(&mut self, first: i64) {
        while self.from < first.min(self.until) {
            let count = self.open.get_mut(place(self.from)).map(std::mem::take).unwrap_or(0);
            for (window, seconds) in self.windows.iter_mut().zip(WINDOWS_SECONDS) {
                window.add(self.from.div_euclid(seconds), count.into());
            }
            self.from += 1;
        }
        self.from = self.from.max(first);
    }

    /// What came out, for lengths of which there are at least 30 windows.
    pub fn unevenness(mut self) -> Vec<Unevenness> {
        self.close(self.until);
        let windows = self.windows.iter().zip(WINDOWS_SECONDS);
        windows.filter_map(|(window, seconds)| window.unevenness(seconds)).collect()
    }
}

/// Where a second waits.
fn place(second: i64) -> usize {
    usize::try_from(second.rem_euclid(OPEN_SECONDS as i64)).unwrap_or(0)
}

impl Window {
    fn add(&mut self, number: i64, count: u64) {
        let now = *self.now.get_or_insert_with(|| {
            self.first = number;
            number
        });
        if number > now {
            self.close();
            self.now = Some(number);
        }
        self.count += count;
    }

    fn close(&mut self) {
        let count = self.count as f64;
        self.sum += count;
        self.squares += count * count;
        self.peak = self.peak.max(self.count);
        self.count = 0;
    }

    /// Without the last window, which the end of the capture may have cut, and the first.
    fn unevenness(&self, seconds: i64) -> Option<Unevenness> {
        const LEAST_WINDOWS: u64 = 30;
        let windows = u64::try_from(self.now?.saturating_sub(self.first)).ok()?;
        if windows < LEAST_WINDOWS {
            return None;
        }
        let count = windows as f64;
        let mean = self.sum / count;
        let variance = self.squares / count - mean * mean;
        Some(Unevenness {
            seconds,
            windows,
            dispersion: variance / mean,
            peak_to_mean: self.peak as f64 / mean,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    fn at_one_second(times: impl IntoIterator<Item = f64>) -> Unevenness {
        let mut spread = Spread::default();
        #[expect(clippy::cast_possible_truncation, reason = "minutes")]
        times.into_iter().for_each(|seconds| spread.count((seconds * 1e9) as i64));
        spread.unevenness()[0]
    }

    #[test]
    fn independent_requests_have_an_index_of_one_and_bursts_of_more() {
        let mut random = Random::new(1);
        let mut clock = 0.0;
        let poisson: Vec<f64> = (0..50_000)
            .map(|_| {
                clock += random.exponential(0.2);
                clock
            })
            .collect();
        let one = at_one_second(poisson.iter().copied()).dispersion;
        assert!((0.95..1.05).contains(&one), "{one}");
        let four = poisson.iter().flat_map(|time| [*time; 4]);
        let four = at_one_second(four).dispersion;
        assert!((3.8..4.2).contains(&four), "{four}");
    }

    #[test]
    fn the_order_in_which_they_are_told_does_not_matter() {
        let mut random = Random::new(2);
        let mut times: Vec<f64> = (0..5_000).map(|_| random.between(0.0, 3_000.0)).collect();
        let told = at_one_second(times.iter().copied());
        times.sort_by(f64::total_cmp);
        assert_eq!(at_one_second(times), told);
    }

    #[test]
    fn a_steady_beat_has_no_dispersion() {
        let beat = at_one_second((0..1_000).map(|n| f64::from(n) / 10.0 + 0.01));
        assert_eq!((beat.dispersion, beat.peak_to_mean, beat.windows), (0.0, 1.0, 99));
    }
}
