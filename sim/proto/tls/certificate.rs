//! Who a certificate names, RFC 5280 section 4.1: the common names of issuer and subject.

use std::fmt::{self, Display, Write as _};

use crate::proto::Utf8;
use crate::wire::ber::{self, Element};
use crate::wire::{Reader, WireError};

/// The version, RFC 5280 section 4.1.2.1, which version 1 leaves out.
const VERSION: u8 = 0xa0;
/// Object identifier of a common name, X.520 section 6.2.2: 2.5.4.3.
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
/// And of an organization's name and that of its unit, 2.5.4.10 and 2.5.4.11.
const ORGANIZATION: [&[u8]; 2] = [b"\x55\x04\x0a", b"\x55\x04\x0b"];
/// Tag of a string of UTF-16, big-endian, X.680 section 8.6.
const BMP_STRING: u8 = 0x1e;

/// Names of one certificate, where they lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// Who vouches.
    pub issuer: Name<'a>,
    /// For whom.
    pub subject: Name<'a>,
}

/// A distinguished name, RFC 5280 section 4.1.2.4. Shows as its common name, or else as its
/// organization's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a>(&'a [u8]);

impl<'a> Certificate<'a> {
    /// Reads the names of a certificate.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let within = |element: Element<'a>| Reader::new("tls::Certificate", element.content);
        let mut r = Reader::new("tls::Certificate", bytes);
        let mut r = within(Element::expect(&mut r, ber::SEQUENCE, "Certificate")?);
        let mut r = within(Element::expect(&mut r, ber::SEQUENCE, "TBSCertificate")?);
        if r.peek().first() == Some(&VERSION) {
            Element::parse(&mut r)?;
        }
        Element::expect(&mut r, ber::INTEGER, "serialNumber")?;
        Element::expect(&mut r, ber::SEQUENCE, "signature")?;
        let issuer = Element::expect(&mut r, ber::SEQUENCE, "issuer")?;
        Element::expect(&mut r, ber::SEQUENCE, "validity")?;
        let subject = Element::expect(&mut r, ber::SEQUENCE, "subject")?;
        Ok(Self { issuer: Name(issuer.content), subject: Name(subject.content) })
    }
}

impl<'a> Name<'a> {
    /// The last common name, which is the most specific, or else the last name of an
    /// organization: the tag of its string and its content.
    pub fn common_name(&self) -> Option<(u8, &'a [u8])> {
        let (mut found, mut organization) = (None, None);
        let mut names = Reader::new("tls::Name", self.0);
        while let Ok(set) = Element::parse(&mut names) {
            let mut set = Reader::new("tls::Name", set.content);
            while let Ok(pair) = Element::parse(&mut set) {
                let mut pair = Reader::new("tls::Name", pair.content);
                let (kind, value) = (Element::parse(&mut pair), Element::parse(&mut pair));
                let (Ok(kind), Ok(value)) = (kind, value) else { continue };
                if kind.content == COMMON_NAME {
                    found = Some((value.tag(), value.content));
                } else if ORGANIZATION.contains(&kind.content) {
                    organization = Some((value.tag(), value.content));
                }
            }
        }
        found.or(organization)
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.common_name() {
            Some((BMP_STRING, content)) => {
                let (pairs, _) = content.as_chunks::<2>();
                let units = pairs.iter().map(|&pair| u16::from_be_bytes(pair));
                for unit in char::decode_utf16(units) {
                    f.write_char(unit.unwrap_or(char::REPLACEMENT_CHARACTER))?;
                }
                Ok(())
            }
            Some((_, content)) => Utf8(content).fmt(f),
            None => Ok(()),
        }
    }
}

/// A certificate of our own as far as it is read, the rest empty.
pub(super) fn sample() -> Vec<u8> {
    let element = |tag: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        let mut out = Vec::new();
        Element::new(tag, &content).emit(&mut crate::wire::Writer::new(&mut out));
        out
    };
    let name = |tag: u8, text: &[u8]| {
        let pair = element(ber::SEQUENCE, &[b"\x06\x03\x55\x04\x03", &element(tag, &[text])]);
        let country = element(ber::SEQUENCE, &[b"\x06\x03\x55\x04\x06\x13\x02EU"]);
        let sets = [element(ber::SET, &[&country]), element(ber::SET, &[&pair])];
        element(ber::SEQUENCE, &[&sets.concat()])
    };
    let names = [name(0x0c, b"Heron Root"), name(BMP_STRING, b"\0n\0e\0s\0t")];
    let [issuer, subject] = &names;
    let head: &[u8] = b"\xa0\x03\x02\x01\x02\x02\x01\x07\x30\x00";
    let fields = element(ber::SEQUENCE, &[head, issuer, b"\x30\x00", subject, b"\x30\x00"]);
    element(ber::SEQUENCE, &[&fields, b"\x30\x00\x03\x01\x00"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuer_and_subject_are_named() {
        let bytes = sample();
        let certificate = Certificate::parse(&bytes).unwrap();
        assert_eq!(certificate.issuer.to_string(), "Heron Root");
        assert_eq!(certificate.subject.to_string(), "nest");
    }

    #[test]
    fn who_has_no_name_goes_by_the_organization() {
        let name = |content| Name(content).to_string();
        let organization = b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04Reed";
        assert_eq!(name(organization), "Reed");
        assert_eq!(name(b""), "");
    }

    #[test]
    fn no_prefix_is_a_certificate_and_no_changed_byte_panics() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Certificate::parse(&bytes[..length]).is_err());
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x30, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(certificate) = Certificate::parse(&changed) {
                    let _ = (certificate.issuer.to_string(), certificate.subject.to_string());
                }
            }
        }
    }
}
