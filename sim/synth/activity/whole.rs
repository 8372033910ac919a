//! What people and computers do as a whole: made of other activities.

use crate::synth::Stage;

/// A computer starts.
pub fn boot(_stage: &mut Stage<'_>) {}

/// A person logs on.
pub fn logon(_stage: &mut Stage<'_>) {}

/// A person unlocks the screen.
pub fn unlock(_stage: &mut Stage<'_>) {}

/// Group policy is refreshed; argument: 0 the computer's, 1 the person's.
pub fn gpo(_stage: &mut Stage<'_>) {}

/// A person on an Entra-joined device uses a resource of the domain.
pub fn cloud(_stage: &mut Stage<'_>) {}

/// A new device enrols with Autopilot.
pub fn enrol(stage: &mut Stage<'_>) {
    super::dns::enrolment(stage);
}

/// A device joins the domain and Entra ID.
pub fn hybrid(_stage: &mut Stage<'_>) {}
