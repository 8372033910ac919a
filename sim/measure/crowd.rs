//! What several workers do to each other: caches that lose what the other wrote, turns that are
//! waited for, wakings. All workers carry repetitions of the window as fast as they can, without
//! a ring and without a schedule; elapsed time counts, so this wants a machine that nobody else
//! uses.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::cost::plan;
use super::disturbance::{
    Moment, REPEATS_MAX, Strength, Turn, Worker, longest_wait_ns, taints, turns,
};
use super::statistics::{median_interval, relative_spread};
use super::virtual_time::SIZES;
use super::window::{Feed, Window};
use crate::record::{Disturbance, Interval};
use crate::sensor::{self, Observation};

/// What all workers together gave.
pub struct Crowd {
    /// Elapsed nanoseconds per packet.
    pub ns_per_packet: Interval,
    /// Repetitions in all.
    pub rounds: u64,
    /// Who disturbed it.
    pub disturbance: Disturbance,
    /// What the core found.
    pub observation: Observation,
}

/// What the costs of one worker are multiplied by, by size of the batch: at the ends of the
/// interval of the costs, and in its middle.
#[derive(Debug, Clone, Copy)]
pub struct Scales {
    /// Where they are low.
    pub cheap: [f64; SIZES.len()],
    /// As they are.
    pub estimate: [f64; SIZES.len()],
    /// Where they are high.
    pub dear: [f64; SIZES.len()],
}

impl Scales {
    /// Of workers that do nothing to each other: costs have these intervals.
    pub fn alone(costs: &[Interval; SIZES.len()]) -> Self {
        Self::over(costs, costs.map(|interval| interval.estimate))
    }

    /// Of workers that together take so long for a packet, where one for which they do nothing to
    /// each other (`apart_ns`) is expected.
    pub fn together(all: &[Interval; SIZES.len()], apart_ns: [f64; SIZES.len()]) -> Self {
        Self::over(all, apart_ns)
    }

    fn over(intervals: &[Interval; SIZES.len()], whole: [f64; SIZES.len()]) -> Self {
        let of = |end: fn(&Interval) -> f64| {
            std::array::from_fn(|at| match (intervals.get(at), whole.get(at)) {
                (Some(interval), Some(whole)) if *whole > 0.0 => end(interval) / whole,
                _ => 1.0,
            })
        };
        Self { cheap: of(|i| i.low), estimate: of(|i| i.estimate), dear: of(|i| i.high) }
    }
}

/// That virtual time goes by one worker's costs, and why.
pub fn left_out(why: &str) -> String {
    format!(
        "costs are those of one worker: what several do to each other's caches, and how long they \
         wait for each other, is not in virtual time, because {why}; it says too much"
    )
}

/// Why so many workers cannot be measured together.
pub fn hindrance(workers: usize) -> Option<&'static str> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    (workers > at_once).then_some("they cannot all have a processor at once")
}

/// Runs all workers of `options` over `window` in batches of `batch`, as often as needed until
/// nobody disturbs them, at most [`REPEATS_MAX`] times more.
///
/// # Errors
/// Where the system refuses threads.
pub fn run(
    window: &Window,
    batch: usize,
    options: &sensor::Options,
    part: &str,
) -> Result<Crowd, rayon::ThreadPoolBuildError> {
    let mut repeated = 0;
    loop {
        let mut crowd = once(window, batch, options, part)?;
        let strength = Strength { is_cpu_time: false, has_quota: false };
        crowd.disturbance.taints = taints(&crowd.disturbance, strength);
        crowd.disturbance.repeated = repeated;
        if crowd.disturbance.taints.is_empty() || repeated == REPEATS_MAX {
            return Ok(crowd);
        }
        repeated += 1;
    }
}

fn once(
    window: &Window,
    batch: usize,
    options: &sensor::Options,
    part: &str,
) -> Result<Crowd, rayon::ThreadPoolBuildError> {
    let (rounds, replicas) = plan(window.len());
    let frames = window.len() as u64 * rounds;
    let marks = Mutex::new(Marks { frames, replicas, at: Vec::new(), ends: Vec::new() });
    let mut feed = Feed::new(window, rounds * (replicas + 1), batch, |next| {
        marks.lock().unwrap_or_else(PoisonError::into_inner).before(next);
    });
    let observation = sensor::observe(&mut feed, options, &|_| (), None)?;
    let marks = marks.into_inner().unwrap_or_else(PoisonError::into_inner);
    let per_packet = marks.per_packet();
    let mut disturbance = marks.disturbance(part);
    disturbance.replica_spread = relative_spread(&per_packet);
    Ok(Crowd {
        ns_per_packet: median_interval(&per_packet).unwrap_or_default(),
        rounds: rounds * (replicas + 1),
        disturbance,
        observation,
    })
}

/// When each replica was handed out, and the state of the system around them.
struct Marks {
    /// Frames of a replica; the one before the first warms up.
    frames: u64,
    replicas: u64,
    at: Vec<Instant>,
    ends: Vec<(Moment, Vec<Turn>)>,
}

