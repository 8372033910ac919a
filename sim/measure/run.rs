//! A whole measurement: envelope, window, costs, searches, latency, checks.

use std::net::IpAddr;

use super::cost::{self, Run, STAGES, Split};
use super::crowd::{self, Scales};
use super::digest::Digests;
use super::disturbance::REPEATS_MAX;
use super::drive::{Runner, result, search};
use super::envelope;
use super::load::Pace;
use super::plan::{Load, Mode, Plan, RATES};
use super::realtime::{self, Bench};
use super::runner::{PACKETS_MAX, VirtualRunner, doubt, in_real_time, in_virtual_time};
use super::search::Goal;
use super::statistics::median_interval;
use super::virtual_time::{BATCH_MAX, Costs, Device, Histograms, SIZES};
use super::window::{Feed, Window};
use crate::flow::{FlowTable, SHARDS};
use crate::record::{
    BatchCost, Cost, CrossCheck, Disturbance, Envelope, GoalResult, Interval, Latency, Machine,
    MeasureMode, ProtocolCost, Quantiles, Replay, Spread, StageCost, Trial,
};
use crate::sensor::{self, Taken};

/// Shares of the last goal's lower bound at which latency is measured (CSIT).
const LATENCY_SHARES: [f64; 3] = [0.1, 0.5, 0.9];
/// A search goes no further than this from the load that the costs suggest, up and down. Ours.
const REACH: (f64, f64) = (1e-5, 8.0);
/// Frames of a protocol below which its cost is not told. Ours: fewer are as good as none of its
/// conversations.
const PROTOCOL_FRAMES_MIN: u64 = 50;
/// New flows below which their memory is not told. Ours.
const MEMORY_FLOWS_MIN: u64 = 10_000;
/// Trials in real time that are run again without a clock, to compare what the core found. Ours:
/// each takes as long as a trial.
const CHECKED_MAX: usize = 5;
/// Private memory of the program beside flows and frames, in bytes. Measured over two captures in
/// virtual time: 53 and 56 MB; the rest is margin.
const PROGRAM_BYTES: u64 = 64_000_000;
/// What trials in real time need beside, whose cores hear more repetitions. Measured: 30 MB; the
/// rest is margin.
const REALTIME_BYTES: u64 = 48_000_000;
/// Stack, arena and batches of one more worker. Ours.
const WORKER_BYTES: u64 = 4_000_000;
/// What a flow carries beside its entry. Measured in real time with a full table: 120; the rest is
/// margin.
const FLOW_BYTES: u64 = 160;
/// What is kept of a frame beside its bytes: where it lies, twice, and what it costs. Ours.
const FRAME_BYTES: u64 = 256;
/// A packet that waits, in a queue that has just doubled.
const WAITING_BYTES: u64 = 48;
/// Virtual over real throughput: within these the two modes agree (method: 0.9 to 1.1).
pub const AGREE: std::ops::RangeInclusive<f64> = 0.9..=1.1;

/// Why a measurement could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// Nothing to replay.
    #[error("replay anything: no frame was read; the inputs are empty, or --window is too small")]
    NoFrames,
    /// The system refused threads.
    #[error("start worker threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A multiple of the recorded pace that is no rate to try.
    #[error(
        "try {times} times the recorded pace, which is {pps:.4} packets per second: only {least} \
         to {most} can be tried; give another xN to --load",
        least = RATES.start(),
        most = RATES.end()
    )]
    Load {
        /// As asked for.
        times: f64,
        /// Packets per second.
        pps: f64,
    },
    /// More memory is needed.
    #[error(
        "stay inside --memory {limit_bytes}: this needs at least {needed_bytes} bytes, of which \
         the flow table takes {table_bytes} and the frames {window_bytes}; give more with \
         --memory, or less with --max-flows, --window or --buffer"
    )]
    Memory {
        /// What may be used.
        limit_bytes: u64,
        /// What is needed at least.
        needed_bytes: u64,
        /// Of that, for flows.
        table_bytes: u64,
        /// Of that, for frames.
        window_bytes: u64,
    },
}

