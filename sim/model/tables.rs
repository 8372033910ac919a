//! The vendor's capacity tables and figures: `tables.toml`, read once and checked.
//!
//! Each entry carries its source and its [`Basis`], so that a report can say whose a number
//! is. The file is part of the program; a broken one fails the tests, not the user.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::record::{Basis, CapacityRow, CapacityTable, VerdictKind};

/// The table that is in force today.
pub const CURRENT_TABLE: &str = "mdi-2.x";

const TEXT: &str = include_str!("tables.toml");

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    Tables::parse(TEXT).expect("tables.toml is part of the program and checked by its tests")
});

/// All facts, read from the embedded file on first use.
pub fn tables() -> &'static Tables {
    &TABLES
}

/// What the v3.x sensor allows itself. It is not sized by traffic at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct V3Limits {
    /// Share of the server's processor time, in percent.
    pub cpu: &'static Figure,
    /// Memory in GB.
    pub memory: &'static Figure,
}

/// The v3.x sensor's limits on itself.
pub fn v3_limits() -> V3Limits {
    V3Limits { cpu: &TABLES.figures.v3_cpu_limit, memory: &TABLES.figures.v3_memory_limit }
}

/// Everything that `tables.toml` holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Tables {
    /// Capacity tables, the one in force first.
    pub capacity: Vec<PublishedTable>,
    /// Single figures.
    pub figures: Figures,
    /// The vendor's words for each kind of result.
    pub wordings: Wordings,
    /// Operating systems, in the order to try them.
    pub operating_systems: Vec<OperatingSystem>,
}

impl Tables {
    /// The table of that key, e.g. `mdi-2.x`.
    pub fn find(&self, key: &str) -> Option<&PublishedTable> {
        self.capacity.iter().find(|table| table.table.key == key)
    }

    fn parse(text: &str) -> Result<Self, TablesError> {
        let raw: RawTables = toml::from_str(text)?;
        let sources = &raw.sources;
        let capacity = raw
            .capacity_table
            .into_iter()
            .map(|table| table.checked(sources))
            .collect::<Result<Vec<_>, _>>()?;
        for (index, table) in capacity.iter().enumerate() {
            if capacity.iter().skip(index + 1).any(|other| other.table.key == table.table.key) {
                return Err(TablesError::Table {
                    key: table.table.key.clone(),
                    what: "its key occurs twice".to_owned(),
                });
            }
        }
        if capacity.first().is_none_or(|first| {
            first.table.key != CURRENT_TABLE || first.convention != Convention::SensorOwnUse
        }) {
            return Err(TablesError::NoCurrentTable);
        }
        let source_text = |key: &str| -> Result<String, TablesError> {
            Ok(find_source(sources, key)?.to_string())
        };
        Ok(Self {
            capacity,
            figures: raw.figures.checked(&source_text)?,
            wordings: Wordings { source: source_text(&raw.wordings.source)?, ..raw.wordings },
            operating_systems: raw
                .operating_system
                .into_iter()
                .map(|os| Ok(OperatingSystem { source: source_text(&os.source)?, ..os }))
                .collect::<Result<_, TablesError>>()?,
        })
    }
}

/// What the amounts of a table mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// What the sensor itself uses, on top of the domain controller's own use.
    SensorOwnUse,
    /// What the domain controller must have in all.
    WholeDomainController,
    /// What a server that only runs the gateway must have in all.
    WholeGatewayServer,
}

impl Convention {
    /// In words, to read after "counts".
    pub fn text(self) -> &'static str {
        match self {
            Self::SensorOwnUse => {
                "the sensor's own use, on top of what the domain controller uses itself"
            }
            Self::WholeDomainController => "everything that is installed in the domain controller",
            Self::WholeGatewayServer => "everything that is installed in a separate gateway server",
        }
    }
}

/// A capacity table with what a reader must know to use it.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedTable {
    /// The table as the report shows it.
    pub table: CapacityTable,
    /// What its amounts mean.
    pub convention: Convention,
    /// Whose it is.
    pub basis: Basis,
}

/// The row of `table` that `busy_packets_per_second` falls into; `None` above its end.
///
/// A row runs from its lower limit up to, but not including, its upper limit: the vendor does
/// not say which row a limit belongs to, and the higher row is the careful reading. Only the
/// last row includes its end, which the vendor printed as supported.
pub fn row_for(table: &CapacityTable, busy_packets_per_second: f64) -> Option<&CapacityRow> {
    let inside = |row: &&CapacityRow| {
        row.from_packets_per_second <= busy_packets_per_second
            && busy_packets_per_second < row.to_packets_per_second
    };
    table.rows.iter().find(inside).or_else(|| {
        // Exact: the limits are whole numbers, and busy is compared as it is.
        table.rows.last().filter(|row| {
            row.from_packets_per_second <= busy_packets_per_second
                && busy_packets_per_second <= row.to_packets_per_second
        })
    })
}

