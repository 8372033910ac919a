//! What a domain controller answers to a search for attribute Netlogon, \[MS-ADTS\] section
//! 6.3.1: NETLOGON_SAM_LOGON_RESPONSE_EX with its compressed names. Older answers
//! (sections 6.3.1.7 and 6.3.1.8) are told by their operation code alone.

use std::fmt::{self, Display, Write as _};

use crate::proto::Utf8;
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

/// LOGON_SAM_LOGON_RESPONSE_EX, \[MS-ADTS\] section 6.3.1.3.
pub const RESPONSE_EX: u16 = 23;

/// Name of an operation code, \[MS-ADTS\] section 6.3.1.3; empty where none is known.
pub fn opcode_name(opcode: u16) -> &'static str {
    match opcode {
        7 => "LOGON_PRIMARY_QUERY",
        12 => "LOGON_PRIMARY_RESPONSE",
        18 => "LOGON_SAM_LOGON_REQUEST",
        19 => "LOGON_SAM_LOGON_RESPONSE",
        20 => "LOGON_SAM_PAUSE_RESPONSE",
        21 => "LOGON_SAM_USER_UNKNOWN",
        RESPONSE_EX => "LOGON_SAM_LOGON_RESPONSE_EX",
        24 => "LOGON_SAM_PAUSE_RESPONSE_EX",
        25 => "LOGON_SAM_USER_UNKNOWN_EX",
        _ => "",
    }
}

/// Whether an answer with this operation code is a domain controller's consent.
pub const fn is_consent(opcode: u16) -> bool {
    matches!(opcode, 12 | 19 | RESPONSE_EX)
}

wire_struct! {
    /// What precedes the names of an extended answer.
    pub struct Fixed / FixedView [24] {
        /// Operation code.
        0 opcode: le u16,
        /// Zero.
        2 sbz: le u16,
        /// DS_FLAG.
        4 flags: le u32,
        /// GUID of the domain, as it lies.
        8 domain_guid: raw [u8; 16],
    }
}

wire_struct! {
    /// What ends an extended answer.
    pub struct Tail / TailView [8] {
        /// NETLOGON_NT_VERSION.
        0 version: le u32,
        /// 0xffff.
        4 lm_nt_token: le u16,
        /// 0xffff.
        6 lm20_token: le u16,
    }
}

/// Both tokens, \[MS-ADTS\] section 6.3.1.9.
const TOKEN: u16 = 0xffff;
/// Names of an extended answer that always come.
const NAMES: usize = 8;
/// Longest name, RFC 1035 section 2.3.4.
const NAME_MAX: usize = 255;
/// Pointers followed in one name. Ours: each name is written with one.
const JUMPS_MAX: usize = 8;
/// First octet from which on a label is a pointer, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xc0;
/// Bytes of an address behind its size: a `sockaddr_in`, \[MS-ADTS\] section 6.3.1.9.
const ADDRESS_LENGTH: u8 = 16;
/// NETLOGON_NT_VERSION_5EX_WITH_IP, \[MS-ADTS\] section 6.3.1.1.
const WITH_ADDRESS: u32 = 0x8;
/// NETLOGON_NT_VERSION_WITH_CLOSEST_SITE.
const WITH_CLOSEST_SITE: u32 = 0x10;

/// An extended answer (opcodes 23 to 25), as it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// All of it: pointers count from here.
    bytes: &'a [u8],
    opcode: u16,
    flags: u32,
    domain_guid: [u8; 16],
    /// Offsets of the names.
    names: [usize; NAMES],
    address: Option<&'a [u8]>,
    next_closest_site: Option<usize>,
    version: u32,
}

/// A name inside an answer. Shows with dots between its labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The operation code of any answer.
pub fn opcode(value: &[u8]) -> Option<u16> {
    value.first_chunk::<2>().map(|&pair| u16::from_le_bytes(pair))
}

