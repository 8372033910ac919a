//! What the vendor's table says about the sensor's costs: the table as interval constraints on
//! a base and a cost for each packet, with the uncertainty that they leave.
//!
//! The cores that the sensor needs at `x` packets per second are taken as `base + cost · x`. A row
//! says that its cores are enough at its upper end and, in the tight reading, that those of the
//! row below are not. That is an inference, not a statement of the vendor: "this table is an
//! estimate". All pairs of base and cost that satisfy every row are a polygon; each point of it is
//! taken as equally likely. No figure is fitted by eye, none is rounded.

mod classes;
mod dirichlet;
mod line;
mod polygon;
mod protocols;

use crate::base::Random;
use crate::model::words;
use crate::record::{
    CalibratedRow, CalibrationSummary, CapacityRow, CapacityTable, Estimate, TableReading,
};

use line::{Constraint, Lines};

pub use classes::{Class, ClassCosts, ClassCostsError, Measured};
pub use protocols::{ProtocolCosts, ProtocolCostsError};

/// Probability from which on a row counts as covered by a fit that has not seen it.
const COVERED: f64 = 0.95;
/// Packets per microsecond in a packet per second.
const PER_US: f64 = 1e-6;

/// What a user saw: at this rate, with these cores for the sensor, packets were dropped or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FieldObservation {
    /// Packets per second, sustained.
    pub packets_per_second: f64,
    /// Cores that the sensor had.
    pub cores: f64,
    /// Whether it dropped packets.
    pub dropped: bool,
}

/// One pair of costs that the table allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Cores without traffic.
    pub base_cores: f64,
    /// Microseconds of one core for each packet.
    pub packet_us: f64,
}

/// One pair of memory costs that the table allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MemoryCosts {
    /// GB without traffic.
    pub base_gb: f64,
    /// GB for each 1,000 packets per second.
    pub gb_per_kpps: f64,
}

/// All costs that a table allows.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    table: CapacityTable,
    reading: TableReading,
    observations: Vec<FieldObservation>,
    cores: Lines,
    memory: Option<Lines>,
}

impl Calibration {
    /// The costs that `table` and `observations` allow.
    ///
    /// # Errors
    ///
    /// [`CalibrationError`] where no straight line satisfies the table, where an observation is
    /// no number, or where observations contradict the table or each other.
    pub fn fit(
        table: &CapacityTable,
        reading: TableReading,
        observations: &[FieldObservation],
    ) -> Result<Self, CalibrationError> {
        let rows = core_constraints(&table.rows, reading);
        if Lines::fit(&rows).is_none() {
            return Err(CalibrationError::Table { table: table.key.clone() });
        }
        for (index, seen) in observations.iter().enumerate() {
            let positive = |value: f64| value.is_finite() && value > 0.0;
            if !positive(seen.packets_per_second) || !positive(seen.cores) {
                return Err(CalibrationError::Observation { number: index + 1 });
            }
        }
        let cores = with_observations(&rows, observations)?;
        // The first row is another regime: no line fits it and the others.
        let memory = Lines::fit(&memory_constraints(&table.rows, reading, 1));
        let observations = observations.to_vec();
        Ok(Self { table: table.clone(), reading, observations, cores, memory })
    }

    /// How the table was read.
    pub fn reading(&self) -> TableReading {
        self.reading
    }

    /// The mean of all allowed costs. In the upper reading nothing bounds them from below, so
    /// that the mean is that of a uniform prior from zero: too low rather than too high.
    pub fn mean(&self) -> Costs {
        costs(self.cores.mean())
    }

    /// One of the allowed pairs of costs, each as likely as another.
    pub fn draw(&self, random: &mut Random) -> Costs {
        costs(self.cores.draw(random))
    }

    /// One of the allowed pairs of memory costs; `None` where no line fits.
    pub fn draw_memory(&self, random: &mut Random) -> Option<MemoryCosts> {
        self.memory.as_ref().map(|lines| memory_costs(lines.draw(random)))
    }

