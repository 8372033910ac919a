//! Names of link-layer header types, <https://www.tcpdump.org/linktypes.html>.

use crate::base::LinkType;

/// Those that tools write on networks with domain controllers, by number.
const NAMES: [(u16, &str); 27] = [
    (0, "NULL"),
    (1, "ETHERNET"),
    (6, "IEEE802_5"),
    (9, "PPP"),
    (10, "FDDI"),
    (50, "PPP_HDLC"),
    (51, "PPP_ETHER"),
    (101, "RAW"),
    (104, "C_HDLC"),
    (105, "IEEE802_11"),
    (107, "FRELAY"),
    (108, "LOOP"),
    (109, "ENC"),
    (113, "LINUX_SLL"),
    (117, "PFLOG"),
    (127, "IEEE802_11_RADIOTAP"),
    (147, "USER0"),
    (187, "BLUETOOTH_HCI_H4"),
    (192, "PPI"),
    (204, "PPP_WITH_DIR"),
    (220, "USB_LINUX_MMAPPED"),
    (228, "IPV4"),
    (229, "IPV6"),
    (239, "NFLOG"),
    (253, "NETLINK"),
    (274, "ETHERNET_MPACKET"),
    (276, "LINUX_SLL2"),
];

/// The registered name without its `LINKTYPE_`, or `LINKTYPE n` for one not listed here.
pub fn link_name(link: LinkType) -> String {
    match NAMES.iter().find(|(number, _)| *number == link.0) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("LINKTYPE {}", link.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_known_and_numbers_the_rest() {
        assert_eq!(link_name(LinkType(1)), "ETHERNET");
        assert_eq!(link_name(LinkType(65_000)), "LINKTYPE 65000");
    }

    #[test]
    fn the_table_is_sorted_and_without_doubles() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
