//! DNS: hosts and services of the domain, names outside it, addresses, and updates.

mod exchange;
mod inside;
mod locate;
mod managed;
mod outside;
mod places;
mod update;

pub use inside::{lookup, reverse};
pub use locate::locate;
pub use managed::managed;
pub use outside::{missing, outside};
pub use update::update;
