//! LDAP in datagrams: the search for a domain controller, \[MS-ADTS\] section 6.3.3.
//!
//! A request is one message. A response is the entry found and the result, both in one
//! datagram.

use super::ldap::{Message, probe_message};
use super::{Framing, Probe, Protocol, Sample, Step, Transport};
use crate::wire::{Cause, Reader, WireError, Writer};

/// Marker type of this protocol.
#[derive(Debug)]
pub struct Cldap;

/// Tag of a search result entry, RFC 4511 section 4.5.2, which is never the last message.
const SEARCH_ENTRY: u8 = 0x64;

/// The messages of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    messages: Vec<Message<'a>>,
}

impl<'a> Packet<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// As [`Message::parse`], or a datagram that ends in an entry.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut messages = Vec::new();
        walk(bytes, |message| messages.push(message))?;
        Ok(Self { messages })
    }

    /// The messages, at least one.
    pub fn messages(&self) -> &[Message<'a>] {
        &self.messages
    }

    /// Appends the messages.
    pub fn emit(&self, w: &mut Writer<'_>) {
        self.messages.iter().for_each(|message| message.emit(w));
    }
}

/// Calls `found` with each message.
fn walk<'a>(bytes: &'a [u8], mut found: impl FnMut(Message<'a>)) -> Result<(), WireError> {
    let mut r = Reader::new("cldap::Message", bytes);
    loop {
        let message = Message::parse(&mut r)?;
        found(message);
        if r.is_empty() {
            let tag = message.operation.tag();
            return match tag {
                SEARCH_ENTRY => Err(r.error(Cause::Truncated { need: 1, have: 0 })),
                _ => Ok(()),
            };
        }
    }
}

impl Protocol for Cldap {
    type Message<'a> = super::Bytes<'a>;
    type Dialogue = ();

    const NAME: &'static str = "cldap";
    const LABEL: &'static str = "CLDAP";
    const FRAMING: Framing = Framing::Datagram;
    const UDP_PORTS: &'static [u16] = &[389];

    fn probe(payload: &[u8], _transport: Transport) -> Probe {
        probe_message(payload)
    }

    fn step(input: &[u8], _transport: Transport) -> Step {
        Step::datagram(input, walk(input, |_| ()))
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
        out.message(context, &super::Message::Cldap(super::Bytes(input)), tally);
        Ok(())
    }

    fn reencode(
        input: &[u8],
        _transport: Transport,
        out: &mut Writer<'_>,
    ) -> Result<(), WireError> {
        Packet::parse(input)?.emit(out);
        Ok(())
    }

    fn samples() -> Vec<Sample> {
        // Search for attribute Netlogon below the root, filter (NtVer=\16).
        let mut search = b"\x30\x2e\x02\x01\x03\x63\x29\x04\x00\x0a\x01\x00\x0a\x01\x03".to_vec();
        search.extend(b"\x02\x01\x01\x02\x01\x05\x01\x01\xff\xa3\x0a\x04\x05NtVer\x04\x01\x16");
        search.extend(b"\x30\x0a\x04\x08Netlogon");
        // Entry with an opaque value, then the result, as Windows answers.
        let mut found = b"\x30\x84\x00\x00\x00\x1d\x02\x01\x03\x64\x84\x00\x00\x00\x14".to_vec();
        found.extend(b"\x04\x00\x30\x10\x30\x0e\x04\x08Netlogon\x31\x02\x04\x00");
        found.extend(b"\x30\x84\x00\x00\x00\x10\x02\x01\x03\x65\x84\x00\x00\x00\x07");
        found.extend(b"\x0a\x01\x00\x04\x00\x04\x00");
        vec![Sample::udp(search), Sample::udp(found)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_an_entry_and_a_result() {
        let bytes = Cldap::samples().remove(1).bytes;
        let packet = Packet::parse(&bytes).unwrap();
        let tags: Vec<u8> = packet.messages().iter().map(|m| m.operation.tag()).collect();
        assert_eq!(tags, [SEARCH_ENTRY, 0x65]);
    }
}
