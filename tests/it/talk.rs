//! Connections on the whole path that are not as the book has them.

use headroom::proto::{Id, Transport};

use super::fuzz::path::{Frames, Told};

const CLIENT: u32 = 1_000;
const SERVER: u32 = 7_000;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

/// An LDAP search of the rootDSE, and that it is done.
const SEARCH: &[u8] = b"\x30\x25\x02\x01\x02\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\
    \x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";
const DONE: &[u8] = b"\x30\x0c\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00";

/// A connection that is open.
fn opened(port: u16) -> Frames {
    let mut frames = Frames::default();
    frames.tcp(1, true, port, (CLIENT - 1, 0, SYN), &[]);
    frames.tcp(1, false, port, (SERVER - 1, CLIENT, SYN | ACK), &[]);
    frames
}

fn at(start: u32, offset: usize) -> u32 {
    start + u32::try_from(offset).unwrap()
}

/// A search, resets by both that say `sequence`, and the answer.
fn reset_at(sequence: u32) -> Told {
    let mut frames = opened(389);
    frames.tcp(1, true, 389, (CLIENT, SERVER, ACK), SEARCH);
    frames.tcp(1, true, 389, (sequence, 0, RST), &[]);
    frames.tcp(1, false, 389, (sequence, 0, RST), &[]);
    frames.tcp(1, false, 389, (SERVER, at(CLIENT, SEARCH.len()), ACK), DONE);
    frames.hear()
}

#[test]
fn a_reset_from_elsewhere_ends_nothing() {
    let real = reset_at(at(CLIENT, SEARCH.len()));
    assert_eq!((real.activities, real.unanswered), (1, 1), "{real:?}");
    let forged = reset_at(CLIENT + 0x5000_0000);
    assert_eq!((forged.activities, forged.unanswered), (1, 0), "{forged:?}");
}

#[test]
fn the_first_segment_may_come_second() {
    for cut in [10, 20, 30] {
        let (first, second) = SEARCH.split_at(cut);
        let mut frames = opened(389);
        frames.tcp(1, true, 389, (at(CLIENT, cut), SERVER, ACK), second);
        frames.tcp(1, true, 389, (CLIENT, SERVER, ACK), first);
        frames.tcp(1, false, 389, (SERVER, at(CLIENT, SEARCH.len()), ACK), DONE);
        let told = frames.hear();
        assert_eq!((told.activities, told.unanswered), (1, 0), "cut at {cut}: {told:?}");
    }
}

#[test]
fn another_protocol_may_come_in_small_segments() {
    let request = b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00";
    let samples = Id::Tls.samples();
    let hello = samples.iter().find(|s| s.transport == Transport::Tcp && s.bytes[0] == 0x16);
    let stream = [&request[..], &hello.unwrap().bytes].concat();
    let heard = |size: usize| {
        let mut frames = opened(3389);
        for (number, piece) in stream.chunks(size).enumerate() {
            frames.tcp(1, true, 3389, (at(CLIENT, number * size), SERVER, ACK), piece);
        }
        frames.hear().messages
    };
    let whole = heard(1_400);
    assert!(whole.iter().any(|(id, ..)| *id == Id::Tls), "{whole:?}");
    for size in 1..=8 {
        assert_eq!(heard(size), whole, "segments of {size} bytes");
    }
}

#[test]
fn messages_go_on_behind_a_torn_one() {
    // An entry of 8 KiB, whose middle is lost, and the end of the search right behind it.
    let mut answer =
        b"\x30\x82\x20\x05\x02\x01\x02\x64\x82\x1f\xfe\x04\x00\x30\x82\x1f\xf8".to_vec();
    answer.resize(4 + 0x2005, 0);
    answer.extend(DONE);
    for lost in [1, 5] {
        let mut frames = opened(389);
        frames.tcp(1, true, 389, (CLIENT, SERVER, ACK), SEARCH);
        let asked = at(CLIENT, SEARCH.len());
        for (number, piece) in answer.chunks(1_000).enumerate().filter(|(at, _)| *at != lost) {
            frames.tcp(1, false, 389, (at(SERVER, number * 1_000), asked, ACK), piece);
        }
        frames.tcp(1, true, 389, (asked, at(SERVER, answer.len()), ACK), &[]);
        let told = frames.hear();
        assert_eq!((told.activities, told.unanswered), (1, 0), "{lost}: {told:?}");
    }
}
