//! Tokens where they lie, \[MS-NLMP\] section 2.2.1: read as far as they are present.
//!
//! Old clients leave out what later versions added behind the fixed fields (version, integrity
//! code, even flags): where the first variable field begins, the fixed part has ended.

use std::fmt::{self, Display};

use super::{AUTHENTICATE, CHALLENGE, Field, FieldView, Header, NEGOTIATE, SIGNATURE};
use crate::proto::{Utf8, Utf16};
use crate::wire::{Cause, Reader, WireError};

/// Negotiated options, \[MS-NLMP\] 2.2.2.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u32);

impl Flags {
    /// Names are UTF-16; without it they are in the client's code page.
    pub const UNICODE: Self = Self(0x0000_0001);
    /// Messages are signed.
    pub const SIGN: Self = Self(0x0000_0010);
    /// Messages are encrypted.
    pub const SEAL: Self = Self(0x0000_0020);
    /// The client asks to stay anonymous.
    pub const ANONYMOUS: Self = Self(0x0000_0800);
    /// NTLM version 1 with the session security of version 2.
    pub const EXTENDED_SESSION_SECURITY: Self = Self(0x0008_0000);
    /// The challenge has attributes of the target.
    pub const TARGET_INFORMATION: Self = Self(0x0080_0000);
    /// The fixed part ends with a version.
    pub const VERSION: Self = Self(0x0200_0000);

    /// Whether every option of `wanted` is set.
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

/// A name as it lies, with the encoding that the flags say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    /// The encoded name.
    pub bytes: &'a [u8],
    /// UTF-16, or else the sender's code page, of which ASCII is shown.
    pub is_unicode: bool,
}

impl Name<'_> {
    /// Whether it has no character.
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unicode { Utf16(self.bytes).fmt(f) } else { Utf8(self.bytes).fmt(f) }
    }
}

/// How the client proves that it knows the password, \[MS-NLMP\] 3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proof {
    /// None.
    Anonymous,
    /// LAN Manager response alone.
    Lm,
    /// NTLM version 1.
    V1,
    /// NTLM version 1 with the session security of version 2.
    V1Extended,
    /// NTLM version 2.
    V2,
}

impl Proof {
    /// As shown in an activity.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Lm => "LM",
            Self::V1 => "NTLMv1",
            Self::V1Extended => "NTLMv1 with extended session security",
            Self::V2 => "NTLMv2",
        }
    }
}

/// An attribute of the target, \[MS-NLMP\] 2.2.2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Its number, such as [`Attribute::COMPUTER`].
    pub id: u16,
    /// Its value, names in UTF-16.
    pub value: &'a [u8],
}

impl Attribute<'_> {
    /// Ends the list.
    pub const END: u16 = 0;
    /// NetBIOS name of the server.
    pub const COMPUTER: u16 = 1;
    /// NetBIOS name of its domain.
    pub const DOMAIN: u16 = 2;
    /// DNS name of the server.
    pub const DNS_COMPUTER: u16 = 3;
    /// DNS name of its domain.
    pub const DNS_DOMAIN: u16 = 4;
    /// DNS name of its forest.
    pub const DNS_TREE: u16 = 5;
    /// 32 bits; bit 1 says that the token has an integrity code.
    pub const FLAGS: u16 = 6;
    /// Time of the server, \[MS-DTYP\] 2.3.3.
    pub const TIMESTAMP: u16 = 7;
    /// Service principal name that the client wants.
    pub const TARGET: u16 = 9;
    /// MD5 of channel bindings.
    pub const CHANNEL_BINDINGS: u16 = 10;

    /// Name of the number in the specification.
    pub const fn name(id: u16) -> Option<&'static str> {
        Some(match id {
            Self::END => "MsvAvEOL",
            Self::COMPUTER => "MsvAvNbComputerName",
            Self::DOMAIN => "MsvAvNbDomainName",
            Self::DNS_COMPUTER => "MsvAvDnsComputerName",
            Self::DNS_DOMAIN => "MsvAvDnsDomainName",
            Self::DNS_TREE => "MsvAvDnsTreeName",
            Self::FLAGS => "MsvAvFlags",
            Self::TIMESTAMP => "MsvAvTimestamp",
            8 => "MsvAvSingleHost",
            Self::TARGET => "MsvAvTargetName",
            Self::CHANNEL_BINDINGS => "MsvAvChannelBindings",
            _ => return None,
        })
    }
}

/// Attributes up to the one that ends the list, or as far as they are whole.
#[derive(Debug, Clone)]
pub struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Those that `bytes` begin with.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The name in the first attribute called `id`.
    pub fn name_of(mut self, id: u16) -> Option<Utf16<'a>> {
        self.find(|attribute| attribute.id == id).map(|attribute| Utf16(attribute.value))
    }

    /// What the list does not reach: bytes behind its end, or an attribute that is not whole.
    pub const fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (&[i0, i1, l0, l1], rest) = self.0.split_first_chunk::<4>()?;
        let id = u16::from_le_bytes([i0, i1]);
        if id == Attribute::END {
            return None;
        }
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([l0, l1])))?;
        self.0 = rest;
        Some(Attribute { id, value })
    }
}

