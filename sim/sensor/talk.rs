//! What the flows of a shard say: streams put together, messages delimited and read.

use std::fmt::Display;

use super::audience::{Audience, Ends};
use super::endpoints::Endpoints;
use super::tallies::Tallies;
use super::tickets::Tickets;
use crate::base::Timestamp;
use crate::flow::{
    Consumer, Entry, Packet, Pool, Segment, State, Stream, StreamCounts, Take, Transport,
};
use crate::proto::dcerpc::Syntax;
use crate::proto::{
    self, Activity, Context, Dialogues, Held, Hint, Id, Message, Observer, Recognised, Side, Step,
    Tally,
};
use crate::wire::WireError;

/// Talks of one shard at the same time: 65,536 over all shards. A flow takes part as long as
/// something it said still matters: a datagram until it is answered, a connection from its first
/// payload to its end.
pub const TALKS_MAX: usize = 8_192;

/// `Reading::dialogue` of a connection that is over: it has given its dialogue back, and knows only
/// where its streams are, so that what is sent again is not heard again.
const NONE: u32 = u32::MAX;

/// Talks looked at for the longest idle one when all are taken.
const NEIGHBOURS: usize = 16;

/// Bytes that another protocol is told by in the middle of a connection: a header of DCE/RPC is
/// the longest such beginning.
const TURN_BYTES: usize = 16;

/// Bytes of memory that make a dialogue the first to be given up when it makes all of them hold too
/// much. Ours.
const MUCH_BYTES: usize = proto::DIALOGUE_BYTES_MAX / 64;

/// TCP flags, RFC 9293 section 3.1.
const TCP_FIN: u8 = 0x01;
const TCP_SYN: u8 = 0x02;
const TCP_RST: u8 = 0x04;
const TCP_ACK: u8 = 0x10;

/// One flow that is listened to.
#[derive(Debug)]
struct Talk {
    is_open: bool,
    /// Whether it was reset, or closed by both.
    is_over: bool,
    /// Which flow, by its hash: an entry whose place went to another flow does not know.
    owner: u64,
    ends: Ends,
    last_ms: u32,
    time: Timestamp,
    streams: [Stream; 2],
    /// Sides that have sent FIN.
    ended: [bool; 2],
    reading: Reading,
}

/// As what, and from where, the bytes of a flow are read.
#[derive(Debug)]
struct Reading {
    id: Id,
    is_proven: bool,
    dialogue: u32,
    /// Whether a message begins where the next bytes of each side are.
    in_step: [bool; 2],
    /// Bytes of each side behind a gap that still are of the message it lies in.
    torn: [u64; 2],
}

/// The talks of one shard.
#[derive(Debug)]
pub struct Talks {
    /// Place `n` belongs to `Entry::talk` of `n + 1`.
    places: Vec<Talk>,
    free: Vec<u16>,
    hand: usize,
    dialogues: Dialogues,
    pool: Pool,
    shared: Shared,
    /// What was counted.
    pub tallies: Tallies,
}

/// What a shard knows of the packet's flow.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// What the flow is taken for.
    pub id: Id,
    /// Whether payload has proven it.
    pub is_proven: bool,
}

