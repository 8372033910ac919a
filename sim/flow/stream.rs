//! One direction of a TCP connection, put back in order (RFC 9293 sections 3.4 and 3.10.7.4).
//!
//! The consumer is given every byte once and in order. The usual segment, the next one with
//! nothing waiting, is handed on where it lies. What comes too early waits behind the hole
//! until that is filled or given up; then the consumer is told of a gap, and bytes on both
//! sides of it are never joined. Where segments overlap, the first copy of a byte stays, even
//! if a later one differs; such conflicts are counted.
//!
//! We are not the receiver: a capture may lack what the receiver had. So a hole is given up as
//! soon as the other side acknowledges bytes behind it while later ones are here, or when too
//! much waits for it. And resets and FINs only say what is pending, they do not end a stream
//! whose next byte comes nevertheless: whoever forges one hides nothing from us.

mod buffer;
mod pool;
#[cfg(test)]
mod tests;

pub use pool::{Pool, StreamCounts, StreamLimits};

use buffer::{Buffer, Island, Spot};

/// RFC 9293 section 3.1.
const TCP_FIN: u8 = 0x01;
const TCP_SYN: u8 = 0x02;
const TCP_RST: u8 = 0x04;

/// Flags of segments that do more than carry data.
const TCP_SPECIAL: u8 = TCP_FIN | TCP_SYN | TCP_RST;

/// Bytes before or behind the next byte that a segment may begin. RFC 7323 section 2.2 allows
/// windows of 1 GiB, systems open them to some MiB; what lies farther is not of this connection,
/// or the capture had a break.
const WINDOW_MAX: u32 = 16 << 20;

/// Bytes by which the first data may follow a segment without any that told where they begin.
/// An initial window is 14,600 bytes (RFC 6928 section 2); what follows later has another past.
const START_MAX: u32 = 64 << 10;

/// Largest segment that is believed: with offload, 64 KiB and in IPv6 a little more.
const SEGMENT_MAX: usize = 1 << 20;

/// A segment as the capture holds it.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// Sequence number of the segment, which is that of the SYN if it has one.
    pub sequence: u32,
    /// TCP flags, RFC 9293 section 3.1.
    pub flags: u8,
    /// Captured bytes of the payload.
    pub payload: &'a [u8],
    /// Bytes of the payload behind those that the capture cut off.
    pub missing: u32,
}

/// What a consumer did with the bytes it was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Take {
    /// Bytes taken from the front. May exceed what was given: the excess is skipped as it
    /// comes, is never kept, and no loss in it is told.
    pub consumed: usize,
    /// Bytes behind the consumed ones that must be there before the next call; with 0 or 1,
    /// whatever comes next will do. If some were consumed and more than one are wanted and are
    /// there, the next call follows at once.
    pub need: usize,
}

/// Who reads a stream.
pub trait Consumer {
    /// Takes from `bytes`: those that are there in order and were not taken yet, at least one.
    /// Where this call was put off until what was needed had come, perhaps no more than that;
    /// the rest follows at once.
    fn data(&mut self, bytes: &[u8]) -> Take;

    /// The stream has a break: `held`, the bytes not taken yet, are all that remains of what
    /// was before it, and are discarded after this call. `lost` bytes behind them will not
    /// come. None are lost where the stream ended, where memory for `held` ran out, and where
    /// a new connection began or it is unknown how many they are.
    fn gap(&mut self, held: &[u8], lost: u64);
}

/// Bits of [`Stream::state`]: the next sequence number is known.
const STARTED: u8 = 1;
/// Not started, and `next` is that of a segment without data.
const HINTED: u8 = 1 << 1;
/// A FIN was seen at `fin`, and not all that precedes it.
const FINISHING: u8 = 1 << 2;
/// The latest segment was far outside; `stray` is where it ended.
const STRAYED: u8 = 1 << 3;

/// One direction of a TCP connection. Small while nothing has to wait.
#[derive(Debug, Default)]
pub struct Stream {
    buffer: Option<Box<Buffer>>,
    /// Bytes from `next` on that the consumer does not want to see.
    skip: u64,
    /// Sequence number of the first byte that has neither come nor been given up.
    next: u32,
    /// The other side's latest acknowledgment.
    acknowledged: u32,
    /// Bytes that must be held before the consumer is called.
    need: u32,
    fin: u32,
    stray: u32,
    state: u8,
}

