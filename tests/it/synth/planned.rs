//! The planner: days, sessions, timers and rates are those of the estate's parameters.

use std::collections::BTreeMap;

use headroom::base::Timestamp;
use headroom::estate::{Estate, PopulationKind};
use headroom::synth::{Activity, Cast, Item, PlanError, PlanFile, PlanHeader, PlanWriter, Planner};

use super::play;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// An estate with two sites, `populations` and `parameters`, one controller with `roles`.
fn cast(roles: &str, populations: &str, parameters: &str) -> Cast {
    let text = format!(
        r#"
        calibration = "light"
        [forest]
        dns_name = "corp.example"
        netbios_name = "CORP"
        [network]
        forwarders = ["192.0.2.53"]
        [[site]]
        name = "Hamburg"
        time_zone = "Europe/Berlin"
        subnet = "10.0.0.0/9"
        [[site]]
        name = "New-York"
        time_zone = "America/New_York"
        subnet = "10.128.0.0/9"
        served_by = "Hamburg"
        [[domain_controller]]
        name = "DC01"
        addresses = ["192.168.0.1"]
        site = "Hamburg"
        roles = [{roles}]
        {populations}
        {parameters}
        "#
    );
    play::cast(&text, 1)
}

/// A population in the estate file.
fn population(kind: &str, count: u32, site: &str, schedule: &str) -> String {
    format!(
        r#"
        [[population]]
        name = "{kind} {site}"
        kind = "{kind}"
        join = "active-directory"
        count = {count}
        site = "{site}"
        schedule = "{schedule}"
        "#
    )
}

/// Only what happens at certain times: none of what people and servers do all day.
const QUIET: &str = r"
    [parameters]
    dns.queries_per_hour = 0
    kerberos.tickets_per_hour = 0
    ldap.connections_per_hour = 0
    lsa.lookups_per_hour = 0
    samr.chains_per_hour = 0
    drsuapi.calls_per_hour = 0
    drsuapi.spn_writes_per_hour = 0
    lsa.trust_queries_per_hour = 0
    netlogon.channels_per_hour = 0
    smb.file_sessions_per_hour = 0
    ";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn everybody(cast: &Cast) -> Vec<u32> {
    (0..u32::try_from(cast.clients.len()).unwrap()).collect()
}

/// Everything that `clients` do.
fn plan_of(cast: &Cast, clients: &[u32], start: Timestamp, hours: i64) -> Vec<Item> {
    Planner::new(cast, clients, start, start.plus_nanos(hours * HOUR)).collect()
}

/// Everything that everybody does.
fn plan(cast: &Cast, start: &str, hours: i64) -> Vec<Item> {
    plan_of(cast, &everybody(cast), time(start), hours)
}

/// Times of the items of an activity, in nanoseconds since `start`.
fn times(items: &[Item], activity: Activity, start: &str) -> Vec<i64> {
    let items = items.iter().filter(|item| item.activity == activity);
    items.map(|item| item.time.since(time(start))).collect()
}

