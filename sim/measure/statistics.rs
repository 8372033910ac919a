//! Medians, quartiles and intervals of medians.

use crate::record::Interval;

/// How often an interval should hold the median.
const COVERAGE: f64 = 0.95;

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

/// The median with the interval between two order statistics that holds the median of the
/// distribution in at least 95 of 100 cases, whatever the distribution, if draws are independent
/// (David and Nagaraja 2003, "Order Statistics", section 7.1). Of fewer than six values even the
/// least and the greatest do not reach that. `None` without values.
pub fn median_interval(values: &[f64]) -> Option<Interval> {
    let sorted = sorted(values);
    let estimate = quantile(&sorted, 0.5)?;
    let left_out = left_out(sorted.len());
    let high = sorted.len().checked_sub(left_out + 1)?;
    Some(Interval { low: *sorted.get(left_out)?, estimate, high: *sorted.get(high)? })
}

/// Values on each side of the interval that may be left out of it: the interval misses where so
/// many, or fewer, of `count` fall on one side of the median, each as by the toss of a coin.
#[expect(clippy::cast_precision_loss, reason = "a handful of values")]
fn left_out(count: usize) -> usize {
    let mut one = libm::pow(0.5, count as f64);
    let mut missed = 0.0;
    for fewer in 0..count / 2 {
        missed += 2.0 * one;
        if missed > 1.0 - COVERAGE {
            return fewer.saturating_sub(1);
        }
        one *= (count - fewer) as f64 / (fewer + 1) as f64;
    }
    (count / 2).saturating_sub(1)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    #[test]
    fn quantiles_lie_between_neighbours() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[1.0, 2.0, 3.0, 4.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(relative_spread(&[1.0, 2.0, 3.0, 4.0, 5.0]), Some(2.0 / 3.0));
    }

    #[test]
    fn the_interval_holds_the_truth_at_least_as_often_as_it_says() {
        // By the binomial distribution: 98.4 %, 96.1 %, 96.5 %.
        for (count, expected) in [(7, 0.984), (9, 0.961), (15, 0.965)] {
            let mut random = Random::new(8);
            let held = (0..4_000).filter(|_| {
                let values: Vec<f64> = (0..count).map(|_| random.exponential(1.0)).collect();
                let interval = median_interval(&values).unwrap();
                (interval.low..=interval.high).contains(&std::f64::consts::LN_2)
            });
            let share = held.count() as f64 / 4_000.0;
            assert!((share - expected).abs() < 0.01, "{count}: {share}");
        }
    }

    #[test]
    fn intervals_are_those_of_tables_of_the_sign_test() {
        assert_eq!([1, 5, 6, 8, 9, 12, 15].map(left_out), [0, 0, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn equal_values_have_no_spread() {
        let interval = median_interval(&[7.0; 9]).unwrap();
        assert_eq!((interval.low, interval.estimate, interval.high), (7.0, 7.0, 7.0));
        assert_eq!(median_interval(&[]), None);
    }
}
