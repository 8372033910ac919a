//! How a session begins and ends: negotiation, authentication, trees and what a client asks first.

use super::link::{Asked, DIALECT_311, Link, Message, PORT, Smb};
use super::tokens::{self, Host, filetime};
use crate::base::Random;
use crate::estate::Knob;
use crate::proto::gss::{self, oid};
use crate::proto::smb1::{self, command as smb1_command};
use crate::proto::smb2::body::{
    IoctlRequest, IoctlResponse, LogoffRequest, LogoffResponse, SHARE_DISK, SHARE_PIPE,
    SessionSetupRequest, SessionSetupResponse, TreeConnectRequest, TreeConnectResponse,
    TreeDisconnectRequest, TreeDisconnectResponse,
};
use crate::proto::smb2::negotiate::{Contexts, NegotiateRequest, NegotiateResponse};
use crate::proto::smb2::part::{At16, At32, Buffer};
use crate::proto::smb2::{Body, command, status};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::activity::wide;
use crate::synth::tickets::{Service, Who};
use crate::synth::{Close, Stage, Words};
use crate::wire::Writer;

/// Share of connections that begin with the negotiation of SMB 1, as Windows does with a server
/// that it does not know yet. Assumed.
const MULTI_PROTOCOL_SHARE: f64 = 0.5;
/// Share of clients that do not speak SMB 3.1.1. Assumed: what is left of Windows 8.1 and 7.
const OLD_SHARE: f64 = 0.08;
/// Dialects of Windows 10 and 8.1.
const DIALECTS: [u16; 5] = [0x0202, 0x0210, 0x0300, 0x0302, DIALECT_311];
/// That which an old client and the server agree on.
const DIALECT_OLD: u16 = 0x0302;
/// The answer to SMB 1: any dialect of SMB 2, \[MS-SMB2\] section 2.2.4.
const WILDCARD: u16 = 0x02ff;
/// Capabilities of a client of Windows 10; of a server, before and with a dialect of SMB 3:
/// section 2.2.3 and 2.2.4.
const CLIENT_CAPABILITIES: u32 = 0x7f;
const SERVER_CAPABILITIES: u32 = 0x2f;
const WILDCARD_CAPABILITIES: u32 = 0x07;
/// Bytes of a transaction, read or write.
const SIZE_MAX: u32 = 8 << 20;
/// Signing enabled; and required, as by domain controllers.
const SIGNING_ENABLED: u16 = 1;
const SIGNING_REQUIRED: u16 = 3;
/// Everything is encrypted from now on, section 2.2.6.
const SESSION_ENCRYPTED: u16 = 4;
/// Codes of calls, section 2.2.31.
const DFS_REFERRALS: u32 = 0x0006_0194;
const INTERFACES: u32 = 0x0014_01fc;
const VALIDATE_NEGOTIATE: u32 = 0x0014_0204;
/// The file of calls that need none.
const NO_FILE: [u8; 16] = [0xff; 16];
/// Seconds that a referral may be kept: that of SYSVOL, Windows' default.
const REFERRAL_SECONDS: u32 = 900;
/// Share of referrals that take so long that the server says so first. Assumed.
const PENDING_SHARE: f64 = 0.2;
/// Index of the tree of pipes, and of SYSVOL, in [`Link::trees`].
pub const PIPES: usize = 0;
/// See [`PIPES`].
pub const SYSVOL: usize = 1;
/// Idle minutes after which a client gives a session up. Windows disconnects after 10 to 15.
const IDLE_MS: f64 = 900_000.0;

/// What a server offers to authenticate with, \[MS-SPNG\] section 2.2.1: NEGOEX, Kerberos in its
/// three names, NTLM, and the hint of Windows.
const OFFER: &[u8] = b"\x60\x76\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x6c\x30\x6a\xa0\x3c\x30\x3a\
    \x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02\
    \x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x06\x0a\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03\
    \x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa3\x2a\x30\x28\xa0\x26\x1b\x24\
    not_defined_in_RFC4178@please_ignore";

