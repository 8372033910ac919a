//! Domain names as they lie in messages, RFC 1035 sections 3.1 and 4.1.4.
//!
//! Reading a message steps over its names; only who asks for one follows its pointers. A pointer
//! must lead towards the front, so none leads in a circle, and their number is bounded: a name
//! costs the same whatever the message holds.

use std::fmt::{self, Display, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{Cause, Reader, WireError};

/// Longest name on the wire in bytes, RFC 1035 section 2.3.4.
pub(super) const NAME_MAX: usize = 255;
/// Longest label in bytes, RFC 1035 section 2.3.4.
pub(super) const LABEL_MAX: u8 = 63;
/// Both bits set: a pointer of two bytes, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xc0;
/// Offsets that a pointer can say.
pub(super) const POINTER_MASK: u16 = 0x3fff;
/// A name has at most this many labels; more pointers than labels bring nothing.
const HOPS_MAX: u8 = 127;
/// Labels of an IPv6 address in `ip6.arpa` and the two of that name, RFC 3596 section 2.5.
const REVERSE_LABELS_MAX: usize = 34;

/// A name inside a message, its pointers not yet followed, or a [`NameBuf`]'s.
#[derive(Debug, Clone, Copy)]
pub struct Name<'a> {
    /// What pointers count from.
    message: &'a [u8],
    at: usize,
    end: usize,
    /// Made here: it has no pointers yet, and the emitter may give it some.
    is_new: bool,
}

/// A name made from text, for emitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameBuf(Vec<u8>);

/// The labels of a name, front to back. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Where this run of labels began: a pointer must lead before it.
    run: usize,
    hops: u8,
    /// Bytes of labels so far, lengths and root included.
    length: usize,
    is_done: bool,
}

impl<'a> Name<'a> {
    /// Steps over a name: its labels, and the pointer or root at its end. The reader's offsets
    /// must be those of `message`.
    ///
    /// # Errors
    /// Truncation, a label type that is reserved, more than 255 bytes, or a pointer that does
    /// not lead towards the front.
    pub fn parse(r: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, WireError> {
        let (at, mut rest) = (r.offset(), r.clone());
        loop {
            let here = rest.clone();
            let length = rest.byte()?;
            if length & POINTER == POINTER {
                let target = u16::from_be_bytes([length, rest.byte()?]) & POINTER_MASK;
                if usize::from(target) >= at {
                    let cause = Cause::BadValue { field: "pointer", got: u64::from(target) };
                    return Err(here.error(cause));
                }
                break;
            }
            if length > LABEL_MAX {
                let cause = Cause::BadValue { field: "label type", got: u64::from(length) };
                return Err(here.error(cause));
            }
            rest.bytes(usize::from(length))?;
            let so_far = rest.offset() - at;
            if so_far > NAME_MAX {
                return Err(here.error(too_long(so_far)));
            }
            if length == 0 {
                break;
            }
        }
        let end = rest.offset();
        *r = rest;
        Ok(Self { message, at, end, is_new: false })
    }

    /// The labels, pointers followed.
    pub const fn labels(&self) -> Labels<'a> {
        let Self { message, at, .. } = *self;
        Labels { message, at, run: at, hops: 0, length: 1, is_done: false }
    }

