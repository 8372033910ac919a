//! One LDAP connection: messages in the clear, signed or sealed, and what an observer makes of
//! them.

use crate::base::{Random, Timestamp};
use crate::proto::ldap::form::{Form, List};
use crate::proto::ldap::{
    Authentication, BindRequest, BindResponse, Control, Message, Operation, Outcome as Result,
    SEALED, SearchRequest, Secret, names,
};
use crate::proto::{HELD_MAX, Id, Kind, Outcome, Side, gss::oid};
use crate::synth::tickets::{Service, Ticket, Who};
use crate::synth::{Cast, Close, Stage, Tcp, Words};
use crate::wire::{WireError, Writer};

/// Port of LDAP, RFC 4511 section 5.2.1.
pub const PORT: u16 = 389;
/// Name of the SASL mechanism that Windows uses, \[MS-ADTS\] 5.1.1.1.2.
pub const SPNEGO: &[u8] = b"GSS-SPNEGO";
/// invalidCredentials, RFC 4511 section 4.1.9.
pub const INVALID_CREDENTIALS: u32 = 49;
/// What a domain controller says of a wrong password: a Windows error in hexadecimal, 1326.
pub const BAD_PASSWORD: &[u8] =
    b"80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 52e, v4563\0";
/// The root of the tree of information as an observer names it.
const ROOT: &str = "rootDSE";
/// Bytes of a wrap token of Kerberos with AES before and behind what is encrypted: header,
/// confounder, the header again, checksum; RFC 4121 section 4.2.4, RFC 3962 section 6.
const WRAP_BYTES: usize = 16 + 16 + 16 + 12;
/// Bytes of the length before a protected buffer, RFC 4422 section 3.7.
const PREFIX_BYTES: usize = 4;
/// Room for a message before it is protected, in bytes: most need less.
const PLAIN_BYTES: usize = 512;
/// Bytes of its checksum, and of a signature of NTLM, \[MS-NLMP\] 2.2.2.9.
const CHECKSUM_BYTES: u8 = 12;
const SIGNATURE_BYTES: usize = 16;

/// How messages are protected after a bind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// In the clear.
    None,
    /// Kerberos, readable behind a checksum: what Windows negotiates where nobody asks for more.
    Signed,
    /// Kerberos, encrypted.
    Sealed,
    /// NTLM, encrypted.
    NtlmSealed,
}

/// In whose name a connection speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// In nobody's.
    Nobody,
    /// By a ticket.
    By(Ticket),
    /// By this name.
    Named(String),
}

impl Bound {
    fn principal(&self, cast: &Cast) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::By(ticket) => ticket.principal(cast),
            Self::Named(name) => Some(name.clone()),
        }
    }
}

/// An open connection.
#[derive(Debug, Clone)]
pub struct Connection {
    tcp: Tcp,
    /// Number of the next message.
    next_id: u32,
    protection: Protection,
    bound: Bound,
    /// Sequence numbers of protected buffers of client and server.
    sequence: [u64; 2],
}

impl Connection {
    /// Connects.
    pub fn open(stage: &mut Stage<'_>, port: u16) -> Self {
        let flow = stage.to_dc(port);
        let tcp = stage.connect(flow);
        // Each side begins anywhere below 2^30, as Windows does.
        let mut begin = || stage.random.next_u64() >> 34;
        let sequence = [begin(), begin()];
        Self { tcp, next_id: 1, protection: Protection::None, bound: Bound::Nobody, sequence }
    }

    /// Binds with a Kerberos ticket of `who`; `protection` is from then on.
    pub fn bind(&mut self, stage: &mut Stage<'_>, who: Who, protection: Protection) {
        let ticket = stage.ticket(who, Service::Ldap);
        // wldap32 leaves a number out, as it had begun a bind before it knew the mechanism.
        self.next_id += 1;
        let offered = [oid::KERBEROS_MICROSOFT, oid::KERBEROS];
        let token = stage.spnego_offering(&ticket, &offered);
        let asked = self.ask(stage, bind_request(SPNEGO, &token), None);
        let token = stage.spnego_answer();
        self.answer(stage, &[bind_response(Result::new(0), Some(&token))]);
        self.bound = Bound::By(ticket);
        self.protection = protection;
        stage.accessed(&self.tcp.flow, asked, &ticket, Outcome::Success);
        self.has_bound(stage, asked, Kind::LdapBind, Outcome::Success, "GSS-SPNEGO");
    }

    /// Binds with a name and a password in the clear; `is_good`: with success.
    pub fn bind_simple(&mut self, stage: &mut Stage<'_>, name: &str, is_good: bool) {
        let mut password = [0; 12];
        stage.random.fill(&mut password);
        password.iter_mut().for_each(|byte| *byte = b'A' + *byte % 26);
        let asked = self.ask(
            stage,
            Operation::BindRequest(BindRequest {
                version: 3,
                name: name.as_bytes(),
                authentication: Authentication::Simple(Secret(&password)),
            }),
            None,
        );
        let (result, outcome) = verdict(is_good);
        self.answer(stage, &[bind_response(result, None)]);
        self.bound = Bound::Named(name.to_owned());
        let detail = if is_good { "simple" } else { "simple data 52e" };
        self.has_bound(stage, asked, Kind::LdapClearTextBind, outcome, detail);
        if !is_good {
            self.bound = Bound::Nobody;
        }
    }

