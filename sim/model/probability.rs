//! How probable it is that a size of sensor loses more than it may.
//!
//! Three things are not known: what the sensor costs, what the traffic does below the interval of
//! the counters, and how much of it another day brings. So each replica draws costs from what the
//! vendor's table allows, arrivals from the burst model, and a multiple of the traffic from how
//! days differ, and every size is run on them. The share of replicas that miss the goal is the
//! probability. Sizes share replicas, so that differences between them are not chance.
//!
//! Replicas run on all processors; results are put in order, so they depend on the seed alone.

use rayon::prelude::*;

use crate::base::Random;
use crate::record::{
    Chance, Exhaustion, Headroom, Limit, SensorSize, SimulatedInterval, SimulatedSize,
    SizeProbability, SufficientSize,
};

use super::bursts::{BurstError, BurstModel, Generator, Mix, Rates};
use super::calibration::{Calibration, ClassCosts};
use super::meter::Meter;
use super::rounding::{whole_u64, whole_usize};
use super::virtual_sensor::{Arrivals, Candidate, FULL, SensorError, Settings, VirtualSensor};

/// Replicas that a probability of 5 % can be told with: of 200 that all keep the goal, the 95 %
/// interval ends at 1.9 %.
pub const REPLICAS: u32 = 200;

/// How much the traffic of another day differs from that of the day in the input: the standard
/// deviation of the logarithm of its multiple. Modelled: between seeds of our estates the load from
/// which on a size misses the goal has one of 0.07, and both days, that of the input and the one
/// asked about, are drawn: 0.07 times the root of 2 (`reports/METHOD.md`).
pub const DAY_DEVIATION: f64 = 0.1;

/// Probability of missing the goal from which on the answer is no longer `Yes`.
const YES_BELOW: f64 = 0.05;
/// Probability above which it is `No`.
const NO_ABOVE: f64 = 0.5;
/// Quantile of the normal distribution for a 95 % interval.
const Z: f64 = 1.959_964;

/// Sizes that are served together: what one of them costs, as many do.
const SIZES_AT_ONCE: usize = 8;
/// Arrivals of one batch.
pub(super) const BATCH: usize = 16_384;

/// Lowest and highest multiple of the traffic that headroom is looked for in.
const LOAD_MIN: f64 = 0.05;
const LOAD_MAX: f64 = 20.0;
/// Multiples tried at once, and how often: each time, the gap between two of them is looked into.
/// 400^(1/7) is 2.35, and that to the power 1/9²: 1.1 %.
const LADDER: usize = 8;
const ROUNDS: usize = 3;

/// Where arrivals come from.
#[derive(Debug, Clone)]
pub enum Traffic<'a> {
    /// Made from mean rates; every replica is another one.
    Generated {
        /// Mean rates.
        rates: Rates,
        /// Bursts below their interval.
        bursts: BurstModel,
        /// Packets and flows.
        mix: Mix,
    },
    /// As they were captured; every replica has the same, or a multiple of it.
    Recorded {
        /// Batches in order of time.
        batches: &'a [Arrivals],
        /// Start, in nanoseconds since 1970.
        start_ns: i64,
        /// End.
        end_ns: i64,
    },
}

impl Traffic<'_> {
    /// Mean rate, of its packets or as it is to be made.
    pub fn packets_per_second(&self) -> f64 {
        match self {
            Self::Generated { rates, .. } => {
                let count = rates.packets_per_second.len().max(1) as f64;
                rates.packets_per_second.iter().sum::<f64>() / count
            }
            Self::Recorded { start_ns, end_ns, .. } => {
                let seconds = end_ns.saturating_sub(*start_ns) as f64 / 1e9;
                self.packets() as f64 / seconds.max(1e-3)
            }
        }
    }

    /// Packets in it; where they are made, how many to expect.
    pub fn packets(&self) -> u64 {
        match self {
            Self::Generated { rates, .. } => whole_u64(rates.packets()),
            Self::Recorded { batches, .. } => batches.iter().map(|batch| batch.len() as u64).sum(),
        }
    }
}

