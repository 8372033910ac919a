//! Requests to the KDC and the password service, and what became of them.
//!
//! Replies name neither their request nor, but encrypted, its nonce: the reply of a kind answers
//! the request of that kind for the same service, or else the oldest. An error that asks for
//! pre-authentication ends its request too, see [`asks_to_go_on`](super::asks_to_go_on).
//!
//! Who asks with a ticket is not named, but the reply that gave it was in the clear: replies teach
//! the observer whose each ticket is, requests ask it.

use std::fmt::{self, Display};

use super::view::{Message, Name, Options};
use super::{
    AS_REPLY, AS_REQUEST, ERROR, Packet, Password, TGS_REPLY, TGS_REQUEST, asks_to_go_on,
    error_name, etype_name, padata_name, password_result_name,
};
use crate::proto::{
    Asked, Context, Dialogue, Id, Kind, Observer, Outcome, Pending, Transport, Utf8,
};

/// Requests that wait at most. Ours: a client asks once, or repeats itself, before it is answered.
const WAITING_MAX: usize = 8;
/// PA-DATA types that prove who asks, the first found is told: armor comes first, since what it
/// holds is encrypted. RFC 6113, RFC 4556, RFC 4120 section 7.5.2.
const PROOFS: [i32; 6] = [136, 138, 16, 14, 151, 2];

/// What tells a request from others of its flow; a retransmission has the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    /// Message type; 0 for the password service.
    kind: u8,
    nonce: u32,
    length: usize,
    /// Hash of the service's name.
    service: u32,
    /// The ticket will be of the client that asks, not of whom it asks for.
    is_own: bool,
}

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub struct Exchanges {
    pending: Pending<Key, WAITING_MAX>,
}

impl Dialogue for Exchanges {
    fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.pending.finish(out);
    }

    fn reset(&mut self) {
        self.pending.reset();
    }

    fn memory(&self) -> usize {
        self.pending.memory()
    }
}

impl Exchanges {
    /// Remembers a request, or tells what an answer makes of one.
    pub(super) fn take(&mut self, packet: &Packet<'_>, context: &Context, out: &mut dyn Observer) {
        match packet {
            Packet::Message(message) => match message.kind() {
                AS_REQUEST | TGS_REQUEST => self.ask(message, context, out),
                AS_REPLY | TGS_REPLY => self.reply(message, out),
                ERROR => self.error(message, out),
                _ => {}
            },
            Packet::Password(password) if password.is_request() => {
                self.ask_password(password, context, out);
            }
            Packet::Password(password) => self.password_answered(password, out),
        }
    }

    fn ask(&mut self, request: &Message<'_>, context: &Context, out: &mut dyn Observer) {
        let key = Key {
            kind: request.kind(),
            nonce: request.nonce().unwrap_or(0),
            length: context.length,
            service: service(request),
            is_own: !is_delegated(request),
        };
        if context.transport == Transport::Udp && self.pending.get(key).is_some() {
            return; // sent again because the answer is late
        }
        let is_logon = key.kind == AS_REQUEST;
        let kind = if is_logon { Kind::KerberosLogon } else { Kind::ServiceTicket };
        let when = (context.time, context.side);
        let asked = self.pending.ask(key, (kind, Id::Kerberos), when, out);
        if let Some(name) = request.sname() {
            asked.target.set(&name);
        }
        if is_logon {
            set_principal(asked, request, request.realm());
            asked.detail.set(&Preauthentication(request));
        } else {
            let ticket = request.ap_request().and_then(|request| request.ticket()?.fingerprint());
            if let Some(ticket) = ticket {
                out.ticket_owner(ticket, &mut asked.principal);
            }
            note_delegation(asked, request);
        }
    }

