//! Names and addresses to stable keyed pseudonyms, in records and in frames.
//!
//! The rule is a white list: what is not known to be harmless is replaced or blanked. Equal
//! things get equal pseudonyms under one [`Key`], so that a report still tells who spoke to
//! whom how often, and a capture still sizes the same; without the key nobody can test a guess.
//!
//! * [`Pseudonyms`] maps addresses (prefix-preserving), names (word by word), security
//!   identifiers;
//! * [`Pseudonyms::record`] applies it to whatever is written to disk as a result;
//! * [`Scrubber`] applies it to frames: headers are rewritten, and of payloads only what
//!   `message` knows to be structure is kept.
//!
//! What it does not hide: times, lengths, ports, host numbers of well-known accounts (RIDs),
//! and the pattern of who speaks when. Whoever can make traffic of their own appear in the
//! capture can recognise it by these.

mod address;
mod cache;
mod checksum;
mod control;
mod fragments;
mod frame;
mod key;
mod lex;
mod message;
mod name;
mod record;
mod scrub;
mod sheet;
mod stream;

pub use key::{KEY_BYTES, Key};
pub use name::Pseudonyms;
pub use scrub::{Scrubbed, Scrubber};