    /// The bytes as they lie: labels, and a pointer or the root at their end.
    pub fn wire(&self) -> &'a [u8] {
        self.message.get(self.at..self.end).unwrap_or_default()
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.labels().next().is_none()
    }

    /// The address that a name below `in-addr.arpa` or `ip6.arpa` stands for, RFC 1035 section
    /// 3.5, RFC 3596 section 2.5; `None` for parts of addresses and all other names.
    pub fn reverse_address(&self) -> Option<IpAddr> {
        let mut labels: [&[u8]; REVERSE_LABELS_MAX] = [b""; REVERSE_LABELS_MAX];
        let mut count = 0;
        for label in self.labels() {
            *labels.get_mut(count)? = label.ok()?;
            count += 1;
        }
        let (numbers, [zone, arpa]) = labels.get(..count)?.split_last_chunk::<2>()?;
        if !arpa.eq_ignore_ascii_case(b"arpa") {
            return None;
        }
        if let Ok(numbers) = <&[&[u8]; 4]>::try_from(numbers)
            && zone.eq_ignore_ascii_case(b"in-addr")
        {
            let [d, c, b, a] = numbers.map(octet);
            return Some(Ipv4Addr::new(a?, b?, c?, d?).into());
        }
        if numbers.len() != 32 || !zone.eq_ignore_ascii_case(b"ip6") {
            return None;
        }
        let mut address = 0;
        for label in numbers.iter().rev() {
            let &[digit] = *label else { return None };
            address = address << 4 | u128::from(char::from(digit).to_digit(16)?);
        }
        Some(Ipv6Addr::from_bits(address).into())
    }

    /// A number for telling names apart, the same for names that differ in case (RFC 1035
    /// section 2.3.3) or compression.
    pub fn fingerprint(&self) -> u32 {
        // FNV-1a: short, and nothing but the count of activities hangs on a collision.
        let mut hash: u32 = 0x811c_9dc5;
        for label in self.labels().flatten() {
            for byte in label {
                hash = (hash ^ u32::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0193);
            }
            hash = hash.wrapping_mul(0x0100_0193); // between labels
        }
        hash
    }

    /// A copy that may be emitted into another message.
    ///
    /// # Errors
    /// What is wrong behind a pointer.
    pub fn to_owned(&self) -> Result<NameBuf, WireError> {
        let mut bytes = Vec::new();
        for label in self.labels() {
            let label = label?;
            bytes.push(u8::try_from(label.len()).unwrap_or(LABEL_MAX));
            bytes.extend_from_slice(label);
        }
        bytes.push(0);
        Ok(NameBuf(bytes))
    }

    pub(super) const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Labels that are plain text, joined by dots in `text`; `None` where one is not.
    fn plain<'t>(&self, text: &'t mut [u8; NAME_MAX]) -> Option<&'t str> {
        let mut used = 0;
        for label in self.labels() {
            let label = label.ok()?;
            if !label.iter().all(|&byte| byte.is_ascii() && byte != b'.' && byte != b'\\') {
                return None;
            }
            let end = used + label.len();
            text.get_mut(used..end)?.copy_from_slice(label);
            *text.get_mut(end)? = b'.';
            used = end + 1;
        }
        str::from_utf8(text.get(..used.saturating_sub(1))?).ok()
    }
}

/// Equal up to case, RFC 1035 section 2.3.3.
impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(a, b): (Result<&[u8], _>, Result<&[u8], _>)| matches!((a, b), (Ok(a), Ok(b)) if a.eq_ignore_ascii_case(b));
        let (own, theirs) = (self.labels(), other.labels());
        own.clone().count() == theirs.clone().count() && own.zip(theirs).all(same)
    }
}

/// A name that is shown label by label, as [`Name`] shows it: whoever needs the first label alone
/// has it without a look at the others.
#[derive(Debug, Clone, Copy)]
pub struct Spelled<'a>(pub Name<'a>);

impl Display for Spelled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_root() {
            return f.write_char('.');
        }
        for (index, label) in self.0.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            let Ok(label) = label else { return f.write_char(char::REPLACEMENT_CHARACTER) };
            for chunk in label.utf8_chunks() {
                for character in chunk.valid().chars() {
                    if matches!(character, '.' | '\\') {
                        f.write_char('\\')?;
                    }
                    f.write_char(character)?;
                }
                if !chunk.invalid().is_empty() {
                    f.write_char(char::REPLACEMENT_CHARACTER)?;
                }
            }
        }
        Ok(())
    }
}

/// Labels with dots between, the root as `.`. A dot or backslash inside a label is escaped as in
/// RFC 1035 section 5.1; what is not UTF-8, or lies behind a bad pointer, shows as U+FFFD.
impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plain(&mut [0; NAME_MAX]) {
            Some("") => return f.write_char('.'),
            Some(text) => return f.write_str(text),
            None => {}
        }
        Spelled(*self).fmt(f)
    }
}

