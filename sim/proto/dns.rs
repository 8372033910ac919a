//! Domain Name System, RFC 1035 section 4, and what mDNS, LLMNR and NBNS share with it.
//!
//! The four protocols have one message format and differ in flags, counts and ports, so their
//! ports tell them apart.

use super::gss::Handshake;
use super::{
    Context, Dialogue, Framing, Hint, Id, Kind, Method, Observer, Outcome, PROBE_WINDOW, Probe,
    Protocol, Sample, Step, Tally, Transport,
};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

mod data;
mod exchange;
mod message;
mod name;
mod samples;
mod sheet;
pub mod types;
mod view;

pub use data::{
    Data, Dialect, DnskeyHead, NB, NB_ADDRESS, NBSTAT, NODE_NAME, SoaTimes, SrvHead, TKEY_MODE_GSS,
    Tkey, TkeyHead, Tsig, TsigHead, TsigTail, strings,
};
pub use exchange::Exchange;
pub(super) use exchange::{Key, Matter, Survey};
pub use message::{Entry, Message};
use name::LABEL_MAX;
pub use name::{Labels, Name, NameBuf};
pub use sheet::Sheet;
pub use view::{Question, Record, Section, View};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Dns;

wire_struct! {
    /// Header, RFC 1035 section 4.1.1.
    pub struct Header / HeaderView [12] {
        /// Matches a response to its query.
        0 id: be u16,
        /// QR, opcode, AA, TC, RD, RA, Z, RCODE.
        2 flags: be u16,
        /// Entries of the question section.
        4 question_count: be u16,
        /// Records of the answer section.
        6 answer_count: be u16,
        /// Records of the authority section.
        8 authority_count: be u16,
        /// Records of the additional section.
        10 additional_count: be u16,
    }
}

wire_struct! {
    /// What follows the name of a question, RFC 1035 section 4.1.2.
    pub struct QuestionTail / QuestionTailView [4] {
        /// Type asked for.
        0 kind: be u16,
        /// Class asked for.
        2 class: be u16,
    }
}

wire_struct! {
    /// What follows the name of a resource record, RFC 1035 section 4.1.3.
    pub struct RecordTail / RecordTailView [10] {
        /// Type of the record.
        0 kind: be u16,
        /// Class of the record.
        2 class: be u16,
        /// Time to live, in seconds.
        4 ttl_seconds: be u32,
        /// Length of the data, in bytes.
        8 data_length: be u16,
    }
}

/// Bytes of the length before a message in a stream, RFC 1035 section 4.2.2.
const STREAM_PREFIX: usize = 2;

/// Reads every section and keeps nothing.
pub(super) fn check(bytes: &[u8]) -> Result<(), WireError> {
    let mut parts = View::new(bytes)?.parts();
    while parts.record()?.is_some() {}
    parts.finish()
}

/// Finds the message over either transport.
pub(super) fn step(input: &[u8], transport: Transport) -> Step {
    match transport {
        Transport::Udp => Step::datagram(input, check(input)),
        Transport::Tcp => match Reader::new("dns::length", input).array::<STREAM_PREFIX>() {
            Ok(length) => {
                let length = usize::from(u16::from_be_bytes(*length));
                if length < Header::LEN {
                    return Step::Malformed(short_message(length));
                }
                Step::framed(input, STREAM_PREFIX + length)
            }
            Err(error) => Step::failed(input, error),
        },
    }
}

/// Parses and emits over either transport.
pub(super) fn reencode(
    input: &[u8],
    (dialect, transport): (Dialect, Transport),
    out: &mut Writer<'_>,
) -> Result<(), WireError> {
    let body = match transport {
        Transport::Udp => input,
        Transport::Tcp => {
            let mut r = Reader::new("dns::length", input);
            let length = u16::from_be_bytes(*r.array::<STREAM_PREFIX>()?);
            let body = r.bytes(usize::from(length))?;
            r.finish()?;
            body
        }
    };
    Message::parse(body, dialect)?.emit(transport, out)
}

/// What tells the protocols of this format apart when a message is recognised.
pub(super) struct Rules {
    /// Bit `n` is set when opcode `n` is defined.
    pub opcodes: u16,
    /// Bits of the flags that must be zero.
    pub zero_flags: u16,
    /// Most questions in one message.
    pub questions_max: u16,
    /// Bits of a class that are the class.
    pub class_mask: u16,
    /// Whether the first name is as it must be; called with what is present of it.
    pub name: fn(&[u8]) -> bool,
}

/// RFC 1035, opcodes of RFC 6895 section 2.2: QUERY, IQUERY, STATUS, NOTIFY, UPDATE, DSO.
const RULES: Rules = Rules {
    opcodes: 0b0111_0111,
    zero_flags: 0x0040,
    questions_max: 8,
    class_mask: u16::MAX,
    name: |_| true,
};

