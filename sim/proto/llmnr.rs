//! Link-local multicast name resolution, RFC 4795 section 2.1: the DNS format with flags of its
//! own, over UDP and TCP.

use super::dns::{self, Rules};
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Llmnr;

/// Opcode 0 and exactly one question (section 2.1.1). Senders clear the four reserved bits, but
/// receivers must ignore them, and hosts that reuse a DNS client set the one that DNS calls AD.
const RULES: Rules =
    Rules { opcodes: 0b1, zero_flags: 0, questions_max: 1, class_mask: u16::MAX, name: |_| true };

impl Protocol for Llmnr {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "llmnr";
    const LABEL: &'static str = "LLMNR";
    const FRAMING: Framing = Framing::Either;
    const TCP_PORTS: &'static [u16] = &[5355];
    const UDP_PORTS: &'static [u16] = &[5355];

    fn probe(payload: &[u8], transport: Transport) -> Probe {
        dns::probe_over(payload, transport, &RULES)
    }

    fn step(input: &[u8], transport: Transport) -> Step {
        dns::step(input, transport)
    }

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Llmnr(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        dns::reencode(input, transport, out)
    }

    fn samples() -> Vec<Sample> {
        let question = b"\x08printsrv\x00\x00\x01\x00\x01";
        let query = [&b"\x5e\x91\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"[..], question].concat();
        // Answer with the bit C: more than one host holds the name.
        let mut response = b"\x5e\x91\x84\x00\x00\x01\x00\x01\x00\x00\x00\x00".to_vec();
        response.extend(question);
        response.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\x0a\x14\x1e\x21");
        let stream = [&b"\x00\x1a"[..], &query].concat();
        vec![Sample::udp(query), Sample::udp(response), Sample::tcp(stream)]
    }
}
