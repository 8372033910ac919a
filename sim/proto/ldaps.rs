//! LDAP inside TLS from the first byte, \[MS-ADTS\] section 5.1.1.2: TLS records on ports of their
//! own, of which only the port says that LDAP is inside.

use super::{Framing, Probe, Protocol, Sample, Step, Transport, tls};
use crate::wire::{WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Ldaps;

impl Protocol for Ldaps {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

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

    fn observe(
        input: &[u8],
        context: &super::Context,
        _dialogue: &mut Self::Dialogue,
        out: &mut dyn super::Observer,
    ) -> Result<(), WireError> {
        let quality = super::Quality::Opaque;
        let bytes = context.length;
        let tally = super::Tally { operation: 0, is_answer: false, bytes, quality };
        out.message(context, &super::Message::Ldaps(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        tls::Record::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        tls::samples()
    }
}