    /// The mean of all allowed memory costs; `None` where no line fits.
    pub fn mean_memory(&self) -> Option<MemoryCosts> {
        self.memory.as_ref().map(|lines| memory_costs(lines.mean()))
    }

    /// Cores without traffic.
    pub fn base_cores(&self) -> Estimate {
        self.cores.intercept()
    }

    /// Microseconds of one core for each packet.
    pub fn packet_us(&self) -> Estimate {
        self.cores.slope()
    }

    /// Cores that are needed for a rate.
    pub fn needed_cores(&self, packets_per_second: f64) -> Estimate {
        self.cores.at(packets_per_second * PER_US)
    }

    /// Packets per second at which so many cores are full.
    pub fn saturation(&self, cores: f64) -> Estimate {
        scaled(self.cores.reaches(cores), 1.0 / PER_US)
    }

    /// Everything that is told of the fit, with each row also predicted without it.
    pub fn summary(&self) -> CalibrationSummary {
        let rows: Vec<CalibratedRow> =
            (0..self.table.rows.len()).filter_map(|index| self.row(index)).collect();
        let mut caveats = Vec::new();
        for row in rows.iter().filter(|row| !row.covered) {
            caveats.push(match row.probability_enough {
                Some(probability) => format!(
                    "Fitted to the other rows alone, the model takes the {} of row {} for enough with a probability of {:.0} % only.",
                    words::cores(row.table_cores), row.label, probability * 100.0
                ),
                None => format!("Without row {} the table leaves no fit at all.", row.label),
            });
        }
        if self.reading == TableReading::Upper && self.packet_us().low.is_none() {
            caveats.push(
                "Read as an upper bound, the table does not say how cheap a packet may be: every result that follows is the least favourable one, or rests on our assumption that a packet may cost anything from nothing on.".to_owned(),
            );
        }
        if Lines::fit(&memory_constraints(&self.table.rows, self.reading, 0)).is_none()
            && let Some(first) = self.table.rows.first()
        {
            caveats.push(format!(
                "No straight line fits the memory of all rows: row {} does not lie on that of the others and was left out.",
                first.label
            ));
        }
        CalibrationSummary {
            table: self.table.key.clone(),
            reading: self.reading,
            observations: u32::try_from(self.observations.len()).unwrap_or(u32::MAX),
            base_cores: self.base_cores(),
            packet_us: self.packet_us(),
            two_cores_packets_per_second: self.saturation(2.0),
            rows,
            memory_base_gb: self.memory.as_ref().map(Lines::intercept),
            memory_gb_per_kpps: self.memory.as_ref().map(Lines::slope),
            caveats,
        }
    }

    fn row(&self, index: usize) -> Option<CalibratedRow> {
        let row = self.table.rows.get(index)?;
        let needed = self.needed_cores(row.to_packets_per_second);
        let rest: Vec<CapacityRow> =
            self.table.rows.iter().filter(|r| *r != row).cloned().collect();
        let rest = core_constraints(&rest, self.reading);
        let unseen = with_observations(&rest, &self.observations).ok();
        let x = row.to_packets_per_second * PER_US;
        let probability = unseen.as_ref().map(|lines| lines.probability_at_most(x, row.cores));
        Some(CalibratedRow {
            label: row.label.clone(),
            packets_per_second: row.to_packets_per_second,
            table_cores: row.cores,
            needed_cores: needed,
            utilisation: scaled(needed, 1.0 / row.cores),
            residual_cores: needed.mean.map(|mean| row.cores - mean),
            predicted_cores: unseen.map(|lines| lines.at(x)),
            probability_enough: probability,
            covered: probability.is_some_and(|probability| probability >= COVERED),
        })
    }
}

