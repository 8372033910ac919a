//! Arrivals for a domain controller of which only mean rates are known.
//!
//! A counter log has a mean every few seconds, but what drops packets are bursts below that. So
//! within each interval the rate moves: lognormal, its logarithm a sum of AR(1) processes, one for
//! each scale, and packets are Poisson at that rate. The mean of every interval stays as it was
//! measured: the path is divided by its own mean, so bursts of the scale of an interval or longer
//! are those that the log already shows.
//!
//! The same seed and replica give the same arrivals; replicas differ. Memory is bounded: the path
//! of one interval, a table of packets, a table of flows.

mod exponential;
mod peaks;

use crate::base::{Random, Timestamp};
use crate::record::Timeline;

use super::rounding::{whole_i64, whole_usize};
use super::virtual_sensor::Arrivals;
use exponential::Exponential;

pub use peaks::{PeaksError, from_peaks};

/// Entries of the tables of packets and flows: a share is kept to one part in as many.
const TABLE_BITS: u32 = 12;
const TABLE: usize = 1 << TABLE_BITS;
/// Largest deviation of the logarithm of the rate: the mean is then 90 times the median.
const SIGMA_MAX: f64 = 3.0;
/// Steps of the path of one interval, at most.
const STEPS_MAX: f64 = 1_000_000.0;
/// Shortest step of the path, in seconds.
const STEP_SECONDS_MIN: f64 = 0.001;
/// Steps for the time in which the fastest scale forgets.
const STEPS_PER_TAU: f64 = 10.0;

/// One scale of bursts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Standard deviation of the logarithm of the rate.
    pub sigma: f64,
    /// Time in which it forgets, in seconds (correlation falls to 1/e).
    pub tau_seconds: f64,
}

/// How the rate moves within an interval.
#[derive(Debug, Clone, PartialEq)]
pub struct BurstModel {
    /// Scales; none is plain Poisson traffic.
    pub scales: Vec<Scale>,
}

impl BurstModel {
    /// Assumed where nothing is known of the traffic below the interval of the counters: log-rate
    /// deviations of 0.35 at 5 s and of 0.35 at 0.2 s. The 1 s peak is then about 3 times the mean
    /// of a quarter of an hour, in the middle of the range that the method research looked at.
    pub fn assumed() -> Self {
        let scale = |tau_seconds| Scale { sigma: 0.35, tau_seconds };
        Self { scales: vec![scale(5.0), scale(0.2)] }
    }

    /// The same scales with `factor` times the deviation, up to the largest that can be made:
    /// smaller or larger bursts.
    pub fn times(&self, factor: f64) -> Self {
        let scales = self.scales.iter();
        Self {
            scales: scales
                .map(|scale| Scale { sigma: (scale.sigma * factor).min(SIGMA_MAX), ..*scale })
                .collect(),
        }
    }
}

/// Mean rates over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// Start of the first interval, in nanoseconds since 1970.
    pub start_ns: i64,
    /// Length of an interval, in nanoseconds.
    pub interval_ns: i64,
    /// Mean packets per second of each interval.
    pub packets_per_second: Vec<f64>,
}

impl Rates {
    /// Where the last interval ends, in nanoseconds since 1970.
    pub fn end_ns(&self) -> i64 {
        let intervals = i64::try_from(self.packets_per_second.len()).unwrap_or(i64::MAX);
        self.start_ns.saturating_add(intervals.saturating_mul(self.interval_ns))
    }

    /// The samples of `timeline` that begin from `from` on and before `to`. In a
    /// sample without a good reading nothing comes; `None` where none has one, or none is left.
    pub fn of(timeline: &Timeline, from: Timestamp, to: Timestamp) -> Option<Self> {
        let interval_ns = i64::try_from(timeline.interval_ms).ok()?.checked_mul(1_000_000)?;
        let start = |index: usize| {
            let passed = i64::try_from(index).unwrap_or(i64::MAX).saturating_mul(interval_ns);
            timeline.start_utc.plus_nanos(passed)
        };
        let samples = timeline.packets_per_second.iter().enumerate();
        let chosen = samples.filter(|(index, _)| (from..to).contains(&start(*index)));
        let (first, readings): (Vec<usize>, Vec<Option<f64>>) = chosen.unzip();
        let is_any = readings.iter().any(Option::is_some);
        let start_ns = start(*first.first()?).nanos();
        let packets_per_second = readings.iter().map(|rate| rate.unwrap_or(0.0)).collect();
        is_any.then_some(Self { start_ns, interval_ns, packets_per_second })
    }

    /// Packets to expect.
    pub fn packets(&self) -> f64 {
        self.packets_per_second.iter().sum::<f64>() * self.interval_ns as f64 / 1e9
    }
}

