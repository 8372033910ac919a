//! The local security authority, \[MS-LSAT\] and \[MS-LSAD\]: names to security identifiers and
//! back, trusts.

use super::channel;
use crate::proto::Kind;
use crate::synth::Stage;
use crate::synth::rpc::{self, Call};

/// Operations, \[MS-LSAT\] section 3.1.4 and \[MS-LSAD\] section 3.1.4.
const CLOSE: u16 = 0;
const QUERY_TRUSTED_DOMAIN: u16 = 39;
const OPEN_POLICY: u16 = 44;
const LOOKUP_SIDS: u16 = 76;
const LOOKUP_NAMES: u16 = 77;

/// Calls of `LsarLookupNames4` and `LsarLookupSids3` in the Catalyst traffic model.
const NAMES: u32 = 1_398;
const SIDS: u32 = 1_030;
/// Calls of one item at most.
const CALLS_MAX: u32 = 64;

/// Names to security identifiers or back; argument: how many calls.
///
/// Both operations are taken over a secure channel alone, \[MS-LSAT\] section 3.1.4.5.
pub fn lookup(stage: &mut Stage<'_>) {
    let (mapper, mut connection) = super::reach(stage, rpc::LSARPC);
    connection.bind_netlogon(stage);
    for call in 0..stage.item.argument.clamp(1, CALLS_MAX) {
        if call > 0 {
            let pause = stage.random.exponential(PAUSE_MS);
            stage.wait_ms(pause);
        }
        let opnum = super::pick(stage, &[(LOOKUP_NAMES, NAMES), (LOOKUP_SIDS, SIDS)]);
        let (asked, answered) = stubs(stage, opnum);
        let call = Call::sealed(opnum, Kind::LsaLookup, asked, answered);
        connection.call(stage, &call, || (None, None));
    }
    super::leave(stage, mapper, connection);
}

/// Between two lookups, mean in milliseconds. Assumed: 1 ms to 30 s were measured.
const PAUSE_MS: f64 = 20.0;

/// Octets of arguments and results: of 232 to 264 and 152 to 344 octets of packet, measured.
fn stubs(stage: &mut Stage<'_>, opnum: u16) -> (usize, usize) {
    /// Share of what is looked up and not found. Assumed.
    const UNKNOWN_SHARE: f64 = 0.1;
    let asked = match opnum {
        // One identifier, or two.
        LOOKUP_SIDS => super::pick(stage, &[(104, 1), (156, 2)]),
        // By the length of the name.
        _ => 140 + 4 * stage.random.below(8) as usize,
    };
    let answered = match stage.random.chance(UNKNOWN_SHARE) {
        true => 88,
        false => 228 + 4 * stage.random.below(8) as usize,
    };
    (asked, answered)
}

/// A trust is asked for.
pub fn trust(stage: &mut Stage<'_>) {
    /// `LsarQueryTrustedDomainInfo` and `DsrEnumerateDomainTrusts` in the Catalyst traffic model.
    const SHARES: [(bool, u32); 2] = [(true, 86), (false, 9)];
    if super::pick(stage, &SHARES) { one_trust(stage) } else { all_trusts(stage) }
}

/// All trusts, over the secure channel of this computer.
fn all_trusts(stage: &mut Stage<'_>) {
    let mut connection = channel::channel(stage);
    // 160 and 264 octets of packet were measured, with one domain.
    let answered = 164 + 4 * stage.random.below(8) as usize;
    let opnum = channel::ENUMERATE_TRUSTS;
    let call = Call::sealed(opnum, Kind::NetlogonCall, 68, answered);
    connection.call(stage, &call, || (None, None));
    channel::keep(stage, connection);
}

/// One trust, between a policy's opening and closing.
fn one_trust(stage: &mut Stage<'_>) {
    let (mapper, mut connection) = super::reach(stage, rpc::LSARPC);
    connection.bind_netlogon(stage);
    for (opnum, asked, answered) in [
        // The server's name, attributes, access: a handle and a status.
        (OPEN_POLICY, 120, 24),
        // The handle, an identifier of four parts, the class: names, identifier, kind.
        (QUERY_TRUSTED_DOMAIN, 60, 172),
        (CLOSE, 20, 24),
    ] {
        let call = Call::sealed(opnum, Kind::LsaQuery, asked, answered);
        connection.call(stage, &call, || (None, None));
    }
    super::leave(stage, mapper, connection);
}
