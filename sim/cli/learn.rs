//! `headroom learn`: captures to an estate.
//!
//! Two passes over the captures: the first finds the domain controllers and what they are
//! called, the second counts who does what.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::args::{Cli, DayArgs, LearnArgs};
use super::inputs::is_standard_input;
use super::plan::InputPlan;
use super::run::{self, Captured, Reading};
use super::{EXIT_DAMAGED, output};
use crate::capture::{self, CaptureSet, Filtered};
use crate::estate::Parameters;
use crate::learn::{
    CALIBRATION, Carried, Controller, Hours, Learned, Learner, Message, NO_DOMAIN, Names, Sighting,
    Telling,
};
use crate::proto::{self, Context, Id, Kind, Outcome, Quality, Tally, ldap, smb2};
use crate::record::{Activity, InputFile};
use crate::sensor::{self, Audience, Ends, Rows};

/// Largest factor for clients: beyond it nothing of the capture is left.
const SCALE_MAX: f64 = 1_000.0;
/// Operations of LDAP that the sizes of answers are made of, RFC 4511 sections 4.5.2 and 4.5.3.
const SEARCH: u32 = 3;
const ENTRY: u32 = 4;
const DONE: u32 = 5;
const REFERENCE: u32 = 19;

/// Operation of NetBIOS queries for a name: opcode 0, type NB (RFC 1002 section 4.2.12).
const NB_QUERY: u32 = 32;

/// `headroom learn`.
///
/// # Errors
/// Inputs that cannot be read, an output that cannot be written, or captures that teach nothing.
pub fn run(cli: &Cli, args: &LearnArgs) -> anyhow::Result<ExitCode> {
    if !(args.scale > 0.0 && args.scale <= SCALE_MAX) {
        bail!("--scale {}: not above 0 and at most {SCALE_MAX}", args.scale);
    }
    let plan = InputPlan::new(&args.input, &DayArgs::default())?;
    if let Some(estate) = plan.inputs.estates.first() {
        bail!(
            "learn from {}: an estate teaches nothing that it does not say; give a capture",
            estate.display()
        );
    }
    output::prepare(args.output.as_deref(), &plan.inputs)?;
    if plan.inputs.captures.iter().any(|path| is_standard_input(path)) {
        bail!("learn from standard input: captures are read twice; write it to a file first");
    }
    super::tell_skipped(cli, &plan);
    let reading = Reading { sha256: false, quiet: cli.quiet };
    let mut names = Names::default();
    let rows: Rows<'_> = Box::new(|row: &Activity<'_>| {
        if let Some(sighting) = seen(row) {
            names.see(&sighting);
        }
    });
    let captured = run::observe(&plan, reading, Some(rows))?
        .context("learn from counter logs: they do not say who asks for what; give captures")?;
    let learned = learn(args, &plan, &captured, &names)?;
    let telling = Telling {
        source: source(&captured.files, args.input.anonymize),
        synthesized: synthesized(&captured.files, args.input.anonymize),
        anonymize: args.input.anonymize,
        short: names.short().map(str::to_owned),
        scale: args.scale,
    };
    let text = learned.to_toml(&telling).context("make an estate of what was seen")?;
    output::write(args.output.as_deref(), text.as_bytes())?;
    let problems = run::problems(&captured.files, &captured.observation.traffic.drops);
    super::tell(cli, &problems, &captured.observation.warnings);
    if names.domain().is_none() && !cli.quiet {
        output::say(&format!(
            "warning: nobody says what the domain is called; it is `{NO_DOMAIN}` in the estate"
        ));
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { EXIT_DAMAGED.into() })
}

