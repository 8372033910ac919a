//! The virtual sensor's verdict on one domain controller: what is asked, what it is asked of, and
//! what comes out, with its words.
//!
//! Arrivals are the packets' own where there are packets: a [`Watch`] is shown all of them once.
//! Of a counter log they are made below its samples. Probabilities are of the busiest part, which
//! every replica goes through again; the course is of everything, once, with the mean costs.

mod course;
mod failed;
mod input;
mod made;
mod names;
mod own_load;
mod server;
mod span;
mod what_if;
mod words;
mod work;

use crate::base::Arrivals;
use crate::record::{
    ArrivalsFrom, CapacityTable, Evidence, Headroom, Limit, SimulatedSize, SizeProbability, Sized,
    SufficientSize, TableReading, VirtualVerdict, WhatIf,
};

use super::bursts::{BurstError, ClassMix, Mix, Rates};
use super::calibration::{Calibration, CalibrationError, ClassCosts, FieldObservation};
use super::meter::{Meter, Progress};
use super::probability::{
    DAY_DEVIATION, Experiment, ExperimentError, Traffic, exhaustion, sufficient,
};
use super::rounding::whole_u64;
use super::virtual_sensor::{
    Candidate, DEFAULT_BUFFER_BYTES, SensorError, Settings, VirtualSensor,
};
use course::COURSE_PACKETS;
pub use failed::load_if_one_fails;
use made::Made;
use server::Host;
use span::Span;

/// Packets of one replica at most, so that two hundred of them take seconds.
const REPLICA_PACKETS: f64 = 200_000.0;
/// Least and most capture buffer of a core, in bytes, where nobody knows: from Npcap's
/// default kernel buffer to 64 times that. What the sensor sets is not published. Assumed.
pub const BUFFER_BYTES: (u64, u64) = (DEFAULT_BUFFER_BYTES, 64 * DEFAULT_BUFFER_BYTES);
/// Replicas for headroom and for each cell of the what-if grid at most: enough to tell 5 % from
/// 50 %, and there are many cells.
const GRID_REPLICAS: u32 = 50;
/// Times the last load with the answer Yes, to see what ends it: loads are found to 1 %. Ours.
const ABOVE_HEADROOM: f64 = 1.02;
/// Rows of a course at most, a day in minutes: a month's result stays as small.
const COURSE_ROWS: f64 = 1_440.0;
/// Cores of sizes that are tried where none of the table is enough, up to as many as packets can be
/// dealt to.
const BEYOND_CORES: [f64; 4] = [11.0, 15.0, 22.0, 30.0];

/// Packet sizes where a counter log does not tell them: bytes and their shares. Assumed: half are
/// acknowledgments and small questions, a quarter answers, a quarter full segments.
const ASSUMED_BYTES: [(u32, f64); 3] = [(90, 0.5), (250, 0.25), (1_514, 0.25)];
/// Flows among which packets are dealt where a counter log does not tell them, and how unequal
/// they are: the n-th has a share in proportion to `n^-0.8`. Assumed.
const ASSUMED_FLOWS: (u32, f64) = (1_000, 0.8);

/// What is asked of the virtual sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// Share of packets that may be lost, 0 to 1.
    pub goal_loss_ratio: f64,
    /// How the vendor's table is read.
    pub reading: TableReading,
    /// What users saw.
    pub observations: Vec<FieldObservation>,
    /// Replicas.
    pub replicas: u32,
    /// Seed of the replicas.
    pub seed: u64,
    /// Growth of traffic in a year, as a share.
    pub growth_per_year: f64,
    /// What the server itself uses of its processors in the busiest time, in percent; `None`: as
    /// its counters say, else as assumed.
    pub own_cpu_percent: Option<f64>,
    /// Capture buffer of each of the sensor's cores, in bytes; `None`: not known, see [`BUFFER_BYTES`].
    pub buffer_bytes: Option<u64>,
    /// How many times its traffic this domain controller has where another one has failed, see
    /// [`load_if_one_fails`]; `None` where there is no other.
    pub load_if_one_fails: Option<f64>,
    /// What packets cost by protocol, and in what mix the vendor's table holds.
    pub costs: ClassCosts,
}

impl Question {
    /// Least and most that the buffer may be, in multiples of what candidates have.
    fn buffer_times(&self) -> (f64, f64) {
        let (least, most) = BUFFER_BYTES;
        self.buffer_bytes.map_or((1.0, most as f64 / least as f64), |_| (1.0, 1.0))
    }

