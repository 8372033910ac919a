//! What the clients of a population have in common: rates, timers and days, computed once.

use std::net::IpAddr;

use super::clock::{HOUR_NS, MINUTE_NS, SECOND_NS};
use super::mix::{Mix, Run};
use super::onoff::Periods;
use super::operations;
use super::reference::Reference;
use crate::estate::{
    Arrival, AutopilotWave, Join, Knob, Parameters, Population, PopulationKind, Roles, Schedule,
};
use crate::synth::{Activity, Cast};

/// Boots of a laptop, as a share of a desktop's. Assumed: it sleeps more often.
const LAPTOP_BOOT_SHARE: f64 = 0.5;
/// Mean gap between two runs of NTLM validations of one stream, in seconds: uniform between 15
/// and 40, as after most runs of the Catalyst traffic model.
pub const NTLM_GAP_SECONDS: [f64; 2] = [15.0, 40.0];
/// Most streams of NTLM validations of one server; beyond, their gaps become shorter.
const NTLM_STREAMS_MAX: f64 = 64.0;
/// Lifetime of a ticket-granting ticket in hours, after which it is renewed ([MS-GPSB] 2.2.2).
const TICKET_HOURS: f64 = 10.0;
/// Hours after which a server with a fixed address registers its name again. Windows' default.
const REGISTRATION_HOURS: f64 = 24.0;
/// Hours after which NetBIOS names are refreshed: half of WINS' default of six days. Assumed.
const NBNS_REFRESH_HOURS: f64 = 72.0;
/// Working hours of a person in a day between two changes of password: 9 on 5 of 7 days.
const WORKING_HOURS_PER_DAY: f64 = 9.0 * 5.0 / 7.0;

/// What recurs at slow intervals, each client at its own phase.
pub const CHORES: [Activity; 8] = [
    Activity::TimeRequest,
    Activity::MachinePassword,
    Activity::TicketRenewal,
    Activity::DhcpRenew,
    Activity::DnsUpdate,
    Activity::NbnsRegister,
    Activity::BrowserAnnounce,
    Activity::LdapSchema,
];

/// What the clients of a population have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Habit {
    /// Index of the population and of its site.
    pub population: u32,
    pub site: usize,
    /// They follow the reference mix and nothing else.
    pub reference: Option<Reference>,
    /// They are members of the domain.
    pub is_member: bool,
    /// They lease their addresses from the domain controller.
    pub leases: bool,
    /// They stay on where their people leave, unless these shut them down.
    pub stays_on: bool,
    /// They are servers.
    pub is_server: bool,
    pub schedule: Schedule,
    pub wave: Option<AutopilotWave>,
    /// Boots, logons and unlocks per day.
    pub boots: f64,
    pub logons: f64,
    pub unlocks: f64,
    /// Share of those that are on that restarts in the night after updates.
    pub patch_share: f64,
    /// What people do, or a server all day; rates are means over the working hours.
    pub doings: Mix,
    /// What computers do while they are on.
    pub background: Mix,
    pub on: Periods,
    pub off: Periods,
    pub backup_factor: f64,
    /// Searches of an application at the peak, per nanosecond.
    pub searches_per_ns: f64,
    pub ntlm: Ntlm,
    /// Refreshes of group policy: least and random nanoseconds.
    pub gpo: [f64; 2],
    /// Nanoseconds between two of each of [`CHORES`]; 0 where there is none.
    pub chores: [i64; CHORES.len()],
    /// Nanoseconds between two check-ins of a managed device; 0 where there is none.
    pub check_in: i64,
    /// VPN sessions, where their accounts come here.
    pub vpn: Option<Vpn>,
    /// Mean nanoseconds between two probes of a client by the sensor; 0 where there are none.
    pub probe_ns: f64,
}

/// Runs of NTLM validations of a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ntlm {
    /// Streams side by side.
    pub streams: u32,
    /// Gaps are so many times those of [`NTLM_GAP_SECONDS`] at the peak.
    pub stretch: f64,
    /// Validations of a run.
    pub lengths: super::mix::Lengths,
}

/// VPN sessions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vpn {
    pub sessions_per_day: f64,
    pub session_ns: f64,
    pub interim_ns: i64,
    /// Accounts are sent to the domain controller.
    pub accounts: bool,
}

