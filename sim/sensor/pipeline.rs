//! All cores on one stream of frames, with the same result for every number of threads.
//!
//! Each worker takes the next batch from the source and carries it through all stages itself:
//! decode, fragments, the shards of the flow table one after the other, the timeline. A stage
//! admits batches in their order, so the workers follow each other like carriages; while one
//! is in shard 3, the next is in shard 2. No packet is copied, no queue can grow, and memory is
//! one batch per worker.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use super::audience::Audience;
use super::hosts::Hosts;
use super::jot::Jot;
use super::ledger::{Ledger, Rows};
use super::observation::Observation;
use super::shard::{Shard, Taken};
use super::{Options, observation};
use crate::base::{Arrivals, Batch, Frame, FrameSource};
use crate::flow::{
    Address, AddressMap, Decoder, Flag, FragmentLimits, Packet, Reassembler, SHARDS, Transport,
    decode, sender_mac,
};
use crate::record::{Drops, Layers};

/// Packets whose flow entries are read ahead together.
const AHEAD: usize = 32;

/// How often a worker looks whether its turn has come before it sleeps. Ours: some tens of
/// microseconds, about what sleeping and being woken takes. A stage is done with a batch in a
/// fraction of that, so workers that slept at once would wait for each other most of the time.
const LOOKS: u32 = 2_000;

/// How far the run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Frames read.
    pub frames: u64,
    /// Bytes read from disk.
    pub input_bytes: u64,
}

/// A part of the work on one batch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Headers read. Several batches at once.
    Decode,
    /// Fragments put together, packets sorted by shard. One batch at a time.
    Fragments,
    /// Flow table, streams, messages, in all shards. One batch at a time in each shard.
    Flows,
    /// Hosts, rates over time, activities counted. One batch at a time.
    Timeline,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Decode, Self::Fragments, Self::Flows, Self::Timeline];
}

/// Whoever times the core from outside: the core itself reads no clock. Called by the worker that
/// carries the batch, and not at all where nobody watches.
pub trait Watch: Sync {
    /// The work on `batch` begins: its worker has just taken it.
    fn began(&self, _batch: &Batch) {}
    /// This part of the work on `batch` is done.
    fn ended(&self, _step: Step, _batch: &Batch) {}
    /// All work on `batch` is done, and its packets were taken for this.
    fn taken(&self, _batch: &Batch, _taken: &[Taken]) {}
}

/// Nobody watches.
impl Watch for () {}

/// Runs the core over everything `source` yields. `progress` is called after each batch, never
/// by two threads at once. `rows` is told each activity, in the same order every time.
///
/// # Errors
/// Where the system refuses threads.
pub fn observe(
    source: &mut dyn FrameSource,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
    rows: Option<Rows<'_>>,
) -> Result<Observation, rayon::ThreadPoolBuildError> {
    observe_watched(source, options, progress, rows, &())
}

/// [`observe`], timed by `watch`.
///
/// # Errors
/// As [`observe`].
pub fn observe_watched(
    source: &mut dyn FrameSource,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
    rows: Option<Rows<'_>>,
    watch: &impl Watch,
) -> Result<Observation, rayon::ThreadPoolBuildError> {
    let threads = options.threads.max(1);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let line = Line::new(source, options, rows);
    pool.broadcast(|_| work(&line, progress, watch));
    let mut fragments = line.fragments.into_inner();
    fragments.finish();
    let mut shards = line.shards.map(Stage::into_inner);
    let mut timeline = line.timeline.into_inner();
    for shard in &mut shards {
        let mut jot = Jot::new(line.with_words);
        shard.conclude(&mut jot);
        jot.sort();
        timeline.ledger.enter(&jot);
    }
    Ok(observation::conclude(timeline, &fragments, shards))
}

/// Runs one thread over everything `source` yields and tells `out` what the packets say, in
/// their order; where several hosts' flows end together, by their place in the table. For
/// comparing what is understood with what others understand.
pub fn hear(source: &mut dyn FrameSource, options: &Options, out: &mut impl Audience) {
    let mut shards = alone(source, options, out, |_| ());
    shards.iter_mut().for_each(|shard| shard.conclude(out));
}

