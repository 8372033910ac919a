//! What the core costs: processor time over repetitions of the window, by batch size.
//!
//! Processor time is read between replicas (its clock costs a system call), elapsed time before
//! each batch. The level is that of processor time, which survives others on the same machine;
//! how it is spread over the window is that of elapsed time, the median of all repetitions of
//! each batch, so that one that was interrupted does not count.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::clock::{elapsed_ns, reading_ns, thread_cpu_ns};
use super::disturbance::{Moment, REPEATS_MAX, Strength, Worker, taints};
use super::statistics::{median, median_interval, relative_spread};
use super::window::{Feed, Window};
use crate::base::Batch;
use crate::record::{Disturbance, Interval};
use crate::sensor::{self, Observation, Step, Taken, Watch};

/// Replicas; an odd number has a middle one. Ours.
const REPLICAS: u64 = 9;
/// Replicas of windows that are long: they take long, and average by themselves. With fewer than
/// six, the interval of their median could not hold it in 95 of 100 cases.
const REPLICAS_OF_LONG: u64 = 7;
/// Frames of a window that is long.
const LONG: usize = 200_000;
/// Frames of a replica at least. Of an optimised build that is some 20 ms, several turns of the
/// scheduler; a reading of the processor clock is nothing beside it. Without optimisation, whose
/// figures nobody may use, it would take too long. Ours.
const REPLICA_FRAMES: u64 = if cfg!(debug_assertions) { 5_000 } else { 50_000 };

/// Passes in which the cost of timing is found. Ours.
const OWN_PASSES: u64 = 5;

/// What one run over repetitions of a window gave.
pub struct Run {
    /// Nanoseconds per packet.
    pub ns_per_packet: Interval,
    /// Nanoseconds of each packet of the window.
    pub packets_ns: Vec<f32>,
    /// In processor time.
    pub is_cpu_time: bool,
    /// Replicas, and packets in each.
    pub replicas: (usize, u64),
    /// Growth of resident memory over the replicas, in bytes.
    pub growth_bytes: Option<u64>,
    /// Repetitions behind that growth, and repetitions in all.
    pub rounds: (u64, u64),
    /// Who disturbed it.
    pub disturbance: Disturbance,
    /// What the core found.
    pub observation: Observation,
}

/// Repetitions of a window of so many frames in one replica, and replicas.
pub fn plan(frames: usize) -> (u64, u64) {
    let per_replica = REPLICA_FRAMES.div_ceil(frames.max(1) as u64).max(1);
    (per_replica, if frames >= LONG { REPLICAS_OF_LONG } else { REPLICAS })
}

/// Runs the core over `window` in batches of `batch`, as often as needed until nobody disturbs
/// it, at most [`REPEATS_MAX`] times more.
///
/// # Errors
/// Where the system refuses threads.
pub fn run(
    window: &Window,
    batch: usize,
    options: &sensor::Options,
    part: &str,
    has_quota: bool,
) -> Result<Run, rayon::ThreadPoolBuildError> {
    let mut repeated = 0;
    loop {
        let mut run = once(window, batch, options, part)?;
        let strength = Strength { is_cpu_time: run.is_cpu_time, has_quota };
        run.disturbance.taints = taints(&run.disturbance, strength);
        run.disturbance.repeated = repeated;
        if run.disturbance.taints.is_empty() || repeated == REPEATS_MAX {
            return Ok(run);
        }
        repeated += 1;
    }
}

/// One run, disturbed or not.
///
/// # Errors
/// Where the system refuses threads.
pub fn once(
    window: &Window,
    batch: usize,
    options: &sensor::Options,
    part: &str,
) -> Result<Run, rayon::ThreadPoolBuildError> {
    let (rounds, replicas) = plan(window.len());
    let own_ns = own_ns(window.len(), batch, rounds);
    let timer = Mutex::new(Timer::new(window.len(), batch, rounds, replicas));
    let mut feed = Feed::new(window, rounds * (replicas + 1), batch, |next| {
        timer.lock().unwrap_or_else(PoisonError::into_inner).before(next);
    });
    let options = sensor::Options { threads: 1, ..options.clone() };
    let observation = sensor::observe(&mut feed, &options, &|_| (), None)?;
    let timer = timer.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(timer.conclude(window.len(), own_ns, part, observation))
}

