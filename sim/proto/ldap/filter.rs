//! Search filters, RFC 4511 section 4.5.1.7, and their string form, RFC 4515.
//!
//! A filter is a tree. It is read as a row of parts, each bracket closed by a part of its own,
//! so that neither reading nor writing needs recursion.

use std::fmt::{self, Display, Write as _};

use super::form::{Fields, Form, Item, List};
use crate::wire::ber::{self, Header};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Brackets open at a time. Ours: far more than anybody writes, and the walk's only memory.
pub const DEPTH_MAX: usize = 64;
/// Encoded bytes of a filter that are shown at most, ours; the rest shows as an ellipsis.
const SHOWN_MAX: usize = 4_096;

/// Tags of the choices, RFC 4511 section 4.5.1.
const AND: u8 = 0xa0;
const OR: u8 = 0xa1;
const NOT: u8 = 0xa2;
const EQUALITY: u8 = 0xa3;
const SUBSTRINGS: u8 = 0xa4;
const GREATER_OR_EQUAL: u8 = 0xa5;
const LESS_OR_EQUAL: u8 = 0xa6;
const PRESENT: u8 = 0x87;
const APPROXIMATE: u8 = 0xa8;
const EXTENSIBLE: u8 = 0xa9;

/// Attributes whose values open doors: passwords, their hashes and histories, \[MS-ADTS\]
/// section 3.1.1.3.1.5, and what LAPS keeps. Their values are not shown.
const SECRETS: [&str; 10] = [
    "userPassword",
    "unicodePwd",
    "clearTextPassword",
    "dBCSPwd",
    "ntPwdHistory",
    "lmPwdHistory",
    "supplementalCredentials",
    "ms-Mcs-AdmPwd",
    "msLAPS-Password",
    "msLAPS-EncryptedPassword",
];

/// A filter: as it was received, or made of a caller's parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter<'a> {
    /// The element, header included, in bytes as they lie.
    Encoded(&'a [u8]),
    /// What to write.
    Parts(&'a [Part<'a>]),
}

/// A bracket or a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A bracket opens.
    Open(Set),
    /// The bracket that was opened last closes.
    Close,
    /// The attribute compared with a value.
    Compare {
        /// How.
        by: Comparison,
        /// Attribute description.
        attribute: &'a [u8],
        /// Assertion value.
        value: &'a [u8],
    },
    /// The attribute has any value.
    Present(&'a [u8]),
    /// The attribute contains pieces.
    Substrings {
        /// Attribute description.
        attribute: &'a [u8],
        /// What it contains, in order.
        pieces: List<'a, Piece<'a>>,
    },
    /// A matching rule, e.g. the bitwise ones of \[MS-ADTS\] section 3.1.1.3.4.4.
    Extensible {
        /// Object identifier of the rule.
        rule: Option<&'a [u8]>,
        /// Attribute description.
        attribute: Option<&'a [u8]>,
        /// Assertion value.
        value: &'a [u8],
        /// Whether the parts of the entry's name count as attributes.
        is_of_name: bool,
    },
}

/// What a bracket says about what is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// All are true.
    And,
    /// One is true.
    Or,
    /// It is not true.
    Not,
}

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `<=`
    LessOrEqual,
    /// `~=`
    Approximate,
}

