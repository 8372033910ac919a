//! What wraps a mechanism's token: the GSS-API header (RFC 2743 section 3.1), SPNEGO (RFC 4178
//! section 4.2, \[MS-SPNG\] 2.2) and the token type of Kerberos (RFC 4121 section 4.1).

use crate::proto::kerberos::{TGT_REPLY, TGT_REQUEST};
use crate::proto::ntlmssp::SIGNATURE;
use crate::wire::ber::{self, Element, Elements};
use crate::wire::{Reader, Writer};

/// Content of object identifiers, X.690 section 8.19.
pub mod oid {
    /// 1.3.6.1.5.5.2, RFC 4178 section 4.
    pub const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
    /// 1.2.840.113554.1.2.2, RFC 4121 section 4.1.
    pub const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
    /// 1.2.840.48018.1.2.2: the same, as Windows 2000 miswrote it, \[MS-SPNG\] 1.9.
    pub const KERBEROS_MICROSOFT: &[u8] = b"\x2a\x86\x48\x82\xf7\x12\x01\x02\x02";
    /// 1.2.840.113554.1.2.2.3, draft-swift-win2k-krb-user2user-03 section 3.
    pub const KERBEROS_USER_TO_USER: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x03";
    /// 1.3.6.1.4.1.311.2.2.10, \[MS-NLMP\] 1.9.
    pub const NTLMSSP: &[u8] = b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";
}

/// Tag of the GSS-API header: application class, constructed, number 0.
const GSS_API: u8 = 0x60;
/// Universal tag of an OBJECT IDENTIFIER, X.680 section 8.6 table 1.
const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tags of the two choices of a NegotiationToken, and of fields.
const CONTEXT: u8 = 0xa0;
/// Wrappers inside each other at most: header, SPNEGO, header, and one more.
const LAYERS_MAX: usize = 4;
/// Token types of Kerberos, RFC 4121 section 4.1 and draft-swift-win2k-krb-user2user-03.
const AP_REQUEST_TOKEN: [u8; 2] = [1, 0];
const AP_REPLY_TOKEN: [u8; 2] = [2, 0];
const ERROR_TOKEN: [u8; 2] = [3, 0];
const TGT_REQUEST_TOKEN: [u8; 2] = [4, 0];
const TGT_REPLY_TOKEN: [u8; 2] = [4, 1];

/// A NegotiationToken, as far as it is present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiation<'a> {
    /// NegTokenResp; else NegTokenInit or NegTokenInit2, which begins.
    pub is_answer: bool,
    content: &'a [u8],
}

impl<'a> Negotiation<'a> {
    /// Looks at the token that `bytes` begin with, without GSS-API header.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let choice = Elements::new(bytes).next()?;
        let is_answer = match choice.tag().checked_sub(CONTEXT)? {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { is_answer, content: inside(choice, ber::SEQUENCE)? })
    }

    /// Mechanisms offered, the best first; see [`oid`].
    pub fn mechanisms(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let list = if self.is_answer { None } else { self.field(0) };
        let content = list.and_then(|list| inside(list, ber::SEQUENCE)).unwrap_or_default();
        Elements::new(content).map(|mechanism| mechanism.content)
    }

    /// Token of the mechanism: of the first one offered, or the one agreed on.
    pub fn token(&self) -> Option<&'a [u8]> {
        inside(self.field(2)?, ber::OCTET_STRING)
    }

    /// How far the server is, RFC 4178 section 4.2.2: 0 accepted, 1 incomplete, 2 rejected,
    /// 3 integrity code wanted.
    pub fn state(&self) -> Option<u8> {
        if !self.is_answer {
            return None;
        }
        inside(self.field(0)?, ber::ENUMERATED)?.first().copied()
    }

    /// Mechanism that the server takes.
    pub fn supported(&self) -> Option<&'a [u8]> {
        if self.is_answer { inside(self.field(1)?, OBJECT_IDENTIFIER) } else { None }
    }

    fn field(&self, number: u8) -> Option<Element<'a>> {
        Elements::new(self.content).find(|field| field.tag() == CONTEXT | number)
    }
}