impl Talks {
    /// Nobody says anything yet.
    pub fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            hand: 0,
            dialogues: Dialogues::default(),
            pool: Pool::default(),
            shared: Shared::default(),
            tallies: Tallies::default(),
        }
    }

    /// Listens to a packet of the flow `entry`. What the flow turns out to be, where its bytes
    /// say other than was known.
    #[inline]
    pub fn hear(
        &mut self,
        entry: &mut Entry,
        packet: &Packet,
        payload: &[u8],
        known: Known,
        out: &mut dyn Audience,
    ) -> Option<Id> {
        if packet.transport == Transport::Tcp {
            self.segment(entry, packet, payload, known, out)
        } else {
            self.datagram(entry, packet, payload, known, out);
            None
        }
    }

    /// Ends the talk of a flow that has left the table.
    pub fn leave(&mut self, entry: &Entry, out: &mut dyn Audience) {
        let Some(place) = entry.talk.checked_sub(1) else { return };
        let place = usize::from(place);
        let talk = self.places.get(place);
        if talk.is_some_and(|talk| talk.is_open && talk.owner == entry.hash()) {
            self.close(place, out);
        }
    }

    /// What the streams met.
    pub fn stream_counts(&self) -> StreamCounts {
        self.pool.counts
    }

    /// Ends all talks.
    pub fn finish(&mut self, out: &mut dyn Audience) {
        for place in 0..self.places.len() {
            self.close(place, out);
        }
    }

    fn datagram(
        &mut self,
        entry: &mut Entry,
        packet: &Packet,
        payload: &[u8],
        known: Known,
        out: &mut dyn Audience,
    ) {
        if known.id == Id::Other || payload.is_empty() {
            return;
        }
        let place = match self.place_of(entry, packet) {
            Some(place) => place,
            None => self.open(entry, packet, known, out),
        };
        let Self { places, dialogues, tallies, shared, .. } = self;
        let Some(talk) = places.get_mut(place) else { return };
        talk.last_ms = entry.last_ms();
        talk.time = packet.time;
        // The first datagram only had its port; a later one may prove something else.
        let mut ears = Ears { ends: &talk.ends, tallies, shared, out };
        talk.reading.turn_to(known.id, dialogues, &mut ears);
        let context = Context {
            transport: proto::Transport::Udp,
            side: side(entry, packet),
            time: packet.time,
            length: payload.len() + usize::from(packet.missing),
            is_cut: packet.missing > 0,
        };
        let key = talk.reading.key(dialogues);
        let read = match known.id.step(payload, proto::Transport::Udp) {
            Step::Malformed(error) if !context.is_cut => Err(error),
            _ => dialogues.observe(key, payload, &context, &mut ears),
        };
        if let Err(error) = read {
            tallies.failed(known.id, &context, error, known.is_proven);
        }
        if dialogues.is_idle(key) {
            self.close(place, out);
            entry.talk = 0;
        }
        if self.dialogues.is_full() {
            self.make_room(place, out);
        }
    }

    fn segment(
        &mut self,
        entry: &mut Entry,
        packet: &Packet,
        payload: &[u8],
        known: Known,
        out: &mut dyn Audience,
    ) -> Option<Id> {
        if packet.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN {
            self.forget_reset(entry, packet, out);
        }
        let silent = payload.is_empty() && packet.missing == 0;
        let place = match self.place_of(entry, packet) {
            Some(place) => place,
            None if silent || known.id == Id::Other => return None,
            None => self.open(entry, packet, known, out),
        };
        let Self { places, dialogues, pool, tallies, shared, .. } = self;
        let talk = places.get_mut(place)?;
        let side = side(entry, packet);
        talk.last_ms = entry.last_ms();
        talk.time = packet.time;
        talk.reading.is_proven |= known.is_proven;
        let before = talk.reading.id;
        let mut listener = Listener {
            reading: &mut talk.reading,
            dialogues,
            side: side.other(),
            time: packet.time,
            ears: Ears { ends: &talk.ends, tallies, shared, out },
        };
        // What this side acknowledges and the capture does not hold was lost by the capture.
        if let Some(other) = talk.streams.get_mut(side.other().index())
            && packet.tcp_flags & TCP_ACK != 0
        {
            other.acknowledged(packet.acknowledgment, pool, &mut listener);
        }
        listener.side = side;
        if let Some(stream) = talk.streams.get_mut(side.index()) {
            let segment = Segment {
                sequence: packet.sequence,
                flags: packet.tcp_flags,
                payload,
                missing: packet.missing.into(),
            };
            stream.segment(&segment, pool, &mut listener);
        }
        let after = talk.reading.id;
        if packet.tcp_flags & (TCP_FIN | TCP_RST) != 0 {
            self.end(place, side, packet, out);
        }
        if self.dialogues.is_full() {
            self.make_room(place, out);
        }
        (after != before).then_some(after)
    }

    /// A reset that is not far from the stream (RFC 5961 section 3.2), or both FINs: what waits
    /// for an answer is told. Whoever forged them ends nothing: if more bytes come, they are
    /// heard. The place is the first to be given to another.
    #[cold]
    fn end(&mut self, place: usize, side: Side, packet: &Packet, out: &mut dyn Audience) {
        let Self { places, dialogues, tallies, shared, .. } = self;
        let Some(talk) = places.get_mut(place) else { return };
        let is_near =
            talk.streams.get(side.index()).is_none_or(|stream| stream.is_near(packet.sequence));
        let is_reset = packet.tcp_flags & TCP_RST != 0 && is_near;
        if let Some(ended) = talk.ended.get_mut(side.index()) {
            *ended |= packet.tcp_flags & TCP_FIN != 0;
        }
        let waits = talk.streams.iter().any(Stream::is_buffering);
        if is_reset || talk.ended == [true, true] && !waits {
            talk.is_over = true;
            let mut ears = Ears { ends: &talk.ends, tallies, shared, out };
            talk.reading.close(dialogues, &mut ears);
        }
    }

    /// A SYN behind a reset begins a new connection, even with the sequence number of the old.
    #[cold]
    fn forget_reset(&mut self, entry: &mut Entry, packet: &Packet, out: &mut dyn Audience) {
        let Some(place) = self.place_of(entry, packet) else { return };
        if self.places.get(place).is_some_and(|talk| talk.is_over) {
            self.close(place, out);
            entry.talk = 0;
        }
    }

    /// Whether a payload that proves nothing, as it is too short or not the start of its stream,
    /// may be a remote procedure call: an endpoint mapper told that an interface is where it goes.
    pub fn may_be_rpc(&self, packet: &Packet, payload: &[u8], is_start: bool) -> bool {
        let is_possible =
            || Id::Dcerpc.probe(payload, proto::Transport::Tcp) == proto::Probe::Possible;
        packet.transport == Transport::Tcp
            && (!is_start || is_possible())
            && self.shared.endpoints.is_known((packet.destination, packet.destination_port))
    }

    /// The flow's place, if it has one and has not lost it to another.
    #[inline]
    fn place_of(&self, entry: &Entry, packet: &Packet) -> Option<usize> {
        let place = usize::from(entry.talk.checked_sub(1)?);
        let talk = self.places.get(place)?;
        (talk.is_open && talk.owner == packet.hash).then_some(place)
    }

    /// Gives the flow a place; the longest idle of some makes room where all are taken.
    fn open(
        &mut self,
        entry: &mut Entry,
        packet: &Packet,
        known: Known,
        out: &mut dyn Audience,
    ) -> usize {
        // It had a place, which went to another: what it said between is not known.
        self.tallies.evicted += u64::from(entry.talk != 0);
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.places.len() < TALKS_MAX => {
                self.places.push(Talk::new());
                u16::try_from(self.places.len() - 1).unwrap_or_default()
            }
            None => self.evict(out),
        };
        entry.talk = place + 1;
        let place = usize::from(place);
        if let Some(talk) = self.places.get_mut(place) {
            talk.begin(entry, packet, known, &mut self.pool);
        }
        place
    }

    /// Ends the longest idle of the next talks around the ring.
    fn evict(&mut self, out: &mut dyn Audience) -> u16 {
        let around = (0..NEIGHBOURS).map(|step| (self.hand + step) % TALKS_MAX);
        let last = |at: &usize| self.places.get(*at).map(|talk| (!talk.is_over, talk.last_ms));
        let idlest = around.min_by_key(last).unwrap_or(0);
        self.hand = (self.hand + NEIGHBOURS) % TALKS_MAX;
        self.close(idlest, out);
        self.free.pop().unwrap_or_default()
    }

    /// Frees memory of dialogues: what is kept for flows to come, then what the one at `latest`
    /// holds, which made it too much, if that is much, then what those hold that hold most among
    /// their neighbours around the ring.
    #[cold]
    fn make_room(&mut self, latest: usize, out: &mut dyn Audience) {
        self.dialogues.release();
        if self.dialogues.is_full() && self.held(latest) > MUCH_BYTES {
            self.close(latest, out);
        }
        for _ in 0..self.places.len().div_ceil(NEIGHBOURS) {
            if !self.dialogues.is_full() {
                return;
            }
            let count = self.places.len();
            let around = (0..NEIGHBOURS).map(|step| (self.hand + step) % count);
            let most = around.map(|at| (self.held(at), at)).max();
            self.hand = (self.hand + NEIGHBOURS) % count;
            if let Some((1.., at)) = most {
                self.close(at, out);
            }
        }
    }

    /// Bytes of memory of the dialogue of the talk at `at`.
    fn held(&self, at: usize) -> usize {
        let reading = self.places.get(at).filter(|talk| talk.is_open).map(|talk| &talk.reading);
        let reading = reading.filter(|reading| reading.dialogue != NONE);
        reading.map_or(0, |reading| self.dialogues.bytes_of((reading.id, reading.dialogue)))
    }

    /// Stops listening to a flow. If it goes on, what that costs is counted then.
    fn close(&mut self, place: usize, out: &mut dyn Audience) {
        let Self { places, free, dialogues, pool, tallies, shared, .. } = self;
        let talk = places.get_mut(place).filter(|talk| talk.is_open);
        let Some(talk) = talk else { return };
        talk.is_open = false;
        free.push(u16::try_from(place).expect("places are bounded by TALKS_MAX"));
        let Talk { ends, streams, reading, time, .. } = talk;
        for (stream, side) in streams.iter_mut().zip([Side::Client, Side::Server]) {
            let ears = Ears { ends, tallies, shared, out };
            let time = *time;
            stream.end(pool, &mut Listener { reading, dialogues, side, time, ears });
        }
        reading.close(dialogues, &mut Ears { ends, tallies, shared, out });
    }
}

