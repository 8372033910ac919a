//! One capture, walked in place in the caller's buffer.
//!
//! Bytes are fetched with `read()`, not mapped: mapped pages cost 2.4 times the CPU, do not
//! work on pipes, and a file cut while it is read would end the process. What is left of a
//! record at the end of the buffer goes in front of the next read, placed so that the read
//! itself lands on a page boundary (elsewhere the kernel's copy takes up to 3.5 times as long).

use std::io::Read;

use super::CaptureError;
use super::content::{describe, is_pcap_family, unwrap_head};
use super::input::{AnyRead, Manner, Source};
use super::link::link_name;
use super::pcap::{self, HEADER_BYTES, Pcap};
use super::pcapng::{Mark, Numbers, Pcapng, SECTION_HEADER, SYNTHESIS_UNREAD};
use super::unpack::Packing;
use super::walk::{End, Out, Step, Tally, position};
use crate::base::{Batch, FrameSource, Record, Timestamp};
use crate::record::{Damage, Format, InputFile, Interface};

/// The longest captured frame that is believed; a record that says more is damage.
///
/// Twice the largest frame Linux makes (BIG TCP, `GSO_MAX_SIZE` of 8 × 65,536 bytes). libpcap
/// stops at 262,144 for network links (`MAXIMUM_SNAPLEN`), which cuts such frames off.
pub const MAX_FRAME_BYTES: u32 = 1024 * 1024;
/// The longest pcapng block that is looked into: a frame and as much again for its options.
/// Longer ones without packets (name resolution, secrets) are stepped over.
pub(super) const MAX_BLOCK_BYTES: u32 = 2 * MAX_FRAME_BYTES;
/// Bytes read at once: fits the L2 cache, so that the walk finds headers there.
const READ_BYTES: usize = 256 * 1024;
/// Bytes read at once to see how a file begins.
const PEEK_BYTES: usize = 16 * 1024;
/// Alignment of reads.
const PAGE_BYTES: usize = 4_096;

/// Reads one capture: pcap or pcapng, plain, gzip or zstd.
///
/// As a [`FrameSource`] it yields records in file order. Times may go backwards; they are
/// counted, not changed.
pub struct Reader {
    path: String,
    source: Source,
    packing: Option<Packing>,
    state: State,
    numbers: Numbers,
    tally: Tally,
    read_bytes: usize,
    /// Start of a structure whose end has not been read yet.
    carry: Vec<u8>,
    /// Offset of the first unread structure in the decompressed file, in bytes.
    offset: u64,
    /// Bytes still to be stepped over.
    skip: u64,
    /// What the structure at `offset` needs, and what it is.
    needed: (usize, &'static str),
    damage: Option<Damage>,
    ended: bool,
}

enum State {
    /// A savefile whose header has not been read.
    Header,
    Pcap(Pcap),
    Pcapng(Box<Pcapng>),
}

impl Reader {
    /// Reads `input` to its end; decompression happens on a thread of its own. `path` is what
    /// errors call it.
    ///
    /// # Errors
    /// When the first bytes cannot be read, or are not those of a capture.
    pub fn from_read(path: &str, input: impl Read + Send + 'static) -> Result<Self, CaptureError> {
        let manner = Manner { sha256: false, threaded: true };
        Self::open(path, Box::new(input), manner, Numbers::default())
    }

    /// As [`Reader::from_read`], numbering interfaces by `numbers`.
    pub(super) fn open(
        path: &str,
        input: AnyRead,
        manner: Manner,
        numbers: Numbers,
    ) -> Result<Self, CaptureError> {
        let (source, head) = Source::open(input, manner)
            .map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
        if head.is_empty() {
            return Err(CaptureError::Empty { path: path.to_owned() });
        }
        let plain = unwrap_head(&head);
        if !is_pcap_family(&plain) {
            let found = describe(&head);
            return Err(CaptureError::Unknown { path: path.to_owned(), found });
        }
        let state = if plain.starts_with(&SECTION_HEADER.to_be_bytes()) {
            State::Pcapng(Box::new(Pcapng::new(numbers.clone())))
        } else {
            State::Header
        };
        Ok(Self {
            path: path.to_owned(),
            source,
            packing: Packing::of(&head),
            state,
            numbers,
            tally: Tally::default(),
            read_bytes: READ_BYTES,
            carry: Vec::new(),
            offset: 0,
            skip: 0,
            needed: (0, "file"),
            damage: None,
            ended: false,
        })
    }

