//! Moves time: ticks, quota intervals, intervals of the series.

use crate::base::Timestamp;
use crate::model::rounding::whole_u64;
use crate::record::SimulatedSize;

use super::listener::{LANES, Listener, Shape, UNITS_PER_SECOND};
use super::quota::{self, QUOTA_SECONDS};
use super::size::{Offered, Size};
use super::{Arrivals, CLASSES, Candidate, SensorError, Settings};

/// Length of a tick in nanoseconds: how often stages, restarts and series are looked at.
const TICK_NS: i64 = 10_000_000;
const QUOTA_NS: i64 = QUOTA_SECONDS * 1_000_000_000;
const DAY_NS: i64 = 86_400 * 1_000_000_000;
/// Longest simulation, in days; the series of every size stay in memory.
const DAYS_MAX: i64 = 31;

/// A simulation under way. The same arrivals in whatever batches give the same result.
#[derive(Debug, Clone)]
pub struct VirtualSensor {
    settings: Settings,
    sizes: Vec<Size>,
    /// One for each [`LANES`] sizes.
    listeners: Vec<Listener>,
    /// Cost of each class, in 1/1024 ns.
    costs: Vec<u64>,
    start_ns: i64,
    /// Start of the tick under way.
    now_ns: i64,
    next_quota_ns: i64,
    next_interval_ns: i64,
    in_tick: Offered,
    in_quota: Offered,
    /// Packets per second of the last quota interval.
    packets_per_second: f64,
    quotas: u64,
}

impl VirtualSensor {
    /// An idle sensor of each size at `start_ns`, in nanoseconds since 1970.
    ///
    /// # Errors
    ///
    /// [`SensorError`] where a size or a setting cannot be.
    pub fn new(
        settings: Settings,
        candidates: &[Candidate],
        start_ns: i64,
    ) -> Result<Self, SensorError> {
        settings.check(candidates)?;
        let shape = |candidate: &Candidate| Shape {
            shards: super::settings::shards(candidate.cores),
            // A packet that stands for many fills as many times the room.
            buffer_bytes: whole_u64(candidate.buffer_bytes_per_shard as f64 / candidate.load),
        };
        let listeners = candidates.chunks(LANES).map(|eight| {
            let shapes: Vec<Shape> = eight.iter().map(shape).collect();
            Listener::new(&shapes, start_ns)
        });
        let units = |class| settings.cost_ns(class) * UNITS_PER_SECOND / 1e9;
        let mut sensor = Self {
            sizes: candidates.iter().map(|candidate| Size::new(*candidate, start_ns)).collect(),
            listeners: listeners.collect(),
            costs: (0..CLASSES).map(|class| whole_u64(units(class))).collect(),
            start_ns,
            now_ns: start_ns,
            next_quota_ns: start_ns.saturating_add(QUOTA_NS),
            next_interval_ns: start_ns.saturating_add(interval_ns(&settings)),
            in_tick: Offered::default(),
            in_quota: Offered::default(),
            packets_per_second: 0.0,
            quotas: 0,
            settings,
        };
        sensor.allow();
        sensor.set_rates(true);
        Ok(sensor)
    }

    /// Offers a batch to every size.
    ///
    /// # Errors
    ///
    /// [`SensorError::TooLong`] where an arrival comes more than 31 days after the start.
    pub fn offer(&mut self, arrivals: &Arrivals) -> Result<(), SensorError> {
        let mut from = 0;
        while let Some(rest) = arrivals.time_ns.get(from..) {
            let Some(next) = rest.first() else { break };
            self.move_to(*next)?;
            let end = self.now_ns.saturating_add(TICK_NS);
            let to = from + rest.partition_point(|time| *time < end).max(1);
            self.count(arrivals, from, to);
            for listener in &mut self.listeners {
                listener.serve(arrivals, from, to);
            }
            from = to;
        }
        Ok(())
    }

    /// Lets time pass until `end_ns` and returns what each size did, in the order given.
    ///
    /// # Errors
    ///
    /// [`SensorError::TooLong`] where that is more than 31 days after the start.
    pub fn finish(mut self, end_ns: i64) -> Result<Vec<SimulatedSize>, SensorError> {
        self.move_to(end_ns)?;
        if self.in_tick.packets > 0 {
            self.tick(self.now_ns.saturating_add(TICK_NS));
        }
        let now = Timestamp::from_nanos(self.now_ns);
        for (index, size) in self.sizes.iter_mut().enumerate() {
            size.close_interval(now, &self.settings);
            let listener = self.listeners.get(index / LANES);
            size.set_longest(listener.and_then(|listener| listener.longest_loss(index % LANES)));
        }
        Ok(self.sizes.into_iter().map(Size::into_result).collect())
    }

