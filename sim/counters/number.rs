//! Numbers as a locale writes them. The decimal mark is decided once per file from all the
//! evidence in its first rows, never per cell: `1,234` alone may be either.

use crate::record::RejectedReadings;

/// How many line numbers of rejected readings are kept, as `RejectedReadings::rows` says.
const MAX_REJECTED_ROWS: usize = 20;

/// Longest number worth reading: perfmon writes at most about 25 characters.
const MAX_NUMBER_BYTES: usize = 64;

/// What the C run-time of Windows and other programs print for "no number" and "without end".
const NOT_FINITE: [&str; 8] =
    ["nan", "inf", "infinity", "1.#inf", "1.#ind", "1.#qnan", "1.#j", "∞"];

/// Why a reading is not used. In the order that decides when adapters of one row differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rejection {
    /// Below zero.
    Negative,
    /// Not finite, or more than hardware can reach.
    Impossible,
    /// Not a number in the notation of the file.
    NotANumber,
    /// Nothing there.
    Empty,
}

/// Counts `reason` and keeps the line number of the first ones.
pub(super) fn reject(rejected: &mut RejectedReadings, reason: Rejection, line: u64) {
    match reason {
        Rejection::Negative => rejected.negative += 1,
        Rejection::Impossible => rejected.impossible += 1,
        Rejection::NotANumber => rejected.not_a_number += 1,
        Rejection::Empty => rejected.empty += 1,
    }
    if rejected.rows.len() < MAX_REJECTED_ROWS {
        rejected.rows.push(line);
    }
}

/// The mark in front of decimals; the other one of the two separates thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decimal {
    /// `1,234.5`
    Point,
    /// `1.234,5`
    Comma,
}

impl Decimal {
    /// Name to show.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Point => "decimal point",
            Self::Comma => "decimal comma",
        }
    }

    const fn marks(self) -> (char, char) {
        match self {
            Self::Point => ('.', ','),
            Self::Comma => (',', '.'),
        }
    }

    /// Reads `cell`, which must lie in `0.0..=maximum`.
    ///
    /// # Errors
    /// The reason to reject it.
    pub(super) fn read(self, cell: &str, maximum: f64) -> Result<f64, Rejection> {
        let cell = cell.trim();
        if cell.is_empty() {
            return Err(Rejection::Empty);
        }
        if cell.len() > MAX_NUMBER_BYTES {
            return Err(Rejection::NotANumber);
        }
        let unsigned = cell.trim_start_matches(['+', '-']).to_ascii_lowercase();
        if NOT_FINITE.iter().any(|word| unsigned.starts_with(word)) {
            return Err(Rejection::Impossible);
        }
        let value = self.plain(cell).and_then(|text| text.parse::<f64>().ok());
        match value.ok_or(Rejection::NotANumber)? {
            value if value < 0.0 => Err(Rejection::Negative),
            value if value > maximum => Err(Rejection::Impossible),
            // `-0` is zero.
            value => Ok(value.abs()),
        }
    }

    /// `cell` with a decimal point and nothing between the thousands; none where the groups
    /// are not groups of three.
    fn plain(self, cell: &str) -> Option<String> {
        let (decimal, thousands) = self.marks();
        let cell: String =
            cell.chars().map(|c| if is_group_space(c) { thousands } else { c }).collect();
        let mantissa_length = cell.find(['e', 'E']).unwrap_or(cell.len());
        let (mantissa, exponent) = cell.split_at_checked(mantissa_length)?;
        let (whole, fraction) = match mantissa.split_once(decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (mantissa, None),
        };
        let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
        if digits.contains(thousands) && !is_grouped(digits, thousands) {
            return None;
        }
        let mut plain: String = whole.chars().filter(|&c| c != thousands).collect();
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        // Only digits, so that the parser of Rust sees nothing that it alone would accept.
        let only_digits = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
        let well_formed = only_digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && only_digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        plain.push_str(exponent);
        well_formed.then_some(plain)
    }
}

/// What the cells of a file say about its decimal mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Evidence {
    point: u64,
    comma: u64,
    unclear: u64,
}

impl Evidence {
    /// Adds one cell.
    pub(super) fn add(&mut self, cell: &str) {
        let cell = cell.trim().trim_start_matches(['+', '-']);
        let mantissa = cell.split(['e', 'E']).next().unwrap_or_default();
        let known = |c: char| c.is_ascii_digit() || c == '.' || c == ',' || is_group_space(c);
        if cell.len() > MAX_NUMBER_BYTES || mantissa.is_empty() || !mantissa.chars().all(known) {
            return;
        }
        match (mantissa.rfind('.'), mantissa.rfind(',')) {
            (None, None) => {}
            (Some(point), Some(comma)) if point > comma => self.point += 1,
            (Some(_), Some(_)) => self.comma += 1,
            (Some(_), None) => match lone_mark(mantissa, '.') {
                Lone::Decimal => self.point += 1,
                Lone::Thousands => self.comma += 1,
                Lone::Unclear => self.unclear += 1,
            },
            (None, Some(_)) => match lone_mark(mantissa, ',') {
                Lone::Decimal => self.comma += 1,
                Lone::Thousands => self.point += 1,
                Lone::Unclear => self.unclear += 1,
            },
        }
    }

