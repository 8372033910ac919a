//! What does each stage of the packet path cost per packet?
//!
//! `walk` reads records, `decode` reads headers of warm frames, `flow` finds and updates flow
//! entries: on traffic made here from a seed, clients in front of one domain controller, 300
//! bytes a frame in the mean, ten packets a flow, flows interleaved as on a busy server. Their
//! payload is of no use to parsers, so `whole` is everything, from frames in memory to the
//! result, on the lab captures again and again from other hosts: every message is read.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may stop at what cannot happen, and nobody reads its documentation"
)]

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use etherparse::PacketBuilder;
use headroom::base::{Batch, Frame, FrameSource, LinkType, Random, Timestamp};
use headroom::capture::{PcapWriter, Reader, Resolution};
use headroom::flow::{Decoder, FlowTable, Packet, decode};
use headroom::sensor::{Observation, Options, observe};

#[path = "../tests/shared/replica.rs"]
mod replica;

use replica::Replica;

const FRAMES: usize = 400_000;
const FRAMES_PER_FLOW: usize = 10;
/// Times that the lab captures are played.
const ROUNDS: u64 = 64;
/// Flows that are alive at the same time.
const ALIVE: u32 = 20_000;
const ETHERNET: LinkType = LinkType(1);

/// An SMB2 header after its NetBIOS length ([MS-SMB2] section 2.2.1), enough to be recognised.
const SMB2: [u8; 12] = [0, 0, 0, 0xf0, 0xfe, b'S', b'M', b'B', 64, 0, 0, 0];

/// One frame of flow `flow`, whose `turn`-th it is.
fn frame(out: &mut Vec<u8>, random: &mut Random, flow: u32, turn: usize) {
    let client = [10, 1, (flow >> 8) as u8, flow as u8];
    let server = [10, 0, 0, 10];
    let (port, udp) = [(445, false), (88, false), (389, false), (53, true)][flow as usize % 4];
    let client_port = 49_152 + (flow % 16_000) as u16;
    let mut payload = vec![0x5a; random.below(470) as usize];
    if payload.len() >= SMB2.len() && port == 445 {
        payload[..SMB2.len()].copy_from_slice(&SMB2);
    }
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let there = turn.is_multiple_of(2);
    let (from, to) = if there { (client, server) } else { (server, client) };
    let (source, destination) = if there { (client_port, port) } else { (port, client_port) };
    let ip = builder.ipv4(from, to, 64);
    if udp {
        ip.udp(source, destination).write(out, &payload).unwrap();
    } else {
        let mut tcp = ip.tcp(source, destination, 1_000 * turn as u32, 8_192);
        if turn < 2 {
            payload.clear();
            tcp = tcp.syn();
        }
        if turn > 0 {
            tcp = tcp.ack(1);
        }
        tcp.write(out, &payload).unwrap();
    }
}

/// A capture file of `FRAMES` frames.
fn capture() -> Vec<u8> {
    let mut writer =
        PcapWriter::new(Vec::new(), ETHERNET, 262_144, Resolution::Nanoseconds).unwrap();
    let mut random = Random::new(1);
    let mut alive: Vec<(u32, usize)> = (0..ALIVE).map(|flow| (flow, 0)).collect();
    let mut next = ALIVE;
    let mut bytes = Vec::new();
    for number in 0..FRAMES {
        let at = random.below(ALIVE) as usize;
        let (flow, turn) = alive[at];
        alive[at].1 += 1;
        if turn + 1 == FRAMES_PER_FLOW {
            alive[at] = (next, 0);
            next += 1;
        }
        bytes.clear();
        frame(&mut bytes, &mut random, flow, turn);
        let time = Timestamp::from_parts(1_763_712_000, number as i64 * 180_000);
        let original_length = bytes.len() as u32;
        writer.write(&Frame { time, link: ETHERNET, bytes: &bytes, original_length }).unwrap();
    }
    writer.finish().unwrap()
}