/// The second pass.
fn learn(
    args: &LearnArgs,
    plan: &InputPlan,
    captured: &Captured,
    names: &Names,
) -> anyhow::Result<Learned> {
    let traffic = &captured.observation.traffic;
    let (first, last) = traffic
        .first_utc
        .zip(traffic.last_utc)
        .context("learn from the captures: they hold no frames with a time")?;
    let hours = Hours::new(first, last, &args.time_zone).with_context(|| {
        format!(
            "--time-zone {}: there is no such time zone; write e.g. Europe/Berlin",
            args.time_zone.escape_debug()
        )
    })?;
    let controllers = controllers(captured, names);
    if controllers.is_empty() {
        bail!("find a domain controller in the captures; name one with --dc NAME=ADDRESS");
    }
    let domain = names.domain().unwrap_or(NO_DOMAIN);
    let mut ear = Ear { learner: Learner::new(controllers, domain, hours), words: <_>::default() };
    let options = capture::Options { sha256: false };
    let set = CaptureSet::open_with(&plan.inputs.captures, options, None)?;
    let mut source = Filtered::new(set, plan.filter.clone())?;
    sensor::hear(&mut source, &plan.core, &mut ear);
    source.into_inner()?;
    let learned = ear.learner.finish(&Parameters::of(CALIBRATION)?);
    if learned.sites.is_empty() {
        bail!("find clients: nobody asks the domain controllers in the captures for anything");
    }
    Ok(learned)
}

/// The domain controllers that the core found, under the names their clients use.
fn controllers(captured: &Captured, names: &Names) -> Vec<Controller> {
    let mut found: Vec<Controller> = Vec::new();
    for (place, dc) in (1u32..).zip(&captured.observation.domain_controllers) {
        let addresses: Vec<IpAddr> = dc.addresses.iter().filter_map(|a| a.parse().ok()).collect();
        if addresses.is_empty() {
            continue;
        }
        let named = dc.name.split('.').next().unwrap_or_default().to_lowercase();
        let is_named = dc.name.parse::<IpAddr>().is_err() && is_label(&named);
        let name = match names.host_of(&addresses) {
            _ if is_named => named,
            Some(name) => name.to_owned(),
            None => format!("dc{place:02}"),
        };
        let is_taken = found.iter().any(|other| other.name == name);
        let name = if is_taken { format!("{name}-{place}") } else { name };
        found.push(Controller { name, addresses });
    }
    found
}

/// Whether a name is a DNS label of a host, RFC 1123 section 2.1.
fn is_label(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=15).contains(&name.len())
        && name.bytes().all(inside)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// What the captures are called: the first file's name, and how many more there are.
fn source(files: &[InputFile], anonymize: bool) -> String {
    let first = files.first().map(|file| file.path.as_str()).unwrap_or_default();
    let first = first.rsplit(['/', '\\']).next().unwrap_or_default();
    let first = if anonymize { "a capture" } else { first };
    match files.len() {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}

/// What made the captures, where one of them says that it was synthesized.
fn synthesized(files: &[InputFile], anonymize: bool) -> Option<String> {
    let known = files.iter().find_map(|file| file.synthesis.as_ref()).map(|made| {
        let estate = if anonymize { "an estate" } else { &made.estate };
        format!("{estate}, calibration {}, seed {}", made.calibration, made.seed)
    });
    let is_unread = |file: &InputFile| file.format_text.contains(capture::SYNTHESIS_UNREAD);
    let unread = || files.iter().any(is_unread).then(|| "nobody says how".to_owned());
    known.or_else(unread)
}

/// A row of the first pass. It does not say what carried it, and names do not depend on that.
fn seen<'a>(row: &Activity<'a>) -> Option<Sighting<'a>> {
    Some(Sighting {
        time: row.time_utc,
        client: row.client.parse().ok()?,
        client_port: row.client_port,
        server: row.server.parse().ok()?,
        server_port: row.server_port,
        is_tcp: true,
        kind: row.kind,
        protocol: row.protocol,
        principal: row.principal,
        target: row.target,
        detail: row.detail,
        outcome: row.outcome,
        code_name: row.code_name,
    })
}

