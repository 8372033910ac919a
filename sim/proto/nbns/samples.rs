//! One message of each kind, made from RFC 1002 section 4.2 with names of our own.

use super::{
    NetBiosName, NodeName, OPCODE_MULTI_HOMED, OPCODE_REFRESH, OPCODE_RELEASE, OPCODE_WAIT,
};
use crate::proto::dns::{Data, Entry, Message, NB, NBSTAT, NameBuf, Question, types};
use crate::proto::{Sample, Transport};
use crate::wire::Writer;

/// Class of the Internet.
const IN: u16 = 1;
/// Response, authority.
const ANSWER: u16 = 0x8580;
/// Flags of an address: mixed node, unique name; and an address.
const ADDRESS: [u8; 6] = [0x60, 0x00, 10, 20, 30, 99];
/// Seconds that a name is kept: some three days.
const KEPT_SECONDS: u32 = 300_000;

/// All of them.
pub fn all() -> Vec<Sample> {
    let mut samples = by_hand();
    samples.extend(node_status());
    samples.extend(name_kept());
    samples
}

/// A query to all, its positive answer, a registration with the record in the additional
/// section.
pub fn by_hand() -> Vec<Sample> {
    // `HERON` and ten blanks with suffix 0x1c, the domain's controllers.
    let name = b"\x20EIEFFCEPEOCACACACACACACACACACABM\x00";
    let mut query = b"\x93\x0a\x01\x10\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    let question = [&name[..], b"\x00\x20\x00\x01"].concat();
    query.extend(&question);
    let mut response = b"\x93\x0a\x85\x80\x00\x00\x00\x01\x00\x00\x00\x00".to_vec();
    response.extend(name);
    response.extend(b"\x00\x20\x00\x01\x00\x04\x93\xe0\x00\x06\x80\x00\x0a\x14\x1e\x28");
    let mut register = b"\x93\x0b\x29\x10\x00\x01\x00\x00\x00\x00\x00\x01".to_vec();
    register.extend(question);
    register.extend(b"\xc0\x0c\x00\x20\x00\x01\x00\x04\x93\xe0\x00\x06\x60\x00\x0a\x14\x1e\x63");
    vec![Sample::udp(query), Sample::udp(response), Sample::udp(register)]
}

/// What a node calls itself, and its hardware address.
fn node_status() -> [Sample; 2] {
    let wildcard = name(&NetBiosName::WILDCARD);
    let node = |name, suffix, flags| {
        let name = NetBiosName::new(name, suffix).expect("short");
        NodeName { name, flags }.emit()
    };
    let names =
        [node("WS07", 0x00, 0x0400), node("HERON", 0x00, 0x8400), node("WS07", 0x20, 0x0400)];
    // The address, then 40 bytes of statistics that today's nodes leave zero.
    let mut statistics = vec![0x02, 0x00, 0x5e, 0x10, 0x00, 0x63];
    statistics.resize(46, 0);
    let question = Question { name: wildcard.name(), kind: NBSTAT, class: IN };
    let request = Message { id: 0x7b01, questions: vec![question], ..Message::default() };
    let data = Data::NodeStatus(&names, &statistics);
    let answer = Entry { name: wildcard.name(), class: IN, ttl_seconds: 0, data };
    let response =
        Message { id: 0x7b01, flags: 0x8400, answers: vec![answer], ..Message::default() };
    [emitted(&request), emitted(&response)]
}

/// A name that is missing, one kept, one given up, one of several addresses, an answer put off.
fn name_kept() -> [Sample; 5] {
    let owner = name(&NetBiosName::new("WS07", 0x20).expect("short"));
    let owner = owner.name();
    let question = Question { name: owner, kind: NB, class: IN };
    let entry = |data| Entry { name: owner, class: IN, ttl_seconds: KEPT_SECONDS, data };
    let missing = Message {
        id: 0x7c01,
        flags: ANSWER | 3,
        answers: vec![entry(Data::Other(types::NULL, b""))],
        ..Message::default()
    };
    let addresses = [ADDRESS];
    let asking = |opcode: u8| Message {
        id: 0x7c02,
        flags: u16::from(opcode) << 11,
        questions: vec![question],
        additionals: vec![entry(Data::Nb(&addresses))],
        ..Message::default()
    };
    let wait = Message {
        id: 0x7c02,
        flags: ANSWER | u16::from(OPCODE_WAIT) << 11,
        // The flags of what shall wait, RFC 1002 section 4.2.16.
        answers: vec![entry(Data::Other(NB, b"\x29\x00"))],
        ..Message::default()
    };
    [
        emitted(&missing),
        emitted(&asking(OPCODE_REFRESH)),
        emitted(&asking(OPCODE_RELEASE)),
        emitted(&asking(OPCODE_MULTI_HOMED)),
        emitted(&wait),
    ]
}

fn name(name: &NetBiosName) -> NameBuf {
    name.encode("").expect("without scope")
}

fn emitted(message: &Message<'_>) -> Sample {
    let mut bytes = Vec::new();
    message.emit(Transport::Udp, &mut Writer::new(&mut bytes)).expect("shorter than 64 KiB");
    Sample::udp(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emitter_writes_what_was_written_by_hand() {
        let owner = name(&NetBiosName::new("HERON", 0x1c).unwrap());
        let question = Question { name: owner.name(), kind: NB, class: IN };
        let mut message =
            Message { id: 0x930b, flags: 0x2910, questions: vec![question], ..Message::default() };
        let (ttl_seconds, data) = (KEPT_SECONDS, Data::Nb(&[ADDRESS]));
        message.additionals.push(Entry { name: owner.name(), class: IN, ttl_seconds, data });
        assert_eq!(by_hand()[2], emitted(&message));
    }
}
