//! What the messages of a capture say: how well they were read, who did what, and what name
//! resolution it would cost the sensor.

use serde::{Deserialize, Serialize};

use crate::base::Timestamp;

/// Everything understood of a capture's payload.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Understood {
    /// Messages per protocol, in registry order; protocols without any are left out.
    pub protocols: Vec<ProtocolMessages>,
    /// Messages per operation, most first within each protocol.
    pub operations: Vec<OperationCount>,
    /// Why messages are malformed, most first within each protocol.
    pub malformed: Vec<MalformedReason>,
    /// Addresses with the most bytes.
    pub talkers: Vec<Talker>,
    /// Activities per kind, in order; kinds without any are left out.
    pub activities: Vec<ActivityCount>,
    /// Activities over time.
    pub over_time: ActivitySeries,
    /// What resolving the addresses in activities would cost the sensor.
    pub name_resolution: NameResolution,
    /// What putting TCP streams together met.
    pub streams: Streams,
    /// What could not be followed for want of room.
    pub limits: Limits,
}

/// What putting TCP streams together met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Streams {
    /// Segments that came before one they follow.
    pub out_of_order_segments: u64,
    /// Bytes sent again that had been taken already.
    pub retransmitted_bytes: u64,
    /// Bytes sent again while their first copy waited.
    pub overlapping_bytes: u64,
    /// Those of them that differed; the first copy stays.
    pub conflicting_bytes: u64,
    /// Keep-alives.
    pub keep_alives: u64,
    /// Segments that cannot be of their connection.
    pub refused_segments: u64,
    /// Connections that went on elsewhere.
    pub restarts: u64,
    /// Holes given up.
    pub gaps: u64,
    /// Bytes in them.
    pub lost_bytes: u64,
    /// Holes given up because a limit was reached.
    pub evictions: u64,
}

/// Messages of one protocol, those inside other protocols included.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ProtocolMessages {
    /// Display name.
    pub protocol: String,
    /// All messages: parsed, opaque, cut and malformed.
    pub messages: u64,
    /// Bytes of the messages that were read.
    pub bytes: u64,
    /// Messages per second, over the span of the capture; unknown for a capture without one.
    pub messages_per_second: Option<f64>,
    /// Read to their end.
    pub parsed: u64,
    /// Encrypted, compressed or not looked into.
    pub opaque: u64,
    /// Cut by the snap length or a gap.
    pub cut: u64,
    /// Not what the specification says.
    pub malformed: u64,
    /// Holes in its streams.
    pub gaps: u64,
    /// Bytes in them.
    pub lost_bytes: u64,
    /// Bytes in which no message was found.
    pub unread_bytes: u64,
}

/// Messages of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCount {
    /// Display name of the protocol.
    pub protocol: String,
    /// Name in its specification; a number where we know none.
    pub operation: String,
    /// Answers, not requests.
    pub is_answer: bool,
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// One reason for malformed messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MalformedReason {
    /// Display name of the protocol.
    pub protocol: String,
    /// Structure that was being read.
    pub structure: String,
    /// What was wrong: a field's name, or that it ends early.
    pub reason: String,
    /// Messages.
    pub messages: u64,
}

/// One address and what it sent and received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Talker {
    /// The address.
    pub address: String,
    /// Frames of its flows.
    pub packets: u64,
    /// Bytes of its flows.
    pub bytes: u64,
    /// Activities that it asked for.
    pub activities: u64,
}

/// Activities of one kind by outcome.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActivityCount {
    /// Name in data.
    pub kind: String,
    /// Name to show.
    pub label: String,
    /// Whether the sensor is taken to derive it from traffic: the vendor's list of monitored
    /// activities and logon types, with LSA lookups and the remote registry (ours).
    pub is_monitored: bool,
    /// All.
    pub total: u64,
    /// Granted or answered.
    pub success: u64,
    /// Refused or failed.
    pub failure: u64,
    /// Neither: the answer asked to go on in another way, e.g. with pre-authentication. What came
    /// of that counts by itself.
    pub continued: u64,
    /// Without an answer in the capture.
    pub unanswered: u64,
    /// With an answer that cannot be read.
    pub unknown: u64,
}

