//! Several domain controllers together: plain sums as the vendor's Total row adds them, and
//! the busiest 15 minutes that they share.

use crate::record::{Sized, Timeline, Total, Window};

use super::load::busy_window_ms;
use super::window::{after, good_needed, rolling, sample, samples_in};

/// Nanoseconds in a millisecond.
const MILLISECOND_NS: i64 = 1_000_000;

/// All of `sized` together; `None` for fewer than two.
///
/// A sum is `None` where one of its figures is unknown: a sum of the rest would be too low.
/// The coincident Busy is taken over the time that all timelines share, sample by sample to the
/// nearest one: the 15 minutes in which the means of all, each over its own good readings, add
/// to the most. So it can never exceed the plain sum. It is `None` where one has no timeline,
/// their samples differ in length, they share no time, they share less than 15 minutes although
/// one of them is longer, or no window has enough good readings in all of them.
pub fn total(sized: &[Sized]) -> Option<Total> {
    if sized.len() < 2 {
        return None;
    }
    let sum = |figure: fn(&Sized) -> Option<f64>| sized.iter().map(figure).sum::<Option<f64>>();
    Some(Total {
        sum_busy_packets_per_second: sum(|one| one.load.busy.map(|busy| busy.packets_per_second)),
        sum_average_packets_per_second: sum(|one| one.load.average_packets_per_second),
        sum_maximum_packets_per_second: sum(|one| one.load.maximum_packets_per_second),
        coincident_busy: coincident(sized),
    })
}

fn coincident(sized: &[Sized]) -> Option<Window> {
    let timelines: Vec<&Timeline> = sized
        .iter()
        .map(|one| one.dc.timeline.as_ref().filter(|_| one.dc.reported.is_none()))
        .collect::<Option<_>>()?;
    let interval_ms = timelines.first()?.interval_ms;
    if interval_ms == 0 || timelines.iter().any(|timeline| timeline.interval_ms != interval_ms) {
        return None;
    }
    let start_utc = timelines.iter().map(|timeline| timeline.start_utc).max()?;
    // Each timeline from the sample that lies nearest to the common start.
    let tails: Vec<&[Option<f64>]> = timelines
        .iter()
        .map(|timeline| {
            let late_ms = start_utc.since(timeline.start_utc) / MILLISECOND_NS;
            let late_ms = u64::try_from(late_ms).unwrap_or(0);
            let skipped = usize::try_from((late_ms + interval_ms / 2) / interval_ms).ok()?;
            timeline.packets_per_second.get(skipped..)
        })
        .collect::<Option<_>>()?;
    let shared = tails.iter().map(|tail| tail.len()).min().filter(|shared| *shared > 0)?;
    let length = samples_in(busy_window_ms(), interval_ms);
    let longest = timelines.iter().map(|t| t.packets_per_second.len()).max().unwrap_or(0);
    if shared < length && longest >= length {
        return None;
    }
    let length = length.min(shared);
    let (first, packets_per_second) = highest_together(&tails, shared, length)?;
    Some(Window {
        packets_per_second,
        start_utc: after(start_utc, first, interval_ms),
        end_utc: after(start_utc, first + length, interval_ms),
    })
}

/// Among the windows of `length` in the first `shared` samples, the first sample of the one in
/// which the means of all `tails` add to the most, and that sum.
fn highest_together(
    tails: &[&[Option<f64>]],
    shared: usize,
    length: usize,
) -> Option<(usize, f64)> {
    let needed = good_needed(length);
    let cut = tails.iter().map(|tail| tail.get(..shared).unwrap_or(tail));
    let mut windows: Vec<_> = cut.map(|tail| rolling(tail, length, sample)).collect();
    let mut highest: Option<(usize, f64)> = None;
    while let Some(sums) = windows.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>() {
        let enough = sums.iter().all(|sum| sum.good >= needed);
        let Some(sum) = sums.iter().map(|sum| sum.mean()).sum::<Option<f64>>() else { continue };
        if enough && highest.is_none_or(|(_, most)| sum > most) {
            highest = sums.first().map(|window| (window.first, sum));
        }
    }
    highest
}

#[cfg(test)]
mod tests {
    use crate::base::Timestamp;
    use crate::model::{Rules, fixture, size};
    use crate::record::DomainController;

    use super::*;

    fn together(dcs: Vec<DomainController>) -> Option<Total> {
        let sized: Vec<_> = dcs.into_iter().map(|dc| size(dc, &Rules::default())).collect();
        total(&sized)
    }

