//! The virtual sensor's verdict on one domain controller: what is asked, what it is asked of, and
//! what comes out, with its words.
//!
//! Arrivals are the packets' own where there are packets: a [`Watch`] is shown all of them once.
//! Of a counter log they are made below its samples. Probabilities are of the busiest part, which
//! every replica goes through again; the course is of everything, once, with the mean costs.

mod server;
mod span;
mod what_if;
mod words;
mod work;

use crate::base::Arrivals;
use crate::record::{
    ArrivalsFrom, CapacityTable, SimulatedSize, SizeProbability, Sized, TableReading,
    VirtualVerdict,
};

use super::bursts::{BurstError, BurstModel, ClassMix, Generator, Mix, Rates};
use super::calibration::{Calibration, CalibrationError, ClassCosts, FieldObservation};
use super::probability::{Experiment, ExperimentError, Traffic, exhaustion, sufficient};
use super::rounding::whole_u64;
use super::virtual_sensor::{
    Candidate, DEFAULT_BUFFER_BYTES, SensorError, Settings, VirtualSensor,
};
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
/// Packets of the course of a counter log at most.
const COURSE_PACKETS: f64 = 100_000_000.0;
/// Arrivals of a batch.
const BATCH: usize = 16_384;
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
    /// Domain controllers that share the load, this one included.
    pub controllers: u32,
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
}

/// One domain controller under question.
#[derive(Debug)]
pub struct Case<'a> {
    sized: &'a Sized,
    question: &'a Question,
    calibration: Calibration,
    settings: Settings,
    host: Option<Host>,
    /// What the server is and the sizes of the table, in the order of the results.
    candidates: Vec<Candidate>,
    span: Span,
}

/// Sees all packets of a domain controller once.
#[derive(Debug)]
pub struct Watch {
    sensor: Option<VirtualSensor>,
    settings: Settings,
    candidates: Vec<Candidate>,
    span: Span,
    /// Those of the span.
    kept: Vec<Arrivals>,
    last_ns: i64,
}

impl<'a> Case<'a> {
    /// A domain controller with traffic; `None` where there is none to judge.
    ///
    /// # Errors
    /// Observations that contradict the table.
    pub fn new(
        sized: &'a Sized,
        table: &'a CapacityTable,
        question: &'a Question,
    ) -> Result<Option<Self>, JudgeError> {
        let Some(span) = Span::busiest(sized, REPLICA_PACKETS) else { return Ok(None) };
        let calibration = Calibration::fit(table, question.reading, &question.observations)?;
        let mean = calibration.mean();
        let mut settings = Settings::new(mean.base_cores, question.costs.scaled(mean.packet_us));
        if let Some(memory) = calibration.mean_memory() {
            settings.memory.base_gb = memory.base_gb;
            settings.memory.gb_per_kpps = memory.gb_per_kpps;
        }
        let host = Host::of(sized, question);
        if let Some(host) = &host {
            settings.own_load = host.own_load.clone();
        }
        let of_table = table.rows.iter().map(|row| sensor(row.cores, row.memory_gb, question));
        let own = host.as_ref().map(|host| host.candidate(question));
        let candidates = own.into_iter().chain(of_table).collect();
        Ok(Some(Self { sized, question, calibration, settings, host, candidates, span }))
    }

    /// The sizes with the buffer of a course.
    fn of_course(&self) -> Vec<Candidate> {
        let times = self.question.middle();
        let buffered = |candidate: &Candidate| Candidate {
            buffer_bytes_per_shard: whole_u64(candidate.buffer_bytes_per_shard as f64 * times),
            ..*candidate
        };
        self.candidates.iter().map(buffered).collect()
    }

    /// What is shown the packets, in their order.
    pub fn watch(&self) -> Watch {
        Watch {
            sensor: None,
            settings: self.settings.clone(),
            candidates: self.of_course(),
            span: self.span,
            kept: Vec::new(),
            last_ns: i64::MIN,
        }
    }

    /// The verdict on what `watch` has seen.
    ///
    /// # Errors
    /// Figures that cannot be simulated.
    pub fn judge_packets(&self, watch: Watch) -> Result<Option<VirtualVerdict>, JudgeError> {
        let Watch { sensor, kept, last_ns, .. } = watch;
        let Some(sensor) = sensor else { return Ok(None) };
        let courses = sensor.finish(last_ns)?;
        let Span { start_ns, end_ns } = self.span;
        let traffic = Traffic::Recorded { batches: &kept, start_ns, end_ns };
        self.judge(ArrivalsFrom::Packets, &traffic, courses)
    }

    /// The verdict on the samples of a counter log; `None` where it has none but results.
    ///
    /// # Errors
    /// Figures that cannot be simulated.
    pub fn judge_samples(&self) -> Result<Option<VirtualVerdict>, JudgeError> {
        let Some(timeline) = &self.sized.dc.timeline else { return Ok(None) };
        let (start, end) = self.span.moments();
        let Some(rates) = Rates::of(timeline, start, end) else { return Ok(None) };
        let mix = assumed_mix(&self.question.costs)?;
        let traffic = Traffic::Generated { rates, bursts: BurstModel::assumed(), mix: mix.clone() };
        let courses = self.course_of_samples(mix)?;
        self.judge(ArrivalsFrom::Samples, &traffic, courses)
    }

