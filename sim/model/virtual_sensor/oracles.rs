//! The kernel against closed forms of queueing theory, within 1 %, and against a slow queue that
//! keeps every packet.

use std::collections::VecDeque;

use crate::base::Random;
use crate::model::rounding::{whole_i64, whole_u64};
use crate::record::SimulatedSize;

use super::block::{Block, UNIT_BITS};
use super::listener::Listener;
use super::shards::{deal, slot_of};
use super::{Arrivals, CLASSES, Candidate, Settings, VirtualSensor};

/// Mean service in nanoseconds of the packets below.
const SERVICE_NS: f64 = 50_000.0;
/// Bytes of each packet below.
const PACKET: u32 = 1_000;

/// No costs but these, no limits but the listener's.
fn settings(class_cost_ns: Vec<f64>) -> Settings {
    let mut settings = Settings::new(0.0, class_cost_ns);
    settings.memory.gb_per_kpps = 0.0;
    settings
}

/// One core and room for `packets` of 1,000 bytes, the one in service included.
fn one_core(packets: u64) -> Candidate {
    let buffer_bytes_per_shard = packets * u64::from(PACKET);
    Candidate { buffer_bytes_per_shard, ..Candidate::new(1.0, 64.0) }
}

/// `count` Poisson arrivals that load one core to `load`, of classes that `class` draws.
fn poisson(
    seed: u64,
    load: f64,
    count: usize,
    settings: Settings,
    candidates: &[Candidate],
    mut class: impl FnMut(&mut Random) -> u8,
) -> Vec<SimulatedSize> {
    let mut random = Random::new(seed);
    let mut sensor = VirtualSensor::new(settings, candidates, 0).unwrap();
    let (mut now, mut left) = (0.0, count);
    let mut batch = Arrivals::default();
    while left > 0 {
        batch.clear();
        for _ in 0..left.min(100_000) {
            now += random.exponential(SERVICE_NS / load);
            batch.push(whole_i64(now), PACKET, class(&mut random), 0);
        }
        left -= batch.len();
        sensor.offer(&batch).unwrap();
    }
    sensor.finish(whole_i64(now)).unwrap()
}

fn assert_within(found: f64, expected: f64, share: f64) {
    let off = (found / expected - 1.0).abs();
    assert!(off < share, "{found} instead of {expected}: {:.2} % off", off * 100.0);
}

/// Costs that make 256 classes an exponential distribution: class `n` is what lies between `n`
/// and `n + 1` steps, with its exact mean, the last class the tail.
const STEP: f64 = 12.0 / 255.0;

fn exponential_costs() -> Vec<f64> {
    let costs = (0..=255).map(|class| {
        let (low, high) = (STEP * f64::from(class), STEP * f64::from(class + 1));
        let mean = if class == 255 {
            low + 1.0
        } else {
            let (below, above) = (libm::exp(-low), libm::exp(-high));
            ((low + 1.0) * below - (high + 1.0) * above) / (below - above)
        };
        mean * SERVICE_NS
    });
    costs.collect()
}

fn exponential_class(random: &mut Random) -> u8 {
    u8::try_from(whole_u64(random.exponential(1.0) / STEP)).unwrap_or(u8::MAX)
}

