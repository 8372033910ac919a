//! The searches of group policy, \[MS-GPOL\] 3.2.5.1, as Windows 10 sends them.

use super::connection::Connection;
use super::directory::{Names, attribute, entry, policy_guid, security_descriptor};
use crate::proto::ldap::filter::{Comparison, Filter, Part, Piece, Set};
use crate::proto::ldap::form::List;
use crate::proto::ldap::{Control, Operation, SearchRequest};
use crate::synth::Stage;

/// Controls: no referrals (LDAP_SERVER_DOMAIN_SCOPE_OID), and which parts of a security
/// descriptor are wanted (LDAP_SERVER_SD_FLAGS_OID: all but the audit list), \[MS-ADTS\] 3.1.1.3.4.1.
const DOMAIN_SCOPE: Control<'_> =
    Control { oid: b"1.2.840.113556.1.4.1339", is_critical: false, value: None };
const SD_FLAGS: Control<'_> = Control {
    oid: b"1.2.840.113556.1.4.801",
    is_critical: true,
    value: Some(b"\x30\x84\x00\x00\x00\x03\x02\x01\x07"),
};
/// Matching rule: all these bits, \[MS-ADTS\] 3.1.1.3.4.4.1.
const BIT_AND: &[u8] = b"1.2.840.113556.1.4.803";
/// Seconds that the client waits at most.
const TIME_LIMIT_SECONDS: u32 = 240;
/// Most policies that the client wants.
const POLICIES_MAX: u32 = 65_536;
/// Links of group policy, \[MS-GPOL\] 2.2.2, and where the policies of an object are asked for.
const LINKS: [&[u8]; 2] = [b"gPLink", b"gPOptions"];
const POLICY_ATTRIBUTES: [&[u8]; 11] = [
    b"nTSecurityDescriptor",
    b"gPCFileSysPath",
    b"cn",
    b"displayName",
    b"versionNumber",
    b"gPCFunctionalityVersion",
    b"flags",
    b"gPCMachineExtensionNames",
    b"gPCUserExtensionNames",
    b"objectClass",
    b"gPCWQLFilter",
];
/// Extensions of a policy: registry with its tool, and security, \[MS-GPREG\] 1.9, \[MS-GPSB\] 1.9.
const EXTENSIONS: &[u8] = b"[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}][{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]";

/// The searches for the policies of a computer or person, whose own and whose unit's object are
/// named.
pub fn searches(stage: &mut Stage<'_>, connection: &mut Connection, is_person: bool, count: u32) {
    let names = Names::new(stage.cast);
    let client = stage.item.client;
    let unit = names.unit(stage.cast, client, if is_person { "People" } else { "Computers" });
    let guids: Vec<_> = (0..count.max(1)).map(|number| policy_guid(stage.cast, number)).collect();
    scopes(stage, connection, &names, &unit, &guids);
    configuration(stage, connection, &names);
    site(stage, connection, &names);
    policies(stage, connection, &names, is_person, &guids);
}

fn equal<'a>(attribute: &'a [u8], value: &'a str) -> Part<'a> {
    Part::Compare { by: Comparison::Equal, attribute, value: value.as_bytes() }
}

fn request<'a>(
    base: &'a str,
    scope: u32,
    filter: &'a [Part<'a>],
    attributes: &'a [&'a [u8]],
) -> SearchRequest<'a> {
    SearchRequest {
        base: base.as_bytes(),
        scope,
        aliases: 0,
        size_limit: 0,
        time_limit_seconds: TIME_LIMIT_SECONDS,
        types_only: false,
        filter: Filter::Parts(filter),
        attributes: List::Items(attributes),
    }
}

/// What is linked where: domain and organizational unit. Half of the policies at each.
fn scopes(
    stage: &mut Stage<'_>,
    connection: &mut Connection,
    names: &Names,
    unit: &str,
    guids: &[String],
) {
    let filter = [
        Part::Open(Set::Or),
        equal(b"distinguishedName", unit),
        equal(b"distinguishedName", &names.domain),
        Part::Close,
    ];
    let (at_domain, at_unit) = guids.split_at(guids.len().div_ceil(2));
    let [at_domain, at_unit] = [at_domain, at_unit].map(|guids| {
        let link = |guid: &String| format!("[LDAP://{};0]", names.policy(guid));
        guids.iter().map(link).collect::<String>()
    });
    let values: [&[&[u8]]; 2] = [&[at_domain.as_bytes()], &[at_unit.as_bytes()]];
    let [domain_links, unit_links] = values.map(|values| [attribute!(b"gPLink", values)]);
    let unit_links: &[_] = if at_unit.is_empty() { &[] } else { &unit_links };
    let elsewhere = names.elsewhere(stage.cast);
    let [forest_zones, domain_zones, configuration] = &elsewhere;
    let references: [&[&[u8]]; 3] =
        [&[forest_zones.as_bytes()], &[domain_zones.as_bytes()], &[configuration.as_bytes()]];
    let [a, b, c] = references.map(|uris| Operation::SearchResultReference(List::Items(uris)));
    let found = [entry(&names.domain, &domain_links), entry(unit, unit_links), a, b, c];
    let request = request(&names.domain, 2, &filter, &LINKS);
    connection.search(stage, &request, None, &found);
}

