//! The Internet checksum, RFC 1071.

/// Sum of 16-bit words, not yet folded. Parts but the last must have an even length.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes as big-endian words; the last one is padded with zero.
    #[inline]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        // Four bytes at a time: the sum of 32-bit words folds to that of 16-bit words.
        let mut chunks = bytes.chunks_exact(4);
        for chunk in &mut chunks {
            let word: [u8; 4] = chunk.try_into().unwrap_or_default();
            self.0 += u64::from(u32::from_be_bytes(word));
        }
        let mut last = [0; 4];
        last.iter_mut().zip(chunks.remainder()).for_each(|(to, byte)| *to = *byte);
        self.0 += u64::from(u32::from_be_bytes(last));
        self
    }

    /// Adds a number of up to 32 bits.
    #[inline]
    pub fn word(mut self, word: u32) -> Self {
        self.0 += u64::from(word);
        self
    }

    /// The checksum: the complement of the folded sum.
    #[inline]
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        !u16::try_from(sum).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_example_of_rfc_1071() {
        // Section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2 before the complement.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::default().bytes(&bytes).finish(), !0xddf2);
        assert_eq!(Sum::default().bytes(&bytes[..4]).bytes(&bytes[4..]).finish(), !0xddf2);
        assert_eq!(Sum::default().bytes(&[0xab]).finish(), !0xab00);
        assert_eq!(Sum::default().word(0x0001_f203).bytes(&bytes[4..]).finish(), !0xddf2);
    }
}
