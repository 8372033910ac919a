//! Facts about attributes: names and formats by number, and names of values.

use Format::{
    Address, Address6, Integer, Octets, Secret, TaggedInteger, TaggedText, Text, Time, Vendor,
};

/// How the value of an attribute is written, RFC 8044 section 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// UTF-8.
    Text,
    /// Bytes without a meaning here.
    Octets,
    /// A password, key or proof of one: never shown.
    Secret,
    /// 32 bits, a number or one of a list.
    Integer,
    /// Seconds since 1970, 32 bits.
    Time,
    /// IPv4.
    Address,
    /// IPv6.
    Address6,
    /// A tag and 24 bits, RFC 2868 section 3.1.
    TaggedInteger,
    /// A tag and text, RFC 2868 section 3.3; without the tag where the first byte is above 0x1f.
    TaggedText,
    /// A vendor's, RFC 2865 section 5.26.
    Vendor,
}

/// Number, name and format, sorted by number.
type Facts = [(u8, &'static str, Format)];

/// IANA: RADIUS attribute types.
const STANDARD: &Facts = &[
    (1, "User-Name", Text),
    (2, "User-Password", Secret),
    (3, "CHAP-Password", Secret),
    (4, "NAS-IP-Address", Address),
    (5, "NAS-Port", Integer),
    (6, "Service-Type", Integer),
    (7, "Framed-Protocol", Integer),
    (8, "Framed-IP-Address", Address),
    (9, "Framed-IP-Netmask", Address),
    (10, "Framed-Routing", Integer),
    (11, "Filter-Id", Text),
    (12, "Framed-MTU", Integer),
    (13, "Framed-Compression", Integer),
    (14, "Login-IP-Host", Address),
    (15, "Login-Service", Integer),
    (16, "Login-TCP-Port", Integer),
    (18, "Reply-Message", Text),
    (19, "Callback-Number", Text),
    (20, "Callback-Id", Text),
    (22, "Framed-Route", Text),
    (23, "Framed-IPX-Network", Address),
    (24, "State", Octets),
    (25, "Class", Octets),
    (26, "Vendor-Specific", Vendor),
    (27, "Session-Timeout", Integer),
    (28, "Idle-Timeout", Integer),
    (29, "Termination-Action", Integer),
    (30, "Called-Station-Id", Text),
    (31, "Calling-Station-Id", Text),
    (32, "NAS-Identifier", Text),
    (33, "Proxy-State", Octets),
    (34, "Login-LAT-Service", Text),
    (35, "Login-LAT-Node", Text),
    (36, "Login-LAT-Group", Octets),
    (37, "Framed-AppleTalk-Link", Integer),
    (38, "Framed-AppleTalk-Network", Integer),
    (39, "Framed-AppleTalk-Zone", Text),
    (40, "Acct-Status-Type", Integer),
    (41, "Acct-Delay-Time", Integer),
    (42, "Acct-Input-Octets", Integer),
    (43, "Acct-Output-Octets", Integer),
    (44, "Acct-Session-Id", Text),
    (45, "Acct-Authentic", Integer),
    (46, "Acct-Session-Time", Integer),
    (47, "Acct-Input-Packets", Integer),
    (48, "Acct-Output-Packets", Integer),
    (49, "Acct-Terminate-Cause", Integer),
    (50, "Acct-Multi-Session-Id", Text),
    (51, "Acct-Link-Count", Integer),
    (52, "Acct-Input-Gigawords", Integer),
    (53, "Acct-Output-Gigawords", Integer),
    (55, "Event-Timestamp", Time),
    (56, "Egress-VLANID", Integer),
    (57, "Ingress-Filters", Integer),
    (58, "Egress-VLAN-Name", Text),
    (59, "User-Priority-Table", Octets),
    (60, "CHAP-Challenge", Octets),
    (61, "NAS-Port-Type", Integer),
    (62, "Port-Limit", Integer),
    (63, "Login-LAT-Port", Text),
    (64, "Tunnel-Type", TaggedInteger),
    (65, "Tunnel-Medium-Type", TaggedInteger),
    (66, "Tunnel-Client-Endpoint", TaggedText),
    (67, "Tunnel-Server-Endpoint", TaggedText),
    (68, "Acct-Tunnel-Connection", Text),
    (69, "Tunnel-Password", Secret),
    (70, "ARAP-Password", Secret),
    (71, "ARAP-Features", Octets),
    (72, "ARAP-Zone-Access", Integer),
    (73, "ARAP-Security", Integer),
    (74, "ARAP-Security-Data", Text),
    (75, "Password-Retry", Integer),
    (76, "Prompt", Integer),
    (77, "Connect-Info", Text),
    (78, "Configuration-Token", Text),
    (79, "EAP-Message", Octets),
    (80, "Message-Authenticator", Octets),
    (81, "Tunnel-Private-Group-ID", TaggedText),
    (82, "Tunnel-Assignment-ID", TaggedText),
    (83, "Tunnel-Preference", TaggedInteger),
    (84, "ARAP-Challenge-Response", Secret),
    (85, "Acct-Interim-Interval", Integer),
    (86, "Acct-Tunnel-Packets-Lost", Integer),
    (87, "NAS-Port-Id", Text),
    (88, "Framed-Pool", Text),
    (89, "Chargeable-User-Identity", Octets),
    (90, "Tunnel-Client-Auth-ID", TaggedText),
    (91, "Tunnel-Server-Auth-ID", TaggedText),
    (92, "NAS-Filter-Rule", Text),
    (94, "Originating-Line-Info", Octets),
    (95, "NAS-IPv6-Address", Address6),
    (96, "Framed-Interface-Id", Octets),
    (97, "Framed-IPv6-Prefix", Octets),
    (98, "Login-IPv6-Host", Address6),
    (99, "Framed-IPv6-Route", Text),
    (100, "Framed-IPv6-Pool", Text),
    (101, "Error-Cause", Integer),
    (102, "EAP-Key-Name", Octets),
    (103, "Digest-Response", Secret),
    (104, "Digest-Realm", Text),
    (105, "Digest-Nonce", Text),
    (106, "Digest-Response-Auth", Secret),
    (107, "Digest-Nextnonce", Text),
    (108, "Digest-Method", Text),
    (109, "Digest-URI", Text),
    (110, "Digest-Qop", Text),
    (111, "Digest-Algorithm", Text),
    (112, "Digest-Entity-Body-Hash", Text),
    (113, "Digest-CNonce", Text),
    (114, "Digest-Nonce-Count", Text),
    (115, "Digest-Username", Text),
    (116, "Digest-Opaque", Text),
    (117, "Digest-Auth-Param", Text),
    (118, "Digest-AKA-Auts", Text),
    (119, "Digest-Domain", Text),
    (120, "Digest-Stale", Text),
    (121, "Digest-HA1", Secret),
    (122, "SIP-AOR", Text),
    (123, "Delegated-IPv6-Prefix", Octets),
    (124, "MIP6-Feature-Vector", Octets),
    (125, "MIP6-Home-Link-Prefix", Octets),
    (126, "Operator-Name", Text),
    (127, "Location-Information", Octets),
    (128, "Location-Data", Octets),
    (129, "Basic-Location-Policy-Rules", Octets),
    (130, "Extended-Location-Policy-Rules", Octets),
    (131, "Location-Capable", Integer),
    (132, "Requested-Location-Info", Integer),
    (133, "Framed-Management-Protocol", Integer),
    (134, "Management-Transport-Protection", Integer),
    (135, "Management-Policy-Id", Text),
    (136, "Management-Privilege-Level", Integer),
    (137, "PKM-SS-Cert", Octets),
    (138, "PKM-CA-Cert", Octets),
    (139, "PKM-Config-Settings", Octets),
    (140, "PKM-Cryptosuite-List", Octets),
    (141, "PKM-SAID", Octets),
    (142, "PKM-SA-Descriptor", Octets),
    (143, "PKM-Auth-Key", Secret),
    (144, "DS-Lite-Tunnel-Name", Octets),
    (145, "Mobile-Node-Identifier", Octets),
    (146, "Service-Selection", Text),
    (147, "PMIP6-Home-LMA-IPv6-Address", Address6),
    (148, "PMIP6-Visited-LMA-IPv6-Address", Address6),
    (149, "PMIP6-Home-LMA-IPv4-Address", Address),
    (150, "PMIP6-Visited-LMA-IPv4-Address", Address),
    (151, "PMIP6-Home-HN-Prefix", Octets),
    (152, "PMIP6-Visited-HN-Prefix", Octets),
    (153, "PMIP6-Home-Interface-ID", Octets),
    (154, "PMIP6-Visited-Interface-ID", Octets),
    (155, "PMIP6-Home-DHCP4-Server-Address", Address),
    (156, "PMIP6-Visited-DHCP4-Server-Address", Address),
    (157, "PMIP6-Home-DHCP6-Server-Address", Address6),
    (158, "PMIP6-Visited-DHCP6-Server-Address", Address6),
    (159, "PMIP6-Home-IPv4-Gateway", Address),
    (160, "PMIP6-Visited-IPv4-Gateway", Address),
    (161, "EAP-Lower-Layer", Integer),
    (162, "GSS-Acceptor-Service-Name", Text),
    (163, "GSS-Acceptor-Host-Name", Text),
    (164, "GSS-Acceptor-Service-Specifics", Text),
    (165, "GSS-Acceptor-Realm-Name", Text),
    (166, "Framed-IPv6-Address", Address6),
    (167, "DNS-Server-IPv6-Address", Address6),
    (168, "Route-IPv6-Information", Octets),
    (169, "Delegated-IPv6-Prefix-Pool", Text),
    (170, "Stateful-IPv6-Address-Pool", Text),
    (171, "IPv6-6rd-Configuration", Octets),
    (172, "Allowed-Called-Station-Id", Text),
    (173, "EAP-Peer-Id", Octets),
    (174, "EAP-Server-Id", Octets),
    (175, "Mobility-Domain-Id", Integer),
    (176, "Preauth-Timeout", Integer),
    (177, "Network-Id-Name", Octets),
    (178, "EAPoL-Announcement", Octets),
    (179, "WLAN-HESSID", Text),
    (180, "WLAN-Venue-Info", Integer),
    (181, "WLAN-Venue-Language", Octets),
    (182, "WLAN-Venue-Name", Text),
    (183, "WLAN-Reason-Code", Integer),
    (184, "WLAN-Pairwise-Cipher", Integer),
    (185, "WLAN-Group-Cipher", Integer),
    (186, "WLAN-AKM-Suite", Integer),
    (187, "WLAN-Group-Mgmt-Cipher", Integer),
    (188, "WLAN-RF-Band", Integer),
];

/// Microsoft, RFC 2548 and \[MS-RNAP\] section 2.2.1.
const MICROSOFT: &Facts = &[
    (1, "MS-CHAP-Response", Secret),
    (2, "MS-CHAP-Error", Octets),
    (3, "MS-CHAP-CPW-1", Secret),
    (4, "MS-CHAP-CPW-2", Secret),
    (5, "MS-CHAP-LM-Enc-PW", Secret),
    (6, "MS-CHAP-NT-Enc-PW", Secret),
    (7, "MS-MPPE-Encryption-Policy", Integer),
    (8, "MS-MPPE-Encryption-Types", Integer),
    (9, "MS-RAS-Vendor", Integer),
    (10, "MS-CHAP-Domain", Octets),
    (11, "MS-CHAP-Challenge", Octets),
    (12, "MS-CHAP-MPPE-Keys", Secret),
    (13, "MS-BAP-Usage", Integer),
    (14, "MS-Link-Utilization-Threshold", Integer),
    (15, "MS-Link-Drop-Time-Limit", Integer),
    (16, "MS-MPPE-Send-Key", Secret),
    (17, "MS-MPPE-Recv-Key", Secret),
    (18, "MS-RAS-Version", Text),
    (19, "MS-Old-ARAP-Password", Secret),
    (20, "MS-New-ARAP-Password", Secret),
    (21, "MS-ARAP-PW-Change-Reason", Integer),
    (22, "MS-Filter", Octets),
    (23, "MS-Acct-Auth-Type", Integer),
    (24, "MS-Acct-EAP-Type", Integer),
    (25, "MS-CHAP2-Response", Secret),
    (26, "MS-CHAP2-Success", Secret),
    (27, "MS-CHAP2-CPW", Secret),
    (28, "MS-Primary-DNS-Server", Address),
    (29, "MS-Secondary-DNS-Server", Address),
    (30, "MS-Primary-NBNS-Server", Address),
    (31, "MS-Secondary-NBNS-Server", Address),
    (33, "MS-ARAP-Challenge", Octets),
    (34, "MS-RAS-Client-Name", Text),
    (35, "MS-RAS-Client-Version", Text),
    (36, "MS-Quarantine-IPFilter", Octets),
    (37, "MS-Quarantine-Session-Timeout", Integer),
    (40, "MS-User-Security-Identity", Octets),
    (41, "MS-Identity-Type", Integer),
    (42, "MS-Service-Class", Text),
    (44, "MS-Quarantine-User-Class", Text),
    (45, "MS-Quarantine-State", Integer),
    (46, "MS-Quarantine-Grace-Time", Integer),
    (47, "MS-Network-Access-Server-Type", Integer),
    (48, "MS-AFW-Zone", Integer),
    (49, "MS-AFW-Protection-Level", Integer),
    (50, "MS-Machine-Name", Text),
    (51, "MS-IPv6-Filter", Octets),
    (52, "MS-IPv4-Remediation-Servers", Octets),
    (53, "MS-IPv6-Remediation-Servers", Octets),
    (54, "MS-RNAP-Not-Quarantine-Capable", Integer),
    (55, "MS-Quarantine-SOH", Octets),
    (56, "MS-RAS-Correlation-ID", Octets),
    (57, "MS-Extended-Quarantine-State", Integer),
    (58, "MS-HCAP-User-Groups", Text),
    (59, "MS-HCAP-Location-Group-Name", Text),
    (60, "MS-HCAP-User-Name", Text),
    (61, "MS-User-IPv4-Address", Address),
    (62, "MS-User-IPv6-Address", Address6),
    (63, "MS-TSG-Device-Redirection", Integer),
];

/// Cisco: the attributes that network access servers send.
const CISCO: &Facts = &[
    (1, "Cisco-AVPair", Text),
    (2, "Cisco-NAS-Port", Text),
    (3, "Cisco-Fax-Account-Id-Origin", Text),
    (4, "Cisco-Fax-Msg-Id", Text),
    (23, "Cisco-H323-Remote-Address", Text),
    (24, "Cisco-H323-Conf-Id", Text),
    (25, "Cisco-H323-Setup-Time", Text),
    (26, "Cisco-H323-Call-Origin", Text),
    (27, "Cisco-H323-Call-Type", Text),
    (28, "Cisco-H323-Connect-Time", Text),
    (29, "Cisco-H323-Disconnect-Time", Text),
    (30, "Cisco-H323-Disconnect-Cause", Text),
    (31, "Cisco-H323-Voice-Quality", Text),
    (33, "Cisco-H323-GW-Id", Text),
    (187, "Cisco-Multilink-ID", Integer),
    (188, "Cisco-Num-In-Multilink", Integer),
    (190, "Cisco-Pre-Input-Octets", Integer),
    (191, "Cisco-Pre-Output-Octets", Integer),
    (192, "Cisco-Pre-Input-Packets", Integer),
    (193, "Cisco-Pre-Output-Packets", Integer),
    (194, "Cisco-Maximum-Time", Integer),
    (195, "Cisco-Disconnect-Cause", Integer),
    (197, "Cisco-Data-Rate", Integer),
    (198, "Cisco-PreSession-Time", Integer),
    (208, "Cisco-PW-Lifetime", Integer),
    (209, "Cisco-IP-Direct", Integer),
    (210, "Cisco-PPP-VJ-Slot-Comp", Integer),
    (212, "Cisco-PPP-Async-Map", Integer),
    (217, "Cisco-IP-Pool-Definition", Text),
    (218, "Cisco-Assign-IP-Pool", Integer),
    (228, "Cisco-Route-IP", Integer),
    (233, "Cisco-Link-Compression", Integer),
    (234, "Cisco-Target-Util", Integer),
    (235, "Cisco-Maximum-Channels", Integer),
    (242, "Cisco-Data-Filter", Octets),
    (243, "Cisco-Call-Filter", Octets),
    (244, "Cisco-Idle-Limit", Integer),
    (249, "Cisco-Subscriber-Password", Secret),
    (250, "Cisco-Account-Info", Text),
    (251, "Cisco-Service-Info", Text),
    (252, "Cisco-Command-Code", Octets),
    (253, "Cisco-Control-Info", Text),
    (255, "Cisco-Xmit-Rate", Integer),
];

/// IANA: private enterprise numbers.
pub const VENDOR_CISCO: u32 = 9;
/// IANA: private enterprise numbers.
pub const VENDOR_MICROSOFT: u32 = 311;

fn find(facts: &Facts, kind: u8) -> Option<(&'static str, Format)> {
    let at = facts.binary_search_by_key(&kind, |fact| fact.0).ok()?;
    facts.get(at).map(|&(_, name, format)| (name, format))
}

/// Name and format of a standard attribute.
pub fn standard(kind: u8) -> Option<(&'static str, Format)> {
    find(STANDARD, kind)
}

/// Name and format of an attribute of `vendor`.
pub fn of_vendor(vendor: u32, kind: u8) -> Option<(&'static str, Format)> {
    match vendor {
        VENDOR_CISCO => find(CISCO, kind),
        VENDOR_MICROSOFT => find(MICROSOFT, kind),
        _ => None,
    }
}

/// Name of a vendor.
pub const fn vendor_name(vendor: u32) -> Option<&'static str> {
    Some(match vendor {
        VENDOR_CISCO => "Cisco",
        43 => "3Com",
        VENDOR_MICROSOFT => "Microsoft",
        529 => "Ascend",
        2352 => "Redback",
        2620 => "Check Point",
        2636 => "Juniper",
        3076 => "Cisco VPN 3000",
        3375 => "F5",
        4846 => "Lucent",
        8744 => "Colubris",
        10415 => "3GPP",
        11344 => "FreeRADIUS",
        12356 => "Fortinet",
        14122 => "WISPr",
        14179 => "Airespace",
        14823 => "Aruba",
        14988 => "MikroTik",
        25053 => "Ruckus",
        25461 => "Palo Alto Networks",
        _ => return None,
    })
}

/// Name of a value of an attribute whose integers are a list (IANA: RADIUS types).
pub const fn value_name(kind: u8, value: u32) -> Option<&'static str> {
    match kind {
        super::SERVICE_TYPE => service_type(value),
        super::FRAMED_PROTOCOL => framed_protocol(value),
        super::ACCT_STATUS_TYPE => status_type(value),
        super::ACCT_AUTHENTIC => authentic(value),
        super::ACCT_TERMINATE_CAUSE => terminate_cause(value),
        super::NAS_PORT_TYPE => port_type(value),
        super::ERROR_CAUSE => error_cause(value),
        _ => None,
    }
}

