//! What the server uses itself, from one reading of its counters to the next.
//!
//! A planner asks what more traffic does, and the domain controller's own work grows with its
//! traffic too. So each reading is taken apart: what follows the packets, by the straight line
//! that lies nearest to all readings, and the rest, which stays as it was at that time.

use crate::model::virtual_sensor::{OwnLoad, Use};
use crate::model::words;
use crate::record::Timeline;

use super::span::Span;

/// Readings that a line is drawn through at least. Ours.
const READINGS_MIN: usize = 30;
/// Share of what the readings vary that the line must explain to be believed (its coefficient of
/// determination). Ours.
const EXPLAINED_MIN: f64 = 0.5;
const MB_PER_GB: f64 = 1_024.0;

/// Readings over time.
#[derive(Debug, Clone)]
pub struct Readings {
    pub start_ns: i64,
    pub interval_ns: i64,
    /// Less what follows the traffic.
    pub used: Vec<Use>,
}

impl Readings {
    /// Those of `span` only: replicas have copies of their own.
    pub fn within(&self, span: Span, cores_per_packet_per_second: f64) -> OwnLoad {
        let interval_ns = self.interval_ns.max(1);
        let at = |time: i64| time.saturating_sub(self.start_ns).max(0);
        let index = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        let last = self.used.len().saturating_sub(1);
        let first = index(at(span.start_ns) / interval_ns).min(last);
        let end = index((at(span.end_ns) + interval_ns - 1) / interval_ns);
        let end = end.clamp(first + 1, last + 1);
        let passed = i64::try_from(first).unwrap_or(i64::MAX).saturating_mul(interval_ns);
        OwnLoad::Series {
            start_ns: self.start_ns.saturating_add(passed),
            interval_ns,
            readings: self.used.get(first..end).unwrap_or_default().to_vec(),
            cores_per_packet_per_second,
        }
    }
}

/// How the processor readings follow the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Follow {
    /// Mean of the readings, in cores.
    pub mean_cores: f64,
    /// Cores that are used without traffic.
    pub idle_cores: f64,
    pub cores_per_packet_per_second: f64,
    /// Whether the readings show it; else all is taken to follow the traffic, the cautious end.
    pub is_shown: bool,
}

impl Follow {
    /// `None` where the log has no processor reading, or no traffic.
    pub fn of(timeline: &Timeline, cores: f64) -> Option<Self> {
        let rates = timeline.packets_per_second.iter();
        let pairs: Vec<(f64, f64)> = rates
            .zip(&timeline.cpu_percent)
            .filter_map(|(rate, percent)| Some(((*rate)?, (*percent)? / 100.0 * cores)))
            .collect();
        let count = pairs.len() as f64;
        let mean_rate = pairs.iter().map(|(rate, _)| rate).sum::<f64>() / count;
        let mean_cores = pairs.iter().map(|(_, used)| used).sum::<f64>() / count;
        if pairs.is_empty() || mean_rate <= 0.0 {
            return None;
        }
        let (mut of_rate, mut of_used, mut of_both) = (0.0, 0.0, 0.0);
        for (rate, used) in &pairs {
            let (rate, used) = (rate - mean_rate, used - mean_cores);
            of_rate += rate * rate;
            of_used += used * used;
            of_both += rate * used;
        }
        let slope = of_both / of_rate;
        let idle_cores = mean_cores - slope * mean_rate;
        let is_shown = pairs.len() >= READINGS_MIN
            && of_both > 0.0
            && of_both * of_both >= EXPLAINED_MIN * of_rate * of_used
            && idle_cores >= 0.0;
        Some(Self {
            mean_cores,
            idle_cores: if is_shown { idle_cores } else { 0.0 },
            cores_per_packet_per_second: if is_shown { slope } else { mean_cores / mean_rate },
            is_shown,
        })
    }

    /// What of reading `at` does not follow the traffic, in cores; of one that failed, what is
    /// used without traffic.
    pub fn rest(&self, timeline: &Timeline, at: usize, cores: f64) -> f64 {
        let reading = |series: &[Option<f64>]| series.get(at).copied().flatten();
        match (reading(&timeline.packets_per_second), reading(&timeline.cpu_percent)) {
            (Some(rate), Some(percent)) => {
                percent / 100.0 * cores - self.cores_per_packet_per_second * rate
            }
            _ => self.idle_cores,
        }
    }

