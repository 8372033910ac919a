//! DNS: hosts and services of the domain, names outside it, addresses, and updates.

mod exchange;
mod inside;
mod locate;
mod managed;
mod outside;
mod places;

pub use inside::{lookup, reverse};
pub use locate::locate;
pub use managed::managed;
pub use outside::{missing, outside};

use crate::synth::Stage;

/// A client registers its name: refused unsigned, then signed.
pub fn update(_stage: &mut Stage<'_>) {}
