//! Many capture files as one stream in time order.
//!
//! Rotated files follow each other, captures of several hosts overlap. Each file's first
//! record says when it is needed; a file is open only while its records may be next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::CaptureError;
use super::input::{AnyRead, Manner};
use super::pcapng::{Mark, Numbers};
use super::reader::Reader;
use super::walk::position;
use crate::base::{Batch, FrameSource, Record, Timestamp};
use crate::record::{Damage, Format, InputFile};

/// Files open at once. Each holds a buffer of a quarter MiB, most systems allow 1,024.
const MAX_OPEN: usize = 256;
/// A merged batch is handed over when it holds this many bytes.
const MERGED_BYTES: usize = 256 * 1024;
/// And never holds more records than this, however short they are.
const MERGED_RECORDS: usize = 8 * 1024;

/// How a set is to be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// SHA-256 of every file as it lies on disk. Costs about as much CPU as analysing the
    /// packets; runs on a thread of its own.
    pub sha256: bool,
}

/// Several captures as one [`FrameSource`].
///
/// Records come in order of time over all files; at equal times the file that begins earlier
/// comes first, then the one given first. Inside one file the file's own order is kept, even
/// where its times go backwards. [`Record::interface`] counts interfaces over the whole set in
/// the order in which they are met.
pub struct CaptureSet {
    files: Vec<Member>,
    /// Files not yet opened, by their first time.
    waiting: VecDeque<usize>,
    /// Open files by the order in which they were opened, which is that of their first times.
    active: BTreeMap<u32, Active>,
    /// Next record of each open file that has been read ahead: its time and the file's place
    /// in `active`, which also decides between equal times. Several files are open only while
    /// all of them are here.
    heads: BinaryHeap<Reverse<(Timestamp, u32)>>,
    opened: u32,
    numbers: Numbers,
    options: Options,
    /// Records handed out.
    frames: u64,
    /// Bytes of the files that are closed.
    closed_bytes: u64,
}

/// One file of the set.
struct Member {
    path: PathBuf,
    /// On disk; none for a pipe.
    size_bytes: Option<u64>,
    first: Option<Timestamp>,
    /// What it says of being synthesized, in front of its first record.
    mark: Option<Mark>,
    /// A pipe, which cannot be opened a second time, with its first batch.
    opened: Option<(Reader, Batch)>,
    result: Option<InputFile>,
}

/// A file whose records may be next.
struct Active {
    file: usize,
    reader: Reader,
    batch: Batch,
    /// Records of `batch` that were handed out.
    done: usize,
}

impl Active {
    fn head(&self) -> Option<&Record> {
        self.batch.records.get(self.done)
    }
}

impl CaptureSet {
    /// Looks at the first record of every file, in any order given; `-` is standard input.
    ///
    /// # Errors
    /// The first file that cannot be opened or is no capture. Damage is none; it is told by
    /// [`CaptureSet::finish`].
    pub fn open(paths: &[PathBuf], options: Options) -> Result<Self, CaptureError> {
        Self::open_with(paths, options, None)
    }

    /// What the files say of being synthesized in front of their first records: the first of them
    /// that says how, or else that one does.
    pub fn mark(&self) -> Option<&Mark> {
        let marks = || self.files.iter().filter_map(|member| member.mark.as_ref());
        marks().find(|mark| matches!(mark, Mark::Known(_))).or_else(|| marks().next())
    }

