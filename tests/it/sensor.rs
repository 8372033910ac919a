//! Frames made by hand through the whole core: clocks, tunnels, fragments.

use std::collections::BTreeMap;

use headroom::base::{Batch, FrameSource, LinkType, Record, Timestamp};
use headroom::capture::CaptureSet;
use headroom::model;
use headroom::sensor::{self, Named, Observation, Options};

const SECOND: i64 = 1_000_000_000;
const START: i64 = 1_700_000_000 * SECOND;

/// Frames with their times, original lengths and link type Ethernet.
#[derive(Default)]
struct Frames {
    batch: Batch,
    done: bool,
}

impl Frames {
    fn push(&mut self, nanos: i64, bytes: &[u8], original_length: usize) {
        self.batch.records.push(Record {
            time: Timestamp::from_nanos(nanos),
            offset: self.batch.bytes.len().try_into().unwrap(),
            captured_length: bytes.len().try_into().unwrap(),
            original_length: original_length.try_into().unwrap(),
            link: LinkType(1),
            interface: 0,
        });
        self.batch.bytes.extend_from_slice(bytes);
    }

    fn observe(self) -> Observation {
        self.observe_named(Vec::new())
    }

    fn observe_named(mut self, named: Vec<Named>) -> Observation {
        let options = Options { threads: 2, named, ..Options::default() };
        sensor::observe(&mut self, &options, &|_| (), None).unwrap()
    }
}

impl FrameSource for Frames {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        if std::mem::replace(&mut self.done, true) {
            batch.records.clear();
            return false;
        }
        *batch = std::mem::take(&mut self.batch);
        true
    }
}

/// Ethernet from the address that ends in `mac`.
fn ethernet(mac: u8, ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, mac];
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

fn ipv4(source: [u8; 4], destination: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x45, 0, length[0], length[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    packet.extend(source.iter().chain(&destination).chain(payload));
    packet
}

fn ipv6(source: u8, destination: u8, next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, length[0], length[1], next, 64];
    for last in [source, destination] {
        packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(payload);
    packet
}

fn tcp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0, 99, 0, 0, 0, 0]);
    segment.extend(payload);
    segment
}

/// GRE with a transparent Ethernet frame inside, between two switches.
fn gre(frame: &[u8]) -> Vec<u8> {
    let inside = [&[0, 0, 0x65, 0x58], frame].concat();
    ipv4([192, 0, 2, 1], [192, 0, 2, 2], 47, &inside)
}

const DC: [u8; 4] = [10, 1, 0, 1];
const CLIENT: [u8; 4] = [10, 1, 0, 9];

/// An answer of the domain controller.
fn answer() -> Vec<u8> {
    ethernet(1, 0x0800, &ipv4(DC, CLIENT, 6, &tcp(88, 50_000, b"x")))
}

/// Ten minutes of 10 frames a second, between frames of the times given.
fn ten_minutes(before: &[i64], after: &[i64]) -> Observation {
    let mut frames = Frames::default();
    let regular = (0..6_000).map(|number| START + number * SECOND / 10);
    for nanos in before.iter().copied().chain(regular).chain(after.iter().copied()) {
        frames.push(nanos, &answer(), 60);
    }
    frames.observe()
}

#[test]
fn a_clock_set_after_the_first_frames_does_not_hide_the_others() {
    let far = i64::MAX - SECOND;
    for (before, after) in
        [(vec![5 * SECOND], vec![]), (vec![0, far], vec![far]), (vec![], vec![0])]
    {
        let observation = ten_minutes(&before, &after);
        let outside = (before.len() + after.len()) as u64;
        assert_eq!(observation.traffic.drops.outside_timeline, outside);
        let load = model::load(&observation.domain_controllers[0]);
        let busy = load.busy.unwrap().packets_per_second;
        assert!((busy - 10.0).abs() < 0.01, "{busy} packets/s");
        assert_eq!(load.maximum_packets_per_second, Some(10.0));
    }
}

#[test]
fn the_mtu_of_offloaded_frames_is_told() {
    let mut frames = Frames::default();
    let packet = ipv4(DC, CLIENT, 6, &tcp(88, 50_000, &[0; 9_000]));
    frames.push(START, &ethernet(1, 0x0800, &packet), packet.len() + 14);
    let observation = frames.observe();
    assert_eq!(observation.traffic.offload.mtu_bytes, 1_500);
    assert_eq!(observation.domain_controllers[0].offload.mtu_bytes, 1_500);
}

#[test]
fn a_cut_ipv6_frame_without_a_length_is_as_large_as_on_the_wire() {
    let mut frames = Frames::default();
    let mut packet = ipv6(1, 9, 6, &tcp(445, 50_000, &[0; 9_000]));
    (packet[4], packet[5]) = (0, 0);
    let frame = ethernet(1, 0x86dd, &packet);
    frames.push(START, &frame[..96], frame.len());
    let offload = frames.observe().traffic.offload;
    assert_eq!((offload.frames, offload.estimated_wire_packets), (1, 7));
}

