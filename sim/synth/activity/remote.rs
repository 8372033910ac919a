//! RADIUS, remote desktop, the sensor's own questions.

use crate::synth::Stage;

/// A VPN session begins: RADIUS accounting.
pub fn start(_stage: &mut Stage<'_>) {}

/// A VPN session goes on.
pub fn interim(_stage: &mut Stage<'_>) {}

/// A VPN session ends.
pub fn stop(_stage: &mut Stage<'_>) {}

/// Somebody begins a remote desktop session.
pub fn rdp(_stage: &mut Stage<'_>) {}

/// The sensor asks this client's address for its name.
pub fn probe(_stage: &mut Stage<'_>) {}
