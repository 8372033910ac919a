//! Clients into populations, and counts into parameters.

use std::net::IpAddr;

use super::client::{Answers, Client, Counts, EVENTS, Event};
use super::spread::Unevenness;
use super::{Controller, Learner, Place, Vpn};
use crate::estate::{Knob, Parameters, PopulationKind};

/// Fewer events than this say too little: their count alone is 18 % off in one case of three.
pub const EVENTS_MIN: u64 = 30;
/// From so many validations in an hour a server counts as NTLM-heavy. Ours: far above what one
/// person's computer needs, far below a proxy's.
const VALIDATIONS_PER_HOUR: f64 = 60.0;
/// From so many LDAP messages in an hour, and on one connection, a client counts as an
/// application with pooled connections. Ours: a computer sends six or so per connection.
const REQUESTS_PER_HOUR: f64 = 360.0;
const REQUESTS_PER_BIND: f64 = 30.0;
/// After so many hours a member of the domain has refreshed its policies (90 and at most 30
/// minutes, \[MS-GPOL\]): who only asked for names and tickets until then is none.
const MEMBER_SHOWS_HOURS: f64 = 2.0;
/// Working hours that a capture must cover before rates of people's computers are learned.
const CORE_HOURS_MIN: f64 = 0.25;
/// Forwarders that are named: those that were asked most.
const FORWARDERS_MAX: usize = 4;
const SECONDS_PER_HOUR: f64 = 3_600.0;
const HOURS_PER_DAY: f64 = 24.0;

/// What was learned, ready to be written down.
#[derive(Debug, Clone)]
pub struct Learned {
    /// DNS name of the domain.
    pub domain: String,
    /// First and last frame, time zone, hours.
    pub hours: super::Hours,
    /// One per controller that was asked for something, in order.
    pub sites: Vec<Site>,
    /// Parameters of the whole estate.
    pub parameters: Vec<Fitted>,
    /// Addresses and users that were not followed for want of room.
    pub unfollowed: u64,
}

/// One controller and its clients.
#[derive(Debug, Clone)]
pub struct Site {
    /// The controller.
    pub controller: Controller,
    /// Words for its roles in estate files.
    pub roles: Vec<&'static str>,
    /// Where it forwards questions.
    pub forwarders: Vec<IpAddr>,
    /// Its clients.
    pub groups: Vec<Group>,
    /// How unevenly requests come.
    pub unevenness: Vec<Unevenness>,
}

/// A population.
#[derive(Debug, Clone)]
pub struct Group {
    /// What they are.
    pub kind: PopulationKind,
    /// How many.
    pub count: u64,
    /// Share that speaks IPv6.
    pub ipv6_share: f64,
    /// Its parameters that can be seen in a capture.
    pub parameters: Vec<Fitted>,
}

/// A parameter, learned or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// Which.
    pub knob: Knob,
    /// Its value, where it was learned.
    pub value: Option<f64>,
    /// Events that it was learned from, or that were too few.
    pub events: u64,
    /// Why it was not learned.
    pub why_not: &'static str,
}

/// Share of the names that clients ask for outside that are no aliases: only these have texts,
/// for which the synthesizer uses TCP. Measured on its own traffic.
const HAS_TEXTS: f64 = 0.4;
/// Clients for which the parameter counts the sensor's questions.
const PROBES_PER: f64 = 1_000.0;
const TOO_FEW: &str = "too few events";
const NO_WORK: &str = "the capture covers no working hours";

