//! One TCP connection: handshake, segments, acknowledgments, end.

use super::Conditions;
use super::flight::{ACKNOWLEDGE_NS, Course, Flight, GO_ON_NS};
use super::frames::{Flow, Frames, Segment};
use crate::base::Random;
use crate::proto::Side;

/// Flags, RFC 9293 section 3.1.
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
/// Headers of IP and TCP without options, in bytes.
const HEADERS_V4: u16 = 40;
const HEADERS_V6: u16 = 60;
/// Least MTU that leaves room for data: RFC 791 section 3.1.
const MTU_MIN: u16 = 576;
/// Windows scales its window by 2^8.
const WINDOW_SCALE: u8 = 8;
/// The window a server announces in the handshake, where it is not scaled.
const WINDOW_SYN_ACK: u16 = u16::MAX;
/// Windows after it, scaled: 256 KB of a client, 2 MB of a server and of whoever speaks SMB.
const WINDOW_CLIENT: u32 = 1_026 << WINDOW_SCALE;
const WINDOW_SERVER: u32 = 8_212 << WINDOW_SCALE;
/// Port of SMB.
const SMB: u16 = 445;
/// Sent before the first segment is acknowledged, in bytes and in segments (RFC 6928 section 2).
const FLIGHT_FIRST_BYTES: u16 = 14_600;
const FLIGHT_FIRST: u8 = 10;
const FLIGHT_FIRST_MIN: u8 = 2;
/// After such a time without sending, the congestion window is as at the beginning (RFC 5681
/// section 4.1): a retransmission timeout, in nanoseconds.
const IDLE_NS: i64 = 300_000_000;
/// How long the acknowledgment of a single segment is held back, in microseconds: least, and
/// what comes on top, as captures of Windows show it.
const HELD_BACK_US: u16 = 40_000;
const HELD_BACK_MORE_US: u32 = 10_000;
/// A stack's reaction, in nanoseconds: a SYN or a FIN is answered, a process closes its end, the
/// KDC resets. As captures show it.
const REACTION_NS: i64 = 18_000;
const CLOSING_NS: i64 = 150_000;
const RESET_NS: i64 = 25_000;
/// Until a SYN without an answer is sent again, in nanoseconds. One second: RFC 6298 section 2.1,
/// and Windows since 2016.
pub(super) const SYN_AGAIN_NS: i64 = 1_000_000_000;
/// Before everything, in nanoseconds since 1970.
const LONG_AGO: i64 = i64::MIN / 2;
/// Option numbers of SACK (RFC 2018 section 3) and NOP (RFC 9293 section 3.2).
const NOP: u8 = 1;
const SACK: u8 = 5;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The client closes, the server follows.
    Client,
    /// The server closes, the client follows.
    Server,
    /// The client closes, and the server acknowledges and resets, as the KDC does.
    ServerReset,
    /// The client closes, and the server resets at once, as LDAP servers do after an unbind.
    Unbind,
    /// The client resets, as SMB clients do.
    ClientReset,
    /// The server resets.
    ServerAbort,
}

impl Close {
    /// Who begins.
    pub const fn begins(self) -> Side {
        match self {
            Self::Client | Self::ServerReset | Self::Unbind | Self::ClientReset => Side::Client,
            Self::Server | Self::ServerAbort => Side::Server,
        }
    }
}

/// Where frames go, and what happens to them on the way.
pub struct Wire<'a> {
    /// What the network does.
    pub conditions: &'a Conditions,
    /// Chance of the network alone: what is said does not depend on it.
    pub random: &'a mut Random,
    /// The frames.
    pub out: &'a mut Frames,
}

/// The state of a connection: what the next segment of each side says. Small, for it may live in
/// a client's memory.
#[derive(Debug, Clone, Copy)]
pub struct Tcp {
    /// Between whom.
    pub flow: Flow,
    /// It was opened before the start, so that nobody has seen how it began.
    pub is_from_before: bool,
    client: End,
    server: End,
}

/// The state of one end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// When its last segment was seen.
    pub last: i64,
    /// The next sequence number.
    pub sequence: u32,
    /// Of the last IP packet.
    pub ip_id: u16,
    /// Bytes received since it last opened its window again.
    pub window_used: u16,
    /// Length of the segment it has not acknowledged yet.
    pub owed_bytes: u16,
    /// When it will, after the segment reached it, in microseconds.
    pub owed_us: u16,
    /// Full segments it may send before one is acknowledged.
    pub flight: u8,
    /// As many of them it has sent since.
    pub outstanding: u16,
}

