//! Lengths of time and moments as people type them.

use anyhow::{Context, bail};
use jiff::civil::{DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::base::Timestamp;

/// Nanoseconds of the units that can be typed.
const UNITS: [(char, i64); 4] =
    [('s', 1_000_000_000), ('m', 60_000_000_000), ('h', 3_600_000_000_000), ('d', DAY_NS)];
const DAY_NS: i64 = 86_400_000_000_000;
/// Longest span: a year and a day.
const DAYS_MAX: i64 = 366;

/// `90s`, `15m`, `24h`, `7d`, or several of them behind each other, `1h30m`; in nanoseconds.
///
/// # Errors
/// What is wrong, and what to write.
pub fn duration(text: &str) -> anyhow::Result<i64> {
    let wrong =
        || format!("'{}' is no length of time; write e.g. 15m, 24h or 1d12h", text.escape_debug());
    let mut rest = text.trim();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).with_context(wrong)?;
        let (number, behind) = rest.split_at(digits);
        let mut behind = behind.chars();
        let unit = behind.next().with_context(wrong)?;
        let (_, nanos) = UNITS.iter().find(|(letter, _)| *letter == unit).with_context(wrong)?;
        let number: i64 = number.parse().ok().with_context(wrong)?;
        let part = number.checked_mul(*nanos).with_context(wrong)?;
        total = total.checked_add(part).with_context(wrong)?;
        rest = behind.as_str();
    }
    if total == 0 || total > DAYS_MAX * DAY_NS {
        bail!("{}; more than nothing and at most {DAYS_MAX} days", wrong());
    }
    Ok(total)
}

/// A length of time as it can be typed: `1d12h`, `90m` as `1h30m`.
pub fn words(nanos: i64) -> String {
    let mut rest = nanos;
    let mut text = String::new();
    for (unit, length) in UNITS.iter().rev() {
        if rest / length > 0 {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    text
}

/// The same of seconds.
#[expect(
    clippy::cast_possible_truncation,
    reason = "it saturates, and nobody reads so long a span"
)]
pub fn words_of_seconds(seconds: f64) -> String {
    words((seconds * 1e9) as i64)
}

/// A moment: RFC 3339 with an offset, or a date with or without a time in `zone`. Of a time that
/// comes twice, because clocks are put back, it is the first; a day whose midnight is left out
/// begins behind it.
///
/// # Errors
/// What is wrong, and what to write; also a time that clocks leave out.
pub fn moment(text: &str, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let local: DateTime = text.parse().ok().with_context(|| {
        format!(
            "'{}' is no time; write e.g. 2026-01-12, 2026-01-12T08:00 (local time of the domain \
             controller) or 2026-01-12T07:00:00Z",
            text.escape_debug()
        )
    })?;
    let placed = zone.to_ambiguous_zoned(local);
    let is_left_out =
        matches!(placed.offset(), AmbiguousOffset::Gap { .. }) && local.time() != Time::midnight();
    let time = placed.compatible().with_context(|| format!("place {text} in time"))?;
    if is_left_out {
        bail!(
            "'{text}' is no time there: clocks are put forward over it; write e.g. {}",
            time.datetime()
        );
    }
    let nanos = i64::try_from(time.timestamp().as_nanosecond());
    Ok(Timestamp::from_nanos(nanos.with_context(|| format!("{text} is too far away"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        assert_eq!(duration("90s").unwrap(), 90_000_000_000);
        assert_eq!(duration("1d12h").unwrap(), 36 * 3_600_000_000_000);
        for wrong in ["", "0h", "24", "h", "-1h", "1w", "99999999999999999999s", "367d", "1h 2m x"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn lengths_are_told_as_they_are_typed() {
        for text in ["90s", "2h", "1d12h", "45m"] {
            assert_eq!(duration(&words(duration(text).unwrap())).unwrap(), duration(text).unwrap());
        }
        assert_eq!(words(duration("90m").unwrap()), "1h30m");
    }

    #[test]
    fn a_moment_is_local_unless_it_says_otherwise() {
        let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").unwrap();
        let text = |text| moment(text, &zone).unwrap().to_string();
        assert_eq!(text("2026-01-12"), "2026-01-11T23:00:00Z");
        assert_eq!(text("2026-07-12T08:00"), "2026-07-12T06:00:00Z");
        assert_eq!(text("2026-07-12T08:00:00Z"), "2026-07-12T08:00:00Z");
        assert!(moment("soon", &zone).is_err());
        // Clocks go from 02:00 to 03:00 on one day, and from 03:00 to 02:00 on another.
        let error = moment("2026-03-29T02:30", &zone).unwrap_err().to_string();
        assert!(error.ends_with("put forward over it; write e.g. 2026-03-29T03:30:00"), "{error}");
        assert_eq!(text("2026-03-29T03:00"), "2026-03-29T01:00:00Z");
        assert_eq!(text("2026-10-25T02:30"), "2026-10-25T00:30:00Z");
        let beirut = jiff::tz::TimeZoneDatabase::bundled().get("Asia/Beirut").unwrap();
        let midnight = moment("2026-03-29", &beirut).unwrap().to_string();
        assert_eq!(midnight, "2026-03-28T22:00:00Z");
    }
}
