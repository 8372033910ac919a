//! Operations per activity: what one item of the plan, or one unit of its argument, puts on the
//! wire when it is rendered. Rates are given in operations, items are planned; this is the table
//! between them, to be kept in step with the renderers.

use crate::estate::{Knob, Parameters};
use crate::synth::Activity;

/// What one item, or one unit of its argument, makes of the operations that are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operations {
    /// Of those that the activity's parameter counts.
    pub counted: f64,
    /// Of all that the reference mix lists, DNS left out: requests of clients.
    pub listed: f64,
    /// Of these, sent because no answer came: 0.74 to 2 s after the one before, not at once.
    pub retried: f64,
}

/// What an activity makes that the table does not name.
const ONE: Operations = Operations { counted: 1.0, listed: 1.0, retried: 0.0 };

/// The table. What is listed: queries of DNS and NBNS, AS and TGS requests, LDAP binds, unbinds
/// and clear searches, calls of Netlogon, LSA, SAM-R and DRSUAPI other than those that open
/// connections and secure channels.
const TABLE: [(Activity, Operations); 8] = [
    // A search of the root in the clear, bind and unbind; the parameter counts connections.
    (Activity::LdapConnection, Operations { counted: 1.0, listed: 3.0, retried: 0.0 }),
    // Bind and unbind; two binds.
    (Activity::LdapBind, Operations { counted: 1.0, listed: 2.0, retried: 0.0 }),
    (Activity::LdapSimpleBind, Operations { counted: 2.0, listed: 3.0, retried: 0.0 }),
    (Activity::LdapSimple, Operations { counted: 1.0, listed: 3.0, retried: 0.0 }),
    (Activity::LdapNtlm, Operations { counted: 1.0, listed: 3.0, retried: 0.0 }),
    // DsBind, DsCrackNames, on a third of the connections twice, DsUnbind.
    (Activity::CrackNames, Operations { counted: 1.0, listed: 3.4, retried: 0.0 }),
    (Activity::WriteSpn, Operations { counted: 1.0, listed: 3.0, retried: 0.0 }),
    // From Connect5 to the last CloseHandle; not every chain looks at an account.
    (Activity::SamrChain, Operations { counted: 1.0, listed: 12.5, retried: 0.0 }),
];

/// Queries of NBNS that follow one without an answer: Windows' `NameSrvQueryCount` is 3.
const NBNS_RETRIES: f64 = 2.0;

/// What `activity` makes.
pub fn of(activity: Activity, parameters: &Parameters) -> Operations {
    if activity == Activity::NbnsQuery {
        let retried = NBNS_RETRIES * parameters.get(Knob::NbnsUnansweredShare);
        return Operations { counted: 1.0 + retried, listed: 1.0 + retried, retried };
    }
    let row = TABLE.iter().find(|(known, _)| *known == activity);
    row.map_or(ONE, |(_, operations)| *operations)
}
