//! Connections that were open when the capture began: they go on in it, and end in it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use headroom::base::Timestamp;
use headroom::proto::{Activity as Derived, Context, Id, Kind, Message, Outcome, Tally};
use headroom::sensor::{self, Audience, Ends};
use headroom::synth::{
    Did, Item, Options, PlanFile, PlanHeader, PlanWriter, Synth, Truth, WARM_UP_NS,
};
use headroom::wire::WireError;

use super::play;

const MINUTE_NS: i64 = 60_000_000_000;
/// An activity is told by its first segment that was sent, and heard by that which was not lost,
/// or by the last fragment: so far apart at most.
const APART_NS: i64 = 3_000_000_000;
const BRANCH: &str = include_str!("../../../captures/estates/branch.toml");

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
        let (frames, truth) = run(&text, seed, &play::stationary(600));
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

#[test]
fn neither_threads_nor_a_written_plan_change_what_goes_on() {
    let (cast, options) = (play::cast(play::SMALL, 3), play::stationary(300));
    let (one, truth) = run(play::SMALL, 3, &options);
    assert!(truth.messages().iter().any(|(_, row)| row.from_before > 0));
    assert!(one.0.is_sorted_by_key(|(time, _)| *time) && one.0[0].0 >= options.start);
    for threads in [2, 5] {
        let (other, _) = run(play::SMALL, 3, &Options { threads, ..options.clone() });
        assert!(other == one, "{threads} threads");
    }
    let Options { start, duration_ns, .. } = options;
    let header = PlanHeader { estate: "small.toml".to_owned(), seed: 3, start, duration_ns };
    let mut writer = PlanWriter::new(Vec::new(), &cast, &header).unwrap();
    options.plan(&cast).for_each(|item| writer.write(&item).unwrap());
    let text = writer.finish().unwrap();
    let items = PlanFile::open(text.as_slice()).unwrap().items(&cast);
    let items: Vec<Item> = items.map(Result::unwrap).collect();
    assert!(items[0].time < start);
    let (again, _) = play::collect(Synth::perform(cast, &options, items.into_iter()).unwrap());
    assert!(again == one, "as planned");
}

/// A TCP segment without its payload.
struct Segment {
    time: Timestamp,
    /// Who sends, and to whom.
    ends: [(IpAddr, u16); 2],
    flags: u8,
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// The frame as a TCP segment, if it is one; without VLAN tags.
fn segment((time, frame): &(Timestamp, Vec<u8>)) -> Option<Segment> {
    let (protocol, addresses, at) = match frame[12..14] {
        [0x08, 0x00] => {
            let address = |at: usize| Ipv4Addr::from(*frame[at..].first_chunk().unwrap()).into();
            (frame[23], [address(26), address(30)], 34)
        }
        [0x86, 0xdd] => {
            let address = |at: usize| Ipv6Addr::from(*frame[at..].first_chunk().unwrap()).into();
            (frame[20], [address(22), address(38)], 54)
        }
        _ => return None,
    };
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let [from, to]: [IpAddr; 2] = addresses;
    let ends = [(from, port(at)), (to, port(at + 2))];
    (protocol == 6).then(|| Segment { time: *time, ends, flags: frame[at + 13] })
}

/// Slots of five minutes.
const SLOTS: usize = 12;
const SLOT_NS: i64 = 5 * MINUTE_NS;

/// Connections of an hour, by slots.
#[derive(Debug, Default)]
struct Census {
    /// Handshakes.
    begun: [f64; SLOTS],
    /// Those with the file service; and their ends.
    sessions_begun: [f64; SLOTS],
    sessions_ended: [f64; SLOTS],
    /// Open at the beginning of each slot, that end within the hour.
    open: [f64; SLOTS],
}

impl Census {
    fn count(&mut self, frames: &play::Frames, start: Timestamp) {
        // Of each connection: the first slot at whose beginning it is open; none where it is
        // not.
        let mut open: BTreeMap<[(IpAddr, u16); 2], Option<usize>> = BTreeMap::new();
        for Segment { time, mut ends, flags } in frames.0.iter().filter_map(segment) {
            let slot = usize::try_from(time.since(start) / SLOT_NS).unwrap();
            if slot >= SLOTS {
                break;
            }
            let is_session = ends.iter().any(|(_, port)| *port == 445);
            ends.sort_unstable();
            match flags & (SYN | ACK | FIN | RST) {
                SYN => drop(open.insert(ends, None)),
                flags if flags & SYN != 0 => {
                    self.begun[slot] += 1.0;
                    self.sessions_begun[slot] += f64::from(u8::from(is_session));
                    open.insert(ends, Some(slot + 1));
                }
                flags if flags & (FIN | RST) != 0 => {
                    let Some(first) = open.entry(ends).or_insert(Some(0)).take() else { continue };
                    self.sessions_ended[slot] += f64::from(u8::from(is_session));
                    (first..=slot).for_each(|at| self.open[at] += 1.0);
                }
                _ => drop(open.entry(ends).or_insert(Some(0))),
            }
        }
    }

    /// Of what the first slot has another number than those of the middle.
    fn first_is_other(&self) -> Vec<&'static str> {
        let rows = [
            ("begun", &self.begun),
            ("sessions begun", &self.sessions_begun),
            ("sessions ended", &self.sessions_ended),
            ("open", &self.open),
        ];
        let mut out = Vec::new();
        for (name, counts) in rows {
            // In the last quarter of an hour some are open that do not end within the hour.
            let middle = &counts[3..SLOTS - 3];
            let count = f64::from(u8::try_from(middle.len()).unwrap());
            let mean = middle.iter().sum::<f64>() / count;
            let square = middle.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let noise = square.sqrt().max(mean.sqrt());
            println!("{name}: {counts:?}, in the middle {mean:.0} ± {noise:.0}");
            if (counts[0] - mean).abs() > 4.0 * noise {
                out.push(name);
            }
        }
        out
    }
}

#[test]
fn the_beginning_is_like_any_other_moment() {
    // An early afternoon.
    let start = play::START.plus_nanos(300 * MINUTE_NS);
    let census = |warm_up_ns| {
        let mut census = Census::default();
        for seed in 1..=4 {
            let hour = play::options(3_600);
            let options = Options { start, warm_up_ns, with_rows: false, ..hour };
            census.count(&run(BRANCH, seed, &options).0, start);
        }
        census.first_is_other()
    };
    assert_eq!(census(WARM_UP_NS), [""; 0]);
    // Where nothing was before it, sessions begin to end only after a quarter of an hour.
    assert_eq!(census(0), ["sessions ended", "open"]);
}
