//! What the network does to packets. Our own core gives back each activity all the same; tshark
//! remarks nothing on TCP conversations without loss that real ones do not have, and with loss
//! what real ones have.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use headroom::base::{Frame, LinkType, Random, Timestamp};
use headroom::capture::{PcapWriter, Resolution};
use headroom::proto::Side;
use headroom::synth::{Close, Conditions, Flow, Frames, Peer, Tcp, Wire};

use super::play::{self, START};
use super::round;

const CALM: Conditions = Conditions {
    mtu_bytes: 1_500,
    segment_bytes_max: None,
    loss: 0.0,
    reordering: 0.0,
    offload: false,
};

/// What tshark may remark where nothing is lost: notes that belong to what is played.
const ORDINARY: &[&str] = &[
    "Connection establish request (SYN)",
    "Connection establish acknowledge (SYN+ACK)",
    "Connection finish (FIN)",
    "This frame initiates the connection closing",
    "This frame undergoes the connection closing",
    "Connection reset (RST)",
    "TCP keep-alive segment",
    "ACK to a TCP keep-alive segment",
    // What Windows answers to a keep-alive.
    "D-SACK Sequence",
];

/// And where segments are lost or overtake each other.
const LOSSY: &[&str] = &[
    "Duplicate ACK",
    "Previous segment(s) not captured (common at capture start)",
    "This frame is a (suspected) retransmission",
    "This frame is a (suspected) fast retransmission",
    "This frame is a (suspected) spurious retransmission",
    "This frame is a (suspected) out-of-order segment",
];

