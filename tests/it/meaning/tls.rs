//! Facts of tls, whatever its port.

use headroom::proto::tls::{ClientHello, Unit};
use headroom::proto::{Context, Id, Message, Tally, Utf8};
use serde_json::Value;

use super::{Explained, Facts, counts};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, message: &Message<'_>, tally: &Tally, facts: &mut Facts) {
    let (Message::Tls(unit) | Message::Ldaps(unit)) = message else { return };
    let name = Id::Tls.operation(tally.operation).unwrap();
    match unit {
        Unit::Record(_) => facts.add("records", name, 1),
        Unit::Handshake(handshake) => {
            facts.add("handshake messages", name, 1);
            if let Some(hello) = handshake.client_hello() {
                facts.add("hellos", shown(&hello), 1);
                hello.server_names().for_each(|host| facts.add("hosts", Utf8(host), 1));
            }
        }
    }
}

/// Version, hosts and versions of a hello.
fn shown(hello: &ClientHello<'_>) -> String {
    let hosts: Vec<_> = hello.server_names().map(|host| Utf8(host).to_string()).collect();
    let versions: Vec<_> = hello.versions().map(|v| format!("{:#06x}", v.0)).collect();
    format!("{:#06x}|{}|{}", hello.version.0, hosts.join(","), versions.join(","))
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for (record, count) in counts(truth, "/tls/record_types") {
        facts.add("records", record, count);
    }
    for (message, count) in counts(truth, "/tls/handshake_types") {
        facts.add("handshake messages", message, count);
    }
    for (host, count) in counts(truth, "/tls/sni") {
        facts.add("hosts", host, count);
    }
    let list = |row: &Value, field: &str| {
        let values = row[field].as_array().into_iter().flatten();
        values.map(|value| value.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // tshark takes what follows RDP's own handshake for TLS only where it is told to.
    for (section, behind_rdp) in
        [("/tls/client_hellos", false), ("/rdp/tls_client_hellos_decode_as_tls", true)]
    {
        for row in truth.pointer(section).and_then(Value::as_array).into_iter().flatten() {
            let (hosts, versions) = (list(row, "sni"), list(row, "supported_versions"));
            let version = row["handshake_version"].as_str().unwrap();
            let hello = format!("{version}|{}|{}", hosts.join(","), versions.join(","));
            facts.add("hellos", hello, 1);
            if behind_rdp {
                facts.add("handshake messages", "client_hello", 1);
                hosts.iter().for_each(|host| facts.add("hosts", host, 1));
            }
        }
    }
}
