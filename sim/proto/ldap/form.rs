//! The restricted BER of RFC 4511 section 5.1: fields in order, and lists that are read where
//! they lie or written from what a caller has.

use crate::wire::ber::{self, Header};
use crate::wire::{Cause, Reader, WireError, Writer};

/// How somebody writes lengths. All forms mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// As few octets as possible, like OpenLDAP.
    #[default]
    Shortest,
    /// As Windows does: four octets after the first for every constructed element; for others
    /// none, two, or four, whichever is enough. Observed of `wldap32` and of domain controllers.
    Windows,
}

impl Form {
    /// The form that an element with this header is written in.
    pub const fn of(header: Header) -> Self {
        if header.is_wide() { Self::Windows } else { Self::Shortest }
    }

    /// Appends an element around `content`.
    pub fn element(self, w: &mut Writer<'_>, tag: u8, content: &[u8]) {
        self.header(tag, content.len()).emit(w);
        w.bytes(content);
    }

    /// Appends an element around what `fill` appends.
    pub fn around(self, w: &mut Writer<'_>, tag: u8, fill: impl FnOnce(&mut Writer<'_>)) {
        let expected = match self {
            Self::Windows if tag & ber::CONSTRUCTED != 0 => Header::wide(tag, 0).header_length(),
            _ => Header::new(tag, 0).header_length(),
        };
        w.behind(expected, fill, |length| self.header(tag, length).octets());
    }

    fn header(self, tag: u8, length: usize) -> Header {
        let is_constructed = tag & ber::CONSTRUCTED != 0;
        match self {
            Self::Windows if is_constructed || length > 0xffff => Header::wide(tag, length),
            Self::Windows if (0x80..=0xff).contains(&length) => Header::medium(tag, length),
            _ => Header::new(tag, length),
        }
    }

    /// Appends an OCTET STRING.
    pub fn string(self, w: &mut Writer<'_>, value: &[u8]) {
        self.element(w, ber::OCTET_STRING, value);
    }

    /// Appends a non-negative INTEGER or ENUMERATED in as few octets as possible.
    pub fn number(self, w: &mut Writer<'_>, tag: u8, value: u32) {
        let octets = u64::from(value).to_be_bytes();
        // A bit more than the value takes, so that it does not look negative.
        let used = (u32::BITS - value.leading_zeros()) / 8 + 1;
        let unused = octets.len() - used as usize;
        self.element(w, tag, octets.get(unused..).unwrap_or(&octets));
    }

    /// Appends a BOOLEAN, RFC 4511 section 5.1: true is 0xff.
    pub fn boolean(self, w: &mut Writer<'_>, tag: u8, value: bool) {
        self.element(w, tag, &[if value { 0xff } else { 0 }]);
    }
}

/// Reads elements one after another. Of an input that was cut, the element that reaches beyond
/// its end is clipped there, and strings and lists behind it are empty.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    r: Reader<'a>,
    is_cut: bool,
}

impl<'a> Fields<'a> {
    /// Begins at `r`.
    pub const fn new(r: Reader<'a>, is_cut: bool) -> Self {
        Self { r, is_cut }
    }

    /// Reads the elements of `content`, which errors call `what`.
    pub fn of(what: &'static str, content: &'a [u8]) -> Self {
        Self::new(Reader::new(what, content), false)
    }

