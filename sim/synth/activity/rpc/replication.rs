//! Replication between domain controllers, \[MS-DRSR\] section 4.1.10: one tells another that
//! there are changes, and that one fetches them.

use super::directory::BIND_ANSWERED;
use crate::proto::{Kind, Side};
use crate::synth::rpc::{self, Call, Connection, Mapper, Partner};
use crate::synth::tickets::{Service, Who};
use crate::synth::{Activity, Flow, Peer, Stage};

/// Operations, \[MS-DRSR\] section 4.1.
const BIND: u16 = 0;
const REPLICA_SYNC: u16 = 2;
const GET_CHANGES: u16 = 3;
const UPDATE_REFS: u16 = 4;

/// Octets of a bind's arguments between domain controllers, with their extensions in full,
/// \[MS-DRSR\] section 5.39. Computed.
const BIND_ASKED: usize = 148;
/// Octets of arguments without the name of what is replicated, which comes in 16-bit characters:
/// computed from \[MS-DRSR\] sections 4.1.10.2.6, 4.1.23.1 and 4.1.26.1; the first agrees with the
/// 352 octets measured.
const CHANGES_ASKED: usize = 312;
const SYNC_ASKED: usize = 144;
const REFS_ASKED: usize = 220;
/// A status alone.
const STATUS: usize = 4;
/// Octets of changes, median: one account, measured, 4,768. The deviation of the logarithm is that
/// of LDAP results, for which it was fitted by eye: they carry the same attributes.
const CHANGES_MEDIAN: f64 = 4_768.0;
const CHANGES_SIGMA: f64 = 1.3;
/// Least and most octets of an answer: without any change, as its fixed part is computed; and so
/// much that one answer is not a burst of its own. Assumed.
const CHANGES_LEAST: f64 = 480.0;
const CHANGES_MOST: f64 = 524_288.0;
/// Share of rounds after which the reference to the other is renewed. Assumed: once a day or so.
const REFS_SHARE: f64 = 0.002;
/// How long a change waits until the partner is told, in milliseconds: within one site, Windows
/// Server 2003 and later, \[MS-ADTS\] section 6.1.1.2.2.1.2.5.1 (15 s and 3 s between partners) is
/// before this item; here only what the partner needs to begin.
const BEGIN_MS: (f64, f64) = (5.0, 50.0);
/// How long a connection stays when nobody uses it, in milliseconds. Assumed: bindings are cached.
const IDLE_MS: f64 = 300_000.0;
/// In the argument of an item: look whether connections are idle.
const CLOSE: u32 = 1 << 31;
/// Connections that are kept, one in each direction of each partner. A limit of ours.
const KEPT_MAX: usize = 64;