    /// As [`CaptureSet::open`], with the bytes that `-` stands for where some of standard
    /// input was read before.
    ///
    /// # Errors
    /// As [`CaptureSet::open`].
    pub fn open_with(
        paths: &[PathBuf],
        options: Options,
        mut standard_input: Option<Box<dyn Read + Send>>,
    ) -> Result<Self, CaptureError> {
        let numbers = Numbers::default();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            files.push(Member::look(path, options, &numbers, &mut standard_input)?);
        }
        let mut waiting: Vec<usize> = (0..files.len()).collect();
        // Stable: the given order holds among equals. Without a time, last.
        waiting.sort_by_key(|file| {
            let first = files.get(*file).and_then(|member| member.first);
            (first.is_none(), first)
        });
        let waiting = waiting.into();
        Ok(Self {
            files,
            waiting,
            active: BTreeMap::new(),
            heads: BinaryHeap::new(),
            opened: 0,
            numbers,
            options,
            frames: 0,
            closed_bytes: 0,
        })
    }

    /// Bytes on disk of all files, to compare [`Batch::input_bytes`] with; none where a pipe
    /// is among them.
    pub fn total_bytes(&self) -> Option<u64> {
        self.files.iter().map(|member| member.size_bytes).sum()
    }

    /// What was read of each file, in the order given to [`CaptureSet::open`]. With hashes
    /// asked for, the rest of every file is read first.
    pub fn finish(mut self) -> Vec<InputFile> {
        while let Some((_, active)) = self.active.pop_first() {
            self.close(active);
        }
        while let Some(file) = self.waiting.pop_front() {
            if let Some(active) = self.start(file) {
                self.close(active);
            }
        }
        self.files
            .into_iter()
            .map(|member| {
                let lost = || member.unread("the file was not read".to_owned());
                member.result.clone().unwrap_or_else(lost)
            })
            .collect()
    }

    /// Opens `file` again, or takes what [`CaptureSet::open`] left open.
    fn start(&mut self, file: usize) -> Option<Active> {
        let member = self.files.get_mut(file)?;
        let (reader, batch) = match member.opened.take() {
            Some(opened) => opened,
            None => {
                let manner = Manner { sha256: self.options.sha256, threaded: true };
                let name = member.name();
                let opened = File::open(&member.path)
                    .map_err(|source| CaptureError::Open { path: name.clone(), source })
                    .and_then(|input| {
                        Reader::open(&name, Box::new(input), manner, self.numbers.clone())
                    });
                match opened {
                    Ok(reader) => (reader, Batch::default()),
                    Err(error) => {
                        // It could be read a moment ago: changed or removed since.
                        member.result = Some(member.unread(error.to_string()));
                        return None;
                    }
                }
            }
        };
        Some(Active { file, reader, batch, done: 0 })
    }

    /// Opens `file` if there is room. Its place among the open ones.
    fn activate(&mut self, file: usize) -> Option<u32> {
        if self.active.len() >= MAX_OPEN {
            if let Some(member) = self.files.get_mut(file) {
                let what = format!(
                    "{MAX_OPEN} other captures overlap it in time, which is as many as can be \
                     open at once; give fewer files per run"
                );
                member.opened = None;
                member.result = Some(member.unread(what));
            }
            return None;
        }
        let active = self.start(file)?;
        let order = self.opened;
        self.opened += 1;
        if let Some(head) = active.head() {
            self.heads.push(Reverse((head.time, order)));
        }
        self.active.insert(order, active);
        Some(order)
    }

    /// Reads ahead in an open file that has nothing read ahead; closes it at its end.
    fn read_ahead(&mut self, order: u32) {
        let Some(active) = self.active.get_mut(&order) else { return };
        active.done = 0;
        if active.reader.fill(&mut active.batch) {
            self.heads.extend(active.head().map(|head| Reverse((head.time, order))));
        } else if let Some(ended) = self.active.remove(&order) {
            self.close(ended);
        }
    }

    fn close(&mut self, active: Active) {
        let result = active.reader.finish();
        self.closed_bytes += result.size_bytes;
        if let Some(member) = self.files.get_mut(active.file) {
            member.result = Some(result);
        }
    }

    /// Start of the next file that is not open, as far as it has one.
    fn next_start(&self) -> Option<Timestamp> {
        let file = self.waiting.front()?;
        self.files.get(*file)?.first
    }

    /// Opens the next file if it begins before `time`. One at a time: a single record with a
    /// time far ahead must not open all of them.
    fn activate_before(&mut self, time: Timestamp) -> bool {
        if self.next_start().is_none_or(|start| start >= time) {
            return false;
        }
        let file = self.waiting.pop_front();
        if let Some(order) = file.and_then(|file| self.activate(file))
            && self.active.get(&order).is_some_and(|active| active.head().is_none())
        {
            self.read_ahead(order);
        }
        true
    }

    /// Hands over the only open file's next batch as it was read, unless a waiting file begins
    /// inside it: then `batch` stays empty and the records are kept to be merged.
    fn hand_over(&mut self, batch: &mut Batch) {
        let next_start = self.next_start();
        let Some(mut entry) = self.active.first_entry() else { return };
        let order = *entry.key();
        let only = entry.get_mut();
        // Read into the caller's buffer; the file's own holds what is merged.
        if !only.reader.fill(batch) {
            let ended = entry.remove();
            return self.close(ended);
        }
        let latest = batch.records.iter().map(|record| record.time).max();
        if next_start.is_none_or(|start| latest <= Some(start)) {
            return;
        }
        std::mem::swap(&mut only.batch, batch);
        only.done = 0;
        self.heads.extend(only.head().map(|head| Reverse((head.time, order))));
        batch.records.clear();
    }

    /// Copies records from the open files into `batch`, earliest first, until it is full or
    /// one file is left with nothing read ahead.
    fn merge(&mut self, batch: &mut Batch) {
        batch.bytes.clear();
        batch.records.clear();
        while !is_full(batch)
            && let Some(Reverse((time, order))) = self.heads.peek().copied()
        {
            if self.activate_before(time) {
                continue;
            }
            self.heads.pop();
            let start = self.next_start();
            let other = self.heads.peek().map(|Reverse(head)| *head);
            let Some(active) = self.active.get_mut(&order) else { continue };
            // As long as no other file's turn comes, without asking them again.
            while let Some(head) = active.head().map(|record| record.time)
                && other.is_none_or(|other| (head, order) < other)
                && start.is_none_or(|start| head <= start)
                && !is_full(batch)
            {
                take(active, batch);
            }
            match active.head().map(|record| record.time) {
                Some(head) => self.heads.push(Reverse((head, order))),
                None if self.active.len() > 1 => self.read_ahead(order),
                None => {}
            }
        }
    }
}

