//! Trials in real time, without a generator: whichever worker is free reads the clock, puts what
//! has arrived by schedule since the last look into the ring (or drops it where the ring is
//! full), and takes a batch. Nothing else needs a processor, and a late look loses or delays
//! what came meanwhile, as a kernel's buffer does.
//!
//! Before its clock starts, the core of each trial hears the window, as often as its first frames
//! cost more than later ones: tables are touched, hosts known.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::clock::{elapsed_ns, thread_cpu_ns};
use super::disturbance::{Moment, Strength, Turn, Worker, longest_wait_ns, taints, turns};
use super::drive::Runner;
use super::load::{Arrivals, Pace, Schedule};
use super::process::cpu_seconds;
use super::virtual_time::{BATCH_MAX, Histograms, note, whole_ns};
use super::window::{Feed, Window};
use crate::base::{Batch, FrameSource, Random};
use crate::record::{Disturbance, Trial};
use crate::sensor::{self, Observation, Step, Watch};

/// A gap between two looks at the clock while waiting that only others can have caused, in
/// nanoseconds. Ours: a look takes less than a microsecond.
const STALL_NS: f64 = 100_000.0;

/// A trial is given up after so many times its length: the rest counts as unsent. Ours.
const OVERTIME: f64 = 2.0;

/// Frames before the clock starts, at least: those that the core logs, which costs it more. Without
/// optimisation, whose figures nobody may use, it would take too long.
const WARM_UP_FRAMES: usize = if cfg!(debug_assertions) { 1_000 } else { sensor::LOG_MAX };

/// Passes in which the cost of arriving is found, and frames of each. Ours: some milliseconds.
const RING_PASSES: u32 = 9;
const RING_FRAMES: usize = if cfg!(debug_assertions) { 5_000 } else { 100_000 };

/// What a trial in real time needs.
pub struct Bench<'a> {
    /// Frames.
    pub window: &'a Window,
    /// When they came.
    pub pace: &'a Pace,
    /// How they are to come.
    pub arrivals: Arrivals,
    /// Seed of arrivals that are drawn.
    pub seed: u64,
    /// Captured bytes that may wait.
    pub buffer_bytes: u64,
    /// How to run the core; its threads are the workers.
    pub options: sensor::Options,
    /// A quota was asked for.
    pub has_quota: bool,
    /// Times that a disturbed trial is repeated.
    pub repeats_max: u32,
    /// Trials so far.
    pub number: u64,
    /// Who disturbed them.
    pub disturbances: Vec<Disturbance>,
    /// Told what each trial without loss found, with the repetitions it heard.
    pub check: &'a mut dyn FnMut(u64, &Observation),
}

impl Runner for Bench<'_> {
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, rayon::ThreadPoolBuildError> {
        self.trial_with(load, seconds, None)
    }

    fn is_drawn(&self) -> bool {
        self.arrivals.is_drawn()
    }
}

impl Bench<'_> {
    /// A trial, repeated while others disturb it. The histograms are those of the last one.
    ///
    /// # Errors
    /// Where the system refuses threads.
    pub fn trial_with(
        &mut self,
        load: f64,
        seconds: f64,
        mut histograms: Option<&mut Histograms>,
    ) -> Result<Trial, rayon::ThreadPoolBuildError> {
        for repeated in 0.. {
            if let Some(histograms) = histograms.as_deref_mut() {
                *histograms = Histograms::new();
            }
            let (mut trial, mut disturbance) =
                self.once(load, seconds, histograms.as_deref_mut())?;
            let strength = Strength { is_cpu_time: false, has_quota: self.has_quota };
            disturbance.taints = taints(&disturbance, strength);
            disturbance.repeated = repeated;
            trial.repeated = repeated;
            trial.is_tainted = !disturbance.taints.is_empty();
            let is_last = !trial.is_tainted || repeated >= self.repeats_max;
            if is_last {
                self.disturbances.push(disturbance);
                return Ok(trial);
            }
        }
        unreachable!("the loop ends by itself")
    }

    #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
    fn once(
        &mut self,
        load: f64,
        seconds: f64,
        histograms: Option<&mut Histograms>,
    ) -> Result<(Trial, Disturbance), rayon::ThreadPoolBuildError> {
        self.number += 1;
        let intended = intended(load, seconds, self.window.len());
        let random = Random::fork(self.seed, self.number);
        let schedule = Schedule::new(self.pace, self.arrivals, load, random);
        let clock = Clock::default();
        let notes =
            Notes { clock: &clock, kept: Mutex::default(), is_wanted: histograms.is_some() };
        let mut source = Source {
            window: self.window,
            schedule,
            notes: &notes,
            buffer_bytes: self.buffer_bytes,
            warm_up: warm_up_rounds(self.window.len()) * self.window.len() as u64,
            place: 0,
            taken: 0,
            intended,
            deadline_ns: intended as f64 / load * 1e9 * OVERTIME + 1e9,
            next_ns: None,
            state: State::default(),
        };
        let observation =
            sensor::observe_watched(&mut source, &self.options, &|_| (), None, &notes)?;
        let end = End::now(&clock);
        let mut trial = source.conclude(load);
        let disturbance = source.state.disturbance(&end, trial.load_pps);
        let kept = std::mem::take(&mut *notes.kept());
        let workers = self.options.threads as f64;
        trial.utilisation = kept.busy_ns / (end.elapsed_ns * workers).max(1.0);
        if let Some(histograms) = histograms {
            *histograms = kept.histograms;
            histograms.queue = source.state.queue_seen;
        }
        if trial.lost_buffer_full + trial.unsent == 0 {
            let rounds = intended / self.window.len().max(1) as u64;
            (self.check)(rounds + warm_up_rounds(self.window.len()), &observation);
        }
        Ok((trial, disturbance))
    }
}

