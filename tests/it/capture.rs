//! Capture files against facts that others found in them, and against damage.

mod damage;
mod emit;
#[cfg(unix)]
mod oracle;
mod set;
mod shapes;

use std::path::PathBuf;

use headroom::base::{Batch, FrameSource, Timestamp};
use headroom::capture::{CaptureSet, Options, Reader};
use headroom::record::InputFile;

/// Captures that are not part of the project; tests that use them say when they are missing.
fn shared_captures() -> Option<PathBuf> {
    let root = std::env::var_os("HEADROOM_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")),
        PathBuf::from,
    );
    let captures = root.join("captures");
    captures.is_dir().then_some(captures)
}

/// One record, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packet {
    nanos: i64,
    original_length: u32,
    link: u16,
    interface: u16,
    bytes: Vec<u8>,
}

/// Everything a source yields, with the promises of the frame contract checked.
fn drain(source: &mut impl FrameSource) -> Vec<Packet> {
    let mut packets = Vec::new();
    let mut batch = Batch::default();
    let mut input_bytes = 0;
    while source.fill(&mut batch) {
        assert_eq!(batch.first_frame, packets.len() as u64);
        assert!(batch.input_bytes >= input_bytes);
        input_bytes = batch.input_bytes;
        assert!(!batch.records.is_empty());
        for record in &batch.records {
            assert!(record.captured_length <= record.original_length);
            let end = record.offset as usize + record.captured_length as usize;
            assert!(end <= batch.bytes.len());
            let frame = batch.frame(record);
            packets.push(Packet {
                nanos: record.time.nanos(),
                original_length: record.original_length,
                link: record.link.0,
                interface: record.interface,
                bytes: frame.bytes.to_vec(),
            });
        }
    }
    assert!(batch.records.is_empty());
    packets
}

fn read_bytes(bytes: &[u8]) -> (Vec<Packet>, InputFile) {
    let mut reader = Reader::from_read("bytes", std::io::Cursor::new(bytes.to_vec())).unwrap();
    let packets = drain(&mut reader);
    (packets, reader.finish())
}

fn read_set(paths: &[PathBuf], options: Options) -> (Vec<Packet>, Vec<InputFile>) {
    let mut set = CaptureSet::open(paths, options).unwrap();
    let packets = drain(&mut set);
    (packets, set.finish())
}

#[test]
fn container_facts_are_those_of_the_independent_reader() {
    let Some(captures) = shared_captures() else { return println!("skipped: no captures") };
    let mut names: Vec<_> = std::fs::read_dir(captures.join("truth/dev"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut differences = Vec::new();
    println!("{:>8} {:>10} {:>10}  file", "packets", "captured", "on wire");
    for name in &names {
        let truth = std::fs::read(captures.join("truth/dev").join(name)).unwrap();
        let truth: serde_json::Value = serde_json::from_slice(&truth).unwrap();
        let name = name.strip_suffix(".json").unwrap();
        let path = captures.join("dev").join(name);
        let (packets, files) = read_set(&[path], Options::default());
        let got = facts(&packets, &files[0]);
        let [captured, wire] = ["bytes_cap", "bytes_wire"].map(|key| got[key].to_string());
        println!("{:>8} {captured:>10} {wire:>10}  {name}", packets.len());
        for (key, value) in got.as_object().unwrap() {
            let wanted = &truth["container"][key];
            let near = match (value.as_f64(), wanted.as_f64()) {
                // The truth holds seconds as floating point with microseconds.
                (Some(a), Some(b)) => (a - b).abs() < 2e-6,
                _ => value == wanted,
            };
            if !near {
                differences.push(format!("{name}: {key} is {value}, truth {wanted}"));
            }
        }
    }
    println!("{} differences in {} files", differences.len(), names.len());
    assert!(names.len() >= 92, "{}", names.len());
    assert_eq!(differences, Vec::<String>::new());
}

/// Our answer in the truth's words.
fn facts(packets: &[Packet], file: &InputFile) -> serde_json::Value {
    let seconds = |time: Option<Timestamp>| time.map(|time| time.nanos() as f64 / 1e9);
    let mut links: Vec<u16> = Vec::new();
    for interface in &file.interfaces {
        if !links.contains(&interface.link_type) {
            links.push(interface.link_type);
        }
    }
    serde_json::json!({
        "packets": packets.len(),
        "bytes_cap": packets.iter().map(|packet| packet.bytes.len() as u64).sum::<u64>(),
        "bytes_wire": packets.iter().map(|packet| u64::from(packet.original_length)).sum::<u64>(),
        "caplen_lt_len": file.interfaces.iter().map(|interface| interface.packets_cut).sum::<u64>(),
        "truncated": u64::from(file.damage.is_some()),
        "ts_backwards": file.records_out_of_order,
        "first_ts": seconds(file.first_utc),
        "last_ts": seconds(file.last_utc),
        "sections": file.sections,
        "ifaces": file.interfaces.len(),
        "max_cap": packets.iter().map(|packet| packet.bytes.len()).max().unwrap_or(0),
    })
}
