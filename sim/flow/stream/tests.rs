//! Reassembly against a byte map, then one behaviour after the other.

use super::*;
use crate::base::Random;

/// Sequence number of position 0 of a model: the streams wrap around soon after it.
const BASE: u32 = u32::MAX - 700;

/// What has come of a stream, byte for byte, and a consumer that checks what it is given
/// against that.
#[derive(Debug, Default)]
struct Model {
    /// First copy of each byte that has come.
    came: Vec<Option<u8>>,
    /// Position of the next byte that the consumer will see.
    at: usize,
    need: usize,
    given_bytes: u64,
    lost_bytes: u64,
    held_bytes: u64,
    calls: u64,
    random: Option<Random>,
}

impl Model {
    fn new(length: usize, random: Random) -> Self {
        Self { came: vec![None; length], random: Some(random), ..Self::default() }
    }

    fn comes(&mut self, start: usize, bytes: &[u8]) {
        for (place, byte) in self.came[start..].iter_mut().zip(bytes) {
            place.get_or_insert(*byte);
        }
    }

    fn expect(&self, bytes: &[u8]) {
        let expected = &self.came[self.at..self.at + bytes.len()];
        let got: Vec<_> = bytes.iter().copied().map(Some).collect();
        assert_eq!(got, expected, "at {}", self.at);
    }

    fn choose(&mut self, length: usize) -> Take {
        let Some(random) = &mut self.random else {
            return Take { consumed: length, need: 0 };
        };
        let mut below = |bound: usize| random.below(u32::try_from(bound).unwrap()) as usize;
        match below(6) {
            0 => Take { consumed: 0, need: below(2) },
            1 => Take { consumed: 0, need: length + below(300) },
            2 => Take { consumed: below(length + 1), need: below(60) },
            3 => Take { consumed: length + below(400), need: below(60) },
            _ => Take { consumed: length, need: below(9) },
        }
    }
}

impl Consumer for Model {
    fn data(&mut self, bytes: &[u8]) -> Take {
        assert!(!bytes.is_empty() && bytes.len() >= self.need, "called too early");
        self.expect(bytes);
        let take = self.choose(bytes.len());
        self.at += take.consumed;
        self.need = take.need;
        self.given_bytes += bytes.len() as u64;
        self.calls += 1;
        take
    }

    fn gap(&mut self, held: &[u8], lost: u64) {
        self.expect(held);
        self.at += held.len();
        let end = self.at + usize::try_from(lost).unwrap();
        assert!(self.came[self.at..end].iter().all(Option::is_none), "lost what had come");
        self.at = end;
        self.need = 0;
        self.lost_bytes += lost;
        self.held_bytes += held.len() as u64;
    }
}

fn small() -> StreamLimits {
    StreamLimits {
        stream_bytes_max: 16 << 10,
        pool_bytes_max: 100 << 10,
        islands_max: 5,
        waiting_segments_max: 12,
    }
}

fn sequence(position: usize) -> u32 {
    BASE.wrapping_add(u32::try_from(position).unwrap())
}

fn syn() -> Segment<'static> {
    Segment { sequence: BASE.wrapping_sub(1), flags: TCP_SYN, payload: &[], missing: 0 }
}

fn part(position: usize, payload: &[u8]) -> Segment<'_> {
    Segment { sequence: sequence(position), flags: 0, payload, missing: 0 }
}

/// Pieces of a stream: start, bytes, how many of those behind them are cut off.
fn pieces(length: usize, random: &mut Random) -> Vec<(usize, Vec<u8>, usize)> {
    let mut below = |bound: usize| random.below(u32::try_from(bound).unwrap()) as usize;
    let byte = |at: usize| u8::try_from((at * 7 + at / 251) % 256).unwrap();
    let (lose, again, cut, lie) = (below(5), below(5), below(9), below(7));
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < length {
        let most = [90, 90, 90, 900][below(4)];
        let end = (at + 1 + below(most)).min(length);
        let bytes: Vec<u8> = (at..end).map(byte).collect();
        if below(12) >= lose {
            pieces.push((at, bytes, 0));
        }
        at = end;
    }
    for _ in 0..pieces.len() * again / 4 {
        let start = below(length);
        let end = (start + below(600)).min(length);
        let lies = below(8) < lie;
        pieces.push((start, (start..end).map(|at| byte(at) ^ u8::from(lies)).collect(), 0));
    }
    for (_, bytes, missing) in &mut pieces {
        if below(12) < cut {
            let left = below(bytes.len() + 1);
            *missing = bytes.len() - left;
            bytes.truncate(left);
        }
    }
    // Some streams are almost in order, some are not at all.
    let far = [1, 3, 30, pieces.len()][below(4)].max(1);
    for place in 0..pieces.len() {
        let other = (place + below(far)).min(pieces.len() - 1);
        pieces.swap(place, other);
    }
    pieces
}

