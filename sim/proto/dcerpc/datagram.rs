//! Connectionless packets: C706 chapter 12, "Connectionless RPC PDUs".

use super::syntax::{Order, Syntax, kind};
use super::{CONNECTIONLESS, CONNECTIONLESS_KIND_MAX};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

wire_struct! {
    /// Header of connectionless packets, C706 chapter 12, "Connectionless RPC PDUs".
    pub struct Datagram / DatagramView [80] {
        /// 4.
        0 version: be u8,
        /// Packet type, e.g. 0 for request.
        1 kind: be u8,
        /// Last fragment, idempotent, and more.
        2 flags1: be u8,
        /// 0x02 says that a cancel is pending.
        3 flags2: be u8,
        /// Data representation; see [`is_little_endian`].
        4 representation: raw [u8; 3],
        /// High byte of the fragment's serial number.
        7 serial_high: be u8,
        /// Object identifier.
        8 object: raw [u8; 16],
        /// Interface identifier.
        24 interface: raw [u8; 16],
        /// Activity identifier.
        40 activity: raw [u8; 16],
        /// When the server booted, in the order that `representation` says.
        56 server_boot: raw [u8; 4],
        /// Version of the interface, likewise.
        60 interface_version: raw [u8; 4],
        /// Sequence number, likewise.
        64 sequence: raw [u8; 4],
        /// Operation number, likewise.
        68 operation: raw [u8; 2],
        /// Interface hint, likewise.
        70 interface_hint: raw [u8; 2],
        /// Activity hint, likewise.
        72 activity_hint: raw [u8; 2],
        /// Length of the body in bytes, likewise.
        74 length: raw [u8; 2],
        /// Fragment number, likewise.
        76 fragment: raw [u8; 2],
        /// Authentication protocol.
        78 auth_protocol: be u8,
        /// Low byte of the fragment's serial number.
        79 serial_low: be u8,
    }
}

/// Bits of the first flags, C706 chapter 12, "The First Flags Field".
const LAST_FRAGMENT: u8 = 0x02;
const FRAGMENT: u8 = 0x04;
const MAYBE: u8 = 0x10;

/// One connectionless packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramPacket<'a> {
    /// The header.
    pub header: Datagram,
    body: &'a [u8],
    /// Authentication verifier, C706 chapter 13.
    verifier: &'a [u8],
    is_cut: bool,
}

impl<'a> DatagramPacket<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// Another version or type, or a length beyond the datagram; without an authentication
    /// protocol also a length that is not the datagram's.
    pub fn parse(input: &'a [u8]) -> Result<Self, WireError> {
        let (header, mut r) = Self::header(input)?;
        let order = Order::of(&header.representation);
        let body = r.bytes(usize::from(order.get_u16(header.length)))?;
        let verifier = if header.auth_protocol == 0 { &[][..] } else { r.remainder() };
        r.finish()?;
        Ok(Self { header, body, verifier, is_cut: false })
    }

    /// Looks at the beginning of a datagram whose rest was not captured.
    ///
    /// # Errors
    /// Another version or type, or not even a whole header.
    pub fn beginning(input: &'a [u8]) -> Result<Self, WireError> {
        let (header, mut r) = Self::header(input)?;
        Ok(Self { header, body: r.remainder(), verifier: &[], is_cut: true })
    }

    fn header(input: &'a [u8]) -> Result<(Datagram, Reader<'a>), WireError> {
        let at = Reader::new("dcerpc::Datagram", input);
        let mut r = at.clone();
        let header = Datagram::parse(&mut r)?;
        let bad = |field, got: u8| Err(at.error(Cause::BadValue { field, got: u64::from(got) }));
        match header.version {
            CONNECTIONLESS if header.kind <= CONNECTIONLESS_KIND_MAX => Ok((header, r)),
            CONNECTIONLESS => bad("kind", header.kind),
            version => bad("version", version),
        }
    }

    /// Appends the datagram, its length derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let length = u16::try_from(self.body.len()).unwrap_or(u16::MAX);
        let length = self.order().put_u16(length);
        Datagram { length, ..self.header }.emit(w);
        w.bytes(self.body);
        w.bytes(self.verifier);
    }

    /// Whether the input ends before the body does.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// What vouches for it, C706 chapter 13; empty where nothing does.
    pub const fn verifier(&self) -> &'a [u8] {
        self.verifier
    }

    /// Order of octets in it.
    pub fn order(&self) -> Order {
        Order::of(&self.header.representation)
    }

    /// The interface, with its version.
    pub fn interface(&self) -> Syntax {
        let order = self.order();
        let [a, b, c, d] = order.get_u32(self.header.interface_version).to_be_bytes();
        let (version, minor) = (u16::from_be_bytes([c, d]), u16::from_be_bytes([a, b]));
        Syntax { uuid: order.get_uuid(self.header.interface), version, minor }
    }

    /// Which of its operations.
    pub fn opnum(&self) -> u16 {
        self.order().get_u16(self.header.operation)
    }

    /// Whether the call begins here.
    pub fn is_first(&self) -> bool {
        self.header.flags1 & FRAGMENT == 0 || self.order().get_u16(self.header.fragment) == 0
    }

    /// Whether the call ends here.
    pub const fn is_last(&self) -> bool {
        self.header.flags1 & FRAGMENT == 0 || self.header.flags1 & LAST_FRAGMENT != 0
    }

    /// Whether the client wants no answer.
    pub const fn is_unanswered(&self) -> bool {
        self.header.flags1 & MAYBE != 0
    }

    /// What tells its call from others: activity and sequence number.
    pub fn key(&self) -> (u128, u32) {
        let order = self.order();
        (order.get_uuid(self.header.activity).0, order.get_u32(self.header.sequence))
    }

    /// Arguments or results, unless a verifier says that they may be sealed.
    pub fn stub(&self) -> Option<&'a [u8]> {
        let is_call = matches!(self.header.kind, kind::REQUEST | kind::RESPONSE);
        (is_call && self.header.auth_protocol == 0).then_some(self.body)
    }

    /// Status of a fault or reject.
    pub fn fault(&self) -> Option<u32> {
        let is_fault = matches!(self.header.kind, kind::FAULT | kind::REJECT);
        let status = self.body.first_chunk().filter(|_| is_fault)?;
        Some(self.order().get_u32(*status))
    }
}
