//! Paths to inputs: directories opened, captures told from counter logs by content.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::output::has_ending;
use crate::{capture, counters, report};

/// Directories inside directories, so that a loop of links ends.
const DEPTH_MAX: usize = 16;

/// Inputs, told apart by their first bytes.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Capture files in the order given; directories sorted by name.
    pub captures: Vec<PathBuf>,
    /// Counter logs and workbooks.
    pub counters: Vec<PathBuf>,
    /// Estates, of which traffic is made. Only those that are named: beside captures in a
    /// directory lie those that say what was captured.
    pub estates: Vec<PathBuf>,
    /// Files in directories that are neither.
    pub skipped: Vec<PathBuf>,
    /// Files that are among the inputs under another path already: read twice, they would double
    /// every rate.
    pub doubled: Vec<PathBuf>,
    /// Bytes of standard input that were read to tell what it is.
    standard_input_head: Vec<u8>,
}

impl Inputs {
    /// Finds out what standard input is, if it is one of the inputs: until then it passes for a
    /// capture. Waits for its first bytes, so everything that can fail without them goes first.
    ///
    /// # Errors
    /// What the system says of standard input.
    pub fn look_at_standard_input(&mut self) -> anyhow::Result<()> {
        let Some(at) = self.captures.iter().position(|path| is_standard_input(path)) else {
            return Ok(());
        };
        let read = |head: &mut Vec<u8>| -> io::Result<usize> {
            capture::standard_input()?.take(counters::HEAD_BYTES as u64).read_to_end(head)
        };
        read(&mut self.standard_input_head).context("read standard input")?;
        if counters::recognise(&self.standard_input_head).is_some() {
            self.counters.push(self.captures.remove(at));
        } else if is_estate(&self.standard_input_head) {
            self.estates.push(self.captures.remove(at));
        }
        Ok(())
    }

    /// Whether standard input is one of the inputs, whatever it is.
    pub fn has_standard_input(&self) -> bool {
        self.all().any(|path| is_standard_input(path))
    }

    /// All of standard input, the bytes that were read already included.
    ///
    /// # Errors
    /// What the system says of standard input.
    pub fn standard_input(&self) -> io::Result<Box<dyn Read + Send>> {
        let head = Cursor::new(self.standard_input_head.clone());
        Ok(Box::new(head.chain(capture::standard_input()?)))
    }

    /// Everything that will be read.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.captures.iter().chain(&self.counters).chain(&self.estates)
    }
}

/// The name of standard input on the command line.
const STDIN: &str = "-";

/// Whether `path` stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Refuses standard input for two things at once: the second would read what the first left.
/// `flags` are those that name files, with what they name.
///
/// # Errors
/// With the two.
pub fn standard_input_once(
    inputs: &[PathBuf],
    flags: &[(&str, Option<&PathBuf>)],
) -> anyhow::Result<()> {
    let input = inputs.iter().find(|path| is_standard_input(path)).map(|_| "the input");
    let named = flags.iter().filter(|(_, path)| path.is_some_and(|path| is_standard_input(path)));
    let wanted: Vec<&str> = input.into_iter().chain(named.map(|(flag, _)| *flag)).collect();
    if wanted.len() > 1 {
        bail!("read standard input for {}; give - only once", wanted.join(" and "));
    }
    Ok(())
}

/// Finds out what every path is.
///
/// # Errors
/// A path that does not exist or cannot be read, and a file given by name that is neither a
/// capture nor a counter log. Files in directories that are neither are listed, not refused.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Inputs> {
    let mut inputs = Inputs::default();
    for path in paths {
        if is_standard_input(path) {
            // What it is, is found out last: see `look_at_standard_input`.
            inputs.captures.push(path.clone());
            continue;
        }
        let kind = std::fs::metadata(path).with_context(|| format!("open {}", path.display()))?;
        if kind.is_dir() {
            let before = inputs.captures.len() + inputs.counters.len();
            directory(path, &mut inputs, 0)?;
            if inputs.captures.len() + inputs.counters.len() == before {
                bail!("find a capture or counter log in {}", path.display());
            }
            continue;
        }
        let head = head(path)?;
        if head.is_empty() {
            bail!("read {}: the file is empty", path.display());
        }
        if sort(path, &head, &mut inputs) {
            continue;
        }
        // One whose first table is misspelt is told so as an estate.
        if is_estate(&head) || has_ending(path, "toml") {
            inputs.estates.push(path.clone());
        } else {
            let what = capture::describe(&head);
            bail!(
                "read {}: expected a capture (pcap, pcapng), a counter log (CSV), a sizing \
                 workbook (XLSX) or an estate (TOML), found {what}",
                path.display()
            );
        }
    }
    let doubled = inputs.captures.iter().filter(|path| is_standard_input(path)).count();
    if doubled > 1 {
        bail!("read standard input twice; give - only once");
    }
    drop_doubled(&mut inputs);
    Ok(inputs)
}

/// Keeps the first of several paths to one file.
fn drop_doubled(inputs: &mut Inputs) {
    let Inputs { captures, counters, estates, doubled, .. } = inputs;
    let mut known = HashSet::new();
    for list in [captures, counters, estates] {
        list.retain(|path| {
            // A pipe has no path of its own; it is another one each time.
            let again = path.canonicalize().is_ok_and(|file| !known.insert(file));
            if again {
                doubled.push(path.clone());
            }
            !again
        });
    }
}

fn directory(path: &Path, inputs: &mut Inputs, depth: usize) -> anyhow::Result<()> {
    let open = || format!("open directory {}", path.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).with_context(open)? {
        entries.push(entry.with_context(open)?.path());
    }
    entries.sort();
    let hidden = |path: &Path| {
        path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    let ours = holds_report(path);
    for entry in entries.iter().filter(|entry| !hidden(entry)) {
        if entry.is_dir() {
            if depth < DEPTH_MAX {
                directory(entry, inputs, depth + 1)?;
            }
        } else if !entry.is_file()
            || (ours && is_report(entry))
            || !sort(entry, &head(entry)?, inputs)
        {
            inputs.skipped.push(entry.clone());
        }
    }
    Ok(())
}

/// Whether an earlier run wrote its report here. Its workbook has the vendor tool's columns and
/// would be read as one more input.
fn holds_report(folder: &Path) -> bool {
    report::FILES.iter().all(|(name, _)| folder.join(name).is_file())
}

fn is_report(path: &Path) -> bool {
    report::FILES.iter().any(|(name, _)| path.file_name().is_some_and(|file| file == *name))
}

/// Whether a file begins as an estate: one of its tables stands on a line.
fn is_estate(head: &[u8]) -> bool {
    const TABLES: [&str; 4] = ["[forest]", "[[site]]", "[[domain_controller]]", "[[population]]"];
    counters::decode_head(head).lines().any(|line| TABLES.contains(&line.trim()))
}

/// Puts a file where it belongs; false where that is nowhere.
fn sort(path: &Path, head: &[u8], inputs: &mut Inputs) -> bool {
    if capture::recognise(head) {
        inputs.captures.push(path.to_owned());
    } else if counters::recognise(head).is_some() {
        inputs.counters.push(path.to_owned());
    } else {
        return false;
    }
    true
}

/// The first bytes of a file.
fn head(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        File::open(path)?.take(capture::HEAD_BYTES as u64).read_to_end(&mut head)?;
        Ok(head)
    };
    read().with_context(|| format!("read {}", path.display()))
}
