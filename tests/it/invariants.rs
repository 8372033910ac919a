//! What must hold for every input: random, but from printed seeds.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use headroom::base::{Batch, Frame, FrameSource, Random};
use headroom::capture::{CaptureSet, InterfaceSpec, Options, PcapngWriter};
use headroom::flow::{Decoder, Flag, Packet, decode};
use headroom::sensor::{self, Named, Observation};

use super::cli::{Kept, headroom, records};
use super::samples::samples;

/// Rounds of each property on each sample.
const ROUNDS: u64 = 5;

fn observe(paths: &[PathBuf], named: Vec<Named>) -> Observation {
    let mut set = CaptureSet::open(paths, Options::default()).unwrap();
    let options = sensor::Options { threads: 2, named, ..sensor::Options::default() };
    sensor::observe(&mut set, &options, &|_| (), None).unwrap()
}

/// A number from `from` up to, but not including, `to`.
fn between(random: &mut Random, from: usize, to: usize) -> usize {
    from + random.below(u32::try_from(to - from).unwrap()) as usize
}

fn shuffle<T>(random: &mut Random, list: &mut [T]) {
    for at in (1..list.len()).rev() {
        list.swap(at, between(random, 0, at + 1));
    }
}

fn write_pcapng(path: &Path, records: &[Kept]) {
    let interface = InterfaceSpec { link: records[0].link, ..InterfaceSpec::default() };
    let mut writer = PcapngWriter::new(Vec::new(), &[interface]).unwrap();
    for kept in records {
        let frame = Frame {
            time: kept.time,
            link: kept.link,
            bytes: &kept.bytes,
            original_length: kept.original_length,
        };
        writer.write(0, &frame).unwrap();
    }
    std::fs::write(path, writer.finish().unwrap()).unwrap();
}

#[test]
fn splitting_and_shuffling_files_changes_nothing() {
    for (path, seed) in samples().iter().zip(1_u64..) {
        let whole = observe(std::slice::from_ref(path), Vec::new());
        let all = records(path);
        for round in 0..ROUNDS {
            let seed = seed * 1_000 + round;
            let random = &mut Random::new(seed);
            let mut at: Vec<usize> = (0..between(random, 1, 9))
                .map(|_| between(random, 1, all.len()))
                .chain([0, all.len()])
                .collect();
            at.sort_unstable();
            at.dedup();
            let folder = tempfile::tempdir().unwrap();
            let mut parts: Vec<PathBuf> = Vec::new();
            for (number, pair) in at.windows(2).enumerate() {
                parts.push(folder.path().join(format!("{number}.pcapng")));
                write_pcapng(&parts[number], &all[pair[0]..pair[1]]);
            }
            shuffle(random, &mut parts);
            let split = observe(&parts, Vec::new());
            assert_eq!(split, whole, "{} in {} parts, seed {seed}", path.display(), parts.len());
        }
    }
}

#[test]
fn the_order_of_overlapping_inputs_changes_nothing() {
    // Files of one lab, some of which cover the same minutes.
    let mut paths = samples();
    let link = |path: &PathBuf| records(path)[0].link;
    paths.retain(|path| link(path).0 == 1);
    let given = observe(&paths, Vec::new());
    for seed in 1..=4 {
        shuffle(&mut Random::new(seed), &mut paths);
        assert_eq!(observe(&paths, Vec::new()), given, "seed {seed}");
    }
}

/// Damages `bytes` in one of several ways.
fn damage(random: &mut Random, bytes: &mut Vec<u8>) -> String {
    let at = between(random, 0, bytes.len());
    match random.below(6) {
        0 => {
            bytes[at] ^= 1 << random.below(8);
            format!("a bit turned at {at}")
        }
        1 => {
            bytes.truncate(at);
            format!("cut at {at}")
        }
        2 => {
            let end = (at + 4).min(bytes.len());
            bytes[at..end].fill(0xff);
            format!("ones at {at}")
        }
        3 => {
            let end = (at + between(random, 1, 100)).min(bytes.len());
            bytes[at..end].fill(0);
            format!("zeros at {at}..{end}")
        }
        4 => {
            let end = (at + between(random, 1, 100)).min(bytes.len());
            bytes.drain(at..end);
            format!("without {at}..{end}")
        }
        _ => {
            bytes.insert(at, random.next_u64().to_le_bytes()[0]);
            format!("one byte more at {at}")
        }
    }
}

