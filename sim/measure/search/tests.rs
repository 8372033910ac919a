//! The search against devices whose answer is known.

use proptest::prelude::*;

use super::*;
use crate::base::Random;

const NDR: Goal = Goal {
    name: "NDR",
    loss_ratio: 0.0,
    exceed_ratio: 0.5,
    initial_seconds: 0.1,
    final_seconds: 1.0,
    sum_seconds: 3.0,
    relative_width: 0.005,
};
const PDR: Goal = Goal { name: "PDR", loss_ratio: 0.005, ..NDR };
const LEAST: f64 = 10.0;
const MOST: f64 = 10_000_000.0;

/// Runs a search against `loss`, which maps load and the number of the trial to a loss ratio.
fn run(
    goals: &[Goal],
    guess: Option<f64>,
    mut loss: impl FnMut(f64, usize) -> f64,
) -> (Vec<Found>, usize) {
    let mut search = Search::new(goals.to_vec(), LEAST, MOST);
    if let Some(load) = guess {
        search.guess(load);
    }
    let mut trials = 0;
    while let Next::Trial { load, seconds } = search.next() {
        assert!((LEAST..=MOST).contains(&load), "{load} is outside");
        let loss_ratio = loss(load, trials);
        search.take(Outcome { load, seconds, loss_ratio });
        trials += 1;
    }
    (search.found(), trials)
}

/// A device that carries `capacity` packets per second and loses the rest.
fn cut_off(capacity: f64) -> impl Fn(f64, usize) -> f64 {
    move |load, _| (1.0 - capacity / load).max(0.0)
}

#[test]
fn a_sharp_edge_is_found_within_the_width() {
    let (found, trials) = run(&[NDR, PDR], None, cut_off(123_456.0));
    let [ndr, pdr] = found[..] else { panic!("{found:?}") };
    let (lower, upper) = (ndr.lower.unwrap(), ndr.upper.unwrap());
    assert!(lower <= 123_456.0 && upper > 123_456.0, "{ndr:?}");
    assert!(upper - lower <= upper * NDR.relative_width);
    assert_eq!(ndr.conditional_throughput, Some(lower));
    let edge = 123_456.0 / (1.0 - PDR.loss_ratio);
    assert!(pdr.lower.unwrap() <= edge && pdr.upper.unwrap() > edge, "{pdr:?}");
    assert!(trials < 120, "{trials} trials");
}

#[test]
fn a_guess_saves_trials_and_changes_no_bound_by_more_than_the_width() {
    let (blind, blind_trials) = run(&[NDR], None, cut_off(50_000.0));
    let (guessed, trials) = run(&[NDR], Some(50_500.0), cut_off(50_000.0));
    assert!(trials < blind_trials, "{trials} against {blind_trials}");
    let far = (blind[0].lower.unwrap() - guessed[0].lower.unwrap()).abs();
    assert!(far <= 50_000.0 * NDR.relative_width * 2.0);
}

#[test]
fn loads_beyond_what_may_be_tried_are_irregular_results() {
    let (found, _) = run(&[NDR], None, |_, _| 0.0);
    assert_eq!((found[0].lower, found[0].upper), (Some(MOST), None));
    assert!(!found[0].is_unfinished);
    let (found, _) = run(&[NDR], None, |_, _| 0.5);
    assert_eq!((found[0].lower, found[0].upper), (None, Some(LEAST)));
    assert_eq!(found[0].conditional_throughput, None);
}

#[test]
fn loss_that_goes_away_under_more_load_is_resolved_downwards() {
    // Carries everything up to 1000, and again between 3000 and 4000.
    let loss = |load: f64, _| {
        let fine = load <= 1_000.0 || (3_000.0..4_000.0).contains(&load);
        if fine { 0.0 } else { 0.2 }
    };
    let mut search = Search::new(vec![NDR], LEAST, MOST);
    for load in [2_000.0, 3_500.0] {
        for _ in 0..3 {
            search.take(Outcome { load, seconds: 1.0, loss_ratio: loss(load, 0) });
        }
    }
    while let Next::Trial { load, seconds } = search.next() {
        search.take(Outcome { load, seconds, loss_ratio: loss(load, 0) });
    }
    let found = search.found()[0];
    assert!(found.has_inversion);
    assert!((990.0..=1_000.0).contains(&found.lower.unwrap()), "{found:?}");
}

