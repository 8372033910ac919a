//! Ways to give inputs, and that they all mean the same.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::{headroom, headroom_reading, records, run, sample, text, words, write_pcap};

/// The result without what depends on how it was asked for: inputs and command.
fn result(mut json: Value) -> Value {
    let object = json.as_object_mut().unwrap();
    for key in ["inputs", "command", "run"] {
        object.remove(key);
    }
    json
}

#[test]
fn standard_input_is_read_as_a_file_is() {
    let plain = sample("dc-any.pcap");
    let bytes = std::fs::read(&plain).unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(&bytes[..], 0).unwrap();
    for verb in ["size", "inspect"] {
        let wanted = result(headroom(&[verb, "--json", text(&plain)]).ends_with(0).json());
        for input in [bytes.clone(), gzip.clone(), zstd.clone()] {
            let got = headroom_reading(&[verb, "--json", "-"], input).ends_with(0);
            assert_eq!(got.json()["inputs"][0]["path"], "-");
            assert_eq!(result(got.json()), wanted);
        }
    }
}

#[test]
fn a_directory_is_all_that_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::copy(sample("dc-any.pcap"), inner.join("any.pcap")).unwrap();
    std::fs::copy(sample("dc-dns.pcapng"), folder.path().join("dns")).unwrap();
    std::fs::copy(sample("dc-any.pcap"), folder.path().join(".hidden.pcap")).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a capture").unwrap();
    std::fs::write(folder.path().join("empty.pcap"), "").unwrap();
    let got = headroom(&["inspect", "--json", text(folder.path())])
        .ends_with(0)
        .says(&["skipped 2 other files; -v names them"]);
    let wanted = run("inspect --json captures/dc-any.pcap captures/dc-dns.pcapng").ends_with(0);
    assert_eq!(result(got.json()), result(wanted.json()));
    headroom(&["inspect", "-v", text(folder.path())])
        .ends_with(0)
        .says(&["empty.pcap: no capture, no counter log", "notes.txt: no capture"]);
}

#[test]
fn a_file_given_twice_counts_once() {
    let once = run("size --json captures/dc-any.pcap captures/counters/plain.csv").ends_with(0);
    let twice = run(
        "size --json captures/dc-any.pcap captures/counters/plain.csv captures/../captures/dc-any.pcap \
         captures/counters/plain.csv",
    )
    .ends_with(0)
    .says(&["skipped captures/../captures/dc-any.pcap: the same file as another input"]);
    assert_eq!(result(twice.json()), result(once.json()));
}

/// A report's workbook has the vendor tool's columns and could be taken for one more input.
#[test]
fn reports_beside_captures_are_not_read_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(sample("dc-any.pcap"), folder.path().join("any.pcap")).unwrap();
    let place = text(folder.path());
    let report = || {
        headroom(&["report", place, "-o", place, "-q"]).ends_with(0);
        std::fs::read(folder.path().join("report.html")).unwrap()
    };
    let first = report();
    assert!(report() == first, "the second report differs");
}

#[test]
fn a_rotated_set_equals_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let whole = records(&sample("dc-morning.pcapng"));
    let parts = [&whole[..400], &whole[400..901], &whole[901..]];
    // Names in another order than times.
    let names = ["m.pcap", "z.pcap", "a.pcap"].map(|name| folder.path().join(name));
    names.iter().zip(parts).for_each(|(path, part)| write_pcap(path, part));
    for verb in ["size", "inspect"] {
        let wanted = headroom(&[verb, "--json", text(&sample("dc-morning.pcapng"))]).ends_with(0);
        let folder = headroom(&[verb, "--json", text(folder.path())]).ends_with(0);
        assert_eq!(folder.json()["inputs"].as_array().unwrap().len(), 3);
        assert_eq!(result(folder.json()), result(wanted.json()));
        let [m, z, a] = names.each_ref().map(|path| text(path));
        let listed = headroom(&[verb, "--json", a, m, z]).ends_with(0);
        assert_eq!(result(listed.json()), result(wanted.json()));
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    // So few flows that they evict each other: then the order of packets shows.
    let line = "captures --max-flows 64";
    let threads = |verb: &str, count: u16| {
        let count = count.to_string();
        let mut all = vec![verb, "--json", "--threads", &count];
        all.extend(words(line));
        headroom(&all).ends_with(0)
    };
    // The command differs by the number, and nothing else.
    let size = |count: u16| {
        let out = threads("size", count).out;
        out.replace(&format!("--threads {count}"), "--threads N")
    };
    let inspect = |count: u16| {
        let mut json = threads("inspect", count).json();
        let run = json.as_object_mut().unwrap().remove("run").unwrap();
        assert_eq!(run["threads"], count);
        json.as_object_mut().unwrap().remove("command");
        json
    };
    let (one_size, one_inspect) = (size(1), inspect(1));
    assert!(one_inspect["traffic"]["drops"]["flows_evicted"].as_u64() > Some(100));
    for count in [2, 5] {
        assert_eq!(size(count), one_size, "{count} threads");
        assert_eq!(inspect(count), one_inspect, "{count} threads");
    }
}

