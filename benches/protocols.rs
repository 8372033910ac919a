//! What does it cost to read one message of each protocol, and to make one?
//!
//! `observe` is all that the core asks of a parser, dialogue included, on the messages of the
//! lab captures in the order in which they were sent; a protocol that stands alone in none of
//! them is read from its samples. `emit` parses and emits each sample. Messages are found and
//! put together before the clock runs. A group is a protocol; its elements are whole messages,
//! as the transport delimits them, whatever they hold inside.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench may stop at what cannot happen, and nobody reads its documentation"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use headroom::base::{Batch, FrameSource, Timestamp};
use headroom::capture::{CaptureSet, Options};
use headroom::flow::{self, Consumer, Decoder, Flag, Packet, Pool, Segment, Stream, Take, decode};
use headroom::proto::{
    Activity, Context, Dialogues, Hint, Id, Message, Observer, Recognised, Side, Step, Tally,
    Transport, recognise,
};
use headroom::wire::{WireError, Writer};

/// Captures whose frames are whole; what the snap length cut is none of this bench's questions.
const CAPTURES: [&str; 9] = [
    "dc-dns.pcapng",
    "dc-kerberos.pcap",
    "dc-ldap.pcapng",
    "dc-netbios.pcap",
    "dc-ntp-dhcp.pcap",
    "dc-radius.pcapng",
    "dc-rpc.pcapng",
    "dc-smb.pcapng",
    "dc-morning.pcapng",
];

/// One message as a parser is given it.
struct Input {
    context: Context,
    /// Where it lies among the bytes of its conversation.
    at: Range<usize>,
}

/// What one flow said in one protocol.
struct Conversation {
    id: Id,
    inputs: Vec<Input>,
    bytes: Vec<u8>,
}

impl Conversation {
    fn new(id: Id) -> Self {
        Self { id, inputs: Vec::new(), bytes: Vec::new() }
    }

    fn push(&mut self, bytes: &[u8], context: Context) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.inputs.push(Input { context, at: start..self.bytes.len() });
    }
}

/// The conversations of one flow while it is put together.
struct Flow {
    /// Who sent the first packet.
    client: (flow::Address, u16),
    parts: Vec<Conversation>,
    streams: [Stream; 2],
    lost: bool,
}

/// Cuts the stream of one side into messages.
struct Cutter<'a> {
    parts: &'a mut Vec<Conversation>,
    side: Side,
    time: Timestamp,
    lost: &'a mut bool,
}

impl Cutter<'_> {
    fn keep(&mut self, bytes: &[u8], length: usize) {
        let (transport, side, time) = (Transport::Tcp, self.side, self.time);
        let context = Context { transport, side, time, length, is_cut: false };
        self.parts.last_mut().unwrap().push(bytes, context);
    }
}

impl Consumer for Cutter<'_> {
    fn data(&mut self, bytes: &[u8]) -> Take {
        let mut at = 0;
        while at < bytes.len() && !*self.lost {
            let (rest, id) = (&bytes[at..], self.parts.last().unwrap().id);
            match id.step(rest, Transport::Tcp) {
                Step::Message { length } => {
                    self.keep(&rest[..id.needed(rest, length).min(length)], length);
                    at += length;
                }
                Step::NeedMore { total } => {
                    let needed = id.needed(rest, total);
                    if rest.len() < needed {
                        return Take { consumed: at, need: needed };
                    }
                    self.keep(&rest[..needed], total);
                    return Take { consumed: at + total, need: 0 };
                }
                Step::Malformed(_) => match recognise(Transport::Tcp, 0, 0, rest, false) {
                    Recognised::Certain(other) if other != id => {
                        self.parts.push(Conversation::new(other));
                    }
                    _ => *self.lost = true,
                },
            }
        }
        Take { consumed: at.max(bytes.len()), need: 0 }
    }

    fn gap(&mut self, _: &[u8], _: u64) {
        *self.lost = true;
    }
}

impl Flow {
    fn new(packet: &Packet) -> Self {
        let client = (packet.source, packet.source_port);
        Self { client, parts: Vec::new(), streams: Default::default(), lost: false }
    }

    fn take(&mut self, packet: &Packet, payload: &[u8], pool: &mut Pool) {
        let is_client = self.client == (packet.source, packet.source_port);
        let (side, time) = (if is_client { Side::Client } else { Side::Server }, packet.time);
        let is_tcp = packet.transport == flow::Transport::Tcp;
        let transport = if is_tcp { Transport::Tcp } else { Transport::Udp };
        if self.parts.is_empty() {
            let (from, to) = (packet.source_port, packet.destination_port);
            let id = recognise(transport, from, to, payload, true).id();
            if payload.is_empty() || id == Id::Other {
                return;
            }
            self.parts.push(Conversation::new(id));
        }
        let Self { parts, streams, lost, .. } = self;
        if is_tcp {
            let (sequence, flags) = (packet.sequence, packet.tcp_flags);
            let segment = Segment { sequence, flags, payload, missing: 0 };
            let mut cutter = Cutter { parts, side, time, lost };
            streams[side.index()].segment(&segment, pool, &mut cutter);
        } else if let Some(part) = parts.last_mut()
            && matches!(part.id.step(payload, transport), Step::Message { .. })
        {
            let length = payload.len();
            part.push(payload, Context { transport, side, time, length, is_cut: false });
        }
    }
}

