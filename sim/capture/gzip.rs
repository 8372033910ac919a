//! gzip (RFC 1952) on top of a deflate decoder.
//!
//! Framed here because a damaged stream must still give every byte in front of the damage:
//! the usual reader drops what it decoded in the call that found the error.

use std::io::{self, Read};

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// First bytes of a member (RFC 1952 2.3.1); the third is the only compression method.
pub(super) const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Compressed bytes read at once.
const INPUT_BYTES: usize = 64 * 1024;
/// Modification time, extra flags, operating system: of no use here (RFC 1952 2.3).
const UNUSED_HEADER_BYTES: usize = 6;

/// Header flags (RFC 1952 2.3.1).
mod flag {
    pub(super) const CHECKSUM: u8 = 2;
    pub(super) const EXTRA: u8 = 4;
    pub(super) const NAME: u8 = 8;
    pub(super) const COMMENT: u8 = 16;
}

enum State {
    Header,
    Body,
    Trailer,
    /// The error has been told once; nothing follows.
    End,
}

/// Decompresses any number of concatenated members.
pub(super) struct Gzip<R> {
    inner: R,
    input: Vec<u8>,
    position: usize,
    /// Compressed bytes taken from `inner` before `input`.
    offset: u64,
    members: u64,
    inflate: Decompress,
    check: Crc,
    state: State,
}

impl<R: Read> Gzip<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            input: Vec::new(),
            position: 0,
            offset: 0,
            members: 0,
            inflate: Decompress::new(false),
            check: Crc::new(),
            state: State::Header,
        }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }

    /// The bytes at hand, read anew when there are none; empty at the end.
    fn available(&mut self) -> io::Result<&[u8]> {
        if self.position >= self.input.len() {
            self.offset += self.input.len() as u64;
            self.position = 0;
            self.input.resize(INPUT_BYTES, 0);
            let result = read_retrying(&mut self.inner, &mut self.input);
            self.input.truncate(*result.as_ref().unwrap_or(&0));
            result?;
        }
        Ok(self.input.get(self.position..).unwrap_or_default())
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.available()?.first().copied();
        self.position += usize::from(byte.is_some());
        Ok(byte)
    }

    fn required(&mut self) -> io::Result<u8> {
        self.byte()?.ok_or_else(|| self.cut_short())
    }

    fn cut_short(&self) -> io::Error {
        let what = format!("the gzip data is cut short after {} compressed bytes", self.consumed());
        io::Error::new(io::ErrorKind::UnexpectedEof, what)
    }

    fn corrupt(&self, what: &str) -> io::Error {
        let what = format!("{what} at or before compressed byte {}", self.consumed());
        io::Error::new(io::ErrorKind::InvalidData, what)
    }

    const fn consumed(&self) -> u64 {
        self.offset + self.position as u64
    }

    /// Reads a member's header. False at the end of the file, also behind padding zeros.
    fn header(&mut self) -> io::Result<bool> {
        let mut first = self.byte()?;
        if self.members > 0 {
            while first == Some(0) {
                first = self.byte()?;
            }
            if first.is_none() {
                return Ok(false);
            }
        }
        let magic = [first.unwrap_or(0), self.required()?, self.required()?];
        if magic != MAGIC {
            return Err(self.corrupt("what follows a gzip member is no gzip member,"));
        }
        let flags = self.required()?;
        for _ in 0..UNUSED_HEADER_BYTES {
            self.required()?;
        }
        if flags & flag::EXTRA != 0 {
            let length = u16::from_le_bytes([self.required()?, self.required()?]);
            for _ in 0..length {
                self.required()?;
            }
        }
        for name in [flag::NAME, flag::COMMENT] {
            if flags & name != 0 {
                while self.required()? != 0 {}
            }
        }
        if flags & flag::CHECKSUM != 0 {
            self.required()?;
            self.required()?;
        }
        self.members += 1;
        self.inflate.reset(false);
        self.check.reset();
        Ok(true)
    }

    /// Decodes into `out`; what was decoded before an error counts.
    fn body(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let end = self.available()?.is_empty();
            let input = self.input.get(self.position..).unwrap_or_default();
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(input, out, FlushDecompress::None);
            self.position += difference(self.inflate.total_in(), before_in);
            let produced = difference(self.inflate.total_out(), before_out);
            self.check.update(out.get(..produced).unwrap_or_default());
            let stop = match result {
                Ok(Status::StreamEnd) => {
                    self.state = State::Trailer;
                    return Ok(produced);
                }
                Ok(_) if produced > 0 => return Ok(produced),
                Ok(_) if end => self.cut_short(),
                Ok(_) => continue,
                Err(_) => self.corrupt("corrupt deflate data"),
            };
            if produced == 0 {
                return Err(stop);
            }
            // The decoder repeats its error at the next call.
            return Ok(produced);
        }
    }

    /// Checks the checksum and length behind a member (RFC 1952 2.3.1).
    fn trailer(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        for byte in &mut trailer {
            *byte = self.required()?;
        }
        let [c0, c1, c2, c3, l0, l1, l2, l3] = trailer;
        let sum = u32::from_le_bytes([c0, c1, c2, c3]);
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if sum != self.check.sum() || length != self.check.amount() {
            return Err(self.corrupt("checksum or length of a gzip member is wrong"));
        }
        Ok(())
    }

    fn step(&mut self, out: &mut [u8]) -> io::Result<Option<usize>> {
        match self.state {
            State::Header => {
                let more = self.header()?;
                self.state = if more { State::Body } else { State::End };
                Ok(None)
            }
            State::Body => match self.body(out)? {
                0 => Ok(None),
                produced => Ok(Some(produced)),
            },
            State::Trailer => {
                self.trailer()?;
                self.state = State::Header;
                Ok(None)
            }
            State::End => Ok(Some(0)),
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.step(out) {
                Ok(None) => {}
                Ok(Some(produced)) => return Ok(produced),
                Err(error) => {
                    self.state = State::End;
                    return Err(error);
                }
            }
        }
    }
}