    /// In words, of a server with so many cores.
    pub fn words(&self, cores: f64) -> String {
        let percent = 100.0 * self.mean_cores / cores;
        let grows = if self.is_shown {
            let idle = 100.0 * self.idle_cores / cores;
            format!("{idle:.0} % whatever the traffic, the rest growing with it")
        } else {
            "all of it taken to grow with the traffic".to_owned()
        };
        format!(
            "{percent:.0} % of its {} on average, at each time as its counters say ({grows})",
            words::cores(cores)
        )
    }
}

/// What the memory readings say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryReadings {
    installed_gb: f64,
    pub mean_gb: f64,
    least_gb: f64,
    most_gb: f64,
}

impl MemoryReadings {
    /// `None` where the log has none.
    pub fn of(timeline: &Timeline, installed_gb: f64) -> Option<Self> {
        let mut found = Self { installed_gb, mean_gb: 0.0, least_gb: f64::INFINITY, most_gb: 0.0 };
        let mut count = 0_u32;
        for at in 0..timeline.available_mb.len() {
            let Some(used_gb) = found.used_gb(timeline, at) else { continue };
            found.mean_gb += used_gb;
            found.least_gb = found.least_gb.min(used_gb);
            found.most_gb = found.most_gb.max(used_gb);
            count += 1;
        }
        found.mean_gb /= f64::from(count);
        (count > 0).then_some(found)
    }

    /// Memory in use in reading `at`, in GB; `None` where it failed.
    pub fn used_gb(&self, timeline: &Timeline, at: usize) -> Option<f64> {
        let available_mb = timeline.available_mb.get(at).copied().flatten()?;
        Some((self.installed_gb - available_mb / MB_PER_GB).max(0.0))
    }

