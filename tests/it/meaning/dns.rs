//! Facts of DNS, mDNS and LLMNR: messages by direction and transport, response codes, and what
//! is asked in queries and repeated in responses.

use headroom::proto::dns::{Name, View};
use headroom::proto::{Context, Message, Tally, Transport};
use serde_json::Value;

use super::{Explained, Facts, Fault, counts, rows};

/// Differences that are understood.
pub const EXPLAINED: &[Explained] = &[
    fuzzed("asked", -44),
    fuzzed("asked, in response", -16),
    fuzzed("message", -87),
    fuzzed("response code", -17),
    too_long("asked, in response"),
    too_long("message"),
    too_long("response code"),
    quoted(CLASSROOM, "asked, in response", -15),
    quoted(CLASSROOM, "message", -15),
    quoted(CLASSROOM, "response code", -15),
    quoted(LAB, "mDNS asked, in response", -1),
    quoted(LAB, "mDNS message", -1),
    quoted(LAB, "mDNS response code", -1),
    wireless("asked", -1),
    wireless("asked, in response", -1),
    wireless("message", -2),
    wireless("response code", -1),
    wireless("mDNS message", -1),
    wireless("mDNS response code", -1),
];

/// Random bytes were changed in this capture. tshark shows what stands before the damage; we
/// count such a message as malformed, with the reason, and tell nothing of it.
const fn fuzzed(category: &'static str, surplus: i64) -> Explained {
    let why = "87 messages: 72 that tshark, too, marks as malformed; 7 with a label type that \
               RFC 1035 section 4.1.4 reserves, whose name tshark shows as unknown; 3 with bytes \
               behind the last record; 5 with a damaged port, which tshark guesses from an \
               earlier datagram";
    let (file, fault) = ("nDPI__fuzz-2006-06-26-2594.pcap", Fault::Convention);
    Explained { file, category, value: "*", fault, surplus, why }
}

/// A message with nothing in it but a damaged name: for tshark a question without a name.
const fn too_long(category: &'static str) -> Explained {
    let why = "a name longer than 255 bytes, RFC 1035 section 2.3.4: the message is malformed, \
               and tshark says so, too";
    let (file, fault) = ("tcpdump__dns-badlabel.pcap", Fault::Convention);
    Explained { file, category, value: "*", fault, surplus: -1, why }
}

const CLASSROOM: &str = "PCAP-ATTACK__cmds_over_dns_txt_queries_and_reponses.pcap";
const LAB: &str = "dc-dns.pcapng";

/// Copies of datagrams inside the errors that say that nobody wanted them.
const fn quoted(file: &'static str, category: &'static str, surplus: i64) -> Explained {
    let why = "responses quoted in ICMP errors, RFC 792: each was counted when it was sent, and \
               tshark counts it again";
    Explained { file, category, value: "*", fault: Fault::Convention, surplus, why }
}

/// What we do not decode.
const fn wireless(category: &'static str, surplus: i64) -> Explained {
    let why = "frames of a wireless network (radiotap, IEEE 802.11) are not decoded";
    let (file, fault) = ("zeek__radiotap.pcap", Fault::Ours);
    Explained { file, category, value: "*", fault, surplus, why }
}

/// Categories of one protocol.
struct Family {
    pointer: &'static str,
    message: &'static str,
    code: &'static str,
    query: &'static str,
    response: &'static str,
}

const DNS: Family = Family {
    pointer: "/dns",
    message: "message",
    code: "response code",
    query: "asked",
    response: "asked, in response",
};
const MDNS: Family = Family {
    pointer: "/mdns",
    message: "mDNS message",
    code: "mDNS response code",
    query: "mDNS asked",
    response: "mDNS asked, in response",
};
const LLMNR: Family = Family {
    pointer: "/llmnr",
    message: "LLMNR message",
    code: "LLMNR response code",
    query: "LLMNR asked",
    response: "LLMNR asked, in response",
};

/// Our facts of one message.
pub fn collect(context: &Context, message: &Message<'_>, _tally: &Tally, facts: &mut Facts) {
    let (family, view) = match message {
        Message::Dns(view) => (DNS, view),
        Message::Mdns(view) => (MDNS, view),
        Message::Llmnr(view) => (LLMNR, view),
        _ => return,
    };
    let transport = match context.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let (direction, asked) = match view.is_response() {
        true => ("response", family.response),
        false => ("query", family.query),
    };
    facts.add(family.message, format_args!("{direction}|{transport}"), 1);
    if view.is_response() {
        facts.add(family.code, view.header_rcode(), 1);
    }
    questions(view, asked, facts);
}

fn questions(view: &View<'_>, category: &'static str, facts: &mut Facts) {
    for question in view.questions().map_while(Result::ok) {
        facts.add(category, format_args!("{}|{}", as_tshark(&question.name), question.kind), 1);
    }
}

/// A name as tshark writes it: nothing inside a label is escaped but what cannot be printed, and
/// that as in C.
fn as_tshark(name: &Name<'_>) -> String {
    let mut text = String::new();
    for label in name.labels() {
        if !text.is_empty() {
            text.push('.');
        }
        let Ok(label) = label else {
            text.push_str("<bad>");
            break;
        };
        for chunk in label.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\r' => text.push_str("\\r"),
                    '\n' => text.push_str("\\n"),
                    '\t' => text.push_str("\\t"),
                    '\0'..' ' | '\x7f' => text.push_str(&format!("\\{:03o}", u32::from(character))),
                    other => text.push(other),
                }
            }
            text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
        }
    }
    if text.is_empty() { "<Root>".to_owned() } else { text }
}

/// tshark's facts of one capture.
pub fn expect(truth: &Value, facts: &mut Facts) {
    for family in [DNS, MDNS, LLMNR] {
        let list = |name| format!("{}/{name}", family.pointer);
        for (value, count) in rows(truth, &list("messages"), &["kind", "transport"]) {
            facts.add(family.message, value, count);
        }
        for (value, count) in counts(truth, &list("rcodes")) {
            facts.add(family.code, value, count);
        }
        for question in
            truth.pointer(&list("questions")).and_then(Value::as_array).into_iter().flatten()
        {
            let value = format!("{}|{}", question["name"].as_str().unwrap(), question["type"]);
            facts.add(family.query, &value, question["in_queries"].as_u64().unwrap());
            facts.add(family.response, &value, question["in_responses"].as_u64().unwrap());
        }
    }
}
