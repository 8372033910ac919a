//! All straight lines that interval constraints leave, each as likely as another.

use crate::base::Random;
use crate::record::Estimate;

use super::polygon::{HalfPlane, Polygon};

/// Share of the posterior below the lower and above the upper end of an interval.
const TAIL: f64 = 0.025;
/// Steps that an inverse is found in: more than a double can tell apart.
const BISECTIONS: usize = 60;
/// Quantiles that a mean of something that is not linear is taken over.
const MEAN_POINTS: usize = 256;
/// Share of the box of all lines below which what is left counts as nothing: it is rounding.
const NOTHING: f64 = 1e-12;

/// What is known of a line at one place: `low < intercept + slope * x <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Constraint {
    pub(super) x: f64,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
}

/// The lines with intercept and slope of at least zero that satisfy constraints.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lines {
    polygon: Polygon,
    area: f64,
}

impl Lines {
    /// `None` where no line satisfies all of them, or nothing bounds the lines from above.
    pub(super) fn fit(constraints: &[Constraint]) -> Option<Self> {
        let highs = constraints.iter().filter_map(|c| Some((c.x, c.high?)));
        let corner = highs.fold((f64::INFINITY, f64::INFINITY), |(intercept, slope), (x, high)| {
            (intercept.min(high), slope.min(high / x))
        });
        if !(corner.0.is_finite() && corner.1.is_finite()) {
            return None;
        }
        let whole = Polygon::rectangle(corner);
        let polygon = constraints.iter().fold(whole, |polygon, constraint| {
            let at = (1.0, constraint.x);
            let halves = [
                constraint.high.map(|high| HalfPlane::at_most(at, high)),
                constraint.low.map(|low| HalfPlane::at_least(at, low)),
            ];
            halves.iter().flatten().fold(polygon, |polygon, half| polygon.clip(half))
        });
        let area = polygon.area();
        (area > NOTHING * corner.0 * corner.1).then_some(Self { polygon, area })
    }

    /// Where the line begins.
    pub(super) fn intercept(&self) -> Estimate {
        self.linear((1.0, 0.0))
    }

    /// How steep it is.
    pub(super) fn slope(&self) -> Estimate {
        self.linear((0.0, 1.0))
    }

    /// Its height at `x`.
    pub(super) fn at(&self, x: f64) -> Estimate {
        self.linear((1.0, x))
    }

    /// Where it reaches `y`.
    pub(super) fn reaches(&self, y: f64) -> Estimate {
        // (y - intercept) / slope <= x is intercept + slope x >= y.
        let below = |x: f64| self.share(&HalfPlane::at_least((1.0, x), y));
        let reach = |(intercept, slope): &(f64, f64)| (y - intercept).max(0.0) / slope;
        let reaches = || self.polygon.corners().iter().map(reach);
        let (low, high) =
            (reaches().fold(f64::INFINITY, f64::min), reaches().fold(0.0_f64, f64::max));
        if !high.is_finite() {
            return Estimate { mean: None, median: None, low: Some(low), high: None };
        }
        self.estimate(low, high, below, None)
    }

    /// Probability that its height at `x` is at most `y`.
    pub(super) fn probability_at_most(&self, x: f64, y: f64) -> f64 {
        self.share(&HalfPlane::at_most((1.0, x), y))
    }

    /// One of the lines, each as likely as another: intercept and slope.
    pub(super) fn draw(&self, random: &mut Random) -> (f64, f64) {
        self.polygon.draw(random).unwrap_or_default()
    }

    /// The mean line: intercept and slope.
    pub(super) fn mean(&self) -> (f64, f64) {
        self.polygon.centroid().unwrap_or_default()
    }

    /// Least and greatest value of a linear function of intercept and slope.
    #[cfg(test)]
    pub(super) fn polygon_extent(&self, normal: (f64, f64)) -> (f64, f64) {
        self.polygon.extent(normal).unwrap()
    }

    /// Whether something keeps the slope above zero.
    fn is_bounded_below(&self) -> bool {
        self.polygon.extent((0.0, 1.0)).is_some_and(|(low, _)| low > 0.0)
    }

    fn linear(&self, normal: (f64, f64)) -> Estimate {
        let (low, high) = self.polygon.extent(normal).unwrap_or_default();
        if !self.is_bounded_below() {
            return Estimate { mean: None, median: None, low: None, high: Some(high) };
        }
        let mean = self.mean();
        let mean = mean.0 * normal.0 + mean.1 * normal.1;
        self.estimate(low, high, |value| self.share(&HalfPlane::at_most(normal, value)), Some(mean))
    }

    fn estimate(
        &self,
        low: f64,
        high: f64,
        below: impl Fn(f64) -> f64,
        mean: Option<f64>,
    ) -> Estimate {
        let quantile = |probability: f64| {
            let (mut low, mut high) = (low, high);
            for _ in 0..BISECTIONS {
                let middle = low + (high - low) / 2.0;
                if below(middle) < probability { low = middle } else { high = middle }
            }
            high
        };
        let mean = mean.unwrap_or_else(|| {
            let points = 0..MEAN_POINTS;
            let quantiles = points.map(|n| quantile((n as f64 + 0.5) / MEAN_POINTS as f64));
            quantiles.sum::<f64>() / MEAN_POINTS as f64
        });
        let [low, median, high] = [TAIL, 0.5, 1.0 - TAIL].map(|share| Some(quantile(share)));
        Estimate { mean: Some(mean), median, low, high }
    }

    fn share(&self, half: &HalfPlane) -> f64 {
        self.polygon.clip(half).area() / self.area
    }
}