impl Tcp {
    /// A connection not yet opened.
    pub fn new(flow: Flow, random: &mut Random) -> Self {
        let mut end = || {
            let number = random.next_u64();
            #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
            let (sequence, ip_id) = (number as u32, (number >> 32) as u16);
            End {
                last: LONG_AGO,
                sequence,
                ip_id,
                window_used: 0,
                owed_bytes: 0,
                owed_us: 0,
                flight: FLIGHT_FIRST,
                outstanding: 0,
            }
        };
        let (client, server) = (end(), end());
        Self { flow, is_from_before: false, client, server }
    }

    /// The three segments of the handshake, and the first two once more where the answer to a SYN
    /// is lost; the time of the last.
    pub fn open(&mut self, time: i64, wire: &mut Wire<'_>) -> i64 {
        let segment_max = self.segment_max(wire.conditions);
        let options = syn_options(segment_max);
        (self.client.flight, self.server.flight) =
            (first_flight(segment_max), first_flight(segment_max));
        let window = syn_window(segment_max);
        let mut time = time;
        if wire.conditions.loss > 0.0 && wire.random.chance(wire.conditions.loss) {
            self.bare(time, Side::Client, (SYN, window), &options, wire.out);
            // That of somebody else is lost before the capture point.
            if self.flow.here == Side::Server {
                let time = self.reaction(time, Side::Server, REACTION_NS);
                self.bare(time, Side::Server, (SYN | ACK, WINDOW_SYN_ACK), &options, wire.out);
                self.server.sequence = self.server.sequence.wrapping_sub(1);
            } else {
                self.server.ip_id = self.server.ip_id.wrapping_add(1);
            }
            self.client.sequence = self.client.sequence.wrapping_sub(1);
            time += SYN_AGAIN_NS;
        }
        let time = self.bare(time, Side::Client, (SYN, window), &options, wire.out);
        let time = self.reaction(time, Side::Server, REACTION_NS);
        self.bare(time, Side::Server, (SYN | ACK, WINDOW_SYN_ACK), &options, wire.out);
        let time = self.reaction(time, Side::Client, REACTION_NS);
        self.flags(time, Side::Client, ACK, wire.out);
        time
    }

    /// Bytes of one side, cut into segments, and their acknowledgments as far as they are not
    /// held back; the time of the last segment with bytes.
    pub fn send(&mut self, time: i64, side: Side, bytes: &[u8], wire: &mut Wire<'_>) -> i64 {
        let mut now = self.settle(time, side, wire.out);
        let segment_max = self.segment_max(wire.conditions);
        let unit = wire.conditions.segment_bytes_max.unwrap_or(segment_max);
        let unit = usize::from(unit.clamp(1, segment_max));
        let full = usize::from(segment_max);
        now = self.heed_congestion(now, side, segment_max);
        // Where segments get lost, the congestion window counts them as they are cut, so that not
        // too many wait behind a hole; else in full ones.
        let is_calm = wire.conditions.loss <= 0.0 && wire.conditions.reordering <= 0.0;
        let step = if is_calm { full } else { unit };
        // So that the window is never seen full.
        let window = self.window_full(side.other()) as usize - 2 * full;
        let (mut rest, mut last) = (bytes, now);
        while !rest.is_empty() {
            let end = self.end(side);
            let flight = usize::from(end.flight).saturating_sub(usize::from(end.outstanding));
            let most = (flight.max(1) * step).min(window);
            let (bytes, later) = rest.split_at_checked(most).unwrap_or((rest, &[]));
            let is_end = later.is_empty();
            let flight = Flight { side, bytes, is_end, unit, full: segment_max };
            let Course { last: seen, next } = self.fly(now, flight, wire);
            (rest, last, now) = (later, seen, next);
            let sent = if is_end { flight.bytes.len().div_ceil(step) } else { 0 };
            let end = self.end_mut(side);
            let before = if is_end { end.outstanding } else { 0 };
            end.outstanding = before.saturating_add(u16::try_from(sent).unwrap_or(u16::MAX));
        }
        last
    }

