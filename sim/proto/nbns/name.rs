//! NetBIOS names: sixteen bytes, encoded into letters where they travel, RFC 1001 section 14.1.

use std::fmt::{self, Display, Write as _};

use crate::proto::dns::{Name, NameBuf};
use crate::wire::{Cause, WireError};

/// Length of the label that an encoded name takes.
pub(super) const ENCODED: usize = 32;
/// Characters before the suffix.
const CHARACTERS: usize = 15;

/// Fifteen characters and a suffix that says what of that name is meant: 0x00 the workstation,
/// 0x20 its server, 0x1c the domain's controllers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetBiosName(pub [u8; 16]);

/// A name as it lies, shown decoded and with its scope. What is not encoded shows as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoded<'a>(pub Name<'a>);

impl NetBiosName {
    /// Whom a node status is asked of that may have any name, RFC 1002 section 4.2.17.
    pub const WILDCARD: Self = Self(*b"*\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");

    /// A name, filled up with blanks.
    ///
    /// # Errors
    /// More than fifteen bytes.
    pub fn new(name: &str, suffix: u8) -> Result<Self, WireError> {
        let mut bytes = [b' '; CHARACTERS + 1];
        let got = name.len();
        match bytes.get_mut(..got) {
            Some(start) if got <= CHARACTERS => start.copy_from_slice(name.as_bytes()),
            _ => {
                let cause = Cause::BadLength { field: "name", got, min: 0, max: CHARACTERS };
                return Err(WireError { what: "nbns::NetBiosName", offset: 0, cause });
            }
        }
        let [.., last] = &mut bytes;
        *last = suffix;
        Ok(Self(bytes))
    }

    /// Decodes a label: two letters from A to P for each byte.
    pub fn decode(label: &[u8]) -> Option<Self> {
        let letters: &[u8; ENCODED] = label.try_into().ok()?;
        let (pairs, _) = letters.as_chunks::<2>();
        let mut bytes = [0; CHARACTERS + 1];
        for (byte, pair) in bytes.iter_mut().zip(pairs) {
            let [high, low] = pair.map(|letter| letter.wrapping_sub(b'A'));
            if high > 0xf || low > 0xf {
                return None;
            }
            *byte = high << 4 | low;
        }
        Some(Self(bytes))
    }

    /// The letters, and labels of a scope behind them; none where it is empty.
    ///
    /// # Errors
    /// A label of the scope that is too long, or all of them together.
    pub fn encode(&self, scope: &str) -> Result<NameBuf, WireError> {
        let letters: Vec<u8> =
            self.0.iter().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 0xf)]).collect();
        let scope = scope.split('.').filter(|_| !scope.is_empty()).map(str::as_bytes);
        NameBuf::from_labels(std::iter::once(&letters[..]).chain(scope))
    }

    /// What of the name is meant.
    pub const fn suffix(&self) -> u8 {
        let [.., suffix] = self.0;
        suffix
    }

    /// The name alone: without suffix, and without the blanks or zeros that fill it up.
    pub const fn host(&self) -> Padded<'_> {
        let [characters @ .., _] = &self.0;
        Padded(characters)
    }
}

/// As is usual: `LAB<1c>`.
impl Display for NetBiosName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<{:02x}>", self.host(), self.suffix())
    }
}

/// Characters filled up with blanks or zeros. What is not ASCII is in a code page that the
/// message does not tell, and shows in hexadecimal, as do control characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Padded<'a>(pub &'a [u8]);

impl Display for Padded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self.0.iter().rposition(|byte| !matches!(byte, b' ' | 0));
        let text = self.0.get(..used.map_or(0, |last| last + 1)).unwrap_or_default();
        if let Ok(plain) = str::from_utf8(text)
            && text.iter().all(|byte| (b' '..0x7f).contains(byte))
        {
            return f.write_str(plain);
        }
        for &byte in text {
            match byte {
                b' '..0x7f => f.write_char(char::from(byte))?,
                _ => write!(f, "<{byte:02x}>")?,
            }
        }
        Ok(())
    }
}

impl Encoded<'_> {
    /// The name without its scope; `None` where the first label is none.
    pub fn decoded(&self) -> Option<NetBiosName> {
        NetBiosName::decode(self.0.labels().next()?.ok()?)
    }
}

impl Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = self.decoded() else { return self.0.fmt(f) };
        name.fmt(f)?;
        for label in self.0.labels().skip(1).map_while(Result::ok) {
            write!(f, ".{}", Padded(label))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_and_decoded() {
        // RFC 1001 section 14.1: "FRED          " and two blanks.
        let fred = NetBiosName::new("FRED", b' ').unwrap();
        let encoded = fred.encode("NETBIOS.COM").unwrap();
        let letters = b"\x20EGFCEFEECACACACACACACACACACACACA\x07NETBIOS\x03COM\x00";
        assert_eq!(encoded.name().wire(), letters);
        assert_eq!(Encoded(encoded.name()).decoded(), Some(fred));
        assert_eq!(Encoded(encoded.name()).to_string(), "FRED<20>.NETBIOS.COM");
    }

    #[test]
    fn names_are_shown_without_what_fills_them_up() {
        let shown = |name, suffix| NetBiosName::new(name, suffix).unwrap().to_string();
        assert_eq!(shown("LAB", 0x1c), "LAB<1c>");
        assert_eq!(shown("TWO WORDS", 0), "TWO WORDS<00>");
        assert_eq!(shown("\x01\x02__MSBROWSE__\x02", 1), "<01><02>__MSBROWSE__<02><01>");
        assert_eq!(NetBiosName::WILDCARD.to_string(), "*<00>");
        assert!(NetBiosName::new("SIXTEEN-LETTERS!", 0).is_err());
    }

    #[test]
    fn letters_beyond_p_are_no_name() {
        let mut letters = *b"EGFCEFEECACACACACACACACACACACACA";
        assert!(NetBiosName::decode(&letters).is_some());
        letters[7] = b'Q';
        assert_eq!(NetBiosName::decode(&letters), None);
        assert_eq!(NetBiosName::decode(&letters[1..]), None);
        let plain = NameBuf::from_text("lab.example").unwrap();
        assert_eq!(Encoded(plain.name()).to_string(), "lab.example");
    }
}