#[test]
fn m_m_1_k_loses_and_holds_what_erlang_says() {
    // P(n) = (1 - r) r^n / (1 - r^(K + 1)): the loss is P(K), the mean queue the sum of n P(n).
    for (load, rooms) in [(0.8, [4_u64, 8]), (1.2, [5, 20])] {
        let candidates: Vec<Candidate> = rooms.iter().map(|room| one_core(*room)).collect();
        let settings = settings(exponential_costs());
        let found = poisson(1, load, 2_000_000, settings, &candidates, exponential_class);
        for (room, size) in rooms.iter().zip(found) {
            let power = |n: u64| libm::pow(load, n as f64);
            let share = |n: u64| (1.0 - load) * power(n) / (1.0 - power(room + 1));
            assert_within(size.loss_ratio(), share(*room), 0.01);
            // Little: those in the system are the accepted rate times wait and service.
            let expected: f64 = (0..=*room).map(|n| n as f64 * share(n)).sum();
            let rate = load / SERVICE_NS * (1.0 - size.loss_ratio());
            let mean = rate * (size.mean_wait_ms * 1e6 + SERVICE_NS);
            assert_within(mean, expected, 0.01);
            let whole = size.intervals.iter().filter(|row| row.offered_packets > 0);
            let used: Vec<f64> = whole.map(|row| row.utilisation).collect();
            let mean = used.iter().sum::<f64>() / used.len() as f64;
            assert_within(mean, load * (1.0 - share(*room)), 0.01);
        }
    }
}

#[test]
fn m_d_1_waits_what_pollaczek_and_khinchine_say() {
    // W = r s / (2 (1 - r))
    for load in [0.5, 0.8] {
        let settings = settings(vec![SERVICE_NS]);
        let found = poisson(2, load, 3_000_000, settings, &[one_core(1_000_000)], |_| 0);
        assert_eq!(found[0].lost_packets, 0);
        let expected = load * SERVICE_NS / (2.0 * (1.0 - load)) / 1e6;
        assert_within(found[0].mean_wait_ms, expected, 0.01);
    }
}

#[test]
fn m_g_1_waits_what_pollaczek_and_khinchine_say() {
    // W = r E[S^2] / (2 E[S] (1 - r)); three classes, one of them dear and rare.
    let (costs, shares) = ([0.2, 1.0, 5.0], [0.5, 0.4, 0.1]);
    let mean: f64 = costs.iter().zip(shares).map(|(cost, share)| cost * share).sum();
    let square: f64 = costs.iter().zip(shares).map(|(cost, share)| cost * cost * share).sum();
    assert!((mean - 1.0).abs() < 1e-12);
    let load = 0.6;
    let settings = settings(costs.iter().map(|cost| cost * SERVICE_NS).collect());
    let found = poisson(3, load, 4_000_000, settings, &[one_core(1_000_000)], |random| {
        let drawn = random.unit();
        u8::from(drawn >= shares[0]) + u8::from(drawn >= shares[0] + shares[1])
    });
    let expected = load * square / (2.0 * (1.0 - load)) * SERVICE_NS / 1e6;
    assert_within(found[0].mean_wait_ms, expected, 0.01);
}

/// The obvious queue: each packet with its end of service; those that are done leave.
fn slow_queue(arrivals: &Arrivals, costs: &[i64], room: u64) -> (u64, u64) {
    let (mut free_at, mut held) = (0_i64, VecDeque::new());
    let (mut packets, mut bytes, mut held_bytes) = (0, 0, 0);
    for (index, time) in arrivals.time_ns.iter().enumerate() {
        while held.front().is_some_and(|(done, _)| done <= time) {
            held_bytes -= held.pop_front().unwrap().1;
        }
        let size = u64::from(arrivals.bytes[index]);
        if held_bytes + size > room {
            packets += 1;
            bytes += size;
            continue;
        }
        free_at = free_at.max(*time) + costs[usize::from(arrivals.class[index])];
        held.push_back((free_at, size));
        held_bytes += size;
    }
    (packets, bytes)
}

/// Asserts that buffers of each size lose what a slow queue loses, and that they lose enough.
fn assert_exact(arrivals: &Arrivals, costs: &[i64], rooms: &[u64], least: u64) {
    let candidate =
        |room: &u64| Candidate { buffer_bytes_per_shard: *room, ..Candidate::new(1.0, 64.0) };
    let candidates: Vec<Candidate> = rooms.iter().map(candidate).collect();
    let settings = settings(costs.iter().map(|cost| *cost as f64).collect());
    let mut sensor = VirtualSensor::new(settings, &candidates, 0).unwrap();
    sensor.offer(arrivals).unwrap();
    let found = sensor.finish(*arrivals.time_ns.last().unwrap()).unwrap();
    for (size, room) in found.iter().zip(rooms) {
        let expected = slow_queue(arrivals, costs, *room);
        assert!(expected.0 > least, "{room} bytes lose only {}", expected.0);
        assert_eq!((size.lost_packets, size.lost_bytes), expected, "{room} bytes");
    }
}

