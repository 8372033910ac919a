//! The network listener of one size of sensor: takes packets out of its buffers, and loses what
//! finds no room.
//!
//! A shard is one thread that takes packets first come, first served, out of a buffer of its own.
//! Lindley's recursion (1952) says when it is done: a packet that comes at `t` starts at
//! `max(free, t)` and ends after its cost. A packet fills the buffer from its arrival to the end
//! of its service; one that finds no room is lost (drop-tail, whole packets).
//!
//! What has left the buffer is known by chunks of consecutive packets. In a buffer of less than
//! 64 full frames, chunks are a 64th of it, often a single packet, and leave when their last
//! packet is done: such buffers are exact. In larger ones, chunks are 16 KiB or an eighth of the
//! buffer, and their bytes leave step by step while they are served: what bursts lose is within 2 %
//! of what is lost packet by packet, and where the buffer is always full, as many packets get
//! through within 3 %. The first chunk after a shard was idle is a sixteenth of the buffer at least,
//! because most of the time a buffer is nearly empty and nothing has to be known of it.
//!
//! Times are integers: 1/1024 ns from an epoch that moves with the quota. Nothing is rounded
//! while capacity stays the same.

use std::collections::VecDeque;

use crate::model::rounding::whole_i64;

use super::CLASSES;
use super::shards::{SHARDS_MAX, SLOTS, deal, slot_of};

/// Units of time in a nanosecond, as a power of two.
const UNIT_BITS: u32 = 10;
const UNITS_PER_NS: f64 = (1_u64 << UNIT_BITS) as f64;
pub(super) const UNITS_PER_SECOND: f64 = UNITS_PER_NS * 1e9;

/// Longest service and longest backlog, in units: 1.07 s and 9.8 h. Beyond them nothing is told
/// apart, and a buffer with so much in it counts as full. They keep sums away from overflow: the
/// largest chunk in single bytes is 2^22 packets of 2^40 units.
const SERVICE_MAX: f64 = (1_u64 << 40) as f64;
const BACKLOG_MAX: i64 = 1 << 55;

/// Chunks of a buffer that is smaller than as many full Ethernet frames.
const SMALL_CHUNKS: u64 = 64;
/// Chunks that a buffer of up to 256 MiB holds at most: one more is open, one is rounding.
const CHUNKS_KEPT: usize = 66;
const FRAME_BYTES: u64 = 1_518;

/// Least and most bits of the steps in which the bytes of such a chunk leave. A step is about a
/// packet of it: room that comes back byte by byte would let only small packets in, room that
/// comes back by the frame more large ones than there are.
const STEP_BITS: std::ops::RangeInclusive<u32> = 6..=11;
/// Bits behind the point of the bytes that leave in a unit of time.
const RATE_BITS: u32 = 32;

/// Chunk of a larger one in bytes, and least number of them. Smaller ones would be more exact, but
/// each costs a look.
const CHUNK_BYTES: u64 = 16_384;
const CHUNKS_MIN: u64 = 8;
/// Least part of a buffer that the first chunk after idleness is.
const FIRST_CHUNKS: u64 = 16;
/// Largest chunk in bytes.
const CHUNK_BYTES_MAX: u64 = 1 << 22;

/// Packets that a listener is shown at once, at most.
pub(super) const SHOWN: usize = 512;

/// Lossless time that ends a stretch of loss, in nanoseconds: a second.
const CALM_NS: i64 = 1_000_000_000;

/// Waiting time at the end beyond which a packet is late, in nanoseconds: bursts are worked off
/// within seconds, what is not lags further and further behind.
const LATE_NS: i64 = 1_000_000_000;

/// An arrival as listeners take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet {
    /// When it comes, in units from the epoch.
    now: i64,
    bytes: u32,
    slot: u16,
    class: u8,
}

impl Packet {
    /// One that comes `since_epoch_ns` after the epoch; before it counts as at it.
    #[inline]
    pub(super) fn new(since_epoch_ns: i64, bytes: u32, flow: u32, class: u8) -> Self {
        let slot = u16::try_from(slot_of(flow)).unwrap_or(0);
        Self { now: since_epoch_ns.max(0) << UNIT_BITS, bytes: bytes.max(1), slot, class }
    }
}

/// What the inner loop touches of one shard.
#[derive(Debug, Clone, Copy, Default)]
struct Shard {
    /// When it will be idle, in units from the epoch.
    free_at: i64,
    /// Bytes accepted so far.
    accepted: u64,
    /// Accepted bytes from which on something is to be decided: the buffer may be full, or a
    /// chunk is.
    check: u64,
    /// Packets accepted so far.
    packets: u64,
}

