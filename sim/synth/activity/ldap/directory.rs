//! What stands in the directory: names of objects, the root's attributes, policies.

use crate::base::Random;
use crate::proto::ldap::form::List;
use crate::proto::ldap::{Attribute, Entry, Operation};
use crate::synth::Cast;
use crate::synth::tickets::guid;

/// An attribute with these values. A macro, and the list written with a field, so that what the
/// values borrow lives as long as it: that of a call's arguments would not before Rust 1.89.
macro_rules! attribute {
    ($name:expr, $values:expr $(,)?) => {
        crate::proto::ldap::Attribute {
            name: $name,
            values: crate::proto::ldap::form::List::Items { 0: $values },
        }
    };
}
pub(super) use attribute;

/// Attributes of the root that ADSI asks for before it binds, in its order.
pub const ROOT_ATTRIBUTES: [&[u8]; 15] = [
    b"subschemaSubentry",
    b"dsServiceName",
    b"namingContexts",
    b"defaultNamingContext",
    b"schemaNamingContext",
    b"configurationNamingContext",
    b"rootDomainNamingContext",
    b"supportedControl",
    b"supportedLDAPVersion",
    b"supportedLDAPPolicies",
    b"supportedSASLMechanisms",
    b"dnsHostName",
    b"ldapServiceName",
    b"serverName",
    b"supportedCapabilities",
];

/// \[MS-ADTS\] 3.1.1.3.4.3: what a domain controller of Windows Server 2016 and later can do.
const CAPABILITIES: [&[u8]; 6] = [
    b"1.2.840.113556.1.4.800",
    b"1.2.840.113556.1.4.1670",
    b"1.2.840.113556.1.4.1791",
    b"1.2.840.113556.1.4.1935",
    b"1.2.840.113556.1.4.2080",
    b"1.2.840.113556.1.4.2237",
];

/// \[MS-ADTS\] 3.1.1.3.4.6: its policies.
const POLICIES: [&[u8]; 20] = [
    b"MaxPoolThreads",
    b"MaxPercentDirSyncRequests",
    b"MaxDatagramRecv",
    b"MaxReceiveBuffer",
    b"InitRecvTimeout",
    b"MaxConnections",
    b"MaxConnIdleTime",
    b"MaxPageSize",
    b"MaxBatchReturnMessages",
    b"MaxQueryDuration",
    b"MaxDirSyncDuration",
    b"MaxTempTableSize",
    b"MaxResultSetSize",
    b"MinResultSets",
    b"MaxResultSetsPerConn",
    b"MaxNotificationPerConn",
    b"MaxValRange",
    b"MaxValRangeTransitive",
    b"ThreadMemoryLimit",
    b"SystemMemoryLimitPercent",
];

/// \[MS-ADTS\] 3.1.1.3.4.1: its controls.
const CONTROLS: [&[u8]; 40] = [
    b"1.2.840.113556.1.4.319",
    b"1.2.840.113556.1.4.801",
    b"1.2.840.113556.1.4.473",
    b"1.2.840.113556.1.4.528",
    b"1.2.840.113556.1.4.417",
    b"1.2.840.113556.1.4.619",
    b"1.2.840.113556.1.4.841",
    b"1.2.840.113556.1.4.529",
    b"1.2.840.113556.1.4.805",
    b"1.2.840.113556.1.4.521",
    b"1.2.840.113556.1.4.970",
    b"1.2.840.113556.1.4.1338",
    b"1.2.840.113556.1.4.474",
    b"1.2.840.113556.1.4.1339",
    b"1.2.840.113556.1.4.1340",
    b"1.2.840.113556.1.4.1413",
    b"2.16.840.1.113730.3.4.9",
    b"2.16.840.1.113730.3.4.10",
    b"1.2.840.113556.1.4.1504",
    b"1.2.840.113556.1.4.1852",
    b"1.2.840.113556.1.4.802",
    b"1.2.840.113556.1.4.1907",
    b"1.2.840.113556.1.4.1948",
    b"1.2.840.113556.1.4.1974",
    b"1.2.840.113556.1.4.1341",
    b"1.2.840.113556.1.4.2026",
    b"1.2.840.113556.1.4.2064",
    b"1.2.840.113556.1.4.2065",
    b"1.2.840.113556.1.4.2066",
    b"1.2.840.113556.1.4.2090",
    b"1.2.840.113556.1.4.2205",
    b"1.2.840.113556.1.4.2204",
    b"1.2.840.113556.1.4.2206",
    b"1.2.840.113556.1.4.2211",
    b"1.2.840.113556.1.4.2239",
    b"1.2.840.113556.1.4.2255",
    b"1.2.840.113556.1.4.2256",
    b"1.2.840.113556.1.4.2309",
    b"1.2.840.113556.1.4.2330",
    b"1.2.840.113556.1.4.2354",
];