/// The session that this client keeps open with the domain controller, or a new one.
pub fn session(stage: &mut Stage<'_>, who: Who) -> Smb {
    let kept = stage.memory.links.get_mut(who as usize).and_then(Option::take);
    if let Some(link) = kept {
        // Something else of this client is still under way on it.
        let wait = link.used.since(stage.now());
        if wait > 0 {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
            stage.wait_ms(wait as f64 / 1e6);
        }
        return Smb::resume(*link, who, stage);
    }
    let mut smb = connect(stage, who);
    with_ticket(stage, &mut smb);
    stage.later(IDLE_MS, crate::synth::Activity::SmbIdle, marked(&smb.link, who));
    smb
}

/// Keeps a session for what comes next.
pub fn keep(stage: &mut Stage<'_>, mut smb: Smb) {
    smb.link.used = stage.now();
    if let Some(place) = stage.memory.links.get_mut(smb.who as usize) {
        *place = Some(Box::new(smb.link));
    }
}

/// Tells sessions of a client apart: a part of the identifier, and whose it is.
fn marked(link: &Link, who: Who) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "a part is wanted")]
    let part = link.session as u32;
    part & !1 | u32::from(who == Who::Person)
}

/// Ends the session that `argument` marks, if it has been idle for long enough.
pub fn idle(stage: &mut Stage<'_>) {
    let mark = stage.item.argument;
    let who = if mark & 1 == 0 { Who::Computer } else { Who::Person };
    let Some(place) = stage.memory.links.get_mut(who as usize) else { return };
    let Some(link) = place.take_if(|link| marked(link, who) == mark) else { return };
    #[expect(clippy::cast_precision_loss, reason = "minutes, in nanoseconds")]
    let left_ms = IDLE_MS - stage.now().since(link.used) as f64 / 1e6;
    if left_ms > 1.0 {
        if let Some(place) = stage.memory.links.get_mut(who as usize) {
            *place = Some(link);
        }
        return stage.later(left_ms, crate::synth::Activity::SmbIdle, mark);
    }
    let smb = Smb::resume(*link, who, stage);
    end(stage, smb);
}

/// Disconnects trees, logs off and closes the connection.
pub fn end(stage: &mut Stage<'_>, mut smb: Smb) {
    for tree in smb.link.trees.into_iter().filter(|tree| *tree != 0) {
        let body = TreeDisconnectRequest::default();
        let asked = smb.ask(
            stage,
            Message::new(command::TREE_DISCONNECT, tree, Body::TreeDisconnectRequest(body)),
        );
        let body = Body::TreeDisconnectResponse(TreeDisconnectResponse::default());
        smb.answer(stage, asked, Message::new(command::TREE_DISCONNECT, tree, body));
    }
    let body = Body::LogoffRequest(LogoffRequest::default());
    let asked = smb.ask(stage, Message::new(command::LOGOFF, 0, body));
    let body = Body::LogoffResponse(LogoffResponse::default());
    smb.answer(stage, asked, Message::new(command::LOGOFF, 0, body));
    stage.close(smb.link.tcp, Close::Client);
}

/// A connection, negotiated.
pub fn connect(stage: &mut Stage<'_>, who: Who) -> Smb {
    let client = u64::from(stage.item.client);
    let mut own = Random::fork(stage.cast.seed, client | 5 << 60);
    let is_old = own.chance(OLD_SHARE);
    let guid = guid(&mut own);
    let mut smb = {
        let flow = stage.to_dc(PORT);
        let tcp = stage.connect(flow);
        let dialect = if is_old { DIALECT_OLD } else { DIALECT_311 };
        Smb::new(tcp, who, dialect, stage.now())
    };
    if stage.random.chance(MULTI_PROTOCOL_SHARE) {
        multi_protocol(stage, &mut smb);
    }
    let dialects: &[u16] = if is_old { DIALECTS.get(..4).unwrap_or_default() } else { &DIALECTS };
    let dialects: Vec<u8> = dialects.iter().flat_map(|dialect| dialect.to_le_bytes()).collect();
    let contexts = if is_old { Vec::new() } else { client_contexts(stage) };
    let body = NegotiateRequest {
        security_mode: SIGNING_ENABLED,
        capabilities: CLIENT_CAPABILITIES,
        client: guid,
        dialects: &dialects,
        contexts: Contexts { count: if is_old { 0 } else { 4 }, bytes: &contexts },
        ..NegotiateRequest::default()
    };
    let asked = smb.ask(stage, Message::new(command::NEGOTIATE, 0, Body::NegotiateRequest(body)));
    let contexts = if is_old { Vec::new() } else { server_contexts(stage) };
    let dialect = smb.link.dialect;
    answer_negotiation(stage, &mut smb, asked, (dialect, SERVER_CAPABILITIES), &contexts);
    if is_old {
        smb.link.is_encrypted = false;
    } else {
        smb.link.is_encrypted = own.chance(stage.knob(Knob::SmbEncryptedShare));
    }
    smb
}

