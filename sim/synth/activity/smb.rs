//! SMB: policies, files, print, pipes.

mod calls;
mod file;
pub mod link;
mod pipe;
mod seal;
mod setup;
mod share;
pub(super) mod tokens;

use self::calls::{LSARPC, SPOOLSS, SRVSVC, WKSSVC};
use self::link::Smb;
use self::pipe::{Call, Pipe};
use crate::estate::Knob;
use crate::proto::{Kind, Outcome};
use crate::synth::tickets::{Service, Who};
use crate::synth::{Close, Stage};

/// Added to an argument: in the person's name instead of the computer's.
pub const PERSON: u32 = 1 << 16;
/// An argument divided by this says what is called.
const WHAT: u32 = 1 << 20;
/// Names or identifiers that are looked up at once at most. Assumed.
const NAMES_MAX: u32 = 3;
/// Share of lookups that find nothing. Assumed.
const UNKNOWN_SHARE: f64 = 0.05;
/// Share of NTLM sessions that are refused. Assumed.
const REFUSED_SHARE: f64 = 0.15;
/// Wrong name or password, \[MS-ERREF\] section 2.3.1.
const LOGON_FAILURE: u32 = 0xc000_006d;
/// Sessions that a domain controller lists at most in an answer. Ours, to keep it in a fragment.
const SESSIONS_MAX: u32 = 20;
/// Number of the first account of people in the domain. Assumed.
const FIRST_ACCOUNT: u32 = 1_104;

/// In whose name an argument says.
const fn who(argument: u32) -> Who {
    if argument & PERSON == 0 { Who::Computer } else { Who::Person }
}

/// A session with Kerberos: IPC$, referral, pipe; argument: calls on the pipe, with 65,536 the
/// person's, with 1,048,576 times 1, 2, 3 or 4 of NetrShareGetInfo, NetrServerGetInfo,
/// LsarLookupNames or LsarLookupSids alone.
pub fn session(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let argument = stage.item.argument;
    let calls = (argument % PERSON).max(1);
    let mut smb = setup::session(stage, who(argument));
    let tree = setup::pipes(stage, &mut smb);
    let is_new = smb.link.tree_count == 1;
    if is_new {
        setup::referral(stage, &mut smb, tree, "SysVol");
    }
    match argument / WHAT {
        0 => {
            for at in 0..calls.div_ceil(2) {
                information(stage, &mut smb, tree, if calls > 2 * at + 1 { 2 } else { 1 });
            }
        }
        1 => server(stage, &mut smb, tree, calls, true),
        2 => server(stage, &mut smb, tree, calls, false),
        3 => lookups(stage, &mut smb, tree, calls, true),
        _ => lookups(stage, &mut smb, tree, calls, false),
    }
    setup::keep(stage, smb);
}

/// What server and workstation services say of themselves, as a client asks before it lists.
fn information(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, pipes: u32) {
    let (name, host) = names(stage);
    let mut pipe = Pipe::new(stage, smb, tree, WKSSVC);
    let domain = stage.cast.forest.netbios_name.clone();
    pipe.call(stage, smb, calls::workstation_info(&name, &host, &domain));
    pipe.close(stage, smb);
    if pipes > 1 {
        server(stage, smb, tree, 1, false);
    }
}

/// The server as calls name it, `\\dc01.corp.example`, and its NetBIOS name.
fn names(stage: &Stage<'_>) -> (String, String) {
    let cast = stage.cast;
    (format!("\\\\{}", cast.dc_dns_name(cast.dc)), cast.dc_name(cast.dc).to_uppercase())
}

fn server(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, count: u32, of_share: bool) {
    let (name, host) = names(stage);
    let mut pipe = Pipe::new(stage, smb, tree, SRVSVC);
    for _ in 0..count {
        let call = match of_share {
            true => calls::share_info(&name, "SYSVOL"),
            false => calls::server_info(&name, &host),
        };
        pipe.call(stage, smb, call);
    }
    pipe.close(stage, smb);
}

/// Names to identifiers, or back.
fn lookups(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, count: u32, of_names: bool) {
    let (server, _) = names(stage);
    let mut handle = [0; 20];
    if let Some((_, rest)) = handle.split_at_mut_checked(4) {
        stage.random.fill(rest);
    }
    let mut pipe = Pipe::new(stage, smb, tree, LSARPC);
    pipe.call(stage, smb, calls::open_policy(&server, handle));
    for _ in 0..count {
        let call = lookup(stage, handle, of_names);
        pipe.call(stage, smb, call);
    }
    pipe.call(stage, smb, calls::close_policy(handle));
    pipe.close(stage, smb);
}

fn lookup(stage: &mut Stage<'_>, handle: [u8; 20], of_names: bool) -> Call {
    let cast = stage.cast;
    let domain = cast.forest.netbios_name.clone();
    let sid = domain_sid(stage);
    let clients = u32::try_from(cast.clients.len()).unwrap_or(u32::MAX).max(2);
    let first = 1 + stage.random.below(clients - 1);
    let accounts = 1 + stage.random.below(NAMES_MAX);
    let accounts: Vec<(u32, String)> = (0..accounts)
        .map(|at| {
            let client = 1 + (first - 1 + at) % (clients - 1);
            (FIRST_ACCOUNT + first + at, cast.user_name(client))
        })
        .collect();
    if !of_names {
        return calls::lookup_sids(handle, &accounts, (&domain, &sid));
    }
    let names: Vec<String> = accounts.iter().map(|(_, name)| format!("{domain}\\{name}")).collect();
    let is_known = !stage.random.chance(UNKNOWN_SHARE);
    let number = is_known.then_some(FIRST_ACCOUNT + first);
    calls::lookup_names(handle, &names, (&domain, &sid), number)
}

