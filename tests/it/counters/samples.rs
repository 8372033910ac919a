//! The sample inputs in `captures/counters/`, made from a seed, each with what is true of it.

use std::fmt::Write as _;
use std::path::PathBuf;

use headroom::base::{Random, Timestamp};
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet};

/// 2025-11-21T08:00:00Z in seconds.
pub const START_S: i64 = 1_763_712_000;

/// Folder of the samples.
pub fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "captures", "counters"].iter().collect()
}

/// What a sample must read as, per host: packets and bytes per second of each sample.
pub struct Truth {
    pub host: &'static str,
    pub packets: Vec<Option<f64>>,
    pub bytes: Vec<Option<f64>>,
}

/// A rate around `base` with a busy phase, in thousandths so that every notation is exact.
fn rate(random: &mut Random, base: u32, busy: bool) -> f64 {
    let base = if busy { base * 3 } else { base };
    f64::from(base * 1000 + random.below(base * 200)) / 1000.0
}

/// Milliseconds of row `row` of a log that means "every 5 s" and drifts.
fn drifting_ms(row: u32, random: &mut Random) -> i64 {
    i64::from(row) * 5_013 + i64::from(random.below(9))
}

fn perfmon_time(utc_ms: i64, bias_minutes: i64) -> String {
    let local = Timestamp::from_parts(START_S, utc_ms * 1_000_000 - bias_minutes * 60_000_000_000);
    let text = local.to_string();
    let (date, time) = text.trim_end_matches('Z').split_once('T').unwrap();
    let (year, month_day) = date.split_once('-').unwrap();
    let (time, millis) = time.split_once('.').unwrap_or((time, "000"));
    format!("{}/{year} {time}.{millis}", month_day.replace('-', "/"))
}

