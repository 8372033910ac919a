//! Accounts: what an observer knows of them depends on what the capture has shown before.

use headroom::synth::{Activity, Item, Options, Synth};

use super::play;

/// The small estate where everything that seldom happens does often.
fn eventful() -> String {
    let parameters = "
        [parameters]
        kerberos.udp_share = 0.4
        kerberos.bad_password_share = 0.5
        kerberos.unknown_service_share = 0.3
        kerberos.certificate_share = 0.5
        ldap.sealed_share = 0.4
    ";
    format!("{}\n{}", play::SMALL, parameters.replace("        ", ""))
}

/// Each of the clients does these one after another, `apart_ms` apart; activity and argument.
fn script(steps: &[(Activity, u32)], apart_ms: i64, seed: u64) -> Vec<Item> {
    let mut random = headroom::base::Random::new(seed);
    let clients = u32::try_from(play::cast(play::SMALL, seed).clients.len()).unwrap();
    let mut items = Vec::new();
    for client in 1..clients {
        let begin = play::START.plus_nanos(i64::from(client) * 777_000_000);
        for (at, &(activity, argument)) in (0i64..).zip(steps) {
            let time = begin.plus_nanos(at * apart_ms * 1_000_000);
            let variation = random.next_u64();
            items.push(Item { time, client, activity, argument, variation });
        }
    }
    items.sort_by_key(|item| item.time);
    items
}

/// What the core hears otherwise than it was told, and all that was told.
fn differences(
    script: Vec<Item>,
    segment_bytes_max: Option<u16>,
    seed: u64,
) -> (String, play::Heard) {
    let options = Options { segment_bytes_max, ..play::options(86_400) };
    let cast = play::cast(&eventful(), seed);
    let synth = Synth::perform(cast, &options, script.into_iter()).unwrap();
    let (frames, truth) = play::collect(synth);
    let told = play::told(&truth);
    (play::differences(&told, &play::hear(&frames)), told)
}

/// A day of an account in short.
const STEPS: &[(Activity, u32)] = &[
    (Activity::LdapConnection, 2),
    (Activity::KerberosLogon, 0),
    (Activity::GpoSearches, 0),
    (Activity::KerberosLogon, 1),
    (Activity::ServiceTickets, 4),
    (Activity::LdapConnection, 3),
    (Activity::GpoSearches, 1),
    (Activity::TicketRenewal, 0),
    (Activity::KerberosPassword, 0),
    (Activity::TicketRenewal, 1),
    (Activity::LdapApplication, 0),
    (Activity::LdapApplication, 0),
    (Activity::ServiceTickets, 2),
    (Activity::DeviceRegistration, 0),
    (Activity::LdapSimple, 0),
    (Activity::LdapNtlm, 0),
    (Activity::LdapTls, 0),
];

#[test]
fn what_is_known_of_an_account_is_what_the_capture_has_shown() {
    let mut lines = std::collections::BTreeSet::new();
    for seed in 1..=10 {
        let (wrong, told) = differences(script(STEPS, 60_000, seed), None, seed);
        assert!(wrong.is_empty(), "seed {seed}:\n{wrong}");
        lines.extend(told.activities.into_keys());
    }
    let unknown = " as - on ldap/dc01.corp.example/corp.example ";
    let refusals = [
        "PREAUTH_FAILED",
        "RESPONSE_TOO_BIG",
        "S_PRINCIPAL_UNKNOWN",
        "CLIENT_REVOKED",
        "KEY_EXPIRED",
    ];
    for what in refusals.iter().chain(&[unknown, "PA-PK-AS-REQ", "change password", "renewal"]) {
        assert!(lines.iter().any(|line| line.contains(what)), "{what}");
    }
}

#[test]
fn who_shows_a_ticket_is_known_once_an_old_one_has_ended() {
    const ELEVEN_HOURS_MS: i64 = 39_600_000;
    let script = script(&[(Activity::LdapConnection, 2); 2], ELEVEN_HOURS_MS, 1);
    let (wrong, told) = differences(script, None, 1);
    assert!(wrong.is_empty(), "{wrong}");
    let count = |of: &str| {
        let lines = told.activities.iter().filter(|(line, _)| line.starts_with("kerberos_access"));
        lines.filter(|(line, _)| line.contains(of)).map(|(_, count)| count).sum::<u64>()
    };
    assert!(count(" as - on ldap/dc01.corp.example/corp.example ") > 0);
    assert!(count("@CORP.EXAMPLE on ldap/dc01.corp.example/corp.example ") > 0);
    assert!(count("$@CORP.EXAMPLE on ldap/dc01.corp.example/corp.example ") > 0);
}

#[test]
fn activities_of_one_client_may_overlap() {
    for seed in 1..=5 {
        let (wrong, _) = differences(script(STEPS, 1, seed), None, seed);
        assert!(wrong.is_empty(), "seed {seed}:\n{wrong}");
    }
}

#[test]
fn an_account_is_known_byte_by_byte() {
    let (wrong, _) = differences(script(STEPS, 60_000, 3), Some(1), 3);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_idle_connection_of_an_application_is_closed_and_opened_again() {
    let steps = [(Activity::LdapApplication, 0); 4];
    let binds = |apart_ms| {
        let (wrong, told) = differences(script(&steps, apart_ms, 1), None, 1);
        assert!(wrong.is_empty(), "{wrong}");
        let count =
            |(line, count): (&String, &u64)| line.starts_with("ldap_bind").then_some(*count);
        told.activities.iter().filter_map(count).sum::<u64>()
    };
    let clients = u64::try_from(play::cast(play::SMALL, 1).clients.len()).unwrap() - 1;
    assert_eq!(binds(600_000), clients);
    assert_eq!(binds(1_200_000), 4 * clients);
}