/// A piece of a substring condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// At the beginning.
    Initial(&'a [u8]),
    /// Anywhere behind.
    Any(&'a [u8]),
    /// At the end.
    Final(&'a [u8]),
}

impl<'a> Filter<'a> {
    /// The parts in order, up to an error.
    pub fn parts(&self) -> Parts<'a> {
        let (encoded, own): (&[u8], &[_]) = match *self {
            Self::Encoded(element) => (element, &[]),
            Self::Parts(parts) => (&[], parts),
        };
        Parts { r: Reader::new("ldap::Filter", encoded), ends: [0; DEPTH_MAX], depth: 0, own }
    }

    /// Reads the filter to its end.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), WireError> {
        self.parts().try_for_each(|part| part.map(|_| ()))
    }

    /// The value that `attribute` is compared with for equality, the first if several.
    pub fn equal_to(&self, attribute: &str) -> Option<&'a [u8]> {
        self.parts().map_while(Result::ok).find_map(|part| match part {
            Part::Compare { by: Comparison::Equal, attribute: name, value }
                if name.eq_ignore_ascii_case(attribute.as_bytes()) =>
            {
                Some(value)
            }
            _ => None,
        })
    }

    /// Appends the filter; a bracket that the parts leave open closes at the end.
    pub fn emit(&self, form: Form, w: &mut Writer<'_>) {
        let mut open: Vec<(u8, Vec<u8>)> = Vec::new();
        let mut closed = Vec::new();
        for part in self.parts().map_while(Result::ok) {
            match part {
                Part::Open(set) => open.push((set.tag(), Vec::new())),
                Part::Close => close(&mut open, &mut closed, form),
                leaf => {
                    let into = open.last_mut().map_or(&mut closed, |(_, content)| content);
                    leaf.emit(form, &mut Writer::new(into));
                }
            }
        }
        while !open.is_empty() {
            close(&mut open, &mut closed, form);
        }
        w.bytes(&closed);
    }
}

/// Closes the last bracket of `open` into the one around it.
fn close(open: &mut Vec<(u8, Vec<u8>)>, closed: &mut Vec<u8>, form: Form) {
    if let Some((tag, content)) = open.pop() {
        let into = open.last_mut().map_or(closed, |(_, content)| content);
        form.element(&mut Writer::new(into), tag, &content);
    }
}

/// See [`Filter::parts`].
#[derive(Debug, Clone)]
pub struct Parts<'a> {
    r: Reader<'a>,
    /// Where the open brackets end, offsets in bytes.
    ends: [usize; DEPTH_MAX],
    depth: usize,
    own: &'a [Part<'a>],
}

impl<'a> Parts<'a> {
    fn end(&self) -> Option<usize> {
        self.ends.get(self.depth.checked_sub(1)?).copied()
    }

    fn read(&mut self) -> Result<Part<'a>, WireError> {
        let at = self.r.clone();
        let end = self.end().unwrap_or(usize::MAX);
        let header = Header::parse(&mut self.r, end.saturating_sub(at.offset()))?;
        let begin = self.r.offset();
        if begin.saturating_add(header.length) > end {
            let (need, have) = (header.length, end.saturating_sub(begin));
            return Err(at.error(Cause::Truncated { need, have }));
        }
        let Some(set) = Set::of(header.tag) else {
            let content = self.r.sub("ldap::Filter", header.length)?;
            return Part::condition(header.tag, content, &at);
        };
        if header.length > self.r.peek().len() {
            let (need, have) = (header.length, self.r.peek().len());
            return Err(self.r.error(Cause::Truncated { need, have }));
        }
        let Some(slot) = self.ends.get_mut(self.depth) else {
            let (got, max) = (self.depth + 1, DEPTH_MAX);
            return Err(at.error(Cause::BadLength { field: "filter depth", got, min: 0, max }));
        };
        *slot = begin + header.length;
        self.depth += 1;
        Ok(Part::Open(set))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((first, rest)) = self.own.split_first() {
            self.own = rest;
            return Some(Ok(*first));
        }
        if self.end() == Some(self.r.offset()) {
            self.depth -= 1;
            return Some(Ok(Part::Close));
        }
        if self.r.is_empty() {
            return None;
        }
        let part = self.read();
        if part.is_err() {
            (self.r, self.depth) = (Reader::new("ldap::Filter", &[]), 0);
        }
        Some(part)
    }
}