    fn reply(&mut self, reply: &Message<'_>, out: &mut dyn Observer) {
        let ticket = reply.ticket();
        let fingerprint = ticket.and_then(|ticket| ticket.fingerprint());
        let named = Client::of(reply, reply.crealm()).filter(|client| !client.0.is_anonymous());
        if let (Some(ticket), Some(owner)) = (fingerprint, &named) {
            out.learn_ticket(ticket, owner);
        }
        let Some(key) = self.asked_by(reply, Some(reply.kind() - 1)) else { return };
        let Some(asked) = self.pending.get(key) else { return };
        match named {
            // Who asks is better known from the ticket shown, where it asks for somebody else.
            Some(client) if key.kind == AS_REQUEST || asked.principal.is_empty() => {
                asked.principal.set(&client);
            }
            Some(_) => {}
            None if asked.principal.is_empty() => set_principal(asked, reply, reply.crealm()),
            None => {
                if let Some(ticket) = fingerprint.filter(|_| key.is_own) {
                    out.learn_ticket(ticket, &asked.principal);
                }
            }
        }
        let is_ticket_granting = asked.target.as_str().starts_with("krbtgt/");
        if !is_ticket_granting && let Some(realm) = reply.sname().and_then(|name| referral(&name)) {
            asked.add_detail(&format_args!("referral to {realm}"));
        }
        if let Some(etype) = ticket.and_then(|ticket| ticket.enc_part()?.etype()) {
            asked.add_detail(&Etype(etype));
        }
        self.pending.answer(key, Outcome::Success, out);
    }

    fn error(&mut self, error: &Message<'_>, out: &mut dyn Observer) {
        let Some(key) = self.asked_by(error, None) else { return };
        let Some(asked) = self.pending.get(key) else { return };
        if asked.principal.is_empty() {
            set_principal(asked, error, error.crealm());
        }
        if let Some(status) = error.error_status() {
            asked.add_detail(&format_args!("NTSTATUS {status:#010x}"));
        }
        self.pending.answer(key, failure(error), out);
    }

    /// The request that `answer` belongs to.
    fn asked_by(&self, answer: &Message<'_>, kind: Option<u8>) -> Option<Key> {
        let wanted = |key: &Key| kind.is_none_or(|kind| key.kind == kind) && key.kind != 0;
        let service = service(answer);
        self.pending
            .find(|key| wanted(&key) && key.service == service)
            .or_else(|| self.pending.find(|key| wanted(&key)))
    }

    fn ask_password(&mut self, password: &Password<'_>, context: &Context, out: &mut dyn Observer) {
        let key = password_key(context.length);
        if context.transport == Transport::Udp && self.pending.get(key).is_some() {
            return;
        }
        let when = (context.time, context.side);
        let asked = self.pending.ask(key, (Kind::PasswordChange, Id::Kerberos), when, out);
        let ticket = password.authentication().and_then(|request| request.ticket());
        if let Some(name) = ticket.and_then(|ticket| ticket.sname()) {
            asked.target.set(&name);
        }
        if let Some(ticket) = ticket.and_then(|ticket| ticket.fingerprint()) {
            out.ticket_owner(ticket, &mut asked.principal);
        }
        asked.detail.set(&password.operation());
    }

    fn password_answered(&mut self, password: &Password<'_>, out: &mut dyn Observer) {
        let Some(key) = self.pending.find(|key| key.kind == 0) else { return };
        let outcome = match password.message() {
            Some(error) if error.kind() == ERROR => {
                // The result comes in the clear with an error only, RFC 3244 section 2.
                let data = error.error_data().and_then(<[u8]>::first_chunk);
                data.map_or(failure(&error), |&result| {
                    let code = u32::from(u16::from_be_bytes(result));
                    Outcome::Failure { code, name: password_result_name(code) }
                })
            }
            _ => Outcome::Unknown,
        };
        self.pending.answer(key, outcome, out);
    }
}

fn password_key(length: usize) -> Key {
    Key { kind: 0, nonce: 0, length, service: 0, is_own: true }
}

fn failure(error: &Message<'_>) -> Outcome {
    let Some(code) = error.error_code() else { return Outcome::Unknown };
    let name = error_name(code);
    if asks_to_go_on(code) {
        Outcome::Continued { code, name }
    } else {
        Outcome::Failure { code, name }
    }
}

/// Shows as `user@REALM`.
struct Client<'a>(Name<'a>, Option<Utf8<'a>>);

impl<'a> Client<'a> {
    fn of(message: &Message<'a>, realm: Option<Utf8<'a>>) -> Option<Self> {
        Some(Self(message.cname()?, realm))
    }
}

