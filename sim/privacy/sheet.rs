//! Bytes copied out one field at a time: what nobody asked to keep stays zero.

use std::ops::Range;

use super::Pseudonyms;
use super::name::{Numbers, is_text};

/// Bytes of one name in UTF-16 that are looked at.
const WIDE_MAX_BYTES: usize = 4_096;

/// The original bytes of a frame or message, and its anonymised copy, which begins blank.
///
/// Every access is clipped to what is there: messages may be cut, and their lengths lie.
pub(super) struct Sheet<'a> {
    /// As captured.
    pub old: &'a [u8],
    /// As it will be written; as long as `old`.
    pub new: &'a mut [u8],
}

impl Sheet<'_> {
    /// The part `range` as a sheet of its own, empty where it begins behind the end.
    pub fn part(&mut self, range: Range<usize>) -> Sheet<'_> {
        let range = self.clip(range);
        Sheet {
            old: self.old.get(range.clone()).unwrap_or_default(),
            new: self.new.get_mut(range).unwrap_or_default(),
        }
    }

    /// What follows `at` as a sheet of its own.
    pub fn from(&mut self, at: usize) -> Sheet<'_> {
        self.part(at..self.old.len())
    }

    /// `range` cut to what is there.
    pub fn clip(&self, range: Range<usize>) -> Range<usize> {
        let end = range.end.min(self.old.len()).min(self.new.len());
        range.start.min(end)..end
    }

    pub fn len(&self) -> usize {
        self.old.len()
    }

    /// The original bytes of `range` where all of them are there.
    pub fn get(&self, range: Range<usize>) -> Option<&[u8]> {
        self.old.get(range)
    }

    pub fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.old.get(at..)?.first_chunk::<N>().copied()
    }

    pub fn byte(&self, at: usize) -> Option<usize> {
        self.old.get(at).map(|byte| usize::from(*byte))
    }

    pub fn be16(&self, at: usize) -> Option<usize> {
        self.array(at).map(|bytes| usize::from(u16::from_be_bytes(bytes)))
    }

    pub fn le16(&self, at: usize) -> Option<usize> {
        self.array(at).map(|bytes| usize::from(u16::from_le_bytes(bytes)))
    }

    /// A number that no length can exceed where the machine's words are shorter.
    pub fn le32(&self, at: usize) -> Option<usize> {
        self.array(at).map(|bytes| usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX))
    }

    /// Copies `range` as it is.
    pub fn keep(&mut self, range: Range<usize>) {
        let range = self.clip(range);
        if let (Some(old), Some(new)) = (self.old.get(range.clone()), self.new.get_mut(range)) {
            new.copy_from_slice(old);
        }
    }

    /// Writes `bytes` at `at`.
    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        let range = self.clip(at..at.saturating_add(bytes.len()));
        if let Some(new) = self.new.get_mut(range) {
            new.iter_mut().zip(bytes).for_each(|(new, byte)| *new = *byte);
        }
    }

    /// Blanks `range` again.
    pub fn blank(&mut self, range: Range<usize>) {
        let range = self.clip(range);
        self.new.get_mut(range).unwrap_or_default().fill(0);
    }

    pub fn v4(&mut self, at: usize, names: &mut Pseudonyms) {
        if let Some(address) = self.array(at) {
            self.put(at, &names.v4(address));
        }
    }

    pub fn v6(&mut self, at: usize, names: &mut Pseudonyms) {
        if let Some(address) = self.array(at) {
            self.put(at, &names.v6(address));
        }
    }

    pub fn mac(&mut self, at: usize, names: &mut Pseudonyms) {
        if let Some(address) = self.array(at) {
            self.put(at, &names.mac(address));
        }
    }

    /// An identifier of sixteen bytes that may say who made it.
    pub fn identifier(&mut self, at: usize, names: &Pseudonyms) {
        if let Some(bytes) = self.array::<16>(at).filter(|bytes| *bytes != [0; 16]) {
            self.put(at, &names.identifier(bytes));
        }
    }

    /// Text of one byte a character: its words become others of the same length. Bytes that are
    /// not text stay blank; zeros may end it.
    pub fn text(&mut self, range: Range<usize>, numbers: Numbers, names: &mut Pseudonyms) {
        let range = self.clip(range);
        let old = self.old.get(range.clone()).unwrap_or_default();
        let end = old.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let Some(text) = old.get(..end).filter(|text| is_text(text)) else { return };
        let mut image = text.to_vec();
        names.alike(&mut image, numbers);
        self.put(range.start, &image);
    }

    /// The same for UTF-16, little-endian. Only what is ASCII in it can agree with other text.
    pub fn wide(&mut self, range: Range<usize>, numbers: Numbers, names: &mut Pseudonyms) {
        let range = self.clip(range);
        let old = self.old.get(range.clone()).unwrap_or_default();
        let old = old.get(..WIDE_MAX_BYTES).unwrap_or(old);
        // One byte for each unit; what ASCII cannot say is a letter of some alphabet.
        let units = old.chunks_exact(2).map(|pair| match *pair {
            [low, 0] if low.is_ascii() => low,
            [low, high] => 0x80 | low ^ high,
            _ => 0,
        });
        let mut text: Vec<u8> = units.collect();
        names.alike(&mut text, numbers);
        // Letters that were no ASCII were replaced with their word.
        let wide: Vec<u8> =
            text.iter().flat_map(|byte| [if byte.is_ascii() { *byte } else { b'x' }, 0]).collect();
        self.put(range.start, &wide);
    }
}