/// Where the configuration is.
fn configuration(stage: &mut Stage<'_>, connection: &mut Connection, names: &Names) {
    let wanted: [&[u8]; 2] = [b"configurationNamingContext", b"nTSecurityDescriptor"];
    let filter = [Part::Present(b"objectClass")];
    let request = SearchRequest { size_limit: 1, ..request("", 0, &filter, &wanted) };
    let value: &[&[u8]] = &[names.configuration.as_bytes()];
    let attributes = [attribute!(b"configurationNamingContext", value)];
    connection.search(stage, &request, Some(&[DOMAIN_SCOPE]), &[entry("", &attributes)]);
}

/// What is linked at the site: nothing.
fn site(stage: &mut Stage<'_>, connection: &mut Connection, names: &Names) {
    let site = names.site(stage.cast, stage.cast.client(stage.item.client).site);
    let filter = [Part::Present(b"objectClass")];
    let request = request(&site, 0, &filter, &LINKS);
    connection.search(stage, &request, None, &[entry(&site, &[])]);
}

/// The policies themselves.
fn policies(
    stage: &mut Stage<'_>,
    connection: &mut Connection,
    names: &Names,
    is_person: bool,
    guids: &[String],
) {
    let extensions: &[u8] =
        if is_person { b"gPCUserExtensionNames" } else { b"gPCMachineExtensionNames" };
    let objects: Vec<String> = guids.iter().map(|guid| names.policy(guid)).collect();
    let disabled: &[u8] = if is_person { b"1" } else { b"2" };
    let mut filter = vec![
        Part::Open(Set::And),
        Part::Open(Set::And),
        Part::Open(Set::Not),
        Part::Extensible {
            rule: Some(BIT_AND),
            attribute: Some(b"flags"),
            value: disabled,
            is_of_name: false,
        },
        Part::Close,
        Part::Substrings {
            attribute: extensions,
            pieces: List::Items(&[Piece::Initial(b"["), Piece::Final(b"]")]),
        },
        Part::Close,
    ];
    let is_list = objects.len() > 1;
    if is_list {
        filter.push(Part::Open(Set::Or));
    }
    filter.extend(objects.iter().map(|object| equal(b"distinguishedName", object)));
    if is_list {
        filter.push(Part::Close);
    }
    filter.push(Part::Close);
    let base = format!("cn=policies,cn=system,{}", names.domain);
    let request = SearchRequest {
        size_limit: POLICIES_MAX,
        ..request(&base, 2, &filter, &POLICY_ATTRIBUTES)
    };
    let policies: Vec<_> = guids.iter().map(|guid| Policy::new(stage, guid)).collect();
    let values: Vec<_> = policies.iter().map(|policy| policy.values(extensions)).collect();
    let attributes: Vec<Vec<_>> = values
        .iter()
        .map(|values| values.iter().map(|(name, values)| attribute!(name, values)).collect())
        .collect();
    let found = objects.iter().zip(&attributes);
    let found: Vec<_> = found.map(|(object, attributes)| entry(object, attributes)).collect();
    connection.search(stage, &request, Some(&[SD_FLAGS, DOMAIN_SCOPE]), &found);
}

/// One policy.
struct Policy<'a> {
    guid: &'a str,
    name: String,
    path: String,
    version: String,
    descriptor: Vec<u8>,
}

impl<'a> Policy<'a> {
    fn new(stage: &Stage<'_>, guid: &'a str) -> Self {
        let dns = &stage.cast.forest.dns_name;
        Self {
            guid,
            name: format!("Policy {}", guid.get(1..9).unwrap_or_default()),
            path: format!("\\\\{dns}\\sysvol\\{dns}\\Policies\\{guid}"),
            version: "65539".to_owned(),
            descriptor: security_descriptor(stage.cast),
        }
    }

    /// Its attributes, as a domain controller sends them.
    fn values(&'a self, extensions: &'a [u8]) -> Vec<(&'a [u8], Vec<&'a [u8]>)> {
        vec![
            (b"objectClass", vec![b"top", b"container", b"groupPolicyContainer"]),
            (b"cn", vec![self.guid.as_bytes()]),
            (b"displayName", vec![self.name.as_bytes()]),
            (b"nTSecurityDescriptor", vec![&self.descriptor]),
            (b"flags", vec![b"0"]),
            (b"versionNumber", vec![self.version.as_bytes()]),
            (b"gPCFunctionalityVersion", vec![b"2"]),
            (b"gPCFileSysPath", vec![self.path.as_bytes()]),
            (extensions, vec![EXTENSIONS]),
        ]
    }
}
