//! NT LAN Manager authentication tokens, \[MS-NLMP\] section 2.2.1, inside other protocols.

use std::ops::RangeInclusive;

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ntlmssp;

/// First bytes of every token, \[MS-NLMP\] 2.2.1.
const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";
/// How far into a payload a token is looked for, in bytes. Ours: an SMB session setup has it
/// within 200, an RPC bind with many contexts behind some 500.
const SEARCH_WINDOW: usize = 1024;

/// Message types, \[MS-NLMP\] 2.2.1.
const NEGOTIATE: u32 = 1;
const CHALLENGE: u32 = 2;
const AUTHENTICATE: u32 = 3;

wire_struct! {
    /// What all tokens begin with, \[MS-NLMP\] 2.2.1.
    pub struct Header / HeaderView [12] {
        /// `NTLMSSP` and a zero byte.
        0 signature: raw [u8; 8],
        /// 1 negotiate, 2 challenge, 3 authenticate.
        8 kind: le u32,
    }
}

wire_struct! {
    /// Where a variable field lies, \[MS-NLMP\] 2.2.1.1 and following.
    pub struct Field / FieldView [8] {
        /// Length, in bytes.
        0 length: le u16,
        /// Room for it, in bytes; ignored by receivers.
        2 maximum_length: le u16,
        /// Offset from the start of the token, in bytes.
        4 offset: le u32,
    }
}

/// What precedes the variable fields of a token; each kind has its own fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// \[MS-NLMP\] 2.2.1.1.
    Negotiate {
        /// Negotiated options, \[MS-NLMP\] 2.2.2.5.
        flags: [u8; 4],
        /// Name of the client's domain.
        domain: Field,
        /// Name of the client.
        workstation: Field,
    },
    /// \[MS-NLMP\] 2.2.1.2.
    Challenge {
        /// Name of the server or its domain.
        target: Field,
        /// Negotiated options.
        flags: [u8; 4],
        /// Challenge, then eight reserved bytes.
        challenge: [u8; 16],
        /// Attributes of the target.
        information: Field,
    },
    /// \[MS-NLMP\] 2.2.1.3.
    Authenticate {
        /// LM response, NT response, domain, user, workstation and session key.
        fields: [Field; 6],
        /// Negotiated options.
        flags: [u8; 4],
    },
}

/// One token; version, integrity code and variable fields are opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What precedes the variable fields.
    pub fixed: Fixed,
    /// What follows, up to the end of the farthest field.
    pub body: &'a [u8],
}

impl Fixed {
    fn parse(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let at = r.clone();
        let header = Header::parse(r)?;
        if header.signature != SIGNATURE {
            let want = u64::from_be_bytes(SIGNATURE);
            let got = u64::from_be_bytes(header.signature);
            return Err(at.error(Cause::BadConstant { field: "signature", want, got }));
        }
        match header.kind {
            NEGOTIATE => Ok(Self::Negotiate {
                flags: *r.array()?,
                domain: Field::parse(r)?,
                workstation: Field::parse(r)?,
            }),
            CHALLENGE => Ok(Self::Challenge {
                target: Field::parse(r)?,
                flags: *r.array()?,
                challenge: *r.array()?,
                information: Field::parse(r)?,
            }),
            AUTHENTICATE => {
                let mut fields = [Field { length: 0, maximum_length: 0, offset: 0 }; 6];
                for field in &mut fields {
                    *field = Field::parse(r)?;
                }
                Ok(Self::Authenticate { fields, flags: *r.array()? })
            }
            kind => Err(at.error(Cause::BadValue { field: "kind", got: u64::from(kind) })),
        }
    }

    fn emit(&self, w: &mut Writer<'_>) {
        Header { signature: SIGNATURE, kind: self.kind() }.emit(w);
        match self {
            Self::Negotiate { flags, domain, workstation } => {
                w.bytes(flags);
                domain.emit(w);
                workstation.emit(w);
            }
            Self::Challenge { target, flags, challenge, information } => {
                target.emit(w);
                w.bytes(flags);
                w.bytes(challenge);
                information.emit(w);
            }
            Self::Authenticate { fields, flags } => {
                fields.iter().for_each(|field| field.emit(w));
                w.bytes(flags);
            }
        }
    }

