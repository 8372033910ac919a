//! The frames that are replayed, held in memory, and their repetition.
//!
//! A trial may need more packets than there are. When the window is repeated, time goes on and
//! clients get other addresses, the same for every frame of one repetition: else the core would
//! take the second pass for retransmissions of the first, and do far less work.

use std::collections::HashSet;
use std::net::IpAddr;

use crate::base::{Batch, Frame, FrameSource, LinkType, Record, Timestamp};
use crate::flow::{Address, Decoder, Flag, Packet, decode};

/// Between the last frame of one repetition and the first of the next, in nanoseconds: a second,
/// so that no window of 1 s sees both. Ours.
const PAUSE_NS: i64 = 1_000_000_000;

/// Headers of a frame without payload are sought in so many bytes. Ours.
const HEADERS_MAX: usize = 128;

/// Memory for one frame beside its bytes.
const HELD_BYTES: u64 = size_of::<Held>() as u64;

/// A frame that is held.
#[derive(Debug, Clone, Copy)]
struct Held {
    time: Timestamp,
    at: usize,
    captured_length: u32,
    original_length: u32,
    link: LinkType,
    interface: u16,
    moves: Moves,
}

/// Which address bytes of a frame change from repetition to repetition.
#[derive(Debug, Clone, Copy, Default)]
struct Moves {
    /// Offset of the source address in the frame; the destination stands behind it.
    at: u16,
    /// Bytes of an address, 0 where none moves.
    length: u8,
    source: bool,
    destination: bool,
}

/// Frames in memory.
#[derive(Debug)]
pub struct Window {
    bytes: Vec<u8>,
    frames: Vec<Held>,
    wire_bytes: u64,
    limit_bytes: u64,
    is_whole: bool,
}

impl Window {
    /// Takes frames out of `source` until `limit_bytes` of memory are used or it ends. What is
    /// beyond is not read.
    pub fn read(source: &mut dyn FrameSource, limit_bytes: u64) -> Self {
        let mut window = Self {
            bytes: Vec::new(),
            frames: Vec::new(),
            wire_bytes: 0,
            limit_bytes,
            is_whole: true,
        };
        let mut batch = Batch::default();
        while source.fill(&mut batch) {
            for (record, frame) in batch.records.iter().zip(batch.frames()) {
                let used = window.bytes.len() as u64 + window.frames.len() as u64 * HELD_BYTES;
                if used + frame.bytes.len() as u64 + HELD_BYTES > limit_bytes {
                    window.is_whole = false;
                    return window;
                }
                window.keep(record, &frame);
            }
        }
        window
    }

    fn keep(&mut self, record: &Record, frame: &Frame<'_>) {
        self.frames.push(Held {
            time: frame.time,
            at: self.bytes.len(),
            captured_length: record.captured_length,
            original_length: frame.original_length,
            link: frame.link,
            interface: record.interface,
            moves: Moves::default(),
        });
        self.wire_bytes += u64::from(frame.original_length);
        self.bytes.extend_from_slice(frame.bytes);
    }

    /// Finds which addresses are clients': all that are not `servers`' and that one host can
    /// have. Frames whose addresses stay are counted by [`unmoved`](Self::unmoved).
    pub fn find_clients(&mut self, servers: &[IpAddr]) {
        let servers: HashSet<Address> = servers.iter().map(|&ip| Address::from(ip)).collect();
        let is_client = |address: Address| address.is_host() && !servers.contains(&address);
        let decoder = Decoder::default();
        let mut packet = Packet::default();
        for at in 0..self.frames.len() {
            let Some(held) = self.frames.get(at).copied() else { continue };
            let frame = self.frame(&held);
            decode(&decoder, &frame, 0, &mut packet);
            let moves = addresses_in(&frame, &packet).map(|(at, length)| Moves {
                at,
                length,
                source: is_client(packet.source),
                destination: is_client(packet.destination),
            });
            if let Some(held) = self.frames.get_mut(at) {
                held.moves = moves.unwrap_or_default();
            }
        }
    }

