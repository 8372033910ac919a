//! What a site looks like, as its planner writes it down: an estate file in TOML, checked.
//!
//! Sizing needs the servers of its domain controllers only; traffic needs forest, sites and
//! populations too, and parameters, whose values come from a named calibration or from the file.
//! Unknown keys are errors, so that a misspelt one is not silently ignored; everything has a
//! limit.

mod calibration;
mod clients;
mod controller;
mod error;
mod form;
mod hours;
mod parameters;
mod places;
mod ready;
mod service;
mod site;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use toml::Spanned;

use error::Lines;
use form::{RawDomainController, RawEstate};
use values::{Wrong, address_of};

pub use calibration::CALIBRATIONS;
pub use error::EstateError;
pub use hours::{DAY_WEIGHTS, HOUR_WEIGHTS, WORKING_HOURS};
pub use parameters::{Basis, Knob, Parameter, Parameters};
pub use site::{
    Arrival, AutopilotWave, Forest, Join, Network, Population, PopulationKind, Roles, Schedule,
    Site, Subnet,
};

/// Largest estate file, in bytes. Ten thousand domain controllers take about 3 MB.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// Most domain controllers in one estate; the largest forests have a few thousand.
pub const DOMAIN_CONTROLLERS_MAX: usize = 10_000;

/// Most addresses of one domain controller.
pub const ADDRESSES_MAX: usize = 64;

/// Longest name, in bytes: a DNS name has at most 255 (RFC 1035 section 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;

/// Most sites of one estate.
pub const SITES_MAX: usize = 1_000;

/// Most populations of one estate.
pub const POPULATIONS_MAX: usize = 10_000;

/// Most endpoints of one estate, of all populations together.
pub const ENDPOINTS_MAX: u64 = 2_000_000;

/// Most forwarders.
pub const FORWARDERS_MAX: usize = 16;

/// A checked estate.
#[derive(Debug, Clone, PartialEq)]
pub struct Estate {
    file_name: String,
    forest: Option<Forest>,
    sites: Vec<Site>,
    domain_controllers: Vec<DomainController>,
    by_address: BTreeMap<IpAddr, usize>,
    populations: Vec<Population>,
    network: Network,
    calibration: &'static str,
    calibration_meaning: String,
    learned_from_synthesized: Option<String>,
    described: Vec<Parameter>,
    parameters: Parameters,
    places: Places,
}

/// Lines at which things are described, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Places {
    domain_controllers: Vec<usize>,
    populations: Vec<usize>,
}

/// One domain controller's server. What is not in the file is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainController {
    /// Short or full DNS name, as written.
    pub name: String,
    /// Its addresses, as written; unique in the estate.
    pub addresses: Vec<IpAddr>,
    /// Index of its site.
    pub site: Option<usize>,
    /// What it does besides.
    pub roles: Roles,
    /// Physical cores (hyper-threads not counted).
    pub physical_cores: Option<u32>,
    /// Logical processors.
    pub logical_processors: Option<u32>,
    /// Installed memory in GB of 1024 MB.
    pub installed_memory_gb: Option<f64>,
    /// Smallest available memory seen on a busy day, in MB.
    pub min_available_mb: Option<f64>,
    /// Operating system, e.g. `Windows Server 2022 Standard`.
    pub operating_system: Option<String>,
    /// What it runs on.
    pub virtualization: Option<Virtualization>,
}

/// What a server runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Virtualization {
    /// The machine itself.
    None,
    /// Hyper-V.
    #[serde(rename = "hyper-v")]
    HyperV,
    /// VMware.
    Vmware,
    /// Another hypervisor.
    Other,
}