/// Fits everything that the learner has counted.
pub fn fit(learner: Learner, light: &Parameters) -> Learned {
    let Learner { controllers, at, known, hours, unfollowed, replications, .. } = learner;
    let domain = known.domain;
    let all_hours = hours.all();
    let probes: u64 = at.iter().map(|place| place.probes).sum();
    let mut parameters = Vec::new();
    if probes > 0 {
        let asked = at.iter().filter(|place| place.probes > 0);
        let clients: usize = asked.map(|place| place.clients.len()).sum();
        let seconds = all_hours * SECONDS_PER_HOUR * clients as f64 / PROBES_PER;
        parameters.push(ratio(Knob::SensorProbes, probes, probes, seconds));
    }
    if replications > 0 {
        let seconds = all_hours * SECONDS_PER_HOUR;
        parameters.push(Fitted {
            value: Some(seconds / replications as f64).filter(|_| replications >= EVENTS_MIN),
            ..ratio(Knob::ReplicationSeconds, replications, 0, 1.0)
        });
    }
    let sites = controllers.into_iter().zip(at);
    let sites = sites.filter(|(_, place)| !place.clients.is_empty() || place.vpn.starts > 0);
    let sites = sites.map(|(controller, place)| site(controller, place, &hours, light)).collect();
    Learned { domain, hours, sites, parameters, unfollowed }
}

fn site(controller: Controller, place: Place, hours: &super::Hours, light: &Parameters) -> Site {
    let mut sums: [Sum; 5] = KINDS.map(Sum::new);
    let mut others = Sum::new(PopulationKind::Workstation);
    // In order: sums of sizes depend on it in their last digits.
    let mut clients: Vec<_> = place.clients.iter().collect();
    clients.sort_unstable_by_key(|(address, _)| **address);
    for (address, client) in clients {
        let kind = match kind(client, hours) {
            Some(PopulationKind::Workstation | PopulationKind::ManagedDevice)
                if place.remote.contains(address) =>
            {
                Some(PopulationKind::VpnUser)
            }
            kind => kind,
        };
        let sum = match kind {
            Some(kind) => sums.iter_mut().find(|sum| sum.kind == kind).unwrap_or(&mut others),
            None => &mut others,
        };
        sum.add(*address, client);
    }
    // What comes from addresses that do nothing else belongs to the people's computers, whose
    // other address (IPv6) asks the rest.
    if let Some(endpoints) = sums.first_mut().filter(|sum| sum.clients > 0) {
        endpoints.absorb(&others);
    }
    let total = |event| sums.iter().chain([&others]).map(|sum| sum.all.of(event)).sum::<u64>();
    let roles = roles(&place, total(Event::Dns), total(Event::Nbns));
    let forwarded: u64 = place.forwards.values().sum();
    let outside = total(Event::DnsOutside) + total(Event::DnsMissingOutside);
    let mut groups: Vec<Group> = sums
        .iter()
        .filter(|sum| sum.clients > 0)
        .map(|sum| {
            let mut group = sum.group(hours, light);
            if sum.kind == PopulationKind::VpnUser {
                let users = place.users.len() as u64;
                group.count = users.max(group.count);
                group.parameters.extend(vpn(&place.vpn, users, hours));
            }
            if outside > 0 {
                group.parameters.push(share(Knob::DnsForwardedShare, forwarded, outside));
            }
            group
        })
        .collect();
    let is_vpn = |group: &Group| group.kind == PopulationKind::VpnUser;
    if !place.users.is_empty() && !groups.iter().any(is_vpn) {
        let count = place.users.len() as u64;
        let parameters = vpn(&place.vpn, count, hours);
        groups.push(Group { kind: PopulationKind::VpnUser, count, ipv6_share: 0.0, parameters });
    }
    let mut forwarders: Vec<(IpAddr, u64)> = place.forwards.into_iter().collect();
    forwarders.sort_by_key(|(address, count)| (std::cmp::Reverse(*count), *address));
    forwarders.truncate(FORWARDERS_MAX);
    Site {
        controller,
        roles,
        forwarders: forwarders.into_iter().map(|(address, _)| address).collect(),
        groups,
        unevenness: place.spread.unevenness(),
    }
}

fn roles(place: &Place, dns: u64, nbns: u64) -> Vec<&'static str> {
    let seen = [
        (dns > 0, "dns"),
        (place.leases > 0, "dhcp"),
        (nbns > 0, "wins"),
        (place.vpn.starts + place.vpn.ends + place.vpn.gaps > 0, "radius-accounting"),
        (place.probes > 0, "sensor"),
    ];
    seen.into_iter().filter(|(is_seen, _)| *is_seen).map(|(_, name)| name).collect()
}