/// Classes that occur, RFC 6895 section 3.2: IN, CH, HS, NONE, ANY.
const CLASSES: [u16; 5] = [1, 3, 4, 254, 255];
/// QR, and RCODE, which only responses may set.
const RESPONSE: u16 = 0x8000;
const RCODE: u16 = 0x000f;
/// More records than this are possible only in a stream, and unlikely even there.
const PLAUSIBLE_COUNT: u16 = 1024;

/// Probes a message without its stream prefix.
#[inline]
pub(super) fn probe(message: &[u8], rules: &Rules) -> Probe {
    if let Some(&[high, low]) = message.get(2..4).and_then(|flags| flags.first_chunk()) {
        let flags = u16::from_be_bytes([high, low]);
        let opcode = flags >> 11 & 0xf;
        let query_with_error = flags & RESPONSE == 0 && flags & RCODE != 0;
        if rules.opcodes >> opcode & 1 == 0 || flags & rules.zero_flags != 0 || query_with_error {
            return Probe::No;
        }
    }
    let Some(header) = HeaderView::peek(message) else { return Probe::Possible };
    if header.question_count() > rules.questions_max {
        return Probe::No;
    }
    let counts = [header.answer_count(), header.authority_count(), header.additional_count()];
    let plausible = counts.iter().all(|&count| count <= PLAUSIBLE_COUNT);
    let body = message.get(Header::LEN..message.len().min(PROBE_WINDOW)).unwrap_or_default();
    if header.question_count() == 0 && counts == [0; 3] {
        // A bare header: DNS over a server that answers FORMERR, or anything else.
        return if body.is_empty() { Probe::Possible } else { Probe::No };
    }
    if header.question_count() == 0 && header.flags() & RESPONSE == 0 && counts[..2] == [0; 2] {
        return Probe::Possible;
    }
    match first_name(body, rules) {
        Some(true) if plausible => Probe::Certain,
        Some(_) => Probe::Possible,
        None => Probe::No,
    }
}

/// Whether the first name, type and class are sound as far as they are seen: `None` when the
/// name is not even what the rules ask of it.
#[inline]
fn first_name(body: &[u8], rules: &Rules) -> Option<bool> {
    if !(rules.name)(body) {
        return None;
    }
    let mut at = 0;
    loop {
        match body.get(at) {
            None => return Some(true), // cut, or beyond the window
            Some(0) => break,
            Some(&length) if length <= LABEL_MAX => at += 1 + usize::from(length),
            Some(_) => return Some(false), // nothing lies before it that it could point to
        }
    }
    let Some(&[_, _, high, low]) = body.get(at + 1..at + 5).and_then(|tail| tail.first_chunk())
    else {
        return Some(true);
    };
    Some(CLASSES.contains(&(u16::from_be_bytes([high, low]) & rules.class_mask)))
}

/// Probes over either transport.
#[inline]
pub(super) fn probe_over(payload: &[u8], transport: Transport, rules: &Rules) -> Probe {
    match (transport, payload.split_first_chunk::<STREAM_PREFIX>()) {
        (Transport::Udp, _) => probe(payload, rules),
        (Transport::Tcp, None) => Probe::Possible,
        (Transport::Tcp, Some((length, message))) => {
            match usize::from(u16::from_be_bytes(*length)) {
                0..Header::LEN => Probe::No,
                length => probe(message.get(..length).unwrap_or(message), rules),
            }
        }
    }
}

/// What is remembered of a flow.
#[derive(Debug, Default)]
pub struct Talk {
    exchange: Exchange,
    /// The key exchange of GSS-TSIG, RFC 3645.
    handshake: Handshake,
    /// Where the last token of a client was found.
    token_from: Option<Context>,
}

impl Dialogue for Talk {
    fn is_idle(&self) -> bool {
        self.exchange.is_idle() && !self.handshake.is_pending()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.exchange.finish(out);
        if let Some(context) = self.token_from.take()
            && self.handshake.is_pending()
        {
            self.handshake.conclude(Outcome::Unanswered, None, &context, out);
        }
    }

    fn reset(&mut self) {
        self.exchange.reset();
        self.handshake.reset();
        self.token_from = None;
    }

    fn memory(&self) -> usize {
        self.exchange.memory() + self.handshake.memory()
    }
}

impl Talk {
    fn query(
        &mut self,
        view: &View<'_>,
        survey: &Survey<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        with_matter(view, survey, |question, matter| {
            if self.exchange.ask(matter, context, out)
                && let Some(address) = reverse(view, question)
            {
                let lookup = (Method::ReverseDns, Some(address));
                self.exchange.looks_up(matter.key, lookup, context);
            }
        });
        if let Some(record) = survey.tkey {
            self.token_from = Some(*context);
            self.tkey(&record, None, context, out);
        }
    }

