//! Forest, sites and network of an estate file, checked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::tz::TimeZoneDatabase;
use toml::Spanned;

use super::controller::site_named;
use super::error::nearest;
use super::form::{RawForest, RawNetwork, RawSite};
use super::values::{Wrong, between, excerpt, host_address, is_label, is_of_a_host, label, text};
use super::{FORWARDERS_MAX, Forest, Network, Site, Subnet};

/// Longest NetBIOS name, in bytes: the sixteenth is its kind (RFC 1001 section 5.2).
const NETBIOS_NAME_BYTES_MAX: usize = 15;

/// Highest VLAN identifier; 0 and 4095 are reserved (IEEE 802.1Q table 9-2).
const VLAN_MAX: u16 = 4_094;

/// Prefixes of IPv4 client networks: from all of 10.0.0.0/8 to 15 clients.
const PREFIX4_BITS: [u8; 2] = [8, 27];

/// Prefix of an IPv6 network with addresses that hosts choose (RFC 4291 section 2.5.1).
const PREFIX6_BITS: u8 = 64;

/// Round-trip times: from the same switch to a satellite with a queue.
const ROUND_TRIP_MS: [f64; 2] = [0.01, 2_000.0];

/// Round-trip time inside a site where nothing is said, in milliseconds: a switched building.
const ROUND_TRIP_MS_DEFAULT: f64 = 0.5;

/// From the least MTU of IPv6 (RFC 8200 section 5) to jumbo frames.
const MTU_BYTES: [u16; 2] = [1_280, 9_216];

/// MTU of Ethernet (RFC 894).
const MTU_BYTES_DEFAULT: u16 = 1_500;

/// Above it TCP makes no headway, and no network is left so.
const LOSS_MAX: f64 = 0.2;

pub(super) fn forest(raw: &RawForest) -> Result<Forest, Wrong> {
    let dns_name = text(&raw.dns_name, "dns_name")?.trim_end_matches('.').to_lowercase();
    let labels = dns_name.split('.');
    if labels.clone().count() < 2 || !labels.clone().all(is_label) {
        let what = format!(
            "`{}` is no DNS name of two labels or more; write e.g. \"corp.example\"",
            excerpt(&dns_name)
        );
        return Err(Wrong::new(raw.dns_name.span(), "dns_name", what));
    }
    let netbios_name = match &raw.netbios_name {
        Some(name) => netbios(name)?,
        None => {
            let first = dns_name.split('.').next().unwrap_or_default();
            let short: String = first.chars().take(NETBIOS_NAME_BYTES_MAX).collect();
            short.trim_end_matches('-').to_uppercase()
        }
    };
    Ok(Forest { dns_name, netbios_name })
}

fn netbios(name: &Spanned<String>) -> Result<String, Wrong> {
    let upper = text(name, "netbios_name")?.to_uppercase();
    if upper.len() <= NETBIOS_NAME_BYTES_MAX && is_label(&upper) {
        return Ok(upper);
    }
    let what = format!(
        "`{}` is no name of at most {NETBIOS_NAME_BYTES_MAX} letters, digits and hyphens; write \
         e.g. \"CORP\"",
        excerpt(&upper)
    );
    Err(Wrong::new(name.span(), "netbios_name", what))
}

/// The sites, and the index of each by its name in lower case.
pub(super) fn sites(raw: &[RawSite]) -> Result<(Vec<Site>, BTreeMap<String, usize>), Wrong> {
    let mut by_name = BTreeMap::new();
    for (index, site) in raw.iter().enumerate() {
        let name = label(&site.name, "name")?;
        if by_name.insert(name.to_lowercase(), index).is_some() {
            let what = format!("site `{name}` is described twice");
            return Err(Wrong::new(site.name.span(), "name", what));
        }
    }
    let mut sites: Vec<Site> = Vec::with_capacity(raw.len());
    for (index, entry) in raw.iter().enumerate() {
        let site = site(entry, index, &by_name)?;
        for earlier in &sites {
            apart(&site.subnet, &earlier.subnet, &earlier.name)
                .map_err(|what| Wrong::new(entry.subnet.span(), "subnet", what))?;
            if let (Some(own), Some(other), Some(place)) =
                (&site.subnet6, &earlier.subnet6, &entry.subnet6)
            {
                apart(own, other, &earlier.name)
                    .map_err(|what| Wrong::new(place.span(), "subnet6", what))?;
            }
        }
        sites.push(site);
    }
    Ok((sites, by_name))
}

