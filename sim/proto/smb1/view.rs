//! What a command says: names and data where the words say they are.

use std::fmt::{self, Display};

use super::super::{Utf8, Utf16};
use super::words::{TransactionRequest, TransactionResponse};
use super::{FLAGS2_UNICODE, HeaderView, RawBlock, Words, command};

/// One command of a message.
#[derive(Debug, Clone, Copy)]
pub struct Pdu<'a> {
    /// The message from its header on, as far as it is present.
    pub(super) smb: &'a [u8],
    /// The header, which all commands of the message share.
    pub header: HeaderView<'a>,
    /// The command.
    pub command: u8,
    /// It stands behind another command.
    pub is_chained: bool,
    /// Its parameters.
    pub words: Words<'a>,
    pub(super) raw: RawBlock<'a>,
}

/// A name in either encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// As it was sent, without what ends it.
    pub bytes: &'a [u8],
    /// UTF-16; else the code page of the sender, of which ASCII is read.
    pub is_unicode: bool,
}

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unicode { Utf16(self.bytes).fmt(f) } else { Utf8(self.bytes).fmt(f) }
    }
}

/// Names one behind the other, each ended by zero. Those in UTF-16 begin at an even offset from
/// the header, \[MS-CIFS\] 2.2.1.1.1.
#[derive(Debug, Clone, Copy)]
pub struct Strings<'a> {
    bytes: &'a [u8],
    /// Offset of `bytes` from the header.
    at: usize,
    is_unicode: bool,
    /// Bytes may be missing behind the last one: a name that is not ended is none.
    is_clipped: bool,
}

impl<'a> Strings<'a> {
    /// The next name in the encoding of the message. One that is not ended goes to the end.
    pub fn text(&mut self) -> Option<Text<'a>> {
        if !self.is_unicode {
            return self.oem();
        }
        if self.at % 2 == 1 {
            self.skip(1);
        }
        if self.bytes.is_empty() {
            return None;
        }
        let (pairs, _) = self.bytes.as_chunks::<2>();
        let end = pairs.iter().position(|pair| pair == &[0, 0]);
        if end.is_none() && self.is_clipped {
            return None;
        }
        let length = end.map_or(self.bytes.len(), |units| 2 * units);
        let bytes = self.bytes.get(..length)?;
        self.skip(length + 2);
        Some(Text { bytes, is_unicode: true })
    }

    /// The next name in the sender's code page, whatever the encoding of the message.
    pub fn oem(&mut self) -> Option<Text<'a>> {
        if self.bytes.is_empty() {
            return None;
        }
        let end = self.bytes.iter().position(|&byte| byte == 0);
        if end.is_none() && self.is_clipped {
            return None;
        }
        let length = end.unwrap_or(self.bytes.len());
        let bytes = self.bytes.get(..length)?;
        self.skip(length + 1);
        Some(Text { bytes, is_unicode: false })
    }

    /// The next name behind the byte that tells its format, \[MS-CIFS\] 2.2.1.1.1.
    pub fn tagged(&mut self) -> Option<Text<'a>> {
        self.skip(1);
        self.text()
    }

    fn skip(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        self.bytes = self.bytes.get(count..).unwrap_or_default();
        self.at += count;
    }
}

/// What a session setup says of its sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionNames<'a> {
    /// Token of GSS-API.
    pub token: Option<&'a [u8]>,
    /// The account, where there is no token.
    pub account: Option<Text<'a>>,
    /// Its domain, or that of the server.
    pub primary_domain: Option<Text<'a>>,
    /// Operating system.
    pub native_os: Option<Text<'a>>,
    /// What speaks SMB there.
    pub native_lan_manager: Option<Text<'a>>,
}

/// Setup word of TRANSACTION that writes to and reads from a pipe, \[MS-CIFS\] 2.2.5.6.
const TRANSACT_PIPE: u16 = 0x0026;

