//! The whole record as JSON, with `schema_version` first, in a layout that people can read and
//! line tools can compare: one line per field, lists of plain values on one line.
//!
//! Text is complete here. Characters that a terminal obeys, that hide, or that would open a tag
//! where the JSON is pasted into a page are written as `\u` escapes, which every reader undoes.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use super::{ReportError, escape};

/// A record as JSON with a newline at its end.
pub fn render(record: &impl Serialize) -> Result<Vec<u8>, ReportError> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Layout::default());
    record.serialize(&mut serializer)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A record as one line of JSON with its newline.
///
/// # Errors
/// Those of the writer.
pub fn line(writer: &mut dyn Write, record: &impl Serialize) -> io::Result<()> {
    record.serialize(&mut Serializer::with_formatter(&mut *writer, Line))?;
    writer.write_all(b"\n")
}

/// Objects over several lines, lists of plain values on one.
#[derive(Default)]
struct Layout {
    depth: usize,
}

impl Layout {
    fn new_line<W: ?Sized + Write>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"  "))
    }
}

impl Formatter for Layout {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.depth -= 1;
        self.new_line(writer)?;
        writer.write_all(b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if !first {
            writer.write_all(b",")?;
        }
        self.new_line(writer)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b",") }
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        text(writer, fragment)
    }
}

/// Everything on one line, without spaces.
struct Line;

impl Formatter for Line {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        text(writer, fragment)
    }
}

/// Part of a text, what is deceptive as escapes.
fn text<W: ?Sized + Write>(writer: &mut W, fragment: &str) -> io::Result<()> {
    let mut plain_from = 0;
    let deceptive = |c: char| matches!(c, '<' | '>' | '&') || escape::is_deceptive(c);
    for (at, found) in fragment.match_indices(deceptive) {
        writer.write_all(fragment.get(plain_from..at).unwrap_or_default().as_bytes())?;
        plain_from = at + found.len();
        for unit in found.encode_utf16() {
            write!(writer, "\\u{unit:04x}")?;
        }
    }
    writer.write_all(fragment.get(plain_from..).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_escaped_and_read_back() {
        let text = "<script>&\u{1b}\u{202e}\u{e0041}\u{7f}\"\\ Köln";
        let mut bytes = Vec::new();
        text.serialize(&mut Serializer::with_formatter(&mut bytes, Layout::default())).unwrap();
        let json = String::from_utf8(bytes).unwrap();
        assert_eq!(
            json,
            "\"\\u003cscript\\u003e\\u0026\\u001b\\u202e\\udb40\\udc41\\u007f\\\"\\\\ Köln\""
        );
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        let mut bytes = Vec::new();
        line(&mut bytes, &[text]).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("[{json}]\n"));
    }
}
