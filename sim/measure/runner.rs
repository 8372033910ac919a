//! Runs trials in virtual time for a search: how long, and of which draw.

use super::drive::Runner;
use super::load::{Arrivals, Pace, Schedule};
use super::realtime::intended;
use super::search::Goal;
use super::virtual_time::{Device, Histograms};
use crate::base::Random;
use crate::record::{GoalResult, MeasureMode, Trial};

/// Packets of one trial in virtual time at most. Ours: measured on a machine of 2.1 GHz, so many
/// take about a minute.
pub const PACKETS_MAX: u64 = 2_000_000_000;
/// Packets up to which a trial is made longer for its arrivals to show what they are like. Ours:
/// about a second of computing; a search makes a hundred and more trials.
const LENGTHENED_MAX: f64 = 2e7;
/// Draws that decide about a load where arrivals are drawn: three of five, as the ratio of bad
/// time wants. Ours.
const DRAWS: f64 = 5.0;
/// A bound this far above what is carried when everything waits is no bound: the buffer takes in
/// less of a trial. Ours; in real time the two modes may differ by so much more.
const SATURATION_SLACK: f64 = 1.02;

/// Trials in virtual time.
pub struct VirtualRunner<'a> {
    /// The device.
    pub device: Device<'a>,
    /// The recorded pace.
    pub pace: &'a Pace,
    /// How packets are to come.
    pub arrivals: Arrivals,
    /// Seed of arrivals that are drawn.
    pub seed: u64,
    /// The latest trial: load, asked-for seconds, and the number of its draw.
    pub latest: Option<(f64, f64, u64)>,
}

impl VirtualRunner<'_> {
    /// A trial at `load` packets per second, of `seconds` or as near as its packets allow.
    pub fn trial_with(
        &mut self,
        load: f64,
        seconds: f64,
        histograms: Option<&mut Histograms>,
    ) -> Trial {
        // Every load meets the same draws: what differs between loads is the load.
        let draw = match self.latest {
            Some((at, of, draw)) if at == load && of == seconds => draw + 1,
            _ => 0,
        };
        self.latest = Some((load, seconds, draw));
        let random = Random::fork(self.seed, draw);
        let mut schedule = Schedule::new(self.pace, self.arrivals, load, random);
        let wanted = self.arrivals.least_seconds().min(LENGTHENED_MAX / load);
        let frames = self.device.lengths.len().max(1) as u64;
        let most = (PACKETS_MAX / frames).max(1) * frames;
        let packets = intended(load, seconds.max(wanted), self.device.lengths.len()).min(most);
        self.device.trial(load, packets, &mut schedule, histograms)
    }

    /// What the workers carry when everything waits: packets per second.
    pub fn saturated(&self) -> f64 {
        1e9 / self.device.saturated_ns(self.device.batch_max).max(1.0)
    }
}

impl Runner for VirtualRunner<'_> {
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, rayon::ThreadPoolBuildError> {
        Ok(self.trial_with(load, seconds, None))
    }

    fn is_drawn(&self) -> bool {
        self.arrivals.is_drawn()
    }
}

/// The goal as virtual time asks it: the same trial again comes out the same, so one decides,
/// unless arrivals are drawn.
pub fn in_virtual_time(goal: Goal, arrivals: Arrivals) -> Goal {
    let draws = if arrivals.is_drawn() { DRAWS } else { 1.0 };
    Goal { sum_seconds: goal.final_seconds * draws, ..goal }
}

/// The goal as real time asks it: trials long enough for the arrivals, as far as the time that
/// decides about a load goes.
pub fn in_real_time(goal: Goal, arrivals: Arrivals) -> Goal {
    let wanted = arrivals.least_seconds().min(goal.sum_seconds);
    Goal { final_seconds: goal.final_seconds.max(wanted), ..goal }
}

