//! Rows with times to a timeline of equal samples.
//!
//! A log says "every 5 s" and means 5.017 s. So the length of a sample is the mean distance of
//! the rows that lie about one median apart, and rows are placed one after the other: 180 rows
//! stay 180 samples, however the clock drifts against the grid. Only a gap of more than one and
//! a half samples makes empty samples, as many as bring the grid back to the clock. A sample
//! carries the time written in its row, as the vendor's tool does, although perfmon's rates
//! describe the interval that *ends* there: so a window can be found again in the log.
//!
//! A log whose rows lie anyhow (more than a tenth of them less than half a sample apart) is put
//! on the grid by the clock instead, and rows that fall into one sample are averaged.

use crate::base::Timestamp;
use crate::record::Timeline;

/// Most readings of one input over all its hosts: 24 hours at 5 s of 170 servers, or half a
/// year of one; at worst about 450 MB while they are laid out.
pub(super) const MAX_READINGS: usize = 3_000_000;

/// Sample length where only one row gives a time: the vendor's (README of the sizing tool: "roughly every
/// 5 seconds").
const DEFAULT_INTERVAL_NANOS: i64 = 5_000_000_000;

const MILLI: i64 = 1_000_000;

/// What a log says of the server beside its packets, per row; NaN where there was no good reading.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) cpu_percent: Vec<f64>,
    pub(super) available_mb: Vec<f64>,
}

/// Enters the reading of row `row`, counted from 0.
pub(super) fn enter<E>(values: &mut Vec<f64>, row: usize, reading: Result<f64, E>) {
    if let Ok(value) = reading {
        values.resize(row, f64::NAN);
        values.push(value);
    }
}

/// Where the rows of a log lie on its grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    /// Sample of each row; none where the row was left out.
    slots: Vec<Option<u32>>,
    samples: usize,
    start_nanos: i64,
    interval_ms: u64,
    covered_ms: u64,
    /// Rows whose time lies before that of the row in front of them.
    pub(super) out_of_order: u64,
    /// What a reader should know, as sentences.
    pub(super) findings: Vec<String>,
}

impl Placement {
    /// Places rows taken at `times` (nanoseconds, in file order); at most `samples_max`
    /// samples. None without rows.
    pub(super) fn of(times: &[i64], samples_max: usize) -> Option<Self> {
        let mut order: Vec<usize> = (0..times.len()).collect();
        let time_of = |row: usize| times.get(row).copied().unwrap_or_default();
        order.sort_by_key(|&row| time_of(row));
        let (first, last) = (time_of(*order.first()?), time_of(*order.last()?));
        let before = |pair: &&[i64]| matches!(pair, [a, b] if b < a);
        let mut placement = Self {
            slots: vec![None; times.len()],
            samples: 0,
            start_nanos: first,
            interval_ms: 0,
            covered_ms: 0,
            out_of_order: times.windows(2).filter(before).count() as u64,
            findings: Vec::new(),
        };
        let distinct = placement.without_repeats(order, time_of);
        let (interval, regular) = placement.interval(&distinct, time_of);
        placement.interval_ms = u64::try_from((interval + MILLI / 2) / MILLI).unwrap_or(1).max(1);
        let kept_last = if regular {
            placement.one_by_one(&distinct, time_of, interval, samples_max)
        } else {
            placement.by_clock(&distinct, time_of, interval, samples_max)
        };
        if kept_last < last {
            placement.findings.push(format!(
                "times reach from {} to {}, too long for samples of {} ms: only readings up to {} \
                 were used; give the parts of the log as files of their own",
                Timestamp::from_nanos(first),
                Timestamp::from_nanos(last),
                placement.interval_ms,
                Timestamp::from_nanos(kept_last),
            ));
        }
        // Each reading stands for one interval, so 180 of them cover 15 minutes.
        let covered = kept_last.saturating_sub(first).saturating_add(interval);
        placement.covered_ms = u64::try_from((covered + MILLI / 2) / MILLI).unwrap_or(0);
        Some(placement)
    }

    /// Time of the earliest row.
    pub(super) const fn start(&self) -> Timestamp {
        Timestamp::from_nanos(self.start_nanos)
    }

    /// Time of the last sample's row, to a sample's precision.
    pub(super) fn end(&self) -> Timestamp {
        let covered = self.covered_ms.saturating_sub(self.interval_ms);
        self.start().plus_nanos(i64::try_from(covered).unwrap_or(i64::MAX).saturating_mul(MILLI))
    }

    /// The timeline of one host from its values per row, NaN where there was no good reading;
    /// `beside` has fewer where the last ones gave none, and is empty where it was not logged.
    pub(super) fn timeline(
        &self,
        packets: &[f64],
        bytes: Option<&[f64]>,
        beside: &Beside,
    ) -> Timeline {
        let logged = |values: &[f64]| {
            if values.is_empty() { Vec::new() } else { self.lay(values) }
        };
        Timeline {
            start_utc: self.start(),
            interval_ms: self.interval_ms,
            covered_ms: self.covered_ms,
            packets_per_second: self.lay(packets),
            bytes_per_second: bytes.map(|bytes| self.lay(bytes)).unwrap_or_default(),
            cpu_percent: logged(&beside.cpu_percent),
            available_mb: logged(&beside.available_mb),
            protocol_interval_ms: self.interval_ms,
            protocols: Vec::new(),
        }
    }

