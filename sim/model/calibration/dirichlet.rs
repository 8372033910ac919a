//! Shares that are not known, drawn around those that are: the Dirichlet distribution.

use crate::base::Random;

/// Shares drawn around `shares`, which add up to 1: the mean of many draws is `shares`, and the
/// variance of a share `p` is `p (1 - p) / (concentration + 1)`. A share of zero stays zero.
///
/// Each is a gamma variate of shape `concentration * share`, over their sum.
pub fn draw(shares: &[f64], concentration: f64, random: &mut Random) -> Vec<f64> {
    let variates = shares.iter().map(|share| gamma(concentration * share, random));
    let variates: Vec<f64> = variates.collect();
    let whole: f64 = variates.iter().sum();
    if whole > 0.0 && whole.is_finite() {
        variates.iter().map(|variate| variate / whole).collect()
    } else {
        // All so small that they are zero in a computer's numbers.
        shares.to_vec()
    }
}

/// A gamma variate of this shape and scale 1 (Marsaglia and Tsang 2000: "A simple method for
/// generating gamma variables"; for shapes below 1 their section 6); 0 for shapes that are none.
fn gamma(shape: f64, random: &mut Random) -> f64 {
    if shape.is_nan() || shape <= 0.0 {
        return 0.0;
    }
    if shape < 1.0 {
        let boost = libm::pow(1.0 - random.unit(), 1.0 / shape);
        return gamma_from_one(shape + 1.0, random) * boost;
    }
    gamma_from_one(shape, random)
}

/// The same for shapes from 1 on.
fn gamma_from_one(shape: f64, random: &mut Random) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / libm::sqrt(9.0 * d);
    loop {
        let normal = random.normal(0.0, 1.0);
        let cube = libm::pow(1.0 + c * normal, 3.0);
        if cube <= 0.0 {
            continue;
        }
        let uniform = 1.0 - random.unit();
        if libm::log(uniform) < 0.5 * normal * normal + d * (1.0 - cube + libm::log(cube)) {
            return d * cube;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 40_000;

    /// Mean and variance of each share.
    fn moments(shares: &[f64], concentration: f64) -> Vec<(f64, f64)> {
        let mut random = Random::new(11);
        let mut sums = vec![(0.0, 0.0); shares.len()];
        for _ in 0..DRAWS {
            let drawn = draw(shares, concentration, &mut random);
            assert!((drawn.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            for ((sum, squares), share) in sums.iter_mut().zip(drawn) {
                *sum += share / f64::from(DRAWS);
                *squares += share * share / f64::from(DRAWS);
            }
        }
        sums.iter().map(|(mean, squares)| (*mean, squares - mean * mean)).collect()
    }

    #[test]
    fn shares_have_the_mean_and_the_variance_of_the_distribution() {
        for concentration in [0.5, 3.0, 40.0] {
            let shares = [0.5, 0.3, 0.19, 0.01, 0.0];
            for ((mean, variance), share) in moments(&shares, concentration).iter().zip(shares) {
                let expected = share * (1.0 - share) / (concentration + 1.0);
                assert!((mean - share).abs() < 0.01, "{concentration}: {mean} for {share}");
                assert!(
                    (variance - expected).abs() < 0.03 * expected + 1e-4,
                    "{concentration}: {variance} for {expected}"
                );
            }
        }
    }

    #[test]
    fn a_gamma_variate_has_its_shape_as_mean_and_as_variance() {
        let mut random = Random::new(5);
        for shape in [0.2, 1.0, 7.5] {
            let draws: Vec<f64> = (0..DRAWS).map(|_| gamma(shape, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / f64::from(DRAWS);
            let variance = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>()
                / f64::from(DRAWS);
            assert!((mean / shape - 1.0).abs() < 0.03, "{mean} for {shape}");
            assert!((variance / shape - 1.0).abs() < 0.06, "{variance} for {shape}");
        }
    }

    #[test]
    fn what_cannot_be_drawn_stays_as_it_is() {
        let mut random = Random::new(1);
        assert_eq!(draw(&[1.0, 0.0], 5.0, &mut random), [1.0, 0.0]);
        assert_eq!(draw(&[0.5, 0.5], 0.0, &mut random), [0.5, 0.5]);
        assert_eq!(draw(&[], 5.0, &mut random), [0.0; 0]);
    }
}
