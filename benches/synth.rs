//! What does a synthesized frame cost?
//!
//! `frames` writes single frames, headers and checksums included, into one buffer: a small
//! datagram, a small and a full segment of TCP. `tcp` is whole conversations: handshake, request,
//! answer, acknowledgments, end. `activity` plays each activity of the synthesizer's table for
//! every client of a small estate, from the script to frames in order of time; `morning` is two
//! minutes of the three estates that ship, planned, on one thread and two.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may stop at what cannot happen, and nobody reads its documentation"
)]

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use etherparse::{SlicedPacket, TransportSlice};
use headroom::base::{Batch, FrameSource, Random, Timestamp};
use headroom::estate::Estate;
use headroom::proto::Side;
use headroom::synth::{
    Activity, Cast, Close, Conditions, Flow, Frames, Item, Options, Peer, Segment, Synth, Tcp, Wire,
};

/// Frames written before the buffer is emptied: as many as stay in the cache.
const FRAMES: usize = 256;
/// A small estate with one of everything.
const SMALL: &str = include_str!("../tests/it/synth/small.toml");
const BRANCH: &str = include_str!("../captures/estates/branch.toml");
const HEADQUARTERS: &str = include_str!("../captures/estates/headquarters.toml");
const CAMPUS: &str = include_str!("../captures/estates/campus.toml");
/// Monday, 2026-01-12 08:00 UTC.
const START: Timestamp = Timestamp::from_parts(1_768_204_800, 0);
const SEED: u64 = 1;
const CALM: Conditions = Conditions {
    mtu_bytes: 1_500,
    segment_bytes_max: None,
    loss: 0.0,
    reordering: 0.0,
    offload: false,
};

fn flow() -> Flow {
    let peer =
        |last| Peer { address: Ipv4Addr::new(10, 1, 0, last).into(), mac: [2, 0, 0, 0, 0, last] };
    Flow {
        client: peer(7),
        server: peer(1),
        client_port: 50_000,
        server_port: 88,
        vlan: None,
        here: Side::Server,
        round_trip_ns: 500_000,
        hops: 0,
    }
}

fn udp(frames: &mut Frames, flow: &Flow, payload: &[u8]) {
    for id in 0..FRAMES {
        frames.udp(id as i64, flow, Side::Client, id as u16, CALM.mtu_bytes, payload);
    }
}

fn tcp(frames: &mut Frames, flow: &Flow, payload: &[u8]) {
    for id in 0..FRAMES {
        let segment = Segment {
            sequence: id as u32,
            acknowledgment: 1,
            flags: 0x18,
            window: 1_026,
            ip_id: id as u16,
            options: &[],
        };
        frames.tcp(id as i64, flow, Side::Client, &segment, payload);
    }
}

/// A benchmark with the wrong answer is not a measurement: lengths and checksum of each frame.
fn check(frames: &Frames, payload: &[u8]) {
    assert_eq!(frames.places.len(), FRAMES);
    for place in &frames.places {
        let start = place.offset as usize;
        let packet = &frames.bytes[start..start + place.length as usize];
        let packet = SlicedPacket::from_ethernet(packet).unwrap();
        let ip = packet.net.as_ref().unwrap().ipv4_ref().unwrap().header().to_header();
        match packet.transport.unwrap() {
            TransportSlice::Udp(udp) => {
                let sum = udp.to_header().calc_checksum_ipv4(&ip, payload).unwrap();
                assert_eq!((udp.payload(), udp.checksum()), (payload, sum));
            }
            TransportSlice::Tcp(tcp) => {
                let sum = tcp.to_header().calc_checksum_ipv4(&ip, payload).unwrap();
                assert_eq!((tcp.payload(), tcp.checksum()), (payload, sum));
            }
            _ => panic!("neither UDP nor TCP"),
        }
    }
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    let flow = flow();
    let mut frames = Frames::default();
    let mut run = |name: &str, length, write: fn(&mut Frames, &Flow, &[u8])| {
        let mut payload = vec![0; length];
        Random::new(SEED).fill(&mut payload);
        frames.bytes.clear();
        frames.places.clear();
        write(&mut frames, &flow, &payload);
        check(&frames, &payload);
        let bytes = frames.bytes.len() as u64;
        group.throughput(Throughput::ElementsAndBytes { elements: FRAMES as u64, bytes });
        group.bench_function(name, |b| {
            b.iter(|| {
                frames.bytes.clear();
                frames.places.clear();
                write(&mut frames, &flow, black_box(&payload));
                black_box(&frames);
            });
        });
    };
    run("udp_58", 58, udp);
    run("tcp_46", 46, tcp);
    run("tcp_1460", 1_460, tcp);
    group.finish();
}

