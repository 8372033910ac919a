//! Addresses and what their flows carried.

use crate::flow::{Address, AddressMap, Entry};

/// Addresses told apart; beyond it the half with the fewest bytes is given up. Ours: 4 MiB.
const ADDRESSES_MAX: usize = 1 << 16;

/// Packets and bytes by address.
#[derive(Debug, Clone, Default)]
pub struct Talkers {
    by_address: AddressMap<(u64, u64)>,
    /// Frames of addresses that were given up.
    pub dropped_packets: u64,
}

impl Talkers {
    /// Counts a flow that is over to both its ends.
    pub fn count(&mut self, entry: &Entry) {
        for (address, _) in [entry.client(), entry.server()] {
            self.add_one(address, (entry.packets.into(), entry.bytes()));
        }
    }

    /// Adds another shard's.
    pub fn add(&mut self, other: &Self) {
        // In order: which are given up must not depend on that of the map.
        for (address, sums) in other.sorted() {
            self.add_one(address, sums);
        }
        self.dropped_packets += other.dropped_packets;
    }

    /// All, most bytes first.
    pub fn sorted(&self) -> Vec<(Address, (u64, u64))> {
        let mut list: Vec<_> = self.by_address.iter().map(|(a, sums)| (*a, *sums)).collect();
        list.sort_unstable_by_key(|&(address, (_, bytes))| (std::cmp::Reverse(bytes), address));
        list
    }

    fn add_one(&mut self, address: Address, (packets, bytes): (u64, u64)) {
        if self.by_address.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            self.prune();
        }
        let sums = self.by_address.entry(address).or_default();
        sums.0 += packets;
        sums.1 += bytes;
    }

    fn prune(&mut self) {
        for (address, (packets, _)) in self.sorted().into_iter().skip(ADDRESSES_MAX / 2) {
            self.by_address.remove(&address);
            self.dropped_packets += packets;
        }
    }
}
