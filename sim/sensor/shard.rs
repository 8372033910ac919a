//! One shard: its flows, and what each of their packets is taken for.

use hdrhistogram::Histogram;

use super::audience::Audience;
use super::talk::{Known, Talks};
use super::talkers::Talkers;
use super::tallies::Tallies;
use crate::flow::{Entry, Flag, FlowTable, Packet, State, StreamCounts, Transport};
use crate::proto::{self, Id, Method, Recognised};
use crate::record::{FlowCounts, PortCount, ProtocolFlows, Quantiles};

/// Payload-carrying packets looked at in each direction of a flow. The opening of every
/// protocol here lies in the first two; SMB1 becomes SMB2, and NTLM follows, by the fourth.
const LOOKS_MAX: u8 = 4;

/// Bits of [`Entry::class`] beside the protocol number.
const PROVEN: u8 = 0x80;
const NTLMSSP: u8 = 0x40;
const NUMBER: u8 = 0x3f;
const _: () = assert!(Id::COUNT <= NUMBER as usize + 1);

/// Ports of one transport.
type Ports = Box<[u64]>;
const PORTS: usize = 1 << 16;

/// A shard of the flow table with its totals.
pub struct Shard {
    table: FlowTable,
    talks: Talks,
    totals: Totals,
    /// Keeps the reads that warm the cache from being left out.
    warmth: u8,
}

/// What is kept of flows that have left the table.
pub struct Totals {
    counts: FlowCounts,
    by_payload: [u64; Id::COUNT],
    by_port_only: [u64; Id::COUNT],
    tcp_ports: Ports,
    udp_ports: Ports,
    packets_per_flow: Histogram<u64>,
    duration_ms: Histogram<u64>,
    /// Flows that had to make room.
    pub evicted: u64,
    /// Messages.
    pub tallies: Tallies,
    /// What reassembly met.
    pub streams: StreamCounts,
    /// Bytes by address.
    pub talkers: Talkers,
    /// Connections asked for at the ports of the sensor's own probes, and never answered.
    pub unanswered_probes: [u64; PROBED_PORTS.len()],
}

/// Ports that the sensor probes for a name over TCP: NTLM over RPC, and RDP.
pub const PROBED_PORTS: [(u16, Method); 2] = [(135, Method::RpcNtlm), (3389, Method::Rdp)];

/// What a packet is taken for.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Its protocol.
    pub id: Id,
    /// Sent by the server of its flow.
    pub from_server: bool,
}

impl Taken {
    /// A packet without a flow.
    pub const OTHER: Self = Self { id: Id::Other, from_server: false };

    /// Protocols that a packet can be taken for, and display names of these by their number.
    pub fn protocols() -> impl ExactSizeIterator<Item = &'static str> {
        Id::ALL.iter().map(|id| id.label())
    }

    /// Number of the protocol among [`protocols`](Self::protocols).
    pub fn protocol(self) -> usize {
        self.id.index()
    }
}

impl Shard {
    /// An empty shard for at most about `flows_max` flows.
    pub fn new(flows_max: usize) -> Self {
        Self::with(FlowTable::new(flows_max))
    }

    /// The same, with the memory for all of them taken at once.
    pub fn reserved(flows_max: usize) -> Self {
        Self::with(FlowTable::reserved(flows_max))
    }

    fn with(table: FlowTable) -> Self {
        Self { table, talks: Talks::new(), totals: Totals::new(), warmth: 0 }
    }

    /// Starts reading the cache line that `packet` will need.
    #[inline]
    pub fn warm(&mut self, packet: &Packet) {
        self.warmth ^= self.table.warm(packet);
    }

    /// Counts `packet` to its flow, listens to what it says, and says what it is taken for.
    #[inline]
    pub fn take(&mut self, packet: &Packet, payload: &[u8], out: &mut dyn Audience) -> Taken {
        if packet.has(Flag::PortsOnly) {
            self.totals.count_ports(
                packet.transport,
                [packet.source_port, packet.destination_port],
                1,
            );
            return Taken { id: by_port(packet), from_server: false };
        }
        let touched = self.table.touch(packet);
        if let Some(ended) = touched.ended {
            self.talks.leave(&ended.entry, out);
            self.totals.end(&ended.entry);
            self.totals.evicted += u64::from(ended.evicted);
        }
        let entry = touched.entry;
        if touched.is_new {
            entry.class = by_port(packet) as u8;
        }
        if !payload.is_empty() && entry.looks != LOOKED_ENOUGH {
            look(entry, packet, payload);
            if entry.class == Id::Other as u8
                && self.talks.may_be_rpc(packet, payload, is_start(entry, packet))
            {
                entry.class = Id::Dcerpc as u8;
            }
        }
        let known = Known { id: id(entry.class), is_proven: entry.class & PROVEN != 0 };
        if let Some(other) = self.talks.hear(entry, packet, payload, known, out) {
            entry.class = other as u8 | PROVEN | entry.class & NTLMSSP;
        }
        Taken { id: id(entry.class), from_server: !entry.from_client(packet) }
    }