/// SMB 1 with names of dialects that stand for SMB 2, \[MS-SMB2\] section 3.2.4.2.2.1.
fn multi_protocol(stage: &mut Stage<'_>, smb: &mut Smb) {
    let header = smb1::Header {
        protocol: *b"\xffSMB",
        command: smb1_command::NEGOTIATE,
        status: 0,
        flags: 0x18,
        flags2: 0xc853,
        process_high: 0,
        security: [0; 8],
        reserved: 0,
        tree_id: 0xffff,
        process_low: 0xfeff,
        user_id: 0,
        multiplex_id: 0,
    };
    stage.say(&mut smb.link.tcp, Side::Client, |w| {
        let block = smb1::Block {
            command: smb1_command::NEGOTIATE,
            words: smb1::Words::Opaque(&[]),
            data: b"\x02NT LM 0.12\0\x02SMB 2.002\0\x02SMB 2.???\0",
            and_x: None,
        };
        smb1::Packet { header, blocks: vec![block], rest: &[] }.emit(w)
    });
    stage.told(Id::Smb1, smb1_command::NEGOTIATE.into(), false);
    let asked = Asked { id: 0, time: stage.now(), is_pending: false };
    smb.link.message_id = 1;
    answer_negotiation(stage, smb, asked, (WILDCARD, WILDCARD_CAPABILITIES), &[]);
}

fn answer_negotiation(
    stage: &mut Stage<'_>,
    smb: &mut Smb,
    asked: Asked,
    (dialect, capabilities): (u16, u32),
    contexts: &[u8],
) {
    let body = NegotiateResponse {
        security_mode: SIGNING_REQUIRED,
        dialect,
        server: server_guid(stage),
        capabilities,
        sizes_max: [SIZE_MAX; 3],
        time: filetime(stage.now()),
        start_time: 0,
        token: OFFER,
        contexts: Contexts { count: if contexts.is_empty() { 0 } else { 2 }, bytes: contexts },
        ..NegotiateResponse::default()
    };
    smb.answer(stage, asked, Message::new(command::NEGOTIATE, 0, Body::NegotiateResponse(body)));
}

/// An identifier of version 1 in the order of the wire.
fn guid(random: &mut Random) -> [u8; 16] {
    let mut guid = [0; 16];
    random.fill(&mut guid);
    let [.., version, _, _, _, _, _, _, _, _] = &mut guid;
    *version = *version & 0x0f | 0x10;
    guid
}

fn server_guid(stage: &Stage<'_>) -> [u8; 16] {
    guid(&mut Random::fork(stage.cast.seed, 6 << 60))
}

/// A negotiate context, aligned for the next; \[MS-SMB2\] section 2.2.3.1.
fn context(out: &mut Vec<u8>, kind: u16, data: &[u8]) {
    out.resize(out.len().next_multiple_of(8), 0);
    out.extend(kind.to_le_bytes());
    out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend([0; 4]);
    out.extend(data);
}

/// SHA-512 with a salt, section 2.2.3.1.1.
fn integrity(random: &mut Random) -> [u8; 38] {
    let mut data = [0; 38];
    let (head, salt) = data.split_at_mut(6);
    head.copy_from_slice(&[1, 0, 32, 0, 1, 0]);
    random.fill(salt);
    data
}

/// What Windows 10 offers: integrity, AES-128 in two modes, compression, the server's name.
fn client_contexts(stage: &mut Stage<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(160);
    context(&mut out, 1, &integrity(&mut stage.random));
    context(&mut out, 2, &[2, 0, 2, 0, 1, 0]);
    context(&mut out, 3, &[4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 2, 0, 3, 0, 1, 0]);
    context(&mut out, 5, &wide(&stage.cast.dc_dns_name(stage.cast.dc)));
    out
}