/// Takes each batch through all shards on this thread and shows it to `then`; the shards as they
/// are at the end.
fn alone(
    source: &mut dyn FrameSource,
    options: &Options,
    out: &mut impl Audience,
    mut then: impl FnMut(&Load),
) -> [Shard; SHARDS] {
    let mut load = Load::default();
    let decoder = Decoder { mtu_bytes: options.mtu_bytes };
    let mut reassembler = Reassembler::new(FragmentLimits::default());
    let mut shards: [Shard; SHARDS] =
        std::array::from_fn(|_| Shard::new(options.flows_max.div_ceil(SHARDS)));
    while source.fill(&mut load.batch) {
        load.decode(&decoder);
        load.reassemble(&mut reassembler);
        load.split();
        for (shard, state) in shards.iter_mut().enumerate() {
            load.run_shard(shard, state, out);
        }
        then(&load);
    }
    shards
}

/// Runs one thread over everything `source` yields and gives, batch by batch, the packets that
/// each host sends or receives, in their order: the host's number, and its packets. Their classes
/// are numbers of the protocol registry. Where `hosts` is empty, all packets are those of host 0:
/// what the adapter counts at which the capture was taken.
pub fn arrivals(
    source: &mut dyn FrameSource,
    options: &Options,
    hosts: &[Vec<IpAddr>],
    progress: &dyn Fn(Progress),
    give: &mut dyn FnMut(usize, &Arrivals),
) {
    let mut numbers = AddressMap::default();
    for (number, addresses) in hosts.iter().enumerate() {
        numbers.extend(addresses.iter().map(|address| (Address::from(*address), number)));
    }
    let mut each = vec![Arrivals::default(); hosts.len().max(1)];
    let mut frames = 0;
    alone(source, options, &mut Nobody, |load| {
        load.share_out(&numbers, &mut each);
        for (number, arrivals) in each.iter_mut().enumerate() {
            give(number, arrivals);
            arrivals.clear();
        }
        frames += load.batch.records.len() as u64;
        progress(Progress { frames, input_bytes: load.batch.input_bytes });
    });
}

/// Hears nothing.
struct Nobody;

impl Audience for Nobody {}

/// Everything the workers share.
struct Line<'a> {
    decoder: Decoder,
    /// See [`looks`].
    looks: u32,
    input: Mutex<Input<'a>>,
    fragments: Stage<Reassembler>,
    shards: [Stage<Shard>; SHARDS],
    timeline: Stage<Timeline<'a>>,
    /// Whether anybody wants the words of activities.
    with_words: bool,
}

impl<'a> Line<'a> {
    fn new(source: &'a mut dyn FrameSource, options: &Options, rows: Option<Rows<'a>>) -> Self {
        let flows_each = options.flows_max.div_ceil(SHARDS);
        let shard = if options.is_reserved { Shard::reserved } else { Shard::new };
        let looks = looks(options.threads);
        Self {
            decoder: Decoder { mtu_bytes: options.mtu_bytes },
            looks,
            input: Mutex::new(Input { source, next: 0, frames: 0, ended: false }),
            fragments: Stage::new(looks, Reassembler::new(FragmentLimits::default())),
            shards: std::array::from_fn(|_| Stage::new(looks, shard(flows_each))),
            with_words: rows.is_some(),
            timeline: Stage::new(
                looks,
                Timeline {
                    ledger: Ledger::new(rows),
                    hosts: Hosts::new(options),
                    layers: Layers::default(),
                    drops: Drops::default(),
                },
            ),
        }
    }
}

struct Input<'a> {
    source: &'a mut dyn FrameSource,
    next: u64,
    frames: u64,
    ended: bool,
}

/// The last stage: what needs all packets in order.
pub(super) struct Timeline<'a> {
    pub ledger: Ledger<'a>,
    pub hosts: Hosts,
    pub layers: Layers,
    pub drops: Drops,
}