    /// Ends all talks: what still waits for an answer is told.
    pub fn conclude(&mut self, out: &mut dyn Audience) {
        self.talks.finish(out);
    }

    /// Ends all flows; the totals then hold every one.
    pub fn finish(mut self) -> Totals {
        std::mem::swap(&mut self.totals.tallies, &mut self.talks.tallies);
        self.totals.streams = self.talks.stream_counts();
        self.table.iter().for_each(|entry| self.totals.end(entry));
        std::hint::black_box(self.warmth);
        self.totals
    }
}

/// Both directions of [`Entry::looks`] at their limit: client in the low nibble.
const LOOKED_ENOUGH: u8 = LOOKS_MAX << 4 | LOOKS_MAX;

/// The protocol in a class.
fn id(class: u8) -> Id {
    Id::from_index(usize::from(class & NUMBER)).unwrap_or(Id::Other)
}

fn transport(packet: &Packet) -> Option<proto::Transport> {
    match packet.transport {
        Transport::Tcp => Some(proto::Transport::Tcp),
        Transport::Udp => Some(proto::Transport::Udp),
        Transport::None => None,
    }
}

/// What the ports suggest: the destination's first, as the first packet goes to the server.
fn by_port(packet: &Packet) -> Id {
    let Some(transport) = transport(packet) else { return Id::Other };
    proto::by_port(transport, packet.destination_port)
        .or_else(|| proto::by_port(transport, packet.source_port))
        .unwrap_or(Id::Other)
}

/// Looks at payload until the flow's protocol is proven, then for NTLMSSP in its opening.
#[cold]
fn look(entry: &mut Entry, packet: &Packet, payload: &[u8]) {
    let shift = if entry.from_client(packet) { 0 } else { 4 };
    let looks = entry.looks >> shift & 0x0f;
    if looks >= LOOKS_MAX {
        return;
    }
    entry.looks += 1 << shift;
    let opened = entry.has(State::Syn) || entry.has(State::SynAck);
    let at_start =
        packet.transport == Transport::Udp || (looks == 0 && opened && is_start(entry, packet));
    if entry.class & PROVEN == 0 || may_change(id(entry.class)) {
        recognise(entry, packet, payload, at_start);
    }
    if entry.class & (PROVEN | NTLMSSP) == PROVEN
        && may_carry_ntlmssp(id(entry.class))
        && proto::carries_ntlmssp(payload)
    {
        entry.class |= NTLMSSP;
    }
}

/// Whether a stream may begin with this segment: not where a first segment of the client's comes
/// second.
fn is_start(entry: &Entry, packet: &Packet) -> bool {
    !entry.from_client(packet) || entry.client_start().is_none_or(|at| at == packet.sequence)
}

/// Protocols that are the opening of another: a session request becomes SMB, an SMB1 negotiation
/// becomes SMB2 ([MS-SMB2] section 3.3.5.3.1).
fn may_change(id: Id) -> bool {
    matches!(id, Id::Nbss | Id::Smb1)
}

fn may_carry_ntlmssp(id: Id) -> bool {
    matches!(id, Id::Smb1 | Id::Smb2 | Id::Ldap | Id::Dcerpc | Id::Other)
}

fn recognise(entry: &mut Entry, packet: &Packet, payload: &[u8], at_start: bool) {
    let Some(transport) = transport(packet) else { return };
    let (from, to) = (packet.source_port, packet.destination_port);
    let carries_ntlmssp = entry.class & NTLMSSP;
    match proto::recognise(transport, from, to, payload, at_start) {
        Recognised::Certain(id) => {
            let known = entry.class & PROVEN != 0;
            if !known || matches!(id, Id::Smb1 | Id::Smb2) {
                entry.class = id as u8 | PROVEN | carries_ntlmssp;
            }
        }
        Recognised::Contradicted(_) if entry.class & PROVEN == 0 => entry.class = Id::Other as u8,
        _ => {}
    }
}

impl Totals {
    fn new() -> Self {
        // Three digits cost 8 KiB per doubling of the range and only for values that occur.
        let histogram =
            || Histogram::new(3).unwrap_or_else(|_| unreachable!("3 digits are allowed"));
        Self {
            counts: FlowCounts::default(),
            by_payload: [0; Id::COUNT],
            by_port_only: [0; Id::COUNT],
            tcp_ports: vec![0; PORTS].into(),
            udp_ports: vec![0; PORTS].into(),
            packets_per_flow: histogram(),
            duration_ms: histogram(),
            evicted: 0,
            tallies: Tallies::default(),
            streams: StreamCounts::default(),
            talkers: Talkers::default(),
            unanswered_probes: [0; PROBED_PORTS.len()],
        }
    }

