//! What was read, and what was not.

use serde::{Deserialize, Serialize};

use super::Synthesis;
use crate::base::Timestamp;

/// The kinds of input that can be sized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// libpcap savefile.
    Pcap,
    /// pcapng.
    Pcapng,
    /// Performance Monitor log as CSV (`relog -f csv`).
    PerfmonCsv,
    /// Result workbook of the vendor's sizing tool.
    SizingWorkbook,
    /// `time,host,packets_per_second`.
    PlainCsv,
    /// Estate file, of which traffic was made.
    Estate,
}

/// One input file as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path as given, `-` for standard input. Hostile: escape before printing.
    pub path: String,
    /// What it turned out to be.
    pub format: Format,
    /// The format in words, e.g. `pcap, nanoseconds, big-endian, gzip`.
    pub format_text: String,
    /// Bytes read from disk, still compressed where the file is.
    pub size_bytes: u64,
    /// SHA-256 of those bytes in hexadecimal; none where it was not asked for.
    pub sha256: Option<String>,
    /// Frames (captures) or readings (counters) that were used.
    pub records: u64,
    /// Time of the earliest record.
    pub first_utc: Option<Timestamp>,
    /// Time of the latest record.
    pub last_utc: Option<Timestamp>,
    /// Capture interfaces in order of their numbers; empty for counters.
    pub interfaces: Vec<Interface>,
    /// pcapng sections; 1 for pcap, 0 for counters.
    pub sections: u32,
    /// pcapng blocks that were stepped over because they carry no packets.
    pub skipped_blocks: u64,
    /// Records whose time lies before the record in front of them.
    pub records_out_of_order: u64,
    /// How the traffic was synthesized, where the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub synthesis: Option<Box<Synthesis>>,
    /// Where reading stopped early; everything before it was used.
    pub damage: Option<Damage>,
}

/// One capture interface.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// `if_name`. Hostile.
    pub name: Option<String>,
    /// `if_description`. Hostile.
    pub description: Option<String>,
    /// LINKTYPE_ number.
    pub link_type: u16,
    /// LINKTYPE_ name, e.g. `ETHERNET`.
    pub link_name: String,
    /// Snap length in bytes, 0 where unlimited.
    pub snap_length_bytes: u32,
    /// Nanoseconds per tick of its timestamps (may be below 1).
    pub tick_ns: f64,
    /// Frames read from it.
    pub packets: u64,
    /// Frames shorter in the file than on the wire.
    pub packets_cut: u64,
    /// `isb_ifdrop` of the last statistics block: lost by the interface.
    pub dropped_by_interface: Option<u64>,
    /// `isb_osdrop` of the last statistics block: lost by the operating system.
    pub dropped_by_os: Option<u64>,
}

/// Damage in an input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Damage {
    /// Offset in the (decompressed) file where the damaged structure begins, in bytes.
    pub offset_bytes: u64,
    /// What is wrong there, with the numbers, e.g.
    /// `record says 1048584 bytes, 96 are left; the file is cut short`.
    pub what: String,
}

/// Packets that were not, or not fully, analysed. Each name is defined once, here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drops {
    /// Lost before the file was written, as its statistics blocks say (interface and OS).
    pub not_captured: u64,
    /// Counted at their original length, but cut by the snap length.
    pub cut_by_snap_length: u64,
    /// Link, network or transport header not understood; counted as frames only.
    pub undecodable: u64,
    /// Fragments given up because a limit was reached or the rest never came.
    pub fragments_dropped: u64,
    /// Flows evicted because the flow table was full; if seen again they count as new.
    pub flows_evicted: u64,
    /// Frames outside the time span that the timeline holds.
    pub outside_timeline: u64,
}

impl Drops {
    /// Adds those of other packets.
    pub fn add(&mut self, other: &Self) {
        // A file may claim any number to be lost.
        self.not_captured = self.not_captured.saturating_add(other.not_captured);
        self.cut_by_snap_length += other.cut_by_snap_length;
        self.undecodable += other.undecodable;
        self.fragments_dropped += other.fragments_dropped;
        self.flows_evicted += other.flows_evicted;
        self.outside_timeline += other.outside_timeline;
    }
}
