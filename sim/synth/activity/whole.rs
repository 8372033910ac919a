//! What people and computers do as a whole: made of other activities, each at its time.
//!
//! The composition is assumed in the order that \[MS-GPOL\] and the locator's documentation give;
//! what single parts cost is measured on public captures.

use super::{local, smb};
use crate::estate::Knob;
use crate::synth::tickets::Who;
use crate::synth::{Activity, Stage};

/// A part: milliseconds after the beginning, what, and how much of it.
type Part = (f64, Activity, u32);

/// The computer's account, as the argument of [`Activity::KerberosLogon`].
const COMPUTER: u32 = 0;
/// The person's.
const PERSON: u32 = 1;

/// A computer starts: it finds a domain controller, sets up its secure channel, gets tickets,
/// registers its name, and applies its policies. Ours, from the order of the sources above.
const BOOT: &[Part] = &[
    (0.0, Activity::DnsLocate, 2),
    (60.0, Activity::NetlogonPing, 0),
    (90.0, Activity::NetlogonPing, 0),
    (150.0, Activity::DnsLookup, 0),
    (400.0, Activity::SecureChannel, 0),
    (1_200.0, Activity::KerberosLogon, COMPUTER),
    (1_500.0, Activity::ServiceTickets, 3),
    (1_900.0, Activity::TimeRequest, 0),
    (2_300.0, Activity::DnsUpdate, 0),
    (3_500.0, Activity::DnsLookup, 0),
    (3_700.0, Activity::NetlogonPing, 0),
    (4_000.0, Activity::LdapConnection, 4),
    (4_600.0, Activity::CrackNames, 0),
    (5_300.0, Activity::LdapConnection, 2),
    (9_000.0, Activity::DnsLookup, 0),
    (12_000.0, Activity::DnsOutside, 0),
    (12_100.0, Activity::DnsOutside, 0),
    (12_900.0, Activity::DnsLookup, 0),
    (15_000.0, Activity::DnsLookup, 0),
    (17_000.0, Activity::ServiceTickets, 2),
];

/// A person logs on: tickets, policies, drives, names of groups.
const LOGON: &[Part] = &[
    (0.0, Activity::DnsLocate, 1),
    (120.0, Activity::KerberosLogon, PERSON),
    (500.0, Activity::ServiceTickets, 2),
    (900.0, Activity::LsaLookup, 2),
    (1_400.0, Activity::LdapConnection, 4),
    (2_000.0, Activity::CrackNames, 0),
    (2_900.0, Activity::LdapConnection, 2),
    (5_200.0, Activity::DnsLookup, 0),
    (5_300.0, Activity::DnsLookup, 0),
    (6_000.0, Activity::ServiceTickets, 2),
    (7_500.0, Activity::DnsLookup, 0),
    (7_800.0, Activity::DnsOutside, 0),
    (8_100.0, Activity::DnsOutside, 0),
    (9_000.0, Activity::DnsOutside, 0),
    (9_400.0, Activity::DnsOutside, 0),
    (11_000.0, Activity::DnsLookup, 0),
    (13_000.0, Activity::ServiceTickets, 2),
    (14_000.0, Activity::DnsOutside, 0),
    (16_000.0, Activity::DnsOutside, 0),
];

/// A person on an Entra-joined device uses a resource of the domain: five names, a domain
/// controller, tickets.
const CLOUD_LOGON: &[Part] = &[
    (0.0, Activity::DnsLookup, 0),
    (15.0, Activity::DnsLocate, 1),
    (60.0, Activity::NetlogonPing, 0),
    (120.0, Activity::DnsLookup, 0),
    (200.0, Activity::KerberosLogon, PERSON),
    (600.0, Activity::ServiceTickets, 2),
];

/// What joining adds to a boot: names, the place to register at, the computer's own object.
const HYBRID_JOIN: &[Part] = &[
    (0.0, Activity::DnsLocate, 2),
    (500.0, Activity::NetlogonPing, 0),
    (1_500.0, Activity::IntuneConnector, 0),
    (8_000.0, Activity::KerberosLogon, COMPUTER),
    (9_000.0, Activity::LdapConnection, 2),
    (12_000.0, Activity::DeviceRegistration, 0),
    (20_000.0, Activity::Boot, 0),
];
/// DNS queries that joining adds, over so many milliseconds. Assumed.
const HYBRID_JOIN_NAMES: u32 = 34;
const HYBRID_JOIN_NAMES_MS: f64 = 60_000.0;

/// Share of boots that read the schema anew. Assumed.
const SCHEMA_SHARE: f64 = 0.02;

/// Phases of an enrolment: from which minute to which, and their part of the queries after the
/// first quarter of an hour. The order is that of the deployment profile; the minutes are
/// assumed.
const EARLY_PHASES: &[(f64, f64, u32)] =
    &[(0.0, 1.0, 1), (1.0, 3.0, 2), (3.0, 8.0, 3), (5.0, 15.0, 4)];