    fn lay(&self, values: &[f64]) -> Vec<Option<f64>> {
        let mut sums = vec![None; self.samples];
        let mut counts = vec![0_u32; self.samples];
        for (slot, &value) in self.slots.iter().zip(values) {
            let Some(slot) = slot.filter(|_| !value.is_nan()).map(|slot| slot as usize) else {
                continue;
            };
            if let (Some(sum), Some(count)) = (sums.get_mut(slot), counts.get_mut(slot)) {
                *sum = Some(sum.unwrap_or(0.0) + value);
                *count += 1;
            }
        }
        sums.iter().zip(counts).map(|(sum, n)| sum.map(|sum: f64| sum / f64::from(n))).collect()
    }

    /// Drops rows that repeat the time of another one, the later in the file.
    fn without_repeats(&mut self, order: Vec<usize>, time_of: impl Fn(usize) -> i64) -> Vec<usize> {
        let rows = order.len();
        let mut distinct = order;
        distinct.dedup_by_key(|row| time_of(*row));
        let repeats = rows - distinct.len();
        if repeats > 0 {
            self.findings.push(format!(
                "{repeats} rows repeat the time of an earlier row and were left out"
            ));
        }
        if self.out_of_order > 0 {
            self.findings.push(format!(
                "{} rows carry a time before that of the row in front of them (clock set back, \
                 or logs joined); rows were sorted by time",
                self.out_of_order
            ));
        }
        distinct
    }

    /// The sample length in nanoseconds, and whether the rows keep to it.
    fn interval(&mut self, rows: &[usize], time_of: impl Fn(usize) -> i64) -> (i64, bool) {
        let difference = |pair: &[usize]| match *pair {
            [a, b] => time_of(b).saturating_sub(time_of(a)),
            _ => 0,
        };
        let mut differences: Vec<i64> = rows.windows(2).map(difference).collect();
        differences.sort_unstable();
        let Some(&median) = differences.get(differences.len() / 2) else {
            self.findings.push(
                "only one row gives a time, so the interval of the log is unknown; 5 s assumed"
                    .to_owned(),
            );
            return (DEFAULT_INTERVAL_NANOS, true);
        };
        let near = |&&d: &&i64| d >= median / 2 && d <= median.saturating_add(median / 2);
        let regular = differences.iter().filter(near);
        let (sum, count) = regular.fold((0_i128, 0_i128), |(s, n), &d| (s + i128::from(d), n + 1));
        let short = differences.iter().filter(|&&d| d < median / 2).count();
        let is_regular = short * 10 <= differences.len();
        if !is_regular {
            self.findings.push(
                "rows do not follow each other at a steady interval; they were put into samples \
                 of the median interval, and rows in one sample were averaged"
                    .to_owned(),
            );
        }
        // `median` itself is near, so there is at least one.
        let mean = sum / count.max(1);
        (if is_regular { i64::try_from(mean).unwrap_or(median) } else { median }, is_regular)
    }

    /// One row, one sample; gaps make empty ones. Gives the time of the last row placed.
    fn one_by_one(
        &mut self,
        rows: &[usize],
        time_of: impl Fn(usize) -> i64,
        interval: i64,
        samples_max: usize,
    ) -> i64 {
        let gap = interval.saturating_add(interval / 2);
        let mut previous = self.start_nanos;
        let mut gaps = 0_u64;
        let mut next: usize = 0;
        let mut kept_last = self.start_nanos;
        for &row in rows {
            let time = time_of(row);
            let distance = time.saturating_sub(previous);
            let slot = if next > 0 && distance < interval / 2 {
                // A row in between, e.g. after the clock was set back: averaged, not a sample
                // more, or the timeline would grow longer than the log.
                next - 1
            } else if distance > gap {
                gaps += 1;
                (next + 1).max(nearest(time.saturating_sub(self.start_nanos), interval))
            } else {
                next
            };
            let Some(position) = u32::try_from(slot).ok().filter(|_| slot < samples_max) else {
                break;
            };
            if slot >= next {
                previous = time;
            }
            next = next.max(slot + 1);
            kept_last = time;
            if let Some(entry) = self.slots.get_mut(row) {
                *entry = Some(position);
            }
        }
        self.samples = next;
        if gaps > 0 {
            let empty = next.saturating_sub(self.slots.iter().flatten().count());
            self.findings.push(format!(
                "{gaps} gaps of more than one and a half samples; {empty} samples are empty there"
            ));
        }
        kept_last
    }

