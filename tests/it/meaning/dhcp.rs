//! Facts of DHCP: message types, host names, and per message its addresses and names.

use std::net::Ipv4Addr;

use headroom::proto::dhcp::{self, Dhcp, View};
use headroom::proto::{Context, Message, Protocol, Tally, Utf8};
use serde_json::Value;

use super::{Explained, Facts, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let Message::Dhcp(message) = message else { return };
    let kind = Dhcp::operation(tally.operation).and_then(|name| name.strip_prefix("DHCP"));
    if let Some(kind) = kind {
        facts.add("type", kind, 1);
    }
    if let Some(host) = message.find(dhcp::HOST_NAME) {
        facts.add("host name", Utf8(host), 1);
    }
    facts.add("message", described(message, kind.unwrap_or_default()), 1);
}

/// Type, hardware address, host name, address requested and given, full name.
fn described(message: &View<'_>, kind: &str) -> String {
    let text = |code| message.find(code).map(|bytes| dhcp::Value::parse(code, bytes).to_string());
    [
        kind.to_owned(),
        message.hardware_address().to_string(),
        text(dhcp::HOST_NAME).unwrap_or_default(),
        text(dhcp::REQUESTED_ADDRESS).unwrap_or_default(),
        Ipv4Addr::from(message.header().your_address()).to_string(),
        message.full_name().map(|name| name.to_string()).unwrap_or_default(),
    ]
    .join("|")
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in counts(truth, "/dhcp/message_types") {
        facts.add("type", value, count);
    }
    for (value, count) in rows(truth, "/dhcp/hostnames", &["hostname"]) {
        facts.add("host name", value, count);
    }
    let fields = ["type", "mac", "hostname", "requested", "your", "fqdn"];
    for (value, count) in rows(truth, "/dhcp/messages", &fields) {
        facts.add("message", value, count);
    }
}
