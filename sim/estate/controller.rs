//! A domain controller of an estate file, checked.

use std::collections::BTreeMap;

use toml::Spanned;

use super::form::{RawDomainController, Role};
use super::values::{Wrong, address_of, excerpt, text};
use super::{ADDRESSES_MAX, DomainController, Roles};

/// Most processors of one server.
const PROCESSORS_MAX: u32 = 4_096;

/// Most memory of one server, in GB: 256 TB is what Windows Server addresses at most.
const MEMORY_GB_MAX: f64 = 262_144.0;

/// MB in one GB, as Windows counts.
const MB_PER_GB: f64 = 1_024.0;

/// Checks one domain controller; `sites` has the index of every site by its name in lower case.
pub(super) fn checked(
    raw: RawDomainController,
    sites: &BTreeMap<String, usize>,
) -> Result<DomainController, Wrong> {
    let name = text(&raw.name, "name")?;
    if raw.addresses.len() > ADDRESSES_MAX {
        let what = format!("{} addresses, the limit is {ADDRESSES_MAX}", raw.addresses.len());
        return Err(Wrong::new(raw.name.span(), "addresses", what));
    }
    let mut addresses = Vec::with_capacity(raw.addresses.len());
    for address in &raw.addresses {
        addresses.push(address_of(address).ok_or_else(|| {
            let what = format!(
                "`{}` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
                excerpt(address.get_ref())
            );
            Wrong::new(address.span(), "addresses", what)
        })?);
    }
    let physical_cores = count(raw.physical_cores.as_ref(), "physical_cores")?;
    let logical_processors = count(raw.logical_processors.as_ref(), "logical_processors")?;
    if let (Some(cores), Some(processors), Some(place)) =
        (physical_cores, logical_processors, &raw.physical_cores)
        && cores > processors
    {
        let what = format!("{cores} physical cores in {processors} logical processors");
        return Err(Wrong::new(place.span(), "physical_cores", what));
    }
    let installed_memory_gb =
        memory(raw.installed_memory_gb.as_ref(), "installed_memory_gb", MEMORY_GB_MAX)?;
    let available_max = installed_memory_gb.unwrap_or(MEMORY_GB_MAX) * MB_PER_GB;
    Ok(DomainController {
        name,
        addresses,
        site: raw.site.as_ref().map(|site| site_named(site, "site", sites)).transpose()?,
        roles: roles(&raw.roles)?,
        physical_cores,
        logical_processors,
        installed_memory_gb,
        min_available_mb: memory(raw.min_available_mb.as_ref(), "min_available_mb", available_max)?,
        operating_system: match &raw.operating_system {
            Some(name) => Some(text(name, "operating_system")?),
            None => None,
        },
        virtualization: raw.virtualization,
    })
}

/// The index of the site that a field names.
pub(super) fn site_named(
    value: &Spanned<String>,
    field: &'static str,
    sites: &BTreeMap<String, usize>,
) -> Result<usize, Wrong> {
    let wanted = value.get_ref().trim().to_lowercase();
    sites.get(&wanted).copied().ok_or_else(|| {
        let what = format!(
            "there is no site `{}`; describe it with `[[site]]`",
            excerpt(value.get_ref().trim())
        );
        let names = sites.keys().map(String::as_str);
        let suggestion = super::error::nearest(&wanted, names).map(str::to_owned);
        Wrong { suggestion, ..Wrong::new(value.span(), field, what) }
    })
}

fn roles(given: &[Spanned<Role>]) -> Result<Roles, Wrong> {
    let mut roles = Roles::default();
    for role in given {
        let has = match role.get_ref() {
            Role::PdcEmulator => &mut roles.pdc_emulator,
            Role::Dns => &mut roles.dns,
            Role::Dhcp => &mut roles.dhcp,
            Role::Wins => &mut roles.wins,
            Role::RadiusAccounting => &mut roles.radius_accounting,
            Role::Sensor => &mut roles.sensor,
        };
        if std::mem::replace(has, true) {
            return Err(Wrong::new(role.span(), "roles", "it names a role twice".to_owned()));
        }
    }
    Ok(roles)
}

fn count(value: Option<&Spanned<u32>>, field: &'static str) -> Result<Option<u32>, Wrong> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if (1..=PROCESSORS_MAX).contains(&number) {
        return Ok(Some(number));
    }
    let what = format!("{number} is not between 1 and {PROCESSORS_MAX}");
    Err(Wrong::new(value.span(), field, what))
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
    Err(Wrong::new(value.span(), field, what))
}
