//! What a connection, or an exchange of datagrams, is about: requests with their answers, and
//! who is bound.

use std::fmt::Write as _;

use super::message::{Attribute, Authentication, BindRequest, Entry, Message, Operation};
use super::message::{BindResponse, Outcome as LdapOutcome, SearchRequest};
use super::{names, netlogon};
use crate::proto::gss::Handshake;
use crate::proto::{Asked, Context, Dialogue, Held, Id, Kind, Observer, Outcome, Pending, Utf8};
use crate::wire::WireError;

/// Requests of one connection that are remembered: clients seldom have more than a few open.
const PENDING_MAX: usize = 32;
/// Stands for the bind, of which there is one at a time (RFC 4511 section 4.2.1); message
/// numbers have 31 bits.
const BIND: u32 = u32::MAX;
/// saslBindInProgress, RFC 4511 section 4.1.9.
const IN_PROGRESS: u32 = 14;
/// Tags of Sicily's steps, \[MS-ADTS\] section 5.1.1.1.3: which packages there are, the first
/// and the last token of NTLM.
const SICILY_DISCOVERY: u8 = 0x89;
const SICILY_NEGOTIATE: u8 = 0x8a;
const SICILY_RESPONSE: u8 = 0x8b;
/// The attribute that a client looking for a domain controller asks the root for, \[MS-ADTS\]
/// section 6.3.3.
const NETLOGON: &[u8] = b"Netlogon";
/// The root of the directory's tree of information, \[MS-ADTS\] section 3.1.1.3.2.
const ROOT: &str = "rootDSE";

/// How far a bind is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// None has begun, or one without tokens.
    #[default]
    Plain,
    /// A SASL mechanism's token was sent.
    Sasl,
    /// A step of Sicily, by its tag.
    Sicily(u8),
}

/// What is remembered between messages.
#[derive(Debug, Default)]
pub struct Session {
    pending: Pending<u32, PENDING_MAX>,
    handshake: Handshake,
    stage: Stage,
    /// Message number of the latest bind request.
    bind: u32,
    /// The last bind response asked for another request.
    goes_on: bool,
    /// In whose name searches and changes are.
    bound: Held,
    /// The search for a domain controller that waits for its entry.
    ping: Option<u32>,
}

impl Session {
    /// Takes in a message of `protocol`: asks, or answers what was asked.
    ///
    /// # Errors
    /// A search's filter is malformed.
    pub(in crate::proto) fn hear(
        &mut self,
        protocol: Id,
        message: &Message<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let id = message.id;
        match &message.operation {
            Operation::SearchResultEntry(entry) => {
                if self.ping == Some(id) {
                    self.found(id, entry, out);
                }
            }
            Operation::SearchRequest(request) => {
                self.search(protocol, id, request, context, out);
                return request.filter.check();
            }
            Operation::SearchResultDone(outcome) => {
                let outcome = match outcome_of(outcome) {
                    Outcome::Success if self.ping == Some(id) => {
                        // A domain controller that is not meant sends a result alone.
                        Outcome::Failure { code: outcome.code, name: "no entry" }
                    }
                    outcome => outcome,
                };
                self.ping = self.ping.filter(|&ping| ping != id);
                self.pending.answer(id, outcome, out);
            }
            Operation::BindRequest(request) => {
                self.bind = id;
                self.bind(protocol, request, context, out);
            }
            Operation::BindResponse(response) => {
                // The answer to a bind that another has overtaken says nothing of that one.
                if self.bind == id || self.pending.get(BIND).is_none() {
                    self.bound(response, context, out);
                }
            }
            Operation::AbandonRequest(abandoned) => {
                self.pending.answer(*abandoned, Outcome::Unknown, out);
            }
            Operation::ModifyResponse(outcome)
            | Operation::AddResponse(outcome)
            | Operation::DeleteResponse(outcome)
            | Operation::RenameResponse(outcome) => {
                self.pending.answer(id, outcome_of(outcome), out);
            }
            change => self.change(protocol, id, change, context, out),
        }
        Ok(())
    }

