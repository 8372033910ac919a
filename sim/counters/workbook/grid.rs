//! Sheets to cells, with limits on how many are kept.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use calamine::{DataRef, Reader, Xlsx};

/// Most sheets that are looked at; the sizing tool writes two.
const MAX_SHEETS: usize = 20;

/// Most cells that are kept over all sheets: 1,000 domain controllers with 40 columns.
const MAX_CELLS: usize = 50_000;

/// Longest text of a cell that is kept, in characters. One long string can be shown by every
/// cell, so the limit on the file does not limit this.
const MAX_TEXT_CHARS: usize = 500;

/// Cells of one row by column, from 0.
pub(super) type Cells = BTreeMap<u32, Value>;

/// A cell that is not empty.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// A number, or a time as days since 1899-12-30.
    Number(f64),
    /// Text, without blanks around it. Hostile.
    Text(String),
}

impl Value {
    /// The cell as text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    fn of(cell: &DataRef<'_>) -> Option<Self> {
        let text = match cell {
            #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 no figure is sane")]
            DataRef::Int(value) => return Some(Self::Number(*value as f64)),
            DataRef::Float(value) => return Some(Self::Number(*value)),
            DataRef::DateTime(value) => return Some(Self::Number(value.as_f64())),
            DataRef::String(text) | DataRef::DateTimeIso(text) => text.as_str(),
            DataRef::SharedString(text) => text,
            DataRef::Bool(_) | DataRef::DurationIso(_) | DataRef::Error(_) | DataRef::Empty => "",
        };
        let text: String = text.trim().chars().take(MAX_TEXT_CHARS).collect();
        (!text.is_empty()).then_some(Self::Text(text))
    }
}

/// One sheet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid {
    /// Its name. Hostile.
    pub(super) name: String,
    /// Its rows by number, from 0.
    pub(super) rows: BTreeMap<u32, Cells>,
}

impl Grid {
    /// The cell to the right of the first one that reads as one of `labels` (lower case).
    pub(super) fn value_after(&self, labels: &[&str]) -> Option<&Value> {
        self.rows.values().find_map(|cells| {
            let mut cells = cells.values();
            cells
                .find(|cell| labels.contains(&folded(&cell.text()).trim_end_matches(':').trim()))?;
            cells.next()
        })
    }
}

/// A label in lower case with single spaces.
pub(super) fn folded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Reads all sheets of `workbook`, an archive of our own making.
///
/// # Errors
/// What the library says is wrong.
pub(super) fn read_all(workbook: Vec<u8>) -> Result<Vec<Grid>, String> {
    // The XML is still the author's. The library adds up row and column numbers without checks,
    // which panics in debug builds, so its panics are errors of the workbook.
    catch_unwind(AssertUnwindSafe(|| read_sheets(workbook)))
        .unwrap_or_else(|_| Err("a cell reference is out of range".to_owned()))
}

fn read_sheets(workbook: Vec<u8>) -> Result<Vec<Grid>, String> {
    let told = |error: calamine::XlsxError| super::shown(&error.to_string());
    let mut workbook = Xlsx::new(Cursor::new(workbook)).map_err(told)?;
    let mut grids = Vec::new();
    let mut left = MAX_CELLS;
    for name in workbook.sheet_names().into_iter().take(MAX_SHEETS) {
        // A chart sheet has no cells.
        let Ok(mut reader) = workbook.worksheet_cells_reader(&name) else { continue };
        let mut rows: BTreeMap<u32, Cells> = BTreeMap::new();
        while let Some(cell) = reader.next_cell().map_err(told)? {
            let Some(value) = Value::of(cell.get_value()) else { continue };
            let (row, column) = cell.get_position();
            rows.entry(row).or_default().insert(column, value);
            left -= 1;
            if left == 0 {
                return Err(format!("it has more than {MAX_CELLS} filled cells"));
            }
        }
        grids.push(Grid { name, rows });
    }
    Ok(grids)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workbook with one sheet that holds `rows`, and one shared string.
    fn workbook(rows: &str, shared: &str) -> Vec<u8> {
        let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let relation = |id: &str, kind: &str, target: &str| {
            format!(r#"<Relationship Id="{id}" Type="{office}/{kind}" Target="{target}"/>"#)
        };
        let package = format!(
            "<Relationships>{}</Relationships>",
            relation("r1", "officeDocument", "xl/workbook.xml")
        );
        let parts = format!(
            "<Relationships>{}{}</Relationships>",
            relation("r1", "worksheet", "worksheets/sheet1.xml"),
            relation("r2", "sharedStrings", "sharedStrings.xml")
        );
        let book = format!(
            r#"<workbook xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#
        );
        let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
        let shared = format!("<sst><si><t>{shared}</t></si></sst>");
        crate::counters::archive::archive(&[
            ("_rels/.rels", package.as_bytes()),
            ("xl/workbook.xml", book.as_bytes()),
            ("xl/_rels/workbook.xml.rels", parts.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
            ("xl/sharedStrings.xml", shared.as_bytes()),
        ])
    }

    fn cells(rows: &str, shared: &str) -> Result<Vec<(u32, u32, Value)>, String> {
        let grids = read_all(workbook(rows, shared))?;
        let cells = grids.iter().flat_map(|grid| &grid.rows).flat_map(|(row, cells)| {
            cells.iter().map(|(column, value)| (*row, *column, value.clone()))
        });
        Ok(cells.collect())
    }

    #[test]
    fn cells_far_apart_cost_no_more_than_cells_side_by_side() {
        let rows = r#"<row r="1"><c r="A1"><v>1</v></c></row>
            <row r="1048576"><c r="XFD1048576" t="s"><v>0</v></c></row>"#;
        let text = Value::Text("text".to_owned());
        assert_eq!(
            cells(rows, " text "),
            Ok(vec![(0, 0, Value::Number(1.0)), (1_048_575, 16_383, text)])
        );
    }

    #[test]
    fn long_text_is_cut_and_too_many_cells_are_refused() {
        let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c></row>"#;
        let cut = Value::Text("x".repeat(MAX_TEXT_CHARS));
        assert_eq!(cells(rows, &"x".repeat(100_000)), Ok(vec![(0, 0, cut)]));
        let many = format!("<row>{}</row>", "<c><v>1</v></c>".repeat(MAX_CELLS));
        assert_eq!(cells(&many, ""), Err("it has more than 50000 filled cells".to_owned()));
    }

    #[test]
    fn references_out_of_range_are_errors_or_cells_never_panics() {
        for reference in ["A99999999999", "ZZZZZZZZZZZZZZ1", "A0", "1", "", "A-1", "\u{e9}1"] {
            let rows = format!(r#"<row r="{reference}"><c r="{reference}"><v>1</v></c></row>"#);
            // In release builds the library wraps around; the cell is then far out or lost.
            let _ = cells(&rows, "");
        }
    }

    #[test]
    fn entities_are_not_expanded() {
        let rows = r#"<row r="1"><c r="A1" t="str"><v>&lol;</v></c></row>"#;
        let expanded = cells(rows, "").is_ok_and(|cells| format!("{cells:?}").len() > 200);
        assert!(!expanded);
    }
}
