//! Anonymised captures and results: nothing of the lab's names is left in any byte, and the size
//! is the same.

use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::Command;

use headroom::base::{Batch, Frame, FrameSource, LinkType, Record, Timestamp};
use headroom::capture::{CaptureSet, InterfaceSpec, Options, PcapngWriter};
use headroom::privacy::{Key, Pseudonyms, Scrubber};
use headroom::sensor::{self, Observation};
use serde_json::Value;

use super::cli::{Run, headroom};

/// Names of the lab: its people, machines and what `captures/lab/scenarios.sh` calls things.
const NAMES: [&str; 24] = [
    "lab",
    "alice",
    "bob",
    "carol",
    "dora",
    "erik",
    "frank",
    "ws1",
    "ws2",
    "ws9",
    "dc1",
    "nosuch",
    "nobody-here",
    "walnut",
    "harbour",
    "copy room",
    "second floor",
    "mssqlsvc/db",
    "lab.example",
    "example",
    "wrong",
    "up.lab",
    "vpn-user",
    "staff",
];

/// Last numbers of the lab's addresses, `10.77.0.N` and `fd77::N`.
const HOSTS: [u8; 6] = [10, 21, 22, 90, 91, 99];

/// Captures of which tshark calls more frames malformed than of the original, how many, and why.
const MALFORMED: &[(&str, usize, &str)] = &[(
    "dc-smb-snap128.pcap",
    20,
    "what follows a message that was cut is blank, which tshark reads as messages of no bytes",
)];

/// One frame, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    time: Timestamp,
    link: LinkType,
    interface: u16,
    bytes: Vec<u8>,
    original_length: u32,
}

impl Kept {
    fn frame(&self) -> Frame<'_> {
        let Self { time, link, original_length, .. } = *self;
        Frame { time, link, bytes: &self.bytes, original_length }
    }
}

/// Owned frames as a source.
struct Source(std::vec::IntoIter<Kept>, u64);

impl FrameSource for Source {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.records.clear();
        batch.first_frame = self.1;
        for kept in self.0.by_ref().take(1_000) {
            batch.records.push(Record {
                time: kept.time,
                offset: u32::try_from(batch.bytes.len()).unwrap(),
                captured_length: u32::try_from(kept.bytes.len()).unwrap(),
                original_length: kept.original_length,
                link: kept.link,
                interface: kept.interface,
            });
            batch.bytes.extend(kept.bytes);
        }
        self.1 += batch.records.len() as u64;
        !batch.records.is_empty()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

fn captures() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let is_capture = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        [".pcap", ".pcapng", ".gz", ".zst"].iter().any(|ending| name.ends_with(ending))
    };
    let mut paths: Vec<PathBuf> = entries.filter(is_capture).collect();
    paths.sort();
    assert!(paths.len() >= 16);
    paths
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

fn read(path: &Path) -> Vec<Kept> {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let mut batch = Batch::default();
    let mut frames = Vec::new();
    while set.fill(&mut batch) {
        frames.extend(batch.records.iter().map(|record| Kept {
            time: record.time,
            link: record.link,
            interface: record.interface,
            bytes: batch.frame(record).bytes.to_vec(),
            original_length: record.original_length,
        }));
    }
    frames
}

fn scrub(frames: &[Kept], secret: &[u8]) -> Vec<Kept> {
    let mut scrubber = Scrubber::new(Pseudonyms::new(&Key::from_secret(secret)));
    let mut got = Vec::new();
    let mut out = |frame: &Frame<'_>, interface: u16| {
        let &Frame { time, link, bytes, original_length } = frame;
        got.push(Kept { time, link, interface, bytes: bytes.to_vec(), original_length });
        Ok(())
    };
    for frame in frames {
        scrubber.take(&frame.frame(), frame.interface, &mut out).unwrap();
    }
    scrubber.finish(&mut out).unwrap();
    got
}

fn observe(frames: Vec<Kept>) -> Observation {
    let options = sensor::Options { threads: 1, ..sensor::Options::default() };
    sensor::observe(&mut Source(frames.into_iter(), 0), &options, &|_| (), None).unwrap()
}

