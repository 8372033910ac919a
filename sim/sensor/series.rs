//! Packets over time, for one host or for a whole capture.
//!
//! Samples of 5 s are kept, and protocol counts in bins that widen as the capture grows longer;
//! peaks of 1 ms to 1 s are found on the way without being kept. Bins lie on a grid that begins with the first
//! frame of the capture.

use std::collections::{BTreeMap, VecDeque};

use crate::base::Timestamp;
use crate::proto::Id;
use crate::record::{Peak, ProtocolCount, ProtocolSeries, Timeline};

/// Nanoseconds in a millisecond.
const MS: i64 = 1_000_000;

/// The vendor's sizing tool samples every 5 s (its README, version 1.3.0.0).
pub const SAMPLE_MS: i64 = 5_000;

/// Protocol counts start in bins of this length and widen when there are too many.
const PROTOCOL_MS: i64 = SAMPLE_MS;

/// By how much they widen: 5 s, 1 min, 12 min, 2 h 24 min.
const PROTOCOL_STEP: i64 = 12;

/// Bins kept: 4 hours of 5 s, 2 days of 1 min, 24 days of 12 min. 1 MiB per series.
const PROTOCOL_BINS_MAX: usize = 2_880;

/// Windows shorter than a sample, in milliseconds.
const PEAK_WINDOWS_MS: [i64; 4] = [1, 10, 100, 1_000];
/// Each of them over the one before.
const PEAK_WINDOW_STEP: i64 = 10;

/// Samples on either side of the first frame: 15 days, 3 MiB per side and series. Frames further away (a
/// clock set wrong) are counted as outside, or a capture of two frames could ask for any amount
/// of memory.
const SAMPLES_MAX: i64 = 1 << 18;

/// Days on either side of the first frame that a timeline holds.
pub const TIMELINE_DAYS: i64 = SAMPLES_MAX * SAMPLE_MS / 86_400_000;
const SPAN_MAX_NS: u64 = (SAMPLES_MAX * SAMPLE_MS * MS).unsigned_abs();

/// A frame up to this much older than the newest one belongs to reordering, not to another time.
const REORDER_MS: i64 = 1_000;
const REORDER_NS: i64 = REORDER_MS * MS;

/// Packets and bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Frames.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

type PerProtocol = [Cell; Id::COUNT];

/// The fullest window of one length so far, and the one being filled.
#[derive(Debug, Clone, Copy, Default)]
struct Fullest {
    index: i64,
    packets: u64,
    best: u64,
    best_index: i64,
}

impl Fullest {
    /// Adds packets to window `index`; leaving a window compares it with the best.
    fn add(&mut self, index: i64, packets: u64) {
        if index != self.index {
            self.close();
            *self = Self { index, packets: 0, ..*self };
        }
        self.packets += packets;
    }

    fn close(&mut self) {
        if self.packets > self.best {
            (self.best, self.best_index) = (self.packets, self.index);
        }
    }
}

/// Samples without gaps, to be extended at both ends.
#[derive(Debug, Default)]
struct Samples {
    /// Number of the first one.
    first: i64,
    packets: VecDeque<u32>,
    bytes: VecDeque<u64>,
}

impl Samples {
    fn add(&mut self, index: i64, cell: Cell) {
        if self.packets.is_empty() {
            self.first = index;
        }
        while index < self.first {
            self.packets.push_front(0);
            self.bytes.push_front(0);
            self.first -= 1;
        }
        let at = usize::try_from(index - self.first).unwrap_or(usize::MAX);
        if at >= self.packets.len() {
            self.packets.resize(at + 1, 0);
            self.bytes.resize(at + 1, 0);
        }
        if let (Some(packets), Some(bytes)) = (self.packets.get_mut(at), self.bytes.get_mut(at)) {
            *packets = packets.saturating_add(u32::try_from(cell.packets).unwrap_or(u32::MAX));
            *bytes += cell.bytes;
        }
    }

