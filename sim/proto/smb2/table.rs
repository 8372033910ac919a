//! A few things of one flow, remembered by key in memory that is reused.

/// At most `N` values by key. The memory of a removed value is kept, so values are handed out as
/// they were left: whoever takes one clears it.
#[derive(Debug)]
pub(in crate::proto) struct Table<K, V, const N: usize> {
    /// The first `used` are in use, in no order.
    slots: Vec<Slot<K, V>>,
    used: usize,
    /// Counts insertions, so that the oldest can be told.
    clock: u64,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    since: u64,
    value: V,
}

impl<K, V, const N: usize> Default for Table<K, V, N> {
    fn default() -> Self {
        Self { slots: Vec::new(), used: 0, clock: 0 }
    }
}

impl<K: Copy + PartialEq, V: Default, const N: usize> Table<K, V, N> {
    /// The value at `key`.
    pub fn get(&mut self, key: K) -> Option<&mut V> {
        let at = self.position(key)?;
        self.slots.get_mut(at).map(|slot| &mut slot.value)
    }

    /// Makes room for one more: where all are in use, the oldest one's value, for a last look.
    pub fn evict(&mut self) -> Option<&mut V> {
        if self.used < N {
            return None;
        }
        let in_use = self.slots.iter().take(self.used).enumerate();
        let oldest = in_use.min_by_key(|(_, slot)| slot.since)?.0;
        self.remove_at(oldest)
    }

    /// A value for `key`, left as a removed one was, in the place of the one that has the key or,
    /// where all are in use, of the oldest.
    pub fn insert(&mut self, key: K) -> &mut V {
        let at = match self.position(key) {
            Some(at) => at,
            None => {
                self.evict();
                if self.used == self.slots.len() {
                    self.slots.push(Slot { key, since: 0, value: V::default() });
                }
                self.used += 1;
                self.used - 1
            }
        };
        self.clock += 1;
        let slot = self.slots.get_mut(at).expect("`at` is below `used`");
        (slot.key, slot.since) = (key, self.clock);
        &mut slot.value
    }

    /// Takes the value at `key` out; it stays readable until the next call.
    pub fn remove(&mut self, key: K) -> Option<&mut V> {
        let at = self.position(key)?;
        self.remove_at(at)
    }

    /// Takes out any value that `is_it` picks.
    pub fn remove_where(&mut self, mut is_it: impl FnMut(&V) -> bool) -> Option<&mut V> {
        let at = self.slots.iter().take(self.used).position(|slot| is_it(&slot.value))?;
        self.remove_at(at)
    }

    /// Gives the value at `from` the key `to`, in the place of whatever has that.
    pub fn rename(&mut self, from: K, to: K) {
        if from == to || self.position(from).is_none() {
            return;
        }
        self.remove(to);
        if let Some(at) = self.position(from)
            && let Some(slot) = self.slots.get_mut(at)
        {
            slot.key = to;
        }
    }

    /// All values in use.
    pub fn values(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().take(self.used).map(|slot| &mut slot.value)
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Forgets everything, memory kept.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Bytes of memory, used or not, with those that `of` tells of each value.
    pub fn memory(&self, of: impl Fn(&V) -> usize) -> usize {
        let own = self.slots.capacity() * size_of::<Slot<K, V>>();
        own + self.slots.iter().map(|slot| of(&slot.value)).sum::<usize>()
    }

    fn position(&self, key: K) -> Option<usize> {
        self.slots.iter().take(self.used).position(|slot| slot.key == key)
    }

    /// The last one in use takes the removed one's place, which goes behind those in use.
    fn remove_at(&mut self, at: usize) -> Option<&mut V> {
        self.used = self.used.checked_sub(1)?;
        // A swap with itself would copy the value, some hundred bytes, three times.
        if at != self.used {
            self.slots.swap(at, self.used);
        }
        self.slots.get_mut(self.used).map(|slot| &mut slot.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room_and_memory_is_kept() {
        let mut table = Table::<u8, String, 2>::default();
        table.insert(1).push_str("one");
        table.insert(2).push_str("two");
        assert_eq!(table.remove(1).map(|v| &**v), Some("one"));
        assert_eq!(table.insert(3), "one"); // as it was left
        assert_eq!(table.evict().map(|v| &**v), Some("two"));
        assert_eq!(table.get(2), None);
        assert_eq!(table.evict(), None);
        assert_eq!(table.insert(4), "two");
        table.insert(5).push_str(" five");
        assert!(table.get(3).is_none());
        assert_eq!(table.get(5).map(|v| &**v), Some("one five"));
    }

    #[test]
    fn a_value_gets_another_key() {
        let mut table = Table::<u8, u32, 4>::default();
        for key in 1..=3 {
            *table.insert(key) = u32::from(key);
        }
        table.rename(1, 3);
        assert_eq!(table.get(1), None);
        assert_eq!(table.get(3).copied(), Some(1));
        table.rename(9, 3);
        assert_eq!(table.get(3).copied(), Some(1));
        assert_eq!(table.remove_where(|&v| v == 2).copied(), Some(2));
        assert_eq!(table.values().map(|v| *v).collect::<Vec<_>>(), [1]);
        table.clear();
        assert!(table.is_empty());
    }
}
