//! Text to words, and the addresses and identifiers that hide in it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str;

/// What stands at some place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// A byte between words.
    Separator,
    /// A word.
    Word,
    /// `10.0.0.1`
    V4(Ipv4Addr),
    /// `fe80::1`
    V6(Ipv6Addr),
    /// `02:00:5e:10:00:01` or with hyphens.
    Mac([u8; 6]),
    /// `S-1-5-21-1-2-3-500`
    Sid,
    /// The numbers before `.in-addr.arpa`, which are an address backwards (RFC 1035 section
    /// 3.5): the address, and how many of its octets there are.
    ReverseV4(Ipv4Addr, usize),
    /// The digits before `.ip6.arpa` (RFC 3596 section 2.5): the address, and how many nibbles.
    ReverseV6(Ipv6Addr, usize),
}

/// Longest address in text, RFC 4291 section 2.2: eight groups, the last two as IPv4.
const ADDRESS_MAX: usize = 45;
/// A MAC address in text.
const MAC_LENGTH: usize = 17;
/// Nibbles of an IPv6 address.
const NIBBLES: usize = 32;
/// Most sub-authorities of a security identifier, \[MS-DTYP\] section 2.4.2.
const SID_MAX: usize = 15 * 11 + 20;

const REVERSE_V4: &[u8] = b"in-addr.arpa";
const REVERSE_V6: &[u8] = b"ip6.arpa";

/// Bytes between words. Hyphen and underscore belong to them.
pub(super) fn is_separator(byte: u8) -> bool {
    byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'-' && byte != b'_'
}

/// The first piece of `text` and its length, 0 only for an empty text. The text begins at a
/// word's beginning or with a separator.
pub(super) fn piece(text: &[u8]) -> (Piece, usize) {
    let Some(&first) = text.first() else { return (Piece::Separator, 0) };
    if let Some(found) = special(text, first) {
        return found;
    }
    if is_separator(first) {
        return (Piece::Separator, 1);
    }
    let end = text.iter().position(|&byte| is_separator(byte));
    (Piece::Word, end.unwrap_or(text.len()))
}

fn special(text: &[u8], first: u8) -> Option<(Piece, usize)> {
    if matches!(first, b'S' | b's')
        && let Some(found) = sid(text)
    {
        return Some(found);
    }
    if !first.is_ascii_hexdigit() && first != b':' {
        return None;
    }
    mac(text).or_else(|| reverse(text)).or_else(|| address(text))
}

/// The word ends where `rest` begins.
fn is_end(rest: &[u8]) -> bool {
    rest.first().is_none_or(|&byte| is_separator(byte))
}

fn sid(text: &[u8]) -> Option<(Piece, usize)> {
    let digits = text.get(1..)?.iter().take(SID_MAX);
    let length = 1 + digits.take_while(|byte| byte.is_ascii_digit() || **byte == b'-').count();
    let is_sid = text.get(1..4)? == b"-1-" && is_end(text.get(length..)?);
    is_sid.then_some((Piece::Sid, length))
}

fn mac(text: &[u8]) -> Option<(Piece, usize)> {
    let (text, rest) = text.split_at_checked(MAC_LENGTH)?;
    let mut address = [0; 6];
    for (byte, pair) in address.iter_mut().zip(text.chunks(3)) {
        let (&[high, low], separator) = pair.split_first_chunk::<2>()?;
        if !matches!(separator, [] | b":" | b"-") {
            return None;
        }
        *byte = nibble(high)? << 4 | nibble(low)?;
    }
    let one_kind = text.get(2) == text.get(14);
    let ends = is_end(rest) && !matches!(rest, [b':', next, ..] if next.is_ascii_hexdigit());
    (one_kind && ends).then_some((Piece::Mac(address), MAC_LENGTH))
}