/// What Windows Server takes: integrity and AES-128-GCM.
fn server_contexts(stage: &mut Stage<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    context(&mut out, 1, &integrity(&mut stage.random));
    context(&mut out, 2, &[1, 0, 2, 0]);
    out
}

/// Whether the session is accepted, and the first message that it asked with.
fn ask_setup(stage: &mut Stage<'_>, smb: &mut Smb, token: &[u8]) -> Asked {
    let body = SessionSetupRequest {
        security_mode: 2,
        capabilities: 1,
        token: At16(Buffer::new(token)),
        ..SessionSetupRequest::default()
    };
    smb.ask(stage, Message::new(command::SESSION_SETUP, 0, Body::SessionSetupRequest(body)))
}

fn answer_setup(stage: &mut Stage<'_>, smb: &mut Smb, asked: Asked, token: &[u8], status: u32) {
    let is_encrypted = smb.link.is_encrypted && status == 0;
    let body = SessionSetupResponse {
        flags: if is_encrypted { SESSION_ENCRYPTED } else { 0 },
        token: At16(Buffer::new(token)),
        rest: &[],
    };
    let body = Body::SessionSetupResponse(body);
    smb.answer(stage, asked, Message { status, ..Message::new(command::SESSION_SETUP, 0, body) });
    smb.link.is_open = status == 0;
}

/// An identifier of a session as the server makes them.
fn session_id(random: &mut Random) -> u64 {
    let [a, b, c, d, ..] = random.next_u64().to_le_bytes();
    u64::from_le_bytes([a & 0xfc | 1, b, 0, 0xe8, c, d & 0x7f, 0, 0])
}

/// Authenticates with Kerberos.
fn with_ticket(stage: &mut Stage<'_>, smb: &mut Smb) {
    let ticket = stage.ticket(smb.who, Service::Cifs);
    let token = stage.spnego(&ticket);
    let asked = ask_setup(stage, smb, &token);
    smb.link.session = session_id(&mut stage.random);
    let token = stage.spnego_answer();
    answer_setup(stage, smb, asked, &token, 0);
    let flow = smb.link.tcp.flow;
    stage.accessed(&flow, asked.time, &ticket, Outcome::Success);
    smb.link.is_named = ticket.is_seen;
    smb.principal = ticket.principal(stage.cast);
}

/// Authenticates with NTLM, or is refused: a person without Kerberos, by the server's address.
/// Whether the session is there.
pub fn with_ntlm(stage: &mut Stage<'_>, smb: &mut Smb, refused: Option<u32>) -> bool {
    let cast = stage.cast;
    let client = stage.item.client;
    let (dc_name, dc_dns) = (cast.dc_name(cast.dc).to_uppercase(), cast.dc_dns_name(cast.dc));
    let (user, workstation) = (cast.user_name(client), cast.host_name(client).to_uppercase());
    let host = Host { name: &dc_name, dns_name: &dc_dns };
    let mut token = Vec::new();
    gss::emit_init(&[oid::NTLMSSP], &mut Writer::new(&mut token), |w| {
        w.bytes(&tokens::negotiate())
    });
    let began = ask_setup(stage, smb, &token);
    stage.told(Id::Ntlmssp, 1, false);
    smb.link.session = session_id(&mut stage.random);
    let challenge = tokens::challenge(cast, host, stage.now(), &mut stage.random);
    token.clear();
    let w = &mut Writer::new(&mut token);
    gss::emit_response(Some(1), Some(oid::NTLMSSP), Some(&challenge), w);
    answer_setup(stage, smb, began, &token, status::MORE_PROCESSING_REQUIRED);
    stage.told(Id::Ntlmssp, 2, true);
    let target = format!("cifs/{}", cast.dc_v4.address);
    let names = (&*user, &*workstation, &*target);
    let proof = tokens::authenticate(cast, host, names, stage.now(), &mut stage.random);
    token.clear();
    gss::emit_response(None, None, Some(&proof), &mut Writer::new(&mut token));
    let asked = ask_setup(stage, smb, &token);
    stage.told(Id::Ntlmssp, 3, false);
    smb.principal = Some(format!("{}\\{user}", cast.forest.netbios_name));
    let outcome = Outcome::of(refused.unwrap_or(0), status::name);
    if let Some(status) = refused {
        let body = Body::Error(super::file::error());
        let message = Message::new(command::SESSION_SETUP, 0, body);
        smb.answer(stage, asked, Message { status, ..message });
    } else {
        token.clear();
        gss::emit_response(Some(0), None, None, &mut Writer::new(&mut token));
        answer_setup(stage, smb, asked, &token, 0);
    }
    let (flow, principal) = (smb.link.tcp.flow, smb.principal.clone());
    stage.did(&flow, began.time, Kind::NtlmLogon, outcome, || Words {
        principal,
        target: Some(cast.forest.netbios_name.clone()),
        detail: Some(format!("NTLMv2 from {workstation}")),
    });
    refused.is_none()
}

