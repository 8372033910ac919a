//! The Internet checksum, RFC 1071.

/// Sum of 16-bit words, not yet folded. Parts but the last must have an even length.
///
/// Words are added as the machine reads them, four at a time: the sum in either byte order is
/// the other's, swapped (RFC 1071 section 2, point B), and that of 64-bit words, carries
/// included, folds to that of 16-bit words (point C).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes; the last word is padded with zero.
    #[inline]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let (mut sum, mut carries) = (0u64, 0u64);
        for word in words {
            let (more, is_over) = sum.overflowing_add(u64::from_ne_bytes(*word));
            sum = more;
            carries += u64::from(is_over);
        }
        let (words, last) = rest.as_chunks::<4>();
        self.0 += (sum >> 32) + (sum & 0xffff_ffff) + carries;
        self.0 += words.iter().map(|word| native(*word)).sum::<u64>();
        let mut padded = [0; 4];
        padded.iter_mut().zip(last).for_each(|(to, byte)| *to = *byte);
        self.0 += native(padded);
        self
    }

    /// Adds a number of up to 32 bits.
    #[inline]
    pub fn word(mut self, word: u32) -> Self {
        self.0 += u64::from(word.to_be());
        self
    }

    /// The checksum: the complement of the folded sum.
    #[inline]
    pub fn finish(self) -> u16 {
        let mut sum = self.0;
        sum = (sum >> 32) + (sum & 0xffff_ffff);
        sum = (sum >> 32) + (sum & 0xffff_ffff);
        sum = (sum >> 16) + (sum & 0xffff);
        sum = (sum >> 16) + (sum & 0xffff);
        !u16::from_be(u16::try_from(sum).unwrap_or(u16::MAX))
    }
}

#[inline]
fn native(word: [u8; 4]) -> u64 {
    u64::from(u32::from_ne_bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;

    #[test]
    fn agrees_with_the_example_of_rfc_1071() {
        // Section 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2 before the complement.
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(Sum::default().bytes(&bytes).finish(), !0xddf2);
        assert_eq!(Sum::default().bytes(&bytes[..4]).bytes(&bytes[4..]).finish(), !0xddf2);
        assert_eq!(Sum::default().bytes(&[0xab]).finish(), !0xab00);
        assert_eq!(Sum::default().word(0x0001_f203).bytes(&bytes[4..]).finish(), !0xddf2);
    }

    #[test]
    fn agrees_with_adding_word_by_word() {
        let mut random = Random::new(11);
        for length in (0..200).chain([1_460, 65_535]) {
            let mut bytes = vec![0xff; length];
            // All ones carry most; anything else comes out of chance.
            if length % 3 > 0 {
                random.fill(&mut bytes);
            }
            let mut sum = 0u32;
            for pair in bytes.chunks(2) {
                let low = pair.get(1).copied().unwrap_or(0);
                sum += u32::from(u16::from_be_bytes([pair[0], low]));
                sum = (sum & 0xffff) + (sum >> 16);
            }
            let wanted = !u16::try_from(sum).unwrap();
            assert_eq!(Sum::default().bytes(&bytes).finish(), wanted, "{length} bytes");
        }
    }
}
