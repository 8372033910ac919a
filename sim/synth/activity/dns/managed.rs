//! What managed devices ask for: the cloud's names, and those of an enrolment with Autopilot.

use std::sync::LazyLock;

use super::outside::{popular, resolve};
use super::places::{MANAGED, Place, place};
use crate::base::Random;
use crate::estate::Knob;
use crate::proto::dns::Sheet;
use crate::proto::dns::types::{A, AAAA, HTTPS};
use crate::synth::{Activity, Stage};

/// A name is asked for with so many types, in the mean: A always, and these shares of AAAA and
/// HTTPS. Assumed, as the 1.7 types in the calibration of `autopilot.dns_queries`.
const AAAA_SHARE: f64 = 0.6;
const HTTPS_SHARE: f64 = 0.1;
const TYPES: f64 = 1.0 + AAAA_SHARE + HTTPS_SHARE;

/// Between two names of a burst, median in milliseconds, and deviation of its logarithm. Assumed.
const GAP_MS: f64 = 40.0;
const GAP_SIGMA: f64 = 1.0;
/// Names of a burst of an enrolment, in the mean. Assumed.
const BURST: f64 = 4.0;
/// Where the phase stands in an argument; the names' count lies below.
const PHASE_SHIFT: u32 = 16;
/// Draws until a name is none of another tenant's scale unit. Enough: few are popular.
const TRIES: u32 = 8;
/// Share of enrolments that ask for the TPM's certificates: those that are prepared by a
/// technician (pre-provisioning). Assumed.
const ATTESTED_SHARE: f64 = 0.2;

/// A phase of an enrolment.
struct Phase {
    /// When it begins and ends, in minutes after the start of the device.
    minutes: [f64; 2],
    /// How many names of its services one device needs.
    names: u16,
    /// Whether it counts to the first quarter of an hour.
    is_first: bool,
    /// Its services in the list of endpoints, or single names.
    services: &'static [&'static str],
}

/// The order of Microsoft's "Windows Autopilot requirements"; minutes and counts are assumed.
const PHASES: [Phase; 7] = [
    Phase {
        minutes: [0.0, 1.0],
        names: 4,
        is_first: true,
        services: &[
            "www.msftconnecttest.com",
            "ipv6.msftconnecttest.com",
            "dns.msftncsi.com",
            "time.windows.com",
        ],
    },
    Phase {
        minutes: [1.0, 3.0],
        names: 3,
        is_first: true,
        services: &["ztd.dds.microsoft.com", "cs.dds.microsoft.com", "login.live.com"],
    },
    Phase { minutes: [3.0, 8.0], names: 8, is_first: true, services: &["Microsoft Entra ID"] },
    Phase { minutes: [5.0, 12.0], names: 6, is_first: true, services: &["Microsoft Intune"] },
    Phase {
        minutes: [10.0, 50.0],
        names: 33,
        is_first: false,
        services: &["Windows Update", "Delivery Optimization", "Microsoft Store"],
    },
    Phase {
        minutes: [20.0, 60.0],
        names: 35,
        is_first: false,
        services: &[
            "Microsoft 365",
            "OneDrive for Business",
            "Microsoft Teams",
            "SharePoint Online",
        ],
    },
    Phase {
        minutes: [30.0, 60.0],
        names: 6,
        is_first: false,
        services: &["Microsoft Defender for Endpoint"],
    },
];

/// The phase that only prepared devices have.
const ATTESTATION: Phase = Phase {
    minutes: [8.0, 12.0],
    names: 2,
    is_first: true,
    services: &[
        "intc-keyid-17a00575.microsoftaik.azure.net",
        "amd-keyid-578c545f.microsoftaik.azure.net",
        "ekop.intel.com",
        "ekcert.spserv.microsoft.com",
        "ftpm.amd.com",
    ],
};

