//! The thresholds behind a verdict, each with whose it is, and what a result rests on.

use crate::record::{Assumption, Basis, CapacityTable, Sized};

use super::load::MIN_GOOD_PERCENT;
use super::tables::{CURRENT_TABLE, Convention, tables};
use super::words;

/// Highest share that can be kept free, in percent: beyond it nothing is left to size with.
const RESERVE_PERCENT_MAX: f64 = 90.0;

/// The thresholds of a verdict. [`Rules::default`] is the vendor's wherever it published one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    table: &'static CapacityTable,
    spike_ratio: f64,
    maybe_above_packets_per_second: f64,
    no_above_packets_per_second: f64,
    reserve_percent: f64,
}

/// A threshold that makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RulesError {
    /// No table of that key.
    #[error("there is no capacity table `{key}`; known are {known}")]
    UnknownTable {
        /// The key as given.
        key: String,
        /// All keys.
        known: String,
    },
    /// The table counts whole servers.
    #[error(
        "table `{key}` counts {convention}, so a sensor cannot be sized with it; it is shown \
         for comparison only"
    )]
    WholeServerTable {
        /// The key as given.
        key: String,
        /// What the table counts.
        convention: &'static str,
    },
    /// A number outside its range.
    #[error("{name} is {value}; give a number {range}")]
    OutOfRange {
        /// Which threshold.
        name: &'static str,
        /// The number as given.
        value: f64,
        /// The range in words.
        range: &'static str,
    },
}

impl Default for Rules {
    fn default() -> Self {
        let tables = tables();
        let current = tables.find(CURRENT_TABLE).expect("checked when the tables were read");
        Self {
            table: &current.table,
            spike_ratio: tables.figures.spike_ratio.value,
            maybe_above_packets_per_second: tables.figures.maybe_above.value,
            no_above_packets_per_second: tables.figures.no_above.value,
            reserve_percent: tables.figures.reserve.value,
        }
    }
}

impl Rules {
    /// Reads verdicts from the table of that key.
    ///
    /// # Errors
    /// The key is unknown, or its table counts whole servers instead of the sensor's own use.
    pub fn with_table(self, key: &str) -> Result<Self, RulesError> {
        let Some(found) = tables().find(key) else {
            let known: Vec<_> =
                tables().capacity.iter().map(|table| table.table.key.as_str()).collect();
            return Err(RulesError::UnknownTable { key: key.to_owned(), known: known.join(", ") });
        };
        if found.convention != Convention::SensorOwnUse {
            return Err(RulesError::WholeServerTable {
                key: key.to_owned(),
                convention: found.convention.text(),
            });
        }
        Ok(Self { table: &found.table, ..self })
    }

    /// `Maybe` where Busy is more than `ratio` times the average.
    ///
    /// # Errors
    /// The ratio is below 1 or not a number.
    pub fn with_spike_ratio(self, ratio: f64) -> Result<Self, RulesError> {
        let name = "the spike ratio";
        Ok(Self { spike_ratio: checked(name, ratio, 1.0, f64::MAX, "of at least 1")?, ..self })
    }

    /// `Maybe` where Busy is above `packets_per_second`.
    ///
    /// # Errors
    /// The rate is negative or not a number.
    pub fn with_maybe_above(self, packets_per_second: f64) -> Result<Self, RulesError> {
        let name = "the rate for Maybe";
        let rate = checked(name, packets_per_second, 0.0, f64::MAX, "of at least 0")?;
        Ok(Self { maybe_above_packets_per_second: rate, ..self })
    }

    /// `No` where Busy is above `packets_per_second`; above the table's end it always is.
    ///
    /// # Errors
    /// The rate is negative or not a number.
    pub fn with_no_above(self, packets_per_second: f64) -> Result<Self, RulesError> {
        let name = "the rate for No";
        let rate = checked(name, packets_per_second, 0.0, f64::MAX, "of at least 0")?;
        Ok(Self { no_above_packets_per_second: rate, ..self })
    }

