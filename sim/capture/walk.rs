//! What the two formats share: how a walk over buffered bytes ends, and what it counts.

use crate::base::{Record, Timestamp};

/// Byte order of a file or section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Little => "little-endian",
            Self::Big => "big-endian",
        }
    }
}

/// Integers of the byte order chosen at compile time, so that the record walk has no branch.
#[inline]
pub(super) const fn u32_of<const BIG: bool>(bytes: [u8; 4]) -> u32 {
    if BIG { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

/// As [`u32_of`], for 16 bits.
#[inline]
pub(super) const fn u16_of<const BIG: bool>(bytes: [u8; 2]) -> u16 {
    if BIG { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

/// Why a walk stopped. `consumed` bytes in front of that point are done with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub consumed: usize,
    pub end: End,
}

/// The end of one walk.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The structure that begins at `consumed` needs this many bytes, and fewer are there.
    More { needed: usize, what: &'static str },
    /// This many bytes after `consumed` belong to a structure that carries nothing we use.
    Skip { bytes: u64, what: &'static str },
    /// The structure that begins at `consumed` contradicts itself or the format.
    Damage(String),
}

/// Where the walk writes: the batch's records, and where its bytes begin in the batch.
pub(super) struct Out<'a> {
    pub records: &'a mut Vec<Record>,
    /// Index of the first walked byte in the batch's buffer. Buffers stay far below 4 GiB
    /// (`reader::MAX_NEEDED`), so that positions fit `u32`.
    pub base: u32,
    pub tally: &'a mut Tally,
}

/// Counts over one file.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub records: u64,
    pub out_of_order: u64,
    /// Records of a kind that has no time of its own (simple packet blocks).
    pub untimed: u64,
    earliest: i64,
    latest: i64,
    previous: i64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            records: 0,
            out_of_order: 0,
            untimed: 0,
            earliest: i64::MAX,
            latest: i64::MIN,
            previous: i64::MIN,
        }
    }
}

impl Tally {
    /// Counts one record with a time.
    #[inline]
    pub(super) fn timed(&mut self, nanos: i64) {
        self.records += 1;
        self.out_of_order += u64::from(nanos < self.previous);
        self.previous = nanos;
        self.earliest = self.earliest.min(nanos);
        self.latest = self.latest.max(nanos);
    }

    /// Counts one record without a time; the answer is the time of the timed record before
    /// it, if there is one.
    pub(super) fn untimed(&mut self) -> Option<i64> {
        self.records += 1;
        self.untimed += 1;
        self.any_timed().then_some(self.previous)
    }

    /// Whether a record with a time has been seen.
    #[inline]
    pub(super) const fn any_timed(&self) -> bool {
        self.records > self.untimed
    }

    /// Time of the earliest timed record.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.any_timed().then(|| Timestamp::from_nanos(self.earliest))
    }

    /// Time of the latest timed record.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.any_timed().then(|| Timestamp::from_nanos(self.latest))
    }
}

/// A position in a buffer as [`Record::offset`].
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "buffers are limited to a few MiB")]
pub(super) const fn position(index: usize) -> u32 {
    index as u32
}