/// What it touches where the buffer is nearly full.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// Accepted bytes that close the open chunk.
    close_at: u64,
    /// Accepted bytes that there is room for while nothing leaves of the first chunk.
    room: u64,
    /// When the first chunk is done; before that, nothing is asked of `Buffer`.
    until: i64,
    /// From when on bytes of the first chunk leave, how many in a unit of time, and which bits of
    /// their number count.
    leaving_from: i64,
    leaving_rate: u64,
    leaving_mask: u64,
}

/// Consecutive packets.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    /// When the last of them is done.
    done: i64,
    /// Bytes accepted up to it.
    accepted: u64,
    packets: u64,
}

/// The rest of one shard.
#[derive(Debug, Clone)]
struct Buffer {
    capacity: u64,
    /// Whether a chunk leaves step by step, not at its end.
    even: bool,
    chunk_bytes: u64,
    /// Closed chunks that may not have left.
    chunks: VecDeque<Chunk>,
    /// Bytes that have left, by whole chunks.
    departed: u64,
    /// Packets accepted before the open chunk, and when shares were last asked for.
    packets_before: u64,
    packets_asked: u64,
    edge: Edge,
}

/// What was lost and how long packets waited, since it was last taken.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Tally {
    pub(super) lost_packets: u64,
    pub(super) lost_bytes: u64,
    /// Cost of what was lost, at the rate in force.
    pub(super) lost_units: i64,
    /// Waiting times of accepted packets, summed, in nanoseconds.
    pub(super) wait_ns: i64,
    /// Most bytes in one shard's buffer, seen where chunks close.
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

/// The listener of one size.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    epoch_ns: i64,
    /// The shard of each slot.
    owners: Box<[u8; SLOTS]>,
    /// Service time of each class, in units.
    services: Box<[i64; CLASSES]>,
    shards: Box<[Shard; SHARDS_MAX]>,
    buffers: Vec<Buffer>,
    /// Whether the sensor's service is up; everything is lost while it is not.
    up: bool,
    tally: Tally,
    /// Numbers of the packets that the last call lost, and then whatever.
    lost: Box<[u16; SHOWN]>,
    now: Option<Stretch>,
    longest: Option<Stretch>,
}

impl Listener {
    /// An idle listener with so many threads, at most [`SHARDS_MAX`], to which flows are dealt by
    /// hash, and so many bytes of buffer for each.
    pub(super) fn new(shards: usize, buffer_bytes: u64, epoch_ns: i64) -> Self {
        let count = shards.clamp(1, SHARDS_MAX);
        let mut owners = Box::new([0; SLOTS]);
        for (owner, shard) in owners.iter_mut().zip(deal(count)) {
            *owner = u8::try_from(shard).unwrap_or(0);
        }
        let (mut shard, mut buffer) = (Shard::default(), Buffer::new(buffer_bytes));
        buffer.release(&mut shard, 0);
        buffer.tell(&mut shard, true);
        Self {
            epoch_ns,
            owners,
            services: Box::new([0; CLASSES]),
            shards: Box::new([shard; SHARDS_MAX]),
            buffers: vec![buffer; count],
            up: true,
            tally: Tally::default(),
            lost: Box::new([0; SHOWN]),
            now: None,
            longest: None,
        }
    }

