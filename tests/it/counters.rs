//! Counter logs and sizing workbooks, read as a user gives them.

use headroom::base::Timestamp;
use headroom::counters::{self, CounterLog, Names, Options, Problem};
use headroom::record::{DomainController, Fact, Format, HostFacts, RejectedReadings, Timeline};
use proptest::prelude::*;

mod samples;

use samples::{START_S, Truth};

fn read(bytes: &[u8]) -> CounterLog {
    counters::read("logs/heron.csv", bytes, &Options::default()).unwrap()
}

fn problem(bytes: &[u8]) -> Problem {
    counters::read("logs/heron.csv", bytes, &Options::default()).unwrap_err().problem
}

fn timeline(dc: &DomainController) -> &Timeline {
    dc.timeline.as_ref().unwrap()
}

/// A perfmon log of one host in UTC, `Packets/sec` of one adapter, rows 5 s apart.
fn log_of(values: &[&str]) -> Vec<u8> {
    let mut text =
        String::from("\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\H\\Network Adapter(N)\\Packets/sec\"\n");
    for (row, value) in values.iter().enumerate() {
        let (minute, second) = (row * 5 / 60, row * 5 % 60);
        text += &format!("\"11/21/2025 08:{minute:02}:{second:02}.000\",\"{value}\"\n");
    }
    text.into_bytes()
}

fn series(bytes: &[u8]) -> Vec<Option<f64>> {
    timeline(&read(bytes).domain_controllers[0]).packets_per_second.clone()
}

fn rejected(bytes: &[u8]) -> RejectedReadings {
    read(bytes).domain_controllers[0].rejected.clone()
}

// ---- The samples ------------------------------------------------------------------------------

