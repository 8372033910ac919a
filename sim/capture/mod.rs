//! Capture files to frames, and frames back to files.
//!
//! [`CaptureSet`] turns any number of pcap and pcapng files, plain or compressed, into one
//! stream of frames in time order; [`Reader`] reads a single one from anything that can be
//! read. Both hand out [`crate::base::Batch`]es whose buffer is filled by `read()` and walked
//! in place. Damage never fails a run: everything before it is used, and
//! [`crate::record::InputFile`] says where and why reading stopped.
//!
//! Formats: the libpcap savefile (pcap-savefile(5), draft-ietf-opsawg-pcap) and pcapng
//! (draft-ietf-opsawg-pcapng).

mod content;
mod filter;
mod filtered;
mod gzip;
mod input;
#[cfg(unix)]
mod libpcap;
mod link;
mod pcap;
mod pcapng;
mod reader;
mod set;
mod unpack;
mod walk;
mod write;

pub use content::{HEAD_BYTES, describe, is_pcap_family, recognise, unwrap_head};
pub use filter::{Filter, FilterError, libpcap_version};
pub use filtered::Filtered;
pub use link::link_name;
pub use pcapng::{Mark, SYNTHESIS_UNREAD};
pub use reader::{MAX_FRAME_BYTES, Reader};
pub use set::{CaptureSet, Options, standard_input};
pub use write::{InterfaceSpec, PcapWriter, PcapngWriter, Resolution, SNAP_LENGTH_BYTES};

use std::io;

/// Why an input cannot be read as a capture at all. Damage further inside a file is not an
/// error; see [`crate::record::Damage`].
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened or its first bytes cannot be read.
    #[error("open {path}: {source}")]
    Open {
        /// Path as given.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is not one byte in it.
    #[error("read {path}: the file is empty; was the capture stopped before it was written?")]
    Empty {
        /// Path as given.
        path: String,
    },
    /// Its first bytes are those of something else.
    #[error("read {path}: expected a pcap or pcapng capture, found {found}")]
    Unknown {
        /// Path as given.
        path: String,
        /// What was found and, where one is known, a way to convert it.
        found: String,
    },
}