#[test]
fn rare_bad_trials_of_a_noisy_device_are_forgiven_but_not_by_the_strict_goal() {
    let mut random = Random::new(5);
    let noisy = |load: f64, _| {
        let noise = if random.chance(0.2) { 0.01 } else { 0.0 };
        f64::max(noise, 1.0 - 80_000.0 / load)
    };
    let (found, _) = run(&[NDR], None, noisy);
    assert!(found[0].lower.unwrap() > 79_000.0, "{found:?}");
    let mut random = Random::new(5);
    let noisy = |load: f64, _| {
        let noise = if random.chance(0.2) { 0.01 } else { 0.0 };
        f64::max(noise, 1.0 - 80_000.0 / load)
    };
    let strict = Goal { exceed_ratio: 0.0, sum_seconds: 20.0, ..NDR };
    let (found, _) = run(&[strict], None, noisy);
    assert!(found[0].lower.is_none_or(|lower| lower < 79_000.0), "{found:?}");
}

#[test]
fn a_device_that_never_decides_is_given_up() {
    let endless = Goal { sum_seconds: 1e9, ..NDR };
    let (found, trials) = run(&[endless], None, |_, trial| f64::from(u8::from(trial % 2 == 0)));
    assert!(found[0].is_unfinished);
    assert_eq!(trials, TRIALS_MAX);
}

proptest! {
    #[test]
    fn bounds_are_in_order_and_hold(
        capacity in 20.0..9_000_000.0f64,
        noise in 0.0..0.02f64,
        share in 0.0..0.4f64,
        seed in any::<u64>(),
    ) {
        let mut random = Random::new(seed);
        let mut search = Search::new(vec![NDR, PDR], LEAST, MOST);
        while let Next::Trial { load, seconds } = search.next() {
            let extra = if random.chance(share) { noise } else { 0.0 };
            let loss_ratio = f64::max(extra, 1.0 - capacity / load);
            search.take(Outcome { load, seconds, loss_ratio });
        }
        for found in search.found() {
            if let (Some(lower), Some(upper)) = (found.lower, found.upper) {
                prop_assert!(lower < upper);
            }
            if let Some(lower) = found.lower {
                // At least half of the trial time there was good.
                let seconds = |is_good: bool| -> f64 {
                    let most = found.goal.loss_ratio;
                    let of = search.at_load(lower).filter(|o| (o.loss_ratio <= most) == is_good);
                    of.map(|outcome| outcome.seconds).sum()
                };
                prop_assert!(seconds(false) <= seconds(true) + 1e-9);
                prop_assert!(lower * (1.0 - found.goal.loss_ratio) <= capacity * 1.000_001);
                prop_assert!(found.conditional_throughput.unwrap() <= lower);
            }
        }
    }

    #[test]
    fn without_noise_the_bounds_hold_the_edge_and_goals_stand_in_order(
        capacity in 20.0..9_000_000.0f64,
        guess in proptest::option::of(10.0..10_000_000.0f64),
    ) {
        let (found, trials) = run(&[NDR, PDR], guess, cut_off(capacity));
        prop_assert!(trials < 250, "{trials} trials");
        for found in &found {
            let edge = capacity / (1.0 - found.goal.loss_ratio);
            prop_assert!(found.lower.unwrap() <= edge && edge < found.upper.unwrap());
            prop_assert!(!found.is_unfinished && !found.has_inversion);
        }
        prop_assert!(found[0].lower <= found[1].lower);
    }
}