/// A managed device asks for the cloud's names. Argument: how many; of an enrolment, its phase
/// above that, from 1, the last being the attestation of the TPM.
pub fn managed(stage: &mut Stage<'_>) {
    let (count, phase) =
        (stage.item.argument & ((1 << PHASE_SHIFT) - 1), stage.item.argument >> PHASE_SHIFT);
    let sheet = &mut Sheet::default();
    for at in 0..count.max(1) {
        if at > 0 {
            let gap = stage.random.lognormal(GAP_MS, GAP_SIGMA);
            stage.wait_ms(gap);
        }
        let place = place_of(stage, phase);
        resolve(stage, sheet, place, A);
        if stage.random.chance(AAAA_SHARE) {
            resolve(stage, sheet, place, AAAA);
        }
        if stage.random.chance(HTTPS_SHARE) {
            resolve(stage, sheet, place, HTTPS);
        }
    }
}

/// Lets a new device ask for all names of an enrolment, in the coming hour.
pub fn enrolment(stage: &mut Stage<'_>) {
    let names = stage.knob(Knob::AutopilotQueries) / TYPES;
    let first = stage.knob(Knob::AutopilotFirstShare);
    let is_attested = stage.random.chance(ATTESTED_SHARE);
    let extra = is_attested.then_some(&ATTESTATION);
    let phases = || (1u32..).zip(PHASES.iter().chain(extra));
    for (number, phase) in phases() {
        let share = if phase.is_first { first } else { 1.0 - first };
        let alike = phases().filter(|(_, other)| other.is_first == phase.is_first);
        let sum: u16 = alike.map(|(_, other)| other.names).sum();
        let mut left = names * share * f64::from(phase.names) / f64::from(sum);
        while left >= 1.0 || (left > 0.0 && stage.random.chance(left)) {
            let burst = stage.random.between(1.0, 2.0 * BURST).min(left.max(1.0));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 8")]
            let count = burst as u32;
            left -= f64::from(count);
            let [from, to] = phase.minutes;
            let minute = stage.random.between(from, to);
            let argument = number << PHASE_SHIFT | count;
            stage.later(minute * 60_000.0, Activity::ManagedNames, argument);
        }
    }
}

/// A name of the phase that this device needs; of phase 0 any name that a device at work asks for.
fn place_of(stage: &mut Stage<'_>, phase: u32) -> &'static Place {
    let unit = u8::try_from(stage.cast.seed % u64::from(MANAGED.units.max(1))).unwrap_or(0);
    // A tenant uses one scale unit.
    let is_ours = |at: &&u16| place(**at).unit.is_none_or(|of| of == unit);
    let index = (phase as usize).checked_sub(1);
    let phase = index.and_then(|at| Some((phases().nth(at)?, POOLS.get(at)?)));
    let Some((phase, pool)) = phase else {
        let drawn = (0..TRIES).map(|_| popular(stage)).find(is_ours);
        return place(drawn.copied().unwrap_or_default());
    };
    let count = pool.iter().filter(is_ours).count();
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    // The same names each time, other ones than the next device.
    let begin = Random::fork(stage.cast.seed, stage.item.client.into()).below(count);
    let at = (begin + stage.random.below(phase.names.into())) % count.max(1);
    place(pool.iter().filter(is_ours).nth(at as usize).copied().unwrap_or_default())
}

/// All phases, the one that only prepared devices have behind the others.
fn phases() -> impl Iterator<Item = &'static Phase> {
    PHASES.iter().chain([&ATTESTATION])
}

/// The names of each phase's services: indices into the endpoints.
static POOLS: LazyLock<Vec<Vec<u16>>> = LazyLock::new(|| phases().map(pool).collect());

fn pool(phase: &Phase) -> Vec<u16> {
    let mut pool = Vec::new();
    for wanted in phase.services {
        match MANAGED.services.iter().find(|(service, _)| service == wanted) {
            Some((_, indices)) => pool.extend(indices),
            None => pool.extend(MANAGED.find(wanted)),
        }
    }
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phase_has_the_names_it_needs() {
        for (phase, pool) in phases().zip(POOLS.iter()) {
            let of_one_unit = pool.iter().filter(|at| place(**at).unit.is_none_or(|of| of == 0));
            assert!(of_one_unit.count() >= usize::from(phase.names), "{:?}", phase.services);
            let singles = phase.services.iter().all(|service| service.contains('.'));
            assert!(!singles || pool.len() == phase.services.len(), "{:?}", phase.services);
        }
    }
}
