//! Which hours a capture covers, and which of them are working hours.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::base::Timestamp;

/// First and last full hour of work, local time, Monday to Friday: between them the calibrations'
/// offices are all there. Theirs arrive until 11:00 and begin to leave nine hours after the first
/// came, most of them after 16:00.
pub const WORK_STARTS: i8 = 10;
/// See [`WORK_STARTS`].
pub const WORK_ENDS: i8 = 16;

const NS_PER_MINUTE: i64 = 60_000_000_000;
/// Nanoseconds in an hour.
pub const NS_PER_HOUR: f64 = 3.6e12;
/// Longest capture whose hours are looked at one by one, in minutes: 31 days.
const MINUTES_MAX: i64 = 31 * 1_440;

/// The hours of a capture.
#[derive(Debug, Clone)]
pub struct Hours {
    /// First frame.
    pub first: Timestamp,
    /// Last frame.
    pub last: Timestamp,
    /// Time zone of the clients.
    zone: TimeZone,
    /// Its name.
    pub zone_name: String,
    /// Hours covered that are working hours.
    pub core: f64,
    /// The quarter of an hour that was asked for last, and whether it is one of work. All time
    /// zones are whole quarters from UTC.
    known: (i64, bool),
}

impl Hours {
    /// Hours from `first` to `last`; `None` where there is no such time zone.
    pub fn new(first: Timestamp, last: Timestamp, zone_name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(zone_name).ok()?;
        let mut hours = Self {
            first,
            last,
            zone,
            zone_name: zone_name.to_owned(),
            core: 0.0,
            known: (i64::MIN, false),
        };
        let mut core = 0.0;
        let end = last.nanos();
        let mut minute = first.nanos();
        for _ in 0..MINUTES_MAX {
            if minute >= end {
                break;
            }
            let next =
                (minute.div_euclid(NS_PER_MINUTE) + 1).saturating_mul(NS_PER_MINUTE).min(end);
            if hours.is_core(Timestamp::from_nanos(minute)) {
                core += next.saturating_sub(minute) as f64;
            }
            minute = next;
        }
        hours.core = core / NS_PER_HOUR;
        Some(hours)
    }

    /// All hours covered.
    pub fn all(&self) -> f64 {
        self.last.nanos().saturating_sub(self.first.nanos()) as f64 / NS_PER_HOUR
    }

    /// Whether a time is in working hours.
    pub fn is_core(&mut self, time: Timestamp) -> bool {
        let quarter = time.nanos().div_euclid(15 * NS_PER_MINUTE);
        if self.known.0 != quarter {
            self.known = (quarter, self.is_work(time));
        }
        self.known.1
    }

    /// Whether the time that was asked for last is.
    pub fn is_now_core(&self) -> bool {
        self.known.1
    }

    fn is_work(&self, time: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_nanosecond(time.nanos().into()) else {
            return false;
        };
        let local = instant.to_zoned(self.zone.clone());
        let is_weekday = local.weekday().to_monday_zero_offset() < 5;
        is_weekday && (WORK_STARTS..WORK_ENDS).contains(&local.hour())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 2026-01-12 00:00 UTC.
    const MONDAY: i64 = 1_768_176_000;

    fn core(from_hour: f64, to_hour: f64, zone: &str) -> f64 {
        #[expect(clippy::cast_possible_truncation, reason = "days")]
        let at = |hour: f64| Timestamp::from_nanos(((MONDAY as f64 + hour * 3_600.0) * 1e9) as i64);
        Hours::new(at(from_hour), at(to_hour), zone).unwrap().core
    }

    #[test]
    fn working_hours_are_those_of_the_clients_clocks() {
        assert_eq!(core(0.0, 24.0, "UTC"), 6.0);
        assert_eq!(core(9.0, 10.5, "UTC"), 0.5);
        assert_eq!(core(9.0, 10.5, "Europe/Berlin"), 1.5);
        assert_eq!(core(0.0, 24.0 * 7.0, "Asia/Kolkata"), 30.0);
        assert_eq!(core(24.0 * 5.0, 24.0 * 7.0, "UTC"), 0.0);
    }
}
