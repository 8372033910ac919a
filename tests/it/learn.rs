//! `headroom learn`: what an estate says comes back out of its synthesized capture, and a capture
//! never gives away who was in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use headroom::estate::{Basis, Estate, Knob, PopulationKind};
use tempfile::TempDir;

/// An estate whose parameters are none of a calibration's, and easily told apart.
const ESTATE: &str = r#"
calibration = "light"

[forest]
dns_name = "harbour.example"

[network]
forwarders = ["192.0.2.99"]

[[site]]
name = "Kiel"
time_zone = "Europe/Berlin"
subnet = "172.20.0.0/20"

[[domain_controller]]
name = "quay"
addresses = ["172.20.0.5"]
site = "Kiel"
roles = ["dns", "wins", "sensor", "radius-accounting"]

[[population]]
name = "desks"
kind = "workstation"
count = 60
site = "Kiel"

[[population]]
name = "fleet"
kind = "managed-device"
join = "entra"
count = 25
site = "Kiel"
parameters = { cloud.logons_per_hour = 1 }

[[population]]
name = "mail"
kind = "ntlm-server"
count = 2
site = "Kiel"

[[population]]
name = "identity"
kind = "application"
count = 2
site = "Kiel"

[[population]]
name = "remote"
kind = "vpn-user"
count = 12
site = "Kiel"

[parameters]
dns.queries_per_hour = 150
dns.outside_share = 0.5
dns.forwarded_share = 0.4
dns.nxdomain_share = 0.2
nbns.queries_per_hour = 6
kerberos.tickets_per_hour = 24
kerberos.run_length = 3
kerberos.udp_share = 0.3
ldap.connections_per_hour = 4
ldap.sasl_share = 0.5
ldap.tls_share = 0.25
ldap.application_searches_per_second = 2
ldap.result_bytes = 3000
ldap.result_sigma = 0.7
ntlm.validations_per_hour = 1200
ntlm.run_length = 3
lsa.lookups_per_hour = 12
samr.chains_per_hour = 1.5
drsuapi.calls_per_hour = 1.5
gpo.policies = 5
smb.file_sessions_per_hour = 2
vpn.interim_seconds = 300
sensor.probes_per_second = 2.5
"#;

/// What must come back, and how far off it may be, as a share. Events are few, and come in runs
/// and sessions: the tolerance is some three deviations of what one run draws.
const PEOPLE: &[(Knob, f64, f64)] = &[
    (Knob::DnsQueries, 150.0, 0.10),
    (Knob::DnsOutsideShare, 0.5, 0.10),
    (Knob::DnsForwardedShare, 0.4, 0.15),
    (Knob::DnsNxdomainShare, 0.2, 0.30),
    (Knob::NbnsQueries, 6.0, 0.15),
    (Knob::KerberosTickets, 24.0, 0.20),
    (Knob::KerberosRun, 3.0, 0.20),
    (Knob::KerberosUdpShare, 0.3, 0.20),
    (Knob::LdapConnections, 4.0, 0.20),
    (Knob::LdapSaslShare, 0.5, 0.20),
    (Knob::LdapsShare, 0.25, 0.25),
    (Knob::LsaLookups, 12.0, 0.20),
    (Knob::SamrChains, 1.5, 0.25),
    (Knob::DrsuapiCalls, 1.5, 0.40),
    (Knob::GpoCount, 5.0, 0.10),
    (Knob::FileSessions, 2.0, 0.30),
];
const DEVICES: &[(Knob, f64, f64)] = &[
    // Few of them, who are active and rest for long; names that a logon asks for are not apart.
    (Knob::DnsQueries, 150.0, 0.25),
    (Knob::DnsOutsideShare, 0.5, 0.10),
    (Knob::CloudLogons, 1.0, 0.35),
];
const NTLM: &[(Knob, f64, f64)] =
    &[(Knob::NtlmValidations, 1_200.0, 0.15), (Knob::NtlmRun, 3.0, 0.15)];
const APPLICATION: &[(Knob, f64, f64)] = &[
    (Knob::LdapApplicationSearches, 2.0, 0.25),
    (Knob::LdapResultBytes, 3_000.0, 0.10),
    (Knob::LdapResultSigma, 0.7, 0.10),
];
const VPN: &[(Knob, f64, f64)] = &[(Knob::VpnInterimSeconds, 300.0, 0.10)];
const ESTATE_WIDE: &[(Knob, f64, f64)] = &[(Knob::SensorProbes, 2.5, 0.15)];

