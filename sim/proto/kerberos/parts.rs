//! Messages in their parts, for writing: RFC 4120 sections 5.3 to 5.9 in DER.

use super::view::{self, BIT_STRING};
use super::{
    AP_REPLY, AP_REQUEST, APPLICATION, AS_REPLY, AS_REQUEST, CRED, ERROR, Encrypted, Message, Name,
    Options, PASSWORD_HEADER, PRIV, Packet, SAFE, TGS_REPLY, TGS_REQUEST, TICKET_NUMBER, Ticket,
    VERSION, version_tag,
};
use crate::proto::Utf8;
use crate::wire::ber::{self, Element};
use crate::wire::{WireError, Writer};

/// Universal tags of GeneralizedTime and GeneralString, X.680 section 8.6 table 1.
const TIME: u8 = 0x18;
const STRING: u8 = 0x1b;
/// Context class, constructed.
const CONTEXT: u8 = 0xa0;
/// Room for a message, in bytes: enough for most, so that few grow while they are written.
const ENCODED_BYTES: usize = 2_048;

/// A packet in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts<'a> {
    /// AS-REQ or TGS-REQ.
    Request(KdcRequest),
    /// AS-REP or TGS-REP.
    Reply(KdcReply),
    /// AP-REQ.
    Access(AccessRequest),
    /// AP-REP, of which everything is encrypted.
    AccessReply(Cipher),
    /// KRB-SAFE.
    Safe(Safe),
    /// KRB-PRIV, of which everything is encrypted.
    Private(Cipher),
    /// KRB-CRED: tickets, and their keys encrypted.
    Credentials(Vec<TicketParts>, Cipher),
    /// KRB-ERROR.
    Error(ErrorParts),
    /// A message of the password protocol.
    Password(PasswordParts),
    /// Any of them, encoded in another way than DER or with fields that RFC 4120 lacks.
    Whole(&'a [u8]),
}

/// PrincipalName, RFC 4120 section 5.2.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Its type, RFC 4120 section 6.2.
    pub kind: i32,
    /// Its parts.
    pub parts: Vec<Vec<u8>>,
}

/// A number that says the kind, and bytes: PA-DATA, HostAddress and Checksum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The kind.
    pub kind: i32,
    /// The bytes.
    pub value: Vec<u8>,
}

/// EncryptedData, RFC 4120 section 5.2.9.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cipher {
    /// Encryption type.
    pub etype: i32,
    /// Version of the key, where it is one that outlives a session.
    pub key_version: Option<i32>,
    /// What is encrypted.
    pub cipher: Vec<u8>,
}

/// Ticket, RFC 4120 section 5.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketParts {
    /// Realm that issued it.
    pub realm: Vec<u8>,
    /// Service that it is for.
    pub sname: Principal,
    /// What only the service reads.
    pub enc_part: Cipher,
}

/// KDC-REQ, RFC 4120 section 5.4.1. Empty lists are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcRequest {
    /// For a ticket-granting ticket to a password, AS-REQ; else TGS-REQ.
    pub is_logon: bool,
    /// Pre-authentication.
    pub padata: Vec<Typed>,
    /// Options.
    pub options: Options,
    /// Name of the client, in AS-REQ.
    pub cname: Option<Principal>,
    /// Realm of the service, in AS-REQ also of the client.
    pub realm: Vec<u8>,
    /// Name of the service.
    pub sname: Option<Principal>,
    /// Begin of the ticket's life, `YYYYMMDDHHMMSSZ`.
    pub from: Option<Vec<u8>>,
    /// Its end.
    pub till: Vec<u8>,
    /// End of renewals.
    pub rtime: Option<Vec<u8>>,
    /// Number that the reply repeats.
    pub nonce: u32,
    /// Encryption types that the client takes.
    pub etypes: Vec<i32>,
    /// Addresses for which the ticket shall be.
    pub addresses: Vec<Typed>,
    /// Restrictions wanted in the ticket.
    pub authorization: Option<Cipher>,
    /// Tickets that the request adds.
    pub tickets: Vec<TicketParts>,
}

/// KDC-REP, RFC 4120 section 5.4.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcReply {
    /// AS-REP; else TGS-REP.
    pub is_logon: bool,
    /// Data for the client, left out where empty.
    pub padata: Vec<Typed>,
    /// Realm of the client.
    pub crealm: Vec<u8>,
    /// Name of the client.
    pub cname: Principal,
    /// The ticket.
    pub ticket: TicketParts,
    /// What only the client reads.
    pub enc_part: Cipher,
}

