//! What arrivals are made of where there are only samples: of a counter log, or of a capture that
//! cannot be read twice.
//!
//! A capture still tells its peaks of less than a sample, and how many packets of what mean size
//! each protocol has. A counter log tells neither: both are assumed.

use crate::model::bursts::{BurstModel, ClassMix, Mix, from_peaks};
use crate::record::{DomainController, Sized};

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
}

impl Made {
    /// As far as `sized` tells it; `protocols` are labels in the order of the classes.
    pub fn of(sized: &Sized, protocols: &[&str]) -> Result<Self, JudgeError> {
        let bursts = measured_bursts(sized);
        let mix = measured_mix(&sized.dc, protocols)?;
        Ok(Self {
            are_bursts_measured: bursts.is_some(),
            is_mix_measured: mix.is_some(),
            bursts: bursts.unwrap_or_else(BurstModel::assumed),
            mix: match mix {
                Some(mix) => mix,
                None => assumed_mix()?,
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

/// Packets of each protocol, each of the mean size of its own; classes that have no label here
/// are those of the first.
fn measured_mix(dc: &DomainController, protocols: &[&str]) -> Result<Option<Mix>, JudgeError> {
    let class = |label: &str| {
        let at = protocols.iter().position(|protocol| *protocol == label);
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
