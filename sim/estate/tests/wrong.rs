//! What is wrong in a whole estate, and what the errors say of it.

use super::*;

/// A schedule of the whole estate.
const SCHEDULE: &str = "{ arrival = \"burst\", at = \"09:30\", mean_delay_minutes = 5, stay_hours = 6, presence = [1, 1, 1, 1, 1, 0, 0] }";

/// What is changed in the whole estate, into what, and what is then wrong.
const ESTATES: &[(&str, &str, &str)] = &[
    (
        "\"light\"",
        "\"medium\"",
        "line 2, `calibration`: `medium` is no calibration; write \"light\" or \"heavy\" or \"catalyst2017\"",
    ),
    (
        "corp.example",
        "corp",
        "line 5, `dns_name`: `corp` is no DNS name of two labels or more; write e.g. \"corp.example\"",
    ),
    (
        "[network]",
        "netbios_name = \"a.b\"\n[network]",
        "line 7, `netbios_name`: `A.B` is no name of at most 15 letters, digits and hyphens; write e.g. \"CORP\"",
    ),
    (
        "192.0.2.53",
        "127.0.0.1",
        "line 8, `forwarders`: 127.0.0.1 is no address that one host has on a network",
    ),
    (
        "192.0.2.53",
        "dns",
        "line 8, `forwarders`: `dns` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
    ),
    (
        "192.0.2.53",
        "10.1.0.10",
        "line 8, `forwarders`: 10.1.0.10 is domain controller `dc1.corp.example`, which would ask itself; name a server of another network",
    ),
    (
        "[network]",
        "[network]\nmtu_bytes = 500",
        "line 8, `mtu_bytes`: 500 is not between 1280 and 9216",
    ),
    ("[network]", "[network]\nloss = 1.5", "line 8, `loss`: 1.5 is not between 0 and 0.2"),
    ("[network]", "[network]\nlost = 0.1", "line 8: there is no key `lost`; did you mean `loss`?"),
    (
        "queries_per_hour = 300",
        "querys_per_hour = 300",
        "line 11, `parameters`: there is no parameter `dns.querys_per_hour`; did you mean `dns.queries_per_hour`?",
    ),
    (
        "= 300",
        "= -1",
        "line 11, `dns.queries_per_hour`: -1 is not between 0 and 100000 (queries per endpoint and hour)",
    ),
    (
        "= 300",
        "= nan",
        "line 11, `dns.queries_per_hour`: NaN is not between 0 and 100000 (queries per endpoint and hour)",
    ),
    (
        "value = 0.02",
        "value = 1.02",
        "line 12, `dns.tcp_share`: 1.02 is not between 0 and 1 (share)",
    ),
    (
        ", source = \"dc.pcap, 2026-11-20\"",
        "",
        "line 12, `dns.tcp_share`: it has a basis but no source; add `source = \"…\"`",
    ),
    ("source = \"dc", "sauce = \"dc", "line 12: there is no key `sauce`; did you mean `source`?"),
    (
        "europe/berlin",
        "Europe/Berlni",
        "line 16, `time_zone`: `Europe/Berlni` is no time zone of the IANA database; write e.g. \"Europe/Berlin\"; did you mean `Europe/Berlin`?",
    ),
    (
        "10.1.0.0/24",
        "10.1.0.7/24",
        "line 17, `subnet`: 10.1.0.7/24 has bits behind its prefix; write \"10.1.0.0/24\"",
    ),
    (
        "10.1.0.0/24",
        "10.1.0.0",
        "line 17, `subnet`: `10.1.0.0` is not an IPv4 network of /8 to /27; write e.g. \"10.20.0.0/16\"",
    ),
    (
        "10.1.0.0/24",
        "224.0.0.0/8",
        "line 17, `subnet`: 224.0.0.0/8 is no network that clients can be in",
    ),
    (
        "fd10:1::/64",
        "fd10:1::/48",
        "line 18, `subnet6`: `fd10:1::/48` is not an IPv6 network of /64; write e.g. \"fd20:1::/64\"",
    ),
    ("vlan = 110", "vlan = 4095", "line 19, `vlan`: 4095 is not between 1 and 4094"),
    ("\"Lagos\"", "\"BERLIN\"", "line 22, `name`: site `BERLIN` is described twice"),
    (
        "\"Lagos\"",
        "\"Lagos West\"",
        "line 22, `name`: `Lagos West` is no name of at most 63 letters, digits and hyphens; write e.g. \"berlin-2\"",
    ),
    (
        "10.2.0.0/24",
        "10.0.0.0/8",
        "line 24, `subnet`: 10.0.0.0/8 overlaps 10.1.0.0/24 of site `Berlin`; give each its own",
    ),
    (
        "10.2.0.0/24",
        "10.1.0.128/25",
        "line 24, `subnet`: 10.1.0.128/25 overlaps 10.1.0.0/24 of site `Berlin`; give each its own",
    ),
    ("= 95", "= 0", "line 25, `round_trip_ms`: 0 is not between 0.01 and 2000"),
    (
        "\"berlin\"",
        "\"berlni\"",
        "line 26, `served_by`: there is no site `berlni`; describe it with `[[site]]`; did you mean `berlin`?",
    ),
    ("\"dhcp\"]", "\"dns\"]", "line 32, `roles`: it names a role twice"),
    (
        "\"dhcp\"]",
        "\"dchp\"]",
        "line 32, `roles`: unknown variant `dchp`, expected one of `pdc-emulator`, `dns`, `dhcp`, `wins`, `radius-accounting`, `sensor`",
    ),
    (
        "count = 200",
        "count = 240",
        "line 37, `count`: 240 clients, but 10.1.0.0/24 of site `Berlin` has 239 addresses left; widen its `subnet`",
    ),
    (
        "count = 200",
        "count = 0",
        "line 37, `count`: 0 clients; give a number from 1, or leave the population out",
    ),
    ("ipv6_share = 0.3", "ipv6_share = 30", "line 39, `ipv6_share`: 30 is not between 0 and 1"),
    (
        "boot.per_day = 1",
        "boot.per_day = 1000",
        "line 40, `boot.per_day`: 1000 is not between 0 and 100 (boots per day in use)",
    ),
    ("\"new\"", "\"Desks\"", "line 43, `name`: population `Desks` is described twice"),
    (
        "\"Lagos\"\nschedule",
        "\"Accra\"\nschedule",
        "line 47, `site`: there is no site `Accra`; describe it with `[[site]]`",
    ),
];

