//! What the records of each type hold. Read when somebody asks, and written by the emitter.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::name::Name;
use super::sheet::Encoder;
use super::types;
use crate::wire::{Cause, Reader, WireError, wire_struct};

/// The two dialects of the format: type 33 is SRV in one and NBSTAT in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 1035 and its successors; also mDNS and LLMNR.
    Dns,
    /// RFC 1002 section 4.2.
    NetBios,
}

/// Type of a record with addresses of a NetBIOS name, RFC 1002 section 4.2.1.3.
pub const NB: u16 = 0x20;
/// Type of a node status, RFC 1002 section 4.2.1.3.
pub const NBSTAT: u16 = 0x21;

wire_struct! {
    /// What follows the names of a start of authority, RFC 1035 section 3.3.13.
    pub struct SoaTimes / SoaTimesView [20] {
        /// Version of the zone.
        0 serial: be u32,
        /// Seconds between refreshes.
        4 refresh_seconds: be u32,
        /// Seconds until a failed refresh is tried again.
        8 retry_seconds: be u32,
        /// Seconds until the zone is given up.
        12 expire_seconds: be u32,
        /// Seconds that a missing name is remembered, RFC 2308 section 4.
        16 minimum_seconds: be u32,
    }
}

wire_struct! {
    /// What precedes the target of a service, RFC 2782.
    pub struct SrvHead / SrvHeadView [6] {
        /// Lowest is asked first.
        0 priority: be u16,
        /// Share among equals.
        2 weight: be u16,
        /// Port of the service.
        4 port: be u16,
    }
}

wire_struct! {
    /// What precedes the key of a zone, RFC 4034 section 2.1.
    pub struct DnskeyHead / DnskeyHeadView [4] {
        /// Zone key, secure entry point.
        0 flags: be u16,
        /// Always 3.
        2 protocol: be u8,
        /// See RFC 8624 section 3.1.
        3 algorithm: be u8,
    }
}

wire_struct! {
    /// What follows the algorithm of a key exchange, RFC 2930 section 2.
    pub struct TkeyHead / TkeyHeadView [12] {
        /// Begin of validity, seconds since 1970.
        0 inception_seconds: be u32,
        /// End of validity, seconds since 1970.
        4 expiration_seconds: be u32,
        /// How keys are agreed on; 3 is GSS-API.
        8 mode: be u16,
        /// 0, or what went wrong: RFC 2930 section 2.6.
        10 error: be u16,
    }
}

wire_struct! {
    /// What follows the algorithm of a signature, RFC 8945 section 4.2.
    pub struct TsigHead / TsigHeadView [8] {
        /// When it was signed: 48 bits of seconds since 1970.
        0 signed_seconds: raw [u8; 6],
        /// Seconds by which clocks may differ.
        6 fudge_seconds: be u16,
    }
}

wire_struct! {
    /// What follows the digest of a signature, RFC 8945 section 4.2.
    pub struct TsigTail / TsigTailView [4] {
        /// Id of the message when it was signed.
        0 original_id: be u16,
        /// 0, or what went wrong: RFC 8945 section 3.
        2 error: be u16,
    }
}

/// [`TkeyHead::mode`] of GSS-API, RFC 3645 section 3.1.
pub const TKEY_MODE_GSS: u16 = 3;

/// Length of an entry of a node status: name and flags, RFC 1002 section 4.2.18.
pub const NODE_NAME: usize = 18;
/// Length of an address of a NetBIOS name with its flags, RFC 1002 section 4.2.13.
pub const NB_ADDRESS: usize = 6;