impl<'a> Part<'a> {
    /// Reads a condition. `at` is where its header is.
    fn condition(tag: u8, content: Reader<'a>, at: &Reader<'a>) -> Result<Self, WireError> {
        if tag == PRESENT {
            return Ok(Self::Present(content.peek()));
        }
        let mut fields = Fields::new(content, false);
        if tag == EXTENSIBLE {
            return Ok(Self::Extensible {
                rule: fields.optional(0x81)?,
                attribute: fields.optional(0x82)?,
                value: fields.element(0x83, "matchValue")?,
                is_of_name: fields.peek() == Some(0x84) && fields.boolean(0x84, "dnAttributes")?,
            });
        }
        if tag == SUBSTRINGS {
            let attribute = fields.string("type")?;
            let pieces = List::Encoded(fields.element(ber::SEQUENCE, "substrings")?);
            return Ok(Self::Substrings { attribute, pieces });
        }
        let by = match tag {
            EQUALITY => Comparison::Equal,
            GREATER_OR_EQUAL => Comparison::GreaterOrEqual,
            LESS_OR_EQUAL => Comparison::LessOrEqual,
            APPROXIMATE => Comparison::Approximate,
            _ => return Err(at.error(Cause::BadValue { field: "filter", got: u64::from(tag) })),
        };
        let attribute = fields.string("attributeDesc")?;
        Ok(Self::Compare { by, attribute, value: fields.string("assertionValue")? })
    }

    /// Appends a condition; a bracket appends nothing.
    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        match *self {
            Self::Open(_) | Self::Close => {}
            Self::Compare { by, attribute, value } => form.around(w, by.tag(), |w| {
                form.string(w, attribute);
                form.string(w, value);
            }),
            Self::Present(attribute) => form.element(w, PRESENT, attribute),
            Self::Substrings { attribute, pieces } => form.around(w, SUBSTRINGS, |w| {
                form.string(w, attribute);
                pieces.emit(form, w, ber::SEQUENCE);
            }),
            Self::Extensible { rule, attribute, value, is_of_name } => {
                form.around(w, EXTENSIBLE, |w| {
                    for (tag, name) in [(0x81, rule), (0x82, attribute), (0x83, Some(value))] {
                        if let Some(name) = name {
                            form.element(w, tag, name);
                        }
                    }
                    if is_of_name {
                        form.boolean(w, 0x84, true);
                    }
                });
            }
        }
    }
}

impl Set {
    const fn of(tag: u8) -> Option<Self> {
        match tag {
            AND => Some(Self::And),
            OR => Some(Self::Or),
            NOT => Some(Self::Not),
            _ => None,
        }
    }

    const fn tag(self) -> u8 {
        match self {
            Self::And => AND,
            Self::Or => OR,
            Self::Not => NOT,
        }
    }
}

impl Comparison {
    const fn tag(self) -> u8 {
        match self {
            Self::Equal => EQUALITY,
            Self::GreaterOrEqual => GREATER_OR_EQUAL,
            Self::LessOrEqual => LESS_OR_EQUAL,
            Self::Approximate => APPROXIMATE,
        }
    }

    const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
            Self::Approximate => "~=",
        }
    }
}

impl<'a> Item<'a> for Piece<'a> {
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        let at = fields.clone();
        let (header, value) = fields.any()?;
        match header.tag {
            0x80 => Ok(Self::Initial(value)),
            0x81 => Ok(Self::Any(value)),
            0x82 => Ok(Self::Final(value)),
            tag => Err(at.error(Cause::BadValue { field: "substring", got: u64::from(tag) })),
        }
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        match self {
            Self::Initial(value) => form.element(w, 0x80, value),
            Self::Any(value) => form.element(w, 0x81, value),
            Self::Final(value) => form.element(w, 0x82, value),
        }
    }
}

/// The string form of RFC 4515, values of [secret](is_secret) attributes left out; what is
/// malformed or too long ends in an ellipsis.
impl Display for Filter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = self.parts();
        while let Some(part) = parts.next() {
            match part {
                Ok(part) if parts.r.offset() <= SHOWN_MAX => write!(f, "{part}")?,
                _ => return f.write_char('\u{2026}'),
            }
        }
        Ok(())
    }
}

