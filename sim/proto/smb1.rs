//! Server Message Block 1 (CIFS), \[MS-CIFS\] section 2.2.3, in NetBIOS session messages.
//!
//! Ports 139 and 445 belong to the protocols that are common there; the first bytes of an SMB
//! message are known on any port.

use std::ops::RangeInclusive;

use super::nbss;
use super::smb2::{KEEP_ALIVE, observe_keep_alive, step_message};
use super::{
    Context, Framing, NEEDED_MAX, Observer, Probe, Protocol, Quality, Sample, Step, Tally,
    Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

pub mod command;
mod dialogue;
mod samples;
mod view;
pub mod words;

pub use dialogue::Conversation;
pub use view::{Pdu, Strings, Text};
pub use words::Words;

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Smb1;

/// First bytes of every message, \[MS-CIFS\] 2.2.3.1.
const MAGIC: [u8; 4] = *b"\xffSMB";
/// Set in `flags` of responses, \[MS-CIFS\] 2.2.3.1.
const FLAG_REPLY: u8 = 0x80;
/// Names begin with server and share, \[MS-CIFS\] 2.2.3.1.
const FLAGS2_DFS: u16 = 0x1000;
/// The status is an NTSTATUS, \[MS-CIFS\] 2.2.3.1.
const FLAGS2_NT_STATUS: u16 = 0x4000;
/// Strings are UTF-16, \[MS-CIFS\] 2.2.3.1.
const FLAGS2_UNICODE: u16 = 0x8000;
/// Commands of one message at most: those that may follow each other are eight, and Windows
/// sends three. Ours.
const CHAIN_MAX: usize = 16;

/// Words that an extended response to NT_CREATE_ANDX says it has, and bytes by which it has
/// more: \[MS-SMB\] 2.2.4.9.2 lists 50 words and counts 42. Windows leaves the byte count behind
/// them as it lay in memory; nothing is there to be counted.
const EXTENDED_COUNT: u8 = 42;
const EXTENDED_FURTHER: usize = 16;

/// Bytes of a message that tell what it is about, session header included: the header, the
/// number of words, and those of the commands that carry bulk data.
const HEAD: usize = nbss::Header::LEN + Header::LEN + 1 + 28;
/// Longest data of one read or write that may be from or for a named pipe, in bytes; see the
/// same of SMB2. Ours.
const PIPE_DATA_MAX: usize = 16 << 10;

wire_struct! {
    /// Header, \[MS-CIFS\] 2.2.3.1.
    pub struct Header / HeaderView [32] {
        /// `\xffSMB`.
        0 protocol: raw [u8; 4],
        /// Command code, e.g. 0x72 for negotiate.
        4 command: be u8,
        /// NTSTATUS, or class and code of a DOS error.
        5 status: le u32,
        /// 0x80 is set in responses.
        9 flags: be u8,
        /// 0x8000 says that strings are Unicode.
        10 flags2: le u16,
        /// Bits 16..32 of the process identifier.
        12 process_high: le u16,
        /// Signature, or key and sequence of connectionless transports.
        14 security: raw [u8; 8],
        /// Reserved, zero.
        22 reserved: le u16,
        /// Tree identifier.
        24 tree_id: le u16,
        /// Bits 0..16 of the process identifier.
        26 process_low: le u16,
        /// User identifier.
        28 user_id: le u16,
        /// Multiplex identifier.
        30 multiplex_id: le u16,
    }
}

impl HeaderView<'_> {
    /// Whether the message is a response.
    pub fn is_response(self) -> bool {
        self.flags() & FLAG_REPLY != 0
    }
}

/// Which command stands behind, and where: \[MS-CIFS\] 2.2.3.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AndX {
    /// The next command; 0xff where none follows.
    pub command: u8,
    /// Reserved, zero.
    pub reserved: u8,
    /// Where its parameters begin, from the header; means nothing where none follows.
    pub offset: u16,
}

/// One command of a message, as it lies.
#[derive(Debug, Clone, Copy)]
struct RawBlock<'a> {
    and_x: Option<AndX>,
    count: u8,
    words: &'a [u8],
    /// Where the data begin, from the header.
    data_at: usize,
    data: &'a [u8],
    /// Length of the data on the wire.
    data_length: usize,
}

impl RawBlock<'_> {
    /// A command of which nothing is present.
    const fn absent(at: usize) -> Self {
        Self { and_x: None, count: 0, words: &[], data_at: at, data: &[], data_length: 0 }
    }
}

