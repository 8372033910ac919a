//! How far others disturbed a measurement: the hypervisor, the scheduler, a quota.

use std::time::Instant;

use super::clock::thread_cpu_ns;
use super::envelope::group;
use crate::record::Disturbance;

/// Share of processor time that the hypervisor may give to others.
pub const STEAL_SHARE_MAX: f64 = 0.005;
/// A worker that never waits has at least so much processor time per elapsed time.
pub const CPU_OVER_WALL_MIN: f64 = 0.98;
/// Difference of the quartiles of the replicas over their median, at most. Ours: beyond it the
/// median of nine replicas is uncertain by several percent.
pub const REPLICA_SPREAD_MAX: f64 = 0.10;
/// Times that a disturbed part is repeated.
pub const REPEATS_MAX: u32 = 3;

/// Counters of the system at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: Instant,
    ticks: Option<Ticks>,
    throttled: Option<u64>,
    worker: Worker,
}

/// What the calling thread has had so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worker {
    /// Processor time in nanoseconds.
    pub cpu_ns: Option<i64>,
    /// Times it was stopped for others.
    pub involuntary_switches: Option<u64>,
}

impl Worker {
    /// Of the calling thread.
    pub fn now() -> Self {
        Self { cpu_ns: thread_cpu_ns(), involuntary_switches: involuntary_switches() }
    }
}

/// How long a thread that could run was without a processor, and how often it got one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    thread: u64,
    waited_ns: u64,
    turns: u64,
}

/// Time that a thread waits for a processor each time it is woken, with nobody else to have it:
/// waking an idle processor takes tens of microseconds under a hypervisor. Ours.
const WAKING_NS: u64 = 50_000;

/// Of every thread of this process, by proc_pid_schedstat (Linux, Documentation/scheduler/
/// sched-stats.rst); empty where the system does not say.
pub fn turns() -> Vec<Turn> {
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let of = |thread: std::fs::DirEntry| {
        let number = thread.file_name().to_str()?.parse().ok()?;
        Turn::parse(number, &std::fs::read_to_string(thread.path().join("schedstat")).ok()?)
    };
    threads.flatten().filter_map(of).collect()
}

impl Turn {
    /// Fields: time on a processor, time waiting for one, turns.
    fn parse(thread: u64, text: &str) -> Option<Self> {
        let mut fields = text.split_whitespace().skip(1).map(|field| field.parse().ok());
        Some(Self { thread, waited_ns: fields.next()??, turns: fields.next()?? })
    }
}

/// Nanoseconds that the thread which waited longest between two looks was without a processor
/// although it could run, beyond what waking takes; `None` where no thread is in both.
pub fn longest_wait_ns(before: &[Turn], after: &[Turn]) -> Option<u64> {
    let of = |late: &Turn| {
        let early = before.iter().find(|early| early.thread == late.thread)?;
        let waking = late.turns.saturating_sub(early.turns).saturating_mul(WAKING_NS);
        Some(late.waited_ns.saturating_sub(early.waited_ns).saturating_sub(waking))
    };
    after.iter().filter_map(of).max()
}

/// Processor time of the whole system in ticks, by proc_stat(5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticks {
    all: u64,
    idle: u64,
    steal: u64,
}

impl Ticks {
    /// Now; `None` where the system does not say.
    pub fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    /// Fields of the first line: user, nice, system, idle, iowait, irq, softirq, steal.
    fn parse(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let fields: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [.., idle, waiting, _, _, steal] = fields[..] else { return None };
        Some(Self { all: fields.iter().sum(), idle: idle + waiting, steal })
    }

    /// Shares of busy and of stolen time since `earlier`.
    #[expect(clippy::cast_precision_loss, reason = "differences of tick counts are small")]
    pub fn shares_since(&self, earlier: &Self) -> Option<(f64, f64)> {
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)? as f64;
        let idle = self.idle.saturating_sub(earlier.idle) as f64;
        let steal = self.steal.saturating_sub(earlier.steal) as f64;
        Some((1.0 - idle / all, steal / all))
    }
}

/// `nonvoluntary_ctxt_switches` of proc_pid_status(5), of the calling thread.
fn involuntary_switches() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/thread-self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("nonvoluntary_ctxt_switches:"))?;
    line.trim().parse().ok()
}

/// `nr_throttled` of the control group of this process.
fn throttled() -> Option<u64> {
    let text = std::fs::read_to_string(group::cpu_stat()?).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("nr_throttled "))?;
    line.trim().parse().ok()
}

impl Moment {
    /// Now, with what the worker has had so far.
    pub fn now(worker: Worker) -> Self {
        Self { at: Instant::now(), ticks: Ticks::now(), throttled: throttled(), worker }
    }