/// Says of a goal what its trials at the bounds cannot tell: too few turns of arrivals that take
/// turns, or more than the core carries when everything waits (`saturated` packets per second).
pub fn doubt(goal: &mut GoalResult, trials: &[Trial], arrivals: Arrivals, saturated: f64) {
    let is_virtual = goal.mode == MeasureMode::Virtual;
    let bounds = [goal.lower_pps, goal.upper_pps];
    // Of those before the last phase nothing is left but hints.
    let at = |load: f64| trials.iter().rfind(|t| t.load_pps == load && t.is_virtual == is_virtual);
    let shortest = bounds.iter().flatten().filter_map(|load| Some(at(*load)?.seconds));
    let shortest = shortest.fold(f64::INFINITY, f64::min);
    let least = arrivals.least_seconds();
    // Whole packets make a trial a little shorter.
    if shortest < least * 0.999 {
        let help = if is_virtual { "" } else { ", or a longer --trial-sum, or --mode virtual" };
        goal.irregular.push(format!(
            "trials at its bounds last {shortest:.3} s, too short for these arrivals, which need \
             {least:.3} s to take turns often enough: give shorter times to --arrivals{help}"
        ));
        goal.is_inconclusive = true;
    }
    let slack =
        if is_virtual { SATURATION_SLACK } else { SATURATION_SLACK / super::run::AGREE.start() };
    let most = saturated / (1.0 - goal.loss_ratio) * slack;
    if goal.lower_pps.is_some_and(|lower| lower > most) {
        goal.irregular.push(format!(
            "its bound is above the {saturated:.0} packets per second that the costs allow when \
             everything waits: the buffer took in what a trial brought too much, or the trials \
             met calm times only"
        ));
        goal.is_inconclusive = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::cost::STAGES;
    use super::super::drive::{result, search};
    use super::super::load::Mmpp;
    use super::super::plan::goal;
    use super::super::virtual_time::{BATCH_MAX, Costs, SIZES};
    use super::*;

    /// One worker that carries 10,000 packets of 100 bytes a second.
    fn searched(buffer_bytes: u64, arrivals: Arrivals) -> (GoalResult, Vec<Trial>) {
        let mut shares = [0.0; STAGES.len()];
        shares[0] = 1.0;
        let costs = Costs { packets_ns: std::array::from_fn(|_| vec![100_000.0; 10]), shares };
        let pace = Pace::new((0..10).map(|at| at * 1_000_000).collect());
        let device = Device {
            costs: &costs,
            scale: [1.0; SIZES.len()],
            arrival_ns: 0.0,
            lengths: &[100; 10],
            workers: 1,
            buffer_bytes,
            batch_max: BATCH_MAX,
        };
        let mut runner = VirtualRunner { device, pace: &pace, arrivals, seed: 1, latest: None };
        let guess = runner.saturated();
        let goals = [in_virtual_time(goal("NDR", 0.0, 5.0), arrivals)];
        let mut trials = Vec::new();
        let found =
            search(&mut runner, &goals, (guess * 1e-5, guess * 8.0), guess, &mut trials).unwrap();
        let mut goal = result(&found[0], MeasureMode::Virtual, 800.0, &trials);
        doubt(&mut goal, &trials, arrivals, guess);
        (goal, trials)
    }

    fn mmpp(busy_seconds: f64, calm_seconds: f64) -> Arrivals {
        Arrivals::Mmpp(Mmpp { ratio: 10.0, busy_seconds, calm_seconds })
    }

    #[test]
    fn arrivals_that_take_turns_are_met_in_both_states_and_by_several_draws() {
        // A tenth of the time come 5.26 times as many as in the mean.
        let (goal, trials) = searched(10_000, mmpp(0.5, 4.5));
        let lower = goal.lower_pps.unwrap();
        let edge = 10_000.0 * (10.0 * 0.1 + 0.9) / 10.0;
        assert!((0.9..1.1).contains(&(lower / edge)), "{lower} against {edge}");
        assert_eq!((goal.is_inconclusive, goal.irregular.len()), (false, 0), "{goal:?}");
        let at: Vec<&Trial> = trials.iter().filter(|trial| trial.load_pps == lower).collect();
        assert!(at.len() >= 3, "{at:?}");
        for trial in &at {
            assert!(trial.seconds >= 100.0, "{trial:?}");
            let realised = trial.realised_pps.unwrap();
            assert!((realised / lower - 1.0).abs() < 0.03, "{trial:?}");
        }
        assert_ne!(at[at.len() - 1].realised_pps, at[at.len() - 2].realised_pps, "other draws");
    }

    #[test]
    fn turns_that_are_too_long_for_a_trial_make_a_goal_inconclusive() {
        let (mut goal, trials) = searched(10_000, Arrivals::Fixed);
        assert_eq!((goal.is_inconclusive, goal.irregular.len()), (false, 0), "{goal:?}");
        doubt(&mut goal, &trials, mmpp(3.0, 5.0), 10_000.0);
        assert!(goal.is_inconclusive && goal.irregular[0].contains("need 160.000 s"), "{goal:?}");
    }

    #[test]
    fn a_bound_that_only_the_buffer_carries_is_not_believed() {
        // A tenth of the trial fits into the buffer.
        let (goal, _) = searched(100_000, Arrivals::Fixed);
        assert!(goal.lower_pps.unwrap() > 10_500.0, "{goal:?}");
        assert!(goal.is_inconclusive, "{goal:?}");
        assert!(goal.irregular[0].contains("the 10000 packets per second"), "{goal:?}");
    }
}
