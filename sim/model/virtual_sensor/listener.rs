//! The network listener of one size of sensor: takes packets out of its buffers, and loses what
//! finds no room.
//!
//! A shard is one thread that takes packets first come, first served, out of a buffer of its own.
//! Lindley's recursion (1952) says when it is done: a packet that comes at `t` starts at
//! `max(free, t)` and ends after its cost. A packet fills the buffer from its arrival to the end
//! of its service; one that finds no room is lost (drop-tail, whole packets).
//!
//! Packets come in blocks, and each shard has its own of them in a list. Where all of a list fits,
//! even if nothing left meanwhile, nobody has to look at the buffer for each packet, and what
//! still waits at the end of the list is noted then. Where it may not, packets are taken one by
//! one. Either way the result is the same, to the packet.
//!
//! Times are integers: 1/32 ns from an epoch that moves with the quota. Nothing is rounded while
//! capacity stays the same.

use std::collections::VecDeque;

use crate::model::rounding::whole_i64;

use super::CLASSES;
use super::block::{Kind, List, Packet, UNIT_BITS};

const UNITS_PER_NS: f64 = (1_u64 << UNIT_BITS) as f64;
pub(super) const UNITS_PER_SECOND: f64 = UNITS_PER_NS * 1e9;

/// Longest service and longest backlog, in units: 1.07 s and 9.8 h. Beyond them nothing is told
/// apart, and a buffer with so much in it counts as full. They keep sums away from overflow: a
/// block's packets wait for 2^60 units together.
pub(super) const SERVICE_MAX: f64 = (1_u64 << 35) as f64;
const BACKLOG_MAX: i64 = 1 << 50;

/// Packets that all buffers of a size hold, at most, whatever their bytes: 32 MiB of memory at
/// worst, because queues grow by doubling. 64 MiB of buffer filled with the smallest frames are a
/// fourth of it; in a buffer of 1 GiB, packets of less than 256 bytes find this limit first.
const PACKETS_MAX: usize = 1 << 22;

/// Lossless time that ends a stretch of loss, in nanoseconds: a second.
const CALM_NS: i64 = 1_000_000_000;

/// Waiting time at the end beyond which a packet is late, in nanoseconds: bursts are worked off
/// within seconds, what is not lags further and further behind.
const LATE_NS: i64 = 1_000_000_000;

/// What was lost and how long packets waited, since it was last taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tally {
    pub(super) lost_packets: u64,
    pub(super) lost_bytes: u64,
    /// Cost of what was lost, at the rate in force.
    pub(super) lost_units: i64,
    /// Waiting times of accepted packets, summed, in nanoseconds.
    pub(super) wait_ns: i64,
    /// Most bytes in one shard's buffer, seen where blocks of packets end.
    pub(super) queue_bytes_max: u64,
}

/// A stretch of time in which loss was never a second away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// First loss, in nanoseconds.
    pub(super) start_ns: i64,
    /// Last loss, in nanoseconds.
    pub(super) end_ns: i64,
    /// Packets lost.
    pub(super) packets: u64,
}