    /// Each row into the sample nearest to its time. Gives the time of the last row placed.
    fn by_clock(
        &mut self,
        rows: &[usize],
        time_of: impl Fn(usize) -> i64,
        interval: i64,
        samples_max: usize,
    ) -> i64 {
        let mut kept_last = self.start_nanos;
        for &row in rows {
            let time = time_of(row);
            let slot = nearest(time.saturating_sub(self.start_nanos), interval);
            let Some(position) = u32::try_from(slot).ok().filter(|_| slot < samples_max) else {
                break;
            };
            self.samples = slot + 1;
            kept_last = time;
            if let Some(entry) = self.slots.get_mut(row) {
                *entry = Some(position);
            }
        }
        kept_last
    }
}

/// `distance / interval`, rounded to the nearest whole number.
fn nearest(distance: i64, interval: i64) -> usize {
    let interval = interval.max(1);
    usize::try_from(distance.saturating_add(interval / 2) / interval).unwrap_or(usize::MAX - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn placed(times: &[i64]) -> (Vec<Option<f64>>, u64, u64, usize) {
        let placement = Placement::of(times, 1000).unwrap();
        let values: Vec<f64> = (0..times.len()).map(|row| row as f64).collect();
        let timeline = placement.timeline(&values, None, &Beside::default());
        let findings = placement.findings.len();
        (timeline.packets_per_second, timeline.interval_ms, timeline.covered_ms, findings)
    }

    #[test]
    fn a_drifting_log_of_the_vendor_keeps_one_sample_per_row() {
        // 17,221 samples in 24 h 00 m 04 s, as in the vendor's published screenshot.
        let times: Vec<i64> = (0..17_221).map(|row| row * 86_404 * SECOND / 17_220).collect();
        let placement = Placement::of(&times, usize::MAX).unwrap();
        let timeline = placement.timeline(&vec![1.0; times.len()], None, &Beside::default());
        assert_eq!(timeline.packets_per_second, vec![Some(1.0); 17_221]);
        assert_eq!((timeline.interval_ms, timeline.covered_ms), (5_018, 86_409_018));
        assert_eq!(placement.findings, Vec::<String>::new());
    }

    #[test]
    fn readings_beside_the_packets_keep_their_rows() {
        let times = [0, 5, 10, 15].map(|s| s * SECOND);
        let placement = Placement::of(&times, 10).unwrap();
        let mut beside = Beside::default();
        enter(&mut beside.cpu_percent, 0, Err(()));
        enter(&mut beside.cpu_percent, 1, Ok::<_, ()>(20.0));
        enter(&mut beside.cpu_percent, 2, Err(()));
        let timeline = placement.timeline(&[1.0; 4], None, &beside);
        assert_eq!(timeline.cpu_percent, [None, Some(20.0), None, None]);
        assert!(timeline.available_mb.is_empty());
    }

    #[test]
    fn a_gap_makes_as_many_empty_samples_as_it_lasts() {
        let times = [0, 5, 10, 25, 30, 35].map(|s| s * SECOND);
        let values = [Some(0.0), Some(1.0), Some(2.0), None, None, Some(3.0), Some(4.0), Some(5.0)];
        assert_eq!(placed(&times), (values.to_vec(), 5_000, 40_000, 1));
        let mut times: Vec<i64> = (0..20).map(|row| row * 5 * SECOND).collect();
        times.extend((20..40).map(|row| (row * 5 + 7) * SECOND));
        let (values, interval, covered, findings) = placed(&times);
        assert_eq!((values.len(), interval, covered, findings), (41, 5_000, 207_000, 1));
        assert_eq!((values[19], values[20], values[21]), (Some(19.0), None, Some(20.0)));
    }

    #[test]
    fn repeated_and_backward_times_are_sorted_and_told() {
        let times = [0, 5, 5, 15, 10, 20].map(|s| s * SECOND);
        let values = [0.0, 1.0, 4.0, 3.0, 5.0].map(Some).to_vec();
        assert_eq!(placed(&times), (values, 5_000, 25_000, 2));
        assert_eq!(Placement::of(&times, 1000).unwrap().out_of_order, 1);
    }

    #[test]
    fn rows_at_any_time_are_averaged_into_samples() {
        let times = [0, 10, 11, 12, 20, 30, 33, 40].map(|s| s * SECOND);
        let (values, interval, ..) = placed(&times);
        assert_eq!(interval, 7_000);
        assert_eq!(
            values,
            [Some(0.0), Some(1.0), Some(2.5), Some(4.0), Some(5.0), Some(6.0), Some(7.0)]
        );
    }

    #[test]
    fn a_jump_of_years_ends_the_timeline_and_is_told() {
        let mut times: Vec<i64> = (0..50).map(|row| row * SECOND).collect();
        times.push(40_000_000 * SECOND);
        let placement = Placement::of(&times, 1000).unwrap();
        assert_eq!(
            placement.timeline(&[1.0; 51], None, &Beside::default()).packets_per_second.len(),
            50
        );
        assert!(placement.findings.iter().any(|f| f.contains("too long for samples of 1000 ms")));
    }

    #[test]
    fn one_row_has_an_assumed_interval_and_none_no_placement() {
        assert_eq!(placed(&[7 * SECOND]), (vec![Some(0.0)], 5_000, 5_000, 1));
        assert_eq!(Placement::of(&[], 10), None);
    }
}