    /// When `side` may go on that wants to at `now`: its congestion window shrinks when it was
    /// idle, and what it sent before counts until it is acknowledged, or answered.
    fn heed_congestion(&mut self, now: i64, side: Side, segment_max: u16) -> i64 {
        self.end_mut(side.other()).outstanding = 0;
        let last = self.end(side).last;
        let acknowledged = self.round(last, side);
        let end = self.end_mut(side);
        if last < now - IDLE_NS {
            end.flight = end.flight.min(first_flight(segment_max));
        }
        if acknowledged <= now {
            end.outstanding = 0;
        } else if end.outstanding >= u16::from(end.flight) {
            (end.outstanding, end.flight) = (0, end.flight.saturating_mul(2));
            return acknowledged;
        }
        now
    }

    /// The end; the time of the last segment.
    pub fn close(&mut self, time: i64, how: Close, wire: &mut Wire<'_>) -> i64 {
        let side = how.begins();
        let other = side.other();
        let time = self.settle(time, side, wire.out);
        if matches!(how, Close::ClientReset | Close::ServerAbort) {
            return self.reset(time, side, wire.out);
        }
        let time = self.flags(time, side, FIN | ACK, wire.out);
        let time = self.reaction(time, other, REACTION_NS);
        if how == Close::Unbind {
            return self.reset(time, other, wire.out);
        }
        let time = self.flags(time, other, ACK, wire.out);
        if how == Close::ServerReset {
            return self.reset(time + RESET_NS, other, wire.out);
        }
        let time = self.flags(time + CLOSING_NS, other, FIN | ACK, wire.out);
        let time = self.reaction(time, side, REACTION_NS);
        self.flags(time, side, ACK, wire.out)
    }

    /// A keep-alive of `side` and its answer, after some idle time (RFC 1122 section 4.2.3.6):
    /// the byte before the next once more. Windows reports it as received twice (RFC 2883). The
    /// time of the answer.
    pub fn keep_alive(&mut self, time: i64, side: Side, wire: &mut Wire<'_>) -> i64 {
        let time = self.settle(time, side, wire.out);
        let sequence = self.end(side).sequence;
        self.end_mut(side).sequence = sequence.wrapping_sub(1);
        self.segment(time, side, ACK, &[0], 1, wire.out);
        let time = self.reaction(time, side.other(), REACTION_NS);
        let blocks = [(sequence.wrapping_sub(1), sequence)];
        self.acknowledge(time, side.other(), sequence, &blocks, wire.out)
    }

    /// Writes the acknowledgments that are still held back: nobody is going to speak soon.
    pub fn acknowledge_owed(&mut self, out: &mut Frames) {
        for side in [Side::Client, Side::Server] {
            self.acknowledge_late(side, out);
        }
    }

    /// Whether an acknowledgment is held back.
    pub fn owes(&self) -> bool {
        self.client.owed_bytes > 0 || self.server.owed_bytes > 0
    }

    /// Time from which on nothing is held back any more: who wants to go on at once, takes
    /// another connection before it.
    pub fn settled_from(&self) -> i64 {
        let due = [Side::Client, Side::Server].into_iter().filter_map(|side| self.due(side));
        due.max().map_or(i64::MIN, |due| due + 1)
    }

    /// What was held back, was written when the last item ended: the earliest time from `time` on
    /// that is after it.
    pub fn forget_owed(&mut self, time: i64) -> i64 {
        let mut after = time;
        for side in [Side::Client, Side::Server] {
            if let Some(due) = self.due(side) {
                let end = self.end_mut(side);
                (end.owed_bytes, end.last, end.ip_id) = (0, due, end.ip_id.wrapping_add(1));
                after = after.max(due + 1);
            }
        }
        after
    }

    /// Writes what was held back and is due by `time`, when `speaker` goes on; the earliest time
    /// from `time` on that is after everything that was seen of it.
    fn settle(&mut self, time: i64, speaker: Side, out: &mut Frames) -> i64 {
        let time = time.max(self.end(speaker).last + 1);
        for side in [Side::Client, Side::Server] {
            if let Some(due) = self.due(side).filter(|due| *due < time) {
                self.flags(due, side, ACK, out);
            }
        }
        time
    }

