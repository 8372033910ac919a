//! Frames as they travel from a source to the core: borrowed from one reused buffer.

use super::Timestamp;

/// Link-layer header type, as registered at <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LinkType(pub u16);

impl LinkType {
    /// LINKTYPE_ETHERNET.
    pub const ETHERNET: Self = Self(1);
}

/// Where one captured frame lies in its [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// When the frame was captured.
    pub time: Timestamp,
    /// Offset of its first byte in [`Batch::bytes`].
    pub offset: u32,
    /// Bytes that were captured.
    pub captured_length: u32,
    /// Bytes the frame had on the wire; never less than `captured_length`.
    pub original_length: u32,
    /// Its link-layer header type.
    pub link: LinkType,
    /// Number of the interface inside the whole source, counted over all its files.
    pub interface: u16,
}

/// A frame borrowed from a [`Batch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When the frame was captured.
    pub time: Timestamp,
    /// Link-layer header type of `bytes`.
    pub link: LinkType,
    /// The captured bytes, possibly cut by the snap length.
    pub bytes: &'a [u8],
    /// Bytes the frame had on the wire.
    pub original_length: u32,
}

/// Some frames in file order, in one buffer that is filled again and again.
#[derive(Debug, Default)]
pub struct Batch {
    /// Bytes of all frames, with whatever lies between them in the file.
    pub bytes: Vec<u8>,
    /// One entry per frame, in file order.
    pub records: Vec<Record>,
    /// Number of the first frame within the whole source, from 0.
    pub first_frame: u64,
    /// Bytes of input consumed so far over all files, as they lie on disk (for progress).
    pub input_bytes: u64,
}

impl Batch {
    /// The frame that `record` describes. A record that points outside the buffer, which no
    /// source makes, gives an empty frame.
    #[inline]
    pub fn frame(&self, record: &Record) -> Frame<'_> {
        let start = record.offset as usize;
        let end = start + record.captured_length as usize;
        Frame {
            time: record.time,
            link: record.link,
            bytes: self.bytes.get(start..end).unwrap_or_default(),
            original_length: record.original_length,
        }
    }

    /// All frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.records.iter().map(|record| self.frame(record))
    }
}

/// Anything that yields frames in time order: capture files, a synthesizer, an interface.
pub trait FrameSource: Send {
    /// Replaces the contents of `batch` by the next frames. False at the end, with an empty
    /// batch. Damage ends the damaged part and is told by the source itself afterwards.
    fn fill(&mut self, batch: &mut Batch) -> bool;
}
