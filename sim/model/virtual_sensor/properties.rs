//! What must hold for any traffic: more never loses more, whatever the batches.

use crate::base::Random;
use crate::model::rounding::whole_i64;
use crate::record::SimulatedSize;

use super::{
    Arrivals, Candidate, MemoryUse, OwnLoad, Probes, Server, Settings, Stages, Use, VirtualSensor,
};

const COST_NS: f64 = 50_000.0;

/// `seconds` of bursty traffic of `rate` packets per second on average, of many flows.
fn bursty(
    seed: u64,
    rate: f64,
    seconds: f64,
    sigma: f64,
    bytes: impl Fn(&mut Random) -> u32,
) -> Arrivals {
    let mut random = Random::new(seed);
    let mut arrivals = Arrivals::default();
    let mut start = 0.0;
    while start < seconds {
        // Another rate every 50 ms, its mean always the same.
        let now = rate * random.lognormal(libm::exp(-sigma * sigma / 2.0), sigma);
        let mut time = start;
        loop {
            time += random.exponential(1.0 / now);
            if time >= (start + 0.05).min(seconds) {
                break;
            }
            let size = bytes(&mut random);
            arrivals.push(whole_i64(time * 1e9), size, 0, random.below(5_000) << 8);
        }
        start += 0.05;
    }
    arrivals
}

fn equal(_: &mut Random) -> u32 {
    500
}

fn any_size(random: &mut Random) -> u32 {
    60 + random.below(1_455)
}

fn run(settings: &Settings, candidates: &[Candidate], arrivals: &Arrivals) -> Vec<SimulatedSize> {
    let mut sensor = VirtualSensor::new(settings.clone(), candidates, 0).unwrap();
    sensor.offer(arrivals).unwrap();
    sensor.finish(*arrivals.time_ns.last().unwrap() + 1_000_000_000).unwrap()
}

fn settings() -> Settings {
    Settings::new(0.0, vec![COST_NS])
}

fn size(cores: f64, buffer_bytes_per_shard: u64) -> Candidate {
    Candidate { buffer_bytes_per_shard, ..Candidate::new(cores, 64.0) }
}

fn losses(found: &[SimulatedSize]) -> Vec<u64> {
    found.iter().map(|size| size.lost_packets).collect()
}

fn assert_falls(found: &[SimulatedSize], what: &str) {
    let lost = losses(found);
    assert!(lost.windows(2).all(|pair| pair[0] >= pair[1]), "{what}: {lost:?}");
    assert!(lost[0] > lost[lost.len() - 1], "{what} changed nothing: {lost:?}");
}

#[test]
fn a_faster_shard_never_loses_more() {
    for seed in 0..5 {
        let arrivals = bursty(seed, 15_000.0, 12.0, 0.8, equal);
        let sizes = [0.25, 0.4, 0.5, 0.75, 0.8, 0.9, 1.0].map(|cores| size(cores, 64_000));
        assert_falls(&run(&settings(), &sizes, &arrivals), "speed");
    }
}

#[test]
fn a_larger_buffer_never_loses_more() {
    for seed in 0..5 {
        let arrivals = bursty(seed, 15_000.0, 12.0, 0.8, equal);
        let sizes = [1_000, 4_000, 16_000, 64_000, 256_000, 1 << 20].map(|bytes| size(1.0, bytes));
        assert_falls(&run(&settings(), &sizes, &arrivals), "buffer");
    }
}

#[test]
fn fewer_packets_never_lose_more() {
    for seed in 0..5 {
        let all = bursty(seed, 18_000.0, 12.0, 0.8, equal);
        let mut random = Random::new(seed);
        let (mut arrivals, mut found) = (all, Vec::new());
        for _ in 0..4 {
            found.extend(run(&settings(), &[size(1.0, 64_000)], &arrivals));
            let mut thinned = Arrivals::default();
            for index in (0..arrivals.len()).filter(|_| random.chance(0.8)) {
                thinned.push(arrivals.time_ns[index], 500, 0, arrivals.flow[index]);
            }
            arrivals = thinned;
        }
        assert_falls(&found, "thinning");
    }
}

