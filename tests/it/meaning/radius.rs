//! Facts of RADIUS: codes, and the attributes that name who, where and what.

use headroom::proto::radius::{self, Radius};
use headroom::proto::{Context, Message, Protocol, Tally};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

/// A fuzzed capture. The next attribute begins where the length of this one says (RFC 2865
/// section 5), also behind a vendor's, whose content is "undistinguished octets" to others
/// (section 5.26). tshark goes on where the vendor's own attributes end by their lengths: in frame
/// 29 the attribute at byte 30 is 12 bytes long, so the next begins at byte 42 (1a 0f), but tshark
/// reads one of type 119 at byte 38, because a vendor's length there is 0. From there on it
/// misses attributes, and in frames 77, 123 and 171 finds some inside others.
const fn fuzzed(category: &'static str, surplus: i64) -> Explained {
    Explained {
        file: "nDPI__fuzz-2020-02-16-11740.pcap",
        category,
        value: "*",
        fault: Fault::Theirs,
        surplus,
        why: "tshark leaves the outer lengths after a damaged vendor attribute",
    }
}

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    fuzzed("calling station", 10),
    fuzzed("nas address", 1),
    fuzzed("status", 1),
    fuzzed("user", 15),
];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let Message::Radius(packet) = message else { return };
    let code = Radius::operation(tally.operation).unwrap_or("?");
    facts.add("code", code, 1);
    for attribute in packet.attributes() {
        let category = match attribute.kind {
            radius::USER_NAME => "user",
            radius::ACCT_STATUS_TYPE => "status",
            radius::NAS_IP_ADDRESS => "nas address",
            radius::CALLING_STATION_ID => "calling station",
            radius::FRAMED_IP_ADDRESS => "framed address",
            _ => continue,
        };
        // A number or address of another length says nothing to tshark either.
        if matches!(attribute.value(), radius::Value::Octets(_)) {
            continue;
        }
        facts.add(category, as_tshark_shows(&attribute.value().to_string()), 1);
    }
}

/// tshark shows text up to its first NUL, and writes these control characters as in C.
fn as_tshark_shows(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    text.replace('\u{8}', "\\b")
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (category, pointer) in [
        ("code", "/radius/codes"),
        ("status", "/radius/acct_status_types"),
        ("nas address", "/radius/nas_ip"),
        ("calling station", "/radius/calling_station_ids"),
        ("framed address", "/radius/framed_ip"),
    ] {
        for (value, count) in counts(truth, pointer) {
            facts.add(category, value, count);
        }
    }
    for (user, count) in rows(truth, "/radius/user_names", &["user"]) {
        facts.add("user", user, count);
    }
}
