//! Verdicts on made-up domain controllers.

use super::*;
use crate::base::{Random, Timestamp};
use crate::model::calibration::{Class, Measured};
use crate::model::fixture::{capture, counters, fact, reported};
use crate::model::{Rules, size};
use crate::record::{Basis, Chance, Limit, NameLookups, Peak};

const START: i64 = 1_768_204_800;

pub fn question() -> Question {
    Question {
        goal_loss_ratio: 0.005,
        reading: TableReading::Tight,
        observations: Vec::new(),
        replicas: 20,
        seed: 1,
        growth_per_year: 0.1,
        own_cpu_percent: Some(20.0),
        buffer_bytes: None,
        load_if_one_fails: Some(2.0),
        costs: ClassCosts::equal(1),
    }
}

/// Class 0 costs a tenth of class 1; half of the packets of the vendor's mix are of either.
fn costs() -> ClassCosts {
    let class = |mean_ns: f64| Class {
        name: format!("{mean_ns} ns"),
        cost: Measured { mean_ns, error_ns: 0.1 * mean_ns },
        share: 1.0,
    };
    ClassCosts::new(vec![class(100.0), class(1_000.0)], Some(20.0), Vec::new()).unwrap()
}

/// A log of ten minutes in samples of 5 s, and its server.
pub fn sized(rates: &[f64], cores: u32, memory_gb: f64) -> Sized {
    let rates = rates.iter().map(|rate| Some(*rate)).collect();
    let mut dc = counters("DC", Timestamp::from_parts(START, 0), 5_000, rates);
    dc.host.physical_cores = fact(cores);
    dc.host.installed_memory_gb = fact(memory_gb);
    size(dc, &Rules::default())
}

fn judged(sized: &Sized, question: &Question) -> VirtualVerdict {
    let rules = Rules::default();
    let case = Case::new(sized, rules.table(), question).unwrap().unwrap();
    case.judge_samples().unwrap().unwrap()
}

#[test]
fn a_span_is_the_densest_part_that_is_bearable() {
    let mut rates = vec![1_000.0; 240];
    rates[100..112].fill(9_000.0);
    let sized = sized(&rates, 4, 16.0);
    let all = Span::busiest(&sized, 1e9).unwrap();
    assert_eq!(all.seconds(), 900.0);
    let dense = Span::busiest(&sized, 1.0).unwrap();
    assert_eq!(dense.seconds(), 30.0);
    assert_eq!(dense.start_ns, (START + 500) * 1_000_000_000);
    assert_eq!(Span::whole(&sized, 1e9).unwrap().seconds(), 1_200.0);
    assert!(Span::whole(&sized, 100_000.0).unwrap().seconds() < 100.0);
}

#[test]
fn a_course_has_minutes_for_a_day_and_no_more_rows_for_a_month() {
    let (sized, question, rules) = (sized(&[500.0; 120], 4, 16.0), question(), Rules::default());
    let case = Case::new(&sized, rules.table(), &question).unwrap().unwrap();
    let interval = |seconds: f64| case.settings_of_course(seconds).interval_seconds;
    assert_eq!([0.0, 600.0, 86_400.0].map(interval), [60; 3]);
    assert_eq!([86_401.0, 7.0 * 86_400.0, 31.0 * 86_400.0].map(interval), [120, 420, 1_860]);
    // What is judged keeps its minutes.
    assert_eq!(case.settings.interval_seconds, 60);
}