/// Not a theorem path by path; a whole core more for shards of the same buffer takes flows away
/// from each shard and changes nothing else, and only the new shard could lose what others kept.
#[test]
fn one_more_core_loses_less_for_traffic_of_many_flows() {
    for seed in 0..10 {
        let arrivals = bursty(seed, 60_000.0, 6.0, 0.6, any_size);
        let sizes = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0].map(|cores| size(cores, 256_000));
        assert_falls(&run(&settings(), &sizes, &arrivals), "cores");
    }
}

/// Not a theorem either, and not true path by path: the mean over seeds.
#[test]
fn smoother_traffic_loses_less_on_average() {
    let mean = |sigma| {
        let lost = (0..8).map(|seed| {
            let arrivals = bursty(seed, 16_000.0, 12.0, sigma, any_size);
            run(&settings(), &[size(1.0, 256_000)], &arrivals)[0].loss_ratio()
        });
        lost.sum::<f64>() / 8.0
    };
    let found = [0.8, 0.4, 0.2, 0.1].map(mean);
    assert!(found.windows(2).all(|pair| pair[0] > pair[1] || pair[1] == 0.0), "{found:?}");
    assert!(found[0] > 0.02 && found[3] == 0.0, "{found:?}");
}

#[test]
fn one_elephant_has_one_core_however_many_there_are() {
    let mut arrivals = bursty(1, 30_000.0, 5.0, 0.1, equal);
    arrivals.flow.fill(77);
    let found = run(&settings(), &[size(1.0, 64_000), size(8.0, 64_000)], &arrivals);
    assert_eq!(found[0].lost_packets, found[1].lost_packets);
    // 30,000 packets of 50 us are one and a half cores.
    assert!((found[0].loss_ratio() - 1.0 / 3.0).abs() < 0.01);
}

#[test]
fn less_load_never_loses_more() {
    for seed in 0..5 {
        let arrivals = bursty(seed, 15_000.0, 12.0, 0.8, equal);
        let sizes =
            [4.0, 2.0, 1.3, 1.0, 0.9, 0.6].map(|load| Candidate { load, ..size(1.0, 64_000) });
        assert_falls(&run(&settings(), &sizes, &arrivals), "load");
    }
}

/// Twice the load of one size is the load of half the size.
#[test]
fn load_is_cost_and_bytes_and_what_the_server_needs() {
    let arrivals = bursty(11, 9_000.0, 30.0, 0.8, any_size);
    let own_load = OwnLoad::FollowsTraffic {
        idle: Use { cores: 0.5, memory_gb: 4.0 },
        cores_per_packet_per_second: 1e-4,
    };
    let server = Some(Server { cores: 4.0, memory_gb: 64.0 });
    let twice = Candidate { load: 2.0, server, ..size(1.0, 200_000) };
    let found = run(&Settings { own_load, ..settings() }, &[twice], &arrivals).remove(0);
    let own_load = OwnLoad::FollowsTraffic {
        idle: Use { cores: 0.5, memory_gb: 4.0 },
        cores_per_packet_per_second: 2e-4,
    };
    let once = Candidate { server, ..size(1.0, 100_000) };
    let dear = Settings { own_load, ..Settings::new(0.0, vec![2.0 * COST_NS]) };
    let expected = run(&dear, &[once], &arrivals).remove(0);
    assert!(expected.lost_packets > 0);
    assert_eq!(found.lost_packets, expected.lost_packets);
    assert_eq!(found.intervals[0].allowed_cores, expected.intervals[0].allowed_cores);
    assert!((found.intervals[0].utilisation - expected.intervals[0].utilisation).abs() < 1e-9);
}

