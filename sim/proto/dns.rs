//! Domain Name System, RFC 1035 section 4, and what mDNS, LLMNR and NBNS share with it.
//!
//! The four protocols have one message format and differ in flags, counts and ports, so their
//! ports tell them apart.

use super::{Framing, PROBE_WINDOW, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer, wire_struct};

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

/// Longest name on the wire in bytes, RFC 1035 section 2.3.4.
const NAME_MAX: usize = 255;
/// Longest label in bytes, RFC 1035 section 2.3.4.
const LABEL_MAX: u8 = 63;
/// Both bits set: a pointer of two bytes, RFC 1035 section 4.1.4.
const POINTER: u8 = 0xc0;
/// Bytes of the length before a message in a stream, RFC 1035 section 4.2.2.
const STREAM_PREFIX: usize = 2;

/// One entry of the question section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name as it lies: labels, and a pointer or the root at the end.
    pub name: &'a [u8],
    /// Type and class.
    pub tail: QuestionTail,
}

/// One resource record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The name as it lies: labels, and a pointer or the root at the end.
    pub name: &'a [u8],
    /// Type of the record.
    pub kind: u16,
    /// Class of the record.
    pub class: u16,
    /// Time to live, in seconds.
    pub ttl_seconds: u32,
    /// The data, at most 65,535 bytes.
    data: &'a [u8],
}

/// A whole message. The counts are derived from the sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    /// See [`Header::id`].
    pub id: u16,
    /// See [`Header::flags`].
    pub flags: u16,
    questions: Vec<Question<'a>>,
    /// Answer, authority and additional section.
    sections: [Vec<Record<'a>>; 3],
}

impl<'a> Question<'a> {
    fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        Ok(Self { name: name(r)?, tail: QuestionTail::parse(r)? })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        w.bytes(self.name);
        self.tail.emit(w);
    }
}

impl<'a> Record<'a> {
    fn parse(r: &mut Reader<'a>) -> Result<Self, WireError> {
        let name = name(r)?;
        let RecordTail { kind, class, ttl_seconds, data_length } = RecordTail::parse(r)?;
        let data = r.bytes(usize::from(data_length))?;
        Ok(Self { name, kind, class, ttl_seconds, data })
    }

    fn emit(&self, w: &mut Writer<'_>) {
        let Self { kind, class, ttl_seconds, data, .. } = *self;
        w.bytes(self.name);
        RecordTail { kind, class, ttl_seconds, data_length: count(data.len()) }.emit(w);
        w.bytes(data);
    }

    /// The data of the record.
    pub const fn data(&self) -> &'a [u8] {
        self.data
    }
}

impl<'a> Message<'a> {
    /// Parses a message without its stream prefix.
    ///
    /// # Errors
    /// Names longer than allowed, sections that end early or bytes behind the last record.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new("dns::Header", bytes);
        let header = Header::parse(&mut r)?;
        let mut r = r.named("dns::Question");
        // Counts are the sender's claim: nothing is allocated before it is seen.
        let questions = (0..header.question_count)
            .map(|_| Question::parse(&mut r))
            .collect::<Result<_, _>>()?;
        let mut r = r.named("dns::Record");
        let mut section = |count: u16| -> Result<Vec<Record<'a>>, WireError> {
            (0..count).map(|_| Record::parse(&mut r)).collect()
        };
        let sections = [
            section(header.answer_count)?,
            section(header.authority_count)?,
            section(header.additional_count)?,
        ];
        r.finish()?;
        Ok(Self { id: header.id, flags: header.flags, questions, sections })
    }

    /// Appends the message, counts derived.
    pub fn emit(&self, w: &mut Writer<'_>) {
        let [answers, authorities, additionals] = &self.sections;
        let header = Header {
            id: self.id,
            flags: self.flags,
            question_count: count(self.questions.len()),
            answer_count: count(answers.len()),
            authority_count: count(authorities.len()),
            additional_count: count(additionals.len()),
        };
        header.emit(w);
        self.questions.iter().for_each(|question| question.emit(w));
        self.sections.iter().flatten().for_each(|record| record.emit(w));
    }

    /// Entries of the question section.
    pub fn questions(&self) -> &[Question<'a>] {
        &self.questions
    }

    /// Records of the answer section.
    pub fn answers(&self) -> &[Record<'a>] {
        let [answers, ..] = &self.sections;
        answers
    }
}

