//! Requests that wait for their answers.

use std::fmt::{Display, Write as _};

use super::text::Held;
use super::{Activity, Id, Kind, Observer, Outcome, Side};
use crate::base::Timestamp;

/// What was asked, kept until the answer tells its outcome.
#[derive(Debug)]
pub struct Asked {
    /// See [`Activity::kind`].
    pub kind: Kind,
    /// See [`Activity::protocol`].
    pub protocol: Id,
    /// See [`Activity::time`].
    pub time: Timestamp,
    /// See [`Activity::asked_by`].
    pub asked_by: Side,
    /// See [`Activity::principal`].
    pub principal: Held,
    /// See [`Activity::target`].
    pub target: Held,
    /// See [`Activity::detail`].
    pub detail: Held,
}

impl Asked {
    fn tell(&self, outcome: Outcome, out: &mut dyn Observer) {
        out.activity(&Activity {
            kind: self.kind,
            protocol: self.protocol,
            time: self.time,
            asked_by: self.asked_by,
            principal: self.principal.shown(),
            target: self.target.shown(),
            detail: self.detail.shown(),
            outcome,
        });
    }

    /// Adds to the detail, after a blank where something stands there.
    pub fn add_detail(&mut self, more: &dyn Display) {
        if !self.detail.is_empty() {
            let _ = self.detail.write_str(" "); // full: then `more` does not fit either
        }
        let _ = write!(self.detail, "{more}");
    }
}

/// At most `N` requests of one flow that wait for answers, by the `K` that tells which answer
/// belongs to which.
#[derive(Debug)]
pub struct Pending<K, const N: usize> {
    /// The first `used` wait, oldest first; the rest are memory for others.
    slots: Vec<(K, Asked)>,
    used: usize,
}

impl<K, const N: usize> Default for Pending<K, N> {
    fn default() -> Self {
        Self { slots: Vec::new(), used: 0 }
    }
}

impl<K: Copy + PartialEq, const N: usize> Pending<K, N> {
    /// Keeps a request; the names are for the caller to fill in. When `N` wait already, the
    /// oldest is told as one whose outcome is unknown. A request with the same key replaces the
    /// earlier one, as a retransmission does.
    pub fn ask(
        &mut self,
        key: K,
        (kind, protocol): (Kind, Id),
        (time, asked_by): (Timestamp, Side),
        out: &mut dyn Observer,
    ) -> &mut Asked {
        let again = self.position(key);
        if let Some(at) = again {
            self.remove(at);
        } else if self.used == N {
            if let Some((_, oldest)) = self.slots.first() {
                oldest.tell(Outcome::Unknown, out);
            }
            self.remove(0);
        }
        if self.used == self.slots.len() {
            let (principal, target, detail) = Default::default();
            let asked = Asked { kind, protocol, time, asked_by, principal, target, detail };
            self.slots.push((key, asked));
        }
        self.used += 1;
        let at = self.used - 1;
        let (slot, asked) = self.slots.get_mut(at).expect("made above");
        *slot = key;
        (asked.kind, asked.protocol) = (kind, protocol);
        (asked.time, asked.asked_by) = (time, asked_by);
        for name in [&mut asked.principal, &mut asked.target, &mut asked.detail] {
            name.clear();
        }
        asked
    }

    /// The request that `key` names, if it still waits.
    pub fn get(&mut self, key: K) -> Option<&mut Asked> {
        let at = self.position(key)?;
        self.slots.get_mut(at).map(|(_, asked)| asked)
    }

    /// Key of the oldest request that waits and whose key `wanted` accepts.
    pub fn find(&self, wanted: impl Fn(K) -> bool) -> Option<K> {
        let mut keys = self.slots.iter().take(self.used).map(|&(key, _)| key);
        keys.find(|&key| wanted(key))
    }

    /// Tells the request that `key` names with its outcome. False where none waits.
    pub fn answer(&mut self, key: K, outcome: Outcome, out: &mut dyn Observer) -> bool {
        let Some(at) = self.position(key) else { return false };
        if let Some((_, asked)) = self.slots.get(at) {
            asked.tell(outcome, out);
        }
        self.remove(at);
        true
    }

