//! What one batch of packets said, noted by each shard and put in order afterwards.

use std::fmt::{Display, Write};
use std::hash::Hasher as _;
use std::ops::Range;

use super::audience::{Audience, Ends};
use crate::base::Timestamp;
use crate::flow::Address;
use crate::proto::{Activity, Context, Hint, Id, Kind, Method, Outcome};

/// Port of the endpoint mapper, \[MS-RPCE\] section 2.1.1.1.
const ENDPOINT_MAPPER: u16 = 135;

/// Notes of one batch, memory reused.
#[derive(Debug, Default)]
pub struct Jot {
    /// Keep the words of activities, not only their counts.
    with_words: bool,
    /// Number in its batch of the packet being heard.
    number: u32,
    notes: Vec<(u32, Note)>,
    /// Once sorted: packet and place of each note, together in one word.
    order: Vec<u64>,
    words: String,
}

/// One note.
#[derive(Debug, Clone)]
pub enum Note {
    /// See [`Activity`].
    Did(Did),
    /// A name that an address has, as a hash of the name's first label in capitals.
    Named {
        /// The address.
        address: Address,
        /// The hash.
        name: u64,
        /// Told by NTLM; else by DNS.
        by_ntlm: bool,
        /// When.
        time: Timestamp,
    },
    /// Somebody asked for the name of an address.
    Resolved(Method, bool),
}

/// An activity without its words.
#[derive(Debug, Clone)]
pub struct Did {
    /// See [`Activity::kind`].
    pub kind: Kind,
    /// See [`Activity::protocol`].
    pub protocol: Id,
    /// See [`Activity::time`].
    pub time: Timestamp,
    /// Who asked, and who was asked.
    pub ends: [(Address, u16); 2],
    /// See [`Activity::outcome`].
    pub outcome: Outcome,
    /// Where principal, target and detail lie among the words.
    words: [Option<Range<u32>>; 3],
}

impl Jot {
    /// No notes; those of activities will keep their words only if somebody wants them.
    pub fn new(with_words: bool) -> Self {
        Self { with_words, ..Self::default() }
    }

    /// Forgets all notes, keeps their memory.
    pub fn clear(&mut self) {
        self.notes.clear();
        self.order.clear();
        self.words.clear();
    }

    /// Puts the notes in the order of their packets. Notes of one packet keep theirs.
    pub fn sort(&mut self) {
        self.order.clear();
        let notes = self.notes.iter().zip(0u32..);
        self.order.extend(notes.map(|((packet, _), at)| u64::from(*packet) << 32 | u64::from(at)));
        self.order.sort_unstable();
    }

    /// The notes in the order of the last [`sort`](Self::sort).
    pub fn notes(&self) -> impl Iterator<Item = &Note> {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half of a word")]
        let place = |word: &u64| *word as u32 as usize;
        self.order.iter().filter_map(move |word| self.notes.get(place(word)).map(|(_, note)| note))
    }

    /// Principal, target and detail of an activity noted here.
    pub fn words(&self, did: &Did) -> [Option<&str>; 3] {
        let text = |range: &Option<Range<u32>>| {
            let range = range.as_ref()?;
            self.words.get(range.start as usize..range.end as usize)
        };
        let [principal, target, detail] = &did.words;
        [text(principal), text(target), text(detail)]
    }

    fn keep(&mut self, word: Option<&dyn Display>) -> Option<Range<u32>> {
        let word = word.filter(|_| self.with_words)?;
        let start = u32::try_from(self.words.len()).ok()?;
        let _ = write!(self.words, "{word}"); // writing to memory cannot fail
        Some(start..u32::try_from(self.words.len()).ok()?)
    }

    fn note(&mut self, note: Note) {
        self.notes.push((self.number, note));
    }
}

impl Audience for Jot {
    fn packet(&mut self, number: u32) {
        self.number = number;
    }

    fn activity(&mut self, ends: &Ends, activity: &Activity<'_>) {
        let words = [activity.principal, activity.target, activity.detail];
        let words = words.map(|word| self.keep(word));
        self.note(Note::Did(Did {
            kind: activity.kind,
            protocol: activity.protocol,
            time: activity.time,
            ends: ends.seen_from(activity.asked_by),
            outcome: activity.outcome,
            words,
        }));
    }

    fn hint(&mut self, ends: &Ends, context: &Context, hint: Hint<'_>) {
        let time = context.time;
        let (sender, _) = ends.seen_from(context.side)[0];
        let named = |address, name: &dyn Display, by_ntlm| Note::Named {
            address,
            name: hash_of(name),
            by_ntlm,
            time,
        };
        self.note(match hint {
            Hint::NtlmHost(name) => named(sender, name, true),
            Hint::DnsAddress(name, address) => named(address.into(), name, false),
            // The sensor asks at 135; elsewhere NTLM is somebody's logon.
            Hint::Resolution(Method::RpcNtlm, ..) if ends.server.1 != ENDPOINT_MAPPER => return,
            Hint::Resolution(method, _, answered) => Note::Resolved(method, answered),
        });
    }
}

/// Hash of a host name's first label, whatever its case: NTLM tells `WS1`, DNS
/// `ws1.lab.example`.
fn hash_of(name: &dyn Display) -> u64 {
    let mut label = FirstLabel::default();
    let _ = write!(label, "{name}"); // fails to stop at the first dot
    label.hasher.finish()
}

/// FNV-1a, 64 bits: the same on every machine.
#[derive(Debug)]
struct Fnv(u64);

impl std::hash::Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[derive(Debug)]
struct FirstLabel {
    hasher: Fnv,
}

impl Default for FirstLabel {
    fn default() -> Self {
        Self { hasher: Fnv(0xcbf2_9ce4_8422_2325) }
    }
}

impl Write for FirstLabel {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for byte in text.bytes() {
            if byte == b'.' {
                return Err(std::fmt::Error);
            }
            self.hasher.write(&[byte.to_ascii_uppercase()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn names_are_compared_by_their_first_label_whatever_the_case() {
        assert_eq!(hash_of(&"WS1"), hash_of(&"ws1.lab.example"));
        assert_ne!(hash_of(&"WS1"), hash_of(&"ws2"));
    }

    #[test]
    fn an_address_is_that_of_its_family() {
        let v4: IpAddr = "10.0.0.7".parse().unwrap();
        assert_eq!(Address::from(v4), Address::v4([10, 0, 0, 7]));
    }
}
