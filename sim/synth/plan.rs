//! What is planned: who does what, when; and as text.
//!
//! A plan is lines of fields between tabs. The first says what it is a plan of:
//! `headroom-plan`, then `version=1`, `estate=`, `seed=`, `start=` and `duration_ns=`. Each other
//! line is an item: time (RFC 3339, to the nanosecond), host name and index of the client, name
//! of the activity, argument, and variation as 16 hexadecimal digits. Items stand in order of
//! time and may begin [`WARM_UP_NS`] before the start.

use std::io::{self, BufRead, Read, Write};

use super::shard::WARM_UP_NS;
use super::{Activity, Cast};
use crate::base::Timestamp;

/// First field of a plan.
const MAGIC: &str = "headroom-plan";
/// Version of the form.
const VERSION: &str = "version=1";
/// Longest line, in bytes: an estate's name may be long, the rest is short.
const LINE_BYTES_MAX: u64 = 8_192;
/// Latest end of a plan: the year 2202 begins. Times of the program end in 2262.
const END_MAX_NS: i64 = 7_321_190_400 * 1_000_000_000;
/// Characters of a wrong value that an error repeats.
const EXCERPT_CHARS: usize = 40;

/// One line of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Item {
    /// When it begins.
    pub time: Timestamp,
    /// Who does it: index into [`Cast::clients`](super::Cast::clients).
    pub client: u32,
    /// What.
    pub activity: Activity,
    /// How much or which, where the activity says so; else 0.
    pub argument: u32,
    /// Seed of everything else that is drawn for it.
    pub variation: u64,
}

/// What a plan is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanHeader {
    /// The estate: DNS name of its forest.
    pub estate: String,
    /// Everything drawn depends on it.
    pub seed: u64,
    /// First moment.
    pub start: Timestamp,
    /// Length in nanoseconds.
    pub duration_ns: i64,
}

/// A plan that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The system refuses.
    #[error("read plan: {0}")]
    Io(#[from] io::Error),
    /// A line says something that cannot be.
    #[error("read plan, line {line}, `{field}`: {what}")]
    Field {
        /// Line, counted from 1.
        line: u64,
        /// What the field is called.
        field: &'static str,
        /// What is wrong, and what to do.
        what: String,
    },
}

/// Writes a plan as text.
#[derive(Debug)]
pub struct PlanWriter<'a, W> {
    out: W,
    cast: &'a Cast,
}

impl<'a, W: Write> PlanWriter<'a, W> {
    /// Begins a plan for everybody of `cast`.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn new(mut out: W, cast: &'a Cast, header: &PlanHeader) -> io::Result<Self> {
        let PlanHeader { estate, seed, start, duration_ns } = header;
        let estate = escaped(estate);
        writeln!(
            out,
            "{MAGIC}\t{VERSION}\testate={estate}\tseed={seed}\tstart={start}\t\
             duration_ns={duration_ns}"
        )?;
        Ok(Self { out, cast })
    }

    /// Writes an item.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write(&mut self, item: &Item) -> io::Result<()> {
        let Item { time, client, activity, argument, variation } = item;
        let (host, activity) = (self.cast.host_name(*client), activity.name());
        writeln!(self.out, "{time}\t{host}\t{client}\t{activity}\t{argument}\t{variation:016x}")
    }

    /// Writes what is still held back, and gives the output back.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// A plan of which the first line is read: whose it is, must be known for the others.
#[derive(Debug)]
pub struct PlanFile<R> {
    input: R,
    header: PlanHeader,
    text: String,
    line: u64,
}

/// Reads a plan, item by item.
#[derive(Debug)]
pub struct PlanReader<'a, R> {
    file: PlanFile<R>,
    cast: &'a Cast,
    /// Time of the item before.
    last: Timestamp,
    is_over: bool,
}

impl<R: BufRead> PlanFile<R> {
    /// Reads the first line of a plan.
    ///
    /// # Errors
    /// The input cannot be read, or its first line is no plan's.
    pub fn open(input: R) -> Result<Self, PlanError> {
        let start = Timestamp::from_nanos(0);
        let header = PlanHeader { estate: String::new(), seed: 0, start, duration_ns: 0 };
        let mut file = Self { input, header, text: String::new(), line: 0 };
        if !file.next_line()? {
            return Err(file.wrong("headroom-plan", "the file is empty".to_owned()));
        }
        file.header = file.header_of()?;
        Ok(file)
    }

    /// What it is a plan of.
    pub const fn header(&self) -> &PlanHeader {
        &self.header
    }