impl Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Open(Set::And) => f.write_str("(&"),
            Self::Open(Set::Or) => f.write_str("(|"),
            Self::Open(Set::Not) => f.write_str("(!"),
            Self::Close => f.write_char(')'),
            Self::Present(attribute) => write!(f, "({}=*)", Value(attribute)),
            Self::Compare { by, attribute, value } => {
                write!(f, "({}{}{})", Value(attribute), by.sign(), Shown(attribute, value))
            }
            Self::Substrings { attribute, pieces } => {
                write!(f, "({}=", Value(attribute))?;
                let mut is_last = false;
                for (index, piece) in pieces.iter().enumerate() {
                    let (Piece::Initial(value) | Piece::Any(value) | Piece::Final(value)) = piece;
                    // An initial piece is without an asterisk only where it comes first.
                    if index > 0 || !matches!(piece, Piece::Initial(_)) {
                        f.write_char('*')?;
                    }
                    write!(f, "{}", Shown(attribute, value))?;
                    is_last = matches!(piece, Piece::Final(_));
                }
                f.write_str(if is_last { ")" } else { "*)" })
            }
            Self::Extensible { rule, attribute, value, is_of_name } => {
                let name = attribute.unwrap_or_default();
                write!(f, "({}", Value(name))?;
                f.write_str(if is_of_name { ":dn" } else { "" })?;
                if let Some(rule) = rule {
                    write!(f, ":{}", Value(rule))?;
                }
                write!(f, ":={})", Shown(name, value))
            }
        }
    }
}

/// Whether values of this attribute are not to be shown or kept.
pub fn is_secret(attribute: &[u8]) -> bool {
    // An attribute may have options behind semicolons, RFC 4512 section 2.5.
    let name = attribute.split(|&byte| byte == b';').next().unwrap_or_default();
    SECRETS.iter().any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// A value of an attribute, unless that is secret.
struct Shown<'a>(&'a [u8], &'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_secret(self.0) { f.write_str("<secret>") } else { Value(self.1).fmt(f) }
    }
}

