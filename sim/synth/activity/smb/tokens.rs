//! NTLMSSP tokens of Windows, \[MS-NLMP\] section 2.2.1, bare; whoever carries them wraps them.

use crate::base::{Random, Timestamp};
use crate::proto::ntlmssp::{
    Attribute, Authenticate, Challenge, Flags, Negotiate, Parts, Version2,
};
use crate::synth::Cast;
use crate::synth::activity::wide;
use crate::wire::Writer;

/// Windows 10 and Server 2019, \[MS-NLMP\] section 2.2.2.10.
const VERSION: [u8; 8] = *b"\x0a\0\x63\x45\0\0\0\x0f";
/// Options of a client of Windows, section 2.2.2.5.
const OFFERED: Flags = Flags(0xe208_b297);
/// What a server agrees on.
const AGREED: Flags = Flags(0xe289_8215);
/// And the client then says.
const SAID: Flags = Flags(0xe288_8215);
/// 1601 to 1970 in 100 nanoseconds, \[MS-DTYP\] section 2.3.3.
const EPOCH: u64 = 116_444_736_000_000_000;

/// A time as Windows counts it, \[MS-DTYP\] section 2.3.3.
pub fn filetime(time: Timestamp) -> u64 {
    EPOCH + u64::try_from(time.nanos()).unwrap_or(0) / 100
}

/// Who is asked: the attributes of a challenge.
#[derive(Debug, Clone, Copy)]
pub struct Host<'a> {
    /// NetBIOS name.
    pub name: &'a str,
    /// Full DNS name.
    pub dns_name: &'a str,
}

/// The first token of a client.
pub fn negotiate() -> Vec<u8> {
    let (workstation, domain) = (Vec::new(), Vec::new());
    emitted(&Parts::Negotiate(Negotiate { flags: OFFERED, version: VERSION, workstation, domain }))
}

/// What `host` says of itself and its domain.
fn attributes(cast: &Cast, host: Host<'_>, time: Timestamp) -> Vec<(u16, Vec<u8>)> {
    let forest = &cast.forest;
    vec![
        (Attribute::DOMAIN, wide(&forest.netbios_name)),
        (Attribute::COMPUTER, wide(host.name)),
        (Attribute::DNS_DOMAIN, wide(&forest.dns_name)),
        (Attribute::DNS_COMPUTER, wide(host.dns_name)),
        (Attribute::DNS_TREE, wide(&forest.dns_name)),
        (Attribute::TIMESTAMP, filetime(time).to_le_bytes().to_vec()),
    ]
}

/// The answer of `host`.
pub fn challenge(cast: &Cast, host: Host<'_>, time: Timestamp, random: &mut Random) -> Vec<u8> {
    emitted(&Parts::Challenge(Challenge {
        flags: AGREED,
        challenge: random.next_u64().to_le_bytes(),
        reserved: [0; 8],
        version: VERSION,
        target: wide(&cast.forest.netbios_name),
        attributes: attributes(cast, host, time),
    }))
}

/// The last token: `user` at `workstation` answers `host`, whose service is `target`.
pub fn authenticate(
    cast: &Cast,
    host: Host<'_>,
    (user, workstation, target): (&str, &str, &str),
    time: Timestamp,
    random: &mut Random,
) -> Vec<u8> {
    let mut attributes = attributes(cast, host, time);
    attributes.push((Attribute::FLAGS, 2u32.to_le_bytes().to_vec()));
    // A single host's data, section 2.2.2.2: its length, zeros, a custom part, the machine.
    let mut machine = vec![0x30, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0x20, 0, 0];
    let mut drawn = [0; 32];
    random.fill(&mut drawn);
    machine.extend(drawn);
    attributes.push((8, machine));
    attributes.push((Attribute::CHANNEL_BINDINGS, vec![0; 16]));
    attributes.push((Attribute::TARGET, wide(target)));
    let (mut proof, mut session_key, mut code) = ([0; 16], vec![0; 16], [0; 16]);
    random.fill(&mut proof);
    random.fill(&mut session_key);
    random.fill(&mut code);
    let challenge = random.next_u64().to_le_bytes();
    let response = Version2 { proof, time: filetime(time), challenge, attributes };
    let mut nt_response = Vec::new();
    response.emit(&mut Writer::new(&mut nt_response));
    emitted(&Parts::Authenticate(Authenticate {
        flags: SAID,
        version: VERSION,
        integrity_code: Some(code),
        domain: wide(&cast.forest.netbios_name),
        user: wide(user),
        workstation: wide(workstation),
        lm_response: vec![0; 24],
        nt_response,
        session_key,
    }))
}

fn emitted(parts: &Parts<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    parts.emit(&mut Writer::new(&mut bytes));
    bytes
}
