//! Server Message Block 2 and 3, \[MS-SMB2\] section 2.2, in NetBIOS session messages.
//!
//! Three kinds of header: plain, transform (encrypted, SMB 3.0) and compression (SMB 3.1.1).
//! Chained requests, decryption and decompression are not looked into.

use std::ops::RangeInclusive;

use super::nbss;
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, WireError, Writer, wire_struct};

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

/// Value of `structure_size`, \[MS-SMB2\] 2.2.1.
const STRUCTURE_SIZE: u16 = 64;
/// Set in responses, \[MS-SMB2\] 2.2.1.2.
const FLAG_RESPONSE: u32 = 0x0000_0001;
/// Set when `async_or_tree` holds an AsyncId, \[MS-SMB2\] 2.2.1.1.
const FLAG_ASYNC: u32 = 0x0000_0002;

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

impl Header {
    /// Whether the message is a response.
    pub const fn is_response(&self) -> bool {
        self.flags & FLAG_RESPONSE != 0
    }

    /// Tree identifier; `None` in an asynchronous message.
    pub const fn tree_id(&self) -> Option<u32> {
        let [_, _, _, _, a, b, c, d] = self.async_or_tree;
        if self.flags & FLAG_ASYNC == 0 { Some(u32::from_le_bytes([a, b, c, d])) } else { None }
    }
}

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// In the clear.
    Plain(Header),
    /// Encrypted.
    Encrypted(Transform),
    /// Compressed.
    Compressed(Compression),
}

/// One message as it lies in a stream; what follows the header is opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header.
    pub head: Head,
    /// What follows it, up to the end of the session message.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one session message.
    ///
    /// # Errors
    /// Other first bytes, another structure size, or a length other than that of `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = nbss::message("smb2::Header", input)?;
        let at = r.clone();
        let head = match *at.clone().array::<4>()? {
            PLAIN => {
                let header = Header::parse(&mut r)?;
                if header.structure_size != STRUCTURE_SIZE {
                    let (want, got) = (u64::from(STRUCTURE_SIZE), u64::from(header.structure_size));
                    let field = "structure_size";
                    return Err(at.error(Cause::BadConstant { field, want, got }));
                }
                Head::Plain(header)
            }
            ENCRYPTED => Head::Encrypted(Transform::parse(&mut r)?),
            COMPRESSED => Head::Compressed(Compression::parse(&mut r)?),
            other => {
                let got = u64::from(u32::from_be_bytes(other));
                return Err(at.error(Cause::BadValue { field: "protocol", got }));
            }
        };
        Ok(Self { head, body: r.remainder() })
    }

    /// Appends the session message, its length derived.
    ///
    /// # Errors
    /// [`Cause::BadLength`] when the body is longer than a session message can be.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        let head_length = match self.head {
            Head::Plain(_) => Header::LEN,
            Head::Encrypted(_) => Transform::LEN,
            Head::Compressed(_) => Compression::LEN,
        };
        nbss::Header::session_message(head_length + self.body.len())?.emit(w);
        match &self.head {
            Head::Plain(header) => header.emit(w),
            Head::Encrypted(transform) => transform.emit(w),
            Head::Compressed(compression) => compression.emit(w),
        }
        w.bytes(self.body);
        Ok(())
    }
}

impl Protocol for Smb2 {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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
        nbss::step_message(input, |start| MAGICS.contains(&start))
    }

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Smb2(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Message::parse(input)?.emit(out)
    }

    fn samples() -> Vec<Sample> {
        // Response to a tree connect, all header fields in use.
        let mut plain = b"\x00\x00\x00\x50\xfeSMB\x40\x00\x01\x00\x22\x00\x00\xc0\x03\x00".to_vec();
        plain.extend(b"\x21\x00\x09\x00\x00\x00\x58\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x01");
        plain.extend(b"\xff\xfe\x00\x00\x05\x00\x00\x00\x11\x22\x33\x44\x55\x66\x77\x88");
        plain.extend(b"sixteen-byte-sig");
        plain.extend(b"\x10\x00\x01\x00\x30\x08\x00\x00\x20\x01\x00\x00\xff\x01\x1f\x00");
        let mut encrypted = b"\x00\x00\x00\x3c\xfdSMBsixteen-byte-tagsixteen-byte-nnc".to_vec();
        encrypted.extend(b"\x08\x00\x00\x00\x01\x00\x01\x00\x11\x22\x33\x44\x55\x66\x77\x88");
        encrypted.extend(b"\xd0\x0d\xd0\x0d\xd0\x0d\xd0\x0d");
        let mut compressed = b"\x00\x00\x00\x14\xfcSMB\x00\x10\x00\x00\x02\x00\x01\x00".to_vec();
        compressed.extend(b"\x04\x00\x00\x00\xde\xad\xbe\xef");
        vec![Sample::tcp(plain), Sample::tcp(encrypted), Sample::tcp(compressed)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_field_of_the_header() {
        let bytes = Smb2::samples().remove(0).bytes;
        let message = Message::parse(&bytes).unwrap();
        let want = Header {
            protocol: PLAIN,
            structure_size: 64,
            credit_charge: 1,
            status: 0xc000_0022,
            command: 3,
            credits: 33,
            flags: 9,
            next_command: 0x58,
            message_id: 0x0100_0000_0000_0007,
            async_or_tree: *b"\xff\xfe\x00\x00\x05\x00\x00\x00",
            session_id: 0x8877_6655_4433_2211,
            signature: *b"sixteen-byte-sig",
        };
        assert_eq!(message.head, Head::Plain(want));
        assert_eq!(message.body.len(), 16);
        assert_eq!((want.is_response(), want.tree_id()), (true, Some(5)));
        assert_eq!(Header { flags: FLAG_ASYNC, ..want }.tree_id(), None);
    }

    #[test]
    fn another_structure_size_is_named() {
        let mut bytes = Smb2::samples().remove(0).bytes;
        bytes[8] = 0x41;
        assert_eq!(
            Message::parse(&bytes).unwrap_err().to_string(),
            "smb2::Header at byte 4: structure_size must be 0x40, is 0x41"
        );
    }
}
