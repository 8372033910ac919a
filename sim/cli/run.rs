//! Inputs to results: read, observe, size.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;

use super::inputs::{Inputs, is_standard_input};
use super::made;
use super::output::Lines;
use super::plan::{FactPlan, InputPlan};
use super::progress::Bar;
use super::span;
use crate::capture::{self, CaptureSet, Filtered, SYNTHESIS_UNREAD};
use crate::counters::{self, CounterLog};
use crate::measure::Stopwatch;
use crate::model;
use crate::privacy::Pseudonyms;
use crate::record::{
    Activity, Assumption, Basis, DomainController, Drops, Format, InputFile, Inspection,
    SCHEMA_VERSION, SizingReport, Traffic,
};
use crate::sensor::{self, Observation, Rows};

/// What the captures among the inputs gave, with the losses and warnings that the files add.
pub(super) struct Captured {
    pub observation: Observation,
    pub files: Vec<InputFile>,
}

impl Captured {
    /// Adds what the files say to what the core found in them.
    pub fn new(mut observation: Observation, files: Vec<InputFile>) -> Self {
        observation.traffic.drops.not_captured = not_captured(&files);
        name(&mut observation, &files);
        tell_synthesized(&mut observation.domain_controllers, &files);
        let found_by_core = std::mem::take(&mut observation.warnings);
        observation.warnings = synthesized(&files);
        observation.warnings.extend(capture_warnings(&files, &observation.traffic));
        observation.warnings.extend(found_by_core);
        Self { observation, files }
    }
}

/// How a command wants its inputs read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// SHA-256 of every input.
    pub sha256: bool,
    /// No progress bar.
    pub quiet: bool,
}

/// Reads all captures as one stream through the core; `None` without captures.
pub(super) fn observe(
    plan: &InputPlan,
    reading: Reading,
    rows: Option<Rows<'_>>,
) -> anyhow::Result<Option<Captured>> {
    if plan.inputs.captures.is_empty() {
        return Ok(None);
    }
    let options = capture::Options { sha256: reading.sha256 };
    let captures = &plan.inputs.captures;
    let piped = captures.iter().any(|path| is_standard_input(path));
    let piped = piped.then(|| plan.inputs.standard_input()).transpose();
    let set = CaptureSet::open_with(captures, options, piped.context("read standard input")?)?;
    let bar = Bar::new(set.total_bytes(), reading.quiet);
    let mut source = Filtered::new(set, plan.filter.clone())?;
    let observation =
        sensor::observe(&mut source, &plan.core, &|progress| bar.update(progress), rows);
    bar.finish();
    let observation = observation.context("start worker threads")?;
    Ok(Some(Captured::new(observation, source.into_inner()?.finish())))
}

fn read_counters(
    path: &Path,
    inputs: &Inputs,
    options: &counters::Options,
) -> anyhow::Result<CounterLog> {
    let name = path.display().to_string();
    let opened = if is_standard_input(path) {
        inputs.standard_input()
    } else {
        File::open(path).map(|file| Box::new(file) as Box<dyn Read + Send>)
    };
    let bytes = opened.with_context(|| format!("open {name}"))?;
    Ok(counters::read(&name, bytes, options)?)
}