/// Every form in which a name may stand in a packet.
fn forms(name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let wide = name.bytes().flat_map(|byte| [byte, 0]).collect();
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    let labels = name.split('.').flat_map(label).collect();
    let upper = name.to_ascii_uppercase();
    let encoded = upper.bytes().flat_map(|byte| [b'a' + (byte >> 4), b'a' + (byte & 15)]).collect();
    vec![
        ("ASCII", name.as_bytes().to_vec()),
        ("UTF-16", wide),
        ("labels", labels),
        ("NetBIOS", encoded),
    ]
}

/// What of the lab is found in `bytes`.
fn leaks(bytes: &[u8]) -> Vec<String> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |haystack: &[u8], needle: &[u8]| memchr::memmem::find(haystack, needle).is_some();
    let mut found = Vec::new();
    for name in NAMES {
        for (form, needle) in forms(name) {
            if holds(&lower, &needle) {
                found.push(format!("{name} in {form}"));
            }
        }
    }
    for host in HOSTS {
        let v6 = format!("fd77::{host}").parse::<Ipv6Addr>().unwrap().octets();
        let backwards = format!("{host}\u{1}0\u{2}77\u{2}10");
        let text = format!("10.77.0.{host}");
        for needle in [&[10, 77, 0, host], &v6[..], text.as_bytes(), backwards.as_bytes()] {
            if holds(bytes, needle) {
                found.push(format!("address {host}: {needle:02x?}"));
            }
        }
    }
    found
}

#[test]
fn frames_keep_their_order_times_and_lengths() {
    for path in captures() {
        let before = read(&path);
        let after = scrub(&before, b"a key of the tests");
        let facts = |frames: &[Kept]| -> Vec<_> {
            let of = |k: &Kept| (k.time, k.link, k.interface, k.bytes.len(), k.original_length);
            frames.iter().map(of).collect()
        };
        assert_eq!(facts(&before), facts(&after), "{}", name(&path));
    }
}

#[test]
fn no_name_and_no_address_of_the_lab_is_left_in_a_frame() {
    let mut before_all = 0;
    for path in captures() {
        let before = read(&path);
        before_all += before.iter().filter(|frame| !leaks(&frame.bytes).is_empty()).count();
        for (number, frame) in scrub(&before, b"a key of the tests").iter().enumerate() {
            let found = leaks(&frame.bytes);
            assert!(found.is_empty(), "{} frame {}: {found:?}", name(&path), number + 1);
        }
    }
    assert!(before_all > 10_000, "the search finds what is there: {before_all} frames");
}

/// What must be the same: all but addresses, and durations, which are rounded by a clock that
/// each shard starts for itself; another address may lie in another shard.
fn comparable(observation: &Observation) -> Value {
    let mut traffic = serde_json::to_value(&observation.traffic).unwrap();
    traffic["flows"]["duration_ms"].take();
    for server in traffic["servers"].as_array_mut().unwrap() {
        let count = server["addresses"].as_array().unwrap().len();
        server["addresses"] = count.into();
    }
    let mut rows = serde_json::to_value(&observation.domain_controllers).unwrap();
    for row in rows.as_array_mut().unwrap() {
        row["name"].take();
        let count = row["addresses"].as_array().unwrap().len();
        row["addresses"] = count.into();
    }
    // How many messages of which operation, and how well they were read.
    let understood = serde_json::to_value(&observation.understood).unwrap();
    let messages = ["protocols", "operations", "malformed"].map(|list| understood[list].clone());
    let other = observation.unattributed;
    serde_json::json!({ "traffic": traffic, "rows": rows, "messages": messages, "other": other })
}

#[test]
fn an_anonymised_capture_sizes_the_same() {
    for path in captures() {
        let before = read(&path);
        let after = scrub(&before, b"a key of the tests");
        let [before, after] = [before, after].map(|frames| comparable(&observe(frames)));
        assert_eq!(before, after, "{}", name(&path));
    }
}

#[test]
fn the_same_key_gives_the_same_bytes_and_another_does_not() {
    let before = read(&folder().join("dc-morning.pcapng"));
    let one = scrub(&before, b"one");
    assert_eq!(one, scrub(&before, b"one"));
    assert_ne!(one, scrub(&before, b"other"));
    assert_ne!(one, before);
}

