//! What is sent before an acknowledgment is needed: the segments, their acknowledgments, and
//! what gets lost or overtaken on the way.

use super::frames::line_ns;
use super::tcp::{ACK, PSH, Tcp, Wire};
use crate::proto::Side;

/// From a segment to its acknowledgment, and from that to the next segment, in nanoseconds: what
/// a stack takes. As captures of Windows show it.
const ACKNOWLEDGE_NS: i64 = 12_000;
const GO_ON_NS: i64 = 5_000;
/// Headers of Ethernet, IP and TCP that a full segment has on the line, in bytes, about.
const HEADERS: usize = 54;
/// Most bytes of TCP payload in one frame of an adapter that segments or merges: what IP can
/// hold, less the largest headers.
const OFFLOAD_MAX: usize = 65_535 - 60;
/// Congestion window at most, in full segments.
const FLIGHT_MAX: u8 = u8::MAX;

/// How a flight went.
#[derive(Debug, Clone, Copy)]
pub struct Course {
    /// When its last segment was seen.
    pub last: i64,
    /// When the next may begin.
    pub next: i64,
}

impl Tcp {
    /// Sends what the congestion window allows at once.
    pub(super) fn flight(
        &mut self,
        start: i64,
        side: Side,
        bytes: &[u8],
        is_end: bool,
        wire: &mut Wire<'_>,
    ) -> Course {
        let full = self.segment_max(wire.conditions);
        let unit = usize::from(wire.conditions.segment_bytes_max.unwrap_or(full).clamp(1, full));
        let most = if wire.conditions.offload && wire.conditions.segment_bytes_max.is_none() {
            OFFLOAD_MAX / unit * unit
        } else {
            unit
        };
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
                self.acknowledge(time, receiver, all, &[], wire.out);
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
        end.flight = end.flight.saturating_mul(2).min(FLIGHT_MAX);
        Course { last: now, next: line.max(self.reaction(first, side, GO_ON_NS)) }
    }
}