#[test]
fn damage_anywhere_gives_a_partial_result_or_a_message() {
    let folder = tempfile::tempdir().unwrap();
    let mut ends = [0; 4];
    for (path, seed) in samples().iter().zip(1_u64..) {
        let original = std::fs::read(path).unwrap();
        let frames = records(path).len() as u64;
        for round in 0..2 * ROUNDS {
            let seed = seed * 1_000 + round;
            let random = &mut Random::new(seed);
            let mut bytes = original.clone();
            let what = damage(random, &mut bytes);
            let file = folder.path().join(path.file_name().unwrap());
            std::fs::write(&file, bytes).unwrap();
            let run = headroom(&["inspect", "--json", file.to_str().unwrap()]);
            let context = format!("{}, {what}, seed {seed}: {}", path.display(), run.err);
            ends[usize::try_from(run.code.clamp(0, 3)).unwrap()] += 1;
            assert!(!run.err.contains("panicked"), "{context}");
            match run.code {
                2 => assert!(run.out.is_empty() && run.err.contains("failed to "), "{context}"),
                0 | 3 => {
                    let json = run.json();
                    // In a pcap nothing marks a record: behind lost bytes, payload may pass for
                    // some. The blocks of a pcapng say their length twice.
                    if what.starts_with("cut") || context.contains("pcapng") {
                        assert!(json["traffic"]["frames"].as_u64() <= Some(frames), "{context}");
                    }
                    assert_eq!(json["complete"], run.code == 0, "{context}");
                    let said = run.err.contains("at byte ") || run.err.contains("failed to place ");
                    assert_eq!(said, run.code == 3, "{context}");
                }
                code => panic!("ended with {code}: {context}"),
            }
        }
    }
    println!("0: {}, 2: {}, 3: {}", ends[0], ends[2], ends[3]);
    assert!(ends[0] > 0 && ends[3] > 0, "{ends:?}: not every way out was taken");
}