/// Why there is no calibration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalibrationError {
    /// No straight line.
    #[error(
        "fit costs to table `{table}`: no base and cost per packet satisfy all its rows; try `upper`"
    )]
    Table {
        /// Key of the table.
        table: String,
    },
    /// Not a number, or none above zero.
    #[error("use field observation {number}: rate and cores must be numbers above zero")]
    Observation {
        /// Which, counted from 1.
        number: usize,
    },
    /// Cannot be together with the table.
    #[error(
        "use field observation {number}: it contradicts the vendor's table as it is read, {allowed}"
    )]
    AgainstTable {
        /// Which, counted from 1.
        number: usize,
        /// What the table allows, in words.
        allowed: String,
    },
    /// Cannot be together.
    #[error("use field observation {second}: it contradicts observation {first}")]
    AgainstOther {
        /// The earlier one, counted from 1.
        first: usize,
        /// The later one.
        second: usize,
    },
    /// Can be in twos, but not all.
    #[error("use field observation {number}: it contradicts those before it together")]
    AgainstAll {
        /// Which, counted from 1.
        number: usize,
    },
}

/// The lines that rows and observations leave, or which observation leaves none.
fn with_observations(
    rows: &[Constraint],
    observations: &[FieldObservation],
) -> Result<Lines, CalibrationError> {
    let seen: Vec<Constraint> = observations.iter().map(observed).collect();
    let leaves = |extra: &[Constraint]| Lines::fit(&[rows, extra].concat()).is_some();
    for (index, one) in seen.iter().enumerate() {
        if !leaves(&[*one]) {
            let cores = observations.get(index).map_or(0.0, |seen| seen.cores);
            let allowed = allowed(rows, cores);
            return Err(CalibrationError::AgainstTable { number: index + 1, allowed });
        }
    }
    for (second, later) in seen.iter().enumerate() {
        let before = seen.iter().take(second);
        if let Some(first) = before.into_iter().position(|one| !leaves(&[*one, *later])) {
            return Err(CalibrationError::AgainstOther { first: first + 1, second: second + 1 });
        }
    }
    let mut all = rows.to_vec();
    for (index, one) in seen.iter().enumerate() {
        all.push(*one);
        if Lines::fit(&all).is_none() {
            return Err(CalibrationError::AgainstAll { number: index + 1 });
        }
    }
    Lines::fit(&all).ok_or(CalibrationError::AgainstAll { number: seen.len() })
}

/// Between which rates the table lets so many cores come to their end.
fn allowed(rows: &[Constraint], cores: f64) -> String {
    let full = Lines::fit(rows).map(|lines| scaled(lines.reaches(cores), 1.0 / PER_US));
    let (low, high) = full.map_or((None, None), |full| (full.low, full.high));
    let rate = |rate: Option<f64>| rate.map_or_else(|| "an unknown rate".to_owned(), words::rate);
    format!(
        "by which the sensor fills {} somewhere between {} and {} packets per second: kept belongs below, \
         dropped above",
        words::cores(cores),
        rate(low),
        rate(high)
    )
}

fn observed(seen: &FieldObservation) -> Constraint {
    Constraint {
        x: seen.packets_per_second * PER_US,
        low: seen.dropped.then_some(seen.cores),
        high: (!seen.dropped).then_some(seen.cores),
    }
}

fn core_constraints(rows: &[CapacityRow], reading: TableReading) -> Vec<Constraint> {
    constraints(rows, reading, PER_US, |row| row.cores)
}

/// Rows from `first` on; what is not enough for it is the row below, if there is one.
fn memory_constraints(
    rows: &[CapacityRow],
    reading: TableReading,
    first: usize,
) -> Vec<Constraint> {
    let all = constraints(rows, reading, 1e-3, |row| row.memory_gb);
    all.into_iter().skip(first).collect()
}

fn constraints(
    rows: &[CapacityRow],
    reading: TableReading,
    unit: f64,
    amount: impl Fn(&CapacityRow) -> f64,
) -> Vec<Constraint> {
    let below = std::iter::once(0.0).chain(rows.iter().map(&amount));
    let each = rows.iter().zip(below).map(|(row, below)| Constraint {
        x: row.to_packets_per_second * unit,
        low: (reading == TableReading::Tight).then_some(below),
        high: Some(amount(row)),
    });
    each.collect()
}

fn costs((base_cores, packet_us): (f64, f64)) -> Costs {
    Costs { base_cores, packet_us }
}

