//! The security account manager, \[MS-SAMR\]: an account or a domain is looked up.
//!
//! Over TCP every call is sealed, \[MS-SAMR\] section 2.1.

use crate::proto::Kind;
use crate::synth::Stage;
use crate::synth::rpc::{self, Call, Connection};
use crate::synth::tickets::{Service, Who};

/// Octets of a handle and of a status.
const HANDLE: usize = 20;
const STATUS: usize = 4;
/// Octets of a domain's identifier as an argument: its count, then four parts.
const SID: usize = 32;

/// An operation, \[MS-SAMR\] section 3.1.5, with the octets of its arguments and results, which
/// are computed from its definition in NDR64; where lists and names vary, for typical ones.
#[derive(Debug, Clone, Copy)]
struct Operation {
    opnum: u16,
    asked: usize,
    answered: usize,
}

const fn operation(opnum: u16, asked: usize, answered: usize) -> Operation {
    Operation { opnum, asked, answered }
}

const CLOSE: Operation = operation(1, HANDLE, HANDLE + STATUS);
const QUERY_SECURITY: Operation = operation(3, HANDLE + 4, 212);
const LOOKUP_DOMAIN: Operation = operation(5, HANDLE + 60, 8 + SID + STATUS);
const ENUMERATE_DOMAINS: Operation = operation(6, HANDLE + 8, 204);
const OPEN_DOMAIN: Operation = operation(7, HANDLE + 4 + SID, HANDLE + STATUS);
/// The same of the built-in domain, whose identifier has one part.
const OPEN_BUILTIN: Operation = operation(7, HANDLE + 4 + SID - 12, HANDLE + STATUS);
const QUERY_DOMAIN: Operation = operation(8, HANDLE + 4, 128);
const ALIAS_MEMBERSHIP: Operation = operation(16, HANDLE + 172, 40);
const LOOKUP_NAMES: Operation = operation(17, HANDLE + 92, 76);
const LOOKUP_IDS: Operation = operation(18, HANDLE + 40, 132);
const OPEN_USER: Operation = operation(34, HANDLE + 8, HANDLE + STATUS);
const QUERY_USER: Operation = operation(36, HANDLE + 4, 844);
const GET_GROUPS: Operation = operation(39, HANDLE, 76);
const CONNECT: Operation = operation(64, 112, 48);

/// Calls of each in the Catalyst traffic model, as shares of the chains that begin with Connect5.
const CHAINS: f64 = 180.0;
/// Chains that look at an account open a second domain, the built-in one: 298 calls in all.
const ACCOUNT_SHARE: f64 = 118.0 / CHAINS;
const DOMAINS_SHARE: f64 = 175.0 / CHAINS;
/// Of chains that look at an account.
const SECURITY_SHARE: f64 = 61.0 / (61.0 + 63.0);
const IDS_SHARE: f64 = 57.0 / 118.0;
/// Of those that do not.
const MEMBERSHIP_SHARE: f64 = (176.0 - 118.0) / (CHAINS - 118.0);
/// Of all.
const DOMAIN_SHARE: f64 = 114.0 / CHAINS;

/// Between the groups and the aliases of an account, in milliseconds: measured 0.1 to 0.3 s.
const PAUSE_MS: (f64, f64) = (100.0, 300.0);

/// An account is looked up through SAM-R.
pub fn chain(stage: &mut Stage<'_>) {
    let who = (Who::Person, Service::Cifs);
    let (mapper, mut connection) = super::reach_with_ticket(stage, rpc::SAMR, who);
    let chain = &mut connection;
    call(stage, chain, CONNECT);
    if stage.random.chance(DOMAINS_SHARE) {
        call(stage, chain, ENUMERATE_DOMAINS);
        call(stage, chain, LOOKUP_DOMAIN);
    }
    call(stage, chain, OPEN_DOMAIN);
    if stage.random.chance(DOMAIN_SHARE) {
        call(stage, chain, QUERY_DOMAIN);
    }
    // Handles of the server and of the domain.
    let mut handles = 2;
    if stage.random.chance(ACCOUNT_SHARE) {
        account(stage, chain);
        handles += 2;
    } else if stage.random.chance(MEMBERSHIP_SHARE) {
        call(stage, chain, ALIAS_MEMBERSHIP);
    }
    for _ in 0..handles {
        call(stage, chain, CLOSE);
    }
    super::leave(stage, mapper, connection);
}

/// An account, its groups and aliases.
fn account(stage: &mut Stage<'_>, chain: &mut Connection) {
    call(stage, chain, OPEN_BUILTIN);
    call(stage, chain, LOOKUP_NAMES);
    call(stage, chain, OPEN_USER);
    let queries_security = stage.random.chance(SECURITY_SHARE);
    call(stage, chain, if queries_security { QUERY_SECURITY } else { QUERY_USER });
    call(stage, chain, GET_GROUPS);
    let pause = stage.random.between(PAUSE_MS.0, PAUSE_MS.1);
    stage.wait_ms(pause);
    call(stage, chain, ALIAS_MEMBERSHIP);
    if stage.random.chance(IDS_SHARE) {
        call(stage, chain, LOOKUP_IDS);
    }
}

fn call(stage: &mut Stage<'_>, chain: &mut Connection, operation: Operation) {
    let Operation { opnum, asked, answered } = operation;
    let call = Call::sealed(opnum, Kind::SamrQuery, asked, answered);
    chain.call(stage, &call, || (None, None));
}
