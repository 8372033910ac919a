//! The report in all its formats: goldens, hostile text, determinism, size.

use std::path::Path;

use headroom::record::SizingReport;
use headroom::report::{FILES, OutputFormat, RenderOptions, render};

use crate::report_fixtures::{empty, evil, hostile, large, single, three};
use crate::report_model_fixtures::{bare, modelled, several};

pub fn bytes(report: &SizingReport, format: OutputFormat) -> Vec<u8> {
    render(report, format, RenderOptions::default()).unwrap()
}

pub fn text(report: &SizingReport, format: OutputFormat) -> String {
    String::from_utf8(bytes(report, format)).unwrap()
}

/// Compares with `tests/it/golden/NAME`; `BLESS=1` rewrites it.
pub fn golden(name: &str, got: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, got).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{name}: {error}; BLESS=1 writes it"));
    if let Some(line) = (0..).zip(got.lines().zip(wanted.lines())).find(|(_, (a, b))| a != b) {
        panic!(
            "{name} differs in line {}:\n got    {}\n wanted {}",
            line.0 + 1,
            line.1.0,
            line.1.1
        );
    }
    assert_eq!(got.len(), wanted.len(), "{name}: one is longer; BLESS=1 rewrites it");
}

/// `report` with its timelines cut to half an hour: goldens must stay small enough to review.
pub fn short(mut report: SizingReport) -> SizingReport {
    for sized in &mut report.domain_controllers {
        if let Some(line) = &mut sized.dc.timeline {
            line.packets_per_second.truncate(360);
            line.bytes_per_second.truncate(360);
            line.covered_ms = 1_800_000;
            for series in &mut line.protocols {
                series.packets.truncate(30);
                series.bytes.truncate(30);
            }
        }
    }
    report
}

#[test]
fn text_matches_its_golden() {
    golden("report-single.txt", &text(&single(), OutputFormat::Text));
    golden("report-three.txt", &text(&three(), OutputFormat::Text));
    golden("report-empty.txt", &text(&empty(), OutputFormat::Text));
}

#[test]
fn csv_matches_its_golden() {
    golden("report-single.csv", &text(&single(), OutputFormat::Csv));
    golden("report-three.csv", &text(&three(), OutputFormat::Csv));
}

#[test]
fn markdown_matches_its_golden() {
    golden("report-single.md", &text(&single(), OutputFormat::Markdown));
    golden("report-three.md", &text(&three(), OutputFormat::Markdown));
    golden("report-empty.md", &text(&empty(), OutputFormat::Markdown));
}

#[test]
fn json_matches_its_golden_and_reads_back() {
    let report = short(single());
    let json = text(&report, OutputFormat::Json);
    golden("report-single.json", &json);
    assert_eq!(serde_json::from_str::<SizingReport>(&json).unwrap(), report);
}

#[test]
fn html_matches_its_golden() {
    golden("report-single.html", &text(&short(single()), OutputFormat::Html));
    golden("report-empty.html", &text(&empty(), OutputFormat::Html));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    for report in [single(), three(), empty(), modelled()] {
        for (name, format) in FILES {
            assert_eq!(bytes(&report, *format), bytes(&report, *format), "{name}");
        }
    }
}

#[test]
fn a_workbook_depends_on_no_clock() {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(bytes(&short(single()), OutputFormat::Xlsx));
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    golden("report-single.xlsx.sha256", &format!("{hex}\n"));
}

#[test]
fn color_is_only_used_when_asked_for() {
    let plain = render(&single(), OutputFormat::Text, RenderOptions { color: false, width: 80 });
    assert!(!plain.unwrap().contains(&0x1b));
    let colored = render(&single(), OutputFormat::Text, RenderOptions { color: true, width: 80 });
    assert!(colored.unwrap().contains(&0x1b));
}

#[test]
fn no_line_of_text_is_wider_than_the_terminal() {
    for report in [single(), three(), empty(), modelled(), bare(), several(), hostile()] {
        for width in [60, 80, 120] {
            let options = RenderOptions { color: false, width };
            let text = render(&report, OutputFormat::Text, options).unwrap();
            for line in String::from_utf8(text).unwrap().lines() {
                assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            }
        }
    }
}