/// The data of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Data<'a> {
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A name server.
    Ns(Name<'a>),
    /// What the owner is an alias of.
    Cname(Name<'a>),
    /// What the owner points to.
    Ptr(Name<'a>),
    /// Start of authority: first server, mailbox, times.
    Soa(Name<'a>, Name<'a>, SoaTimes),
    /// Mail exchange, with its preference.
    Mx(u16, Name<'a>),
    /// Strings, each behind a byte with its length.
    Txt(&'a [u8]),
    /// A service and its target.
    Srv(SrvHead, Name<'a>),
    /// Options of EDNS as they lie; class and time to live of the record hold the rest.
    Opt(&'a [u8]),
    /// A zone key.
    Dnskey(DnskeyHead, &'a [u8]),
    /// An exchange of keys.
    Tkey(Tkey<'a>),
    /// A signature.
    Tsig(Tsig<'a>),
    /// Addresses of a NetBIOS name, each two bytes of flags and an IPv4 address.
    Nb(&'a [[u8; NB_ADDRESS]]),
    /// The names of a node, each sixteen bytes and two of flags, and its statistics, which begin
    /// with its hardware address.
    NodeStatus(&'a [[u8; NODE_NAME]], &'a [u8]),
    /// Of any other type, or not as its type demands: type and bytes.
    Other(u16, &'a [u8]),
}

/// An exchange of keys, RFC 2930 section 2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tkey<'a> {
    /// How the key will be used: `gss-tsig`.
    pub algorithm: Name<'a>,
    /// Times, mode and error.
    pub head: TkeyHead,
    /// In mode 3 a token of GSS-API, RFC 3645 section 3.1.2.
    pub key: &'a [u8],
    /// Not defined.
    pub other: &'a [u8],
}

/// A signature, RFC 8945 section 4.2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsig<'a> {
    /// `gss-tsig`, `hmac-sha256`.
    pub algorithm: Name<'a>,
    /// Times.
    pub head: TsigHead,
    /// The digest.
    pub mac: &'a [u8],
    /// Original id and error.
    pub tail: TsigTail,
    /// The server's time where clocks differ.
    pub other: &'a [u8],
}

impl<'a> Data<'a> {
    /// Reads the `bytes` that lie at `at` in `message`. What is not as its type demands is
    /// [`Data::Other`]: deletions of RFC 2136 have types and no data.
    pub(super) fn parse(
        (dialect, kind): (Dialect, u16),
        message: &'a [u8],
        at: usize,
        bytes: &'a [u8],
    ) -> Self {
        let other = Self::Other(kind, bytes);
        let mut r = Reader::new("dns::Data", message.get(..at + bytes.len()).unwrap_or_default());
        if r.bytes(at).is_err() {
            return other;
        }
        let read = match dialect {
            Dialect::Dns => Self::read(kind, &mut r, message),
            Dialect::NetBios => Self::read_net_bios(kind, &mut r),
        };
        match read {
            Ok(Some(data)) if r.is_empty() => data,
            _ => other,
        }
    }

    fn read(kind: u16, r: &mut Reader<'a>, message: &'a [u8]) -> Result<Option<Self>, WireError> {
        Ok(Some(match kind {
            types::A => Self::A((*r.array::<4>()?).into()),
            types::AAAA => Self::Aaaa((*r.array::<16>()?).into()),
            types::NS => Self::Ns(Name::parse(r, message)?),
            types::CNAME => Self::Cname(Name::parse(r, message)?),
            types::PTR => Self::Ptr(Name::parse(r, message)?),
            types::SOA => {
                let (server, mailbox) = (Name::parse(r, message)?, Name::parse(r, message)?);
                Self::Soa(server, mailbox, SoaTimes::parse(r)?)
            }
            types::MX => {
                let preference = u16::from_be_bytes(*r.array()?);
                Self::Mx(preference, Name::parse(r, message)?)
            }
            types::TXT => Self::Txt(r.remainder()),
            types::SRV => Self::Srv(SrvHead::parse(r)?, Name::parse(r, message)?),
            types::OPT => Self::Opt(r.remainder()),
            types::DNSKEY => Self::Dnskey(DnskeyHead::parse(r)?, r.remainder()),
            types::TKEY => Self::Tkey(Tkey::parse(r, message)?),
            types::TSIG => Self::Tsig(Tsig::parse(r, message)?),
            _ => return Ok(None),
        }))
    }

    fn read_net_bios(kind: u16, r: &mut Reader<'a>) -> Result<Option<Self>, WireError> {
        match kind {
            NB => match r.remainder().as_chunks::<NB_ADDRESS>() {
                ([], _) | (_, [_, ..]) => Ok(None),
                (addresses, []) => Ok(Some(Self::Nb(addresses))),
            },
            NBSTAT => {
                let count = usize::from(r.byte()?);
                let (names, _) = r.bytes(count * NODE_NAME)?.as_chunks::<NODE_NAME>();
                Ok(Some(Self::NodeStatus(names, r.remainder())))
            }
            _ => Ok(None),
        }
    }

    /// Appends the data, without their length.
    pub(super) fn emit(&self, w: &mut Encoder) {
        match self {
            Self::A(address) => w.bytes(&address.octets()),
            Self::Aaaa(address) => w.bytes(&address.octets()),
            // Of the types that RFC 3597 section 4 lets us compress.
            Self::Ns(name) | Self::Cname(name) | Self::Ptr(name) => w.name(name),
            Self::Soa(server, mailbox, times) => {
                w.name(server);
                w.name(mailbox);
                w.put(|w| times.emit(w));
            }
            Self::Mx(preference, exchange) => {
                w.bytes(&preference.to_be_bytes());
                w.name(exchange);
            }
            // RFC 2782: the target is not compressed.
            Self::Srv(head, target) => {
                w.put(|w| head.emit(w));
                w.whole_name(target);
            }
            Self::Dnskey(head, key) => {
                w.put(|w| head.emit(w));
                w.bytes(key);
            }
            Self::Tkey(tkey) => tkey.emit(w),
            Self::Tsig(tsig) => tsig.emit(w),
            Self::Nb(addresses) => w.bytes(addresses.as_flattened()),
            Self::NodeStatus(names, statistics) => {
                w.bytes(&[u8::try_from(names.len()).unwrap_or(u8::MAX)]);
                w.bytes(names.as_flattened());
                w.bytes(statistics);
            }
            Self::Txt(bytes) | Self::Opt(bytes) | Self::Other(_, bytes) => w.bytes(bytes),
        }
    }

    /// Type of the record.
    pub const fn kind(&self) -> u16 {
        match self {
            Self::A(_) => types::A,
            Self::Aaaa(_) => types::AAAA,
            Self::Ns(_) => types::NS,
            Self::Cname(_) => types::CNAME,
            Self::Ptr(_) => types::PTR,
            Self::Soa(..) => types::SOA,
            Self::Mx(..) => types::MX,
            Self::Txt(_) => types::TXT,
            Self::Srv(..) => types::SRV,
            Self::Opt(_) => types::OPT,
            Self::Dnskey(..) => types::DNSKEY,
            Self::Tkey(_) => types::TKEY,
            Self::Tsig(_) => types::TSIG,
            Self::Nb(_) => NB,
            Self::NodeStatus(..) => NBSTAT,
            Self::Other(kind, _) => *kind,
        }
    }
}

impl<'a> Tkey<'a> {
    fn parse(r: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, WireError> {
        let (algorithm, head) = (Name::parse(r, message)?, TkeyHead::parse(r)?);
        Ok(Self { algorithm, head, key: counted(r)?, other: counted(r)? })
    }

    /// RFC 2930 section 2.1: the algorithm is not compressed.
    fn emit(&self, w: &mut Encoder) {
        w.whole_name(&self.algorithm);
        w.put(|w| self.head.emit(w));
        w.counted(self.key);
        w.counted(self.other);
    }
}

impl<'a> Tsig<'a> {
    fn parse(r: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, WireError> {
        let (algorithm, head) = (Name::parse(r, message)?, TsigHead::parse(r)?);
        let mac = counted(r)?;
        Ok(Self { algorithm, head, mac, tail: TsigTail::parse(r)?, other: counted(r)? })
    }

    /// RFC 8945 section 4.2: the algorithm is not compressed.
    fn emit(&self, w: &mut Encoder) {
        w.whole_name(&self.algorithm);
        w.put(|w| self.head.emit(w));
        w.counted(self.mac);
        w.put(|w| self.tail.emit(w));
        w.counted(self.other);
    }
}

/// Strings of a TXT record, or of one like it; stops where a length says too much.
pub fn strings(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut r = Reader::new("dns::Txt", data);
    std::iter::from_fn(move || {
        let length = r.byte().ok()?;
        r.bytes(usize::from(length)).ok()
    })
}

/// Bytes behind 16 bits with their length.
fn counted<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let length = u16::from_be_bytes(*r.array()?);
    r.bytes(usize::from(length))
}

/// A data length that 16 bits cannot say.
pub(super) const fn too_many(got: usize) -> WireError {
    let cause = Cause::BadLength { field: "data", got, min: 0, max: u16::MAX as usize };
    WireError { what: "dns::Message", offset: 0, cause }
}
