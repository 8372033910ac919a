//! What arguments ask of SMB and of VPN sessions, played and heard.

use headroom::synth::{Activity, Item, Synth};

use super::play;

/// In the person's name, and what is called: see the activities.
const PERSON: u32 = 1 << 16;
const WHAT: u32 = 1 << 20;
/// More than a session may be idle, in seconds.
const IDLE_SECONDS: i64 = 1_000;

/// Plays one client's doings, each so many seconds after the start; what differs, and what was told.
fn played(doings: &[(i64, Activity, u32)], seed: u64, most: Option<u16>) -> (String, play::Heard) {
    let items: Vec<Item> = doings
        .iter()
        .zip(1u64..)
        .map(|(&(seconds, activity, argument), variation)| Item {
            time: play::START.plus_nanos(seconds * 1_000_000_000),
            client: 3,
            activity,
            argument,
            variation: variation ^ seed,
        })
        .collect();
    let options = headroom::synth::Options { segment_bytes_max: most, ..play::options(3_600) };
    let synth = Synth::perform(play::cast(play::SMALL, seed), &options, items.into_iter()).unwrap();
    let (frames, truth) = play::collect(synth);
    let told = play::told(&truth);
    if let Ok(path) = std::env::var("SYNTH_PCAP") {
        super::round::write(&path, &frames);
    }
    (play::differences(&told, &play::hear(&frames)), told)
}

fn count(told: &play::Heard, what: &str) -> u64 {
    let lines = told.activities.iter().filter(|(line, _)| line.contains(what));
    lines.map(|(_, count)| count).sum()
}

#[test]
fn calls_are_those_that_the_argument_names() {
    let operations = [
        (1, "NetrShareGetInfo"),
        (2, "NetrServerGetInfo"),
        (3, "LsarLookupNames"),
        (4, "LsarLookupSids"),
    ];
    for seed in 1..=20 {
        let argument = |(what, _): &(u32, &str)| what * WHAT + PERSON + 5;
        let times = (1i64..).step_by(10);
        let doings =
            times.zip(&operations).map(|(at, of)| (at, Activity::SmbSession, argument(of)));
        let (wrong, told) = played(&doings.collect::<Vec<_>>(), seed, None);
        assert_eq!(wrong, "", "seed {seed}");
        let is_encrypted = told.messages.keys().any(|(_, operation, _)| *operation == 0x1_0000);
        for (_, operation) in operations {
            let want = if is_encrypted { 0 } else { 5 };
            assert_eq!(count(&told, &format!("({operation})")), want, "{operation}, seed {seed}");
        }
    }
}

#[test]
fn a_session_is_kept_until_it_has_been_idle() {
    let read = |seconds| (seconds, Activity::SysvolRead, 12);
    let doings = [read(1), read(2), read(700), read(700 + IDLE_SECONDS)];
    for seed in 1..=10 {
        for most in [None, Some(1)] {
            let (wrong, told) = played(&doings, seed, most);
            assert_eq!(wrong, "", "seed {seed}");
            // The last one finds the session given up, and begins another.
            assert_eq!(count(&told, "kerberos_access"), 2, "seed {seed}");
        }
    }
}

#[test]
fn who_comes_while_the_session_is_busy_waits() {
    // Files take seconds, and the policies are wanted on the same session meanwhile.
    let policies = |seconds| (seconds, Activity::SysvolRead, PERSON + 3);
    let doings = [(1, Activity::FileSession, 0), policies(2), policies(3), policies(4)];
    for seed in 1..=10 {
        let (wrong, told) = played(&doings, seed, None);
        assert_eq!(wrong, "", "seed {seed}");
        assert_eq!(count(&told, "kerberos_access"), 1, "seed {seed}");
    }
}

#[test]
fn the_parts_of_a_vpn_session_belong_together() {
    let doings = [
        (1, Activity::VpnStart, 0),
        (601, Activity::VpnInterim, 600),
        (1_201, Activity::VpnInterim, 1_200),
        (1_501, Activity::VpnStop, 1_500),
    ];
    let (wrong, told) = played(&doings, 1, None);
    assert_eq!(wrong, "");
    for detail in ["(Start)", "(Interim-Update 600 s)", "(Interim-Update 1200 s)", "(Stop 1500 s)"]
    {
        assert_eq!(count(&told, detail), 1, "{detail}");
    }
}
