//! Names to pseudonyms: word by word, in a readable form for reports and in one of the same
//! length for packets.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use super::address;
use super::cache::Cache;
use super::key::{Key, Keyed, Purpose};
use super::lex::{Piece, piece};
use crate::proto::{Id, kerberos};

/// Pseudonyms remembered of each kind; others are computed again.
const CACHE_ENTRIES: usize = 1 << 16;
/// Bytes of a text that are looked at; what is longer is cut there.
const TEXT_MAX_BYTES: usize = 16 * 1024;
/// Words that are numbers of at most this many digits stay: ports, counts, versions.
const NUMBER_DIGITS_MAX: usize = 5;
/// Numbers in sentences of our own may be longer: counts and byte offsets.
const SENTENCE_DIGITS_MAX: usize = 20;
/// Digits of a pseudonym in a report behind its first letter; 40 bits.
const DIGITS: &[u8; 32] = b"abcdefghijkmnopqrstuvwxyz2345678";
/// Alphabet of a pseudonym in a packet; its first 26 begin one.
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// What to do with short numbers in a text of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// They are ports or versions.
    Keep,
    /// They may be anything.
    Replace,
}

/// The pseudonyms of one key.
pub struct Pseudonyms {
    keyed: Keyed,
    addresses: Cache<IpAddr, IpAddr>,
    macs: Cache<[u8; 6], [u8; 6]>,
    readable: Cache<Box<str>, Box<str>>,
    alike: Cache<Box<[u8]>, Box<[u8]>>,
}

impl Pseudonyms {
    /// The pseudonyms of `key`.
    pub fn new(key: &Key) -> Self {
        Self {
            keyed: Keyed::new(key),
            addresses: Cache::new(CACHE_ENTRIES),
            macs: Cache::new(CACHE_ENTRIES),
            readable: Cache::new(CACHE_ENTRIES),
            alike: Cache::new(CACHE_ENTRIES),
        }
    }

