//! A message where it lies: read as far as somebody asks.

use super::STREAM_PREFIX;
use super::data::{Data, Dialect};
use super::name::Name;
use super::{Header, HeaderView, QuestionTail, RecordTail, short_message, types};
use crate::proto::Transport;
use crate::wire::{Reader, WireError};

/// QR: the message is a response, RFC 1035 section 4.1.1.
const RESPONSE: u16 = 0x8000;
/// TC: the message was cut by its sender.
const TRUNCATED: u16 = 0x0200;

/// One message, without its stream prefix.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    header: HeaderView<'a>,
}

/// One entry of the question section.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question<'a> {
    /// Name asked for.
    pub name: Name<'a>,
    /// Type asked for.
    pub kind: u16,
    /// Class asked for; in mDNS with the bit that asks for a unicast response.
    pub class: u16,
}

/// One resource record.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Owner.
    pub name: Name<'a>,
    /// Type of the record.
    pub kind: u16,
    /// Class; in mDNS with the bit that flushes caches, in OPT the size of datagrams taken.
    pub class: u16,
    /// Time to live, in seconds; in OPT the extended code, version and flags.
    pub ttl_seconds: u32,
    bytes: &'a [u8],
    at: usize,
    message: &'a [u8],
}

/// Where a record stands, RFC 1035 section 4.1; in updates RFC 2136 section 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Answers; in updates what must be the case.
    Answer,
    /// Authorities; in updates what shall change.
    Authority,
    /// Additional information.
    Additional,
}

impl<'a> View<'a> {
    /// Looks at a message without its stream prefix.
    ///
    /// # Errors
    /// Truncation of the header.
    pub fn new(bytes: &'a [u8]) -> Result<Self, WireError> {
        let header = Header::view(&mut Reader::new("dns::Header", bytes))?;
        Ok(Self { bytes, header })
    }

    /// Looks at a message as `transport` carries it, or at the beginning of one.
    ///
    /// # Errors
    /// Truncation of the header, or a length in the stream that is too short for one.
    pub fn over(input: &'a [u8], transport: Transport) -> Result<Self, WireError> {
        if transport == Transport::Udp {
            return Self::new(input);
        }
        let mut r = Reader::new("dns::length", input);
        let length = usize::from(u16::from_be_bytes(*r.array::<STREAM_PREFIX>()?));
        if length < Header::LEN {
            return Err(short_message(length));
        }
        let rest = r.remainder();
        Self::new(rest.get(..length).unwrap_or(rest))
    }

    /// See [`Header::id`].
    pub fn id(&self) -> u16 {
        self.header.id()
    }

    /// See [`Header::flags`].
    pub fn flags(&self) -> u16 {
        self.header.flags()
    }

    /// Whether this answers a query.
    pub fn is_response(&self) -> bool {
        self.flags() & RESPONSE != 0
    }

    /// Whether the sender left out what did not fit.
    pub fn is_truncated(&self) -> bool {
        self.flags() & TRUNCATED != 0
    }

    /// What kind of message this is, see [`types::opcode_name`].
    pub fn opcode(&self) -> u8 {
        let [high, _] = self.flags().to_be_bytes();
        high >> 3 & 0xf
    }

    /// The response code in the header: the lower four bits of what [`rcode`](Self::rcode)
    /// tells.
    pub fn header_rcode(&self) -> u8 {
        let [_, low] = self.flags().to_be_bytes();
        low & 0xf
    }

    /// The response code, with the upper bits that an OPT record adds (RFC 6891 section 6.1.3).
    /// Reads the whole message.
    pub fn rcode(&self) -> u32 {
        let opt = self.records().map_while(Result::ok).find(|(_, r)| r.kind == types::OPT);
        extended(self.header_rcode(), opt.map_or(0, |(_, opt)| opt.ttl_seconds))
    }

    /// Entries of the sections as the header claims: questions, answers, authorities,
    /// additionals.
    pub fn counts(&self) -> [u16; 4] {
        let header = self.header;
        [
            header.question_count(),
            header.answer_count(),
            header.authority_count(),
            header.additional_count(),
        ]
    }