fn median(mut times: Vec<i64>) -> i64 {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Whether two numbers differ by no more than that share of the second.
#[track_caller]
fn assert_near(got: f64, expected: f64, share: f64) {
    assert!((got / expected - 1.0).abs() <= share, "{got}, not {expected}");
}

#[test]
fn items_come_in_order_and_within_the_span() {
    let cast = play::cast(play::SMALL, 1);
    let start = time("2026-01-12T07:00:00Z");
    let end = start.plus_nanos(3 * HOUR);
    let mut planner = Planner::new(&cast, &everybody(&cast), start, end);
    let mut last = start;
    let mut count = 0;
    loop {
        let next = planner.next_time();
        let Some(item) = planner.next() else {
            assert_eq!(next, i64::MAX);
            break;
        };
        assert_eq!(item.time.nanos(), next);
        assert!(last <= item.time && item.time < end, "{item:?}");
        last = item.time;
        count += 1;
    }
    assert!(count > 10_000);
}

#[test]
fn clients_may_be_split_in_any_way() {
    let cast = play::cast(play::SMALL, 1);
    let start = time("2026-01-12T06:30:00Z");
    let all = plan_of(&cast, &everybody(&cast), start, 4);
    for parts in [2, 5, 16] {
        let mut joined = Vec::new();
        for part in 0..parts {
            let clients: Vec<u32> =
                everybody(&cast).into_iter().filter(|client| client % parts == part).collect();
            joined.extend(plan_of(&cast, &clients, start, 4));
        }
        joined.sort_by_key(|item| (item.time, item.client));
        assert_eq!(joined, all, "{parts} parts");
    }
}

#[test]
fn another_seed_is_another_plan() {
    let plan = |seed| plan(&play::cast(play::SMALL, seed), "2026-01-12T08:00:00Z", 1);
    assert_eq!(plan(1), plan(1));
    assert_ne!(plan(1), plan(2));
}

/// What depends on nothing but seed, client and day.
fn is_fixed(item: &&Item) -> bool {
    matches!(
        item.activity,
        Activity::Boot
            | Activity::Logon
            | Activity::Unlock
            | Activity::VpnStart
            | Activity::VpnInterim
            | Activity::VpnStop
            | Activity::MachinePassword
            | Activity::TicketRenewal
            | Activity::TimeRequest
            | Activity::DnsUpdate
            | Activity::ManagedNames
            | Activity::AutopilotEnrolment
            | Activity::HybridJoin
    )
}

#[test]
fn a_plan_that_begins_later_has_the_same_people_present() {
    let silent = "ntlm.validations_per_hour = 0\nsensor.probes_per_second = 0";
    let text = play::SMALL.replace("count = ", "count = 1") + QUIET + silent;
    let cast = play::cast(&text, 3);
    let first = plan(&cast, "2026-01-11T22:00:00Z", 48);
    for hours in [1, 7, 10, 11, 14, 21, 30, 36] {
        let start = time("2026-01-11T22:00:00Z").plus_nanos(hours * HOUR + 1_234_567);
        let end = time("2026-01-13T22:00:00Z");
        let later: Vec<Item> = Planner::new(&cast, &everybody(&cast), start, end).collect();
        let expected: Vec<&Item> =
            first.iter().filter(|item| item.time >= start).filter(is_fixed).collect();
        let got: Vec<&Item> = later.iter().filter(is_fixed).collect();
        assert!(got.len() > 100);
        assert_eq!(got, expected, "{hours} h");
    }
}

#[test]
fn a_plan_that_begins_at_work_is_as_busy_as_one_that_began_at_night() {
    let cast = cast("\"dns\"", &population("workstation", 1_500, "Hamburg", "office"), "");
    let busy = |items: &[Item], from: &str| {
        let from = time(from);
        let within = |item: &&Item| (0..20 * MINUTE).contains(&item.time.since(from));
        items.iter().filter(within).count() as f64
    };
    let night = plan(&cast, "2026-01-12T03:00:00Z", 7);
    let begun = plan(&cast, "2026-01-12T09:00:00Z", 1);
    for from in ["2026-01-12T09:00:00Z", "2026-01-12T09:30:00Z"] {
        assert_near(busy(&begun, from), busy(&night, from), 0.04);
    }
}

#[test]
fn group_policy_is_refreshed_every_90_to_120_minutes_uniformly() {
    let cast = cast("", &population("member-server", 400, "Hamburg", "always"), QUIET);
    let items = plan(&cast, "2026-01-12T00:00:00Z", 24);
    let mut last = BTreeMap::new();
    let (mut gaps, mut firsts) = (Vec::new(), Vec::new());
    for item in items.iter().filter(|item| item.activity == Activity::GpoRefresh) {
        if item.client == 0 {
            continue;
        }
        assert_eq!(item.argument, 0);
        match last.insert(item.client, item.time) {
            Some(before) => gaps.push(item.time.since(before) as f64 / MINUTE as f64),
            None => firsts.push(item.time.since(time("2026-01-12T00:00:00Z")) as f64),
        }
    }
    assert!(gaps.len() > 4_800, "{}", gaps.len());
    assert!(gaps.iter().all(|gap| (90.0..120.0).contains(gap)));
    for tenth in 1..10 {
        let below = gaps.iter().filter(|gap| **gap < 90.0 + 3.0 * f64::from(tenth)).count();
        let share = below as f64 / gaps.len() as f64;
        assert!((share - f64::from(tenth) / 10.0).abs() < 0.03, "{tenth}: {share}");
    }
    // Anywhere in the interval: the mean wait is E[x²] / 2 E[x] of the intervals.
    let mean = firsts.iter().sum::<f64>() / firsts.len() as f64 / MINUTE as f64;
    assert_near(mean, 11_100.0 / 210.0, 0.08);
}

#[test]
fn a_computer_that_starts_refreshes_policy_90_to_120_minutes_later() {
    let cast = cast("", &population("workstation", 200, "Hamburg", "office"), QUIET);
    let items = plan(&cast, "2026-01-12T04:00:00Z", 8);
    let mut boots = BTreeMap::new();
    let mut checked = 0;
    for item in &items {
        if item.activity == Activity::Boot {
            boots.insert(item.client, item.time);
        }
        if item.activity == Activity::GpoRefresh
            && item.argument == 0
            && let Some(boot) = boots.remove(&item.client)
        {
            let minutes = item.time.since(boot) as f64 / MINUTE as f64;
            assert!((89.9..120.1).contains(&minutes), "{minutes}");
            checked += 1;
        }
    }
    assert!(checked > 90, "{checked}");
}

#[test]
fn the_busiest_quarter_of_an_hour_has_17_percent_of_an_offices_logons() {
    let cast = cast("", &population("workstation", 6_000, "Hamburg", "office"), QUIET);
    let start = "2026-01-12T03:00:00Z";
    let items = plan(&cast, start, 8);
    let logons = times(&items, Activity::Logon, start);
    assert_near(logons.len() as f64, 6_000.0, 0.01);
    let busiest = logons.iter().map(|from| {
        let until = logons.partition_point(|time| *time < from + 15 * MINUTE);
        until - logons.partition_point(|time| time < from)
    });
    let share = busiest.max().unwrap() as f64 / logons.len() as f64;
    assert!((0.15..=0.19).contains(&share), "{share}");
    // 60 of 100 computers start, and 08:20 in Berlin is 07:20 UTC.
    assert_near(times(&items, Activity::Boot, start).len() as f64, 3_600.0, 0.03);
    assert_near(median(logons) as f64, (4 * HOUR + 20 * MINUTE) as f64, 0.02);
}

#[test]
fn few_come_at_the_weekend() {
    let cast = cast("", &population("workstation", 3_000, "Hamburg", "office"), QUIET);
    let logons = |day: &str| times(&plan(&cast, day, 20), Activity::Logon, day).len() as f64;
    assert_near(logons("2026-01-13T00:00:00Z"), 3_000.0 * 0.91, 0.02);
    assert_near(logons("2026-01-17T00:00:00Z"), 3_000.0 * 0.07, 0.2);
    assert_near(logons("2026-01-18T00:00:00Z"), 3_000.0 * 0.04, 0.25);
}

#[test]
fn summer_time_moves_the_day() {
    let cast = cast("", &population("workstation", 1_000, "Hamburg", "office"), QUIET);
    // Clocks go forward on Sunday, 2026-03-29, and back on 2026-10-25. One plan over each.
    for (start, before, after) in [
        ("2026-03-27T00:00:00Z", 7 * HOUR + 20 * MINUTE, 6 * HOUR + 20 * MINUTE),
        ("2026-10-23T00:00:00Z", 6 * HOUR + 20 * MINUTE, 7 * HOUR + 20 * MINUTE),
    ] {
        let logons = times(&plan(&cast, start, 4 * 24), Activity::Logon, start);
        let day = |number: i64| {
            let day = logons.iter().map(|time| time - number * 24 * HOUR);
            median(day.filter(|time| (0..24 * HOUR).contains(time)).collect())
        };
        for (number, expected) in [(0, before), (3, after)] {
            assert!((day(number) - expected).abs() < 5 * MINUTE, "{start} {number}");
        }
    }
}

#[test]
fn time_zones_shift_the_peak() {
    let two = population("workstation", 800, "Hamburg", "office")
        + &population("laptop", 800, "New-York", "office");
    let cast = cast("", &two, QUIET);
    let start = "2026-01-12T00:00:00Z";
    let items = plan(&cast, start, 24);
    for (site, expected) in [(0, 7 * HOUR + 20 * MINUTE), (1, 13 * HOUR + 20 * MINUTE)] {
        let of: Vec<Item> =
            items.iter().filter(|item| cast.client(item.client).site == site).copied().collect();
        let got = median(times(&of, Activity::Logon, start));
        assert!((got - expected).abs() < 5 * MINUTE, "{site}: {got}");
    }
}

#[test]
fn people_do_as_much_in_an_hour_as_the_parameters_say() {
    let cast = cast(
        "\"dns\", \"wins\"",
        &population("workstation", 1_200, "Hamburg", "always"),
        "[parameters]\ndns.queries_per_hour = 50",
    );
    // 08:00 to 17:00 in Berlin.
    let items = plan(&cast, "2026-01-12T07:00:00Z", 9);
    let rate = |activities: &[Activity]| {
        let of = items.iter().filter(|item| activities.contains(&item.activity));
        let count: u32 = of.map(|item| item.argument.max(1)).sum();
        f64::from(count) / (1_200.0 * 9.0)
    };
    let names =
        [Activity::DnsLookup, Activity::DnsOutside, Activity::DnsMissing, Activity::DnsReverse];
    assert_near(rate(&names), 50.0, 0.03);
    assert_near(rate(&[Activity::DnsMissing]), 50.0 * 0.12, 0.04);
    assert_near(rate(&[Activity::ServiceTickets]), 13.2, 0.03);
    assert_near(rate(&[Activity::LsaLookup]), 4.85, 0.03);
    let connections =
        [Activity::LdapConnection, Activity::LdapSimple, Activity::LdapTls, Activity::LdapNtlm];
    assert_near(rate(&connections), 3.0, 0.03);
    // Two fifths of the queries are asked three times.
    assert_near(rate(&[Activity::NbnsQuery]), 13.0 / 1.8, 0.03);
    assert_near(rate(&[Activity::Unlock]) * 24.0, 5.0, 0.05);
    let runs = items.iter().filter(|item| item.activity == Activity::ServiceTickets).count();
    assert_near(13.2 * 1_200.0 * 9.0 / runs as f64, 2.3, 0.03);
}

#[test]
fn people_are_active_at_a_stretch() {
    let quiet = QUIET.replace("kerberos.tickets_per_hour = 0", "kerberos.tickets_per_hour = 60");
    let cast = cast("", &population("workstation", 300, "Hamburg", "always"), &quiet);
    let items = plan(&cast, "2026-01-12T08:00:00Z", 2);
    let mut counts = BTreeMap::new();
    for item in items.iter().filter(|item| item.activity == Activity::ServiceTickets) {
        let slot = item.time.since(time("2026-01-12T08:00:00Z")) / (10 * MINUTE);
        *counts.entry((item.client, slot)).or_insert(0.0) += 1.0;
    }
    let slots = 300.0 * 12.0;
    let mean = counts.values().sum::<f64>() / slots;
    let squares = counts.values().map(|count| count * count).sum::<f64>() / slots;
    // 1 for arrivals that know nothing of each other.
    let dispersion = (squares - mean * mean) / mean;
    assert!(dispersion > 2.0, "{dispersion}");
    let silent = 1.0 - counts.len() as f64 / slots;
    assert!(silent > 0.1, "{silent}");
}

#[test]
fn ntlm_validations_come_in_runs_of_six() {
    let quiet = format!("{QUIET}\n ntlm.validations_per_hour = 700");
    let cast = cast("", &population("ntlm-server", 60, "Hamburg", "always"), &quiet);
    // 08:00 to 09:00 on a Monday in Berlin, the peak of the week.
    let items = plan(&cast, "2026-01-12T07:00:00Z", 1);
    let mut last = BTreeMap::new();
    let (mut runs, mut validations) = (0.0, 0.0);
    for item in items.iter().filter(|item| item.activity == Activity::NtlmValidation) {
        validations += 1.0;
        let gap = last.insert(item.client, item.time).map(|before| item.time.since(before));
        match gap.map(|gap| gap as f64 / SECOND as f64) {
            Some(gap) if gap < 0.1 => {}
            Some(gap) => {
                runs += 1.0;
                // The rate asks for gaps that are a little longer than 15 to 40 s.
                let stretch = 6.0 * 3_600.0 / 27.5 / 700.0;
                assert!((14.9 * stretch..41.0 * stretch).contains(&gap), "{gap}");
            }
            None => runs += 1.0,
        }
    }
    assert_near(validations / runs, 6.0, 0.04);
    assert_near(validations / 60.0, 700.0, 0.04);
}

#[test]
fn busy_ntlm_servers_have_their_rate_at_the_peak_and_less_at_night() {
    let cast = cast("", &population("ntlm-server", 30, "Hamburg", "always"), QUIET);
    let rate = |start: &str| {
        let items = plan(&cast, start, 1);
        times(&items, Activity::NtlmValidation, start).len() as f64 / 30.0
    };
    assert_near(rate("2026-01-12T07:00:00Z"), 2_000.0, 0.04);
    assert_near(rate("2026-01-12T11:00:00Z"), 2_000.0 * 0.62, 0.06);
    assert!(rate("2026-01-12T01:00:00Z") < 150.0);
}

#[test]
fn servers_work_through_the_night_and_more_while_they_are_backed_up() {
    let servers = population("member-server", 200, "Hamburg", "always");
    let cast = cast("", &servers, "[parameters]\ndns.queries_per_hour = 0");
    let items = plan(&cast, "2026-01-11T23:00:00Z", 24);
    let rate = |from: i64, until: i64| {
        let within = |item: &&Item| {
            let hour = item.time.since(time("2026-01-11T23:00:00Z")) / HOUR;
            item.activity == Activity::ServiceTickets && (from..until).contains(&hour)
        };
        let count: u32 = items.iter().filter(within).map(|item| item.argument).sum();
        f64::from(count) / 200.0 / (until - from) as f64
    };
    // Twice an endpoint's, and twice that in the backup window.
    assert_near(rate(4, 24), 26.4, 0.03);
    assert_near(rate(0, 4), 52.8, 0.05);
}

#[test]
fn applications_search_as_often_as_the_parameters_say_at_the_peak() {
    let all = population("application", 4, "Hamburg", "always")
        + &population("workstation", 500, "Hamburg", "office");
    let heavy = "[parameters]\nldap.searches_per_client_per_second = 0.05";
    let cast = cast("", &all, heavy);
    let rate = |start: &str| {
        let items = plan(&cast, start, 1);
        let searches = times(&items, Activity::LdapApplication, start);
        (searches.len() as f64 / 3_600.0, searches)
    };
    // 4 of their own and 0.05 for each of 504 clients.
    let (peak, searches) = rate("2026-01-12T07:00:00Z");
    // Four applications search in bursts: an hour of them is that uncertain.
    assert_near(peak, 4.0 + 0.05 * 504.0, 0.2);
    let (noon, _) = rate("2026-01-12T11:00:00Z");
    assert_near(noon, 0.62 * (4.0 + 0.05 * 504.0), 0.2);
    let mut seconds = vec![0.0; 3_600];
    searches.iter().for_each(|time| seconds[usize::try_from(time / SECOND).unwrap()] += 1.0);
    let mean = seconds.iter().sum::<f64>() / 3_600.0;
    let variance = seconds.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>() / 3_600.0;
    assert!(variance / mean > 2.0, "{}", variance / mean);
}

#[test]
fn computers_that_are_on_restart_in_the_night_after_updates() {
    let all = population("workstation", 1_000, "Hamburg", "office")
        + &population("member-server", 1_000, "New-York", "always")
        + &population("laptop", 500, "Hamburg", "office");
    let cast = cast("", &all, QUIET);
    let boots = |start: &str| {
        let mut boots = [0; 3];
        for item in plan(&cast, start, 4) {
            if item.activity == Activity::Boot {
                let population = cast.client(item.client).population.unwrap();
                boots[usize::try_from(population).unwrap()] += 1;
            }
        }
        boots.map(f64::from)
    };
    // The second Tuesday of 2026-01 is the 13th; 01:00 is 00:00 UTC in Berlin.
    let [desktops, servers, laptops] = boots("2026-01-14T00:00:00Z");
    // 3 x 0.6 boots a day x 4 h / 24 h.
    assert_near(desktops, 300.0, 0.12);
    assert_eq!((servers, laptops), (0.0, 0.0));
    let [desktops, servers, laptops] = boots("2026-01-14T06:00:00Z");
    assert_near(servers, 300.0, 0.12);
    assert!(desktops + laptops > 300.0, "they come to work");
    assert_eq!(boots("2026-01-15T00:00:00Z"), [0.0; 3]);
}

#[test]
fn vpn_sessions_are_accounted_from_start_to_stop() {
    let users = population("vpn-user", 300, "Hamburg", "office");
    let cast = cast("\"radius-accounting\"", &users, QUIET);
    let items = plan(&cast, "2026-01-12T00:00:00Z", 27);
    let mut open: BTreeMap<u32, (Timestamp, i64)> = BTreeMap::new();
    let (mut starts, mut lengths) = (0.0, 0.0);
    for item in &items {
        let seconds = i64::from(item.argument);
        let began = item.time.plus_nanos(-seconds * SECOND);
        match item.activity {
            Activity::VpnStart => {
                assert_eq!(item.argument, 0);
                assert_eq!(open.insert(item.client, (item.time, 0)), None);
                starts += 1.0;
            }
            Activity::VpnInterim => {
                let Some((start, last)) = open.get_mut(&item.client) else { continue };
                assert_eq!((began, seconds), (*start, *last + 600));
                *last = seconds;
            }
            Activity::VpnStop => {
                let Some((start, last)) = open.remove(&item.client) else { continue };
                assert_eq!(began, start);
                assert!((1..=600).contains(&(seconds - last)), "{seconds} {last}");
                lengths += seconds as f64 / 3_600.0;
            }
            Activity::DhcpRenew | Activity::DhcpLease => panic!("{item:?}"),
            _ => {}
        }
    }
    assert_near(starts, 300.0 * 1.3, 0.12);
    assert_near(lengths / starts, 4.0, 0.12);
    // In the middle of the day, sessions go on that began before the plan.
    let later = plan(&cast, "2026-01-12T10:00:00Z", 1);
    let going_on = later.iter().filter(|item| item.activity == Activity::VpnInterim).count();
    let expected: Vec<&Item> = items
        .iter()
        .filter(|item| matches!(item.activity, Activity::VpnInterim))
        .filter(|item| {
            (10 * HOUR..11 * HOUR).contains(&item.time.since(time("2026-01-12T00:00:00Z")))
        })
        .collect();
    assert_eq!(going_on, expected.len());
    assert!(going_on > 500);
}

#[test]
fn new_devices_enrol_once_and_join_where_they_are_hybrid() {
    let wave = r#"
        [[population]]
        name = "new"
        kind = "managed-device"
        join = "hybrid"
        count = 150
        site = "Hamburg"
        schedule = "office"
        autopilot = { devices = 100, start = "09:00", over_minutes = 120, days = ["tuesday"] }
        "#;
    let servers = population("member-server", 2, "Hamburg", "always");
    let cast = cast("\"dns\"", &(servers + wave), "");
    let start = "2026-01-13T00:00:00Z";
    let items = plan(&cast, start, 20);
    let of = |activity| -> BTreeMap<u32, i64> {
        let items = items.iter().filter(|item| item.activity == activity);
        items.map(|item| (item.client, item.time.since(time(start)))).collect()
    };
    let enrolments = of(Activity::AutopilotEnrolment);
    assert_eq!(enrolments.len(), 100);
    assert!(enrolments.values().all(|time| (8 * HOUR..10 * HOUR).contains(time)));
    assert!(enrolments.keys().all(|client| cast.client(*client).number < 100));
    let joined = of(Activity::HybridJoin);
    assert!(
        enrolments.iter().all(|(client, time)| joined.get(client) == Some(&(time + 10 * MINUTE)))
    );
    // Nothing of a device before it exists; the other fifty come to work as ever.
    for item in &items {
        if let Some(enrolment) = enrolments.get(&item.client) {
            assert!(item.time.since(time(start)) >= *enrolment, "{item:?}");
        }
    }
    let logons = of(Activity::Logon);
    assert!(logons.len() > 135, "{}", logons.len());
    let created = times(&items, Activity::IntuneConnector, start);
    let expected: Vec<i64> = enrolments.values().map(|time| time + 4 * MINUTE).collect();
    let mut expected_sorted = expected;
    expected_sorted.sort_unstable();
    assert_eq!(created, expected_sorted);
    // On another day, nobody enrols.
    let other = plan(&cast, "2026-01-14T00:00:00Z", 20);
    assert!(times(&other, Activity::AutopilotEnrolment, start).is_empty());
}

#[test]
fn entra_joined_devices_ask_for_names_and_little_else() {
    let devices =
        population("managed-device", 60, "Hamburg", "office").replace("active-directory", "entra");
    let cast = cast("\"dns\", \"dhcp\", \"wins\"", &devices, "");
    let items = plan(&cast, "2026-01-12T00:00:00Z", 24);
    let mut seen: Vec<&str> =
        items.iter().filter(|item| item.client != 0).map(|item| item.activity.name()).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "cloud-logon",
            "dhcp-renew",
            "dns-lookup",
            "dns-missing",
            "dns-outside",
            "dns-reverse",
            "managed-names"
        ]
    );
    let check_ins = times(&items, Activity::ManagedNames, "2026-01-12T00:00:00Z").len() as f64;
    // Three times a day; who has shut the device down at night misses some.
    assert!((1.5..3.1).contains(&(check_ins / 60.0)), "{check_ins}");
}

