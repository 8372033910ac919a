//! Traffic figures of one domain controller from its timeline.

use crate::record::{DomainController, Load, Peak, Timeline, Window};

use super::tables::tables;
pub use super::window::MIN_GOOD_PERCENT;
use super::window::{Sum, after, after_ms, highest, sample, samples_in, window};

/// One minute in milliseconds: the peak between one sample and the busy window.
const MINUTE_MS: u64 = 60_000;

/// Milliseconds between the readings of the vendor's tool ("roughly every 5 seconds").
const TOOL_INTERVAL_MS: u64 = 5_000;

/// What a load was computed from, for the caveats.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Traffic {
    /// The figures.
    pub load: Load,
    /// Time covered in milliseconds; `None` where the input does not say.
    pub covered_ms: Option<u64>,
    /// Less than one busy window was covered, so Busy is the mean of what there is.
    pub short: bool,
    /// Good readings and samples of the busy window.
    pub coverage: Option<(u64, u64)>,
    /// Length of the busy window as it was taken, in milliseconds.
    pub window_ms: Option<u64>,
}

/// Traffic figures of `dc`: Busy, average and maximum Packets/sec, and peaks.
///
/// *Busy Packets/sec* is the highest mean over 15 minutes of unbroken samples (180 of 5 s; for
/// other intervals the number that comes nearest), with the start of the first and the end of
/// the last. Samples without a good reading are left out of every mean. Less than 15 minutes:
/// the mean over the time covered, at least one sample. What a workbook reports is used as it
/// stands. Unknown stays `None`.
pub fn load(dc: &DomainController) -> Load {
    measure(dc).load
}

/// [`load`] with what it was computed from.
pub(super) fn measure(dc: &DomainController) -> Traffic {
    if let Some(reported) = &dc.reported {
        return from_report(reported);
    }
    match dc.timeline.as_ref().filter(|t| t.interval_ms > 0 && !t.packets_per_second.is_empty()) {
        Some(timeline) => from_timeline(dc, timeline),
        None => unknown(),
    }
}

/// Length of the busy window in milliseconds.
pub(super) fn busy_window_ms() -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred whole seconds, above zero by the check of the tables"
    )]
    let seconds = tables().figures.busy_window.value as u64;
    seconds.saturating_mul(1_000)
}

fn unknown() -> Traffic {
    Traffic {
        load: Load {
            busy: None,
            average_packets_per_second: None,
            maximum_packets_per_second: None,
            peaks: Vec::new(),
            good_samples: 0,
            failed_samples: 0,
        },
        covered_ms: None,
        short: false,
        coverage: None,
        window_ms: None,
    }
}

/// A workbook's figures, without those that are no rates.
fn from_report(reported: &Load) -> Traffic {
    let rate = |value: &f64| sample(Some(*value)).is_some();
    let samples = reported.good_samples.saturating_add(reported.failed_samples);
    // Its readings come about every 5 s; a workbook without the count says nothing.
    let covered_ms = (samples > 0).then(|| samples.saturating_mul(TOOL_INTERVAL_MS));
    let load = Load {
        busy: reported.busy.filter(|busy| rate(&busy.packets_per_second)),
        average_packets_per_second: reported.average_packets_per_second.filter(rate),
        maximum_packets_per_second: reported.maximum_packets_per_second.filter(rate),
        peaks: reported
            .peaks
            .iter()
            .copied()
            .filter(|peak| rate(&peak.packets_per_second))
            .collect(),
        good_samples: reported.good_samples,
        failed_samples: reported.failed_samples,
    };
    Traffic {
        short: load.busy.is_some() && covered_ms.is_some_and(|ms| ms < busy_window_ms()),
        load,
        covered_ms,
        coverage: None,
        window_ms: None,
    }
}

