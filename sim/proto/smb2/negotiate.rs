//! NEGOTIATE, whose lists of dialects and contexts have a shape of their own, \[MS-SMB2\] sections
//! 2.2.3 and 2.2.4.

use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

use super::Header;

/// SMB 3.1.1, the dialect that came with contexts.
pub const DIALECT_311: u16 = 0x0311;
/// Contexts begin at multiples of this, \[MS-SMB2\] 2.2.3.
const ALIGN: usize = 8;

wire_struct! {
    /// Fixed part of a request, \[MS-SMB2\] 2.2.3.
    pub struct RequestFixed / RequestFixedView [36] {
        /// 36.
        0 structure_size: le u16,
        /// Dialects that follow.
        2 dialect_count: le u16,
        /// 1: signing enabled, 2: signing required.
        4 security_mode: le u16,
        /// Reserved, zero.
        6 reserved: le u16,
        /// Capabilities of the client.
        8 capabilities: le u32,
        /// Identifies the client.
        12 client: raw [u8; 16],
        /// Offset and number of contexts, or when the client started.
        28 contexts: raw [u8; 8],
    }
}

wire_struct! {
    /// Fixed part of a response, \[MS-SMB2\] 2.2.4.
    pub struct ResponseFixed / ResponseFixedView [64] {
        /// 65.
        0 structure_size: le u16,
        /// 1: signing enabled, 2: signing required.
        2 security_mode: le u16,
        /// Dialect that is spoken from now on; 0x02ff goes on with another NEGOTIATE.
        4 dialect: le u16,
        /// Number of contexts.
        6 context_count: le u16,
        /// Identifies the server.
        8 server: raw [u8; 16],
        /// Capabilities of the server.
        24 capabilities: le u32,
        /// Bytes that a transaction may carry.
        28 transact_max: le u32,
        /// Bytes that a read may carry.
        32 read_max: le u32,
        /// Bytes that a write may carry.
        36 write_max: le u32,
        /// FILETIME of the response.
        40 time: le u64,
        /// FILETIME at which the server started, or zero.
        48 start_time: le u64,
        /// Offset of the token.
        56 token_offset: le u16,
        /// Length of the token in bytes.
        58 token_length: le u16,
        /// Offset of the contexts.
        60 context_offset: le u32,
    }
}

/// One negotiate context, \[MS-SMB2\] 2.2.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context<'a> {
    /// 1: preauthentication integrity, 2: encryption, 3: compression, 5: server name, 8: signing.
    pub kind: u16,
    /// What it says.
    pub data: &'a [u8],
}

/// Negotiate contexts one behind the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contexts<'a> {
    /// How many are said to follow.
    pub count: u16,
    /// Their bytes, as far as they are present.
    pub bytes: &'a [u8],
}

impl<'a> Contexts<'a> {
    /// Each context that is wholly present.
    pub fn iter(&self) -> impl Iterator<Item = Context<'a>> + use<'a> {
        let mut rest = self.bytes;
        (0..self.count).map_while(move |_| {
            let (&[k0, k1, l0, l1, _, _, _, _], behind) = rest.split_first_chunk::<8>()?;
            let length = usize::from(u16::from_le_bytes([l0, l1]));
            let data = behind.get(..length)?;
            rest = behind.get(length.next_multiple_of(ALIGN)..).unwrap_or_default();
            Some(Context { kind: u16::from_le_bytes([k0, k1]), data })
        })
    }
}

/// NEGOTIATE request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NegotiateRequest<'a> {
    /// 1: signing enabled, 2: signing required.
    pub security_mode: u16,
    /// Reserved, zero.
    pub reserved: u16,
    /// Capabilities of the client.
    pub capabilities: u32,
    /// Identifies the client.
    pub client: [u8; 16],
    /// Dialects that the client speaks, two bytes each; see [`dialects`](Self::dialects).
    pub dialects: &'a [u8],
    /// What a client that speaks SMB 3.1.1 adds.
    pub contexts: Contexts<'a>,
    /// What stands in place of the contexts of a client that does not, usually zero.
    pub start_time: [u8; 8],
    /// What follows where there are no contexts.
    pub rest: &'a [u8],
}

impl<'a> NegotiateRequest<'a> {
    /// The dialects, e.g. 0x0302.
    pub fn dialects(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.dialects.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair))
    }

    pub(super) fn parse(pdu: &'a [u8], length: usize) -> Result<Self, WireError> {
        let mut r = Reader::new("smb2::NegotiateRequest", pdu);
        r.bytes(Header::LEN)?;
        let at = r.clone();
        let fixed = RequestFixed::parse(&mut r)?;
        check_size(&at, 36, fixed.structure_size)?;
        let dialects = r.bytes(2 * usize::from(fixed.dialect_count))?;
        let mut body = Self {
            security_mode: fixed.security_mode,
            reserved: fixed.reserved,
            capabilities: fixed.capabilities,
            client: fixed.client,
            dialects,
            ..Self::default()
        };
        if body.dialects().any(|dialect| dialect == DIALECT_311) {
            let [a, b, c, d, count_low, count_high, _, _] = fixed.contexts;
            let count = u16::from_le_bytes([count_low, count_high]);
            let offset = u32::from_le_bytes([a, b, c, d]);
            body.contexts = contexts(&r, (pdu, length), offset, count)?;
        } else {
            (body.start_time, body.rest) = (fixed.contexts, r.remainder());
        }
        Ok(body)
    }

    pub(super) fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let end = Header::LEN + RequestFixed::LEN + self.dialects.len();
        let start = end.next_multiple_of(ALIGN);
        let mut contexts = self.start_time;
        let has_contexts = self.dialects().any(|dialect| dialect == DIALECT_311);
        if has_contexts {
            let offset = if self.contexts.bytes.is_empty() { 0 } else { narrow::<u32>(start)? };
            let (offset, count) = (offset.to_le_bytes(), self.contexts.count.to_le_bytes());
            let ([a, b, c, d], [e, f]) = (offset, count);
            contexts = [a, b, c, d, e, f, 0, 0];
        }
        let fixed = RequestFixed {
            structure_size: 36,
            dialect_count: narrow(self.dialects.len() / 2)?,
            security_mode: self.security_mode,
            reserved: self.reserved,
            capabilities: self.capabilities,
            client: self.client,
            contexts,
        };
        fixed.emit(w);
        w.bytes(self.dialects);
        if has_contexts && !self.contexts.bytes.is_empty() {
            (end..start).for_each(|_| w.byte(0));
            w.bytes(self.contexts.bytes);
        }
        w.bytes(self.rest);
        Ok(())
    }
}