impl Stream {
    /// Takes a segment, and hands on what is in order with it.
    #[inline]
    pub fn segment<C: Consumer>(
        &mut self,
        segment: &Segment<'_>,
        pool: &mut Pool,
        consumer: &mut C,
    ) {
        let length = segment.payload.len();
        let is_usual = segment.sequence == self.next
            && self.state & (STARTED | FINISHING) == STARTED
            && segment.flags & TCP_SPECIAL == 0
            && segment.missing == 0
            && length <= SEGMENT_MAX;
        if !is_usual {
            return self.unusual(segment, pool, consumer);
        }
        if self.buffer.is_some() {
            return self.next_while_holding(segment, pool, consumer);
        }
        if self.skip == 0 && length >= self.need.max(1) as usize {
            self.next = advanced(self.next, length);
            let take = consumer.data(segment.payload);
            self.need = u32::try_from(take.need).unwrap_or(u32::MAX);
            match take.consumed.checked_sub(length) {
                Some(excess) => self.skip = excess as u64,
                None => self.taken_in_part(segment.payload, take, pool, consumer),
            }
        } else if length > 0 {
            self.deliver(segment.payload, pool, consumer);
        }
    }

    /// The other side has acknowledged all before `ack` (RFC 9293 section 3.4). Where later
    /// bytes wait, a hole before it is given up: who sent this had what it held, the capture
    /// has not. Where none do it may yet be filled: two directions captured separately overtake
    /// each other.
    #[inline]
    pub fn acknowledged(&mut self, ack: u32, pool: &mut Pool, consumer: &mut impl Consumer) {
        self.acknowledged = ack;
        let is_pending = self.buffer.is_some() || self.state & FINISHING != 0;
        if is_pending && self.state & STARTED != 0 {
            self.drain(false, pool, consumer);
        }
    }

    /// The connection is over: what waits behind holes is handed on after gaps, the rest as the
    /// held bytes of one. The stream is as new then.
    pub fn end(&mut self, pool: &mut Pool, consumer: &mut impl Consumer) {
        self.drain(true, pool, consumer);
        *self = Self::default();
    }

    /// Whether `sequence` is within reach of the next byte, or it is not known where that is.
    pub fn is_near(&self, sequence: u32) -> bool {
        self.state & STARTED == 0 || distance(self.next, sequence).unsigned_abs() <= WINDOW_MAX
    }

    /// Whether it holds memory of the pool.
    pub fn is_buffering(&self) -> bool {
        self.buffer.is_some()
    }
}

/// Which segment is it?
impl Stream {
    /// The next segment, which has nothing but payload, while something waits.
    #[inline(never)]
    fn next_while_holding(
        &mut self,
        segment: &Segment<'_>,
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) {
        if self.buffer.as_ref().is_some_and(|buffer| buffer.shore().is_some()) {
            return self.unusual(segment, pool, consumer);
        }
        self.deliver(segment.payload, pool, consumer);
        self.release(pool);
    }

    #[cold]
    #[inline(never)]
    fn unusual(&mut self, segment: &Segment<'_>, pool: &mut Pool, consumer: &mut dyn Consumer) {
        if segment.flags & TCP_RST != 0 {
            return self.reset(segment, pool, consumer);
        }
        let length = segment.payload.len().saturating_add(segment.missing as usize);
        if length > SEGMENT_MAX {
            return refuse(segment, pool);
        }
        let mut start = segment.sequence;
        if segment.flags & TCP_SYN != 0 {
            start = start.wrapping_add(1);
            self.synchronize(start, pool, consumer);
        } else if self.state & STARTED == 0 && !self.begin(segment, pool) {
            return;
        }
        if distance(self.next, start).unsigned_abs() > WINDOW_MAX
            && !self.stray(start, segment, pool, consumer)
        {
            return refuse(segment, pool);
        }
        let end = advanced(start, length);
        if segment.flags & TCP_FIN != 0 && distance(self.next, end) >= 0 {
            self.state |= FINISHING;
            self.fin = end;
        }
        self.sort(start, segment, pool, consumer);
        self.drain(false, pool, consumer);
    }

