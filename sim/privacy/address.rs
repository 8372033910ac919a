//! Addresses to addresses: prefixes stay prefixes, special ranges stay what they are.
//!
//! The mapping walks the binary tree of addresses and, at each node, swaps the two halves below
//! it or not, as the key says: two addresses share as many leading bits after it as before (Xu,
//! Fan, Ammar, Moon: "On the design and performance of prefix-preserving IP traffic trace
//! anonymization", 2001). A node above a special range is never swapped, so that the range, and
//! with it everything outside of it, maps to itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::key::{Keyed, Purpose};

/// A range of addresses that means something to a reader.
struct Special {
    prefix: u128,
    bits: u32,
    /// Kept as it is; otherwise mapped inside the range.
    is_kept: bool,
}

const fn v4(a: u8, b: u8, bits: u32, is_kept: bool) -> Special {
    Special { prefix: (a as u128) << 120 | (b as u128) << 112, bits, is_kept }
}

const fn v6(prefix: u128, bits: u32, is_kept: bool) -> Special {
    Special { prefix, bits, is_kept }
}

/// Special-purpose addresses of IPv4, RFC 6890 section 2.2.2, and multicast, RFC 5771.
const SPECIAL_V4: [Special; 8] = [
    v4(0, 0, 8, true),       // this network, unspecified
    v4(10, 0, 8, false),     // private, RFC 1918
    v4(100, 64, 10, false),  // shared, RFC 6598
    v4(127, 0, 8, true),     // loopback
    v4(169, 254, 16, false), // link-local
    v4(172, 16, 12, false),  // private
    v4(192, 168, 16, false), // private
    v4(224, 0, 3, true),     // multicast, reserved, broadcast
];

/// The same of IPv6, RFC 6890 section 2.2.3 and RFC 4291 section 2.7.
const SPECIAL_V6: [Special; 6] = [
    v6(0, 127, true),               // unspecified, loopback
    v6(0xfe80 << 112, 64, false),   // link-local
    v6(0xfc00 << 112, 8, false),    // unique local, RFC 4193
    v6(0xfd00 << 112, 8, false),    // unique local
    v6(0xff00 << 112, 8, true),     // multicast
    v6(SOLICITED_NODE, 104, false), // holds the end of a unicast address
];

/// `ff02::1:ff00:0`, RFC 4291 section 2.7.1.
const SOLICITED_NODE: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;

/// Second byte of an Ethernet group address for IPv6 multicast and the first of the solicited
/// node's, RFC 2464 section 7.
const MULTICAST_V6: [u8; 3] = [0x33, 0x33, 0xff];
/// Prefixes of Ethernet group addresses that name protocols, not hosts: IPv4 and IPv6 multicast
/// (RFC 1112 section 6.4, RFC 2464 section 7), bridges (IEEE 802.1Q table 8-1).
const GROUPS: [&[u8]; 3] = [&[0x01, 0x00, 0x5e], &[0x33, 0x33], &[0x01, 0x80, 0xc2]];

/// The image of an IPv4 address.
pub(super) fn map_v4(keyed: &Keyed, address: Ipv4Addr) -> Ipv4Addr {
    let bits = u128::from(address.to_bits()) << 96;
    let [a, b, c, d, ..] = map(keyed, Purpose::V4, &SPECIAL_V4, bits, 4);
    Ipv4Addr::new(a, b, c, d)
}

/// The image of an IPv6 address. An IPv4 address inside one maps as it does alone.
pub(super) fn map_v6(keyed: &Keyed, address: Ipv6Addr) -> Ipv6Addr {
    if let Some(inside) = address.to_ipv4_mapped() {
        return map_v4(keyed, inside).to_ipv6_mapped();
    }
    map(keyed, Purpose::V6, &SPECIAL_V6, address.to_bits(), 16).into()
}

/// The image of an address of either family.
pub(super) fn map_ip(keyed: &Keyed, address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => map_v4(keyed, v4).into(),
        IpAddr::V6(v6) => map_v6(keyed, v6).into(),
    }
}

/// Maps the first `length` bytes of `address`, one keyed hash for each: its 256 bits are the
/// decisions of the 255 nodes that the byte may pass.
fn map(
    keyed: &Keyed,
    purpose: Purpose,
    special: &[Special],
    address: u128,
    length: usize,
) -> [u8; 16] {
    let agree = |prefix: u128, bits: u32| {
        bits == 0 || (prefix ^ address).checked_shr(128 - bits).unwrap_or(0) == 0
    };
    let inside = special.iter().filter(|range| agree(range.prefix, range.bits));
    if inside.max_by_key(|range| range.bits).is_some_and(|range| range.is_kept) {
        return address.to_be_bytes();
    }
    let original = address.to_be_bytes();
    let mut image = [0; 16];
    for (at, byte) in original.iter().enumerate().take(length) {
        let before = original.get(..at).unwrap_or_default();
        let decisions = keyed.hash(purpose, before);
        let mut node = 1_u8;
        let mut mapped = 0;
        for bit in 0..8_u32 {
            let depth = u32::try_from(at).unwrap_or(0) * 8 + bit;
            let is_above = special.iter().any(|r| r.bits > depth && agree(r.prefix, depth));
            let decision = decisions.get(usize::from(node / 8)).copied().unwrap_or(0);
            let swap = u8::from(!is_above) & decision >> (node % 8) & 1;
            let value = byte >> (7 - bit) & 1;
            mapped = mapped << 1 | (value ^ swap);
            node = node.wrapping_shl(1) | value; // the eighth time it is not used any more
        }
        if let Some(place) = image.get_mut(at) {
            *place = mapped;
        }
    }
    image
}

