//! `headroom synth`: an estate and a seed to a capture.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::sync_channel;

use anyhow::{Context, bail};

use super::args::{CaptureFormat, Cli, SynthArgs};
use super::inputs::{Inputs, is_standard_input};
use super::order::{Described, Order, UNCERTAINTY_FACTOR, Wish};
use super::output;
use super::progress::SynthBar;
use crate::base::{Batch, Frame, FrameSource, LinkType};
use crate::capture::{
    self, InterfaceSpec, PcapWriter, PcapngWriter, Resolution, SNAP_LENGTH_BYTES,
};
use crate::record::{
    DerivedCount, GroundTruth, MessageCount, PlannedCount, SCHEMA_VERSION, Synthesis,
};
use crate::report;
use crate::synth::{Options, PlanError, PlanFile, PlanHeader, PlanWriter, Synth, Truth};

/// Items of a plan that are read ahead.
const ITEMS_AHEAD: usize = 4_096;
/// zstd level: 1 is as fast as the packets come.
const ZSTD_LEVEL: i32 = 1;
/// Length of a run where none is given.
const DURATION: &str = "24h";

/// A plan that is read, instead of one that is made.
type Plan = PlanFile<io::BufReader<Box<dyn Read + Send>>>;

/// `headroom synth`.
///
/// # Errors
/// An estate that cannot be used, an output that cannot be written.
pub fn run(cli: &Cli, args: &SynthArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.write_plan.is_none() {
        bail!(
            "synth {}: name a capture with --output, - for standard output",
            args.estate.display()
        );
    }
    prepare(args)?;
    let described = Described::read(&args.estate)?;
    let mut wish = Wish::new(&args.day, DURATION, args.threads)?.at_midnight();
    let plan = args.plan.as_deref().map(open_plan).transpose()?;
    // A plan says itself what it is of.
    let header = plan.as_ref().map(|plan| plan.header().clone());
    wish.seed = header.as_ref().map_or(wish.seed, |header| header.seed);
    let order = Order::new(&described, args.dc.as_deref(), &wish)?;
    let order = match header {
        Some(PlanHeader { start, duration_ns, .. }) => order.in_span(start, duration_ns),
        None => order,
    };
    if let Some(path) = &args.write_plan {
        write_plan(path, &order)?;
    }
    let Some(path) = &args.output else { return Ok(ExitCode::SUCCESS) };
    let Options { start, duration_ns, .. } = order.options;
    let bar = SynthBar::new(start, duration_ns, (1, 1), cli.quiet);
    let written = output::stream(Some(path), |out| {
        let mut sink = Sink::new(out, path, args.format, &order.synthesis)?;
        let truth = match plan {
            Some(plan) => perform(plan, &order, &mut sink, &bar)?,
            None => {
                let source = Synth::start(order.cast.clone(), &order.options);
                copy(source.map_err(io::Error::other)?, &mut sink, &bar)?
            }
        };
        sink.finish()?;
        Ok(truth)
    });
    bar.finish();
    // Who read our standard output went away: there is no whole truth to tell.
    let Some(truth) = written? else { return Ok(ExitCode::SUCCESS) };
    let is_pcap = kind_of(path, args.format).1 == CaptureFormat::Pcap;
    if is_pcap && !cli.quiet {
        output::say("a pcap file cannot say that it is synthesized; a pcapng file does");
    }
    if let Some(path) = &args.truth {
        let truth = ground_truth(&truth, order.synthesis.clone());
        let text = serde_json::to_string_pretty(&truth).context("write the ground truth")?;
        output::write(Some(path), format!("{text}\n").as_bytes())?;
    }
    if !cli.quiet {
        tell(&truth, &order);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes sure that every result can be written, and destroys neither what is read nor another.
fn prepare(args: &SynthArgs) -> anyhow::Result<()> {
    let read = [Some(&args.estate), args.plan.as_ref()].into_iter().flatten();
    let mut inputs = Inputs::default();
    inputs.captures.extend(read.cloned());
    if inputs.captures.iter().filter(|path| is_standard_input(path)).count() > 1 {
        bail!("read standard input twice; give - only once");
    }
    let results =
        [("--output", &args.output), ("--truth", &args.truth), ("--write-plan", &args.write_plan)];
    let results = results.into_iter().filter_map(|(flag, path)| Some((flag, path.as_deref()?)));
    let results: Vec<(&str, &Path)> = results.collect();
    for (at, one) in results.iter().enumerate() {
        output::prepare(Some(one.1), &inputs)?;
        for other in results.iter().skip(at + 1) {
            output::differ(*one, *other)?;
        }
    }
    let gzip = args.output.as_deref().filter(|path| output::has_ending(path, "gz"));
    if let Some(path) = gzip {
        bail!("write {}: gzip is not written; let the name end in .zst", path.display());
    }
    Ok(())
}

/// Opens the plan at `path`, `-` being standard input, and reads what it is of.
fn open_plan(path: &Path) -> anyhow::Result<Plan> {
    let opened = if is_standard_input(path) {
        capture::standard_input()
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read + Send>)
    };
    let input = opened.with_context(|| format!("open {}", path.display()))?;
    let plan = PlanFile::open(io::BufReader::new(input));
    plan.with_context(|| format!("read {}", path.display()))
}

/// Renders a plan as it is read.
fn perform(plan: Plan, order: &Order, sink: &mut Sink<'_>, bar: &SynthBar) -> io::Result<Truth> {
    let (send, items) = sync_channel(ITEMS_AHEAD);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || -> Result<(), PlanError> {
            for item in plan.items(&order.cast) {
                // Nobody takes it where writing has failed, which is told there.
                if send.send(item?).is_err() {
                    break;
                }
            }
            Ok(())
        });
        let source = Synth::perform(order.cast.clone(), &order.options, items.into_iter());
        let truth = source.map_err(io::Error::other).and_then(|source| copy(source, sink, bar));
        let read = reading.join().map_err(|_| io::Error::other("reading the plan failed"))?;
        read.map_err(io::Error::other)?;
        truth
    })
}

