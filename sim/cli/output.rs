//! Where results go: standard output, or files that appear whole or not at all.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::args::When;
use super::inputs::Inputs;
use crate::privacy::Pseudonyms;
use crate::report;

/// Makes `folder` if it is missing, and makes sure that files can be written there: a bad path
/// fails in the first second, not after the last.
///
/// # Errors
/// With the path and what the system said.
pub fn prepare_folder(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let probe = tempfile::tempfile_in(folder);
    probe.map(drop).with_context(|| format!("write into {}", folder.display()))
}

/// Makes sure that [`write`] will find the folder of `path`, and will destroy none of `inputs`.
///
/// # Errors
/// As [`prepare_folder`], but makes no folder.
pub fn prepare(path: Option<&Path>, inputs: &Inputs) -> anyhow::Result<()> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else { return Ok(()) };
    if path.is_dir() {
        bail!("write {}: it is a directory; name a file in it", path.display());
    }
    spare(path, inputs)?;
    if is_device(path) {
        return Ok(());
    }
    let probe = tempfile::tempfile_in(folder_of(path));
    probe.map(drop).with_context(|| format!("write {}", path.display()))
}

/// Makes sure that `path` is none of `inputs`.
///
/// # Errors
/// Where it is one.
pub fn spare(path: &Path, inputs: &Inputs) -> anyhow::Result<()> {
    let Ok(target) = path.canonicalize() else { return Ok(()) };
    if inputs.all().any(|input| input.canonicalize().is_ok_and(|input| input == target)) {
        bail!("write {}: it is one of the inputs; choose another name", path.display());
    }
    Ok(())
}

/// Makes sure that two results do not go to the same file or both to standard output.
///
/// # Errors
/// Where they would.
pub fn differ(one: &Path, other: &Path) -> anyhow::Result<()> {
    let place = |path: &Path| {
        let folder = folder_of(path).canonicalize().ok();
        let joined = folder.zip(path.file_name()).map(|(folder, name)| folder.join(name));
        path.canonicalize().ok().or(joined).unwrap_or_else(|| path.to_owned())
    };
    let is_standard = |path: &Path| path.as_os_str() == "-";
    let is_same = match (is_standard(one), is_standard(other)) {
        (false, false) => place(one) == place(other) && !is_device(one),
        (one, other) => one && other,
    };
    if is_same {
        bail!("write {}: --output and --activities both go there; name two", one.display());
    }
    Ok(())
}

/// A pipe, a terminal, `/dev/null`: written to, never replaced.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| !facts.is_file() && !facts.is_dir())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Hands `fill` a file that takes the place of `path` once it is whole, or standard output. A
/// reader that went away is no error.
///
/// # Errors
/// Those of `fill`, with the path and what the system said; nothing is left behind then.
pub fn stream<T>(
    path: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
        let mut out = BufWriter::new(io::stdout().lock());
        let result = fill(&mut out).and_then(|done| {
            out.flush().context("write to standard output")?;
            Ok(done)
        });
        return match result {
            Err(error) if is_broken_pipe(&error) => Ok(None),
            result => result.map(Some),
        };
    };
    let failed = || format!("write {}", path.display());
    if is_device(path) {
        let file = OpenOptions::new().write(true).open(path).with_context(failed)?;
        return fill(&mut BufWriter::new(file)).with_context(failed).map(Some);
    }
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut out = BufWriter::new(temporary(folder_of(&target)).with_context(failed)?);
    let done = fill(&mut out)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error).with_context(failed)?;
    file.persist(target).with_context(failed)?;
    Ok(Some(done))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Writes `bytes` to `path` through a temporary file beside it, so that a reader never sees
