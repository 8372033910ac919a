//! CLDAP, NetBIOS, time and addresses.

use crate::synth::Stage;

/// A client asks a domain controller over CLDAP what it is.
pub fn ping(_stage: &mut Stage<'_>) {}

/// A client asks its NetBIOS name server for a name.
pub fn nbns_query(_stage: &mut Stage<'_>) {}

/// A client registers its NetBIOS names.
pub fn nbns_register(_stage: &mut Stage<'_>) {}

/// A client asks everybody for a NetBIOS name, three times.
pub fn nbns_broadcast(_stage: &mut Stage<'_>) {}

/// A client announces itself to the browser service.
pub fn browser(_stage: &mut Stage<'_>) {}

/// A client asks for the time, as MS-SNTP does.
pub fn time(_stage: &mut Stage<'_>) {}

/// A client gets an address.
pub fn lease(_stage: &mut Stage<'_>) {}

/// A client keeps its address.
pub fn renew(_stage: &mut Stage<'_>) {}