    /// One run over all samples, or as many of the busiest as are bearable.
    fn course_of_samples(&self, mix: Mix) -> Result<Vec<SimulatedSize>, JudgeError> {
        let (timeline, span) = (&self.sized.dc.timeline, Span::whole(self.sized, COURSE_PACKETS));
        let span = span.unwrap_or(self.span);
        let (start, end) = span.moments();
        let rates = timeline.as_ref().and_then(|timeline| Rates::of(timeline, start, end));
        let mut sensor =
            VirtualSensor::new(self.settings.clone(), &self.of_course(), span.start_ns)?;
        if let Some(rates) = rates {
            let seed = self.question.seed;
            let mut generator = Generator::new(rates, BurstModel::assumed(), mix, seed, u64::MAX)?;
            let mut arrivals = Arrivals::default();
            while generator.fill(&mut arrivals, BATCH) {
                sensor.offer(&arrivals)?;
            }
        }
        Ok(sensor.finish(span.end_ns)?)
    }

    fn judge(
        &self,
        arrivals: ArrivalsFrom,
        traffic: &Traffic<'_>,
        courses: Vec<SimulatedSize>,
    ) -> Result<Option<VirtualVerdict>, JudgeError> {
        let experiment = Experiment {
            traffic: traffic.clone(),
            calibration: &self.calibration,
            classes: &self.question.costs,
            settings: &self.settings,
            buffer_times: self.question.buffer_times(),
            goal_loss_ratio: self.question.goal_loss_ratio,
            replicas: self.question.replicas,
            seed: self.question.seed,
        };
        let mut sizes = experiment.probabilities(&self.candidates)?;
        let own = self.host.is_some().then(|| sizes.remove(0));
        let sufficient = sufficient(&sizes);
        let chosen = self.chosen(&sizes);
        let Some(course) = Self::course(courses, chosen) else { return Ok(None) };
        let (start_utc, end_utc) = self.span.moments();
        let rate = packets_per_second(traffic, self.span);
        let coarse = Experiment {
            replicas: self.question.replicas.min(GRID_REPLICAS),
            ..experiment.clone()
        };
        let headroom = match chosen {
            Some(candidate) => Some(coarse.headroom(&candidate, rate)?),
            None => None,
        };
        let growth = self.question.growth_per_year;
        let exhaustion = headroom.as_ref().map(|headroom| exhaustion(headroom, growth));
        let what_if = match &self.host {
            Some(host) => what_if::grid(&coarse, host, self.question)?,
            None => Vec::new(),
        };
        let mut verdict = VirtualVerdict {
            arrivals,
            span_start_utc: start_utc,
            span_end_utc: end_utc,
            packets_per_second: rate,
            goal_loss_ratio: self.question.goal_loss_ratio,
            replicas: self.question.replicas,
            seed: self.question.seed,
            calibration: self.calibration.summary(),
            server: own,
            server_cores: self.host.as_ref().map(|host| host.server.cores),
            server_memory_gb: self.host.as_ref().map(|host| host.server.memory_gb),
            own_load: self.host.as_ref().map_or_else(String::new, |host| host.words.clone()),
            sizes,
            sufficient,
            headroom,
            exhaustion,
            course,
            what_if,
            sentences: Vec::new(),
            assumptions: Vec::new(),
        };
        verdict.sentences =
            words::sentences(&verdict, self.sized, &work::parts(traffic, &self.question.costs));
        verdict.assumptions =
            words::assumptions(&verdict, self.question, &self.settings, self.host.as_ref());
        Ok(Some(verdict))
    }

    /// Whose headroom and course are told: the server's, else those of the smallest sufficient
    /// size of the table, else none's.
    fn chosen(&self, sizes: &[SizeProbability]) -> Option<Candidate> {
        if self.host.is_some() {
            return self.candidates.first().copied();
        }
        let target = sufficient(sizes).target?;
        Some(sensor(target.cores, target.memory_gb, self.question))
    }

    fn course(courses: Vec<SimulatedSize>, chosen: Option<Candidate>) -> Option<SimulatedSize> {
        let same = |course: &SimulatedSize| {
            chosen.is_some_and(|chosen| {
                (course.size.cores, course.size.memory_gb) == (chosen.cores, chosen.memory_gb)
            })
        };
        let at = courses.iter().position(same).unwrap_or(courses.len().saturating_sub(1));
        courses.into_iter().nth(at)
    }
}

impl Watch {
    /// Shows it packets.
    ///
    /// # Errors
    /// Packets more than a month after the first.
    pub fn offer(&mut self, arrivals: &Arrivals) -> Result<(), JudgeError> {
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

/// Mean rate of the traffic in its span.
fn packets_per_second(traffic: &Traffic<'_>, span: Span) -> f64 {
    match traffic {
        Traffic::Generated { rates, .. } => {
            let count = rates.packets_per_second.len().max(1) as f64;
            rates.packets_per_second.iter().sum::<f64>() / count
        }
        Traffic::Recorded { batches, .. } => {
            let packets: usize = batches.iter().map(Arrivals::len).sum();
            packets as f64 / span.seconds().max(1e-3)
        }
    }
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