#[test]
fn a_controller_without_a_role_is_not_asked_for_it() {
    let text = play::SMALL.replace(
        "\"pdc-emulator\", \"dns\", \"dhcp\", \"wins\", \"radius-accounting\", \"sensor\"",
        "",
    );
    let all = |text: &str| {
        let mut seen: Vec<&str> = plan(&play::cast(text, 1), "2026-01-12T00:00:00Z", 24)
            .iter()
            .map(|item| item.activity.name())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        seen
    };
    let prefixes = ["nbns-", "dhcp-", "vpn-", "name-probe", "managed-names", "dns-"];
    let of_roles = |name: &&&str| prefixes.iter().any(|prefix| name.starts_with(prefix));
    let (with, without) = (all(play::SMALL), all(&text));
    // A laptop looks for its domain wherever names are served.
    assert_eq!(without.iter().filter(of_roles).collect::<Vec<_>>(), [&"dns-locate"]);
    for prefix in prefixes {
        assert!(with.iter().any(|name| name.starts_with(prefix)), "{prefix}");
    }
}

#[test]
fn the_sensor_probes_as_often_as_its_parameter_says() {
    let cast = play::cast(play::SMALL, 1);
    let items = plan(&cast, "2026-01-12T00:00:00Z", 12);
    let probes: Vec<&Item> =
        items.iter().filter(|item| item.activity == Activity::NameProbe).collect();
    let clients = (cast.clients.len() - 1) as f64;
    assert_near(probes.len() as f64, 12.0 * 3_600.0 * clients / 1_000.0, 0.12);
    assert!(probes.iter().all(|item| item.client != 0));
}