type Sample = (&'static str, fn() -> Vec<u8>);

const SAMPLES: [Sample; 3] = [
    ("perfmon-en.csv", || samples::perfmon_en().0),
    ("perfmon-de.csv", || samples::perfmon_de().0),
    ("plain.csv", || samples::plain().0),
];

#[test]
fn the_samples_are_what_their_seed_makes() {
    let workbook = samples::folder().join("sizing-tool.xlsx");
    if std::env::var_os("BLESS").is_some() {
        for (name, make) in SAMPLES {
            std::fs::write(samples::folder().join(name), make()).unwrap();
        }
        std::fs::write(&workbook, samples::sizing_tool()).unwrap();
    }
    for (name, make) in SAMPLES {
        let committed = std::fs::read(samples::folder().join(name)).unwrap();
        assert!(committed == make(), "{name} differs from its generator; run with BLESS=1");
    }
    // A release of the writer may pack the same cells into other bytes.
    let mut committed = read(&std::fs::read(workbook).unwrap());
    let made = read(&samples::sizing_tool());
    committed.file.size_bytes = made.file.size_bytes;
    assert_eq!(committed, made);
}

fn check_truth(log: &CounterLog, truths: &[Truth], interval_ms: u64) {
    assert_eq!(log.domain_controllers.len(), truths.len());
    for (dc, truth) in log.domain_controllers.iter().zip(truths) {
        let samples = truth.packets.len() as u64;
        let expected = Timeline {
            start_utc: timeline(dc).start_utc,
            interval_ms,
            covered_ms: timeline(dc).covered_ms,
            packets_per_second: truth.packets.clone(),
            bytes_per_second: truth.bytes.clone(),
            cpu_percent: timeline(dc).cpu_percent.clone(),
            available_mb: timeline(dc).available_mb.clone(),
            protocol_interval_ms: interval_ms,
            protocols: Vec::new(),
        };
        // Readings of the server lie beside the packets, and are those of its figures.
        let figures = [
            (&expected.cpu_percent, &dc.host.avg_cpu_percent),
            (&expected.available_mb, &dc.host.avg_available_mb),
        ];
        for (readings, mean) in figures {
            let good: Vec<f64> = readings.iter().flatten().copied().collect();
            assert_eq!(good.is_empty(), mean.is_none());
            if let Some(mean) = mean {
                assert_eq!(readings.len(), truth.packets.len());
                let sum: f64 = good.iter().sum();
                assert!((sum / good.len() as f64 - mean.value).abs() < 1e-6 * mean.value);
            }
        }
        assert_eq!((dc.name.as_str(), timeline(dc)), (truth.host, &expected));
        let drift = timeline(dc).covered_ms.abs_diff(samples * interval_ms);
        assert!(drift <= interval_ms, "{} ms of {samples} samples", timeline(dc).covered_ms);
    }
}

#[test]
fn the_english_sample_reads_as_it_was_made() {
    let (bytes, truths) = samples::perfmon_en();
    assert_eq!(counters::recognise(&bytes), Some(Format::PerfmonCsv));
    let log = read(&bytes);
    check_truth(&log, &truths, 5_013);
    assert_eq!(
        log.file.format_text,
        "perfmon CSV, UTF-8, columns separated by `,`, decimal point, zone W. Europe Standard \
         Time (bias -60 min)"
    );
    assert_eq!(log.warnings, Vec::<String>::new());
    // 09:00 in the file, one hour east of Greenwich.
    let [first, second] = log.domain_controllers.as_slice() else { panic!("two hosts") };
    assert_eq!(timeline(first).start_utc.nanos() / 1_000_000_000, START_S);
    let good = truths.iter().flat_map(|truth| &truth.packets).flatten().count() as u64;
    assert_eq!((log.file.records, log.file.records_out_of_order, log.file.damage), (good, 0, None));
    let counts = |negative, empty, not_a_number, impossible, rows: &[u64]| RejectedReadings {
        negative,
        empty,
        not_a_number,
        impossible,
        rows: rows.to_vec(),
    };
    assert_eq!(first.rejected, counts(1, 2, 0, 0, &[2, 52, 122]));
    assert_eq!(second.rejected, counts(0, 1, 1, 1, &[2, 123, 202]));
    assert_eq!(
        first.notes,
        [
            "adapters left out: `isatap.heron.example` (tunnel: its packets are counted again on \
             the adapter below)",
            "packets of 2 adapters summed: `vmxnet3 Ethernet Adapter`, `Intel[R] 82574L Gigabit \
             Network Connection _2`",
            "2 samples are empty because adapter `vmxnet3 Ethernet Adapter` gave no good reading \
             then",
        ]
    );
}

#[test]
fn the_host_facts_of_the_english_sample_name_their_counter() {
    let log = read(&samples::perfmon_en().0);
    let host = &log.domain_controllers[0].host;
    let memory = host.min_available_mb.as_ref().unwrap();
    assert!((6_268.0..=6_468.0).contains(&memory.value), "{memory:?}");
    assert_eq!(memory.source, r"counter Memory\Available MBytes");
    let average = host.avg_available_mb.as_ref().unwrap().value;
    assert!((7_000.0..7_150.0).contains(&average), "{average}");
    let (mean, highest) = (host.avg_cpu_percent.as_ref(), host.max_cpu_percent.as_ref());
    let (mean, highest) = (mean.unwrap(), highest.unwrap());
    assert!((10.0..20.0).contains(&mean.value) && (25.0..=30.0).contains(&highest.value));
    assert_eq!(mean.source, r"counter Processor(_Total)\% Processor Time");
}

#[test]
fn the_german_sample_reads_as_it_was_made() {
    let (bytes, truths) = samples::perfmon_de();
    assert_eq!(counters::recognise(&bytes), Some(Format::PerfmonCsv));
    let log = read(&bytes);
    check_truth(&log, &truths, 5_000);
    assert_eq!(
        log.file.format_text,
        "perfmon CSV, Windows-1252, columns separated by `;`, decimal comma, zone \
         Mitteleuropäische Zeit (bias -60 min)"
    );
    let dc = &log.domain_controllers[0];
    assert_eq!(timeline(dc).start_utc, Timestamp::from_parts(START_S, 0));
    let memory = dc.host.min_available_mb.as_ref().unwrap().value;
    assert!((6_100.0..6_900.0).contains(&memory), "thousands are not decimals: {memory}");
    assert_eq!(log.warnings, Vec::<String>::new());
}

#[test]
fn the_plain_sample_reads_as_it_was_made() {
    let (bytes, truths) = samples::plain();
    assert_eq!(counters::recognise(&bytes), Some(Format::PlainCsv));
    let log = read(&bytes);
    check_truth(&log, &truths, 10_000);
    let second = &log.domain_controllers[1];
    assert_eq!(
        second.notes,
        ["1 gaps of more than one and a half samples; 3 samples are empty there"]
    );
    assert_eq!(second.rejected, RejectedReadings::default());
    assert_eq!(second.host.min_available_mb.as_ref().unwrap().source, "column available_mb");
    assert_eq!(log.file.first_utc, Some(Timestamp::from_parts(START_S, 0)));
    assert_eq!(log.file.last_utc, Some(Timestamp::from_parts(START_S + 1_190, 0)));
}

#[test]
fn the_workbook_gives_the_nine_published_rows() {
    let bytes = samples::sizing_tool();
    assert_eq!(counters::recognise(&bytes[..1_000]), Some(Format::SizingWorkbook));
    let log = read(&bytes);
    assert_eq!(log.file.format_text, "workbook of the sizing tool, 1.2.0.0");
    assert_eq!(log.file.first_utc, Some(Timestamp::from_parts(START_S, 0)));
    assert_eq!(log.file.last_utc, Some(Timestamp::from_parts(START_S + 86_404, 0)));
    assert_eq!(log.file.records, 9);
    assert_eq!(log.domain_controllers.len(), 9);
    for (index, (dc, row)) in log.domain_controllers.iter().zip(&samples::WORKBOOK).enumerate() {
        let load = dc.reported.as_ref().unwrap();
        let busy = load.busy.unwrap();
        assert_eq!((dc.name.as_str(), busy.packets_per_second), (row.dc, row.busy));
        let start = samples::busy_start_s(index);
        assert_eq!(busy.start_utc, Timestamp::from_parts(start, 0));
        assert_eq!(busy.end_utc, Timestamp::from_parts(start + 898, 0));
        assert_eq!(load.average_packets_per_second, Some(row.average));
        assert_eq!(load.maximum_packets_per_second, Some(row.maximum));
        assert_eq!((load.good_samples, load.failed_samples), (17_221, index as u64));
        let fact = |value, column: &str| {
            Some(Fact { value, source: format!("workbook, column {column}") })
        };
        let host = HostFacts {
            min_available_mb: fact(row.min_available_mb, "Min Avail MB"),
            avg_available_mb: fact(row.avg_available_mb, "Avg Avail MB"),
            operating_system: Some(Fact {
                value: "Windows Server 2016 Standard".to_owned(),
                source: "workbook, column OS Server Level".to_owned(),
            }),
            ..HostFacts::default()
        };
        assert_eq!((&dc.host, &dc.timeline), (&host, &None));
        assert_eq!(dc.notes, [format!("the workbook says: {}", row.verdict)]);
    }
    assert_eq!(
        log.warnings,
        [
            "sheet `Azure ATP Summary`: columns not used: `Site Code`",
            "the workbook's sheet `ATA` gives Busy Packets/sec of all domain controllers \
             together, taken on the summed traffic: 85240 at 2025-11-21T10:00:00Z",
        ]
    );
}

// ---- Readings that are rejected ---------------------------------------------------------------

#[test]
fn every_kind_of_bad_reading_is_empty_counted_and_found_by_its_line() {
    let bytes = log_of(&[" ", "1.5", "-3", "", "abc", "NaN", "-1.#IND", "1e12", "=1+1", "2.5"]);
    let expected = [None, Some(1.5), None, None, None, None, None, None, None, Some(2.5)];
    assert_eq!(series(&bytes), expected);
    assert_eq!(
        rejected(&bytes),
        RejectedReadings {
            negative: 1,
            empty: 2,
            not_a_number: 2,
            impossible: 3,
            rows: vec![2, 4, 5, 6, 7, 8, 9, 10],
        }
    );
}

#[test]
fn the_highest_rate_of_a_400_gigabit_adapter_is_possible_and_more_is_not() {
    assert_eq!(series(&log_of(&["1190476190"])), [Some(1_190_476_190.0)]);
    assert_eq!(series(&log_of(&["1190476191"])), [None]);
}

#[test]
fn only_the_first_twenty_lines_are_kept() {
    let bytes = log_of(&[""; 30]);
    let rejected = rejected(&bytes);
    assert_eq!((rejected.empty, rejected.rows), (30, (2..22).collect()));
}

#[test]
fn a_workbook_row_that_contradicts_itself_is_not_sized() {
    let rows: [[&str; 5]; 6] = [
        // As in the vendor's screenshot of 2023, which was edited by hand.
        ["A", "50000", "2500", "52000", "7000"],
        ["B", "100", "200", "90", "7000"],
        ["C", "1000", "900", "100", "7000"],
        ["D", "", "", "", "7000"],
        ["E", "-1", "5", "5", "7000"],
        ["F", "16,275", "16,243", "16,275", "n/a"],
    ];
    let log = read(&workbook_of(&rows));
    let summary: Vec<_> = log
        .domain_controllers
        .iter()
        .map(|dc| {
            let load = dc.reported.as_ref();
            (
                load.and_then(|load| load.maximum_packets_per_second),
                (dc.rejected.negative, dc.rejected.empty, dc.rejected.impossible),
                dc.rejected.rows.clone(),
                dc.host.min_available_mb.as_ref().map(|fact| fact.value),
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            (None, (0, 0, 1), vec![2], Some(7000.0)),
            (None, (0, 0, 1), vec![3], Some(7000.0)),
            (None, (0, 0, 1), vec![4], Some(7000.0)),
            (None, (0, 1, 0), vec![5], Some(7000.0)),
            (None, (1, 0, 0), vec![6], Some(7000.0)),
            (Some(16_275.0), (0, 0, 0), vec![], None),
        ]
    );
    assert_eq!(
        log.domain_controllers[0].notes,
        ["Busy Packets/sec 52000 exceeds Max Packets/sec 50000; the traffic figures of the row \
             were not used"]
    );
}

#[test]
fn a_name_that_one_sheet_has_twice_is_told() {
    let row = |name: &'static str, busy: &'static str| [name, "900", "100", busy, "7000"];
    let log = read(&workbook_of(&[row("DC1", "500"), row("DC2", "400"), row("dc1", "800")]));
    assert_eq!(log.domain_controllers.len(), 2);
    let told = log.warnings.iter().filter(|warning| warning.contains("row 4 names `dc1` again"));
    assert_eq!(told.count(), 1, "{:?}", log.warnings);
    // Each sheet of a workbook of the tool names all of them: nothing to tell.
    let sample = read(&samples::sizing_tool());
    assert!(!sample.warnings.iter().any(|w| w.contains("again")), "{:?}", sample.warnings);
}

/// A workbook with the columns DC, Max, Avg, Busy, Min Avail MB and text in every cell.
fn workbook_of(rows: &[[&str; 5]]) -> Vec<u8> {
    let labels = ["DC", "Max Packets/sec", "Avg Packets/sec", "Busy Packets/sec", "Min Avail MB"];
    let mut workbook = rust_xlsxwriter::Workbook::new();
    let sheet = workbook.add_worksheet();
    for (at, cells) in (0..).zip([labels].iter().chain(rows)) {
        for (column, cell) in (0..).zip(cells) {
            if !cell.is_empty() {
                sheet.write(at, column, *cell).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

// ---- Adapters and objects ---------------------------------------------------------------------

/// A log of two rows with the given counter paths below `\\H\`.
fn log_with(paths: &[(&str, &str)]) -> Vec<u8> {
    let cells = |of: fn(&(&str, &str)) -> String| {
        paths.iter().map(|path| format!(",\"{}\"", of(path))).collect::<String>()
    };
    let header = cells(|path| format!(r"\\H\{}", path.0));
    let values = cells(|path| path.1.to_owned());
    format!(
        "\"(PDH-CSV 4.0) (UTC)(0)\"{header}\n\"11/21/2025 08:00:00.000\"{values}\n\
         \"11/21/2025 08:00:05.000\"{values}\n"
    )
    .into_bytes()
}

#[test]
fn network_adapter_wins_over_network_interface_and_says_so() {
    let bytes = log_with(&[
        (r"Network Interface(N)\Packets/sec", "7"),
        (r"Network Adapter(N)\Packets/sec", "5"),
    ]);
    assert_eq!(series(&bytes), [Some(5.0), Some(5.0)]);
    let notes = &read(&bytes).domain_controllers[0].notes;
    assert!(notes[0].contains("both logged"), "{notes:?}");
}

#[test]
fn a_sum_over_all_adapters_counts_only_where_nothing_else_is_logged() {
    let both =
        [(r"Network Adapter(_Total)\Packets/sec", "9"), (r"Network Adapter(N)\Packets/sec", "5")];
    assert_eq!(series(&log_with(&both))[0], Some(5.0));
    assert_eq!(series(&log_with(&both[..1]))[0], Some(9.0));
}

#[test]
fn a_team_beside_its_members_is_warned_about() {
    let bytes = log_with(&[
        (r"Network Adapter(Microsoft Network Adapter Multiplexor Driver)\Packets/sec", "9"),
        (r"Network Adapter(N)\Packets/sec", "9"),
    ]);
    let log = read(&bytes);
    assert!(log.warnings[0].starts_with("H: `Microsoft Network Adapter Multiplexor Driver`"));
    assert!(log.warnings[0].contains("counted twice"));
}

#[test]
fn an_adapter_that_appears_later_counts_from_then_and_one_that_fails_empties_the_sample() {
    let mut text = String::from(
        "\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\H\\Network Adapter(A)\\Packets/sec\",\
         \"\\\\H\\Network Adapter(B)\\Packets/sec\"\n",
    );
    for (row, (a, b)) in [("1", " "), ("2", "10"), ("3", " "), ("4", "20")].iter().enumerate() {
        text += &format!("\"11/21/2025 08:00:0{row}.000\",\"{a}\",\"{b}\"\n");
    }
    assert_eq!(series(text.as_bytes()), [Some(1.0), Some(12.0), None, Some(24.0)]);
    assert_eq!(rejected(text.as_bytes()).rows, [4]);
}

#[test]
fn a_column_that_occurs_twice_counts_once() {
    let path = (r"Network Adapter(N)\Packets/sec", "5");
    let log = read(&log_with(&[path, path]));
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second[0], Some(5.0));
    assert!(log.domain_controllers[0].notes[0].contains("twice"));
}

#[test]
fn processor_information_wins_because_processor_sees_one_group() {
    let bytes = log_with(&[
        (r"Network Adapter(N)\Packets/sec", "5"),
        (r"Processor(_Total)\% Processor Time", "10"),
        (r"Processor(0)\% Processor Time", "99"),
        (r"Processor Information(_Total)\% Processor Time", "20"),
    ]);
    let fact = read(&bytes).domain_controllers[0].host.avg_cpu_percent.clone().unwrap();
    let source = r"counter Processor Information(_Total)\% Processor Time".to_owned();
    assert_eq!(fact, Fact { value: 20.0, source });
}

#[test]
fn a_log_without_packets_names_the_objects_it_has() {
    let bytes =
        log_with(&[(r"Karta sieciowa(N)\Pakiety/s", "5"), (r"Memory\Available MBytes", "5")]);
    let text = problem(&bytes).to_string();
    assert!(text.contains("`Karta sieciowa`, `Memory`"), "{text}");
    let names = "[[name]]\ncounter = \"network_adapter\"\ntext = \"Karta sieciowa\"\n\
                 [[name]]\ncounter = \"packets_per_second\"\ntext = \"Pakiety/s\"\n";
    let names = Some(Names::built_in().with(names).unwrap());
    let options = Options { names, ..Options::default() };
    let log = counters::read("x.csv", bytes.as_slice(), &options).unwrap();
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, [Some(5.0), Some(5.0)]);
}

#[test]
fn a_log_that_names_no_computer_is_named_after_the_file() {
    let text = String::from_utf8(log_of(&["1", "2"])).unwrap().replace(r"\\H\", r"\");
    let log = read(text.as_bytes());
    assert_eq!(log.domain_controllers[0].name, "heron");
}

// ---- Notation, encoding, time -----------------------------------------------------------------

#[test]
fn utf_16_and_utf_8_with_a_mark_read_like_plain_text() {
    let plain = log_of(&["1.5", "2.5"]);
    let text = String::from_utf8(plain.clone()).unwrap();
    let units: Vec<u16> = text.encode_utf16().collect();
    let little = units.iter().flat_map(|u| u.to_le_bytes());
    let big = units.iter().flat_map(|u| u.to_be_bytes());
    for bytes in [
        plain.clone(),
        [b"\xef\xbb\xbf".as_slice(), &plain].concat(),
        [0xff, 0xfe].into_iter().chain(little).collect(),
        [0xfe, 0xff].into_iter().chain(big).collect(),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace("CSV", "TSV").replace(',', "\t").into_bytes(),
        format!("\r\n\r\n{text}").into_bytes(),
    ] {
        assert_eq!(counters::recognise(&bytes), Some(Format::PerfmonCsv));
        assert_eq!(series(&bytes), [Some(1.5), Some(2.5)]);
    }
}

#[test]
fn thousands_and_decimals_are_decided_by_the_whole_file() {
    assert_eq!(series(&log_of(&["1,234", "17,5"])), [Some(1.234), Some(17.5)]);
    assert_eq!(series(&log_of(&["1,234", "17.5"])), [Some(1234.0), Some(17.5)]);
    assert_eq!(series(&log_of(&["1\u{202f}234,5"])), [Some(1234.5)]);
    let assumed = read(&log_of(&["1,234", "2,345"]));
    assert_eq!(timeline(&assumed.domain_controllers[0]).packets_per_second[0], Some(1234.0));
    assert!(assumed.warnings[0].contains("could be either"), "{:?}", assumed.warnings);
}

#[test]
fn a_bare_decimal_comma_between_commas_is_not_read_as_two_cells() {
    let text = String::from_utf8(log_of(&["1.5", "2.5"])).unwrap().replace("\"2.5\"", "2,5");
    let log = read(text.as_bytes());
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, [Some(1.5), None]);
    assert_eq!(log.domain_controllers[0].rejected.not_a_number, 1);
    assert!(log.warnings[0].contains("more cells than the header"), "{:?}", log.warnings);
}

#[test]
fn a_plain_row_of_too_many_cells_is_left_out_and_told() {
    let text = "time,host,packets_per_second\n2025-11-21 08:00:00,A,1\n2025-11-21 08:00:05,A,2,5\n";
    let log = read(text.as_bytes());
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, [Some(1.0)]);
    assert!(log.warnings[0].contains("more cells than the header (line 3)"), "{:?}", log.warnings);
}

#[test]
fn the_bias_of_the_header_gives_utc() {
    for (bias, hour) in [("(0)", 8), ("(-330)", 2), ("(420)", 15)] {
        let text = String::from_utf8(log_of(&["1"])).unwrap().replace("(0)", bias);
        let log = read(text.as_bytes());
        let start = timeline(&log.domain_controllers[0]).start_utc;
        let minutes = start.nanos() / 60_000_000_000 - START_S / 60 + 8 * 60;
        assert_eq!(minutes / 60, hour, "{bias}");
    }
    let text = String::from_utf8(log_of(&["1"])).unwrap().replace(" (UTC)(0)", "");
    let log = read(text.as_bytes());
    assert!(log.warnings[0].contains("no time zone"), "{:?}", log.warnings);
}

#[test]
fn winter_time_does_not_fold_the_log_over() {
    let mut text = String::from_utf8(log_of(&[])).unwrap().replace("(0)", "(-120)");
    for row in 0..40 {
        // 02:58:20 summer time on, back to 02:00:00 at 03:00:00.
        let second = 2 * 3600 + 58 * 60 + 20 + row * 5 - if row >= 20 { 3600 } else { 0 };
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        text += &format!("\"10/26/2025 {hour:02}:{minute:02}:{second:02}.000\",\"{row}\"\n");
    }
    let log = read(text.as_bytes());
    let expected: Vec<_> = (0..40).map(|row| Some(f64::from(row))).collect();
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, expected);
    assert_eq!(log.file.records_out_of_order, 0);
    assert!(log.warnings[0].contains("daylight saving"), "{:?}", log.warnings);
    assert_eq!(timeline(&log.domain_controllers[0]).start_utc.to_string(), "2025-10-26T00:58:20Z");
}

#[test]
fn a_plain_table_takes_columns_in_any_order_and_every_time() {
    let text = "\u{feff}\"Packets_Per_Second\";HOST;time;colour\n\
                1,5;\"A\";2025-11-21 08:00:00;red\n2,5;a;1763712005;\n3,5;A;2025-11-21T09:00:10+01:00;\n";
    let log = read(text.as_bytes());
    assert_eq!(log.file.format, Format::PlainCsv);
    assert_eq!(log.domain_controllers.len(), 1);
    let expected = [Some(1.5), Some(2.5), Some(3.5)];
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, expected);
    assert_eq!(log.warnings, ["columns not used: `colour`"]);
}

// ---- Damage and hostile input -----------------------------------------------------------------

#[test]
fn a_log_cut_inside_a_row_keeps_the_rows_before_and_says_where() {
    let whole = log_of(&["1", "2", "3"]);
    let log = read(&whole[..whole.len() - 3]);
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second, [Some(1.0), Some(2.0)]);
    let damage = log.file.damage.unwrap();
    let last_row = whole.len() - "\"11/21/2025 08:00:10.000\",\"3\"\n".len();
    assert_eq!(damage.offset_bytes, last_row as u64);
    assert!(damage.what.starts_with("line 4 ends after 2 of 2 columns"), "{}", damage.what);
    assert_eq!(log.file.size_bytes, whole.len() as u64 - 3);
}

