//! Authentication by tokens inside other protocols: GSS-API (RFC 2743), SPNEGO (RFC 4178,
//! \[MS-SPNG\]), Kerberos (RFC 4121) and NTLMSSP (\[MS-NLMP\]) bare or inside them.

use std::fmt::{Display, Write as _};

use super::text::Held;
use super::{Activity, Context, Hint, Id, Kind, Observer, Outcome, Side};
use super::{kerberos, ntlmssp};
use crate::base::Timestamp;
use crate::wire::{Cause, Reader, WireError};

mod spnego;

use spnego::Inside;
pub use spnego::{Negotiation, emit_header, emit_init, emit_kerberos, emit_response, oid};

/// Whom an AUTHENTICATE without a user stands for, \[MS-DTYP\] 2.4.2.4.
const ANONYMOUS: &str = "ANONYMOUS LOGON";

/// How somebody authenticates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// \[MS-NLMP\].
    Ntlm,
    /// RFC 4121.
    Kerberos,
}

/// One authentication, from its first token to what its carrier says became of it.
#[derive(Debug, Default)]
pub struct Handshake {
    mechanism: Option<Mechanism>,
    principal: Held,
    target: Held,
    detail: Held,
    /// When the client's first NTLM token came.
    began: Option<Timestamp>,
    /// Set once somebody is named whose outcome is not known yet.
    named: Option<Named>,
}

#[derive(Debug, Clone, Copy)]
struct Named {
    mechanism: Mechanism,
    time: Timestamp,
    by: Side,
}

impl Handshake {
    /// Reads a token that `context.side` sent, tells the messages in it, and remembers who
    /// authenticates to what.
    pub fn token(&mut self, token: &[u8], context: &Context, out: &mut dyn Observer) {
        match spnego::unwrap(token) {
            Inside::Ntlm(bytes) => self.ntlm(bytes, context, out),
            Inside::Kerberos(bytes) => match kerberos::Message::parse(bytes) {
                Ok(message) => self.kerberos(&message, context, out),
                Err(error) => damaged(Id::Kerberos, error, context, out),
            },
            Inside::UserToUser(kind, bytes) => {
                match kerberos::Message::parse_user_to_user(kind, bytes) {
                    Ok(message) => self.kerberos(&message, context, out),
                    Err(error) => damaged(Id::Kerberos, error, context, out),
                }
            }
            Inside::Named(oid::NTLMSSP) => self.mechanism = Some(Mechanism::Ntlm),
            Inside::Named(mechanism) if spnego::is_kerberos(mechanism) => {
                self.mechanism = Some(Mechanism::Kerberos);
            }
            Inside::Named(_) | Inside::Other => {}
        }
    }

    /// Tells the logon, now that the carrier knows its outcome, and starts over. `target` is
    /// what the carrier knows of it; Kerberos names it in its ticket. Tells nothing where no
    /// token named anybody.
    pub fn conclude(
        &mut self,
        outcome: Outcome,
        target: Option<&dyn Display>,
        _context: &Context,
        out: &mut dyn Observer,
    ) {
        if let Some(Named { mechanism, time, by }) = self.named.take() {
            let own = self.target.shown();
            let (kind, protocol, target) = match mechanism {
                Mechanism::Ntlm => (Kind::NtlmLogon, Id::Ntlmssp, target.or(own)),
                Mechanism::Kerberos => (Kind::KerberosAccess, Id::Kerberos, own.or(target)),
            };
            out.activity(&Activity {
                kind,
                protocol,
                time,
                asked_by: by,
                principal: self.principal.shown(),
                target,
                detail: self.detail.shown(),
                outcome,
            });
        }
        self.start_over();
    }

    /// What the last token with a known mechanism belonged to; kept after the conclusion.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    /// Who authenticated, `DOMAIN\user` or `user@REALM`; kept after the conclusion, empty where
    /// it cannot be read.
    pub fn principal(&self) -> &Held {
        &self.principal
    }

