//! What the report says of the virtual sensor, in all its formats.

use headroom::record::{Assumption, Basis, Chance, SizingReport, TableReading};
use headroom::report::{OutputFormat, RenderOptions, render};

use crate::report::{bytes, golden, short, text, workbook};
use crate::report_fixtures::{evil, single, three};
use crate::report_model_fixtures::{bare, modelled, several};

const FOR_PEOPLE: [OutputFormat; 3] =
    [OutputFormat::Text, OutputFormat::Markdown, OutputFormat::Html];

/// `text` without line breaks and indents, as a terminal folds it.
fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The course cut to half an hour in the storm: goldens must stay small enough to review.
fn brief(report: SizingReport) -> SizingReport {
    let mut report = short(report);
    for sized in &mut report.domain_controllers {
        if let Some(model) = &mut sized.virtual_sensor {
            model.course.intervals = model.course.intervals[480..512].to_vec();
        }
    }
    report
}

#[test]
fn every_text_format_matches_its_golden() {
    golden("report-model.txt", &text(&modelled(), OutputFormat::Text));
    golden("report-model.csv", &text(&modelled(), OutputFormat::Csv));
    golden("report-model.md", &text(&modelled(), OutputFormat::Markdown));
    golden("report-model-bare.txt", &text(&bare(), OutputFormat::Text));
    golden("report-model-bare.md", &text(&bare(), OutputFormat::Markdown));
}

#[test]
fn the_page_matches_its_golden() {
    golden("report-model.html", &text(&brief(modelled()), OutputFormat::Html));
}

#[test]
fn json_carries_the_answer_and_reads_back() {
    let report = brief(modelled());
    let json = text(&report, OutputFormat::Json);
    golden("report-model.json", &json);
    assert_eq!(serde_json::from_str::<SizingReport>(&json).unwrap(), report);
}

#[test]
fn without_an_answer_no_format_mentions_the_model() {
    for report in [single(), three()] {
        for format in FOR_PEOPLE.into_iter().chain([OutputFormat::Csv, OutputFormat::Json]) {
            let text = text(&report, format);
            for word in ["virtual", "Our model", "our model", "(Model)", "calibrat"] {
                assert!(!text.contains(word), "{format:?} holds {word}");
            }
        }
    }
}

#[test]
fn the_answer_comes_first_and_says_whose_it_is() {
    let answer =
        "Maybe: the risk of losing more than 0.1 % of the packets is 12.0 % (8.2 to 17.2 %)";
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&modelled(), format));
        let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{format:?}: {words}"));
        assert!(at(answer) < at("It is not Microsoft’s sensor"), "{format:?}");
        assert!(at("It is not Microsoft’s sensor") < at("while a rush lasts"), "{format:?}");
        // The vendor's words stand before it, unchanged.
        assert!(at("Yes, but additional resources required: +4GB") < at(answer), "{format:?}");
    }
}

#[test]
fn an_unknown_server_has_no_answer_and_no_invented_figures() {
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&bare(), format));
        assert!(text.contains("No answer for this server"), "{format:?}");
        assert!(text.contains("no size that was tried"), "{format:?}");
        for wrong in ["Maybe: the risk", "No: the risk", "0 packets/s until", "already used up"] {
            assert!(!text.contains(wrong), "{format:?} holds {wrong}");
        }
    }
    let html = text(&bare(), OutputFormat::Html);
    assert!(html.contains("By this model no health alert would have come."));
    assert!(html.contains("there is no headroom to draw"));
    assert!(html.contains("there is nothing to draw over time"));
    assert!(html.contains("cores needed at most") && !html.contains("was left out once"));
    assert!(html.contains("nothing is said about less; 2 observations of real sensors were added"));
}

