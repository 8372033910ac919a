//! Heavy-tailed periods of activity and rest, and how far one is at any moment.

use crate::base::Random;

/// No period is longer, in nanoseconds: four hours, half a working day. Assumed; it gives the
/// periods a variance, so that rates settle within a day.
const PERIOD_MAX_NS: f64 = 1.44e13;

/// Exponents are at least this, so that the mean exists.
const ALPHA_MIN: f64 = 1.01;

/// Periods: Pareto from a least length on, cut off at [`PERIOD_MAX_NS`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Periods {
    least_ns: f64,
    alpha: f64,
    mean_ns: f64,
}

impl Periods {
    /// At least `least_ns` long, with that exponent.
    pub fn new(least_ns: f64, alpha: f64) -> Self {
        let least_ns = least_ns.clamp(1.0, PERIOD_MAX_NS);
        let alpha = alpha.max(ALPHA_MIN);
        let cut = libm::pow(PERIOD_MAX_NS / least_ns, 1.0 - alpha);
        let mean_ns = least_ns * (1.0 + (1.0 - cut) / (alpha - 1.0));
        Self { least_ns, alpha, mean_ns }
    }

    /// Mean length in nanoseconds.
    pub const fn mean_ns(&self) -> f64 {
        self.mean_ns
    }

    /// A period, in nanoseconds.
    pub fn whole(&self, random: &mut Random) -> f64 {
        random.pareto(self.least_ns, self.alpha).min(PERIOD_MAX_NS)
    }

    /// What is left of the period that holds at a moment chosen without looking: its density is
    /// the share of periods that are longer, over the mean (renewal theory).
    pub fn rest(&self, random: &mut Random) -> f64 {
        let area = random.unit() * self.mean_ns;
        if area <= self.least_ns {
            return area;
        }
        let share = (area - self.least_ns) * (self.alpha - 1.0) / self.least_ns;
        let rest = self.least_ns * libm::pow(1.0 - share, -1.0 / (self.alpha - 1.0));
        rest.min(PERIOD_MAX_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: f64 = 6e10;

    #[test]
    fn periods_have_the_tail_of_their_exponent() {
        let mut random = Random::new(5);
        let periods = Periods::new(2.0 * MINUTE, 1.4);
        let drawn: Vec<f64> = (0..200_000).map(|_| periods.whole(&mut random)).collect();
        let longer = |minutes: f64| {
            let count = drawn.iter().filter(|length| **length > minutes * MINUTE).count();
            count as f64 / drawn.len() as f64
        };
        for minutes in [4.0, 8.0, 16.0, 32.0, 64.0] {
            let expected = libm::pow(minutes / 2.0, -1.4);
            let got = longer(minutes);
            assert!((got / expected - 1.0).abs() < 0.06, "{minutes} min: {got} {expected}");
        }
        assert_eq!((longer(1.999), longer(240.0)), (1.0, 0.0));
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        assert!((mean / periods.mean_ns() - 1.0).abs() < 0.02, "{mean} {}", periods.mean_ns());
    }

    #[test]
    fn rests_are_those_of_a_long_row_of_periods_at_random_moments() {
        let periods = Periods::new(MINUTE, 1.2);
        let mut random = Random::new(11);
        // The obvious way: a moment in a row of periods, each as likely as it is long.
        let row: Vec<f64> = (0..200_000).map(|_| periods.whole(&mut random)).collect();
        let total: f64 = row.iter().sum();
        let slow = |limit: f64| row.iter().map(|length| length.min(limit)).sum::<f64>() / total;
        let rests: Vec<f64> = (0..200_000).map(|_| periods.rest(&mut random)).collect();
        for minutes in [0.5, 1.0, 3.0, 10.0, 30.0, 100.0, 200.0] {
            let limit = minutes * MINUTE;
            let got = rests.iter().filter(|rest| **rest <= limit).count() as f64 / 200_000.0;
            assert!((got - slow(limit)).abs() < 0.012, "{minutes}: {got} {}", slow(limit));
        }
    }
}
