//! What a packet of each protocol class costs, from what our own parser needs for it.
//!
//! The vendor publishes no cost per protocol, only that it depends on "the distribution of
//! traffic". Our measured costs give the ratios between classes, one factor brings their mean over
//! a reference mix to the cost per packet that the vendor's table allows. That the vendor's sensor
//! has the same ratios is an assumption, and is told as one.

use crate::base::Random;
use crate::record::{Assumption, Basis};

/// Lowest cost of a class, as a share of its mean: a draw far below the mean is no cost.
const LEAST: f64 = 0.1;

/// A measured cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean, in nanoseconds for each packet.
    pub mean_ns: f64,
    /// Standard error of the mean, in nanoseconds.
    pub error_ns: f64,
}

/// Relative cost of each class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCosts {
    measured: Vec<Measured>,
    /// Share of each class in the reference mix; they add up to 1.
    reference: Vec<f64>,
}

/// Why costs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassCostsError {
    /// No class, or not as many shares as costs.
    #[error(
        "use {costs} costs of classes with {shares} shares: give as many of one as of the other"
    )]
    Lengths {
        /// How many costs.
        costs: usize,
        /// How many shares.
        shares: usize,
    },
    /// A number that is none.
    #[error(
        "use the cost of class {0} (counted from 0): mean above zero, error and share not below"
    )]
    Class(usize),
    /// Nothing in the reference mix.
    #[error("use a reference mix without packets: give the share of at least one class")]
    EmptyMix,
}

impl ClassCosts {
    /// Costs and the packets (or shares) of each class in the reference mix.
    ///
    /// # Errors
    ///
    /// [`ClassCostsError`] where lengths differ or a number is none.
    pub fn new(measured: Vec<Measured>, reference: &[f64]) -> Result<Self, ClassCostsError> {
        if measured.is_empty() || measured.len() != reference.len() {
            let (costs, shares) = (measured.len(), reference.len());
            return Err(ClassCostsError::Lengths { costs, shares });
        }
        for (index, (cost, share)) in measured.iter().zip(reference).enumerate() {
            let good = cost.mean_ns.is_finite() && cost.mean_ns > 0.0;
            let not_below = |value: f64| value.is_finite() && value >= 0.0;
            if !good || !not_below(cost.error_ns) || !not_below(*share) {
                return Err(ClassCostsError::Class(index));
            }
        }
        let whole: f64 = reference.iter().sum();
        if whole <= 0.0 || !whole.is_finite() {
            return Err(ClassCostsError::EmptyMix);
        }
        let reference = reference.iter().map(|share| share / whole).collect();
        Ok(Self { measured, reference })
    }

    /// Every class costs the same.
    pub fn equal(classes: usize) -> Self {
        let classes = classes.max(1);
        let measured = vec![Measured { mean_ns: 1.0, error_ns: 0.0 }; classes];
        Self { measured, reference: vec![1.0 / classes as f64; classes] }
    }

    /// Cost of each class in nanoseconds, so that the reference mix costs `packet_us` on average.
    pub fn scaled(&self, packet_us: f64) -> Vec<f64> {
        self.to_mean(packet_us, self.measured.iter().map(|cost| cost.mean_ns).collect())
    }

    /// As [`Self::scaled`], with each cost drawn from its uncertainty (normal, never below a
    /// tenth of its mean).
    pub fn draw(&self, packet_us: f64, random: &mut Random) -> Vec<f64> {
        let drawn = self
            .measured
            .iter()
            .map(|cost| random.normal(cost.mean_ns, cost.error_ns).max(LEAST * cost.mean_ns));
        self.to_mean(packet_us, drawn.collect())
    }

    /// The assumption that lies in this, for the report.
    pub fn assumption(&self) -> Assumption {
        Assumption {
            text: format!(
                "The ratios between the costs of {} protocol classes are those of Headroom's own parser; one factor brings their mean to the vendor's table. The vendor publishes no cost per protocol.",
                self.measured.len()
            ),
            basis: Basis::Assumed,
            source: "measured by Headroom, scaled to the vendor's capacity table".to_owned(),
        }
    }

    fn to_mean(&self, packet_us: f64, costs: Vec<f64>) -> Vec<f64> {
        let mean: f64 = costs.iter().zip(&self.reference).map(|(cost, share)| cost * share).sum();
        costs.iter().map(|cost| cost / mean * packet_us * 1e3).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(mean_ns: f64, error_ns: f64) -> Measured {
        Measured { mean_ns, error_ns }
    }

    #[test]
    fn the_reference_mix_costs_what_the_table_says() {
        let costs = [measured(100.0, 10.0), measured(400.0, 40.0), measured(900.0, 0.0)];
        let costs = ClassCosts::new(costs.to_vec(), &[50.0, 25.0, 25.0]).unwrap();
        let scaled = costs.scaled(64.0);
        let mean = scaled[0] * 0.5 + scaled[1] * 0.25 + scaled[2] * 0.25;
        assert!((mean - 64_000.0).abs() < 1e-6);
        assert!((scaled[1] / scaled[0] - 4.0).abs() < 1e-12);
        let mut random = Random::new(3);
        let mut ratios = 0.0;
        for _ in 0..10_000 {
            let drawn = costs.draw(64.0, &mut random);
            assert!((drawn[0] * 0.5 + drawn[1] * 0.25 + drawn[2] * 0.25 - 64_000.0).abs() < 1e-6);
            ratios += drawn[2] / drawn[1] / 1e4;
        }
        // The mean of 1 / (1 + e) is 1 + var(e): 2.25 * 1.01.
        assert!((ratios - 2.2725).abs() < 0.02, "{ratios}");
        assert_eq!(costs.assumption().basis, Basis::Assumed);
    }

    #[test]
    fn classes_that_cost_the_same_cost_the_mean() {
        assert_eq!(ClassCosts::equal(3).scaled(2.0), [2_000.0; 3]);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let new = |cost, share| ClassCosts::new(vec![measured(1.0, 0.0), cost], &[1.0, share]);
        assert_eq!(new(measured(0.0, 0.0), 1.0), Err(ClassCostsError::Class(1)));
        assert_eq!(new(measured(1.0, f64::NAN), 1.0), Err(ClassCostsError::Class(1)));
        assert_eq!(new(measured(1.0, 0.0), -1.0), Err(ClassCostsError::Class(1)));
        let none = ClassCosts::new(vec![measured(1.0, 0.0)], &[0.0]);
        assert_eq!(none, Err(ClassCostsError::EmptyMix));
        let short = ClassCosts::new(vec![], &[1.0]);
        assert_eq!(short, Err(ClassCostsError::Lengths { costs: 0, shares: 1 }));
    }
}
