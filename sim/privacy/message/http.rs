//! HTTP, RFC 9112 section 2: methods, codes, names of fields and what frames the body are kept;
//! targets, values and bodies are not. Where text must be, it is filled with one letter or blanks.

use super::super::sheet::Sheet;

/// Lines of one head.
const LINES_MAX: usize = 256;
/// Longest line with the size of a chunk, RFC 9112 section 7.1.
const CHUNK_LINE_MAX: usize = 18;
/// Fields whose value frames the body.
const FRAMING: [&str; 3] = ["content-length", "transfer-encoding", "connection"];

/// A head with its body, or a chunk.
pub(super) fn message(sheet: &mut Sheet<'_>) {
    let old = sheet.old;
    let Some(first) = line(old, 0) else { return };
    let text = old.get(..first).unwrap_or_default();
    if text.len() < CHUNK_LINE_MAX && text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'\r') {
        sheet.keep(0..first + 1);
        if old.ends_with(b"\r\n") {
            sheet.keep(old.len() - 2..old.len());
        }
        return;
    }
    start_line(sheet, first);
    let mut at = first + 1;
    for _ in 0..LINES_MAX {
        let Some(end) = line(old, at) else { return };
        field(sheet, at, end);
        if end - at <= 1 {
            return; // the empty line: the body follows
        }
        at = end + 1;
    }
}

/// Where the line that begins at `at` ends: at its line feed.
fn line(bytes: &[u8], at: usize) -> Option<usize> {
    bytes.get(at..)?.iter().position(|byte| *byte == b'\n').map(|length| at + length)
}

/// Method and version, or version and code; letters between.
fn start_line(sheet: &mut Sheet<'_>, end: usize) {
    let text = sheet.old.get(..end).unwrap_or_default();
    let blank = |byte: &u8| *byte == b' ';
    let Some(first) = text.iter().position(blank) else { return };
    let Some(last) = text.iter().rposition(blank) else { return };
    let is_answer = text.starts_with(b"HTTP/");
    sheet.put(first, &vec![b'x'; end - first]);
    if is_answer {
        sheet.keep(0..(first + 5).min(end)); // the code and the blank behind it
    } else {
        sheet.keep(0..first + 1);
        sheet.keep(last..end);
    }
    let carriage = end.saturating_sub(1);
    if sheet.get(carriage..end) == Some(b"\r") {
        sheet.keep(carriage..end);
    }
    sheet.keep(end..end + 1);
}

/// The name of a field, and its value where that frames the body.
fn field(sheet: &mut Sheet<'_>, at: usize, end: usize) {
    let text = sheet.old.get(at..end).unwrap_or_default();
    let carriage = end - usize::from(text.ends_with(b"\r"));
    sheet.put(at, &vec![b' '; carriage - at]);
    sheet.keep(carriage..end + 1);
    let Some(colon) = text.iter().position(|byte| *byte == b':') else { return };
    let name = text.get(..colon).and_then(|name| std::str::from_utf8(name).ok());
    let Some(name) = name else { return };
    if FRAMING.iter().any(|known| name.eq_ignore_ascii_case(known)) {
        sheet.keep(at..carriage);
    } else if name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-') {
        sheet.keep(at..at + colon + 1);
    }
}
