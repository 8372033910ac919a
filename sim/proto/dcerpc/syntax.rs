//! Numbers and identifiers of DCE/RPC: packet types, order of octets, identifiers with versions.

use std::fmt;

use crate::wire::{Reader, WireError, Writer};

/// Packet types, C706 chapter 12, table "RPC Protocol Data Units".
pub mod kind {
    /// A call.
    pub const REQUEST: u8 = 0;
    /// Connectionless: is the call still worked on?
    pub const PING: u8 = 1;
    /// What a call returns.
    pub const RESPONSE: u8 = 2;
    /// A call failed.
    pub const FAULT: u8 = 3;
    /// Connectionless: the call is worked on.
    pub const WORKING: u8 = 4;
    /// Connectionless: there is no such call.
    pub const NOCALL: u8 = 5;
    /// Connectionless: the call was not begun.
    pub const REJECT: u8 = 6;
    /// Connectionless: the answer arrived.
    pub const ACK: u8 = 7;
    /// Connectionless: cancel the call.
    pub const CL_CANCEL: u8 = 8;
    /// Connectionless: fragments arrived.
    pub const FACK: u8 = 9;
    /// Connectionless: the cancel arrived.
    pub const CANCEL_ACK: u8 = 10;
    /// Begins an association.
    pub const BIND: u8 = 11;
    /// Accepts it.
    pub const BIND_ACK: u8 = 12;
    /// Refuses it.
    pub const BIND_NAK: u8 = 13;
    /// Adds presentation or security contexts.
    pub const ALTER_CONTEXT: u8 = 14;
    /// Answers that.
    pub const ALTER_CONTEXT_RESP: u8 = 15;
    /// The third token of an authentication, \[MS-RPCE\] section 2.2.2.10.
    pub const AUTH3: u8 = 16;
    /// The server asks the client to end the association.
    pub const SHUTDOWN: u8 = 17;
    /// Cancel the call.
    pub const CO_CANCEL: u8 = 18;
    /// The client waits no longer.
    pub const ORPHANED: u8 = 19;

    /// Name of a packet type.
    pub fn name(kind: u8) -> Option<&'static str> {
        const NAMES: [&str; 21] = [
            "request",
            "ping",
            "response",
            "fault",
            "working",
            "nocall",
            "reject",
            "ack",
            "cl_cancel",
            "fack",
            "cancel_ack",
            "bind",
            "bind_ack",
            "bind_nak",
            "alter_context",
            "alter_context_resp",
            "auth3",
            "shutdown",
            "co_cancel",
            "orphaned",
            "rts",
        ];
        NAMES.get(usize::from(kind)).copied()
    }
}

/// Authentication types, \[MS-RPCE\] section 2.2.1.1.7.
pub mod auth_type {
    /// SPNEGO.
    pub const NEGOTIATE: u8 = 9;
    /// NTLM.
    pub const NTLM: u8 = 10;
    /// Kerberos.
    pub const KERBEROS: u8 = 16;
    /// Netlogon secure channel.
    pub const NETLOGON: u8 = 68;
}
/// Authentication level of sealed stubs, \[MS-RPCE\] section 2.2.1.1.8.
pub const LEVEL_PRIVACY: u8 = 6;

/// Order of the octets in integers, C706 section 14.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Least significant first.
    Little,
    /// Most significant first.
    Big,
}

impl Order {
    /// The order that a data representation says.
    #[inline]
    pub fn of(representation: &[u8]) -> Self {
        if super::is_little_endian(representation) { Self::Little } else { Self::Big }
    }

    /// Reads 16 bits.
    #[inline]
    pub const fn get_u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    /// Reads 32 bits.
    #[inline]
    pub const fn get_u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Writes 16 bits.
    pub const fn put_u16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    /// Writes 32 bits.
    pub const fn put_u32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    /// Reads an identifier: its first three fields are integers, C706 appendix A.
    #[inline]
    pub const fn get_uuid(self, bytes: [u8; 16]) -> Uuid {
        let mut swapped = bytes;
        if let Self::Little = self {
            let [a, b, c, d, e, f, g, h, ..] = bytes;
            [swapped[0], swapped[1], swapped[2], swapped[3]] = [d, c, b, a];
            [swapped[4], swapped[5], swapped[6], swapped[7]] = [f, e, h, g];
        }
        Uuid(u128::from_be_bytes(swapped))
    }

    /// Writes an identifier.
    pub const fn put_uuid(self, uuid: Uuid) -> [u8; 16] {
        // Swapping twice is the identity.
        self.get_uuid(uuid.0.to_be_bytes()).0.to_be_bytes()
    }
}

/// An identifier, its value in the order in which it is written as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |shift: u32, bits: u32| (self.0 >> shift) & ((1 << bits) - 1);
        let (a, b, c) = (part(96, 32), part(80, 16), part(64, 16));
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", part(48, 16), part(0, 48))
    }
}

/// An interface or an encoding, with its version: C706 section 12.6.3.1, `p_syntax_id_t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    /// Identifier.
    pub uuid: Uuid,
    /// Major version.
    pub version: u16,
    /// Minor version.
    pub minor: u16,
}

/// Octets of a [`Syntax`].
pub const SYNTAX: usize = 20;

impl Syntax {
    /// The encoding that all understand, C706 chapter 14 (NDR).
    pub const NDR: Self =
        Self { uuid: Uuid(0x8a885d04_1ceb_11c9_9fe8_08002b104860), version: 2, minor: 0 };
    /// The encoding with 64-bit pointers and counts, \[MS-RPCE\] section 2.2.5.
    pub const NDR64: Self =
        Self { uuid: Uuid(0x71710533_beba_4937_8319_b5dbef9ccc36), version: 1, minor: 0 };

    /// Whether this is no encoding, but asks what the other side can do: bind time feature
    /// negotiation, \[MS-RPCE\] section 3.3.1.5.3. The last octets hold the features.
    pub const fn is_feature_negotiation(self) -> bool {
        self.uuid.0 >> 64 == 0x6cb7_1c2c_9812_4540
    }

    /// Reads it. The version is one integer, its upper half the minor version.
    ///
    /// # Errors
    /// Truncation.
    pub fn parse(order: Order, r: &mut Reader<'_>) -> Result<Self, WireError> {
        let uuid = order.get_uuid(*r.array()?);
        let [a, b, c, d] = order.get_u32(*r.array()?).to_be_bytes();
        Ok(Self { uuid, version: u16::from_be_bytes([c, d]), minor: u16::from_be_bytes([a, b]) })
    }

    /// Appends it.
    pub fn emit(self, order: Order, w: &mut Writer<'_>) {
        w.bytes(&order.put_uuid(self.uuid));
        w.bytes(&order.put_u32(u32::from(self.minor) << 16 | u32::from(self.version)));
    }
}
