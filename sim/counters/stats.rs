//! Minimum, mean and maximum of a counter beside the packets, without keeping its readings.

use crate::record::{Fact, HostFacts};

use super::number::Rejection;

/// Available memory beyond this is misread, in MB: 240 TB, what Windows Server 2025 can use
/// (memory limits for Windows releases).
pub(super) const AVAILABLE_MB_MAX: f64 = 240.0 * 1024.0 * 1024.0;

/// Processor time beyond this is misread, in percent. One above 100, because timer ticks make
/// perfmon's samples overshoot.
pub(super) const CPU_PERCENT_MAX: f64 = 101.0;

/// Running figures of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Stats {
    good: u64,
    bad: u64,
    sum: f64,
    minimum: f64,
    maximum: f64,
}

impl Stats {
    /// Adds one reading.
    pub(super) fn add(&mut self, reading: Result<f64, Rejection>) {
        let Ok(value) = reading else {
            self.bad += 1;
            return;
        };
        self.minimum = if self.good == 0 { value } else { self.minimum.min(value) };
        self.maximum = self.maximum.max(value);
        self.sum += value;
        self.good += 1;
    }

    fn mean(&self) -> Option<f64> {
        (self.good > 0).then(|| self.sum / self.good as f64)
    }

    /// The sentence on readings that were not used, except the first, which perfmon leaves
    /// blank.
    fn note(&self, source: &str) -> Option<String> {
        (self.bad > 1 || (self.bad > 0 && self.good == 0)).then(|| {
            let all = self.good + self.bad;
            format!("{} of {all} readings of {source} were not usable and left out", self.bad)
        })
    }
}

/// Writes what `memory` and `processor` found into `host`; `sources` name the two counters.
/// Gives notes on readings left out.
pub(super) fn put_facts(
    host: &mut HostFacts,
    memory: &Stats,
    processor: &Stats,
    sources: [&str; 2],
) -> Vec<String> {
    let [memory_source, processor_source] = sources;
    let fact = |value: f64, source: &str| Some(Fact { value, source: source.to_owned() });
    if let Some(mean) = memory.mean() {
        host.min_available_mb = fact(memory.minimum, memory_source);
        host.avg_available_mb = fact(mean, memory_source);
    }
    if let Some(mean) = processor.mean() {
        host.avg_cpu_percent = fact(mean, processor_source);
        host.max_cpu_percent = fact(processor.maximum, processor_source);
    }
    [memory.note(memory_source), processor.note(processor_source)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_minimum_mean_and_maximum_and_says_what_was_left_out() {
        let mut memory = Stats::default();
        [Ok(4.0), Err(Rejection::Empty), Ok(2.0), Ok(9.0), Err(Rejection::Negative)]
            .into_iter()
            .for_each(|reading| memory.add(reading));
        let mut host = HostFacts::default();
        let notes = put_facts(&mut host, &memory, &Stats::default(), ["counter M", "counter P"]);
        let fact = |value| Some(Fact { value, source: "counter M".to_owned() });
        let expected = HostFacts {
            min_available_mb: fact(2.0),
            avg_available_mb: fact(5.0),
            ..HostFacts::default()
        };
        assert_eq!(host, expected);
        assert_eq!(notes, ["2 of 5 readings of counter M were not usable and left out"]);
    }
}