    /// A SYN: `start` is where the data begin. On a stream that is somewhere else it begins a
    /// new connection between the same endpoints.
    fn synchronize(&mut self, start: u32, pool: &mut Pool, consumer: &mut dyn Consumer) {
        if self.state & STARTED != 0 {
            let behind = distance(start, self.next);
            if (0..=WINDOW_MAX.cast_signed()).contains(&behind) {
                return;
            }
            self.restart(0, pool, consumer);
        }
        self.start_at(start);
    }

    /// The first segment of a stream whose SYN is not known; false if it has nothing to begin
    /// with. A single byte may be a keep-alive, which has garbage (RFC 9293 section 3.8.4), so
    /// what follows it is the beginning.
    fn begin(&mut self, segment: &Segment<'_>, pool: &mut Pool) -> bool {
        let Segment { sequence, payload, missing, .. } = *segment;
        if payload.len() <= 1 && missing == 0 {
            pool.counts.keep_alives += payload.len() as u64;
            self.next = advanced(sequence, payload.len());
            self.state |= HINTED;
            return false;
        }
        let hint = self.next;
        let ahead = distance(hint, sequence);
        // One byte ahead of it: it was a keep-alive.
        let follows = (2..=START_MAX.cast_signed()).contains(&ahead);
        let is_hinted = self.state & HINTED != 0;
        self.start_at(if is_hinted && follows { hint } else { sequence });
        true
    }

    fn start_at(&mut self, start: u32) {
        (self.next, self.acknowledged, self.state) = (start, start, STARTED);
    }

    /// A segment far outside the window: after a long break of the capture, all are. So the
    /// second of two consecutive ones is where the stream goes on.
    fn stray(
        &mut self,
        start: u32,
        segment: &Segment<'_>,
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) -> bool {
        let length = segment.payload.len() + segment.missing as usize;
        if length == 0 {
            return false;
        }
        if self.state & STRAYED == 0 || self.stray != start {
            self.state |= STRAYED;
            self.stray = advanced(start, length);
            return false;
        }
        let lost = distance(self.next, start).max(0).unsigned_abs();
        self.restart(lost, pool, consumer);
        self.start_at(start);
        true
    }

    /// Leaves where it was, to go on elsewhere.
    fn restart(&mut self, lost: u32, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let start = self.next;
        self.drain(true, pool, consumer);
        let lost = u64::from(lost).saturating_sub(self.next.wrapping_sub(start).into());
        let lost = lost.saturating_sub(self.skip);
        self.skip = 0;
        pool.counts.restarts += 1;
        pool.counts.gaps += 1;
        pool.counts.lost_bytes += lost;
        consumer.gap(&[], lost);
    }

    /// A reset hands on all that waits. It is not believed to be the end, as only the receiver
    /// knows (RFC 5961 section 3.2); its payload is for people (RFC 9293 section 3.5.3).
    fn reset(&mut self, segment: &Segment<'_>, pool: &mut Pool, consumer: &mut dyn Consumer) {
        if !segment.payload.is_empty() {
            refuse(segment, pool);
        }
        if self.state & STARTED != 0 && self.is_near(segment.sequence) {
            self.drain(true, pool, consumer);
        }
    }

    /// Cuts off what is known of the segment, which begins at `start`, and places the rest.
    fn sort(
        &mut self,
        start: u32,
        segment: &Segment<'_>,
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) {
        let Segment { payload, missing, .. } = *segment;
        let ahead = distance(self.next, start);
        let old = ahead.min(0).unsigned_abs();
        let old_bytes = payload.len().min(old as usize);
        let rest = payload.get(old_bytes..).unwrap_or_default();
        let missing = missing.saturating_sub(old.saturating_sub(bytes_u32(payload)));
        if old == 1 && payload.len() <= 1 && missing == 0 {
            pool.counts.keep_alives += 1;
            return;
        }
        pool.counts.retransmitted_bytes += old_bytes as u64;
        if rest.is_empty() && missing == 0 {
            return;
        }
        self.place(if ahead < 0 { self.next } else { start }, rest, missing, pool, consumer);
        if ahead > 0 {
            pool.counts.out_of_order_segments += 1;
            self.wait(pool, consumer);
        }
    }
}

