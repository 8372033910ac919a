//! Kerberos.

use crate::synth::Stage;
use crate::synth::tickets::{Proof, Service, Who};

/// A computer or person gets a ticket-granting ticket, or fails; argument: 0 the computer, 1 the person.
pub fn logon(stage: &mut Stage<'_>) {
    let who = if stage.item.argument == 0 { Who::Computer } else { Who::Person };
    stage.log_on(who, Service::Krbtgt, Proof::Timestamp);
}

/// A run of service tickets; argument: how many.
pub fn tickets(stage: &mut Stage<'_>) {
    for service in [Service::Cifs, Service::Ldap] {
        stage.ticket(Who::Person, service);
    }
}

/// A ticket-granting ticket is renewed.
pub fn renewal(_stage: &mut Stage<'_>) {}

/// A person changes the password over kpasswd.
pub fn password(_stage: &mut Stage<'_>) {}