impl<'a> Pdu<'a> {
    /// What stands behind the parameters, as far as it is present.
    pub fn data(&self) -> &'a [u8] {
        self.raw.data
    }

    /// Names from byte `skip` of the data on.
    pub fn strings(&self, skip: usize) -> Strings<'a> {
        let bytes = self.raw.data.get(skip..).unwrap_or_default();
        let (is_unicode, is_clipped) = (self.is_unicode(), self.is_clipped());
        Strings { bytes, at: self.raw.data_at + skip, is_unicode, is_clipped }
    }

    fn is_clipped(&self) -> bool {
        self.raw.data.len() < self.raw.data_length
    }

    fn is_unicode(&self) -> bool {
        self.header.flags2() & FLAGS2_UNICODE != 0
    }

    /// Dialects that a NEGOTIATE offers, in the order in which they are numbered.
    pub fn dialects(&self) -> impl Iterator<Item = Text<'a>> + use<'a> {
        let is_offer = self.command == command::NEGOTIATE && !self.header.is_response();
        let mut rest = if is_offer { self.raw.data } else { &[] };
        let is_clipped = self.is_clipped();
        std::iter::from_fn(move || {
            let (&2, behind) = rest.split_first()? else { return None };
            let end = behind.iter().position(|&byte| byte == 0);
            let end = end.or((!is_clipped).then_some(behind.len()))?;
            rest = behind.get(end + 1..).unwrap_or_default();
            Some(Text { bytes: behind.get(..end)?, is_unicode: false })
        })
    }

    /// What a SESSION_SETUP_ANDX says, in both directions; `None` of other commands.
    pub fn session(&self) -> Option<SessionNames<'a>> {
        let mut names = SessionNames::default();
        let plain = |mut s: Strings<'a>, mut names: SessionNames<'a>| {
            (names.account, names.primary_domain) = (s.text(), s.text());
            (names.native_os, names.native_lan_manager) = (s.text(), s.text());
            names
        };
        let length = match self.words {
            Words::SessionSetupPlain(words) => {
                let (oem, unicode) = (words.oem_password_length, words.unicode_password_length);
                return Some(plain(self.strings(usize::from(oem) + usize::from(unicode)), names));
            }
            Words::SessionSetupLanman(words) => {
                return Some(plain(self.strings(words.password_length.into()), names));
            }
            Words::SessionSetupExtended(words) => Some(words.token_length),
            Words::SessionSetupExtendedResponse(words) => Some(words.token_length),
            Words::SessionSetupResponse(_) => None,
            _ => return None,
        };
        let length = length.map(usize::from);
        names.token = length.map(|length| self.raw.data.get(..length).unwrap_or(self.raw.data));
        let mut strings = self.strings(length.unwrap_or(0));
        (names.native_os, names.native_lan_manager) = (strings.text(), strings.text());
        names.primary_domain = strings.text();
        Some(names)
    }

    /// The share that a tree connect asks for.
    pub fn tree_path(&self) -> Option<Text<'a>> {
        match self.words {
            Words::TreeConnectRequest(words) => self.strings(words.password_length.into()).text(),
            // Always in the sender's code page, [MS-CIFS] 2.2.4.50.1.
            Words::NoWords(_) if self.is_request(command::TREE_CONNECT) => self.strings(1).oem(),
            _ => None,
        }
    }

    /// The service that a tree connect was answered with: `A:`, `IPC`, `LPT1:` or `COMM`.
    pub fn service(&self) -> Option<Text<'a>> {
        match self.words {
            Words::TreeConnectResponse(_) => self.strings(0).oem(),
            _ => None,
        }
    }

    /// The file, directory or pipe that a request names.
    pub fn file_name(&self) -> Option<Text<'a>> {
        let is_request = !self.header.is_response();
        match self.words {
            Words::NtCreateRequest(words) => {
                let name = self.strings(0).text()?;
                let length = usize::from(words.name_length);
                Some(Text { bytes: name.bytes.get(..length).unwrap_or(name.bytes), ..name })
            }
            Words::OpenAndxRequest(_) => self.strings(0).text(),
            Words::OpenRequest(_)
            | Words::DeleteRequest(_)
            | Words::RenameRequest(_)
            | Words::NtRenameRequest(_)
            | Words::SetInformationRequest(_)
            | Words::SearchRequest(_) => self.strings(0).tagged(),
            Words::NoWords(_) if is_request => match self.command {
                command::CREATE_DIRECTORY
                | command::DELETE_DIRECTORY
                | command::QUERY_INFORMATION
                | command::CHECK_DIRECTORY => self.strings(0).tagged(),
                _ => None,
            },
            Words::TransactionRequest(words) if self.command == command::TRANSACTION2 => {
                self.path(&words)
            }
            _ => None,
        }
    }

    /// Where a rename goes to.
    pub fn new_name(&self) -> Option<Text<'a>> {
        let (Words::RenameRequest(_) | Words::NtRenameRequest(_)) = self.words else { return None };
        let mut strings = self.strings(0);
        strings.tagged()?;
        strings.tagged()
    }

    /// The pipe or mailslot that a TRANSACTION is for.
    pub fn transaction_name(&self) -> Option<Text<'a>> {
        match self.words {
            Words::TransactionRequest(_) if self.command == command::TRANSACTION => {
                self.strings(0).text()
            }
            _ => None,
        }
    }

    /// First setup word of a transaction: what it does.
    pub fn function(&self) -> Option<u16> {
        match self.words {
            Words::TransactionRequest(words) => word(words.more, 0),
            Words::NtTransactRequest(words) => Some(words.function),
            _ => None,
        }
    }

    /// The pipe that a TRANSACTION writes to and reads from.
    pub fn transacted_pipe(&self) -> Option<u16> {
        match self.words {
            Words::TransactionRequest(words)
                if self.command == command::TRANSACTION
                    && word(words.more, 0) == Some(TRANSACT_PIPE) =>
            {
                word(words.more, 2)
            }
            _ => None,
        }
    }

    /// Data of a read, write or transaction: bytes as far as present, and their length.
    pub fn payload(&self) -> Option<(&'a [u8], usize)> {
        let (offset, length) = match self.words {
            Words::ReadAndxResponse(w) => {
                (w.offset.into(), usize::from(w.length_high) << 16 | usize::from(w.length))
            }
            Words::WriteAndxRequest(w) => {
                (w.data.into(), usize::from(w.length_high) << 16 | usize::from(w.length))
            }
            Words::TransactionRequest(TransactionRequest { data_offset, data_length, .. })
            | Words::TransactionResponse(TransactionResponse {
                data_offset, data_length, ..
            }) => (data_offset.into(), data_length.into()),
            // Format and length stand before the bytes, [MS-CIFS] 2.2.4.11.2.
            Words::ReadResponse(w) => (self.raw.data_at + 3, w.count.into()),
            Words::WriteRequest(w) => (self.raw.data_at + 3, w.count.into()),
            _ => return None,
        };
        Some((self.area(offset, length), length))
    }

    /// `length` bytes at `offset` from the header, as far as they are present.
    fn area(&self, offset: usize, length: usize) -> &'a [u8] {
        let rest = self.smb.get(offset..).unwrap_or_default();
        rest.get(..length).unwrap_or(rest)
    }

    /// The path among the parameters of a TRANSACTION2, \[MS-CIFS\] 2.2.6.
    fn path(&self, words: &TransactionRequest<'a>) -> Option<Text<'a>> {
        let before = match word(words.more, 0)? {
            0x0000 => 28,          // OPEN2
            0x0001 | 0x0002 => 12, // FIND_FIRST2, FIND_NEXT2
            0x0005 | 0x0006 => 6,  // QUERY_PATH_INFORMATION, SET_PATH_INFORMATION
            0x000d => 4,           // CREATE_DIRECTORY
            0x0010 => 2,           // GET_DFS_REFERRAL
            _ => return None,
        };
        let offset = usize::from(words.parameter_offset);
        let bytes = self.area(offset, words.parameter_length.into()).get(before..)?;
        // Parameters begin at a multiple of four, and so does a name behind an even number.
        let (is_unicode, is_clipped) = (self.is_unicode(), self.is_clipped());
        Strings { bytes, at: 0, is_unicode, is_clipped }.text()
    }

    fn is_request(&self, command: u8) -> bool {
        self.command == command && !self.header.is_response()
    }
}

/// The 16-bit word at byte `at`.
fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&pair| u16::from_le_bytes(pair))
}
