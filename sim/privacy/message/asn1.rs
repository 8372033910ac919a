//! Messages in BER (X.690): Kerberos, LDAP, SPNEGO, certificates, the opening of T.125.
//!
//! Tags and lengths are kept, so that every reader finds the same structure; small numbers,
//! flags, times and object identifiers too. Text becomes other text.

use std::ops::Range;

use super::super::Pseudonyms;
use super::super::name::{Numbers, is_text};
use super::super::sheet::Sheet;

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// UTF8, Numeric, Printable, Teletex, IA5, Visible and GeneralString, X.680 section 8.6.
const STRINGS: [u8; 7] = [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1b];
const CONSTRUCTED: u8 = 0x20;
/// Tag numbers from here on take further octets, X.690 section 8.1.2.4.
const HIGH_TAG: u8 = 0x1f;

/// Numbers of more octets are keys, moduli or serials, and identify.
const INTEGER_MAX: usize = 8;
/// Flags of Kerberos and key usage are five octets at most.
const FLAGS_MAX: usize = 5;
const OID_MAX: usize = 32;
const TIME_MAX: usize = 20;
/// Elements inside each other; real messages have about twenty.
const DEPTH_MAX: usize = 64;

/// What to do with one element's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Elements inside it.
    Descend,
    Keep,
    Text,
    /// An NTLMSSP token.
    Token,
    /// The first bytes of a ping's answer.
    Head,
    Address,
    Blank,
}

/// An element that encloses the one at hand.
struct Outer {
    tag: u8,
    end: usize,
    /// Elements seen inside it.
    index: usize,
}

/// One element on its way.
struct Element<'a> {
    tag: u8,
    /// What of its content was captured.
    content: &'a [u8],
    /// Length of the content.
    length: usize,
    /// Place within the element around it.
    index: usize,
    /// Tags around it, outermost first.
    around: &'a [Outer],
}

impl Element<'_> {
    /// Tag of the element around it.
    fn outer(&self) -> u8 {
        self.around.last().map_or(0, |outer| outer.tag)
    }

    /// Tag of the element at `depth` of those around it.
    fn at_depth(&self, depth: usize) -> u8 {
        self.around.get(depth).map_or(0, |outer| outer.tag)
    }
}

/// A Kerberos message, RFC 4120 section 5, or one of the password protocol, RFC 3244 section 2.
pub(super) fn kerberos(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const PASSWORD_HEADER: usize = 6;
    // All messages of Kerberos have an application tag; the other begins with a length.
    if sheet.byte(0).is_some_and(|tag| tag & 0xe0 == 0x60) {
        return walk(sheet, in_kerberos, names);
    }
    // Length, version, length of the AP message; then that message, then the private one.
    sheet.keep(0..PASSWORD_HEADER);
    let middle = PASSWORD_HEADER + sheet.be16(4).unwrap_or(0);
    walk(&mut sheet.part(PASSWORD_HEADER..middle), in_kerberos, names);
    walk(&mut sheet.from(middle), in_kerberos, names);
}

/// An LDAP message, RFC 4511 section 4, or a sealed or signed buffer with its length before it
/// (RFC 4422 section 3.7).
pub(super) fn ldap(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    /// The length, and of the token what tells its kind: RFC 4121 section 4.2.6.2.
    const SEALED_KEPT: usize = 4 + 12;
    /// The length and the whole head of a token.
    const SIGNED_HEAD: usize = 4 + 16;
    if sheet.byte(0) != Some(0) {
        return walk(sheet, in_ldap, names);
    }
    sheet.keep(0..SEALED_KEPT);
    let Some(rotated) = signed(sheet) else { return };
    // Of a signature that stands before the messages nothing is kept, nor of one behind them,
    // which is no element.
    let mut at = SIGNED_HEAD + rotated;
    while let Some(end) = ldap_end(sheet.old, at) {
        walk(&mut sheet.part(at..end), in_ldap, names);
        at = end;
    }
}

/// Where the LDAP message at `at` ends; `None` where there is none, which its number would begin.
fn ldap_end(bytes: &[u8], at: usize) -> Option<usize> {
    let (tag, content) = header(bytes, at)?;
    (tag == SEQUENCE && bytes.get(content.start) == Some(&INTEGER)).then_some(content.end)
}