/// The domain's identifier behind `S-1-5`, \[MS-DTYP\] section 2.4.2.
fn domain_sid(stage: &Stage<'_>) -> [u32; 4] {
    let mut random = crate::base::Random::fork(stage.cast.seed, 7 << 60);
    let mut part = || 1_000_000_000 + random.below(2_000_000_000);
    [21, part(), part(), part()]
}

/// A client gives up a session that has been idle; argument: which one.
pub fn idle(stage: &mut Stage<'_>) {
    setup::idle(stage);
}

/// Policies are read from SYSVOL; argument: policies, with 65,536 added the person's.
pub fn sysvol(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let argument = stage.item.argument;
    let policies = (argument % PERSON).max(1);
    let mut smb = setup::session(stage, who(argument));
    if smb.link.trees.get(setup::SYSVOL) == Some(&0) {
        let pipes = setup::pipes(stage, &mut smb);
        setup::referral(stage, &mut smb, pipes, "sysvol");
    }
    let tree = setup::sysvol(stage, &mut smb);
    let changed = stage.knob(Knob::GpoChanged) / f64::from(policies);
    for at in 0..policies {
        share::policy(stage, &mut smb, tree, at, changed);
    }
    setup::keep(stage, smb);
}

/// Files are read and written.
pub fn files(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let mut smb = setup::session(stage, Who::Person);
    share::browse(stage, &mut smb);
    setup::keep(stage, smb);
}

/// The spooler is asked.
pub fn print(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let mut smb = setup::session(stage, Who::Person);
    let tree = setup::pipes(stage, &mut smb);
    if smb.is_clear() {
        let ticket = stage.ticket(Who::Person, Service::Host);
        let (mut pipe, mut seal) = Pipe::sealed(stage, &mut smb, tree, SPOOLSS, ticket);
        for (opnum, asks, tells) in SPOOLER {
            seal.call(&mut pipe, stage, &mut smb, opnum, (asks, tells));
        }
        pipe.close(stage, &mut smb);
    } else {
        // What is encrypted needs no seal, and nobody sees what it says.
        let mut pipe = Pipe::new(stage, &mut smb, tree, SPOOLSS);
        for (opnum, asks, tells) in SPOOLER {
            let (arguments, results) = (vec![0; asks], vec![0; tells]);
            let (kind, target, outcome) = (Kind::RemoteCall, None, Outcome::Unknown);
            let call = Call { opnum, arguments, results, kind, target, outcome };
            pipe.call(stage, &mut smb, call);
        }
        pipe.close(stage, &mut smb);
    }
    setup::keep(stage, smb);
}

/// Operations of the spooler when a printer is looked at, and bytes of arguments and results:
/// RpcOpenPrinterEx, RpcGetPrinter without room and with it, twice, RpcClosePrinter; \[MS-RPRN\]
/// section 3.1.4. Lengths as the structures have them with names of ours.
const SPOOLER: [(u16, usize, usize); 6] =
    [(69, 260, 24), (8, 40, 24), (8, 1_880, 1_864), (8, 40, 24), (8, 600, 584), (29, 20, 24)];

/// Somebody lists the sessions of the server.
pub fn sessions(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let mut smb = setup::session(stage, Who::Person);
    let tree = setup::pipes(stage, &mut smb);
    let (name, _) = names(stage);
    let clients = u32::try_from(stage.cast.clients.len()).unwrap_or(u32::MAX).max(2);
    let count = stage.random.below(SESSIONS_MAX.min(clients) + 1);
    let listed: Vec<(String, String, u32)> = (0..count)
        .map(|_| {
            let client = 1 + stage.random.below(clients - 1);
            let address = stage.cast.client(client).v4;
            let seconds = stage.random.below(900);
            (format!("\\\\{address}"), stage.cast.user_name(client), seconds)
        })
        .collect();
    let mut pipe = Pipe::new(stage, &mut smb, tree, SRVSVC);
    pipe.call(stage, &mut smb, calls::sessions(&name, &listed));
    pipe.close(stage, &mut smb);
    setup::keep(stage, smb);
}

/// A session with NTLM, now and then refused.
pub fn ntlm(stage: &mut Stage<'_>) {
    if stage.is_domain_controller() {
        return;
    }
    let mut smb = setup::connect(stage, Who::Person);
    let refused = stage.random.chance(REFUSED_SHARE).then_some(LOGON_FAILURE);
    if !setup::with_ntlm(stage, &mut smb, refused) {
        return stage.close(smb.link.tcp, Close::Client);
    }
    let address = stage.cast.dc_v4.address.to_string();
    let tree = setup::tree(stage, &mut smb, "IPC$", &address);
    if let Some(place) = smb.link.trees.get_mut(setup::PIPES) {
        *place = tree;
    }
    let mut pipe = Pipe::new(stage, &mut smb, tree, SRVSVC);
    let (_, host) = names(stage);
    pipe.call(stage, &mut smb, calls::server_info(&format!("\\\\{address}"), &host));
    pipe.close(stage, &mut smb);
    setup::end(stage, smb);
}