    pub fn words(&self) -> String {
        let (least, most) = (format!("{:.1}", self.least_gb), format!("{:.1}", self.most_gb));
        if least == most { least } else { format!("between {least} and {most}") }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Question;
    use super::super::server::Host;
    use super::super::tests::question;
    use super::*;
    use crate::base::Timestamp;
    use crate::model::fixture::{counters, fact};
    use crate::model::{Rules, size};
    use crate::record::{Basis, Fact, Sized};

    const START: i64 = 1_768_204_800;
    const SECOND: i64 = 1_000_000_000;

    /// A server of 4 cores and 16 GB with readings every 5 s.
    fn logged(rates: &[f64], cpu_percent: &[f64], available_mb: &[f64]) -> Sized {
        let known = |values: &[f64]| values.iter().map(|value| Some(*value)).collect();
        let mut dc = counters("DC", Timestamp::from_parts(START, 0), 5_000, known(rates));
        let timeline = dc.timeline.as_mut().unwrap();
        timeline.cpu_percent = known(cpu_percent);
        timeline.available_mb = known(available_mb);
        dc.host.physical_cores = fact(4);
        dc.host.installed_memory_gb = fact(16.0);
        size(dc, &Rules::default())
    }

    fn host(sized: &Sized) -> Host {
        Host::of(sized, &Question { own_cpu_percent: None, ..question() }).unwrap()
    }

    /// What `host` uses in the middle of reading `at`, with so many packets per second.
    fn used(host: &Host, span: (i64, i64), at: i64, packets_per_second: f64) -> Use {
        let moment = |reading: i64| (START + 5 * reading) * SECOND;
        let span = Span { start_ns: moment(span.0), end_ns: moment(span.1) };
        host.own_load(span).at(moment(at) + 2 * SECOND, packets_per_second)
    }

    #[test]
    fn readings_hold_with_their_traffic_and_grow_with_more() {
        // 10 % whatever the traffic, 20 % for each 1,000 packets/s; a backup in reading 30.
        let rates: Vec<f64> = (0..60).map(|at| 1_000.0 + f64::from(at % 10) * 200.0).collect();
        let mut percent: Vec<f64> = rates.iter().map(|rate| 10.0 + rate / 50.0).collect();
        percent[30] += 0.5;
        let sized = logged(&rates, &percent, &[]);
        let host = host(&sized);
        let follow = host.follow.unwrap();
        assert!(follow.is_shown);
        assert!((follow.cores_per_packet_per_second * 1e3 - 0.8).abs() < 0.01, "{follow:?}");
        assert!((follow.idle_cores - 0.4).abs() < 0.02, "{follow:?}");
        for at in [0, 7, 30, 59] {
            let rate = rates[usize::try_from(at).unwrap()];
            let cores = percent[usize::try_from(at).unwrap()] / 25.0;
            for span in [(0, 60), (at, at + 1)] {
                assert!((used(&host, span, at, rate).cores - cores).abs() < 1e-9, "{at}");
                let twice = used(&host, span, at, 2.0 * rate).cores;
                assert!((twice - cores - 0.8e-3 * rate).abs() < 0.01 * cores, "{at}: {twice}");
            }
        }
        assert!(host.words.contains("10 % whatever the traffic, the rest growing"));
    }

    #[test]
    fn what_readings_do_not_show_follows_the_traffic() {
        let rates = vec![1_000.0; 60];
        let percent: Vec<f64> = (0..60).map(|at| 30.0 + f64::from(at % 2) * 20.0).collect();
        let host = host(&logged(&rates, &percent, &[]));
        let follow = host.follow.unwrap();
        assert!(!follow.is_shown);
        assert!((follow.cores_per_packet_per_second - 1.6e-3).abs() < 1e-12);
        let cores = [0, 1].map(|at| used(&host, (0, 60), at, 1_000.0).cores);
        assert!((cores[0] - 1.2).abs() < 1e-9 && (cores[1] - 2.0).abs() < 1e-9, "{cores:?}");
        assert!((used(&host, (0, 60), 0, 2_000.0).cores - 2.8).abs() < 1e-9);
        assert!(host.words.contains("all of it taken to grow"), "{}", host.words);
    }

    #[test]
    fn memory_is_that_of_its_time_and_failed_readings_are_filled() {
        let mut sized = logged(&[1_000.0; 40], &[20.0; 40], &[8_192.0; 40]);
        let timeline = sized.dc.timeline.as_mut().unwrap();
        timeline.available_mb[10] = Some(1_024.0);
        timeline.available_mb[20] = None;
        timeline.cpu_percent[20] = None;
        let host = host(&sized);
        let gb = [0, 10, 20].map(|at| used(&host, (0, 40), at, 1_000.0).memory_gb);
        assert_eq!((gb[0], gb[1]), (8.0, 15.0));
        assert!((gb[2] - (38.0 * 8.0 + 15.0) / 39.0).abs() < 1e-9);
        assert!((used(&host, (0, 40), 20, 1_000.0).cores - 0.8).abs() < 1e-9);
        assert!(host.words.ends_with("between 8.0 and 15.0 of its 16 GB of memory"));
        // What is given goes before what was read, and memory is still that of its time.
        let given = Question { own_cpu_percent: Some(50.0), ..question() };
        let host = Host::of(&sized, &given).unwrap();
        let at_ten = used(&host, (0, 40), 10, 1_000.0);
        assert!((at_ten.cores - 2.0).abs() < 1e-9 && at_ten.memory_gb == 15.0, "{at_ten:?}");
    }

    #[test]
    fn available_memory_that_is_given_goes_before_the_readings() {
        let mut sized = logged(&[1_000.0; 40], &[20.0; 40], &[8_192.0; 40]);
        sized.dc.host.min_available_mb =
            Some(Fact { value: 2_048.0, source: "--min-available-mb".to_owned() });
        let given = host(&sized);
        assert_eq!(used(&given, (0, 40), 7, 1_000.0).memory_gb, 14.0);
        assert_eq!(given.memory_basis, Basis::Given);
        assert!(given.words.ends_with("and 14.0 of its 16 GB of memory"), "{}", given.words);
        // The log's own minimum does not.
        sized.dc.host.min_available_mb =
            Some(Fact { value: 2_048.0, source: r"counter Memory\Available MBytes".to_owned() });
        assert_eq!(used(&host(&sized), (0, 40), 7, 1_000.0).memory_gb, 8.0);
    }

    #[test]
    fn a_log_without_readings_of_the_server_has_no_series() {
        let host = host(&logged(&[1_000.0; 40], &[], &[]));
        let span = Span { start_ns: START * SECOND, end_ns: (START + 200) * SECOND };
        assert!(matches!(host.own_load(span), OwnLoad::FollowsTraffic { .. }));
        assert_eq!(host.follow, None);
    }
}