/// Packets of one class in a mix.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassMix {
    /// Class of cost.
    pub class: u8,
    /// Packets of this class, or their share: only the ratio to the other classes counts.
    pub packets: f64,
    /// Sizes in bytes with their weights; only ratios count.
    pub bytes: Vec<(u32, f64)>,
}

/// What packets there are and whose.
#[derive(Debug, Clone, PartialEq)]
pub struct Mix {
    classes: Vec<(u8, u32)>,
    flows: Vec<u32>,
}

impl Mix {
    /// A mix of classes, and `flows` flows of which the `n`-th has a share in proportion to
    /// `n^-skew` (0: all the same; 1: Zipf's law, the largest of 1,000 has 13 %). At most 4,096
    /// flows. Shares are kept to 1/4096: what is rarer may be left out.
    ///
    /// # Errors
    ///
    /// [`BurstError::Mix`] where there is no packet, or a number is none.
    pub fn new(classes: &[ClassMix], flows: u32, skew: f64) -> Result<Self, BurstError> {
        let mut kinds = Vec::new();
        for class in classes {
            let whole: f64 = class.bytes.iter().map(|(_, weight)| weight).sum();
            for (bytes, weight) in &class.bytes {
                kinds.push(((class.class, *bytes), class.packets * weight / whole));
            }
        }
        let shares: Vec<f64> = kinds.iter().map(|(_, weight)| *weight).collect();
        let table = deal(&shares).ok_or(BurstError::Mix)?;
        let classes = table.iter().filter_map(|at| Some(kinds.get(*at)?.0)).collect();
        let ranks = 1..=flows.clamp(1, 1 << TABLE_BITS);
        let shares: Vec<f64> = ranks.map(|rank| libm::pow(f64::from(rank), -skew)).collect();
        let table = deal(&shares).ok_or(BurstError::Mix)?;
        // Any hash will do, as long as flows keep theirs.
        let hash = |flow: &usize| (Random::new(*flow as u64).next_u64() >> 32) as u32;
        Ok(Self { classes, flows: table.iter().map(hash).collect() })
    }

    /// Mean size in bytes.
    pub fn mean_bytes(&self) -> f64 {
        let bytes: f64 = self.classes.iter().map(|(_, bytes)| f64::from(*bytes)).sum();
        bytes / self.classes.len().max(1) as f64
    }
}

/// Why arrivals cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BurstError {
    /// No packet in it, or a number that is none.
    #[error("generate arrivals of this mix: shares must be numbers, one of them above zero")]
    Mix,
    /// A rate or the interval.
    #[error(
        "generate arrivals at these rates: they must be numbers from 0 to 10 million packets/s, in intervals above zero"
    )]
    Rates,
    /// A scale of bursts.
    #[error(
        "generate bursts of this model: deviations must lie between 0 and 3, times between 1 ms and a day"
    )]
    Model,
}

/// Highest rate in packets per second: ten times what a domain controller was ever seen with.
const RATE_MAX: f64 = 1e7;

/// A stream of arrivals.
#[derive(Debug, Clone)]
pub struct Generator {
    rates: Rates,
    model: BurstModel,
    mix: Mix,
    exponential: Exponential,
    random: Random,
    /// State of each scale: standard normal.
    states: Vec<f64>,
    /// The interval under way, and the rate in it relative to its mean.
    interval: usize,
    path: Vec<f64>,
    step_ns: f64,
    /// The step under way and the time in it, in nanoseconds from the start of the interval.
    step: usize,
    time_ns: f64,
}

impl Generator {
    /// The arrivals of `replica`.
    ///
    /// # Errors
    ///
    /// [`BurstError`] where rates or scales are none.
    pub fn new(
        rates: Rates,
        model: BurstModel,
        mix: Mix,
        seed: u64,
        replica: u64,
    ) -> Result<Self, BurstError> {
        let rate = |rate: &f64| (0.0..=RATE_MAX).contains(rate);
        if rates.interval_ns <= 0 || !rates.packets_per_second.iter().all(rate) {
            return Err(BurstError::Rates);
        }
        let good = |scale: &Scale| {
            (0.0..=SIGMA_MAX).contains(&scale.sigma)
                && (0.001..=86_400.0).contains(&scale.tau_seconds)
        };
        if !model.scales.iter().all(good) {
            return Err(BurstError::Model);
        }
        let mut random = Random::fork(seed, replica);
        let states = model.scales.iter().map(|_| random.normal(0.0, 1.0)).collect();
        let fastest = model.scales.iter().map(|scale| scale.tau_seconds).fold(86_400.0, f64::min);
        let interval_seconds = rates.interval_ns as f64 / 1e9;
        let step = (fastest / STEPS_PER_TAU).max(STEP_SECONDS_MIN).min(interval_seconds);
        let steps = libm::ceil(interval_seconds / step).clamp(1.0, STEPS_MAX);
        let mut generator = Self {
            step_ns: rates.interval_ns as f64 / steps,
            path: vec![1.0; whole_usize(steps)],
            exponential: Exponential::new(),
            rates,
            model,
            mix,
            random,
            states,
            interval: 0,
            step: 0,
            time_ns: 0.0,
        };
        generator.draw_path();
        Ok(generator)
    }

