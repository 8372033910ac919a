use super::*;
use crate::model::bursts::ClassMix;
use crate::model::calibration::FieldObservation;
use crate::model::virtual_sensor::{OwnLoad, Server, Use};
use crate::model::{CURRENT_TABLE, tables};
use crate::record::TableReading;

const SECOND: i64 = 1_000_000_000;

fn calibration(seen: &[FieldObservation]) -> Calibration {
    let table = &tables().find(CURRENT_TABLE).unwrap().table;
    Calibration::fit(table, TableReading::Tight, seen).unwrap()
}

fn settings() -> Settings {
    Settings::new(0.0, vec![1.0])
}

/// 5,000 packets per second.
fn traffic(bursts: BurstModel, seconds: usize) -> Traffic<'static> {
    let classes = [ClassMix { class: 0, packets: 1.0, bytes: vec![(100, 1.0), (1_000, 1.0)] }];
    Traffic::Generated {
        rates: Rates {
            start_ns: 0,
            interval_ns: 5 * SECOND,
            packets_per_second: vec![5_000.0; seconds / 5],
        },
        bursts,
        mix: Mix::new(&classes, 500, 0.0).unwrap(),
    }
}

fn experiment<'a>(
    calibration: &'a Calibration,
    classes: &'a ClassCosts,
    settings: &'a Settings,
    seed: u64,
) -> Experiment<'a> {
    let traffic = traffic(BurstModel { scales: Vec::new() }, 10);
    let (goal_loss_ratio, replicas) = (0.001, REPLICAS);
    let buffer_times = (1.0, 1.0);
    Experiment {
        traffic,
        calibration,
        classes,
        settings,
        buffer_times,
        day_deviation: 0.0,
        goal_loss_ratio,
        replicas,
        seed,
        meter: None,
    }
}

fn candidates() -> Vec<Candidate> {
    [0.25, 0.45, 0.47, 0.49, 0.75, 1.0].map(|cores| Candidate::new(cores, 64.0)).to_vec()
}

fn probabilities(found: &[SizeProbability]) -> Vec<f64> {
    found.iter().map(|size| size.probability).collect()
}

#[test]
fn probability_is_that_of_the_costs_where_traffic_is_smooth() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let found = experiment(&calibration, &classes, &settings, 1).probabilities(&candidates());
    let found = found.unwrap();
    // Loss begins where the need, base + 5,000 costs, is above the cores: the posterior says how
    // probable that is, for 10 s of a 1 MiB buffer a little later.
    let mut random = Random::new(9);
    for size in &found {
        let draws = 4_000;
        let above = (0..draws).filter(|_| {
            let costs = calibration.draw(&mut random);
            costs.base_cores + costs.packet_us * 5e-3 > size.size.cores * 1.02
        });
        let expected = above.count() as f64 / f64::from(draws);
        assert!((size.probability - expected).abs() < 0.15, "{size:?} instead of {expected}");
        assert!(size.probability_low <= size.probability);
        assert!(size.probability <= size.probability_high);
        assert!(size.loss_p5 <= size.loss_p50 && size.loss_p50 <= size.loss_p95);
    }
    let falls = probabilities(&found);
    assert!(falls.windows(2).all(|pair| pair[0] >= pair[1]), "{falls:?}");
    assert_eq!((found[0].chance, found[0].limit), (Chance::No, Some(Limit::Cores)));
    assert_eq!((found[5].chance, found[5].limit), (Chance::Yes, None));
    assert!(found.iter().any(|size| size.chance == Chance::Maybe), "{falls:?}");
    let enough = sufficient(&found);
    assert_eq!(enough.target.unwrap().cores, 0.49);
    assert!(enough.upper.unwrap().cores >= 0.49);
    assert!(enough.lower.unwrap().cores < 0.49);
}

#[test]
fn another_seed_gives_the_same_probability_within_its_interval() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let bursts = BurstModel::assumed();
    let mut all = Vec::new();
    for seed in 0..8 {
        let mut experiment = experiment(&calibration, &classes, &settings, seed);
        experiment.traffic = traffic(bursts.clone(), 10);
        experiment.replicas = 60;
        all.push(experiment.probabilities(&[Candidate::new(0.54, 64.0)]).unwrap().remove(0));
    }
    let mean = all.iter().map(|size| size.probability).sum::<f64>() / 8.0;
    assert!((0.1..0.9).contains(&mean), "{mean}");
    let inside = all.iter().filter(|s| (s.probability_low..s.probability_high).contains(&mean));
    assert!(inside.count() >= 7, "{all:?}");
}

#[test]
fn the_same_seed_gives_the_same_result() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let run = || {
        let mut experiment = experiment(&calibration, &classes, &settings, 3);
        experiment.replicas = 20;
        experiment.probabilities(&candidates()).unwrap()
    };
    assert_eq!(run(), run());
    let mut none = experiment(&calibration, &classes, &settings, 3);
    none.replicas = 0;
    assert_eq!(none.probabilities(&candidates()), Err(ExperimentError::NoReplica));
}