    /// 400 samples of 5 s from second `start`, 10 packets/s but `high` from sample `from` on
    /// for 15 minutes.
    fn log(start: i64, from: usize, high: f64) -> DomainController {
        let mut rates = vec![Some(10.0); 400];
        rates[from..from + 180].fill(Some(high));
        fixture::counters("dc", Timestamp::from_parts(start, 0), 5_000, rates)
    }

    #[test]
    fn one_alone_has_no_total() {
        assert_eq!(together(vec![log(0, 0, 1.0)]), None);
        assert_eq!(total(&[]), None);
    }

    #[test]
    fn peaks_at_different_times_add_to_more_than_they_share() {
        let total = together(vec![log(0, 0, 100.0), log(0, 200, 50.0)]).unwrap();
        assert_eq!(total.sum_busy_packets_per_second, Some(150.0));
        assert_eq!(total.sum_maximum_packets_per_second, Some(150.0));
        let shared = total.coincident_busy.unwrap();
        assert_eq!(shared.packets_per_second, 110.0);
        assert_eq!(shared.start_utc, Timestamp::from_parts(0, 0));
        assert_eq!(shared.end_utc, Timestamp::from_parts(900, 0));
    }

    #[test]
    fn timelines_are_laid_over_each_other_by_absolute_time() {
        // The second log starts 100 samples and 2 s later; its peak falls on the first one's.
        let total = together(vec![log(0, 150, 100.0), log(502, 50, 50.0)]).unwrap();
        let shared = total.coincident_busy.unwrap();
        assert_eq!(shared.packets_per_second, 150.0);
        assert_eq!(shared.start_utc, Timestamp::from_parts(752, 0));
    }

    #[test]
    fn a_sample_missing_in_one_counts_for_the_others() {
        let mut second = log(0, 0, 10.0);
        second.timeline.as_mut().unwrap().packets_per_second[5] = None;
        let mut first = log(0, 0, 10.0);
        first.timeline.as_mut().unwrap().packets_per_second[5] = Some(1_810.0);
        let total = together(vec![first, second]).unwrap();
        assert_eq!(total.coincident_busy.unwrap().packets_per_second, 30.0);
    }

    #[test]
    fn what_they_share_never_exceeds_the_plain_sum() {
        for seed in 0..50 {
            let mut random = crate::base::Random::new(seed);
            let mut dc = || {
                let mut reading = || (random.below(20) > 0).then(|| f64::from(random.below(1_000)));
                let rates = (0..400).map(|_| reading()).collect();
                fixture::counters("dc", Timestamp::from_parts(0, 0), 5_000, rates)
            };
            let total = together(vec![dc(), dc(), dc()]).unwrap();
            let shared = total.coincident_busy.unwrap().packets_per_second;
            let sum = total.sum_busy_packets_per_second.unwrap();
            assert!(shared <= sum + 1e-9, "seed {seed}: {shared} above {sum}");
        }
    }

    #[test]
    fn what_cannot_be_laid_together_has_no_coincident_peak() {
        let none = |dcs| together(dcs).unwrap().coincident_busy;
        // Different days; too little in common; different intervals; a workbook.
        assert_eq!(none(vec![log(0, 0, 1.0), log(86_400, 0, 1.0)]), None);
        assert_eq!(none(vec![log(0, 0, 1.0), log(1_500, 0, 1.0)]), None);
        let mut other = log(0, 0, 1.0);
        other.timeline.as_mut().unwrap().interval_ms = 1_000;
        assert_eq!(none(vec![log(0, 0, 1.0), other]), None);
        let workbook = fixture::reported("dc2", 5.0, Some(1.0));
        assert_eq!(none(vec![log(0, 0, 1.0), workbook]), None);
        // Both short: their common time is what there is.
        let short = |start| {
            fixture::counters("s", Timestamp::from_parts(start, 0), 5_000, vec![Some(2.0); 10])
        };
        let shared = none(vec![short(0), short(25)]).unwrap();
        assert_eq!(shared.packets_per_second, 4.0);
        assert_eq!(shared.start_utc, Timestamp::from_parts(25, 0));
        assert_eq!(shared.end_utc, Timestamp::from_parts(50, 0));
    }

    #[test]
    fn a_sum_with_an_unknown_part_is_unknown() {
        let dcs = vec![fixture::reported("a", 5.0, Some(1.0)), fixture::bare("b")];
        let total = together(dcs).unwrap();
        assert_eq!(total.sum_busy_packets_per_second, None);
        let dcs = vec![fixture::reported("a", 5.0, Some(1.0)), fixture::reported("b", 6.0, None)];
        let total = together(dcs).unwrap();
        assert_eq!(total.sum_busy_packets_per_second, Some(11.0));
        assert_eq!(total.sum_average_packets_per_second, None);
        assert_eq!(total.sum_maximum_packets_per_second, None);
    }
}