/// One published number.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// Whose it is.
    pub basis: Basis,
    /// Where it was published: title, date, address.
    pub source: String,
}

/// Declares [`Figures`] with the check that visits each of them, so that none is forgotten.
macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The single figures of `tables.toml`.
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Figures {
            $($(#[$doc])* pub $name: Figure,)+
        }

        impl Figures {
            fn checked(
                self,
                source: &dyn Fn(&str) -> Result<String, TablesError>,
            ) -> Result<Self, TablesError> {
                $(if !(self.$name.value.is_finite() && self.$name.value > 0.0) {
                    return Err(TablesError::Figure(stringify!($name)));
                })+
                Ok(Self { $($name: Figure { source: source(&self.$name.source)?, ..self.$name },)+ })
            }
        }
    };
}

figures! {
    /// Cores that any server with the sensor must have.
    minimum_cores,
    /// Memory that any server with the sensor must have, in GB.
    minimum_memory,
    /// How far below the minimum a server may report, in MB.
    minimum_memory_tolerance,
    /// Share of processor and memory that the sensor leaves free, in percent.
    reserve,
    /// Busy Packets/sec above which the answer is `Maybe`.
    maybe_above,
    /// Busy Packets/sec above which the answer is `No`.
    no_above,
    /// How many times the average makes Busy a spike.
    spike_ratio,
    /// Length of the busy window in seconds.
    busy_window,
    /// How long to measure, in hours.
    recommended_duration,
    /// Installed memory that the reserve is taken of where it is unknown, in GB.
    assumed_installed_memory,
    /// Processor share that the v3.x sensor allows itself, in percent.
    v3_cpu_limit,
    /// Memory that the v3.x sensor allows itself, in GB.
    v3_memory_limit,
}

/// The vendor's exact words for each kind of result.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wordings {
    /// Where they were published.
    pub source: String,
    yes: String,
    yes_but_resources: String,
    maybe: String,
    maybe_but_resources: String,
    no: String,
    missing_os_data: String,
    missing_traffic_data: String,
    missing_ram_data: String,
    missing_core_data: String,
    /// What the vendor's tool writes where it could not read the operating system.
    pub os_unreadable: String,
}

impl Wordings {
    /// The words for `kind`, without amounts.
    pub fn of(&self, kind: VerdictKind) -> &str {
        match kind {
            VerdictKind::Yes => &self.yes,
            VerdictKind::YesButResources => &self.yes_but_resources,
            VerdictKind::Maybe => &self.maybe,
            VerdictKind::MaybeButResources => &self.maybe_but_resources,
            VerdictKind::No => &self.no,
            VerdictKind::MissingOsData => &self.missing_os_data,
            VerdictKind::MissingTrafficData => &self.missing_traffic_data,
            VerdictKind::MissingRamData => &self.missing_ram_data,
            VerdictKind::MissingCoreData => &self.missing_core_data,
        }
    }
}

/// Whether the 2.x sensor runs on an operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// Supported.
    Supported,
    /// It still reports, but is no longer supported.
    Ended,
    /// Not supported at all.
    Never,
}

/// One operating system.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingSystem {
    /// Name to show.
    pub name: String,
    /// What to look for in a name, in lower case and without blanks.
    pub pattern: String,
    /// Whether the 2.x sensor runs on it.
    pub sensor_2x: Support,
    /// Whether the v3.x sensor runs on it.
    pub sensor_3x: bool,
    /// The vendor's words where it is a Server Core installation.
    pub words_if_core: Option<String>,
    /// Where it was published.
    pub source: String,
}

