//! What one client asked a domain controller for.

use super::Sighting;

/// Makes [`Event`] from rows of documentation and variant.
macro_rules! events {
    ($($(#[doc = $doc:literal])+ $variant:ident),+ $(,)?) => {
        /// What is counted of a client.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Event {
            $($(#[doc = $doc])+ $variant),+
        }

        /// How many there are.
        pub const EVENTS: usize = [$(Event::$variant),+].len();
    };
}

events! {
    /// DNS queries.
    Dns,
    /// Of these, over TCP.
    DnsTcp,
    /// Of these, for the name of an address, whether it has one or not.
    DnsReverse,
    /// Of the others, for a name that does not exist.
    DnsMissing,
    /// Of these, outside the domain.
    DnsMissingOutside,
    /// Of the others, for a name outside the domain.
    DnsOutside,
    /// Of the others, for the address of a host.
    DnsHost,
    /// NetBIOS name queries, each time they are sent.
    Nbns,
    /// The same, once where they are sent again.
    NbnsAsked,
    /// Of these, without an answer.
    NbnsUnanswered,
    /// Requests to the KDC of any kind; once where they are sent again over TCP because the answer
    /// does not fit into a datagram.
    Kerberos,
    /// Of these, first over UDP.
    KerberosUdp,
    /// Logons that were granted or failed, not those that were asked to go on.
    Logon,
    /// Of these, that failed.
    LogonFailed,
    /// Of these, of people whose password was wrong, and who try again.
    LogonAgain,
    /// Requests for service tickets.
    Ticket,
    /// Of these, for a service of another host than a domain controller.
    TicketElsewhere,
    /// Of these, for one that does not exist.
    UnknownService,
    /// Runs of these.
    TicketRun,
    /// LDAP connections with a bind; the first of each counts.
    Bind,
    /// Of these, with SASL.
    SaslBind,
    /// Of these, just before policies are read: part of a boot, a logon or a refresh.
    PolicyBind,
    /// Of these, with NTLM.
    NtlmBind,
    /// Connections of LDAP inside TLS.
    LdapTls,
    /// LDAP messages that a client sent, clear or sealed.
    LdapRequest,
    /// NTLM logons that a server had validated.
    Validation,
    /// Runs of these.
    ValidationRun,
    /// Names to security identifiers or back.
    Lsa,
    /// Chains of calls of the account manager.
    Samr,
    /// Trusts asked for.
    Trust,
    /// Bindings of the replication interface.
    DirectoryBind,
    /// Service principal names written through it.
    WriteSpn,
    /// Secure channels set up.
    Channel,
    /// Files read from SYSVOL that say which version a policy has.
    PolicyVersion,
    /// Runs of these: refreshes of group policy.
    Refresh,
    /// Other files read there.
    PolicyFile,
    /// Connections of shares other than SYSVOL and IPC$.
    Share,
    /// Printers opened.
    Printer,
    /// Sessions of SMB with NTLM.
    SmbNtlm,
    /// Flows of SMB 2 or 3.
    SmbFlow,
    /// Of these, of a dialect before 3.1.1: the synthesizer encrypts none of them.
    SmbOldFlow,
    /// Of the others, with encrypted messages.
    SmbEncryptedFlow,
    /// Questions for the time.
    Time,
    /// Secure channels and changes of a computer's password: what only a member does.
    Member,
    /// Changes of a computer's password.
    MachinePassword,
}

/// Requests of one kind that come within this time of each other are of one run, in nanoseconds.
/// Ours: in the Catalyst traffic model, 58 % of gaps inside a conversation are below 0.1 s and
/// few between 2 and 15 s. A server that validates for many has several runs side by side, which
/// a longer time would join.
const TICKET_GAP_NS: i64 = 2_500_000_000;
const VALIDATION_GAP_NS: i64 = 500_000_000;
/// Versions of policies read within a minute of each other are of one refresh. Ours: it takes
/// seconds, and the next comes after an hour and a half.
const REFRESH_GAP_NS: i64 = 60_000_000_000;
/// Whoever reads policies has searched for them within this time before. Ours: measured were 1 to
/// 4 seconds at logons and refreshes, and some more at boots.
const POLICY_BIND_NS: i64 = 8_000_000_000;
/// Times of requests that are remembered for telling runs: what is told of different flows comes
/// out of order by as much as a batch of frames.
const RECENT: usize = 12;

/// What is known of the domain.
#[derive(Debug, Default)]
pub struct Known {
    /// Its DNS name, lower case.
    pub domain: String,
    /// Short names of its domain controllers.
    pub controllers: Vec<String>,
}

/// Counts of one client.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// In all.
    pub all: Counts,
    /// During working hours.
    pub core: Counts,
    tickets: Recent,
    validations: Recent,
    refreshes: Recent,
    binds: Binds,
    /// Answers of LDAP: how many, sum and sum of squares of the logarithm of their bytes.
    pub answers: Answers,
}

/// One count per [`Event`].
#[derive(Debug, Clone, Copy)]
pub struct Counts([u32; EVENTS]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; EVENTS])
    }
}

