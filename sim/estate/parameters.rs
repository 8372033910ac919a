//! Parameters of synthesized traffic: named, with unit, basis and source; the named calibrations.

use serde::Deserialize;

use super::EstateError;
use super::calibration::Calibration;

/// Makes [`Knob`] from rows of documentation, variant and name.
macro_rules! knobs {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal),+ $(,)?) => {
        /// A parameter of synthesized traffic. Its value, unit and source stand in the
        /// calibration files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Knob {
            $($(#[doc = $doc])+ $variant),+
        }

        impl Knob {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Name in files, `group.parameter`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// The parameter of that name.
            pub fn by_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|knob| knob.name() == name)
            }

            /// What it is, in words.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii()),+
                }
            }
        }
    };
}

knobs! {
    /// DNS queries of an endpoint in use, per hour.
    DnsQueries = "dns.queries_per_hour",
    /// Share of these while nobody uses it.
    DnsIdleShare = "dns.idle_share",
    /// Share of queries that ask for a name outside the domain.
    DnsOutsideShare = "dns.outside_share",
    /// Share of queries for outside names, of those that exist, that the server has not cached and
    /// forwards.
    DnsForwardedShare = "dns.forwarded_share",
    /// Share of queries for a name that does not exist.
    DnsNxdomainShare = "dns.nxdomain_share",
    /// Share of queries over TCP, of those for hosts of the domain and for names outside that are
    /// no aliases.
    DnsTcpShare = "dns.tcp_share",
    /// Share of forwarded queries to which no forwarder answers.
    DnsUnansweredShare = "dns.unanswered_share",
    /// NetBIOS name queries of an endpoint to its name server, per hour.
    NbnsQueries = "nbns.queries_per_hour",
    /// Share of these without an answer.
    NbnsUnansweredShare = "nbns.unanswered_share",
    /// Ticket requests of an endpoint in use, per hour.
    KerberosTickets = "kerberos.tickets_per_hour",
    /// Mean length of a run of ticket requests.
    KerberosRun = "kerberos.run_length",
    /// Share of Kerberos exchanges over UDP.
    KerberosUdpShare = "kerberos.udp_share",
    /// Share of logons that fail, four of five of them for a wrong password.
    KerberosBadPasswordShare = "kerberos.bad_password_share",
    /// Share of ticket requests for a service that does not exist.
    KerberosUnknownServiceShare = "kerberos.unknown_service_share",
    /// Share of people at hybrid or Entra-joined devices who log on with Windows Hello.
    KerberosCertificateShare = "kerberos.certificate_share",
    /// LDAP connections of an endpoint in use, per hour.
    LdapConnections = "ldap.connections_per_hour",
    /// Share of LDAP binds with SASL; the others are simple.
    LdapSaslShare = "ldap.sasl_share",
    /// Share of LDAP connections with a Kerberos bind that are encrypted; the others are only
    /// signed, so that what is in them can be read.
    LdapSealedShare = "ldap.sealed_share",
    /// Searches of an application on its pooled connections, per second at the peak.
    LdapApplicationSearches = "ldap.application_searches_per_second",
    /// Searches of applications for each client of the domain controller, on top of these, per
    /// second at the peak.
    LdapSearchesPerClient = "ldap.searches_per_client_per_second",
    /// Bytes of the result of an application's search, median.
    LdapResultBytes = "ldap.result_bytes",
    /// Deviation of the logarithm of these.
    LdapResultSigma = "ldap.result_sigma",
    /// Share of LDAP connections inside TLS.
    LdapsShare = "ldap.tls_share",
    /// NTLM validations of an NTLM-heavy server, per hour at the peak.
    NtlmValidations = "ntlm.validations_per_hour",
    /// Mean length of a run of NTLM validations.
    NtlmRun = "ntlm.run_length",
    /// LSA lookups of an endpoint, per hour.
    LsaLookups = "lsa.lookups_per_hour",
    /// SAM-R chains of an endpoint, per hour.
    SamrChains = "samr.chains_per_hour",
    /// DsCrackNames connections of an endpoint beside those of group policy, per hour.
    DrsuapiCalls = "drsuapi.calls_per_hour",
    /// Boots of a desktop, per day in use.
    Boots = "boot.per_day",
    /// Logons of a person, per day.
    Logons = "logon.per_day",
    /// Unlocks of a person, per day.
    Unlocks = "unlock.per_day",
    /// Least minutes between two refreshes of group policy.
    GpoBase = "gpo.base_minutes",
    /// Random minutes on top, at most.
    GpoOffset = "gpo.offset_minutes",
    /// Policies that apply to a computer or user.
    GpoCount = "gpo.policies",
    /// Files read of changed policies, per refresh.
    GpoChanged = "gpo.changed_files",
    /// Requests for the time, per endpoint and hour.
    NtpRequests = "ntp.requests_per_hour",
    /// Days between two changes of a machine password.
    MachinePasswordDays = "machine_password.days",
    /// File and print sessions of an endpoint with the domain controller, per hour.
    FileSessions = "smb.file_sessions_per_hour",
    /// Share of clients with SMB 3.1.1 whose sessions are encrypted.
    SmbEncryptedShare = "smb.encrypted_share",
    /// VPN sessions of a remote user, per day.
    VpnSessions = "vpn.sessions_per_day",
    /// Hours of a VPN session, mean.
    VpnHours = "vpn.session_hours",
    /// Seconds between two interim accounts of a session.
    VpnInterimSeconds = "vpn.interim_seconds",
    /// Names of a device that enrols with Autopilot: DNS queries in all.
    AutopilotQueries = "autopilot.dns_queries",
    /// Share of them in the first 15 minutes.
    AutopilotFirstShare = "autopilot.first_15_minutes_share",
    /// Times a day that a managed device checks in.
    ManagedCheckIns = "managed.check_ins_per_day",
    /// Addresses that the sensor asks for their name, per second and thousand clients that are on;
    /// one address every 30 s at most.
    SensorProbes = "sensor.probes_per_second",
    /// Weight of the PDC emulator where clients choose, others having 1.
    PdcWeight = "dc.pdc_weight",
    /// Least minutes of a person's activity at a stretch (Pareto).
    OnMinutes = "session.on_minutes",
    /// Exponent of these.
    OnAlpha = "session.on_alpha",
    /// Least minutes of a pause (Pareto).
    OffMinutes = "session.off_minutes",
    /// Exponent of these.
    OffAlpha = "session.off_alpha",
    /// Seconds between changes that one domain controller replicates to another.
    ReplicationSeconds = "replication.seconds",
    /// Minutes between two replications with a domain controller of another site.
    ReplicationIntersiteMinutes = "replication.intersite_minutes",
    /// 1 where clients follow the steady mix and gaps of the reference capture, without days.
    ReferenceMix = "plan.reference_mix",
    /// Mean length of a run of DNS queries.
    DnsRun = "dns.run_length",
    /// Share of the queries for the domain's own names that ask for the name of an address.
    DnsReverseShare = "dns.reverse_share",
    /// Ticket requests of a server, as a multiple of an endpoint's.
    ServerKerberosFactor = "server.kerberos_factor",
    /// LDAP connections of a server, as a multiple of an endpoint's.
    ServerLdapFactor = "server.ldap_factor",
    /// What a server does while it is backed up at night, as a multiple of the rest of the day.
    ServerBackupFactor = "server.backup_factor",
    /// Boots between 01:00 and 05:00 after the second Tuesday of a month, as a multiple of the
    /// mean hour.
    PatchNightFactor = "boot.patch_night_factor",
    /// Share of LDAP binds with NTLM.
    LdapNtlmShare = "ldap.ntlm_share",
    /// Times a day that an application reads the schema.
    LdapSchemaReads = "ldap.schema_reads_per_day",
    /// Share of file and print sessions that authenticate with NTLM.
    SmbNtlmShare = "smb.ntlm_share",
    /// Share of file and print sessions that print.
    SmbPrintShare = "smb.print_share",
    /// Times a day that an endpoint lists the sessions of the domain controller.
    SmbEnumerations = "smb.enumerations_per_day",
    /// Remote desktop sessions to the domain controller that an endpoint begins, per day.
    RdpAttempts = "rdp.attempts_per_day",
    /// Times an hour that a person on an Entra-joined device uses a resource of the domain.
    CloudLogons = "cloud.logons_per_hour",
    /// Days between two changes of a person's password.
    PasswordDays = "kerberos.password_days",
    /// Questions of an endpoint for a trust, per hour.
    LsaTrusts = "lsa.trust_queries_per_hour",
    /// Times an hour that an endpoint writes its service principal names.
    SpnWrites = "drsuapi.spn_writes_per_hour",
    /// Secure channels that an endpoint sets up anew, beside those of boots, per hour.
    SecureChannels = "netlogon.channels_per_hour",
    /// Hours of a DHCP lease; it is renewed after half of them.
    DhcpLeaseHours = "dhcp.lease_hours",
    /// Minutes between two announcements of an endpoint to the browser service.
    BrowserMinutes = "browser.announce_minutes",
    /// Times an hour that an endpoint in the subnet of the domain controller, or its router, and it
    /// make sure of each other's Ethernet address.
    NeighbourChecks = "neighbour.checks_per_hour",
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Published, by the source named.
    Sourced,
    /// Ours, for the reason named.
    Assumed,
    /// From a capture of the user's.
    Learned,
    /// Written into the estate by its planner.
    Given,
}