/// Hands on what the core hears.
struct Ear {
    learner: Learner,
    /// Principal, target and detail, written out; kept for their memory.
    words: [String; 3],
}

impl Ear {
    fn hear(&mut self, ends: &Ends, context: &Context, message: Message, bytes: usize) {
        self.learner.hear(&Carried {
            time: context.time,
            client: (ends.client.0.to_ip(), ends.client.1),
            server: ends.server.0.to_ip(),
            is_request: context.side == proto::Side::Client,
            message,
            bytes,
        });
    }
}

/// Whether the server chooses a dialect of SMB before 3.1.1; the wildcard chooses none yet
/// (\[MS-SMB2\] section 2.2.4).
fn is_old_dialect(message: &proto::Message<'_>) -> bool {
    const SMB_3_1_1: u16 = 0x0311;
    const WILDCARD: u16 = 0x02ff;
    match message {
        proto::Message::Smb2(smb2::Message::Plain(pdu)) => match &pdu.body {
            smb2::Body::NegotiateResponse(answer) => {
                answer.dialect < SMB_3_1_1 && answer.dialect != WILDCARD
            }
            _ => false,
        },
        _ => false,
    }
}

impl Audience for Ear {
    fn message(
        &mut self,
        ends: &Ends,
        context: &Context,
        message: &proto::Message<'_>,
        tally: Tally,
    ) {
        let is_request = context.side == proto::Side::Client;
        let what = match (message.id(), tally.operation, is_request) {
            // A buffer that was read to its end was only signed, and a request in it may be
            // anything; sealed ones may, too.
            (Id::Nbns, NB_QUERY, true) if !tally.is_answer => Message::NbnsQuery,
            (Id::Ldap, ldap::SEALED, _) => Message::LdapBuffer,
            (Id::Ldap, SEARCH, true) | (Id::Ldap, ENTRY | DONE | REFERENCE, false) => Message::Ldap,
            (Id::Smb2, smb2::command::OPAQUE, _) if tally.quality == Quality::Opaque => {
                Message::SmbEncrypted
            }
            (Id::Smb2, ..) => Message::Smb,
            _ => return,
        };
        if is_old_dialect(message) {
            self.hear(ends, context, Message::SmbOld, tally.bytes);
        }
        self.hear(ends, context, what, tally.bytes);
    }
    fn activity(&mut self, ends: &Ends, activity: &proto::Activity<'_>) {
        let [(client, client_port), (server, server_port)] = ends.seen_from(activity.asked_by);
        let shown = [activity.principal, activity.target, activity.detail];
        for (word, shown) in self.words.iter_mut().zip(shown) {
            word.clear();
            if let Some(shown) = shown {
                let _ = write!(word, "{shown}"); // writing to memory cannot fail
            }
        }
        let [principal, target, detail] = &self.words;
        let given = |word: &'_ Option<&dyn std::fmt::Display>| word.is_some();
        let [has_principal, has_target, has_detail] = shown.each_ref().map(given);
        let (outcome, code_name) = outcome(activity.outcome);
        self.learner.see(&Sighting {
            time: activity.time,
            client: client.to_ip(),
            client_port,
            server: server.to_ip(),
            server_port,
            is_tcp: matches!(ends.transport, crate::flow::Transport::Tcp),
            kind: Kind::name(activity.kind),
            protocol: activity.protocol.name(),
            principal: has_principal.then_some(principal),
            target: has_target.then_some(target),
            detail: has_detail.then_some(detail),
            outcome,
            code_name,
        });
    }
}

/// As the rows of activities say it.
fn outcome(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Success => ("success", None),
        Outcome::Failure { name, .. } => ("failure", Some(name)),
        Outcome::Continued { name, .. } => ("continued", Some(name)),
        Outcome::Unanswered => ("unanswered", None),
        Outcome::Unknown => ("unknown", None),
    }
}
