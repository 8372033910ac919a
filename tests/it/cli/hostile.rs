//! Names that someone else chose: what a terminal would obey, a browser would run, or a reader
//! would see the wrong way round, is shown and does none of it.

use std::path::Path;

use headroom::base::Frame;
use headroom::capture::{InterfaceSpec, PcapngWriter};

use super::{command, headroom, records, sample, text};

/// A clear-screen sequence, a script, a comma and a quote for CSV, a formula, a table cell of
/// Markdown, and a right-to-left override.
const NAME: &str = "=eth\u{1b}[2J\u{1b}[31m<script>alert(1)</script>,\"|\u{202e}txt.exe\u{9b}31m";

/// What must never come out, in any form.
#[track_caller]
fn harmless(what: &str, bytes: &[u8]) {
    let text = String::from_utf8(bytes.to_vec()).expect("output is UTF-8");
    let controls = |c: char| c.is_control() && c != '\n';
    let found = text.chars().find(|c| controls(*c) || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(found, None, "{what} holds a control character");
    // In a terminal and in a table of values these are just letters.
    let marked_up = ["html", "markdown", "json"].iter().any(|form| what.ends_with(form));
    assert!(!(marked_up && text.contains("<script>alert")), "{what} holds a script");
}

/// A capture whose interface has a hostile name.
fn hostile_interface(path: &Path) {
    let records = records(&sample("dc-any.pcap"));
    let interface = InterfaceSpec {
        name: Some(NAME.to_owned()),
        description: Some(NAME.to_owned()),
        link: records[0].link,
        snap_length_bytes: 0,
    };
    let file = std::fs::File::create(path).unwrap();
    let mut writer = PcapngWriter::new(file, &[interface]).unwrap();
    for kept in &records {
        let frame = Frame {
            time: kept.time,
            link: kept.link,
            bytes: &kept.bytes,
            original_length: kept.original_length,
        };
        writer.write(0, &frame).unwrap();
    }
    writer.finish().unwrap();
}

fn every_form(arguments: &[&str]) {
    for form in ["text", "json", "csv", "markdown", "html"] {
        let mut all = vec!["size", "--format", form];
        all.extend(arguments);
        let output = command(&all).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        // HTML holds scripts of its own, none of them this one.
        harmless(&format!("size as {form}"), &output.stdout);
        harmless(&format!("size as {form}, errors"), &output.stderr);
    }
    for form in ["text", "json"] {
        let mut all = vec!["inspect", "--format", form];
        all.extend(arguments);
        let output = command(&all).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        harmless(&format!("inspect as {form}"), &output.stdout);
        harmless(&format!("inspect as {form}, errors"), &output.stderr);
    }
}

#[test]
fn interface_names_are_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcapng");
    hostile_interface(&path);
    every_form(&[text(&path)]);
    // The name is there all the same: JSON gives it back as it was.
    let json = headroom(&["inspect", "--json", text(&path)]).ends_with(0).json();
    assert_eq!(json["inputs"][0]["interfaces"][0]["name"], NAME);
    let shown = headroom(&["inspect", "-v", text(&path)]).ends_with(0).out;
    harmless("inspect -v", shown.as_bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn file_names_are_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}\nheadroom: all is well.pcapng", NAME.replace('/', "|"));
    let path = folder.path().join(name);
    std::fs::copy(sample("dc-any.pcap"), &path).unwrap();
    every_form(&[text(&path)]);
    // In errors and warnings too, on one line.
    let said = |run: super::Run, code: i32| {
        let run = run.ends_with(code);
        harmless("errors", run.err.as_bytes());
        assert!(!run.err.contains("\nheadroom: all is well"), "{}", run.err);
    };
    let whole = std::fs::read(sample("dc-any.pcap")).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    said(headroom(&["size", text(&path)]), 3);
    said(headroom(&["inspect", text(&path)]), 3);
    std::fs::write(&path, "Dear Sir").unwrap();
    said(headroom(&["size", text(&path)]), 2);
    std::fs::copy(sample("dc-any.pcap"), folder.path().join("any.pcap")).unwrap();
    said(headroom(&["size", "-v", text(folder.path())]), 0);
    std::fs::remove_file(&path).unwrap();
    said(headroom(&["size", text(&path)]), 2);
    let out = folder.path().join(NAME.replace('/', "|"));
    let report = headroom(&["report", "captures/dc-any.pcap", "-o", text(&out)]).ends_with(0);
    harmless("report", report.out.as_bytes());
}

#[test]
fn names_given_with_flags_are_shown_and_not_obeyed() {
    let dc = format!("{NAME}=10.77.0.10").replacen('=', "", 1);
    for form in ["text", "csv", "markdown", "html", "json"] {
        let output = command(&["size", "captures/dc-any.pcap", "--format", form, "--dc", &dc])
            .args(["--fail-if", "packets>0", "--cores", &format!("{NAME}x=2")])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        harmless(&format!("--dc as {form}"), &output.stdout);
        harmless(&format!("--dc as {form}, errors"), &output.stderr);
    }
    // A bad value comes back in the message.
    let bad = headroom(&["size", "captures/dc-any.pcap", "--dc", NAME]).ends_with(2);
    harmless("--dc", bad.err.as_bytes());
}