/// AP-REQ, RFC 4120 section 5.5.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Options.
    pub options: u32,
    /// The ticket.
    pub ticket: TicketParts,
    /// The authenticator.
    pub authenticator: Cipher,
}

/// KRB-SAFE, RFC 4120 section 5.6.1, with the fields that are not optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safe {
    /// The data.
    pub data: Vec<u8>,
    /// Address of the sender.
    pub sender: Typed,
    /// Checksum of both.
    pub checksum: Typed,
}

/// KRB-ERROR, RFC 4120 section 5.9.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorParts {
    /// Time of the server, `YYYYMMDDHHMMSSZ`.
    pub time: Vec<u8>,
    /// Microseconds of that time.
    pub microseconds: i32,
    /// Why.
    pub code: i32,
    /// Realm of the client.
    pub crealm: Option<Vec<u8>>,
    /// Name of the client.
    pub cname: Option<Principal>,
    /// Realm of the service.
    pub realm: Vec<u8>,
    /// Name of the service.
    pub sname: Principal,
    /// Why in words.
    pub text: Option<Vec<u8>>,
    /// More, by the code.
    pub data: Option<Vec<u8>>,
}

/// A message of the password protocol, RFC 3244 section 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordParts {
    /// Protocol version.
    pub version: u16,
    /// AP-REQ or AP-REP, empty before an error.
    pub authentication: Vec<u8>,
    /// KRB-PRIV or KRB-ERROR.
    pub body: Vec<u8>,
}

/// Writes the fields of a sequence.
struct Fields<'w, 'b>(&'w mut Writer<'b>);

impl Fields<'_, '_> {
    /// Appends the field \[`number`\] with an element of `tag`.
    fn add(&mut self, number: u8, tag: u8, content: &[u8]) {
        let inner = Element::new(tag, content);
        ber::Header::new(CONTEXT | number, inner.total_length()).emit(self.0);
        inner.emit(self.0);
    }

    /// Appends the field \[`number`\] with what `fill` appends.
    fn whole(&mut self, number: u8, fill: impl FnOnce(&mut Writer<'_>)) {
        ber::around(self.0, CONTEXT | number, fill);
    }

    fn integer(&mut self, number: u8, value: i64) {
        let octets = value.to_be_bytes();
        self.add(number, ber::INTEGER, significant(&octets));
    }

    fn bits(&mut self, number: u8, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        self.add(number, BIT_STRING, &[0, a, b, c, d]); // no unused bits
    }

    fn list<T>(&mut self, number: u8, items: &[T], emit: impl Fn(&T, &mut Writer<'_>)) {
        if !items.is_empty() {
            let all = |w: &mut Writer<'_>| items.iter().for_each(|item| emit(item, w));
            self.whole(number, |w| ber::around(w, ber::SEQUENCE, all));
        }
    }

    fn optional(&mut self, number: u8, tag: u8, content: Option<&Vec<u8>>) {
        if let Some(content) = content {
            self.add(number, tag, content);
        }
    }
}

/// Appends a sequence of fields.
fn sequence(w: &mut Writer<'_>, fill: impl FnOnce(&mut Fields<'_, '_>)) {
    ber::around(w, ber::SEQUENCE, |w| fill(&mut Fields(w)));
}

/// Appends a sequence of fields inside an element of the application's `number`.
fn application(w: &mut Writer<'_>, number: u8, fill: impl FnOnce(&mut Fields<'_, '_>)) {
    ber::around(w, APPLICATION | number, |w| sequence(w, fill));
}

/// What `emit` appends.
fn encoded(emit: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENCODED_BYTES);
    emit(&mut Writer::new(&mut bytes));
    bytes
}

/// As few octets of a number as X.690 section 8.3.2 wants.
fn significant(octets: &[u8; 8]) -> &[u8] {
    let [first, ..] = *octets;
    let sign = if first & 0x80 == 0 { 0 } else { 0xff };
    let is_needless =
        |pair: &&[u8]| matches!(pair, [first, next] if *first == sign && (next ^ sign) < 0x80);
    let needless = octets.windows(2).take_while(is_needless).count();
    octets.get(needless..).unwrap_or(octets)
}

impl Principal {
    /// A name of parts.
    pub fn new(kind: i32, parts: &[&str]) -> Self {
        Self { kind, parts: parts.iter().map(|part| part.as_bytes().to_vec()).collect() }
    }

