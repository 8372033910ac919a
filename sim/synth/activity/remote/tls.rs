//! A TLS 1.2 handshake as Windows' Schannel leads it, with the self-signed certificate of a
//! remote desktop server.

use crate::base::{Random, Timestamp};
use crate::proto::tls::{Certificates, ClientHello, Extension, Extensions, ServerHello, Version};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::{Stage, Tcp, Words};
use crate::wire::ber::{self, Element};
use crate::wire::{WireError, Writer};

/// Content types, RFC 5246 section 6.2.1.
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// Handshake types, RFC 5246 section 7.4.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;
/// Where the numbers of handshake messages begin in a tally.
const HANDSHAKE_OPERATION: u32 = crate::proto::tls::HANDSHAKE_OPERATION;
/// Version 1.2, RFC 5246 appendix A.1.
const TLS12: Version = Version(0x0303);
/// Suites that Windows 10 offers, the best first ("TLS Cipher Suites in Windows 10 v1903").
const SUITES: [u16; 14] = [
    0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0xc00a, 0xc009, 0xc014, 0xc013,
    0x009d, 0x009c,
];
/// That which a server with an RSA key chooses of them: ECDHE, AES-256-GCM, SHA-384.
const CHOSEN: u16 = 0xc030;
/// Bytes of a public key on curve 25519, RFC 7748 section 5.
const POINT: usize = 32;
/// Bytes of an RSA key and of its signatures.
const RSA: usize = 256;
/// Bytes that AES-GCM adds to a record: nonce and tag, RFC 5288 section 3.
pub const SEALING: usize = 24;
/// Bytes of the sealed message "finished", RFC 5246 section 7.4.9.
const FINISHED: usize = 16 + SEALING;

/// Both sides say hello and the server shows the certificate that it has made out to `server`.
/// The time of the client's hello.
pub fn hellos(stage: &mut Stage<'_>, tcp: &mut Tcp, server: &str, seed: u64) -> Timestamp {
    let mut random = [0; 32];
    stage.random.fill(&mut random);
    let mut extensions = Vec::new();
    client_extensions(server, &mut Writer::new(&mut extensions));
    let suites: Vec<u8> = SUITES.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let asked = stage.say(tcp, Side::Client, |w| {
        let hello = ClientHello {
            version: TLS12,
            random: &random,
            session: &[],
            cipher_suites: &suites,
            compressions: &[0],
            extensions: Some(Extensions(&extensions)),
        };
        record(w, HANDSHAKE, |w| message(w, CLIENT_HELLO, |w| hello.emit(w)))
    });
    told(stage, HANDSHAKE, &[CLIENT_HELLO], false);
    let certificate = certificate(server, seed);
    let mut key = [0; POINT + RSA];
    stage.random.fill(&mut random);
    stage.random.fill(&mut key);
    let mut session = [0; 32];
    stage.random.fill(&mut session);
    stage.say(tcp, Side::Server, |w| {
        let hello = ServerHello {
            version: TLS12,
            random: &random,
            session: &session,
            cipher_suite: CHOSEN,
            compression: 0,
            // Extended master secret, RFC 7627, and no renegotiation before, RFC 5746.
            extensions: Some(Extensions(b"\0\x17\0\0\xff\x01\0\x01\0")),
        };
        record(w, HANDSHAKE, |w| {
            message(w, SERVER_HELLO, |w| hello.emit(w));
            message(w, CERTIFICATE, |w| Certificates::emit(w, &[&certificate]));
            message(w, SERVER_KEY_EXCHANGE, |w| key_exchange(w, &key));
            message(w, SERVER_HELLO_DONE, |_| {});
        })
    });
    let said = [SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE];
    told(stage, HANDSHAKE, &said, true);
    stage.did(&tcp.flow, asked, Kind::TlsHandshake, Outcome::Success, || Words {
        principal: None,
        target: Some(server.to_owned()),
        detail: Some(format!("TLS 1.2 certificate {server} by {server}")),
    });
    asked
}

/// Both sides change to sealed records.
pub fn finish(stage: &mut Stage<'_>, tcp: &mut Tcp) {
    let mut key = [0; POINT];
    stage.random.fill(&mut key);
    let mut sealed = [0; FINISHED];
    stage.random.fill(&mut sealed);
    stage.say(tcp, Side::Client, |w| {
        record(w, HANDSHAKE, |w| {
            message(w, CLIENT_KEY_EXCHANGE, |w| {
                w.byte(32);
                w.bytes(&key);
            });
        })?;
        record(w, CHANGE_CIPHER_SPEC, |w| w.byte(1))?;
        record(w, HANDSHAKE, |w| w.bytes(&sealed))
    });
    told(stage, HANDSHAKE, &[CLIENT_KEY_EXCHANGE], false);
    told(stage, CHANGE_CIPHER_SPEC, &[], false);
    told(stage, HANDSHAKE, &[], false);
    stage.random.fill(&mut sealed);
    stage.say(tcp, Side::Server, |w| {
        record(w, CHANGE_CIPHER_SPEC, |w| w.byte(1))?;
        record(w, HANDSHAKE, |w| w.bytes(&sealed))
    });
    told(stage, CHANGE_CIPHER_SPEC, &[], true);
    told(stage, HANDSHAKE, &[], true);
}

/// A sealed record with `length` bytes of ciphertext.
pub fn sealed(stage: &mut Stage<'_>, tcp: &mut Tcp, side: Side, length: usize) {
    let mut random = Random::new(stage.random.next_u64());
    stage.say(tcp, side, |w| {
        let mut bytes = vec![0; length];
        random.fill(&mut bytes);
        record(w, APPLICATION_DATA, |w| w.bytes(&bytes))
    });
    told(stage, APPLICATION_DATA, &[], side == Side::Server);
}