fn write_plan(path: &Path, order: &Order) -> anyhow::Result<()> {
    let Synthesis { estate, seed, .. } = &order.synthesis;
    let Options { start, duration_ns, .. } = order.options;
    let header = PlanHeader { estate: estate.clone(), seed: *seed, start, duration_ns };
    let write = |out: &mut dyn Write| {
        let mut writer = PlanWriter::new(out, &order.cast, &header)?;
        order.options.plan(&order.cast).try_for_each(|item| writer.write(&item))?;
        writer.finish().map(drop)
    };
    output::stream(Some(path), write).map(drop)
}

fn copy(mut source: Synth, sink: &mut Sink<'_>, bar: &SynthBar) -> io::Result<Truth> {
    let mut batch = Batch::default();
    while source.fill(&mut batch) {
        for frame in batch.frames() {
            sink.write(&frame)?;
        }
        if let Some(last) = batch.records.last() {
            bar.update(last.time, batch.first_frame + batch.records.len() as u64);
        }
    }
    source.finish().map_err(io::Error::other)
}

/// What of a run is worth a line.
fn tell(truth: &Truth, order: &Order) {
    let Synthesis { calibration, clients, domain_controller, .. } = &order.synthesis;
    output::say(&report::line(&format!(
        "{} packets, {} bytes at {domain_controller} from {clients} clients. Synthesized with the \
         calibration {calibration}, not measured: true rates may be {UNCERTAINTY_FACTOR} times higher \
         or lower",
        truth.frames, truth.bytes
    )));
}

fn ground_truth(truth: &Truth, synthesis: Synthesis) -> GroundTruth {
    let planned = truth
        .activities()
        .map(|(activity, count)| PlannedCount { activity: activity.name().to_owned(), count });
    let messages = truth.messages().into_iter().map(|(id, row)| MessageCount {
        protocol: id.name().to_owned(),
        operation: row.operation,
        name: id.operation(row.operation).map(str::to_owned),
        is_answer: row.is_answer,
        count: row.count,
        from_before: row.from_before,
    });
    let activities = truth.derived().into_iter().map(|row| DerivedCount {
        kind: row.kind.name().to_owned(),
        outcome: row.outcome.to_owned(),
        count: row.count,
        from_before: row.from_before,
    });
    GroundTruth {
        schema_version: SCHEMA_VERSION,
        synthesis,
        frames: truth.frames,
        bytes: truth.bytes,
        planned: planned.collect(),
        messages: messages.collect(),
        activities: activities.collect(),
    }
}

/// A capture file, compressed where its name says so.
enum Sink<'a> {
    Pcap(PcapWriter<Packed<'a>>),
    Pcapng(PcapngWriter<Packed<'a>>),
}

enum Packed<'a> {
    Plain(&'a mut dyn Write),
    Zstd(Box<zstd::stream::write::Encoder<'static, &'a mut dyn Write>>),
}

impl Write for Packed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Zstd(out) => out.flush(),
        }
    }
}

impl<'a> Sink<'a> {
    fn new(
        out: &'a mut dyn Write,
        path: &Path,
        format: Option<CaptureFormat>,
        synthesis: &Synthesis,
    ) -> io::Result<Self> {
        let (is_packed, format) = kind_of(path, format);
        let out = if is_packed {
            Packed::Zstd(Box::new(zstd::stream::write::Encoder::new(out, ZSTD_LEVEL)?))
        } else {
            Packed::Plain(out)
        };
        Ok(match format {
            CaptureFormat::Pcap => Self::Pcap(PcapWriter::new(
                out,
                LinkType::ETHERNET,
                SNAP_LENGTH_BYTES,
                Resolution::Nanoseconds,
            )?),
            CaptureFormat::Pcapng => {
                let interface = InterfaceSpec {
                    name: Some("synthesized".to_owned()),
                    description: None,
                    link: LinkType::ETHERNET,
                    snap_length_bytes: 0,
                };
                Self::Pcapng(PcapngWriter::with_synthesis(out, &[interface], Some(synthesis))?)
            }
        })
    }

    fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        match self {
            Self::Pcap(writer) => writer.write(frame),
            Self::Pcapng(writer) => writer.write(0, frame),
        }
    }

    fn finish(self) -> io::Result<()> {
        let packed = match self {
            Self::Pcap(writer) => writer.finish()?,
            Self::Pcapng(writer) => writer.finish()?,
        };
        match packed {
            Packed::Plain(_) => Ok(()),
            Packed::Zstd(encoder) => encoder.finish().map(drop),
        }
    }
}

/// Whether a file of that name is compressed, and its form.
fn kind_of(path: &Path, format: Option<CaptureFormat>) -> (bool, CaptureFormat) {
    let is_packed = output::has_ending(path, "zst");
    let inner = if is_packed { path.file_stem().map_or(path, Path::new) } else { path };
    let by_name =
        if output::has_ending(inner, "pcap") { CaptureFormat::Pcap } else { CaptureFormat::Pcapng };
    (is_packed, format.unwrap_or(by_name))
}
