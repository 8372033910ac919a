//! What a measurement is worth: why it cannot be relied on, and what a reader should know.

use super::run::Measured;
use crate::record::{Disturbance, Envelope, MeasureMode};

impl Measured {
    /// Fills in [`inconclusive`](Self::inconclusive) and [`warnings`](Self::warnings).
    pub(super) fn judge(&mut self) {
        for goal in &mut self.goals {
            let of_costs = goal.mode == MeasureMode::Virtual;
            let taints = self.disturbances.iter().filter(|d| d.part.starts_with("cost of batches"));
            goal.is_inconclusive |= of_costs && taints.clone().any(|d| !d.taints.is_empty());
            goal.caveats = caveats(goal.mode, &self.envelope, self.machine.logical_processors);
        }
        self.inconclusive = disturbed(&self.disturbances);
        for goal in self.goals.iter().filter(|goal| goal.is_inconclusive) {
            for why in &goal.irregular {
                self.inconclusive.push(format!("{}: {why}", goal.goal));
            }
        }
        if let Some(check) = self.cross_check.as_ref().filter(|check| !check.agrees) {
            self.inconclusive.push(format!(
                "virtual time says {:.2} times what real time says, outside 0.9 to 1.1",
                check.ratio
            ));
        }
        self.warn();
    }

    fn warn(&mut self) {
        let mut warnings = std::mem::take(&mut self.warnings);
        if cfg!(debug_assertions) {
            warnings.push(
                "this program was built without optimisation: every cost is too high and every \
                 rate too low; build with --release"
                    .to_owned(),
            );
        }
        let replay = &self.replay;
        if !replay.is_whole {
            warnings.push(format!(
                "only the first {} frames are replayed, as many as {} bytes of memory hold; \
                 --window sets it",
                replay.frames, replay.limit_bytes
            ));
        }
        if replay.frames_unmoved * 10 > replay.frames {
            warnings.push(format!(
                "{} of {} frames are the same in every repetition, for want of a client's address: \
                 they look like retransmissions and cost less than they should",
                replay.frames_unmoved, replay.frames
            ));
        }
        if replay.recorded_pps.is_none() {
            warnings.push(
                "the frames have no times, or all the same: they come at equal distances"
                    .to_owned(),
            );
        }
        let envelope = &self.envelope;
        for (what, limit) in [("cores", &envelope.affinity), ("memory", &envelope.memory)] {
            if !limit.is_enforced {
                warnings.push(format!("the limit of {what} is not enforced: {}", limit.how));
            }
        }
        if envelope.quota_cores.is_some() && !envelope.quota.is_enforced {
            warnings.push(format!("the quota is not enforced: {}", envelope.quota.how));
        }
        if !self.cost.is_cpu_time {
            warnings
                .push("processor time is not to be had here: elapsed time stands for it".into());
        }
        self.warnings = warnings;
    }
}

/// What of the envelope a goal leaves out. `processors` are those of the machine that may be used.
fn caveats(mode: MeasureMode, envelope: &Envelope, processors: Option<usize>) -> Vec<String> {
    let is_virtual = mode == MeasureMode::Virtual;
    let mut caveats = Vec::new();
    if is_virtual && envelope.quota_cores.is_some() {
        caveats.push("without the quota".to_owned());
    }
    let held = Some(envelope.processors.len()).filter(|count| *count > 0);
    if held.or(processors).is_some_and(|count| count < envelope.cores) {
        let how = if is_virtual { ": computed" } else { "" };
        caveats.push(format!("more workers than processors{how}"));
    }
    caveats
}

/// What was disturbed, as sentences; of many trials only how many, and the first.
fn disturbed(all: &[Disturbance]) -> Vec<String> {
    let is_trial = |part: &&Disturbance| part.part.starts_with("trial ");
    let (trials, costs): (Vec<_>, Vec<_>) = all.iter().partition(|part| is_trial(part));
    let told = |part: &Disturbance| {
        format!("{}, after {} repetitions: {}", part.part, part.repeated, part.taints.join("; "))
    };
    let is_tainted = |part: &&&Disturbance| !part.taints.is_empty();
    let mut sentences: Vec<String> =
        costs.iter().filter(is_tainted).map(|part| told(part)).collect();
    let tainted: Vec<_> = trials.iter().filter(is_tainted).collect();
    if let Some(first) = tainted.first() {
        let rest = match tainted.len() {
            1 => String::new(),
            count => {
                format!("{count} of {} trials in real time were disturbed, e.g. ", trials.len())
            }
        };
        sentences.push(format!("{rest}{}", told(first)));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, taint: Option<&str>) -> Disturbance {
        Disturbance {
            part: name.to_owned(),
            repeated: 3,
            taints: taint.into_iter().map(str::to_owned).collect(),
            ..Disturbance::default()
        }
    }

    #[test]
    fn goals_say_what_of_the_envelope_they_leave_out() {
        let envelope = |cores, quota_cores, processors: &[usize]| Envelope {
            cores,
            quota_cores,
            processors: processors.to_vec(),
            ..Envelope::default()
        };
        let both = envelope(99, Some(1.0), &[0, 1]);
        assert_eq!(
            caveats(MeasureMode::Virtual, &both, Some(99)),
            ["without the quota", "more workers than processors: computed"]
        );
        assert_eq!(
            caveats(MeasureMode::Realtime, &both, Some(99)),
            ["more workers than processors"]
        );
        let few = envelope(2, None, &[]);
        assert!(caveats(MeasureMode::Virtual, &few, Some(2)).is_empty());
        assert_eq!(caveats(MeasureMode::Realtime, &few, Some(1)).len(), 1);
    }

    #[test]
    fn each_disturbed_cost_is_told_and_trials_together() {
        assert!(disturbed(&[part("cost of DNS", None), part("trial at 5", None)]).is_empty());
        let told = disturbed(&[
            part("cost of DNS", Some("stolen")),
            part("trial at 5", Some("starved")),
            part("trial at 6", None),
            part("trial at 7", Some("starved")),
        ]);
        assert_eq!(
            told,
            [
                "cost of DNS, after 3 repetitions: stolen",
                "2 of 3 trials in real time were disturbed, e.g. trial at 5, after 3 repetitions: \
                 starved"
            ]
        );
    }
}