/// Whole repetitions of the window, so that a trial has its mix: at least one, at least as long
/// as asked for.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "loads times seconds stay far below 2^53"
)]
pub fn intended(load: f64, seconds: f64, frames: usize) -> u64 {
    let frames = frames.max(1) as f64;
    ((load * seconds / frames).ceil().max(1.0) * frames) as u64
}

/// Repetitions of a window of so many frames before the clock starts.
fn warm_up_rounds(frames: usize) -> u64 {
    WARM_UP_FRAMES.div_ceil(frames.max(1)).max(1) as u64
}

/// When the trial began, and when the ring was empty for good; nothing before that.
#[derive(Default)]
struct Clock {
    began: std::sync::OnceLock<Began>,
    /// Threads at the end, while the workers still live.
    ended: std::sync::OnceLock<Vec<Turn>>,
}

struct Began {
    at: Instant,
    moment: Moment,
    cpu_seconds: Option<f64>,
    threads: Vec<Turn>,
}

impl Clock {
    fn start(&self) {
        self.began.get_or_init(|| {
            let (threads, moment) = (turns(), Moment::now(Worker::default()));
            Began { cpu_seconds: cpu_seconds(), at: Instant::now(), moment, threads }
        });
    }

    fn stop(&self) {
        self.ended.get_or_init(turns);
    }

    fn now_ns(&self) -> f64 {
        self.began.get().map_or(0.0, |began| elapsed_ns(began.at))
    }
}

/// The end of a trial.
struct End {
    elapsed_ns: f64,
    moments: Option<(Moment, Moment)>,
    /// Processor time of all workers over elapsed time.
    cpu_over_wall: Option<f64>,
    /// What the worker that waited longest for a processor waited, in nanoseconds.
    waited_ns: Option<u64>,
}

impl End {
    fn now(clock: &Clock) -> Self {
        let elapsed_ns = clock.now_ns();
        let began = clock.began.get();
        let cpu = began.and_then(|began| Some(cpu_seconds()? - began.cpu_seconds?));
        let threads = began.zip(clock.ended.get());
        Self {
            elapsed_ns,
            moments: began.map(|began| (began.moment, Moment::now(Worker::default()))),
            cpu_over_wall: cpu.map(|cpu| cpu * 1e9 / elapsed_ns.max(1.0)),
            waited_ns: threads.and_then(|(began, ended)| longest_wait_ns(&began.threads, ended)),
        }
    }

    /// Share of the time in which every worker that could work had a processor, as far as it can
    /// be told: by the processor time of all (one of them always looks at the clock), by the
    /// stalls of the one that looks, and by how long each was kept waiting.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    fn share(&self, stalled_ns: f64) -> Option<f64> {
        let of = |lacking_ns: f64| 1.0 - lacking_ns / self.elapsed_ns.max(1.0);
        let kept = self.waited_ns.map_or(1.0, |waited| of(waited as f64));
        self.cpu_over_wall.map(|share| share.min(of(stalled_ns)).min(kept))
    }
}

/// What the workers note about batches.
struct Notes<'a> {
    clock: &'a Clock,
    kept: Mutex<Kept>,
    is_wanted: bool,
}

