//! What arrivals are made of where there are only samples: of a counter log, or of a capture that
//! cannot be read twice.
//!
//! A capture still tells its peaks of less than a sample, and how many packets of what mean size
//! each protocol has. A counter log tells neither: both are assumed.

use crate::model::bursts::{BurstModel, ClassMix, Mix, from_peaks};
use crate::model::calibration::ClassCosts;
use crate::record::{Basis, DomainController, Sized};

use super::{ASSUMED_FLOWS, JudgeError, assumed_mix};

/// What arrivals are made of.
#[derive(Debug, Clone)]
pub struct Made {
    pub bursts: BurstModel,
    /// Whether peaks of the traffic itself told them.
    pub are_bursts_measured: bool,
    pub mix: Mix,
    /// Whether the protocols of the traffic itself told it.
    pub is_mix_measured: bool,
    /// Whose the traffic is.
    pub basis: Basis,
}

impl Made {
    /// As far as `sized` tells it; `costs` name the classes.
    pub fn of(sized: &Sized, costs: &ClassCosts) -> Result<Self, JudgeError> {
        let bursts = measured_bursts(sized);
        let mix = measured_mix(&sized.dc, costs)?;
        Ok(Self {
            are_bursts_measured: bursts.is_some(),
            is_mix_measured: mix.is_some(),
            basis: sized.dc.traffic_basis,
            bursts: bursts.unwrap_or_else(BurstModel::assumed),
            mix: match mix {
                Some(mix) => mix,
                None => assumed_mix(costs)?,
            },
        })
    }
}

/// Bursts that have the peaks of a capture. The peak of a sample is among them, so that what the
/// samples themselves show is not taken for bursts below them.
fn measured_bursts(sized: &Sized) -> Option<BurstModel> {
    if sized.dc.sub_sample_peaks.is_empty() {
        return None;
    }
    let timeline = sized.dc.timeline.as_ref()?;
    let mean = sized.load.average_packets_per_second?;
    from_peaks(&sized.load.peaks, mean, timeline.covered_ms as f64 / 1e3).ok()
}

