use super::*;
use crate::base::Timestamp;
use crate::model::virtual_sensor::{Candidate, Settings, VirtualSensor};
use crate::record::{Peak, SimulatedSize, Timeline};

const SECOND: i64 = 1_000_000_000;

fn mix() -> Mix {
    let class =
        |class, packets, bytes: &[(u32, f64)]| ClassMix { class, packets, bytes: bytes.to_vec() };
    Mix::new(&[class(0, 3.0, &[(60, 1.0), (200, 1.0)]), class(5, 1.0, &[(1_514, 2.0)])], 1_000, 0.5)
        .unwrap()
}

fn model(scales: &[(f64, f64)]) -> BurstModel {
    let scales = scales
        .iter()
        .map(|(sigma, tau_seconds)| Scale { sigma: *sigma, tau_seconds: *tau_seconds });
    BurstModel { scales: scales.collect() }
}

fn rates(packets_per_second: &[f64], interval_seconds: i64) -> Rates {
    Rates {
        start_ns: 7 * SECOND,
        interval_ns: interval_seconds * SECOND,
        packets_per_second: packets_per_second.to_vec(),
    }
}

fn generator(rates: Rates, model: BurstModel, seed: u64, replica: u64) -> Generator {
    Generator::new(rates, model, mix(), seed, replica).unwrap()
}

/// All arrivals in one.
fn all(mut generator: Generator, batch: usize) -> Arrivals {
    let (mut arrivals, mut whole) = (Arrivals::default(), Arrivals::default());
    while generator.fill(&mut arrivals, batch) {
        for i in 0..arrivals.len() {
            whole.push(arrivals.time_ns[i], arrivals.bytes[i], arrivals.class[i], arrivals.flow[i]);
        }
    }
    whole
}

/// Packets of each window.
fn counts(arrivals: &Arrivals, window_ns: i64, windows: usize) -> Vec<f64> {
    let mut counts = vec![0.0; windows];
    for time in &arrivals.time_ns {
        counts[usize::try_from((time - 7 * SECOND) / window_ns).unwrap()] += 1.0;
    }
    counts
}

#[test]
fn every_interval_has_the_mean_that_was_measured() {
    let measured = [2_000.0, 0.0, 200_000.0, 500.0];
    let arrivals = all(generator(rates(&measured, 5), BurstModel::assumed(), 1, 0), 1_000);
    assert!(arrivals.time_ns.is_sorted());
    let found = counts(&arrivals, 5 * SECOND, 4);
    for (found, rate) in found.iter().zip(measured) {
        // Five deviations of a Poisson number: bursts do not move the mean.
        let expected = rate * 5.0;
        assert!((found - expected).abs() <= 5.0 * expected.sqrt(), "{found} of {expected}");
    }
}

#[test]
fn sizes_classes_and_flows_have_their_shares() {
    let arrivals = all(generator(rates(&[100_000.0], 5), model(&[]), 2, 0), 65_536);
    let count = arrivals.len() as f64;
    let share = |matches: &dyn Fn(usize) -> bool| {
        (0..arrivals.len()).filter(|i| matches(*i)).count() as f64 / count
    };
    assert!(
        (share(&|i| arrivals.class[i] == 5 && arrivals.bytes[i] == 1_514) - 0.25).abs() < 0.003
    );
    assert!((share(&|i| arrivals.class[i] == 0 && arrivals.bytes[i] == 60) - 0.375).abs() < 0.003);
    assert!((mix().mean_bytes() - (0.375 * 260.0 + 0.25 * 1_514.0)).abs() < 1.0);
    let mut flows = arrivals.flow.clone();
    flows.sort_unstable();
    flows.dedup();
    assert!((800..=1_000).contains(&flows.len()), "{}", flows.len());
}

#[test]
fn seeds_and_replicas_differ_and_batches_do_not() {
    let make =
        |seed, replica| generator(rates(&[3_000.0; 3], 1), BurstModel::assumed(), seed, replica);
    let whole = all(make(1, 0), 100_000);
    assert_eq!(all(make(1, 0), 17), whole);
    assert_ne!(all(make(1, 1), 100_000), whole);
    assert_ne!(all(make(2, 0), 100_000), whole);
}

