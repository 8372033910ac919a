//! The secure channel of a computer, \[MS-NRPC\]: set up, NTLM logons validated over it, the
//! computer's password changed.
//!
//! The session key lives as long as the computer runs; the connection is closed when it is idle,
//! and opened again, sealed from its bind on, when it is needed.

use super::{around, stub};
use crate::estate::Knob;
use crate::proto::Kind;
use crate::synth::rpc::{self, Call, Connection, Stub};
use crate::synth::{Activity, Stage};

/// Operations, \[MS-NRPC\] section 3.5.4.
const REQUEST_CHALLENGE: u16 = 4;
const GET_CAPABILITIES: u16 = 21;
const AUTHENTICATE: u16 = 26;
const GET_DOMAIN_INFO: u16 = 29;
const PASSWORD_SET: u16 = 30;
const SAM_LOGON_EX: u16 = 39;
pub(super) const ENUMERATE_TRUSTS: u16 = 40;
const SAM_LOGON_WITH_FLAGS: u16 = 45;

/// Type of the channel of a workstation or member server, \[MS-NRPC\] section 2.2.1.3.13.
const WORKSTATION_CHANNEL: u16 = 2;
/// What Windows 10 can do, \[MS-NRPC\] section 3.1.4.2. Measured.
const CAPABILITIES: u32 = 0x612f_ffff;
/// `NETLOGON_AUTHENTICATOR`: credential and time, \[MS-NRPC\] section 2.2.1.1.5.
const AUTHENTICATOR: usize = 12;
/// Relative identifiers of a domain's own accounts begin here, \[MS-SAMR\] section 3.1.1.9.2.1.
const FIRST_RID: u32 = 1_000;
/// How long the connection stays when nobody uses it, in milliseconds: within the 15 to 57
/// seconds measured, and longer than the 40 seconds between the validations of one run.
const IDLE_MS: f64 = 47_000.0;
/// In the argument of an item: the connection from the port in the lower half may be idle.
const CLOSE: u32 = 1 << 31;

/// Share of validations with flags in the Catalyst traffic model: 3 of 2,168.
const WITH_FLAGS_SHARE: f64 = 3.0 / 2_168.0;
/// Octets of stubs of validations, medians: of 1,096 and 1,080 octets of packet (measured,
/// `NetrLogonSamLogonWithFlags`) without header, padding and verifier.
const VALIDATION: f64 = 996.0;
const VALIDATED: f64 = 984.0;
/// Least of what was measured: user of few groups.
const VALIDATED_LEAST: usize = 824;
/// Octets of the results where the logon is refused, measured.
const REFUSED: usize = 52;

/// A computer sets up its secure channel.
pub fn set_up(stage: &mut Stage<'_>) {
    if let Some(channel) = stage.memory.channel.take() {
        channel.wait(stage);
        channel.close(stage);
    }
    let cast = stage.cast;
    let server = format!(r"\\{}", cast.dc_dns_name(cast.dc));
    let computer = cast.host_name(stage.item.client).to_uppercase();
    let (mut mapper, mut channel) = super::reach(stage, rpc::NETLOGON);
    channel.bind(stage);
    authenticate(stage, &mut channel, &server, &computer);
    channel.alter_netlogon(stage);
    let asked = capabilities(&server, &computer);
    // Authenticator, capabilities with their level, status.
    let call = Call::sealed(GET_CAPABILITIES, Kind::NetlogonCall, asked, AUTHENTICATOR + 12);
    channel.call(stage, &call, || (None, None));
    mapper.map(stage, rpc::NETLOGON);
    domain_info(stage, &mut channel);
    let linger = super::linger(stage);
    stage.aside(linger, |stage| mapper.close(stage));
    watch(stage, &channel);
    keep(stage, channel);
}

/// Challenges and credentials, in the clear.
fn authenticate(stage: &mut Stage<'_>, channel: &mut Connection, server: &str, computer: &str) {
    let (challenge, answer) = (stage.random.next_u64(), stage.random.next_u64());
    let mut asked = stub();
    asked.unique_text(Some(server)).text(computer).octets(&challenge.to_le_bytes());
    let mut answered = stub();
    answered.octets(&answer.to_le_bytes()).long(0);
    let target = || (Some(computer.to_owned()), None);
    clear(stage, channel, REQUEST_CHALLENGE, (&asked.finish(), &answered.finish()), target);

    let account = format!("{computer}$");
    let (credential, answer) = (stage.random.next_u64(), stage.random.next_u64());
    let mut asked = stub();
    asked.unique_text(Some(server)).text(&account).enumeration(WORKSTATION_CHANNEL);
    asked.text(computer).octets(&credential.to_le_bytes()).long(CAPABILITIES);
    let rid = FIRST_RID + stage.item.client;
    let mut answered = stub();
    answered.octets(&answer.to_le_bytes()).long(CAPABILITIES).long(rid).long(0);
    let target = || (Some(account), None);
    clear(stage, channel, AUTHENTICATE, (&asked.finish(), &answered.finish()), target);
}

