//! Time is data: nanoseconds from the capture, never from a clock.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time: nanoseconds since 1970-01-01T00:00:00 UTC, from 1677 to 2262.
///
/// Prints and serialises as RFC 3339 in UTC with the digits it needs (none, 3, 6 or 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// From whole seconds and a fraction in nanoseconds; saturates instead of wrapping.
    pub const fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// `self - earlier` in nanoseconds, negative when `earlier` is later; saturates.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time moved by `nanos`; saturates.
    pub const fn plus_nanos(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Every i64 of nanoseconds lies inside jiff's range of years.
        let time = jiff::Timestamp::from_nanosecond(i128::from(self.0)).map_err(|_| fmt::Error)?;
        let civil = jiff::tz::Offset::UTC.to_datetime(time);
        let nanos = self.0.rem_euclid(1_000_000_000);
        match nanos {
            0 => write!(f, "{civil:.0}Z"),
            n if n % 1_000_000 == 0 => write!(f, "{civil:.3}Z"),
            n if n % 1_000 == 0 => write!(f, "{civil:.6}Z"),
            _ => write!(f, "{civil:.9}Z"),
        }
    }
}

impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nanos = text.parse::<jiff::Timestamp>()?.as_nanosecond();
        // Beyond 2262 there is no i64 of nanoseconds; the nearest is told apart by no user.
        Ok(Self(i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_only_the_digits_it_needs() {
        let second = Timestamp::from_parts(1_763_712_000, 0);
        assert_eq!(second.to_string(), "2025-11-21T08:00:00Z");
        assert_eq!(second.plus_nanos(5_000_000).to_string(), "2025-11-21T08:00:00.005Z");
        assert_eq!(second.plus_nanos(5_000).to_string(), "2025-11-21T08:00:00.000005Z");
        assert_eq!(second.plus_nanos(5).to_string(), "2025-11-21T08:00:00.000000005Z");
    }

    #[test]
    fn reads_back_what_it_prints() {
        for nanos in [0, 1, -1, i64::MAX, i64::MIN, 1_363_900_699_548_138_000] {
            let time = Timestamp::from_nanos(nanos);
            assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }
}