#[test]
fn batches_and_company_change_nothing() {
    let arrivals = bursty(3, 40_000.0, 25.0, 0.8, any_size);
    let sizes: Vec<Candidate> = (1..=11).map(|n| size(0.5 * f64::from(n), 100_000)).collect();
    let whole = run(&settings(), &sizes, &arrivals);
    assert!(whole.iter().take(5).all(|size| size.lost_packets > 0));
    let mut random = Random::new(4);
    let mut sensor = VirtualSensor::new(settings(), &sizes, 0).unwrap();
    let mut at = 0;
    while at < arrivals.len() {
        let to = (at + random.below(5_000) as usize).min(arrivals.len());
        let mut batch = Arrivals::default();
        (at..to).for_each(|i| {
            batch.push(arrivals.time_ns[i], arrivals.bytes[i], arrivals.class[i], arrivals.flow[i]);
        });
        sensor.offer(&batch).unwrap();
        at = to;
    }
    let end = *arrivals.time_ns.last().unwrap() + 1_000_000_000;
    assert_eq!(sensor.finish(end).unwrap(), whole);
    for (alone, together) in sizes.iter().zip(&whole) {
        assert_eq!(run(&settings(), &[*alone], &arrivals), std::slice::from_ref(together));
    }
}

/// The vendor's examples, as traffic: 20 % of the server for the sensor.
#[test]
fn the_vendors_two_examples_drop_and_do_not() {
    // 40,000 packets of 50 us are two of ten cores.
    let arrivals = bursty(5, 40_000.0, 60.0, 0.0, equal);
    let server = Some(Server { cores: 10.0, memory_gb: 64.0 });
    let found = [3.0, 6.0].map(|cores| {
        let own_load = OwnLoad::Constant(Use { cores, memory_gb: 8.0 });
        let settings = Settings { own_load, other_percent: 10.0, ..settings() };
        let candidate = Candidate { server, ..Candidate::new(10.0, 32.0) };
        run(&settings, &[candidate], &arrivals).remove(0)
    });
    let minute = |size: &SimulatedSize| size.intervals[0];
    // 45 % allowed, 20 % used, nothing dropped.
    assert_eq!((minute(&found[0]).allowed_cores, found[0].lost_packets), (4.5, 0));
    assert!((minute(&found[0]).utilisation * 4.5 - 2.0).abs() < 0.02);
    // 15 % allowed, 15 % used, a quarter dropped.
    assert!((minute(&found[1]).allowed_cores - 1.5).abs() < 1e-9);
    assert!(minute(&found[1]).utilisation > 0.995);
    assert!((found[1].loss_ratio() - 0.25).abs() < 0.01);
    let titles: Vec<&str> = found[1].health.iter().map(|span| span.title.as_str()).collect();
    assert_eq!(titles, ["Some network traffic could not be analyzed"]);
    assert_eq!(found[0].health, []);
}

#[test]
fn capacity_falls_where_the_servers_own_load_follows_the_traffic() {
    let mut arrivals = bursty(6, 4_000.0, 60.0, 0.0, equal);
    let second = bursty(7, 16_000.0, 60.0, 0.0, equal);
    for (time, flow) in second.time_ns.iter().zip(&second.flow) {
        arrivals.push(time + 60_000_000_000, 500, 0, *flow);
    }
    let own_load = OwnLoad::FollowsTraffic {
        idle: Use { cores: 0.5, memory_gb: 4.0 },
        cores_per_packet_per_second: 1.5e-4,
    };
    let server = Some(Server { cores: 4.0, memory_gb: 64.0 });
    let candidate = Candidate { server, ..Candidate::new(2.0, 32.0) };
    let found = run(&Settings { own_load, ..settings() }, &[candidate], &arrivals).remove(0);
    // 3.4 cores less 0.5 less 2.4: half a core for 0.8 cores of traffic.
    assert_eq!((found.intervals[0].lost_packets, found.intervals[0].allowed_cores), (0, 2.0));
    assert!(found.intervals[1].allowed_cores < 0.8);
    assert!(found.intervals[1].loss_ratio() > 0.2);
    // The quota only sees what has been: the first ten seconds of the rush are not cut.
    assert!(found.longest_loss.unwrap().start_utc.nanos() >= 70_000_000_000);
}

