//! The table of activities: each a function that renders one item of the plan.

mod dns;
mod kerberos;
mod ldap;
mod local;
mod remote;
mod rpc;
mod smb;
mod whole;

pub(super) use dns::Cache;
pub use ldap::Pool;
pub(super) use smb::link::Link;

use super::{Cast, Stage};

/// A text as Windows writes it: UTF-16, little-endian.
fn wide(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(2 * text.len());
    text.encode_utf16().for_each(|unit| bytes.extend_from_slice(&unit.to_le_bytes()));
    bytes
}

impl Activity {
    /// Whether something is left of it: tickets or connections that the client keeps, connections
    /// that end when nobody has used them for a while, later parts. Of what began before the start
    /// and is not seen, only that counts.
    pub(super) const fn is_remembered(self) -> bool {
        !matches!(
            self,
            Self::DnsLookup
                | Self::DnsOutside
                | Self::DnsMissing
                | Self::DnsLocate
                | Self::DnsReverse
                | Self::ManagedNames
                | Self::NetlogonPing
                | Self::NbnsQuery
                | Self::NbnsRegister
                | Self::NbnsBroadcast
                | Self::BrowserAnnounce
                | Self::TimeRequest
                | Self::NeighbourCheck
                | Self::DhcpLease
                | Self::DhcpRenew
                | Self::LdapSimple
                | Self::LdapSimpleBind
                | Self::LdapNtlm
                | Self::LdapTls
                | Self::RdpAttempt
                | Self::NameProbe
        )
    }
}

/// Makes [`Activity`] from rows of documentation, variant, name and function.
macro_rules! activities {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal => $render:path),+ $(,)?) => {
        /// What a client does: an item of the plan, or a part of one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Activity {
            $($(#[doc = $doc])+ $variant),+
        }

        impl Activity {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in files.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// The activity of that name.
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|activity| activity.name() == name)
            }

            /// Whether the domain controller has the role that this needs: what it does not serve,
            /// is not seen at it.
            pub fn is_served(self, cast: &Cast) -> bool {
                let dc = cast.estate.domain_controllers().get(cast.dc);
                let roles = dc.map(|dc| dc.roles).unwrap_or_default();
                match self {
                    Self::DnsLookup
                    | Self::DnsOutside
                    | Self::DnsMissing
                    | Self::DnsLocate
                    | Self::DnsReverse
                    | Self::DnsUpdate
                    | Self::ManagedNames => roles.dns,
                    Self::NbnsQuery | Self::NbnsRegister => roles.wins,
                    Self::DhcpLease | Self::DhcpRenew => roles.dhcp,
                    Self::VpnStart | Self::VpnInterim | Self::VpnStop => roles.radius_accounting,
                    Self::NameProbe => roles.sensor,
                    _ => true,
                }
            }

            /// Puts it on stage.
            pub(super) fn render(self, stage: &mut Stage<'_>) {
                match self {
                    $(Self::$variant => $render(stage)),+
                }
            }
        }
    };
}

