//! A search at work: asks a runner for the trials the search wants.

use super::search::{Found, Goal, Next, Outcome, Search};
use crate::record::{GoalResult, MeasureMode, Trial};

/// Whoever can run a trial.
pub trait Runner {
    /// Runs a trial at `load` packets per second for `seconds`.
    ///
    /// # Errors
    /// Where the system refuses threads.
    fn trial(&mut self, load: f64, seconds: f64) -> Result<Trial, rayon::ThreadPoolBuildError>;

    /// Whether trials differ by chance: then each counts as one, however long.
    fn is_drawn(&self) -> bool;
}

/// Searches for all `goals` between two loads, beginning near `guess`. Every trial is kept.
///
/// # Errors
/// Those of the runner.
pub fn search(
    runner: &mut impl Runner,
    goals: &[Goal],
    (least, most): (f64, f64),
    guess: f64,
    trials: &mut Vec<Trial>,
) -> Result<Vec<Found>, rayon::ThreadPoolBuildError> {
    let mut search = Search::new(goals.to_vec(), least, most);
    search.guess(guess);
    while let Next::Trial { load, seconds } = search.next() {
        let trial = runner.trial(load, seconds)?;
        // A virtual trial may be longer than asked for: it never ends within a repetition.
        let seconds = if runner.is_drawn() { seconds } else { trial.seconds.max(seconds) };
        search.take(Outcome { load, seconds, loss_ratio: trial.loss_ratio });
        trials.push(trial);
    }
    Ok(search.found())
}

/// The record of a goal; `bits` are those of a mean packet on the wire.
pub fn result(found: &Found, mode: MeasureMode, bits: f64, trials: &[Trial]) -> GoalResult {
    let goal = &found.goal;
    let mut irregular = Vec::new();
    if found.lower.is_none() {
        irregular.push("even the least load that was tried loses more than the goal".to_owned());
    }
    if found.upper.is_none() {
        irregular.push("the highest load that was tried is carried: there is no bound".to_owned());
    }
    if found.has_inversion {
        irregular.push(
            "a higher load than the upper bound met the goal: loss is no matter of \
                        load alone"
                .to_owned(),
        );
    }
    if found.is_unfinished {
        irregular.push("given up before the bounds were near each other".to_owned());
    }
    let at_bounds =
        |trial: &&Trial| Some(trial.load_pps) == found.lower || Some(trial.load_pps) == found.upper;
    let is_tainted = trials.iter().filter(at_bounds).any(|trial| trial.is_tainted);
    if is_tainted {
        irregular.push("trials at its bounds were disturbed".to_owned());
    }
    GoalResult {
        goal: goal.name.to_owned(),
        mode,
        loss_ratio: goal.loss_ratio,
        exceed_ratio: goal.exceed_ratio,
        final_trial_seconds: goal.final_seconds,
        duration_sum_seconds: goal.sum_seconds,
        relative_width: goal.relative_width,
        lower_pps: found.lower,
        upper_pps: found.upper,
        conditional_throughput_pps: found.conditional_throughput,
        conditional_throughput_bps: found.conditional_throughput.map(|pps| pps * bits),
        range_pps: None,
        irregular,
        caveats: Vec::new(),
        is_inconclusive: is_tainted || found.is_unfinished,
    }
}
