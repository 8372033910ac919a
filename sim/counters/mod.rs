//! Performance-counter logs and sizing workbooks to packet-rate timelines.
//!
//! Three inputs, told apart by content: a log of Windows' Performance Monitor as CSV
//! (`relog in.blg -f csv -o out.csv`), the result workbook of the vendor's sizing tool, and a
//! plain `time,host,packets_per_second` table. A reading that is negative, empty, not a number
//! or beyond any hardware is counted and becomes an empty sample; it is never sized. Whatever
//! had to be assumed is said in a warning or a note.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use crate::base::{Timestamp, hex};
use crate::record::{
    Basis, Damage, DomainController, Format, HostFacts, InputFile, Offload, RejectedReadings,
};

mod adapters;
mod archive;
mod clock;
mod merge;
mod names;
mod number;
mod perfmon;
mod placement;
mod plain;
mod stats;
mod table;
mod text;
mod workbook;

pub use merge::{Merged, merge};
pub use names::{Names, NamesError};
pub use text::{decode, decode_head};

/// Bytes at the start of an input that decide its format. The first line of a perfmon log is
/// longer, but its first cell is not.
pub const HEAD_BYTES: usize = 4 << 10;

/// How to read counters.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Compute the SHA-256 of the input.
    pub sha256: bool,
    /// Names of counters; [`Names::built_in`] where none are given.
    pub names: Option<Names>,
}

/// What one input holds.
#[derive(Debug, Clone, PartialEq)]
pub struct CounterLog {
    /// The input as it was read. `records` counts the packet readings that were used.
    pub file: InputFile,
    /// One entry per host, in the order in which the input names them.
    pub domain_controllers: Vec<DomainController>,
    /// What a reader should know of the whole input, as sentences. May quote the input: hostile.
    pub warnings: Vec<String>,
}

/// Why an input cannot be read at all. Text from the input is cut and stripped of control
/// characters.
#[derive(Debug, thiserror::Error)]
#[error("read {name}: {problem}")]
pub struct CountersError {
    /// The input, as the caller named it.
    pub name: String,
    /// What is wrong. Not a source: it stands in the message, and who prints the chain of
    /// causes would print it twice.
    pub problem: Problem,
}

/// What is wrong with an input.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The operating system says no.
    #[error("{0}; check the file and its permissions")]
    Io(#[source] io::Error),
    /// No bytes, or blank lines only.
    #[error("the file is empty; check that the log was written, and export it again")]
    Empty,
    /// None of the three formats.
    #[error(
        "not a counter log: expected a perfmon CSV (starts with `(PDH-CSV 4.0)`), a workbook of \
         the sizing tool (.xlsx) or a table with the columns time, host, packets_per_second; \
         convert a .blg with `relog in.blg -f csv -o out.csv`"
    )]
    UnknownFormat,
    /// The header has too many columns.
    #[error(
        "the header has more than {max} columns; log only the objects Network Adapter, Memory \
         and Processor, or cut the log with `relog -cf`",
        max = table::MAX_COLUMNS
    )]
    TooManyColumns,
    /// The header line is too long.
    #[error(
        "line {line} is longer than {max} bytes, which no counter log is; check that the file is \
         text",
        max = text::MAX_LINE_BYTES
    )]
    LineTooLong {
        /// The line, from 1.
        line: u64,
    },
    /// No column counts packets.
    #[error(
        "none of {columns} columns is a counter `Packets/sec` of `Network Adapter` or `Network \
         Interface` (objects here: {objects}); log that counter, or give the names in this \
         language in a file of counter names"
    )]
    NoPackets {
        /// Columns in the header.
        columns: usize,
        /// Objects in the header, for a person.
        objects: String,
    },
    /// A column name twice, or a needed one not at all.
    #[error(
        "the header has {found} columns named `{column}`; name exactly one so (and see the \
         example in the documentation)"
    )]
    Column {
        /// The column.
        column: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A header, and nothing below it.
    #[error(
        "it has no rows below its header; check that the log ran until a sample was taken, and \
         export it again"
    )]
    OnlyHeader,
    /// A header, and not one row with a readable time.
    #[error(
        "no row has a readable time, expected {expected}{first}; export the log again, and do \
         not save it from a spreadsheet program, which rewrites times"
    )]
    NoRows {
        /// The form expected.
        expected: &'static str,
        /// The first cell that was refused, for a person; empty without rows.
        first: String,
    },
    /// The workbook cannot be opened.
    #[error("the workbook is damaged or hostile: {0}; save it again as .xlsx")]
    Workbook(String),
    /// The workbook opens, but is not of the sizing tool.
    #[error(
        "the workbook has no row with the labels `DC` and `Busy Packets/sec` (sheets: {sheets}); \
         give the result file of the sizing tool"
    )]
    NotASizingWorkbook {
        /// Sheets, for a person.
        sheets: String,
    },
}

