//! What a domain and its controllers are called, as most of those who ask them say.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::Sighting;

/// Names that are told apart. Ours: a forest has a few domains, and what is more is noise.
const NAMES_MAX: usize = 4_096;
/// Longest name that is kept, in bytes (RFC 1035 section 2.3.4).
const NAME_BYTES_MAX: usize = 253;
/// Where nobody says what the domain is called: RFC 2606 keeps this for examples.
pub const NO_DOMAIN: &str = "corp.example";

/// Counts what the domain and its controllers are called.
#[derive(Debug, Default)]
pub struct Names {
    domains: BTreeMap<String, u64>,
    short: BTreeMap<String, u64>,
    hosts: HashMap<IpAddr, BTreeMap<String, u64>>,
}

impl Names {
    /// Takes in what somebody did.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        let target = sighting.target.unwrap_or_default();
        let detail = sighting.detail.unwrap_or_default();
        match sighting.kind {
            "kerberos_logon" if sighting.outcome == "success" => {
                if let Some(realm) = target.strip_prefix("krbtgt/") {
                    vote(
                        if realm.contains('.') { &mut self.domains } else { &mut self.short },
                        realm,
                    );
                }
            }
            "netlogon_ping" if sighting.outcome == "success" => {
                if target.contains('.') {
                    vote(&mut self.domains, target);
                }
                let host = detail.split(' ').find_map(|word| word.strip_prefix("DC="));
                self.host(sighting.server, host.unwrap_or_default());
            }
            // A ticket that was used at this address was issued for the name of its host.
            "kerberos_access" if sighting.outcome == "success" => {
                let host = target.split('/').nth(1).unwrap_or_default();
                self.host(sighting.server, host);
            }
            _ => {}
        }
    }

    fn host(&mut self, address: IpAddr, name: &str) {
        let short = name.split('.').next().unwrap_or_default();
        let is_label = !short.is_empty()
            && short.len() <= 15
            && short.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !short.starts_with('-')
            && !short.ends_with('-')
            && !short.bytes().all(|byte| byte.is_ascii_digit());
        if is_label && (self.hosts.len() < NAMES_MAX || self.hosts.contains_key(&address)) {
            vote(self.hosts.entry(address).or_default(), short);
        }
    }

    /// DNS name of the domain, and whether anybody said it.
    pub fn domain(&self) -> Option<&str> {
        let labels = |name: &&str| {
            name.split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            })
        };
        most(&self.domains).filter(labels)
    }

    /// NetBIOS name of the domain.
    pub fn short(&self) -> Option<&str> {
        let fits = |name: &&str| {
            (1..=15).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !name.starts_with('-')
                && !name.ends_with('-')
        };
        most(&self.short).filter(fits)
    }

    /// Host name of the controller with these addresses.
    pub fn host_of(&self, addresses: &[IpAddr]) -> Option<&str> {
        addresses.iter().find_map(|address| most(self.hosts.get(address)?))
    }
}

/// Adds a vote for a name, whatever its case.
fn vote(votes: &mut BTreeMap<String, u64>, name: &str) {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if name.len() <= NAME_BYTES_MAX && (votes.len() < NAMES_MAX || votes.contains_key(&name)) {
        *votes.entry(name).or_default() += 1;
    }
}

/// The name with the most votes, the first in the alphabet of several.
fn most(votes: &BTreeMap<String, u64>) -> Option<&str> {
    let best = votes.iter().max_by_key(|(name, count)| (**count, std::cmp::Reverse(*name)));
    best.map(|(name, _)| name.as_str())
}