    fn get(&self, index: i64) -> Cell {
        let at = usize::try_from(index - self.first).unwrap_or(usize::MAX);
        let packets = self.packets.get(at).copied().unwrap_or(0).into();
        Cell { packets, bytes: self.bytes.get(at).copied().unwrap_or(0) }
    }
}

/// Packets over time.
#[derive(Debug)]
pub struct Series {
    origin: Timestamp,
    /// Start of the millisecond being filled, in nanoseconds from the origin.
    ms_start: i64,
    ms: Cell,
    /// Milliseconds before that one, with their frames, in order: late frames may still come
    /// to them, as interfaces recorded together hand over whole blocks in turn. At most
    /// [`REORDER_MS`] of them.
    recent: VecDeque<(i64, u64)>,
    fullest: [Fullest; PEAK_WINDOWS_MS.len()],
    /// The sample being filled.
    sample: Cell,
    sample_index: i64,
    samples: Samples,
    /// The protocol bin being filled.
    bin: Box<PerProtocol>,
    bin_index: i64,
    bins: BTreeMap<i64, Box<PerProtocol>>,
    bin_ms: i64,
    total: Cell,
    /// Frames too far from the first one to be placed in time.
    pub outside: u64,
    /// What they are; they count in totals all the same.
    outside_protocols: Box<PerProtocol>,
}

impl Series {
    /// An empty series whose first sample starts at `origin`.
    pub fn new(origin: Timestamp) -> Self {
        Self {
            origin,
            ms_start: 0,
            ms: Cell::default(),
            recent: VecDeque::new(),
            fullest: Default::default(),
            sample: Cell::default(),
            sample_index: 0,
            samples: Samples::default(),
            bin: Box::new([Cell::default(); Id::COUNT]),
            bin_index: 0,
            bins: BTreeMap::new(),
            bin_ms: PROTOCOL_MS,
            total: Cell::default(),
            outside: 0,
            outside_protocols: Box::new([Cell::default(); Id::COUNT]),
        }
    }

    /// Start of the grid.
    pub fn origin(&self) -> Timestamp {
        self.origin
    }

    /// Is there a place for this time?
    #[inline]
    pub fn holds(&self, time: Timestamp) -> bool {
        holds(self.origin, time)
    }

    /// Starts over at `origin`; what was placed so far becomes outside.
    pub fn restart(&mut self, origin: Timestamp) {
        self.flush_bin();
        let (total, protocols) = (self.total, self.per_protocol());
        *self = Self {
            total,
            outside: total.packets,
            outside_protocols: Box::new(protocols),
            ..Self::new(origin)
        };
    }

    /// Frames and bytes in all, with those outside the time span.
    pub fn total(&self) -> Cell {
        self.total
    }

    /// Counts one frame of `bytes` bytes on the wire.
    #[inline]
    pub fn count(&mut self, time: Timestamp, bytes: u32, protocol: Id) {
        let at = time.since(self.origin);
        let cell = Cell { packets: 1, bytes: u64::from(bytes) };
        self.total.add(cell);
        if !(0..MS).contains(&at.wrapping_sub(self.ms_start)) && !self.turn(at, cell, protocol) {
            return;
        }
        self.ms.add(cell);
        if let Some(slot) = self.bin.get_mut(protocol as usize) {
            slot.add(cell);
        }
    }

    /// Moves on to the millisecond of `at`. False if the frame was dealt with here.
    #[cold]
    fn turn(&mut self, at: i64, cell: Cell, protocol: Id) -> bool {
        if at.unsigned_abs() >= SPAN_MAX_NS {
            self.outside += 1;
            if let Some(slot) = self.outside_protocols.get_mut(protocol as usize) {
                slot.add(cell);
            }
            return false;
        }
        if at < self.ms_start && self.ms_start - at < REORDER_NS {
            self.add_late(at.div_euclid(MS));
            self.samples.add(at.div_euclid(SAMPLE_MS * MS), cell);
            self.place_bin(at.div_euclid(self.bin_ms * MS), protocol, cell);
            return false;
        }
        self.flush();
        if at < self.ms_start {
            self.fill_windows(i64::MAX);
        }
        self.ms_start = at.div_euclid(MS) * MS;
        if at.div_euclid(self.bin_ms * MS) != self.bin_index {
            self.flush_bin();
            self.bin_index = at.div_euclid(self.bin_ms * MS);
        }
        true
    }

