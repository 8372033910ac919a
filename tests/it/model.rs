//! The verdict from outside: the vendor's own screenshot, every wording, every limit, and laws
//! that hold for any input.

use headroom::base::Timestamp;
use headroom::estate::Estate;
use headroom::model::{Rules, apply_estate, assumptions, load, size, tables, total};
use headroom::record::{
    Basis, DomainController, Fact, HostFacts, Load, Offload, Peak, RejectedReadings, Resource,
    ResourceCheck, Sized, Timeline, VerdictKind, Window,
};
use proptest::prelude::*;

fn fact<T>(value: T) -> Option<Fact<T>> {
    Some(Fact { value, source: "test".to_owned() })
}

/// Nothing known but the name.
fn bare(name: &str) -> DomainController {
    DomainController {
        name: name.to_owned(),
        addresses: Vec::new(),
        recognised_by: "test".to_owned(),
        services: Vec::new(),
        packets: None,
        bytes: None,
        timeline: None,
        reported: None,
        traffic_basis: Basis::Measured,
        sub_sample_peaks: Vec::new(),
        protocols: Vec::new(),
        offload: Offload::default(),
        name_lookups: None,
        host: HostFacts::default(),
        rejected: RejectedReadings::default(),
        notes: Vec::new(),
    }
}

/// A row of a sizing workbook of 24 hours.
fn workbook(busy: f64, average: f64) -> DomainController {
    let start_utc = Timestamp::from_parts(1_519_000_000, 0);
    let end_utc = start_utc.plus_nanos(898_000_000_000);
    let load = Load {
        busy: Some(Window { packets_per_second: busy, start_utc, end_utc }),
        average_packets_per_second: Some(average),
        maximum_packets_per_second: Some(busy),
        peaks: Vec::new(),
        good_samples: 17_221,
        failed_samples: 0,
    };
    DomainController { reported: Some(load), ..bare("dc1") }
}

/// The same on a server that is known in full.
fn known(
    busy: f64,
    average: f64,
    cores: u32,
    installed_gb: f64,
    available_mb: f64,
) -> DomainController {
    let mut dc = workbook(busy, average);
    dc.host = HostFacts {
        physical_cores: fact(cores),
        logical_processors: fact(cores),
        installed_memory_gb: fact(installed_gb),
        min_available_mb: fact(available_mb),
        avg_available_mb: fact(available_mb),
        avg_cpu_percent: fact(10.0),
        max_cpu_percent: fact(60.0),
        operating_system: fact("Windows Server 2016 Standard".to_owned()),
    };
    dc
}

/// Large enough for every row of the table.
fn ample(busy: f64, average: f64) -> DomainController {
    known(busy, average, 16, 64.0, 60_000.0)
}

/// A counter log of `rates`, 5 s apart.
fn log(rates: Vec<Option<f64>>) -> DomainController {
    let timeline = Timeline {
        start_utc: Timestamp::from_parts(1_000, 0),
        interval_ms: 5_000,
        covered_ms: 5_000 * (rates.len() as u64).saturating_sub(1),
        packets_per_second: rates,
        bytes_per_second: Vec::new(),
        cpu_percent: Vec::new(),
        available_mb: Vec::new(),
        protocol_interval_ms: 5_000,
        protocols: Vec::new(),
    };
    DomainController { timeline: Some(timeline), ..bare("dc1") }
}

fn sized(dc: DomainController) -> Sized {
    size(dc, &Rules::default())
}

fn words(dc: DomainController) -> String {
    sized(dc).verdict.words
}

fn check(sized: &Sized, resource: Resource) -> &ResourceCheck {
    sized.verdict.checks.iter().find(|check| check.resource == resource).unwrap()
}

