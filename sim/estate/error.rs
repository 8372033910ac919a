//! What is wrong with an estate file, where, and what to write instead.

use super::{KEYS, excerpt};

/// Most single-character edits between a misspelt key and the one suggested.
const EDITS_MAX: usize = 4;

/// Longest misspelt key that is compared, in characters: longer ones are no slip of the pen.
const KEY_CHARS_MAX: usize = 64;

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
    /// The key that was probably meant.
    pub suggestion: Option<&'static str>,
}

impl EstateError {
    pub(super) fn whole(file_name: &str, what: String) -> Self {
        Self { file_name: file_name.to_owned(), line: None, field: None, what, suggestion: None }
    }

    pub(super) fn at(
        file_name: &str,
        text: &str,
        offset: usize,
        field: &str,
        what: String,
    ) -> Self {
        Self {
            line: Some(line_of(text, offset)),
            field: Some(field.to_owned()),
            ..Self::whole(file_name, what)
        }
    }

    pub(super) fn from_toml(file_name: &str, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim();
        let unknown = message
            .strip_prefix("unknown field `")
            .and_then(|rest| rest.split_once('`'))
            .map(|(field, _)| field);
        let what = match unknown {
            Some(field) => format!("there is no key `{}`", excerpt(field)),
            None => message.lines().collect::<Vec<_>>().join("; "),
        };
        // Where a value is wrong, its line begins with its key.
        let line = error.span().map(|span| line_of(text, span.start));
        let field = line.filter(|_| unknown.is_none()).and_then(|line| {
            let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
            KEYS.iter().find(|known| **known == key.trim()).map(|known| (*known).to_owned())
        });
        Self {
            line,
            field,
            suggestion: unknown.and_then(nearest_key),
            ..Self::whole(file_name, what)
        }
    }

    fn place(&self) -> String {
        self.line.map(|line| format!(", line {line}")).unwrap_or_default()
    }

    fn in_field(&self) -> String {
        self.field.as_ref().map(|field| format!(", `{field}`")).unwrap_or_default()
    }

    fn advice(&self) -> String {
        match self.suggestion {
            Some(key) => format!("; did you mean `{key}`?"),
            None => String::new(),
        }
    }
}

/// Line of the byte at `offset`, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The known key that takes the fewest edits from `field`.
fn nearest_key(field: &str) -> Option<&'static str> {
    if field.chars().count() > KEY_CHARS_MAX {
        return None;
    }
    let contains = |key: &&&str| field.len() > 3 && key.contains(field);
    let close = KEYS
        .iter()
        .map(|key| (edits(field, key), *key))
        .filter(|(edits, key)| *edits <= EDITS_MAX.min(key.len() / 2))
        .min();
    close.map(|(_, key)| key).or_else(|| KEYS.iter().find(contains).copied())
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
    }
}
