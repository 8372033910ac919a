//! DNS: hosts and services of the domain, names outside it, addresses, and updates.

mod cache;
mod exchange;
mod inside;
mod locate;
mod managed;
mod outside;
mod places;
mod update;

pub use cache::Cache;
pub use inside::{lookup, reverse};
pub use locate::locate;
pub use managed::managed;
pub use outside::{missing, outside};
pub use update::update;

use crate::synth::Stage;

/// The number that ties an answer to its question, of DNS and the protocols of its form.
pub(super) fn draw_id(stage: &mut Stage<'_>) -> u16 {
    u16::try_from(stage.random.below(1 << u16::BITS)).unwrap_or_default()
}