/// The vendor's screenshot of its own tool (ATPDocs/media/capacity-tool.png, 2018): name, Busy,
/// Min Avail MB, GB that it says to add, and installed GB as the figures suggest.
const SCREENSHOT: [(&str, f64, f64, f64, f64); 9] = [
    ("DC1", 16_275.0, 28_654.0, 0.0, 32.0),
    ("DC2", 9_552.0, 6_938.0, 1.0, 8.0),
    ("DC3", 13_212.0, 6_934.0, 4.0, 8.0),
    ("DC5", 6_402.0, 6_813.0, 2.0, 8.0),
    ("DC4", 31_827.0, 6_534.0, 5.0, 8.0),
    ("DC6", 4_403.0, 7_184.0, 1.0, 8.0),
    ("DC7", 2_606.0, 7_098.0, 1.0, 8.0),
    ("DC8", 1_361.0, 7_073.0, 1.0, 8.0),
    ("DC9", 13.0, 7_031.0, 0.0, 8.0),
];

#[test]
fn the_memory_column_of_the_vendors_screenshot_is_reproduced() {
    for (name, busy, available_mb, add_gb, installed_gb) in SCREENSHOT {
        let sized = sized(known(busy, busy, 16, installed_gb, available_mb));
        assert_eq!(check(&sized, Resource::AvailableMemory).short_by, Some(add_gb), "{name}");
        let expected = if add_gb > 0.0 {
            format!("Yes, but additional resources required: +{add_gb:.0}GB")
        } else {
            "Yes".to_owned()
        };
        assert_eq!(sized.verdict.words, expected, "{name}");
    }
}

#[test]
fn the_screenshot_is_reproduced_from_its_visible_columns_alone() {
    for (name, busy, available_mb, add_gb, _) in SCREENSHOT {
        let mut dc = workbook(busy, busy);
        dc.host.min_available_mb = fact(available_mb);
        let sized = sized(dc);
        let memory = check(&sized, Resource::AvailableMemory);
        assert_eq!(memory.short_by, Some(add_gb), "{name}");
        assert!(memory.sentence.contains("Installed memory is not known"), "{}", memory.sentence);
        // Cores are not in those columns, so there is no verdict to reproduce.
        assert_eq!(sized.verdict.kind, VerdictKind::MissingCoreData, "{name}");
    }
}

#[test]
fn every_kind_of_result_has_the_vendors_words() {
    let missing = |change: fn(&mut HostFacts)| {
        let mut dc = ample(500.0, 400.0);
        change(&mut dc.host);
        dc
    };
    let mut no_traffic = ample(500.0, 400.0);
    no_traffic.reported = None;
    let mut core = ample(500.0, 400.0);
    core.host.operating_system = fact("Windows Server 2008 R2 Server Core".to_owned());
    let mut old = ample(500.0, 400.0);
    old.host.operating_system = fact("Windows Server 2008 R2 Standard".to_owned());
    use VerdictKind::*;
    let cases = [
        (ample(500.0, 400.0), Yes, "Yes"),
        (
            known(13_212.0, 13_000.0, 1, 8.0, 6_934.0),
            YesButResources,
            "Yes, but additional resources required: +4GB; +2 cores",
        ),
        (
            known(500.0, 400.0, 1, 8.0, 7_000.0),
            YesButResources,
            "Yes, but additional resources required: +1 core",
        ),
        (ample(9_000.0, 2_000.0), Maybe, "Maybe"),
        (
            known(61_000.0, 60_000.0, 8, 16.0, 14_000.0),
            MaybeButResources,
            "Maybe, but additional resources required: +1GB",
        ),
        (ample(120_000.0, 100_000.0), No, "No"),
        (old, No, "No"),
        (core, No, "No. Server Core for Windows Server 2008 R2 is unsupported"),
        (no_traffic, MissingTrafficData, "Missing Traffic Data"),
        (
            missing(|host| {
                host.installed_memory_gb = None;
                host.min_available_mb = None;
            }),
            MissingRamData,
            "Missing RAM data",
        ),
        (missing(|host| host.physical_cores = None), MissingCoreData, "Missing core data"),
        (
            missing(|host| {
                host.physical_cores = None;
                host.operating_system = fact("Remote Registry Query Failed".to_owned());
            }),
            MissingOsData,
            "Missing OS Data",
        ),
    ];
    for (dc, kind, expected) in cases {
        let verdict = sized(dc).verdict;
        assert_eq!((verdict.kind, verdict.words.as_str()), (kind, expected));
    }
}