#[test]
fn equal_calibrations_are_shown_once_and_different_ones_by_name() {
    let plots = |report: &SizingReport| {
        let html = text(report, OutputFormat::Html);
        html.matches("<h4>Calibration: the table against the model</h4>").count()
    };
    let mut report = several();
    assert_eq!(plots(&report), 1);
    let page = text(&report, OutputFormat::Markdown);
    assert_eq!(page.matches("## How our model was calibrated").count(), 1);
    let model = report.domain_controllers[1].virtual_sensor.as_mut().unwrap();
    model.calibration.reading = TableReading::Upper;
    assert_eq!(plots(&report), 2);
    let html = text(&report, OutputFormat::Html);
    let section = html.split("id=\"calibration\"").nth(1).unwrap();
    assert!(section.contains("<h3>DC01.corp.example</h3>"));
    assert!(section.contains("<h3>DC02.corp.example</h3>"));
}

#[test]
fn what_if_carries_its_answers_by_word_and_by_colour() {
    let html = text(&modelled(), OutputFormat::Html);
    let grid =
        html.split("aria-label=\"What if\"").nth(1).unwrap().split("</table>").next().unwrap();
    assert_eq!(grid.matches("<td class=\"chance ").count(), 12);
    for (class, sign, word) in
        [("good", "✓", "Yes"), ("attention", "!", "Maybe"), ("bad", "✕", "No")]
    {
        let cell = format!(
            "<td class=\"chance {class}\"><span class=\"dot\" aria-hidden=\"true\">{sign}</span>{word}: risk "
        );
        assert!(grid.contains(&cell), "{cell}");
    }
    assert!(grid.contains("4 cores, as now"));
}

#[test]
fn the_plots_carry_a_title_a_description_and_their_data() {
    let html = text(&modelled(), OutputFormat::Html);
    for key in ["probability-1", "headroom-1", "course-1", "calibration-1"] {
        for size in ["w", "n"] {
            assert!(html.contains(&format!("<title id=\"{key}-{size}-t\">")), "{key}-{size}");
            assert!(html.contains(&format!("<desc id=\"{key}-{size}-d\">")), "{key}-{size}");
        }
        assert!(html.contains(&format!("download=\"{key}.csv\"")), "{key}");
    }
}

#[test]
fn alerts_keep_their_exact_title_and_times() {
    let title = "Some network traffic could not be analyzed";
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&modelled(), format));
        assert!(text.contains(title), "{format:?}");
        assert!(text.contains("2025-11-21 08:11:00 – 08:25:00 UTC"), "{format:?}");
    }
}

#[test]
fn assumptions_of_the_model_are_added_once() {
    let page = text(&several(), OutputFormat::Markdown);
    let list = page.split("## Assumptions").nth(1).unwrap();
    assert_eq!(list.matches("One thread for each core").count(), 1);
    assert_eq!(list.matches("Busy packets per second is the highest").count(), 1);
    assert!(list.contains("| assumed |"));
    let html = text(&several(), OutputFormat::Html);
    assert!(html.contains("of synthesized traffic or our model: our assumption"));
}

#[test]
fn assumptions_that_differ_name_their_domain_controllers() {
    let mut report = several();
    let own = |text: &str| Assumption {
        text: format!("Virtual sensor: the server itself uses {text}."),
        basis: Basis::Assumed,
        source: "--own-cpu".into(),
    };
    for (sized, share) in report.domain_controllers.iter_mut().zip(["40 %", "20 %"]) {
        sized.virtual_sensor.as_mut().unwrap().assumptions.push(own(share));
    }
    let list = |report: &SizingReport| {
        let page = text(report, OutputFormat::Markdown);
        page.split("## Assumptions").nth(1).unwrap().to_owned()
    };
    let differ = list(&report);
    for (name, share) in [("DC01", "40 %"), ("DC02", "20 %")] {
        let named =
            format!("Virtual sensor of {name}.corp.example: the server itself uses {share}.");
        assert_eq!(differ.matches(&named).count(), 1, "{differ}");
    }
    // What all of them have is theirs without a name, also where another DC was not asked.
    assert!(differ.contains("| One thread for each core"), "{differ}");
    let second = report.domain_controllers[1].virtual_sensor.as_mut().unwrap();
    *second.assumptions.last_mut().unwrap() = own("40 %");
    let same = list(&report);
    assert_eq!(same.matches("Virtual sensor: the server itself uses 40 %.").count(), 1, "{same}");
    // One that has no prefix is named, too.
    report.domain_controllers[1].virtual_sensor.as_mut().unwrap().assumptions.remove(0);
    assert!(list(&report).contains("| Of DC01.corp.example: One thread for each core"));
}

