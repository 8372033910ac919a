//! What a site looks like, as its planner writes it down: an estate file in TOML, checked.
//!
//! So far it holds what sizing needs of each domain controller's server. Unknown keys are
//! errors, so that a misspelt one is not silently ignored; everything has a limit.

mod error;
mod parameters;
mod site;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

pub use error::EstateError;
pub use parameters::{Basis, Knob, Parameter, Parameters};
pub use site::{
    Arrival, AutopilotWave, Forest, Join, Network, Population, PopulationKind, Roles, Schedule, Site,
    Subnet,
};

/// Largest estate file, in bytes. Ten thousand domain controllers take about 3 MB.
pub const FILE_BYTES_MAX: usize = 8 << 20;

/// Most domain controllers in one estate; the largest forests have a few thousand.
pub const DOMAIN_CONTROLLERS_MAX: usize = 10_000;

/// Most addresses of one domain controller.
pub const ADDRESSES_MAX: usize = 64;

/// Longest name, in bytes: a DNS name has at most 255 (RFC 1035 section 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;

/// Most processors of one server.
const PROCESSORS_MAX: u32 = 4_096;

/// Most memory of one server, in GB: 256 TB is what Windows Server addresses at most.
const MEMORY_GB_MAX: f64 = 262_144.0;

/// MB in one GB, as Windows counts.
const MB_PER_GB: f64 = 1_024.0;

/// A checked estate.
#[derive(Debug, Clone, PartialEq)]
pub struct Estate {
    domain_controllers: Vec<DomainController>,
    by_address: BTreeMap<IpAddr, usize>,
}

/// One domain controller's server. What is not in the file is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainController {
    /// Short or full DNS name, as written.
    pub name: String,
    /// Its addresses, as written; unique in the estate.
    pub addresses: Vec<IpAddr>,
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

