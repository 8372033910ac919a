//! A map that forgets: bounded, without the cost of keeping an order of use.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// A map of two generations. What is looked up moves into the younger; when that is full, the
/// older one is forgotten and the younger takes its place. What was used within the last `limit`
/// insertions is always known, and at most twice that is kept.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    limit: usize,
}

impl<K: Hash + Eq, V> Cache<K, V> {
    pub fn new(limit: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), limit }
    }

    /// What is kept under `key`.
    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        if let Some((key, value)) = self.old.remove_entry(key) {
            self.young.insert(key, value);
        }
        self.young.get_mut(key)
    }

    /// Keeps `value`; what is forgotten for it.
    pub fn put(&mut self, key: K, value: V) -> HashMap<K, V> {
        let forgotten = if self.young.len() >= self.limit {
            mem::replace(&mut self.old, mem::take(&mut self.young))
        } else {
            HashMap::new()
        };
        self.young.insert(key, value);
        forgotten
    }

    /// Everything that is kept, in no order that means anything.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.young.iter_mut().chain(&mut self.old)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_bounded_and_keeps_what_is_used() {
        let mut cache = Cache::new(100);
        for key in 0..10_000_u32 {
            cache.put(key, key);
            assert_eq!(cache.get(&0).copied(), Some(0), "used all the time");
            assert!(cache.iter_mut().count() <= 201);
        }
        assert!(cache.get(&5_000).is_none());
        assert_eq!(cache.get(&9_999).copied(), Some(9_999));
    }
}