    /// Buffer of a course: as given, else in the middle, every order of magnitude as likely as
    /// another.
    fn middle(&self) -> f64 {
        let (least, most) = self.buffer_times();
        libm::sqrt(least * most)
    }
}

/// Why there is no verdict.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum JudgeError {
    /// Table and observations.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// The experiment.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The simulation.
    #[error(transparent)]
    Sensor(#[from] SensorError),
    /// Arrivals.
    #[error(transparent)]
    Bursts(#[from] BurstError),
    /// The reading that was asked for, or was not changed.
    #[error(
        "fit costs to table `{table}`: read tightly, no base and cost per packet satisfy all its \
         rows; try `--table-semantics upper`"
    )]
    Reading {
        /// Key of the table.
        table: String,
    },
}

impl JudgeError {
    /// Whether what was asked is wrong, whatever the traffic: then no other domain controller gets
    /// a verdict either.
    pub fn is_wrong_use(&self) -> bool {
        match self {
            Self::Calibration(error) => !matches!(error, CalibrationError::Table { .. }),
            Self::Experiment(error) => matches!(error, ExperimentError::NoReplica),
            Self::Sensor(_) | Self::Bursts(_) | Self::Reading { .. } => false,
        }
    }
}

/// One domain controller under question.
pub struct Case<'a> {
    sized: &'a Sized,
    question: &'a Question,
    calibration: Calibration,
    settings: Settings,
    host: Option<Host>,
    /// What the server is and the sizes of the table, in the order of the results.
    candidates: Vec<Candidate>,
    span: Span,
    progress: Option<Progress<'a>>,
}

/// Sees all packets of a domain controller once.
#[derive(Debug)]
pub struct Watch {
    sensor: Option<VirtualSensor>,
    settings: Settings,
    candidates: Vec<Candidate>,
    span: Span,
    /// What a course is of.
    whole: Option<Span>,
    /// Those of the span.
    kept: Vec<Arrivals>,
    last_ns: i64,
    /// Packets whose times lie outside of the course.
    outside: u64,
    failure: Option<SensorError>,
}

impl<'a> Case<'a> {
    /// A domain controller with traffic; `None` where there is none to judge.
    ///
    /// # Errors
    /// Observations that contradict the table, or a table that the reading does not fit.
    pub fn new(
        sized: &'a Sized,
        table: &'a CapacityTable,
        question: &'a Question,
    ) -> Result<Option<Self>, JudgeError> {
        let Some(span) = Span::busiest(sized, REPLICA_PACKETS) else { return Ok(None) };
        let fitted = Calibration::fit(table, question.reading, &question.observations);
        let calibration = fitted.map_err(|error| match (error, question.reading) {
            (CalibrationError::Table { table }, TableReading::Tight) => {
                JudgeError::Reading { table }
            }
            (error, _) => error.into(),
        })?;
        let mean = calibration.mean();
        let mut settings = Settings::new(mean.base_cores, question.costs.scaled(mean.packet_us));
        if let Some(costs) = calibration.mean_memory() {
            settings.memory = settings.memory.with_costs(costs);
        }
        settings.probes = names::probes(sized, mean.packet_us);
        let host = Host::of(sized, question);
        if let Some(host) = &host {
            settings.own_load = host.own_load(span);
        }
        // What is judged is the busiest part: that is how busy it was before.
        let busy = sized.load.busy.map_or(0.0, |busy| busy.packets_per_second);
        settings.packets_per_second_before = busy;
        let of_table = table.rows.iter().map(|row| sensor(row.cores, row.memory_gb, question));
        let own = host.as_ref().map(|host| host.candidate(question));
        let candidates = own.into_iter().chain(of_table).collect();
        Ok(Some(Self {
            sized,
            question,
            calibration,
            settings,
            host,
            candidates,
            span,
            progress: None,
        }))
    }

