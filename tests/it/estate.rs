//! `headroom estate`: files to begin with, and what is said of a file.

use std::path::Path;

use headroom::estate::{Estate, Knob, Parameters};

use super::cli::{Run, headroom};

const KINDS: [&str; 3] = ["branch", "headquarters", "campus"];

fn check(text: &str, flags: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, text).unwrap();
    headroom(&[&["estate", "check", path.to_str().unwrap()], flags].concat())
}

#[test]
fn what_init_prints_is_enough_for_traffic() {
    for kind in KINDS {
        let text = headroom(&["estate", "init", "--kind", kind]).ends_with(0).out;
        let example = std::fs::read_to_string(format!("captures/estates/{kind}.toml")).unwrap();
        assert!(text.starts_with(&example), "{kind}");
        check(&text, &[]).ends_with(0);
        let estate = Estate::parse(&text, kind).unwrap();
        assert_eq!(estate.check_for_synthesis(), Ok(()));
    }
    let plain = headroom(&["estate", "init"]).ends_with(0).out;
    assert_eq!(plain, headroom(&["estate", "init", "--kind", "branch"]).out);
}

#[test]
fn init_lists_every_parameter_as_it_can_be_written() {
    let text = headroom(&["estate", "init"]).ends_with(0).out;
    let is_knob = |name: &str| Knob::ALL.iter().any(|knob| knob.name() == name);
    let list = text.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("# ")?.split_once(" = ")?;
        is_knob(name).then(|| format!("{name} = {}", rest.split_once("    (").unwrap().0))
    });
    let list: Vec<String> = list.collect();
    assert_eq!(list.len(), Knob::ALL.len());
    let bare = format!(
        "calibration = \"catalyst2017\"\n[parameters]\n{}\n[[domain_controller]]\nname = \"a\"\n",
        list.join("\n")
    );
    let estate = Estate::parse(&bare, "bare").unwrap();
    assert_eq!(estate.parameters(), &Parameters::of("light").unwrap());
}

#[test]
fn init_writes_over_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("estate.toml");
    let path = path.to_str().unwrap();
    let first = headroom(&["estate", "init", "-o", path]).ends_with(0);
    assert_eq!((first.out.as_str(), first.err.as_str()), ("", ""));
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(written, headroom(&["estate", "init"]).out);
    let refused = headroom(&["estate", "init", "--kind", "campus", "-o", path]).ends_with(2);
    assert!(refused.err.contains("it is there already; choose another name"), "{refused:?}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), written);
}

/// Sites, domain controllers and populations of the examples. What follows of them changes with
/// every parameter.
#[test]
fn the_examples_are_explained_as_they_were() {
    for kind in KINDS {
        let out = headroom(&["estate", "check", &format!("captures/estates/{kind}.toml")]);
        let out = out.ends_with(0).out;
        let (text, rest) = out.split_once("\n\nCalibration ").expect("a calibration");
        assert!(rest.contains("by a factor of 3."), "{rest}");
        let name = format!("estate-{kind}.txt");
        let path = Path::new("tests/it/golden").join(&name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == golden, "{name} differs; BLESS=1 writes it again. Now:\n{text}");
    }
}

#[test]
fn every_parameter_is_told_with_value_unit_basis_and_source() {
    let text = "[parameters]\ndns.queries_per_hour = 300\n\
                dns.tcp_share = { value = 0.03, basis = \"learned\", source = \"dc.pcap, Monday\" }\n\
                [[domain_controller]]\nname = \"a\"\n";
    let run = check(text, &["--json"]).ends_with(1);
    let json = run.json();
    let rows = json["parameters"].as_array().unwrap();
    assert_eq!(rows.len(), Knob::ALL.len());
    for (row, knob) in rows.iter().zip(Knob::ALL) {
        assert_eq!(row["name"], knob.name());
        for key in ["meaning", "unit", "basis", "source"] {
            assert!(row[key].as_str().is_some_and(|text| !text.is_empty()), "{row}");
        }
        assert!(row["value"].is_number(), "{row}");
    }
    let told = |knob: Knob| {
        let row = &rows[knob as usize];
        (row["value"].as_f64().unwrap(), row["basis"].as_str().unwrap().to_owned())
    };
    assert_eq!(told(Knob::DnsQueries), (300.0, "given".to_owned()));
    assert_eq!(told(Knob::DnsTcpShare), (0.03, "learned".to_owned()));
    assert_eq!(told(Knob::GpoBase), (90.0, "sourced".to_owned()));
    assert_eq!(json["uncertainty_factor"], 3.0);
    let plain = check(text, &[]).ends_with(1).out;
    assert!(plain.contains("0.03  (share)\n"), "{plain}");
    // Lines break where they are full.
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Learned: dc.pcap, Monday."), "{plain}");
    assert!(plain.contains("1 is learned, 1 is given."), "{plain}");
}

