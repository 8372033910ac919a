//! What must hold for any bytes at all, one function per fuzz target.
//!
//! Also part of the integration tests, which run every check on a few hundred inputs, so that
//! this file builds whenever the rest does.

#![allow(dead_code, missing_docs, reason = "each fuzz target uses one function of this file")]

use std::io::Cursor;
use std::sync::OnceLock;

use headroom::base::{Batch, Frame, FrameSource, LinkType, Timestamp};
use headroom::capture::Reader;
use headroom::counters::{self, Names};
use headroom::estate::Estate;
use headroom::flow::{Decoder, Flag, FragmentLimits, Reassembler, decode as decode_frame};
use headroom::privacy::{Key, Pseudonyms, Scrubber};
use headroom::proto::{self, Id, Step, Transport};
use headroom::wire::Writer;

/// Bytes of frames after which a capture is left alone: a packed one may hold gigabytes.
const WALK_BYTES: usize = 16 << 20;

/// Datagrams of one `decode` input; fragments of one datagram need a few.
const FRAMES_MAX: i64 = 64;

/// Every record lies inside its batch and is decoded without a panic.
pub fn capture(data: &[u8]) {
    let Ok(mut reader) = Reader::from_read("fuzz", Cursor::new(data.to_vec())) else { return };
    let (mut batch, mut walked, mut records) = (Batch::default(), 0, 0_u64);
    while walked < WALK_BYTES && reader.fill(&mut batch) {
        assert_eq!(batch.first_frame, records);
        for record in &batch.records {
            assert!(record.captured_length <= record.original_length);
            let end = record.offset as usize + record.captured_length as usize;
            assert!(end <= batch.bytes.len(), "{record:?} ends behind the batch");
            decoded(&batch.frame(record), record.offset);
        }
        records += batch.records.len() as u64;
        // A record without data still takes its header.
        walked += batch.bytes.len().max(batch.records.len());
    }
    if walked < WALK_BYTES {
        assert_eq!(reader.finish().records, records);
    }
}

/// Frames of any link type: payloads lie inside the frame, put-together datagrams inside the
/// limit. Two bytes of link type, then frames of one byte length and that many bytes.
pub fn decode(data: &[u8]) {
    let Some((link, mut rest)) = data.split_first_chunk::<2>() else { return };
    let link = LinkType(u16::from_le_bytes(*link));
    let mut reassembler = Reassembler::new(FragmentLimits::default());
    let mut side = Vec::new();
    for second in 0..FRAMES_MAX {
        let Some((&length, bytes)) = rest.split_first() else { break };
        let (bytes, behind) = bytes.split_at(bytes.len().min(length.into()));
        rest = behind;
        // Odd lengths: cut by one byte.
        let original_length = u32::from(length) + u32::from(length & 1);
        let time = Timestamp::from_parts(second, 0);
        let frame = Frame { time, link, bytes, original_length };
        let mut packet = decoded(&frame, 7);
        if packet.has(Flag::Fragment) {
            let start = packet.payload_offset as usize - 7;
            let data = &bytes[start..start + packet.payload_length as usize];
            side.clear();
            reassembler.take(&mut packet, data, &mut side);
            assert!(side.len() <= usize::from(u16::MAX));
        }
    }
    reassembler.finish();
}

/// Frames of any link type come out of the anonymiser in order, with their lengths. The
/// input is that of `decode`.
pub fn anonymise(data: &[u8]) {
    let Some((link, mut rest)) = data.split_first_chunk::<2>() else { return };
    let link = LinkType(u16::from_le_bytes(*link));
    let mut scrubber = Scrubber::new(Pseudonyms::new(&Key::from_secret(b"fuzz")));
    let (mut want, mut got) = (Vec::new(), Vec::new());
    let mut out = |frame: &Frame<'_>, interface: u16| {
        got.push((frame.time, frame.bytes.len(), frame.original_length, interface));
        Ok(())
    };
    for second in 0..FRAMES_MAX {
        let Some((&length, bytes)) = rest.split_first() else { break };
        let (bytes, behind) = bytes.split_at(bytes.len().min(length.into()));
        rest = behind;
        let time = Timestamp::from_parts(second, 0);
        let original_length = u32::from(length) + u32::from(length & 1);
        let frame = Frame { time, link, bytes, original_length };
        want.push((time, bytes.len(), original_length, 3));
        scrubber.take(&frame, 3, &mut out).expect("`out` takes everything");
    }
    scrubber.finish(&mut out).expect("`out` takes everything");
    assert_eq!(got, want);
}