impl Stretch {
    const fn length(&self) -> i64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// What is the same for all shards of a size.
#[derive(Debug, Clone)]
struct Rules {
    /// Service time of each class, in units; and the same as floats, which are exact up to 2^53.
    services: [i64; CLASSES],
    services_f64: [f64; CLASSES],
    /// Bytes and packets that a shard's buffer holds.
    capacity: u64,
    packets: usize,
}

impl Rules {
    #[inline(always)]
    fn service(&self, kind: Kind) -> i64 {
        self.services.get(kind.class()).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn service_f64(&self, kind: Kind) -> f64 {
        self.services_f64.get(kind.class()).copied().unwrap_or(0.0)
    }
}

/// The listener of one size.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    epoch_ns: i64,
    rules: Box<Rules>,
    shards: Vec<Shard>,
    /// Whether the sensor's service is up; everything is lost while it is not.
    up: bool,
    tally: Tally,
    now: Option<Stretch>,
    longest: Option<Stretch>,
}

impl Listener {
    /// An idle listener with so many threads and so many bytes of buffer for each.
    pub(super) fn new(shards: usize, buffer_bytes: u64, epoch_ns: i64) -> Self {
        let packets = PACKETS_MAX / shards.max(1);
        let (services, services_f64) = ([0; CLASSES], [0.0; CLASSES]);
        Self {
            epoch_ns,
            rules: Box::new(Rules { services, services_f64, capacity: buffer_bytes, packets }),
            shards: vec![Shard::new(buffer_bytes); shards],
            up: true,
            tally: Tally::default(),
            now: None,
            longest: None,
        }
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// Offers a block of a tick that began at `tick_ns`: a list for each shard.
    pub(super) fn serve<'a>(&mut self, tick_ns: i64, lists: impl Iterator<Item = List<'a>>) {
        let tick = self.units(tick_ns);
        let Self { rules, shards, up, tally, .. } = self;
        let mut lost = Lost::default();
        let mut calm: Option<(&mut Shard, List<'_>)> = None;
        for (shard, list) in shards.iter_mut().zip(lists) {
            let Some(first) = list.packets.first() else { continue };
            if !*up {
                lost.add_all(&list, rules);
            } else if shard.fits(tick + first.now(), &list, rules) {
                // Two at a time: each packet waits for the one before it, in the processor, too.
                match calm.take() {
                    Some(other) => tally.add(&accept_two(other, (shard, list), tick, rules)),
                    None => calm = Some((shard, list)),
                }
            } else {
                tally.add(&shard.offer(&list, tick, rules, &mut lost));
            }
        }
        if let Some((shard, list)) = calm {
            tally.add(&shard.accept(&list, tick, rules));
        }
        if lost.packets > 0 {
            self.count(&lost, tick);
        }
    }

    /// Adds what a block has lost.
    fn count(&mut self, lost: &Lost, tick: i64) {
        let packets = lost.packets;
        self.tally.lost_packets += packets;
        self.tally.lost_bytes += lost.bytes;
        self.tally.lost_units = self.tally.lost_units.saturating_add(lost.units);
        let start_ns = self.epoch_ns.saturating_add((tick + lost.first) >> UNIT_BITS);
        let end_ns = self.epoch_ns.saturating_add((tick + lost.last) >> UNIT_BITS);
        match &mut self.now {
            Some(stretch) if start_ns.saturating_sub(stretch.end_ns) <= CALM_NS => {
                stretch.end_ns = end_ns;
                stretch.packets += packets;
            }
            other => {
                let ended = other.replace(Stretch { start_ns, end_ns, packets });
                let both = [self.longest, ended];
                self.longest = both.into_iter().flatten().max_by_key(|s| (s.length(), s.packets));
            }
        }
    }

    /// Moves the epoch, and with it what is under way.
    pub(super) fn move_epoch(&mut self, epoch_ns: i64) {
        let passed = self.units(epoch_ns);
        self.epoch_ns = self.epoch_ns.max(epoch_ns);
        for shard in &mut self.shards {
            shard.release(passed, &self.rules);
            shard.free_at = (shard.free_at - passed).max(0);
            shard.first_done -= passed;
        }
    }

    /// From `now_ns` on, work that is left takes `factor` times as long as before, because the
    /// rate has changed.
    pub(super) fn stretch(&mut self, now_ns: i64, factor: f64) {
        let now = self.units(now_ns);
        for shard in &mut self.shards {
            shard.release(now, &self.rules);
            shard.free_at = now + stretched(shard.free_at - now, factor);
            shard.first_done = now + stretched(shard.first_done - now, factor);
        }
    }

    /// Sets what a packet of each class takes, in nanoseconds of one shard.
    pub(super) fn set_services(&mut self, ns: impl Iterator<Item = f64>) {
        let Rules { services, services_f64, .. } = self.rules.as_mut();
        for ((service, float), ns) in services.iter_mut().zip(services_f64).zip(ns) {
            *service = whole((ns * UNITS_PER_NS).min(SERVICE_MAX));
            *float = *service as f64;
        }
    }

    /// Work that waits at `now_ns`, in seconds of all shards together.
    pub(super) fn backlog_seconds(&self, now_ns: i64) -> f64 {
        let now = self.units(now_ns);
        let left = self.shards.iter().map(|shard| (shard.free_at - now).max(0) as f64);
        left.sum::<f64>() / UNITS_PER_SECOND
    }

    /// Work that waits at `now_ns` with more than a second of it before, in seconds of all shards
    /// together.
    pub(super) fn late_seconds(&self, now_ns: i64) -> f64 {
        self.backlog_seconds(now_ns.saturating_add(LATE_NS))
    }

    /// Bytes in the buffers at `now_ns`.
    pub(super) fn buffered_bytes(&mut self, now_ns: i64) -> u64 {
        let (now, rules) = (self.units(now_ns), &self.rules);
        let each = self.shards.iter_mut().map(|shard| {
            shard.release(now, rules);
            rules.capacity - shard.room
        });
        each.sum()
    }

    /// Takes the service down at `now_ns`, and what its buffers hold with it, or up again.
    pub(super) fn set_up(&mut self, now_ns: i64, up: bool) {
        let now = self.units(now_ns);
        self.up = up;
        for shard in &mut self.shards {
            shard.free_at = now;
            shard.release(now, &self.rules);
        }
    }

    /// Packets that the busiest shard and that all have accepted since shares were last begun.
    pub(super) fn shares(&self) -> (u64, u64) {
        let each = self.shards.iter().map(|shard| shard.packets);
        each.fold((0, 0), |(most, all), packets| (most.max(packets), all + packets))
    }

    /// Begins to count shares anew.
    pub(super) fn begin_shares(&mut self) {
        self.shards.iter_mut().for_each(|shard| shard.packets = 0);
    }

    /// What was lost and waited since this was last asked.
    pub(super) fn take(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// The longest stretch of loss so far.
    pub(super) fn longest_loss(&self) -> Option<Stretch> {
        let both = [self.longest, self.now];
        both.into_iter().flatten().max_by_key(|stretch| (stretch.length(), stretch.packets))
    }

    fn units(&self, now_ns: i64) -> i64 {
        now_ns.saturating_sub(self.epoch_ns).max(0) << UNIT_BITS
    }
}

/// What a block has lost.
#[derive(Debug, Clone, Copy)]
struct Lost {
    packets: u64,
    bytes: u64,
    /// Service times.
    units: i64,
    /// When the first and the last came, from the start of the tick.
    first: i64,
    last: i64,
}

impl Default for Lost {
    fn default() -> Self {
        Self { packets: 0, bytes: 0, units: 0, first: i64::MAX, last: i64::MIN }
    }
}

impl Lost {
    fn add_all(&mut self, list: &List<'_>, rules: &Rules) {
        let (Some(first), Some(last)) = (list.packets.first(), list.packets.last()) else { return };
        self.packets += list.packets.len() as u64;
        self.bytes += list.bytes;
        self.units += list.packets.iter().map(|packet| rules.service(packet.kind)).sum::<i64>();
        self.first = self.first.min(first.now());
        self.last = self.last.max(last.now());
    }
}

/// What a shard did with a list.
#[derive(Debug, Clone, Copy)]
struct Done {
    /// Waiting times of accepted packets, summed, in units.
    waited: i64,
    /// Bytes in the buffer at the end.
    held: u64,
}

impl Tally {
    fn add(&mut self, done: &Done) {
        self.wait_ns = self.wait_ns.saturating_add(done.waited >> UNIT_BITS);
        self.queue_bytes_max = self.queue_bytes_max.max(done.held);
    }
}

/// One thread and its buffer.
#[derive(Debug, Clone)]
struct Shard {
    /// When it will be idle, in units from the epoch.
    free_at: i64,
    /// Bytes that there is room for.
    room: u64,
    /// Packets accepted since shares were begun.
    packets: u64,
    /// What is not known to have left, and when the first of it is done; the others are done a
    /// service time after the one before. Nothing where nothing waits.
    waiting: VecDeque<Kind>,
    first_done: i64,
}

impl Shard {
    fn new(capacity: u64) -> Self {
        Self { free_at: 0, room: capacity, packets: 0, waiting: VecDeque::new(), first_done: 0 }
    }

    /// Whether all of a list fits that begins at `now`, even if nothing leaves from then on.
    #[inline(always)]
    fn fits(&mut self, now: i64, list: &List<'_>, rules: &Rules) -> bool {
        let packets = rules.packets.saturating_sub(list.packets.len());
        if list.bytes > self.room || self.waiting.len() > packets {
            self.release(now, rules);
        }
        list.bytes <= self.room && self.waiting.len() <= packets && self.free_at < BACKLOG_MAX
    }

    /// Empties the buffer.
    fn clear(&mut self, rules: &Rules) {
        self.waiting.clear();
        self.room = rules.capacity;
    }

    /// Forgets what has left by `now`.
    fn release(&mut self, now: i64, rules: &Rules) {
        if self.free_at <= now {
            self.clear(rules);
        }
        while self.first_done <= now
            && let Some(first) = self.waiting.pop_front()
        {
            self.room += first.bytes();
            self.first_done += self.waiting.front().map_or(0, |next| rules.service(*next));
        }
    }

    /// Accepts a list that fits.
    fn accept(&mut self, list: &List<'_>, tick: i64, rules: &Rules) -> Done {
        let mut thread = Thread::new(self, tick);
        list.packets.iter().for_each(|packet| thread.serve(*packet, rules));
        self.keep(&thread, list, tick, rules)
    }

    /// Keeps of an accepted list what still waits when the last of it comes.
    fn keep(&mut self, thread: &Thread, list: &List<'_>, tick: i64, rules: &Rules) -> Done {
        self.free_at = tick + whole_i64(thread.free_at);
        self.packets += list.packets.len() as u64;
        self.room -= list.bytes;
        let now = tick + list.packets.last().map_or(0, |last| last.now());
        // What is not done was served without a pause: ends lie a service time apart.
        let (mut start, mut waiting) = (self.free_at, 0);
        for packet in list.packets.iter().rev() {
            if start <= now {
                break;
            }
            start -= rules.service(packet.kind);
            waiting += 1;
        }
        let gone = list.packets.len() - waiting;
        let kept = list.packets.get(gone..).unwrap_or_default();
        // Whether the first of what is kept had nothing before it when it came.
        let was_idle = kept.first().is_none_or(|first| start <= tick + first.now());
        if gone > 0 || was_idle {
            self.clear(rules);
            self.room -= kept.iter().map(|packet| packet.kind.bytes()).sum::<u64>();
        } else {
            self.release(now, rules);
        }
        if let (true, Some(first)) = (self.waiting.is_empty(), kept.first()) {
            self.first_done = start + rules.service(first.kind);
        }
        self.waiting.extend(kept.iter().map(|packet| packet.kind));
        Done { waited: whole_i64(thread.waited), held: rules.capacity - self.room }
    }

    /// Offers a list packet by packet.
    // A function of its own, because it needs every register there is.
    #[inline(never)]
    fn offer(&mut self, list: &List<'_>, tick: i64, rules: &Rules, lost: &mut Lost) -> Done {
        let (mut waited, mut packets, mut lost_units, mut lost_bytes) = (0, 0, 0, 0);
        let (mut first, mut last) = (None, i64::MIN);
        // Not behind a reference, which would be looked into for every packet.
        let (mut free_at, mut room) = (self.free_at, self.room);
        for packet in list.packets {
            let (now, bytes) = (tick + packet.now(), packet.kind.bytes());
            let service = rules.service(packet.kind);
            let is_full = |room: u64, waiting: &VecDeque<Kind>| {
                bytes > room || waiting.len() >= rules.packets
            };
            if is_full(room, &self.waiting) && now >= self.first_done {
                (self.free_at, self.room) = (free_at, room);
                self.release(now, rules);
                room = self.room;
            }
            if is_full(room, &self.waiting) || free_at >= BACKLOG_MAX {
                lost_units += service;
                lost_bytes += bytes;
                first = first.or(Some(packet.now()));
                last = packet.now();
                continue;
            }
            if free_at <= now {
                free_at = now;
                self.waiting.clear();
                room = rules.capacity;
            }
            waited += free_at - now;
            free_at += service;
            room -= bytes;
            packets += 1;
            if self.waiting.is_empty() {
                self.first_done = free_at;
            }
            self.waiting.push_back(packet.kind);
        }
        (self.free_at, self.room) = (free_at, room);
        self.release(tick + list.packets.last().map_or(0, |last| last.now()), rules);
        self.packets += packets;
        lost.packets += list.packets.len() as u64 - packets;
        lost.bytes += lost_bytes;
        lost.units += lost_units;
        lost.first = lost.first.min(first.unwrap_or(i64::MAX));
        lost.last = lost.last.max(last);
        Done { waited, held: rules.capacity - self.room }
    }
}

/// Accepts a list that fits for each of two shards.
#[inline(never)]
fn accept_two(
    (one, list): (&mut Shard, List<'_>),
    (other, others): (&mut Shard, List<'_>),
    tick: i64,
    rules: &Rules,
) -> Done {
    let (mut thread, mut second) = (Thread::new(one, tick), Thread::new(other, tick));
    for (packet, another) in list.packets.iter().zip(others.packets) {
        thread.serve(*packet, rules);
        second.serve(*another, rules);
    }
    let both = list.packets.len().min(others.packets.len());
    list.packets.iter().skip(both).for_each(|packet| thread.serve(*packet, rules));
    others.packets.iter().skip(both).for_each(|packet| second.serve(*packet, rules));
    let done = one.keep(&thread, &list, tick, rules);
    let too = other.keep(&second, &others, tick, rules);
    Done { waited: done.waited + too.waited, held: done.held.max(too.held) }
}

/// A thread that accepts all.
#[derive(Debug, Clone, Copy)]
struct Thread {
    /// When it will be idle, in units from the start of the tick, and how long packets have
    /// waited: whole numbers, but a processor takes the larger of two floats without a guess which
    /// it will be.
    free_at: f64,
    waited: f64,
}

impl Thread {
    fn new(shard: &Shard, tick: i64) -> Self {
        Self { free_at: (shard.free_at - tick) as f64, waited: 0.0 }
    }

    #[inline(always)]
    fn serve(&mut self, packet: Packet, rules: &Rules) {
        let now = packet.now() as f64;
        // Not `f64::max`, which is several instructions because of NaN.
        let start = if self.free_at > now { self.free_at } else { now };
        self.waited += start - now;
        self.free_at = start + rules.service_f64(packet.kind);
    }
}

/// `left` units of work where each now takes `factor` times as long.
fn stretched(left: i64, factor: f64) -> i64 {
    // Exactly as before where nothing changes: a product may round.
    if factor == 1.0 {
        left.max(0)
    } else {
        whole((left.max(0) as f64 * factor).min(BACKLOG_MAX as f64))
    }
}

/// The nearest whole number of units of a number that [`BACKLOG_MAX`] bounds.
fn whole(units: f64) -> i64 {
    whole_i64(libm::round(units.max(0.0)))
}
