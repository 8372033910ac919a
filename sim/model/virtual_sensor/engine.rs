//! Moves time: ticks, quota intervals, intervals of the series.

use crate::base::Timestamp;
use crate::model::rounding::whole_u64;
use crate::record::SimulatedSize;

use super::block::Block;
use super::listener::{Listener, SERVICE_MAX, UNITS_PER_SECOND};
use super::quota::{self, QUOTA_SECONDS};
use super::size::{Offered, Size};
use super::{Arrivals, CLASSES, Candidate, SensorError, Settings};

/// Length of a tick in nanoseconds: how often stages, restarts and series are looked at; and where
/// a queue behind a listener is not nearly empty.
pub(super) const TICK_NS: i64 = 100_000_000;
pub(super) const FINE_TICK_NS: i64 = 10_000_000;
const QUOTA_NS: i64 = QUOTA_SECONDS * 1_000_000_000;
/// How often shares are looked at until there is a quota interval of them, after a first such time
/// with a look in every tick.
const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * 1_000_000_000;
/// Longest simulation, in days; the series of every size stay in memory.
const DAYS_MAX: i64 = 31;

/// A simulation under way. The same arrivals in whatever batches give the same result.
#[derive(Debug, Clone)]
pub struct VirtualSensor {
    settings: Settings,
    sizes: Vec<Size>,
    /// One for each size.
    listeners: Vec<Listener>,
    /// Arrivals of the tick under way that listeners have not been shown.
    block: Block,
    /// Cost of each class, in units of time.
    costs: Box<[u64; CLASSES]>,
    start_ns: i64,
    /// Start of the tick under way, and its length.
    now_ns: i64,
    tick_ns: i64,
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
    /// [`SensorError`] where a size, a setting or the start cannot be.
    pub fn new(
        settings: Settings,
        candidates: &[Candidate],
        start_ns: i64,
    ) -> Result<Self, SensorError> {
        settings.check(candidates)?;
        if start_ns > i64::MAX - 2 * DAYS_MAX * DAY_NS {
            return Err(SensorError::Start);
        }
        let listeners = candidates.iter().map(|candidate| {
            // A packet that stands for many fills as many times the room.
            let buffer = whole_u64(candidate.buffer_bytes_per_shard as f64 / candidate.load);
            Listener::new(super::settings::shards(candidate.cores), buffer, start_ns)
        });
        let listeners: Vec<Listener> = listeners.collect();
        // No more than a listener takes for one, or sums would overflow.
        let units = |class| (settings.cost_ns(class) * UNITS_PER_SECOND / 1e9).min(SERVICE_MAX);
        let mut sensor = Self {
            sizes: candidates.iter().map(|candidate| Size::new(*candidate, start_ns)).collect(),
            block: Block::new(listeners.iter().map(Listener::shards)),
            listeners,
            costs: Box::new(std::array::from_fn(|class| whole_u64(units(class)))),
            start_ns,
            now_ns: start_ns,
            tick_ns: TICK_NS,
            next_quota_ns: start_ns.saturating_add(QUOTA_NS),
            next_interval_ns: start_ns.saturating_add(interval_ns(&settings)),
            in_tick: Offered::default(),
            in_quota: Offered::default(),
            packets_per_second: settings.packets_per_second_before,
            quotas: 0,
            settings,
        };
        sensor.allow();
        if sensor.packets_per_second > 0.0 {
            sensor.memory();
        }
        sensor.set_rates();
        Ok(sensor)
    }

    /// Offers a batch to every size.
    ///
    /// # Errors
    ///
    /// [`SensorError::TooLong`] where an arrival comes more than 31 days after the start.
    pub fn offer(&mut self, arrivals: &Arrivals) -> Result<(), SensorError> {
        let mut from = 0;
        while let Some(next) = arrivals.time_ns.get(from) {
            if *next >= self.now_ns.saturating_add(self.tick_ns) {
                self.serve();
                self.move_to(*next)?;
            }
            from += self.block.fill(arrivals, from, self.now_ns, self.tick_ns);
            if self.block.is_full() {
                self.serve();
            }
        }
        Ok(())
    }

    /// Lets time pass until `end_ns` and returns what each size did, in the order given.
    ///
    /// # Errors
    ///
    /// [`SensorError::TooLong`] where that is more than 31 days after the start.
    pub fn finish(mut self, end_ns: i64) -> Result<Vec<SimulatedSize>, SensorError> {
        self.serve();
        self.move_to(end_ns.saturating_sub(1))?;
        // At the rates of the end, not at those that a quota sets for what comes after it.
        for (size, listener) in self.sizes.iter_mut().zip(&self.listeners) {
            size.set_late(listener.late_seconds(end_ns));
        }
        self.move_to(end_ns)?;
        if self.in_tick.packets > 0 {
            self.tick(self.now_ns.saturating_add(self.tick_ns));
        }
        let quota_start_ns = self.next_quota_ns.saturating_sub(QUOTA_NS);
        self.see_missed(self.now_ns.saturating_sub(quota_start_ns) as f64 / 1e9);
        let now = Timestamp::from_nanos(self.now_ns);
        for (size, listener) in self.sizes.iter_mut().zip(&self.listeners) {
            size.close_interval(now, &self.settings);
            size.set_longest(listener.longest_loss());
        }
        Ok(self.sizes.into_iter().map(Size::into_result).collect())
    }