#[test]
fn neighbours_alone_are_looked_for_by_their_ethernet_address() {
    let cast = play::cast(play::SMALL, 1);
    let items = plan(&cast, "2026-01-12T08:00:00Z", 8);
    let checks = items.iter().filter(|item| item.activity == Activity::NeighbourCheck);
    let mut counts = [0.0; 2];
    for item in checks.filter(|item| item.client != 0) {
        counts[usize::try_from(cast.client(item.client).site).unwrap()] += 1.0;
    }
    let near = cast.clients.iter().skip(1).filter(|client| client.site == 1).count() as f64;
    assert_eq!(counts[0], 0.0);
    assert_near(counts[1], near * 8.0 * 12.0, 0.35);
}

#[test]
fn the_sensors_probes_know_who_is_off() {
    let text = format!("{}\n[parameters]\nsensor.probes_per_second = 300", play::SMALL);
    let cast = play::cast(&text, 1);
    let off = |start: &str, kind: PopulationKind| {
        let items = plan(&cast, start, 1);
        let of = |item: &&Item| {
            let population = cast.population(item.client);
            item.activity == Activity::NameProbe && population.is_some_and(|p| p.kind == kind)
        };
        let (off, on): (Vec<&Item>, Vec<&Item>) =
            items.iter().filter(of).partition(|item| item.argument == 1);
        // Who is off does nothing else.
        for probe in &off {
            let near = |item: &&Item| {
                item.client == probe.client && item.time.since(probe.time).abs() < SECOND / 100
            };
            assert!(items.iter().filter(near).all(|item| item.activity == Activity::NameProbe));
        }
        off.len() as f64 / (off.len() + on.len()) as f64
    };
    assert!(off("2026-01-12T01:00:00Z", PopulationKind::Laptop) > 0.99);
    assert!(off("2026-01-12T10:00:00Z", PopulationKind::Laptop) < 0.3);
    assert!(off("2026-01-12T01:00:00Z", PopulationKind::MemberServer) < 0.01);
}

