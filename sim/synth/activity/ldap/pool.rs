//! The connections that an application keeps open and searches on.

use super::connection::{Connection, PORT, Protection};
use crate::base::Timestamp;
use crate::synth::tickets::Who;
use crate::synth::{Activity, Stage};

/// Milliseconds after which a connection that nobody uses is closed: 15 minutes, the time after
/// which a domain controller would close it (`MaxConnIdleTime`, \[MS-ADTS\] 3.1.1.3.4.6).
const IDLE_MS: f64 = 900_000.0;
const IDLE_NS: i64 = 900_000_000_000;

/// Connections of one application at most; beyond it, searches wait for each other. Assumed:
/// a tenth of a second each, for more than a thousand searches per second.
const CONNECTIONS_MAX: usize = 128;

/// A connection that is kept.
#[derive(Debug)]
pub struct Pool {
    connection: Connection,
    /// When its last answer was there and acknowledged; nothing is sent on it before.
    free: Timestamp,
    /// Its number among those of this client.
    serial: u32,
}

impl Pool {
    /// Nobody has seen how it began.
    pub fn hide(&mut self) {
        self.connection.hide();
    }
}

/// A sealed search on a connection of the client's that is free; where none is, it opens another.
pub fn search(stage: &mut Stage<'_>, request: usize, answer: usize) {
    let now = stage.now();
    let pools = &mut stage.memory.pools;
    let freest = pools.iter().enumerate().min_by_key(|(_, pool)| pool.free.max(now));
    let at = freest
        .map(|(at, pool)| (at, pool.free))
        .filter(|(_, free)| *free <= now || pools.len() >= CONNECTIONS_MAX);
    let mut pool = match at {
        Some((at, _)) => pools.swap_remove(at),
        None => open(stage),
    };
    let busy_ns = pool.free.since(stage.now());
    if busy_ns > 0 {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        stage.wait_ms(busy_ns as f64 / 1e6);
    }
    pool.connection.sealed_search(stage, request, answer);
    let settled = Timestamp::from_nanos(pool.connection.tcp().settled_from());
    pool.free = stage.now().max(settled);
    stage.memory.pools.push(pool);
}

fn open(stage: &mut Stage<'_>) -> Pool {
    let mut connection = Connection::open(stage, PORT);
    connection.bind(stage, Who::Computer, Protection::Sealed);
    stage.memory.pools_opened = stage.memory.pools_opened.wrapping_add(1);
    let serial = stage.memory.pools_opened;
    stage.later(IDLE_MS, Activity::LdapIdle, serial);
    Pool { connection, free: stage.now(), serial }
}

/// Closes the connection where nobody has used it for long; argument: its number.
pub fn idle(stage: &mut Stage<'_>) {
    let serial = stage.item.argument;
    let at = stage.memory.pools.iter().position(|pool| pool.serial == serial);
    let Some(pool) = at.map(|at| stage.memory.pools.swap_remove(at)) else { return };
    let idle_ns = stage.now().since(pool.free);
    if idle_ns < IDLE_NS {
        #[expect(clippy::cast_precision_loss, reason = "minutes")]
        stage.later((IDLE_NS - idle_ns) as f64 / 1e6, Activity::LdapIdle, serial);
        stage.memory.pools.push(pool);
        return;
    }
    pool.connection.unbind(stage);
}
