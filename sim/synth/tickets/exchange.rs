//! Questions to the key distribution center, each on a connection of its own, as Windows asks.

use super::messages::{self, ETYPE_NAME, KERBEROS_PORT, Proof, account};
use super::{Service, Ticket, Who};
use crate::base::Timestamp;
use crate::estate::Knob;
use crate::proto::kerberos::{Options, Parts, asks_to_go_on, error_name};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::net::{Close, Flow};
use crate::synth::{Cast, Stage, Words};
use crate::wire::{WireError, Writer};

/// Message types, RFC 4120 section 5.10.
const AS_REQUEST: u32 = 10;
const TGS_REQUEST: u32 = 12;
const ERROR: u32 = 30;
/// Errors, RFC 4120 section 7.5.9.
const PREAUTH_REQUIRED: u32 = 25;
const RESPONSE_TOO_BIG: u32 = 52;
/// Longest answer of a KDC in a datagram, in bytes: `MaxDatagramReplySize` of Windows.
const DATAGRAM_MAX: usize = 1_465;

/// Why a key distribution center refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Error code, RFC 4120 section 7.5.9.
    pub code: u32,
    /// NTSTATUS that says more, \[MS-KILE\] 2.2.1.
    pub status: Option<u32>,
}

impl Refusal {
    /// Another proof, or any.
    pub const PROVE: Self = Self { code: PREAUTH_REQUIRED, status: None };
    /// A wrong password: KDC_ERR_PREAUTH_FAILED.
    pub const BAD_PASSWORD: Self = Self { code: 24, status: None };
    /// No such account: KDC_ERR_C_PRINCIPAL_UNKNOWN.
    pub const NOBODY: Self = Self { code: 6, status: None };
    /// No such service: KDC_ERR_S_PRINCIPAL_UNKNOWN.
    pub const NO_SERVICE: Self = Self { code: 7, status: None };
    /// KDC_ERR_CLIENT_REVOKED because of STATUS_ACCOUNT_LOCKED_OUT.
    pub const LOCKED: Self = Self { code: 18, status: Some(0xc000_0234) };
    /// KDC_ERR_CLIENT_REVOKED because of STATUS_ACCOUNT_DISABLED.
    pub const DISABLED: Self = Self { code: 18, status: Some(0xc000_0072) };
    /// KDC_ERR_KEY_EXPIRED because of STATUS_PASSWORD_EXPIRED.
    pub const EXPIRED: Self = Self { code: 23, status: Some(0xc000_0071) };

    fn outcome(self) -> Outcome {
        let (code, name) = (self.code, error_name(self.code));
        match asks_to_go_on(code) {
            true => Outcome::Continued { code, name },
            false => Outcome::Failure { code, name },
        }
    }
}

/// A question to the key distribution center.
#[derive(Debug, Clone, Copy)]
struct Question {
    /// The ticket that is asked for.
    wanted: Ticket,
    /// How the client proves who it is, of a logon.
    logon: Option<Proof>,
    /// Whether who asks is known before the answer names him.
    is_named: bool,
    /// What the question is told by, besides.
    note: Option<&'static str>,
}

impl Question {
    fn logon(wanted: Ticket, proof: Proof) -> Self {
        Self { wanted, logon: Some(proof), is_named: true, note: Some(proof.name()) }
    }

    const fn kind(&self) -> Kind {
        if self.logon.is_some() { Kind::KerberosLogon } else { Kind::ServiceTicket }
    }

    /// What an observer tells once the answer is there. Only an answer with a ticket names the
    /// client.
    fn words(&self, cast: &Cast, answer: Answer) -> Words {
        let wanted = &self.wanted;
        let named = self.is_named || answer == Answer::Ticket;
        let more = match answer {
            Answer::Ticket => Some(ETYPE_NAME.to_owned()),
            Answer::Refusal(why) => why.status.map(|status| format!("NTSTATUS {status:#010x}")),
        };
        let detail: Vec<String> = self.note.map(str::to_owned).into_iter().chain(more).collect();
        Words {
            principal: named.then(|| account(cast, wanted.client, wanted.who)),
            target: Some(wanted.target(cast)),
            detail: (!detail.is_empty()).then(|| detail.join(" ")),
        }
    }
}

