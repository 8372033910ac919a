//! Options: their names, formats and values.

use std::fmt::{self, Display, Write as _};
use std::net::Ipv4Addr;

use Format::{Address, Addresses, Byte, FullName as Name, Long, Octets, Short, Text};

use super::View;
use crate::proto::Utf8;
use crate::wire::Writer;

/// How the value of an option is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Text, mostly ASCII.
    Text,
    /// One IPv4 address.
    Address,
    /// IPv4 addresses.
    Addresses,
    /// 8 bits.
    Byte,
    /// 16 bits.
    Short,
    /// 32 bits; where it is a time, in seconds.
    Long,
    /// RFC 4702 section 2.
    FullName,
    /// Anything else.
    Octets,
}

/// IANA: BOOTP vendor extensions and DHCP options; 249 and 252 as Windows uses them. Sorted.
const FACTS: &[(u8, &str, Format)] = &[
    (1, "Subnet Mask", Address),
    (2, "Time Offset", Long),
    (3, "Router", Addresses),
    (4, "Time Server", Addresses),
    (5, "Name Server", Addresses),
    (6, "Domain Server", Addresses),
    (7, "Log Server", Addresses),
    (8, "Quotes Server", Addresses),
    (9, "LPR Server", Addresses),
    (10, "Impress Server", Addresses),
    (11, "RLP Server", Addresses),
    (12, "Hostname", Text),
    (13, "Boot File Size", Short),
    (14, "Merit Dump File", Text),
    (15, "Domain Name", Text),
    (16, "Swap Server", Address),
    (17, "Root Path", Text),
    (18, "Extension File", Text),
    (19, "Forward On/Off", Byte),
    (20, "SrcRte On/Off", Byte),
    (21, "Policy Filter", Addresses),
    (22, "Max DG Assembly", Short),
    (23, "Default IP TTL", Byte),
    (24, "MTU Timeout", Long),
    (25, "MTU Plateau", Octets),
    (26, "MTU Interface", Short),
    (27, "MTU Subnet", Byte),
    (28, "Broadcast Address", Address),
    (29, "Mask Discovery", Byte),
    (30, "Mask Supplier", Byte),
    (31, "Router Discovery", Byte),
    (32, "Router Request", Address),
    (33, "Static Route", Addresses),
    (34, "Trailers", Byte),
    (35, "ARP Timeout", Long),
    (36, "Ethernet", Byte),
    (37, "Default TCP TTL", Byte),
    (38, "Keepalive Time", Long),
    (39, "Keepalive Data", Byte),
    (40, "NIS Domain", Text),
    (41, "NIS Servers", Addresses),
    (42, "NTP Servers", Addresses),
    (43, "Vendor Specific", Octets),
    (44, "NETBIOS Name Srv", Addresses),
    (45, "NETBIOS Dist Srv", Addresses),
    (46, "NETBIOS Node Type", Byte),
    (47, "NETBIOS Scope", Text),
    (48, "X Window Font", Addresses),
    (49, "X Window Manager", Addresses),
    (50, "Address Request", Address),
    (51, "Address Time", Long),
    (52, "Overload", Byte),
    (53, "DHCP Msg Type", Byte),
    (54, "DHCP Server Id", Address),
    (55, "Parameter List", Octets),
    (56, "DHCP Message", Text),
    (57, "DHCP Max Msg Size", Short),
    (58, "Renewal Time", Long),
    (59, "Rebinding Time", Long),
    (60, "Class Id", Text),
    (61, "Client Id", Octets),
    (62, "NetWare/IP Domain", Text),
    (63, "NetWare/IP Option", Octets),
    (64, "NIS Domain Name", Text),
    (65, "NIS Server Addr", Addresses),
    (66, "Server Name", Text),
    (67, "Bootfile Name", Text),
    (68, "Home Agent Addrs", Addresses),
    (69, "SMTP Server", Addresses),
    (70, "POP3 Server", Addresses),
    (71, "NNTP Server", Addresses),
    (72, "WWW Server", Addresses),
    (73, "Finger Server", Addresses),
    (74, "IRC Server", Addresses),
    (75, "StreetTalk Server", Addresses),
    (76, "STDA Server", Addresses),
    (77, "User Class", Octets),
    (78, "Directory Agent", Octets),
    (79, "Service Scope", Octets),
    (80, "Rapid Commit", Octets),
    (81, "Client FQDN", Name),
    (82, "Relay Agent Information", Octets),
    (83, "iSNS", Octets),
    (85, "NDS Servers", Addresses),
    (86, "NDS Tree Name", Text),
    (87, "NDS Context", Text),
    (88, "BCMCS Domain Names", Octets),
    (89, "BCMCS Addresses", Addresses),
    (90, "Authentication", Octets),
    (91, "Client Last Transaction Time", Long),
    (92, "Associated IP", Addresses),
    (93, "Client System", Octets),
    (94, "Client NDI", Octets),
    (95, "LDAP", Text),
    (97, "UUID/GUID", Octets),
    (98, "User Auth", Text),
    (99, "GEOCONF_CIVIC", Octets),
    (100, "PCode", Text),
    (101, "TCode", Text),
    (108, "IPv6 Only Preferred", Long),
    (109, "DHCP4O6 S46 SADDR", Octets),
    (112, "Netinfo Address", Addresses),
    (113, "Netinfo Tag", Text),
    (114, "Captive Portal", Text),
    (116, "Auto Config", Byte),
    (117, "Name Service Search", Octets),
    (118, "Subnet Selection", Address),
    (119, "Domain Search", Octets),
    (120, "SIP Servers", Octets),
    (121, "Classless Static Route", Octets),
    (122, "CCC", Octets),
    (123, "GeoConf", Octets),
    (124, "V I Vendor Class", Octets),
    (125, "V I Vendor Specific", Octets),
    (136, "PANA Agent", Addresses),
    (137, "V4 LOST", Octets),
    (138, "CAPWAP AC V4", Addresses),
    (141, "SIP UA Domains", Octets),
    (145, "Forcerenew Nonce Capable", Octets),
    (150, "TFTP Server Address", Addresses),
    (151, "Status Code", Octets),
    (152, "Base Time", Long),
    (153, "Start Time of State", Long),
    (154, "Query Start Time", Long),
    (155, "Query End Time", Long),
    (156, "DHCP State", Byte),
    (157, "Data Source", Byte),
    (161, "MUD URL", Text),
    (175, "Etherboot", Octets),
    (208, "PXELINUX Magic", Octets),
    (209, "Configuration File", Text),
    (210, "Path Prefix", Text),
    (211, "Reboot Time", Long),
    (212, "6RD", Octets),
    (213, "V4 Access Domain", Octets),
    (220, "Subnet Allocation", Octets),
    (221, "Virtual Subnet Selection", Octets),
    (249, "Microsoft Classless Static Route", Octets),
    (252, "Web Proxy Auto Discovery", Text),
];

