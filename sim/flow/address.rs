//! An IP address of either family in two machine words.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv6 address, or an IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`, RFC 4291
/// section 2.5.5.2), as two big-endian halves.
///
/// Comparing and hashing two words is what the flow table does all day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address {
    /// First eight bytes.
    pub high: u64,
    /// Last eight bytes.
    pub low: u64,
}

/// Upper part of the low half of a mapped IPv4 address.
const MAPPED: u64 = 0xffff_0000_0000;

impl Address {
    /// From the four bytes of an IPv4 address.
    #[inline]
    pub fn v4(bytes: [u8; 4]) -> Self {
        Self { high: 0, low: MAPPED | u64::from(u32::from_be_bytes(bytes)) }
    }

    /// From the sixteen bytes of an IPv6 address.
    #[inline]
    pub fn v6(bytes: [u8; 16]) -> Self {
        let value = u128::from_be_bytes(bytes);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let (high, low) = ((value >> 64) as u64, value as u64);
        Self { high, low }
    }

    /// True for an IPv4 address.
    #[inline]
    pub fn is_v4(self) -> bool {
        self.high == 0 && self.low >> 32 == MAPPED >> 32
    }

    /// True for an address that one host can have: not unspecified, loopback, multicast or the
    /// limited broadcast.
    pub fn is_host(self) -> bool {
        let ip = self.to_ip();
        let broadcast = ip == IpAddr::V4(Ipv4Addr::BROADCAST);
        !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || broadcast)
    }

    /// The address as the standard library knows it.
    pub fn to_ip(self) -> IpAddr {
        if self.is_v4() {
            #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits are the address")]
            let bits = self.low as u32;
            return Ipv4Addr::from_bits(bits).into();
        }
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low)).into()
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::v4(v4.octets()),
            IpAddr::V6(v6) => Self::v6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_nobody_are_no_hosts() {
        let is_host = |text: &str| Address::from(text.parse::<IpAddr>().unwrap()).is_host();
        assert!(is_host("10.77.0.10") && is_host("fd77::10") && is_host("fe80::1"));
        for text in
            ["0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.251", "ff02::fb", "255.255.255.255"]
        {
            assert!(!is_host(text), "{text}");
        }
    }

    #[test]
    fn survives_the_way_there_and_back() {
        for text in ["10.77.0.10", "0.0.0.0", "255.255.255.255", "fe80::1", "::", "2001:db8::9"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).to_ip(), ip);
            assert_eq!(Address::from(ip).is_v4(), ip.is_ipv4());
        }
    }
}