    /// Ends ticks until `time_ns` lies in the one under way.
    fn move_to(&mut self, time_ns: i64) -> Result<(), SensorError> {
        let days = time_ns.saturating_sub(self.start_ns) / DAY_NS;
        if days >= DAYS_MAX {
            return Err(SensorError::TooLong { days });
        }
        while time_ns >= self.now_ns.saturating_add(self.tick_ns) {
            // Where nothing waits and nothing comes, the next thing to happen is the quota.
            let quiet = self.in_tick.packets == 0
                && time_ns >= self.next_quota_ns
                && self.sizes.iter().all(Size::is_idle);
            self.tick(if quiet { self.next_quota_ns } else { self.now_ns + self.tick_ns });
        }
        Ok(())
    }

    /// Shows the block to every listener, and adds it to what the tick offers.
    fn serve(&mut self) {
        if self.block.is_empty() {
            return;
        }
        let (packets, bytes, work_units) = self.block.sums(&self.costs);
        self.in_tick.add(&Offered { packets, bytes, work_units });
        self.block.deal();
        for listener in &mut self.listeners {
            let lists = self.block.lists(listener.shards());
            listener.serve(self.now_ns, lists);
        }
        self.block.clear();
    }

    /// Ends the tick under way at `end_ns`.
    fn tick(&mut self, end_ns: i64) {
        let tick_ns = end_ns.saturating_sub(self.now_ns);
        self.now_ns = end_ns;
        let offered = std::mem::take(&mut self.in_tick);
        self.in_quota.add(&offered);
        let mut changed = false;
        let mut calm = true;
        for (size, listener) in self.sizes.iter_mut().zip(&mut self.listeners) {
            let (tally, backlog) = (listener.take(), listener.backlog_seconds(end_ns));
            changed |= size.tick(&self.settings, &offered, &tally, backlog, tick_ns);
            if size.comes_up(end_ns) {
                listener.set_up(end_ns, true);
            }
            calm &= size.is_calm();
        }
        // Ticks end where quota intervals do.
        let since = end_ns.saturating_sub(self.start_ns);
        self.tick_ns = if calm { TICK_NS - since % TICK_NS } else { FINE_TICK_NS };
        if end_ns >= self.next_quota_ns {
            self.next_quota_ns = self.next_quota_ns.saturating_add(QUOTA_NS);
            self.quotas += 1;
            self.see_shares(QUOTA_SECONDS as f64);
            self.see_missed(QUOTA_SECONDS as f64);
            self.begin_shares();
            self.packets_per_second = self.in_quota.packets as f64 / QUOTA_SECONDS as f64;
            self.memory();
            self.allow();
            self.in_quota = Offered::default();
            self.listeners.iter_mut().for_each(|listener| listener.move_epoch(end_ns));
            self.set_rates();
        } else if self.quotas == 0 && (since < SECOND_NS || since % SECOND_NS == 0) {
            self.see_shares(since as f64 / 1e9);
            self.set_rates();
        } else if changed {
            self.set_rates();
        }
        if end_ns >= self.next_interval_ns {
            self.next_interval_ns = end_ns.saturating_add(interval_ns(&self.settings));
            let now = Timestamp::from_nanos(end_ns);
            self.sizes.iter_mut().for_each(|size| size.close_interval(now, &self.settings));
        }
    }

    /// Sees how the packets of the last `seconds` are shared among shards.
    fn see_shares(&mut self, seconds: f64) {
        for (size, listener) in self.sizes.iter_mut().zip(&self.listeners) {
            size.see_shares(&self.settings, listener.shares(), seconds);
        }
    }

    fn see_missed(&mut self, seconds: f64) {
        self.sizes.iter_mut().for_each(|size| size.see_missed(&self.settings, seconds));
    }

    fn begin_shares(&mut self) {
        self.sizes.iter_mut().for_each(Size::begin_shares);
        self.listeners.iter_mut().for_each(Listener::begin_shares);
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
        // From the start on where the rate before it is known, else once there is one.
        let first = self.settings.packets_per_second_before <= 0.0 && self.quotas <= 1;
        let first = first || self.quotas == 0;
        for (size, listener) in self.sizes.iter_mut().zip(&mut self.listeners) {
            let buffered = listener.buffered_bytes(self.now_ns);
            size.remember(&self.settings, self.packets_per_second, buffered, first);
            if size.must_stop() {
                size.stop(&self.settings, self.now_ns, buffered, &self.in_quota);
                listener.set_up(self.now_ns, false);
            }
        }
    }

    /// Gives the listeners the rates of their sizes; those whose rate is the same go on as they
    /// are.
    fn set_rates(&mut self) {
        for (size, listener) in self.sizes.iter_mut().zip(&mut self.listeners) {
            let Some((before, now)) = size.take_rate(&self.settings) else { continue };
            listener.stretch(self.now_ns, before / now);
            let factor = size.candidate().load / now;
            let costs = (0..CLASSES).map(|class| self.settings.cost_ns(class) * factor);
            listener.set_services(costs);
        }
    }
}

/// Length of an interval of the series: whole quota intervals, at least one.
fn interval_ns(settings: &Settings) -> i64 {
    let quotas = (i64::from(settings.interval_seconds) + QUOTA_SECONDS / 2) / QUOTA_SECONDS;
    quotas.max(1) * QUOTA_NS
}
