//! Time, units, seeded random numbers, the frame types. Knows no other room.

mod arrivals;
mod frame;
mod hex;
mod percent;
mod random;
mod time;

pub use arrivals::Arrivals;
pub use frame::{Batch, Frame, FrameSource, LinkType, Record};
pub use hex::hex;
pub use percent::percent_in_full;
pub use random::Random;
pub use time::Timestamp;
