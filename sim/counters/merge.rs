//! Several counter inputs as one: rotated logs, a log and a workbook of the same host.

use std::collections::BTreeMap;

use crate::record::{DomainController, Fact, HostFacts, InputFile, RejectedReadings, Timeline};

use super::placement::MAX_READINGS;
use super::{CounterLog, shown};

/// Intervals that differ by less than this share are taken for the same: a log of "5 s" drifts
/// from file to file.
const SAME_INTERVAL: f64 = 0.02;

/// Line numbers of rejected readings that are kept, as `RejectedReadings::rows` says.
const MAX_REJECTED_ROWS: usize = 20;

/// Several inputs read together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// The inputs, in the order given.
    pub files: Vec<InputFile>,
    /// One entry per host, in the order in which they first occur. Hosts of which two logs
    /// sample at different intervals stay apart.
    pub domain_controllers: Vec<DomainController>,
    /// Warnings of all inputs, each with the input it belongs to. Hostile.
    pub warnings: Vec<String>,
}

/// Puts `logs` together: a host (by name, case ignored) that occurs in several becomes one
/// entry, its timelines one after the other in time order.
pub fn merge(logs: Vec<CounterLog>) -> Merged {
    let mut merged = Merged::default();
    let mut hosts: Vec<Vec<(String, DomainController)>> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for log in logs {
        let path = log.file.path.clone();
        let warnings = log.warnings.into_iter();
        merged.warnings.extend(warnings.map(|warning| format!("{}: {warning}", shown(&path))));
        merged.files.push(log.file);
        for dc in log.domain_controllers {
            let number = *numbers.entry(dc.name.to_lowercase()).or_insert_with(|| {
                hosts.push(Vec::new());
                hosts.len() - 1
            });
            if let Some(host) = hosts.get_mut(number) {
                host.push((path.clone(), dc));
            }
        }
    }
    for host in hosts {
        merged.domain_controllers.extend(join_host(host));
    }
    merged
}

/// One host out of several inputs; more than one entry where their intervals differ.
fn join_host(mut parts: Vec<(String, DomainController)>) -> Vec<DomainController> {
    if parts.len() == 1 {
        return parts.into_iter().map(|(_, dc)| dc).collect();
    }
    // Those without a timeline last: they add facts to the first that has one.
    parts.sort_by_key(|(_, dc)| dc.timeline.as_ref().map_or((1, None), |t| (0, Some(t.start_utc))));
    let mut joined: Vec<(Vec<String>, DomainController)> = Vec::new();
    for (path, dc) in parts {
        let fits = |other: &&mut (Vec<String>, DomainController)| match (
            &other.1.timeline,
            &dc.timeline,
        ) {
            (Some(first), Some(second)) => can_follow(first, second),
            _ => true,
        };
        match joined.iter_mut().find(fits) {
            Some((paths, first)) => {
                join(first, dc);
                paths.push(path);
            }
            None => joined.push((vec![path], dc)),
        }
    }
    let apart = joined.len() > 1;
    joined
        .into_iter()
        .map(|(paths, mut dc)| {
            if paths.len() > 1 {
                let names = super::table::name_list(paths.iter().map(String::as_str));
                dc.notes.push(format!(
                    "joined from {} inputs: {names}; line numbers count within each",
                    paths.len()
                ));
            }
            if apart {
                dc.notes.push(
                    "other inputs sample this host at another interval, or too far away in time, \
                     and were kept apart"
                        .to_owned(),
                );
            }
            dc
        })
        .collect()
}

/// True where `second`, which starts later, can be laid onto the grid of `first`.
fn can_follow(first: &Timeline, second: &Timeline) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an interval")]
    let (a, b) = (first.interval_ms as f64, second.interval_ms as f64);
    let samples = seam(first, second).map(|seam| match seam {
        Seam::Gap(empty) => {
            first.packets_per_second.len() + empty + second.packets_per_second.len()
        }
        Seam::Overlap(_) => first.packets_per_second.len() + second.packets_per_second.len(),
    });
    (a - b).abs() <= a * SAME_INTERVAL && samples.is_some_and(|samples| samples <= MAX_READINGS)
}

/// How two timelines meet.
enum Seam {
    /// Empty samples between them.
    Gap(usize),
    /// Samples that both have.
    Overlap(usize),
}

/// Where `second` begins, measured by the time that `first` really covers: its grid may have
/// drifted from the clock.
fn seam(first: &Timeline, second: &Timeline) -> Option<Seam> {
    let interval = i64::try_from(first.interval_ms).ok()?.max(1).checked_mul(1_000_000)?;
    let covered = i64::try_from(first.covered_ms).ok()?.checked_mul(1_000_000)?;
    let distance = second.start_utc.since(first.start_utc.plus_nanos(covered));
    let samples = distance.checked_add(interval / 2)?.div_euclid(interval);
    let count = usize::try_from(samples.unsigned_abs()).ok()?;
    Some(if samples >= 0 { Seam::Gap(count) } else { Seam::Overlap(count) })
}

