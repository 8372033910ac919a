//! Facts of NetBIOS: names in the name service, types and names of datagrams, and what opens
//! sessions. Session messages are SMB's and counted there.

use headroom::proto::nbns::Encoded;
use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] =
    &[fuzzed("name", -8), fuzzed("datagram", -5), fuzzed("datagram names", -4)];

/// What stands for a name whose letters are none, RFC 1001 section 14.1.
const ILLEGAL: &str = "(not encoded)";

/// Random bytes were changed in this capture. tshark shows what stands before the damage; we
/// count such a message as malformed, or, where its first name is none, not as NetBIOS.
const fn fuzzed(category: &'static str, surplus: i64) -> Explained {
    let why = "31 messages: 19 that tshark, too, marks as malformed; 12 whose first name has \
               letters beyond P, which RFC 1001 section 14.1 excludes: tshark allows them up to \
               Z, or shows that they are none";
    let (file, fault) = ("nDPI__fuzz-2006-06-26-2594.pcap", Fault::Convention);
    Explained { file, category, value: "*", fault, surplus, why }
}

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    match message {
        Message::Nbns(view) => {
            let direction = if view.0.is_response() { "response" } else { "request" };
            for name in view.names() {
                let value = format!("{}|{}|{direction}", shown(Some(name)), view.0.opcode());
                // Of names that are none tshark has only a note.
                if name.decoded().is_some() {
                    facts.add("name", value, 1);
                }
            }
        }
        Message::Nbds(view) => {
            let kind = match view.kind() {
                0x10 => "direct_unique",
                0x11 => "direct_group",
                0x12 => "broadcast",
                0x13 => "error",
                0x14 => "query_request",
                0x15 => "positive_query_response",
                _ => "negative_query_response",
            };
            facts.add("datagram", kind, 1);
            if view.source().is_some() {
                let value = format!("{}|{}", shown(view.source()), shown(view.destination()));
                facts.add("datagram names", value, 1);
            }
        }
        Message::Nbss(packet) => {
            let kind = match tally.operation {
                0x81 => "session_request",
                0x82 => "positive_response",
                0x83 => "negative_response",
                0x84 => "retarget",
                0x85 => "keepalive",
                _ => return,
            };
            facts.add("session packet", kind, 1);
            if packet.called().is_some() {
                let value = format!("{}|{}", shown(packet.called()), shown(packet.calling()));
                facts.add("session names", value, 1);
            }
        }
        _ => {}
    }
}

fn shown(name: Option<Encoded<'_>>) -> String {
    match name {
        Some(name) if name.decoded().is_none() => ILLEGAL.to_owned(),
        Some(name) => name.to_string(),
        None => String::new(),
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in rows(truth, "/nbns/names", &["name", "opcode", "dir"]) {
        // Messages without a name, counted by tshark as one with an empty one.
        if !value.starts_with('|') && !normal(&value).starts_with(ILLEGAL) {
            facts.add("name", normal(&value), count);
        }
    }
    for (value, count) in counts(truth, "/nbdgm/types") {
        facts.add("datagram", value, count);
    }
    for (value, count) in rows(truth, "/nbdgm/names", &["source", "destination"]) {
        facts.add("datagram names", normal(&value), count);
    }
    for (value, count) in counts(truth, "/nbss/types") {
        if value != "session_message" {
            facts.add("session packet", value, count);
        }
    }
    for (value, count) in rows(truth, "/nbss/session_requests", &["called", "calling"]) {
        facts.add("session names", normal(&value), count);
    }
}

/// tshark's names without what it says about their suffix, and its notes as ours.
fn normal(value: &str) -> String {
    let parts = value.split('|').map(|part| match part {
        _ if part.starts_with("Illegal NetBIOS name") => ILLEGAL,
        _ if part.starts_with("*<00>") => "*<00>",
        _ => part.split(" (").next().unwrap(),
    });
    parts.collect::<Vec<_>>().join("|")
}