/// An assertion value as RFC 4515 section 3 writes it: what is no UTF-8, controls, and what the
/// string form needs for itself as a backslash and two digits.
struct Value<'a>(&'a [u8]);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const fn is_plain(byte: u8) -> bool {
            !matches!(byte, 0..=0x1f | b'(' | b')' | b'*' | b'\\' | 0x7f)
        }
        for chunk in self.0.utf8_chunks() {
            let mut rest = chunk.valid();
            while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
                let (plain, special) = rest.split_at(at);
                f.write_str(plain)?;
                escape(f, special.as_bytes().first().copied())?;
                rest = special.get(1..).unwrap_or_default();
            }
            f.write_str(rest)?;
            chunk.invalid().iter().try_for_each(|&byte| escape(f, Some(byte)))?;
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, byte: Option<u8>) -> fmt::Result {
    byte.map_or(Ok(()), |byte| write!(f, "\\{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equal<'a>(attribute: &'a str, value: &'a str) -> Part<'a> {
        let (attribute, value) = (attribute.as_bytes(), value.as_bytes());
        Part::Compare { by: Comparison::Equal, attribute, value }
    }

    fn encoded(parts: &[Part<'_>], form: Form) -> Vec<u8> {
        let mut out = Vec::new();
        Filter::Parts(parts).emit(form, &mut Writer::new(&mut out));
        out
    }

    #[test]
    fn every_choice_is_written_read_and_shown() {
        let pieces =
            [Piece::Initial(b"he"), Piece::Any(b"r*"), Piece::Any(b"o"), Piece::Final(b"n")];
        let compare = |by| Part::Compare { by, attribute: b"uSNChanged", value: b"7" };
        let parts = [
            Part::Open(Set::And),
            equal("objectGUID", "\u{1}(z"),
            Part::Open(Set::Or),
            Part::Present(b"mail"),
            Part::Open(Set::Not),
            compare(Comparison::GreaterOrEqual),
            Part::Close,
            compare(Comparison::LessOrEqual),
            compare(Comparison::Approximate),
            Part::Close,
            Part::Substrings { attribute: b"cn", pieces: List::Items(&pieces) },
            Part::Substrings { attribute: b"sn", pieces: List::Items(&pieces[1..2]) },
            Part::Extensible {
                rule: Some(b"1.2.840.113556.1.4.803"),
                attribute: Some(b"userAccountControl"),
                value: b"2",
                is_of_name: true,
            },
            Part::Close,
        ];
        let shown = concat!(
            r"(&(objectGUID=\01\28z)(|(mail=*)(!(uSNChanged>=7))(uSNChanged<=7)(uSNChanged~=7))",
            r"(cn=he*r\2a*o*n)(sn=*r\2a*)(userAccountControl:dn:1.2.840.113556.1.4.803:=2))"
        );
        for form in [Form::Shortest, Form::Windows] {
            let bytes = encoded(&parts, form);
            let read = Filter::Encoded(&bytes);
            assert_eq!(read.to_string(), shown);
            assert_eq!(read.check(), Ok(()));
            let mut again = Vec::new();
            read.emit(form, &mut Writer::new(&mut again));
            assert_eq!(again, bytes);
        }
        assert_eq!(Filter::Parts(&parts).to_string(), shown);
    }

    #[test]
    fn a_secret_is_never_shown() {
        let bytes = encoded(&[equal("UnicodePwd;binary", "hunter2")], Form::Shortest);
        assert_eq!(Filter::Encoded(&bytes).to_string(), "(UnicodePwd;binary=<secret>)");
    }

    #[test]
    fn bytes_that_are_no_text_are_escaped() {
        assert_eq!(Value(b"caf\xc3\xa9 \xff\x00").to_string(), "caf\u{e9} \\ff\\00");
    }

    #[test]
    fn a_condition_is_found_by_its_attribute() {
        let parts = [Part::Open(Set::And), equal("Host", "PC7"), equal("NtVer", "\u{16}")];
        let bytes = encoded(&parts, Form::Windows);
        assert_eq!(Filter::Encoded(&bytes).equal_to("ntver"), Some(&b"\x16"[..]));
        assert_eq!(Filter::Encoded(&bytes).equal_to("User"), None);
    }

    #[test]
    fn a_filter_deeper_than_allowed_is_refused_in_linear_time() {
        let nested = |depth: usize| {
            let mut parts = vec![Part::Open(Set::Not); depth];
            parts.push(Part::Present(b"a"));
            encoded(&parts, Form::Windows)
        };
        assert_eq!(Filter::Encoded(&nested(DEPTH_MAX)).check(), Ok(()));
        let deep = nested(3_000);
        let error = Filter::Encoded(&deep).check().unwrap_err();
        let (got, max) = (DEPTH_MAX + 1, DEPTH_MAX);
        assert_eq!(error.cause, Cause::BadLength { field: "filter depth", got, min: 0, max });
        let shown = Filter::Encoded(&deep).to_string();
        assert_eq!(shown.len(), 2 * DEPTH_MAX + '\u{2026}'.len_utf8());
    }

    #[test]
    fn a_wide_filter_is_read_once() {
        // Empty brackets: two bytes each, the most parts that a message can hold.
        let mut bytes = b"\xa0\x83\x02\x00\x00".to_vec();
        bytes.extend(b"\xa1\x00".repeat(0x1_0000));
        let filter = Filter::Encoded(&bytes);
        assert_eq!(filter.parts().count(), 2 * 0x1_0000 + 2);
        assert!(filter.to_string().len() < 3 * SHOWN_MAX);
    }

    #[test]
    fn a_condition_never_reaches_beyond_its_bracket() {
        // The bracket ends inside the condition's value.
        let bytes = b"\xa0\x08\xa3\x08\x04\x02cn\x04\x02ab";
        assert!(Filter::Encoded(bytes).check().is_err());
        assert_eq!(Filter::Encoded(bytes).to_string(), "(&\u{2026}");
    }
}
