//! Which response belongs to which query, for the protocols of this format.
//!
//! A query waits for its response under its id and what it asks. Sent again it is the same
//! query; answered again it stays answered. What is sent to everybody gets its answers in other
//! flows, or none: it is told at once.

use std::fmt::Display;
use std::net::IpAddr;

use super::data::Dialect;
use super::name::Spelled;
use super::view::{Question, Record, Section, View, extended};
use super::{Data, types};
use crate::base::Timestamp;
use crate::proto::{
    Activity, Context, Dialogue, Hint, Id, Kind, Method, Observer, Outcome, Pending, Quality, Side,
};
use crate::wire::WireError;

/// Queries of one flow that wait at once; more are sent by name servers only, which ask for
/// others. The oldest makes room.
const WAITING_MAX: usize = 32;
/// Queries of one flow that are remembered as told or repeated.
const RECENT_MAX: usize = 16;
/// A query with the id and subject of an earlier one is the same, sent again, within this time:
/// resolvers give up before (that of Windows after some 12 s, the one of Unix after 10).
const REPEAT_MAX_NANOS: i64 = 15_000_000_000;

/// Tells queries of one flow apart: the id, and a fingerprint of what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Id of the message.
    pub id: u16,
    /// See [`Name::fingerprint`](super::Name::fingerprint).
    pub subject: u32,
}

/// What a query or response is about.
pub struct Matter<'m> {
    /// Tells it from others.
    pub key: Key,
    /// What it is, and which protocol says so.
    pub what: (Kind, Id),
    /// See [`Activity::target`].
    pub target: &'m dyn Display,
    /// See [`Activity::detail`].
    pub detail: &'m dyn Display,
}

/// The queries of a flow.
#[derive(Debug, Default)]
pub struct Exchange {
    pending: Pending<Key, WAITING_MAX>,
    recent: Vec<(Key, Timestamp)>,
    /// Place in `recent` that the next one takes, once it is full.
    next: usize,
    lookups: Vec<Lookup>,
}

/// A query that asks for the name of an address.
#[derive(Debug)]
struct Lookup {
    key: Key,
    method: Method,
    address: Option<IpAddr>,
    asked: Context,
}

impl Exchange {
    /// A query that is answered in its flow. True where it is not an earlier one, sent again.
    pub fn ask(&mut self, matter: &Matter<'_>, context: &Context, out: &mut dyn Observer) -> bool {
        let (key, now) = (matter.key, context.time);
        if let Some(waiting) = self.pending.get(key) {
            if is_repeat(waiting.time, now) {
                self.remember(key, now);
                return false;
            }
            self.pending.answer(key, Outcome::Unanswered, out);
        } else if self.is_recent(key, now) {
            return false;
        }
        let asked = self.pending.ask(key, matter.what, (now, context.side), out);
        asked.target.set(matter.target);
        asked.detail.set(matter.detail);
        true
    }

    /// Something whose answers, if any, come in other flows. True where it is not an earlier
    /// one, sent again.
    pub fn announce(
        &mut self,
        matter: &Matter<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) -> bool {
        if self.is_recent(matter.key, context.time) {
            return false;
        }
        self.remember(matter.key, context.time);
        matter.tell(outcome, (context.time, context.side), out);
        true
    }

    /// A response. Tells the query that waits for it, or, where none was seen, what the response
    /// says of it. True where it is the first.
    pub fn answer(
        &mut self,
        matter: &Matter<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) -> bool {
        let key = matter.key;
        if !self.lookups.is_empty() {
            self.lookups.retain(|lookup| lookup.key != key);
        }
        if self.pending.answer(key, outcome, out) {
            return true;
        }
        if self.recent.iter().any(|(known, _)| *known == key) {
            return false;
        }
        matter.tell(outcome, (context.time, context.side.other()), out);
        true
    }

    /// A response that does not repeat what was asked: known by its id.
    pub fn answer_by_id(&mut self, id: u16, outcome: Outcome, out: &mut dyn Observer) {
        if let Some(key) = self.pending.find(|key| key.id == id) {
            self.lookups.retain(|lookup| lookup.key != key);
            self.pending.answer(key, outcome, out);
        }
    }

    /// Keeps in mind that a query asks for the name of an address, for the case that no answer
    /// comes.
    pub fn looks_up(
        &mut self,
        key: Key,
        (method, address): (Method, Option<IpAddr>),
        context: &Context,
    ) {
        if self.lookups.len() == WAITING_MAX {
            self.lookups.remove(0); // as its query makes room
        }
        self.lookups.push(Lookup { key, method, address, asked: *context });
    }

    /// Takes what comes with this key from now on for the same, told already.
    pub fn remember(&mut self, key: Key, now: Timestamp) {
        if let Some((_, time)) = self.recent.iter_mut().find(|(known, _)| *known == key) {
            *time = now;
        } else if self.recent.len() < RECENT_MAX {
            self.recent.push((key, now));
        } else if let Some(oldest) = self.recent.get_mut(self.next) {
            *oldest = (key, now);
            self.next = (self.next + 1) % RECENT_MAX;
        }
    }