#[test]
fn applications_search_all_domain_controllers_of_their_site() {
    let text = include_str!("../../../captures/estates/headquarters.toml");
    let estate = Estate::parse(text, "headquarters.toml").unwrap();
    let (mut rates, mut visits) = (Vec::new(), 0);
    for (dc, seed) in [1, 2].into_iter().flat_map(|seed| {
        ["fra-dc1", "fra-dc2", "fra-dc3", "nyc-dc1", "nyc-dc2"].map(|dc| (dc, seed))
    }) {
        let cast = Cast::new(&estate, Some(dc), &[], seed).unwrap();
        let is_application = |client: &u32| {
            cast.population(*client).is_some_and(|p| p.kind == PopulationKind::Application)
        };
        let applications: Vec<u32> = everybody(&cast).into_iter().filter(is_application).collect();
        let wanted = if dc.starts_with("fra") { 8 } else { 2 };
        assert_eq!(applications.len(), wanted, "{dc} {seed}");
        let start = if wanted == 8 { "2026-01-12T07:00:00Z" } else { "2026-01-12T13:00:00Z" };
        let items = plan_of(&cast, &applications, time(start), 1);
        let searches = times(&items, Activity::LdapApplication, start).len() as f64;
        let clients = cast.clients.iter().filter(|client| !client.is_guest).count() as f64;
        rates.push((dc, searches / 3_600.0 / clients));
        let visiting = items.iter().filter(|item| cast.client(item.client).is_guest);
        assert!(visiting.clone().all(|item| item.activity == Activity::LdapApplication));
        visits += visiting.count();
    }
    assert!(visits > 50_000, "{visits}");
    // 0.19 for each client, and what applications want themselves; two carry what New York has.
    for (dc, rate) in &rates {
        let share = if dc.starts_with("fra") { 0.15 } else { 0.3 };
        assert_near(*rate, 0.191, share);
    }
}

