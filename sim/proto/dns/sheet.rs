//! Messages written part by part, into memory that is used again.
//!
//! [`Message`](super::Message) is the whole of a message at once, for whoever has it; who writes
//! millions of them writes them here.

use super::data::too_many;
use super::message::Entry;
use super::name::{Name, POINTER_MASK};
use super::view::{Question, Section};
use super::{Header, RecordTail, STREAM_PREFIX};
use crate::proto::Transport;
use crate::wire::{WireError, Writer};

/// Places that pointers may lead to: of a longer message the first ones are enough.
const KNOWN_MAX: usize = 128;
/// Bytes that are allocated at once: most messages are a datagram without EDNS (RFC 1035 section
/// 4.2.1).
const ROOM: usize = 512;
/// Where the counts of the sections lie, RFC 1035 section 4.1.1.
const QUESTION_COUNT: usize = 4;
const RECORD_COUNTS: usize = 6;

/// A message being written. Questions come first, then the records in the order of their
/// sections; the counts are derived.
#[derive(Debug, Default)]
pub struct Sheet {
    out: Encoder,
    /// A record's data were too long.
    error: Option<WireError>,
}

impl Sheet {
    /// Begins a message, memory kept.
    pub fn begin(&mut self, id: u16, flags: u16) {
        self.error = None;
        self.out.bytes.clear();
        self.out.used = 0;
        let counts = (0, 0, 0, 0);
        let (question_count, answer_count, authority_count, additional_count) = counts;
        let header =
            Header { id, flags, question_count, answer_count, authority_count, additional_count };
        self.out.put(|w| header.emit(w));
    }

    /// Adds a question.
    pub fn question(&mut self, question: &Question<'_>) {
        self.out.name(&question.name);
        self.out.put(|w| question.tail().emit(w));
        self.count(QUESTION_COUNT);
    }

    /// Adds a record.
    pub fn record(&mut self, section: Section, entry: &Entry<'_>) {
        let Entry { name, class, ttl_seconds, data } = *entry;
        self.out.name(&name);
        let tail = RecordTail { kind: data.kind(), class, ttl_seconds, data_length: 0 };
        self.out.put(|w| tail.emit(w));
        let start = self.out.bytes.len();
        data.emit(&mut self.out);
        let length = self.out.bytes.len() - start;
        match u16::try_from(length) {
            Ok(length) => self.out.patch(start - size_of::<u16>(), length),
            Err(_) => {
                self.error.get_or_insert(too_many(length));
            }
        }
        self.count(RECORD_COUNTS + size_of::<u16>() * section as usize);
    }

    /// Length of the message so far, in bytes.
    pub fn length(&self) -> usize {
        self.out.bytes.len()
    }

    /// Appends the message as `transport` carries it: in a stream behind its length.
    ///
    /// # Errors
    /// More than 65,535 bytes in a message or record.
    pub fn emit(&self, transport: Transport, w: &mut Writer<'_>) -> Result<(), WireError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        // An entry takes more than one byte: this bounds the counts, too.
        let length = u16::try_from(self.length()).map_err(|_| too_many(self.length()))?;
        if transport == Transport::Tcp {
            const { assert!(STREAM_PREFIX == size_of::<u16>(), "the length is 16 bits") };
            w.bytes(&length.to_be_bytes());
        }
        w.bytes(&self.out.bytes);
        Ok(())
    }

    fn count(&mut self, at: usize) {
        let count = self.out.bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        let count = count.copied().map_or(0, u16::from_be_bytes);
        self.out.patch(at, count.saturating_add(1));
    }
}

/// Bytes of a message, and where names lie in it that pointers may lead to.
#[derive(Debug)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
    /// Where labels begin, of which the first `used` count.
    known: [Known; KNOWN_MAX],
    used: usize,
}

/// Where a name or the end of one lies that pointers may lead to.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    at: u16,
    /// Its length from there on, pointers followed, and its first letter: most names differ in
    /// them, so that few are compared.
    length: u16,
    first: u8,
}

