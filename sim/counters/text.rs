//! Bytes of a log to lines of text, with a limit on the length of a line.
//!
//! The line, not the quoted CSV record, is the unit: no counter log has line breaks inside a
//! cell, so a stray quote spoils one line instead of the rest of the file, and the number of a
//! line is the one that a text editor shows.

use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read};

/// Longest line in bytes. A perfmon header holds one path of about 100 bytes per column;
/// [`super::table::MAX_COLUMNS`] of them fit.
pub(super) const MAX_LINE_BYTES: u64 = 16 << 20;

/// Bytes read from the source at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// How the text of a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, of which ASCII is a part.
    Utf8,
    /// UTF-16, low byte first, as PowerShell's `>` writes.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// The ANSI code page of western Windows, as `relog` writes.
    Windows1252,
}

impl Encoding {
    /// Reads the byte order mark at the start of `head`: the encoding and the length of the
    /// mark. Without one the file is taken for UTF-8 until a line proves otherwise.
    pub(super) const fn from_mark(head: &[u8]) -> (Self, usize) {
        match head {
            [0xef, 0xbb, 0xbf, ..] => (Self::Utf8, 3),
            [0xff, 0xfe, ..] => (Self::Utf16Le, 2),
            [0xfe, 0xff, ..] => (Self::Utf16Be, 2),
            _ => (Self::Utf8, 0),
        }
    }

    /// Name to show.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1252 => "Windows-1252",
        }
    }

    const fn is_utf16(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be)
    }
}

/// One line without its line break.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    /// Its first byte in the file.
    pub(super) offset_bytes: u64,
    /// The text, without `\r\n`.
    pub(super) text: Cow<'a, str>,
    /// False where the file ends without a line break.
    pub(super) ended: bool,
}

/// Why there is no next line.
#[derive(Debug)]
pub(super) enum LineError {
    /// The source failed.
    Io(io::Error),
    /// A line exceeds [`MAX_LINE_BYTES`]; its number and its first byte.
    TooLong { number: u64, offset_bytes: u64 },
}

/// The lines of a file.
pub(super) struct Lines<R> {
    source: BufReader<Utf8Source<R>>,
    encoding: Encoding,
    buffer: Vec<u8>,
    number: u64,
    offset_bytes: u64,
}

impl<R: Read> Lines<R> {
    /// Starts at the first byte of `source`; `head` is a copy of what it begins with.
    ///
    /// # Errors
    /// When the source fails.
    pub(super) fn new(mut source: R, head: &[u8]) -> io::Result<Self> {
        let (encoding, mark_length) = Encoding::from_mark(head);
        let mut mark = [0; 3];
        source.read_exact(mark.get_mut(..mark_length).unwrap_or_default())?;
        Ok(Self {
            source: BufReader::with_capacity(CHUNK_BYTES, Utf8Source::new(source, encoding)),
            encoding,
            buffer: Vec::new(),
            number: 0,
            offset_bytes: mark_length as u64,
        })
    }

    /// The encoding, as far as the lines read show.
    pub(super) const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The next line; none at the end.
    ///
    /// # Errors
    /// When the source fails, or the line is too long.
    pub(super) fn next_line(&mut self) -> Result<Option<Line<'_>>, LineError> {
        self.buffer.clear();
        let limited = (&mut self.source).take(MAX_LINE_BYTES).read_until(b'\n', &mut self.buffer);
        let length = limited.map_err(LineError::Io)?;
        if length == 0 {
            return Ok(None);
        }
        let ended = self.buffer.last() == Some(&b'\n');
        let offset_bytes = self.offset_bytes;
        self.number += 1;
        if !ended && length as u64 == MAX_LINE_BYTES {
            return Err(LineError::TooLong { number: self.number, offset_bytes });
        }
        self.offset_bytes += if self.encoding.is_utf16() {
            // Converted on the way in: back to bytes of the file.
            String::from_utf8_lossy(&self.buffer).encode_utf16().count() as u64 * 2
        } else {
            length as u64
        };
        let mut bytes = self.buffer.as_slice();
        bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if self.encoding != Encoding::Windows1252 => Cow::Borrowed(text),
            // A NUL byte or the like is kept: the cell it stands in is not a number.
            _ => {
                self.encoding = Encoding::Windows1252;
                encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0
            }
        };
        Ok(Some(Line { number: self.number, offset_bytes, text, ended }))
    }
}

