//! The system's libpcap as a second opinion, through the `pcap` crate and our own symbols.

use headroom::base::LinkType;
use headroom::capture::{Filter, FilterError, Options, libpcap_version};

use super::{read_set, shared_captures};

/// Where libpcap ends early, and where it gives other records, with its reason.
const EXPLAINED: [(&str, &str); 6] = [
    ("be_basic_test004.pcapng", "libpcap takes one snap length per file"),
    ("be_basic_test016.pcapng", "simple packets: libpcap gives them the time 0"),
    ("le_advanced_test100.pcapng", "simple packets, and libpcap takes one link type per file"),
    ("le_difficult_test202.pcapng", "libpcap takes one link type per file"),
    ("zeek__gap-data-missing.pcapng", "libpcap takes one snap length per file"),
    ("zeek__smb2_krb.pcap", "record 42 is longer than the snap length; libpcap cuts it, we do not"),
];

#[test]
fn libpcap_reads_the_same_records() {
    let Some(captures) = shared_captures() else { return println!("skipped: no captures") };
    let Some(version) = libpcap_version() else { return println!("skipped: no libpcap") };
    println!("{version}");
    let mut names: Vec<_> = std::fs::read_dir(captures.join("dev"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "manifest.tsv")
        .collect();
    names.sort();
    let mut differences = Vec::new();
    let mut same_records = 0;
    for name in &names {
        let path = captures.join("dev").join(name);
        let nanos = pcap::Precision::Nano;
        let mut theirs = pcap::Capture::from_file_with_precision(&path, nanos).unwrap();
        let (ours, _) = read_set(&[path], Options::default());
        let mut count = 0;
        let end = loop {
            let packet = match theirs.next_packet() {
                Ok(packet) => packet,
                Err(error) => break error.to_string(),
            };
            let header = packet.header;
            let nanos = header.ts.tv_sec * 1_000_000_000 + header.ts.tv_usec;
            let Some(our) = ours.get(count) else { break "we have fewer".to_owned() };
            let same =
                (our.nanos == nanos, our.original_length == header.len, our.bytes == packet.data);
            if same == (true, true, true) {
                same_records += 1;
            } else {
                differences.push(format!("{name}: record {count}: time, length, bytes {same:?}"));
            }
            count += 1;
        };
        if count != ours.len() {
            differences.push(format!("{name}: libpcap reads {count}, we {}: {end}", ours.len()));
        }
    }
    let explained = |line: &str| EXPLAINED.iter().find(|(name, _)| line.contains(name));
    for line in &differences {
        println!("{line} ({})", explained(line).map_or("NOT EXPLAINED", |(_, why)| why));
    }
    println!("{same_records} records of {} files are the same", names.len());
    differences.retain(|line| explained(line).is_none());
    assert_eq!(differences, Vec::<String>::new());
    assert!(same_records > 15_000, "{same_records}");
}

#[test]
fn a_filter_matches_what_it_says() {
    let ethernet = LinkType(1);
    if libpcap_version().is_none() {
        let missing = Filter::compile("tcp", ethernet);
        assert!(matches!(missing, Err(FilterError::Missing)));
        return println!("skipped: no libpcap");
    }
    let mut frame = vec![0; 60];
    frame[12..14].copy_from_slice(&[8, 0]); // IPv4
    frame[14] = 0x45;
    frame[23] = 17; // UDP
    frame[36..38].copy_from_slice(&53_u16.to_be_bytes());
    let matches = |text| Filter::compile(text, ethernet).unwrap().matches(&frame);
    assert!(matches("udp dst port 53"));
    assert!(!matches("tcp"));
    assert!(!matches("udp port 54"));
    // In a file RAW is 101, inside libpcap 12.
    assert!(Filter::compile("udp dst port 53", LinkType(101)).unwrap().matches(&frame[14..]));
    let error = Filter::compile("no such thing", ethernet).err().unwrap().to_string();
    assert!(error.starts_with("filter `no such thing`: "), "{error}");
}
