//! DNS: lookups.

use crate::proto::dns::{Data, Entry, Message, NameBuf, Question};
use crate::proto::{Id, Kind, Outcome, Side, Transport};
use crate::synth::{Stage, Words};

/// Port of DNS, RFC 1035 section 4.2.
const PORT: u16 = 53;
/// Class of the Internet, RFC 1035 section 3.2.4.
const IN: u16 = 1;
/// Type A, RFC 1035 section 3.2.2.
const A: u16 = 1;
/// Recursion desired, RFC 1035 section 4.1.1.
const QUERY: u16 = 0x0100;
/// Answer with authority, recursion desired and available.
const ANSWER: u16 = 0x8580;
/// Time to live of records that clients register, in seconds: Windows' default.
const TTL_SECONDS: u32 = 1_200;

/// A client asks for the address of a server of the domain.
pub fn lookup(stage: &mut Stage<'_>) {
    let server = stage.some_server();
    let text = stage.cast.dns_name(server);
    let Ok(name) = NameBuf::from_text(&text) else { return };
    let address = stage.cast.client(server).v4;
    let id = stage.random.next_u64() as u16;
    let mut flow = stage.to_dc(PORT);
    let question = || vec![Question { name: name.name(), kind: A, class: IN }];
    let asked = stage.datagram(&mut flow, Side::Client, |w| {
        let message = Message { id, flags: QUERY, questions: question(), ..Message::default() };
        message.emit(Transport::Udp, w)
    });
    stage.told(Id::Dns, u32::from(A), false);
    stage.datagram(&mut flow, Side::Server, |w| {
        let entry = Entry {
            name: name.name(),
            class: IN,
            ttl_seconds: TTL_SECONDS,
            data: Data::A(address),
        };
        let message = Message {
            id,
            flags: ANSWER,
            questions: question(),
            answers: vec![entry],
            ..Message::default()
        };
        message.emit(Transport::Udp, w)
    });
    stage.told(Id::Dns, u32::from(A), true);
    stage.did(&flow, asked, Kind::DnsLookup, Outcome::Success, || Words {
        target: Some(text.clone()),
        detail: Some("A".to_owned()),
        ..Words::default()
    });
}

/// A client asks for a name outside the domain; where it is not cached, the server asks a forwarder.
pub fn outside(_stage: &mut Stage<'_>) {}

/// A client asks for a name that does not exist.
pub fn missing(_stage: &mut Stage<'_>) {}

/// A client looks for domain controllers: SRV records of its site and of all.
pub fn locate(_stage: &mut Stage<'_>) {}

/// A client asks for the name of an address.
pub fn reverse(_stage: &mut Stage<'_>) {}

/// A client registers its name: refused unsigned, then signed.
pub fn update(_stage: &mut Stage<'_>) {}

/// A managed device asks for the cloud's names; argument: how many.
pub fn managed(_stage: &mut Stage<'_>) {}
