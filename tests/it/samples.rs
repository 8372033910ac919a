//! Our counts against tshark's, on the captures that ship with the project.
//!
//! Every capture in `captures/` has its expectations beside it, `NAME.expect.toml`; see
//! `captures/README.md` for how they were made. A new case is two files and no code. A
//! difference that is right is explained here, by file and reason.

use std::path::{Path, PathBuf};

use headroom::base::{Batch, FrameSource};
use headroom::capture::{CaptureSet, Options};
use headroom::record::{Format, PortCount};
use headroom::sensor::{self, Observation};
use toml::{Table as Toml, Value};

use super::protocols;
use super::score::{Explained, Table};

/// Known differences: file, what differs, ours, tshark's, and why.
const EXPLAINED: &[Explained] = &[
    (
        "dc-dns.pcapng",
        "protocol mdns",
        26,
        27,
        "an ICMP error quotes one; a quotation is no traffic of that protocol",
    ),
    ("dc-ldap.pcapng", "LDAP by port", 247, 264, STARTED),
    ("dc-morning.pcapng", "RDP by port", 7, 69, STARTED),
    ("dc-rdp.pcapng.zst", "RDP by port", 62, 121, STARTED),
    (
        "dc-rdp.pcapng.zst",
        "protocol tls",
        59,
        0,
        "tshark hands port 3389 to TPKT and does not look for the TLS that follows",
    ),
];

const STARTED: &str = "the flow goes on as TLS, and counts as that from there";

/// Captures in which no host answers as a domain controller, and why.
const WITHOUT_CONTROLLER: &[(&str, &str)] = &[
    ("dc-fragments.pcap", "of its services only DNS answers, which every resolver has"),
    ("dc-netbios.pcap", "it answers on 139 only, which is no service of domain controllers alone"),
    ("dc-ntp-dhcp.pcap", "time and addresses only"),
    ("dc-radius.pcapng", "RADIUS only"),
    ("dc-rdp.pcapng.zst", "remote desktop only"),
];

/// Protocols whose frames are those of its ports, handshakes included: labels, ports of TCP and
/// of UDP.
const BY_PORT: &[(&[&str], &[u16], &[u16])] = &[
    (&["DNS"], &[53], &[53]),
    (&["Kerberos"], &[88, 464], &[88, 464]),
    (&["LDAP"], &[389, 3268], &[]),
    (&["CLDAP"], &[], &[389]),
    (&["LDAPS"], &[636, 3269], &[]),
    (&["NBSS", "SMB1", "SMB2/3"], &[139, 445], &[]),
    (&["RADIUS"], &[], &[1812, 1813]),
    (&["RDP"], &[3389], &[3389]),
];

#[test]
fn samples_are_read_as_tshark_reads_them() {
    let mut table = Table::new(EXPLAINED);
    let mut without = Vec::new();
    for path in samples() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let expect = expectations(&path);
        let observation = observe(&path);
        table.files += 1;
        container(&mut table, name, &path, &expect);
        traffic(&mut table, name, &observation, &expect);
        frames_of_ports(&mut table, name, &observation);
        if !finds_controller(name, &observation, &expect) {
            without.push(name.to_owned());
        }
    }
    assert!(table.files >= 16, "only {} captures", table.files);
    for (file, why) in WITHOUT_CONTROLLER {
        println!("{file}: no domain controller: {why}");
    }
    table.conclude();
    let explained: Vec<_> = WITHOUT_CONTROLLER.iter().map(|(file, _)| *file).collect();
    without.sort();
    let mut sorted = explained;
    sorted.sort_unstable();
    assert_eq!(without, sorted, "captures without a domain controller");
}

#[test]
fn every_expectation_has_its_capture() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        if let Some(capture) = name.strip_suffix(".expect.toml") {
            assert!(Path::new(capture).is_file(), "{capture} is missing");
        }
    }
}

/// Facts of the file itself.
fn container(table: &mut Table, name: &str, path: &Path, expect: &Toml) {
    let number = |key: &str| integer(&expect["container"][key]);
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let (mut captured, mut original, mut times) = (0, 0, Vec::new());
    let mut batch = Batch::default();
    while set.fill(&mut batch) {
        for frame in batch.frames() {
            captured += frame.bytes.len() as u64;
            original += u64::from(frame.original_length);
            times.push(u64::try_from(frame.time.nanos()).unwrap());
        }
    }
    table.score(name, "captured bytes", captured, number("captured_bytes"));
    table.score(name, "original bytes", original, number("original_bytes"));
    table.score(name, "first record", times[0], number("first_packet_unix_ns"));
    table.score(name, "last record", times[times.len() - 1], number("last_packet_unix_ns"));
    let file = set.finish().remove(0);
    table.score(name, "records", file.records, number("packets"));
    let format = match expect["container"]["format"].as_str() {
        Some("pcap") => Format::Pcap,
        Some("pcapng") => Format::Pcapng,
        other => panic!("{name}: unknown format {other:?}"),
    };
    assert_eq!((file.format, file.damage), (format, None), "{name}");
    // tshark's are those of the first and last record, which need not be the earliest and latest.
    let span = [file.first_utc, file.last_utc].map(|at| u64::try_from(at.unwrap().nanos()).ok());
    assert_eq!(span, [times.iter().min().copied(), times.iter().max().copied()], "{name}");
}