impl Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, realm) = self;
        match realm {
            Some(realm) => write!(f, "{name}@{realm}"),
            None => name.fmt(f),
        }
    }
}

/// Notes who asks, where a name is given.
fn set_principal(asked: &mut Asked, message: &Message<'_>, realm: Option<Utf8<'_>>) {
    if let Some(client) = Client::of(message, realm) {
        asked.principal.set(&client);
    }
}

/// Whether the ticket will not be of the client that a request is known to come from: one for
/// somebody else, or, for a logon, of a client that does not say its name. A request for somebody
/// else inside armor cannot be told from others.
fn is_delegated(request: &Message<'_>) -> bool {
    let options = request.options().unwrap_or(Options(0));
    request.for_user().is_some()
        || options.contains(Options::CNAME_IN_ADDITIONAL_TICKET)
        || request.cname().is_some_and(|name| name.is_anonymous())
}

/// For whom else a service ticket is asked, \[MS-SFU\] 1.3, RFC 4120 section 2.9.2.
fn note_delegation(asked: &mut Asked, request: &Message<'_>) {
    match request.for_user() {
        Some((Some(user), Some(realm))) => {
            asked.add_detail(&format_args!("S4U2self {user}@{realm}"))
        }
        Some((Some(user), None)) => asked.add_detail(&format_args!("S4U2self {user}")),
        Some(_) => asked.add_detail(&"S4U2self"),
        None => {}
    }
    let options = request.options().unwrap_or(Options(0));
    for (option, note) in [
        (Options::CNAME_IN_ADDITIONAL_TICKET, "S4U2proxy"),
        (Options::ENC_TKT_IN_SKEY, "user-to-user"),
        (Options::FORWARDED, "forwarded"),
        (Options::RENEW, "renewal"),
    ] {
        if options.contains(option) {
            asked.add_detail(&note);
        }
    }
}

/// The realm whose KDC a ticket is for, if it is: the answer to who asked for another service,
/// RFC 6806 section 8.
fn referral<'a>(issued: &Name<'a>) -> Option<Utf8<'a>> {
    let mut parts = issued.parts();
    (parts.next()? == Utf8(b"krbtgt")).then_some(())?;
    parts.next()
}

/// Hash of the service's name without its type, which KDCs may change: FNV-1a.
fn service(message: &Message<'_>) -> u32 {
    const START: u32 = 0x811c_9dc5;
    const PRIME: u32 = 0x0100_0193;
    let Some(name) = message.sname() else { return 0 };
    name.parts().fold(START, |hash, part| {
        let bytes = part.0.iter().chain(&[0]); // one part ends, another begins
        bytes.fold(hash, |hash, &byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME))
    })
}

/// How the client proves who it is before it is given a ticket.
struct Preauthentication<'a, 'b>(&'b Message<'a>);

impl Display for Preauthentication<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rank = |kind: i32| PROOFS.iter().position(|&proof| proof == kind);
        let best = self.0.padata().filter_map(|padata| rank(padata.kind)).min();
        let name = best.and_then(|rank| padata_name(*PROOFS.get(rank)?));
        f.write_str(name.unwrap_or("no pre-authentication"))
    }
}

/// Shows an encryption type by its name, or its number.
pub struct Etype(pub i32);