/// What a habit takes from everybody at the domain controller.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Everybody {
    pub roles: Roles,
    /// Clients of the domain controller, itself not counted.
    clients: f64,
    /// Searches of applications per second at the peak, for clients altogether.
    searches: f64,
    /// Who makes these: applications, or servers where there are none, or everybody.
    carriers: f64,
    carrier: Carrier,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Carrier {
    Applications,
    Servers,
    Everybody,
}

impl Everybody {
    /// Counts everybody.
    pub fn new(cast: &Cast) -> Self {
        let populations = cast.estate.populations();
        let count = |guests: bool| {
            let mut counts = vec![0.0; populations.len()];
            for client in cast.clients.iter().filter(|client| guests || !client.is_guest) {
                let count = client.population.and_then(|at| counts.get_mut(at as usize));
                if let Some(count) = count {
                    *count += 1.0;
                }
            }
            counts
        };
        let (own, all) = (count(false), count(true));
        let sum_of = |counts: &[f64], of: &dyn Fn(&Population) -> f64| -> f64 {
            populations.iter().zip(counts).map(|(population, count)| of(population) * count).sum()
        };
        let sum = |of: &dyn Fn(&Population) -> f64| sum_of(&own, of);
        let is_application = |p: &Population| p.kind == PopulationKind::Application;
        let applications = sum_of(&all, &|p| f64::from(u8::from(is_application(p))));
        let servers = sum(&|p| f64::from(u8::from(is_server(p.kind))));
        let clients = sum(&|_| 1.0);
        let (carriers, carrier) = match (applications > 0.0, servers > 0.0) {
            (true, _) => (applications, Carrier::Applications),
            (_, true) => (servers, Carrier::Servers),
            _ => (clients, Carrier::Everybody),
        };
        let searches = sum(&|p| p.parameters.get(Knob::LdapSearchesPerClient));
        let controller = cast.estate.domain_controllers().get(cast.dc);
        let roles = controller.map(|dc| dc.roles).unwrap_or_default();
        Self { roles, clients, searches, carriers, carrier }
    }

    /// Searches of each client of a population, of whose own that share comes here.
    fn searches_per_second(&self, population: &Population, share: f64) -> f64 {
        let is_application = population.kind == PopulationKind::Application;
        let carries = match self.carrier {
            Carrier::Applications => is_application,
            Carrier::Servers => is_server(population.kind),
            Carrier::Everybody => true,
        };
        let own = population.parameters.get(Knob::LdapApplicationSearches);
        let shared = self.searches / self.carriers.max(1.0);
        f64::from(u8::from(is_application)) * own * share + f64::from(u8::from(carries)) * shared
    }
}

/// Clients for which the parameter counts the sensor's questions.
const PROBES_PER: f64 = 1_000.0;