    /// Offers packets, at most [`SHOWN`], all within a second.
    pub(super) fn serve(&mut self, packets: &[Packet]) {
        let Self { owners, services, shards, buffers, up, tally, lost, .. } = self;
        // Without the boxes, which would be looked into for every packet.
        let (owners, services) = (owners.as_ref(), services.as_ref());
        let (shards, buffers) = (shards.as_mut(), buffers.as_mut_slice());
        let mut waited = 0;
        let mut lost = Lost { numbers: lost, count: 0 };
        if let ([buffer], Some(first)) = (&mut *buffers, shards.first_mut()) {
            // One shard stays in registers.
            let mut shard = *first;
            for (number, packet) in (0..).zip(packets) {
                let Some(service) = services.get(usize::from(packet.class)) else { continue };
                if shard.has_room(packet) {
                    shard.accept(packet, *service, &mut waited);
                } else if buffer.edge.is_told(&shard, packet) {
                    let is_lost = buffer.edge.offer(&mut shard, packet, *service, &mut waited);
                    lost.note(number, is_lost);
                } else {
                    let (after, is_lost) = decide(shard, buffer, packet, *service, *up, tally);
                    shard = after;
                    lost.note(number, u64::from(is_lost));
                }
            }
            *first = shard;
        } else {
            for (number, packet) in (0..).zip(packets) {
                let Some(service) = services.get(usize::from(packet.class)) else { continue };
                let Some(owner) = owners.get(usize::from(packet.slot) % SLOTS) else { continue };
                let place = usize::from(*owner) % SHARDS_MAX;
                let Some(shard) = shards.get_mut(place) else { continue };
                if shard.has_room(packet) {
                    shard.accept(packet, *service, &mut waited);
                    continue;
                }
                let Some(buffer) = buffers.get_mut(place) else { continue };
                if buffer.edge.is_told(shard, packet) {
                    let is_lost = buffer.edge.offer(shard, packet, *service, &mut waited);
                    lost.note(number, is_lost);
                } else {
                    let (after, is_lost) = decide(*shard, buffer, packet, *service, *up, tally);
                    *shard = after;
                    lost.note(number, u64::from(is_lost));
                }
            }
        }
        let count = lost.count;
        tally.wait_ns = tally.wait_ns.saturating_add(waited);
        self.count_lost(packets, count);
    }

    /// Adds what one call has lost: the first `count` that are noted.
    fn count_lost(&mut self, packets: &[Packet], count: usize) {
        let numbers = self.lost.get(..count).unwrap_or_default();
        let mut lost = numbers.iter().filter_map(|number| packets.get(usize::from(*number)));
        for packet in lost.clone() {
            self.tally.lost_bytes += u64::from(packet.bytes);
            let service = self.services.get(usize::from(packet.class));
            self.tally.lost_units += service.copied().unwrap_or(0);
        }
        let last = lost.clone().next_back();
        let (Some(first), Some(last)) = (lost.next(), last) else { return };
        let packets = count as u64;
        self.tally.lost_packets += packets;
        let start_ns = self.epoch_ns.saturating_add(first.now >> UNIT_BITS);
        let end_ns = self.epoch_ns.saturating_add(last.now >> UNIT_BITS);
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
        let passed = epoch_ns.saturating_sub(self.epoch_ns).max(0) << UNIT_BITS;
        self.epoch_ns = self.epoch_ns.max(epoch_ns);
        for (shard, buffer) in self.shards.iter_mut().zip(&mut self.buffers) {
            buffer.release(shard, passed);
            shard.free_at = (shard.free_at - passed).max(0);
            buffer.chunks.iter_mut().for_each(|chunk| chunk.done -= passed);
            buffer.edge.leaving_from -= passed;
            buffer.set_leaving();
            buffer.tell(shard, self.up);
        }
    }

    /// From `now_ns` on, work that is left takes `factor` times as long as before, because the
    /// rate has changed.
    pub(super) fn stretch(&mut self, now_ns: i64, factor: f64) {
        let now = self.units(now_ns);
        for (shard, buffer) in self.shards.iter_mut().zip(&mut self.buffers) {
            buffer.release(shard, now);
            shard.free_at = now + stretched(shard.free_at - now, factor);
            for chunk in &mut buffer.chunks {
                chunk.done = now + stretched(chunk.done - now, factor);
            }
            let edge = &mut buffer.edge;
            edge.leaving_from = now - stretched(now - edge.leaving_from, factor);
            buffer.set_leaving();
            buffer.tell(shard, self.up);
        }
    }

    /// Sets what a packet of each class takes, in nanoseconds of one shard.
    pub(super) fn set_services(&mut self, ns: impl Iterator<Item = f64>) {
        for (service, ns) in self.services.iter_mut().zip(ns) {
            *service = whole((ns * UNITS_PER_NS).min(SERVICE_MAX));
        }
    }

    /// Work that waits at `now_ns`, in seconds of all shards together.
    pub(super) fn backlog_seconds(&self, now_ns: i64) -> f64 {
        let now = self.units(now_ns);
        let shards = self.shards.iter().take(self.buffers.len());
        shards.map(|shard| (shard.free_at - now).max(0) as f64).sum::<f64>() / UNITS_PER_SECOND
    }

    /// Work that waits at `now_ns` with more than a second of it before, in seconds of all shards
    /// together.
    pub(super) fn late_seconds(&self, now_ns: i64) -> f64 {
        let soon = self.units(now_ns.saturating_add(LATE_NS));
        let shards = self.shards.iter().take(self.buffers.len());
        shards.map(|shard| (shard.free_at - soon).max(0) as f64).sum::<f64>() / UNITS_PER_SECOND
    }

