//! What managed devices ask for: the cloud's names, and those of an enrolment with Autopilot.

use std::sync::LazyLock;

use super::outside::resolve;
use super::places::{MANAGED, Place, place};
use crate::base::Random;
use crate::proto::dns::Sheet;
use crate::proto::dns::types::{A, AAAA, HTTPS};
use crate::synth::Stage;

/// A name is asked for with 1.7 types in the mean: A always, and these shares of AAAA and HTTPS.
/// Assumed, as in the calibration of `autopilot.dns_queries`.
const AAAA_SHARE: f64 = 0.6;
const HTTPS_SHARE: f64 = 0.1;

/// Between two names of a burst, median in milliseconds, and deviation of its logarithm. Assumed.
const GAP_MS: f64 = 40.0;
const GAP_SIGMA: f64 = 1.0;
/// Where the phase stands in an argument; the count lies below.
const PHASE_SHIFT: u32 = 16;
/// Draws until a name is none of another tenant's scale unit. Enough: few are popular.
const TRIES: u32 = 8;
/// A phase of an enrolment.
struct Phase {
    /// How many names of its services one device needs.
    names: u32,
    /// Its services in the list of endpoints, or single names.
    services: &'static [&'static str],
}

/// The order of Microsoft's "Windows Autopilot requirements"; the counts are assumed.
const PHASES: [Phase; 8] = [
    Phase { names: 4, services: NETWORK },
    Phase { names: 3, services: DEPLOYMENT },
    Phase { names: 8, services: &["Microsoft Entra ID"] },
    Phase { names: 6, services: &["Microsoft Intune"] },
    Phase { names: 33, services: &["Windows Update", "Delivery Optimization", "Microsoft Store"] },
    Phase { names: 35, services: APPLICATIONS },
    Phase { names: 6, services: &["Microsoft Defender for Endpoint"] },
    // The certificates of the TPM, of prepared devices alone.
    Phase { names: 2, services: ATTESTATION },
];
const NETWORK: &[&str] = &[
    "www.msftconnecttest.com",
    "ipv6.msftconnecttest.com",
    "dns.msftncsi.com",
    "time.windows.com",
];
const DEPLOYMENT: &[&str] = &["ztd.dds.microsoft.com", "cs.dds.microsoft.com", "login.live.com"];
const APPLICATIONS: &[&str] =
    &["Microsoft 365", "OneDrive for Business", "Microsoft Teams", "SharePoint Online"];
const ATTESTATION: &[&str] = &[
    "intc-keyid-17a00575.microsoftaik.azure.net",
    "amd-keyid-578c545f.microsoftaik.azure.net",
    "ekop.intel.com",
    "ekcert.spserv.microsoft.com",
    "ftpm.amd.com",
];
/// Phase in which a device enrols with Intune, and, prepared by a technician, before that has its
/// TPM attested.
const ENROLMENT: usize = 3;
/// Share of devices that are prepared so, and share of that phase's names that it then takes.
/// Assumed.
const PREPARED_SHARE: f64 = 0.2;
const ATTESTATION_SHARE: f64 = 0.25;

/// A managed device asks for the cloud's names. Argument: how many queries; of an enrolment, its
/// phase above that, from 1.
pub fn managed(stage: &mut Stage<'_>) {
    let argument = stage.item.argument;
    let (mut left, phase) = (argument & ((1 << PHASE_SHIFT) - 1), argument >> PHASE_SHIFT);
    left = left.max(1);
    // Those of a wave are many at a time.
    let more = if phase > 0 { stage.cast.cache.wave_rate } else { 0.0 };
    let sheet = &mut Sheet::default();
    loop {
        let place = place_of(stage, phase);
        let drawn = [(A, 1.0), (AAAA, AAAA_SHARE), (HTTPS, HTTPS_SHARE)];
        for (kind, share) in drawn {
            if left > 0 && stage.random.chance(share) {
                resolve(stage, sheet, (place, kind), more);
                left -= 1;
            }
        }
        if left == 0 {
            return;
        }
        let gap = stage.random.lognormal(GAP_MS, GAP_SIGMA);
        stage.wait_ms(gap);
    }
}

/// A name of the phase that this device needs; of phase 0 any name that a device at work asks for.
fn place_of(stage: &mut Stage<'_>, phase: u32) -> &'static Place {
    let unit = u8::try_from(stage.cast.seed % u64::from(MANAGED.units.max(1))).unwrap_or(0);
    // A tenant uses one scale unit.
    let is_ours = |at: &&u16| place(**at).unit.is_none_or(|of| of == unit);
    let mut own = Random::fork(stage.cast.seed, stage.item.client.into());
    let index = (phase as usize).checked_sub(1).map(|index| match index {
        ENROLMENT if own.chance(PREPARED_SHARE) && stage.random.chance(ATTESTATION_SHARE) => {
            PHASES.len() - 1
        }
        index => index,
    });
    let phase = index.and_then(|at| Some((PHASES.get(at)?, POOLS.get(at)?)));
    let Some((phase, pool)) = phase else {
        let cache = &stage.cast.cache;
        let drawn = (0..TRIES).map(|_| cache.endpoint(&mut stage.random)).find(is_ours);
        return place(drawn.copied().unwrap_or_default());
    };
    let count = pool.iter().filter(is_ours).count();
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    // The same names each time, other ones than the next device.
    let at = (own.below(count) + stage.random.below(phase.names)) % count.max(1);
    place(pool.iter().filter(is_ours).nth(at as usize).copied().unwrap_or_default())
}

/// The names of each phase's services: indices into the endpoints.
static POOLS: LazyLock<Vec<Vec<u16>>> = LazyLock::new(|| PHASES.iter().map(pool).collect());

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
        for (phase, pool) in PHASES.iter().zip(POOLS.iter()) {
            let of_one_unit = pool.iter().filter(|at| place(**at).unit.is_none_or(|of| of == 0));
            assert!(of_one_unit.count() >= phase.names as usize, "{:?}", phase.services);
            let singles = phase.services.iter().all(|service| service.contains('.'));
            assert!(!singles || pool.len() == phase.services.len(), "{:?}", phase.services);
        }
    }
}
