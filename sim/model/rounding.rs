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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_is_the_nearest() {
        assert_eq!([-1.5, 0.9, 7.2, f64::NAN].map(whole_u64), [0, 0, 7, 0]);
        assert_eq!([-1.5, 1e30, f64::NEG_INFINITY].map(whole_i64), [-1, i64::MAX, i64::MIN]);
        assert_eq!([3.99, f64::INFINITY].map(whole_usize), [3, usize::MAX]);
    }
}
