//! Who serves whom in an estate, and what in it deserves doubt.

use super::values::excerpt;
use super::{CALIBRATIONS, Estate, Knob, Population, PopulationKind};

impl Estate {
    /// Indices of the domain controllers that serve the clients of a site: those of the site that
    /// it names, or all where there is none.
    pub fn servers_of(&self, site: usize) -> Vec<usize> {
        let served_by = self.sites().get(site).map(|site| site.served_by);
        let all = || self.domain_controllers().iter().enumerate();
        let near: Vec<usize> = all()
            .filter(|(_, dc)| dc.site.is_some() && dc.site == served_by)
            .map(|(at, _)| at)
            .collect();
        if near.is_empty() { all().map(|(at, _)| at).collect() } else { near }
    }

    /// Clients of each site.
    pub fn clients_of_sites(&self) -> Vec<u64> {
        let mut clients = vec![0; self.sites().len()];
        for population in self.populations() {
            if let Some(clients) = clients.get_mut(population.site) {
                *clients += u64::from(population.count);
            }
        }
        clients
    }

    /// Clients that each domain controller can expect: those of the sites that it serves, shared
    /// with its neighbours by weight, which is 1, and `dc.pdc_weight` of the PDC emulator.
    pub fn expected_clients(&self) -> Vec<f64> {
        let controllers = self.domain_controllers();
        let weight = |at: &usize| match controllers.get(*at) {
            Some(dc) if dc.roles.pdc_emulator => self.parameters().get(Knob::PdcWeight),
            _ => 1.0,
        };
        let mut expected = vec![0.0; controllers.len()];
        for (site, clients) in self.clients_of_sites().into_iter().enumerate() {
            if clients == 0 {
                continue;
            }
            let servers = self.servers_of(site);
            let all: f64 = servers.iter().map(weight).sum();
            for server in &servers {
                if let Some(expected) = expected.get_mut(*server)
                    && all > 0.0
                {
                    *expected += clients as f64 * weight(server) / all;
                }
            }
        }
        expected
    }

    /// What is allowed but may not be meant, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        self.doubt_controllers(&mut warnings);
        self.doubt_sites(&mut warnings);
        self.doubt_populations(&mut warnings);
        if let Some(from) = self.learned_from_synthesized() {
            warnings.push(format!(
                "what is learned in it was learned from synthesized traffic, not from a recording \
                 ({}): it says nothing of a real network",
                excerpt(from)
            ));
        }
        let [light, heavy, catalyst] = CALIBRATIONS;
        if self.calibration() == catalyst {
            warnings.push(format!(
                "calibration `{catalyst}` has no boots, logons, group policy and file traffic; plan \
                 with `{light}` and `{heavy}`"
            ));
        }
        warnings
    }

    fn doubt_controllers(&self, warnings: &mut Vec<String>) {
        let controllers = self.domain_controllers();
        if !self.populations().is_empty() {
            for (dc, clients) in controllers.iter().zip(self.expected_clients()) {
                if clients == 0.0 {
                    warnings
                        .push(format!("domain controller {} has no clients", excerpt(&dc.name)));
                }
            }
            if !controllers.iter().any(|dc| dc.roles.pdc_emulator) {
                warnings.push("no domain controller has the role `pdc-emulator`".to_owned());
            }
            if !controllers.iter().any(|dc| dc.roles.dns) {
                let what = "no domain controller has the role `dns`: nearly half of the usual frames \
                            are missing";
                warnings.push(what.to_owned());
            }
        }
        for dc in controllers {
            let unknown = match (dc.physical_cores, dc.installed_memory_gb) {
                (None, None) => "`physical_cores` and `installed_memory_gb`",
                (None, Some(_)) => "`physical_cores`",
                (Some(_), None) => "`installed_memory_gb`",
                (Some(_), Some(_)) => continue,
            };
            let name = excerpt(&dc.name);
            warnings.push(format!("{unknown} of {name} are not given: sizing has no verdict"));
        }
    }

    fn doubt_sites(&self, warnings: &mut Vec<String>) {
        for (at, (site, clients)) in self.sites().iter().zip(self.clients_of_sites()).enumerate() {
            let name = &site.name;
            let has_own = self.domain_controllers().iter().any(|dc| dc.site == Some(at));
            let served_by = self.sites().get(site.served_by).map_or("", |server| &server.name);
            if clients == 0 {
                warnings.push(format!("site {name} has no clients"));
            }
            if site.served_by != at && has_own {
                warnings.push(format!(
                    "clients of site {name} use the domain controllers of {served_by}, although \
                     there are some in {name}"
                ));
            } else if site.served_by != at {
                warnings.push(format!(
                    "site {name} has no domain controller: when its line to {served_by} fails, so \
                     do its logons"
                ));
            }
        }
    }

    fn doubt_populations(&self, warnings: &mut Vec<String>) {
        for population in self.populations() {
            let name = excerpt(&population.name);
            let servers = self.servers_of(population.site);
            let mut servers = servers.iter().filter_map(|at| self.domain_controllers().get(*at));
            if population.ipv6_share > 0.0
                && let Some(dc) =
                    servers.clone().find(|dc| dc.addresses.iter().all(|a| a.is_ipv4()))
            {
                warnings.push(format!(
                    "{name} cannot speak IPv6 to {}, which has no such address",
                    excerpt(&dc.name)
                ));
            }
            if population.kind == PopulationKind::VpnUser
                && !servers.any(|dc| dc.roles.radius_accounting)
            {
                warnings.push(format!(
                    "sessions of {name} are told to no domain controller: none that serves it has \
                     the role `radius-accounting`"
                ));
            }
        }
    }

    /// Clients of all populations.
    pub fn endpoints(&self) -> u64 {
        self.populations().iter().map(|Population { count, .. }| u64::from(*count)).sum()
    }
}
