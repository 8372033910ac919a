//! `headroom simulate`: the virtual sensor on captures, estates and logs.

use serde_json::Value;

use super::{headroom, headroom_reading, sample, text};

/// Few replicas: what they are, not how sure they make.
const QUICK: [&str; 6] = ["--replicas", "20", "--json", "-q", "--dc-cores", "4"];

fn simulate(words: &[&str]) -> super::Run {
    headroom(&[&["simulate"][..], words, &QUICK, &["--dc-ram", "16"]].concat())
}

/// What the virtual sensor says of the only domain controller.
fn verdict(json: &Value) -> &Value {
    let all = json["domain_controllers"].as_array().unwrap();
    assert_eq!(all.len(), 1);
    &all[0]["virtual_sensor"]
}

/// A log of 10 minutes with so many packets per second.
fn log(folder: &tempfile::TempDir, packets_per_second: u32) -> String {
    let path = folder.path().join("log.csv");
    let mut lines =
        r#""(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\DC01\Network Adapter(a)\Packets/sec""#
            .to_owned();
    for sample in 0..40 {
        let (minute, second) = (sample / 4, sample % 4 * 15);
        lines.push_str(&format!(
            "\n\"01/12/2026 09:{minute:02}:{second:02}.000\",\"{packets_per_second}\""
        ));
    }
    std::fs::write(&path, lines).unwrap();
    text(&path).to_owned()
}

#[test]
fn a_capture_is_judged_by_its_own_packets() {
    let capture = sample("dc-morning.pcapng");
    let json = simulate(&[text(&capture)]).ends_with(0).json();
    let verdict = verdict(&json);
    assert_eq!(verdict["arrivals"], "packets");
    assert_eq!(verdict["replicas"], 20);
    assert_eq!(verdict["server"]["chance"], "yes");
    assert_eq!(verdict["sizes"].as_array().unwrap().len(), 7);
    // Every packet was offered, once.
    let packets = &json["domain_controllers"][0]["dc"]["packets"];
    assert_eq!(&verdict["course"]["offered_packets"], packets);
    assert_eq!(verdict["course"]["lost_packets"], 0);
    let sentences = verdict["sentences"].as_array().unwrap();
    assert!(sentences[0].as_str().unwrap().starts_with("Yes: on this server"), "{sentences:?}");
    assert!(
        sentences.iter().any(|text| text.as_str().unwrap().contains("not the vendor's sensor"))
    );
    // The same with other threads.
    let again = simulate(&[text(&capture), "--threads", "1"]).ends_with(0).json();
    assert_eq!(self::verdict(&again), verdict);
}

#[test]
fn too_much_for_the_server_is_a_no_and_says_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let json = simulate(&[&log(&folder, 40_000)]).ends_with(0).json();
    let verdict = verdict(&json);
    assert_eq!(verdict["arrivals"], "samples");
    assert_eq!(verdict["server"]["chance"], "no");
    assert_eq!(verdict["server"]["limit"], "quota");
    assert!(verdict["course"]["lost_packets"].as_u64().unwrap() > 0);
    let target = &verdict["sufficient"]["target"]["cores"];
    assert!(target.as_f64().is_some_and(|cores| cores >= 3.5), "{target}");
    let loads = verdict["what_if"].as_array().unwrap();
    assert!(loads.iter().any(|cell| cell["server_cores"] == 8.0 && cell["bursts"] == 2.0));
    // More of the server for itself leaves no more to the sensor; a large buffer would hide it.
    let own = |share| {
        let log = log(&folder, 6_000);
        simulate(&[&log, "--own-cpu", share, "--buffer", "1MiB"]).ends_with(0).json()
    };
    let (few, much) = (own("20%"), own("80%"));
    let probability = |json: &Value| self::verdict(json)["server"]["probability"].as_f64().unwrap();
    assert!(probability(&few) < 0.05 && probability(&much) > 0.5);
}