    /// Pseudonyms that agree with no other run.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn random() -> io::Result<Self> {
        Ok(Self::new(&Key::random()?))
    }

    /// The image of an address: prefixes stay prefixes, special ranges stay themselves.
    pub fn ip(&mut self, address: IpAddr) -> IpAddr {
        if let Some(known) = self.addresses.get(&address) {
            return *known;
        }
        let image = address::map_ip(&self.keyed, address);
        self.addresses.put(address, image);
        image
    }

    pub(super) fn v4(&mut self, octets: [u8; 4]) -> [u8; 4] {
        match self.ip(Ipv4Addr::from(octets).into()) {
            IpAddr::V4(image) => image.octets(),
            IpAddr::V6(_) => [0; 4], // the image is of the same family
        }
    }

    pub(super) fn v6(&mut self, octets: [u8; 16]) -> [u8; 16] {
        match self.ip(Ipv6Addr::from(octets).into()) {
            IpAddr::V6(image) => image.octets(),
            IpAddr::V4(_) => [0; 16],
        }
    }

    /// The image of an Ethernet address.
    pub fn mac(&mut self, address: [u8; 6]) -> [u8; 6] {
        if let Some(known) = self.macs.get(&address) {
            return *known;
        }
        let image = address::map_mac(&self.keyed, address);
        self.macs.put(address, image);
        image
    }

    /// Sixteen bytes that stand for an identifier of as many.
    pub(super) fn identifier(&self, bytes: [u8; 16]) -> [u8; 16] {
        let [image @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] =
            self.keyed.hash(Purpose::Identifier, &bytes);
        image
    }

    /// A name, path, principal or address list with every word, address and security identifier
    /// replaced that is not in the vocabulary. Safe for anything: unknown words go, only single
    /// characters stay.
    pub fn text(&mut self, text: &str) -> String {
        self.replace(text, &mut |word| {
            is_vocabulary(word) || is_short_number(word) || word.chars().count() == 1
        })
    }

    /// The detail of an activity: names of operations and types stay.
    pub fn detail(&mut self, text: &str) -> String {
        self.replace(text, &mut |word| {
            is_vocabulary(word)
                || is_operation(word)
                || is_short_number(word)
                || word.chars().count() == 1
        })
    }

    /// A sentence of our own: its words stay unless they are among `names`, in lower case; what
    /// it quotes goes.
    pub fn sentence(&mut self, text: &str, names: &HashSet<String>) -> String {
        self.replace(text, &mut |word| {
            !names.contains(&word.to_lowercase()) && (is_vocabulary(word) || is_ours(word))
        })
    }

    fn replace(&mut self, text: &str, keep: &mut dyn FnMut(&str) -> bool) -> String {
        let end = text.floor_boundary(TEXT_MAX_BYTES);
        let mut rest = text.get(..end).unwrap_or_default();
        let mut out = String::with_capacity(rest.len() + 16);
        while !rest.is_empty() {
            let (kind, length) = piece(rest.as_bytes());
            // Pieces end at ASCII bytes.
            let (this, behind) = rest.split_at_checked(length.max(1)).unwrap_or((rest, ""));
            match kind {
                Piece::Separator => out.push_str(this),
                // Also a section's number that looks like an address.
                Piece::Word | Piece::V4(_) if keep(this) => out.push_str(this),
                Piece::Word => out.push_str(&self.readable(this)),
                Piece::Mac(mac) => out.push_str(&mac_text(self.mac(mac), this)),
                Piece::Sid => out.push_str(&self.sid(this)),
                Piece::V4(address) => out.push_str(&self.ip(address.into()).to_string()),
                Piece::V6(address) => out.push_str(&self.ip(address.into()).to_string()),
                Piece::ReverseV4(address, octets) => {
                    let image = self.v4(address.octets());
                    let numbers: Vec<String> =
                        image.iter().take(octets).rev().map(u8::to_string).collect();
                    out.push_str(&numbers.join("."));
                }
                Piece::ReverseV6(address, nibbles) => out.push_str(&self.nibbles(address, nibbles)),
            }
            rest = behind;
        }
        out
    }

    /// `n` and eight digits, the same for a word in any case.
    fn readable(&mut self, word: &str) -> String {
        let lower = word.to_lowercase();
        if let Some(known) = self.readable.get(lower.as_str()) {
            return known.to_string();
        }
        let digest = self.keyed.hash(Purpose::Name, lower.as_bytes());
        let digits = digest
            .iter()
            .take(8)
            .map(|byte| DIGITS.get(usize::from(byte & 31)).map_or('a', |digit| char::from(*digit)));
        let image: String = std::iter::once('n').chain(digits).collect();
        self.readable.put(lower.into(), image.clone().into());
        image
    }

    /// The domain's part of a security identifier is mapped, its last number, which tells
    /// well-known accounts, stays. Identifiers without a domain are the same everywhere
    /// (\[MS-DTYP\] section 2.4.2.4).
    fn sid(&self, text: &str) -> String {
        let mut parts: Vec<String> = text.split('-').map(str::to_owned).collect();
        self.map_sid(&mut parts, |image, _| image.to_string());
        parts.join("-")
    }

    /// Replaces the three numbers of the domain by `show(image, original)`.
    fn map_sid(&self, parts: &mut [String], show: impl Fn(u32, &str) -> String) {
        // S, 1, authority, first sub-authority, then the domain.
        const DOMAIN_AT: usize = 4;
        const DOMAIN_NUMBERS: usize = 3;
        let Some((head, rest)) = parts.split_at_mut_checked(DOMAIN_AT) else { return };
        let is_domain = head.last().is_some_and(|first| first == "21");
        // Beyond a domain: services, capabilities, virtual accounts. All their numbers are mapped.
        let count = if is_domain { DOMAIN_NUMBERS } else { rest.len().saturating_sub(1) };
        let domain = rest.get(..count.min(rest.len())).unwrap_or_default().join("-");
        let digest = self.keyed.hash(Purpose::Sid, domain.as_bytes());
        for (part, chunk) in rest.iter_mut().take(count).zip(digest.chunks_exact(4).cycle()) {
            let image = chunk.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            *part = show(image, part);
        }
    }

    fn nibbles(&mut self, address: Ipv6Addr, count: usize) -> String {
        let image = u128::from_be_bytes(self.v6(address.octets()));
        let digits: Vec<String> = (0..count.min(32))
            .rev()
            .map(|at| format!("{:x}", image >> (124 - 4 * at) & 15))
            .collect();
        digits.join(".")
    }

    /// Replaces the words of `text` by words of the same length. Text in other encodings than
    /// ASCII is handed over with one byte for each of its units.
    pub(super) fn alike(&mut self, text: &mut [u8], numbers: Numbers) {
        let mut at = 0;
        while let Some(rest) = text.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let (kind, length) = piece(rest);
            let this = rest.get_mut(..length.max(1)).unwrap_or_default();
            match kind {
                Piece::Separator => {}
                Piece::Word => self.word_alike(this, numbers),
                Piece::Mac(mac) => {
                    let shape = String::from_utf8_lossy(this).into_owned();
                    put(this, mac_text(self.mac(mac), &shape).as_bytes());
                }
                Piece::Sid => self.sid_alike(this),
                Piece::V4(address) if self.v4(address.octets()) == address.octets() => {}
                Piece::V4(_) => self.octets_alike(this, false),
                Piece::ReverseV4(..) => self.octets_alike(this, true),
                Piece::ReverseV6(address, nibbles) => {
                    put(this, self.nibbles(address, nibbles).as_bytes());
                }
                Piece::V6(address) if self.v6(address.octets()) == address.octets() => {}
                Piece::V6(_) => self.digits_alike(this),
            }
            at += length.max(1);
        }
    }

    fn word_alike(&mut self, word: &mut [u8], numbers: Numbers) {
        let as_text = std::str::from_utf8(word).unwrap_or_default();
        let is_known = is_vocabulary(as_text)
            || (numbers == Numbers::Keep && is_short_number(as_text))
            || word.len() <= 1;
        if is_known {
            return;
        }
        if word.iter().all(u8::is_ascii_digit) {
            return self.digits_alike(word);
        }
        let is_upper =
            word.iter().any(u8::is_ascii_uppercase) && !word.iter().any(u8::is_ascii_lowercase);
        let lower = word.to_ascii_lowercase();
        let image = match self.alike.get(lower.as_slice()) {
            Some(known) => known.clone(),
            None => {
                let image = self.draw(&lower);
                self.alike.put(lower.into(), image.clone());
                image
            }
        };
        put(word, &image);
        if is_upper {
            word.make_ascii_uppercase();
        }
    }

    /// A word of the same length from [`ALPHABET`], other than `lower` itself.
    fn draw(&self, lower: &[u8]) -> Box<[u8]> {
        /// The chance that so many words of two letters are all the same as the original is nil.
        const TRIES: u8 = 16;
        let mut image = Vec::new();
        for attempt in 0..TRIES {
            image.clear();
            let mut block = 0_u32;
            while image.len() < lower.len() {
                let seed = [&[attempt], &block.to_le_bytes()[..], lower].concat();
                let digest = self.keyed.hash(Purpose::Name, &seed);
                image.extend(digest.iter().map(|byte| usize::from(*byte)).enumerate().map(
                    |(at, value)| {
                        let letters = if at == 0 && block == 0 { 26 } else { ALPHABET.len() };
                        ALPHABET.get(value % letters).copied().unwrap_or(b'a')
                    },
                ));
                block += 1;
            }
            image.truncate(lower.len());
            if image != lower {
                break;
            }
        }
        image.into()
    }

    /// Other digits where there are digits, hexadecimal ones where there are letters.
    fn digits_alike(&self, text: &mut [u8]) {
        let digest = self.keyed.hash(Purpose::Digits, &text.to_ascii_lowercase());
        for (byte, random) in text.iter_mut().zip(digest.iter().cycle()) {
            *byte = match *byte {
                b'0'..=b'9' => b'0' + random % 10,
                b'a'..=b'f' => b'a' + random % 6,
                b'A'..=b'F' => b'A' + random % 6,
                other => other,
            };
        }
    }

    /// Each number of an address becomes one with as many digits, as its prefix says. `backwards`
    /// where the first number is the last octet.
    fn octets_alike(&self, text: &mut [u8], backwards: bool) {
        let mut numbers: Vec<Vec<u8>> = text.split(|b| *b == b'.').map(<[u8]>::to_vec).collect();
        if backwards {
            numbers.reverse();
        }
        let mut prefix = Vec::new();
        for number in &mut numbers {
            prefix.push(b'.');
            prefix.extend_from_slice(number);
            let [low, high, ..] = self.keyed.hash(Purpose::Digits, &prefix);
            let random = u16::from_le_bytes([low, high]);
            let image = match number.len() {
                1 => random % 10,
                2 => 10 + random % 90,
                _ => 100 + random % 156,
            };
            *number = image.to_string().into_bytes();
        }
        if backwards {
            numbers.reverse();
        }
        put(text, &numbers.join(&b'.'));
    }

    fn sid_alike(&self, text: &mut [u8]) {
        let shown = String::from_utf8_lossy(text).into_owned();
        let mut parts: Vec<String> = shown.split('-').map(str::to_owned).collect();
        self.map_sid(&mut parts, |image, original| {
            // As many digits, and below 2^32 where that has ten of them.
            let digits = format!("{image:010}").replace('0', "1");
            let limited = format!("1{}", digits.get(1..).unwrap_or_default());
            limited.get(..original.len()).unwrap_or(&limited).to_owned()
        });
        put(text, parts.join("-").as_bytes());
    }
}