/// Characters that no format may carry as they are.
fn deceptive(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\r')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn hostile_text_is_disarmed_in_every_text_format() {
    let report = hostile();
    for format in [
        OutputFormat::Text,
        OutputFormat::Json,
        OutputFormat::Csv,
        OutputFormat::Markdown,
        OutputFormat::Html,
    ] {
        let text = text(&report, format);
        let found = text.chars().find(|c| deceptive(*c));
        assert_eq!(found, None, "{format:?}");
        let lower = text.to_lowercase();
        if format == OutputFormat::Html {
            // The only script is ours, and only ours may run.
            assert_eq!(lower.matches("<script").count(), 1);
            assert!(!lower.contains("alert(1)</script"));
            assert!(!text.contains("\"onload="));
        } else if format != OutputFormat::Csv && format != OutputFormat::Text {
            assert!(!lower.contains("<script"), "{format:?}");
        }
        if format != OutputFormat::Json {
            assert!(!text.contains(&"A".repeat(1_000)), "{format:?} holds an uncut name");
        }
        for wrong in ["NaN", "Infinity", "inf,", " inf ", "\"inf\"", ">inf<"] {
            assert!(!text.contains(wrong), "{format:?} holds {wrong}");
        }
    }
}

#[test]
fn no_cell_of_a_csv_is_a_formula() {
    let csv = bytes(&hostile(), OutputFormat::Csv);
    let mut reader = csv::ReaderBuilder::new().has_headers(true).from_reader(csv.as_slice());
    let mut cells = 0;
    for record in reader.records() {
        for cell in &record.unwrap() {
            cells += 1;
            let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
            assert!(!formula || cell.parse::<f64>().is_ok(), "{cell}");
        }
    }
    assert!(cells > 30);
}

pub fn workbook(report: &SizingReport) -> calamine::Xlsx<std::io::Cursor<Vec<u8>>> {
    calamine::Reader::new(std::io::Cursor::new(bytes(report, OutputFormat::Xlsx))).unwrap()
}

#[test]
fn no_cell_of_a_workbook_is_a_formula() {
    use calamine::{Data, Reader};
    let mut workbook = workbook(&hostile());
    let mut texts = 0;
    for name in workbook.sheet_names() {
        let formulas = workbook.worksheet_formula(&name).unwrap();
        assert!(formulas.used_cells().all(|(_, _, formula)| formula.is_empty()), "{name}");
        for (_, _, cell) in workbook.worksheet_range(&name).unwrap().used_cells() {
            if let Data::String(text) = cell {
                texts += 1;
                assert!(!text.starts_with(['=', '+', '-', '@', '\t', '\r']), "{text}");
                assert_eq!(text.chars().find(|c| deceptive(*c)), None, "{text}");
                assert!(text.chars().count() <= 1_000, "{text}");
            }
        }
    }
    assert!(texts > 100);
}

#[test]
fn the_workbook_has_the_vendor_tools_layout_with_numbers_as_numbers() {
    use calamine::{Data, Reader};
    let report = three();
    let mut workbook = workbook(&report);
    assert_eq!(workbook.sheet_names(), ["Azure ATP Summary", "Reasons", "Timeline", "Inputs"]);
    let sheet = workbook.worksheet_range("Azure ATP Summary").unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    let head = rows.iter().position(|row| row[0] == Data::String("DC".into())).unwrap();
    assert_eq!(rows[head][5], Data::String("Busy Packets/sec".into()));
    let dc = rows[head + 1];
    assert_eq!(dc[0], Data::String("DC01.corp.example".into()));
    let busy = report.domain_controllers[0].load.busy.unwrap().packets_per_second;
    assert_eq!(dc[5], Data::Float(busy));
    // Unknown is a dash, not an empty cell and not 0.
    assert_eq!(rows[head + 3][5], Data::String("–".into()));
    assert_eq!(rows[head + 4][0], Data::String("Total".into()));
    let sum = report.total.as_ref().unwrap().sum_busy_packets_per_second.unwrap();
    assert_eq!(rows[head + 4][5], Data::Float(sum));
}

/// Checks that tags nest and attributes are quoted; returns the number of elements.
fn well_formed(xml: &str) -> usize {
    let mut open: Vec<&str> = Vec::new();
    let mut elements = 0;
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "stray > in {}", &rest[..at]);
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        assert!(!tag.contains('<'), "{tag}");
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            elements += 1;
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, Vec::<&str>::new());
    elements
}

