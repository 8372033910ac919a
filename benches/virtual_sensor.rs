//! What does an arrival cost: to make it, and to offer it to eight sizes of sensor?
//!
//! `sizes` offers the same minute of bursty traffic at 20,000 and 100,000 packets per second to the
//! eight sizes of the vendor's table and one beyond; `generate` makes such arrivals; `both` makes
//! and offers them. Elements are arrivals. Arrivals lie ready before the clock of `sizes` runs.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may stop at what cannot happen, and nobody reads its documentation"
)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use headroom::model::bursts::{BurstModel, ClassMix, Generator, Mix, Rates};
use headroom::model::virtual_sensor::{Arrivals, Candidate, Settings, VirtualSensor};

/// Arrivals of one batch.
const BATCH: usize = 16_384;
const SECOND_NS: i64 = 1_000_000_000;
/// Length of the traffic.
const SECONDS: i64 = 60;
/// Cores and memory in GB: the rows of the vendor's table, and the next size.
const SIZES: [(f64, f64); 8] = [
    (0.25, 2.5),
    (0.75, 6.0),
    (1.0, 6.5),
    (2.0, 9.0),
    (3.5, 9.5),
    (5.5, 11.5),
    (7.5, 13.5),
    (8.0, 16.0),
];

fn generator(packets_per_second: f64) -> Generator {
    let rates = Rates {
        start_ns: 0,
        interval_ns: 5 * SECOND_NS,
        packets_per_second: vec![packets_per_second; SECONDS as usize / 5],
    };
    let class = |class, packets| ClassMix {
        class,
        packets,
        bytes: vec![(70, 5.0), (400, 3.0), (1_514, 2.0)],
    };
    let classes: Vec<ClassMix> = (0..12).map(|n| class(n, 1.0 + f64::from(n))).collect();
    let mix = Mix::new(&classes, 2_000, 0.8).unwrap();
    Generator::new(rates, BurstModel::assumed(), mix, 1, 0).unwrap()
}

fn batches(packets_per_second: f64) -> Vec<Arrivals> {
    let (mut generator, mut batches) = (generator(packets_per_second), Vec::new());
    let mut arrivals = Arrivals::default();
    while generator.fill(&mut arrivals, BATCH) {
        batches.push(arrivals.clone());
    }
    batches
}

fn sensor() -> VirtualSensor {
    let sizes = SIZES.map(|(cores, memory_gb)| Candidate::new(cores, memory_gb));
    let costs = (0..12).map(|class| 40_000.0 + 4_000.0 * f64::from(class)).collect();
    VirtualSensor::new(Settings::new(0.15, costs), &sizes, 0).unwrap()
}

/// Loss of the smallest and of the largest size.
fn offer(batches: &[Arrivals]) -> (f64, f64) {
    let mut sensor = sensor();
    batches.iter().for_each(|arrivals| sensor.offer(arrivals).unwrap());
    let found = sensor.finish(SECONDS * SECOND_NS).unwrap();
    (found[0].loss_ratio(), found[7].loss_ratio())
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("virtual_sensor");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    for rate in [20_000.0, 100_000.0] {
        let batches = batches(rate);
        let count: usize = batches.iter().map(Arrivals::len).sum();
        assert!((count as f64 / (rate * SECONDS as f64) - 1.0).abs() < 0.01);
        // A benchmark with the wrong answer is not a measurement.
        let (small, large) = offer(&batches);
        assert!(small > 0.8 && large < 0.2, "{small} {large}");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(format!("sizes/{rate}"), |b| b.iter(|| black_box(offer(&batches))));
        group.bench_function(format!("generate/{rate}"), |b| {
            let mut arrivals = Arrivals::default();
            b.iter(|| {
                let mut generator = generator(rate);
                while generator.fill(&mut arrivals, BATCH) {
                    black_box(&arrivals);
                }
            });
        });
        group.bench_function(format!("both/{rate}"), |b| {
            let mut arrivals = Arrivals::default();
            b.iter(|| {
                let (mut generator, mut sensor) = (generator(rate), sensor());
                while generator.fill(&mut arrivals, BATCH) {
                    sensor.offer(&arrivals).unwrap();
                }
                black_box(sensor.finish(SECONDS * SECOND_NS).unwrap())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