const LATE_PHASES: &[(f64, f64, u32)] = &[(15.0, 50.0, 5), (20.0, 60.0, 6), (30.0, 60.0, 7)];
/// Queries asked one behind the other. Assumed.
const NAMES_AT_ONCE: u32 = 4;
/// Where the phase stands in the argument of [`Activity::ManagedNames`]; the lower bits count.
const PHASE_SHIFT: u32 = 16;

/// A computer starts.
pub fn boot(stage: &mut Stage<'_>) {
    stage.purge_tickets(Who::Computer);
    stage.purge_tickets(Who::Person);
    stage.memory.disconnect();
    local::begin(stage);
    play(stage, BOOT);
    for number in 0..2 {
        // Its own name and the domain's; where NetBIOS is off, nobody asks.
        if stage.knob(Knob::NbnsQueries) > 0.0 {
            part(stage, (2_000.0 + f64::from(number) * 60.0, Activity::NbnsRegister, 0));
        }
    }
    policies(stage, 6_000.0, 0);
    if stage.random.chance(SCHEMA_SHARE) {
        part(stage, (14_000.0, Activity::LdapSchema, 0));
    }
}

/// A person logs on.
pub fn logon(stage: &mut Stage<'_>) {
    stage.purge_tickets(Who::Person);
    play(stage, LOGON);
    policies(stage, 3_600.0, smb::PERSON);
    // Mapped drives and a logon script.
    part(stage, (10_000.0, Activity::SmbSession, smb::PERSON + 1));
}

/// A person unlocks the screen: proves the password at the domain controller.
pub fn unlock(stage: &mut Stage<'_>) {
    part(stage, (0.0, Activity::KerberosLogon, PERSON));
    part(stage, (400.0, Activity::DnsLookup, 0));
    part(stage, (450.0, Activity::ServiceTickets, 1));
}

/// Group policy is refreshed: the names of its objects, what applies, and what it says.
pub fn gpo(stage: &mut Stage<'_>) {
    // A domain controller asks itself, and its adapter does not see it.
    if stage.is_domain_controller() {
        return;
    }
    part(stage, (0.0, Activity::DnsLookup, 0));
    part(stage, (20.0, Activity::NetlogonPing, 0));
    part(stage, (100.0, Activity::LdapConnection, 4));
    part(stage, (600.0, Activity::CrackNames, 0));
    let whose = if stage.item.argument == PERSON { smb::PERSON } else { 0 };
    policies(stage, 1_200.0, whose);
}

/// A person on an Entra-joined device uses a resource of the domain.
pub fn cloud(stage: &mut Stage<'_>) {
    stage.purge_tickets(Who::Person);
    play(stage, CLOUD_LOGON);
}

/// A new device enrols: the names of its phases, 40 % of them in the first quarter of an hour.
pub fn enrol(stage: &mut Stage<'_>) {
    let queries = stage.knob(Knob::AutopilotQueries).clamp(0.0, 100_000.0);
    let first = queries * stage.knob(Knob::AutopilotFirstShare);
    spread(stage, EARLY_PHASES, first);
    spread(stage, LATE_PHASES, queries - first);
}

/// Spreads queries over phases, a few at once.
fn spread(stage: &mut Stage<'_>, phases: &[(f64, f64, u32)], queries: f64) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
    let mut left = queries.round() as u32;
    while left > 0 {
        let count = left.min(NAMES_AT_ONCE);
        left -= count;
        let drawn = stage.random.below(u32::try_from(phases.len()).unwrap_or(1));
        let Some(&(from, to, phase)) = phases.get(drawn as usize) else { return };
        let after_ms = stage.random.between(from, to) * 60_000.0;
        if Activity::ManagedNames.is_served(stage.cast) {
            stage.later(after_ms, Activity::ManagedNames, phase << PHASE_SHIFT | count);
        }
    }
}

/// A device joins the domain and Entra ID.
pub fn hybrid(stage: &mut Stage<'_>) {
    play(stage, HYBRID_JOIN);
    for _ in 0..HYBRID_JOIN_NAMES {
        let after = stage.random.unit() * HYBRID_JOIN_NAMES_MS;
        part(stage, (after, Activity::DnsOutside, 0));
    }
}

/// The files of all policies are looked at, in the session of the computer or the person.
fn policies(stage: &mut Stage<'_>, after_ms: f64, whose: u32) {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "few")]
    let count = stage.knob(Knob::GpoCount).clamp(0.0, 1_000.0) as u32;
    if count > 0 {
        part(stage, (after_ms, Activity::SysvolRead, whose + count));
    }
}

fn play(stage: &mut Stage<'_>, parts: &[Part]) {
    for &one in parts {
        part(stage, one);
    }
}

/// Plans a part for its time, give or take a third: computers are not equally fast.
fn part(stage: &mut Stage<'_>, (after_ms, activity, argument): Part) {
    if activity.is_served(stage.cast) {
        let pace = stage.random.between(0.8, 1.25);
        stage.later(after_ms * pace, activity, argument);
    }
}
