//! Arguments in stubs: C706 chapter 14 (NDR) and \[MS-RPCE\] section 2.2.5 (NDR64), as far as the
//! names in requests need them.

use std::fmt::{self, Display, Write as _};

use super::syntax::{Order, Uuid};
use crate::proto::Utf8;

/// Octets of a context handle, C706 section 14.3.11.
pub const HANDLE: usize = 20;

/// Reads arguments front to back. Everything is `None` where the stub ends early.
#[derive(Debug, Clone)]
pub struct Stub<'a> {
    bytes: &'a [u8],
    offset: usize,
    order: Order,
    /// Pointers and counts take 8 octets: NDR64.
    is_wide: bool,
}

impl<'a> Stub<'a> {
    /// Begins at the first argument.
    pub const fn new(bytes: &'a [u8], order: Order, is_wide: bool) -> Self {
        Self { bytes, offset: 0, order, is_wide }
    }

    /// Whether pointers and counts take 8 octets.
    pub const fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// Skips to a multiple of `unit` octets.
    pub fn align(&mut self, unit: usize) {
        self.offset = self.offset.next_multiple_of(unit);
    }

    /// Takes `length` octets.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.offset.checked_add(length)?;
        let taken = self.bytes.get(self.offset..end)?;
        self.offset = end;
        Some(taken)
    }

    /// Takes 16 bits.
    pub fn short(&mut self) -> Option<u16> {
        self.align(2);
        Some(self.order.get_u16(*self.take(2)?.first_chunk()?))
    }

    /// Takes 32 bits.
    pub fn long(&mut self) -> Option<u32> {
        self.align(4);
        Some(self.order.get_u32(*self.take(4)?.first_chunk()?))
    }

    /// Takes a count: 32 bits, or 64 where they are wide.
    pub fn size(&mut self) -> Option<usize> {
        if !self.is_wide {
            return usize::try_from(self.long()?).ok();
        }
        self.align(8);
        let (first, second) = (self.long()?, self.long()?);
        let (low, high) =
            if self.order == Order::Little { (first, second) } else { (second, first) };
        if high == 0 { usize::try_from(low).ok() } else { None }
    }

    /// Takes an enumeration: 16 bits, or 32 where counts are wide.
    pub fn enumeration(&mut self) -> Option<u32> {
        if self.is_wide { self.long() } else { self.short().map(u32::from) }
    }

    /// Takes a pointer and says whether it points to something.
    pub fn pointer(&mut self) -> Option<bool> {
        self.size_or_address().map(|value| value != 0)
    }

    /// A pointer's value may use all of its bits.
    fn size_or_address(&mut self) -> Option<u32> {
        if !self.is_wide {
            return self.long();
        }
        self.align(8);
        Some(self.long()? | self.long()?)
    }

    /// Takes a context handle.
    pub fn handle(&mut self) -> Option<&'a [u8]> {
        self.align(4);
        self.take(HANDLE)
    }

    /// Takes an identifier.
    pub fn uuid(&mut self) -> Option<Uuid> {
        self.align(4);
        Some(self.order.get_uuid(*self.take(16)?.first_chunk()?))
    }

    /// Takes a conformant and varying array's header and gives how many items are sent.
    pub fn varying(&mut self) -> Option<usize> {
        let (_, _, count) = (self.size()?, self.size()?, self.size()?);
        Some(count)
    }

    /// Takes a string of 16-bit characters.
    pub fn text(&mut self) -> Option<Text<'a>> {
        let count = self.varying()?;
        self.wide(count)
    }

    /// Takes `count` 16-bit characters.
    pub fn wide(&mut self, count: usize) -> Option<Text<'a>> {
        let bytes = self.take(count.checked_mul(2)?)?;
        Some(Text::Wide(bytes, self.order))
    }

    /// Takes a string of octets.
    pub fn narrow(&mut self) -> Option<Text<'a>> {
        let count = self.varying()?;
        Some(Text::Narrow(self.take(count)?))
    }

    /// Takes a pointer, and the string of 16-bit characters that follows where it points to one.
    pub fn unique_text(&mut self) -> Option<Option<Text<'a>>> {
        if self.pointer()? { self.text().map(Some) } else { Some(None) }
    }

    /// Takes an `RPC_UNICODE_STRING` without its characters, \[MS-DTYP\] section 2.3.10, and
    /// says whether they follow later.
    pub fn counted(&mut self) -> Option<bool> {
        if self.is_wide {
            self.align(8);
        } else {
            self.align(4);
        }
        let _ = (self.short()?, self.short()?);
        self.pointer()
    }

    /// Takes an `RPC_UNICODE_STRING` that is an argument of its own.
    pub fn counted_text(&mut self) -> Option<Text<'a>> {
        if self.counted()? { self.text() } else { None }
    }

    /// Takes a security identifier, \[MS-DTYP\] section 2.4.2.3.
    pub fn sid(&mut self) -> Option<Sid<'a>> {
        let count = self.size()?;
        let &[_, parts, ref authority @ ..] = self.take(8)?.first_chunk::<8>()?;
        if usize::from(parts) != count {
            return None;
        }
        Some(Sid { authority: *authority, parts: self.take(4 * count)?, order: self.order })
    }
}

