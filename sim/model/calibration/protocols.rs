//! What a packet of each protocol costs our own core: `costs.toml`, or a measurement of the user's.
//!
//! The mix that the vendor's table is made for is not published; a reference mix stands for it,
//! and others are drawn around that. Both are told as assumptions, with their figures.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::classes::{Class, ClassCosts, ClassCostsError, Measured};
use crate::record::{Assumption, Basis, Measurement, ProtocolCost};

/// Packets below which a cost is not taken: fewer are as good as none of its conversations. Ours.
const PACKETS_MIN: u64 = 200;
/// Protocols without which there is no ratio.
const PROTOCOLS_MIN: usize = 2;
/// Nanoseconds that a packet may cost: from fewer than any to a second. Outside is no measurement.
const PACKET_NS: std::ops::RangeInclusive<f64> = 1.0..=1e9;
/// Half of a 95 % interval in standard deviations of a normal distribution.
const Z: f64 = 1.959_964;
/// Protocols of the reference mix that are named in words.
const NAMED: usize = 4;

const TEXT: &str = include_str!("costs.toml");

static FILE: LazyLock<CostFile> = LazyLock::new(|| {
    CostFile::parse(TEXT).expect("costs.toml is part of the program and checked by its tests")
});

/// Costs of protocols.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolCosts {
    /// By display name; those with too few packets are not there.
    known: BTreeMap<String, Known>,
    /// Where they were measured, in words.
    source: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Known {
    cost: Measured,
    /// Others disturbed the measurement.
    is_disturbed: bool,
}

/// A protocol that becomes a class.
struct Row<'a> {
    name: &'a str,
    known: Option<Known>,
    /// In the reference mix.
    share: f64,
}

/// Why a measurement gives no costs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolCostsError {
    /// Without optimisation ratios are others.
    #[error("use costs of a build without optimisation: measure with a release build of Headroom")]
    NotOptimised,
    /// Not a figure.
    #[error("use the cost of {protocol}: it must be an interval between 1 ns and 1 s per packet")]
    Figure {
        /// Display name of the protocol, from the file. Hostile.
        protocol: String,
    },
    /// Not enough.
    #[error(
        "use costs of {found} protocols: at least {PROTOCOLS_MIN} are needed, each with \
         {PACKETS_MIN} packets or more; measure a longer capture"
    )]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// None that can be relied on.
    #[error(
        "use costs that others disturbed, each of them: measure again on a machine with nothing \
         else to do"
    )]
    AllDisturbed,
    /// As classes.
    #[error(transparent)]
    Classes(#[from] ClassCostsError),
}

impl ProtocolCosts {
    /// Those that are part of the program.
    pub fn built_in() -> Self {
        let enough = FILE.protocol.iter().filter(|row| row.packets >= PACKETS_MIN);
        let known = |row: &CostRow| Known {
            cost: Measured { mean_ns: row.ns_per_packet, error_ns: row.error_ns },
            is_disturbed: false,
        };
        Self {
            known: enough.map(|row| (row.protocol.clone(), known(row))).collect(),
            source: FILE.measured.to_string(),
        }
    }

    /// Those that a measurement found. Its intervals are of one run: each error is at least what
    /// runs of the same input were seen to differ by.
    ///
    /// # Errors
    /// [`ProtocolCostsError`] where its figures are none, too few, or cannot be relied on.
    pub fn measured(measurement: &Measurement) -> Result<Self, ProtocolCostsError> {
        Self::of_rows(&measurement.cost.protocols, measurement.is_optimised_build)
    }

