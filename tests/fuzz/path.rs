//! Checks of what is said: one parser with its dialogue, and the whole path from frames.

use headroom::base::{Batch, FrameSource, LinkType, Record, Timestamp};
use headroom::proto::{
    self, Activity, Context, Dialogues, Hint, Id, Message, Observer, Outcome, Side, Tally,
    Transport,
};
use headroom::sensor::{self, Audience, Ends};
use headroom::wire::WireError;

/// Counts what it is told, and reads every word of it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Told {
    pub messages: Vec<(Id, u32, bool)>,
    pub activities: u64,
    pub unanswered: u64,
    pub words: usize,
}

/// Words of one activity or hint at most: three of the longest that are kept, and what stands
/// around them.
const WORDS_MAX: usize = 8 * proto::HELD_MAX;

impl Told {
    fn did(&mut self, activity: &Activity<'_>) {
        self.activities += 1;
        self.unanswered += u64::from(activity.outcome == Outcome::Unanswered);
        let words = [activity.principal, activity.target, activity.detail];
        let length: usize = words.into_iter().flatten().map(|word| word.to_string().len()).sum();
        assert!(length <= WORDS_MAX, "{:?} has {length} bytes of words", activity.kind);
        self.words += length;
    }

    fn hinted(&mut self, hint: Hint<'_>) {
        if let Hint::NtlmHost(name) | Hint::DnsAddress(name, _) = hint {
            self.words += name.to_string().len();
        }
    }

    fn heard(&mut self, message: &Message<'_>, tally: Tally) {
        self.messages.push((message.id(), tally.operation, tally.is_answer));
        message.id().operation(tally.operation);
    }
}

impl Observer for Told {
    fn message(&mut self, _: &Context, message: &Message<'_>, tally: Tally) {
        self.heard(message, tally);
    }
    fn activity(&mut self, activity: &Activity<'_>) {
        self.did(activity);
    }
    fn hint(&mut self, _: &Context, hint: Hint<'_>) {
        self.hinted(hint);
    }
    fn malformed(&mut self, _: Id, _: WireError) {}
}

impl Audience for Told {
    fn message(&mut self, _: &Ends, _: &Context, message: &Message<'_>, tally: Tally) {
        self.heard(message, tally);
    }
    fn activity(&mut self, _: &Ends, activity: &Activity<'_>) {
        self.did(activity);
    }
    fn hint(&mut self, _: &Ends, _: &Context, hint: Hint<'_>) {
        self.hinted(hint);
    }
}

/// Any messages in any order of either side, whole or cut: no panic, and everything that is told
/// is bounded and can be shown. Each message: a byte of flags, one that picks a sample, two of
/// length, then bytes that are laid over that sample or stand alone.
pub fn observe(id: Id, data: &[u8]) -> Told {
    let (mut dialogues, mut told) = (Dialogues::default(), Told::default());
    let key = (id, dialogues.open(id));
    let samples = id.samples();
    let mut rest = data;
    while let Some((&[flags, sample, low, high], behind)) = rest.split_first_chunk::<4>() {
        let length = usize::from(u16::from_le_bytes([low, high])).min(behind.len());
        let (bytes, next) = behind.split_at(length);
        rest = next;
        let picked = samples.get(usize::from(sample) % samples.len().max(1));
        let (transport, input) = match picked {
            Some(sample) if flags & 1 == 0 => {
                (sample.transport, super::checks::laid_over(bytes, &sample.bytes))
            }
            _ if flags & 2 == 0 => (Transport::Tcp, bytes.to_vec()),
            _ => (Transport::Udp, bytes.to_vec()),
        };
        let side = if flags & 4 == 0 { Side::Client } else { Side::Server };
        if flags & 0x30 == 0x30 {
            dialogues.gap(key, side);
        }
        let cut = if flags & 0x08 == 0 { input.len() } else { input.len() / 2 };
        let context = Context {
            transport,
            side,
            time: Timestamp::from_nanos(1),
            length: input.len(),
            is_cut: cut < input.len(),
        };
        let input = input.get(..id.needed(&input, cut).min(cut)).unwrap_or_default();
        let _ = dialogues.observe(key, input, &context, &mut told);
    }
    dialogues.close(key, &mut told);
    told
}

/// Frames made of operations on some flows.
#[derive(Default)]
pub struct Frames {
    batch: Batch,
    now: i64,
}

