//! Where an activity is played: a clock, two ends, and what is put on the wire.

use std::sync::LazyLock;

use super::net::{Close, Conditions, Flow, Frames, Knock, Neighbour, Tcp, Wire, knock};
use super::{Activity, Cast, Did, Item, Memory, Peer, Truth};
use crate::base::{Random, Timestamp};
use crate::estate::Knob;
use crate::proto::dns::Sheet;
use crate::proto::{Id, Kind, Outcome, Side};
use crate::wire::{WireError, Writer};

/// Between two packets of one side, in nanoseconds. Assumed.
const SAME_SIDE_NS: i64 = 15_000;
/// Time a host takes to go on after a packet came, median in nanoseconds: between what the KDC
/// (0.5 to 1 ms) and DNS from the cache (0.1 ms) were measured to take. Assumed in between.
const SERVICE_NS: f64 = 400_000.0;
/// Deviation of its logarithm. Assumed.
const SERVICE_SIGMA: f64 = 0.5;
/// The least of it, in nanoseconds: longer than a stack takes to acknowledge. Assumed.
const SERVICE_MIN_NS: i64 = 50_000;
/// A datagram that others overtake is late by up to a millisecond, by 20 µs at least. Assumed.
const LATE_NS: (f64, f64) = (20_000.0, 1_000_000.0);
/// Label of the network's random numbers among those of an item.
const WEATHER: u64 = 0x6e65_7477_6f72_6b73;

/// Stands for ciphertext that nobody sees; of longer messages there are few.
static UNSEEN: [u8; 1 << 16] = [0; 1 << 16];

/// Answering times to choose from.
const SERVICE_DRAWS: u32 = 4_096;
/// Answering times, in nanoseconds: drawn once, as each packet needs one, and logarithms take
/// longer than all else that is done for it.
static SERVICES: LazyLock<Vec<i64>> = LazyLock::new(|| {
    let mut random = Random::new(0);
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds")]
    let mut draw = || random.lognormal(SERVICE_NS, SERVICE_SIGMA) as i64;
    (0..SERVICE_DRAWS).map(|_| draw().max(SERVICE_MIN_NS)).collect()
});

/// One item of the plan while it is rendered.
pub struct Stage<'a> {
    /// Everybody.
    pub cast: &'a Cast,
    /// What the network does.
    pub conditions: &'a Conditions,
    /// Random numbers of this item.
    pub random: Random,
    /// The item.
    pub item: Item,
    /// What the client remembers.
    pub memory: &'a mut Memory,
    /// The clock: when the next packet comes, before its delay.
    now: i64,
    /// Random numbers of the network, so that what is said does not depend on its conditions.
    weather: Random,
    /// Whether the last packet came from the domain controller.
    from_here: Option<bool>,
    /// Whether it was one of a connection that was opened before the start.
    is_from_before: bool,
    /// First moment that is seen, in nanoseconds since 1970.
    start: i64,
    out: &'a mut Frames,
    truth: &'a mut Truth,
    later: &'a mut Vec<Item>,
    scratch: &'a mut Vec<u8>,
    sheet: &'a mut Sheet,
}

/// The words of a derived activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// In whose name.
    pub principal: Option<String>,
    /// What it was done to.
    pub target: Option<String>,
    /// The operation in the protocol's words.
    pub detail: Option<String>,
}