#[test]
fn limits_of_the_verdict_are_where_they_are_said_to_be() {
    let at = |busy: f64, average: f64| sized(ample(busy, average)).verdict.kind;
    assert_eq!(at(60_000.0, 60_000.0), VerdictKind::Yes);
    assert_eq!(at(60_000.01, 60_000.0), VerdictKind::Maybe);
    assert_eq!(at(100_000.0, 100_000.0), VerdictKind::Maybe);
    assert_eq!(at(100_000.01, 100_000.0), VerdictKind::No);
    assert_eq!(at(3_000.0, 1_000.0), VerdictKind::Yes);
    assert_eq!(at(3_000.01, 1_000.0), VerdictKind::Maybe);
    // A domain controller that hears nothing at all was measured wrongly.
    assert_eq!(at(0.01, 0.01), VerdictKind::Yes);
    assert_eq!(at(0.0, 0.0), VerdictKind::MissingTrafficData);

    let rules = Rules::default()
        .with_spike_ratio(2.0)
        .and_then(|rules| rules.with_maybe_above(10_000.0))
        .and_then(|rules| rules.with_no_above(200_000.0))
        .unwrap();
    let kind = |busy: f64, average: f64| size(ample(busy, average), &rules).verdict.kind;
    assert_eq!(kind(2_001.0, 1_000.0), VerdictKind::Maybe);
    assert_eq!(kind(10_001.0, 10_000.0), VerdictKind::Maybe);
    // Above the table there is no row to size with, whatever the rules allow.
    assert_eq!(kind(120_000.0, 110_000.0), VerdictKind::No);
    let rules = Rules::default().with_no_above(30_000.0).unwrap();
    assert_eq!(size(ample(30_001.0, 30_000.0), &rules).verdict.kind, VerdictKind::No);
}

#[test]
fn memory_and_cores_are_exact_at_their_limits() {
    // Row 0-1k: 2.5 GB and 15 % of 16 GB = 2.4 GB make 4.9 GB.
    let add = |megabytes: f64| words(known(500.0, 500.0, 4, 16.0, megabytes));
    assert_eq!(add(4.9 * 1_024.0), "Yes");
    assert_eq!(add(4.9 * 1_024.0 - 1.0), "Yes, but additional resources required: +1GB");
    assert_eq!(add(3.9 * 1_024.0), "Yes, but additional resources required: +1GB");
    assert_eq!(add(3.9 * 1_024.0 - 1.0), "Yes, but additional resources required: +2GB");
    // Row 5k-10k: 1.0 core; of 4 cores 60 % in use and 15 % free leave exactly that.
    let cores = |percent: f64| {
        let mut dc = known(6_000.0, 6_000.0, 4, 64.0, 60_000.0);
        dc.host.avg_cpu_percent = fact(percent);
        words(dc)
    };
    assert_eq!(cores(60.0), "Yes");
    assert_eq!(cores(60.1), "Yes, but additional resources required: +1 core");
}

#[test]
fn the_summary_says_it_in_one_plain_sentence() {
    let summary = |dc| sized(dc).verdict.summary;
    let mut no_cores = known(13_212.0, 13_000.0, 1, 8.0, 6_934.0);
    no_cores.host.physical_cores = None;
    let cases = [
        (
            ample(500.0, 400.0),
            "The sensor fits on this server as it is (Busy 500 packets/s, row 0-1k).",
        ),
        (
            known(13_212.0, 13_000.0, 1, 8.0, 6_934.0),
            "The sensor fits on this server after adding 4 GB of memory and 2 cores (Busy 13,212 \
             packets/s, row 10k-20k).",
        ),
        (
            ample(61_000.0, 60_000.0),
            "The sensor may keep up, but that is not certain. Busy is 61,000 packets/s, above \
             60,000, the one figure that the vendor publishes for Maybe.",
        ),
        (
            ample(120_000.0, 100_000.0),
            "The sensor is not expected to run or to keep up. Busy is 120,000 packets/s, above \
             100,000, where we stop sizing (the sensor 2.x table ends at 100,000; the vendor's own \
             limit is not published).",
        ),
        (
            no_cores,
            "No verdict yet: too little is known of the server. For Busy 13,212 packets/s, row \
             10k-20k, the sensor itself takes 2 cores and 9.0 GB. Short in any case: 4 GB of \
             memory.",
        ),
        (bare("dc1"), "No verdict: the input holds no usable packet rate."),
    ];
    for (dc, expected) in cases {
        assert_eq!(summary(dc), expected);
    }
}