#[test]
fn every_drawing_is_well_formed_and_holds_only_finite_numbers() {
    for report in [single(), three(), empty(), modelled(), bare(), several(), hostile()] {
        let html = text(&report, OutputFormat::Html);
        let mut drawings = 0;
        for part in html.split("<svg ").skip(1) {
            let svg = format!("<svg {}</svg>", part.split("</svg>").next().unwrap());
            assert!(well_formed(&svg) >= 2);
            for wrong in ["NaN", "=\"inf", "=\"-inf", "\"#0102"] {
                assert!(!svg.contains(wrong), "{wrong} in {svg}");
            }
            drawings += 1;
        }
        assert!(drawings > 0 || report.domain_controllers.is_empty());
    }
}

#[test]
fn the_page_loads_nothing_and_names_its_style_and_script_by_hash() {
    let html = text(&modelled(), OutputFormat::Html);
    assert!(html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"));
    for wrong in ["src=\"", "url(", "@import", "<link", "<img", " style=\"", "unsafe-inline"] {
        assert!(!html.contains(wrong), "{wrong}");
    }
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with('#') || link.starts_with("data:text/csv"), "{}", &link[..40]);
    }
}

#[test]
fn every_id_of_a_page_is_unique() {
    let html = text(&several(), OutputFormat::Html);
    let mut ids: Vec<&str> =
        html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for used in html.split("aria-labelledby=\"").skip(1) {
        for id in used.split('"').next().unwrap().split(' ') {
            assert!(ids.binary_search(&id).is_ok(), "{id}");
        }
    }
}

#[test]
fn an_incomplete_result_says_so_first_in_every_format_for_people() {
    let report = empty();
    let reason = "the file is cut short";
    for (format, word) in [
        (OutputFormat::Text, "INCOMPLETE"),
        (OutputFormat::Markdown, "**Incomplete.**"),
        (OutputFormat::Html, "<h2>Incomplete</h2>"),
    ] {
        let text = text(&report, format);
        assert!(text.contains(word) && text.contains(reason), "{format:?}");
        assert!(!self::text(&single(), format).contains(word), "{format:?}");
    }
}

#[test]
fn what_is_missing_and_what_weakens_stands_beside_the_verdict() {
    let html = text(&three(), OutputFormat::Html);
    let verdicts = html.split("id=\"together\"").next().unwrap();
    assert!(verdicts.contains("installed memory unknown: give --ram"));
    let html = text(&single(), OutputFormat::Html);
    let verdicts = html.split("id=\"traffic\"").next().unwrap();
    assert!(verdicts.contains("larger than the link carries"));
    assert!(verdicts.contains("<span class=\"chip\">inferred</span>"));
}

#[test]
fn twenty_days_of_samples_stay_below_ten_megabytes() {
    let mut report = large();
    for sized in &mut report.domain_controllers {
        sized.virtual_sensor = modelled().domain_controllers.remove(0).virtual_sensor;
    }
    for (name, format) in FILES {
        // JSON alone carries every sample, every protocol of every minute, and every minute of the
        // model's course.
        let limit = if *format == OutputFormat::Json { 22_000_000 } else { 10_000_000 };
        let size = bytes(&report, *format).len();
        assert!(size < limit, "{name}: {size} bytes");
    }
}

#[test]
fn the_hostile_name_is_as_hostile_as_it_claims() {
    let evil = evil();
    assert!(evil.starts_with('=') && evil.contains("<script>") && evil.contains('\u{1b}'));
    assert!(evil.contains('\u{202e}') && evil.len() == 10_000);
}

/// Not a check: writes the fixtures' pages for a browser.
#[test]
#[ignore = "writes files; run with REPORT_OUT=DIR"]
fn write_pages() {
    let Some(out) = std::env::var_os("REPORT_OUT") else { return };
    for (name, report) in [
        ("single", single()),
        ("three", three()),
        ("empty", empty()),
        ("hostile", hostile()),
        ("modelled", modelled()),
        ("bare", bare()),
        ("several", several()),
        ("large", large()),
    ] {
        for (file, format) in FILES {
            let path = Path::new(&out).join(format!("{name}-{file}"));
            std::fs::write(path, bytes(&report, *format)).unwrap();
        }
    }
}
