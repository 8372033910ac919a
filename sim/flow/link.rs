//! Link layers, and everything that leads from them to IP: VLAN tags, PPPoE, PPP, LLC/SNAP.
//!
//! Numbers of link types: <https://www.tcpdump.org/linktypes.html>. EtherTypes: IEEE
//! registration authority, as listed in RFC 9542.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::Flag;
use super::decode::{Layer, Peel};
use crate::base::LinkType;

/// LINKTYPE_ETHERNET.
pub const ETHERNET: u16 = 1;
const NULL: u16 = 0;
const PPP: u16 = 9;
/// DLT_RAW as some systems write it into files, beside LINKTYPE_RAW.
const RAW_BSD: [u16; 2] = [12, 14];
const PPP_HDLC: u16 = 50;
const PPP_ETHER: u16 = 51;
const RAW: u16 = 101;
const LOOP: u16 = 108;
const LINUX_SLL: u16 = 113;
const IPV4: u16 = 228;
const IPV6: u16 = 229;
const LINUX_SLL2: u16 = 276;

/// EtherType of IPv4, RFC 894.
pub const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// IEEE 802.1Q, 802.1ad (QinQ) and the older QinQ values in the field.
const ETHERTYPE_VLAN: [u16; 5] = [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300];
/// IEEE 802.1BR predecessor VN-Tag: four bytes, then the next EtherType.
const ETHERTYPE_VNTAG: u16 = 0x8926;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
/// Values below are IEEE 802.3 lengths (clause 3.2.6).
const ETHERTYPE_MIN: u16 = 0x0600;

/// The first layer of a frame of this link type.
pub(super) fn first(state: &mut Peel<'_>, link: LinkType) -> Layer {
    match link.0 {
        ETHERNET => Layer::Ethernet,
        RAW | IPV4 | IPV6 => Layer::Ip,
        number if RAW_BSD.contains(&number) => Layer::Ip,
        NULL | LOOP => loopback(state),
        LINUX_SLL => cooked(state, 14, 16),
        LINUX_SLL2 => cooked(state, 0, 20),
        PPP => ppp_link(state),
        PPP_HDLC => hdlc(state),
        PPP_ETHER => pppoe(state),
        _ => Layer::End(true),
    }
}

/// Ethernet II, or IEEE 802.3 with LLC.
pub(super) fn ethernet(state: &mut Peel<'_>) -> Layer {
    let Ok(header) = Ethernet2HeaderSlice::from_slice(state.rest()) else {
        return Layer::End(true);
    };
    if header.destination()[0] & 1 != 0 {
        state.packet.set(Flag::Group);
    }
    state.mac = Some(header.source());
    state.at += header.slice().len();
    Layer::EtherType(header.ether_type().0)
}

/// What an EtherType announces. Other protocols than IP are counted as frames, not as errors.
pub(super) fn ether_type(state: &mut Peel<'_>, ether_type: u16) -> Layer {
    match ether_type {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Layer::Ip,
        ETHERTYPE_PPPOE_SESSION => pppoe(state),
        ETHERTYPE_VNTAG => {
            let next = state.be16(4);
            state.at += 6;
            next.map_or(Layer::End(true), Layer::EtherType)
        }
        tag if ETHERTYPE_VLAN.contains(&tag) => vlan(state),
        length if length < ETHERTYPE_MIN => llc(state),
        _ => Layer::End(false),
    }
}

/// IEEE 802.1Q clause 9.6: two bytes of tag, then the next EtherType.
fn vlan(state: &mut Peel<'_>) -> Layer {
    let Ok(header) = SingleVlanHeaderSlice::from_slice(state.rest()) else {
        return Layer::End(true);
    };
    state.packet.set(Flag::Vlan);
    state.at += header.slice().len();
    Layer::EtherType(header.ether_type().0)
}

/// IEEE 802.2 LLC; only the SNAP form (RFC 1042) can carry IP.
fn llc(state: &mut Peel<'_>) -> Layer {
    const SNAP: [u8; 6] = [0xaa, 0xaa, 0x03, 0, 0, 0];
    if !state.rest().starts_with(&SNAP) {
        return Layer::End(false);
    }
    let next = state.be16(SNAP.len());
    state.at += SNAP.len() + 2;
    next.map_or(Layer::End(true), Layer::EtherType)
}

/// BSD loopback: four bytes of address family in the byte order of the machine that captured
/// (NULL) or big-endian (LOOP). The version nibble behind them says the same and is the same
/// on every system.
fn loopback(state: &mut Peel<'_>) -> Layer {
    const HEADER: usize = 4;
    if state.rest().len() <= HEADER {
        return Layer::End(true);
    }
    state.at += HEADER;
    Layer::Ip
}

/// Linux cooked capture: a header of `length` bytes with an EtherType at `type_at`.
fn cooked(state: &mut Peel<'_>, type_at: usize, length: usize) -> Layer {
    /// ARPHRD_ETHER and friends carry EtherTypes; netlink (824) does not.
    const ARPHRD_NETLINK: u16 = 824;
    let hardware_at = if length == 16 { 2 } else { 8 };
    let (Some(ether_type), Some(hardware)) = (state.be16(type_at), state.be16(hardware_at)) else {
        return Layer::End(true);
    };
    state.at += length;
    if hardware == ARPHRD_NETLINK {
        return Layer::End(false);
    }
    Layer::EtherType(ether_type)
}

/// LINKTYPE_PPP: with or without the HDLC-like address and control bytes (RFC 1662 section 3.1).
fn ppp_link(state: &mut Peel<'_>) -> Layer {
    if state.rest().starts_with(&[0xff, 0x03]) {
        state.at += 2;
    }
    Layer::Ppp
}

/// PPP in HDLC-like framing (address 0xff, RFC 1662) or Cisco HDLC (0x0f, 0x8f: EtherType).
fn hdlc(state: &mut Peel<'_>) -> Layer {
    match state.rest().first() {
        Some(0x0f | 0x8f) => {
            let next = state.be16(2);
            state.at += 4;
            next.map_or(Layer::End(true), Layer::EtherType)
        }
        Some(_) => ppp_link(state),
        None => Layer::End(true),
    }
}

/// PPPoE session header, RFC 2516 section 4: six bytes, then PPP.
fn pppoe(state: &mut Peel<'_>) -> Layer {
    const HEADER: usize = 6;
    let Some(length) = state.be16(4) else {
        return Layer::End(true);
    };
    state.at += HEADER;
    state.end = state.end.min(state.at + usize::from(length));
    Layer::Ppp
}

/// PPP protocol field, RFC 1661 section 2; one byte when compressed (odd first byte).
pub(super) fn ppp(state: &mut Peel<'_>) -> Layer {
    const PPP_IPV4: u16 = 0x0021;
    const PPP_IPV6: u16 = 0x0057;
    let Some(&first) = state.rest().first() else {
        return Layer::End(true);
    };
    let protocol = if first & 1 != 0 { Some(u16::from(first)) } else { state.be16(0) };
    state.at += if first & 1 != 0 { 1 } else { 2 };
    match protocol {
        Some(PPP_IPV4 | PPP_IPV6) => Layer::Ip,
        Some(_) => Layer::End(false), // LCP, IPCP, ...
        None => Layer::End(true),
    }
}