impl Estate {
    /// Reads and checks an estate file; `file_name` is only for messages.
    ///
    /// # Errors
    /// The file is too large, is no TOML, has an unknown or wrong key, or contradicts itself
    /// (two controllers of one name or address, more cores than processors, …). The error names
    /// file, line and field, and what to write instead.
    pub fn parse(text: &str, file_name: &str) -> Result<Self, EstateError> {
        let at = |span: Range<usize>, field: &str, what: String| {
            EstateError::at(file_name, text, span.start, field, what)
        };
        if text.len() > FILE_BYTES_MAX {
            let what = format!(
                "the file has {} bytes, the limit is {FILE_BYTES_MAX}; split it",
                text.len()
            );
            return Err(EstateError::whole(file_name, what));
        }
        let raw: RawEstate = toml::from_str(text)
            .map_err(|error| EstateError::from_toml(file_name, text, &error))?;
        let count = raw.domain_controller.len();
        if count == 0 {
            let what = "it describes no domain controller; begin one with `[[domain_controller]]`";
            return Err(EstateError::whole(file_name, what.to_owned()));
        }
        if count > DOMAIN_CONTROLLERS_MAX {
            let what = format!("{count} domain controllers, the limit is {DOMAIN_CONTROLLERS_MAX}");
            return Err(EstateError::whole(file_name, what));
        }
        let mut estate =
            Self { domain_controllers: Vec::with_capacity(count), by_address: BTreeMap::new() };
        let mut names = BTreeMap::new();
        for (index, entry) in raw.domain_controller.into_iter().enumerate() {
            let name_span = entry.name.span();
            if names.insert(canonical_name(entry.name.get_ref()), index).is_some() {
                let what = format!("`{}` is described twice", entry.name.get_ref().escape_debug());
                return Err(at(name_span, "name", what));
            }
            for address in &entry.addresses {
                if let Some(canonical) = address_of(address)
                    && estate.by_address.insert(canonical, index).is_some()
                {
                    let what = format!("{canonical} belongs to a domain controller already");
                    return Err(at(address.span(), "addresses", what));
                }
            }
            let checked = entry.checked();
            estate
                .domain_controllers
                .push(checked.map_err(|wrong| at(wrong.span, wrong.field, wrong.what))?);
        }
        Ok(estate)
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

/// Lower case, without the dot at the end and the backslashes of a UNC or perfmon name.
fn canonical_name(name: &str) -> String {
    name.trim().trim_start_matches('\\').trim_end_matches('.').to_lowercase()
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn address_of(text: &Spanned<String>) -> Option<IpAddr> {
    text.get_ref().trim().parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEstate {
    #[serde(default)]
    domain_controller: Vec<RawDomainController>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDomainController {
    name: Spanned<String>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    physical_cores: Option<Spanned<u32>>,
    logical_processors: Option<Spanned<u32>>,
    installed_memory_gb: Option<Spanned<f64>>,
    min_available_mb: Option<Spanned<f64>>,
    operating_system: Option<Spanned<String>>,
    virtualization: Option<Virtualization>,
}

/// Keys of `[[domain_controller]]` and of the file, for suggestions.
const KEYS: [&str; 9] = [
    "domain_controller",
    "name",
    "addresses",
    "physical_cores",
    "logical_processors",
    "installed_memory_gb",
    "min_available_mb",
    "operating_system",
    "virtualization",
];

/// A value that is wrong, and where it stands.
struct Wrong {
    span: Range<usize>,
    field: &'static str,
    what: String,
}

impl RawDomainController {
    fn checked(self) -> Result<DomainController, Wrong> {
        let name = text(&self.name, "name")?;
        if self.addresses.len() > ADDRESSES_MAX {
            let what = format!("{} addresses, the limit is {ADDRESSES_MAX}", self.addresses.len());
            return Err(Wrong { span: self.name.span(), field: "addresses", what });
        }
        let mut addresses = Vec::with_capacity(self.addresses.len());
        for address in &self.addresses {
            addresses.push(address_of(address).ok_or_else(|| Wrong {
                span: address.span(),
                field: "addresses",
                what: format!(
                    "`{}` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
                    excerpt(address.get_ref())
                ),
            })?);
        }
        let physical_cores = count(self.physical_cores.as_ref(), "physical_cores")?;
        let logical_processors = count(self.logical_processors.as_ref(), "logical_processors")?;
        if let (Some(cores), Some(processors), Some(place)) =
            (physical_cores, logical_processors, &self.physical_cores)
            && cores > processors
        {
            let what = format!("{cores} physical cores in {processors} logical processors");
            return Err(Wrong { span: place.span(), field: "physical_cores", what });
        }
        let installed_memory_gb =
            memory(self.installed_memory_gb.as_ref(), "installed_memory_gb", MEMORY_GB_MAX)?;
        let available_max = installed_memory_gb.unwrap_or(MEMORY_GB_MAX) * MB_PER_GB;
        Ok(DomainController {
            name,
            addresses,
            physical_cores,
            logical_processors,
            installed_memory_gb,
            min_available_mb: memory(
                self.min_available_mb.as_ref(),
                "min_available_mb",
                available_max,
            )?,
            operating_system: match &self.operating_system {
                Some(name) => Some(text(name, "operating_system")?),
                None => None,
            },
            virtualization: self.virtualization,
        })
    }
}

fn text(value: &Spanned<String>, field: &'static str) -> Result<String, Wrong> {
    let trimmed = value.get_ref().trim();
    let what = if trimmed.is_empty() {
        "it is empty".to_owned()
    } else if trimmed.len() > NAME_BYTES_MAX {
        format!("it has {} bytes, the limit is {NAME_BYTES_MAX}", trimmed.len())
    } else if trimmed.chars().any(char::is_control) {
        "it has control characters".to_owned()
    } else {
        return Ok(trimmed.to_owned());
    };
    Err(Wrong { span: value.span(), field, what })
}

fn count(value: Option<&Spanned<u32>>, field: &'static str) -> Result<Option<u32>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if (1..=PROCESSORS_MAX).contains(&number) {
        return Ok(Some(number));
    }
    let what = format!("{number} is not between 1 and {PROCESSORS_MAX}");
    Err(Wrong { span: value.span(), field, what })
}

fn memory(
    value: Option<&Spanned<f64>>,
    field: &'static str,
    max: f64,
) -> Result<Option<f64>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if number > 0.0 && number <= max {
        return Ok(Some(number));
    }
    let what = format!("{number} is not above 0 and at most {max}");
    Err(Wrong { span: value.span(), field, what })
}

/// The beginning of what the file says, safe to print.
fn excerpt(text: &str) -> String {
    /// Enough to recognise it by.
    const CHARS_MAX: usize = 40;
    let shown: String = text.chars().take(CHARS_MAX).collect();
    shown.escape_debug().to_string()
}

#[cfg(test)]
mod tests;