/// Connects a share; its tree.
pub fn tree(stage: &mut Stage<'_>, smb: &mut Smb, share: &str, server: &str) -> u32 {
    let path = format!("\\\\{server}\\{share}");
    let is_pipes = share == "IPC$";
    let name = wide(&path);
    let body = TreeConnectRequest { path: At16(Buffer::new(&name)), ..Default::default() };
    let asked =
        smb.ask(stage, Message::new(command::TREE_CONNECT, 0, Body::TreeConnectRequest(body)));
    let tree = smb.new_tree();
    let body = TreeConnectResponse {
        share_type: if is_pipes { SHARE_PIPE } else { SHARE_DISK },
        reserved: 0,
        share_flags: if is_pipes { 0x30 } else { 0x1100 },
        capabilities: 0,
        maximal_access: if is_pipes { 0x0012_01ff } else { 0x0012_00a9 },
        rest: &[],
    };
    let body = Body::TreeConnectResponse(body);
    smb.answer(stage, asked, Message::new(command::TREE_CONNECT, tree, body));
    if smb.is_clear() {
        let (flow, principal) = (smb.link.tcp.flow, smb.principal.clone());
        stage.did(&flow, asked.time, Kind::ShareAccess, Outcome::Success, || Words {
            principal,
            target: Some(path),
            detail: Some("TREE_CONNECT".to_owned()),
        });
    }
    tree
}

/// The tree of pipes, connected when first wanted; with it the client asks for interfaces, or,
/// in older dialects, whether nobody has changed the negotiation.
pub fn pipes(stage: &mut Stage<'_>, smb: &mut Smb) -> u32 {
    let server = stage.cast.dc_dns_name(stage.cast.dc);
    connected(stage, smb, (PIPES, "IPC$"), &server)
}

/// The tree of SYSVOL, likewise.
pub fn sysvol(stage: &mut Stage<'_>, smb: &mut Smb) -> u32 {
    let server = stage.cast.dc_dns_name(stage.cast.dc);
    connected(stage, smb, (SYSVOL, "sysvol"), &server)
}

fn connected(
    stage: &mut Stage<'_>,
    smb: &mut Smb,
    (place, share): (usize, &str),
    server: &str,
) -> u32 {
    if let Some(tree) = smb.link.trees.get(place).copied().filter(|tree| *tree != 0) {
        return tree;
    }
    let is_first = smb.link.tree_count == 0;
    let tree = tree(stage, smb, share, server);
    if let Some(place) = smb.link.trees.get_mut(place) {
        *place = tree;
    }
    if smb.link.dialect != DIALECT_311 {
        validate(stage, smb, tree);
    }
    if is_first {
        interfaces(stage, smb, tree);
    }
    tree
}

