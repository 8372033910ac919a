//! The network listener of many sizes of sensor at once: each arrival is offered to all of them.
//!
//! A shard is one thread that takes packets first come, first served, out of a buffer of its own.
//! Lindley's recursion (1952) says when it is done: a packet that comes at `t` starts at
//! `max(free, t)` and ends after its cost. A packet fills the buffer from its arrival to the end
//! of its service; one that finds no room is lost (drop-tail, whole packets).
//!
//! What has left the buffer is known by chunks of consecutive packets. In a buffer of less than
//! 64 full frames, chunks are a 64th of it, often a single packet, and leave when their last
//! packet is done: such buffers are exact. In larger ones, chunks are 16 KiB or an eighth of the
//! buffer, and their bytes leave step by step while they are served: that is within 2 % of what is lost
//! packet by packet in a buffer that is always full, where it matters most.
//!
//! Times are integers: 1/1024 ns from an epoch that moves with the quota. Nothing is rounded
//! while capacity stays the same.

use std::collections::VecDeque;

use crate::model::rounding::{whole_i64, whole_u64};

use super::shards::{SHARDS_MAX, SLOTS, deal, slot_of};
use super::{Arrivals, CLASSES};

/// Sizes that are served side by side, in one go of the inner loop.
pub(super) const LANES: usize = 8;

/// Shards of them all: a byte tells them apart.
const SHARDS: usize = LANES * SHARDS_MAX;

/// Units of time in a nanosecond, as a power of two.
const UNIT_BITS: u32 = 10;
const UNITS_PER_NS: f64 = (1_u64 << UNIT_BITS) as f64;
pub(super) const UNITS_PER_SECOND: f64 = UNITS_PER_NS * 1e9;

/// Longest service and longest backlog, in units: 67 s and a year. Beyond them nothing is told
/// apart; they keep the sums of a full buffer away from overflow.
const SERVICE_MAX: f64 = (1_u64 << 36) as f64;
const BACKLOG_MAX: f64 = (1_u64 << 55) as f64;

/// Chunks of a buffer that is smaller than as many full Ethernet frames.
const SMALL_CHUNKS: u64 = 64;
/// Chunks that a buffer holds at most: one more is open, one is rounding.
const CHUNKS_KEPT: usize = 66;
const FRAME_BYTES: u64 = 1_518;

/// Steps in which the bytes of such a chunk leave: about a packet at a time, because room that
/// comes back byte by byte would let small packets in before large ones.
const STEP_BYTES: u64 = FRAME_BYTES / 2;

/// Chunk of a larger one in bytes, and least number of them. Smaller ones would be more exact, but
/// each costs a look.
const CHUNK_BYTES: u64 = 16_384;
const CHUNKS_MIN: u64 = 8;

/// Lossless time that ends a stretch of loss, in nanoseconds: a second.
const CALM_NS: i64 = 1_000_000_000;

/// One size as the listener needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shape {
    /// Threads; flows are dealt to them by hash.
    pub(super) shards: usize,
    /// Buffer of each, in bytes.
    pub(super) buffer_bytes: u64,
}

/// What the inner loop touches of one shard.
#[derive(Debug, Clone, Copy)]
struct Shard {
    /// When it will be idle, in units from the epoch.
    free_at: i64,
    /// Bytes accepted so far.
    accepted: u64,
    /// Accepted bytes from which on something is to be decided: the buffer may be full, or a
    /// chunk is.
    check: u64,
}

/// The rest of one shard.
#[derive(Debug, Clone)]
struct Buffer {
    capacity: u64,
    /// Whether a chunk leaves step by step, not at its end.
    even: bool,
    chunk_bytes: u64,
    /// Closed chunks that may not have left: when their last packet is done, and the bytes
    /// accepted up to it.
    chunks: VecDeque<(i64, u64)>,
    /// Bytes that have left, by whole chunks, and when the last of them was done.
    departed: u64,
    departed_at: i64,
    /// Bytes of the first chunk that leave in a unit of time.
    leaving_per_unit: f64,
    /// Until when nothing more leaves, and the accepted bytes that there is room for until then;
    /// known where a packet was lost.
    full_until: i64,
    room_to: u64,
    /// Accepted bytes that close the open chunk.
    close_at: u64,
}

/// What one size lost and how long packets waited, since it was last taken.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Tally {
    pub(super) lost_packets: u64,
    pub(super) lost_bytes: u64,
    /// Cost of what was lost, at the rate in force.
    pub(super) lost_units: i64,
    /// Waiting times of accepted packets, summed.
    pub(super) wait_units: i64,
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

