//! Who is told what flows say, and between whom.

use crate::flow::{Address, Entry, Transport};
use crate::proto::{Activity, Context, Hint, Id, Message, Side, Tally};
use crate::wire::WireError;

/// The two ends of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// Address and port of who opened it.
    pub client: (Address, u16),
    /// Address and port of who was spoken to.
    pub server: (Address, u16),
    /// What carries it.
    pub transport: Transport,
}

impl Ends {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { client: entry.client(), server: entry.server(), transport: entry.transport() }
    }

    /// The end on `side`, then the other.
    pub fn seen_from(&self, side: Side) -> [(Address, u16); 2] {
        match side {
            Side::Client => [self.client, self.server],
            Side::Server => [self.server, self.client],
        }
    }
}

/// As [`proto::Observer`](crate::proto::Observer), with the flow that says it. Nobody has to
/// listen to everything.
pub trait Audience {
    /// The packet with this number in its batch is heard next.
    fn packet(&mut self, _number: u32) {}
    /// A message, or a message inside another.
    fn message(&mut self, _ends: &Ends, _context: &Context, _message: &Message<'_>, _tally: Tally) {
    }
    /// Something that somebody did.
    fn activity(&mut self, _ends: &Ends, _activity: &Activity<'_>) {}
    /// Something about who is who.
    fn hint(&mut self, _ends: &Ends, _context: &Context, _hint: Hint<'_>) {}
    /// A message that is not what it should be.
    fn malformed(&mut self, _ends: &Ends, _protocol: Id, _error: WireError) {}
}
