//! Estates as inputs: sized and shown without a capture on disk, as one on disk would be.

use serde_json::Value;

use super::{headroom, headroom_reading, sample, text};

const SMALL: &str = include_str!("../synth/small.toml");

/// Five minutes of a Monday morning.
const DAY: [&str; 4] = ["--start", "2026-01-12T09:00", "--duration", "5m"];

/// A folder with an estate of two domain controllers, the first of which has a server.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let server = "name = \"DC01\"\nphysical_cores = 4\ninstalled_memory_gb = 16\n\
                  virtualization = \"hyper-v\"\noperating_system = \"Windows Server 2022\"";
    let estate = SMALL.replacen("name = \"DC01\"", server, 1);
    std::fs::write(folder.path().join("e.toml"), estate).unwrap();
    folder
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    text(&folder.path().join(name)).to_owned()
}

/// The domain controllers of a sizing, without notes and how they were found.
fn rows(json: &Value) -> Vec<Value> {
    let mut rows = json["domain_controllers"].as_array().unwrap().clone();
    for row in &mut rows {
        let dc = row["dc"].as_object_mut().unwrap();
        dc.remove("recognised_by");
        dc.remove("notes");
    }
    rows
}

fn names(json: &Value) -> Vec<&str> {
    let rows = json["domain_controllers"].as_array().unwrap();
    rows.iter().map(|row| row["dc"]["name"].as_str().unwrap()).collect()
}

#[test]
fn an_estate_sizes_as_its_capture_does() {
    let folder = folder();
    let (estate, capture) = (path(&folder, "e.toml"), path(&folder, "a.pcapng"));
    let of = |words: &[&str]| headroom(&[words, &DAY].concat());
    of(&["synth", &estate, "--seed", "5", "-q", "-o", &capture]).ends_with(0);
    let wanted = headroom(&["size", "--json", &capture]).ends_with(0).json();
    let size = ["size", "--json", &estate, "--dc", "dc01", "--seed", "5"];
    let made = of(&size).ends_with(0).json();
    assert_eq!(rows(&made), rows(&wanted));
    assert_eq!(made["assumptions"], wanted["assumptions"]);
    assert_eq!(made["inputs"][0]["records"], wanted["inputs"][0]["records"]);
    assert_eq!(made["inputs"][0]["first_utc"], wanted["inputs"][0]["first_utc"]);
    assert_eq!(made["inputs"][0]["format"], "estate");
    assert_eq!(made["inputs"][0]["synthesis"], wanted["inputs"][0]["synthesis"]);
    let warnings = made["warnings"].to_string();
    assert!(warnings.contains("is synthesized, not recorded, 5m of each"), "{warnings}");
    let notes = made["domain_controllers"][0]["dc"]["notes"].to_string();
    assert!(notes.contains("synthesized: 5m from 2026-01-12T08:00:00Z, "), "{notes}");
    let other = of(&["size", "--json", &estate, "--dc", "dc01", "--seed", "6"]).json();
    assert_ne!(rows(&other), rows(&wanted));
}

#[test]
fn a_synthesized_capture_knows_its_domain_controller_and_the_server() {
    let folder = folder();
    let (estate, capture) = (path(&folder, "e.toml"), path(&folder, "a.pcapng"));
    let synth = ["synth", &estate, "-q", "-o", &capture];
    headroom(&[&synth[..], &DAY].concat()).ends_with(0);
    let bytes = std::fs::read(&capture).unwrap();
    let sized = headroom_reading(&["size", "--json", "-", "--cores", "dc01=2"], bytes);
    let json = sized.ends_with(0).json();
    assert_eq!(names(&json), ["DC01"]);
    let host = &json["domain_controllers"][0]["dc"]["host"];
    assert_eq!(host["physical_cores"]["source"], "--cores");
    assert_eq!(host["installed_memory_gb"]["value"], 16.0);
    assert_eq!(host["installed_memory_gb"]["source"], format!("estate {estate}"));
    let notes = json["domain_controllers"][0]["dc"]["notes"].to_string();
    assert!(notes.contains("Runs on Hyper-V"), "{notes}");
    // Who names it himself goes first.
    let named = ["size", "--json", &capture, "--dc", "mine=10.9.0.1"];
    assert_eq!(names(&headroom(&named).ends_with(0).json()), ["mine"]);
    headroom(&["inspect", &capture]).ends_with(0).shows("DC01 (10.9.0.1");
}

