//! Shapes that captures of Windows have, segment by segment.

use super::super::frames::{Frames, line_ns};
use super::super::{Close, Conditions, Flow, Tcp, Wire};
use super::trace::{Seen, Trace};
use super::{CALM, flow};
use crate::base::Random;
use crate::proto::Side;

/// A conversation on one connection; each speaks 500 µs after the other was heard.
struct Talk {
    tcp: Tcp,
    conditions: Conditions,
    random: Random,
    frames: Frames,
    now: i64,
    last: Side,
}

impl Talk {
    fn open(flow: Flow, conditions: Conditions) -> Self {
        let mut random = Random::new(1);
        let tcp = Tcp::new(flow, &mut random);
        let (frames, last) = (Frames::default(), Side::Client);
        let mut talk = Self { tcp, conditions, random, frames, now: 0, last };
        let mut wire =
            Wire { conditions: &talk.conditions, random: &mut talk.random, out: &mut talk.frames };
        talk.now = talk.tcp.open(0, &mut wire);
        talk
    }

    fn turn(&mut self, side: Side) {
        let trip = if side == self.tcp.flow.here { 0 } else { self.tcp.flow.round_trip_ns };
        self.now += if side == self.last { 15_000 } else { 500_000 + trip };
        self.last = side;
    }

    fn say(&mut self, side: Side, length: usize) {
        self.turn(side);
        let bytes = vec![0x5a; length];
        let (conditions, random) = (&self.conditions, &mut self.random);
        let mut wire = Wire { conditions, random, out: &mut self.frames };
        self.now = self.tcp.send(self.now, side, &bytes, &mut wire);
    }

    fn close(&mut self, how: Close) {
        self.turn(how.begins());
        let (conditions, random) = (&self.conditions, &mut self.random);
        let mut wire = Wire { conditions, random, out: &mut self.frames };
        self.now = self.tcp.close(self.now, how, &mut wire);
    }

    fn trace(&self) -> Trace {
        Trace::read(&self.tcp.flow, &self.conditions, &self.frames)
    }

    /// Each segment as `c` or `s`, flags without ACK, length of data and acknowledgment.
    fn lines(&self) -> Vec<String> {
        self.trace().seen.iter().map(line).collect()
    }
}

fn line(seen: &Seen) -> String {
    let side = if seen.side == Side::Client { 'c' } else { 's' };
    let flag = |is: bool, name| if is { name } else { "" };
    let flags = [flag(seen.is_syn, "S"), flag(seen.is_fin, "F"), flag(seen.is_reset, "R")].concat();
    let length = seen.data.len();
    let acknowledgment = seen.acknowledgment.map_or("-".to_owned(), |number| number.to_string());
    let blocks: Vec<_> = seen.blocks.iter().map(|(a, b)| format!(" {a}-{b}")).collect();
    format!("{side}{flags} {length} ack {acknowledgment}{}", blocks.concat())
}

fn lan() -> Flow {
    flow(false, Side::Server, None, 88, 0.3)
}

/// An exchange with the KDC.
fn exchange(conditions: Conditions, question: usize, answer: usize) -> Vec<String> {
    let mut talk = Talk::open(lan(), conditions);
    talk.say(Side::Client, question);
    talk.say(Side::Server, answer);
    talk.close(Close::ServerReset);
    talk.lines()
}

#[test]
fn kerberos_exchanges_have_as_many_frames_as_captured_ones() {
    let offload = Conditions { offload: true, ..CALM };
    assert_eq!(
        exchange(offload, 234, 211),
        [
            "cS 0 ack -",
            "sS 0 ack 0",
            "c 0 ack 0",
            "c 234 ack 0",
            "s 211 ack 234",
            "cF 0 ack 211",
            "s 0 ack 235",
            "sR 0 ack 235"
        ]
    );
    // What takes two segments is acknowledged at once: 9 frames, 10 where both do.
    assert_eq!(exchange(offload, 314, 1_577).len(), 9);
    assert_eq!(exchange(offload, 1_631, 1_649).len(), 10);
    assert_eq!(exchange(CALM, 1_631, 1_649).len(), 12);
}

