//! Records of the virtual sensor for the report's tests, built by hand.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "made-up figures, all small and above zero"
)]

use headroom::base::Timestamp;
use headroom::record::*;

use crate::report_fixtures::{assumptions, at, rounded, single, table, three};

/// [`single`] with the virtual sensor's answer.
pub fn modelled() -> SizingReport {
    let mut report = single();
    report.domain_controllers[0].virtual_sensor = Some(Box::new(virtual_verdict()));
    report
}

/// [`three`] with answers: the first and the second share a calibration, the third was not asked.
pub fn several() -> SizingReport {
    let mut report = three();
    for sized in report.domain_controllers.iter_mut().take(2) {
        sized.virtual_sensor = Some(Box::new(virtual_verdict()));
    }
    report
}

/// [`single`] with the least that an answer can hold.
pub fn bare() -> SizingReport {
    let mut report = single();
    report.domain_controllers[0].virtual_sensor = Some(Box::new(bare_verdict()));
    report
}

fn size(cores: f64, memory_gb: f64) -> SensorSize {
    SensorSize { cores, memory_gb, buffer_bytes_per_shard: None }
}

fn probability(size: SensorSize, probability: f64, low: f64, high: f64) -> SizeProbability {
    let (chance, limit) = match probability {
        p if p < 0.05 => (Chance::Yes, (p > 0.0).then_some(Limit::Bursts)),
        p if p <= 0.5 => (Chance::Maybe, Some(Limit::Quota)),
        _ => (Chance::No, Some(Limit::Cores)),
    };
    SizeProbability {
        size,
        load: 1.0,
        replicas: 200,
        probability,
        probability_low: low,
        probability_high: high,
        loss_p5: 0.0,
        loss_p50: rounded(probability * 0.004),
        loss_p95: rounded(probability * 0.04),
        peak_utilisation_p95: rounded(0.55 + probability * 0.45),
        peak_memory_gb_p95: 5.4,
        chance,
        limit,
    }
}

fn estimate(mean: f64, low: f64, high: f64) -> Estimate {
    Estimate { mean: Some(mean), median: Some(mean), low: Some(low), high: Some(high) }
}

/// Figures near those that the published table gives, read tightly.
fn calibration() -> CalibrationSummary {
    let (base, per_packet) = (0.15, 64e-6);
    let covered = [false, true, true, true, false, true, true];
    let rows = table().rows.into_iter().zip(covered).map(|(row, covered)| {
        let need = |base: f64, cost: f64| rounded(base + cost * row.to_packets_per_second);
        let mean = need(base, per_packet);
        let needed = estimate(mean, need(0.083, 57.5e-6), need(0.188, 67.9e-6));
        let part = |cores: Option<f64>| cores.map(|cores| rounded(cores / row.cores));
        CalibratedRow {
            label: row.label,
            packets_per_second: row.to_packets_per_second,
            table_cores: row.cores,
            needed_cores: needed,
            utilisation: Estimate {
                mean: part(needed.mean),
                median: part(needed.median),
                low: part(needed.low),
                high: part(needed.high),
            },
            residual_cores: Some(rounded(row.cores - mean)),
            predicted_cores: Some(estimate(
                rounded(mean * 1.04),
                rounded(mean * 0.88),
                rounded(mean * 1.21),
            )),
            probability_enough: Some(if covered { 1.0 } else { 0.52 }),
            covered,
        }
    });
    CalibrationSummary {
        table: "mdi-2.x".into(),
        reading: TableReading::Tight,
        observations: 0,
        base_cores: estimate(0.152, 0.083, 0.188),
        packet_us: estimate(64.0, 57.5, 67.9),
        two_cores_packets_per_second: estimate(29_000.0, 27_700.0, 31_600.0),
        rows: rows.collect(),
        memory_base_gb: Some(estimate(5.44, 5.21, 5.63)),
        memory_gb_per_kpps: Some(estimate(0.076, 0.069, 0.082)),
        caveats: vec!["No line fits the memory of the first row: it is left out.".into()],
    }
}