/// Shares whose wholes are not what first comes to mind, or are hidden from a capture: each far
/// from the calibration's, so that encryption, retries and failures stand in each other's way.
const SHARES: &[(Knob, f64, f64)] = &[
    (Knob::DnsOutsideShare, 0.5, 0.06),
    (Knob::DnsForwardedShare, 0.4, 0.10),
    (Knob::DnsNxdomainShare, 0.2, 0.08),
    (Knob::DnsTcpShare, 0.1, 0.12),
    (Knob::DnsReverseShare, 0.3, 0.12),
    (Knob::NbnsUnansweredShare, 0.3, 0.10),
    (Knob::KerberosUdpShare, 0.3, 0.10),
    // Tickets that are asked for before anybody has logged on bring logons that never fail.
    (Knob::KerberosBadPasswordShare, 0.15, 0.30),
    (Knob::KerberosUnknownServiceShare, 0.1, 0.15),
    (Knob::LdapSaslShare, 0.6, 0.12),
    (Knob::LdapNtlmShare, 0.1, 0.30),
    (Knob::LdapsShare, 0.25, 0.20),
    // Drawn once for each client.
    (Knob::SmbEncryptedShare, 0.4, 0.25),
    (Knob::SmbNtlmShare, 0.3, 0.20),
    (Knob::SmbPrintShare, 0.4, 0.15),
];

/// Runs the program in a folder.
fn headroom(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headroom"));
    command.current_dir(folder).args(words).output().unwrap()
}

/// The same, which must go well.
fn done(folder: &Path, words: &[&str]) -> Output {
    let output = headroom(folder, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Synthesizes an estate from ten o'clock on a Tuesday, and learns from that.
fn learned(folder: &TempDir, estate: &str, start: &str, more: &[&str]) -> String {
    let folder = folder.path();
    std::fs::write(folder.join("estate.toml"), estate).unwrap();
    let synth = ["synth", "estate.toml", "-q", "--start", start, "--duration", "150m"];
    done(folder, &[&synth[..], &["--seed", "7", "-o", "day.pcap"]].concat());
    let learn = ["learn", "day.pcap", "-q", "--time-zone", "Europe/Berlin", "-o", "learned.toml"];
    done(folder, &[&learn[..], more].concat());
    std::fs::read_to_string(folder.join("learned.toml")).unwrap()
}

fn parsed(text: &str) -> Estate {
    let estate = Estate::parse(text, "learned.toml").unwrap();
    estate.check_for_synthesis().unwrap();
    estate
}

/// Where an estate is not as expected, as lines; tolerances are so many times wider.
fn differences(estate: &Estate, wider: f64) -> String {
    let mut out = String::new();
    for (kind, count, expected) in [
        (PopulationKind::Workstation, 60, PEOPLE),
        (PopulationKind::ManagedDevice, 25, DEVICES),
        (PopulationKind::NtlmServer, 2, NTLM),
        (PopulationKind::Application, 2, APPLICATION),
        (PopulationKind::VpnUser, 12, VPN),
    ] {
        let Some(group) = estate.populations().iter().find(|group| group.kind == kind) else {
            out.push_str(&format!("{kind:?}: none\n"));
            continue;
        };
        // Not everybody is there on a Tuesday.
        if group.count > count || f64::from(group.count) < f64::from(count) * 0.75 {
            out.push_str(&format!("{kind:?}: {} of {count}\n", group.count));
        }
        let value = |knob| group.parameters.get(knob);
        compare(expected, wider, value, &format!("{kind:?}"), &mut out);
    }
    compare(ESTATE_WIDE, wider, |knob| estate.parameters().get(knob), "estate", &mut out);
    out
}

fn compare(
    expected: &[(Knob, f64, f64)],
    wider: f64,
    value: impl Fn(Knob) -> f64,
    of: &str,
    out: &mut String,
) {
    for (knob, truth, tolerance) in expected {
        let got = value(*knob);
        if (got / truth - 1.0).abs() > tolerance * wider {
            out.push_str(&format!("{of}: {} {got}, not {truth}\n", knob.name()));
        }
    }
}

#[test]
fn what_an_estate_says_comes_back_and_comes_back_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = learned(&folder, ESTATE, "2026-01-13T10:00", &[]);
    let estate = parsed(&first);
    assert_eq!(differences(&estate, 1.0), "", "\n{first}");
    assert_eq!(estate.forest().unwrap().dns_name, "harbour.example");
    let dc = &estate.domain_controllers()[0];
    assert_eq!((dc.name.as_str(), dc.addresses[0].to_string().as_str()), ("quay", "172.20.0.5"));
    assert_eq!(estate.network().forwarders[0].to_string(), "192.0.2.99");
    // The learned estate is an estate like any other; what was off once may be off again.
    let second = learned(&folder, &first, "2026-01-13T10:00", &[]);
    assert_eq!(differences(&parsed(&second), 1.5), "", "\n{second}");
}

#[test]
fn shares_come_back_whatever_hides_them() {
    let folder = tempfile::tempdir().unwrap();
    let (head, _) = ESTATE.split_once("[[population]]").unwrap();
    let population = "[[population]]\nname = \"desks\"\nkind = \"workstation\"\ncount = 140\n\
                      site = \"Kiel\"\n[parameters]\nsmb.file_sessions_per_hour = 2\n";
    let shares = SHARES.iter().map(|(knob, value, _)| format!("{} = {value}\n", knob.name()));
    let estate = format!("{head}{population}{}", shares.collect::<String>());
    let mut text = estate;
    for wider in [1.0, 1.5] {
        text = learned(&folder, &text, "2026-01-13T10:00", &[]);
        let estate = parsed(&text);
        let people = &estate.populations()[0].parameters;
        let mut wrong = String::new();
        compare(SHARES, wider, |knob| people.get(knob), "desks", &mut wrong);
        assert_eq!(wrong, "", "\n{text}");
    }
}

#[test]
fn a_capture_of_the_night_teaches_no_rates_of_people() {
    let folder = tempfile::tempdir().unwrap();
    let text = learned(&folder, ESTATE, "2026-01-13T21:00", &[]);
    assert!(text.contains("0.00 of them working hours"), "{text}");
    let line = "# dns.queries_per_hour: not learned, the capture covers no working hours";
    assert!(text.contains(line), "{text}");
    let estate = parsed(&text);
    let people = estate.populations().iter().find(|p| p.kind == PopulationKind::Workstation);
    let light = headroom::estate::Parameters::of("light").unwrap();
    let rates = [Knob::DnsQueries, Knob::LsaLookups];
    for knob in rates {
        assert_eq!(people.unwrap().parameters.get(knob), light.get(knob));
    }
    // Shares do not depend on the hour.
    assert!(text.contains("dns.outside_share = { value = 0."), "{text}");
}

#[test]
fn an_anonymized_estate_names_nothing_and_is_the_same_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let plain = learned(&folder, ESTATE, "2026-01-13T10:00", &[]);
    // Clients are never named.
    for secret in ["172.20.0.1", "172.20.1.", "pc0-", "u0-0", "md1-"] {
        assert!(!plain.replace("172.20.0.5", "").contains(secret), "{secret}");
    }
    let words = ["learn", "day.pcap", "-q", "--time-zone", "Europe/Berlin", "--anonymize"];
    let output = done(folder.path(), &words);
    let anonymous = String::from_utf8(output.stdout).unwrap();
    for secret in ["harbour", "quay", "172.20.", "192.0.2.99", "day.pcap"] {
        assert!(plain.contains(secret), "{secret}");
        assert!(!anonymous.contains(secret), "{secret}:\n{anonymous}");
    }
    let (plain, anonymous) = (parsed(&plain), parsed(&anonymous));
    let of = |estate: &Estate| {
        let populations = estate.populations().iter();
        populations.map(|p| (p.kind, p.count, p.parameters.clone())).collect::<Vec<_>>()
    };
    assert_eq!(of(&plain), of(&anonymous));
}

