//! Frames to flows: decode link, network and transport headers, reassemble fragments, keep a
//! bounded table of flows.
//!
//! A flow here is a pair of endpoints of one transport (RFC 2722 calls it a bidirectional
//! flow; Wireshark a stream). Nothing in this room knows an application protocol.

mod address;
mod decode;
mod fragment;
mod link;
mod network;
mod packet;
mod stream;
mod table;

pub use address::{Address, AddressHasher, AddressKeys, AddressMap};
pub use decode::{Decoder, decode, sender_mac};
pub use fragment::{FragmentLimits, Reassembler};
pub use packet::{Flag, Packet, Transport};
pub use stream::{Consumer, Pool, Segment, Stream, StreamCounts, StreamLimits, Take};
pub use table::{ENTRY_BYTES, Entry, FlowTable, State, Touched};

/// Flows are split by hash into this many shards, whatever the number of threads, so that
/// limits and evictions fall on the same flows with one thread as with many.
pub const SHARDS: usize = 8;
