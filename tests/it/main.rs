//! All integration tests in one binary: one link instead of one per file.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that finds nothing there has failed"
)]

mod architecture;
mod capture;
mod cli;
mod counters;
mod estate;
mod fuzz;
mod invariants;
mod learn;
mod meaning;
mod model;
mod model_calibration;
mod package;
mod privacy;
mod protocols;
mod report;
mod report_fixtures;
mod report_model;
mod report_model_fixtures;
mod samples;
mod score;
mod sensor;
mod story;
mod synth;
mod talk;
mod truth;