/// half of it. A link stays one, and a device is written to.
///
/// # Errors
/// With the path and what the system said.
pub fn write_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> io::Result<()> {
        if is_device(path) {
            return OpenOptions::new().write(true).open(path)?.write_all(bytes);
        }
        let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let mut file = temporary(folder_of(&target))?;
        file.write_all(bytes)?;
        file.persist(target)?;
        Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

/// A temporary file with the mode that a plain new file would get, not a private one.
#[cfg(unix)]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    tempfile::Builder::new().permissions(mode).tempfile_in(folder)
}

#[cfg(not(unix))]
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::new_in(folder)
}

/// Writes to `path`, or to standard output where there is none or it is `-`. A reader that
/// went away is no error.
///
/// # Errors
/// As [`write_file`], or what the system said of standard output.
pub fn write(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    if let Some(path) = path.filter(|path| path.as_os_str() != "-") {
        return write_file(path, bytes);
    }
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("write to standard output")
        }
        _ => Ok(()),
    }
}

/// Lines written as they come: to a file that appears whole at the end, or to standard output.
pub struct Lines {
    to: LinesTo,
    failed: Option<io::Error>,
}

enum LinesTo {
    Stdout(BufWriter<io::Stdout>),
    Device(BufWriter<std::fs::File>),
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Lines {
    /// Begins; call [`prepare`] first.
    ///
    /// # Errors
    /// With the path and what the system said.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        let open = || -> io::Result<LinesTo> {
            if path.as_os_str() == "-" {
                return Ok(LinesTo::Stdout(BufWriter::new(io::stdout())));
            }
            if is_device(path) {
                let file = OpenOptions::new().write(true).open(path)?;
                return Ok(LinesTo::Device(BufWriter::new(file)));
            }
            let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let file = temporary(folder_of(&target))?;
            Ok(LinesTo::File(BufWriter::new(file), target))
        };
        let to = open().with_context(|| format!("write {}", path.display()))?;
        Ok(Self { to, failed: None })
    }

    /// Writes `row` as [`json`](Self::json) does, without names where there are pseudonyms.
    pub fn row(&mut self, row: &impl serde::Serialize, names: &mut Option<Pseudonyms>) {
        match names.as_mut().map(|names| names.line(row)) {
            None => self.json(row),
            Some(Ok(tree)) => self.json(&tree),
            Some(Err(error)) => self.failed = self.failed.take().or(Some(error.into())),
        }
    }

    /// Writes `value` as one line of JSON. What fails is told by [`finish`](Self::finish).
    pub fn json(&mut self, value: &impl serde::Serialize) {
        if self.failed.is_some() {
            return;
        }
        let out: &mut dyn Write = match &mut self.to {
            LinesTo::Stdout(out) => out,
            LinesTo::Device(out) => out,
            LinesTo::File(out, _) => out,
        };
        self.failed = report::json_line(out, value).err();
    }

    /// Makes the file appear. A reader of standard output that went away is no error.
    ///
    /// # Errors
    /// What went wrong since the start.
    pub fn finish(self) -> anyhow::Result<()> {
        let Self { to, failed } = self;
        let done = failed.map_or(Ok(()), Err);
        match to {
            LinesTo::Stdout(mut out) => match done.and_then(|()| out.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(error).context("write to standard output")
                }
                _ => Ok(()),
            },
            LinesTo::Device(mut out) => done.and_then(|()| out.flush()).context("write activities"),
            LinesTo::File(out, path) => {
                let file = done.and_then(|()| out.into_inner().map_err(io::Error::from));
                let kept = file.and_then(|file| Ok(file.persist(&path).map(drop)?));
                kept.with_context(|| format!("write {}", path.display()))
            }
        }
    }
}

/// May the terminal output be coloured? <https://no-color.org>
pub fn color(when: When, to_file: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !refused && !to_file && io::stdout().is_terminal()
        }
    }
}

/// Columns of the terminal, or what a file is comfortable with.
pub fn width() -> u16 {
    const DEFAULT: u16 = 120;
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(DEFAULT, |(columns, _)| columns.0).clamp(40, 240)
}

/// Says something on standard error; that nobody listens is no error.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "headroom: {text}");
}
