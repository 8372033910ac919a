//! CLDAP, NetBIOS, time and addresses.

mod addresses;
mod browser;
mod nbns;
mod neighbour;
mod ping;
mod time;

pub use addresses::{lease, renew};
pub use browser::browser;
pub use nbns::{nbns_broadcast, nbns_query, nbns_register};
pub use neighbour::neighbour;
pub use ping::ping;
pub use time::time;

use std::net::{IpAddr, Ipv4Addr};

use crate::estate::{Site, Subnet};
use crate::proto::Side;
use crate::synth::{Flow, Peer, Stage};

/// Ethernet address of everybody.
const EVERYBODY: [u8; 6] = [0xff; 6];

/// A flow from this client to the domain controller by IPv4, from a port of the protocol's.
fn to_dc_v4(stage: &Stage<'_>, client_port: u16, server_port: u16) -> Flow {
    Flow {
        client: stage.client_peer(),
        server: stage.cast.dc_v4,
        client_port,
        server_port,
        vlan: stage.cast.vlan(stage.item.client),
        here: Side::Server,
        round_trip_ns: stage.cast.round_trip_ns(stage.item.client),
    }
}

/// A flow from this client to everybody in its subnet.
fn to_everybody(stage: &Stage<'_>, port: u16) -> Flow {
    let address = site(stage).map_or(Ipv4Addr::BROADCAST, |site| last_address(site.subnet));
    let server = Peer { address: address.into(), mac: EVERYBODY };
    Flow { server, ..to_dc_v4(stage, port, port) }
}

/// Whether what this client sends to everybody is seen at the domain controller: routers keep it
/// in the client's subnet.
fn is_near(stage: &Stage<'_>) -> bool {
    stage.cast.is_on_link(stage.cast.client(stage.item.client).v4)
}

fn site<'s>(stage: &Stage<'s>) -> Option<&'s Site> {
    let cast = stage.cast;
    cast.estate.sites().get(cast.client(stage.item.client).site as usize)
}

/// The address that stands for all in a subnet.
fn last_address(subnet: Subnet) -> Ipv4Addr {
    match subnet.network {
        IpAddr::V4(network) => Ipv4Addr::from_bits(network.to_bits() | !mask(subnet).to_bits()),
        IpAddr::V6(_) => Ipv4Addr::BROADCAST,
    }
}

/// The mask of a subnet.
fn mask(subnet: Subnet) -> Ipv4Addr {
    let host_bits = u32::BITS.saturating_sub(subnet.prefix_bits.into());
    Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
}
