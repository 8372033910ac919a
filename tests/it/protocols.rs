//! Our packets per protocol against the frames in which tshark names a protocol.
//!
//! The two count different things. We count every frame of a flow, also the handshake and the
//! middle of a message; tshark names a protocol in the frame that completes a message, and
//! names every layer of it. So the numbers are equal for datagrams, and ours is the larger one
//! for streams; a layer inside another protocol is looked for among the packets of that one.

use headroom::record::Traffic;

use super::score::Table;

/// What tshark calls a protocol, and where we count its frames.
struct Row {
    tshark: &'static str,
    /// Our labels for the same protocol.
    ours: &'static [&'static str],
    /// Labels of protocols that carry it inside, where tshark names both.
    inside: &'static [&'static str],
    /// Datagrams only: the numbers are equal.
    exact: bool,
}

const fn exact(tshark: &'static str, ours: &'static [&'static str]) -> Row {
    Row { tshark, ours, inside: &[], exact: true }
}

const fn at_least(
    tshark: &'static str,
    ours: &'static [&'static str],
    inside: &'static [&'static str],
) -> Row {
    Row { tshark, ours, inside, exact: false }
}

const ROWS: [Row; 17] = [
    at_least("dns", &["DNS"], &[]),
    exact("mdns", &["mDNS"]),
    exact("llmnr", &["LLMNR"]),
    exact("nbns", &["NBNS"]),
    exact("nbdgm", &["NBDS"]),
    // The record mark of SMB over TCP is a NetBIOS session message.
    at_least("nbss", &["NBSS"], &["SMB1", "SMB2/3"]),
    // Mailslots are SMB inside a datagram.
    at_least("smb", &["SMB1"], &["NBDS"]),
    at_least("smb2", &["SMB2/3"], &[]),
    // Named pipes.
    at_least("dcerpc", &["DCE/RPC"], &["SMB1", "SMB2/3"]),
    // Tickets inside SPNEGO.
    at_least("kerberos", &["Kerberos"], &["SMB1", "SMB2/3", "LDAP", "DCE/RPC"]),
    at_least("ldap", &["LDAP"], &[]),
    exact("cldap", &["CLDAP"]),
    // StartTLS, RDP security, PEAP.
    at_least("tls", &["TLS", "LDAPS"], &["LDAP", "RDP", "RADIUS"]),
    exact("radius", &["RADIUS"]),
    at_least("rdp", &["RDP"], &[]),
    exact("ntp", &["NTP"]),
    exact("dhcp", &["DHCP"]),
];

/// Compares every protocol of one file. `theirs` gives tshark's frames by name.
pub fn compare(table: &mut Table, file: &str, traffic: &Traffic, theirs: impl Fn(&str) -> u64) {
    for row in &ROWS {
        let theirs = theirs(row.tshark);
        let own = packets(traffic, row.ours);
        let what = format!("protocol {}", row.tshark);
        // DNS has streams too, but few captures do.
        let exact = row.exact || (row.tshark == "dns" && !has_tcp_port(traffic, 53));
        let agrees = if exact {
            own == theirs
        } else {
            own + packets(traffic, row.inside) >= theirs && (theirs > 0 || !proven(traffic, row))
        };
        if !agrees {
            table.differ(file, &what, own, theirs);
        }
        if own + theirs > 0 {
            table.add(&what, agrees);
        }
    }
    let (own, theirs) = (traffic.flows.with_ntlmssp, theirs("ntlmssp"));
    let agrees = (own > 0) == (theirs > 0);
    if !agrees {
        table.differ(file, "protocol ntlmssp", own, theirs);
    }
    if own + theirs > 0 {
        table.add("protocol ntlmssp", agrees);
    }
}

fn packets(traffic: &Traffic, labels: &[&str]) -> u64 {
    let of = traffic.protocols.iter().filter(|count| labels.contains(&count.protocol.as_str()));
    of.map(|count| count.packets).sum()
}

/// Whether we say that some payload is this protocol. A flow known by its port alone claims
/// less: tshark names nothing there.
fn proven(traffic: &Traffic, row: &Row) -> bool {
    let mut flows = traffic.flows.protocols.iter();
    flows.any(|flow| flow.by_payload > 0 && row.ours.contains(&flow.protocol.as_str()))
}

fn has_tcp_port(traffic: &Traffic, port: u16) -> bool {
    traffic.tcp_ports.iter().any(|count| count.port == port)
}
