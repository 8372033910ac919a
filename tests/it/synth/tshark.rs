//! Synthesized captures in the eyes of tshark: every frame is read without a complaint, and its
//! own counts of messages are what the ground truth says.
//!
//! `SYNTH=name` plays only the activity of that name, `SYNTH_PCAP=file` keeps the capture that is
//! read last. Without tshark the tests say `skipped`.

mod fields;
mod messages;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use headroom::base::{Frame, LinkType};
use headroom::capture::{PcapWriter, Resolution};
use headroom::proto::Id;
use headroom::synth::{Item, Synth, Truth};

use super::{play, round};
use fields::Row;
use messages::{Counter, UNKNOWN_INTERFACE};

/// Severity of a warning in tshark's expert information; that of errors is above.
const WARNING: u32 = 0x0060_0000;

/// A checksum that was validated, and is right; absent where the field is none of the frame's.
const GOOD: u32 = 1;

/// Nanoseconds between the beginnings of two activities in one capture: longer than any takes.
const APART_NS: i64 = 7_200_000_000_000;

/// Warnings and errors that a capture of Windows shows, too: the beginning of tshark's message,
/// and why.
const EXPECTED: &[(&str, &str)] = &[
    (
        "Connection reset (RST)",
        "Windows ends connections that it does not need any more, as those with a KDC, by a reset; \
         tshark warns of every one",
    ),
    (
        "DNS query retransmission",
        "who gets no answer asks again under the same identifier: clients of a server whose \
         forwarder is silent, and that server",
    ),
    (
        "No dissector for algorithm:gss-tsig",
        "tshark looks into signatures of dynamic updates only under their older name, \
         gss.microsoft.com",
    ),
];

/// Frames of one part of a capture, and what its truth says.
struct Part {
    name: String,
    frames: play::Frames,
    truth: Truth,
}