/// `headroom inspect`.
///
/// # Errors
/// Inputs that cannot be read, or activities that cannot be written. Damage is part of the
/// result.
pub fn inspect(
    plan: &InputPlan,
    reading: Reading,
    command: String,
    activities: Option<&Path>,
    names: &mut Option<Pseudonyms>,
) -> anyhow::Result<Inspection> {
    let watch = Stopwatch::new();
    let made = made::only(plan)?;
    anyhow::ensure!(
        made.is_some() || !plan.inputs.captures.is_empty(),
        "inspect captures: there is none among the inputs; use `headroom size` for counter logs"
    );
    let mut lines = activities.map(Lines::new).transpose()?;
    let rows = lines
        .as_mut()
        .map(|lines| Box::new(|row: &Activity<'_>| lines.row(row, names)) as Rows<'_>);
    let captured = match made {
        Some(made) => made.observe(plan, reading, rows)?,
        None => observe(plan, reading, rows)?.context("read captures")?,
    };
    lines.map_or(Ok(()), Lines::finish)?;
    let Captured { observation, files } = captured;
    let Observation { traffic, understood, warnings, .. } = observation;
    let frames = traffic.frames;
    let problems = problems(&files, &traffic.drops);
    Ok(Inspection {
        schema_version: SCHEMA_VERSION,
        headroom_version: env!("CARGO_PKG_VERSION").to_owned(),
        command,
        complete: problems.is_empty(),
        inputs: files,
        problems,
        warnings,
        traffic,
        understood,
        run: Some(watch.figures(frames, plan.core.threads)),
    })
}

/// `headroom size` and `headroom report`.
///
/// # Errors
/// Inputs that cannot be read. Damage is part of the result.
pub fn size(
    plan: &InputPlan,
    facts: &FactPlan,
    reading: Reading,
    command: String,
) -> anyhow::Result<(SizingReport, Vec<Origin>)> {
    let counter_options = counters::Options { sha256: reading.sha256, ..facts.counters.clone() };
    let inputs = &plan.inputs;
    let logs = inputs.counters.iter().map(|path| read_counters(path, inputs, &counter_options));
    let logs = logs.collect::<anyhow::Result<Vec<_>>>()?;
    let mut found = Found::default();
    if let Some(captured) = observe(plan, reading, None)? {
        let all = captured.observation.traffic.frames;
        found.add_captures(captured, facts);
        found.note(|dc| Origin::Captures { takes_all: dc.packets == Some(all) });
    }
    for (number, made) in plan.made.iter().enumerate() {
        found.add_captures(made.observe(plan, reading, None)?, facts);
        found.note(|_| Origin::Made(number));
    }
    found.add_counters(logs, facts);
    found.note(|_| Origin::Counters);
    found.domain_controllers.iter().try_for_each(|dc| facts.check(dc))?;
    found.tell_unmatched(facts);
    let origins = std::mem::take(&mut found.origins);
    Ok((found.into_report(facts, command), origins))
}

/// Where a domain controller was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// In captures; whether all their frames are its own.
    Captures { takes_all: bool },
    /// Its traffic was made: the number of its order.
    Made(usize),
    /// In a counter log or workbook.
    Counters,
}

/// What all inputs together gave, before it is sized.
#[derive(Default)]
struct Found {
    inputs: Vec<InputFile>,
    domain_controllers: Vec<DomainController>,
    /// Where each of them was found.
    origins: Vec<Origin>,
    unattributed: Option<u64>,
    drops: Drops,
    warnings: Vec<String>,
}

impl Found {
    /// Adds what captures gave, or the traffic that was made of one domain controller. What is
    /// synthesized says what its own server has; other facts go before that.
    fn add_captures(&mut self, captured: Captured, facts: &FactPlan) {
        let Captured { mut observation, files } = captured;
        for dc in &mut observation.domain_controllers {
            facts.apply(dc);
            for made in files.iter().filter_map(|file| file.synthesis.as_deref()) {
                model::apply_synthesis(dc, made);
            }
        }
        // Of one estate, every domain controller says the same.
        for warning in observation.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self.drops.add(&observation.traffic.drops);
        let before = self.unattributed.unwrap_or_default();
        self.unattributed = Some(before + observation.unattributed);
        self.domain_controllers.extend(observation.domain_controllers);
        self.inputs.extend(files);
    }

    /// Notes where those that came last were found.
    fn note(&mut self, origin: impl Fn(&DomainController) -> Origin) {
        let known = self.origins.len();
        self.origins.extend(self.domain_controllers.iter().skip(known).map(origin));
    }

    fn add_counters(&mut self, logs: Vec<CounterLog>, facts: &FactPlan) {
        let mut merged = counters::merge(logs);
        merged.domain_controllers.iter_mut().for_each(|dc| facts.apply(dc));
        self.inputs.extend(merged.files);
        self.warnings.extend(merged.warnings);
        self.domain_controllers.extend(merged.domain_controllers);
    }