/// What a token holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside<'a> {
    /// An NTLMSSP token.
    Ntlm(&'a [u8]),
    /// A Kerberos message.
    Kerberos(&'a [u8]),
    /// A message of user-to-user Kerberos and its type, RFC 4120 section 5.10.
    UserToUser(u8, &'a [u8]),
    /// No message, but a mechanism that the other side offers or takes.
    Named(&'a [u8]),
    /// Something else.
    Other,
}

/// Takes off the wrappers.
pub(super) fn unwrap(mut token: &[u8]) -> Inside<'_> {
    for _ in 0..LAYERS_MAX {
        match token.first() {
            Some(&GSS_API) => match header(token) {
                Some((oid::SPNEGO | oid::NTLMSSP, inner)) => token = inner,
                Some((mechanism, inner)) if is_kerberos(mechanism) => return kerberos(inner),
                _ => return Inside::Other,
            },
            Some(0xa0 | 0xa1) => {
                let Some(negotiation) = Negotiation::parse(token) else { return Inside::Other };
                let named = || negotiation.supported().or_else(|| negotiation.mechanisms().next());
                match negotiation.token() {
                    Some(inner) if !inner.is_empty() => token = inner,
                    _ => return named().map_or(Inside::Other, Inside::Named),
                }
            }
            Some(b'N') if token.starts_with(&SIGNATURE) => return Inside::Ntlm(token),
            // AP-REQ, AP-REP and KRB-ERROR, as DCE style and some SPNEGO senders have them bare.
            Some(0x6e | 0x6f | 0x7e) => return Inside::Kerberos(token),
            _ => return Inside::Other,
        }
    }
    Inside::Other
}

/// Whether an object identifier names Kerberos in any of its forms.
pub(super) fn is_kerberos(mechanism: &[u8]) -> bool {
    matches!(mechanism, oid::KERBEROS | oid::KERBEROS_MICROSOFT | oid::KERBEROS_USER_TO_USER)
}

/// Mechanism and token behind a GSS-API header.
fn header(token: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut r = Reader::new("gss::Header", Elements::new(token).next()?.content);
    let mechanism = Element::expect(&mut r, OBJECT_IDENTIFIER, "mechanism").ok()?;
    Some((mechanism.content, r.remainder()))
}

/// A token of Kerberos behind its type. What is neither of the first exchange is encrypted or
/// signed data.
fn kerberos(token: &[u8]) -> Inside<'_> {
    match token.split_first_chunk() {
        Some((&(AP_REQUEST_TOKEN | AP_REPLY_TOKEN | ERROR_TOKEN), message)) => {
            Inside::Kerberos(message)
        }
        Some((&TGT_REQUEST_TOKEN, message)) => Inside::UserToUser(TGT_REQUEST, message),
        Some((&TGT_REPLY_TOKEN, message)) => Inside::UserToUser(TGT_REPLY, message),
        _ => Inside::Other,
    }
}

fn inside<'a>(outer: Element<'a>, tag: u8) -> Option<&'a [u8]> {
    let inner = Elements::new(outer.content).next()?;
    (inner.tag() == tag).then_some(inner.content)
}

/// Appends a token of `mechanism` with its GSS-API header. Of Kerberos it begins with its type.
pub fn emit_header(mechanism: &[u8], w: &mut Writer<'_>, token: impl FnOnce(&mut Writer<'_>)) {
    ber::around(w, GSS_API, |w| {
        Element::new(OBJECT_IDENTIFIER, mechanism).emit(w);
        token(w);
    });
}

/// Appends the type and a message of Kerberos, as [`emit_header`] wants it.
pub fn emit_kerberos(message: &[u8], w: &mut Writer<'_>) {
    w.bytes(match message.first() {
        Some(0x6e) => &AP_REQUEST_TOKEN,
        Some(0x6f) => &AP_REPLY_TOKEN,
        _ => &ERROR_TOKEN,
    });
    w.bytes(message);
}

/// Appends a NegTokenInit with its GSS-API header, RFC 4178 section 4.2.1: `mechanisms` offered
/// and the token of the first.
pub fn emit_init(mechanisms: &[&[u8]], w: &mut Writer<'_>, token: impl FnOnce(&mut Writer<'_>)) {
    let list = |w: &mut Writer<'_>| {
        mechanisms.iter().for_each(|oid| Element::new(OBJECT_IDENTIFIER, oid).emit(w));
    };
    emit_header(oid::SPNEGO, w, |w| {
        tagged(0, ber::SEQUENCE, w, |w| {
            tagged(0, ber::SEQUENCE, w, list);
            tagged(2, ber::OCTET_STRING, w, token);
        });
    });
}