/// Another domain controller replicates from this one, or this one from it; argument: which of
/// the others.
pub fn replicate(stage: &mut Stage<'_>) {
    if stage.item.argument & CLOSE != 0 {
        return close_idle(stage);
    }
    let Ok(count) = u32::try_from(stage.cast.others.len()) else { return };
    let Some(place) = stage.item.argument.checked_rem(count) else { return };
    let has_changed = stage.random.chance(0.5);
    let name = stage.cast.forest.dns_name.split('.').count();
    // `DC=corp,DC=example` from `corp.example`, and its zero: a comma for each point.
    let name = 2 * (stage.cast.forest.dns_name.len() + 3 * name + 1);
    sealed(stage, (place, has_changed), (REPLICA_SYNC, SYNC_ASKED + name, STATUS));
    let begin = stage.random.between(BEGIN_MS.0, BEGIN_MS.1);
    stage.wait_ms(begin);
    let answered = changes(stage);
    sealed(stage, (place, !has_changed), (GET_CHANGES, CHANGES_ASKED + name, answered));
    if stage.random.chance(REFS_SHARE) {
        sealed(stage, (place, !has_changed), (UPDATE_REFS, REFS_ASKED + name, STATUS));
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the limits")]
fn changes(stage: &mut Stage<'_>) -> usize {
    let drawn = stage.random.lognormal(CHANGES_MEDIAN, CHANGES_SIGMA);
    drawn.clamp(CHANGES_LEAST, CHANGES_MOST) as usize
}

/// One call to or from the other at `place`, on the connection that there is or a new one.
fn sealed(
    stage: &mut Stage<'_>,
    (place, is_ours): (u32, bool),
    (opnum, asked, answered): (u16, usize, usize),
) {
    let kept = &mut stage.memory.partners;
    let known = kept.iter().position(|kept| (kept.place, kept.is_ours) == (place, is_ours));
    let known = known.map(|at| kept.swap_remove(at).connection);
    let connection = match known {
        Some(connection) => {
            connection.wait(stage);
            Some(connection)
        }
        None => open(stage, place, is_ours),
    };
    let Some(mut connection) = connection else { return };
    call(stage, &mut connection, (opnum, asked, answered));
    if stage.memory.partners.len() < KEPT_MAX {
        stage.memory.partners.push(Partner { place, is_ours, connection });
    } else {
        connection.close(stage);
    }
}

fn call(
    stage: &mut Stage<'_>,
    connection: &mut Connection,
    (opnum, asked, answered): (u16, usize, usize),
) {
    let kind = if opnum == GET_CHANGES { Kind::Replication } else { Kind::DirectoryQuery };
    connection.call(stage, &Call::sealed(opnum, kind, asked, answered), || (None, None));
}

/// Opens a connection: asks where, shows a ticket that nobody saw, binds to the directory.
fn open(stage: &mut Stage<'_>, place: u32, is_ours: bool) -> Option<Connection> {
    let (other, peer) = stage.cast.others.get(place as usize).copied()?;
    let asked = if is_ours { other } else { stage.cast.dc };
    let to_mapper = flow(stage, other, peer, is_ours);
    let mut mapper = Mapper::at(stage, to_mapper, asked);
    let server_port = mapper.map(stage, rpc::DRSUAPI);
    let flow = Flow { server_port, ..flow(stage, other, peer, is_ours) };
    let mut connection = Connection::open(stage, flow, rpc::DRSUAPI);
    let ticket = stage.unseen_ticket(Who::Computer, Service::Replication(asked));
    connection.bind_kerberos(stage, ticket);
    call(stage, &mut connection, (BIND, BIND_ASKED, BIND_ANSWERED));
    let linger = super::linger(stage);
    stage.aside(linger, |stage| mapper.close(stage));
    stage.later(IDLE_MS, Activity::Replication, CLOSE);
    Some(connection)
}

/// The ends of a flow between this domain controller and another; the server's port is still to
/// be said.
fn flow(stage: &mut Stage<'_>, other: usize, peer: Peer, is_ours: bool) -> Flow {
    let flow = stage.from_dc(peer, 0, stage.cast.way_to(other));
    if is_ours {
        return flow;
    }
    Flow { client: peer, server: flow.client, here: Side::Server, ..flow }
}

/// Ends the connections that nobody has used; looks again later if some are left that were.
fn close_idle(stage: &mut Stage<'_>) {
    let now = stage.now();
    let partners = std::mem::take(&mut stage.memory.partners);
    let mut wait_ms: Option<f64> = None;
    for partner in partners {
        #[expect(clippy::cast_precision_loss, reason = "hours at most")]
        let idle_ms = now.since(partner.connection.used()) as f64 / 1e6;
        if idle_ms >= IDLE_MS {
            partner.connection.close(stage);
        } else {
            let left = IDLE_MS - idle_ms;
            wait_ms = Some(wait_ms.map_or(left, |wait: f64| wait.min(left)));
            stage.memory.partners.push(partner);
        }
    }
    if let Some(wait_ms) = wait_ms {
        stage.later(wait_ms, Activity::Replication, CLOSE);
    }
}
