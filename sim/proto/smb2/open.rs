//! Files and pipes that are open on a share, for both versions of SMB.

use std::fmt::{self, Display, Write as _};

use super::super::dcerpc::Association;
use super::super::{
    Activity, Context, Dialogue as _, Held, Id, Kind, Observer, Outcome, Side, Utf8, Utf16,
};
use crate::base::Timestamp;

/// Bytes kept of a file's name: a path of Windows has 260 characters, of two bytes each.
const NAME_MAX: usize = 1024;

/// What is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::proto) enum What {
    /// A file, or a pipe: the share is not known. What passes will tell.
    #[default]
    Unknown,
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A named pipe.
    Pipe,
}

/// A name as it was sent, kept.
#[derive(Debug, Default)]
pub(in crate::proto) struct Name {
    bytes: Vec<u8>,
    is_unicode: bool,
    /// It begins with server and share, \[MS-SMB2\] 2.2.13.
    is_dfs: bool,
}

impl Name {
    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// Keeps `bytes` in place of what was kept.
    pub fn set(&mut self, bytes: &[u8], is_unicode: bool, is_dfs: bool) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes.get(..NAME_MAX).unwrap_or(bytes));
        (self.is_unicode, self.is_dfs) = (is_unicode, is_dfs);
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_unicode { Utf16(&self.bytes).fmt(f) } else { Utf8(&self.bytes).fmt(f) }
    }
}

/// A request to read or write.
#[derive(Debug, Clone, Copy)]
pub(in crate::proto) struct Transfer {
    time: Timestamp,
    asked_by: Side,
    is_write: bool,
}

impl Transfer {
    /// A request by the sender of the message that `context` is of.
    pub fn new(is_write: bool, context: &Context) -> Self {
        Self { time: context.time, asked_by: context.side, is_write }
    }
}

/// One open file or pipe.
#[derive(Debug, Default)]
pub(in crate::proto) struct Open {
    /// What it is.
    pub what: What,
    /// Its path in the share.
    pub name: Name,
    association: Association,
    /// When something was first read or written, and who wanted it.
    first: Option<(Timestamp, Side)>,
    /// Requests to read or write without an answer yet.
    waiting: u32,
    asked_to_write: bool,
    has_read: bool,
    has_written: bool,
    failure: Option<Outcome>,
}

impl Open {
    /// As newly opened, by the account of a session where that is known; memory kept.
    pub fn begin(&mut self, what: What, account: Option<&Held>) {
        self.what = what;
        self.name.set(&[], true, false);
        self.association.reset();
        if let Some(account) = account {
            self.association.set_account(account);
        }
        (self.first, self.waiting, self.failure) = (None, 0, None);
        (self.asked_to_write, self.has_read, self.has_written) = (false, false, false);
    }

    /// Notes that somebody wants to read or write.
    pub fn ask(&mut self, asked: &Transfer) {
        self.first.get_or_insert((asked.time, asked.asked_by));
        self.asked_to_write |= asked.is_write;
        self.waiting = self.waiting.saturating_add(1);
    }

    /// Notes what became of it, and of how many bytes. It may have been asked for before the file
    /// was known.
    pub fn answer(&mut self, asked: &Transfer, outcome: Outcome, bytes: usize) {
        self.first.get_or_insert((asked.time, asked.asked_by));
        self.asked_to_write |= asked.is_write;
        self.waiting = self.waiting.saturating_sub(1);
        match outcome {
            Outcome::Success => {
                self.has_read |= !asked.is_write && bytes > 0;
                self.has_written |= asked.is_write && bytes > 0;
            }
            failure => self.failure = Some(failure),
        }
    }

    /// Hands what passes through a pipe on. What is read from or written to a file is nobody's
    /// business here.
    pub fn pass(
        &mut self,
        bytes: &[u8],
        is_clipped: bool,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        if self.what == What::Unknown && !bytes.is_empty() {
            self.what = if begins_rpc(bytes) { What::Pipe } else { What::File };
        }
        if self.what == What::Pipe {
            self.association.bytes(bytes, context, out);
            if is_clipped {
                self.association.gap(context.side);
            }
        }
    }

    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        self.name.memory() + self.association.memory()
    }

    /// Bytes that `side` sent were lost.
    pub fn gap(&mut self, side: Side) {
        if self.what == What::Pipe {
            self.association.gap(side);
        }
    }

    /// It is closed: tells what was copied by whom to or from which share.
    pub fn end(
        &mut self,
        protocol: Id,
        principal: Option<&dyn Display>,
        share: Option<&dyn Display>,
        out: &mut dyn Observer,
    ) {
        self.association.finish(out);
        self.association.reset();
        let (Some((time, asked_by)), What::File | What::Unknown) = (self.first, self.what) else {
            return;
        };
        let outcome = match self.failure {
            _ if self.has_read || self.has_written => Outcome::Success,
            Some(failure) => failure,
            None if self.waiting > 0 => Outcome::Unanswered,
            None => return, // an empty file was read
        };
        let is_write = self.has_written || self.asked_to_write && !self.has_read;
        let target = Target { share, name: &self.name };
        out.activity(&Activity {
            kind: Kind::FileCopy,
            protocol,
            time,
            asked_by,
            principal,
            target: Some(&target),
            detail: Some(if is_write { &"write" } else { &"read" }),
            outcome,
        });
    }
}

/// Whether a connection-oriented packet of DCE/RPC begins with `bytes`, C706 section 12.6.1.
fn begins_rpc(bytes: &[u8]) -> bool {
    matches!(bytes, [5, 0 | 1, 0..=20, _, 0x10 | 0x00, ..])
}

/// `\\server\share\path`.
struct Target<'a> {
    share: Option<&'a dyn Display>,
    name: &'a Name,
}

impl Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_backslash = self.name.bytes.first() == Some(&b'\\');
        if self.name.is_dfs {
            return write!(f, "{}{}", if has_backslash { "\\" } else { "\\\\" }, self.name);
        }
        if let Some(share) = self.share {
            share.fmt(f)?;
        }
        if !has_backslash {
            f.write_char('\\')?;
        }
        self.name.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path_from_the_server_on() {
        let show = |name: &str, is_dfs| {
            let mut kept = Name::default();
            kept.set(name.as_bytes(), false, is_dfs);
            Target { share: Some(&r"\\dc1\sysvol"), name: &kept }.to_string()
        };
        assert_eq!(show(r"lab\gpt.ini", false), r"\\dc1\sysvol\lab\gpt.ini");
        assert_eq!(show(r"\lab\gpt.ini", false), r"\\dc1\sysvol\lab\gpt.ini"); // SMB1
        assert_eq!(show(r"dc1\sysvol\gpt.ini", true), r"\\dc1\sysvol\gpt.ini");
        assert_eq!(show(r"\dc1\sysvol\gpt.ini", true), r"\\dc1\sysvol\gpt.ini"); // SMB1
    }
}