fn fact(code: u8) -> Option<&'static (u8, &'static str, Format)> {
    FACTS.get(FACTS.binary_search_by_key(&code, |fact| fact.0).ok()?)
}

/// Name of an option.
pub fn name(code: u8) -> Option<&'static str> {
    fact(code).map(|fact| fact.1)
}

/// What an option says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text, mostly ASCII.
    Text(Utf8<'a>),
    /// One IPv4 address.
    Address(Ipv4Addr),
    /// IPv4 addresses, four bytes each.
    Addresses(&'a [u8]),
    /// 8 bits.
    Byte(u8),
    /// 16 bits.
    Short(u16),
    /// 32 bits; where it is a time, in seconds.
    Long(u32),
    /// RFC 4702 section 2.
    FullName(FullName<'a>),
    /// Anything else, or of a length that the format does not allow.
    Octets(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Reads the value of the option `code`.
    pub fn parse(code: u8, bytes: &'a [u8]) -> Self {
        match (fact(code).map(|fact| fact.2), bytes) {
            (Some(Text), _) => Self::Text(Utf8(bytes)),
            (Some(Address), &[a, b, c, d]) => Self::Address([a, b, c, d].into()),
            (Some(Addresses), _) if bytes.len().is_multiple_of(4) => Self::Addresses(bytes),
            (Some(Byte), &[byte]) => Self::Byte(byte),
            (Some(Short), &[a, b]) => Self::Short(u16::from_be_bytes([a, b])),
            (Some(Long), &[a, b, c, d]) => Self::Long(u32::from_be_bytes([a, b, c, d])),
            (Some(Name), _) => FullName::parse(bytes).map_or(Self::Octets(bytes), Self::FullName),
            _ => Self::Octets(bytes),
        }
    }

    /// Appends the value.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Text(Utf8(bytes)) | Self::Addresses(bytes) | Self::Octets(bytes) => {
                w.bytes(bytes);
            }
            Self::Address(address) => w.bytes(&address.octets()),
            Self::Byte(byte) => w.byte(byte),
            Self::Short(value) => w.bytes(&value.to_be_bytes()),
            Self::Long(value) => w.bytes(&value.to_be_bytes()),
            Self::FullName(name) => name.emit(w),
        }
    }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Text(text) => text.fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Addresses(bytes) => {
                for (at, &octets) in bytes.as_chunks::<4>().0.iter().enumerate() {
                    f.write_str(if at == 0 { "" } else { " " })?;
                    Ipv4Addr::from(octets).fmt(f)?;
                }
                Ok(())
            }
            Self::Byte(value) => value.fmt(f),
            Self::Short(value) => value.fmt(f),
            Self::Long(value) => value.fmt(f),
            Self::FullName(name) => name.fmt(f),
            Self::Octets(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

/// The client's name and who enters it in the DNS, RFC 4702 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullName<'a> {
    /// 1: the server enters the address; 2: overridden; 4: the name is in DNS format; 8: nobody
    /// enters anything.
    pub flags: u8,
    /// Result codes, no longer used.
    pub results: [u8; 2],
    /// The name as it lies.
    pub name: &'a [u8],
}

/// The name is in the format of RFC 1035 section 3.1, RFC 4702 section 2.1.
const ENCODED: u8 = 0x04;

impl<'a> FullName<'a> {
    /// Reads the value of the option.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&[flags, a, b], name) = bytes.split_first_chunk()?;
        Some(Self { flags, results: [a, b], name })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        w.byte(self.flags);
        w.bytes(&self.results);
        w.bytes(self.name);
    }
}