    fn place_bin(&mut self, index: i64, protocol: Id, cell: Cell) {
        let cells =
            self.bins.entry(index).or_insert_with(|| Box::new([Cell::default(); Id::COUNT]));
        if let Some(slot) = cells.get_mut(protocol as usize) {
            slot.add(cell);
        }
    }

    /// Counts a late frame to its own millisecond for the peaks.
    fn add_late(&mut self, ms: i64) {
        match self.recent.binary_search_by_key(&ms, |&(ms, _)| ms) {
            Ok(at) => {
                if let Some((_, packets)) = self.recent.get_mut(at) {
                    *packets += 1;
                }
            }
            Err(at) => self.recent.insert(at, (ms, 1)),
        }
    }

    /// Hands the recent milliseconds before `end` to the peaks: nothing comes to them any more.
    fn fill_windows(&mut self, end: i64) {
        while let Some(&(ms, packets)) = self.recent.front().filter(|(ms, _)| *ms < end) {
            self.recent.pop_front();
            let mut window = ms;
            for fullest in &mut self.fullest {
                fullest.add(window, packets);
                window = window.div_euclid(PEAK_WINDOW_STEP);
            }
        }
    }

    /// Hands the millisecond being filled to its sample, and to the recent ones for the peaks.
    fn flush(&mut self) {
        if self.ms.packets == 0 {
            return;
        }
        let ms = self.ms_start.div_euclid(MS);
        self.recent.push_back((ms, self.ms.packets));
        self.fill_windows(ms - REORDER_MS);
        let sample = ms.div_euclid(SAMPLE_MS);
        if sample != self.sample_index {
            self.flush_sample();
            self.sample_index = sample;
        }
        self.sample.add(self.ms);
        self.ms = Cell::default();
    }

    fn flush_sample(&mut self) {
        if self.sample.packets != 0 {
            let sample = std::mem::take(&mut self.sample);
            self.samples.add(self.sample_index, sample);
        }
    }

    fn flush_bin(&mut self) {
        if self.bin.iter().all(|cell| cell.packets == 0) {
            return;
        }
        let into = self.bins.entry(self.bin_index);
        let cells = into.or_insert_with(|| Box::new([Cell::default(); Id::COUNT]));
        for (cell, more) in cells.iter_mut().zip(self.bin.iter_mut()) {
            cell.add(std::mem::take(more));
        }
        if self.bins.len() > PROTOCOL_BINS_MAX {
            self.widen();
        }
    }

    /// Makes the protocol bins wider, so that there are fewer of them.
    fn widen(&mut self) {
        self.bin_ms *= PROTOCOL_STEP;
        for (index, cells) in std::mem::take(&mut self.bins) {
            let into = self.bins.entry(index.div_euclid(PROTOCOL_STEP));
            let sums = into.or_insert_with(|| Box::new([Cell::default(); Id::COUNT]));
            sums.iter_mut().zip(cells.iter()).for_each(|(sum, cell)| sum.add(*cell));
        }
    }

    /// Ends the series. Call before reading anything but totals.
    pub fn finish(&mut self) {
        self.flush();
        self.fill_windows(i64::MAX);
        self.flush_sample();
        self.flush_bin();
        for fullest in &mut self.fullest {
            fullest.close();
        }
    }

    /// Bytes that its samples and protocol bins take, about.
    pub fn held_bytes(&self) -> usize {
        let samples = self.samples.packets.len() * (size_of::<u32>() + size_of::<u64>());
        samples + self.bins.len() * size_of::<PerProtocol>()
    }

    /// First and last sample with a frame in it.
    pub fn span(&self) -> Option<(i64, i64)> {
        let count = i64::try_from(self.samples.packets.len()).ok().filter(|count| *count > 0)?;
        Some((self.samples.first, self.samples.first + count - 1))
    }