#[test]
fn the_core_gives_back_each_activity_whatever_the_network_does() {
    let mut wrong = String::new();
    let networks = [
        ("loss = 0.05", None),
        ("reordering = 0.2", None),
        ("loss = 0.01\nreordering = 0.01", Some(1)),
        ("offload = true", None),
        ("mtu_bytes = 1_280", None),
    ];
    for (network, segment_bytes_max) in networks {
        // Byte by byte there are a hundred times as many frames.
        let clients = if segment_bytes_max.is_some() { 1..6 } else { 1..25 };
        let options = headroom::synth::Options { segment_bytes_max, ..play::options(3_600) };
        let text = play::SMALL.replace("[network]", &format!("[network]\n{network}"));
        for activity in round::chosen() {
            let script = play::script(activity, clients.clone(), 9);
            let synth =
                headroom::synth::Synth::perform(play::cast(&text, 9), &options, script.into_iter());
            let (frames, truth) = play::collect(synth.unwrap());
            let differences = play::differences(&play::told(&truth), &play::hear(&frames));
            if !differences.is_empty() {
                wrong.push_str(&format!("{} with {network}:\n{differences}", activity.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn calm_conversations_have_nothing_to_remark() {
    let Some(remarks) = remarks(&[CALM, Conditions { offload: true, ..CALM }]) else { return };
    assert_eq!(unexpected(&remarks, ORDINARY), Vec::<String>::new());
    assert!(remarks.contains_key("TCP keep-alive segment"), "{remarks:?}");
}

#[test]
fn lossy_conversations_look_like_real_ones() {
    let lossy = Conditions { loss: 0.05, reordering: 0.05, ..CALM };
    let Some(remarks) = remarks(&[lossy, Conditions { offload: true, ..lossy }]) else { return };
    let allowed = [ORDINARY, LOSSY].concat();
    assert_eq!(unexpected(&remarks, &allowed), Vec::<String>::new());
    for wanted in ["Duplicate ACK", "Previous segment", "fast retransmission", "out-of-order"] {
        assert!(remarks.keys().any(|remark| remark.contains(wanted)), "{wanted}: {remarks:?}");
    }
}

fn unexpected(remarks: &BTreeMap<String, u32>, allowed: &[&str]) -> Vec<String> {
    let is_allowed = |remark: &str| allowed.iter().any(|start| remark.starts_with(start));
    let wrong = remarks.iter().filter(|(remark, _)| !is_allowed(remark));
    wrong.map(|(remark, count)| format!("{count} times: {remark}")).collect()
}

/// What tshark remarks on conversations of all kinds under such conditions, and how often;
/// `None` where there is no tshark.
fn remarks(conditions: &[Conditions]) -> Option<BTreeMap<String, u32>> {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: no tshark");
        return None;
    }
    let mut frames = Frames::default();
    let mut random = Random::new(3);
    let mut port = 49_152;
    let mut time = START.nanos();
    for conditions in conditions {
        for is_v6 in [false, true] {
            for (here, trip_us) in
                [(Side::Server, 300), (Side::Server, 40_000), (Side::Client, 5_000)]
            {
                for seed in 0..6 {
                    let flow = flow(is_v6, here, trip_us, port);
                    converse(flow, conditions, time, seed, &mut random, &mut frames);
                    port += 1;
                    time += 600_000_000_000;
                }
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.pcap");
    write(&path, &frames);
    Some(read(&path))
}

/// A conversation with requests and answers of all lengths, a pause and an end.
fn converse(
    flow: Flow,
    conditions: &Conditions,
    start: i64,
    seed: usize,
    random: &mut Random,
    out: &mut Frames,
) {
    let mut tcp = Tcp::new(flow, random);
    let mut speak = Random::new(seed as u64);
    let mut wire = Wire { conditions, random, out };
    let trip = flow.round_trip_ns;
    let mut now = tcp.open(start, &mut wire) + 15_000;
    for round in 0..6 {
        for (side, most) in [(Side::Client, 4_000), (Side::Server, 400_000)] {
            let most = if round == 3 { most } else { most / 50 };
            let bytes = vec![0x5a; 1 + speak.below(most) as usize];
            now = tcp.send(now, side, &bytes, &mut wire);
            now += 400_000 + if side == flow.here { trip } else { 0 };
        }
        // Shorter than an acknowledgment is held back, or longer.
        now += i64::from(speak.below(80_000)) * 1_000;
    }
    now = tcp.keep_alive(now + 60_000_000_000, Side::Client, &mut wire) + 1_000_000 + trip;
    let ends = [
        Close::Client,
        Close::Server,
        Close::ServerReset,
        Close::Unbind,
        Close::ClientReset,
        Close::ServerAbort,
    ];
    tcp.close(now, ends[seed % ends.len()], &mut wire);
}

fn flow(is_v6: bool, here: Side, trip_us: i64, client_port: u16) -> Flow {
    let peer = |last: u8| Peer {
        address: if is_v6 {
            std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into()
        } else {
            std::net::Ipv4Addr::new(10, 1, 0, last).into()
        },
        mac: [2, 0, 0, 0, 0, last],
    };
    Flow {
        client: peer(7),
        server: peer(1),
        client_port,
        // Nothing that tshark reads the bytes of.
        server_port: 50_001,
        vlan: client_port.is_multiple_of(2).then_some(12),
        here,
        round_trip_ns: trip_us * 1_000,
        hops: 0,
    }
}

fn write(path: &Path, frames: &Frames) {
    let out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut writer = PcapWriter::new(out, LinkType(1), 262_144, Resolution::Nanoseconds).unwrap();
    let mut places = frames.places.clone();
    places.sort_by_key(|place| place.time);
    for place in places {
        let start = place.offset as usize;
        let bytes = &frames.bytes[start..start + place.length as usize];
        let time = Timestamp::from_nanos(place.time);
        let frame = Frame { time, link: LinkType(1), bytes, original_length: place.length };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

/// tshark's expert information, checksums validated.
fn read(path: &Path) -> BTreeMap<String, u32> {
    let mut command = Command::new("tshark");
    for option in ["ip.check_checksum:TRUE", "tcp.check_checksum:TRUE"] {
        command.args(["-o", option]);
    }
    command.args(["-T", "fields", "-E", "separator=|", "-E", "aggregator=|"]);
    command.args(["-e", "tcp.checksum.status", "-e", "_ws.expert.message"]);
    let output = command.arg("-r").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut remarks, mut lines) = (BTreeMap::new(), 0);
    for line in text.lines() {
        let mut fields = line.split('|');
        assert_eq!(fields.next(), Some("1"), "a checksum is wrong or was not checked: {line}");
        for remark in fields.filter(|remark| !remark.is_empty()) {
            *remarks.entry(remark.to_owned()).or_default() += 1;
        }
        lines += 1;
    }
    assert!(lines > 10_000, "{lines} frames: {}", String::from_utf8_lossy(&output.stderr));
    remarks
}