    /// What is asked, up to the first error.
    pub fn questions(&self) -> impl Iterator<Item = Result<Question<'a>, WireError>> + use<'a> {
        let mut parts = self.parts();
        std::iter::from_fn(move || parts.question().transpose())
    }

    /// All records, up to the first error.
    pub fn records(
        &self,
    ) -> impl Iterator<Item = Result<(Section, Record<'a>), WireError>> + use<'a> {
        let mut parts = self.parts();
        std::iter::from_fn(move || parts.record().transpose())
    }

    /// The message, part by part.
    pub(super) fn parts(&self) -> Parts<'a> {
        let mut reader = Reader::new("dns::Question", self.bytes);
        // `new` saw the header.
        let is_done = reader.bytes(Header::LEN).is_err();
        let [questions, records @ ..] = self.counts();
        Parts { message: self.bytes, reader, questions, records, is_done }
    }
}

/// A response code out of its two parts.
pub(super) fn extended(low: u8, opt_ttl: u32) -> u32 {
    let [high, ..] = opt_ttl.to_be_bytes();
    u32::from(high) << 4 | u32::from(low)
}

/// Goes through a message once.
#[derive(Debug, Clone)]
pub(super) struct Parts<'a> {
    message: &'a [u8],
    reader: Reader<'a>,
    /// Entries to come, by section.
    questions: u16,
    records: [u16; 3],
    /// An error was told: nothing more can be read.
    is_done: bool,
}

impl<'a> Parts<'a> {
    /// The next question.
    pub fn question(&mut self) -> Result<Option<Question<'a>>, WireError> {
        if self.questions == 0 || self.is_done {
            return Ok(None);
        }
        self.questions -= 1;
        let question = Question::parse(&mut self.reader, self.message);
        self.is_done = question.is_err();
        question.map(Some)
    }

    /// The next record; questions before it are stepped over.
    pub fn record(&mut self) -> Result<Option<(Section, Record<'a>)>, WireError> {
        while self.question()?.is_some() {}
        let [answers, authorities, additionals] = &mut self.records;
        let (section, left) = match (*answers, *authorities, *additionals) {
            (1.., _, _) => (Section::Answer, answers),
            (0, 1.., _) => (Section::Authority, authorities),
            (0, 0, 1..) => (Section::Additional, additionals),
            (0, 0, 0) => return Ok(None),
        };
        if self.is_done {
            return Ok(None);
        }
        *left -= 1;
        let record = Record::parse(&mut self.reader, self.message);
        self.is_done = record.is_err();
        record.map(|record| Some((section, record)))
    }

    /// Requires that nothing lies behind the last record.
    pub fn finish(self) -> Result<(), WireError> {
        self.reader.named("dns::Record").finish()
    }
}

impl<'a> Question<'a> {
    fn parse(r: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, WireError> {
        let name = Name::parse(r, message)?;
        let tail = QuestionTail::view(r)?;
        Ok(Self { name, kind: tail.kind(), class: tail.class() })
    }

    pub(super) const fn tail(&self) -> QuestionTail {
        QuestionTail { kind: self.kind, class: self.class }
    }
}

impl<'a> Record<'a> {
    fn parse(r: &mut Reader<'a>, message: &'a [u8]) -> Result<Self, WireError> {
        let mut at = r.named("dns::Record");
        let name = Name::parse(&mut at, message)?;
        let tail = RecordTail::view(&mut at)?;
        let start = at.offset();
        let bytes = at.bytes(usize::from(tail.data_length()))?;
        *r = at;
        let (kind, class, ttl_seconds) = (tail.kind(), tail.class(), tail.ttl_seconds());
        Ok(Self { name, kind, class, ttl_seconds, bytes, at: start, message })
    }

    /// What the record holds.
    pub fn data(&self, dialect: Dialect) -> Data<'a> {
        Data::parse((dialect, self.kind), self.message, self.at, self.bytes)
    }

    /// What the record holds, as it lies.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}