/// What a probability is asked of.
#[derive(Debug, Clone)]
pub struct Experiment<'a> {
    /// Traffic.
    pub traffic: Traffic<'a>,
    /// What the table allows.
    pub calibration: &'a Calibration,
    /// Relative costs of classes.
    pub classes: &'a ClassCosts,
    /// Everything else; costs and memory are replaced by what is drawn.
    pub settings: &'a Settings,
    /// What the capture buffer may be, in multiples of the candidates': each replica draws one,
    /// every order of magnitude as likely as another. Both the same where it is known.
    pub buffer_times: (f64, f64),
    /// How much another day differs, see [`DAY_DEVIATION`]: each replica draws one multiple of the
    /// traffic, lognormal around 1. 0: the day is always that of the input.
    pub day_deviation: f64,
    /// Share of packets that may be lost, 0 to 1.
    pub goal_loss_ratio: f64,
    /// Replicas; see [`REPLICAS`].
    pub replicas: u32,
    /// Seed.
    pub seed: u64,
    /// Is told of each replica, in what [`Self::work`] counts; `None` where nobody wants to know.
    pub meter: Option<&'a Meter<'a>>,
}

/// Why there is no probability.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExperimentError {
    /// Sizes or settings.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// Traffic.
    #[error(transparent)]
    Bursts(#[from] BurstError),
    /// No replica.
    #[error("run no replica: give at least one, better {REPLICAS}")]
    NoReplica,
}

/// What a replica draws.
#[derive(Debug)]
struct Drawn {
    settings: Settings,
    buffer_times: f64,
    load_times: f64,
}

/// What of a run is kept.
#[derive(Debug, Clone, Copy)]
struct Run {
    loss: f64,
    utilisation: f64,
    memory_gb: f64,
    limit: Limit,
}

