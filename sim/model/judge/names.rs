//! What the sensor's own questions for names ask of it: known from traffic, not from counters.

use crate::model::virtual_sensor::Probes;
use crate::model::words;
use crate::record::{Assumption, Basis, Sized};

/// How long a name is kept, in seconds (name resolution flow diagram of 2019).
const KEPT_SECONDS: f64 = 30.0;
/// Packets that a probe costs as much as: a question and its answer. Assumed.
const PACKETS_PER_PROBE: f64 = 2.0;

/// Probes for the addresses in the activities of the traffic, where a packet costs so many
/// microseconds; none where there is no traffic to tell them.
///
/// By the flow diagram every address that is not in the cache is asked, also one that the traffic
/// names: none is taken for resolved without a probe.
pub fn probes(sized: &Sized, packet_us: f64) -> Probes {
    sized.dc.name_lookups.map_or(Probes::NONE, |lookups| Probes {
        active_addresses: lookups.per_second * KEPT_SECONDS,
        unresolved: 1.0,
        cost_ns: libm::round(PACKETS_PER_PROBE * packet_us * 1e3),
    })
}

/// Where they come from.
pub fn assumption(sized: &Sized) -> Assumption {
    let Some(lookups) = sized.dc.name_lookups else {
        return Assumption {
            text: "Virtual sensor: what it takes to ask for the names of addresses is left out; \
                   counters do not tell how many addresses there are."
                .to_owned(),
            basis: Basis::Ours,
            source: "a capture tells it: give one instead of the log".to_owned(),
        };
    };
    let [active, most] = [lookups.per_second, lookups.per_second_if_unanswered]
        .map(|per_second| words::rate(per_second * KEPT_SECONDS));
    Assumption {
        text: format!(
            "Virtual sensor: in 30 s the names of {active} addresses are asked for, as many as \
             activities in the traffic show on average ({most} questions where none is answered); \
             each question is taken to cost as much as {PACKETS_PER_PROBE:.0} packets. Traffic does \
             not tell how many of its questions the sensor would get answered, so no alert on name \
             resolution is foretold."
        ),
        basis: sized.dc.traffic_basis,
        source: "name resolution flow diagram of 2019, applied to the activities of the traffic"
            .to_owned(),
    }
}
