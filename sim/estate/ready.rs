//! Whether an estate describes enough to make traffic of it.

use std::net::IpAddr;

use super::values::{is_label, is_of_a_host};
use super::{DomainController, Estate, EstateError, Forest};

impl Estate {
    /// Whether traffic can be made of it; an estate for sizing says less.
    ///
    /// # Errors
    /// The first thing that is missing: forest, sites, populations, site or addresses of a domain
    /// controller, forwarders, or a domain controller that serves a population's site.
    pub fn check_for_synthesis(&self) -> Result<(), EstateError> {
        let Some(forest) = self.forest() else {
            return Err(self.lacks("it describes no forest; add `[forest]` with `dns_name`"));
        };
        if self.sites().is_empty() {
            let what = "it describes no site; add `[[site]]` with `name`, `time_zone`, `subnet`";
            return Err(self.lacks(what));
        }
        if self.populations().is_empty() {
            let what = "it describes no clients; add `[[population]]` with `name`, `kind`, \
                        `count`, `site`";
            return Err(self.lacks(what));
        }
        for (dc, line) in self.domain_controllers().iter().zip(&self.places.domain_controllers) {
            controller(dc, forest).map_err(|(field, what)| self.at(*line, field, what))?;
        }
        let serves_dns = self.domain_controllers().iter().any(|dc| dc.roles.dns);
        if serves_dns && self.network().forwarders.is_empty() {
            let what = "its domain controllers serve DNS, but forward nowhere; add `[network]` \
                        with `forwarders`";
            return Err(self.lacks(what));
        }
        self.check_who_serves()
    }

    /// Every population has a domain controller, and speaks to it over what both have.
    fn check_who_serves(&self) -> Result<(), EstateError> {
        let mut reached = vec![(false, true); self.sites().len()];
        for dc in self.domain_controllers() {
            if let Some((any, all_ipv6)) = dc.site.and_then(|site| reached.get_mut(site)) {
                *any = true;
                *all_ipv6 &= dc.addresses.iter().any(|a| a.is_ipv6() && is_of_a_host(*a));
            }
        }
        for (population, line) in self.populations().iter().zip(&self.places.populations) {
            let Some(site) = self.sites().get(population.site) else { continue };
            let Some(server) = self.sites().get(site.served_by) else { continue };
            let (any, all_ipv6) = reached.get(site.served_by).copied().unwrap_or_default();
            if !any {
                let what = format!(
                    "site `{}` has no domain controller; put one there with `site`, or let \
                     another site serve `{}` with `served_by`",
                    server.name, site.name
                );
                return Err(self.at(*line, "site", what));
            }
            if population.ipv6_share > 0.0 && !all_ipv6 {
                let what = format!(
                    "a domain controller of site `{}` has no IPv6 address; add one to its \
                     `addresses`, or write 0",
                    server.name
                );
                return Err(self.at(*line, "ipv6_share", what));
            }
        }
        Ok(())
    }

    fn lacks(&self, what: &str) -> EstateError {
        EstateError::whole(&self.file_name, what.to_owned())
    }

    fn at(&self, line: usize, field: &str, what: String) -> EstateError {
        EstateError {
            line: Some(line),
            field: Some(field.to_owned()),
            ..EstateError::whole(&self.file_name, what)
        }
    }
}

/// What one domain controller lacks, by field.
fn controller(dc: &DomainController, forest: &Forest) -> Result<(), (&'static str, String)> {
    let name = dc.name.to_lowercase();
    let host = match name.strip_suffix(&forest.dns_name) {
        Some(host) => host.strip_suffix('.').unwrap_or_default(),
        None => &name,
    };
    if !is_label(host) {
        let what = format!(
            "`{}` is no name of a host in `{}`; write e.g. \"dc1.{}\"",
            super::values::excerpt(&dc.name),
            forest.dns_name,
            forest.dns_name
        );
        return Err(("name", what));
    }
    if dc.site.is_none() {
        return Err(("site", "it is at no site; add `site = \"…\"`".to_owned()));
    }
    let usable = |address: &&IpAddr| address.is_ipv4() && is_of_a_host(**address);
    if !dc.addresses.iter().any(|address| usable(&address)) {
        let what = "it has no IPv4 address of its own; add `addresses = [\"10.0.0.10\"]`";
        return Err(("addresses", what.to_owned()));
    }
    Ok(())
}