#[test]
fn a_server_that_is_not_known_gets_sizes_and_no_verdict() {
    let capture = sample("dc-morning.pcapng");
    let words = ["simulate", text(&capture), "--replicas", "20", "--json", "-q"];
    let json = headroom(&words).ends_with(0).json();
    let verdict = verdict(&json);
    assert_eq!(verdict["server"], Value::Null);
    assert_eq!(verdict["sufficient"]["target"]["cores"], 0.25);
    let first = verdict["sentences"][0].as_str().unwrap();
    assert!(first.contains("give its cores and memory"), "{first}");
}

#[test]
fn what_was_seen_counts_and_must_not_contradict() {
    let capture = sample("dc-morning.pcapng");
    let capture = text(&capture);
    let seen = simulate(&[capture, "--observed", "27000:2:kept"]).ends_with(0).json();
    let plain = simulate(&[capture]).ends_with(0).json();
    let cost = |json: &Value| verdict(json)["calibration"]["packet_us"]["high"].as_f64().unwrap();
    assert!(cost(&seen) <= cost(&plain));
    assert_eq!(verdict(&seen)["calibration"]["observations"], 1);
    simulate(&[capture, "--observed", "90000:1:kept"])
        .ends_with(2)
        .says(&["observation 1", "the sensor fills 1 core somewhere between"]);
    simulate(&[capture, "--observed", "27000:2"]).ends_with(2).says(&["PACKETS_PER_SECOND:CORES"]);
    simulate(&[capture, "--goal", "200%"]).ends_with(2).says(&["--goal"]);
    simulate(&[capture, "--buffer", "0"]).ends_with(2).says(&["--buffer"]);
}

#[test]
fn a_buffer_is_typed_as_every_other_size() {
    let capture = sample("dc-morning.pcapng");
    let with = |buffer| simulate(&[text(&capture), "--buffer", buffer]);
    let told = assumptions(&with("2MB").ends_with(0).json());
    assert!(told.contains("2,000,000 bytes of capture buffer"), "{told}");
    for (wrong, says) in [("2GiB", "at most 1 GiB"), ("1.5MiB", "no size"), ("8XB", "no size")] {
        with(wrong).ends_with(2).says(&[&format!("--buffer {wrong}"), says]);
    }
}

#[test]
fn standard_input_is_given_once_whatever_it_is_for() {
    let run = |words: &[&str]| headroom_reading(words, b"[forest]".to_vec()).ends_with(2);
    for (words, says) in [
        (&["size", "-", "--estate", "-"][..], "the input and --estate"),
        (&["report", "-", "--counter-names", "-", "-o", "x"], "the input and --counter-names"),
        (&["simulate", "-", "--costs", "-"], "the input and --costs"),
        (&["simulate", "x.pcap", "--costs", "-", "--estate", "-"], "--estate and --costs"),
    ] {
        run(words).says(&["standard input", says, "give - only once"]);
    }
}

#[test]
fn next_to_nothing_seen_tells_nothing_of_other_traffic() {
    let capture = sample("dc-morning.pcapng");
    let json = simulate(&[text(&capture)]).ends_with(0).json();
    let verdict = verdict(&json);
    assert_eq!(verdict["headroom"], Value::Null);
    assert_eq!(verdict["what_if"], serde_json::json!([]));
    let sentences = verdict["sentences"].to_string();
    assert!(sentences.contains("is not told, because too little was seen"), "{sentences}");
    // Nothing is explained that is not there.
    for text in ["What if", "a domain controller has failed"] {
        assert!(!verdict["assumptions"].to_string().contains(text), "{text}");
    }
}

#[test]
fn reports_need_no_knowledge_of_queues_or_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let (log, output) = (log(&folder, 2_000), folder.path().join("report"));
    let capture = sample("dc-morning.pcapng");
    let facts = ["--dc-cores", "1", "--dc-ram", "16", "--replicas", "20", "-q"];
    let words = ["report", text(&capture), &log, "-o", text(&output)];
    let screen = headroom(&[&words[..], &facts].concat()).ends_with(0).out;
    let file = |name: &str| std::fs::read_to_string(output.join(name)).unwrap();
    // The command line, with what was typed, is no text of ours.
    let typed = |text: &str| text.replace("--replicas", "");
    for (name, all) in
        [("screen", screen), ("md", file("report.md")), ("html", file("report.html"))]
    {
        let all = typed(&all).split_whitespace().collect::<Vec<_>>().join(" ");
        for jargon in [
            "Dirichlet",
            "Lindley",
            "lognormal",
            "Poisson",
            "posterior",
            "a prior",
            "MMPP",
            "replica",
            "shard",
            "quantile",
            "ns of a core",
            "own core:",
            " 1 cores",
            " 1 packets",
            "anew each time",
            "The smallest that does",
            "utilisation of an interval",
        ] {
            assert!(!all.contains(jargon), "{name} says {jargon}");
        }
        assert!(name == "screen" || all.contains("Virtual sensor"), "{name}");
    }
}

