//! ASN.1 BER identifier and length octets, X.690 (02/2021) sections 8.1.2 and 8.1.3.
//!
//! What Kerberos and LDAP need: tags of one octet and definite lengths. Indefinite lengths,
//! which DER and LDAP (RFC 4511 section 5.1) forbid, are an error. Lengths need not be minimal:
//! Windows writes `84 00 00 00 2a` where `2a` would do, so the form is kept for emitting.

use super::{Cause, Reader, WireError, Writer};

/// Universal tag of an INTEGER, X.680 section 8.6 table 1.
pub const INTEGER: u8 = 0x02;
/// Universal tag of a BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Universal tag of an OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Universal tag of an ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// Universal tag of a SEQUENCE, constructed.
pub const SEQUENCE: u8 = 0x30;
/// Universal tag of a SET, constructed.
pub const SET: u8 = 0x31;
/// Bit of a tag that says that the content is elements, X.690 section 8.1.2.5.
pub const CONSTRUCTED: u8 = 0x20;

/// Most length octets after the first that are read; more would say more than 4 GiB.
const LENGTH_OCTETS_MAX: u8 = 4;
/// Tag numbers from here on take further octets, X.690 section 8.1.2.4.
const HIGH_TAG: u8 = 0x1f;

/// Identifier and length of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The identifier octet: class, constructed bit and number.
    pub tag: u8,
    /// Length of the content, in bytes.
    pub length: usize,
    /// Octets of the length after the first: 0 is the short form.
    length_octets: u8,
}

impl Header {
    /// A header in the shortest form, as DER demands.
    pub fn new(tag: u8, length: usize) -> Self {
        Self { tag, length, length_octets: shortest_form(length) }
    }

    /// A header with four octets of length after the first, as Windows writes constructed
    /// elements.
    pub const fn wide(tag: u8, length: usize) -> Self {
        Self { tag, length, length_octets: LENGTH_OCTETS_MAX }
    }

    /// A header with at least two octets of length after the first, as Windows writes strings that
    /// do not fit the short form.
    pub fn medium(tag: u8, length: usize) -> Self {
        Self { tag, length, length_octets: shortest_form(length).max(2) }
    }

    /// Whether the length takes four octets after the first.
    pub const fn is_wide(&self) -> bool {
        self.length_octets == LENGTH_OCTETS_MAX
    }

    /// The same tag and form of length around other content.
    #[must_use]
    pub fn around(self, length: usize) -> Self {
        let length_octets = match shortest_form(length) {
            0 => self.length_octets,
            needed => self.length_octets.max(needed),
        };
        Self { length, length_octets, ..self }
    }

    /// Reads tag and length, and nothing of the content.
    ///
    /// # Errors
    /// Truncation, a tag of several octets, an indefinite length, a length of more than
    /// `limit` bytes or of more than four octets.
    #[inline]
    pub fn parse(r: &mut Reader<'_>, limit: usize) -> Result<Self, WireError> {
        let at = r.clone();
        let &[tag, first] = r.array::<2>()?;
        if tag & HIGH_TAG == HIGH_TAG {
            return Err(at.error(Cause::BadValue { field: "tag", got: u64::from(tag) }));
        }
        if first & 0x80 == 0 {
            let length = usize::from(first);
            return Self { tag, length, length_octets: 0 }.within(&at, limit);
        }
        let length_octets = first & 0x7f;
        if length_octets == 0 || length_octets > LENGTH_OCTETS_MAX {
            let cause = Cause::BadValue { field: "length form", got: u64::from(first) };
            return Err(at.error(cause));
        }
        let octets = r.bytes(usize::from(length_octets))?;
        let length = octets.iter().fold(0, |length, &octet| length << 8 | usize::from(octet));
        Self { tag, length, length_octets }.within(&at, limit)
    }