#[test]
fn little_is_a_yes_and_much_a_no_for_a_reason() {
    let question = question();
    let little = judged(&sized(&[500.0; 120], 4, 16.0), &question);
    let server = little.server.as_ref().unwrap();
    assert_eq!((server.chance, server.limit), (Chance::Yes, None));
    assert!(little.headroom.as_ref().unwrap().load_yes.unwrap() > 2.0);
    assert!(little.sentences[0].starts_with("Yes"), "{:?}", little.sentences);
    let offered = little.course.offered_packets as f64;
    assert!((offered / 300_000.0 - 1.0).abs() < 0.02, "{offered}");
    // With one of two domain controllers gone, the other has twice the traffic.
    let cell = |failed, load| {
        let cells = little.what_if.iter();
        cells.filter(|cell| (cell.failed, cell.load) == (failed, load)).count()
    };
    assert_eq!((cell(0, 2.0), cell(1, 1.0)), (4, 4));
    let much = judged(&sized(&[18_000.0; 120], 1, 16.0), &question);
    let server = much.server.unwrap();
    assert_eq!((server.chance, server.limit), (Chance::No, Some(Limit::Quota)));
    assert!(much.sentences[0].starts_with("No"));
    // Memory that is not there stops it, however many cores there are.
    let tight = judged(&sized(&[3_000.0; 120], 16, 6.0), &question);
    let server = tight.server.unwrap();
    assert_eq!((server.chance, server.limit), (Chance::No, Some(Limit::Memory)));
}

#[test]
fn more_work_of_its_own_never_makes_it_more_probable_to_keep_up() {
    let sized = sized(&[2_500.0; 120], 1, 32.0);
    let mut before = 0.0;
    for percent in [10.0, 60.0, 80.0] {
        let question = Question { own_cpu_percent: Some(percent), ..question() };
        let probability = judged(&sized, &question).server.unwrap().probability;
        assert!(probability >= before, "{percent}: {probability} < {before}");
        before = probability;
    }
    assert!(before > 0.5);
}

#[test]
fn packets_are_judged_by_their_own_times() {
    let start = Timestamp::from_parts(START, 0);
    // The same number of packets, evenly or all at once in every fifth second.
    let verdict = |is_even: bool| {
        let mut dc = capture(start, 300_000, &[5_000; 60]);
        dc.host.physical_cores = fact(2);
        dc.host.installed_memory_gb = fact(16.0);
        let sized = size(dc, &Rules::default());
        let question = Question { buffer_bytes: Some(1 << 18), ..question() };
        let rules = Rules::default();
        let case = Case::new(&sized, rules.table(), &question).unwrap().unwrap();
        let mut watch = case.watch();
        let mut random = Random::new(3);
        let mut arrivals = Arrivals::default();
        for packet in 0..300_000_i64 {
            let second = packet / 5_000 * 5;
            let within = packet % 5_000 * if is_even { 1_000_000 } else { 10_000 };
            let flow = (random.next_u64() >> 32) as u32;
            arrivals.push((START + second) * 1_000_000_000 + within, 500, 0, flow);
        }
        watch.offer(&arrivals);
        case.judge_packets(watch).unwrap().unwrap()
    };
    let (even, bursty) = (verdict(true), verdict(false));
    assert_eq!(even.packets_per_second, bursty.packets_per_second);
    assert_eq!(even.server.unwrap().chance, Chance::Yes);
    let bursty = bursty.server.unwrap();
    assert_eq!((bursty.chance, bursty.limit), (Chance::No, Some(Limit::Bursts)));
}

#[test]
fn packets_of_another_time_are_left_out_and_counted() {
    let mut dc = capture(Timestamp::from_parts(START, 0), 60_000, &[500; 12]);
    dc.host.physical_cores = fact(2);
    dc.host.installed_memory_gb = fact(16.0);
    let (sized, question, rules) = (size(dc, &Rules::default()), question(), Rules::default());
    let case = Case::new(&sized, rules.table(), &question).unwrap().unwrap();
    let verdict = |times: &[i64]| {
        let mut watch = case.watch();
        for time in times {
            let mut arrivals = Arrivals::default();
            arrivals.push(*time, 500, 0, 1);
            watch.offer(&arrivals);
        }
        case.judge_packets(watch).unwrap().unwrap()
    };
    let good: Vec<i64> = (0..6_000).map(|at| START * 1_000_000_000 + at * 10_000_000).collect();
    let plain = verdict(&good);
    // In 1970, and 40 days later.
    let wild = [&[5], &good[..9], &[(START + 40 * 86_400) * 1_000_000_000], &good[9..]].concat();
    let mut wild = verdict(&wild);
    let says = wild.assumptions.pop().unwrap();
    assert!(says.text.contains("are left out: 2 of them"), "{says:?}");
    assert_eq!(wild, plain);
}

