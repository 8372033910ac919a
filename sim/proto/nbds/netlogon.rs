//! The search for a domain controller by mailslot, \[MS-ADTS\] sections 6.3.1 and 6.3.5.

use super::zero_terminated;
use crate::proto::Utf16;
use crate::wire::{Reader, WireError, Writer};

/// Opcodes, \[MS-ADTS\] section 6.3.1.3: which is the primary controller?
pub const PRIMARY_QUERY: u16 = 7;
/// Who controls the domain and knows this user?
pub const SAM_LOGON_REQUEST: u16 = 18;

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Netlogon<'a> {
    /// \[MS-ADTS\] section 6.3.1.4: who asks, and the mailslot for the answer.
    PrimaryQuery {
        /// Host that asks, in an OEM code page.
        computer: &'a [u8],
        /// Mailslot for the answer.
        mailslot: &'a [u8],
        /// The name in Unicode, versions.
        rest: &'a [u8],
    },
    /// \[MS-ADTS\] section 6.3.1.6.
    SamLogonRequest {
        /// How often it was asked before.
        request_count: u16,
        /// Host that asks.
        computer: Utf16<'a>,
        /// Account that must exist; may be empty.
        user: Utf16<'a>,
        /// Mailslot for the answer.
        mailslot: &'a [u8],
        /// Kinds of accounts, domain, versions.
        rest: &'a [u8],
    },
    /// Any other opcode, and what follows it.
    Other(u16, &'a [u8]),
}

impl<'a> Netlogon<'a> {
    /// Reads what was written to the mailslot.
    ///
    /// # Errors
    /// Truncation.
    pub fn parse(data: &'a [u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new("nbds::Netlogon", data);
        Ok(match u16::from_le_bytes(*r.array()?) {
            PRIMARY_QUERY => {
                let (computer, mailslot) = (zero_terminated(r), zero_terminated(r));
                Self::PrimaryQuery { computer, mailslot, rest: r.remainder() }
            }
            SAM_LOGON_REQUEST => Self::SamLogonRequest {
                request_count: u16::from_le_bytes(*r.array()?),
                computer: zero_terminated_utf16(r)?,
                user: zero_terminated_utf16(r)?,
                mailslot: zero_terminated(r),
                rest: r.remainder(),
            },
            opcode => Self::Other(opcode, r.remainder()),
        })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(&self.opcode().to_le_bytes());
        let (mailslot, rest) = match *self {
            Self::PrimaryQuery { computer, mailslot, rest } => {
                w.bytes(computer);
                w.byte(0);
                (mailslot, rest)
            }
            Self::SamLogonRequest { request_count, computer, user, mailslot, rest } => {
                w.bytes(&request_count.to_le_bytes());
                for name in [computer, user] {
                    w.bytes(name.0);
                    w.bytes(&[0, 0]);
                }
                (mailslot, rest)
            }
            Self::Other(_, rest) => return w.bytes(rest),
        };
        w.bytes(mailslot);
        w.byte(0);
        w.bytes(rest);
    }

    /// The opcode that it begins with.
    pub const fn opcode(&self) -> u16 {
        match *self {
            Self::PrimaryQuery { .. } => PRIMARY_QUERY,
            Self::SamLogonRequest { .. } => SAM_LOGON_REQUEST,
            Self::Other(opcode, _) => opcode,
        }
    }
}

/// Name of an opcode, \[MS-ADTS\] section 6.3.1.3.
pub const fn opcode_name(opcode: u16) -> Option<&'static str> {
    Some(match opcode {
        PRIMARY_QUERY => "LOGON_PRIMARY_QUERY",
        12 => "LOGON_PRIMARY_RESPONSE",
        SAM_LOGON_REQUEST => "LOGON_SAM_LOGON_REQUEST",
        19 => "LOGON_SAM_LOGON_RESPONSE",
        20 => "LOGON_SAM_PAUSE_RESPONSE",
        21 => "LOGON_SAM_USER_UNKNOWN",
        23 => "LOGON_SAM_LOGON_RESPONSE_EX",
        24 => "LOGON_SAM_PAUSE_RESPONSE_EX",
        25 => "LOGON_SAM_USER_UNKNOWN_EX",
        _ => return None,
    })
}

/// Characters up to a zero, which is stepped over.
fn zero_terminated_utf16<'a>(r: &mut Reader<'a>) -> Result<Utf16<'a>, WireError> {
    let (pairs, _) = r.peek().as_chunks::<2>();
    let length = pairs.iter().take_while(|pair| **pair != [0, 0]).count() * 2;
    let text = r.bytes(length)?;
    r.array::<2>()?;
    Ok(Utf16(text))
}