/// A stage that admits batches in their order.
struct Stage<T> {
    /// See [`looks`].
    looks: u32,
    /// [`Queue::next`], to be looked at without the lock.
    next: AtomicU64,
    state: Mutex<Queue<T>>,
    turn: Condvar,
}

struct Queue<T> {
    /// Number of the batch whose turn it is.
    next: u64,
    /// Workers that wait. Waking nobody costs a system call all the same, so it is not done.
    waiting: u32,
    value: T,
}

impl<T> Stage<T> {
    fn new(looks: u32, value: T) -> Self {
        Self {
            looks,
            next: AtomicU64::new(0),
            state: Mutex::new(Queue { next: 0, waiting: 0, value }),
            turn: Condvar::new(),
        }
    }

    /// Waits for the turn of batch `number`, then works. The turn passes on even if `work`
    /// panics, so that no other worker waits for ever.
    fn enter(&self, number: u64, work: impl FnOnce(&mut T)) {
        look(self.looks, || (self.next.load(Ordering::Acquire) >= number).then_some(()));
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while guard.next < number {
            guard.waiting += 1;
            guard = self.turn.wait(guard).unwrap_or_else(PoisonError::into_inner);
            guard.waiting -= 1;
        }
        if guard.next > number {
            return; // a worker that panicked here, on its way out
        }
        let mut turn = Turn { stage: self, guard };
        work(&mut turn.guard.value);
    }

    fn into_inner(self) -> T {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }
}

struct Turn<'a, T> {
    stage: &'a Stage<T>,
    guard: MutexGuard<'a, Queue<T>>,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        self.guard.next += 1;
        self.stage.next.store(self.guard.next, Ordering::Release);
        if self.guard.waiting > 0 {
            self.stage.turn.notify_all();
        }
    }
}

/// What one worker reuses from batch to batch.
#[derive(Default)]
struct Load {
    batch: Batch,
    packets: Vec<Packet>,
    /// What each packet is taken for.
    taken: Vec<Taken>,
    /// Numbers of each shard's packets.
    by_shard: [Vec<u32>; SHARDS],
    /// Numbers of fragments.
    fragments: Vec<u32>,
    /// Datagrams put together from fragments.
    side: Vec<u8>,
    /// What the packets said.
    jot: Jot,
}

/// Passes a batch's turn on in every stage if its worker panics, so that the others end too.
struct Passage<'a, 'b> {
    line: &'a Line<'b>,
    number: u64,
}

impl Drop for Passage<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.line.fragments.enter(self.number, |_| ());
            self.line.shards.iter().for_each(|shard| shard.enter(self.number, |_| ()));
            self.line.timeline.enter(self.number, |_| ());
        }
    }
}

fn work(line: &Line<'_>, progress: &(dyn Fn(Progress) + Sync), watch: &impl Watch) {
    let mut load = Load { jot: Jot::new(line.with_words), ..Load::default() };
    while let Some(number) = next(line, &mut load.batch, progress) {
        let _passage = Passage { line, number };
        watch.began(&load.batch);
        load.decode(&line.decoder);
        watch.ended(Step::Decode, &load.batch);
        line.fragments.enter(number, |reassembler| load.reassemble(reassembler));
        load.split();
        watch.ended(Step::Fragments, &load.batch);
        let mut jot = std::mem::take(&mut load.jot);
        jot.clear();
        for (shard, stage) in line.shards.iter().enumerate() {
            stage.enter(number, |state| load.run_shard(shard, state, &mut jot));
        }
        watch.ended(Step::Flows, &load.batch);
        jot.sort();
        load.jot = jot;
        line.timeline.enter(number, |timeline| load.run_timeline(timeline));
        watch.ended(Step::Timeline, &load.batch);
        watch.taken(&load.batch, &load.taken);
    }
}

/// Looks before sleeping: none where workers share processors, for whoever looks then keeps one
/// from the worker that is waited for.
fn looks(threads: usize) -> u32 {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    if threads <= processors { LOOKS } else { 0 }
}