/// RFC 2865 section 5.6.
const fn service_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "Login",
        2 => "Framed",
        3 => "Callback Login",
        4 => "Callback Framed",
        5 => "Outbound",
        6 => "Administrative",
        7 => "NAS Prompt",
        8 => "Authenticate Only",
        9 => "Callback NAS Prompt",
        10 => "Call Check",
        11 => "Callback Administrative",
        17 => "Authorize Only",
        18 => "Framed-Management",
        _ => return None,
    })
}

/// RFC 2865 section 5.7.
const fn framed_protocol(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "PPP",
        2 => "SLIP",
        3 => "ARAP",
        4 => "Gandalf",
        5 => "Xylogics",
        6 => "X.75 Synchronous",
        7 => "GPRS PDP Context",
        _ => return None,
    })
}

/// RFC 2866 section 5.1, RFC 2867 section 3.
pub const fn status_type(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "Start",
        2 => "Stop",
        3 => "Interim-Update",
        7 => "Accounting-On",
        8 => "Accounting-Off",
        9 => "Tunnel-Start",
        10 => "Tunnel-Stop",
        11 => "Tunnel-Reject",
        12 => "Tunnel-Link-Start",
        13 => "Tunnel-Link-Stop",
        14 => "Tunnel-Link-Reject",
        15 => "Failed",
        _ => return None,
    })
}