#[test]
fn lines_that_are_no_rows_are_left_out_and_told() {
    let mut bytes = log_of(&["1", "2"]);
    bytes.extend(b"\nExiting, please wait...\nThe command completed successfully.\n");
    let log = read(&bytes);
    assert_eq!(timeline(&log.domain_controllers[0]).packets_per_second.len(), 2);
    assert_eq!(
        log.warnings,
        ["2 rows were left out because their time could not be read (lines 5, 6)"]
    );
}

#[test]
fn a_cell_of_a_megabyte_is_a_bad_reading_and_a_host_of_one_no_host() {
    let huge = "x".repeat(1 << 20);
    assert_eq!(series(&log_of(&["1", &huge, "3"])), [Some(1.0), None, Some(3.0)]);
    let text = format!(
        "time,host,packets_per_second\n2025-11-21 08:00:00,A,1\n2025-11-21 08:00:05,{huge},1\n"
    );
    let log = read(text.as_bytes());
    assert_eq!(log.domain_controllers.len(), 1);
    assert!(log.warnings[0].contains("name no host"), "{:?}", log.warnings);
}

#[test]
fn a_header_of_a_hundred_thousand_columns_is_refused_by_name() {
    let text = format!("\"(PDH-CSV 4.0) (UTC)(0)\"{}\n", ",\"x\"".repeat(100_000));
    assert!(matches!(problem(text.as_bytes()), Problem::TooManyColumns));
}