/// Tells of a record and the messages in it.
fn told(stage: &mut Stage<'_>, record: u8, messages: &[u8], is_server: bool) {
    stage.told(Id::Tls, record.into(), false);
    for kind in messages {
        stage.told(Id::Tls, HANDSHAKE_OPERATION | u32::from(*kind), is_server);
    }
}

fn record(
    w: &mut Writer<'_>,
    kind: u8,
    fragment: impl FnOnce(&mut Writer<'_>),
) -> Result<(), WireError> {
    let mut bytes = Vec::new();
    fragment(&mut Writer::new(&mut bytes));
    crate::proto::tls::Record { kind, version_minor: 3, fragment: &bytes }.emit(w);
    Ok(())
}

fn message(w: &mut Writer<'_>, kind: u8, body: impl FnOnce(&mut Writer<'_>)) {
    let mut bytes = Vec::new();
    body(&mut Writer::new(&mut bytes));
    let [_, high, middle, low] = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
    w.bytes(&[kind, high, middle, low]);
    w.bytes(&bytes);
}

/// Parameters of an exchange on curve 25519, signed with RSA-PSS and SHA-256: RFC 8422 section
/// 5.4, RFC 8446 section 4.2.3.
fn key_exchange(w: &mut Writer<'_>, key: &[u8; POINT + RSA]) {
    let (point, signature) = key.split_at(POINT);
    w.bytes(&[3, 0, 0x1d, 32]);
    w.bytes(point);
    w.bytes(&[8, 4, 1, 0]);
    w.bytes(signature);
}

/// Extensions of a Windows client in its order.
fn client_extensions(server: &str, w: &mut Writer<'_>) {
    Extension::emit_server_name(w, server.as_bytes());
    let others: [(u16, &[u8]); 6] = [
        (10, b"\0\x06\0\x1d\0\x17\0\x18"), // groups, RFC 8422 section 5.1.1
        (11, b"\x01\0"),                   // points, section 5.1.2
        // Signatures, RFC 8446 section 4.2.3.
        (13, b"\0\x18\x08\x04\x08\x05\x08\x06\x04\x01\x05\x01\x02\x01\x04\x03\x05\x03\x02\x03\x02\x02\x06\x01\x06\x03"),
        (35, b""),        // ticket, RFC 5077
        (23, b""),        // extended master secret, RFC 7627
        (0xff01, b"\x00"), // renegotiation, RFC 5746
    ];
    for (kind, content) in others {
        Extension { kind, content }.emit(w);
    }
}

/// A certificate that a server has made for itself, RFC 5280 section 4.1; key and signature are
/// drawn from `seed`, so that it stays the same.
fn certificate(server: &str, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut serial = [0; 16];
    random.fill(&mut serial);
    // A positive number of 16 bytes.
    let [first, ..] = &mut serial;
    *first = *first & 0x7f | 0x40;
    let mut key = [0; RSA + 1];
    let mut signature = [0; RSA + 1];
    for number in [&mut key, &mut signature] {
        let [unused, value @ ..] = number;
        *unused = 0;
        random.fill(value);
        let [high, ..] = value;
        *high |= 0x80;
    }
    let algorithm = element(ber::SEQUENCE, &[RSA_SHA256]);
    let name = element(0x0c, &[server.as_bytes()]);
    let name = element(ber::SEQUENCE, &[COMMON_NAME, &name]);
    let name = element(ber::SEQUENCE, &[&element(ber::SET, &[&name])]);
    // Wider than the half year of Windows, so that the certificate holds whenever a run begins.
    let validity = element(
        ber::SEQUENCE,
        &[&element(UTC_TIME, &[b"200101000000Z"]), &element(UTC_TIME, &[b"400101000000Z"])],
    );
    let numbers = [element(ber::INTEGER, &[&key]), element(ber::INTEGER, &[b"\x01\0\x01"])];
    let numbers = element(ber::SEQUENCE, &[&numbers.concat()]);
    let public = element(
        ber::SEQUENCE,
        &[&element(ber::SEQUENCE, &[RSA_KEY]), &element(BIT_STRING, &[b"\0", &numbers])],
    );
    let body = element(
        ber::SEQUENCE,
        &[
            b"\xa0\x03\x02\x01\x02", // version 3
            &element(ber::INTEGER, &[&serial]),
            &algorithm,
            &name,
            &validity,
            &name,
            &public,
            USAGES,
        ],
    );
    element(ber::SEQUENCE, &[&body, &algorithm, &element(BIT_STRING, &[&signature])])
}

/// Universal tags, X.680 section 8.6.
const BIT_STRING: u8 = 0x03;
const UTC_TIME: u8 = 0x17;
/// 1.2.840.113549.1.1.11 and NULL, RFC 4055 section 5.
const RSA_SHA256: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\0";
/// 1.2.840.113549.1.1.1 and NULL, RFC 3279 section 2.3.1.
const RSA_KEY: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\0";
/// 2.5.4.3, X.520 section 6.2.2.
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
/// Extensions, RFC 5280 section 4.2.1: for servers, to encipher keys and data.
const USAGES: &[u8] = b"\xa3\x24\x30\x22\
    \x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x01\
    \x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x04\x30";

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = Vec::with_capacity(content.len() + 4);
    Element::new(tag, &content).emit(&mut Writer::new(&mut out));
    out
}
