//! A burst model from the peaks of a capture.
//!
//! The highest of `n` windows of a lognormal rate lies about `exp(sigma z - sigma² / 2)` above the
//! mean, where `z = sqrt(2 ln n)`; that gives the deviation of window means, of which Poisson noise
//! is taken off. What a window of 10 ms has more of it than one of 100 ms, is a scale between the
//! two. A rough estimate: one peak each is all that a record keeps.

use super::{BurstModel, SIGMA_MAX, Scale};
use crate::record::Peak;

/// Deviation of a scale below which it is left out.
const SIGMA_MIN: f64 = 0.02;
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
            let ratio = peak.packets_per_second / mean_packets_per_second;
            let expected = mean_packets_per_second * seconds;
            windows.push((seconds, variance(ratio, expected, duration_seconds / seconds)));
        }
    }
    if windows.len() < 2 {
        return Err(PeaksError::TooFew);
    }
    // From the longest window down: what a shorter one has more lies between the two.
    let mut scales = Vec::new();
    let mut longer: Option<(f64, f64)> = None;
    for (seconds, variance) in windows.into_iter().rev() {
        let (tau_seconds, below) = match longer {
            Some((longer, below)) => (libm::sqrt(seconds * longer), below),
            None => (3.0 * seconds, 0.0),
        };
        let sigma = libm::sqrt((variance - below).max(0.0)).min(SIGMA_MAX);
        if sigma >= SIGMA_MIN {
            scales.push(Scale { sigma, tau_seconds });
        }
        longer = Some((seconds, variance.max(below)));
    }
    Ok(BurstModel { scales })
}

/// Variance of the logarithm of the rate that a peak of `ratio` over `windows` windows shows, each
/// of which expects `packets`.
fn variance(ratio: f64, packets: f64, windows: f64) -> f64 {
    let z = libm::sqrt(2.0 * libm::log(windows));
    let log = libm::log(ratio.max(1.0));
    let sigma = z - libm::sqrt((z * z - 2.0 * log).max(0.0));
    // Var(count) / mean² = cv² + 1 / packets.
    let relative = libm::exp(sigma * sigma) - 1.0 - 1.0 / packets;
    libm::log(1.0 + relative.max(0.0))
}
