//! Control groups, version 2 or 1 (cgroups(7)): a group of its own for this process, left and
//! removed at the end.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Wish, enforced, refused};
use crate::record::EnforcedLimit;

/// Where control groups are.
const ROOT: &str = "/sys/fs/cgroup";
/// Period of a quota in microseconds: the system's own.
const PERIOD_US: f64 = 100_000.0;

/// Groups that this process is in until this is dropped.
#[derive(Debug)]
pub struct Group {
    /// Each with the one it lies in, to which the process goes back.
    made: Vec<(PathBuf, PathBuf)>,
    /// Of the memory.
    pub memory: EnforcedLimit,
    /// Of the processor time.
    pub quota: EnforcedLimit,
}

/// Makes groups and enters them.
///
/// # Errors
/// Why that is not permitted.
pub fn enter(wish: &Wish) -> Result<Option<Group>, String> {
    let own = fs::read_to_string("/proc/self/cgroup")
        .map_err(|e| format!("control groups: /proc/self/cgroup: {e}"))?;
    enter_below(Path::new(ROOT), &own, wish).map(Some)
}

/// Where the group of this process says how often it was throttled.
pub fn cpu_stat() -> Option<PathBuf> {
    cpu_stat_below(Path::new(ROOT), &fs::read_to_string("/proc/self/cgroup").ok()?)
}

fn cpu_stat_below(root: &Path, own: &str) -> Option<PathBuf> {
    let of_version_1 = path_of(own, "cpu").map(|inside| root.join("cpu").join(inside));
    let place = of_version_1.or_else(|| path_of(own, "").map(|inside| root.join(inside)))?;
    Some(place.join("cpu.stat"))
}

fn enter_below(root: &Path, own: &str, wish: &Wish) -> Result<Group, String> {
    let mut group = Group {
        made: Vec::new(),
        memory: refused("no control group"),
        quota: refused("none was asked for"),
    };
    if root.join("cgroup.controllers").exists() {
        version_2(root, own, wish, &mut group)?;
    } else {
        version_1(root, own, wish, &mut group)?;
    }
    Ok(group)
}

fn version_2(root: &Path, own: &str, wish: &Wish, group: &mut Group) -> Result<(), String> {
    let parent = root.join(path_of(own, "").unwrap_or_default());
    let place = group.make(parent)?;
    write(&place.join("memory.max"), &wish.memory_bytes.to_string())?;
    if let Some(cores) = wish.quota_cores {
        let value = format!("{:.0} {PERIOD_US}", cores * PERIOD_US);
        write(&place.join("cpu.max"), &value)?;
        group.quota = enforced(format!("control group, cpu.max {value}"));
    }
    group.join(&place)?;
    group.memory = enforced("control group, memory.max");
    Ok(())
}

fn version_1(root: &Path, own: &str, wish: &Wish, group: &mut Group) -> Result<(), String> {
    if let Some(cores) = wish.quota_cores {
        let inside = path_of(own, "cpu").ok_or("control groups: no controller for cpu")?;
        let place = group.make(root.join("cpu").join(inside))?;
        write(&place.join("cpu.cfs_period_us"), &format!("{PERIOD_US}"))?;
        write(&place.join("cpu.cfs_quota_us"), &format!("{:.0}", cores * PERIOD_US))?;
        group.join(&place)?;
        group.quota = enforced("control group (version 1), cpu.cfs_quota_us");
    }
    let inside = path_of(own, "memory").ok_or("control groups: no controller for memory")?;
    let place = group.make(root.join("memory").join(inside))?;
    write(&place.join("memory.limit_in_bytes"), &wish.memory_bytes.to_string())?;
    group.join(&place)?;
    group.memory = enforced("control group (version 1), memory.limit_in_bytes");
    Ok(())
}

/// The group of this process for `controller`, below the root; `own` is proc_pid_cgroup(5).
fn path_of<'a>(own: &'a str, controller: &str) -> Option<&'a str> {
    own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let names = fields.next()?;
        let path = fields.next()?;
        names.split(',').any(|name| name == controller).then(|| path.trim_start_matches('/'))
    })
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|e| format!("control groups: {}: {e}", path.display()))
}

impl Group {
    fn make(&mut self, parent: PathBuf) -> Result<PathBuf, String> {
        let place = parent.join(format!("headroom-{}", std::process::id()));
        fs::create_dir(&place).map_err(|e| format!("control groups: {}: {e}", place.display()))?;
        self.made.push((place.clone(), parent));
        Ok(place)
    }

    /// Moves this process into `place`.
    fn join(&self, place: &Path) -> Result<(), String> {
        write(&place.join("cgroup.procs"), &std::process::id().to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (place, parent) in self.made.iter().rev() {
            // What cannot be undone is an empty group without effect.
            let _ = fs::write(parent.join("cgroup.procs"), std::process::id().to_string());
            let _ = fs::remove_dir(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WISH: Wish =
        Wish { cores: 2, memory_bytes: 6_000, quota_cores: Some(1.5), may_make_groups: true };

    fn read(path: PathBuf) -> String {
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    #[test]
    fn version_2_has_both_limits_in_one_group() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpu memory").unwrap();
        let group = enter_below(root.path(), "0::/a/b\n", &WISH).unwrap();
        let place = below.join(format!("headroom-{}", std::process::id()));
        assert_eq!(read(place.join("memory.max")), "6000");
        assert_eq!(read(place.join("cpu.max")), "150000 100000");
        assert_eq!(read(place.join("cgroup.procs")), std::process::id().to_string());
        assert!(group.memory.is_enforced && group.quota.is_enforced);
        drop(group);
        assert_eq!(read(below.join("cgroup.procs")), std::process::id().to_string());
    }

    #[test]
    fn version_1_has_a_group_for_each_controller() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["cpu", "memory/m"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let own = "4:memory:/m\n3:cpu,cpuacct:/\n";
        let group = enter_below(root.path(), own, &WISH).unwrap();
        let name = format!("headroom-{}", std::process::id());
        let of = |folder: &str, file: &str| read(root.path().join(folder).join(&name).join(file));
        assert_eq!(of("cpu", "cpu.cfs_quota_us"), "150000");
        assert_eq!(of("memory/m", "memory.limit_in_bytes"), "6000");
        assert!(group.memory.is_enforced && group.quota.is_enforced);
    }

    #[test]
    fn throttling_is_told_by_the_own_group() {
        let of = |own| cpu_stat_below(Path::new("r"), own);
        assert_eq!(of("0::/a/b\n"), Some("r/a/b/cpu.stat".into()));
        assert_eq!(of("4:memory:/m\n3:cpu,cpuacct:/c\n0::/\n"), Some("r/cpu/c/cpu.stat".into()));
        assert_eq!(of("4:memory:/m\n"), None);
    }

    #[test]
    fn what_is_not_permitted_says_what_failed() {
        let root = tempfile::tempdir().unwrap();
        let error = enter_below(root.path(), "4:memory:/m\n3:cpu:/\n", &WISH).unwrap_err();
        assert!(error.starts_with("control groups: ") && error.contains("headroom-"), "{error}");
    }
}
