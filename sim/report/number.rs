//! Numbers and times as people read them. Unknown, and anything that is no finite number, is `–`.

use crate::base::Timestamp;

/// What stands where nothing is known.
pub const UNKNOWN: &str = "–";

/// `1234567` as `1,234,567`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `value` with `decimals` places and grouped thousands.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return UNKNOWN.to_string();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let sign = if value < 0.0 && !zero { "−" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", grouped(whole))
}

/// A rate: whole numbers from 100, fewer digits the larger it is.
pub fn rate(value: f64) -> String {
    let size = value.abs();
    let decimals = if size == 0.0 || size >= 99.95 { 0 } else { 1 + usize::from(size < 9.995) };
    fixed(value, decimals)
}

/// [`rate`], or `–`.
pub fn optional_rate(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_string(), rate)
}

/// An amount of a resource, at most two decimals and no trailing zeros: `2.5`, `0.25`, `9`.
pub fn amount(value: f64) -> String {
    let text = fixed(value, 2);
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        None => text,
    }
}

/// [`amount`] with its unit, `1 core` but `2 cores`, or `–`.
pub fn amount_of(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return UNKNOWN.to_string();
    };
    let unit = if value == 1.0 && unit == "cores" { "core" } else { unit };
    format!("{} {unit}", amount(value))
}

/// A share of one as percent; what is not nothing is never shown as `0.0 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.05 {
        "< 0.1 %".into()
    } else {
        format!("{} %", fixed(percent, 1))
    }
}

/// Bytes in decimal units.
pub fn bytes(value: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut scaled = value as f64;
    let mut unit = "bytes";
    for name in units {
        unit = name;
        if scaled < 999.5 || name == "EB" {
            break;
        }
        scaled /= 1000.0;
    }
    if unit == "bytes" {
        format!("{} {unit}", count(value))
    } else {
        format!("{} {unit}", amount_3(scaled))
    }
}

/// Three significant digits.
fn amount_3(value: f64) -> String {
    let decimals = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    fixed(value, decimals)
}

/// Date and time to the second, `2025-11-21 08:00:00Z`.
pub fn time(at: Timestamp) -> String {
    let (date, clock) = date_and_clock(at);
    format!("{date} {clock}Z")
}

/// [`time`], or `–`.
pub fn optional_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| UNKNOWN.to_string(), time)
}

/// Date `2025-11-21` and clock `08:00:00` in UTC.
pub fn date_and_clock(at: Timestamp) -> (String, String) {
    let text = at.to_string();
    let date = text.get(..10).unwrap_or_default().to_string();
    let clock = text.get(11..19).unwrap_or_default().to_string();
    (date, clock)
}

/// A span; the date is not repeated: `2025-11-21 08:00:00 – 08:15:00 UTC`.
pub fn span(start: Timestamp, end: Timestamp) -> String {
    let (start_date, start_clock) = date_and_clock(start);
    let (end_date, end_clock) = date_and_clock(end);
    if start_date == end_date {
        format!("{start_date} {start_clock} – {end_clock} UTC")
    } else {
        format!("{start_date} {start_clock} – {end_date} {end_clock} UTC")
    }
}

/// A length of time in its two largest units: `24 h`, `14 min 58 s`, `350 ms`.
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        let large = count(large);
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    match seconds {
        0 => format!("{ms} ms"),
        1..60 if !ms.is_multiple_of(1000) && seconds < 10 => {
            format!("{} s", amount(ms as f64 / 1000.0))
        }
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..172_800 => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        _ => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_never_nan() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(fixed(-1234.56, 1), "−1,234.6");
        assert_eq!(fixed(-0.01, 1), "0.0");
        assert_eq!(fixed(f64::NAN, 1), "–");
        assert_eq!(fixed(f64::INFINITY, 1), "–");
        assert_eq!(optional_rate(None), "–");
    }

    #[test]
    fn rates_show_three_digits_or_all_whole_ones() {
        assert_eq!(rate(16_275.4), "16,275");
        assert_eq!(rate(99.96), "100");
        assert_eq!(rate(42.25), "42.2");
        assert_eq!(rate(0.5), "0.50");
        assert_eq!(rate(0.0), "0");
    }

    #[test]
    fn amounts_have_no_needless_zeros() {
        assert_eq!(amount(2.50), "2.5");
        assert_eq!(amount(10.0), "10");
        assert_eq!(amount(0.25), "0.25");
        assert_eq!(amount_of(Some(1.0), "cores"), "1 core");
        assert_eq!(amount_of(Some(f64::NAN), "GB"), "–");
    }

    #[test]
    fn a_small_share_is_not_nothing() {
        assert_eq!(percent(0.0), "0.0 %");
        assert_eq!(percent(0.000_1), "< 0.1 %");
        assert_eq!(percent(0.621), "62.1 %");
    }

    #[test]
    fn bytes_use_decimal_units() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_440_000), "1.44 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }

    #[test]
    fn a_span_names_its_date_once() {
        let start = Timestamp::from_parts(1_763_712_000, 5);
        assert_eq!(
            span(start, start.plus_nanos(900_000_000_000)),
            "2025-11-21 08:00:00 – 08:15:00 UTC"
        );
        assert_eq!(time(start), "2025-11-21 08:00:00Z");
    }

    #[test]
    fn durations_use_two_units() {
        let cases = [
            (350, "350 ms"),
            (2_500, "2.5 s"),
            (5_000, "5 s"),
            (898_000, "14 min 58 s"),
            (86_400_000, "24 h"),
            (259_200_000, "3 d"),
            (u64::MAX, "213,503,982,334 d 14 h"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text);
        }
    }
}
