//! Exit codes and what is said with them.

use std::io::Read as _;
use std::process::Stdio;

use super::{command, headroom, headroom_reading, run, sample, text};

#[test]
fn a_missing_path_is_named() {
    for verb in ["size", "inspect", "report -o target/never"] {
        let missing = run(&format!("{verb} no/such.pcapng")).ends_with(2);
        assert!(missing.says(&["headroom: failed to open no/such.pcapng: "]).out.is_empty());
    }
}

#[test]
fn files_that_are_no_input_are_named_with_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let empty = file("empty.pcap", b"");
    let said = headroom(&["size", text(&empty)]).ends_with(2).err;
    assert_eq!(said, format!("headroom: failed to read {}: the file is empty\n", empty.display()));
    let letter = file("letter.txt", b"Dear Sir,\nplease find enclosed");
    for verb in ["size", "inspect"] {
        headroom(&[verb, text(&letter)]).ends_with(2).says(&[
            &format!("failed to read {}: expected a capture", letter.display()),
            r#"found text that begins "Dear Sir,"#,
        ]);
    }
    let table = file("plain.csv", b"time,host,packets_per_second\nnever,DC1,5\n");
    let said = headroom(&["size", text(&table)]).ends_with(2).err;
    assert_eq!(said.matches("no row has a readable time").count(), 1, "told twice: {said}");
    headroom_reading(&["size", "-"], Vec::new()).ends_with(2).says(&["read -: the file is empty"]);
    headroom_reading(&["size", "-"], b"Dear Sir,".to_vec())
        .ends_with(2)
        .says(&["failed to read -: expected a pcap or pcapng capture, found text"]);
}

#[test]
fn a_directory_without_input_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letter.txt"), "Dear Sir").unwrap();
    std::fs::write(folder.path().join("empty.pcap"), "").unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    headroom(&["size", text(folder.path())])
        .ends_with(2)
        .says(&["failed to find a capture or counter log in ", text(folder.path())]);
}

#[test]
fn a_capture_cut_inside_a_record_is_used_up_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    let whole = std::fs::read(sample("dc-dns.pcapng")).unwrap();
    std::fs::write(&path, &whole[..30_000]).unwrap();
    let what = format!(
        "headroom: failed to read {}: at byte 29332: block needs 1548 bytes, 668 are left; the \
         file is cut short; 135 records before it were used\n",
        path.display()
    );
    let size = headroom(&["size", "--json", "-q", text(&path)]).ends_with(3);
    assert_eq!(size.err, what);
    let json = size.json();
    assert_eq!(json["complete"], false);
    assert_eq!(json["inputs"][0]["records"], 135);
    assert_eq!(json["inputs"][0]["damage"]["offset_bytes"], 29_332);
    assert_eq!(json["domain_controllers"][0]["dc"]["packets"], 135);
    let inspect = headroom(&["inspect", text(&path)]).ends_with(3);
    assert_eq!(inspect.err, what);
    assert!(inspect.out.starts_with("INCOMPLETE"), "{}", inspect.out);
    assert!(headroom(&["size", text(&path)]).ends_with(3).out.starts_with("INCOMPLETE"));
}

#[test]
fn a_block_length_that_cannot_be_ends_the_file_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("garbage.pcapng");
    let mut bytes = std::fs::read(sample("dc-dns.pcapng")).unwrap();
    // The 31st block.
    let mut offset = 0;
    for _ in 0..30 {
        let length: [u8; 4] = bytes[offset + 4..offset + 8].try_into().unwrap();
        offset += u32::from_le_bytes(length) as usize;
    }
    bytes[offset + 4..offset + 8].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    headroom(&["size", text(&path)]).ends_with(3).says(&[
        &format!("read {}: at byte {offset}: block says 4294967294 bytes; ", path.display()),
        "a length is a multiple of 4",
        "28 records before it were used",
    ]);
}

#[test]
fn a_report_of_a_damaged_capture_is_written_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    let out = folder.path().join("out");
    let whole = std::fs::read(sample("dc-dns.pcapng")).unwrap();
    std::fs::write(&path, &whole[..30_000]).unwrap();
    headroom(&["report", text(&path), "-o", text(&out)]).ends_with(3);
    for (name, word) in [("html", "ncomplete"), ("md", "ncomplete"), ("json", "at byte 29332")] {
        let written = std::fs::read_to_string(out.join(format!("report.{name}"))).unwrap();
        assert!(written.contains(word), "{name} does not say it");
    }
}

#[test]
fn a_condition_that_holds_is_one_and_damage_goes_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pcapng");
    let whole = std::fs::read(sample("dc-dns.pcapng")).unwrap();
    std::fs::write(&path, &whole[..30_000]).unwrap();
    let gate = |path: &str, condition: &str| headroom(&["size", path, "--fail-if", condition]);
    let whole = text(&sample("dc-dns.pcapng")).to_owned();
    gate(&whole, "packets>432")
        .ends_with(1)
        .says(&["condition holds: 10.77.0.10: 433 (packets>432)"]);
    assert_eq!(gate(&whole, "packets>433").ends_with(0).err, "");
    gate(&whole, "verdict!=Yes").ends_with(1).says(&["verdict is Missing"]);
    gate(&whole, "short_memory_gb>1").ends_with(1).says(&["unknown (short_memory_gb>1)"]);
    gate(text(&path), "packets>0").ends_with(3).says(&["condition holds", "at byte 29332"]);
}