#[test]
fn a_sensor_at_its_memory_limit_stops_starts_again_and_says_so() {
    let arrivals = bursty(8, 10_000.0, 600.0, 0.0, equal);
    let memory = MemoryUse {
        base_gb: 5.0,
        gb_per_kpps: 0.1,
        residency_seconds: 120.0,
        small_packets_per_second: 1_000.0,
        small_gb: 2.5,
    };
    let settings = Settings { memory, restart_seconds: 400.0, ..settings() };
    let sizes = [5.9, 6.5].map(|memory_gb| Candidate { memory_gb, ..size(2.0, 1 << 20) });
    let found = run(&settings, &sizes, &arrivals);
    assert_eq!((found[1].restart_count, found[1].lost_packets), (0, 0));
    assert!((found[1].peak_memory_gb - 6.0).abs() < 0.02);
    // It needs 6.0 GB from the first look on, at 10 s; 400 s later it comes up.
    assert_eq!(found[0].restarts[0].nanos(), 10_000_000_000);
    assert_eq!((found[0].restart_count, found[0].downtime_ms), (1, 400_000));
    let lost = found[0].lost_packets as f64 / 10_000.0;
    assert!((lost - 400.0).abs() < 1.0, "{lost}");
    let titles: Vec<(&str, i64)> = found[0]
        .health
        .iter()
        .map(|span| (span.title.as_str(), span.start_utc.nanos() / 1_000_000_000))
        .collect();
    let expected = [
        ("Some network traffic could not be analyzed", 0),
        ("Sensor reached a memory resource limit", 10),
        ("Sensor stopped communicating", 310),
    ];
    assert_eq!(titles, expected);
}

#[test]
fn full_stages_hold_the_listener_back_and_it_loses() {
    let arrivals = bursty(9, 10_000.0, 120.0, 0.0, equal);
    let stages = Stages { translator_per_second: 4_000.0, ..Stages::default() };
    let found = run(&Settings { stages, ..settings() }, &[size(2.0, 1 << 20)], &arrivals);
    // 5,000 messages come and 4,000 leave a second: full after 100 s, then a fifth is lost, once
    // 2 MiB of buffer are full too.
    assert_eq!(found[0].intervals[0].lost_packets, 0);
    assert!(found[0].intervals[1].queued_entries_max > 99_000.0);
    let lost = found[0].lost_packets as f64;
    assert!((lost - (2_000.0 * 20.0 - 4_194.0)).abs() < 1_000.0, "{lost}");
}

#[test]
fn probes_take_cores_and_nobody_knows_whether_they_fail() {
    let arrivals = bursty(10, 1_000.0, 61.0, 0.0, equal);
    let probes = Probes { active_addresses: 1_000.0, unresolved: 0.95, cost_ns: 1e6 };
    assert!((probes.cores() - 0.095).abs() < 1e-12);
    let used = |probes| {
        let found = run(&Settings { probes, ..settings() }, &[size(1.0, 1 << 20)], &arrivals);
        assert_eq!(found[0].health, []);
        found[0].intervals[0].utilisation
    };
    assert!((used(probes) - used(Probes::NONE) - 0.095).abs() < 1e-9);
}

#[test]
fn nothing_takes_no_time_and_a_month_is_the_most() {
    let mut sensor = VirtualSensor::new(settings(), &[size(1.0, 1 << 20)], 0).unwrap();
    let mut two = Arrivals::default();
    two.push(0, 0, 0, 0);
    two.push(30 * 86_400_000_000_000, 1, 255, u32::MAX);
    sensor.offer(&two).unwrap();
    let mut late = Arrivals::default();
    late.push(i64::MAX, 1, 0, 0);
    late.push(i64::MIN, 1, 0, 0);
    assert!(sensor.offer(&late).is_err());
    let found = sensor.finish(30 * 86_400_000_000_000).unwrap();
    assert_eq!((found[0].offered_packets, found[0].lost_packets), (2, 0));
    assert_eq!(found[0].intervals.len(), 30 * 1_440 + 1);
    for bad in [0.0, -1.0, f64::NAN, 5_000.0] {
        let candidate = Candidate { cores: bad, ..size(1.0, 1) };
        assert!(VirtualSensor::new(settings(), &[candidate], 0).is_err());
    }
    assert!(VirtualSensor::new(settings(), &[], 0).is_err());
    assert!(VirtualSensor::new(settings(), &[size(1.0, 9)], i64::MAX - 1).is_err());
    assert!(VirtualSensor::new(Settings::new(0.1, vec![]), &[size(1.0, 9)], 0).is_err());
}

