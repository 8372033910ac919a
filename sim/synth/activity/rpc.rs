//! Remote procedure calls: endpoint mapper, secure channel, LSA, SAM, directory.
//!
//! Lengths of sealed stubs are those measured on Windows 7, 10 and Server 2016 to 2019, whose
//! interfaces have not changed since; what varies with names is computed from them.

mod accounts;
mod channel;
mod directory;
mod lsa;
mod replication;

use crate::proto::dcerpc::ndr::StubWriter;
use crate::proto::dcerpc::syntax::Order;
use crate::synth::Stage;
use crate::synth::rpc::{self, Connection, Interface, Mapper};
use crate::synth::tickets::{Service, Who};

pub use accounts::chain as samr;
pub use channel::{machine_password, set_up as channel, validation};
pub use directory::{crack, spn};
pub use lsa::{lookup as lsa, trust};
pub use replication::replicate;

/// The runtime closes connections that nobody has used for a while, all of a process together:
/// measured from 15 to 57 seconds after the last call.
const LINGER_MS: (f64, f64) = (15_000.0, 57_000.0);

/// A client asks the endpoint mapper for a port.
pub fn map(stage: &mut Stage<'_>) {
    /// What clients ask for, by how often the Catalyst traffic model has calls of it: directory,
    /// LSA and Netlogon. A guess, as one question may be followed by many calls.
    const WANTED: [(Interface, u32); 3] =
        [(rpc::DRSUAPI, 929), (rpc::LSARPC, 2_428), (rpc::NETLOGON, 2_389)];
    let mut mapper = Mapper::open(stage);
    let wanted = pick(stage, &WANTED);
    mapper.map(stage, wanted);
    let linger = linger(stage);
    stage.aside(linger, |stage| mapper.close(stage));
}

/// Asks where an interface is, and opens a connection to it; both.
fn reach(stage: &mut Stage<'_>, interface: Interface) -> (Mapper, Connection) {
    let mut mapper = Mapper::open(stage);
    let port = mapper.map(stage, interface);
    let flow = stage.to_dc(port);
    (mapper, Connection::open(stage, flow, interface))
}

/// The same, and shows a ticket for that service, which it first gets where there is none.
fn reach_with_ticket(
    stage: &mut Stage<'_>,
    interface: Interface,
    (who, service): (Who, Service),
) -> (Mapper, Connection) {
    let ticket = stage.ticket(who, service);
    let (mapper, mut connection) = reach(stage, interface);
    connection.bind_kerberos(stage, ticket);
    (mapper, connection)
}

/// Ends both once they are idle.
fn leave(stage: &mut Stage<'_>, mapper: Mapper, connection: Connection) {
    let linger = linger(stage);
    stage.aside(linger, |stage| {
        connection.close(stage);
        mapper.close(stage);
    });
}

fn linger(stage: &mut Stage<'_>) -> f64 {
    let (low, high) = LINGER_MS;
    stage.random.between(low, high)
}

/// One of several by their weights.
fn pick<T: Copy, const N: usize>(stage: &mut Stage<'_>, choices: &[(T, u32); N]) -> T {
    const { assert!(N > 0) };
    let mut drawn = stage.random.below(choices.iter().map(|(_, weight)| weight).sum());
    let mut choices = choices.iter();
    loop {
        let (choice, weight) = choices.next().expect("drawn is below the sum of the weights");
        if drawn < *weight {
            return *choice;
        }
        drawn -= weight;
    }
}

/// A number around `median` that varies as stubs of one form do, a multiple of 4, not below
/// `least`. Deviation of the logarithm 0.1: assumed from the few measured.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousands")]
fn around(stage: &mut Stage<'_>, median: f64, least: usize) -> usize {
    const SIGMA: f64 = 0.1;
    let drawn = stage.random.lognormal(median, SIGMA) as usize;
    drawn.max(least).next_multiple_of(4)
}

/// An empty stub, as all here are encoded.
const fn stub() -> StubWriter {
    StubWriter::new(Order::Little, true)
}
