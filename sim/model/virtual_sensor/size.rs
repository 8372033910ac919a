//! One size of sensor: what it may use, what it holds, and what is told of it.

use crate::base::Timestamp;
use crate::model::rounding::{whole_i64, whole_u64};
use crate::record::{Basis, HealthSpan, LossStretch, SensorSize, SimulatedInterval, SimulatedSize};

use super::engine::{FINE_TICK_NS, TICK_NS};
use super::listener::{Stretch, Tally, UNITS_PER_SECOND};
use super::quota::QUOTA_SECONDS;
use super::stages::Queues;
use super::{Candidate, Settings};

/// Cores that a shard has at least: a starved process is still scheduled now and then.
const RATE_MIN: f64 = 1e-4;

/// Utilisation from which on a sensor counts as busy all the time.
pub const FULL: f64 = 0.9;

/// Memory of queues that the table's figures hold, in GB: half of what they are rounded to. Without
/// it a single packet that waits would be too much for the first row. Ours.
const QUEUED_GB: f64 = 0.25;

/// How long it is until queues are looked at again, in seconds: ticks of the engine.
const TICK_SECONDS: f64 = TICK_NS as f64 / 1e9;
const FINE_TICK_SECONDS: f64 = FINE_TICK_NS as f64 / 1e9;

/// Restarts and health conditions that are told one by one.
const TOLD_MAX: usize = 1_000;

/// Titles of health alerts (Microsoft Defender for Identity health alerts, 2026-04-26).
const TRAFFIC_TITLE: &str = "Some network traffic could not be analyzed";
const MEMORY_TITLE: &str = "Sensor reached a memory resource limit";
const SILENT_TITLE: &str = "Sensor stopped communicating";

/// Time without communication that raises [`SILENT_TITLE`], in seconds (as above).
const SILENT_SECONDS: i64 = 300;

/// What came in some time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Offered {
    pub(super) packets: u64,
    pub(super) bytes: u64,
    /// What it costs, in 1/32 ns of one core. Whole, so that batches add up to the same.
    pub(super) work_units: u64,
}

impl Offered {
    pub(super) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.work_units = self.work_units.saturating_add(other.work_units);
    }
}

/// Sums of one interval of the series.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    duration_ns: i64,
    offered_packets: u64,
    lost_packets: u64,
    wait_seconds: f64,
    /// Core-seconds used, and allowed.
    used: f64,
    allowed: f64,
    queue_bytes_max: u64,
    entries_max: f64,
    memory_gb: f64,
    busiest_shard: f64,
}

/// One size.
#[derive(Debug, Clone)]
pub(super) struct Size {
    candidate: Candidate,
    shards: f64,
    /// How many shards there would be if all had as much to do as the busiest.
    even_shards: f64,
    /// Core-seconds of work done since shares were last seen.
    served: f64,
    /// Packets lost or late since then.
    missed: u64,
    allowed_cores: f64,
    allowed_memory_gb: f64,
    /// How long that has been so in this interval.
    allowed_ns: i64,
    /// Cores of one shard in force; 0 before the first.
    rate: f64,
    /// Work that waits in the listener, in seconds of one core.
    backlog: f64,
    queues: Queues,
    /// Packets per second that the stages behind the listener can take.
    room: f64,
    /// Mean cost of a packet in the last tick that had one, in seconds of one core.
    mean_cost: f64,
    /// Packet rate that memory stands for.
    remembered: f64,
    memory_gb: f64,
    down_until_ns: Option<i64>,
    sums: Sums,
    wait_seconds: f64,
    interval_start: Timestamp,
    result: SimulatedSize,
}

impl Size {
    pub(super) fn new(candidate: Candidate, start_ns: i64) -> Self {
        let shards = super::settings::shards(candidate.cores);
        let result = SimulatedSize {
            size: SensorSize {
                cores: candidate.cores,
                memory_gb: candidate.memory_gb,
                buffer_bytes_per_shard: Some(candidate.buffer_bytes_per_shard),
            },
            shards: u32::try_from(shards).unwrap_or(u32::MAX),
            offered_packets: 0,
            offered_bytes: 0,
            lost_packets: 0,
            late_packets: 0,
            saturated_packets: 0,
            starved_packets: 0,
            lost_bytes: 0,
            mean_wait_ms: 0.0,
            peak_utilisation: 0.0,
            peak_memory_gb: 0.0,
            restarts: Vec::new(),
            restart_count: 0,
            downtime_ms: 0,
            longest_loss: None,
            health: Vec::new(),
            intervals: Vec::new(),
        };
        Self {
            candidate,
            shards: shards as f64,
            // Seen within the first tick; until then nothing is held back.
            even_shards: 1.0,
            served: 0.0,
            missed: 0,
            allowed_cores: candidate.cores,
            allowed_memory_gb: candidate.memory_gb,
            allowed_ns: 0,
            rate: 0.0,
            backlog: 0.0,
            queues: Queues::default(),
            room: f64::INFINITY,
            mean_cost: 0.0,
            remembered: 0.0,
            memory_gb: 0.0,
            down_until_ns: None,
            sums: Sums::default(),
            wait_seconds: 0.0,
            interval_start: Timestamp::from_nanos(start_ns),
            result,
        }
    }

