//! Whole messages: built from parts and emitted, or parsed and emitted again as they were.

use std::collections::BTreeMap;

use super::data::{Data, Dialect, too_many};
use super::name::{Name, POINTER_MASK};
use super::view::{Question, Record, Section, View};
use super::{Header, RecordTail, STREAM_PREFIX};
use crate::proto::Transport;
use crate::wire::{WireError, Writer};

/// A message to emit. Its counts and lengths are derived.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Message<'a> {
    /// See [`Header::id`].
    pub id: u16,
    /// See [`Header::flags`].
    pub flags: u16,
    /// What is asked; in an update the zone.
    pub questions: Vec<Question<'a>>,
    /// Answers; in an update what must be the case.
    pub answers: Vec<Entry<'a>>,
    /// Authorities; in an update what shall change.
    pub authorities: Vec<Entry<'a>>,
    /// Anything else that helps.
    pub additionals: Vec<Entry<'a>>,
}

/// A record of a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'a> {
    /// Owner.
    pub name: Name<'a>,
    /// Class; in mDNS with the bit that flushes caches, in OPT the size of datagrams taken.
    pub class: u16,
    /// Time to live, in seconds; in OPT the extended code, version and flags.
    pub ttl_seconds: u32,
    /// What it holds.
    pub data: Data<'a>,
}

impl<'a> Message<'a> {
    /// Parses a message without its stream prefix. Names keep their pointers, so emitting gives
    /// the same bytes.
    ///
    /// # Errors
    /// Bad names, sections that end early or bytes behind the last record.
    pub fn parse(bytes: &'a [u8], dialect: Dialect) -> Result<Self, WireError> {
        let view = View::new(bytes)?;
        let mut message = Self { id: view.id(), flags: view.flags(), ..Self::default() };
        let mut parts = view.parts();
        // Counts are the sender's claim: nothing is allocated before it is seen.
        while let Some(question) = parts.question()? {
            message.questions.push(question);
        }
        while let Some((section, record)) = parts.record()? {
            let entry = Entry::of(&record, dialect);
            match section {
                Section::Answer => message.answers.push(entry),
                Section::Authority => message.authorities.push(entry),
                Section::Additional => message.additionals.push(entry),
            }
        }
        parts.finish()?;
        Ok(message)
    }

    /// Appends the message as `transport` carries it: in a stream behind its length.
    ///
    /// # Errors
    /// More than 65,535 entries in a section or bytes in a message or record.
    pub fn emit(&self, transport: Transport, w: &mut Writer<'_>) -> Result<(), WireError> {
        let mut out = Encoder::default();
        let Self { id, flags, questions, answers, authorities, additionals } = self;
        out.put(|w| {
            let header = Header {
                id: *id,
                flags: *flags,
                question_count: saturated(questions.len()),
                answer_count: saturated(answers.len()),
                authority_count: saturated(authorities.len()),
                additional_count: saturated(additionals.len()),
            };
            header.emit(w);
        });
        for question in questions {
            out.name(&question.name);
            out.put(|w| question.tail().emit(w));
        }
        for entry in [answers, authorities, additionals].into_iter().flatten() {
            entry.emit(&mut out)?;
        }
        // An entry takes more than one byte: this bounds the counts, too.
        let length = u16::try_from(out.bytes.len()).map_err(|_| too_many(out.bytes.len()))?;
        if transport == Transport::Tcp {
            const { assert!(STREAM_PREFIX == size_of::<u16>(), "the length is 16 bits") };
            w.bytes(&length.to_be_bytes());
        }
        w.bytes(&out.bytes);
        Ok(())
    }
}

impl<'a> Entry<'a> {
    fn of(record: &Record<'a>, dialect: Dialect) -> Self {
        let Record { name, class, ttl_seconds, .. } = *record;
        Self { name, class, ttl_seconds, data: record.data(dialect) }
    }

    fn emit(&self, out: &mut Encoder) -> Result<(), WireError> {
        let Self { name, class, ttl_seconds, data } = *self;
        out.name(&name);
        let tail = RecordTail { kind: data.kind(), class, ttl_seconds, data_length: 0 };
        out.put(|w| tail.emit(w));
        let start = out.bytes.len();
        data.emit(out);
        let length = out.bytes.len() - start;
        let length = u16::try_from(length).map_err(|_| too_many(length))?;
        if let Some(field) = out.bytes.get_mut(start - size_of::<u16>()..start) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }
}

/// A message being written, and where names lie in it that pointers may lead to.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    /// Labels up to the root, as they are said, and their place.
    known: BTreeMap<Vec<u8>, u16>,
}

impl Encoder {
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What a fixed structure emits.
    pub fn put(&mut self, emit: impl FnOnce(&mut Writer<'_>)) {
        emit(&mut Writer::new(&mut self.bytes));
    }

    /// Bytes behind 16 bits with their length; the record's own length is checked.
    pub fn counted(&mut self, bytes: &[u8]) {
        self.bytes(&saturated(bytes.len()).to_be_bytes());
        self.bytes(bytes);
    }

    /// A name: as it lies where it was parsed, with pointers where it is new.
    pub fn name(&mut self, name: &Name<'_>) {
        if !name.is_new() {
            return self.bytes(name.wire());
        }
        let mut rest = name.wire();
        while let Some(length @ 1..) = rest.first().copied() {
            if let Some(at) = self.known.get(rest) {
                let pointer = at | !POINTER_MASK;
                return self.bytes(&pointer.to_be_bytes());
            }
            if let Ok(at) = u16::try_from(self.bytes.len())
                && at <= POINTER_MASK
            {
                self.known.insert(rest.to_vec(), at);
            }
            let (label, behind) =
                rest.split_at_checked(1 + usize::from(length)).unwrap_or((rest, &[]));
            self.bytes(label);
            rest = behind;
        }
        self.bytes(&[0]);
    }

    /// A name without pointers where it is new.
    pub fn whole_name(&mut self, name: &Name<'_>) {
        self.bytes(name.wire());
    }
}

fn saturated(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}