#[test]
fn a_table_that_the_tight_reading_does_not_fit_is_no_wrong_use() {
    let rules = Rules::default().with_table("azure-atp-2018").unwrap();
    let (sized, question) = (sized(&[500.0; 120], 4, 16.0), question());
    let error = Case::new(&sized, rules.table(), &question).err().unwrap();
    assert!(!error.is_wrong_use() && error.to_string().contains("--table-semantics upper"));
    let seen = FieldObservation { packets_per_second: 9e4, cores: 1.0, dropped: false };
    let question = Question { observations: vec![seen], ..question };
    let rules = Rules::default();
    assert!(Case::new(&sized, rules.table(), &question).err().unwrap().is_wrong_use());
}

#[test]
fn packets_that_cost_more_make_it_more_probable_to_fall_behind() {
    let start = Timestamp::from_parts(START, 0);
    // 8,000 packets a second for half a minute, all of one class.
    let verdict = |class: u8| {
        let mut dc = capture(start, 240_000, &[40_000; 6]);
        dc.host.physical_cores = fact(1);
        dc.host.installed_memory_gb = fact(16.0);
        let sized = size(dc, &Rules::default());
        let (own_cpu_percent, buffer_bytes) = (Some(0.0), Some(1 << 20));
        let question = Question { costs: costs(), own_cpu_percent, buffer_bytes, ..question() };
        let rules = Rules::default();
        let case = Case::new(&sized, rules.table(), &question).unwrap().unwrap();
        let mut watch = case.watch();
        let mut random = Random::new(3);
        let mut arrivals = Arrivals::default();
        for packet in 0..240_000_i64 {
            let flow = (random.next_u64() >> 32) as u32;
            arrivals.push(START * 1_000_000_000 + packet * 125_000, 200, class, flow);
        }
        watch.offer(&arrivals);
        case.judge_packets(watch).unwrap().unwrap()
    };
    let (cheap, dear) = (verdict(0), verdict(1));
    let probability = |verdict: &VirtualVerdict| verdict.server.as_ref().unwrap().probability;
    assert!(probability(&cheap) < 0.05, "{:?}", cheap.server);
    assert!(probability(&dear) > 0.8, "{:?}", dear.server);
    assert!(
        dear.sentences.iter().any(|text| text.ends_with("Headroom itself to read: 1000 ns 100 %."))
    );
}

#[test]
fn a_log_has_packets_of_the_mix_that_the_table_holds_for() {
    let sized = sized(&[3_000.0; 12], 1, 16.0);
    let used = |question: &Question| {
        let rules = Rules::default();
        let case = Case::new(&sized, rules.table(), question).unwrap().unwrap();
        case.judge_samples().unwrap().unwrap().course.peak_utilisation
    };
    let mixed = used(&Question { costs: costs(), ..question() });
    let equal = used(&question());
    assert!((mixed / equal - 1.0).abs() < 0.02, "{mixed} {equal}");
    let mix = assumed_mix(&costs()).unwrap();
    assert!((mix.mean_bytes() - 486.0).abs() < 1.0, "{}", mix.mean_bytes());
}

#[test]
fn memory_that_is_short_shows_how_much_more_would_do() {
    let mut sized = sized(&[300.0; 24], 2, 8.0);
    sized.dc.host.min_available_mb =
        Some(crate::record::Fact { value: 1_024.0, source: "--min-available-mb".to_owned() });
    sized.dc.timeline.as_mut().unwrap().packets_per_second[3] = None;
    let verdict = judged(&sized, &Question { replicas: 2, ..question() });
    let server = verdict.server.as_ref().unwrap();
    assert_eq!((server.chance, server.limit), (Chance::No, Some(Limit::Memory)));
    let memory = |gb: f64| {
        let mut cells = verdict.what_if.iter().filter(|cell| cell.server_memory_gb == gb);
        let cell = *cells.next().unwrap();
        assert!(cells.next().is_none());
        ((cell.load, cell.bursts, cell.failed, cell.server_cores), cell.chance)
    };
    // 7 GB in use: of 12 GB 3.2 are left, of 16 GB 6.6, less than a sensor takes and more.
    assert_eq!(memory(12.0).0, (1.0, 1.0, 0, 2.0));
    assert_eq!(memory(16.0), ((1.0, 1.0, 0, 2.0), Chance::Yes));
    let says = |part: &str| verdict.assumptions.iter().any(|one| one.text.contains(part));
    assert!(says("memory in use is what is installed less what was available"));
    assert!(says("in 1 of 24 samples (4.17 % of the time) there is no reading"), "{verdict:#?}");
    assert!(says("it is the busiest of the others"));
    let offered = verdict.course.offered_packets as f64;
    assert!((offered / (23.0 * 5.0 * 300.0) - 1.0).abs() < 0.05, "{offered}");
}