#[test]
fn the_kernel_loses_the_same_packets_as_a_queue_that_keeps_each() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let (mut arrivals, mut now) = (Arrivals::default(), 0);
        for _ in 0..20_000 {
            // Bursts and pauses; several ticks and quota intervals.
            now += if random.chance(0.01) { 3_000_000 } else { i64::from(random.below(60_000)) };
            let class = u8::try_from(random.below(2)).unwrap();
            arrivals.push(now, 60 + random.below(1_455), class, random.below(1 << 30));
        }
        assert_exact(&arrivals, &[30_000, 50_000], &[1_600, 2_500, 3_500, 9_000, 30_000], 10);
    }
}

#[test]
fn a_buffer_that_is_always_full_takes_the_same_packets() {
    let mut random = Random::new(4);
    let (mut arrivals, mut now) = (Arrivals::default(), 0);
    for _ in 0..200_000 {
        now += i64::from(random.below(20_000));
        let bytes = [70, 70, 400, 1_514][random.below(4) as usize];
        arrivals.push(now, bytes, 0, 7);
    }
    assert_exact(&arrivals, &[40_000], &[200_000, 1 << 20], 100_000);
}

/// A minute of 12,000 packets of these sizes a second, with bursts of 50 ms.
fn bursts_of(sizes: &[u32]) -> Arrivals {
    let mut random = Random::new(5);
    let (mut arrivals, mut now) = (Arrivals::default(), 0.0);
    while now < 60e9 {
        let rate = 12_000.0 * random.lognormal(libm::exp(-0.18), 0.6);
        let end = now + 50e6;
        while now < end {
            now += random.exponential(1e9 / rate);
            let size = random.below(u32::try_from(sizes.len()).unwrap());
            arrivals.push(whole_i64(now), sizes[size as usize], 0, 7);
        }
    }
    arrivals
}

#[test]
fn bursts_lose_the_same_packets_however_much_their_sizes_differ() {
    // The sizes that are assumed for counter logs; nine acknowledgments to a full frame; all equal.
    let acknowledgments = [60, 60, 60, 60, 60, 60, 60, 60, 60, 1_514];
    let mixes: [&[u32]; 3] = [&[90, 90, 250, 1_514], &acknowledgments, &[500]];
    for sizes in mixes {
        let arrivals = bursts_of(sizes);
        assert_exact(&arrivals, &[64_000], &[64_000, 97_000, 100_000, 1 << 18], 5_000);
    }
}

/// One flow in each of four shards: each shard is a queue of its own.
#[test]
fn shards_lose_what_queues_of_their_own_lose() {
    let all = bursts_of(&[90, 90, 250, 1_514]);
    let flows: Vec<u32> = (0..4)
        .map(|shard| {
            let owners = deal(4);
            (0..).find(|flow| owners[usize::from(slot_of(*flow))] == shard).unwrap()
        })
        .collect();
    let mut random = Random::new(6);
    let (mut arrivals, mut own) = (all.clone(), vec![Arrivals::default(); 4]);
    for (index, flow) in arrivals.flow.iter_mut().enumerate() {
        let shard = random.below(4) as usize;
        *flow = flows[shard];
        own[shard].push(all.time_ns[index], all.bytes[index], 0, 0);
    }
    let room = 30_000;
    let candidate = Candidate { buffer_bytes_per_shard: room, ..Candidate::new(4.0, 64.0) };
    let mut sensor = VirtualSensor::new(settings(vec![256_000.0]), &[candidate], 0).unwrap();
    sensor.offer(&arrivals).unwrap();
    let found = sensor.finish(61_000_000_000).unwrap().remove(0);
    let each = own.iter().map(|own| slow_queue(own, &[256_000], room));
    let expected = each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    assert!(expected.0 > 5_000);
    assert_eq!((found.lost_packets, found.lost_bytes), expected);
}

