//! Exponential numbers without a logarithm for each: Marsaglia and Tsang 2000, "The ziggurat
//! method for generating random variables", with 256 layers. Its tables are made with `libm`, so
//! they are the same everywhere.

use crate::base::Random;

/// Where the lowest layer ends, and the area of each layer (as above, section 4).
const TAIL: f64 = 7.697_117_470_131_05;
const AREA: f64 = 0.003_949_659_822_581_557;
const LAYERS: usize = 256;

/// The tables: right end of each layer, and the density there.
#[derive(Debug, Clone)]
pub(super) struct Exponential {
    layers: Vec<(f64, f64, f64)>,
}

impl Exponential {
    pub(super) fn new() -> Self {
        let density = |x: f64| libm::exp(-x);
        let mut layers = Vec::with_capacity(LAYERS);
        let (mut right, mut inner) = (AREA / density(TAIL), TAIL);
        for layer in 0..LAYERS {
            layers.push((right, inner, density(inner)));
            right = inner;
            let above = density(inner) + AREA / inner;
            inner = if layer + 2 < LAYERS { -libm::log(above) } else { 0.0 };
        }
        Self { layers }
    }

    /// A number with mean 1.
    pub(super) fn draw(&self, random: &mut Random) -> f64 {
        loop {
            let bits = random.next_u64();
            let layer = (bits & 255) as usize;
            let Some((right, inner, height)) = self.layers.get(layer).copied() else { continue };
            let x = (bits >> 11) as f64 / (1_u64 << 53) as f64 * right;
            if x < inner {
                return x;
            }
            if let Some(x) = rare(layer, x, inner, height, self.below(layer), random) {
                return x;
            }
        }
    }

    /// The density at the right end of a layer.
    fn below(&self, layer: usize) -> f64 {
        layer.checked_sub(1).and_then(|below| self.layers.get(below)).map_or(0.0, |below| below.2)
    }
}

/// Outside the layer's rectangle: the tail, or the sliver under the curve.
#[cold]
fn rare(
    layer: usize,
    x: f64,
    inner: f64,
    height: f64,
    below: f64,
    random: &mut Random,
) -> Option<f64> {
    if layer == 0 {
        // The tail of an exponential is an exponential.
        return Some(inner + random.exponential(1.0));
    }
    (below + random.unit() * (height - below) < libm::exp(-x)).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_is_exponential() {
        let (table, mut random) = (Exponential::new(), Random::new(2));
        let count = 1_000_000;
        let mut drawn: Vec<f64> = (0..count).map(|_| table.draw(&mut random)).collect();
        let mean = drawn.iter().sum::<f64>() / f64::from(count);
        let square = drawn.iter().map(|x| x * x).sum::<f64>() / f64::from(count);
        assert!((mean - 1.0).abs() < 0.005 && (square - 2.0).abs() < 0.03, "{mean} {square}");
        drawn.sort_unstable_by(f64::total_cmp);
        // Kolmogorov and Smirnov: 1.95 / sqrt(n) is beyond one in a thousand.
        let off = drawn.iter().enumerate().map(|(rank, x)| {
            ((rank as f64 + 0.5) / f64::from(count) - (1.0 - libm::exp(-x))).abs()
        });
        assert!(off.fold(0.0, f64::max) < 0.00195);
        assert!(drawn[drawn.len() - 1] > TAIL);
    }
}
