//! Local time: a time zone as the few changes of its offset around the span, the hours of the
//! day and the days of the week.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::estate::{DAY_WEIGHTS, HOUR_WEIGHTS, Site, WORKING_HOURS};

/// One hour, in nanoseconds.
pub const HOUR_NS: i64 = 3_600_000_000_000;
/// One day of 24 hours, in nanoseconds.
pub const DAY_NS: i64 = 24 * HOUR_NS;
/// One minute, in nanoseconds.
pub const MINUTE_NS: f64 = 6e10;
/// One second, in nanoseconds.
pub const SECOND_NS: i64 = 1_000_000_000;

/// Most changes of offset that are looked up; no zone has more than four a year.
const CHANGES_MAX: usize = 1_000;

/// The backup window of servers, local hours. Assumed; Microsoft's page shows spikes before 04:00.
const BACKUP_HOURS: std::ops::Range<usize> = 0..4;

/// A time zone near the span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// From when which offset holds, both in nanoseconds, in order; the first from ever.
    offsets: Vec<(i64, i64)>,
}

impl Clock {
    /// The clock of a site for the days around `start` to `end`.
    pub fn new(site: &Site, start: i64, end: i64) -> Self {
        let zone = site.zone().unwrap_or(TimeZone::UTC);
        let margin = 32 * DAY_NS;
        let (from, until) = (start.saturating_sub(margin), end.saturating_add(margin));
        let first = Timestamp::from_nanosecond(from.into()).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut offsets = vec![(i64::MIN, i64::from(zone.to_offset(first).seconds()) * SECOND_NS)];
        for change in zone.following(first).take(CHANGES_MAX) {
            let at = i64::try_from(change.timestamp().as_nanosecond()).unwrap_or(i64::MAX);
            if at > until {
                break;
            }
            offsets.push((at, i64::from(change.offset().seconds()) * SECOND_NS));
        }
        Self { offsets }
    }

    /// What the clock on the wall shows, in nanoseconds since 1970 began there.
    #[inline]
    pub fn local(&self, time: i64) -> i64 {
        let current = self.offsets.iter().rev().find(|(from, _)| *from <= time);
        time.saturating_add(current.map_or(0, |(_, offset)| *offset))
    }

    /// When the clock on the wall first shows `local` or, where it skips that, goes past it.
    pub fn time(&self, local: i64) -> i64 {
        let mut starts = self.offsets.iter().skip(1).map(|(from, _)| *from);
        for (from, offset) in &self.offsets {
            let time = local.saturating_sub(*offset).max(*from);
            if time < starts.next().unwrap_or(i64::MAX) {
                return time;
            }
        }
        local
    }

    /// Days since 1970 there.
    pub fn day(&self, time: i64) -> i64 {
        self.local(time).div_euclid(DAY_NS)
    }

    /// When the next hour begins on the wall.
    #[inline]
    pub fn next_hour(&self, time: i64) -> i64 {
        time.saturating_add(HOUR_NS - self.local(time).rem_euclid(HOUR_NS))
    }

    /// Hour of the day and day of the week, Monday being 0.
    #[inline]
    fn hour(&self, time: i64) -> (usize, usize) {
        let local = self.local(time);
        let hour = usize::try_from(local.rem_euclid(DAY_NS) / HOUR_NS).unwrap_or(0);
        (hour, weekday(local.div_euclid(DAY_NS)))
    }

    /// How much the whole of a site does, its busiest hour of its busiest day being 1.
    #[inline]
    pub fn site_weight(&self, time: i64) -> f64 {
        let (hour, weekday) = self.hour(time);
        at(&HOUR_WEIGHTS, hour) * at(&DAY_WEIGHTS, weekday)
    }

    /// How much somebody who is there does, the mean of the working hours being 1.
    ///
    /// Outside them a site does less because its people leave; who is there then works as in the
    /// quietest of the working hours.
    #[inline]
    pub fn person_weight(&self, time: i64) -> f64 {
        at(&PERSON, self.hour(time).0)
    }

    /// How much a server does: `factor` times as much while it is backed up.
    #[inline]
    pub fn server_weight(&self, time: i64, factor: f64) -> f64 {
        if BACKUP_HOURS.contains(&self.hour(time).0) { factor } else { 1.0 }
    }
}

/// Whole nanoseconds; the most or least there are where there are more.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
pub const fn nanos(nanoseconds: f64) -> i64 {
    nanoseconds as i64
}

/// Day of the week of a day since 1970, Monday being 0; 1970 began on a Thursday.
pub fn weekday(day: i64) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

/// Whether the day before is the second Tuesday of its month, when Microsoft publishes updates.
pub fn follows_patch_day(day: i64) -> bool {
    let Ok(days) = i32::try_from(day - 1) else { return false };
    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(days));
    date.is_ok_and(|date| (8..=14).contains(&date.day()) && weekday(day - 1) == 1)
}