#[test]
fn a_single_segment_is_acknowledged_forty_to_fifty_milliseconds_later() {
    let mut talk = Talk::open(lan(), CALM);
    talk.say(Side::Client, 100);
    talk.now += 100_000_000;
    talk.say(Side::Server, 100);
    let trace = talk.trace();
    let [.., asked, acknowledged, answered] = &trace.seen[..] else { panic!() };
    assert_eq!(
        [line(asked), line(acknowledged), line(answered)],
        ["c 100 ack 0", "s 0 ack 100", "s 100 ack 100"]
    );
    let after_ms = (acknowledged.time - asked.time) / 1_000_000;
    assert!((40..50).contains(&after_ms), "{after_ms}");
}

#[test]
fn the_window_closes_by_what_is_received_and_opens_by_a_full_segment() {
    // As captured between Windows 10 and a domain controller: 252, 252, 260, 84, 77, 156 bytes.
    let mut talk = Talk::open(flow(false, Side::Server, None, 445, 0.3), CALM);
    for length in [252, 252, 260, 84, 77, 156, 100, 84, 200] {
        talk.say(Side::Client, 73);
        talk.say(Side::Server, length);
    }
    talk.say(Side::Client, 73);
    let trace = talk.trace();
    let said = trace.seen.iter().filter(|seen| seen.side == Side::Client && seen.data.len() == 73);
    let windows: Vec<_> = said.map(|seen| seen.window >> 8).collect();
    assert_eq!(windows, [8_212, 8_211, 8_210, 8_209, 8_208, 8_208, 8_207, 8_207, 8_207, 8_212]);
}

#[test]
fn a_long_answer_takes_round_trips() {
    let flow = flow(false, Side::Server, None, 389, 40.0);
    let mut talk = Talk::open(flow, CALM);
    talk.say(Side::Client, 300);
    talk.say(Side::Server, 400_000);
    let trace = talk.trace();
    let mut sent = Vec::new();
    let mut before = i64::MIN / 2;
    for seen in trace.seen.iter().filter(|seen| seen.side == Side::Server && seen.data.len() > 300)
    {
        if seen.time - before > 20_000_000 {
            sent.push(0);
        }
        *sent.last_mut().unwrap() += 1;
        before = seen.time;
    }
    assert_eq!(sent, [10, 20, 40, 80, 124]);
}

#[test]
fn what_is_said_at_once_in_parts_takes_as_long() {
    let flow = flow(false, Side::Server, None, 389, 40.0);
    let mut talk = Talk::open(flow, CALM);
    talk.say(Side::Client, 300);
    let start = talk.now;
    for _ in 0..30 {
        talk.say(Side::Server, 1_460);
    }
    // Ten segments, and twenty after a round trip.
    assert!((40_000_000..45_000_000).contains(&(talk.now - start)), "{}", talk.now - start);
    // Questions that are answered do not wait for each other.
    for _ in 0..40 {
        talk.say(Side::Client, 100);
        talk.say(Side::Server, 4_000);
    }
    let trace = talk.trace();
    let asked: Vec<_> = trace.seen.iter().filter(|s| s.data.len() == 100).map(|s| s.time).collect();
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] < 45_000_000));
}

#[test]
fn connections_end_as_they_do_on_windows() {
    let ends = |how| {
        let mut talk = Talk::open(lan(), CALM);
        talk.close(how);
        talk.lines()[3..].join(", ")
    };
    assert_eq!(ends(Close::Client), "cF 0 ack 0, s 0 ack 1, sF 0 ack 1, c 0 ack 1");
    assert_eq!(ends(Close::Server), "sF 0 ack 0, c 0 ack 1, cF 0 ack 1, s 0 ack 1");
    assert_eq!(ends(Close::ServerReset), "cF 0 ack 0, s 0 ack 1, sR 0 ack 1");
    assert_eq!(ends(Close::Unbind), "cF 0 ack 0, sR 0 ack 1");
    assert_eq!(ends(Close::ClientReset), "cR 0 ack 0");
    assert_eq!(ends(Close::ServerAbort), "sR 0 ack 0");
}