#[test]
fn wrong_use_is_two_and_names_the_flag() {
    for (line, part) in [
        ("size --nope x", "unexpected argument '--nope'"),
        ("frobnicate", "unrecognized subcommand 'frobnicate'"),
        ("size", "<INPUT>"),
        ("report captures/dc-any.pcap", "--output <DIR>"),
        ("size captures/dc-any.pcap --json --format csv", "cannot be used with"),
        ("size captures/dc-any.pcap --format pdf", "invalid value 'pdf'"),
        ("size captures/dc-any.pcap --mtu 9", "9 is not in 68..=65535"),
        ("size captures/dc-any.pcap --threads 0", "0 is not in 1..=1024"),
        ("size captures/dc-any.pcap --dc 10.0", "headroom: --dc 10.0: '10.0' is not an IP address"),
        ("size captures/dc-any.pcap --dc A=10.0.0.1 --dc 10.0.0.1", "10.0.0.1 is given twice"),
        ("size captures/dc-any.pcap --cores many", "headroom: --cores many: 'many' is not a"),
        ("size captures/dc-any.pcap --cores 0", "a number of cores from 1 to 4096"),
        ("size captures/dc-any.pcap --ram NaN", "'NaN' is not a positive number of GB"),
        ("size captures/dc-any.pcap --fail-if x", "headroom: --fail-if 'x': no operator"),
        ("size captures/dc-any.pcap --fail-if busy>1", "known are busy_pps"),
        ("size captures/dc-any.pcap --table v9", "headroom: --table: there is no capacity table"),
        ("size captures/dc-any.pcap --spike-ratio=-1", "headroom: --spike-ratio: "),
        ("size captures/dc-any.pcap --estate no.toml", "failed to open no.toml"),
        ("size captures/dc-any.pcap --counter-names no.toml", "failed to open no.toml"),
        ("size - -", "failed to read standard input twice"),
        ("inspect captures/counters/plain.csv", "failed to inspect captures: there is none"),
    ] {
        let said = run(line).ends_with(2).says(&[part]);
        assert_eq!(said.out, "", "{line}");
    }
}

#[test]
fn help_tells_the_exit_codes_and_every_flag_of_fail_if() {
    let help = run("--help").ends_with(0).out;
    for code in ["0  done", "1  a --fail-if", "2  wrong use", "3  an input is damaged"] {
        assert!(help.contains(code), "{help}");
    }
    let help = run("size --help").ends_with(0).out;
    assert!(help.contains("busy_pps, average_pps"), "{help}");
    for table in &headroom::model::tables().capacity {
        assert!(help.contains(table.table.key.as_str()), "no table {} in {help}", table.table.key);
    }
    for verb in ["report", "size", "inspect"] {
        let help = run(&format!("{verb} --help")).ends_with(0).out;
        assert!(help.contains("Examples:") && help.contains("3  an input is damaged"), "{help}");
        let (own, general) = help.split_once("General options:").unwrap();
        assert!(!own.contains("--quiet") && general.contains("--quiet"), "{help}");
    }
    assert!(run("--version").ends_with(0).out.starts_with("headroom "));
}

/// A folder that nobody can write into, not even root: one that is a file, and the kernel's own.
#[test]
fn a_folder_that_cannot_be_written_fails_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let inside = file.join("inner");
    let mut places = vec![text(&file), text(&inside)];
    if cfg!(target_os = "linux") {
        places.push("/proc");
    }
    for place in places {
        // Were it read, the pipe that never ends would hold the program for ever.
        let mut child = command(&["report", "-", "-o", place])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{said}");
        assert!(said.contains(place), "{said}");
    }
    let inner = text(&inside).to_owned();
    headroom(&["size", "captures/dc-any.pcap", "-o", &inner]).ends_with(2).says(&[&inner]);
    headroom(&["inspect", "captures/dc-any.pcap", "-o", &inner]).ends_with(2).says(&[&inner]);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for line in [
        "inspect captures/dc-morning.pcapng --json",
        "size captures/dc-morning.pcapng",
        "man",
        "completions bash",
    ] {
        let mut child = command(&super::words(line))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{line}");
    }
}

#[test]
fn a_cause_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    std::fs::write(&path, "time,host,packets_per_second\n").unwrap();
    let said = headroom(&["size", text(&path)]).ends_with(2).err;
    assert_eq!(said.matches("no rows below its header").count(), 1, "{said}");
    std::fs::write(&path, "[[other]]\n").unwrap();
    let said = headroom(&["size", "captures/dc-any.pcap", "--counter-names", text(&path)]);
    assert_eq!(said.err.matches("unknown field").count(), 1, "{}", said.err);
    headroom(&["size", "captures/dc-any.pcap", "--estate", text(&path)])
        .ends_with(2)
        .says(&["failed to read estate ", "there is no key `other`"]);
}

#[test]
fn a_condition_without_a_controller_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.pcap");
    let whole = std::fs::read(sample("dc-kerberos.pcap")).unwrap();
    std::fs::write(&path, &whole[..24]).unwrap();
    headroom(&["size", text(&path)]).ends_with(0);
    headroom(&["size", text(&path), "--fail-if", "busy_pps>20000"])
        .ends_with(1)
        .says(&["condition holds: unknown, no domain controller was found"]);
}