/// The image of an Ethernet address: unicast ones become locally administered (IEEE 802c), so
/// that no maker's name is shown; groups that name a protocol stay.
pub(super) fn map_mac(keyed: &Keyed, address: [u8; 6]) -> [u8; 6] {
    if let [0x33, 0x33, 0xff, x, y, z] = address {
        // Agrees with the solicited-node address that it was made from.
        let low = u128::from(u32::from_be_bytes([0, x, y, z]));
        let [.., x, y, z] = map_v6(keyed, Ipv6Addr::from_bits(SOLICITED_NODE | low)).octets();
        let [a, b, c] = MULTICAST_V6;
        return [a, b, c, x, y, z];
    }
    let is_plain = address == [0; 6] || address == [0xff; 6];
    if is_plain || GROUPS.iter().any(|prefix| address.starts_with(prefix)) {
        return address;
    }
    let [a, b, c, d, e, ..] = keyed.hash(Purpose::Mac, &address);
    let [first, ..] = address;
    [0x02 | first & 1, a, b, c, d, e]
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;
    use crate::base::Random;

    fn keyed() -> Keyed {
        Keyed::new(&Key::from_secret(b"test"))
    }

    fn image(text: &str) -> String {
        map_ip(&keyed(), text.parse().unwrap()).to_string()
    }

    #[test]
    fn special_addresses_stay() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.251",
            "239.255.255.250",
            "255.255.255.255",
            "::",
            "::1",
            "ff02::fb",
            "ff02::1:3",
            "::ffff:127.0.0.1",
        ] {
            assert_eq!(image(text), text);
        }
    }

    #[test]
    fn private_and_local_addresses_stay_inside_their_range_and_change() {
        for (text, prefix) in [
            ("10.77.0.10", "10."),
            ("192.168.3.4", "192.168."),
            ("169.254.7.8", "169.254."),
            ("fe80::1234:5678:9abc:def0", "fe80::"),
            ("fd77::10", "fd"),
            ("ff02::1:ff00:10", "ff02::1:ff"),
        ] {
            let got = image(text);
            assert!(got.starts_with(prefix) && got != text, "{text} became {got}");
        }
        let IpAddr::V4(inside) = map_ip(&keyed(), "172.20.1.1".parse().unwrap()) else { panic!() };
        assert!((16..32).contains(&inside.octets()[1]) && inside.octets()[0] == 172);
    }

    #[test]
    fn addresses_share_as_many_bits_as_before() {
        let keyed = keyed();
        let mut random = Random::new(5);
        for round in 0..2_000 {
            let one = random.below(u32::MAX);
            let other =
                one ^ (1 << random.below(32)) ^ (random.below(u32::MAX) >> random.below(32));
            let [a, b] = [one, other].map(Ipv4Addr::from_bits);
            let kept = |a: Ipv4Addr| map_v4(&keyed, a) == a;
            if kept(a) || kept(b) {
                continue; // kept ranges are shared with nothing else by construction
            }
            let images = [a, b].map(|address| map_v4(&keyed, address).to_bits());
            let shared = |a: u32, b: u32| (a ^ b).leading_zeros();
            assert_eq!(shared(images[0], images[1]), shared(one, other), "round {round}: {a} {b}");
        }
        for bit in 65..128 {
            let one = 0x2001_0db8_0000_0000_0000_0000_0000_0001_u128;
            let [a, b] = [one, one ^ 1 << (127 - bit)]
                .map(|bits| map_v6(&keyed, Ipv6Addr::from_bits(bits)).to_bits());
            assert_eq!((a ^ b).leading_zeros(), bit);
        }
    }

    #[test]
    fn nothing_becomes_special() {
        let keyed = keyed();
        let mut random = Random::new(6);
        for _ in 0..5_000 {
            let address = Ipv4Addr::from_bits(random.below(u32::MAX));
            let image = map_v4(&keyed, address);
            assert_eq!(
                (address.is_private(), address.is_multicast(), address.is_loopback()),
                (image.is_private(), image.is_multicast(), image.is_loopback())
            );
        }
    }

    #[test]
    fn ethernet_addresses_become_locally_administered() {
        let keyed = keyed();
        let mapped = map_mac(&keyed, [0x00, 0x50, 0x56, 1, 2, 3]);
        assert_eq!(mapped[0], 2);
        assert_eq!(mapped, map_mac(&keyed, [0x00, 0x50, 0x56, 1, 2, 3]));
        assert_ne!(mapped, map_mac(&keyed, [0x00, 0x50, 0x56, 1, 2, 4]));
        for group in [[0xff; 6], [1, 0, 0x5e, 0, 0, 0xfb], [0x33, 0x33, 0, 0, 0, 0xfb], [0; 6]] {
            assert_eq!(map_mac(&keyed, group), group);
        }
        let solicited = map_v6(&keyed, "ff02::1:ff00:10".parse().unwrap()).octets();
        assert_eq!(map_mac(&keyed, [0x33, 0x33, 0xff, 0, 0, 0x10])[2..], solicited[12..]);
    }
}