/// One lane: a size, or nothing.
#[derive(Debug, Clone)]
struct Lane {
    first: usize,
    shards: usize,
    /// Whether the sensor's service is up; everything is lost while it is not.
    up: bool,
    tally: Tally,
    now: Option<Stretch>,
    longest: Option<Stretch>,
}

/// Up to [`LANES`] sizes.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    epoch_ns: i64,
    /// Per slot: the place of each lane's shard in `shards`.
    places: Vec<[u8; LANES]>,
    /// Per class: the service time in each lane, in units.
    services: Vec<[i64; LANES]>,
    shards: Box<[Shard; SHARDS]>,
    buffers: Vec<Buffer>,
    lanes: [Lane; LANES],
    wait: [i64; LANES],
}

impl Listener {
    /// Idle listeners of `shapes`, at most [`LANES`]; lanes beyond cost nothing and never lose.
    pub(super) fn new(shapes: &[Shape], epoch_ns: i64) -> Self {
        let idle = Shape { shards: 1, buffer_bytes: u64::MAX >> 1 };
        let mut places = vec![[0; LANES]; SLOTS];
        let mut shards = Box::new([Shard { free_at: 0, accepted: 0, check: u64::MAX }; SHARDS]);
        let mut buffers = Vec::new();
        let lanes = std::array::from_fn(|lane| {
            let shape = shapes.get(lane).copied().unwrap_or(idle);
            let (first, count) = (buffers.len(), shape.shards.clamp(1, SHARDS_MAX));
            for (place, shard) in places.iter_mut().zip(deal(count)) {
                if let Some(place) = place.get_mut(lane) {
                    *place = u8::try_from(first + shard).unwrap_or(0);
                }
            }
            let buffer = Buffer::new(shape.buffer_bytes);
            let own = shards.iter_mut().skip(first).take(count);
            own.for_each(|shard| shard.check = buffer.check());
            buffers.extend(vec![buffer; count]);
            let tally = Tally::default();
            Lane { first, shards: count, up: true, tally, now: None, longest: None }
        });
        let services = vec![[0; LANES]; CLASSES];
        Self { epoch_ns, places, services, shards, buffers, lanes, wait: [0; LANES] }
    }

    /// Offers arrivals `from..to`; those before the epoch count as at the epoch.
    pub(super) fn serve(&mut self, arrivals: &Arrivals, from: usize, to: usize) {
        let Some(times) = arrivals.time_ns.get(from..to) else { return };
        let Some(bytes) = arrivals.bytes.get(from..to) else { return };
        let Some(classes) = arrivals.class.get(from..to) else { return };
        let Some(flows) = arrivals.flow.get(from..to) else { return };
        // Fields one by one, so that the compiler knows that they do not overlap.
        let Self { epoch_ns, places, services, shards, buffers, lanes, wait } = self;
        let mut waited = [0; LANES];
        for (((time, bytes), class), flow) in times.iter().zip(bytes).zip(classes).zip(flows) {
            let now = (*time - *epoch_ns).max(0) << UNIT_BITS;
            let bytes = u64::from(*bytes).max(1);
            let Some(places) = places.get(slot_of(*flow)) else { continue };
            let Some(services) = services.get(usize::from(*class)) else { continue };
            for lane in 0..LANES {
                let (Some(place), Some(service)) = (places.get(lane), services.get(lane)) else {
                    continue;
                };
                let place = usize::from(*place);
                let (Some(shard), Some(waited)) = (shards.get_mut(place), waited.get_mut(lane))
                else {
                    continue;
                };
                let accepted = shard.accepted + bytes;
                if accepted >= shard.check {
                    if let (Some(buffer), Some(lane)) =
                        (buffers.get_mut(place), lanes.get_mut(lane))
                    {
                        *waited += decide(shard, buffer, lane, *epoch_ns, now, bytes, *service);
                    }
                    continue;
                }
                let start = shard.free_at.max(now);
                *waited += start - now;
                shard.free_at = start + service;
                shard.accepted = accepted;
            }
        }
        wait.iter_mut().zip(waited).for_each(|(wait, waited)| *wait += waited);
    }
}

