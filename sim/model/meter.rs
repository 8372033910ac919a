//! How far a long computation has come, for whoever wants to show it. No result depends on it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Is told how much of how much is done; from several threads, not always in order.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Counts work that is done, in a unit of the caller's.
pub struct Meter<'a> {
    done: AtomicU64,
    whole: u64,
    tell: Option<Progress<'a>>,
}

impl<'a> Meter<'a> {
    /// Nothing of `whole` is done; `tell` is told what is, `None` where nobody wants to know.
    pub fn new(whole: u64, tell: Option<Progress<'a>>) -> Self {
        Self { done: AtomicU64::new(0), whole, tell }
    }

    /// Adds what was done.
    pub fn add(&self, more: u64) {
        let Some(tell) = self.tell else { return };
        let before = self.done.fetch_add(more, Ordering::Relaxed);
        tell(before.saturating_add(more).min(self.whole), self.whole);
    }
}

impl fmt::Debug for Meter<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.done.load(Ordering::Relaxed);
        formatter.debug_struct("Meter").field("done", &done).field("whole", &self.whole).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn what_is_done_adds_up_and_never_exceeds_the_whole() {
        let told = Mutex::new(Vec::new());
        let tell = |done, whole| told.lock().unwrap().push((done, whole));
        let meter = Meter::new(10, Some(&tell));
        [3, 4, 5].iter().for_each(|more| meter.add(*more));
        assert_eq!(*told.lock().unwrap(), [(3, 10), (7, 10), (10, 10)]);
        Meter::new(10, None).add(1);
    }
}
