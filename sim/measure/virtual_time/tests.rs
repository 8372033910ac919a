//! Trials in virtual time against closed forms.

use proptest::prelude::*;

use super::*;
use crate::base::Random;
use crate::measure::load::{Arrivals, Pace};

/// Costs that do not depend on the size of the batch.
fn costs(packets_ns: Vec<f32>, shares: [f64; STAGES.len()]) -> Costs {
    Costs { packets_ns: std::array::from_fn(|_| packets_ns.clone()), shares }
}

/// All work in one station that takes batches in turn: a single server.
const ONE: [f64; STAGES.len()] = [1.0, 0.0, 0.0, 0.0, 0.0];
/// All work side by side.
const APART: [f64; STAGES.len()] = [0.0, 1.0, 0.0, 0.0, 0.0];

struct Case {
    costs: Costs,
    lengths: Vec<u32>,
    workers: usize,
    buffer_bytes: u64,
    batch_max: usize,
}

impl Case {
    fn trial(&self, arrivals: Arrivals, load: f64, packets: u64) -> (Trial, Histograms) {
        let pace = Pace::new((0..self.lengths.len() as u64).map(|at| at * 1_000).collect());
        let device = Device {
            costs: &self.costs,
            scale: [1.0; SIZES.len()],
            arrival_ns: 0.0,
            lengths: &self.lengths,
            workers: self.workers,
            buffer_bytes: self.buffer_bytes,
            batch_max: self.batch_max,
        };
        let mut histograms = Histograms::new();
        let mut schedule = Schedule::new(&pace, arrivals, load, Random::new(1));
        let trial = device.trial(load, packets, &mut schedule, Some(&mut histograms));
        (trial, histograms)
    }
}

/// In single precision, which is what costs are kept in.
#[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
fn single(ns: f64) -> f32 {
    ns as f32
}

#[test]
fn md1_waits_as_long_as_its_closed_form_says() {
    // Pollaczek and Khinchine: the mean wait is rho / (2 (1 - rho)) services.
    let costs = costs(vec![1_000.0], ONE);
    let case = Case { costs, lengths: vec![1], workers: 1, buffer_bytes: 1 << 40, batch_max: 1 };
    for rho in [0.3, 0.6, 0.8] {
        let (trial, histograms) = case.trial(Arrivals::Poisson, rho * 1e6, 2_000_000);
        let expected = 1_000.0 * (1.0 + rho / (2.0 * (1.0 - rho)));
        let mean = histograms.sojourn.mean();
        assert!((mean / expected - 1.0).abs() < 0.01, "{rho}: {mean} against {expected}");
        assert!((trial.utilisation / rho - 1.0).abs() < 0.01, "{trial:?}");
    }
}

#[test]
fn mm1k_loses_as_much_as_its_closed_form_says() {
    let mut random = Random::new(77);
    // More costs than a trial repeats in step with anything.
    let drawn: Vec<f32> = (0..500_009).map(|_| single(random.exponential(1_000.0))).collect();
    let lengths = vec![1; drawn.len()];
    let case =
        Case { costs: costs(drawn, ONE), lengths, workers: 1, buffer_bytes: 4, batch_max: 1 };
    // Four wait and one is served: K is 5.
    for rho in [0.7, 1.0 - 1e-9, 1.5] {
        let (trial, _) = case.trial(Arrivals::Poisson, rho * 1e6, 3_000_000);
        let expected = (1.0 - rho) * rho.powi(5) / (1.0 - rho.powi(6));
        let off = (trial.loss_ratio / expected - 1.0).abs();
        assert!(off < 0.01, "{rho}: {} against {expected}", trial.loss_ratio);
    }
}

#[test]
fn capacity_is_that_of_the_workers_or_of_the_narrowest_station() {
    let loss = |shares, workers| {
        let case = Case {
            costs: costs(vec![1_000.0], shares),
            lengths: vec![100],
            workers,
            buffer_bytes: 1 << 20,
            batch_max: BATCH_MAX,
        };
        // Four times what one worker carries, long enough that the buffer does not matter.
        case.trial(Arrivals::Fixed, 4e6, 4_000_000).0.loss_ratio
    };
    let near = |got: f64, capacity: f64| {
        let expected = 1.0 - capacity / 4.0;
        assert!((got - expected).abs() < 0.01, "{got} against {expected}");
    };
    near(loss(ONE, 1), 1.0);
    near(loss(ONE, 3), 1.0);
    near(loss(APART, 1), 1.0);
    near(loss(APART, 2), 2.0);
    near(loss(APART, 3), 3.0);
    // Half of the work in turn: two batches at once, whatever the workers.
    near(loss([0.0, 0.5, 0.0, 0.0, 0.5], 8), 2.0);
    // Flows pass eight shards one behind the other.
    near(loss([0.0, 0.0, 0.0, 1.0, 0.0], 2), 2.0);
}

#[test]
fn between_measured_sizes_a_fixed_part_per_batch_is_exact() {
    let of = |size: usize| vec![single(300.0 + 4_000.0 / size as f64)];
    let costs = Costs { packets_ns: SIZES.map(of), shares: ONE };
    let lengths = [1];
    let device = Device {
        costs: &costs,
        scale: [1.0; SIZES.len()],
        arrival_ns: 0.0,
        lengths: &lengths,
        workers: 1,
        buffer_bytes: 1,
        batch_max: BATCH_MAX,
    };
    for packets in [1, 3, 8, 20, 100, 256] {
        let batch = vec![Waiting { place: 0, arrived_ns: 0.0 }; packets];
        let got = device.cost_ns(&weights(), batch.iter());
        let expected = 4_000.0 + 300.0 * packets as f64;
        assert!((got / expected - 1.0).abs() < 1e-6, "{packets}: {got} against {expected}");
    }
}

#[test]
fn a_frame_larger_than_the_buffer_is_lost_and_the_trial_ends() {
    let costs = costs(vec![1_000.0], ONE);
    let case = Case { costs, lengths: vec![100], workers: 1, buffer_bytes: 50, batch_max: 8 };
    let (trial, _) = case.trial(Arrivals::Fixed, 1_000.0, 10);
    assert_eq!((trial.lost_buffer_full, trial.loss_ratio), (10, 1.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn more_buffer_or_more_workers_never_lose_more_and_nothing_vanishes(
        load in 2e5..4e6f64,
        buffer in 200u64..20_000,
    ) {
        // Equal costs: else a packet more in the buffer may be a dear one that costs two others.
        let lost = |workers, buffer_bytes| {
            let case = Case {
                costs: costs(vec![1_000.0], APART),
                lengths: vec![100],
                workers,
                buffer_bytes,
                batch_max: 1,
            };
            let (trial, histograms) = case.trial(Arrivals::Poisson, load, 20_000);
            assert_eq!(trial.lost_buffer_full + histograms.sojourn.len(), 20_000);
            trial.lost_buffer_full
        };
        let base = lost(1, buffer);
        prop_assert!(lost(1, buffer * 2) <= base);
        prop_assert!(lost(2, buffer) <= base);
    }
}