fn site(raw: &RawSite, index: usize, by_name: &BTreeMap<String, usize>) -> Result<Site, Wrong> {
    let vlan = match &raw.vlan {
        Some(vlan) if !(1..=VLAN_MAX).contains(vlan.get_ref()) => {
            let what = format!("{} is not between 1 and {VLAN_MAX}", vlan.get_ref());
            return Err(Wrong::new(vlan.span(), "vlan", what));
        }
        vlan => vlan.as_ref().map(|vlan| *vlan.get_ref()),
    };
    Ok(Site {
        name: label(&raw.name, "name")?,
        time_zone: time_zone(&raw.time_zone)?,
        subnet: subnet4(&raw.subnet)?,
        subnet6: raw.subnet6.as_ref().map(subnet6).transpose()?,
        vlan,
        round_trip_ms: match &raw.round_trip_ms {
            Some(time) => between(time, "round_trip_ms", ROUND_TRIP_MS)?,
            None => ROUND_TRIP_MS_DEFAULT,
        },
        served_by: match &raw.served_by {
            Some(name) => site_named(name, "served_by", by_name)?,
            None => index,
        },
    })
}

/// The name as the database writes it.
fn time_zone(value: &Spanned<String>) -> Result<String, Wrong> {
    let name = value.get_ref().trim();
    let database = TimeZoneDatabase::bundled();
    let found = database.get(name).ok();
    found.and_then(|zone| zone.iana_name().map(str::to_owned)).ok_or_else(|| {
        let what = format!(
            "`{}` is no time zone of the IANA database; write e.g. \"Europe/Berlin\"",
            excerpt(name)
        );
        let known: Vec<_> = database.available().map(|known| known.as_str().to_owned()).collect();
        let suggestion = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        Wrong { suggestion, ..Wrong::new(value.span(), "time_zone", what) }
    })
}

fn subnet4(value: &Spanned<String>) -> Result<Subnet, Wrong> {
    let [least, most] = PREFIX4_BITS;
    let fits =
        |subnet: &Subnet| subnet.network.is_ipv4() && (least..=most).contains(&subnet.prefix_bits);
    let form = format!("an IPv4 network of /{least} to /{most}; write e.g. \"10.20.0.0/16\"");
    subnet(value, "subnet", fits, &form)
}

fn subnet6(value: &Spanned<String>) -> Result<Subnet, Wrong> {
    let fits = |subnet: &Subnet| subnet.network.is_ipv6() && subnet.prefix_bits == PREFIX6_BITS;
    let form = format!("an IPv6 network of /{PREFIX6_BITS}; write e.g. \"fd20:1::/64\"");
    subnet(value, "subnet6", fits, &form)
}

fn subnet(
    value: &Spanned<String>,
    field: &'static str,
    fits: impl Fn(&Subnet) -> bool,
    form: &str,
) -> Result<Subnet, Wrong> {
    let wrong = |what| Wrong::new(value.span(), field, what);
    let read = value.get_ref().trim().split_once('/').and_then(|(network, bits)| {
        Some(Subnet { network: network.parse().ok()?, prefix_bits: bits.parse().ok()? })
    });
    let Some(given) = read.filter(fits) else {
        return Err(wrong(format!("`{}` is not {form}", excerpt(value.get_ref()))));
    };
    let network = given.masked();
    if network.network != given.network {
        let what = format!("{given} has bits behind its prefix; write \"{network}\"");
        return Err(wrong(what));
    }
    if !is_of_a_host(given.network) {
        return Err(wrong(format!("{given} is no network that clients can be in")));
    }
    Ok(given)
}

fn apart(subnet: &Subnet, other: &Subnet, name: &str) -> Result<(), String> {
    if subnet.contains(other.network) || other.contains(subnet.network) {
        return Err(format!("{subnet} overlaps {other} of site `{name}`; give each its own"));
    }
    Ok(())
}

pub(super) fn network(raw: &RawNetwork) -> Result<Network, Wrong> {
    let mtu_bytes = match &raw.mtu_bytes {
        None => MTU_BYTES_DEFAULT,
        Some(bytes) => {
            let [least, most] = MTU_BYTES;
            if !(least..=most).contains(bytes.get_ref()) {
                let what = format!("{} is not between {least} and {most}", bytes.get_ref());
                return Err(Wrong::new(bytes.span(), "mtu_bytes", what));
            }
            *bytes.get_ref()
        }
    };
    let share = |value: Option<&Spanned<f64>>, field| match value {
        Some(value) => between(value, field, [0.0, LOSS_MAX]),
        None => Ok(0.0),
    };
    if let Some(beyond) = raw.forwarders.get(FORWARDERS_MAX) {
        let what = format!("more than {FORWARDERS_MAX} forwarders; name those that are asked");
        return Err(Wrong::new(beyond.span(), "forwarders", what));
    }
    let forwarders: Result<Vec<IpAddr>, Wrong> =
        raw.forwarders.iter().map(|address| host_address(address, "forwarders")).collect();
    Ok(Network {
        mtu_bytes,
        loss: share(raw.loss.as_ref(), "loss")?,
        reordering: share(raw.reordering.as_ref(), "reordering")?,
        offload: raw.offload,
        forwarders: forwarders?,
    })
}
