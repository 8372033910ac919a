//! Estates among the inputs: the traffic of each domain controller is made in memory and read by
//! the core, as if it were a capture of its adapter.
//!
//! Each domain controller is made and read by itself: what passes between two of them is seen at
//! both, as in two captures, and must not count twice.

use std::rc::Rc;

use anyhow::{Context, bail};

use super::document::Document;
use super::inputs::{Inputs, is_standard_input};
use super::order::{Described, Order, Wish};
use super::plan::InputPlan;
use super::progress::SynthBar;
use super::run::{Captured, Reading};
use super::span;
use crate::base::{Batch, FrameSource, Timestamp};
use crate::capture::Filtered;
use crate::estate::{DomainController, Estate};
use crate::model::Watch;
use crate::record::{Format, InputFile, Synthesis};
use crate::sensor::{self, Rows};
use crate::synth::Synth;

/// A domain controller of an estate, whose traffic is wanted.
#[derive(Debug)]
pub struct Made {
    described: Rc<Described>,
    dc: String,
    /// Which of how many, for those who wait.
    place: (usize, usize),
}

/// Finds the domain controllers of the estates among the inputs: those that `wanted` names, or
/// all that have not failed where it names none of any estate. Reads no capture and makes no
/// traffic yet.
///
/// # Errors
/// An estate that is wrong or says too little, a name that no domain controller has, or a first
/// moment that is none.
pub fn find(inputs: &Inputs, wanted: &[String], wish: &Wish) -> anyhow::Result<Vec<Made>> {
    let mut estates = Vec::new();
    for path in &inputs.estates {
        let document = if is_standard_input(path) {
            Document::take("-", inputs.standard_input().context("read standard input")?)?
        } else {
            Document::read(path)?
        };
        let described = Rc::new(Described::of(document)?);
        described.estate.check_for_synthesis().context(
            "make traffic of an estate (one with facts of servers only is given with --estate)",
        )?;
        estates.push(described);
    }
    let is_known = |text: &&String| estates.iter().any(|one| one.estate.by_name(text).is_some());
    // Who names one wants no other, of whichever estate.
    let is_choice = wanted.iter().any(|text| is_known(&text));
    let mut made: Vec<Made> = Vec::new();
    for described in &estates {
        let wanted = is_choice.then_some(wanted);
        let names = chosen(&described.estate, wanted, &wish.failed);
        made.extend(names.into_iter().map(|dc| Made {
            described: Rc::clone(described),
            dc,
            place: (0, 0),
        }));
    }
    for text in wanted.iter().filter(|text| !is_known(text)) {
        // An address may be one of the captures'.
        if inputs.captures.is_empty() || !is_of_captures(text) {
            bail!(
                "--dc {text}: '{text}' is not an IP address or domain controller of an estate \
                 here; give ADDRESS, NAME=ADDRESS, or of an estate: {}",
                names_of(&made)
            );
        }
    }
    let all = made.len();
    made.iter_mut().zip(1..).for_each(|(one, place)| one.place = (place, all));
    if let Some(first) = made.first() {
        // What was typed fails before the long part, not behind it.
        let start = wish.start.clone().or_else(|| wish.clone().at_midnight().start);
        Order::new(&first.described, Some(&first.dc), &Wish { start, ..wish.clone() })?;
    }
    Ok(made)
}

/// `ADDRESS` or `NAME=ADDRESS`, which captures know.
pub fn is_of_captures(text: &str) -> bool {
    text.contains('=')
        || text.split(',').all(|part| part.trim().parse::<std::net::IpAddr>().is_ok())
}

/// Names of the domain controllers of an estate that `wanted` names, in its order; all that have
/// not failed where it is `None`. Where all have failed, they are told so later, by name.
fn chosen(estate: &Estate, wanted: Option<&[String]>, failed: &[String]) -> Vec<String> {
    let is_among = |list: &[String], dc: &DomainController| {
        list.iter().filter_map(|text| estate.by_name(text)).any(|one| one.name == dc.name)
    };
    let all = || estate.domain_controllers().iter();
    let is_left = all().any(|dc| !is_among(failed, dc));
    let is_chosen = |dc: &&DomainController| match wanted {
        Some(wanted) => is_among(wanted, dc),
        None => !is_left || !is_among(failed, dc),
    };
    all().filter(is_chosen).map(|dc| dc.name.clone()).collect()
}

fn names_of(made: &[Made]) -> String {
    let names: Vec<&str> = made.iter().map(|made| made.dc.as_str()).collect();
    names.join(", ")
}

/// The only domain controller, for results that show one source; `None` where there is no estate.
///
/// # Errors
/// Where there are several, or captures beside it.
pub fn only(plan: &InputPlan) -> anyhow::Result<Option<&Made>> {
    match plan.made.as_slice() {
        [] => Ok(None),
        [one] if plan.inputs.captures.is_empty() => Ok(Some(one)),
        [_] => bail!("inspect an estate together with captures: they are seen apart; give one"),
        several => bail!(
            "inspect {} domain controllers at once: each is a source of its own; choose with \
             --dc: {}",
            several.len(),
            names_of(several)
        ),
    }
}

/// Says which domain controllers have failed, behind something.
pub fn with_failed(failed: &[String]) -> String {
    match failed {
        [] => String::new(),
        failed => format!(", with {} failed", failed.join(", ")),
    }
}

