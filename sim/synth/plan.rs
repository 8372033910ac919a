//! What is planned: who does what, when.

use super::Activity;
use crate::base::Timestamp;

/// One line of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// When it begins.
    pub time: Timestamp,
    /// Who does it: index into [`Cast::clients`](super::Cast::clients).
    pub client: u32,
    /// What.
    pub activity: Activity,
    /// How much or which, where the activity says so; else 0.
    pub argument: u32,
    /// Seed of everything else that is drawn for it.
    pub variation: u64,
}