/// Where do bytes belong?
impl Stream {
    /// Hands on or keeps the bytes at `start`, which is not before `next`, and notes that
    /// `missing` ones behind them will not come.
    fn place(
        &mut self,
        start: u32,
        bytes: &[u8],
        missing: u32,
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) {
        let mut missing = missing;
        if let Some(buffer) = &mut self.buffer {
            let (again, other) = buffer.compare(self.next, start, bytes);
            pool.counts.overlapping_bytes += again;
            pool.counts.conflicting_bytes += other;
            missing = missing.max(buffer.found(self.next, start, bytes.len()));
        }
        let (mut at, mut rest) = (start, bytes);
        while !rest.is_empty() {
            // Islands that the bytes reached may have been handed on with them.
            let known = distance(at, self.next).max(0).unsigned_abs() as usize;
            let placed = if known > 0 {
                known.min(rest.len())
            } else {
                self.place_first(at, rest, pool, consumer)
            };
            at = advanced(at, placed);
            rest = rest.get(placed..).unwrap_or_default();
        }
        let known = distance(at, self.next).max(0).unsigned_abs();
        if missing > known {
            self.lose(advanced(at, known as usize), missing - known, pool, consumer);
        }
    }

    /// Places some of the bytes at `at`; how many. None, if something else had to go first.
    fn place_first(
        &mut self,
        at: u32,
        bytes: &[u8],
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) -> usize {
        let (index, room) = match self.spot(at, bytes.len()) {
            Spot::Covered(length) => return length,
            Spot::Free { index, room } => (index, room.min(bytes.len())),
        };
        let piece = bytes.get(..room).unwrap_or_default();
        let hole = at.wrapping_sub(self.next);
        if index == 0 && self.is_lost(hole) {
            self.cross(hole, pool, consumer);
            self.deliver(piece, pool, consumer);
            self.drain(false, pool, consumer);
        } else if !self.store(index, at, piece, pool) {
            self.give_up(at, pool, consumer);
            return 0;
        }
        piece.len()
    }

    /// Notes that `missing` bytes at `at` were cut off by the capture.
    fn lose(&mut self, at: u32, missing: u32, pool: &mut Pool, consumer: &mut dyn Consumer) {
        while at != self.next {
            let hole = at.wrapping_sub(self.next);
            let (index, is_known) = match self.spot(at, 1) {
                Spot::Covered(_) => (0, true),
                Spot::Free { index, .. } => (index, false),
            };
            if is_known || self.buffer.as_mut().is_some_and(|buffer| buffer.cut(at, missing)) {
                return;
            }
            if index == 0 && self.is_lost(hole) {
                self.cross(hole, pool, consumer);
            } else if !self.store(index, at, &[], pool) {
                self.give_up(at, pool, consumer);
                if distance(at, self.next) > 0 {
                    return;
                }
            }
        }
        let shore = self.buffer.as_ref().and_then(|buffer| buffer.shore());
        let hole = shore.map_or(missing, |shore| missing.min(shore.wrapping_sub(self.next)));
        self.cross(hole, pool, consumer);
    }

    fn spot(&self, at: u32, length: usize) -> Spot {
        let nowhere = Spot::Free { index: 0, room: usize::MAX };
        self.buffer.as_ref().map_or(nowhere, |buffer| buffer.spot(self.next, at, length))
    }

    fn store(&mut self, index: usize, at: u32, bytes: &[u8], pool: &mut Pool) -> bool {
        if self.buffer.is_none() {
            self.buffer = pool.buffer();
        }
        let buffer = self.buffer.as_mut();
        let is_stored = buffer.is_some_and(|buffer| buffer.store(index, at, bytes, pool));
        self.release(pool);
        is_stored
    }

    /// Whether the next `hole` bytes need not be waited for: the consumer skips them, or the
    /// receiver had them.
    fn is_lost(&self, hole: u32) -> bool {
        let acknowledged = self.acknowledged.wrapping_sub(self.next);
        u64::from(hole) <= self.skip || (acknowledged <= WINDOW_MAX && hole <= acknowledged)
    }

    /// A segment has come behind a hole; too many give it up.
    fn wait(&mut self, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let Some(buffer) = &mut self.buffer else { return };
        buffer.waiting += 1;
        if buffer.waiting > pool.limits().waiting_segments_max
            && let Some(shore) = buffer.shore()
        {
            self.give_up(shore, pool, consumer);
        }
    }

