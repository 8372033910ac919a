//! Frames and bytes of activities, and bursts, against what was measured on public captures.

use headroom::base::Timestamp;
use headroom::synth::{Activity, Synth};

use super::play;

/// Frames and bytes both ways of an activity: added up from the messages and connections that
/// were measured on public captures of Windows clients and domain controllers.
const MEASURED: [(Activity, u32, f64, f64); 5] = [
    (Activity::Boot, 0, 433.0, 121_000.0),
    (Activity::Logon, 0, 351.0, 94_000.0),
    (Activity::GpoRefresh, 0, 206.0, 49_000.0),
    (Activity::Unlock, 0, 25.0, 7_000.0),
    (Activity::SmbSession, 2, 59.0, 12_400.0),
];
/// They are sums of single measurements: clients differ by as much.
const FACTOR: f64 = 1.4;

/// The least and the greatest busiest second and millisecond, in packets per second, of four public
/// captures taken at small domain controllers for 4 to 29 minutes (Security-Datasets: NEWYORK,
/// UTICA, empire_powerview_ldap; zerologon_test_win2016), and how far beyond them is near.
const BUSIEST_SECOND: [f64; 2] = [283.0, 774.0];
const BUSIEST_MILLISECOND: [f64; 2] = [12_000.0, 132_000.0];
const BURST_FACTOR: f64 = 1.5;

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn number(count: usize) -> f64 {
    count as f64
}

#[test]
fn activities_are_as_large_as_measured() {
    let mut wrong = String::new();
    for (activity, argument, frames, bytes) in MEASURED {
        // Members of the domain: the first twelve clients.
        let mut script = play::script(activity, 1..=12, 11);
        for (second, item) in (0i64..).zip(&mut script) {
            (item.argument, item.time) =
                (argument, play::START.plus_nanos(second * 90_000_000_000));
        }
        let options = play::options(3_600);
        let synth = Synth::perform(play::cast(play::SMALL, 11), &options, script.into_iter());
        let (made, _) = play::collect(synth.unwrap());
        let made_frames = number(made.0.len()) / 12.0;
        let made_bytes: usize = made.0.iter().map(|(_, bytes)| bytes.len()).sum();
        let made_bytes = number(made_bytes) / 12.0;
        let line = format!(
            "{}: {made_frames:.0} frames, {made_bytes:.0} bytes; measured {frames} and {bytes}\n",
            activity.name()
        );
        print!("{line}");
        let near = |made: f64, wanted: f64| made / wanted < FACTOR && wanted / made < FACTOR;
        if !near(made_frames, frames) || !near(made_bytes, bytes) {
            wrong.push_str(&line);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The most frames in any window of that length, on a grid, per second.
fn busiest(times: &[Timestamp], window_ns: i64) -> f64 {
    let mut bins = std::collections::BTreeMap::new();
    for time in times {
        *bins.entry(time.nanos().div_euclid(window_ns)).or_insert(0usize) += 1;
    }
    let most = bins.values().max().copied().unwrap_or(0);
    number(most) * 1e9 / number(usize::try_from(window_ns).unwrap())
}

#[test]
fn bursts_are_those_of_a_small_domain_controller() {
    // Half an hour of a few clients: the middle one of five.
    let runs = (1..=5).map(|seed| {
        let synth = Synth::start(play::cast(play::SMALL, seed), &play::stationary(1_800)).unwrap();
        let (made, _) = play::collect(synth);
        made.0.iter().map(|(time, _)| *time).collect::<Vec<Timestamp>>()
    });
    let runs: Vec<_> = runs.collect();
    for (window_ns, measured) in [(1_000_000_000, BUSIEST_SECOND), (1_000_000, BUSIEST_MILLISECOND)]
    {
        let [low, high] = measured;
        let mut busiest: Vec<f64> = runs.iter().map(|times| busiest(times, window_ns)).collect();
        busiest.sort_by(f64::total_cmp);
        let got = busiest[2];
        println!("{window_ns} ns: {got} packets/s, measured {low} to {high}");
        assert!(got > low / BURST_FACTOR && got < high * BURST_FACTOR, "{window_ns} ns: {got}");
    }
}