impl Counts {
    /// How often.
    pub fn of(&self, event: Event) -> u64 {
        self.0.get(event as usize).copied().unwrap_or_default().into()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().copied().map(u64::from)
    }

    fn change(&mut self, event: Event, by: i32) {
        if let Some(count) = self.0.get_mut(event as usize) {
            *count = count.saturating_add_signed(by);
        }
    }
}

/// Sizes of answers, as their logarithms.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answers {
    /// How many.
    pub count: u64,
    sum: f64,
    squares: f64,
}

/// What sealing or signing adds to messages of LDAP: the length before a buffer, and a token with
/// AES: header, confounder, copy of the header, checksum (RFC 4121 section 4.2.4).
pub const WRAPPING_BYTES: u64 = 4 + 16 + 16 + 16 + 12;
/// The end of a result, which says that it went well (RFC 4511 section 4.5.2).
const RESULT_DONE_BYTES: u64 = 14;

impl Answers {
    /// Adds those of another client.
    pub fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    /// Median in bytes and deviation of the logarithm, as of a log-normal distribution.
    pub fn lognormal(&self) -> Option<(f64, f64)> {
        if self.count < 2 {
            return None;
        }
        let count = self.count as f64;
        let mean = self.sum / count;
        let variance = (self.squares - count * mean * mean) / (count - 1.0);
        Some((libm::exp(mean), variance.max(0.0).sqrt()))
    }
}

impl Client {
    /// Counts an event.
    pub fn count(&mut self, event: Event, is_core: bool) {
        self.all.change(event, 1);
        if is_core {
            self.core.change(event, 1);
        }
    }

    /// The bytes of an answer of LDAP; none where nothing was answered yet.
    pub fn answer(&mut self, bytes: u64) {
        let bytes = bytes.saturating_sub(RESULT_DONE_BYTES);
        if bytes > 0 {
            let logarithm = libm::log(bytes as f64);
            self.answers.count += 1;
            self.answers.sum += logarithm;
            self.answers.squares += logarithm * logarithm;
        }
    }

    /// Counts what the client asked for.
    pub fn see(&mut self, sighting: &Sighting<'_>, is_core: bool, known: &Known) {
        let Known { domain, controllers } = known;
        let mut count = |event| self.count(event, is_core);
        let detail = sighting.detail.unwrap_or_default();
        match sighting.kind {
            "dns_lookup" | "dns_query" if sighting.protocol == "dns" => {
                dns(sighting, domain, &mut count);
            }
            "local_name_query" if sighting.protocol == "nbns" && detail.starts_with("query NB") => {
                count(Event::NbnsAsked);
                if sighting.outcome == "unanswered" {
                    count(Event::NbnsUnanswered);
                }
            }
            "kerberos_logon" | "service_ticket" => {
                self.kerberos(sighting, is_core, controllers);
            }
            "ldap_bind" | "ldap_clear_text_bind" => {
                count(Event::Bind);
                if sighting.kind == "ldap_bind" && detail != "anonymous" {
                    count(Event::SaslBind);
                    let (time, read) = (sighting.time.nanos(), self.refreshes.times());
                    let found = self.binds.add(time, read);
                    self.run(Event::PolicyBind, found, is_core);
                }
            }
            "ntlm_logon" => match sighting.server_port {
                389 | 3268 => count(Event::NtlmBind),
                139 | 445 => count(Event::SmbNtlm),
                _ => {}
            },
            "tls_handshake" if matches!(sighting.server_port, 636 | 3269) => count(Event::LdapTls),
            "credential_validation" => {
                count(Event::Validation);
                let runs = self.validations.add(sighting.time.nanos(), VALIDATION_GAP_NS);
                self.run(Event::ValidationRun, runs, is_core);
            }
            "file_copy" => self.file(sighting, is_core),
            "share_access" => share(sighting, &mut count),
            kind => {
                if let Some(event) = call(kind, detail) {
                    count(event);
                }
                if is_of_a_member(kind, detail) {
                    count(Event::Member);
                }
            }
        }
    }