    /// Its items, of everybody of `cast`.
    pub fn items(self, cast: &Cast) -> PlanReader<'_, R> {
        let last = self.header.start.plus_nanos(-WARM_UP_NS);
        PlanReader { file: self, cast, last, is_over: false }
    }

    /// Reads a line; false at the end.
    fn next_line(&mut self) -> Result<bool, PlanError> {
        self.text.clear();
        self.line += 1;
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(false);
        }
        if bytes.pop_if(|byte| *byte == b'\n').is_none() {
            let what = if bytes.len() as u64 == LINE_BYTES_MAX {
                format!("the line is longer than {LINE_BYTES_MAX} bytes")
            } else {
                "the line does not end; the file is cut short".to_owned()
            };
            return Err(self.wrong("line", what));
        }
        bytes.pop_if(|byte| *byte == b'\r');
        let text = String::from_utf8(bytes);
        self.text = text.map_err(|_| self.wrong("line", "it is not UTF-8".to_owned()))?;
        Ok(true)
    }

    fn header_of(&self) -> Result<PlanHeader, PlanError> {
        let fields = self.fields([MAGIC, "version", "estate", "seed", "start", "duration_ns"])?;
        let [magic, version, estate, seed, start, duration] = fields;
        if magic != MAGIC {
            let what = format!("`{}` begins no plan", excerpt(magic));
            return Err(self.wrong("headroom-plan", what));
        }
        if version != VERSION {
            let what = format!("`{}` is not read here, `{VERSION}` is", excerpt(version));
            return Err(self.wrong("version", what));
        }
        let value = |field: &'static str, text| self.value(field, text);
        let estate = value("estate", estate)?;
        let estate = unescaped(estate).ok_or_else(|| {
            self.wrong("estate", format!("`{}` has a wrong escape", excerpt(estate)))
        })?;
        let header = PlanHeader {
            estate,
            seed: self.parsed("seed", value("seed", seed)?)?,
            start: self.parsed("start", value("start", start)?)?,
            duration_ns: self.parsed("duration_ns", value("duration_ns", duration)?)?,
        };
        if header.duration_ns <= 0 {
            return Err(self.wrong("duration_ns", "it must be above 0".to_owned()));
        }
        if header.start.nanos().checked_add(header.duration_ns).is_none_or(|end| end > END_MAX_NS) {
            let what = format!("{} and so long is too far away", header.start);
            return Err(self.wrong("duration_ns", what));
        }
        Ok(header)
    }

    /// What stands behind `field=`.
    fn value<'t>(&self, field: &'static str, text: &'t str) -> Result<&'t str, PlanError> {
        let value = text.strip_prefix(field).and_then(|rest| rest.strip_prefix('='));
        value.ok_or_else(|| self.wrong(field, format!("`{}` is not `{field}=…`", excerpt(text))))
    }

    /// The fields of the line, as many as they have names.
    fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[&str; N], PlanError> {
        let mut rest = self.text.split('\t');
        let mut fields = [""; N];
        for (field, name) in fields.iter_mut().zip(names) {
            *field = rest.next().ok_or_else(|| self.wrong(name, "it is missing".to_owned()))?;
        }
        match rest.next() {
            Some(more) => {
                Err(self.wrong("line", format!("`{}` is one field too many", excerpt(more))))
            }
            None => Ok(fields),
        }
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        field: &'static str,
        text: &str,
    ) -> Result<T, PlanError> {
        text.parse().map_err(|error| self.wrong(field, format!("`{}`: {error}", excerpt(text))))
    }

    const fn wrong(&self, field: &'static str, what: String) -> PlanError {
        PlanError::Field { line: self.line, field, what }
    }
}

impl<R: BufRead> PlanReader<'_, R> {
    fn item(&self) -> Result<Item, PlanError> {
        let file = &self.file;
        let names = ["time", "host", "client", "activity", "argument", "variation"];
        let [time, host, client, activity, argument, variation] = file.fields(names)?;
        let time: Timestamp = file.parsed("time", time)?;
        if time < self.last {
            let what = format!("{time} is before {}; a plan is in order of time", self.last);
            return Err(file.wrong("time", what));
        }
        let PlanHeader { start, duration_ns, .. } = file.header;
        let end = start.plus_nanos(duration_ns);
        if time >= end {
            return Err(file.wrong("time", format!("{time} is not before the end, {end}")));
        }
        let client: u32 = file.parsed("client", client)?;
        let count = self.cast.clients.len();
        if client as usize >= count {
            let what =
                format!("there is no client {client}, there are {count}; is it this estate?");
            return Err(file.wrong("client", what));
        }
        let known = self.cast.host_name(client);
        if host != known {
            let what = format!(
                "client {client} is `{known}`, not `{}`; is it this estate and domain controller?",
                excerpt(host)
            );
            return Err(file.wrong("host", what));
        }
        let activity = Activity::by_name(activity).ok_or_else(|| {
            file.wrong("activity", format!("there is no activity `{}`", excerpt(activity)))
        })?;
        let is_hexadecimal = variation.len() == 16 && variation.bytes().all(is_lower_hexadecimal);
        let variation = u64::from_str_radix(variation, 16).ok().filter(|_| is_hexadecimal);
        let variation = variation.ok_or_else(|| {
            file.wrong("variation", "it must be 16 hexadecimal digits in lower case".to_owned())
        })?;
        let argument = file.parsed("argument", argument)?;
        Ok(Item { time, client, activity, argument, variation })
    }
}

impl<R: BufRead> Iterator for PlanReader<'_, R> {
    type Item = Result<Item, PlanError>;

    /// The next item; nothing comes after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = self.file.next_line().and_then(|more| more.then(|| self.item()).transpose());
        match read {
            Ok(Some(item)) => self.last = item.time,
            Ok(None) | Err(_) => self.is_over = true,
        }
        read.transpose()
    }
}

/// Without what would end a field or a line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            other => out.push(other),
        }
    }
    out
}

/// What was [`escaped`]; `None` where it cannot have been.
fn unescaped(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

const fn is_lower_hexadecimal(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The beginning of a wrong value, fit for a message.
fn excerpt(text: &str) -> String {
    text.chars().take(EXCERPT_CHARS).collect::<String>().escape_debug().to_string()
}
