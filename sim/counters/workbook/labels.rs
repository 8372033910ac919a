//! Tables and columns by their labels.

use std::collections::BTreeMap;

use super::grid::{Cells, Grid, Value, folded};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    /// `DC`
    Dc,
    /// `Sensor Supported`
    Verdict,
    /// `Failed Samples`
    Failed,
    /// `Max Packets/sec`
    Max,
    /// `Avg Packets/sec`
    Avg,
    /// `Busy Packets/sec`
    Busy,
    /// `Busy Packets/sec Start Time`
    Start,
    /// `Busy Packets/sec End Time`
    End,
    /// `Min Avail MB`
    MinAvailable,
    /// `Avg Avail MB`
    AvgAvailable,
    /// Physical cores; label not published.
    Cores,
    /// Logical processors; label not published.
    Logical,
    /// Installed memory in GB; label not published.
    InstalledGb,
    /// Installed memory in MB; label not published.
    InstalledMb,
    /// Mean processor use; label not published.
    AvgCpu,
    /// Highest processor use; label not published.
    MaxCpu,
    /// `OS Server Level` (named in the tool's README) or the like.
    Os,
}

impl Column {
    /// Name to show.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dc => "domain controller",
            Self::Verdict => "verdict",
            Self::Failed => "failed samples",
            Self::Max => "maximum packets per second",
            Self::Avg => "average packets per second",
            Self::Busy => "busy packets per second",
            Self::Start => "start of the busy window",
            Self::End => "end of the busy window",
            Self::MinAvailable => "minimum available memory",
            Self::AvgAvailable => "average available memory",
            Self::Cores => "physical cores",
            Self::Logical => "logical processors",
            Self::InstalledGb => "installed memory in GB",
            Self::InstalledMb => "installed memory in MB",
            Self::AvgCpu => "average processor use in percent",
            Self::MaxCpu => "highest processor use in percent",
            Self::Os => "operating system",
        }
    }

    /// The column of a published label.
    fn published(label: &str) -> Option<Self> {
        Some(match label {
            "dc" | "domain controller" => Self::Dc,
            "sensor supported" => Self::Verdict,
            "failed samples" => Self::Failed,
            "max packets/sec" => Self::Max,
            "avg packets/sec" => Self::Avg,
            "busy packets/sec" => Self::Busy,
            "busy packets/sec start time" | "busy packets/sec start utc" | "start time" => {
                Self::Start
            }
            "busy packets/sec end time" | "busy packets/sec end utc" | "end time" => Self::End,
            "min avail mb" => Self::MinAvailable,
            "avg avail mb" => Self::AvgAvailable,
            "os server level" => Self::Os,
            _ => return None,
        })
    }

    /// The column that a label not published most likely means.
    fn guessed(label: &str) -> Option<Self> {
        let has = |part: &str| label.contains(part);
        let word = |word: &str| label.split(|c: char| !c.is_alphanumeric()).any(|w| w == word);
        let processor = has("processor") || has("core") || has("cpu");
        if has("logical") && processor {
            Some(Self::Logical)
        } else if (word("cores") || has("physical core") || has("number of core"))
            && !has("missing")
        {
            Some(Self::Cores)
        } else if (word("ram") || has("memory")) && !has("avail") && !has("missing") {
            if word("gb") {
                Some(Self::InstalledGb)
            } else {
                word("mb").then_some(Self::InstalledMb)
            }
        } else if (word("cpu") || has("processor time"))
            && (has("%") || has("percent") || has("use"))
        {
            match (word("avg") || has("average"), word("max") || has("maximum")) {
                (true, false) => Some(Self::AvgCpu),
                (false, true) => Some(Self::MaxCpu),
                _ => None,
            }
        } else {
            (word("os") || has("operating system")).then_some(Self::Os)
        }
    }
}

/// A table in a sheet.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// The sheet.
    pub(super) grid: &'a Grid,
    /// Row of the labels, from 0.
    pub(super) header_row: u32,
    /// Columns whose label is not published, and what they were taken for.
    pub(super) guessed: Vec<(String, Column)>,
    /// Labels that mean nothing to us.
    pub(super) unknown: Vec<String>,
    columns: BTreeMap<Column, (u32, String)>,
}