/// Frames whose sums etherparse finds right: of IPv4, and of TCP or UDP.
fn right_sums(frames: &[Kept]) -> Vec<(bool, bool)> {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    let of = |kept: &Kept| {
        let Ok(sliced) = SlicedPacket::from_ethernet(&kept.bytes) else { return (false, false) };
        let Some(NetSlice::Ipv4(ip)) = &sliced.net else { return (false, false) };
        let header = ip.header();
        let is_right = header.header_checksum() == header.to_header().calc_header_checksum();
        let inner = match &sliced.transport {
            Some(TransportSlice::Tcp(tcp)) => {
                let sum = tcp.to_header().calc_checksum_ipv4(&header.to_header(), tcp.payload());
                sum == Ok(tcp.checksum())
            }
            Some(TransportSlice::Udp(udp)) => {
                let sum = udp.to_header().calc_checksum_ipv4(&header.to_header(), udp.payload());
                sum == Ok(udp.checksum())
            }
            _ => false,
        };
        (is_right, inner)
    };
    frames.iter().map(of).collect()
}

#[test]
fn sums_that_were_right_are_right_and_no_others() {
    for (file, least) in [("dc-smb.pcapng", 1_000), ("dc-dns.pcapng", 300), ("dc-offload.pcap", 0)]
    {
        let before = read(&folder().join(file));
        let after = scrub(&before, b"a key of the tests");
        let [before, after] = [before, after].map(|frames| right_sums(&frames));
        assert_eq!(before, after, "{file}");
        let right = before.iter().filter(|(outer, inner)| *outer && *inner).count();
        assert!(right >= least, "{file}: {right}");
    }
}

#[test]
fn prefixes_stay_prefixes() {
    let mut names = Pseudonyms::new(&Key::from_secret(b"a key of the tests"));
    let mut image = |text: &str| match names.ip(text.parse().unwrap()) {
        IpAddr::V4(address) => address.octets(),
        IpAddr::V6(_) => panic!(),
    };
    let [a, b, c] = ["10.77.0.10", "10.77.0.21", "10.78.0.10"].map(&mut image);
    assert_eq!(a[..3], b[..3]);
    assert_eq!((a[0], c[0]), (10, 10));
    assert_ne!(a[1], c[1]);
}

/// Frames that tshark calls malformed; none where there is no tshark.
fn malformed(path: &Path) -> Option<usize> {
    let arguments = ["-Y", "_ws.malformed", "-T", "fields", "-e", "frame.number", "-r"];
    let output = Command::new("tshark").args(arguments).arg(path).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).lines().count())
}

#[test]
fn tshark_finds_no_more_malformed_frames() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shared.pcapng");
    for path in captures() {
        let frames = scrub(&read(&path), b"a key of the tests");
        let mut writer = PcapngWriter::new(std::fs::File::create(&file).unwrap(), &[]).unwrap();
        let count = 1 + frames.iter().map(|frame| frame.interface).max().unwrap();
        for interface in 0..count {
            let of = frames.iter().find(|frame| frame.interface == interface).unwrap();
            let spec = InterfaceSpec { link: of.link, ..InterfaceSpec::default() };
            assert_eq!(writer.add_interface(&spec).unwrap(), u32::from(interface));
        }
        for frame in &frames {
            writer.write(frame.interface.into(), &frame.frame()).unwrap();
        }
        writer.finish().unwrap();
        let (Some(before), Some(after)) = (malformed(&path), malformed(&file)) else {
            println!("skipped: no tshark");
            return;
        };
        let explained = MALFORMED.iter().find(|(file, ..)| *file == name(&path));
        let more = explained.map_or(0, |(_, count, why)| {
            println!("{}: {count} more malformed frames: {why}", name(&path));
            *count
        });
        assert!(after <= before + more, "{}: {before} became {after}", name(&path));
    }
}

/// The words of a text result, in lower case.
fn words(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
}

/// Fails where a result names the lab.
#[track_caller]
fn names_nobody(what: &str, bytes: &[u8]) {
    let all = words(bytes);
    for name in NAMES.iter().filter(|name| name.chars().all(char::is_alphanumeric)) {
        // A word of ours that is also a name of the lab.
        assert!(*name == "example" || !all.iter().any(|word| word == name), "{what}: {name}");
    }
    let text = String::from_utf8_lossy(bytes);
    for host in HOSTS {
        for address in [format!("10.77.0.{host}"), format!("fd77::{host}")] {
            assert!(!text.contains(&address), "{what}: {address}");
        }
    }
}

