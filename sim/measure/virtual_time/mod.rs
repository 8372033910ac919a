//! Trials in virtual time: Lindley's recursion (Lindley 1952, "The theory of queues with a single
//! server") with a finite buffer, batches, and the core's order of stages.
//!
//! A worker that is free takes what waits, at most a batch, out of the ring; the room it took is
//! free at once. The batch then goes through the stages: one that admits batches in their order
//! waits for the batch before. Costs do not depend on the load except through the size of the
//! batch: between two measured sizes, the cost of a packet is interpolated in one over the size,
//! which is exact where a batch costs a fixed part and an equal part per packet.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

use super::cost::STAGES;
use super::load::{Arrivals, Pace, Schedule};
use crate::base::Random;
use crate::flow::SHARDS;
use crate::record::Trial;

/// Batch sizes at which costs are measured.
pub const SIZES: [usize; 4] = [1, 8, 32, 256];

/// Packets handed to the core at once, at most.
pub const BATCH_MAX: usize = 256;

/// Batches of each worker that show what all carry where everything waits. Beginning and end, when
/// not all are at work, count for less than a two-hundredth.
const SATURATING_BATCHES: u64 = 256;

/// Costs of every packet of the window at every size of [`SIZES`], in nanoseconds, and the
/// shares of the stages.
#[derive(Debug, Clone)]
pub struct Costs {
    /// By size, by packet.
    pub packets_ns: [Vec<f32>; SIZES.len()],
    /// Shares of the stages, in sum 1.
    pub shares: [f64; STAGES.len()],
}

/// What takes its turn for one batch at a time, with its share; the rest runs side by side.
#[derive(Debug, Clone, Copy)]
struct Station {
    share: f64,
    is_in_turn: bool,
}

/// Stations of the core: the ring, headers, fragments, each shard of flows, the timeline.
const STATIONS: usize = SHARDS + 4;

fn stations(shares: &[f64; STAGES.len()]) -> [Station; STATIONS] {
    let [copy, headers, fragments, flows, hosts] = *shares;
    let in_turn = |share| Station { share, is_in_turn: true };
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let mut stations = [in_turn(flows / SHARDS as f64); STATIONS];
    let [first, second, third, .., last] = &mut stations;
    *first = in_turn(copy);
    *second = Station { share: headers, is_in_turn: false };
    *third = in_turn(fragments);
    *last = in_turn(hosts);
    stations
}

/// A device in virtual time.
#[derive(Debug)]
pub struct Device<'a> {
    /// Costs.
    pub costs: &'a Costs,
    /// All costs are multiplied by this.
    pub scale: [f64; SIZES.len()],
    /// What each packet costs on its way through the ring, in nanoseconds: one worker at a time.
    pub arrival_ns: f64,
    /// Captured bytes of each frame of the window.
    pub lengths: &'a [u32],
    /// Workers.
    pub workers: usize,
    /// Captured bytes that may wait.
    pub buffer_bytes: u64,
    /// Packets of a batch, at most [`BATCH_MAX`].
    pub batch_max: usize,
}

/// Distributions of one trial.
#[derive(Debug, Clone)]
pub struct Histograms {
    /// From scheduled arrival to the end of the batch, nanoseconds.
    pub sojourn: Histogram<u64>,
    /// From the taking of the batch to its end, nanoseconds.
    pub service: Histogram<u64>,
    /// Packets that wait when one arrives.
    pub queue: Histogram<u64>,
}

impl Default for Histograms {
    fn default() -> Self {
        Self::new()
    }
}

impl Histograms {
    /// Empty, with three digits.
    pub fn new() -> Self {
        let histogram =
            || Histogram::new(3).unwrap_or_else(|_| unreachable!("3 digits are allowed"));
        Self { sojourn: histogram(), service: histogram(), queue: histogram() }
    }
}

/// Records a value; the histogram grows to hold it.
pub fn note(histogram: &mut Histogram<u64>, value: u64) {
    // It may grow, so no value is refused.
    let _ = histogram.record(value);
}

/// A packet that waits: its place in the window and its arrival.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    place: usize,
    arrived_ns: f64,
}

