//! Valid packets of each type.

use std::net::Ipv4Addr;

use super::epm::{self, Endpoint, Tower};
use super::interfaces::Service;
use super::ndr::StubWriter;
use super::pdu::{
    Address, Body, FIRST_FRAGMENT, Fragment, Limits, OBJECT, OfferParts, Request, Response,
    Verdict, Verifier,
};
use super::syntax::{Order, Syntax, Uuid, auth_type, kind};
use crate::proto::Sample;
use crate::wire::Writer;

/// Samples for the laws: two packets octet by octet from the specification, so that they do not
/// depend on what we write, then one of each type.
pub fn all() -> Vec<Sample> {
    let stubs = Stubs::new();
    let written = written(&stubs).into_iter().map(|fragment| {
        let mut bytes = Vec::new();
        fragment.emit(&mut Writer::new(&mut bytes));
        Sample::tcp(bytes)
    });
    let mut samples = vec![Sample::tcp(bind()), Sample::tcp(big_endian_request())];
    samples.push(Sample::udp(datagram(kind::REQUEST, b"body")));
    samples.extend(written);
    for kind in [
        kind::PING,
        kind::RESPONSE,
        kind::FAULT,
        kind::WORKING,
        kind::NOCALL,
        kind::REJECT,
        kind::ACK,
        kind::CL_CANCEL,
        kind::FACK,
        kind::CANCEL_ACK,
    ] {
        samples.push(Sample::udp(datagram(kind, b"\x03\0\x01\x1c")));
    }
    samples
}

/// Bind to one interface of the endpoint mapper.
fn bind() -> Vec<u8> {
    let mut bind = b"\x05\x01\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00\x02\x00\x00\x00".to_vec();
    bind.extend(b"\xb8\x10\xb8\x10\x05\x34\x00\x00\x01\x00\x00\x00\x01\x00\x01\x00");
    bind.extend(b"\x08\x83\xaf\xe1\x1f\x5d\xc9\x11\x91\xa4\x08\x00\x2b\x14\xa0\xfa\x03\0\0\0");
    bind.extend(b"\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\x02\0\0\0");
    bind
}

/// Big-endian request with an authentication value of 4 octets.
fn big_endian_request() -> Vec<u8> {
    let mut request = b"\x05\x00\x00\x03\x00\x00\x00\x00\x00\x28\x00\x04\x00\x00\x00\x03".to_vec();
    request.extend(b"\x00\x00\x00\x04\x00\x01\x00\x0fbody\x0a\x06\x00\x00\x00\x00\x00\x01auth");
    request
}

/// A connectionless packet, little-endian.
pub fn datagram(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![4, kind];
    bytes.extend(b"\x28\x02\x10\x00\x00\x01");
    bytes.extend([0x0b; 16]);
    bytes.extend([0x1f; 16]);
    bytes.extend([0xac; 16]);
    bytes.extend(b"\x11\x22\x33\x44\x01\x00\x00\x00\x05\x00\x00\x00\x07\x00\xff\xff\xff\xff");
    bytes.extend(u16::try_from(body.len()).unwrap_or_default().to_le_bytes());
    bytes.extend(b"\x02\x00\x00\x09");
    bytes.extend(body);
    bytes
}

/// NTLM messages without their details: NEGOTIATE, CHALLENGE, AUTHENTICATE need no more here.
const NEGOTIATE: &[u8] = b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2";
const CHALLENGE: &[u8] = b"NTLMSSP\0\x02\0\0\0\0\0\0\0";
const AUTHENTICATE: &[u8] = b"NTLMSSP\0\x03\0\0\0\0\0\0\0";
/// A signature.
const SIGNATURE: &[u8] = b"\x01\0\0\0\xa1\xb2\xc3\xd4\xe5\xf6\x07\x18\x05\0\0\0";

/// Features that a client of Windows asks for, \[MS-RPCE\] section 2.2.2.14.
const FEATURES: Syntax =
    Syntax { uuid: Uuid(0x6cb71c2c_9812_4540_0300_000000000000), version: 1, minor: 0 };
const LIMITS: Limits = Limits { transmit: 5840, receive: 5840, group: 0x3405 };

fn verifier(level: u8, padding: &'static [u8], token: &'static [u8]) -> Option<Verifier<'static>> {
    Some(Verifier { kind: auth_type::NTLM, level, padding, reserved: 0, context: 0x1_3a80, token })
}

