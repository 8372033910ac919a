//! Populations of an estate file, checked: what they are, how many, when they are there.

use std::collections::BTreeMap;

use toml::Spanned;

use super::calibration::Calibration;
use super::controller::site_named;
use super::error::nearest;
use super::form::{Day, RawPopulation, RawSchedule, RawWave, Shape, Short};
use super::values::{MINUTES_PER_DAY, Wrong, between, excerpt, text, time_of_day};
use super::{
    Arrival, AutopilotWave, ENDPOINTS_MAX, Join, Parameter, Parameters, Population, PopulationKind,
    Schedule, Site,
};

/// Days of a week.
const DAYS: usize = 7;

/// Least and most deviation of arrivals in minutes.
const DEVIATION_MINUTES: [f64; 2] = [0.1, 720.0];

/// Hours that somebody stays.
const STAY_HOURS: [f64; 2] = [0.1, 24.0];

/// Minutes over which a wave of new devices begins: up to a week.
const WAVE_MINUTES: [f64; 2] = [1.0, 10_080.0];

/// What a population is checked against.
pub(super) struct Surroundings<'a> {
    pub sites: &'a [Site],
    pub site_names: &'a BTreeMap<String, usize>,
    pub calibration: &'a Calibration,
    /// The estate's parameters, every knob in order.
    pub described: &'a [Parameter],
    pub giver: &'a str,
}

/// Checks all populations.
pub(super) fn populations(
    raw: &[RawPopulation],
    around: &Surroundings,
) -> Result<Vec<Population>, Wrong> {
    let mut names = BTreeMap::new();
    let mut left: Vec<u64> = around.sites.iter().map(|site| site.subnet.clients()).collect();
    let mut endpoints = 0u64;
    let mut populations = Vec::with_capacity(raw.len());
    for entry in raw {
        let population = population(entry, around)?;
        if names.insert(population.name.to_lowercase(), ()).is_some() {
            let what = format!("population `{}` is described twice", excerpt(&population.name));
            return Err(Wrong::new(entry.name.span(), "name", what));
        }
        let wrong = |what| Wrong::new(entry.count.span(), "count", what);
        endpoints += u64::from(population.count);
        if endpoints > ENDPOINTS_MAX {
            let what = format!("{endpoints} endpoints up to here, the limit is {ENDPOINTS_MAX}");
            return Err(wrong(what));
        }
        let count = u64::from(population.count);
        if let (Some(left), Some(site)) =
            (left.get_mut(population.site), around.sites.get(population.site))
        {
            *left = left.checked_sub(count).ok_or_else(|| {
                wrong(format!(
                    "{count} clients, but {} of site `{}` has {left} addresses left; widen its \
                     `subnet`",
                    site.subnet, site.name
                ))
            })?;
        }
        populations.push(population);
    }
    Ok(populations)
}

fn population(raw: &RawPopulation, around: &Surroundings) -> Result<Population, Wrong> {
    let name = text(&raw.name, "name")?;
    let kind = *raw.kind.get_ref();
    if *raw.count.get_ref() == 0 {
        let what = "0 clients; give a number from 1, or leave the population out";
        return Err(Wrong::new(raw.count.span(), "count", what.to_owned()));
    }
    let site = site_named(&raw.site, "site", around.site_names)?;
    let ipv6_share = match &raw.ipv6_share {
        Some(share) => between(share, "ipv6_share", [0.0, 1.0])?,
        None => 0.0,
    };
    if let (Some(place), Some(at)) = (&raw.ipv6_share, around.sites.get(site))
        && ipv6_share > 0.0
        && at.subnet6.is_none()
    {
        let what = format!("site `{}` has no `subnet6`; give it one, or write 0", at.name);
        return Err(Wrong::new(place.span(), "ipv6_share", what));
    }
    let mut described = around.described.to_vec();
    let changed = around.calibration.change(&raw.parameters, &mut described, around.giver)?;
    let parameters = Parameters::from_described(&described);
    described.retain(|parameter| changed.contains(&parameter.knob));
    Ok(Population {
        name,
        kind,
        join: join(raw)?,
        count: *raw.count.get_ref(),
        site,
        schedule: match &raw.schedule {
            Some(schedule) => self::schedule(schedule)?,
            None => Schedule::of(kind),
        },
        ipv6_share,
        autopilot: raw.autopilot.as_ref().map(|wave| autopilot(wave, raw)).transpose()?,
        parameters,
        own_parameters: described,
    })
}

