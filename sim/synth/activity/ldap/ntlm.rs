//! A bind with NTLM inside SASL.

use super::connection::{
    Bound, Connection, Protection, SPNEGO, bind_request, bind_response, verdict,
};
use crate::proto::ldap::Outcome as Result;
use crate::proto::ntlmssp::{
    Attribute, Authenticate, Challenge, Flags, Negotiate, Parts, Version2,
};
use crate::proto::{Id, Kind};
use crate::synth::activity::wide;
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Windows 10, \[MS-NLMP\] 2.2.2.10.
const VERSION: [u8; 8] = [10, 0, 0x61, 0x4a, 0, 0, 0, 15];
/// Options of the three tokens with signing and sealing, \[MS-NLMP\] 2.2.2.5: Unicode, target
/// requested, sign, seal, NTLM, always sign, extended session security, 128 and 56 bits, key
/// exchange; the answer names a domain as target.
const OFFERED: Flags = Flags(0xe208_82b7);
const AGREED: Flags = Flags(0xe289_8235);
const TAKEN: Flags = Flags(0xe288_8235);
/// saslBindInProgress, RFC 4511 section 4.1.9.
const IN_PROGRESS: u32 = 14;
/// Seconds from 1601, where times of Windows begin, to 1970, and their unit: 100 ns.
const TO_1970_SECONDS: i64 = 11_644_473_600;
const TICK_NS: i64 = 100;

/// Binds with the password of the person at the client; `is_good`: with success.
pub fn bind(stage: &mut Stage<'_>, connection: &mut Connection, is_good: bool) {
    let (user, host) = {
        let client = stage.item.client;
        (stage.cast.user_name(client), stage.cast.host_name(client).to_uppercase())
    };
    let domain = stage.cast.forest.netbios_name.clone();
    let negotiate =
        Negotiate { flags: OFFERED, version: VERSION, workstation: Vec::new(), domain: Vec::new() };
    let first = token(&Parts::Negotiate(negotiate));
    let began = connection.ask(stage, bind_request(SPNEGO, &first), None);
    let challenge = challenge(stage);
    let attributes = challenge.attributes.clone();
    let second = token(&Parts::Challenge(challenge));
    connection.answer(stage, &[bind_response(Result::new(IN_PROGRESS), Some(&second))]);
    let names = (domain.as_str(), user.as_str(), host.as_str());
    let last = token(&Parts::Authenticate(authenticate(stage, names, attributes)));
    connection.ask(stage, bind_request(SPNEGO, &last), None);
    let (result, outcome) = verdict(is_good);
    connection.answer(stage, &[bind_response(result, None)]);
    for operation in 1..=3 {
        stage.told(Id::Ntlmssp, operation, operation == 2);
    }
    let principal = format!("{domain}\\{user}");
    stage.did(&connection.tcp().flow, began, Kind::NtlmLogon, outcome, || Words {
        principal: Some(principal.clone()),
        target: Some("ldap".to_owned()),
        detail: Some(format!("NTLMv2 from {host}")),
    });
    let note = if is_good { "GSS-SPNEGO" } else { "GSS-SPNEGO data 52e" };
    connection.set_bound(Bound::Named(principal), Protection::None);
    connection.has_bound(stage, began, Kind::LdapBind, outcome, note);
    if is_good {
        connection.protect(Protection::NtlmSealed);
    } else {
        connection.set_bound(Bound::Nobody, Protection::None);
    }
}

fn challenge(stage: &mut Stage<'_>) -> Challenge {
    let cast = stage.cast;
    let mut challenge = [0; 8];
    stage.random.fill(&mut challenge);
    let ticks = stage.now().nanos() / TICK_NS + TO_1970_SECONDS * (1_000_000_000 / TICK_NS);
    Challenge {
        flags: AGREED,
        challenge,
        reserved: [0; 8],
        version: VERSION,
        target: wide(&cast.forest.netbios_name),
        attributes: vec![
            (Attribute::DOMAIN, wide(&cast.forest.netbios_name)),
            (Attribute::COMPUTER, wide(&cast.dc_name(cast.dc).to_uppercase())),
            (Attribute::DNS_DOMAIN, wide(&cast.forest.dns_name)),
            (Attribute::DNS_COMPUTER, wide(&cast.dc_dns_name(cast.dc))),
            (Attribute::DNS_TREE, wide(&cast.forest.dns_name)),
            (Attribute::TIMESTAMP, ticks.to_le_bytes().to_vec()),
        ],
    }
}

/// The last token, for domain, user and workstation, with what the challenge said of the server.
fn authenticate(
    stage: &mut Stage<'_>,
    (domain, user, host): (&str, &str, &str),
    mut attributes: Vec<(u16, Vec<u8>)>,
) -> Authenticate {
    let cast = stage.cast;
    let time = attributes.iter().find(|(kind, _)| *kind == Attribute::TIMESTAMP);
    let time = time.and_then(|(_, value)| value.first_chunk()).copied().unwrap_or_default();
    // An integrity code is there, \[MS-NLMP\] 2.2.2.1.
    attributes.push((Attribute::FLAGS, 2_u32.to_le_bytes().to_vec()));
    attributes.push((Attribute::CHANNEL_BINDINGS, vec![0; 16]));
    attributes.push((Attribute::TARGET, wide(&format!("ldap/{}", cast.dc_dns_name(cast.dc)))));
    let (mut proof, mut challenge) = ([0; 16], [0; 8]);
    let (mut code, mut session_key) = ([0; 16], vec![0; 16]);
    stage.random.fill(&mut proof);
    stage.random.fill(&mut challenge);
    stage.random.fill(&mut code);
    stage.random.fill(&mut session_key);
    let mut nt_response = Vec::new();
    let response = Version2 { proof, time: u64::from_le_bytes(time), challenge, attributes };
    response.emit(&mut Writer::new(&mut nt_response));
    Authenticate {
        flags: TAKEN,
        version: VERSION,
        integrity_code: Some(code),
        domain: wide(domain),
        user: wide(user),
        workstation: wide(host),
        lm_response: vec![0; 24],
        nt_response,
        session_key,
    }
}

fn token(parts: &Parts<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    parts.emit(&mut Writer::new(&mut bytes));
    bytes
}