#[test]
fn headroom_is_where_cores_are_full() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let mut experiment = experiment(&calibration, &classes, &settings, 4);
    experiment.replicas = 40;
    let found = experiment.headroom(&Candidate::new(1.0, 64.0), 5_000.0).unwrap();
    // One core is full at 13,500 packets per second [12,600, 14,200]; for 10 s a little later.
    let (yes, maybe) = (found.load_yes.unwrap() * 5_000.0, found.load_maybe.unwrap() * 5_000.0);
    assert!((12_500.0..13_600.0).contains(&yes), "{yes}");
    assert!((13_200.0..14_200.0).contains(&maybe), "{maybe}");
    assert!((found.spare_packets_per_second().unwrap() - (yes - 5_000.0)).abs() < 1e-6);
    assert!((found.spare_percent().unwrap() - (yes / 50.0 - 100.0)).abs() < 1e-6);
    // 20 % a year: log(2.6) / log(1.2) years.
    let years = exhaustion(&found, 0.2);
    assert!((years.years_yes.unwrap() - 5.3).abs() < 0.3, "{years:?}");
    assert!(years.years_maybe.unwrap() > years.years_yes.unwrap());
    assert_eq!(exhaustion(&found, 0.0).years_yes, None);
    let small = experiment.headroom(&Candidate::new(0.25, 64.0), 5_000.0).unwrap();
    assert!(small.load_yes.unwrap() < 0.4);
    assert_eq!(exhaustion(&small, 0.2).years_yes, Some(0.0));
}

#[test]
fn what_runs_short_is_named() {
    let (calibration, classes) = (calibration(&[]), ClassCosts::equal(1));
    let server = Some(Server { cores: 2.0, memory_gb: 32.0 });
    let own_load = OwnLoad::Constant(Use { cores: 1.4, memory_gb: 8.0 });
    let busy = Settings { own_load, ..settings() };
    let run = |settings: &Settings, candidate: Candidate, bursts: BurstModel| {
        let mut experiment = experiment(&calibration, &classes, settings, 5);
        experiment.traffic = traffic(bursts, 20);
        experiment.replicas = 20;
        let found = experiment.probabilities(&[candidate]).unwrap().remove(0);
        (found.chance, found.limit)
    };
    let smooth = BurstModel { scales: Vec::new() };
    let quota = Candidate { server, ..Candidate::new(1.0, 64.0) };
    assert_eq!(run(&busy, quota, smooth.clone()), (Chance::No, Some(Limit::Quota)));
    assert_eq!(
        run(&settings(), Candidate::new(1.0, 5.5), smooth.clone()),
        (Chance::No, Some(Limit::Memory))
    );
    let tiny = Candidate { buffer_bytes_per_shard: 3_000, ..Candidate::new(0.75, 64.0) };
    assert_eq!(run(&settings(), tiny, BurstModel::assumed()), (Chance::No, Some(Limit::Bursts)));
    assert_eq!(run(&settings(), Candidate::new(2.0, 64.0), smooth), (Chance::Yes, None));
}

#[test]
fn recorded_traffic_differs_by_cost_alone() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let mut experiment = experiment(&calibration, &classes, &settings, 6);
    let made = Arrivals {
        time_ns: (0..50_000).map(|n| n * 200_000).collect(),
        bytes: vec![500; 50_000],
        class: vec![0; 50_000],
        flow: (0..50_000).collect(),
    };
    let batches = [made];
    experiment.traffic = Traffic::Recorded { batches: &batches, start_ns: 0, end_ns: 10 * SECOND };
    experiment.replicas = 50;
    let found = experiment.probabilities(&candidates()).unwrap();
    assert_eq!((found[0].chance, found[4].chance), (Chance::No, Chance::Yes));
    // The same costs again: the loss of a replica is what its draw says.
    let one = experiment.run(&candidates(), 7).unwrap();
    assert_eq!(experiment.run(&candidates(), 7).unwrap(), one);
    assert_eq!(one[0].offered_packets, 50_000);
}

#[test]
fn days_differ_as_much_as_they_are_told_to() {
    let (calibration, classes, settings) = (calibration(&[]), ClassCosts::equal(1), settings());
    let mut experiment = experiment(&calibration, &classes, &settings, 8);
    (experiment.day_deviation, experiment.replicas) = (0.5, 40);
    let found = experiment.headroom(&Candidate::new(1.0, 64.0), 5_000.0).unwrap();
    let logs: Vec<f64> = found.highest_loads.iter().map(|load| libm::log(*load)).collect();
    let mean = logs.iter().sum::<f64>() / 40.0;
    let variance = logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / 39.0;
    // Costs add a tenth of it at most; of 40 the deviation is known to a ninth.
    assert!((0.35..0.65).contains(&libm::sqrt(variance)), "{logs:?}");
    // Sizes share the day: more cores never do worse.
    let falls = probabilities(&experiment.probabilities(&candidates()).unwrap());
    assert!(falls.windows(2).all(|pair| pair[0] >= pair[1]), "{falls:?}");
    assert!(falls[0] < 1.0 && falls[5] > 0.0, "{falls:?}");
}

#[test]
fn intervals_of_probabilities_are_wilsons() {
    let (low, high) = wilson(0.0, 200.0);
    assert!(low == 0.0 && (high - 0.01885).abs() < 1e-4, "{high}");
    let (low, high) = wilson(0.5, 100.0);
    assert!((low - 0.4038).abs() < 1e-4 && (high - 0.5962).abs() < 1e-4);
    assert_eq!([0.0, 0.049, 0.05, 0.5, 0.51].map(chance).map(|c| c as u8), [0, 0, 1, 1, 2]);
}