impl Experiment<'_> {
    /// The probability that each of `candidates` loses more than the goal, in their order.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where a size, a setting or the traffic cannot be.
    pub fn probabilities(
        &self,
        candidates: &[Candidate],
    ) -> Result<Vec<SizeProbability>, ExperimentError> {
        if self.replicas == 0 {
            return Err(ExperimentError::NoReplica);
        }
        let runs: Vec<Vec<Run>> = (0..self.replicas)
            .into_par_iter()
            .map(|replica| {
                let found = self.run(candidates, u64::from(replica))?;
                self.note(self.work(candidates.len()));
                Ok(found.iter().map(kept).collect())
            })
            .collect::<Result<_, ExperimentError>>()?;
        let each = candidates.iter().enumerate().map(|(index, candidate)| {
            let of_size: Vec<Run> = runs.iter().filter_map(|run| run.get(index)).copied().collect();
            self.summed(candidate, &of_size)
        });
        Ok(each.collect())
    }

    /// One replica in full: what each of `candidates` did, over time.
    ///
    /// # Errors
    ///
    /// As [`Self::probabilities`].
    pub fn run(
        &self,
        candidates: &[Candidate],
        replica: u64,
    ) -> Result<Vec<SimulatedSize>, ExperimentError> {
        let Drawn { settings, buffer_times, load_times } = self.drawn(replica);
        let as_drawn = |candidate: &Candidate| Candidate {
            load: candidate.load * load_times,
            ..candidate.with_buffer_times(buffer_times)
        };
        let candidates: &[Candidate] = &candidates.iter().map(as_drawn).collect::<Vec<_>>();
        match &self.traffic {
            Traffic::Generated { rates, bursts, mix } => {
                let (start_ns, mut arrivals) = (rates.start_ns, Arrivals::default());
                let mut generator =
                    Generator::new(rates.clone(), bursts.clone(), mix.clone(), self.seed, replica)?;
                let mut sensor = VirtualSensor::new(settings, candidates, start_ns)?;
                while generator.fill(&mut arrivals, BATCH) {
                    sensor.offer(&arrivals)?;
                }
                Ok(sensor.finish(rates.end_ns())?)
            }
            Traffic::Recorded { batches, start_ns, end_ns } => {
                let mut sensor = VirtualSensor::new(settings, candidates, *start_ns)?;
                for arrivals in *batches {
                    sensor.offer(arrivals)?;
                }
                Ok(sensor.finish(*end_ns)?)
            }
        }
    }

    /// How much more traffic `candidate` takes, to 1 %; the multiples are of the traffic as it is,
    /// whatever the load of the candidate. `packets_per_second` is what to count it in.
    ///
    /// Each replica has a load from which on it misses the goal; how they are spread gives the
    /// probability for any load. Costs three times what [`Self::probabilities`] of eight sizes do.
    ///
    /// # Errors
    ///
    /// As [`Self::probabilities`].
    pub fn headroom(
        &self,
        candidate: &Candidate,
        packets_per_second: f64,
    ) -> Result<Headroom, ExperimentError> {
        if self.replicas == 0 {
            return Err(ExperimentError::NoReplica);
        }
        let mut loads = (0..self.replicas)
            .into_par_iter()
            .map(|replica| {
                let load = self.highest_load(candidate, u64::from(replica))?;
                self.note(self.work_of_headroom());
                Ok(load)
            })
            .collect::<Result<Vec<f64>, ExperimentError>>()?;
        loads.sort_unstable_by(f64::total_cmp);
        // As many replicas may miss the goal as the answer allows; the next one sets the load.
        let count = loads.len() as f64;
        let yes = whole_usize(libm::ceil(YES_BELOW * count) - 1.0);
        let maybe = whole_usize(NO_ABOVE * count);
        let load = |rank: usize| loads.get(rank).copied().filter(|load| *load > 0.0);
        Ok(Headroom {
            size: size_of(candidate),
            packets_per_second,
            load_yes: load(yes),
            load_maybe: load(maybe),
            load_tried: LOAD_MAX,
            highest_loads: loads,
        })
    }

    /// Work of one replica of [`Self::probabilities`] of so many sizes: packets, once for each
    /// [`SIZES_AT_ONCE`] of them.
    pub fn work(&self, sizes: usize) -> u64 {
        self.traffic.packets().saturating_mul(sizes.div_ceil(SIZES_AT_ONCE) as u64)
    }

    /// Work of one replica of [`Self::headroom`].
    pub fn work_of_headroom(&self) -> u64 {
        self.work(LADDER).saturating_mul(ROUNDS as u64)
    }

    fn note(&self, work: u64) {
        if let Some(meter) = self.meter {
            meter.add(work);
        }
    }

    /// The highest load at which a replica keeps the goal; 0 where that of the lowest does not.
    fn highest_load(&self, candidate: &Candidate, replica: u64) -> Result<f64, ExperimentError> {
        let (mut low, mut high) = (LOAD_MIN, LOAD_MAX);
        for round in 0..ROUNDS {
            // The ends of the whole range are tried, those of a gap have been.
            let (first, gaps) = if round == 0 { (0, LADDER - 1) } else { (1, LADDER + 1) };
            let step = libm::pow(high / low, 1.0 / gaps as f64);
            let rung = |rung: usize| Candidate {
                load: (low * libm::pow(step, rung as f64)).min(LOAD_MAX),
                ..*candidate
            };
            let loads: Vec<Candidate> = (first..first + LADDER).map(rung).collect();
            let found = self.run(&loads, replica)?;
            let good = found.iter().take_while(|size| size.missed_ratio() <= self.goal_loss_ratio);
            let good = good.count();
            let load = |index: usize| loads.get(index).map(|candidate| candidate.load);
            match good.checked_sub(1).map(load) {
                None if round == 0 => return Ok(0.0),
                last => low = last.flatten().unwrap_or(low),
            }
            match load(good) {
                None if round == 0 => return Ok(LOAD_MAX),
                next => high = next.unwrap_or(high),
            }
        }
        Ok(low)
    }

    /// Settings with costs of their own, and how many times buffer and traffic are.
    fn drawn(&self, replica: u64) -> Drawn {
        // Not the stream of the arrivals, which is that of the replica itself.
        let mut random = Random::fork(self.seed, !replica);
        let costs = self.calibration.draw(&mut random);
        let mut settings = self.settings.clone();
        settings.base_cores = costs.base_cores;
        settings.class_cost_ns = self.classes.draw(costs.packet_us, &mut random);
        if let Some(costs) = self.calibration.draw_memory(&mut random) {
            settings.memory = settings.memory.with_costs(costs);
        }
        let (least, most) = self.buffer_times;
        let buffer_times = least * libm::pow(most / least, random.unit());
        let load_times = random.lognormal(1.0, self.day_deviation);
        Drawn { settings, buffer_times, load_times }
    }

    fn summed(&self, candidate: &Candidate, runs: &[Run]) -> SizeProbability {
        let missed: Vec<&Run> = runs.iter().filter(|run| run.loss > self.goal_loss_ratio).collect();
        let probability = missed.len() as f64 / runs.len().max(1) as f64;
        let (low, high) = wilson(probability, runs.len() as f64);
        let sorted = |figure: fn(&Run) -> f64| {
            let mut values: Vec<f64> = runs.iter().map(figure).collect();
            values.sort_unstable_by(f64::total_cmp);
            values
        };
        let losses = sorted(|run| run.loss);
        let limits =
            [Limit::Memory, Limit::Quota, Limit::Cores, Limit::Conversation, Limit::Bursts];
        let counted =
            limits.map(|limit| (missed.iter().filter(|r| r.limit == limit).count(), limit));
        let most = counted.into_iter().rev().max_by_key(|(count, _)| *count);
        SizeProbability {
            size: size_of(candidate),
            load: candidate.load,
            replicas: u32::try_from(runs.len()).unwrap_or(u32::MAX),
            probability,
            probability_low: low,
            probability_high: high,
            loss_p5: quantile(&losses, 0.05),
            loss_p50: quantile(&losses, 0.5),
            loss_p95: quantile(&losses, 0.95),
            peak_utilisation_p95: quantile(&sorted(|run| run.utilisation), 0.95),
            peak_memory_gb_p95: quantile(&sorted(|run| run.memory_gb), 0.95),
            chance: chance(probability),
            limit: most.filter(|(count, _)| *count > 0).map(|(_, limit)| limit),
        }
    }
}