/// `text` by `image`, as far as both reach.
fn put(text: &mut [u8], image: &[u8]) {
    text.iter_mut().zip(image).for_each(|(byte, image)| *byte = *image);
}

/// `mac` in the shape of `like`: its separator, its case.
fn mac_text(mac: [u8; 6], like: &str) -> String {
    let separator = like.get(2..3).unwrap_or(":");
    let text = mac.map(|byte| format!("{byte:02x}")).join(separator);
    if like.contains(|c: char| c.is_ascii_uppercase()) { text.to_ascii_uppercase() } else { text }
}

fn words(text: &'static str) -> HashSet<&'static str> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(str::split_whitespace).collect()
}

/// Whether `word` names nobody.
fn is_vocabulary(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&str>> = OnceLock::new();
    let known = WORDS.get_or_init(|| words(include_str!("vocabulary.txt")));
    known.contains(word.to_ascii_lowercase().as_str())
}

/// Other words that parsers put into the details of activities.
const DETAIL_WORDS: [&str; 40] = [
    "NTLMv1",
    "NTLMv2",
    "LM",
    "anonymous",
    "from",
    "no",
    "PA",
    "pre",
    "authentication",
    "renewal",
    "forwarded",
    "query",
    "registration",
    "modify",
    "modifyDN",
    "add",
    "delete",
    "replace",
    "read",
    "write",
    "signed",
    "for",
    "RID",
    "client",
    "opnum",
    "of",
    "interface",
    "unknown",
    "an",
    "TLS",
    "ENC",
    "TIMESTAMP",
    "FX",
    "FAST",
    "PAC",
    "FOR",
    "PROTOCOL_SSL",
    "PROTOCOL_RDP",
    "Site",
    "NtVer",
];

