//! What was learned, as a commented estate file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use super::fit::{EVENTS_MIN, Fitted, Group, Learned, Site};
use super::{WORK_ENDS, WORK_STARTS};
use crate::estate::{Arrival, Estate, EstateError, Knob, Parameters, PopulationKind, Schedule};

/// How to tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Telling {
    /// What the capture is called.
    pub source: String,
    /// What made the capture, where it was synthesized.
    pub synthesized: Option<String>,
    /// Names and addresses of controllers, domain and forwarders are replaced.
    pub anonymize: bool,
    /// NetBIOS name of the domain, where it was seen.
    pub short: Option<String>,
    /// Clients are multiplied by it; nothing else is.
    pub scale: f64,
}

/// Client networks of estates, one of which holds no controller: RFC 1918.
const NETWORKS: [(u32, u32); 2] = [(0x0a80_0000, 0x0aff_ffff), (0xac10_0000, 0xac1f_ffff)];
/// Clients of one site at most, as a power of two.
const SITE_BITS_MAX: u32 = 19;
/// A forwarder where none was seen or none may be named: TEST-NET-1, RFC 5737.
const NO_FORWARDER: &str = "192.0.2.53";
/// The calibration that everything comes from that was not learned.
pub const CALIBRATION: &str = "light";
/// Longest source of a parameter in estates, in bytes, with room for what stands behind it.
const SOURCE_BYTES_MAX: usize = 120;

impl Learned {
    /// The estate file, checked for synthesis. A parameter whose value is beyond what estates may
    /// say is left out, with a comment.
    ///
    /// # Errors
    /// No client was seen, or the estate cannot be: more clients than estates hold.
    pub fn to_toml(&self, telling: &Telling) -> Result<String, EstateError> {
        let mut refused = BTreeSet::new();
        loop {
            let text = self.text(telling, &refused);
            let error = match Estate::parse(&text, "learned estate") {
                Ok(estate) => return estate.check_for_synthesis().map(|()| text),
                Err(error) => error,
            };
            // A parameter out of its limits is told by its name: without it the rest is as good.
            let knob = error.field.as_deref().and_then(Knob::by_name);
            match knob {
                Some(knob) if refused.insert(knob) => {}
                _ => return Err(error),
            }
        }
    }

    fn text(&self, telling: &Telling, refused: &BTreeSet<Knob>) -> String {
        let page = Page { learned: self, telling, refused, calibration: light() };
        let mut out = String::new();
        // Writing to memory cannot fail.
        let _ = page.write(&mut out);
        out
    }
}

fn light() -> Option<Parameters> {
    Parameters::of(CALIBRATION).ok()
}

/// One estate file.
struct Page<'a> {
    learned: &'a Learned,
    telling: &'a Telling,
    refused: &'a BTreeSet<Knob>,
    calibration: Option<Parameters>,
}