impl Reading {
    /// The dialogue, which is made if there is none.
    fn key(&mut self, dialogues: &mut Dialogues) -> (Id, u32) {
        if self.dialogue == NONE {
            self.dialogue = dialogues.open(self.id);
        }
        (self.id, self.dialogue)
    }

    /// Goes on with another protocol, if it is another.
    fn turn_to(&mut self, id: Id, dialogues: &mut Dialogues, out: &mut Ears<'_>) {
        if id != self.id {
            self.close(dialogues, out);
            self.id = id;
        }
    }

    /// Gives the dialogue back; what waits in it is told.
    fn close(&mut self, dialogues: &mut Dialogues, out: &mut Ears<'_>) {
        let at = std::mem::replace(&mut self.dialogue, NONE);
        if at != NONE {
            dialogues.close((self.id, at), out);
        }
    }
}

impl Talk {
    fn new() -> Self {
        Self {
            is_open: false,
            is_over: false,
            owner: 0,
            ends: Ends::default(),
            last_ms: 0,
            time: Timestamp::default(),
            streams: Default::default(),
            ended: [false; 2],
            reading: Reading {
                id: Id::Other,
                is_proven: false,
                dialogue: NONE,
                in_step: [false; 2],
                torn: [0; 2],
            },
        }
    }