/// NEGOTIATE response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NegotiateResponse<'a> {
    /// 1: signing enabled, 2: signing required.
    pub security_mode: u16,
    /// Dialect that is spoken from now on; 0x02ff goes on with another NEGOTIATE.
    pub dialect: u16,
    /// Identifies the server.
    pub server: [u8; 16],
    /// Capabilities of the server.
    pub capabilities: u32,
    /// Bytes that a transaction, a read and a write may carry.
    pub sizes_max: [u32; 3],
    /// FILETIME of the response.
    pub time: u64,
    /// FILETIME at which the server started, or zero.
    pub start_time: u64,
    /// First token of GSS-API: the mechanisms that the server offers.
    pub token: &'a [u8],
    /// What a server that chose SMB 3.1.1 adds.
    pub contexts: Contexts<'a>,
    /// What stands in their place in other dialects.
    pub reserved: u32,
    /// What follows where there are no contexts.
    pub rest: &'a [u8],
}

impl<'a> NegotiateResponse<'a> {
    pub(super) fn parse(pdu: &'a [u8], length: usize) -> Result<Self, WireError> {
        let mut r = Reader::new("smb2::NegotiateResponse", pdu);
        r.bytes(Header::LEN)?;
        let at = r.clone();
        let fixed = ResponseFixed::parse(&mut r)?;
        check_size(&at, 65, fixed.structure_size)?;
        let mut body = Self {
            security_mode: fixed.security_mode,
            dialect: fixed.dialect,
            server: fixed.server,
            capabilities: fixed.capabilities,
            sizes_max: [fixed.transact_max, fixed.read_max, fixed.write_max],
            time: fixed.time,
            start_time: fixed.start_time,
            token: &[],
            ..Self::default()
        };
        if fixed.token_length > 0 {
            let (offset, length) = (fixed.token_offset.into(), fixed.token_length.into());
            let mut at = Reader::new("smb2::NegotiateResponse", pdu);
            at.bytes(offset)?;
            body.token = at.bytes(length)?;
            r = at;
        }
        if fixed.dialect == DIALECT_311 {
            let (offset, count) = (fixed.context_offset, fixed.context_count);
            body.contexts = contexts(&r, (pdu, length), offset, count)?;
        } else {
            (body.reserved, body.rest) = (fixed.context_offset, r.remainder());
        }
        Ok(body)
    }

    pub(super) fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let [transact_max, read_max, write_max] = self.sizes_max;
        let token_offset = Header::LEN + ResponseFixed::LEN;
        let end = token_offset + self.token.len();
        let start = end.next_multiple_of(ALIGN);
        let context_offset = match self.dialect {
            DIALECT_311 if self.contexts.bytes.is_empty() => 0,
            DIALECT_311 => narrow(start)?,
            _ => self.reserved,
        };
        let fixed = ResponseFixed {
            structure_size: 65,
            security_mode: self.security_mode,
            dialect: self.dialect,
            context_count: self.contexts.count,
            server: self.server,
            capabilities: self.capabilities,
            transact_max,
            read_max,
            write_max,
            time: self.time,
            start_time: self.start_time,
            token_offset: narrow(token_offset)?,
            token_length: narrow(self.token.len())?,
            context_offset,
        };
        fixed.emit(w);
        w.bytes(self.token);
        if context_offset != 0 && self.dialect == DIALECT_311 {
            (end..start).for_each(|_| w.byte(0));
            w.bytes(self.contexts.bytes);
        }
        w.bytes(self.rest);
        Ok(())
    }
}

/// The contexts at `offset`, which must lie in the message.
fn contexts<'a>(
    at: &Reader<'a>,
    (pdu, length): (&'a [u8], usize),
    offset: u32,
    count: u16,
) -> Result<Contexts<'a>, WireError> {
    if count == 0 {
        return Ok(Contexts::default());
    }
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if offset < Header::LEN || offset > length {
        let (min, max) = (Header::LEN, length);
        return Err(at.error(Cause::BadLength { field: "context offset", got: offset, min, max }));
    }
    Ok(Contexts { count, bytes: pdu.get(offset..).unwrap_or_default() })
}

fn check_size(at: &Reader<'_>, want: u16, got: u16) -> Result<(), WireError> {
    if want == got {
        return Ok(());
    }
    let (want, got) = (u64::from(want), u64::from(got));
    Err(at.error(Cause::BadConstant { field: "structure_size", want, got }))
}

/// A length or offset as the number that the field holds.
fn narrow<T: TryFrom<usize>>(value: usize) -> Result<T, WireError> {
    T::try_from(value).map_err(|_| {
        let max = (1 << (8 * size_of::<T>())) - 1;
        let cause = Cause::BadLength { field: "buffer", got: value, min: 0, max };
        WireError { what: "smb2::Negotiate", offset: 0, cause }
    })
}