/// Weights of somebody who is there, per hour of the day.
const PERSON: [f64; 24] = {
    let (mut sum, mut least) = (0.0, 1.0);
    let mut hour = WORKING_HOURS.start;
    while hour < WORKING_HOURS.end {
        sum += at(&HOUR_WEIGHTS, hour);
        if at(&HOUR_WEIGHTS, hour) < least {
            least = at(&HOUR_WEIGHTS, hour);
        }
        hour += 1;
    }
    let mean = sum / (WORKING_HOURS.end - WORKING_HOURS.start) as f64;
    let mut weights = HOUR_WEIGHTS;
    let mut rest: &mut [f64] = &mut weights;
    let mut hour = 0;
    while let Some((weight, others)) = rest.split_first_mut() {
        let works = hour >= WORKING_HOURS.start && hour < WORKING_HOURS.end;
        *weight = if works { *weight / mean } else { least / mean };
        rest = others;
        hour += 1;
    }
    weights
};

/// The weight at that index, 0 beyond.
const fn at<const N: usize>(weights: &[f64; N], index: usize) -> f64 {
    let (_, rest) = weights.split_at(if index < N { index } else { N });
    match rest.first() {
        Some(weight) => *weight,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(zone: &str, date: &str) -> Clock {
        let start: Timestamp = date.parse().unwrap();
        let start = i64::try_from(start.as_nanosecond()).unwrap();
        let site = Site {
            name: String::new(),
            time_zone: zone.to_owned(),
            subnet: crate::estate::Subnet {
                network: std::net::Ipv4Addr::UNSPECIFIED.into(),
                prefix_bits: 8,
            },
            subnet6: None,
            vlan: None,
            round_trip_ms: 0.0,
            served_by: 0,
        };
        Clock::new(&site, start, start + DAY_NS)
    }

    fn nanos(text: &str) -> i64 {
        i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap()
    }

    #[test]
    fn clocks_agree_with_the_database_of_time_zones_on_any_hour_of_a_year() {
        for zone in ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"] {
            let clock = clock(zone, "2026-04-01T00:00:00Z");
            let expected = TimeZone::get(zone).unwrap();
            // A month to either side is known.
            for hour in -600..600 {
                let time = nanos("2026-04-01T00:30:00Z") + hour * HOUR_NS;
                let stamp = Timestamp::from_nanosecond(time.into()).unwrap();
                let offset = i64::from(expected.to_offset(stamp).seconds()) * SECOND_NS;
                assert_eq!(clock.local(time), time + offset, "{zone} {stamp}");
            }
        }
    }

    #[test]
    fn a_skipped_hour_is_passed_and_a_doubled_one_is_taken_first() {
        let spring = clock("Europe/Berlin", "2026-03-29T00:00:00Z");
        let wall = |text: &str| nanos(text);
        assert_eq!(spring.time(wall("2026-03-29T01:30:00Z")), nanos("2026-03-29T00:30:00Z"));
        // 02:00 to 03:00 is skipped.
        assert_eq!(spring.time(wall("2026-03-29T02:30:00Z")), nanos("2026-03-29T01:00:00Z"));
        assert_eq!(spring.time(wall("2026-03-29T08:20:00Z")), nanos("2026-03-29T06:20:00Z"));
        let autumn = clock("Europe/Berlin", "2026-10-25T00:00:00Z");
        assert_eq!(autumn.time(wall("2026-10-25T02:30:00Z")), nanos("2026-10-25T00:30:00Z"));
        assert_eq!(autumn.time(wall("2026-10-25T08:20:00Z")), nanos("2026-10-25T07:20:00Z"));
    }

    #[test]
    fn weights_are_means_of_working_hours_and_peaks_of_a_week() {
        let mean = PERSON[8..17].iter().sum::<f64>() / 9.0;
        assert!((mean - 1.0).abs() < 1e-12, "{mean}");
        let least = PERSON.iter().copied().fold(9.0, f64::min);
        assert_eq!((PERSON[3], PERSON[12]), (least, least));
        let clock = clock("UTC", "2026-01-12T00:00:00Z");
        assert!((clock.site_weight(nanos("2026-01-12T08:30:00Z")) - 1.0).abs() < 1e-12);
        assert!((clock.site_weight(nanos("2026-01-18T03:30:00Z")) - 0.04 * 0.043).abs() < 1e-12);
    }

    #[test]
    fn updates_come_on_second_tuesdays() {
        let day = |text: &str| nanos(text).div_euclid(DAY_NS);
        let wednesdays: Vec<i64> = (day("2026-01-01T00:00:00Z")..day("2026-04-01T00:00:00Z"))
            .filter(|day| follows_patch_day(*day))
            .collect();
        let expected = ["2026-01-14T00:00:00Z", "2026-02-11T00:00:00Z", "2026-03-11T00:00:00Z"];
        assert_eq!(wednesdays, expected.map(day));
    }
}