/// What a shard lends to a stage.
pub(super) struct Props<'a> {
    pub out: &'a mut Frames,
    pub truth: &'a mut Truth,
    pub later: &'a mut Vec<Item>,
    pub scratch: &'a mut Vec<u8>,
    pub sheet: &'a mut Sheet,
    pub memory: &'a mut Memory,
    /// First moment that is seen, in nanoseconds since 1970.
    pub start: i64,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        cast: &'a Cast,
        conditions: &'a Conditions,
        item: Item,
        props: Props<'a>,
    ) -> Self {
        let Props { out, truth, later, scratch, sheet, memory, start } = props;
        Self {
            cast,
            conditions,
            random: Random::new(item.variation),
            item,
            memory,
            now: item.time.nanos(),
            weather: Random::fork(item.variation, WEATHER),
            from_here: None,
            is_from_before: false,
            start,
            out,
            truth,
            later,
            scratch,
            sheet,
        }
    }

    /// The value of a parameter for this client.
    pub fn knob(&self, knob: Knob) -> f64 {
        self.cast.parameter(self.item.client, knob)
    }

    /// When the next packet comes, before its own delay.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.now)
    }

    /// Lends a sheet whose memory is used again.
    pub fn with_sheet(&mut self, play: impl FnOnce(&mut Self, &mut Sheet)) {
        let mut sheet = std::mem::take(self.sheet);
        play(self, &mut sheet);
        *self.sheet = sheet;
    }

    /// Lets time pass, in milliseconds.
    #[expect(clippy::cast_possible_truncation, reason = "minutes at most")]
    pub fn wait_ms(&mut self, milliseconds: f64) {
        self.now += (milliseconds * 1e6) as i64;
    }

    /// A client port and the ends of a flow from this client to the domain controller, over IPv6
    /// where the client speaks it.
    pub fn to_dc(&mut self, server_port: u16) -> Flow {
        let client_port = self.memory.port();
        let client = self.cast.client(self.item.client);
        let (address, server) = match (client.v6, self.cast.dc_v6) {
            (Some(v6), Some(dc)) => (v6.into(), dc),
            _ => (client.v4.into(), self.cast.dc_v4),
        };
        Flow {
            client: Peer { address, mac: client.mac },
            server,
            client_port,
            server_port,
            vlan: self.cast.vlan(self.item.client),
            here: Side::Server,
            round_trip_ns: self.cast.round_trip_ns(self.item.client),
        }
    }

    /// A flow from the domain controller to somebody else, by IPv4. The port is drawn, not
    /// counted: many clients' doings make the domain controller open flows at the same time.
    pub fn from_dc(&mut self, server: Peer, server_port: u16, round_trip_ns: i64) -> Flow {
        let drawn = self.random.below(16_384);
        Flow {
            client: self.cast.dc_v4,
            server,
            client_port: 49_152 + u16::try_from(drawn).unwrap_or(0),
            server_port,
            vlan: None,
            here: Side::Client,
            round_trip_ns,
        }
    }

    /// This client as a peer by IPv4, for flows that the domain controller opens.
    pub fn client_peer(&self) -> Peer {
        let client = self.cast.client(self.item.client);
        Peer { address: client.v4.into(), mac: client.mac }
    }

    /// Some member server, by index; this client where there is none.
    pub fn some_server(&mut self) -> u32 {
        let count = u32::try_from(self.cast.servers.len()).unwrap_or(u32::MAX);
        let drawn = self.random.below(count);
        self.cast.servers.get(drawn as usize).copied().unwrap_or(self.item.client)
    }

    /// Puts one datagram of `side` on the wire; its time. It comes after what the sender needs
    /// to answer what came before.
    ///
    /// A message that cannot be emitted is a mistake of ours, which tests find; it is sent empty.
    pub fn datagram(
        &mut self,
        flow: &mut Flow,
        side: Side,
        emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
    ) -> Timestamp {
        if side != flow.here && self.weather.chance(self.conditions.reordering) {
            let (least, most) = LATE_NS;
            let late = self.weather.between(least, most);
            self.wait_ms(late / 1e6);
        }
        let time = self.turn(flow, side);
        self.is_from_before = false;
        self.scratch.clear();
        let emitted = emit(&mut Writer::new(self.scratch));
        debug_assert_eq!(emitted, Ok(()));
        #[expect(clippy::cast_possible_truncation, reason = "any number will do")]
        let ip_id = self.weather.next_u64() as u16;
        self.out.udp(time, flow, side, ip_id, self.conditions.mtu_bytes, self.scratch);
        Timestamp::from_nanos(time)
    }

    /// Opens a connection.
    pub fn connect(&mut self, flow: Flow) -> Tcp {
        let mut tcp = Tcp::new(flow, &mut self.weather);
        let time = self.turn(&flow, Side::Client);
        self.is_from_before = false;
        self.now = tcp.open(time, &mut self.wire());
        tcp
    }

    /// Tries to connect, in vain.
    pub fn knock(&mut self, flow: &Flow, how: Knock) {
        let time = self.turn(flow, Side::Client);
        self.now = knock(time, flow, how, &mut self.random, self.conditions, self.out);
    }

    /// Puts bytes of `side` into the stream, one message or several; the time of the last byte.
    ///
    /// Frames: as many as its segments, and acknowledgments. A single segment is not acknowledged
    /// at once: it is by the next `say` of the other side, or 40 to 50 ms later.
    pub fn say(
        &mut self,
        tcp: &mut Tcp,
        side: Side,
        emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
    ) -> Timestamp {
        let mut bytes = std::mem::take(self.scratch);
        bytes.clear();
        let emitted = emit(&mut Writer::new(&mut bytes));
        debug_assert_eq!(emitted, Ok(()));
        let time = self.send(tcp, side, &bytes);
        *self.scratch = bytes;
        time
    }

    /// The same with `length` bytes that are ciphertext for the most part: before the start, where
    /// nobody sees them, they are not made.
    pub fn say_sealed(
        &mut self,
        tcp: &mut Tcp,
        side: Side,
        length: usize,
        emit: impl FnOnce(&mut Writer<'_>) -> Result<(), WireError>,
    ) -> Timestamp {
        let is_seen = self.item.time.nanos() >= self.start;
        match UNSEEN.get(..length).filter(|_| !is_seen) {
            Some(bytes) => self.send(tcp, side, bytes),
            None => self.say(tcp, side, emit),
        }
    }

    fn send(&mut self, tcp: &mut Tcp, side: Side, bytes: &[u8]) -> Timestamp {
        let time = self.turn(&tcp.flow, side);
        let time = self.resume(tcp, time);
        self.is_from_before = tcp.is_from_before;
        self.now = tcp.send(time, side, bytes, &mut self.wire());
        self.pause(tcp);
        Timestamp::from_nanos(self.now)
    }

    /// Ends a connection. Of an item that began before the start and is therefore not seen, that
    /// much is.
    pub fn close(&mut self, mut tcp: Tcp, how: Close) {
        let time = self.turn(&tcp.flow, how.begins());
        let time = self.resume(&mut tcp, time);
        let from = std::mem::replace(&mut self.out.from, self.start);
        self.now = tcp.close(time, how, &mut self.wire());
        self.out.from = from;
    }

    /// A TCP keep-alive of `side` and its answer, on a connection that has been idle.
    pub fn keep_alive(&mut self, tcp: &mut Tcp, side: Side) {
        let time = self.turn(&tcp.flow, side);
        let time = self.resume(tcp, time);
        self.now = tcp.keep_alive(time, side, &mut self.wire());
    }

    /// Ends the item: acknowledgments that are still held back are written.
    pub(super) fn finish(self) {
        self.out.settle();
    }

    fn wire(&mut self) -> Wire<'_> {
        Wire { conditions: self.conditions, random: &mut self.weather, out: self.out }
    }

    /// A connection goes on at `time`, or after what was written of it when the last item ended.
    fn resume(&mut self, tcp: &mut Tcp, time: i64) -> i64 {
        if !tcp.owes() || self.out.recall(tcp) { time } else { tcp.forget_owed(time) }
    }

    /// Takes note of an acknowledgment that is held back.
    fn pause(&mut self, tcp: &Tcp) {
        if tcp.owes() {
            self.out.owe(tcp);
        }
    }

    /// Plays what happens `milliseconds` from the clock, beside what goes on: the end of an idle
    /// connection. The clock stays.
    pub fn aside(&mut self, milliseconds: f64, act: impl FnOnce(&mut Self)) {
        let (now, from_here) = (self.now, self.from_here.take());
        self.wait_ms(milliseconds);
        act(self);
        (self.now, self.from_here) = (now, from_here);
    }

    /// Neighbours find each other, or make sure that they are there.
    pub fn neighbour(&mut self, flow: &Flow, side: Side, says: Neighbour) {
        let time = self.turn(flow, side);
        self.out.neighbour(time, flow, side, says);
    }

    /// Moves the clock to when `side` sends: after its answering time, and after the way to it
    /// and back where it is not the domain controller.
    fn turn(&mut self, flow: &Flow, side: Side) -> i64 {
        let here = side == flow.here;
        let delay = match self.from_here {
            None => 0,
            Some(last) if last == here => SAME_SIDE_NS,
            Some(_) => {
                let drawn = self.random.below(SERVICE_DRAWS) as usize;
                let service = SERVICES.get(drawn).copied().unwrap_or(SERVICE_MIN_NS);
                service + if here { 0 } else { flow.round_trip_ns }
            }
        };
        self.from_here = Some(here);
        self.now += delay;
        self.now
    }

    /// Tells the truth: a message is on the wire, in the numbers of
    /// [`Tally`](crate::proto::Tally). Every message that a parser of that protocol would find,
    /// also inside others, and nothing that is encrypted. It counts as one of the connection on
    /// which something was said last.
    pub fn told(&mut self, protocol: Id, operation: u32, is_answer: bool) {
        self.truth.message(protocol, operation, is_answer, self.is_from_before);
    }

    /// Tells the truth: what an observer of the wire can derive, asked at `time` by the flow's
    /// client. It counts as a message does, see [`told`](Self::told).
    pub fn did(
        &mut self,
        flow: &Flow,
        time: Timestamp,
        kind: Kind,
        outcome: Outcome,
        words: impl FnOnce() -> Words,
    ) {
        let is_from_before = self.is_from_before;
        self.truth.did(kind, outcome, is_from_before, || {
            let Words { principal, target, detail } = words();
            let (client, server) = (flow.client.address, flow.server.address);
            Did { kind, time, client, server, principal, target, detail, outcome, is_from_before }
        });
    }

    /// Plays another activity of this client after `milliseconds` from the clock: the parts of a
    /// boot, the end of an idle connection.
    #[expect(clippy::cast_possible_truncation, reason = "hours at most")]
    pub fn later(&mut self, milliseconds: f64, activity: Activity, argument: u32) {
        let time = Timestamp::from_nanos(self.now + (milliseconds * 1e6) as i64);
        let variation = self.random.next_u64();
        self.later.push(Item { time, activity, argument, variation, ..self.item });
    }
}