fn from_timeline(dc: &DomainController, timeline: &Timeline) -> Traffic {
    let samples = &timeline.packets_per_second;
    let interval_ms = timeline.interval_ms;
    let all = Sum::of(samples.iter().map(|rate| sample(*rate)));
    let total = u64::try_from(samples.len()).unwrap_or(u64::MAX);
    let failed = total - all.good;
    // Only a capture knows how much of its last sample is covered; a reading stands for all of it.
    let counted = dc.packets.is_some();
    let covered_ms = if counted {
        timeline.covered_ms.max(interval_ms)
    } else {
        total.saturating_mul(interval_ms)
    };
    let average = if counted {
        let good_ms =
            covered_ms.saturating_sub(failed.saturating_mul(interval_ms)).max(interval_ms);
        (all.good > 0).then(|| all.packets(interval_ms) * 1_000.0 / good_ms as f64)
    } else {
        all.mean()
    };

    let length = samples_in(busy_window_ms(), interval_ms);
    let short = samples.len() < length || (counted && covered_ms < busy_window_ms());
    let rolling = if short { None } else { highest(samples, length, sample) };
    let busy = if short {
        average.map(|packets_per_second| Window {
            packets_per_second,
            start_utc: timeline.start_utc,
            end_utc: after_ms(timeline.start_utc, covered_ms),
        })
    } else {
        rolling.as_ref().and_then(|sum| window(timeline, sum, length))
    };
    let length = u64::try_from(length).unwrap_or(u64::MAX);
    let window_ms = if short { covered_ms } else { length.saturating_mul(interval_ms) };
    let coverage =
        if short { Some((all.good, total)) } else { rolling.map(|sum| (sum.good, length)) };
    Traffic {
        load: Load {
            busy,
            average_packets_per_second: average,
            maximum_packets_per_second: highest(samples, 1, sample).and_then(|sum| sum.mean()),
            peaks: peaks(dc, timeline, short),
            good_samples: all.good,
            failed_samples: failed,
        },
        covered_ms: Some(covered_ms),
        short,
        coverage: coverage.filter(|_| busy.is_some()),
        window_ms: busy.map(|_| window_ms),
    }
}

/// Peaks shorter than a sample as they were counted, then one sample, one minute, 15 minutes;
/// only windows that the timeline fills.
fn peaks(dc: &DomainController, timeline: &Timeline, short: bool) -> Vec<Peak> {
    let interval_ms = timeline.interval_ms;
    let usable = |peak: &&Peak| {
        peak.window_ms < interval_ms && sample(Some(peak.packets_per_second)).is_some()
    };
    let mut peaks: Vec<Peak> = dc.sub_sample_peaks.iter().filter(usable).copied().collect();
    peaks.sort_by_key(|peak| peak.window_ms);
    let mut lengths = vec![1, samples_in(MINUTE_MS, interval_ms)];
    if !short {
        lengths.push(samples_in(busy_window_ms(), interval_ms));
    }
    lengths.dedup();
    for length in lengths {
        let Some(sum) = highest(&timeline.packets_per_second, length, sample) else { continue };
        let Some(packets_per_second) = sum.mean() else { continue };
        peaks.push(Peak {
            window_ms: u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(interval_ms),
            packets_per_second,
            start_utc: after(timeline.start_utc, sum.first, interval_ms),
        });
    }
    peaks
}

#[cfg(test)]
mod tests {
    use crate::base::Timestamp;
    use crate::model::fixture;

    use super::*;

    /// A counter log of `rates`, 5 s apart, from second 1,000.
    fn counters(rates: Vec<Option<f64>>) -> DomainController {
        fixture::counters("dc1", Timestamp::from_parts(1_000, 0), 5_000, rates)
    }

    fn window_of(load: &Load) -> (f64, i64, i64) {
        let busy = load.busy.unwrap();
        let second = |t: Timestamp| t.nanos() / 1_000_000_000;
        (busy.packets_per_second, second(busy.start_utc), second(busy.end_utc))
    }

    #[test]
    fn busy_is_the_highest_quarter_of_an_hour_with_its_start_and_end() {
        let mut rates = vec![Some(100.0); 1_000];
        rates[400..580].fill(Some(700.0));
        let load = load(&counters(rates));
        assert_eq!(window_of(&load), (700.0, 1_000 + 400 * 5, 1_000 + 580 * 5));
        assert_eq!(load.maximum_packets_per_second, Some(700.0));
        assert_eq!(load.average_packets_per_second, Some(208.0));
        assert_eq!((load.good_samples, load.failed_samples), (1_000, 0));
        let lengths: Vec<u64> = load.peaks.iter().map(|peak| peak.window_ms).collect();
        assert_eq!(lengths, [5_000, 60_000, 900_000]);
    }

    #[test]
    fn exactly_180_readings_are_one_window_and_179_are_short() {
        let full = measure(&counters(vec![Some(8.0); 180]));
        assert!(!full.short);
        assert_eq!(window_of(&full.load), (8.0, 1_000, 1_900));
        let short = measure(&counters(vec![Some(8.0); 179]));
        assert!(short.short);
        assert_eq!(window_of(&short.load), (8.0, 1_000, 1_895));
        assert_eq!(short.load.peaks.len(), 2);
    }