/// Opens, asks, is answered and closes, as with the KDC; how many frames that is.
fn converse(frames: &mut Frames, flow: Flow, question: &[u8], answer: &[u8]) -> usize {
    frames.bytes.clear();
    frames.places.clear();
    let mut random = Random::new(SEED);
    let mut tcp = Tcp::new(flow, &mut random);
    let mut wire = Wire { conditions: &CALM, random: &mut random, out: frames };
    let time = tcp.open(0, &mut wire) + 15_000;
    let time = tcp.send(time, Side::Client, question, &mut wire) + 700_000;
    let time = tcp.send(time, Side::Server, answer, &mut wire) + 700_000;
    tcp.close(time, Close::ServerReset, &mut wire);
    frames.places.len()
}

fn conversations(c: &mut Criterion) {
    let mut group = c.benchmark_group("tcp");
    let mut frames = Frames::default();
    let bytes = vec![0x5a; 400_000];
    // Handshake, two messages and the end; two segments each and their acknowledgments; the
    // answer in 274 segments and 137 acknowledgments.
    for (name, question, answer, count) in
        [("small", 234, 211, 8), ("medium", 1_631, 1_649, 12), ("large", 300, 400_000, 418)]
    {
        let mut run = || converse(&mut frames, flow(), &bytes[..question], &bytes[..answer]);
        assert_eq!(run(), count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(name, |b| b.iter(|| black_box(run())));
    }
    group.finish();
}

/// Frames of `activity`, done by each client of the cast ten times, a second apart.
fn perform(cast: &Cast, activity: Activity) -> u64 {
    let clients = 1..cast.clients.len() as u32;
    let mut random = Random::new(SEED);
    let mut script = Vec::new();
    for second in 0..10 {
        script.extend(clients.clone().map(|client| Item {
            time: START.plus_nanos(second * 1_000_000_000),
            client,
            activity,
            argument: 0,
            variation: random.next_u64(),
        }));
    }
    let options = Options {
        start: START,
        duration_ns: 3_600_000_000_000,
        warm_up_ns: 0,
        threads: 1,
        segment_bytes_max: None,
        with_rows: false,
    };
    count(Synth::perform(cast.clone(), &options, script.into_iter()).unwrap())
}

/// Takes all frames; how many they were.
fn count(mut synth: Synth) -> u64 {
    let (mut batch, mut frames) = (Batch::default(), 0);
    while synth.fill(&mut batch) {
        frames += batch.records.len() as u64;
    }
    assert_eq!(synth.finish().unwrap().frames, frames);
    frames
}

/// Planned minutes of whole estates, from the plan to frames in order of time.
fn mornings(c: &mut Criterion) {
    let mut group = c.benchmark_group("morning");
    group.sample_size(10);
    for (name, text) in [("branch", BRANCH), ("headquarters", HEADQUARTERS), ("campus", CAMPUS)] {
        let estate = Estate::parse(text, name).unwrap();
        let cast = Cast::new(&estate, None, &[], SEED).unwrap();
        for threads in [1, 2] {
            let options = Options {
                start: START,
                duration_ns: 120_000_000_000,
                warm_up_ns: 0,
                threads,
                segment_bytes_max: None,
                with_rows: false,
            };
            let run = || count(Synth::start(cast.clone(), &options).unwrap());
            group.throughput(Throughput::Elements(run()));
            group.bench_function(format!("{name}/{threads}"), |b| b.iter(run));
        }
    }
    group.finish();
}

fn activities(c: &mut Criterion) {
    let estate = Estate::parse(SMALL, "small.toml").unwrap();
    let cast = Cast::new(&estate, None, &[], SEED).unwrap();
    let mut group = c.benchmark_group("activity");
    group.sample_size(10);
    for activity in Activity::ALL {
        let frames = perform(&cast, *activity);
        group.throughput(Throughput::Elements(frames));
        group.bench_function(activity.name(), |b| b.iter(|| perform(&cast, *activity)));
    }
    group.finish();
}

criterion_group!(benches, frames, conversations, activities, mornings);
criterion_main!(benches);