    /// Writes what `side` holds back, because nothing comes that would hasten it; its time.
    pub(super) fn acknowledge_late(&mut self, side: Side, out: &mut Frames) -> Option<i64> {
        let due = self.due(side)?;
        Some(self.flags(due, side, ACK, out))
    }

    /// When the acknowledgment that `side` holds back is seen.
    fn due(&self, side: Side) -> Option<i64> {
        let end = self.end(side);
        let held = i64::from(end.owed_us) * 1_000;
        let due = self.reaction(self.end(side.other()).last, side, held);
        (end.owed_bytes > 0).then_some(due.max(end.last + 1))
    }

    /// When `side` may go on after its segment that was seen at `time` was acknowledged.
    pub(super) fn round(&self, time: i64, side: Side) -> i64 {
        self.reaction(self.reaction(time, side.other(), ACKNOWLEDGE_NS), side, GO_ON_NS)
    }

    /// When `side`'s reaction to what was seen at `time` is seen, which takes it `nanoseconds`.
    pub(super) fn reaction(&self, time: i64, side: Side, nanoseconds: i64) -> i64 {
        let trip = if side == self.flow.here { 0 } else { self.flow.round_trip_ns };
        time + trip + nanoseconds
    }

    /// Payload of a full segment in bytes.
    pub(super) fn segment_max(&self, conditions: &Conditions) -> u16 {
        segment_max(&self.flow, conditions)
    }

    /// The window of `side` when it is open, in bytes.
    const fn window_full(&self, side: Side) -> u32 {
        match side {
            Side::Client if self.flow.server_port != SMB => WINDOW_CLIENT,
            Side::Client | Side::Server => WINDOW_SERVER,
        }
    }

    pub(super) const fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    pub(super) const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// `side` has received a segment at which it acknowledges all: whether at once, because it is
    /// the second. Otherwise the acknowledgment is held back.
    pub(super) fn receive(
        &mut self,
        side: Side,
        bytes: usize,
        is_whole: bool,
        random: &mut Random,
    ) -> bool {
        let end = self.end_mut(side);
        // A segment fits: offload merges several, which are acknowledged at once.
        let length = u16::try_from(bytes).unwrap_or(u16::MAX);
        let is_second = end.owed_bytes > 0 || !is_whole;
        if !is_second {
            let more = u16::try_from(random.below(HELD_BACK_MORE_US)).unwrap_or(0);
            (end.owed_bytes, end.owed_us) = (length, HELD_BACK_US + more);
        }
        is_second
    }

    /// `side` has received so many bytes more: its window closes, and opens again by a full
    /// segment.
    pub(super) fn close_window(&mut self, side: Side, bytes: usize, full: u16) {
        let end = self.end_mut(side);
        let used = usize::from(end.window_used) + bytes;
        end.window_used =
            if used < usize::from(full) { u16::try_from(used).unwrap_or(0) } else { 0 };
    }

    fn window(&self, side: Side) -> u16 {
        let window = self.window_full(side) - u32::from(self.end(side).window_used);
        u16::try_from(window >> WINDOW_SCALE).unwrap_or(u16::MAX)
    }

    /// A segment of `side` with `payload`, which is `wire_segments` on the line: it acknowledges
    /// everything.
    pub(super) fn segment(
        &mut self,
        time: i64,
        side: Side,
        flags: u8,
        payload: &[u8],
        wire_segments: u16,
        out: &mut Frames,
    ) {
        let acknowledgment = self.end(side.other()).sequence;
        let window = self.window(side);
        let (flow, end) = match side {
            Side::Client => (&self.flow, &mut self.client),
            Side::Server => (&self.flow, &mut self.server),
        };
        end.ip_id = end.ip_id.wrapping_add(1);
        let sequence = end.sequence;
        let segment =
            Segment { sequence, acknowledgment, flags, window, ip_id: end.ip_id, options: &[] };
        out.tcp(time, flow, side, &segment, payload);
        end.ip_id = end.ip_id.wrapping_add(wire_segments - 1);
        let length = u32::try_from(payload.len()).unwrap_or(0);
        end.sequence = sequence.wrapping_add(length);
        (end.last, end.owed_bytes) = (time, 0);
    }

    /// A segment with flags alone: it acknowledges everything.
    pub(super) fn flags(&mut self, time: i64, side: Side, flags: u8, out: &mut Frames) -> i64 {
        let window = self.window(side);
        self.bare(time, side, (flags, window), &[], out)
    }