/// Bytes of the signature between the head of a token and the messages that it only signs; `None`
/// where they are sealed. RFC 4121 section 4.2.6.2, \[MS-NLMP\] section 2.2.2.9.
fn signed(sheet: &Sheet<'_>) -> Option<usize> {
    const IS_SEALED: u8 = 0x02;
    match sheet.array(4)? {
        [5, 4, flags, 0xff, ec1, ec0, rrc1, rrc0] if flags & IS_SEALED == 0 => {
            let checksum = u16::from_be_bytes([ec1, ec0]);
            let rotated = u16::from_be_bytes([rrc1, rrc0]);
            (rotated == 0 || rotated == checksum).then(|| rotated.into())
        }
        // Only what is not sealed looks like a message.
        [1, 0, 0, 0, ..] => Some(0),
        _ => None,
    }
}

/// SPNEGO (RFC 4178), GSS-API framing (RFC 2743 section 3.1) and Kerberos inside it.
pub(super) fn token(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    walk(sheet, in_token, names);
}

/// A certificate, RFC 5280 section 4.1.
pub(super) fn certificate(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    // Extensions are elements inside octets.
    let choose = |element: &Element<'_>| match element.tag {
        OCTETS if is_nested(element) => Action::Descend,
        _ => usual(element),
    };
    walk(sheet, choose, names);
}

/// The first message of T.125: its structure only.
pub(super) fn structure(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    walk(sheet, usual, names);
}

fn usual(element: &Element<'_>) -> Action {
    let length = element.length;
    let keep_up_to = |most| if length <= most { Action::Keep } else { Action::Blank };
    match element.tag {
        tag if tag & CONSTRUCTED != 0 => Action::Descend,
        BOOLEAN | INTEGER | ENUMERATED | NULL => keep_up_to(INTEGER_MAX),
        BIT_STRING => keep_up_to(FLAGS_MAX),
        OID => keep_up_to(OID_MAX),
        UTC_TIME | GENERAL_TIME => keep_up_to(TIME_MAX),
        tag if STRINGS.contains(&tag) => Action::Text,
        _ => Action::Blank,
    }
}

fn in_kerberos(element: &Element<'_>) -> Action {
    if element.tag != OCTETS {
        return usual(element);
    }
    match element.length {
        _ if is_nested(element) => Action::Descend,
        4 | 16 if !is_text(element.content) => Action::Address,
        _ if is_text(element.content) => Action::Text, // host names of HostAddress
        _ => Action::Blank,
    }
}

fn in_token(element: &Element<'_>) -> Action {
    if element.tag != OCTETS {
        return usual(element);
    }
    // Kerberos inside SPNEGO is framed, so that its octets are reached by descending.
    let framed = element.around.iter().any(|outer| matches!(outer.tag, 0x6e | 0x6f));
    if framed { in_kerberos(element) } else { opaque(element) }
}

/// Octets that are a security token, or nothing we know.
fn opaque(element: &Element<'_>) -> Action {
    if element.content.starts_with(super::NTLM_SIGNATURE) {
        Action::Token
    } else if is_nested(element) {
        Action::Descend
    } else {
        Action::Blank
    }
}

/// Tags of LDAP operations, RFC 4511 section 4.2 ff.
mod op {
    pub const BIND: u8 = 0x60;
    pub const BIND_RESPONSE: u8 = 0x61;
    pub const SEARCH: u8 = 0x63;
    pub const ENTRY: u8 = 0x64;
    pub const MODIFY: u8 = 0x66;
    pub const ADD: u8 = 0x68;
    pub const DELETE: u8 = 0x4a;
    pub const RENAME: u8 = 0x6c;
    pub const COMPARE: u8 = 0x6e;
    pub const UNBIND: u8 = 0x42;
    pub const ABANDON: u8 = 0x50;
    pub const EXTENDED: u8 = 0x77;
    pub const EXTENDED_RESPONSE: u8 = 0x78;
    pub const INTERMEDIATE: u8 = 0x79;
    pub const CONTROLS: u8 = 0xa0;
}

