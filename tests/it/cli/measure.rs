//! `headroom measure`. What a machine is fast at decides nothing here: only what must hold on
//! every machine. A busy machine may make a result inconclusive.

use headroom::record::Measurement;
use serde_json::Value;

use super::{Run, headroom, headroom_reading, run, sample, text};

/// Done, or inconclusive.
fn ends_well(run: Run) -> Run {
    assert!([0, 6].contains(&run.code), "{run:#?}");
    run
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

#[test]
fn a_capture_is_measured_in_virtual_time_and_every_figure_fits_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let morning = sample("dc-morning.pcapng");
    let arguments =
        ["measure", text(&morning), "--mode", "virtual", "--load", "x2", "--load", "2e7", "--json"];
    let run = headroom(&[&arguments[..], &["-q", "-o", text(folder.path())]].concat());
    let record = ends_well(run).json();
    assert_eq!(record["replay"]["frames"], 1_228);
    let read: Measurement = serde_json::from_value(record.clone()).unwrap();
    assert_eq!(read.cost.batches.len(), record["cost"]["batches"].as_array().unwrap().len());
    assert_eq!(record["digest"]["differing"], 0);
    assert!(record["digest"]["compared"].as_u64().unwrap() >= 4);
    goals_fit(&record);
    for trial in list(&record["trials"]) {
        let intended = number(&trial["intended"]);
        let lost = number(&trial["lost_buffer_full"]) + number(&trial["unsent"]);
        assert!((lost / intended - number(&trial["loss_ratio"])).abs() < 1e-12, "{trial}");
        assert_eq!(intended % 1_228.0, 0.0, "whole repetitions");
    }
    let [slow, flood] = &list(&record["loads"])[..] else { panic!("{}", record["loads"]) };
    let pace = number(&record["replay"]["recorded_pps"]);
    assert!((number(&slow["load_pps"]) / pace - 2.0).abs() < 1e-9);
    assert_eq!(number(&slow["loss_ratio"]), 0.0, "twice the pace of a small office");
    assert!(number(&flood["loss_ratio"]) > 0.5, "twenty million a second");
    costs_fit(&record["cost"]);
    together_fits(&record);
    delays_fit(&record);
    files_fit(folder.path(), &record);
}

fn goals_fit(record: &Value) {
    let goals = list(&record["goals"]);
    let names: Vec<&str> = goals.iter().map(|goal| goal["goal"].as_str().unwrap()).collect();
    assert_eq!(names, ["NDR", "PDR"]);
    for goal in goals {
        let (lower, upper) = (number(&goal["lower_pps"]), number(&goal["upper_pps"]));
        assert!(lower < upper && upper - lower <= upper * 0.005, "{goal}");
        let through = number(&goal["conditional_throughput_pps"]);
        assert!(through <= lower && through >= lower * (1.0 - number(&goal["loss_ratio"])));
        let of = |load: f64| {
            let mut trials = list(&record["trials"]).iter();
            trials.rfind(|trial| number(&trial["load_pps"]) == load).unwrap()
        };
        let most = number(&goal["loss_ratio"]);
        assert!(number(&of(lower)["loss_ratio"]) <= most);
        assert!(number(&of(upper)["loss_ratio"]) > most);
    }
    assert!(number(&goals[0]["lower_pps"]) <= number(&goals[1]["lower_pps"]));
}

fn costs_fit(cost: &Value) {
    let sizes: Vec<u64> =
        list(&cost["batches"]).iter().map(|b| b["packets"].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 8, 32, 256]);
    let intervals = list(&cost["batches"]).iter().map(|batch| &batch["ns_per_packet"]);
    let known = list(&cost["protocols"]).iter().map(|protocol| &protocol["ns_per_packet"]);
    for interval in intervals.chain(known.filter(|interval| !interval.is_null())) {
        let [low, estimate, high] = ["low", "estimate", "high"].map(|end| number(&interval[end]));
        assert!(0.0 < low && low <= estimate && estimate <= high, "{interval}");
    }
    let shares: f64 = list(&cost["stages"]).iter().map(|stage| number(&stage["share"])).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    let of = |name: &str| {
        list(&cost["protocols"]).iter().find(|p| p["protocol"] == name).expect(name).clone()
    };
    assert!(of("DNS")["ns_per_packet"].is_object());
    assert!(of("RADIUS")["ns_per_packet"].is_null(), "four frames tell nothing");
    let frames: u64 =
        list(&cost["protocols"]).iter().map(|protocol| protocol["frames"].as_u64().unwrap()).sum();
    assert_eq!(frames, 1_228);
}