#[test]
fn the_controller_refreshes_its_policy_and_replicates() {
    let text = play::SMALL.replace(
        "[[population]]\nname = \"office\"",
        r#"[[site]]
        name = "Boston"
        time_zone = "America/New_York"
        subnet = "10.2.0.0/16"
        [[domain_controller]]
        name = "DC03"
        addresses = ["10.9.0.3"]
        site = "Boston"
        [[population]]
        name = "office""#,
    );
    let cast = play::cast(&text, 1);
    let items = plan_of(&cast, &[0], time("2026-01-12T00:00:00Z"), 48);
    let count = |activity, argument| {
        let of = |item: &&Item| item.activity == activity && item.argument == argument;
        items.iter().filter(of).count()
    };
    assert_eq!(count(Activity::GpoRefresh, 0), 48 * 12);
    // With DC02 in the site every 15 s, with DC03 every 180 min.
    assert_near(count(Activity::Replication, 0) as f64, 48.0 * 240.0, 0.02);
    assert!((15..=17).contains(&count(Activity::Replication, 1)));
    // With its router 12 times an hour.
    assert_near(count(Activity::NeighbourCheck, 0) as f64, 48.0 * 12.0, 0.12);
    let others = [Activity::GpoRefresh, Activity::Replication, Activity::NeighbourCheck];
    assert!(items.iter().all(|item| others.contains(&item.activity) && item.client == 0));
}