struct Kept {
    histograms: Histograms,
    /// Batches under way: when they were taken, and when their packets arrived.
    batches: HashMap<u64, (f64, Vec<f64>)>,
    busy_ns: f64,
}

impl Default for Kept {
    fn default() -> Self {
        Self { histograms: Histograms::new(), batches: HashMap::new(), busy_ns: 0.0 }
    }
}

impl Notes<'_> {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch for Notes<'_> {
    fn ended(&self, step: Step, batch: &Batch) {
        if step != Step::Timeline {
            return;
        }
        let end_ns = self.clock.now_ns();
        let mut kept = self.kept();
        let Some((taken_ns, arrivals)) = kept.batches.remove(&batch.first_frame) else { return };
        kept.busy_ns += end_ns - taken_ns;
        for arrived_ns in arrivals {
            note(&mut kept.histograms.sojourn, whole_ns(end_ns - arrived_ns));
            note(&mut kept.histograms.service, whole_ns(end_ns - taken_ns));
        }
    }
}

/// The ring and its schedule; asked for the next batch by whichever worker is free.
struct Source<'a> {
    window: &'a Window,
    schedule: Schedule<'a>,
    notes: &'a Notes<'a>,
    buffer_bytes: u64,
    /// Frames before the clock starts.
    warm_up: u64,
    /// Where in the window the next frame to arrive stands.
    place: usize,
    /// Frames handed out.
    taken: u64,
    intended: u64,
    deadline_ns: f64,
    next_ns: Option<f64>,
    state: State,
}

struct State {
    arrived: u64,
    /// Number in the endless repetition, and arrival.
    queue: VecDeque<(u64, f64)>,
    queued_bytes: u64,
    lost: u64,
    queue_max: usize,
    queue_seen: hdrhistogram::Histogram<u64>,
    stalled_ns: f64,
}

impl Default for State {
    fn default() -> Self {
        Self {
            arrived: 0,
            queue: VecDeque::new(),
            queued_bytes: 0,
            lost: 0,
            queue_max: 0,
            queue_seen: Histograms::new().queue,
            stalled_ns: 0.0,
        }
    }
}

impl State {
    fn disturbance(&self, end: &End, load: f64) -> Disturbance {
        let part = format!("trial at {load:.0} packets per second");
        let Some((began, ended)) = &end.moments else { return Disturbance::default() };
        let mut disturbance = began.until(ended, &part, false);
        disturbance.cpu_over_wall = end.share(self.stalled_ns);
        disturbance
    }
}

impl Source<'_> {
    /// Lets everything arrive that is due.
    fn admit(&mut self, now_ns: f64) {
        while let Some(at) = self.next_ns.filter(|at| *at <= now_ns) {
            let number = self.warm_up + self.state.arrived;
            let bytes = u64::from(self.window.length(self.place));
            self.place = if self.place + 1 < self.window.len() { self.place + 1 } else { 0 };
            let state = &mut self.state;
            if self.notes.is_wanted {
                note(&mut state.queue_seen, state.queue.len() as u64);
            }
            if state.queued_bytes + bytes > self.buffer_bytes {
                state.lost += 1;
            } else {
                state.queued_bytes += bytes;
                state.queue.push_back((number, at));
                state.queue_max = state.queue_max.max(state.queue.len());
            }
            state.arrived += 1;
            self.advance();
        }
    }

    fn advance(&mut self) {
        self.next_ns = (self.state.arrived < self.intended).then(|| self.schedule.next());
    }

    /// Waits for something to do; false at the end.
    fn wait(&mut self) -> bool {
        let mut before_ns = self.notes.clock.now_ns();
        loop {
            let now_ns = self.notes.clock.now_ns();
            if now_ns - before_ns > STALL_NS {
                self.state.stalled_ns += now_ns - before_ns;
            }
            before_ns = now_ns;
            self.admit(now_ns);
            if !self.state.queue.is_empty() {
                return now_ns < self.deadline_ns;
            }
            if self.next_ns.is_none() || now_ns >= self.deadline_ns {
                return false;
            }
            std::hint::spin_loop();
        }
    }

    fn warm(&mut self, batch: &mut Batch) {
        let end = (self.taken + BATCH_MAX as u64).min(self.warm_up);
        (self.taken..end).for_each(|number| self.window.copy(number, batch));
        self.taken = end;
    }

    #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
    fn conclude(&self, load: f64) -> Trial {
        let state = &self.state;
        // What still waits when a trial is given up was never worked on.
        let unsent = self.intended - state.arrived + state.queue.len() as u64;
        let lost = state.lost + unsent;
        Trial {
            is_virtual: false,
            load_pps: load,
            seconds: self.intended as f64 / load,
            realised_pps: self.schedule.realised_pps(),
            intended: self.intended,
            offered: state.arrived,
            lost_buffer_full: state.lost,
            unsent,
            loss_ratio: lost as f64 / (self.intended.max(state.arrived) as f64).max(1.0),
            queue_max: state.queue_max as u64,
            ..Trial::default()
        }
    }
}

