//! Which host is the domain controller, and its packets over time.
//!
//! A host becomes a candidate when it answers from a port that domain controllers serve. Its
//! earlier packets are counted from a log of the capture's first frames, so that rows are exact
//! although nobody knew at the start whose they would be.

use std::collections::BTreeMap;

use super::series::{Series, holds};
use super::shard::Taken;
use super::{Named, Options};
use crate::base::Timestamp;
use crate::flow::{Address, AddressMap, Flag, Packet};
use crate::proto::Id;
use crate::record;

/// A port that domain controllers serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Port number.
    pub port: u16,
    /// How much answering from it says that the host is a domain controller. Ours: 88 alone
    /// decides, LDAP needs one more, the rest is found on other servers too.
    pub weight: u8,
}

/// Services of a domain controller, as in the vendor's list of ports for AD DS
/// (learn.microsoft.com, "Service overview and network port requirements for Windows").
pub const SERVICE_PORTS: [Service; 9] = [
    Service { port: 88, weight: 4 },
    Service { port: 389, weight: 3 },
    Service { port: 636, weight: 3 },
    Service { port: 3268, weight: 3 },
    Service { port: 3269, weight: 3 },
    Service { port: 464, weight: 1 },
    Service { port: 445, weight: 1 },
    Service { port: 135, weight: 1 },
    Service { port: 53, weight: 1 },
];

/// Services with at least this weight tell more than that some server answers.
const WEIGHT_TELLING: u32 = 3;

/// A host with at least this weight is taken for a domain controller.
const WEIGHT_DC: u32 = 4;

/// Ports that let a host pass for one where no better is found. DNS alone does not: every
/// resolver has it.
const FALLBACK_PORTS: [u16; 7] = [389, 636, 3268, 3269, 464, 445, 135];

/// Candidates followed at the same time, at most 7 MiB each. A forest has more domain controllers
/// than that only seldom, and hardly in one capture; there they can be named.
const CANDIDATES_MAX: usize = 32;

/// Memory for the series of all candidates: a day of 150 of them. Beyond it those with little to
/// show are dropped; every workstation answers on 445. Ours.
const SERIES_BYTES_MAX: usize = 160 << 20;

/// Frames after which the memory is looked at, a power of two: they add 25 MiB at most.
const FRAMES_PER_LOOK: u64 = 1 << 16;

/// Frames logged from the start of the capture: 9 MiB, and 3 MiB to find them by address. Until
/// then, a frame costs more.
pub const LOG_MAX: usize = 1 << 17;

/// Buckets of the address index, a power of two far above [`CANDIDATES_MAX`].
const BUCKETS: usize = 4096;

/// How often the timeline may start over, so that times that leap to and fro cost little.
const RESTARTS_MAX: u8 = 64;

const NONE: u16 = u16::MAX;

/// RFC 9293 section 3.1: SYN and ACK.
const TCP_SYN_ACK: u8 = 0x12;

/// What the log keeps of a frame.
#[derive(Debug, Clone, Copy)]
struct Logged {
    packet: Brief,
    source: Address,
    destination: Address,
    /// The frame before this one with the same source, and with the same destination, in either
    /// role: number + 1, 0 for none.
    before: [u32; 2],
}

/// The first frames of the capture, to be found by address.
#[derive(Debug, Default)]
struct Log {
    frames: Vec<Logged>,
    /// Number + 1 of the latest frame of each address.
    latest: AddressMap<u32>,
    full: bool,
}

impl Log {
    fn push(&mut self, packet: &Packet, brief: Brief) {
        let (source, destination) = (packet.source, packet.destination);
        let number = u32::try_from(self.frames.len() + 1).unwrap_or(u32::MAX);
        let mut latest = |address| self.latest.insert(address, number).unwrap_or(0);
        let before = [latest(source), if source == destination { 0 } else { latest(destination) }];
        self.frames.push(Logged { packet: brief, source, destination, before });
        self.full = self.frames.len() >= LOG_MAX;
    }

    /// The frames of `address`, oldest first, each with the other end.
    fn of(&self, address: Address) -> Vec<(Brief, Address)> {
        let mut found = Vec::new();
        let mut next = self.latest.get(&address).copied().unwrap_or(0);
        while let Some(logged) = (next as usize).checked_sub(1).and_then(|at| self.frames.get(at)) {
            let sent = logged.source == address;
            found.push((logged.packet, if sent { logged.destination } else { logged.source }));
            let [with_source, with_destination] = logged.before;
            next = if sent { with_source } else { with_destination };
        }
        found.reverse();
        found
    }
}

