//! The key of all pseudonyms, and the keyed function they are drawn from: HMAC (RFC 2104) with
//! SHA-256 (FIPS 180-4).

use std::fmt;
use std::io;

use sha2::{Digest, Sha256};

/// Bytes of a key and of what the keyed function gives.
pub const KEY_BYTES: usize = 32;
/// Block of SHA-256 in bytes, FIPS 180-4 section 1.
const BLOCK_BYTES: usize = 64;

/// Thirty-two secret bytes. Who has them can test guesses of names; nobody else can.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; KEY_BYTES]);

impl fmt::Debug for Key {
    /// Never shows the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// A key that nobody knows: pseudonyms agree within one run only.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    #[cfg(unix)]
    pub fn random() -> io::Result<Self> {
        use std::io::Read;
        let mut bytes = [0; KEY_BYTES];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// A key that nobody knows: pseudonyms agree within one run only. The standard library seeds
    /// the hash tables of each new thread with 128 random bits of the system; four threads give
    /// more than a key holds.
    ///
    /// # Errors
    /// When a thread cannot be started.
    #[cfg(not(unix))]
    pub fn random() -> io::Result<Self> {
        use std::hash::{BuildHasher, RandomState};
        let mut digest = Sha256::new();
        for _ in 0..4 {
            let drawn = std::thread::Builder::new().spawn(|| {
                let state = RandomState::new();
                [0_u8, 1, 2, 3].map(|word| state.hash_one(word))
            })?;
            let words = drawn.join().map_err(|_| io::Error::other("a thread panicked"))?;
            words.iter().for_each(|word| digest.update(word.to_le_bytes()));
        }
        Ok(Self(digest.finalize().into()))
    }

    /// The key that belongs to a secret of any length, so that several runs agree. It is as hard
    /// to guess as the secret.
    pub fn from_secret(secret: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"headroom pseudonyms 1\0").chain_update(secret);
        Self(digest.finalize().into())
    }
}

/// What a pseudonym stands for: equal inputs of different kinds get unrelated outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Purpose {
    V4 = 1,
    V6,
    Mac,
    Name,
    Sid,
    Digits,
    Identifier,
}

/// HMAC-SHA-256 with the key already absorbed.
#[derive(Clone)]
pub(super) struct Keyed {
    inner: Sha256,
    outer: Sha256,
}

impl Keyed {
    pub fn new(key: &Key) -> Self {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK_BYTES];
            block.iter_mut().zip(key.0).for_each(|(byte, key)| *byte ^= key);
            Sha256::new().chain_update(block)
        };
        Self { inner: padded(0x36), outer: padded(0x5c) }
    }

    /// The output for `input`.
    pub fn hash(&self, purpose: Purpose, input: &[u8]) -> [u8; KEY_BYTES] {
        self.hmac(&[&[purpose as u8], input])
    }

    fn hmac(&self, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        let mut inner = self.inner.clone();
        parts.iter().for_each(|part| inner.update(part));
        self.outer.clone().chain_update(inner.finalize()).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 section 4.3, whose key is shorter: it is padded with zeros, as ours would be.
    #[test]
    fn the_keyed_function_is_hmac() {
        let mut key = [0; KEY_BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let got = Keyed::new(&Key(key)).hmac(&[b"what do ya want ", b"for nothing?"]);
        let text: String = got.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn keys_differ_and_are_not_shown() {
        let (one, other) = (Key::random().unwrap(), Key::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(Key::from_secret(b"x"), Key::from_secret(b"x"));
        assert_ne!(Key::from_secret(b"x"), Key::from_secret(b"y"));
        assert_eq!(format!("{one:?}"), "Key(..)");
    }
}
