//! LDAP inside TLS from the first byte, \[MS-ADTS\] section 5.1.1.2: TLS records on ports of their
//! own, of which only the port says that LDAP is inside. What is told are therefore the records
//! and handshakes of TLS.

use super::{Context, Framing, Id, Observer, Probe, Protocol, Sample, Step, Transport, tls};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ldaps;

impl Protocol for Ldaps {
    type Message<'a> = tls::Unit<'a>;
    type Dialogue = tls::Session;

    const NAME: &'static str = "ldaps";
    const LABEL: &'static str = "LDAPS";
    const FRAMING: Framing = Framing::Stream;
    /// A domain controller and a global catalogue, \[MS-ADTS\] 5.1.1.2.
    const TCP_PORTS: &'static [u16] = &[636, 3269];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        tls::probe(payload)
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        tls::step(input)
    }

    fn needed(head: &[u8], length: usize) -> usize {
        tls::needed(head, length)
    }

    fn observe(
        input: &[u8],
        context: &Context,
        session: &mut tls::Session,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        session.hear((Id::Ldaps, |unit| super::Message::Ldaps(unit)), input, context, out)
    }

    fn operation(code: u32) -> Option<&'static str> {
        tls::operation(code)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        tls::reencode(input, out)
    }

    fn samples() -> Vec<Sample> {
        tls::samples()
    }
}