/// Accepts or loses a packet where the buffer may be full or a chunk closes; its waiting time.
#[inline(never)]
fn decide(
    shard: &mut Shard,
    buffer: &mut Buffer,
    lane: &mut Lane,
    epoch_ns: i64,
    now: i64,
    bytes: u64,
    service: i64,
) -> i64 {
    let accepted = shard.accepted + bytes;
    if now < buffer.full_until && accepted > buffer.room_to {
        lane.lose(now, epoch_ns, bytes, service);
        return 0;
    }
    buffer.release(shard, now);
    let departed = buffer.departed + buffer.leaving(now);
    let mut waited = 0;
    if lane.up && accepted <= departed + buffer.capacity {
        let start = shard.free_at.max(now);
        waited = start - now;
        shard.free_at = start + service;
        shard.accepted = accepted;
        if accepted >= buffer.close_at {
            buffer.chunks.push_back((shard.free_at, accepted));
            if buffer.chunks.len() == 1 {
                buffer.set_leaving();
            }
            buffer.close_at = accepted + buffer.chunk_bytes;
        }
        lane.tally.queue_bytes_max = lane.tally.queue_bytes_max.max(accepted - departed);
    } else {
        lane.lose(now, epoch_ns, bytes, service);
        buffer.set_full(departed);
    }
    shard.check = if lane.up { buffer.check() } else { 0 };
    waited
}

impl Listener {
    /// Moves the epoch, and with it what is under way: in lane `n`, work that is left takes
    /// `stretch[n]` times as long as before, because the rate has changed.
    pub(super) fn advance(&mut self, epoch_ns: i64, stretch: &[f64; LANES]) {
        let passed = epoch_ns.saturating_sub(self.epoch_ns).max(0) << UNIT_BITS;
        self.epoch_ns = self.epoch_ns.max(epoch_ns);
        for (lane, factor) in self.lanes.iter().zip(stretch) {
            let range = lane.first..lane.first + lane.shards;
            let (Some(shards), Some(buffers)) =
                (self.shards.get_mut(range.clone()), self.buffers.get_mut(range))
            else {
                continue;
            };
            for (shard, buffer) in shards.iter_mut().zip(buffers) {
                buffer.release(shard, passed);
                shard.free_at = stretched(shard.free_at - passed, *factor);
                for (done, _) in &mut buffer.chunks {
                    *done = stretched(*done - passed, *factor);
                }
                buffer.departed_at = -stretched(passed - buffer.departed_at, *factor);
                buffer.set_leaving();
                buffer.full_until = i64::MIN;
                shard.check = if lane.up { buffer.check() } else { 0 };
            }
        }
    }

    /// Sets what a packet of each class takes in a lane, in nanoseconds of one shard.
    pub(super) fn set_services(&mut self, lane: usize, ns: impl Iterator<Item = f64>) {
        for (services, ns) in self.services.iter_mut().zip(ns) {
            if let Some(service) = services.get_mut(lane) {
                *service = whole((ns * UNITS_PER_NS).min(SERVICE_MAX));
            }
        }
    }

    /// Work that waits in a lane at `now_ns`, in seconds of its shards together.
    pub(super) fn backlog_seconds(&self, lane: usize, now_ns: i64) -> f64 {
        let now = now_ns.saturating_sub(self.epoch_ns).max(0) << UNIT_BITS;
        let left = self.shards_of(lane).iter().map(|shard| (shard.free_at - now).max(0) as f64);
        left.sum::<f64>() / UNITS_PER_SECOND
    }

    /// Bytes in the buffers of a lane at `now_ns`.
    pub(super) fn buffered_bytes(&mut self, lane: usize, now_ns: i64) -> u64 {
        let now = now_ns.saturating_sub(self.epoch_ns).max(0) << UNIT_BITS;
        let Some(range) = self.lanes.get(lane).map(|lane| lane.first..lane.first + lane.shards)
        else {
            return 0;
        };
        let shards = self.shards.get_mut(range.clone()).unwrap_or_default().iter_mut();
        let buffers = self.buffers.get_mut(range).unwrap_or_default().iter_mut();
        let queued = shards.zip(buffers).map(|(shard, buffer)| {
            buffer.release(shard, now);
            shard.accepted - buffer.departed
        });
        queued.sum()
    }

    /// Takes the service of a lane down, and what its buffers hold with it, or up again.
    pub(super) fn set_up(&mut self, lane: usize, up: bool) {
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.up = up;
        let range = lane.first..lane.first + lane.shards;
        let shards = self.shards.get_mut(range.clone()).unwrap_or_default().iter_mut();
        let buffers = self.buffers.get_mut(range).unwrap_or_default().iter_mut();
        for (shard, buffer) in shards.zip(buffers) {
            shard.free_at = 0;
            buffer.release(shard, 0);
            buffer.full_until = i64::MIN;
            shard.check = if up { buffer.check() } else { 0 };
        }
    }

    /// What a lane lost and waited since this was last asked.
    pub(super) fn take(&mut self, lane: usize) -> Tally {
        let wait = self.wait.get_mut(lane).map(std::mem::take).unwrap_or_default();
        let tally = self.lanes.get_mut(lane).map(|lane| std::mem::take(&mut lane.tally));
        Tally { wait_units: wait, ..tally.unwrap_or_default() }
    }