fn in_ldap(element: &Element<'_>) -> Action {
    let depth = element.around.len();
    if depth < 2 {
        return match element.tag {
            op::DELETE => Action::Text,
            op::UNBIND | op::ABANDON if element.length <= INTEGER_MAX => Action::Keep,
            _ => usual(element),
        };
    }
    let (tag, operation) = (element.tag, element.at_depth(1));
    let is_octets = tag == OCTETS;
    if element.around.iter().any(|outer| TOKENS.contains(&outer.tag)) {
        let is_value = operation == op::CONTROLS && is_octets;
        return if is_value { Action::Blank } else { in_token(element) };
    }
    match operation {
        op::BIND if depth > 2 && is_octets && element.index > 0 => opaque(element),
        op::BIND if tag == 0x80 => Action::Blank, // the password
        op::BIND | op::BIND_RESPONSE if TOKENS.contains(&tag) && !is_octets => opaque(element),
        op::ENTRY | op::MODIFY | op::ADD if is_octets && element.outer() == SET => {
            if is_ping_answer(element.content) { Action::Head } else { Action::Blank }
        }
        op::COMPARE if is_octets && depth > 2 && element.index > 0 => Action::Blank,
        op::EXTENDED | op::EXTENDED_RESPONSE if matches!(tag, 0x80 | 0x8a) => Action::Text,
        op::SEARCH | op::RENAME if tag & 0xe0 == 0x80 => Action::Text,
        op::CONTROLS if is_octets && element.index > 0 => opaque(element),
        op::INTERMEDIATE if is_octets => Action::Blank,
        _ if is_octets => Action::Text,
        _ => usual(element),
    }
}

/// Octets that may hold a token or a control's value, which are walked by other rules: octet
/// strings, the server's credentials, and Microsoft's own binds (\[MS-ADTS\] section 5.1.1.1.3).
const TOKENS: [u8; 5] = [OCTETS, 0x87, 0x89, 0x8a, 0x8b];

/// Operation code and flags of what a domain controller answers to a ping, \[MS-ADTS\] section
/// 6.3.1.9; everything behind them is names.
const PING_HEAD: usize = 8;

fn is_ping_answer(value: &[u8]) -> bool {
    value.len() > 3 * PING_HEAD && matches!(value, [0x13..=0x1a, 0, ..])
}

/// Whether the content is exactly one element.
fn is_nested(element: &Element<'_>) -> bool {
    let first = element.content.first().copied().unwrap_or(0);
    let may_be = first == 0x30 || first & 0xe0 == 0x60 || first & 0xe0 == 0xa0;
    may_be && header(element.content, 0).is_some_and(|(_, body)| body.end == element.length)
}

/// Tag and content of the element at `at`, not checked against what is around it.
fn header(bytes: &[u8], at: usize) -> Option<(u8, Range<usize>)> {
    let tag = *bytes.get(at)?;
    let mut place = at + 1;
    if tag & HIGH_TAG == HIGH_TAG {
        // Up to three more octets, of which the last has no high bit.
        let more = bytes.get(place..)?.iter().take(3).position(|octet| octet & 0x80 == 0)?;
        place += more + 1;
    }
    let first = *bytes.get(place)?;
    place += 1;
    let length = match first {
        short if short < 0x80 => usize::from(short),
        0x81..=0x84 => {
            let octets = bytes.get(place..place + usize::from(first & 0x7f))?;
            place += octets.len();
            octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet))
        }
        _ => return None, // indefinite or absurd
    };
    Some((tag, place..place.saturating_add(length)))
}

/// Walks all elements of `sheet`, which may be cut.
fn walk(sheet: &mut Sheet<'_>, choose: impl Fn(&Element<'_>) -> Action, names: &mut Pseudonyms) {
    let mut at = 0;
    // Lengths may reach behind what was captured, never behind the element around them.
    let mut around: Vec<Outer> = Vec::new();
    while at < sheet.len() {
        while around.last().is_some_and(|outer| at >= outer.end) {
            around.pop();
        }
        let limit = around.last().map_or(usize::MAX, |outer| outer.end);
        let Some((tag, content)) = header(sheet.old, at).filter(|(_, c)| c.end <= limit) else {
            // Nonsense, or the captured end: what encloses it goes on behind it.
            let Some(outer) = around.pop() else { return };
            at = outer.end;
            continue;
        };
        let action = {
            let index = around.last().map_or(0, |outer| outer.index);
            let length = content.len();
            let there = sheet.clip(content.clone());
            let content = sheet.old.get(there).unwrap_or_default();
            choose(&Element { tag, content, length, index, around: &around })
        };
        if let Some(outer) = around.last_mut() {
            outer.index += 1;
        }
        sheet.keep(at..content.start);
        if action == Action::Descend && around.len() < DEPTH_MAX {
            around.push(Outer { tag, end: content.end, index: 0 });
            at = content.start;
            continue;
        }
        at = content.end;
        apply(sheet, action, content, names);
    }
}