    fn kerberos(&mut self, sighting: &Sighting<'_>, is_core: bool, controllers: &[String]) {
        let mut count = |event| self.count(event, is_core);
        let code = sighting.code_name.unwrap_or_default();
        if code != "KRB_ERR_RESPONSE_TOO_BIG" {
            count(Event::Kerberos);
        }
        if !sighting.is_tcp {
            count(Event::KerberosUdp);
        }
        if sighting.kind == "kerberos_logon" {
            if sighting.outcome != "continued" {
                count(Event::Logon);
            }
            if sighting.outcome == "failure" {
                count(Event::LogonFailed);
            }
            if code == "KDC_ERR_PREAUTH_FAILED" && sighting.principal.is_some_and(is_person) {
                count(Event::LogonAgain);
            }
        } else if sighting.outcome != "continued" {
            count(Event::Ticket);
            if sighting.target.is_some_and(|target| !is_at(target, controllers)) {
                count(Event::TicketElsewhere);
            }
            if code == "KDC_ERR_S_PRINCIPAL_UNKNOWN" {
                count(Event::UnknownService);
            }
            let runs = self.tickets.add(sighting.time.nanos(), TICKET_GAP_NS);
            self.run(Event::TicketRun, runs, is_core);
        }
    }

    fn file(&mut self, sighting: &Sighting<'_>, is_core: bool) {
        let path = sighting.target.unwrap_or_default().to_ascii_lowercase();
        if !path.contains("\\sysvol\\") || sighting.detail != Some("read") {
            return;
        }
        if path.ends_with("\\gpt.ini") {
            self.count(Event::PolicyVersion, is_core);
            let refreshes = self.refreshes.add(sighting.time.nanos(), REFRESH_GAP_NS);
            self.run(Event::Refresh, refreshes, is_core);
            let found = self.binds.read_at(sighting.time.nanos());
            self.run(Event::PolicyBind, found, is_core);
        } else {
            self.count(Event::PolicyFile, is_core);
        }
    }

    /// Notes one request of a kind that comes in runs: how many runs more there are.
    fn run(&mut self, event: Event, change: i32, is_core: bool) {
        self.all.change(event, change);
        if is_core {
            self.core.change(event, change);
        }
    }
}

/// The latest SASL binds: when, and whether policies were read just behind them. Binds and files
/// are told in any order, so each looks for the other.
#[derive(Debug, Clone, Copy, Default)]
struct Binds {
    recent: [(i64, bool); RECENT],
    next: usize,
}

impl Binds {
    /// Adds a bind; 1 where policies were `read` just behind it, else 0.
    fn add(&mut self, time: i64, read: &[i64]) -> i32 {
        let is_found = read.iter().any(|read| is_just_before(time, *read));
        if let Some(place) = self.recent.get_mut(self.next) {
            *place = (time, is_found);
        }
        self.next = (self.next + 1) % RECENT;
        i32::from(is_found)
    }

    /// Policies are read; how many binds just before that are found by it.
    fn read_at(&mut self, read: i64) -> i32 {
        let mut found = 0;
        for (time, is_found) in &mut self.recent {
            if !*is_found && *time != 0 && is_just_before(*time, read) {
                *is_found = true;
                found += 1;
            }
        }
        found
    }
}

fn is_just_before(bind: i64, read: i64) -> bool {
    (0..=POLICY_BIND_NS).contains(&read.saturating_sub(bind))
}

/// The latest times of a kind of request, in order.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    times: [i64; RECENT],
    count: u8,
}

