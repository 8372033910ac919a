//! Medians, quartiles and bootstrap intervals.

use crate::base::Random;
use crate::record::Interval;

/// Resamples of a bootstrap. Ours; the percentiles of 2,000 wobble by less than a tenth of the
/// interval.
const RESAMPLES: usize = 2_000;

/// Seed of the resampling: the same replicas give the same interval.
const SEED: u64 = 0x6d65_6173;

/// The value below which `share` of the sorted `values` lie, between neighbours by proportion.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index between 0 and the length"
)]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share.clamp(0.0, 1.0) * (sorted.len().checked_sub(1)?) as f64;
    let below = place.floor();
    let low = *sorted.get(below as usize)?;
    let high = sorted.get(below as usize + 1).copied().unwrap_or(low);
    Some(low + (high - low) * (place - below))
}

/// The middle one.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(&sorted(values), 0.5)
}

/// Distance of the quartiles over the median.
pub fn relative_spread(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let [low, middle, high] = [0.25, 0.5, 0.75].map(|share| quantile(&sorted, share));
    let middle = middle.filter(|middle| *middle > 0.0)?;
    Some((high? - low?) / middle)
}

/// The median with the 95 % interval of its percentile bootstrap (Efron 1979); `None` without
/// values.
pub fn bootstrap(values: &[f64]) -> Option<Interval> {
    let estimate = median(values)?;
    let count = u32::try_from(values.len()).ok()?;
    let mut random = Random::new(SEED);
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let draw = |_| values.get(random.below(count) as usize).copied();
            median(&(0..count).filter_map(draw).collect::<Vec<f64>>())
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    Some(Interval { low: quantile(&medians, 0.025)?, estimate, high: quantile(&medians, 0.975)? })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(relative_spread(&[1.0, 2.0, 3.0, 4.0, 5.0]), Some(2.0 / 3.0));
    }

    #[test]
    fn the_interval_holds_the_truth_about_as_often_as_it_says() {
        let mut random = Random::new(8);
        let held = (0..200).filter(|_| {
            let values: Vec<f64> = (0..15).map(|_| random.normal(10.0, 1.0)).collect();
            let interval = bootstrap(&values).unwrap();
            interval.low <= 10.0 && 10.0 <= interval.high
        });
        let held = held.count();
        assert!((180..=200).contains(&held), "{held} of 200");
    }

    #[test]
    fn equal_values_have_no_spread() {
        let interval = bootstrap(&[7.0; 9]).unwrap();
        assert_eq!((interval.low, interval.estimate, interval.high), (7.0, 7.0, 7.0));
    }
}