    fn tell_unmatched(&mut self, facts: &FactPlan) {
        let names: Vec<&str> = self.domain_controllers.iter().map(|dc| dc.name.as_str()).collect();
        for name in facts.unmatched(&names) {
            self.warnings.push(format!(
                "a flag names {name}, but no domain controller here has that name; there are: {}",
                names.join(", ")
            ));
        }
    }

    fn into_report(self, facts: &FactPlan, command: String) -> SizingReport {
        let rules = &facts.rules;
        let sized: Vec<_> =
            self.domain_controllers.into_iter().map(|dc| model::size(dc, rules)).collect();
        let problems = problems(&self.inputs, &self.drops);
        let mut assumptions = model::assumptions(rules, &sized);
        for parameter in parameters(&self.inputs) {
            if !assumptions.contains(&parameter) {
                assumptions.push(parameter);
            }
        }
        SizingReport {
            schema_version: SCHEMA_VERSION,
            headroom_version: env!("CARGO_PKG_VERSION").to_owned(),
            command,
            complete: problems.is_empty(),
            inputs: self.inputs,
            problems,
            warnings: self.warnings,
            total: model::total(&sized),
            assumptions,
            domain_controllers: sized,
            unattributed_packets: self.unattributed,
            drops: self.drops,
            table: rules.table().clone(),
        }
    }
}

/// Why a result is partial: damaged files, and frames that the timeline could not place.
pub(super) fn problems(files: &[InputFile], drops: &Drops) -> Vec<String> {
    let damaged = files.iter().filter_map(|file| Some((file, file.damage.as_ref()?)));
    let damaged = damaged.map(|(file, damage)| {
        format!(
            "read {}: at byte {}: {}; {} records before it were used",
            file.path, damage.offset_bytes, damage.what, file.records
        )
    });
    let outside = (drops.outside_timeline > 0).then(|| {
        format!(
            "place {} frames in time: they lie more than {} days from the first frame, and rates \
             leave them out; check the clock of the first captures, or size the periods one by one",
            drops.outside_timeline,
            sensor::TIMELINE_DAYS
        )
    });
    damaged.chain(outside).collect()
}

/// Calls the domain controllers of synthesized captures as their estates do.
fn name(observation: &mut Observation, files: &[InputFile]) {
    let made = || files.iter().filter_map(|file| file.synthesis.as_deref());
    let name_of = |addresses: &[String]| {
        made().find_map(|made| {
            let server = made.server.as_ref()?;
            let is_it = addresses.iter().any(|address| server.addresses.contains(address));
            is_it.then(|| made.domain_controller.clone())
        })
    };
    for dc in &mut observation.domain_controllers {
        // One that was named beforehand is called by no address.
        if dc.addresses.contains(&dc.name)
            && let Some(name) = name_of(&dc.addresses)
        {
            dc.name = name;
            dc.recognised_by.push_str("; named by its synthesized traffic");
        }
    }
    for server in observation.traffic.servers.iter_mut().filter(|server| server.name.is_none()) {
        server.name = name_of(&server.addresses);
    }
}

/// Says of domain controllers that their rates are of synthesized traffic: of all, where every
/// file is synthesized, or else of those at which one of the files was.
fn tell_synthesized(domain_controllers: &mut [DomainController], files: &[InputFile]) {
    let is_unread = |file: &InputFile| file.format_text.contains(SYNTHESIS_UNREAD);
    let is_all = files.iter().all(|file| file.synthesis.is_some() || is_unread(file));
    let servers = files.iter().filter_map(|file| file.synthesis.as_deref()?.server.as_ref());
    let synthesized: Vec<&String> = servers.flat_map(|server| &server.addresses).collect();
    for dc in domain_controllers {
        if is_all || dc.addresses.iter().any(|address| synthesized.contains(&address)) {
            dc.traffic_basis = Basis::Synthesized;
            dc.recognised_by.push_str("; its traffic is synthesized");
        }
    }
}