/// What `seek` finds within so many looks.
fn look<T>(looks: u32, mut seek: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..looks {
        let found = seek();
        if found.is_some() {
            return found;
        }
        std::hint::spin_loop();
    }
    None
}

/// Takes the next batch; `None` at the end.
fn next(line: &Line<'_>, batch: &mut Batch, progress: &(dyn Fn(Progress) + Sync)) -> Option<u64> {
    // A source that has no frames yet keeps its lock for longer: then the others sleep.
    let taken = look(line.looks, || match line.input.try_lock() {
        Err(TryLockError::WouldBlock) => None,
        taken => Some(taken.ok()),
    });
    let mut input = taken
        .flatten()
        .unwrap_or_else(|| line.input.lock().unwrap_or_else(PoisonError::into_inner));
    if input.ended || !input.source.fill(batch) {
        input.ended = true;
        return None;
    }
    input.frames += batch.records.len() as u64;
    progress(Progress { frames: input.frames, input_bytes: batch.input_bytes });
    let number = input.next;
    input.next += 1;
    Some(number)
}

impl Load {
    fn decode(&mut self, decoder: &Decoder) {
        self.fragments.clear();
        self.side.clear();
        self.packets.resize(self.batch.records.len(), Packet::default());
        let records = self.batch.records.iter().zip(&mut self.packets);
        for ((record, packet), number) in records.zip(0u32..) {
            decode(decoder, &self.batch.frame(record), record.offset, packet);
            if packet.has(Flag::Fragment) {
                self.fragments.push(number);
            }
        }
    }

    fn reassemble(&mut self, reassembler: &mut Reassembler) {
        for &number in &self.fragments {
            let Some(packet) = self.packets.get_mut(number as usize) else { continue };
            let data = slice(&self.batch.bytes, packet);
            reassembler.take(packet, data, &mut self.side);
        }
    }

    /// Sorts the packets with ports by shard.
    fn split(&mut self) {
        self.taken.clear();
        self.taken.resize(self.packets.len(), Taken::OTHER);
        self.by_shard.iter_mut().for_each(Vec::clear);
        for (packet, number) in self.packets.iter().zip(0u32..) {
            if packet.transport != Transport::None
                && let Some(list) = self.by_shard.get_mut(packet.shard())
            {
                list.push(number);
            }
        }
    }

    fn run_shard(&mut self, shard: usize, state: &mut Shard, out: &mut impl Audience) {
        let Some(numbers) = self.by_shard.get(shard) else { return };
        for some in numbers.chunks(AHEAD) {
            for &number in some {
                if let Some(packet) = self.packets.get(number as usize) {
                    state.warm(packet);
                }
            }
            for &number in some {
                let Some(packet) = self.packets.get(number as usize) else { continue };
                let side = packet.has(Flag::Reassembled);
                out.packet(number);
                let payload = slice(if side { &self.side } else { &self.batch.bytes }, packet);
                if let Some(taken) = self.taken.get_mut(number as usize) {
                    *taken = state.take(packet, payload, out);
                }
            }
        }
    }

    /// Appends each packet to those of the hosts at its ends.
    fn share_out(&self, numbers: &AddressMap<usize>, each: &mut [Arrivals]) {
        for (packet, taken) in self.packets.iter().zip(&self.taken) {
            #[expect(clippy::cast_possible_truncation, reason = "half of a hash is one")]
            let flow = packet.hash as u32;
            let class = taken.id as u8;
            let mut push = |number: usize| {
                if let Some(arrivals) = each.get_mut(number) {
                    arrivals.push(packet.time.nanos(), packet.original_length, class, flow);
                }
            };
            if numbers.is_empty() {
                push(0);
                continue;
            }
            if !packet.has(Flag::Ip) {
                continue;
            }
            let [source, destination] =
                [packet.source, packet.destination].map(|address| numbers.get(&address).copied());
            source.into_iter().for_each(&mut push);
            destination.filter(|_| destination != source).into_iter().for_each(push);
        }
    }

