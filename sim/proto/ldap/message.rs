//! Messages and their operations, RFC 4511 sections 4.1.1 to 4.13, read where they lie.

use super::filter::Filter;
use super::form::{Fields, Form, Item, List};
use crate::wire::ber::{self, Header};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Tags of the operations, RFC 4511 section 4.2 to 4.13: the application class and a number.
pub(super) mod tag {
    pub const BIND: u8 = 0x60;
    pub const BOUND: u8 = 0x61;
    pub const UNBIND: u8 = 0x42;
    pub const SEARCH: u8 = 0x63;
    pub const ENTRY: u8 = 0x64;
    pub const DONE: u8 = 0x65;
    pub const MODIFY: u8 = 0x66;
    pub const MODIFIED: u8 = 0x67;
    pub const ADD: u8 = 0x68;
    pub const ADDED: u8 = 0x69;
    pub const DELETE: u8 = 0x4a;
    pub const DELETED: u8 = 0x6b;
    pub const RENAME: u8 = 0x6c;
    pub const RENAMED: u8 = 0x6d;
    pub const COMPARE: u8 = 0x6e;
    pub const COMPARED: u8 = 0x6f;
    pub const ABANDON: u8 = 0x50;
    pub const REFERENCE: u8 = 0x73;
    pub const EXTENDED: u8 = 0x77;
    pub const EXTENDED_DONE: u8 = 0x78;
    pub const INTERMEDIATE: u8 = 0x79;
}

/// Tag of the controls, RFC 4511 section 4.1.11.
const CONTROLS: u8 = 0xa0;
/// Tag of referrals in a result, section 4.1.9.
const REFERRAL: u8 = 0xa3;
/// Tags inside operations of their own: sections 4.2 and 4.2.2, 4.9, 4.12, 4.13.
const SIMPLE: u8 = 0x80;
const SASL: u8 = 0xa3;
const SERVER_CREDENTIALS: u8 = 0x87;
const NEW_SUPERIOR: u8 = 0x80;
const NAME: u8 = 0x80;
const VALUE: u8 = 0x81;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

/// One message, RFC 4511 section 4.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// How its lengths are written.
    pub form: Form,
    /// Number that the answers to a request repeat.
    pub id: u32,
    /// What it asks or answers.
    pub operation: Operation<'a>,
    /// Controls, in order.
    pub controls: Option<List<'a, Control<'a>>>,
}

