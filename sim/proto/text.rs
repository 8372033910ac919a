//! Names as they lie in messages, and as they are shown and kept.
//!
//! What is shown is what was sent, decoded: control characters and the like are left to whoever
//! writes them out.

use std::fmt::{self, Display, Write};

/// Bytes kept of one name at most: longer than any name that a directory takes (256 characters
/// of a distinguished name's part, 260 of a Windows path), shorter than what a sender might try.
pub const HELD_MAX: usize = 512;

/// UTF-16, little-endian, as Windows sends names. A lone surrogate and an odd last byte show as
/// U+FFFD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utf16<'a>(pub &'a [u8]);

impl Display for Utf16<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pairs, rest) = self.0.as_chunks::<2>();
        let units = pairs.iter().map(|&pair| u16::from_le_bytes(pair));
        for unit in char::decode_utf16(units) {
            f.write_char(unit.unwrap_or(char::REPLACEMENT_CHARACTER))?;
        }
        if rest.is_empty() { Ok(()) } else { f.write_char(char::REPLACEMENT_CHARACTER) }
    }
}

/// UTF-8, or bytes that should be: what is not shows as U+FFFD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utf8<'a>(pub &'a [u8]);

impl Display for Utf8<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        Ok(())
    }
}

/// A name kept beyond the message it came in. Its memory is reused; what is longer than
/// [`HELD_MAX`] is cut there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held(String);

impl Held {
    /// Keeps what `name` shows in place of what was kept.
    pub fn set(&mut self, name: &dyn Display) {
        self.clear();
        // `write_str` below fails only to stop at the limit.
        let _ = write!(self, "{name}");
    }

    /// Forgets the name, keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What is kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        self.0.capacity()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is kept, if anything, as an activity wants it.
    pub fn shown(&self) -> Option<&dyn Display> {
        if self.0.is_empty() { None } else { Some(&self.0) }
    }
}

impl Write for Held {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = HELD_MAX - self.0.len();
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.0.push_str(text.get(..end).unwrap_or_default());
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

impl Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_shows_as_replaced() {
        assert_eq!(Utf16(b"a\0\x3d\xd8\x4b\xde\0\xd8z").to_string(), "a\u{1f64b}\u{fffd}\u{fffd}");
        assert_eq!(Utf8(b"caf\xc3\xa9 \xff!").to_string(), "caf\u{e9} \u{fffd}!");
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        let mut held = Held::default();
        held.set(&"\u{20ac}".repeat(HELD_MAX));
        assert_eq!(held.as_str(), "\u{20ac}".repeat(HELD_MAX / 3));
        held.set(&"short");
        assert_eq!(held.as_str(), "short");
        held.clear();
        assert!(held.shown().is_none());
    }
}
