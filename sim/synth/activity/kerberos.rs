//! Kerberos.

use crate::synth::Stage;

/// A computer or person gets a ticket-granting ticket, or fails; argument: 0 the computer, 1 the person.
pub fn logon(_stage: &mut Stage<'_>) {}

/// A run of service tickets; argument: how many.
pub fn tickets(_stage: &mut Stage<'_>) {}

/// A ticket-granting ticket is renewed.
pub fn renewal(_stage: &mut Stage<'_>) {}

/// A person changes the password over kpasswd.
pub fn password(_stage: &mut Stage<'_>) {}
