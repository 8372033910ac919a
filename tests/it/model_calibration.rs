//! Whether "the probability is p" is true: what is stated from one seed of an estate against what
//! happens on other seeds, under costs that are drawn apart from those of the statement.
//!
//! A statement that is too sure of itself must be found out too: costs that are taken as known,
//! days that are taken as all the same.

use headroom::base::{Arrivals, Random, Timestamp};
use headroom::estate::Estate;
use headroom::model::calibration::{Calibration, ClassCosts, FieldObservation, ProtocolCosts};
use headroom::model::probability::{DAY_DEVIATION, Experiment, Traffic};
use headroom::model::virtual_sensor::{Candidate, OwnLoad, Server, Settings, Use, VirtualSensor};
use headroom::model::{CURRENT_TABLE, tables};
use headroom::record::TableReading;
use headroom::sensor::{self, Taken};
use headroom::synth::{Cast, Options, Synth};
use rayon::prelude::*;

/// 300 clients of one domain controller, and 40 applications that search.
const ESTATE: &str = include_str!("model_calibration.toml");
/// Monday, 2026-01-12 08:20 in Berlin.
const START: Timestamp = Timestamp::from_parts(1_768_202_400, 0);
const SECONDS: i64 = 60;
/// Most capture buffer in multiples of the least, as a verdict takes them.
const BUFFER_TIMES: f64 = 64.0;
const GOAL: f64 = 0.005;
/// What the server uses itself for each packet per second, in cores: 40 % of two at 640.
const OWN_CORES: f64 = 0.00125;

/// Traffic of one seed.
struct Day {
    batches: [Arrivals; 1],
    start_ns: i64,
    end_ns: i64,
}

impl Day {
    fn new(seed: u64) -> Self {
        let estate = Estate::parse(ESTATE, "model_calibration.toml").unwrap();
        let options = Options {
            start: START,
            duration_ns: SECONDS * 1_000_000_000,
            warm_up_ns: 60_000_000_000,
            threads: 1,
            segment_bytes_max: None,
            with_rows: false,
        };
        let cast = Cast::new(&estate, None, &[], seed).unwrap();
        let mut synth = Synth::start(cast, &options).unwrap();
        let core = sensor::Options { threads: 1, ..sensor::Options::default() };
        let (start_ns, mut all) = (START.nanos(), Arrivals::default());
        let end_ns = start_ns + options.duration_ns;
        sensor::arrivals(&mut synth, &core, &[], &|_| (), &mut |_, some| {
            for index in (0..some.len()).filter(|index| some.time_ns[*index] < end_ns) {
                let (time, bytes) = (some.time_ns[index], some.bytes[index]);
                all.push(time, bytes, some.class[index], some.flow[index]);
            }
        });
        Self { batches: [all], start_ns, end_ns }
    }

    fn packets_per_second(&self) -> f64 {
        self.batches[0].len() as f64 / SECONDS as f64
    }
}

/// What costs are known to be, and how days differ: all that a statement rests on.
struct Belief {
    calibration: Calibration,
    day_deviation: f64,
}

fn calibration(seen: &[FieldObservation]) -> Calibration {
    let table = &tables().find(CURRENT_TABLE).unwrap().table;
    Calibration::fit(table, TableReading::Tight, seen).unwrap()
}

/// What packets of each protocol cost, as the program takes them to.
fn classes() -> ClassCosts {
    ProtocolCosts::built_in().classes(Taken::protocols()).unwrap()
}

fn settings(base_cores: f64, class_cost_ns: Vec<f64>) -> Settings {
    let idle = Use { cores: 0.0, memory_gb: 4.0 };
    let own_load = OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second: OWN_CORES };
    Settings { own_load, ..Settings::new(base_cores, class_cost_ns) }
}

/// Sizes at their limits: cores under more and more traffic, what the server leaves under more and
/// more, and few cores without much of it, of which the sensor's base takes most.
fn candidates() -> Vec<Candidate> {
    let ladder =
        |low: f64, high: f64| (0..5).map(move |rung| low + (high - low) * rung as f64 / 4.0);
    let size = Candidate { buffer_bytes_per_shard: 1 << 20, ..Candidate::new(0.75, 64.0) };
    let server = Some(Server { cores: 2.0, memory_gb: 32.0 });
    let own = Candidate { cores: 2.0, memory_gb: 32.0, server, ..size };
    let cores = ladder(10.0, 19.0).map(|load| Candidate { load, ..size });
    let quota = ladder(1.5, 2.3).map(|load| Candidate { load, ..own });
    // Little buffer, so that it does not bridge the minute.
    let small = Candidate { buffer_bytes_per_shard: 1 << 16, ..size };
    let base = ladder(0.16, 0.22).map(|cores| Candidate { cores, ..small });
    cores.chain(quota).chain(base).collect()
}