    /// Tells `progress` how much of the judging is done.
    #[must_use]
    pub fn with_progress(mut self, progress: Progress<'a>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Settings of a course of so many seconds: intervals of whole minutes, few enough to keep.
    fn settings_of_course(&self, seconds: f64) -> Settings {
        let minutes = whole_u64(libm::ceil(seconds / 60.0 / COURSE_ROWS).max(1.0));
        let interval_seconds = u32::try_from(minutes * 60).unwrap_or(u32::MAX);
        let packets_per_second_before = self.sized.load.average_packets_per_second.unwrap_or(0.0);
        Settings { interval_seconds, packets_per_second_before, ..self.settings.clone() }
    }

    /// What is shown the packets, in their order.
    pub fn watch(&self) -> Watch {
        // Of a server that is known, no other size is told of.
        let told = if self.host.is_some() { 1 } else { self.candidates.len() };
        let candidates = self.candidates.iter().take(told).map(|size| self.of_course(size));
        let whole = Span::whole(self.sized, f64::INFINITY);
        Watch {
            sensor: None,
            settings: self.settings_of_course(whole.map_or(0.0, Span::seconds)),
            candidates: candidates.collect(),
            span: self.span,
            whole,
            kept: Vec::new(),
            last_ns: i64::MIN,
            outside: 0,
            failure: None,
        }
    }

    /// The verdict on what `watch` has seen.
    ///
    /// # Errors
    /// Figures that cannot be simulated.
    pub fn judge_packets(&self, watch: Watch) -> Result<Option<VirtualVerdict>, JudgeError> {
        let Watch { sensor, kept, last_ns, outside, failure, .. } = watch;
        if let Some(failure) = failure {
            return Err(failure.into());
        }
        let Some(sensor) = sensor else { return Ok(None) };
        let courses = sensor.finish(last_ns)?;
        let Span { start_ns, end_ns } = self.span;
        let traffic = Traffic::Recorded { batches: &kept, start_ns, end_ns };
        let meter = self.meter(&traffic, 0);
        let judged = self.judge(&traffic, &meter)?;
        let Some(course) = course::of(courses, judged.chosen) else { return Ok(None) };
        let mut verdict = self.verdict(ArrivalsFrom::Packets, judged, course, None);
        verdict.assumptions.extend(input::left_out(outside));
        Ok(Some(verdict))
    }

    /// The verdict on samples: of a counter log, or of a capture that cannot be read twice;
    /// `None` where there are none but results.
    ///
    /// # Errors
    /// Figures that cannot be simulated.
    pub fn judge_samples(&self) -> Result<Option<VirtualVerdict>, JudgeError> {
        let Some(timeline) = &self.sized.dc.timeline else { return Ok(None) };
        let (start, end) = self.span.moments();
        let Some(rates) = Rates::of(timeline, start, end) else { return Ok(None) };
        let Some(course) = Span::whole(self.sized, COURSE_PACKETS) else { return Ok(None) };
        let (start, end) = course.moments();
        let Some(whole) = Rates::of(timeline, start, end) else { return Ok(None) };
        let made = Made::of(self.sized, &self.question.costs)?;
        let (bursts, mix) = (made.bursts.clone(), made.mix.clone());
        let traffic = Traffic::Generated { rates, bursts, mix };
        let meter = self.meter(&traffic, whole_u64(whole.packets()));
        let judged = self.judge(&traffic, &meter)?;
        let Some(told) = judged.chosen.or(self.candidates.last().copied()) else { return Ok(None) };
        let course = self.course_of_samples(&told, whole, &made, &meter)?;
        Ok(course.map(|course| self.verdict(ArrivalsFrom::Samples, judged, course, Some(&made))))
    }

    /// Counts what judging takes, with a course of so many packets.
    fn meter(&self, traffic: &Traffic<'_>, course_packets: u64) -> Meter<'a> {
        let experiment = self.experiment(traffic.clone(), None);
        let sizes = experiment.work(self.candidates.len());
        let what_if = self.host.as_ref().map_or(0, |_| what_if::work(&experiment, self.question));
        let other_traffic = if self.tells_of_other_traffic() {
            let each = experiment.work_of_headroom().saturating_add(what_if);
            each.saturating_mul(u64::from(self.grid_replicas()))
        } else {
            0
        };
        let work = u64::from(self.question.replicas)
            .saturating_mul(sizes)
            .saturating_add(other_traffic)
            .saturating_add(course_packets);
        Meter::new(work, self.progress)
    }

    /// How long traffic was seen, in milliseconds, and how many packets of it.
    fn seen(&self) -> (u64, u64) {
        let seen_ms = self.sized.dc.timeline.as_ref().map_or(0, |timeline| timeline.covered_ms);
        let average = self.sized.load.average_packets_per_second.unwrap_or(0.0);
        let packets = self.sized.dc.packets;
        (seen_ms, packets.unwrap_or_else(|| whole_u64(average * seen_ms as f64 / 1e3)))
    }

    /// Whether what was seen tells anything of other traffic, other servers and other years.
    fn tells_of_other_traffic(&self) -> bool {
        let (seen_ms, seen_packets) = self.seen();
        Evidence::of(seen_ms, seen_packets) != Evidence::TooLittle
    }

    fn grid_replicas(&self) -> u32 {
        self.question.replicas.min(GRID_REPLICAS)
    }

    fn experiment<'b>(
        &'b self,
        traffic: Traffic<'b>,
        meter: Option<&'b Meter<'b>>,
    ) -> Experiment<'b> {
        Experiment {
            traffic,
            calibration: &self.calibration,
            classes: &self.question.costs,
            settings: &self.settings,
            buffer_times: self.question.buffer_times(),
            day_deviation: DAY_DEVIATION,
            goal_loss_ratio: self.question.goal_loss_ratio,
            replicas: self.question.replicas,
            seed: self.question.seed,
            meter,
        }
    }

