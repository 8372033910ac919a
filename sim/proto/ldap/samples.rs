//! Messages of every kind, made by hand from the specification with names of our own.

use super::filter::{Comparison, Filter, Part, Set};
use super::form::{Form, List};
use super::message::{
    Attribute, Authentication, BindRequest, BindResponse, Change, Control, Entry, Message,
    Operation, Outcome, RenameRequest, SearchRequest, Secret,
};
use super::netlogon;
use crate::proto::Sample;
use crate::wire::Writer;

const BASE: &[u8] = b"DC=heron,DC=example";
const OBJECT: &[u8] = b"CN=Mart,OU=Reeds,DC=heron,DC=example";
const CREDENTIALS: Option<&[u8]> = Some(b"NTLMSSP\0 token of a mechanism");

/// Paged results, RFC 2696: size 1000, no cookie.
const PAGED: Control<'_> = Control {
    oid: b"1.2.840.113556.1.4.319",
    is_critical: true,
    value: Some(b"\x30\x84\x00\x00\x00\x06\x02\x02\x03\xe8\x04\x00"),
};

fn bytes(form: Form, id: u32, operation: Operation<'_>) -> Vec<u8> {
    encoded(&Message { form, id, operation, controls: None })
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    message.emit(&mut Writer::new(&mut out));
    out
}

fn equal<'a>(attribute: &'a [u8], value: &'a [u8]) -> Part<'a> {
    Part::Compare { by: Comparison::Equal, attribute, value }
}

/// All kinds of messages of a connection.
pub(super) fn ldap() -> Vec<Sample> {
    let mut samples = by_hand();
    samples
        .extend([binds(), searches(), changes(), others()].concat().into_iter().map(Sample::tcp));
    samples
}

/// Written byte by byte, so that nothing of ours made them.
fn by_hand() -> Vec<Sample> {
    // Simple bind with a control.
    let mut bind = b"\x30\x39\x02\x01\x07\x60\x17\x02\x01\x03".to_vec();
    bind.extend(b"\x04\x0aHERON\\mart\x80\x06pa$$w0");
    bind.extend(b"\xa0\x1b\x30\x19\x04\x171.2.840.113556.1.4.1339");
    // Search result as Windows writes it, with lengths in long form throughout.
    let mut done = b"\x30\x84\x00\x00\x00\x16\x02\x02\x01\x2c\x65\x84\x00\x00\x00\x0c".to_vec();
    done.extend(b"\x0a\x01\x04\x04\x02DC\x04\x03big");
    vec![Sample::tcp(bind), Sample::tcp(done), Sample::tcp(*b"\x30\x05\x02\x01\x09\x42\x00")]
}

fn binds() -> Vec<Vec<u8>> {
    let request = |authentication| {
        Operation::BindRequest(BindRequest { version: 3, name: b"", authentication })
    };
    let sasl = Authentication::Sasl { mechanism: b"GSS-SPNEGO", credentials: CREDENTIALS };
    let refused = Outcome {
        code: 49,
        diagnostic: b"80090308: LdapErr: DSID-0C090000, comment: none, data 52e, v4f7c\0",
        ..Outcome::new(0)
    };
    let response =
        |outcome, credentials| Operation::BindResponse(BindResponse { outcome, credentials });
    vec![
        bytes(Form::Windows, 5, request(sasl)),
        bytes(Form::Windows, 5, response(Outcome::new(14), CREDENTIALS)),
        bytes(Form::Windows, 6, response(refused, None)),
        bytes(Form::Windows, 7, request(Authentication::Other(0x8a, b"NTLMSSP\0 token"))),
        bytes(Form::Shortest, 8, request(Authentication::Simple(Secret(b"")))),
    ]
}