    /// What happened between `self` and `end`. Where the worker waits for others, its processor
    /// time says nothing, and `is_always_busy` is false.
    pub fn until(&self, end: &Self, part: &str, is_always_busy: bool) -> Disturbance {
        let wall_seconds = end.at.duration_since(self.at).as_secs_f64();
        let cpu = self.worker.cpu_ns.zip(end.worker.cpu_ns);
        #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
        let cpu_over_wall = cpu.map(|(a, b)| (b - a) as f64 / 1e9 / wall_seconds);
        let difference = |a: Option<u64>, b: Option<u64>| Some(b?.saturating_sub(a?));
        let shares = self.ticks.zip(end.ticks).and_then(|(a, b)| b.shares_since(&a));
        Disturbance {
            part: part.to_owned(),
            wall_seconds,
            steal_share: shares.map(|(_, steal)| steal),
            throttled: difference(self.throttled, end.throttled),
            cpu_over_wall: cpu_over_wall.filter(|share| is_always_busy && share.is_finite()),
            involuntary_switches: difference(
                self.worker.involuntary_switches,
                end.worker.involuntary_switches,
            ),
            ..Disturbance::default()
        }
    }
}

/// What figures stand up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strength {
    /// They are processor time: time without a processor does not spoil them. What caches and the
    /// hypervisor did, the spread of the replicas shows.
    pub is_cpu_time: bool,
    /// A quota was asked for: being stopped by it is part of the envelope.
    pub has_quota: bool,
}

/// Why figures taken under `disturbance` cannot be relied on.
pub fn taints(disturbance: &Disturbance, strength: Strength) -> Vec<String> {
    let mut taints = Vec::new();
    if let Some(share) = disturbance.steal_share.filter(|share| *share > STEAL_SHARE_MAX) {
        taints.push(format!(
            "the hypervisor took {:.1} % of the processor time, more than {} %",
            share * 100.0,
            STEAL_SHARE_MAX * 100.0
        ));
    }
    if let Some(times) = disturbance.throttled.filter(|times| *times > 0 && !strength.has_quota) {
        taints.push(format!("a quota stopped the control group {times} times"));
    }
    let short = disturbance.cpu_over_wall.filter(|share| *share < CPU_OVER_WALL_MIN);
    if let Some(share) = short.filter(|_| !strength.is_cpu_time && !strength.has_quota) {
        taints.push(format!(
            "a worker that could work had a processor for {:.1} % of the time, less than {} %",
            share * 100.0,
            CPU_OVER_WALL_MIN * 100.0
        ));
    }
    if let Some(spread) = disturbance.replica_spread.filter(|spread| *spread > REPLICA_SPREAD_MAX) {
        taints.push(format!(
            "the middle half of the replicas spreads over {:.1} % of their median, more than {} %",
            spread * 100.0,
            REPLICA_SPREAD_MAX * 100.0
        ));
    }
    taints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_and_compared() {
        let before = Ticks::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1\n").unwrap();
        let after = Ticks::parse("cpu  160 0 60 805 50 0 5 20 0 0\n").unwrap();
        assert_eq!(before, Ticks { all: 1_000, idle: 850, steal: 0 });
        let (busy, steal) = after.shares_since(&before).unwrap();
        assert!((busy - 0.95).abs() < 1e-12 && (steal - 0.2).abs() < 1e-12);
        assert_eq!(before.shares_since(&before), None);
        assert_eq!(Ticks::parse("intr 5\n"), None);
    }

    #[test]
    fn the_thread_that_waited_longest_is_found_and_waking_does_not_count() {
        let of = |thread, text| Turn::parse(thread, text).unwrap();
        let before = [of(1, "5 1000 10\n"), of(2, "5 0 0\n")];
        // The first was woken 100 times, the second three times; the third is new.
        let after = [of(1, "9 4001000 110\n"), of(2, "9 4000000 3\n"), of(3, "9 9000000 1\n")];
        assert_eq!(longest_wait_ns(&before, &after), Some(3_850_000));
        assert_eq!(longest_wait_ns(&[], &after), None);
        assert_eq!(Turn::parse(1, "5\n"), None);
    }

    #[test]
    fn each_threshold_taints_and_none_alone_is_missing() {
        let quiet = Disturbance {
            steal_share: Some(0.004),
            throttled: Some(0),
            cpu_over_wall: Some(0.99),
            replica_spread: Some(0.05),
            ..Disturbance::default()
        };
        let weak = Strength::default();
        assert_eq!(taints(&quiet, weak), Vec::<String>::new());
        let stolen = Disturbance { steal_share: Some(0.006), ..quiet.clone() };
        let stopped = Disturbance { throttled: Some(1), ..quiet.clone() };
        let starved = Disturbance { cpu_over_wall: Some(0.97), ..quiet.clone() };
        let spread = Disturbance { replica_spread: Some(0.11), ..quiet };
        for one in [&stolen, &stopped, &starved, &spread] {
            assert_eq!(taints(one, weak).len(), 1, "{one:?}");
        }
        let cpu = Strength { is_cpu_time: true, ..weak };
        assert!(taints(&starved, cpu).is_empty(), "processor time does not suffer");
        let quota = Strength { has_quota: true, ..weak };
        assert!(taints(&starved, quota).is_empty() && taints(&stopped, quota).is_empty());
        assert!(taints(&Disturbance::default(), weak).is_empty(), "unknown is not disturbed");
    }
}
