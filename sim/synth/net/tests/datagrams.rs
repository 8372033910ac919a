//! Datagrams: fragments, groups, checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::defrag::IpDefragPool;
use etherparse::{IpPayloadSlice, NetSlice, SlicedPacket, TransportSlice, UdpSlice, ip_number};
use proptest::prelude::*;

use super::super::Flow;
use super::super::frames::Frames;
use super::{conditions, flow, flows};
use crate::proto::Side;
use crate::synth::Peer;

fn frames(flow: &Flow, mtu_bytes: u16, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Frames::default();
    frames.udp(1_000, flow, Side::Client, 0x1234, mtu_bytes, payload);
    assert!(frames.places.is_sorted_by_key(|place| place.time));
    let bytes = |offset: u32, length: u32| &frames.bytes[offset as usize..][..length as usize];
    frames.places.iter().map(|place| bytes(place.offset, place.length).to_vec()).collect()
}

/// The UDP header and payload that fragments make together, by etherparse.
fn defragmented(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut pool = IpDefragPool::<(), ()>::new();
    for frame in frames {
        let packet = SlicedPacket::from_ethernet(frame).unwrap();
        let found = pool.process_sliced_packet(&packet, (), ()).unwrap();
        if let Some(found) = found {
            assert_eq!(found.ip_number, ip_number::UDP);
            return found.payload;
        }
    }
    panic!("fragments are missing");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fragments_make_the_datagram(
        flow in flows(),
        conditions in conditions(true),
        payload in prop::collection::vec(any::<u8>(), 0..20_000),
    ) {
        let mtu = conditions.mtu_bytes;
        let frames = frames(&flow, mtu, &payload);
        let link = if flow.vlan.is_some() { 18 } else { 14 };
        for frame in &frames {
            prop_assert!(frame.len() <= link + usize::from(mtu));
        }
        let whole = match &frames[..] {
            [one] => {
                let packet = SlicedPacket::from_ethernet(one).unwrap();
                let Some(TransportSlice::Udp(udp)) = packet.transport else { panic!("no UDP") };
                udp.slice().to_vec()
            }
            several => defragmented(several),
        };
        let udp = UdpSlice::from_slice(&whole).unwrap();
        prop_assert_eq!(udp.payload(), &payload[..]);
        let header = udp.to_header();
        let sum = match (flow.client.address, flow.server.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                header.calc_checksum_ipv4_raw(a.octets(), b.octets(), &payload).unwrap()
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                header.calc_checksum_ipv6_raw(a.octets(), b.octets(), &payload).unwrap()
            }
            _ => panic!("two families"),
        };
        prop_assert_eq!(header.checksum, sum);
    }
}

#[test]
fn datagrams_may_be_fragmented_on_the_way_as_windows_allows() {
    let flow = flow(false, Side::Server, None, 53, 0.3);
    let whole = &frames(&flow, 1_500, &[7; 100])[0];
    let packet = SlicedPacket::from_ethernet(whole).unwrap();
    let Some(NetSlice::Ipv4(ip)) = &packet.net else { panic!("no IPv4") };
    assert!(!ip.header().dont_fragment());
    assert_eq!(ip.header().ttl(), 128);
    assert!(!matches!(ip.payload(), IpPayloadSlice { fragmented: true, .. }));
}

#[test]
fn groups_have_the_addresses_that_belong_to_them() {
    let to = |address: IpAddr| {
        let is_v6 = address.is_ipv6();
        let flow =
            Flow { server: Peer::group(address), ..flow(is_v6, Side::Server, None, 137, 0.0) };
        let frame = frames(&flow, 1_500, &[1; 30]).remove(0);
        let hops = if is_v6 { frame[21] } else { frame[22] };
        (<[u8; 6]>::try_from(&frame[..6]).unwrap(), hops)
    };
    assert_eq!(to(Ipv4Addr::BROADCAST.into()), ([0xff; 6], 128));
    assert_eq!(to(Ipv4Addr::new(10, 1, 255, 255).into()), ([0xff; 6], 128));
    assert_eq!(to(Ipv4Addr::new(224, 128, 0, 252).into()), ([1, 0, 0x5e, 0, 0, 252], 1));
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3);
    assert_eq!(to(all_nodes.into()), ([0x33, 0x33, 0, 1, 0, 3], 1));
}
