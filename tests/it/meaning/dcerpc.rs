//! Facts of dcerpc: packets by type and carrier, contexts offered, security contexts, and calls
//! by interface and operation.

use headroom::proto::dcerpc::syntax::kind;
use headroom::proto::dcerpc::{Carrier, View};
use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    let Message::Dcerpc(view) = message else { return };
    facts.add("pdus", view.kind_name(), 1);
    facts.add("transports", carrier(view.carrier), 1);
    for offer in view.offers().into_iter().flatten() {
        let (uuid, version) = (offer.interface.uuid, offer.interface.version);
        facts.add("binds", format!("{uuid}|{version}|{}", carrier(view.carrier)), 1);
    }
    if let Some(verifier) = view.verifier() {
        facts.add("auth", format!("{}|{}", verifier.kind, verifier.level), 1);
    }
    if view.kind() == kind::REQUEST {
        call(view, facts);
    }
}

fn call(view: &View<'_>, facts: &mut Facts) {
    let interface = view.interface.map_or("unbound".to_owned(), |known| known.uuid.to_string());
    let opnum = view.opnum.unwrap_or_default();
    facts.add("request pdus", format!("{interface}|{opnum}"), 1);
    facts.add("calls", format!("{interface}|{opnum}"), u64::from(view.is_first()));
}

/// Both versions of SMB carry pipes; a pipe does not know in which it is.
fn carrier(carrier: Carrier) -> &'static str {
    match carrier {
        Carrier::Connection => "tcp",
        Carrier::Pipe => "smb",
        Carrier::Datagram => "udp",
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    let plain = |transport: &str| transport.trim_end_matches(['1', '2']).to_owned();
    for (kind, count) in counts(truth, "/dcerpc/pdus") {
        facts.add("pdus", kind, count);
    }
    for (transport, count) in counts(truth, "/dcerpc/transports") {
        facts.add("transports", plain(&transport), count);
    }
    for (bind, count) in rows(truth, "/dcerpc/binds", &["uuid", "version", "transport"]) {
        facts.add("binds", plain(&bind), count);
    }
    for (auth, count) in rows(truth, "/dcerpc/auth", &["auth_type", "auth_level"]) {
        facts.add("auth", auth, count);
    }
    let interfaces = truth.pointer("/dcerpc/interfaces").and_then(Value::as_object);
    for (uuid, _) in interfaces.into_iter().flatten() {
        for (category, name) in [("request pdus", "request_pdus"), ("calls", "calls")] {
            let pointer = format!("/dcerpc/interfaces/{uuid}/{name}");
            for (opnum, count) in counts(truth, &pointer) {
                facts.add(category, format!("{uuid}|{opnum}"), count);
            }
        }
    }
}