#[test]
fn formulas_and_control_characters_are_text() {
    let text = "time,host,packets_per_second\n2025-11-21 08:00:00,=cmd|'/c calc'!A1,1\n";
    assert_eq!(read(text.as_bytes()).domain_controllers[0].name, "=cmd|'/c calc'!A1");
    let bytes = log_with(&[("\u{1b}[31mRed(N)\\Packets/sec", "1")]);
    let text = problem(&bytes).to_string();
    assert!(!text.contains('\u{1b}') && text.contains("[31mRed"), "{text}");
}

#[test]
fn inputs_that_are_nothing_of_ours_say_what_is_expected() {
    for (bytes, expected) in [
        (b"".as_slice(), "the file is empty"),
        (b" \r\n\r\n", "the file is empty"),
        (b"hello", "not a counter log"),
        (b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00", "not a counter log"),
        (b"PK\x03\x04xl/", "the workbook is damaged or hostile"),
        (b"time,packets_per_second\n", "no rows below its header"),
        (b"time,packets_per_second\n21.11.2025 08:00,5\n", "found `21.11.2025 08:00`"),
        (b"time,time,packets_per_second\n", "2 columns named `time`"),
    ] {
        let error = counters::read("in.csv", bytes, &Options::default()).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("read in.csv: ") && text.contains(expected), "{text}");
    }
}