impl<'a> Answer<'a> {
    /// Reads an extended answer.
    ///
    /// # Errors
    /// Truncation, another operation code, a name that is none, bytes left over.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("netlogon::Answer", bytes);
        let at = r.clone();
        let fixed = Fixed::parse(&mut r)?;
        if !(RESPONSE_EX..=25).contains(&fixed.opcode) {
            let got = u64::from(fixed.opcode);
            return Err(at.error(Cause::BadValue { field: "opcode", got }));
        }
        let mut names = [0; NAMES];
        for slot in &mut names {
            *slot = skip_name(&mut r)?;
        }
        // The version that says what lies before it lies at the end.
        let tail = bytes.len().checked_sub(Tail::LEN).and_then(|at| bytes.get(at..));
        let version = tail.and_then(TailView::peek).map_or(0, TailView::version);
        let mut address = None;
        if version & WITH_ADDRESS != 0 && r.peek().len() > Tail::LEN {
            let size = r.byte()?;
            address = Some(r.bytes(usize::from(size))?);
        }
        let mut next_closest_site = None;
        if version & WITH_CLOSEST_SITE != 0 && r.peek().len() > Tail::LEN {
            next_closest_site = Some(skip_name(&mut r)?);
        }
        let tail = Tail::parse(&mut r)?;
        r.finish()?;
        Ok(Self {
            bytes,
            opcode: fixed.opcode,
            flags: fixed.flags,
            domain_guid: fixed.domain_guid,
            names,
            address,
            next_closest_site,
            version: tail.version,
        })
    }

    fn name(&self, index: usize) -> Name<'a> {
        Name { bytes: self.bytes, at: self.names.get(index).copied().unwrap_or_default() }
    }

    /// Operation code, 23 to 25.
    pub const fn opcode(&self) -> u16 {
        self.opcode
    }

    /// DS_FLAG, \[MS-ADTS\] section 6.3.1.2.
    pub const fn flags(&self) -> u32 {
        self.flags
    }

    /// GUID of the domain, as it lies.
    pub const fn domain_guid(&self) -> [u8; 16] {
        self.domain_guid
    }

    /// DNS name of the forest.
    pub fn forest(&self) -> Name<'a> {
        self.name(0)
    }

    /// DNS name of the domain.
    pub fn domain(&self) -> Name<'a> {
        self.name(1)
    }

    /// DNS name of the domain controller.
    pub fn host(&self) -> Name<'a> {
        self.name(2)
    }

    /// NetBIOS name of the domain.
    pub fn netbios_domain(&self) -> Name<'a> {
        self.name(3)
    }

    /// NetBIOS name of the domain controller.
    pub fn netbios_computer(&self) -> Name<'a> {
        self.name(4)
    }

    /// The account asked for.
    pub fn user(&self) -> Name<'a> {
        self.name(5)
    }

    /// Site of the domain controller.
    pub fn site(&self) -> Name<'a> {
        self.name(6)
    }

    /// Site of who asks.
    pub fn client_site(&self) -> Name<'a> {
        self.name(7)
    }

    /// The site next to that of who asks, where it wanted to know.
    pub fn next_closest_site(&self) -> Option<Name<'a>> {
        self.next_closest_site.map(|at| Name { bytes: self.bytes, at })
    }

    /// NETLOGON_NT_VERSION, \[MS-ADTS\] section 6.3.1.1.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What it says, apart from its bytes.
    pub fn response(&self) -> Response<'a> {
        Response {
            opcode: self.opcode,
            flags: self.flags,
            domain_guid: self.domain_guid,
            names: std::array::from_fn(|index| self.name(index).labels().collect()),
            address: self.address.and_then(|bytes| bytes.try_into().ok()),
            next_closest_site: self.next_closest_site().map(|name| name.labels().collect()),
            version: self.version,
        }
    }
}