    /// Message type: 1 negotiate, 2 challenge, 3 authenticate.
    pub const fn kind(&self) -> u32 {
        match self {
            Self::Negotiate { .. } => NEGOTIATE,
            Self::Challenge { .. } => CHALLENGE,
            Self::Authenticate { .. } => AUTHENTICATE,
        }
    }

    const fn length(&self) -> usize {
        match self {
            Self::Negotiate { .. } => 32,
            Self::Challenge { .. } => 48,
            Self::Authenticate { .. } => 64,
        }
    }

    /// Length of the whole token: up to the end of the farthest field.
    fn total_length(&self) -> usize {
        let end = |field: &Field| match field.length {
            0 => 0,
            length => (field.offset as usize).saturating_add(usize::from(length)),
        };
        let farthest = match self {
            Self::Negotiate { domain, workstation, .. } => end(domain).max(end(workstation)),
            Self::Challenge { target, information, .. } => end(target).max(end(information)),
            Self::Authenticate { fields, .. } => fields.iter().map(end).max().unwrap_or(0),
        };
        farthest.max(self.length())
    }
}

impl<'a> Token<'a> {
    /// Parses the token that `input` is.
    ///
    /// # Errors
    /// Another signature, an undefined kind, fields beyond the end or bytes behind the last.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("ntlmssp::Token", input);
        let fixed = Fixed::parse(&mut r)?;
        let body = r.bytes(fixed.total_length() - fixed.length())?;
        r.finish()?;
        Ok(Self { fixed, body })
    }

    /// Appends the token.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.fixed.emit(w);
        w.bytes(self.body);
    }
}

/// Whether a token begins, signature and type, in the first 1,024 bytes of `payload`, whatever
/// protocol is around it.
///
/// Horspool's search: a byte that the signature lacks, and most are, skips its whole length.
pub fn carries_ntlmssp(payload: &[u8]) -> bool {
    let window = payload.get(..SEARCH_WINDOW).unwrap_or(payload);
    let mut rest = window;
    while let Some(head) = rest.first_chunk::<{ Header::LEN }>() {
        let [signature @ .., a, b, c, d] = head;
        let [.., last] = signature;
        if *signature == SIGNATURE
            && (NEGOTIATE..=AUTHENTICATE).contains(&u32::from_le_bytes([*a, *b, *c, *d]))
        {
            return true;
        }
        rest = rest.get(skip(*last)..).unwrap_or_default();
    }
    false
}

/// How far the signature may move when the byte under its last one is `byte`: to the rightmost
/// place before the last where it has that byte.
#[inline]
const fn skip(byte: u8) -> usize {
    match byte {
        b'P' => 1,
        b'S' => 2,
        b'M' => 4,
        b'L' => 5,
        b'T' => 6,
        b'N' => 7,
        _ => SIGNATURE.len(),
    }
}

