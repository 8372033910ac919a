//! Facts of NTLMSSP: tokens by type, who authenticates from where, and to what.

use headroom::proto::ntlmssp::Name;
use headroom::proto::{Context, Id, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let Message::Ntlmssp(token) = message else { return };
    facts.add("token", Id::Ntlmssp.operation(tally.operation).unwrap(), 1);
    if let Some(target) = token.target() {
        facts.add("target", shown(Some(target)), 1);
    }
    if token.user().is_some() {
        let [domain, user, host] = [token.domain(), token.user(), token.workstation()].map(shown);
        facts.add("logon", format!("{domain}|{user}|{host}"), 1);
    }
}

/// tshark shows a name without characters as `NULL`.
fn shown(name: Option<Name<'_>>) -> String {
    name.filter(|name| !name.is_empty()).map_or("NULL".to_owned(), |name| name.to_string())
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (kind, count) in counts(truth, "/ntlmssp/messages") {
        facts.add("token", kind, count);
    }
    for (logon, count) in rows(truth, "/ntlmssp/authenticate", &["domain", "user", "host"]) {
        facts.add("logon", logon, count);
    }
    for (target, count) in rows(truth, "/ntlmssp/challenge_targets", &["target"]) {
        facts.add("target", target, count);
    }
}