/// Everything the virtual sensor of the only domain controller rests on, in one text.
fn assumptions(json: &Value) -> String {
    let all = verdict(json)["assumptions"].as_array().unwrap();
    let words = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    all.iter().map(|one| format!("{} {}\n", words(one, "basis"), words(one, "text"))).collect()
}

#[test]
fn a_capture_through_a_pipe_is_judged_as_the_file_is() {
    let capture = sample("dc-morning.pcapng");
    let bytes = std::fs::read(&capture).unwrap();
    // What the server leaves is the same; what differs is where the packets' times come from.
    for own in ["20%", "100%"] {
        let words = ["--own-cpu", own, "--buffer", "1MiB", "--dc-ram", "16"];
        let file = headroom(&[&["simulate", text(&capture)], &words[..], &QUICK].concat());
        let pipe =
            headroom_reading(&[&["simulate", "-"], &words[..], &QUICK].concat(), bytes.clone());
        let (file, pipe) = (file.ends_with(0).json(), pipe.ends_with(0).json());
        let of = |json: &Value, key: &str| verdict(json)["server"][key].clone();
        assert_eq!((verdict(&file)["arrivals"].as_str()), Some("packets"));
        assert_eq!((verdict(&pipe)["arrivals"].as_str()), Some("samples"));
        assert_eq!(of(&file, "chance"), of(&pipe, "chance"), "{own}");
        let probability = |json| of(json, "probability").as_f64().unwrap();
        assert!((probability(&file) - probability(&pipe)).abs() <= 0.1, "{own}");
        let rests_on = assumptions(&pipe);
        assert!(rests_on.contains("measured Virtual sensor: packets have the protocols"));
        assert!(rests_on.contains("inferred Virtual sensor: between two samples"));
        for json in [&file, &pipe] {
            assert!(assumptions(json).contains("in 30 s the names of "));
        }
        assert!(!assumptions(&file).contains("between two samples"));
    }
}

#[test]
fn readings_of_the_server_are_used_at_their_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = |name: &str, busy_percent: u32| {
        let path = folder.path().join(name);
        let mut lines = r#""(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\DC01\Network Adapter(a)\Packets/sec","\\DC01\Processor(_Total)\% Processor Time","\\DC01\Memory\Available MBytes""#.to_owned();
        for sample in 0..240 {
            // A quarter of an hour of another kind of work, as much on average in both logs.
            let (minute, second) = (sample / 4, sample % 4 * 15);
            let (rate, percent) = match minute {
                20..35 => (2_100, busy_percent),
                40..55 => (2_000, 110 - busy_percent),
                _ => (2_000, 20),
            };
            lines.push_str(&format!(
                "\n\"01/12/2026 09:{minute:02}:{second:02}.000\",\"{rate}\",\"{percent}\",\"9000\""
            ));
        }
        std::fs::write(&path, lines).unwrap();
        text(&path).to_owned()
    };
    let judged = |path: &str| {
        let words = ["simulate", path, "--replicas", "20", "--json", "-q"];
        headroom(&[&words[..], &["--dc-cores", "4", "--dc-ram", "16"]].concat()).ends_with(0).json()
    };
    let (quiet, busy) = (judged(&log("quiet.csv", 20)), judged(&log("busy.csv", 90)));
    assert_eq!(verdict(&quiet)["server"]["chance"], "yes");
    assert_eq!(verdict(&busy)["server"]["chance"], "no");
    assert_eq!(verdict(&busy)["server"]["limit"], "quota");
    let own = verdict(&busy)["own_load"].as_str().unwrap();
    assert!(
        own.contains("at each time as its counters say") && own.contains("7.2 of its 16 GB"),
        "{own}"
    );
    let rests_on = assumptions(&busy);
    assert!(rests_on.contains("for each 1,000 packets per second"), "{rests_on}");
    assert!(rests_on.contains("to ask for the names of addresses is left out"), "{rests_on}");
    assert!(rests_on.contains("assumed Virtual sensor: between two samples"), "{rests_on}");
}