    /// Whether somebody was named whose outcome is not known yet.
    pub fn is_pending(&self) -> bool {
        self.named.is_some()
    }

    /// As new, memory kept.
    pub fn reset(&mut self) {
        self.mechanism = None;
        self.principal.clear();
        self.start_over();
    }

    fn start_over(&mut self) {
        (self.began, self.named) = (None, None);
        self.target.clear();
        self.detail.clear();
    }

    fn ntlm(&mut self, bytes: &[u8], context: &Context, out: &mut dyn Observer) {
        let token = match ntlmssp::Token::parse(bytes) {
            Ok(token) => token,
            Err(error) => return damaged(Id::Ntlmssp, error, context, out),
        };
        if let Err(error) = ntlmssp::tell(token, context, out) {
            damaged(Id::Ntlmssp, error, context, out);
        }
        self.mechanism = Some(Mechanism::Ntlm);
        match token.kind() {
            ntlmssp::NEGOTIATE => {
                self.start_over();
                self.began = Some(context.time);
            }
            ntlmssp::CHALLENGE => {
                if let Some(target) = token.target() {
                    self.target.set(&target);
                }
            }
            _ => self.authenticate(&token, context),
        }
        let host = token.workstation().filter(|host| !host.is_empty());
        if let Some(host) = &host {
            out.hint(context, Hint::NtlmHost(host));
        } else if token.kind() == ntlmssp::CHALLENGE
            && let Some(host) = token.attributes().name_of(ntlmssp::Attribute::COMPUTER)
        {
            out.hint(context, Hint::NtlmHost(&host));
        }
    }

    fn authenticate(&mut self, token: &ntlmssp::Token<'_>, context: &Context) {
        let empty = ntlmssp::Name { bytes: &[], is_unicode: true };
        let domain = token.domain().unwrap_or(empty);
        match token.user() {
            Some(user) if user.is_empty() => self.principal.set(&ANONYMOUS),
            Some(user) if domain.is_empty() => self.principal.set(&user),
            Some(user) => self.principal.set(&format_args!("{domain}\\{user}")),
            None => self.principal.clear(), // cut off
        }
        let proof = token.proof().map_or("", ntlmssp::Proof::name);
        match token.workstation().filter(|host| !host.is_empty()) {
            Some(host) => self.detail.set(&format_args!("{proof} from {host}")),
            None => self.detail.set(&proof),
        }
        let time = self.began.unwrap_or(context.time);
        self.named = Some(Named { mechanism: Mechanism::Ntlm, time, by: context.side });
    }

    fn kerberos(
        &mut self,
        message: &kerberos::Message<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let length = message.length();
        let is_present = length <= message.bytes().len();
        kerberos::tell_message(message, length, is_present, context, out);
        if !is_present {
            let cause = Cause::Truncated { need: length, have: message.bytes().len() };
            let error = Reader::new("kerberos::Message", message.bytes()).error(cause);
            damaged(Id::Kerberos, error, context, out);
        }
        self.mechanism = Some(Mechanism::Kerberos);
        match message.kind() {
            kerberos::AP_REQUEST => {
                let (time, by) = (context.time, context.side);
                self.start_over();
                self.principal.clear(); // encrypted in the ticket
                self.named = Some(Named { mechanism: Mechanism::Kerberos, time, by });
                if let Some(name) = message.sname() {
                    self.target.set(&name);
                }
                if let Some(etype) = message.ticket().and_then(|ticket| ticket.enc_part()?.etype())
                {
                    self.detail.set(&kerberos::Etype(etype));
                }
            }
            kerberos::ERROR if self.is_pending() => {
                let code = message.error_code().unwrap_or_default();
                // Full: then what stands there says more.
                let _ = write!(self.detail, " {}", kerberos::error_name(code));
            }
            _ => {}
        }
    }
}

/// Tells what is wrong with a token, unless only its end was not captured.
fn damaged(protocol: Id, error: WireError, context: &Context, out: &mut dyn Observer) {
    if !(context.is_cut && error.is_truncation()) {
        out.malformed(protocol, error);
    }
}