/// What two workers do to each other was measured at every size, or is said to be left out.
fn together_fits(record: &Value) {
    let batches = list(&record["cost"]["batches"]).iter();
    let together: Vec<&Value> = batches.map(|batch| &batch["together_ns_per_packet"]).collect();
    let mut warnings = list(&record["warnings"]).iter();
    let is_left_out = warnings.any(|told| told.as_str().unwrap().contains("those of one worker"));
    assert!(together.iter().all(|interval| interval.is_null() == is_left_out), "{together:?}");
    for interval in together.iter().filter(|interval| !interval.is_null()) {
        let [low, estimate, high] = ["low", "estimate", "high"].map(|end| number(&interval[end]));
        assert!(0.0 < low && low <= estimate && estimate <= high, "{interval}");
    }
}

fn delays_fit(record: &Value) {
    let delays = list(&record["latency"]);
    let shares: Vec<f64> = delays.iter().map(|delay| number(&delay["share"])).collect();
    assert_eq!(shares, [0.1, 0.5, 0.9]);
    for delay in delays {
        let worked =
            number(&delay["trial"]["offered"]) - number(&delay["trial"]["lost_buffer_full"]);
        assert_eq!(number(&delay["sojourn_ns"]["count"]), worked);
        let sojourn = ["p50", "p90", "p99", "p999", "max"].map(|q| number(&delay["sojourn_ns"][q]));
        assert!(sojourn.is_sorted(), "{sojourn:?}");
        assert!(number(&delay["sojourn_ns"]["p50"]) >= number(&delay["service_ns"]["p50"]));
        assert!(sojourn[0] > 20.0, "no core takes a packet in {} ns", sojourn[0]);
    }
}

fn files_fit(folder: &std::path::Path, record: &Value) {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    let kept: Value = serde_json::from_str(&read("measurement.json")).unwrap();
    assert_eq!(&kept, record);
    let csv = read("latency.csv");
    assert!(csv.starts_with("load_pps,quantile,sojourn_ns,service_ns,queue_packets\n"));
    assert_eq!(csv.lines().count(), 1 + 3 * 25);
    assert!(read("latency.svg").starts_with("<svg xmlns"));
    for part in ["sojourn-ns", "service-ns", "queue-packets"] {
        for share in [10, 50, 90] {
            let log = read(&format!("{part}-{share}.hlog"));
            assert!(log.starts_with("#[Headroom: ") && log.contains("HIST"), "{log}");
        }
    }
}

#[test]
fn standard_input_is_measured_for_people_within_a_window() {
    let bytes = std::fs::read(sample("dc-kerberos.pcap")).unwrap();
    let arguments = [
        "measure",
        "-",
        "--mode",
        "virtual",
        "--goal",
        "1%",
        "--cores",
        "1",
        "--window",
        "32KiB",
        "--arrivals",
        "mmpp:5,5,20",
        "--memory",
        "80MB",
        "--max-flows",
        "1000",
    ];
    let run = ends_well(headroom_reading(&arguments, bytes));
    let run = run.shows("loss goal virtual").shows("MMPP").shows("--window sets it");
    let run = run.shows("is the range by the costs alone");
    run.shows("It says nothing of how fast the vendor's sensor is");
}

#[test]
fn flags_that_are_wrong_are_named() {
    let morning = "captures/dc-morning.pcapng";
    for (flags, said) in [
        ("--goal much", "--goal much: give ndr, pdr, or a share like 0.1%"),
        ("--goal pdr --goal ndr", "--goal: name each once, the one with the least loss first"),
        ("--arrivals often", "--arrivals often: give recorded, fixed"),
        ("--load fast", "--load fast: give packets per second, or xN"),
        ("--memory lots", "--memory lots: no size"),
        ("--memory 1MB", "give more with --memory"),
        ("--memory 20MB --max-flows 1000", "give more with --memory"),
        ("--memory 60MB --max-flows 1000", "this needs at least 65"),
        ("--memory 1MB --max-flows 1000", "give more with --memory"),
        ("--memory 100MB --max-flows 1000 --buffer 2GB", "less with --max-flows"),
        ("--load x1e9", "give another xN to --load"),
        ("--soak 30m", "--soak: in virtual time, recorded packets"),
        ("--window 10B", "no frame was read"),
        ("--soak long", "--soak"),
        ("--quota 1", "--cgroup"),
        ("--rfc2544 --goal ndr", "--rfc2544"),
        ("--trial-sum 0", "--trial-sum 0: give seconds"),
    ] {
        let run = run(&format!("measure {morning} -q --mode virtual {flags}")).ends_with(2);
        assert!(run.says(&[said]).out.is_empty());
    }
    // Measured: 293 MB, when the table of a million flows is full.
    run("measure captures/dc-morning.pcapng -q --mode realtime --memory 250MB")
        .ends_with(2)
        .says(&["this needs at least", "give more with --memory"]);
    run("measure captures/counters").ends_with(2).says(&["measure captures: there is none"]);
}
