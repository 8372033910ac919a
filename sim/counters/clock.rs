//! Times as logs write them, to nanoseconds since 1970 UTC.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// Times outside 1990-01-01 .. 2100-01-01 are misread, not measured.
const SANE_NANOS: std::ops::Range<i64> = 631_152_000 * SECOND..4_102_444_800 * SECOND;

/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;

/// `MM/DD/YYYY HH:MM:SS.mmm`, the one form that PDH writes in every locale.
pub(super) fn perfmon_local(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once(' ')?;
    let mut parts = date.split('/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 {
        return None;
    }
    let date = Date::new(number(year)?, number(month)?, number(day)?).ok()?;
    civil_nanos(date, time_of_day(time)?)
}

/// RFC 3339, `YYYY-MM-DD HH:MM:SS` (UTC), or seconds since 1970.
pub(super) fn plain_utc(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.contains('-') && text.contains(':') {
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return sane(i64::try_from(time.as_nanosecond()).ok()?);
        }
        let (date, time) = text.split_once([' ', 'T'])?;
        return civil_nanos(date.parse().ok()?, time_of_day(time)?);
    }
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let seconds = number::<i64>(whole)?.checked_mul(SECOND)?;
    sane(seconds.checked_add(fraction_nanos(fraction)?)?)
}

/// A time in a cell of the vendor's workbook: ISO, or month first as US English writes.
pub(super) fn workbook_text(text: &str) -> Option<i64> {
    plain_utc(text).or_else(|| {
        let text = text.trim();
        let (text, afternoon) = match text.rsplit_once(' ') {
            Some((rest, mark)) if mark.eq_ignore_ascii_case("AM") => (rest, Some(false)),
            Some((rest, mark)) if mark.eq_ignore_ascii_case("PM") => (rest, Some(true)),
            _ => (text, None),
        };
        let nanos = perfmon_local(text)?;
        let hour = nanos / (3600 * SECOND) % 24;
        let shift = match (afternoon, hour) {
            (Some(_), 0 | 13..) => return None,
            (Some(true), 1..=11) => 12,
            (Some(false), 12) => -12,
            _ => 0,
        };
        Some(nanos + shift * 3600 * SECOND)
    })
}

/// Days since 1899-12-30, as spreadsheets count.
pub(super) fn spreadsheet_serial(days: f64) -> Option<i64> {
    /// 1970-01-01 as such a day.
    const UNIX_EPOCH_DAYS: f64 = 25_569.0;
    // Spreadsheets keep milliseconds at best; the product is far inside i64 when sane.
    let millis = ((days - UNIX_EPOCH_DAYS) * 86_400_000.0).round();
    if !(0.0..4.2e12).contains(&millis) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounded and range checked above")]
    let millis = millis as i64;
    sane(millis * 1_000_000)
}

fn time_of_day(text: &str) -> Option<Time> {
    let mut parts = text.trim().split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    let seconds = parts.next().unwrap_or("0");
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, "0"));
    let nanos = i32::try_from(fraction_nanos(fraction)?).ok()?;
    Time::new(hour, minute, number(second)?, nanos).ok()
}

/// Digits after the point, cut at nanoseconds.
fn fraction_nanos(digits: &str) -> Option<i64> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut scale = SECOND;
    let mut nanos = 0;
    for digit in digits.bytes().take(9) {
        scale /= 10;
        nanos += i64::from(digit - b'0') * scale;
    }
    Some(nanos)
}

/// Digits only: no sign, no blank.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn civil_nanos(date: Date, time: Time) -> Option<i64> {
    let time = Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    sane(i64::try_from(time.as_nanosecond()).ok()?)
}

fn sane(nanos: i64) -> Option<i64> {
    SANE_NANOS.contains(&nanos).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EIGHT: i64 = 1_763_712_000 * SECOND; // 2025-11-21T08:00:00Z

    #[test]
    fn perfmon_times_are_month_first() {
        assert_eq!(perfmon_local("11/21/2025 08:00:00.000"), Some(EIGHT));
        assert_eq!(perfmon_local("11/21/2025 08:00:05.017"), Some(EIGHT + 5_017_000_000));
        for wrong in ["21/11/2025 08:00:00.000", "11/21/25 08:00", "11/21/2025", "", "24:00"] {
            assert_eq!(perfmon_local(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn plain_times_are_rfc_3339_or_utc_or_seconds() {
        for same in [
            "2025-11-21T08:00:00Z",
            "2025-11-21T09:00:00+01:00",
            "2025-11-21 08:00:00",
            "2025-11-21T08:00:00.000",
            "1763712000",
            "1763712000.0",
        ] {
            assert_eq!(plain_utc(same), Some(EIGHT), "{same}");
        }
        for wrong in ["1763712000000", "0", "-5", "2025-11-21", "8:00", "2125-01-01 00:00:00"] {
            assert_eq!(plain_utc(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn workbook_times_are_serials_or_us_english() {
        assert_eq!(spreadsheet_serial(45_982.0 + 8.0 / 24.0), Some(EIGHT));
        assert_eq!(spreadsheet_serial(f64::NAN), None);
        assert_eq!(workbook_text("11/21/2025 8:00:00 AM"), Some(EIGHT));
        assert_eq!(workbook_text("11/21/2025 8:00 PM"), Some(EIGHT + 12 * 3600 * SECOND));
        assert_eq!(workbook_text("11/21/2025 12:30 AM"), Some(EIGHT - 27_000 * SECOND));
        assert_eq!(workbook_text("11/21/2025 20:00 PM"), None);
    }
}
