//! Which hours a capture covers, and which of them are working hours.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::base::Timestamp;
use crate::estate::{DAY_WEIGHTS, HOUR_WEIGHTS};

/// First and last full hour of work, local time, Monday to Friday: between them the calibrations'
/// offices are all there. Theirs arrive until 11:00 and begin to leave nine hours after the first
/// came, most of them after 16:00.
pub const WORK_STARTS: usize = 10;
/// See [`WORK_STARTS`].
pub const WORK_ENDS: usize = 16;

const NS_PER_MINUTE: i64 = 60_000_000_000;
/// Nanoseconds in an hour.
pub const NS_PER_HOUR: f64 = 3.6e12;
/// Longest capture whose hours are looked at one by one, in minutes: 31 days.
const MINUTES_MAX: i64 = 31 * 1_440;

/// Mean of [`HOUR_WEIGHTS`] in [`WORKING_HOURS`](crate::estate::WORKING_HOURS): rates "in use" are
/// means of these. A capture of some hours cannot tell the others, so that its rates are put in
/// relation to the weights that a synthesized day has.
const WORKING_MEAN: f64 = 0.8;

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
    /// The same, each weighted with what a person who is there does, 1 being the mean of a day.
    pub person: f64,
    /// All hours, each weighted with what the whole of a site does, 1 being its busiest.
    pub site: f64,
    /// The quarter of an hour that was asked for last, and whether it is one of work. All time
    /// zones are whole quarters from UTC.
    known: (i64, bool),
}

impl Hours {
    /// Hours from `first` to `last`; `None` where there is no such time zone.
    pub fn new(first: Timestamp, last: Timestamp, zone_name: &str) -> Option<Self> {
        let zone = TimeZoneDatabase::bundled().get(zone_name).ok()?;
        let zone_name = zone_name.to_owned();
        let (core, person, site) = (0.0, 0.0, 0.0);
        let known = (i64::MIN, false);
        let mut hours = Self { first, last, zone, zone_name, core, person, site, known };
        let end = last.nanos();
        let mut minute = first.nanos();
        for _ in 0..MINUTES_MAX {
            if minute >= end {
                break;
            }
            let next =
                (minute.div_euclid(NS_PER_MINUTE) + 1).saturating_mul(NS_PER_MINUTE).min(end);
            hours.add(Timestamp::from_nanos(minute), next.saturating_sub(minute));
            minute = next;
        }
        Some(hours)
    }

    fn add(&mut self, time: Timestamp, nanos: i64) {
        let Some((weekday, hour)) = self.local(time) else { return };
        let length = nanos as f64 / NS_PER_HOUR;
        let weight = HOUR_WEIGHTS.get(hour).copied().unwrap_or_default();
        self.site += length * weight * DAY_WEIGHTS.get(weekday).copied().unwrap_or_default();
        if is_work(weekday, hour) {
            self.core += length;
            self.person += length * weight / WORKING_MEAN;
        }
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

    fn is_work(&self, time: Timestamp) -> bool {
        self.local(time).is_some_and(|(weekday, hour)| is_work(weekday, hour))
    }

    /// Day of the week, Monday being 0, and hour of the day.
    fn local(&self, time: Timestamp) -> Option<(usize, usize)> {
        let instant = jiff::Timestamp::from_nanosecond(time.nanos().into()).ok()?;
        let local = instant.to_zoned(self.zone.clone());
        let weekday = usize::try_from(local.weekday().to_monday_zero_offset()).ok()?;
        Some((weekday, usize::try_from(local.hour()).ok()?))
    }
}

const fn is_work(weekday: usize, hour: usize) -> bool {
    weekday < 5 && WORK_STARTS <= hour && hour < WORK_ENDS
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
    fn weights_are_means_of_a_day_and_shares_of_the_peak() {
        let mean = HOUR_WEIGHTS[crate::estate::WORKING_HOURS].iter().sum::<f64>() / 9.0;
        assert!((mean - WORKING_MEAN).abs() < 1e-12, "{mean}");
        let at = |hour: i64| Timestamp::from_parts(MONDAY + hour * 3_600, 0);
        let hours = Hours::new(at(11), at(13), "UTC").unwrap();
        assert!((hours.person - (0.82 + 0.62) / 0.8).abs() < 1e-9, "{hours:?}");
        assert!((hours.site - (0.82 + 0.62)).abs() < 1e-9, "{hours:?}");
    }

    #[test]
    fn working_hours_are_those_of_the_clients_clocks() {
        for (from, to, zone, expected) in [
            (0.0, 24.0, "UTC", 6.0),
            (9.0, 10.5, "UTC", 0.5),
            (9.0, 10.5, "Europe/Berlin", 1.5),
            (0.0, 24.0 * 7.0, "Asia/Kolkata", 30.0),
            (24.0 * 5.0, 24.0 * 7.0, "UTC", 0.0),
        ] {
            assert!((core(from, to, zone) - expected).abs() < 1e-9, "{from} {to} {zone}");
        }
    }
}
