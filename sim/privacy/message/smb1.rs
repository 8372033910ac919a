//! SMB1, \[MS-CIFS\] section 2.2 and \[MS-SMB\] section 2.2: header and parameter words are kept;
//! of the bytes behind them, dialects, security tokens, paths and calls in pipes.

use super::super::Pseudonyms;
use super::super::name::Numbers;
use super::super::sheet::Sheet;

const HEADER: usize = 32;
const SIGNATURE: core::ops::Range<usize> = 14..22;
/// SMB_FLAGS2_UNICODE, \[MS-CIFS\] section 2.2.3.1.
const UNICODE: usize = 0x8000;
/// SMB_FLAGS_REPLY.
const REPLY: usize = 0x80;

const TRANSACTION: usize = 0x25;
const READ: usize = 0x2e;
const WRITE: usize = 0x2f;
const NEGOTIATE: usize = 0x72;
const SESSION_SETUP: usize = 0x73;
const TREE_CONNECT: usize = 0x75;
const CREATE: usize = 0xa2;
/// Commands whose words begin with the next command and its offset, section 2.2.3.4.
const CHAINED: [usize; 8] = [0x24, 0x2d, READ, WRITE, SESSION_SETUP, 0x74, TREE_CONNECT, CREATE];
const CHAIN_MAX: usize = 4;

/// Dialects, \[MS-CIFS\] section 1.7 and \[MS-SMB\]: the only names kept in a negotiation.
const DIALECTS: [&[u8]; 12] = [
    b"PC NETWORK PROGRAM 1.0",
    b"MICROSOFT NETWORKS 1.03",
    b"MICROSOFT NETWORKS 3.0",
    b"LANMAN1.0",
    b"LM1.2X002",
    b"DOS LM1.2X002",
    b"LANMAN2.1",
    b"DOS LANMAN2.1",
    b"NT LANMAN 1.0",
    b"NT LM 0.12",
    b"SMB 2.002",
    b"SMB 2.???",
];

/// A message from its header on.
pub(super) fn message(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    sheet.keep(0..HEADER);
    sheet.blank(SIGNATURE);
    let (Some(mut command), Some(flags), Some(flags2)) =
        (sheet.byte(4), sheet.byte(9), sheet.le16(10))
    else {
        return;
    };
    let mut at = HEADER;
    for _ in 0..CHAIN_MAX {
        let Some(count) = sheet.byte(at) else { return };
        let bytes = at + 1 + 2 * count + 2;
        sheet.keep(at..bytes);
        let block = Block {
            command,
            words: at + 1,
            count,
            bytes,
            end: bytes.saturating_add(sheet.le16(bytes - 2).unwrap_or(0)),
            is_answer: flags & REPLY != 0,
            is_unicode: flags2 & UNICODE != 0,
        };
        block.rewrite(sheet, names);
        let next = sheet.byte(at + 1).filter(|_| CHAINED.contains(&command) && count >= 2);
        let Some(offset) = sheet.le16(at + 3).filter(|offset| *offset >= bytes) else { return };
        let Some(next) = next.filter(|next| *next != 0xff) else { return };
        (command, at) = (next, offset);
    }
}

/// One command of a chain.
struct Block {
    command: usize,
    words: usize,
    /// Parameter words.
    count: usize,
    bytes: usize,
    end: usize,
    is_answer: bool,
    is_unicode: bool,
}

impl Block {
    fn word(&self, sheet: &Sheet<'_>, number: usize) -> usize {
        if number < self.count { sheet.le16(self.words + 2 * number).unwrap_or(0) } else { 0 }
    }

