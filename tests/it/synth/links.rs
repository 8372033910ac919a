//! What frames show of the way they came: tags, hop limits, neighbours.

use std::collections::{BTreeMap, BTreeSet};

use headroom::base::Timestamp;
use headroom::synth::{Activity, Item, Synth, outcome_name};

use super::play;

/// The small estate, its clients' frames tagged.
fn tagged() -> String {
    play::SMALL.replace(
        "subnet6 = \"fd00:1::/64\"",
        "subnet6 = \"fd00:1::/64\"\nvlan = 12\nround_trip_ms = 0.4",
    )
}

/// Frames of a script of each client's `activities`.
fn frames(text: &str, argument: u32, activities: &[Activity]) -> Vec<(Timestamp, Vec<u8>)> {
    let cast = play::cast(text, 3);
    let clients = u32::try_from(cast.clients.len()).unwrap();
    let script = activities.iter().flat_map(|activity| play::script(*activity, 1..clients, 3));
    let mut script: Vec<Item> = script.map(|item| Item { argument, ..item }).collect();
    script.sort_by_key(|item| item.time);
    let synth = Synth::perform(cast, &play::options(3_600), script.into_iter()).unwrap();
    play::collect(synth).0.0
}

/// Addresses of a frame's sender and receiver, its tag and its hop limit.
fn header(frame: &[u8]) -> Option<([Vec<u8>; 2], Option<u16>, u8)> {
    let (tag, at) = match frame[12..14] {
        [0x81, 0] => (Some(u16::from_be_bytes([frame[14], frame[15]])), 18),
        _ => (None, 14),
    };
    let ip = &frame[at..];
    match frame[at - 2..at] {
        [8, 0] => Some(([ip[12..16].to_vec(), ip[16..20].to_vec()], tag, ip[8])),
        [0x86, 0xdd] => Some(([ip[8..24].to_vec(), ip[24..40].to_vec()], tag, ip[7])),
        _ => None,
    }
}

/// Whether an address is of a client of Hamburg, behind a router.
fn is_far(address: &[u8]) -> bool {
    address.starts_with(&[10, 1]) || address.starts_with(&[0xfd, 0, 0, 1])
}

/// Whether it is of a host beside the domain controller, or of one that has no address yet.
fn is_near(address: &[u8]) -> bool {
    address.starts_with(&[10, 9, 0])
        || address.starts_with(&[0xfd, 0, 0, 9])
        || address == [0, 0, 0, 0]
}

#[test]
fn frames_to_and_from_a_client_have_its_tag() {
    let mut seen = [0; 2];
    for (_, frame) in frames(&tagged(), 0, Activity::ALL) {
        let Some(([from, to], tag, _)) = header(&frame) else { continue };
        let is_tagged = is_far(&from) || is_far(&to);
        assert_eq!(tag, is_tagged.then_some(12), "{from:?} {to:?}");
        seen[usize::from(is_tagged)] += 1;
    }
    assert!(seen.iter().all(|count| *count > 1_000), "{seen:?}");
}

#[test]
fn routers_take_as_many_hops_from_all_that_comes_from_behind_them() {
    let mut far = BTreeMap::<usize, BTreeSet<u8>>::new();
    for (_, frame) in frames(&tagged(), 0, Activity::ALL) {
        let Some(([from, _], _, hops)) = header(&frame) else { continue };
        if is_near(&from) {
            // Link-local groups have one of their own.
            assert!(hops == 128 || hops == 1 && frame[0] & 1 == 1, "{from:?} {hops}");
        } else if is_far(&from) {
            far.entry(from.len()).or_default().insert(hops);
        }
    }
    let all: BTreeSet<u8> = far.values().flatten().copied().collect();
    assert_eq!((far.len(), all.len()), (2, 1), "{far:?}");
    assert!(all.iter().all(|hops| (122..128).contains(hops)), "{all:?}");
}

