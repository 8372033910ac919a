//! Facts of Kerberos: messages of the KDC with their names and numbers, and messages inside
//! GSS-API tokens of other protocols by type.

use headroom::proto::kerberos::{Message as Krb, Packet};
use headroom::proto::{Context, Id, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    Explained {
        file: "nDPI__kerberos.pcap",
        category: "in GSS-API",
        value: "AP-REP",
        fault: Fault::Theirs,
        surplus: 16,
        why: NO_BEGINNING,
    },
    Explained {
        file: "PCAP-ATTACK__DCShadow_add_primarygroupid_512_to_std_account.pcapng",
        category: "in GSS-API",
        value: "AP-REP",
        fault: Fault::Theirs,
        surplus: 3,
        why: NO_BEGINNING,
    },
];

/// RFC 4178 section 4.2.2, RFC 4120 section 5.5.2.
const NO_BEGINNING: &str = "the client's first token was not captured, so tshark leaves the \
    responseToken undissected; each has the bytes `a0 03 02 01 05 a1 03 02 01 0f` (pvno 5, \
    msg-type 15) behind the tag of an AP-REP (6f), in SMB, LDAP and RPC alike";

/// Our facts of one message.
pub fn collect(context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let Message::Kerberos(Packet::Message(message)) = message else { return };
    let kind = Id::Kerberos.operation(tally.operation).unwrap();
    // tshark's script has no name for the types of the user-to-user draft.
    let kind = match message.kind() {
        16 => "16",
        17 => "17",
        _ => kind,
    };
    if tally.bytes != context.length {
        facts.add("in GSS-API", kind, 1);
        return;
    }
    if message.kind() == 21 {
        return; // of the password protocol tshark's script counts the first message only
    }
    facts.add("message", kind, 1);
    if matches!(message.kind(), 14 | 15) {
        return; // of the password protocol, without names there
    }
    let mut add = |category, value: Option<String>| {
        if let Some(value) = value {
            facts.add(category, format!("{kind} {value}"), 1);
        }
    };
    add("cname", message.cname().map(|name| name.to_string()));
    let sname = message.sname().map(|name| name.to_string());
    add("sname", sname.filter(|name| !name.is_empty())); // a name without parts, in some errors, is none to tshark
    add("crealm", reply(message).and(message.crealm()).map(|realm| realm.to_string()));
    match reply(message) {
        Some(()) => add("ticket realm", message.realm().map(|realm| realm.to_string())),
        None => add("realm", message.realm().map(|realm| realm.to_string())),
    }
    let etype = message.ticket().and_then(|ticket| ticket.enc_part()?.etype());
    add("ticket etype", etype.map(|etype| etype.to_string()));
    add("error", message.error_code().map(|code| code.to_string()));
    for padata in message.padata().filter(|_| reply(message).is_none()) {
        add("padata", Some(padata.kind.to_string()));
    }
}

fn reply(message: &Krb<'_>) -> Option<()> {
    matches!(message.kind(), 11 | 13).then_some(())
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (kind, count) in counts(truth, "/kerberos/kdc_messages") {
        facts.add("message", kind, count);
    }
    for (kind, count) in counts(truth, "/kerberos/frames_by_outer_type") {
        if matches!(&*kind, "AP-REQ" | "AP-REP") {
            facts.add("message", kind, count);
        }
    }
    for (kind, count) in counts(truth, "/kerberos/in_gssapi_all") {
        facts.add("in GSS-API", kind, count);
    }
    let messages = truth.pointer("/kerberos/messages").and_then(Value::as_array);
    for message in messages.into_iter().flatten() {
        let kind = message["msg"].as_str().unwrap_or_default();
        let mut add = |category, value: &Value| match value {
            Value::Null => {}
            Value::String(text) => facts.add(category, format!("{kind} {text}"), 1),
            other => facts.add(category, format!("{kind} {other}"), 1),
        };
        for (category, field) in [
            ("cname", "cname"),
            ("sname", "sname"),
            ("crealm", "crealm"),
            ("realm", "realm"),
            ("ticket realm", "ticket_realm"),
            ("ticket etype", "ticket_etype"),
            ("error", "error_code"),
        ] {
            add(category, &message[field]);
        }
        for kind in message["padata_types"].as_array().into_iter().flatten() {
            add("padata", kind);
        }
    }
}