#[test]
fn each_domain_controller_of_an_estate_is_sized_by_itself() {
    let folder = folder();
    let estate = path(&folder, "e.toml");
    let size = |more: &[&str]| {
        let run = headroom(&[&["size", "--json", &estate], &DAY[..], more].concat());
        run.ends_with(0).json()
    };
    let both = size(&[]);
    assert_eq!(names(&both), ["DC01", "DC02"]);
    assert_eq!(both["inputs"].as_array().unwrap().len(), 2);
    let one = size(&["--dc", "dc02"]);
    assert_eq!(rows(&one), rows(&both)[1..]);
    assert_eq!(rows(&size(&["--dc", "10.9.0.2"])), rows(&one));
    // What was made of each is listed once.
    assert_eq!(both["assumptions"], one["assumptions"]);
    let warnings = both["warnings"].to_string();
    assert_eq!(warnings.matches("is an estate").count(), 1, "{warnings}");
    // The clients of one that has failed come to the other.
    let failed = size(&["--dc", "dc02", "--failed", "dc01"]);
    let clients = |json: &Value| json["inputs"][0]["synthesis"]["clients"].as_u64().unwrap();
    assert!(clients(&failed) > clients(&one));
    // The facts of another file go before the estate's own, flags before both.
    let what_if = path(&folder, "facts.toml");
    std::fs::write(&what_if, "[[domain_controller]]\nname = \"DC01\"\nphysical_cores = 12\n")
        .unwrap();
    let sized = size(&["--dc", "dc01", "--estate", &what_if, "--ram", "32"]);
    let host = &sized["domain_controllers"][0]["dc"]["host"];
    assert_eq!(host["physical_cores"]["value"], 12);
    assert_eq!(host["installed_memory_gb"]["value"], 32.0);
    assert_eq!(host["operating_system"]["value"], "Windows Server 2022");
}