impl FrameSource for Source<'_> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.records.clear();
        batch.first_frame = self.taken;
        if self.taken < self.warm_up {
            self.warm(batch);
            return true;
        }
        if self.taken == self.warm_up && self.next_ns.is_none() && self.state.arrived == 0 {
            self.notes.clock.start();
            self.advance();
        }
        if !self.wait() {
            self.notes.clock.stop();
            return false;
        }
        let taken_ns = self.notes.clock.now_ns();
        let number = self.taken;
        let arrivals = self.take(batch);
        self.notes.kept().batches.insert(number, (taken_ns, arrivals));
        true
    }
}

impl Source<'_> {
    /// Hands out what waits, at most a batch; when it arrived, if that is wanted.
    fn take(&mut self, batch: &mut Batch) -> Vec<f64> {
        let packets = self.state.queue.len().min(BATCH_MAX);
        let mut arrivals = Vec::with_capacity(if self.notes.is_wanted { packets } else { 0 });
        for (number, at) in self.state.queue.drain(..packets) {
            let before = batch.bytes.len();
            self.window.copy(number, batch);
            self.state.queued_bytes -= (batch.bytes.len() - before) as u64;
            if self.notes.is_wanted {
                arrivals.push(at);
            }
        }
        self.taken += packets as u64;
        arrivals
    }
}

/// Nanoseconds that it takes to let a packet arrive as a schedule says, to put it into the ring
/// and to take it out of there, beyond taking it out of a window as is done where costs are
/// measured: the least of several passes, in processor time where there is such a clock.
#[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds far below 2^53")]
pub fn arrival_ns(window: &Window, pace: &Pace, arrivals: Arrivals) -> f64 {
    let rounds = RING_FRAMES.div_ceil(window.len().max(1)).max(1) as u64;
    let frames = rounds * window.len() as u64;
    let (mut with_ring, mut without) = (f64::INFINITY, f64::INFINITY);
    let mut batch = Batch::default();
    for _ in 0..RING_PASSES {
        let mut feed = Feed::new(window, rounds, BATCH_MAX, |_| ());
        without = without.min(spent_ns(|| while feed.fill(&mut batch) {}));
        with_ring = with_ring.min(spent_ns(|| {
            through_ring(window, pace, arrivals, &mut batch);
        }));
    }
    ((with_ring - without) / (frames as f64).max(1.0)).max(0.0)
}

/// Lets packets through the ring, a batch at a time in the mean, with nobody to carry them; how
/// many.
#[expect(clippy::cast_precision_loss, reason = "packets of a pass stay far below 2^53")]
fn through_ring(window: &Window, pace: &Pace, arrivals: Arrivals, batch: &mut Batch) -> u64 {
    let rounds = RING_FRAMES.div_ceil(window.len().max(1)).max(1) as u64;
    let (clock, kept) = (Clock::default(), Mutex::default());
    let mut source = Source {
        window,
        // One a nanosecond.
        schedule: Schedule::new(pace, arrivals, 1e9, Random::new(0)),
        notes: &Notes { clock: &clock, kept, is_wanted: false },
        buffer_bytes: u64::MAX,
        warm_up: 0,
        place: 0,
        taken: 0,
        intended: rounds * window.len() as u64,
        deadline_ns: f64::INFINITY,
        next_ns: None,
        state: State::default(),
    };
    source.advance();
    let mut now_ns = 0.0;
    while source.taken < source.intended {
        now_ns += BATCH_MAX as f64;
        source.admit(now_ns);
        while !source.state.queue.is_empty() {
            batch.bytes.clear();
            batch.records.clear();
            source.take(batch);
        }
    }
    source.taken
}

