//! Puts the core under load inside an envelope and records what it cost.

mod process;

pub use process::Stopwatch;