#[test]
fn results_without_a_timeline_have_no_verdict() {
    let question = question();
    let rules = Rules::default();
    let sized = size(reported("DC", 5_000.0, Some(900.0)), &rules);
    assert!(Case::new(&sized, rules.table(), &question).unwrap().is_none());
}

#[test]
fn progress_comes_to_its_end_and_changes_nothing() {
    let sized = sized(&[300.0; 24], 2, 16.0);
    let rules = Rules::default();
    let question = question();
    let last = std::sync::Mutex::new((0, 0));
    let tell = |done: u64, whole: u64| {
        let mut last = last.lock().unwrap();
        assert!(last.1 == 0 || last.1 == whole);
        *last = (last.0.max(done), whole);
    };
    let case = Case::new(&sized, rules.table(), &question).unwrap().unwrap();
    let told = case.with_progress(&tell).judge_samples().unwrap().unwrap();
    let (done, whole) = *last.lock().unwrap();
    // Packets that are made come as chance will have it.
    assert!(done <= whole && done as f64 > 0.99 * whole as f64, "{done} of {whole}");
    assert_eq!(told, judged(&sized, &question));
}

#[test]
fn names_are_asked_for_where_traffic_tells_of_them() {
    let plain = sized(&[300.0; 24], 2, 16.0);
    let question = Question { replicas: 2, ..question() };
    let mut lookups = plain.clone();
    let per_second = 20.0;
    lookups.dc.name_lookups =
        Some(NameLookups { per_second, per_second_if_unanswered: 100.0 * per_second });
    let (with, without) = (judged(&lookups, &question), judged(&plain, &question));
    let cost_us = with.calibration.packet_us.mean.unwrap();
    let used = |verdict: &VirtualVerdict| {
        let row = &verdict.course.intervals[0];
        row.utilisation * row.allowed_cores
    };
    // Three probes each, and two packets a probe.
    let expected = per_second * 3.0 * 2.0 * cost_us / 1e6;
    assert!((used(&with) - used(&without) - expected).abs() < 0.05 * expected);
    let says = |verdict: &VirtualVerdict, part: &str| {
        verdict.assumptions.iter().any(|assumption| assumption.text.contains(part))
    };
    assert!(says(&with, "the names of 600 addresses") && says(&with, "60,000 questions"));
    assert!(says(&without, "to ask for the names of addresses is left out"));
    // Whether they would be answered nobody knows.
    assert!(with.course.health.iter().all(|span| !span.title.contains("name resolution")));
}

#[test]
fn larger_bursts_are_larger_than_the_capture_has() {
    let mut smooth = sized(&[3_000.0; 24], 1, 32.0);
    let question = Question { replicas: 2, ..question() };
    let bursts = |sized: &Sized| {
        let made = judged(sized, &question).assumptions;
        let found = made.into_iter().find(|one| one.text.contains("between two samples"));
        found.map(|one| (one.text, one.basis)).unwrap()
    };
    let (text, basis) = bursts(&smooth);
    assert!(
        text.contains("for about 5 s at a time, in two of three cases between 0.70 and 1.42 times")
            && basis == Basis::Assumed,
        "{text}"
    );
    // Peaks of traffic without bursts: none are made, whatever they are multiplied by.
    smooth.dc.sub_sample_peaks = vec![Peak {
        window_ms: 1_000,
        packets_per_second: 3_000.0,
        start_utc: Timestamp::from_parts(START, 0),
    }];
    let smooth = size(smooth.dc, &Rules::default());
    let (text, basis) = bursts(&smooth);
    assert!(text.contains("the packet rate stays as it is") && basis == Basis::Inferred, "{text}");
    let mut grid = judged(&smooth, &question).what_if;
    // More memory is only tried with bursts as they are.
    let memory_gb = grid[0].server_memory_gb;
    grid.retain(|cell| cell.server_memory_gb == memory_gb);
    let (once, twice): (Vec<&WhatIf>, _) = grid.iter().partition(|cell| cell.bursts == 1.0);
    assert_eq!(once.len(), twice.len());
    assert!(once.iter().zip(&twice).all(|(once, twice)| once.probability == twice.probability));
}

