//! What is wrong with an estate file, where, and what to write instead.

use super::values::{Wrong, excerpt};

/// Most single-character edits between a misspelt key and the one suggested.
const EDITS_MAX: usize = 4;

/// Longest misspelt key that is compared, in characters: longer ones are no slip of the pen.
const KEY_CHARS_MAX: usize = 64;

/// Longest message of the TOML reader that is passed on, in characters: the list of all keys of a
/// domain controller has some 200.
const MESSAGE_CHARS_MAX: usize = 400;

/// An estate file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read estate {}{}{}: {what}{}", file_name.escape_debug(), self.place(), self.in_field(), self.advice())]
pub struct EstateError {
    /// The file as it was named.
    pub file_name: String,
    /// Line, counted from 1; `None` where the file as a whole is meant.
    pub line: Option<usize>,
    /// Field whose value is wrong.
    pub field: Option<String>,
    /// What is wrong.
    pub what: String,
    /// The key or name that was probably meant.
    pub suggestion: Option<String>,
}

impl EstateError {
    pub(super) fn whole(file_name: &str, what: String) -> Self {
        Self { file_name: file_name.to_owned(), line: None, field: None, what, suggestion: None }
    }

    pub(super) fn from_wrong(file_name: &str, text: &str, wrong: Wrong) -> Self {
        Self {
            line: Some(line_of(text, wrong.span.start)),
            field: Some(wrong.field.to_owned()),
            suggestion: wrong.suggestion,
            ..Self::whole(file_name, wrong.what)
        }
    }

    pub(super) fn from_toml(file_name: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim();
        let mut quoted = message.split('`').skip(1).step_by(2);
        let unknown = if message.starts_with("unknown field `") { quoted.next() } else { None };
        let what = match unknown {
            Some(field) => format!("there is no key `{}`", excerpt(field)),
            None => plain(message),
        };
        // Where a value is wrong, its line begins with its key.
        let line = error.span().map(|span| line_of(text, span.start));
        let field = line.filter(|_| unknown.is_none()).and_then(|line| {
            let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
            is_key(key.trim()).then(|| key.trim().to_owned())
        });
        // The message goes on with the keys that there are.
        let suggestion = unknown.and_then(|field| nearest(field, quoted)).map(str::to_owned);
        Self { line, field, suggestion, ..Self::whole(file_name, what) }
    }

    fn place(&self) -> String {
        self.line.map(|line| format!(", line {line}")).unwrap_or_default()
    }

    fn in_field(&self) -> String {
        self.field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default()
    }

    fn advice(&self) -> String {
        match &self.suggestion {
            Some(key) => format!("; did you mean `{key}`?"),
            None => String::new(),
        }
    }
}

/// Line of the byte at `offset`, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Line of every byte offset, for files with many things to place.
pub(super) struct Lines {
    /// Offsets of the first bytes of all lines but the first.
    starts: Vec<usize>,
}

impl Lines {
    pub fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self { starts: ends.map(|(offset, _)| offset + 1).collect() }
    }

    /// Line of the byte at `offset`, counted from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) + 1
    }
}

/// A message that may quote the file, on one line, without control characters, and not longer
/// than somebody reads.
fn plain(message: &str) -> String {
    let line = message.lines().collect::<Vec<_>>().join("; ");
    let mut shown = String::new();
    for (at, character) in line.chars().enumerate() {
        if at == MESSAGE_CHARS_MAX {
            shown.push('…');
            break;
        }
        if character.is_control() {
            shown.extend(character.escape_debug());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether the text in front of a `=` is a key, perhaps a dotted one.
fn is_key(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    (1..=KEY_CHARS_MAX).contains(&text.len()) && text.chars().all(inside)
}

/// The known name that takes the fewest edits from `name`.
pub(super) fn nearest<'a>(
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<&'a str> {
    if name.chars().count() > KEY_CHARS_MAX {
        return None;
    }
    let close = known
        .clone()
        .map(|known| (edits(name, known), known))
        .filter(|(edits, known)| *edits <= EDITS_MAX.min(known.len() / 2))
        .min();
    let mut contains = known.filter(|known| name.len() > 3 && known.contains(name));
    close.map(|(_, known)| known).or_else(|| contains.next())
}

/// Insertions, deletions and substitutions from `a` to `b` (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = *cell;
            *cell = substituted.min(diagonal + 1).min(left + 1);
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "abc", 0), ("adresses", "addresses", 1), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(a, b), expected);
            assert_eq!(edits(b, a), expected);
        }
    }

    #[test]
    fn only_a_near_key_is_suggested() {
        let keys = ["domain_controller", "name", "addresses", "physical_cores", "min_available_mb"];
        let nearest_key = |name: &str| nearest(name, keys.into_iter());
        assert_eq!(nearest_key("adresses"), Some("addresses"));
        assert_eq!(nearest_key("physical_core"), Some("physical_cores"));
        assert_eq!(nearest_key("cores"), Some("physical_cores"));
        assert_eq!(nearest_key("domain_controllers"), Some("domain_controller"));
        assert_eq!(nearest_key("colour"), None);
        assert_eq!(nearest_key(&"n".repeat(1_000_000)), None);
    }

    #[test]
    fn lines_are_counted_from_one() {
        assert_eq!(line_of("a\nb\nc", 0), 1);
        assert_eq!(line_of("a\nb\nc", 2), 2);
        assert_eq!(line_of("a\nb\nc", 99), 3);
        let lines = Lines::of("a\n\nb\n");
        assert_eq!([0, 1, 2, 3, 4, 5].map(|offset| lines.line_of(offset)), [1, 1, 2, 3, 3, 4]);
    }
}