    fn parse(name: Name<'_>) -> Option<Self> {
        Some(Self { kind: name.kind()?, parts: name.parts().map(|part| part.0.to_vec()).collect() })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        sequence(w, |fields| {
            fields.integer(0, i64::from(self.kind));
            let string = |w: &mut Writer<'_>, part| Element::new(STRING, part).emit(w);
            let parts = |w: &mut Writer<'_>| self.parts.iter().for_each(|part| string(w, part));
            fields.whole(1, |w| ber::around(w, ber::SEQUENCE, parts));
        });
    }
}

impl Typed {
    /// As a sequence whose first field is \[`first`\]: 0, but of PA-DATA 1.
    fn emit(&self, first: u8, w: &mut Writer<'_>) {
        sequence(w, |fields| {
            fields.integer(first, i64::from(self.kind));
            fields.add(first + 1, ber::OCTET_STRING, &self.value);
        });
    }

    fn parse(field: Element<'_>) -> Option<Self> {
        let content = view::inside(field, ber::SEQUENCE)?.content;
        let kind = view::integer(view::field(content, 0)?)?;
        Some(Self { kind, value: view::octets(view::field(content, 1))?.content.to_vec() })
    }
}

impl Cipher {
    fn parse(encrypted: Encrypted<'_>) -> Option<Self> {
        let (etype, key_version) = (encrypted.etype()?, encrypted.key_version());
        Some(Self { etype, key_version, cipher: encrypted.cipher().to_vec() })
    }

    /// The sequence, as PA-ENC-TIMESTAMP carries it, too.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|w| self.emit(w))
    }

    fn emit(&self, w: &mut Writer<'_>) {
        sequence(w, |fields| {
            fields.integer(0, i64::from(self.etype));
            if let Some(version) = self.key_version {
                fields.integer(1, i64::from(version));
            }
            fields.add(2, ber::OCTET_STRING, &self.cipher);
        });
    }
}

impl TicketParts {
    fn parse(ticket: Ticket<'_>) -> Option<Self> {
        let (realm, sname) = (ticket.realm()?.0.to_vec(), Principal::parse(ticket.sname()?)?);
        Some(Self { realm, sname, enc_part: Cipher::parse(ticket.enc_part()?)? })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        application(w, TICKET_NUMBER, |fields| {
            fields.integer(0, i64::from(VERSION));
            fields.add(1, STRING, &self.realm);
            fields.whole(2, |w| self.sname.emit(w));
            fields.whole(3, |w| self.enc_part.emit(w));
        });
    }
}

/// Appends a message of `kind`: the fields that each begins with, and its own.
fn message(w: &mut Writer<'_>, kind: u8, fill: impl FnOnce(&mut Fields<'_, '_>)) {
    application(w, kind, |fields| {
        let first = version_tag(kind) - CONTEXT;
        fields.integer(first, i64::from(VERSION));
        fields.integer(first + 1, i64::from(kind));
        fill(fields);
    });
}

fn padata(message: &Message<'_>) -> Vec<Typed> {
    let owned = |padata: super::Padata<'_>| Typed { kind: padata.kind, value: padata.value.into() };
    message.padata().map(owned).collect()
}

/// A part that may be missing but not damaged.
fn optional<T, U>(part: Option<T>, parse: impl Fn(T) -> Option<U>) -> Option<Option<U>> {
    part.map_or(Some(None), |part| parse(part).map(Some))
}

fn owned(string: Utf8<'_>) -> Vec<u8> {
    string.0.to_vec()
}

