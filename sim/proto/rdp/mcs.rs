//! What the client says of itself in a connect-initial without TLS, \[MS-RDPBCGR\] 2.2.1.3, in
//! T.125 section 11.1 (BER) and T.124 section 8.7 (PER).

use crate::proto::Utf16;
use crate::wire::ber::{self, Element};
use crate::wire::{Reader, WireError, Writer, wire_struct};

/// Tag of a BOOLEAN, X.680 section 8.6 table 1.
const BOOLEAN: u8 = 0x01;
/// Key of the conference request, T.124 section 8.7: the object {itu-t recommendation t 124 0 1}.
const KEY: [u8; 7] = [0x00, 0x05, 0x00, 0x14, 0x7c, 0x00, 0x01];
/// Conference create request with user data, up to the key of the data; \[MS-RDPBCGR\] 4.1.3.
const REQUEST: [u8; 8] = [0x00, 0x08, 0x00, 0x10, 0x00, 0x01, 0xc0, 0x00];
/// Key of a client's data, \[MS-RDPBCGR\] 2.2.1.3.
const CLIENT_KEY: [u8; 4] = *b"Duca";
/// Type of the block with the client's core data, \[MS-RDPBCGR\] 2.2.1.3.1.
const CORE: u16 = 0xc001;
/// Type and length of a block, in bytes, \[MS-RDPBCGR\] 2.2.1.3.1.
const BLOCK_HEADER: usize = 4;

wire_struct! {
    /// Client core data, \[MS-RDPBCGR\] 2.2.1.3.2, up to the name.
    pub struct Core / CoreView [52] {
        /// Version.
        0 version: le u32,
        /// In pixels.
        4 width: le u16,
        /// In pixels.
        6 height: le u16,
        /// Superseded.
        8 color_depth: le u16,
        /// Secure access sequence.
        10 sequence: le u16,
        /// Keyboard layout.
        12 keyboard: le u32,
        /// Build number of the client.
        16 build: le u32,
        /// Name of the client, ended by a zero.
        20 name: raw [u8; 32],
    }
}

/// What the client says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    core: CoreView<'a>,
    name: &'a [u8],
}

impl<'a> Client<'a> {
    /// Looks for it in a connect-initial, which may be cut behind it.
    pub(super) fn find(data: &'a [u8]) -> Option<Self> {
        let mut blocks = blocks(data).ok()?;
        loop {
            let &[kind_low, kind_high, low, high] = blocks.array().ok()?;
            let length = usize::from(u16::from_le_bytes([low, high])).checked_sub(BLOCK_HEADER)?;
            let body = blocks.bytes(length).ok()?;
            if u16::from_le_bytes([kind_low, kind_high]) == CORE {
                return Some(Self { core: CoreView::peek(body)?, name: body.get(20..52)? });
            }
        }
    }

    /// Name of the client's computer: at most 15 characters.
    pub fn name(&self) -> Utf16<'a> {
        let end = self.name.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0]);
        Utf16(end.and_then(|end| self.name.get(..2 * end)).unwrap_or(self.name))
    }

    /// What else it says.
    pub const fn core(&self) -> CoreView<'a> {
        self.core
    }
}

/// The blocks of the client's data.
fn blocks(data: &[u8]) -> Result<Reader<'_>, WireError> {
    let mut r = Reader::new("rdp::ConnectInitial", data);
    r.byte()?; // 0x7f of the tag; the rest of it is read as a tag of one octet
    ber::Header::parse(&mut r, usize::MAX)?;
    for (tag, field) in [
        (ber::OCTET_STRING, "callingDomainSelector"),
        (ber::OCTET_STRING, "calledDomainSelector"),
        (BOOLEAN, "upwardFlag"),
        (ber::SEQUENCE, "targetParameters"),
        (ber::SEQUENCE, "minimumParameters"),
        (ber::SEQUENCE, "maximumParameters"),
    ] {
        Element::expect(&mut r, tag, field)?;
    }
    ber::Header::expect(&mut r, ber::OCTET_STRING, "userData", usize::MAX)?;
    constant(&mut r, &KEY)?;
    per_length(&mut r)?;
    constant(&mut r, &REQUEST)?;
    constant(&mut r, &CLIENT_KEY)?;
    per_length(&mut r)?;
    Ok(r)
}

