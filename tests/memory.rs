//! Whatever a capture holds, the core's memory stays far below the 512 MB it may take.
//!
//! A binary of its own, because it counts the memory of the process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds nothing there has failed"
)]

use std::sync::atomic::Ordering;

use headroom::base::{Batch, FrameSource, LinkType, Record, Timestamp};
use headroom::sensor::{Observation, Options, observe};

#[path = "shared/counting.rs"]
mod counting;

use counting::{LIVE, PEAK};

/// TCP flags, RFC 9293 section 3.1.
const SYN: u8 = 0x02;
const DATA: u8 = 0x18;

/// One TCP segment of a flow between a client, told by its number, and a server.
struct Segment<'a> {
    flow: u32,
    from_server: bool,
    port: u16,
    sequence: u32,
    flags: u8,
    payload: &'a [u8],
}

/// Clients in networks of their own, so that all shards have some; a port for each of their flows.
const CLIENTS: u32 = 5_000;

fn frame(segment: &Segment<'_>) -> Vec<u8> {
    let client = 0x0a00_0001 + segment.flow % CLIENTS;
    let client = (client, u16::try_from(1_025 + segment.flow / CLIENTS).unwrap());
    let server = (0xc0a8_0001, segment.port);
    let (from, to) = if segment.from_server { (server, client) } else { (client, server) };
    let total = u16::try_from(40 + segment.payload.len()).unwrap();
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend(from.0.to_be_bytes());
    bytes.extend(to.0.to_be_bytes());
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend(segment.sequence.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
    bytes.extend(segment.payload);
    bytes
}

/// Frames made one batch at a time.
struct Made<F> {
    make: F,
    next: u32,
    count: u32,
}

impl<F: Fn(u32) -> Vec<u8> + Send> FrameSource for Made<F> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        const BATCH: usize = 1 << 20;
        batch.records.clear();
        batch.bytes.clear();
        while self.next < self.count && batch.bytes.len() < BATCH {
            let bytes = (self.make)(self.next);
            let length = u32::try_from(bytes.len()).unwrap();
            batch.records.push(Record {
                time: Timestamp::from_nanos(i64::from(self.next) * 10_000),
                offset: u32::try_from(batch.bytes.len()).unwrap(),
                captured_length: length,
                original_length: length,
                link: LinkType(1),
                interface: 0,
            });
            batch.bytes.extend(bytes);
            self.next += 1;
        }
        !batch.records.is_empty()
    }
}

/// What is understood of `count` frames, and the most memory that it took at a time, in MB.
fn run(count: u32, make: impl Fn(u32) -> Vec<u8> + Send) -> (Observation, usize) {
    let mut source = Made { make, next: 0, count };
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let options = Options { threads: 1, ..Options::default() };
    let observation = observe(&mut source, &options, &|_| (), None).unwrap();
    (observation, (PEAK.load(Ordering::Relaxed) - before) / 1_000_000)
}

/// A BER element with a length of two octets, which Windows writes too.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x82][..], &length, content].concat()
}

fn ldap(id: u8, operation: &[u8]) -> Vec<u8> {
    element(0x30, &[&[2, 1, id][..], operation].concat())
}

/// A bind with a long name, its answer, and as many requests as are remembered, each of which
/// is in that name.
fn ldap_flow() -> [Vec<u8>; 3] {
    let name = element(4, &[b'a'; 512]);
    let bind = ldap(1, &element(0x60, &[&[2, 1, 3][..], &name, &element(0x80, b"p")].concat()));
    let bound = ldap(1, &element(0x61, &[10, 1, 0, 4, 0, 4, 0]));
    let requests = (2..34).flat_map(|id| ldap(id, &element(0x4a, b""))).collect();
    [bind, bound, requests]
}

/// A chain of as many CREATEs as files are remembered, and their answers, [MS-SMB2] 2.2.13, 2.2.14.
fn smb_flow() -> [Vec<u8>; 2] {
    const FILES: u8 = 64;
    let message = |id: u8, flags: u8, body: &[u8]| {
        let mut bytes =
            [b"\xfeSMB\x40\0\x01\0\0\0\0\0\x05\0\x01\0", &[flags, 0, 0, 0][..]].concat();
        let length = (64 + body.len()).next_multiple_of(8);
        let next = if id + 1 < FILES { u32::try_from(length).unwrap() } else { 0 };
        bytes.extend(next.to_le_bytes());
        bytes.extend([id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([0; 16]);
        bytes.extend(body);
        bytes.resize(length, 0);
        bytes
    };
    let create = |id| {
        let mut body = vec![0; 56];
        body[0] = 57;
        (body[44], body[46]) = (120, 8); // where the name lies, and its length
        body.extend([b'f', 0, id, 0, b'f', 0, b'f', 0]);
        message(id, 0, &body)
    };
    let created = |id| {
        let mut body = vec![0; 88];
        (body[0], body[64], body[72]) = (89, id, id);
        message(id, 1, &body)
    };
    let framed =
        |chain: Vec<u8>| [&u32::try_from(chain.len()).unwrap().to_be_bytes()[..], &chain].concat();
    [(0..FILES).flat_map(create).collect(), (0..FILES).flat_map(created).collect()].map(framed)
}

#[test]
fn no_capture_takes_all_memory() {
    let messages = |observation: &Observation, protocol: &str| {
        let all = observation.understood.protocols.iter();
        all.filter(|heard| heard.protocol == protocol).map(|heard| heard.parsed).sum::<u64>()
    };
    let (_, half_open) = run(1_000_000, |flow| {
        let (payload, port) = (&[][..], 445);
        frame(&Segment { flow, from_server: false, port, sequence: flow, flags: SYN, payload })
    });
    println!("a million half-open connections: {half_open} MB");
    assert!(half_open < 256);

    // 20 KB each, which without a limit for all would be 1.3 GB.
    let steps = ldap_flow();
    let (observation, ldap) = run(60_000 * 3, |number| {
        let (flow, step) = (number / 3, number as usize % 3);
        let sequence = [1, 1, 1 + u32::try_from(steps[0].len()).unwrap()][step];
        let (from_server, payload) = (step == 1, &steps[step][..]);
        frame(&Segment { flow, from_server, port: 389, sequence, flags: DATA, payload })
    });
    println!("60,000 flows with requests of a long name: {ldap} MB");
    assert_eq!(messages(&observation, "LDAP"), 60_000 * 34, "all that was sent is read");
    assert!(ldap < 256);

    // 60 KB each.
    let steps = smb_flow();
    let (observation, smb) = run(6_000 * 2, |number| {
        let (flow, step) = (number / 2, number as usize % 2);
        let (from_server, payload) = (step == 1, &steps[step][..]);
        frame(&Segment { flow, from_server, port: 445, sequence: 1, flags: DATA, payload })
    });
    println!("6,000 flows with 64 open files: {smb} MB");
    assert_eq!(messages(&observation, "SMB2/3"), 6_000 * 128, "all that was sent is read");
    assert!(smb < 200);

    // Half a message each, of 300 bytes that wait in 2 KiB.
    let half = [&[0, 0, 0xea, 0x60][..], &steps[0][4..304]].concat();
    let (_, waiting) = run(200_000, |flow| {
        let payload = &half[..];
        frame(&Segment { flow, from_server: false, port: 445, sequence: 1, flags: DATA, payload })
    });
    println!("200,000 flows with half a message: {waiting} MB");
    assert!(waiting < 300);
}
