//! Forward-only cursors: [`Reader`] borrows, [`Writer`] appends.

use super::{Cause, WireError};

/// Reads a message front to back without copying, and always knows its offset.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    what: &'static str,
    end: usize,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at byte 0 of `bytes`; `what` names the structure in errors.
    #[inline]
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, end: bytes.len(), rest: bytes }
    }

    /// The same place under another name for errors.
    #[inline]
    #[must_use]
    pub fn named(&self, what: &'static str) -> Self {
        Self { what, ..self.clone() }
    }

    /// Takes the next `length` bytes as a reader of their own. Offsets stay those of the whole
    /// message.
    ///
    /// # Errors
    /// [`Cause::Truncated`].
    pub fn sub(&mut self, what: &'static str, length: usize) -> Result<Self, WireError> {
        let start = self.offset();
        let rest = self.bytes(length)?;
        Ok(Self { what, end: start + length, rest })
    }

    /// Takes `N` bytes.
    ///
    /// # Errors
    /// [`Cause::Truncated`].
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], WireError> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// Takes one byte.
    ///
    /// # Errors
    /// [`Cause::Truncated`].
    #[inline]
    pub fn byte(&mut self) -> Result<u8, WireError> {
        let &[byte] = self.array::<1>()?;
        Ok(byte)
    }

    /// Takes `length` bytes.
    ///
    /// # Errors
    /// [`Cause::Truncated`].
    #[inline]
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        match self.rest.split_at_checked(length) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(self.truncated(length)),
        }
    }

    /// Takes everything that is left, which may be nothing.
    #[inline]
    pub fn remainder(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Everything that is left, not taken.
    #[inline]
    pub const fn peek(&self) -> &'a [u8] {
        self.rest
    }

    /// Requires that everything has been read.
    ///
    /// # Errors
    /// [`Cause::TrailingBytes`].
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(self.error(Cause::TrailingBytes { count })),
        }
    }

    /// True when nothing is left.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Offset of the next byte from the start of the message.
    #[inline]
    pub const fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// An error at the current offset.
    pub const fn error(&self, cause: Cause) -> WireError {
        WireError { what: self.what, offset: self.offset(), cause }
    }

    #[cold]
    const fn truncated(&self, need: usize) -> WireError {
        self.error(Cause::Truncated { need, have: self.rest.len() })
    }
}

/// Appends to a buffer that the caller owns and reuses. Append-only, so bytes of an earlier
/// message can never show through.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Continues at the end of `buffer`.
    pub const fn new(buffer: &'a mut Vec<u8>) -> Self {
        Self { buffer }
    }

    /// Appends `bytes`.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends `length` bytes and lends them to be filled.
    #[inline]
    pub fn room(&mut self, length: usize) -> &mut [u8] {
        let start = self.buffer.len();
        self.buffer.resize(start + length, 0);
        self.buffer.get_mut(start..).unwrap_or_default()
    }

    /// Appends one byte.
    #[inline]
    pub fn byte(&mut self, byte: u8) {
        self.buffer.push(byte);
    }

    /// Appends what `fill` appends, behind a header that is made of its length. With `expected`
    /// bytes of header nothing is moved.
    #[inline]
    pub fn behind<H: AsRef<[u8]>>(
        &mut self,
        expected: usize,
        fill: impl FnOnce(&mut Self),
        header: impl FnOnce(usize) -> H,
    ) {
        let start = self.buffer.len();
        self.room(expected);
        let content = self.buffer.len();
        fill(self);
        let end = self.buffer.len();
        let header = header(end - content);
        let header = header.as_ref();
        let begin = start + header.len();
        if begin > content {
            self.room(begin - content);
        }
        if begin != content {
            self.buffer.copy_within(content..end, begin);
            self.buffer.truncate(begin + end - content);
        }
        if let Some(place) = self.buffer.get_mut(start..begin) {
            place.copy_from_slice(header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_reader_counts_offsets_of_the_whole_message() {
        let mut r = Reader::new("outer", b"abcdef");
        r.byte().unwrap();
        let mut inner = r.sub("inner", 3).unwrap();
        assert_eq!((inner.offset(), r.offset()), (1, 4));
        assert_eq!(inner.bytes(2), Ok(&b"bc"[..]));
        assert_eq!(
            inner.array::<2>(),
            Err(WireError {
                what: "inner",
                offset: 3,
                cause: Cause::Truncated { need: 2, have: 1 }
            })
        );
        // A failed read takes nothing.
        assert_eq!(inner.byte(), Ok(b'd'));
        assert_eq!(inner.finish(), Ok(()));
        assert_eq!(r.remainder(), b"ef");
        assert!(r.is_empty());
    }

    #[test]
    fn what_was_not_read_is_an_error_at_its_offset() {
        let mut r = Reader::new("outer", b"abc").named("renamed");
        r.byte().unwrap();
        assert_eq!(r.peek(), b"bc");
        assert_eq!(
            r.finish(),
            Err(WireError { what: "renamed", offset: 1, cause: Cause::TrailingBytes { count: 2 } })
        );
    }

    #[test]
    fn a_length_beyond_memory_is_an_error() {
        let error = Reader::new("outer", b"abc").bytes(usize::MAX).unwrap_err();
        assert_eq!(error.cause, Cause::Truncated { need: usize::MAX, have: 3 });
    }

    #[test]
    fn the_writer_appends() {
        let mut buffer = b"old".to_vec();
        let mut w = Writer::new(&mut buffer);
        w.byte(b'-');
        w.bytes(b"new");
        w.room(2).fill(b'!');
        assert_eq!(buffer, b"old-new!!");
    }

    #[test]
    fn a_header_comes_before_what_it_counts() {
        for expected in 0..5 {
            let mut buffer = b"old".to_vec();
            let header = |length| [b'0', b'0' + u8::try_from(length).unwrap()];
            Writer::new(&mut buffer).behind(expected, |w| w.bytes(b"new"), header);
            assert_eq!(buffer, b"old03new", "{expected}");
        }
    }
}
