//! Numbers as they stand in sentences: thousands separated, units named, never NaN.

/// What stands for a number that is none.
const UNKNOWN: &str = "–";

/// Milliseconds in a second, a minute, an hour.
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// Rates below this show one decimal, so that 0.4 does not read as 0.
const SMALL_RATE: f64 = 10.0;

/// A whole number: `13,212`.
pub(super) fn count(value: u64) -> String {
    separated(&value.to_string())
}

/// A rate in packets per second: `13,212`, below ten `0.4`.
pub(super) fn rate(packets_per_second: f64) -> String {
    if !packets_per_second.is_finite() {
        return UNKNOWN.to_owned();
    }
    let rounded = packets_per_second.round();
    // A limit must not be printed as reached when it is not: 4,999.9 is not 5,000.
    let near_limit = rounded % 1_000.0 == 0.0 && rounded != packets_per_second;
    let text = if near_limit {
        format!("{packets_per_second:.3}")
    } else if packets_per_second < SMALL_RATE {
        format!("{packets_per_second:.1}")
    } else {
        format!("{packets_per_second:.0}")
    };
    trimmed(&separated(&text))
}

/// An amount with two decimals: `5.57`.
pub(super) fn amount(value: f64) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = separated(&format!("{value:.2}"));
    // A shortage that rounds to nothing is still one.
    match text.as_str() {
        "0.00" if value > 0.0 => "less than 0.01".to_owned(),
        "-0.00" => "0.00".to_owned(),
        _ => text,
    }
}

/// Memory with the one decimal that the table needs, two where there are more: `9.0`, `7.88`.
pub(super) fn memory(gigabytes: f64) -> String {
    if ((gigabytes * 10.0).round() / 10.0 - gigabytes).abs() < 1e-9 {
        separated(&format!("{gigabytes:.1}"))
    } else {
        amount(gigabytes)
    }
}

/// A number without needless decimals: `3`, `2.5`.
pub(super) fn plain(value: f64) -> String {
    if value.is_finite() { trimmed(&separated(&format!("{value:.2}"))) } else { UNKNOWN.to_owned() }
}

/// A share in percent: `0.07 %`.
pub(super) fn percent(part: u64, all: u64) -> String {
    let share = if all == 0 { 0.0 } else { part as f64 * 100.0 / all as f64 };
    format!("{} %", plain_small(share))
}

/// A length of time: `12.3 s`, `7 min 30 s`, `23 h 59 min`.
pub(super) fn span(milliseconds: u64) -> String {
    match milliseconds {
        ..MINUTE_MS => format!("{} s", plain_small(milliseconds as f64 / SECOND_MS as f64)),
        MINUTE_MS..HOUR_MS => two(milliseconds, MINUTE_MS, "min", SECOND_MS, "s"),
        _ => two(milliseconds, HOUR_MS, "h", MINUTE_MS, "min"),
    }
}

/// `1 core`, `2 cores`.
pub(super) fn cores(value: f64) -> String {
    // Exact: amounts to add are whole.
    if value == 1.0 { "1 core".to_owned() } else { format!("{} cores", plain(value)) }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn plain_small(value: f64) -> String {
    trimmed(&separated(&format!("{value:.2}")))
}

fn two(ms: u64, large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    let rest = ms % large / small;
    if rest == 0 {
        format!("{} {large_unit}", count(ms / large))
    } else {
        format!("{} {large_unit} {rest} {small_unit}", count(ms / large))
    }
}

/// Puts commas between thousands of a decimal number.
fn separated(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut out = String::with_capacity(text.len() + text.len() / 3 + 1);
    out.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Without zeros at the end of the fraction.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_the_same_everywhere() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (13_212, "13,212"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(value), text);
        }
        for (value, text) in [
            (13_212.4, "13,212"),
            (0.4, "0.4"),
            (0.0, "0"),
            (9.96, "10"),
            (1_000.0, "1,000"),
            (f64::NAN, "–"),
            (f64::INFINITY, "–"),
        ] {
            assert_eq!(rate(value), text);
        }
    }

    #[test]
    fn a_rate_just_below_a_limit_is_not_printed_as_the_limit() {
        assert_eq!(rate(4_999.9), "4,999.9");
        assert_eq!(rate(4_999.999), "4,999.999");
        assert_eq!(rate(100_000.2), "100,000.2");
        assert_eq!(rate(5_000.0), "5,000");
    }

    #[test]
    fn amounts_keep_their_decimals() {
        assert_eq!(amount(5.567), "5.57");
        assert_eq!(amount(1_234.5), "1,234.50");
        assert_eq!(amount(0.001), "less than 0.01");
        assert_eq!(amount(-0.001), "0.00");
        assert_eq!(memory(9.0), "9.0");
        assert_eq!(memory(7.875), "7.88");
        assert_eq!(plain(3.0), "3");
        assert_eq!(plain(2.5), "2.5");
        assert_eq!(cores(1.0), "1 core");
        assert_eq!(cores(0.25), "0.25 cores");
        assert_eq!(percent(12, 17_280), "0.07 %");
        assert_eq!(percent(1, 0), "0 %");
    }

    #[test]
    fn spans_name_their_units() {
        for (ms, text) in [
            (0, "0 s"),
            (12_300, "12.3 s"),
            (450_000, "7 min 30 s"),
            (900_000, "15 min"),
            (86_340_000, "23 h 59 min"),
            (86_400_000, "24 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }

    #[test]
    fn lists_read_as_a_sentence() {
        let parts = ["a".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(list(&parts), "a, b and c");
        assert_eq!(list(&parts[..2]), "a and b");
        assert_eq!(list(&parts[..1]), "a");
        assert_eq!(list(&[]), "");
    }
}