    fn search(
        &mut self,
        protocol: Id,
        id: u32,
        request: &SearchRequest<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let is_netlogon = |name: &[u8]| name.eq_ignore_ascii_case(NETLOGON);
        let is_ping = request.base.is_empty() && request.attributes.iter().any(is_netlogon);
        let kind = if is_ping { Kind::NetlogonPing } else { Kind::LdapQuery };
        let at = (context.time, context.side);
        let asked = self.pending.ask(id, (kind, protocol), at, out);
        asked.principal.set(&self.bound);
        if is_ping {
            self.ping = Some(id);
            describe_ping(request, asked);
            return;
        }
        if request.base.is_empty() && request.scope == 0 {
            asked.target.set(&ROOT);
        } else {
            asked.target.set(&Utf8(request.base));
        }
        // What does not fit is left out.
        let _ = write!(asked.detail, "{} {}", names::scope(request.scope), request.filter);
    }

    /// The entry that a search for a domain controller found.
    fn found(&mut self, id: u32, entry: &Entry<'_>, out: &mut dyn Observer) {
        let is_netlogon = |attribute: &Attribute<'_>| attribute.name.eq_ignore_ascii_case(NETLOGON);
        let value = entry.attributes.iter().find(is_netlogon).and_then(|a| a.values.iter().next());
        let Some((value, opcode)) = value.and_then(|v| Some((v, netlogon::opcode(v)?))) else {
            return;
        };
        if let (Some(asked), Ok(answer)) = (self.pending.get(id), netlogon::Answer::parse(value)) {
            asked.add_detail(&format_args!("DC={} Site={}", answer.host(), answer.site()));
        }
        let outcome = if netlogon::is_consent(opcode) {
            Outcome::Success
        } else {
            Outcome::Failure { code: opcode.into(), name: netlogon::opcode_name(opcode) }
        };
        self.ping = None;
        self.pending.answer(id, outcome, out);
    }

    fn bind(
        &mut self,
        protocol: Id,
        request: &BindRequest<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let (kind, stage) = match request.authentication {
            Authentication::Simple(password) if !password.0.is_empty() => {
                (Kind::LdapClearTextBind, Stage::Plain)
            }
            Authentication::Simple(_) => (Kind::LdapBind, Stage::Plain),
            Authentication::Sasl { .. } => (Kind::LdapBind, Stage::Sasl),
            Authentication::Other(tag, _) => (Kind::LdapBind, Stage::Sicily(tag)),
        };
        if !std::mem::take(&mut self.goes_on) || stage == Stage::Plain {
            self.begin_bind(protocol, kind, request, context, out);
        }
        self.stage = stage;
        let token = match request.authentication {
            Authentication::Sasl { credentials, .. } => credentials,
            Authentication::Other(SICILY_NEGOTIATE | SICILY_RESPONSE, token) => Some(token),
            _ => None,
        };
        if let Some(token) = token {
            self.handshake.token(token, context, out);
        }
    }

    fn begin_bind(
        &mut self,
        protocol: Id,
        kind: Kind,
        request: &BindRequest<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        self.pending.answer(BIND, Outcome::Unanswered, out);
        self.handshake.reset();
        // A bind undoes the one before, RFC 4511 section 4.2.1.
        self.bound.clear();
        let at = (context.time, context.side);
        let asked = self.pending.ask(BIND, (kind, protocol), at, out);
        asked.principal.set(&Utf8(request.name));
        match request.authentication {
            Authentication::Simple(password) => {
                let is_anonymous = request.name.is_empty() && password.0.is_empty();
                asked.detail.set(&if is_anonymous { "anonymous" } else { "simple" });
            }
            Authentication::Sasl { mechanism, .. } => asked.detail.set(&Utf8(mechanism)),
            Authentication::Other(SICILY_DISCOVERY..=SICILY_RESPONSE, _) => {
                asked.detail.set(&"SICILY");
            }
            Authentication::Other(..) => {}
        }
    }