#[test]
fn machine_passwords_change_every_thirty_days() {
    let both = population("member-server", 600, "Hamburg", "always")
        + &population("laptop", 600, "Hamburg", "office");
    let cast = cast("", &both, QUIET);
    let start = "2026-01-12T00:00:00Z";
    let changes = times(&plan(&cast, start, 7 * 24), Activity::MachinePassword, start).len();
    assert_near(changes as f64, 1_200.0 * 7.0 / 30.0, 0.15);
}

#[test]
fn twenty_thousand_endpoints_are_planned() {
    let cast = cast("\"dns\"", &population("workstation", 20_000, "Hamburg", "office"), "");
    let start = "2026-01-12T07:00:00Z";
    let clients = everybody(&cast);
    let end = time(start).plus_nanos(10 * MINUTE);
    let count = Planner::new(&cast, &clients, time(start), end).count();
    assert!((300_000..2_000_000).contains(&count), "{count}");
}

fn header() -> PlanHeader {
    PlanHeader {
        estate: "a\\b\tc\r\n ü.toml".to_owned(),
        seed: u64::MAX,
        start: time("2026-01-12T07:00:00.5Z"),
        duration_ns: HOUR,
    }
}

fn written(cast: &Cast, items: &[Item]) -> String {
    let mut writer = PlanWriter::new(Vec::new(), cast, &header()).unwrap();
    items.iter().for_each(|item| writer.write(item).unwrap());
    String::from_utf8(writer.finish().unwrap()).unwrap()
}

