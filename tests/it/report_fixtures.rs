//! Records for the report's tests, built by hand: what the other rooms would find.

#![expect(clippy::cast_possible_truncation, reason = "made-up figures, all small")]

use headroom::base::{Random, Timestamp};
use headroom::record::*;

use crate::report_model_fixtures::{hostile_figures, modelled};

/// 2025-11-21T00:00:00Z.
const MIDNIGHT: i64 = 1_763_683_200;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(MIDNIGHT + seconds, 0)
}

fn row(label: &str, from: f64, to: f64, cores: f64, memory_gb: f64) -> CapacityRow {
    CapacityRow {
        label: label.into(),
        from_packets_per_second: from,
        to_packets_per_second: to,
        cores,
        memory_gb,
    }
}

pub fn table() -> CapacityTable {
    CapacityTable {
        key: "mdi-2.x".into(),
        title: "Defender for Identity sensor 2.x".into(),
        source: "Microsoft Learn, Plan capacity for Microsoft Defender for Identity, 2026-06-15"
            .into(),
        valid: "since 2022-03-13".into(),
        convention: "the sensor’s own consumption, not the size of the server".into(),
        rows: vec![
            row("0-1k", 0.0, 1e3, 0.25, 2.5),
            row("1k-5k", 1e3, 5e3, 0.75, 6.0),
            row("5k-10k", 5e3, 1e4, 1.0, 6.5),
            row("10k-20k", 1e4, 2e4, 2.0, 9.0),
            row("20k-50k", 2e4, 5e4, 3.5, 9.5),
            row("50k-75k", 5e4, 7.5e4, 5.5, 11.5),
            row("75k-100k", 7.5e4, 1e5, 7.5, 13.5),
        ],
    }
}

fn fact<T>(value: T, source: &str) -> Option<Fact<T>> {
    Some(Fact { value, source: source.into() })
}

/// A working day: quiet night, a logon storm after eight, a hump in the afternoon, noise.
pub fn day(seed: u64, samples: usize, scale: f64) -> Vec<Option<f64>> {
    let mut random = Random::new(seed);
    let mut wave = 0.0;
    (0..samples)
        .map(|index| {
            let hour = index as f64 / 720.0;
            let hump = |middle: f64, width: f64| (-((hour - middle) / width).powi(2)).exp();
            let base =
                0.12 + 0.55 * hump(10.5, 2.6) + 0.48 * hump(14.8, 2.2) + 0.75 * hump(8.3, 0.35);
            let noise = f64::from(random.below(1000)) / 1000.0;
            wave = 0.9 * wave + 0.1 * noise;
            let value = (scale * base * (0.55 + 0.5 * wave + 0.35 * noise)).round();
            Some(value)
        })
        .collect()
}

fn busiest(samples: &[Option<f64>]) -> Window {
    let width = 180.min(samples.len());
    let mean =
        |from: usize| samples[from..from + width].iter().flatten().sum::<f64>() / width as f64;
    let best = (0..=samples.len() - width).max_by(|a, b| mean(*a).total_cmp(&mean(*b))).unwrap();
    Window {
        packets_per_second: rounded(mean(best)),
        start_utc: at(best as i64 * 5),
        end_utc: at((best + width) as i64 * 5),
    }
}

/// To a thousandth: what JSON carries exactly without a special reader.
pub fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn load(samples: &[Option<f64>]) -> Load {
    let good: Vec<f64> = samples.iter().flatten().copied().collect();
    let maximum = good.iter().copied().fold(0.0, f64::max);
    let busy = busiest(samples);
    let peak = |window_ms, packets_per_second| Peak {
        window_ms,
        packets_per_second,
        start_utc: busy.start_utc,
    };
    Load {
        busy: Some(busy),
        average_packets_per_second: Some(rounded(good.iter().sum::<f64>() / good.len() as f64)),
        maximum_packets_per_second: Some(maximum),
        peaks: vec![
            peak(5_000, maximum),
            peak(60_000, rounded(maximum * 0.91)),
            peak(900_000, busy.packets_per_second),
        ],
        good_samples: good.len() as u64,
        failed_samples: (samples.len() - good.len()) as u64,
    }
}

const PROTOCOLS: [(&str, f64, f64); 11] = [
    ("SMB2/3", 0.34, 640.0),
    ("LDAP", 0.21, 410.0),
    ("Kerberos", 0.17, 720.0),
    ("DNS", 0.11, 138.0),
    ("DCE/RPC", 0.07, 310.0),
    ("TLS", 0.04, 820.0),
    ("NTLMSSP", 0.02, 260.0),
    ("CLDAP", 0.014, 190.0),
    ("NTP", 0.006, 90.0),
    ("NBNS", 0.0002, 92.0),
    ("other", 0.0198, 240.0),
];