/// Packets of each protocol, each of the mean size of its own; one that no class is named after
/// is of the first.
fn measured_mix(dc: &DomainController, costs: &ClassCosts) -> Result<Option<Mix>, JudgeError> {
    let class = |label: &str| {
        let at = costs.classes().iter().position(|class| class.name == label);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(0)
    };
    let seen = dc.protocols.iter().filter(|protocol| protocol.packets > 0);
    let classes: Vec<ClassMix> = seen
        .map(|protocol| {
            let mean = protocol.bytes.saturating_add(protocol.packets / 2) / protocol.packets;
            let bytes = u32::try_from(mean).unwrap_or(u32::MAX).max(1);
            ClassMix {
                class: class(&protocol.protocol),
                packets: protocol.packets as f64,
                bytes: vec![(bytes, 1.0)],
            }
        })
        .collect();
    if classes.is_empty() {
        return Ok(None);
    }
    let (flows, skew) = ASSUMED_FLOWS;
    Ok(Some(Mix::new(&classes, flows, skew)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::super::{Case, Question};
    use super::*;
    use crate::base::{Arrivals, Timestamp};
    use crate::model::bursts::{Generator, Rates, Scale};
    use crate::model::fixture::{capture, fact};
    use crate::model::probability::Traffic;
    use crate::model::{Rules, size};
    use crate::record::{Peak, ProtocolCount, SizeProbability};

    const SECOND: i64 = 1_000_000_000;
    const START: i64 = 1_768_204_800;
    const SECONDS: i64 = 120;

    /// Two minutes of packets of 500 bytes with bursts of that scale, as the core records them.
    fn recorded(sigma: f64, tau_seconds: f64) -> (Arrivals, Sized) {
        let rates = Rates {
            start_ns: START * SECOND,
            interval_ns: 5 * SECOND,
            packets_per_second: vec![2_500.0; 24],
        };
        let bursts = BurstModel { scales: vec![Scale { sigma, tau_seconds }] };
        let class = ClassMix { class: 1, packets: 1.0, bytes: vec![(500, 1.0)] };
        let mix = Mix::new(&[class], 1_000, 0.8).unwrap();
        let mut generator = Generator::new(rates, bursts, mix, 7, 0).unwrap();
        let mut arrivals = Arrivals::default();
        generator.fill(&mut arrivals, usize::MAX);
        let fullest = |window_ms: i64| {
            let mut counts = vec![0_u32; usize::try_from(SECONDS * 1_000 / window_ms).unwrap()];
            for time in &arrivals.time_ns {
                let at = (time - START * SECOND) / (window_ms * 1_000_000);
                counts[usize::try_from(at).unwrap()] += 1;
            }
            counts
        };
        let start = Timestamp::from_parts(START, 0);
        let samples = fullest(5_000);
        let mut dc = capture(start, SECONDS.unsigned_abs() * 1_000, &samples);
        let peaks = [1_i64, 10, 100, 1_000].map(|window_ms| Peak {
            window_ms: window_ms.unsigned_abs(),
            packets_per_second: f64::from(*fullest(window_ms).iter().max().unwrap()) * 1e3
                / window_ms as f64,
            start_utc: start,
        });
        dc.sub_sample_peaks = peaks.to_vec();
        let packets = arrivals.len() as u64;
        dc.protocols =
            vec![ProtocolCount { protocol: "LDAP".to_owned(), packets, bytes: 500 * packets }];
        dc.host.physical_cores = fact(1);
        dc.host.installed_memory_gb = fact(32.0);
        (arrivals, size(dc, &Rules::default()))
    }

    fn server(case: &Case<'_>, traffic: &Traffic<'_>) -> SizeProbability {
        let found = case.experiment(traffic.clone(), None).probabilities(&case.candidates[..1]);
        found.unwrap().remove(0)
    }

    /// Of the packets themselves, of samples with bursts from peaks, of samples with assumed ones.
    fn three_ways(sigma: f64, tau_seconds: f64, question: &Question) -> [SizeProbability; 3] {
        let (arrivals, sized) = recorded(sigma, tau_seconds);
        let rules = Rules::default();
        let case = Case::new(&sized, rules.table(), question).unwrap().unwrap();
        let (start, end) = case.span.moments();
        let kept = [case.span.of(&arrivals)];
        let recorded = Traffic::Recorded {
            batches: &kept,
            start_ns: case.span.start_ns,
            end_ns: case.span.end_ns,
        };
        let rates = Rates::of(sized.dc.timeline.as_ref().unwrap(), start, end).unwrap();
        let made = Made::of(&sized, &question.costs).unwrap();
        assert!(made.are_bursts_measured && made.is_mix_measured);
        assert_eq!(made.mix.mean_bytes(), 500.0);
        let generated =
            |bursts| Traffic::Generated { rates: rates.clone(), bursts, mix: made.mix.clone() };
        [recorded, generated(made.bursts.clone()), generated(BurstModel::assumed())]
            .map(|traffic| server(&case, &traffic))
    }

    #[test]
    fn bursts_from_peaks_give_the_verdict_of_the_packets_and_assumed_ones_do_not() {
        let mut differ = 0;
        for (sigma, tau_seconds, own) in [(0.0, 1.0, 30.0), (0.4, 0.1, 55.0), (0.8, 0.3, 30.0)] {
            let question =
                Question { own_cpu_percent: Some(own), buffer_bytes: Some(1 << 18), ..question() };
            let [packets, peaks, assumed] = three_ways(sigma, tau_seconds, &question);
            let what = format!("{sigma}: {packets:?} {peaks:?}");
            assert_eq!(packets.chance, peaks.chance, "{what}");
            assert!((packets.probability - peaks.probability).abs() <= 0.15, "{what}");
            differ += u32::from(assumed.chance != packets.chance);
        }
        assert!(differ > 0);
    }
}
