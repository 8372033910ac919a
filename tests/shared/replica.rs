//! The lab captures again and again, each time from other hosts: a long capture that needs no
//! file. Used by the test that counts allocations and by the bench.

use std::path::{Path, PathBuf};

use headroom::base::{Batch, FrameSource, LinkType, Record};
use headroom::capture::{CaptureSet, Options};

/// Captures of Ethernet frames, whole and in order.
const CAPTURES: [&str; 8] = [
    "dc-dns.pcapng",
    "dc-kerberos.pcap",
    "dc-ldap.pcapng",
    "dc-netbios.pcap",
    "dc-radius.pcapng",
    "dc-rpc.pcapng",
    "dc-smb.pcapng",
    "dc-morning.pcapng",
];

/// Sites that take turns: long enough that the flows of the last time have been forgotten.
const SITES: u64 = 64;

/// EtherType and the addresses of IPv4 behind an Ethernet header.
const ETHERTYPE: std::ops::Range<usize> = 12..14;
const ADDRESSES: [usize; 2] = [26, 30];

/// The lab network; its second byte is replaced by the site.
const LAB: [u8; 2] = [10, 77];

/// All frames, `rounds` times.
pub struct Replica {
    round: Batch,
    span_nanos: i64,
    rounds: u64,
    done: u64,
}

impl Replica {
    /// Loads the captures; IPv4 frames only, as others keep their addresses.
    pub fn load(rounds: u64) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        let paths: Vec<PathBuf> = CAPTURES.iter().map(|name| folder.join(name)).collect();
        let mut set = CaptureSet::open(&paths, Options::default()).unwrap();
        let (mut round, mut batch) = (Batch::default(), Batch::default());
        while set.fill(&mut batch) {
            for record in &batch.records {
                let frame = batch.frame(record);
                if frame.link != LinkType(1) || frame.bytes.get(ETHERTYPE) != Some(&[8, 0]) {
                    continue;
                }
                let offset = u32::try_from(round.bytes.len()).unwrap();
                round.records.push(Record { offset, ..*record });
                round.bytes.extend_from_slice(frame.bytes);
            }
        }
        let first = round.records.first().unwrap().time;
        let span_nanos = round.records.last().unwrap().time.since(first);
        Self { round, span_nanos, rounds, done: 0 }
    }

    /// Frames of one round.
    pub fn frames(&self) -> u64 {
        self.round.records.len() as u64
    }
}

impl FrameSource for Replica {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.records.clear();
        batch.bytes.clear();
        if self.done == self.rounds {
            return false;
        }
        let site = u8::try_from(100 + self.done % SITES).unwrap();
        batch.bytes.extend_from_slice(&self.round.bytes);
        batch.records.extend_from_slice(&self.round.records);
        let later = self.span_nanos * i64::try_from(self.done).unwrap();
        for record in &mut batch.records {
            record.time = record.time.plus_nanos(later);
            for at in ADDRESSES.map(|at| record.offset as usize + at) {
                if batch.bytes[at..at + 2] == LAB {
                    batch.bytes[at + 1] = site;
                }
            }
        }
        self.done += 1;
        true
    }
}