/// The name; in DNS format, with a dot at its end where it is whole.
impl Display for FullName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.flags & ENCODED == 0 {
            return Utf8(self.name).fmt(f);
        }
        let mut rest = self.name;
        let mut is_first = true;
        while let Some((&length, behind)) = rest.split_first() {
            let label = behind.get(..length.into()).unwrap_or(behind);
            if !is_first {
                f.write_char('.')?;
            }
            Utf8(label).fmt(f)?;
            rest = behind.get(label.len()..).unwrap_or_default();
            is_first = false;
        }
        Ok(())
    }
}

/// All parts of an option, shown as one text (RFC 3396 section 7).
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    pub(super) view: View<'a>,
    pub(super) code: u8,
}

impl Display for Joined<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.view.options().filter(|&(code, _)| code == self.code);
        parts.try_for_each(|(_, part)| Utf8(part).fmt(f))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_sorted_so_that_each_is_found() {
        assert!(FACTS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(name(12), Some("Hostname"));
        assert_eq!(name(252), Some("Web Proxy Auto Discovery"));
        assert_eq!(name(84), None);
    }

    #[test]
    fn values_are_shown_by_their_format() {
        let shown = |code, bytes: &[u8]| Value::parse(code, bytes).to_string();
        assert_eq!(shown(12, b"ws07"), "ws07");
        assert_eq!(shown(1, &[255, 255, 255, 0]), "255.255.255.0");
        assert_eq!(shown(6, &[10, 20, 30, 1, 10, 20, 30, 2]), "10.20.30.1 10.20.30.2");
        assert_eq!(shown(6, &[10, 20, 30]), "0a141e");
        assert_eq!(shown(51, &[0, 1, 0x51, 0x80]), "86400");
        assert_eq!(shown(57, &[5, 0xdc]), "1500");
        assert_eq!(shown(53, &[3]), "3");
        assert_eq!(shown(81, b"\x01\0\0ws07.heron.example"), "ws07.heron.example");
        assert_eq!(shown(81, b"\x05\0\0\x04ws07\x05heron\x07example\0"), "ws07.heron.example.");
        assert_eq!(shown(81, b"\x05\0\0\x3fws07"), "ws07"); // cut
    }

    #[test]
    fn every_value_is_written_as_it_was_read() {
        for code in 0..=u8::MAX {
            for bytes in [&b""[..], b"a", b"ab", b"abc", b"abcd", b"abcdefgh"] {
                let mut out = Vec::new();
                Value::parse(code, bytes).emit(&mut Writer::new(&mut out));
                assert_eq!(out, bytes, "option {code}");
            }
        }
    }
}