/// All parts of a ZIP, unpacked.
fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    for (at, _) in bytes.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x03\x04") {
        let number = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let data = at + 30 + number(at + 26) + number(at + 28);
        let mut part = Vec::new();
        flate2::read::DeflateDecoder::new(&bytes[data..]).read_to_end(&mut part).unwrap();
        all.extend(part);
    }
    all
}

/// A copy of a capture under a telling name, and the flags that anonymise what is made of it.
fn telling(folder: &Path) -> (String, [&'static str; 3]) {
    let path = folder.join("alice-dc1.lab.pcapng");
    std::fs::copy(self::folder().join("dc-morning.pcapng"), &path).unwrap();
    (path.to_str().unwrap().to_owned(), ["--anonymize", "--dc", "DC1=10.77.0.10,fd77::10"])
}

fn anonymised(command: &[&str], flags: &[&str]) -> Run {
    headroom(&[command, flags].concat()).ends_with(0)
}

#[test]
fn no_result_names_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let (path, flags) = telling(folder.path());
    for format in ["text", "json", "csv", "markdown", "html"] {
        let run = anonymised(&["size", &path, "--format", format], &flags);
        names_nobody(format, run.out.as_bytes());
        assert!(run.out.len() > 300);
    }
    for format in ["text", "json"] {
        let run = anonymised(&["inspect", &path, "--format", format], &flags);
        names_nobody(format, run.out.as_bytes());
        assert!(run.out.contains("10.") && run.out.contains("Kerberos"), "{}", run.out);
    }
    let lines = folder.path().join("did.jsonl");
    let lines = lines.to_str().unwrap();
    anonymised(&["inspect", &path, "--activities", lines], &flags);
    let written = std::fs::read(lines).unwrap();
    names_nobody("activities", &written);
    assert!(String::from_utf8_lossy(&written).lines().count() > 100);
    let report = folder.path().join("report");
    anonymised(&["-q", "report", &path, "-o", report.to_str().unwrap()], &flags);
    for entry in std::fs::read_dir(&report).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let is_workbook = name(&path).ends_with(".xlsx");
        names_nobody(name(&path), &if is_workbook { unzip(&bytes) } else { bytes });
    }
}

#[test]
fn an_anonymised_result_still_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (path, flags) = telling(folder.path());
    let plain = anonymised(&["size", "--json", &path], &flags[1..]).json();
    let hidden = anonymised(&["size", "--json", &path], &flags).json();
    for pointer in ["/domain_controllers/0/load", "/table", "/drops", "/complete"] {
        assert_eq!(plain.pointer(pointer), hidden.pointer(pointer), "{pointer}");
    }
    let row = |tree: &Value, field: &str| tree["domain_controllers"][0]["verdict"][field].clone();
    assert_eq!(row(&plain, "words"), row(&hidden, "words"));
    let count =
        |tree: &Value| tree["domain_controllers"][0]["dc"]["notes"].as_array().map(Vec::len);
    assert_eq!(count(&plain), count(&hidden));
    // Sentences of ours stay readable: they quote no name here.
    assert_eq!(row(&plain, "caveats"), row(&hidden, "caveats"));
}

/// All texts of a tree with their fields, in order.
fn texts(tree: &Value, field: &str, out: &mut Vec<(String, String)>) {
    match tree {
        Value::String(text) => out.push((field.to_owned(), text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, field, out)),
        Value::Object(fields) => fields.iter().for_each(|(field, item)| texts(item, field, out)),
        _ => {}
    }
}