/// Everything measured, for the record.
#[derive(Debug)]
pub struct Measured {
    /// How.
    pub mode: MeasureMode,
    /// Why so.
    pub mode_reason: String,
    /// The machine.
    pub machine: Machine,
    /// Limits.
    pub envelope: Envelope,
    /// What was replayed.
    pub replay: Replay,
    /// Whether answers agree.
    pub digest: crate::record::Digest,
    /// Goals.
    pub goals: Vec<GoalResult>,
    /// Asked-for loads.
    pub loads: Vec<Trial>,
    /// The long trial.
    pub soak: Option<Trial>,
    /// Trials of searches.
    pub trials: Vec<Trial>,
    /// Latencies.
    pub latency: Vec<Latency>,
    /// Their histograms, in the same order.
    pub histograms: Vec<Histograms>,
    /// Costs.
    pub cost: Cost,
    /// Cross-check.
    pub cross_check: Option<CrossCheck>,
    /// Disturbances.
    pub disturbances: Vec<Disturbance>,
    /// Why it cannot be relied on.
    pub inconclusive: Vec<String>,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// Measures the core on the frames of `window`. `progress` is told what is being done.
///
/// # Errors
/// See [`MeasureError`].
pub fn measure(
    window: Window,
    plan: &Plan,
    progress: &dyn Fn(&str),
) -> Result<Measured, MeasureError> {
    progress("looking at the machine");
    let machine = envelope::look_at_machine();
    let (is_quiet, how) = envelope::is_quiet(&machine);
    let (mode, mode_reason) = match plan.mode {
        Mode::Virtual => (MeasureMode::Virtual, "asked for".to_owned()),
        Mode::Realtime => (MeasureMode::Both, format!("asked for; {how}")),
        Mode::Auto if is_quiet => (MeasureMode::Both, how),
        Mode::Auto => (MeasureMode::Virtual, how),
    };
    check_memory(plan, &window, mode)?;
    let held = envelope::enter(&plan.envelope);
    // What the core does once in its life, making room for more flows, is no matter of load.
    let core = sensor::Options { is_reserved: true, ..plan.core.clone() };
    let plan = &Plan { core, ..plan.clone() };
    let mut session = Session::new(plan, window, progress)?;
    session.check_loads()?;
    session.measure_costs()?;
    session.measure_together()?;
    session.search_virtual()?;
    if mode == MeasureMode::Both {
        session.search_realtime()?;
    }
    session.measure_latency(mode)?;
    session.measure_loads(mode)?;
    session.check_answers()?;
    session.measure_protocols()?;
    let mut measured = session.conclude(mode, mode_reason, machine, held.envelope.clone());
    measured.judge();
    Ok(measured)
}

/// Refuses a limit that would end the process in the middle: a system that gives no more memory
/// leaves no way to say so.
fn check_memory(plan: &Plan, window: &Window, mode: MeasureMode) -> Result<(), MeasureError> {
    if window.is_empty() {
        return Err(MeasureError::NoFrames);
    }
    let frames = window.len() as u64;
    let flows_max = plan.core.flows_max as u64;
    // In virtual time the core hears a large window some eight times; in real time so often that
    // the table fills.
    let flows = match mode {
        MeasureMode::Virtual => flows_max.min(frames * 8),
        _ => flows_max,
    };
    let table = FlowTable::bytes_max(plan.core.flows_max.div_ceil(SHARDS)) * SHARDS;
    let table_bytes = table as u64 + flows * FLOW_BYTES;
    // Frames are held, and those of one protocol once more.
    let window_bytes = window.bytes() * 2 + frames * FRAME_BYTES;
    // As many packets of mean length as the buffer holds.
    let waiting = plan.buffer_bytes / (window.bytes() / frames).max(1);
    let realtime_bytes = match mode {
        MeasureMode::Virtual => 0,
        _ => REALTIME_BYTES + plan.envelope.cores as u64 * WORKER_BYTES,
    };
    let needed_bytes = [table_bytes, window_bytes, waiting.saturating_mul(WAITING_BYTES)];
    let needed_bytes = needed_bytes
        .iter()
        .fold(PROGRAM_BYTES + realtime_bytes, |sum, part| sum.saturating_add(*part));
    let limit_bytes = plan.envelope.memory_bytes;
    if needed_bytes > limit_bytes {
        return Err(MeasureError::Memory { limit_bytes, needed_bytes, table_bytes, window_bytes });
    }
    Ok(())
}

/// A measurement under way.
struct Session<'a> {
    plan: &'a Plan,
    progress: &'a dyn Fn(&str),
    window: Window,
    pace: Pace,
    lengths: Vec<u32>,
    digests: Digests,
    costs: Option<Costs>,
    /// Costs of each size with their interval.
    intervals: [Interval; SIZES.len()],
    /// What they are multiplied by, for all workers together.
    scales: Scales,
    protocols: Vec<usize>,
    cost: Cost,
    /// What the workers carry when everything waits, by the costs: packets per second.
    saturated: f64,
    goals: Vec<GoalResult>,
    loads: Vec<Trial>,
    soak: Option<Trial>,
    trials: Vec<Trial>,
    latency: Vec<Latency>,
    histograms: Vec<Histograms>,
    cross_check: Option<CrossCheck>,
    disturbances: Vec<Disturbance>,
    /// What a reader should know, as sentences.
    warnings: Vec<String>,
    /// Frames of repetitions beyond the time that the core keeps rates of.
    outside_timeline: u64,
}