#[test]
fn progress_is_shown_to_no_pipe() {
    let capture = sample("dc-morning.pcapng");
    let done = headroom(&["simulate", text(&capture), "--replicas", "20"]).ends_with(0);
    assert!(!done.err.contains("simulating"), "{done:#?}");
}
/// What `headroom measure` writes of a capture, with these nanoseconds for packets of DNS and of
/// Kerberos, as if a quiet machine with an optimised build had found them.
fn measured(folder: &tempfile::TempDir, measurement: &Value, dns: f64, kerberos: f64) -> String {
    let mut json = measurement.clone();
    json["is_optimised_build"] = true.into();
    for row in json["cost"]["protocols"].as_array_mut().unwrap() {
        row["is_inconclusive"] = false.into();
        for (name, ns) in [("DNS", dns), ("Kerberos", kerberos)] {
            if row["protocol"] == name {
                row["ns_per_packet"] =
                    serde_json::json!({ "low": 0.99 * ns, "estimate": ns, "high": 1.01 * ns });
            }
        }
    }
    let path = folder.path().join(format!("{dns}-{kerberos}.json"));
    std::fs::write(&path, json.to_string()).unwrap();
    text(&path).to_owned()
}

#[test]
fn costs_that_were_measured_elsewhere_change_the_figures() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("dc-morning.pcapng");
    let capture = text(&capture);
    let measurement = headroom(&["measure", capture, "--mode", "virtual", "--json", "-q"]);
    // Whether others disturbed it says nothing here.
    assert!([0, 6].contains(&measurement.code), "{measurement:?}");
    let measurement = measurement.json();
    let with = |dns, kerberos| {
        let file = measured(&folder, &measurement, dns, kerberos);
        simulate(&[capture, "--costs", &file]).ends_with(0).json()
    };
    let (cheap, dear) = (with(100.0, 5_000.0), with(5_000.0, 100.0));
    let used = |json: &Value| verdict(json)["course"]["peak_utilisation"].as_f64().unwrap();
    let likely = |json: &Value| verdict(json)["server"]["peak_utilisation_p95"].clone();
    assert_ne!(used(&cheap), used(&dear));
    assert_ne!(likely(&cheap), likely(&dear));
    let said = |json: &Value, words: &str| {
        let sentences = verdict(json)["sentences"].as_array().unwrap().clone();
        assert!(
            sentences.iter().any(|text| text.as_str().unwrap().contains(words)),
            "{sentences:?}"
        );
    };
    said(&cheap, "Headroom itself to read: Kerberos");
    said(&dear, "Headroom itself to read: DNS");
    let assumptions = verdict(&dear)["assumptions"].to_string();
    assert!(assumptions.contains("--costs: what `headroom measure` found"), "{assumptions}");
    assert!(assumptions.contains("50.0 times as much"), "{assumptions}");
}