/// A file in memory that can be opened again and again.
#[derive(Clone)]
struct Shared(Arc<[u8]>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn open(file: &Shared) -> Reader {
    Reader::from_read("bench", Cursor::new(file.clone())).unwrap()
}

fn walk(file: &Shared) -> u64 {
    let (mut reader, mut batch, mut bytes) = (open(file), Batch::default(), 0);
    while reader.fill(&mut batch) {
        bytes += batch.records.iter().map(|record| u64::from(record.captured_length)).sum::<u64>();
    }
    bytes
}

/// Some frames as a worker sees them: one batch, warm. The first is a short look at the format.
fn some_batch(file: &Shared) -> Batch {
    let (mut reader, mut batch) = (open(file), Batch::default());
    assert!(reader.fill(&mut batch) && reader.fill(&mut batch));
    batch
}

fn decode_all(batch: &Batch, packets: &mut Vec<Packet>) {
    let decoder = Decoder::default();
    packets.resize(batch.records.len(), Packet::default());
    for (record, packet) in batch.records.iter().zip(packets) {
        decode(&decoder, &batch.frame(record), record.offset, packet);
    }
}

fn all_packets(file: &Shared) -> Vec<Packet> {
    let (mut reader, mut batch, mut all) = (open(file), Batch::default(), Vec::new());
    let mut some = Vec::new();
    while reader.fill(&mut batch) {
        decode_all(&batch, &mut some);
        all.extend_from_slice(&some);
    }
    all
}

fn flows(packets: &[Packet]) -> usize {
    const AHEAD: usize = 16;
    let mut table = FlowTable::new(1 << 20);
    for some in packets.chunks(AHEAD) {
        black_box(some.iter().fold(0, |sum, packet| sum ^ table.warm(packet)));
        for packet in some {
            black_box(table.touch(packet).entry.packets);
        }
    }
    table.len()
}

fn whole(source: &mut Replica, threads: usize) -> Observation {
    let options = Options { threads, ..Options::default() };
    observe(source, &options, &|_| (), None).unwrap()
}

/// Messages read, and those that could not be.
fn understood(observation: &Observation) -> (u64, u64) {
    let protocols = &observation.understood.protocols;
    let sum =
        |count: fn(&headroom::record::ProtocolMessages) -> u64| protocols.iter().map(count).sum();
    (sum(|of| of.parsed + of.opaque), sum(|of| of.cut + of.malformed))
}

fn stages(c: &mut Criterion) {
    let file = Shared(capture().into());
    let batch = some_batch(&file);
    let packets = all_packets(&file);
    let flow_count = flows(&packets);
    // A benchmark with the wrong answer is not a measurement.
    assert_eq!(packets.len(), FRAMES);
    assert_eq!(walk(&file), file.0.len() as u64 - 24 - 16 * FRAMES as u64);
    assert!(packets.iter().all(|packet| packet.hash != 0));
    assert!(flow_count > FRAMES / FRAMES_PER_FLOW && flow_count < FRAMES / FRAMES_PER_FLOW * 2);
    let lab = Replica::load(ROUNDS);
    let (lab_frames, mut lab_bytes) = (lab.frames() * ROUNDS, 0);
    for threads in [1, 2] {
        let observation = whole(&mut Replica::load(ROUNDS), threads);
        assert_eq!(observation.traffic.frames, lab_frames);
        lab_bytes = observation.traffic.bytes;
        let (read, unread) = understood(&observation);
        assert!(read > lab_frames / 2 && unread == 0, "{read} messages read, {unread} not");
    }

    let mut group = c.benchmark_group("packet_path");
    group.sample_size(20);
    group.throughput(Throughput::ElementsAndBytes {
        elements: FRAMES as u64,
        bytes: file.0.len() as u64,
    });
    group.bench_function("walk", |b| b.iter(|| walk(black_box(&file))));
    // From here on bytes are not touched, so only packets mean something.
    group.throughput(Throughput::Elements(FRAMES as u64));
    group.bench_function("flow", |b| b.iter(|| flows(black_box(&packets))));
    group.throughput(Throughput::Elements(batch.records.len() as u64));
    let mut into = Vec::new();
    group.bench_function("decode", |b| {
        b.iter(|| {
            decode_all(black_box(&batch), &mut into);
            black_box(&into);
        });
    });
    group.throughput(Throughput::ElementsAndBytes { elements: lab_frames, bytes: lab_bytes });
    for (name, threads) in [("whole_1_thread", 1), ("whole_2_threads", 2)] {
        let load = || Replica::load(ROUNDS);
        let run = |source: &mut Replica| whole(source, threads);
        group.bench_function(name, |b| b.iter_batched_ref(load, run, BatchSize::PerIteration));
    }
    group.finish();
}

criterion_group!(benches, stages);
criterion_main!(benches);