    /// Keeps `percent` of memory and cores free.
    ///
    /// # Errors
    /// Below 0, above 90, or not a number.
    pub fn with_reserve_percent(self, percent: f64) -> Result<Self, RulesError> {
        let name = "the reserve";
        let reserve = checked(name, percent, 0.0, RESERVE_PERCENT_MAX, "from 0 to 90 percent")?;
        Ok(Self { reserve_percent: reserve, ..self })
    }

    /// The table that verdicts are read from.
    pub fn table(&self) -> &'static CapacityTable {
        self.table
    }

    /// How many times the average makes Busy a spike.
    pub fn spike_ratio(&self) -> f64 {
        self.spike_ratio
    }

    /// Busy Packets/sec above which the answer is `Maybe`.
    pub fn maybe_above_packets_per_second(&self) -> f64 {
        self.maybe_above_packets_per_second
    }

    /// Busy Packets/sec above which the answer is `No`.
    pub fn no_above_packets_per_second(&self) -> f64 {
        self.no_above_packets_per_second
    }

    /// Share of memory and cores kept free, in percent.
    pub fn reserve_percent(&self) -> f64 {
        self.reserve_percent
    }

    /// Whose the rate for `Maybe` is.
    pub(super) fn maybe_basis(&self) -> Basis {
        whose(&tables().figures.maybe_above, self.maybe_above_packets_per_second)
    }

    /// Whose the spike ratio is.
    pub(super) fn spike_basis(&self) -> Basis {
        whose(&tables().figures.spike_ratio, self.spike_ratio)
    }

    /// The same as a share of 1.
    pub(super) fn reserve_share(&self) -> f64 {
        self.reserve_percent / 100.0
    }
}

/// Whose the number `used` is: that of `published`, or the user's.
fn whose(published: &super::Figure, used: f64) -> Basis {
    // Exact: a default is the very number of the file.
    if published.value == used { published.basis } else { Basis::Given }
}

fn checked(
    name: &'static str,
    value: f64,
    min: f64,
    max: f64,
    range: &'static str,
) -> Result<f64, RulesError> {
    // NaN is in no range.
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(RulesError::OutOfRange { name, value, range })
    }
}

/// What the results on `sized` rest on, most important first. Only what was used is listed.
pub fn assumptions(rules: &Rules, sized: &[Sized]) -> Vec<Assumption> {
    let mut list = table_assumptions(rules);
    list.extend(traffic_assumptions(sized));
    list.extend(threshold_assumptions(rules));
    list.extend(server_assumptions(rules, sized));
    list
}

fn table_assumptions(rules: &Rules) -> Vec<Assumption> {
    let table = rules.table;
    let basis =
        tables().find(&table.key).map_or(Basis::VendorPublished, |published| published.basis);
    vec![
        assumption(
            basis,
            format!(
                "Sized with the table of the {} (valid {}). Its amounts are {}. The vendor calls \
                 it an estimate: the cost depends on the amount of traffic and its distribution.",
                table.title, table.valid, table.convention
            ),
            &table.source,
        ),
        assumption(
            Basis::Ours,
            "A rate that equals the limit between two rows is read from the higher row, and no \
             values are interpolated inside a row; the vendor does not say which row a limit \
             belongs to."
                .to_owned(),
            "not configurable",
        ),
    ]
}

