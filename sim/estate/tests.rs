//! Tests of the estate file.

mod wrong;

use super::*;

const LAB: &str = include_str!("../../captures/estates/lab.toml");

fn error(text: &str) -> String {
    Estate::parse(text, "x.toml").unwrap_err().to_string()
}

/// One controller with `lines` added.
fn with(lines: &str) -> String {
    format!("[[domain_controller]]\nname = \"dc1\"\n{lines}\n")
}

#[test]
fn the_example_is_read_in_full() {
    let estate = Estate::parse(LAB, "lab.toml").unwrap();
    let expected = DomainController {
        name: "dc1.lab.example".to_owned(),
        addresses: vec!["10.77.0.10".parse().unwrap(), "fd77::10".parse().unwrap()],
        site: None,
        roles: Roles::default(),
        physical_cores: Some(4),
        logical_processors: Some(8),
        installed_memory_gb: Some(8.0),
        min_available_mb: None,
        operating_system: Some("Windows Server 2022 Standard".to_owned()),
        virtualization: Some(Virtualization::None),
    };
    assert_eq!(estate.domain_controllers(), std::slice::from_ref(&expected));
    assert_eq!(estate.by_address("fd77::10".parse().unwrap()), Some(&expected));
    assert_eq!(estate.by_address("::ffff:10.77.0.10".parse().unwrap()), Some(&expected));
    assert_eq!(estate.by_address("10.77.0.11".parse().unwrap()), None);
}

#[test]
fn a_name_is_found_short_or_full_in_any_case() {
    let text = "[[domain_controller]]\nname = \"DC1.a.example\"\n\
                [[domain_controller]]\nname = \"dc1.b.example\"\n\
                [[domain_controller]]\nname = \"dc2\"\n\
                [[domain_controller]]\nname = \"dc3.a.example\"\naddresses = [\"10.0.0.3\"]\n";
    let estate = Estate::parse(text, "x.toml").unwrap();
    let found = |name: &str| estate.by_name(name).map(|dc| dc.name.as_str());
    assert_eq!(found("dc1.A.example."), Some("DC1.a.example"));
    assert_eq!(found("\\\\DC3"), Some("dc3.a.example"));
    assert_eq!(found("dc2.a.example"), Some("dc2"));
    assert_eq!(found("10.0.0.3"), Some("dc3.a.example"));
    // Two would match, another domain's does not, an address is no name.
    assert_eq!(found("dc1"), None);
    assert_eq!(found("dc3.b.example"), None);
    assert_eq!(found("10.0.0.4"), None);
    assert_eq!(found(""), None);
}

