//! Checksums of headers and segments (RFC 1071): right ones stay right, and nothing is said
//! about the bytes that are blank now.
//!
//! A sum that was left to the network card stays that way, a wrong one stays wrong. The
//! difference to the right sum is not kept: it would be a function of the original payload, and
//! test guesses of it.

use std::ops::Range;

/// Addresses that count to a sum, RFC 9293 section 3.1 and RFC 8200 section 8.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pseudo {
    None,
    /// Offset of the two addresses of IPv4.
    V4(usize),
    /// Offset of the two addresses of IPv6.
    V6(usize),
}

/// What a sum was before anything was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Zero: none was made.
    Absent,
    Right,
    /// That of the addresses alone: the network card was to do the rest.
    Partial,
    Wrong,
    /// Bytes it is made of were not captured.
    Unknown,
    /// Found for a datagram in several frames.
    Given(u16),
}

/// A checksum to be put right when the bytes under it are final.
#[derive(Debug, Clone)]
pub(super) struct Fix {
    /// Bytes that it covers.
    range: Range<usize>,
    /// Where it lies.
    field: usize,
    pseudo: Pseudo,
    /// IP protocol number for the pseudo header.
    pub protocol: u8,
    /// The datagram goes on in other frames.
    pub is_partly_here: bool,
    state: State,
}

impl Fix {
    pub fn new(range: Range<usize>, field: usize, pseudo: Pseudo) -> Self {
        let state = State::Unknown;
        Self { range, field, pseudo, protocol: 0, is_partly_here: false, state }
    }

    /// Finds out what the sum of the original bytes is.
    pub fn look(&mut self, old: &[u8]) {
        let Some(value) = old.get(self.field..).and_then(|rest| rest.first_chunk::<2>()) else {
            return;
        };
        let value = u16::from_be_bytes(*value);
        let covered = old.get(self.range.clone()).filter(|_| !self.is_partly_here);
        let pseudo = self.pseudo_sum(old);
        self.state = match covered {
            _ if value == 0 => State::Absent,
            None => State::Unknown,
            Some(covered) if fold(pseudo + sum(covered)) == u16::MAX => State::Right,
            Some(_) if self.pseudo != Pseudo::None && fold(pseudo) == value => State::Partial,
            Some(_) => State::Wrong,
        };
    }

    /// Writes the sum of the final bytes.
    pub fn write(&self, new: &mut [u8]) {
        let place = self.field..self.field + 2;
        let Some(field) = new.get_mut(place.clone()) else { return };
        field.fill(0);
        let covered = new.get(self.range.clone()).unwrap_or_default();
        let pseudo = self.pseudo_sum(new);
        // Zero would say that there is none (RFC 768).
        let right = match !fold(pseudo + sum(covered)) {
            0 => u16::MAX,
            right => right,
        };
        /// Any change of bits is wrong; this one is no sum of bytes swapped.
        const WRONG: u16 = 0x0101;
        let value = match self.state {
            State::Absent | State::Unknown => 0,
            State::Right => right,
            State::Given(value) => value,
            State::Partial => fold(pseudo),
            State::Wrong if right == WRONG => WRONG << 1,
            State::Wrong => right ^ WRONG,
        };
        if let Some(field) = new.get_mut(place) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Puts the sum right of a datagram of which this frame holds the first part: `old` and `new`
    /// are all of it, the field among them zero in `new`. The frame's addresses are in `frame`.
    pub fn give(&mut self, old: &[u8], new: &[u8], frame: (&[u8], &[u8])) {
        if !self.is_partly_here || self.state != State::Unknown {
            return;
        }
        let whole = Self { range: 0..old.len(), ..self.clone() };
        if fold(whole.pseudo_sum(frame.0) + sum(old)) == u16::MAX {
            let right = !fold(whole.pseudo_sum(frame.1) + sum(new));
            self.state = State::Given(if right == 0 { u16::MAX } else { right });
        }
    }

    fn pseudo_sum(&self, bytes: &[u8]) -> u64 {
        let range = match self.pseudo {
            Pseudo::None => return 0,
            Pseudo::V4(at) => at..at + 8,
            Pseudo::V6(at) => at..at + 32,
        };
        let length = self.range.len() as u64;
        let addresses = sum(bytes.get(range).unwrap_or_default());
        addresses + u64::from(self.protocol) + (length >> 16) + (length & 0xffff)
    }
}

/// Sum of the 16-bit words, an odd byte filled up with zero.
fn sum(bytes: &[u8]) -> u64 {
    let pairs = bytes.chunks_exact(2);
    let odd = pairs.remainder().first().map_or(0, |last| u64::from(*last) << 8);
    let words = pairs.map(|pair| match *pair {
        [high, low] => u64::from(u16::from_be_bytes([high, low])),
        _ => 0,
    });
    words.sum::<u64>() + odd
}

fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    u16::try_from(sum).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of RFC 1071's kind: 20 bytes, the sum at 10.
    fn header(checksum: u16) -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 20, 1, 2, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    fn after(checksum: u16) -> u16 {
        let old = header(checksum);
        let mut fix = Fix::new(0..20, 10, Pseudo::None);
        fix.look(&old);
        let mut new = old;
        new[15] = 99;
        fix.write(&mut new);
        u16::from_be_bytes([new[10], new[11]])
    }

    #[test]
    fn right_stays_right_and_wrong_wrong() {
        let right = !fold(sum(&header(0)));
        assert_eq!(after(right), right - 98);
        assert_eq!(after(0), 0);
        let wrongs: Vec<u16> = [right ^ 4, right ^ 8].into_iter().map(after).collect();
        assert_eq!(wrongs[0], wrongs[1], "how wrong it was is not told");
        assert_ne!(wrongs[0], right - 98);
    }

    #[test]
    fn a_sum_left_to_the_card_stays_partial() {
        let mut bytes = vec![10, 0, 0, 1, 10, 0, 0, 2];
        bytes.extend([0, 53, 0, 53, 0, 10, 0, 0, b'h', b'i']);
        let mut fix = Fix::new(8..18, 14, Pseudo::V4(0));
        fix.protocol = 17;
        let partial = fold(sum(&bytes[..8]) + 17 + 10);
        bytes[14..16].copy_from_slice(&partial.to_be_bytes());
        fix.look(&bytes);
        assert_eq!(fix.state, State::Partial);
        bytes[3] = 7;
        fix.write(&mut bytes);
        assert_eq!(u16::from_be_bytes([bytes[14], bytes[15]]), partial + 6);
    }
}