fn traffic_assumptions(sized: &[Sized]) -> Vec<Assumption> {
    let figures = &tables().figures;
    let mut list = Vec::new();
    if sized.iter().any(|one| one.dc.reported.is_none()) {
        list.push(assumption(
            Basis::VendorPublished,
            "Busy Packets/sec is the mean of the 15 busiest minutes.".to_owned(),
            &figures.busy_window.source,
        ));
        list.push(assumption(
            Basis::Inferred,
            "Those 15 minutes are one unbroken window that moves by one sample (180 samples of \
             5 s): start and end of each window in the vendor's screenshot lie 14 min 58 s apart."
                .to_owned(),
            &figures.assumed_installed_memory.source,
        ));
    }
    if sized.iter().any(|one| one.dc.reported.is_some()) {
        list.push(assumption(
            Basis::Given,
            "Busy, average and maximum of a sizing workbook are used as they stand in it."
                .to_owned(),
            "the workbook",
        ));
    }
    if sized.iter().any(|one| one.dc.reported.is_none() && one.load.failed_samples > 0) {
        list.push(assumption(
            Basis::Ours,
            format!(
                "Samples without a good reading are left out of every mean; a window counts only \
                 with {MIN_GOOD_PERCENT} % good readings, unless none has that many."
            ),
            "not configurable",
        ));
    }
    list
}

fn threshold_assumptions(rules: &Rules) -> Vec<Assumption> {
    let figures = &tables().figures;
    let own = |published: &super::Figure, used: f64| match whose(published, used) {
        Basis::Given => (Basis::Given, "set by the user".to_owned()),
        basis => (basis, published.source.clone()),
    };
    let (maybe, maybe_source) = own(&figures.maybe_above, rules.maybe_above_packets_per_second);
    let (no, no_source) = own(&figures.no_above, rules.no_above_packets_per_second);
    let (spike, spike_source) = own(&figures.spike_ratio, rules.spike_ratio);
    vec![
        assumption(
            maybe,
            format!(
                "Busy above {} packets/s is a Maybe. 60,000 is the one figure that the vendor \
                 prints for it.",
                words::rate(rules.maybe_above_packets_per_second)
            ),
            &maybe_source,
        ),
        assumption(
            spike,
            format!(
                "Busy above {} times the average is a Maybe. The vendor says \"significantly \
                 higher\" without a figure.",
                words::plain(rules.spike_ratio)
            ),
            &spike_source,
        ),
        assumption(
            no,
            format!(
                "Busy above {} packets/s, or above the end of the table, is a No. The vendor's \
                 limit is not published.",
                words::rate(rules.no_above_packets_per_second)
            ),
            &no_source,
        ),
    ]
}

fn server_assumptions(rules: &Rules, sized: &[Sized]) -> Vec<Assumption> {
    let figures = &tables().figures;
    let reserve_given = rules.reserve_percent != figures.reserve.value;
    let mut list = vec![assumption(
        if reserve_given { Basis::Given } else { figures.reserve.basis },
        format!(
            "The sensor keeps {} % of the server's memory and processors free and drops traffic \
             rather than use them.",
            words::plain(rules.reserve_percent)
        ),
        if reserve_given { "set by the user" } else { &figures.reserve.source },
    )];
    list.push(assumption(
        figures.minimum_cores.basis,
        format!(
            "Any server with the sensor needs at least {} cores and {} GB of memory, whatever \
             its traffic.",
            words::plain(figures.minimum_cores.value),
            words::plain(figures.minimum_memory.value)
        ),
        &figures.minimum_cores.source,
    ));
    list.extend(memory_assumptions(sized));
    list.push(assumption(
        Basis::Ours,
        "Cores: the row's cores, what the domain controller uses on average where that was \
         measured, and the reserve, against physical cores. How the vendor's tool counts cores is \
         not published and cannot be told from its screenshot, so its \"+ cores\" may differ."
            .to_owned(),
        "not configurable",
    ));
    list.push(assumption(
        Basis::VendorPublished,
        "Hyper-threads are not counted as cores.".to_owned(),
        &tables().wordings.source,
    ));
    let limits = super::v3_limits();
    list.push(assumption(
        limits.cpu.basis,
        format!(
            "All this is about the sensor 2.x. The v3.x sensor is not sized by traffic: it limits \
             itself to {} % of the processors and {} GB.",
            words::plain(limits.cpu.value),
            words::plain(limits.memory.value)
        ),
        &limits.cpu.source,
    ));
    list
}

