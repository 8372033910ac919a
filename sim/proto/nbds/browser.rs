//! The browser protocol, \[MS-BRWS\] section 2.2: who is there, and who keeps the list.

use super::zero_terminated;
use crate::wire::{Reader, WireError, Writer, wire_struct};

/// Commands, \[MS-BRWS\] section 2.2: a host is there.
pub const HOST_ANNOUNCEMENT: u8 = 0x01;
const ANNOUNCEMENT_REQUEST: u8 = 0x02;
const REQUEST_ELECTION: u8 = 0x08;
const GET_BACKUP_LIST_REQUEST: u8 = 0x09;
const GET_BACKUP_LIST_RESPONSE: u8 = 0x0a;
const BECOME_BACKUP: u8 = 0x0b;
/// A domain or work group is there, and who keeps its list.
pub const DOMAIN_ANNOUNCEMENT: u8 = 0x0c;
const MASTER_ANNOUNCEMENT: u8 = 0x0d;
const RESET_STATE_REQUEST: u8 = 0x0e;
/// A host is there, and keeps the list of its subnet.
pub const LOCAL_MASTER_ANNOUNCEMENT: u8 = 0x0f;

wire_struct! {
    /// Announcement of a host or domain behind its command, \[MS-BRWS\] sections 2.2.1, 2.2.6
    /// and 2.2.10.
    pub struct Announcement / AnnouncementView [31] {
        /// Counts announcements that say something new.
        0 update_count: be u8,
        /// Milliseconds until the next one.
        1 period_milliseconds: le u32,
        /// Name of the host or domain, filled up with zeros.
        5 name: raw [u8; 16],
        /// Version of the operating system, major and minor.
        21 os_version: raw [u8; 2],
        /// What it offers: bits of \[MS-BRWS\] section 2.2.1.
        23 server_type: le u32,
        /// Version of the protocol, minor and major.
        27 browser_version: raw [u8; 2],
        /// 0xaa55; of a domain whatever its master chose.
        29 signature: le u16,
    }
}

wire_struct! {
    /// Who would keep the list, \[MS-BRWS\] section 2.2.3.
    pub struct Election / ElectionView [13] {
        /// Version of the election.
        0 version: be u8,
        /// Highest wins.
        1 criteria: le u32,
        /// Milliseconds since the start of the host.
        5 uptime_milliseconds: le u32,
        /// Zero.
        9 unused: le u32,
    }
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Browser<'a> {
    /// A host or domain is there: command, what it says, and a comment, or of a domain the name
    /// of its master.
    Announcement(u8, Announcement, &'a [u8]),
    /// Announcements are wanted, to this name.
    AnnouncementRequest(u8, &'a [u8]),
    /// A vote, and who votes.
    Election(Election, &'a [u8]),
    /// A list is wanted: servers at most, and a token.
    BackupListRequest(u8, u32),
    /// The list: how many, the token, names with a zero byte behind each.
    BackupListResponse(u8, u32, &'a [u8]),
    /// A host shall keep a copy.
    BecomeBackup(&'a [u8]),
    /// The master of a subnet speaks to the master of the domain.
    MasterAnnouncement(&'a [u8]),
    /// Stop or forget.
    ResetState(u8),
    /// Any other command, and what follows it.
    Other(u8, &'a [u8]),
}

impl<'a> Browser<'a> {
    /// Reads what was written to the mailslot.
    ///
    /// # Errors
    /// Truncation.
    pub fn parse(data: &'a [u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new("nbds::Browser", data);
        let command = r.byte()?;
        Ok(match command {
            HOST_ANNOUNCEMENT | DOMAIN_ANNOUNCEMENT | LOCAL_MASTER_ANNOUNCEMENT => {
                Self::Announcement(command, Announcement::parse(r)?, zero_terminated(r))
            }
            ANNOUNCEMENT_REQUEST => Self::AnnouncementRequest(r.byte()?, zero_terminated(r)),
            REQUEST_ELECTION => Self::Election(Election::parse(r)?, zero_terminated(r)),
            GET_BACKUP_LIST_REQUEST => {
                Self::BackupListRequest(r.byte()?, u32::from_le_bytes(*r.array()?))
            }
            GET_BACKUP_LIST_RESPONSE => {
                let (count, token) = (r.byte()?, u32::from_le_bytes(*r.array()?));
                Self::BackupListResponse(count, token, r.remainder())
            }
            BECOME_BACKUP => Self::BecomeBackup(zero_terminated(r)),
            MASTER_ANNOUNCEMENT => Self::MasterAnnouncement(zero_terminated(r)),
            RESET_STATE_REQUEST => Self::ResetState(r.byte()?),
            command => Self::Other(command, r.remainder()),
        })
    }

    /// Appends the message.
    pub fn emit(&self, w: &mut Writer<'_>) {
        w.byte(self.command());
        let text = match *self {
            Self::Announcement(_, announcement, text) => {
                announcement.emit(w);
                text
            }
            Self::AnnouncementRequest(flags, text) => {
                w.byte(flags);
                text
            }
            Self::Election(election, text) => {
                election.emit(w);
                text
            }
            Self::BecomeBackup(text) | Self::MasterAnnouncement(text) => text,
            Self::BackupListRequest(count, token) => {
                w.byte(count);
                return w.bytes(&token.to_le_bytes());
            }
            Self::BackupListResponse(count, token, names) => {
                w.byte(count);
                w.bytes(&token.to_le_bytes());
                return w.bytes(names);
            }
            Self::ResetState(what) => return w.byte(what),
            Self::Other(_, rest) => return w.bytes(rest),
        };
        w.bytes(text);
        w.byte(0);
    }

    /// The command that it begins with.
    pub const fn command(&self) -> u8 {
        match *self {
            Self::Announcement(command, ..) | Self::Other(command, _) => command,
            Self::AnnouncementRequest(..) => ANNOUNCEMENT_REQUEST,
            Self::Election(..) => REQUEST_ELECTION,
            Self::BackupListRequest(..) => GET_BACKUP_LIST_REQUEST,
            Self::BackupListResponse(..) => GET_BACKUP_LIST_RESPONSE,
            Self::BecomeBackup(_) => BECOME_BACKUP,
            Self::MasterAnnouncement(_) => MASTER_ANNOUNCEMENT,
            Self::ResetState(_) => RESET_STATE_REQUEST,
        }
    }
}

/// Name of a command in the words of \[MS-BRWS\] section 2.2.
pub const fn command_name(command: u8) -> Option<&'static str> {
    Some(match command {
        HOST_ANNOUNCEMENT => "HostAnnouncement",
        ANNOUNCEMENT_REQUEST => "AnnouncementRequest",
        REQUEST_ELECTION => "RequestElection",
        GET_BACKUP_LIST_REQUEST => "GetBackupListRequest",
        GET_BACKUP_LIST_RESPONSE => "GetBackupListResponse",
        BECOME_BACKUP => "BecomeBackup",
        DOMAIN_ANNOUNCEMENT => "DomainAnnouncement",
        MASTER_ANNOUNCEMENT => "MasterAnnouncement",
        RESET_STATE_REQUEST => "ResetStateRequest",
        LOCAL_MASTER_ANNOUNCEMENT => "LocalMasterAnnouncement",
        _ => return None,
    })
}
