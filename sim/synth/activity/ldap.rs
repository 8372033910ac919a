//! LDAP: connections that bind and search, pooled ones of applications, devices that register.

mod connection;
mod directory;
mod ntlm;
mod policy;
mod pool;
mod tls;

pub use pool::{Pool, idle};

use connection::{Connection, PORT, Protection};
use directory::{Names, ROOT_ATTRIBUTES, attribute, entry};
use tls::Secure;

use crate::base::Random;
use crate::estate::{Knob, PopulationKind};
use crate::proto::ldap::filter::{Comparison, Filter, Part, Set};
use crate::proto::ldap::form::List;
use crate::proto::ldap::{Attribute, Change, Entry, Operation, Outcome as Result, SearchRequest};
use crate::proto::{Id, Side};
use crate::synth::tickets::{Who, guid};
use crate::synth::{Close, Stage};

/// Port of LDAP inside TLS, \[MS-ADTS\] 5.1.1.2.
const TLS_PORT: u16 = 636;
/// Extended operation that begins TLS, RFC 4511 section 4.14.1.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Share of connections inside TLS that begin in the clear. Assumed.
const START_TLS_SHARE: f64 = 0.1;
/// Searches of a connection where nobody says how many, at most. Assumed.
const SEARCHES_MAX: u32 = 4;
/// Bytes of a search in the clear: 84 to 285 with a signature's 32 were measured.
const REQUEST_LEAST: f64 = 52.0;
const REQUEST_MOST: f64 = 253.0;
/// Longest result of a search, in bytes: what the longest heavy tail was cut at.
const RESULT_MAX: f64 = 400_000.0;
/// Least bytes of a result: an entry without attributes, and the end.
const RESULT_LEAST: f64 = 50.0;
/// Bytes of the aggregated schema; 305 kB were measured, extensions make it longer.
const SCHEMA_LEAST: f64 = 305_000.0;
const SCHEMA_MOST: f64 = 420_000.0;
/// Bytes of the search for it: a single object, four attributes.
const SCHEMA_REQUEST: usize = 190;
/// Share of binds with a password in the clear, or with NTLM, that are refused. Assumed.
const REFUSED_SHARE: f64 = 0.05;
/// Share of searches that people's programs do, not their computers' services. Assumed.
const PERSON_SHARE: f64 = 0.5;
/// Seconds that a search may take at most.
const TIME_LIMIT_SECONDS: u32 = 120;
/// Object for the registration of devices, \[MS-DVRD\] and Microsoft's hybrid join.
const REGISTRATION: &str =
    "CN=62a0ff2e-97b9-4513-943f-0d221bd30080,CN=Device Registration Configuration,CN=Services";
/// Account control of a new computer: workstation, no password yet, \[MS-ADTS\] 2.2.16.
const NEW_COMPUTER: &[u8] = b"4128";

/// A connection with a SASL bind and sealed searches; argument: searches.
pub fn connection(stage: &mut Stage<'_>) {
    let who = whose(stage);
    let count = match stage.item.argument {
        0 => 1 + stage.random.below(SEARCHES_MAX),
        count => count,
    };
    let mut connection = opened(stage);
    bound(stage, &mut connection, who);
    for _ in 0..count {
        if connection.is_readable() {
            let about = stage.some_server();
            find_computer(stage, &mut connection, about);
        } else {
            let (request, answer) = (request_bytes(stage), result_bytes(stage));
            connection.sealed_search(stage, request, answer);
        }
    }
    connection.unbind(stage);
}

/// A connection that has asked the root what there is, as ADSI does first.
fn opened(stage: &mut Stage<'_>) -> Connection {
    let mut connection = Connection::open(stage, PORT);
    let names = Names::new(stage.cast);
    let filter = [Part::Present(b"objectclass")];
    let request = SearchRequest {
        base: b"",
        scope: 0,
        aliases: 0,
        size_limit: 0,
        time_limit_seconds: TIME_LIMIT_SECONDS,
        types_only: false,
        filter: Filter::Parts(&filter),
        attributes: List::Items(&ROOT_ATTRIBUTES),
    };
    directory::with_root(stage.cast, &names, |root| {
        connection.search(stage, &request, None, &[root]);
    });
    connection
}