/// What a message asks or answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation<'a> {
    /// Section 4.2.
    BindRequest(BindRequest<'a>),
    /// Section 4.2.2.
    BindResponse(BindResponse<'a>),
    /// Section 4.3.
    UnbindRequest,
    /// Section 4.5.1.
    SearchRequest(SearchRequest<'a>),
    /// Section 4.5.2.
    SearchResultEntry(Entry<'a>),
    /// Section 4.5.2.
    SearchResultDone(Outcome<'a>),
    /// Section 4.5.3: where else to look.
    SearchResultReference(List<'a, &'a [u8]>),
    /// Section 4.6.
    ModifyRequest {
        /// The object.
        object: &'a [u8],
        /// What changes.
        changes: List<'a, Change<'a>>,
    },
    /// Section 4.6.
    ModifyResponse(Outcome<'a>),
    /// Section 4.7.
    AddRequest(Entry<'a>),
    /// Section 4.7.
    AddResponse(Outcome<'a>),
    /// Section 4.8: the object.
    DeleteRequest(&'a [u8]),
    /// Section 4.8.
    DeleteResponse(Outcome<'a>),
    /// Section 4.9.
    RenameRequest(RenameRequest<'a>),
    /// Section 4.9.
    RenameResponse(Outcome<'a>),
    /// Section 4.10.
    CompareRequest {
        /// The object.
        object: &'a [u8],
        /// Attribute description.
        attribute: &'a [u8],
        /// What its value may be.
        value: &'a [u8],
    },
    /// Section 4.10.
    CompareResponse(Outcome<'a>),
    /// Section 4.11: the message that needs no answer any more.
    AbandonRequest(u32),
    /// Section 4.12.
    ExtendedRequest {
        /// Object identifier of the operation.
        name: &'a [u8],
        /// What it needs.
        value: Option<&'a [u8]>,
    },
    /// Section 4.12.
    ExtendedResponse {
        /// The result.
        outcome: Outcome<'a>,
        /// Object identifier of the response.
        name: Option<&'a [u8]>,
        /// What it says.
        value: Option<&'a [u8]>,
    },
    /// Section 4.13.
    IntermediateResponse {
        /// Object identifier of the response.
        name: Option<&'a [u8]>,
        /// What it says.
        value: Option<&'a [u8]>,
    },
}

/// Who wants to be known as whom, section 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// Version of the protocol, 3.
    pub version: u32,
    /// Name, empty for SASL: a DN, a UPN or `DOMAIN\user`.
    pub name: &'a [u8],
    /// The proof.
    pub authentication: Authentication<'a>,
}

/// The proof of a bind, section 4.2 and \[MS-ADTS\] section 5.1.1.1.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// A password in the clear.
    Simple(Secret<'a>),
    /// RFC 4422.
    Sasl {
        /// Name of the mechanism.
        mechanism: &'a [u8],
        /// Its token.
        credentials: Option<&'a [u8]>,
    },
    /// NTLM without SASL (Sicily), or something not known: the tag and the token.
    Other(u8, &'a [u8]),
}

/// A password: there to be written, never to be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret<'a>(pub &'a [u8]);

impl std::fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(empty)" } else { "Secret" })
    }
}

/// What became of a bind, section 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindResponse<'a> {
    /// The result. Sicily puts its token where the matched name is.
    pub outcome: Outcome<'a>,
    /// Token of the SASL mechanism.
    pub credentials: Option<&'a [u8]>,
}

/// What became of a request (LDAPResult), section 4.1.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// Result code.
    pub code: u32,
    /// How far the name led.
    pub matched: &'a [u8],
    /// Text for people.
    pub diagnostic: &'a [u8],
    /// Where else to ask.
    pub referral: Option<List<'a, &'a [u8]>>,
}

/// What is looked for, section 4.5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchRequest<'a> {
    /// Object to begin at, empty for the root.
    pub base: &'a [u8],
    /// How far below, see [`scope`](super::names::scope).
    pub scope: u32,
    /// What to do with aliases.
    pub aliases: u32,
    /// Entries wanted at most, 0 for any number.
    pub size_limit: u32,
    /// Seconds to take at most, 0 for any number.
    pub time_limit_seconds: u32,
    /// Whether only the names of attributes are wanted.
    pub types_only: bool,
    /// Which objects.
    pub filter: Filter<'a>,
    /// Which attributes, none for all.
    pub attributes: List<'a, &'a [u8]>,
}

/// An object with attributes: found, section 4.5.2, or to be added, section 4.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Its attributes.
    pub attributes: List<'a, Attribute<'a>>,
}

/// An attribute with its values, section 4.1.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Attribute description.
    pub name: &'a [u8],
    /// The values.
    pub values: List<'a, &'a [u8]>,
}

/// One change of an object, section 4.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change<'a> {
    /// 0 adds values, 1 deletes them, 2 replaces all, 3 increments (RFC 4525).
    pub operation: u32,
    /// The attribute.
    pub attribute: Attribute<'a>,
}

/// An object renamed or moved, section 4.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenameRequest<'a> {
    /// The object.
    pub object: &'a [u8],
    /// Its new name below its parent.
    pub new_name: &'a [u8],
    /// Whether the values of the old name go.
    pub deletes_old: bool,
    /// Its new parent.
    pub new_superior: Option<&'a [u8]>,
}

/// Something beside the operation, section 4.1.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control<'a> {
    /// Object identifier.
    pub oid: &'a [u8],
    /// Whether it must be obeyed.
    pub is_critical: bool,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Takes one message from the front of `r`.
    ///
    /// # Errors
    /// Tags other than RFC 4511 says, or lengths that do not fit.
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = Header::expect(r, ber::SEQUENCE, "LDAPMessage", super::MESSAGE_MAX)?;
        let content = r.sub("ldap::Message", envelope.length)?;
        Self::read(envelope, Fields::new(content, false))
    }

    /// Reads what is there of one message, the rest of `r`: names at its end may be clipped,
    /// what is behind is empty.
    ///
    /// # Errors
    /// As [`Message::parse`], where not even the fixed parts are there.
    pub fn parse_cut(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let envelope = Header::expect(r, ber::SEQUENCE, "LDAPMessage", super::MESSAGE_MAX)?;
        let present = envelope.length.min(r.peek().len());
        let is_cut = present < envelope.length;
        Self::read(envelope, Fields::new(r.sub("ldap::Message", present)?, is_cut))
    }

    fn read(envelope: Header, mut fields: Fields<'a>) -> Result<Self, WireError> {
        let id = fields.number(ber::INTEGER, "messageID")?;
        let operation = Operation::parse(&mut fields)?;
        let controls = fields.optional(CONTROLS)?.map(List::Encoded);
        Ok(Self { form: Form::of(envelope), id, operation, controls })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let Self { form, id, operation, controls } = *self;
        form.around(w, ber::SEQUENCE, |w| {
            form.number(w, ber::INTEGER, id);
            operation.emit(form, w);
            if let Some(controls) = controls {
                controls.emit(form, w, CONTROLS);
            }
        });
    }
}

impl<'a> Operation<'a> {
    /// Takes one operation.
    ///
    /// # Errors
    /// A tag of none, or fields other than the specification says.
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        let at = fields.clone();
        let is_cut = fields.is_cut();
        let (header, content) = fields.any()?;
        let is_cut = is_cut && content.len() < header.length;
        let mut f = Fields::new(Reader::new("ldap::Operation", content), is_cut);
        Ok(match header.tag {
            tag::BIND => Self::BindRequest(BindRequest::parse(&mut f)?),
            tag::BOUND => Self::BindResponse(BindResponse {
                outcome: Outcome::parse(&mut f)?,
                credentials: f.optional(SERVER_CREDENTIALS)?,
            }),
            tag::UNBIND => Self::UnbindRequest,
            tag::SEARCH => Self::SearchRequest(SearchRequest::parse(&mut f)?),
            tag::ENTRY => Self::SearchResultEntry(Entry::parse(&mut f)?),
            tag::DONE => Self::SearchResultDone(Outcome::parse(&mut f)?),
            tag::REFERENCE => Self::SearchResultReference(List::Encoded(content)),
            tag::MODIFY => Self::ModifyRequest {
                object: f.string("object")?,
                changes: List::Encoded(f.element(ber::SEQUENCE, "changes")?),
            },
            tag::MODIFIED => Self::ModifyResponse(Outcome::parse(&mut f)?),
            tag::ADD => Self::AddRequest(Entry::parse(&mut f)?),
            tag::ADDED => Self::AddResponse(Outcome::parse(&mut f)?),
            tag::DELETE => Self::DeleteRequest(content),
            tag::DELETED => Self::DeleteResponse(Outcome::parse(&mut f)?),
            tag::RENAME => Self::RenameRequest(RenameRequest::parse(&mut f)?),
            tag::RENAMED => Self::RenameResponse(Outcome::parse(&mut f)?),
            tag::COMPARE => Self::parse_compare(&mut f)?,
            tag::COMPARED => Self::CompareResponse(Outcome::parse(&mut f)?),
            tag::ABANDON => Self::AbandonRequest(at.clone().number(tag::ABANDON, "MessageID")?),
            tag::EXTENDED => Self::ExtendedRequest {
                name: f.element(NAME, "requestName")?,
                value: f.optional(VALUE)?,
            },
            tag::EXTENDED_DONE => Self::ExtendedResponse {
                outcome: Outcome::parse(&mut f)?,
                name: f.optional(RESPONSE_NAME)?,
                value: f.optional(RESPONSE_VALUE)?,
            },
            tag::INTERMEDIATE => {
                Self::IntermediateResponse { name: f.optional(NAME)?, value: f.optional(VALUE)? }
            }
            got => {
                let got = u64::from(got);
                return Err(at.error(Cause::BadValue { field: "protocolOp", got }));
            }
        })
    }

    fn parse_compare(f: &mut Fields<'a>) -> Result<Self, WireError> {
        let object = f.string("entry")?;
        let is_cut = f.is_cut();
        let assertion = f.element(ber::SEQUENCE, "ava")?;
        let mut f = Fields::new(Reader::new("ldap::Operation", assertion), is_cut);
        let (attribute, value) = (f.string("attributeDesc")?, f.string("assertionValue")?);
        Ok(Self::CompareRequest { object, attribute, value })
    }

    /// Appends the operation.
    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        let tag = self.tag();
        match *self {
            Self::UnbindRequest => form.element(w, tag, &[]),
            Self::DeleteRequest(object) => form.element(w, tag, object),
            Self::AbandonRequest(id) => form.number(w, tag, id),
            Self::SearchResultReference(uris) => uris.emit(form, w, tag),
            _ => form.around(w, tag, |w| self.emit_fields(form, w)),
        }
    }

    /// Appends the fields of an operation that is a sequence.
    fn emit_fields(&self, form: Form, w: &mut Writer<'_>) {
        match *self {
            Self::BindRequest(ref request) => request.emit(form, w),
            Self::BindResponse(BindResponse { outcome, credentials }) => {
                outcome.emit(form, w);
                emit_optional(form, w, SERVER_CREDENTIALS, credentials);
            }
            Self::SearchRequest(ref request) => request.emit(form, w),
            Self::SearchResultEntry(entry) | Self::AddRequest(entry) => entry.emit(form, w),
            Self::SearchResultDone(outcome)
            | Self::ModifyResponse(outcome)
            | Self::AddResponse(outcome)
            | Self::DeleteResponse(outcome)
            | Self::RenameResponse(outcome)
            | Self::CompareResponse(outcome) => outcome.emit(form, w),
            Self::ModifyRequest { object, changes } => {
                form.string(w, object);
                changes.emit(form, w, ber::SEQUENCE);
            }
            Self::RenameRequest(ref request) => request.emit(form, w),
            Self::CompareRequest { object, attribute, value } => {
                form.string(w, object);
                form.around(w, ber::SEQUENCE, |w| {
                    form.string(w, attribute);
                    form.string(w, value);
                });
            }
            Self::ExtendedRequest { name, value } => {
                form.element(w, NAME, name);
                emit_optional(form, w, VALUE, value);
            }
            Self::ExtendedResponse { outcome, name, value } => {
                outcome.emit(form, w);
                emit_optional(form, w, RESPONSE_NAME, name);
                emit_optional(form, w, RESPONSE_VALUE, value);
            }
            Self::IntermediateResponse { name, value } => {
                emit_optional(form, w, NAME, name);
                emit_optional(form, w, VALUE, value);
            }
            // Not sequences: `emit` has written them.
            Self::UnbindRequest
            | Self::DeleteRequest(_)
            | Self::AbandonRequest(_)
            | Self::SearchResultReference(_) => {}
        }
    }

    /// Its identifier octet.
    pub const fn tag(&self) -> u8 {
        match self {
            Self::BindRequest(_) => tag::BIND,
            Self::BindResponse(_) => tag::BOUND,
            Self::UnbindRequest => tag::UNBIND,
            Self::SearchRequest(_) => tag::SEARCH,
            Self::SearchResultEntry(_) => tag::ENTRY,
            Self::SearchResultDone(_) => tag::DONE,
            Self::SearchResultReference(_) => tag::REFERENCE,
            Self::ModifyRequest { .. } => tag::MODIFY,
            Self::ModifyResponse(_) => tag::MODIFIED,
            Self::AddRequest(_) => tag::ADD,
            Self::AddResponse(_) => tag::ADDED,
            Self::DeleteRequest(_) => tag::DELETE,
            Self::DeleteResponse(_) => tag::DELETED,
            Self::RenameRequest(_) => tag::RENAME,
            Self::RenameResponse(_) => tag::RENAMED,
            Self::CompareRequest { .. } => tag::COMPARE,
            Self::CompareResponse(_) => tag::COMPARED,
            Self::AbandonRequest(_) => tag::ABANDON,
            Self::ExtendedRequest { .. } => tag::EXTENDED,
            Self::ExtendedResponse { .. } => tag::EXTENDED_DONE,
            Self::IntermediateResponse { .. } => tag::INTERMEDIATE,
        }
    }

    /// Number of the operation, RFC 4511 appendix B: 0 for a bind request to 25.
    pub const fn number(&self) -> u32 {
        (self.tag() & 0x1f) as u32
    }

    /// The result, where the operation has one.
    pub const fn outcome(&self) -> Option<&Outcome<'a>> {
        match self {
            Self::BindResponse(BindResponse { outcome, .. })
            | Self::SearchResultDone(outcome)
            | Self::ModifyResponse(outcome)
            | Self::AddResponse(outcome)
            | Self::DeleteResponse(outcome)
            | Self::RenameResponse(outcome)
            | Self::CompareResponse(outcome)
            | Self::ExtendedResponse { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

    /// Whether a server sends it in answer to a request.
    pub const fn is_answer(&self) -> bool {
        self.outcome().is_some()
            || matches!(
                self,
                Self::SearchResultEntry(_)
                    | Self::SearchResultReference(_)
                    | Self::IntermediateResponse { .. }
            )
    }
}

fn emit_optional(form: Form, w: &mut Writer<'_>, tag: u8, value: Option<&[u8]>) {
    if let Some(value) = value {
        form.element(w, tag, value);
    }
}

impl<'a> BindRequest<'a> {
    fn parse(f: &mut Fields<'a>) -> Result<Self, WireError> {
        let version = f.number(ber::INTEGER, "version")?;
        let name = f.string("name")?;
        let is_cut = f.is_cut();
        if is_cut && f.is_empty() {
            // Which proof would have followed is not known.
            return Ok(Self { version, name, authentication: Authentication::Other(0, &[]) });
        }
        let (header, content) = f.any()?;
        let authentication = match header.tag {
            SIMPLE => Authentication::Simple(Secret(content)),
            SASL => {
                let mut f = Fields::new(Reader::new("ldap::Sasl", content), is_cut);
                let (mechanism, credentials) =
                    (f.string("mechanism")?, f.optional(ber::OCTET_STRING)?);
                Authentication::Sasl { mechanism, credentials }
            }
            tag => Authentication::Other(tag, content),
        };
        Ok(Self { version, name, authentication })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.number(w, ber::INTEGER, self.version);
        form.string(w, self.name);
        match self.authentication {
            Authentication::Simple(Secret(password)) => form.element(w, SIMPLE, password),
            Authentication::Sasl { mechanism, credentials } => form.around(w, SASL, |w| {
                form.string(w, mechanism);
                emit_optional(form, w, ber::OCTET_STRING, credentials);
            }),
            Authentication::Other(tag, token) => form.element(w, tag, token),
        }
    }
}

impl<'a> Outcome<'a> {
    /// A result with a code and nothing else.
    pub const fn new(code: u32) -> Self {
        Self { code, matched: &[], diagnostic: &[], referral: None }
    }

    fn parse(f: &mut Fields<'a>) -> Result<Self, WireError> {
        Ok(Self {
            code: f.number(ber::ENUMERATED, "resultCode")?,
            matched: f.string("matchedDN")?,
            diagnostic: f.string("diagnosticMessage")?,
            referral: f.optional(REFERRAL)?.map(List::Encoded),
        })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.number(w, ber::ENUMERATED, self.code);
        form.string(w, self.matched);
        form.string(w, self.diagnostic);
        if let Some(referral) = self.referral {
            referral.emit(form, w, REFERRAL);
        }
    }
}

impl<'a> SearchRequest<'a> {
    fn parse(f: &mut Fields<'a>) -> Result<Self, WireError> {
        Ok(Self {
            base: f.string("baseObject")?,
            scope: f.number(ber::ENUMERATED, "scope")?,
            aliases: f.number(ber::ENUMERATED, "derefAliases")?,
            size_limit: f.number(ber::INTEGER, "sizeLimit")?,
            time_limit_seconds: f.number(ber::INTEGER, "timeLimit")?,
            types_only: f.boolean(ber::BOOLEAN, "typesOnly")?,
            filter: Filter::Encoded(if f.is_cut() && f.is_empty() { &[] } else { f.whole()? }),
            attributes: List::Encoded(f.element(ber::SEQUENCE, "attributes")?),
        })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.string(w, self.base);
        form.number(w, ber::ENUMERATED, self.scope);
        form.number(w, ber::ENUMERATED, self.aliases);
        form.number(w, ber::INTEGER, self.size_limit);
        form.number(w, ber::INTEGER, self.time_limit_seconds);
        form.boolean(w, ber::BOOLEAN, self.types_only);
        self.filter.emit(form, w);
        self.attributes.emit(form, w, ber::SEQUENCE);
    }
}

impl<'a> Entry<'a> {
    fn parse(f: &mut Fields<'a>) -> Result<Self, WireError> {
        let name = f.string("objectName")?;
        Ok(Self { name, attributes: List::Encoded(f.element(ber::SEQUENCE, "attributes")?) })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.string(w, self.name);
        self.attributes.emit(form, w, ber::SEQUENCE);
    }
}

impl<'a> RenameRequest<'a> {
    fn parse(f: &mut Fields<'a>) -> Result<Self, WireError> {
        Ok(Self {
            object: f.string("entry")?,
            new_name: f.string("newrdn")?,
            deletes_old: f.boolean(ber::BOOLEAN, "deleteoldrdn")?,
            new_superior: f.optional(NEW_SUPERIOR)?,
        })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.string(w, self.object);
        form.string(w, self.new_name);
        form.boolean(w, ber::BOOLEAN, self.deletes_old);
        emit_optional(form, w, NEW_SUPERIOR, self.new_superior);
    }
}

impl<'a> Item<'a> for Attribute<'a> {
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        let content = fields.element(ber::SEQUENCE, "attribute")?;
        let mut f = Fields::of("ldap::Attribute", content);
        let name = f.string("type")?;
        Ok(Self { name, values: List::Encoded(f.element(ber::SET, "vals")?) })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.around(w, ber::SEQUENCE, |w| {
            form.string(w, self.name);
            self.values.emit(form, w, ber::SET);
        });
    }
}

impl<'a> Item<'a> for Change<'a> {
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        let content = fields.element(ber::SEQUENCE, "change")?;
        let mut f = Fields::of("ldap::Change", content);
        let operation = f.number(ber::ENUMERATED, "operation")?;
        Ok(Self { operation, attribute: Attribute::parse(&mut f)? })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.around(w, ber::SEQUENCE, |w| {
            form.number(w, ber::ENUMERATED, self.operation);
            self.attribute.emit(form, w);
        });
    }
}

impl<'a> Item<'a> for Control<'a> {
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        let content = fields.element(ber::SEQUENCE, "control")?;
        let mut f = Fields::of("ldap::Control", content);
        let oid = f.string("controlType")?;
        let is_critical =
            f.peek() == Some(ber::BOOLEAN) && f.boolean(ber::BOOLEAN, "criticality")?;
        Ok(Self { oid, is_critical, value: f.optional(ber::OCTET_STRING)? })
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.around(w, ber::SEQUENCE, |w| {
            form.string(w, self.oid);
            if self.is_critical {
                form.boolean(w, ber::BOOLEAN, true);
            }
            emit_optional(form, w, ber::OCTET_STRING, self.value);
        });
    }
}
