//! Ethernet, IP, UDP and TCP frames as the domain controller's adapter shows them.

mod checksum;
mod frames;
mod knock;
mod tcp;

pub use frames::{Flow, Frames, Place};
pub use knock::{Knock, knock};
pub use tcp::{Close, Tcp};

/// What the network does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Largest IP packet in bytes.
    pub mtu_bytes: u16,
    /// TCP payload of a segment at most, in bytes; 1 cuts every stream into single bytes.
    pub segment_bytes_max: Option<u16>,
    /// Share of TCP segments lost and sent again.
    pub loss: f64,
    /// Share of TCP segments that overtake another.
    pub reordering: f64,
    /// Frames larger than the MTU, as adapters that segment and merge show them.
    pub offload: bool,
}