/// Binds with a ticket; sealed or signed by chance.
fn bound(stage: &mut Stage<'_>, connection: &mut Connection, who: Who) {
    let is_sealed = stage.random.chance(stage.knob(Knob::LdapSealedShare));
    let protection = if is_sealed { Protection::Sealed } else { Protection::Signed };
    connection.bind(stage, who, protection);
}

fn whose(stage: &mut Stage<'_>) -> Who {
    let kind = stage.cast.population(stage.item.client).map(|population| population.kind);
    let is_server = matches!(
        kind,
        Some(
            PopulationKind::MemberServer | PopulationKind::NtlmServer | PopulationKind::Application
        )
    );
    let is_person = !is_server && stage.random.chance(PERSON_SHARE);
    if is_person { Who::Person } else { Who::Computer }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between a few bytes and half a megabyte"
)]
fn request_bytes(stage: &mut Stage<'_>) -> usize {
    stage.random.between(REQUEST_LEAST, REQUEST_MOST) as usize
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between a few bytes and half a megabyte"
)]
fn result_bytes(stage: &mut Stage<'_>) -> usize {
    let (median, sigma) = (stage.knob(Knob::LdapResultBytes), stage.knob(Knob::LdapResultSigma));
    stage.random.lognormal(median, sigma).clamp(RESULT_LEAST, RESULT_MAX) as usize
}

fn search<'a>(base: &'a str, filter: &'a [Part<'a>], wanted: &'a [&'a [u8]]) -> SearchRequest<'a> {
    SearchRequest {
        base: base.as_bytes(),
        scope: 2,
        aliases: 0,
        size_limit: 0,
        time_limit_seconds: TIME_LIMIT_SECONDS,
        types_only: false,
        filter: Filter::Parts(filter),
        attributes: List::Items(wanted),
    }
}

const fn equal<'a>(attribute: &'a [u8], value: &'a [u8]) -> Part<'a> {
    Part::Compare { by: Comparison::Equal, attribute, value }
}

/// Looks for the computer of a client by its name.
fn find_computer(stage: &mut Stage<'_>, connection: &mut Connection, about: u32) {
    let cast = stage.cast;
    let names = Names::new(cast);
    let host = cast.dns_name(about);
    let filter = [
        Part::Open(Set::And),
        equal(b"objectCategory", b"computer"),
        equal(b"dNSHostName", host.as_bytes()),
        Part::Close,
    ];
    let wanted: [&[u8]; 3] = [b"distinguishedName", b"sAMAccountName", b"operatingSystem"];
    let object = names.computer(cast, about);
    let account = format!("{}$", cast.host_name(about).to_uppercase());
    let attributes = [
        attribute!(b"distinguishedName", &[object.as_bytes()]),
        attribute!(b"sAMAccountName", &[account.as_bytes()]),
        attribute!(b"operatingSystem", &[b"Windows Server 2022 Standard"]),
    ];
    found_below(
        stage,
        connection,
        &names,
        &search(&names.domain, &filter, &wanted),
        entry(&object, &attributes),
    );
}

/// A search below the domain that finds one entry, and where else the directory goes on.
fn found_below(
    stage: &mut Stage<'_>,
    connection: &mut Connection,
    names: &Names,
    request: &SearchRequest<'_>,
    found: Operation<'_>,
) {
    let elsewhere = names.elsewhere(stage.cast);
    let [a, b, c] = &elsewhere;
    let uris: [&[&[u8]]; 3] = [&[a.as_bytes()], &[b.as_bytes()], &[c.as_bytes()]];
    let [a, b, c] = uris.map(|uris| Operation::SearchResultReference(List::Items(uris)));
    connection.search(stage, request, None, &[found, a, b, c]);
}