/// Reads every section and keeps nothing.
pub(super) fn check(bytes: &[u8]) -> Result<(), WireError> {
    let mut r = Reader::new("dns::Header", bytes);
    let header = Header::view(&mut r)?;
    let mut r = r.named("dns::Question");
    for _ in 0..header.question_count() {
        Question::parse(&mut r)?;
    }
    let mut r = r.named("dns::Record");
    for count in [header.answer_count(), header.authority_count(), header.additional_count()] {
        for _ in 0..count {
            Record::parse(&mut r)?;
        }
    }
    r.finish()
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
    transport: Transport,
    out: &mut Writer<'_>,
) -> Result<(), WireError> {
    if transport == Transport::Udp {
        Message::parse(input)?.emit(out);
        return Ok(());
    }
    let mut r = Reader::new("dns::length", input);
    let length = u16::from_be_bytes(*r.array::<STREAM_PREFIX>()?);
    let body = r.bytes(usize::from(length))?;
    r.finish()?;
    let message = Message::parse(body)?;
    let mut bytes = Vec::with_capacity(body.len());
    message.emit(&mut Writer::new(&mut bytes));
    out.bytes(&count(bytes.len()).to_be_bytes());
    out.bytes(&bytes);
    Ok(())
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

impl Protocol for Dns {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Dns(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(input: &[u8], transport: Transport, out: &mut Writer<'_>) -> Result<(), WireError> {
        reencode(input, transport, out)
    }

    fn samples() -> Vec<Sample> {
        // Query for the SRV records that locate a domain controller.
        let mut query = b"\x1b\x2c\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        let question = b"\x05_ldap\x04_tcp\x02dc\x06_msdcs\x05heron\x07example\x00\x00\x21\x00\x01";
        query.extend(question);
        // Its answer, the name compressed, with an address in the additional section.
        let mut response = b"\x1b\x2c\x85\x80\x00\x01\x00\x01\x00\x00\x00\x01".to_vec();
        response.extend(question);
        response.extend(b"\xc0\x0c\x00\x21\x00\x01\x00\x00\x02\x58\x00\x0c");
        response.extend(b"\x00\x01\x00\x64\x01\x85\x03dc1\xc0\x21");
        response.extend(b"\xc0\x46\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x0a\x14\x1e\x28");
        // Dynamic update: zone, no prerequisite, one record added.
        let mut update = b"\x77\x01\x28\x00\x00\x01\x00\x00\x00\x01\x00\x00".to_vec();
        update.extend(b"\x05heron\x07example\x00\x00\x06\x00\x01");
        update.extend(b"\x04ws07\xc0\x0c\x00\x01\x00\x01\x00\x00\x04\xb0\x00\x04\x0a\x14\x1e\x63");
        let stream = [&count(query.len()).to_be_bytes()[..], &query].concat();
        vec![Sample::udp(query), Sample::udp(response), Sample::udp(update), Sample::tcp(stream)]
    }
}

/// Takes one name: its labels, and the pointer or root at its end.
fn name<'a>(r: &mut Reader<'a>) -> Result<&'a [u8], WireError> {
    let mut rest = r.clone();
    let start = rest.offset();
    loop {
        let at = rest.clone();
        let length = rest.byte()?;
        if length & POINTER == POINTER {
            rest.byte()?;
            break;
        }
        if length > LABEL_MAX {
            return Err(at.error(Cause::BadValue { field: "label type", got: u64::from(length) }));
        }
        rest.bytes(usize::from(length))?;
        let so_far = rest.offset() - start;
        if so_far > NAME_MAX {
            let cause = Cause::BadLength { field: "name", got: so_far, min: 1, max: NAME_MAX };
            return Err(at.error(cause));
        }
        if length == 0 {
            break;
        }
    }
    r.bytes(rest.offset() - start)
}

fn short_message(got: usize) -> WireError {
    let max = usize::from(u16::MAX);
    let cause = Cause::BadLength { field: "length", got, min: Header::LEN, max };
    WireError { what: "dns::length", offset: 0, cause }
}

/// A length or count of what was parsed from a field of 16 bits.
fn count(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_sections_of_an_answer() {
        let bytes = Dns::samples().remove(1).bytes;
        let message = Message::parse(&bytes).unwrap();
        assert_eq!((message.id, message.flags), (0x1b2c, 0x8580));
        assert_eq!(message.questions()[0].tail, QuestionTail { kind: 33, class: 1 });
        let answer = message.answers()[0];
        assert_eq!((answer.name, answer.kind, answer.ttl_seconds), (&b"\xc0\x0c"[..], 33, 600));
        assert_eq!(answer.data(), b"\x00\x01\x00\x64\x01\x85\x03dc1\xc0\x21");
    }

    #[test]
    fn a_label_type_of_the_future_is_named() {
        let mut bytes = Dns::samples().remove(0).bytes;
        bytes[Header::LEN] = 0x41;
        assert_eq!(
            check(&bytes).unwrap_err().to_string(),
            "dns::Question at byte 12: label type 0x41 is not defined"
        );
    }

    #[test]
    fn a_name_longer_than_allowed_is_refused() {
        let mut bytes = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
        for _ in 0..5 {
            bytes.push(63);
            bytes.extend([b'a'; 63]);
        }
        bytes.extend(b"\x00\x00\x01\x00\x01");
        let error = check(&bytes).unwrap_err();
        assert_eq!(
            error.cause,
            Cause::BadLength { field: "name", got: 256, min: 1, max: NAME_MAX }
        );
    }

    #[test]
    fn a_damaged_name_behind_a_sound_header_still_may_be_dns() {
        let mut bytes = Dns::samples().remove(0).bytes;
        bytes[Header::LEN] = 0x41;
        assert_eq!(Dns::probe(&bytes, Transport::Udp), Probe::Possible);
    }

    #[test]
    fn flags_that_are_not_defined_contradict() {
        for (at, value) in [(2, 0x18), (3, 0x40), (3, 0x03), (4, 0x01)] {
            let mut bytes = Dns::samples().remove(0).bytes;
            bytes[at] = value;
            assert_eq!(Dns::probe(&bytes, Transport::Udp), Probe::No, "byte {at}");
        }
    }

    #[test]
    fn a_zone_transfer_goes_on_without_a_question() {
        let payload = b"\x00\x40\x00\x07\x84\x00\x00\x00\x00\x02\x00\x00\x00\x00\x03ws1\x00";
        assert_eq!(Dns::probe(payload, Transport::Tcp), Probe::Certain);
    }
}
