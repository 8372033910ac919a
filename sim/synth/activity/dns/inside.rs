//! Names of the domain: hosts, services, addresses, and what is missing there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::exchange::{ANSWER, AUTHORITY, Asked, NXDOMAIN, Zone, exchange, put};
use crate::estate::Knob;
use crate::proto::dns::types::{A, AAAA, PTR, SRV};
use crate::proto::dns::{Data, NameBuf, Section, Sheet, SrvHead};
use crate::synth::Stage;

/// Time to live of what clients register, in seconds: `RegistrationTtl`, Windows' default.
const HOST_TTL_SECONDS: u32 = 1_200;
/// The same of the records that a domain controller registers: netlogon's default.
pub const SERVICE_TTL_SECONDS: u32 = 600;
/// Weight and priority that netlogon registers unless told otherwise (`LdapSrvWeight`,
/// `LdapSrvPriority`).
const SRV_WEIGHT: u16 = 100;
const SRV_PRIORITY: u16 = 0;

/// Shares of what is asked about hosts of the domain; the others are A. LBNL's 17 to 25 % AAAA
/// and the locator's part in SRV queries give the order (Pang et al. 2005); assumed.
const AAAA_SHARE: f64 = 0.25;
const SRV_SHARE: f64 = 0.07;
/// Share of lookups that mean a domain controller. Assumed.
const CONTROLLER_SHARE: f64 = 0.25;
/// Share of reverse lookups of addresses that are not of the estate. Assumed: with hosts that are
/// not registered, a fifth of all finds nothing.
const UNKNOWN_ADDRESS_SHARE: f64 = 0.06;

/// Services that netlogon registers, with their ports: \[MS-ADTS\] section 6.3.2.3.
const SERVICES: [(&str, u16); 4] =
    [("_ldap._tcp", 389), ("_kerberos._tcp", 88), ("_kpasswd._udp", 464), ("_gc._tcp", 3268)];

/// Zone of the private addresses that homes use, RFC 6303 section 4.1.
static PRIVATE_ZONE: LazyLock<NameBuf> =
    LazyLock::new(|| NameBuf::from_text("168.192.in-addr.arpa").expect("it is a name"));

/// Who has a name in the domain.
#[derive(Debug, Clone, Copy)]
enum Host {
    Client(u32),
    Controller(usize),
}

/// A client asks for the address of a host of the domain, or for a service.
pub fn lookup(stage: &mut Stage<'_>) {
    let drawn = stage.random.unit();
    if drawn < SRV_SHARE {
        return service(stage);
    }
    let kind = if drawn < SRV_SHARE + AAAA_SHARE { AAAA } else { A };
    let host = if stage.random.chance(CONTROLLER_SHARE) {
        let count = stage.cast.estate.domain_controllers().len();
        Host::Controller(stage.random.below(u32::try_from(count).unwrap_or(u32::MAX)) as usize)
    } else {
        Host::Client(stage.some_server())
    };
    let text = match host {
        Host::Client(client) => stage.cast.dns_name(client),
        Host::Controller(dc) => stage.cast.dc_dns_name(dc),
    };
    let Ok(name) = NameBuf::from_text(&text) else { return };
    let (v4, v6) = addresses(stage, host);
    let is_there = if kind == A { v4.is_some() } else { v6.is_some() };
    // Only an answer without records needs it.
    let zone = (!is_there).then(|| Zone::of_domain(stage));
    let fill = |sheet: &mut Sheet| match (kind, v4, v6, &zone) {
        (A, Some(v4), ..) => put(sheet, Section::Answer, &name, HOST_TTL_SECONDS, Data::A(v4)),
        (AAAA, _, Some(v6), _) => {
            put(sheet, Section::Answer, &name, HOST_TTL_SECONDS, Data::Aaaa(v6));
        }
        (.., Some(zone)) => zone.put_soa(sheet, Section::Authority),
        _ => {}
    };
    stage.with_sheet(|stage, sheet| {
        // Some resolvers never use UDP.
        if stage.random.chance(stage.knob(Knob::DnsTcpShare)) {
            let asked = Asked::by_client(stage, &name, kind);
            asked.over_tcp(stage, sheet, ANSWER | AUTHORITY, fill);
        } else {
            exchange(stage, sheet, (&name, kind), ANSWER | AUTHORITY, fill);
        }
    });
}

/// A client asks who offers a service, as applications do.
fn service(stage: &mut Stage<'_>) {
    let drawn = stage.random.below(4) as usize;
    let Some((prefix, port)) = SERVICES.get(drawn).copied() else { return };
    let all: Vec<usize> = (0..stage.cast.estate.domain_controllers().len()).collect();
    offered(stage, prefix, port, &all);
}

