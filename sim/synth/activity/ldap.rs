//! LDAP.

use crate::synth::Stage;

/// A connection with a SASL bind and sealed searches; argument: searches.
pub fn connection(_stage: &mut Stage<'_>) {}

/// A connection with a simple bind and a clear search.
pub fn simple(_stage: &mut Stage<'_>) {}

/// A connection that binds with NTLM.
pub fn ntlm(_stage: &mut Stage<'_>) {}

/// A connection inside TLS.
pub fn tls(_stage: &mut Stage<'_>) {}

/// A search of an application on its pooled connection.
pub fn application(_stage: &mut Stage<'_>) {}

/// The schema is read: a very large answer.
pub fn schema(_stage: &mut Stage<'_>) {}

/// A device looks for where to register, and writes its certificate.
pub fn registration(_stage: &mut Stage<'_>) {}

/// The Intune connector creates a computer account.
pub fn connector(_stage: &mut Stage<'_>) {}