    fn bound(&mut self, response: &BindResponse<'_>, context: &Context, out: &mut dyn Observer) {
        let outcome = &response.outcome;
        // Sicily's tokens are where the matched name is.
        let token = match self.stage {
            Stage::Sicily(SICILY_NEGOTIATE) => Some(outcome.matched),
            _ => response.credentials,
        };
        if let Some(token) = token {
            self.handshake.token(token, context, out);
        }
        let is_step = matches!(self.stage, Stage::Sicily(SICILY_DISCOVERY | SICILY_NEGOTIATE));
        if outcome.code == IN_PROGRESS || outcome.code == 0 && is_step {
            self.goes_on = true;
            return;
        }
        self.goes_on = false;
        let told = outcome_of(outcome);
        if let Some(asked) = self.pending.get(BIND) {
            if self.stage != Stage::Plain && asked.principal.is_empty() {
                asked.principal.set(self.handshake.principal());
            }
            if told == Outcome::Success {
                self.bound.set(&asked.principal);
            } else if let Some(code) = names::sub_code(outcome.diagnostic) {
                asked.add_detail(&format_args!("data {code:x}"));
            }
        }
        self.handshake.conclude(told, Some(&"ldap"), context, out);
        self.pending.answer(BIND, told, out);
    }

    /// A request that changes something. Any other operation is none of ours.
    fn change(
        &mut self,
        protocol: Id,
        id: u32,
        operation: &Operation<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let (object, name) = match operation {
            Operation::ModifyRequest { object, .. } => (*object, "modify"),
            Operation::AddRequest(entry) => (entry.name, "add"),
            Operation::DeleteRequest(object) => (*object, "delete"),
            Operation::RenameRequest(request) => (request.object, "modifyDN"),
            _ => return,
        };
        let at = (context.time, context.side);
        let asked = self.pending.ask(id, (Kind::LdapChange, protocol), at, out);
        asked.principal.set(&self.bound);
        asked.target.set(&Utf8(object));
        asked.detail.set(&name);
        match operation {
            Operation::ModifyRequest { changes, .. } => {
                for change in changes.iter() {
                    let (what, attribute) = (names::change(change.operation), change.attribute);
                    // What does not fit is left out.
                    if write!(asked.detail, " {what}:{}", Utf8(attribute.name)).is_err() {
                        break;
                    }
                }
            }
            Operation::RenameRequest(request) => {
                asked.add_detail(&Utf8(request.new_name));
                if let Some(parent) = request.new_superior {
                    asked.add_detail(&format_args!("below {}", Utf8(parent)));
                }
            }
            _ => {}
        }
    }
}

/// Whom a client looks for, and who it is, \[MS-ADTS\] section 6.3.3.1.
fn describe_ping(request: &SearchRequest<'_>, asked: &mut Asked) {
    let filter = &request.filter;
    if let Some(domain) = filter.equal_to("DnsDomain") {
        asked.target.set(&Utf8(domain));
    } else {
        asked.target.set(&ROOT);
    }
    if let Some(version) = filter.equal_to("NtVer").and_then(|value| value.first_chunk::<4>()) {
        asked.add_detail(&format_args!("NtVer={:#x}", u32::from_le_bytes(*version)));
    }
    for attribute in ["Host", "User"] {
        if let Some(value) = filter.equal_to(attribute).filter(|value| !value.is_empty()) {
            asked.add_detail(&format_args!("{attribute}={}", Utf8(value)));
        }
    }
}

fn outcome_of(outcome: &LdapOutcome<'_>) -> Outcome {
    Outcome::of(outcome.code, names::result)
}

impl Dialogue for Session {
    fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.pending.finish(out);
    }

    fn reset(&mut self) {
        self.pending.reset();
        self.handshake.reset();
        self.bound.clear();
        (self.stage, self.bind, self.goes_on, self.ping) = (Stage::Plain, 0, false, None);
    }

    fn memory(&self) -> usize {
        self.pending.memory() + self.handshake.memory() + self.bound.memory()
    }
}