/// `count` packets at equal distances of `gap_ns`.
fn steady(count: i64, gap_ns: i64) -> Arrivals {
    let mut arrivals = Arrivals::default();
    (0..count).for_each(|number| arrivals.push(number * gap_ns, 500, 0, 7));
    arrivals
}

#[test]
fn a_sensor_that_lags_behind_is_late_before_it_loses() {
    // Packets that take 1 ms each; the buffer holds all of them.
    let settings = Settings::new(0.0, vec![1_000_000.0]);
    let candidate = Candidate { buffer_bytes_per_shard: 1 << 30, ..Candidate::new(1.0, 64.0) };
    let late = |gap_ns: i64| {
        let arrivals = steady(30_000_000_000 / gap_ns, gap_ns);
        let mut sensor = VirtualSensor::new(settings.clone(), &[candidate], 0).unwrap();
        sensor.offer(&arrivals).unwrap();
        let found = sensor.finish(30_000_000_000).unwrap().remove(0);
        assert_eq!(found.lost_packets, 0);
        (found.late_packets, found.missed_ratio())
    };
    assert_eq!(late(1_100_000), (0, 0.0));
    // Twice too many: of 60 s of work 30 s are left, 29 s of them late.
    let (packets, share) = late(500_000);
    assert!((packets as f64 / 29_000.0 - 1.0).abs() < 0.01, "{packets}");
    assert!((share - 29.0 / 60.0).abs() < 0.01, "{share}");
}

#[test]
fn the_servers_own_load_follows_the_traffic_from_the_start() {
    let idle = Use { cores: 0.0, memory_gb: 0.0 };
    let own_load = OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second: 0.003 };
    let server = Some(Server { cores: 4.0, memory_gb: 64.0 });
    let candidate = Candidate { server, ..Candidate::new(4.0, 64.0) };
    let allowed = |packets_per_second_before: f64| {
        let settings =
            Settings { own_load: own_load.clone(), packets_per_second_before, ..settings() };
        let mut sensor = VirtualSensor::new(settings, &[candidate], 0).unwrap();
        sensor.offer(&steady(9_000, 1_000_000)).unwrap();
        sensor.finish(9_000_000_000).unwrap()[0].intervals[0].allowed_cores
    };
    // 85 % of four cores, less three that the server uses at 1,000 packets per second.
    assert!((allowed(0.0) - 3.4).abs() < 1e-9);
    assert!((allowed(1_000.0) - 0.4).abs() < 1e-9);
}

#[test]
fn a_starved_sensor_with_a_large_buffer_waits_for_hours_and_overflows_nothing() {
    let settings = Settings::new(1.0, vec![60_000.0]);
    // All of its core is what it uses without traffic: what is left is next to nothing.
    let large = Candidate { buffer_bytes_per_shard: 1 << 30, ..Candidate::new(1.0, 64.0) };
    let heavy = Candidate { load: 1_000.0, ..large };
    let mut arrivals = steady(50_000, 100_000);
    arrivals.bytes.fill(1);
    let found = run(&settings, &[large, heavy], &arrivals);
    assert_eq!(found[0].lost_packets, 0);
    assert!(found[0].late_packets > 49_900, "{:?}", found[0].late_packets);
    assert!(found.iter().all(|size| size.mean_wait_ms > 1e6), "{found:?}");
}