/// The conversations of a capture, in the order in which they began.
fn conversations(name: &str) -> Vec<Conversation> {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name);
    let mut set = CaptureSet::open(&[path], Options::default()).unwrap();
    let (mut batch, mut pool, decoder) = (Batch::default(), Pool::default(), Decoder::default());
    let (mut flows, mut places) = (Vec::<Flow>::new(), HashMap::new());
    while set.fill(&mut batch) {
        for record in &batch.records {
            let mut packet = Packet::default();
            decode(&decoder, &batch.frame(record), record.offset, &mut packet);
            if packet.transport == flow::Transport::None
                || packet.has(Flag::PortsOnly)
                || packet.missing > 0
            {
                continue;
            }
            let start = packet.payload_offset as usize;
            let payload = &batch.bytes[start..start + packet.payload_length as usize];
            let place = *places.entry(packet.hash).or_insert_with(|| {
                flows.push(Flow::new(&packet));
                flows.len() - 1
            });
            flows[place].take(&packet, payload, &mut pool);
        }
    }
    flows.into_iter().flat_map(|flow| flow.parts).collect()
}

/// The samples of a protocol, one conversation each.
fn from_samples(id: Id) -> Vec<Conversation> {
    let of = |sample: headroom::proto::Sample| {
        let (transport, length) = (sample.transport, sample.bytes.len());
        let (side, time) = (Side::Client, Timestamp::default());
        let mut conversation = Conversation::new(id);
        let context = Context { transport, side, time, length, is_cut: false };
        conversation.push(&sample.bytes, context);
        conversation
    };
    id.samples().into_iter().map(of).collect()
}

/// Counts what it is told.
#[derive(Default)]
struct Count {
    messages: u64,
    malformed: u64,
}

impl Observer for Count {
    fn message(&mut self, _: &Context, message: &Message<'_>, tally: Tally) {
        self.messages += 1;
        black_box((message, tally));
    }
    fn activity(&mut self, activity: &Activity<'_>) {
        black_box(activity);
    }
    fn hint(&mut self, _: &Context, hint: Hint<'_>) {
        black_box(hint);
    }
    fn malformed(&mut self, _: Id, _: WireError) {
        self.malformed += 1;
    }
}

/// Reads every message; how many, with those inside others, and how many not.
fn observe(dialogues: &mut Dialogues, conversations: &[Conversation]) -> Count {
    let mut count = Count::default();
    for Conversation { id, inputs, bytes } in conversations {
        let key = (*id, dialogues.open(*id));
        for Input { context, at } in inputs {
            let read = dialogues.observe(key, &bytes[at.clone()], context, &mut count);
            count.malformed += u64::from(read.is_err());
        }
        dialogues.close(key, &mut count);
    }
    count
}

/// Parses and emits every sample; how many came out as they went in.
fn emit(id: Id, samples: &[headroom::proto::Sample], out: &mut Vec<u8>) -> usize {
    let mut same = 0;
    for sample in samples {
        out.clear();
        id.reencode(&sample.bytes, sample.transport, &mut Writer::new(out)).unwrap();
        same += usize::from(*out == sample.bytes);
    }
    same
}

fn protocol(c: &mut Criterion, id: Id, mut conversations: Vec<Conversation>) {
    let mut group = c.benchmark_group(id.name());
    group.sample_size(20).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(1));
    let source = if conversations.is_empty() { "observe_samples" } else { "observe_lab" };
    if conversations.is_empty() {
        conversations = from_samples(id);
    }
    let inputs = || conversations.iter().flat_map(|conversation| &conversation.inputs);
    let elements = inputs().count() as u64;
    let bytes = inputs().map(|input| input.context.length as u64).sum();
    let mut dialogues = Dialogues::default();
    // A benchmark with the wrong answer is not a measurement.
    let count = observe(&mut dialogues, &conversations);
    assert_eq!(count.malformed, 0, "{}", id.name());
    assert!(count.messages >= elements, "{}: {} of {elements}", id.name(), count.messages);
    group.throughput(Throughput::ElementsAndBytes { elements, bytes });
    group.bench_function(source, |b| {
        b.iter(|| observe(&mut dialogues, black_box(&conversations)).messages);
    });

    let (samples, mut out) = (id.samples(), Vec::new());
    assert_eq!(emit(id, &samples, &mut out), samples.len(), "{}", id.name());
    group.throughput(Throughput::ElementsAndBytes {
        elements: samples.len() as u64,
        bytes: samples.iter().map(|sample| sample.bytes.len() as u64).sum(),
    });
    group.bench_function("emit", |b| b.iter(|| emit(id, black_box(&samples), &mut out)));
    group.finish();
}

fn protocols(c: &mut Criterion) {
    let mut by_protocol: HashMap<Id, Vec<Conversation>> = HashMap::new();
    for conversation in CAPTURES.into_iter().flat_map(conversations) {
        if !conversation.inputs.is_empty() {
            by_protocol.entry(conversation.id).or_default().push(conversation);
        }
    }
    for &id in Id::ALL.iter().filter(|id| **id != Id::Other) {
        protocol(c, id, by_protocol.remove(&id).unwrap_or_default());
    }
}

criterion_group!(benches, protocols);
criterion_main!(benches);