/// What an extended answer says, to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// Operation code, 23 to 25.
    pub opcode: u16,
    /// DS_FLAG, \[MS-ADTS\] section 6.3.1.2.
    pub flags: u32,
    /// GUID of the domain, as it lies.
    pub domain_guid: [u8; 16],
    /// Labels of: DNS names of forest, domain and host; NetBIOS names of domain and host; user;
    /// sites of the domain controller and of who asks. A NetBIOS name, user or site is one label.
    pub names: [Vec<&'a [u8]>; NAMES],
    /// Address of the domain controller, a `sockaddr_in`.
    pub address: Option<[u8; ADDRESS_LENGTH as usize]>,
    /// The site next to that of who asks.
    pub next_closest_site: Option<Vec<&'a [u8]>>,
    /// NETLOGON_NT_VERSION.
    pub version: u32,
}

impl Response<'_> {
    /// Appends the answer. Names are compressed as \[MS-ADTS\] section 6.3.7 says: the longest
    /// end that has been written before becomes a pointer.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let mut out = Vec::new();
        let (opcode, flags, domain_guid) = (self.opcode, self.flags, self.domain_guid);
        Fixed { opcode, sbz: 0, flags, domain_guid }.emit(&mut Writer::new(&mut out));
        let mut written = Vec::new();
        for name in &self.names {
            emit_name(name, &mut written, &mut out);
        }
        if let Some(address) = self.address {
            out.push(ADDRESS_LENGTH);
            out.extend(address);
        }
        if let Some(name) = &self.next_closest_site {
            emit_name(name, &mut written, &mut out);
        }
        let (lm_nt_token, lm20_token) = (TOKEN, TOKEN);
        let tail = Tail { version: self.version, lm_nt_token, lm20_token };
        tail.emit(&mut Writer::new(&mut out));
        w.bytes(&out);
    }
}

/// Appends `labels` to `out`; `written` are the ends of names that pointers may lead to.
fn emit_name<'a>(labels: &[&'a [u8]], written: &mut Vec<(Vec<&'a [u8]>, u8)>, out: &mut Vec<u8>) {
    for (index, label) in labels.iter().enumerate() {
        let end = labels.get(index..).unwrap_or_default();
        if let Some((_, at)) = written.iter().find(|(known, _)| known == end) {
            return out.extend([POINTER, *at]);
        }
        // A pointer has 14 bits; the names that matter lie in the first 256 bytes.
        if let Ok(at) = u8::try_from(out.len()) {
            written.push((end.to_vec(), at));
        }
        out.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        out.extend(*label);
    }
    out.push(0);
}

/// Takes a name, and says where it begins.
fn skip_name(r: &mut Reader<'_>) -> Result<usize, WireError> {
    let begin = r.offset();
    loop {
        let at = r.clone();
        match r.byte()? {
            0 => return Ok(begin),
            POINTER.. => {
                r.byte()?;
                return Ok(begin);
            }
            length if length < 0x40 => {
                r.bytes(usize::from(length))?;
            }
            got => {
                let got = u64::from(got);
                return Err(at.error(Cause::BadValue { field: "label", got }));
            }
        }
        if r.offset() - begin > NAME_MAX {
            let (got, max) = (r.offset() - begin, NAME_MAX);
            return Err(at.error(Cause::BadLength { field: "name", got, min: 1, max }));
        }
    }
}

impl<'a> Name<'a> {
    /// The labels in order; a name that is damaged ends there.
    pub fn labels(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let Self { bytes, mut at } = *self;
        let mut jumps = 0..JUMPS_MAX;
        std::iter::from_fn(move || {
            loop {
                let length = *bytes.get(at)?;
                match length {
                    0 => return None,
                    POINTER.. => {
                        let low = *bytes.get(at + 1)?;
                        let to = usize::from(length & 0x3f) << 8 | usize::from(low);
                        at = jumps.next().and(Some(to).filter(|&to| to < at))?;
                    }
                    _ => {
                        let label = bytes.get(at + 1..at + 1 + usize::from(length))?;
                        at += 1 + usize::from(length);
                        return Some(label);
                    }
                }
            }
        })
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            Utf8(label).fmt(f)?;
        }
        Ok(())
    }
}

