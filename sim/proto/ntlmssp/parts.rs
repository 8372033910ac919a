//! Tokens in their parts, for writing: as Windows lays them out, or as they lie.

use super::token::{Attribute, Attributes, Flags, Token};
use super::{AUTHENTICATE, CHALLENGE, Field, Header, NEGOTIATE, SIGNATURE};
use crate::wire::{Reader, WireError, Writer};

/// A token in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts<'a> {
    /// \[MS-NLMP\] 2.2.1.1.
    Negotiate(Negotiate),
    /// \[MS-NLMP\] 2.2.1.2.
    Challenge(Challenge),
    /// \[MS-NLMP\] 2.2.1.3.
    Authenticate(Authenticate),
    /// Any of them, with its fields elsewhere than Windows puts them.
    Laid(&'a [u8]),
}

/// First token of the client, \[MS-NLMP\] 2.2.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiate {
    /// Options offered.
    pub flags: Flags,
    /// Version of the client's system.
    pub version: [u8; 8],
    /// Name of the client, in its code page.
    pub workstation: Vec<u8>,
    /// Name of its domain, in its code page.
    pub domain: Vec<u8>,
}

/// Answer of the server, \[MS-NLMP\] 2.2.1.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// Options agreed on.
    pub flags: Flags,
    /// The challenge.
    pub challenge: [u8; 8],
    /// Reserved, zero.
    pub reserved: [u8; 8],
    /// Version of the server's system.
    pub version: [u8; 8],
    /// Name of the server or its domain.
    pub target: Vec<u8>,
    /// Attributes of the target, without the one that ends them.
    pub attributes: Vec<(u16, Vec<u8>)>,
}

/// Last token of the client, \[MS-NLMP\] 2.2.1.3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticate {
    /// Options agreed on.
    pub flags: Flags,
    /// Version of the client's system.
    pub version: [u8; 8],
    /// Integrity code, 16 bytes, where the token has room for it.
    pub integrity_code: Option<[u8; 16]>,
    /// Domain of the user.
    pub domain: Vec<u8>,
    /// The user.
    pub user: Vec<u8>,
    /// Name of the client.
    pub workstation: Vec<u8>,
    /// LM response.
    pub lm_response: Vec<u8>,
    /// NT response; of version 2, see [`Version2`].
    pub nt_response: Vec<u8>,
    /// Encrypted session key.
    pub session_key: Vec<u8>,
}

/// NT response of version 2, \[MS-NLMP\] 2.2.2.7 and 2.2.2.8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version2 {
    /// The proof, HMAC-MD5 with a key made of the password.
    pub proof: [u8; 16],
    /// Time of the client, \[MS-DTYP\] 2.3.3.
    pub time: u64,
    /// Challenge of the client.
    pub challenge: [u8; 8],
    /// Attributes of the target as the client saw them, without the one that ends them.
    pub attributes: Vec<(u16, Vec<u8>)>,
}

impl Version2 {
    /// Appends the response.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.proof);
        w.bytes(&[1, 1, 0, 0, 0, 0, 0, 0]); // this version and the highest, then reserved
        w.bytes(&self.time.to_le_bytes());
        w.bytes(&self.challenge);
        w.bytes(&[0; 4]);
        emit_attributes(&self.attributes, w);
        w.bytes(&[0; 4]); // section 3.3.2 puts Z(4) behind the list
    }
}

impl Negotiate {
    const FIXED: usize = 40;

