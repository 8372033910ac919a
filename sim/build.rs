//! Two things that a plain build cannot do.
//!
//! An empty archive named `libpcap.a` answers the `-lpcap` of the `pcap` crate, so that the
//! project links on machines without libpcap's development files. The symbols come from
//! `sim/capture/libpcap.rs`, which forwards them to the system's libpcap at run time.
//!
//! The words that our own sentences are made of are collected from the string literals of the
//! rooms that make them, for `sim/privacy/name.rs`: whatever else stands in a sentence is quoted
//! from input and is replaced in anonymised results.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Rooms that make sentences or text for people.
const ROOMS: [&str; 8] =
    ["capture", "counters", "sensor", "model", "report", "estate", "record", "cli"];

/// A file whose documentation is shown: what parameters mean.
const SHOWN: &str = "parameters.rs";

/// Files in them that hold examples or tests, whose words name somebody.
const EXAMPLES: [&str; 4] = ["args.rs", "fixture.rs", "tests.rs", "names.toml"];

fn main() {
    println!("cargo:rerun-if-changed=sim");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    let mut words = BTreeSet::new();
    ROOMS.iter().for_each(|room| collect(&Path::new("sim").join(room), &mut words));
    let list: Vec<String> = words.into_iter().collect();
    fs::write(format!("{out}/words.txt"), list.join("\n")).expect("OUT_DIR is writable");
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        return; // The `pcap` crate is used on Unix only.
    }
    fs::write(format!("{out}/libpcap.a"), b"!<arch>\n").expect("OUT_DIR is writable");
    println!("cargo:rustc-link-search=native={out}");
}

/// Collects the words of all sources in a folder.
fn collect(folder: &Path, words: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("the sources are there").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            collect(&path, words);
        } else if (name.ends_with(".rs") || name.ends_with(".toml")) && !EXAMPLES.contains(&name) {
            let text = fs::read_to_string(&path).expect("the sources are there");
            let code = text.split("#[cfg(test)]\nmod").next().unwrap_or_default();
            words_of(code, words);
            if name.ends_with(".toml") {
                terms_of(code, words);
            } else if name == SHOWN {
                let lines = code.lines().filter_map(|line| line.trim().strip_prefix("///"));
                lines.for_each(|line| add(line, words));
            }
        }
    }
}

/// Collects the words between double quotes, comments left out. A quote in a character literal
/// is stepped over.
fn words_of(code: &str, words: &mut BTreeSet<String>) {
    literals(code).iter().for_each(|text| add(text, words));
}

/// Adds the words of a text.
fn add(text: &str, words: &mut BTreeSet<String>) {
    let parts = text.split(|c: char| !c.is_alphabetic());
    words.extend(parts.filter(|word| word.is_ascii() && word.len() > 1).map(str::to_lowercase));
}

/// Collects terms with digits out of published tables (`LsarLookupNames4`), and section numbers
/// that could be addresses (`3.1.5.1`).
fn terms_of(code: &str, words: &mut BTreeSet<String>) {
    for text in literals(code) {
        let is_term = |word: &&str| word.is_ascii() && word.contains(char::is_alphabetic);
        let terms = text.split(|c: char| !c.is_alphanumeric()).filter(is_term);
        words.extend(terms.map(str::to_lowercase));
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        let numbers = numbers.map(|number| number.trim_matches('.'));
        words.extend(numbers.filter(|number| number.split('.').count() == 4).map(str::to_owned));
    }
}

/// The string literals of `code`.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => {
                chars.by_ref().find(|c| *c == '\n');
            }
            '\'' if chars.peek() == Some(&'"') => {
                chars.next();
            }
            '"' => {
                let mut literal = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '"' => break,
                        '\\' => {
                            chars.next();
                            literal.push(' ');
                        }
                        c => literal.push(c),
                    }
                }
                found.push(literal);
            }
            _ => {}
        }
    }
    found
}
