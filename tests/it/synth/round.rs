//! Round trips: the core gives back what was put on the wire.

use headroom::synth::{Activity, Item, Options, Synth};

use super::play;

/// Activities to play: all, or the one that `SYNTH` names.
pub fn chosen() -> impl Iterator<Item = Activity> {
    let only = std::env::var("SYNTH").ok();
    Activity::ALL.iter().copied().filter(move |a| only.as_ref().is_none_or(|o| o == a.name()))
}

/// Plays the script in an estate, and compares.
fn compare(text: &str, script: Vec<Item>, segment_bytes_max: Option<u16>, seed: u64) -> String {
    let options = Options { segment_bytes_max, ..play::options(3_600) };
    let synth = Synth::perform(play::cast(text, seed), &options, script.into_iter()).unwrap();
    let (frames, truth) = play::collect(synth);
    let (heard, told) = (play::hear(&frames), play::told(&truth));
    if let Ok(path) = std::env::var("SYNTH_PCAP") {
        write(&path, &frames);
    }
    play::differences(&told, &heard)
}

/// For looking at frames with other tools.
pub fn write(path: &str, frames: &play::Frames) {
    use headroom::base::{Frame, LinkType};
    use headroom::capture::{PcapWriter, Resolution};
    let out = std::fs::File::create(path).unwrap();
    let mut writer = PcapWriter::new(
        std::io::BufWriter::new(out),
        LinkType(1),
        262_144,
        Resolution::Nanoseconds,
    )
    .unwrap();
    for (time, bytes) in &frames.0 {
        let original_length = u32::try_from(bytes.len()).unwrap();
        let frame = Frame { time: *time, link: LinkType(1), bytes, original_length };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_core_gives_back_each_activity() {
    let mut wrong = String::new();
    for activity in chosen() {
        for seed in 1..=10 {
            let clients = play::cast(play::SMALL, seed).clients.len();
            // The first stands for the domain controller itself.
            let everybody = 1..u32::try_from(clients).unwrap();
            let script = play::script(activity, everybody.clone().chain(everybody), seed);
            let differences = compare(play::SMALL, script, None, seed);
            if !differences.is_empty() {
                wrong.push_str(&format!("{} (seed {seed}):\n{differences}", activity.name()));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_core_gives_back_each_activity_byte_by_byte() {
    let mut wrong = String::new();
    for activity in chosen() {
        let script = play::script(activity, 1..9, 7);
        let differences = compare(play::SMALL, script, Some(1), 7);
        if !differences.is_empty() {
            wrong.push_str(&format!("{}:\n{differences}", activity.name()));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What the network does to the small estate, in turn: nothing; loss and reordering; one byte a
/// segment; all of it; frames larger than the link.
const NETWORKS: [(&str, Option<u16>); 5] = [
    ("", None),
    ("loss = 0.02\nreordering = 0.02\n", None),
    ("", Some(1)),
    ("loss = 0.005\nreordering = 0.005\n", Some(1)),
    ("offload = true\nloss = 0.01\n", None),
];

/// The small estate with such a network.
fn small(network: &str) -> String {
    play::SMALL.replace("[network]\n", &format!("[network]\n{network}"))
}

#[test]
fn the_core_gives_back_a_hundred_planned_mornings() {
    if std::env::var("SYNTH").is_ok() {
        return;
    }
    let mut wrong = String::new();
    for seed in 1..=100 {
        let (network, segment_bytes_max) = NETWORKS[usize::try_from(seed).unwrap() % 5];
        // Byte by byte there are a hundred times as many frames.
        let seconds = if segment_bytes_max.is_some() { 15 } else { 60 };
        let options = Options { segment_bytes_max, ..play::options(seconds) };
        let synth = Synth::start(play::cast(&small(network), seed), &options).unwrap();
        let (frames, truth) = play::collect(synth);
        assert!(frames.0.len() > 10, "seed {seed}: {} frames", frames.0.len());
        let differences = play::differences(&play::told(&truth), &play::hear(&frames));
        if !differences.is_empty() {
            wrong.push_str(&format!(
                "seed {seed}, {network:?} {segment_bytes_max:?}:\n{differences}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn threads_change_nothing() {
    let run = |threads| {
        let options = Options { threads, ..play::options(300) };
        play::collect(Synth::start(play::cast(play::SMALL, 3), &options).unwrap()).0
    };
    let one = run(1);
    assert!(one.0.len() > 100);
    assert!(one.0.is_sorted_by_key(|(time, _)| *time));
    for threads in [2, 3, 5] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn seeds_change_much() {
    let run = |seed| {
        play::collect(Synth::start(play::cast(play::SMALL, seed), &play::options(60)).unwrap()).0
    };
    assert!(run(1) != run(2));
}
