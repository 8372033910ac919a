//! Messages where they lie, RFC 4120 section 5, read as far as they are present.
//!
//! Each accessor looks for its field anew and passes over the others by their lengths, so it
//! takes time with what is before the field, never with how deep it nests.

use std::fmt::{self, Display, Write as _};

use super::{
    AP_REPLY, AP_REQUEST, APPLICATION, AS_REPLY, AS_REQUEST, CRED, ERROR, MESSAGE_MAX, PRIV,
    TAG_NUMBER, TGS_REPLY, TGS_REQUEST, TGT_REPLY, TGT_REQUEST, TICKET_NUMBER, VERSION, is_message,
    version_tag,
};
use crate::proto::Utf8;
use crate::wire::ber::{self, Element, Elements};
use crate::wire::{Cause, Reader, WireError};

/// Tag of a Ticket.
const TICKET: u8 = APPLICATION | TICKET_NUMBER;
/// Universal tag of a BIT STRING, X.680 section 8.6 table 1.
pub(super) const BIT_STRING: u8 = 0x03;
/// PA-DATA types that the accessors look for, RFC 4120 section 7.5.2, RFC 6113, \[MS-SFU\] 2.2.
const PA_TGS_REQ: i32 = 1;
const PA_FOR_USER: i32 = 129;
const PA_S4U_X509_USER: i32 = 130;
const PA_FX_FAST: i32 = 136;
/// Extended error, \[MS-KILE\] 2.2.1.
const KERB_AP_ERR_TYPE_EXTENDED: i32 = 3;

/// Options of a request to the KDC, RFC 4120 section 5.4.1: bit 0 is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options(pub u32);

impl Options {
    /// The ticket shall be forwardable.
    pub const FORWARDABLE: Self = Self(1 << 30);
    /// A ticket for another address is wanted.
    pub const FORWARDED: Self = Self(1 << 29);
    /// The ticket shall be renewable.
    pub const RENEWABLE: Self = Self(1 << 23);
    /// The client follows referrals, RFC 6806.
    pub const CANONICALIZE: Self = Self(1 << 16);
    /// The client is named by an additional ticket: constrained delegation, \[MS-SFU\] 2.2.3.
    pub const CNAME_IN_ADDITIONAL_TICKET: Self = Self(1 << 17);
    /// The ticket shall be encrypted in the session key of an additional one: user to user.
    pub const ENC_TKT_IN_SKEY: Self = Self(1 << 3);
    /// A renewed ticket is wanted.
    pub const RENEW: Self = Self(1 << 1);

    /// Whether every option of `wanted` is set.
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

/// A PrincipalName, RFC 4120 section 5.2.2. Shows its parts with `/` between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Name<'a> {
    /// The name whose sequence `field` holds. Part of a name is none.
    fn inside(field: Element<'a>) -> Option<Self> {
        let sequence = inside(field, ber::SEQUENCE).filter(Element::is_whole)?;
        Some(Self(sequence.content))
    }

    /// Its type, RFC 4120 section 6.2.
    pub fn kind(&self) -> Option<i32> {
        integer(field(self.0, 0)?)
    }

    /// Its parts.
    pub fn parts(&self) -> impl Iterator<Item = Utf8<'a>> + use<'a> {
        let strings = field(self.0, 1).and_then(|field| inside(field, ber::SEQUENCE));
        let content = strings.map_or(&[][..], |strings| strings.content);
        Elements::new(content).map(|part| Utf8(part.content))
    }

    /// The encoded sequence: equal names of one sender have equal bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.0
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, part) in self.parts().enumerate() {
            if place > 0 {
                f.write_char('/')?;
            }
            part.fmt(f)?;
        }
        Ok(())
    }
}

/// Pre-authentication data, RFC 4120 section 5.2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padata<'a> {
    /// Its type, see [`padata_name`](super::padata_name).
    pub kind: i32,
    /// Its value, by its type.
    pub value: &'a [u8],
}

/// An address, RFC 4120 section 5.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Its type, RFC 4120 section 7.5.3: 2 IPv4, 20 NetBIOS, 24 IPv6.
    pub kind: i32,
    /// Its value, by its type.
    pub value: &'a [u8],
}