/// Decodes `head`, the start of a file, as far as it goes.
pub fn decode_head(head: &[u8]) -> Cow<'_, str> {
    let (encoding, mark_length) = Encoding::from_mark(head);
    let text = head.get(mark_length..).unwrap_or_default();
    match encoding {
        Encoding::Utf16Le => encoding_rs::UTF_16LE.decode_without_bom_handling(text).0,
        Encoding::Utf16Be => encoding_rs::UTF_16BE.decode_without_bom_handling(text).0,
        _ => String::from_utf8_lossy(text),
    }
}

/// All of a text file: UTF-8, or UTF-16 with its byte order mark, without the mark. `None` where
/// it is neither.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let (encoding, mark_length) = Encoding::from_mark(bytes);
    let text = bytes.get(mark_length..).unwrap_or_default();
    let utf16 = match encoding {
        Encoding::Utf16Le => encoding_rs::UTF_16LE,
        Encoding::Utf16Be => encoding_rs::UTF_16BE,
        _ => return std::str::from_utf8(text).ok().map(Cow::Borrowed),
    };
    utf16.decode_without_bom_handling_and_without_replacement(text)
}

/// Passes byte encodings through and turns UTF-16 into UTF-8, piece by piece.
struct Utf8Source<R> {
    source: R,
    decoder: Option<encoding_rs::Decoder>,
    input: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
}

impl<R: Read> Utf8Source<R> {
    fn new(source: R, encoding: Encoding) -> Self {
        let decoder = match encoding {
            Encoding::Utf16Le => Some(encoding_rs::UTF_16LE.new_decoder_without_bom_handling()),
            Encoding::Utf16Be => Some(encoding_rs::UTF_16BE.new_decoder_without_bom_handling()),
            Encoding::Utf8 | Encoding::Windows1252 => None,
        };
        let input = if decoder.is_some() { vec![0; CHUNK_BYTES] } else { Vec::new() };
        Self { source, decoder, input, start: 0, end: 0, finished: false }
    }
}

impl<R: Read> Read for Utf8Source<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let Some(decoder) = &mut self.decoder else { return self.source.read(output) };
        while !self.finished {
            let at_end = if self.start == self.end {
                self.start = 0;
                self.end = self.source.read(&mut self.input)?;
                self.end == 0
            } else {
                false
            };
            let input = self.input.get(self.start..self.end).unwrap_or_default();
            let (result, read, written, _) = decoder.decode_to_utf8(input, output, at_end);
            self.start += read;
            self.finished = at_end && result == encoding_rs::CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
            if result == encoding_rs::CoderResult::OutputFull && read == 0 {
                // Fewer than four bytes of room for one character: our buffer is larger.
                return Err(io::Error::other("the text buffer is smaller than one character"));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> (Vec<(u64, u64, String, bool)>, Encoding) {
        let mut lines = Lines::new(bytes, bytes).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            all.push((line.number, line.offset_bytes, line.text.into_owned(), line.ended));
        }
        (all, lines.encoding())
    }

    #[test]
    fn every_encoding_gives_the_same_text_and_offsets_of_the_file() {
        let text = "Verfügbar;1,5\r\nzwei\n\nletzte";
        let utf16 = |little: bool| {
            let mark = if little { vec![0xff, 0xfe] } else { vec![0xfe, 0xff] };
            let units = text.encode_utf16();
            let bytes = units.flat_map(|u| if little { u.to_le_bytes() } else { u.to_be_bytes() });
            mark.into_iter().chain(bytes).collect::<Vec<u8>>()
        };
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        let ansi = encoding_rs::WINDOWS_1252.encode(text).0.into_owned();
        for (bytes, encoding, offsets) in [
            (text.as_bytes().to_vec(), Encoding::Utf8, [0, 16, 21, 22]),
            (marked, Encoding::Utf8, [3, 19, 24, 25]),
            (ansi, Encoding::Windows1252, [0, 15, 20, 21]),
            (utf16(true), Encoding::Utf16Le, [2, 32, 42, 44]),
            (utf16(false), Encoding::Utf16Be, [2, 32, 42, 44]),
        ] {
            let expected = [("Verfügbar;1,5", true), ("zwei", true), ("", true), ("letzte", false)]
                .into_iter()
                .zip(offsets)
                .zip(1..)
                .map(|(((text, ended), offset), number)| (number, offset, text.to_owned(), ended))
                .collect::<Vec<_>>();
            assert_eq!(lines(&bytes), (expected, encoding));
        }
    }

    #[test]
    fn a_line_without_end_is_refused_not_stored() {
        let endless = io::repeat(b'x');
        let mut lines = Lines::new(endless, b"xxxx").unwrap();
        assert!(matches!(lines.next_line(), Err(LineError::TooLong { number: 1, .. })));
    }
}
