//! SMB: policies, files, print, pipes.

pub(super) mod tokens;

use crate::synth::Stage;

/// A session with Kerberos: IPC$, referral, pipe; argument: calls on the pipe.
pub fn session(_stage: &mut Stage<'_>) {}

/// Policies are read from SYSVOL; argument: policies.
pub fn sysvol(_stage: &mut Stage<'_>) {}

/// Files are read and written.
pub fn files(_stage: &mut Stage<'_>) {}

/// The spooler is asked.
pub fn print(_stage: &mut Stage<'_>) {}

/// Somebody lists the sessions of the server.
pub fn sessions(_stage: &mut Stage<'_>) {}

/// A session with NTLM, now and then refused.
pub fn ntlm(_stage: &mut Stage<'_>) {}