/// Appends a NegTokenResp, RFC 4178 section 4.2.2.
pub fn emit_response(
    state: Option<u8>,
    supported: Option<&[u8]>,
    token: Option<&[u8]>,
    w: &mut Writer<'_>,
) {
    tagged(1, ber::SEQUENCE, w, |w| {
        if let Some(state) = state {
            tagged(0, ber::ENUMERATED, w, |w| w.byte(state));
        }
        if let Some(supported) = supported {
            tagged(1, OBJECT_IDENTIFIER, w, |w| w.bytes(supported));
        }
        if let Some(token) = token {
            tagged(2, ber::OCTET_STRING, w, |w| w.bytes(token));
        }
    });
}

/// Appends an element of `tag` inside one tagged \[`number`\].
fn tagged(number: u8, tag: u8, w: &mut Writer<'_>, fill: impl FnOnce(&mut Writer<'_>)) {
    ber::around(w, CONTEXT | number, |w| ber::around(w, tag, fill));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes));
        bytes
    }

    #[test]
    fn the_first_token_offers_and_carries() {
        let offered = [oid::KERBEROS_MICROSOFT, oid::KERBEROS, oid::NTLMSSP];
        let token = |w: &mut Writer<'_>| {
            emit_header(oid::KERBEROS, w, |w| emit_kerberos(b"\x6eticket", w));
        };
        let bytes = written(|w| emit_init(&offered, w, token));
        assert_eq!(bytes[..12], *b"\x60\x4c\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x42");
        assert_eq!(unwrap(&bytes), Inside::Kerberos(b"\x6eticket"));
        let negotiation = Negotiation::parse(&bytes[10..]).unwrap();
        assert_eq!(negotiation.mechanisms().collect::<Vec<_>>(), offered);
        assert_eq!((negotiation.is_answer, negotiation.state()), (false, None));
    }

    #[test]
    fn an_answer_tells_state_and_mechanism() {
        let answer = |token| written(|w| emit_response(Some(1), Some(oid::NTLMSSP), token, w));
        let bytes = answer(Some(&b"NTLMSSP\0"[..]));
        let negotiation = Negotiation::parse(&bytes).unwrap();
        assert_eq!((negotiation.state(), negotiation.supported()), (Some(1), Some(oid::NTLMSSP)));
        assert_eq!(unwrap(&bytes), Inside::Ntlm(b"NTLMSSP\0"));
        assert_eq!(unwrap(&answer(None)), Inside::Named(oid::NTLMSSP));
    }

    #[test]
    fn bare_and_wrapped_tokens_are_told_apart() {
        let wrapped = |token: &[u8]| {
            written(|w| emit_header(oid::KERBEROS_USER_TO_USER, w, |w| w.bytes(token)))
        };
        assert_eq!(unwrap(&wrapped(b"\x04\x00\x30")), Inside::UserToUser(16, b"\x30"));
        assert_eq!(unwrap(&wrapped(b"\x04\x01\x30")), Inside::UserToUser(17, b"\x30"));
        assert_eq!(unwrap(&wrapped(b"\x02\x01\x11\x00")), Inside::Other); // RFC 1964 wrap token
        assert_eq!(unwrap(b"\x05\x04\x06\xff"), Inside::Other); // RFC 4121 wrap token
        assert_eq!(unwrap(b"\x6f\x10"), Inside::Kerberos(b"\x6f\x10"));
        assert_eq!(unwrap(b"NEGOEXTS\0\0"), Inside::Other); // [MS-NEGOEX] 2.2.6
        assert_eq!(unwrap(b""), Inside::Other);
    }

    #[test]
    fn wrappers_without_end_are_given_up() {
        let mut token = b"NTLMSSP\0".to_vec();
        for _ in 0..LAYERS_MAX {
            token = written(|w| emit_header(oid::NTLMSSP, w, |w| w.bytes(&token)));
        }
        assert_eq!(unwrap(&token), Inside::Other);
        assert!(matches!(unwrap(&token[14..]), Inside::Ntlm(_)));
    }
}