/// The same of populations.
const POPULATIONS: &[(&str, &str, &str)] = &[
    (
        "join = \"entra\"\n",
        "",
        "line 44, `join`: a managed device is joined in one of two ways; add `join = \"entra\"` or `join = \"hybrid\"`",
    ),
    (
        "\"entra\"",
        "\"active-directory\"",
        "line 45, `join`: a managed device is joined to Microsoft Entra ID; write \"entra\" or \"hybrid\"",
    ),
    (
        "\"managed-device\"",
        "\"member-server\"",
        "line 45, `join`: servers and applications of a domain are joined to it; write \"active-directory\" or \"hybrid\"",
    ),
    (
        "\"managed-device\"",
        "\"laptop\"",
        "line 44, `kind`: only managed devices enrol; write `kind = \"managed-device\"`, or leave `autopilot` out",
    ),
    (
        "devices = 10",
        "devices = 41",
        "line 49, `devices`: 41 is not between 1 and the 40 of the population",
    ),
    ("\"08:00\"", "\"8 am\"", "line 49, `start`: `8 am` is no time of day; write e.g. \"08:20\""),
    ("\"08:00\"", "\"24:00\"", "line 49, `start`: `24:00` is no time of day; write e.g. \"08:20\""),
    ("[\"tuesday\", \"sunday\"]", "[]", "line 49, `days`: no day; write e.g. [\"tuesday\"]"),
    (
        "over_minutes = 120",
        "over_minutes = inf",
        "line 49, `over_minutes`: inf is not between 1 and 10080",
    ),
    (
        SCHEDULE,
        "\"ofice\"",
        "line 48, `schedule`: there is no schedule `ofice`; write \"office\", \"shift\", \"school\", \"power-restore\", \"always\", or spell one out: { arrival = \"normal\", mean = \"08:20\", … }; did you mean `office`?",
    ),
    (", at = \"09:30\"", "", "line 48, `schedule`: it lacks `at`"),
    (
        "at = \"09:30\"",
        "at = \"09:30\", mean = \"09:00\"",
        "line 48, `mean`: says nothing where `arrival` is \"burst\"; leave it out",
    ),
    (
        "[1, 1, 1, 1, 1, 0, 0]",
        "[1, 1]",
        "line 48, `presence`: 2 shares, a week has 7 days, Monday first",
    ),
    (
        "[1, 1, 1, 1, 1, 0, 0]",
        "[1, 1, 1, 1, 1, 0, 2]",
        "line 48, `presence`: 2 is not between 0 and 1",
    ),
    ("stay_hours = 6", "stay_hours = 25", "line 48, `stay_hours`: 25 is not between 0.1 and 24"),
    (
        SCHEDULE,
        "{ arrival = \"always\", stay_hours = 3 }",
        "line 48, `stay_hours`: says nothing where `arrival` is \"always\"; leave it out",
    ),
];

#[test]
fn errors_of_a_whole_estate_say_what_to_write() {
    for (from, to, expected) in ESTATES {
        assert_eq!(error(&whole_with(from, to)), format!("read estate x.toml, {expected}"));
    }
}

#[test]
fn errors_of_populations_say_what_to_write() {
    for (from, to, expected) in POPULATIONS {
        assert_eq!(error(&whole_with(from, to)), format!("read estate x.toml, {expected}"));
    }
    let six = whole_with("subnet6 = \"fd10:1::/64\"\n", "");
    let expected = "read estate x.toml, line 38, `ipv6_share`: site `Berlin` has no `subnet6`; give it one, or write 0";
    assert_eq!(error(&six), expected);
    assert!(
        error(&whole_with("= 300", "= \"300\""))
            .contains("expected a number, or a table with `value`")
    );
}