/// The stated probabilities of missing the goal, from the traffic of each day.
fn stated(days: &[Day], belief: &Belief, replicas: u32) -> Vec<Vec<f64>> {
    let (classes, mean) = (classes(), belief.calibration.mean());
    let of_mean = settings(mean.base_cores, classes.scaled(mean.packet_us));
    let each = days.iter().zip(1..).map(|(day, seed)| {
        let (batches, start_ns, end_ns) = (&day.batches[..], day.start_ns, day.end_ns);
        let packets_per_second_before = day.packets_per_second();
        let settings = Settings { packets_per_second_before, ..of_mean.clone() };
        let experiment = Experiment {
            meter: None,
            traffic: Traffic::Recorded { batches, start_ns, end_ns },
            calibration: &belief.calibration,
            classes: &classes,
            settings: &settings,
            buffer_times: (1.0, BUFFER_TIMES),
            day_deviation: belief.day_deviation,
            goal_loss_ratio: GOAL,
            replicas,
            seed,
        };
        let found = experiment.probabilities(&candidates()).unwrap();
        found.iter().map(|size| size.probability).collect()
    });
    each.collect()
}

/// How often each candidate misses the goal on each day, under `sensors` sensors that the table
/// allows. Uses nothing of what states probabilities.
fn happened(days: &[Day], sensors: u64) -> Vec<Vec<f64>> {
    let (calibration, classes) = (calibration(&[]), classes());
    let missed = |day: usize, sensor: u64| -> Vec<f64> {
        let mut random = Random::fork(0x5eed, day as u64 * 1_000 + sensor);
        let times = libm::pow(BUFFER_TIMES, random.unit());
        let costs = calibration.draw(&mut random);
        let class_costs = classes.draw(costs.packet_us, &mut random);
        let mut settings = settings(costs.base_cores, class_costs);
        settings.packets_per_second_before = days[day].packets_per_second();
        let memory = calibration.draw_memory(&mut random).unwrap();
        settings.memory = settings.memory.with_costs(memory);
        let buffered = |size: Candidate| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "at most 64 MiB"
            )]
            let buffer_bytes_per_shard = (size.buffer_bytes_per_shard as f64 * times) as u64;
            Candidate { buffer_bytes_per_shard, ..size }
        };
        let sizes: Vec<Candidate> = candidates().into_iter().map(buffered).collect();
        let Day { batches: [arrivals], start_ns, end_ns } = &days[day];
        let mut sensor = VirtualSensor::new(settings, &sizes, *start_ns).unwrap();
        sensor.offer(arrivals).unwrap();
        let found = sensor.finish(*end_ns).unwrap();
        found.iter().map(|size| f64::from(u8::from(size.missed_ratio() > GOAL))).collect()
    };
    let all: Vec<Vec<Vec<f64>>> = (0..days.len())
        .into_par_iter()
        .map(|day| (0..sensors).map(|sensor| missed(day, sensor)).collect())
        .collect();
    let mean = |sensors_of_day: &Vec<Vec<f64>>| {
        let of = |index| sensors_of_day.iter().map(|missed| missed[index]).sum::<f64>();
        (0..candidates().len()).map(|index| of(index) / sensors as f64).collect()
    };
    all.iter().map(mean).collect()
}

/// A bin of stated probabilities, and what they came to.
#[derive(Debug, Default, Clone)]
struct Bin {
    count: f64,
    stated: f64,
    happened: f64,
}

/// Lower ends of the bins: `Yes`, three of `Maybe`, two of `No`, of which the last is as sure as
/// `Yes`.
const BINS: [f64; 6] = [0.0, 0.05, 0.2, 0.35, 0.5, 0.95];

/// What statements came to.
struct Score {
    bins: Vec<Bin>,
    /// Mean square of what was stated less what happened, and of what always happens.
    brier: f64,
    climate: f64,
}

impl Score {
    /// Each statement against what happened on every day but its own.
    fn new(stated: &[Vec<f64>], happened: &[Vec<f64>]) -> Self {
        let others = happened.len() as f64 - 1.0;
        let mut cells = Vec::new();
        for (day, probabilities) in stated.iter().enumerate() {
            for (index, probability) in probabilities.iter().enumerate() {
                let all: f64 = happened.iter().map(|missed| missed[index]).sum();
                cells.push((*probability, (all - happened[day][index]) / others));
            }
        }
        let mut bins = vec![Bin::default(); BINS.len()];
        for (stated, happened) in &cells {
            let bin = BINS.partition_point(|low| low <= stated) - 1;
            bins[bin].count += 1.0;
            bins[bin].stated += stated;
            bins[bin].happened += happened;
        }
        let count = cells.len() as f64;
        let mean = cells.iter().map(|(_, happened)| happened).sum::<f64>() / count;
        let square = |(stated, happened): &(f64, f64)| {
            happened * (1.0 - stated) * (1.0 - stated) + (1.0 - happened) * stated * stated
        };
        let brier = cells.iter().map(square).sum::<f64>() / count;
        Self { bins, brier, climate: mean * (1.0 - mean) }
    }

