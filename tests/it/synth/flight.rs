//! Connections that were open when the capture began: they go on in it, and end in it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use headroom::base::Timestamp;
use headroom::proto::{Activity as Derived, Context, Id, Kind, Message, Outcome, Tally};
use headroom::sensor::{self, Audience, Ends};
use headroom::synth::{
    Did, Item, Options, PlanHeader, PlanReader, PlanWriter, Synth, Truth, WARM_UP_NS,
};
use headroom::wire::WireError;

use super::play;

const MINUTE_NS: i64 = 60_000_000_000;
/// An activity is told by its first segment that was sent, and heard by that which was not lost,
/// or by the last fragment: so far apart at most.
const APART_NS: i64 = 3_000_000_000;
const BRANCH: &str = include_str!("../../../captures/estates/branch.toml");

/// Options of a run whose start is like any other moment.
fn options(seconds: i64) -> Options {
    Options { warm_up_ns: WARM_UP_NS, ..play::options(seconds) }
}

fn run(text: &str, seed: u64, options: &Options) -> (play::Frames, Truth) {
    play::collect(Synth::start(play::cast(text, seed), options).unwrap())
}

/// An activity: when, between whom, what, words, outcome.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    time: Timestamp,
    ends: [IpAddr; 2],
    kind: Kind,
    principal: Option<String>,
    target: Option<String>,
    detail: Option<String>,
    outcome: Outcome,
}

impl From<&Did> for Row {
    fn from(did: &Did) -> Self {
        let Did { kind, time, client, server, outcome, .. } = *did;
        let [principal, target, detail] =
            [&did.principal, &did.target, &did.detail].map(Clone::clone);
        Self { time, ends: [client, server], kind, principal, target, detail, outcome }
    }
}

/// What the core makes of frames, each activity with its time.
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
        let ends = ends.seen_from(activity.asked_by);
        let word = |word: Option<&dyn std::fmt::Display>| word.map(|word| word.to_string());
        self.rows.push(Row {
            time: activity.time,
            ends: ends.map(|(address, _)| address.to_string().parse().unwrap()),
            kind: activity.kind,
            principal: word(activity.principal),
            target: word(activity.target),
            detail: word(activity.detail),
            outcome: activity.outcome,
        });
    }

    fn malformed(&mut self, _: &Ends, protocol: Id, error: WireError) {
        self.malformed.push(format!("{protocol:?}: {error}"));
    }
}

/// What a core makes of it that has not seen the bind: a remote procedure call of which it does
/// not know the interface. Only replication goes on from before the start and is sealed so that
/// nothing tells whose it is.
fn without_bind(told: &Did) -> Option<Row> {
    let number = match told.detail.as_deref().filter(|_| told.is_from_before)? {
        "IDL_DRSReplicaSync" => 2,
        "IDL_DRSGetNCChanges" => 3,
        "IDL_DRSUpdateRefs" => 4,
        _ => return None,
    };
    let detail = Some(format!("opnum {number} of an unknown interface"));
    Some(Row { kind: Kind::RemoteCall, detail, ..Row::from(told) })
}

/// What the core makes otherwise of frames than they were told, beyond what it cannot know; and
/// how many remote procedure calls it could not name. Where segments get lost, it may miss some of
/// what is on connections from before the start, as it does not see where they begin.
fn differences(frames: &play::Frames, truth: &Truth, is_lossy: bool) -> (Vec<String>, usize) {
    let mut heard = Heard::default();
    let mut reading = play::Reading(Some(frames));
    sensor::hear(&mut reading, &sensor::Options::default(), &mut heard);
    let mut wrong = heard.malformed;
    let mut rows: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in heard.rows {
        rows.entry(row.ends).or_default().push(row);
    }
    let mut unnamed = 0;
    for told in truth.rows() {
        let candidates = rows.entry([told.client, told.server]).or_default();
        let find = |row: Row| {
            let same = |heard: &Row| Row { time: row.time, ..heard.clone() } == row;
            let same = candidates.iter().enumerate().filter(|(_, heard)| same(heard));
            let apart = same.map(|(at, heard)| (heard.time.since(row.time).abs(), at));
            apart.min().filter(|(apart, _)| *apart <= APART_NS).map(|(_, at)| at)
        };
        let same = find(Row::from(told));
        unnamed += usize::from(same.is_none());
        match same.or_else(|| find(without_bind(told)?)) {
            Some(at) => drop(candidates.swap_remove(at)),
            None if is_lossy && told.is_from_before => {}
            None => wrong.push(format!("not heard: {told:?}")),
        }
    }
    wrong.extend(rows.into_values().flatten().map(|row| format!("not told: {row:?}")));
    let mut unbound = [0; 2];
    for (id, row) in truth.messages() {
        let got = heard.messages.remove(&(id, row.operation, row.is_answer)).unwrap_or(0);
        let missing = row.count.saturating_sub(got);
        let may_miss = if is_lossy || id == Id::Dcerpc { row.from_before } else { 0 };
        if got > row.count || missing > may_miss {
            wrong.push(format!("{id:?} {row:?}: heard {got}"));
        }
        if id == Id::Dcerpc {
            unbound[usize::from(row.is_answer)] += missing;
        }
    }
    // Those that were missed under their name are there without one.
    for ((id, operation, is_answer), count) in heard.messages {
        let unbound = &mut unbound[usize::from(is_answer)];
        let name = id.operation(operation).unwrap_or_default();
        if id != Id::Dcerpc || name != "unknown interface" || count > *unbound {
            wrong.push(format!("not told: {count} of {id:?} {name}"));
        }
        *unbound = unbound.saturating_sub(count);
    }
    if !is_lossy && unbound != [0; 2] {
        wrong.push(format!("{unbound:?} remote procedure calls not heard at all"));
    }
    (wrong, unnamed)
}

/// What the network does to the small estate, and whether segments get lost or overtake others.
const NETWORKS: [(&str, bool); 4] = [
    ("", false),
    ("offload = true\n", false),
    ("loss = 0.02\nreordering = 0.02\n", true),
    ("offload = true\nloss = 0.01\n", true),
];

#[test]
fn the_core_gives_back_what_goes_on_from_before_the_start() {
    let (mut wrong, mut from_before, mut unnamed) = (String::new(), 0, 0);
    for seed in 1..=24 {
        let (network, is_lossy) = NETWORKS[usize::try_from(seed).unwrap() % NETWORKS.len()];
        let text = play::SMALL.replace("[network]\n", &format!("[network]\n{network}"));
        let (frames, truth) = run(&text, seed, &options(600));
        let (differences, without_name) = differences(&frames, &truth, is_lossy);
        let rows = truth.rows().iter();
        from_before += rows.filter(|did| did.is_from_before && did.kind == Kind::FileCopy).count();
        unnamed += without_name;
        if !differences.is_empty() {
            let some = differences.iter().take(8).map(|line| format!("  {line}\n"));
            wrong.push_str(&format!("seed {seed}, {network:?}:\n{}", some.collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    // There is something to be found, and something to be forgiven.
    assert!(from_before > 0 && unnamed > 0, "{from_before} {unnamed}");
}