    fn response(
        &mut self,
        view: &View<'_>,
        survey: &Survey<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let outcome = Outcome::of(survey.rcode, types::rcode_name);
        if survey.question.is_none() {
            self.exchange.answer_by_id(view.id(), outcome, out);
        }
        with_matter(view, survey, |question, matter| {
            let is_first = self.exchange.answer(matter, outcome, context, out);
            if matches!(question.kind, types::AXFR | types::IXFR) {
                // A transfer goes on in further messages, RFC 5936 section 2.2.
                self.exchange.remember(matter.key, context.time);
            }
            if is_first && let Some(address) = reverse(view, question) {
                let is_answered = survey.rcode == 0 && survey.is_answered;
                let lookup = Hint::Resolution(Method::ReverseDns, Some(address), is_answered);
                out.hint(context, lookup);
            }
        });
        survey.tell_addresses(view, context, out);
        if let Some(record) = survey.tkey {
            self.tkey(&record, Some(survey.rcode), context, out);
        }
    }

    /// Hands on the token of a key exchange; `rcode` where a server answers.
    fn tkey(
        &mut self,
        record: &Record<'_>,
        rcode: Option<u32>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let Data::Tkey(tkey) = record.data(Dialect::Dns) else { return };
        if tkey.head.mode == TKEY_MODE_GSS && !tkey.key.is_empty() {
            self.handshake.token(tkey.key, context, out);
        }
        if let Some(rcode) = rcode
            && self.handshake.is_pending()
        {
            let code = if rcode == 0 { u32::from(tkey.head.error) } else { rcode };
            self.handshake.conclude(Outcome::of(code, types::rcode_name), None, context, out);
        }
    }
}

/// The address whose name is asked for.
fn reverse(view: &View<'_>, question: &Question<'_>) -> Option<std::net::IpAddr> {
    if view.opcode() != types::OPCODE_QUERY || question.kind != types::PTR {
        return None;
    }
    question.name.reverse_address()
}

/// Says what a query or its response is about, if it says what is asked.
fn with_matter(
    view: &View<'_>,
    survey: &Survey<'_>,
    then: impl FnOnce(&Question<'_>, &Matter<'_>),
) {
    let Some(question) = survey.question else { return };
    let Question { name, kind, .. } = question;
    let key = Key { id: view.id(), subject: name.fingerprint().wrapping_add(u32::from(kind)) };
    let matter = |kind, target, detail| Matter { key, what: (kind, Id::Dns), target, detail };
    match (view.opcode(), types::opcode_name(view.opcode())) {
        (types::OPCODE_QUERY, _) => {
            let is_watched = types::WATCHED.contains(&kind);
            let what = if is_watched { Kind::DnsQuery } else { Kind::DnsLookup };
            then(&question, &matter(what, &name, &types::TypeName(kind)));
        }
        (types::OPCODE_UPDATE, _) => {
            let (target, kind) = survey.change.map_or((name, kind), |c| (c.name, c.kind));
            then(&question, &matter(Kind::DnsUpdate, &target, &types::TypeName(kind)));
        }
        (_, operation) => {
            let detail = operation.unwrap_or("unknown opcode");
            then(&question, &matter(Kind::DnsLookup, &name, &detail));
        }
    }
}

impl Protocol for Dns {
    type Message<'a> = View<'a>;
    type Dialogue = Talk;

    const NAME: &'static str = "dns";
    const LABEL: &'static str = "DNS";
    const FRAMING: Framing = Framing::Either;
    const TCP_PORTS: &'static [u16] = &[53];
    const UDP_PORTS: &'static [u16] = &[53];

    fn probe(payload: &[u8], transport: Transport) -> Probe {
        probe_over(payload, transport, &RULES)
    }

    fn step(input: &[u8], transport: Transport) -> Step {
        step(input, transport)
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
        let view = View::over(input, context.transport)?;
        let survey = Survey::of(&view);
        out.message(context, &super::Message::Dns(view), tally(&view, &survey, context));
        if view.is_response() {
            dialogue.response(&view, &survey, context, out);
        } else {
            dialogue.query(&view, &survey, context, out);
        }
        survey.verdict(context)
    }

    fn operation(code: u32) -> Option<&'static str> {
        types::operation_name(code)
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        reencode(input, (Dialect::Dns, transport), out)
    }

    fn samples() -> Vec<Sample> {
        samples::all()
    }
}

/// What is counted of a message of this format.
pub(super) fn tally(view: &View<'_>, survey: &Survey<'_>, context: &Context) -> Tally {
    Tally {
        operation: types::operation(view.opcode(), survey.kind()),
        is_answer: view.is_response(),
        bytes: context.length,
        quality: survey.quality(context),
    }
}

fn short_message(got: usize) -> WireError {
    let max = usize::from(u16::MAX);
    let cause = Cause::BadLength { field: "length", got, min: Header::LEN, max };
    WireError { what: "dns::length", offset: 0, cause }
}

#[cfg(test)]
pub(super) mod tests;