#[test]
fn a_plan_is_read_back_as_it_was_written() {
    let cast = play::cast(play::SMALL, 1);
    let start = header().start.plus_nanos(-headroom::synth::WARM_UP_NS);
    let items: Vec<Item> =
        Planner::new(&cast, &everybody(&cast), start, header().start.plus_nanos(HOUR)).collect();
    let text = written(&cast, &items);
    assert_eq!(text.lines().count(), items.len() + 1);
    let file = PlanFile::open(text.as_bytes()).unwrap();
    assert_eq!(file.header(), &header());
    let read: Vec<Item> = file.items(&cast).map(Result::unwrap).collect();
    assert_eq!(read, items);
    let again = text.replace('\n', "\r\n");
    let read: Vec<Item> =
        PlanFile::open(again.as_bytes()).unwrap().items(&cast).map(Result::unwrap).collect();
    assert_eq!(read, items);
}

/// What reading the text says.
fn error(cast: &Cast, text: &[u8]) -> String {
    match PlanFile::open(text) {
        Err(error) => error.to_string(),
        Ok(file) => match file.items(cast).collect::<Result<Vec<Item>, PlanError>>() {
            Err(error) => error.to_string(),
            Ok(items) => format!("{} items", items.len()),
        },
    }
}

#[test]
fn a_wrong_plan_is_told_with_line_and_field() {
    let cast = play::cast(play::SMALL, 1);
    let item = |second: i64| Item {
        time: header().start.plus_nanos(second * SECOND),
        client: 1,
        activity: Activity::DnsLookup,
        argument: 7,
        variation: 0xabc,
    };
    let text = written(&cast, &[item(1), item(2)]);
    let line = "2026-01-12T07:00:02.500Z\tpc0-000000\t1\tdns-lookup\t7\t0000000000000abc";
    assert_eq!(text.lines().last(), Some(line));
    for (from, to, expected) in [
        ("headroom-plan", "x", "line 1, `headroom-plan`: `x` begins no plan"),
        ("version=1", "version=2", "line 1, `version`: `version=2` is not read here"),
        ("seed=", "sead=", "line 1, `seed`: `sead=18446744073709551615` is not `seed=…`"),
        ("seed=1", "seed=x1", "line 1, `seed`: `x18446744073709551615`: invalid digit"),
        ("start=2", "start=", "line 1, `start`: `026"),
        ("=3600000000000", "=0", "line 1, `duration_ns`: it must be above 0"),
        ("=3600000000000", "=1000000000", "line 2, `time`: 2026-01-12T07:00:01.500Z is not before"),
        ("a\\\\b", "a\\xb", "line 1, `estate`: "),
        (
            "07:00:02",
            "06:59:01",
            "line 3, `time`: 2026-01-12T06:59:01.500Z is before 2026-01-12T07",
        ),
        (
            "07:00:01",
            "06:43:59",
            "line 2, `time`: 2026-01-12T06:43:59.500Z is before 2026-01-12T06",
        ),
        ("\t1\tdns", "\t9999\tdns", "line 2, `client`: there is no client 9999"),
        ("\t1\tdns", "\t-1\tdns", "line 2, `client`: `-1`: "),
        ("pc0-000000", "pc", "line 2, `host`: client 1 is `pc0-000000`, not `pc`"),
        ("dns-lookup", "dns\u{1b}[2J", "line 2, `activity`: there is no activity `dns\\u{1b}[2J`"),
        ("\t7\t", "\t99999999999\t", "line 2, `argument`: `99999999999`: number too large"),
        ("\t7\t0000000000000abc", "\t7", "line 2, `variation`: it is missing"),
        ("0000000000000abc", "+000000000000abc", "line 2, `variation`: it must be 16 hex"),
        ("0000000000000abc", "0000000000000abc\t", "line 2, `line`: `` is one field too many"),
    ] {
        let got = error(&cast, text.replacen(from, to, 1).as_bytes());
        assert!(got.starts_with(&format!("read plan, {expected}")), "{from} {to}: {got}");
    }
    assert_eq!(error(&cast, text.as_bytes()), "2 items");
    assert_eq!(error(&cast, b""), "read plan, line 1, `headroom-plan`: the file is empty");
    assert_eq!(error(&cast, &[0xff, b'\n']), "read plan, line 1, `line`: it is not UTF-8");
    let endless = vec![b'a'; 1 << 20];
    assert_eq!(
        error(&cast, &endless),
        "read plan, line 1, `line`: the line is longer than 8192 bytes"
    );
    for length in 1..text.len() {
        let got = error(&cast, &text.as_bytes()[..length]);
        assert!(got.contains("cut short") || got.ends_with(" items"), "{length}: {got}");
    }
}