    /// Starts over with the first payload of a flow.
    fn begin(&mut self, entry: &Entry, packet: &Packet, known: Known, pool: &mut Pool) {
        let opened = entry.has(State::Syn) || entry.has(State::SynAck);
        *self = Self {
            is_open: true,
            owner: packet.hash,
            ends: Ends::of(entry),
            last_ms: entry.last_ms(),
            time: packet.time,
            reading: Reading {
                id: known.id,
                is_proven: known.is_proven,
                dialogue: NONE,
                in_step: [opened; 2],
                torn: [0; 2],
            },
            ..Self::new()
        };
        if packet.transport == Transport::Tcp && opened {
            self.place_starts(entry, packet, pool);
        }
    }

    /// Tells the streams where they begin, so that a first segment that comes second is known
    /// as such: behind the SYN, and where the other side's first data acknowledges.
    fn place_starts(&mut self, entry: &Entry, packet: &Packet, pool: &mut Pool) {
        let from = side(entry, packet);
        let mut starts = [entry.client_start(), None];
        let silent = match from {
            Side::Client => !entry.has(State::ServerData),
            Side::Server => !entry.has(State::ClientData),
        };
        let other = 1 - from.index();
        if let Some(start) = starts.get_mut(other)
            && silent
            && packet.tcp_flags & TCP_ACK != 0
        {
            *start = Some(packet.acknowledgment);
        }
        for (stream, start) in self.streams.iter_mut().zip(starts) {
            if let Some(start) = start {
                let flags = TCP_SYN;
                let sequence = start.wrapping_sub(1);
                let segment = Segment { sequence, flags, payload: &[], missing: 0 };
                stream.segment(&segment, pool, &mut Deaf);
            }
        }
    }
}

