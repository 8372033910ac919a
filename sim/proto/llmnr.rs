//! Link-local multicast name resolution, RFC 4795 section 2.1: the DNS format with flags of its
//! own, over UDP and TCP.

use super::dns::{self, Dialect, Exchange, Key, Matter, Rules, Survey};
use super::{
    Context, Framing, Id, Kind, Observer, Outcome, Probe, Protocol, Sample, Step, Transport,
};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Llmnr;

/// Opcode 0 and exactly one question (section 2.1.1). Senders clear the four reserved bits, but
/// receivers must ignore them, and hosts that reuse a DNS client set the one that DNS calls AD.
const RULES: Rules =
    Rules { opcodes: 0b1, zero_flags: 0, questions_max: 1, class_mask: u16::MAX, name: |_| true };

impl Protocol for Llmnr {
    type Message<'a> = dns::View<'a>;
    type Dialogue = Exchange;

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

    /// All of it: a length of 16 bits bounds it.
    fn needed(_head: &[u8], length: usize) -> usize {
        length
    }

    fn observe(
        input: &[u8],
        context: &Context,
        dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = dns::View::over(input, context.transport)?;
        let survey = Survey::of(&view);
        out.message(context, &super::Message::Llmnr(view), dns::tally(&view, &survey, context));
        let Some(dns::Question { name, kind, .. }) = survey.question else {
            return survey.verdict(context);
        };
        let matter = Matter {
            key: Key { id: view.id(), subject: name.fingerprint().wrapping_add(u32::from(kind)) },
            what: (Kind::LocalNameQuery, Id::Llmnr),
            target: &name,
            detail: &dns::types::TypeName(kind),
        };
        if view.is_response() {
            let outcome = Outcome::of(survey.rcode, dns::types::rcode_name);
            dialogue.answer(&matter, outcome, context, out);
        } else if context.transport == Transport::Tcp {
            dialogue.ask(&matter, context, out);
        } else {
            // To a group: who answers does so in a flow of its own (section 2.4).
            dialogue.announce(&matter, Outcome::Unknown, context, out);
        }
        survey.verdict(context)
    }

    fn operation(code: u32) -> Option<&'static str> {
        dns::types::operation_name(code)
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        dns::reencode(input, (Dialect::Dns, transport), out)
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
