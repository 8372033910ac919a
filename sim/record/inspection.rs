//! What is in a capture.

use serde::{Deserialize, Serialize};

use super::{Drops, InputFile, Offload, Peak, ProtocolCount, Service, Understood};
use crate::base::Timestamp;

/// Everything `inspect` found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// [`super::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the program.
    pub headroom_version: String,
    /// The command, with its arguments as given. Hostile.
    pub command: String,
    /// Inputs in the order they were given.
    pub inputs: Vec<InputFile>,
    /// False where an input was damaged.
    pub complete: bool,
    /// Why it is not complete, as sentences.
    pub problems: Vec<String>,
    /// Warnings that do not make it incomplete, as sentences.
    pub warnings: Vec<String>,
    /// What the frames hold.
    pub traffic: Traffic,
    /// What their messages say.
    pub understood: Understood,
    /// Figures of this run of the program; they differ from run to run, unlike all the rest.
    pub run: Option<RunFigures>,
}

/// What the frames of a capture hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// Frames.
    pub frames: u64,
    /// Bytes of these frames on the wire.
    pub bytes: u64,
    /// Time of the earliest frame.
    pub first_utc: Option<Timestamp>,
    /// Time of the latest frame.
    pub last_utc: Option<Timestamp>,
    /// Packets and bytes per protocol, in registry order.
    pub protocols: Vec<ProtocolCount>,
    /// Frames by what their headers are.
    pub layers: Layers,
    /// Flows, and how their protocols were recognised.
    pub flows: FlowCounts,
    /// Frames in which a port is source or destination, TCP, by port number.
    pub tcp_ports: Vec<PortCount>,
    /// The same for UDP.
    pub udp_ports: Vec<PortCount>,
    /// Hosts that answer from ports of a domain controller, most packets first.
    pub servers: Vec<Server>,
    /// Answers from such ports by hosts that are not among these, for want of room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unfollowed_answers: u64,
    /// Highest rate of windows from 1 ms to 1 s.
    pub peaks: Vec<Peak>,
    /// Super-frames of offload.
    pub offload: Offload,
    /// Frames not or not fully analysed.
    pub drops: Drops,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Frames by what their headers are. A frame may count in several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Layers {
    /// IPv4.
    pub ipv4: u64,
    /// IPv6.
    pub ipv6: u64,
    /// No IP: ARP, LLDP, spanning tree and the like.
    pub not_ip: u64,
    /// With ports of TCP.
    pub tcp: u64,
    /// With ports of UDP.
    pub udp: u64,
    /// At least one VLAN tag.
    pub vlan: u64,
    /// In a tunnel (GRE, ERSPAN, VXLAN, IP in IP).
    pub tunnelled: u64,
    /// IP fragments.
    pub fragments: u64,
    /// Datagrams put together from them.
    pub reassembled_datagrams: u64,
}

/// Flows of a capture.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct FlowCounts {
    /// TCP connections.
    pub tcp: u64,
    /// UDP endpoint pairs.
    pub udp: u64,
    /// TCP connections whose opening (SYN and its answer) was captured.
    pub tcp_opened: u64,
    /// TCP connections that were only asked for: a SYN without an answer.
    pub tcp_unanswered: u64,
    /// TCP connections that were reset.
    pub tcp_reset: u64,
    /// Flows without any payload.
    pub without_payload: u64,
    /// Flows that carry NTLMSSP inside another protocol, at their start.
    pub with_ntlmssp: u64,
    /// Flows per protocol, in registry order.
    pub protocols: Vec<ProtocolFlows>,
    /// Packets per flow.
    pub packets_per_flow: Quantiles,
    /// Duration of flows in milliseconds.
    pub duration_ms: Quantiles,
}

/// Flows of one protocol, by how it was recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolFlows {
    /// Display name.
    pub protocol: String,
    /// The first bytes of their payload prove it.
    pub by_payload: u64,
    /// Only the port says so: no payload, or payload that says nothing.
    pub by_port_only: u64,
}

/// Some quantiles of a distribution, with at most 0.1 % error (HDR histogram, 3 digits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quantiles {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// Largest value.
    pub max: u64,
    /// Values.
    pub count: u64,
}

/// Frames of one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortCount {
    /// Port number.
    pub port: u16,
    /// Frames in which it is source or destination.
    pub frames: u64,
}

/// A host that answers from ports of a domain controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// What the user or a synthesized capture calls it. Hostile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Ports it answered from.
    pub services: Vec<Service>,
    /// Frames it sent or received.
    pub packets: u64,
    /// Taken for a domain controller.
    pub is_domain_controller: bool,
}

/// Figures of one run of the whole process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Worker threads.
    pub threads: usize,
    /// Elapsed time.
    pub wall_seconds: f64,
    /// Processor time of all threads, user and system; `None` where the system does not say.
    pub cpu_seconds: Option<f64>,
    /// Largest resident memory; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
    /// Frames over `wall_seconds`.
    pub packets_per_second: f64,
    /// Frames over `cpu_seconds`.
    pub packets_per_cpu_second: Option<f64>,
    /// Nanoseconds of processor time per frame.
    pub cpu_ns_per_packet: Option<f64>,
}
