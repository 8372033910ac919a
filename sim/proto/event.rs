//! What protocol files tell about a message: to whom, in which words.
//!
//! A parser is handed whole messages of one flow in order, remembers in its [`Dialogue`] what a
//! later message needs, and tells an [`Observer`] three kinds of things: each message with its
//! [`Tally`], each [`Activity`] once its outcome is known, and each [`Hint`] about who is who.

use std::fmt::Display;
use std::net::IpAddr;

use super::dcerpc::Syntax;
use super::{Held, Message, Transport};
use crate::base::Timestamp;
use crate::wire::WireError;

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who opened the flow.
    Client,
    /// Who was spoken to.
    Server,
}

impl Side {
    /// Who received it.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    /// Place in a pair of directions.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Where a message was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// What carries it.
    pub transport: Transport,
    /// Who sent it.
    pub side: Side,
    /// When its last byte was captured.
    pub time: Timestamp,
    /// Its length on the wire in bytes, record mark included. The input is shorter where the
    /// capture cut it, or where [`Protocol::needed`](super::Protocol::needed) wanted no more.
    pub length: usize,
    /// Bytes were lost behind the input: what is missing will not come.
    pub is_cut: bool,
}

/// How well a message was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Read to its end.
    Parsed,
    /// Its outer structure was read; what is inside is encrypted, compressed or not looked into.
    Opaque,
    /// The capture does not hold all of it; what is there was read.
    Cut,
}

/// What is counted of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Command, type or code, in the numbers of its protocol; for its name see
    /// [`Protocol::operation`](super::Protocol::operation).
    pub operation: u32,
    /// Sent in answer to another message.
    pub is_answer: bool,
    /// Bytes, record mark included; of a message inside another, its own.
    pub bytes: usize,
    /// How well it was understood.
    pub quality: Quality,
}

/// What the sensor derives from traffic, and some more that a domain controller answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Kerberos authentication exchange, RFC 4120 section 3.1.
    KerberosLogon,
    /// Ticket-granting exchange, RFC 4120 section 3.3.
    ServiceTicket,
    /// Access to a service with a Kerberos ticket, RFC 4120 section 3.2.
    KerberosAccess,
    /// NTLM authentication, \[MS-NLMP\] section 1.3.1.
    NtlmLogon,
    /// Pass-through validation of an NTLM logon, \[MS-APDS\] section 3.1.
    CredentialValidation,
    /// LDAP simple bind with a password that is not inside TLS, RFC 4513 section 5.1.3.
    LdapClearTextBind,
    /// Any other LDAP bind, RFC 4511 section 4.2.
    LdapBind,
    /// LDAP search, RFC 4511 section 4.5.
    LdapQuery,
    /// LDAP modify, add, delete or modify DN, RFC 4511 sections 4.6 to 4.9.
    LdapChange,
    /// LDAP search for a domain controller, \[MS-ADTS\] section 6.3.3.
    NetlogonPing,
    /// A call of the account manager, \[MS-SAMR\].
    SamrQuery,
    /// A change through the account manager, \[MS-SAMR\].
    SamrChange,
    /// Names to security identifiers or back, \[MS-LSAT\].
    LsaLookup,
    /// Any other call of the security authority, \[MS-LSAD\].
    LsaQuery,
    /// A secret read through the security authority or the backup-key service, \[MS-LSAD\]
    /// section 3.1.4.6.6, \[MS-BKRP\].
    PrivateDataRetrieval,
    /// Sessions of a server listed, \[MS-SRVS\] section 3.1.4.5.
    SessionEnumeration,
    /// Any other call of the server or workstation service, \[MS-SRVS\], \[MS-WKST\].
    ServerQuery,
    /// A file written to or read from a share.
    FileCopy,
    /// A share connected, \[MS-SMB2\] section 2.2.9.
    ShareAccess,
    /// A service created or changed, \[MS-SCMR\].
    ServiceCreation,
    /// Any other call of the service control manager, \[MS-SCMR\].
    ServiceQuery,
    /// A task registered or run, \[MS-TSCH\].
    TaskScheduling,
    /// A call of the remote registry, \[MS-RRP\].
    RemoteRegistry,
    /// Objects replicated, \[MS-DRSR\] section 4.1.10 (IDL_DRSGetNCChanges).
    Replication,
    /// Any other call of the replication interface, \[MS-DRSR\].
    DirectoryQuery,
    /// A secure-channel or locator call, \[MS-NRPC\].
    NetlogonCall,
    /// Management instrumentation, \[MS-WMI\].
    WmiExecution,
    /// Any other remote procedure call.
    RemoteCall,
    /// A DNS query of a type that the sensor watches (AXFR, TXT, MX, NS, SRV, ANY, DNSKEY).
    DnsQuery,
    /// Any other DNS query.
    DnsLookup,
    /// A DNS dynamic update, RFC 2136.
    DnsUpdate,
    /// A name asked for or announced with mDNS, LLMNR or NetBIOS.
    LocalNameQuery,
    /// A VPN session begun, continued or ended, RFC 2866.
    VpnSession,
    /// A RADIUS access request, RFC 2865.
    RadiusLogon,
    /// An attempt to begin a remote desktop session, \[MS-RDPBCGR\] section 2.2.1.1.
    RdpAttempt,
    /// A password changed or set, RFC 3244, \[MS-SAMR\] section 3.1.5.10.
    PasswordChange,
    /// A TLS handshake begun.
    TlsHandshake,
    /// The time asked for, \[MS-SNTP\].
    TimeRequest,
    /// An address asked for, RFC 2131.
    AddressLease,
}

