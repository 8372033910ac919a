//! The checks of `tests/fuzz`, on samples and on seeded damage to them: so that they build, and
//! hold before a fuzzer is asked.

use std::fs;
use std::path::Path;

use headroom::base::Random;
use headroom::proto::{Id, Transport};

#[path = "../fuzz/checks.rs"]
mod checks;
#[path = "../fuzz/path.rs"]
pub mod path;

/// Damaged copies of each sample.
const COPIES: usize = 24;
/// Samples are cut to this: damage near the start is what matters.
const SAMPLE_BYTES: usize = 8 << 10;

/// Files below `captures/` with one of these endings.
fn samples(endings: &[&str]) -> Vec<Vec<u8>> {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut paths = Vec::new();
    for folder in ["", "counters", "estates"] {
        let entries = fs::read_dir(captures.join(folder)).unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.is_file() && endings.iter().any(|ending| name.ends_with(ending))
    });
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Runs `check` on each sample and on damaged copies of it.
fn damaged(mut samples: Vec<Vec<u8>>, check: fn(&[u8])) {
    let mut random = Random::new(77);
    for sample in &mut samples {
        sample.truncate(SAMPLE_BYTES);
        check(sample);
        for _ in 0..COPIES {
            let mut copy = sample.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(u32::try_from(copy.len()).unwrap()) as usize;
                match random.below(4) {
                    0 => copy.truncate(place.max(1)),
                    1 => copy.insert(place, random.below(256).to_le_bytes()[0]),
                    2 => copy[place] ^= 1 << random.below(8),
                    _ => copy[place] = [0, 0xff, b',', b'"'][random.below(4) as usize],
                }
                if copy.is_empty() {
                    break;
                }
            }
            check(&copy);
        }
    }
}

/// Each sample of each protocol behind `head(protocol)`.
fn messages(head: impl Fn(Id) -> Vec<u8>) -> Vec<Vec<u8>> {
    let of = |id: &Id| id.samples().into_iter().map(|s| [head(*id), s.bytes].concat()).collect();
    Id::ALL.iter().flat_map(|id| -> Vec<Vec<u8>> { of(id) }).collect()
}

#[test]
fn captures_hold_the_check() {
    damaged(samples(&[".pcap", ".pcapng", ".gz", ".zst"]), checks::capture);
}

#[test]
fn frames_hold_the_check() {
    let frames = samples(&[".pcap"]).into_iter().flat_map(|file| {
        let links = [0_u8, 1, 9, 50, 51, 101, 108, 113];
        links.map(|link| {
            let frames = file[24..]
                .chunks(96)
                .flat_map(|chunk| [&[u8::try_from(chunk.len()).unwrap()], chunk].concat());
            [link, 0].into_iter().chain(frames).collect()
        })
    });
    damaged(frames.collect(), checks::decode);
}

/// Every message of every protocol in a frame of its own, over UDP and over TCP.
#[test]
fn anonymised_frames_hold_the_check() {
    let frames = Id::ALL.iter().flat_map(|id| {
        let port = |transport| id.ports(transport).first().copied().unwrap_or(9_999);
        id.samples().into_iter().filter(|sample| sample.bytes.len() < 180).map(move |sample| {
            let (number, header) = match sample.transport {
                Transport::Tcp => (6, tcp_header(port(sample.transport))),
                Transport::Udp => (17, udp_header(port(sample.transport), sample.bytes.len())),
            };
            let segment = [header, sample.bytes].concat();
            let total = u8::try_from(20 + segment.len()).unwrap();
            let ip = [0x45, 0, 0, total, 0, 1, 0, 0, 64, number, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
            [&[101, 0, total], &ip[..], &segment].concat()
        })
    });
    damaged(frames.collect(), checks::anonymise);
}

fn tcp_header(port: u16) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    vec![200, 0, high, low, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x18, 1, 0, 0, 0, 0, 0]
}

fn udp_header(port: u16, payload: usize) -> Vec<u8> {
    let [high, low] = port.to_be_bytes();
    vec![200, 0, high, low, 0, u8::try_from(8 + payload).unwrap(), 0, 0]
}

#[test]
fn streams_hold_the_check() {
    let mut random = Random::new(5);
    let input = |mode| {
        let mut input = vec![mode];
        input.extend((0..600).flat_map(|_| random.next_u64().to_le_bytes()));
        input
    };
    damaged([0, 1].into_iter().cycle().take(60).map(input).collect(), checks::stream);
}

#[test]
fn recognition_holds_the_check() {
    damaged(messages(|_| vec![0xc0, 0, 1, 0xbd, 2]), checks::recognise);
    damaged(messages(|_| vec![0, 53, 1, 0x85, 1]), checks::recognise);
}

#[test]
fn messages_hold_the_check() {
    for flags in [0, 1] {
        damaged(messages(|id| vec![u8::try_from(id.index()).unwrap(), flags, 0]), checks::step);
    }
}

#[test]
fn counters_hold_the_check() {
    damaged(samples(&[".csv", ".xlsx"]), checks::counters);
}

#[test]
fn estates_hold_the_check() {
    damaged(samples(&[".toml"]), checks::estate);
}

#[test]
fn parsers_hold_the_check() {
    for &id in Id::ALL {
        let samples = u8::try_from(id.samples().len()).unwrap();
        let every = (0..samples).flat_map(|sample| {
            (0..=u8::MAX).step_by(5).flat_map(move |flags| [flags, sample, 4, 0, 0, 0, 0, 0])
        });
        path::observe(id, &every.collect::<Vec<_>>());
        let mut random = Random::new(79);
        for _ in 0..200 {
            let mut bytes = Vec::new();
            for _ in 0..20 {
                let length = random.below(90).to_le_bytes()[0];
                let head = [random.below(64).to_le_bytes()[0], random.below(256).to_le_bytes()[0]];
                bytes.extend(head.into_iter().chain([length, 0]));
                // Mostly zeros, so that most of the sample stays as it is.
                bytes.extend((0..length).map(|_| match random.below(12) {
                    0 => random.below(256).to_le_bytes()[0],
                    _ => 0,
                }));
            }
            path::observe(id, &bytes);
        }
    }
}

#[test]
fn the_whole_path_holds_the_check() {
    let mut random = Random::new(80);
    for _ in 0..60 {
        let length = random.below(6_000) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256).to_le_bytes()[0]).collect();
        path::path(&bytes);
    }
}

#[test]
fn messages_do_not_depend_on_segments() {
    let mut random = Random::new(81);
    for protocol in 0..u8::try_from(Id::COUNT).unwrap() {
        for round in 0..40 {
            let longest = [1, 3, 20, 128][round % 4];
            let cuts = (0..200).map(|_| {
                let swap = if random.below(4) == 0 { 0x80 } else { 0 };
                random.below(longest).to_le_bytes()[0] | swap
            });
            let data: Vec<u8> = std::iter::once(protocol).chain(cuts).collect();
            path::segments(&data);
        }
    }
}