#[test]
fn a_spreadsheet_holds_the_answer_as_numbers() {
    use calamine::{Data, Reader};
    let mut book = workbook(&modelled());
    let sheet = book.worksheet_range("Azure ATP Summary").unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    let head = rows.iter().position(|row| row[0] == Data::String("DC".into())).unwrap();
    let cell = |heading: &str| {
        let at = rows[head].iter().position(|cell| *cell == Data::String(heading.into())).unwrap();
        rows[head + 1][at].clone()
    };
    assert_eq!(cell("Sensor Supported (Model)"), Data::String("Maybe".into()));
    assert_eq!(cell("Loss Probability Percent (Model)"), Data::Float(12.0));
    assert_eq!(cell("Sensor Cores Sufficient (Model)"), Data::Float(3.5));
    assert_eq!(cell("Sensor Memory GB Sufficient (Model)"), Data::Float(9.5));
    let Data::Float(spare) = cell("Spare Packets/sec (Model)") else { panic!("no number") };
    assert!((spare - -2_129.4).abs() < 1e-6, "{spare}");
    let reasons = book.worksheet_range("Reasons").unwrap();
    let says = |words: &str| {
        reasons
            .used_cells()
            .any(|(_, _, cell)| matches!(cell, Data::String(t) if t.contains(words)))
    };
    assert!(says("It is not Microsoft’s sensor") && says("while a rush lasts"));
}

#[test]
fn a_spreadsheet_holds_every_size_and_every_what_if() {
    use calamine::{Data, Reader};
    let mut report = several();
    report.domain_controllers[0].dc.name = "=cmd|'/c calc'!A1".into();
    let mut book = workbook(&report);
    let names =
        ["Azure ATP Summary", "Reasons", "Model sizes", "Model what-if", "Timeline", "Inputs"];
    assert_eq!(book.sheet_names(), names);
    let verdict = report.domain_controllers[0].virtual_sensor.as_ref().unwrap();
    let (server, cells) = (verdict.server.as_ref().unwrap(), &verdict.what_if);
    let rows = |book: &mut calamine::Xlsx<_>, name: &str| -> Vec<Vec<Data>> {
        book.worksheet_range(name).unwrap().rows().map(<[Data]>::to_vec).collect()
    };
    let sizes = rows(&mut book, "Model sizes");
    // Two domain controllers were asked; whose words these are and headings stand above.
    assert_eq!(sizes.len(), 2 + 2 * (verdict.sizes.len() + 1));
    assert!(sizes[0][0].to_string().contains("It is not Microsoft’s sensor"));
    assert_eq!(sizes[2][1], Data::String("this server".into()));
    assert_eq!(sizes[2][2], Data::Float(server.size.cores));
    assert_eq!(sizes[2][4], Data::String("Maybe".into()));
    assert_eq!(sizes[2][5], Data::Float(server.probability));
    assert_eq!(sizes[3][1], Data::String("table".into()));
    let tried = rows(&mut book, "Model what-if");
    assert_eq!(tried.len(), 2 + 2 * cells.len());
    assert!(cells.len() > 3 && tried[1].len() == 8);
    assert_eq!(tried[2][1], Data::Float(cells[0].load));
    assert_eq!(tried[2][4], Data::Float(cells[0].server_cores));
    assert_eq!(tried[2][7], Data::Float(cells[0].probability));
    for row in sizes.iter().chain(&tried) {
        assert!(!row[0].to_string().starts_with('='), "{row:?}");
    }
}

#[test]
fn one_that_was_not_asked_has_dashes_beside_those_that_were() {
    let csv = bytes(&several(), OutputFormat::Csv);
    let mut reader = csv::Reader::from_reader(csv.as_slice());
    let at =
        reader.headers().unwrap().iter().position(|h| h == "Sensor Supported (Model)").unwrap();
    assert_eq!(reader.headers().unwrap().iter().next_back(), Some("Complete"));
    let answers: Vec<String> = reader.records().map(|row| row.unwrap()[at].to_string()).collect();
    assert_eq!(answers, ["Maybe", "Maybe", "–"]);
}