    /// Takes the element that comes next, with its tag.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn any(&mut self) -> Result<(Header, &'a [u8]), WireError> {
        let header = Header::parse(&mut self.r, usize::MAX)?;
        Ok((header, self.content(header.length)?))
    }

    /// Takes the element that comes next, as it lies.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn whole(&mut self) -> Result<&'a [u8], WireError> {
        let before = self.r.peek();
        self.any()?;
        Ok(before.get(..before.len() - self.r.peek().len()).unwrap_or_default())
    }

    /// Takes the content of an element that must have `tag`.
    ///
    /// # Errors
    /// As [`Header::expect`].
    pub fn element(&mut self, tag: u8, field: &'static str) -> Result<&'a [u8], WireError> {
        let header = match Header::expect(&mut self.r, tag, field, usize::MAX) {
            Err(error) if self.is_cut && error.is_truncation() => {
                self.r.remainder();
                return Ok(&[]);
            }
            header => header?,
        };
        self.content(header.length)
    }

    /// Takes the content of an OCTET STRING.
    ///
    /// # Errors
    /// As [`Header::expect`].
    pub fn string(&mut self, field: &'static str) -> Result<&'a [u8], WireError> {
        self.element(ber::OCTET_STRING, field)
    }

    /// Takes the content of an element with `tag`, if that is next.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, WireError> {
        match self.peek() {
            Some(next) if next == tag => self.element(tag, "optional").map(Some),
            _ => Ok(None),
        }
    }

    /// Takes a non-negative number of at most 32 bits.
    ///
    /// # Errors
    /// As [`Header::expect`], or another number.
    pub fn number(&mut self, tag: u8, field: &'static str) -> Result<u32, WireError> {
        let at = self.r.clone();
        let header = Header::expect(&mut self.r, tag, field, usize::MAX)?;
        let content = self.r.bytes(header.length)?;
        ber::Element::new(tag, content)
            .unsigned()
            .ok_or_else(|| at.error(Cause::BadLength { field, got: content.len(), min: 1, max: 5 }))
    }

    /// Takes a BOOLEAN.
    ///
    /// # Errors
    /// As [`Header::expect`], or one that does not take one octet.
    pub fn boolean(&mut self, tag: u8, field: &'static str) -> Result<bool, WireError> {
        let at = self.r.clone();
        let header = Header::expect(&mut self.r, tag, field, usize::MAX)?;
        match self.r.bytes(header.length)? {
            &[value] => Ok(value != 0),
            other => Err(at.error(Cause::BadLength { field, got: other.len(), min: 1, max: 1 })),
        }
    }

    /// Tag of the element that comes next.
    pub fn peek(&self) -> Option<u8> {
        self.r.peek().first().copied()
    }

    /// Whether everything has been taken.
    pub const fn is_empty(&self) -> bool {
        self.r.is_empty()
    }

    /// Whether the input was cut.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// An error at the next element.
    pub const fn error(&self, cause: Cause) -> WireError {
        self.r.error(cause)
    }

    /// Requires that everything has been taken.
    ///
    /// # Errors
    /// [`Cause::TrailingBytes`].
    pub fn finish(self) -> Result<(), WireError> {
        self.r.finish()
    }

    fn content(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        if self.is_cut && length > self.r.peek().len() {
            return Ok(self.r.remainder());
        }
        self.r.bytes(length)
    }
}

/// What a list is made of.
pub trait Item<'a>: Copy {
    /// Takes one.
    ///
    /// # Errors
    /// What is wrong with it.
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError>;

    /// Appends it.
    fn emit(&self, form: Form, w: &mut Writer<'_>);
}

/// A string in a list.
impl<'a> Item<'a> for &'a [u8] {
    fn parse(fields: &mut Fields<'a>) -> Result<Self, WireError> {
        fields.string("string")
    }

    fn emit(&self, form: Form, w: &mut Writer<'_>) {
        form.string(w, self);
    }
}

/// A SEQUENCE OF or SET OF: as it was received, or made of a caller's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List<'a, T> {
    /// The content, in bytes as they lie.
    Encoded(&'a [u8]),
    /// What to write.
    Items(&'a [T]),
}

impl<'a, T: Item<'a>> List<'a, T> {
    /// The items in order, up to the first that is malformed.
    pub fn iter(&self) -> Items<'a, T> {
        match *self {
            Self::Encoded(content) => Items { fields: Fields::of("ldap::List", content), own: &[] },
            Self::Items(own) => Items { fields: Fields::of("ldap::List", &[]), own },
        }
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Encoded(content) => content.is_empty(),
            Self::Items(own) => own.is_empty(),
        }
    }

    /// Appends the list as an element.
    pub fn emit(&self, form: Form, w: &mut Writer<'_>, tag: u8) {
        form.around(w, tag, |w| self.iter().for_each(|item| item.emit(form, w)));
    }
}