    fn is_recent(&self, key: Key, now: Timestamp) -> bool {
        self.recent.iter().any(|(known, time)| *known == key && is_repeat(*time, now))
    }
}

impl Dialogue for Exchange {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.recent.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.pending.finish(out);
        for Lookup { method, address, asked, .. } in self.lookups.drain(..) {
            out.hint(&asked, Hint::Resolution(method, address, false));
        }
    }

    fn reset(&mut self) {
        self.pending.reset();
        self.recent.clear();
        self.next = 0;
        self.lookups.clear();
    }

    fn memory(&self) -> usize {
        self.pending.memory()
            + self.recent.capacity() * size_of::<(Key, Timestamp)>()
            + self.lookups.capacity() * size_of::<Lookup>()
    }
}

impl Matter<'_> {
    fn tell(&self, outcome: Outcome, (time, asked_by): (Timestamp, Side), out: &mut dyn Observer) {
        let (kind, protocol) = self.what;
        out.activity(&Activity {
            kind,
            protocol,
            time,
            asked_by,
            principal: None,
            target: Some(self.target),
            detail: Some(self.detail),
            outcome,
        });
    }
}

/// What one pass over a message finds.
#[derive(Debug)]
pub struct Survey<'a> {
    /// First question; in updates the zone.
    pub question: Option<Question<'a>>,
    /// First answer.
    pub answer: Option<Record<'a>>,
    /// First record of the authority section; in updates what shall change.
    pub change: Option<Record<'a>>,
    /// First exchange of keys, in whatever section.
    pub tkey: Option<Record<'a>>,
    /// Whether an answer is of the type that the question wants, or, of an alias, of any.
    pub is_answered: bool,
    /// Whether there are addresses among the answers.
    pub has_addresses: bool,
    /// The response code with what an OPT record adds.
    pub rcode: u32,
    /// How the message ends.
    pub end: Result<(), WireError>,
}

impl<'a> Survey<'a> {
    /// Reads a message to its end or its first error.
    pub fn of(view: &View<'a>) -> Self {
        let mut survey = Self {
            question: None,
            answer: None,
            change: None,
            tkey: None,
            is_answered: false,
            has_addresses: false,
            rcode: u32::from(view.header_rcode()),
            end: Ok(()),
        };
        survey.end = survey.read(view);
        survey
    }

    fn read(&mut self, view: &View<'a>) -> Result<(), WireError> {
        let mut parts = view.parts();
        while let Some(question) = parts.question()? {
            self.question.get_or_insert(question);
        }
        while let Some((section, record)) = parts.record()? {
            match (section, record.kind) {
                (_, types::TKEY) => {
                    self.tkey.get_or_insert(record);
                }
                (Section::Additional, types::OPT) => {
                    self.rcode = extended(view.header_rcode(), record.ttl_seconds);
                }
                _ => {}
            }
            match section {
                Section::Answer => self.note_answer(record),
                Section::Authority => {
                    self.change.get_or_insert(record);
                }
                Section::Additional => {}
            }
        }
        parts.finish()
    }

    fn note_answer(&mut self, record: Record<'a>) {
        self.answer.get_or_insert(record);
        self.has_addresses |= matches!(record.kind, types::A | types::AAAA);
        self.is_answered |= self
            .question
            .is_none_or(|question| question.kind == types::ANY || question.kind == record.kind);
    }

    /// What [`operation`](types::operation) is told of the message.
    pub fn kind(&self) -> u16 {
        let answer = || self.answer.map_or(0, |answer| answer.kind);
        self.question.map_or_else(answer, |question| question.kind)
    }

    /// How well the message was understood.
    pub fn quality(&self, context: &Context) -> Quality {
        match self.end {
            Ok(()) => Quality::Parsed,
            Err(error) if context.is_cut && error.is_truncation() => Quality::Cut,
            Err(_) => Quality::Opaque,
        }
    }

    /// What becomes of the message: where the capture ends before it, what is there was read and
    /// told.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn verdict(&self, context: &Context) -> Result<(), WireError> {
        self.end.or_else(|error| match context.is_cut && error.is_truncation() {
            true => Ok(()),
            false => Err(error),
        })
    }

    /// Tells the addresses that a response gives to `name`, or, where nothing was asked, to
    /// their owners.
    pub fn tell_addresses(&self, view: &View<'a>, context: &Context, out: &mut dyn Observer) {
        if !self.has_addresses {
            return;
        }
        for (section, record) in view.records().map_while(Result::ok) {
            let address: IpAddr = match record.data(Dialect::Dns) {
                _ if section != Section::Answer => break,
                Data::A(address) => address.into(),
                Data::Aaaa(address) => address.into(),
                _ => continue,
            };
            let name = self.question.map_or(record.name, |question| question.name);
            out.hint(context, Hint::DnsAddress(&Spelled(name), address));
        }
    }
}

fn is_repeat(earlier: Timestamp, now: Timestamp) -> bool {
    now.since(earlier) <= REPEAT_MAX_NANOS
}