    fn parse(token: &Token<'_>) -> Option<Self> {
        Some(Self {
            flags: token.flags()?,
            version: *token.bytes().get(32..)?.first_chunk()?,
            workstation: token.workstation()?.bytes.to_vec(),
            domain: token.domain()?.bytes.to_vec(),
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let [workstation, domain] = lay(Self::FIXED, [&self.workstation, &self.domain]);
        Header { signature: SIGNATURE, kind: NEGOTIATE }.emit(w);
        w.bytes(&self.flags.0.to_le_bytes());
        domain.emit(w);
        workstation.emit(w);
        w.bytes(&self.version);
        w.bytes(&self.workstation);
        w.bytes(&self.domain);
    }
}

impl Challenge {
    const FIXED: usize = 56;

    fn parse(token: &Token<'_>) -> Option<Self> {
        Some(Self {
            flags: token.flags()?,
            challenge: *token.server_challenge()?,
            reserved: *token.bytes().get(32..)?.first_chunk()?,
            version: *token.bytes().get(48..)?.first_chunk()?,
            target: token.target()?.bytes.to_vec(),
            attributes: owned(token.attributes()),
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let mut attributes = Vec::new();
        emit_attributes(&self.attributes, &mut Writer::new(&mut attributes));
        let [target, information] = lay(Self::FIXED, [&self.target, &attributes]);
        Header { signature: SIGNATURE, kind: CHALLENGE }.emit(w);
        target.emit(w);
        w.bytes(&self.flags.0.to_le_bytes());
        w.bytes(&self.challenge);
        w.bytes(&self.reserved);
        information.emit(w);
        w.bytes(&self.version);
        w.bytes(&self.target);
        w.bytes(&attributes);
    }
}

impl Authenticate {
    const FIXED: usize = 72;

    fn parse(token: &Token<'_>) -> Option<Self> {
        let domain_at = u32::from_le_bytes(*token.bytes().get(32..)?.first_chunk()?) as usize;
        let has_code = domain_at == Self::FIXED + 16;
        let code = if has_code { token.bytes().get(72..)?.first_chunk() } else { None };
        Some(Self {
            flags: token.flags()?,
            version: *token.bytes().get(64..)?.first_chunk()?,
            integrity_code: code.copied(),
            domain: token.domain()?.bytes.to_vec(),
            user: token.user()?.bytes.to_vec(),
            workstation: token.workstation()?.bytes.to_vec(),
            lm_response: token.lm_response()?.to_vec(),
            nt_response: token.nt_response()?.to_vec(),
            session_key: token.session_key()?.to_vec(),
        })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let code = self.integrity_code.as_ref().map_or(&[][..], |code| code);
        let variable = [
            &self.domain,
            &self.user,
            &self.workstation,
            &self.lm_response,
            &self.nt_response,
            &self.session_key,
        ];
        let [domain, user, workstation, lm, nt, key] = lay(Self::FIXED + code.len(), variable);
        Header { signature: SIGNATURE, kind: AUTHENTICATE }.emit(w);
        [lm, nt, domain, user, workstation, key].iter().for_each(|field| field.emit(w));
        w.bytes(&self.flags.0.to_le_bytes());
        w.bytes(&self.version);
        w.bytes(code);
        variable.iter().for_each(|bytes| w.bytes(bytes));
    }
}

impl<'a> Parts<'a> {
    /// Parses the token that `input` is.
    ///
    /// # Errors
    /// Another signature, an undefined kind, fields beyond the end or bytes behind the last.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let token = Token::parse(input)?;
        token.check()?;
        let mut r = Reader::new("ntlmssp::Token", input);
        r.bytes(token.length())?;
        r.finish()?;
        let parts = match token.kind() {
            NEGOTIATE => Negotiate::parse(&token).map(Self::Negotiate),
            CHALLENGE => Challenge::parse(&token).map(Self::Challenge),
            _ => Authenticate::parse(&token).map(Self::Authenticate),
        };
        // Only a token that is laid out as ours is comes back as it was.
        let is_ours = |parts: &Self| {
            let mut bytes = Vec::with_capacity(input.len());
            parts.emit(&mut Writer::new(&mut bytes));
            bytes == input
        };
        Ok(parts.filter(is_ours).unwrap_or(Self::Laid(input)))
    }

    /// Appends the token.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Negotiate(negotiate) => negotiate.emit(w),
            Self::Challenge(challenge) => challenge.emit(w),
            Self::Authenticate(authenticate) => authenticate.emit(w),
            Self::Laid(bytes) => w.bytes(bytes),
        }
    }
}

/// Places of `parts`, one after another from `start` on.
fn lay<const N: usize>(start: usize, parts: [&Vec<u8>; N]) -> [Field; N] {
    let mut offset = start;
    parts.map(|part| {
        // A part is a name or a response; of what is longer, receivers would see nothing else.
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        let field = Field {
            length,
            maximum_length: length,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        };
        offset += part.len();
        field
    })
}

fn owned(attributes: Attributes<'_>) -> Vec<(u16, Vec<u8>)> {
    attributes.map(|attribute| (attribute.id, attribute.value.to_vec())).collect()
}

fn emit_attributes(attributes: &[(u16, Vec<u8>)], w: &mut Writer<'_>) {
    for (id, value) in attributes {
        w.bytes(&id.to_le_bytes());
        w.bytes(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes());
        w.bytes(value);
    }
    w.bytes(&Attribute::END.to_le_bytes());
    w.bytes(&[0; 2]);
}
