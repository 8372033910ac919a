//! The Ethernet address of a neighbour: looked for, or asked whether it still holds.

use super::to_dc_v4;
use crate::proto::Side;
use crate::synth::{Flow, Neighbour, Peer, Stage};

/// Share of questions to everybody: entries that are stale are kept for long, and who is in one is
/// probed first (RFC 4861 section 7.3.3; Windows does so for ARP, too). Assumed.
const LOOKS_SHARE: f64 = 0.15;
/// Share of questions that the domain controller asks. Assumed: both use what they know.
const ASKED_HERE_SHARE: f64 = 0.5;

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