impl Made {
    /// Makes the traffic and reads it through the core.
    ///
    /// # Errors
    /// No threads, or a filter that cannot be.
    pub fn observe(
        &self,
        plan: &InputPlan,
        reading: Reading,
        rows: Option<Rows<'_>>,
    ) -> anyhow::Result<Captured> {
        let Order { cast, options, synthesis } =
            Order::new(&self.described, Some(&self.dc), &plan.wish)?;
        let core = self.core(plan, cast.dc, &synthesis.estate)?;
        let bar = SynthBar::new(options.start, options.duration_ns, self.place, reading.quiet);
        let synth = Synth::start(cast, &options)?;
        let mut source = Filtered::new(
            Watched::new(synth, &bar, options.start.plus_nanos(options.duration_ns)),
            plan.filter.clone(),
        )?;
        let observation = sensor::observe(&mut source, &core, &|_| (), rows);
        let Watched { synth, first, last, frames, .. } = source.into_inner()?;
        synth.finish()?;
        bar.finish();
        let mut observation = observation.context("start worker threads")?;
        let length = span::words(options.duration_ns);
        let why = match plan.wish.start {
            Some(_) => "as asked for",
            None => "the busiest of that day, as planned",
        };
        let note = format!(
            "its traffic is synthesized: {length} from {}, {} clients{}, {why}; other hours are not \
             in it (--start, --duration)",
            options.start,
            synthesis.clients,
            with_failed(&synthesis.failed)
        );
        observation.domain_controllers.iter_mut().for_each(|dc| dc.notes.push(note.clone()));
        let file = self.file(synthesis, reading, frames, first.zip(last));
        Ok(Captured::new(observation, vec![file]))
    }

    /// Makes traffic and hands it to `read`, which need not read all of it.
    ///
    /// # Errors
    /// No threads, or a filter that cannot be.
    pub fn read<T>(
        &self,
        plan: &InputPlan,
        reading: Reading,
        read: impl FnOnce(&mut dyn FrameSource) -> T,
    ) -> anyhow::Result<(T, sensor::Options, InputFile)> {
        let Order { cast, options, synthesis } =
            Order::new(&self.described, Some(&self.dc), &plan.wish)?;
        let core = self.core(plan, cast.dc, &synthesis.estate)?;
        let bar = SynthBar::new(options.start, options.duration_ns, self.place, reading.quiet);
        let synth = Synth::start(cast, &options)?;
        let end = options.start.plus_nanos(options.duration_ns);
        let mut source = Filtered::new(Watched::new(synth, &bar, end), plan.filter.clone())?;
        let done = read(&mut source);
        bar.finish();
        let Watched { first, last, frames, .. } = source.into_inner()?;
        let file = self.file(synthesis, reading, frames, first.zip(last));
        Ok((done, core, file))
    }

    /// How to run the core on the traffic of this domain controller.
    fn core(&self, plan: &InputPlan, dc: usize, name: &str) -> anyhow::Result<sensor::Options> {
        let estate = &self.described.estate;
        let dc = estate.domain_controllers().get(dc).context("find the domain controller")?;
        Ok(sensor::Options {
            mtu_bytes: estate.network().mtu_bytes.into(),
            named: vec![sensor::Named {
                name: dc.name.clone(),
                addresses: dc.addresses.clone(),
                by: format!("named by the estate {name}"),
            }],
            ..plan.core.clone()
        })
    }

    /// The estate as an input.
    fn file(
        &self,
        synthesis: Synthesis,
        reading: Reading,
        frames: u64,
        span: Option<(Timestamp, Timestamp)>,
    ) -> InputFile {
        InputFile {
            path: self.described.document.name.clone(),
            format: Format::Estate,
            format_text: format!("estate, synthesized at {}", synthesis.domain_controller),
            size_bytes: self.described.document.size_bytes,
            sha256: reading.sha256.then(|| self.described.document.sha256.clone()),
            records: frames,
            first_utc: span.map(|(first, _)| first),
            last_utc: span.map(|(_, last)| last),
            interfaces: Vec::new(),
            sections: 0,
            skipped_blocks: 0,
            records_out_of_order: 0,
            synthesis: Some(Box::new(synthesis)),
            damage: None,
        }
    }
}

impl Made {
    /// Makes the same traffic once more and shows it to the virtual sensor.
    ///
    /// # Errors
    /// No threads, or a filter that cannot be.
    pub fn show(&self, plan: &InputPlan, quiet: bool, watch: &mut Watch) -> anyhow::Result<()> {
        let mtu_bytes = self.described.estate.network().mtu_bytes.into();
        let core = sensor::Options { mtu_bytes, ..plan.core.clone() };
        self.read(plan, Reading { sha256: false, quiet }, |source| {
            sensor::arrivals(source, &core, &[], &|_| (), &mut |_, arrivals| watch.offer(arrivals));
        })?;
        Ok(())
    }
}

/// Frames on their way to the core, watched. What has begun goes on for up to a minute after the
/// end; a mean over less than a quarter of an hour would be that of a longer time with little in
/// it, so that those frames are left out.
struct Watched<'a> {
    synth: Synth,
    bar: &'a SynthBar,
    end: Timestamp,
    /// How many were handed on.
    frames: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl<'a> Watched<'a> {
    const fn new(synth: Synth, bar: &'a SynthBar, end: Timestamp) -> Self {
        Self { synth, bar, end, frames: 0, first: None, last: None }
    }
}

impl FrameSource for Watched<'_> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let is_filled = self.synth.fill(batch);
        // They come in order of time.
        batch.records.truncate(batch.records.partition_point(|record| record.time < self.end));
        self.frames += batch.records.len() as u64;
        self.first = self.first.or(batch.records.first().map(|record| record.time));
        if let Some(last) = batch.records.last() {
            self.last = Some(last.time);
            self.bar.update(last.time, batch.first_frame + batch.records.len() as u64);
        }
        is_filled
    }
}