#[test]
fn a_spreadsheet_that_is_no_sizing_workbook_names_its_sheets() {
    let mut workbook = rust_xlsxwriter::Workbook::new();
    workbook.add_worksheet().set_name("Budget").unwrap().write(0, 0, "DC").unwrap();
    let text = problem(&workbook.save_to_buffer().unwrap()).to_string();
    assert!(text.contains("(sheets: `Budget`)"), "{text}");
}

#[test]
fn a_workbook_cut_short_is_an_error() {
    let whole = samples::sizing_tool();
    for length in [whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        assert!(matches!(problem(&whole[..length]), Problem::Workbook(_)), "{length}");
    }
}

#[test]
fn the_hash_covers_the_whole_file_even_behind_damage() {
    let mut bytes = log_of(&["1", "2"]);
    bytes.extend(b"\"(PDH-CSV 4.0) (UTC)(0)\",\"other\"\n");
    // More than is read ahead, so that the end of the file is left when reading stops.
    bytes.extend(b"x\n".repeat(300_000));
    let options = Options { sha256: true, ..Options::default() };
    let log = counters::read("x.csv", bytes.as_slice(), &options).unwrap();
    let damage = log.file.damage.unwrap();
    assert!(damage.what.starts_with("line 4 is a header of other columns"), "{}", damage.what);
    use sha2::Digest;
    let expected: String =
        sha2::Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(log.file.sha256, Some(expected));
    assert_eq!(log.file.size_bytes, bytes.len() as u64);
}