impl<'a> Session<'a> {
    /// Hears the window once, which tells servers from clients.
    fn new(
        plan: &'a Plan,
        mut window: Window,
        progress: &'a dyn Fn(&str),
    ) -> Result<Self, MeasureError> {
        let mut digests = Digests::default();
        let once = sensor::observe(
            &mut Feed::new(&window, 1, BATCH_MAX, |_| ()),
            &plan.core,
            &|_| (),
            None,
        )?;
        let addresses = once.domain_controllers.iter().flat_map(|dc| &dc.addresses);
        let servers: Vec<IpAddr> = addresses.filter_map(|text| text.parse().ok()).collect();
        digests.take(1, &once);
        window.find_clients(&servers);
        let lengths = (0..window.len()).map(|at| window.length(at)).collect();
        Ok(Self {
            plan,
            progress,
            pace: Pace::new(window.offsets_ns()),
            window,
            lengths,
            digests,
            costs: None,
            intervals: [Interval::default(); SIZES.len()],
            scales: Scales::alone(&[Interval::default(); SIZES.len()]),
            protocols: Vec::new(),
            cost: Cost { is_cpu_time: true, ..Cost::default() },
            saturated: 0.0,
            goals: Vec::new(),
            loads: Vec::new(),
            soak: None,
            trials: Vec::new(),
            latency: Vec::new(),
            histograms: Vec::new(),
            cross_check: None,
            disturbances: Vec::new(),
            warnings: drawn(plan),
            outside_timeline: 0,
        })
    }

