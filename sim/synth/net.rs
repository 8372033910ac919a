//! Ethernet, IP, UDP and TCP frames as the domain controller's adapter shows them.
//!
//! TCP is that of Windows 10, Server 2016 and later. Its numbers come from captures of such
//! hosts: options and windows of the handshake, when an acknowledgment is held back, how the
//! window closes and opens, who ends a connection and how.

mod checksum;
mod flight;
mod frames;
mod knock;
mod neighbour;
mod tcp;
#[cfg(test)]
mod tests;
mod trouble;

pub use frames::{Flow, Frames, Place, Segment};
pub use knock::{Knock, knock};
pub use neighbour::Neighbour;
pub use tcp::{Close, Tcp, Wire};

/// What the network does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// Largest IP packet in bytes.
    pub mtu_bytes: u16,
    /// TCP payload of a segment at most, in bytes; 1 cuts every stream into single bytes.
    pub segment_bytes_max: Option<u16>,
    /// Share of TCP segments with data that are lost and sent again. Those of others are lost
    /// before the capture point, a hole that is filled later; those of the domain controller
    /// behind it, so that they are seen twice.
    pub loss: f64,
    /// Share of TCP segments that overtake another, of what one side sends in one go; and of
    /// datagrams from others that are late.
    pub reordering: f64,
    /// Frames larger than the MTU, as adapters that segment and merge show them.
    pub offload: bool,
}