fn clear(
    stage: &mut Stage<'_>,
    channel: &mut Connection,
    opnum: u16,
    (asked, answered): (&[u8], &[u8]),
    words: impl FnOnce() -> (Option<String>, Option<String>),
) {
    let (asked, answered) = (Stub::Clear(asked), Stub::Clear(answered));
    channel.call(stage, &Call { opnum, kind: Kind::NetlogonCall, asked, answered }, words);
}

/// Octets of the arguments of `NetrLogonGetCapabilities`: two names, two authenticators, a level.
fn capabilities(server: &str, computer: &str) -> usize {
    let mut asked = stub();
    asked.text(server).unique_text(Some(computer)).octets(&[0; 2 * AUTHENTICATOR]).long(0);
    asked.finish().len()
}

/// What the computer tells of itself and wants to know of the domain.
fn domain_info(stage: &mut Stage<'_>, channel: &mut Connection) {
    // 748 to 804 octets of arguments and 664 to 876 of results were measured.
    let (asked, answered) = (around(stage, 780.0, 700), around(stage, 770.0, 640));
    let call = Call::sealed(GET_DOMAIN_INFO, Kind::NetlogonCall, asked, answered);
    channel.call(stage, &call, || (None, None));
}

/// A server has an NTLM logon validated over its secure channel.
pub fn validation(stage: &mut Stage<'_>) {
    if stage.item.argument & CLOSE != 0 {
        return close_idle(stage);
    }
    let mut channel = channel(stage);
    let refused = stage.knob(Knob::KerberosBadPasswordShare);
    let opnum = match stage.random.chance(WITH_FLAGS_SHARE) {
        true => SAM_LOGON_WITH_FLAGS,
        false => SAM_LOGON_EX,
    };
    let asked = around(stage, VALIDATION, 400);
    let answered = match stage.random.chance(refused) {
        true => REFUSED,
        false => around(stage, VALIDATED, VALIDATED_LEAST),
    };
    let call = Call::sealed(opnum, Kind::CredentialValidation, asked, answered);
    channel.call(stage, &call, || (None, None));
    keep(stage, channel);
}

/// A computer changes its password.
pub fn machine_password(stage: &mut Stage<'_>) {
    /// `NL_TRUST_PASSWORD`, \[MS-NRPC\] section 2.2.1.3.7.
    const PASSWORD: usize = 516;
    let cast = stage.cast;
    let computer = cast.host_name(stage.item.client).to_uppercase();
    let mut asked = stub();
    asked.unique_text(Some(&format!(r"\\{}", cast.dc_dns_name(cast.dc))));
    asked.text(&format!("{computer}$")).enumeration(WORKSTATION_CHANNEL).text(&computer);
    asked.octets(&[0; AUTHENTICATOR + PASSWORD]);
    let asked = asked.finish().len();
    let mut channel = channel(stage);
    let call = Call::sealed(PASSWORD_SET, Kind::PasswordChange, asked, AUTHENTICATOR + 4);
    channel.call(stage, &call, || (None, None));
    keep(stage, channel);
}

/// The connection of this computer's secure channel: the one it has, or a new one.
pub(super) fn channel(stage: &mut Stage<'_>) -> Connection {
    if let Some(channel) = stage.memory.channel.take() {
        channel.wait(stage);
        return *channel;
    }
    let (mapper, mut channel) = super::reach(stage, rpc::NETLOGON);
    channel.bind_netlogon(stage);
    let linger = super::linger(stage);
    stage.aside(linger, |stage| mapper.close(stage));
    watch(stage, &channel);
    channel
}

/// Looks whether the connection is idle, later.
fn watch(stage: &mut Stage<'_>, channel: &Connection) {
    let port = u32::from(channel.flow().client_port);
    stage.later(IDLE_MS, Activity::NtlmValidation, CLOSE | port);
}

/// Keeps the connection for the next call.
pub(super) fn keep(stage: &mut Stage<'_>, channel: Connection) {
    stage.memory.channel = Some(Box::new(channel));
}

/// Ends the connection if it is the one that the argument names and was idle; looks again later
/// where it was used since.
fn close_idle(stage: &mut Stage<'_>) {
    let Some(channel) = stage.memory.channel.take() else { return };
    if u32::from(channel.flow().client_port) | CLOSE != stage.item.argument {
        return keep(stage, *channel);
    }
    #[expect(clippy::cast_precision_loss, reason = "minutes at most")]
    let idle_ms = stage.now().since(channel.used()) as f64 / 1e6;
    if idle_ms < IDLE_MS {
        let argument = stage.item.argument;
        stage.later(IDLE_MS - idle_ms, Activity::NtlmValidation, argument);
        return keep(stage, *channel);
    }
    channel.close(stage);
}
