//! LDAP in datagrams: the search for a domain controller, \[MS-ADTS\] section 6.3.3.
//!
//! A request is one message. A response is the entry found and the result, both in one
//! datagram.

use super::ldap::{self, Envelope, Message, Session};
use super::{Context, Framing, Id, Observer, Probe, Protocol, Quality, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Cldap;

/// Tag of a search result entry, RFC 4511 section 4.5.2, which is never the last message.
const SEARCH_ENTRY: u8 = 0x64;

/// Whether the datagram is messages, one behind the other.
fn walk(bytes: &[u8]) -> Result<(), WireError> {
    let mut r = Reader::new("cldap::Message", bytes);
    loop {
        let message = Envelope::parse(&mut r)?;
        if r.is_empty() {
            return match message.tag() {
                SEARCH_ENTRY => Err(r.error(Cause::Truncated { need: 1, have: 0 })),
                _ => Ok(()),
            };
        }
    }
}

impl Protocol for Cldap {
    /// Each message of a datagram is told by itself.
    type Message<'a> = Message<'a>;
    type Dialogue = Session;

    const NAME: &'static str = "cldap";
    const LABEL: &'static str = "CLDAP";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[389];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        ldap::probe_message(payload)
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, walk(input))
    }

    fn observe(
        input: &[u8],
        context: &Context,
        session: &mut Session,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let mut r = Reader::new("cldap::Message", input);
        while !r.is_empty() {
            let before = r.offset();
            let (message, quality) = match Message::parse(&mut r.clone()) {
                Err(error) if error.is_truncation() && context.is_cut => {
                    (Message::parse_cut(&mut r)?, Quality::Cut)
                }
                _ => (Message::parse(&mut r)?, Quality::Parsed),
            };
            let length = match quality {
                Quality::Cut => context.length.saturating_sub(before),
                _ => r.offset() - before,
            };
            let inner = Context { length, ..*context };
            let tally = ldap::tally(&message, &inner, quality);
            out.message(&inner, &super::Message::Cldap(message), tally);
            let heard = session.hear(Id::Cldap, &message, &inner, out);
            if quality == Quality::Cut {
                return Ok(());
            }
            heard?;
        }
        Ok(())
    }

    fn operation(code: u32) -> Option<&'static str> {
        ldap::names::operation(code)
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        walk(input)?;
        let mut r = Reader::new("cldap::Message", input);
        while !r.is_empty() {
            ldap::reencode_message(&mut r, out)?;
        }
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        vec![Sample::udp(ldap::ping()), Sample::udp(ldap::ping_answer())]
    }
}