impl NameBuf {
    /// A name from labels.
    ///
    /// # Errors
    /// A label that is empty or longer than 63 bytes, a name longer than 255.
    pub fn from_labels<'l>(labels: impl IntoIterator<Item = &'l [u8]>) -> Result<Self, WireError> {
        /// Bytes that are allocated at once: most names are shorter.
        const ROOM: usize = 64;
        let error = |offset, cause| WireError { what: "dns::NameBuf", offset, cause };
        let mut bytes = Vec::with_capacity(ROOM);
        for label in labels {
            let max = LABEL_MAX;
            match u8::try_from(label.len()) {
                Ok(length) if (1..=max).contains(&length) => bytes.push(length),
                _ => {
                    let (got, max) = (label.len(), usize::from(max));
                    let cause = Cause::BadLength { field: "label", got, min: 1, max };
                    return Err(error(bytes.len(), cause));
                }
            }
            bytes.extend_from_slice(label);
        }
        bytes.push(0);
        match bytes.len() {
            0..=NAME_MAX => Ok(Self(bytes)),
            got => Err(error(NAME_MAX, too_long(got))),
        }
    }

    /// A name from text: labels with dots between, none for the root. Nothing is escaped; for a
    /// label with a dot in it see [`from_labels`](Self::from_labels).
    ///
    /// # Errors
    /// As [`from_labels`](Self::from_labels).
    pub fn from_text(text: &str) -> Result<Self, WireError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let labels = text.split('.').filter(|_| !text.is_empty());
        Self::from_labels(labels.map(str::as_bytes))
    }

    /// The name that is asked for to find the host of an address, RFC 1035 section 3.5, RFC 3596
    /// section 2.5.
    pub fn reverse(address: IpAddr) -> Self {
        let numbers: Vec<String> = match address {
            IpAddr::V4(v4) => v4.octets().iter().rev().map(ToString::to_string).collect(),
            IpAddr::V6(v6) => {
                let nibbles = v6.octets().into_iter().rev().flat_map(|b| [b & 0xf, b >> 4]);
                nibbles.map(|nibble| format!("{nibble:x}")).collect()
            }
        };
        let zone = if address.is_ipv4() { "in-addr" } else { "ip6" };
        let labels = numbers.iter().map(String::as_str).chain([zone, "arpa"]);
        Self::from_labels(labels.map(str::as_bytes)).expect("34 labels of at most 7 bytes")
    }

    /// The name, for a question or record. The emitter compresses it where that is allowed.
    pub fn name(&self) -> Name<'_> {
        Name { message: &self.0, at: 0, end: self.0.len(), is_new: true }
    }
}

impl Labels<'_> {
    fn fail(&mut self, cause: Cause) -> WireError {
        self.is_done = true;
        WireError { what: "dns::Name", offset: self.at, cause }
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = Result<&'a [u8], WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_done {
            let rest = self.message.get(self.at..).unwrap_or_default();
            let Some((&length, rest)) = rest.split_first() else {
                return Some(Err(self.fail(Cause::Truncated { need: 1, have: 0 })));
            };
            if length == 0 {
                self.is_done = true;
            } else if length <= LABEL_MAX {
                let length = usize::from(length);
                let Some(label) = rest.get(..length) else {
                    let have = rest.len();
                    return Some(Err(self.fail(Cause::Truncated { need: length, have })));
                };
                self.length += 1 + length;
                if self.length > NAME_MAX {
                    return Some(Err(self.fail(too_long(self.length))));
                }
                self.at += 1 + length;
                return Some(Ok(label));
            } else if let Err(error) = self.follow(length, rest.first()) {
                return Some(Err(error));
            }
        }
        None
    }
}

impl Labels<'_> {
    fn follow(&mut self, high: u8, low: Option<&u8>) -> Result<(), WireError> {
        if high & POINTER != POINTER {
            return Err(self.fail(Cause::BadValue { field: "label type", got: u64::from(high) }));
        }
        let Some(&low) = low else {
            return Err(self.fail(Cause::Truncated { need: 2, have: 1 }));
        };
        let target = usize::from(u16::from_be_bytes([high, low]) & POINTER_MASK);
        self.hops += 1;
        if target >= self.run || self.hops > HOPS_MAX {
            return Err(self.fail(Cause::BadValue { field: "pointer", got: target as u64 }));
        }
        (self.at, self.run) = (target, target);
        Ok(())
    }
}

const fn too_long(got: usize) -> Cause {
    Cause::BadLength { field: "name", got, min: 1, max: NAME_MAX }
}

