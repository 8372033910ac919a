//! What the whole process took: time, processor time, memory.

use std::time::Instant;

use crate::record::RunFigures;

/// Runs from its making. Processor time is counted from the start of the process.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts.
    #[expect(clippy::new_without_default, reason = "a default that reads the clock would surprise")]
    pub fn new() -> Self {
        Self(Instant::now())
    }

    /// The figures of the process so far, for `frames` frames read by `threads` workers.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn figures(&self, frames: u64, threads: usize) -> RunFigures {
        let wall_seconds = self.0.elapsed().as_secs_f64();
        let cpu_seconds = cpu_seconds();
        let frames = frames as f64;
        RunFigures {
            threads,
            wall_seconds,
            cpu_seconds,
            peak_memory_bytes: peak_memory_bytes(),
            packets_per_second: frames / wall_seconds.max(f64::MIN_POSITIVE),
            packets_per_cpu_second: cpu_seconds.filter(|&cpu| cpu > 0.0).map(|cpu| frames / cpu),
            cpu_ns_per_packet: cpu_seconds.filter(|_| frames > 0.0).map(|cpu| cpu * 1e9 / frames),
        }
    }
}

/// User and system time of all threads (POSIX `CLOCK_PROCESS_CPUTIME_ID`).
#[cfg(unix)]
#[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds stay far below 2^53")]
pub fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// See above.
#[cfg(not(unix))]
pub fn cpu_seconds() -> Option<f64> {
    None
}

/// `VmHWM` of proc_pid_status(5).
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_agree_with_each_other() {
        let figures = Stopwatch::new().figures(1_000, 3);
        assert_eq!(figures.threads, 3);
        assert!(figures.wall_seconds >= 0.0 && figures.packets_per_second > 0.0);
        if cfg!(target_os = "linux") {
            let (cpu, ns) = (figures.cpu_seconds.unwrap(), figures.cpu_ns_per_packet.unwrap());
            assert!((cpu * 1e6 - ns).abs() < 1e-3);
            assert!(figures.peak_memory_bytes.unwrap() > 100_000);
        }
    }
}
