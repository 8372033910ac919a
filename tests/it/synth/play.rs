//! Synthesized frames, and what the core makes of them.

use std::collections::BTreeMap;

use headroom::base::{Batch, FrameSource, Timestamp};
use headroom::estate::Estate;
use headroom::proto::{Activity as Derived, Context, Id, Message, Tally};
use headroom::sensor::{self, Audience, Ends};
use headroom::synth::{Activity, Cast, Did, Item, Options, Synth, Truth, WARM_UP_NS, outcome_name};
use headroom::wire::WireError;

/// A small estate with one of everything.
pub const SMALL: &str = include_str!("small.toml");

/// Monday, 2026-01-12 08:00 UTC.
pub const START: Timestamp = Timestamp::from_parts(1_768_204_800, 0);

/// Options of a run of that length in which every connection begins, so that the core can know
/// all that is told.
pub fn options(seconds: i64) -> Options {
    Options {
        start: START,
        duration_ns: seconds * 1_000_000_000,
        warm_up_ns: 0,
        threads: 1,
        segment_bytes_max: None,
        with_rows: true,
    }
}

/// Options of one whose beginning is like any other moment.
pub fn stationary(seconds: i64) -> Options {
    Options { warm_up_ns: WARM_UP_NS, ..options(seconds) }
}

/// Everybody of an estate file.
pub fn cast(text: &str, seed: u64) -> Cast {
    let estate = Estate::parse(text, "test.toml").unwrap();
    Cast::new(&estate, None, &[], seed).unwrap()
}

/// Each client of `clients` does `activity` once, a second apart.
pub fn script(activity: Activity, clients: impl IntoIterator<Item = u32>, seed: u64) -> Vec<Item> {
    let mut random = headroom::base::Random::new(seed);
    let clients = (0i64..).zip(clients);
    let items = clients.map(|(second, client)| Item {
        time: START.plus_nanos(second * 1_000_000_000),
        client,
        activity,
        argument: 0,
        variation: random.next_u64(),
    });
    items.collect()
}

/// Frames of a run, all of them, and its ground truth.
pub fn collect(mut synth: Synth) -> (Frames, Truth) {
    let mut frames = Frames::default();
    let mut batch = Batch::default();
    while synth.fill(&mut batch) {
        for frame in batch.frames() {
            frames.0.push((frame.time, frame.bytes.to_vec()));
        }
    }
    (frames, synth.finish().unwrap())
}

/// Frames in memory.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Frames(pub Vec<(Timestamp, Vec<u8>)>);

/// Reads [`Frames`] in one batch.
pub struct Reading<'a>(pub Option<&'a Frames>);

impl FrameSource for Reading<'_> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.records.clear();
        let Some(frames) = self.0.take() else { return false };
        for (time, bytes) in &frames.0 {
            let length = u32::try_from(bytes.len()).unwrap();
            batch.records.push(headroom::base::Record {
                time: *time,
                offset: u32::try_from(batch.bytes.len()).unwrap(),
                captured_length: length,
                original_length: length,
                link: headroom::base::LinkType(1),
                interface: 0,
            });
            batch.bytes.extend_from_slice(bytes);
        }
        true
    }
}

/// What the core makes of frames.
#[derive(Debug, Default, PartialEq)]
pub struct Heard {
    /// Messages by protocol, operation, whether an answer.
    pub messages: BTreeMap<(Id, u32, bool), u64>,
    /// Activities as lines: kind, ends, words, outcome.
    pub activities: BTreeMap<String, u64>,
    /// What is malformed.
    pub malformed: Vec<String>,
}

impl Audience for Heard {
    fn message(&mut self, _: &Ends, _: &Context, message: &Message<'_>, tally: Tally) {
        *self.messages.entry((message.id(), tally.operation, tally.is_answer)).or_default() += 1;
    }

    fn activity(&mut self, ends: &Ends, activity: &Derived<'_>) {
        let [(client, _), (server, _)] = ends.seen_from(activity.asked_by);
        let word = |word: Option<&dyn std::fmt::Display>| word.map(|word| word.to_string());
        let line = line(
            activity.kind.name(),
            (&client, &server),
            [word(activity.principal), word(activity.target), word(activity.detail)],
            activity.outcome,
        );
        *self.activities.entry(line).or_default() += 1;
    }

    fn malformed(&mut self, _: &Ends, protocol: Id, error: WireError) {
        self.malformed.push(format!("{protocol:?}: {error}"));
    }
}

fn line(
    kind: &str,
    ends: (&dyn std::fmt::Display, &dyn std::fmt::Display),
    words: [Option<String>; 3],
    outcome: headroom::proto::Outcome,
) -> String {
    let [principal, target, detail] = words.map(|word| word.unwrap_or_else(|| "-".to_owned()));
    let (client, server) = ends;
    format!("{kind} {client} > {server} as {principal} on {target} ({detail}): {outcome:?}")
}

/// What the core makes of the frames.
pub fn hear(frames: &Frames) -> Heard {
    let mut heard = Heard::default();
    sensor::hear(&mut Reading(Some(frames)), &sensor::Options::default(), &mut heard);
    heard
}

/// The same out of the ground truth.
pub fn told(truth: &Truth) -> Heard {
    let mut told = Heard::default();
    for (id, row) in truth.messages() {
        told.messages.insert((id, row.operation, row.is_answer), row.count);
    }
    for did in truth.rows() {
        let words = [did.principal.clone(), did.target.clone(), did.detail.clone()];
        let line = line(did.kind.name(), (&did.client, &did.server), words, did.outcome);
        *told.activities.entry(line).or_default() += 1;
    }
    let derived: u64 = truth.derived().iter().map(|row| row.count).sum();
    assert_eq!(derived, told.activities.values().sum::<u64>());
    for row in truth.derived() {
        let same = |d: &&Did| d.kind == row.kind && outcome_name(d.outcome) == row.outcome;
        let is_old = |d: &&Did| d.is_from_before;
        let of = truth.rows().iter().filter(same);
        assert_eq!(of.clone().count() as u64, row.count);
        assert_eq!(of.filter(is_old).count() as u64, row.from_before);
    }
    told
}

/// What differs between what was put on the wire and what the core heard, as lines; empty where
/// nothing does.
pub fn differences(told: &Heard, heard: &Heard) -> String {
    let mut out = String::new();
    for error in heard.malformed.iter().take(10) {
        out.push_str(&format!("malformed: {error}\n"));
    }
    let keys = told.messages.keys().chain(heard.messages.keys());
    for key in keys.collect::<std::collections::BTreeSet<_>>() {
        let count = |of: &Heard| of.messages.get(key).copied().unwrap_or(0);
        if count(told) != count(heard) {
            let (id, operation, is_answer) = key;
            let name = id.operation(*operation).unwrap_or("?");
            let what = if *is_answer { "answer" } else { "request" };
            out.push_str(&format!(
                "messages: {id:?} {operation} ({name}) {what}: told {}, heard {}\n",
                count(told),
                count(heard)
            ));
        }
    }
    let lines = told.activities.keys().chain(heard.activities.keys());
    for line in lines.collect::<std::collections::BTreeSet<_>>() {
        let count = |of: &Heard| of.activities.get(line).copied().unwrap_or(0);
        if count(told) != count(heard) {
            out.push_str(&format!("told {}, heard {}: {line}\n", count(told), count(heard)));
        }
    }
    out
}