activities! {
    /// A client asks for a name of the domain.
    DnsLookup = "dns-lookup" => dns::lookup,
    /// A client asks for a name outside the domain; where it is not cached, the server asks a forwarder.
    DnsOutside = "dns-outside" => dns::outside,
    /// A client asks for a name that does not exist.
    DnsMissing = "dns-missing" => dns::missing,
    /// A client looks for domain controllers: SRV records of its site and of all.
    DnsLocate = "dns-locate" => dns::locate,
    /// A client asks for the name of an address.
    DnsReverse = "dns-reverse" => dns::reverse,
    /// A client registers its name: refused unsigned, then signed.
    DnsUpdate = "dns-update" => dns::update,
    /// A managed device asks for the cloud's names; argument: how many.
    ManagedNames = "managed-names" => dns::managed,
    /// A client asks a domain controller over CLDAP what it is.
    NetlogonPing = "netlogon-ping" => local::ping,
    /// A client asks its NetBIOS name server for a name.
    NbnsQuery = "nbns-query" => local::nbns_query,
    /// A client registers its NetBIOS names.
    NbnsRegister = "nbns-register" => local::nbns_register,
    /// A client asks everybody for a NetBIOS name, three times.
    NbnsBroadcast = "nbns-broadcast" => local::nbns_broadcast,
    /// A client announces itself to the browser service.
    BrowserAnnounce = "browser-announce" => local::browser,
    /// A client asks for the time, as MS-SNTP does.
    TimeRequest = "time-request" => local::time,
    /// A client gets an address.
    DhcpLease = "dhcp-lease" => local::lease,
    /// A client keeps its address.
    DhcpRenew = "dhcp-renew" => local::renew,
    /// A client in the subnet of the domain controller, or that and its router, make sure that the other is there.
    NeighbourCheck = "neighbour-check" => local::neighbour,
    /// A computer or person gets a ticket-granting ticket, or fails; argument: 0 the computer, 1 the person.
    KerberosLogon = "kerberos-logon" => kerberos::logon,
    /// A run of service tickets; argument: how many.
    ServiceTickets = "service-tickets" => kerberos::tickets,
    /// A ticket-granting ticket is renewed.
    TicketRenewal = "ticket-renewal" => kerberos::renewal,
    /// A person changes the password over kpasswd.
    KerberosPassword = "kerberos-password" => kerberos::password,
    /// A connection with a SASL bind and sealed searches; argument: searches.
    LdapConnection = "ldap-connection" => ldap::connection,
    /// A connection with a simple bind and a clear search.
    LdapSimple = "ldap-simple" => ldap::simple,
    /// A connection that binds with a ticket and unbinds: what nearly half of the reference's do.
    LdapBind = "ldap-bind" => ldap::bind_alone,
    /// A connection that binds with two passwords in the clear and unbinds.
    LdapSimpleBind = "ldap-simple-bind" => ldap::simple_alone,
    /// A connection that binds with NTLM.
    LdapNtlm = "ldap-ntlm" => ldap::ntlm,
    /// A connection inside TLS.
    LdapTls = "ldap-tls" => ldap::tls,
    /// A search of an application on its pooled connection.
    LdapApplication = "ldap-application" => ldap::application,
    /// An application's pooled connection is closed where it is idle; argument: its number.
    LdapIdle = "ldap-idle" => ldap::idle,
    /// The searches for group policy; argument: 0 the computer's, 1 the person's.
    GpoSearches = "gpo-searches" => ldap::policies,
    /// The schema is read: a very large answer.
    LdapSchema = "ldap-schema" => ldap::schema,
    /// A device looks for where to register, and writes its certificate.
    DeviceRegistration = "device-registration" => ldap::registration,
    /// The Intune connector creates a computer account.
    IntuneConnector = "intune-connector" => ldap::connector,
    /// A client asks the endpoint mapper for a port.
    EndpointMap = "endpoint-map" => rpc::map,
    /// A computer sets up its secure channel.
    SecureChannel = "secure-channel" => rpc::channel,
    /// A server has an NTLM logon validated over its secure channel.
    NtlmValidation = "ntlm-validation" => rpc::validation,
    /// A computer changes its password.
    MachinePassword = "machine-password" => rpc::machine_password,
    /// Names to security identifiers or back; argument: how many calls.
    LsaLookup = "lsa-lookup" => rpc::lsa,
    /// A trust is asked for.
    LsaTrust = "lsa-trust" => rpc::trust,
    /// An account is looked up through SAM-R.
    SamrChain = "samr-chain" => rpc::samr,
    /// DsBind, DsCrackNames, DsUnbind.
    CrackNames = "crack-names" => rpc::crack,
    /// A computer writes its service principal names.
    WriteSpn = "write-spn" => rpc::spn,
    /// Another domain controller replicates from this one, or this one from it.
    Replication = "replication" => rpc::replicate,
    /// A session with Kerberos: IPC$, referral, pipe; argument: calls on the pipe.
    SmbSession = "smb-session" => smb::session,
    /// A client gives up a session that has been idle; argument: which one.
    SmbIdle = "smb-idle" => smb::idle,
    /// Policies are read from SYSVOL; argument: policies, with 65,536 added the person's.
    SysvolRead = "sysvol-read" => smb::sysvol,
    /// Files are read and written.
    FileSession = "file-session" => smb::files,
    /// The spooler is asked.
    PrintSession = "print-session" => smb::print,
    /// Somebody lists the sessions of the server.
    SessionEnumeration = "session-enumeration" => smb::sessions,
    /// A session with NTLM, now and then refused.
    SmbNtlm = "smb-ntlm" => smb::ntlm,
    /// A VPN session begins: RADIUS accounting.
    VpnStart = "vpn-start" => remote::start,
    /// A VPN session goes on; argument: seconds since it began.
    VpnInterim = "vpn-interim" => remote::interim,
    /// A VPN session ends; argument: seconds since it began.
    VpnStop = "vpn-stop" => remote::stop,
    /// Somebody begins a remote desktop session.
    RdpAttempt = "rdp-attempt" => remote::rdp,
    /// The sensor asks this client's address for its name; argument: 1 where the client is off.
    NameProbe = "name-probe" => remote::probe,
    /// A computer starts.
    Boot = "boot" => whole::boot,
    /// A person logs on.
    Logon = "logon" => whole::logon,
    /// A person unlocks the screen.
    Unlock = "unlock" => whole::unlock,
    /// Group policy is refreshed; argument: 0 the computer's, 1 the person's.
    GpoRefresh = "gpo-refresh" => whole::gpo,
    /// A person on an Entra-joined device uses a resource of the domain.
    CloudLogon = "cloud-logon" => whole::cloud,
    /// A new device enrols with Autopilot.
    AutopilotEnrolment = "autopilot-enrolment" => whole::enrol,
    /// A device joins the domain and Entra ID.
    HybridJoin = "hybrid-join" => whole::hybrid,
}