#[test]
fn a_yes_says_what_would_run_short_first_and_that_it_is_assumed() {
    let given = Question { replicas: 3, ..question() };
    let assumed = Question { own_cpu_percent: None, ..given.clone() };
    let log = sized(&[3_000.0; 14], 2, 32.0);
    let verdict = judged(&log, &assumed);
    assert_eq!(verdict.server.as_ref().unwrap().limit, None);
    assert_eq!(verdict.limit(), Some(Limit::Quota));
    let text = verdict.sentences.join(" ");
    assert!(text.contains("With more traffic, what would run short first is processor time"));
    assert!(text.contains("is assumed: give --own-cpu"), "{text}");
    let given = judged(&log, &given).sentences.join(" ");
    assert!(!given.contains("give --own-cpu"), "{given}");
}

#[test]
fn headroom_names_the_rate_that_it_is_counted_from() {
    // Half a minute of ten thousand in an hour of a thousand: what is judged is denser than Busy.
    let mut rates = vec![2_500.0; 200];
    rates[100..106].fill(12_000.0);
    let few = Question { replicas: 3, ..question() };
    let verdict = judged(&sized(&rates, 1, 32.0), &few);
    let text = verdict.sentences.join(" ");
    assert!(!text.contains("per second less") && !text.contains("per second more"), "{text}");
    let headroom = verdict.headroom.unwrap();
    let (now, load) = (headroom.packets_per_second, headroom.load_yes.unwrap());
    let said = format!(
        "{:.2} times this traffic: {} packets per second in its busiest 1 min 10 s instead of {}",
        load,
        super::super::words::rate(load * now),
        super::super::words::rate(now)
    );
    assert!(load < 1.0 && text.contains(&said), "{said}\n{text}");
}

#[test]
fn from_next_to_nothing_nothing_is_promised() {
    let short = judged(&sized(&[500.0; 120], 4, 16.0), &question());
    let first = &short.sentences[0];
    assert!(
        first.contains("in the 9 min 55 s of traffic that were seen, which say nothing of other")
    );
    assert!(short.headroom.is_some() && short.exhaustion.is_some());
    for rates in [&[500.0; 2][..], &[1.0; 60]] {
        let verdict = judged(&sized(rates, 4, 16.0), &question());
        assert!(verdict.headroom.is_none() && verdict.exhaustion.is_none());
        assert_eq!(verdict.what_if, []);
        let text = verdict.sentences.join(" ");
        assert!(text.contains("says next to nothing of this server"), "{text}");
        assert!(!text.contains("years") && !text.contains("times the traffic"), "{text}");
    }
    let enough = judged(&sized(&[500.0; 181], 4, 16.0), &question());
    assert!(!enough.sentences[0].contains("seen"), "{:?}", enough.sentences);
}

#[test]
fn where_no_size_of_the_table_is_enough_larger_ones_are_tried() {
    let sized = sized(&[100_000.0; 12], 64, 256.0);
    let verdict = judged(&sized, &question());
    let target = verdict.sufficient.target.expect("30 cores are enough");
    assert!(target.cores > 7.5 && verdict.is_beyond_table(&target), "{target:?}");
    assert!(verdict.sizes.len() > 7);
    assert!(verdict.sentences.iter().any(|text| text.contains("of which the vendor says nothing")));
    let small = judged(&self::sized(&[5_000.0; 12], 64, 256.0), &question());
    assert_eq!(small.sizes.len(), 7);
}