    /// Tells a bind.
    pub fn has_bound(
        &self,
        stage: &mut Stage<'_>,
        asked: Timestamp,
        kind: Kind,
        outcome: Outcome,
        detail: &str,
    ) {
        let cast = stage.cast;
        stage.did(&self.tcp.flow, asked, kind, outcome, || Words {
            principal: self.bound.principal(cast),
            target: None,
            detail: Some(detail.to_owned()),
        });
    }

    /// From here on the connection is `bound`, its messages protected.
    pub fn set_bound(&mut self, bound: Bound, protection: Protection) {
        self.bound = bound;
        self.protection = protection;
    }

    /// From here on messages are protected.
    pub const fn protect(&mut self, protection: Protection) {
        self.protection = protection;
    }

    /// Nobody has seen how it began, and in whose name it speaks.
    pub fn hide(&mut self) {
        (self.tcp.is_from_before, self.bound) = (true, Bound::Nobody);
    }

    /// Between whom.
    pub const fn tcp(&self) -> &Tcp {
        &self.tcp
    }

    /// Asks with the next number; when.
    pub fn ask(
        &mut self,
        stage: &mut Stage<'_>,
        operation: Operation<'_>,
        controls: Option<&[Control<'_>]>,
    ) -> Timestamp {
        let controls = controls.map(List::Items);
        let message = Message { form: Form::Windows, id: self.next_id, operation, controls };
        self.next_id += 1;
        self.send(stage, Side::Client, std::iter::once(message))
    }

    /// Answers the last question.
    pub fn answer(&mut self, stage: &mut Stage<'_>, operations: &[Operation<'_>]) {
        let id = self.next_id - 1;
        let form = Form::Windows;
        let messages =
            operations.iter().map(|&operation| Message { form, id, operation, controls: None });
        self.send(stage, Side::Server, messages);
    }

