//! The memory that the streams of one shard share, its limits, and what was counted.

use super::buffer::Buffer;

/// Smallest piece of memory: a segment of an Ethernet frame (1,460 bytes) fits.
const CHUNK_MIN: usize = 2 << 10;

/// Pieces are this many powers of two large: up to 64 MiB.
const CLASSES: usize = 16;

/// Of the memory that is left, one stream may have this part, so that a few cannot take it from
/// all others (Choudhury, Hahne: Dynamic Queue Length Thresholds for Shared-Memory Packet
/// Switches, 1998).
const PART_OF_REST: usize = 8;

/// What reassembly may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamLimits {
    /// Bytes of memory that one stream may hold; less when the pool is almost used up.
    pub stream_bytes_max: usize,
    /// Bytes of memory that all streams of a pool hold together, those kept for reuse included.
    pub pool_bytes_max: usize,
    /// Pieces behind holes that one stream may hold.
    pub islands_max: usize,
    /// Segments behind a hole before it is given up, where no acknowledgment tells sooner.
    pub waiting_segments_max: u32,
}

impl Default for StreamLimits {
    /// 1 MiB covers the receive window of a connection inside a data centre, and a message of
    /// which [`Consumer`](super::Consumer)s want 64 KiB; 16 MiB for each of 8 shards is a
    /// quarter of what Headroom may use. 64 pieces: a receiver tells its sender of four at most
    /// (RFC 2018 section 3), more stay open only where somebody digs holes on purpose. 256
    /// segments are a window of 360 kB, after which a retransmission would have come.
    fn default() -> Self {
        Self {
            stream_bytes_max: 1 << 20,
            pool_bytes_max: 16 << 20,
            islands_max: 64,
            waiting_segments_max: 256,
        }
    }
}

/// What the streams of a pool met.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Segments that came before one they follow.
    pub out_of_order_segments: u64,
    /// Bytes sent again that had been taken, or given up, already.
    pub retransmitted_bytes: u64,
    /// Bytes sent again while their first copy was still waiting behind a hole.
    pub overlapping_bytes: u64,
    /// Those of them that differed from the first copy, which stays.
    pub conflicting_bytes: u64,
    /// Keep-alives (RFC 9293 section 3.8.4): nothing, or one byte, below the next byte.
    pub keep_alives: u64,
    /// Segments too far from the next byte to be of this connection, and resets with a text.
    pub refused_segments: u64,
    /// Their payload.
    pub refused_bytes: u64,
    /// Connections found to go on elsewhere: a new SYN between the same endpoints, or
    /// consecutive segments far from the next byte.
    pub restarts: u64,
    /// Holes given up.
    pub gaps: u64,
    /// Bytes in them that the consumer would have wanted to see.
    pub lost_bytes: u64,
    /// Holes given up, and partial messages discarded, because a limit was reached.
    pub evictions: u64,
    /// Bytes that waited for others and were discarded because those did not come.
    pub discarded_bytes: u64,
    /// Bytes that came and that the consumer had said it would not look at.
    pub skipped_bytes: u64,
    /// Bytes that the consumer had said it would not look at, and that had not come when later
    /// ones did. If they come yet, they count as sent again.
    pub skipped_unseen_bytes: u64,
    /// Bytes copied because they had to wait.
    pub copied_bytes: u64,
}

impl StreamCounts {
    /// Adds what another pool met.
    pub fn add(&mut self, other: &Self) {
        self.out_of_order_segments += other.out_of_order_segments;
        self.retransmitted_bytes += other.retransmitted_bytes;
        self.overlapping_bytes += other.overlapping_bytes;
        self.conflicting_bytes += other.conflicting_bytes;
        self.keep_alives += other.keep_alives;
        self.refused_segments += other.refused_segments;
        self.refused_bytes += other.refused_bytes;
        self.restarts += other.restarts;
        self.gaps += other.gaps;
        self.lost_bytes += other.lost_bytes;
        self.evictions += other.evictions;
        self.discarded_bytes += other.discarded_bytes;
        self.skipped_bytes += other.skipped_bytes;
        self.skipped_unseen_bytes += other.skipped_unseen_bytes;
        self.copied_bytes += other.copied_bytes;
    }
}