/// The state of a trial.
struct State<'a, 'b> {
    device: &'a Device<'a>,
    schedule: &'a mut Schedule<'b>,
    intended: u64,
    arrived: u64,
    /// When the next packet arrives, if one is left.
    next_ns: Option<f64>,
    place: usize,
    queue: VecDeque<Waiting>,
    queued_bytes: u64,
    lost: u64,
    queue_max: usize,
    histograms: Option<&'a mut Histograms>,
}

impl<'a, 'b> State<'a, 'b> {
    fn new(
        device: &'a Device<'a>,
        intended: u64,
        schedule: &'a mut Schedule<'b>,
        histograms: Option<&'a mut Histograms>,
    ) -> Self {
        let mut state = Self {
            device,
            schedule,
            intended,
            arrived: 0,
            next_ns: None,
            place: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
            lost: 0,
            queue_max: 0,
            histograms,
        };
        state.advance();
        state
    }

    fn advance(&mut self) {
        self.next_ns = (self.arrived < self.intended).then(|| self.schedule.next());
    }

    /// Lets everything arrive that is due at `now_ns`.
    fn admit(&mut self, now_ns: f64) {
        while let Some(arrived_ns) = self.next_ns.filter(|at| *at <= now_ns) {
            let bytes = u64::from(self.device.lengths.get(self.place).copied().unwrap_or_default());
            if let Some(histograms) = &mut self.histograms {
                note(&mut histograms.queue, self.queue.len() as u64);
            }
            if self.queued_bytes + bytes > self.device.buffer_bytes {
                self.lost += 1;
            } else {
                self.queued_bytes += bytes;
                self.queue.push_back(Waiting { place: self.place, arrived_ns });
                self.queue_max = self.queue_max.max(self.queue.len());
            }
            self.arrived += 1;
            self.place += 1;
            if self.place >= self.device.lengths.len() {
                self.place = 0;
            }
            self.advance();
        }
    }

    /// Notes the end of a batch that was taken at `start_ns`.
    fn done(&mut self, packets: usize, start_ns: f64, end_ns: f64) {
        let Some(histograms) = &mut self.histograms else { return };
        for waiting in self.queue.iter().take(packets) {
            note(&mut histograms.sojourn, whole_ns(end_ns - waiting.arrived_ns));
            note(&mut histograms.service, whole_ns(end_ns - start_ns));
        }
    }

    fn take(&mut self, packets: usize) {
        for waiting in self.queue.drain(..packets) {
            let bytes = self.device.lengths.get(waiting.place).copied().unwrap_or_default();
            self.queued_bytes -= u64::from(bytes);
        }
    }
}

/// Whole nanoseconds, none below zero.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
pub fn whole_ns(ns: f64) -> u64 {
    ns.max(0.0) as u64
}