#[test]
fn addresses_behind_one_tunnel_are_not_one_host() {
    let mut frames = Frames::default();
    let plain4 = ipv4(DC, CLIENT, 6, &tcp(88, 50_000, b"x"));
    let plain6 = ipv6(2, 9, 6, &tcp(88, 50_000, b"x"));
    let own6 = ipv6(1, 9, 6, &tcp(88, 50_000, b"x"));
    for inner in [
        ethernet(1, 0x0800, &plain4),
        ethernet(2, 0x86dd, &plain6), // another server
        ethernet(1, 0x86dd, &own6),
    ] {
        let outer = ethernet(77, 0x0800, &gre(&inner));
        frames.push(START, &outer, outer.len());
    }
    let mut found: Vec<_> =
        frames.observe().domain_controllers.into_iter().map(|dc| dc.addresses).collect();
    found.sort();
    assert_eq!(found, [vec!["10.1.0.1", "2001:db8::1"], vec!["2001:db8::2"]]);
}

#[test]
fn a_tunnel_packet_in_fragments_is_read_inside() {
    let inner = ethernet(1, 0x0800, &ipv4(DC, CLIENT, 6, &tcp(88, 50_000, &[7; 1_400])));
    let whole = gre(&inner);
    let (front, back) = whole[20..].split_at(1_000);
    let mut frames = Frames::default();
    for (data, field) in [(back, 125u16), (front, 0x2000)] {
        let mut packet = ipv4([192, 0, 2, 1], [192, 0, 2, 2], 47, data);
        packet[6..8].copy_from_slice(&field.to_be_bytes());
        let frame = ethernet(77, 0x0800, &packet);
        frames.push(START, &frame, frame.len());
    }
    let observation = frames.observe();
    assert_eq!(observation.domain_controllers[0].addresses, ["10.1.0.1"]);
    let ports: Vec<_> = observation.traffic.tcp_ports.iter().map(|p| (p.port, p.frames)).collect();
    assert_eq!(ports, [(88, 1), (50_000, 1)]);
}

#[test]
fn a_first_fragment_that_was_cut_tells_its_ports() {
    let mut packet = ipv4(DC, CLIENT, 17, &[0, 88, 0xc3, 0x50, 5, 0, 0, 0, 1, 2, 3, 4]);
    packet[6] = 0x20;
    let frame = ethernet(1, 0x0800, &packet);
    let mut frames = Frames::default();
    frames.push(START, &frame, 1_514);
    let traffic = frames.observe().traffic;
    assert_eq!(traffic.udp_ports.iter().map(|p| p.port).collect::<Vec<_>>(), [88, 50_000]);
    assert_eq!(traffic.drops.fragments_dropped, 1);
}

#[test]
fn an_authentication_header_behind_ipv4_is_stepped_over() {
    let header = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let segment = [&header[..], &[0; 12], &tcp(88, 50_000, b"x")].concat();
    let frame = ethernet(1, 0x0800, &ipv4(DC, CLIENT, 51, &segment));
    let mut frames = Frames::default();
    frames.push(START, &frame, frame.len());
    assert_eq!(frames.observe().traffic.flows.tcp, 1);
}

#[test]
fn a_named_host_without_a_frame_is_told() {
    let named = |name: &str, address: [u8; 4]| Named {
        name: name.to_owned(),
        addresses: vec![address.into()],
        by: "named with --dc".to_owned(),
    };
    let mut frames = Frames::default();
    frames.push(START, &answer(), 60);
    let observation = frames.observe_named(vec![named("dc1", DC), named("dc2", [10, 1, 0, 77])]);
    let silent = observation.domain_controllers.iter().find(|dc| dc.name == "dc2").unwrap();
    assert!(silent.notes.iter().any(|note| note.contains("no frame")), "{:?}", silent.notes);
}

#[test]
fn a_long_silence_is_told() {
    let mut frames = Frames::default();
    for minute in [0, 1, 2, 49, 50] {
        frames.push(START + minute * 60 * SECOND, &answer(), 60);
    }
    let warnings = frames.observe().warnings;
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("no frame for 47 minutes after 20"), "{warnings:?}");
}

#[test]
fn many_rows_over_a_long_time_stay_within_memory() {
    let address = |host: u8| [10, 2, 0, host];
    let mut frames = Frames::default();
    for host in 0..50u8 {
        let packet = ipv4(address(host), CLIENT, 6, &tcp(88, 50_000, b"x"));
        let frame = ethernet(host, 0x0800, &packet);
        for _ in 0..=host {
            frames.push(START, &frame, frame.len());
        }
    }
    frames.push(START + 14 * 86_400 * SECOND, &answer(), 60);
    let all = (0..50).map(|host| Named {
        name: format!("dc{host}"),
        addresses: vec![address(host).into()],
        by: "named with --dc".to_owned(),
    });
    let observation = frames.observe_named(all.collect());
    let rows = &observation.domain_controllers;
    // 241,921 samples each: 34 fit.
    assert_eq!(rows.len(), 34);
    assert_eq!(rows[0].name, "dc49");
    let told = observation.warnings.iter().any(|warning| warning.contains("16 of 50"));
    assert!(told, "{:?}", observation.warnings);
}