fn join(raw: &RawPopulation) -> Result<Join, Wrong> {
    let Some(join) = &raw.join else {
        if *raw.kind.get_ref() == PopulationKind::ManagedDevice {
            let what = "a managed device is joined in one of two ways; add `join = \"entra\"` or \
                        `join = \"hybrid\"`";
            return Err(Wrong::new(raw.kind.span(), "join", what.to_owned()));
        }
        return Ok(Join::ActiveDirectory);
    };
    let server = matches!(
        raw.kind.get_ref(),
        PopulationKind::MemberServer | PopulationKind::NtlmServer | PopulationKind::Application
    );
    if server && *join.get_ref() == Join::Entra {
        let what = "servers and applications of a domain are joined to it; write \
                    \"active-directory\" or \"hybrid\"";
        return Err(Wrong::new(join.span(), "join", what.to_owned()));
    }
    if *raw.kind.get_ref() == PopulationKind::ManagedDevice
        && *join.get_ref() == Join::ActiveDirectory
    {
        let what =
            "a managed device is joined to Microsoft Entra ID; write \"entra\" or \"hybrid\"";
        return Err(Wrong::new(join.span(), "join", what.to_owned()));
    }
    Ok(*join.get_ref())
}

fn schedule(value: &Spanned<Short<String, RawSchedule>>) -> Result<Schedule, Wrong> {
    match value.get_ref() {
        Short::Alone(name) => Schedule::named(name.trim()).ok_or_else(|| {
            let names = Schedule::NAMES.iter().map(|(name, _)| *name);
            let choices = names.clone().map(|name| format!("\"{name}\"")).collect::<Vec<_>>();
            let what = format!(
                "there is no schedule `{}`; write {}, or spell one out: {{ arrival = \"normal\", \
                 mean = \"08:20\", … }}",
                excerpt(name),
                choices.join(", ")
            );
            let suggestion = nearest(name, names).map(str::to_owned);
            Wrong { suggestion, ..Wrong::new(value.span(), "schedule", what) }
        }),
        Short::Table(raw) => spelled_out(raw, value.span()),
    }
}

fn spelled_out(raw: &RawSchedule, span: std::ops::Range<usize>) -> Result<Schedule, Wrong> {
    let arrival = match raw.arrival {
        Shape::Normal => normal(raw, &span)?,
        Shape::Burst => Arrival::Burst {
            at: time_of_day(needed(raw.at.as_ref(), "at", &span)?, "at")?,
            mean_delay: between(
                needed(raw.mean_delay_minutes.as_ref(), "mean_delay_minutes", &span)?,
                "mean_delay_minutes",
                DEVIATION_MINUTES,
            )?,
        },
        Shape::Always => Arrival::Always,
    };
    no_others(raw)?;
    if raw.arrival == Shape::Always {
        return Ok(Schedule::ALWAYS);
    }
    let stay_hours = needed(raw.stay_hours.as_ref(), "stay_hours", &span)?;
    let given = needed(raw.presence.as_ref(), "presence", &span)?;
    let shares = given.get_ref();
    if shares.len() != DAYS {
        let what = format!("{} shares, a week has {DAYS} days, Monday first", shares.len());
        return Err(Wrong::new(given.span(), "presence", what));
    }
    let mut presence = [0.0; DAYS];
    for (day, share) in presence.iter_mut().zip(shares) {
        *day = between(share, "presence", [0.0, 1.0])?;
    }
    Ok(Schedule { arrival, stay_hours: between(stay_hours, "stay_hours", STAY_HOURS)?, presence })
}

fn normal(raw: &RawSchedule, span: &std::ops::Range<usize>) -> Result<Arrival, Wrong> {
    let mean = time_of_day(needed(raw.mean.as_ref(), "mean", span)?, "mean")?;
    let deviation = needed(raw.deviation_minutes.as_ref(), "deviation_minutes", span)?;
    let first = needed(raw.earliest.as_ref(), "earliest", span)?;
    let last = needed(raw.latest.as_ref(), "latest", span)?;
    let (earliest, latest) = (time_of_day(first, "earliest")?, time_of_day(last, "latest")?);
    if mean < earliest {
        let what = "it is after `mean`; arrivals have their middle between the ends";
        return Err(Wrong::new(first.span(), "earliest", what.to_owned()));
    }
    if latest < mean || latest <= earliest {
        let what = "it is before `mean`, or is `earliest`; arrivals have their middle between the \
                    ends";
        return Err(Wrong::new(last.span(), "latest", what.to_owned()));
    }
    Ok(Arrival::Normal {
        mean,
        deviation: between(deviation, "deviation_minutes", DEVIATION_MINUTES)?,
        earliest,
        latest,
    })
}

/// Keys that say nothing for the shape of the arrivals are errors, like unknown ones.
fn no_others(raw: &RawSchedule) -> Result<(), Wrong> {
    let times = [(&raw.mean, "mean"), (&raw.earliest, "earliest"), (&raw.latest, "latest")];
    let normal = times.into_iter().filter_map(|(value, key)| Some((value.as_ref()?.span(), key)));
    let normal = normal
        .chain(raw.deviation_minutes.as_ref().map(|value| (value.span(), "deviation_minutes")));
    let burst =
        raw.at.as_ref().map(|value| (value.span(), "at")).into_iter().chain(
            raw.mean_delay_minutes.as_ref().map(|value| (value.span(), "mean_delay_minutes")),
        );
    let both = raw
        .stay_hours
        .as_ref()
        .map(|value| (value.span(), "stay_hours"))
        .into_iter()
        .chain(raw.presence.as_ref().map(|value| (value.span(), "presence")));
    let (shape, mut others): (_, Vec<_>) = match raw.arrival {
        Shape::Normal => ("normal", burst.collect()),
        Shape::Burst => ("burst", normal.collect()),
        Shape::Always => ("always", normal.chain(burst).chain(both).collect()),
    };
    match others.pop() {
        None => Ok(()),
        Some((span, key)) => {
            let what = format!("says nothing where `arrival` is \"{shape}\"; leave it out");
            Err(Wrong::new(span, key, what))
        }
    }
}