/// A decimal number of at most 255 without needless zeros.
fn octet(label: &[u8]) -> Option<u8> {
    match label {
        [b'0', _, ..] => None,
        [b'0'..=b'9', ..] => str::from_utf8(label).ok()?.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(message: &[u8], at: usize) -> Result<Name<'_>, WireError> {
        let mut r = Reader::new("test", message);
        r.bytes(at)?;
        Name::parse(&mut r, message)
    }

    #[test]
    fn pointers_are_followed_towards_the_front() {
        let message = b"\x03lab\x07example\x00\x03dc1\xc0\x00\x04ldap\xc0\x0d";
        let names = [0, 13, 19].map(|offset| at(message, offset).unwrap().to_string());
        assert_eq!(names, ["lab.example", "dc1.lab.example", "ldap.dc1.lab.example"]);
        assert_eq!(at(message, 13).unwrap().wire(), b"\x03dc1\xc0\x00");
    }

    #[test]
    fn a_name_spelled_is_the_same_and_stops_where_told() {
        let mut long = b"\x03ws1".to_vec();
        long.extend(b"\x01b".iter().cycle().take(240));
        long.push(0);
        for message in [&b"\0"[..], b"\x03lab\x02\xc3\xa9\0", b"\x03a.b\x01\xff\0", &long] {
            let name = at(message, 0).unwrap();
            assert_eq!(Spelled(name).to_string(), name.to_string());
        }
        /// Room for one label: what is written behind it fails.
        struct Short(usize);
        impl fmt::Write for Short {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.len();
                if text == "." { Err(fmt::Error) } else { Ok(()) }
            }
        }
        let mut short = Short(0);
        let _ = fmt::write(&mut short, format_args!("{}", Spelled(at(&long, 0).unwrap())));
        assert_eq!(short.0, "ws1.".len(), "labels behind the first were read");
    }

    #[test]
    fn a_pointer_that_leads_nowhere_else_is_refused() {
        let error = at(b"\x01a\xc0\x00", 0).unwrap_err();
        assert_eq!(error.cause, Cause::BadValue { field: "pointer", got: 0 });
        // From offset 4 the step over it is sound; behind the pointer lies one to itself.
        let name = at(b"\xc0\x00\x00\x00\x01b\xc0\x00", 4).unwrap();
        assert_eq!(name.to_string(), "b.\u{fffd}");
        assert!(name.to_owned().is_err());
    }

    #[test]
    fn a_chain_of_pointers_is_cut() {
        let mut message = b"\x01a\x00".to_vec();
        let mut target: u16 = 0;
        for _ in 0..8_000 {
            let here = u16::try_from(message.len()).unwrap();
            message.extend((0xc000 | target).to_be_bytes());
            target = here;
        }
        let near = at(&message, 3 + 2 * (usize::from(HOPS_MAX) - 1)).unwrap();
        assert_eq!(near.to_string(), "a");
        let far = at(&message, 3 + 2 * usize::from(HOPS_MAX)).unwrap();
        assert_eq!(far.to_string(), "\u{fffd}");
        let last = at(&message, message.len() - 2).unwrap();
        assert_eq!(last.labels().count(), 1); // the error
    }

    #[test]
    fn labels_behind_pointers_count_towards_the_limit() {
        let label = [&[63][..], &[b'x'; 63]].concat();
        let mut message = [&label[..], &label, b"\x00"].concat();
        let front = message.len();
        message.extend([&label[..], &label, b"\xc0\x00"].concat());
        let name = at(&message, front).unwrap();
        let error = name.labels().find_map(Result::err).unwrap();
        assert_eq!(error.cause, too_long(257));
    }

    #[test]
    fn what_is_not_plain_is_escaped_or_replaced() {
        let shown = |message: &[u8]| at(message, 0).unwrap().to_string();
        assert_eq!(shown(b"\x00"), ".");
        assert_eq!(shown(b"\x05a.b\\c\x03x\xffy\x00"), "a\\.b\\\\c.x\u{fffd}y");
        assert_eq!(shown(b"\x06caf\xc3\xa9!\x02\x01\x02\x00"), "caf\u{e9}!.\u{1}\u{2}");
    }

    #[test]
    fn names_from_text_are_checked() {
        let name = NameBuf::from_text("DC1.lab.example.").unwrap();
        assert_eq!(name.name().wire(), b"\x03DC1\x03lab\x07example\x00");
        assert_eq!(NameBuf::from_text("").unwrap().name().wire(), b"\x00");
        assert_eq!(
            NameBuf::from_text("a..b").unwrap_err().to_string(),
            "dns::NameBuf at byte 2: label is 0, must be 1..=63"
        );
        let long = vec!["x".repeat(63); 4].join(".");
        assert_eq!(NameBuf::from_text(&long).unwrap_err().cause, too_long(257));
    }

    #[test]
    fn names_are_the_same_in_any_case_and_compression() {
        let message = b"\x03LAB\x00\x03dc1\xc0\x00";
        let (name, own) = (at(message, 5).unwrap(), NameBuf::from_text("DC1.lab").unwrap());
        assert!(name == own.name() && name != at(message, 0).unwrap());
        assert_eq!(name.fingerprint(), own.name().fingerprint());
        let other = NameBuf::from_text("dc1l.ab").unwrap();
        assert_ne!(name.fingerprint(), other.name().fingerprint());
        assert_eq!(name.to_owned().unwrap(), NameBuf::from_text("dc1.LAB").unwrap());
    }

    #[test]
    fn reverse_names_tell_their_address() {
        for address in ["10.77.0.21", "fd00:77::10", "255.1.0.9"] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(NameBuf::reverse(address).name().reverse_address(), Some(address));
        }
        for other in ["77.10.in-addr.arpa", "1.2.3.256.in-addr.arpa", "01.2.3.4.in-addr.arpa", "."]
        {
            assert_eq!(NameBuf::from_text(other).unwrap().name().reverse_address(), None);
        }
    }
}