    /// The time of the first record of `input`, none when it has no records with a time; and what
    /// the file says of being synthesized up to there.
    ///
    /// # Errors
    /// As [`Reader::from_read`].
    pub(super) fn first_time(
        path: &str,
        input: AnyRead,
    ) -> Result<(Option<Timestamp>, Option<Mark>), CaptureError> {
        let manner = Manner { sha256: false, threaded: false };
        let mut reader = Self::open(path, input, manner, Numbers::default())?;
        reader.read_bytes = PEEK_BYTES;
        let mut batch = Batch::default();
        while reader.fill(&mut batch) {
            if let Some(time) = reader.time_of_first(&batch) {
                return Ok((Some(time), reader.mark()));
            }
        }
        Ok((None, reader.mark()))
    }

    /// What the file, as far as it was read, says of being synthesized.
    pub(super) fn mark(&self) -> Option<Mark> {
        match &self.state {
            State::Pcapng(file) => file.mark(),
            State::Header | State::Pcap(_) => None,
        }
    }

    /// The time of the first record in `batch`, if the file has shown a time so far.
    pub(super) fn time_of_first(&self, batch: &Batch) -> Option<Timestamp> {
        self.tally.any_timed().then(|| batch.records.first().map(|record| record.time)).flatten()
    }

    /// Bytes read from disk so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.source.raw_bytes()
    }

    /// What was read and where it ended. Call it after the last batch: it closes the input.
    pub fn finish(self) -> InputFile {
        let spent = self.source.finish();
        let (format, mut text, sections, skipped_blocks, interfaces) = match &self.state {
            State::Header => (Format::Pcap, "pcap".to_owned(), 1, 0, Vec::new()),
            State::Pcap(pcap) => (Format::Pcap, pcap.text(), 1, 0, vec![interface(pcap)]),
            State::Pcapng(file) => {
                (Format::Pcapng, file.text(), file.sections, file.skipped_blocks, file.interfaces())
            }
        };
        let synthesis = match &self.state {
            State::Pcapng(file) => file.synthesis(),
            State::Header | State::Pcap(_) => None,
        };
        if let State::Pcapng(file) = &self.state
            && file.claims_synthesis()
            && synthesis.is_none()
        {
            text = format!("{text}{SYNTHESIS_UNREAD}");
        }
        if let Some(packing) = self.packing {
            text = format!("{text}, {}", packing.text());
        }
        if self.tally.untimed > 0 {
            text = format!("{text}, {} packets without a time", self.tally.untimed);
        }
        InputFile {
            path: self.path,
            format,
            format_text: text,
            size_bytes: spent.size_bytes,
            sha256: spent.sha256,
            records: self.tally.records,
            first_utc: self.tally.first(),
            last_utc: self.tally.last(),
            interfaces,
            sections,
            skipped_blocks,
            records_out_of_order: self.tally.out_of_order,
            synthesis,
            damage: self.damage,
        }
    }

    /// Reads and walks until there are records, the buffer is full, or the input ends.
    fn advance(&mut self, batch: &mut Batch) {
        let (mut start, mut end, limit) = self.place(&mut batch.bytes);
        loop {
            let room = batch.bytes.get_mut(end..limit).unwrap_or_default();
            if room.is_empty() {
                break;
            }
            match self.source.read(room) {
                Ok(0) => return self.end_of_input(end - start, None),
                Ok(length) => end += length,
                Err(error) => return self.end_of_input(end - start, Some(&error)),
            }
            let bytes = batch.bytes.get(start..end).unwrap_or_default();
            start += self.digest(bytes, start, &mut batch.records);
            if self.ended || !batch.records.is_empty() {
                break;
            }
        }
        self.carry.clear();
        self.carry.extend_from_slice(batch.bytes.get(start..end).unwrap_or_default());
    }