impl Virtualization {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::HyperV => "hyper-v",
            Self::Vmware => "vmware",
            Self::Other => "other",
        }
    }

    /// What that word stands for.
    pub fn by_name(name: &str) -> Option<Self> {
        let all = [Self::None, Self::HyperV, Self::Vmware, Self::Other];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

impl Estate {
    /// Reads and checks an estate file; `file_name` is only for messages.
    ///
    /// # Errors
    /// The file is too large, is no TOML, has an unknown or wrong key, or contradicts itself
    /// (two controllers of one name or address, more cores than processors, …). The error names
    /// file, line and field, and what to write instead.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, EstateError> {
        if text.len() > FILE_BYTES_MAX {
            let what = format!(
                "the file has {} bytes, the limit is {FILE_BYTES_MAX}; split it",
                text.len()
            );
            return Err(EstateError::whole(file_name, what));
        }
        let raw: RawEstate = toml::from_str(text)
            .map_err(|error| EstateError::from_toml(file_name, text, &error))?;
        counts(&raw).map_err(|what| EstateError::whole(file_name, what))?;
        let lines = Lines::of(text);
        let lines_of = |names: Vec<&Spanned<String>>| {
            names.into_iter().map(|name| lines.line_of(name.span().start)).collect()
        };
        let places = Places {
            domain_controllers: lines_of(raw.domain_controller.iter().map(|dc| &dc.name).collect()),
            populations: lines_of(raw.population.iter().map(|group| &group.name).collect()),
        };
        Self::checked(raw, file_name, places)
            .map_err(|wrong| EstateError::from_wrong(file_name, text, wrong))
    }

    fn checked(raw: RawEstate, file_name: &str, places: Places) -> Result<Self, Wrong> {
        let (calibration, base) = calibration::of_estate(raw.calibration.as_ref())?;
        let giver = format!("estate {}", values::excerpt(file_name));
        let mut described = base.parameters.clone();
        base.change(&raw.parameters, &mut described, &giver)?;
        let (sites, site_names) = places::sites(&raw.site)?;
        let network = places::network(&raw.network)?;
        let mut estate = Self {
            file_name: file_name.to_owned(),
            forest: raw.forest.as_ref().map(places::forest).transpose()?,
            sites,
            domain_controllers: Vec::with_capacity(raw.domain_controller.len()),
            by_address: BTreeMap::new(),
            populations: Vec::new(),
            network,
            calibration,
            calibration_meaning: base.meaning.clone(),
            learned_from_synthesized: match &raw.learned_from_synthesized {
                Some(from) => Some(values::text(from, "learned_from_synthesized")?),
                None => None,
            },
            parameters: Parameters::from_described(&described),
            described,
            places,
        };
        estate.add_domain_controllers(raw.domain_controller, &site_names)?;
        for forwarder in &raw.network.forwarders {
            let own = address_of(forwarder).and_then(|address| estate.by_address(address));
            if let Some(dc) = own {
                let what = format!(
                    "{} is domain controller `{}`, which would ask itself; name a server of another \
                     network",
                    values::excerpt(forwarder.get_ref().trim()),
                    values::excerpt(&dc.name)
                );
                return Err(Wrong::new(forwarder.span(), "forwarders", what));
            }
        }
        let around = clients::Surroundings {
            sites: &estate.sites,
            site_names: &site_names,
            calibration: &base,
            described: &estate.described,
            giver: &giver,
        };
        estate.populations = clients::populations(&raw.population, &around)?;
        Ok(estate)
    }

    fn add_domain_controllers(
        &mut self,
        raw: Vec<RawDomainController>,
        sites: &BTreeMap<String, usize>,
    ) -> Result<(), Wrong> {
        let mut names = BTreeMap::new();
        let mut pdc_emulator: Option<String> = None;
        for (index, entry) in raw.into_iter().enumerate() {
            let name_span = entry.name.span();
            if names.insert(canonical_name(entry.name.get_ref()), index).is_some() {
                let what = format!("`{}` is described twice", entry.name.get_ref().escape_debug());
                return Err(Wrong::new(name_span, "name", what));
            }
            for address in &entry.addresses {
                if let Some(canonical) = address_of(address)
                    && self.by_address.insert(canonical, index).is_some()
                {
                    let what = format!("{canonical} belongs to a domain controller already");
                    return Err(Wrong::new(address.span(), "addresses", what));
                }
            }
            let dc = controller::checked(entry, sites)?;
            if dc.roles.pdc_emulator
                && let Some(other) = pdc_emulator.replace(dc.name.clone())
            {
                let what = format!("`{other}` is the PDC emulator already; a domain has one");
                return Err(Wrong::new(name_span, "roles", what));
            }
            self.domain_controllers.push(dc);
        }
        Ok(())
    }

    /// The forest, where the file describes one.
    pub fn forest(&self) -> Option<&Forest> {
        self.forest.as_ref()
    }

    /// All sites, in the order of the file.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// All populations, in the order of the file.
    pub fn populations(&self) -> &[Population] {
        &self.populations
    }

    /// The network at the domain controllers.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Name of the calibration, one of [`CALIBRATIONS`].
    pub fn calibration(&self) -> &str {
        self.calibration
    }

    /// What its parameters were learned from, where that was synthesized traffic.
    pub fn learned_from_synthesized(&self) -> Option<&str> {
        self.learned_from_synthesized.as_deref()
    }

    /// What the calibration stands for.
    pub fn calibration_meaning(&self) -> &str {
        &self.calibration_meaning
    }

    /// The parameters of the whole estate; populations have their own.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Every parameter of the whole estate with unit, basis and source, in order of the knobs.
    pub fn described_parameters(&self) -> &[Parameter] {
        &self.described
    }

    /// The site of a domain controller of this estate, whose time zone is the controller's.
    pub fn site_of(&self, dc: &DomainController) -> Option<&Site> {
        self.sites.get(dc.site?)
    }

    /// All domain controllers, in the order of the file.
    pub fn domain_controllers(&self) -> &[DomainController] {
        &self.domain_controllers
    }

    /// The domain controller of that name, whatever its case. A short name and a full one match
    /// by their first label, if only one controller does.
    pub fn by_name(&self, name: &str) -> Option<&DomainController> {
        if let Ok(address) = name.parse() {
            return self.by_address(address);
        }
        let wanted = canonical_name(name);
        let exact = |dc: &&DomainController| canonical_name(&dc.name) == wanted;
        if let Some(dc) = self.domain_controllers.iter().find(exact) {
            return Some(dc);
        }
        let mut short = self.domain_controllers.iter().filter(|dc| {
            let name = canonical_name(&dc.name);
            let one_is_short = !name.contains('.') || !wanted.contains('.');
            one_is_short && first_label(&name) == first_label(&wanted)
        });
        // Two that match are worse than none: the facts of the wrong server would be used.
        short.next().filter(|_| short.next().is_none())
    }

    /// The domain controller with that address.
    pub fn by_address(&self, address: IpAddr) -> Option<&DomainController> {
        let index = self.by_address.get(&address.to_canonical())?;
        self.domain_controllers.get(*index)
    }
}

/// What there must be and how much there may be.
fn counts(raw: &RawEstate) -> Result<(), String> {
    if raw.domain_controller.is_empty() {
        let what = "it describes no domain controller; begin one with `[[domain_controller]]`";
        return Err(what.to_owned());
    }
    let limited = [
        (raw.domain_controller.len(), DOMAIN_CONTROLLERS_MAX, "domain controllers"),
        (raw.site.len(), SITES_MAX, "sites"),
        (raw.population.len(), POPULATIONS_MAX, "populations"),
    ];
    match limited.into_iter().find(|(count, limit, _)| count > limit) {
        Some((count, limit, what)) => Err(format!("{count} {what}, the limit is {limit}")),
        None => Ok(()),
    }
}

/// Lower case, without the dot at the end and the backslashes of a UNC or perfmon name.
fn canonical_name(name: &str) -> String {
    name.trim().trim_start_matches('\\').trim_end_matches('.').to_lowercase()
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