    /// The longest stretch of loss of a lane so far.
    pub(super) fn longest_loss(&self, lane: usize) -> Option<Stretch> {
        let lane = self.lanes.get(lane)?;
        let both = [lane.longest, lane.now];
        both.into_iter().flatten().max_by_key(|stretch| (stretch.length(), stretch.packets))
    }

    fn shards_of(&self, lane: usize) -> &[Shard] {
        let range = self.lanes.get(lane).map(|lane| lane.first..lane.first + lane.shards);
        range.and_then(|range| self.shards.get(range)).unwrap_or_default()
    }
}

impl Buffer {
    fn new(capacity: u64) -> Self {
        let even = capacity >= SMALL_CHUNKS * FRAME_BYTES;
        let chunk_bytes = if even {
            (capacity / CHUNKS_MIN).min(CHUNK_BYTES.max(capacity / SMALL_CHUNKS))
        } else {
            (capacity / SMALL_CHUNKS).max(1)
        };
        let chunks = VecDeque::with_capacity(CHUNKS_KEPT);
        Self {
            even,
            capacity,
            chunk_bytes,
            chunks,
            departed: 0,
            departed_at: 0,
            leaving_per_unit: 0.0,
            full_until: i64::MIN,
            room_to: 0,
            close_at: chunk_bytes,
        }
    }

    /// Accepted bytes from which on [`Listener::decide`] is to be asked.
    fn check(&self) -> u64 {
        self.close_at.min(self.departed.saturating_add(self.capacity).saturating_add(1))
    }

    /// Forgets what has left by `now`.
    fn release(&mut self, shard: &Shard, now: i64) {
        if shard.free_at <= now {
            self.chunks.clear();
            self.departed = shard.accepted;
            self.departed_at = now;
            self.leaving_per_unit = 0.0;
            self.close_at = shard.accepted.saturating_add(self.chunk_bytes);
            return;
        }
        let mut moved = false;
        while let Some((done, bytes)) =
            self.chunks.front().copied().filter(|(done, _)| *done <= now)
        {
            self.departed = bytes;
            self.departed_at = done;
            self.chunks.pop_front();
            moved = true;
        }
        if moved {
            self.set_leaving();
        }
    }

    /// Bytes of the chunk under way that have left.
    fn leaving(&self, now: i64) -> u64 {
        let leaving = (now - self.departed_at).max(0) as f64 * self.leaving_per_unit;
        whole_u64(leaving) / STEP_BYTES * STEP_BYTES
    }

    /// Notes until when there is no more room than now, `departed` bytes having left: until the
    /// first chunk is done, or its next step leaves.
    fn set_full(&mut self, departed: u64) {
        self.room_to = departed.saturating_add(self.capacity);
        let Some((done, _)) = self.chunks.front().copied() else { return };
        self.full_until = done;
        if self.leaving_per_unit > 0.0 {
            let next = (departed - self.departed + STEP_BYTES) as f64 / self.leaving_per_unit;
            self.full_until = done.min(self.departed_at.saturating_add(whole_i64(next)));
        }
    }

    /// Sets how fast the first chunk leaves: evenly, or not before it is done.
    fn set_leaving(&mut self) {
        self.leaving_per_unit = match self.chunks.front() {
            Some((done, bytes)) if self.even => {
                (bytes - self.departed) as f64 / (done - self.departed_at).max(1) as f64
            }
            _ => 0.0,
        };
    }
}

impl Lane {
    fn lose(&mut self, now: i64, epoch_ns: i64, bytes: u64, service: i64) {
        self.tally.lost_packets += 1;
        self.tally.lost_bytes += bytes;
        self.tally.lost_units += service;
        let now_ns = epoch_ns.saturating_add(now >> UNIT_BITS);
        match &mut self.now {
            Some(stretch) if now_ns.saturating_sub(stretch.end_ns) <= CALM_NS => {
                stretch.end_ns = now_ns;
                stretch.packets += 1;
            }
            other => {
                let ended = other.replace(Stretch { start_ns: now_ns, end_ns: now_ns, packets: 1 });
                let both = [self.longest, ended];
                self.longest = both.into_iter().flatten().max_by_key(|s| (s.length(), s.packets));
            }
        }
    }
}

/// `left` units of work where each now takes `factor` times as long.
fn stretched(left: i64, factor: f64) -> i64 {
    // Exactly as before where nothing changes: a product may round.
    if factor == 1.0 { left.max(0) } else { whole((left.max(0) as f64 * factor).min(BACKLOG_MAX)) }
}

/// The nearest whole number of units of a number that [`BACKLOG_MAX`] bounds.
fn whole(units: f64) -> i64 {
    whole_i64(libm::round(units.max(0.0)))
}