#[test]
fn estates_captures_and_logs_go_into_one_report() {
    let folder = folder();
    let (estate, out) = (path(&folder, "e.toml"), path(&folder, "report"));
    let capture = sample("dc-any.pcap");
    let words = ["report", text(&capture), "captures/counters/plain.csv", &estate, "-o", &out];
    headroom(&[&words[..], &DAY].concat()).ends_with(0);
    let text = std::fs::read_to_string(folder.path().join("report/report.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let alone = headroom(&["size", "--json", super::text(&capture), "captures/counters/plain.csv"]);
    let alone = alone.ends_with(0).json();
    let mut expected = names(&alone);
    expected.extend(["DC01", "DC02"]);
    let mut found = names(&json);
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    let html = std::fs::read_to_string(folder.path().join("report/report.html")).unwrap();
    for part in ["is an estate: its traffic is synthesized", "synthesized: 5m from", "assumed"] {
        assert!(html.contains(part), "{part}");
    }
    // Estates in a directory say what was captured there; they are no traffic.
    std::fs::copy(&capture, folder.path().join("any.pcap")).unwrap();
    let json = headroom(&["size", "--json", super::text(folder.path())]).ends_with(0).json();
    assert_eq!(json["inputs"].as_array().unwrap().len(), 1);
}

#[test]
fn an_estate_comes_through_a_pipe_and_in_utf_16_too() {
    let folder = folder();
    let estate = std::fs::read_to_string(folder.path().join("e.toml")).unwrap();
    let units = std::iter::once(0xfeff).chain(estate.encode_utf16());
    let utf16: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    std::fs::write(folder.path().join("u.toml"), &utf16).unwrap();
    let words = |input| [&["size", "--json", input], &DAY[..], &["--dc", "DC01"]].concat();
    let plain = path(&folder, "e.toml");
    let wanted = rows(&headroom(&words(&plain)).ends_with(0).json());
    let wide = path(&folder, "u.toml");
    let strip = |mut rows: Vec<Value>| {
        rows.iter_mut().for_each(|row| {
            row["dc"].as_object_mut().unwrap().remove("host");
        });
        rows
    };
    let wanted = strip(wanted);
    assert_eq!(strip(rows(&headroom(&words(&wide)).ends_with(0).json())), wanted);
    for bytes in [estate.clone().into_bytes(), utf16.clone()] {
        let read = headroom_reading(&words("-"), bytes.clone()).ends_with(0);
        assert_eq!(strip(rows(&read.json())), wanted);
        let checked = headroom_reading(&["estate", "check", "-", "--json"], bytes.clone());
        let endpoints = checked.ends_with(0).json()["endpoints"].as_u64().unwrap();
        assert!(endpoints > 20, "{endpoints}");
        let synth = [&["synth", "-", "-q", "-o", "-"][..], &DAY].concat();
        let mut command = assert_cmd::Command::from_std(super::command(&synth));
        let done = command.write_stdin(bytes).output().unwrap();
        assert!(done.status.success() && done.stdout.len() > 10_000, "{done:?}");
    }
}

#[test]
fn a_plan_comes_through_a_pipe_too() {
    let folder = folder();
    let estate = path(&folder, "e.toml");
    let (plan, capture) = (path(&folder, "p.tsv"), path(&folder, "a.pcap"));
    let synth = ["synth", &estate, "-q", "--write-plan", &plan, "-o", &capture];
    headroom(&[&synth[..], &DAY].concat()).ends_with(0);
    let read = ["synth", &estate, "-q", "--plan", "-", "-o", "-", "--format", "pcap"];
    let mut command = assert_cmd::Command::from_std(super::command(&read));
    let done = command.write_stdin(std::fs::read(&plan).unwrap()).output().unwrap();
    assert!(done.stdout == std::fs::read(&capture).unwrap(), "{:?}", done.status);
    headroom(&["synth", "-", "--plan", "-", "-o", &capture])
        .ends_with(2)
        .says(&["read standard input twice; give - only once"]);
}

#[test]
fn what_cannot_be_is_told_with_what_can() {
    let folder = folder();
    let estate = path(&folder, "e.toml");
    let capture = sample("dc-any.pcap");
    let facts = path(&folder, "facts.toml");
    std::fs::write(&facts, "[[domain_controller]]\nname = \"x\"\n").unwrap();
    let wrong = path(&folder, "wrong.toml");
    std::fs::write(&wrong, "[[domain_controler]]\nname = \"x\"\n").unwrap();
    let capture = text(&capture);
    for (words, expected) in [
        (&["size", &estate, "--dc", "dc09"][..], "of an estate: DC01, DC02"),
        (&["size", &estate, "--dc", "10.9.0.9"], "of an estate: DC01, DC02"),
        (&["size", capture, "--dc", "dc01"], "'dc01' is not an IP address; give ADDRESS or"),
        (&["size", capture, "--seed", "2"], "these are for estates, and none is among the inputs"),
        (&["size", &estate, "--start", "soon"], "--start: 'soon' is no time"),
        (&["size", &estate, "--duration", "1"], "--duration: '1' is no length of time"),
        (
            &["size", &estate, "--dc", "dc01", "--failed", "DC01"],
            "a domain controller that has failed",
        ),
        (&["size", &facts], "facts of servers only is given with --estate): read estate"),
        (
            &["size", &wrong],
            "there is no key `domain_controler`; did you mean `domain_controller`?",
        ),
        (&["inspect", &estate], "choose with --dc: DC01, DC02"),
        (&["inspect", &estate, capture, "--dc", "DC01"], "seen apart; give one"),
        (&["learn", &estate], "an estate teaches nothing"),
        (&["anonymize", &estate, "-"], "make a capture of it with `headroom synth`"),
    ] {
        headroom(words).ends_with(2).says(&[expected]);
    }
}
