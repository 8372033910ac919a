//! What bodies are made of: numbers, and buffers that a fixed part points to.
//!
//! A body is described once as a list of fields; see `body!`. Its fixed part is read front to
//! back; buffers lie behind it, at offsets from the header of the message. Emitting places them
//! one behind the other, and says where.

use crate::wire::{Cause, Reader, WireError, Writer};

use super::Header;

/// Reads the fixed part of a body, and what it points to.
#[derive(Debug)]
pub struct Source<'a> {
    fixed: Reader<'a>,
    /// The message from its header on, as far as it is present.
    pdu: &'a [u8],
    /// Length of the message, in bytes.
    length: usize,
    /// Where the fixed part, and what was read behind it, ends.
    end: usize,
}

impl<'a> Source<'a> {
    /// Starts behind the structure size, which must be `size`.
    pub fn new(
        what: &'static str,
        pdu: &'a [u8],
        length: usize,
        size: u16,
    ) -> Result<Self, WireError> {
        let mut fixed = Reader::new(what, pdu);
        fixed.bytes(Header::LEN)?;
        let at = fixed.clone();
        let got = u16::from_le_bytes(*fixed.array()?);
        if got != size {
            let (want, got) = (u64::from(size), u64::from(got));
            return Err(at.error(Cause::BadConstant { field: "structure_size", want, got }));
        }
        let end = Header::LEN + fixed_length(size);
        Ok(Self { fixed, pdu, length, end })
    }

    /// `length` bytes at `offset` from the header, as far as they are present.
    fn buffer(&mut self, offset: usize, length: usize) -> Result<Buffer<'a>, WireError> {
        if length == 0 {
            return Ok(Buffer { bytes: &[], missing: 0, empty_at: offset });
        }
        let (min, max) = (Header::LEN, self.length);
        let end = offset.saturating_add(length);
        if offset < min || end > max {
            return Err(self.fixed.error(Cause::BadLength { field: "buffer", got: end, min, max }));
        }
        self.end = self.end.max(end);
        let rest = self.pdu.get(offset..).unwrap_or_default();
        let bytes = rest.get(..length).unwrap_or(rest);
        Ok(Buffer { bytes, missing: length - bytes.len(), empty_at: 0 })
    }

    /// `length` bytes right behind what was read.
    fn following(&mut self, length: usize) -> Result<Buffer<'a>, WireError> {
        self.buffer(self.end, length)
    }

    /// Takes what stands behind everything that was read.
    pub fn rest(&mut self) -> &'a [u8] {
        let start = self.end.min(self.pdu.len());
        self.end = self.pdu.len();
        self.pdu.get(start..).unwrap_or_default()
    }
}

/// Writes a body: first the fixed part, then what it points to.
#[derive(Debug)]
pub struct Sink<'a, 'w> {
    w: &'a mut Writer<'w>,
    /// Where the next buffer may begin.
    free: usize,
    /// Where the next byte behind the fixed part goes.
    at: usize,
}

impl<'a, 'w> Sink<'a, 'w> {
    /// Appends the structure size.
    pub fn new(size: u16, w: &'a mut Writer<'w>) -> Self {
        w.bytes(&size.to_le_bytes());
        let at = Header::LEN + fixed_length(size);
        Self { w, free: at, at }
    }

    /// Where `buffer` will stand.
    fn place(&mut self, buffer: &Buffer<'_>, align: usize) -> usize {
        if buffer.bytes.is_empty() {
            return buffer.empty_at;
        }
        let offset = self.free.next_multiple_of(align);
        self.free = offset + buffer.bytes.len();
        offset
    }

    /// Appends `buffer` where [`place`](Self::place) said.
    fn append(&mut self, buffer: &Buffer<'_>, align: usize) {
        if buffer.bytes.is_empty() {
            return;
        }
        while !self.at.is_multiple_of(align) {
            self.w.byte(0);
            self.at += 1;
        }
        self.w.bytes(buffer.bytes);
        self.at += buffer.bytes.len();
    }

    /// Appends what stands behind all buffers.
    pub fn rest(&mut self, bytes: &[u8]) {
        self.w.bytes(bytes);
    }
}

/// Structure size of a LOCK request, which counts the first lock, \[MS-SMB2\] 2.2.26.
const LOCK_REQUEST: u16 = 48;

/// Length of the fixed part: an odd structure size counts the first byte of what follows,
/// \[MS-SMB2\] 2.2.
const fn fixed_length(size: u16) -> usize {
    match size {
        LOCK_REQUEST => size as usize - LOCK_LENGTH,
        _ => (size & !1) as usize,
    }
}

/// Bytes behind the fixed part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Buffer<'a> {
    /// Those that are present.
    pub bytes: &'a [u8],
    /// How many more there are on the wire.
    missing: usize,
    /// The offset that an empty one claims.
    empty_at: usize,
}

impl<'a> Buffer<'a> {
    /// A buffer of `bytes`; of none, it claims offset 0.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, missing: 0, empty_at: 0 }
    }

    /// Length on the wire, in bytes.
    pub const fn length(&self) -> usize {
        self.bytes.len() + self.missing
    }

    /// All bytes; `None` where some are missing.
    pub const fn whole(&self) -> Option<&'a [u8]> {
        if self.is_clipped() { None } else { Some(self.bytes) }
    }

    /// Whether the input holds less than the wire did.
    pub const fn is_clipped(&self) -> bool {
        self.missing > 0
    }
}