fn constant<const N: usize>(r: &mut Reader<'_>, want: &[u8; N]) -> Result<(), WireError> {
    let at = r.clone();
    if r.array::<N>()? == want {
        return Ok(());
    }
    Err(at.error(crate::wire::Cause::BadValue { field: "T.124 key", got: 0 }))
}

/// Takes a length determinant, X.691 section 11.9: one byte, or two.
fn per_length(r: &mut Reader<'_>) -> Result<(), WireError> {
    if r.byte()? & 0x80 != 0 {
        r.byte()?;
    }
    Ok(())
}

/// Domain parameters as clients send them, target, minimum and maximum: numbers of channels,
/// users, tokens and priorities, throughput, height, size of a PDU, version (T.125 section 7).
const PARAMETERS: [[u16; 8]; 3] = [
    [34, 2, 0, 1, 0, 1, 0xffff, 2],
    [1, 1, 1, 1, 0, 1, 0x420, 2],
    [0xffff, 0xfc17, 0xffff, 1, 0, 1, 0xffff, 2],
];

/// A connect-initial with a client's core data and no other block: what [`DATA`](super::DATA)
/// carries.
pub fn connect_initial(core: &Core) -> Vec<u8> {
    let mut block = Vec::new();
    let mut w = Writer::new(&mut block);
    w.bytes(&CORE.to_le_bytes());
    w.bytes(&u16::try_from(BLOCK_HEADER + Core::LEN).unwrap_or(u16::MAX).to_le_bytes());
    core.emit(&mut w);
    let mut user_data = Vec::new();
    let mut w = Writer::new(&mut user_data);
    w.bytes(&KEY);
    emit_per_length(REQUEST.len() + CLIENT_KEY.len() + 2 + block.len(), &mut w);
    w.bytes(&REQUEST);
    w.bytes(&CLIENT_KEY);
    emit_per_length(block.len(), &mut w);
    w.bytes(&block);
    let mut body = Vec::new();
    let mut w = Writer::new(&mut body);
    for (tag, content) in [(ber::OCTET_STRING, [1]), (ber::OCTET_STRING, [1]), (BOOLEAN, [0xff])] {
        Element::new(tag, &content).emit(&mut w);
    }
    for values in PARAMETERS {
        let mut content = Vec::new();
        for value in values {
            let [high, low] = value.to_be_bytes();
            let octets: &[u8] = if value < 0x80 { &[low] } else { &[0, high, low] };
            Element::new(ber::INTEGER, octets).emit(&mut Writer::new(&mut content));
        }
        Element::new(ber::SEQUENCE, &content).emit(&mut w);
    }
    Element::new(ber::OCTET_STRING, &user_data).emit(&mut w);
    let mut all = vec![0x7f];
    Element::new(super::CONNECT_INITIAL, &body).emit(&mut Writer::new(&mut all));
    all
}

/// Appends a length determinant of two bytes, X.691 section 11.9.
fn emit_per_length(length: usize, w: &mut Writer<'_>) {
    let length = u16::try_from(length).unwrap_or(u16::MAX);
    w.bytes(&(length | 0x8000).to_be_bytes());
}

/// A client called `ws07mart`.
pub(super) fn sample() -> Core {
    let mut name = [0; 32];
    for (at, unit) in name.as_chunks_mut::<2>().0.iter_mut().zip("ws07mart\0more".encode_utf16()) {
        *at = unit.to_le_bytes();
    }
    Core {
        version: 0x0008_0004,
        width: 1_920,
        height: 1_080,
        color_depth: 0xca01,
        sequence: 0xaa03,
        keyboard: 0x407,
        build: 22_621,
        name,
    }
}