    /// Bin by bin: how many statements, their mean, and how often it happened.
    fn rows(&self) -> impl Iterator<Item = (f64, f64, f64, f64)> {
        let rows = BINS.iter().zip(&self.bins).filter(|(_, bin)| bin.count > 0.0);
        rows.map(|(low, bin)| (*low, bin.count, bin.stated / bin.count, bin.happened / bin.count))
    }

    fn print(&self, title: &str) {
        println!("{title}: Brier score {:.3}, of the mean alone {:.3}", self.brier, self.climate);
        for (low, count, stated, happened) in self.rows() {
            println!(
                "  from {low:.2}: {count:4} statements of {stated:.3}, happened {happened:.3}"
            );
        }
    }

    /// The largest difference between what was stated and how often it happened, in bins of some
    /// size.
    fn worst(&self) -> f64 {
        let some = self.rows().filter(|(_, count, ..)| *count >= 8.0);
        some.map(|(.., stated, happened)| (stated - happened).abs()).fold(0.0, f64::max)
    }
}

/// Days and sensors, and how often a statement draws.
fn scores(days: u64, sensors: u64, replicas: u32, beliefs: Vec<(&str, Belief)>) -> Vec<Score> {
    let days: Vec<Day> = (1..=days).into_par_iter().map(Day::new).collect();
    let happened = happened(&days, sensors);
    let score = |(title, belief): (&str, Belief)| {
        let score = Score::new(&stated(&days, &belief, replicas), &happened);
        score.print(title);
        score
    };
    beliefs.into_iter().map(score).collect()
}

fn honest() -> Belief {
    Belief { calibration: calibration(&[]), day_deviation: DAY_DEVIATION }
}

/// Most that a frequency may be away from what was stated: ten days of twelve sensors, where all
/// sensors of a day share it.
const TOLERANCE: f64 = 0.1;
/// Most that `Yes` may miss: 5 %, and the binomial error of 5 % of 120 outcomes.
const YES_MISSES: f64 = 0.07;

#[track_caller]
fn holds(score: &Score, tolerance: f64, yes_misses: f64) {
    assert!(score.worst() < tolerance, "{:.2?}", score.bins);
    // `Yes` and `No` are what they say.
    for (low, count, _, happened) in score.rows().filter(|(_, count, ..)| *count >= 8.0) {
        assert!(low > 0.0 || happened < yes_misses, "Yes, of {count}: {happened}");
        assert!(low < 0.5 || happened > 0.5, "No, of {count}: {happened}");
    }
    assert!(score.brier < 0.8 * score.climate, "{} of {}", score.brier, score.climate);
    assert!(score.bins.iter().all(|bin| bin.count > 0.0), "{:?}", score.bins);
}

#[test]
fn what_is_stated_of_one_seed_happens_as_often_on_others() {
    let found = scores(10, 12, 40, vec![("ten seeds", honest())]);
    holds(&found[0], TOLERANCE, YES_MISSES);
}

/// With more of everything, and with statements that are too sure of themselves: of costs, of the
/// next day. Takes minutes.
#[test]
#[ignore = "takes minutes"]
fn those_who_are_too_sure_are_found_out() {
    // Of the base costs that the table allows, a tenth.
    let seen = |cores: f64, rate: f64, dropped| FieldObservation {
        packets_per_second: rate,
        cores,
        dropped,
    };
    let sure = calibration(&[seen(0.155, 1.0, false), seen(0.145, 1.0, true)]);
    let beliefs = vec![
        ("honest", honest()),
        ("costs are known", Belief { calibration: sure, ..honest() }),
        ("days are all the same", Belief { day_deviation: 0.0, ..honest() }),
    ];
    let found = scores(20, 20, 60, beliefs);
    let [honest, costs, days] = found.as_slice() else { panic!() };
    // A Yes misses in 7.1 %, a little too often: METHOD.md says so. Who is too sure misses in 10.5
    // and 11.9 %.
    holds(honest, 0.07, 0.08);
    assert!(costs.worst() > TOLERANCE && costs.brier > honest.brier, "{:.2?}", costs.bins);
    assert!(days.worst() > honest.worst() && days.brier > honest.brier, "{:.2?}", days.bins);
}