/// Adds `second` to `first`.
fn join(first: &mut DomainController, second: DomainController) {
    let weights = [good_samples(first), good_samples(&second)];
    match (&mut first.timeline, second.timeline) {
        (Some(timeline), Some(next)) => first.notes.extend(append(timeline, &next)),
        (none @ None, Some(next)) => *none = Some(next),
        (_, None) => {}
    }
    match (&first.reported, second.reported) {
        (Some(_), Some(_)) => first.notes.push(
            "several workbooks report on this host; the figures of the first are shown".to_owned(),
        ),
        (None, Some(reported)) => {
            first.reported = Some(reported);
            first.traffic_basis = second.traffic_basis;
        }
        (_, None) => {}
    }
    join_facts(&mut first.host, second.host, weights);
    join_rejected(&mut first.rejected, second.rejected);
    for note in second.notes {
        if !first.notes.contains(&note) {
            first.notes.push(note);
        }
    }
}

/// Lays `next` behind `timeline`. Gives a sentence where they overlap.
fn append(timeline: &mut Timeline, next: &Timeline) -> Option<String> {
    let length = timeline.packets_per_second.len();
    let (first_new, note) = match seam(timeline, next)? {
        Seam::Gap(empty) => (length + empty, None),
        Seam::Overlap(samples) => {
            let samples = samples.min(length);
            let note = format!(
                "inputs overlap by {samples} samples from {}; the earlier input was used there, \
                 the later one where it has no reading",
                next.start_utc
            );
            (length - samples, Some(note))
        }
    };
    lay(&mut timeline.packets_per_second, &next.packets_per_second, first_new);
    let whole = timeline.packets_per_second.len();
    for (series, values) in [
        (&mut timeline.bytes_per_second, &next.bytes_per_second),
        (&mut timeline.cpu_percent, &next.cpu_percent),
        (&mut timeline.available_mb, &next.available_mb),
    ] {
        // One that neither knows stays empty.
        if !series.is_empty() || !values.is_empty() {
            series.resize(length, None);
            lay(series, values, first_new);
            series.resize(whole, None);
        }
    }
    let end = |t: &Timeline| {
        let covered = i64::try_from(t.covered_ms).unwrap_or(i64::MAX);
        t.start_utc.plus_nanos(covered.saturating_mul(1_000_000))
    };
    let covered = end(timeline).max(end(next)).since(timeline.start_utc);
    timeline.covered_ms = u64::try_from(covered / 1_000_000).unwrap_or(timeline.covered_ms);
    note
}

/// Writes `values` from `first` on, keeping what is there.
fn lay(series: &mut Vec<Option<f64>>, values: &[Option<f64>], first: usize) {
    let needed = first + values.len();
    if series.len() < needed {
        series.resize(needed, None);
    }
    for (slot, value) in series.iter_mut().skip(first).zip(values) {
        *slot = slot.or(*value);
    }
}

fn good_samples(dc: &DomainController) -> usize {
    dc.timeline.as_ref().map_or(0, |t| t.packets_per_second.iter().flatten().count())
}

/// The worst of both, means weighted by readings, and whatever only one knows.
fn join_facts(first: &mut HostFacts, second: HostFacts, weights: [usize; 2]) {
    pick(&mut first.min_available_mb, second.min_available_mb, f64::min);
    pick(&mut first.max_cpu_percent, second.max_cpu_percent, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "a count of samples")]
    let [a, b] = weights.map(|weight| weight.max(1) as f64);
    let mean = move |x: f64, y: f64| (x * a + y * b) / (a + b);
    pick(&mut first.avg_available_mb, second.avg_available_mb, mean);
    pick(&mut first.avg_cpu_percent, second.avg_cpu_percent, mean);
    first.physical_cores = first.physical_cores.take().or(second.physical_cores);
    first.logical_processors = first.logical_processors.take().or(second.logical_processors);
    first.installed_memory_gb = first.installed_memory_gb.take().or(second.installed_memory_gb);
    first.operating_system = first.operating_system.take().or(second.operating_system);
}

fn pick(first: &mut Option<Fact<f64>>, second: Option<Fact<f64>>, of: impl Fn(f64, f64) -> f64) {
    match (first.as_mut(), second) {
        (Some(first), Some(second)) => first.value = of(first.value, second.value),
        (None, second) => *first = second,
        (Some(_), None) => {}
    }
}

