//! All integration tests in one binary: one link instead of one per file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod report;
mod report_fixtures;
