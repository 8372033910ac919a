//! Whole messages: built from parts and emitted, or parsed and emitted again as they were.

use super::data::{Data, Dialect};
use super::name::Name;
use super::sheet::Sheet;
use super::view::{Question, Record, Section, View};
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
        let mut sheet = Sheet::default();
        sheet.begin(self.id, self.flags);
        for question in &self.questions {
            sheet.question(question);
        }
        let sections = [
            (Section::Answer, &self.answers),
            (Section::Authority, &self.authorities),
            (Section::Additional, &self.additionals),
        ];
        for (section, entries) in sections {
            for entry in entries {
                sheet.record(section, entry);
            }
        }
        sheet.emit(transport, w)
    }
}

impl<'a> Entry<'a> {
    fn of(record: &Record<'a>, dialect: Dialect) -> Self {
        let Record { name, class, ttl_seconds, .. } = *record;
        Self { name, class, ttl_seconds, data: record.data(dialect) }
    }
}