/// What the timer itself takes for each batch, in nanoseconds of processor time where there is
/// such a clock: the least mean of several passes over the window without a core.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds far below 2^53")]
fn own_ns(frames: usize, batch: usize, rounds: u64) -> f64 {
    let timer = Mutex::new(Timer::new(frames, batch, rounds, OWN_PASSES));
    let (frames, batch) = (frames.max(1) as u64, batch.max(1) as u64);
    let mut least = f64::INFINITY;
    // The replica before the first takes no samples.
    for pass in 1..=OWN_PASSES {
        let first = pass * frames * rounds;
        let start = (Instant::now(), thread_cpu_ns());
        let batches = (first + 1..).step_by(usize::try_from(batch).unwrap_or(usize::MAX));
        let batches = batches.take_while(|at| *at < first + frames);
        let count = batches
            .map(|at| timer.lock().unwrap_or_else(PoisonError::into_inner).before(at))
            .count();
        let cpu = start.1.zip(thread_cpu_ns()).map(|(a, b)| (b - a) as f64);
        let spent = cpu.unwrap_or_else(|| elapsed_ns(start.0));
        least = least.min(spent / (count as f64).max(1.0));
    }
    // The clock of processor time takes part of a microsecond to read, once a pass.
    least
}

/// Times batches from the moments at which the next one is asked for: with one worker, that is
/// when the one before is done, copying out of the ring included.
struct Timer {
    batch: u64,
    frames: u64,
    frames_per_replica: u64,
    /// Elapsed time of each batch of the window, for each repetition, in nanoseconds.
    samples: Vec<Vec<f32>>,
    marks: Vec<Mark>,
    last: Option<(u64, Instant)>,
}

/// The state between two replicas.
struct Mark {
    moment: Moment,
    worker: Worker,
    at: Instant,
    resident_bytes: Option<u64>,
}

impl Timer {
    fn new(frames: usize, batch: usize, rounds: u64, replicas: u64) -> Self {
        let samples = usize::try_from(rounds * replicas).unwrap_or_default();
        let (frames, batch) = (frames.max(1) as u64, batch.max(1) as u64);
        #[expect(clippy::cast_possible_truncation, reason = "at most the frames in memory")]
        let batches = frames.div_ceil(batch) as usize;
        Self {
            batch,
            frames,
            frames_per_replica: frames * rounds,
            // With room, so that nothing is moved while the clock runs.
            samples: (0..batches).map(|_| Vec::with_capacity(samples)).collect(),
            marks: Vec::new(),
            last: None,
        }
    }

    /// The batch in front of frame `next` is done.
    fn before(&mut self, next: u64) {
        let now = Instant::now();
        if let Some((began, at)) = self.last
            && began >= self.frames_per_replica
        {
            #[expect(clippy::cast_possible_truncation, reason = "at most the number of batches")]
            let index = (began % self.frames / self.batch) as usize;
            if let Some(samples) = self.samples.get_mut(index) {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "nanoseconds of one batch, seven digits are enough"
                )]
                samples.push(now.duration_since(at).as_nanos() as f32);
            }
        }
        if next > 0 && next.is_multiple_of(self.frames_per_replica) {
            let worker = Worker::now();
            self.marks.push(Mark {
                moment: Moment::now(worker),
                worker,
                at: now,
                resident_bytes: resident_bytes(),
            });
            // What the reading of all this took is nobody's.
            let worker = Worker::now();
            if let Some(mark) = self.marks.last_mut() {
                (mark.worker, mark.at) = (worker, Instant::now());
            }
        }
        // A new reading: what was done here is not the next batch's.
        self.last = Some((next, Instant::now()));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds far below 2^53")]
    fn conclude(self, frames: usize, own_ns: f64, part: &str, observation: Observation) -> Run {
        let reading = reading_ns();
        let batches_per_frame = self.samples.len() as f64 / self.frames as f64;
        let pairs = || self.marks.iter().zip(self.marks.iter().skip(1));
        let cpu = pairs().map(|(a, b)| Some((b.worker.cpu_ns? - a.worker.cpu_ns?) as f64));
        let cpu: Option<Vec<f64>> = cpu.collect();
        let wall = || pairs().map(|(a, b)| b.at.duration_since(a.at).as_nanos() as f64).collect();
        let is_cpu_time = cpu.is_some();
        let totals = cpu.unwrap_or_else(wall);
        let per_packet: Vec<f64> = totals
            .iter()
            .map(|ns| (ns / self.frames_per_replica as f64 - own_ns * batches_per_frame).max(0.0))
            .collect();
        let ends = self.marks.first().zip(self.marks.last());
        let mut disturbance =
            ends.map(|(a, b)| a.moment.until(&b.moment, part, true)).unwrap_or_default();
        disturbance.replica_spread = relative_spread(&per_packet);
        let ns_per_packet = median_interval(&per_packet).unwrap_or_default();
        let growth = ends.and_then(|(a, b)| b.resident_bytes?.checked_sub(a.resident_bytes?));
        let rounds = self.frames_per_replica / self.frames;
        let replicas = per_packet.len();
        Run {
            packets_ns: self.packets(frames, reading, ns_per_packet.estimate),
            ns_per_packet,
            is_cpu_time,
            replicas: (replicas, self.frames_per_replica),
            growth_bytes: growth,
            rounds: (rounds * replicas as u64, rounds * (replicas as u64 + 1)),
            disturbance,
            observation,
        }
    }

    /// Costs of single packets: the median of each batch, shared by its packets, with `mean_ns`
    /// as their mean.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "nanoseconds of one packet, seven digits are enough"
    )]
    fn packets(&self, frames: usize, reading: f64, mean_ns: f64) -> Vec<f32> {
        let batch = self.batch as usize;
        let of_batch = |(index, samples): (usize, &Vec<f32>)| {
            let samples: Vec<f64> = samples.iter().map(|ns| f64::from(*ns)).collect();
            let inside = batch.min(frames - (index * batch).min(frames)).max(1);
            let ns = (median(&samples).unwrap_or_default() - reading).max(0.0) / inside as f64;
            std::iter::repeat_n(ns, inside)
        };
        let raw: Vec<f64> =
            self.samples.iter().enumerate().flat_map(of_batch).take(frames).collect();
        let mean = raw.iter().sum::<f64>() / (raw.len() as f64).max(1.0);
        let scale = if mean > 0.0 { mean_ns / mean } else { 0.0 };
        raw.iter().map(|ns| (ns * scale) as f32).collect()
    }
}

