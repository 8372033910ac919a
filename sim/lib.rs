//! Headroom answers one question: will the Microsoft Defender for Identity sensor keep up on
//! this domain controller, and if not, what must be added?
//!
//! Each folder of this crate is a room with one duty; `tests/it/architecture.rs` holds the
//! table of rooms and what each may use. `README.md` says how to run the program.

pub mod base;
pub mod capture;
pub mod cli;
pub mod counters;
pub mod estate;
pub mod flow;
pub mod learn;
pub mod measure;
pub mod model;
pub mod privacy;
pub mod proto;
pub mod record;
pub mod report;
pub mod sensor;
pub mod synth;
pub mod wire;