    fn measure_costs(&mut self) -> Result<(), MeasureError> {
        (self.progress)("memory per flow");
        // Flows need no more memory where all of it was taken at once. The first of all: pages of
        // a freed core may be used again by the next.
        let growing = sensor::Options { is_reserved: false, ..self.plan.core.clone() };
        memory_per_flow(&mut self.cost, &cost::once(&self.window, BATCH_MAX, &growing, "memory")?);
        let mut packets_ns: [Vec<f32>; SIZES.len()] = Default::default();
        let places = packets_ns.iter_mut().zip(self.intervals.iter_mut());
        for (size, (packets_ns, interval)) in SIZES.into_iter().zip(places) {
            let part = format!("cost of batches of {size}");
            (self.progress)(&part);
            let run = cost::run(&self.window, size, &self.plan.core, &part, self.plan.has_quota())?;
            self.digests.take(run.rounds.1, &run.observation);
            self.outside_timeline = run.observation.traffic.drops.outside_timeline;
            *interval = run.ns_per_packet;
            self.cost.is_cpu_time &= run.is_cpu_time;
            self.cost.batches.push(BatchCost {
                packets: size,
                ns_per_packet: run.ns_per_packet,
                replicas: run.replicas.0,
                replica_packets: run.replicas.1,
                together_ns_per_packet: None,
                is_inconclusive: !run.disturbance.taints.is_empty(),
            });
            self.disturbances.push(run.disturbance);
            *packets_ns = run.packets_ns;
        }
        self.cost.arrival_ns = realtime::arrival_ns(&self.window, &self.pace, self.plan.arrivals);
        (self.progress)("cost by part of the work");
        let split = cost::split(&self.window, Cost::REFERENCE_BATCH, &self.plan.core)?;
        let heard = split.observation.traffic.frames / self.window.len().max(1) as u64;
        self.digests.take(heard, &split.observation);
        self.record_stages(&split);
        self.protocols = split.protocols;
        self.costs = Some(Costs { packets_ns, shares: split.shares });
        Ok(())
    }

    /// What all workers do together, where each of them can have a processor: virtual time as such
    /// knows only one.
    fn measure_together(&mut self) -> Result<(), MeasureError> {
        self.scales = Scales::alone(&self.intervals);
        let workers = self.plan.envelope.cores;
        if workers == 1 {
            return Ok(());
        }
        let hindered = match self.plan.has_quota() {
            true => Some("a quota would stop them"),
            false => crowd::hindrance(workers),
        };
        if let Some(why) = hindered {
            self.warnings.push(crowd::left_out(why));
            return Ok(());
        }
        let core = sensor::Options { threads: workers, ..self.plan.core.clone() };
        let mut together_ns = [Interval::default(); SIZES.len()];
        for (size, together_ns) in SIZES.into_iter().zip(&mut together_ns) {
            let part = format!("all workers, batches of {size}");
            (self.progress)(&part);
            let crowd = crowd::run(&self.window, size, &core, &part)?;
            self.digests.take(crowd.rounds, &crowd.observation);
            if !crowd.disturbance.taints.is_empty() {
                let why = format!("that was disturbed ({})", crowd.disturbance.taints.join("; "));
                self.warnings.push(crowd::left_out(&why));
                return Ok(());
            }
            *together_ns = crowd.ns_per_packet;
            self.disturbances.push(crowd.disturbance);
        }
        for (batch, together_ns) in self.cost.batches.iter_mut().zip(together_ns) {
            batch.together_ns_per_packet = Some(together_ns);
        }
        let Some(costs) = &self.costs else { return Ok(()) };
        let mut device = self.virtual_runner(costs, [1.0; SIZES.len()]).device;
        // They carried without a ring.
        device.arrival_ns = 0.0;
        let apart_ns = SIZES.map(|size| device.saturated_ns(size));
        self.scales = Scales::together(&together_ns, apart_ns);
        Ok(())
    }

    fn record_stages(&mut self, split: &Split) {
        let whole = self.reference().estimate;
        for (at, (stage, share)) in STAGES.into_iter().zip(split.shares).enumerate() {
            let of_replicas: Vec<f64> =
                split.replicas.iter().filter_map(|shares| shares.get(at).copied()).collect();
            let spread = median_interval(&of_replicas).unwrap_or_default();
            self.cost.stages.push(StageCost {
                stage: stage.to_owned(),
                share,
                ns_per_packet: Interval {
                    low: spread.low.min(share) * whole,
                    estimate: share * whole,
                    high: spread.high.max(share) * whole,
                },
            });
        }
    }