/// RFC 2866 section 5.6.
const fn authentic(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "RADIUS",
        2 => "Local",
        3 => "Remote",
        4 => "Diameter",
        _ => return None,
    })
}

/// RFC 2866 section 5.10.
const fn terminate_cause(value: u32) -> Option<&'static str> {
    Some(match value {
        1 => "User Request",
        2 => "Lost Carrier",
        3 => "Lost Service",
        4 => "Idle Timeout",
        5 => "Session Timeout",
        6 => "Admin Reset",
        7 => "Admin Reboot",
        8 => "Port Error",
        9 => "NAS Error",
        10 => "NAS Request",
        11 => "NAS Reboot",
        12 => "Port Unneeded",
        13 => "Port Preempted",
        14 => "Port Suspended",
        15 => "Service Unavailable",
        16 => "Callback",
        17 => "User Error",
        18 => "Host Request",
        _ => return None,
    })
}

/// RFC 2865 section 5.41; RFC 4603, RFC 7268.
const fn port_type(value: u32) -> Option<&'static str> {
    Some(match value {
        0 => "Async",
        1 => "Sync",
        2 => "ISDN Sync",
        3 => "ISDN Async V.120",
        4 => "ISDN Async V.110",
        5 => "Virtual",
        15 => "Ethernet",
        16 => "xDSL",
        17 => "Cable",
        18 => "Wireless - Other",
        19 => "Wireless - IEEE 802.11",
        _ => return None,
    })
}