#[test]
fn arrivals_have_their_mean_between_their_ends() {
    let normal = |rest: &str| {
        format!(
            "{{ arrival = \"normal\", stay_hours = 6, presence = [1, 1, 1, 1, 1, 0, 0], {rest} }}"
        )
    };
    let times = |mean: &str, from: &str, to: &str| {
        normal(&format!(
            "mean = \"{mean}\", deviation_minutes = 9, earliest = \"{from}\", latest = \"{to}\""
        ))
    };
    let cases: [(&str, &str, &str); 3] = [
        (SCHEDULE, &normal(""), "line 48, `schedule`: it lacks `mean`"),
        (
            SCHEDULE,
            &times("08:00", "09:00", "10:00"),
            "line 48, `earliest`: it is after `mean`; arrivals have their middle between the ends",
        ),
        (
            SCHEDULE,
            &times("11:00", "09:00", "10:00"),
            "line 48, `latest`: it is before `mean`, or is `earliest`; arrivals have their middle between the ends",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(error(&whole_with(from, to)), format!("read estate x.toml, {expected}"));
    }
}

#[test]
fn a_domain_has_one_pdc_emulator() {
    let second = "[[domain_controller]]\nname = \"dc2\"\nroles = [\"pdc-emulator\"]\n\n[[population]]\nname = \"desks\"";
    let two = whole_with("[[population]]\nname = \"desks\"", second);
    let expected = "read estate x.toml, line 35, `roles`: `dc1.corp.example` is the PDC emulator already; a domain has one";
    assert_eq!(error(&two), expected);
}

#[test]
fn what_traffic_lacks_is_told() {
    let lacks = |from: &str, to: &str| {
        let estate = Estate::parse(&whole_with(from, to), "x.toml").unwrap();
        estate.check_for_synthesis().unwrap_err().to_string()
    };
    let cases = [
        (
            "[forest]\ndns_name = \"corp.example\"",
            "",
            ": it describes no forest; add `[forest]` with `dns_name`",
        ),
        (
            "\"dc1.corp.example\"",
            "\"dc1.other.example\"",
            ", line 29, `name`: `dc1.other.example` is no name of a host in `corp.example`; write e.g. \"dc1.corp.example\"",
        ),
        (
            "\nsite = \"Berlin\"\nroles",
            "\nroles",
            ", line 29, `site`: it is at no site; add `site = \"…\"`",
        ),
        (
            "\"10.1.0.10\", ",
            "",
            ", line 29, `addresses`: it has no IPv4 address of its own; add `addresses = [\"10.0.0.10\"]`",
        ),
        (
            "\"10.1.0.10\"",
            "\"10.1.0.16\"",
            ", line 29, `addresses`: 10.1.0.16 is a client's: they have the addresses of 10.1.0.0/24 from the 16th; use one of those before, or another network",
        ),
        (
            "fd10:1::a",
            "fd10:1::d7",
            ", line 29, `addresses`: fd10:1::d7 is a client's: they have the addresses of fd10:1::/64 from the 16th; use one of those before, or another network",
        ),
        (
            "192.0.2.53",
            "10.2.0.55",
            ", `forwarders`: 10.2.0.55 is a client's: they have the addresses of 10.2.0.0/24 from the 16th; use one of those before, or another network",
        ),
        (
            "forwarders = [\"192.0.2.53\"]",
            "",
            ": its domain controllers serve DNS, but forward nowhere; add `[network]` with `forwarders`",
        ),
        (
            "served_by = \"berlin\"",
            "",
            ", line 43, `site`: site `Lagos` has no domain controller; put one there with `site`, or let another site serve `Lagos` with `served_by`",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(lacks(from, to), format!("read estate x.toml{expected}"));
    }
    // Just behind the last client.
    let free = whole_with("fd10:1::a", "fd10:1::d8");
    assert_eq!(Estate::parse(&free, "x.toml").unwrap().check_for_synthesis(), Ok(()));
    let sizing = Estate::parse(LAB, "lab.toml").unwrap().check_for_synthesis().unwrap_err();
    assert!(sizing.to_string().contains("no forest"), "{sizing}");
}

#[test]
fn endpoints_sites_and_populations_are_limited() {
    let wide = whole_with("10.2.0.0/24", "11.0.0.0/8");
    let endpoints = wide.replacen("count = 40", "count = 1999801", 1);
    assert!(error(&endpoints).contains("2000001 endpoints up to here, the limit is 2000000"));
    assert!(Estate::parse(&wide.replacen("count = 40", "count = 1999800", 1), "x.toml").is_ok());
    let site = "[[site]]\nname=\"a\"\ntime_zone=\"UTC\"\nsubnet=\"10.0.0.0/8\"\n";
    let sites = with(&site.repeat(SITES_MAX + 1));
    assert!(error(&sites).contains("1001 sites, the limit is 1000"));
    let population = "[[population]]\nname=\"a\"\nkind=\"laptop\"\ncount=1\nsite=\"a\"\n";
    let populations = with(&population.repeat(POPULATIONS_MAX + 1));
    assert!(error(&populations).contains("10001 populations, the limit is 10000"));
}
