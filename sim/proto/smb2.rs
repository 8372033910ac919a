//! Server Message Block 2 and 3, \[MS-SMB2\] section 2.2, in NetBIOS session messages.
//!
//! Three kinds of header: plain, transform (encrypted, SMB 3.0) and compression (SMB 3.1.1). What
//! is encrypted or compressed stays opaque. Keep-alives of the session service, which may stand
//! between messages (\[MS-SMB2\] 2.1), are told as what they are.

use std::ops::RangeInclusive;

use super::nbss;
use super::{
    Context, Framing, NEEDED_MAX, Observer, Probe, Protocol, Quality, Sample, Step, Tally,
    Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

pub mod body;
pub mod command;
mod dialogue;
pub mod negotiate;
pub(in crate::proto) mod open;
pub mod part;
mod samples;
pub mod status;
pub(in crate::proto) mod table;

pub use body::Body;
use dialogue::Chain;
pub use dialogue::Conversation;

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Smb2;

/// First bytes of a plain message, \[MS-SMB2\] 2.2.1.
const PLAIN: [u8; 4] = *b"\xfeSMB";
/// First bytes of an encrypted message, \[MS-SMB2\] 2.2.41.
const ENCRYPTED: [u8; 4] = *b"\xfdSMB";
/// First bytes of a compressed message, \[MS-SMB2\] 2.2.42.
const COMPRESSED: [u8; 4] = *b"\xfcSMB";
const MAGICS: [[u8; 4]; 3] = [PLAIN, ENCRYPTED, COMPRESSED];

/// Type of a keep-alive of the session service, RFC 1002 section 4.3.1.
pub(super) const KEEP_ALIVE: u8 = 0x85;
/// Where the flags end, which stand behind the command; see [`Header`].
const FLAGS_END: usize = 20;
/// Value of `structure_size`, \[MS-SMB2\] 2.2.1.
const STRUCTURE_SIZE: u16 = 64;
/// Set in responses, \[MS-SMB2\] 2.2.1.2.
const FLAG_RESPONSE: u32 = 0x0000_0001;
/// Set when `async_or_tree` holds an AsyncId, \[MS-SMB2\] 2.2.1.1.
const FLAG_ASYNC: u32 = 0x0000_0002;
/// Set when session, tree and file are those of the message before in the chain, \[MS-SMB2\]
/// 2.2.1.2.
pub const FLAG_RELATED: u32 = 0x0000_0004;
/// Set when names begin with server and share, \[MS-SMB2\] 2.2.1.2.
pub const FLAG_DFS: u32 = 0x1000_0000;
/// Messages of a chain begin at multiples of this, \[MS-SMB2\] 3.2.4.1.4.
const CHAIN_ALIGN: usize = 8;

/// Bytes of a message that tell what it is about, session header included: the header and the
/// fixed part of all but NEGOTIATE, whose length does not matter.
const HEAD: usize = nbss::Header::LEN + Header::LEN + 56;
/// Longest data of one READ response or WRITE request that may be from or for a named pipe, in
/// bytes: fragments of DCE/RPC have 4,280 or 5,840 there (\[MS-RPCE\] 3.3.1.5.2, Samba), and only
/// files are read in larger pieces. Ours.
const PIPE_DATA_MAX: usize = 16 << 10;

wire_struct! {
    /// Header, synchronous or asynchronous, \[MS-SMB2\] 2.2.1.
    pub struct Header / HeaderView [64] {
        /// `\xfeSMB`.
        0 protocol: raw [u8; 4],
        /// 64.
        4 structure_size: le u16,
        /// Credits that the request costs.
        6 credit_charge: le u16,
        /// NTSTATUS of a response; channel sequence of a request.
        8 status: le u32,
        /// Command code, e.g. 0 for negotiate.
        12 command: le u16,
        /// Credits asked for or granted.
        14 credits: le u16,
        /// See [`Header::is_response`] and [`Header::tree_id`].
        16 flags: le u32,
        /// Offset of the next message of a chain from this header, or 0.
        20 next_command: le u32,
        /// Matches a response to its request.
        24 message_id: le u64,
        /// AsyncId, or a process identifier and a tree identifier.
        32 async_or_tree: raw [u8; 8],
        /// Session identifier.
        40 session_id: le u64,
        /// Signature, or zero.
        48 signature: raw [u8; 16],
    }
}

wire_struct! {
    /// Header of an encrypted message, \[MS-SMB2\] 2.2.41.
    pub struct Transform / TransformView [52] {
        /// `\xfdSMB`.
        0 protocol: raw [u8; 4],
        /// Authentication tag.
        4 signature: raw [u8; 16],
        /// Nonce; 11 or 12 bytes of it are used.
        20 nonce: raw [u8; 16],
        /// Length of the message before encryption, in bytes.
        36 original_message_size: le u32,
        /// Reserved, zero.
        40 reserved: le u16,
        /// Flags, or the algorithm in SMB 3.0.
        42 flags: le u16,
        /// Session identifier.
        44 session_id: le u64,
    }
}

wire_struct! {
    /// Header of a compressed message, unchained or the first of a chain, \[MS-SMB2\] 2.2.42.
    pub struct Compression / CompressionView [16] {
        /// `\xfcSMB`.
        0 protocol: raw [u8; 4],
        /// Length of what was compressed, in bytes.
        4 original_size: le u32,
        /// Compression algorithm.
        8 algorithm: le u16,
        /// 1 when chained.
        10 flags: le u16,
        /// Offset of the compressed data, or, chained, the length of the first payload.
        12 offset_or_length: le u32,
    }
}

impl HeaderView<'_> {
    /// Whether the message is a response.
    pub fn is_response(self) -> bool {
        self.flags() & FLAG_RESPONSE != 0
    }

    /// Tree identifier; `None` in an asynchronous message.
    pub fn tree_id(self) -> Option<u32> {
        let [_, _, _, _, a, b, c, d] = self.async_or_tree();
        if self.flags() & FLAG_ASYNC == 0 { Some(u32::from_le_bytes([a, b, c, d])) } else { None }
    }
}