    /// Highest rate of each window shorter than a sample.
    pub fn peaks(&self) -> Vec<Peak> {
        let windows = self.fullest.iter().zip(PEAK_WINDOWS_MS);
        windows
            .filter(|(fullest, _)| fullest.best > 0)
            .map(|(fullest, window)| Peak {
                window_ms: window.unsigned_abs(),
                packets_per_second: rate(fullest.best, window),
                start_utc: self.origin.plus_nanos(fullest.best_index * window * MS),
            })
            .collect()
    }

    /// The series as it is written to disk, over the samples `span` of the whole capture.
    pub fn timeline(&self, span: (i64, i64), covered_ms: u64) -> Timeline {
        let cells = (span.0..=span.1).map(|at| self.samples.get(at));
        let (packets, bytes) = cells
            .map(|cell| (Some(rate(cell.packets, SAMPLE_MS)), Some(rate(cell.bytes, SAMPLE_MS))))
            .unzip();
        Timeline {
            start_utc: self.origin.plus_nanos(span.0 * SAMPLE_MS * MS),
            interval_ms: SAMPLE_MS.unsigned_abs(),
            covered_ms,
            packets_per_second: packets,
            bytes_per_second: bytes,
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: self.bin_ms.unsigned_abs(),
            protocols: self.protocol_series(span),
        }
    }

    fn protocol_series(&self, span: (i64, i64)) -> Vec<ProtocolSeries> {
        let samples_per_bin = self.bin_ms / SAMPLE_MS;
        let bins = span.0.div_euclid(samples_per_bin)..=span.1.div_euclid(samples_per_bin);
        let total = self.per_protocol();
        let used = Id::ALL.iter().filter(|&&id| cell(&total, id).packets > 0);
        used.map(|&id| {
            let at = |index| self.bins.get(&index).map_or_else(Cell::default, |bin| cell(bin, id));
            ProtocolSeries {
                protocol: id.label().to_owned(),
                packets: bins.clone().map(|index| at(index).packets).collect(),
                bytes: bins.clone().map(|index| at(index).bytes).collect(),
            }
        })
        .collect()
    }

    fn per_protocol(&self) -> PerProtocol {
        let mut total = *self.outside_protocols;
        for bin in self.bins.values() {
            for (sum, more) in total.iter_mut().zip(bin.iter()) {
                sum.add(*more);
            }
        }
        total
    }

    /// Packets and bytes per protocol in registry order; only those that occur.
    pub fn protocols(&self) -> Vec<ProtocolCount> {
        let total = self.per_protocol();
        let counts = Id::ALL.iter().map(|&id| (id, cell(&total, id)));
        counts
            .filter(|(_, cell)| cell.packets > 0)
            .map(|(id, cell)| ProtocolCount {
                protocol: id.label().to_owned(),
                packets: cell.packets,
                bytes: cell.bytes,
            })
            .collect()
    }
}

/// Has a timeline that begins at `origin` a place for `time`?
#[inline]
pub fn holds(origin: Timestamp, time: Timestamp) -> bool {
    time.since(origin).unsigned_abs() < SPAN_MAX_NS
}

fn cell(cells: &PerProtocol, id: Id) -> Cell {
    cells.get(id as usize).copied().unwrap_or_default()
}