/// The first conversation in which the flight of twelve segments has trouble, as lines from the
/// flight on.
fn trouble(here: Side, conditions: Conditions, wanted: &str) -> Vec<String> {
    (0..1_000)
        .map(|seed| {
            let mut talk = Talk::open(flow(false, here, None, 389, 1.0), CALM);
            (talk.random, talk.conditions) = (Random::new(seed), conditions);
            talk.say(Side::Server, 1_460 * 6);
            talk.lines().split_off(3)
        })
        .find(|lines| lines.iter().any(|line| line == wanted))
        .unwrap()
}

#[test]
fn what_others_send_and_is_lost_is_a_hole_that_is_filled() {
    let lossy = Conditions { loss: 0.1, ..CALM };
    assert_eq!(
        trouble(Side::Client, lossy, "c 0 ack 2920 4380-8760"),
        [
            "s 1460 ack 0",
            "s 1460 ack 0",
            "c 0 ack 2920",
            "s 1460 ack 0",
            "c 0 ack 2920 4380-5840",
            "s 1460 ack 0",
            "c 0 ack 2920 4380-7300",
            "s 1460 ack 0",
            "c 0 ack 2920 4380-8760",
            "s 1460 ack 0",
            "c 0 ack 8760",
        ]
    );
}

#[test]
fn what_the_domain_controller_sends_and_is_lost_is_seen_twice() {
    let lossy = Conditions { loss: 0.1, ..CALM };
    assert_eq!(
        trouble(Side::Server, lossy, "c 0 ack 2920 4380-8760"),
        [
            "s 1460 ack 0",
            "s 1460 ack 0",
            "s 1460 ack 0",
            "s 1460 ack 0",
            "s 1460 ack 0",
            "s 1460 ack 0",
            "c 0 ack 2920",
            "c 0 ack 2920 4380-5840",
            "c 0 ack 2920 4380-7300",
            "c 0 ack 2920 4380-8760",
            "s 1460 ack 0",
            "c 0 ack 8760",
        ]
    );
}

#[test]
fn the_last_segment_is_sent_again_after_a_timeout() {
    let lossy = Conditions { loss: 1.0, ..CALM };
    let mut talk = Talk::open(lan(), CALM);
    talk.conditions = lossy;
    talk.say(Side::Server, 100);
    let trace = talk.trace();
    let [.., first, second] = &trace.seen[..] else { panic!() };
    assert_eq!([line(first), line(second)], ["s 100 ack 0", "s 100 ack 0"]);
    assert!(second.time - first.time >= 300_000_000);
}

#[test]
fn what_is_overtaken_is_reported_and_acknowledged() {
    let swapping = Conditions { reordering: 0.1, ..CALM };
    assert_eq!(
        trouble(Side::Client, swapping, "c 0 ack 2920 4380-5840"),
        [
            "s 1460 ack 0",
            "s 1460 ack 0",
            "c 0 ack 2920",
            "s 1460 ack 0",
            "c 0 ack 2920 4380-5840",
            "s 1460 ack 0",
            "c 0 ack 5840",
            "s 1460 ack 0",
            "s 1460 ack 0",
            "c 0 ack 8760",
        ]
    );
}

#[test]
fn adapters_that_segment_show_frames_up_to_what_ip_holds() {
    for is_v6 in [false, true] {
        let offload = Conditions { offload: true, ..CALM };
        let mut talk = Talk::open(flow(is_v6, Side::Server, None, 445, 0.3), offload);
        talk.say(Side::Server, 2_000_000);
        let trace = talk.trace();
        let most = trace.seen.iter().map(|seen| seen.data.len()).max().unwrap();
        assert!((60_000..=65_495).contains(&most), "{most}");
    }
}

#[test]
fn segments_follow_each_other_as_the_line_takes_them() {
    let mut talk = Talk::open(lan(), CALM);
    talk.say(Side::Server, 4_380);
    let trace = talk.trace();
    let times: Vec<_> =
        trace.seen.iter().filter(|s| s.data.len() == 1_460).map(|s| s.time).collect();
    // 1,514 bytes, and 24 that no capture shows, at 1 Gb/s.
    assert_eq!([times[1] - times[0], times[2] - times[1]], [12_304; 2]);
    assert_eq!(line_ns(1_514), 12_304);
}

#[test]
fn the_state_of_a_connection_is_small() {
    assert_eq!(size_of::<Tcp>(), 120);
}
