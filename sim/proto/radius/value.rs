//! One attribute: its bytes, and the value that they write.

use std::fmt::{self, Display};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::attributes::{self, Format};
use crate::proto::Utf8;
use crate::wire::{Cause, Reader, WireError, Writer};

/// Type and length of an attribute, in bytes, RFC 2865 section 5.
pub(super) const HEADER: usize = 2;
/// Highest tag of a tunnel attribute, RFC 2868 section 3.1.
const TAG_MAX: u8 = 0x1f;

/// One attribute, RFC 2865 section 5; of a vendor, section 5.26.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Attribute type, e.g. 1 for User-Name.
    pub kind: u8,
    /// Value, at most 253 bytes.
    pub bytes: &'a [u8],
}

impl<'a> Attribute<'a> {
    /// Reads one attribute.
    ///
    /// # Errors
    /// A length below that of type and length, or beyond the packet.
    #[inline]
    pub fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let at = r.clone();
        let &[kind, length] = r.array()?;
        let length = usize::from(length);
        let Some(value_length) = length.checked_sub(HEADER) else {
            let max = usize::from(u8::MAX);
            let cause = Cause::BadLength { field: "length", got: length, min: HEADER, max };
            return Err(at.error(cause));
        };
        Ok(Self { kind, bytes: r.bytes(value_length)? })
    }

    /// Appends the attribute; of a value above 253 bytes, which does not fit, the first 253.
    pub fn emit(&self, w: &mut Writer<'_>) {
        const VALUE_MAX: usize = u8::MAX as usize - HEADER;
        let bytes = self.bytes.get(..VALUE_MAX).unwrap_or(self.bytes);
        let length = u8::try_from(HEADER + bytes.len()).unwrap_or(u8::MAX);
        w.bytes(&[self.kind, length]);
        w.bytes(bytes);
    }

    /// Name in the words of the specification, if it is a standard one.
    pub fn name(&self) -> Option<&'static str> {
        attributes::standard(self.kind).map(|(name, _)| name)
    }

    /// The value of a standard attribute.
    pub fn value(&self) -> Value<'a> {
        let format = attributes::standard(self.kind).map_or(Format::Octets, |(_, format)| format);
        Value::parse(format, self.kind, self.bytes)
    }

    /// The value as a 32-bit number, if it has that size.
    #[inline]
    pub fn integer(&self) -> Option<u32> {
        self.bytes.try_into().ok().map(u32::from_be_bytes)
    }

    /// The value as an IPv4 address, if it has that size.
    #[inline]
    pub fn address(&self) -> Option<Ipv4Addr> {
        self.integer().map(Ipv4Addr::from_bits)
    }
}