/// What the key distribution center says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Ticket,
    Refusal(Refusal),
}

impl Answer {
    fn outcome(self) -> Outcome {
        match self {
            Self::Ticket => Outcome::Success,
            Self::Refusal(why) => why.outcome(),
        }
    }
}

impl Stage<'_> {
    /// A ticket that the client does not hold yet, asked for on the wire.
    pub(super) fn obtain_ticket(&mut self, who: Who, service: Service) -> Ticket {
        match service {
            Service::Krbtgt | Service::Password => self.log_on(who, service, Proof::Timestamp),
            _ => {
                let granting = self.ticket(who, Service::Krbtgt);
                let ticket = self.ask_ticket(&granting, service);
                if service.is_delegated() {
                    self.ask_again(&granting, Again::Forwarded);
                }
                ticket
            }
        }
    }

    /// A logon as Windows does it: asked without proof, refused, asked with. Keeps the ticket.
    pub fn log_on(&mut self, who: Who, service: Service, proof: Proof) -> Ticket {
        self.refuse_logon(who, service, Proof::None, Refusal::PROVE);
        let wanted = self.wanted(who, service);
        let (cast, random) = (self.cast, &mut self.random);
        let request = messages::logon(cast, &wanted, proof, random);
        let reply = messages::reply(cast, &wanted, Some(proof), random);
        let (request, reply) = (Parts::Request(request), Parts::Reply(reply));
        self.ask(&request, &reply, &Question::logon(wanted, proof), Answer::Ticket);
        self.keep_ticket(wanted);
        wanted
    }

    /// A logon that is refused.
    pub fn refuse_logon(&mut self, who: Who, service: Service, proof: Proof, why: Refusal) {
        let wanted = self.wanted(who, service);
        let (cast, now) = (self.cast, self.now());
        let request = Parts::Request(messages::logon(cast, &wanted, proof, &mut self.random));
        let data = match (why, why.status) {
            (_, Some(status)) => Some(messages::extended(status)),
            (Refusal::PROVE | Refusal::BAD_PASSWORD, _) => Some(messages::ways(cast, &wanted)),
            _ => None,
        };
        let error = Parts::Error(messages::error(cast, service, why.code, data, now));
        self.ask(&request, &error, &Question::logon(wanted, proof), Answer::Refusal(why));
    }

    /// Asks for a ticket for a service, and keeps it.
    pub fn ask_ticket(&mut self, granting: &Ticket, service: Service) -> Ticket {
        let wanted = self.wanted(granting.who, service);
        self.grant(granting, wanted, Options(0), None);
        self.keep_ticket(wanted);
        wanted
    }

    /// Asks for another ticket-granting ticket; a renewed one is kept.
    pub fn ask_again(&mut self, granting: &Ticket, again: Again) {
        let wanted = self.wanted(granting.who, Service::Krbtgt);
        let (options, note) = match again {
            Again::Forwarded => (Options::FORWARDED, "forwarded"),
            Again::Renewed => (Options::RENEW, "renewal"),
        };
        self.grant(granting, wanted, options, Some(note));
        if again == Again::Renewed {
            self.keep_ticket(wanted);
        }
    }

    /// Asks for a ticket for a service that does not exist.
    pub fn refuse_ticket(&mut self, granting: &Ticket, service: Service) {
        let wanted = self.wanted(granting.who, service);
        let (cast, now) = (self.cast, self.now());
        let request = messages::ticket(cast, granting, service, Options(0), &mut self.random);
        let why = Refusal::NO_SERVICE;
        let error = messages::error(cast, service, why.code, None, now);
        let question = Question { wanted, logon: None, is_named: granting.is_seen, note: None };
        let (request, error) = (Parts::Request(request), Parts::Error(error));
        self.ask(&request, &error, &question, Answer::Refusal(why));
    }

    /// A new ticket of this client, seen to be given.
    fn wanted(&mut self, who: Who, service: Service) -> Ticket {
        Ticket { is_seen: true, ..self.unseen_ticket(who, service) }
    }

    fn grant(
        &mut self,
        granting: &Ticket,
        wanted: Ticket,
        options: Options,
        note: Option<&'static str>,
    ) {
        let (cast, random) = (self.cast, &mut self.random);
        let request = messages::ticket(cast, granting, wanted.service, options, random);
        let reply = messages::reply(cast, &wanted, None, random);
        let question = Question { wanted, logon: None, is_named: granting.is_seen, note };
        self.ask(&Parts::Request(request), &Parts::Reply(reply), &question, Answer::Ticket);
    }

    /// A question and its answer: on a connection of their own, which the server resets, or in
    /// datagrams where both fit.
    fn ask(&mut self, request: &Parts<'_>, reply: &Parts<'_>, question: &Question, answer: Answer) {
        let (request, reply) = (request.encode(), reply.encode());
        let over_udp = self.random.chance(self.knob(Knob::KerberosUdpShare));
        let (flow, asked) = match over_udp {
            true if reply.len() <= DATAGRAM_MAX => self.ask_datagram(&request, &reply),
            true => {
                let why = Refusal { code: RESPONSE_TOO_BIG, status: None };
                let now = self.now();
                let service = question.wanted.service;
                let error = messages::error(self.cast, service, why.code, None, now);
                let (flow, asked) = self.ask_datagram(&request, &Parts::Error(error).encode());
                self.tell(&flow, asked, question, Answer::Refusal(why));
                self.ask_connected(KERBEROS_PORT, &request, &reply)
            }
            false => self.ask_connected(KERBEROS_PORT, &request, &reply),
        };
        self.tell(&flow, asked, question, answer);
    }

    fn ask_datagram(&mut self, request: &[u8], reply: &[u8]) -> (Flow, Timestamp) {
        let mut flow = self.to_dc(KERBEROS_PORT);
        let asked = self.datagram(&mut flow, Side::Client, |w| {
            w.bytes(request);
            Ok(())
        });
        self.datagram(&mut flow, Side::Server, |w| {
            w.bytes(reply);
            Ok(())
        });
        (flow, asked)
    }

    /// A question and its answer on a connection of their own, which the server resets; the time
    /// of the question.
    pub fn ask_connected(&mut self, port: u16, request: &[u8], reply: &[u8]) -> (Flow, Timestamp) {
        let flow = self.to_dc(port);
        let mut tcp = self.connect(flow);
        let asked = self.say(&mut tcp, Side::Client, |w| marked(request, w));
        self.say(&mut tcp, Side::Server, |w| marked(reply, w));
        self.close(tcp, Close::ServerReset);
        (flow, asked)
    }

    /// Tells the two messages, and what they mean.
    fn tell(&mut self, flow: &Flow, asked: Timestamp, question: &Question, answer: Answer) {
        let request = if question.logon.is_some() { AS_REQUEST } else { TGS_REQUEST };
        let reply = if answer == Answer::Ticket { request + 1 } else { ERROR };
        self.told(Id::Kerberos, request, false);
        self.told(Id::Kerberos, reply, true);
        let cast = self.cast;
        let words = || question.words(cast, answer);
        self.did(flow, asked, question.kind(), answer.outcome(), words);
    }
}

/// Why a client asks for a ticket-granting ticket with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// For a server that acts in its name.
    Forwarded,
    /// The old one ends.
    Renewed,
}

/// A message behind its record mark, RFC 4120 section 7.2.2.
fn marked(message: &[u8], w: &mut Writer<'_>) -> Result<(), WireError> {
    w.bytes(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
    w.bytes(message);
    Ok(())
}
