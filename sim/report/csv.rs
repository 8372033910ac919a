//! One row per domain controller (RFC 4180): the vendor tool's columns, then ours. Numbers have
//! a point and no grouping, times are RFC 3339 in UTC, unknown is `–`. The last column says
//! whether the whole input could be used.

use crate::record::SizingReport;

use super::columns::{Cell, columns};
use super::{ReportError, escape, number};

/// The rows as CSV.
pub fn render(report: &SizingReport) -> Result<Vec<u8>, ReportError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    let complete = if report.complete { "Yes" } else { "No" };
    let headings = columns(report).map(|column| column.heading);
    writer.write_record(headings.chain(["Complete"]))?;
    for sized in &report.domain_controllers {
        let fields = columns(report).map(|column| field(&(column.cell)(sized)));
        writer.write_record(fields.chain([complete.to_string()]))?;
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

/// One field. Also for the CSV behind the plots.
pub fn field(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => escape::spreadsheet(text),
        Cell::Number(value) => plain_number(*value),
        Cell::Time(at) => at.to_string(),
        Cell::Unknown => number::UNKNOWN.to_string(),
    }
}

/// At most three decimals, as few as needed. Also for the CSV behind the plots.
pub fn plain_number(value: f64) -> String {
    if !value.is_finite() {
        return number::UNKNOWN.to_string();
    }
    let text = format!("{value:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_string() } else { text.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_numbers_and_text_is_no_formula() {
        assert_eq!(field(&Cell::Number(-1.5)), "-1.5");
        assert_eq!(field(&Cell::Number(16_275.0)), "16275");
        assert_eq!(field(&Cell::Number(100.0)), "100");
        assert_eq!(field(&Cell::Text("-1.5".into())), "'-1.5");
        assert_eq!(field(&Cell::Unknown), "–");
    }
}