impl<'a, T: Item<'a>> IntoIterator for List<'a, T> {
    type Item = T;
    type IntoIter = Items<'a, T>;

    fn into_iter(self) -> Items<'a, T> {
        self.iter()
    }
}

/// See [`List::iter`].
#[derive(Debug, Clone)]
pub struct Items<'a, T> {
    fields: Fields<'a>,
    own: &'a [T],
}

impl<'a, T: Item<'a>> Iterator for Items<'a, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if let Some((first, rest)) = self.own.split_first() {
            self.own = rest;
            return Some(*first);
        }
        if self.fields.is_empty() {
            return None;
        }
        let item = T::parse(&mut self.fields);
        if item.is_err() {
            self.fields = Fields::of("ldap::List", &[]);
        }
        item.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        fill(&mut Writer::new(&mut out));
        out
    }

    #[test]
    fn numbers_take_the_fewest_octets_and_never_look_negative() {
        for (value, want) in [
            (0, &b"\x02\x01\x00"[..]),
            (0x7f, b"\x02\x01\x7f"),
            (0x80, b"\x02\x02\x00\x80"),
            (0xffff, b"\x02\x03\x00\xff\xff"),
            (0x7fff_ffff, b"\x02\x04\x7f\xff\xff\xff"),
            (u32::MAX, b"\x02\x05\x00\xff\xff\xff\xff"),
        ] {
            let got = written(|w| Form::Windows.number(w, ber::INTEGER, value));
            assert_eq!(got, want);
            assert_eq!(Fields::of("test", &got).number(ber::INTEGER, "n"), Ok(value));
        }
    }

    #[test]
    fn windows_writes_lengths_in_its_own_way() {
        let head = |tag, length: usize| {
            let mut got = written(|w| Form::Windows.element(w, tag, &vec![7; length]));
            got.truncate(got.len() - length);
            got
        };
        assert_eq!(head(ber::SEQUENCE, 5), b"\x30\x84\x00\x00\x00\x05");
        assert_eq!(head(ber::OCTET_STRING, 0x7f), b"\x04\x7f");
        assert_eq!(head(0x87, 0x80), b"\x87\x82\x00\x80");
        assert_eq!(head(0x87, 0xff), b"\x87\x82\x00\xff");
        assert_eq!(head(ber::OCTET_STRING, 0x732), b"\x04\x82\x07\x32");
        assert_eq!(head(ber::OCTET_STRING, 0x1_0000), b"\x04\x84\x00\x01\x00\x00");
    }

    #[test]
    fn of_a_cut_input_the_last_string_is_clipped_and_the_next_is_empty() {
        let bytes = b"\x04\x02ab\x04\x05cde";
        let mut cut = Fields::new(Reader::new("test", bytes), true);
        let strings = [(); 3].map(|()| cut.string("s"));
        assert_eq!(strings, [Ok(&b"ab"[..]), Ok(&b"cde"[..]), Ok(&b""[..])]);
        let mut whole = Fields::of("test", bytes);
        whole.string("s").unwrap();
        assert!(whole.string("s").unwrap_err().is_truncation());
    }

    #[test]
    fn a_list_says_the_same_received_or_made() {
        let made: List<'_, &[u8]> = List::Items(&[b"one", b""]);
        let bytes = written(|w| made.emit(Form::Windows, w, ber::SET));
        assert_eq!(bytes, b"\x31\x84\x00\x00\x00\x07\x04\x03one\x04\x00");
        let received: List<'_, &[u8]> = List::Encoded(&bytes[6..]);
        assert_eq!(received.iter().collect::<Vec<_>>(), made.iter().collect::<Vec<_>>());
        let damaged: List<'_, &[u8]> = List::Encoded(b"\x04\x01a\x05\x00\x04\x01b");
        assert_eq!(damaged.iter().collect::<Vec<_>>(), [b"a"]);
    }
}
