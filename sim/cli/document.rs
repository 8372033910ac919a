//! Small text files that are read whole: estates, counter names.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use super::inputs::is_standard_input;
use crate::base::hex;
use crate::{capture, counters};

/// Files that are read whole may not be larger.
const BYTES_MAX: u64 = 4 << 20;

/// A text file.
#[derive(Debug)]
pub struct Document {
    /// As it was named.
    pub name: String,
    /// What it says.
    pub text: String,
    /// Its length, in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl Document {
    /// Reads the file at `path`, or standard input where that is `-`.
    ///
    /// # Errors
    /// A file that cannot be read, is too large, or is no text.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let failed = || format!("open {name}");
        if is_standard_input(path) {
            return Self::take(&name, capture::standard_input().with_context(failed)?);
        }
        let file = File::open(path).with_context(failed)?;
        // A pipe has no length, and is cut off at the limit.
        let size = file.metadata().with_context(failed)?.len();
        if size > BYTES_MAX {
            bail!("read {name}: {size} bytes are more than the {BYTES_MAX} allowed");
        }
        Self::take(&name, file)
    }

    /// Reads all of `source`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn take(name: &str, source: impl Read) -> anyhow::Result<Self> {
        let mut bytes = Vec::new();
        let read = source.take(BYTES_MAX + 1).read_to_end(&mut bytes);
        read.with_context(|| format!("read {name}"))?;
        if bytes.len() as u64 > BYTES_MAX {
            bail!("read {name}: it has more than the {BYTES_MAX} bytes allowed");
        }
        let shown = if is_standard_input(Path::new(name)) { "standard input" } else { name };
        let text = counters::decode(&bytes).with_context(|| {
            format!("read {shown}: it is neither UTF-8 nor UTF-16 text; save it as UTF-8")
        })?;
        // Every second byte of UTF-16 is zero; without its mark it passes for UTF-8.
        if text.contains('\0') {
            bail!(
                "read {shown}: it has zero bytes, as UTF-16 has them that lacks its byte order \
                 mark; save it as UTF-8"
            );
        }
        let (text, size_bytes, sha256) = (text.into_owned(), bytes.len() as u64, digest(&bytes));
        Ok(Self { name: name.to_owned(), text, size_bytes, sha256 })
    }
}

fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_every_encoding_that_has_a_mark() {
        let text = "name = \"Zürich\"\n";
        let units: Vec<u16> = std::iter::once(0xfeff).chain(text.encode_utf16()).collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &little, &big] {
            let document = Document::take("e.toml", bytes).unwrap();
            assert_eq!((document.text.as_str(), document.name.as_str()), (text, "e.toml"));
        }
    }

    #[test]
    fn what_is_no_text_is_refused_with_advice() {
        for bytes in [&b"name = \"Z\xfcrich\""[..], b"\xff\xfe\x00\xd8x\x00", b"\xff\xfex"] {
            let error = Document::take("e.toml", bytes).unwrap_err().to_string();
            assert!(error.ends_with("neither UTF-8 nor UTF-16 text; save it as UTF-8"), "{error}");
        }
        // UTF-16 without its mark is UTF-8 to the letter, and no estate.
        for bytes in [&b"#\0 \0o\0"[..], b"\0#\0 \0o"] {
            let error = Document::take("e.toml", bytes).unwrap_err().to_string();
            assert!(error.starts_with("read e.toml: ") && error.ends_with("save it as UTF-8"));
        }
        let endless = std::io::repeat(b'#');
        let error = Document::take("e.toml", endless).unwrap_err().to_string();
        assert!(error.contains("more than the 4194304 bytes"), "{error}");
    }
}