    /// Calls the request that `old` names `new` from now on, as when an answer asks for more; one
    /// that was called so is forgotten. False where none waits.
    pub fn rename(&mut self, old: K, new: K) -> bool {
        if old != new {
            self.forget(new);
        }
        let Some(at) = self.position(old) else { return false };
        self.slots.get_mut(at).is_some_and(|(key, _)| {
            *key = new;
            true
        })
    }

    /// Forgets a request without telling it. False where none waits.
    pub fn forget(&mut self, key: K) -> bool {
        let Some(at) = self.position(key) else { return false };
        self.remove(at);
        true
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Tells all that still wait as unanswered.
    pub fn finish(&mut self, out: &mut dyn Observer) {
        self.slots.iter().take(self.used).for_each(|(_, a)| a.tell(Outcome::Unanswered, out));
        self.used = 0;
    }

    /// Forgets everything, memory kept.
    pub fn reset(&mut self) {
        self.used = 0;
    }

    /// Bytes of memory, used or not.
    pub fn memory(&self) -> usize {
        let names = |a: &Asked| a.principal.memory() + a.target.memory() + a.detail.memory();
        let own = self.slots.capacity() * size_of::<(K, Asked)>();
        own + self.slots.iter().map(|(_, asked)| names(asked)).sum::<usize>()
    }

    fn position(&self, key: K) -> Option<usize> {
        self.slots.iter().take(self.used).position(|(slot, _)| *slot == key)
    }

    /// The removed slot's memory goes behind those in use.
    fn remove(&mut self, at: usize) {
        if let Some(behind) = self.slots.get_mut(at..self.used) {
            behind.rotate_left(1);
            self.used -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{Context, Hint, Message, Tally};
    use crate::wire::WireError;

    #[derive(Default)]
    struct Told(Vec<String>);

    impl Observer for Told {
        fn message(&mut self, _: &Context, _: &Message<'_>, _: Tally) {}
        fn activity(&mut self, activity: &Activity<'_>) {
            let target = activity.target.map(ToString::to_string).unwrap_or_default();
            self.0.push(format!("{target} {:?}", activity.outcome));
        }
        fn hint(&mut self, _: &Context, _: Hint<'_>) {}
        fn malformed(&mut self, _: Id, _: WireError) {}
    }

    fn ask(pending: &mut Pending<u32, 2>, key: u32, target: &str, told: &mut Told) {
        let at = (Timestamp::from_nanos(0), Side::Client);
        pending.ask(key, (Kind::DnsLookup, Id::Dns), at, told).target.set(&target);
    }

    #[test]
    fn answers_find_their_requests_in_any_order() {
        let (mut pending, mut told) = (Pending::<u32, 2>::default(), Told::default());
        ask(&mut pending, 1, "one", &mut told);
        ask(&mut pending, 2, "two", &mut told);
        let failure = Outcome::of(3, |_| "NXDOMAIN");
        assert_eq!((pending.find(|key| key > 0), pending.find(|key| key > 2)), (Some(1), None));
        assert!(pending.answer(2, failure, &mut told));
        assert!(pending.answer(1, Outcome::of(0, |_| ""), &mut told));
        assert!(!pending.answer(1, Outcome::Success, &mut told) && pending.is_empty());
        assert_eq!(told.0, ["two Failure { code: 3, name: \"NXDOMAIN\" }", "one Success"]);
    }

    #[test]
    fn a_request_is_answered_under_its_last_name() {
        let (mut pending, mut told) = (Pending::<u32, 2>::default(), Told::default());
        ask(&mut pending, 1, "one", &mut told);
        ask(&mut pending, 2, "two", &mut told);
        assert!(pending.rename(1, 2) && !pending.rename(1, 3));
        assert!(!pending.answer(1, Outcome::Success, &mut told));
        assert!(pending.answer(2, Outcome::Success, &mut told) && pending.is_empty());
        assert_eq!(told.0, ["one Success"]);
    }

    #[test]
    fn the_oldest_makes_room_and_the_last_are_unanswered() {
        let (mut pending, mut told) = (Pending::<u32, 2>::default(), Told::default());
        for key in 1..=3 {
            ask(&mut pending, key, &key.to_string(), &mut told);
        }
        ask(&mut pending, 3, "again", &mut told);
        pending.finish(&mut told);
        assert_eq!(told.0, ["1 Unknown", "2 Unanswered", "again Unanswered"]);
    }
}