impl Recent {
    fn times(&self) -> &[i64] {
        self.times.get(..self.count.into()).unwrap_or_default()
    }

    /// Adds a time; how many more runs there are with it than without.
    fn add(&mut self, time: i64, gap: i64) -> i32 {
        let used = self.times();
        let at = used.partition_point(|other| *other <= time);
        let before = at.checked_sub(1).and_then(|at| used.get(at)).copied();
        let behind = used.get(at).copied();
        let is_near = |a: Option<i64>, b: Option<i64>| {
            a.zip(b).is_some_and(|(a, b)| b.saturating_sub(a) <= gap)
        };
        let change = match (is_near(before, Some(time)), is_near(Some(time), behind)) {
            (false, false) => 1,
            (true, true) if !is_near(before, behind) => -1,
            _ => 0,
        };
        self.insert(at, time);
        change
    }

    /// Inserts at a place; the earliest makes room.
    fn insert(&mut self, at: usize, time: i64) {
        if usize::from(self.count) < RECENT {
            let end = usize::from(self.count) + 1;
            if let Some(part) = self.times.get_mut(at..end) {
                part.rotate_right(1);
                part.iter_mut().take(1).for_each(|place| *place = time);
            }
            self.count += 1;
        } else if let Some(part) = self.times.get_mut(..at) {
            part.rotate_left(1.min(part.len()));
            part.iter_mut().rev().take(1).for_each(|place| *place = time);
        }
    }
}

/// Whether an account is a person's: those of computers end in a dollar sign (\[MS-SAMR\] section
/// 3.1.1.6).
fn is_person(principal: &str) -> bool {
    !principal.split('@').next().unwrap_or_default().ends_with('$')
}

/// Whether a service, `class/host/...`, is a ticket-granting one or of one of these hosts.
fn is_at(service: &str, hosts: &[String]) -> bool {
    let mut parts = service.split('/');
    let (class, host) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let label = host.split('.').next().unwrap_or_default();
    class.eq_ignore_ascii_case("krbtgt")
        || hosts.iter().any(|name| name.eq_ignore_ascii_case(label))
}

fn dns(sighting: &Sighting<'_>, domain: &str, count: &mut impl FnMut(Event)) {
    count(Event::Dns);
    if sighting.is_tcp {
        count(Event::DnsTcp);
    }
    let is_outside = sighting.target.is_some_and(|name| is_outside(name, domain));
    if sighting.detail == Some("PTR") {
        count(Event::DnsReverse);
    } else if sighting.code_name == Some("NXDOMAIN") {
        count(Event::DnsMissing);
        if is_outside {
            count(Event::DnsMissingOutside);
        }
    } else if is_outside {
        count(Event::DnsOutside);
    } else if matches!(sighting.detail, Some("A" | "AAAA")) {
        count(Event::DnsHost);
    }
}

/// Whether a name is in neither the domain nor a reverse zone, nor a bare label.
fn is_outside(name: &str, domain: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_in = |zone: &str| {
        let head = name.strip_suffix(zone);
        head.is_some_and(|head| head.is_empty() || head.ends_with('.'))
    };
    name.contains('.') && !is_in(domain) && !is_in("in-addr.arpa") && !is_in("ip6.arpa")
}

fn share(sighting: &Sighting<'_>, count: &mut impl FnMut(Event)) {
    let path = sighting.target.unwrap_or_default().to_ascii_lowercase();
    match path.rsplit('\\').next().unwrap_or_default() {
        "ipc$" | "sysvol" | "" => {}
        _ => count(Event::Share),
    }
}

/// Calls and questions that are counted one by one.
fn call(kind: &str, detail: &str) -> Option<Event> {
    Some(match kind {
        "lsa_lookup" => Event::Lsa,
        "samr_query" if detail.starts_with("SamrConnect") => Event::Samr,
        "directory_query" if detail.starts_with("IDL_DRSBind") => Event::DirectoryBind,
        "remote_call" if detail.starts_with("RpcOpenPrinter") => Event::Printer,
        "directory_query" if detail.starts_with("IDL_DRSWriteSPN") => Event::WriteSpn,
        "lsa_query" if detail.starts_with("LsarQueryTrustedDomainInfo") => Event::Trust,
        "netlogon_call" if detail.starts_with("NetrServerAuthenticate") => Event::Channel,
        "time_request" => Event::Time,
        "password_change" if detail.starts_with("NetrServerPasswordSet") => Event::MachinePassword,
        _ => return None,
    })
}