    fn rewrite(&self, sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
        match (self.command, self.is_answer) {
            (NEGOTIATE, false) => self.dialects(sheet),
            (NEGOTIATE, true) => {
                // The server's identifier, then the token, \[MS-SMB\] section 2.2.4.5.2.1.
                super::token(&mut sheet.part(self.bytes + 16..self.end), names);
            }
            (SESSION_SETUP, false) if self.count == 12 => self.token(sheet, 7, names),
            (SESSION_SETUP, true) if self.count == 4 => self.token(sheet, 3, names),
            (TREE_CONNECT, false) => {
                let password = self.word(sheet, 3);
                self.text(sheet, self.bytes + password, names);
            }
            (CREATE, false) => self.text(sheet, self.bytes, names),
            (READ, true) => self.data(sheet, 5, 6, names),
            (WRITE, false) => self.data(sheet, 10, 11, names),
            (TRANSACTION, false) => {
                self.text(sheet, self.bytes, names);
                self.data(sheet, 11, 12, names);
            }
            (TRANSACTION, true) => self.data(sheet, 6, 7, names),
            _ => {}
        }
    }

    fn dialects(&self, sheet: &mut Sheet<'_>) {
        let mut at = self.bytes;
        let old = sheet.old.get(..self.end.min(sheet.len())).unwrap_or_default();
        let rest = old.get(at..).unwrap_or_default();
        for dialect in rest.split_inclusive(|byte| *byte == 0) {
            let name = dialect.strip_prefix(&[2]).and_then(|name| name.strip_suffix(&[0]));
            sheet.keep(at..at + 1);
            if name.is_some_and(|name| DIALECTS.contains(&name) || name.starts_with(b"Samba")) {
                sheet.keep(at..at + dialect.len());
            }
            at += dialect.len();
        }
    }

    /// A security token at the beginning of the bytes, its length in a word. The names of
    /// systems behind it stay blank.
    fn token(&self, sheet: &mut Sheet<'_>, word: usize, names: &mut Pseudonyms) {
        let end = (self.bytes + self.word(sheet, word)).min(self.end);
        super::token(&mut sheet.part(self.bytes..end), names);
    }

    /// A string that a zero ends; in UTF-16 it begins at an even place of the message.
    fn text(&self, sheet: &mut Sheet<'_>, at: usize, names: &mut Pseudonyms) {
        let end = self.end.min(sheet.len());
        if self.is_unicode {
            let at = at.next_multiple_of(2);
            let units = sheet.old.get(at..end).unwrap_or_default().chunks_exact(2);
            let length = 2 * units.take_while(|unit| *unit != [0, 0]).count();
            sheet.wide(at..at + length, Numbers::Replace, names);
        } else {
            let bytes = sheet.old.get(at..end).unwrap_or_default();
            let length = bytes.iter().take_while(|byte| **byte != 0).count();
            sheet.text(at..at + length, Numbers::Replace, names);
        }
    }

    /// Data that two words place: of a pipe, of a mailslot, of a file.
    fn data(&self, sheet: &mut Sheet<'_>, length: usize, offset: usize, names: &mut Pseudonyms) {
        let (length, offset) = (self.word(sheet, length), self.word(sheet, offset));
        if offset < self.bytes {
            return;
        }
        let slot = sheet.old.get(self.bytes..self.end.min(sheet.len())).unwrap_or_default();
        let is_browse = slot.starts_with(b"\\MAILSLOT\\BROWSE\0");
        let mut data = sheet.part(offset..offset + length);
        if is_browse && self.command == TRANSACTION {
            announcement(&mut data, names);
        } else {
            super::smb::call(&mut data, names);
        }
    }
}

/// A frame of the browser protocol, \[MS-BRWS\] section 2.2: its kind; of announcements of hosts
/// and domains also the name and what the machine serves.
fn announcement(sheet: &mut Sheet<'_>, names: &mut Pseudonyms) {
    const NAME: core::ops::Range<usize> = 6..22;
    const BEHIND_NAME: usize = 32;
    sheet.keep(0..1);
    if matches!(sheet.byte(0), Some(1 | 12 | 15)) {
        sheet.keep(1..NAME.start);
        let end = sheet.get(NAME).and_then(|name| name.iter().position(|byte| *byte == 0));
        sheet.text(NAME.start..NAME.start + end.unwrap_or(NAME.len()), Numbers::Replace, names);
        sheet.keep(NAME.end..BEHIND_NAME);
    }
}