#[test]
fn hyper_threads_are_not_taken_for_cores() {
    let mut dc = ample(500.0, 400.0);
    dc.host.physical_cores = None;
    dc.host.logical_processors = fact(32);
    let verdict = sized(dc).verdict;
    assert_eq!(verdict.kind, VerdictKind::MissingCoreData);
    assert!(
        verdict
            .missing
            .iter()
            .any(|what| what.contains("`--cores`") && what.contains("hyper-threads"))
    );
    // What is known is shown all the same.
    assert_eq!(verdict.row.unwrap().label, "0-1k");
    assert_eq!(verdict.checks.len(), 5);
}

#[test]
fn what_is_missing_is_named_with_its_flag_or_counter() {
    let verdict = sized(bare("dc1")).verdict;
    assert_eq!(verdict.kind, VerdictKind::MissingTrafficData);
    for name in [
        "`Network Adapter(*)\\Packets/sec`",
        "`--ram`",
        "`--min-available-mb`",
        "`Memory\\Available MBytes`",
        "`--cores`",
        "`Processor(_Total)\\% Processor Time`",
        "`--os`",
    ] {
        assert!(verdict.missing.iter().any(|what| what.contains(name)), "{name}");
    }
    assert_eq!(sized(ample(500.0, 400.0)).verdict.missing, Vec::<String>::new());
}

#[test]
fn an_unknown_operating_system_holds_no_verdict_up() {
    for os in [None, fact("Remote Registry Query Failed".to_owned())] {
        let mut dc = ample(500.0, 400.0);
        dc.host.operating_system = os;
        let verdict = sized(dc).verdict;
        assert_eq!(verdict.kind, VerdictKind::Yes);
        assert!(verdict.missing.iter().any(|what| what.contains("`--os`")));
        assert!(verdict.caveats.iter().any(|text| text.contains("operating system")));
    }
}

#[test]
fn an_operating_system_adds_what_follows_from_it() {
    let caveats = |os: &str| {
        let mut dc = ample(500.0, 400.0);
        dc.host.operating_system = fact(os.to_owned());
        sized(dc).verdict.caveats.join(" ")
    };
    assert_eq!(caveats("Windows Server 2016"), "");
    for os in ["Windows Server 2019", "Windows Server 2022", "Windows Server 2025"] {
        assert!(caveats(os).contains("limits itself to 30 % of the processors and 1.5 GB"), "{os}");
    }
    for os in ["Windows Server 2012", "Windows Server 2012 R2"] {
        assert!(caveats(os).contains("no longer supported"), "{os}");
    }
    assert!(caveats("Debian 12").contains("not one that the vendor's pages name"));
}

#[test]
fn a_spike_is_named_with_its_time() {
    let verdict = sized(ample(9_000.0, 2_000.0)).verdict;
    assert_eq!(
        verdict.reasons,
        ["Busy (9,000) is more than 3 times the average (2,000; the ratio is ours, the vendor \
          publishes none): find out what ran from \
             2018-02-19T00:26:40Z to 2018-02-19T00:41:38Z and whether its traffic can be limited."]
    );
    assert!(sized(ample(900.0, 400.0)).verdict.reasons.is_empty());
}

#[test]
fn a_limit_of_the_user_is_not_called_the_vendors() {
    let rules =
        Rules::default().with_maybe_above(8_000.0).and_then(|r| r.with_spike_ratio(4.0)).unwrap();
    let reasons = size(ample(9_000.0, 2_000.0), &rules).verdict.reasons.join(" ");
    assert!(reasons.contains("above 8,000, the limit given for Maybe."), "{reasons}");
    assert!(reasons.contains("4 times the average (2,000; the ratio was given)"), "{reasons}");
    assert!(!reasons.contains("vendor"), "{reasons}");
}