    #[test]
    fn a_short_capture_is_the_mean_over_the_time_it_covers() {
        // 7 s: 500 packets, then 200 in a sample of which 2 s are covered.
        let dc = fixture::capture(Timestamp::from_parts(0, 0), 7_000, &[500, 200]);
        let load = load(&dc);
        assert_eq!(window_of(&load), (100.0, 0, 7));
        assert_eq!(load.average_packets_per_second, Some(100.0));
        // A capture of a moment is not a high rate: one sample is the least it covers.
        let moment = fixture::capture(Timestamp::from_parts(0, 0), 1, &[10]);
        assert_eq!(window_of(&super::load(&moment)), (2.0, 0, 5));
    }

    #[test]
    fn a_capture_of_a_quarter_of_an_hour_rolls() {
        let dc = fixture::capture(Timestamp::from_parts(0, 0), 900_000, &[5; 180]);
        let full = measure(&dc);
        assert!(!full.short);
        assert_eq!(window_of(&full.load), (1.0, 0, 900));
        let dc = fixture::capture(Timestamp::from_parts(0, 0), 899_999, &[5; 180]);
        assert!(measure(&dc).short);
    }

    #[test]
    fn failed_readings_are_left_out_of_every_mean() {
        let mut rates = vec![Some(10.0); 360];
        rates[0] = None;
        rates[200..210].fill(None);
        let traffic = measure(&counters(rates));
        assert_eq!(traffic.load.average_packets_per_second, Some(10.0));
        assert_eq!((traffic.load.good_samples, traffic.load.failed_samples), (349, 11));
        assert_eq!(traffic.coverage, Some((179, 180)));
        let none = load(&counters(vec![None; 400]));
        assert_eq!((none.busy, none.average_packets_per_second), (None, None));
        assert_eq!((none.maximum_packets_per_second, none.peaks), (None, Vec::new()));
    }

    #[test]
    fn other_intervals_take_the_nearest_number_of_samples() {
        let mut rates = vec![Some(1.0); 60];
        rates[30..45].fill(Some(4.0));
        let dc = fixture::counters("dc1", Timestamp::from_parts(0, 0), 60_000, rates);
        let load = load(&dc);
        assert_eq!(window_of(&load), (4.0, 1_800, 2_700));
        // One sample is one minute: the same peak is not listed twice.
        let lengths: Vec<u64> = load.peaks.iter().map(|peak| peak.window_ms).collect();
        assert_eq!(lengths, [60_000, 900_000]);
    }

    #[test]
    fn peaks_shorter_than_a_sample_come_first_and_impossible_ones_not_at_all() {
        let mut dc = fixture::capture(Timestamp::from_parts(0, 0), 20_000, &[50, 100, 50, 50]);
        let peak = |window_ms, packets_per_second| Peak {
            window_ms,
            packets_per_second,
            start_utc: Timestamp::from_parts(0, 0),
        };
        dc.sub_sample_peaks = vec![peak(1_000, 40.0), peak(1, 2_000.0), peak(10, f64::NAN)];
        let peaks: Vec<_> =
            load(&dc).peaks.iter().map(|p| (p.window_ms, p.packets_per_second)).collect();
        assert_eq!(peaks, [(1, 2_000.0), (1_000, 40.0), (5_000, 20.0)]);
    }

    #[test]
    fn a_workbook_is_used_as_it_stands_but_never_a_negative_rate() {
        let mut dc = fixture::reported("dc1", 13_212.0, Some(13_000.0));
        let reported = dc.reported.clone().unwrap();
        assert_eq!(load(&dc), reported);
        // Even where a timeline is there too.
        dc.timeline = counters(vec![Some(1.0); 200]).timeline;
        assert_eq!(load(&dc), reported);
        let mut bad = fixture::reported("dc1", -1.0, Some(f64::NAN));
        bad.reported.as_mut().unwrap().maximum_packets_per_second = Some(f64::INFINITY);
        let load = load(&bad);
        assert_eq!((load.busy, load.average_packets_per_second), (None, None));
        assert_eq!(load.maximum_packets_per_second, None);
    }

    #[test]
    fn nothing_is_unknown_and_not_zero() {
        let mut dc = counters(Vec::new());
        assert_eq!(load(&dc).busy, None);
        dc.timeline = None;
        assert_eq!(load(&dc).average_packets_per_second, None);
        let mut dc = counters(vec![Some(1.0); 3]);
        dc.timeline.as_mut().unwrap().interval_ms = 0;
        assert_eq!(load(&dc).busy, None);
    }
}