    fn run_timeline(&mut self, timeline: &mut Timeline) {
        let Timeline { ledger, hosts, layers, drops } = timeline;
        let records = &self.batch.records;
        for ((packet, &taken), record) in self.packets.iter().zip(&self.taken).zip(records) {
            count_layers(layers, drops, packet);
            hosts.count(packet, taken, || mac(packet, &self.batch.frame(record)));
        }
        ledger.enter(&self.jot);
    }
}

/// The payload of `packet` in `bytes`.
#[inline]
fn slice<'a>(bytes: &'a [u8], packet: &Packet) -> &'a [u8] {
    let start = packet.payload_offset as usize;
    bytes.get(start..start + packet.payload_length as usize).unwrap_or_default()
}

/// The Ethernet address of the packet's sender. A datagram out of a fragmented tunnel has none:
/// the frame's belongs to the tunnel.
fn mac(packet: &Packet, frame: &Frame<'_>) -> Option<[u8; 6]> {
    let hidden = packet.has(Flag::Reassembled) && packet.has(Flag::Tunnelled);
    if hidden { None } else { sender_mac(frame) }
}

#[inline]
fn count_layers(layers: &mut Layers, drops: &mut Drops, packet: &Packet) {
    let has = |flag| u64::from(packet.has(flag));
    let (ip, v6) = (has(Flag::Ip), has(Flag::V6));
    layers.ipv4 += ip & !v6;
    layers.ipv6 += ip & v6;
    layers.not_ip += 1 - ip;
    layers.tcp += u64::from(packet.transport == Transport::Tcp);
    layers.udp += u64::from(packet.transport == Transport::Udp);
    layers.vlan += has(Flag::Vlan);
    layers.tunnelled += has(Flag::Tunnelled);
    layers.fragments += has(Flag::Fragment) | has(Flag::Reassembled);
    drops.undecodable += has(Flag::Undecodable);
    drops.cut_by_snap_length += has(Flag::Cut);
}

/// Addresses as they are shown: IPv4 first, each family in order.
pub(super) fn shown(addresses: &[Address]) -> Vec<String> {
    let mut sorted = addresses.to_vec();
    sorted.sort_by_key(|address| (!address.is_v4(), *address));
    sorted.dedup();
    sorted.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing.
    struct Empty;

    impl FrameSource for Empty {
        fn fill(&mut self, _: &mut Batch) -> bool {
            false
        }
    }

    #[test]
    fn batches_pass_a_stage_in_order_whether_workers_look_or_sleep() {
        for looks in [0, 1, LOOKS] {
            let stage = Stage::new(looks, Vec::new());
            std::thread::scope(|scope| {
                for first in [2, 1, 0] {
                    let stage = &stage;
                    scope.spawn(move || {
                        for number in (first..300).step_by(3) {
                            stage.enter(number, |passed: &mut Vec<u64>| passed.push(number));
                        }
                    });
                }
            });
            assert_eq!(stage.into_inner(), (0..300).collect::<Vec<u64>>(), "{looks} looks");
        }
    }

    #[test]
    fn a_worker_looks_as_often_as_it_may_and_not_at_all_where_processors_are_shared() {
        let mut seen = 0;
        let found = look(5, || {
            seen += 1;
            (seen == 3).then_some(seen)
        });
        assert_eq!((found, seen), (Some(3), 3));
        assert_eq!(
            look(5, || {
                seen += 1;
                None::<()>
            }),
            None
        );
        assert_eq!((look(0, || Some(1)), seen), (None, 8));
        assert_eq!((looks(1), looks(usize::MAX)), (LOOKS, 0));
    }

    #[test]
    fn a_worker_that_panics_lets_the_others_pass() {
        let mut source = Empty;
        let options = Options { flows_max: 8, ..Options::default() };
        let line = Line::new(&mut source, &options, None);
        let panicked = std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let _passage = Passage { line: &line, number: 0 };
                line.fragments.enter(0, |_| ());
                line.shards[0].enter(0, |_| panic!("inside a stage, as a bug would"));
            });
            let second = scope.spawn(|| line.timeline.enter(1, |_| ()));
            second.join().unwrap();
            first.join().is_err()
        });
        assert!(panicked);
    }
}