/// Something encrypted, RFC 4120 section 5.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encrypted<'a>(&'a [u8]);

impl<'a> Encrypted<'a> {
    fn inside(field: Element<'a>) -> Option<Self> {
        inside(field, ber::SEQUENCE).map(|sequence| Self(sequence.content))
    }

    /// Encryption type, see [`etype_name`](super::etype_name).
    pub fn etype(&self) -> Option<i32> {
        integer(field(self.0, 0)?)
    }

    /// Version of the key, where it is one that outlives a session.
    pub fn key_version(&self) -> Option<i32> {
        integer(field(self.0, 1)?)
    }

    /// What is encrypted, as far as it is present.
    pub fn cipher(&self) -> &'a [u8] {
        octets(field(self.0, 2)).map_or(&[], |octets| octets.content)
    }
}

/// A ticket, RFC 4120 section 5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket<'a> {
    content: &'a [u8],
    /// Its length with tag and length octets, in bytes.
    pub bytes: usize,
}

impl<'a> Ticket<'a> {
    fn new(ticket: Element<'a>) -> Option<Self> {
        let content = inside(ticket, ber::SEQUENCE)?.content;
        let octets = ber::Header::new(ticket.tag(), ticket.length());
        Some(Self { content, bytes: octets.total_length() })
    }

    fn inside(field: Element<'a>) -> Option<Self> {
        Self::new(inside(field, TICKET)?)
    }

    /// Realm that issued it.
    pub fn realm(&self) -> Option<Utf8<'a>> {
        string(field(self.content, 1)?)
    }

    /// Service that it is for.
    pub fn sname(&self) -> Option<Name<'a>> {
        Name::inside(field(self.content, 2)?)
    }

    /// What only the service reads.
    pub fn enc_part(&self) -> Option<Encrypted<'a>> {
        Encrypted::inside(field(self.content, 3)?)
    }
}

/// A message, as far as it is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    kind: u8,
    /// Content of its sequence.
    content: &'a [u8],
    /// Content of the body of a request to the KDC, where every accessor looks; else empty.
    body: &'a [u8],
    /// All its bytes.
    bytes: &'a [u8],
}

