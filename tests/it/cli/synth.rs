//! `headroom synth`: what it writes, and what it must not destroy.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use headroom::base::{Frame, LinkType, Timestamp};
use headroom::capture::{InterfaceSpec, PcapngWriter};
use headroom::record::{GroundTruth, Synthesis};

const SMALL: &str = include_str!("../synth/small.toml");

fn headroom(folder: &Path, words: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(folder).args(words).output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("e.toml"), SMALL).unwrap();
    folder
}

const SPAN: [&str; 6] = ["synth", "e.toml", "--start", "2026-01-12T09:00", "--duration", "1m"];

#[test]
fn a_plan_written_and_read_gives_the_same_capture() {
    let folder = folder();
    let done = headroom(
        folder.path(),
        &[&SPAN[..], &["-o", "a.pcapng", "--truth", "a.json", "--write-plan", "p.tsv"]].concat(),
    );
    assert!(done.status.success(), "{done:?}");
    let again = ["synth", "e.toml", "--plan", "p.tsv", "-o", "b.pcapng", "--threads", "3"];
    let done = headroom(folder.path(), &again);
    assert!(done.status.success(), "{done:?}");
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert!(read("a.pcapng") == read("b.pcapng"));
    let truth: GroundTruth = serde_json::from_slice(&read("a.json")).unwrap();
    assert!(truth.frames > 50 && truth.synthesis.clients > 8);
    // Some of it goes on from before the start.
    let messages = truth.messages.iter().map(|row| (row.from_before, row.count));
    let activities = truth.activities.iter().map(|row| (row.from_before, row.count));
    for counts in [messages.collect::<Vec<_>>(), activities.collect()] {
        assert!(counts.iter().all(|(from_before, count)| from_before <= count), "{counts:?}");
        assert!(counts.iter().any(|(from_before, _)| *from_before > 0), "{counts:?}");
        assert!(counts.iter().any(|(from_before, _)| *from_before == 0), "{counts:?}");
    }
    let inspected = headroom(folder.path(), &["inspect", "a.pcapng", "--json", "-q"]);
    let inspected: serde_json::Value = serde_json::from_slice(&inspected.stdout).unwrap();
    assert_eq!(inspected["traffic"]["frames"], truth.frames);
    let warnings = inspected["warnings"].to_string();
    assert!(warnings.contains("synthesized traffic, not a recording"), "{warnings}");
}

#[test]
fn a_report_says_what_the_traffic_is_made_of() {
    let folder = folder();
    let own = "count = 8\nparameters = { dns = { queries_per_hour = 777 } }";
    fs::write(folder.path().join("e.toml"), SMALL.replacen("count = 8", own, 1)).unwrap();
    let done = headroom(folder.path(), &[&SPAN[..], &["-o", "a.pcapng"]].concat());
    assert!(done.status.success(), "{done:?}");
    let sized = headroom(folder.path(), &["size", "a.pcapng", "--format", "markdown"]);
    let text = String::from_utf8(sized.stdout).unwrap();
    for part in ["not a recording", "assumed", "sourced", "777", "3 times higher or lower"] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn nothing_that_is_read_and_no_other_result_is_destroyed() {
    let folder = folder();
    for wrong in [
        &["-o", "e.toml"][..],
        &["-o", "a.pcapng", "--truth", "e.toml"],
        &["-o", "a.pcapng", "--truth", "a.pcapng"],
        &["-o", "-", "--truth", "-"],
        &["--write-plan", "e.toml"],
        &["-o", "a.pcap.gz"],
        &["-o", "a.pcapng", "--dc", "nobody"],
        &["-o", "a.pcapng", "--failed", "DC01"],
        &[],
    ] {
        let done = headroom(folder.path(), &[&SPAN[..], wrong].concat());
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(2), "{wrong:?}: {told}");
        assert!(told.contains("failed to "), "{told}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("e.toml")).unwrap(), SMALL);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_mark_that_cannot_be_read_is_told_all_the_same() {
    let folder = folder();
    let done = headroom(folder.path(), &[&SPAN[..], &["-o", "a.pcapng"]].concat());
    assert!(done.status.success(), "{done:?}");
    let path = folder.path().join("a.pcapng");
    let text = fs::read(&path).unwrap();
    let at = text.windows(16).position(|window| window == b"\"schema_version\"").unwrap();
    let mut torn = text;
    torn[at] = b'?';
    fs::write(&path, torn).unwrap();
    let sized = headroom(folder.path(), &["size", "a.pcapng"]);
    let text = String::from_utf8(sized.stdout).unwrap();
    assert!(text.contains("how it was made cannot be"), "{text}");
}

#[test]
fn parameters_beyond_the_room_of_a_capture_file_are_counted() {
    let folder = folder();
    let done = headroom(folder.path(), &[&SPAN[..], &["-o", "a.pcapng", "--truth", "t"]].concat());
    assert!(done.status.success(), "{done:?}");
    let truth = fs::read(folder.path().join("t")).unwrap();
    let truth: GroundTruth = serde_json::from_slice(&truth).unwrap();
    let mut synthesis: Synthesis = truth.synthesis;
    let row = synthesis.parameters[0].clone();
    synthesis.parameters.resize(1_000, row);
    let link = LinkType(1);
    let interface = InterfaceSpec { link, ..InterfaceSpec::default() };
    let mut writer =
        PcapngWriter::with_synthesis(Vec::new(), &[interface], Some(&synthesis)).unwrap();
    let frame =
        Frame { time: Timestamp::from_nanos(1), link, bytes: &[0; 60], original_length: 60 };
    writer.write(0, &frame).unwrap();
    fs::write(folder.path().join("b.pcapng"), writer.finish().unwrap()).unwrap();
    let sized = headroom(folder.path(), &["size", "b.pcapng", "--json"]);
    let sized: serde_json::Value = serde_json::from_slice(&sized.stdout).unwrap();
    let read = &sized["inputs"][0]["synthesis"];
    let kept = read["parameters"].as_array().unwrap().len() as u64;
    assert_eq!(kept + read["parameters_left_out"].as_u64().unwrap(), 1_000);
    assert!((10..1_000).contains(&kept));
}
