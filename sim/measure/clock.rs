//! Clocks: elapsed time, and processor time of one thread.

use std::time::Instant;

/// Calls by which the cost of reading the clock is found.
const CALIBRATION_CALLS: u32 = 2_000;

/// Processor time of the calling thread in nanoseconds (POSIX `CLOCK_THREAD_CPUTIME_ID`); `None`
/// where the system has no such clock.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is no such clock")]
pub fn thread_cpu_ns() -> Option<i64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec))
}

/// See above.
#[cfg(not(unix))]
pub fn thread_cpu_ns() -> Option<i64> {
    None
}

/// Nanoseconds since `start`.
#[expect(clippy::cast_precision_loss, reason = "2^53 ns are a hundred days")]
pub fn elapsed_ns(start: Instant) -> f64 {
    let elapsed = start.elapsed();
    // Not by way of 128 bits, whose conversion takes as long as reading the clock.
    elapsed.as_secs() as f64 * 1e9 + f64::from(elapsed.subsec_nanos())
}

/// What one reading of [`Instant::now`] costs, in nanoseconds: the least of several means.
pub fn reading_ns() -> f64 {
    let mean = |_| {
        let start = Instant::now();
        for _ in 0..CALIBRATION_CALLS {
            std::hint::black_box(Instant::now());
        }
        elapsed_ns(start) / f64::from(CALIBRATION_CALLS)
    };
    (0..5).map(mean).fold(f64::INFINITY, f64::min)
}