impl Page<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        self.head(out)?;
        self.forest(out)?;
        let network = self.network();
        for (at, site) in (0u32..).zip(&self.learned.sites) {
            self.site(out, site, at, network)?;
        }
        self.rest(out)
    }

    fn head(&self, out: &mut String) -> std::fmt::Result {
        let Learned { hours, unfollowed, .. } = self.learned;
        writeln!(out, "# An estate learned from {}", comment(&self.telling.source))?;
        writeln!(
            out,
            "# {} to {}: {:.2} hours, {:.2} of them working hours ({WORK_STARTS}:00 to {WORK_ENDS}:00, \
             Monday to Friday, {}).",
            hours.first,
            hours.last,
            hours.all(),
            hours.core,
            hours.zone_name
        )?;
        writeln!(
            out,
            "#\n# Each learned value says from how many events. Fewer than {EVENTS_MIN} teach \
             nothing: such values,\n# and whatever a capture cannot show, are those of the \
             calibration `{CALIBRATION}`; comments name them."
        )?;
        writeln!(
            out,
            "# The course of a day is the calibration's, too: rates are those of the working hours \
             in the\n# capture, and schedules are assumed. Clients are counted, never named."
        )?;
        if self.telling.scale != 1.0 {
            writeln!(
                out,
                "# Clients are multiplied by {}; what each does, and when, is not changed.",
                self.telling.scale
            )?;
        }
        if *unfollowed > 0 {
            writeln!(
                out,
                "# {unfollowed} requests came from clients that found no room, and are left out."
            )?;
        }
        writeln!(out, "calibration = \"{CALIBRATION}\"")?;
        if let Some(from) = &self.telling.synthesized {
            let mut from = comment(from);
            while from.len() > SOURCE_BYTES_MAX {
                from.pop();
            }
            writeln!(out, "\n# The capture was synthesized: nothing here was seen in a network.")?;
            writeln!(out, "learned_from_synthesized = {}", quoted(&from))?;
        }
        writeln!(out)
    }

    fn forest(&self, out: &mut String) -> std::fmt::Result {
        let (name, short) = match self.telling.anonymize {
            true => (super::NO_DOMAIN, None),
            false => (self.learned.domain.as_str(), self.telling.short.as_deref()),
        };
        writeln!(out, "[forest]\ndns_name = {}", quoted(name))?;
        if let Some(short) = short {
            writeln!(out, "netbios_name = {}", quoted(&short.to_uppercase()))?;
        }
        let all = self.learned.sites.iter().flat_map(|site| &site.forwarders);
        let mut named: Vec<String> =
            all.filter(|address| is_usable(**address)).map(ToString::to_string).collect();
        named.sort();
        named.dedup();
        if self.telling.anonymize {
            named.clear();
        }
        writeln!(out, "\n[network]")?;
        if named.is_empty() {
            writeln!(out, "# An example: none was seen, or it may not be named.")?;
            named.push(NO_FORWARDER.to_owned());
        }
        named.truncate(4);
        let named: Vec<String> = named.iter().map(|address| quoted(address)).collect();
        writeln!(out, "forwarders = [{}]", named.join(", "))
    }

    fn site(
        &self,
        out: &mut String,
        site: &Site,
        at: u32,
        network: (u32, u32),
    ) -> std::fmt::Result {
        let name = self.name(site, at);
        let (first, bits) = network;
        let network = Ipv4Addr::from_bits(first.wrapping_add(at << bits));
        let zone = &self.learned.hours.zone_name;
        writeln!(out, "\n# {} and who asks it.", name)?;
        for row in &site.unevenness {
            writeln!(
                out,
                "# Requests in windows of {} s: index of dispersion {:.1} (1: independent of each \
                 other), fullest {:.1} times the mean, {} windows.",
                row.seconds, row.dispersion, row.peak_to_mean, row.windows
            )?;
        }
        writeln!(
            out,
            "[[site]]\nname = {}\ntime_zone = {}\n# Not the clients' own addresses.\nsubnet = \
             \"{network}/{}\"",
            quoted(&format!("at-{name}")),
            quoted(zone),
            32 - bits
        )?;
        let has_ipv6 = self.has_ipv6(site);
        if has_ipv6 {
            writeln!(out, "subnet6 = \"fd48:{at:x}::/64\"")?;
        }
        self.controller(out, site, at, &name)?;
        for group in &site.groups {
            self.group(out, group, &name, has_ipv6)?;
        }
        Ok(())
    }

    fn name(&self, site: &Site, at: u32) -> String {
        match self.telling.anonymize {
            true => format!("dc{:02}", at + 1),
            false => site.controller.name.clone(),
        }
    }

    fn controller(&self, out: &mut String, site: &Site, at: u32, name: &str) -> std::fmt::Result {
        let addresses: Vec<String> = match self.telling.anonymize {
            true => {
                let v4 = Ipv4Addr::from_bits(0xc612_0000 + 10 + at).to_string();
                let v6 = self.has_ipv6(site).then(|| format!("fd48:ffff::{:x}", at + 10));
                std::iter::once(v4).chain(v6).collect()
            }
            false => {
                let usable = site.controller.addresses.iter().filter(|a| is_usable(**a));
                usable.map(ToString::to_string).collect()
            }
        };
        let addresses: Vec<String> = addresses.iter().map(|address| quoted(address)).collect();
        let roles: Vec<String> = site.roles.iter().map(|role| quoted(role)).collect();
        writeln!(
            out,
            "\n[[domain_controller]]\nname = {}\naddresses = [{}]\nsite = {}\nroles = [{}]",
            quoted(name),
            addresses.join(", "),
            quoted(&format!("at-{name}")),
            roles.join(", ")
        )
    }

    fn group(
        &self,
        out: &mut String,
        group: &Group,
        place: &str,
        has_ipv6: bool,
    ) -> std::fmt::Result {
        let (kind, join, name, about) = words(group.kind);
        writeln!(out, "\n# {about}")?;
        #[expect(clippy::cast_possible_truncation, reason = "saturates; estates hold 2,000,000")]
        let count = ((group.count as f64 * self.telling.scale).round() as i64).max(1);
        writeln!(
            out,
            "[[population]]\nname = {}\nkind = \"{kind}\"\njoin = \"{join}\"\n# {} seen.\ncount = \
             {count}\nsite = {}",
            quoted(&format!("{name} of {place}")),
            group.count,
            quoted(&format!("at-{place}")),
        )?;
        if let Some(schedule) = schedule(group.kind) {
            writeln!(out, "# Who was seen comes on every working day; the hours are assumed.")?;
            writeln!(out, "schedule = {schedule}")?;
        }
        if has_ipv6 && group.ipv6_share > 0.0 {
            writeln!(out, "ipv6_share = {}", rounded(group.ipv6_share))?;
        }
        self.parameters(out, &group.parameters, "population.parameters")
    }

    fn parameters(&self, out: &mut String, fitted: &[Fitted], table: &str) -> std::fmt::Result {
        if fitted.is_empty() {
            return Ok(());
        }
        writeln!(out, "[{table}]")?;
        for parameter in fitted {
            let name = parameter.knob.name();
            let events = parameter.events;
            let kept = self.calibration.as_ref().map(|c| c.get(parameter.knob)).unwrap_or_default();
            match parameter.value {
                Some(value) if self.refused.contains(&parameter.knob) => writeln!(
                    out,
                    "# {name}: {} of {events} events is beyond what an estate may say; \
                     `{CALIBRATION}` has {kept}.",
                    rounded(value)
                )?,
                Some(value) => writeln!(
                    out,
                    "{name} = {{ value = {}, basis = \"learned\", source = {} }}",
                    rounded(value),
                    quoted(&self.source(events))
                )?,
                None => writeln!(
                    out,
                    "# {name}: not learned, {} ({events}); `{CALIBRATION}` has {kept}.",
                    parameter.why_not
                )?,
            }
        }
        Ok(())
    }

    fn source(&self, events: u64) -> String {
        let hours = &self.learned.hours;
        let mut name: String = self.telling.source.chars().filter(|c| !c.is_control()).collect();
        while name.len() > SOURCE_BYTES_MAX {
            name.pop();
        }
        let second = |time: crate::base::Timestamp| {
            let nanos = time.nanos();
            crate::base::Timestamp::from_nanos(nanos - nanos.rem_euclid(1_000_000_000))
        };
        format!("{name}, {}..{}, {events} events", second(hours.first), second(hours.last))
    }

    /// Parameters of the whole estate, and what no population says.
    fn rest(&self, out: &mut String) -> std::fmt::Result {
        let fitted = &self.learned.parameters;
        if !fitted.is_empty() {
            writeln!(out)?;
            self.parameters(out, fitted, "parameters")?;
        }
        let groups = self.learned.sites.iter().flat_map(|site| &site.groups);
        let seen: BTreeSet<Knob> =
            groups.flat_map(|group| &group.parameters).chain(fitted).map(|f| f.knob).collect();
        writeln!(
            out,
            "\n# Not seen in this capture, or not to be seen in any; `{CALIBRATION}` says:"
        )?;
        for knob in Knob::ALL.iter().filter(|knob| !seen.contains(knob)) {
            let kept = self.calibration.as_ref().map(|c| c.get(*knob)).unwrap_or_default();
            writeln!(out, "#   {} = {kept}", knob.name())?;
        }
        Ok(())
    }

    fn has_ipv6(&self, site: &Site) -> bool {
        site.controller.addresses.iter().any(|a| a.is_ipv6() && is_usable(*a))
            && site.groups.iter().any(|group| group.ipv6_share > 0.0)
    }

    /// First address of the first client network, of a block in which no controller is, and how
    /// many bits of its addresses are the clients'.
    fn network(&self) -> (u32, u32) {
        let taken: Vec<u32> = self
            .learned
            .sites
            .iter()
            .flat_map(|site| site.controller.addresses.iter().chain(&site.forwarders))
            .filter_map(|address| match address {
                IpAddr::V4(v4) => Some(v4.to_bits()),
                IpAddr::V6(_) => None,
            })
            .collect();
        let is_free = |(first, last): &(u32, u32)| {
            !taken.iter().any(|address| (*first..=*last).contains(address))
        };
        let (first, last) = *NETWORKS.iter().find(|block| is_free(block)).unwrap_or(&NETWORKS[0]);
        let sites = u32::try_from(self.learned.sites.len()).unwrap_or(u32::MAX).max(1);
        let each = ((last - first) / sites).max(8);
        (first, each.ilog2().min(SITE_BITS_MAX))
    }
}