/// What clients can be told apart as, people's computers first.
const KINDS: [PopulationKind; 5] = [
    PopulationKind::Workstation,
    PopulationKind::VpnUser,
    PopulationKind::ManagedDevice,
    PopulationKind::NtlmServer,
    PopulationKind::Application,
];

/// What a client is; `None` of an address that does nothing by which a computer is known.
fn kind(client: &Client, hours: &super::Hours) -> Option<PopulationKind> {
    let all = |event| client.all.of(event);
    let per_hour = |event| all(event) as f64 / hours.all().max(1e-9);
    let requests_per_bind = all(Event::LdapRequest) as f64 / all(Event::Bind).max(1) as f64;
    // Not Kerberos: who signed in to Entra ID gets tickets for services of the domain, too.
    let directory = [
        Event::Bind,
        Event::LdapRequest,
        Event::SmbFlow,
        Event::Member,
        Event::Validation,
        Event::DirectoryBind,
        Event::Lsa,
        Event::Samr,
    ];
    let is_in_domain = directory.iter().any(|event| all(*event) > 0);
    if all(Event::Validation) >= EVENTS_MIN && per_hour(Event::Validation) >= VALIDATIONS_PER_HOUR {
        Some(PopulationKind::NtlmServer)
    } else if all(Event::LdapRequest) >= EVENTS_MIN
        && per_hour(Event::LdapRequest) >= REQUESTS_PER_HOUR
        && requests_per_bind >= REQUESTS_PER_BIND
    {
        Some(PopulationKind::Application)
    } else if is_in_domain {
        Some(PopulationKind::Workstation)
    } else if all(Event::Dns) + all(Event::Kerberos) == 0 {
        None
    } else if hours.all() >= MEMBER_SHOWS_HOURS {
        Some(PopulationKind::ManagedDevice)
    } else {
        Some(PopulationKind::Workstation)
    }
}

/// All clients of one kind at one controller.
#[derive(Debug)]
struct Sum {
    kind: PopulationKind,
    clients: u64,
    ipv6: u64,
    all: Totals,
    core: Totals,
    /// Those whose files can be seen: what else is put in relation to these is theirs.
    open: Open,
    answers: Answers,
}

/// Clients none of whose SMB flows is encrypted.
#[derive(Debug, Default)]
struct Open {
    clients: u64,
    all: Totals,
    core: Totals,
}

/// Counts of many clients.
#[derive(Debug, Clone)]
struct Totals([u64; EVENTS]);

impl Default for Totals {
    fn default() -> Self {
        Self([0; EVENTS])
    }
}

impl Totals {
    fn of(&self, event: Event) -> u64 {
        self.0.get(event as usize).copied().unwrap_or_default()
    }

    fn add(&mut self, counts: &Counts) {
        for (sum, count) in self.0.iter_mut().zip(counts.iter()) {
            *sum += count;
        }
    }

    fn absorb(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }
}

/// Rates per client and hour: of the first events, less the second. Whoever refreshes its policies
/// connects to LDAP and cracks names on the way; whoever logs on or unlocks gets a ticket for the
/// computer: parameters leave these out.
const RATES: [(Knob, &[Event], &[Event]); 12] = [
    (Knob::DnsQueries, &[Event::Dns], &[]),
    (Knob::NbnsQueries, &[Event::Nbns], &[]),
    (Knob::KerberosTickets, &[Event::Ticket], &[Event::Logon]),
    (Knob::LdapConnections, &[Event::Bind, Event::LdapTls], &[Event::PolicyBind]),
    (Knob::LsaLookups, &[Event::Lsa], &[]),
    (Knob::LsaTrusts, &[Event::Trust], &[]),
    (Knob::SamrChains, &[Event::Samr], &[]),
    (Knob::DrsuapiCalls, &[Event::DirectoryBind], &[Event::Refresh, Event::WriteSpn]),
    (Knob::SpnWrites, &[Event::WriteSpn], &[]),
    (Knob::SecureChannels, &[Event::Channel], &[]),
    (Knob::NtpRequests, &[Event::Time], &[]),
    (Knob::FileSessions, &[Event::Share, Event::Printer, Event::SmbNtlm], &[]),
];

