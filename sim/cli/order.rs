//! What to synthesize: an estate, one of its domain controllers, a seed and a span of time,
//! checked.

use std::path::Path;

use anyhow::Context;
use jiff::tz::TimeZone;

use super::args::DayArgs;
use super::document::Document;
use super::span;
use crate::base::Timestamp;
use crate::estate::{DomainController, Estate, Site};
use crate::record::{SCHEMA_VERSION, Synthesis, SynthesisParameter, SynthesisServer};
use crate::synth::{Activity, Cast, Item, Options, Planner, WARM_UP_NS};
use crate::{estate, record};

/// Start of a run where none is given, a Monday in local time.
const START: &str = "2026-01-12T00:00";
/// Seed where none is given.
const SEED: u64 = 1;
/// How wrong the rates may be, either way: the spread between what is published and what can be
/// derived bottom-up.
pub const UNCERTAINTY_FACTOR: f64 = 3.0;
/// Clients whose day is planned to find its busiest hours: a sample is as good, and planning a
/// few hundred takes a second. Ours.
const SAMPLE_CLIENTS: usize = 500;
/// Steps in which the busiest hours are sought, in nanoseconds, and how many a day has.
const STEP_NS: i64 = 1_800_000_000_000;
const STEPS: usize = 48;
const DAY_NS: i64 = 86_400_000_000_000;

/// An estate file, read and checked.
#[derive(Debug)]
pub struct Described {
    /// The file.
    pub document: Document,
    /// What it says.
    pub estate: Estate,
}

impl Described {
    /// Reads an estate file; `-` is standard input.
    ///
    /// # Errors
    /// A file that cannot be read or is wrong.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Self::of(Document::read(path)?)
    }

    /// Reads an estate out of a text.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn of(document: Document) -> anyhow::Result<Self> {
        let estate = Estate::parse(&document.text, &document.name)?;
        Ok(Self { document, estate })
    }
}

/// Which day is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Seed.
    pub seed: u64,
    /// First moment as it was typed; `None` for the busiest hours of the first working day.
    pub start: Option<String>,
    /// Length in nanoseconds.
    pub duration_ns: i64,
    /// Domain controllers that have failed.
    pub failed: Vec<String>,
    /// Worker threads.
    pub threads: usize,
}

impl Wish {
    /// What was typed, and `duration` where no length was.
    ///
    /// # Errors
    /// A length of time that is none.
    pub fn new(args: &DayArgs, duration: &str, threads: Option<u16>) -> anyhow::Result<Self> {
        let length = args.duration.as_deref().unwrap_or(duration);
        Ok(Self {
            seed: args.seed.unwrap_or(SEED),
            start: args.start.clone(),
            duration_ns: span::duration(length).context("--duration")?,
            failed: args.failed.clone(),
            threads: threads.map_or_else(rayon::current_num_threads, usize::from),
        })
    }

    /// Begins with a day where no first moment was typed.
    pub fn at_midnight(mut self) -> Self {
        self.start.get_or_insert_with(|| START.to_owned());
        self
    }
}

/// Everything that was asked for, checked.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who is there.
    pub cast: Cast,
    /// How to make it.
    pub options: Options,
    /// What to say of it.
    pub synthesis: Synthesis,
}

impl Order {
    /// The traffic of `dc`, the first domain controller of the estate where `None`.
    ///
    /// # Errors
    /// An estate that says too little, no such domain controller, or a moment that is none.
    pub fn new(described: &Described, dc: Option<&str>, wish: &Wish) -> anyhow::Result<Self> {
        let Described { document, estate } = described;
        estate.check_for_synthesis()?;
        let cast = Cast::new(estate, dc, &wish.failed, wish.seed)?;
        let dc = estate.domain_controllers().get(cast.dc).context("find the domain controller")?;
        let zone = estate.site_of(dc).and_then(Site::zone).context("find the time zone")?;
        let start = match &wish.start {
            Some(text) => span::moment(text, &zone).context("--start")?,
            None => busiest(&cast, &zone, wish.duration_ns)?,
        };
        let options = Options {
            start,
            duration_ns: wish.duration_ns,
            threads: wish.threads,
            warm_up_ns: WARM_UP_NS,
            segment_bytes_max: None,
            with_rows: false,
        };
        let synthesis = Synthesis {
            schema_version: SCHEMA_VERSION,
            headroom_version: env!("CARGO_PKG_VERSION").to_owned(),
            estate: document.name.clone(),
            estate_sha256: document.sha256.clone(),
            domain_controller: dc.name.clone(),
            server: Some(server(dc)),
            failed: wish.failed.clone(),
            seed: wish.seed,
            start_utc: options.start,
            duration_seconds: seconds(options.duration_ns),
            calibration: estate.calibration().to_owned(),
            // The first stands for the domain controller.
            clients: cast.clients.iter().skip(1).filter(|client| !client.is_guest).count() as u64,
            uncertainty_factor: UNCERTAINTY_FACTOR,
            parameters: parameters(estate),
            learned_from: estate.learned_from_synthesized().map(str::to_owned),
            parameters_left_out: 0,
        };
        Ok(Self { cast, options, synthesis })
    }