    /// Everything that replicas tell.
    fn judge(&self, traffic: &Traffic<'_>, meter: &Meter<'_>) -> Result<Judged<'a>, JudgeError> {
        let experiment = self.experiment(traffic.clone(), Some(meter));
        let mut sizes = experiment.probabilities(&self.candidates)?;
        let own = self.host.is_some().then(|| sizes.remove(0));
        let mut found = sufficient(&sizes);
        if found.target.is_none() {
            sizes.extend(experiment.probabilities(&self.beyond())?);
            found = sufficient(&sizes);
        }
        let sufficient = found;
        let chosen = self.chosen(&sufficient);
        let rate = traffic.packets_per_second();
        let coarse = Experiment { replicas: self.grid_replicas(), ..experiment };
        let tells = self.tells_of_other_traffic();
        let headroom = match chosen.filter(|_| tells) {
            Some(candidate) => Some(coarse.headroom(&candidate, rate)?),
            None => None,
        };
        let what_if = match self.host.as_ref().filter(|_| tells) {
            Some(host) => what_if::grid(&coarse, host, self.question)?,
            None => Vec::new(),
        };
        let work = work::parts(traffic, &self.question.costs);
        let headroom_limit = match (&headroom, chosen) {
            (Some(headroom), Some(candidate)) => limit_of(headroom, &candidate, coarse)?,
            _ => None,
        };
        Ok(Judged { own, sizes, sufficient, chosen, rate, headroom, headroom_limit, what_if, work })
    }

    fn verdict(
        &self,
        arrivals: ArrivalsFrom,
        judged: Judged<'_>,
        mut course: SimulatedSize,
        made: Option<&Made>,
    ) -> VirtualVerdict {
        course::shorten(&mut course);
        // A restart may last longer than the input; of what comes after it nothing is told.
        if let Some((_, end)) = Span::whole(self.sized, f64::INFINITY).map(Span::moments) {
            for span in &mut course.health {
                span.end_utc = span.end_utc.min(end).max(span.start_utc);
            }
        }
        let Judged { own, sizes, sufficient, rate, what_if, work, headroom, .. } = judged;
        let (start_utc, end_utc) = self.span.moments();
        let (seen_ms, seen_packets) = self.seen();
        let growth = self.question.growth_per_year;
        let mut verdict = VirtualVerdict {
            arrivals,
            span_start_utc: start_utc,
            span_end_utc: end_utc,
            packets_per_second: rate,
            seen_ms,
            seen_packets,
            goal_loss_ratio: self.question.goal_loss_ratio,
            replicas: self.question.replicas,
            seed: self.question.seed,
            calibration: self.calibration.summary(),
            server: own,
            server_cores: self.host.as_ref().map(|host| host.server.cores),
            server_memory_gb: self.host.as_ref().map(|host| host.server.memory_gb),
            own_load: self.host.as_ref().map_or_else(String::new, |host| host.words.clone()),
            assumed_own_cpu_percent: self.host.as_ref().and_then(words::assumed_cpu_percent),
            sizes,
            sufficient,
            exhaustion: headroom.as_ref().map(|room| exhaustion(room, growth)),
            headroom,
            headroom_limit: judged.headroom_limit,
            course,
            what_if,
            sentences: Vec::new(),
            assumptions: Vec::new(),
        };
        if self.question.buffer_bytes.is_none() {
            course::without_drawn_buffers(&mut verdict);
        }
        verdict.sentences = words::sentences(&verdict, self.sized, &work, self.host.as_ref());
        verdict.assumptions =
            words::assumptions(self.question, &self.settings, made, self.host.as_ref());
        verdict.assumptions.push(names::assumption(self.sized));
        verdict.assumptions.extend(input::gaps(self.sized));
        let has_grid = !verdict.what_if.is_empty();
        verdict
            .assumptions
            .extend(self.host.as_ref().and_then(|host| input::memory(host, has_grid)));
        let fails = has_grid && self.question.load_if_one_fails.is_some();
        verdict.assumptions.extend(fails.then(failed::assumption));
        verdict
    }

    /// Sizes beyond the table: more cores, and memory on the straight line through its last two rows.
    fn beyond(&self) -> Vec<Candidate> {
        let (Some(last), Some(before)) = (
            self.candidates.last(),
            self.candidates.len().checked_sub(2).and_then(|at| self.candidates.get(at)),
        ) else {
            return Vec::new();
        };
        let per_core = (last.memory_gb - before.memory_gb) / (last.cores - before.cores);
        let larger = BEYOND_CORES.into_iter().filter(|cores| *cores > last.cores);
        let memory_gb = |cores: f64| last.memory_gb + per_core.max(0.0) * (cores - last.cores);
        larger.map(|cores| sensor(cores, libm::ceil(memory_gb(cores)), self.question)).collect()
    }

    /// Whose headroom and course are told: the server's, else those of the smallest sufficient
    /// size of the table, else none's.
    fn chosen(&self, sufficient: &SufficientSize) -> Option<Candidate> {
        if self.host.is_some() {
            return self.candidates.first().copied();
        }
        let target = sufficient.target?;
        Some(sensor(target.cores, target.memory_gb, self.question))
    }
}