/// A shard as slow as can be: the end of service and the bytes of each packet that it holds.
#[derive(Clone, Default)]
struct SlowShard {
    free_at: i64,
    held: VecDeque<(i64, u64)>,
    held_bytes: u64,
}

impl SlowShard {
    /// Lets go what is done.
    fn release(&mut self, now: i64) {
        while self.held.front().is_some_and(|(done, _)| *done <= now) {
            self.held_bytes -= self.held.pop_front().unwrap().1;
        }
    }

    /// How long a packet waits that comes at `now`; `None` where it is lost.
    fn offer(&mut self, now: i64, service: i64, bytes: u64, room: u64) -> Option<i64> {
        self.release(now);
        if self.held_bytes + bytes > room {
            return None;
        }
        let start = self.free_at.max(now);
        self.free_at = start + service;
        self.held.push_back((self.free_at, bytes));
        self.held_bytes += bytes;
        Some(start - now)
    }

    /// Makes what is left at `now` take `to` instead of `from`: powers of two, no rounding.
    fn stretch(&mut self, now: i64, from: i64, to: i64) {
        let all = self.held.iter_mut().map(|(done, _)| done).chain([&mut self.free_at]);
        for done in all.filter(|done| **done > now) {
            assert_eq!((*done - now) * to % from, 0);
            *done = now + (*done - now) * to / from;
        }
    }
}

/// A listener and slow shards, side by side from tick to tick.
struct Both {
    random: Random,
    /// Bytes of buffer of a shard.
    room: u64,
    /// Cost of each class in nanoseconds while the rate is 1, and how many times that it is.
    costs: Vec<i64>,
    times: i64,
    up: bool,
    tick_ns: i64,
    listener: Listener,
    block: Block,
    shards: Vec<SlowShard>,
    lost_packets: u64,
}

