//! What the server uses itself, from one reading of its counters to the next.
//!
//! A planner asks what more traffic does, and the domain controller's own work grows with its
//! traffic too. So each reading is taken apart: what follows the packets, by the straight line
//! that lies nearest to all readings, and the rest, which stays as it was at that time.

use crate::model::virtual_sensor::{OwnLoad, Use};
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
            && of_both * of_both >= EXPLAINED_MIN * of_rate * of_used;
        // A line that says less than nothing without traffic goes through nothing.
        let is_whole = !is_shown || idle_cores < 0.0;
        Some(Self {
            mean_cores,
            idle_cores: if is_whole { 0.0 } else { idle_cores },
            cores_per_packet_per_second: if is_whole { mean_cores / mean_rate } else { slope },
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
        let grows = if self.is_shown && self.idle_cores > 0.0 {
            let idle = 100.0 * self.idle_cores / cores;
            format!("{idle:.0} % whatever the traffic, the rest growing with it")
        } else {
            "all of it growing with the traffic".to_owned()
        };
        format!(
            "{percent:.0} % of its {cores:.0} cores on average, from reading to reading as its \
             counters say ({grows})"
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
