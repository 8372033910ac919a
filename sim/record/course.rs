//! How the run over time is written: one list for each figure, since the names of all figures in
//! every step would be most of the file. For `#[serde(with = …)]`.

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SimulatedInterval;
use crate::base::Timestamp;

/// The steps, turned by 90 degrees. All lists are of equal length.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Columns {
    /// Start of the first step; `None` where there is none.
    start_utc: Option<Timestamp>,
    /// Length of each, in milliseconds; 0 where there are fewer than two.
    interval_ms: i64,
    offered_packets: Vec<u64>,
    lost_packets: Vec<u64>,
    utilisation: Vec<f64>,
    busiest_shard: Vec<f64>,
    allowed_cores: Vec<f64>,
    mean_wait_ms: Vec<f64>,
    queue_bytes_max: Vec<u64>,
    queued_entries_max: Vec<f64>,
    memory_gb: Vec<f64>,
}

impl Columns {
    fn start_of(&self, step: usize) -> Option<Timestamp> {
        let step_ns = self.interval_ms.checked_mul(1_000_000)?;
        let passed_ns = i64::try_from(step).ok()?.checked_mul(step_ns)?;
        Some(Timestamp::from_nanos(self.start_utc?.nanos().checked_add(passed_ns)?))
    }

    /// `None` where the lists are not of equal length, or a time is none.
    fn row(&self, step: usize) -> Option<SimulatedInterval> {
        Some(SimulatedInterval {
            start_utc: self.start_of(step)?,
            offered_packets: *self.offered_packets.get(step)?,
            lost_packets: *self.lost_packets.get(step)?,
            utilisation: *self.utilisation.get(step)?,
            busiest_shard: *self.busiest_shard.get(step)?,
            allowed_cores: *self.allowed_cores.get(step)?,
            mean_wait_ms: *self.mean_wait_ms.get(step)?,
            queue_bytes_max: *self.queue_bytes_max.get(step)?,
            queued_entries_max: *self.queued_entries_max.get(step)?,
            memory_gb: *self.memory_gb.get(step)?,
        })
    }
}

/// Writes columns.
///
/// # Errors
/// Steps that are not of equal length, and those of the serializer.
pub fn serialize<S: Serializer>(
    rows: &[SimulatedInterval],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut columns = Columns::default();
    if let [first, rest @ ..] = rows {
        columns.start_utc = Some(first.start_utc);
        let length_ns = |row: &SimulatedInterval| row.start_utc.since(first.start_utc);
        columns.interval_ms = rest.first().map_or(0, length_ns) / 1_000_000;
    }
    for (step, row) in rows.iter().enumerate() {
        if columns.start_of(step) != Some(row.start_utc) {
            return Err(S::Error::custom("the steps of a run are not of equal length"));
        }
        columns.offered_packets.push(row.offered_packets);
        columns.lost_packets.push(row.lost_packets);
        columns.utilisation.push(row.utilisation);
        columns.busiest_shard.push(row.busiest_shard);
        columns.allowed_cores.push(row.allowed_cores);
        columns.mean_wait_ms.push(row.mean_wait_ms);
        columns.queue_bytes_max.push(row.queue_bytes_max);
        columns.queued_entries_max.push(row.queued_entries_max);
        columns.memory_gb.push(row.memory_gb);
    }
    columns.serialize(serializer)
}

/// Reads columns.
///
/// # Errors
/// Lists that are not of equal length, and those of the deserializer.
pub fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<SimulatedInterval>, D::Error> {
    let columns = Columns::deserialize(deserializer)?;
    let longest = [
        columns.offered_packets.len(),
        columns.lost_packets.len(),
        columns.utilisation.len(),
        columns.busiest_shard.len(),
        columns.allowed_cores.len(),
        columns.mean_wait_ms.len(),
        columns.queue_bytes_max.len(),
        columns.queued_entries_max.len(),
        columns.memory_gb.len(),
    ];
    let steps = longest.into_iter().max().unwrap_or(0);
    let rows: Option<Vec<SimulatedInterval>> = (0..steps).map(|step| columns.row(step)).collect();
    rows.ok_or_else(|| D::Error::custom("the lists of a run are not of equal length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Run(#[serde(with = "super")] Vec<SimulatedInterval>);

    fn step(seconds: i64) -> SimulatedInterval {
        SimulatedInterval {
            start_utc: Timestamp::from_nanos(1_768_204_800_000_000_123 + seconds * 1_000_000_000),
            offered_packets: 1_000 + seconds.unsigned_abs(),
            lost_packets: 3,
            utilisation: 0.25,
            busiest_shard: 0.5,
            allowed_cores: 1.75,
            mean_wait_ms: 0.002,
            queue_bytes_max: 4_096,
            queued_entries_max: 1.5,
            memory_gb: 6.25,
        }
    }

    #[test]
    fn a_run_reads_back_from_its_columns() {
        for run in [vec![], vec![step(7)], vec![step(0), step(60), step(120)]] {
            let run = Run(run);
            let json = serde_json::to_string(&run).unwrap();
            assert_eq!(serde_json::from_str::<Run>(&json).unwrap(), run, "{json}");
            // Each name once.
            assert_eq!(json.matches("memory_gb").count(), 1);
        }
    }

    #[test]
    fn what_columns_cannot_say_is_refused() {
        let uneven = Run(vec![step(0), step(60), step(121)]);
        let error = serde_json::to_string(&uneven).unwrap_err().to_string();
        assert!(error.contains("not of equal length"), "{error}");
        let json = serde_json::to_string(&Run(vec![step(0), step(60)])).unwrap();
        for (from, to) in [("[3,3]", "[3]"), ("[6.25,6.25]", "[6.25,6.25,6.25]")] {
            let broken = json.replace(from, to);
            let error = serde_json::from_str::<Run>(&broken).unwrap_err().to_string();
            assert!(error.contains("not of equal length"), "{error}");
        }
    }
}