/// Decodes `frame`; its payload must lie inside it.
fn decoded(frame: &Frame<'_>, base: u32) -> headroom::flow::Packet {
    let mut packet = headroom::flow::Packet::default();
    decode_frame(&Decoder::default(), frame, base, &mut packet);
    let end = u64::from(packet.payload_offset) + u64::from(packet.payload_length);
    assert!(packet.payload_offset >= base && end <= u64::from(base) + frame.bytes.len() as u64);
    packet
}

/// Both directions of a flow carry the same protocol. Four bytes of ports, one of flags, then
/// the payload.
pub fn recognise(data: &[u8]) {
    let Some((&[a, b, c, d, flags], payload)) = data.split_first_chunk::<5>() else { return };
    let (one, other) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let (transport, at_start) = (transport(flags), flags & 2 != 0);
    let there = proto::recognise(transport, one, other, payload, at_start);
    let back = proto::recognise(transport, other, one, payload, at_start);
    assert_eq!(there, back);
    proto::carries_ntlmssp(payload);
    for id in Id::ALL {
        id.probe(payload, transport);
    }
}

/// A message lies inside the input, a wish for more is honest, and what was emitted is read
/// back the same. A byte of protocol, one of flags, one of sample, then the input, which is
/// laid over that sample where the flags say so: a fuzzer needs no seeds then.
pub fn step(data: &[u8]) {
    let Some((&[protocol, flags, sample], payload)) = data.split_first_chunk::<3>() else { return };
    let id = Id::ALL[usize::from(protocol) % Id::COUNT];
    let samples = id.samples();
    let (transport, input) = match samples.get(usize::from(sample) % samples.len().max(1)) {
        Some(sample) if flags & 2 != 0 => (sample.transport, laid_over(payload, &sample.bytes)),
        _ => (transport(flags), payload.to_vec()),
    };
    match id.step(&input, transport) {
        Step::Message { length } => assert!((1..=input.len()).contains(&length), "{length}"),
        Step::NeedMore { total } => assert!(total > input.len(), "{total} of {}", input.len()),
        Step::Malformed(_) => {}
    }
    let mut once = Vec::new();
    if id.reencode(&input, transport, &mut Writer::new(&mut once)).is_ok() {
        let mut twice = Vec::new();
        let again = id.reencode(&once, transport, &mut Writer::new(&mut twice));
        assert_eq!(again, Ok(()), "{}: what was emitted cannot be read", id.name());
        assert_eq!(once, twice, "{}: what was emitted reads otherwise", id.name());
    }
}

/// Any counter input is read or refused; timelines hold only rates that can be.
pub fn counters(data: &[u8]) {
    static NAMES: OnceLock<Names> = OnceLock::new();
    let names = NAMES.get_or_init(Names::built_in).clone();
    let options = counters::Options { sha256: false, names: Some(names) };
    match counters::read("fuzz", data, &options) {
        Ok(log) => drop(counters::merge(vec![log])),
        Err(error) => assert!(!error.to_string().contains(|c: char| c.is_control())),
    }
}

/// Any estate file is read or refused in one readable message.
pub fn estate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Estate::parse(text, "fuzz.toml") {
        Ok(estate) => {
            for dc in estate.domain_controllers() {
                assert!(dc.addresses.iter().all(|address| estate.by_address(*address).is_some()));
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn transport(flags: u8) -> Transport {
    if flags & 1 == 0 { Transport::Tcp } else { Transport::Udp }
}

/// `sample` with `change` added to it by exclusive or, and appended where it is longer.
fn laid_over(change: &[u8], sample: &[u8]) -> Vec<u8> {
    let mut bytes = change.to_vec();
    bytes.resize(change.len().max(sample.len()), 0);
    bytes.iter_mut().zip(sample).for_each(|(byte, of_sample)| *byte ^= of_sample);
    bytes
}
