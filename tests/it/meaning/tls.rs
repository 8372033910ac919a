//! Facts of tls, whatever its port.

use headroom::proto::tls::{ClientHello, Unit};
use headroom::proto::{Context, Id, Message, Tally, Utf8};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    behind_rdp("dc-rdp.pcapng.zst", "handshake messages", 1),
    behind_rdp("dc-rdp.pcapng.zst", "hellos", 0),
    behind_rdp("dc-rdp.pcapng.zst", "records", 46),
    behind_rdp("dc-morning.pcapng", "handshake messages", 1),
    behind_rdp("dc-morning.pcapng", "hellos", 0),
    behind_rdp("dc-morning.pcapng", "records", 59),
    in_eap("handshake messages", -6),
    in_eap("hellos", -1),
    in_eap("records", -18),
    opaque_type("dc-ldap.pcapng", 42),
    opaque_type("zeek__ldap-starttls.pcap", 12),
    behind_rdp("PCAP-ATTACK__LM_rdp_sharprdp.pcapng", "handshake messages", 10),
    behind_rdp("PCAP-ATTACK__LM_rdp_sharprdp.pcapng", "records", 390),
    behind_rdp("nDPI__rdp_over_tls.pcap", "handshake messages", 5),
    behind_rdp("nDPI__rdp_over_tls.pcap", "records", 13),
    behind_rdp("zeek__rdp-no-cookie-mstshash.pcap", "handshake messages", 4),
    behind_rdp("zeek__rdp-no-cookie-mstshash.pcap", "records", 7),
    behind_rdp("zeek__rdp-to-ssl.pcap", "handshake messages", 8),
    behind_rdp("zeek__rdp-to-ssl.pcap", "records", 458),
    overlapping("nDPI__heuristic_tcp_ack_payload.pcap", "handshake messages", 5),
    overlapping("nDPI__heuristic_tcp_ack_payload.pcap", "hellos", 5),
    overlapping("nDPI__heuristic_tcp_ack_payload.pcap", "hosts", 5),
    overlapping("nDPI__heuristic_tcp_ack_payload.pcap", "records", 7),
    in_datagrams("nDPI__rdp2.pcap", "handshake messages", -2),
    in_datagrams("nDPI__rdp2.pcap", "hellos", -2),
    in_datagrams("nDPI__rdp2.pcap", "hosts", -2),
    in_datagrams("nDPI__rdp2.pcap", "records", -2),
    in_datagrams("zeek__quic-interop-retry.pcap", "handshake messages", -2),
    in_datagrams("zeek__quic-interop-retry.pcap", "hellos", -1),
    in_datagrams("zeek__quic-interop-retry.pcap", "hosts", -1),
];

const fn behind_rdp(file: &'static str, category: &'static str, surplus: i64) -> Explained {
    let why = "by default tshark does not look for TLS behind RDP's negotiation; the truth holds \
               the client hellos alone, for which it was told to look, without their list of \
               versions. Records of TLS 1.3 say their type where the truth does not look";
    Explained { file, category, value: "*", fault: Fault::Convention, surplus, why }
}

const fn opaque_type(file: &'static str, surplus: i64) -> Explained {
    let why = "tshark gives the type of a record of TLS 1.3 in another field, \
               tls.record.opaque_type, which the truth does not hold";
    let (category, value) = ("records", "application_data");
    Explained { file, category, value, fault: Fault::Convention, surplus, why }
}

const fn in_eap(category: &'static str, surplus: i64) -> Explained {
    let why = "EAP (RFC 5216) carries this handshake in attributes of RADIUS messages; inside them \
               we do not look for TLS";
    let file = "dc-radius.pcapng";
    Explained { file, category, value: "*", fault: Fault::Convention, surplus, why }
}

const fn overlapping(file: &'static str, category: &'static str, surplus: i64) -> Explained {
    let why = "two bytes are sent and then again with what follows them. tshark drops the second \
               segment as illegal; RFC 9293 section 3.10.7.4 has the receiver trim off what it \
               already has, and behind the two bytes are a client hello each, and other records";
    Explained { file, category, value: "*", fault: Fault::Theirs, surplus, why }
}

const fn in_datagrams(file: &'static str, category: &'static str, surplus: i64) -> Explained {
    let why = "DTLS (RFC 6347) and QUIC (RFC 9001) carry handshakes of their own over UDP; both \
               are none of our protocols";
    Explained { file, category, value: "*", fault: Fault::Convention, surplus, why }
}

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