impl Kind {
    /// All of them, in report order.
    pub const ALL: &'static [Self] = &[
        Self::KerberosLogon,
        Self::ServiceTicket,
        Self::KerberosAccess,
        Self::NtlmLogon,
        Self::CredentialValidation,
        Self::LdapClearTextBind,
        Self::LdapBind,
        Self::LdapQuery,
        Self::LdapChange,
        Self::NetlogonPing,
        Self::SamrQuery,
        Self::SamrChange,
        Self::LsaLookup,
        Self::LsaQuery,
        Self::PrivateDataRetrieval,
        Self::SessionEnumeration,
        Self::ServerQuery,
        Self::FileCopy,
        Self::ShareAccess,
        Self::ServiceCreation,
        Self::ServiceQuery,
        Self::TaskScheduling,
        Self::RemoteRegistry,
        Self::Replication,
        Self::DirectoryQuery,
        Self::NetlogonCall,
        Self::WmiExecution,
        Self::RemoteCall,
        Self::DnsQuery,
        Self::DnsLookup,
        Self::DnsUpdate,
        Self::LocalNameQuery,
        Self::VpnSession,
        Self::RadiusLogon,
        Self::RdpAttempt,
        Self::PasswordChange,
        Self::TlsHandshake,
        Self::TimeRequest,
        Self::AddressLease,
    ];

    /// Name in data, e.g. `kerberos_logon`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::KerberosLogon => "kerberos_logon",
            Self::ServiceTicket => "service_ticket",
            Self::KerberosAccess => "kerberos_access",
            Self::NtlmLogon => "ntlm_logon",
            Self::CredentialValidation => "credential_validation",
            Self::LdapClearTextBind => "ldap_clear_text_bind",
            Self::LdapBind => "ldap_bind",
            Self::LdapQuery => "ldap_query",
            Self::LdapChange => "ldap_change",
            Self::NetlogonPing => "netlogon_ping",
            Self::SamrQuery => "samr_query",
            Self::SamrChange => "samr_change",
            Self::LsaLookup => "lsa_lookup",
            Self::LsaQuery => "lsa_query",
            Self::PrivateDataRetrieval => "private_data_retrieval",
            Self::SessionEnumeration => "session_enumeration",
            Self::ServerQuery => "server_query",
            Self::FileCopy => "file_copy",
            Self::ShareAccess => "share_access",
            Self::ServiceCreation => "service_creation",
            Self::ServiceQuery => "service_query",
            Self::TaskScheduling => "task_scheduling",
            Self::RemoteRegistry => "remote_registry",
            Self::Replication => "replication",
            Self::DirectoryQuery => "directory_query",
            Self::NetlogonCall => "netlogon_call",
            Self::WmiExecution => "wmi_execution",
            Self::RemoteCall => "remote_call",
            Self::DnsQuery => "dns_query",
            Self::DnsLookup => "dns_lookup",
            Self::DnsUpdate => "dns_update",
            Self::LocalNameQuery => "local_name_query",
            Self::VpnSession => "vpn_session",
            Self::RadiusLogon => "radius_logon",
            Self::RdpAttempt => "rdp_attempt",
            Self::PasswordChange => "password_change",
            Self::TlsHandshake => "tls_handshake",
            Self::TimeRequest => "time_request",
            Self::AddressLease => "address_lease",
        }
    }

    /// Name to show to people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::KerberosLogon => "Kerberos logon",
            Self::ServiceTicket => "Kerberos service ticket",
            Self::KerberosAccess => "Kerberos resource access",
            Self::NtlmLogon => "NTLM logon",
            Self::CredentialValidation => "NTLM credential validation",
            Self::LdapClearTextBind => "LDAP clear-text bind",
            Self::LdapBind => "LDAP bind",
            Self::LdapQuery => "LDAP query",
            Self::LdapChange => "LDAP change",
            Self::NetlogonPing => "Domain controller locator ping",
            Self::SamrQuery => "SAM-R query",
            Self::SamrChange => "SAM-R change",
            Self::LsaLookup => "LSA lookup",
            Self::LsaQuery => "LSA query",
            Self::PrivateDataRetrieval => "Private data retrieval",
            Self::SessionEnumeration => "SMB session enumeration",
            Self::ServerQuery => "Server or workstation query",
            Self::FileCopy => "SMB file copy",
            Self::ShareAccess => "SMB share access",
            Self::ServiceCreation => "Service creation",
            Self::ServiceQuery => "Service control query",
            Self::TaskScheduling => "Task scheduling",
            Self::RemoteRegistry => "Remote registry",
            Self::Replication => "Directory replication",
            Self::DirectoryQuery => "Directory service call",
            Self::NetlogonCall => "Netlogon call",
            Self::WmiExecution => "WMI execution",
            Self::RemoteCall => "Other remote call",
            Self::DnsQuery => "DNS query of a watched type",
            Self::DnsLookup => "DNS lookup",
            Self::DnsUpdate => "DNS update",
            Self::LocalNameQuery => "Local name query",
            Self::VpnSession => "VPN session",
            Self::RadiusLogon => "RADIUS logon",
            Self::RdpAttempt => "RDP attempt",
            Self::PasswordChange => "Password change",
            Self::TlsHandshake => "TLS handshake",
            Self::TimeRequest => "Time request",
            Self::AddressLease => "Address lease",
        }
    }

    /// Whether the sensor is taken to derive it from traffic: what learn.microsoft.com lists under
    /// "Monitored activities" and the logon types of "IdentityLogonEvents", and, ours, LSA lookups
    /// and the remote registry, which that list does not name. The others are what a domain
    /// controller answers besides.
    pub const fn is_monitored(self) -> bool {
        matches!(
            self,
            Self::KerberosLogon
                | Self::ServiceTicket
                | Self::KerberosAccess
                | Self::NtlmLogon
                | Self::CredentialValidation
                | Self::LdapClearTextBind
                | Self::LdapQuery
                | Self::SamrQuery
                | Self::LsaLookup
                | Self::PrivateDataRetrieval
                | Self::SessionEnumeration
                | Self::FileCopy
                | Self::ServiceCreation
                | Self::TaskScheduling
                | Self::RemoteRegistry
                | Self::Replication
                | Self::WmiExecution
                | Self::DnsQuery
                | Self::VpnSession
                | Self::RdpAttempt
        )
    }
}

