//! What a simulation rests on, sentence by sentence, with whose it is.

use crate::record::{Assumption, Basis};

use super::quota::QUOTA_SECONDS;
use super::stages::{RESOLVER_QUEUE, SENDER_QUEUE, TRANSLATOR_QUEUE};
use super::{OwnLoad, Settings};
use crate::model::tables::tables;
use crate::model::words::rate;

const ARCHITECTURE: &str = "Microsoft Defender for Identity architecture (2025-09-28)";
const COUNTERS: &str =
    "Troubleshooting ATA using the performance counters; the same list for Azure ATP (2017)";
const OURS: &str = "Headroom's own choice; a setting of the simulation";

impl Settings {
    /// Everything published, inferred or assumed that these settings put into a result; to stand
    /// behind a colon.
    pub fn assumptions(&self) -> Vec<Assumption> {
        let one = |text: String, basis, source: &str| Assumption {
            text,
            basis,
            source: source.to_owned(),
        };
        let (stages, memory) = (&self.stages, &self.memory);
        let mut all = vec![
            one(
                format!("the sensor keeps {} % of the server's processors and memory free, and looks every {QUOTA_SECONDS} s what that leaves it.", tables().figures.reserve.value),
                Basis::VendorPublished,
                ARCHITECTURE,
            ),
            one(
                "it may use what the directory service and other programs leave of the rest.".to_owned(),
                Basis::Inferred,
                "both worked examples of the ATA architecture page come out exactly",
            ),
            one(
                format!("what was read of packets waits in three queues, one behind the other, of at most {}, {} and {} entries; a full one holds up the one before it, and at last packets are dropped.", rate(TRANSLATOR_QUEUE), rate(RESOLVER_QUEUE), rate(SENDER_QUEUE)),
                Basis::VendorPublished,
                COUNTERS,
            ),
            one(
                format!("these queues are worked off at {}, {} and {} entries per second; a packet gives {} messages on average, a message {} activities, of {} bytes each.", rate(stages.translator_per_second), rate(stages.resolver_per_second), rate(stages.sender_per_second), stages.messages_per_packet, stages.activities_per_message, rate(stages.bytes_per_entry)),
                Basis::Assumed,
                OURS,
            ),
            one(
                "each core, or part of one, works for itself; a conversation stays with one of them, so that it never gets more than one core.".to_owned(),
                Basis::Assumed,
                OURS,
            ),
            one(
                format!("a conversation stays in memory for {} s; a restart takes the sensor {} s.", memory.residency_seconds, self.restart_seconds),
                Basis::Assumed,
                OURS,
            ),
            one(
                format!("a minute in which more than {} % of the packets are lost (of inputs of more than a day, some minutes) counts as traffic that could not be analyzed.", self.alert_loss_ratio * 100.0),
                Basis::Ours,
                "the vendor publishes no threshold",
            ),
        ];
        if matches!(self.own_load, OwnLoad::FollowsTraffic { .. }) {
            all.push(one(
                "what the domain controller uses itself follows the packet rate of the last 10 s."
                    .to_owned(),
                Basis::Assumed,
                OURS,
            ));
        }
        if self.probes.cores() > 0.0 {
            all.push(one(
                format!("every address in the traffic is asked for its name with three questions every 30 s, and each takes {} microseconds of one core.", rate(self.probes.cost_ns / 1e3)),
                Basis::Assumed,
                "number and time: name resolution flow diagram of 2019; the cost is assumed",
            ));
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::virtual_sensor::{Probes, Use};

    #[test]
    fn what_is_used_is_told() {
        let plain = Settings::new(0.1, vec![1.0]);
        assert_eq!(plain.assumptions().len(), 7);
        let idle = Use { cores: 0.0, memory_gb: 1.0 };
        let own_load = OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second: 1e-5 };
        let probes = Probes { active_addresses: 10.0, unresolved: 0.5, cost_ns: 1e5 };
        let all = Settings { own_load, probes, ..plain }.assumptions();
        assert_eq!(all.len(), 9);
        // Three digits of it, and no unit that nobody knows.
        assert!(all[8].text.contains("100 microseconds of one core"), "{}", all[8].text);
        assert!(all[2].text.contains("100,000, 10,000 and 1,000,000 entries"), "{}", all[2].text);
        assert!(all.iter().all(|one| one.text.ends_with('.') && !one.source.is_empty()));
    }
}