#[test]
fn costs_that_cannot_be_used_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let capture = sample("dc-morning.pcapng");
    let refuses = |text: &str, says: &str| {
        let path = folder.path().join("costs.json");
        std::fs::write(&path, text).unwrap();
        let run = simulate(&[self::text(&capture), "--costs", self::text(&path)]);
        run.ends_with(2).says(&["--costs", "costs.json", says]);
    };
    refuses("", "headroom measure INPUT --json");
    refuses("[1, 2", "headroom measure INPUT --json");
    refuses(r#"{"schema_version": 1, "domain_controllers": []}"#, "missing field");
    refuses(r#"{"schema_version": 999}"#, "schema_version 999");
    let nowhere = simulate(&[self::text(&capture), "--costs", "nowhere.json"]);
    nowhere.ends_with(2).says(&["--costs", "nowhere.json"]);
    // The tests' own build is no measure, and says so.
    if cfg!(debug_assertions) {
        let capture = sample("dc-ntp-dhcp.pcap");
        let measured =
            headroom(&["measure", self::text(&capture), "--mode", "virtual", "--json", "-q"]);
        refuses(&measured.out, "release build");
    }
}

#[test]
fn what_cannot_be_judged_keeps_what_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.csv");
    let mut lines = r#""(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\DC01\Network Adapter(a)\Packets/sec","\\DC02\Network Adapter(a)\Packets/sec""#.to_owned();
    for sample in 0..40 {
        let (minute, second) = (sample / 4, sample % 4 * 15);
        lines.push_str(&format!(
            "\n\"01/12/2026 09:{minute:02}:{second:02}.000\",\"1000\",\"99999999\""
        ));
    }
    std::fs::write(&path, lines).unwrap();
    let json = simulate(&[text(&path)]).ends_with(0).json();
    let all = json["domain_controllers"].as_array().unwrap();
    assert_eq!(all[0]["virtual_sensor"]["server"]["chance"], "yes");
    assert_eq!(all[1]["virtual_sensor"], Value::Null);
    let caveats = |of: &Value| of["verdict"]["caveats"].to_string();
    assert!(caveats(&all[1]).contains("No model verdict for DC02, because"), "{}", all[1]);
    assert!(!caveats(&all[0]).contains("No model verdict"));
    // Why is told once, and no other reason beside it.
    assert!(!json["warnings"].to_string().contains("no model verdict"), "{}", json["warnings"]);
    // A table that the tight reading does not fit, in the report, too.
    let (log, output) = (log(&folder, 1_000), folder.path().join("report"));
    let words = ["report", &log, "--table", "azure-atp-2018", "-o", text(&output)];
    let report = headroom(&words).ends_with(0);
    let said = report.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("No model verdict for DC01, because the model could not"), "{said}");
    assert!(said.contains("--table-semantics upper"), "{said}");
    let page = std::fs::read_to_string(output.join("report.html")).unwrap();
    assert!(page.contains("--table-semantics upper") && page.contains("No model verdict for DC01"));
}

#[test]
fn examples_of_the_help_run() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 400);
    let help = headroom(&["simulate", "--help"]).ends_with(0).out;
    let examples = help.lines().filter_map(|line| line.trim().strip_prefix("headroom simulate "));
    let of_logs = examples.filter(|line| line.starts_with("perfmon.csv"));
    let mut count = 0;
    for example in of_logs {
        let words: Vec<&str> = example.split_whitespace().skip(1).collect();
        headroom(&[&["simulate", &log, "--replicas", "20", "-q"][..], &words].concat())
            .ends_with(0);
        count += 1;
    }
    assert_eq!(count, 2, "{help}");
}

/// All sentences of the only domain controller, in one text.
fn sentences(json: &Value) -> String {
    let all = verdict(json)["sentences"].as_array().unwrap();
    all.iter().map(|text| text.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_buffer_that_each_run_draws_is_not_told_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 1_000);
    let buffers = |json: &Value| {
        let verdict = verdict(json);
        let sizes = verdict["sizes"].as_array().unwrap().iter();
        let sufficient = ["lower", "target", "upper"].map(|name| &verdict["sufficient"][name]);
        let sizes = sizes.map(|found| &found["size"]).chain(sufficient);
        let own = [&verdict["server"]["size"], &verdict["headroom"]["size"]];
        let all: Vec<Value> = sizes
            .chain(own)
            .filter(|size| !size.is_null())
            .map(|size| size["buffer_bytes_per_shard"].clone())
            .collect();
        assert!(all.len() >= 10, "{verdict:#}");
        (all, verdict["course"]["size"]["buffer_bytes_per_shard"].clone())
    };
    let (drawn, course) = buffers(&simulate(&[&log]).ends_with(0).json());
    assert!(drawn.iter().all(Value::is_null), "{drawn:?}");
    // The one run over the whole input has one.
    assert_eq!(course, 8 << 20);
    let (given, course) = buffers(&simulate(&[&log, "--buffer", "2MiB"]).ends_with(0).json());
    assert!(given.iter().all(|bytes| *bytes == 2 << 20), "{given:?}");
    assert_eq!(course, 2 << 20);
}