/// A field of a body.
pub trait Part<'a>: Sized {
    /// Reads it.
    fn take(source: &mut Source<'a>) -> Result<Self, WireError>;
    /// Appends what of it stands in the fixed part.
    fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError>;
    /// Appends what of it stands behind the fixed part.
    fn tail(&self, _sink: &mut Sink<'_, '_>) {}
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl<'a> Part<'a> for $type {
            fn take(source: &mut Source<'a>) -> Result<Self, WireError> {
                Ok(Self::from_le_bytes(*source.fixed.array()?))
            }

            fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError> {
                sink.w.bytes(&self.to_le_bytes());
                Ok(())
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64);

impl<'a, const N: usize> Part<'a> for [u8; N] {
    fn take(source: &mut Source<'a>) -> Result<Self, WireError> {
        Ok(*source.fixed.array()?)
    }

    fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError> {
        sink.w.bytes(self);
        Ok(())
    }
}

/// Appends `value` as a number of the type that the field has.
fn put_as<T: TryFrom<usize>>(
    value: usize,
    sink: &mut Sink<'_, '_>,
    put: impl FnOnce(&T, &mut Sink<'_, '_>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    match T::try_from(value) {
        Ok(value) => put(&value, sink),
        Err(_) => {
            let max = (1 << (8 * size_of::<T>())) - 1;
            let cause = Cause::BadLength { field: "buffer", got: value, min: 0, max };
            Err(WireError { what: "smb2::Body", offset: 0, cause })
        }
    }
}

/// Ways in which a fixed part says where a buffer is: the types of offset and length in their
/// order, what stands between or before them, and the alignment of the buffer.
macro_rules! pointers {
    ($($(#[$meta:meta])* $Name:ident($($role:ident: $type:ty),+) align $align:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $Name<'a>(pub Buffer<'a>);

        impl<'a> Part<'a> for $Name<'a> {
            fn take(source: &mut Source<'a>) -> Result<Self, WireError> {
                let (offset, length);
                $(pointers!(@take $role, $type, source, offset, length);)+
                source.buffer(offset, length).map(Self)
            }

            fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError> {
                let offset = sink.place(&self.0, $align);
                $(pointers!(@put $role, $type, sink, offset, self.0.length());)+
                Ok(())
            }

            fn tail(&self, sink: &mut Sink<'_, '_>) {
                sink.append(&self.0, $align);
            }
        }
    )+};
    (@take offset, $type:ty, $source:ident, $offset:ident, $length:ident) => {
        $offset = number(<$type>::take($source)?);
    };
    (@take length, $type:ty, $source:ident, $offset:ident, $length:ident) => {
        $length = number(<$type>::take($source)?);
    };
    (@take zero, $type:ty, $source:ident, $offset:ident, $length:ident) => {
        <$type>::take($source)?;
    };
    (@put offset, $type:ty, $sink:ident, $offset:ident, $length:expr) => {
        put_as::<$type>($offset, $sink, Part::put)?;
    };
    (@put length, $type:ty, $sink:ident, $offset:ident, $length:expr) => {
        put_as::<$type>($length, $sink, Part::put)?;
    };
    (@put zero, $type:ty, $sink:ident, $offset:ident, $length:expr) => {
        <$type>::MIN.put($sink)?;
    };
}

/// An offset or length as a count of bytes; what memory cannot hold lies behind any message.
fn number(value: impl TryInto<usize>) -> usize {
    value.try_into().unwrap_or(usize::MAX)
}

pointers! {
    /// Offset and length in 16 bits each.
    At16(offset: u16, length: u16) align 1;
    /// Offset and length in 32 bits each.
    At32(offset: u32, length: u32) align 8;
    /// Offset in 16 bits, length in 32.
    At16Long(offset: u16, length: u32) align 1;
    /// Offset in 8 bits, a reserved byte, length in 32.
    At8Long(offset: u8, zero: u8, length: u32) align 1;
    /// Offset in 16 bits, 16 reserved, length in 32.
    At16Wide(offset: u16, zero: u16, length: u32) align 1;
    /// Length in 32 bits, offset in 16, 16 reserved.
    Long16At(length: u32, offset: u16, zero: u16) align 1;
}

/// Bytes right behind the fixed part, their length in 32 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Following<'a>(pub Buffer<'a>);

impl<'a> Part<'a> for Following<'a> {
    fn take(source: &mut Source<'a>) -> Result<Self, WireError> {
        let length = number(u32::take(source)?);
        source.following(length).map(Self)
    }

    fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError> {
        sink.place(&self.0, 1);
        put_as::<u32>(self.0.length(), sink, Part::put)
    }

    fn tail(&self, sink: &mut Sink<'_, '_>) {
        sink.append(&self.0, 1);
    }
}

/// Length in bytes of one lock, \[MS-SMB2\] 2.2.26.1.
const LOCK_LENGTH: usize = 24;

/// Locks behind the fixed part, counted in 16 bits, \[MS-SMB2\] 2.2.26.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Locks<'a>(pub Buffer<'a>);

impl<'a> Part<'a> for Locks<'a> {
    fn take(source: &mut Source<'a>) -> Result<Self, WireError> {
        let count = usize::from(u16::take(source)?);
        source.following(count * LOCK_LENGTH).map(Self)
    }

    fn put(&self, sink: &mut Sink<'_, '_>) -> Result<(), WireError> {
        sink.place(&self.0, 1);
        put_as::<u16>(self.0.length() / LOCK_LENGTH, sink, Part::put)
    }

    fn tail(&self, sink: &mut Sink<'_, '_>) {
        sink.append(&self.0, 1);
    }
}
