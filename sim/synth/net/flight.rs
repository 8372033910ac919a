//! What is sent before an acknowledgment is needed: segments, and what acknowledges them.

use super::frames::line_ns;
use super::tcp::{ACK, PSH, Tcp, Wire};
use super::trouble;
use crate::proto::Side;

/// From a segment to its acknowledgment, and from that to the next segment, in nanoseconds: what
/// a stack takes. As captures of Windows show it.
pub const ACKNOWLEDGE_NS: i64 = 12_000;
pub const GO_ON_NS: i64 = 5_000;
/// Headers of Ethernet, IP and TCP on the line, in bytes, about.
const HEADERS: usize = 54;
/// Most bytes of TCP payload in one frame of an adapter that segments or merges: what IP can
/// hold, less the largest headers.
const OFFLOAD_MAX: usize = 65_535 - 60;

/// What one side sends in one go, as far as the congestion window allows.
#[derive(Debug, Clone, Copy)]
pub struct Flight<'a> {
    /// Who sends.
    pub side: Side,
    /// The bytes.
    pub bytes: &'a [u8],
    /// Whether nothing comes behind them.
    pub is_end: bool,
    /// Payload of each of its segments but the last, in bytes.
    pub unit: usize,
    /// Payload of a full segment, in bytes.
    pub full: u16,
}

impl Flight<'_> {
    /// How many segments it has.
    pub fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.unit)
    }
}

/// How a flight went.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// When its last segment was seen.
    pub last: i64,
    /// When the next may begin.
    pub next: i64,
}

impl Tcp {
    /// Sends a flight, whatever happens to it.
    pub(super) fn fly(&mut self, start: i64, flight: Flight<'_>, wire: &mut Wire<'_>) -> Course {
        let (loss, reordering) = (wire.conditions.loss, wire.conditions.reordering);
        if loss > 0.0 || reordering > 0.0 {
            let mut fates = std::mem::take(&mut wire.out.fates);
            let is_troubled =
                trouble::draw(&mut fates, flight.count(), loss, reordering, wire.random);
            let course = is_troubled.then(|| self.troubled(start, flight, &fates, wire));
            wire.out.fates = fates;
            if let Some(course) = course {
                return course;
            }
        }
        self.calm(start, flight, wire)
    }

    /// Sends a flight of which everything arrives in order.
    fn calm(&mut self, start: i64, flight: Flight<'_>, wire: &mut Wire<'_>) -> Course {
        let Flight { side, bytes, is_end, unit, full } = flight;
        let is_merged = wire.conditions.offload && unit == usize::from(full);
        let most = if is_merged { OFFLOAD_MAX / unit * unit } else { unit };
        let receiver = side.other();
        let (mut now, mut first) = (start, None);
        let mut chunks = bytes.chunks(most).peekable();
        while let Some(chunk) = chunks.next() {
            let is_last = chunks.peek().is_none();
            let flags = if is_last && is_end { ACK | PSH } else { ACK };
            let segments = chunk.len().div_ceil(unit);
            self.segment(now, side, flags, chunk, u16::try_from(segments).unwrap_or(1), wire.out);
            self.close_window(receiver, chunk.len(), full);
            if self.receive(receiver, chunk.len(), segments == 1, wire.random) {
                let time = self.reaction(now, receiver, ACKNOWLEDGE_NS);
                let all = self.end(side).sequence;
                let time = self.acknowledge(time, receiver, all, &[], wire.out);
                first = first.or(Some(time));
            }
            if !is_last {
                now += line_ns(HEADERS + chunk.len());
            }
        }
        let line = now + line_ns(HEADERS + most);
        if is_end {
            return Course { last: now, next: line };
        }
        let first = first.or_else(|| self.acknowledge_late(receiver, wire.out)).unwrap_or(now);
        let end = self.end_mut(side);
        end.flight = end.flight.saturating_mul(2);
        Course { last: now, next: line.max(self.reaction(first, side, GO_ON_NS)) }
    }
}