/// What `work` takes of this thread's processor time, or else of time.
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
fn spent_ns(work: impl FnOnce()) -> f64 {
    let (at, cpu) = (Instant::now(), thread_cpu_ns());
    work();
    let cpu = cpu.zip(thread_cpu_ns()).map(|(began, ended)| (ended - began) as f64);
    cpu.unwrap_or_else(|| elapsed_ns(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::tests::{FRAME_BYTES, window};

    #[test]
    fn every_packet_is_heard_lost_or_unsent_whatever_the_speed() {
        let window = window(&(0..200).collect::<Vec<i64>>());
        let pace = Pace::new(window.offsets_ns());
        let mut heard = Vec::new();
        let mut check =
            |rounds: u64, found: &Observation| heard.push((rounds, found.traffic.frames));
        let mut bench = Bench {
            window: &window,
            pace: &pace,
            arrivals: Arrivals::Fixed,
            seed: 1,
            buffer_bytes: 2_000,
            options: sensor::Options { threads: 2, ..sensor::Options::default() },
            has_quota: false,
            repeats_max: 0,
            number: 0,
            disturbances: Vec::new(),
            check: &mut check,
        };
        for load in [2_000.0, 50_000_000.0] {
            let mut histograms = Histograms::new();
            let (trial, _) = bench.once(load, 0.01, Some(&mut histograms)).unwrap();
            assert_eq!(trial.offered + trial.unsent, trial.intended, "{trial:?}");
            let worked = trial.offered - trial.lost_buffer_full;
            assert_eq!(histograms.sojourn.len(), worked, "{trial:?}");
            assert_eq!(histograms.queue.len(), trial.offered);
            assert!(trial.queue_max * FRAME_BYTES <= 2_000);
        }
        assert_eq!(warm_up_rounds(200), 5);
        // Fifty million a second into a ring of 22 packets: some are lost anywhere.
        assert!(heard.iter().all(|&(rounds, frames)| frames == rounds * 200), "{heard:?}");
    }

    #[test]
    fn what_a_trial_that_is_given_up_never_sent_counts_as_lost() {
        let window = window(&(0..10).collect::<Vec<i64>>());
        let pace = Pace::new(window.offsets_ns());
        let (clock, is_wanted) = (Clock::default(), false);
        let notes = Notes { clock: &clock, kept: Mutex::default(), is_wanted };
        let mut source = Source {
            window: &window,
            schedule: Schedule::new(&pace, Arrivals::Fixed, 1.0, Random::new(1)),
            notes: &notes,
            buffer_bytes: 1 << 20,
            warm_up: 10,
            place: 0,
            taken: 0,
            intended: 40,
            deadline_ns: 0.0,
            next_ns: None,
            state: State::default(),
        };
        let mut batch = Batch::default();
        assert!(source.fill(&mut batch), "the window once, without a clock");
        assert!(!source.fill(&mut batch));
        let trial = source.conclude(1.0);
        assert_eq!((trial.unsent, trial.lost_buffer_full, trial.loss_ratio), (40, 0, 1.0));
    }

    #[test]
    fn a_second_worker_without_a_processor_is_seen() {
        let mut end = End {
            elapsed_ns: 1e9,
            moments: None,
            cpu_over_wall: Some(1.02),
            waited_ns: Some(1_000_000),
        };
        // Two workers: one always had a processor, the other hardly ever waited for one.
        assert_eq!(end.share(0.0), Some(0.999));
        end.waited_ns = Some(480_000_000);
        assert_eq!(end.share(0.0), Some(0.52));
        assert_eq!(end.share(9e8), Some(1.0 - 0.9));
    }

    #[test]
    fn a_packets_way_through_the_ring_has_a_cost_and_every_packet_takes_it() {
        let window = window(&(0..70).collect::<Vec<i64>>());
        let pace = Pace::new(window.offsets_ns());
        for arrivals in [Arrivals::Recorded, Arrivals::Fixed, Arrivals::Poisson] {
            let ns = arrival_ns(&window, &pace, arrivals);
            assert!((0.0..1e5).contains(&ns), "{arrivals:?}: {ns}");
            let mut batch = Batch::default();
            assert_eq!(through_ring(&window, &pace, arrivals, &mut batch), 5_040);
        }
        let pause = std::time::Duration::from_millis(20);
        let busy = || {
            let began = Instant::now();
            while began.elapsed() < pause {}
        };
        assert!(spent_ns(busy) > 0.0);
    }

    #[test]
    fn trials_are_whole_repetitions() {
        assert_eq!(intended(1_000.0, 1.0, 300), 1_200);
        assert_eq!(intended(1.0, 0.1, 300), 300);
    }
}