impl Habit {
    /// The habit of a population.
    pub fn new(cast: &Cast, index: u32, population: &Population, everybody: &Everybody) -> Self {
        let knob = |knob| population.parameters.get(knob);
        let roles = everybody.roles;
        let is_server = is_server(population.kind);
        let is_member = population.join != Join::Entra;
        let is_laptop = matches!(population.kind, PopulationKind::Laptop | PopulationKind::VpnUser);
        let boots = knob(Knob::Boots) * if is_laptop { LAPTOP_BOOT_SHARE } else { 1.0 };
        let reference = Reference::new(&population.parameters, roles);
        let (mut doings, mut background) = mixes(population, roles, is_near(cast, population));
        if reference.is_some() {
            // Of all that, names alone are asked for apart from the steady state's gaps.
            (doings, background) = (Mix::default(), Mix::default());
            if roles.dns {
                names(&mut background, population, knob(Knob::DnsQueries));
            }
        }
        // Four of 24 hours; where people shut down, fewer are left to restart.
        let restarts = knob(Knob::PatchNightFactor) * boots * 4.0 / 24.0;
        let on_at_night = if is_server { 1.0 } else { (1.0 - boots).max(0.0) };
        let minutes = |knob_of| knob(knob_of) * MINUTE_NS;
        Self {
            population: index,
            site: population.site,
            reference,
            is_member,
            leases: roles.dhcp && !is_server,
            stays_on: !is_laptop && !is_server,
            is_server,
            schedule: population.schedule,
            wave: population.autopilot,
            boots,
            logons: knob(Knob::Logons),
            unlocks: knob(Knob::Unlocks),
            patch_share: if on_at_night > 0.0 { (restarts / on_at_night).min(1.0) } else { 0.0 },
            doings,
            background,
            on: Periods::new(minutes(Knob::OnMinutes), knob(Knob::OnAlpha)),
            off: Periods::new(minutes(Knob::OffMinutes), knob(Knob::OffAlpha)),
            backup_factor: knob(Knob::ServerBackupFactor),
            searches_per_ns: everybody
                .searches_per_second(population, cast.search_share(index as usize))
                / 1e9,
            ntlm: Ntlm::new(population),
            gpo: [minutes(Knob::GpoBase), minutes(Knob::GpoOffset)],
            chores: chores(population, roles, is_near(cast, population)),
            check_in: if population.kind == PopulationKind::ManagedDevice && roles.dns {
                period(24.0 / knob(Knob::ManagedCheckIns))
            } else {
                0
            },
            vpn: Vpn::new(population, roles),
            probe_ns: if roles.sensor && knob(Knob::SensorProbes) > 0.0 {
                PROBES_PER * 1e9 / knob(Knob::SensorProbes)
            } else {
                0.0
            },
        }
    }

    /// What the domain controller does by itself is none of these.
    pub fn of_controller(site: usize) -> Self {
        let periods = Periods::new(1.0, 2.0);
        let lengths = super::mix::Lengths::new(1.0);
        Self {
            population: u32::MAX,
            site,
            reference: None,
            is_member: true,
            leases: false,
            stays_on: false,
            is_server: true,
            schedule: Schedule::ALWAYS,
            wave: None,
            boots: 0.0,
            logons: 0.0,
            unlocks: 0.0,
            patch_share: 0.0,
            doings: Mix::default(),
            background: Mix::default(),
            on: periods,
            off: periods,
            backup_factor: 1.0,
            searches_per_ns: 0.0,
            ntlm: Ntlm { streams: 0, stretch: 1.0, lengths },
            gpo: [0.0; 2],
            chores: [0; CHORES.len()],
            check_in: 0,
            vpn: None,
            probe_ns: 0.0,
        }
    }

    /// Whether its clients are there at any time.
    pub const fn is_always_there(&self) -> bool {
        matches!(self.schedule.arrival, Arrival::Always) && self.vpn.is_none()
    }

    /// Share of the time that somebody who is there is active.
    pub fn on_share(&self) -> f64 {
        self.on.mean_ns() / (self.on.mean_ns() + self.off.mean_ns())
    }
}

impl Ntlm {
    fn new(population: &Population) -> Self {
        let knob = |knob| population.parameters.get(knob);
        let lengths = super::mix::Lengths::new(knob(Knob::NtlmRun));
        let [low, high] = NTLM_GAP_SECONDS;
        let run = knob(Knob::NtlmRun).max(1.0);
        let wanted = knob(Knob::NtlmValidations) / run * f64::midpoint(low, high) / 3_600.0;
        if population.kind != PopulationKind::NtlmServer || wanted <= 0.0 {
            return Self { streams: 0, stretch: 1.0, lengths };
        }
        #[expect(clippy::cast_possible_truncation, reason = "64 at most")]
        #[expect(clippy::cast_sign_loss, reason = "above 0")]
        let streams = libm::ceil(wanted).min(NTLM_STREAMS_MAX) as u32;
        Self { streams, stretch: f64::from(streams) / wanted, lengths }
    }
}

impl Vpn {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    fn new(population: &Population, roles: Roles) -> Option<Self> {
        let knob = |knob| population.parameters.get(knob);
        (population.kind == PopulationKind::VpnUser).then(|| Self {
            sessions_per_day: knob(Knob::VpnSessions),
            session_ns: knob(Knob::VpnHours) * HOUR_NS as f64,
            interim_ns: (knob(Knob::VpnInterimSeconds).max(1.0) as i64).saturating_mul(SECOND_NS),
            accounts: roles.radius_accounting,
        })
    }
}

