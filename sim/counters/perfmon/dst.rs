//! Local times across the change to and from daylight saving time.
//!
//! The header gives the bias once, when the log starts. When the zone changes its clock, local
//! times jump by an hour while samples go on.

use super::clock::SECOND;
use super::told;

const HOUR: i64 = 3600 * SECOND;

/// Longest interval for which a jump of an hour can be told from a gap.
const INTERVAL_MAX: i64 = 10 * 60 * SECOND;

/// Undoes jumps of one hour in `local` times (nanoseconds, in file order): back where one row
/// is an hour less an interval before the row in front of it; forward where an hour is
/// missing exactly from full hour to full hour. Gives a sentence for each.
pub(super) fn undo_clock_changes(local: &mut [i64]) -> Vec<String> {
    let mut told_changes = Vec::new();
    let interval = median_step(local);
    if interval == 0 || interval > INTERVAL_MAX {
        return told_changes;
    }
    let mut shift = 0;
    let Some(&(mut previous)) = local.first() else { return told_changes };
    for time in local {
        let written = *time;
        let near_step = |step: i64| step > 0 && step <= interval.saturating_mul(3) / 2;
        if near_step(written - previous + HOUR) && shift <= 0 && written < previous {
            shift += HOUR;
            told_changes.push(sentence("back", previous, written));
        } else if near_step(written - previous - HOUR)
            && shift >= 0
            && is_full_hour_between(previous, interval)
        {
            shift -= HOUR;
            told_changes.push(sentence("forward", previous, written));
        }
        previous = written;
        *time = written.saturating_add(shift);
    }
    told_changes
}

fn sentence(direction: &str, before: i64, after: i64) -> String {
    let [before, after] = [before, after].map(|t| told(t).to_string().replace('Z', ""));
    format!(
        "local time jumps {direction} by one hour from {before} to {after}; taken for the change \
         of daylight saving time, later times were corrected"
    )
}

/// True where a full hour begins within one and a half intervals after `time`.
const fn is_full_hour_between(time: i64, interval: i64) -> bool {
    HOUR - time.rem_euclid(HOUR) <= interval.saturating_mul(3) / 2
}

/// Median of the positive steps.
fn median_step(times: &[i64]) -> i64 {
    let steps = times.windows(2).map(|pair| if let [a, b] = pair { b - a } else { 0 });
    let mut steps: Vec<i64> = steps.filter(|&step| step > 0).collect();
    steps.sort_unstable();
    steps.get(steps.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2025-10-26T00:00:00 as local time.
    const MIDNIGHT: i64 = 1_761_436_800 * SECOND;

    fn steady(count: i64) -> Vec<i64> {
        (0..count).map(|row| MIDNIGHT + 2 * HOUR + (row * 5 + 2) * SECOND).collect()
    }

    #[test]
    fn an_hour_twice_is_undone_and_told() {
        let mut local = steady(1440);
        local.iter_mut().skip(700).for_each(|time| *time -= HOUR);
        let changes = undo_clock_changes(&mut local);
        assert_eq!(local, steady(1440));
        assert_eq!(changes.len(), 1);
        assert!(changes[0].contains("jumps back"), "{changes:?}");
    }

    #[test]
    fn an_hour_left_out_is_undone_only_from_full_hour_to_full_hour() {
        // The row after 02:59:57 is written 04:00:02.
        let mut local = steady(1440);
        local.iter_mut().skip(720).for_each(|time| *time += HOUR);
        let changes = undo_clock_changes(&mut local);
        assert_eq!((local, changes.len()), (steady(1440), 1));
        let mut outage = steady(1440);
        outage.iter_mut().skip(700).for_each(|time| *time += HOUR);
        let before = outage.clone();
        assert_eq!(undo_clock_changes(&mut outage), Vec::<String>::new());
        assert_eq!(outage, before);
    }
}