/// What counting needs of a frame.
#[derive(Debug, Clone, Copy)]
struct Brief {
    time: Timestamp,
    length: u32,
    wire_packets: u16,
    oversize: bool,
    protocol: Id,
}

/// One candidate.
#[derive(Debug)]
pub struct Host {
    /// Name given beforehand.
    pub name: Option<String>,
    /// Who gave it, see [`Named::by`].
    pub named_by: Option<String>,
    /// Its addresses, in the order they were seen.
    pub addresses: Vec<Address>,
    /// Its packets over time.
    pub series: Series,
    /// Packets sent from each of [`SERVICE_PORTS`].
    pub answers: [u64; SERVICE_PORTS.len()],
    /// Super-frames.
    pub offload: record::Offload,
    /// Some of its first packets were no longer in the log.
    pub late: bool,
    /// Ethernet address it sends from.
    mac: Option<[u8; 6]>,
}

impl Host {
    fn new(origin: Timestamp) -> Self {
        Self {
            name: None,
            named_by: None,
            addresses: Vec::new(),
            series: Series::new(origin),
            answers: [0; SERVICE_PORTS.len()],
            offload: record::Offload::default(),
            late: false,
            mac: None,
        }
    }

    fn count(&mut self, brief: Brief) {
        self.series.count(brief.time, brief.length, brief.protocol);
        note_offload(&mut self.offload, brief);
    }

    /// How much speaks for a domain controller, see [`Service::weight`].
    pub fn weight(&self) -> u32 {
        let answered = SERVICE_PORTS.iter().zip(self.answers).filter(|(_, packets)| *packets > 0);
        answered.map(|(service, _)| u32::from(service.weight)).sum()
    }

    /// Services it answered from.
    pub fn services(&self) -> Vec<record::Service> {
        let all = SERVICE_PORTS.iter().zip(self.answers);
        let mut services: Vec<_> = all
            .filter(|(_, packets)| *packets > 0)
            .map(|(service, packets)| record::Service { port: service.port, packets })
            .collect();
        services.sort_by_key(|service| service.port);
        services
    }
}

/// Has the next [`FRAMES_PER_LOOK`]th frame been counted?
#[inline]
fn is_time_to_look(whole: &Host) -> bool {
    whole.series.total().packets.is_multiple_of(FRAMES_PER_LOOK)
}

fn note_offload(offload: &mut record::Offload, brief: Brief) {
    if brief.oversize {
        offload.frames += 1;
        offload.largest_frame_bytes = offload.largest_frame_bytes.max(brief.length);
        offload.estimated_wire_packets += u64::from(brief.wire_packets);
    }
}

/// Answers of hosts that found no place among the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ignored {
    /// Of services by which a domain controller is known.
    pub telling: u64,
    /// Of services that every server has, and many a workstation: the sensor itself asks clients
    /// on 135, and they answer. Whoever answers from a telling one besides still finds a place.
    pub common: u64,
}

impl Ignored {
    fn add(&mut self, service: usize) {
        let count = if is_telling(service) { &mut self.telling } else { &mut self.common };
        *count += 1;
    }
}

/// Follows the whole capture and every candidate in it.
#[derive(Debug)]
pub struct Hosts {
    /// All frames; `None` before the first.
    pub whole: Option<Host>,
    /// Candidates in the order they were found; those the user named come first.
    pub list: Vec<Host>,
    /// Frames between two candidates, which count to both, by their numbers in order.
    pub between: BTreeMap<(usize, usize), u64>,
    /// Time of the earliest and the latest frame that the timeline holds.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Longest time without any frame, in nanoseconds, and when it began.
    pub longest_gap_ns: i64,
    /// See `longest_gap_ns`.
    pub gap_start: Timestamp,
    /// Answers of hosts that found no place.
    pub ignored: Ignored,
    /// Largest IP packet of the link, in bytes.
    mtu_bytes: u32,
    named: Vec<Named>,
    /// Some candidates may have to give way.
    some_weak: bool,
    /// Another time that frames outside the timeline lie around, and how many do.
    elsewhere: Option<(Timestamp, u64)>,
    restarts: u8,
    index: Index,
    log: Log,
}

