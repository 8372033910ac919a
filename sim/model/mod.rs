//! The vendor's capacity table applied to an observed domain controller: traffic figures, the
//! verdict in the vendor's words with its working, sums over several controllers, and what the
//! result rests on. Arithmetic on records; no packet is parsed here.
//!
//! Facts (tables, limits, wordings) lie in `tables.toml` with source and date. Three kinds of
//! number are kept apart everywhere: published by the vendor, inferred by us from what it
//! published, and our own.

pub mod bursts;
pub mod calibration;
mod caveats;
mod host;
mod judge;
mod load;
mod meter;
pub mod probability;
mod resources;
mod rounding;
mod rules;
mod size;
mod tables;
mod total;
pub mod virtual_sensor;
mod window;
mod words;

#[cfg(test)]
mod fixture;

pub use host::{apply_estate, apply_synthesis};
pub use judge::{Case, JudgeError, Question, Watch, load_if_one_fails};
pub use load::load;
pub use meter::{Meter, Progress};
pub use rules::{Rules, RulesError, assumptions};
pub use size::size;
pub use tables::{
    CURRENT_TABLE, Convention, Figure, Figures, OperatingSystem, PublishedTable, Support, Tables,
    V3Limits, Wordings, row_for, tables, v3_limits,
};
pub use total::total;