/// Kind and join in estate files, a name, and what is known of such a population.
const fn words(kind: PopulationKind) -> (&'static str, &'static str, &'static str, &'static str) {
    match kind {
        PopulationKind::NtlmServer => (
            "ntlm-server",
            "active-directory",
            "NTLM servers",
            "Servers that have NTLM logons validated.",
        ),
        PopulationKind::Application => (
            "application",
            "active-directory",
            "applications",
            "Applications that search the directory on connections that stay.",
        ),
        PopulationKind::VpnUser => (
            "vpn-user",
            "active-directory",
            "VPN users",
            "People whom RADIUS accounting announces.",
        ),
        PopulationKind::ManagedDevice => (
            "managed-device",
            "entra",
            "devices",
            "Computers that ask for names and tickets only: members of the domain do more in that time.",
        ),
        PopulationKind::Workstation | PopulationKind::Laptop | PopulationKind::MemberServer => (
            "workstation",
            "active-directory",
            "endpoints",
            "Everybody else: people's computers, and servers that do nothing by which they are \
             told apart.",
        ),
    }
}

/// The schedule of people: an office's, but on working days all of those come that were seen.
/// `None` of servers.
fn schedule(kind: PopulationKind) -> Option<String> {
    if matches!(kind, PopulationKind::Application | PopulationKind::NtlmServer) {
        return None;
    }
    let Schedule { arrival, stay_hours, presence } = Schedule::named("office")?;
    let Arrival::Normal { mean, deviation, earliest, latest } = arrival else { return None };
    let [mean, earliest, latest] = [mean, earliest, latest]
        .map(|minutes| format!("{:02}:{:02}", (minutes / 60.0).floor(), (minutes % 60.0).floor()));
    let [.., saturday, sunday] = presence;
    Some(format!(
        "{{ arrival = \"normal\", mean = \"{mean}\", deviation_minutes = {deviation}, earliest = \
         \"{earliest}\", latest = \"{latest}\", stay_hours = {stay_hours}, presence = [1.0, 1.0, 1.0, \
         1.0, 1.0, {saturday:.2}, {sunday:.2}] }}"
    ))
}