/// Names of the containers that everything lies in.
#[derive(Debug, Clone)]
pub struct Names {
    /// `DC=corp,DC=example`.
    pub domain: String,
    /// The configuration's.
    pub configuration: String,
    /// The schema's.
    pub schema: String,
}

impl Names {
    /// Those of the forest.
    pub fn new(cast: &Cast) -> Self {
        let mut domain = String::with_capacity(64);
        for label in cast.forest.dns_name.split('.') {
            domain.push_str(if domain.is_empty() { "DC=" } else { ",DC=" });
            domain.push_str(label);
        }
        let configuration = format!("CN=Configuration,{domain}");
        let schema = format!("CN=Schema,{configuration}");
        Self { domain, configuration, schema }
    }

    /// A site, by index in the estate.
    pub fn site(&self, cast: &Cast, site: u32) -> String {
        let name = cast.estate.sites().get(site as usize).map_or("", |site| site.name.as_str());
        // A name with a comma or plus sign would need escapes, RFC 4514 section 2.4.
        let name = name.replace(['\\', ',', '+', '"', '<', '>', ';', '='], "-");
        format!("CN={name},CN=Sites,{}", self.configuration)
    }

    /// The computer of a client: workstations in one organizational unit, others in theirs.
    pub fn computer(&self, cast: &Cast, client: u32) -> String {
        let name = cast.host_name(client).to_uppercase();
        format!("CN={name},{}", self.unit(cast, client, "Computers"))
    }

    /// The person at a client.
    pub fn person(&self, cast: &Cast, client: u32) -> String {
        format!("CN={},{}", cast.user_name(client), self.unit(cast, client, "People"))
    }

    /// The organizational unit of a population.
    pub fn unit(&self, cast: &Cast, client: u32, kind: &str) -> String {
        let population = cast.client(client).population.unwrap_or(0);
        format!("OU={kind} {population},{}", self.domain)
    }

    /// A group policy object.
    pub fn policy(&self, guid: &str) -> String {
        format!("CN={guid},CN=Policies,CN=System,{}", self.domain)
    }

    /// Where else the directory goes on below the domain: what follows each search from there.
    pub fn elsewhere(&self, cast: &Cast) -> [String; 3] {
        let (dns, Self { domain, configuration, .. }) = (&cast.forest.dns_name, self);
        [
            format!("ldap://ForestDnsZones.{dns}/DC=ForestDnsZones,{domain}"),
            format!("ldap://DomainDnsZones.{dns}/DC=DomainDnsZones,{domain}"),
            format!("ldap://{dns}/{configuration}"),
        ]
    }
}

/// GUID of a group policy object, by its number: the first two are those of every domain
/// (\[MS-GPOD\] 1.1.3).
pub fn policy_guid(cast: &Cast, number: u32) -> String {
    const LABEL: u64 = 0x6770_6f00 << 32;
    match number {
        0 => return "{31B2F340-016D-11D2-945F-00C04FB984F9}".to_owned(),
        1 => return "{6AC1786C-016F-11D2-945F-00C04FB984F9}".to_owned(),
        _ => {}
    }
    let guid = guid(&mut Random::fork(cast.seed, LABEL | u64::from(number)));
    format!("{{{}}}", guid.to_uppercase())
}

/// An object that was found.
pub fn entry<'a>(name: &'a str, attributes: &'a [Attribute<'a>]) -> Operation<'a> {
    let attributes = List::Items(attributes);
    Operation::SearchResultEntry(Entry { name: name.as_bytes(), attributes })
}