/// What became of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was granted or answered.
    Success,
    /// It was refused or failed.
    Failure {
        /// The code, in the numbers of the protocol that answered.
        code: u32,
        /// Its name there, empty where we know none.
        name: &'static str,
    },
    /// It was not refused: the answer asks to go on in another way, as Kerberos asks for
    /// pre-authentication. What comes of that is an activity of its own.
    Continued {
        /// As in a failure.
        code: u32,
        /// As in a failure.
        name: &'static str,
    },
    /// No answer was captured.
    Unanswered,
    /// The answer cannot be read, or the protocol has none.
    Unknown,
}

impl Outcome {
    /// Success for code 0, else the failure, named by `name`.
    pub fn of(code: u32, name: impl FnOnce(u32) -> &'static str) -> Self {
        if code == 0 { Self::Success } else { Self::Failure { code, name: name(code) } }
    }
}

/// Something that somebody did.
#[derive(Clone, Copy)]
pub struct Activity<'a> {
    /// What.
    pub kind: Kind,
    /// The protocol that says so.
    pub protocol: super::Id,
    /// When it was asked for.
    pub time: Timestamp,
    /// Who sent the request that it began with: the flow's client, but where a server asks its
    /// client.
    pub asked_by: Side,
    /// Account in whose name, with its domain or realm: `LAB\alice`, `alice@LAB.EXAMPLE`.
    pub principal: Option<&'a dyn Display>,
    /// What it was done to or asked of: a service principal name, share, file, DNS name, base of
    /// a search, account, address.
    pub target: Option<&'a dyn Display>,
    /// The operation in the protocol's own words: `SamrOpenDomain`, `SRV`, `wholeSubtree`.
    pub detail: Option<&'a dyn Display>,
    /// What became of it.
    pub outcome: Outcome,
}