fn apply(sheet: &mut Sheet<'_>, action: Action, content: Range<usize>, names: &mut Pseudonyms) {
    match action {
        Action::Keep => sheet.keep(content),
        Action::Text if sheet.get(content.clone()).is_some_and(is_oid) => sheet.keep(content),
        Action::Text => sheet.text(content, Numbers::Replace, names),
        Action::Address if content.len() == 4 => sheet.v4(content.start, names),
        Action::Address => sheet.v6(content.start, names),
        Action::Token => super::ntlm::token(&mut sheet.part(content), names),
        Action::Head => sheet.keep(content.start..content.start + PING_HEAD),
        Action::Blank | Action::Descend => {}
    }
}

/// Object identifiers in text, RFC 4512 section 1.4: more than the four numbers of an address.
fn is_oid(text: &[u8]) -> bool {
    let numbers = text.split(|byte| *byte == b'.');
    text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
        && matches!(text, [b'0'..=b'2', b'.', ..])
        && numbers.count() > 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::Key;

    /// A bind of `cn=alice`, RFC 4511 section 4.2.
    const BIND: &[u8] = b"\x30\x14\x02\x01\x05\x60\x0f\x02\x01\x03\x04\x08cn=alice\x80\x00";
    /// As much of it as stands before the name.
    const STRUCTURE: usize = 12;

    /// What is left of `token` behind its length, as an LDAP buffer.
    fn rewritten(token: &[u8]) -> Vec<u8> {
        let length = u32::try_from(token.len()).unwrap().to_be_bytes();
        let old = [&length, token].concat();
        let mut new = vec![0; old.len()];
        let mut names = Pseudonyms::new(&Key::from_secret(b"a key of the test"));
        ldap(&mut Sheet { old: &old, new: &mut new }, &mut names);
        assert_eq!(new[..4], length);
        new.split_off(4)
    }

    #[test]
    fn messages_that_are_only_signed_keep_their_structure_and_lose_their_names() {
        let kerberos = [b"\x05\x04\x04\xff\x00\x0c\x00\x0cNUMBERED", &[0xab; 12][..]].concat();
        let behind = b"\x05\x04\x04\xff\x00\x0c\x00\x00NUMBERED".to_vec();
        let ntlm = b"\x01\0\0\0CHECKSUM\x07\0\0\0".to_vec();
        for (head, after) in [(kerberos, 0), (behind, 12), (ntlm, 0)] {
            let token = [&head[..], BIND, BIND, &[0xab; 12][..after]].concat();
            let new = rewritten(&token);
            let messages = &new[head.len()..head.len() + 2 * BIND.len()];
            for message in messages.chunks(BIND.len()) {
                assert_eq!(message[..STRUCTURE], BIND[..STRUCTURE]);
                assert_ne!(message[STRUCTURE..STRUCTURE + 8], [0; 8]);
            }
            assert!(!new.windows(5).any(|word| word == b"alice"));
            assert!(!new.contains(&0xab), "of a signature nothing is kept");
        }
    }

    #[test]
    fn of_what_is_sealed_only_the_head_is_kept() {
        let sealed = [b"\x05\x04\x06\xff\x00\x0c\x00\x0cNUMBERED", &[0; 12][..], BIND].concat();
        let unknown = [b"\x02\0\0\0CHECKSUM\x07\0\0\0", BIND].concat();
        for token in [sealed, unknown] {
            assert!(rewritten(&token)[16..].iter().all(|byte| *byte == 0));
        }
    }
}