/// Activities over time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ActivitySeries {
    /// Start of the first bin.
    pub start_utc: Option<Timestamp>,
    /// Length of a bin in seconds.
    pub bin_seconds: u32,
    /// One per kind that occurs, in order.
    pub kinds: Vec<KindSeries>,
    /// Activities whose time lies outside what is kept.
    pub outside: u64,
}

/// Activities of one kind, bin by bin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindSeries {
    /// Name in data.
    pub kind: String,
    /// Activities in each bin.
    pub counts: Vec<u32>,
}

/// What resolving addresses to names would cost the sensor: a model after the vendor's flow
/// diagram of 2019 (both addresses of an activity, a cache of 30 s, three probes at once, a
/// reverse lookup where none answers), applied to the activities seen here.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NameResolution {
    /// Addresses in monitored activities, each occurrence.
    pub addresses_seen: u64,
    /// Resolutions if every address answers: at most one per address and 30 s, and one more for
    /// each hint that contradicts the cache.
    pub resolutions_if_answered: u64,
    /// Resolutions if no address answers: nothing is cached, so every occurrence is one.
    pub resolutions_if_unanswered: u64,
    /// Cached names that a hint contradicted.
    pub contradicted: u64,
    /// Resolutions per second if every address answers, averaged over the capture. Each is one
    /// NetBIOS, one RPC and one RDP probe.
    pub average_per_second: Option<f64>,
    /// The same if no address answers; each then is a reverse lookup more.
    pub average_per_second_if_unanswered: Option<f64>,
    /// The most in one second, if every address answers.
    pub peak_per_second: u32,
    /// When that second begins.
    pub peak_utc: Option<Timestamp>,
    /// Hosts that named themselves in NTLM.
    pub ntlm_hints: u64,
    /// Names that DNS gave an address.
    pub dns_hints: u64,
    /// Success of each method, as far as the capture shows questions of this kind, whoever asked.
    pub methods: Vec<MethodSuccess>,
}

/// Success of one way to resolve addresses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MethodSuccess {
    /// Name of the method.
    pub method: String,
    /// Questions seen.
    pub asked: u64,
    /// Answered with a name.
    pub answered: u64,
    /// More than 90 % failed: the vendor's condition for "Low success rate of active name
    /// resolution". Never for RDP, which is not in its list.
    pub would_alert: bool,
}

/// What could not be followed for want of room; all zero in ordinary captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Times a flow said more after what was known of it had been given up for others.
    pub flows_unheard: u64,
    /// Messages whose operation found no row.
    pub operations_dropped: u64,
    /// Frames of talkers that found no row.
    pub talkers_dropped_packets: u64,
    /// Addresses that found no room in the model of the name cache.
    pub names_dropped: u64,
}

/// One activity, as a line of `--activities`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Activity<'a> {
    /// When it was asked for.
    pub time_utc: Timestamp,
    /// Name of the kind.
    pub kind: &'a str,
    /// Whether the sensor is taken to derive it from traffic: the vendor's list of monitored
    /// activities and logon types, with LSA lookups and the remote registry (ours).
    pub is_monitored: bool,
    /// Name of the protocol.
    pub protocol: &'a str,
    /// Address of who asked.
    pub client: &'a str,
    /// Its port.
    pub client_port: u16,
    /// Address of who was asked.
    pub server: &'a str,
    /// Its port.
    pub server_port: u16,
    /// Account in whose name. Hostile, as are the next two.
    pub principal: Option<&'a str>,
    /// What it was done to or asked of.
    pub target: Option<&'a str>,
    /// The operation in the protocol's words.
    pub detail: Option<&'a str>,
    /// `success`, `failure`, `continued`, `unanswered` or `unknown`.
    pub outcome: &'a str,
    /// The code of a failure, or of what asked to go on.
    pub code: Option<u32>,
    /// Its name, where we know one.
    pub code_name: Option<&'a str>,
}