fn memory_costs((base_gb, gb_per_kpps): (f64, f64)) -> MemoryCosts {
    MemoryCosts { base_gb, gb_per_kpps }
}

fn scaled(estimate: Estimate, factor: f64) -> Estimate {
    let times = |value: Option<f64>| value.map(|value| value * factor);
    Estimate {
        mean: times(estimate.mean),
        median: times(estimate.median),
        low: times(estimate.low),
        high: times(estimate.high),
    }
}

#[cfg(test)]
mod tests {
    use crate::model::rounding::whole_i64;
    use crate::model::{CURRENT_TABLE, tables};

    use super::*;

    fn table() -> CapacityTable {
        tables().find(CURRENT_TABLE).unwrap().table.clone()
    }

    fn fit(
        reading: TableReading,
        seen: &[FieldObservation],
    ) -> Result<Calibration, CalibrationError> {
        Calibration::fit(&table(), reading, seen)
    }

    fn tight() -> Calibration {
        fit(TableReading::Tight, &[]).unwrap()
    }

    fn assert_near(found: Estimate, median: f64, low: f64, high: f64, by: f64) {
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() <= by;
        let good = near(found.median, median) && near(found.low, low) && near(found.high, high);
        assert!(good, "{found:?} instead of {median} [{low}, {high}]");
    }

    fn seen(packets_per_second: f64, cores: f64, dropped: bool) -> FieldObservation {
        FieldObservation { packets_per_second, cores, dropped }
    }

    /// Against an earlier calculation of the same posterior (method research, 5), which gave
    /// medians; means against 20,000 lines drawn by rejection.
    #[test]
    fn the_table_leaves_what_was_worked_out_before() {
        let fit = tight();
        let (low, high) = fit.cores.polygon_extent((1.0, 0.0));
        assert!((low - 0.063).abs() < 1e-3 && (high - 0.194).abs() < 5e-4, "{low} {high}");
        let (low, high) = fit.cores.polygon_extent((0.0, 1.0));
        assert!((low - 55.6).abs() < 0.06 && (high - 68.7).abs() < 0.06, "{low} {high}");
        assert_near(fit.base_cores(), 0.152, 0.083, 0.188, 0.002);
        assert_near(fit.packet_us(), 64.0, 57.5, 67.9, 0.2);
        assert_near(fit.saturation(2.0), 29_000.0, 27_700.0, 31_600.0, 120.0);
        let means = [fit.base_cores(), fit.packet_us(), fit.saturation(2.0)];
        for (found, expected) in means.iter().zip([0.14665, 63.535, 29_217.0]) {
            assert!((found.mean.unwrap() / expected - 1.0).abs() < 0.003, "{found:?}");
        }
        assert_near(fit.saturation(1.0), 13_500.0, 12_600.0, 14_200.0, 300.0);
        assert_near(fit.saturation(3.5), 52_400.0, 50_100.0, 57_700.0, 200.0);
    }

    #[test]
    fn draws_are_of_the_posterior_and_satisfy_every_row() {
        let fit = tight();
        let mut random = Random::new(1);
        let (mut base, mut cost) = (0.0, 0.0);
        for _ in 0..20_000 {
            let costs = fit.draw(&mut random);
            let mut below = 0.0;
            for row in &fit.table.rows {
                let need = costs.base_cores + costs.packet_us * row.to_packets_per_second * PER_US;
                assert!(below - 1e-9 <= need && need <= row.cores + 1e-9);
                below = row.cores;
            }
            base += costs.base_cores / 20_000.0;
            cost += costs.packet_us / 20_000.0;
        }
        assert!((base - fit.mean().base_cores).abs() < 0.001);
        assert!((cost - fit.mean().packet_us).abs() < 0.1);
    }

    #[test]
    fn rows_that_were_held_out_are_covered_or_named() {
        let summary = tight().summary();
        let covered: Vec<(&str, bool)> =
            summary.rows.iter().map(|row| (row.label.as_str(), row.covered)).collect();
        let expected = [
            ("0-1k", false),
            ("1k-5k", true),
            ("5k-10k", true),
            ("10k-20k", true),
            ("20k-50k", false),
            ("50k-75k", true),
            ("75k-100k", true),
        ];
        assert_eq!(covered, expected);
        assert_eq!(summary.caveats.len(), 3, "{:?}", summary.caveats);
        assert!(summary.caveats[0].contains("row 0-1k"));
        assert!(summary.caveats[1].contains("row 20k-50k"));
        assert!(summary.caveats[2].contains("memory"));
    }