    pub(super) fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Whether nothing waits and the service is up.
    pub(super) fn is_idle(&self) -> bool {
        self.down_until_ns.is_none() && self.backlog <= 0.0 && self.queues.idle()
    }

    /// Whether the queues behind the listener are nearly empty.
    pub(super) fn is_calm(&self) -> bool {
        self.queues.calm()
    }

    /// What the quota allows from now on.
    pub(super) fn allow(&mut self, cores: f64, memory_gb: f64) {
        self.add_allowed();
        self.allowed_cores = cores;
        self.allowed_memory_gb = memory_gb;
    }

    /// Adds what was allowed since the last change, in one product: a sum over ticks would round.
    fn add_allowed(&mut self) {
        self.sums.allowed += self.allowed_cores * self.allowed_ns as f64 / 1e9;
        self.sums.duration_ns += self.allowed_ns;
        self.allowed_ns = 0;
    }

    /// A tick of `tick_ns`; `backlog` is in seconds of a shard. Returns whether the rate is
    /// another from now on.
    pub(super) fn tick(
        &mut self,
        settings: &Settings,
        offered: &Offered,
        tally: &Tally,
        backlog: f64,
        tick_ns: i64,
    ) -> bool {
        let seconds = tick_ns as f64 / 1e9;
        let work_seconds = offered.work_units as f64 / UNITS_PER_SECOND;
        if offered.packets > 0 {
            self.mean_cost = work_seconds / offered.packets as f64;
        }
        let work_seconds = work_seconds * self.candidate.load;
        let backlog = backlog * self.rate;
        let lost = tally.lost_units as f64 / UNITS_PER_SECOND * self.rate;
        let served = (work_seconds - lost + self.backlog - backlog).max(0.0);
        self.backlog = backlog;
        let packets = if self.mean_cost > 0.0 { served / self.mean_cost } else { 0.0 };
        self.served += served;
        let room = self.queues.step(&settings.stages, packets, seconds);
        // How much there is room for until queues are looked at again.
        self.room = room / if self.queues.calm() { TICK_SECONDS } else { FINE_TICK_SECONDS };
        self.allowed_ns += tick_ns;

        let sums = &mut self.sums;
        sums.offered_packets += offered.packets;
        sums.lost_packets += tally.lost_packets;
        sums.wait_seconds += tally.wait_ns as f64 / 1e9;
        let base = settings.idle_cores().min(self.allowed_cores);
        if self.down_until_ns.is_none() {
            sums.used += served + base * seconds;
        } else {
            self.result.downtime_ms += u64::try_from(tick_ns / 1_000_000).unwrap_or(0);
        }
        let queued = whole_u64(tally.queue_bytes_max as f64 * self.candidate.load);
        sums.queue_bytes_max = sums.queue_bytes_max.max(queued);
        let entries = self.queues.translator + self.queues.resolver + self.queues.sender;
        sums.entries_max = sums.entries_max.max(entries);
        self.result.offered_packets += offered.packets;
        self.result.offered_bytes += offered.bytes;
        self.result.lost_packets += tally.lost_packets;
        self.missed += tally.lost_packets;
        self.result.lost_bytes += tally.lost_bytes;
        self.target(settings) != self.rate
    }