    fn frame(&self, held: &Held) -> Frame<'_> {
        let end = held.at + held.captured_length as usize;
        Frame {
            time: held.time,
            link: held.link,
            bytes: self.bytes.get(held.at..end).unwrap_or_default(),
            original_length: held.original_length,
        }
    }

    /// Only the frames with these numbers.
    pub fn only(&self, numbers: impl Iterator<Item = usize>) -> Self {
        let mut part = Self {
            bytes: Vec::new(),
            frames: Vec::new(),
            wire_bytes: 0,
            limit_bytes: self.limit_bytes,
            is_whole: self.is_whole,
        };
        for held in numbers.filter_map(|at| self.frames.get(at)) {
            let frame = self.frame(held);
            let at = part.bytes.len();
            part.bytes.extend_from_slice(frame.bytes);
            part.wire_bytes += u64::from(held.original_length);
            part.frames.push(Held { at, ..*held });
        }
        part
    }

    /// Frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// No frames.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Captured bytes of all frames.
    pub fn bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Bytes of all frames on the wire.
    pub fn wire_bytes(&self) -> u64 {
        self.wire_bytes
    }

    /// All of the source is here.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Frames that are the same in every repetition although they have addresses or none could
    /// be found.
    pub fn unmoved(&self) -> u64 {
        let still = |held: &&Held| !(held.moves.source || held.moves.destination);
        self.frames.iter().filter(still).count() as u64
    }

    /// Captured bytes of frame `number` of the endless repetition.
    pub fn length(&self, number: usize) -> u32 {
        self.frames.get(number).map_or(0, |held| held.captured_length)
    }

    /// Nanoseconds from the earliest to the latest frame.
    pub fn span_ns(&self) -> i64 {
        let times = || self.frames.iter().map(|held| held.time);
        times().max().zip(times().min()).map_or(0, |(last, first)| last.since(first))
    }

    /// When each frame came, in nanoseconds after the first; never backwards.
    pub fn offsets_ns(&self) -> Vec<u64> {
        let Some(first) = self.frames.first().map(|held| held.time) else { return Vec::new() };
        let mut latest = 0;
        let offset = |held: &Held| {
            latest = held.time.since(first).max(latest);
            latest.unsigned_abs()
        };
        self.frames.iter().map(offset).collect()
    }

    /// Appends frame `number` of the endless repetition to `batch`.
    pub fn copy(&self, number: u64, batch: &mut Batch) {
        let length = self.frames.len().max(1) as u64;
        let (round, within) = (number / length, number % length);
        #[expect(clippy::cast_possible_truncation, reason = "below the number of frames")]
        let Some(held) = self.frames.get(within as usize) else { return };
        // A batch is at most some hundred frames of at most 256 KiB.
        let Ok(offset) = u32::try_from(batch.bytes.len()) else { return };
        let frame = self.frame(held);
        batch.bytes.extend_from_slice(frame.bytes);
        if round > 0 {
            let copied = batch.bytes.get_mut(offset as usize..).unwrap_or_default();
            held.moves.apply(round, copied);
        }
        let shift = (self.round_ns() + PAUSE_NS).saturating_mul(round.cast_signed());
        batch.records.push(Record {
            time: held.time.plus_nanos(shift),
            offset,
            captured_length: held.captured_length,
            original_length: held.original_length,
            link: held.link,
            interface: held.interface,
        });
    }

    /// The span by the first and last frame, which is what repetition needs and costs nothing.
    fn round_ns(&self) -> i64 {
        let ends = self.frames.first().zip(self.frames.last());
        ends.map_or(0, |(first, last)| last.time.since(first.time).max(0))
    }
}

impl Moves {
    /// Gives clients the addresses of repetition `round`: two bytes exchanged, one to one.
    fn apply(self, round: u64, frame: &mut [u8]) {
        #[expect(clippy::cast_possible_truncation, reason = "65,536 sets of addresses, then again")]
        let mask = (round as u16).to_be_bytes();
        let (start, length) = (usize::from(self.at), usize::from(self.length));
        // Of IPv4 the second and third byte; of IPv6 the same in the interface identifier.
        let inside = if length == 4 { 1 } else { 9 };
        for (wanted, side) in [(self.source, 0), (self.destination, length)] {
            let at = start + side + inside;
            if let Some(bytes) = frame.get_mut(at..at + 2).filter(|_| wanted) {
                bytes.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            }
        }
    }
}

/// Where the two addresses that `packet` was taken to have stand in its frame, and their length.
/// They stand beside each other in both families (RFC 791 section 3.1, RFC 8200 section 3).
fn addresses_in(frame: &Frame<'_>, packet: &Packet) -> Option<(u16, u8)> {
    if !packet.has(Flag::Ip) {
        return None;
    }
    let pair = match (packet.source.to_ip(), packet.destination.to_ip()) {
        (IpAddr::V4(a), IpAddr::V4(b)) => [a.octets(), b.octets()].concat(),
        (IpAddr::V6(a), IpAddr::V6(b)) => [a.octets(), b.octets()].concat(),
        _ => return None,
    };
    // The innermost: of a tunnel, the packet is the one inside.
    let end = match packet.payload_offset as usize {
        0 => HEADERS_MAX,
        payload => payload,
    };
    let headers = frame.bytes.get(..end.min(frame.bytes.len()))?;
    let at = headers.windows(pair.len()).rposition(|bytes| bytes == pair.as_slice())?;
    Some((u16::try_from(at).ok()?, u8::try_from(pair.len() / 2).ok()?))
}

/// Hands out the endless repetition, so many frames at once, no batch across its seam.
pub struct Feed<'a, B> {
    window: &'a Window,
    batch_max: u64,
    next: u64,
    end: u64,
    /// Told before each batch, and at the end, with the number of the next frame.
    before: B,
}

