//! A conversation as it is seen: read with etherparse, and judged by its numbers alone.

use std::collections::{BTreeMap, BTreeSet};

use etherparse::{NetSlice, SlicedPacket, TcpSlice, TransportSlice};

use super::super::frames::Frames;
use super::super::{Conditions, Flow};
use crate::proto::Side;

/// Ethernet header and VLAN tag, in bytes.
const LINK: usize = 14;

/// One segment as it is seen. Numbers count from the first byte of data of their side.
#[derive(Debug, Clone)]
pub struct Seen {
    pub time: i64,
    pub side: Side,
    pub sequence: i64,
    pub acknowledgment: Option<i64>,
    pub window: i64,
    pub is_syn: bool,
    pub is_fin: bool,
    pub is_reset: bool,
    pub ip_id: Option<u16>,
    pub blocks: Vec<(i64, i64)>,
    pub data: Vec<u8>,
    pub is_keep_alive: bool,
}

/// All of them, in order of time.
pub struct Trace {
    pub seen: Vec<Seen>,
    flow: Flow,
}

impl Trace {
    /// Reads frames, and sees to checksums and lengths.
    pub fn read(flow: &Flow, conditions: &Conditions, frames: &Frames) -> Self {
        let mut places = frames.places.clone();
        places.sort_by_key(|place| place.time);
        let mut trace = Self { seen: Vec::new(), flow: *flow };
        let mut first = [None; 2];
        for place in places {
            let start = place.offset as usize;
            let bytes = &frames.bytes[start..start + place.length as usize];
            let link = LINK + if flow.vlan.is_some() { 4 } else { 0 };
            let packet = SlicedPacket::from_ethernet(bytes).unwrap();
            assert_eq!(packet.vlan_ids().first().map(|id| id.value()), flow.vlan);
            let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { panic!("no TCP") };
            let (ip_id, ip_length) = check(&packet, tcp);
            if !conditions.offload {
                assert!(ip_length <= usize::from(conditions.mtu_bytes), "{ip_length}");
            }
            assert_eq!(bytes.len(), (link + ip_length).max(60));
            let side =
                if tcp.source_port() == flow.client_port { Side::Client } else { Side::Server };
            let origin = |side: Side, first: &[Option<u32>; 2]| first[side as usize].unwrap();
            if tcp.syn() {
                first[side as usize] = Some(tcp.sequence_number().wrapping_add(1));
            }
            let relative = |number: u32, origin: u32| i64::from(number.wrapping_sub(origin) as i32);
            let blocks = sack(tcp.options()).into_iter().map(|(from, to)| {
                let origin = origin(other(side), &first);
                (relative(from, origin), relative(to, origin))
            });
            trace.seen.push(Seen {
                time: place.time,
                side,
                sequence: relative(tcp.sequence_number(), origin(side, &first)),
                acknowledgment: tcp
                    .ack()
                    .then(|| relative(tcp.acknowledgment_number(), origin(other(side), &first))),
                window: i64::from(tcp.window_size()) << if tcp.syn() { 0 } else { 8 },
                is_syn: tcp.syn(),
                is_fin: tcp.fin(),
                is_reset: tcp.rst(),
                ip_id,
                blocks: blocks.collect(),
                data: tcp.payload().to_vec(),
                is_keep_alive: false,
            });
        }
        trace.find_keep_alives();
        trace
    }

    /// Bytes of the client and of the server by sequence number.
    pub fn reassembled(&self) -> [Vec<u8>; 2] {
        [Side::Client, Side::Server].map(|side| {
            let mut bytes = Vec::new();
            for seen in self.of(side).filter(|seen| !seen.is_keep_alive && !seen.data.is_empty()) {
                let start = usize::try_from(seen.sequence).expect("bytes before the first");
                bytes.resize(bytes.len().max(start + seen.data.len()), None);
                for (have, byte) in bytes[start..].iter_mut().zip(&seen.data) {
                    // What is sent again is the same.
                    assert_eq!(*have.get_or_insert(*byte), *byte);
                }
            }
            bytes.into_iter().map(|byte| byte.expect("a hole")).collect()
        })
    }

    /// Nobody acknowledges what was not seen, and the domain controller's peer nothing before it
    /// had the time to reach him.
    pub fn acknowledges_only_what_was_seen(&self) {
        // Bytes of each side that were seen, and when: up to where, ranges merged by hand.
        let mut have: [BTreeMap<i64, i64>; 2] = Default::default();
        // When what ends there was first seen.
        let mut times: [BTreeMap<i64, i64>; 2] = Default::default();
        let mut last = [i64::MIN; 2];
        for seen in &self.seen {
            let (own, others) = (seen.side as usize, other(seen.side) as usize);
            if let Some(acknowledgment) = seen.acknowledgment {
                assert!(acknowledgment >= last[own], "an acknowledgment is taken back: {seen:?}");
                last[own] = acknowledgment;
                let contiguous = have[others].get(&-1).copied().unwrap_or(-1);
                if !seen.is_syn {
                    assert!(acknowledgment <= contiguous, "{contiguous} {seen:?}");
                    let earliest = times[others].range(acknowledgment..).next();
                    let earliest = earliest.map_or(i64::MIN / 2, |(_, time)| *time);
                    let trip =
                        if seen.side == self.flow.here { 0 } else { self.flow.round_trip_ns };
                    assert!(
                        seen.time >= earliest + trip,
                        "too early by {}: {seen:?}",
                        earliest + trip - seen.time
                    );
                }
                for (from, to) in &seen.blocks {
                    if *to <= acknowledgment {
                        continue; // received twice, RFC 2883
                    }
                    assert!(acknowledgment < *from && from < to, "{seen:?}");
                    let covered = have[others].iter().any(|(a, b)| a <= from && to <= b);
                    assert!(covered, "{:?} {seen:?}", have[others]);
                }
            }
            if seen.end() > seen.start() && !seen.is_keep_alive {
                insert(&mut have[own], seen.start(), seen.end());
                times[own].entry(seen.end()).or_insert(seen.time);
            }
        }
    }