fn join_rejected(first: &mut RejectedReadings, second: RejectedReadings) {
    first.negative += second.negative;
    first.empty += second.empty;
    first.not_a_number += second.not_a_number;
    first.impossible += second.impossible;
    let room = MAX_REJECTED_ROWS.saturating_sub(first.rows.len());
    first.rows.extend(second.rows.into_iter().take(room));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn log(path: &str, start_s: i64, interval_ms: u64, values: &[Option<f64>]) -> CounterLog {
        let csv = "time,host,packets_per_second\n2025-11-21 08:00:00,DC1,1\n";
        let mut log = super::super::read(path, csv.as_bytes(), &Default::default()).unwrap();
        let dc = &mut log.domain_controllers[0];
        dc.notes.clear();
        dc.timeline = Some(Timeline {
            start_utc: Timestamp::from_parts(start_s, 0),
            interval_ms,
            covered_ms: interval_ms * values.len() as u64,
            packets_per_second: values.to_vec(),
            bytes_per_second: Vec::new(),
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: interval_ms,
            protocols: Vec::new(),
        });
        log
    }

    fn series(merged: &Merged) -> Vec<(Timestamp, u64, &[Option<f64>])> {
        let timelines = merged.domain_controllers.iter().flat_map(|dc| &dc.timeline);
        timelines.map(|t| (t.start_utc, t.covered_ms, t.packets_per_second.as_slice())).collect()
    }

    #[test]
    fn rotated_logs_become_one_timeline_in_time_order() {
        let second = log("b.csv", 20, 5_000, &[Some(4.0), Some(5.0)]);
        let first = log("a.csv", 0, 5_000, &[Some(1.0), None]);
        let merged = merge(vec![second, first]);
        let expected = [Some(1.0), None, None, None, Some(4.0), Some(5.0)];
        assert_eq!(series(&merged), [(Timestamp::default(), 30_000, expected.as_slice())]);
        let files: Vec<&str> = merged.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["b.csv", "a.csv"]);
        assert_eq!(
            merged.domain_controllers[0].notes,
            ["joined from 2 inputs: `a.csv`, `b.csv`; line numbers count within each"]
        );
    }

    #[test]
    fn an_overlap_keeps_the_earlier_input_and_is_told() {
        let first = log("a.csv", 0, 5_000, &[Some(1.0), None, Some(3.0)]);
        let second = log("b.csv", 5, 5_050, &[Some(20.0), Some(30.0), Some(40.0)]);
        let merged = merge(vec![first, second]);
        let expected = [Some(1.0), Some(20.0), Some(3.0), Some(40.0)];
        assert_eq!(series(&merged), [(Timestamp::default(), 20_150, expected.as_slice())]);
        assert!(merged.domain_controllers[0].notes[0].starts_with("inputs overlap by 2 samples"));
    }

    #[test]
    fn readings_of_the_server_stay_beside_their_packets() {
        let first = log("a.csv", 0, 5_000, &[Some(1.0), Some(2.0)]);
        let mut second = log("b.csv", 15, 5_000, &[Some(4.0), Some(5.0)]);
        let timeline = second.domain_controllers[0].timeline.as_mut().unwrap();
        timeline.cpu_percent = vec![Some(40.0), None];
        let merged = merge(vec![first, second]);
        let timeline = merged.domain_controllers[0].timeline.as_ref().unwrap();
        assert_eq!(timeline.cpu_percent, [None, None, None, Some(40.0), None]);
        assert_eq!(timeline.packets_per_second.len(), 5);
        assert!(timeline.available_mb.is_empty() && timeline.bytes_per_second.is_empty());
    }

    #[test]
    fn logs_of_different_intervals_stay_apart() {
        let merged =
            merge(vec![log("a", 0, 5_000, &[Some(1.0)]), log("b", 60, 60_000, &[Some(2.0)])]);
        assert_eq!(series(&merged).len(), 2);
        assert!(merged.domain_controllers[1].notes[0].contains("kept apart"));
    }

    #[test]
    fn facts_keep_the_worst_and_rejections_add_up() {
        let fact = |value| Some(Fact { value, source: "s".to_owned() });
        let mut first = HostFacts {
            min_available_mb: fact(10.0),
            avg_cpu_percent: fact(10.0),
            ..HostFacts::default()
        };
        let second = HostFacts {
            min_available_mb: fact(5.0),
            avg_cpu_percent: fact(40.0),
            max_cpu_percent: fact(90.0),
            ..HostFacts::default()
        };
        join_facts(&mut first, second, [1, 2]);
        let expected = HostFacts {
            min_available_mb: fact(5.0),
            avg_cpu_percent: fact(30.0),
            max_cpu_percent: fact(90.0),
            ..HostFacts::default()
        };
        assert_eq!(first, expected);
        let mut rejected =
            RejectedReadings { negative: 1, rows: vec![7; 15], ..Default::default() };
        join_rejected(
            &mut rejected,
            RejectedReadings { negative: 2, empty: 3, rows: vec![9; 15], ..Default::default() },
        );
        assert_eq!((rejected.negative, rejected.empty, rejected.rows.len()), (3, 3, 20));
    }
}
