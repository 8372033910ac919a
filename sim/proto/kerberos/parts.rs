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

/// Content of a sequence that is being written.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    /// Appends the field \[`number`\] with an element of `tag`.
    fn add(&mut self, number: u8, tag: u8, content: &[u8]) {
        let inner = Element::new(tag, content);
        let mut w = Writer::new(&mut self.0);
        ber::Header::new(CONTEXT | number, inner.total_length()).emit(&mut w);
        inner.emit(&mut w);
    }

    /// Appends the field \[`number`\] with elements that are written already.
    fn whole(&mut self, number: u8, elements: &[u8]) {
        Element::new(CONTEXT | number, elements).emit(&mut Writer::new(&mut self.0));
    }

    fn integer(&mut self, number: u8, value: i64) {
        let octets = value.to_be_bytes();
        self.add(number, ber::INTEGER, significant(&octets));
    }

    fn bits(&mut self, number: u8, value: u32) {
        let [a, b, c, d] = value.to_be_bytes();
        self.add(number, BIT_STRING, &[0, a, b, c, d]); // no unused bits
    }

    fn list<T>(&mut self, number: u8, items: &[T], encode: impl Fn(&T) -> Vec<u8>) {
        if !items.is_empty() {
            let all: Vec<u8> = items.iter().flat_map(encode).collect();
            self.add(number, ber::SEQUENCE, &all);
        }
    }

    fn optional(&mut self, number: u8, tag: u8, content: Option<&Vec<u8>>) {
        if let Some(content) = content {
            self.add(number, tag, content);
        }
    }

    fn sequence(&self) -> Vec<u8> {
        element(ber::SEQUENCE, &self.0)
    }

    /// The sequence inside an element of the application's `number`.
    fn application(&self, number: u8) -> Vec<u8> {
        let inner = Element::new(ber::SEQUENCE, &self.0);
        let outer = ber::Header::new(APPLICATION | number, inner.total_length());
        let mut bytes = Vec::with_capacity(outer.total_length());
        let mut w = Writer::new(&mut bytes);
        outer.emit(&mut w);
        inner.emit(&mut w);
        bytes
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 4);
    Element::new(tag, content).emit(&mut Writer::new(&mut bytes));
    bytes
}

/// An INTEGER.
fn integer(value: i64) -> Vec<u8> {
    element(ber::INTEGER, significant(&value.to_be_bytes()))
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

    fn encode(&self) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.integer(0, i64::from(self.kind));
        let parts: Vec<u8> = self.parts.iter().flat_map(|part| element(STRING, part)).collect();
        fields.add(1, ber::SEQUENCE, &parts);
        fields.sequence()
    }
}

impl Typed {
    /// As a sequence whose first field is \[`first`\]: 0, but of PA-DATA 1.
    fn encode(&self, first: u8) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.integer(first, i64::from(self.kind));
        fields.add(first + 1, ber::OCTET_STRING, &self.value);
        fields.sequence()
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
        let mut fields = Fields::default();
        fields.integer(0, i64::from(self.etype));
        if let Some(version) = self.key_version {
            fields.integer(1, i64::from(version));
        }
        fields.add(2, ber::OCTET_STRING, &self.cipher);
        fields.sequence()
    }
}

impl TicketParts {
    fn parse(ticket: Ticket<'_>) -> Option<Self> {
        let (realm, sname) = (ticket.realm()?.0.to_vec(), Principal::parse(ticket.sname()?)?);
        Some(Self { realm, sname, enc_part: Cipher::parse(ticket.enc_part()?)? })
    }

    fn encode(&self) -> Vec<u8> {
        let mut fields = Fields::default();
        fields.integer(0, i64::from(VERSION));
        fields.add(1, STRING, &self.realm);
        fields.whole(2, &self.sname.encode());
        fields.whole(3, &self.enc_part.encode());
        fields.application(TICKET_NUMBER)
    }
}