impl Hosts {
    /// Nothing seen yet.
    pub fn new(options: &Options) -> Self {
        Self {
            whole: None,
            list: Vec::new(),
            between: BTreeMap::new(),
            span: None,
            longest_gap_ns: 0,
            gap_start: Timestamp::default(),
            ignored: Ignored::default(),
            mtu_bytes: options.mtu_bytes,
            named: options.named.clone(),
            some_weak: true,
            elsewhere: None,
            restarts: 0,
            index: Index::new(),
            log: Log::default(),
        }
    }

    /// Counts one frame. `mac` gives the Ethernet source address where there is one.
    #[inline]
    pub fn count(&mut self, packet: &Packet, taken: Taken, mac: impl FnOnce() -> Option<[u8; 6]>) {
        let brief = Brief {
            time: packet.time,
            length: packet.original_length,
            wire_packets: packet.wire_packets,
            oversize: packet.has(Flag::Oversize),
            protocol: taken.id,
        };
        let held = self.whole.as_ref().is_none_or(|whole| whole.series.holds(packet.time));
        if held || self.leave(packet.time) {
            self.extend_span(packet.time);
        }
        match &mut self.whole {
            Some(whole) => whole.count(brief),
            None => self.begin(brief),
        }
        if self.whole.as_ref().is_some_and(is_time_to_look) {
            self.shed();
        }
        if !packet.has(Flag::Ip) {
            return;
        }
        let mut source = self.index.get(packet.source);
        let destination = self.index.get(packet.destination);
        let service = answered_service(packet, taken);
        if let Some(service) = service
            && source == NONE
            && self.may_promote(service)
        {
            source = self.promote(packet.source, service, mac());
        }
        self.attribute(brief, source, destination, service);
        if !self.log.full {
            self.log.push(packet, brief);
        }
    }

    /// Candidates are not sought where the user named them; once all places are taken, only a
    /// telling service may still take the place of a host with less to show.
    #[inline]
    fn may_promote(&mut self, service: usize) -> bool {
        if !self.named.is_empty() {
            return false;
        }
        let free = self.list.len() < CANDIDATES_MAX;
        let may = free || (self.some_weak && is_telling(service));
        if !may {
            self.ignored.add(service);
        }
        may
    }

    /// A frame lies outside the timeline. Once as many lie around another time as are in the
    /// timeline, all series start over there: a capture may begin before the machine's clock is
    /// set, and one frame may have any time. True if they did, so that it lies inside now.
    #[cold]
    fn leave(&mut self, time: Timestamp) -> bool {
        let Some(series) = self.whole.as_ref().map(|whole| &whole.series) else { return false };
        let placed = series.total().packets - series.outside;
        let near = self.elsewhere.filter(|(there, _)| holds(*there, time));
        let (there, frames) = near.map_or((time, 1), |(there, frames)| (there, frames + 1));
        self.elsewhere = Some((there, frames));
        if frames < placed || self.restarts == RESTARTS_MAX {
            return false;
        }
        self.restarts += 1;
        (self.elsewhere, self.span, self.longest_gap_ns) = (None, None, 0);
        for host in self.list.iter_mut().chain(&mut self.whole) {
            host.series.restart(time);
        }
        true
    }

    #[inline]
    fn extend_span(&mut self, time: Timestamp) {
        match &mut self.span {
            Some((first, last)) => {
                if time.since(*last) > self.longest_gap_ns {
                    (self.gap_start, self.longest_gap_ns) = (*last, time.since(*last));
                }
                *first = (*first).min(time);
                *last = (*last).max(time);
            }
            None => self.span = Some((time, time)),
        }
    }

    #[inline]
    fn attribute(&mut self, brief: Brief, source: u16, destination: u16, service: Option<usize>) {
        if source == NONE && destination == NONE {
            return;
        }
        note_pair(&mut self.between, source, destination);
        if let Some(host) = self.list.get_mut(usize::from(source)) {
            host.count(brief);
            if let Some(answers) = service.and_then(|at| host.answers.get_mut(at)) {
                *answers += 1;
            }
        }
        if destination != source
            && let Some(host) = self.list.get_mut(usize::from(destination))
        {
            host.count(brief);
        }
    }