/// A parameter with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Which.
    pub knob: Knob,
    /// Its value.
    pub value: f64,
    /// Its unit, in words.
    pub unit: String,
    /// Where the value comes from.
    pub basis: Basis,
    /// By whom, or why.
    pub source: String,
}

/// A value for every [`Knob`].
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    values: Vec<f64>,
}

impl Basis {
    /// The word for it in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sourced => "sourced",
            Self::Assumed => "assumed",
            Self::Learned => "learned",
            Self::Given => "given",
        }
    }
}

impl Parameter {
    /// Every parameter as a calibration has it, one of [`CALIBRATIONS`](super::CALIBRATIONS).
    ///
    /// # Errors
    /// There is no calibration of that name.
    pub fn all_of(calibration: &str) -> Result<Vec<Self>, EstateError> {
        Ok(Calibration::named(calibration)?.parameters)
    }
}

impl Parameters {
    /// The parameters of the calibration of that name, one of [`CALIBRATIONS`](super::CALIBRATIONS).
    ///
    /// # Errors
    /// There is no calibration of that name.
    pub fn of(calibration: &str) -> Result<Self, EstateError> {
        Ok(Self::from_described(&Parameter::all_of(calibration)?))
    }

    /// The values of `described`, which has every knob in order.
    pub(super) fn from_described(described: &[Parameter]) -> Self {
        Self { values: described.iter().map(|parameter| parameter.value).collect() }
    }

    /// The value of `knob`.
    #[inline]
    pub fn get(&self, knob: Knob) -> f64 {
        self.values.get(knob as usize).copied().unwrap_or_default()
    }
}
