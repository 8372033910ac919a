//! Names from packets, files and hosts are hostile wherever they are printed.
//!
//! Two steps, always in this order: [`visible`] makes every character one that can be seen and
//! cuts the text to a length; then the format's own function takes away its meaning there
//! (spreadsheet formulas, Markdown). HTML and SVG text is escaped by the template engine and by
//! the SVG writer. JSON carries the full text and escapes the same characters itself.

use std::fmt::Write as _;

/// Longest name of a domain controller, protocol, interface or address that is printed.
pub const NAME_CHARS: usize = 96;

/// Longest wording of a verdict that is printed; the vendor's have less than 100 characters.
pub const WORDS_CHARS: usize = 160;

/// Longest unit or row label that is printed.
pub const LABEL_CHARS: usize = 24;

/// Longest path or source that is printed.
pub const PATH_CHARS: usize = 240;

/// Longest sentence, and longest command line, that is printed.
pub const SENTENCE_CHARS: usize = 800;

/// Most sentences of one list that are printed; the rest is counted.
pub const LIST_ITEMS: usize = 50;

/// True for a character that a terminal obeys, that is not seen, that turns the direction of the
/// text around it (Unicode TR 36, section 3.5), or that XML 1.0 (section 2.2) forbids.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            | '\u{fffe}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with deceptive characters as visible escapes (`\n`, `\u{1b}`), cut to `limit_chars`
/// with an ellipsis.
pub fn visible(text: &str, limit_chars: usize) -> String {
    let mut shown = String::new();
    let mut chars = 0;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let mut piece = String::new();
        match character {
            '\n' => piece.push_str("\\n"),
            '\r' => piece.push_str("\\r"),
            '\t' => piece.push_str("\\t"),
            c if is_deceptive(c) => {
                // Writing to a String cannot fail.
                let _ = write!(piece, "\\u{{{:x}}}", u32::from(c));
            }
            c => piece.push(c),
        }
        let width = piece.chars().count();
        let more_follows = !characters.as_str().is_empty();
        if chars + width + usize::from(more_follows) > limit_chars {
            shown.push('…');
            return shown;
        }
        chars += width;
        shown.push_str(&piece);
    }
    shown
}

/// A name, ready for [`spreadsheet`], [`markdown`], HTML or a terminal.
pub fn name(text: &str) -> String {
    visible(text, NAME_CHARS)
}

/// The wording of a verdict, ready for the second step.
pub fn words(text: &str) -> String {
    visible(text, WORDS_CHARS)
}

/// A unit or the label of a row, ready for the second step.
pub fn label(text: &str) -> String {
    visible(text, LABEL_CHARS)
}

/// A path or source, ready for the second step.
pub fn path(text: &str) -> String {
    visible(text, PATH_CHARS)
}

/// A sentence or command line, ready for the second step.
pub fn sentence(text: &str) -> String {
    visible(text, SENTENCE_CHARS)
}

/// The sentences of a list, each ready for the second step; what is left out is counted.
pub fn sentences(list: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = list.iter().take(LIST_ITEMS).map(|text| sentence(text)).collect();
    if list.len() > LIST_ITEMS {
        shown.push(format!("… and {} more; report.json has them all", list.len() - LIST_ITEMS));
    }
    shown
}

/// Text for a cell of CSV or XLSX: an apostrophe in front of anything that a spreadsheet would
/// take for a formula (OWASP, CSV Injection), also behind spaces and in full width.
pub fn spreadsheet(text: &str) -> String {
    let formula = text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text.to_string() }
}

/// Text for Markdown, also inside a table: nothing in it formats, links or opens a tag.
pub fn markdown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => {
                shown.push('\\');
                shown.push(character);
            }
            c => shown.push(c),
        }
    }
    // GitHub turns bare addresses into links: a name must not be one.
    shown.replace("://", ":\\/\\/").replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_and_direction_overrides_become_visible() {
        assert_eq!(
            visible("a\u{1b}[31mb\u{202e}c\u{200b}\r\n", 80),
            "a\\u{1b}[31mb\\u{202e}c\\u{200b}\\r\\n"
        );
        assert_eq!(visible("\u{9b}\u{7f}\u{2066}\u{feff}", 80), "\\u{9b}\\u{7f}\\u{2066}\\u{feff}");
        assert_eq!(visible("Köln-日本", 80), "Köln-日本");
    }

    #[test]
    fn long_text_ends_with_an_ellipsis_at_the_limit() {
        assert_eq!(visible("abcdef", 6), "abcdef");
        assert_eq!(visible("abcdefg", 6), "abcde…");
        // An escape is never cut in two.
        assert_eq!(visible("abc\u{202e}x", 6), "abc…");
        assert_eq!(visible(&"x".repeat(10_000), NAME_CHARS).chars().count(), NAME_CHARS);
    }

    #[test]
    fn long_lists_say_how_many_are_left_out() {
        let list = vec!["x".to_string(); LIST_ITEMS + 3];
        let shown = sentences(&list);
        assert_eq!(shown.len(), LIST_ITEMS + 1);
        assert_eq!(shown.last().unwrap(), "… and 3 more; report.json has them all");
    }

    #[test]
    fn formulas_become_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "＝1"] {
            assert_eq!(spreadsheet(formula), format!("'{formula}"));
        }
        assert_eq!(spreadsheet("dc1=x"), "dc1=x");
        assert_eq!(spreadsheet("–"), "–");
    }

    #[test]
    fn markdown_keeps_its_cells() {
        assert_eq!(
            markdown("a|b`c`[x](http://e)<b>&\\"),
            "a\\|b\\`c\\`\\[x\\](http:\\/\\/e)&lt;b&gt;&amp;\\\\"
        );
    }
}
