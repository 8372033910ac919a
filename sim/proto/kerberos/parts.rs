//! Messages in their parts, for writing.

use super::Packet;
use crate::wire::{WireError, Writer};

/// A packet in its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts<'a> {
    /// One whose parts are not told apart.
    Whole(&'a [u8]),
}

impl<'a> Parts<'a> {
    /// Parses what one datagram, or one record without its mark, holds.
    ///
    /// # Errors
    /// As [`Packet::parse`], or bytes missing or left over.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        Packet::check(input)?;
        Ok(Self::Whole(input))
    }

    /// Appends the packet without a record mark.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match self {
            Self::Whole(bytes) => w.bytes(bytes),
        }
    }
}
