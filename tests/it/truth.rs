//! Our counts against tshark's, on captures that nobody here made.
//!
//! The captures lie beside the project and do not ship with it; without them the test says
//! `skipped`. Every difference must be explained below, by file and reason, and an explanation
//! that is no longer needed fails the test too.

use std::path::{Path, PathBuf};

use headroom::capture::{CaptureSet, Options};
use headroom::record::{InputFile, PortCount, Traffic};
use headroom::sensor;
use serde_json::Value;

use super::protocols;
use super::score::{Explained, Table};

/// Known differences: file, what differs, ours, tshark's, and why.
const EXPLAINED: &[Explained] = &[
    ("BruteShark__Kerberos_-_v5_UDP.pcap", "udp frames", 423, 425, QUOTED),
    ("BruteShark__Kerberos_-_v5_UDP.pcap", "udp ports 137", 238, 240, QUOTED),
    ("BruteShark__Kerberos_-_v5_UDP.pcap", "udp ports 5010", 6, 7, QUOTED),
    ("BruteShark__Kerberos_-_v5_UDP.pcap", "udp ports 5012", 6, 7, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp frames", 245, 260, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 53", 199, 214, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63443", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63447", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63451", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63455", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63459", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63465", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63471", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63479", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63481", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63483", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63485", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63489", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63493", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63499", 2, 3, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "udp ports 63501", 2, 3, QUOTED),
    ("nDPI__fuzz-2006-06-26-2594.pcap", "udp streams", 221, 219, ANNOUNCED),
    ("pcapng-test-generator__output_le_difficult_test202.pcapng", "frames", 8, 11, CUSTOM),
    ("pcapng-test-generator__output_le_difficult_test202.pcapng", "records", 8, 11, CUSTOM),
    ("pcapng-test-generator__output_le_difficult_test202.pcapng", "bytes", 2304, 2420, CUSTOM),
    ("zeek__radiotap.pcap", "udp frames", 0, 3, WLAN),
    ("zeek__radiotap.pcap", "udp streams", 0, 2, WLAN),
    ("zeek__radiotap.pcap", "udp ports 53", 0, 2, WLAN),
    ("zeek__radiotap.pcap", "udp ports 5353", 0, 1, WLAN),
    ("zeek__radiotap.pcap", "udp ports 61738", 0, 2, WLAN),
    ("zeek__radiotap.pcap", "udp ports total", 0, 3, WLAN),
    ("BruteShark__Kerberos_-_v5_UDP.pcap", "protocol nbns", 238, 240, QUOTED),
    ("PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap", "protocol dns", 199, 214, QUOTED),
    ("nDPI__dos_win98_smb_netbeui.pcap", "protocol smb", 0, 78, NETBEUI),
    ("nDPI__fuzz-2006-06-26-2594.pcap", "protocol dns", 289, 304, FUZZED),
    ("nDPI__fuzz-2006-06-26-2594.pcap", "protocol nbns", 88, 102, FUZZED),
    ("nDPI__fuzz-2006-06-26-2594.pcap", "protocol nbdgm", 3, 7, FUZZED),
    ("nDPI__fuzz-2006-06-26-2594.pcap", "protocol smb", 0, 4, FUZZED),
    ("nDPI__fuzz-2020-02-16-11740.pcap", "protocol radius", 284, 277, FLOW),
    ("nDPI__rdp2.pcap", "protocol tls", 0, 27, UDP_TLS),
    ("nDPI__rdp_over_tls.pcap", "protocol tls", 14, 0, BEHIND_RDP),
    ("zeek__rdp-no-cookie-mstshash.pcap", "protocol tls", 10, 0, BEHIND_RDP),
    ("zeek__rdp-to-ssl.pcap", "protocol tls", 645, 0, BEHIND_RDP),
    ("tcpdump__dns-badlabel.pcap", "protocol dns", 0, 1, FUZZED),
    ("tcpdump__nbns-valgrind.pcap", "protocol nbns", 0, 1, FUZZED),
    ("zeek__quic-interop-retry.pcap", "protocol tls", 0, 2, UDP_TLS),
    ("zeek__radiotap.pcap", "protocol dns", 0, 2, WLAN),
    ("zeek__radiotap.pcap", "protocol mdns", 0, 1, WLAN),
];

const BEHIND_RDP: &str = "tshark hands port 3389 to TPKT and does not look for the TLS that \
                          follows the negotiation";
const QUOTED: &str = "tshark also counts ports of packets quoted inside ICMP errors; \
                      a quotation is no traffic of that port";
const ANNOUNCED: &str = "tshark joins RTP endpoints that SDP announces into one conversation, \
                         although their addresses differ";