/// Shares: of the second event, the first.
const SHARES: [(Knob, Event, Event); 5] = [
    (Knob::DnsOutsideShare, Event::DnsOutside, Event::Dns),
    (Knob::DnsNxdomainShare, Event::DnsMissing, Event::Dns),
    (Knob::NbnsUnansweredShare, Event::NbnsUnanswered, Event::NbnsAsked),
    (Knob::KerberosUdpShare, Event::KerberosUdp, Event::Kerberos),
    (Knob::KerberosUnknownServiceShare, Event::UnknownService, Event::TicketElsewhere),
];

/// Means: of the first event per second event.
const MEANS: [(Knob, Event, Event); 3] = [
    (Knob::KerberosRun, Event::Ticket, Event::TicketRun),
    (Knob::GpoCount, Event::PolicyVersion, Event::Refresh),
    (Knob::GpoChanged, Event::PolicyFile, Event::Refresh),
];

impl Sum {
    fn new(kind: PopulationKind) -> Self {
        let (all, core, answers) = (Totals::default(), Totals::default(), Answers::default());
        Self { kind, clients: 0, ipv6: 0, all, core, open: Open::default(), answers }
    }

    fn add(&mut self, address: IpAddr, client: &Client) {
        self.clients += 1;
        self.ipv6 += u64::from(address.is_ipv6());
        self.all.add(&client.all);
        self.core.add(&client.core);
        if client.all.of(Event::SmbEncryptedFlow) == 0 {
            self.open.clients += 1;
            self.open.all.add(&client.all);
            self.open.core.add(&client.core);
        }
        self.answers.add(&client.answers);
    }

    /// Takes over the events of others, not the others.
    fn absorb(&mut self, other: &Self) {
        self.all.absorb(&other.all);
        self.core.absorb(&other.core);
        self.open.all.absorb(&other.open.all);
        self.open.core.absorb(&other.open.core);
    }

    fn group(&self, hours: &super::Hours, light: &Parameters) -> Group {
        let mut parameters = self.rates(hours, light);
        parameters.extend(
            SHARES
                .iter()
                .filter(|(.., of)| self.all.of(*of) > 0)
                .map(|(knob, part, of)| share(*knob, self.all.of(*part), self.all.of(*of))),
        );
        self.directory(&mut parameters);
        parameters.extend(MEANS.iter().filter(|(_, part, _)| self.all.of(*part) > 0).map(
            |(knob, part, of)| {
                let (part, of) = (self.all.of(*part), self.all.of(*of));
                ratio(*knob, part, part, of.max(1) as f64)
            },
        ));
        let changes = self.all.of(Event::MachinePassword);
        if changes > 0 {
            let days = self.clients as f64 * hours.all() / HOURS_PER_DAY;
            parameters.push(Fitted {
                value: Some(days / changes as f64).filter(|_| changes >= EVENTS_MIN),
                ..ratio(Knob::MachinePasswordDays, changes, 0, 1.0)
            });
        }
        match self.kind {
            PopulationKind::ManagedDevice => {
                let events = self.all.of(Event::Logon);
                if let Some((totals, hours)) =
                    self.window(hours, (&self.all, &self.core)).filter(|_| events > 0)
                {
                    let events = totals.of(Event::Logon);
                    let divisor = self.clients as f64 * hours;
                    parameters.push(ratio(Knob::CloudLogons, events, events, divisor));
                }
            }
            PopulationKind::Application => self.application(hours, &mut parameters),
            PopulationKind::NtlmServer => self.ntlm(hours, &mut parameters),
            _ => {}
        }
        let ipv6_share = self.ipv6 as f64 / self.clients.max(1) as f64;
        Group { kind: self.kind, count: self.clients, ipv6_share, parameters }
    }

