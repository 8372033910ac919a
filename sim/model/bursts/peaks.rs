//! A burst model from the peaks of a capture.
//!
//! The highest of `n` independent values of a lognormal rate lies about `exp(sigma z - sigma² / 2)`
//! above the mean, where `z` is the expected highest of `n` standard normal values. That gives the
//! deviation of window means, of which Poisson noise is taken off. Scales lie between two windows
//! each; their variances are those nearest to what the windows show, where the mean over a window
//! keeps less of a scale the shorter that is. As long as a scale lasts windows are not
//! independent: `n` is how many times it fits into the duration. A rough estimate: one peak each
//! is all that a record keeps.

use super::{BurstModel, SIGMA_MAX, Scale};
use crate::record::Peak;

/// Deviation of a scale below which it is left out.
const SIGMA_MIN: f64 = 0.02;
/// Rounds of fitting one scale after the other.
const ROUNDS: u32 = 200;
/// Longest window that is used: longer ones are what counters show.
const WINDOW_MS_MAX: u64 = 5_000;

/// Why there is no model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeaksError {
    /// Too little to see.
    #[error(
        "estimate bursts from peaks: give at least two window lengths from 1 ms to 5 s, a mean rate and a duration above zero"
    )]
    TooFew,
}

/// The model behind `peaks` of traffic of this mean rate and duration.
///
/// # Errors
///
/// [`PeaksError::TooFew`] where there are fewer than two windows, or no traffic.
pub fn from_peaks(
    peaks: &[Peak],
    mean_packets_per_second: f64,
    duration_seconds: f64,
) -> Result<BurstModel, PeaksError> {
    let positive = |value: f64| value.is_finite() && value > 0.0;
    let mut windows: Vec<(f64, f64)> = Vec::new();
    let mut sorted: Vec<&Peak> = peaks
        .iter()
        .filter(|peak| (1..=WINDOW_MS_MAX).contains(&peak.window_ms))
        .filter(|peak| positive(peak.packets_per_second))
        .collect();
    sorted.sort_by_key(|peak| peak.window_ms);
    if !positive(mean_packets_per_second) || !positive(duration_seconds) {
        return Err(PeaksError::TooFew);
    }
    for peak in sorted {
        let seconds = peak.window_ms as f64 / 1e3;
        if duration_seconds >= 10.0 * seconds {
            windows.push((seconds, peak.packets_per_second / mean_packets_per_second));
        }
    }
    if windows.len() < 2 {
        return Err(PeaksError::TooFew);
    }
    windows.reverse();
    Ok(BurstModel { scales: scales(&windows, mean_packets_per_second, duration_seconds) })
}

/// Scales of windows in seconds with their peaks, the longest first: one above the longest, and
/// one between each two.
fn scales(windows: &[(f64, f64)], mean: f64, duration_seconds: f64) -> Vec<Scale> {
    let longest = windows.first().map_or(1.0, |(seconds, _)| *seconds);
    let longer = std::iter::once(9.0 * longest).chain(windows.iter().map(|(seconds, _)| *seconds));
    let taus: Vec<f64> =
        windows.iter().zip(longer).map(|((seconds, _), l)| libm::sqrt(seconds * l)).collect();
    let seen = windows.iter().zip(&taus).map(|((seconds, ratio), tau)| {
        (*seconds, variance(*ratio, mean * seconds, duration_seconds / tau))
    });
    let seen: Vec<(f64, f64)> = seen.collect();
    let (_, of_longest) = seen.first().copied().unwrap_or_default();
    // What the longest window shows is taken off first: samples show it too.
    let below: Vec<(f64, f64)> =
        seen.iter().skip(1).map(|(seconds, all)| (*seconds, (all - of_longest).max(0.0))).collect();
    let taus_below = taus.get(1..).unwrap_or_default();
    let mut found = least_squares(&below, taus_below, longest);
    let of_others = found.iter().zip(taus_below).map(|(of, tau)| of * kept(longest / tau));
    let top = (of_longest - of_others.sum::<f64>()).max(0.0) / kept(1.0 / 3.0);
    found.insert(0, top);
    let scale = |(of, tau): (&f64, &f64)| Scale {
        sigma: libm::sqrt(*of).min(SIGMA_MAX),
        tau_seconds: *tau,
    };
    found.iter().zip(&taus).map(scale).filter(|scale| scale.sigma >= SIGMA_MIN).collect()
}

/// Variances of scales, none below zero, that come nearest to what windows of so many seconds show
/// beyond the longest one.
fn least_squares(below: &[(f64, f64)], taus: &[f64], longest: f64) -> Vec<f64> {
    let part = |seconds: f64, tau: f64| kept(seconds / tau) - kept(longest / tau);
    let mut found = vec![0.0; taus.len()];
    for _ in 0..ROUNDS {
        for at in 0..taus.len() {
            let Some(tau) = taus.get(at) else { continue };
            let (mut upper, mut lower) = (0.0, 0.0);
            for (seconds, all) in below {
                let others = found.iter().zip(taus).enumerate().filter(|(other, _)| *other != at);
                let others: f64 = others.map(|(_, (of, tau))| of * part(*seconds, *tau)).sum();
                upper += part(*seconds, *tau) * (all - others);
                lower += part(*seconds, *tau) * part(*seconds, *tau);
            }
            if let Some(of) = found.get_mut(at) {
                *of = (upper / lower.max(f64::MIN_POSITIVE)).max(0.0);
            }
        }
    }
    found
}

/// Share of its variance that a process which forgets exponentially keeps in the mean over a
/// window of so many times its own time.
fn kept(times: f64) -> f64 {
    2.0 * (times - 1.0 + libm::exp(-times)) / (times * times)
}

/// Variance of the logarithm of the rate that a peak of `ratio` among `count` independent windows
/// shows, each of which expects `packets`.
fn variance(ratio: f64, packets: f64, count: f64) -> f64 {
    let z = highest_normal(count);
    let log = libm::log(ratio.max(1.0));
    let sigma = z - libm::sqrt((z * z - 2.0 * log).max(0.0));
    // Var(count) / mean² = cv² + 1 / packets.
    let relative = libm::exp(sigma * sigma) - 1.0 - 1.0 / packets;
    libm::log(1.0 + relative.max(0.0))
}

/// What the highest of `count` standard normal values is expected to be: the mean of the limit
/// distribution (Gumbel), 0.1 too high at ten values and less beyond.
fn highest_normal(count: f64) -> f64 {
    /// Euler's constant, the mean of the Gumbel distribution.
    const EULER: f64 = 0.577_215_664_901_532_9;
    let log = libm::log(count.max(2.0));
    let first = libm::sqrt(2.0 * log);
    let second = libm::log(log) + libm::log(4.0 * std::f64::consts::PI);
    first - second / (2.0 * first) + EULER / first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_of_normal_values_is_that_of_the_tables() {
        // Expected maxima of 10, 100 and 1,000 standard normal values (Harter 1961).
        for (count, expected) in [(10.0, 1.538_75), (100.0, 2.507_59), (1_000.0, 3.241_44)] {
            let found = highest_normal(count);
            assert!((found - expected).abs() < 0.11, "{count}: {found}");
        }
    }
}