/// Per second. Exact up to 2^53 in `count`, which no capture reaches.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn rate(count: u64, window_ms: i64) -> f64 {
    count as f64 * 1_000.0 / window_ms as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    const ORIGIN: Timestamp = Timestamp::from_nanos(1_700_000_000_123_456_789);

    /// Random times over two minutes; mostly rising, some reordered by a little, some by a lot.
    fn times(seed: u64) -> Vec<i64> {
        let mut random = Random::new(seed);
        let mut now = 0;
        let mut step = || {
            now += i64::from(random.below(40_000_000));
            match random.below(50) {
                0 => now - i64::from(random.below(300_000_000)),
                1 => now - i64::from(random.below(2_000_000_000)),
                _ => now,
            }
        };
        (0..5_000).map(|_| step().max(0)).collect()
    }

    #[test]
    fn samples_and_protocols_equal_a_direct_count() {
        for seed in 0..20 {
            let mut series = Series::new(ORIGIN);
            let mut samples = BTreeMap::<i64, f64>::new();
            for (number, &at) in times(seed).iter().enumerate() {
                let id = Id::ALL[number % Id::COUNT];
                series.count(ORIGIN.plus_nanos(at), 100, id);
                *samples.entry(at / 5_000_000_000).or_default() += 0.2;
            }
            series.finish();
            let span = series.span().unwrap();
            let timeline = series.timeline(span, 0);
            for (at, got) in (span.0..).zip(&timeline.packets_per_second) {
                let want = samples.get(&at).copied().unwrap_or(0.0);
                assert!((got.unwrap() - want).abs() < 1e-9, "seed {seed}, sample {at}");
            }
            let sum: u64 = timeline.protocols.iter().flat_map(|p| &p.packets).sum();
            assert_eq!(sum, 5_000, "seed {seed}");
        }
    }

    #[test]
    fn peaks_equal_a_direct_count_where_time_only_rises() {
        let mut times = times(99);
        times.sort_unstable();
        let mut series = Series::new(ORIGIN);
        times.iter().for_each(|&at| series.count(ORIGIN.plus_nanos(at), 100, Id::Other));
        series.finish();
        for peak in series.peaks() {
            let window = i64::try_from(peak.window_ms).unwrap();
            let mut bins = BTreeMap::<i64, u64>::new();
            times.iter().for_each(|at| *bins.entry(at / MS / window).or_default() += 1);
            let most = *bins.values().max().unwrap();
            assert_eq!(peak.packets_per_second, rate(most, window));
            let first = bins.iter().find(|(_, count)| **count == most).unwrap().0;
            assert_eq!(peak.start_utc, ORIGIN.plus_nanos(first * window * MS));
        }
        assert_eq!(series.peaks().len(), 4);
    }

    #[test]
    fn protocol_bins_widen_and_keep_every_packet() {
        let mut series = Series::new(ORIGIN);
        // A packet every 4 s for 3 days: too many bins of 5 s and of 1 min.
        for number in 0..64_800 {
            series.count(ORIGIN.plus_nanos(number * 4_000 * MS), 100, Id::Dns);
        }
        series.finish();
        let timeline = series.timeline(series.span().unwrap(), 0);
        assert_eq!(timeline.protocol_interval_ms, 720_000);
        let packets = &timeline.protocols[0].packets;
        assert_eq!((packets.len(), packets.iter().sum::<u64>()), (360, 64_800));
        assert!(packets.iter().all(|&packets| packets == 180), "{packets:?}");
    }

    #[test]
    fn blocks_of_two_interfaces_do_not_pile_up_in_one_millisecond() {
        // Each interface sends one frame a millisecond and hands over 200 ms at a time.
        let mut series = Series::new(ORIGIN);
        for ms in (0..10).flat_map(|block| [block, block]).flat_map(|b| b * 200..(b + 1) * 200) {
            series.count(ORIGIN.plus_nanos(ms * MS), 100, Id::Other);
        }
        series.finish();
        let rates: Vec<f64> = series.peaks().iter().map(|peak| peak.packets_per_second).collect();
        assert_eq!(rates, [2_000.0; 4]);
    }

    #[test]
    fn a_clock_that_jumps_decades_takes_no_memory() {
        let mut series = Series::new(ORIGIN);
        series.count(ORIGIN, 100, Id::Other);
        series.count(Timestamp::from_nanos(i64::MAX), 100, Id::Other);
        series.count(Timestamp::from_nanos(i64::MIN), 100, Id::Other);
        series.finish();
        assert_eq!((series.outside, series.total().packets), (2, 3));
        assert_eq!(series.protocols()[0].packets, 3);
        assert_eq!(series.span(), Some((0, 0)));
        series.restart(Timestamp::from_nanos(i64::MAX));
        series.count(Timestamp::from_nanos(i64::MAX), 100, Id::Other);
        series.finish();
        assert_eq!((series.outside, series.total().packets), (3, 4));
        assert_eq!(series.protocols()[0].packets, 4);
    }
}