/// Nobody: a stream that is told where it begins has nothing to say yet.
struct Deaf;

impl Consumer for Deaf {
    fn data(&mut self, _: &[u8]) -> Take {
        Take { consumed: 0, need: 0 }
    }
    fn gap(&mut self, _: &[u8], _: u64) {}
}

/// What flows of a shard tell each other.
#[derive(Debug, Default)]
struct Shared {
    tickets: Tickets,
    endpoints: Endpoints,
}

/// Counts what passes on its way to whoever else listens.
struct Ears<'a> {
    ends: &'a Ends,
    tallies: &'a mut Tallies,
    shared: &'a mut Shared,
    out: &'a mut dyn Audience,
}

impl Observer for Ears<'_> {
    fn message(&mut self, context: &Context, message: &Message<'_>, tally: Tally) {
        self.tallies.message(message.id(), tally);
        self.out.message(self.ends, context, message, tally);
    }

    fn activity(&mut self, activity: &Activity<'_>) {
        self.out.activity(self.ends, activity);
    }

    fn hint(&mut self, context: &Context, hint: Hint<'_>) {
        self.out.hint(self.ends, context, hint);
    }

    fn malformed(&mut self, protocol: Id, error: WireError) {
        self.tallies.malformed(protocol, error);
        self.out.malformed(self.ends, protocol, error);
    }

    fn learn_ticket(&mut self, ticket: u64, owner: &dyn Display) {
        self.shared.tickets.learn(ticket, owner);
    }

    fn learn_endpoint(&mut self, port: u16, interface: Syntax) {
        self.shared.endpoints.learn((self.ends.server.0, port), interface);
    }

    fn endpoint(&mut self) -> Option<Syntax> {
        self.shared.endpoints.interface(self.ends.server)
    }

    fn ticket_owner(&mut self, ticket: u64, owner: &mut Held) -> bool {
        match self.shared.tickets.owner(ticket) {
            Some(name) => {
                owner.set(name);
                true
            }
            None => false,
        }
    }
}

/// Turns the bytes of one side into messages.
struct Listener<'a> {
    reading: &'a mut Reading,
    dialogues: &'a mut Dialogues,
    side: Side,
    time: Timestamp,
    ears: Ears<'a>,
}

impl Consumer for Listener<'_> {
    fn data(&mut self, bytes: &[u8]) -> Take {
        let mut at = usize::try_from(self.set_torn(0)).unwrap_or(usize::MAX);
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if !self.is_in_step() && !self.resume(rest) {
                self.ears.tallies.unread(self.reading.id, rest.len() as u64);
                return Take { consumed: bytes.len(), need: 0 };
            }
            match self.reading.id.step(rest, proto::Transport::Tcp) {
                Step::Message { length } => {
                    let needed = self.reading.id.needed(rest, length).min(length);
                    self.read(rest.get(..needed).unwrap_or(rest), length, false);
                    at += length;
                }
                Step::NeedMore { total } => {
                    let needed = self.reading.id.needed(rest, total);
                    let Some(enough) = rest.get(..needed) else {
                        return Take { consumed: at, need: needed };
                    };
                    // All that is wanted is here; the rest is skipped as it comes.
                    self.read(enough, total, false);
                    return Take { consumed: at.saturating_add(total), need: 0 };
                }
                Step::Malformed(error) => {
                    if self.turn(rest) {
                        continue;
                    }
                    if rest.len() < TURN_BYTES {
                        return Take { consumed: at, need: TURN_BYTES };
                    }
                    self.lose_step(rest, error);
                    return Take { consumed: bytes.len(), need: 0 };
                }
            }
        }
        Take { consumed: at.max(bytes.len()), need: 0 }
    }

    fn gap(&mut self, held: &[u8], lost: u64) {
        // How much of the message that the gap lies in comes behind it, where it ends there.
        let mut behind = self.set_torn(0).checked_sub(lost).filter(|_| held.is_empty());
        if !held.is_empty() && self.is_in_step() {
            match self.reading.id.step(held, proto::Transport::Tcp) {
                Step::NeedMore { total } => {
                    self.read(held, total, true);
                    behind = (total.saturating_sub(held.len()) as u64).checked_sub(lost);
                }
                Step::Message { length } => self.read(held, length, true),
                Step::Malformed(error) => self.lose_step(held, error),
            }
        }
        if lost > 0 || !held.is_empty() {
            self.ears.tallies.gap(self.reading.id, lost);
        }
        let key = self.reading.key(self.dialogues);
        self.dialogues.gap(key, self.side);
        let behind = behind.filter(|_| lost > 0 && self.is_in_step());
        self.set_in_step(behind.is_some());
        self.set_torn(behind.unwrap_or(0));
    }
}

