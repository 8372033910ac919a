//! The steady state of the reference capture: the mix of its operations and the gaps between
//! them, without days, people and timers.
//!
//! A client goes through a conversation: one item after the other, as likely as its rate is high,
//! gaps drawn so that all gaps between operations, those inside the items with them, follow the
//! histogram of the Catalyst traffic model. Conversations end and begin so often that the rates
//! of operations per hour are those of the parameters.

use super::mix::{Choice, Mix, Run, short_gap};
use super::{habit, operations};
use crate::base::Random;
use crate::estate::{Knob, Parameters, Roles};
use crate::synth::Activity;

/// Gaps between 33,901 operations of clients inside conversations, DNS left out: upper end in
/// seconds and share. Catalyst traffic model (GSam/samba-cloud-autobuild 65350e02), whose bins
/// are powers of e; the first begins at 0.
const GAPS: [(f64, f64); 12] = [
    (0.1, 0.577_8),
    (0.271_8, 0.081_8),
    (0.738_9, 0.056_1),
    (2.008_6, 0.104_9),
    (5.459_8, 0.032_2),
    (14.841, 0.020_0),
    (40.343, 0.030_3),
    (109.66, 0.025_2),
    (298.1, 0.032_4),
    (810.31, 0.030_1),
    (2_202.6, 0.008_8),
    (5_987.4, 0.000_4),
];

/// The bin into which the sending again of an unanswered query falls.
const RETRY_BIN: usize = 3;

/// A pause between conversations, in seconds: longer than any gap inside one.
const PAUSE_SECONDS: [f64; 2] = [5_990.0, 8_400.0];

/// The steady state.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    mix: Mix,
    /// Share of the gaps between items up to each bin of [`GAPS`].
    upto: [f64; GAPS.len()],
    /// Share of items after which a conversation pauses.
    pause_share: f64,
}

impl Reference {
    /// The steady state, where `plan.reference_mix` asks for it.
    pub fn new(parameters: &Parameters, roles: Roles) -> Option<Self> {
        let knob = |knob| parameters.get(knob);
        if knob(Knob::ReferenceMix) < 0.5 {
            return None;
        }
        let mix = mix(parameters, roles);
        let [mut listed, mut retried, mut runs] = [0.0; 3];
        for (choice, per_hour) in mix.choices() {
            let each = operations::of(choice.activity, parameters);
            let (length, argument) = lengths(choice, parameters);
            runs += per_hour;
            listed += per_hour * length * argument * each.listed;
            retried += per_hour * length * argument * each.retried;
        }
        if runs <= 0.0 {
            return None;
        }
        // What is left for the gaps between runs once those inside runs and items are made.
        let inside = listed - runs - retried;
        let mut left = GAPS.map(|(_, share)| share * listed);
        for (bin, made) in [(0, inside), (RETRY_BIN, retried)] {
            if let Some(left) = left.get_mut(bin) {
                *left = (*left - made).max(0.0);
            }
        }
        let total: f64 = left.iter().sum();
        let mut sum = 0.0;
        let upto = left.map(|share| {
            sum += share / total;
            sum
        });
        let seconds_wanted = 3_600.0 / runs;
        let seconds_made = mean_seconds(&upto);
        let [low, high] = PAUSE_SECONDS;
        let pause = f64::midpoint(low, high);
        let pause_share =
            ((seconds_wanted - seconds_made) / (pause - seconds_made)).clamp(0.0, 1.0);
        Some(Self { mix, upto, pause_share })
    }

    /// What is done how often.
    pub const fn mix(&self) -> &Mix {
        &self.mix
    }

    /// How long after a run the next begins, in nanoseconds.
    pub fn gap(&self, random: &mut Random) -> f64 {
        if random.chance(self.pause_share) {
            let [low, high] = PAUSE_SECONDS;
            return 1e9 * random.between(low, high);
        }
        let drawn = random.unit();
        let bin = self.upto.iter().take_while(|upto| drawn >= **upto).count();
        let (low, high) = ends(bin);
        if low <= 0.0 {
            return short_gap(random);
        }
        let logarithm = random.between(libm::log(low), libm::log(high));
        1e9 * libm::exp(logarithm)
    }

    /// What is left of the gap that holds at a moment chosen without looking, in nanoseconds:
    /// gaps are found in proportion to their length.
    pub fn rest(&self, random: &mut Random) -> f64 {
        let [_, longest] = PAUSE_SECONDS;
        // Drawn until one is found; the chance of each is its length over the longest.
        for _ in 0..ATTEMPTS_MAX {
            let gap = self.gap(random);
            if random.chance(gap / (longest * 1e9)) {
                return gap * random.unit();
            }
        }
        0.0
    }
}

/// Attempts at [`Reference::rest`]: the mean gap is more than a hundredth of the longest.
const ATTEMPTS_MAX: usize = 10_000;

/// Lower and upper end of a bin, in seconds.
fn ends(bin: usize) -> (f64, f64) {
    let end = |bin: usize| GAPS.get(bin).map(|(end, _)| *end);
    let low = bin.checked_sub(1).and_then(end).unwrap_or(0.0);
    (low, end(bin).or(GAPS.last().map(|(end, _)| *end)).unwrap_or(0.0))
}

/// Mean of gaps that are log-uniform inside their bins, in seconds.
fn mean_seconds(upto: &[f64; GAPS.len()]) -> f64 {
    let mut before = 0.0;
    let means = upto.iter().enumerate().map(|(bin, upto)| {
        let share = upto - before;
        before = *upto;
        let (low, high) = ends(bin);
        // Short gaps are milliseconds.
        let mean = if low > 0.0 { (high - low) / libm::log(high / low) } else { 0.007 };
        share * mean
    });
    means.sum()
}