/// A call and its answer.
fn call(
    stage: &mut Stage<'_>,
    smb: &mut Smb,
    (tree, code): (u32, u32),
    input: &[u8],
    output: &[u8],
    is_slow: bool,
) {
    let empty = At32(Buffer::new(&[]));
    let body = IoctlRequest {
        code,
        file: NO_FILE,
        input: At32(Buffer::new(input)),
        output: empty,
        output_max: 65_536,
        flags: 1,
        ..Default::default()
    };
    let asked = smb.ask(stage, Message::new(command::IOCTL, tree, Body::IoctlRequest(body)));
    if is_slow && smb.is_clear() {
        let message = Message::new(command::IOCTL, tree, Body::Error(super::file::error()));
        smb.pending(stage, asked, Message { status: status::PENDING, ..message });
        stage.wait_ms(1.0);
    }
    let asked = Asked { is_pending: is_slow && smb.is_clear(), ..asked };
    let body = IoctlResponse {
        code,
        file: NO_FILE,
        input: empty,
        output: At32(Buffer::new(output)),
        ..Default::default()
    };
    smb.answer(stage, asked, Message::new(command::IOCTL, tree, Body::IoctlResponse(body)));
}

/// \[MS-SMB2\] section 2.2.31.4.
fn validate(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32) {
    let client = u64::from(stage.item.client);
    let mut own = Random::fork(stage.cast.seed, client | 5 << 60);
    own.chance(OLD_SHARE);
    let mut input = CLIENT_CAPABILITIES.to_le_bytes().to_vec();
    input.extend(guid(&mut own));
    input.extend(SIGNING_ENABLED.to_le_bytes());
    input.extend(4u16.to_le_bytes());
    input.extend(DIALECTS.iter().take(4).flat_map(|dialect| dialect.to_le_bytes()));
    let mut output = SERVER_CAPABILITIES.to_le_bytes().to_vec();
    output.extend(server_guid(stage));
    output.extend(SIGNING_REQUIRED.to_le_bytes());
    output.extend(smb.link.dialect.to_le_bytes());
    call(stage, smb, (tree, VALIDATE_NEGOTIATE), &input, &output, false);
}

/// Interfaces of the server: one, by each of its addresses; \[MS-SMB2\] section 2.2.32.5.
fn interfaces(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32) {
    const LENGTH: usize = 152;
    const SPEED: u64 = 10_000_000_000;
    let addresses = [Some(stage.cast.dc_v4), stage.cast.dc_v6];
    let addresses: Vec<_> = addresses.into_iter().flatten().map(|peer| peer.address).collect();
    let mut output = Vec::with_capacity(2 * LENGTH);
    for (at, address) in addresses.iter().enumerate() {
        let is_last = at + 1 == addresses.len();
        let next = if is_last { 0u32 } else { 152 };
        let start = output.len();
        output.extend(next.to_le_bytes());
        output.extend([5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]); // index, RSS, reserved
        output.extend(SPEED.to_le_bytes());
        match address {
            std::net::IpAddr::V4(v4) => {
                output.extend([2, 0, 0, 0]);
                output.extend(v4.octets());
            }
            std::net::IpAddr::V6(v6) => {
                output.extend([23, 0, 0, 0, 0, 0, 0, 0]);
                output.extend(v6.octets());
            }
        }
        output.resize(start + LENGTH, 0);
    }
    call(stage, smb, (tree, INTERFACES), &[], &output, false);
}

/// Where `\domain\share` is, \[MS-DFSC\] sections 2.2.2 and 2.2.4.4.
pub fn referral(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, share: &str) {
    let domain = &stage.cast.forest.dns_name;
    let path = wide(&format!("\\{domain}\\{share}\0"));
    let target = wide(&format!("\\{}\\{share}\0", stage.cast.dc_dns_name(stage.cast.dc)));
    let mut input = vec![4, 0];
    input.extend(&path);
    let short = |value: usize| u16::try_from(value).unwrap_or(u16::MAX).to_le_bytes();
    let entry = 34;
    let mut output = Vec::with_capacity(200);
    output.extend(short(path.len() - 2));
    output.extend([1, 0, 3, 0, 0, 0]); // one referral; to the root, with storage
    output.extend([4, 0]);
    output.extend(short(entry));
    output.extend([1, 0, 4, 0]); // a root; a boundary of targets
    output.extend(REFERRAL_SECONDS.to_le_bytes());
    output.extend(short(entry));
    output.extend(short(entry + path.len()));
    output.extend(short(entry + 2 * path.len()));
    output.extend([0; 16]);
    output.extend(&path);
    output.extend(&path);
    output.extend(&target);
    let is_slow = stage.random.chance(PENDING_SHARE);
    call(stage, smb, (tree, DFS_REFERRALS), &input, &output, is_slow);
}