/// What the frames hold.
fn traffic(table: &mut Table, name: &str, observation: &Observation, expect: &Toml) {
    let ours = &observation.traffic;
    table.score(name, "frames", ours.frames, integer(&expect["container"]["packets"]));
    table.score(name, "bytes", ours.bytes, integer(&expect["container"]["original_bytes"]));
    table.score(name, "tcp streams", ours.flows.tcp, integer(&expect["streams"]["tcp"]));
    table.score(name, "udp streams", ours.flows.udp, integer(&expect["streams"]["udp"]));
    // The ports that expect.sh looks at; one without frames is left out of the file.
    let tcp = [53, 88, 135, 139, 389, 445, 464, 636, 3268, 3269, 3389];
    let udp = [53, 67, 68, 88, 123, 137, 138, 389, 464, 1812, 1813, 3389, 5353, 5355];
    for (figure, looked_at, ours) in
        [("tcp", &tcp[..], &ours.tcp_ports), ("udp", &udp[..], &ours.udp_ports)]
    {
        let theirs = expect[&format!("{figure}_port_frames")].as_table().unwrap();
        for key in theirs.keys() {
            assert!(looked_at.contains(&key.parse().unwrap()), "{name}: add port {key} here");
        }
        for &port in looked_at {
            let theirs = theirs.get(&port.to_string()).map_or(0, integer);
            let equal = table.check(name, &format!("{figure} port {port}"), at(ours, port), theirs);
            table.add(&format!("{figure} ports"), equal);
        }
    }
    let frames = expect["protocol_frames"].as_table().unwrap();
    protocols::compare(table, name, ours, |protocol| frames.get(protocol).map_or(0, integer));
}

/// In the lab every service runs on its own port, so that recognition must give each frame of
/// the port to the service, and nothing else.
fn frames_of_ports(table: &mut Table, name: &str, observation: &Observation) {
    let ours = &observation.traffic;
    for (labels, tcp, udp) in BY_PORT {
        let of = ours.protocols.iter().filter(|count| labels.contains(&count.protocol.as_str()));
        let frames = of.map(|count| count.packets).sum();
        let on_ports = tcp.iter().map(|&port| at(&ours.tcp_ports, port)).sum::<u64>()
            + udp.iter().map(|&port| at(&ours.udp_ports, port)).sum::<u64>();
        let what = format!("{} by port", labels.join("+"));
        let equal = table.check(name, &what, frames, on_ports);
        table.add("frames by port", equal);
    }
}

/// Whether a domain controller was found. It must then be the one of the lab, and no other.
fn finds_controller(name: &str, observation: &Observation, expect: &Toml) -> bool {
    let expected: Vec<&str> =
        expect["dc"]["addresses"].as_array().unwrap().iter().map(|a| a.as_str().unwrap()).collect();
    let [only] = observation.domain_controllers.as_slice() else {
        panic!("{name}: {} rows for one domain controller", observation.domain_controllers.len());
    };
    for address in &only.addresses {
        assert!(expected.contains(&address.as_str()), "{name}: {address} is none of {expected:?}");
    }
    let Some(first) = only.addresses.first() else {
        assert_eq!(only.name, "whole capture", "{name}");
        return false;
    };
    assert!(first.contains('.') && *first == expected[0], "{name}: {first} is not {expected:?}");
    assert_eq!(only.name, *first, "{name}");
    true
}

fn at(counts: &[PortCount], port: u16) -> u64 {
    counts.iter().find(|count| count.port == port).map_or(0, |count| count.frames)
}

fn integer(value: &Value) -> u64 {
    u64::try_from(value.as_integer().unwrap()).unwrap()
}

fn expectations(capture: &Path) -> Toml {
    let path = format!("{}.expect.toml", capture.display());
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
        .parse()
        .unwrap()
}

fn observe(path: &Path) -> Observation {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let options = sensor::Options { threads: 2, ..sensor::Options::default() };
    sensor::observe(&mut set, &options, &|_| (), None).unwrap()
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// All captures that ship with the project.
pub fn samples() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.is_file() && name.contains(".pcap") && !name.ends_with(".expect.toml")
    };
    let mut files: Vec<_> = files.filter(wanted).collect();
    files.sort();
    files
}

#[test]
fn super_frames_name_the_mtu_and_what_they_stand_for() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/dc-offload.pcap");
    let mut set = CaptureSet::open(&[path], Options::default()).unwrap();
    let options = sensor::Options { mtu_bytes: 1_400, ..sensor::Options::default() };
    let traffic = sensor::observe(&mut set, &options, &|_| (), None).unwrap().traffic;
    let offload = traffic.offload;
    assert_eq!((offload.mtu_bytes, offload.largest_frame_bytes), (1_400, 52_194));
    // 250 kB of them in pieces of at most 1,360 bytes.
    assert!(offload.frames > 10 && offload.estimated_wire_packets > 180, "{offload:?}");
}