#[cfg(unix)]
#[test]
fn a_filter_needs_libpcap_and_says_so() {
    let line = ["inspect", "--json", "captures/dc-dns.pcapng", "--filter", "udp port 53"];
    let filtered = headroom(&line);
    if headroom::capture::libpcap_version().is_none() {
        println!("skipped: no libpcap here");
        filtered.ends_with(2).says(&["libpcap"]);
        return;
    }
    let json = filtered.ends_with(0).json();
    // tshark's count of that port, from dc-dns.pcapng.expect.toml.
    assert_eq!(json["traffic"]["frames"], 174);
    headroom(&["inspect", "captures/dc-dns.pcapng", "--filter", "udp prot 53"])
        .ends_with(2)
        .says(&["failed to filter `udp prot 53`"]);
}

#[test]
fn counters_are_read_from_files_and_from_a_pipe() {
    for name in ["counters/perfmon-en.csv", "counters/plain.csv", "counters/sizing-tool.xlsx"] {
        let path = sample(name);
        let log = std::fs::read(&path).unwrap();
        let wanted = headroom(&["size", "--json", text(&path)]).ends_with(0).json();
        let got = headroom_reading(&["size", "--json", "-"], log.clone()).ends_with(0).json();
        assert_eq!(got["inputs"][0]["size_bytes"], log.len());
        assert_eq!(got["inputs"][0]["records"], wanted["inputs"][0]["records"]);
        assert_eq!(got["domain_controllers"], wanted["domain_controllers"], "{name}");
        headroom_reading(&["inspect", "-"], log).ends_with(2).says(&["use `headroom size`"]);
    }
    let json = run("size --json captures/counters/perfmon-en.csv captures/counters/plain.csv")
        .ends_with(0)
        .json();
    assert_eq!(json["domain_controllers"].as_array().unwrap().len(), 4);
    assert_eq!(json["unattributed_packets"], Value::Null);
}

#[test]
fn a_capture_and_a_counter_log_go_into_one_report() {
    let json =
        run("size --json captures/dc-any.pcap captures/counters/plain.csv").ends_with(0).json();
    assert_eq!(json["inputs"].as_array().unwrap().len(), 2);
    assert_eq!(json["domain_controllers"].as_array().unwrap().len(), 3);
}

/// Microsoft's own screenshot of the tool's result shows these amounts of missing memory.
#[test]
fn the_vendors_screenshot_is_reproduced() {
    let json = run("size captures/counters/sizing-tool.xlsx --format json").ends_with(0).json();
    let rows = json["domain_controllers"].as_array().unwrap();
    let short = rows.iter().map(|row| {
        let checks = row["verdict"]["checks"].as_array().unwrap();
        let memory = checks.iter().find(|check| check["resource"] == "available_memory");
        let name = row["dc"]["name"].as_str().unwrap().to_owned();
        (name, memory.unwrap()["short_by"].as_f64().unwrap())
    });
    let wanted = [
        ("DC1", 0.0),
        ("DC2", 1.0),
        ("DC3", 4.0),
        ("DC5", 2.0),
        ("DC4", 5.0),
        ("DC6", 1.0),
        ("DC7", 1.0),
        ("DC8", 1.0),
        ("DC9", 0.0),
    ];
    let wanted = wanted.map(|(name, gigabytes)| (name.to_owned(), gigabytes));
    assert_eq!(short.collect::<Vec<_>>(), wanted);
}

#[test]
fn what_was_read_and_what_was_left_out_is_told_to_those_who_ask() {
    let line = "captures/dc-any.pcap captures/counters/plain.csv";
    run(&format!("inspect -v {line}")).ends_with(0).says(&[
        "counter logs left out: 1; `headroom size` reads them",
        "read captures/dc-any.pcap as pcap 2.4, ",
    ]);
    run(&format!("size -v --json {line}"))
        .ends_with(0)
        .says(&["read captures/dc-any.pcap as pcap 2.4, ", "read captures/counters/plain.csv as "]);
    assert_eq!(run(&format!("inspect -q {line}")).ends_with(0).err, "");
}