    /// Shares of LDAP connections, of file sessions and of names inside the domain.
    fn directory(&self, parameters: &mut Vec<Fitted>) {
        self.names(parameters);
        let all = |event| self.open.all.of(event);
        let policies = all(Event::PolicyBind);
        let (binds, tls) = (all(Event::Bind).saturating_sub(policies), all(Event::LdapTls));
        if binds > 0 {
            let sasl = all(Event::SaslBind).saturating_sub(policies);
            parameters.push(share(Knob::LdapSaslShare, sasl, binds));
            parameters.push(share(Knob::LdapNtlmShare, all(Event::NtlmBind), binds));
        }
        if binds + tls > 0 {
            parameters.push(share(Knob::LdapsShare, tls, binds + tls));
        }
        let files = all(Event::Share) + all(Event::Printer);
        if files > 0 {
            let ntlm = all(Event::SmbNtlm);
            parameters.push(share(Knob::SmbNtlmShare, ntlm, files + ntlm));
            parameters.push(share(Knob::SmbPrintShare, all(Event::Printer), files));
        }
    }

    /// Shares of names, of logons and of sessions, whose wholes are no single event.
    fn names(&self, parameters: &mut Vec<Fitted>) {
        let all = |event| self.all.of(event);
        let mut add = |knob, part, of| {
            if of > 0 {
                parameters.push(share(knob, part, of));
            }
        };
        let apart = all(Event::DnsOutside) + all(Event::DnsMissing);
        let inside = all(Event::Dns).saturating_sub(apart);
        add(Knob::DnsReverseShare, all(Event::DnsReverse), inside);
        let texts = all(Event::DnsOutside) as f64 * HAS_TEXTS;
        let may_need_tcp = all(Event::DnsHost) as f64 + texts;
        if may_need_tcp > 0.0 {
            let events = all(Event::DnsHost) + all(Event::DnsOutside);
            parameters.push(ratio(Knob::DnsTcpShare, events, all(Event::DnsTcp), may_need_tcp));
        }
        let mut add = |knob, part, of| {
            if of > 0 {
                parameters.push(share(knob, part, of));
            }
        };
        // Whoever mistypes a password tries again: these are one logon.
        let logons = all(Event::Logon).saturating_sub(all(Event::LogonAgain));
        add(Knob::KerberosBadPasswordShare, all(Event::LogonFailed), logons);
        let able = all(Event::SmbFlow).saturating_sub(all(Event::SmbOldFlow));
        add(Knob::SmbEncryptedShare, all(Event::SmbEncryptedFlow), able);
    }

