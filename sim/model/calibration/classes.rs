//! What a packet of each protocol class costs, from what our own parser needs for it.
//!
//! The vendor publishes no cost per protocol, only that it depends on "the distribution of
//! traffic". Our measured costs give the ratios between classes, one factor brings their mean over
//! a reference mix to the cost per packet that the vendor's table allows. That the vendor's sensor
//! has the same ratios is an assumption, and is told as one.

use crate::base::Random;
use crate::record::Assumption;

use super::dirichlet;

/// Lowest cost of a class, as a share of its mean: a draw far below the mean is no cost.
const LEAST: f64 = 0.1;

/// A measured cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Mean, in nanoseconds for each packet.
    pub mean_ns: f64,
    /// How far it may be off, as a standard deviation in nanoseconds.
    pub error_ns: f64,
}

/// A class of packets.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// To show to people.
    pub name: String,
    /// What one of its packets costs our core.
    pub cost: Measured,
    /// Its packets (or share) in the reference mix.
    pub share: f64,
}

/// Relative cost of each class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassCosts {
    /// By their number; shares add up to 1.
    classes: Vec<Class>,
    /// How close mixes are drawn to that of the classes; `None` where it is known.
    concentration: Option<f64>,
    assumptions: Vec<Assumption>,
}

/// Why costs cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClassCostsError {
    /// A number that is none.
    #[error(
        "use the cost of class {0} (counted from 0): mean above zero, error and share not below"
    )]
    Class(usize),
    /// Nothing in the reference mix.
    #[error("use a reference mix without packets: give the share of at least one class")]
    EmptyMix,
    /// Cannot be drawn with.
    #[error("draw mixes with this concentration: it must be a number above zero")]
    Concentration,
}

impl ClassCosts {
    /// Costs of classes, the first that of class 0. Where the reference mix is not known, others
    /// are drawn around it with `concentration` (as the Dirichlet distribution has it: the smaller,
    /// the farther away). `assumptions` say where all this comes from.
    ///
    /// # Errors
    ///
    /// [`ClassCostsError`] where a number is none, or no class has a share.
    pub fn new(
        mut classes: Vec<Class>,
        concentration: Option<f64>,
        assumptions: Vec<Assumption>,
    ) -> Result<Self, ClassCostsError> {
        let not_below = |value: f64| value.is_finite() && value >= 0.0;
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let good = |Class { cost, share, .. }: &Class| {
            positive(cost.mean_ns) && not_below(cost.error_ns) && not_below(*share)
        };
        if let Some(index) = classes.iter().position(|class| !good(class)) {
            return Err(ClassCostsError::Class(index));
        }
        let whole: f64 = classes.iter().map(|class| class.share).sum();
        if !positive(whole) {
            return Err(ClassCostsError::EmptyMix);
        }
        if concentration.is_some_and(|concentration| !positive(concentration)) {
            return Err(ClassCostsError::Concentration);
        }
        classes.iter_mut().for_each(|class| class.share /= whole);
        Ok(Self { classes, concentration, assumptions })
    }

    /// Every class costs the same.
    #[cfg(test)]
    pub fn equal(classes: usize) -> Self {
        let cost = Measured { mean_ns: 1.0, error_ns: 0.0 };
        let class = Class { name: String::new(), cost, share: 1.0 };
        Self::new(vec![class; classes], None, Vec::new()).unwrap()
    }

    /// The classes, by their number.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Cost of each class in nanoseconds, so that the reference mix costs `packet_us` on average.
    pub fn scaled(&self, packet_us: f64) -> Vec<f64> {
        let costs = self.classes.iter().map(|class| class.cost.mean_ns).collect();
        to_mean(packet_us, costs, &self.shares())
    }

    /// As [`Self::scaled`], with each cost drawn from its uncertainty (normal, never below a
    /// tenth of its mean), and the mix that costs `packet_us` on average from its own.
    pub fn draw(&self, packet_us: f64, random: &mut Random) -> Vec<f64> {
        let drawn = self.classes.iter().map(|Class { cost, .. }| {
            random.normal(cost.mean_ns, cost.error_ns).max(LEAST * cost.mean_ns)
        });
        let drawn = drawn.collect();
        let shares = self.shares();
        let shares = match self.concentration {
            Some(concentration) => dirichlet::draw(&shares, concentration, random),
            None => shares,
        };
        to_mean(packet_us, drawn, &shares)
    }

    /// What lies in this, for the report.
    pub fn assumptions(&self) -> &[Assumption] {
        &self.assumptions
    }

    fn shares(&self) -> Vec<f64> {
        self.classes.iter().map(|class| class.share).collect()
    }
}

/// `costs` with one factor, so that their mean over `shares` is `packet_us`.
fn to_mean(packet_us: f64, costs: Vec<f64>, shares: &[f64]) -> Vec<f64> {
    let mean: f64 = costs.iter().zip(shares).map(|(cost, share)| cost * share).sum();
    costs.iter().map(|cost| cost / mean * packet_us * 1e3).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(mean_ns: f64, error_ns: f64, share: f64) -> Class {
        Class { name: String::new(), cost: Measured { mean_ns, error_ns }, share }
    }

    fn costs(concentration: Option<f64>) -> ClassCosts {
        let classes =
            vec![class(100.0, 10.0, 50.0), class(400.0, 40.0, 25.0), class(900.0, 0.0, 25.0)];
        ClassCosts::new(classes, concentration, Vec::new()).unwrap()
    }

    #[test]
    fn the_reference_mix_costs_what_the_table_says() {
        let costs = costs(None);
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
    }

    #[test]
    fn a_mix_that_is_not_known_makes_the_same_packets_cheaper_or_dearer() {
        let spread = |concentration| {
            let (costs, mut random) = (costs(concentration), Random::new(3));
            let drawn = (0..2_000).map(|_| costs.draw(64.0, &mut random)[2]);
            let drawn: Vec<f64> = drawn.collect();
            let least = drawn.iter().copied().fold(f64::INFINITY, f64::min);
            drawn.iter().copied().fold(0.0, f64::max) / least
        };
        let (known, near, far) = (spread(None), spread(Some(100.0)), spread(Some(5.0)));
        assert!(known < near && near < far, "{known} {near} {far}");
        // At most all packets of the mix are of the cheapest class: then this one costs 9 times it.
        assert!(far < 9.0 * 1.5, "{far}");
    }

    #[test]
    fn classes_that_cost_the_same_cost_the_mean() {
        assert_eq!(ClassCosts::equal(3).scaled(2.0), [2_000.0; 3]);
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let new = |other: Class| {
            let classes = vec![class(1.0, 0.0, 1.0), other];
            ClassCosts::new(classes, None, Vec::new()).unwrap_err()
        };
        assert_eq!(new(class(0.0, 0.0, 1.0)), ClassCostsError::Class(1));
        assert_eq!(new(class(1.0, f64::NAN, 1.0)), ClassCostsError::Class(1));
        assert_eq!(new(class(1.0, 0.0, -1.0)), ClassCostsError::Class(1));
        let none = ClassCosts::new(vec![class(1.0, 0.0, 0.0)], None, Vec::new());
        assert_eq!(none, Err(ClassCostsError::EmptyMix));
        let nowhere = ClassCosts::new(vec![class(1.0, 0.0, 1.0)], Some(0.0), Vec::new());
        assert_eq!(nowhere, Err(ClassCostsError::Concentration));
    }
}
