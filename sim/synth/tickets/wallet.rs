//! The tickets of one client: seeds, no bytes.

use super::{Service, Ticket, Who};
use crate::base::{Random, Timestamp};

/// Services whose tickets are kept.
const KEPT: usize = 6;
/// How long a ticket is good, in nanoseconds: ten hours, as Windows domains have it by default.
const LIFE_NS: i64 = 36_000_000_000_000;

/// One ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    None,
    /// Given before the capture began, and not used yet.
    Unused(u64),
    /// Held since that time; whether the capture shows how it was given.
    Held(u64, Timestamp, bool),
}

/// The tickets of a computer and its person.
#[derive(Debug)]
pub struct Wallet {
    slots: [[Slot; KEPT]; 2],
}

impl Default for Wallet {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Wallet {
    /// One in which every ticket is since before the capture began.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::fork(seed, 1);
        let mut slots = [[Slot::None; KEPT]; 2];
        slots.as_flattened_mut().iter_mut().for_each(|s| *s = Slot::Unused(random.next_u64()));
        Self { slots }
    }

    /// From here on nobody knows whose the tickets are: what gave them is not in the capture.
    pub fn hide(&mut self) {
        for slot in self.slots.as_flattened_mut() {
            if let Slot::Held(_, _, is_seen) = slot {
                *is_seen = false;
            }
        }
    }

    /// Forgets the tickets of `who`.
    pub fn purge(&mut self, who: Who) {
        if let Some(slots) = self.slots.get_mut(who as usize) {
            *slots = [Slot::None; KEPT];
        }
    }

    /// Puts a ticket away; since when it is held.
    pub fn keep(&mut self, ticket: Ticket, now: Timestamp) {
        let Some(place) = place(ticket.service) else { return };
        let slots = self.slots.get_mut(ticket.who as usize);
        if let Some(slot) = slots.and_then(|slots| slots.get_mut(place)) {
            *slot = Slot::Held(ticket.seed, now, ticket.is_seen);
        }
    }

    /// The seed of a ticket that is still good, whether the capture shows how it was given, and
    /// since when it is held.
    pub fn get(
        &mut self,
        who: Who,
        service: Service,
        now: Timestamp,
    ) -> Option<(u64, bool, Timestamp)> {
        let slot = self.slots.get_mut(who as usize)?.get_mut(place(service)?)?;
        if let Slot::Unused(seed) = *slot {
            // Somewhere in its life.
            let age = Random::fork(seed, 1).between(0.0, LIFE_NS as f64);
            #[expect(clippy::cast_possible_truncation, reason = "ten hours")]
            let since = now.plus_nanos(-(age as i64));
            *slot = Slot::Held(seed, since, false);
        }
        match *slot {
            Slot::Held(seed, since, is_seen) if now.since(since) < LIFE_NS => {
                Some((seed, is_seen, since))
            }
            _ => None,
        }
    }
}

const fn place(service: Service) -> Option<usize> {
    Some(match service {
        Service::Krbtgt => 0,
        Service::Cifs => 1,
        Service::Ldap => 2,
        Service::Host => 3,
        Service::Dns => 4,
        Service::Rpc => 5,
        Service::Password | Service::Replication(_) | Service::At(..) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_parts(1_000, 0);

    fn ticket(service: Service) -> Ticket {
        Ticket { seed: 7, service, client: 1, who: Who::Person, is_seen: true }
    }

    fn held(wallet: &mut Wallet, service: Service, now: Timestamp) -> Option<(u64, bool)> {
        wallet.get(Who::Person, service, now).map(|(seed, is_seen, _)| (seed, is_seen))
    }

    #[test]
    fn a_ticket_is_seen_until_hidden_or_purged() {
        let mut wallet = Wallet::new(3);
        assert!(matches!(held(&mut wallet, Service::Cifs, NOW), Some((_, false))));
        wallet.keep(ticket(Service::Cifs), NOW);
        assert_eq!(held(&mut wallet, Service::Cifs, NOW), Some((7, true)));
        wallet.hide();
        assert_eq!(held(&mut wallet, Service::Cifs, NOW), Some((7, false)));
        wallet.purge(Who::Computer);
        assert_eq!(held(&mut wallet, Service::Cifs, NOW), Some((7, false)));
        wallet.purge(Who::Person);
        assert_eq!(held(&mut wallet, Service::Cifs, NOW), None);
    }

    #[test]
    fn a_ticket_ends_after_ten_hours() {
        let mut wallet = Wallet::new(3);
        wallet.keep(ticket(Service::Ldap), NOW);
        let after = |seconds: i64| NOW.plus_nanos(seconds * 1_000_000_000);
        assert_eq!(held(&mut wallet, Service::Ldap, after(35_999)), Some((7, true)));
        assert_eq!(held(&mut wallet, Service::Ldap, after(36_000)), None);
    }

    #[test]
    fn a_ticket_from_before_the_capture_ends_within_ten_hours() {
        let mut wallet = Wallet::new(3);
        let (seed, _) = held(&mut wallet, Service::Ldap, NOW).unwrap();
        let after = |seconds: i64| NOW.plus_nanos(seconds * 1_000_000_000);
        let last =
            (1..36_000).take_while(|s| held(&mut wallet, Service::Ldap, after(*s)).is_some());
        assert!(last.count() < 35_999);
        assert_ne!(held(&mut wallet, Service::Cifs, NOW), Some((seed, false)));
    }

    #[test]
    fn what_is_not_kept_is_not_held() {
        let mut wallet = Wallet::new(3);
        for service in [Service::Password, Service::At(3, "host"), Service::Replication(1)] {
            wallet.keep(ticket(service), NOW);
            assert_eq!(held(&mut wallet, service, NOW), None);
        }
    }
}