/// Text as it lies in a stub. It ends before its first zero.
#[derive(Debug, Clone, Copy)]
pub enum Text<'a> {
    /// 16-bit characters.
    Wide(&'a [u8], Order),
    /// Octets.
    Narrow(&'a [u8]),
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wide(bytes, order) => {
                let (pairs, _) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|&pair| order.get_u16(pair));
                for unit in char::decode_utf16(units.take_while(|&unit| unit != 0)) {
                    f.write_char(unit.unwrap_or(char::REPLACEMENT_CHARACTER))?;
                }
                Ok(())
            }
            Self::Narrow(bytes) => {
                let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
                Utf8(bytes.get(..end).unwrap_or_default()).fmt(f)
            }
        }
    }
}

/// A security identifier, shown as \[MS-DTYP\] section 2.4.2.1 says.
#[derive(Debug, Clone, Copy)]
pub struct Sid<'a> {
    authority: [u8; 6],
    parts: &'a [u8],
    order: Order,
}

impl Display for Sid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.authority;
        write!(f, "S-1-{}", u64::from_be_bytes([0, 0, a, b, c, d, e, g]))?;
        let (parts, _) = self.parts.as_chunks::<4>();
        parts.iter().try_for_each(|&part| write!(f, "-{}", self.order.get_u32(part)))
    }
}

/// Builds stubs, argument by argument, as [`Stub`] reads them.
#[derive(Debug)]
pub struct StubWriter {
    bytes: Vec<u8>,
    order: Order,
    is_wide: bool,
    pointers: u32,
}

impl StubWriter {
    /// Begins with no arguments.
    pub const fn new(order: Order, is_wide: bool) -> Self {
        Self { bytes: Vec::new(), order, is_wide, pointers: 0 }
    }