/// The smallest sizes that do. Of two sizes the one with fewer cores is smaller, and of two with
/// the same cores the one with less memory.
pub fn sufficient(sizes: &[SizeProbability]) -> SufficientSize {
    let mut sorted: Vec<&SizeProbability> = sizes.iter().collect();
    sorted.sort_by(|a, b| {
        let cores = a.size.cores.total_cmp(&b.size.cores);
        cores.then(a.size.memory_gb.total_cmp(&b.size.memory_gb))
    });
    let first = |does: fn(&SizeProbability) -> bool| {
        sorted.iter().find(|size| does(size)).map(|size| size.size)
    };
    SufficientSize {
        lower: first(|size| size.chance != Chance::No),
        target: first(|size| size.chance == Chance::Yes),
        upper: first(|size| size.probability_high < YES_BELOW),
    }
}

/// When `headroom` is used up by traffic that grows by this share each year.
pub fn exhaustion(headroom: &Headroom, growth_per_year: f64) -> Exhaustion {
    let years = |load: Option<f64>| match load {
        Some(load) if load > 1.0 => {
            let growing = growth_per_year > 0.0 && load < headroom.load_tried;
            growing.then(|| libm::log(load) / libm::log(1.0 + growth_per_year))
        }
        _ => Some(0.0),
    };
    Exhaustion {
        growth_per_year,
        years_yes: years(headroom.load_yes),
        years_maybe: years(headroom.load_maybe),
    }
}

/// The answer for a probability of missing the goal.
pub fn chance(probability: f64) -> Chance {
    if probability < YES_BELOW {
        Chance::Yes
    } else if probability <= NO_ABOVE {
        Chance::Maybe
    } else {
        Chance::No
    }
}

fn size_of(candidate: &Candidate) -> SensorSize {
    SensorSize {
        cores: candidate.cores,
        memory_gb: candidate.memory_gb,
        buffer_bytes_per_shard: Some(candidate.buffer_bytes_per_shard),
    }
}

fn kept(size: &SimulatedSize) -> Run {
    let missed = size.lost_packets.saturating_add(size.late_packets);
    // A shard that lags behind where others have time has one conversation too many.
    let is_one = |row: &SimulatedInterval| row.lost_packets > 0 && row.busiest_shard >= FULL;
    let limit = if size.restart_count > 0 {
        Limit::Memory
    } else if missed > 0 && size.saturated_packets >= missed.div_ceil(2) {
        let starved = size.starved_packets >= size.saturated_packets.div_ceil(2);
        if starved { Limit::Quota } else { Limit::Cores }
    } else if size.late_packets > 0 || size.intervals.iter().any(is_one) {
        Limit::Conversation
    } else {
        Limit::Bursts
    };
    Run {
        loss: size.missed_ratio(),
        utilisation: size.peak_utilisation,
        memory_gb: size.peak_memory_gb,
        limit,
    }
}

/// The value that a share of the sorted `values` stays at or below (nearest rank).
fn quantile(values: &[f64], share: f64) -> f64 {
    let rank = whole_usize(libm::ceil(share * values.len() as f64).max(1.0));
    values.get(rank - 1).or(values.last()).copied().unwrap_or(0.0)
}

/// 95 % interval of a probability that `count` trials gave (Wilson 1927).
fn wilson(probability: f64, count: f64) -> (f64, f64) {
    let square = Z * Z / count.max(1.0);
    let middle = probability + square / 2.0;
    let spread = Z * libm::sqrt(
        (probability * (1.0 - probability) / count.max(1.0)) + square / count.max(1.0) / 4.0,
    );
    let within = |value: f64| (value / (1.0 + square)).clamp(0.0, 1.0);
    // At 0 and 1 the interval touches the probability, but for rounding.
    (within(middle - spread).min(probability), within(middle + spread).max(probability))
}

#[cfg(test)]
mod tests;