impl Device<'_> {
    /// A trial of `intended` packets as `schedule` says, at `load` packets per second.
    pub fn trial(
        &self,
        load: f64,
        intended: u64,
        schedule: &mut Schedule<'_>,
        histograms: Option<&mut Histograms>,
    ) -> Trial {
        let mut state = State::new(self, intended, schedule, histograms);
        let (busy_ns, end_ns) = self.run(&mut state);
        #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
        Trial {
            is_virtual: true,
            load_pps: load,
            seconds: intended as f64 / load,
            realised_pps: state.schedule.realised_pps(),
            intended,
            offered: intended,
            lost_buffer_full: state.lost,
            unsent: 0,
            loss_ratio: state.lost as f64 / (intended as f64).max(1.0),
            utilisation: busy_ns / (end_ns * self.workers as f64).max(1.0),
            queue_max: state.queue_max as u64,
            repeated: 0,
            is_tainted: false,
        }
    }

    /// Nanoseconds per packet where everything waits and is taken in batches of `batch_max`: what
    /// all workers carry together.
    #[expect(clippy::cast_precision_loss, reason = "a few million packets at most")]
    pub fn saturated_ns(&self, batch_max: usize) -> f64 {
        let frames = self.lengths.len().max(1) as u64;
        let packets = SATURATING_BATCHES * (self.workers.max(1) * batch_max) as u64;
        let packets = packets.div_ceil(frames) * frames;
        let endless = Device {
            costs: self.costs,
            scale: self.scale,
            arrival_ns: self.arrival_ns,
            lengths: self.lengths,
            workers: self.workers,
            buffer_bytes: u64::MAX,
            batch_max,
        };
        let pace = Pace::new(Vec::new());
        // All of them within the first microsecond.
        let load = packets as f64 * 1e6;
        let mut schedule = Schedule::new(&pace, Arrivals::Fixed, load, Random::new(0));
        let mut state = State::new(&endless, packets, &mut schedule, None);
        let (_, end_ns) = endless.run(&mut state);
        end_ns / packets as f64
    }

    /// Until nothing is left; the time the workers were busy, and the end, in nanoseconds.
    #[expect(clippy::cast_precision_loss, reason = "packets of a batch")]
    fn run(&self, state: &mut State<'_, '_>) -> (f64, f64) {
        let stations = stations(&self.costs.shares);
        let weights = weights();
        let mut free_ns = vec![0.0f64; self.workers.max(1)];
        let mut passed_ns = [0.0f64; STATIONS];
        let (mut busy_ns, mut end_ns) = (0.0, 0.0f64);
        while let Some(worker) = free_ns.iter_mut().min_by(|a, b| a.total_cmp(b)) {
            // The ring is the first station: one worker at a time.
            let mut now_ns = worker.max(passed_ns.first().copied().unwrap_or_default());
            state.admit(now_ns);
            if state.queue.is_empty() {
                let Some(next_ns) = state.next_ns else { break };
                now_ns = next_ns;
                state.admit(now_ns);
                if state.queue.is_empty() {
                    // Lost at once: a frame larger than the whole buffer.
                    *worker = now_ns;
                    continue;
                }
            }
            let packets = state.queue.len().min(self.batch_max.min(BATCH_MAX));
            let cost_ns = self.cost_ns(&weights, state.queue.iter().take(packets));
            let ring_ns = packets as f64 * self.arrival_ns;
            let mut at_ns = now_ns + ring_ns;
            for (station, passed_ns) in stations.iter().zip(&mut passed_ns) {
                if station.is_in_turn {
                    at_ns = at_ns.max(*passed_ns);
                }
                at_ns += cost_ns * station.share;
                if station.is_in_turn {
                    *passed_ns = at_ns;
                }
            }
            state.done(packets, now_ns, at_ns);
            state.take(packets);
            busy_ns += ring_ns + cost_ns;
            end_ns = end_ns.max(at_ns);
            *worker = at_ns;
        }
        (busy_ns, end_ns)
    }

    /// What a batch of these packets costs one worker, in nanoseconds.
    fn cost_ns<'b>(
        &self,
        weights: &[Weight],
        batch: impl ExactSizeIterator<Item = &'b Waiting>,
    ) -> f64 {
        let Some(weight) = weights.get(batch.len()) else { return 0.0 };
        let lists = self
            .costs
            .packets_ns
            .get(weight.below)
            .zip(self.costs.packets_ns.get(weight.below + 1));
        let scales = self.scale.get(weight.below).zip(self.scale.get(weight.below + 1));
        let (Some((low, high)), Some((low_scale, high_scale))) = (lists, scales) else {
            return 0.0;
        };
        let (mut low_ns, mut high_ns) = (0.0f64, 0.0f64);
        for waiting in batch {
            low_ns += f64::from(low.get(waiting.place).copied().unwrap_or_default());
            high_ns += f64::from(high.get(waiting.place).copied().unwrap_or_default());
        }
        low_ns * low_scale * (1.0 - weight.high) + high_ns * high_scale * weight.high
    }
}

/// Between which two measured sizes a batch lies, and how much the larger one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Weight {
    below: usize,
    high: f64,
}

/// For every size of a batch up to [`BATCH_MAX`].
#[expect(clippy::cast_precision_loss, reason = "sizes of batches")]
fn weights() -> Vec<Weight> {
    let of = |packets: usize| {
        let pairs = SIZES.iter().zip(SIZES.iter().skip(1)).enumerate();
        let mut fitting = pairs.filter(|(_, (_, high))| packets <= **high);
        let Some((below, (&low, &high))) = fitting.next() else {
            return Weight { below: SIZES.len() - 2, high: 1.0 };
        };
        let one_over = |size: usize| 1.0 / (size as f64).max(1.0);
        let gone = one_over(low) - one_over(packets);
        Weight { below, high: (gone / (one_over(low) - one_over(high))).clamp(0.0, 1.0) }
    };
    (0..=BATCH_MAX).map(of).collect()
}

#[cfg(test)]
mod tests;