/// One random stream; returns what the pool counted.
fn check(seed: u64) -> StreamCounts {
    let mut random = Random::new(seed);
    let length = 400 + random.below(6_000) as usize;
    let limits = if random.below(2) == 0 { small() } else { StreamLimits::default() };
    let with_acks = random.below(3) == 0;
    let pieces = pieces(length, &mut random);
    let mut model = Model::new(length + 2_000, Random::new(seed ^ 1));
    let mut pool = Pool::new(limits);
    let mut stream = Stream::default();
    stream.segment(&syn(), &mut pool, &mut model);
    for (start, bytes, missing) in &pieces {
        model.comes(*start, bytes);
        let missing = u32::try_from(*missing).unwrap();
        let segment = Segment { missing, ..part(*start, bytes) };
        stream.segment(&segment, &mut pool, &mut model);
        if with_acks && random.below(3) == 0 {
            let ack = sequence(random.below(u32::try_from(length).unwrap()) as usize);
            stream.acknowledged(ack, &mut pool, &mut model);
        }
        assert!(pool.bytes() <= limits.pool_bytes_max);
        let held = stream.buffer.as_ref().map_or(0, |buffer| buffer.bytes());
        let own = stream.buffer.as_ref().map_or(0, |buffer| buffer.own_bytes());
        assert_eq!(pool.used_bytes(), own + held);
        assert!(held <= limits.stream_bytes_max);
        let next = distance(BASE, stream.next).unsigned_abs() as usize;
        assert_eq!(model.came[next], None, "what comes next waits at {next}");
        let held = stream.buffer.as_ref().map_or(0, |buffer| buffer.held().len());
        assert_eq!(model.at, next + usize::try_from(stream.skip).unwrap() - held);
    }
    stream.drain(true, &mut pool, &mut model);
    let skip = usize::try_from(stream.skip).unwrap();
    let known = pieces.iter().map(|(start, bytes, missing)| start + bytes.len() + missing);
    let known = known.max().unwrap_or(0);
    let last = pieces.iter().map(|(start, bytes, _)| start + bytes.len()).max().unwrap_or(0);
    assert!((last..=known.max(last)).contains(&(model.at - skip)), "ends at {}", model.at);
    stream.end(&mut pool, &mut model);
    assert_eq!((pool.used_bytes(), stream.is_buffering()), (0, false));
    let counts = pool.counts;
    assert_eq!((counts.lost_bytes, counts.discarded_bytes), (model.lost_bytes, model.held_bytes));
    counts
}

#[test]
fn any_stream_is_the_one_of_the_byte_map() {
    let mut total = StreamCounts::default();
    for seed in 0..4_000 {
        let counts = std::panic::catch_unwind(|| check(seed));
        total.add(&counts.unwrap_or_else(|_| panic!("seed {seed}")));
    }
    // Everything occurred that is to be tested.
    let StreamCounts { gaps, evictions, conflicting_bytes, skipped_unseen_bytes, .. } = total;
    for count in [gaps, evictions, conflicting_bytes, skipped_unseen_bytes] {
        assert!(count > 1_000, "{total:?}");
    }
}

/// What a consumer was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Data(Vec<u8>),
    Gap(Vec<u8>, u64),
}

/// Takes what `takes` say, then all, and writes down what it was told.
#[derive(Debug, Default)]
struct Script {
    takes: Vec<Take>,
    told: Vec<Told>,
}

impl Script {
    /// Takes nothing until there are `need` bytes, then all.
    fn waiting_for(need: usize) -> Self {
        Self { takes: vec![Take { consumed: 0, need }], told: Vec::new() }
    }
}