/// `VmRSS` of proc_pid_status(5).
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Parts of the work that are told apart, in their order.
pub const STAGES: [&str; 5] =
    ["copy out of the ring", "headers", "fragments", "flows and messages", "hosts and activities"];

/// Shares of the parts of the work, and what each frame is taken for.
pub struct Split {
    /// Shares of [`STAGES`], in sum 1: of the medians of all repetitions of each batch, so that
    /// interruptions do not count.
    pub shares: [f64; STAGES.len()],
    /// The same of single replicas.
    pub replicas: Vec<[f64; STAGES.len()]>,
    /// Number of the protocol of each frame.
    pub protocols: Vec<usize>,
    /// What the core found.
    pub observation: Observation,
}

/// Runs the core over `window` and times the parts of its work on each batch.
///
/// # Errors
/// Where the system refuses threads.
pub fn split(
    window: &Window,
    batch: usize,
    options: &sensor::Options,
) -> Result<Split, rayon::ThreadPoolBuildError> {
    let (rounds, replicas) = plan(window.len());
    let sums = Sums {
        frames: window.len() as u64,
        warm_up: window.len() as u64 * rounds,
        batch: batch as u64,
        state: Mutex::new(SumState {
            last: Instant::now(),
            samples: vec![Default::default(); window.len().div_ceil(batch)],
            protocols: vec![0; window.len()],
        }),
    };
    let mut feed = Feed::new(window, rounds * (replicas + 1), batch, |_| sums.start());
    let options = sensor::Options { threads: 1, ..options.clone() };
    let observation = sensor::observe_watched(&mut feed, &options, &|_| (), None, &sums)?;
    let state = sums.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let rounds = usize::try_from(rounds).unwrap_or(usize::MAX);
    let of_replica = |replica: u64| {
        let first = usize::try_from(replica).unwrap_or(0) * rounds;
        shares(&state.samples, |samples| samples.get(first..first + rounds).unwrap_or_default())
    };
    Ok(Split {
        shares: shares(&state.samples, |samples| samples),
        replicas: (0..replicas).map(of_replica).collect(),
        protocols: state.protocols,
        observation,
    })
}

/// Samples of one batch of the window: of each part of the work, one for each repetition, in
/// nanoseconds.
type Samples = [Vec<f32>; STAGES.len()];

/// Shares of the parts by the medians of `some` of each batch's samples.
fn shares(all: &[Samples], some: impl Fn(&[f32]) -> &[f32]) -> [f64; STAGES.len()] {
    let mut sums = [0.0; STAGES.len()];
    for samples in all {
        for (sum, samples) in sums.iter_mut().zip(samples) {
            let samples: Vec<f64> = some(samples).iter().map(|ns| f64::from(*ns)).collect();
            *sum += median(&samples).unwrap_or_default();
        }
    }
    let whole: f64 = sums.iter().sum();
    sums.map(|sum| if whole > 0.0 { sum / whole } else { 0.0 })
}

