//! NetBIOS name service, RFC 1002 section 4.2: the DNS format with encoded names.

use super::dns::{self, Data, Dialect, Exchange, Key, Matter, Question, Rules, Survey};
use super::{
    Context, Framing, Hint, Id, Kind, Method, Observer, Outcome, Probe, Protocol, Sample, Step,
    Tally, Transport,
};
use crate::wire::{WireError, Writer};

mod name;
mod samples;

pub use name::{Encoded, NetBiosName, Padded};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Nbns;

/// Length of the label that an encoded name takes, RFC 1001 section 14.1.
const ENCODED_NAME: u8 = 0x20;
const _: () = assert!(ENCODED_NAME as usize == name::ENCODED, "the label is the name");

/// Opcodes, RFC 1002 section 4.2.1.1: a name asked for, or the state of a node.
pub const OPCODE_QUERY: u8 = 0;
/// A name taken.
pub const OPCODE_REGISTRATION: u8 = 5;
/// A name given up.
pub const OPCODE_RELEASE: u8 = 6;
/// The answer will take a while.
pub const OPCODE_WAIT: u8 = 7;
/// A name kept.
pub const OPCODE_REFRESH: u8 = 8;
/// A name kept, in the numbers of RFC 1002 section 4.2.4.
pub const OPCODE_REFRESH_TOO: u8 = 9;
/// A name taken by a host with several addresses, \[MS-NBTE\] section 2.2.2.
pub const OPCODE_MULTI_HOMED: u8 = 15;

/// Flag B: the message was broadcast, RFC 1002 section 4.2.1.1.
const BROADCAST: u16 = 0x0010;

/// The opcodes above, questions and all.
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

/// One message.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(pub dns::View<'a>);

/// An entry of a node status, RFC 1002 section 4.2.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeName {
    /// The name.
    pub name: NetBiosName,
    /// Group bit, owner type and state.
    pub flags: u16,
}

impl NodeName {
    /// Whether a group has the name.
    pub const fn is_group(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The entry as it travels.
    pub fn emit(&self) -> [u8; dns::NODE_NAME] {
        let mut entry = [0; dns::NODE_NAME];
        let (name, flags) = entry.split_at_mut(self.name.0.len());
        name.copy_from_slice(&self.name.0);
        flags.copy_from_slice(&self.flags.to_be_bytes());
        entry
    }

    fn parse(entry: &[u8; dns::NODE_NAME]) -> Self {
        let [name @ .., high, low] = *entry;
        Self { name: NetBiosName(name), flags: u16::from_be_bytes([high, low]) }
    }
}

impl<'a> View<'a> {
    /// What is asked, if anything.
    pub fn question(&self) -> Option<Question<'a>> {
        self.0.questions().next()?.ok()
    }

    /// Every name in the message: what is asked, and the owners of records. What is written as a
    /// pointer counts.
    pub fn names(&self) -> impl Iterator<Item = Encoded<'a>> + use<'a> {
        let asked = self.0.questions().map_while(Result::ok).map(|question| question.name);
        let owners = self.0.records().map_while(Result::ok).map(|(_, record)| record.name);
        asked.chain(owners).map(Encoded)
    }

    /// Whether it was sent to all.
    pub fn is_broadcast(&self) -> bool {
        self.0.flags() & BROADCAST != 0
    }

    /// The names that a node says it has; nothing but for an answer to a node status request.
    pub fn node_names(&self) -> impl Iterator<Item = NodeName> + use<'a> {
        let (names, _) = self.node_status().unwrap_or_default();
        names.iter().map(NodeName::parse)
    }

    /// The hardware address in a node's statistics; all zeros where a node does not tell.
    pub fn hardware_address(&self) -> Option<[u8; 6]> {
        self.node_status()?.1.first_chunk().copied()
    }

    fn node_status(&self) -> Option<(&'a [[u8; dns::NODE_NAME]], &'a [u8])> {
        self.0.records().map_while(Result::ok).find_map(|(_, record)| {
            match record.data(Dialect::NetBios) {
                Data::NodeStatus(names, statistics) => Some((names, statistics)),
                _ => None,
            }
        })
    }
}

