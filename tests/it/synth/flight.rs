//! Connections that were open when the capture began: they go on in it, and end in it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use headroom::base::Timestamp;
use headroom::proto::{Activity as Derived, Context, Id, Message, Tally};
use headroom::sensor::{self, Audience, Ends};
use headroom::synth::{Did, Options, Synth, Truth, WARM_UP_NS};
use headroom::wire::WireError;

use super::{play, round};

const MINUTE_NS: i64 = 60_000_000_000;

/// Options of a run whose start is like any other moment.
fn options(seconds: i64) -> Options {
    Options { warm_up_ns: WARM_UP_NS, ..play::options(seconds) }
}

/// The small estate with another domain controller's replication and much else that keeps
/// connections.
fn run(seed: u64, options: &Options) -> (play::Frames, Truth) {
    play::collect(Synth::start(play::cast(play::SMALL, seed), options).unwrap())
}

/// An activity that the core heard.
#[derive(Debug)]
struct Row {
    protocol: Id,
    time: Timestamp,
    ends: [IpAddr; 2],
    kind: &'static str,
    line: String,
    principal: Option<String>,
}

/// What the core makes of frames, with the time of each activity.
#[derive(Debug, Default)]
struct Heard {
    messages: BTreeMap<(Id, u32, bool), u64>,
    rows: Vec<Row>,
    malformed: Vec<String>,
}

impl Audience for Heard {
    fn message(&mut self, _: &Ends, _: &Context, message: &Message<'_>, tally: Tally) {
        *self.messages.entry((message.id(), tally.operation, tally.is_answer)).or_default() += 1;
    }

    fn activity(&mut self, ends: &Ends, activity: &Derived<'_>) {
        let [(client, _), (server, _)] = ends.seen_from(activity.asked_by);
        let word = |word: Option<&dyn std::fmt::Display>| word.map(|word| word.to_string());
        let target = (word(activity.target), word(activity.detail));
        self.rows.push(Row {
            protocol: activity.protocol,
            time: activity.time,
            ends: [client.to_string(), server.to_string()].map(|text| text.parse().unwrap()),
            kind: activity.kind.name(),
            line: format!("{target:?} {:?}", activity.outcome),
            principal: word(activity.principal),
        });
    }

    fn malformed(&mut self, _: &Ends, protocol: Id, error: WireError) {
        self.malformed.push(format!("{protocol:?}: {error}"));
    }
}

fn hear(frames: &play::Frames) -> Heard {
    let mut heard = Heard::default();
    let mut reading = play::Reading(Some(frames));
    sensor::hear(&mut reading, &sensor::Options::default(), &mut heard);
    heard
}

#[test]
fn probe() {
    for seed in 1..=12 {
        let (frames, truth) = run(seed, &options(600));
        let old: u64 = truth.messages().iter().map(|(_, row)| row.from_before).sum();
        println!(
            "seed {seed}: {} frames, {old} old messages, {} bytes",
            frames.0.len(),
            truth.bytes
        );
        print!("{}", play::differences(&play::told(&truth), &play::hear(&frames)));
        let _ = (hear(&frames), BTreeSet::from([MINUTE_NS]));
        if seed == 1 {
            round::write("/tmp/flight1.pcap", &frames);
        }
    }
}