/// Time by part of the work.
struct Sums {
    frames: u64,
    warm_up: u64,
    batch: u64,
    state: Mutex<SumState>,
}

struct SumState {
    last: Instant,
    samples: Vec<Samples>,
    protocols: Vec<usize>,
}

impl Sums {
    fn state(&self) -> std::sync::MutexGuard<'_, SumState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) {
        self.state().last = Instant::now();
    }

    fn add(&self, stage: usize, batch: &Batch) {
        let mut state = self.state();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "nanoseconds of one batch, seven digits are enough; the number of a batch"
        )]
        let (spent, index) = (
            elapsed_ns(state.last) as f32,
            (batch.first_frame % self.frames.max(1) / self.batch.max(1)) as usize,
        );
        if batch.first_frame >= self.warm_up
            && let Some(samples) = state.samples.get_mut(index).and_then(|all| all.get_mut(stage))
        {
            samples.push(spent);
        }
        state.last = Instant::now();
    }
}

impl Watch for Sums {
    fn began(&self, batch: &Batch) {
        self.add(0, batch);
    }

    fn ended(&self, step: Step, batch: &Batch) {
        let stage = Step::ALL.iter().position(|other| *other == step).unwrap_or_default();
        self.add(stage + 1, batch);
    }

    fn taken(&self, batch: &Batch, taken: &[Taken]) {
        if batch.first_frame >= self.frames {
            return;
        }
        let first = usize::try_from(batch.first_frame).unwrap_or(usize::MAX);
        let mut state = self.state();
        let places = state.protocols.iter_mut().skip(first);
        places.zip(taken).for_each(|(place, taken)| *place = taken.protocol());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::tests::window;

    #[test]
    fn every_packet_has_a_cost_and_their_mean_is_that_of_the_replicas() {
        let window = window(&(0..100).collect::<Vec<i64>>());
        let options = sensor::Options::default();
        let run = once(&window, 8, &options, "test").unwrap();
        assert_eq!(run.packets_ns.len(), 100);
        let mean = run.packets_ns.iter().map(|ns| f64::from(*ns)).sum::<f64>() / 100.0;
        let estimate = run.ns_per_packet.estimate;
        assert!((mean / estimate - 1.0).abs() < 1e-3, "{mean} against {estimate}");
        assert!(run.ns_per_packet.low <= estimate && estimate <= run.ns_per_packet.high);
        assert_eq!(run.replicas, (9, 5_000));
        assert_eq!(run.observation.traffic.frames, 50_000);
        // Every repetition has a client of its own, and so a flow.
        assert_eq!(run.observation.traffic.flows.udp, 500);
    }

    #[test]
    fn timing_a_batch_is_taken_off_and_not_part_of_it() {
        // Ten batches of one, three times: the first is nobody's replica.
        let mut timer = Timer::new(10, 1, 1, 2);
        let pause = std::time::Duration::from_millis(5);
        for next in 0..30 {
            timer.before(next);
            // Carrying batch 5 of the second time takes long.
            if next == 15 {
                std::thread::sleep(pause);
            }
        }
        assert!(timer.samples[5][0] >= 5e6, "{:?}", timer.samples);
        assert!(timer.samples.iter().all(|of| of.capacity() == 2 && of.len() <= 2));
        let own = own_ns(1_000, 1, 2);
        assert!(own > 0.0 && own < 1e6, "two readings and a sample: {own}");
    }

    #[test]
    fn an_interruption_moves_no_share() {
        let batch = |flows: f32| [vec![10.0], vec![10.0], vec![0.0], vec![flows], vec![20.0]];
        let mut samples = vec![batch(60.0), batch(60.0)];
        for all in &mut samples {
            for samples in all.iter_mut() {
                let usual = samples[0];
                samples.extend([usual, usual]);
            }
        }
        samples[0][1][2] = 4_000_000.0;
        assert_eq!(shares(&samples, |samples| samples), [0.1, 0.1, 0.0, 0.6, 0.2]);
    }

    #[test]
    fn parts_of_the_work_sum_up_and_frames_have_protocols() {
        let window = window(&(0..50).collect::<Vec<i64>>());
        let split = split(&window, 32, &sensor::Options::default()).unwrap();
        assert_eq!(split.replicas.len(), 9);
        let all = split.replicas.iter().chain([&split.shares]);
        for shares in all {
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
        }
        let names: Vec<&str> = Taken::protocols().collect();
        assert!(split.protocols.iter().all(|id| names[*id] == "NTP"), "{:?}", split.protocols);
    }
}