/// A day in minutes: loss in the logon storm after eight, fewer cores left by then.
fn course() -> SimulatedSize {
    let intervals = (0..1_440).map(|minute| {
        let hour = f64::from(minute) / 60.0;
        let storm = (-((hour - 8.3) / 0.35).powi(2)).exp();
        let load = 0.2 + 0.35 * (-((hour - 12.0) / 4.0).powi(2)).exp() + 0.45 * storm;
        let offered_packets = (load * 900_000.0) as u64;
        SimulatedInterval {
            busiest_shard: 0.5,
            start_utc: at(i64::from(minute) * 60),
            offered_packets,
            lost_packets: if storm > 0.8 {
                (storm * 0.02 * offered_packets as f64) as u64
            } else {
                0
            },
            utilisation: rounded(load.min(1.0)),
            allowed_cores: rounded(2.0 - 0.6 * storm),
            mean_wait_ms: rounded(0.2 + 40.0 * storm),
            queue_bytes_max: (storm * 1e6) as u64,
            queued_entries_max: rounded(5_000.0 * load),
            memory_gb: rounded(4.2 + 1.2 * load),
        }
    });
    let intervals: Vec<SimulatedInterval> = intervals.collect();
    SimulatedSize {
        size: size(2.0, 5.5),
        shards: 2,
        offered_packets: intervals.iter().map(|row| row.offered_packets).sum(),
        offered_bytes: 39_200_000_000,
        lost_packets: intervals.iter().map(|row| row.lost_packets).sum(),
        late_packets: 0,
        saturated_packets: 0,
        starved_packets: 0,
        lost_bytes: 180_000_000,
        mean_wait_ms: 1.9,
        peak_utilisation: 0.97,
        peak_memory_gb: 5.4,
        restarts: vec![],
        restart_count: 0,
        downtime_ms: 0,
        longest_loss: Some(LossStretch {
            start_utc: at(29_460),
            end_utc: at(30_300),
            lost_packets: 201_334,
        }),
        health: vec![HealthSpan {
            title: "Some network traffic could not be analyzed".into(),
            start_utc: at(29_460),
            end_utc: at(30_300),
            basis: Basis::Assumed,
        }],
        intervals,
    }
}

fn what_if() -> Vec<WhatIf> {
    let mut grid = Vec::new();
    for (load, bursts, failed) in [(1.0, 1.0, 0), (1.25, 1.0, 0), (1.0, 2.0, 0), (2.0, 1.0, 1)] {
        for server_cores in [2.0_f64, 4.0, 8.0] {
            let probability =
                rounded((load * load * bursts * 0.12 * (4.0 / server_cores).powi(3)).min(1.0));
            let chance = match probability {
                p if p < 0.05 => Chance::Yes,
                p if p <= 0.5 => Chance::Maybe,
                _ => Chance::No,
            };
            let server_memory_gb = 8.0;
            grid.push(WhatIf {
                load,
                bursts,
                failed,
                server_cores,
                server_memory_gb,
                probability,
                chance,
            });
        }
    }
    grid
}

/// The answer on the server of [`single`]: it may do.
fn virtual_verdict() -> VirtualVerdict {
    let sizes = vec![
        probability(size(0.25, 2.5), 1.0, 0.981, 1.0),
        probability(size(0.75, 6.0), 0.995, 0.972, 0.999),
        probability(size(1.0, 6.5), 0.62, 0.551, 0.684),
        probability(size(2.0, 9.0), 0.12, 0.082, 0.172),
        probability(size(3.5, 9.5), 0.03, 0.014, 0.064),
        probability(size(5.5, 11.5), 0.0, 0.0, 0.019),
    ];
    VirtualVerdict {
        arrivals: ArrivalsFrom::Packets,
        span_start_utc: at(29_100),
        span_end_utc: at(30_000),
        packets_per_second: 15_210.0,
        seen_ms: 86_399_000,
        seen_packets: 83_000_000,
        goal_loss_ratio: 0.001,
        replicas: 200,
        seed: 7,
        calibration: calibration(),
        server: Some(probability(size(2.0, 5.5), 0.12, 0.082, 0.172)),
        server_cores: Some(4.0),
        server_memory_gb: Some(8.0),
        own_load: "It follows the traffic: 30 µs of a core for each packet (our assumption).".into(),
        assumed_own_cpu_percent: Some(40.0),
        sufficient: SufficientSize {
            lower: Some(sizes[3].size),
            target: Some(sizes[4].size),
            upper: Some(sizes[5].size),
        },
        sizes,
        headroom: Some(Headroom {
            size: size(2.0, 5.5),
            packets_per_second: 15_210.0,
            load_yes: Some(0.86),
            load_maybe: Some(1.31),
            load_tried: 20.0,
            highest_loads: (0..200).map(|rank| rounded(0.81 + f64::from(rank) * 0.005)).collect(),
        }),
        headroom_limit: Some(Limit::Quota),
        exhaustion: Some(Exhaustion {
            growth_per_year: 0.2,
            years_yes: Some(0.0),
            years_maybe: Some(1.481),
        }),
        course: course(),
        what_if: what_if(),
        sentences: vec![
            "The sensor may lose packets here: in 12 of 100 trials it lost more than one packet in a thousand.".into(),
            "In the busiest quarter of an hour packets come in rushes, and while a rush lasts they arrive faster than the sensor can read them.".into(),
            "With one and a half cores more for the sensor it would keep up.".into(),
        ],
        assumptions: vec![
            Assumption {
                text: "One thread for each core; a flow stays on its thread.".into(),
                basis: Basis::Assumed,
                source: "Headroom’s own choice".into(),
            },
            assumptions().remove(0),
        ],
    }
}