    /// Nothing is missing, repeated or swapped, and IP identifications count up.
    pub fn is_in_order(&self) {
        for side in [Side::Client, Side::Server] {
            let (mut next, mut id) = (-1, None);
            for seen in self.of(side) {
                if seen.is_keep_alive {
                    assert_eq!(seen.sequence, next - 1);
                } else {
                    assert_eq!(seen.start(), next, "{seen:?}");
                    next = seen.end();
                }
                if let (Some(before), Some(now)) = (id, seen.ip_id) {
                    let more = u16::wrapping_sub(now, before);
                    assert!((1..100).contains(&more), "{more}");
                }
                id = seen.ip_id;
            }
        }
    }

    /// Nobody sends more than the other has room for.
    pub fn heeds_windows(&self) {
        let mut edge = [i64::MAX; 2];
        for seen in &self.seen {
            let (own, others) = (seen.side as usize, other(seen.side) as usize);
            let end = seen.sequence + seen.data.len() as i64;
            assert!(end < edge[own], "{end} {}", edge[own]);
            if let Some(acknowledgment) = seen.acknowledgment.filter(|_| !seen.is_reset) {
                edge[others] = acknowledgment + seen.window;
            }
        }
    }

    /// In the end everything was acknowledged, unless there was a reset.
    pub fn is_acknowledged_to_the_end(&self) {
        if self.seen.iter().any(|seen| seen.is_reset) {
            return;
        }
        for side in [Side::Client, Side::Server] {
            let end = self.of(side).map(Seen::end);
            let acknowledged = self.of(other(side)).filter_map(|seen| seen.acknowledgment).max();
            assert_eq!(acknowledged, end.max());
        }
    }

    fn of(&self, side: Side) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(move |seen| seen.side == side)
    }

    /// Finds keep-alives: one byte, the one before the next, reported as received twice.
    fn find_keep_alives(&mut self) {
        let twice: BTreeSet<_> = self
            .seen
            .iter()
            .filter_map(|seen| match seen.blocks[..] {
                [(from, to)] if seen.acknowledgment == Some(to) && from + 1 == to => {
                    Some((other(seen.side) as usize, from))
                }
                _ => None,
            })
            .collect();
        let mut end = [-1; 2];
        for seen in &mut self.seen {
            let side = seen.side as usize;
            seen.is_keep_alive = seen.data == [0]
                && seen.sequence + 1 == end[side]
                && twice.contains(&(side, seen.sequence));
            end[side] = end[side].max(seen.end());
        }
    }
}

impl Seen {
    fn start(&self) -> i64 {
        if self.is_syn { -1 } else { self.sequence }
    }

    fn end(&self) -> i64 {
        self.start() + self.data.len() as i64 + i64::from(self.is_fin || self.is_syn)
    }
}

fn insert(have: &mut BTreeMap<i64, i64>, mut from: i64, mut to: i64) {
    let touching: Vec<_> =
        have.iter().filter(|(a, b)| **a <= to && from <= **b).map(|(a, b)| (*a, *b)).collect();
    for (a, b) in touching {
        have.remove(&a);
        (from, to) = (from.min(a), to.max(b));
    }
    have.insert(from, to);
}

fn other(side: Side) -> Side {
    if side == Side::Client { Side::Server } else { Side::Client }
}

/// Checks both checksums; identification and length of the IP packet.
fn check(packet: &SlicedPacket<'_>, tcp: &TcpSlice<'_>) -> (Option<u16>, usize) {
    let header = tcp.to_header();
    match packet.net.as_ref().unwrap() {
        NetSlice::Ipv4(ip) => {
            let ip_header = ip.header().to_header();
            assert_eq!(ip_header.header_checksum, ip_header.calc_header_checksum());
            assert!(ip_header.dont_fragment);
            let sum = header.calc_checksum_ipv4(&ip_header, tcp.payload()).unwrap();
            assert_eq!(header.checksum, sum);
            (Some(ip_header.identification), usize::from(ip_header.total_len))
        }
        NetSlice::Ipv6(ip) => {
            let ip_header = ip.header().to_header();
            let sum = header.calc_checksum_ipv6(&ip_header, tcp.payload()).unwrap();
            assert_eq!(header.checksum, sum);
            (None, 40 + usize::from(ip_header.payload_length))
        }
        NetSlice::Arp(_) => panic!("ARP"),
    }
}

/// SACK blocks, RFC 2018 section 3.
fn sack(options: &[u8]) -> Vec<(u32, u32)> {
    let mut rest = options;
    loop {
        match rest {
            [1, later @ ..] => rest = later,
            [5, length, later @ ..] => {
                let blocks = &later[..usize::from(*length) - 2];
                let number = |b: &[u8]| u32::from_be_bytes(b.try_into().unwrap());
                return blocks.chunks(8).map(|b| (number(&b[..4]), number(&b[4..]))).collect();
            }
            [_, length, later @ ..] => rest = &later[usize::from(*length) - 2..],
            _ => return Vec::new(),
        }
    }
}
