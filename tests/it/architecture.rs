//! Keeps the house in order: which room may use which, and how large things grow.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room, its duty, and the rooms it may use, bottom-up. `record` stands beside `capture`
/// because what a file was, and where it is damaged, is written to disk as it is found.
/// Rooms without a folder yet have their place here, so that nobody builds over it.
const ROOMS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("wire", &[]),
    ("proto", &["base", "wire"]),
    ("record", &["base"]),
    ("capture", &["base", "record"]),
    ("counters", &["base", "record"]),
    ("flow", &["base"]),
    ("sensor", &["base", "wire", "proto", "record", "flow"]),
    // Beside the core, not above it: what it keeps of a payload must not depend on what the core
    // understood. It asks `proto` only where messages begin and end.
    ("privacy", &["base", "wire", "proto", "record", "flow", "capture"]),
    ("estate", &["base"]),
    ("synth", &["base", "wire", "proto", "estate"]),
    // What was seen becomes an estate: the command line runs the core and hands it rows.
    ("learn", &["base", "record", "estate"]),
    // `flow` tells where the addresses of a frame are, which repetitions of a capture exchange,
    // and how many shards a batch passes one behind the other.
    ("measure", &["base", "record", "flow", "sensor"]),
    ("model", &["base", "record", "estate"]),
    ("readiness", &["base", "record", "estate"]),
    ("report", &["base", "record"]),
    (
        "cli",
        &[
            "base",
            "wire",
            "proto",
            "record",
            "capture",
            "counters",
            "flow",
            "sensor",
            "privacy",
            "estate",
            "synth",
            "learn",
            "measure",
            "model",
            "readiness",
            "report",
        ],
    ),
];

/// Files of `sim/` that are no room.
const NO_ROOMS: [&str; 3] = ["lib.rs", "main.rs", "build.rs"];

/// Files that are not protocols, although they lie in `sim/proto/`. A folder there holds parts
/// of the protocol it is named after.
const NO_PROTOCOLS: [&str; 9] =
    ["mod", "conformance", "event", "gss", "pending", "recognise", "registry", "text", "told"];

/// The only file that may hold `unsafe`.
const UNSAFE_FILE: &str = "capture/libpcap.rs";

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const MAIN_LINES_MAX: usize = 60;

#[test]
fn rooms_use_only_the_rooms_they_may() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some((room, may)) = room_of(&file) else { continue };
        for (number, line) in code_lines(&text) {
            for used in rooms_named_in(line).filter(|used| *used != room && !may.contains(used)) {
                wrong.push(format!("sim/{file}:{number}: `{room}` may not use `{used}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_is_a_room() {
    for entry in fs::read_dir(sim()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known =
            ROOMS.iter().any(|(room, _)| *room == name) || NO_ROOMS.contains(&name.as_str());
        assert!(known, "sim/{name} is in no table of rooms");
    }
}

#[test]
fn every_protocol_file_is_registered() {
    let mut files: Vec<String> = sources()
        .into_iter()
        .filter_map(|(file, _)| Some(file.strip_prefix("proto/")?.strip_suffix(".rs")?.to_owned()))
        .filter(|name| !NO_PROTOCOLS.contains(&name.as_str()) && !name.contains('/'))
        .collect();
    files.sort();
    let ids = headroom::proto::Id::ALL.iter().map(|id| id.name());
    let mut registered: Vec<&str> = ids.filter(|name| *name != "other").collect();
    registered.sort_unstable();
    assert_eq!(files, registered, "files in sim/proto/ against rows in `registry!`");
}

#[test]
fn only_one_file_is_unsafe() {
    for (file, text) in sources() {
        if file == UNSAFE_FILE {
            continue;
        }
        let found = code_lines(&text).find(|(_, line)| {
            line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
        });
        assert_eq!(found, None, "sim/{file} may not be unsafe");
    }
}

#[test]
fn only_the_command_line_prints() {
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.starts_with("cli/")) {
        if file == "build.rs" {
            continue; // speaks to cargo
        }
        let body = text.split("#[cfg(test)]").next().unwrap();
        for word in ["println!", "eprintln!", "print!(", "eprint!(", "dbg!"] {
            let found = code_lines(body).find(|(_, line)| line.contains(word));
            assert_eq!(found, None, "sim/{file} may not print");
        }
    }
}

#[test]
fn only_measuring_reads_the_clock() {
    for (file, text) in sources().into_iter().filter(|(file, _)| !file.starts_with("measure/")) {
        for word in ["Instant::now", "SystemTime::now"] {
            let found = code_lines(&text).find(|(_, line)| line.contains(word));
            assert_eq!(found, None, "sim/{file} may not ask for the time");
        }
    }
}

#[test]
fn files_and_functions_stay_small() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let lines = text.lines().count();
        let most = if file == "main.rs" { MAIN_LINES_MAX } else { FILE_LINES_MAX };
        if lines > most {
            wrong.push(format!("sim/{file}: {lines} lines, at most {most}"));
        }
        for (name, lines) in functions(&text).into_iter().filter(|(_, n)| *n > FUNCTION_LINES_MAX) {
            wrong.push(format!(
                "sim/{file}: fn {name}: {lines} lines, at most {FUNCTION_LINES_MAX}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_test_sees_what_it_looks_for() {
    assert_eq!(rooms_named_in("use crate::model::Rules;").collect::<Vec<_>>(), ["model"]);
    assert_eq!(
        rooms_named_in("use crate::{base, flow::Packet};").collect::<Vec<_>>(),
        ["base", "flow"]
    );
    assert_eq!(functions("fn a() {\n  x\n}\n").first(), Some(&("a".to_owned(), 3)));
}

/// Rooms named by `crate::room` or `crate::{room, room}` in a line.
fn rooms_named_in(line: &str) -> impl Iterator<Item = &'static str> {
    let mut found = Vec::new();
    for (at, prefix) in line.match_indices("crate::") {
        let path = &line[at + prefix.len()..];
        let list = path.strip_prefix('{').map_or(path, |list| list);
        let parts =
            if path.starts_with('{') { list.split([',', '}']).collect() } else { vec![list] };
        for part in parts {
            let part = part.trim_start();
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
            found.extend(ROOMS.iter().map(|(name, _)| *name).find(|name| *name == &part[..end]));
        }
    }
    found.into_iter()
}

fn room_of(file: &str) -> Option<(&'static str, &'static [&'static str])> {
    let (room, _) = file.split_once('/')?;
    ROOMS.iter().find(|(name, _)| *name == room).copied()
}

/// Lines without comments, numbered from 1.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
}

/// Names and lengths of functions, as rustfmt lays them out.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut open: Option<(usize, String, usize)> = None;
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some((at, name, start)) = open.take() {
            if indent == at && line.trim_start().starts_with('}') {
                found.push((name, number - start + 1));
            } else {
                open = Some((at, name, start));
            }
        } else if let Some((_, rest)) = line.split_once("fn ")
            && !line.trim_start().starts_with("//")
            && !line.trim_end().ends_with(['}', ';'])
        {
            let name: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            open = (!name.is_empty()).then_some((indent, name, number));
        }
    }
    found
}

fn sim() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sim")
}

/// Every source file as its path below `sim/` with `/`, and its text.
fn sources() -> Vec<(String, String)> {
    fn collect(dir: &Path, files: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(sim()).unwrap().to_str().unwrap().replace('\\', "/");
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    collect(&sim(), &mut files);
    files.sort();
    files
}