    /// The same in another span of time.
    pub fn in_span(mut self, start: Timestamp, duration_ns: i64) -> Self {
        (self.options.start, self.options.duration_ns) = (start, duration_ns);
        self.synthesis.start_utc = start;
        self.synthesis.duration_seconds = seconds(duration_ns);
        self
    }
}

/// What the estate says of the server.
fn server(dc: &DomainController) -> SynthesisServer {
    SynthesisServer {
        addresses: dc.addresses.iter().map(ToString::to_string).collect(),
        physical_cores: dc.physical_cores,
        logical_processors: dc.logical_processors,
        installed_memory_gb: dc.installed_memory_gb,
        min_available_mb: dc.min_available_mb,
        operating_system: dc.operating_system.clone(),
        virtualization: dc.virtualization.map(|kind| kind.name().to_owned()),
    }
}

fn parameters(estate: &Estate) -> Vec<SynthesisParameter> {
    let all = estate.described_parameters().iter();
    let parameter = |parameter: &estate::Parameter| SynthesisParameter {
        name: parameter.knob.name().to_owned(),
        meaning: parameter.knob.meaning().trim().to_owned(),
        value: parameter.value,
        unit: parameter.unit.clone(),
        basis: match parameter.basis {
            estate::Basis::Sourced => record::Basis::Sourced,
            estate::Basis::Assumed => record::Basis::Assumed,
            estate::Basis::Learned => record::Basis::Learned,
            estate::Basis::Given => record::Basis::Given,
        },
        source: parameter.source.clone(),
    };
    let mut list: Vec<SynthesisParameter> = all.map(parameter).collect();
    for population in estate.populations() {
        list.extend(population.own_parameters.iter().map(|own| {
            let own = parameter(own);
            SynthesisParameter { name: format!("{} of {}", own.name, population.name), ..own }
        }));
    }
    list
}

/// The first moment of the busiest hours of that Monday: those in which a sample of the clients
/// has most to do. Midnight where the whole day is wanted.
fn busiest(cast: &Cast, zone: &TimeZone, duration_ns: i64) -> anyhow::Result<Timestamp> {
    let midnight = span::moment(START, zone)?;
    if duration_ns >= DAY_NS {
        return Ok(midnight);
    }
    let step = cast.clients.len().div_ceil(SAMPLE_CLIENTS).max(1);
    let everybody = 0..u32::try_from(cast.clients.len()).unwrap_or(u32::MAX);
    let some: Vec<u32> = everybody.step_by(step).collect();
    let mut frames = [0_u64; STEPS];
    for item in Planner::new(cast, &some, midnight, midnight.plus_nanos(DAY_NS)) {
        let at = usize::try_from(item.time.since(midnight) / STEP_NS).unwrap_or(STEPS);
        if let Some(frames) = frames.get_mut(at) {
            *frames += frames_of(&item);
        }
    }
    let width = usize::try_from(duration_ns.div_euclid(STEP_NS)).unwrap_or(STEPS).max(1);
    let sums = frames.windows(width).map(|window| window.iter().sum::<u64>()).enumerate();
    // Of equal ones the first.
    let best = sums.max_by_key(|(at, sum)| (*sum, std::cmp::Reverse(*at)));
    let best = best.map_or(0, |(at, _)| i64::try_from(at).unwrap_or(0));
    Ok(midnight.plus_nanos(best * STEP_NS))
}

/// About how many frames an activity takes, as the synthesizer's own tests count them
/// (`tests/it/synth/sizes.rs`). Enough to choose hours by; no figure is made of it.
fn frames_of(item: &Item) -> u64 {
    match item.activity {
        Activity::Boot => 440,
        Activity::Logon => 400,
        Activity::GpoRefresh => 190,
        Activity::FileSession | Activity::PrintSession | Activity::SmbNtlm => 50,
        Activity::Unlock => 32,
        Activity::ManagedNames => 2 * u64::from(item.argument),
        Activity::DnsLookup | Activity::DnsOutside | Activity::DnsMissing => 2,
        Activity::DnsReverse | Activity::LdapApplication | Activity::NbnsQuery => 2,
        Activity::BrowserAnnounce | Activity::TimeRequest => 2,
        _ => 12,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a span for the eye")]
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busiest_of(schedule: &str, duration: &str) -> String {
        let text = include_str!("../../captures/estates/branch.toml");
        let text = text.replace("schedule = \"office\"", &format!("schedule = \"{schedule}\""));
        let described = Described::of(Document::take("e.toml", text.as_bytes()).unwrap()).unwrap();
        let args = DayArgs {
            seed: None,
            start: None,
            duration: Some(duration.to_owned()),
            failed: Vec::new(),
        };
        let wish = Wish::new(&args, "1h", Some(1)).unwrap();
        Order::new(&described, None, &wish).unwrap().options.start.to_string()
    }

    #[test]
    fn the_busiest_hours_are_those_of_the_people() {
        assert_eq!(busiest_of("office", "2h"), "2026-01-12T07:30:00Z");
        // Power comes back at ten, in Berlin, and all begin at once.
        let restored = busiest_of("power-restore", "30m");
        assert!(
            ["2026-01-12T09:00:00Z", "2026-01-12T09:30:00Z"].contains(&restored.as_str()),
            "{restored}"
        );
        assert_eq!(busiest_of("office", "24h"), "2026-01-11T23:00:00Z");
    }
}