#[test]
fn rotated_files_of_one_host_become_one_timeline() {
    let values: Vec<String> = (0..12).map(|value| value.to_string()).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let whole = String::from_utf8(log_of(&values)).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let first = lines[..7].join("\n");
    let second = format!("{}\n{}", lines[0], lines[7..].join("\n")).replace(r"\\H\", r"\\h\");
    let merged = counters::merge(vec![read(second.as_bytes()), read(first.as_bytes())]);
    assert_eq!(merged.domain_controllers.len(), 1);
    let joined = timeline(&merged.domain_controllers[0]);
    assert_eq!(*joined, *timeline(&read(whole.as_bytes()).domain_controllers[0]));
}

fn any_log() -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![
        Just(String::new()),
        Just("\"".to_owned()),
        "[0-9.,;' \"-]{0,12}",
        "\\PC{0,20}",
        Just("11/21/2025 08:00:00.000".to_owned()),
        "11/2[0-9]/20[0-9]{2} 0[0-9]:00:0[0-9].000",
        Just(r"\\H\Network Adapter(N)\Packets/sec".to_owned()),
        Just(r"\\H\Memory\Available MBytes".to_owned()),
        r"\\\\?[A-C]\\(Network Interface|Memory)\([a-z)(]{0,4}\)\\Packets/sec",
    ];
    let head = prop_oneof![
        Just("\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\H\\Network Adapter(N)\\Packets/sec\","),
        Just("(PDH-CSV 4.0"),
        Just("time,host,packets_per_second\n2025-11-21 08:00:00,A,1\n"),
        Just("time;packets_per_second\n"),
        Just("PK\u{3}\u{4}xl/"),
    ];
    let rows = prop::collection::vec(prop::collection::vec(cell, 0..6), 0..30);
    let separator = prop_oneof![Just(","), Just(";"), Just("\",\"")];
    (head, rows, separator, prop::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(head, rows, separator, tail)| {
            let rows: Vec<String> = rows.iter().map(|cells| cells.join(separator)).collect();
            let mut bytes = format!("{head}{}", rows.join("\n")).into_bytes();
            bytes.extend(tail);
            bytes
        },
    )
}