/// Two hosts, 20 minutes, several adapters, bad readings; time zone one hour east.
pub fn perfmon_en() -> (Vec<u8>, Vec<Truth>) {
    const ROWS: u32 = 240;
    const NICS: [(&str, u32); 2] = [
        ("vmxnet3 Ethernet Adapter", 2_400),
        ("Intel[R] 82574L Gigabit Network Connection _2", 300),
    ];
    let hosts = ["HERON-DC1", "HERON-DC2"];
    let mut random = Random::new(1);
    let mut text = String::from("\"(PDH-CSV 4.0) (W. Europe Standard Time)(-60)\"");
    for host in hosts {
        for counter in ["Packets/sec", "Bytes Total/sec"] {
            for nic in NICS.map(|nic| nic.0).iter().chain(&["isatap.heron.example"]) {
                write!(text, r#","\\{host}\Network Adapter({nic})\{counter}""#).unwrap();
            }
        }
        write!(text, r#","\\{host}\Memory\Available MBytes""#).unwrap();
        write!(text, r#","\\{host}\Processor(_Total)\% Processor Time""#).unwrap();
    }
    text.push_str("\r\n");
    let mut truths = hosts.map(|host| Truth { host, packets: Vec::new(), bytes: Vec::new() });
    for row in 0..ROWS {
        let time = perfmon_time(drifting_ms(row, &mut random), -60);
        write!(text, "\"{time}\"").unwrap();
        for (number, truth) in truths.iter_mut().enumerate() {
            // Line 52, 122, 123 and 202 of the file, counted with the header.
            let bad = match (number, row) {
                (_, 0) | (0, 50) => Some(" "),
                (0, 120) => Some("-1"),
                (1, 121) => Some("n/a"),
                (1, 200) => Some("9.9e+18"),
                _ => None,
            };
            let share = [1, 2][number];
            let packets =
                NICS.map(|(_, base)| rate(&mut random, base / share, (80..200).contains(&row)));
            let bytes = packets.map(|rate| (rate * 310.0).round());
            let blank = row == 0;
            let first = bad.map_or_else(|| packets[0].to_string(), str::to_owned);
            let rest = |value: f64| if blank { " ".to_owned() } else { value.to_string() };
            write!(text, ",\"{first}\",\"{}\",\"{}\"", rest(packets[1]), rest(0.5)).unwrap();
            let [a, b] = bytes.map(rest);
            write!(text, ",\"{a}\",\"{b}\",\"{}\"", rest(40.0)).unwrap();
            let memory = 7_168 - random.below(200) - if row == 150 { 700 } else { 0 };
            let processor = f64::from(random.below(30_000)) / 1000.0;
            write!(text, ",\"{memory}\",\"{}\"", rest(processor)).unwrap();
            truth.packets.push(bad.is_none().then_some(packets[0] + packets[1]));
            truth.bytes.push(bad.is_none().then_some(bytes[0] + bytes[1]));
        }
        text.push_str("\r\n");
    }
    (text.into_bytes(), truths.into())
}

/// German names, decimal comma, `;`, Windows-1252; five minutes; `Network Interface` only.
pub fn perfmon_de() -> (Vec<u8>, Vec<Truth>) {
    let host = "REIHER-DC1";
    let mut random = Random::new(2);
    let mut text = String::from("\"(PDH-CSV 4.0) (Mitteleuropäische Zeit)(-60)\"");
    for path in [
        r"Netzwerkschnittstelle(vmxnet3 Ethernet Adapter)\Pakete/s",
        r"Netzwerkschnittstelle(Teredo Tunneling Pseudo-Interface)\Pakete/s",
        r"Arbeitsspeicher\Verfügbare MB",
        r"Prozessor(_Total)\Prozessorzeit (%)",
    ] {
        write!(text, r#";"\\{host}\{path}""#).unwrap();
    }
    text.push_str("\r\n");
    let mut packets = Vec::new();
    for row in 0..60 {
        let time = perfmon_time(i64::from(row) * 5_000, -60);
        let value = rate(&mut random, 1_200, row >= 30);
        let comma = |value: f64| value.to_string().replace('.', ",");
        let first = if row == 0 { " ".to_owned() } else { comma(value) };
        let processor = comma(f64::from(random.below(20_000)) / 1000.0);
        let memory = format!("6.{:03}", 100 + random.below(800));
        write!(text, "\"{time}\";\"{first}\";\"0,25\";\"{memory}\";\"{processor}\"\r\n").unwrap();
        packets.push((row > 0).then_some(value));
    }
    let bytes = encoding_rs::WINDOWS_1252.encode(&text).0.into_owned();
    (bytes, vec![Truth { host, packets, bytes: Vec::new() }])
}

/// Two hosts, rows mixed, every 10 s, a gap of half a minute in the second one.
pub fn plain() -> (Vec<u8>, Vec<Truth>) {
    let mut random = Random::new(3);
    let mut text = String::from("time,host,packets_per_second,available_mb,cpu_percent\n");
    let mut truths = ["egret-dc1.heron.example", "egret-dc2.heron.example"].map(|host| Truth {
        host,
        packets: Vec::new(),
        bytes: Vec::new(),
    });
    for row in 0..120 {
        let time = Timestamp::from_parts(START_S + i64::from(row) * 10, 0);
        for (number, truth) in truths.iter_mut().enumerate() {
            let value = rate(&mut random, [800, 90][number], (40..100).contains(&row));
            let (memory, processor) = (5_000 + random.below(300), random.below(40));
            if number == 1 && (60..63).contains(&row) {
                truth.packets.push(None);
                continue;
            }
            writeln!(text, "{time},{},{value},{memory},{processor}", truth.host).unwrap();
            truth.packets.push(Some(value));
        }
    }
    (text.into_bytes(), truths.into())
}

/// One row of the published screenshot and what we made up beside it.
pub struct WorkbookRow {
    pub dc: &'static str,
    /// Published.
    pub verdict: &'static str,
    /// Ours.
    pub maximum: f64,
    /// Ours.
    pub average: f64,
    /// Published.
    pub busy: f64,
    /// Published.
    pub min_available_mb: f64,
    /// Ours.
    pub avg_available_mb: f64,
}

/// The nine domain controllers in the order of the screenshot.
pub const WORKBOOK: [WorkbookRow; 9] = [
    row("DC1", "Yes", 17_020.0, 16_201.0, 16_275.0, 28_654.0, 28_702.0),
    row(
        "DC2",
        "Yes, but additional resources required: +1GB; +1 core",
        9_981.0,
        9_498.0,
        9_552.0,
        6_938.0,
        6_990.0,
    ),
    row(
        "DC3",
        "Yes, but additional resources required: +4GB; +2 cores",
        13_660.0,
        13_105.0,
        13_212.0,
        6_934.0,
        6_981.0,
    ),
    row(
        "DC5",
        "Yes, but additional resources required: +2GB; +1 core",
        6_730.0,
        6_350.0,
        6_402.0,
        6_813.0,
        6_888.0,
    ),
    row(
        "DC4",
        "Yes, but additional resources required: +5GB; +4 cores",
        33_015.0,
        31_600.0,
        31_827.0,
        6_534.0,
        6_612.0,
    ),
    row(
        "DC6",
        "Yes, but additional resources required: +1GB; +1 core",
        4_655.0,
        4_380.0,
        4_403.0,
        7_184.0,
        7_225.0,
    ),
    row(
        "DC7",
        "Yes, but additional resources required: +1GB; +1 core",
        2_790.0,
        2_561.0,
        2_606.0,
        7_098.0,
        7_140.0,
    ),
    row(
        "DC8",
        "Yes, but additional resources required: +1GB; +1 core",
        1_502.0,
        1_322.0,
        1_361.0,
        7_073.0,
        7_111.0,
    ),
    row(
        "DC9",
        "Yes, but additional resources required: +1 core",
        42.0,
        11.0,
        13.0,
        7_031.0,
        7_080.0,
    ),
];

const fn row(
    dc: &'static str,
    verdict: &'static str,
    maximum: f64,
    average: f64,
    busy: f64,
    min_available_mb: f64,
    avg_available_mb: f64,
) -> WorkbookRow {
    WorkbookRow { dc, verdict, maximum, average, busy, min_available_mb, avg_available_mb }
}

/// Start of the busy window of row `index`, in seconds; it lasts 14 min 58 s.
pub fn busy_start_s(index: usize) -> i64 {
    START_S + 3_600 * (index as i64 + 1)
}

/// Excel's day number of a time in seconds since 1970.
fn serial(seconds: i64) -> f64 {
    seconds as f64 / 86_400.0 + 25_569.0
}

/// A result workbook as far as the layout is published.
pub fn sizing_tool() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let created = ExcelDateTime::from_ymd(2025, 11, 22).unwrap();
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
    center_sheet(workbook.add_worksheet());
    summary_sheet(workbook.add_worksheet());
    workbook.save_to_buffer().unwrap()
}

fn head_block(sheet: &mut Worksheet) {
    let time = Format::new().set_num_format("m/d/yyyy h:mm:ss");
    for (row, (label, value)) in (0..).zip([
        ("Number of DCs", 9.0),
        ("Number of Good Samples", 17_221.0),
        ("Overall Start Time UTC", serial(START_S)),
        ("Overall End Time UTC", serial(START_S + 86_404)),
    ]) {
        sheet.write(row, 0, label).unwrap();
        if row < 2 {
            sheet.write(row, 1, value).unwrap();
        } else {
            sheet.write_with_format(row, 1, value, &time).unwrap();
        }
    }
    sheet.write(4, 0, "Sizing Tool Version").unwrap().write(4, 1, "1.2.0.0").unwrap();
    sheet.write(5, 0, "Display DC Times as").unwrap();
    sheet.write(5, 1, "Universal Time (UTC)").unwrap();
}

fn summary_sheet(sheet: &mut Worksheet) {
    sheet.set_name("Azure ATP Summary").unwrap();
    head_block(sheet);
    let time = Format::new().set_num_format("m/d/yyyy h:mm:ss");
    for (column, label) in (0..).zip([
        "DC",
        "Sensor Supported",
        "Failed Samples",
        "Max Packets/sec",
        "Avg Packets/sec",
        "Busy Packets/sec",
        "Busy Packets/sec Start Time",
        "Busy Packets/sec End Time",
        "Min Avail MB",
        "Avg Avail MB",
        "OS Server Level",
        "Site Code",
    ]) {
        sheet.write(8, column, label).unwrap();
    }
    for (at, (index, data)) in (9..).zip(WORKBOOK.iter().enumerate()) {
        sheet.write(at, 0, data.dc).unwrap().write(at, 1, data.verdict).unwrap();
        let numbers = [index as f64, data.maximum, data.average, data.busy];
        for (column, number) in (2..).zip(numbers) {
            sheet.write(at, column, number).unwrap();
        }
        let start = busy_start_s(index);
        sheet.write_with_format(at, 6, serial(start), &time).unwrap();
        sheet.write_with_format(at, 7, serial(start + 898), &time).unwrap();
        sheet.write(at, 8, data.min_available_mb).unwrap();
        sheet.write(at, 9, data.avg_available_mb).unwrap();
        sheet.write(at, 10, "Windows Server 2016 Standard").unwrap();
        sheet.write(at, 11, "HQ").unwrap();
    }
    let at = 18;
    sheet.write(at, 0, "Total").unwrap();
    let total = |of: fn(&WorkbookRow) -> f64| WORKBOOK.iter().map(of).sum::<f64>();
    sheet.write(at, 3, total(|row| row.maximum)).unwrap();
    sheet.write(at, 4, total(|row| row.average)).unwrap();
    sheet.write(at, 5, total(|row| row.busy)).unwrap();
}

fn center_sheet(sheet: &mut Worksheet) {
    sheet.set_name("ATA").unwrap();
    head_block(sheet);
    let labels = ["Center", "Max Packets/sec", "Avg Packets/sec", "Busy Packets/sec"];
    for (column, label) in (0..).zip(labels) {
        sheet.write(7, column, label).unwrap();
    }
    sheet.write(7, 4, "Busy Packets/sec Start UTC").unwrap();
    sheet.write(8, 0, "Grand Total").unwrap();
    for (column, number) in (1..).zip([88_100.0, 84_900.0, 85_240.0, serial(START_S + 7_200)]) {
        sheet.write(8, column, number).unwrap();
    }
    for (column, label) in
        (0..).zip(["DC", "Max Packets/sec", "Avg Packets/sec", "Busy Packets/sec"])
    {
        sheet.write(11, column, label).unwrap();
    }
    for (at, data) in (12..).zip(&WORKBOOK) {
        sheet.write(at, 0, data.dc).unwrap();
        for (column, number) in (1..).zip([data.maximum, data.average, data.busy]) {
            sheet.write(at, column, number).unwrap();
        }
    }
}