    /// Gives up the first hole, which ends at an island or at `at`, because of a limit.
    fn give_up(&mut self, at: u32, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let shore = self.buffer.as_ref().and_then(|buffer| buffer.shore()).unwrap_or(at);
        let hole = shore.wrapping_sub(self.next).min(at.wrapping_sub(self.next));
        pool.counts.evictions += 1;
        self.cross(hole, pool, consumer);
        self.drain(false, pool, consumer);
    }
}

/// On with what is in order.
impl Stream {
    /// Hands on the islands that are in order or whose holes are lost; with `all`, every one,
    /// and what the consumer leaves too.
    fn drain(&mut self, all: bool, pool: &mut Pool, consumer: &mut dyn Consumer) {
        while let Some(shore) = self.shore() {
            let hole = distance(self.next, shore).max(0).unsigned_abs();
            if hole > 0 && !all && !self.is_lost(hole) {
                break;
            }
            self.cross(hole, pool, consumer);
            match self.buffer.as_mut().and_then(|buffer| buffer.pop()) {
                Some(island) => self.land(island, pool, consumer),
                None => {
                    self.state &= !FINISHING;
                    self.discard(0, pool, consumer);
                }
            }
        }
        if all {
            self.discard(0, pool, consumer);
        }
        self.release(pool);
    }

    /// Where the first hole ends: at an island, or where the stream ends.
    fn shore(&self) -> Option<u32> {
        let island = self.buffer.as_ref().and_then(|buffer| buffer.shore());
        island.or((self.state & FINISHING != 0).then_some(self.fin))
    }

    /// Goes on behind the next `hole` bytes, which will not come.
    fn cross(&mut self, hole: u32, pool: &mut Pool, consumer: &mut dyn Consumer) {
        if hole == 0 {
            return;
        }
        self.next = self.next.wrapping_add(hole);
        let unseen = self.skip.min(hole.into());
        self.skip -= unseen;
        pool.counts.skipped_unseen_bytes += unseen;
        if let Some(buffer) = &mut self.buffer {
            buffer.waiting = 0;
        }
        let lost = u64::from(hole) - unseen;
        if lost > 0 {
            pool.counts.gaps += 1;
            pool.counts.lost_bytes += lost;
            self.discard(lost, pool, consumer);
        }
    }

    /// Tells the consumer of a gap, unless nothing is held and nothing lost.
    fn discard(&mut self, lost: u64, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let held = self.buffer.as_ref().map(|buffer| buffer.held()).unwrap_or_default();
        self.need = 0;
        if lost == 0 && held.is_empty() {
            return;
        }
        pool.counts.discarded_bytes += held.len() as u64;
        consumer.gap(held, lost);
        if let Some(buffer) = &mut self.buffer {
            buffer.consume(usize::MAX, pool);
        }
    }

    /// Hands on the next bytes, or holds them. Where they complete what the consumer waits for,
    /// it is given just that, and then the rest where it lies: only the former is copied.
    fn deliver(&mut self, bytes: &[u8], pool: &mut Pool, consumer: &mut dyn Consumer) {
        let held = self.buffer.as_ref().map_or(0, |buffer| buffer.held().len());
        let wanted = (self.need as usize).checked_sub(held).filter(|_| held > 0);
        match wanted.filter(|wanted| *wanted > 0).and_then(|wanted| bytes.split_at_checked(wanted))
        {
            Some((first, rest)) if !rest.is_empty() => {
                self.deliver_part(first, pool, consumer);
                self.deliver_part(rest, pool, consumer);
            }
            _ => self.deliver_part(bytes, pool, consumer),
        }
    }

    fn deliver_part(&mut self, bytes: &[u8], pool: &mut Pool, consumer: &mut dyn Consumer) {
        let skipped = self.pass(bytes.len(), pool);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        if let Some(buffer) = &mut self.buffer
            && !buffer.held().is_empty()
        {
            if buffer.append(bytes, pool) {
                return self.offer_held(pool, consumer);
            }
            pool.counts.evictions += 1;
            self.discard(0, pool, consumer);
        }
        if bytes.len() < self.need as usize {
            return self.hold(bytes, pool, consumer);
        }
        let take = consumer.data(bytes);
        self.taken_in_part(bytes, take, pool, consumer);
    }