    fn begin(&mut self, brief: Brief) {
        let mut whole = Host::new(brief.time);
        whole.count(brief);
        self.whole = Some(whole);
        for named in std::mem::take(&mut self.named) {
            let mut host = Host::new(brief.time);
            let at = u16::try_from(self.list.len()).unwrap_or(NONE);
            host.addresses = named.addresses.iter().map(|&address| address.into()).collect();
            host.addresses.iter().for_each(|&address| {
                self.index.put(address, at);
            });
            host.name = Some(named.name.clone());
            host.named_by = Some(named.by.clone());
            self.list.push(host);
            self.named.push(named);
        }
        self.log.full = !self.named.is_empty();
    }

    /// Makes a candidate of `address`, or adds the address to the candidate it belongs to, and
    /// counts its earlier packets from the log.
    #[cold]
    fn promote(&mut self, address: Address, service: usize, mac: Option<[u8; 6]>) -> u16 {
        let Some(at) = self.sibling(address, mac).or_else(|| self.place(service)) else {
            self.ignored.add(service);
            return NONE;
        };
        let slot = u16::try_from(at).unwrap_or(NONE);
        if !self.index.put(address, slot) {
            self.ignored.add(service);
            return NONE;
        }
        let origin =
            self.whole.as_ref().map_or(Timestamp::default(), |whole| whole.series.origin());
        if at == self.list.len() {
            self.list.push(Host::new(origin));
        }
        let Some(host) = self.list.get_mut(at) else { return NONE };
        host.mac = host.mac.or(mac);
        host.late |= self.log.full;
        for (brief, other) in self.log.of(address) {
            if !host.addresses.contains(&other) {
                host.count(brief);
                note_pair(&mut self.between, slot, self.index.get(other));
            }
        }
        host.addresses.push(address);
        slot
    }

    /// The candidate that sends from the same Ethernet address and has no address of the same
    /// family yet (IPv6 hosts have several, so they may always join). A router sends for many
    /// IPv4 hosts; then nothing is joined.
    fn sibling(&self, address: Address, mac: Option<[u8; 6]>) -> Option<usize> {
        let mac = mac?;
        let mut same = self.list.iter().enumerate().filter(|(_, host)| host.mac == Some(mac));
        let (at, host) = same.next()?;
        let taken = address.is_v4() && host.addresses.iter().any(|other| other.is_v4());
        (same.next().is_none() && !taken).then_some(at)
    }

    /// A place for a new candidate: behind the last, or, when full and the service is one of
    /// the telling ones, that of the candidate with the least to show.
    fn place(&mut self, service: usize) -> Option<usize> {
        if self.list.len() < CANDIDATES_MAX {
            return Some(self.list.len());
        }
        let weak = self.list.iter().enumerate().filter(|(_, host)| host.weight() < WEIGHT_TELLING);
        let weakest = weak.min_by_key(|(_, host)| host.series.total().packets);
        // Weights only grow: without a weak one now, there will be none later.
        self.some_weak = weakest.is_some();
        let (at, _) = weakest.filter(|_| is_telling(service))?;
        self.vacate(at)?;
        Some(at)
    }

    /// Drops the candidates with little to show that hold most, until the rest fit.
    #[cold]
    fn shed(&mut self) {
        let mut held: usize = self.list.iter().map(|host| host.series.held_bytes()).sum();
        while held > SERIES_BYTES_MAX {
            let hosts = self.list.iter().enumerate();
            let weak = hosts.filter(|(_, h)| h.name.is_none() && h.weight() < WEIGHT_TELLING);
            let sizes = weak.map(|(at, host)| (host.series.held_bytes(), at));
            let Some((bytes, at)) = sizes.max().filter(|(bytes, _)| *bytes > 0) else { return };
            if self.vacate(at).is_none() {
                return;
            }
            // It had nothing telling: those are kept.
            self.ignored.common += 1;
            held -= bytes;
        }
    }

    /// Makes the place of a candidate free.
    fn vacate(&mut self, at: usize) -> Option<()> {
        let origin = self.whole.as_ref()?.series.origin();
        *self.list.get_mut(at)? = Host::new(origin);
        self.between.retain(|&(a, b), _| a != at && b != at);
        self.index = Index::new();
        for (slot, host) in (0u16..).zip(&self.list) {
            for &address in &host.addresses {
                self.index.put(address, slot);
            }
        }
        Some(())
    }

    /// Ends all series.
    pub fn finish(&mut self) {
        for host in self.list.iter_mut().chain(&mut self.whole) {
            host.series.finish();
            host.offload.mtu_bytes = self.mtu_bytes;
        }
    }