#[test]
fn cores_beyond_the_shards_find_nothing_to_do_and_harm_nobody() {
    let arrivals = bursty(9, 20_000.0, 20.0, 0.6, any_size);
    let found = run(&settings(), &[size(32.0, 4_000), size(400.0, 4_000)], &arrivals);
    assert_eq!(found[0].lost_packets, found[1].lost_packets);
}

#[test]
fn a_burst_after_a_quiet_time_has_all_the_room_wherever_a_quota_interval_begins() {
    let lost = |offset_ns: i64| {
        let mut arrivals = Arrivals::default();
        for burst in 0..10 {
            for packet in 0..5_000_u32 {
                let time = burst * 20_000_000_000 + offset_ns + i64::from(packet) * 20_000;
                arrivals.push(time, 500, 0, packet);
            }
        }
        let mut sensor = VirtualSensor::new(settings(), &[size(4.0, 1 << 19)], 0).unwrap();
        sensor.offer(&arrivals).unwrap();
        sensor.finish(200_000_000_000).unwrap()[0].lost_packets
    };
    assert_eq!(lost(500_000_000), 0);
    assert_eq!(lost(0), 0);
}

#[test]
fn what_the_server_leaves_goes_where_the_work_is() {
    // 16 cores of which 13.6 may be used and 11.2 are: 2.4 are left.
    let own_load = OwnLoad::Constant(Use { cores: 11.2, memory_gb: 4.0 });
    let settings = Settings { own_load, ..Settings::new(0.0, vec![COST_NS]) };
    let server = Some(Server { cores: 16.0, memory_gb: 64.0 });
    let candidate = Candidate { server, ..size(16.0, 1 << 20) };
    let lost = |gap_ns: i64, flows: i64| {
        let mut arrivals = Arrivals::default();
        for packet in 0..60_000_000_000 / gap_ns {
            let flow = u32::try_from(packet * 7_919 % flows).unwrap();
            arrivals.push(packet * gap_ns, 500, 0, flow);
        }
        run(&settings, &[candidate], &arrivals).remove(0)
    };
    // One conversation of 0.8 of a core has it; of 1.25 it has one.
    assert_eq!(lost(62_500, 1).lost_packets, 0);
    let elephant = lost(40_000, 1);
    assert!((elephant.loss_ratio() - 0.2).abs() < 0.02, "{}", elephant.loss_ratio());
    assert!(elephant.intervals[0].busiest_shard > 0.99 && elephant.intervals[0].utilisation < 0.5);
    // Two thousand have the 2.4 together: 2 of work fit, 3 of it lose a fifth.
    assert_eq!(lost(25_000, 2_000).lost_packets, 0);
    let many = lost(16_666, 2_000);
    assert!((many.loss_ratio() - 0.2).abs() < 0.05, "{}", many.loss_ratio());
}

#[test]
fn costs_without_end_overflow_nothing() {
    for cost in [1e-300, 1e12, f64::MAX] {
        let sizes = [1.0, 1_000.0].map(|load| Candidate { load, ..size(2.0, 1_000) });
        let found = run(&Settings::new(0.0, vec![cost]), &sizes, &steady(5_000, 100_000));
        let lost = losses(&found);
        assert_eq!(lost, if cost < 1.0 { [0, 5_000] } else { [4_998, 5_000] }, "{cost}");
    }
}

/// A buffer of a GiB in each of 32 shards, and single bytes of one conversation.
#[test]
fn a_buffer_holds_only_so_many_packets_however_small_they_are() {
    let mut arrivals = steady(140_000, 1_000);
    arrivals.bytes.fill(1);
    let found = run(&Settings::new(0.0, vec![1e8]), &[size(32.0, 1 << 30)], &arrivals);
    assert_eq!(losses(&found), [140_000 - (1 << 22) / 32 - 1]);
}