impl Both {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let shards = [1, 2, 3, 32][random.below(4) as usize];
        let room = [1, 100, 1_514, 64_000, 1 << 20, 1 << 63][random.below(6) as usize];
        // Multiples of 64 ns: an eighth of what is left is a whole number of units.
        let dear = [64, 640, 6_400, 64_000][random.below(4) as usize];
        let costs = (0..CLASSES).map(|_| i64::from(random.below(200)) * dear).collect();
        let mut both = Self {
            random,
            room,
            costs,
            times: 1,
            up: true,
            tick_ns: 0,
            listener: Listener::new(shards, room, 0),
            block: Block::new([shards, 5].into_iter()),
            shards: vec![SlowShard::default(); shards],
            lost_packets: 0,
        };
        both.set_services();
        both
    }

    fn set_services(&mut self) {
        let costs = self.costs.iter().map(|cost| (cost * self.times) as f64);
        self.listener.set_services(costs);
    }

    /// Packets of any size, at any time of a tick, many of them at its very start or together.
    fn arrivals(&mut self, length_ns: i64) -> Arrivals {
        let random = &mut self.random;
        let count = [0, 1, 3, 40, 300, 3_000][random.below(6) as usize];
        let steps = u32::try_from(length_ns / 64).unwrap();
        let together = random.below(steps);
        let mut times: Vec<u32> = (0..count)
            .map(|_| [0, together, random.below(steps)][random.below(16).min(2) as usize])
            .collect();
        times.sort_unstable();
        let mut arrivals = Arrivals::default();
        for time in times {
            let bytes = [0, 1, 60, 500, 1_514, u32::MAX][random.below(6) as usize];
            let class = u8::try_from(random.below(256)).unwrap();
            let time_ns = self.tick_ns + i64::from(time) * 64;
            arrivals.push(time_ns, bytes, class, random.below(1 << 30));
        }
        arrivals
    }

    /// One tick of arrivals in blocks.
    fn serve(&mut self, length_ns: i64) {
        let arrivals = self.arrivals(length_ns);
        let owners = deal(self.shards.len());
        let (mut lost, mut lost_bytes, mut waited, mut most) = (0, 0, 0, 0);
        let (mut from, mut lists) = (0, 0);
        while from < arrivals.len() {
            let count = self.block.fill(&arrivals, from, self.tick_ns, length_ns);
            self.block.deal();
            self.listener.serve(self.tick_ns, self.block.lists(self.shards.len()));
            self.block.clear();
            let mut last = vec![None; self.shards.len()];
            for index in from..from + count {
                let owner = owners[usize::from(slot_of(arrivals.flow[index]))];
                let now = arrivals.time_ns[index] << UNIT_BITS;
                let cost = self.costs[usize::from(arrivals.class[index])];
                let bytes = u64::from(arrivals.bytes[index].clamp(1, (1 << 21) - 1));
                let room = if self.up { self.room } else { 0 };
                let service = (cost * self.times) << UNIT_BITS;
                let wait = self.shards[owner].offer(now, service, bytes, room);
                lost += u64::from(wait.is_none());
                lost_bytes += if wait.is_none() { bytes } else { 0 };
                waited += wait.unwrap_or(0);
                last[owner] = Some(now);
            }
            for (shard, last) in self.shards.iter_mut().zip(last) {
                shard.release(last.unwrap_or(0));
                most = if last.is_some() { shard.held_bytes.max(most) } else { most };
                lists += i64::from(last.is_some());
            }
            from += count;
        }
        self.tick_ns += length_ns;
        let tally = self.listener.take();
        assert_eq!((tally.lost_packets, tally.lost_bytes), (lost, lost_bytes));
        assert_eq!(tally.queue_bytes_max, most);
        // Each list rounds.
        assert!((0..=lists).contains(&((waited >> UNIT_BITS) - tally.wait_ns)));
        self.lost_packets += lost;
    }

    /// Whatever may happen at the end of a tick, each now and then.
    fn change(&mut self) {
        let (now_ns, now) = (self.tick_ns, self.tick_ns << UNIT_BITS);
        if self.random.chance(0.3) {
            self.shards.iter_mut().for_each(|shard| shard.release(now));
            let held: u64 = self.shards.iter().map(|shard| shard.held_bytes).sum();
            assert_eq!(self.listener.buffered_bytes(now_ns), held);
        }
        if self.random.chance(0.1) {
            self.up = !self.up;
            self.shards.fill(SlowShard { free_at: now, ..SlowShard::default() });
            self.listener.set_up(now_ns, self.up);
        }
        if self.random.chance(0.1) {
            self.listener.move_epoch(now_ns);
        }
        if self.random.chance(0.3) {
            let before = self.times;
            self.times = [1, 2, 4, 8][self.random.below(4) as usize];
            self.shards.iter_mut().for_each(|shard| shard.stretch(now, before, self.times));
            self.listener.stretch(now_ns, self.times as f64 / before as f64);
            self.set_services();
        }
        let left = self.shards.iter().map(|shard| (shard.free_at - now).max(0) as f64);
        let seconds = left.sum::<f64>() / 1e9 / f64::from(1 << UNIT_BITS);
        assert!((self.listener.backlog_seconds(now_ns) - seconds).abs() <= 1e-9 * seconds);
    }
}

#[test]
fn whatever_happens_to_its_rate_a_listener_does_what_slow_queues_do() {
    let mut lost_packets = 0;
    for seed in 0..40 {
        let mut both = Both::new(seed);
        for _ in 0..40 {
            let length_ns = [10_000_000, 100_000_000][both.random.below(2) as usize];
            both.serve(length_ns);
            both.change();
        }
        lost_packets += both.lost_packets;
    }
    assert!(lost_packets > 100_000, "{lost_packets}");
}
