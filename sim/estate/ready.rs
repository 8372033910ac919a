//! Whether an estate describes enough to make traffic of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::values::{excerpt, is_label, is_of_a_host};
use super::{DomainController, Estate, EstateError, Forest, Subnet};

/// A field, and what is wrong with it.
type Lack = (&'static str, String);

impl Estate {
    /// Whether traffic can be made of it; an estate for sizing says less.
    ///
    /// # Errors
    /// The first thing that is missing: forest, sites, populations, site or addresses of a domain
    /// controller, forwarders, or a domain controller that serves a population's site; or an
    /// address that belongs to a client too.
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
        let clients = Clients::of(self);
        for (dc, line) in self.domain_controllers().iter().zip(&self.places.domain_controllers) {
            let lack =
                controller(dc, forest).and_then(|()| clients.leave("addresses", &dc.addresses));
            lack.map_err(|(field, what)| self.at(*line, field, what))?;
        }
        let serves_dns = self.domain_controllers().iter().any(|dc| dc.roles.dns);
        if serves_dns && self.network().forwarders.is_empty() {
            let what = "its domain controllers serve DNS, but forward nowhere; add `[network]` \
                        with `forwarders`";
            return Err(self.lacks(what));
        }
        clients.leave("forwarders", &self.network().forwarders).map_err(|(field, what)| {
            EstateError { field: Some(field.to_owned()), ..self.lacks(&what) }
        })?;
        self.check_who_serves()
    }

    /// Every population has a domain controller.
    fn check_who_serves(&self) -> Result<(), EstateError> {
        let mut has_one = vec![false; self.sites().len()];
        for site in self.domain_controllers().iter().filter_map(|dc| dc.site) {
            if let Some(has) = has_one.get_mut(site) {
                *has = true;
            }
        }
        for (population, line) in self.populations().iter().zip(&self.places.populations) {
            let Some(site) = self.sites().get(population.site) else { continue };
            let Some(server) = self.sites().get(site.served_by) else { continue };
            if has_one.get(site.served_by) != Some(&true) {
                let what = format!(
                    "site `{}` has no domain controller; put one there with `site`, or let \
                     another site serve `{}` with `served_by`",
                    server.name, site.name
                );
                return Err(self.at(*line, "site", what));
            }
        }
        Ok(())
    }

    fn lacks(&self, what: &str) -> EstateError {
        EstateError::whole(&self.file_name, what.to_owned())
    }

    fn at(&self, line: usize, field: &str, what: String) -> EstateError {
        EstateError { line: Some(line), field: Some(field.to_owned()), ..self.lacks(&what) }
    }
}

/// The addresses of all clients: from [`Subnet::FIRST_CLIENT`] of their site's subnets.
struct Clients {
    /// Subnets, by their first address; they are apart. With the number behind the last client.
    subnets: BTreeMap<IpAddr, (Subnet, u64)>,
}

impl Clients {
    fn of(estate: &Estate) -> Self {
        let mut ends = vec![Subnet::FIRST_CLIENT; estate.sites().len()];
        for population in estate.populations() {
            if let Some(end) = ends.get_mut(population.site) {
                *end += u64::from(population.count);
            }
        }
        let subnets = estate.sites().iter().zip(ends).flat_map(|(site, end)| {
            let both = std::iter::once(site.subnet).chain(site.subnet6);
            both.map(move |subnet| (subnet.network, (subnet, end)))
        });
        Self { subnets: subnets.collect() }
    }

    /// Whether no client has any of the addresses.
    fn leave(&self, field: &'static str, addresses: &[IpAddr]) -> Result<(), Lack> {
        for address in addresses {
            let before = self.subnets.range(..=*address).next_back();
            let Some((_, (subnet, end))) = before else { continue };
            let clients = u128::from(Subnet::FIRST_CLIENT)..u128::from(*end);
            if subnet.number_of(*address).is_some_and(|number| clients.contains(&number)) {
                let what = format!(
                    "{address} is a client's: they have the addresses of {subnet} from the \
                     {}th; use one of those before, or another network",
                    Subnet::FIRST_CLIENT
                );
                return Err((field, what));
            }
        }
        Ok(())
    }
}

/// What one domain controller lacks.
fn controller(dc: &DomainController, forest: &Forest) -> Result<(), Lack> {
    let name = dc.name.to_lowercase();
    let host = match name.strip_suffix(&forest.dns_name) {
        Some(host) => host.strip_suffix('.').unwrap_or_default(),
        None => &name,
    };
    if !is_label(host) {
        let what = format!(
            "`{}` is no name of a host in `{}`; write e.g. \"dc1.{}\"",
            excerpt(&dc.name),
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