    fn of_rows(rows: &[ProtocolCost], is_optimised: bool) -> Result<Self, ProtocolCostsError> {
        if !is_optimised {
            return Err(ProtocolCostsError::NotOptimised);
        }
        let mut known = BTreeMap::new();
        for row in rows.iter().filter(|row| row.frames >= PACKETS_MIN) {
            let Some(interval) = row.ns_per_packet else { continue };
            let figures = [interval.low, interval.estimate, interval.high];
            let is_inside = figures.iter().all(|ns| PACKET_NS.contains(ns));
            if !is_inside || !figures.is_sorted() {
                return Err(ProtocolCostsError::Figure { protocol: row.protocol.clone() });
            }
            let mean_ns = interval.estimate;
            let own_ns = (interval.high - interval.low) / (2.0 * Z);
            let between_ns = FILE.measured.run_spread * mean_ns;
            let cost = Measured { mean_ns, error_ns: libm::hypot(own_ns, between_ns) };
            let is_disturbed = row.is_inconclusive;
            known.insert(row.protocol.clone(), Known { cost, is_disturbed });
        }
        if known.len() < PROTOCOLS_MIN {
            return Err(ProtocolCostsError::TooFew { found: known.len() });
        }
        if known.values().all(|known| known.is_disturbed) {
            return Err(ProtocolCostsError::AllDisturbed);
        }
        let source = "--costs: what `headroom measure` found there; only proportions count";
        Ok(Self { known, source: source.to_owned() })
    }

    /// The costs of classes with these display names, the first that of class 0. What is not
    /// known costs the mean, with an error as wide as the known ones differ; what was disturbed
    /// gets that error.
    ///
    /// # Errors
    /// [`ProtocolCostsError`] where fewer than two of the protocols are known, or none of those
    /// that are is in the reference mix.
    pub fn classes<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<ClassCosts, ProtocolCostsError> {
        let row = |name: &'a str| {
            let row = FILE.protocol.iter().find(|row| row.protocol == name);
            let share = row.map_or(0.0, |row| row.share);
            Row { name, known: self.known.get(name).copied(), share }
        };
        let rows: Vec<Row<'_>> = names.map(row).collect();
        let known = || rows.iter().filter_map(|row| Some((row.known?.cost.mean_ns, row.share)));
        let count = known().count();
        if count < PROTOCOLS_MIN {
            return Err(ProtocolCostsError::TooFew { found: count });
        }
        let whole: f64 = known().map(|(_, share)| share).sum();
        if whole <= 0.0 {
            return Err(ClassCostsError::EmptyMix.into());
        }
        let mean_ns = known().map(|(ns, share)| ns * share).sum::<f64>() / whole;
        let squares = known().map(|(ns, _)| (ns - mean_ns) * (ns - mean_ns));
        let wide = libm::sqrt(squares.sum::<f64>() / count as f64) / mean_ns;
        let classes = rows.iter().map(|row| Class {
            name: row.name.to_owned(),
            cost: cost(row.known, mean_ns, wide),
            share: row.share,
        });
        let told = vec![self.told(&rows, mean_ns, wide), mix_told(&rows)];
        Ok(ClassCosts::new(classes.collect(), Some(FILE.reference.concentration), told)?)
    }

    /// What is assumed of the costs.
    fn told(&self, rows: &[Row<'_>], mean_ns: f64, wide: f64) -> Assumption {
        let mut text =
            "what a packet costs in processor time depends on its protocol, in the proportions of \
             what Headroom itself needs to read it"
                .to_owned();
        let known = || rows.iter().filter_map(|row| Some((row.name, row.known?.cost.mean_ns)));
        let by_cost = |a: &(&str, f64), b: &(&str, f64)| a.1.total_cmp(&b.1);
        if let Some((cheap, dear)) = known().min_by(by_cost).zip(known().max_by(by_cost)) {
            text.push_str(&format!(
                ": from {} ({:.1} times the mean) to {} ({:.1} times), which is {:.1} times as much",
                cheap.0,
                cheap.1 / mean_ns,
                dear.0,
                dear.1 / mean_ns,
                dear.1 / cheap.1
            ));
        }
        text.push_str(
            "; their mean is what the vendor's table allows. The vendor publishes no cost per \
             protocol.",
        );
        let wide = wide * 100.0;
        let names = |is: fn(&Row<'_>) -> bool| {
            let found = rows.iter().filter(|row| is(row)).map(|row| row.name);
            found.collect::<Vec<&str>>().join(", ")
        };
        let unknown = names(|row| row.known.is_none());
        if !unknown.is_empty() {
            text.push_str(&format!(
                " Too few packets were measured of {unknown}: they cost the mean, give or take \
                 {wide:.0} %."
            ));
        }
        let disturbed = names(|row| row.known.is_some_and(|known| known.is_disturbed));
        if !disturbed.is_empty() {
            text.push_str(&format!(
                " Others disturbed the measurement of {disturbed}: give or take {wide:.0} %."
            ));
        }
        Assumption { text, basis: Basis::Assumed, source: self.source.clone() }
    }
}