#[test]
fn clients_are_shared_out_among_the_domain_controllers_of_their_site() {
    let json = headroom(&["estate", "check", "captures/estates/headquarters.toml", "--json"]);
    let json = json.ends_with(0).json();
    assert_eq!(json["endpoints"], 10_000);
    let clients = |at: usize| json["domain_controllers"][at]["expected_clients"].as_f64().unwrap();
    // The PDC emulator has the weight 1.6 of `dc.pdc_weight`, its two neighbours have 1.
    assert!((clients(0) - 6_800.0 * 1.6 / 3.6).abs() < 1e-6);
    assert!((clients(1) - 6_800.0 / 3.6).abs() < 1e-6);
    assert!((clients(3) - 1_600.0).abs() < 1e-6);
    let zones: Vec<_> = json["sites"].as_array().unwrap().iter().map(|s| &s["time_zone"]).collect();
    assert_eq!(zones, ["Europe/Berlin", "America/New_York"]);
}

#[test]
fn what_may_not_be_meant_is_told() {
    let campus = std::fs::read_to_string("captures/estates/campus.toml").unwrap();
    let told = |from: &str, to: &str| {
        assert!(campus.contains(from), "{from}");
        let run = check(&campus.replace(from, to), &["--json"]);
        run.json()["warnings"].to_string()
    };
    let cases = [
        ("\"light\"", "\"catalyst2017\"", "has no boots, logons, group policy and file traffic"),
        (
            "\"radius-accounting\", ",
            "",
            "sessions of remote-staff are told to no domain controller",
        ),
        ("\"pdc-emulator\", ", "", "no domain controller has the role `pdc-emulator`"),
        ("\"dns\"", "\"wins\"", "no domain controller has the role `dns`"),
        (", \"fd40:2::12\"", "", "fleet cannot speak IPv6 to dc2.campus.example"),
        ("physical_cores = 4", "", "`physical_cores` of dc1.campus.example are not given"),
        ("calibration", "calibration", "site Field-Station has no domain controller"),
        (
            "addresses = [\"10.40.128.12\", \"fd40:2::12\"]\nsite = \"Campus\"",
            "addresses = [\"10.40.128.12\"]\nsite = \"Field-Station\"",
            "clients of site Field-Station use the domain controllers of Campus",
        ),
        (
            "addresses = [\"10.40.128.12\", \"fd40:2::12\"]\nsite = \"Campus\"",
            "addresses = [\"10.40.128.12\"]\nsite = \"Field-Station\"",
            "domain controller dc2.campus.example has no clients",
        ),
    ];
    for (from, to, expected) in cases {
        let warnings = told(from, to);
        assert!(warnings.contains(expected), "{expected}: {warnings}");
    }
}

#[test]
fn exit_codes_tell_a_wrong_estate_from_one_for_sizing_only() {
    let sizing = headroom(&["estate", "check", "captures/estates/lab.toml"]).ends_with(1);
    assert!(sizing.out.contains("No traffic can be made of it: "), "{sizing:?}");
    assert!(sizing.out.contains("it describes no forest; add `[forest]`"), "{sizing:?}");
    check("[[domain_controller]]\nnam = \"a\"\n", &[])
        .ends_with(2)
        .says(&["failed to read estate ", "line 2: there is no key `nam`; did you mean `name`?"]);
    headroom(&["estate", "check", "nowhere.toml"]).ends_with(2).says(&["failed to open nowhere"]);
    headroom(&["estate"]).ends_with(2);
}

#[test]
fn many_warnings_are_counted() {
    let many: String =
        (0..60).map(|n| format!("[[domain_controller]]\nname = \"d{n}\"\n")).collect();
    let out = check(&many, &[]).ends_with(1).out;
    assert_eq!(out.matches("sizing has no verdict").count(), 50, "{out}");
    assert!(out.contains("and 10 more; --json has all"), "{out}");
    let json = check(&many, &["--json"]).json();
    assert_eq!(json["warnings"].as_array().unwrap().len(), 60);
}

#[test]
fn hostile_names_are_shown_and_not_obeyed() {
    let run = check("[[domain_controller]]\nname = \"a\u{202e}b\"\n", &[]).ends_with(1);
    assert!(!run.out.contains('\u{202e}') && run.out.contains("a\\u{202e}b"), "{run:?}");
}

#[test]
fn the_manual_and_the_completions_know_it() {
    let page = headroom(&["man", "estate"]).ends_with(0).out;
    assert!(page.contains("headroom\\-estate") && page.contains("init"), "{page}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = headroom(&["completions", shell]).ends_with(0).out;
        assert!(script.contains("estate") && script.contains("check"), "{shell}");
    }
}
