//! Facts of smb2.

use headroom::proto::smb2::{Body, Message as Smb2, Pdu, command};
use headroom::proto::{Context, Message, Tally, Utf16};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[Explained {
    file: "*",
    category: "file",
    value: "",
    fault: Fault::Convention,
    surplus: 3,
    why: "the root of a share is opened by a name of no characters, which tshark's fields leave out",
}];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    match message {
        Message::Smb2(Smb2::Plain(pdu)) => plain(pdu, facts),
        Message::Smb2(Smb2::Encrypted(_)) => facts.add("encrypted", "", 1),
        Message::Smb2(Smb2::Compressed(_)) => facts.add("compressed", "", 1),
        _ => {}
    }
}

fn plain(pdu: &Pdu<'_>, facts: &mut Facts) {
    let code = pdu.header.command();
    let name = command::name(code.into()).map_or(code.to_string(), str::to_owned);
    let direction = if pdu.header.is_response() { "response" } else { "request" };
    facts.add("command", format!("{name}|{direction}"), 1);
    match pdu.body {
        Body::TreeConnectRequest(body) => {
            body.path.0.whole().into_iter().for_each(|path| facts.add("tree", Utf16(path), 1));
        }
        Body::CreateRequest(body) => {
            body.name.0.whole().into_iter().for_each(|name| facts.add("file", Utf16(name), 1));
        }
        Body::NegotiateResponse(body) => facts.add("dialect", format!("{:#06x}", body.dialect), 1),
        _ => {}
    }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (value, count) in rows(truth, "/smb2/commands", &["cmd", "dir"]) {
        facts.add("command", value, count);
    }
    for (value, count) in rows(truth, "/smb2/tree_connect_paths", &["path"]) {
        facts.add("tree", value, count);
    }
    for (value, count) in rows(truth, "/smb2/create_filenames", &["name"]) {
        facts.add("file", value, count);
    }
    for (value, count) in counts(truth, "/smb2/negotiated_dialects") {
        facts.add("dialect", value, count);
    }
    let number = |key| truth.pointer(key).and_then(Value::as_u64).unwrap_or(0);
    facts.add("encrypted", "", number("/smb2/encrypted_pdus"));
    facts.add("compressed", "", number("/smb2/compressed_frames"));
}