    /// Reads a header that must have `tag`.
    ///
    /// # Errors
    /// As [`Header::parse`], and [`Cause::BadConstant`] naming `field`.
    #[inline]
    pub fn expect(
        r: &mut Reader<'_>,
        tag: u8,
        field: &'static str,
        limit: usize,
    ) -> Result<Self, WireError> {
        let at = r.clone();
        if let Some(&got) = r.peek().first()
            && got != tag
        {
            let (want, got) = (u64::from(tag), u64::from(got));
            return Err(at.error(Cause::BadConstant { field, want, got }));
        }
        Self::parse(r, limit)
    }

    /// Appends tag and length.
    #[inline]
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(self.octets().as_ref());
    }

    /// Tag and length as they are written.
    #[inline]
    pub fn octets(&self) -> Octets {
        let [.., b3, b2, b1, b0] = self.length.to_be_bytes();
        let bytes = match self.length_octets {
            0 => [self.tag, b0, 0, 0, 0, 0],
            1 => [self.tag, 0x81, b0, 0, 0, 0],
            2 => [self.tag, 0x82, b1, b0, 0, 0],
            3 => [self.tag, 0x83, b2, b1, b0, 0],
            _ => [self.tag, 0x84, b3, b2, b1, b0],
        };
        Octets { bytes, used: self.header_length() }
    }

    /// Length of tag and length octets, in bytes.
    pub fn header_length(&self) -> usize {
        2 + usize::from(self.length_octets)
    }

    /// Length of the whole element, in bytes.
    pub fn total_length(&self) -> usize {
        self.header_length().saturating_add(self.length)
    }

    fn within(self, at: &Reader<'_>, limit: usize) -> Result<Self, WireError> {
        if self.length > limit {
            let cause = Cause::BadLength { field: "length", got: self.length, min: 0, max: limit };
            return Err(at.error(cause));
        }
        Ok(self)
    }
}

/// A header as it is written.
#[derive(Debug, Clone, Copy)]
pub struct Octets {
    bytes: [u8; 6],
    used: usize,
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or(&self.bytes)
    }
}

/// Octets of the header of an element of 256 to 65,535 bytes: long ones are not moved when their
/// length is known, and to move short ones is cheap.
const HEADER_EXPECTED: usize = 4;

/// Appends an element of `tag` around what `fill` appends; its length takes the shortest form.
#[inline]
pub fn around(w: &mut Writer<'_>, tag: u8, fill: impl FnOnce(&mut Writer<'_>)) {
    w.behind(HEADER_EXPECTED, fill, |length| Header::new(tag, length).octets());
}

/// One element with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    header: Header,
    /// The content, in bytes as they lie.
    pub content: &'a [u8],
}

impl<'a> Element<'a> {
    /// An element whose length takes the shortest form.
    pub fn new(tag: u8, content: &'a [u8]) -> Self {
        Self { header: Header::new(tag, content.len()), content }
    }

    /// Reads one element; the content is limited by what is present.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let header = Header::parse(r, usize::MAX)?;
        Ok(Self { header, content: r.bytes(header.length)? })
    }

    /// Reads one element that must have `tag`.
    ///
    /// # Errors
    /// As [`Header::expect`].
    pub fn expect(r: &mut Reader<'a>, tag: u8, field: &'static str) -> Result<Self, WireError> {
        let header = Header::expect(r, tag, field, usize::MAX)?;
        Ok(Self { header, content: r.bytes(header.length)? })
    }

    /// Reads one element whose end may be missing: the content is what is present of it.
    ///
    /// # Errors
    /// As [`Header::parse`].
    pub fn parse_cut(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let header = Header::parse(r, usize::MAX)?;
        let present = header.length.min(r.peek().len());
        Ok(Self { header, content: r.bytes(present)? })
    }

    /// Whether the content is present to its end; only [`parse_cut`](Self::parse_cut) gives
    /// one that is not.
    pub const fn is_whole(&self) -> bool {
        self.header.length == self.content.len()
    }

    /// Length of the content as the element says it, in bytes.
    pub const fn length(&self) -> usize {
        self.header.length
    }

    /// The identifier octet.
    pub const fn tag(&self) -> u8 {
        self.header.tag
    }

    /// The content as a non-negative INTEGER of at most four octets; `None` where it is not.
    pub fn unsigned(&self) -> Option<u32> {
        let octets = match self.content {
            [first, ..] if *first >= 0x80 => return None,
            [0, rest @ ..] if rest.len() == 4 => rest,
            [] => return None,
            octets if octets.len() <= 4 => octets,
            _ => return None,
        };
        Some(octets.iter().fold(0, |value, &octet| value << 8 | u32::from(octet)))
    }

    /// Appends the element.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.header.around(self.content.len()).emit(w);
        w.bytes(self.content);
    }

    /// Length of the whole element, in bytes.
    pub fn total_length(&self) -> usize {
        self.header.around(self.content.len()).total_length()
    }
}

