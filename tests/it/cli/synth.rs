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

#[test]
fn an_anonymized_capture_stays_synthesized_and_names_nobody() {
    let folder = folder();
    let own = "name = \"walnut desks\"\nparameters = { dns = { queries_per_hour = 777 } }";
    let estate = SMALL.replacen("name = \"office\"", own, 1).replace("DC01", "harbour");
    fs::write(folder.path().join("secret.toml"), estate).unwrap();
    let span = ["--start", "2026-01-12T09:00", "--duration", "1m", "-q"];
    let synth = [&["synth", "secret.toml", "-o", "a.pcapng"][..], &span].concat();
    assert!(headroom(folder.path(), &synth).status.success());
    let done = headroom(folder.path(), &["anonymize", "a.pcapng", "b.pcapng"]);
    assert!(done.status.success(), "{done:?}");
    let read = |name: &str| {
        let sized = headroom(folder.path(), &["size", name, "--json"]);
        serde_json::from_slice::<serde_json::Value>(&sized.stdout).unwrap()
    };
    let (before, after) = (read("a.pcapng"), read("b.pcapng"));
    let warnings = after["warnings"].to_string();
    assert!(warnings.contains("not a recording"), "{warnings}");
    let count = |json: &serde_json::Value| json["assumptions"].as_array().unwrap().len();
    assert_eq!(count(&after), count(&before));
    let text = String::from_utf8_lossy(&fs::read(folder.path().join("b.pcapng")).unwrap())
        .to_ascii_lowercase();
    for name in ["walnut", "harbour", "secret", "10.9.0.1"] {
        assert!(!text.contains(name), "{name}");
    }
    for kept in ["dns.queries_per_hour of ", "\"calibration\":\"light\"", "no publication found"] {
        assert!(text.contains(kept), "{kept}");
    }
    // The domain controller has a name still, and the same server.
    let dc = &after["domain_controllers"][0]["dc"];
    assert_ne!(dc["name"], dc["addresses"][0]);
    // What is shown of the first names nobody either.
    let shown = headroom(folder.path(), &["size", "a.pcapng", "--json", "--anonymize"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("dns.queries_per_hour") && shown.contains("no publication found"));
    assert!(!shown.contains("walnut") && !shown.contains("harbour"), "{shown}");
    // A mark that cannot be read stays one, too.
    let mut torn = fs::read(folder.path().join("a.pcapng")).unwrap();
    let at = torn.windows(16).position(|window| window == b"\"schema_version\"").unwrap();
    torn[at] = b'?';
    fs::write(folder.path().join("torn.pcapng"), torn).unwrap();
    let done = headroom(folder.path(), &["anonymize", "torn.pcapng", "c.pcapng"]);
    assert!(done.status.success(), "{done:?}");
    let warnings = read("c.pcapng")["warnings"].to_string();
    assert!(warnings.contains("how it was made cannot be"), "{warnings}");
}

#[test]
fn an_estate_learned_from_synthesized_traffic_says_so_wherever_it_goes() {
    let folder = folder();
    let synth = [&SPAN[..], &["-q", "-o", "a.pcapng"]].concat();
    assert!(headroom(folder.path(), &synth).status.success());
    let done = headroom(folder.path(), &["learn", "a.pcapng", "-q", "-o", "l.toml"]);
    assert!(done.status.success(), "{done:?}");
    let learned = fs::read_to_string(folder.path().join("l.toml")).unwrap();
    let line = "learned_from_synthesized = \"e.toml, calibration light, seed 1\"\n";
    assert!(learned.contains(line), "{learned}");
    let told = |words: &[&str]| {
        let done = headroom(folder.path(), words);
        assert!(done.status.success(), "{done:?}");
        let text = String::from_utf8(done.stdout).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let checked = told(&["estate", "check", "l.toml"]);
    let expected = "was learned from synthesized traffic, not from a recording";
    assert!(checked.contains(expected), "{checked}");
    let sized = told(&["size", "l.toml", "--start", "2026-01-12T09:00", "--duration", "1m"]);
    let expected = "learned from synthesized traffic, too (e.toml, calibration light, seed 1)";
    assert!(sized.contains(expected), "{sized}");
    // A recording teaches without.
    let capture = concat!(env!("CARGO_MANIFEST_DIR"), "/captures/dc-morning.pcapng");
    assert!(!told(&["learn", capture, "-q"]).contains("learned_from_synthesized"));
}

/// Whether killed or interrupted: a result appears whole or not at all, and nothing else does.
#[test]
#[cfg(target_os = "linux")]
fn nothing_is_left_of_a_run_that_is_killed() {
    let folder = folder();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(folder.path()).args(["synth", "e.toml", "-q", "-o", "a.pcapng"]);
    command.args(["--duration", "7d"]);
    let mut run = command.spawn().unwrap();
    let open = format!("/proc/{}/fd", run.id());
    // Until it has opened its result.
    let writes = || {
        let files = fs::read_dir(&open).ok()?.flatten();
        let mut files = files.filter_map(|entry| fs::read_link(entry.path()).ok());
        files.find(|file| file.starts_with(folder.path()) && !file.ends_with("e.toml"))
    };
    let mut waits = 0..500;
    while writes().is_none() && waits.next().is_some() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(writes().is_some());
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