    /// The finished stub.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends zeros up to a multiple of `unit` octets.
    pub fn align(&mut self, unit: usize) -> &mut Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(unit), 0);
        self
    }

    /// Appends octets.
    pub fn octets(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// Appends 16 bits.
    pub fn short(&mut self, value: u16) -> &mut Self {
        let bytes = self.order.put_u16(value);
        self.align(2).octets(&bytes)
    }

    /// Appends 32 bits.
    pub fn long(&mut self, value: u32) -> &mut Self {
        let bytes = self.order.put_u32(value);
        self.align(4).octets(&bytes)
    }

    /// Appends a count.
    pub fn size(&mut self, value: usize) -> &mut Self {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        match (self.is_wide, self.order) {
            (false, _) => self.long(value),
            (true, Order::Little) => self.align(8).long(value).long(0),
            (true, Order::Big) => self.align(8).long(0).long(value),
        }
    }

    /// Appends an enumeration.
    pub fn enumeration(&mut self, value: u16) -> &mut Self {
        if self.is_wide { self.long(u32::from(value)) } else { self.short(value) }
    }

    /// Appends a pointer to something, or to nothing.
    pub fn pointer(&mut self, points: bool) -> &mut Self {
        /// Where Windows begins to count pointers, and by how much it goes on.
        const FIRST: u32 = 0x0002_0000;
        const STEP: u32 = 4;
        let value = if points { FIRST + STEP * self.pointers } else { 0 };
        self.pointers += u32::from(points);
        self.size(usize::try_from(value).unwrap_or(usize::MAX))
    }

    /// Appends a context handle.
    pub fn handle(&mut self, handle: [u8; HANDLE]) -> &mut Self {
        self.align(4).octets(&handle)
    }

    /// Appends an identifier.
    pub fn uuid(&mut self, uuid: Uuid) -> &mut Self {
        let bytes = self.order.put_uuid(uuid);
        self.align(4).octets(&bytes)
    }

    /// Appends a conformant and varying array's header.
    pub fn varying(&mut self, count: usize) -> &mut Self {
        self.size(count).size(0).size(count)
    }

    fn characters(&mut self, text: &str, end: &[u16]) -> &mut Self {
        let units: Vec<u16> = text.encode_utf16().chain(end.iter().copied()).collect();
        self.varying(units.len());
        for unit in units {
            self.short(unit);
        }
        self
    }

    /// Appends a string of 16-bit characters with its zero.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.characters(text, &[0])
    }

    /// Appends a string of octets with its zero.
    pub fn narrow(&mut self, text: &str) -> &mut Self {
        self.varying(text.len() + 1).octets(text.as_bytes()).octets(&[0])
    }

    /// Appends a pointer and the string that it points to.
    pub fn unique_text(&mut self, text: Option<&str>) -> &mut Self {
        self.pointer(text.is_some());
        match text {
            Some(text) => self.text(text),
            None => self,
        }
    }

    /// Appends an `RPC_UNICODE_STRING` without its characters.
    pub fn counted(&mut self, text: &str) -> &mut Self {
        let length = u16::try_from(2 * text.encode_utf16().count()).unwrap_or(u16::MAX);
        self.align(if self.is_wide { 8 } else { 4 });
        self.short(length).short(length).pointer(true)
    }

    /// Appends the characters of an `RPC_UNICODE_STRING`.
    pub fn counted_characters(&mut self, text: &str) -> &mut Self {
        self.characters(text, &[])
    }

    /// Appends an `RPC_UNICODE_STRING` that is an argument of its own.
    pub fn counted_text(&mut self, text: &str) -> &mut Self {
        self.counted(text).counted_characters(text)
    }

    /// Appends a security identifier of the NT authority.
    pub fn sid(&mut self, parts: &[u32]) -> &mut Self {
        let count = u8::try_from(parts.len()).unwrap_or(u8::MAX);
        self.size(usize::from(count)).octets(&[1, count, 0, 0, 0, 0, 0, 5]);
        for &part in parts.iter().take(usize::from(count)) {
            self.long(part);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [(Order, bool); 4] =
        [(Order::Little, false), (Order::Little, true), (Order::Big, false), (Order::Big, true)];

    #[test]
    fn arguments_are_read_as_they_were_written() {
        for (order, is_wide) in SHAPES {
            let mut writer = StubWriter::new(order, is_wide);
            writer.unique_text(Some(r"\\DC1")).unique_text(None).handle([7; HANDLE]).short(9);
            writer.counted_text("alice").sid(&[21, 1, 2, 500]).enumeration(5).narrow("svc");
            writer.text("x").uuid(Uuid(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa)).long(17);
            let bytes = writer.finish();
            let mut stub = Stub::new(&bytes, order, is_wide);
            assert_eq!(stub.unique_text().unwrap().unwrap().to_string(), r"\\DC1");
            assert!(stub.unique_text().unwrap().is_none());
            assert_eq!(stub.handle(), Some(&[7; HANDLE][..]));
            assert_eq!(stub.short(), Some(9));
            assert_eq!(stub.counted_text().unwrap().to_string(), "alice");
            assert_eq!(stub.sid().unwrap().to_string(), "S-1-5-21-1-2-500");
            assert_eq!(stub.enumeration(), Some(5));
            assert_eq!(stub.narrow().unwrap().to_string(), "svc");
            assert_eq!(stub.text().unwrap().to_string(), "x");
            assert_eq!(stub.uuid().unwrap().to_string(), "e1af8308-5d1f-11c9-91a4-08002b14a0fa");
            assert_eq!(stub.long(), Some(17));
            assert_eq!(stub.long(), None);
        }
    }

    #[test]
    fn lengths_beyond_the_stub_give_nothing() {
        for (order, is_wide) in SHAPES {
            let bytes = [0xff; 64];
            assert!(Stub::new(&bytes, order, is_wide).text().is_none());
            assert!(Stub::new(&bytes, order, is_wide).sid().is_none());
            assert!(Stub::new(&bytes, order, is_wide).counted_text().is_none());
        }
    }
}