impl Protocol for Ntlmssp {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "ntlmssp";
    const LABEL: &'static str = "NTLMSSP";
    const FRAMING: Framing = Framing::Embedded;
    const STARTS: &'static [RangeInclusive<u8>] = &[b'N'..=b'N'];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        match HeaderView::peek(payload) {
            Some(header) if header.signature() != SIGNATURE => Probe::No,
            Some(header) if (NEGOTIATE..=AUTHENTICATE).contains(&header.kind()) => Probe::Certain,
            Some(_) => Probe::No,
            None if super::agrees(payload, &SIGNATURE) => Probe::Possible,
            None => Probe::No,
        }
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        match Fixed::parse(&mut Reader::new("ntlmssp::Token", input)) {
            Ok(fixed) => Step::framed(input, fixed.total_length()),
            Err(error) => Step::failed(input, error),
        }
    }

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Ntlmssp(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Token::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        let mut negotiate = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2".to_vec();
        negotiate.extend(b"\x05\0\x05\0\x2c\0\0\0\x04\0\x04\0\x28\0\0\0");
        negotiate.extend(b"\x0a\x00\x63\x45\x01\x02\x03\x0fWS07HERON");
        let mut challenge = b"NTLMSSP\0\x02\0\0\0\x0a\0\x0a\0\x38\0\0\0\x15\x82\x89\xe2".to_vec();
        challenge.extend(b"\x01\x23\x45\x67\x89\xab\xcd\xef\x08\x07\x06\x05\x04\x03\x02\x01");
        challenge.extend(b"\x04\0\x04\0\x42\0\0\0\x0a\x00\x63\x45\x01\x02\x03\x0f");
        challenge.extend(b"H\0E\0R\0O\0N\0\x01\x02\x03\x04");
        let mut authenticate = b"NTLMSSP\0\x03\0\0\0".to_vec();
        authenticate.extend(b"\x02\0\x02\0\x5e\0\0\0\x03\0\x03\0\x60\0\0\0\x0a\0\x0a\0\x40\0\0\0");
        authenticate.extend(b"\x0a\0\x0a\0\x4a\0\0\0\x08\0\x08\0\x54\0\0\0\x02\0\x02\0\x5c\0\0\0");
        authenticate.extend(b"\x15\x82\x88\xe2H\0E\0R\0O\0N\0m\0a\0r\0t\0a\0W\0S\x000\x007\0");
        authenticate.extend(b"kklmntt");
        vec![Sample::tcp(negotiate), Sample::tcp(challenge), Sample::tcp(authenticate)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    #[test]
    fn reads_the_fields_of_a_negotiate_token() {
        let bytes = Ntlmssp::samples().remove(0).bytes;
        let token = Token::parse(&bytes).unwrap();
        let field = |length, offset| Field { length, maximum_length: length, offset };
        let want = Fixed::Negotiate {
            flags: [0x97, 0x82, 0x08, 0xe2],
            domain: field(5, 44),
            workstation: field(4, 40),
        };
        assert_eq!((token.fixed, token.body.len()), (want, 17));
    }

    #[test]
    fn a_token_is_found_wherever_it_begins() {
        let token = Ntlmssp::samples().remove(1).bytes;
        for before in 0..=SEARCH_WINDOW - Header::LEN {
            let payload = [&vec![b'S'; before][..], &token].concat();
            assert!(carries_ntlmssp(&payload), "behind {before} bytes");
        }
        let beyond = [&vec![b'S'; SEARCH_WINDOW - Header::LEN + 1][..], &token].concat();
        assert!(!carries_ntlmssp(&beyond));
    }

    #[test]
    fn the_search_agrees_with_looking_everywhere() {
        let seed = 0x6e74_6c6d;
        let mut random = Random::new(seed);
        let mut found = 0;
        for round in 0..20_000 {
            // Letters of the signature, so that near misses are frequent.
            let mut bytes: Vec<u8> =
                (0..40).map(|_| b"NTLMSP\0\x01"[random.below(8) as usize]).collect();
            if round % 4 == 0 {
                let at = random.below(28) as usize;
                bytes[at..at + 8].copy_from_slice(&SIGNATURE);
                bytes[at + 8..at + 12].copy_from_slice(&random.below(5).to_le_bytes());
            }
            let want = bytes
                .windows(12)
                .any(|w| w[..8] == SIGNATURE && (1..=3).contains(&w[8]) && w[9..] == [0; 3]);
            found += u32::from(want);
            assert_eq!(
                carries_ntlmssp(&bytes),
                want,
                "seed {seed:#x}, round {round}: {bytes:02x?}"
            );
        }
        assert!(found > 2_000, "the test must meet both answers, found {found}");
    }

    #[test]
    fn a_signature_without_a_defined_type_is_not_a_token() {
        assert!(!carries_ntlmssp(b"xxNTLMSSP\0\x04\0\0\0xxxx"));
        assert!(!carries_ntlmssp(b"NTLMSSP\0\x01\0\0"));
        assert!(!carries_ntlmssp(b""));
    }
}
