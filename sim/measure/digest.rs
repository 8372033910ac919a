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
    /// The first of each, and how many there were.
    first: BTreeMap<u64, (Answers, u64)>,
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
        match self.first.get_mut(&rounds) {
            None => {
                self.first.insert(rounds, (answers, 1));
            }
            Some((first, count)) => {
                *count += 1;
                self.compared += 1;
                self.differing += u64::from(*first != answers);
            }
        }
    }

    /// Repetitions that only one run heard, so that it was compared with none; fewest first.
    pub fn alone(&self) -> impl Iterator<Item = u64> {
        let alone = self.first.iter().filter(|(rounds, (_, count))| **rounds > 1 && *count == 1);
        alone.map(|(rounds, _)| *rounds)
    }

    /// For the record.
    pub fn record(&self) -> Digest {
        let once = self.first.get(&1).map(|(answers, _)| answers.activities.clone());
        Digest {
            compared: self.compared,
            differing: self.differing,
            activities: once.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::window::Feed;
    use crate::measure::window::tests::window;
    use crate::sensor;

    #[test]
    fn equal_runs_agree_and_another_number_of_frames_does_not() {
        let heard = |frames: i64| {
            let window = window(&(0..frames).collect::<Vec<i64>>());
            let mut feed = Feed::new(&window, 2, 7, |_| ());
            sensor::observe(&mut feed, &sensor::Options::default(), &|_| (), None).unwrap()
        };
        let mut digests = Digests::default();
        digests.take(2, &heard(20));
        assert_eq!(digests.alone().collect::<Vec<_>>(), [2]);
        digests.take(2, &heard(20));
        assert_eq!((digests.record().compared, digests.record().differing), (1, 0));
        assert_eq!(digests.alone().count(), 0);
        digests.take(2, &heard(21));
        assert_eq!((digests.record().compared, digests.record().differing), (2, 1));
    }
}