#[test]
fn errors_name_file_line_field_and_what_to_write() {
    let cases = [
        (
            with("adresses = []"),
            "read estate x.toml, line 3: there is no key `adresses`; did you mean `addresses`?",
        ),
        (
            "[[domain_controllers]]\n".to_owned(),
            "read estate x.toml, line 1: there is no key `domain_controllers`; did you mean `domain_controller`?",
        ),
        (with("colour = 1"), "read estate x.toml, line 3: there is no key `colour`"),
        (
            with("physical_cores = 0"),
            "read estate x.toml, line 3, `physical_cores`: 0 is not between 1 and 4096",
        ),
        (
            with("installed_memory_gb = nan"),
            "read estate x.toml, line 3, `installed_memory_gb`: NaN is not above 0 and at most 262144",
        ),
        (
            with("installed_memory_gb = 8\nmin_available_mb = 8193"),
            "read estate x.toml, line 4, `min_available_mb`: 8193 is not above 0 and at most 8192",
        ),
        (
            with("logical_processors = 4\nphysical_cores = 8"),
            "read estate x.toml, line 4, `physical_cores`: 8 physical cores in 4 logical processors",
        ),
        (
            with("addresses = [\n\"10.0.0.1\",\n\"10.0.0.256\"]"),
            "read estate x.toml, line 5, `addresses`: `10.0.0.256` is no IPv4 or IPv6 address; write e.g. \"10.77.0.10\" or \"fd77::10\"",
        ),
        (
            with("addresses = [\"10.0.0.1\", \"::ffff:10.0.0.1\"]"),
            "read estate x.toml, line 3, `addresses`: 10.0.0.1 belongs to a domain controller already",
        ),
        (
            with("[[domain_controller]]\nname = \"DC1\""),
            "read estate x.toml, line 4, `name`: `DC1` is described twice",
        ),
        (
            with("operating_system = \" \""),
            "read estate x.toml, line 3, `operating_system`: it is empty",
        ),
        (
            with("operating_system = \"a\\u001bb\""),
            "read estate x.toml, line 3, `operating_system`: it has control characters",
        ),
        (
            "".to_owned(),
            "read estate x.toml: it describes no domain controller; begin one with `[[domain_controller]]`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(error(&text), expected, "{text}");
    }
}

#[test]
fn errors_of_the_format_itself_name_the_line() {
    let wrong_type = error(&with("physical_cores = \"four\""));
    assert!(
        wrong_type.starts_with("read estate x.toml, line 3, `physical_cores`: invalid type"),
        "{wrong_type}"
    );
    let negative = error(&with("physical_cores = -4"));
    assert!(negative.starts_with("read estate x.toml, line 3, `physical_cores`: "), "{negative}");
    let kind = error(&with("virtualization = \"xen\""));
    assert!(
        kind.starts_with("read estate x.toml, line 3, `virtualization`: unknown variant"),
        "{kind}"
    );
    let unnamed = error("[[domain_controller]]\nphysical_cores = 4\n");
    assert!(unnamed.contains("missing field `name`"), "{unnamed}");
    let broken = error("[[domain_controller]]\nname = \"dc1\nphysical_cores = 4\n");
    assert!(broken.starts_with("read estate x.toml, line 2"), "{broken}");
    let obeyed = error(&with("virtualization = \"a\\u001bb\""));
    assert!(obeyed.contains("unknown variant `a\\u{1b}b`"), "{obeyed}");
    let long = error(&with(&format!("virtualization = \"{}\"", "n".repeat(1_000_000))));
    assert!(long.chars().count() < 500 && long.ends_with('…'), "{long}");
    let binary = error("\u{0}\u{1}\u{2}");
    assert!(binary.starts_with("read estate x.toml, line 1"), "{binary}");
}

#[test]
fn sizes_are_limited() {
    assert!(error(&" ".repeat(FILE_BYTES_MAX + 1)).contains("split it"));
    let many: String = (0..=DOMAIN_CONTROLLERS_MAX)
        .map(|n| format!("[[domain_controller]]\nname=\"d{n}\"\n"))
        .collect();
    assert!(error(&many).contains("the limit is 10000"));
    let addresses: Vec<String> = (0..=ADDRESSES_MAX).map(|n| format!("\"10.0.0.{n}\"")).collect();
    let addresses = with(&format!("addresses = [{}]", addresses.join(",")));
    assert!(error(&addresses).contains("65 addresses, the limit is 64"));
    let name = format!("[[domain_controller]]\nname = \"{}\"\n", "n".repeat(256));
    assert!(error(&name).contains("256 bytes, the limit is 255"));
    // Nesting that a recursive reader would fall over.
    let deep = format!("[[domain_controller]]\nname = {}", "[".repeat(100_000));
    assert!(Estate::parse(&deep, "x.toml").is_err());
}

/// A whole estate, for one change at a time.
const WHOLE: &str = r#"
calibration = "light"

[forest]
dns_name = "corp.example"

[network]
forwarders = ["192.0.2.53"]

[parameters]
dns.queries_per_hour = 300
dns.tcp_share = { value = 0.02, basis = "learned", source = "dc.pcap, 2026-11-20" }

[[site]]
name = "Berlin"
time_zone = "europe/berlin"
subnet = "10.1.0.0/24"
subnet6 = "fd10:1::/64"
vlan = 110

[[site]]
name = "Lagos"
time_zone = "Africa/Lagos"
subnet = "10.2.0.0/24"
round_trip_ms = 95
served_by = "berlin"

[[domain_controller]]
name = "dc1.corp.example"
addresses = ["10.1.0.10", "fd10:1::a"]
site = "Berlin"
roles = ["pdc-emulator", "dns", "dhcp"]

[[population]]
name = "desks"
kind = "workstation"
count = 200
site = "Berlin"
ipv6_share = 0.3
parameters = { boot.per_day = 1 }

[[population]]
name = "new"
kind = "managed-device"
join = "entra"
count = 40
site = "Lagos"
schedule = { arrival = "burst", at = "09:30", mean_delay_minutes = 5, stay_hours = 6, presence = [1, 1, 1, 1, 1, 0, 0] }
autopilot = { devices = 10, start = "08:00", over_minutes = 120, days = ["tuesday", "sunday"] }
"#;

fn whole_with(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    WHOLE.replacen(from, to, 1)
}

#[test]
fn a_whole_estate_is_read() {
    let estate = Estate::parse(WHOLE, "x.toml").unwrap();
    let forest = Forest { dns_name: "corp.example".to_owned(), netbios_name: "CORP".to_owned() };
    assert_eq!(estate.forest(), Some(&forest));
    let subnet =
        |network: &str, prefix_bits| Subnet { network: network.parse().unwrap(), prefix_bits };
    let berlin = Site {
        name: "Berlin".to_owned(),
        time_zone: "Europe/Berlin".to_owned(),
        subnet: subnet("10.1.0.0", 24),
        subnet6: Some(subnet("fd10:1::", 64)),
        vlan: Some(110),
        round_trip_ms: 0.5,
        served_by: 0,
    };
    let lagos = Site {
        name: "Lagos".to_owned(),
        time_zone: "Africa/Lagos".to_owned(),
        subnet: subnet("10.2.0.0", 24),
        subnet6: None,
        vlan: None,
        round_trip_ms: 95.0,
        served_by: 0,
    };
    assert_eq!(estate.sites(), [berlin, lagos]);
    let dc = &estate.domain_controllers()[0];
    let roles = Roles { pdc_emulator: true, dns: true, dhcp: true, ..Roles::default() };
    assert_eq!((dc.site, dc.roles), (Some(0), roles));
    assert_eq!(estate.site_of(dc).unwrap().zone().unwrap().iana_name(), Some("Europe/Berlin"));
    let network = Network {
        mtu_bytes: 1500,
        loss: 0.0,
        reordering: 0.0,
        offload: false,
        forwarders: vec!["192.0.2.53".parse().unwrap()],
    };
    assert_eq!(estate.network(), &network);
    assert_eq!(estate.calibration(), "light");
    assert_eq!(estate.check_for_synthesis(), Ok(()));
}

#[test]
fn populations_are_read_with_their_schedules() {
    let estate = Estate::parse(WHOLE, "x.toml").unwrap();
    let [desks, new] = estate.populations() else { panic!() };
    assert_eq!((desks.name.as_str(), desks.kind), ("desks", PopulationKind::Workstation));
    assert_eq!((desks.join, desks.count, desks.site), (Join::ActiveDirectory, 200, 0));
    assert_eq!((desks.ipv6_share, desks.autopilot), (0.3, None));
    let office = Arrival::Normal { mean: 500.0, deviation: 35.0, earliest: 330.0, latest: 660.0 };
    assert_eq!(desks.schedule.arrival, office);
    assert_eq!((new.join, new.site), (Join::Entra, 1));
    let days = [false, true, false, false, false, false, true];
    let wave = AutopilotWave { devices: 10, start: 480.0, over: 120.0, days };
    assert_eq!(new.autopilot, Some(wave));
    let spelled_out = Schedule {
        arrival: Arrival::Burst { at: 570.0, mean_delay: 5.0 },
        stay_hours: 6.0,
        presence: [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
    };
    assert_eq!(new.schedule, spelled_out);
}

#[test]
fn parameters_come_from_the_calibration_then_the_estate_then_the_population() {
    let estate = Estate::parse(WHOLE, "x.toml").unwrap();
    let light = Parameters::of("light").unwrap();
    let described = |knob: Knob| estate.described_parameters()[knob as usize].clone();
    assert_eq!(described(Knob::Boots).value, light.get(Knob::Boots));
    assert_eq!(described(Knob::Boots).basis, Basis::Assumed);
    let queries = described(Knob::DnsQueries);
    assert_eq!((queries.value, queries.basis), (300.0, Basis::Given));
    assert_eq!(queries.source, "estate x.toml");
    let tcp = described(Knob::DnsTcpShare);
    assert_eq!((tcp.value, tcp.basis, tcp.unit.as_str()), (0.02, Basis::Learned, "share"));
    assert_eq!(tcp.source, "dc.pcap, 2026-11-20");
    assert_eq!(estate.parameters().get(Knob::DnsQueries), 300.0);
    let [desks, new] = estate.populations() else { panic!() };
    assert_eq!(desks.parameters.get(Knob::Boots), 1.0);
    assert_eq!(desks.parameters.get(Knob::DnsQueries), 300.0);
    assert_eq!(desks.own_parameters.len(), 1);
    assert_eq!(desks.own_parameters[0].knob, Knob::Boots);
    assert_eq!(&new.parameters, estate.parameters());
}

#[test]
fn named_schedules_are_within_a_day() {
    for (name, schedule) in Schedule::NAMES {
        assert_eq!(Schedule::named(name), Some(schedule));
        assert!(schedule.presence.iter().all(|share| (0.0..=1.0).contains(share)), "{name}");
        assert!((0.1..=24.0).contains(&schedule.stay_hours), "{name}");
    }
    assert_eq!(Schedule::named("Office"), None);
}

#[test]
fn the_branch_explains_every_key() {
    const BRANCH: &str = include_str!("../../captures/estates/branch.toml");
    // What the reader of each table expects, it says when it meets something else.
    let keys_of = |text: &str| -> Vec<String> {
        let error = match toml::from_str::<RawEstate>(text) {
            Err(error) => error.message().to_owned(),
            Ok(_) => panic!("{text}"),
        };
        assert!(error.starts_with("unknown field `zz`"), "{error}");
        error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    };
    let population = "[[population]]\nname=\"a\"\nkind=\"laptop\"\ncount=1\nsite=\"a\"\n";
    let texts = [
        "zz = 1".to_owned(),
        "[forest]\nzz = 1".to_owned(),
        "[[site]]\nzz = 1".to_owned(),
        "[[domain_controller]]\nzz = 1".to_owned(),
        "[[population]]\nzz = 1".to_owned(),
        "[network]\nzz = 1".to_owned(),
        format!("{population}schedule = {{ zz = 1 }}"),
        format!("{population}autopilot = {{ zz = 1 }}"),
        "[parameters]\ndns.tcp_share = { zz = 1 }".to_owned(),
    ];
    let mut keys = 0;
    for text in texts {
        for key in keys_of(&text) {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let found = BRANCH.split(|c| !is_part(c)).any(|word| word == key);
            assert!(found, "`{key}` is not in branch.toml");
            keys += 1;
        }
    }
    assert!(keys > 50, "{keys}");
}