/// An answer of our own, for samples and tests.
pub(in crate::proto) fn sample() -> Vec<u8> {
    let names = ["heron.example", "heron.example", "nest.heron.example"];
    let [forest, domain, host] = names.map(|name| name.split('.').map(str::as_bytes).collect());
    let [netbios, computer, user, site] = [&b"HERON"[..], b"NEST", b"", b"Marsh"]
        .map(|name| if name.is_empty() { Vec::new() } else { vec![name] });
    let response = Response {
        opcode: RESPONSE_EX,
        flags: 0x3f1fd,
        domain_guid: *b"sixteen bytes it",
        names: [forest, domain, host, netbios, computer, user, site.clone(), site],
        address: None,
        next_closest_site: None,
        version: 5,
    };
    let mut out = Vec::new();
    response.emit(&mut Writer::new(&mut out));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_compressed_and_read() {
        let bytes = sample();
        assert_eq!(&bytes[24..39], b"\x05heron\x07example\x00");
        assert_eq!(&bytes[39..48], b"\xc0\x18\x04nest\xc0\x18");
        let answer = Answer::parse(&bytes).unwrap();
        let names = [
            answer.forest(),
            answer.domain(),
            answer.host(),
            answer.netbios_domain(),
            answer.netbios_computer(),
            answer.user(),
            answer.site(),
            answer.client_site(),
        ];
        let shown = names.map(|name| name.to_string());
        let want =
            ["heron.example", "heron.example", "nest.heron.example", "HERON", "NEST", "", "Marsh"];
        assert_eq!((&shown[..7], &*shown[7]), (&want.map(str::to_owned)[..], "Marsh"));
        assert_eq!((answer.opcode(), answer.flags(), answer.version()), (23, 0x3f1fd, 5));
        let mut again = Vec::new();
        answer.response().emit(&mut Writer::new(&mut again));
        assert_eq!(again, bytes);
    }

    #[test]
    fn address_and_next_site_are_read_where_the_version_says_so() {
        let bytes = sample();
        let answer = Answer::parse(&bytes).unwrap();
        let address = Some(*b"\x02\0\0\0\x0a\x01\x02\x03\0\0\0\0\0\0\0\0");
        let next_closest_site = Some(vec![&b"Reed"[..]]);
        for (version, address, next_closest_site) in [
            (0x0e, address, None),
            (0x16, None, next_closest_site.clone()),
            (0x1e, address, next_closest_site),
        ] {
            let response = Response { address, next_closest_site, version, ..answer.response() };
            let mut full = Vec::new();
            response.emit(&mut Writer::new(&mut full));
            let answer = Answer::parse(&full).unwrap();
            assert_eq!(answer.response(), response);
            let site = answer.next_closest_site().map(|name| name.to_string());
            assert_eq!(site, (version & 0x10 != 0).then(|| "Reed".to_owned()));
        }
    }

    #[test]
    fn no_prefix_and_no_changed_byte_panics_or_loops() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(Answer::parse(&bytes[..length]).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                if let Ok(answer) = Answer::parse(&changed) {
                    assert!(answer.response().names.iter().flatten().count() < 2_000);
                }
            }
        }
    }

    #[test]
    fn a_pointer_to_a_label_before_itself_ends() {
        // The name's label, then a pointer to that label.
        let name = Name { bytes: b"\x03abc\xc0\x00", at: 0 };
        assert_eq!(name.labels().count(), JUMPS_MAX + 1);
        let name = Name { bytes: b"\xc0\x00", at: 0 };
        assert_eq!(name.labels().count(), 0);
    }
}