    fn reset(&mut self, time: i64, side: Side, out: &mut Frames) -> i64 {
        self.bare(time, side, (RST | ACK, 0), &[], out)
    }

    /// A segment without data, behind everything that was seen of the side; its time.
    fn bare(
        &mut self,
        time: i64,
        side: Side,
        (flags, window): (u8, u16),
        options: &[u8],
        out: &mut Frames,
    ) -> i64 {
        let acknowledgment = if flags & ACK == 0 { 0 } else { self.end(side.other()).sequence };
        let flow = self.flow;
        let end = self.end_mut(side);
        let time = time.max(end.last + 1);
        end.ip_id = end.ip_id.wrapping_add(1);
        let (sequence, ip_id) = (end.sequence, end.ip_id);
        end.sequence = sequence.wrapping_add(u32::from(flags & (SYN | FIN) != 0));
        (end.last, end.owed_bytes) = (time, 0);
        let segment = Segment { sequence, acknowledgment, flags, window, ip_id, options };
        out.tcp(time, &flow, side, &segment, &[]);
        time
    }

    /// An acknowledgment of everything before `acknowledgment`, and of `blocks` behind it; when
    /// it is seen.
    pub(super) fn acknowledge(
        &mut self,
        time: i64,
        side: Side,
        acknowledgment: u32,
        blocks: &[(u32, u32)],
        out: &mut Frames,
    ) -> i64 {
        let mut options = [0; 4 + 8 * BLOCKS_MAX];
        let length = sack(blocks, &mut options);
        let window = self.window(side);
        let flow = self.flow;
        let end = self.end_mut(side);
        // Two acknowledgments of one side are seen in their order.
        let time = time.max(end.last + 1);
        end.ip_id = end.ip_id.wrapping_add(1);
        (end.last, end.owed_bytes) = (time, 0);
        let segment = Segment {
            sequence: end.sequence,
            acknowledgment,
            flags: ACK,
            window,
            ip_id: end.ip_id,
            options: options.get(..length).unwrap_or_default(),
        };
        out.tcp(time, &flow, side, &segment, &[]);
        time
    }
}

/// Payload of a full segment of `flow` in bytes.
pub(super) fn segment_max(flow: &Flow, conditions: &Conditions) -> u16 {
    let headers = if flow.is_v4() { HEADERS_V4 } else { HEADERS_V6 };
    conditions.mtu_bytes.max(MTU_MIN) - headers
}

/// Options of a SYN: maximum segment size, window scale, selective acknowledgments permitted (RFC
/// 9293 section 3.7.1, RFC 7323 section 2.2, RFC 2018 section 2).
pub(super) const fn syn_options(segment_max: u16) -> [u8; 12] {
    let [a, b] = segment_max.to_be_bytes();
    [2, 4, a, b, NOP, 3, 3, WINDOW_SCALE, NOP, NOP, 4, 2]
}

/// The window of a SYN: a client announces whole segments.
pub(super) const fn syn_window(segment_max: u16) -> u16 {
    u16::MAX - u16::MAX % segment_max
}

/// Full segments that may be sent before one is acknowledged, in the beginning.
fn first_flight(segment_max: u16) -> u8 {
    let segments = u8::try_from(FLIGHT_FIRST_BYTES / segment_max).unwrap_or(FLIGHT_FIRST);
    segments.clamp(FLIGHT_FIRST_MIN, FLIGHT_FIRST)
}

/// SACK blocks in one segment at most, with room left for other options (RFC 2018 section 3).
pub(super) const BLOCKS_MAX: usize = 3;

/// Writes a SACK option, aligned as Windows does; its length with the alignment.
fn sack(blocks: &[(u32, u32)], options: &mut [u8]) -> usize {
    let count = blocks.len().min(BLOCKS_MAX);
    if count == 0 {
        return 0;
    }
    let length = u8::try_from(2 + 8 * count).unwrap_or(u8::MAX);
    let numbers = blocks.iter().take(count).flat_map(|(from, to)| [from, to]);
    let bytes = numbers.flat_map(|number| number.to_be_bytes());
    let bytes = [NOP, NOP, SACK, length].into_iter().chain(bytes);
    options.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
    4 + 8 * count
}