impl<'a> Message<'a> {
    /// Looks at the message that `bytes` begin with: tags, version and type are checked. The
    /// end may be missing.
    ///
    /// # Errors
    /// Tags, version or type other than RFC 4120 says, lengths that contradict each other, or
    /// too few bytes for all that.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("kerberos::Message", bytes);
        let at = r.clone();
        let application = ber::Header::parse(&mut r, MESSAGE_MAX)?;
        let number = application.tag & TAG_NUMBER;
        if application.tag & !TAG_NUMBER != APPLICATION || !is_message(number) {
            let got = u64::from(application.tag);
            return Err(at.error(Cause::BadValue { field: "application tag", got }));
        }
        let end = bytes.len().min(application.total_length());
        let bytes = bytes.get(..end).unwrap_or(bytes);
        let at = r.clone();
        let sequence = ber::Header::expect(&mut r, ber::SEQUENCE, "sequence", MESSAGE_MAX)?;
        if sequence.total_length() != application.length {
            let (got, want) = (sequence.total_length(), application.length);
            return Err(at.error(Cause::BadLength {
                field: "sequence",
                got,
                min: want,
                max: want,
            }));
        }
        Self::within(number, sequence.length, bytes, r)
    }

    /// Looks at a message of the user-to-user mechanism, which has no application tag:
    /// draft-swift-win2k-krb-user2user-03 section 3.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_user_to_user(kind: u8, bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("kerberos::Message", bytes);
        let sequence = ber::Header::expect(&mut r, ber::SEQUENCE, "sequence", MESSAGE_MAX)?;
        let end = bytes.len().min(sequence.total_length());
        Self::within(kind, sequence.length, bytes.get(..end).unwrap_or(bytes), r)
    }

    fn within(
        kind: u8,
        length: usize,
        bytes: &'a [u8],
        mut r: Reader<'a>,
    ) -> Result<Self, WireError> {
        let present = length.min(r.peek().len());
        let mut fields = r.sub("kerberos::Message", present)?;
        let content = fields.peek();
        if !content.starts_with(&super::first_fields(kind)) {
            // In another encoding, or wrong.
            let first = version_tag(kind);
            super::constant(&mut fields, first, "pvno", VERSION)?;
            super::constant(&mut fields, first + 1, "msg-type", kind)?;
        }
        let body = match kind {
            AS_REQUEST | TGS_REQUEST => {
                field(content, 4).and_then(|field| inside(field, ber::SEQUENCE))
            }
            _ => None,
        };
        Ok(Self { kind, content, body: body.map_or(&[], |body| body.content), bytes })
    }

    /// Message type, RFC 4120 section 5.10.
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// The field tagged \[`number`\].
    pub(super) fn field(&self, number: u8) -> Option<Element<'a>> {
        field(self.content, number)
    }

    /// All bytes, as far as they are present.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Length as the message says it, in bytes.
    pub fn length(&self) -> usize {
        let header = ber::Header::parse(&mut Reader::new("", self.bytes), MESSAGE_MAX);
        header.map_or(0, |header| header.total_length())
    }

    /// Pre-authentication data of a request to the KDC or its reply.
    pub fn padata(&self) -> impl Iterator<Item = Padata<'a>> + use<'a> {
        let number = match self.kind {
            AS_REQUEST | TGS_REQUEST => Some(3),
            AS_REPLY | TGS_REPLY => Some(2),
            _ => None,
        };
        let field = number.and_then(|number| field(self.content, number));
        padata_in(field.and_then(|field| inside(field, ber::SEQUENCE)))
    }

    /// The first pre-authentication data of this type.
    pub fn padata_of(&self, kind: i32) -> Option<&'a [u8]> {
        self.padata().find(|padata| padata.kind == kind).map(|padata| padata.value)
    }

    /// Options of a request to the KDC.
    pub fn options(&self) -> Option<Options> {
        bits(field(self.body, 0)?).map(Options)
    }

    /// Options of an AP-REQ: mutual authentication is bit 2 from the highest.
    pub fn ap_options(&self) -> Option<u32> {
        if self.kind == AP_REQUEST { bits(field(self.content, 2)?) } else { None }
    }

    /// Name of the client, as far as it is not encrypted: in AS-REQ, replies and errors.
    pub fn cname(&self) -> Option<Name<'a>> {
        Name::inside(match self.kind {
            AS_REQUEST | TGS_REQUEST => field(self.body, 1)?,
            AS_REPLY | TGS_REPLY => field(self.content, 4)?,
            ERROR => field(self.content, 8)?,
            _ => return None,
        })
    }

    /// Realm of the client in a reply or error.
    pub fn crealm(&self) -> Option<Utf8<'a>> {
        string(match self.kind {
            AS_REPLY | TGS_REPLY => field(self.content, 3)?,
            ERROR => field(self.content, 7)?,
            _ => return None,
        })
    }

    /// Realm of the service, in AS-REQ also of the client.
    pub fn realm(&self) -> Option<Utf8<'a>> {
        match self.kind {
            AS_REQUEST | TGS_REQUEST => string(field(self.body, 2)?),
            ERROR => string(field(self.content, 9)?),
            TGT_REQUEST => string(field(self.content, 3)?),
            _ => self.ticket()?.realm(),
        }
    }

    /// Name of the service: of a reply, the one in its ticket.
    pub fn sname(&self) -> Option<Name<'a>> {
        match self.kind {
            AS_REQUEST | TGS_REQUEST => Name::inside(field(self.body, 3)?),
            ERROR => Name::inside(field(self.content, 10)?),
            TGT_REQUEST => Name::inside(field(self.content, 2)?),
            _ => self.ticket()?.sname(),
        }
    }

    /// Begin of the wanted ticket's life, where it is not at once.
    pub fn from(&self) -> Option<Utf8<'a>> {
        string(field(self.body, 4)?)
    }

    /// End of the wanted ticket's life, `YYYYMMDDHHMMSSZ`.
    pub fn till(&self) -> Option<Utf8<'a>> {
        string(field(self.body, 5)?)
    }

    /// Wanted end of renewals.
    pub fn rtime(&self) -> Option<Utf8<'a>> {
        string(field(self.body, 6)?)
    }

    /// Number that the reply repeats, encrypted.
    pub fn nonce(&self) -> Option<u32> {
        let number = inside(field(self.body, 7)?, ber::INTEGER)?;
        number.is_whole().then(|| number.unsigned()).flatten()
    }

    /// Encryption types that the client takes, the best first.
    pub fn etypes(&self) -> impl Iterator<Item = i32> + use<'a> {
        let list = field(self.body, 8).and_then(|field| inside(field, ber::SEQUENCE));
        Elements::new(list.map_or(&[], |list| list.content)).map_while(signed)
    }

    /// Addresses for which the ticket shall be.
    pub fn addresses(&self) -> impl Iterator<Item = Address<'a>> + use<'a> {
        let list = field(self.body, 9).and_then(|field| inside(field, ber::SEQUENCE));
        Elements::new(list.map_or(&[], |list| list.content)).filter_map(|address| {
            let kind = integer(field(address.content, 0)?)?;
            Some(Address { kind, value: octets(field(address.content, 1))?.content })
        })
    }

    /// The ticket of a reply or AP-REQ.
    pub fn ticket(&self) -> Option<Ticket<'a>> {
        Ticket::inside(match self.kind {
            AS_REPLY | TGS_REPLY => field(self.content, 5)?,
            AP_REQUEST => field(self.content, 3)?,
            TGT_REPLY => field(self.content, 2)?,
            _ => return None,
        })
    }

    /// Restrictions that the client wants in the ticket, encrypted.
    pub fn authorization(&self) -> Option<Encrypted<'a>> {
        Encrypted::inside(field(self.body, 10)?)
    }

    /// Tickets that a request adds, or that KRB-CRED hands over.
    pub fn tickets(&self) -> impl Iterator<Item = Ticket<'a>> + use<'a> {
        let field = match self.kind {
            AS_REQUEST | TGS_REQUEST => field(self.body, 11),
            CRED => field(self.content, 2),
            _ => None,
        };
        let list = field.and_then(|field| inside(field, ber::SEQUENCE));
        let elements = Elements::new(list.map_or(&[], |list| list.content));
        elements.filter(|element| element.tag() == TICKET).filter_map(Ticket::new)
    }

    /// What is encrypted for the receiver: of an AP-REQ its authenticator.
    pub fn enc_part(&self) -> Option<Encrypted<'a>> {
        Encrypted::inside(match self.kind {
            AS_REPLY | TGS_REPLY => field(self.content, 6)?,
            AP_REQUEST => field(self.content, 4)?,
            AP_REPLY => field(self.content, 2)?,
            PRIV | CRED => field(self.content, 3)?,
            _ => return None,
        })
    }

    /// Why, in KRB-ERROR; see [`error_name`](super::error_name).
    pub fn error_code(&self) -> Option<u32> {
        if self.kind != ERROR {
            return None;
        }
        integer(field(self.content, 6)?).map(i32::cast_unsigned)
    }

    /// Why in words, in KRB-ERROR.
    pub fn error_text(&self) -> Option<Utf8<'a>> {
        if self.kind == ERROR { string(field(self.content, 11)?) } else { None }
    }

    /// More about the error, by its code.
    pub fn error_data(&self) -> Option<&'a [u8]> {
        let field = if self.kind == ERROR { field(self.content, 12) } else { None };
        octets(field).map(|octets| octets.content)
    }

    /// Pre-authentication that the KDC takes: METHOD-DATA in KRB-ERROR, RFC 4120 section 5.9.1.
    pub fn error_padata(&self) -> impl Iterator<Item = Padata<'a>> + use<'a> {
        let data = self.error_data().unwrap_or_default();
        padata_in(Elements::new(data).next().filter(|list| list.tag() == ber::SEQUENCE))
    }

    /// NTSTATUS that a Windows KDC adds to an error, \[MS-KILE\] 2.2.1 and 2.2.2.
    pub fn error_status(&self) -> Option<u32> {
        let data = Elements::new(self.error_data()?).next()?;
        if integer(field(data.content, 1)?)? != KERB_AP_ERR_TYPE_EXTENDED {
            return None;
        }
        octets(field(data.content, 2))?.content.first_chunk().map(|&s| u32::from_le_bytes(s))
    }

    /// The AP-REQ with which a TGS-REQ proves its ticket, RFC 4120 section 5.2.7.1.
    pub fn ap_request(&self) -> Option<Message<'a>> {
        Message::parse(self.padata_of(PA_TGS_REQ)?).ok()
    }

    /// Whether the request is armored, RFC 6113 section 5.4.
    pub fn is_fast(&self) -> bool {
        self.padata_of(PA_FX_FAST).is_some()
    }

    /// User for whom a service asks for a ticket to itself, with realm: \[MS-SFU\] 2.2.1, 2.2.2.
    pub fn for_user(&self) -> Option<(Option<Name<'a>>, Option<Utf8<'a>>)> {
        let named = |content, name, realm| {
            (field(content, name).and_then(Name::inside), field(content, realm).and_then(string))
        };
        if let Some(value) = self.padata_of(PA_FOR_USER) {
            return Some(named(Elements::new(value).next()?.content, 0, 1));
        }
        let request = Elements::new(self.padata_of(PA_S4U_X509_USER)?).next()?;
        Some(named(inside(field(request.content, 0)?, ber::SEQUENCE)?.content, 1, 2))
    }
}

