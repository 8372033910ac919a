//! Base64, RFC 4648 section 4, into memory that is used again.

/// Longest token in bytes: longer than the 48,000 that Windows allows itself.
pub(super) const TOKEN_MAX: usize = 49_152;

/// What a character stands for; 64 and more is none.
#[inline]
const fn value(character: u8) -> u8 {
    match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => 0xff,
    }
}

/// Replaces what is in `out` by what `text` says; whether it is base64 of at most [`TOKEN_MAX`]
/// bytes. Without `is_whole` the text may end anywhere.
pub(super) fn decode(text: &[u8], is_whole: bool, out: &mut Vec<u8>) -> bool {
    out.clear();
    let end = text.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let (text, padding) = text.split_at_checked(end).unwrap_or((text, &[]));
    if text.len() / 4 * 3 + 3 > TOKEN_MAX || padding.len() > 2 {
        return false;
    }
    let (groups, rest) = text.as_chunks::<4>();
    for group in groups {
        let [a, b, c, d] = group.map(value);
        if (a | b | c | d) & 0xc0 != 0 {
            return false;
        }
        out.extend([a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]);
    }
    match *rest {
        [] => padding.is_empty(),
        [a, b] if (value(a) | value(b)) & 0xc0 == 0 => {
            out.push(value(a) << 2 | value(b) >> 4);
            padding.len() == 2 || !is_whole
        }
        [a, b, c] if (value(a) | value(b) | value(c)) & 0xc0 == 0 => {
            out.extend([value(a) << 2 | value(b) >> 4, value(b) << 4 | value(c) >> 2]);
            padding.len() == 1 || !is_whole
        }
        _ => !is_whole,
    }
}

/// The text that says `bytes`, padded.
pub(super) fn encode(bytes: &[u8]) -> String {
    let character = |value: u32| match u8::try_from(value & 0x3f).unwrap_or(0) {
        value @ 0..=25 => b'A' + value,
        value @ 26..=51 => b'a' + value - 26,
        value @ 52..=61 => b'0' + value - 52,
        62 => b'+',
        _ => b'/',
    };
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let mut octets = [0; 4];
        for (octet, byte) in octets.iter_mut().skip(1).zip(group) {
            *octet = *byte;
        }
        let bits = u32::from_be_bytes(octets);
        for place in 0..4 {
            let is_there = place <= group.len();
            let shift = 18 - 6 * place;
            text.push(if is_there { char::from(character(bits >> shift)) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Option<Vec<u8>> {
        let mut out = vec![7; 3];
        decode(text, true, &mut out).then_some(out)
    }

    #[test]
    fn the_vectors_of_the_specification() {
        for (text, want) in [
            (&b""[..], &b""[..]), // RFC 4648 section 10
            (b"Zg==", b"f"),
            (b"Zm8=", b"fo"),
            (b"Zm9v", b"foo"),
            (b"Zm9vYg==", b"foob"),
            (b"Zm9vYmE=", b"fooba"),
            (b"Zm9vYmFy", b"foobar"),
            (b"+/+/", b"\xfb\xff\xbf"),
        ] {
            assert_eq!(decoded(text).as_deref(), Some(want));
            assert_eq!(encode(want).as_bytes(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [&b"Zg="[..], b"Zg", b"Zm9v=", b"Z===", b"Zm-v", b"Zm 9v", b"Z", b"=Zm9"] {
            assert_eq!(decoded(text), None, "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(decoded(&vec![b'A'; TOKEN_MAX / 3 * 4 + 4]), None);
        let mut out = Vec::new();
        assert!(decode(b"Zm9vYg", false, &mut out));
        assert_eq!(out, b"foob");
    }
}