    /// Cost at the reference size.
    fn reference(&self) -> Interval {
        let at = SIZES.iter().position(|size| *size == Cost::REFERENCE_BATCH);
        at.and_then(|at| self.intervals.get(at)).copied().unwrap_or_default()
    }

    fn search_virtual(&mut self) -> Result<(), MeasureError> {
        let Some(costs) = self.costs.take() else { return Ok(()) };
        let arrivals = self.plan.arrivals;
        let Scales { cheap, estimate, dear } = self.scales;
        let goals: Vec<Goal> =
            self.plan.goals.iter().map(|goal| in_virtual_time(*goal, arrivals)).collect();
        let mut ranges = Vec::new();
        for (name, scale) in [("", estimate), (", costs high", dear), (", costs low", cheap)] {
            (self.progress)(&format!("search in virtual time{name}"));
            let mut runner = self.virtual_runner(&costs, scale);
            let guess = runner.saturated();
            let limits = (guess * REACH.0, guess * REACH.1);
            let mut trials = Vec::new();
            let found = search(&mut runner, &goals, limits, guess, &mut trials)?;
            if scale == estimate {
                let bits = self.bits_per_packet();
                let results = found.iter().map(|f| result(f, MeasureMode::Virtual, bits, &trials));
                self.goals = results.collect();
                self.goals.iter_mut().for_each(|goal| doubt(goal, &trials, arrivals, guess));
                self.saturated = guess;
                self.trials = trials;
            } else {
                ranges.push(found);
            }
        }
        for (at, goal) in self.goals.iter_mut().enumerate() {
            let lower = |found: &Vec<super::search::Found>| found.get(at)?.lower;
            if let [dear, cheap] = ranges.as_slice() {
                goal.range_pps = lower(dear).zip(lower(cheap));
            }
        }
        self.costs = Some(costs);
        Ok(())
    }

