//! From floating point to whole numbers, in one place.

/// The whole part; the nearest end of the range for what lies beyond it, 0 for what is no number.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "documented: `as` saturates")]
pub(super) const fn whole_u64(value: f64) -> u64 {
    value as u64
}

/// As [`whole_u64`], with a sign.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "documented: `as` saturates")]
pub(super) const fn whole_i64(value: f64) -> i64 {
    value as i64
}

/// As [`whole_u64`], for counts in memory.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "documented: `as` saturates")]
pub(super) const fn whole_usize(value: f64) -> usize {
    value as usize
}

/// Digits that figures of a run over time are kept with: it is one run, and drawing it takes three.
const DIGITS: usize = 4;

/// `value` to four significant digits, which are written short; what is no number stays so.
pub(super) fn short(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_kept_with_four_digits() {
        let values = [0.062_161_528_722, 6.455_220_170e-5, 2.500_000_8, 12_345.6, 0.0, -1.999_96];
        assert_eq!(values.map(short), [0.062_16, 6.455e-5, 2.5, 12_350.0, 0.0, -2.0]);
        assert!(short(f64::NAN).is_nan() && short(f64::INFINITY) == f64::INFINITY);
    }

    #[test]
    fn what_lies_beyond_is_the_nearest() {
        assert_eq!([-1.5, 0.9, 7.2, f64::NAN].map(whole_u64), [0, 0, 7, 0]);
        assert_eq!([-1.5, 1e30, f64::NEG_INFINITY].map(whole_i64), [-1, i64::MAX, i64::MIN]);
        assert_eq!([3.99, f64::INFINITY].map(whole_usize), [3, usize::MAX]);
    }
}
