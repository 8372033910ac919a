//! Facts of netbios.

use headroom::proto::{Context, Message, Tally};
use serde_json::Value;

use super::{Explained, Facts};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[];

/// Our facts of one message.
pub fn collect(_context: &Context, _message: &Message<'_>, _tally: &Tally, _facts: &mut Facts) {}

/// tshark's facts of one capture.
pub fn expect(_truth: &Value, _facts: &mut Facts) {}
