//! The directory's own interface, \[MS-DRSR\]: names cracked, service principal names written.

use super::around;
use crate::proto::Kind;
use crate::synth::Stage;
use crate::synth::rpc::{self, Call, Connection};
use crate::synth::tickets::{Service, Who};

/// Operations, \[MS-DRSR\] section 4.1.
const BIND: u16 = 0;
const UNBIND: u16 = 1;
const CRACK_NAMES: u16 = 12;
const WRITE_SPN: u16 = 13;

/// Octets of stubs, measured: the first bind, which tells more than the ones behind it; its
/// answer; the unbind and its answer; the answer to written names.
const BIND_ASKED: usize = 148;
pub(super) const BIND_ANSWERED: usize = 96;
const UNBIND_ASKED: usize = 20;
const UNBIND_ANSWERED: usize = 24;
const WRITE_ANSWERED: usize = 16;
/// The same, medians, with the least measured: 134 of arguments and 228 to 256 of results of
/// cracked names, 252 to 336 of arguments of written ones.
const CRACK_ASKED: (f64, usize) = (134.0, 120);
const CRACK_ANSWERED: (f64, usize) = (240.0, 140);
const WRITE_ASKED: (f64, usize) = (280.0, 240);

/// Share of connections on which names are cracked twice: the Catalyst traffic model has 943 calls
/// on 809 bindings, 118 of which write names instead.
const TWICE_SHARE: f64 = 943.0 / (809.0 - 118.0) - 1.0;
/// Time between the answer and the unbind, mean in milliseconds: 0.4 to 30 ms were measured.
const PAUSE_MS: f64 = 5.0;

/// `DsBind`, `DsCrackNames`, `DsUnbind`; argument: 0 in the name of the computer, 1 of the person.
pub fn crack(stage: &mut Stage<'_>) {
    let who = if stage.item.argument == 0 { Who::Computer } else { Who::Person };
    let calls = 1 + u32::from(stage.random.chance(TWICE_SHARE));
    session(stage, who, |stage, connection| {
        for _ in 0..calls {
            let asked = around(stage, CRACK_ASKED.0, CRACK_ASKED.1);
            let answered = around(stage, CRACK_ANSWERED.0, CRACK_ANSWERED.1);
            query(stage, connection, CRACK_NAMES, asked, answered);
        }
        let pause = stage.random.exponential(PAUSE_MS);
        stage.wait_ms(pause);
    });
}

/// A computer writes its service principal names: those of its host, at once.
pub fn spn(stage: &mut Stage<'_>) {
    session(stage, Who::Computer, |stage, connection| {
        let asked = around(stage, WRITE_ASKED.0, WRITE_ASKED.1);
        query(stage, connection, WRITE_SPN, asked, WRITE_ANSWERED);
    });
}

/// A sealed connection with the calls between bind and unbind.
fn session(stage: &mut Stage<'_>, who: Who, calls: impl FnOnce(&mut Stage<'_>, &mut Connection)) {
    let (mapper, mut connection) =
        super::reach_with_ticket(stage, rpc::DRSUAPI, (who, Service::Ldap));
    query(stage, &mut connection, BIND, BIND_ASKED, BIND_ANSWERED);
    calls(stage, &mut connection);
    query(stage, &mut connection, UNBIND, UNBIND_ASKED, UNBIND_ANSWERED);
    super::leave(stage, mapper, connection);
}

fn query(
    stage: &mut Stage<'_>,
    connection: &mut Connection,
    opnum: u16,
    asked: usize,
    answered: usize,
) {
    let call = Call::sealed(opnum, Kind::DirectoryQuery, asked, answered);
    connection.call(stage, &call, || (None, None));
}