/// Traffic that nobody recorded must not be taken for a recording.
fn synthesized(files: &[InputFile]) -> Vec<String> {
    let made = files.iter().filter_map(|file| Some((file, file.synthesis.as_ref()?)));
    let unread = files.iter().filter(|file| file.format_text.contains(SYNTHESIS_UNREAD));
    let unread = unread.map(|file| {
        format!(
            "{} is synthesized traffic, not a recording; how it was made cannot be read, perhaps \
             because a later version made it",
            file.path
        )
    });
    let sentence = made.map(|(file, made)| {
        let left_out = match made.parameters_left_out {
            0 => String::new(),
            count => format!(", but {count} for which the file had no room"),
        };
        let shown = |path: &str| match path {
            "-" => "standard input".to_owned(),
            path => path.to_owned(),
        };
        let (file_name, estate) = (shown(&file.path), shown(&made.estate));
        let what = if file.format == Format::Estate {
            let length = span::words_of_seconds(made.duration_seconds);
            format!(
                "{file_name} is an estate: its traffic is synthesized, not recorded, {length} of each \
                 domain controller, with"
            )
        } else {
            format!(
                "{file_name} is synthesized traffic, not a recording: made of the estate {estate} \
                 with"
            )
        };
        let learned = made.learned_from.as_ref().map(|from| {
            format!(
                ". What is learned in it was learned from synthesized traffic, too ({from}): it says \
                 nothing of a real network"
            )
        });
        format!(
            "{what} the calibration {} and seed {}{}; true rates may be {} times higher or lower. \
             Every parameter with its source stands among the assumptions{left_out}{}",
            made.calibration,
            made.seed,
            made::with_failed(&made.failed),
            made.uncertainty_factor,
            learned.unwrap_or_default()
        )
    });
    sentence.chain(unread).collect()
}

/// The parameters of synthesized traffic, as what the result rests on.
fn parameters(files: &[InputFile]) -> impl Iterator<Item = Assumption> {
    let made = files.iter().filter_map(|file| file.synthesis.as_deref());
    made.flat_map(|made| &made.parameters).map(|parameter| Assumption {
        text: format!(
            "Synthesized with {} = {} {}: {}",
            parameter.name, parameter.value, parameter.unit, parameter.meaning
        ),
        basis: parameter.basis,
        source: parameter.source.clone(),
    })
}

/// Packets lost before they reached the files, as their statistics say.
fn not_captured(files: &[InputFile]) -> u64 {
    let interfaces = files.iter().flat_map(|file| &file.interfaces);
    let counts = interfaces.flat_map(|i| [i.dropped_by_interface, i.dropped_by_os]).flatten();
    // The file may claim any number.
    counts.fold(0, u64::saturating_add)
}

fn capture_warnings(files: &[InputFile], traffic: &Traffic) -> Vec<String> {
    let mut warnings = Vec::new();
    let lost = traffic.drops.not_captured;
    if lost > 0 {
        warnings.push(format!(
            "the capture itself lost {lost} packets, as its statistics say: true rates are higher"
        ));
    }
    let reordered: u64 = files.iter().map(|file| file.records_out_of_order).sum();
    if reordered > 0 {
        warnings.push(format!("{reordered} frames are older than the frame in front of them"));
    }
    let timeless = files.iter().filter(|file| file.records > 0 && file.first_utc.is_none());
    warnings.extend(timeless.map(|file| {
        format!(
            "{} holds no times (simple packet blocks): every rate is meaningless; record it with \
             times",
            file.path
        )
    }));
    warnings.extend(overlaps(files));
    if traffic.frames == 0 && files.iter().all(|file| file.damage.is_none()) {
        warnings.push("the captures hold no packets".to_owned());
    }
    warnings
}

/// Files that cover the same time are merged; if they hold the same traffic, it counts twice.
fn overlaps(files: &[InputFile]) -> Option<String> {
    let mut spans: Vec<_> =
        files.iter().filter_map(|f| Some((f.first_utc?, f.last_utc?, &f.path))).collect();
    spans.sort();
    let pairs = spans.iter().zip(spans.iter().skip(1));
    let mut overlapping = pairs.filter(|((_, end, _), (start, _, _))| start < end).peekable();
    let ((_, _, a), (_, _, b)) = overlapping.peek().copied()?;
    let more = overlapping.count() - 1;
    let others = if more > 0 { format!(" (and {more} more pairs)") } else { String::new() };
    Some(format!(
        "{a} and {b} cover the same time{others}: they are merged by time, and packets that are \
         in both count twice"
    ))
}