/// What people of a population do, or its servers, and what its computers do by themselves.
fn mixes(population: &Population, roles: Roles, is_near: bool) -> (Mix, Mix) {
    let knob = |knob| population.parameters.get(knob);
    let (mut doings, mut background) = (Mix::default(), Mix::default());
    let is_server = is_server(population.kind);
    if roles.dns {
        let idle = if is_server { 0.0 } else { knob(Knob::DnsIdleShare) };
        names(&mut doings, population, knob(Knob::DnsQueries) * (1.0 - idle));
        names(&mut background, population, knob(Knob::DnsQueries) * idle);
    }
    if is_near {
        background.add(Activity::NeighbourCheck, knob(Knob::NeighbourChecks), Run::Single);
    }
    if population.join == Join::Entra {
        doings.add(Activity::CloudLogon, knob(Knob::CloudLogons), Run::Single);
        return (doings, background);
    }
    let factor = |factor| if is_server { knob(factor) } else { 1.0 };
    let tickets = knob(Knob::KerberosTickets) * factor(Knob::ServerKerberosFactor);
    doings.add(Activity::ServiceTickets, tickets, Run::argument(knob(Knob::KerberosRun)));
    let binds = knob(Knob::LdapConnections) * factor(Knob::ServerLdapFactor);
    directory(&mut doings, population, binds);
    rest(&mut doings, population, roles);
    if is_near && roles.wins {
        let missed = knob(Knob::NbnsQueries) * knob(Knob::NbnsUnansweredShare);
        doings.add(Activity::NbnsBroadcast, missed, Run::Single);
    }
    if !is_server {
        let hours = knob(Knob::PasswordDays) * WORKING_HOURS_PER_DAY;
        doings.add(Activity::KerberosPassword, 1.0 / hours, Run::Single);
    }
    (doings, background)
}

/// DNS queries, of all kinds.
fn names(mix: &mut Mix, population: &Population, per_hour: f64) {
    let knob = |knob| population.parameters.get(knob);
    let (missing, outside) = (knob(Knob::DnsNxdomainShare), knob(Knob::DnsOutsideShare));
    // Where the shares leave nothing for the domain, they are shares of each other.
    let inside = (1.0 - missing - outside).max(0.0);
    let per_hour = per_hour / (missing + outside + inside);
    let reverse = inside * knob(Knob::DnsReverseShare);
    for (activity, share) in [
        (Activity::DnsOutside, outside),
        (Activity::DnsMissing, missing),
        (Activity::DnsReverse, reverse),
        (Activity::DnsLookup, inside - reverse),
    ] {
        mix.add(activity, per_hour * share, Run::items(knob(Knob::DnsRun)));
    }
}

/// LDAP connections, of all kinds.
fn directory(mix: &mut Mix, population: &Population, per_hour: f64) {
    let knob = |knob| population.parameters.get(knob);
    let clear = 1.0 - knob(Knob::LdapsShare);
    let (sasl, ntlm) = (knob(Knob::LdapSaslShare), knob(Knob::LdapNtlmShare));
    for (activity, share) in [
        (Activity::LdapConnection, clear * (sasl - ntlm).max(0.0)),
        (Activity::LdapSimple, clear * (1.0 - sasl)),
        (Activity::LdapTls, knob(Knob::LdapsShare)),
        (Activity::LdapNtlm, clear * ntlm.min(sasl)),
    ] {
        // One search each: the composed activities make their own.
        let run =
            if activity == Activity::LdapConnection { Run::argument(1.0) } else { Run::Single };
        mix.add(activity, per_hour * share, run);
    }
}

/// Adds an activity whose operations, as its parameter counts them, come so often in an hour.
pub fn add(
    mix: &mut Mix,
    parameters: &Parameters,
    activity: Activity,
    operations_per_hour: f64,
    run: Run,
) {
    let counted = operations::of(activity, parameters).counted;
    mix.add(activity, operations_per_hour / counted, run);
}

