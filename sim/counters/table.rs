//! The CSV shape that both kinds of log share: a header, a separator, a decimal mark, rows.

use std::collections::VecDeque;
use std::io::Read;

use super::number::{Decimal, Evidence, delimiter_name};
use super::text::{Encoding, Line, LineError, Lines, MAX_LINE_BYTES};
use super::{Problem, shown};
use crate::record::Damage;

/// Most columns of a log. One server has well under 1,000 counters of the objects we ask for;
/// PDH itself stops before.
pub(super) const MAX_COLUMNS: usize = 100_000;

/// Rows that are read ahead to learn the decimal mark: 2.8 hours at 5 s.
const EVIDENCE_ROWS: usize = 2_000;

/// Text that is held for that at most, in bytes.
const EVIDENCE_BYTES: usize = 4 << 20;

/// Column separators in the order in which a tie is decided.
const DELIMITERS: [char; 3] = [',', ';', '\t'];

/// One cell as it stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    /// Without the quotes around it; doubled quotes inside are still doubled.
    pub(super) text: &'a str,
    /// False where a quote was opened and never closed.
    pub(super) closed: bool,
}

impl Cell<'_> {
    /// The text with doubled quotes undone.
    pub(super) fn unescaped(&self) -> String {
        self.text.trim().replace("\"\"", "\"")
    }
}

/// Splits one line.
pub(super) fn cells(line: &str, delimiter: char) -> impl Iterator<Item = Cell<'_>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let Some(quoted) = line.trim_start_matches(' ').strip_prefix('"') else {
            let (text, after) = match line.split_once(delimiter) {
                Some((text, after)) => (text, Some(after)),
                None => (line, None),
            };
            rest = after;
            return Some(Cell { text, closed: true });
        };
        let mut end = None;
        let mut quotes = quoted.match_indices('"').map(|(at, _)| at);
        while let Some(at) = quotes.next() {
            if quoted.get(at + 1..).is_some_and(|after| after.starts_with('"')) {
                quotes.next();
            } else {
                end = Some(at);
                break;
            }
        }
        let text = end.and_then(|end| quoted.get(..end)).unwrap_or(quoted);
        let after = end.and_then(|end| quoted.get(end + 1..)).unwrap_or_default();
        rest = after.split_once(delimiter).map(|(_, after)| after);
        Some(Cell { text, closed: end.is_some() })
    })
}

