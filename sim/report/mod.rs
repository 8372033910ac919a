//! Records to files and terminals: HTML with SVG plots, XLSX, JSON, CSV, Markdown, text.
//!
//! Every format is made from a [`SizingReport`] alone and is byte-identical for the same record:
//! no clock, no host name, no hash order. Unknown is `–` (JSON: `null`), never 0 and never NaN.
//! Whose a figure is (the vendor's, inferred, ours, measured, given) stands beside it.

mod columns;
mod csv;
mod escape;
mod html;
mod inspection;
mod json;
mod labels;
mod markdown;
mod measurement;
mod number;
mod page_tables;
mod plot;
mod plots;
mod text;
mod understood;
mod virtual_page;
mod virtual_tables;
mod virtual_words;
mod xlsx;

pub use inspection::render_inspection;
pub use json::line as json_line;
pub use measurement::{MEASUREMENT_FILES, measurement_file, render_measurement};

use crate::record::SizingReport;

/// The formats a report is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutputFormat {
    /// Compact table and reasons for a terminal.
    Text,
    /// The whole record, `schema_version` first, units in key names.
    Json,
    /// One row per domain controller, the vendor tool's columns first.
    Csv,
    /// For a ticket or a wiki.
    Markdown,
    /// One offline file with plots: light, dark, print; wide and narrow.
    Html,
    /// Workbook with the vendor tool's layout, reasons, samples and provenance.
    Xlsx,
}

/// The files of a report directory, the one to open first.
pub const FILES: &[(&str, OutputFormat)] = &[
    ("report.html", OutputFormat::Html),
    ("report.xlsx", OutputFormat::Xlsx),
    ("report.json", OutputFormat::Json),
    ("report.csv", OutputFormat::Csv),
    ("report.md", OutputFormat::Markdown),
];

/// What a caller may choose. Only [`OutputFormat::Text`] looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderOptions {
    /// Colour the verdicts with ANSI escapes.
    pub color: bool,
    /// Columns of the terminal; below 40 counts as 40.
    pub width: u16,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

/// A report that could not be made. None of these is caused by what is in the record.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The JSON writer refused.
    #[error("write the report as JSON: {0}; please report this as a bug")]
    Json(#[from] serde_json::Error),
    /// The CSV writer refused.
    #[error("write the report as CSV: {0}; please report this as a bug")]
    Csv(#[from] ::csv::Error),
    /// The workbook writer refused.
    #[error("write the report as XLSX: {0}; choose another format with --format")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    /// The page template refused.
    #[error("write the report as HTML: {0}; choose another format with --format")]
    Html(#[from] askama::Error),
    /// A plot could not be drawn.
    #[error("draw the plot `{plot}`: {reason}; choose another format with --format")]
    Plot {
        /// Its title.
        plot: &'static str,
        /// What the drawing library said.
        reason: String,
    },
}

/// `report` in `format`.
///
/// # Errors
/// See [`ReportError`]; no content of a record causes one.
pub fn render(
    report: &SizingReport,
    format: OutputFormat,
    options: RenderOptions,
) -> Result<Vec<u8>, ReportError> {
    match format {
        OutputFormat::Text => Ok(text::render(report, options).into_bytes()),
        OutputFormat::Json => json::render(report),
        OutputFormat::Csv => csv::render(report),
        OutputFormat::Markdown => Ok(markdown::render(report).into_bytes()),
        OutputFormat::Html => html::render(report).map(String::into_bytes),
        OutputFormat::Xlsx => xlsx::render(report),
    }
}

/// `text` as one line that a terminal shows and does not obey.
pub fn line(text: &str) -> String {
    escape::sentence(text)
}
