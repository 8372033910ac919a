//! Facts of RDP: cookies, protocols, failures, and the kinds of packets below.

use headroom::proto::{Context, Message, Tally, Utf8};
use serde_json::Value;

use super::{Explained, Facts, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    let Message::Rdp(packet) = message else { return };
    if let Some(cookie) = packet.variable().and_then(|variable| variable.cookie) {
        facts.add("cookie", Utf8(cookie), 1);
    }
    for (category, value) in [
        ("requested", packet.requested().map(|protocols| protocols.0)),
        ("selected", packet.selected().map(|protocols| protocols.0)),
        ("failure", packet.failure()),
    ] {
        if let Some(value) = value {
            facts.add(category, format!("{value:#010x}"), 1);
        }
    }
    if let Some(code) = packet.code() {
        facts.add("packet", "TPKT", 1);
        facts.add("packet", format!("{:#04x}", code >> 4), 1);
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in rows(truth, "/rdp/cookies", &["cookie"]) {
        facts.add("cookie", value, count);
    }
    for (category, pointer) in [
        ("requested", "/rdp/requested_protocols"),
        ("selected", "/rdp/selected_protocols"),
        ("failure", "/rdp/failure_codes"),
        ("packet", "/tpkt_cotp/cotp_types"),
    ] {
        for (value, count) in counts(truth, pointer) {
            facts.add(category, value, count);
        }
    }
    let packets = truth.pointer("/tpkt_cotp/tpkt_pdus").and_then(Value::as_u64);
    facts.add("packet", "TPKT", packets.unwrap_or(0));
}
