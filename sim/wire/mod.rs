//! Tools for reading and writing bytes. Knows no protocol.

pub mod ber;
mod cursor;
mod error;
#[macro_use]
mod layout;

pub use cursor::{Reader, Writer};
pub use error::{Cause, WireError};
pub(crate) use layout::{field, wire_struct};