    /// Ends ticks until `time_ns` lies in the one under way.
    fn move_to(&mut self, time_ns: i64) -> Result<(), SensorError> {
        let days = time_ns.saturating_sub(self.start_ns) / DAY_NS;
        if days >= DAYS_MAX {
            return Err(SensorError::TooLong { days });
        }
        while time_ns >= self.now_ns.saturating_add(TICK_NS) {
            // Where nothing waits and nothing comes, the next thing to happen is the quota.
            let quiet = self.in_tick.packets == 0
                && time_ns >= self.next_quota_ns
                && self.sizes.iter().all(Size::is_idle);
            self.tick(if quiet { self.next_quota_ns } else { self.now_ns + TICK_NS });
        }
        Ok(())
    }

    /// Adds what arrives to what the tick offers.
    fn count(&mut self, arrivals: &Arrivals, from: usize, to: usize) {
        let classes = arrivals.class.get(from..to).unwrap_or_default();
        let bytes = arrivals.bytes.get(from..to).unwrap_or_default();
        let cost = |class: &u8| self.costs.get(usize::from(*class)).copied().unwrap_or(0);
        self.in_tick.packets += classes.len() as u64;
        self.in_tick.bytes += bytes.iter().map(|bytes| u64::from(*bytes).max(1)).sum::<u64>();
        self.in_tick.work_units += classes.iter().map(cost).sum::<u64>();
    }

    /// Ends the tick under way at `end_ns`.
    fn tick(&mut self, end_ns: i64) {
        let tick_ns = end_ns.saturating_sub(self.now_ns);
        self.now_ns = end_ns;
        let offered = std::mem::take(&mut self.in_tick);
        self.in_quota.add(&offered);
        let mut changed = false;
        for (index, size) in self.sizes.iter_mut().enumerate() {
            let Some(listener) = self.listeners.get_mut(index / LANES) else { continue };
            let lane = index % LANES;
            let tally = listener.take(lane);
            let backlog = listener.backlog_seconds(lane, end_ns);
            changed |= size.tick(&self.settings, &offered, &tally, backlog, tick_ns);
            if size.comes_up(end_ns) {
                listener.set_up(lane, true);
            }
        }
        if end_ns >= self.next_quota_ns {
            self.next_quota_ns = self.next_quota_ns.saturating_add(QUOTA_NS);
            self.quotas += 1;
            self.packets_per_second = self.in_quota.packets as f64 / QUOTA_SECONDS as f64;
            self.memory();
            self.allow();
            self.in_quota = Offered::default();
            self.set_rates(true);
        } else if changed {
            self.set_rates(false);
        }
        if end_ns >= self.next_interval_ns {
            self.next_interval_ns = end_ns.saturating_add(interval_ns(&self.settings));
            let now = Timestamp::from_nanos(end_ns);
            self.sizes.iter_mut().for_each(|size| size.close_interval(now, &self.settings));
        }
    }

    /// Sets what each size may use from now on.
    fn allow(&mut self) {
        for size in &mut self.sizes {
            let rate = self.packets_per_second * size.candidate().load;
            let own = self.settings.own_load.at(self.now_ns, rate);
            let cores = quota::cores(size.candidate(), own, self.settings.other_percent);
            size.allow(cores, quota::memory_gb(size.candidate(), own));
        }
    }

    /// Sees how much memory each size uses, and stops it where that is too much.
    fn memory(&mut self) {
        let first = self.quotas == 1;
        for (index, size) in self.sizes.iter_mut().enumerate() {
            let Some(listener) = self.listeners.get_mut(index / LANES) else { continue };
            let lane = index % LANES;
            let buffered = listener.buffered_bytes(lane, self.now_ns);
            size.remember(&self.settings, self.packets_per_second, buffered, first);
            if size.must_stop() {
                size.stop(&self.settings, self.now_ns, buffered, &self.in_quota);
                listener.advance(self.now_ns, &[1.0; LANES]);
                listener.set_up(lane, false);
            }
        }
    }

    /// Gives the listeners the rates of their sizes; those whose rate is the same go on as they
    /// are. `all` moves the epoch of every listener, which keeps its times small.
    fn set_rates(&mut self, all: bool) {
        for (listener, sizes) in self.listeners.iter_mut().zip(self.sizes.chunks_mut(LANES)) {
            let mut stretch = [1.0; LANES];
            let mut changed = [None; LANES];
            for ((size, stretch), changed) in sizes.iter_mut().zip(&mut stretch).zip(&mut changed) {
                *changed = size.take_rate(&self.settings).map(|(before, now)| {
                    *stretch = before / now;
                    now
                });
            }
            if all || changed.iter().any(Option::is_some) {
                listener.advance(self.now_ns, &stretch);
            }
            for (lane, rate) in changed.iter().enumerate() {
                let (Some(rate), Some(size)) = (rate, sizes.get(lane)) else { continue };
                let factor = size.candidate().load / rate;
                let costs = (0..CLASSES).map(|class| self.settings.cost_ns(class) * factor);
                listener.set_services(lane, costs);
            }
        }
    }
}

/// Length of an interval of the series: whole quota intervals, at least one.
fn interval_ns(settings: &Settings) -> i64 {
    let quotas = (i64::from(settings.interval_seconds) + QUOTA_SECONDS / 2) / QUOTA_SECONDS;
    quotas.max(1) * QUOTA_NS
}