fn memory_assumptions(sized: &[Sized]) -> Vec<Assumption> {
    let figures = &tables().figures;
    let mut list = Vec::new();
    let has = |pick: fn(&Sized) -> bool| sized.iter().any(pick);
    if has(|one| one.dc.host.min_available_mb.is_some()) {
        list.push(assumption(
            Basis::Inferred,
            "Missing memory is the row's memory less what was available at the worst moment, \
             after the reserve, rounded up to whole GB. The vendor does not publish this; it fits \
             the memory amounts of all nine rows of its screenshot."
                .to_owned(),
            &figures.assumed_installed_memory.source,
        ));
    }
    if has(|one| {
        one.dc.host.min_available_mb.is_some() && one.dc.host.installed_memory_gb.is_none()
    }) {
        list.push(assumption(
            figures.assumed_installed_memory.basis,
            format!(
                "Where installed memory is unknown, the reserve is taken of {} GB, or of the \
                 available memory where that is more; a larger server keeps more free. Give \
                 `--ram`.",
                words::plain(figures.assumed_installed_memory.value)
            ),
            &figures.assumed_installed_memory.source,
        ));
    }
    list
}

fn assumption(basis: Basis, text: String, source: &str) -> Assumption {
    Assumption { text, basis, source: source.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_whole_servers_cannot_size_a_sensor() {
        let error = Rules::default().with_table("ata-gateway").unwrap_err();
        assert!(matches!(error, RulesError::WholeServerTable { .. }));
        let older = Rules::default().with_table("azure-atp-2018").unwrap();
        assert_eq!(older.table().key, "azure-atp-2018");
        assert_eq!(
            Rules::default().with_table("x").unwrap_err().to_string(),
            "there is no capacity table `x`; known are mdi-2.x, azure-atp-2018, \
             ata-lightweight-gateway, ata-gateway"
        );
    }

    #[test]
    fn thresholds_out_of_range_are_refused() {
        let rules = Rules::default;
        for bad in [f64::NAN, f64::INFINITY, -1.0] {
            assert!(rules().with_spike_ratio(bad).is_err());
            assert!(rules().with_maybe_above(bad).is_err());
            assert!(rules().with_no_above(bad).is_err());
            assert!(rules().with_reserve_percent(bad).is_err());
        }
        assert!(rules().with_spike_ratio(0.99).is_err());
        assert!(rules().with_reserve_percent(90.01).is_err());
        assert_eq!(rules().with_reserve_percent(0.0).unwrap().reserve_percent(), 0.0);
        assert_eq!(rules().with_spike_ratio(1.0).unwrap().spike_ratio(), 1.0);
        assert_eq!(rules().with_maybe_above(1.0).unwrap().maybe_above_packets_per_second(), 1.0);
        assert_eq!(rules().with_no_above(1.0).unwrap().no_above_packets_per_second(), 1.0);
    }

    #[test]
    fn a_threshold_the_user_set_is_not_called_the_vendors() {
        let of = |rules: &Rules, start: &str| {
            let list = assumptions(rules, &[]);
            list.iter().find(|a| a.text.starts_with(start)).unwrap().basis
        };
        let default = Rules::default();
        assert_eq!(of(&default, "Busy above 60,000 packets/s"), Basis::VendorPublished);
        assert_eq!(of(&default, "Busy above 3 times"), Basis::Ours);
        assert_eq!(of(&default, "Busy above 100,000 packets/s"), Basis::Ours);
        assert_eq!(of(&default, "The sensor keeps 15 %"), Basis::VendorPublished);
        let own = default.with_maybe_above(50_000.0).unwrap().with_reserve_percent(20.0).unwrap();
        assert_eq!(of(&own, "Busy above 50,000 packets/s"), Basis::Given);
        assert_eq!(of(&own, "The sensor keeps 20 %"), Basis::Given);
    }
}