#[test]
fn scale_multiplies_clients_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let one = parsed(&learned(&folder, ESTATE, "2026-01-13T10:00", &[]));
    let words = ["learn", "day.pcap", "-q", "--time-zone", "Europe/Berlin", "--scale", "1.3"];
    let more = String::from_utf8(done(folder.path(), &words).stdout).unwrap();
    assert!(more.contains("# Clients are multiplied by 1.3"), "{more}");
    let more = parsed(&more);
    for (one, more) in one.populations().iter().zip(more.populations()) {
        let expected = (f64::from(one.count) * 1.3).round();
        assert_eq!(f64::from(more.count), expected, "{}", one.name);
        assert_eq!(more.parameters, one.parameters);
    }
    assert_eq!(one.parameters(), more.parameters());
}

#[test]
fn few_events_teach_nothing_and_that_is_said() {
    let captures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures");
    let output = done(&captures, &["learn", "dc-morning.pcapng", "dc-rpc.pcapng", "-q"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("# ldap.sasl_share: not learned, too few events ("), "{text}");
    assert!(text.contains("\n#   gpo.base_minutes = 90\n"), "{text}");
    let estate = parsed(&text);
    assert_eq!(estate.forest().unwrap().dns_name, "lab.example");
    let learned = estate.described_parameters().iter();
    assert_eq!(learned.filter(|p| p.basis == Basis::Learned).count(), 0);
    let people = &estate.populations()[0];
    let source = &people.own_parameters[0].source;
    assert!(source.starts_with("dc-morning.pcapng and 1 more, 2026-11-21T"), "{source}");
    assert!(source.ends_with(" events"), "{source}");
}

#[test]
fn what_cannot_be_learned_from_is_refused_with_advice() {
    let captures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("captures");
    for (words, expected) in [
        (&["learn", "dc-dns.pcapng", "--scale", "0"][..], "--scale 0: not above 0"),
        (&["learn", "dc-dns.pcapng", "--scale", "nan"], "--scale NaN: not above 0"),
        (
            &["learn", "dc-dns.pcapng", "--time-zone", "Mars/Olympus"],
            "--time-zone Mars/Olympus: there is no such time zone; write e.g. Europe/Berlin",
        ),
        (&["learn", "-"], "captures are read twice; write it to a file first"),
        (
            &["learn", "dc-dns.pcapng", "--dc", "elsewhere=203.0.113.9"],
            "nobody asks the domain controllers in the captures for anything",
        ),
    ] {
        let output = headroom(&captures, words);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {errors}");
        assert!(errors.contains(expected), "{words:?}: {errors}");
    }
}
