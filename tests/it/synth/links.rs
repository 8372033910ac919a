//! What frames show of the way they came: tags, hop limits, neighbours.

use std::collections::{BTreeMap, BTreeSet};

use headroom::base::Timestamp;
use headroom::synth::{Activity, Item, Synth};

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
fn header(frame: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Option<u16>, u8)> {
    let (tag, at) = match frame[12..14] {
        [0x81, 0] => (Some(u16::from_be_bytes([frame[14], frame[15]])), 18),
        _ => (None, 14),
    };
    let ip = &frame[at..];
    match frame[at - 2..at] {
        [8, 0] => Some((ip[12..16].to_vec(), ip[16..20].to_vec(), tag, ip[8])),
        [0x86, 0xdd] => Some((ip[8..24].to_vec(), ip[24..40].to_vec(), tag, ip[7])),
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
        let Some((from, to, tag, _)) = header(&frame) else { continue };
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
        let Some((from, _, _, hops)) = header(&frame) else { continue };
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