#[test]
fn short_logs_say_what_that_does_to_the_result() {
    let caveats = |samples: usize| {
        let mut dc = log(vec![Some(100.0); samples]);
        dc.host = ample(1.0, 1.0).host;
        sized(dc).verdict.caveats.join(" ")
    };
    assert!(caveats(90).contains("Only 7 min 30 s are covered"));
    assert!(caveats(90).contains("the test for spikes cannot fire"));
    assert!(caveats(180).contains("15 min are covered: the daily peak may have been missed"));
    assert_eq!(caveats(17_280), "");
    // A day that lacks its last samples is a day.
    assert_eq!(caveats(17_200), "");
}

#[test]
fn a_capture_of_less_than_a_sample_does_not_claim_a_whole_one() {
    let mut dc = log_of(vec![Some(21.2)], 5_000, 2_710, 0);
    dc.packets = Some(106);
    let caveats = sized(dc).verdict.caveats.join(" ");
    assert!(caveats.contains("Only 2.71 s are covered, less than one sample"), "{caveats}");
    assert!(caveats.contains("spread over a sample of 5 s"), "{caveats}");
    assert!(!caveats.contains("Only 5 s"), "{caveats}");
}

#[test]
fn failed_readings_are_said_from_one_in_a_hundred() {
    let caveats = |failed: usize| {
        let mut rates = vec![Some(100.0); 17_280];
        rates[..failed].fill(None);
        let mut dc = log(rates);
        dc.host = ample(1.0, 1.0).host;
        sized(dc).verdict.caveats.join(" ")
    };
    assert_eq!(caveats(1), "");
    assert_eq!(caveats(173), "173 of 17,280 samples (1 %) have no good reading and are left out.");
    let mut sparse = log((0..720).map(|i| (i % 2 == 0).then_some(5.0)).collect());
    sparse.host = ample(1.0, 1.0).host;
    let text = sized(sparse).verdict.caveats.join(" ");
    assert!(text.contains("No window of 15 minutes has 90 % good readings"), "{text}");
}

#[test]
fn a_capture_says_what_weakens_it() {
    let mut dc = log(vec![Some(100.0); 17_280]);
    dc.packets = Some(100 * 5 * 17_280);
    dc.timeline.as_mut().unwrap().covered_ms = 86_400_000;
    dc.host = ample(1.0, 1.0).host;
    dc.offload = Offload {
        frames: 1_200,
        largest_frame_bytes: 65_226,
        mtu_bytes: 1_500,
        estimated_wire_packets: 30_000,
    };
    let start_utc = Timestamp::from_parts(1_000, 0);
    dc.sub_sample_peaks = vec![Peak { window_ms: 1_000, packets_per_second: 500.0, start_utc }];
    let caveats = sized(dc.clone()).verdict.caveats;
    assert_eq!(caveats.len(), 3, "{caveats:?}");
    assert!(caveats[0].starts_with("1,200 frames are larger than the link's MTU of 1,500 bytes"));
    assert!(caveats[0].contains("about 30,000 packets"));
    assert!(caveats[1].starts_with("No domain controller was recognised"));
    assert!(caveats[2].starts_with("The fullest second has 500 packets, 5 times Busy"));
    dc.addresses = vec!["10.0.0.1".to_owned()];
    dc.offload = Offload::default();
    dc.sub_sample_peaks[0].packets_per_second = 499.0;
    assert_eq!(sized(dc).verdict.caveats, Vec::<String>::new());
}

#[test]
fn installed_memory_alone_gives_a_verdict_and_says_it_is_the_weaker_test() {
    let with = |gigabytes: f64| {
        let mut dc = ample(13_212.0, 13_000.0);
        dc.host.min_available_mb = None;
        dc.host.installed_memory_gb = fact(gigabytes);
        sized(dc)
    };
    assert_eq!(with(16.0).verdict.words, "Yes");
    assert_eq!(with(8.0).verdict.words, "Yes, but additional resources required: +3GB");
    assert!(with(16.0).verdict.caveats.iter().any(|text| text.contains("the weaker test")));
    let sentence = &check(&with(16.0), Resource::InstalledMemory).sentence.clone();
    assert!(
        sentence.contains("which leaves 5.41 GB for the domain controller itself"),
        "{sentence}"
    );
}

