//! Names and addresses where an estate is not the small one: answers that do not fit, forwarders
//! that say nothing, neighbours, networks without NetBIOS neighbours.

use std::collections::{BTreeMap, BTreeSet};

use headroom::base::Timestamp;
use headroom::proto::dns::Section;
use headroom::proto::{Context, Kind, Message, Tally};
use headroom::sensor::{Audience, Ends};
use headroom::synth::{Activity, Item, Synth, Truth, outcome_name};

use super::play::{self, Reading};

/// Plays the script in an estate; the core must give it back.
fn played(text: &str, script: Vec<Item>) -> Truth {
    let synth =
        Synth::perform(play::cast(text, 3), &play::options(3_600), script.into_iter()).unwrap();
    let (frames, truth) = play::collect(synth);
    let differences = play::differences(&play::told(&truth), &play::hear(&frames));
    assert!(differences.is_empty(), "\n{differences}");
    truth
}

/// Each client once.
fn everybody(text: &str, activity: Activity) -> Vec<Item> {
    let clients = play::cast(text, 3).clients.len();
    play::script(activity, 1..u32::try_from(clients).unwrap(), 3)
}

/// How many activities of a kind, and with which outcome, are derived.
fn count(truth: &Truth, kind: Kind, outcome: &str) -> usize {
    let rows = truth.rows().iter();
    rows.filter(|row| row.kind == kind && outcome_name(row.outcome) == outcome).count()
}

#[test]
fn a_long_list_of_domain_controllers_is_asked_for_again_over_tcp() {
    let more: String = (3..15).map(|number| format!(
        "\n[[domain_controller]]\nname = \"DC{number:02}\"\naddresses = [\"10.9.0.{number}\"]\nsite = \"Hamburg\"\nroles = [\"dns\"]\n"
    )).collect();
    // Only some of the clients use the first of them.
    let many = format!("{}{more}", play::SMALL.replace("count = 8", "count = 80"));
    for (text, exchanges) in [(play::SMALL, 1), (&many, 2)] {
        let mut script = everybody(text, Activity::DnsLocate);
        script.iter_mut().for_each(|item| item.argument = 1);
        let asked = count(&played(text, script.clone()), Kind::DnsQuery, "success");
        assert_eq!(asked, exchanges * script.len());
    }
}

#[test]
fn who_gets_no_answer_from_a_forwarder_asks_again() {
    let parameters =
        "\n[parameters]\ndns.forwarded_share = 1\ndns.unanswered_share = 1\ndns.tcp_share = 0\n";
    for other_serves_dns in [true, false] {
        let roles = if other_serves_dns { "roles = [\"dns\"]" } else { "roles = []" };
        let text = play::SMALL.replace("roles = [\"dns\"]", roles) + parameters;
        let script = everybody(&text, Activity::DnsOutside);
        let truth = played(&text, script.clone());
        let failed = count(&truth, Kind::DnsLookup, "failure");
        // Both questions of the server to its forwarder, and clients that are not told.
        let silent = count(&truth, Kind::DnsLookup, "unanswered");
        assert_eq!((failed > 0, failed + silent), (true, 3 * script.len()));
        let asked: u64 =
            truth.messages().iter().filter(|(_, m)| !m.is_answer).map(|(_, m)| m.count).sum();
        let tries = if other_serves_dns { 3 } else { 4 };
        assert_eq!(asked, (tries + 2) * script.len() as u64);
    }
}

#[test]
fn neighbours_get_their_addresses_by_broadcast_and_others_through_a_relay() {
    let cast = play::cast(play::SMALL, 3);
    let mut script = everybody(play::SMALL, Activity::DhcpLease);
    let near = |item: &Item| cast.client(item.client).site == HALL;
    let everyone: std::net::IpAddr = "255.255.255.255".parse().unwrap();
    let (neighbours, others): (Vec<Item>, Vec<Item>) = script.drain(..).partition(near);
    assert!(!neighbours.is_empty() && !others.is_empty());
    let truth = played(play::SMALL, neighbours.clone());
    assert_eq!(truth.rows().len(), neighbours.len());
    assert!(truth.rows().iter().all(|row| row.client == everyone && row.principal.is_none()));
    let truth = played(play::SMALL, others.clone());
    assert_eq!(truth.rows().len(), others.len());
    let relay: std::net::IpAddr = "10.1.0.1".parse().unwrap();
    assert!(truth.rows().iter().all(|row| row.client == relay && row.principal.is_some()));
}

/// Index of the site whose subnet the domain controllers are in.
const HALL: u32 = 1;

#[test]
fn broadcasts_of_another_subnet_are_not_seen() {
    let cast = play::cast(play::SMALL, 3);
    for activity in [Activity::NbnsBroadcast, Activity::BrowserAnnounce] {
        let all = everybody(play::SMALL, activity);
        let near = all.iter().filter(|item| cast.client(item.client).site == HALL).count();
        let (near, frames) = (near as u64, played(play::SMALL, all).frames);
        // Each of them once, or the same question three times.
        let times = if activity == Activity::NbnsBroadcast { 3 } else { 1 };
        assert_eq!((near > 0, frames), (true, near * times));
    }
}