/// What an attribute says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// UTF-8.
    Text(Utf8<'a>),
    /// Bytes without a meaning here, or of a length that the format does not allow.
    Octets(&'a [u8]),
    /// A password, key or proof of one: never shown.
    Secret(&'a [u8]),
    /// A number, with its name in the list of the attribute's values.
    Integer(u32, Option<&'static str>),
    /// Seconds since 1970.
    Time(u32),
    /// IPv4.
    Address(Ipv4Addr),
    /// IPv6.
    Address6(Ipv6Addr),
    /// Tag and a number of 24 bits.
    TaggedInteger(u8, u32),
    /// Tag and text.
    TaggedText(u8, Utf8<'a>),
    /// A vendor's.
    Vendor(Vendor<'a>),
}

impl<'a> Value<'a> {
    /// Reads the value of the attribute `kind`.
    fn parse(format: Format, kind: u8, bytes: &'a [u8]) -> Self {
        let word = bytes.first_chunk::<4>().filter(|_| bytes.len() == 4).copied();
        match (format, word) {
            (Format::Secret, _) => Self::Secret(bytes),
            (Format::Text, _) => Self::Text(Utf8(bytes)),
            (Format::Integer, Some(word)) => {
                let value = u32::from_be_bytes(word);
                Self::Integer(value, attributes::value_name(kind, value))
            }
            (Format::Time, Some(word)) => Self::Time(u32::from_be_bytes(word)),
            (Format::Address, Some(word)) => Self::Address(word.into()),
            (Format::TaggedInteger, Some([tag, a, b, c])) => {
                Self::TaggedInteger(tag, u32::from_be_bytes([0, a, b, c]))
            }
            (Format::Address6, None) => match <[u8; 16]>::try_from(bytes) {
                Ok(octets) => Self::Address6(octets.into()),
                Err(_) => Self::Octets(bytes),
            },
            (Format::TaggedText, _) => match bytes.split_first() {
                Some((&tag, text)) if tag <= TAG_MAX => Self::TaggedText(tag, Utf8(text)),
                _ => Self::Text(Utf8(bytes)),
            },
            (Format::Vendor, _) => match bytes.split_first_chunk() {
                Some((&id, data)) => Self::Vendor(Vendor { id: u32::from_be_bytes(id), data }),
                None => Self::Octets(bytes),
            },
            _ => Self::Octets(bytes),
        }
    }

    /// Appends the value.
    pub fn emit(&self, w: &mut Writer<'_>) {
        match *self {
            Self::Text(Utf8(bytes)) | Self::Octets(bytes) | Self::Secret(bytes) => w.bytes(bytes),
            Self::Integer(value, _) | Self::Time(value) => w.bytes(&value.to_be_bytes()),
            Self::Address(address) => w.bytes(&address.octets()),
            Self::Address6(address) => w.bytes(&address.octets()),
            Self::TaggedInteger(tag, value) => {
                let [_, a, b, c] = value.to_be_bytes();
                w.bytes(&[tag, a, b, c]);
            }
            Self::TaggedText(tag, Utf8(bytes)) => {
                w.byte(tag);
                w.bytes(bytes);
            }
            Self::Vendor(vendor) => {
                w.bytes(&vendor.id.to_be_bytes());
                w.bytes(vendor.data);
            }
        }
    }
}

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Text(text) | Self::TaggedText(_, text) => text.fmt(f),
            Self::Octets(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Secret(_) => f.write_str("(hidden)"),
            Self::Integer(_, Some(name)) => f.write_str(name),
            Self::Integer(value, None) | Self::Time(value) | Self::TaggedInteger(_, value) => {
                value.fmt(f)
            }
            Self::Address(address) => address.fmt(f),
            Self::Address6(address) => address.fmt(f),
            Self::Vendor(vendor) => vendor.fmt(f),
        }
    }
}

/// What a vendor's attribute holds, RFC 2865 section 5.26.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vendor<'a> {
    /// Private enterprise number of the vendor.
    pub id: u32,
    /// The vendor's bytes; as a rule attributes of its own, see [`Vendor::attributes`].
    pub data: &'a [u8],
}

impl<'a> Vendor<'a> {
    /// The vendor's own attributes, as far as they are written as the specification suggests.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        let mut r = Reader::new("radius::Vendor", self.data);
        std::iter::from_fn(move || Attribute::parse(&mut r).ok())
    }

    /// Name of one of its attributes.
    pub fn name(&self, attribute: Attribute<'_>) -> Option<&'static str> {
        attributes::of_vendor(self.id, attribute.kind).map(|(name, _)| name)
    }

    /// What one of its attributes says. Of vendors that are not known nothing is shown, since
    /// what is secret is not known either.
    pub fn value(&self, attribute: Attribute<'a>) -> Value<'a> {
        let known = attributes::of_vendor(self.id, attribute.kind);
        let format = known.map_or(Format::Secret, |(_, format)| format);
        // Kind 0 names no values: those of the standard attributes are not the vendor's.
        Value::parse(format, 0, attribute.bytes)
    }
}

impl Display for Vendor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match attributes::vendor_name(self.id) {
            Some(name) => f.write_str(name)?,
            None => self.id.fmt(f)?,
        }
        for attribute in self.attributes() {
            match self.name(attribute) {
                Some(name) => write!(f, " {name}={}", self.value(attribute))?,
                None => write!(f, " {}={}", attribute.kind, self.value(attribute))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: u8, bytes: &[u8]) -> String {
        Attribute { kind, bytes }.value().to_string()
    }

    #[test]
    fn values_are_shown_by_their_format() {
        assert_eq!(shown(1, b"LAB\\mart"), "LAB\\mart");
        assert_eq!(shown(4, &[10, 20, 30, 11]), "10.20.30.11");
        assert_eq!(shown(95, &[0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), "fd00::7");
        assert_eq!(shown(40, &[0, 0, 0, 3]), "Interim-Update");
        assert_eq!(shown(46, &[0, 0, 0x0e, 0x10]), "3600");
        assert_eq!(shown(64, &[1, 0, 0, 13]), "13");
        assert_eq!(shown(81, b"\x01VLAN7"), "VLAN7");
        assert_eq!(shown(81, b"VLAN7"), "VLAN7");
        assert_eq!(shown(24, &[0xca, 0xfe]), "cafe");
        assert_eq!(shown(4, &[10, 20]), "0a14"); // no address
    }

    #[test]
    fn secrets_are_never_shown() {
        for kind in [2, 3, 69, 70] {
            assert_eq!(shown(kind, b"hunter2"), "(hidden)");
        }
        // MS-CHAP2-Response and MS-RAS-Client-Name; then a vendor that is not known.
        let microsoft = shown(26, b"\0\0\x01\x37\x19\x05abc\x22\x06ws07");
        assert_eq!(microsoft, "Microsoft MS-CHAP2-Response=(hidden) MS-RAS-Client-Name=ws07");
        assert_eq!(shown(26, b"\0\0\xff\xff\x01\x05abc"), "65535 1=(hidden)");
    }

    #[test]
    fn every_value_is_written_as_it_was_read() {
        for kind in 0..=u8::MAX {
            for bytes in
                [&b""[..], b"\x01", b"\x01\x02\x03\x04", b"\0\0\x01\x37\x19\x05abc", &[7; 16]]
            {
                let mut out = Vec::new();
                Attribute { kind, bytes }.value().emit(&mut Writer::new(&mut out));
                assert_eq!(out, bytes, "kind {kind}");
            }
        }
    }
}