impl Default for Encoder {
    fn default() -> Self {
        let known = [Known::default(); KNOWN_MAX];
        Self { bytes: Vec::with_capacity(ROOM), known, used: 0 }
    }
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
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.bytes(&length.to_be_bytes());
        self.bytes(bytes);
    }

    /// A name: as it lies where it was parsed, with pointers where it is new.
    pub fn name(&mut self, name: &Name<'_>) {
        if !name.is_new() {
            return self.bytes(name.wire());
        }
        let mut rest = name.wire();
        // What is written of this name leads nowhere that is of use to itself.
        let before = self.used;
        while let Some(length @ 1..) = rest.first().copied() {
            let looks = (rest.len(), rest.get(1).copied().unwrap_or(0));
            let known = self.known.get(..before).unwrap_or_default();
            let is_same = |known: &&Known| {
                (usize::from(known.length), known.first) == looks && self.lies_at(rest, known.at)
            };
            if let Some(known) = known.iter().find(is_same) {
                let pointer = known.at | !POINTER_MASK;
                return self.bytes(&pointer.to_be_bytes());
            }
            self.remember(looks);
            let (label, behind) =
                rest.split_at_checked(1 + usize::from(length)).unwrap_or((rest, &[]));
            self.bytes.extend_from_slice(label);
            rest = behind;
        }
        self.bytes(&[0]);
    }

    /// Remembers what is written next: its length and first letter.
    fn remember(&mut self, (length, first): (usize, u8)) {
        if let (Ok(at), Ok(length), Some(slot)) =
            (u16::try_from(self.bytes.len()), u16::try_from(length), self.known.get_mut(self.used))
            && at <= POINTER_MASK
        {
            *slot = Known { at, length, first };
            self.used += 1;
        }
    }

    /// A name without pointers where it is new.
    pub fn whole_name(&mut self, name: &Name<'_>) {
        self.bytes(name.wire());
    }

    /// Whether the name of which `rest` are the labels, to the root, lies at `at`. Only names
    /// that were written here are looked at: their pointers lead to the front.
    fn lies_at(&self, mut rest: &[u8], at: u16) -> bool {
        let mut at = usize::from(at);
        loop {
            let Some(here) = self.bytes.get(at..) else { return false };
            match here {
                [high, low, ..]
                    if u16::from_be_bytes([*high, *low]) & !POINTER_MASK == !POINTER_MASK =>
                {
                    at = usize::from(u16::from_be_bytes([*high, *low]) & POINTER_MASK);
                }
                [length, ..] => {
                    let label = 1 + usize::from(*length);
                    if here.get(..label) != rest.get(..label) {
                        return false;
                    }
                    if *length == 0 {
                        return true;
                    }
                    rest = rest.get(label..).unwrap_or_default();
                    at += label;
                }
                [] => return false,
            }
        }
    }

    fn patch(&mut self, at: usize, value: u16) {
        if let Some(field) = self.bytes.get_mut(at..at + size_of::<u16>()) {
            field.copy_from_slice(&value.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::dns::{Data, Dialect, Message, NameBuf, types};

    fn emitted(sheet: &Sheet, transport: Transport) -> Vec<u8> {
        let mut bytes = Vec::new();
        sheet.emit(transport, &mut Writer::new(&mut bytes)).unwrap();
        bytes
    }

    #[test]
    fn a_message_by_parts_is_the_message_as_a_whole() {
        let [alias, host, zone] = ["www.heron.example", "nest.heron.example", "heron.example"]
            .map(|name| NameBuf::from_text(name).unwrap());
        let question = Question { name: alias.name(), kind: types::A, class: 1 };
        let entry = |name, data| Entry { name, class: 1, ttl_seconds: 300, data };
        let answers = vec![
            entry(alias.name(), Data::Cname(host.name())),
            entry(host.name(), Data::A([10, 20, 30, 40].into())),
        ];
        let authorities = vec![entry(zone.name(), Data::Ns(host.name()))];
        let mut sheet = Sheet::default();
        // What was written before leaves nothing behind.
        sheet.begin(1, 1);
        sheet.question(&Question { name: zone.name(), kind: types::SOA, class: 1 });
        sheet.begin(7, 0x8580);
        sheet.question(&question);
        answers.iter().for_each(|entry| sheet.record(Section::Answer, entry));
        authorities.iter().for_each(|entry| sheet.record(Section::Authority, entry));
        let bytes = emitted(&sheet, Transport::Udp);
        let by_hand = b"\x00\x07\x85\x80\x00\x01\x00\x02\x00\x01\x00\x00\
            \x03www\x05heron\x07example\x00\x00\x01\x00\x01\
            \xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x07\x04nest\xc0\x10\
            \xc0\x2f\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x0a\x14\x1e\x28\
            \xc0\x10\x00\x02\x00\x01\x00\x00\x01\x2c\x00\x02\xc0\x2f";
        assert_eq!(bytes, by_hand);
        let (id, flags, questions) = (7, 0x8580, vec![question]);
        let message = Message { id, flags, questions, answers, authorities, ..Message::default() };
        let mut whole = Vec::new();
        message.emit(Transport::Tcp, &mut Writer::new(&mut whole)).unwrap();
        assert_eq!(whole, emitted(&sheet, Transport::Tcp));
        assert_eq!(Message::parse(&bytes, Dialect::Dns).unwrap(), message);
    }

    #[test]
    fn too_much_data_is_an_error_until_the_next_message() {
        let name = NameBuf::from_text("heron.example").unwrap();
        let text = vec![0; 70_000];
        let data = Data::Txt(&text);
        let mut sheet = Sheet::default();
        sheet.begin(7, 0);
        let entry = Entry { name: name.name(), class: 1, ttl_seconds: 0, data };
        sheet.record(Section::Answer, &entry);
        let mut out = Vec::new();
        let error = sheet.emit(Transport::Udp, &mut Writer::new(&mut out)).unwrap_err();
        assert_eq!(error, too_many(70_000));
        sheet.begin(7, 0);
        assert_eq!(emitted(&sheet, Transport::Udp).len(), Header::LEN);
    }

    #[test]
    fn names_beyond_what_is_remembered_are_written_whole() {
        let names: Vec<NameBuf> = (0..2 * KNOWN_MAX)
            .map(|number| NameBuf::from_text(&format!("host{number}")).unwrap())
            .collect();
        let mut sheet = Sheet::default();
        sheet.begin(7, 0);
        for name in names.iter().chain(&names) {
            let entry = Entry { name: name.name(), class: 1, ttl_seconds: 0, data: Data::Txt(b"") };
            sheet.record(Section::Answer, &entry);
        }
        let bytes = emitted(&sheet, Transport::Udp);
        let message = Message::parse(&bytes, Dialect::Dns).unwrap();
        assert_eq!(message.answers.len(), 4 * KNOWN_MAX);
        let again = message.answers.iter().zip(names.iter().chain(&names));
        assert!(again.clone().all(|(entry, name)| entry.name == name.name()));
        let pointers = again.filter(|(entry, _)| entry.name.wire().len() == 2).count();
        assert_eq!(pointers, KNOWN_MAX);
    }
}
