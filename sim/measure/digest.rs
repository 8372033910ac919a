//! Whether the core gives the same answers however it is fed.

use std::collections::BTreeMap;

use crate::record::{ActivityCount, Digest};
use crate::sensor::Observation;

/// What is compared of an observation: activities by kind and outcome, frames, flows.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    activities: Vec<ActivityCount>,
    frames: u64,
    flows: u64,
}

/// Answers by how many repetitions of the window were heard.
#[derive(Debug, Default)]
pub struct Digests {
    first: BTreeMap<u64, Answers>,
    compared: u64,
    differing: u64,
}

impl Digests {
    /// Takes the answers of a run that heard the window `rounds` times, whole. The first such run
    /// is what all later ones of as many repetitions are compared with.
    pub fn take(&mut self, rounds: u64, observation: &Observation) {
        let flows = &observation.traffic.flows;
        let answers = Answers {
            activities: observation.understood.activities.clone(),
            frames: observation.traffic.frames,
            flows: flows.tcp + flows.udp,
        };
        match self.first.get(&rounds) {
            None => {
                self.first.insert(rounds, answers);
            }
            Some(first) => {
                self.compared += 1;
                self.differing += u64::from(*first != answers);
            }
        }
    }

    /// For the record.
    pub fn record(&self) -> Digest {
        let once = self.first.get(&1).map(|answers| answers.activities.clone());
        Digest {
            compared: self.compared,
            differing: self.differing,
            activities: once.unwrap_or_default(),
        }
    }
}