/// Mean items of a run, and mean argument.
fn lengths(choice: &Choice, parameters: &Parameters) -> (f64, f64) {
    let knob = |knob: Knob| parameters.get(knob).max(1.0);
    match choice.activity {
        Activity::NtlmValidation => (knob(Knob::NtlmRun), 1.0),
        Activity::ServiceTickets => (1.0, knob(Knob::KerberosRun)),
        Activity::LsaLookup => (1.0, habit::LSA_RUN),
        _ => (1.0, 1.0),
    }
}

/// Everything that the reference mix counts, DNS left out.
fn mix(parameters: &Parameters, roles: Roles) -> Mix {
    let knob = |knob| parameters.get(knob);
    let mut mix = Mix::default();
    let mut add = |activity, per_hour, run| {
        habit::add(&mut mix, parameters, activity, per_hour, run);
    };
    let tickets = Run::argument(knob(Knob::KerberosRun));
    add(Activity::ServiceTickets, knob(Knob::KerberosTickets), tickets);
    if roles.wins {
        add(Activity::NbnsQuery, knob(Knob::NbnsQueries), Run::Single);
    }
    let (binds, sasl) = (knob(Knob::LdapConnections), knob(Knob::LdapSaslShare));
    let ntlm = knob(Knob::LdapNtlmShare).min(sasl);
    // The reference shows one clear search in 70 binds: connections are probed, not searched on.
    add(Activity::LdapBind, binds * (sasl - ntlm), Run::Single);
    add(Activity::LdapSimpleBind, binds * (1.0 - sasl), Run::Single);
    add(Activity::LdapNtlm, binds * ntlm, Run::Single);
    let validations = Run::items(knob(Knob::NtlmRun));
    add(Activity::NtlmValidation, knob(Knob::NtlmValidations), validations);
    add(Activity::LsaLookup, knob(Knob::LsaLookups), Run::argument(habit::LSA_RUN));
    add(Activity::CrackNames, knob(Knob::DrsuapiCalls), Run::Single);
    add(Activity::SamrChain, knob(Knob::SamrChains), Run::Single);
    add(Activity::SecureChannel, knob(Knob::SecureChannels), Run::Single);
    add(Activity::WriteSpn, knob(Knob::SpnWrites), Run::Single);
    add(Activity::LsaTrust, knob(Knob::LsaTrusts), Run::Single);
    mix
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::synth::planner::operations::Operations;

    fn reference() -> (Reference, Parameters) {
        let parameters = Parameters::of("catalyst2017").unwrap();
        let roles = Roles { wins: true, dns: true, ..Roles::default() };
        (Reference::new(&parameters, roles).unwrap(), parameters)
    }

    #[test]
    fn other_calibrations_have_no_steady_state() {
        let parameters = Parameters::of("light").unwrap();
        assert_eq!(Reference::new(&parameters, Roles::default()), None);
    }

    #[test]
    fn operations_and_gaps_are_those_of_the_reference_capture() {
        let (reference, parameters) = reference();
        let mut random = Random::new(8);
        let (mut seconds, mut operations, mut pauses) = (0.0, BTreeMap::new(), 0.0);
        let mut gaps = [0.0; GAPS.len()];
        for _ in 0..400_000 {
            let (_, choice) = reference.mix().draw(&mut random).unwrap();
            let (items, argument) = match choice.run {
                Run::Single => (1.0, 1.0),
                Run::Items(lengths) => (f64::from(lengths.draw(&mut random)), 1.0),
                Run::Argument(lengths) => (1.0, f64::from(lengths.draw(&mut random))),
            };
            let Operations { counted, listed, retried } =
                operations::of(choice.activity, &parameters);
            *operations.entry(choice.activity).or_insert(0.0) += items * argument * counted;
            gaps[RETRY_BIN] += items * argument * retried;
            gaps[0] += items * argument * (listed - retried) - 1.0;
            let gap = reference.gap(&mut random) / 1e9;
            seconds += gap;
            if gap > 5_987.4 {
                pauses += 1.0;
                continue;
            }
            gaps[GAPS.iter().position(|(end, _)| gap <= *end).unwrap()] += 1.0;
        }
        let hours = seconds / 3_600.0;
        for (activity, expected) in [
            (Activity::ServiceTickets, 16.53),
            (Activity::NbnsQuery, 13.05),
            (Activity::NtlmValidation, 4.33),
            (Activity::LsaLookup, 4.85),
            (Activity::CrackNames, 1.38),
            (Activity::LdapSimple, 10.05 * 0.322),
        ] {
            let got = operations[&activity] / hours;
            assert!((got / expected - 1.0).abs() < 0.04, "{activity:?}: {got} {expected}");
        }
        let total: f64 = gaps.iter().sum();
        for ((end, expected), made) in GAPS.iter().zip(gaps) {
            let got = made / total;
            let near = (got / expected - 1.0).abs() < 0.06 || *expected < 0.001;
            assert!(near, "up to {end} s: {got}, not {expected}");
        }
        // Conversations are hours long.
        assert!(seconds / pauses > 4.0 * 3_600.0, "{}", seconds / pauses);
    }

    #[test]
    fn a_plan_begins_in_the_middle_of_a_gap() {
        let (reference, _) = reference();
        let mut random = Random::new(2);
        // The mean of what is left is E[gap²] / 2 E[gap].
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..400_000 {
            let gap = reference.gap(&mut random) / 1e9;
            (sum, squares) = (sum + gap, squares + gap * gap);
        }
        let mean = (0..3_000).map(|_| reference.rest(&mut random) / 1e9).sum::<f64>() / 3_000.0;
        let expected = squares / sum / 2.0;
        assert!((mean / expected - 1.0).abs() < 0.08, "{mean} {expected}");
    }
}
