//! RADIUS, remote desktop, the sensor's own questions.

mod accounting;
mod desktop;
mod probe;
mod tls;

use crate::synth::Stage;

/// A VPN session begins: RADIUS accounting.
pub fn start(stage: &mut Stage<'_>) {
    accounting::account(stage, accounting::Status::Start);
}

/// A VPN session goes on; argument: seconds since it began.
pub fn interim(stage: &mut Stage<'_>) {
    accounting::account(stage, accounting::Status::Interim);
}

/// A VPN session ends; argument: seconds since it began.
pub fn stop(stage: &mut Stage<'_>) {
    accounting::account(stage, accounting::Status::Stop);
}

/// Somebody begins a remote desktop session.
pub fn rdp(stage: &mut Stage<'_>) {
    desktop::attempt(stage);
}

/// The sensor asks this client's address for its name.
pub fn probe(stage: &mut Stage<'_>) {
    probe::probe(stage);
}
