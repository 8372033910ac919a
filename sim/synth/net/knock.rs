//! Attempts to connect that nobody accepts.

use super::Conditions;
use super::frames::{Flow, Frames, Segment};
use super::tcp::{ACK, RST, SYN, SYN_AGAIN_NS, segment_max, syn_options, syn_window};
use crate::base::Random;
use crate::proto::Side;

/// Until Windows tries a port again that refused, in nanoseconds. Assumed from captures of it.
const REFUSED_AGAIN_NS: i64 = 500_000_000;
/// What the refusing host takes, in nanoseconds. Assumed.
const REFUSING_NS: i64 = 30_000;

/// How an attempt to connect fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knock {
    /// Something on the way drops it: sent twice again, then given up.
    Dropped,
    /// The port is closed: each of three attempts is reset.
    Refused,
}

/// Tries three times; the time of the last frame.
pub fn knock(
    time: i64,
    flow: &Flow,
    how: Knock,
    random: &mut Random,
    conditions: &Conditions,
    out: &mut Frames,
) -> i64 {
    let segment_max = segment_max(flow, conditions);
    let (options, window) = (syn_options(segment_max), syn_window(segment_max));
    let drawn = random.next_u64();
    #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
    let (sequence, mut ip_id, mut no_id) =
        (drawn as u32, (drawn >> 32) as u16, (drawn >> 48) as u16);
    let waits = match how {
        Knock::Dropped => [0, SYN_AGAIN_NS, 2 * SYN_AGAIN_NS],
        Knock::Refused => [0, REFUSED_AGAIN_NS, REFUSED_AGAIN_NS],
    };
    let mut now = time;
    for wait in waits {
        now += wait;
        ip_id = ip_id.wrapping_add(1);
        let asks = Segment {
            sequence,
            flags: SYN,
            window,
            ip_id,
            options: &options,
            ..Segment::default()
        };
        out.tcp(now, flow, Side::Client, &asks, &[]);
        if how == Knock::Refused {
            let back = match flow.here {
                Side::Client => flow.round_trip_ns,
                Side::Server => 0,
            };
            let acknowledgment = sequence.wrapping_add(1);
            no_id = no_id.wrapping_add(1);
            let no =
                Segment { acknowledgment, flags: RST | ACK, ip_id: no_id, ..Segment::default() };
            now += back + REFUSING_NS;
            out.tcp(now, flow, Side::Server, &no, &[]);
        }
    }
    now
}