#[test]
fn the_published_minimum_holds_whatever_the_traffic() {
    let minimum = |cores: u32, gigabytes: f64| {
        let mut dc = known(13.0, 13.0, cores, gigabytes, gigabytes * 1_024.0 * 0.9);
        dc.host.avg_cpu_percent = fact(0.0);
        words(dc)
    };
    assert_eq!(minimum(2, 6.0), "Yes");
    assert_eq!(minimum(1, 6.0), "Yes, but additional resources required: +1 core");
    assert_eq!(minimum(2, 4.0), "Yes, but additional resources required: +2GB");
}

#[test]
fn other_tables_are_shown_with_what_they_count() {
    let sized = sized(ample(60_000.0, 60_000.0));
    let seen: Vec<_> = sized
        .verdict
        .other_tables
        .iter()
        .map(|other| (other.key.as_str(), other.row.as_ref().map(|row| row.cores)))
        .collect();
    assert_eq!(
        seen,
        [("azure-atp-2018", Some(3.5)), ("ata-lightweight-gateway", None), ("ata-gateway", None)]
    );
    assert_eq!(sized.verdict.row.unwrap().cores, 5.5);
    let older = Rules::default().with_table("azure-atp-2018").unwrap();
    let sized = size(ample(60_000.0, 60_000.0), &older);
    assert_eq!(sized.verdict.row.unwrap().cores, 3.5);
    assert_eq!(sized.verdict.other_tables[0].key, "mdi-2.x");
    assert!(sized.verdict.checks[0].sentence.contains("Azure ATP sensor 2018 to 2022 table"));
}

#[test]
fn assumptions_list_only_what_was_used_and_whose_it_is() {
    let rules = Rules::default();
    let texts = |sized: &[Sized]| {
        assumptions(&rules, sized).into_iter().map(|a| (a.basis, a.text)).collect::<Vec<_>>()
    };
    let has = |list: &[(Basis, String)], basis, part: &str| {
        list.iter().any(|(b, text)| *b == basis && text.contains(part))
    };
    let mut from_log = log(vec![Some(1.0); 200]);
    from_log.host.min_available_mb = fact(4_000.0);
    let list = texts(&[sized(from_log)]);
    assert!(has(&list, Basis::VendorPublished, "15 busiest minutes"));
    assert!(has(&list, Basis::Inferred, "one unbroken window"));
    assert!(has(&list, Basis::Inferred, "fits the memory amounts of all nine rows"));
    assert!(has(&list, Basis::Inferred, "the reserve is taken of 8 GB"));
    assert!(has(&list, Basis::Ours, "may differ"));
    assert!(!has(&list, Basis::Ours, "Samples without a good reading"));
    assert!(!has(&list, Basis::Given, "sizing workbook"));
    let list = texts(&[sized(ample(5.0, 5.0))]);
    assert!(has(&list, Basis::Given, "sizing workbook"));
    assert!(!has(&list, Basis::Inferred, "one unbroken window"));
    assert!(!has(&list, Basis::Inferred, "the reserve is taken of 8 GB"));
}

#[test]
fn the_example_estate_completes_a_capture() {
    let text = include_str!("../../captures/estates/lab.toml");
    let estate = Estate::parse(text, "lab.toml").unwrap();
    let mut dc = log(vec![Some(500.0); 17_280]);
    dc.addresses = vec!["fd77::10".to_owned()];
    assert_eq!(sized(dc.clone()).verdict.kind, VerdictKind::MissingRamData);
    assert!(apply_estate(&mut dc, &estate, "estate lab.toml"));
    assert_eq!(dc.host.physical_cores, Some(Fact { value: 4, source: "estate lab.toml".into() }));
    assert_eq!(sized(dc).verdict.words, "Yes");
}