impl Protocol for Nbns {
    type Message<'a> = View<'a>;
    type Dialogue = Exchange;

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
        context: &Context,
        dialogue: &mut Self::Dialogue,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let view = View(dns::View::new(input)?);
        let survey = Survey::of(&view.0);
        let tally = Tally {
            operation: dns::types::operation(view.0.opcode(), asked_type(&survey)),
            ..dns::tally(&view.0, &survey, context)
        };
        out.message(context, &super::Message::Nbns(view), tally);
        tell(&view, &survey, context, dialogue, out);
        survey.verdict(context)
    }

    fn operation(code: u32) -> Option<&'static str> {
        let [_, opcode, high, low] = code.to_be_bytes();
        match (opcode, u16::from_be_bytes([high, low])) {
            (OPCODE_QUERY, dns::NB) => Some("query NB"),
            (OPCODE_QUERY, dns::NBSTAT) => Some("query NBSTAT"),
            (OPCODE_QUERY, _) => Some("query"),
            (opcode, _) => opcode_name(opcode),
        }
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        dns::reencode(input, (Dialect::NetBios, transport), out)
    }

    fn samples() -> Vec<Sample> {
        samples::all()
    }
}

/// Tells what a message asks, announces or answers.
fn tell(
    view: &View<'_>,
    survey: &Survey<'_>,
    context: &Context,
    dialogue: &mut Exchange,
    out: &mut dyn Observer,
) {
    let asked = survey.question.map(|question| question.name);
    // Answers repeat the name in a record, RFC 1002 section 4.2.13.
    let Some(name) = asked.or(survey.answer.map(|answer| answer.name)) else { return };
    let (opcode, kind) = (view.0.opcode(), asked_type(survey));
    let is_node_status = (opcode, kind) == (OPCODE_QUERY, dns::NBSTAT);
    let operation = dns::types::operation(opcode, kind);
    let matter = Matter {
        key: Key { id: view.0.id(), subject: name.fingerprint() },
        what: (Kind::LocalNameQuery, Id::Nbns),
        target: &Encoded(name),
        detail: &Nbns::operation(operation).unwrap_or("unknown opcode"),
    };
    match (view.0.is_response(), opcode) {
        (true, OPCODE_WAIT) => {} // the answer comes later
        (true, _) => {
            let outcome = Outcome::of(survey.rcode, rcode_name);
            if dialogue.answer(&matter, outcome, context, out) && is_node_status {
                let is_answered = survey.rcode == 0;
                out.hint(context, Hint::Resolution(Method::NetBios, None, is_answered));
            }
        }
        (false, _) if view.is_broadcast() => {
            // Who answers, or objects, does so in a flow of its own.
            dialogue.announce(&matter, Outcome::Unknown, context, out);
        }
        (false, _) => {
            if dialogue.ask(&matter, context, out) && is_node_status {
                dialogue.looks_up(matter.key, (Method::NetBios, None), context);
            }
        }
    }
}

/// The type of a query or its answer. That there is no such name is said with a record of type
/// NULL, RFC 1002 section 4.2.14.
fn asked_type(survey: &Survey<'_>) -> u16 {
    match survey.kind() {
        dns::types::NULL => dns::NB,
        kind => kind,
    }
}

const fn opcode_name(opcode: u8) -> Option<&'static str> {
    match opcode {
        OPCODE_REGISTRATION => Some("registration"),
        OPCODE_RELEASE => Some("release"),
        OPCODE_WAIT => Some("wait"),
        OPCODE_REFRESH | OPCODE_REFRESH_TOO => Some("refresh"),
        OPCODE_MULTI_HOMED => Some("multi-homed registration"),
        _ => None,
    }
}

/// Name of a result code, RFC 1002 sections 4.2.6, 4.2.11 and 4.2.14.
fn rcode_name(code: u32) -> &'static str {
    match code {
        1 => "FMT_ERR",
        2 => "SRV_ERR",
        3 => "NAM_ERR",
        4 => "IMP_ERR",
        5 => "RFS_ERR",
        6 => "ACT_ERR",
        7 => "CFT_ERR",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