#[test]
fn who_is_behind_a_router_has_its_ethernet_address() {
    let cast = play::cast(play::SMALL, 3);
    let script = everybody(play::SMALL, Activity::TimeRequest);
    let options = play::options(3_600);
    let (frames, _) =
        play::collect(Synth::perform(cast.clone(), &options, script.into_iter()).unwrap());
    let (mut near, mut far, mut seen) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (_, frame) in &frames.0 {
        let [to, from] = [&frame[..6], &frame[6..12]];
        // IPv4: source at 26; the destination's address is that of the other.
        if frame[12..14] != [8, 0] || frame[26..29] == [10, 9, 0] && frame[29] < 16 {
            seen.insert(to.to_vec());
            continue;
        }
        let is_near = frame[26..29] == [10, 9, 0];
        if is_near { &mut near } else { &mut far }.insert(from.to_vec());
    }
    assert_eq!((far.len(), near.len() > 1), (1, true), "{far:?} {near:?}");
    assert!(near.is_disjoint(&far));
    assert!(near.iter().chain(&far).all(|mac| seen.contains(mac)), "{seen:?}");
}

#[test]
fn nobody_answers_the_sensor_at_an_address_that_is_off() {
    let mut script = everybody(play::SMALL, Activity::NameProbe);
    let answers = |truth: &Truth| -> u64 {
        let of = truth.messages();
        let of = of.iter().filter(|(id, row)| row.is_answer && *id != headroom::proto::Id::Dns);
        of.map(|(_, row)| row.count).sum()
    };
    assert!(answers(&played(play::SMALL, script.clone())) > 5);
    script.iter_mut().for_each(|item| item.argument = 1);
    let truth = played(play::SMALL, script.clone());
    // Only reverse DNS says who it was.
    assert_eq!(answers(&truth), 0);
    let asked =
        count(&truth, Kind::DnsLookup, "success") + count(&truth, Kind::DnsLookup, "failure");
    assert_eq!(asked, script.len());
}

/// Names outside: questions of the server to a forwarder, and its answers to clients.
#[derive(Default)]
struct Outside(Vec<(Timestamp, (String, u16), Option<u32>)>);

impl Audience for Outside {
    fn message(&mut self, ends: &Ends, context: &Context, message: &Message<'_>, _: Tally) {
        let Message::Dns(view) = message else { return };
        let Some(Ok(question)) = view.questions().next() else { return };
        let name = question.name.to_string().to_lowercase();
        if name.ends_with("corp.example") || name.ends_with(".arpa") || view.opcode() != 0 {
            return;
        }
        let is_upstream = ends.server.0.to_string() == "192.0.2.53";
        let ttl = view.records().find_map(|record| match record {
            Ok((Section::Answer | Section::Authority, record)) => Some(record.ttl_seconds),
            _ => None,
        });
        let is_answer = view.is_response() && ttl.is_some();
        if is_upstream && !view.is_response() || !is_upstream && is_answer {
            self.0.push((context.time, (name, question.kind), ttl));
        }
    }
}

#[test]
fn an_answer_out_of_the_cache_ends_when_it_was_said_to() {
    let parameters = "\n[parameters]\ndns.unanswered_share = 0\ndns.tcp_share = 0\n";
    let text = play::SMALL.replace("count = 8", "count = 400") + parameters;
    let (frames, _) =
        play::collect(Synth::start(play::cast(&text, 2), &play::options(900)).unwrap());
    let mut outside = Outside::default();
    headroom::sensor::hear(&mut Reading(Some(&frames)), &Default::default(), &mut outside);
    // Conversations are heard one beside the other.
    outside.0.sort();
    // Of each name and type: when the last answer ends, in seconds; whether it has come out of the
    // cache; questions to a forwarder whose answer has not gone on to a client.
    let mut known: BTreeMap<(String, u16), (f64, bool, u32)> = BTreeMap::new();
    let (mut answers, mut fetched) = (0, 0);
    for (time, key, ttl) in outside.0 {
        let now = time.nanos() as f64 / 1e9;
        let (end, is_cached, asked) = known.entry(key.clone()).or_default();
        let Some(ttl) = ttl else {
            assert!(!*is_cached || now > *end - 1.0, "{key:?} is fetched though it is cached");
            *asked += 1;
            continue;
        };
        let new = now + f64::from(ttl);
        assert!(new < *end + 1.5 || now > *end - 1.5, "{key:?} lives longer all at once");
        answers += 1;
        *is_cached = *asked == 0;
        fetched += u32::from(*asked > 0);
        (*end, *asked) = (new, asked.saturating_sub(1));
    }
    let share = f64::from(fetched) / f64::from(answers);
    assert!(answers > 5_000 && (0.25..0.37).contains(&share), "{share} of {answers}");
}
