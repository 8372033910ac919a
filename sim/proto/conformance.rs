//! Laws that every protocol obeys. A protocol is checked by being registered.

use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::base::Random;
use crate::wire::{WireError, Writer};

/// Headers lie in the first bytes; bodies are opaque and would only make the laws slow.
const HEAD: usize = 320;

pub fn check<P: Protocol>() {
    let samples = P::samples();
    assert!(!samples.is_empty(), "no samples");
    assert!(P::TCP_PORTS.is_empty() || P::FRAMING.uses(Transport::Tcp), "TCP ports");
    assert!(P::UDP_PORTS.is_empty() || P::FRAMING.uses(Transport::Udp), "UDP ports");
    for sample in &samples {
        assert!(P::FRAMING.uses(sample.transport), "sample against FRAMING");
        check_message::<P>(sample);
        recognised::<P>(sample);
    }
}

/// The laws of framing, for a message that need not be recognisable alone.
pub fn check_message<P: Protocol>(sample: &Sample) {
    whole_message::<P>(sample);
    round_trip::<P>(sample);
    prefixes::<P>(sample);
    changed_bytes::<P>(sample);
    damaged::<P>(sample);
    if sample.transport == Transport::Tcp && P::FRAMING != Framing::Embedded {
        next_message_untouched::<P>(sample);
    }
}

/// A sample is exactly one message.
fn whole_message<P: Protocol>(sample: &Sample) {
    let length = sample.bytes.len();
    assert_eq!(P::step(&sample.bytes, sample.transport), Step::Message { length });
}

/// Emitting undoes parsing, byte for byte.
fn round_trip<P: Protocol>(sample: &Sample) {
    assert_eq!(reencode::<P>(&sample.bytes, sample.transport).as_deref(), Ok(&*sample.bytes));
}

/// No shorter input is taken for the message, and asking for more asks for more.
fn prefixes<P: Protocol>(sample: &Sample) {
    for length in lengths(sample) {
        match P::step(&sample.bytes[..length], sample.transport) {
            Step::Message { .. } => panic!("{length} of {} bytes accepted", sample.bytes.len()),
            Step::NeedMore { total } => assert!(total > length, "asks for {total}, has {length}"),
            Step::Malformed(_) => {}
        }
    }
}

/// Changing one byte never panics, never claims bytes that are not there, and whatever is
/// still accepted re-encodes to something stable.
fn changed_bytes<P: Protocol>(sample: &Sample) {
    let transport = sample.transport;
    for at in 0..sample.bytes.len().min(HEAD) {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut changed = sample.bytes.clone();
            changed[at] = value;
            P::probe(&changed, transport);
            let Step::Message { length } = P::step(&changed, transport) else { continue };
            assert!((1..=changed.len()).contains(&length), "claims {length} bytes");
            let Ok(once) = reencode::<P>(&changed[..length], transport) else { continue };
            let twice = reencode::<P>(&once, transport);
            assert_eq!(twice.as_ref(), Ok(&once), "byte {at} = {value:#04x}");
        }
    }
}

/// Whatever happens to several bytes and to the length: no panic, and what is accepted
/// re-encodes to something stable.
fn damaged<P: Protocol>(sample: &Sample) {
    const ROUNDS: u32 = 2_000;
    const SEED: u64 = 0x6465_616c;
    let transport = sample.transport;
    let mut random = Random::new(SEED);
    for round in 0..ROUNDS {
        let mut bytes = sample.bytes[..sample.bytes.len().min(HEAD)].to_vec();
        let mut at_random = |bound: usize| random.below(u32::try_from(bound).unwrap()) as usize;
        for _ in 0..=at_random(6) {
            let at = at_random(bytes.len());
            bytes[at] = u8::try_from(at_random(256)).unwrap();
        }
        bytes.truncate(at_random(bytes.len()) + 1);
        P::probe(&bytes, transport);
        let Step::Message { length } = P::step(&bytes, transport) else { continue };
        assert!((1..=bytes.len()).contains(&length), "seed {SEED:#x}, round {round}");
        let Ok(once) = reencode::<P>(&bytes[..length], transport) else { continue };
        let twice = reencode::<P>(&once, transport);
        assert_eq!(twice.as_ref(), Ok(&once), "seed {SEED:#x}, round {round}");
    }
}

/// A message ends where the next one begins.
fn next_message_untouched<P: Protocol>(sample: &Sample) {
    let two = [&*sample.bytes, &*sample.bytes].concat();
    let length = sample.bytes.len();
    assert_eq!(P::step(&two, sample.transport), Step::Message { length });
}

/// A sample proves its protocol, and so does, or might, what the snap length leaves of it.
fn recognised<P: Protocol>(sample: &Sample) {
    let probe = |length: usize| P::probe(&sample.bytes[..length], sample.transport);
    assert_eq!(probe(sample.bytes.len()), Probe::Certain, "{:02x?}", head(sample));
    for length in lengths(sample) {
        assert_ne!(probe(length), Probe::No, "the first {length} bytes of {:02x?}", head(sample));
    }
    let first = sample.bytes[0];
    assert!(
        P::STARTS.is_empty() || P::STARTS.iter().any(|range| range.contains(&first)),
        "STARTS lacks {first:#04x}"
    );
}

/// Lengths of the prefixes to try: all inside the head, and all but the last byte.
fn lengths(sample: &Sample) -> impl Iterator<Item = usize> {
    (0..sample.bytes.len().min(HEAD)).chain(sample.bytes.len().checked_sub(1))
}

fn head(sample: &Sample) -> &[u8] {
    &sample.bytes[..sample.bytes.len().min(HEAD)]
}

/// Re-encodes behind other data: emitting must append, not assume offset 0.
fn reencode<P: Protocol>(input: &[u8], transport: Transport) -> Result<Vec<u8>, WireError> {
    const BEFORE: [u8; 3] = [0xa5; 3];
    let mut buffer = BEFORE.to_vec();
    P::reencode(input, transport, &mut Writer::new(&mut buffer))?;
    assert_eq!(buffer[..3], BEFORE);
    Ok(buffer.split_off(3))
}
