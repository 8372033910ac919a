//! Multicast DNS, RFC 6762 section 18: the DNS format with flags of its own.

use super::dns::{self, Rules};
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Mdns;

/// Opcode and RCODE are zero (sections 18.3 and 18.11). The top bit of a class asks for a
/// unicast response or flushes a cache (sections 18.12 and 18.13). A querier may put many
/// questions into one message (section 5.3); 64 is our bound, several times what hosts send.
const RULES: Rules = Rules {
    opcodes: 0b1,
    zero_flags: 0x004f,
    questions_max: 64,
    class_mask: 0x7fff,
    name: |_| true,
};

impl Protocol for Mdns {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "mdns";
    const LABEL: &'static str = "mDNS";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[5353];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        dns::probe(payload, &RULES)
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
        out.message(context, &super::Message::Mdns(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        dns::reencode(input, transport, out)
    }

    fn samples() -> Vec<Sample> {
        // Two questions, the first with the bit that asks for a unicast response.
        let mut query = b"\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00".to_vec();
        query.extend(b"\x04_smb\x04_tcp\x05local\x00\x00\x0c\x80\x01");
        query.extend(b"\x04ws07\xc0\x16\x00\x1c\x00\x01");
        // An unasked answer with the bit that flushes caches.
        let mut response = b"\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00".to_vec();
        response.extend(b"\x04ws07\x05local\x00\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04");
        response.extend([10, 20, 30, 99]);
        vec![Sample::udp(query), Sample::udp(response)]
    }
}