    /// Looks for something; the server answers with `found` and success.
    pub fn search(
        &mut self,
        stage: &mut Stage<'_>,
        request: &SearchRequest<'_>,
        controls: Option<&[Control<'_>]>,
        found: &[Operation<'_>],
    ) {
        let asked = self.ask(stage, Operation::SearchRequest(*request), controls);
        let mut answers = Vec::with_capacity(found.len() + 1);
        answers.extend_from_slice(found);
        answers.push(Operation::SearchResultDone(Result::new(0)));
        self.answer(stage, &answers);
        self.derived(stage, asked, Kind::LdapQuery, || {
            let is_root = request.base.is_empty() && request.scope == 0;
            let target = if is_root { ROOT.into() } else { String::from_utf8_lossy(request.base) };
            (target.into_owned(), format!("{} {}", names::scope(request.scope), request.filter))
        });
    }

    /// Changes something, with success. `detail` is what an observer tells of it.
    pub fn change(
        &mut self,
        stage: &mut Stage<'_>,
        (request, object): (Operation<'_>, &str),
        answer: Operation<'_>,
        detail: &str,
    ) {
        let asked = self.ask(stage, request, None);
        self.answer(stage, &[answer]);
        self.derived(stage, asked, Kind::LdapChange, || (object.to_owned(), detail.to_owned()));
    }

    /// Tells what was asked and answered, where an observer can read it.
    fn derived(
        &self,
        stage: &mut Stage<'_>,
        asked: Timestamp,
        kind: Kind,
        words: impl FnOnce() -> (String, String),
    ) {
        if !self.is_readable() {
            return;
        }
        let cast = stage.cast;
        stage.did(&self.tcp.flow, asked, kind, Outcome::Success, || {
            let (target, mut detail) = words();
            // Observers keep no more of a name; our filters are ASCII.
            detail.truncate(HELD_MAX);
            Words {
                principal: self.bound.principal(cast),
                target: Some(target),
                detail: Some(detail),
            }
        });
    }

    /// A sealed request and a sealed answer of that many bytes in the clear.
    pub fn sealed_search(&mut self, stage: &mut Stage<'_>, request: usize, answer: usize) {
        self.next_id += 1;
        self.put_sealed(stage, Side::Client, request);
        self.put_sealed(stage, Side::Server, answer);
    }

    /// Unbinds and closes.
    pub fn unbind(mut self, stage: &mut Stage<'_>) {
        self.ask(stage, Operation::UnbindRequest, None);
        stage.close(self.tcp, Close::Unbind);
    }

    /// Whether an observer can read what is said.
    pub const fn is_readable(&self) -> bool {
        matches!(self.protection, Protection::None | Protection::Signed)
    }

    /// Sends messages of one side, all in one buffer where they are protected; tells them.
    fn send<'m>(
        &mut self,
        stage: &mut Stage<'_>,
        side: Side,
        mut messages: impl Iterator<Item = Message<'m>> + Clone,
    ) -> Timestamp {
        if self.is_readable() {
            for Message { operation, .. } in messages.clone() {
                stage.told(Id::Ldap, operation.number(), operation.is_answer());
            }
        }
        let mut emit = |w: &mut Writer<'_>| messages.by_ref().for_each(|message| message.emit(w));
        if self.protection == Protection::None {
            return stage.say(&mut self.tcp, side, |w| {
                emit(w);
                Ok(())
            });
        }
        let mut plain = Vec::with_capacity(PLAIN_BYTES);
        emit(&mut Writer::new(&mut plain));
        match self.protection {
            Protection::Signed => self.put_signed(stage, side, &plain),
            _ => self.put_sealed(stage, side, plain.len()),
        }
    }

    fn put_signed(&mut self, stage: &mut Stage<'_>, side: Side, plain: &[u8]) -> Timestamp {
        stage.told(Id::Ldap, SEALED, false);
        let flags = 0x04 | from_acceptor(side);
        // As long as it is rotated.
        let header = self.wrap_header(side, [flags, 0xff, 0, CHECKSUM_BYTES, 0, CHECKSUM_BYTES]);
        let mut checksum = [0; CHECKSUM_BYTES as usize];
        stage.random.fill(&mut checksum);
        stage.say(&mut self.tcp, side, |w| {
            prefix(w, header.len() + checksum.len() + plain.len());
            w.bytes(&header);
            w.bytes(&checksum);
            w.bytes(plain);
            Ok(())
        })
    }

    /// Sends that many bytes sealed.
    fn put_sealed(&mut self, stage: &mut Stage<'_>, side: Side, plain: usize) -> Timestamp {
        let mut random = Random::new(stage.random.next_u64());
        let time = if self.protection == Protection::NtlmSealed {
            let mut signature = [0; SIGNATURE_BYTES];
            let [version, _, _, _, checksum @ ..] = &mut signature;
            *version = 1;
            random.fill(checksum);
            stage.say(&mut self.tcp, side, |w| {
                prefix(w, SIGNATURE_BYTES + plain);
                w.bytes(&signature);
                ciphertext(&mut random, plain, w)
            })
        } else {
            let flags = 0x06 | from_acceptor(side);
            // Rotated by checksum and encrypted header, RFC 4121 section 4.2.5.
            let header = self.wrap_header(side, [flags, 0xff, 0, 0, 0, 28]);
            let length = PREFIX_BYTES + WRAP_BYTES + plain;
            stage.say_sealed(&mut self.tcp, side, length, |w| {
                prefix(w, WRAP_BYTES + plain);
                w.bytes(&header);
                ciphertext(&mut random, WRAP_BYTES - header.len() + plain, w)
            })
        };
        stage.told(Id::Ldap, SEALED, false);
        time
    }

    /// Header of a wrap token, RFC 4121 section 4.2.6.2.
    fn wrap_header(&mut self, side: Side, fields: [u8; 6]) -> [u8; 16] {
        let [client, server] = &mut self.sequence;
        let number = if side == Side::Client { client } else { server };
        *number += 1;
        let [flags, filler, ec1, ec0, rrc1, rrc0] = fields;
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        [5, 4, flags, filler, ec1, ec0, rrc1, rrc0, a, b, c, d, e, f, g, h]
    }
}

/// Flag of a wrap token that the server sends, RFC 4121 section 4.2.2.
fn from_acceptor(side: Side) -> u8 {
    u8::from(side == Side::Server)
}

/// Length before a protected buffer, RFC 4422 section 3.7.
fn prefix(w: &mut Writer<'_>, length: usize) {
    w.bytes(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

/// Appends random bytes.
pub fn ciphertext(
    random: &mut Random,
    length: usize,
    w: &mut Writer<'_>,
) -> std::result::Result<(), WireError> {
    random.fill(w.room(length));
    Ok(())
}

/// What a server says of a password, and what an observer makes of it.
pub fn verdict(is_good: bool) -> (Result<'static>, Outcome) {
    let code = INVALID_CREDENTIALS;
    match is_good {
        true => (Result::new(0), Outcome::Success),
        false => (
            Result { diagnostic: BAD_PASSWORD, ..Result::new(code) },
            Outcome::Failure { code, name: names::result(code) },
        ),
    }
}

/// A SASL bind.
pub fn bind_request<'a>(mechanism: &'a [u8], token: &'a [u8]) -> Operation<'a> {
    let authentication = Authentication::Sasl { mechanism, credentials: Some(token) };
    Operation::BindRequest(BindRequest { version: 3, name: b"", authentication })
}

/// And its answer.
pub fn bind_response<'a>(outcome: Result<'a>, credentials: Option<&'a [u8]>) -> Operation<'a> {
    Operation::BindResponse(BindResponse { outcome, credentials })
}
