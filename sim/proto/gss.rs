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

    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        self.principal.memory() + self.target.memory() + self.detail.memory()
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
        if self.named.is_some_and(|named| named.mechanism == Mechanism::Kerberos) {
            self.target.clear(); // the service of a ticket that was refused
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
                self.principal.clear(); // encrypted in the ticket, but who was given it may be known
                let ticket = message.ticket().and_then(|ticket| ticket.fingerprint());
                if let Some(ticket) = ticket {
                    out.ticket_owner(ticket, &mut self.principal);
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Message, Protocol, Tally, Transport};
    use crate::wire::Writer;

    #[derive(Default)]
    struct Told(Vec<String>);

    /// Tells whose the ticket of the tests is, and is told nothing.
    struct Knowing;

    impl Observer for Knowing {
        fn message(&mut self, _: &Context, _: &Message<'_>, _: Tally) {}
        fn activity(&mut self, _: &Activity<'_>) {}
        fn hint(&mut self, _: &Context, _: Hint<'_>) {}
        fn malformed(&mut self, _: Id, _: WireError) {}
        fn ticket_owner(&mut self, ticket: u64, owner: &mut Held) -> bool {
            owner.set(&format_args!("alice@{ticket:x}"));
            true
        }
    }

    impl Observer for Told {
        fn message(&mut self, _: &Context, message: &Message<'_>, tally: Tally) {
            let id = match message {
                Message::Ntlmssp(_) => Id::Ntlmssp,
                Message::Kerberos(_) => Id::Kerberos,
                _ => Id::Other,
            };
            self.0.push(id.operation(tally.operation).unwrap_or_default().to_owned());
        }
        fn activity(&mut self, activity: &Activity<'_>) {
            let text = |part: Option<&dyn Display>| part.map_or("-".into(), ToString::to_string);
            self.0.push(format!(
                "{:?} {} at {} ({}) {:?} {} by {:?}",
                activity.kind,
                text(activity.principal),
                text(activity.target),
                text(activity.detail),
                activity.outcome,
                activity.time.nanos(),
                activity.asked_by,
            ));
        }
        fn hint(&mut self, context: &Context, hint: Hint<'_>) {
            if let Hint::NtlmHost(name) = hint {
                self.0.push(format!("{:?} is {name}", context.side));
            }
        }
        fn malformed(&mut self, protocol: Id, error: WireError) {
            self.0.push(format!("{}: {error}", protocol.name()));
        }
    }

    fn context(side: Side, nanos: i64, is_cut: bool) -> Context {
        let time = Timestamp::from_nanos(nanos);
        Context { transport: Transport::Tcp, side, time, length: 1000, is_cut }
    }

    fn from(side: Side, nanos: i64) -> Context {
        context(side, nanos, false)
    }

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes));
        bytes
    }

    fn ntlm(at: usize) -> Vec<u8> {
        ntlmssp::Ntlmssp::samples().remove(at).bytes
    }

    /// AP-REQ as a client offers it first.
    fn ticket() -> Vec<u8> {
        let access = kerberos::AccessRequest {
            options: 0,
            ticket: kerberos::TicketParts {
                realm: b"LAB.EXAMPLE".to_vec(),
                sname: kerberos::Principal::new(2, &["cifs", "dc01"]),
                enc_part: kerberos::Cipher { etype: 23, key_version: None, cipher: vec![1; 90] },
            },
            authenticator: kerberos::Cipher { etype: 23, key_version: None, cipher: vec![2; 9] },
        };
        let token = |w: &mut Writer<'_>| emit_kerberos(&access.encode(), w);
        let token = |w: &mut Writer<'_>| emit_header(oid::KERBEROS, w, token);
        written(|w| emit_init(&[oid::KERBEROS_MICROSOFT, oid::NTLMSSP], w, token))
    }

    #[test]
    fn a_logon_with_ntlm_is_told_when_it_is_concluded() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        let first = written(|w| emit_init(&[oid::NTLMSSP], w, |w| w.bytes(&ntlm(0))));
        let answer = written(|w| emit_response(Some(1), Some(oid::NTLMSSP), Some(&ntlm(1)), w));
        let last = written(|w| emit_response(None, None, Some(&ntlm(2)), w));
        handshake.token(&first, &from(Side::Client, 1), &mut told);
        handshake.token(&answer, &from(Side::Server, 2), &mut told);
        assert!(!handshake.is_pending());
        handshake.token(&last, &from(Side::Client, 3), &mut told);
        assert!(handshake.is_pending());
        handshake.conclude(Outcome::Success, None, &from(Side::Server, 4), &mut told);
        assert_eq!(
            told.0,
            [
                "NEGOTIATE",
                "Client is WS07",
                "CHALLENGE",
                "Server is DC01",
                "AUTHENTICATE",
                "Client is WS07",
                "NtlmLogon HERON\\mj\u{f8}lner at HERON (NTLMv2 from WS07) Success 1 by Client",
            ]
        );
        assert_eq!(handshake.mechanism(), Some(Mechanism::Ntlm));
        assert_eq!(handshake.principal().as_str(), "HERON\\mj\u{f8}lner");
        told.0.clear();
        handshake.conclude(Outcome::Success, None, &from(Side::Server, 5), &mut told);
        assert_eq!((told.0, handshake.is_pending()), (vec![], false));
    }

    #[test]
    fn who_names_nobody_is_anonymous() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        let nobody = ntlmssp::Authenticate {
            flags: ntlmssp::Flags(0xe288_8a15),
            version: [0; 8],
            integrity_code: None,
            domain: Vec::new(),
            user: Vec::new(),
            workstation: Vec::new(),
            lm_response: vec![0],
            nt_response: Vec::new(),
            session_key: Vec::new(),
        };
        let token = written(|w| ntlmssp::Parts::Authenticate(nobody).emit(w));
        handshake.token(&token, &from(Side::Client, 7), &mut told);
        handshake.conclude(Outcome::Unknown, Some(&"IPC$"), &from(Side::Server, 8), &mut told);
        let want = "NtlmLogon ANONYMOUS LOGON at IPC$ (anonymous) Unknown 7 by Client";
        assert_eq!(told.0, ["AUTHENTICATE", want]);
    }

    #[test]
    fn a_ticket_names_its_service() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        handshake.token(&ticket(), &from(Side::Client, 7), &mut told);
        handshake.conclude(Outcome::Success, Some(&"srv"), &from(Side::Server, 8), &mut told);
        let want = "KerberosAccess - at cifs/dc01 (rc4-hmac) Success 7 by Client";
        assert_eq!(told.0, ["AP-REQ", want]);
        assert_eq!(handshake.mechanism(), Some(Mechanism::Kerberos));
        handshake.reset();
        assert_eq!((handshake.mechanism(), handshake.principal().as_str()), (None, ""));
    }

    #[test]
    fn who_was_given_the_ticket_is_the_principal() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        handshake.token(&ticket(), &from(Side::Client, 7), &mut Knowing);
        assert_eq!(handshake.principal().as_str(), "alice@1bcf65c8527d11a6");
        handshake.conclude(Outcome::Success, None, &from(Side::Server, 8), &mut told);
        let want =
            "KerberosAccess alice@1bcf65c8527d11a6 at cifs/dc01 (rc4-hmac) Success 7 by Client";
        assert_eq!(told.0, [want]);
    }

    #[test]
    fn a_client_that_falls_back_is_told_as_who_it_became() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        handshake.token(&ticket(), &from(Side::Client, 1), &mut told);
        let other = written(|w| emit_response(Some(1), Some(oid::NTLMSSP), None, w));
        handshake.token(&other, &from(Side::Server, 2), &mut told);
        assert_eq!(handshake.mechanism(), Some(Mechanism::Ntlm));
        handshake.token(&ntlm(3), &from(Side::Client, 3), &mut told);
        handshake.conclude(Outcome::Success, None, &from(Side::Server, 4), &mut told);
        let want = "NtlmLogon HERON\\MARTA at - (NTLMv1 from WS07) Success 3 by Client";
        assert_eq!(told.0.last().map(String::as_str), Some(want));
        let accesses = told.0.iter().filter(|line| line.starts_with("KerberosAccess")).count();
        assert_eq!(accesses, 0);
    }

    #[test]
    fn an_error_of_the_service_is_noted() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        handshake.token(&ticket(), &from(Side::Client, 1), &mut told);
        let error = kerberos::ErrorParts {
            time: b"20260101060001Z".to_vec(),
            microseconds: 1,
            code: 37,
            crealm: None,
            cname: None,
            realm: b"LAB.EXAMPLE".to_vec(),
            sname: kerberos::Principal::new(2, &["cifs", "dc01"]),
            text: None,
            data: None,
        };
        let token = |w: &mut Writer<'_>| emit_kerberos(&error.encode(), w);
        let token = written(|w| emit_header(oid::KERBEROS, w, token));
        handshake.token(&token, &from(Side::Server, 2), &mut told);
        let refused = Outcome::Failure { code: 1, name: "DENIED" };
        handshake.conclude(refused, None, &from(Side::Server, 3), &mut told);
        let want = "KerberosAccess - at cifs/dc01 (rc4-hmac KRB_AP_ERR_SKEW) \
            Failure { code: 1, name: \"DENIED\" } 1 by Client";
        assert_eq!(told.0, ["AP-REQ", "KRB-ERROR", want]);
    }

    #[test]
    fn a_damaged_token_is_told_unless_it_was_cut() {
        let whole = ntlm(2);
        let missing = "ntlmssp: ntlmssp::Token at byte 0: needs 338 bytes, 200 present";
        for is_cut in [false, true] {
            let (mut handshake, mut told) = (Handshake::default(), Told::default());
            handshake.token(&whole[..200], &context(Side::Client, 1, is_cut), &mut told);
            let complaint = if is_cut { None } else { Some(missing) };
            let want = ["AUTHENTICATE"].into_iter().chain(complaint).chain(["Client is WS07"]);
            assert_eq!(told.0, want.collect::<Vec<_>>());
            assert_eq!(handshake.principal().as_str(), "HERON\\mj\u{f8}lner");
        }
    }

    #[test]
    fn what_is_wrong_with_a_cut_token_besides_is_told() {
        let (mut handshake, mut told) = (Handshake::default(), Told::default());
        handshake.token(b"NTLMSSP\0\x04\0\0\0", &context(Side::Client, 1, true), &mut told);
        assert_eq!(told.0, ["ntlmssp: ntlmssp::Token at byte 0: kind 0x4 is not defined"]);
        assert_eq!(handshake.mechanism(), None);
    }
}