#[test]
fn a_small_goal_has_its_digits_and_one_of_everything_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 1_000);
    let json = simulate(&[&log, "--goal", "1e-9"]).ends_with(0).json();
    let told = sentences(&json);
    assert!(told.contains("more than 0.0000001 % of"), "{told}");
    let json = simulate(&[&log, "--goal", "0.25%"]).ends_with(0).json();
    assert!(sentences(&json).contains("more than 0.25 % of"));
    simulate(&[&log, "--goal", "100%"]).ends_with(2).says(&["--goal", "below 100 %"]);
}

#[test]
fn a_yes_of_few_runs_says_how_far_they_tell() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 1_000);
    let json = simulate(&[&log]).ends_with(0).json();
    assert_eq!(verdict(&json)["server"]["chance"], "yes");
    let hint = "as far as 20 runs tell; at least 73 are needed to be sure of less than 5 %";
    assert!(sentences(&json).contains(hint), "{}", sentences(&json));
    let words = ["simulate", &log, "--cores", "4", "--ram", "16", "-q", "--replicas"];
    let told = |replicas| {
        let run = headroom(&[&words[..], &[replicas]].concat()).ends_with(0);
        let heading = run.out.lines().position(|line| line.contains("Our model:")).unwrap();
        let end = run.out.lines().position(|line| line.contains("A model by Headroom")).unwrap();
        run.out.lines().take(end).skip(heading).collect::<Vec<_>>().join(" ")
    };
    assert!(told("20").contains(hint), "{}", told("20"));
    assert!(!told("80").contains("runs tell"), "{}", told("80"));
}

#[test]
fn traffic_that_shrinks_is_refused_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 1_000);
    let shrinks = simulate(&[&log, "--growth", "-10%"]).ends_with(2);
    assert!(shrinks.err.contains("--growth: -10% is no growth"), "{}", shrinks.err);
    assert!(!shrinks.err.contains("unexpected argument"), "{}", shrinks.err);
    simulate(&[&log, "--goal", "-1%"]).ends_with(2).says(&["--goal: -1% is not"]);
    simulate(&[&log, "--own-cpu", "-1%"]).ends_with(2).says(&["--own-cpu: -1% is not"]);
}

#[test]
fn a_log_of_zeros_is_no_traffic_and_no_yes() {
    let folder = tempfile::tempdir().unwrap();
    let run = simulate(&[&log(&folder, 0), "--fail-if", "verdict!=yes"]);
    let json = run.json();
    let dc = &json["domain_controllers"][0];
    assert_eq!(dc["verdict"]["words"], "Missing Traffic Data");
    assert_eq!(dc["virtual_sensor"], Value::Null);
    let told = dc["verdict"].to_string();
    assert!(told.contains("not one packet"), "{told}");
}

#[test]
fn an_unknown_server_says_why_nothing_else_was_tried() {
    let words = ["simulate", "captures/counters/plain.csv", "--replicas", "20", "--json", "-q"];
    let json = headroom(&words).ends_with(0).json();
    assert_eq!(json["domain_controllers"][0]["virtual_sensor"]["what_if"], serde_json::json!([]));
    for dc in json["domain_controllers"].as_array().unwrap() {
        let told = dc["virtual_sensor"]["sentences"].to_string();
        assert!(told.contains("is not told, because its cores or memory are not known"), "{told}");
    }
}

#[test]
fn figures_that_rest_on_an_assumed_own_load_carry_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder, 1_000);
    let flag = "rests on an assumed own load of 40 %";
    let report = |own: &[&str]| {
        let out = folder.path().join(format!("report{}", own.len()));
        let words = ["report", &log, "--cores", "4", "--ram", "16", "-q", "--replicas", "80", "-o"];
        headroom(&[&words[..], &[text(&out)], own].concat()).ends_with(0);
        let read = |name| std::fs::read_to_string(out.join(name)).unwrap();
        [read("report.html"), read("report.csv")].map(|text| text.matches(flag).count())
    };
    // At the room and at the time until it is used up.
    let [html, csv] = report(&[]);
    assert!(html >= 2 && csv >= 1, "{html} {csv}");
    assert_eq!(report(&["--own-cpu", "40%"]), [0, 0]);
}
