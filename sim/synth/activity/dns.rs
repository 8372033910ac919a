//! DNS: hosts and services of the domain, names outside it, addresses, and updates.

mod exchange;
mod inside;
mod locate;

pub use inside::{lookup, reverse};
pub use locate::locate;

use crate::synth::Stage;

/// A client asks for a name outside the domain; where it is not cached, the server asks a forwarder.
pub fn outside(_stage: &mut Stage<'_>) {}

/// A client asks for a name that does not exist.
pub fn missing(_stage: &mut Stage<'_>) {}

/// A client registers its name: refused unsigned, then signed.
pub fn update(_stage: &mut Stage<'_>) {}

/// A managed device asks for the cloud's names; argument: how many.
pub fn managed(_stage: &mut Stage<'_>) {}