fn offers() -> Vec<OfferParts> {
    let interface = Syntax { uuid: Service::Samr.uuid(), version: 1, minor: 0 };
    [Syntax::NDR, Syntax::NDR64, FEATURES]
        .into_iter()
        .zip(0..)
        .map(|(transfer, id)| OfferParts { id, interface, transfers: vec![transfer], reserved: 0 })
        .collect()
}

fn verdicts() -> Vec<Verdict> {
    let none = Syntax { uuid: Uuid(0), version: 0, minor: 0 };
    vec![
        Verdict { result: 2, reason: 2, transfer: none },
        Verdict { result: 0, reason: 0, transfer: Syntax::NDR64 },
        Verdict { result: 3, reason: 3, transfer: none },
    ]
}

fn request(context: u16, opnum: u16, object: Option<Uuid>, stub: &[u8]) -> Body<'_> {
    let hint = u32::try_from(stub.len()).unwrap_or_default();
    Body::Request(Request { hint, context, opnum, object, stub })
}

fn response(kind: u8, stub: &[u8]) -> Body<'_> {
    let hint = u32::try_from(stub.len()).unwrap_or_default();
    Body::Response(kind, Response { hint, context: 1, cancels: 0, reserved: 0, stub })
}

/// Arguments and results.
struct Stubs {
    connect: Vec<u8>,
    ask: Vec<u8>,
    answer: Vec<u8>,
}

impl Stubs {
    fn new() -> Self {
        let mut connect = StubWriter::new(Order::Little, false);
        connect.unique_text(Some(r"\\DC1")).long(0x30);
        let interface = Syntax { uuid: Service::Drsuapi.uuid(), version: 4, minor: 0 };
        let anywhere =
            Tower { interface, endpoint: Endpoint::Tcp(135), address: Some(Ipv4Addr::UNSPECIFIED) };
        let address = Some(Ipv4Addr::new(192, 0, 2, 10));
        let there = Tower { interface, endpoint: Endpoint::Tcp(49667), address };
        Self {
            connect: connect.finish(),
            ask: epm::ask(&anywhere, Order::Little, false),
            answer: epm::answer(&[there], 0, Order::Little, false),
        }
    }
}

/// One packet of each type, in the order of a conversation.
fn written(stubs: &Stubs) -> Vec<Fragment<'_>> {
    let tail = ([0; 3], &[][..]);
    let mut bind = Fragment::new(1, Body::Offers(kind::BIND, LIMITS, offers(), tail));
    bind.verifier = verifier(6, &[], NEGOTIATE);
    let address = Address::new(b"49667\0");
    let accepted = Body::Verdicts(kind::BIND_ACK, LIMITS, address, verdicts(), tail);
    let mut accepted = Fragment::new(1, accepted);
    accepted.verifier = verifier(6, &[], CHALLENGE);
    let mut third = Fragment::new(1, Body::Other(kind::AUTH3, b"\0\0\0\0"));
    third.verifier = verifier(6, &[], AUTHENTICATE);
    let altered = Body::Offers(kind::ALTER_CONTEXT, LIMITS, offers(), tail);
    let answered =
        Body::Verdicts(kind::ALTER_CONTEXT_RESP, LIMITS, Address::new(b""), verdicts(), tail);
    let mut sealed = Fragment::new(2, request(1, 64, None, b"sealed stub!"));
    sealed.verifier = verifier(6, &[0xee; 4], SIGNATURE);
    let mut first = Fragment::new(3, request(0, 17, Some(Uuid(0xa0b1)), b"first part"));
    first.flags = FIRST_FRAGMENT | OBJECT;
    vec![
        bind,
        accepted,
        third,
        Fragment::new(2, altered),
        Fragment::new(2, answered),
        sealed,
        first,
        Fragment::new(4, request(0, 57, None, &stubs.connect)),
        Fragment::new(4, response(kind::RESPONSE, b"results and then a status\0\0\0")),
        Fragment::new(5, request(0, 3, None, &stubs.ask)),
        Fragment::new(5, response(kind::RESPONSE, &stubs.answer)),
        Fragment::new(6, response(kind::FAULT, b"\x05\0\0\0\0\0\0\0")),
        Fragment::new(7, Body::Other(kind::BIND_NAK, b"\x08\0\x01\x05\0\0")),
        Fragment::new(8, Body::Other(kind::SHUTDOWN, b"")),
        Fragment::new(9, Body::Other(kind::CO_CANCEL, b"")),
        Fragment::new(9, Body::Other(kind::ORPHANED, b"")),
    ]
}