#[test]
fn random_bytes_are_never_more_than_an_error() {
    const STARTS: [&[u8]; 11] = [
        b"",
        b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0",
        b"\xa1\xb2\x3c\x4d\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x71",
        b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0",
        b"\x0a\x0d\x0d\x0a",
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        b"\x28\xb5\x2f\xfd\x04\x58",
        b"PK\x03\x04\x14\0\0\0\x08\0",
        b"time,host,packets_per_second\n",
        b"\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\A\\Network Adapter(x)\\Packets/sec\"\n",
        b"\xff\xfet\0i\0m\0e\0",
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("random");
    for seed in 0..66_u64 {
        let random = &mut Random::new(seed);
        let mut bytes = STARTS[usize::try_from(seed).unwrap() % STARTS.len()].to_vec();
        let count = between(random, 0, 3_000);
        let text = seed % 2 == 0;
        bytes.extend((0..count).map(|_| {
            let byte = random.next_u64().to_le_bytes()[0];
            // Every other file keeps to letters that tables are made of.
            if text { b"0123456789,;\n\"-.eN:T"[usize::from(byte) % 20] } else { byte }
        }));
        std::fs::write(&file, bytes).unwrap();
        for verb in ["size", "inspect"] {
            let run = headroom(&[verb, "--json", file.to_str().unwrap()]);
            assert!(matches!(run.code, 0 | 2 | 3), "seed {seed}: {run:?}");
            assert!(!run.err.contains("panicked"), "seed {seed}: {run:?}");
            assert!(run.code == 0 || run.err.contains("failed to "), "seed {seed}: {run:?}");
        }
    }
}

/// Both ends of every frame; none without IP.
fn ends(path: &Path) -> Vec<Option<[String; 2]>> {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let (mut batch, mut all) = (Batch::default(), Vec::new());
    while set.fill(&mut batch) {
        for record in &batch.records {
            let mut packet = Packet::default();
            decode(&Decoder::default(), &batch.frame(record), record.offset, &mut packet);
            let ends = [packet.source, packet.destination].map(|address| address.to_string());
            all.push(packet.has(Flag::Ip).then_some(ends));
        }
    }
    all
}

/// Every row counts the frames to and from its addresses; what is left belongs to none.
fn rows_add_up(context: &str, observation: &Observation, ends: &[Option<[String; 2]>]) {
    let rows = &observation.domain_controllers;
    let touches = |addresses: &[String], ends: &Option<[String; 2]>| {
        ends.as_ref().is_some_and(|ends| ends.iter().any(|end| addresses.contains(end)))
    };
    let mut sum = 0;
    for row in rows {
        let own = ends.iter().filter(|ends| touches(&row.addresses, ends)).count() as u64;
        assert_eq!(row.packets, Some(own), "{context}: {}", row.name);
        let of_protocols: u64 = row.protocols.iter().map(|count| count.packets).sum();
        assert_eq!(of_protocols, own, "{context}: protocols of {}", row.name);
        sum += own;
    }
    let rows_of = |ends| rows.iter().filter(|row| touches(&row.addresses, ends)).count() as u64;
    let none = ends.iter().filter(|ends| rows_of(ends) == 0).count() as u64;
    let twice: u64 = ends.iter().map(|ends| rows_of(ends).saturating_sub(1)).sum();
    assert_eq!(observation.unattributed, none, "{context}");
    assert_eq!(sum - twice, observation.traffic.frames - observation.unattributed, "{context}");
}

#[test]
fn rows_and_what_belongs_to_none_add_up() {
    for (path, seed) in samples().iter().zip(1_u64..) {
        let ends = ends(path);
        let seen: BTreeSet<&String> = ends.iter().flatten().flatten().collect();
        let mut seen: Vec<IpAddr> = seen.into_iter().map(|end| end.parse().unwrap()).collect();
        let whole = observe(std::slice::from_ref(path), Vec::new());
        let sum: u64 = whole.traffic.protocols.iter().map(|count| count.packets).sum();
        assert_eq!(sum, whole.traffic.frames, "{}: protocols", path.display());
        for round in 0..ROUNDS {
            let seed = seed * 1_000 + round;
            let random = &mut Random::new(seed);
            shuffle(random, &mut seen);
            let some = between(random, 2, seen.len() + 1);
            let first = between(random, 1, some);
            let named = [&seen[..first], &seen[first..some]].into_iter().zip(["A", "B"]);
            let named = named.map(|(addresses, name)| Named {
                name: name.to_owned(),
                addresses: addresses.to_vec(),
                by: "named".to_owned(),
            });
            let observation = observe(std::slice::from_ref(path), named.collect());
            rows_add_up(&format!("{}, seed {seed}", path.display()), &observation, &ends);
        }
    }
}

/// Two controllers found from the traffic: the lab's, and its copy under another address, which
/// answers later and has the first for a client.
#[test]
fn rows_that_were_found_add_up() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["dc-morning.pcapng", "dc-ldap.pcapng", "dc-smb.pcapng"] {
        let original = super::samples::folder().join(name);
        let mut all = records(&original);
        let copies: Vec<Kept> = all
            .iter()
            .map(|kept| {
                let mut copy = kept.clone();
                copy.time = copy.time.plus_nanos(1_500_000_000);
                // Ethernet and IPv4: the addresses lie at 26 and 30.
                if copy.bytes.get(12..14) == Some(&[8, 0]) {
                    for at in [26, 30] {
                        match copy.bytes[at..at + 4] {
                            [10, 77, 0, 10] => copy.bytes[at + 3] = 99,
                            [10, 77, 0, 21] => copy.bytes[at + 3] = 10,
                            _ => {}
                        }
                    }
                }
                copy
            })
            .collect();
        all.extend(copies);
        all.sort_by_key(|kept| kept.time);
        let path = folder.path().join("two.pcapng");
        write_pcapng(&path, &all);
        let observation = observe(std::slice::from_ref(&path), Vec::new());
        let mut names: Vec<_> =
            observation.domain_controllers.iter().map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["10.77.0.10", "10.77.0.99"], "{name}");
        rows_add_up(name, &observation, &ends(&path));
    }
}