fn needed<'a, T>(
    value: Option<&'a Spanned<T>>,
    key: &'static str,
    span: &std::ops::Range<usize>,
) -> Result<&'a Spanned<T>, Wrong> {
    value.ok_or_else(|| Wrong::new(span.clone(), "schedule", format!("it lacks `{key}`")))
}

fn autopilot(raw: &RawWave, population: &RawPopulation) -> Result<AutopilotWave, Wrong> {
    let devices = *raw.devices.get_ref();
    let count = *population.count.get_ref();
    if *population.kind.get_ref() != PopulationKind::ManagedDevice {
        let what = "only managed devices enrol; write `kind = \"managed-device\"`, or leave \
                    `autopilot` out";
        return Err(Wrong::new(population.kind.span(), "kind", what.to_owned()));
    }
    if devices == 0 || devices > count {
        let what = format!("{devices} is not between 1 and the {count} of the population");
        return Err(Wrong::new(raw.devices.span(), "devices", what));
    }
    let mut days = [false; DAYS];
    for day in raw.days.get_ref() {
        if let Some(chosen) = days.get_mut(index_of(*day)) {
            *chosen = true;
        }
    }
    if !days.contains(&true) {
        let what = "no day; write e.g. [\"tuesday\"]";
        return Err(Wrong::new(raw.days.span(), "days", what.to_owned()));
    }
    Ok(AutopilotWave {
        devices,
        start: time_of_day(&raw.start, "start")?,
        over: between(&raw.over_minutes, "over_minutes", WAVE_MINUTES)?,
        days,
    })
}

const fn index_of(day: Day) -> usize {
    day as usize
}

impl Schedule {
    /// Servers: there at any hour of any day.
    pub const ALWAYS: Self =
        Self { arrival: Arrival::Always, stay_hours: 24.0, presence: [1.0; DAYS] };

    /// The named schedules. All are assumed: "office" has the spread of arrivals that puts 17 %
    /// of an office's logons into its busiest 15 minutes, around the peak that Microsoft's
    /// capacity planning page shows at 08:00 to 09:15, and its leaving at 17:00 to 19:00; days
    /// follow the weights of EvidenceForge, Monday being 1.
    pub const NAMES: [(&'static str, Self); 5] = [
        (
            "office",
            Self {
                arrival: around(8.0 * 60.0 + 20.0, 35.0, [170.0, 160.0]),
                stay_hours: 9.0,
                presence: [1.0, 0.91, 0.91, 0.87, 0.74, 0.07, 0.04],
            },
        ),
        (
            "shift",
            Self {
                arrival: around(6.0 * 60.0, 8.0, [40.0, 40.0]),
                stay_hours: 8.0,
                presence: [0.9, 0.9, 0.9, 0.9, 0.9, 0.6, 0.6],
            },
        ),
        (
            "school",
            Self {
                arrival: around(7.0 * 60.0 + 50.0, 4.0, [20.0, 20.0]),
                stay_hours: 6.5,
                presence: [0.95, 0.95, 0.95, 0.95, 0.95, 0.0, 0.0],
            },
        ),
        (
            "power-restore",
            Self {
                arrival: Arrival::Burst { at: 10.0 * 60.0, mean_delay: 3.0 },
                stay_hours: 7.0,
                presence: [1.0, 0.91, 0.91, 0.87, 0.74, 0.07, 0.04],
            },
        ),
        ("always", Self::ALWAYS),
    ];

    /// The named schedule.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, schedule)| *schedule)
    }

    /// The schedule of a population that says nothing.
    const fn of(kind: PopulationKind) -> Self {
        match kind {
            PopulationKind::MemberServer
            | PopulationKind::NtlmServer
            | PopulationKind::Application => Self::ALWAYS,
            PopulationKind::Workstation
            | PopulationKind::Laptop
            | PopulationKind::VpnUser
            | PopulationKind::ManagedDevice => OFFICE,
        }
    }
}

/// "office", which stands first.
const OFFICE: Schedule = {
    let [(_, office), ..] = Schedule::NAMES;
    office
};

/// Arrivals around a time, from so many minutes before to so many after.
const fn around(mean: f64, deviation: f64, [before, after]: [f64; 2]) -> Arrival {
    let (earliest, latest) = (mean - before, mean + after);
    assert!(earliest >= 0.0 && latest < MINUTES_PER_DAY, "arrivals are of one day");
    Arrival::Normal { mean, deviation, earliest, latest }
}