/// Highest mean over windows against the mean of all.
fn peak_ratio(arrivals: &Arrivals, window_ns: i64, duration_ns: i64) -> f64 {
    let windows = usize::try_from(duration_ns / window_ns).unwrap();
    let counts = counts(arrivals, window_ns, windows);
    let mean = counts.iter().sum::<f64>() / windows as f64;
    counts.iter().copied().fold(0.0, f64::max) / mean
}

#[test]
fn peaks_grow_with_the_bursts() {
    // Method research, section 5: 1 s peaks over 15 minutes at 0.35 and 0.6, for 0.2 s and 5 s.
    let ratio = |sigma, tau| {
        let rates = rates(&[5_000.0], 900);
        let arrivals = all(generator(rates, model(&[(sigma, tau)]), 4, 0), 100_000);
        peak_ratio(&arrivals, SECOND, 900 * SECOND)
    };
    for (sigma, tau, range) in
        [(0.35, 0.2, 1.4..2.1), (0.35, 5.0, 2.0..3.4), (0.6, 0.2, 2.0..3.6), (0.6, 5.0, 3.3..6.5)]
    {
        let found = ratio(sigma, tau);
        assert!(range.contains(&found), "{sigma} at {tau} s: {found}");
    }
}

#[test]
fn a_model_from_peaks_has_those_peaks() {
    let duration = 120;
    let make = |model, seed| all(generator(rates(&[20_000.0], duration), model, seed, 0), 100_000);
    let windows = [1_u64, 10, 100, 1_000];
    let measure = |arrivals: &Arrivals| {
        windows.map(|ms| peak_ratio(arrivals, ms as i64 * 1_000_000, duration * SECOND))
    };
    let truth = measure(&make(model(&[(0.4, 0.5), (0.3, 0.02)]), 1));
    let peaks: Vec<Peak> = windows
        .iter()
        .zip(truth)
        .map(|(window_ms, ratio)| Peak {
            window_ms: *window_ms,
            packets_per_second: 20_000.0 * ratio,
            start_utc: Timestamp::from_nanos(0),
        })
        .collect();
    let fitted = from_peaks(&peaks, 20_000.0, duration as f64).unwrap();
    // One run's peaks differ from another's by a third: means of several are compared.
    let mean = |model: &BurstModel| {
        let mut sum = [0.0; 4];
        for seed in 2..5 {
            let found = measure(&make(model.clone(), seed));
            sum.iter_mut().zip(found).for_each(|(sum, found)| *sum += found / 3.0);
        }
        sum
    };
    let (truth, again) = (mean(&model(&[(0.4, 0.5), (0.3, 0.02)])), mean(&fitted));
    for (again, truth) in again.iter().zip(truth) {
        assert!((again / truth - 1.0).abs() < 0.4, "{again:?} instead of {truth:?}");
    }
    assert_eq!(from_peaks(&peaks[..1], 20_000.0, 120.0), Err(PeaksError::TooFew));
    assert_eq!(from_peaks(&peaks, 0.0, 120.0), Err(PeaksError::TooFew));
}

/// A sensor that takes 29,000 packets per second, with buffers of 1, 10 and 64 MB as in the
/// method research, section 5, which had packets of 434 bytes.
fn losses(model: BurstModel, rate: f64) -> Vec<f64> {
    let classes = [ClassMix { class: 0, packets: 1.0, bytes: vec![(434, 1.0)] }];
    let mix = Mix::new(&classes, 100, 0.0).unwrap();
    let mut generator = Generator::new(rates(&[rate], 300), model, mix, 3, 0).unwrap();
    let candidates = [1_000_000, 10_000_000, 64_000_000].map(|buffer_bytes_per_shard| Candidate {
        buffer_bytes_per_shard,
        ..Candidate::new(1.0, 64.0)
    });
    let settings = Settings::new(0.0, vec![1e9 / 29_000.0]);
    let mut sensor = VirtualSensor::new(settings, &candidates, 7 * SECOND).unwrap();
    let mut arrivals = Arrivals::default();
    while generator.fill(&mut arrivals, 65_536) {
        sensor.offer(&arrivals).unwrap();
    }
    let found = sensor.finish(307 * SECOND).unwrap();
    found.iter().map(SimulatedSize::loss_ratio).collect()
}