/// The fields that every message begins with.
fn begin(kind: u8) -> Fields {
    let first = version_tag(kind) - CONTEXT;
    let mut fields = Fields::default();
    fields.integer(first, i64::from(VERSION));
    fields.integer(first + 1, i64::from(kind));
    fields
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

    fn encode(&self) -> Vec<u8> {
        let kind = if self.is_logon { AS_REQUEST } else { TGS_REQUEST };
        let mut fields = begin(kind);
        fields.list(3, &self.padata, |padata| padata.encode(1));
        let mut body = Fields::default();
        body.bits(0, self.options.0);
        if let Some(cname) = &self.cname {
            body.whole(1, &cname.encode());
        }
        body.add(2, STRING, &self.realm);
        if let Some(sname) = &self.sname {
            body.whole(3, &sname.encode());
        }
        body.optional(4, TIME, self.from.as_ref());
        body.add(5, TIME, &self.till);
        body.optional(6, TIME, self.rtime.as_ref());
        body.integer(7, i64::from(self.nonce));
        body.list(8, &self.etypes, |&etype| integer(i64::from(etype)));
        body.list(9, &self.addresses, |address| address.encode(0));
        if let Some(authorization) = &self.authorization {
            body.whole(10, &authorization.encode());
        }
        body.list(11, &self.tickets, TicketParts::encode);
        fields.whole(4, &body.sequence());
        fields.application(kind)
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

    fn encode(&self) -> Vec<u8> {
        let kind = if self.is_logon { AS_REPLY } else { TGS_REPLY };
        let mut fields = begin(kind);
        fields.list(2, &self.padata, |padata| padata.encode(1));
        fields.add(3, STRING, &self.crealm);
        fields.whole(4, &self.cname.encode());
        fields.whole(5, &self.ticket.encode());
        fields.whole(6, &self.enc_part.encode());
        fields.application(kind)
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
        let mut fields = begin(AP_REQUEST);
        fields.bits(2, self.options);
        fields.whole(3, &self.ticket.encode());
        fields.whole(4, &self.authenticator.encode());
        fields.application(AP_REQUEST)
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

    fn encode(&self) -> Vec<u8> {
        let (mut fields, mut body) = (begin(SAFE), Fields::default());
        body.add(0, ber::OCTET_STRING, &self.data);
        body.whole(4, &self.sender.encode(0));
        fields.whole(2, &body.sequence());
        fields.whole(3, &self.checksum.encode(0));
        fields.application(SAFE)
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
        let mut fields = begin(ERROR);
        fields.add(4, TIME, &self.time);
        fields.integer(5, i64::from(self.microseconds));
        fields.integer(6, i64::from(self.code));
        fields.optional(7, STRING, self.crealm.as_ref());
        if let Some(cname) = &self.cname {
            fields.whole(8, &cname.encode());
        }
        fields.add(9, STRING, &self.realm);
        fields.whole(10, &self.sname.encode());
        fields.optional(11, STRING, self.text.as_ref());
        fields.optional(12, ber::OCTET_STRING, self.data.as_ref());
        fields.application(ERROR)
    }
}

/// Content of METHOD-DATA, RFC 4120 section 5.9.1: the data of error 25.
pub fn method_data(methods: &[Typed]) -> Vec<u8> {
    let all: Vec<u8> = methods.iter().flat_map(|method| method.encode(1)).collect();
    element(ber::SEQUENCE, &all)
}

impl PasswordParts {
    fn encode(&self) -> Vec<u8> {
        // What is longer than 16 bits say cannot be sent.
        let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        let mut bytes = Vec::new();
        bytes.extend(short(PASSWORD_HEADER + self.authentication.len() + self.body.len()));
        bytes.extend(self.version.to_be_bytes());
        bytes.extend(short(self.authentication.len()));
        bytes.extend(&self.authentication);
        bytes.extend(&self.body);
        bytes
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
        let encrypted = |kind, number, cipher: &Cipher| {
            let mut fields = begin(kind);
            fields.whole(number, &cipher.encode());
            fields.application(kind)
        };
        match self {
            Self::Request(request) => request.encode(),
            Self::Reply(reply) => reply.encode(),
            Self::Access(access) => access.encode(),
            Self::AccessReply(cipher) => encrypted(AP_REPLY, 2, cipher),
            Self::Safe(safe) => safe.encode(),
            Self::Private(cipher) => encrypted(PRIV, 3, cipher),
            Self::Credentials(tickets, cipher) => {
                let mut fields = begin(CRED);
                fields.list(2, tickets, TicketParts::encode);
                fields.whole(3, &cipher.encode());
                fields.application(CRED)
            }
            Self::Error(error) => error.encode(),
            Self::Password(password) => password.encode(),
            Self::Whole(bytes) => bytes.to_vec(),
        }
    }
}
