//! Remote procedure calls.

use crate::synth::Stage;

/// A client asks the endpoint mapper for a port.
pub fn map(_stage: &mut Stage<'_>) {}

/// A computer sets up its secure channel.
pub fn channel(_stage: &mut Stage<'_>) {}

/// A server has an NTLM logon validated over its secure channel.
pub fn validation(_stage: &mut Stage<'_>) {}

/// A computer changes its password.
pub fn machine_password(_stage: &mut Stage<'_>) {}

/// Names to security identifiers or back; argument: how many calls.
pub fn lsa(_stage: &mut Stage<'_>) {}

/// A trust is asked for.
pub fn trust(_stage: &mut Stage<'_>) {}

/// An account is looked up through SAM-R.
pub fn samr(_stage: &mut Stage<'_>) {}

/// DsBind, DsCrackNames, DsUnbind.
pub fn crack(_stage: &mut Stage<'_>) {}

/// A computer writes its service principal names.
pub fn spn(_stage: &mut Stage<'_>) {}

/// Another domain controller replicates from this one, or this one from it.
pub fn replicate(_stage: &mut Stage<'_>) {}
