//! The search for the highest load with so little loss, after MLRsearch
//! (draft-ietf-bmwg-mlrsearch-15). Logic only: it says which trial it wants next and is told
//! what came of it, so that it can be tested against devices whose answer is known.
//!
//! Which load is tried next is ours; the classification of loads, the bounds and the result are
//! the draft's.

mod goal;

pub use goal::{Class, Goal, Outcome};

/// Trials of one search at most: a device that never decides must not be asked for ever. Ours.
const TRIALS_MAX: usize = 2_000;

/// Coarse phases come first: widths are multiplied by these (CSIT's preceding targets).
const COARSENESS: [f64; 3] = [4.0, 2.0, 1.0];

/// What the search wants, or that it has ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Next {
    /// A trial at this load (packets per second) of this length (seconds).
    Trial {
        /// Packets per second.
        load: f64,
        /// Seconds.
        seconds: f64,
    },
    /// All goals are decided, as far as they can be.
    Done,
}

/// How a goal came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The goal.
    pub goal: Goal,
    /// Relevant lower bound: the largest below the relevant upper one, in packets per second.
    pub lower: Option<f64>,
    /// Relevant upper bound: the smallest, in packets per second.
    pub upper: Option<f64>,
    /// What gets through at the lower bound, in packets per second.
    pub conditional_throughput: Option<f64>,
    /// A lower bound above the relevant upper one was seen: more load, less loss.
    pub has_inversion: bool,
    /// The search was given up undecided.
    pub is_unfinished: bool,
}

/// A search under way.
#[derive(Debug)]
pub struct Search {
    goals: Vec<Goal>,
    least: f64,
    most: f64,
    outcomes: Vec<Outcome>,
    /// Which goal, and which of its phases.
    at: (usize, usize),
    /// Where the phase before this one ended.
    hint: (Option<f64>, Option<f64>),
    /// The load being decided.
    current: Option<f64>,
}

impl Search {
    /// A search for all `goals` between two loads in packets per second, the lower above 0.
    pub fn new(goals: Vec<Goal>, least: f64, most: f64) -> Self {
        let (hint, current) = ((None, None), None);
        Self { goals, least, most, outcomes: Vec::new(), at: (0, 0), hint, current }
    }

    /// Says where the search may begin, in packets per second; a wrong guess costs time only.
    pub fn guess(&mut self, load: f64) {
        let load = load.clamp(self.least, self.most);
        self.hint = (Some(load), Some(load));
    }

    /// Takes the result of a trial.
    pub fn take(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// The next trial.
    pub fn next(&mut self) -> Next {
        if self.outcomes.len() >= TRIALS_MAX {
            return Next::Done;
        }
        while let Some(goal) = self.phase() {
            if let Some(load) = self.wanted(&goal) {
                return Next::Trial { load, seconds: goal.final_seconds };
            }
            let (lower, upper) = self.bounds(&goal);
            self.hint = (lower, upper);
            self.at.1 += 1;
            if self.at.1 == COARSENESS.len() {
                self.at = (self.at.0 + 1, 0);
            }
        }
        Next::Done
    }

    /// How every goal came out, by the trials so far.
    pub fn found(&self) -> Vec<Found> {
        self.goals.iter().map(|goal| self.found_of(goal)).collect()
    }

    fn found_of(&self, goal: &Goal) -> Found {
        let (lower, upper) = self.bounds(goal);
        let above = |load: &&f64| upper.is_some_and(|upper| **load > upper);
        let loads = self.loads();
        let has_inversion =
            loads.iter().filter(above).any(|&load| self.class(goal, load) == Class::Lower);
        Found {
            goal: *goal,
            lower,
            upper,
            conditional_throughput: lower
                .map(|load| goal.conditional_throughput(load, self.at_load(load))),
            has_inversion,
            is_unfinished: !self.is_decided(goal, (lower, upper)),
        }
    }

    /// The goal as the present phase asks it; `None` where all have been asked.
    fn phase(&self) -> Option<Goal> {
        let goal = *self.goals.get(self.at.0)?;
        let coarseness = *COARSENESS.get(self.at.1)?;
        if self.at.1 + 1 == COARSENESS.len() {
            return Some(goal);
        }
        let seconds = if self.at.1 == 0 {
            goal.initial_seconds
        } else {
            (goal.initial_seconds * goal.final_seconds).sqrt()
        };
        Some(Goal {
            final_seconds: seconds.min(goal.final_seconds),
            sum_seconds: seconds.min(goal.sum_seconds),
            relative_width: goal.relative_width * coarseness,
            ..goal
        })
    }

    /// A load that would be tried in vain is never wanted: outside the bounds, or decided.
    fn wanted(&mut self, goal: &Goal) -> Option<f64> {
        if let Some(load) = self.current
            && self.class(goal, load) == Class::Undecided
        {
            return Some(load);
        }
        let load = self.candidate(goal)?;
        self.current = Some(load);
        Some(load)
    }

    fn candidate(&self, goal: &Goal) -> Option<f64> {
        let (lower, upper) = self.bounds(goal);
        if self.is_decided(goal, (lower, upper)) {
            return None;
        }
        let is_open = |load: &f64| self.class(goal, *load) == Class::Undecided;
        let inside = |load: &f64| {
            lower.is_none_or(|lower| *load > lower) && upper.is_none_or(|upper| *load < upper)
        };
        let hint = self.hint.0.filter(&inside).filter(&is_open);
        let hint = hint.or(self.hint.1.filter(&inside).filter(&is_open));
        if hint.is_some() {
            return hint;
        }
        Some(match (lower, upper) {
            (Some(lower), Some(upper)) => (lower * upper).sqrt(),
            // Doubling the step each time reaches any load soon, and is short where it is near.
            (Some(lower), None) => (lower * self.stride(goal, lower)).min(self.most),
            (None, Some(upper)) => (upper / self.stride(goal, upper)).max(self.least),
            (None, None) => self.most,
        })
    }

    /// The factor by which to go on from the bound at `edge` into the unknown.
    fn stride(&self, goal: &Goal, edge: f64) -> f64 {
        let from = self.hint.0.or(self.hint.1).unwrap_or(edge);
        let gone = if from > edge { from / edge } else { edge / from };
        let least = 1.0 + 2.0 * goal.relative_width;
        // Without a hint nothing is near: the step is a factor of two at least.
        let least = if self.hint == (None, None) { 2.0 } else { least };
        least.max(gone * gone)
    }

    fn is_decided(&self, goal: &Goal, bounds: (Option<f64>, Option<f64>)) -> bool {
        match bounds {
            (Some(lower), Some(upper)) => upper - lower <= upper * goal.relative_width,
            (Some(lower), None) => lower >= self.most,
            (None, Some(upper)) => upper <= self.least,
            (None, None) => false,
        }
    }

    fn at_load(&self, load: f64) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| outcome.load == load)
    }

    fn class(&self, goal: &Goal, load: f64) -> Class {
        goal.classify(self.at_load(load))
    }

    fn loads(&self) -> Vec<f64> {
        let mut loads: Vec<f64> = self.outcomes.iter().map(|outcome| outcome.load).collect();
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        loads
    }

    /// The relevant bounds: the smallest upper one, and the largest lower one below it.
    fn bounds(&self, goal: &Goal) -> (Option<f64>, Option<f64>) {
        let mut lower = None;
        for load in self.loads() {
            match self.class(goal, load) {
                Class::Upper => return (lower, Some(load)),
                Class::Lower => lower = Some(load),
                Class::Undecided => {}
            }
        }
        (lower, None)
    }
}

#[cfg(test)]
mod tests;