/// Any host, known or not, sensible or not.
fn any_host() -> impl Strategy<Value = HostFacts> {
    let number = || {
        proptest::option::of(prop_oneof![
            8 => 0.0f64..200_000.0,
            1 => proptest::num::f64::ANY,
        ])
    };
    let count = || proptest::option::of(prop_oneof![8 => 0u32..128, 1 => any::<u32>()]);
    let os = proptest::option::of(prop_oneof![
        Just("Windows Server 2022".to_owned()),
        Just("Windows Server 2008 R2 Core".to_owned()),
        ".*",
    ]);
    let numbers = (number(), number(), number(), number(), number());
    (count(), count(), numbers, os).prop_map(|(cores, logical, numbers, os)| {
        let known = |value: Option<f64>| value.and_then(fact);
        HostFacts {
            physical_cores: cores.and_then(fact),
            logical_processors: logical.and_then(fact),
            installed_memory_gb: known(numbers.0),
            min_available_mb: known(numbers.1),
            avg_available_mb: known(numbers.2),
            avg_cpu_percent: known(numbers.3),
            max_cpu_percent: known(numbers.4),
            operating_system: os.and_then(fact),
        }
    })
}

/// Any traffic, good or not.
fn any_traffic() -> impl Strategy<Value = DomainController> {
    let rate = || prop_oneof![8 => 0.0f64..150_000.0, 1 => proptest::num::f64::ANY];
    let rates = proptest::collection::vec(proptest::option::of(rate()), 0..400);
    let log = (rates, any::<bool>(), prop_oneof![Just(5_000u64), any::<u64>()], any::<u64>());
    let from_log =
        (log, any::<i64>()).prop_map(|((rates, counted, interval_ms, covered_ms), start)| {
            let mut dc = log_of(rates, interval_ms, covered_ms, start);
            dc.packets = counted.then_some(1);
            dc
        });
    let from_workbook = (rate(), rate(), any::<u64>()).prop_map(|(busy, average, samples)| {
        let mut dc = workbook(busy, average);
        dc.reported.as_mut().unwrap().good_samples = samples;
        dc
    });
    prop_oneof![from_log, from_workbook]
}

fn log_of(
    rates: Vec<Option<f64>>,
    interval_ms: u64,
    covered_ms: u64,
    start: i64,
) -> DomainController {
    let mut dc = log(rates);
    let timeline = dc.timeline.as_mut().unwrap();
    timeline.interval_ms = interval_ms;
    timeline.covered_ms = covered_ms;
    timeline.start_utc = Timestamp::from_nanos(start);
    dc
}

/// Every number of a result.
fn numbers(sized: &Sized) -> Vec<f64> {
    let load = &sized.load;
    let mut all: Vec<f64> = load.busy.iter().map(|busy| busy.packets_per_second).collect();
    all.extend(load.average_packets_per_second);
    all.extend(load.maximum_packets_per_second);
    all.extend(load.peaks.iter().map(|peak| peak.packets_per_second));
    for check in &sized.verdict.checks {
        all.push(check.needed);
        all.extend(check.available);
        all.extend(check.short_by);
    }
    all
}

/// How bad a result is, for results on the same traffic.
fn rank(sized: &Sized) -> (bool, f64, f64) {
    let most = |resources: [Resource; 2]| {
        let short = resources.map(|resource| check(sized, resource).short_by.unwrap());
        short[0].max(short[1])
    };
    let memory = most([Resource::AvailableMemory, Resource::MinimumMemory]);
    let cores = most([Resource::PhysicalCores, Resource::MinimumCores]);
    let short =
        matches!(sized.verdict.kind, VerdictKind::YesButResources | VerdictKind::MaybeButResources);
    (short, memory, cores)
}