/// Bytes a decoder moved in one call, which are no more than its buffers have.
fn difference(after: u64, before: u64) -> usize {
    usize::try_from(after.saturating_sub(before)).unwrap_or(0)
}

/// One `read`, repeated when a signal came in between.
pub(super) fn read_retrying(inner: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match inner.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::base::Random;

    fn pack(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::GzBuilder::new()
            .filename("a name")
            .comment("a comment")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), flate2::Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn sample(bytes: usize) -> Vec<u8> {
        let mut random = Random::new(5);
        (0..bytes).map(|_| b'a' + u8::try_from(random.below(9)).unwrap()).collect()
    }

    /// Everything that can be read, and whether it ended with an error.
    fn unpack(packed: &[u8]) -> (Vec<u8>, Option<String>) {
        let mut gzip = Gzip::new(packed);
        let (mut plain, mut buffer) = (Vec::new(), vec![0; 7_777]);
        loop {
            match gzip.read(&mut buffer) {
                Ok(0) => return (plain, None),
                Ok(read) => plain.extend_from_slice(&buffer[..read]),
                Err(error) => return (plain, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn members_and_padding_are_read_through() {
        let mut packed = pack(b"one ");
        packed.extend(pack(b""));
        packed.extend(pack(b"two"));
        packed.extend([0; 100]);
        assert_eq!(unpack(&packed), (b"one two".to_vec(), None));
    }

    #[test]
    fn garbage_behind_a_member_is_told_after_its_content() {
        let mut packed = pack(b"one");
        packed.extend(b"not gzip");
        let (plain, error) = unpack(&packed);
        assert_eq!(plain, b"one");
        assert!(error.unwrap().starts_with("what follows a gzip member is no gzip member"));
    }

    #[test]
    fn a_cut_stream_gives_everything_before_the_cut() {
        let plain = sample(100_000);
        let packed = pack(&plain);
        for cut in [1, 30, 1_000, packed.len() / 2, packed.len() - 9, packed.len() - 1] {
            let (got, error) = unpack(&packed[..cut]);
            assert!(plain.starts_with(&got));
            let told = format!("the gzip data is cut short after {cut} compressed bytes");
            assert_eq!(error, Some(told));
        }
        let (got, _) = unpack(&packed[..packed.len() - 9]);
        assert!(got.len() > 99_000, "{}", got.len());
    }

    #[test]
    fn a_wrong_checksum_is_told_after_all_content() {
        let plain = sample(50_000);
        let mut packed = pack(&plain);
        let sum = packed.len() - 8;
        packed[sum] ^= 1;
        let (got, error) = unpack(&packed);
        assert_eq!(got, plain);
        assert!(error.unwrap().starts_with("checksum or length of a gzip member is wrong"));
    }
}