    /// Bytes in the buffers at `now_ns`.
    pub(super) fn buffered_bytes(&mut self, now_ns: i64) -> u64 {
        let now = self.units(now_ns);
        let each = self.shards.iter_mut().zip(&mut self.buffers).map(|(shard, buffer)| {
            buffer.release(shard, now);
            buffer.tell(shard, self.up);
            shard.accepted - buffer.departed
        });
        each.sum()
    }

    /// Takes the service down at `now_ns`, and what its buffers hold with it, or up again.
    pub(super) fn set_up(&mut self, now_ns: i64, up: bool) {
        let now = self.units(now_ns);
        self.up = up;
        for (shard, buffer) in self.shards.iter_mut().zip(&mut self.buffers) {
            shard.free_at = now;
            buffer.release(shard, now);
            buffer.tell(shard, up);
        }
    }

    /// Packets that the busiest shard and that all have accepted since shares were last begun.
    pub(super) fn shares(&self) -> (u64, u64) {
        let each = self.shards.iter().zip(&self.buffers);
        let each = each.map(|(shard, buffer)| shard.packets - buffer.packets_asked);
        each.fold((0, 0), |(most, all), packets| (most.max(packets), all + packets))
    }

    /// Begins to count shares anew.
    pub(super) fn begin_shares(&mut self) {
        let each = self.shards.iter().zip(&mut self.buffers);
        each.for_each(|(shard, buffer)| buffer.packets_asked = shard.packets);
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

/// Numbers of packets that were lost.
struct Lost<'a> {
    numbers: &'a mut [u16; SHOWN],
    count: usize,
}

impl Lost<'_> {
    /// Notes a packet, to be overwritten by the next where it was not lost (1, else 0).
    #[inline(always)]
    fn note(&mut self, number: u16, is_lost: u64) {
        if let Some(next) = self.numbers.get_mut(self.count % SHOWN) {
            *next = number;
        }
        self.count += usize::from(is_lost != 0);
    }
}

impl Shard {
    /// Whether `packet` fits and closes no chunk, for certain.
    #[inline(always)]
    fn has_room(&self, packet: &Packet) -> bool {
        self.accepted + u64::from(packet.bytes) < self.check
    }

    #[inline(always)]
    fn accept(&mut self, packet: &Packet, service: i64, waited: &mut i64) {
        let start = self.free_at.max(packet.now);
        *waited += (start - packet.now) >> UNIT_BITS;
        self.free_at = start + service;
        self.accepted += u64::from(packet.bytes);
        self.packets += 1;
    }
}

impl Edge {
    /// Whether it can be told without the chunks if `packet` fits.
    #[inline(always)]
    fn is_told(&self, shard: &Shard, packet: &Packet) -> bool {
        packet.now < self.until && shard.accepted + u64::from(packet.bytes) < self.close_at
    }

    /// Accepts or loses a packet of which [`Self::is_told`]; 1 where it is lost, else 0. Which
    /// packets fit is as good as random, so nothing here branches on it.
    #[inline(always)]
    fn offer(&self, shard: &mut Shard, packet: &Packet, service: i64, waited: &mut i64) -> u64 {
        let (now, bytes) = (packet.now, u64::from(packet.bytes));
        let room = self.room.wrapping_add(self.left(now));
        // Where there is too little, the difference is negative, its sign all ones.
        let is_lost = room.wrapping_sub(shard.accepted + bytes).cast_signed() >> (i64::BITS - 1);
        let start = shard.free_at.max(now);
        *waited += ((start - now) >> UNIT_BITS) & !is_lost;
        shard.free_at += (start + service - shard.free_at) & !is_lost;
        shard.accepted += bytes & !is_lost.cast_unsigned();
        shard.packets += 1 & !is_lost.cast_unsigned();
        is_lost.cast_unsigned() & 1
    }

    /// Bytes of the first chunk that have left by `now`, which is not after it is done.
    #[inline(always)]
    fn left(&self, now: i64) -> u64 {
        let passed = (now - self.leaving_from).max(0).unsigned_abs();
        (passed.wrapping_mul(self.leaving_rate) >> RATE_BITS) & self.leaving_mask
    }
}