/// Reads the block of `command` at `at` of `smb`, the beginning of `length` bytes. There are
/// `further` bytes more of words than their count says.
fn block(
    smb: &[u8],
    length: usize,
    (command, at): (u8, usize),
    further: usize,
) -> Result<RawBlock<'_>, WireError> {
    let mut r = Reader::new("smb1::Block", smb);
    r.bytes(at)?;
    let count = r.byte()?;
    let mut words = r.sub("smb1::Words", usize::from(count) * 2 + further)?;
    let and_x = if command::is_andx(command) && count >= 2 {
        let (&[command, reserved], offset) = (words.array()?, words.array()?);
        Some(AndX { command, reserved, offset: u16::from_le_bytes(*offset) })
    } else {
        None
    };
    let words = words.remainder();
    let at = r.clone();
    let mut data_length = 0;
    if r.offset() < length {
        data_length = usize::from(u16::from_le_bytes(*r.array()?));
    }
    let data_at = r.offset();
    let max = length.saturating_sub(data_at);
    if data_length > max {
        let (field, got, min) = ("byte_count", data_length, 0);
        return Err(at.error(Cause::BadLength { field, got, min, max }));
    }
    let data = r.peek().get(..data_length).unwrap_or(r.peek());
    Ok(RawBlock { and_x, count, words, data_at, data, data_length })
}

/// One command, for emitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// The command.
    pub command: u8,
    /// Its parameters.
    pub words: Words<'a>,
    /// Strings and whatever else it carries.
    pub data: &'a [u8],
    /// What leads to the next command, where the command allows one: the offset counts only
    /// where none follows, and is else derived.
    pub and_x: Option<AndX>,
}

/// One session message, for emitting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The header; its command is that of the first block.
    pub header: Header,
    /// The commands.
    pub blocks: Vec<Block<'a>>,
    /// What stands behind the last one.
    pub rest: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Parses one session message. Words that would not come back byte for byte stay opaque, and
    /// so does everything behind a command that is not where it would be put.
    ///
    /// # Errors
    /// Other first bytes, a length other than that of `input`, or one that leaves no room for
    /// what must be there.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let smb = nbss::message("smb1::Header", input)?.remainder();
        let header = checked_header(smb)?;
        let mut packet = Self { header, blocks: Vec::new(), rest: &[] };
        let (mut command, mut at) = (header.command, Header::LEN);
        while let Ok(raw) = block(smb, smb.len(), (command, at), 0) {
            // Without a byte count a block cannot be told from one of no bytes.
            if raw.data_at < at + 3 + 2 * usize::from(raw.count) {
                break;
            }
            let key = (command, header.flags & FLAG_REPLY != 0);
            let words = Words::parse(key, raw.count, raw.words).unwrap_or(Words::Opaque(raw.words));
            packet.blocks.push(Block { command, words, data: raw.data, and_x: raw.and_x });
            at = raw.data_at + raw.data_length;
            match raw.and_x {
                Some(next)
                    if next.command != command::NO_ANDX_COMMAND
                        && usize::from(next.offset) == at
                        && packet.blocks.len() < CHAIN_MAX
                        && block(smb, smb.len(), (next.command, at), 0).is_ok() =>
                {
                    command = next.command;
                }
                _ => break,
            }
        }
        packet.rest = smb.get(at..).unwrap_or_default();
        Ok(packet)
    }

    /// Appends the session message; its length, counts and where commands begin are derived.
    ///
    /// # Errors
    /// [`Cause::BadLength`] when something is longer than its length field can say.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let mut payload = Vec::new();
        let p = &mut Writer::new(&mut payload);
        self.header.emit(p);
        let (mut words, mut at) = (Vec::new(), Header::LEN);
        for (place, block) in self.blocks.iter().enumerate() {
            words.clear();
            block.words.emit(&mut Writer::new(&mut words));
            let and_x = if block.and_x.is_some() { 4 } else { 0 };
            let count = narrow::<u8>("word_count", (words.len() + and_x) / 2)?;
            p.byte(count);
            at += 1 + and_x + words.len() + 2 + block.data.len();
            if let Some(and_x) = block.and_x {
                let next = self.blocks.get(place + 1);
                p.byte(next.map_or(and_x.command, |next| next.command));
                p.byte(and_x.reserved);
                let offset = if next.is_some() { narrow("offset", at)? } else { and_x.offset };
                p.bytes(&offset.to_le_bytes());
            }
            p.bytes(&words);
            p.bytes(&narrow::<u16>("byte_count", block.data.len())?.to_le_bytes());
            p.bytes(block.data);
        }
        p.bytes(self.rest);
        nbss::Header::session_message(payload.len())?.emit(w);
        w.bytes(&payload);
        Ok(())
    }
}

/// A length or offset as the number that the field holds.
fn narrow<T: TryFrom<usize>>(field: &'static str, value: usize) -> Result<T, WireError> {
    T::try_from(value).map_err(|_| {
        let max = (1 << (8 * size_of::<T>())) - 1;
        let cause = Cause::BadLength { field, got: value, min: 0, max };
        WireError { what: "smb1::Block", offset: 0, cause }
    })
}

fn checked_header(smb: &[u8]) -> Result<Header, WireError> {
    let mut r = Reader::new("smb1::Header", smb);
    let at = r.clone();
    let header = Header::parse(&mut r)?;
    if header.protocol != MAGIC {
        let got = u64::from(u32::from_be_bytes(header.protocol));
        let want = u64::from(u32::from_be_bytes(MAGIC));
        return Err(at.error(Cause::BadConstant { field: "protocol", want, got }));
    }
    Ok(header)
}