impl<'a, B: FnMut(u64) + Send> Feed<'a, B> {
    /// `rounds` repetitions in batches of `batch_max`.
    pub fn new(window: &'a Window, rounds: u64, batch_max: usize, before: B) -> Self {
        let end = window.len() as u64 * rounds;
        Self { window, batch_max: batch_max.max(1) as u64, next: 0, end, before }
    }
}

impl<B: FnMut(u64) + Send> FrameSource for Feed<'_, B> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        batch.bytes.clear();
        batch.records.clear();
        batch.first_frame = self.next;
        (self.before)(self.next);
        if self.next >= self.end {
            return false;
        }
        let length = self.window.len() as u64;
        let seam = (self.next / length + 1) * length;
        let end = (self.next + self.batch_max).min(seam).min(self.end);
        (self.next..end).for_each(|number| self.window.copy(number, batch));
        self.next = end;
        true
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Bytes of a frame of [`udp`].
    pub const FRAME_BYTES: u64 = 90;

    /// An Ethernet frame with an NTP request between two hosts, at a time in milliseconds.
    pub fn udp(from: [u8; 4], to: [u8; 4], ms: i64) -> (Timestamp, Vec<u8>) {
        let mut frame = vec![0u8; 14];
        frame[12] = 8;
        frame.extend([0x45, 0, 0, 76, 0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(from);
        frame.extend(to);
        frame.extend([0xc0, 0, 0, 123, 0, 56, 0, 0, 0x23, 0, 6, 0xe9]);
        frame.extend([0; 36]);
        // RFC 5905 section 7.3: the transmit timestamp.
        frame.extend([0xe9, 0, 0, 0, 1, 2, 3, 4]);
        (Timestamp::from_nanos(ms * 1_000_000), frame)
    }

    /// Frames out of memory.
    pub struct Given(pub Vec<(Timestamp, Vec<u8>)>);

    impl FrameSource for Given {
        fn fill(&mut self, batch: &mut Batch) -> bool {
            batch.bytes.clear();
            batch.records.clear();
            for (time, bytes) in self.0.drain(..) {
                let length = u32::try_from(bytes.len()).unwrap();
                batch.records.push(Record {
                    time,
                    offset: u32::try_from(batch.bytes.len()).unwrap(),
                    captured_length: length,
                    original_length: length,
                    link: LinkType::ETHERNET,
                    interface: 0,
                });
                batch.bytes.extend(bytes);
            }
            !batch.records.is_empty()
        }
    }

    /// A window of datagrams from one client to one server, at these milliseconds.
    pub fn window(times_ms: &[i64]) -> Window {
        let frames = times_ms.iter().map(|&ms| udp([10, 0, 0, 9], [10, 0, 0, 1], ms)).collect();
        let mut window = Window::read(&mut Given(frames), 1 << 20);
        window.find_clients(&[[10, 0, 0, 1].into()]);
        window
    }

    #[test]
    fn a_repetition_has_other_clients_and_the_same_server_and_goes_on_in_time() {
        let window = window(&[0, 5]);
        let mut batch = Batch::default();
        [0, 1, 2, 3].iter().for_each(|&number| window.copy(number, &mut batch));
        let address = |number: usize| {
            let frame = batch.frame(&batch.records[number]);
            let v4 = |at: usize| <[u8; 4]>::try_from(&frame.bytes[at..at + 4]).unwrap();
            (v4(26), v4(30), frame.time.nanos() / 1_000_000)
        };
        assert_eq!(address(0), ([10, 0, 0, 9], [10, 0, 0, 1], 0));
        assert_eq!(address(2), ([10, 0, 1, 9], [10, 0, 0, 1], 1_005));
        assert_eq!(address(3), ([10, 0, 1, 9], [10, 0, 0, 1], 1_010));
        assert_eq!(window.unmoved(), 0);
    }

    #[test]
    fn the_window_ends_where_its_memory_does_and_says_so() {
        let frames = || Given((0..100).map(|ms| udp([10, 0, 0, 9], [10, 0, 0, 1], ms)).collect());
        let limit = 10 * (FRAME_BYTES + HELD_BYTES);
        let part = Window::read(&mut frames(), limit);
        assert_eq!((part.len(), part.is_whole()), (10, false));
        let whole = Window::read(&mut frames(), 1 << 20);
        assert_eq!((whole.len(), whole.is_whole()), (100, true));
    }

    #[test]
    fn batches_do_not_cross_the_seam() {
        let window = window(&[0, 1, 2, 3, 4]);
        let mut feed = Feed::new(&window, 2, 3, |_| ());
        let mut batch = Batch::default();
        let mut lengths = Vec::new();
        while feed.fill(&mut batch) {
            lengths.push(batch.records.len());
        }
        assert_eq!(lengths, [3, 2, 3, 2]);
    }

    #[test]
    fn offsets_never_go_back() {
        assert_eq!(window(&[0, 5, 3, 9]).offsets_ns(), [0, 5_000_000, 5_000_000, 9_000_000]);
    }
}