impl Consumer for Script {
    fn data(&mut self, bytes: &[u8]) -> Take {
        self.told.push(Told::Data(bytes.to_vec()));
        if self.takes.is_empty() {
            return Take { consumed: bytes.len(), need: 0 };
        }
        self.takes.remove(0)
    }

    fn gap(&mut self, held: &[u8], lost: u64) {
        self.told.push(Told::Gap(held.to_vec(), lost));
    }
}

fn data(bytes: &[u8]) -> Told {
    Told::Data(bytes.to_vec())
}

fn gap(held: &[u8], lost: u64) -> Told {
    Told::Gap(held.to_vec(), lost)
}

/// What is told of `segments`, and what was counted.
fn told(segments: &[Segment<'_>], mut script: Script) -> (Vec<Told>, StreamCounts) {
    let (mut stream, mut pool) = (Stream::default(), Pool::default());
    for segment in segments {
        stream.segment(segment, &mut pool, &mut script);
    }
    (script.told, pool.counts)
}

#[test]
fn a_segment_in_order_costs_no_memory() {
    let (mut stream, mut pool) = (Stream::default(), Pool::default());
    let mut script = Script::default();
    for (place, flags) in [(0, TCP_SYN), (1, 0), (4, TCP_FIN)] {
        let payload: &[u8] = if flags == 0 { b"abc" } else { b"" };
        let segment = Segment { flags, ..part(place, payload) };
        stream.segment(&segment, &mut pool, &mut script);
    }
    assert_eq!(script.told, [data(b"abc")]);
    assert_eq!((pool.bytes(), stream.is_buffering()), (0, false));
    assert_eq!(pool.counts, StreamCounts::default());
}

#[test]
fn a_stream_is_small() {
    assert!(size_of::<Stream>() <= 48, "{}", size_of::<Stream>());
}

#[test]
fn what_comes_too_early_waits_its_turn() {
    let segments = [syn(), part(3, b"def"), part(6, b"g"), part(0, b"abc")];
    let (told, counts) = told(&segments, Script::default());
    assert_eq!(told, [data(b"abc"), data(b"defg")]);
    let copied_bytes = 4;
    let expected =
        StreamCounts { out_of_order_segments: 2, copied_bytes, ..StreamCounts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn data_in_a_syn_is_data() {
    let segment = Segment { payload: b"abc", ..syn() };
    assert_eq!(
        told(&[segment, segment, part(3, b"d")], Script::default()).0,
        [data(b"abc"), data(b"d")]
    );
}

#[test]
fn the_consumer_is_called_once_enough_is_there() {
    let script = Script::waiting_for(5);
    let segments = [syn(), part(0, b"ab"), part(2, b"c"), part(3, b"d"), part(4, b"efg")];
    let (told, counts) = told(&segments, script);
    assert_eq!(told, [data(b"ab"), data(b"abcde"), data(b"fg")]);
    assert_eq!(counts.copied_bytes, 5);
}

#[test]
fn a_consumer_that_wants_byte_after_byte_is_not_called_for_each() {
    let takes = (3..6).map(|need| Take { consumed: 0, need }).collect();
    let script = Script { takes, told: Vec::new() };
    let segments = [syn(), part(0, b"ab"), part(2, b"cdefg"), part(7, b"h")];
    let expected = [data(b"ab"), data(b"abc"), data(b"abcdefg"), data(b"abcdefgh")];
    assert_eq!(told(&segments, script).0, expected);
}

#[test]
fn the_first_copy_of_a_byte_stays() {
    let segments = [syn(), part(2, b"cd"), part(1, b"XYZe"), part(0, b"a")];
    let (told, counts) = told(&segments, Script::default());
    assert_eq!(told, [data(b"a"), data(b"X"), data(b"cde")]);
    assert_eq!((counts.overlapping_bytes, counts.conflicting_bytes), (2, 2));
}

#[test]
fn keep_alives_and_retransmissions_are_only_counted() {
    let segments = [syn(), part(0, b"abc"), part(2, b""), part(2, b"\0"), part(1, b"bcd")];
    let (told, counts) = told(&segments, Script::default());
    assert_eq!(told, [data(b"abc"), data(b"d")]);
    assert_eq!((counts.keep_alives, counts.retransmitted_bytes), (2, 2));
}

#[test]
fn a_probe_of_a_closed_window_is_not_given_twice() {
    let segments = [syn(), part(0, b"abc"), part(3, b"d"), part(3, b"def")];
    assert_eq!(told(&segments, Script::default()).0, [data(b"abc"), data(b"d"), data(b"ef")]);
}

#[test]
fn what_the_capture_cut_off_is_a_gap() {
    let cut = Segment { missing: 4, ..part(0, b"ab") };
    let (told, counts) = told(&[syn(), cut, part(6, b"g")], Script::waiting_for(6));
    assert_eq!(told, [data(b"ab"), gap(b"ab", 4), data(b"g")]);
    assert_eq!((counts.gaps, counts.lost_bytes, counts.discarded_bytes), (1, 4, 2));
}

#[test]
fn what_the_capture_cut_off_an_early_segment_is_a_gap_too() {
    let cut = Segment { missing: 2, ..part(2, b"c") };
    let bare = Segment { missing: 3, ..part(5, b"") };
    let segments = [syn(), bare, cut, part(8, b"i"), part(0, b"ab")];
    let (told, _) = told(&segments, Script::default());
    assert_eq!(told, [data(b"ab"), data(b"c"), gap(b"", 2), gap(b"", 3), data(b"i")]);
}

#[test]
fn what_was_cut_off_and_comes_in_part_is_a_smaller_gap() {
    let cut = Segment { missing: 5, ..part(2, b"c") };
    let (told, counts) = told(&[syn(), cut, part(5, b"f"), part(0, b"ab")], Script::default());
    assert_eq!(told, [data(b"ab"), data(b"c"), gap(b"", 2), data(b"f"), gap(b"", 2)]);
    assert_eq!((counts.gaps, counts.lost_bytes), (2, 4));
}

#[test]
fn loss_in_what_is_skipped_is_no_gap() {
    let script = Script { takes: vec![Take { consumed: 9, need: 2 }], told: Vec::new() };
    let cut = Segment { missing: 2, ..part(0, b"ab") };
    let segments = [syn(), cut, part(6, b"gh"), part(8, b"i"), part(9, b"j"), part(10, b"k")];
    let (told, counts) = told(&segments, script);
    assert_eq!(told, [data(b"ab"), data(b"jk")]);
    assert_eq!((counts.gaps, counts.skipped_bytes, counts.skipped_unseen_bytes), (0, 3, 4));
}

#[test]
fn an_acknowledged_hole_is_given_up_at_once() {
    let (mut stream, mut pool, mut script) =
        (Stream::default(), Pool::default(), Script::waiting_for(9));
    for segment in [syn(), part(0, b"ab"), part(4, b"ef")] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    stream.acknowledged(sequence(3), &mut pool, &mut script);
    assert_eq!(script.told, [data(b"ab")]);
    stream.acknowledged(sequence(4), &mut pool, &mut script);
    assert_eq!(script.told, [data(b"ab"), gap(b"ab", 2), data(b"ef")]);
    // An acknowledgment that overtook the data gives nothing up until later data come.
    stream.acknowledged(sequence(20), &mut pool, &mut script);
    stream.segment(&part(6, b"gh"), &mut pool, &mut script);
    stream.segment(&part(10, b"kl"), &mut pool, &mut script);
    assert_eq!(script.told[3..], [data(b"gh"), gap(b"", 2), data(b"kl")]);
    assert_eq!(pool.used_bytes(), 0);
}

#[test]
fn an_unacknowledged_hole_is_given_up_when_too_much_has_passed_it() {
    let segments_max = StreamLimits::default().waiting_segments_max as usize;
    let (mut stream, mut pool, mut script) =
        (Stream::default(), Pool::default(), Script::default());
    stream.segment(&syn(), &mut pool, &mut script);
    for place in 0..segments_max {
        stream.segment(&part(5 + place, b"x"), &mut pool, &mut script);
    }
    assert_eq!(script.told, []);
    stream.segment(&part(5 + segments_max, b"x"), &mut pool, &mut script);
    assert_eq!(script.told, [gap(b"", 5), data(&vec![b'x'; segments_max + 1])]);
    assert_eq!(pool.counts.evictions, 1);
}

#[test]
fn a_hole_that_shrinks_is_waited_for() {
    let segments_max = StreamLimits::default().waiting_segments_max as usize;
    let (mut stream, mut pool, mut count) = (Stream::default(), Pool::default(), Count::default());
    stream.segment(&syn(), &mut pool, &mut count);
    for place in 0..3 * segments_max {
        if place % segments_max == 9 {
            stream.segment(&part(place / segments_max, b"x"), &mut pool, &mut count);
        }
        stream.segment(&part(5 + place, b"x"), &mut pool, &mut count);
    }
    assert_eq!((count.0, pool.counts.gaps), (3, 0));
}

#[test]
fn a_consumer_is_called_again_while_what_it_needs_is_there() {
    let takes = vec![Take { consumed: 2, need: 3 }, Take { consumed: 3, need: 4 }];
    let script = Script { takes, told: Vec::new() };
    let (told, _) = told(&[syn(), part(0, b"abcdefgh"), part(8, b"i")], script);
    assert_eq!(told, [data(b"abcdefgh"), data(b"cdefgh"), data(b"fghi")]);
}

#[test]
fn a_stream_whose_start_was_missed_begins_with_its_first_payload() {
    let (told, _) = told(&[part(50, b"abc"), part(53, b"d"), part(47, b"xyz")], Script::default());
    assert_eq!(told, [data(b"abc"), data(b"d")]);
}

#[test]
fn a_bare_acknowledgment_tells_where_a_missed_start_was() {
    let (told, _) = told(&[part(50, b""), part(53, b"def"), part(50, b"abc")], Script::default());
    assert_eq!(told, [data(b"abc"), data(b"def")]);
}

#[test]
fn a_keep_alive_is_not_the_start() {
    for garbage in [&b""[..], b"\0"] {
        let segments = [part(49, garbage), part(50, b"abc")];
        assert_eq!(told(&segments, Script::default()).0, [data(b"abc")]);
    }
}

#[test]
fn the_end_hands_on_what_waits() {
    let (mut stream, mut pool, mut script) =
        (Stream::default(), Pool::default(), Script::waiting_for(9));
    let fin = Segment { flags: TCP_FIN, ..part(8, b"i") };
    for segment in [syn(), part(0, b"ab"), part(4, b"ef"), fin] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    stream.end(&mut pool, &mut script);
    let expected = [data(b"ab"), gap(b"ab", 2), data(b"ef"), gap(b"", 2), data(b"i")];
    assert_eq!(script.told, expected);
    assert_eq!((pool.used_bytes(), stream.is_buffering()), (0, false));
}

#[test]
fn a_fin_ends_what_is_held_once_all_before_it_has_come() {
    let fin = Segment { flags: TCP_FIN, ..part(2, b"cd") };
    let (told, _) = told(
        &[syn(), fin, part(0, b"ab")],
        Script { takes: vec![Take { consumed: 0, need: 9 }], told: Vec::new() },
    );
    assert_eq!(told, [data(b"ab"), gap(b"abcd", 0)]);
}

#[test]
fn a_fin_tells_of_loss_before_it() {
    let (mut stream, mut pool, mut script) =
        (Stream::default(), Pool::default(), Script::default());
    for segment in [syn(), Segment { flags: TCP_FIN, ..part(4, b"") }] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    stream.acknowledged(sequence(5), &mut pool, &mut script);
    assert_eq!(script.told, [gap(b"", 4)]);
}

#[test]
fn a_reset_hands_on_what_waits_and_ends_nothing() {
    let reset = Segment { flags: TCP_RST, ..part(6, b"bye") };
    let segments = [syn(), part(3, b"def"), reset, part(6, b"ghi")];
    let (told, counts) = told(&segments, Script::default());
    assert_eq!(told, [gap(b"", 3), data(b"def"), data(b"ghi")]);
    assert_eq!((counts.refused_segments, counts.refused_bytes), (1, 3));
}

#[test]
fn segments_far_outside_are_refused_until_two_follow_each_other() {
    let far = WINDOW_MAX as usize + 1;
    let reset = Segment { flags: TCP_RST, ..part(far + 900, b"") };
    let segments = [
        syn(),
        part(0, b"ab"),
        part(far + 2, b"evil"),
        reset,
        part(2, b"cd"),
        part(5, b"f"),
        part(far + 9, b"jk"),
        part(far + 11, b"lm"),
        part(far + 13, b"no"),
    ];
    let (told, counts) = told(&segments, Script::default());
    let lost = far as u64 + 11 - 6;
    let expected = [
        data(b"ab"),
        data(b"cd"),
        gap(b"", 1),
        data(b"f"),
        gap(b"", lost),
        data(b"lm"),
        data(b"no"),
    ];
    assert_eq!(told, expected);
    assert_eq!((counts.refused_segments, counts.refused_bytes, counts.restarts), (2, 6, 1));
}

#[test]
fn a_break_in_what_is_skipped_loses_only_the_rest() {
    let far = WINDOW_MAX as usize + 3;
    let script = Script { takes: vec![Take { consumed: 102, need: 2 }], told: Vec::new() };
    let segments = [syn(), part(0, b"ab"), part(far, b"c"), part(far + 1, b"d")];
    assert_eq!(told(&segments, script).0, [data(b"ab"), gap(b"", far as u64 - 101), data(b"d")]);
}

#[test]
fn another_syn_begins_another_connection() {
    let other = Segment { sequence: 77, flags: TCP_SYN, payload: &[], missing: 0 };
    let next = Segment { sequence: 78, flags: 0, payload: b"new", missing: 0 };
    let (told, counts) = told(&[syn(), part(3, b"def"), syn(), other, next], Script::default());
    assert_eq!(told, [gap(b"", 3), data(b"def"), gap(b"", 0), data(b"new")]);
    assert_eq!(counts.restarts, 1);
}

#[test]
fn a_message_larger_than_the_memory_is_given_up() {
    let mut pool = Pool::new(StreamLimits { pool_bytes_max: 1 << 20, ..small() });
    let (mut stream, mut script) = (Stream::default(), Script::waiting_for(20_000));
    stream.segment(&syn(), &mut pool, &mut script);
    for place in 0..17 {
        stream.segment(&part(place * 1_000, &[7; 1_000]), &mut pool, &mut script);
    }
    assert_eq!(script.told, [data(&[7; 1_000]), gap(&[7; 16_000], 0), data(&[7; 1_000])]);
    assert_eq!((pool.counts.evictions, pool.counts.discarded_bytes), (1, 16_000));
    assert_eq!(pool.used_bytes(), 0);
}

#[test]
fn a_stream_that_holds_too_much_gives_up_its_first_hole() {
    let mut pool = Pool::new(StreamLimits { islands_max: 64, pool_bytes_max: 1 << 20, ..small() });
    let (mut stream, mut script) = (Stream::default(), Script::default());
    stream.segment(&syn(), &mut pool, &mut script);
    // The smallest piece of memory is 2 KiB.
    for place in 1..10 {
        stream.segment(&part(2 * place, b"x"), &mut pool, &mut script);
    }
    assert_eq!(script.told, [gap(b"", 2), data(b"x")]);
    assert_eq!(stream.buffer.as_ref().map(|buffer| buffer.bytes()), Some(16 << 10));
}

#[test]
fn without_memory_a_hole_is_a_gap() {
    let mut pool = Pool::new(StreamLimits { pool_bytes_max: 0, ..small() });
    let (mut stream, mut script) = (Stream::default(), Script::default());
    for segment in [syn(), part(2, b"c"), part(0, b"ab"), part(3, b"d")] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    assert_eq!(script.told, [gap(b"", 2), data(b"c"), data(b"d")]);
    assert_eq!((pool.counts.evictions, pool.counts.retransmitted_bytes, pool.bytes()), (1, 2, 0));
}

#[test]
fn without_memory_a_message_ends_with_its_segment() {
    let mut pool = Pool::new(StreamLimits { pool_bytes_max: 0, ..small() });
    let (mut stream, mut script) = (Stream::default(), Script::waiting_for(9));
    for segment in [syn(), part(0, b"ab"), part(2, b"c")] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    assert_eq!(script.told, [data(b"ab"), gap(b"ab", 0), data(b"c")]);
    assert_eq!((pool.counts.evictions, pool.counts.discarded_bytes, pool.bytes()), (1, 2, 0));
}

#[test]
fn a_few_streams_cannot_take_all_memory() {
    let mut pool = Pool::default();
    let mut streams: Vec<Stream> = (0..16).map(|_| Stream::default()).collect();
    for stream in &mut streams {
        let mut script = Script::waiting_for(usize::MAX);
        stream.segment(&syn(), &mut pool, &mut script);
        for place in 0..100 {
            stream.segment(&part(place * 9_000, &[1; 9_000]), &mut pool, &mut script);
            script.takes.push(Take { consumed: 0, need: usize::MAX });
        }
    }
    let left = pool.limits().pool_bytes_max - pool.used_bytes();
    assert!(left >= 2 << 20, "{left}");
    let (mut stream, mut script) = (Stream::default(), Script::waiting_for(2_000));
    for segment in [syn(), part(0, &[2; 1_400]), part(1_400, &[2; 600])] {
        stream.segment(&segment, &mut pool, &mut script);
    }
    assert_eq!(script.told, [data(&[2; 1_400]), data(&[2; 2_000])]);
}

#[test]
fn a_million_half_open_connections_cost_nothing() {
    let mut pool = Pool::default();
    for number in 0..1_000_000_u32 {
        let sequence = number.wrapping_mul(0x9e37_79b9);
        let (mut stream, mut script) = (Stream::default(), Script::default());
        for (sequence, flags) in [(sequence, TCP_SYN), (sequence.wrapping_add(1), 0)] {
            let segment = Segment { sequence, flags, payload: &[], missing: 0 };
            stream.segment(&segment, &mut pool, &mut script);
        }
        assert!(!stream.is_buffering() && script.told.is_empty());
    }
    assert_eq!((pool.bytes(), pool.counts), (0, StreamCounts::default()));
}

/// Takes all and counts it.
#[derive(Debug, Default)]
struct Count(u64);

impl Consumer for Count {
    fn data(&mut self, bytes: &[u8]) -> Take {
        self.0 += bytes.len() as u64;
        Take { consumed: bytes.len(), need: 0 }
    }

    fn gap(&mut self, held: &[u8], _: u64) {
        self.0 += held.len() as u64;
    }
}

/// Bytes given to the consumer, and copied, for a million segments of one byte each, whose
/// positions are `place(0..)`.
fn work(place: impl Fn(usize) -> usize) -> (u64, u64) {
    let (mut stream, mut pool, mut count) = (Stream::default(), Pool::default(), Count::default());
    stream.segment(&syn(), &mut pool, &mut count);
    for number in 0..1_000_000 {
        stream.segment(&part(place(number), b"x"), &mut pool, &mut count);
    }
    stream.end(&mut pool, &mut count);
    (count.0, pool.counts.copied_bytes)
}

#[test]
fn a_million_segments_of_one_byte_in_any_order_are_linear_work() {
    let orders: [fn(usize) -> usize; 4] = [
        |number| 2 * number + 1,
        |number| number + 1,
        |number| 1_000_001 - number,
        |number| (number * 7_919) % 1_000_003,
    ];
    for order in orders {
        let (given, copied) = work(order);
        assert!(given <= 1_000_000 && copied <= 4_000_000, "{given} given, {copied} copied");
    }
}

/// Takes one byte of those it is given, from a certain number on.
struct Nibbler(usize);

impl Consumer for Nibbler {
    fn data(&mut self, bytes: &[u8]) -> Take {
        Take { consumed: usize::from(bytes.len() > self.0), need: 0 }
    }

    fn gap(&mut self, _: &[u8], _: u64) {}
}

#[test]
fn a_consumer_that_takes_little_at_a_time_is_linear_work() {
    for most in [100_000, 131_000, 131_072, 500_000] {
        let (mut stream, mut pool) = (Stream::default(), Pool::default());
        stream.segment(&syn(), &mut pool, &mut Nibbler(most));
        for place in 0..most + 100_000 {
            stream.segment(&part(place, b"x"), &mut pool, &mut Nibbler(most));
        }
        let copied = pool.counts.copied_bytes / (most as u64 + 100_000);
        assert!(copied <= 4 && pool.counts.evictions == 0, "{copied} per byte, {:?}", pool.counts);
    }
}