/// What a size may do with stages that hold it back, a quota that follows the traffic, and restarts.
#[test]
fn batches_change_nothing_where_sensors_are_held_back_and_stop() {
    let arrivals = bursty(12, 20_000.0, 25.0, 0.8, any_size);
    let stages = Stages { translator_per_second: 100.0, ..Stages::default() };
    let idle = Use { cores: 0.5, memory_gb: 4.0 };
    let own_load = OwnLoad::FollowsTraffic { idle, cores_per_packet_per_second: 1e-4 };
    let settings = Settings { stages, own_load, restart_seconds: 1.5, ..settings() };
    let server = Some(Server { cores: 4.0, memory_gb: 64.0 });
    let sizes = [(1.0, 64.0, 1.0), (2.0, 5.5, 1.0), (3.5, 64.0, 0.5), (1.0, 64.0, 3.0)].map(
        |(cores, memory_gb, load)| Candidate { memory_gb, load, server, ..size(cores, 1 << 20) },
    );
    let whole = run(&settings, &sizes, &arrivals);
    assert!(whole.iter().all(|size| size.lost_packets > 0));
    assert!(whole[0].restart_count == 0 && whole[1].restart_count > 0);
    for most in [1, 7, 5_000] {
        let mut random = Random::new(4);
        let mut sensor = VirtualSensor::new(settings.clone(), &sizes, 0).unwrap();
        let mut batch = Arrivals::default();
        for index in 0..arrivals.len() {
            let Arrivals { time_ns, bytes, class, flow } = &arrivals;
            batch.push(time_ns[index], bytes[index], class[index], flow[index]);
            if random.below(most) == 0 || index + 1 == arrivals.len() {
                sensor.offer(&batch).unwrap();
                batch.clear();
            }
        }
        let end = *arrivals.time_ns.last().unwrap() + 1_000_000_000;
        assert_eq!(sensor.finish(end).unwrap(), whole);
    }
}

#[test]
fn a_packet_that_waits_is_not_too_much_for_the_first_row() {
    // 5 ms each, a hundred a second: something always waits.
    let settings = Settings::new(0.0, vec![5_000_000.0]);
    let found = run(&settings, &[Candidate::new(0.6, 2.5)], &bursty(1, 100.0, 60.0, 0.3, equal));
    assert_eq!(found[0].restart_count, 0);
    assert!(found[0].mean_wait_ms > 5.0 && found[0].peak_memory_gb <= 2.5);
}

#[test]
fn memory_is_looked_at_from_the_start_where_the_rate_before_is_known() {
    let arrivals = steady(5_000, 1_000_000);
    let short = |packets_per_second_before: f64| {
        let settings = Settings { packets_per_second_before, ..settings() };
        let small = Candidate { memory_gb: 2.0, ..size(1.0, 1 << 20) };
        run(&settings, &[small], &arrivals).remove(0)
    };
    assert_eq!(short(0.0).restart_count, 0);
    let known = short(1_000.0);
    assert_eq!((known.restart_count, known.lost_packets), (1, 5_000));
}

#[test]
fn what_is_missed_is_told_apart_by_what_ran_short() {
    let missed = |found: &SimulatedSize| found.lost_packets + found.late_packets;
    // Twice what a core can do, all the time; the same where a server leaves half a core; bursts.
    let busy = steady(400_000, 100_000);
    let cores = run(&Settings::new(0.0, vec![200_000.0]), &[size(1.0, 64_000)], &busy).remove(0);
    assert!(missed(&cores) > 100_000);
    assert_eq!((cores.saturated_packets, cores.starved_packets), (missed(&cores), 0));
    let own_load = OwnLoad::Constant(Use { cores: 2.9, memory_gb: 4.0 });
    let settings = Settings { own_load, ..Settings::new(0.0, vec![100_000.0]) };
    let server = Some(Server { cores: 4.0, memory_gb: 64.0 });
    let left = Candidate { server, ..size(1.0, 64_000) };
    let starved = run(&settings, &[left], &busy).remove(0);
    assert!(missed(&starved) > 100_000);
    assert_eq!(starved.starved_packets, missed(&starved));
    let bursts = bursty(2, 6_000.0, 60.0, 1.2, equal);
    let found = run(&self::settings(), &[size(1.0, 8_000)], &bursts).remove(0);
    assert!(found.lost_packets > 100);
    assert_eq!(found.saturated_packets, 0);
}