    fn virtual_runner<'b>(
        &'b self,
        costs: &'b Costs,
        scale: [f64; SIZES.len()],
    ) -> VirtualRunner<'b> {
        let device = Device {
            costs,
            scale,
            arrival_ns: self.cost.arrival_ns,
            lengths: &self.lengths,
            workers: self.plan.envelope.cores,
            buffer_bytes: self.plan.buffer_bytes,
            batch_max: BATCH_MAX,
        };
        let Plan { arrivals, seed, .. } = *self.plan;
        VirtualRunner { device, pace: &self.pace, arrivals, seed, latest: None }
    }

    #[expect(clippy::cast_precision_loss, reason = "bytes of a window stay far below 2^53")]
    fn bits_per_packet(&self) -> f64 {
        8.0 * self.window.wire_bytes() as f64 / self.window.len().max(1) as f64
    }

    fn search_realtime(&mut self) -> Result<(), MeasureError> {
        let guess = self.goals.first().and_then(|goal| goal.lower_pps).unwrap_or(1.0);
        let limits = (guess * REACH.0, guess * REACH.1);
        let arrivals = self.plan.arrivals;
        let goals: Vec<Goal> =
            self.plan.goals.iter().map(|goal| in_real_time(*goal, arrivals)).collect();
        let bits = self.bits_per_packet();
        let progress = self.progress;
        let (trials, found) = self.with_bench(|bench| {
            let mut trials = Vec::new();
            progress("search in real time: warm-up");
            // Discarded: caches, frequencies and page tables settle.
            bench.trial(guess, 1.0)?;
            let mut told = Told { bench, progress };
            let found = search(&mut told, &goals, limits, guess, &mut trials)?;
            Ok((trials, found))
        })?;
        let mut results: Vec<GoalResult> =
            found.iter().map(|found| result(found, MeasureMode::Realtime, bits, &trials)).collect();
        results.iter_mut().for_each(|goal| doubt(goal, &trials, arrivals, self.saturated));
        self.cross_check = cross_check(&self.goals, &results);
        self.goals.extend(results);
        self.trials.extend(trials);
        Ok(())
    }

    /// Runs trials in real time, with their digests and disturbances kept.
    fn with_bench<T>(
        &mut self,
        work: impl FnOnce(&mut Bench<'_>) -> Result<T, rayon::ThreadPoolBuildError>,
    ) -> Result<T, MeasureError> {
        let digests = &mut self.digests;
        let mut check = |rounds: u64, found: &sensor::Observation| digests.take(rounds, found);
        let mut bench = Bench {
            window: &self.window,
            pace: &self.pace,
            arrivals: self.plan.arrivals,
            seed: self.plan.seed,
            buffer_bytes: self.plan.buffer_bytes,
            options: sensor::Options {
                threads: self.plan.envelope.cores,
                ..self.plan.core.clone()
            },
            has_quota: self.plan.has_quota(),
            repeats_max: REPEATS_MAX,
            number: 0,
            disturbances: Vec::new(),
            check: &mut check,
        };
        let done = work(&mut bench);
        let disturbances = std::mem::take(&mut bench.disturbances);
        self.disturbances.extend(disturbances);
        Ok(done?)
    }

    /// The mode whose figures count where there are two.
    fn latency_trial(
        &mut self,
        mode: MeasureMode,
        load: f64,
        seconds: f64,
        repeats_max: u32,
    ) -> Result<(Trial, Histograms), MeasureError> {
        let mut histograms = Histograms::new();
        if mode == MeasureMode::Virtual {
            let costs = self.costs.take().unwrap_or_else(|| unreachable!("costs come first"));
            let mut runner = self.virtual_runner(&costs, self.scales.estimate);
            let trial = runner.trial_with(load, seconds, Some(&mut histograms));
            self.costs = Some(costs);
            return Ok((trial, histograms));
        }
        let trial = self.with_bench(|bench| {
            bench.repeats_max = repeats_max;
            bench.trial_with(load, seconds, Some(&mut histograms))
        })?;
        Ok((trial, histograms))
    }

    fn measure_latency(&mut self, mode: MeasureMode) -> Result<(), MeasureError> {
        let Some(goal) = self.goals.last().cloned() else { return Ok(()) };
        let Some(bound) = goal.lower_pps else { return Ok(()) };
        for share in LATENCY_SHARES {
            (self.progress)(&format!("latency at {:.0} % of {}", share * 100.0, goal.goal));
            let seconds = goal.final_trial_seconds;
            let (trial, histograms) =
                self.latency_trial(mode, bound * share, seconds, REPEATS_MAX)?;
            self.latency.push(Latency {
                share,
                trial,
                sojourn_ns: spread(&histograms.sojourn),
                service_ns: spread(&histograms.service),
                queue_packets: spread(&histograms.queue),
            });
            self.histograms.push(histograms);
        }
        Ok(())
    }

    /// Refuses what cannot be tried before anything is measured.
    fn check_loads(&mut self) -> Result<(), MeasureError> {
        for load in &self.plan.loads {
            let Load::Times(times) = *load else { continue };
            let Some(recorded) = self.pace.recorded_pps else {
                self.warnings.push(format!(
                    "--load x{times} was left out: the frames have no times, or all the same, and \
                     so no pace; give packets per second"
                ));
                continue;
            };
            let pps = recorded * times;
            if !RATES.contains(&pps) {
                return Err(MeasureError::Load { times, pps });
            }
        }
        Ok(())
    }

    fn measure_loads(&mut self, mode: MeasureMode) -> Result<(), MeasureError> {
        let seconds = self.plan.goals.first().map_or(1.0, |goal| goal.final_seconds);
        for load in self.plan.loads.clone() {
            let pps = match load {
                Load::PacketsPerSecond(pps) => Some(pps),
                Load::Times(times) => self.pace.recorded_pps.map(|pps| pps * times),
            };
            let Some(pps) = pps else { continue };
            (self.progress)(&format!("trial at {pps:.0} packets per second"));
            let (trial, _) = self.latency_trial(mode, pps, seconds, REPEATS_MAX)?;
            self.warnings.extend(shortened("a trial that was asked for", &trial, seconds));
            self.loads.push(trial);
        }
        self.plan.soak_seconds.map_or(Ok(()), |seconds| self.soak(mode, seconds))
    }

    fn soak(&mut self, mode: MeasureMode, seconds: f64) -> Result<(), MeasureError> {
        let is_virtual = mode == MeasureMode::Virtual;
        if is_virtual && !self.plan.arrivals.is_drawn() {
            self.warnings.push(
                "the soak was left out: in virtual time these arrivals only repeat the same \
                 trial; use --mode realtime, or --arrivals poisson"
                    .to_owned(),
            );
            return Ok(());
        }
        let of_mode = if is_virtual { mode } else { MeasureMode::Realtime };
        let bound = self.goals.iter().find(|goal| goal.mode == of_mode);
        if let Some(bound) = bound.and_then(|goal| goal.lower_pps) {
            (self.progress)("soak");
            // Nobody waits four times for a soak.
            let (trial, _) = self.latency_trial(mode, bound, seconds, 0)?;
            self.warnings.extend(shortened("the soak", &trial, seconds));
            self.soak = Some(trial);
        }
        Ok(())
    }

    /// Runs without a clock what only one trial in real time heard, and compares.
    fn check_answers(&mut self) -> Result<(), MeasureError> {
        let alone: Vec<u64> = self.digests.alone().take(CHECKED_MAX).collect();
        for rounds in alone {
            (self.progress)("checking answers");
            let mut feed = Feed::new(&self.window, rounds, BATCH_MAX, |_| ());
            let heard = sensor::observe(&mut feed, &self.plan.core, &|_| (), None)?;
            self.digests.take(rounds, &heard);
        }
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of frames")]
    fn measure_protocols(&mut self) -> Result<(), MeasureError> {
        let mut sum = 0.0;
        let mut counted = 0.0;
        for (number, name) in Taken::protocols().enumerate() {
            let of = self.protocols.iter().enumerate().filter(|(_, id)| **id == number);
            let part = self.window.only(of.map(|(at, _)| at));
            let frames = part.len() as u64;
            if frames == 0 {
                continue;
            }
            let (mut ns_per_packet, mut is_inconclusive) = (None, false);
            if frames >= PROTOCOL_FRAMES_MIN {
                let what = format!("cost of {name}");
                (self.progress)(&what);
                let batch = Cost::REFERENCE_BATCH;
                let run = cost::run(&part, batch, &self.plan.core, &what, self.plan.has_quota())?;
                sum += run.ns_per_packet.estimate * frames as f64;
                counted += frames as f64;
                ns_per_packet = Some(run.ns_per_packet);
                is_inconclusive = !run.disturbance.taints.is_empty();
                self.disturbances.push(run.disturbance);
            }
            let bytes = part.bytes();
            self.cost.protocols.push(ProtocolCost {
                protocol: name.to_owned(),
                frames,
                bytes,
                ns_per_packet,
                is_inconclusive,
            });
        }
        let whole = self.reference().estimate;
        // Protocols with too few frames count at the mean of the others.
        self.cost.parts_over_whole = (counted > 0.0 && whole > 0.0).then(|| sum / counted / whole);
        Ok(())
    }

    fn conclude(
        self,
        mode: MeasureMode,
        mode_reason: String,
        machine: Machine,
        envelope: Envelope,
    ) -> Measured {
        let replay = self.replay();
        let mut warnings = self.warnings;
        warnings.extend(beyond_timeline(self.outside_timeline));
        Measured {
            mode,
            mode_reason,
            machine,
            envelope,
            replay,
            digest: self.digests.record(),
            goals: self.goals,
            loads: self.loads,
            soak: self.soak,
            trials: self.trials,
            latency: self.latency,
            histograms: self.histograms,
            cost: self.cost,
            cross_check: self.cross_check,
            disturbances: self.disturbances,
            inconclusive: Vec::new(),
            warnings,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    fn replay(&self) -> Replay {
        Replay {
            frames: self.window.len() as u64,
            bytes: self.window.bytes(),
            limit_bytes: self.plan.window_bytes,
            is_whole: self.window.is_whole(),
            span_seconds: self.window.span_ns() as f64 / 1e9,
            recorded_pps: self.pace.recorded_pps,
            arrivals: self.plan.arrivals.words(),
            seed: self.plan.seed,
            buffer_bytes: self.plan.buffer_bytes,
            batch_max: BATCH_MAX,
            frames_unmoved: self.window.unmoved(),
        }
    }
}

/// That a trial in virtual time has no more packets.
fn shortened(what: &str, trial: &Trial, asked_seconds: f64) -> Option<String> {
    (trial.seconds < asked_seconds * 0.999).then(|| {
        format!(
            "{what}, at {:.0} packets per second, was shortened from {asked_seconds} s to {:.0} s: \
             a trial in virtual time has at most {PACKETS_MAX} packets",
            trial.load_pps, trial.seconds
        )
    })
}

/// What the range by costs leaves out.
fn drawn(plan: &Plan) -> Vec<String> {
    let told = "arrivals are drawn by chance: \"Costs say\" is the range by the costs alone, on the \
                same draws; what other draws would give is not in it";
    plan.arrivals.is_drawn().then(|| told.to_owned()).into_iter().collect()
}

/// Repetitions of a long window reach beyond what the core keeps rates of.
fn beyond_timeline(frames: u64) -> Vec<String> {
    let told = format!(
        "{frames} frames of the repetitions lie more than {} days behind the first, which the core \
         counts with less work; replay a shorter span, e.g. with --window",
        sensor::TIMELINE_DAYS
    );
    (frames > 0).then_some(told).into_iter().collect()
}

/// Tells each trial in real time.
struct Told<'a, 'b> {
    bench: &'a mut Bench<'b>,
    progress: &'a dyn Fn(&str),
}

impl Runner for Told<'_, '_> {
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, rayon::ThreadPoolBuildError> {
        (self.progress)(&format!("search in real time: {load:.0} packets per second"));
        self.bench.trial(load, seconds)
    }

    fn is_drawn(&self) -> bool {
        self.bench.is_drawn()
    }
}

fn memory_per_flow(cost: &mut Cost, run: &Run) {
    let flows = &run.observation.traffic.flows;
    let (measured, all) = run.rounds;
    let new_flows = (flows.tcp + flows.udp) * measured / all.max(1);
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes and flows")]
    let growth = run.growth_bytes.map(|bytes| bytes as f64 / new_flows.max(1) as f64);
    if new_flows >= MEMORY_FLOWS_MIN {
        cost.memory_flows = new_flows;
        cost.memory_per_flow_bytes = growth;
    }
}

fn spread(histogram: &hdrhistogram::Histogram<u64>) -> Spread {
    let at = |level: f64| histogram.value_at_quantile(level);
    Spread {
        quantiles: Quantiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: histogram.max(),
            count: histogram.len(),
        },
        p999: at(0.999),
        p9999: at(0.9999),
        curve: Spread::levels().map(at).collect(),
    }
}

/// Compares the last goal of both modes.
fn cross_check(of_virtual: &[GoalResult], of_real: &[GoalResult]) -> Option<CrossCheck> {
    let (one, other) = of_virtual.last().zip(of_real.last())?;
    let (virtual_pps, realtime_pps) =
        one.conditional_throughput_pps.zip(other.conditional_throughput_pps)?;
    let ratio = virtual_pps / realtime_pps;
    Some(CrossCheck {
        goal: one.goal.clone(),
        realtime_pps,
        virtual_pps,
        ratio,
        agrees: AGREE.contains(&ratio),
    })
}