/// Everything else that members of the domain do.
fn rest(mix: &mut Mix, population: &Population, roles: Roles) {
    let knob = |knob| population.parameters.get(knob);
    let mut add = |activity, per_hour, run| {
        self::add(mix, &population.parameters, activity, per_hour, run);
    };
    if roles.wins {
        add(Activity::NbnsQuery, knob(Knob::NbnsQueries), Run::Single);
    }
    // Lookups follow each other as ticket requests do: 58 % in the Catalyst traffic model.
    add(Activity::LsaLookup, knob(Knob::LsaLookups), Run::argument(LSA_RUN));
    add(Activity::SamrChain, knob(Knob::SamrChains), Run::Single);
    add(Activity::CrackNames, knob(Knob::DrsuapiCalls), Run::Single);
    add(Activity::SecureChannel, knob(Knob::SecureChannels), Run::Single);
    add(Activity::WriteSpn, knob(Knob::SpnWrites), Run::Single);
    add(Activity::LsaTrust, knob(Knob::LsaTrusts), Run::Single);
    let sessions = knob(Knob::FileSessions);
    let (ntlm, print) = (knob(Knob::SmbNtlmShare), knob(Knob::SmbPrintShare));
    add(Activity::SmbNtlm, sessions * ntlm, Run::Single);
    add(Activity::PrintSession, sessions * (1.0 - ntlm) * print, Run::Single);
    add(Activity::FileSession, sessions * (1.0 - ntlm) * (1.0 - print), Run::Single);
    let per_working_hour = 1.0 / WORKING_HOURS_PER_DAY;
    let enumerations = knob(Knob::SmbEnumerations) * per_working_hour;
    add(Activity::SessionEnumeration, enumerations, Run::Single);
    add(Activity::RdpAttempt, knob(Knob::RdpAttempts) * per_working_hour, Run::Single);
}

/// Mean length of a run of LSA lookups: Catalyst traffic model.
pub const LSA_RUN: f64 = 2.4;

/// Periods of [`CHORES`], in nanoseconds.
fn chores(population: &Population, roles: Roles, is_near: bool) -> [i64; CHORES.len()] {
    let knob = |knob| population.parameters.get(knob);
    let is_server = is_server(population.kind);
    let is_member = population.join != Join::Entra;
    let is_application = population.kind == PopulationKind::Application;
    let lease = knob(Knob::DhcpLeaseHours) / 2.0;
    let of = |applies: bool, hours: f64| if applies { period(hours) } else { 0 };
    CHORES.map(|activity| match activity {
        Activity::TimeRequest => of(is_member, 1.0 / knob(Knob::NtpRequests)),
        Activity::MachinePassword => of(is_member, 24.0 * knob(Knob::MachinePasswordDays)),
        Activity::TicketRenewal => of(is_member, TICKET_HOURS),
        Activity::DhcpRenew => of(roles.dhcp && !is_server, lease),
        Activity::DnsUpdate => {
            of(is_member && roles.dns, if is_server { REGISTRATION_HOURS } else { lease })
        }
        Activity::NbnsRegister => of(is_member && roles.wins, NBNS_REFRESH_HOURS),
        Activity::BrowserAnnounce => of(is_member && is_near, knob(Knob::BrowserMinutes) / 60.0),
        _ => of(is_application, 24.0 / knob(Knob::LdapSchemaReads)),
    })
}

/// Nanoseconds of so many hours; 0 where they are no interval.
#[expect(clippy::cast_possible_truncation, reason = "checked")]
fn period(hours: f64) -> i64 {
    let nanoseconds = hours * HOUR_NS as f64;
    // Above a century, it is never; below a millisecond, no timer of Windows is meant.
    if (1e6..3e18).contains(&nanoseconds) { nanoseconds as i64 } else { 0 }
}

/// Whether the clients of a population share a subnet with the domain controller, so that it
/// hears what they say to everybody: broadcasts are not routed.
fn is_near(cast: &Cast, population: &Population) -> bool {
    let site = cast.estate.sites().get(population.site);
    let address: IpAddr = cast.dc_v4.address;
    site.is_some_and(|site| site.subnet.contains(address))
}

const fn is_server(kind: PopulationKind) -> bool {
    matches!(
        kind,
        PopulationKind::MemberServer | PopulationKind::NtlmServer | PopulationKind::Application
    )
}
