//! Whose each Kerberos ticket is that flows of a shard were given.
//!
//! All flows between two hosts are in one shard, so a client that gets its ticket from a domain
//! controller's address and shows it at the same address is known there. One that shows it at
//! another address, of IPv6 or of another server, is known only where the hash of the addresses
//! happens to lead to the same shard; which that is never depends on the number of threads.

use std::collections::HashMap;
use std::fmt::Display;

use crate::proto::Held;

/// Tickets remembered in one shard, 32,768 over all: a ticket is good for ten hours, and a client
/// has about one for each service it uses. With names of [`HELD_MAX`](crate::proto::HELD_MAX)
/// bytes, which only a hostile KDC gives, they take 2 MiB.
const TICKETS_MAX: usize = 4_096;

/// Tickets and their owners; the oldest makes room.
#[derive(Debug, Default)]
pub struct Tickets {
    /// Each ticket and its owner; a ring once it is full.
    owners: Vec<(u64, Held)>,
    /// Where each ticket is in the ring.
    places: HashMap<u64, usize>,
    /// The oldest, once the ring is full.
    hand: usize,
}

impl Tickets {
    /// Remembers that `ticket` was given to `owner`. Allocates with the first, then for names
    /// until the ring is full.
    pub fn learn(&mut self, ticket: u64, owner: &dyn Display) {
        if let Some(&at) = self.places.get(&ticket) {
            // Sent again.
            if let Some((_, name)) = self.owners.get_mut(at) {
                name.set(owner);
            }
            return;
        }
        let at = self.make_room();
        if let Some((place, name)) = self.owners.get_mut(at) {
            *place = ticket;
            name.set(owner);
            self.places.insert(ticket, at);
        }
    }

    /// Who was given `ticket`.
    pub fn owner(&self, ticket: u64) -> Option<&Held> {
        let at = *self.places.get(&ticket)?;
        self.owners.get(at).map(|(_, name)| name)
    }

    /// A place in the ring that no ticket leads to.
    fn make_room(&mut self) -> usize {
        if self.owners.is_empty() {
            self.owners.reserve_exact(TICKETS_MAX);
            // Twice, so that what removed ones leave behind is cleared in place.
            self.places.reserve(2 * TICKETS_MAX);
        }
        if self.owners.len() < TICKETS_MAX {
            self.owners.push(Default::default());
            return self.owners.len() - 1;
        }
        let at = self.hand;
        self.hand = (at + 1) % TICKETS_MAX;
        if let Some((oldest, _)) = self.owners.get(at) {
            self.places.remove(oldest);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(tickets: &Tickets, ticket: u64) -> Option<&str> {
        tickets.owner(ticket).map(Held::as_str)
    }

    #[test]
    fn a_ticket_has_its_last_owner() {
        let mut tickets = Tickets::default();
        assert_eq!(owner(&tickets, 7), None);
        tickets.learn(7, &"alice@LAB.EXAMPLE");
        tickets.learn(8, &"bob@LAB.EXAMPLE");
        tickets.learn(7, &"carol@LAB.EXAMPLE");
        assert_eq!(owner(&tickets, 7), Some("carol@LAB.EXAMPLE"));
        assert_eq!(owner(&tickets, 8), Some("bob@LAB.EXAMPLE"));
    }

    #[test]
    fn the_oldest_makes_room_and_nothing_grows() {
        let mut tickets = Tickets::default();
        let max = TICKETS_MAX as u64;
        tickets.learn(0, &0);
        let room = (tickets.owners.capacity(), tickets.places.capacity());
        for ticket in 1..5 * max + 3 {
            tickets.learn(ticket, &ticket);
        }
        // What removed ones leave behind takes away from the map's room until it is cleared.
        assert_eq!(tickets.owners.capacity(), room.0);
        assert!(tickets.places.capacity() <= room.1, "{} grew", room.1);
        assert_eq!((tickets.owners.len(), tickets.places.len()), (TICKETS_MAX, TICKETS_MAX));
        assert_eq!(owner(&tickets, 4 * max + 2), None);
        assert_eq!(owner(&tickets, 4 * max + 3), Some("16387"));
        assert_eq!(owner(&tickets, 5 * max + 2), Some("20482"));
    }
}