/// A client asks for SRV records of `prefix` in the domain, which name the `controllers`.
pub fn offered(stage: &mut Stage<'_>, prefix: &str, port: u16, controllers: &[usize]) {
    let text = format!("{prefix}.{}", stage.cast.forest.dns_name);
    let Ok(name) = NameBuf::from_text(&text) else { return };
    let hosts: Vec<(NameBuf, usize)> = controllers
        .iter()
        .filter_map(|dc| Some((NameBuf::from_text(&stage.cast.dc_dns_name(*dc)).ok()?, *dc)))
        .collect();
    // Round robin: the server turns the list with each answer.
    let turn = stage.random.below(u32::try_from(hosts.len()).unwrap_or(u32::MAX)) as usize;
    let zone = hosts.is_empty().then(|| Zone::of_domain(stage));
    let flags = ANSWER | AUTHORITY | if hosts.is_empty() { NXDOMAIN } else { 0 };
    let turned = || hosts.iter().cycle().skip(turn).take(hosts.len());
    let cast = stage.cast;
    let fill = |sheet: &mut Sheet| {
        let head = SrvHead { priority: SRV_PRIORITY, weight: SRV_WEIGHT, port };
        for (host, _) in turned() {
            let data = Data::Srv(head, host.name());
            put(sheet, Section::Answer, &name, SERVICE_TTL_SECONDS, data);
        }
        if let Some(zone) = &zone {
            zone.put_soa(sheet, Section::Authority);
        }
        for (host, dc) in turned() {
            for address in controller_addresses(cast, *dc) {
                let data = match address {
                    IpAddr::V4(v4) => Data::A(*v4),
                    IpAddr::V6(v6) => Data::Aaaa(*v6),
                };
                put(sheet, Section::Additional, host, HOST_TTL_SECONDS, data);
            }
        }
    };
    stage.with_sheet(|stage, sheet| exchange(stage, sheet, (&name, SRV), flags, fill));
}

/// A client asks for a name that the domain does not have.
pub fn missing(stage: &mut Stage<'_>, label: &str, kind: u16) {
    let text = format!("{label}.{}", stage.cast.forest.dns_name);
    let Ok(name) = NameBuf::from_text(&text) else { return };
    let zone = Zone::of_domain(stage);
    let fill = |sheet: &mut Sheet| zone.put_soa(sheet, Section::Authority);
    let flags = ANSWER | AUTHORITY | NXDOMAIN;
    stage.with_sheet(|stage, sheet| exchange(stage, sheet, (&name, kind), flags, fill));
}

/// A client asks for the name of an address.
pub fn reverse(stage: &mut Stage<'_>) {
    if stage.random.chance(UNKNOWN_ADDRESS_SHARE) {
        return stranger(stage);
    }
    let host = if stage.random.chance(0.5) {
        stage.some_server()
    } else {
        let count = u32::try_from(stage.cast.clients.len()).unwrap_or(u32::MAX);
        stage.random.below(count)
    };
    let address = stage.cast.client(host).v4;
    let name = NameBuf::reverse(address.into());
    let Ok(target) = NameBuf::from_text(&stage.cast.dns_name(host)) else { return };
    let [first, ..] = address.octets();
    let Ok(zone_name) = NameBuf::from_text(&format!("{first}.in-addr.arpa")) else { return };
    let zone = Zone::of_directory(stage, &zone_name);
    let is_known = stage.cast.has_pointer(host);
    let fill = |sheet: &mut Sheet| match is_known {
        true => put(sheet, Section::Answer, &name, HOST_TTL_SECONDS, Data::Ptr(target.name())),
        false => zone.put_soa(sheet, Section::Authority),
    };
    let flags = ANSWER | AUTHORITY | if is_known { 0 } else { NXDOMAIN };
    stage.with_sheet(|stage, sheet| exchange(stage, sheet, (&name, PTR), flags, fill));
}

/// An address of a private network that is not of the estate: what a laptop brings along from
/// home. The zone is there, as RFC 6303 section 4.1 recommends, and empty.
fn stranger(stage: &mut Stage<'_>) {
    let drawn = stage.random.next_u64().to_be_bytes();
    let [third, fourth, ..] = drawn;
    let name = NameBuf::reverse(Ipv4Addr::new(192, 168, third, fourth).into());
    let zone = Zone::of_directory(stage, &PRIVATE_ZONE);
    let fill = |sheet: &mut Sheet| zone.put_soa(sheet, Section::Authority);
    let flags = ANSWER | AUTHORITY | NXDOMAIN;
    stage.with_sheet(|stage, sheet| exchange(stage, sheet, (&name, PTR), flags, fill));
}

/// Addresses as they are registered.
fn addresses(stage: &Stage<'_>, host: Host) -> (Option<Ipv4Addr>, Option<Ipv6Addr>) {
    match host {
        Host::Client(client) => {
            let client = stage.cast.client(client);
            (Some(client.v4), client.v6)
        }
        Host::Controller(dc) => {
            let all = controller_addresses(stage.cast, dc);
            let v4 = all.iter().find_map(|address| match address {
                IpAddr::V4(v4) => Some(*v4),
                IpAddr::V6(_) => None,
            });
            let v6 = all.iter().find_map(|address| match address {
                IpAddr::V6(v6) => Some(*v6),
                IpAddr::V4(_) => None,
            });
            (v4, v6)
        }
    }
}

fn controller_addresses(cast: &crate::synth::Cast, dc: usize) -> &[IpAddr] {
    cast.estate.domain_controllers().get(dc).map_or(&[], |dc| &dc.addresses)
}
