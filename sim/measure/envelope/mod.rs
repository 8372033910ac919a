//! The limits the core works inside: cores, memory, quota. What cannot be enforced is said, with
//! the reason, and nothing pretends.
//!
//! By default nothing outside this process is touched: affinity for the cores, a resource limit
//! for the memory. Control groups hold memory more exactly and are the only way to a quota, but
//! they are the system's and need privileges: only on request.

pub mod group;
#[cfg(target_os = "linux")]
mod linux;

use crate::record::{EnforcedLimit, Envelope, Machine};

use super::disturbance::Ticks;

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Cores, one worker each.
    pub cores: usize,
    /// Memory of the whole process in bytes.
    pub memory_bytes: u64,
    /// Cores of quota.
    pub quota_cores: Option<f64>,
    /// Control groups may be made.
    pub may_make_groups: bool,
}

/// Limits in force until this is dropped.
#[derive(Debug)]
pub struct Held {
    /// What is enforced and what not.
    pub envelope: Envelope,
    #[cfg(target_os = "linux")]
    _affinity: Option<linux::Affinity>,
    #[cfg(target_os = "linux")]
    _memory: Option<linux::Memory>,
    _group: Option<group::Group>,
}

fn refused(how: impl Into<String>) -> EnforcedLimit {
    EnforcedLimit { is_enforced: false, how: how.into() }
}

fn enforced(how: impl Into<String>) -> EnforcedLimit {
    EnforcedLimit { is_enforced: true, how: how.into() }
}

/// Sets the limits, as far as the system permits. Threads that start later inherit them.
pub fn enter(wish: &Wish) -> Held {
    let mut envelope = Envelope {
        cores: wish.cores,
        memory_bytes: wish.memory_bytes,
        quota_cores: wish.quota_cores,
        quota: refused("none was asked for"),
        ..Envelope::default()
    };
    let group = wish.may_make_groups.then(|| group::enter(wish)).transpose();
    let (group, why_no_group) = match group {
        Ok(group) => (group.flatten(), None),
        Err(why) => (None, Some(why)),
    };
    if let Some(group) = &group {
        envelope.memory = group.memory.clone();
        envelope.quota = group.quota.clone();
    } else if let Some(why) = &why_no_group {
        envelope.quota = refused(why.clone());
    } else if wish.quota_cores.is_some() {
        envelope.quota = refused("control groups were not asked for");
    }
    finish(wish, envelope, group, why_no_group)
}

#[cfg(target_os = "linux")]
fn finish(
    wish: &Wish,
    mut envelope: Envelope,
    group: Option<group::Group>,
    why_no_group: Option<String>,
) -> Held {
    let affinity = match linux::Affinity::enter(wish.cores) {
        Ok(affinity) => {
            envelope.processors.clone_from(&affinity.processors);
            envelope.siblings.clone_from(&affinity.siblings);
            envelope.affinity = affinity.limit();
            Some(affinity)
        }
        Err(why) => {
            envelope.affinity = refused(why);
            None
        }
    };
    let mut memory = None;
    if !envelope.memory.is_enforced {
        let why = why_no_group.map_or_else(String::new, |why| format!("; {why}"));
        match linux::Memory::enter(wish.memory_bytes) {
            Ok(held) => {
                envelope.memory =
                    enforced(format!("RLIMIT_DATA: private memory of the process{why}"));
                memory = Some(held);
            }
            Err(reason) => envelope.memory = refused(format!("{reason}{why}")),
        }
    }
    Held { envelope, _affinity: affinity, _memory: memory, _group: group }
}

#[cfg(not(target_os = "linux"))]
fn finish(
    _: &Wish,
    mut envelope: Envelope,
    group: Option<group::Group>,
    _: Option<String>,
) -> Held {
    let why = "this operating system has no affinity and memory limit that we know to use";
    envelope.affinity = refused(why);
    envelope.memory = refused(why);
    Held { envelope, _group: group }
}

/// Share of the machine that others may use for it to count as quiet. Ours.
const QUIET_BUSY_SHARE: f64 = 0.05;
/// The same for what the hypervisor gives to others.
const QUIET_STEAL_SHARE: f64 = super::disturbance::STEAL_SHARE_MAX;
/// How long the machine is looked at. Ours: 100 ticks of 10 ms on two processors.
const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// Looks at the machine for half a second in which this process does nothing.
pub fn look_at_machine() -> Machine {
    let before = Ticks::now();
    std::thread::sleep(LOOK);
    let shares = before.zip(Ticks::now()).and_then(|(before, now)| now.shares_since(&before));
    Machine {
        system: system(),
        processor: cpu_field("model name"),
        logical_processors: std::thread::available_parallelism().ok().map(usize::from),
        is_virtual: cpu_field("flags")
            .map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor")),
        busy_share_before: shares.map(|(busy, _)| busy),
        steal_share_before: shares.map(|(_, steal)| steal),
    }
}

/// Whether the machine can be trusted with real time, and how that was decided.
pub fn is_quiet(machine: &Machine) -> (bool, String) {
    match (machine.busy_share_before, machine.steal_share_before) {
        (Some(busy), Some(steal)) => {
            let is_quiet = busy <= QUIET_BUSY_SHARE && steal <= QUIET_STEAL_SHARE;
            let text = format!(
                "in half a second before, others used {:.1} % of the processors (at most {} %) and \
                 the hypervisor took {:.1} % (at most {} %): {}",
                busy * 100.0,
                QUIET_BUSY_SHARE * 100.0,
                steal * 100.0,
                QUIET_STEAL_SHARE * 100.0,
                if is_quiet { "quiet" } else { "not quiet" }
            );
            (is_quiet, text)
        }
        _ => (false, "the system does not say how busy it is".to_owned()),
    }
}

fn system() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease");
    let release = release.map_or_else(|_| String::new(), |text| format!(" {}", text.trim()));
    format!("{} {}{release}", std::env::consts::OS, std::env::consts::ARCH)
}

/// A field of the first processor in proc_cpuinfo(5).
fn cpu_field(name: &str) -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_quiet_only_if_it_says_so() {
        let machine = |busy, steal| Machine {
            busy_share_before: busy,
            steal_share_before: steal,
            ..Machine::default()
        };
        assert!(is_quiet(&machine(Some(0.01), Some(0.0))).0);
        assert!(!is_quiet(&machine(Some(0.2), Some(0.0))).0);
        assert!(!is_quiet(&machine(Some(0.01), Some(0.01))).0);
        let (quiet, why) = is_quiet(&machine(None, None));
        assert!(!quiet && why.contains("does not say"));
    }

    #[test]
    fn limits_that_are_not_enforced_say_why_and_end_with_the_value() {
        let wish = Wish {
            cores: 1,
            memory_bytes: 64 << 30,
            quota_cores: Some(1.0),
            may_make_groups: false,
        };
        let held = enter(&wish);
        let envelope = &held.envelope;
        assert!(!envelope.quota.is_enforced && envelope.quota.how.contains("not asked for"));
        for limit in [&envelope.affinity, &envelope.memory] {
            assert!(!limit.how.is_empty(), "{envelope:?}");
        }
        if envelope.affinity.is_enforced {
            assert_eq!(envelope.processors.len(), 1);
            let parallel = std::thread::available_parallelism().unwrap();
            assert_eq!(usize::from(parallel), 1);
            drop(held);
            let again = enter(&Wish { cores: usize::from(parallel), ..wish });
            assert!(again.envelope.affinity.is_enforced);
        }
    }
}