#[test]
fn a_neighbour_that_is_off_is_asked_for_its_ethernet_address_and_nothing_else() {
    let cast = play::cast(play::SMALL, 3);
    let near: Vec<[u8; 4]> =
        cast.clients.iter().skip(1).filter(|c| c.site == 1).map(|c| c.v4.octets()).collect();
    let all = frames(play::SMALL, 1, &[Activity::NameProbe]);
    for address in &near {
        let asks = |frame: &[u8]| frame[12..14] == [8, 6] && frame[38..42] == *address;
        let times: Vec<i64> =
            all.iter().filter(|(_, frame)| asks(frame)).map(|(time, _)| time.nanos()).collect();
        assert_eq!(times.len(), 3);
        assert!(times.windows(2).all(|pair| (pair[1] - pair[0]) / 1_000_000 == 1_000));
    }
    let spoken_to = all.iter().filter_map(|(_, frame)| header(frame));
    let spoken_to: BTreeSet<Vec<u8>> = spoken_to.map(|([_, to], ..)| to).collect();
    assert!(near.iter().all(|address| !spoken_to.contains(&address[..])), "{spoken_to:?}");
    assert!(spoken_to.iter().any(|to| is_far(to)));
}

#[test]
fn an_address_has_a_name_or_none_whoever_asks_for_it() {
    let cast = play::cast(play::SMALL, 3);
    let clients = u32::try_from(cast.clients.len()).unwrap();
    let mut script = play::script(Activity::NameProbe, 1..clients, 3);
    script.iter_mut().for_each(|item| item.argument = 1);
    script.extend((0..20).flat_map(|seed| play::script(Activity::DnsReverse, 1..clients, seed)));
    script.sort_by_key(|item| item.time);
    let synth = Synth::perform(cast, &play::options(3_600), script.into_iter()).unwrap();
    let (_, truth) = play::collect(synth);
    let mut outcomes = BTreeMap::<String, BTreeSet<&str>>::new();
    for row in truth.rows().iter().filter(|row| row.detail.as_deref() == Some("PTR")) {
        let name = row.target.clone().unwrap_or_default();
        outcomes.entry(name).or_default().insert(outcome_name(row.outcome));
    }
    assert!(outcomes.values().all(|outcomes| outcomes.len() == 1), "{outcomes:?}");
    let known = |outcome| {
        outcomes.iter().any(|(name, o)| name.ends_with(".10.in-addr.arpa") && o.contains(outcome))
    };
    assert!(known("success") && known("failure"), "{outcomes:?}");
}

#[test]
fn who_is_refused_asks_as_who_is_accepted_and_refusals_are_counted() {
    let (mut windows, mut ids) = (BTreeSet::new(), BTreeSet::new());
    for (_, frame) in frames(play::SMALL, 0, &[Activity::NameProbe]) {
        // Over IPv4, without a tag.
        if frame[12..14] != [8, 0] || frame[23] != 6 {
            continue;
        }
        match frame[47] {
            0x02 => drop(windows.insert(u16::from_be_bytes([frame[48], frame[49]]))),
            0x14 => drop(ids.insert(u16::from_be_bytes([frame[18], frame[19]]))),
            _ => {}
        }
    }
    assert_eq!(windows, BTreeSet::from([64_240]));
    assert!(ids.len() > 10 && !ids.contains(&0), "{ids:?}");
}

#[test]
fn a_neighbour_that_starts_claims_its_address_and_looks_for_the_domain_controller() {
    let cast = play::cast(play::SMALL, 3);
    let all = frames(play::SMALL, 0, &[Activity::Boot]);
    let near = cast.clients.iter().skip(1).filter(|client| client.site == 1);
    let mut seen = 0;
    for client in near {
        let own = all.iter().filter(|(_, frame)| frame[6..12] == client.own_mac());
        let own: Vec<&[u8]> = own.map(|(_, frame)| &frame[..]).collect();
        let address = client.v4.octets();
        let first = own.iter().take_while(|frame| frame[12..14] == [8, 6]);
        let asked: Vec<([u8; 4], [u8; 4])> = first
            .map(|frame| (frame[28..32].try_into().unwrap(), frame[38..42].try_into().unwrap()))
            .collect();
        let (probe, announcement) = (([0; 4], address), (address, address));
        let question = (address, [10, 9, 0, 1]);
        assert_eq!(asked, [probe, probe, probe, announcement, announcement, question]);
        // Whoever speaks IPv6 looks for that address, too; then there is more.
        assert_eq!(client.v6.is_some(), own[6][12..14] == [0x86, 0xdd] && own[6][54] == 135);
        assert!(own.len() > 20);
        seen += 1;
    }
    assert!(seen > 2, "{seen}");
}