    /// Fills `arrivals` with the next `count`, fewer at the end; `false` where none is left.
    pub fn fill(&mut self, arrivals: &mut Arrivals, count: usize) -> bool {
        arrivals.clear();
        while arrivals.len() < count {
            let Some(mean) = self.rates.packets_per_second.get(self.interval).copied() else {
                return !arrivals.is_empty();
            };
            let Some(relative) = self.path.get(self.step).copied() else {
                self.interval += 1;
                self.step = 0;
                self.time_ns = 0.0;
                self.draw_path();
                continue;
            };
            self.fill_step(arrivals, count, mean * relative);
        }
        true
    }

    /// Arrivals of the step under way, until it ends or there are `count`.
    fn fill_step(&mut self, arrivals: &mut Arrivals, count: usize, rate: f64) {
        let end = self.step_ns * (self.step + 1) as f64;
        let interval_ns = i64::try_from(self.interval).unwrap_or(i64::MAX);
        let interval_ns = interval_ns.saturating_mul(self.rates.interval_ns);
        let start_ns = self.rates.start_ns.saturating_add(interval_ns);
        if rate > 0.0 {
            let gap_ns = 1e9 / rate;
            // Poisson arrivals have no memory: a gap that leads over the end is forgotten.
            let mut time = self.time_ns;
            while arrivals.len() < count {
                time += self.exponential.draw(&mut self.random) * gap_ns;
                if time >= end {
                    break;
                }
                let bits = self.random.next_u64();
                let packet = (bits >> (u64::BITS - TABLE_BITS)) as usize;
                let flow = (bits >> (u64::BITS - 2 * TABLE_BITS)) as usize % TABLE;
                let (class, bytes) = self.mix.classes.get(packet).copied().unwrap_or_default();
                let flow = self.mix.flows.get(flow).copied().unwrap_or_default();
                arrivals.push(start_ns.saturating_add(whole_i64(time)), bytes, class, flow);
            }
            self.time_ns = time;
            if time < end {
                return;
            }
        }
        self.time_ns = end;
        self.step += 1;
    }

    /// Moves the rate through the next interval, its mean 1.
    fn draw_path(&mut self) {
        if self.interval >= self.rates.packets_per_second.len() || self.model.scales.is_empty() {
            return;
        }
        let step_seconds = self.step_ns / 1e9;
        let scales = self.model.scales.iter().map(|scale| {
            let keep = libm::exp(-step_seconds / scale.tau_seconds);
            (scale.sigma, keep, libm::sqrt(1.0 - keep * keep))
        });
        let scales: Vec<(f64, f64, f64)> = scales.collect();
        let mut sum = 0.0;
        for relative in &mut self.path {
            let mut log = 0.0;
            for ((sigma, keep, new), state) in scales.iter().zip(&mut self.states) {
                *state = *state * keep + self.random.normal(0.0, 1.0) * new;
                log += sigma * *state;
            }
            *relative = libm::exp(log);
            sum += *relative;
        }
        let mean = sum / self.path.len() as f64;
        self.path.iter_mut().for_each(|relative| *relative /= mean);
    }
}

/// Deals [`TABLE`] places in proportion to `shares`; `None` where there is no share, or one is no
/// number.
fn deal(shares: &[f64]) -> Option<Vec<usize>> {
    let whole: f64 = shares.iter().sum();
    let sane = shares.iter().all(|share| share.is_finite() && *share >= 0.0);
    if !sane || !whole.is_finite() || whole <= 0.0 {
        return None;
    }
    // The place in the middle of each part of the cumulative distribution.
    let mut table = Vec::with_capacity(TABLE);
    let (mut at, mut sum) = (0, shares.first().copied()? / whole);
    for place in 0..TABLE {
        let middle = (place as f64 + 0.5) / TABLE as f64;
        while middle > sum && at + 1 < shares.len() {
            at += 1;
            sum += shares.get(at).copied().unwrap_or(0.0) / whole;
        }
        table.push(at);
    }
    Some(table)
}

#[cfg(test)]
mod tests;
