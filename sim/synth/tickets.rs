//! Kerberos tickets: which ones a client holds, how it gets them and how it shows them.
//!
//! A ticket is a seed: the same seed gives the same encrypted bytes wherever the ticket is shown.
//! An observer knows whose a ticket is where he saw the key distribution center give it; one that
//! was given before the capture began stays nobody's.

mod exchange;
mod messages;
mod wallet;

pub use exchange::{Again, Refusal};
pub use messages::{Proof, account, cipher, guid};
pub use wallet::Wallet;

use super::net::Flow;
use super::{Cast, Stage, Words};
use crate::base::{Random, Timestamp};
use crate::proto::gss::{self, oid};
use crate::proto::kerberos::{AccessRequest, Parts};
use crate::proto::{Id, Kind, Outcome};
use crate::wire::Writer;

/// NEGOEX, 1.3.6.1.4.1.311.2.2.30, \[MS-NEGOEX\] 2.2.1: Windows offers it between Kerberos and
/// NTLM.
const NEGOEX: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e";
/// AP-REQ and AP-REP, RFC 4120 section 5.10.
const AP_REQUEST: u32 = 14;
const AP_REPLY: u32 = 15;
/// Mutual authentication wanted, RFC 4120 section 5.5.1.
const MUTUAL: u32 = 0x2000_0000;
/// Encrypted bytes of the authenticator of a Windows client with GSS checksum, subkey and
/// authorization data, measured: 405.
const AUTHENTICATOR_BYTES: usize = 405;
/// The same without GSS checksum and authorization data, as that of a TGS-REQ.
const PASSWORD_AUTHENTICATOR_BYTES: usize = 140;
/// What a forwarded ticket-granting ticket adds to it besides the ticket itself: KRB-CRED with
/// names, times and key. Measured: 1,804 to 1,826 in all with a ticket of 1,020.
const DELEGATION_BYTES: usize = 390;
/// Room for what is wrapped around a token, in bytes.
const WRAPPERS_BYTES: usize = 96;
/// Encrypted bytes of an AP-REP with subkey and sequence number, measured.
const AP_REPLY_BYTES: usize = 109;

/// In whose name a client does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The computer's account, `NAME$`.
    Computer,
    /// The person's at it.
    Person,
}

/// What a ticket is for. All are services of the domain controller, but [`Service::At`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The ticket-granting service: `krbtgt/REALM`.
    Krbtgt,
    /// File service: `cifs/dc`.
    Cifs,
    /// Directory: `ldap/dc/domain`.
    Ldap,
    /// Everything of the host's account: `host/dc`.
    Host,
    /// Dynamic update: `DNS/dc`.
    Dns,
    /// Remote procedure calls: `RPCSS/dc`.
    Rpc,
    /// Change of passwords: `kadmin/changepw`, RFC 3244 section 2. Not kept.
    Password,
    /// Replication with another domain controller, by index in the estate, \[MS-DRSR\] 2.2.3.2.
    /// Not kept.
    Replication(usize),
    /// A service of a member server, by index of the client and its class. Not kept.
    At(u32, &'static str),
}

/// A ticket that a client holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Its encrypted bytes.
    pub seed: u64,
    /// What it is for.
    pub service: Service,
    /// Whose client it is.
    pub client: u32,
    /// Whose it is.
    pub who: Who,
    /// Whether the capture shows how it was given, so that an observer knows whose it is.
    pub is_seen: bool,
}

impl Ticket {
    /// In whose name it speaks, `user@REALM`, where an observer of the wire can know.
    pub fn principal(&self, cast: &Cast) -> Option<String> {
        self.is_seen.then(|| account(cast, self.client, self.who))
    }

    /// The service's name as a ticket shows it, `cifs/dc01.corp.example`.
    pub fn target(&self, cast: &Cast) -> String {
        self.service.name(cast).join("/")
    }
}

impl Service {
    /// The parts of its name.
    pub fn name(self, cast: &Cast) -> Vec<String> {
        let dc = || cast.dc_dns_name(cast.dc);
        match self {
            Self::Krbtgt => vec!["krbtgt".to_owned(), cast.realm()],
            Self::Cifs => vec!["cifs".to_owned(), dc()],
            Self::Ldap => vec!["ldap".to_owned(), dc(), cast.forest.dns_name.clone()],
            Self::Host => vec!["host".to_owned(), dc()],
            Self::Dns => vec!["DNS".to_owned(), dc()],
            Self::Rpc => vec!["RPCSS".to_owned(), dc()],
            Self::Password => vec!["kadmin".to_owned(), "changepw".to_owned()],
            Self::Replication(dc) => vec![
                "E3514235-4B06-11D1-AB04-00C04FC2DCD2".to_owned(),
                messages::directory_guid(cast, dc),
                cast.forest.dns_name.clone(),
            ],
            Self::At(server, class) => vec![class.to_owned(), cast.dns_name(server)],
        }
    }

    /// Whether a client's credentials are forwarded to it: file access to a host that is trusted
    /// for delegation, as every domain controller is (RFC 4120 section 2.8, \[MS-KILE\] 3.2.1).
    const fn is_delegated(self) -> bool {
        matches!(self, Self::Cifs)
    }
}