fn nibble(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

fn ends_with_zone(rest: &[u8], zone: &[u8]) -> bool {
    let found = rest.get(..zone.len()).is_some_and(|head| head.eq_ignore_ascii_case(zone));
    found && is_end(rest.get(zone.len()..).unwrap_or_default())
}

/// Numbers before a reverse zone, the dot before the zone not included.
fn reverse(text: &[u8]) -> Option<(Piece, usize)> {
    let of = |allowed: fn(&u8) -> bool| {
        let run = text.iter().take(2 * NIBBLES).take_while(|b| allowed(b) || **b == b'.').count();
        // `ip6.arpa` and `in-addr.arpa` begin with a letter that is no digit.
        (text.get(..run).unwrap_or_default(), text.get(run..).unwrap_or_default())
    };
    let (run, rest) = of(u8::is_ascii_digit);
    if ends_with_zone(rest, REVERSE_V4) {
        let mut octets = [0; 4];
        let numbers: Vec<&str> = str::from_utf8(run).ok()?.strip_suffix('.')?.split('.').collect();
        for (octet, number) in octets.iter_mut().zip(numbers.iter().rev()) {
            *octet = number.parse().ok()?;
        }
        let found = Piece::ReverseV4(octets.into(), numbers.len());
        return (numbers.len() <= 4).then_some((found, run.len() - 1));
    }
    let (run, rest) = of(u8::is_ascii_hexdigit);
    if ends_with_zone(rest, REVERSE_V6) {
        let pairs = run.chunks(2);
        let mut bits = 0_u128;
        let count = run.len() / 2;
        for (at, pair) in pairs.rev().enumerate() {
            let &[digit, b'.'] = pair else { return None };
            bits |= u128::from(nibble(digit)?).checked_shl(124 - 4 * u32::try_from(at).ok()?)?;
        }
        let found = Piece::ReverseV6(bits.into(), count);
        return (count <= NIBBLES).then_some((found, run.len() - 1));
    }
    None
}

fn address(text: &[u8]) -> Option<(Piece, usize)> {
    let digits = |byte: &&u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let run = text.iter().take(ADDRESS_MAX).take_while(digits).count();
    let run = str::from_utf8(text.get(..run)?).ok()?;
    let v6 = run.trim_end_matches('.');
    let is_word = |length: usize| is_end(text.get(length..).unwrap_or_default());
    // A colon may follow an address as punctuation.
    for candidate in [v6, v6.strip_suffix(':').unwrap_or(v6)] {
        if let Ok(address) = candidate.parse()
            && is_word(candidate.len())
        {
            return Some((Piece::V6(address), candidate.len()));
        }
    }
    let v4 = run.split(|c: char| !c.is_ascii_digit() && c != '.').next()?.trim_end_matches('.');
    let address = v4.parse().ok().filter(|_| is_word(v4.len()))?;
    Some((Piece::V4(address), v4.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(Piece, &str)> {
        let (mut at, mut found) = (0, Vec::new());
        while at < text.len() {
            let (kind, length) = piece(&text.as_bytes()[at..]);
            assert!(length > 0);
            if kind != Piece::Separator {
                found.push((kind, &text[at..at + length]));
            }
            at += length;
        }
        found
    }

    #[test]
    fn words_end_at_separators() {
        let words: Vec<&str> =
            pieces(r"LAB\al-ice@lab.example/IPC$").into_iter().map(|(_, text)| text).collect();
        assert_eq!(words, ["LAB", "al-ice", "lab", "example", "IPC"]);
    }

    #[test]
    fn addresses_and_identifiers_are_recognised() {
        let v4 = Piece::V4(Ipv4Addr::new(10, 0, 0, 1));
        let v6 = Piece::V6("fd77::10".parse().unwrap());
        for (text, want) in [
            ("10.0.0.1", (v4, "10.0.0.1")),
            ("10.0.0.1:445", (v4, "10.0.0.1")),
            ("10.0.0.1.", (v4, "10.0.0.1")),
            ("10.0.0.1: lost", (v4, "10.0.0.1")),
            ("fd77::10", (v6, "fd77::10")),
            ("fd77::10]:88", (v6, "fd77::10")),
            ("S-1-5-21-1-2-3-500)", (Piece::Sid, "S-1-5-21-1-2-3-500")),
            ("02-00-5e-10-00-01", (Piece::Mac([2, 0, 0x5e, 16, 0, 1]), "02-00-5e-10-00-01")),
            ("02:00:5e:10:00:01]", (Piece::Mac([2, 0, 0x5e, 16, 0, 1]), "02:00:5e:10:00:01")),
            (
                "1.0.77.10.in-addr.arpa",
                (Piece::ReverseV4(Ipv4Addr::new(10, 77, 0, 1), 4), "1.0.77.10"),
            ),
            ("77.10.IN-ADDR.arpa.", (Piece::ReverseV4(Ipv4Addr::new(10, 77, 0, 0), 2), "77.10")),
            ("7.7.d.f.ip6.arpa", (Piece::ReverseV6("fd77::".parse().unwrap(), 4), "7.7.d.f")),
            ("1.2.3", (Piece::Word, "1")),
            ("10:20:30", (Piece::Word, "10")),
            ("face.example", (Piece::Word, "face")),
            ("10.0.0.1x", (Piece::Word, "10")),
        ] {
            assert_eq!(pieces(text).first(), Some(&want), "{text}");
        }
    }
}