    /// Counts and hours that rates are made of: working hours where there are enough. `None`
    /// where there are not, and people's computers are not in use.
    fn window<'t>(
        &self,
        hours: &super::Hours,
        (all, core): (&'t Totals, &'t Totals),
    ) -> Option<(&'t Totals, f64)> {
        if hours.core >= CORE_HOURS_MIN {
            let is_person = !self.is_server();
            Some((core, if is_person { hours.person } else { hours.core }))
        } else {
            self.is_server().then(|| (all, hours.all()))
        }
    }

    const fn is_server(&self) -> bool {
        matches!(self.kind, PopulationKind::Application | PopulationKind::NtlmServer)
    }

    /// Whose counts a rate is made of, and how many clients: where policies and files count,
    /// those who can be seen to read them.
    fn whose(&self, knob: Knob) -> (&Totals, &Totals, u64) {
        let depends =
            matches!(knob, Knob::LdapConnections | Knob::DrsuapiCalls | Knob::FileSessions);
        if depends && self.open.clients > 0 {
            (&self.open.all, &self.open.core, self.open.clients)
        } else {
            (&self.all, &self.core, self.clients)
        }
    }

    fn rates(&self, hours: &super::Hours, light: &Parameters) -> Vec<Fitted> {
        let mut rates = Vec::new();
        for (knob, events, less) in RATES {
            let (all, core, clients) = self.whose(knob);
            let window = self.window(hours, (all, core));
            let sum = |totals: &Totals| events.iter().map(|e| totals.of(*e)).sum::<u64>();
            if sum(all) == 0 {
                continue;
            }
            let Some((totals, length)) = window else {
                let (value, events, why_not) = (None, sum(all), NO_WORK);
                rates.push(Fitted { knob, value, events, why_not });
                continue;
            };
            // Machines go on asking for names where nobody uses them, at any hour.
            let length = match knob {
                Knob::DnsQueries if !self.is_server() => {
                    let idle = light.get(Knob::DnsIdleShare);
                    (1.0 - idle) * length + idle * hours.core
                }
                Knob::KerberosTickets if self.is_server() => {
                    length * light.get(Knob::ServerKerberosFactor)
                }
                Knob::LdapConnections if self.is_server() => {
                    length * light.get(Knob::ServerLdapFactor)
                }
                // A timer of the computer's.
                Knob::NtpRequests => hours.core.max(length.min(hours.all())),
                _ => length,
            };
            let less: u64 = less.iter().map(|event| totals.of(*event)).sum();
            let part = sum(totals).saturating_sub(less);
            rates.push(ratio(knob, sum(totals), part, clients as f64 * length));
        }
        rates
    }

    fn application(&self, hours: &super::Hours, parameters: &mut Vec<Fitted>) {
        let requests = self.all.of(Event::LdapRequest);
        // The value at the peak: hours count by what a site does in them.
        let seconds = self.clients as f64 * hours.site * SECONDS_PER_HOUR;
        parameters.push(ratio(Knob::LdapApplicationSearches, requests, requests, seconds));
        let events = self.answers.count;
        let fitted = self.answers.lognormal().filter(|_| events >= EVENTS_MIN).unzip();
        for (knob, value) in [(Knob::LdapResultBytes, fitted.0), (Knob::LdapResultSigma, fitted.1)]
        {
            parameters.push(Fitted { knob, value, events, why_not: TOO_FEW });
        }
    }

    fn ntlm(&self, hours: &super::Hours, parameters: &mut Vec<Fitted>) {
        let divisor = self.clients as f64 * hours.site;
        let events = self.all.of(Event::Validation);
        parameters.push(ratio(Knob::NtlmValidations, events, events, divisor));
        let (events, runs) = (self.all.of(Event::Validation), self.all.of(Event::ValidationRun));
        parameters.push(ratio(Knob::NtlmRun, events, events, runs.max(1) as f64));
    }
}

/// Remote users, whom RADIUS accounting announces.
fn vpn(vpn: &Vpn, users: u64, hours: &super::Hours) -> Vec<Fitted> {
    let days = hours.all() / HOURS_PER_DAY;
    let sessions = if days >= 1.0 {
        ratio(Knob::VpnSessions, vpn.starts, vpn.starts, users as f64 * days)
    } else {
        let why_not = "the capture is shorter than a day";
        Fitted { knob: Knob::VpnSessions, value: None, events: vpn.starts, why_not }
    };
    let seconds_of_gaps = vpn.gap_nanos as f64 / 1e9;
    let mean = |knob, sum: f64, events: u64| Fitted {
        knob,
        value: Some(sum / events as f64).filter(|_| events >= EVENTS_MIN),
        events,
        why_not: TOO_FEW,
    };
    vec![
        sessions,
        mean(Knob::VpnHours, vpn.seconds as f64 / SECONDS_PER_HOUR, vpn.ends),
        mean(Knob::VpnInterimSeconds, seconds_of_gaps, vpn.gaps),
    ]
}

fn ratio(knob: Knob, events: u64, part: u64, of: f64) -> Fitted {
    let value = Some(part as f64 / of).filter(|value| events >= EVENTS_MIN && value.is_finite());
    Fitted { knob, value, events, why_not: TOO_FEW }
}

/// A share, learned from the events that could have been.
fn share(knob: Knob, part: u64, of: u64) -> Fitted {
    ratio(knob, of, part.min(of), of as f64)
}