/// Memory for the streams of one shard: reused, and bounded in total.
#[derive(Debug, Default)]
pub struct Pool {
    limits: StreamLimits,
    /// Bytes allocated, used or free.
    bytes: usize,
    /// Those of them that no stream uses.
    free_bytes: usize,
    /// Free pieces by the power of two of their size.
    free: [Vec<Vec<u8>>; CLASSES],
    #[expect(clippy::vec_box, reason = "it is the boxes that are reused")]
    free_buffers: Vec<Box<Buffer>>,
    /// What its streams met.
    pub counts: StreamCounts,
}

impl Pool {
    /// An empty pool with these limits.
    pub fn new(limits: StreamLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The limits.
    pub fn limits(&self) -> &StreamLimits {
        &self.limits
    }

    /// Bytes of memory that streams use at the moment.
    pub fn used_bytes(&self) -> usize {
        self.bytes - self.free_bytes
    }

    /// Bytes of memory allocated, whether streams use it or not.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Empty memory for at least `length` bytes, for a stream that has `used` already.
    pub(super) fn take(&mut self, length: usize, used: usize) -> Option<Vec<u8>> {
        let size = length.max(CHUNK_MIN).checked_next_power_of_two()?;
        let rest = self.limits.pool_bytes_max.saturating_sub(self.used_bytes());
        let allowed = self.limits.stream_bytes_max.min((rest / PART_OF_REST).max(CHUNK_MIN));
        if used.checked_add(size)? > allowed {
            return None;
        }
        if let Some(piece) = self.free.get_mut(class(size))?.pop() {
            self.free_bytes -= piece.capacity();
            return Some(piece);
        }
        self.make_room(size)?;
        let piece = Vec::with_capacity(size);
        self.bytes += piece.capacity();
        Some(piece)
    }

    /// Takes memory back.
    pub(super) fn give(&mut self, mut piece: Vec<u8>) {
        if piece.capacity() == 0 {
            return;
        }
        piece.clear();
        self.free_bytes += piece.capacity();
        match self.free.get_mut(class(piece.capacity())) {
            Some(free) => free.push(piece),
            None => self.forget(piece.capacity()),
        }
    }

    /// An empty buffer.
    pub(super) fn buffer(&mut self) -> Option<Box<Buffer>> {
        if let Some(buffer) = self.free_buffers.pop() {
            self.free_bytes -= buffer.own_bytes();
            return Some(buffer);
        }
        self.charge(size_of::<Buffer>()).then(Box::default)
    }

    /// Takes an empty buffer back.
    pub(super) fn give_buffer(&mut self, buffer: Box<Buffer>) {
        self.free_bytes += buffer.own_bytes();
        self.free_buffers.push(buffer);
    }

    /// Makes room for `size` bytes that a buffer is about to allocate for itself; false if there
    /// is none.
    pub(super) fn charge(&mut self, size: usize) -> bool {
        let may = self.make_room(size).is_some();
        self.bytes += if may { size } else { 0 };
        may
    }

    /// Frees unused memory, the largest pieces first, until `size` more bytes may be allocated.
    fn make_room(&mut self, size: usize) -> Option<()> {
        let allowed = self.limits.pool_bytes_max.checked_sub(size)?;
        if self.used_bytes() > allowed {
            return None;
        }
        for class in (0..CLASSES).rev() {
            while self.bytes > allowed {
                let Some(piece) = self.free.get_mut(class).and_then(Vec::pop) else { break };
                self.forget(piece.capacity());
            }
        }
        while self.bytes > allowed {
            let buffer = self.free_buffers.pop()?;
            self.forget(buffer.own_bytes());
        }
        Some(())
    }

    fn forget(&mut self, size: usize) {
        self.bytes -= size;
        self.free_bytes -= size;
    }
}

/// The list that pieces of `size` bytes are kept in.
fn class(size: usize) -> usize {
    (size / CHUNK_MIN).max(1).ilog2() as usize
}
