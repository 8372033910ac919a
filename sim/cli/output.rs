//! Where results go: standard output, or files that appear whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::NamedTempFile;

use super::args::When;
use super::inputs::Inputs;
use crate::privacy::Pseudonyms;
use crate::report;

/// Bytes that are written at once: few enough to stay in the cache, and few calls.
const BUFFER_BYTES: usize = 64 * 1_024;

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
pub fn differ(one: (&str, &Path), other: (&str, &Path)) -> anyhow::Result<()> {
    let ((flag, one), (other_flag, other)) = (one, other);
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
        bail!("write {}: {flag} and {other_flag} both go there; name two", one.display());
    }
    Ok(())
}

/// Whether the name ends in `.ending`, whatever its case.
pub fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// A pipe, a terminal, `/dev/null`: written to, never replaced.
fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| !facts.is_file() && !facts.is_dir())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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

/// A file that is being written.
enum Draft {
    /// Without a name, so that nothing is left of it however the program ends.
    #[cfg(target_os = "linux")]
    Nameless(File),
    /// Removed unless the program is killed.
    Named(NamedTempFile),
}

impl Draft {
    fn new(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = nameless(folder) {
            return Ok(Self::Nameless(file));
        }
        temporary(folder).map(Self::Named)
    }

    /// Gives it the name of `target`, in the place of what has that.
    fn persist(self, target: &Path) -> io::Result<()> {
        let named = match self {
            Self::Named(named) => named,
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => {
                let folder = folder_of(target);
                let linked = tempfile::Builder::new().make_in(folder, |path| link(&file, path));
                match linked {
                    Ok(linked) => return linked.persist(target).map(drop).map_err(|e| e.error),
                    Err(_) => copied(file, folder)?,
                }
            }
        };
        named.persist(target)?;
        Ok(())
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file.write(bytes),
            Self::Named(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file.flush(),
            Self::Named(file) => file.flush(),
        }
    }
}

/// A file without a name in a folder, where the file system has such (open(2), `O_TMPFILE`) and
/// it can be named later.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666)).ok()?);
    descriptor(&file).exists().then_some(file)
}

/// Where the system shows an open file.
#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Gives an open file a name (linkat(2)).
#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};
    Ok(linkat(CWD, descriptor(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// The same in a file with a name, where the file system gives it none afterwards.
#[cfg(target_os = "linux")]
fn copied(mut file: File, folder: &Path) -> io::Result<NamedTempFile> {
    use std::io::Seek as _;
    let mut named = temporary(folder)?;
    file.rewind()?;
    io::copy(&mut file, &mut named)?;
    Ok(named)
}

/// Where a result goes. A file takes the place of what was there once it is whole: a reader never
/// sees half of it. A link stays one, and a device is written to.
struct Output {
    to: To,
    /// What fails, for errors: `write report.json`.
    task: String,
}

enum To {
    Stdout(BufWriter<io::Stdout>),
    Device(BufWriter<File>),
    File(BufWriter<Draft>, PathBuf),
}

impl Output {
    /// Standard output where there is no path or it is `-`.
    fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| path.as_os_str() != "-") else {
            let task = "write to standard output".to_owned();
            return Ok(Self {
                to: To::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())),
                task,
            });
        };
        let task = format!("write {}", path.display());
        let open = || -> io::Result<To> {
            if is_device(path) {
                let file = OpenOptions::new().write(true).open(path)?;
                return Ok(To::Device(BufWriter::with_capacity(BUFFER_BYTES, file)));
            }
            let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let file = Draft::new(folder_of(&target))?;
            Ok(To::File(BufWriter::with_capacity(BUFFER_BYTES, file), target))
        };
        let to = open().with_context(|| task.clone())?;
        Ok(Self { to, task })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match &mut self.to {
            To::Stdout(out) => out,
            To::Device(out) => out,
            To::File(out, _) => out,
        }
    }

    /// Ends what was written: a file appears only if `done` went well. `None` where the reader of
    /// standard output went away, which is no error.
    fn finish<T>(self, done: io::Result<T>) -> anyhow::Result<Option<T>> {
        let Self { to, task } = self;
        let is_stdout = matches!(to, To::Stdout(_));
        let ended = done.and_then(|done| {
            match to {
                To::Stdout(mut out) => out.flush()?,
                To::Device(mut out) => out.flush()?,
                To::File(out, path) => {
                    out.into_inner().map_err(io::IntoInnerError::into_error)?.persist(&path)?;
                }
            }
            Ok(done)
        });
        match ended {
            Err(error) if is_stdout && error.kind() == io::ErrorKind::BrokenPipe => Ok(None),
            ended => ended.map(Some).context(task),
        }
    }
}

/// Hands `fill` a file that takes the place of `path` once it is whole, or standard output. `None`
/// where its reader went away, which is no error.
///
/// # Errors
/// With the path and what the system said; nothing is left behind then.
pub fn stream<T>(
    path: Option<&Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<T>,
) -> anyhow::Result<Option<T>> {
    let mut out = Output::open(path)?;
    let done = fill(out.writer());
    out.finish(done)
}

/// Writes `bytes` as [`stream`] does.
///
/// # Errors
/// As [`stream`].
pub fn write(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    stream(path, |out| out.write_all(bytes)).map(drop)
}

/// Lines written as they come: to a file that appears whole at the end, or to standard output.
pub struct Lines {
    out: Output,
    failed: Option<io::Error>,
}

impl Lines {
    /// Begins; call [`prepare`] first.
    ///
    /// # Errors
    /// With the path and what the system said.
    pub fn new(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { out: Output::open(Some(path))?, failed: None })
    }

    /// Writes `row` as one line of JSON, without names where there are pseudonyms. What fails is
    /// told by [`finish`](Self::finish).
    pub fn row(&mut self, row: &impl serde::Serialize, names: &mut Option<Pseudonyms>) {
        if self.failed.is_some() {
            return;
        }
        let written = match names.as_mut().map(|names| names.line(row)) {
            None => report::json_line(self.out.writer(), row),
            Some(Ok(tree)) => report::json_line(self.out.writer(), &tree),
            Some(Err(error)) => Err(error.into()),
        };
        self.failed = written.err();
    }

    /// Makes the file appear. A reader of standard output that went away is no error.
    ///
    /// # Errors
    /// What went wrong since the start.
    pub fn finish(self) -> anyhow::Result<()> {
        self.out.finish(self.failed.map_or(Ok(()), Err)).map(drop)
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