    /// The decimal mark of the file, and what had to be assumed for it.
    ///
    /// Without evidence a `;` between columns speaks for the comma: such files come from
    /// places where the comma is taken.
    pub(super) fn decide(self, delimiter: char) -> (Decimal, Option<String>) {
        let usual = if delimiter == ';' { Decimal::Comma } else { Decimal::Point };
        let decided = match self.point.cmp(&self.comma) {
            std::cmp::Ordering::Greater => Decimal::Point,
            std::cmp::Ordering::Less => Decimal::Comma,
            std::cmp::Ordering::Equal => usual,
        };
        let warning = if self.point > 0 && self.comma > 0 {
            Some(format!(
                "numbers use both marks ({} cells show a decimal point, {} a decimal comma); read \
                 with a {}, the others are rejected; export the log again in one notation",
                self.point,
                self.comma,
                decided.name()
            ))
        } else if self.point == 0 && self.comma == 0 && self.unclear > 0 {
            Some(format!(
                "no number shows whether `,` or `.` is the decimal mark ({} cells could be \
                 either); assumed a {} because columns are separated by {}; check one value \
                 against the original log",
                self.unclear,
                decided.name(),
                delimiter_name(delimiter)
            ))
        } else {
            None
        };
        (decided, warning)
    }
}

/// Name of a column separator to show.
pub(super) const fn delimiter_name(delimiter: char) -> &'static str {
    match delimiter {
        ';' => "`;`",
        '\t' => "tabs",
        _ => "`,`",
    }
}

/// Spaces and apostrophes that stand between thousands in some places (fr, de-CH, ISO 31-0).
const fn is_group_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '\u{2019}')
}

/// One to three digits, then groups of exactly three.
fn is_grouped(digits: &str, separator: char) -> bool {
    let mut groups = digits.split(separator);
    let first = groups.next().unwrap_or_default();
    let all_digits = |group: &str| group.chars().all(|c| c.is_ascii_digit());
    (1..=3).contains(&first.len())
        && all_digits(first)
        && groups.all(|group| group.len() == 3 && all_digits(group))
}

enum Lone {
    Decimal,
    Thousands,
    Unclear,
}

/// What `mark`, the only mark in `mantissa`, can be.
fn lone_mark(mantissa: &str, mark: char) -> Lone {
    let mut parts = mantissa.split(mark);
    let (whole, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if parts.next().is_some() {
        return Lone::Thousands;
    }
    let could_be_thousands =
        rest.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0');
    if could_be_thousands { Lone::Unclear } else { Lone::Decimal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_notation_and_names_every_reason() {
        use Decimal::{Comma, Point};
        for (decimal, cell, expected) in [
            (Point, "1234.5", Ok(1234.5)),
            (Point, " 1,234.5 ", Ok(1234.5)),
            (Point, "1.5e+003", Ok(1500.0)),
            (Point, "1'234'567", Ok(1_234_567.0)),
            (Comma, "1.234,5", Ok(1234.5)),
            (Comma, "1\u{a0}234,5", Ok(1234.5)),
            (Comma, "1\u{202f}234\u{202f}567,25", Ok(1_234_567.25)),
            (Comma, "1,5e-01", Ok(0.15)),
            (Comma, "12.34,5", Err(Rejection::NotANumber)),
            (Comma, "1.234.5", Err(Rejection::NotANumber)),
            (Point, "1,5", Err(Rejection::NotANumber)),
            (Point, "", Err(Rejection::Empty)),
            (Point, " \u{a0} ", Err(Rejection::Empty)),
            (Point, "-1", Err(Rejection::Negative)),
            (Point, "-0", Ok(0.0)),
            (Point, "NaN", Err(Rejection::Impossible)),
            (Point, "-1.#IND", Err(Rejection::Impossible)),
            (Point, "1e400", Err(Rejection::Impossible)),
            (Point, "10001", Err(Rejection::Impossible)),
            (Point, "=1+1", Err(Rejection::NotANumber)),
            (Point, "0x10", Err(Rejection::NotANumber)),
            (Point, "1 2", Err(Rejection::NotANumber)),
            (Point, "--1", Err(Rejection::NotANumber)),
            (Point, ".", Err(Rejection::NotANumber)),
        ] {
            let maximum = if cell == "10001" { 10_000.0 } else { 1e9 };
            assert_eq!(decimal.read(cell, maximum), expected, "{decimal:?} {cell:?}");
        }
    }

    fn decided(cells: &[&str], delimiter: char) -> (Decimal, bool) {
        let mut evidence = Evidence::default();
        cells.iter().for_each(|cell| evidence.add(cell));
        let (decimal, warning) = evidence.decide(delimiter);
        (decimal, warning.is_some())
    }

    #[test]
    fn a_number_longer_than_perfmon_writes_is_none() {
        let (fits, too_long) = ("0".repeat(64), "0".repeat(65));
        assert_eq!(Decimal::Point.read(&fits, 1.0), Ok(0.0));
        assert_eq!(Decimal::Point.read(&too_long, 1.0), Err(Rejection::NotANumber));
    }

    #[test]
    fn the_decimal_mark_follows_the_evidence_of_the_file() {
        use Decimal::{Comma, Point};
        assert_eq!(decided(&["1,234", "17,5"], ','), (Comma, false));
        assert_eq!(decided(&["1,234", "17.5"], ';'), (Point, false));
        assert_eq!(decided(&["1,234,567"], ';'), (Point, false));
        assert_eq!(decided(&["0,123"], ','), (Comma, false));
        assert_eq!(decided(&["1234,123"], ','), (Comma, false));
        assert_eq!(decided(&["1.234,5"], ','), (Comma, false));
        assert_eq!(decided(&["12", "7"], ','), (Point, false));
        assert_eq!(decided(&["12", "7"], ';'), (Comma, false));
    }

    #[test]
    fn what_had_to_be_assumed_is_said() {
        use Decimal::{Comma, Point};
        assert_eq!(decided(&["1,234"], ','), (Point, true));
        assert_eq!(decided(&["1,234"], ';'), (Comma, true));
        assert_eq!(decided(&["1.234"], ';'), (Comma, true));
        assert_eq!(decided(&["1.5", "1,5", "2,5"], ','), (Comma, true));
    }
}
