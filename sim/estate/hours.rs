//! How a working day and a week are shaped: what the planner gives clients to do by, and what
//! rates that were seen in some hours are put in relation to.

use std::ops::Range;

/// Weights of the hours of a working day for interactive work, the busiest being 1. Assumed:
/// shaped on the ramp from 05:30, the peak of 08:00 to 09:15 and the decline from 17:00 to 19:00
/// in Microsoft's Capacity planning for Active Directory Domain Services, with a lunch dip.
pub const HOUR_WEIGHTS: [f64; 24] = [
    0.04, 0.03, 0.03, 0.04, 0.04, 0.07, 0.18, 0.55, 1.00, 0.95, 0.88, 0.82, 0.62, 0.75, 0.80, 0.76,
    0.62, 0.36, 0.18, 0.11, 0.08, 0.07, 0.06, 0.05,
];

/// Working hours, local: rates "per hour in use" are means over them.
pub const WORKING_HOURS: Range<usize> = 8..17;

/// Weights of the days of a week, Monday first, Monday being 1. Assumed, after EvidenceForge.
pub const DAY_WEIGHTS: [f64; 7] = [1.0, 0.913, 0.913, 0.87, 0.739, 0.07, 0.043];
