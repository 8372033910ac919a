//! How a verdict takes its input: packets of another time, gaps, memory in use.

use crate::model::words;
use crate::record::{Assumption, Basis, Sized};

use super::server::Host;

/// Packets whose times lie outside of what is simulated; nothing where there are none.
pub fn left_out(packets: u64) -> Option<Assumption> {
    (packets > 0).then(|| Assumption {
        text: format!(
            "Virtual sensor: packets outside of the time that the timeline covers, at most 30 \
             days, are left out: {} of them.",
            words::count(packets)
        ),
        basis: Basis::Measured,
        source: "their timestamps: look at the clock of the machine that captured".to_owned(),
    })
}

/// How much of the time has no reading; nothing where all has one.
pub fn gaps(sized: &Sized) -> Option<Assumption> {
    let readings = &sized.dc.timeline.as_ref()?.packets_per_second;
    let all = readings.len() as u64;
    let without = readings.iter().filter(|reading| reading.is_none()).count() as u64;
    (without > 0).then(|| Assumption {
        text: format!(
            "Virtual sensor: in {} of {} samples ({} of the time) there is no reading, and no \
             packet is taken to come in them.",
            words::count(without),
            words::count(all),
            words::percent(without, all)
        ),
        basis: Basis::Assumed,
        source: "what came in a gap nobody knows: a log without gaps tells it".to_owned(),
    })
}

/// How memory in use follows from what is available; nothing where neither was read. `has_grid`:
/// other sizes of memory were tried.
pub fn memory(host: &Host, has_grid: bool) -> Option<Assumption> {
    let more = if has_grid {
        " What more memory would do, the columns with more of it under \"What if\" say."
    } else {
        ""
    };
    (host.memory_basis != Basis::Assumed).then(|| Assumption {
        text: format!(
            "Virtual sensor: memory in use is what is installed less what was available, so that \
             the memory that is given as installed must be that of the time of the readings.{more}"
        ),
        basis: Basis::Inferred,
        source: "--ram; counter Memory\\Available MBytes, or --min-available-mb".to_owned(),
    })
}
