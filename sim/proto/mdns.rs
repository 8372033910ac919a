//! Multicast DNS, RFC 6762 section 18: the DNS format with flags of its own.

use super::dns::{self, Dialect, Exchange, Key, Matter, Rules, Survey};
use super::{
    Context, Framing, Id, Kind, Observer, Outcome, Probe, Protocol, Sample, Step, Transport,
};
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

/// Questions of one message that become activities: no host asks more at once.
const QUESTIONS_TOLD: usize = RULES.questions_max as usize;

/// Tells a message's first answer: what its sender announces, or, with a question before it,
/// what was asked by a host that does not listen to the group (section 6.7).
fn response(
    survey: &Survey<'_>,
    context: &Context,
    dialogue: &mut Exchange,
    out: &mut dyn Observer,
) {
    let asked = survey.question.map(|question| (question.name, question.kind));
    let said = survey.answer.map(|answer| (answer.name, answer.kind));
    let Some((name, kind)) = asked.or(said) else { return };
    let detail = dns::types::TypeName(kind);
    // Unlike that of a query for the same.
    let matter = matter(!name.fingerprint(), kind, &name, &detail);
    if asked.is_some() {
        dialogue.answer(&matter, Outcome::Success, context, out);
    } else {
        dialogue.announce(&matter, Outcome::Success, context, out);
    }
}

/// What is asked or announced. The id is 0 in all messages but those of section 6.7.
fn matter<'m>(
    name: u32,
    kind: u16,
    target: &'m dns::Name<'m>,
    detail: &'m dns::types::TypeName,
) -> Matter<'m> {
    let key = Key { id: 0, subject: name.wrapping_add(u32::from(kind)) };
    Matter { key, what: (Kind::LocalNameQuery, Id::Mdns), target, detail }
}

impl Protocol for Mdns {
    type Message<'a> = dns::View<'a>;
    type Dialogue = Exchange;

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
        context: &Context,
        dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = dns::View::new(input)?;
        let survey = Survey::of(&view);
        out.message(context, &super::Message::Mdns(view), dns::tally(&view, &survey, context));
        if view.is_response() {
            response(&survey, context, dialogue, out);
        } else {
            // Nobody knows who will answer, and whether in this flow.
            for question in view.questions().map_while(Result::ok).take(QUESTIONS_TOLD) {
                let dns::Question { name, kind, .. } = question;
                let detail = dns::types::TypeName(kind);
                let matter = matter(name.fingerprint(), kind, &name, &detail);
                dialogue.announce(&matter, Outcome::Unknown, context, out);
            }
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