    /// Numbers of the candidates that are domain controllers, and whether that is sure.
    pub fn domain_controllers(&self) -> (Vec<usize>, bool) {
        let all = 0..self.list.len();
        if !self.named.is_empty() {
            return (all.collect(), true);
        }
        let weight = |at: usize| self.list.get(at).map_or(0, Host::weight);
        let sure: Vec<usize> = all.clone().filter(|&at| weight(at) >= WEIGHT_DC).collect();
        if !sure.is_empty() {
            return (sure, true);
        }
        let packets = |at: usize| self.list.get(at).map_or(0, |host| host.series.total().packets);
        let best = all.filter(|&at| self.may_pass(at)).max_by_key(|&at| (weight(at), packets(at)));
        (best.into_iter().collect(), false)
    }

    fn may_pass(&self, at: usize) -> bool {
        let services = self.list.get(at).map(Host::services).unwrap_or_default();
        services.iter().any(|service| FALLBACK_PORTS.contains(&service.port))
    }
}

/// Does answering from this service say more than that the host is a server?
fn is_telling(service: usize) -> bool {
    SERVICE_PORTS.get(service).is_some_and(|service| u32::from(service.weight) >= WEIGHT_TELLING)
}

/// Counts a frame between two different candidates.
#[inline]
fn note_pair(between: &mut BTreeMap<(usize, usize), u64>, a: u16, b: u16) {
    if a != NONE && b != NONE && a != b {
        *between.entry((a.min(b).into(), a.max(b).into())).or_default() += 1;
    }
}

/// Number + 1 in [`SERVICE_PORTS`] of every port up to the highest of them; 0 for no service.
const SERVICE_OF_PORT: [u8; SERVICE_PORT_MAX + 1] = {
    let mut table = [0; SERVICE_PORT_MAX + 1];
    let mut at = 0;
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "at compile time"
    )]
    while at < SERVICE_PORTS.len() {
        table[SERVICE_PORTS[at].port as usize] = at as u8 + 1;
        at += 1;
    }
    table
};

const SERVICE_PORT_MAX: usize = 3_269;

/// Which of [`SERVICE_PORTS`] the packet answers from: an accepted connection or payload, not a
/// refusal.
#[inline]
fn answered_service(packet: &Packet, taken: Taken) -> Option<usize> {
    let number = *SERVICE_OF_PORT.get(usize::from(packet.source_port))?;
    let at = usize::from(number).checked_sub(1)?;
    if !taken.from_server {
        return None;
    }
    let answers = packet.payload_length > 0 || packet.tcp_flags & TCP_SYN_ACK == TCP_SYN_ACK;
    answers.then_some(at)
}

/// Addresses to candidates: open addressing over numbers of known addresses. Most lookups end at
/// an empty bucket, and all buckets together fit the first-level cache.
#[derive(Debug)]
struct Index {
    buckets: Vec<u16>,
    known: Vec<(Address, u16)>,
}

impl Index {
    fn new() -> Self {
        Self { buckets: vec![NONE; BUCKETS], known: Vec::new() }
    }

    /// The bucket of `address`, or the empty one where it would go, and what is in it.
    #[inline]
    fn find(&self, address: Address) -> (usize, u16) {
        let mixed = (address.low ^ address.high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut at = usize::try_from(mixed >> 52).unwrap_or(0);
        loop {
            // Never full: addresses are refused long before.
            let number = self.buckets.get(at).copied().unwrap_or(NONE);
            let known = self.known.get(usize::from(number));
            if number == NONE || known.is_none_or(|(known, _)| *known == address) {
                return (at, number);
            }
            at = (at + 1) % BUCKETS;
        }
    }

    #[inline]
    fn get(&self, address: Address) -> u16 {
        let (_, number) = self.find(address);
        self.known.get(usize::from(number)).map_or(NONE, |(_, host)| *host)
    }

    /// Notes the host of an address; a second time changes nothing. False where there is no room:
    /// one Ethernet address can claim any number of IPv6 addresses.
    fn put(&mut self, address: Address, host: u16) -> bool {
        let (at, number) = self.find(address);
        let room = self.known.len() < BUCKETS / 2;
        if number == NONE
            && room
            && let Ok(number) = u16::try_from(self.known.len())
            && let Some(bucket) = self.buckets.get_mut(at)
        {
            *bucket = number;
            self.known.push((address, host));
        }
        number != NONE || room
    }
}