    /// Copies the carried bytes into `bytes` so that what is read behind them begins on a
    /// page; answers where they begin, where they end, and where reading must stop.
    fn place(&self, bytes: &mut Vec<u8>) -> (usize, usize, usize) {
        let carried = self.carry.len();
        let room = self.read_bytes;
        let required = carried + PAGE_BYTES + room;
        if bytes.len() < required {
            bytes.resize(required, 0);
        }
        let tail = bytes.get(carried..).unwrap_or_default();
        // `align_offset` may refuse; then the copy is slow and nothing else changes.
        let shift = Some(tail.as_ptr().align_offset(PAGE_BYTES)).filter(|n| *n < PAGE_BYTES);
        let start = shift.unwrap_or(0);
        let end = start + carried;
        if let Some(front) = bytes.get_mut(start..end) {
            front.copy_from_slice(&self.carry);
        }
        (start, end, end + room)
    }

    /// Walks `bytes`, which begin at `base` in the batch; the number that is done with.
    fn digest(&mut self, bytes: &[u8], base: usize, records: &mut Vec<Record>) -> usize {
        let mut done = 0;
        loop {
            let left = bytes.len() - done;
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(left);
            done += skipped;
            self.skip -= skipped as u64;
            self.offset += skipped as u64;
            if self.skip > 0 {
                return done;
            }
            let rest = bytes.get(done..).unwrap_or_default();
            let mut out = Out { records, base: position(base + done), tally: &mut self.tally };
            let Step { consumed, end } = match &mut self.state {
                State::Header => match header(rest, &self.numbers) {
                    Ok(pcap) => {
                        self.state = State::Pcap(pcap);
                        Step { consumed: HEADER_BYTES, end: End::Skip { bytes: 0, what: "" } }
                    }
                    Err(end) => Step { consumed: 0, end },
                },
                State::Pcap(pcap) => pcap.walk(rest, &mut out),
                State::Pcapng(pcapng) => pcapng.walk(rest, &mut out),
            };
            done += consumed;
            self.offset += consumed as u64;
            match end {
                End::More { needed, what } => {
                    self.needed = (needed, what);
                    return done;
                }
                End::Skip { bytes, what } => {
                    self.skip = bytes;
                    self.needed = (0, what);
                }
                End::Damage(what) => {
                    self.stop(what);
                    return done;
                }
            }
        }
    }

    /// `left` bytes of an unfinished structure remain, and nothing more can be read.
    fn end_of_input(&mut self, left: usize, error: Option<&std::io::Error>) {
        self.ended = true;
        let (needed, what) = self.needed;
        if let Some(error) = error {
            self.stop(error.to_string());
        } else if self.skip > 0 {
            self.stop(format!(
                "{} bytes of a {what} are missing; the file is cut short",
                self.skip
            ));
        } else if left > 0 {
            self.stop(format!(
                "{what} needs {needed} bytes, {left} are left; the file is cut short"
            ));
        }
    }

    fn stop(&mut self, what: String) {
        self.ended = true;
        self.damage = Some(Damage { offset_bytes: self.offset, what });
    }
}

impl FrameSource for Reader {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.records.clear();
        batch.first_frame = self.tally.records;
        while !self.ended && batch.records.is_empty() {
            self.advance(batch);
        }
        batch.input_bytes = self.source.raw_bytes();
        !batch.records.is_empty()
    }
}

/// The savefile header at the start of `bytes`.
fn header(bytes: &[u8], numbers: &Numbers) -> Result<Pcap, End> {
    match bytes.first_chunk::<{ pcap::HEADER_BYTES }>() {
        Some(header) => Pcap::new(header, numbers.next()).map_err(End::Damage),
        None => Err(End::More { needed: HEADER_BYTES, what: "file header" }),
    }
}

/// The one interface of a savefile.
fn interface(pcap: &Pcap) -> Interface {
    Interface {
        name: None,
        description: None,
        link_type: pcap.link.0,
        link_name: link_name(pcap.link),
        snap_length_bytes: pcap.snap_length,
        tick_ns: if pcap.nanoseconds { 1.0 } else { 1_000.0 },
        packets: pcap.packets,
        packets_cut: pcap.packets_cut,
        dropped_by_interface: None,
        dropped_by_os: None,
    }
}
