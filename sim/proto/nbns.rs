//! NetBIOS name service, RFC 1002 section 4.2: the DNS format with encoded names.

use super::dns::{self, Rules};
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Nbns;

/// Length of the label that an encoded name takes, RFC 1001 section 14.1.
const ENCODED_NAME: u8 = 0x20;

/// Opcodes of RFC 1002 section 4.2.1.1 (query, registration, release, WACK, refresh), refresh
/// as 9 (section 4.2.4 against 4.2.1.1) and multi-homed registration as 15 (\[MS-NBTE\]).
const RULES: Rules = Rules {
    opcodes: 0b1000_0011_1110_0001,
    zero_flags: 0x0060,
    questions_max: 1,
    class_mask: u16::MAX,
    name: starts_encoded_name,
};

/// Whether `bytes` may begin an encoded name: its length, then letters from A to P.
#[inline]
pub(super) fn starts_encoded_name(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        None => true,
        Some((&ENCODED_NAME, letters)) => {
            letters.iter().take(usize::from(ENCODED_NAME)).all(|b| (b'A'..=b'P').contains(b))
        }
        Some(_) => false,
    }
}

impl Protocol for Nbns {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "nbns";
    const LABEL: &'static str = "NBNS";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[137];

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
        out.message(context, &super::Message::Nbns(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        dns::reencode(input, transport, out)
    }

    fn samples() -> Vec<Sample> {
        // `HERON` and ten spaces with suffix 0x1c, the domain's controllers.
        let name = b"\x20EIEFFCEPEOCACACACACACACACACACABM\x00";
        // Broadcast query.
        let mut query = b"\x93\x0a\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        let question = [&name[..], b"\x00\x20\x00\x01"].concat();
        query.extend(&question);
        // Positive answer: group name, address.
        let mut response = b"\x93\x0a\x85\x80\x00\x00\x00\x01\x00\x00\x00\x00".to_vec();
        response.extend(name);
        response.extend(b"\x00\x20\x00\x01\x00\x04\x93\xe0\x00\x06\x80\x00\x0a\x14\x1e\x28");
        // Registration, with the record in the additional section.
        let mut register = b"\x93\x0b\x29\x10\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
        register.extend(question);
        register
            .extend(b"\xc0\x0c\x00\x20\x00\x01\x00\x04\x93\xe0\x00\x06\x60\x00\x0a\x14\x1e\x63");
        vec![Sample::udp(query), Sample::udp(response), Sample::udp(register)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_encoded_contradicts() {
        let mut bytes = Nbns::samples().remove(0).bytes;
        assert_eq!(bytes[12], ENCODED_NAME);
        bytes[20] = b'Q';
        assert_eq!(Nbns::probe(&bytes, Transport::Udp), Probe::No);
    }

    #[test]
    fn node_status_queries_ask_for_the_wildcard() {
        // `*` and fifteen zero bytes, type NBSTAT, RFC 1002 section 4.2.17.
        let mut bytes = b"\x00\x7b\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x20CK".to_vec();
        bytes.extend([b'A'; 30]);
        bytes.extend(b"\x00\x00\x21\x00\x01");
        assert_eq!(Nbns::probe(&bytes, Transport::Udp), Probe::Certain);
    }
}