/// Nothing but what must be there: the cores are not known, no size does, no traffic came.
fn bare_verdict() -> VirtualVerdict {
    let at_most = |high| Estimate { mean: None, median: None, low: None, high: Some(high) };
    let mut verdict = virtual_verdict();
    verdict.arrivals = ArrivalsFrom::Samples;
    verdict.server = None;
    verdict.server_cores = None;
    verdict.server_memory_gb = None;
    verdict.own_load = String::new();
    verdict.assumed_own_cpu_percent = None;
    verdict.sizes = vec![];
    verdict.sufficient = SufficientSize { lower: None, target: None, upper: None };
    verdict.headroom = None;
    verdict.headroom_limit = None;
    verdict.exhaustion = None;
    verdict.course.intervals = vec![];
    verdict.course.health = vec![];
    verdict.course.longest_loss = None;
    verdict.what_if = vec![];
    verdict.sentences = vec![];
    verdict.assumptions = vec![];
    let fit = &mut verdict.calibration;
    fit.reading = TableReading::Upper;
    fit.observations = 2;
    (fit.base_cores, fit.packet_us) = (at_most(0.25), at_most(70.0));
    fit.two_cores_packets_per_second = Estimate { low: Some(25_000.0), high: None, ..at_most(0.0) };
    (fit.memory_base_gb, fit.memory_gb_per_kpps) = (None, None);
    fit.caveats = vec![];
    for row in &mut fit.rows {
        (row.needed_cores, row.utilisation) = (at_most(row.table_cores), at_most(1.0));
        (row.residual_cores, row.predicted_cores, row.probability_enough) = (None, None, None);
        row.covered = false;
    }
    verdict
}

/// Figures from the edges.
pub fn hostile_figures(model: &mut VirtualVerdict) {
    model.packets_per_second = f64::INFINITY;
    model.goal_loss_ratio = f64::NAN;
    model.server_cores = Some(f64::NAN);
    model.span_end_utc = Timestamp::from_nanos(i64::MIN);
    model.sizes[0].probability = f64::NAN;
    model.sizes[1].probability_high = f64::INFINITY;
    model.sizes[2].size.cores = f64::NEG_INFINITY;
    let room = model.headroom.as_mut().unwrap();
    room.highest_loads[3] = f64::NAN;
    room.highest_loads[4] = 1e300;
    room.load_yes = Some(f64::INFINITY);
    room.packets_per_second = f64::NAN;
    model.exhaustion.as_mut().unwrap().years_maybe = Some(f64::NAN);
    model.course.intervals[5].utilisation = f64::NAN;
    model.course.intervals[6].allowed_cores = f64::MAX;
    model.course.intervals[7].lost_packets = u64::MAX;
    model.course.peak_utilisation = f64::INFINITY;
    model.what_if[0].load = f64::NAN;
    model.what_if[1].server_cores = f64::NAN;
    model.calibration.rows[0].packets_per_second = f64::NAN;
    model.calibration.rows[1].table_cores = f64::INFINITY;
    model.calibration.rows[2].residual_cores = Some(-1e300);
    model.calibration.rows[3].needed_cores.mean = Some(f64::NAN);
}
