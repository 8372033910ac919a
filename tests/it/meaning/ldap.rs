//! Facts of ldap: LDAP over TCP and, in datagrams, CLDAP.

use headroom::proto::ldap::{Authentication, Message as Ldap, Operation, Unit, names};
use headroom::proto::{Context, Message, Tally, Utf8};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    signed("operations", 49),
    signed("searches", 13),
    signed("attributes", 27),
    signed("result codes", 18),
];

/// The capture begins behind the bind request.
const fn signed(category: &'static str, surplus: i64) -> Explained {
    Explained {
        file: "PCAP-ATTACK__DCShadow_add_primarygroupid_512_to_std_account.pcapng",
        category,
        value: "*",
        fault: Fault::Theirs,
        surplus,
        why: "tshark looks into a signed buffer only where it saw the bind request. Each of these \
              buffers is a wrap token with flags 04 or 05: bit 1, Sealed, is not set, so that the \
              messages are in the clear (RFC 4121 sections 4.2.2 and 4.2.4). In the captures that \
              have the bind request tshark reads the same tokens as we do",
    }
}

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let (category, message) = match message {
        Message::Ldap(Unit::Sealed(_)) => return facts.add("buffers", "sealed or signed", 1),
        Message::Ldap(Unit::Message(message)) => ("operations", message),
        Message::Cldap(message) => ("datagram operations", message),
        _ => return,
    };
    facts.add(category, names::operation(tally.operation).unwrap(), 1);
    inside(message, facts);
}

fn inside(message: &Ldap<'_>, facts: &mut Facts) {
    if let Some(outcome) = message.operation.outcome() {
        facts.add("result codes", outcome.code, 1);
    }
    match message.operation {
        Operation::SearchRequest(request) => {
            facts.add("searches", format!("{}|{}", Utf8(request.base), request.scope), 1);
            for attribute in request.attributes {
                facts.add("attributes", Utf8(attribute), 1);
            }
        }
        Operation::BindRequest(request) => {
            let (how, mechanism) = match request.authentication {
                Authentication::Simple(_) => ("simple".to_owned(), Utf8(b"")),
                Authentication::Sasl { mechanism, .. } => ("sasl".to_owned(), Utf8(mechanism)),
                Authentication::Other(tag, _) => ((tag & 0x1f).to_string(), Utf8(b"")),
            };
            facts.add("binds", format!("{}|{how}|{mechanism}", Utf8(request.name)), 1);
        }
        _ => {}
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (operation, count) in counts(truth, "/ldap/operations") {
        facts.add("operations", operation, count);
    }
    for (operation, count) in counts(truth, "/cldap/operations") {
        facts.add("datagram operations", operation, count);
    }
    for transport in ["ldap", "cldap"] {
        let at = |what: &str| format!("/{transport}/{what}");
        for (search, count) in rows(truth, &at("searches"), &["base", "scope"]) {
            facts.add("searches", search, count);
        }
        for (bind, count) in rows(truth, &at("binds"), &["name", "auth", "mechanism"]) {
            facts.add("binds", bind, count);
        }
        for (code, count) in counts(truth, &at("result_codes")) {
            facts.add("result codes", code, count);
        }
        for (attribute, count) in counts(truth, &at("search_attributes")) {
            facts.add("attributes", attribute, count);
        }
        let buffers = truth.pointer(&at("sasl_wrapped_buffers")).and_then(Value::as_u64);
        facts.add("buffers", "sealed or signed", buffers.unwrap_or(0));
    }
}
