//! Numbers of the Domain Name System and their names: types, opcodes, response codes.

use std::fmt::{self, Display};

/// Makes of one table the constants, their names, and the names of queries for them.
macro_rules! types {
    ($($(#[$meta:meta])+ $CONSTANT:ident = $code:literal $name:literal,)+) => {
        $($(#[$meta])+ pub const $CONSTANT: u16 = $code;)+

        /// Name of a record type, where we know it.
        pub const fn type_name(kind: u16) -> Option<&'static str> {
            match kind {
                $($code => Some($name),)+
                _ => None,
            }
        }

        /// Name of a query for a type.
        const fn query_name(kind: u16) -> Option<&'static str> {
            match kind {
                0 => Some("query"),
                $($code => Some(concat!("query ", $name)),)+
                _ => None,
            }
        }
    };
}

// Registry of RFC 6895 section 3.1; the last two [MS-DNSP] section 2.2.2.1.1.
types! {
    /// IPv4 address, RFC 1035 section 3.4.1.
    A = 1 "A",
    /// Name server, RFC 1035 section 3.3.11.
    NS = 2 "NS",
    /// Canonical name, RFC 1035 section 3.3.1.
    CNAME = 5 "CNAME",
    /// Start of authority, RFC 1035 section 3.3.13.
    SOA = 6 "SOA",
    /// No data; in NetBIOS answers "no such name", RFC 1035 section 3.3.10.
    NULL = 10 "NULL",
    /// Pointer to a name, RFC 1035 section 3.3.12.
    PTR = 12 "PTR",
    /// Host information, RFC 1035 section 3.3.2.
    HINFO = 13 "HINFO",
    /// Mail exchange, RFC 1035 section 3.3.9.
    MX = 15 "MX",
    /// Text, RFC 1035 section 3.3.14.
    TXT = 16 "TXT",
    /// Public key, RFC 2535 section 3.
    KEY = 25 "KEY",
    /// IPv6 address, RFC 3596 section 2.1.
    AAAA = 28 "AAAA",
    /// Location, RFC 1876.
    LOC = 29 "LOC",
    /// Service, RFC 2782.
    SRV = 33 "SRV",
    /// Naming authority pointer, RFC 3403.
    NAPTR = 35 "NAPTR",
    /// Certificate, RFC 4398.
    CERT = 37 "CERT",
    /// Name of a whole subtree, RFC 6672.
    DNAME = 39 "DNAME",
    /// Extensions, RFC 6891 section 6.1.
    OPT = 41 "OPT",
    /// Delegation signer, RFC 4034 section 5.
    DS = 43 "DS",
    /// Fingerprint of an SSH key, RFC 4255.
    SSHFP = 44 "SSHFP",
    /// Signature, RFC 4034 section 3.
    RRSIG = 46 "RRSIG",
    /// Next secure name, RFC 4034 section 4.
    NSEC = 47 "NSEC",
    /// Zone key, RFC 4034 section 2.
    DNSKEY = 48 "DNSKEY",
    /// Hashed next secure name, RFC 5155 section 3.
    NSEC3 = 50 "NSEC3",
    /// Parameters of the hash, RFC 5155 section 4.
    NSEC3PARAM = 51 "NSEC3PARAM",
    /// TLS certificate association, RFC 6698.
    TLSA = 52 "TLSA",
    /// Service binding, RFC 9460.
    SVCB = 64 "SVCB",
    /// Service binding of HTTP, RFC 9460.
    HTTPS = 65 "HTTPS",
    /// Sender policy, RFC 7208 section 3.1.
    SPF = 99 "SPF",
    /// Exchange of keys, RFC 2930 section 2.
    TKEY = 249 "TKEY",
    /// Signature of a transaction, RFC 8945 section 4.
    TSIG = 250 "TSIG",
    /// Incremental zone transfer, RFC 1995.
    IXFR = 251 "IXFR",
    /// Zone transfer, RFC 5936.
    AXFR = 252 "AXFR",
    /// All types, RFC 1035 section 3.2.3.
    ANY = 255 "ANY",
    /// Address of a service, RFC 7553.
    URI = 256 "URI",
    /// Certification authority authorisation, RFC 8659.
    CAA = 257 "CAA",
    /// Forward lookup in WINS.
    WINS = 0xff01 "WINS",
    /// Reverse lookup in WINS.
    WINS_R = 0xff02 "WINS-R",
}

/// Types whose queries the sensor tells as activities of their own.
pub const WATCHED: [u16; 7] = [AXFR, TXT, MX, NS, SRV, ANY, DNSKEY];

/// Opcodes, RFC 6895 section 2.2: a query.
pub const OPCODE_QUERY: u8 = 0;
/// A zone has changed, RFC 1996.
pub const OPCODE_NOTIFY: u8 = 4;
/// A dynamic update, RFC 2136.
pub const OPCODE_UPDATE: u8 = 5;

/// A record type, shown by its name or as in RFC 3597 section 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeName(pub u16);

impl Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match type_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// The number under which messages are counted: the opcode above 16 bits that hold, in queries
/// and their answers, the type asked for, and are 0 in all others and where nothing is asked.
pub const fn operation(opcode: u8, kind: u16) -> u32 {
    let kind = if opcode == OPCODE_QUERY { kind as u32 } else { 0 };
    (opcode as u32) << 16 | kind
}

/// Name of an [`operation`].
pub fn operation_name(code: u32) -> Option<&'static str> {
    let [_, opcode, high, low] = code.to_be_bytes();
    match opcode {
        OPCODE_QUERY => query_name(u16::from_be_bytes([high, low])),
        opcode => opcode_name(opcode),
    }
}

/// Name of an opcode.
pub const fn opcode_name(opcode: u8) -> Option<&'static str> {
    match opcode {
        OPCODE_QUERY => Some("query"),
        1 => Some("inverse query"),
        2 => Some("status"),
        OPCODE_NOTIFY => Some("notify"),
        OPCODE_UPDATE => Some("update"),
        6 => Some("stateful operation"),
        _ => None,
    }
}

/// Name of a response code, extended ones included: RFC 6895 section 2.3. Code 16 is read as in
/// the extended header; in a TSIG record the same number means BADSIG.
pub fn rcode_name(code: u32) -> &'static str {
    match code {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        6 => "YXDOMAIN",
        7 => "YXRRSET",
        8 => "NXRRSET",
        9 => "NOTAUTH",
        10 => "NOTZONE",
        11 => "DSOTYPENI",
        16 => "BADVERS",
        17 => "BADKEY",
        18 => "BADTIME",
        19 => "BADMODE",
        20 => "BADNAME",
        21 => "BADALG",
        22 => "BADTRUNC",
        23 => "BADCOOKIE",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_names_of_what_is_asked() {
        assert_eq!(operation_name(operation(OPCODE_QUERY, AAAA)), Some("query AAAA"));
        assert_eq!(operation_name(operation(OPCODE_QUERY, WINS_R)), Some("query WINS-R"));
        assert_eq!(operation_name(operation(OPCODE_QUERY, 0)), Some("query"));
        assert_eq!(operation_name(operation(OPCODE_UPDATE, SOA)), Some("update"));
        assert_eq!(operation_name(operation(9, 0)), None);
        assert_eq!(operation_name(operation(OPCODE_QUERY, 4711)), None);
        assert_eq!([TypeName(SRV), TypeName(4711)].map(|n| n.to_string()), ["SRV", "TYPE4711"]);
    }
}