/// Recognises the format of a counter input by its first bytes, at best [`HEAD_BYTES`] of them.
pub fn recognise(head: &[u8]) -> Option<Format> {
    if archive::looks_like_workbook(head) {
        return Some(Format::SizingWorkbook);
    }
    let text = text::decode_head(head);
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    if perfmon::is_header(line) {
        Some(Format::PerfmonCsv)
    } else if plain::is_header(line) {
        Some(Format::PlainCsv)
    } else {
        None
    }
}

/// Reads the counter input `bytes`, whatever its format; `name` is how the caller calls it.
///
/// Memory is bounded by limits on line, columns, readings and workbook parts, whatever the
/// size of the input. Damage after the first rows does not fail: what lies before it is used,
/// and `file.damage` says where it is.
///
/// # Errors
/// When nothing in the input can be used; the message says why and what to do.
pub fn read(name: &str, bytes: impl Read, options: &Options) -> Result<CounterLog, CountersError> {
    read_any(name, bytes, options)
        .map_err(|problem| CountersError { name: name.to_owned(), problem })
}

fn read_any(name: &str, bytes: impl Read, options: &Options) -> Result<CounterLog, Problem> {
    let mut source = Tally { source: bytes, hash: options.sha256.then(Sha256::new), bytes: 0 };
    let mut head = Vec::new();
    (&mut source).take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(Problem::Io)?;
    let blank = text::decode_head(&head).trim().is_empty();
    let format = match recognise(&head) {
        Some(format) => format,
        None if blank => return Err(Problem::Empty),
        None => return Err(Problem::UnknownFormat),
    };
    let whole = head.as_slice().chain(&mut source);
    let built_in;
    let names = match &options.names {
        Some(names) => names,
        None => {
            built_in = Names::built_in();
            &built_in
        }
    };
    let mut found = match format {
        Format::PerfmonCsv => perfmon::read(whole, &head, names, stem(name)),
        Format::PlainCsv => plain::read(whole, &head, stem(name)),
        _ => workbook::read(whole),
    }?;
    // What damage left unread still belongs to the size and the hash.
    io::copy(&mut source, &mut io::sink()).map_err(Problem::Io)?;
    found.warnings.dedup();
    Ok(CounterLog {
        file: InputFile {
            path: name.to_owned(),
            format,
            format_text: found.format_text,
            size_bytes: source.bytes,
            sha256: source.hash.map(|hash| hex(&hash.finalize())),
            records: found.records,
            first_utc: found.first_utc,
            last_utc: found.last_utc,
            interfaces: Vec::new(),
            sections: 0,
            skipped_blocks: 0,
            records_out_of_order: found.records_out_of_order,
            synthesis: None,
            damage: found.damage,
        },
        domain_controllers: found.domain_controllers,
        warnings: found.warnings,
    })
}

/// What a reader of one format gives.
#[derive(Debug, Default)]
struct Found {
    format_text: String,
    records: u64,
    first_utc: Option<Timestamp>,
    last_utc: Option<Timestamp>,
    records_out_of_order: u64,
    damage: Option<Damage>,
    domain_controllers: Vec<DomainController>,
    warnings: Vec<String>,
}

/// A host of which nothing is known yet.
fn unknown_host(name: &str, recognised_by: &str) -> DomainController {
    DomainController {
        name: name.to_owned(),
        addresses: Vec::new(),
        recognised_by: recognised_by.to_owned(),
        services: Vec::new(),
        packets: None,
        bytes: None,
        timeline: None,
        reported: None,
        traffic_basis: Basis::Measured,
        sub_sample_peaks: Vec::new(),
        protocols: Vec::new(),
        offload: Offload::default(),
        name_lookups: None,
        host: HostFacts::default(),
        rejected: RejectedReadings::default(),
        notes: Vec::new(),
    }
}

/// `text` from an input for a sentence: cut, and without characters that move the cursor.
fn shown(text: &str) -> String {
    /// Enough to recognise a counter path.
    const SHOWN_CHARS: usize = 80;
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut shown: String = text.trim().chars().take(SHOWN_CHARS).map(safe).collect();
    if text.trim().chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// File name without folder and extension: the host of a log that names none.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Counts and hashes what passes through.
struct Tally<R> {
    source: R,
    hash: Option<Sha256>,
    bytes: u64,
}

impl<R: Read> Read for Tally<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.bytes += length as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(buffer.get(..length).unwrap_or_default());
        }
        Ok(length)
    }
}