#[test]
fn tshark_sees_each_activity_as_it_is_told() {
    let Some(()) = installed() else { return };
    let mut parts = Vec::new();
    for (place, activity) in (1u32..).zip(round::chosen()) {
        // A seed of its own, so that one's ports are not the other's.
        let seed = u64::from(place);
        let clients = play::cast(play::SMALL, seed).clients.len();
        // The first stands for the domain controller itself.
        let clients = 1..u32::try_from(clients).unwrap();
        let (frames, truth) = perform(play::script(activity, clients, seed), place);
        parts.push(Part { name: activity.name().to_owned(), frames, truth });
    }
    let wrong = check(&parts);
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn tshark_sees_ten_planned_minutes_as_they_are_told() {
    let Some(()) = installed() else { return };
    let synth = Synth::start(play::cast(play::SMALL, 1), &play::options(600)).unwrap();
    let (frames, truth) = play::collect(synth);
    let name = "ten minutes".to_owned();
    let wrong = check(&[Part { name, frames, truth }]);
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn tshark_finds_nothing_wrong_where_connections_go_on_from_before_the_start() {
    let Some(()) = installed() else { return };
    let options = play::stationary(600);
    for seed in 1..=3 {
        let synth = Synth::start(play::cast(play::SMALL, seed), &options).unwrap();
        let (frames, truth) = play::collect(synth);
        let rows = truth.messages().into_iter();
        let calls = rows.filter(|(id, row)| *id == Id::Dcerpc && row.from_before > 0);
        assert!(calls.count() > 3);
        let name = format!("ten minutes of seed {seed}");
        let wrong = check(&[Part { name, frames, truth }]);
        assert!(wrong.is_empty(), "\n{wrong}");
    }
}

#[test]
fn the_check_sees_what_is_wrong() {
    let Some(()) = installed() else { return };
    let script = play::script(headroom::synth::Activity::DnsLookup, 1..9, 1);
    let (frames, truth) = perform(script, 0);
    let checked = |change: fn(&mut Vec<(headroom::base::Timestamp, Vec<u8>)>)| {
        let mut frames = frames.clone();
        change(&mut frames.0);
        check(&[Part { name: "changed".to_owned(), frames, truth: truth.clone() }])
    };
    assert_eq!(checked(|_| ()), "");
    // A changed byte of an address, and one of the UDP header.
    assert!(
        checked(|frames| frames[1].1[30] ^= 1)
            .contains("ip.checksum.status 0, 1 times, first in frame 2")
    );
    assert!(
        checked(|frames| frames[1].1[35] ^= 1)
            .contains("udp.checksum.status 0, 1 times, first in frame 2")
    );
    // An answer that says it has more questions than it has.
    assert!(checked(|frames| frames[1].1[47] = 9).contains("first in frame 2"));
    let lost = checked(|frames| drop(frames.remove(1)));
    let rows = truth.messages().into_iter();
    let answers = rows.filter(|(id, row)| *id == Id::Dns && row.operation == 1 && row.is_answer);
    let told: u64 = answers.map(|(_, row)| row.count).sum();
    let expected = format!("Dns query A answer: told {told}, tshark {}", told - 1);
    assert!(lost.contains(&expected), "{lost}");
}

/// Says why nothing is checked, where it is not.
fn installed() -> Option<()> {
    match fields::version() {
        Some(version) => println!("{version}"),
        None => println!("skipped: no tshark"),
    }
    fields::version().map(drop)
}

/// Plays a script behind `place` others.
fn perform(mut script: Vec<Item>, place: u32) -> (play::Frames, Truth) {
    let behind = i64::from(place) * APART_NS;
    for item in &mut script {
        item.time = item.time.plus_nanos(behind);
    }
    let seed = u64::from(place);
    let start = play::START.plus_nanos(behind);
    let options = headroom::synth::Options { start, ..play::options(3_600) };
    let cast = play::cast(play::SMALL, seed);
    play::collect(Synth::perform(cast, &options, script.into_iter()).unwrap())
}

/// What tshark finds wrong in the parts, one behind the other in a capture, as lines.
fn check(parts: &[Part]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synth.pcap");
    write(&path, parts);
    if let Some(copy) = std::env::var_os("SYNTH_PCAP") {
        std::fs::copy(&path, copy).unwrap();
    }
    let rows = fields::read(&path, &[]);
    // By default tshark does not look for TLS behind RDP's negotiation.
    let behind_rdp = fields::read(&path, &["-d", "tcp.port==3389,tls", "-Y", "tcp.port==3389"]);
    let frames: usize = parts.iter().map(|part| part.frames.0.len()).sum();
    assert_eq!(rows.len(), frames, "tshark does not see each frame");
    let (mut out, mut first) = (String::new(), 0);
    let mut behind_rdp = behind_rdp.iter().peekable();
    for part in parts {
        let end = first + part.frames.0.len();
        let mut counter = Counter::default();
        let mut complaints = BTreeMap::new();
        let mut complain = |number: usize, row: &Row| {
            for complaint in self::complaints(row) {
                // What is behind that differs from frame to frame.
                let kind: String = complaint.chars().take(60).collect();
                complaints.entry(kind).or_insert((0, number)).0 += 1;
            }
        };
        for (number, row) in (first + 1..).zip(&rows[first..end]) {
            if !is_behind_rdp(row) {
                complain(number, row);
            }
            counter.frame(row);
        }
        let is_here = |row: &&Row| row.first("frame.number").is_some_and(|n| n as usize <= end);
        while let Some(row) = behind_rdp.next_if(|row| is_here(row)) {
            complain(row.first("frame.number").unwrap() as usize, row);
            counter.tls(row);
        }
        let mut wrong: Vec<String> = complaints
            .iter()
            .map(|(what, (times, first))| format!("{what}, {times} times, first in frame {first}"))
            .collect();
        wrong.append(&mut counter.wrong);
        differences(&part.truth, &counter, &mut wrong);
        if !wrong.is_empty() {
            let more = wrong.len().saturating_sub(12);
            wrong.truncate(12);
            out.push_str(&format!("{}:\n  {}\n", part.name, wrong.join("\n  ")));
            if more > 0 {
                out.push_str(&format!("  and {more} more\n"));
            }
        }
        first = end;
    }
    out
}

/// Whether tshark guesses what is in a frame because it does not look for TLS behind RDP's
/// negotiation: it is told to in a second run, and asked again.
fn is_behind_rdp(row: &Row) -> bool {
    let ports = [row.first("tcp.srcport"), row.first("tcp.dstport")];
    ports.contains(&Some(3389)) && row.texts("cotp.type").is_empty()
}

/// What tshark finds wrong in one frame.
fn complaints(row: &Row) -> Vec<String> {
    let mut out = Vec::new();
    let messages = row.texts("_ws.expert.message");
    if !row.texts("_ws.malformed").is_empty() {
        out.push(format!("malformed: {}", messages.join("; ")));
    }
    for field in ["ip.checksum.status", "tcp.checksum.status", "udp.checksum.status"] {
        let statuses = row.numbers(field).into_iter().filter(|status| *status != GOOD);
        out.extend(statuses.map(|status| format!("{field} {status}")));
    }
    for (severity, message) in row.numbers("_ws.expert.severity").into_iter().zip(messages) {
        let is_expected = EXPECTED.iter().any(|(beginning, _)| message.starts_with(beginning));
        if severity >= WARNING && !is_expected {
            out.push(message.to_owned());
        }
    }
    out
}

/// Where tshark's counts are not those of the truth. Remote procedure calls on connections from
/// before the start may be of an interface that is unknown, as tshark has not seen the bind.
fn differences(truth: &Truth, counter: &Counter, out: &mut Vec<String>) {
    let mut told = play::told(truth).messages;
    for (id, row) in truth.messages() {
        let key = (id, row.operation, row.is_answer);
        let seen = counter.messages.get(&key).copied().unwrap_or(0);
        let unnamed = row.count.saturating_sub(seen).min(row.from_before);
        if id == Id::Dcerpc && unnamed > 0 {
            *told.entry(key).or_default() -= unnamed;
            *told.entry((id, UNKNOWN_INTERFACE, row.is_answer)).or_default() += unnamed;
        }
    }
    told.retain(|_, count| *count > 0);
    let keys: BTreeSet<_> = told.keys().chain(counter.messages.keys()).collect();
    for key in keys {
        let (id, operation, is_answer) = *key;
        let told = told.get(key).copied().unwrap_or(0);
        let seen = counter.messages.get(key).copied().unwrap_or(0);
        if told != seen {
            let name = id.operation(operation).map_or(format!("{operation:#x}"), str::to_owned);
            let answer = if is_answer { " answer" } else { "" };
            out.push(format!("{id:?} {name}{answer}: told {told}, tshark {seen}"));
        }
    }
}

fn write(path: &Path, parts: &[Part]) {
    let out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    let mut writer = PcapWriter::new(out, LinkType(1), 262_144, Resolution::Nanoseconds).unwrap();
    for (time, bytes) in parts.iter().flat_map(|part| &part.frames.0) {
        let original_length = u32::try_from(bytes.len()).unwrap();
        let frame = Frame { time: *time, link: LinkType(1), bytes, original_length };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}