impl Stage<'_> {
    /// The ticket of `who` at this client for a service. Where it holds none, it first asks for
    /// it on the wire, before that for a ticket-granting ticket.
    ///
    /// The domain controller asks itself, off the wire: its own tickets are never seen.
    pub fn ticket(&mut self, who: Who, service: Service) -> Ticket {
        if self.is_domain_controller() {
            return self.unseen_ticket(who, service);
        }
        let now = self.now();
        if let Some((ticket, since)) = self.held(who, service, now) {
            // Another activity of the same client is just asking for it: wait for that.
            if since > now {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
                self.wait_ms(since.since(now) as f64 / 1e6);
            }
            return ticket;
        }
        self.obtain_ticket(who, service)
    }

    /// A ticket that was given where the capture does not look: by another domain controller, or
    /// before it began.
    pub fn unseen_ticket(&mut self, who: Who, service: Service) -> Ticket {
        let (seed, client) = (self.random.next_u64(), self.item.client);
        Ticket { seed, service, client, who, is_seen: false }
    }

    /// Forgets the tickets of `who`, as a boot or logon does.
    pub fn purge_tickets(&mut self, who: Who) {
        self.memory.wallet.purge(who);
    }

    /// Puts a ticket away that the capture has shown.
    pub fn keep_ticket(&mut self, ticket: Ticket) {
        let now = self.now();
        self.memory.wallet.keep(ticket, now);
    }

    /// Whether the client of this item stands for the domain controller itself.
    pub fn is_domain_controller(&self) -> bool {
        self.item.client == 0
    }

    fn held(&mut self, who: Who, service: Service, now: Timestamp) -> Option<(Ticket, Timestamp)> {
        let (seed, is_seen, since) = self.memory.wallet.get(who, service, now)?;
        Some((Ticket { seed, service, client: self.item.client, who, is_seen }, since))
    }

    /// AP-REQ with this ticket, RFC 4120 section 5.5.1, told.
    pub fn ap_req(&mut self, ticket: &Ticket) -> Vec<u8> {
        self.told(Id::Kerberos, AP_REQUEST, false);
        let length = match ticket.service {
            Service::Password => PASSWORD_AUTHENTICATOR_BYTES,
            service if service.is_delegated() => {
                let (client, who) = (ticket.client, ticket.who);
                let granting = messages::ticket_bytes(self.cast, client, who, Service::Krbtgt);
                AUTHENTICATOR_BYTES + DELEGATION_BYTES + granting
            }
            _ => AUTHENTICATOR_BYTES,
        };
        let access = AccessRequest {
            options: MUTUAL,
            ticket: messages::ticket_parts(self.cast, ticket),
            authenticator: cipher(&mut self.random, None, length),
        };
        access.encode()
    }

    /// AP-REP, RFC 4120 section 5.5.2, told.
    pub fn ap_rep(&mut self) -> Vec<u8> {
        self.told(Id::Kerberos, AP_REPLY, true);
        Parts::AccessReply(cipher(&mut self.random, None, AP_REPLY_BYTES)).encode()
    }

    /// NegTokenInit with the ticket as Windows sends it first, \[MS-SPNG\] 2.2, told.
    pub fn spnego(&mut self, ticket: &Ticket) -> Vec<u8> {
        let offered = [oid::KERBEROS_MICROSOFT, oid::KERBEROS, NEGOEX, oid::NTLMSSP];
        self.spnego_offering(ticket, &offered)
    }

    /// The same with other mechanisms on offer.
    pub fn spnego_offering(&mut self, ticket: &Ticket, mechanisms: &[&[u8]]) -> Vec<u8> {
        let message = self.ap_req(ticket);
        let mut bytes = Vec::with_capacity(message.len() + WRAPPERS_BYTES);
        let token = |w: &mut Writer<'_>| emit_token(&message, w);
        gss::emit_init(mechanisms, &mut Writer::new(&mut bytes), token);
        bytes
    }

    /// NegTokenResp that accepts, with the service's AP-REP, told.
    pub fn spnego_answer(&mut self) -> Vec<u8> {
        let message = self.ap_rep();
        let mut token = Vec::with_capacity(message.len() + WRAPPERS_BYTES);
        emit_token(&message, &mut Writer::new(&mut token));
        let mut bytes = Vec::with_capacity(token.len() + WRAPPERS_BYTES);
        let mechanism = Some(oid::KERBEROS_MICROSOFT);
        gss::emit_response(Some(0), mechanism, Some(&token), &mut Writer::new(&mut bytes));
        bytes
    }

    /// Tells the truth: the ticket was shown at `time`, and the service has answered.
    pub fn accessed(&mut self, flow: &Flow, time: Timestamp, ticket: &Ticket, outcome: Outcome) {
        let cast = self.cast;
        self.did(flow, time, Kind::KerberosAccess, outcome, || Words {
            principal: ticket.principal(cast),
            target: Some(ticket.target(cast)),
            detail: Some(messages::ETYPE_NAME.to_owned()),
        });
    }
}

/// Appends a message behind its mechanism's header, RFC 4121 section 4.1.
fn emit_token(message: &[u8], w: &mut Writer<'_>) {
    gss::emit_header(oid::KERBEROS, w, |w| gss::emit_kerberos(message, w));
}

/// A stream of random numbers for everything of an account that stays the same.
fn of_account(cast: &Cast, client: u32, who: Who) -> Random {
    const LABEL: u64 = 0x7469_636b << 32;
    let label = LABEL ^ u64::from(client) << 1 | u64::from(who == Who::Person);
    Random::fork(cast.seed, label)
}