/// RFC 5176 section 3.5.
const fn error_cause(value: u32) -> Option<&'static str> {
    Some(match value {
        201 => "Residual Session Context Removed",
        202 => "Invalid EAP Packet (Ignored)",
        401 => "Unsupported Attribute",
        402 => "Missing Attribute",
        403 => "NAS Identification Mismatch",
        404 => "Invalid Request",
        405 => "Unsupported Service",
        406 => "Unsupported Extension",
        407 => "Invalid Attribute Value",
        501 => "Administratively Prohibited",
        502 => "Request Not Routable (Proxy)",
        503 => "Session Context Not Found",
        504 => "Session Context Not Removable",
        505 => "Other Proxy Processing Error",
        506 => "Resources Unavailable",
        507 => "Request Initiated",
        508 => "Multiple Session Selection Unsupported",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_sorted_so_that_each_is_found() {
        for facts in [STANDARD, MICROSOFT, CISCO] {
            assert!(facts.is_sorted_by(|a, b| a.0 < b.0));
        }
        assert_eq!(standard(44), Some(("Acct-Session-Id", Text)));
        assert_eq!(standard(188), Some(("WLAN-RF-Band", Integer)));
        assert_eq!(standard(17), None); // never assigned
        assert_eq!(of_vendor(VENDOR_MICROSOFT, 16), Some(("MS-MPPE-Send-Key", Secret)));
        assert_eq!(of_vendor(VENDOR_CISCO, 1), Some(("Cisco-AVPair", Text)));
        assert_eq!(of_vendor(1, 1), None);
    }
}
