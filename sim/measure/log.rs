//! Histograms as `.hlog` files, which the viewers of HdrHistogram read (its log format 1.3, with
//! histograms in the compressed V2 encoding).

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use super::virtual_time::Histograms;
use crate::record::Trial;

/// The three logs of a trial: names of files and their contents. Times in the files count from
/// the start of the trial, so that equal trials make equal files.
///
/// # Errors
/// Where a histogram refuses to be written.
pub fn logs(share: f64, trial: &Trial, all: &Histograms) -> io::Result<Vec<(String, Vec<u8>)>> {
    let parts = [
        ("sojourn-ns", "nanoseconds from scheduled arrival to the end of the batch", &all.sojourn),
        ("service-ns", "nanoseconds from the taking of the batch to its end", &all.service),
        ("queue-packets", "packets that wait when one arrives", &all.queue),
    ];
    let name = |part: &str| format!("{part}-{:.0}.hlog", share * 100.0);
    let file = |(part, meaning, histogram)| Ok((name(part), log(meaning, trial, histogram)?));
    parts.into_iter().map(file).collect()
}

fn log(meaning: &str, trial: &Trial, histogram: &Histogram<u64>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let kind = if trial.is_virtual { "virtual" } else { "real" };
    let load = format!("{:.3} packets per second in {kind} time", trial.load_pps);
    let mut writer = IntervalLogWriterBuilder::new()
        .add_comment(&format!("[Headroom: {meaning}, at {load}]"))
        .with_start_time(SystemTime::UNIX_EPOCH)
        .with_base_time(SystemTime::UNIX_EPOCH)
        .with_max_value_divisor(1.0)
        .begin_log_with(&mut bytes, &mut serializer)?;
    let length = Duration::try_from_secs_f64(trial.seconds).unwrap_or(Duration::MAX);
    let written = writer.write_histogram(histogram, Duration::ZERO, length, None);
    written.map_err(|error| io::Error::other(format!("{error:?}")))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[test]
    fn a_log_reads_back_as_the_histogram_that_was_written() {
        let mut all = Histograms::new();
        (1..10_000u64).for_each(|value| all.sojourn.record(value * 97).unwrap());
        let trial = Trial { load_pps: 1_000.0, seconds: 9.999, ..Trial::default() };
        let files = logs(0.9, &trial, &all).unwrap();
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["sojourn-ns-90.hlog", "service-ns-90.hlog", "queue-packets-90.hlog"]);
        let entries = IntervalLogIterator::new(&files[0].1);
        let found: Vec<Histogram<u64>> = entries
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let text = interval.encoded_histogram().as_bytes().to_vec();
                    let raw = base64(&text);
                    Some(Deserializer::new().deserialize(&mut raw.as_slice()).unwrap())
                }
                _ => None,
            })
            .collect();
        assert_eq!(found, [all.sojourn]);
    }

    /// RFC 4648 section 4, undone.
    fn base64(text: &[u8]) -> Vec<u8> {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
        for value in text.iter().filter_map(|b| LETTERS.iter().position(|letter| letter == b)) {
            bits = bits << 6 | u32::try_from(value).unwrap();
            count += 6;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count).to_le_bytes()[0]);
            }
        }
        bytes
    }
}