/// Bytes of an NTLM version 2 response before its attributes, \[MS-NLMP\] 2.2.2.7 and 2.2.2.8.
const V2_FIXED: usize = 44;
/// Bytes of an LM or NTLM version 1 response, \[MS-NLMP\] 2.2.2.3 and 2.2.2.6.
const V1_RESPONSE: usize = 24;

/// A token, as far as it is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    kind: u32,
    bytes: &'a [u8],
}

impl<'a> Token<'a> {
    /// Looks at the token that `bytes` begin with: signature and type are checked, see
    /// [`check`](Self::check) for the rest.
    ///
    /// # Errors
    /// Another signature, an undefined type, or too few bytes for both.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("ntlmssp::Token", bytes);
        let at = r.clone();
        let header = Header::parse(&mut r)?;
        if header.signature != SIGNATURE {
            let want = u64::from_be_bytes(SIGNATURE);
            let got = u64::from_be_bytes(header.signature);
            return Err(at.error(Cause::BadConstant { field: "signature", want, got }));
        }
        if !(NEGOTIATE..=AUTHENTICATE).contains(&header.kind) {
            let got = u64::from(header.kind);
            return Err(at.error(Cause::BadValue { field: "kind", got }));
        }
        Ok(Self { kind: header.kind, bytes })
    }

    /// Requires that every variable field lies inside.
    ///
    /// # Errors
    /// A field that ends behind the last byte.
    pub fn check(&self) -> Result<(), WireError> {
        let need = self.fields().map(|field| end_of(&field)).fold(0, usize::max);
        if need <= self.bytes.len() {
            return Ok(());
        }
        let cause = Cause::Truncated { need, have: self.bytes.len() };
        Err(Reader::new("ntlmssp::Token", self.bytes).error(cause))
    }

    /// Bytes up to the end of the farthest variable field, or of the fixed part of the form
    /// that has fewest bytes.
    pub(super) fn length(&self) -> usize {
        self.fields().map(|field| end_of(&field)).fold(self.shortest(), usize::max)
    }

    /// Type: 1 negotiate, 2 challenge, 3 authenticate.
    pub const fn kind(&self) -> u32 {
        self.kind
    }

    /// All bytes.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Negotiated options; `None` where an old client leaves them out.
    pub fn flags(&self) -> Option<Flags> {
        let at = match self.kind {
            NEGOTIATE => 12,
            CHALLENGE => 20,
            _ => 60,
        };
        self.fixed::<4>(at).map(|&flags| Flags(u32::from_le_bytes(flags)))
    }

    /// Version of the sender's system, \[MS-NLMP\] 2.2.2.10.
    pub fn version(&self) -> Option<&'a [u8; 8]> {
        let at = match self.kind {
            NEGOTIATE => 32,
            CHALLENGE => 48,
            _ => 64,
        };
        self.flags().filter(|flags| flags.contains(Flags::VERSION))?;
        self.fixed(at)
    }

    /// Domain: of the client in NEGOTIATE, of the user in AUTHENTICATE.
    pub fn domain(&self) -> Option<Name<'a>> {
        match self.kind {
            NEGOTIATE => self.oem(16),
            AUTHENTICATE => self.name(28),
            _ => None,
        }
    }

    /// Name of the client in NEGOTIATE or AUTHENTICATE.
    pub fn workstation(&self) -> Option<Name<'a>> {
        match self.kind {
            NEGOTIATE => self.oem(24),
            AUTHENTICATE => self.name(44),
            _ => None,
        }
    }

    /// User in AUTHENTICATE; empty for an anonymous one.
    pub fn user(&self) -> Option<Name<'a>> {
        if self.kind == AUTHENTICATE { self.name(36) } else { None }
    }

    /// Name of the server or its domain in CHALLENGE.
    pub fn target(&self) -> Option<Name<'a>> {
        if self.kind == CHALLENGE { self.name(12) } else { None }
    }

    /// Challenge of the server, \[MS-NLMP\] 2.2.1.2.
    pub fn server_challenge(&self) -> Option<&'a [u8; 8]> {
        if self.kind == CHALLENGE { self.fixed(24) } else { None }
    }

    /// LM response in AUTHENTICATE.
    pub fn lm_response(&self) -> Option<&'a [u8]> {
        if self.kind == AUTHENTICATE { self.content(12) } else { None }
    }

    /// NT response in AUTHENTICATE.
    pub fn nt_response(&self) -> Option<&'a [u8]> {
        if self.kind == AUTHENTICATE { self.content(20) } else { None }
    }

    /// Encrypted session key in AUTHENTICATE.
    pub fn session_key(&self) -> Option<&'a [u8]> {
        if self.kind == AUTHENTICATE { self.content(52) } else { None }
    }

    /// Attributes of the target: in CHALLENGE, and, of a version 2 response, in AUTHENTICATE.
    pub fn attributes(&self) -> Attributes<'a> {
        let bytes = match self.kind {
            CHALLENGE => self.content(40),
            AUTHENTICATE => self.nt_response().and_then(|response| response.get(V2_FIXED..)),
            _ => None,
        };
        Attributes(bytes.unwrap_or_default())
    }

    /// Integrity code of AUTHENTICATE, which the attributes announce, \[MS-NLMP\] 2.2.1.3.
    pub fn integrity_code(&self) -> Option<&'a [u8; 16]> {
        let flags = self.attributes().find(|attribute| attribute.id == Attribute::FLAGS)?;
        if flags.value.first()? & 2 == 0 {
            return None;
        }
        self.fixed(72)
    }

    /// How AUTHENTICATE proves the password, told by the lengths of its responses.
    pub fn proof(&self) -> Option<Proof> {
        if self.kind != AUTHENTICATE {
            return None;
        }
        let length = |at| self.field(at).map_or(0, |field| usize::from(field.length));
        let extended = || {
            // The LM response is then a challenge of 8 bytes and zeros, section 3.3.1.
            let zeros = self.lm_response().and_then(|response| response.get(8..V1_RESPONSE));
            zeros.is_some_and(|zeros| zeros.iter().all(|&byte| byte == 0))
        };
        Some(match (length(12), length(20)) {
            (0 | 1, 0) => Proof::Anonymous,
            (_, 0) => Proof::Lm,
            (_, V1_RESPONSE) if extended() => Proof::V1Extended,
            (_, ..=V1_RESPONSE) => Proof::V1,
            _ => Proof::V2,
        })
    }

    /// Whether AUTHENTICATE names nobody.
    pub fn is_anonymous(&self) -> bool {
        self.user().is_some_and(|user| user.is_empty()) && self.kind == AUTHENTICATE
    }

    /// The variable fields, as far as the fixed part is present.
    fn fields(&self) -> impl Iterator<Item = Field> {
        let places: &[usize] = match self.kind {
            NEGOTIATE => &[16, 24],
            CHALLENGE => &[12, 40],
            _ => &[12, 20, 28, 36, 44, 52],
        };
        places.iter().filter_map(|&at| self.field(at))
    }

    /// The variable field whose place is at `at`.
    fn field(&self, at: usize) -> Option<Field> {
        self.fixed::<{ Field::LEN }>(at).and_then(|bytes| field_at(bytes, 0))
    }

    fn content(&self, at: usize) -> Option<&'a [u8]> {
        let field = self.field(at)?;
        if field.length == 0 {
            return Some(&[]);
        }
        self.bytes.get(field.offset as usize..end_of(&field))
    }

    fn name(&self, at: usize) -> Option<Name<'a>> {
        let is_unicode = self.flags().is_some_and(|flags| flags.contains(Flags::UNICODE));
        Some(Name { bytes: self.content(at)?, is_unicode })
    }

    /// The names in NEGOTIATE are always in the code page, section 2.2.1.1.
    fn oem(&self, at: usize) -> Option<Name<'a>> {
        Some(Name { bytes: self.content(at)?, is_unicode: false })
    }

    /// `N` bytes of the fixed part, where it reaches that far.
    fn fixed<const N: usize>(&self, at: usize) -> Option<&'a [u8; N]> {
        if at + N > self.shortest() && at + N > self.fixed_end() {
            return None;
        }
        self.bytes.get(at..)?.first_chunk()
    }

    /// Bytes of the fixed part in the shortest form that ends by itself.
    const fn shortest(&self) -> usize {
        match self.kind {
            NEGOTIATE => 32, // 16 are sent, too, and told from a beginning by nothing
            CHALLENGE => 32,
            _ => 52,
        }
    }

    /// Where the first variable field begins, so the fixed part ends at the latest.
    fn fixed_end(&self) -> usize {
        // The fields that every form has; later ones may be names already.
        let places: &[usize] = match self.kind {
            NEGOTIATE => &[16, 24],
            CHALLENGE => &[12],
            _ => &[12, 20, 28, 36, 44],
        };
        let begins = places
            .iter()
            .filter_map(|&at| field_at(self.bytes, at))
            .filter(|field| field.length > 0)
            .map(|field| field.offset as usize);
        begins.fold(self.bytes.len(), usize::min)
    }
}

fn field_at(bytes: &[u8], at: usize) -> Option<Field> {
    let view = FieldView::peek(bytes.get(at..)?)?;
    let (length, maximum_length) = (view.length(), view.maximum_length());
    Some(Field { length, maximum_length, offset: view.offset() })
}

fn end_of(field: &Field) -> usize {
    match field.length {
        0 => 0,
        length => (field.offset as usize).saturating_add(usize::from(length)),
    }
}
