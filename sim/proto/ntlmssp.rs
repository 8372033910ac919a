//! NT LAN Manager authentication tokens, \[MS-NLMP\] section 2.2.1, inside other protocols.

use std::ops::RangeInclusive;

use super::{Context, Framing, Observer, Probe, Protocol, Quality, Sample, Step, Tally, Transport};
use crate::wire::{WireError, Writer, wire_struct};

mod parts;
mod samples;
mod token;

pub use parts::{Authenticate, Challenge, Negotiate, Parts, Version2};
pub use token::{Attribute, Attributes, Flags, Name, Proof, Token};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ntlmssp;

/// First bytes of every token, \[MS-NLMP\] 2.2.1.
pub(super) const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";
/// How far into a payload a token is looked for, in bytes. Ours: an SMB session setup has it
/// within 200, an RPC bind with many contexts behind some 500.
const SEARCH_WINDOW: usize = 1024;

/// Message types, \[MS-NLMP\] 2.2.1.
pub(super) const NEGOTIATE: u32 = 1;
pub(super) const CHALLENGE: u32 = 2;
pub(super) const AUTHENTICATE: u32 = 3;

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

/// Tells a token.
///
/// # Errors
/// As [`Token::check`]; it has been told then, too.
pub(super) fn tell(
    token: Token<'_>,
    context: &Context,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    let checked = token.check();
    let quality = if checked.is_ok() { Quality::Parsed } else { Quality::Cut };
    let (operation, is_answer) = (token.kind(), token.kind() == CHALLENGE);
    let tally = Tally { operation, is_answer, bytes: token.bytes().len(), quality };
    out.message(context, &super::Message::Ntlmssp(token), tally);
    checked
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
    type Message<'a> = Token<'a>;
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
        match Token::parse(input) {
            Ok(token) => Step::framed(input, token.length()),
            Err(error) => Step::failed(input, error),
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        tell(Token::parse(input)?, context, out)
    }

    fn operation(code: u32) -> Option<&'static str> {
        match code {
            NEGOTIATE => Some("NEGOTIATE"),
            CHALLENGE => Some("CHALLENGE"),
            AUTHENTICATE => Some("AUTHENTICATE"),
            _ => None,
        }
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Parts::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        let parts = [
            Parts::Negotiate(samples::negotiate()),
            Parts::Challenge(samples::challenge()),
            Parts::Authenticate(samples::authenticate_v2()),
            Parts::Authenticate(samples::authenticate_v1()),
        ];
        let emitted = parts.iter().map(|parts| {
            let mut bytes = Vec::new();
            parts.emit(&mut Writer::new(&mut bytes));
            bytes
        });
        emitted.chain(samples::laid_otherwise()).map(Sample::tcp).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    fn sample(at: usize) -> Vec<u8> {
        Ntlmssp::samples().remove(at).bytes
    }

    #[test]
    fn a_token_laid_out_as_ours_comes_apart() {
        let (negotiate, challenge) = (sample(0), sample(1));
        assert_eq!(Parts::parse(&negotiate), Ok(Parts::Negotiate(samples::negotiate())));
        assert_eq!(Parts::parse(&challenge), Ok(Parts::Challenge(samples::challenge())));
        let (v2, v1) = (sample(2), sample(3));
        assert_eq!(Parts::parse(&v2), Ok(Parts::Authenticate(samples::authenticate_v2())));
        assert_eq!(Parts::parse(&v1), Ok(Parts::Authenticate(samples::authenticate_v1())));
        assert!(matches!(Parts::parse(&sample(4)), Ok(Parts::Laid(_))));
    }

    fn shown(name: Option<Name<'_>>) -> String {
        name.unwrap().to_string()
    }

    #[test]
    fn a_view_reads_the_first_token() {
        let bytes = sample(0);
        let token = Token::parse(&bytes).unwrap();
        assert_eq!((token.kind(), token.flags()), (1, Some(Flags(0xe208_b297))));
        assert_eq!(
            (shown(token.domain()), shown(token.workstation())),
            ("HERON".into(), "WS07".into())
        );
        assert_eq!(token.version(), Some(b"\x0a\0\x63\x45\x01\x02\x03\x0f"));
        assert_eq!((token.user(), token.target(), token.proof()), (None, None, None));
    }

    #[test]
    fn a_view_reads_the_challenge() {
        let bytes = sample(1);
        let token = Token::parse(&bytes).unwrap();
        assert_eq!(shown(token.target()), "HERON");
        assert_eq!(token.server_challenge(), Some(b"\x01\x23\x45\x67\x89\xab\xcd\xef"));
        let name = |id| token.attributes().name_of(id).map(|name| name.to_string());
        assert_eq!(name(Attribute::COMPUTER).as_deref(), Some("DC01"));
        assert_eq!(name(Attribute::DNS_DOMAIN).as_deref(), Some("heron.example"));
        assert_eq!((name(Attribute::TARGET), token.attributes().count()), (None, 4));
        assert_eq!(token.domain(), None);
    }

    #[test]
    fn a_view_reads_who_authenticates_and_how() {
        let bytes = sample(2);
        let token = Token::parse(&bytes).unwrap();
        let names = [token.domain(), token.user(), token.workstation()].map(shown);
        assert_eq!(names, ["HERON", "mj\u{f8}lner", "WS07"]);
        assert_eq!((token.proof(), token.is_anonymous()), (Some(Proof::V2), false));
        assert_eq!(token.integrity_code(), Some(&[0xc0; 16]));
        let target = token.attributes().name_of(Attribute::TARGET).unwrap();
        assert_eq!(target.to_string(), "cifs/dc01.heron.example");
        assert_eq!(
            (token.session_key(), token.lm_response()),
            (Some(&[0x5e; 16][..]), Some(&[0; 24][..]))
        );
        let bytes = sample(3);
        let token = Token::parse(&bytes).unwrap();
        assert_eq!((token.proof(), shown(token.user())), (Some(Proof::V1), "MARTA".into()));
        assert_eq!((token.integrity_code(), token.attributes().count()), (None, 0));
    }

    #[test]
    fn proofs_are_told_by_the_responses() {
        let proof = |lm: &[u8], nt: &[u8]| {
            let (lm_response, nt_response) = (lm.to_vec(), nt.to_vec());
            let parts = Authenticate { lm_response, nt_response, ..samples::authenticate_v1() };
            let mut bytes = Vec::new();
            Parts::Authenticate(parts).emit(&mut Writer::new(&mut bytes));
            Token::parse(&bytes).unwrap().proof().unwrap()
        };
        let extended = [&[7; 8][..], &[0; 16]].concat();
        assert_eq!(proof(&[0], &[]), Proof::Anonymous);
        assert_eq!(proof(&[7; 24], &[]), Proof::Lm);
        assert_eq!(proof(&[7; 24], &[7; 24]), Proof::V1);
        assert_eq!(proof(&extended, &[7; 24]), Proof::V1Extended);
        assert_eq!(proof(&[0; 24], &[7; 60]), Proof::V2);
    }

    #[test]
    fn fixed_fields_that_old_clients_leave_out_are_not_read_from_names() {
        // NEGOTIATE of 16 bytes, section 2.2.1.1 as of the first documents.
        let token = Token::parse(b"NTLMSSP\0\x01\0\0\0\x07\x82\0\0").unwrap();
        assert_eq!((token.flags(), token.domain()), (Some(Flags(0x8207)), None));
        // AUTHENTICATE whose names begin where flags would be.
        let bytes = sample(4);
        let token = Token::parse(&bytes).unwrap();
        assert_eq!((token.flags(), token.version(), token.session_key()), (None, None, None));
        assert_eq!(
            (shown(token.user()), shown(token.workstation())),
            ("marta".into(), "WS07".into())
        );
    }

    #[test]
    fn a_field_beyond_the_end_is_missed_and_told() {
        let bytes = sample(2);
        let token = Token::parse(&bytes[..100]).unwrap();
        let need = bytes.len();
        assert_eq!(
            token.check().unwrap_err().cause,
            crate::wire::Cause::Truncated { need, have: 100 }
        );
        assert_eq!((shown(token.domain()), token.nt_response()), ("HERON".into(), None));
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