fn searches() -> Vec<Vec<u8>> {
    let parts = [
        Part::Open(Set::And),
        equal(b"objectCategory", b"person"),
        Part::Open(Set::Not),
        Part::Present(b"mail"),
        Part::Close,
        Part::Close,
    ];
    let search = Operation::SearchRequest(SearchRequest {
        base: BASE,
        scope: 2,
        aliases: 1,
        size_limit: 1_000,
        time_limit_seconds: 120,
        types_only: true,
        filter: Filter::Parts(&parts),
        attributes: List::Items(&[b"cn", b"objectSid"]),
    });
    let controls = Some(List::Items(&[PAGED]));
    let attributes = [
        Attribute { name: b"cn", values: List::Items(&[b"Mart"]) },
        Attribute { name: b"memberOf", values: List::Items(&[b"CN=Herons", b"CN=Fishers"]) },
    ];
    let entry = Entry { name: OBJECT, attributes: List::Items(&attributes) };
    let uris: &[&[u8]] = &[b"ldap://forest.heron.example/DC=forest,DC=heron,DC=example"];
    let referral = Some(List::Items(uris));
    let done = Outcome { matched: BASE, referral, ..Outcome::new(10) };
    vec![
        encoded(&Message { form: Form::Windows, id: 0x1234, operation: search, controls }),
        bytes(Form::Shortest, 0x1234, search),
        bytes(Form::Windows, 0x1234, Operation::SearchResultEntry(entry)),
        bytes(Form::Windows, 0x1234, Operation::SearchResultReference(List::Items(uris))),
        bytes(Form::Windows, 0x1234, Operation::SearchResultDone(done)),
    ]
}

fn changes() -> Vec<Vec<u8>> {
    let member = Attribute { name: b"member", values: List::Items(&[OBJECT]) };
    let changes = [
        Change { operation: 0, attribute: member },
        Change { operation: 1, attribute: Attribute { name: b"mail", values: List::Items(&[]) } },
    ];
    let rename = RenameRequest {
        object: OBJECT,
        new_name: b"CN=Martin",
        deletes_old: true,
        new_superior: Some(b"OU=Banks,DC=heron,DC=example"),
    };
    let entry = Entry { name: OBJECT, attributes: List::Items(&[member]) };
    let failed = |code| Outcome { diagnostic: b"because", ..Outcome::new(code) };
    [
        Operation::ModifyRequest { object: OBJECT, changes: List::Items(&changes) },
        Operation::ModifyResponse(failed(20)),
        Operation::AddRequest(entry),
        Operation::AddResponse(failed(68)),
        Operation::DeleteRequest(OBJECT),
        Operation::DeleteResponse(failed(66)),
        Operation::RenameRequest(rename),
        Operation::RenameResponse(failed(64)),
        Operation::CompareRequest { object: OBJECT, attribute: b"sn", value: b"Reed" },
        Operation::CompareResponse(failed(6)),
    ]
    .map(|operation| bytes(Form::Windows, 300, operation))
    .to_vec()
}

fn others() -> Vec<Vec<u8>> {
    const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
    const SYNC_INFO: &[u8] = b"1.3.6.1.4.1.4203.1.9.1.4";
    let response = Operation::ExtendedResponse {
        outcome: Outcome { diagnostic: b"go on", ..Outcome::new(0) },
        name: Some(START_TLS),
        value: Some(b"v"),
    };
    [
        Operation::ExtendedRequest { name: START_TLS, value: Some(b"v") },
        response,
        Operation::IntermediateResponse { name: Some(SYNC_INFO), value: Some(b"cookie") },
        Operation::AbandonRequest(0x1234),
    ]
    .map(|operation| bytes(Form::Shortest, 301, operation))
    .to_vec()
}

/// A client looks for a domain controller, \[MS-ADTS\] section 6.3.3.1.
pub(in crate::proto) fn ping() -> Vec<u8> {
    let parts = [
        Part::Open(Set::And),
        equal(b"DnsDomain", b"heron.example"),
        equal(b"Host", b"PERCH"),
        equal(b"NtVer", b"\x16\x00\x00\x20"),
    ];
    let search = SearchRequest {
        base: b"",
        scope: 0,
        aliases: 0,
        size_limit: 1,
        time_limit_seconds: 5,
        types_only: false,
        filter: Filter::Parts(&parts),
        attributes: List::Items(&[b"Netlogon"]),
    };
    bytes(Form::Windows, 3, Operation::SearchRequest(search))
}

/// And is answered, the name of the attribute as it asked for it.
pub(in crate::proto) fn ping_answer() -> Vec<u8> {
    let value = netlogon::sample();
    let values: &[&[u8]] = &[&value];
    let attributes = [Attribute { name: b"Netlogon", values: List::Items(values) }];
    let entry = Entry { name: b"", attributes: List::Items(&attributes) };
    let mut answer = bytes(Form::Windows, 3, Operation::SearchResultEntry(entry));
    answer.extend(bytes(Form::Windows, 3, Operation::SearchResultDone(Outcome::new(0))));
    answer
}
