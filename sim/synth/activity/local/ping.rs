//! The question over CLDAP what a domain controller is: \[MS-ADTS\] sections 6.3.1 and 6.3.3.

use crate::base::Random;
use crate::proto::ldap::filter::{Comparison, Filter, Part, Set};
use crate::proto::ldap::form::{Form, List};
use crate::proto::ldap::netlogon::{RESPONSE_EX, Response};
use crate::proto::ldap::{Attribute, Entry, Message, Operation, Outcome, SearchRequest};
use crate::proto::{self, Id, Kind, Side};
use crate::synth::{Cast, Stage, Words};
use crate::wire::Writer;

/// Port of CLDAP, \[MS-ADTS\] section 6.3.3.
const PORT: u16 = 389;
/// NETLOGON_NT_VERSION of `DsGetDcName`, \[MS-ADTS\] section 6.3.1.1: 5, 5EX, 5EX_WITH_CLOSEST_SITE
/// and IP; as Windows asks.
const ASKED_VERSION: u32 = 0x2000_0016;
/// The same of an answer: 1 and 5EX.
const ANSWERED_VERSION: u32 = 0x5;
/// DS_FLAG, \[MS-ADTS\] section 6.3.1.2: global catalog, LDAP, directory, key distribution, time,
/// writable, good time, full secrets, web service, Windows Server 2012, 2012 R2, 2016.
const FLAGS: u32 = 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x1000 | 0xe000 | 0x1_0000;
/// PDC emulator.
const PDC: u32 = 0x1;
/// In the site of who asks.
const CLOSEST: u32 = 0x80;
/// Label of the stream that the domain's GUID comes from.
const GUID_LABEL: u64 = 0x6775_6964;
/// Share of pings that name the computer's account: netlogon's own, as for its secure channel.
/// Assumed.
const ACCOUNT_SHARE: f64 = 0.3;
/// ADS_UF_WORKSTATION_TRUST_ACCOUNT in the numbers of \[MS-SAMR\] section 2.2.1.12.
const WORKSTATION_ACCOUNT: [u8; 4] = [0x80, 0, 0, 0];

/// Numbers of the operations, RFC 4511 appendix B.
const SEARCH: u32 = 3;
const ENTRY: u32 = 4;
const DONE: u32 = 5;

/// A client asks a domain controller over CLDAP what it is.
pub fn ping(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let mut flow = stage.to_dc(PORT);
    let host = cast.host_name(stage.item.client).to_uppercase();
    let account = stage.random.chance(ACCOUNT_SHARE).then(|| format!("{host}$"));
    // Counts the searches of a process: small.
    let id = 1 + stage.random.below(60);
    let version = ASKED_VERSION.to_le_bytes();
    let asked = stage.datagram(&mut flow, Side::Client, |w| {
        let mut parts = vec![
            Part::Open(Set::And),
            equal(b"DnsDomain", cast.forest.dns_name.as_bytes()),
            equal(b"Host", host.as_bytes()),
        ];
        if let Some(account) = &account {
            parts.push(equal(b"User", account.as_bytes()));
            parts.push(equal(b"AAC", &WORKSTATION_ACCOUNT));
        }
        parts.push(equal(b"NtVer", &version));
        emit(id, Operation::SearchRequest(search(&parts)), w);
        Ok(())
    });
    stage.told(Id::Cldap, SEARCH, false);
    let value = answer_of(cast, stage.item.client);
    stage.datagram(&mut flow, Side::Server, |w| {
        let values: &[&[u8]] = &[&value];
        let attributes = [Attribute { name: b"Netlogon", values: List::Items(values) }];
        let entry = Entry { name: b"", attributes: List::Items(&attributes) };
        emit(id, Operation::SearchResultEntry(entry), w);
        emit(id, Operation::SearchResultDone(Outcome::new(0)), w);
        Ok(())
    });
    stage.told(Id::Cldap, ENTRY, true);
    stage.told(Id::Cldap, DONE, true);
    stage.did(&flow, asked, Kind::NetlogonPing, proto::Outcome::Success, || {
        let user = account.map_or_else(String::new, |account| format!(" User={account}"));
        let (controller, site) = (cast.dc_dns_name(cast.dc), site_of_dc(cast));
        let detail =
            format!("NtVer={ASKED_VERSION:#x} Host={host}{user} DC={controller} Site={site}");
        let target = Some(cast.forest.dns_name.clone());
        Words { target, detail: Some(detail), ..Words::default() }
    });
}

fn search<'a>(parts: &'a [Part<'a>]) -> SearchRequest<'a> {
    SearchRequest {
        base: b"",
        scope: 0,
        aliases: 0,
        size_limit: 0,
        time_limit_seconds: 0,
        types_only: false,
        filter: Filter::Parts(parts),
        attributes: List::Items(&[b"Netlogon"]),
    }
}

const fn equal<'a>(attribute: &'a [u8], value: &'a [u8]) -> Part<'a> {
    Part::Compare { by: Comparison::Equal, attribute, value }
}

fn emit(id: u32, operation: Operation<'_>, w: &mut Writer<'_>) {
    Message { form: Form::Windows, id, operation, controls: None }.emit(w);
}

/// What the domain controller says of itself to `client`.
fn answer_of(cast: &Cast, client: u32) -> Vec<u8> {
    let estate = &cast.estate;
    let site = site_of_dc(cast);
    let client_site = estate.sites().get(cast.client(client).site as usize);
    let client_site = client_site.map_or("", |site| site.name.as_str());
    let controller = estate.domain_controllers().get(cast.dc);
    let is_pdc = controller.is_some_and(|dc| dc.roles.pdc_emulator);
    let flags =
        FLAGS | if is_pdc { PDC } else { 0 } | if site == client_site { CLOSEST } else { 0 };
    let mut domain_guid = [0; 16];
    Random::fork(cast.seed, GUID_LABEL).fill(&mut domain_guid);
    let (host, computer) = (cast.dc_dns_name(cast.dc), cast.dc_name(cast.dc).to_uppercase());
    let response = Response {
        opcode: RESPONSE_EX,
        flags,
        domain_guid,
        names: [
            split(&cast.forest.dns_name),
            split(&cast.forest.dns_name),
            split(&host),
            vec![cast.forest.netbios_name.as_bytes()],
            vec![computer.as_bytes()],
            Vec::new(),
            vec![site.as_bytes()],
            vec![client_site.as_bytes()],
        ],
        address: None,
        next_closest_site: None,
        version: ANSWERED_VERSION,
    };
    let mut out = Vec::new();
    response.emit(&mut Writer::new(&mut out));
    out
}

fn split(name: &str) -> Vec<&[u8]> {
    name.split('.').map(str::as_bytes).collect()
}

fn site_of_dc(cast: &Cast) -> &str {
    let controller = cast.estate.domain_controllers().get(cast.dc);
    let site = controller.and_then(|dc| cast.estate.sites().get(dc.site?));
    site.map_or("", |site| site.name.as_str())
}