fn protocols(samples: &[Option<f64>]) -> (Vec<ProtocolSeries>, Vec<ProtocolCount>) {
    let mut random = Random::new(99);
    let series: Vec<ProtocolSeries> = PROTOCOLS
        .iter()
        .map(|(name, share, size)| {
            let packets: Vec<u64> = samples
                .chunks(12)
                .map(|minute| {
                    let sum: f64 = minute.iter().flatten().sum::<f64>() * 5.0;
                    let wobble = 0.8 + f64::from(random.below(400)) / 1000.0;
                    (sum * share * wobble) as u64
                })
                .collect();
            let bytes = packets.iter().map(|count| (*count as f64 * size) as u64).collect();
            ProtocolSeries { protocol: (*name).into(), packets, bytes }
        })
        .collect();
    let counts = series
        .iter()
        .map(|series| ProtocolCount {
            protocol: series.protocol.clone(),
            packets: series.packets.iter().sum(),
            bytes: series.bytes.iter().sum(),
        })
        .collect();
    (series, counts)
}

fn checks() -> Vec<ResourceCheck> {
    vec![
        ResourceCheck {
            resource: Resource::AvailableMemory,
            unit: "GB".into(),
            needed: 9.0,
            available: Some(5.57),
            short_by: Some(4.0),
            basis: Basis::Inferred,
            sentence: "Memory: the row 10k-20k needs 9 GB for the sensor. At the worst moment 6.77 GB were free; less the 15 % of 8 GB that the sensor leaves free, 5.57 GB. Add 4 GB.".into(),
        },
        ResourceCheck {
            resource: Resource::InstalledMemory,
            unit: "GB".into(),
            needed: 9.0,
            available: Some(8.0),
            short_by: Some(1.0),
            basis: Basis::Ours,
            sentence: "Memory: 9 GB for the sensor alone is more than the 8 GB installed.".into(),
        },
        ResourceCheck {
            resource: Resource::PhysicalCores,
            unit: "cores".into(),
            needed: 2.0,
            available: Some(4.0),
            short_by: Some(0.0),
            basis: Basis::VendorPublished,
            sentence: "Cores: the row 10k-20k needs 2 physical cores for the sensor; the server has 4.".into(),
        },
        ResourceCheck {
            resource: Resource::MinimumCores,
            unit: "cores".into(),
            needed: 2.0,
            available: Some(4.0),
            short_by: Some(0.0),
            basis: Basis::VendorPublished,
            sentence: "The smallest server allowed has 2 cores; this one has 4.".into(),
        },
    ]
}

fn other_tables() -> Vec<OtherTable> {
    vec![
        OtherTable {
            key: "mdi-2018".into(),
            title: "Azure ATP sensor, 2018 to 2022".into(),
            row: Some(row("10k-20k", 1e4, 2e4, 2.0, 9.0)),
            convention: "the sensor’s own consumption".into(),
        },
        OtherTable {
            key: "ata-lightweight".into(),
            title: "ATA Lightweight Gateway".into(),
            row: None,
            convention: "The whole server.".into(),
        },
    ]
}

pub fn assumptions() -> Vec<Assumption> {
    vec![
        Assumption {
            text: "Busy packets per second is the highest mean over 180 samples of 5 seconds."
                .into(),
            basis: Basis::Inferred,
            source: "the window lengths in Microsoft’s own screenshots".into(),
        },
        Assumption {
            text: "A busy rate above 3 times the average gives Maybe.".into(),
            basis: Basis::Ours,
            source: "change with --spike-ratio".into(),
        },
        Assumption {
            text: "The sensor needs at least 2 cores and 6 GB of memory, whatever the traffic."
                .into(),
            basis: Basis::VendorPublished,
            source: "Microsoft Learn, prerequisites of sensor 2.x".into(),
        },
    ]
}