/// Accepts or loses a packet where the buffer may be full or a chunk closes; and whether it is
/// lost.
#[inline(never)]
fn decide(
    mut shard: Shard,
    buffer: &mut Buffer,
    packet: &Packet,
    service: i64,
    up: bool,
    tally: &mut Tally,
) -> (Shard, bool) {
    let (now, bytes) = (packet.now, u64::from(packet.bytes));
    buffer.release(&mut shard, now);
    let accepted = shard.accepted + bytes;
    let room = buffer.edge.room.saturating_add(buffer.edge.left(now));
    let fits = up && accepted <= room && shard.free_at < BACKLOG_MAX;
    if fits {
        let start = shard.free_at.max(now);
        tally.wait_ns = tally.wait_ns.saturating_add((start - now) >> UNIT_BITS);
        shard.free_at = start + service;
        shard.accepted = accepted;
        shard.packets += 1;
        if accepted >= buffer.edge.close_at {
            buffer.close(&shard);
        }
        let queued = (accepted + buffer.capacity).saturating_sub(room);
        tally.queue_bytes_max = tally.queue_bytes_max.max(queued);
    }
    buffer.tell(&mut shard, up);
    (shard, !fits)
}

impl Buffer {
    fn new(capacity: u64) -> Self {
        let even = capacity >= SMALL_CHUNKS * FRAME_BYTES;
        let chunk_bytes = if even {
            (capacity / CHUNKS_MIN)
                .min(CHUNK_BYTES.max(capacity / SMALL_CHUNKS))
                .min(CHUNK_BYTES_MAX)
        } else {
            (capacity / SMALL_CHUNKS).max(1)
        };
        let chunks = VecDeque::with_capacity(CHUNKS_KEPT);
        let edge = Edge {
            close_at: 0,
            room: capacity,
            until: i64::MIN,
            leaving_from: 0,
            leaving_rate: 0,
            leaving_mask: 0,
        };
        Self {
            even,
            capacity,
            chunk_bytes,
            chunks,
            departed: 0,
            packets_before: 0,
            packets_asked: 0,
            edge,
        }
    }

    /// Forgets what has left by `now`.
    fn release(&mut self, shard: &mut Shard, now: i64) {
        if shard.free_at <= now {
            self.chunks.clear();
            self.departed = shard.accepted;
            self.edge.leaving_from = now;
            let first = (self.capacity / FIRST_CHUNKS).min(CHUNK_BYTES_MAX);
            let first = if self.even { first } else { 0 };
            self.edge.close_at = shard.accepted.saturating_add(self.chunk_bytes.max(first));
            self.packets_before = shard.packets;
        }
        let mut moved = self.chunks.is_empty();
        while let Some(chunk) = self.chunks.front().copied().filter(|chunk| chunk.done <= now) {
            self.departed = chunk.accepted;
            self.edge.leaving_from = chunk.done;
            self.chunks.pop_front();
            moved = true;
        }
        if moved {
            self.set_leaving();
        }
    }

    /// Closes the open chunk behind the packet that was accepted last.
    fn close(&mut self, shard: &Shard) {
        let Shard { free_at: done, accepted, .. } = *shard;
        let packets = shard.packets - self.packets_before;
        self.chunks.push_back(Chunk { done, accepted, packets });
        if self.chunks.len() == 1 {
            self.set_leaving();
        }
        self.edge.close_at = accepted.saturating_add(self.chunk_bytes);
        self.packets_before = shard.packets;
    }

    /// Sets what leaves next: the first chunk, evenly or not before it is done.
    fn set_leaving(&mut self) {
        let edge = &mut self.edge;
        edge.room = self.departed.saturating_add(self.capacity);
        edge.leaving_rate = 0;
        edge.until = i64::MIN;
        if let Some(chunk) = self.chunks.front() {
            edge.until = chunk.done;
            if self.even {
                let time = (chunk.done - edge.leaving_from).max(1).unsigned_abs();
                let bytes = chunk.accepted - self.departed;
                edge.leaving_rate = (bytes << RATE_BITS) / time;
                // The nearest power of two to their mean size.
                let step = (bytes * 3 / (chunk.packets.max(1) * 2)).max(1).ilog2();
                edge.leaving_mask = u64::MAX << step.clamp(*STEP_BITS.start(), *STEP_BITS.end());
            }
        }
    }

    /// Tells the shard what it may decide alone: where the service is down, that all is lost.
    fn tell(&mut self, shard: &mut Shard, up: bool) {
        let edge = &mut self.edge;
        if up {
            shard.check = edge.close_at.min(edge.room.saturating_add(1));
        } else {
            shard.check = 0;
            edge.close_at = u64::MAX;
            edge.until = i64::MAX;
            edge.room = 0;
            edge.leaving_rate = 0;
        }
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