impl Marks {
    /// Frame `next` is asked for.
    fn before(&mut self, next: u64) {
        if next == 0 || !next.is_multiple_of(self.frames) {
            return;
        }
        let is_last = next == self.frames * (self.replicas + 1);
        // The last is asked for by every worker in its turn; what reading the system takes is
        // nobody's.
        if is_last && self.ends.len() < 2 {
            self.at.push(Instant::now());
        }
        if (is_last || next == self.frames) && self.ends.len() < 2 {
            self.ends.push((Moment::now(Worker::default()), turns()));
        }
        if !is_last {
            self.at.push(Instant::now());
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts and nanoseconds far below 2^53")]
    fn per_packet(&self) -> Vec<f64> {
        let pairs = self.at.iter().zip(self.at.iter().skip(1));
        pairs.map(|(a, b)| b.duration_since(*a).as_nanos() as f64 / self.frames as f64).collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
    fn disturbance(&self, part: &str) -> Disturbance {
        let [(began, first), (ended, last)] = self.ends.as_slice() else {
            return Disturbance::default();
        };
        let mut disturbance = began.until(ended, part, false);
        let waited = longest_wait_ns(first, last);
        disturbance.cpu_over_wall =
            waited.map(|ns| 1.0 - ns as f64 / 1e9 / disturbance.wall_seconds.max(1e-9));
        disturbance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::cost::STAGES;
    use crate::measure::virtual_time::{Costs, Device};
    use crate::measure::window::tests::window;

    #[test]
    fn every_replica_is_timed_and_all_workers_hear_all_of_it() {
        let window = window(&(0..100).collect::<Vec<i64>>());
        let options = sensor::Options { threads: 2, ..sensor::Options::default() };
        let crowd = once(&window, 8, &options, "test").unwrap();
        let ns = crowd.ns_per_packet;
        assert!(0.0 < ns.low && ns.low <= ns.estimate && ns.estimate <= ns.high, "{ns:?}");
        assert_eq!((crowd.rounds, crowd.observation.traffic.frames), (500, 50_000));
        assert_eq!(crowd.disturbance.part, "test");
    }

    #[test]
    fn a_replica_is_from_mark_to_mark_and_the_end_is_marked_once() {
        let mut marks = Marks { frames: 10, replicas: 2, at: Vec::new(), ends: Vec::new() };
        for next in [0, 7, 10, 17, 20] {
            marks.before(next);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        // Two workers ask for more, and there is none.
        [30, 30].iter().for_each(|next| marks.before(*next));
        assert_eq!((marks.at.len(), marks.ends.len()), (3, 2));
        let per_packet = marks.per_packet();
        assert!(per_packet[0] < per_packet[1] && per_packet[1] >= 5e5, "{per_packet:?}");
    }

    #[test]
    fn virtual_time_carries_together_what_was_measured_together() {
        let mut shares = [0.0; STAGES.len()];
        (shares[1], shares[4]) = (0.9, 0.1);
        let packets_ns = [800.0, 400.0, 300.0, 200.0].map(|ns| vec![ns; 100]);
        let costs = Costs { packets_ns, shares };
        let device = |scale| Device {
            costs: &costs,
            scale,
            arrival_ns: 0.0,
            lengths: &[100; 100],
            workers: 2,
            buffer_bytes: 1 << 20,
            batch_max: 256,
        };
        let apart_ns = SIZES.map(|size| device([1.0; SIZES.len()]).saturated_ns(size));
        for (apart, alone) in apart_ns.iter().zip([800.0, 400.0, 300.0, 200.0]) {
            assert!((apart * 2.0 / alone - 1.0).abs() < 0.01, "{apart} of two, {alone} of one");
        }
        let all = [600.0, 250.0, 200.0, 150.0].map(|estimate| Interval {
            low: estimate * 0.9,
            estimate,
            high: estimate * 1.2,
        });
        let scales = Scales::together(&all, apart_ns);
        for (size, measured) in SIZES.into_iter().zip(all) {
            let scales = [scales.cheap, scales.estimate, scales.dear];
            let wanted = [measured.low, measured.estimate, measured.high];
            for (scale, wanted) in scales.into_iter().zip(wanted) {
                let ns = device(scale).saturated_ns(size);
                // The last batch is smaller.
                assert!((ns / wanted - 1.0).abs() < 1e-3, "{size}: {ns} for {wanted}");
            }
        }
        let mut slower = device(scales.estimate);
        slower.arrival_ns = 20.0;
        // The ring lets in one worker at a time, while the other is at work.
        let ns = slower.saturated_ns(256);
        assert!((ns / 160.0 - 1.0).abs() < 0.01, "{ns}");
        assert_eq!(Scales::alone(&all).estimate, [1.0; SIZES.len()]);
        assert_eq!(Scales::alone(&all).dear, [1.2; SIZES.len()]);
    }

    #[test]
    fn more_workers_than_processors_are_not_measured_together() {
        assert_eq!(hindrance(1), None);
        assert!(hindrance(usize::MAX).is_some());
    }
}