/// Tells a message without a session header, as it lies in a NetBIOS datagram. `length` is its
/// length on the wire in bytes, of which `smb` holds the first.
///
/// # Errors
/// What is wrong with the message; what stands before it has been told.
pub fn observe_bare(
    smb: &[u8],
    length: usize,
    context: &Context,
    dialogue: &mut Conversation,
    out: &mut dyn Observer,
) -> Result<(), WireError> {
    checked_header(smb)?;
    let Some(header) = HeaderView::peek(smb) else { return Ok(()) };
    let (mut command, mut at) = (header.command(), Header::LEN);
    for place in 0..CHAIN_MAX {
        let (raw, words, quality) = match read_block(header, smb, length, command, at) {
            Ok((raw, words)) => {
                let is_opaque = matches!(words, Words::Opaque(_));
                let is_cut = context.is_cut && raw.data.len() < raw.data_length;
                let understood = if is_opaque { Quality::Opaque } else { Quality::Parsed };
                (raw, words, if is_cut { Quality::Cut } else { understood })
            }
            Err(error) if error.is_truncation() && smb.len() < length => {
                (RawBlock::absent(smb.len()), Words::Opaque(&[]), Quality::Cut)
            }
            Err(error) => return Err(error),
        };
        let end = raw.data_at + raw.data_length;
        let next = raw.and_x.filter(|next| next.command != command::NO_ANDX_COMMAND);
        let mark = if context.transport == Transport::Tcp { nbss::Header::LEN } else { 0 };
        let bytes = match (place, next) {
            (0, None) => length + mark,
            (0, Some(_)) => end + mark,
            // A chain may point backwards.
            _ => end.saturating_sub(at),
        };
        let pdu = Pdu { smb, header, command, is_chained: place > 0, words, raw };
        let operation = u32::from(command);
        let tally = Tally { operation, is_answer: header.is_response(), bytes, quality };
        out.message(context, &super::Message::Smb1(pdu), tally);
        dialogue.hear(&pdu, context, out);
        let Some(next) = next else { break };
        let offset = usize::from(next.offset);
        if offset <= at {
            let (got, min, max) = (offset, at + 1, length);
            let cause = Cause::BadLength { field: "offset", got, min, max };
            return Err(WireError { what: "smb1::AndX", offset: at, cause });
        }
        (command, at) = (next.command, offset);
    }
    Ok(())
}

fn read_block<'a>(
    header: HeaderView<'_>,
    smb: &'a [u8],
    length: usize,
    command: u8,
    at: usize,
) -> Result<(RawBlock<'a>, Words<'a>), WireError> {
    let count = smb.get(at).copied().unwrap_or_default();
    let end = at + 1 + 2 * usize::from(EXTENDED_COUNT) + EXTENDED_FURTHER;
    let is_open = command == command::NT_CREATE_ANDX && header.is_response();
    let raw = if is_open && count == EXTENDED_COUNT && length >= end {
        block(smb, end, (command, at), EXTENDED_FURTHER)?
    } else {
        block(smb, length, (command, at), 0)?
    };
    let words = Words::parse((command, header.is_response()), raw.count, raw.words)?;
    Ok((raw, words))
}

impl Protocol for Smb1 {
    type Message<'a> = Pdu<'a>;
    type Dialogue = Conversation;

    const NAME: &'static str = "smb1";
    const LABEL: &'static str = "SMB1";
    const FRAMING: Framing = Framing::Stream;
    const STARTS: &'static [RangeInclusive<u8>] =
        &[nbss::SESSION_MESSAGE..=nbss::SESSION_MESSAGE, 0xff..=0xff];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        nbss::probe_message(payload, &[MAGIC])
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        step_message(input, |start| start == MAGIC, HEAD)
    }

    fn needed(head: &[u8], length: usize) -> usize {
        let all = length.min(NEEDED_MAX);
        let Some(smb) = head.get(nbss::Header::LEN..).filter(|_| head.len() >= HEAD) else {
            return all;
        };
        let Some(header) = HeaderView::peek(smb) else { return all };
        let is_response = header.is_response();
        let is_bulk = match (header.command(), is_response) {
            (command::READ_ANDX, true) | (command::WRITE_ANDX, false) => {
                smb.get(Header::LEN + 1) == Some(&command::NO_ANDX_COMMAND)
            }
            _ => false,
        };
        if is_bulk && length > HEAD + PIPE_DATA_MAX { HEAD } else { all }
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Conversation,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("smb1::Header", input);
        let header = nbss::Header::parse(&mut r)?;
        if header.kind == KEEP_ALIVE {
            return observe_keep_alive(input, context, out);
        }
        observe_bare(r.remainder(), header.payload_length(), context, dialogue, out)
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

#[cfg(test)]
mod tests;
