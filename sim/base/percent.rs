//! Shares as percent, with every digit that matters.

/// Percent below which the places before the first digit are too many to read.
const LEAST_PLAIN: f64 = 1e-12;

/// A finite share of one in percent without the sign `%`: six places, more where it is smaller,
/// and none that are nought at the end.
pub fn percent_in_full(share: f64) -> String {
    let percent = share * 100.0;
    let size = percent.abs();
    if size > 0.0 && size < LEAST_PLAIN {
        return format!("{percent:.0e}");
    }
    // Ten times smaller is one place more: three digits are left of what is small.
    let places = (6..=14).find(|places| size * libm::pow(10.0, f64::from(*places)) >= 99.5);
    let places = if size == 0.0 { 0 } else { places.unwrap_or(14) as usize };
    let text = format!("{percent:.places$}");
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::percent_in_full;

    #[test]
    fn what_is_not_nothing_is_not_shown_as_nothing() {
        for (share, expected) in [
            (0.0, "0"),
            (0.005, "0.5"),
            (0.0025, "0.25"),
            (0.1, "10"),
            (0.999_999, "99.9999"),
            (0.000_01, "0.001"),
            (1e-9, "0.0000001"),
            (1.25e-9, "0.000000125"),
            (1e-13, "0.00000000001"),
            (3e-300, "3e-298"),
        ] {
            assert_eq!(percent_in_full(share), expected);
        }
    }
}
