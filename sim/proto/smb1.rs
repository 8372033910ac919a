//! Server Message Block 1 (CIFS), \[MS-CIFS\] section 2.2.3, in NetBIOS session messages.
//!
//! Ports 139 and 445 belong to the protocols that are common there; the first bytes of an SMB
//! message are known on any port.

use std::ops::RangeInclusive;

use super::nbss;
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, WireError, Writer, wire_struct};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Smb1;

/// First bytes of every message, \[MS-CIFS\] 2.2.3.1.
const MAGIC: [u8; 4] = *b"\xffSMB";

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

/// One message as it lies in a stream; parameters and data are opaque.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header.
    pub header: Header,
    /// Parameters and data of the command.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Parses one session message.
    ///
    /// # Errors
    /// Other first bytes, or a length other than that of `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let mut r = nbss::message("smb1::Header", input)?;
        let at = r.clone();
        let header = Header::parse(&mut r)?;
        if header.protocol != MAGIC {
            let got = u64::from(u32::from_be_bytes(header.protocol));
            let want = u64::from(u32::from_be_bytes(MAGIC));
            return Err(at.error(Cause::BadConstant { field: "protocol", want, got }));
        }
        Ok(Self { header, body: r.remainder() })
    }

    /// Appends the session message, its length derived.
    ///
    /// # Errors
    /// [`Cause::BadLength`] when the body is longer than a session message can be.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), WireError> {
        nbss::Header::session_message(Header::LEN + self.body.len())?.emit(w);
        self.header.emit(w);
        w.bytes(self.body);
        Ok(())
    }
}

impl Protocol for Smb1 {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "smb1";
    const LABEL: &'static str = "SMB1";
    const FRAMING: Framing = Framing::Stream;
    const STARTS: &'static [RangeInclusive<u8>] =
        &[nbss::SESSION_MESSAGE..=nbss::SESSION_MESSAGE, 0xff..=0xff];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        nbss::probe_message(payload, &[MAGIC])
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        nbss::step_message(input, |start| start == MAGIC)
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
        out.message(context, &super::Message::Smb1(super::Bytes(input)), tally);
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
        // Negotiate with one dialect, all header fields in use.
        let mut request =
            b"\x00\x00\x00\x2f\xffSMB\x72\x05\x00\x00\xc0\x18\x01\xc8\x34\x12".to_vec();
        request.extend(b"signme!!\x01\x00\x22\x11\xfe\xca\x44\x33\x66\x55");
        request.extend(b"\x00\x0c\x00\x02NT LM 0.12");
        request.push(0);
        vec![Sample::tcp(request)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_field_of_the_header() {
        let bytes = Smb1::samples().remove(0).bytes;
        let message = Message::parse(&bytes).unwrap();
        let want = Header {
            protocol: MAGIC,
            command: 0x72,
            status: 0xc000_0005,
            flags: 0x18,
            flags2: 0xc801,
            process_high: 0x1234,
            security: *b"signme!!",
            reserved: 1,
            tree_id: 0x1122,
            process_low: 0xcafe,
            user_id: 0x3344,
            multiplex_id: 0x5566,
        };
        assert_eq!((message.header, message.body.len()), (want, 15));
    }
}