/// A connection with a simple bind and a clear search.
///
/// As appliances check passwords: with an account of their own they look for the person, then
/// bind as the person, now and then with a wrong password.
pub fn simple(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let client = stage.item.client;
    let names = Names::new(cast);
    let mut connection = Connection::open(stage, PORT);
    let service = format!("svc-{}@{}", cast.host_name(client), cast.forest.dns_name);
    connection.bind_simple(stage, &service, true);
    let user = cast.user_name(client);
    let filter = [
        Part::Open(Set::And),
        equal(b"objectClass", b"user"),
        equal(b"sAMAccountName", user.as_bytes()),
        Part::Close,
    ];
    let wanted: [&[u8]; 3] = [b"cn", b"mail", b"memberOf"];
    let object = names.person(cast, client);
    let mail = format!("{user}@{}", cast.forest.dns_name);
    let groups = [
        format!("CN=VPN Users,OU=Groups,{}", names.domain),
        format!("CN=Staff,OU=Groups,{}", names.domain),
    ];
    let [first, second] = &groups;
    let groups: &[&[u8]] = &[first.as_bytes(), second.as_bytes()];
    let attributes = [
        attribute!(b"cn", &[user.as_bytes()]),
        attribute!(b"memberOf", groups),
        attribute!(b"mail", &[mail.as_bytes()]),
    ];
    let request = search(&names.domain, &filter, &wanted);
    found_below(stage, &mut connection, &names, &request, entry(&object, &attributes));
    let is_good = !stage.random.chance(REFUSED_SHARE);
    connection.bind_simple(stage, &object, is_good);
    connection.unbind(stage);
}

/// A connection that binds with a ticket and unbinds.
pub fn bind_alone(stage: &mut Stage<'_>) {
    let who = whose(stage);
    let mut connection = Connection::open(stage, PORT);
    connection.bind(stage, who, Protection::Signed);
    connection.unbind(stage);
}

/// A connection that binds with two passwords in the clear and unbinds.
pub fn simple_alone(stage: &mut Stage<'_>) {
    let mut connection = Connection::open(stage, PORT);
    let domain = &stage.cast.forest.dns_name;
    let service = format!("svc-{}@{domain}", stage.cast.host_name(stage.item.client));
    connection.bind_simple(stage, &service, true);
    let user = format!("{}@{domain}", stage.cast.user_name(stage.item.client));
    let is_good = !stage.random.chance(REFUSED_SHARE);
    connection.bind_simple(stage, &user, is_good);
    connection.unbind(stage);
}

/// A connection that binds with NTLM.
pub fn ntlm(stage: &mut Stage<'_>) {
    let mut connection = Connection::open(stage, PORT);
    let is_good = !stage.random.chance(REFUSED_SHARE);
    ntlm::bind(stage, &mut connection, is_good);
    if is_good {
        let (request, answer) = (request_bytes(stage), result_bytes(stage));
        connection.sealed_search(stage, request, answer);
    }
    connection.unbind(stage);
}

/// A connection inside TLS.
pub fn tls(stage: &mut Stage<'_>) {
    let mut secure = if stage.random.chance(START_TLS_SHARE) {
        let tcp = start_tls(stage);
        Secure::open(stage, tcp, Id::Tls)
    } else {
        let flow = stage.to_dc(TLS_PORT);
        let tcp = stage.connect(flow);
        Secure::open(stage, tcp, Id::Ldaps)
    };
    // A simple bind, and some searches.
    secure.data(stage, Side::Client, 70);
    secure.data(stage, Side::Server, 22);
    for _ in 0..=stage.random.below(SEARCHES_MAX) {
        let (request, answer) = (request_bytes(stage), result_bytes(stage));
        secure.data(stage, Side::Client, request);
        secure.data(stage, Side::Server, answer);
    }
    let tcp = secure.close(stage);
    stage.close(tcp, Close::Client);
}

/// A connection whose other messages will be inside TLS.
fn start_tls(stage: &mut Stage<'_>) -> crate::synth::Tcp {
    let mut connection = Connection::open(stage, PORT);
    let request = Operation::ExtendedRequest { name: START_TLS, value: None };
    connection.ask(stage, request, None);
    let name = Some(START_TLS);
    let answer = Operation::ExtendedResponse { outcome: Result::new(0), name, value: None };
    connection.answer(stage, &[answer]);
    *connection.tcp()
}

/// A search of an application on its pooled connection.
pub fn application(stage: &mut Stage<'_>) {
    let (request, answer) = (request_bytes(stage), result_bytes(stage));
    pool::search(stage, request, answer);
}