    #[test]
    fn utilisation_at_the_rows_ends_is_uneven() {
        let rows = tight().summary().rows;
        let found: Vec<i64> = rows
            .iter()
            .map(|row| whole_i64(libm::round(row.utilisation.mean.unwrap() * 100.0)))
            .collect();
        assert_eq!(found[1..], [62, 78, 71, 95, 89, 87]);
        assert!(rows.iter().all(|row| row.residual_cores.unwrap() > 0.0));
    }

    #[test]
    fn memory_is_a_line_without_its_first_row() {
        let summary = tight().summary();
        assert_near(summary.memory_base_gb.unwrap(), 5.44, 5.21, 5.63, 0.02);
        assert_near(summary.memory_gb_per_kpps.unwrap(), 0.076, 0.069, 0.082, 0.001);
    }

    #[test]
    fn an_upper_bound_is_told_as_one() {
        let fit = fit(TableReading::Upper, &[]).unwrap();
        let high = |high| Estimate { mean: None, median: None, low: None, high: Some(high) };
        assert_eq!(fit.base_cores(), high(0.25));
        assert!((fit.packet_us().high.unwrap() - 70.0).abs() < 1e-9);
        assert_eq!((fit.packet_us().mean, fit.packet_us().low), (None, None));
        let two = fit.saturation(2.0);
        // The dearest corner: rows 0-1k and 20k-50k full.
        let cost = (3.5 - 0.25) / (0.05 - 0.001);
        let least = (2.0 - (0.25 - cost * 0.001)) / cost * 1e6;
        assert!((two.low.unwrap() - least).abs() < 1.0, "{two:?}");
        assert_eq!((two.mean, two.high), (None, None));
        // A drop in the field is a bound from below.
        let fit = Calibration::fit(&table(), TableReading::Upper, &[seen(40_000.0, 2.0, true)]);
        let cost = fit.unwrap().packet_us();
        assert!(cost.low.unwrap() > 43.0 && cost.mean.is_some(), "{cost:?}");
    }

    #[test]
    fn observations_narrow_the_fit() {
        let narrow = fit(TableReading::Tight, &[seen(30_000.0, 2.0, false)]).unwrap();
        assert!(narrow.saturation(2.0).low.unwrap() >= 30_000.0);
        assert!(narrow.packet_us().high.unwrap() < tight().packet_us().high.unwrap());
        assert_eq!(narrow.summary().observations, 1);
    }

    #[test]
    fn contradictions_name_the_observation() {
        let why = |seen: &[FieldObservation]| fit(TableReading::Tight, seen).unwrap_err();
        let (good, drop) = (seen(30_000.0, 2.0, false), seen(28_500.0, 2.0, true));
        let against = why(&[good, seen(5_000.0, 2.0, true)]);
        assert!(matches!(against, CalibrationError::AgainstTable { number: 2, .. }));
        let said = against.to_string();
        assert!(said.contains("by which the sensor fills 2 cores somewhere between 27,"), "{said}");
        assert_eq!(why(&[good, drop]), CalibrationError::AgainstOther { first: 1, second: 2 });
        assert_eq!(why(&[seen(f64::NAN, 1.0, true)]), CalibrationError::Observation { number: 1 });
        assert_eq!(
            why(&[drop, seen(9.0, -1.0, true)]),
            CalibrationError::Observation { number: 2 }
        );
    }

    #[test]
    fn a_table_that_no_line_fits_is_refused() {
        let mut bent = table();
        bent.rows[3].cores = 1.01;
        let refused = Calibration::fit(&bent, TableReading::Tight, &[]);
        assert_eq!(refused, Err(CalibrationError::Table { table: bent.key }));
    }
}
