//! Where results go and what they look like.

use std::path::Path;

use serde_json::Value;

use super::{command, headroom, run, text, words};

const FILES: [&str; 5] = ["report.csv", "report.html", "report.json", "report.md", "report.xlsx"];

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_report_makes_its_folder_and_is_the_same_twice() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let report = || {
        let line = "report captures/dc-morning.pcapng captures/counters/perfmon-en.csv \
                    --cores 4 --ram 16 -o";
        let mut arguments = words(line);
        arguments.push(text(&out));
        let said = headroom(&arguments).ends_with(0);
        assert_eq!(said.err, "");
        let place = format!("\nreport: {}\n", out.join("report.html").display());
        assert!(said.out.ends_with(&place), "{}", said.out);
        assert_eq!(names(&out), FILES);
        FILES.map(|name| std::fs::read(out.join(name)).unwrap())
    };
    let first = report();
    std::fs::remove_file(out.join("report.md")).unwrap();
    for (name, (one, two)) in FILES.iter().zip(first.iter().zip(&report())) {
        assert!(one == two, "{name} differs from one run to the next");
        assert!(one.len() > 500, "{name} is only {} bytes", one.len());
    }
}

#[test]
fn every_form_goes_to_a_file_as_to_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result");
    for form in ["text", "json", "csv", "markdown", "html", "xlsx"] {
        let line = format!("size captures/dc-any.pcap -q --format {form}");
        let arguments = words(&line);
        let printed = command(&arguments).output().unwrap();
        let mut to_file = arguments.clone();
        to_file.extend(["-o", text(&path)]);
        let silent = command(&to_file).output().unwrap();
        assert_eq!(silent.status.code(), Some(0));
        assert!(silent.stdout.is_empty() && silent.stderr.is_empty(), "{form}: {silent:?}");
        let written = std::fs::read(&path).unwrap();
        if form == "text" || form == "csv" {
            assert!(written == printed.stdout, "{form}");
        }
        let start: &[u8] = match form {
            "json" => b"{",
            "csv" => b"DC,Sensor Supported,",
            "markdown" => b"# ",
            "html" => b"<!DOCTYPE html>",
            "xlsx" => b"PK",
            _ => "─".as_bytes(),
        };
        for bytes in [&written, &printed.stdout] {
            let head = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
            assert!(bytes.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase()), "{head}");
        }
    }
    assert_eq!(names(folder.path()), ["result"], "no temporary file is left");
}

#[test]
fn quiet_says_nothing_but_results() {
    let folder = tempfile::tempdir().unwrap();
    for line in ["size captures/dc-any.pcap", "inspect captures/dc-kerberos.pcap"] {
        let quiet = run(&format!("{line} -q")).ends_with(0);
        assert!(quiet.err.is_empty() && !quiet.out.is_empty(), "{quiet:?}");
    }
    let report = headroom(&["report", "captures", "-q", "-o", text(folder.path())]).ends_with(0);
    assert_eq!((report.out.as_str(), report.err.as_str()), ("", ""));
}

#[test]
fn colour_is_for_terminals_and_for_those_who_ask() {
    let line = "size captures/dc-any.pcap --cores 1 --ram 4";
    assert!(!run(line).out.contains('\u{1b}'));
    assert!(run(&format!("{line} --color always")).out.contains('\u{1b}'));
    assert!(!run(&format!("{line} --color never")).out.contains('\u{1b}'));
    let asked = |when: &str, refused: &str| {
        let line = format!("{line} --color {when}");
        let output = command(&words(&line)).env("NO_COLOR", refused).output().unwrap();
        output.stdout.contains(&0x1b)
    };
    // A flag is newer than the environment; `auto` leaves it to the environment.
    assert!(asked("always", "1"));
    assert!(!asked("auto", "1"));
    // The plain text is the coloured one without its colours.
    let coloured = run(&format!("{line} --color always")).out;
    let mut plain = String::new();
    for (number, part) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if number == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, run(line).out);
}

#[test]
fn the_manual_and_the_completions_know_every_command() {
    let manual = run("man").ends_with(0).out;
    for verb in ["report", "size", "inspect", "completions", "man"] {
        assert!(manual.contains(verb), "{verb} is not in the manual");
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let script = run(&format!("completions {shell}")).ends_with(0).out;
            assert!(script.contains(verb), "{verb} is not in the completions of {shell}");
        }
    }
}

