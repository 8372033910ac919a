//! What a simulation rests on, sentence by sentence, with whose it is.

use crate::record::{Assumption, Basis};

use super::quota::QUOTA_SECONDS;
use super::stages::{RESOLVER_QUEUE, SENDER_QUEUE, TRANSLATOR_QUEUE};
use super::{DEFAULT_BUFFER_BYTES, OwnLoad, Settings};
use crate::model::tables::tables;

const ARCHITECTURE: &str = "Microsoft Defender for Identity architecture (2025-09-28)";
const COUNTERS: &str =
    "Troubleshooting ATA using the performance counters; the same list for Azure ATP (2017)";
const OURS: &str = "Headroom's own choice; a setting of the simulation";

impl Settings {
    /// Everything published, inferred or assumed that these settings put into a result.
    pub fn assumptions(&self) -> Vec<Assumption> {
        let one = |text: String, basis, source: &str| Assumption {
            text,
            basis,
            source: source.to_owned(),
        };
        let (stages, memory) = (&self.stages, &self.memory);
        let mut all = vec![
            one(
                format!("The sensor keeps {} % of the server's processor and memory free and looks every {QUOTA_SECONDS} s.", tables().figures.reserve.value),
                Basis::VendorPublished,
                ARCHITECTURE,
            ),
            one(
                "Its quota is what the directory service and other processes leave of the rest.".to_owned(),
                Basis::Inferred,
                "both worked examples of the ATA architecture page come out exactly",
            ),
            one(
                format!("Queues behind the listener hold {TRANSLATOR_QUEUE}, {RESOLVER_QUEUE} and {SENDER_QUEUE} entries; a full one blocks the one before it, and the listener drops."),
                Basis::VendorPublished,
                COUNTERS,
            ),
            one(
                format!("They take {}, {} and {} entries per second; {} messages come of a packet, {} activities of a message, {} bytes each.", stages.translator_per_second, stages.resolver_per_second, stages.sender_per_second, stages.messages_per_packet, stages.activities_per_message, stages.bytes_per_entry),
                Basis::Assumed,
                OURS,
            ),
            one(
                format!("The capture buffer holds {DEFAULT_BUFFER_BYTES} bytes where a size does not say otherwise."),
                Basis::Sourced,
                "Npcap API reference: default kernel buffer; what the sensor sets is not published",
            ),
            one(
                "One thread for each core or part of one; a flow stays on its thread, which is at most one core.".to_owned(),
                Basis::Assumed,
                OURS,
            ),
            one(
                format!("Flows stay in memory for {} s; the service is down for {} s when it restarts.", memory.residency_seconds, self.restart_seconds),
                Basis::Assumed,
                OURS,
            ),
            one(
                format!("An interval that loses more than {} % of its packets counts as traffic that could not be analyzed.", self.alert_loss_ratio * 100.0),
                Basis::Ours,
                "the vendor publishes no threshold",
            ),
        ];
        if matches!(self.own_load, OwnLoad::FollowsTraffic { .. }) {
            all.push(one(
                "What the domain controller uses itself follows the packet rate of the last 10 s."
                    .to_owned(),
                Basis::Assumed,
                OURS,
            ));
        }
        if self.probes.cores() > 0.0 {
            all.push(one(
                format!("Three probes go to each unresolved address every 30 s, at {} ns of a core each.", self.probes.cost_ns),
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
        assert_eq!(plain.assumptions().len(), 8);
        let idle = Use { cores: 0.0, memory_gb: 1.0 };
        let own_load = OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second: 1e-5 };
        let probes = Probes { active_addresses: 10.0, unresolved: 0.5, cost_ns: 1e5 };
        let all = Settings { own_load, probes, ..plain }.assumptions();
        assert_eq!(all.len(), 10);
        assert!(all.iter().all(|one| one.text.ends_with('.') && !one.source.is_empty()));
    }
}