/// The field tagged \[`number`\] of a sequence.
pub(super) fn field(content: &[u8], number: u8) -> Option<Element<'_>> {
    const CONTEXT: u8 = 0xa0; // constructed, X.690 section 8.1.2
    Elements::new(content).find(|field| field.tag() == CONTEXT | number)
}

/// The first element in `outer`, which must have `tag`.
pub(super) fn inside(outer: Element<'_>, tag: u8) -> Option<Element<'_>> {
    Elements::new(outer.content).next().filter(|inner| inner.tag() == tag)
}

/// A string of any type: KerberosString and KerberosTime are restricted ones. Part of a string is
/// none.
pub(super) fn string(field: Element<'_>) -> Option<Utf8<'_>> {
    let string = Elements::new(field.content).next().filter(Element::is_whole)?;
    Some(Utf8(string.content))
}

pub(super) fn octets(field: Option<Element<'_>>) -> Option<Element<'_>> {
    inside(field?, ber::OCTET_STRING)
}

pub(super) fn integer(field: Element<'_>) -> Option<i32> {
    signed(inside(field, ber::INTEGER)?)
}

/// An Int32 or UInt32, RFC 4120 section 5.2.4: the latter may take five octets, the first zero.
fn signed(integer: Element<'_>) -> Option<i32> {
    if integer.tag() != ber::INTEGER || !integer.is_whole() {
        return None;
    }
    let (first, octets) = match integer.content {
        [0, rest @ ..] if rest.len() == 4 => (0, rest),
        [first, ..] if integer.content.len() <= 4 => (*first, integer.content),
        _ => return None,
    };
    let start = if first & 0x80 == 0 { 0 } else { -1_i32 };
    Some(octets.iter().fold(start, |value, &octet| value << 8 | i32::from(octet)))
}

/// The first 32 bits of a BIT STRING, RFC 4120 section 5.2.8.
fn bits(field: Element<'_>) -> Option<u32> {
    let string = inside(field, BIT_STRING)?;
    string.content.get(1..)?.first_chunk().map(|&bits| u32::from_be_bytes(bits))
}

/// The PA-DATA of a list.
fn padata_in<'a>(list: Option<Element<'a>>) -> impl Iterator<Item = Padata<'a>> + use<'a> {
    Elements::new(list.map_or(&[], |list| list.content)).filter_map(|padata| {
        let kind = integer(field(padata.content, 1)?)?;
        let value = octets(field(padata.content, 2)).map_or(&[][..], |value| value.content);
        Some(Padata { kind, value })
    })
}