#[test]
fn hostile_words_of_the_model_run_nowhere() {
    let mut report = modelled();
    let model = report.domain_controllers[0].virtual_sensor.as_mut().unwrap();
    model.own_load = evil();
    model.sentences = vec![evil(); 60];
    model.course.health[0].title = evil();
    model.calibration.caveats = vec![evil()];
    model.calibration.table = evil();
    model.calibration.rows[0].label = evil();
    model.assumptions[0].text = evil();
    let html = text(&report, OutputFormat::Html);
    assert_eq!(html.to_lowercase().matches("<script").count(), 1);
    assert!(!html.contains('\u{1b}') && !html.contains('\u{202e}'));
    assert!(!html.contains(&"A".repeat(1_000)));
    let page = text(&report, OutputFormat::Markdown);
    assert!(!page.to_lowercase().contains("<script") && !page.contains("[link](javascript"));
    let options = RenderOptions { color: false, width: 80 };
    let screen = String::from_utf8(render(&report, OutputFormat::Text, options).unwrap()).unwrap();
    assert!(!screen.contains('\u{1b}'));
    assert!(screen.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn next_to_nothing_gives_no_green_yes() {
    let mut report = modelled();
    let model = report.domain_controllers[0].virtual_sensor.as_mut().unwrap();
    (model.seen_ms, model.seen_packets) = (8_000, 1);
    (model.headroom, model.exhaustion) = (None, None);
    let server = model.server.as_mut().unwrap();
    (server.chance, server.probability, server.limit) = (Chance::Yes, 0.0, None);
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&report, format));
        assert!(text.contains("Yes, for 8 s only: the risk of losing"), "{format:?}");
        assert!(text.contains("1 packet in 8 s say next to nothing of this server"), "{format:?}");
        assert!(text.contains("too little was seen to tell"), "{format:?}");
        assert!(!text.contains("no size that was tried is enough"), "{format:?}");
    }
    let html = text(&report, OutputFormat::Html);
    assert!(html.contains("<article class=\"card model attention\""));
    assert!(html.contains("<td class=\"chance attention\">"));
    let model = report.domain_controllers[0].virtual_sensor.as_mut().unwrap();
    (model.seen_ms, model.seen_packets) = (600_000, 5_000);
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&report, format));
        let said = "; 10 min of traffic were seen and say nothing of other hours";
        assert!(text.contains(said), "{format:?}");
    }
}

#[test]
fn the_head_counts_both_answers() {
    let html = text(&several(), OutputFormat::Html);
    let head = html.split("<nav").next().unwrap();
    let (table, model) = head.split_once("By our model:").unwrap();
    assert!(table.contains("By Microsoft’s table:"));
    assert!(model.contains("<b>2</b> Maybe"), "{model}");
}

#[test]
fn many_alerts_are_summed_up_and_their_time_is_ours() {
    let mut report = modelled();
    let model = report.domain_controllers[0].virtual_sensor.as_mut().unwrap();
    let mut alert = model.course.health[0].clone();
    alert.basis = Basis::VendorPublished;
    model.course.health = vec![alert; 1_000];
    let terminal = unfolded(&text(&report, OutputFormat::Text));
    assert_eq!(terminal.matches("Health alert:").count(), 1);
    assert!(terminal.contains("at least 1,000 times"), "{terminal}");
    assert!(terminal.contains("[title and condition: Microsoft’s; time: our model]"));
    let html = text(&report, OutputFormat::Html);
    assert!(html.contains("report.json has the first 1,000, no more are kept"));
    assert!(!html.contains("more; report.json has them all"));
}

#[test]
fn few_replicas_do_not_tell_of_an_upper_size() {
    let mut report = modelled();
    let model = report.domain_controllers[0].virtual_sensor.as_mut().unwrap();
    (model.replicas, model.sufficient.upper) = (50, None);
    for format in FOR_PEOPLE {
        let text = unfolded(&text(&report, format));
        assert!(text.contains("not told by 50 runs (at least 73 are needed)"), "{format:?}");
    }
}