impl Display for Etype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match etype_name(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "etype {}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::proto::kerberos::{
        AccessRequest, Cipher, ErrorParts, KdcReply, KdcRequest, Kerberos, Parts, Principal,
        TicketParts, Typed, samples,
    };
    use crate::proto::{Activity, Held, Hint, Protocol, Quality, Side, Tally};
    use crate::wire::WireError;

    #[derive(Debug, Default)]
    struct Told {
        activities: Vec<String>,
        messages: Vec<&'static str>,
        qualities: Vec<Quality>,
        asked_at: Vec<i64>,
        tickets: Vec<(u64, String)>,
    }

    impl Observer for Told {
        fn message(&mut self, _: &Context, _: &crate::proto::Message<'_>, tally: Tally) {
            self.messages.push(Kerberos::operation(tally.operation).unwrap());
            self.qualities.push(tally.quality);
        }
        fn activity(&mut self, activity: &Activity<'_>) {
            let text = |part: Option<&dyn Display>| part.map_or("-".into(), ToString::to_string);
            self.asked_at.push(activity.time.nanos());
            self.activities.push(format!(
                "{:?} {} at {} ({}) {:?}",
                activity.kind,
                text(activity.principal),
                text(activity.target),
                text(activity.detail),
                activity.outcome,
            ));
        }
        fn hint(&mut self, _: &Context, _: Hint<'_>) {}
        fn malformed(&mut self, _: Id, _: WireError) {}
        fn learn_ticket(&mut self, ticket: u64, owner: &dyn Display) {
            self.tickets.push((ticket, owner.to_string()));
        }
        fn ticket_owner(&mut self, ticket: u64, owner: &mut Held) -> bool {
            let found = self.tickets.iter().rfind(|(known, _)| *known == ticket);
            found.map(|(_, name)| owner.set(name)).is_some()
        }
    }

    /// What becomes of packets in datagrams, one in each nanosecond from 0 on.
    fn told(packets: &[(Side, Vec<u8>)]) -> Told {
        let (mut exchanges, mut told) = (Exchanges::default(), Told::default());
        for (nanos, (side, bytes)) in (0..).zip(packets) {
            let context = Context {
                transport: Transport::Udp,
                side: *side,
                time: Timestamp::from_nanos(nanos),
                length: bytes.len(),
                is_cut: false,
            };
            assert_eq!(Kerberos::observe(bytes, &context, &mut exchanges, &mut told), Ok(()));
        }
        exchanges.finish(&mut told);
        assert!(exchanges.is_idle());
        told
    }

    fn asks(request: KdcRequest) -> (Side, Vec<u8>) {
        (Side::Client, Parts::Request(request).encode())
    }

    fn replies(reply: KdcReply) -> (Side, Vec<u8>) {
        (Side::Server, Parts::Reply(reply).encode())
    }

    const TICKET_GRANTING: [&str; 2] = ["krbtgt", "LAB.EXAMPLE"];

    #[test]
    fn a_logon_and_its_refusals_are_told() {
        let bare = KdcRequest { padata: Vec::new(), nonce: 1, ..samples::logon() };
        let locked =
            b"\x30\x15\xa1\x03\x02\x01\x03\xa2\x0e\x04\x0c\x34\x02\x00\xc0\0\0\0\0\x01\0\0\0";
        let revoked = samples::error(18, &TICKET_GRANTING, locked);
        let told = told(&[
            asks(bare),
            (Side::Server, Parts::Error(samples::challenged()).encode()),
            asks(samples::logon()),
            replies(samples::reply(true, &TICKET_GRANTING)),
            asks(KdcRequest { nonce: 2, ..samples::logon() }),
            (Side::Server, Parts::Error(revoked).encode()),
            asks(KdcRequest { nonce: 3, ..samples::logon() }),
        ]);
        let who = "KerberosLogon alice@LAB.EXAMPLE at krbtgt/LAB.EXAMPLE";
        assert_eq!(
            told.activities,
            [
                format!(
                    "{who} (no pre-authentication) Continued {{ code: 25, name: \"KDC_ERR_PREAUTH_REQUIRED\" }}"
                ),
                format!("{who} (PA-ENC-TIMESTAMP aes256-cts-hmac-sha1-96) Success"),
                format!(
                    "{who} (PA-ENC-TIMESTAMP NTSTATUS 0xc0000234) Failure {{ code: 18, name: \"KDC_ERR_CLIENT_REVOKED\" }}"
                ),
                format!("{who} (PA-ENC-TIMESTAMP) Unanswered"),
            ]
        );
    }

    #[test]
    fn what_is_sent_again_counts_once() {
        let told = told(&[
            asks(samples::logon()),
            asks(samples::logon()),
            replies(samples::reply(true, &TICKET_GRANTING)),
            replies(samples::reply(true, &TICKET_GRANTING)),
        ]);
        assert_eq!(told.messages, ["AS-REQ", "AS-REQ", "AS-REP", "AS-REP"]);
        assert_eq!((told.activities.len(), told.asked_at), (1, vec![0]));
    }

    #[test]
    fn answers_out_of_order_find_their_requests() {
        let ask = |nonce, host| KdcRequest {
            padata: Vec::new(),
            options: Options(0x4081_0000),
            sname: Some(Principal::new(2, &["cifs", host])),
            nonce,
            ..samples::delegated()
        };
        let told = told(&[
            asks(ask(1, "one")),
            asks(ask(2, "two")),
            asks(ask(3, "six")),
            replies(samples::reply(false, &["cifs", "two"])),
            replies(samples::reply(false, &["krbtgt", "OTHER.EXAMPLE"])),
            (Side::Server, Parts::Error(samples::error(7, &["cifs", "six"], b"")).encode()),
        ]);
        assert_eq!(
            told.activities,
            [
                "ServiceTicket alice@LAB.EXAMPLE at cifs/two (aes256-cts-hmac-sha1-96) Success",
                "ServiceTicket alice@LAB.EXAMPLE at cifs/one (referral to OTHER.EXAMPLE aes256-cts-hmac-sha1-96) Success",
                "ServiceTicket alice@LAB.EXAMPLE at cifs/six (-) Failure { code: 7, name: \"KDC_ERR_S_PRINCIPAL_UNKNOWN\" }",
            ]
        );
    }

    #[test]
    fn delegation_is_noted() {
        let service = ["http", "web01.lab.example"];
        let told = told(&[asks(samples::delegated()), replies(samples::reply(false, &service))]);
        let detail = "S4U2self bob@LAB.EXAMPLE S4U2proxy user-to-user aes256-cts-hmac-sha1-96";
        assert_eq!(
            told.activities,
            [format!(
                "ServiceTicket alice@LAB.EXAMPLE at http/web01.lab.example ({detail}) Success"
            )]
        );
    }

    /// A ticket that no other number has.
    fn ticket(number: u8) -> TicketParts {
        let reply = samples::reply(true, &TICKET_GRANTING);
        let cipher = Cipher { cipher: vec![number; 140], ..reply.ticket.enc_part };
        TicketParts { enc_part: cipher, ..reply.ticket }
    }

    /// A reply with a ticket, to a client of this name.
    fn gives(number: u8, name: &[&str], reply: KdcReply) -> (Side, Vec<u8>) {
        let sname = reply.ticket.sname;
        let ticket = TicketParts { sname, ..ticket(number) };
        replies(KdcReply { cname: Principal::new(1, name), ticket, ..reply })
    }

    /// A request that shows a ticket.
    fn shows(number: u8, request: KdcRequest) -> (Side, Vec<u8>) {
        let authenticator = Cipher { etype: 18, key_version: None, cipher: vec![9; 60] };
        let access = AccessRequest { options: 0, ticket: ticket(number), authenticator };
        let mut padata = request.padata;
        padata.retain(|padata| padata.kind != 1);
        padata.push(Typed { kind: 1, value: access.encode() });
        asks(KdcRequest { padata, ..request })
    }

    /// A request without delegation.
    fn plain(nonce: u32) -> KdcRequest {
        let (padata, options) = (Vec::new(), Options(0x4081_0000));
        KdcRequest { padata, options, nonce, ..samples::delegated() }
    }

    const ANONYMOUS: [&str; 2] = ["WELLKNOWN", "ANONYMOUS"];
    const WEB: [&str; 2] = ["http", "web01.lab.example"];

    #[test]
    fn who_shows_a_ticket_is_who_was_given_it() {
        let nameless = ErrorParts { cname: None, ..samples::error(7, &WEB, b"") };
        let told = told(&[
            asks(samples::logon()),
            gives(1, &["alice"], samples::reply(true, &TICKET_GRANTING)),
            shows(1, plain(1)),
            gives(2, &ANONYMOUS, samples::reply(false, &WEB)),
            shows(2, plain(2)),
            (Side::Server, Parts::Error(nameless).encode()),
            shows(3, plain(3)),
            gives(4, &ANONYMOUS, samples::reply(false, &WEB)),
        ]);
        let asked = |who| format!("ServiceTicket {who} at http/web01.lab.example");
        let etype = "(aes256-cts-hmac-sha1-96) Success";
        assert_eq!(
            told.activities[1..],
            [
                format!("{} {etype}", asked("alice@LAB.EXAMPLE")),
                format!(
                    "{} (-) Failure {{ code: 7, name: \"KDC_ERR_S_PRINCIPAL_UNKNOWN\" }}",
                    asked("alice@LAB.EXAMPLE")
                ),
                format!("{} {etype}", asked("WELLKNOWN/ANONYMOUS@LAB.EXAMPLE")),
            ]
        );
        let owners: Vec<_> = told.tickets.iter().map(|(_, owner)| owner.as_str()).collect();
        assert_eq!(owners, ["alice@LAB.EXAMPLE"; 2]);
        assert_ne!(told.tickets[0].0, told.tickets[1].0);
    }

    #[test]
    fn a_ticket_for_somebody_else_is_not_of_who_asks() {
        let told = told(&[
            asks(samples::logon()),
            gives(1, &["web01"], samples::reply(true, &TICKET_GRANTING)),
            shows(1, samples::delegated()),
            gives(2, &["bob"], samples::reply(false, &WEB)),
            shows(1, KdcRequest { nonce: 5, ..samples::delegated() }),
            gives(3, &ANONYMOUS, samples::reply(false, &WEB)),
        ]);
        let asked = "ServiceTicket web01@LAB.EXAMPLE at http/web01.lab.example (S4U2self bob@";
        assert!(told.activities[1..].iter().all(|did| did.starts_with(asked)), "{told:?}");
        let owners: Vec<_> = told.tickets.iter().map(|(_, owner)| owner.as_str()).collect();
        assert_eq!(owners, ["web01@LAB.EXAMPLE", "bob@LAB.EXAMPLE"]);
    }

    #[test]
    fn who_changes_a_password_is_known_from_the_ticket() {
        let reply = samples::reply(true, &["kadmin", "changepw"]);
        let told =
            told(&[replies(reply), (Side::Client, Parts::Password(samples::password(1)).encode())]);
        let want =
            "PasswordChange alice@LAB.EXAMPLE at kadmin/changepw (change password) Unanswered";
        assert_eq!(told.activities, [want]);
    }

    #[test]
    fn passwords_are_changed_and_set() {
        let password = |side, parts| (side, Parts::Password(parts).encode());
        let told = told(&[
            password(Side::Client, samples::password(1)),
            password(Side::Server, samples::password_reply(None)),
            password(Side::Client, samples::password(0xff80)),
            password(Side::Server, samples::password_reply(Some(5))),
        ]);
        assert_eq!(
            told.activities,
            [
                "PasswordChange - at kadmin/changepw (change password) Unknown",
                "PasswordChange - at kadmin/changepw (set password) Failure { code: 5, name: \"KRB5_KPASSWD_ACCESSDENIED\" }",
            ]
        );
        let request = ["change password", "AP-REQ", "KRB-PRIV"];
        let refused = ["change password", "KRB-ERROR"];
        let qualities = [Quality::Opaque, Quality::Parsed, Quality::Opaque];
        assert_eq!(told.qualities[..3], qualities);
        assert_eq!((&told.messages[..3], &told.messages[9..]), (&request[..], &refused[..]));
    }

    #[test]
    fn a_cut_request_is_told_as_far_as_it_goes() {
        let bytes = Parts::Request(samples::logon()).encode();
        let beginning = |end: usize| {
            let (mut exchanges, mut told) = (Exchanges::default(), Told::default());
            let context = Context {
                transport: Transport::Udp,
                side: Side::Client,
                time: Timestamp::from_nanos(1),
                length: bytes.len(),
                is_cut: true,
            };
            let error = Kerberos::observe(&bytes[..end], &context, &mut exchanges, &mut told);
            assert!(error.unwrap_err().is_truncation());
            exchanges.finish(&mut told);
            assert_eq!((told.messages, told.qualities), (vec!["AS-REQ"], vec![Quality::Cut]));
            told.activities.remove(0)
        };
        let (all, some) = (beginning(170), beginning(150)); // the latter ends inside `krbtgt/...`
        let who = "KerberosLogon alice@LAB.EXAMPLE at";
        assert_eq!(all, format!("{who} krbtgt/LAB.EXAMPLE (PA-ENC-TIMESTAMP) Unanswered"));
        assert_eq!(some, format!("{who} - (PA-ENC-TIMESTAMP) Unanswered"));
    }
}