/// How the sensor asks for the name of an address: learn.microsoft.com, "Network Name
/// Resolution".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// NetBIOS node status, UDP 137.
    NetBios,
    /// NTLM over RPC, TCP 135.
    RpcNtlm,
    /// The certificate of TLS over RDP, TCP 3389.
    Rdp,
    /// Reverse lookup, DNS type PTR.
    ReverseDns,
}

/// Something about who is who.
#[derive(Clone, Copy)]
pub enum Hint<'a> {
    /// The sender of the message names itself in NTLM.
    NtlmHost(&'a dyn Display),
    /// DNS gives this name that address.
    DnsAddress(&'a dyn Display, IpAddr),
    /// Somebody asked the other side, or the DNS about the address, for a name, and got an
    /// answer or not.
    Resolution(Method, Option<IpAddr>, bool),
}

/// Who is told.
pub trait Observer {
    /// A message, or a message inside another.
    fn message(&mut self, context: &Context, message: &Message<'_>, tally: Tally);
    /// Something that somebody did, once its outcome is known.
    fn activity(&mut self, activity: &Activity<'_>);
    /// Something about who is who.
    fn hint(&mut self, context: &Context, hint: Hint<'_>);
    /// The endpoint mapper says that the flow's server has `interface` at a TCP port.
    fn learn_endpoint(&mut self, _port: u16, _interface: Syntax) {}
    /// The interface at the port of the flow's server, if the endpoint mapper told one alone.
    fn endpoint(&mut self) -> Option<Syntax> {
        None
    }
    /// A message inside another is not what it should be. The message around it goes on.
    fn malformed(&mut self, protocol: super::Id, error: WireError);
    /// A key distribution center gave `owner` the ticket with this
    /// [fingerprint](super::kerberos::Ticket::fingerprint). Whoever remembers it can tell other
    /// flows in whose name the ticket is used.
    fn learn_ticket(&mut self, _ticket: u64, _owner: &dyn Display) {}
    /// Writes into `owner` who was given the ticket, `user@REALM`. False, and nothing written,
    /// where that is not known: it was given before the capture, or by another than the observer
    /// listens to.
    fn ticket_owner(&mut self, _ticket: u64, _owner: &mut Held) -> bool {
        false
    }
}

/// What a protocol remembers of one flow between messages. Bounded, whatever the messages say;
/// it allocates, if ever, once: [`reset`](Dialogue::reset) keeps its memory for the next flow.
pub trait Dialogue: Default {
    /// Bytes that `side` sent were lost: what a later message of that side would complete is
    /// forgotten.
    fn gap(&mut self, _side: Side) {}

    /// Whether nothing is remembered that a later message could need. After a datagram an idle
    /// dialogue is given back.
    fn is_idle(&self) -> bool {
        true
    }

    /// The flow is over: what still waits for an answer is told as unanswered.
    fn finish(&mut self, _out: &mut dyn Observer) {}

    /// As new, memory kept.
    fn reset(&mut self) {}

    /// Bytes of memory it holds outside itself, used or kept. Messages make it grow, nothing else.
    fn memory(&self) -> usize {
        0
    }
}

impl Dialogue for () {}

/// Dialogues of one protocol, reused as flows come and go.
#[derive(Debug, Default)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    /// Apart, so that a place without one is small.
    dialogue: Option<Box<T>>,
    is_open: bool,
    /// Bytes of memory the dialogue took when last asked, its own included.
    bytes: usize,
    /// Bytes of messages it was told since.
    told: usize,
}

/// Bytes of memory from which on a dialogue is not asked after each message how much it holds, as
/// then it takes time to tell. Ours.
const SETTLED_BYTES: usize = 4_096;

/// It then is after messages of this part of what it held. Ours.
const SETTLED_PART: usize = 64;

impl<T: Dialogue> Slab<T> {
    /// Place of a fresh dialogue; memory that it takes anew is added to `sum`.
    pub fn open(&mut self, sum: &mut usize) -> u32 {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { dialogue: None, is_open: false, bytes: 0, told: 0 });
            u32::try_from(self.places.len() - 1).expect("flows are bounded far below 2^32")
        });
        let place = self.place(at);
        place.is_open = true;
        if place.dialogue.is_none() {
            place.dialogue = Some(Box::default());
            place.bytes = size_of::<T>();
            *sum += place.bytes;
        }
        at
    }

    /// The dialogue at a place that [`open`](Self::open) gave.
    pub fn get(&mut self, at: u32) -> &mut T {
        self.place(at).dialogue.as_mut().expect("the place is open")
    }

    /// The dialogue was told a message of `length` bytes: what memory that took is added to `sum`.
    #[inline]
    pub fn settle(&mut self, at: u32, length: usize, sum: &mut usize) {
        let place = self.place(at);
        place.told += length;
        if place.bytes < SETTLED_BYTES || place.told >= place.bytes / SETTLED_PART {
            let bytes = size_of::<T>() + place.dialogue.as_ref().map_or(0, |d| d.memory());
            *sum = (*sum + bytes).saturating_sub(place.bytes);
            (place.bytes, place.told) = (bytes, 0);
        }
    }

    /// Bytes of memory taken at a place.
    pub fn bytes(&self, at: u32) -> usize {
        self.places.get(at as usize).map_or(0, |place| place.bytes)
    }

    /// Gives a place back. Its memory is kept for the next flow, or else taken from `sum`.
    pub fn close(&mut self, at: u32, keep: bool, sum: &mut usize, out: &mut dyn Observer) {
        let place = self.place(at);
        place.is_open = false;
        if let Some(dialogue) = &mut place.dialogue {
            dialogue.finish(out);
            dialogue.reset();
        }
        if !keep {
            place.release(sum);
        }
        self.free.push(at);
    }

    /// Frees what is kept for flows to come, and takes it from `sum`.
    pub fn release(&mut self, sum: &mut usize) {
        self.places.iter_mut().filter(|place| !place.is_open).for_each(|place| place.release(sum));
    }

    fn place(&mut self, at: u32) -> &mut Place<T> {
        self.places.get_mut(at as usize).expect("the place came from `open`")
    }
}

impl<T> Place<T> {
    fn release(&mut self, sum: &mut usize) {
        *sum = sum.saturating_sub(std::mem::take(&mut self.bytes));
        (self.dialogue, self.told) = (None, 0);
    }
}