/// What the replicas told.
struct Judged<'a> {
    own: Option<SizeProbability>,
    sizes: Vec<SizeProbability>,
    sufficient: SufficientSize,
    chosen: Option<Candidate>,
    rate: f64,
    headroom: Option<Headroom>,
    headroom_limit: Option<Limit>,
    what_if: Vec<WhatIf>,
    /// Whose packets the work is, the largest part first.
    work: Vec<work::Part<'a>>,
}

impl Watch {
    /// Shows it packets. Those outside of the timeline, of a clock that was wrong, are counted and
    /// left out. A failure is kept until the verdict is asked for.
    pub fn offer(&mut self, arrivals: &Arrivals) {
        if self.failure.is_none() {
            self.failure = self.serve(arrivals).err();
        }
    }

    fn serve(&mut self, arrivals: &Arrivals) -> Result<(), SensorError> {
        let inside;
        let mut arrivals = arrivals;
        if let Some(whole) = self.whole.filter(|whole| !whole.holds_all(arrivals)) {
            inside = whole.of(arrivals);
            self.outside += (arrivals.len() - inside.len()) as u64;
            arrivals = &inside;
        }
        let Some(first) = arrivals.time_ns.first() else { return Ok(()) };
        let sensor = match &mut self.sensor {
            Some(sensor) => sensor,
            None => self.sensor.insert(VirtualSensor::new(
                self.settings.clone(),
                &self.candidates,
                *first,
            )?),
        };
        sensor.offer(arrivals)?;
        self.last_ns = arrivals.time_ns.iter().copied().fold(self.last_ns, i64::max);
        let kept = self.span.of(arrivals);
        if !kept.is_empty() {
            self.kept.push(kept);
        }
        Ok(())
    }
}

/// A sensor that may use so much, and no server around it.
fn sensor(cores: f64, memory_gb: f64, question: &Question) -> Candidate {
    // Each core has a buffer of its own: then more of them never have less for one conversation.
    let buffer_bytes_per_shard = question.buffer_bytes.unwrap_or(DEFAULT_BUFFER_BYTES);
    Candidate { buffer_bytes_per_shard, ..Candidate::new(cores, memory_gb) }
}

/// What runs short first just above the load at which headroom ends; `None` where it does not.
fn limit_of(
    headroom: &Headroom,
    candidate: &Candidate,
    coarse: Experiment<'_>,
) -> Result<Option<Limit>, JudgeError> {
    let Some(load) = headroom.load_yes.filter(|load| *load < headroom.load_tried) else {
        return Ok(None);
    };
    let above = Candidate { load: load * ABOVE_HEADROOM, ..*candidate };
    // Too little work for anyone to be told of it.
    let found = Experiment { meter: None, ..coarse }.probabilities(&[above])?;
    Ok(found.first().and_then(|size| size.limit))
}

/// Packets of the reference mix, for which the vendor's table is taken to hold.
fn assumed_mix(costs: &ClassCosts) -> Result<Mix, BurstError> {
    let classes = (0..=u8::MAX).zip(costs.classes());
    let classes = classes.map(|(number, class)| ClassMix {
        class: number,
        packets: class.share,
        bytes: ASSUMED_BYTES.to_vec(),
    });
    let (flows, skew) = ASSUMED_FLOWS;
    Mix::new(&classes.collect::<Vec<_>>(), flows, skew)
}

#[cfg(test)]
mod tests;