/// What only members of the domain do.
fn is_of_a_member(kind: &str, detail: &str) -> bool {
    match kind {
        "netlogon_call" => detail.starts_with("NetrServer") || detail.starts_with("NetrLogon"),
        "password_change" => detail.starts_with("NetrServerPasswordSet"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;

    fn sighting(second: i64, kind: &'static str) -> Sighting<'static> {
        Sighting {
            time: Timestamp::from_nanos(second * 1_000_000_000),
            client: [10, 0, 0, 1].into(),
            client_port: 50_000,
            server: [10, 0, 0, 2].into(),
            server_port: 88,
            is_tcp: true,
            kind,
            protocol: "kerberos",
            principal: None,
            target: None,
            detail: None,
            outcome: "success",
            code_name: None,
        }
    }

    #[test]
    fn requests_within_seconds_of_each_other_are_one_run() {
        let mut client = Client::default();
        for second in [0, 2, 4, 60, 61] {
            client.see(&sighting(second, "service_ticket"), true, &Known::default());
        }
        assert_eq!([Event::Ticket, Event::TicketRun].map(|event| client.all.of(event)), [5, 2]);
    }

    #[test]
    fn runs_do_not_depend_on_the_order_in_which_they_are_told() {
        let mut random = crate::base::Random::new(5);
        for _ in 0..1_000 {
            let mut times: Vec<i64> =
                (0..12).map(|_| i64::from(random.below(40)) * 1_000_000_000).collect();
            let mut recent = Recent::default();
            let told: i32 = times.iter().map(|time| recent.add(*time, TICKET_GAP_NS)).sum();
            times.sort_unstable();
            let gaps = times.iter().zip(&times[1..]).filter(|(a, b)| *b - *a > TICKET_GAP_NS);
            assert_eq!(told, 1 + i32::try_from(gaps.count()).unwrap(), "{times:?}");
            assert!(recent.times.is_sorted());
        }
    }

    #[test]
    fn a_bind_just_before_policies_is_part_of_reading_them_in_whatever_order_it_is_told() {
        let bind = |second| Sighting { detail: Some("SASL"), ..sighting(second, "ldap_bind") };
        let read = |second| Sighting {
            target: Some(r"\\dc1\sysvol\corp.example\Policies\{1}\gpt.ini"),
            detail: Some("read"),
            ..sighting(second, "file_copy")
        };
        // Two at a logon, one at a refresh, one by itself, and one too early.
        let told = [bind(1), bind(3), read(5), read(6), bind(100), read(102), bind(50), bind(80)];
        let mut random = crate::base::Random::new(11);
        for _ in 0..100 {
            let mut told = told;
            for at in (1..told.len()).rev() {
                let other = random.below(u32::try_from(at + 1).unwrap()) as usize;
                told.swap(at, other);
            }
            let mut client = Client::default();
            told.iter().for_each(|one| client.see(one, true, &Known::default()));
            let events = [Event::SaslBind, Event::PolicyBind, Event::Refresh];
            assert_eq!(events.map(|event| client.all.of(event)), [5, 3, 2]);
        }
    }

    #[test]
    fn names_outside_are_those_of_other_domains() {
        for (name, expected) in [
            ("www.contoso.example", true),
            ("dc1.corp.example", false),
            ("CORP.example.", false),
            ("notcorp.example", true),
            ("1.0.0.10.in-addr.arpa", false),
            ("wpad", false),
        ] {
            assert_eq!(is_outside(name, "corp.example"), expected, "{name}");
        }
    }

    #[test]
    fn sizes_are_fitted_by_median_and_deviation() {
        let mut client = Client::default();
        for bytes in [100, 400, 1_600, 0] {
            client.answer(bytes + RESULT_DONE_BYTES);
        }
        let (median, sigma) = client.answers.lognormal().unwrap();
        assert!((median - 400.0).abs() < 0.01 && (sigma - libm::log(4.0)).abs() < 1e-9);
    }
}