#[test]
fn the_same_mean_loses_from_nothing_to_a_tenth() {
    assert_eq!(losses(model(&[]), 20_000.0), [0.0; 3]);
    // Short bursts: a buffer cures them.
    let short = losses(model(&[(0.35, 0.2)]), 20_000.0);
    assert!(short[0] > 0.001 && short[0] < 0.02 && short[1] < 1e-4 && short[2] == 0.0, "{short:?}");
    // Long ones: it does not.
    let long = losses(model(&[(0.6, 5.0)]), 20_000.0);
    assert!((0.06..0.20).contains(&long[0]), "{long:?}");
    assert!(long[1] > 0.04 && long[1] < long[0] && long[2] < long[1], "{long:?}");
    // Less traffic with the same bursts loses less.
    let less = losses(model(&[(0.6, 5.0)]), 15_000.0);
    assert!(less[0] < long[0] / 2.0 && less[0] > 0.002, "{less:?}");
    // And smaller bursts of the same traffic.
    let smaller = losses(model(&[(0.6, 5.0)]).times(0.5), 20_000.0);
    assert!(smaller[0] < long[0] / 2.0, "{smaller:?}");
}

#[test]
fn a_part_of_a_timeline_is_taken_and_nothing_comes_in_its_holes() {
    let at = |second| Timestamp::from_parts(second, 0);
    let timeline = Timeline {
        start_utc: at(100),
        interval_ms: 5_000,
        covered_ms: 25_000,
        packets_per_second: vec![Some(9.0), Some(1.0), None, Some(3.0), Some(9.0)],
        bytes_per_second: Vec::new(),
        cpu_percent: Vec::new(),
        available_mb: Vec::new(),
        protocol_interval_ms: 60_000,
        protocols: Vec::new(),
    };
    let expected = Rates {
        start_ns: 105 * SECOND,
        interval_ns: 5 * SECOND,
        packets_per_second: vec![1.0, 0.0, 3.0],
    };
    assert_eq!(Rates::of(&timeline, at(105), at(120)), Some(expected));
    assert_eq!(Rates::of(&timeline, at(110), at(115)), None);
    assert_eq!(Rates::of(&timeline, at(0), at(100)), None);
}

#[test]
fn what_is_no_traffic_is_refused() {
    let class = |packets, weight| ClassMix { class: 0, packets, bytes: vec![(60, weight)] };
    let error = |classes: &[ClassMix]| Mix::new(classes, 10, 0.0).unwrap_err();
    assert_eq!(error(&[]), BurstError::Mix);
    assert_eq!(error(&[class(0.0, 1.0)]), BurstError::Mix);
    assert_eq!(error(&[class(1.0, 0.0)]), BurstError::Mix);
    assert_eq!(error(&[class(1.0, -1.0), class(f64::NAN, 1.0)]), BurstError::Mix);
    let new = |rates, model| Generator::new(rates, model, mix(), 1, 1).err();
    assert_eq!(new(rates(&[-1.0], 5), model(&[])), Some(BurstError::Rates));
    assert_eq!(new(rates(&[f64::NAN], 5), model(&[])), Some(BurstError::Rates));
    assert_eq!(new(rates(&[1.0], 0), model(&[])), Some(BurstError::Rates));
    assert_eq!(new(rates(&[1.0], 1), model(&[(1.0, 0.0)])), Some(BurstError::Model));
    assert_eq!(new(rates(&[1.0], 1), model(&[(4.0, 1.0)])), Some(BurstError::Model));
    let mut empty = generator(rates(&[], 1), model(&[]), 1, 1);
    assert!(!empty.fill(&mut Arrivals::default(), 10));
}
