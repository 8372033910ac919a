//! The form of an estate file: its tables and keys, before anything is checked.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::{Basis, Join, PopulationKind, Virtualization};

/// A number or text that may stand alone, or a table that says more.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Short<A, T> {
    /// It alone.
    Alone(A),
    /// The table.
    Table(T),
}

/// Groups of parameters, then parameters: `dns.queries_per_hour = …`.
pub(super) type Groups<T> = BTreeMap<Spanned<String>, BTreeMap<Spanned<String>, Spanned<T>>>;

/// What an estate says of parameters.
pub(super) type Settings = Groups<Short<f64, Setting>>;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEstate {
    pub calibration: Option<Spanned<String>>,
    pub learned_from_synthesized: Option<Spanned<String>>,
    pub forest: Option<RawForest>,
    #[serde(default)]
    pub site: Vec<RawSite>,
    #[serde(default)]
    pub domain_controller: Vec<RawDomainController>,
    #[serde(default)]
    pub population: Vec<RawPopulation>,
    #[serde(default)]
    pub network: RawNetwork,
    #[serde(default)]
    pub parameters: Settings,
}

/// A parameter with where its value comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub value: f64,
    pub basis: Option<Basis>,
    pub source: Option<String>,
}

/// `[forest]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawForest {
    pub dns_name: Spanned<String>,
    pub netbios_name: Option<Spanned<String>>,
}

/// `[[site]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSite {
    pub name: Spanned<String>,
    pub time_zone: Spanned<String>,
    pub subnet: Spanned<String>,
    pub subnet6: Option<Spanned<String>>,
    pub vlan: Option<Spanned<u16>>,
    pub round_trip_ms: Option<Spanned<f64>>,
    pub served_by: Option<Spanned<String>>,
}

/// `[[domain_controller]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDomainController {
    pub name: Spanned<String>,
    #[serde(default)]
    pub addresses: Vec<Spanned<String>>,
    pub site: Option<Spanned<String>>,
    #[serde(default)]
    pub roles: Vec<Spanned<Role>>,
    pub physical_cores: Option<Spanned<u32>>,
    pub logical_processors: Option<Spanned<u32>>,
    pub installed_memory_gb: Option<Spanned<f64>>,
    pub min_available_mb: Option<Spanned<f64>>,
    pub operating_system: Option<Spanned<String>>,
    pub virtualization: Option<Virtualization>,
}

/// A role of a domain controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    PdcEmulator,
    Dns,
    Dhcp,
    Wins,
    RadiusAccounting,
    Sensor,
}

/// `[[population]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPopulation {
    pub name: Spanned<String>,
    pub kind: Spanned<PopulationKind>,
    pub join: Option<Spanned<Join>>,
    pub count: Spanned<u32>,
    pub site: Spanned<String>,
    pub schedule: Option<Spanned<Short<String, RawSchedule>>>,
    pub ipv6_share: Option<Spanned<f64>>,
    pub autopilot: Option<RawWave>,
    #[serde(default)]
    pub parameters: Settings,
}

/// A schedule spelled out.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSchedule {
    pub arrival: Shape,
    pub mean: Option<Spanned<String>>,
    pub deviation_minutes: Option<Spanned<f64>>,
    pub earliest: Option<Spanned<String>>,
    pub latest: Option<Spanned<String>>,
    pub at: Option<Spanned<String>>,
    pub mean_delay_minutes: Option<Spanned<f64>>,
    pub stay_hours: Option<Spanned<f64>>,
    pub presence: Option<Spanned<Vec<Spanned<f64>>>>,
}

/// The shape of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    Normal,
    Burst,
    Always,
}

/// `autopilot` of a population.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWave {
    pub devices: Spanned<u32>,
    pub start: Spanned<String>,
    pub over_minutes: Spanned<f64>,
    pub days: Spanned<Vec<Day>>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// `[network]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub mtu_bytes: Option<Spanned<u16>>,
    pub loss: Option<Spanned<f64>>,
    pub reordering: Option<Spanned<f64>>,
    #[serde(default)]
    pub offload: bool,
    #[serde(default)]
    pub forwarders: Vec<Spanned<String>>,
}

/// What may stand in place of a table.
pub(super) trait Alone: Sized {
    const EXPECTING: &'static str;

    fn number(value: f64) -> Option<Self>;
    fn text(value: &str) -> Option<Self>;
}

impl Alone for f64 {
    const EXPECTING: &'static str = "a number, or a table with `value`";

    fn number(value: f64) -> Option<Self> {
        Some(value)
    }

    fn text(_: &str) -> Option<Self> {
        None
    }
}

impl Alone for String {
    const EXPECTING: &'static str = "a name or a table";

    fn number(_: f64) -> Option<Self> {
        None
    }

    fn text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

impl<'de, A: Alone, T: Deserialize<'de>> Deserialize<'de> for Short<A, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortVisitor(PhantomData))
    }
}

/// Not an untagged enum: that would lose the places of what stands in the table, and the reason
/// why it does not fit.
struct ShortVisitor<A, T>(PhantomData<(A, T)>);

impl<'de, A: Alone, T: Deserialize<'de>> Visitor<'de> for ShortVisitor<A, T> {
    type Value = Short<A, T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(A::EXPECTING)
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        let alone = A::number(value).map(Short::Alone);
        alone.ok_or_else(|| E::invalid_type(Unexpected::Float(value), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        // Above 2^53 the nearest number is as good: every limit is far below.
        let alone = A::number(value as f64).map(Short::Alone);
        alone.ok_or_else(|| E::invalid_type(Unexpected::Signed(value), &self))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
        let alone = A::text(value).map(Short::Alone);
        alone.ok_or_else(|| E::invalid_type(Unexpected::Str(value), &self))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Short::Table)
    }
}
