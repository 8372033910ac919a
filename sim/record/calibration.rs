//! What the vendor's table says about the sensor's costs, and how well.

use serde::{Deserialize, Serialize};

/// How the rows of the table are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableReading {
    /// The amount of a row is enough at its upper end, and that of the row below is not.
    Tight,
    /// The amount of a row is enough at its upper end; nothing is said about less.
    Upper,
}

/// A figure with what is known of it. One end is `None` where nothing bounds it, and then so are
/// mean and median: they would be those of the prior.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Mean of the posterior under a uniform prior.
    pub mean: Option<f64>,
    /// Half of the posterior lies below.
    pub median: Option<f64>,
    /// 2.5 % of the posterior lie below; where only one end is known, the least possible value.
    pub low: Option<f64>,
    /// 2.5 % of the posterior lie above; where only one end is known, the greatest possible value.
    pub high: Option<f64>,
}

/// One row of the table against the fit, and against a fit that has not seen it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibratedRow {
    /// Label of the row.
    pub label: String,
    /// Packets per second at its upper end.
    pub packets_per_second: f64,
    /// Cores that the table gives.
    pub table_cores: f64,
    /// Cores that the fit over all rows needs there.
    pub needed_cores: Estimate,
    /// Share of the table's cores that this is, 0 to 1: how much headroom the vendor left.
    pub utilisation: Estimate,
    /// Table less mean need, in cores; `None` where no mean is known.
    pub residual_cores: Option<f64>,
    /// Cores that a fit without this row predicts; `None` where it has no solution.
    pub predicted_cores: Option<Estimate>,
    /// Probability that this prediction is at most the table's; `None` as above.
    pub probability_enough: Option<f64>,
    /// Whether that is at least 95 %.
    pub covered: bool,
}

/// The costs fitted to the vendor's table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationSummary {
    /// Key of the table.
    pub table: String,
    /// How it was read.
    pub reading: TableReading,
    /// Observations of users that were used too.
    pub observations: u32,
    /// Cores without traffic.
    pub base_cores: Estimate,
    /// Microseconds of one core for each packet.
    pub packet_us: Estimate,
    /// Packets per second at which two cores are full.
    pub two_cores_packets_per_second: Estimate,
    /// Row by row.
    pub rows: Vec<CalibratedRow>,
    /// Memory without traffic, in GB; `None` where no line fits.
    pub memory_base_gb: Option<Estimate>,
    /// Memory for each 1,000 packets per second, in GB; `None` where no line fits.
    pub memory_gb_per_kpps: Option<Estimate>,
    /// What the fit leaves out or does not explain, as sentences.
    pub caveats: Vec<String>,
}
