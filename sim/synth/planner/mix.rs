//! What is done how often: rates turned into choices, and runs of the same.

use crate::base::Random;
use crate::synth::Activity;

/// One hour, in nanoseconds.
const HOUR_NS: f64 = 3.6e12;

/// Longest run.
const RUN_MAX: u16 = 10_000;

/// Gaps inside a run, in seconds: their natural logarithm is uniform between these. This is how
/// Samba's traffic replay draws what its model counts as gaps up to 0.1 s (`traffic.py`).
const LOG_GAP_SECONDS: [f64; 2] = [-10.0, -3.0];

/// Lengths of runs: geometric, at least 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Lengths {
    /// One over the logarithm of the share of runs that go on; 0 where none does.
    scale: f64,
    mean: f64,
}

/// How an activity is repeated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Run {
    /// It is not.
    Single,
    /// As a run of items with short gaps.
    Items(Lengths),
    /// As one item whose argument says how many.
    Argument(Lengths),
}

/// One thing that may be done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// What.
    pub activity: Activity,
    /// How it is repeated.
    pub run: Run,
    /// Rate of this and of all choices before it, runs per nanosecond.
    upto: f64,
}

/// Things to do and how often.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mix {
    choices: Vec<Choice>,
}

impl Lengths {
    /// With that mean, 1 at least.
    pub fn new(mean: f64) -> Self {
        let mean = mean.clamp(1.0, f64::from(RUN_MAX));
        let scale = if mean > 1.0 { 1.0 / libm::log(1.0 - 1.0 / mean) } else { 0.0 };
        Self { scale, mean }
    }

    /// A length.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and is cut off")]
    #[expect(clippy::cast_sign_loss, reason = "both logarithms are negative")]
    pub fn draw(&self, random: &mut Random) -> u16 {
        if self.scale == 0.0 {
            return 1;
        }
        let more = libm::log(1.0 - random.unit()) * self.scale;
        1 + (more as u16).min(RUN_MAX - 1)
    }
}

impl Run {
    /// Items of a mean length.
    pub fn items(mean: f64) -> Self {
        Self::Items(Lengths::new(mean))
    }

    /// An argument of that mean.
    pub fn argument(mean: f64) -> Self {
        Self::Argument(Lengths::new(mean))
    }

    const fn mean(&self) -> f64 {
        match self {
            Self::Single => 1.0,
            Self::Items(lengths) | Self::Argument(lengths) => lengths.mean,
        }
    }
}

impl Mix {
    /// Adds an activity whose items or, where the argument says how many, units come so often in
    /// an hour.
    pub fn add(&mut self, activity: Activity, per_hour: f64, run: Run) {
        let runs_per_hour = per_hour / run.mean();
        if runs_per_hour > 0.0 {
            let upto = self.per_ns() + runs_per_hour / HOUR_NS;
            self.choices.push(Choice { activity, run, upto });
        }
    }

    /// Runs per nanosecond, of all.
    pub fn per_ns(&self) -> f64 {
        self.choices.last().map_or(0.0, |choice| choice.upto)
    }

    /// Whether nothing is ever done.
    pub const fn is_empty(&self) -> bool {
        self.choices.is_empty()
    }

    /// Every choice with its rate in runs per hour.
    pub fn choices(&self) -> impl Iterator<Item = (&Choice, f64)> {
        let mut before = 0.0;
        self.choices.iter().map(move |choice| {
            let rate = choice.upto - before;
            before = choice.upto;
            (choice, rate * HOUR_NS)
        })
    }

    /// The choice of that number.
    pub fn choice(&self, number: u8) -> Option<&Choice> {
        self.choices.get(usize::from(number))
    }

    /// One of them with its number, as likely as its rate is high; `None` where there are none.
    #[inline]
    pub fn draw(&self, random: &mut Random) -> Option<(u8, &Choice)> {
        let drawn = random.unit() * self.per_ns();
        (0u8..).zip(&self.choices).find(|(_, choice)| drawn < choice.upto)
    }
}

/// A gap inside a run, in nanoseconds.
#[inline]
pub fn short_gap(random: &mut Random) -> f64 {
    let [low, high] = LOG_GAP_SECONDS;
    1e9 * libm::exp(random.between(low, high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_have_their_mean_and_go_on_with_equal_chance() {
        let mut random = Random::new(3);
        for mean in [1.0, 2.3, 6.0] {
            let lengths = Lengths::new(mean);
            let drawn: Vec<u16> = (0..100_000).map(|_| lengths.draw(&mut random)).collect();
            let got = drawn.iter().map(|n| f64::from(*n)).sum::<f64>() / 100_000.0;
            assert!((got / mean - 1.0).abs() < 0.02, "{mean}: {got}");
            let ended = drawn.iter().filter(|n| **n == 1).count() as f64 / 100_000.0;
            assert!((ended - 1.0 / mean).abs() < 0.01, "{mean}: {ended}");
        }
    }

    #[test]
    fn choices_are_drawn_at_their_rates() {
        let mut mix = Mix::default();
        mix.add(Activity::SessionEnumeration, 10.0, Run::Single);
        mix.add(Activity::LsaTrust, 0.0, Run::Single);
        mix.add(Activity::ServiceTickets, 60.0, Run::argument(2.0));
        let rates: Vec<_> = mix.choices().map(|(c, rate)| (c.activity, rate.round())).collect();
        assert_eq!(rates, [(Activity::SessionEnumeration, 10.0), (Activity::ServiceTickets, 30.0)]);
        let mut random = Random::new(4);
        let drawn = (0..40_000).filter_map(|_| mix.draw(&mut random));
        let queries =
            drawn.filter(|(_, choice)| choice.activity == Activity::SessionEnumeration).count();
        assert!((9_700..10_300).contains(&queries), "{queries}");
    }

    #[test]
    fn gaps_in_a_run_are_short() {
        let mut random = Random::new(9);
        let gaps: Vec<f64> = (0..10_000).map(|_| short_gap(&mut random)).collect();
        assert!(gaps.iter().all(|gap| (45e3..50e6).contains(gap)));
        let below = gaps.iter().filter(|gap| **gap < 1e9 * libm::exp(-6.5)).count();
        assert!((4_800..5_200).contains(&below), "{below}");
    }
}