impl<'a> Table<'a> {
    fn of(grid: &'a Grid, header_row: u32, header: &Cells) -> Self {
        let mut table = Self {
            grid,
            header_row,
            guessed: Vec::new(),
            unknown: Vec::new(),
            columns: BTreeMap::new(),
        };
        let labels: Vec<(u32, String)> =
            header.iter().map(|(at, cell)| (*at, cell.text())).collect();
        // Published labels first, so that a guess never takes their place.
        let mut others = Vec::new();
        for (at, label) in labels {
            match Column::published(&folded(&label)) {
                Some(column) if !table.has(column) => {
                    table.columns.insert(column, (at, label));
                }
                _ => others.push((at, label)),
            }
        }
        for (at, label) in others {
            match Column::guessed(&folded(&label)) {
                Some(column) if !table.has(column) => {
                    table.guessed.push((label.clone(), column));
                    table.columns.insert(column, (at, label));
                }
                _ => table.unknown.push(label),
            }
        }
        table
    }

    /// True where the table has `column`.
    pub(super) fn has(&self, column: Column) -> bool {
        self.columns.contains_key(&column)
    }

    /// Label of `column` as it stands in the sheet.
    pub(super) fn label(&self, column: Column) -> Option<&str> {
        self.columns.get(&column).map(|(_, label)| label.as_str())
    }

    /// Cell of `column` in a row.
    pub(super) fn value<'c>(&self, cells: &'c Cells, column: Column) -> Option<&'c Value> {
        cells.get(&self.columns.get(&column)?.0)
    }

    /// Text of `column` in a row; none where the cell is empty.
    pub(super) fn text(&self, cells: &Cells, column: Column) -> Option<String> {
        self.value(cells, column).map(Value::text)
    }
}

/// The table of domain controllers in `grid`.
pub(super) fn find_table(grid: &Grid) -> Option<Table<'_>> {
    header_rows(grid).find(|table| table.has(Column::Dc))
}

/// The table of all domain controllers together, in the ATA sheet.
pub(super) fn find_center(grid: &Grid) -> Option<Table<'_>> {
    header_rows(grid).find(|table| !table.has(Column::Dc))
}

fn header_rows(grid: &Grid) -> impl Iterator<Item = Table<'_>> {
    let is_header =
        |cells: &Cells| cells.values().any(|cell| folded(&cell.text()) == "busy packets/sec");
    let rows = grid.rows.iter().filter(move |(_, cells)| is_header(cells));
    rows.map(|(row, cells)| Table::of(grid, *row, cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_are_not_published_are_guessed_with_care() {
        for (label, expected) in [
            ("physical cores", Some(Column::Cores)),
            ("cores", Some(Column::Cores)),
            ("logical cores", Some(Column::Logical)),
            ("total ram gb", Some(Column::InstalledGb)),
            ("installed memory (mb)", Some(Column::InstalledMb)),
            ("ram", None),
            ("avg cpu %", Some(Column::AvgCpu)),
            ("max cpu %", Some(Column::MaxCpu)),
            ("operating system", Some(Column::Os)),
            ("missing cores", None),
            ("server core", None),
            ("program version", None),
            ("notes", None),
        ] {
            assert_eq!(Column::guessed(label), expected, "{label}");
        }
    }

    #[test]
    fn the_table_is_found_wherever_it_stands() {
        let row = |cells: &[(u32, &str)]| {
            cells.iter().map(|(at, text)| (*at, Value::Text((*text).to_owned()))).collect::<Cells>()
        };
        let rows = [
            (2, row(&[(0, "Number of DCs"), (1, "1")])),
            (7, row(&[(3, "DC"), (4, "Busy\nPackets/sec"), (5, "Cores"), (6, "Colour")])),
        ];
        let grid = Grid { name: "x".to_owned(), rows: rows.into_iter().collect() };
        let table = find_table(&grid).unwrap();
        assert_eq!(table.header_row, 7);
        assert_eq!(table.guessed, [("Cores".to_owned(), Column::Cores)]);
        assert_eq!(table.unknown, ["Colour"]);
        assert_eq!(table.columns.get(&Column::Busy).map(|(at, _)| *at), Some(4));
        assert!(find_center(&grid).is_none());
    }
}