impl KdcRequest {
    fn parse(message: &Message<'_>) -> Option<Self> {
        let address =
            |address: super::Address<'_>| Typed { kind: address.kind, value: address.value.into() };
        Some(Self {
            is_logon: message.kind() == AS_REQUEST,
            padata: padata(message),
            options: message.options()?,
            cname: optional(message.cname(), Principal::parse)?,
            realm: message.realm().map(owned)?,
            sname: optional(message.sname(), Principal::parse)?,
            from: message.from().map(owned),
            till: message.till().map(owned)?,
            rtime: message.rtime().map(owned),
            nonce: message.nonce()?,
            etypes: message.etypes().collect(),
            addresses: message.addresses().map(address).collect(),
            authorization: optional(message.authorization(), Cipher::parse)?,
            tickets: message.tickets().filter_map(TicketParts::parse).collect(),
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let kind = if self.is_logon { AS_REQUEST } else { TGS_REQUEST };
        message(w, kind, |fields| {
            fields.list(3, &self.padata, |padata, w| padata.emit(1, w));
            fields.whole(4, |w| sequence(w, |body| self.fill_body(body)));
        });
    }

    /// The fields of KDC-REQ-BODY.
    fn fill_body(&self, body: &mut Fields<'_, '_>) {
        body.bits(0, self.options.0);
        if let Some(cname) = &self.cname {
            body.whole(1, |w| cname.emit(w));
        }
        body.add(2, STRING, &self.realm);
        if let Some(sname) = &self.sname {
            body.whole(3, |w| sname.emit(w));
        }
        body.optional(4, TIME, self.from.as_ref());
        body.add(5, TIME, &self.till);
        body.optional(6, TIME, self.rtime.as_ref());
        body.integer(7, i64::from(self.nonce));
        body.list(8, &self.etypes, |&etype, w| {
            Element::new(ber::INTEGER, significant(&i64::from(etype).to_be_bytes())).emit(w);
        });
        body.list(9, &self.addresses, |address, w| address.emit(0, w));
        if let Some(authorization) = &self.authorization {
            body.whole(10, |w| authorization.emit(w));
        }
        body.list(11, &self.tickets, TicketParts::emit);
    }
}

impl KdcReply {
    fn parse(message: &Message<'_>) -> Option<Self> {
        Some(Self {
            is_logon: message.kind() == AS_REPLY,
            padata: padata(message),
            crealm: message.crealm().map(owned)?,
            cname: Principal::parse(message.cname()?)?,
            ticket: TicketParts::parse(message.ticket()?)?,
            enc_part: Cipher::parse(message.enc_part()?)?,
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let kind = if self.is_logon { AS_REPLY } else { TGS_REPLY };
        message(w, kind, |fields| {
            fields.list(2, &self.padata, |padata, w| padata.emit(1, w));
            fields.add(3, STRING, &self.crealm);
            fields.whole(4, |w| self.cname.emit(w));
            fields.whole(5, |w| self.ticket.emit(w));
            fields.whole(6, |w| self.enc_part.emit(w));
        });
    }
}

impl AccessRequest {
    fn parse(message: &Message<'_>) -> Option<Self> {
        Some(Self {
            options: message.ap_options()?,
            ticket: TicketParts::parse(message.ticket()?)?,
            authenticator: Cipher::parse(message.enc_part()?)?,
        })
    }

    /// The message, as TGS-REQ and the password protocol carry it, too.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|w| self.emit(w))
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        message(w, AP_REQUEST, |fields| {
            fields.bits(2, self.options);
            fields.whole(3, |w| self.ticket.emit(w));
            fields.whole(4, |w| self.authenticator.emit(w));
        });
    }
}

impl Safe {
    fn parse(message: &Message<'_>) -> Option<Self> {
        let body = view::inside(message.field(2)?, ber::SEQUENCE)?.content;
        Some(Self {
            data: view::octets(view::field(body, 0))?.content.to_vec(),
            sender: Typed::parse(view::field(body, 4)?)?,
            checksum: Typed::parse(message.field(3)?)?,
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        message(w, SAFE, |fields| {
            let body = |body: &mut Fields<'_, '_>| {
                body.add(0, ber::OCTET_STRING, &self.data);
                body.whole(4, |w| self.sender.emit(0, w));
            };
            fields.whole(2, |w| sequence(w, body));
            fields.whole(3, |w| self.checksum.emit(0, w));
        });
    }
}

impl ErrorParts {
    fn parse(message: &Message<'_>) -> Option<Self> {
        Some(Self {
            time: message.field(4).and_then(view::string).map(owned)?,
            microseconds: view::integer(message.field(5)?)?,
            code: view::integer(message.field(6)?)?,
            crealm: message.crealm().map(owned),
            cname: optional(message.cname(), Principal::parse)?,
            realm: message.realm().map(owned)?,
            sname: Principal::parse(message.sname()?)?,
            text: message.error_text().map(owned),
            data: message.error_data().map(<[u8]>::to_vec),
        })
    }

    /// The message, as the password protocol carries it, too.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|w| self.emit(w))
    }

    fn emit(&self, w: &mut Writer<'_>) {
        message(w, ERROR, |fields| {
            fields.add(4, TIME, &self.time);
            fields.integer(5, i64::from(self.microseconds));
            fields.integer(6, i64::from(self.code));
            fields.optional(7, STRING, self.crealm.as_ref());
            if let Some(cname) = &self.cname {
                fields.whole(8, |w| cname.emit(w));
            }
            fields.add(9, STRING, &self.realm);
            fields.whole(10, |w| self.sname.emit(w));
            fields.optional(11, STRING, self.text.as_ref());
            fields.optional(12, ber::OCTET_STRING, self.data.as_ref());
        });
    }
}

/// Content of METHOD-DATA, RFC 4120 section 5.9.1: the data of error 25.
pub fn method_data(methods: &[Typed]) -> Vec<u8> {
    let all = |w: &mut Writer<'_>| methods.iter().for_each(|method| method.emit(1, w));
    encoded(|w| ber::around(w, ber::SEQUENCE, all))
}

impl PasswordParts {
    fn emit(&self, w: &mut Writer<'_>) {
        // What is longer than 16 bits say cannot be sent.
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        w.bytes(&short(PASSWORD_HEADER + self.authentication.len() + self.body.len()));
        w.bytes(&self.version.to_be_bytes());
        w.bytes(&short(self.authentication.len()));
        w.bytes(&self.authentication);
        w.bytes(&self.body);
    }
}

impl<'a> Parts<'a> {
    /// Parses what one datagram, or one record without its mark, holds.
    ///
    /// # Errors
    /// As [`Packet::parse`], or bytes missing or left over.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let packet = Packet::parse(input)?;
        packet.check(input)?;
        let parts = match packet {
            Packet::Message(message) => Self::of(&message),
            Packet::Password(password) => Some(Self::Password(PasswordParts {
                version: password.version,
                authentication: password.authentication.to_vec(),
                body: password.body.to_vec(),
            })),
        };
        // Only what is encoded as we encode it comes back as it was.
        Ok(parts.filter(|parts| parts.encode() == input).unwrap_or(Self::Whole(input)))
    }

    fn of(message: &Message<'_>) -> Option<Self> {
        let cipher = || Cipher::parse(message.enc_part()?);
        match message.kind() {
            AS_REQUEST | TGS_REQUEST => KdcRequest::parse(message).map(Self::Request),
            AS_REPLY | TGS_REPLY => KdcReply::parse(message).map(Self::Reply),
            AP_REQUEST => AccessRequest::parse(message).map(Self::Access),
            AP_REPLY => cipher().map(Self::AccessReply),
            SAFE => Safe::parse(message).map(Self::Safe),
            PRIV => cipher().map(Self::Private),
            CRED => {
                let tickets = message.tickets().filter_map(TicketParts::parse).collect();
                cipher().map(|cipher| Self::Credentials(tickets, cipher))
            }
            ERROR => ErrorParts::parse(message).map(Self::Error),
            _ => None,
        }
    }

    /// The packet without a record mark.
    pub fn encode(&self) -> Vec<u8> {
        encoded(|w| self.emit(w))
    }

    /// Appends the packet without a record mark.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Request(request) => request.emit(w),
            Self::Reply(reply) => reply.emit(w),
            Self::Access(access) => access.emit(w),
            Self::AccessReply(cipher) => {
                message(w, AP_REPLY, |fields| fields.whole(2, |w| cipher.emit(w)));
            }
            Self::Safe(safe) => safe.emit(w),
            Self::Private(cipher) => {
                message(w, PRIV, |fields| fields.whole(3, |w| cipher.emit(w)));
            }
            Self::Credentials(tickets, cipher) => message(w, CRED, |fields| {
                fields.list(2, tickets, TicketParts::emit);
                fields.whole(3, |w| cipher.emit(w));
            }),
            Self::Error(error) => error.emit(w),
            Self::Password(password) => password.emit(w),
            Self::Whole(bytes) => w.bytes(bytes),
        }
    }
}