impl Listener<'_> {
    fn is_in_step(&self) -> bool {
        self.reading.in_step.get(self.side.index()).copied().unwrap_or(false)
    }

    fn set_in_step(&mut self, value: bool) {
        if let Some(in_step) = self.reading.in_step.get_mut(self.side.index()) {
            *in_step = value;
        }
    }

    /// Sets how much of a torn message is still to come; how much it was.
    fn set_torn(&mut self, value: u64) -> u64 {
        let torn = self.reading.torn.get_mut(self.side.index());
        torn.map_or(0, |torn| std::mem::replace(torn, value))
    }

    fn read(&mut self, input: &[u8], length: usize, is_cut: bool) {
        let (side, time) = (self.side, self.time);
        let transport = proto::Transport::Tcp;
        let context = Context { transport, side, time, length, is_cut };
        let key = self.reading.key(self.dialogues);
        match self.dialogues.observe(key, input, &context, &mut self.ears) {
            Ok(()) => self.reading.is_proven |= !is_cut,
            Err(error) => {
                self.ears.tallies.failed(self.reading.id, &context, error, self.reading.is_proven);
            }
        }
    }

    /// Whether a message certainly begins at `bytes`; the flow then goes on there.
    fn resume(&mut self, bytes: &[u8]) -> bool {
        match certain(self.reading.id, bytes) {
            Some(id) => {
                self.become_(id);
                self.set_in_step(true);
                true
            }
            None => false,
        }
    }

    /// Whether the bytes are certainly those of another protocol, which the flow then goes on
    /// with: SMB2 behind SMB1, TLS behind LDAP or RDP.
    fn turn(&mut self, bytes: &[u8]) -> bool {
        match certain(self.reading.id, bytes) {
            Some(id) if id != self.reading.id => {
                self.become_(id);
                true
            }
            _ => false,
        }
    }

    fn become_(&mut self, id: Id) {
        self.reading.turn_to(id, self.dialogues, &mut self.ears);
        self.reading.is_proven = true;
    }

    #[cold]
    fn lose_step(&mut self, bytes: &[u8], error: WireError) {
        if self.reading.is_proven {
            self.ears.malformed(self.reading.id, error);
        }
        self.ears.tallies.unread(self.reading.id, bytes.len() as u64);
        let key = self.reading.key(self.dialogues);
        self.dialogues.gap(key, self.side);
        self.set_in_step(false);
    }
}

/// The protocol that certainly begins a message with `bytes`: `id` itself or any other.
fn certain(id: Id, bytes: &[u8]) -> Option<Id> {
    if id.probe(bytes, proto::Transport::Tcp) == proto::Probe::Certain {
        return Some(id);
    }
    match proto::recognise(proto::Transport::Tcp, 0, 0, bytes, false) {
        Recognised::Certain(id) => Some(id),
        _ => None,
    }
}

fn side(entry: &Entry, packet: &Packet) -> Side {
    if entry.from_client(packet) { Side::Client } else { Side::Server }
}