/// Elements one after another, as far as they are present: the last may be cut, see
/// [`Element::is_whole`]. Ends where no element begins.
#[derive(Debug, Clone)]
pub struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// Those that `content` holds.
    pub const fn new(content: &'a [u8]) -> Self {
        Self(content)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        // The short form without detours: most elements have it.
        let (header, rest) = match self.0.split_first_chunk::<2>() {
            Some((&[tag, length @ 0..=0x7f], rest)) if tag & HIGH_TAG != HIGH_TAG => {
                (Header { tag, length: usize::from(length), length_octets: 0 }, rest)
            }
            _ => {
                let mut r = Reader::new("", std::mem::take(&mut self.0));
                (Header::parse(&mut r, usize::MAX).ok()?, r.remainder())
            }
        };
        let (content, rest) = rest.split_at(header.length.min(rest.len()));
        self.0 = rest;
        Some(Element { header, content })
    }
}

/// Octets that the length needs after the first one.
const fn shortest_form(length: usize) -> u8 {
    match length {
        0..=0x7f => 0,
        0x80..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(bytes: &[u8]) -> Result<Header, Cause> {
        Header::parse(&mut Reader::new("test", bytes), 0x1000).map_err(|error| error.cause)
    }

    fn emitted(header: Header) -> Vec<u8> {
        let mut out = Vec::new();
        header.emit(&mut Writer::new(&mut out));
        out
    }

    #[test]
    fn lengths_of_every_form_come_back_as_they_were() {
        for (bytes, length) in [
            (&b"\x30\x05"[..], 5),
            (b"\x30\x7f", 0x7f),
            (b"\x30\x81\x80", 0x80),
            (b"\x30\x82\x01\x02", 0x102),
            (b"\x30\x83\x00\x01\x02", 0x102),
            (b"\x30\x84\x00\x00\x00\x2a", 0x2a), // as Windows writes it
        ] {
            let header = header(bytes).unwrap();
            assert_eq!((header.tag, header.length), (SEQUENCE, length));
            assert_eq!(header.header_length(), bytes.len());
            assert_eq!(header.total_length(), bytes.len() + length);
            assert_eq!(emitted(header), bytes);
        }
    }

    #[test]
    fn a_new_header_takes_the_shortest_form() {
        for (length, want) in [
            (0, &b"\x04\x00"[..]),
            (0x7f, b"\x04\x7f"),
            (0x80, b"\x04\x81\x80"),
            (0xffff, b"\x04\x82\xff\xff"),
            (0x1_0000, b"\x04\x83\x01\x00\x00"),
            (0x0100_0000, b"\x04\x84\x01\x00\x00\x00"),
        ] {
            assert_eq!(emitted(Header::new(OCTET_STRING, length)), want);
        }
    }

    #[test]
    fn what_is_written_in_place_is_as_if_written_before() {
        for length in [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7; length];
            let (mut inside, mut before) = (b"x".to_vec(), b"x".to_vec());
            around(&mut Writer::new(&mut inside), SEQUENCE, |w| w.bytes(&content));
            Element::new(SEQUENCE, &content).emit(&mut Writer::new(&mut before));
            assert!(inside == before, "{length}");
        }
    }

    #[test]
    fn a_wide_header_takes_four_octets() {
        let wide = Header::wide(SEQUENCE, 0x2a);
        assert_eq!(emitted(wide), b"\x30\x84\x00\x00\x00\x2a");
        assert!(wide.is_wide() && !Header::new(SEQUENCE, 0x2a).is_wide());
    }

    #[test]
    fn a_longer_content_widens_the_form() {
        let short = Header::new(SEQUENCE, 5);
        assert_eq!(emitted(short.around(0x80)), b"\x30\x81\x80");
        let wide = header(b"\x30\x84\x00\x00\x00\x05").unwrap();
        assert_eq!(emitted(wide.around(6)), b"\x30\x84\x00\x00\x00\x06");
        assert_eq!(emitted(wide.around(0x80)), b"\x30\x84\x00\x00\x00\x80");
    }

    #[test]
    fn what_is_not_definite_or_too_long_is_refused() {
        let form = |got| Err(Cause::BadValue { field: "length form", got });
        assert_eq!(header(b"\x30\x80\x00\x00"), form(0x80)); // indefinite
        assert_eq!(header(b"\x30\x85\x00\x00\x00\x00\x01"), form(0x85));
        assert_eq!(header(b"\x30\xff"), form(0xff)); // reserved, section 8.1.3.5 c
        assert_eq!(header(b"\x1f\x81\x01\x00"), Err(Cause::BadValue { field: "tag", got: 0x1f }));
        assert_eq!(
            header(b"\x30\x82\x10\x01"),
            Err(Cause::BadLength { field: "length", got: 0x1001, min: 0, max: 0x1000 })
        );
        assert_eq!(header(b"\x30"), Err(Cause::Truncated { need: 2, have: 1 }));
        assert_eq!(header(b"\x30\x82\x01"), Err(Cause::Truncated { need: 2, have: 1 }));
    }

    #[test]
    fn another_tag_is_named_before_its_length_is_read() {
        let mut r = Reader::new("test", b"\x04\x80");
        let error = Element::expect(&mut r, INTEGER, "messageID").unwrap_err();
        assert_eq!(error.to_string(), "test at byte 0: messageID must be 0x2, is 0x4");
    }

    #[test]
    fn an_element_is_read_and_written() {
        let bytes = b"\x04\x82\x00\x03abcrest";
        let mut r = Reader::new("test", bytes);
        let element = Element::parse(&mut r).unwrap();
        assert_eq!((element.tag(), element.content), (OCTET_STRING, &b"abc"[..]));
        assert_eq!((r.peek(), element.total_length()), (&b"rest"[..], 7));
        let mut out = Vec::new();
        element.emit(&mut Writer::new(&mut out));
        assert_eq!(out, bytes[..7]);
    }

    #[test]
    fn elements_are_told_up_to_the_one_that_is_cut() {
        let all = |bytes| {
            Elements::new(bytes).map(|e| (e.tag(), e.content, e.is_whole())).collect::<Vec<_>>()
        };
        let (one, two) = ((2, &b"\x07"[..], true), (4, &b"ab"[..], false));
        assert_eq!(all(b"\x02\x01\x07\x04\x03ab"), [one, two]);
        assert_eq!(all(b"\x02\x01\x07\x04"), [one]);
        assert_eq!(all(b"\x02\x01\x07\x04\x80ab"), [one]);
    }

    #[test]
    fn integers_are_read_without_overflow() {
        let value = |content| Element::new(INTEGER, content).unsigned();
        assert_eq!(value(b"\x05"), Some(5));
        assert_eq!(value(b"\x00\xff"), Some(0xff));
        assert_eq!(value(b"\x7f\xff\xff\xff"), Some(0x7fff_ffff));
        assert_eq!(value(b"\x00\xff\xff\xff\xff"), Some(u32::MAX));
        assert_eq!(value(b"\xff"), None); // negative
        assert_eq!(value(b""), None);
        assert_eq!(value(b"\x01\x00\x00\x00\x00"), None);
    }
}
