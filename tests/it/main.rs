//! All integration tests in one binary: one link instead of one per file.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod architecture;
mod capture;
mod counters;
mod fuzz;
mod model;
mod package;
mod report;
mod report_fixtures;
mod truth;