/// What is wrong with a file of facts.
#[derive(Debug, thiserror::Error)]
enum TablesError {
    #[error("read the facts file: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("source `{0}` is used but not listed under [sources]")]
    UnknownSource(String),
    #[error("source `{0}` has no title or no date of the form 2026-06-15 or 2026-06")]
    BadSource(String),
    #[error("table `{key}`: {what}")]
    Table { key: String, what: String },
    #[error("figure `{0}` must be a number above zero")]
    Figure(&'static str),
    #[error("the first capacity table must be `{CURRENT_TABLE}` and count the sensor's own use")]
    NoCurrentTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTables {
    sources: BTreeMap<String, Source>,
    capacity_table: Vec<RawTable>,
    figures: Figures,
    wordings: Wordings,
    operating_system: Vec<OperatingSystem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    title: String,
    date: String,
    /// Empty for our own choices.
    url: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.url.is_empty() {
            f.write_str(&self.title)
        } else {
            write!(f, "{} ({}), {}", self.title, self.date, self.url)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    key: String,
    title: String,
    source: String,
    basis: Basis,
    valid: String,
    convention: Convention,
    rows: Vec<RawRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRow {
    label: String,
    from: f64,
    to: f64,
    cores: f64,
    memory_gb: f64,
}

impl RawTable {
    fn checked(self, sources: &BTreeMap<String, Source>) -> Result<PublishedTable, TablesError> {
        let wrong = |what: String| TablesError::Table { key: self.key.clone(), what };
        if self.rows.is_empty() {
            return Err(wrong("it has no rows".to_owned()));
        }
        let mut below =
            RawRow { label: String::new(), from: 0.0, to: 0.0, cores: 0.0, memory_gb: 0.0 };
        for row in &self.rows {
            let finite = [row.from, row.to, row.cores, row.memory_gb].iter().all(|v| v.is_finite());
            if !finite || row.to <= row.from || row.cores <= 0.0 || row.memory_gb <= 0.0 {
                return Err(wrong(format!("row {} is empty or not a number", row.label)));
            }
            // Exact: both are written in the same file.
            if row.from != below.to {
                return Err(wrong(format!(
                    "row {} does not begin where the last one ends",
                    row.label
                )));
            }
            if row.cores < below.cores || row.memory_gb < below.memory_gb {
                return Err(wrong(format!("row {} needs less than the one below it", row.label)));
            }
            below = RawRow { label: String::new(), ..*row };
        }
        let source = find_source(sources, &self.source)?.to_string();
        let rows = self.rows.into_iter().map(|row| CapacityRow {
            label: row.label,
            from_packets_per_second: row.from,
            to_packets_per_second: row.to,
            cores: row.cores,
            memory_gb: row.memory_gb,
        });
        Ok(PublishedTable {
            table: CapacityTable {
                key: self.key,
                title: self.title,
                source,
                valid: self.valid,
                convention: self.convention.text().to_owned(),
                rows: rows.collect(),
            },
            convention: self.convention,
            basis: self.basis,
        })
    }
}

fn find_source<'s>(
    sources: &'s BTreeMap<String, Source>,
    key: &str,
) -> Result<&'s Source, TablesError> {
    let source = sources.get(key).ok_or_else(|| TablesError::UnknownSource(key.to_owned()))?;
    // Of some only the month is known; our own choices have neither address nor date.
    let is_date = |text: &str| text.parse::<jiff::civil::Date>().is_ok();
    let dated = is_date(&source.date) || is_date(&format!("{}-01", source.date));
    let own = source.url.is_empty() && source.date.is_empty();
    if source.title.is_empty() || !(dated || own) {
        return Err(TablesError::BadSource(key.to_owned()));
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(key: &str) -> Vec<(&'static str, f64, f64, f64, f64)> {
        let table = &tables().find(key).unwrap().table;
        let row = |r: &'static CapacityRow| {
            (
                r.label.as_str(),
                r.from_packets_per_second,
                r.to_packets_per_second,
                r.cores,
                r.memory_gb,
            )
        };
        table.rows.iter().map(row).collect()
    }

    #[test]
    fn the_current_table_is_the_published_one() {
        assert_eq!(
            rows("mdi-2.x"),
            [
                ("0-1k", 0.0, 1e3, 0.25, 2.5),
                ("1k-5k", 1e3, 5e3, 0.75, 6.0),
                ("5k-10k", 5e3, 10e3, 1.0, 6.5),
                ("10k-20k", 10e3, 20e3, 2.0, 9.0),
                ("20k-50k", 20e3, 50e3, 3.5, 9.5),
                ("50k-75k", 50e3, 75e3, 5.5, 11.5),
                ("75k-100k", 75e3, 100e3, 7.5, 13.5),
            ]
        );
    }

    #[test]
    fn the_older_tables_are_the_published_ones() {
        assert_eq!(
            rows("azure-atp-2018"),
            [
                ("0-1k", 0.0, 1e3, 0.25, 2.5),
                ("1k-5k", 1e3, 5e3, 0.75, 6.0),
                ("5k-10k", 5e3, 10e3, 1.0, 6.5),
                ("10k-20k", 10e3, 20e3, 2.0, 9.0),
                ("20k-50k", 20e3, 50e3, 3.5, 9.5),
                ("50k-75k", 50e3, 75e3, 3.5, 9.5),
                ("75k-100k", 75e3, 100e3, 3.5, 9.5),
            ]
        );
        assert_eq!(
            rows("ata-lightweight-gateway"),
            [
                ("1,000", 0.0, 1e3, 2.0, 6.0),
                ("5,000", 1e3, 5e3, 6.0, 16.0),
                ("10,000", 5e3, 10e3, 10.0, 24.0),
            ]
        );
        assert_eq!(
            rows("ata-gateway"),
            [
                ("1,000", 0.0, 1e3, 1.0, 6.0),
                ("5,000", 1e3, 5e3, 2.0, 10.0),
                ("10,000", 5e3, 10e3, 3.0, 12.0),
                ("20,000", 10e3, 20e3, 6.0, 24.0),
                ("50,000", 20e3, 50e3, 16.0, 48.0),
            ]
        );
    }

    #[test]
    fn every_figure_says_whose_it_is() {
        let f = &tables().figures;
        use Basis::{Inferred, Ours, VendorPublished};
        let all = [
            (&f.minimum_cores, 2.0, "cores", VendorPublished),
            (&f.minimum_memory, 6.0, "GB", VendorPublished),
            (&f.minimum_memory_tolerance, 1.0, "MB", VendorPublished),
            (&f.reserve, 15.0, "%", VendorPublished),
            (&f.maybe_above, 60_000.0, "packets/s", VendorPublished),
            (&f.no_above, 100_000.0, "packets/s", Ours),
            (&f.spike_ratio, 3.0, "times the average", Ours),
            (&f.busy_window, 900.0, "s", VendorPublished),
            (&f.recommended_duration, 24.0, "h", VendorPublished),
            (&f.assumed_installed_memory, 8.0, "GB", Inferred),
            (&f.v3_cpu_limit, 30.0, "%", VendorPublished),
            (&f.v3_memory_limit, 1.5, "GB", VendorPublished),
        ];
        for (figure, value, unit, basis) in all {
            assert_eq!((figure.value, figure.unit.as_str(), figure.basis), (value, unit, basis));
            assert!(!figure.source.is_empty());
        }
        assert_eq!(v3_limits().cpu.value, 30.0);
        assert_eq!(v3_limits().memory.value, 1.5);
    }

    #[test]
    fn the_words_are_the_vendors() {
        use VerdictKind::*;
        let words = [
            (Yes, "Yes"),
            (YesButResources, "Yes, but additional resources required"),
            (Maybe, "Maybe"),
            (MaybeButResources, "Maybe, but additional resources required"),
            (No, "No"),
            (MissingOsData, "Missing OS Data"),
            (MissingTrafficData, "Missing Traffic Data"),
            (MissingRamData, "Missing RAM data"),
            (MissingCoreData, "Missing core data"),
        ];
        for (kind, expected) in words {
            assert_eq!(tables().wordings.of(kind), expected);
        }
    }

    #[test]
    fn a_limit_belongs_to_the_higher_row_and_the_end_to_the_last() {
        let table = &tables().find(CURRENT_TABLE).unwrap().table;
        let label = |busy: f64| row_for(table, busy).map(|row| row.label.as_str());
        let limits = [
            (0.0, Some("0-1k")),
            (999.999, Some("0-1k")),
            (1_000.0, Some("1k-5k")),
            (4_999.999, Some("1k-5k")),
            (5_000.0, Some("5k-10k")),
            (9_999.999, Some("5k-10k")),
            (10_000.0, Some("10k-20k")),
            (19_999.999, Some("10k-20k")),
            (20_000.0, Some("20k-50k")),
            (49_999.999, Some("20k-50k")),
            (50_000.0, Some("50k-75k")),
            (74_999.999, Some("50k-75k")),
            (75_000.0, Some("75k-100k")),
            (100_000.0, Some("75k-100k")),
            (100_000.001, None),
            (-0.001, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ];
        for (busy, expected) in limits {
            assert_eq!(label(busy), expected, "{busy}");
        }
    }

    #[test]
    fn a_broken_file_of_facts_is_refused_by_name() {
        let broken = [
            (
                "from = 1000, to = 5000, cores = 0.75",
                "from = 1001, to = 5000, cores = 0.75",
                "begin",
            ),
            ("cores = 0.75", "cores = 0.15", "needs less"),
            ("cores = 0.25", "cores = nan", "not a number"),
            ("source = \"architecture\"", "source = \"hearsay\"", "hearsay"),
            ("date = \"2026-06-15\"", "date = \"lately\"", "capacity-planning"),
            ("key = \"azure-atp-2018\"", "key = \"mdi-2.x\"", "twice"),
            ("key = \"mdi-2.x\"", "key = \"mdi-9.x\"", "mdi-2.x"),
            ("value = 15\n", "value = -15\n", "reserve"),
        ];
        for (from, to, expected) in broken {
            assert!(TEXT.contains(from), "{from}");
            let error = Tables::parse(&TEXT.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(expected), "{to}: {error}");
        }
    }
}
