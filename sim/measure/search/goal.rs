//! When a load counts as carried: the load classification of MLRsearch
//! (draft-ietf-bmwg-mlrsearch-15, section "Load Classification Logic").

/// What is sought: the highest load with so little loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// Short name, e.g. `NDR`.
    pub name: &'static str,
    /// Highest loss ratio of a trial that is good, `0.0..1.0`.
    pub loss_ratio: f64,
    /// Share of the trial time that may be bad, `0.0..1.0`.
    pub exceed_ratio: f64,
    /// Trials of the first, coarse phase, in seconds.
    pub initial_seconds: f64,
    /// Trials that count in full, in seconds.
    pub final_seconds: f64,
    /// Trial time that decides about a load, in seconds.
    pub sum_seconds: f64,
    /// Distance of the bounds where the search ends, as a share of the upper one.
    pub relative_width: f64,
}

/// A trial, reduced to what classification looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Intended load in packets per second.
    pub load: f64,
    /// Length in seconds.
    pub seconds: f64,
    /// Lost and unsent over the larger of offered and intended, `0.0..=1.0`.
    pub loss_ratio: f64,
}

/// What the trials at a load say about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The goal is met, and no further trial could change that within the sum of durations.
    Lower,
    /// The goal is missed, likewise.
    Upper,
    /// More trials are needed.
    Undecided,
}

/// Trial time at one load, sorted by what it says.
#[derive(Debug, Default)]
struct Time {
    good_long: f64,
    bad_long: f64,
    good_short: f64,
    bad_short: f64,
}

impl Goal {
    /// Whether a trial of this length counts in full.
    fn is_long(&self, seconds: f64) -> bool {
        seconds >= self.final_seconds
    }

    fn time<'a>(&self, outcomes: impl Iterator<Item = &'a Outcome>) -> Time {
        let mut time = Time::default();
        for outcome in outcomes {
            let is_good = outcome.loss_ratio <= self.loss_ratio;
            let place = match (self.is_long(outcome.seconds), is_good) {
                (true, true) => &mut time.good_long,
                (true, false) => &mut time.bad_long,
                (false, true) => &mut time.good_short,
                (false, false) => &mut time.bad_short,
            };
            *place += outcome.seconds;
        }
        time
    }

    /// What `outcomes`, all at one load, say about it. Short bad trials count only as far as
    /// short good ones, at the allowed ratio, do not balance them; short good ones never count.
    pub fn classify<'a>(&self, outcomes: impl Iterator<Item = &'a Outcome>) -> Class {
        let time = self.time(outcomes);
        let balance = time.good_short * self.exceed_ratio / (1.0 - self.exceed_ratio);
        let excess = time.bad_long + (time.bad_short - balance).max(0.0);
        let whole = (time.good_long + excess).max(self.sum_seconds);
        let allowed = whole * self.exceed_ratio;
        // Time that is still missing counts as bad here and as good there.
        let is_lower_at_worst = whole - time.good_long <= allowed;
        let is_lower_at_best = excess <= allowed;
        match (is_lower_at_worst, is_lower_at_best) {
            (true, true) => Class::Lower,
            (false, false) => Class::Upper,
            _ => Class::Undecided,
        }
    }

    /// What gets through at `load`: less the loss that trials exceed for only the allowed share
    /// of the time. Time that was not tried counts as lost.
    pub fn conditional_throughput<'a>(
        &self,
        load: f64,
        outcomes: impl Iterator<Item = &'a Outcome>,
    ) -> f64 {
        let mut long: Vec<&Outcome> = outcomes.filter(|o| self.is_long(o.seconds)).collect();
        long.sort_by(|a, b| a.loss_ratio.total_cmp(&b.loss_ratio));
        let tried: f64 = long.iter().map(|outcome| outcome.seconds).sum();
        let needed = tried.max(self.sum_seconds) * (1.0 - self.exceed_ratio);
        let mut passed = 0.0;
        let quantile = long.iter().find_map(|outcome| {
            passed += outcome.seconds;
            (passed >= needed).then_some(outcome.loss_ratio)
        });
        load * (1.0 - quantile.unwrap_or(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOAL: Goal = Goal {
        name: "test",
        loss_ratio: 0.0,
        exceed_ratio: 0.5,
        initial_seconds: 0.5,
        final_seconds: 1.0,
        sum_seconds: 4.0,
        relative_width: 0.01,
    };

    fn class(goal: &Goal, trials: &[(f64, f64)]) -> Class {
        let outcomes: Vec<Outcome> = trials
            .iter()
            .map(|&(seconds, loss_ratio)| Outcome { load: 1.0, seconds, loss_ratio })
            .collect();
        goal.classify(outcomes.iter())
    }

    #[test]
    fn nothing_tried_is_undecided() {
        assert_eq!(class(&GOAL, &[]), Class::Undecided);
    }

    #[test]
    fn half_of_the_time_may_be_bad_and_no_more() {
        assert_eq!(class(&GOAL, &[(1.0, 0.0)]), Class::Undecided);
        assert_eq!(class(&GOAL, &[(1.0, 0.0), (1.0, 0.0)]), Class::Lower);
        assert_eq!(class(&GOAL, &[(1.0, 0.1), (1.0, 0.1)]), Class::Undecided);
        assert_eq!(class(&GOAL, &[(1.0, 0.1), (1.0, 0.1), (1.0, 0.1)]), Class::Upper);
        let mixed = [(1.0, 0.1), (1.0, 0.1), (1.0, 0.0), (1.0, 0.0)];
        assert_eq!(class(&GOAL, &mixed), Class::Lower);
    }

    #[test]
    fn short_good_trials_prove_nothing_but_balance_short_bad_ones() {
        assert_eq!(class(&GOAL, &[(0.5, 0.0); 20]), Class::Undecided);
        assert_eq!(class(&GOAL, &[(0.5, 0.1); 5]), Class::Upper);
        let balanced = [[(0.5, 0.1); 5], [(0.5, 0.0); 5]].concat();
        assert_eq!(class(&GOAL, &balanced), Class::Undecided);
    }

    #[test]
    fn short_good_trials_take_nothing_from_long_good_ones() {
        let both = [[(1.0, 0.0); 2].as_slice(), &[(0.5, 0.0); 20]].concat();
        assert_eq!(class(&GOAL, &both), Class::Lower);
    }

    #[test]
    fn the_strict_goal_forgives_no_trial() {
        let strict = Goal { exceed_ratio: 0.0, sum_seconds: 1.0, ..GOAL };
        assert_eq!(class(&strict, &[(1.0, 0.0)]), Class::Lower);
        assert_eq!(class(&strict, &[(0.1, 1e-6)]), Class::Upper);
        assert_eq!(class(&strict, &[(1.0, 0.0), (1.0, 1e-6)]), Class::Upper);
    }

    #[test]
    fn missing_time_counts_as_lost() {
        let outcome = |loss_ratio| Outcome { load: 100.0, seconds: 1.0, loss_ratio };
        let through = |list: &[Outcome]| GOAL.conditional_throughput(100.0, list.iter());
        assert_eq!(through(&[outcome(0.0)]), 0.0);
        assert_eq!(through(&[outcome(0.0), outcome(0.25)]), 75.0);
        assert_eq!(through(&[outcome(0.5), outcome(0.0), outcome(0.0), outcome(0.5)]), 100.0);
    }
}