/// What is not known costs the mean; its error, and that of what was disturbed, is `wide`.
fn cost(known: Option<Known>, mean_ns: f64, wide: f64) -> Measured {
    match known {
        None => Measured { mean_ns, error_ns: wide * mean_ns },
        Some(Known { cost, is_disturbed: false }) => cost,
        Some(Known { cost, .. }) => {
            Measured { error_ns: cost.error_ns.max(wide * cost.mean_ns), ..cost }
        }
    }
}

/// What is assumed of the reference mix.
fn mix_told(rows: &[Row<'_>]) -> Assumption {
    let whole: f64 = rows.iter().map(|row| row.share).sum();
    let shares = rows.iter().map(|row| (row.name, row.share / whole));
    let mut shares: Vec<(&str, f64)> = shares.collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let words = |(name, share): &(&str, f64)| format!("{name} {}", percent(*share));
    let named: Vec<String> = shares.iter().take(NAMED).map(words).collect();
    let Reference { of, concentration, .. } = &FILE.reference;
    let (first, most) = shares.first().copied().unwrap_or_default();
    let deviation = libm::sqrt(most * (1.0 - most) / (concentration + 1.0));
    Assumption {
        text: format!(
            "the vendor's table is taken to hold for a mix of {}, and others, as in {of}. What mix \
             the vendor had is not published, so that each run takes another one around this: of \
             {first}, {} give or take {}.",
            named.join(", "),
            percent(most),
            percent(deviation)
        ),
        basis: Basis::Assumed,
        source: FILE.reference.how.clone(),
    }
}

/// What `costs.toml` holds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostFile {
    measured: Campaign,
    reference: Reference,
    protocol: Vec<CostRow>,
}

/// Where and how costs were measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Campaign {
    version: String,
    date: String,
    machine: String,
    how: String,
    /// Relative standard deviation of runs of the same input.
    run_spread: f64,
}

impl std::fmt::Display for Campaign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { version, date, machine, how, .. } = self;
        write!(
            f,
            "measured with Headroom {version} on {date}, {machine}: {how}; --costs gives others"
        )
    }
}

/// The mix that stands for the vendor's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    of: String,
    how: String,
    concentration: f64,
}

/// One protocol.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostRow {
    /// Display name.
    protocol: String,
    ns_per_packet: f64,
    error_ns: f64,
    /// Packets behind it.
    packets: u64,
    /// Share of the packets of the reference mix.
    share: f64,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
enum CostFileError {
    #[error("read the file of costs: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("row {0}: figures must be numbers, costs above zero, and the name not given before")]
    Row(String),
    #[error("shares must add up to 1, concentration and spread be above zero, words be there")]
    Reference,
}

impl CostFile {
    fn parse(text: &str) -> Result<Self, CostFileError> {
        let file: Self = toml::from_str(text)?;
        for (index, row) in file.protocol.iter().enumerate() {
            let before = file.protocol.iter().take(index);
            let is_new = before.into_iter().all(|other| other.protocol != row.protocol);
            let is_cost = PACKET_NS.contains(&row.ns_per_packet) && row.error_ns > 0.0;
            if !is_new || !is_cost || !(0.0..=1.0).contains(&row.share) {
                return Err(CostFileError::Row(row.protocol.clone()));
            }
        }
        let whole: f64 = file.protocol.iter().map(|row| row.share).sum();
        let (measured, reference) = (&file.measured, &file.reference);
        let words = [&measured.version, &measured.date, &measured.machine, &measured.how];
        let good = (whole - 1.0).abs() < 0.001
            && reference.concentration > 0.0
            && measured.run_spread > 0.0
            && words.iter().chain(&[&reference.of, &reference.how]).all(|word| !word.is_empty());
        if good { Ok(file) } else { Err(CostFileError::Reference) }
    }
}

#[cfg(test)]
mod tests;
