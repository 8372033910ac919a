//! `headroom anonymize`, and `--anonymize` of the other commands.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::{AnonymizeArgs, Cli, InputArgs};
use super::inputs;
use super::progress::Bar;
use super::{EXIT_DAMAGED, output, run};
use crate::base::{Batch, Frame, FrameSource, LinkType};
use crate::capture::{
    self, CaptureSet, InterfaceSpec, Mark, PcapWriter, PcapngWriter, Resolution, SNAP_LENGTH_BYTES,
};
use crate::privacy::{Key, Pseudonyms, Scrubbed, Scrubber};
use crate::record::{Drops, InputFile};
use crate::report;
use crate::sensor::Progress;

/// Bytes of a key file: shorter ones are guessed, longer ones are some other file.
const KEY_FILE_BYTES: std::ops::RangeInclusive<usize> = 16..=4_096;

/// Endings of names that promise a compressed file.
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// The pseudonyms of a key file, or of a new key.
fn pseudonyms(flag: &str, key: Option<&Path>) -> anyhow::Result<Pseudonyms> {
    let Some(path) = key else {
        return Pseudonyms::random().context("read random bytes for a key");
    };
    let shown = path.display();
    let secret = std::fs::read(path).with_context(|| format!("read {shown}"))?;
    // Who types a key ends the line.
    let secret = secret.trim_ascii_end();
    if !KEY_FILE_BYTES.contains(&secret.len()) {
        bail!(
            "{flag} {shown}: {} bytes; give {} to {}, e.g. of `head -c 32 /dev/urandom`",
            secret.len(),
            KEY_FILE_BYTES.start(),
            KEY_FILE_BYTES.end()
        );
    }
    Ok(Pseudonyms::new(&Key::from_secret(secret)))
}

/// The pseudonyms that `--anonymize` asks for: one set for all results of a run, so that they
/// agree.
pub fn names(args: &InputArgs) -> anyhow::Result<Option<Pseudonyms>> {
    let key = args.anonymize_key.as_deref();
    args.anonymize.then(|| pseudonyms("--anonymize-key", key)).transpose()
}

/// `result` without names where there are pseudonyms for them.
pub fn result<T: Serialize + DeserializeOwned>(
    names: &mut Option<Pseudonyms>,
    result: T,
) -> anyhow::Result<T> {
    match names {
        None => Ok(result),
        Some(names) => names.record(&result).context("anonymize the result"),
    }
}

/// `headroom anonymize`.
///
/// # Errors
/// Inputs that cannot be read, an output that cannot be written. Damage is told.
pub fn captures(cli: &Cli, args: &AnonymizeArgs) -> anyhow::Result<ExitCode> {
    let Some((path, paths)) = args.paths.split_last() else { bail!("--help says what to give") };
    let mut names = pseudonyms("--key", args.key.as_deref())?;
    let found = inputs::find(paths)?;
    if let Some(log) = found.counters.first() {
        bail!("anonymize {}: it is no capture", log.display());
    }
    if let Some(estate) = found.estates.first() {
        bail!(
            "anonymize {}: it is an estate; make a capture of it with `headroom synth`",
            estate.display()
        );
    }
    if let Some(ending) = COMPRESSED.iter().find(|ending| output::has_ending(path, ending)) {
        bail!(
            "write {}: what is written is not compressed; leave .{ending} away, or write to - and \
             compress that",
            path.display()
        );
    }
    output::prepare(Some(path), &found)?;
    let set = CaptureSet::open(&found.captures, capture::Options::default())?;
    let is_pcap = output::has_ending(path, "pcap");
    // What was synthesized stays so, by other names.
    let mark = match set.mark() {
        Some(Mark::Known(made)) => {
            let made = names.record(made.as_ref()).context("anonymize how it was synthesized")?;
            Some(Mark::Known(Box::new(made)))
        }
        other => other.cloned(),
    };
    if is_pcap && mark.is_some() && !cli.quiet {
        output::say("a pcap file cannot say that it is synthesized; a pcapng file does");
    }
    let written = output::stream(Some(path), |out| {
        let bar = Bar::new(set.total_bytes(), cli.quiet);
        let written = rewrite(set, Scrubber::new(names), Sink::new(out, is_pcap, mark), &bar);
        bar.finish();
        written
    })?;
    let Some((files, scrubbed)) = written else { return Ok(ExitCode::SUCCESS) };
    if !cli.quiet {
        output::say(&format!(
            "{} frames written, {} messages rewritten; all other payload is blank",
            scrubbed.frames, scrubbed.messages
        ));
    }
    let problems = run::problems(&files, &Drops::default());
    for problem in &problems {
        output::say(&report::line(&format!("failed to {problem}")));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { EXIT_DAMAGED.into() })
}

