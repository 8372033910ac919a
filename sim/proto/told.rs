//! For tests: an observer that writes down what it is told.

use super::{
    Activity, Context, Dialogue, Hint, Id, Message, Observer, Outcome, Protocol, Quality, Side,
    Tally, Transport,
};
use crate::base::Timestamp;
use crate::wire::WireError;

/// What was told, in words.
#[derive(Debug, Default)]
pub struct Told {
    /// Operation, answer or not, quality.
    pub messages: Vec<(u32, bool, Quality)>,
    /// Their lengths.
    pub bytes: Vec<usize>,
    /// Kind, principal, target, detail, outcome.
    pub activities: Vec<String>,
    /// Hints.
    pub hints: Vec<String>,
}

impl Observer for Told {
    fn message(&mut self, _: &Context, _: &Message<'_>, tally: Tally) {
        self.messages.push((tally.operation, tally.is_answer, tally.quality));
        self.bytes.push(tally.bytes);
    }

    fn activity(&mut self, activity: &Activity<'_>) {
        let shown = |name: Option<&dyn std::fmt::Display>| {
            name.map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let outcome = match activity.outcome {
            Outcome::Failure { code, name } => format!("failed {code} {name}"),
            other => format!("{other:?}"),
        };
        let [principal, target, detail] =
            [activity.principal, activity.target, activity.detail].map(shown);
        self.activities
            .push(format!("{:?} {principal} | {target} | {detail} | {outcome}", activity.kind));
    }

    fn hint(&mut self, _: &Context, hint: Hint<'_>) {
        self.hints.push(match hint {
            Hint::NtlmHost(name) => format!("host {name}"),
            Hint::DnsAddress(name, address) => format!("{name} {address}"),
            Hint::Resolution(method, of, answered) => format!("{method:?} {of:?} {answered}"),
        });
    }

    fn malformed(&mut self, _: Id, error: WireError) {
        self.hints.push(error.to_string());
    }
}

/// One flow of a protocol.
pub struct Talk<P: Protocol> {
    /// What is remembered of it.
    pub dialogue: P::Dialogue,
    /// What was told.
    pub told: Told,
}

impl<P: Protocol> Talk<P> {
    /// Nothing said yet.
    pub fn new() -> Self {
        Self { dialogue: P::Dialogue::default(), told: Told::default() }
    }

    /// Hands over a whole message.
    pub fn say(&mut self, side: Side, bytes: &[u8]) -> Result<(), WireError> {
        self.hear(side, bytes, bytes.len())
    }

    /// Hands over what the capture holds of a message of `length` bytes.
    pub fn hear(&mut self, side: Side, bytes: &[u8], length: usize) -> Result<(), WireError> {
        self.observe(side, bytes, length, bytes.len() < length)
    }

    /// Hands over what was wanted of a message of `length` bytes.
    pub fn hear_of(&mut self, side: Side, bytes: &[u8], length: usize) -> Result<(), WireError> {
        self.observe(side, bytes, length, false)
    }

    fn observe(
        &mut self,
        side: Side,
        bytes: &[u8],
        length: usize,
        is_cut: bool,
    ) -> Result<(), WireError> {
        let transport =
            if P::FRAMING.uses(Transport::Udp) { Transport::Udp } else { Transport::Tcp };
        let time = Timestamp::from_nanos(7);
        let context = Context { transport, side, time, length, is_cut };
        P::observe(bytes, &context, &mut self.dialogue, &mut self.told)
    }

    /// Ends the flow, and gives the activities told of it.
    pub fn end(mut self) -> Vec<String> {
        self.dialogue.finish(&mut self.told);
        self.told.activities
    }
}