/// Lends the root with the [attributes](ROOT_ATTRIBUTES) that it shows to everybody, in the order
/// in which a domain controller sends them.
pub fn with_root<R>(cast: &Cast, names: &Names, use_it: impl FnOnce(Operation<'_>) -> R) -> R {
    let site = cast.estate.domain_controllers().get(cast.dc).and_then(|dc| dc.site).unwrap_or(0);
    let site = names.site(cast, u32::try_from(site).unwrap_or(0));
    let host = cast.dc_name(cast.dc);
    let server = format!("CN={},CN=Servers,{site}", host.to_uppercase());
    let service = format!("CN=NTDS Settings,{server}");
    let aggregate = format!("CN=Aggregate,{}", names.schema);
    let dns_host = cast.dc_dns_name(cast.dc);
    let account = format!("{}:{host}$@{}", cast.forest.dns_name, cast.realm());
    let zones = [
        format!("DC=DomainDnsZones,{}", names.domain),
        format!("DC=ForestDnsZones,{}", names.domain),
    ];
    let [domain_zones, forest_zones] = &zones;
    let domain: &[&[u8]] = &[names.domain.as_bytes()];
    let contexts: &[&[u8]] = &[
        names.domain.as_bytes(),
        names.configuration.as_bytes(),
        names.schema.as_bytes(),
        domain_zones.as_bytes(),
        forest_zones.as_bytes(),
    ];
    let attributes = [
        attribute!(b"supportedCapabilities", &CAPABILITIES),
        attribute!(b"serverName", &[server.as_bytes()]),
        attribute!(b"ldapServiceName", &[account.as_bytes()]),
        attribute!(b"dnsHostName", &[dns_host.as_bytes()]),
        attribute!(
            b"supportedSASLMechanisms",
            &[b"GSSAPI", b"GSS-SPNEGO", b"EXTERNAL", b"DIGEST-MD5"],
        ),
        attribute!(b"supportedLDAPPolicies", &POLICIES),
        attribute!(b"supportedLDAPVersion", &[b"3", b"2"]),
        attribute!(b"supportedControl", &CONTROLS),
        attribute!(b"rootDomainNamingContext", domain),
        attribute!(b"configurationNamingContext", &[names.configuration.as_bytes()]),
        attribute!(b"schemaNamingContext", &[names.schema.as_bytes()]),
        attribute!(b"defaultNamingContext", domain),
        attribute!(b"namingContexts", contexts),
        attribute!(b"dsServiceName", &[service.as_bytes()]),
        attribute!(b"subschemaSubentry", &[aggregate.as_bytes()]),
    ];
    use_it(entry("", &attributes))
}

/// A security descriptor, self-relative, \[MS-DTYP\] 2.4.6: owner and group the administrators of
/// the domain, and an access list as every policy has it.
pub fn security_descriptor(cast: &Cast) -> Vec<u8> {
    /// Relative identifiers: domain admins, enterprise admins, creator of the list.
    const DOMAIN_ADMINS: u32 = 512;
    const ENTERPRISE_ADMINS: u32 = 519;
    /// Read and list, and everything, \[MS-ADTS\] 5.1.3.2.
    const READ: u32 = 0x0002_0094;
    const ALL: u32 = 0x000f_00ff;
    let authenticated = sid(5, &[11]);
    let system = sid(5, &[18]);
    let controllers = sid(5, &[9]);
    let [admins, enterprise] = [DOMAIN_ADMINS, ENTERPRISE_ADMINS].map(|rid| domain_sid(cast, rid));
    let entries = [
        (&admins, ALL),
        (&enterprise, ALL),
        (&system, ALL),
        (&authenticated, READ),
        (&controllers, READ),
    ];
    let mut list = Vec::new();
    for (who, mask) in entries {
        // Access allowed, inherited by containers.
        list.extend([0, 2]);
        list.extend(u16::try_from(8 + who.len()).unwrap_or(0).to_le_bytes());
        list.extend(mask.to_le_bytes());
        list.extend(who);
    }
    // Self-relative, protected, with an access list.
    let mut bytes = vec![1, 0, 0x04, 0x94];
    let owner = 20 + 8 + list.len();
    for offset in [owner, owner + admins.len(), 0, 20] {
        bytes.extend(u32::try_from(offset).unwrap_or(0).to_le_bytes());
    }
    bytes.extend([4, 0]);
    bytes.extend(u16::try_from(8 + list.len()).unwrap_or(0).to_le_bytes());
    bytes.extend([5, 0, 0, 0]);
    bytes.extend(list);
    bytes.extend(&admins);
    bytes.extend(&admins);
    bytes
}

/// A security identifier of the domain.
pub fn domain_sid(cast: &Cast, relative: u32) -> Vec<u8> {
    const LABEL: u64 = 0x7369_6400 << 32;
    let mut random = Random::fork(cast.seed, LABEL);
    let mut part = || (random.next_u64() >> 32) as u32;
    sid(5, &[21, part(), part(), part(), relative])
}

/// \[MS-DTYP\] 2.4.2.2.
fn sid(authority: u8, parts: &[u32]) -> Vec<u8> {
    let mut bytes = vec![1, u8::try_from(parts.len()).unwrap_or(0), 0, 0, 0, 0, 0, authority];
    parts.iter().for_each(|part| bytes.extend(part.to_le_bytes()));
    bytes
}