fn capture(path: &str) -> InputFile {
    InputFile {
        path: path.into(),
        format: Format::Pcapng,
        format_text: "pcapng, little-endian, zstd".into(),
        size_bytes: 1_440_321_004,
        sha256: Some("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into()),
        records: 88_234_120,
        first_utc: Some(at(0)),
        last_utc: Some(at(86_399)),
        interfaces: vec![Interface {
            name: Some("eth0".into()),
            description: None,
            link_type: 1,
            link_name: "ETHERNET".into(),
            snap_length_bytes: 256,
            tick_ns: 1000.0,
            packets: 88_234_120,
            packets_cut: 41_002_113,
            dropped_by_interface: Some(1_204),
            dropped_by_os: None,
        }],
        sections: 1,
        skipped_blocks: 3,
        records_out_of_order: 17,
        synthesis: None,
        damage: None,
    }
}

fn report(inputs: Vec<InputFile>, domain_controllers: Vec<Sized>) -> SizingReport {
    SizingReport {
        schema_version: SCHEMA_VERSION,
        headroom_version: "0.1.0".into(),
        command: "headroom report captures/dc1.pcapng.zst --cores 4 --ram 8 -o out".into(),
        inputs,
        complete: true,
        problems: vec![],
        warnings: vec![],
        domain_controllers,
        total: None,
        unattributed_packets: None,
        drops: Drops::default(),
        table: table(),
        assumptions: assumptions(),
    }
}

/// One domain controller, a day of capture, memory short.
pub fn single() -> SizingReport {
    let samples = day(7, 17_280, 17_000.0);
    let mut load = load(&samples);
    let (series, counts) = protocols(&samples);
    let start_utc = load.busy.unwrap().start_utc;
    let peak = |window_ms, packets_per_second| Peak { window_ms, packets_per_second, start_utc };
    let sub_sample_peaks =
        vec![peak(1, 182_000.0), peak(10, 96_400.0), peak(100, 48_210.0), peak(1_000, 27_900.0)];
    load.peaks.splice(0..0, sub_sample_peaks.clone());
    let bytes: Vec<Option<f64>> = samples.iter().map(|v| v.map(|v| v * 455.0)).collect();
    let dc = DomainController {
        name: "10.20.0.10".into(),
        addresses: vec!["10.20.0.10".into(), "fd00:20::10".into()],
        recognised_by: "answers on 88, 389, 445, 135, 53".into(),
        services: vec![Service { port: 88, packets: 7_000_000 }],
        packets: Some(86_100_000),
        bytes: Some(39_200_000_000),
        timeline: Some(Timeline {
            start_utc: at(0),
            interval_ms: 5_000,
            covered_ms: 86_399_000,
            packets_per_second: samples,
            bytes_per_second: bytes,
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: 60_000,
            protocols: series,
        }),
        reported: None,
        traffic_basis: Basis::Measured,
        sub_sample_peaks,
        protocols: counts,
        offload: Offload {
            frames: 1_204_331,
            largest_frame_bytes: 65_226,
            mtu_bytes: 1_500,
            estimated_wire_packets: 5_120_442,
        },
        name_lookups: None,
        host: HostFacts {
            physical_cores: fact(4, "--cores"),
            installed_memory_gb: fact(8.0, "--ram"),
            min_available_mb: fact(6_934.0, "counter Memory\\Available MBytes"),
            ..HostFacts::default()
        },
        rejected: RejectedReadings::default(),
        notes: vec!["Also answers on 3268: a global catalogue.".into()],
    };
    let verdict = Verdict {
        kind: VerdictKind::YesButResources,
        words: "Yes, but additional resources required: +4GB".into(),
        summary: "The sensor will keep up once this server has 4 GB more memory; its cores suffice.".into(),
        row: Some(row("10k-20k", 1e4, 2e4, 2.0, 9.0)),
        checks: checks(),
        reasons: vec![],
        missing: vec!["Processor time of the server: log Processor(_Total)\\% Processor Time.".into()],
        caveats: vec![
            "1,204,331 frames are larger than the link carries (offload): the wire carried about 3.9 million packets more, 4.6 %. The busy rate may be higher by as much.".into(),
            "The interface lost 1,204 packets before they were written.".into(),
        ],
        other_tables: other_tables(),
    };
    let mut report = report(
        vec![capture("captures/dc1.pcapng.zst")],
        vec![Sized { dc, load, verdict, virtual_sensor: None }],
    );
    report.unattributed_packets = Some(2_134_120);
    report.drops = Drops {
        not_captured: 1_204,
        cut_by_snap_length: 41_002_113,
        undecodable: 12,
        ..Drops::default()
    };
    report
}

fn from_counters(name: &str, samples: Vec<Option<f64>>, verdict: Verdict) -> Sized {
    let load = load(&samples);
    let dc = DomainController {
        name: name.into(),
        addresses: vec![],
        recognised_by: "counter log".into(),
        services: vec![],
        packets: None,
        bytes: None,
        timeline: Some(Timeline {
            start_utc: at(0),
            interval_ms: 5_000,
            covered_ms: samples.len() as u64 * 5_000,
            packets_per_second: samples,
            bytes_per_second: vec![],
            cpu_percent: Vec::new(),
            available_mb: Vec::new(),
            protocol_interval_ms: 0,
            protocols: vec![],
        }),
        reported: None,
        traffic_basis: Basis::Measured,
        sub_sample_peaks: vec![],
        protocols: vec![],
        offload: Offload::default(),
        name_lookups: None,
        host: HostFacts {
            min_available_mb: fact(7_031.0, "counter Memory\\Available MBytes"),
            avg_available_mb: fact(7_812.4, "counter Memory\\Available MBytes"),
            ..HostFacts::default()
        },
        rejected: RejectedReadings::default(),
        notes: vec![],
    };
    Sized { dc, load, verdict, virtual_sensor: None }
}

fn plain_verdict(
    kind: VerdictKind,
    words: &str,
    summary: &str,
    row: Option<CapacityRow>,
) -> Verdict {
    Verdict {
        kind,
        words: words.into(),
        summary: summary.into(),
        row,
        checks: vec![],
        reasons: vec![],
        missing: vec![],
        caveats: vec![],
        other_tables: vec![],
    }
}

/// Three domain controllers from one counter log; of one the installed memory is unknown, one
/// has only failed samples.
pub fn three() -> SizingReport {
    let table = table();
    let mut first = day(1, 17_280, 700.0);
    first[3_000..3_900].fill(None);
    let mut one = from_counters(
        "DC01.corp.example",
        first,
        plain_verdict(
            VerdictKind::Yes,
            "Yes",
            "The sensor will keep up on this server as it is.",
            table.rows.first().cloned(),
        ),
    );
    one.dc.rejected = RejectedReadings {
        negative: 2,
        empty: 897,
        not_a_number: 1,
        impossible: 0,
        rows: vec![3_002, 3_003, 3_004],
    };
    one.verdict.checks = vec![ResourceCheck {
        resource: Resource::AvailableMemory,
        unit: "GB".into(),
        needed: 2.5,
        available: Some(5.67),
        short_by: Some(0.0),
        basis: Basis::Inferred,
        sentence: "Memory: the row 0-1k needs 2.5 GB; 5.67 GB were free at the worst moment after the 15 % reserve.".into(),
    }];
    let mut two = from_counters(
        "DC02.corp.example",
        day(2, 17_280, 40_000.0),
        plain_verdict(
            VerdictKind::Maybe,
            "Maybe",
            "The busiest 15 minutes are 3.4 times the average: look at what runs then.",
            table.rows.get(4).cloned(),
        ),
    );
    two.verdict.reasons = vec!["Busy is 3.4 times the average; above 3.0 the answer is Maybe (our threshold, --spike-ratio).".into()];
    two.verdict.missing = vec![
        "installed memory unknown: give --ram".into(),
        "physical cores unknown: give --cores".into(),
    ];
    two.verdict.checks = vec![ResourceCheck {
        resource: Resource::PhysicalCores,
        unit: "cores".into(),
        needed: 3.5,
        available: None,
        short_by: None,
        basis: Basis::VendorPublished,
        sentence:
            "Cores: the row 20k-50k needs 3.5 physical cores; how many there are is not known."
                .into(),
    }];
    let mut three = from_counters(
        "DC03.corp.example",
        vec![Some(0.0); 200],
        plain_verdict(
            VerdictKind::MissingTrafficData,
            "Missing Traffic Data",
            "There is no usable traffic reading, so the sensor cannot be sized.",
            None,
        ),
    );
    three.load = Load {
        busy: None,
        average_packets_per_second: None,
        maximum_packets_per_second: None,
        peaks: vec![],
        good_samples: 0,
        failed_samples: 17_280,
    };
    three.dc.timeline.as_mut().unwrap().packets_per_second = vec![None; 17_280];
    let sum = |value: fn(&Load) -> Option<f64>| {
        Some([&one, &two].iter().filter_map(|s| value(&s.load)).sum())
    };
    let total = Total {
        sum_busy_packets_per_second: sum(|load| load.busy.map(|busy| busy.packets_per_second)),
        sum_average_packets_per_second: sum(|load| load.average_packets_per_second),
        sum_maximum_packets_per_second: sum(|load| load.maximum_packets_per_second),
        coincident_busy: Some(Window { packets_per_second: 42_100.0, ..two.load.busy.unwrap() }),
    };
    let input = InputFile {
        path: "logs/forest.csv".into(),
        format: Format::PerfmonCsv,
        format_text: "perfmon CSV, Windows-1252, German".into(),
        size_bytes: 8_120_331,
        sha256: Some("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into()),
        records: 51_840,
        first_utc: Some(at(0)),
        last_utc: Some(at(86_395)),
        interfaces: vec![],
        sections: 0,
        skipped_blocks: 0,
        records_out_of_order: 0,
        synthesis: None,
        damage: None,
    };
    let mut report = report(vec![input], vec![one, two, three]);
    report.warnings =
        vec!["900 readings of DC01.corp.example were not usable and are left out.".into()];
    report.total = Some(total);
    report
}

/// Nothing found, input damaged.
pub fn empty() -> SizingReport {
    let mut input = capture("broken.pcap");
    input.format = Format::Pcap;
    input.records = 0;
    input.first_utc = None;
    input.last_utc = None;
    input.sha256 = None;
    input.damage = Some(Damage {
        offset_bytes: 40_312,
        what: "record says 1048584 bytes, 96 are left; the file is cut short".into(),
    });
    let mut report = report(vec![input], vec![]);
    report.complete = false;
    report.problems = vec![
        "broken.pcap: record at byte 40312 says 1048584 bytes, 96 are left; the file is cut short."
            .into(),
    ];
    report
}

/// Everything that must never reach a page, a terminal or a spreadsheet as it is, ten thousand
/// characters long.
pub fn evil() -> String {
    let mut text = String::from(
        "=cmd|' /C calc'!A0 <script>alert(1)</script> \"onload='x' \u{1b}[31mred\u{1b}]0;title\u{7} \u{202e}rtl\u{2066} \u{200b}\u{feff}\r\n\t| `code` [link](javascript:x) {{7*7}} \u{9b}2J ",
    );
    text.push_str(&"A".repeat(10_000 - text.len()));
    text
}

/// Hostile text in every field that can hold text, and numbers from the edges.
pub fn hostile() -> SizingReport {
    let mut report = modelled();
    let json = serde_json::to_value(&report).unwrap();
    let poisoned = poison(json, &evil());
    report = serde_json::from_value(poisoned).unwrap();
    let sized = &mut report.domain_controllers[0];
    sized.load.average_packets_per_second = Some(f64::NAN);
    sized.load.maximum_packets_per_second = Some(f64::INFINITY);
    sized.load.peaks[0].packets_per_second = f64::NEG_INFINITY;
    sized.load.peaks[1].packets_per_second = 1e300;
    sized.verdict.checks[0].needed = f64::NAN;
    let line = sized.dc.timeline.as_mut().unwrap();
    line.packets_per_second[5] = Some(f64::NAN);
    line.packets_per_second[6] = Some(f64::MAX);
    line.packets_per_second[7] = Some(-3.0);
    line.interval_ms = u64::MAX;
    line.protocol_interval_ms = u64::MAX;
    line.start_utc = Timestamp::from_nanos(i64::MAX);
    if let Some(model) = &mut sized.virtual_sensor {
        hostile_figures(model);
    }
    report.table.rows[2].cores = f64::NAN;
    report.table.rows[3].to_packets_per_second = f64::NEG_INFINITY;
    report.complete = false;
    report.warnings = vec![evil(); 60];
    report
}

/// Replaces every string by `evil`, but those that name a kind or a time.
fn poison(value: serde_json::Value, evil: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| {
                    let fixed = [
                        "basis",
                        "traffic_basis",
                        "kind",
                        "resource",
                        "format",
                        "arrivals",
                        "chance",
                        "limit",
                        "headroom_limit",
                        "reading",
                    ]
                    .contains(&key.as_str())
                        || key.ends_with("_utc");
                    let value = if fixed { value } else { poison(value, evil) };
                    (key, value)
                })
                .collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(|v| poison(v, evil)).collect()),
        Value::String(_) => Value::String(evil.into()),
        other => other,
    }
}

/// Twenty domain controllers with a day of 5-second samples each.
pub fn large() -> SizingReport {
    let mut report = single();
    let model = report.domain_controllers.remove(0);
    report.domain_controllers = (0..20)
        .map(|index| {
            let mut sized = model.clone();
            sized.dc.name = format!("dc{index:02}.corp.example");
            sized.dc.timeline.as_mut().unwrap().packets_per_second = day(index, 17_280, 9_000.0);
            sized
        })
        .collect();
    report.total = Some(Total {
        sum_busy_packets_per_second: Some(200_000.0),
        sum_average_packets_per_second: Some(90_000.0),
        sum_maximum_packets_per_second: Some(400_000.0),
        coincident_busy: None,
    });
    report
}
