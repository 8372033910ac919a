//! Affinity and resource limits of Linux.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::{enforced, refused};
use crate::record::EnforcedLimit;

/// The calling thread, and those it starts, on some processors; elsewhere again when dropped.
#[derive(Debug)]
pub struct Affinity {
    before: CpuSet,
    wanted: usize,
    /// Numbers of the processors.
    pub processors: Vec<usize>,
    /// Those that share a core with another of them.
    pub siblings: Vec<usize>,
}

impl Affinity {
    /// Binds to `cores` processors, on cores of their own as far as there are.
    ///
    /// # Errors
    /// What the system says.
    pub fn enter(cores: usize) -> Result<Self, String> {
        let before = sched_getaffinity(None).map_err(|e| format!("sched_getaffinity: {e}"))?;
        let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|at| before.is_set(*at)).collect();
        let (processors, siblings) = choose(&allowed, cores, siblings_of);
        let mut set = CpuSet::new();
        processors.iter().for_each(|&at| set.set(at));
        sched_setaffinity(None, &set).map_err(|e| format!("sched_setaffinity: {e}"))?;
        Ok(Self { before, wanted: cores, processors, siblings })
    }

    /// Whether this is what was wanted.
    pub fn limit(&self) -> EnforcedLimit {
        let got = self.processors.len();
        if got < self.wanted {
            return refused(format!(
                "{} processors are wanted, {got} may be used: workers share them",
                self.wanted
            ));
        }
        enforced(if self.siblings.is_empty() {
            "affinity".to_owned()
        } else {
            format!("affinity; {} of the processors share cores", self.siblings.len())
        })
    }
}

impl Drop for Affinity {
    fn drop(&mut self) {
        // What cannot be undone ends with the process.
        let _ = sched_setaffinity(None, &self.before);
    }
}

/// Processors to use, cores of their own first, and which of them share a core.
fn choose(
    allowed: &[usize],
    cores: usize,
    siblings_of: impl Fn(usize) -> Vec<usize>,
) -> (Vec<usize>, Vec<usize>) {
    let mut chosen: Vec<usize> = Vec::new();
    for alone in [true, false] {
        for &at in allowed {
            let shares = siblings_of(at).iter().any(|other| chosen.contains(other));
            if chosen.len() < cores && !chosen.contains(&at) && !(alone && shares) {
                chosen.push(at);
            }
        }
    }
    chosen.sort_unstable();
    let shares = |at: &usize| siblings_of(*at).iter().any(|o| o != at && chosen.contains(o));
    let siblings = chosen.iter().copied().filter(shares).collect();
    (chosen, siblings)
}

/// Hyper-threads of the core of processor `at`, itself included.
fn siblings_of(at: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{at}/topology/thread_siblings_list");
    std::fs::read_to_string(path).map_or_else(|_| vec![at], |text| list(&text))
}

/// `0-3,8` as numbers.
fn list(text: &str) -> Vec<usize> {
    let ranges = text.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse::<usize>().ok()?..=last.parse().ok()?)
    });
    ranges.flatten().collect()
}

/// A limit to private memory of the process; the one before again when dropped.
#[derive(Debug)]
pub struct Memory(Rlimit);

impl Memory {
    /// Sets the limit.
    ///
    /// # Errors
    /// What the system says.
    pub fn enter(bytes: u64) -> Result<Self, String> {
        let before = getrlimit(Resource::Data);
        if before.maximum.is_some_and(|most| most < bytes) {
            return Err("the process may not have so much memory at all (RLIMIT_DATA)".to_owned());
        }
        let wanted = Rlimit { current: Some(bytes), maximum: before.maximum };
        setrlimit(Resource::Data, wanted).map_err(|e| format!("setrlimit: {e}"))?;
        Ok(Self(before))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let before = Rlimit { current: self.0.current, maximum: self.0.maximum };
        // What cannot be undone ends with the process.
        let _ = setrlimit(Resource::Data, before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_of_their_own_go_first() {
        // Processors 0 and 1 share a core, 2 and 3 another.
        let pairs = |at: usize| vec![at / 2 * 2, at / 2 * 2 + 1];
        assert_eq!(choose(&[0, 1, 2, 3], 2, pairs), (vec![0, 2], vec![]));
        assert_eq!(choose(&[0, 1, 2, 3], 3, pairs), (vec![0, 1, 2], vec![0, 1]));
        assert_eq!(choose(&[1], 2, pairs), (vec![1], vec![]));
    }

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(list("0-2,8\n"), [0, 1, 2, 8]);
        assert_eq!(list("5"), [5]);
        assert_eq!(list(""), Vec::<usize>::new());
    }
}
