//! Seeded random numbers that stay the same on every machine and in every version.

/// Streams that fill long stretches side by side, and the bytes they fill at once.
const LANES: usize = 8;
const BLOCK_BYTES: usize = 8 * LANES;

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
///
/// Written out here because files made from a seed must not change when a crate changes its
/// stream. Not for secrets.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream that belongs to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A stream of its own for whatever `label` numbers: streams of different labels do not
    /// repeat each other.
    pub const fn fork(seed: u64, label: u64) -> Self {
        let mut random = Self(seed ^ label.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let state = random.next_u64();
        Self(state)
    }

    /// Uniform in `0.0..1.0`, with 53 bits.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub const fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with probability `share`.
    pub const fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// Uniform in `low..high`.
    pub const fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.unit())
    }

    /// Normal (Box and Muller 1958, one of the two).
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        mean + deviation * radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Lognormal: its logarithm is normal around that of `median`, with deviation `sigma`.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(self.normal(0.0, sigma))
    }

    /// Pareto: `low` at least, heavy-tailed with exponent `alpha`.
    pub fn pareto(&mut self, low: f64, alpha: f64) -> f64 {
        low * libm::pow(1.0 - self.unit(), -1.0 / alpha)
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        let (blocks, rest) = out.as_chunks_mut::<BLOCK_BYTES>();
        if !blocks.is_empty() {
            self.fill_blocks(blocks);
        }
        let (words, last) = rest.as_chunks_mut::<8>();
        words.iter_mut().for_each(|word| *word = self.next_u64().to_le_bytes());
        if !last.is_empty() {
            let word = self.next_u64().to_le_bytes();
            last.iter_mut().zip(word).for_each(|(to, byte)| *to = byte);
        }
    }

    /// Fills whole blocks from [`LANES`] streams side by side, which needs no multiplication, so
    /// that vector units can do it: Marsaglia 2003, "Xorshift RNGs", section 3, 64 bits.
    fn fill_blocks(&mut self, blocks: &mut [[u8; BLOCK_BYTES]]) {
        // A stream must not begin with zero.
        let mut lanes = [0; LANES].map(|_: u64| self.next_u64() | 1);
        for block in blocks {
            let (words, _) = block.as_chunks_mut::<8>();
            for (lane, word) in lanes.iter_mut().zip(words) {
                *lane ^= *lane << 13;
                *lane ^= *lane >> 7;
                *lane ^= *lane << 17;
                *word = lane.to_le_bytes();
            }
        }
    }

    /// A number in `0..bound`, or 0 when `bound` is 0. The bias is below `bound / 2^32`.
    pub const fn below(&mut self, bound: u32) -> u32 {
        (((self.next_u64() >> 32) * bound as u64) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        // First outputs of the authors' reference code for seed 1234567.
        let mut random = Random::new(1_234_567);
        let got = [random.next_u64(), random.next_u64(), random.next_u64()];
        assert_eq!(
            got,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn distributions_have_their_means() {
        let mut random = Random::fork(7, 1);
        let mut mean = |draw: &mut dyn FnMut(&mut Random) -> f64| {
            (0..100_000).map(|_| draw(&mut random)).sum::<f64>() / 100_000.0
        };
        assert!((mean(&mut |r| r.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut |r| r.between(2.0, 4.0)) - 3.0).abs() < 0.02);
        assert!((mean(&mut |r| r.exponential(5.0)) - 5.0).abs() < 0.1);
        assert!((mean(&mut |r| r.normal(5.0, 2.0)) - 5.0).abs() < 0.05);
        // The mean of a Pareto distribution is alpha * low / (alpha - 1).
        assert!((mean(&mut |r| r.pareto(2.0, 3.0)) - 3.0).abs() < 0.05);
        assert!((mean(&mut |r| r.lognormal(1.0, 0.5)) - libm::exp(0.125)).abs() < 0.02);
        assert!((mean(&mut |r| f64::from(u8::from(r.chance(0.2)))) - 0.2).abs() < 0.01);
    }

    #[test]
    fn streams_of_labels_differ_and_fill_any_length() {
        let first = |label| Random::fork(1, label).next_u64();
        assert_ne!(first(0), first(1));
        for length in 0..20 {
            let mut bytes = vec![0u8; length];
            Random::new(3).fill(&mut bytes);
            let again = Random::new(3).next_u64().to_le_bytes();
            assert!(bytes.iter().zip(again).all(|(a, b)| *a == b));
        }
    }

    #[test]
    fn long_stretches_are_random_too() {
        let mut bytes = vec![0u8; 100_000];
        Random::new(9).fill(&mut bytes);
        let mut counts = [0u32; 256];
        bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        // Chi-squared with 255 degrees of freedom: 400 is beyond seven deviations.
        let expected = 100_000.0 / 256.0;
        let terms = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected);
        assert!(terms.sum::<f64>() < 400.0);
        let mut words: Vec<&[u8]> = bytes.chunks_exact(8).collect();
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]));
        let mut again = vec![0u8; 100_000];
        Random::new(9).fill(&mut again);
        assert!(bytes == again);
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::new(7);
        assert!((0..10_000).all(|_| random.below(13) < 13));
        assert_eq!(random.below(0), 0);
    }
}
