//! The Ethernet address of a neighbour: looked for, or asked whether it still holds.

use std::net::Ipv4Addr;

use super::to_dc_v4;
use crate::proto::Side;
use crate::synth::{Flow, Neighbour, Peer, Stage};

/// Share of questions to everybody: entries that are stale are kept for long, and who is in one is
/// probed first (RFC 4861 section 7.3.3; Windows does so for ARP, too). Assumed.
const LOOKS_SHARE: f64 = 0.15;
/// Share of questions that the domain controller asks. Assumed: both use what they know.
const ASKED_HERE_SHARE: f64 = 0.5;

/// Questions whether anybody has the address that a host is about to use, how far apart they are,
/// until it says that it is its own, and how often and how far apart it does: PROBE_NUM, PROBE_MIN,
/// ANNOUNCE_WAIT, ANNOUNCE_NUM and ANNOUNCE_INTERVAL of RFC 5227 section 1.1, in milliseconds.
const PROBES: u32 = 3;
const PROBE_AGAIN_MS: f64 = 1_000.0;
const ANNOUNCE_AFTER_MS: f64 = 2_000.0;
const ANNOUNCEMENTS: u32 = 2;
const ANNOUNCE_AGAIN_MS: f64 = 2_000.0;

/// A computer that starts in the subnet of the domain controller takes its address, by IPv4, and
/// looks for the domain controller, before it sends it anything.
pub fn begin(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let client = cast.client(stage.item.client);
    if client.population.is_none() || !cast.is_on_link(client.v4) {
        return;
    }
    let to_dc = to_dc_v4(stage, 0, 0);
    let own = Flow { server: to_dc.client, ..to_dc };
    let nobody = Peer { address: Ipv4Addr::UNSPECIFIED.into(), ..to_dc.client };
    let asking = Flow { client: nobody, ..own };
    for attempt in 0..PROBES {
        stage.wait_ms(if attempt > 0 { PROBE_AGAIN_MS } else { 0.0 });
        stage.neighbour(&asking, Side::Client, Neighbour::Looks);
    }
    for attempt in 0..ANNOUNCEMENTS {
        stage.wait_ms(if attempt > 0 { ANNOUNCE_AGAIN_MS } else { ANNOUNCE_AFTER_MS });
        stage.neighbour(&own, Side::Client, Neighbour::Looks);
    }
    let mut find = |flow: &Flow| {
        stage.neighbour(flow, Side::Client, Neighbour::Looks);
        stage.neighbour(flow, Side::Server, Neighbour::Answers);
    };
    find(&to_dc);
    if let (Some(v6), Some(server)) = (client.v6, cast.dc_v6) {
        find(&Flow { client: Peer { address: v6.into(), ..to_dc.client }, server, ..to_dc });
    }
}

/// A client in the subnet of the domain controller and this one make sure that the other is
/// there; of the domain controller's own accord, its router and it.
pub fn neighbour(stage: &mut Stage<'_>) {
    let cast = stage.cast;
    let client = cast.client(stage.item.client);
    let is_router = client.population.is_none();
    if !is_router && !cast.is_on_link(client.v4) {
        return;
    }
    let own = to_dc_v4(stage, 0, 0);
    let flow = match (client.v6, cast.dc_v6) {
        _ if is_router => Flow { client: cast.gateway(), ..own },
        (Some(v6), Some(server)) if stage.random.chance(0.5) => {
            let client = Peer { address: v6.into(), ..own.client };
            Flow { client, server, ..own }
        }
        _ => own,
    };
    let asks = if stage.random.chance(ASKED_HERE_SHARE) { Side::Server } else { Side::Client };
    let is_lost = stage.random.chance(LOOKS_SHARE);
    let says = if is_lost { Neighbour::Looks } else { Neighbour::Probes };
    stage.neighbour(&flow, asks, says);
    stage.neighbour(&flow, asks.other(), Neighbour::Answers);
}