/// Whether `word` is the name of an operation, or of a type that details name.
fn is_operation(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&str>> = OnceLock::new();
    let known = WORDS.get_or_init(|| {
        // Commands and codes; and of remote procedure calls the interface in the upper half.
        let codes = (0..0x400).chain((1..64).flat_map(|i| (0..256).map(move |op| i << 16 | op)));
        let names = codes.flat_map(|code| Id::ALL.iter().filter_map(move |id| id.operation(code)));
        let types = (-200..200).filter_map(kerberos::etype_name);
        let words = names.chain(types).flat_map(|name| name.split(['.', ' ', '/', '-']));
        words.chain(DETAIL_WORDS).collect()
    });
    word.split('-').all(|part| known.contains(part))
}

fn is_short_number(word: &str) -> bool {
    (1..=NUMBER_DIGITS_MAX).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `word` is one that the program's own sentences are made of: a word of its source
/// (`sim/build.rs` collects them, and section numbers of sources), a number, a time, a sign.
fn is_ours(word: &str) -> bool {
    static WORDS: OnceLock<HashSet<&str>> = OnceLock::new();
    let known = WORDS.get_or_init(|| words(include_str!(concat!(env!("OUT_DIR"), "/words.txt"))));
    if word.parse::<Ipv4Addr>().is_ok() {
        return known.contains(word);
    }
    if word.chars().count() == 1 || !word.chars().any(char::is_alphanumeric) {
        return true;
    }
    let is_time = |c: char| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | '-');
    if word.len() <= SENTENCE_DIGITS_MAX
        && word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(is_time)
    {
        return true;
    }
    // `75k`, `15m`; of more letters it must be a word.
    let is_known = |text: &str| text.len() <= 1 || known.contains(text.to_lowercase().as_str());
    word.split(['-', '_']).all(|part| {
        let unit = part.trim_start_matches(|c: char| c.is_ascii_digit());
        is_known(unit) || is_known(part)
    })
}