/// The separator of `header`: the candidate that occurs most often outside quotes.
pub(super) fn delimiter_of(header: &str) -> char {
    let mut quoted = false;
    let mut counts = [0_usize; DELIMITERS.len()];
    for c in header.chars() {
        quoted ^= c == '"';
        if !quoted {
            for (count, _) in counts.iter_mut().zip(DELIMITERS).filter(|&(_, d)| d == c) {
                *count += 1;
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let found = counts.iter().position(|&count| count == most).unwrap_or(0);
    DELIMITERS.get(found).copied().unwrap_or(',')
}

/// One row of readings.
#[derive(Debug)]
pub(super) struct Row {
    /// Line in the file, from 1.
    pub(super) line: u64,
    /// First byte in the file.
    pub(super) offset_bytes: u64,
    /// The whole line.
    pub(super) text: String,
    /// False on a last line without line break.
    pub(super) ended: bool,
}

/// A log whose header has been read.
pub(super) struct Table<R> {
    lines: Lines<R>,
    /// The header line as it stands in the file.
    pub(super) header: String,
    /// What separates columns.
    pub(super) delimiter: char,
    /// Decimal mark; [`Decimal::Point`] until [`Table::learn`].
    pub(super) decimal: Decimal,
    ahead: VecDeque<Row>,
}

impl<R: Read> Table<R> {
    /// Reads up to the header, the first line that is not blank.
    ///
    /// # Errors
    /// When there is none, it is too long or has too many columns.
    pub(super) fn open(source: R, head: &[u8]) -> Result<Self, Problem> {
        let mut lines = Lines::new(source, head).map_err(Problem::Io)?;
        let header = loop {
            let line = lines.next_line().map_err(line_problem)?.ok_or(Problem::Empty)?;
            if !line.text.trim().is_empty() {
                break line.text.into_owned();
            }
        };
        let delimiter = delimiter_of(&header);
        if cells(&header, delimiter).nth(MAX_COLUMNS).is_some() {
            return Err(Problem::TooManyColumns);
        }
        Ok(Self { lines, header, delimiter, decimal: Decimal::Point, ahead: VecDeque::new() })
    }

    /// The encoding, as far as the lines read show.
    pub(super) const fn encoding(&self) -> Encoding {
        self.lines.encoding()
    }

    /// The notation in words, e.g. `UTF-8, columns separated by `;`, decimal comma`.
    pub(super) fn notation(&self) -> String {
        format!(
            "{}, columns separated by {}, {}",
            self.encoding().name(),
            delimiter_name(self.delimiter),
            self.decimal.name()
        )
    }

    /// Reads some rows ahead and decides the decimal mark from the cells of those columns for
    /// which `wanted` holds. Gives a warning where it had to assume.
    ///
    /// # Errors
    /// When the source fails.
    pub(super) fn learn(
        &mut self,
        wanted: impl Fn(usize) -> bool,
    ) -> Result<Option<String>, Problem> {
        let mut evidence = Evidence::default();
        let mut held_bytes = 0;
        while self.ahead.len() < EVIDENCE_ROWS && held_bytes < EVIDENCE_BYTES {
            let row = match self.read_row() {
                Ok(Some(row)) => row,
                // Too long a line is told when its turn comes.
                Ok(None) | Err(LineError::TooLong { .. }) => break,
                Err(LineError::Io(error)) => return Err(Problem::Io(error)),
            };
            held_bytes += row.text.len();
            for (column, cell) in cells(&row.text, self.delimiter).enumerate() {
                if wanted(column) {
                    evidence.add(cell.text);
                }
            }
            self.ahead.push_back(row);
        }
        let (decimal, warning) = evidence.decide(self.delimiter);
        self.decimal = decimal;
        Ok(warning)
    }

    /// The next row that is not blank; none at the end.
    ///
    /// # Errors
    /// When the source fails, or a line is too long.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, LineError> {
        match self.ahead.pop_front() {
            Some(row) => Ok(Some(row)),
            None => self.read_row(),
        }
    }

    fn read_row(&mut self) -> Result<Option<Row>, LineError> {
        while let Some(Line { number, offset_bytes, text, ended }) = self.lines.next_line()? {
            if !text.trim().is_empty() {
                return Ok(Some(Row {
                    line: number,
                    offset_bytes,
                    text: text.into_owned(),
                    ended,
                }));
            }
        }
        Ok(None)
    }
}

/// What a line among the rows that cannot be read means: those before it are used.
pub(super) fn line_damage(error: LineError) -> Result<Damage, Problem> {
    match error {
        LineError::Io(error) => Err(Problem::Io(error)),
        LineError::TooLong { number, offset_bytes } => {
            let what = format!(
                "line {number} is longer than {MAX_LINE_BYTES} bytes; only the rows before it \
                 were used"
            );
            Ok(Damage { offset_bytes, what })
        }
    }
}

fn line_problem(error: LineError) -> Problem {
    match error {
        LineError::Io(error) => Problem::Io(error),
        LineError::TooLong { number, .. } => Problem::LineTooLong { line: number },
    }
}

/// A list of line numbers to show, cut after the first few.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LineList {
    /// How many in all.
    pub(super) count: u64,
    first: Vec<u64>,
}

impl LineList {
    /// Adds `line`.
    pub(super) fn push(&mut self, line: u64) {
        /// As many as a person looks up.
        const SHOWN: usize = 5;
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(line);
        }
    }
}

impl std::fmt::Display for LineList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line{} ", if self.count == 1 { "" } else { "s" })?;
        for (index, line) in self.first.iter().enumerate() {
            write!(f, "{}{line}", if index == 0 { "" } else { ", " })?;
        }
        if self.count > self.first.len() as u64 { f.write_str(", …") } else { Ok(()) }
    }
}

/// Joins `names` for a sentence, each made safe to print, and cut after the first few.
pub(super) fn name_list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    /// A sentence, not an inventory.
    const SHOWN: usize = 8;
    let mut names = names.into_iter();
    let mut text =
        names.by_ref().take(SHOWN).map(|n| format!("`{}`", shown(n))).collect::<Vec<_>>();
    let more = names.count();
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str, delimiter: char) -> Vec<(&str, bool)> {
        cells(line, delimiter).map(|cell| (cell.text, cell.closed)).collect()
    }

    #[test]
    fn splits_quoted_and_bare_cells() {
        assert_eq!(split("a,b,", ','), [("a", true), ("b", true), ("", true)]);
        assert_eq!(
            split(r#""a,b", "c""d",e"#, ','),
            [("a,b", true), (r#"c""d"#, true), ("e", true)]
        );
        assert_eq!(split("\"1,5\";\"", ';'), [("1,5", true), ("", false)]);
        assert_eq!(split("\"a,b\nc", ','), [("a,b\nc", false)]);
        assert_eq!(split("", ','), [("", true)]);
    }

    #[test]
    fn the_separator_is_counted_outside_quotes() {
        assert_eq!(delimiter_of(r#""a,b,c";"d,e""#), ';');
        assert_eq!(delimiter_of("time\thost,x\tpps"), '\t');
        assert_eq!(delimiter_of("one"), ',');
    }

    #[test]
    fn a_header_of_too_many_columns_is_refused() {
        let fits = ",".repeat(MAX_COLUMNS - 1);
        let too_many = ",".repeat(MAX_COLUMNS);
        assert!(Table::open(fits.as_bytes(), b"").is_ok());
        assert!(matches!(Table::open(too_many.as_bytes(), b""), Err(Problem::TooManyColumns)));
    }
}
