//! One TCP connection: handshake, segments, acknowledgments, end.

use super::Conditions;
use super::frames::{Flow, Frames, Segment};
use crate::base::Random;
use crate::proto::Side;

/// Flags, RFC 9293 section 3.1.
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
/// Window that Windows announces after scaling by 256: 65,535 bytes are 8,192 in handshakes.
const WINDOW: u16 = 8_212;
/// Headers of IPv4 and TCP without options, in bytes.
const HEADERS_V4: u16 = 40;
const HEADERS_V6: u16 = 60;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The client closes, the server follows.
    Client,
    /// The client closes, and the server resets, as the KDC does.
    ServerReset,
    /// The client resets.
    ClientReset,
}

/// The state of a connection: what the next segment of each side says.
#[derive(Debug, Clone, Copy)]
pub struct Tcp {
    /// Between whom.
    pub flow: Flow,
    sequence: [u32; 2],
    ip_id: [u16; 2],
}

impl Tcp {
    /// A connection not yet opened.
    pub fn new(flow: Flow, random: &mut Random) -> Self {
        let numbers = random.next_u64();
        let ids = random.next_u64();
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let (sequence, ip_id) =
            ([numbers as u32, (numbers >> 32) as u32], [ids as u16, (ids >> 16) as u16]);
        Self { flow, sequence, ip_id }
    }

    /// The three segments of the handshake; the time of the last.
    pub fn open(&mut self, time: i64, conditions: &Conditions, out: &mut Frames) -> i64 {
        let segment_max = conditions.mtu_bytes - self.headers();
        let [a, b] = segment_max.to_be_bytes();
        // Maximum segment size, window scale 8, selective acknowledgments permitted: Windows.
        let options = [2, 4, a, b, 1, 3, 3, 8, 1, 1, 4, 2];
        let trip = self.flow.round_trip_ns;
        let [second, third] = match self.flow.here {
            Side::Server => [time + 30_000, time + 30_000 + trip],
            Side::Client => [time + trip, time + trip + 30_000],
        };
        self.segment(time, Side::Client, SYN, &options, &[], out);
        self.segment(second, Side::Server, SYN | ACK, &options, &[], out);
        self.segment(third, Side::Client, ACK, &[], &[], out);
        third
    }

    /// Bytes of one side, cut into segments, and the acknowledgment; the time of the last
    /// segment with bytes.
    pub fn send(
        &mut self,
        time: i64,
        side: Side,
        bytes: &[u8],
        conditions: &Conditions,
        out: &mut Frames,
    ) -> i64 {
        let most = conditions.mtu_bytes - self.headers();
        let most = conditions.segment_bytes_max.unwrap_or(most).min(most);
        let mut now = time;
        let mut chunks = bytes.chunks(usize::from(most)).peekable();
        while let Some(chunk) = chunks.next() {
            let flags = if chunks.peek().is_none() { ACK | PSH } else { ACK };
            self.segment(now, side, flags, &[], chunk, out);
            now += 1_000;
        }
        now
    }

    /// The end; the time of the last segment.
    pub fn close(&mut self, time: i64, how: Close, out: &mut Frames) -> i64 {
        let trip = self.flow.round_trip_ns;
        match how {
            Close::Client => {
                self.segment(time, Side::Client, FIN | ACK, &[], &[], out);
                self.segment(time + 40_000, Side::Server, FIN | ACK, &[], &[], out);
                self.segment(time + 40_000 + trip, Side::Client, ACK, &[], &[], out);
                time + 40_000 + trip
            }
            Close::ServerReset => {
                self.segment(time, Side::Client, FIN | ACK, &[], &[], out);
                self.segment(time + 40_000, Side::Server, RST | ACK, &[], &[], out);
                time + 40_000
            }
            Close::ClientReset => {
                self.segment(time, Side::Client, RST | ACK, &[], &[], out);
                time
            }
        }
    }

    fn headers(&self) -> u16 {
        if self.flow.client.address.is_ipv4() { HEADERS_V4 } else { HEADERS_V6 }
    }

    fn segment(
        &mut self,
        time: i64,
        side: Side,
        flags: u8,
        options: &[u8],
        payload: &[u8],
        out: &mut Frames,
    ) {
        let [client, server] = self.sequence;
        let (own, other) = if side == Side::Client { (client, server) } else { (server, client) };
        let segment = Segment {
            sequence: own,
            acknowledgment: if flags & ACK == 0 { 0 } else { other },
            flags,
            window: if flags & SYN == 0 { WINDOW } else { u16::MAX },
        };
        let [client_id, server_id] = &mut self.ip_id;
        let ip_id = if side == Side::Client { client_id } else { server_id };
        *ip_id = ip_id.wrapping_add(1);
        out.tcp(time, &self.flow, side, *ip_id, &segment, options, payload);
        let length = u32::try_from(payload.len()).unwrap_or(0);
        let more = length + u32::from(flags & (SYN | FIN) != 0);
        let [client, server] = &mut self.sequence;
        let own = if side == Side::Client { client } else { server };
        *own = own.wrapping_add(more);
    }
}