fn check_invariants(bytes: &[u8]) {
    let options = Options { sha256: true, ..Options::default() };
    let Ok(log) = counters::read("any", bytes, &options) else { return };
    assert_eq!(log.file.size_bytes, bytes.len() as u64);
    let mut good = 0;
    for dc in &log.domain_controllers {
        if let Some(timeline) = &dc.timeline {
            let values = timeline.packets_per_second.iter().flatten();
            assert!(values.clone().all(|value| value.is_finite() && *value >= 0.0));
            good += values.count() as u64;
            let bytes = timeline.bytes_per_second.len();
            assert!(bytes == 0 || bytes == timeline.packets_per_second.len());
            assert!(timeline.interval_ms > 0);
        }
    }
    assert!(log.file.format == Format::SizingWorkbook || log.file.records == good);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        check_invariants(&bytes);
        let _ = counters::recognise(&bytes);
    }

    #[test]
    fn nothing_like_a_log_panics_or_gives_a_rate_that_cannot_be(bytes in any_log()) {
        check_invariants(&bytes);
    }

    #[test]
    fn no_changed_byte_of_a_sample_panics(at in 0..4_000_usize, value: u8) {
        for mut bytes in [samples::perfmon_de().0, samples::sizing_tool()] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            check_invariants(&bytes);
        }
    }
}