    /// Hands on the bytes of an island, whose memory is not copied if it has to be held.
    fn land(&mut self, island: Island, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let Island { missing, data, .. } = island;
        let is_holding = self.buffer.as_ref().is_some_and(|buffer| !buffer.held().is_empty());
        if is_holding || data.is_empty() {
            self.deliver(&data, pool, consumer);
            pool.give(data);
        } else {
            let skipped = self.pass(data.len(), pool);
            match self.buffer.as_mut().filter(|_| skipped < data.len()) {
                Some(buffer) => {
                    buffer.adopt(data, skipped, pool);
                    self.offer_held(pool, consumer);
                }
                None => pool.give(data),
            }
        }
        if missing > 0 {
            self.lose(self.next, missing, pool, consumer);
        }
    }

    /// Goes on behind `length` bytes that have come; how many of them are skipped.
    fn pass(&mut self, length: usize, pool: &mut Pool) -> usize {
        self.next = advanced(self.next, length);
        if let Some(buffer) = &mut self.buffer {
            buffer.waiting = 0;
        }
        let skipped = self.skip.min(length as u64);
        self.skip -= skipped;
        pool.counts.skipped_bytes += skipped;
        usize::try_from(skipped).unwrap_or(length)
    }

    /// Offers the held bytes, if there are as many as needed.
    fn offer_held(&mut self, pool: &mut Pool, consumer: &mut dyn Consumer) {
        let Some(mut buffer) = self.buffer.take() else { return };
        let held = buffer.held();
        if held.len() >= self.need as usize {
            let taken = self.offer(held, consumer.data(held), consumer);
            buffer.consume(taken, pool);
        }
        self.buffer = Some(buffer);
        self.release(pool);
    }

    /// Holds what the consumer has left of `bytes`.
    fn taken_in_part(
        &mut self,
        bytes: &[u8],
        take: Take,
        pool: &mut Pool,
        consumer: &mut dyn Consumer,
    ) {
        let taken = self.offer(bytes, take, consumer);
        let rest = bytes.get(taken..).unwrap_or_default();
        if !rest.is_empty() {
            self.hold(rest, pool, consumer);
        }
    }

    /// Offers the rest of `bytes` as long as the consumer goes on; how many it has taken.
    fn offer(&mut self, bytes: &[u8], first: Take, consumer: &mut dyn Consumer) -> usize {
        let (mut rest, mut take) = (bytes, first);
        loop {
            self.need = u32::try_from(take.need).unwrap_or(u32::MAX);
            match rest.get(take.consumed..) {
                Some(behind) if !behind.is_empty() => rest = behind,
                _ => {
                    self.skip = (take.consumed - rest.len()) as u64;
                    return bytes.len();
                }
            }
            let goes_on = take.consumed > 0 && take.need > 1 && take.need <= rest.len();
            if !goes_on {
                return bytes.len() - rest.len();
            }
            take = consumer.data(rest);
        }
    }

    /// Holds bytes, of which there are none yet.
    fn hold(&mut self, bytes: &[u8], pool: &mut Pool, consumer: &mut dyn Consumer) {
        if self.buffer.is_none() {
            self.buffer = pool.buffer();
        }
        if !self.buffer.as_mut().is_some_and(|buffer| buffer.append(bytes, pool)) {
            pool.counts.evictions += 1;
            pool.counts.discarded_bytes += bytes.len() as u64;
            self.need = 0;
            consumer.gap(bytes, 0);
        }
        self.release(pool);
    }

    /// Gives the buffer back if it holds nothing.
    fn release(&mut self, pool: &mut Pool) {
        if let Some(buffer) = self.buffer.take_if(|buffer| buffer.is_empty()) {
            pool.give_buffer(buffer);
        }
    }
}

fn refuse(segment: &Segment<'_>, pool: &mut Pool) {
    pool.counts.refused_segments += 1;
    pool.counts.refused_bytes += segment.payload.len() as u64;
}

/// How far `to` lies behind `from`; negative if it comes before it (RFC 9293 section 3.4).
fn distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

#[expect(clippy::cast_possible_truncation, reason = "sequence numbers count modulo 2^32")]
fn advanced(sequence: u32, length: usize) -> u32 {
    sequence.wrapping_add(length as u32)
}

/// Length of a payload, which `SEGMENT_MAX` bounds.
fn bytes_u32(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