const CUSTOM: &str = "tshark shows pcapng custom blocks as frames; they hold no packets";
const WLAN: &str = "LINKTYPE_IEEE802_11_RADIOTAP is not decoded: no domain controller is on \
                    Wi-Fi; its frames are counted as undecodable";

const NETBEUI: &str = "SMB over NetBEUI (LLC): there is no IP, no port and no flow";
const FUZZED: &str = "damaged on purpose: tshark goes by the port and calls the rest malformed; we \
                      believe no port that the payload contradicts";
const FLOW: &str = "datagrams that were damaged on purpose stay with their flow, which other \
                    datagrams prove";
const UDP_TLS: &str = "handshake inside RDP-UDP or QUIC, which are not among our protocols";

#[test]
fn counts_equal_tsharks() {
    let Some(folder) = shared_captures() else {
        println!("skipped: no captures beside the project");
        return;
    };
    let mut table = Table::new(EXPLAINED);
    for path in captures(&folder.join("dev")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let truth = folder.join("truth/dev").join(format!("{name}.json"));
        let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
        let (traffic, file) = read(&path);
        compare(&mut table, &name, &traffic, &file, &truth);
    }
    assert!(table.files > 80, "only {} captures", table.files);
    table.conclude();
}

#[test]
fn the_result_is_the_same_for_every_number_of_threads() {
    let Some(folder) = shared_captures() else {
        println!("skipped: no captures beside the project");
        return;
    };
    let all = captures(&folder.join("dev"));
    let observe = |threads| {
        let mut set = CaptureSet::open(&all, Options::default()).unwrap();
        let options = sensor::Options { threads, flows_max: 300, ..sensor::Options::default() };
        sensor::observe(&mut set, &options, &|_| (), None).unwrap()
    };
    let one = observe(1);
    assert!(one.traffic.drops.flows_evicted > 0, "the limit is low enough to matter");
    for threads in [2, 3, 7] {
        assert_eq!(observe(threads), one, "{threads} threads");
    }
}

fn compare(table: &mut Table, name: &str, ours: &Traffic, file: &InputFile, truth: &Value) {
    table.files += 1;
    let number = |path: &str| truth.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    table.score(name, "frames", ours.frames, number("/frames"));
    table.score(name, "records", file.records, number("/frames"));
    table.score(name, "bytes", ours.bytes, number("/len_sum"));
    table.score(name, "tcp frames", ours.layers.tcp, number("/tcp/frames"));
    table.score(name, "udp frames", ours.layers.udp, number("/udp/frames"));
    table.score(name, "tcp streams", ours.flows.tcp, number("/tcp/streams"));
    table.score(name, "udp streams", ours.flows.udp, number("/udp/streams"));
    ports(table, name, "tcp ports", &ours.tcp_ports, &truth["tcp"]);
    ports(table, name, "udp ports", &ours.udp_ports, &truth["udp"]);
    protocols::compare(table, name, ours, |protocol| {
        let frames = truth["proto_frames"][protocol].as_u64().unwrap_or(0);
        // Inside DCE/RPC tshark reads the token, but does not name it as a layer.
        let messages = truth["ntlmssp"]["messages"].as_object().map_or(0, serde_json::Map::len);
        if protocol == "ntlmssp" { frames.max(messages as u64) } else { frames }
    });
}

/// All ports of a file count as one figure; each that differs needs its own explanation.
fn ports(table: &mut Table, name: &str, figure: &str, ours: &[PortCount], truth: &Value) {
    let theirs = truth["port_frames"].as_object().unwrap();
    let mut equal = true;
    for (port, frames) in theirs {
        let number: u16 = port.parse().unwrap();
        let frames = frames.as_u64().unwrap();
        let own = ours.iter().find(|count| count.port == number).map_or(0, |count| count.frames);
        equal &= table.check(name, &format!("{figure} {port}"), own, frames);
    }
    // The truth lists the 300 busiest; fewer means that those are all.
    let total = truth["ports_total"].as_u64().unwrap();
    equal &= table.check(name, &format!("{figure} total"), ours.len() as u64, total);
    table.add(figure, equal);
}

fn read(path: &Path) -> (Traffic, InputFile) {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let options = sensor::Options { threads: 2, ..sensor::Options::default() };
    let observation = sensor::observe(&mut set, &options, &|_| (), None).unwrap();
    (observation.traffic, set.finish().remove(0))
}

pub fn captures(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_none_or(|kind| kind != "tsv")).collect();
    paths.sort();
    paths
}

/// The folder of captures beside the project, or where `HEADROOM_SHARED` says.
pub fn shared_captures() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("HEADROOM_SHARED").map_or(beside, PathBuf::from);
    Some(shared.join("captures")).filter(|captures| captures.join("dev").is_dir())
}
