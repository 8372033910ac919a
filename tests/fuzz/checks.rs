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
use headroom::flow::{
    Consumer, Decoder, Flag, FragmentLimits, Pool, Reassembler, Segment, Stream, StreamLimits,
    Take, decode as decode_frame,
};
use headroom::privacy::{Key, Pseudonyms, Scrubber};
use headroom::proto::{self, Id, Step, Transport};
use headroom::wire::Writer;

/// Bytes of a `stream` input, around a wrap of the sequence numbers.
const STREAM_BYTES: u16 = 8 << 10;
const STREAM_START: u32 = u32::MAX - 2_000;

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

/// One direction of a connection: every byte is given once, in order, and from its first copy;
/// none that came is called lost; memory is bounded and given back. One byte of mode, then
/// operations of six bytes: what it is, where, how long, how much is cut off or what the
/// consumer does. In mode 1, segments also lie anywhere and start over, so only memory and
/// amounts are checked.
pub fn stream(data: &[u8]) {
    let Some((&mode, operations)) = data.split_first() else { return };
    let limits = StreamLimits {
        stream_bytes_max: 8 << 10,
        pool_bytes_max: 64 << 10,
        islands_max: 4,
        waiting_segments_max: 10,
    };
    let (mut pool, mut stream) = (Pool::new(limits), Stream::default());
    let mut reader = StreamReader::new(mode & 1 == 0);
    let syn = Segment { sequence: STREAM_START - 1, flags: TCP_SYN, payload: &[], missing: 0 };
    stream.segment(&syn, &mut pool, &mut reader);
    for operation in operations.as_chunks::<6>().0 {
        let [what, low, high, length, missing, byte] = *operation;
        let position = u16::from_le_bytes([low, high]) % STREAM_BYTES;
        let sequence = STREAM_START.wrapping_add(position.into());
        let payload = vec![byte; usize::from(length) << (what >> 6)];
        let missing = u32::from(missing) << (what >> 6);
        let segment = Segment { sequence, flags: what & TCP_FIN, payload: &payload, missing };
        match what >> 1 & 7 {
            0 => stream.acknowledged(sequence, &mut pool, &mut reader),
            1 => reader.takes.push((length.into(), missing as usize)),
            2 => stream.segment(&Segment { flags: TCP_RST, ..segment }, &mut pool, &mut reader),
            3 if !reader.is_exact => {
                let sequence = u32::from_le_bytes([low, high, length, byte]);
                reader.came(sequence, &payload);
                let segment = Segment { sequence, flags: byte, ..segment };
                stream.segment(&segment, &mut pool, &mut reader);
            }
            _ => {
                reader.came(position.into(), &payload);
                stream.segment(&segment, &mut pool, &mut reader);
            }
        }
        assert!(pool.bytes() <= limits.pool_bytes_max);
        assert!(stream.is_buffering() == (pool.used_bytes() > 0));
    }
    stream.end(&mut pool, &mut reader);
    assert_eq!((pool.used_bytes(), stream.is_buffering()), (0, false));
    assert_eq!(pool.counts.lost_bytes, reader.lost);
}

/// RFC 9293 section 3.1.
const TCP_FIN: u8 = 1;
const TCP_SYN: u8 = 2;
const TCP_RST: u8 = 4;

/// Reads a stream as it was told to, and checks that it is the one of the segments.
struct StreamReader {
    /// The first copy of each byte; else only amounts are compared.
    is_exact: bool,
    first: Vec<Option<u8>>,
    /// Position of the next byte to see.
    at: usize,
    /// Bytes consumed and needed, latest last.
    takes: Vec<(usize, usize)>,
    came: u64,
    seen: u64,
    lost: u64,
}

impl StreamReader {
    fn new(is_exact: bool) -> Self {
        // Behind the last position: the longest payload, and what is skipped.
        let first = vec![None; usize::from(STREAM_BYTES) * 4];
        Self { is_exact, first, at: 0, takes: Vec::new(), came: 0, seen: 0, lost: 0 }
    }

    fn came(&mut self, position: u32, bytes: &[u8]) {
        self.came += bytes.len() as u64;
        if self.is_exact {
            for (place, byte) in self.first[position as usize..].iter_mut().zip(bytes) {
                place.get_or_insert(*byte);
            }
        }
    }

    fn see(&mut self, bytes: &[u8], taken: usize) {
        if self.is_exact {
            let first = &self.first[self.at..self.at + bytes.len()];
            assert!(first.iter().zip(bytes).all(|(first, byte)| *first == Some(*byte)));
        }
        self.seen += taken.min(bytes.len()) as u64;
        assert!(self.seen <= self.came, "bytes were given twice");
        self.at += taken;
    }
}

impl Consumer for StreamReader {
    fn data(&mut self, bytes: &[u8]) -> Take {
        assert!(!bytes.is_empty());
        let (consumed, need) = self.takes.pop().unwrap_or((bytes.len(), 0));
        self.see(bytes, consumed);
        Take { consumed, need }
    }

    fn gap(&mut self, held: &[u8], lost: u64) {
        self.see(held, held.len());
        self.lost += lost;
        if self.is_exact {
            let end = self.at + usize::try_from(lost).unwrap();
            assert!(self.first[self.at..end].iter().all(Option::is_none), "it had come");
            self.at = end;
        }
    }
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
            // Every client has a domain controller.
            let expected: f64 = estate.expected_clients().iter().sum();
            assert!((expected - estate.endpoints() as f64).abs() < 0.5, "{expected}");
            assert!(!estate.warnings().iter().any(|text| text.contains(char::is_control)));
            if let Err(error) = estate.check_for_synthesis() {
                assert!(!error.to_string().contains(char::is_control), "{error}");
            }
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error:?}"),
    }
}

fn transport(flags: u8) -> Transport {
    if flags & 1 == 0 { Transport::Tcp } else { Transport::Udp }
}

/// `sample` with `change` added to it by exclusive or, and appended where it is longer.
pub fn laid_over(change: &[u8], sample: &[u8]) -> Vec<u8> {
    let mut bytes = change.to_vec();
    bytes.resize(change.len().max(sample.len()), 0);
    bytes.iter_mut().zip(sample).for_each(|(byte, of_sample)| *byte ^= of_sample);
    bytes
}
