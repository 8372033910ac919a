//! Round trips: the core gives back what was put on the wire.

use headroom::synth::{Activity, Item, Synth};

use super::play;

/// Activities to play: all, or the one that `SYNTH` names.
fn chosen() -> impl Iterator<Item = Activity> {
    let only = std::env::var("SYNTH").ok();
    Activity::ALL.iter().copied().filter(move |a| only.as_ref().is_none_or(|o| o == a.name()))
}

/// Plays the script in an estate, and compares.
fn compare(text: &str, script: Vec<Item>, segment_bytes_max: Option<u16>, seed: u64) -> String {
    let options = headroom::synth::Options { segment_bytes_max, ..play::options(3_600) };
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