/// One direction of a connection while frames are made.
#[derive(Default, Clone)]
struct Sender {
    queue: Vec<u8>,
    sequence: u32,
    held: Vec<(u32, Vec<u8>)>,
    last: Option<(u32, Vec<u8>)>,
}

const SERVER: [u8; 4] = [10, 0, 0, 1];
const FLOWS: usize = 12;

impl Frames {
    fn push(
        &mut self,
        flow: u8,
        from_client: bool,
        ports: (u16, u16),
        protocol: u8,
        segment: &[u8],
    ) {
        let client = [10, 0, 1, flow];
        let (from, to) = if from_client { (client, SERVER) } else { (SERVER, client) };
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let ports = if from_client { [ports.0, ports.1] } else { [ports.1, ports.0] };
        let payload = [&ports[0].to_be_bytes()[..], &ports[1].to_be_bytes(), segment].concat();
        let Ok(total) = u16::try_from(20 + payload.len()) else { return };
        frame.extend([0x45, 0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
        frame.extend(from.iter().chain(&to).chain(&payload));
        self.batch.records.push(Record {
            time: Timestamp::from_nanos(self.now),
            offset: u32::try_from(self.batch.bytes.len()).unwrap_or(0),
            captured_length: u32::try_from(frame.len()).unwrap_or(0),
            original_length: u32::try_from(frame.len()).unwrap_or(0),
            link: LinkType(1),
            interface: 0,
        });
        self.batch.bytes.extend(frame);
        self.now += 1_000_000;
    }

    pub fn tcp(
        &mut self,
        flow: u8,
        from_client: bool,
        port: u16,
        (sequence, ack, flags): (u32, u32, u8),
        payload: &[u8],
    ) {
        let mut segment = [sequence.to_be_bytes(), ack.to_be_bytes()].concat();
        segment.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        segment.extend(payload);
        self.push(flow, from_client, (50_000 + u16::from(flow), port), 6, &segment);
    }

    pub fn udp(&mut self, flow: u8, from_client: bool, port: u16, payload: &[u8]) {
        let Ok(length) = u16::try_from(8 + payload.len()) else { return };
        let segment = [&length.to_be_bytes()[..], &[0, 0], payload].concat();
        self.push(flow, from_client, (50_000 + u16::from(flow), port), 17, &segment);
    }

    /// What the core hears.
    pub fn hear(self) -> Told {
        let mut told = Told::default();
        let options = sensor::Options { threads: 1, flows_max: 64, ..sensor::Options::default() };
        sensor::hear(&mut Once(Some(self.batch)), &options, &mut told);
        told
    }
}

struct Once(Option<Batch>);

impl FrameSource for Once {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        match self.0.take() {
            Some(all) => {
                *batch = all;
                true
            }
            None => {
                batch.records.clear();
                false
            }
        }
    }
}

/// Any order of segments, holes, resets, restarts and datagrams: no panic, and no more messages
/// than bytes. Operations of six bytes: what, flow, side and sample, three arguments.
pub fn path(data: &[u8]) {
    let mut frames = Frames::default();
    let mut senders = vec![[Sender::default(), Sender::default()]; FLOWS];
    let mut sent = 0;
    for operation in data.chunks_exact(6).take(4_096) {
        let &[what, flow, which, a, b, c] = operation else { break };
        let flow = usize::from(flow) % FLOWS;
        let id = Id::ALL[(flow + usize::from(which >> 4)) % (Id::COUNT - 1)];
        let from_client = which & 1 == 0;
        let side = usize::from(!from_client);
        let samples = id.samples();
        let sample = &samples[usize::from(which >> 1 & 7) % samples.len()];
        let port = id.ports(sample.transport).first().copied().unwrap_or(50_123);
        let ack = senders[flow][1 - side].sequence;
        let number = u8::try_from(flow).unwrap_or(0);
        let sender = &mut senders[flow][side];
        let mut tcp = |frames: &mut Frames, sequence: u32, flags: u8, payload: &[u8]| {
            sent += payload.len();
            frames.tcp(number, from_client, port, (sequence, ack, flags), payload);
        };
        let size = usize::from(a) * 8 + 1;
        match what % 12 {
            0 => sender.queue.extend(&sample.bytes),
            1 | 2 => {
                let rest = sender.queue.split_off(size.min(sender.queue.len()));
                let payload = std::mem::replace(&mut sender.queue, rest);
                let sequence = sender.sequence;
                sender.sequence = sequence.wrapping_add(u32::try_from(payload.len()).unwrap_or(0));
                sender.last = Some((sequence, payload.clone()));
                if what % 12 == 1 {
                    tcp(&mut frames, sequence, 0x18, &payload);
                } else if sender.held.len() < 64 {
                    sender.held.push((sequence, payload));
                }
            }
            3 => {
                for (sequence, payload) in std::mem::take(&mut sender.held).iter().rev() {
                    tcp(&mut frames, *sequence, 0x18, payload);
                }
            }
            4 => sender.sequence = sender.sequence.wrapping_add(u32::from(a) * u32::from(b)),
            5 => {
                if let Some((sequence, mut payload)) = sender.last.clone() {
                    payload.iter_mut().take(usize::from(b)).for_each(|byte| *byte ^= c);
                    tcp(&mut frames, sequence.wrapping_sub(b.into()), 0x18, &payload);
                }
            }
            6 => tcp(&mut frames, sender.sequence, if b & 1 == 0 { 0x04 } else { 0x11 }, &[]),
            7 => {
                sender.sequence = u32::from_be_bytes([a, b, c, 0xff]);
                let sequence = sender.sequence;
                sender.sequence = sequence.wrapping_add(1);
                tcp(&mut frames, sequence, if from_client { 0x02 } else { 0x12 }, &[]);
            }
            8 => frames.now += i64::from(a) * 10_000_000_000,
            9 => {
                let mut payload = sample.bytes.clone();
                let length = payload.len();
                payload[usize::from(a) % length] ^= b;
                payload.truncate(length - usize::from(c) % length.min(8));
                sent += payload.len();
                frames.udp(number, from_client, port, &payload);
            }
            10 => tcp(&mut frames, sender.sequence, 0x18, operation),
            _ => tcp(&mut frames, sender.sequence, 0x10, &[]),
        }
    }
    let told = frames.hear();
    assert!(told.messages.len() <= sent + data.len(), "{} of {sent} bytes", told.messages.len());
}

/// Every message of a protocol over one connection, whatever the segments and their order: the
/// same messages are heard. A byte of protocol, then one byte per segment: its length, and
/// whether it changes places with the next.
pub fn segments(data: &[u8]) {
    let Some((&protocol, cuts)) = data.split_first() else { return };
    let id = Id::ALL[usize::from(protocol) % (Id::COUNT - 1)];
    let of_tcp = |sample: &proto::Sample| sample.transport == Transport::Tcp;
    let stream: Vec<u8> =
        id.samples().into_iter().filter(of_tcp).flat_map(|sample| sample.bytes).collect();
    let Some(&port) = id.ports(Transport::Tcp).first().filter(|_| !stream.is_empty()) else {
        return;
    };
    let whole = heard(port, &[(0, &stream)]);
    let (mut parts, mut at) = (Vec::new(), 0);
    for cut in cuts.iter().chain(std::iter::repeat(&0x3f)) {
        let length = (usize::from(cut & 0x7f) + 1).min(stream.len() - at);
        if length == 0 || parts.len() > 200 {
            break;
        }
        parts.push((at, &stream[at..at + length]));
        at += length;
    }
    parts.push((at, &stream[at..]));
    let mut number = 1; // the first stays first: it says what the flow is
    while number + 1 < parts.len() {
        if cuts.get(number).is_some_and(|cut| cut & 0x80 != 0) {
            parts.swap(number, number + 1);
            number += 1;
        }
        number += 1;
    }
    assert_eq!(heard(port, &parts).messages, whole.messages, "{}", id.name());
}

/// What is heard of a client's bytes in segments, each at its offset.
fn heard(port: u16, parts: &[(usize, &[u8])]) -> Told {
    const START: u32 = 0xffff_ff00; // wraps around soon
    let mut frames = Frames::default();
    frames.tcp(1, true, port, (START, 0, 0x02), &[]);
    frames.tcp(1, false, port, (7_000, START.wrapping_add(1), 0x12), &[]);
    for (offset, bytes) in parts {
        let sequence = START.wrapping_add(1).wrapping_add(u32::try_from(*offset).unwrap_or(0));
        for (at, piece) in bytes.chunks(1_400).enumerate() {
            let sequence = sequence.wrapping_add(u32::try_from(at * 1_400).unwrap_or(0));
            frames.tcp(1, true, port, (sequence, 7_001, 0x18), piece);
        }
    }
    frames.hear()
}