/// The schema is read: a very large answer.
pub fn schema(stage: &mut Stage<'_>) {
    let mut connection = opened(stage);
    let who = whose(stage);
    connection.bind(stage, who, Protection::Sealed);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "less than half a megabyte"
    )]
    let answer = stage.random.between(SCHEMA_LEAST, SCHEMA_MOST) as usize;
    connection.sealed_search(stage, SCHEMA_REQUEST, answer);
    connection.unbind(stage);
}

/// The searches for group policy; argument: 0 the computer's, 1 the person's.
pub fn policies(stage: &mut Stage<'_>) {
    let is_person = stage.item.argument != 0;
    let who = if is_person { Who::Person } else { Who::Computer };
    let mut connection = opened(stage);
    bound(stage, &mut connection, who);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the estate is checked: some policies"
    )]
    let count = stage.knob(Knob::GpoCount) as u32;
    policy::searches(stage, &mut connection, is_person, count);
    connection.unbind(stage);
}

/// A device looks for where to register, and writes its certificate.
pub fn registration(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let names = Names::new(cast);
    let mut connection = opened(stage);
    bound(stage, &mut connection, Who::Computer);
    let base = format!("{REGISTRATION},{}", names.configuration);
    let filter = [Part::Present(b"objectClass")];
    let wanted: [&[u8]; 1] = [b"keywords"];
    let request = SearchRequest { scope: 0, ..search(&base, &filter, &wanted) };
    let keywords = [
        format!("azureADName:{}", cast.forest.dns_name),
        format!("azureADId:{}", tenant(cast.seed)),
    ];
    let [name, id] = &keywords;
    let attributes = [attribute!(b"keywords", &[name.as_bytes(), id.as_bytes()])];
    connection.search(stage, &request, None, &[entry(&base, &attributes)]);
    let object = names.computer(cast, stage.item.client);
    let mut random = Random::new(stage.random.next_u64());
    let host = cast.host_name(stage.item.client);
    let certificate = tls::issued(&host, &host, &mut random);
    let changes =
        [Change { operation: 0, attribute: attribute!(b"userCertificate", &[&certificate]) }];
    let changes = List::Items(&changes);
    let request = Operation::ModifyRequest { object: object.as_bytes(), changes };
    let answer = Operation::ModifyResponse(Result::new(0));
    connection.change(stage, (request, &object), answer, "modify add:userCertificate");
    connection.unbind(stage);
}

/// Identifier of the tenant in Entra ID.
fn tenant(seed: u64) -> String {
    const LABEL: u64 = 0x7465_6e61 << 32;
    guid(&mut Random::fork(seed, LABEL))
}

/// The Intune connector creates a computer account.
pub fn connector(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let names = Names::new(cast);
    let mut connection = opened(stage);
    bound(stage, &mut connection, Who::Computer);
    // A name of the form that the profile of a tenant says, here a prefix and random letters.
    let name = format!("AP-{:08X}", stage.random.next_u64() >> 32);
    let (account, host) =
        (format!("{name}$"), format!("{}.{}", name.to_lowercase(), cast.forest.dns_name));
    let services = [
        format!("HOST/{host}"),
        format!("RestrictedKrbHost/{host}"),
        format!("HOST/{name}"),
        format!("RestrictedKrbHost/{name}"),
    ];
    let services: Vec<&[u8]> = services.iter().map(|service| service.as_bytes()).collect();
    let object = format!("CN={name},OU=Autopilot,{}", names.domain);
    let attributes: [Attribute<'_>; 5] = [
        attribute!(b"objectClass", &[b"computer"]),
        attribute!(b"sAMAccountName", &[account.as_bytes()]),
        attribute!(b"userAccountControl", &[NEW_COMPUTER]),
        attribute!(b"dNSHostName", &[host.as_bytes()]),
        attribute!(b"servicePrincipalName", &services),
    ];
    let attributes = List::Items(&attributes);
    let request = Operation::AddRequest(Entry { name: object.as_bytes(), attributes });
    let answer = Operation::AddResponse(Result::new(0));
    connection.change(stage, (request, &object), answer, "add");
    connection.unbind(stage);
}