impl FrameSource for CaptureSet {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.records.clear();
        while batch.records.is_empty() {
            if self.active.is_empty() {
                let Some(file) = self.waiting.pop_front() else { break };
                self.activate(file);
            } else if self.heads.is_empty() {
                self.hand_over(batch);
            } else {
                self.merge(batch);
            }
        }
        batch.first_frame = self.frames;
        batch.input_bytes = self.closed_bytes
            + self.active.values().map(|active| active.reader.raw_bytes()).sum::<u64>();
        self.frames += batch.records.len() as u64;
        !batch.records.is_empty()
    }
}

impl Member {
    /// Looks at the first record of `path`.
    fn look(
        path: &Path,
        options: Options,
        numbers: &Numbers,
        given: &mut Option<AnyRead>,
    ) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let failed = |source| CaptureError::Open { path: name.clone(), source };
        let mut member = Self {
            path: path.to_owned(),
            size_bytes: None,
            first: None,
            mark: None,
            opened: None,
            result: None,
        };
        let input: AnyRead = if path == Path::new("-") {
            given.take().map_or_else(standard_input, Ok).map_err(failed)?
        } else {
            let file = File::open(path).map_err(failed)?;
            let facts = file.metadata().map_err(failed)?;
            if facts.is_dir() {
                return Err(failed(io::Error::other("this is a folder; give the files in it")));
            }
            member.size_bytes = facts.is_file().then_some(facts.len());
            Box::new(file)
        };
        if member.size_bytes.is_some() {
            (member.first, member.mark) = Reader::first_time(&name, input)?;
            return Ok(member);
        }
        let manner = Manner { sha256: options.sha256, threaded: true };
        let mut reader = Reader::open(&name, input, manner, numbers.clone())?;
        let mut batch = Batch::default();
        reader.fill(&mut batch);
        member.first = reader.time_of_first(&batch);
        member.mark = reader.mark();
        member.opened = Some((reader, batch));
        Ok(member)
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The result for a file of which nothing was read, and why.
    fn unread(&self, what: String) -> InputFile {
        InputFile {
            path: self.name(),
            format: Format::Pcap,
            format_text: "not read".to_owned(),
            size_bytes: 0,
            sha256: None,
            records: 0,
            first_utc: None,
            last_utc: None,
            interfaces: Vec::new(),
            sections: 0,
            skipped_blocks: 0,
            records_out_of_order: 0,
            synthesis: None,
            damage: Some(Damage { offset_bytes: 0, what }),
        }
    }
}

fn is_full(batch: &Batch) -> bool {
    batch.bytes.len() >= MERGED_BYTES || batch.records.len() >= MERGED_RECORDS
}

/// Copies the record at `active`'s head into `batch`.
fn take(active: &mut Active, batch: &mut Batch) {
    let Some(record) = active.head().copied() else { return };
    let offset = position(batch.bytes.len());
    batch.bytes.extend_from_slice(active.batch.frame(&record).bytes);
    batch.records.push(Record { offset, ..record });
    active.done += 1;
}

/// Standard input without the standard library's buffer in between.
///
/// # Errors
/// Where the system gives no second handle to it.
#[cfg(unix)]
pub fn standard_input() -> io::Result<Box<dyn Read + Send>> {
    use std::os::fd::AsFd;
    Ok(Box::new(File::from(io::stdin().as_fd().try_clone_to_owned()?)))
}

/// Standard input.
///
/// # Errors
/// None on this system.
#[cfg(not(unix))]
pub fn standard_input() -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(io::stdin()))
}