/// An address that estates take for one of a host.
fn is_usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_unspecified() || v4.is_loopback() || v4.is_multicast() || v4.is_link_local())
                && v4.octets()[0] != 0
                && v4.octets()[0] < 240
        }
        IpAddr::V6(v6) => {
            !(v6.is_unspecified()
                || v6.is_loopback()
                || v6.is_multicast()
                || v6.is_unicast_link_local())
        }
    }
}

/// Four digits, in the shortest form.
fn rounded(value: f64) -> String {
    let text = format!("{value:.3e}");
    text.parse::<f64>().map_or(text, |short| format!("{short}"))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text that ends no comment.
fn comment(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Timestamp;
    use crate::estate::Basis;
    use crate::learn::{Controller, Hours};

    fn learned(knob: Knob, value: f64) -> Learned {
        let time = |hour: i64| Timestamp::from_parts(1_768_176_000 + hour * 3_600, 0);
        let fitted = Fitted { knob, value: Some(value), events: 31, why_not: "" };
        let address = "10.200.0.1".parse().unwrap();
        Learned {
            domain: "corp.example".to_owned(),
            hours: Hours::new(time(9), time(11), "UTC").unwrap(),
            sites: vec![Site {
                controller: Controller { name: "dc1".to_owned(), addresses: vec![address] },
                roles: vec!["dns"],
                forwarders: Vec::new(),
                groups: vec![Group {
                    kind: PopulationKind::Workstation,
                    count: 3,
                    ipv6_share: 0.0,
                    parameters: vec![fitted],
                }],
                unevenness: Vec::new(),
            }],
            parameters: Vec::new(),
            unfollowed: 0,
        }
    }

    fn telling(source: &str) -> Telling {
        let (short, synthesized) = (None, None);
        Telling { source: source.to_owned(), synthesized, anonymize: false, short, scale: 1.0 }
    }

    #[test]
    fn a_value_beyond_what_estates_may_say_is_told_in_a_comment() {
        let text = learned(Knob::DnsQueries, 1e9).to_toml(&telling("a.pcap")).unwrap();
        let line = "# dns.queries_per_hour: 1000000000 of 31 events is beyond what an estate may \
                    say; `light` has 250.\n";
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn names_of_files_cannot_break_the_estate() {
        let source = "x\"\n[forest]\r\\ # \u{1b}[2J.pcap";
        let text = learned(Knob::DnsQueries, 12.34).to_toml(&telling(source)).unwrap();
        let estate = Estate::parse(&text, "x").unwrap();
        let [own] = &estate.populations()[0].own_parameters[..] else { panic!("{text}") };
        assert_eq!((own.value, own.basis), (12.34, Basis::Learned));
        assert!(own.source.starts_with("x\"[forest]\\ # [2J.pcap, 2026-01-12T09:00:00Z.."));
        // The clients' network is one that the controller is not in.
        assert!(text.contains("subnet = \"172.16.0.0/13\""), "{text}");
    }

    #[test]
    fn numbers_have_four_digits() {
        for (value, expected) in [(0.123_456, "0.1235"), (1_234.56, "1235"), (0.0, "0")] {
            assert_eq!(rounded(value), expected);
        }
    }
}