#[test]
fn every_command_has_a_manual_page_with_its_flags() {
    for (verb, flag) in [
        ("report", "output"),
        ("size", r"fail\-if"),
        ("inspect", "activities"),
        ("anonymize", "key"),
    ] {
        let page = run(&format!("man {verb}")).ends_with(0).out;
        assert!(page.contains(&format!("headroom\\-{verb}")), "{page}");
        assert!(page.contains(flag) && page.contains("quiet"), "{page}");
    }
    run("man nothing").ends_with(2);
}

#[test]
fn an_input_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.csv");
    let log = std::fs::read(super::sample("counters/plain.csv")).unwrap();
    std::fs::write(&path, &log).unwrap();
    let place = text(&path);
    for arguments in [["size", place, "-o", place], ["report", place, "-o", text(folder.path())]] {
        headroom(&arguments).ends_with(2).says(&["it is one of the inputs"]);
    }
    assert_eq!(std::fs::read(&path).unwrap(), log);
    headroom(&["size", place, "-o", text(folder.path())])
        .ends_with(2)
        .says(&["it is a directory; name a file in it"]);
    run("report captures/dc-any.pcap -o -").ends_with(2).says(&["--output -: a report is several"]);
}

#[test]
fn two_results_never_go_to_one_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out");
    let again = folder.path().join(".").join("out");
    let inspect = |out: &str, lines: &str| {
        headroom(&["inspect", "-q", "captures/dc-any.pcap", "-o", out, "--activities", lines])
    };
    for (out, lines) in [(text(&path), text(&again)), ("-", "-")] {
        inspect(out, lines).ends_with(2).says(&["both go there"]);
    }
    assert!(!path.exists());
    let lines = folder.path().join("lines");
    assert_eq!(inspect(text(&path), text(&lines)).ends_with(0).out, "");
    assert!(path.exists() && lines.exists());
    // The second time the files are there.
    inspect(text(&path), text(&path)).ends_with(2).says(&["both go there"]);
    #[cfg(unix)]
    inspect("/dev/null", "/dev/null").ends_with(0);
}

/// Each line a whole object, whatever becomes of the capture behind it.
#[test]
fn activities_of_a_damaged_capture_are_those_before_the_damage() {
    let lines = |input: &str, code: i32| -> Vec<Value> {
        let said = headroom(&["inspect", "-q", input, "--activities", "-"]).ends_with(code);
        said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines("captures/dc-smb.pcapng", 0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    let bytes = std::fs::read(super::sample("dc-smb.pcapng")).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() * 2 / 3 + 1]).unwrap();
    let some = lines(text(&path), 3);
    assert!(some.len() > 20 && some.len() < all.len(), "{} of {}", some.len(), all.len());
    for (line, fields) in some.iter().zip([all[0].as_object().unwrap()].iter().cycle()) {
        assert!(fields.keys().all(|field| line.get(field).is_some()), "{line}");
    }
}

/// A rename would put a plain file in its place: of `/dev/null`, with root's rights.
#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_a_device_a_device() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target.csv"), folder.path().join("link.csv"));
    std::fs::write(&target, "old").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    headroom(&["size", "captures/dc-any.pcap", "--format", "csv", "-o", text(&link)]).ends_with(0);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&target).unwrap().starts_with("DC,"));
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: no mkfifo here");
        return;
    }
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    headroom(&["size", "captures/dc-any.pcap", "--format", "csv", "-o", text(&pipe)]).ends_with(0);
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    assert!(reader.join().unwrap().starts_with("DC,"));
}

#[test]
fn the_command_in_markdown_is_the_one_that_was_typed() {
    let line = "size captures/dc-any.pcap --format markdown --fail-if";
    let plain = run(&format!("{line} packets==0")).ends_with(0).out;
    assert!(plain.contains(&format!("with `headroom {line} packets==0`. ")), "{plain}");
    let escaped = run(&format!("{line} packets<1")).ends_with(0).out;
    assert!(escaped.contains("--fail-if 'packets&lt;1'. "), "{escaped}");
}

/// Goldens are rewritten with `BLESS=1`; the difference is read in review.
#[test]
fn texts_are_as_they_were() {
    for (name, line) in [
        ("size.txt", "size captures/dc-morning.pcapng --cores 2 --ram 8"),
        ("size-counters.txt", "size captures/counters/perfmon-en.csv --cores 2"),
        ("inspect.txt", "inspect captures/dc-morning.pcapng"),
    ] {
        let out = run(line).ends_with(0).out;
        // The figures of this very run.
        let kept: Vec<&str> = out.lines().filter(|line| !line.starts_with("read in ")).collect();
        let text = kept.join("\n") + "\n";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == golden, "{name} differs; BLESS=1 writes it again. Now:\n{text}");
    }
}