#[test]
fn sentences_lose_names_and_addresses_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (path, flags) = telling(folder.path());
    let estate = folder.path().join("harbour.toml");
    std::fs::write(&estate, include_str!("synth/small.toml")).unwrap();
    let made = ["--start", "2026-01-12T09:00", "--duration", "1m", "--dc", "DC01"];
    let facts = ["--cores", "4", "--ram", "16", "--min-available-mb", "9000"];
    let estate = ["size", "--json", estate.to_str().unwrap(), made[0], made[1], made[2], made[3]];
    let size = ["size", "--json", &path];
    let inspect = ["inspect", "--json", &path];
    let is_named = |word: &str| {
        let word = word.to_lowercase();
        let is = |name: &&str| word.contains(*name);
        NAMES.iter().any(is)
            || ["10.77.0.", "fd77::", "10.9.0.", "dc01", "corp"].iter().any(is)
            || word.contains(folder.path().to_str().unwrap())
    };
    let mut wrong = Vec::new();
    for (words, flags) in [
        ([&size[..], &facts].concat(), &flags[1..]),
        (size.to_vec(), &flags[1..]),
        (inspect.to_vec(), &flags[1..]),
        (estate.to_vec(), &made[4..]),
    ] {
        let [mut open, mut hidden] = [Vec::new(), Vec::new()];
        texts(&anonymised(&words, flags).json(), "", &mut open);
        texts(&anonymised(&words, &[flags, &["--anonymize"]].concat()).json(), "", &mut hidden);
        assert_eq!(open.len(), hidden.len());
        for ((field, open), (_, hidden)) in open.iter().zip(&hidden) {
            let is_sentence = open.contains(' ') && field != "command";
            let changed = open.split(' ').zip(hidden.split(' ')).filter(|(a, b)| a != b);
            let changed: Vec<_> = changed.filter(|(a, _)| !is_named(a)).collect();
            if is_sentence && !changed.is_empty() {
                wrong.push(format!("{field}: {open}\n    {changed:?}"));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn counter_logs_lose_their_host_names() {
    let log = "captures/counters/perfmon-en.csv";
    let plain = headroom(&["size", "--json", log]).json();
    let host = plain["domain_controllers"][0]["dc"]["name"].as_str().unwrap().to_lowercase();
    let run = headroom(&["size", "--json", "--anonymize", log]);
    let hidden: Value = run.json();
    assert!(!words(run.out.as_bytes()).contains(&host), "{host} in {}", run.out);
    assert_eq!(
        plain.pointer("/domain_controllers/0/load"),
        hidden.pointer("/domain_controllers/0/load")
    );
}

#[test]
fn the_command_writes_what_inspect_counts_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, b"0123456789abcdef\n").unwrap();
    let key = key.to_str().unwrap();
    let traffic = |run: Run| run.ends_with(0).json()["traffic"]["protocols"].clone();
    let input = "captures/dc-smb.pcapng";
    let before = traffic(headroom(&["inspect", "--json", input]));
    let mut written = Vec::new();
    for file in ["one.pcap", "two.pcap", "three.pcapng"] {
        let out = folder.path().join(file);
        let out = out.to_str().unwrap();
        headroom(&["anonymize", input, out, "--key", key]).ends_with(0).says(&["1181 frames"]);
        assert_eq!(traffic(headroom(&["inspect", "--json", out])), before, "{file}");
        written.push(std::fs::read(out).unwrap());
    }
    assert_eq!(written[0], written[1], "the same key, the same bytes");
    assert_eq!(&written[2][..4], &[0x0a, 0x0d, 0x0d, 0x0a]);
}

#[test]
fn the_command_refuses_what_would_do_harm() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.pcap");
    std::fs::copy("captures/dc-radius.pcapng", &copy).unwrap();
    let copy = copy.to_str().unwrap();
    headroom(&["anonymize", copy, copy]).ends_with(2).says(&["one of the inputs"]);
    let key = folder.path().join("key");
    std::fs::write(&key, "short").unwrap();
    let out = folder.path().join("out.pcap");
    let out = out.to_str().unwrap();
    headroom(&["anonymize", copy, out, "--key", key.to_str().unwrap()])
        .ends_with(2)
        .says(&["5 bytes", "give 16"]);
    assert!(!Path::new(out).exists());
    headroom(&["anonymize", "captures/counters/plain.csv", out]).ends_with(2).says(&["no capture"]);
    let gzip = format!("{out}.gz");
    headroom(&["anonymize", copy, &gzip]).ends_with(2).says(&["not compressed"]);
    assert!(!Path::new(&gzip).exists());
    // Two link types do not fit into one pcap file: nothing half is left.
    headroom(&["anonymize", "captures/dc-any.pcap", copy, out]).ends_with(2).says(&["pcapng"]);
    assert!(!Path::new(out).exists());
}

#[test]
fn a_damaged_capture_is_written_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcap");
    let bytes = std::fs::read("captures/dc-kerberos.pcap").unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let out = folder.path().join("out.pcapng");
    let run = headroom(&["anonymize", cut.to_str().unwrap(), out.to_str().unwrap()]);
    run.ends_with(3).says(&["failed to read", "cut short"]);
    assert!(!read(&out).is_empty());
}
