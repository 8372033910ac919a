//! An IP address of either family in two machine words.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
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

/// A map by address, several times as fast as with the standard library's hash, which is made
/// for keys of any length.
pub type AddressMap<V> = HashMap<Address, V, AddressKeys>;

/// Two secret words per map: who chooses addresses cannot choose which of them collide.
#[derive(Debug, Clone)]
pub struct AddressKeys([u64; 2]);

impl Default for AddressKeys {
    fn default() -> Self {
        let state = RandomState::new();
        Self([state.hash_one(0), state.hash_one(1)])
    }
}

impl BuildHasher for AddressKeys {
    type Hasher = AddressHasher;

    #[inline]
    fn build_hasher(&self) -> AddressHasher {
        AddressHasher { sum: self.0[0], key: self.0[1] }
    }
}

/// Multiplies each word, hidden behind what came before, by a secret and folds the 128 bits of
/// the product.
#[derive(Debug)]
pub struct AddressHasher {
    sum: u64,
    key: u64,
}

impl Hasher for AddressHasher {
    #[inline]
    fn finish(&self) -> u64 {
        self.sum
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.sum ^ word) * u128::from(self.key | 1);
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let (high, low) = ((product >> 64) as u64, product as u64);
        self.sum = high ^ low ^ self.key.rotate_left(32);
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_spread_over_a_map() {
        // Fixed keys: about one secret in thirty spreads less evenly, and a test must not depend on
        // which it draws.
        let mut random = crate::base::Random::new(1);
        for _ in 0..20 {
            let keys = AddressKeys([random.next_u64(), random.next_u64()]);
            // The map takes a place by the low bits and a tag from the high ones.
            let (mut low, mut high) = ([0u32; 256], [0u32; 128]);
            for number in 0u32..65_536 {
                let hash = keys.hash_one(Address::v4((0x0a00_0000 + number).to_be_bytes()));
                low[(hash & 255) as usize] += 1;
                high[(hash >> 57) as usize] += 1;
            }
            assert!(low.iter().all(|&count| (32..=1_024).contains(&count)), "{low:?}");
            assert!(high.iter().all(|&count| (64..=2_048).contains(&count)), "{high:?}");
        }
    }

    #[test]
    fn each_map_has_a_secret_of_its_own() {
        let hash = || AddressKeys::default().hash_one(Address::default());
        assert_ne!(hash(), hash());
    }

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