#[test]
fn servers_of_little_interest_give_way_before_memory_runs_out() {
    let mut frames = Frames::default();
    let controller = answer();
    for number in 0..8 * (1 << 16) {
        let at = START + number % 79_999 * 60 * SECOND; // a minute of its own each
        if number % 8 == 0 {
            frames.push(at, &controller, controller.len());
        } else {
            let host = u8::try_from(number % 200).unwrap();
            let packet = ipv4([10, 3, 0, host], CLIENT, 6, &tcp(445, 50_000, b"x"));
            frames.push(at, &ethernet(host, 0x0800, &packet), 60);
        }
    }
    let observation = frames.observe();
    assert_eq!(observation.warnings, Vec::<String>::new());
    assert!(observation.traffic.unfollowed_answers > 0);
    let controller = &observation.domain_controllers[0];
    assert_eq!(controller.addresses, ["10.1.0.1"]);
    assert_eq!(controller.packets, Some(1 << 16), "the domain controller keeps every frame");
}

/// A capture in which `hosts` hosts answer from a port, and perhaps the domain controller too.
fn answers(hosts: u8, port: u16, with_controller: bool) -> Observation {
    let mut frames = Frames::default();
    for host in 0..hosts {
        let packet = ipv4([10, 3, 0, host], DC, 6, &tcp(port, 50_000, b"x"));
        frames.push(START, &ethernet(100 + host, 0x0800, &packet), 60);
    }
    if with_controller {
        frames.push(START, &answer(), 60);
    }
    frames.observe()
}

/// The sensor asks every client on 135, and they answer.
#[test]
fn clients_that_answer_alarm_nobody_unless_a_domain_controller_may_be_among_them() {
    let told = |observation: &Observation| -> Vec<String> {
        let warnings = observation.warnings.iter();
        warnings.filter(|text| text.contains("more hosts than are followed")).cloned().collect()
    };
    let (few, many) = (answers(20, 135, true), answers(60, 135, true));
    for quiet in [&few, &many] {
        assert_eq!(told(quiet), Vec::<String>::new());
        assert_eq!(quiet.domain_controllers[0].addresses, ["10.1.0.1"]);
    }
    assert_eq!(few.traffic.unfollowed_answers, 0);
    // 32 are followed; one gave way to the domain controller.
    assert_eq!(many.traffic.unfollowed_answers, 28);
    let unsure = answers(60, 135, false);
    let expected = "28 answers came from more hosts than are followed at once; name the domain \
                    controllers with --dc";
    assert_eq!(told(&unsure), [expected]);
    assert_eq!(told(&answers(60, 88, true)).len(), 1);
}

/// The lab's calls over TCP without what opens their connections: the endpoint mapper's answer, in
/// another connection, says which interface they are of.
#[test]
fn a_call_whose_bind_was_not_captured_is_of_the_interface_that_the_endpoint_mapper_told() {
    const SAMR: u16 = 49_154;
    const OPENING: usize = 7; // handshake, bind, its answer and what follows it
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/dc-rpc.pcapng");
    let mut set = CaptureSet::open(&[path], headroom::capture::Options::default()).unwrap();
    let (mut frames, mut batch) = (Frames::default(), Batch::default());
    let mut opened: BTreeMap<u16, usize> = BTreeMap::new();
    while set.fill(&mut batch) {
        for record in &batch.records {
            let frame = batch.frame(record);
            let port = |at: usize| u16::from_be_bytes([frame.bytes[at], frame.bytes[at + 1]]);
            if frame.bytes.len() > 40 && frame.bytes[12..14] == [8, 0] && frame.bytes[23] == 6 {
                let client = match (port(34), port(36)) {
                    (client, SAMR) | (SAMR, client) => Some(client),
                    _ => None,
                };
                let seen = client.map(|client| opened.entry(client).or_default());
                if let Some(seen) = seen.filter(|seen| **seen < OPENING) {
                    *seen += 1;
                    continue;
                }
            }
            frames.push(frame.time.nanos(), frame.bytes, frame.bytes.len());
        }
    }
    let operations = frames.observe().understood.operations;
    let count = |name: &str| operations.iter().filter(|o| o.operation == name).count();
    assert!(opened.len() >= 3, "{opened:?}");
    assert_eq!(count("unknown interface"), 0, "{operations:?}");
    assert!(count("samr.SamrCloseHandle") > 0);
}