/// One message of a chain, or the only one.
#[derive(Debug, Clone, Copy)]
pub struct Pdu<'a> {
    /// Its header.
    pub header: HeaderView<'a>,
    /// What follows the header.
    pub body: Body<'a>,
}

/// What one message says.
#[derive(Debug, Clone, Copy)]
pub enum Message<'a> {
    /// In the clear.
    Plain(Pdu<'a>),
    /// Encrypted.
    Encrypted(TransformView<'a>),
    /// Compressed.
    Compressed(CompressionView<'a>),
}

/// One session message, for emitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Messages in the clear; where each begins is derived.
    Chain(Vec<(Header, Body<'a>)>),
    /// An encrypted message.
    Encrypted(Transform, &'a [u8]),
    /// A compressed message.
    Compressed(Compression, &'a [u8]),
}

impl<'a> Packet<'a> {
    /// Parses one session message. A body that would not come back byte for byte stays opaque.
    ///
    /// # Errors
    /// Other first bytes, another structure size, or a length other than that of `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = nbss::message("smb2::Header", input)?;
        match *r.clone().array::<4>()? {
            PLAIN => Self::parse_chain(r.remainder()),
            ENCRYPTED => Ok(Self::Encrypted(Transform::parse(&mut r)?, r.remainder())),
            COMPRESSED => Ok(Self::Compressed(Compression::parse(&mut r)?, r.remainder())),
            other => Err(unknown(&r, other)),
        }
    }

    fn parse_chain(payload: &'a [u8]) -> Result<Self, WireError> {
        let (mut chain, mut scratch) = (Vec::new(), Vec::new());
        for pdu in Pdus::new(payload, payload.len()) {
            let (_, bytes, length) = pdu?;
            let header = Header::parse(&mut Reader::new("smb2::Header", bytes))?;
            let opaque = bytes.get(Header::LEN..).unwrap_or_default();
            let body = Body::parse(bytes, length).unwrap_or(Body::Opaque(opaque));
            scratch.clear();
            let is_exact = body.emit(&mut Writer::new(&mut scratch)).is_ok() && scratch == opaque;
            chain.push((header, if is_exact { body } else { Body::Opaque(opaque) }));
        }
        Ok(Self::Chain(chain))
    }

    /// Appends the session message; its length, and where the messages of a chain begin, are
    /// derived.
    ///
    /// # Errors
    /// [`Cause::BadLength`] when something is longer than its length field can say.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let mut payload = Vec::new();
        let p = &mut Writer::new(&mut payload);
        match self {
            Self::Chain(chain) => emit_chain(chain, p)?,
            Self::Encrypted(header, data) => {
                header.emit(p);
                p.bytes(data);
            }
            Self::Compressed(header, data) => {
                header.emit(p);
                p.bytes(data);
            }
        }
        nbss::Header::session_message(payload.len())?.emit(w);
        w.bytes(&payload);
        Ok(())
    }
}

fn emit_chain(chain: &[(Header, Body<'_>)], w: &mut Writer<'_>) -> Result<(), WireError> {
    let mut bytes = Vec::new();
    for (at, (header, body)) in chain.iter().enumerate() {
        bytes.clear();
        body.emit(&mut Writer::new(&mut bytes))?;
        let is_last = at + 1 == chain.len();
        if !is_last {
            bytes.resize(bytes.len().next_multiple_of(CHAIN_ALIGN), 0);
        }
        let length = Header::LEN + bytes.len();
        let next_command = if is_last { 0 } else { u32::try_from(length).unwrap_or(u32::MAX) };
        Header { next_command, ..*header }.emit(w);
        w.bytes(&bytes);
    }
    Ok(())
}

/// The messages of a chain: offset, bytes as far as present, and length of each.
struct Pdus<'a> {
    payload: &'a [u8],
    /// Length of the payload on the wire, in bytes.
    length: usize,
    /// Where the next one begins; `None` behind the last one.
    at: Option<usize>,
}

impl<'a> Pdus<'a> {
    fn new(payload: &'a [u8], length: usize) -> Self {
        Self { payload, length, at: Some(0) }
    }

    fn pdu(&mut self, at: usize) -> Result<(usize, &'a [u8], usize), WireError> {
        let rest = self.payload.get(at..).unwrap_or_default();
        let error =
            |cause| WireError { what: "smb2::Header", offset: nbss::Header::LEN + at, cause };
        let Some(header) = HeaderView::peek(rest) else {
            let cause = Cause::Truncated { need: Header::LEN, have: rest.len() };
            return Err(error(cause));
        };
        if header.protocol() != PLAIN {
            let got = u64::from(u32::from_be_bytes(header.protocol()));
            return Err(error(Cause::BadValue { field: "protocol", got }));
        }
        if header.structure_size() != STRUCTURE_SIZE {
            let (want, got) = (u64::from(STRUCTURE_SIZE), u64::from(header.structure_size()));
            return Err(error(Cause::BadConstant { field: "structure_size", want, got }));
        }
        let (next, max) = (header.next_command() as usize, self.length.saturating_sub(at));
        if next == 0 {
            return Ok((at, rest, max));
        }
        if next < Header::LEN || next > max || !next.is_multiple_of(CHAIN_ALIGN) {
            let (field, min) = ("next_command", Header::LEN);
            return Err(error(Cause::BadLength { field, got: next, min, max }));
        }
        self.at = Some(at + next);
        Ok((at, rest.get(..next).unwrap_or(rest), next))
    }
}

impl<'a> Iterator for Pdus<'a> {
    type Item = Result<(usize, &'a [u8], usize), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at.take()?;
        Some(self.pdu(at))
    }
}

fn unknown(at: &Reader<'_>, protocol: [u8; 4]) -> WireError {
    let got = u64::from(u32::from_be_bytes(protocol));
    at.error(Cause::BadValue { field: "protocol", got })
}

/// Tells the messages of a chain one after the other.
fn observe_chain(
    payload: &[u8],
    length: usize,
    context: &Context,
    dialogue: &mut Conversation,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    let mut chain = Chain::default();
    for pdu in Pdus::new(payload, length) {
        let (at, bytes, length) = match pdu {
            Ok(pdu) => pdu,
            // What follows was not wanted; see `needed`.
            Err(error) if error.is_truncation() && !context.is_cut && payload.len() >= HEAD => {
                break;
            }
            Err(_) if context.is_cut && tell_beginning(payload, length, context, out) => break,
            Err(error) => return Err(error),
        };
        let Some(header) = HeaderView::peek(bytes) else { break };
        let (body, quality) = match Body::parse(bytes, length) {
            Ok(Body::Opaque(body)) => (Body::Opaque(body), Quality::Opaque),
            Ok(body) => (body, Quality::Parsed),
            Err(error) if error.is_truncation() && bytes.len() < length => {
                (Body::Opaque(&[]), Quality::Cut)
            }
            Err(error) => return Err(error),
        };
        let quality = if context.is_cut && bytes.len() < length { Quality::Cut } else { quality };
        let pdu = Pdu { header, body };
        let tally = Tally {
            operation: u32::from(header.command()),
            is_answer: header.is_response(),
            bytes: length + if at == 0 { nbss::Header::LEN } else { 0 },
            quality,
        };
        out.message(context, &super::Message::Smb2(Message::Plain(pdu)), tally);
        dialogue.hear(&pdu, &mut chain, context, out);
    }
    Ok(())
}

/// Tells a message that was cut inside its header but behind the command and the flags; short snap
/// lengths do that. What is missing counts as zero.
fn tell_beginning(
    payload: &[u8],
    length: usize,
    context: &Context,
    out: &mut dyn Observer,
) -> bool {
    let mut bytes = [0; Header::LEN];
    let Some(present) = bytes.get_mut(..payload.len()).filter(|some| some.len() >= FLAGS_END)
    else {
        return false;
    };
    present.copy_from_slice(payload);
    let Some(header) = HeaderView::peek(&bytes) else { return false };
    if header.protocol() != PLAIN || header.structure_size() != STRUCTURE_SIZE {
        return false;
    }
    let tally = Tally {
        operation: u32::from(header.command()),
        is_answer: header.is_response(),
        bytes: length + nbss::Header::LEN,
        quality: Quality::Cut,
    };
    let pdu = Pdu { header, body: Body::Opaque(&[]) };
    out.message(context, &super::Message::Smb2(Message::Plain(pdu)), tally);
    true
}

impl Protocol for Smb2 {
    type Message<'a> = Message<'a>;
    type Dialogue = Conversation;

    const NAME: &'static str = "smb2";
    const LABEL: &'static str = "SMB2/3";
    const FRAMING: Framing = Framing::Stream;
    const TCP_PORTS: &'static [u16] = &[445];
    const STARTS: &'static [RangeInclusive<u8>] =
        &[nbss::SESSION_MESSAGE..=nbss::SESSION_MESSAGE, 0xfc..=0xfe];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        nbss::probe_message(payload, &MAGICS)
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        step_message(input, |start| MAGICS.contains(&start), HEAD)
    }

    fn needed(head: &[u8], length: usize) -> usize {
        let all = length.min(NEEDED_MAX);
        let Some((_, payload)) = head.split_first_chunk::<{ nbss::Header::LEN }>() else {
            return all;
        };
        match payload.first_chunk::<4>() {
            Some(&ENCRYPTED | &COMPRESSED) => length.min(HEAD),
            Some(&PLAIN) if head.len() >= HEAD => length.min(needed_of(payload)),
            _ => all,
        }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Conversation,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("smb2::Header", input);
        let header = nbss::Header::parse(&mut r)?;
        if header.kind == KEEP_ALIVE {
            return observe_keep_alive(input, context, out);
        }
        let mut opaque = |message, bytes| {
            let (operation, quality) = (command::OPAQUE, Quality::Opaque);
            let is_answer = context.side == super::Side::Server;
            let tally = Tally { operation, is_answer, bytes, quality };
            out.message(context, &super::Message::Smb2(message), tally);
        };
        let length = header.payload_length();
        match *r.clone().array::<4>()? {
            PLAIN => return observe_chain(r.remainder(), length, context, dialogue, out),
            ENCRYPTED => {
                opaque(Message::Encrypted(Transform::view(&mut r)?), nbss::Header::LEN + length);
            }
            COMPRESSED => {
                opaque(Message::Compressed(Compression::view(&mut r)?), nbss::Header::LEN + length);
            }
            other => return Err(unknown(&r, other)),
        }
        Ok(())
    }

    fn operation(code: u32) -> Option<&'static str> {
        command::name(code)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Packet::parse(input)?.emit(out)
    }

    fn samples() -> Vec<Sample> {
        samples::samples()
    }
}

/// Bytes wanted of a session message whose `payload` begins with a plain header. Of bulk data,
/// which only files have, and of what is told about files, the fixed part is enough.
fn needed_of(payload: &[u8]) -> usize {
    let Some(header) = HeaderView::peek(payload) else { return NEEDED_MAX };
    let field = |at: usize| {
        let bytes = payload.get(Header::LEN + at..).and_then(<[u8]>::first_chunk);
        u32::from_le_bytes(bytes.copied().unwrap_or_default())
    };
    let length = match (header.command(), header.is_response()) {
        _ if header.next_command() != 0 => return NEEDED_MAX,
        (command::READ, true) | (command::WRITE, false) => field(4) as usize,
        (command::QUERY_DIRECTORY | command::QUERY_INFO | command::CHANGE_NOTIFY, true) => {
            return HEAD;
        }
        (command::IOCTL, true) if field(4) != body::PIPE_TRANSCEIVE => return HEAD,
        _ => return NEEDED_MAX,
    };
    if length > PIPE_DATA_MAX { HEAD } else { NEEDED_MAX }
}

/// As [`nbss::step_message`], but asks for the first `head` bytes before it tells the length, and
/// takes keep-alives as messages.
pub(super) fn step_message(input: &[u8], is_wanted: fn([u8; 4]) -> bool, head: usize) -> Step {
    if let Some(&KEEP_ALIVE) = input.first() {
        return match input.first_chunk() {
            Some(&[_, 0, 0, 0]) => Step::Message { length: nbss::Header::LEN },
            Some(_) => nbss::step_message(input, is_wanted),
            None => Step::NeedMore { total: nbss::Header::LEN },
        };
    }
    match nbss::step_message(input, is_wanted) {
        Step::NeedMore { total } if input.len() < head => Step::NeedMore { total: total.min(head) },
        step => step,
    }
}

/// Tells a keep-alive in the words of the session service.
pub(super) fn observe_keep_alive(
    input: &[u8],
    context: &Context,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    nbss::Nbss::observe(input, context, &mut Default::default(), out)
}

#[cfg(test)]
mod tests;