fn rewrite(
    mut set: CaptureSet,
    mut scrubber: Scrubber,
    mut sink: Sink<'_>,
    bar: &Bar,
) -> io::Result<(Vec<InputFile>, Scrubbed)> {
    let mut batch = Batch::default();
    while set.fill(&mut batch) {
        for record in &batch.records {
            let mut out = |frame: &Frame<'_>, interface| sink.write(frame, interface);
            scrubber.take(&batch.frame(record), record.interface, &mut out)?;
        }
        let frames = batch.first_frame + batch.records.len() as u64;
        bar.update(Progress { input_bytes: batch.input_bytes, frames });
    }
    let scrubbed = scrubber.finish(&mut |frame, interface| sink.write(frame, interface))?;
    sink.finish()?;
    Ok((set.finish(), scrubbed))
}

/// A capture file whose interfaces become known frame by frame. Their names and descriptions are
/// left out.
struct Sink<'a> {
    out: Option<&'a mut dyn Write>,
    is_pcap: bool,
    mark: Option<Mark>,
    writer: Writer<'a>,
    /// Numbers in the output by those in the inputs.
    interfaces: BTreeMap<u16, u32>,
}

enum Writer<'a> {
    None,
    Pcap(PcapWriter<&'a mut dyn Write>),
    Pcapng(PcapngWriter<&'a mut dyn Write>),
}

impl<'a> Sink<'a> {
    fn new(out: &'a mut dyn Write, is_pcap: bool, mark: Option<Mark>) -> Self {
        let interfaces = BTreeMap::new();
        Self { out: Some(out), is_pcap, mark, writer: Writer::None, interfaces }
    }

    /// Begins the file, if that was not done: a pcap file says its link type first.
    fn begin(&mut self, link: LinkType) -> io::Result<()> {
        let Some(out) = self.out.take() else { return Ok(()) };
        self.writer = if self.is_pcap {
            let resolution = Resolution::Nanoseconds;
            Writer::Pcap(PcapWriter::new(out, link, SNAP_LENGTH_BYTES, resolution)?)
        } else {
            Writer::Pcapng(PcapngWriter::with_mark(out, &[], self.mark.as_ref())?)
        };
        Ok(())
    }

    fn write(&mut self, frame: &Frame<'_>, interface: u16) -> io::Result<()> {
        self.begin(frame.link)?;
        match &mut self.writer {
            Writer::None => Ok(()), // cannot be: it has begun
            Writer::Pcap(writer) => writer.write(frame),
            Writer::Pcapng(writer) => {
                let number = match self.interfaces.get(&interface) {
                    Some(number) => *number,
                    None => {
                        let spec = InterfaceSpec { link: frame.link, ..InterfaceSpec::default() };
                        let number = writer.add_interface(&spec)?;
                        self.interfaces.insert(interface, number);
                        number
                    }
                };
                writer.write(number, frame)
            }
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.begin(LinkType::ETHERNET)?;
        match self.writer {
            Writer::None => Ok(()),
            Writer::Pcap(writer) => writer.finish().map(drop),
            Writer::Pcapng(writer) => writer.finish().map(drop),
        }
    }
}
