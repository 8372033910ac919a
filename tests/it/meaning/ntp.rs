//! Facts of NTP: version and mode.

use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    if let Message::Ntp(packet) = message {
        facts.add("version, mode", format!("{}|{}", packet.version(), packet.mode()), 1);
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in rows(truth, "/ntp/version_mode", &["version", "mode"]) {
        facts.add("version, mode", value, count);
    }
}