proptest! {
    #[test]
    fn no_result_holds_a_nan_or_an_infinity(dc in any_traffic(), host in any_host()) {
        let sized = sized(DomainController { host, ..dc });
        for number in numbers(&sized) {
            prop_assert!(number.is_finite(), "{:?}", sized.verdict);
        }
        for amount in sized.verdict.checks.iter().filter_map(|check| check.short_by) {
            prop_assert!(amount >= 0.0 && amount.fract() == 0.0);
        }
        let verdict = &sized.verdict;
        let texts = verdict.checks.iter().map(|check| &check.sentence).chain(&verdict.caveats);
        for text in texts.chain(&verdict.reasons).chain([&verdict.summary, &verdict.words]) {
            prop_assert!(!text.contains("NaN") && !text.contains("inf "), "{}", text);
        }
        let both = total(&[sized.clone(), sized]).unwrap();
        let sums = [both.sum_busy_packets_per_second, both.sum_average_packets_per_second];
        let shared = both.coincident_busy.map(|busy| busy.packets_per_second);
        prop_assert!(sums.into_iter().chain([shared]).flatten().all(f64::is_finite));
    }

    #[test]
    fn more_resources_never_worsen_a_result(
        busy in 0.0f64..100_000.0,
        cores in 1u32..16, more_cores in 0u32..16, used in 0.0f64..1.0,
        installed in 2.0f64..64.0, available in 0.0f64..1.0, more_gb in 0.0f64..64.0,
    ) {
        // What the domain controller uses itself stays what it is.
        let used_cores = used * f64::from(cores);
        let used_gb = (1.0 - available) * installed;
        let with = |cores: u32, installed: f64| {
            let mut dc = known(busy, busy, cores, installed, (installed - used_gb) * 1_024.0);
            dc.host.avg_cpu_percent = fact((used_cores / f64::from(cores) * 100.0).min(100.0));
            rank(&sized(dc))
        };
        let before = with(cores, installed);
        let after = with(cores + more_cores, installed + more_gb);
        prop_assert!(after.0 <= before.0, "{:?} {:?}", before, after);
        prop_assert!(after.1 <= before.1 && after.2 <= before.2, "{:?} {:?}", before, after);
    }

    #[test]
    fn adding_what_is_asked_for_is_enough_cores(
        busy in 0.0f64..100_000.0, cores in 1u32..16, used in 0.0f64..1.0,
    ) {
        let with = |cores: u32, used_cores: f64| {
            let mut dc = known(busy, busy, cores, 64.0, 60_000.0);
            dc.host.avg_cpu_percent = fact(used_cores / f64::from(cores) * 100.0);
            rank(&sized(dc)).2
        };
        let used_cores = used * f64::from(cores);
        let add = with(cores, used_cores);
        let add = (0u32..64).find(|whole| f64::from(*whole) == add).unwrap();
        prop_assert_eq!(with(cores + add, used_cores), 0.0);
    }

    #[test]
    fn a_higher_busy_never_needs_less(low in 0.0f64..100_000.0, more in 0.0f64..100_000.0) {
        let needed = |busy: f64| {
            let row = sized(ample(busy.min(100_000.0), busy)).verdict.row.unwrap();
            (row.cores, row.memory_gb)
        };
        let (before, after) = (needed(low), needed(low + more));
        prop_assert!(after.0 >= before.0 && after.1 >= before.1);
    }

    #[test]
    fn busy_lies_inside_the_log_and_is_the_direct_mean(
        packets in proptest::collection::vec(0u32..1_000_000, 180..500),
    ) {
        let rates: Vec<Option<f64>> = packets.iter().map(|&n| Some(f64::from(n) / 5.0)).collect();
        let busy = load(&log(rates)).busy.unwrap();
        let second = |time: Timestamp| time.nanos() / 1_000_000_000 - 1_000;
        prop_assert_eq!(second(busy.end_utc) - second(busy.start_utc), 900);
        let first = usize::try_from(second(busy.start_utc) / 5).unwrap();
        let sums: Vec<u64> =
            packets.windows(180).map(|w| w.iter().map(|&n| u64::from(n)).sum()).collect();
        let most = *sums.iter().max().unwrap();
        prop_assert_eq!(sums[first], most);
        prop_assert_eq!(sums.iter().position(|sum| *sum == most), Some(first));
        prop_assert_eq!(busy.packets_per_second, most as f64 / 900.0);
    }
}

#[test]
fn every_row_of_every_table_is_reached_and_no_other() {
    for published in &tables().capacity {
        for row in &published.table.rows {
            let middle = (row.from_packets_per_second + row.to_packets_per_second) / 2.0;
            for busy in [row.from_packets_per_second, middle] {
                let found = headroom::model::row_for(&published.table, busy).unwrap();
                assert_eq!(found, row, "{} {busy}", published.table.key);
            }
        }
    }
}