/// The nearest place between characters at or before an offset.
trait Boundary {
    fn floor_boundary(&self, at: usize) -> usize;
}

impl Boundary for str {
    fn floor_boundary(&self, at: usize) -> usize {
        let at = at.min(self.len());
        (0..=at).rev().find(|place| self.is_char_boundary(*place)).unwrap_or(0)
    }
}

/// Whether `text` looks like text: printable ASCII or bytes of other alphabets, no controls.
pub(super) fn is_text(text: &[u8]) -> bool {
    let is_high = |byte: u8| byte >= 0x80;
    std::str::from_utf8(text).is_ok()
        && text.iter().all(|&byte| is_high(byte) || (b' '..=b'~').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Pseudonyms {
        Pseudonyms::new(&Key::from_secret(b"test"))
    }

    fn alike(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        names().alike(&mut bytes, Numbers::Replace);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn words_are_replaced_alike_in_any_case_and_separators_stay() {
        let mut names = names();
        let got = names.text(r"LAB\alice@lab.example: cifs/DC1$ 445 Administrator");
        let parts: Vec<&str> = got.split(|c: char| !c.is_alphanumeric()).collect();
        let [lab, alice, again, example, "", "cifs", dc1, "", "445", "Administrator"] = parts[..]
        else {
            panic!("{got}")
        };
        assert_eq!(lab, again);
        assert_eq!(names.text("ALICE"), alice);
        for word in [lab, alice, example, dc1] {
            assert!(word.len() == 9 && word.starts_with('n'), "{got}");
        }
        assert_eq!(names.text("IPC$ _ldap._tcp.dc._msdcs"), "IPC$ _ldap._tcp.dc._msdcs");
    }

    #[test]
    fn security_identifiers_keep_what_is_the_same_everywhere() {
        let mut names = names();
        assert_eq!(names.text("S-1-5-32-544"), "S-1-5-32-544");
        let got = names.text("S-1-5-21-1004336348-1177238915-682003330-512");
        assert!(got.starts_with("S-1-5-21-") && got.ends_with("-512"), "{got}");
        assert!(!got.contains("1004336348"));
        let same = names.text("S-1-5-21-1004336348-1177238915-682003330-513");
        assert_eq!(got.strip_suffix("512"), same.strip_suffix("513"));
    }

    #[test]
    fn in_packets_lengths_and_places_stay() {
        for text in [
            "alice@LAB.EXAMPLE",
            "10.77.0.10",
            "10.0.77.10.in-addr.arpa",
            "fd77::10",
            "CN=alice Example,OU=Staff",
            "ws1 [02:00:0a:4d:00:15]",
            "S-1-5-21-12-34567-89-500",
        ] {
            let got = alike(text);
            assert_eq!(got.len(), text.len());
            assert_ne!(got, text);
            let shape = |text: &str| -> Vec<usize> {
                let found = text.match_indices(|c: char| !c.is_alphanumeric());
                found.map(|(at, _)| at).collect()
            };
            assert_eq!(shape(&got), shape(text), "{got}");
        }
        assert_eq!(alike("LAB"), alike("lab").to_uppercase());
        let (there, back) = (alike("10.77.0.10"), alike("10.0.77.10.in-addr.arpa"));
        let mut octets: Vec<&str> = there.split('.').collect();
        octets.reverse();
        assert_eq!(back, format!("{}.in-addr.arpa", octets.join(".")));
    }

    #[test]
    fn sentences_of_ours_lose_only_what_they_quote() {
        let known = HashSet::from(["backup".to_owned()]);
        let mut names = names();
        let text =
            "the capture itself lost 30 packets, as its statistics say: true rates are higher";
        assert_eq!(names.sentence(text, &known), text);
        let got = names.sentence("read captures/zanzibar.pcap: 3 records", &known);
        assert!(got.starts_with("read captures/n") && got.ends_with(".pcap: 3 records"), "{got}");
        assert!(!names.sentence("the packets of backup", &known).contains("backup"));
    }
}