    /// Sees what the busiest shard and all have accepted in so many `seconds`. What is allowed
    /// goes where the work is: a shard that has more of it gets more, as any scheduler does it,
    /// and all together no more than is allowed.
    pub(super) fn see_shares(&mut self, settings: &Settings, shares: (u64, u64), seconds: f64) {
        let (most, all) = shares;
        if most == 0 || seconds <= 0.0 {
            return;
        }
        let packet_seconds = self.mean_cost * self.candidate.load;
        let busiest = most as f64 * packet_seconds / (self.rate * seconds);
        self.sums.busiest_shard = self.sums.busiest_shard.max(busiest.min(1.0));
        let allowed = self.allowed_cores - settings.idle_cores();
        let over = (self.served / (allowed * seconds).max(f64::MIN_POSITIVE)).max(1.0);
        self.even_shards = (all as f64 / most as f64 * over).clamp(1.0, self.shards);
    }

    /// Sees whether what was missed in the last `seconds`, since shares were begun, was missed
    /// because all cores were busy, and whether because the server left fewer than the size has.
    pub(super) fn see_missed(&mut self, settings: &Settings, seconds: f64) {
        let missed = std::mem::take(&mut self.missed);
        let used = self.served + settings.idle_cores() * seconds;
        if used >= FULL * self.allowed_cores * seconds {
            self.result.saturated_packets += missed;
            if self.allowed_cores < self.candidate.cores * 0.999 {
                self.result.starved_packets += missed;
            }
        }
    }

    /// Begins to see shares anew.
    pub(super) fn begin_shares(&mut self) {
        self.served = 0.0;
    }

    /// Cores of one shard: what is allowed less what is used without traffic, at most one core,
    /// and no more than the stages behind can take.
    fn target(&self, settings: &Settings) -> f64 {
        let base = settings.idle_cores();
        let behind = if self.mean_cost > 0.0 { self.room * self.mean_cost } else { f64::INFINITY };
        ((self.allowed_cores - base).min(behind) / self.even_shards).clamp(RATE_MIN, 1.0)
    }

    /// The rate before and the new one; `None` where they are the same.
    pub(super) fn take_rate(&mut self, settings: &Settings) -> Option<(f64, f64)> {
        let (before, now) = (self.rate, self.target(settings));
        self.rate = now;
        // What waits in the listener is the same work at whatever rate.
        (before != now).then_some((if before > 0.0 { before } else { now }, now))
    }

    /// Ten seconds of `packets_per_second` in memory. The sensor has run for long before the
    /// `first` ones.
    pub(super) fn remember(
        &mut self,
        settings: &Settings,
        packets_per_second: f64,
        buffered_bytes: u64,
        first: bool,
    ) {
        let memory = &settings.memory;
        let packets_per_second = packets_per_second * self.candidate.load;
        if self.down_until_ns.is_some() {
            self.memory_gb = 0.0;
            return;
        }
        let share = 1.0 - libm::exp(-(QUOTA_SECONDS as f64) / memory.residency_seconds);
        let share = if first { 1.0 } else { share };
        self.remembered += (packets_per_second - self.remembered) * share;
        let flows_gb = if self.remembered <= memory.small_packets_per_second {
            memory.small_gb
        } else {
            memory.base_gb + memory.gb_per_kpps * self.remembered / 1e3
        };
        let queued =
            self.queues.bytes(&settings.stages) + buffered_bytes as f64 * self.candidate.load;
        self.memory_gb = flows_gb + (queued / (1_u64 << 30) as f64 - QUEUED_GB).max(0.0);
        self.sums.memory_gb = self.sums.memory_gb.max(self.memory_gb);
    }

    /// Whether memory is above what is allowed.
    pub(super) fn must_stop(&self) -> bool {
        self.down_until_ns.is_none() && self.memory_gb > self.allowed_memory_gb
    }

    /// Stops the service. What waits to be translated or in the buffer is lost with it; how many
    /// packets the buffer held is estimated from the mean size of the last ten seconds.
    pub(super) fn stop(
        &mut self,
        settings: &Settings,
        now_ns: i64,
        buffered_bytes: u64,
        recent: &Offered,
    ) {
        let bytes_per_packet = recent.bytes as f64 / recent.packets.max(1) as f64;
        let buffered =
            if bytes_per_packet > 0.0 { buffered_bytes as f64 / bytes_per_packet } else { 0.0 };
        let waiting =
            self.queues.translator / settings.stages.messages_per_packet / self.candidate.load;
        let lost = whole_u64(libm::round(buffered + waiting));
        let kept = self.result.offered_packets.saturating_sub(self.result.lost_packets);
        let lost = lost.min(kept);
        self.result.lost_packets += lost;
        self.sums.lost_packets += lost.min(self.sums.offered_packets - self.sums.lost_packets);
        self.result.lost_bytes +=
            buffered_bytes + whole_u64(libm::round(waiting * bytes_per_packet));
        self.result.lost_bytes = self.result.lost_bytes.min(self.result.offered_bytes);
        self.queues = Queues::default();
        self.room = f64::INFINITY;
        self.backlog = 0.0;
        self.remembered = 0.0;
        let down_ns = whole_i64(libm::round(settings.restart_seconds * 1e9));
        let until_ns = now_ns.saturating_add(down_ns);
        self.down_until_ns = Some(until_ns);
        self.result.restart_count += 1;
        let (now, until) = (Timestamp::from_nanos(now_ns), Timestamp::from_nanos(until_ns));
        if self.result.restarts.len() < TOLD_MAX {
            self.result.restarts.push(now);
        }
        self.tell(MEMORY_TITLE, now, until, Basis::VendorPublished);
        let silent = now.plus_nanos(SILENT_SECONDS * 1_000_000_000);
        if silent < until {
            self.tell(SILENT_TITLE, silent, until, Basis::VendorPublished);
        }
    }