    /// Counts a flow that is over.
    fn end(&mut self, entry: &Entry) {
        let counts = &mut self.counts;
        match entry.transport() {
            Transport::Tcp => counts.tcp += 1,
            _ => counts.udp += 1,
        }
        let data = entry.has(State::ClientData) || entry.has(State::ServerData);
        counts.without_payload += u64::from(!data);
        let (syn, syn_ack) = (entry.has(State::Syn), entry.has(State::SynAck));
        counts.tcp_opened += u64::from(syn && syn_ack);
        counts.tcp_unanswered += u64::from(syn && !syn_ack && !entry.has(State::ServerData));
        counts.tcp_reset += u64::from(entry.has(State::Reset));
        counts.with_ntlmssp += u64::from(entry.class & NTLMSSP != 0);
        let proven = entry.class & PROVEN != 0;
        let by = if proven { &mut self.by_payload } else { &mut self.by_port_only };
        if let Some(flows) = by.get_mut(usize::from(entry.class & NUMBER)) {
            *flows += 1;
        }
        if syn && !syn_ack && !entry.has(State::ServerData) {
            let port = entry.server().1;
            let at = PROBED_PORTS.iter().position(|(probed, _)| *probed == port);
            if let Some(count) = at.and_then(|at| self.unanswered_probes.get_mut(at)) {
                *count += 1;
            }
        }
        self.talkers.count(entry);
        let ports = [entry.client().1, entry.server().1];
        self.count_ports(entry.transport(), ports, entry.packets.into());
        self.packets_per_flow.saturating_record(entry.packets.into());
        self.duration_ms.saturating_record(entry.duration_ms().into());
    }

    /// Counts frames to their ports, once where both are the same.
    fn count_ports(&mut self, transport: Transport, [a, b]: [u16; 2], frames: u64) {
        let ports = match transport {
            Transport::Tcp => &mut self.tcp_ports,
            _ => &mut self.udp_ports,
        };
        for port in [Some(a), Some(b).filter(|_| b != a)].into_iter().flatten() {
            if let Some(count) = ports.get_mut(usize::from(port)) {
                *count += frames;
            }
        }
    }

    /// Adds another shard's totals.
    pub fn add(&mut self, other: &Self) {
        let (sum, more) = (&mut self.counts, &other.counts);
        sum.tcp += more.tcp;
        sum.udp += more.udp;
        sum.tcp_opened += more.tcp_opened;
        sum.tcp_unanswered += more.tcp_unanswered;
        sum.tcp_reset += more.tcp_reset;
        sum.without_payload += more.without_payload;
        sum.with_ntlmssp += more.with_ntlmssp;
        self.evicted += other.evicted;
        self.tallies.add(&other.tallies);
        self.streams.add(&other.streams);
        self.talkers.add(&other.talkers);
        for (sum, more) in self.unanswered_probes.iter_mut().zip(other.unanswered_probes) {
            *sum += more;
        }
        let pairs = [
            (&mut self.by_payload[..], &other.by_payload[..]),
            (&mut self.by_port_only[..], &other.by_port_only[..]),
            (&mut self.tcp_ports[..], &other.tcp_ports[..]),
            (&mut self.udp_ports[..], &other.udp_ports[..]),
        ];
        for (sum, more) in pairs {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        // Both grow by themselves, so adding cannot fail.
        let _ = self.packets_per_flow.add(&other.packets_per_flow);
        let _ = self.duration_ms.add(&other.duration_ms);
    }

    /// The counts as they are written to disk.
    pub fn flow_counts(&self) -> FlowCounts {
        let flows = self.by_payload.iter().zip(&self.by_port_only);
        let protocols =
            Id::ALL.iter().zip(flows).filter(|(_, (proven, port))| **proven + **port > 0);
        FlowCounts {
            protocols: protocols
                .map(|(id, (&by_payload, &by_port_only))| ProtocolFlows {
                    protocol: id.label().to_owned(),
                    by_payload,
                    by_port_only,
                })
                .collect(),
            packets_per_flow: quantiles(&self.packets_per_flow),
            duration_ms: quantiles(&self.duration_ms),
            ..self.counts.clone()
        }
    }

    /// Frames per TCP and per UDP port.
    pub fn ports(&self) -> (Vec<PortCount>, Vec<PortCount>) {
        let list = |ports: &Ports| -> Vec<PortCount> {
            let all = (0u16..=u16::MAX).zip(ports.iter());
            all.filter(|(_, frames)| **frames > 0)
                .map(|(port, &frames)| PortCount { port, frames })
                .collect()
        };
        (list(&self.tcp_ports), list(&self.udp_ports))
    }
}

fn quantiles(histogram: &Histogram<u64>) -> Quantiles {
    Quantiles {
        p50: histogram.value_at_quantile(0.5),
        p90: histogram.value_at_quantile(0.9),
        p99: histogram.value_at_quantile(0.99),
        max: histogram.max(),
        count: histogram.len(),
    }
}