    /// Whether the service comes up again at `now_ns`.
    pub(super) fn comes_up(&mut self, now_ns: i64) -> bool {
        self.down_until_ns.take_if(|until| *until <= now_ns).is_some()
    }

    /// Ends an interval of the series.
    pub(super) fn close_interval(&mut self, now: Timestamp, settings: &Settings) {
        self.add_allowed();
        let sums = std::mem::take(&mut self.sums);
        if sums.duration_ns <= 0 {
            return;
        }
        let accepted = sums.offered_packets.saturating_sub(sums.lost_packets);
        let row = SimulatedInterval {
            start_utc: self.interval_start,
            offered_packets: sums.offered_packets,
            lost_packets: sums.lost_packets,
            utilisation: (sums.used / sums.allowed.max(f64::MIN_POSITIVE)).min(1.0),
            busiest_shard: sums.busiest_shard,
            allowed_cores: sums.allowed * 1e9 / sums.duration_ns as f64,
            mean_wait_ms: sums.wait_seconds * 1e3 / accepted.max(1) as f64,
            queue_bytes_max: sums.queue_bytes_max,
            queued_entries_max: sums.entries_max,
            memory_gb: sums.memory_gb,
        };
        self.wait_seconds += sums.wait_seconds;
        let accepted = self.result.offered_packets.saturating_sub(self.result.lost_packets);
        self.result.mean_wait_ms = self.wait_seconds * 1e3 / accepted.max(1) as f64;
        self.result.peak_utilisation = self.result.peak_utilisation.max(row.utilisation);
        self.result.peak_memory_gb = self.result.peak_memory_gb.max(row.memory_gb);
        if row.loss_ratio() > settings.alert_loss_ratio {
            self.tell(TRAFFIC_TITLE, self.interval_start, now, Basis::Ours);
        }
        self.interval_start = now;
        self.result.intervals.push(row);
    }

    /// What is late at the end: so many seconds of work of one shard.
    pub(super) fn set_late(&mut self, seconds: f64) {
        let packet_seconds = self.mean_cost * self.candidate.load;
        if packet_seconds > 0.0 {
            let late = whole_u64(libm::round(seconds * self.rate / packet_seconds));
            let kept = self.result.offered_packets.saturating_sub(self.result.lost_packets);
            self.result.late_packets = late.min(kept);
            self.missed += self.result.late_packets;
        }
    }

    /// The longest stretch of loss.
    pub(super) fn set_longest(&mut self, longest: Option<Stretch>) {
        self.result.longest_loss = longest.map(|stretch| LossStretch {
            start_utc: Timestamp::from_nanos(stretch.start_ns),
            end_utc: Timestamp::from_nanos(stretch.end_ns),
            lost_packets: stretch.packets,
        });
    }

    pub(super) fn into_result(mut self) -> SimulatedSize {
        self.result.health.sort_by_key(|span| span.start_utc);
        self.result
    }

    /// Adds a time in which a condition held, or makes the last such time longer.
    fn tell(&mut self, title: &str, start_utc: Timestamp, end_utc: Timestamp, basis: Basis) {
        let room = self.result.health.len() < TOLD_MAX;
        match self.result.health.iter_mut().rev().find(|span| span.title == title) {
            Some(span) if span.end_utc >= start_utc => span.end_utc = end_utc,
            _ if room => {
                let title = title.to_owned();
                self.result.health.push(HealthSpan { title, start_utc, end_utc, basis });
            }
            _ => {}
        }
    }
}
