//! LDAP inside TLS: the handshake of a domain controller with its certificate, and records of
//! encrypted data.

use super::connection::ciphertext;
use crate::base::{Random, Timestamp};
use crate::proto::tls::{
    Certificates, ClientHello, Extension, Extensions, HANDSHAKE_OPERATION, Handshake, Record,
    ServerHello, Version,
};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::{Cast, Stage, Tcp, Words};
use crate::wire::Writer;
use crate::wire::ber::{self, Element};

/// Content types of records, RFC 8446 section 5.1.
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
/// Handshake types, RFC 5246 section 7.4.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;
const CLIENT_KEY_EXCHANGE: u8 = 16;
/// Versions, RFC 8446 section 4.1.2.
const TLS12: Version = Version(0x0303);
/// Share of connections with TLS 1.3, which domain controllers speak since Windows Server 2022.
/// Assumed.
const TLS13_SHARE: f64 = 0.3;
/// Most bytes of a record in the clear, RFC 8446 section 5.1.
const FRAGMENT_MAX: usize = 16_384;
/// What encryption adds in TLS 1.2 with AES-GCM (RFC 5288 section 3: explicit nonce and tag) and
/// in TLS 1.3 (content type and tag).
const ADDED_12: usize = 8 + 16;
const ADDED_13: usize = 1 + 16;
/// Length of a Finished message before TLS 1.3, and with SHA-384.
const FINISHED_12: usize = 16;
const FINISHED_13: usize = 4 + 48;
/// Cipher suites of Schannel: ECDHE with AES-GCM, in TLS 1.3 AES-GCM.
const SUITE_12: u16 = 0xc030;
const SUITE_13: u16 = 0x1302;
const SUITES: [u16; 16] = [
    0x1302, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0x009f, 0x009e,
    0x009d, 0x009c, 0x003d, 0x003c,
];
/// Numbers of extensions: IANA, TLS ExtensionType Values.
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const EXTENDED_MASTER_SECRET: u16 = 23;
const SESSION_TICKET: u16 = 35;
const KEY_MODES: u16 = 45;
const KEY_SHARE: u16 = 51;
const RENEGOTIATION: u16 = 0xff01;
/// Bytes of an RSA key with 2,048 bits, and of a point of P-256.
const RSA_BYTES: usize = 256;
const POINT_BYTES: u8 = 65;

/// A connection with keys.
#[derive(Debug)]
pub struct Secure {
    tcp: Tcp,
    id: Id,
    is_13: bool,
    random: Random,
}

impl Secure {
    /// Shakes hands over `tcp`; `id` is how an observer calls what is spoken there.
    pub fn open(stage: &mut Stage<'_>, tcp: Tcp, id: Id) -> Self {
        let is_13 = stage.random.chance(TLS13_SHARE);
        let random = Random::new(stage.random.next_u64());
        let mut secure = Self { tcp, id, is_13, random };
        let asked = secure.hello(stage);
        if is_13 {
            secure.agree_13(stage);
        } else {
            secure.agree_12(stage);
        }
        let cast = stage.cast;
        stage.did(&secure.tcp.flow, asked, Kind::TlsHandshake, Outcome::Success, || Words {
            principal: None,
            target: Some(cast.dc_dns_name(cast.dc)),
            detail: Some(match is_13 {
                true => "TLS 1.3".to_owned(),
                false => format!(
                    "TLS 1.2 certificate {} by {}",
                    cast.dc_dns_name(cast.dc),
                    authority(cast)
                ),
            }),
        });
        secure
    }

    /// Sends `length` bytes that an observer cannot read.
    pub fn data(&mut self, stage: &mut Stage<'_>, side: Side, length: usize) {
        let added = if self.is_13 { ADDED_13 } else { ADDED_12 };
        let mut left = length;
        let mut records = Vec::new();
        while left > 0 {
            let part = left.min(FRAGMENT_MAX);
            records.push((APPLICATION_DATA, part + added));
            left -= part;
        }
        self.encrypted(stage, side, &records);
    }

    /// Says that nothing more comes, and lends the connection to be closed.
    pub fn close(mut self, stage: &mut Stage<'_>) -> Tcp {
        match self.is_13 {
            true => self.encrypted(stage, Side::Client, &[(APPLICATION_DATA, 2 + ADDED_13)]),
            false => self.encrypted(stage, Side::Client, &[(ALERT, 2 + ADDED_12)]),
        }
        self.tcp
    }

    fn hello(&mut self, stage: &mut Stage<'_>) -> Timestamp {
        let name = stage.cast.dc_dns_name(stage.cast.dc);
        let extensions = client_extensions(&name, self.is_13, &mut self.random);
        let (mut random, mut session) = ([0; 32], [0; 32]);
        self.random.fill(&mut random);
        self.random.fill(&mut session);
        // Without TLS 1.3 its suites are not offered, nor a session that does not exist.
        let (first, session): (usize, &[u8]) = if self.is_13 { (0, &session) } else { (2, &[]) };
        let suites: Vec<u8> =
            SUITES.iter().skip(first).flat_map(|suite| suite.to_be_bytes()).collect();
        let body = built(|w| {
            ClientHello {
                version: TLS12,
                random: &random,
                session,
                cipher_suites: &suites,
                compressions: &[0],
                extensions: Some(Extensions(&extensions)),
            }
            .emit(w);
        });
        self.handshakes(stage, Side::Client, &[(CLIENT_HELLO, body)], &[])
    }

    /// The rest of a handshake of TLS 1.2, RFC 5246 section 7.3. A domain controller asks for a
    /// certificate, which no client has.
    fn agree_12(&mut self, stage: &mut Stage<'_>) {
        let certificate = certificate(stage.cast, &mut self.random);
        let chain = built(|w| Certificates::emit(w, &[&certificate]));
        let hello = self.server_hello();
        let messages = [
            (SERVER_HELLO, hello),
            (CERTIFICATE, chain),
            (SERVER_KEY_EXCHANGE, server_key(&mut self.random)),
            (CERTIFICATE_REQUEST, wanted_certificate(stage.cast)),
            (SERVER_HELLO_DONE, Vec::new()),
        ];
        self.handshakes(stage, Side::Server, &messages, &[]);
        let mut point = [0; POINT_BYTES as usize - 1];
        self.random.fill(&mut point);
        let key = built(|w| {
            w.byte(POINT_BYTES);
            w.byte(4); // uncompressed, RFC 8422 section 5.4.1
            w.bytes(&point);
        });
        let none = built(|w| Certificates::emit(w, &[]));
        let finished = FINISHED_12 + ADDED_12;
        let messages = [(CERTIFICATE, none), (CLIENT_KEY_EXCHANGE, key)];
        let end = [(CHANGE_CIPHER_SPEC, 1), (HANDSHAKE, finished)];
        self.handshakes(stage, Side::Client, &messages, &end);
        self.encrypted(stage, Side::Server, &end);
    }

    /// The rest of a handshake of TLS 1.3, RFC 8446 section 2: encrypted.
    fn agree_13(&mut self, stage: &mut Stage<'_>) {
        /// Extensions, request, certificate with its chain's names, proof, finished. Assumed.
        const FLIGHT: usize = 2_050;
        let hello = self.server_hello();
        let rest = [(CHANGE_CIPHER_SPEC, 1), (APPLICATION_DATA, FLIGHT + FINISHED_13 + ADDED_13)];
        self.handshakes(stage, Side::Server, &[(SERVER_HELLO, hello)], &rest);
        // An empty certificate, and finished.
        let rest = [
            (CHANGE_CIPHER_SPEC, 1),
            (APPLICATION_DATA, 8 + ADDED_13),
            (APPLICATION_DATA, FINISHED_13 + ADDED_13),
        ];
        self.encrypted(stage, Side::Client, &rest);
    }

    fn server_hello(&mut self) -> Vec<u8> {
        let (mut random, mut session, mut key) = ([0; 32], [0; 32], [0; 32]);
        [&mut random, &mut session, &mut key].into_iter().for_each(|b| self.random.fill(b));
        let is_13 = self.is_13;
        let extensions = built(|w| {
            if is_13 {
                let share = built(|w| x25519(&key, w));
                Extension { kind: KEY_SHARE, content: &share }.emit(w);
                Extension::emit_chosen_version(w, Version::TLS13);
            } else {
                Extension { kind: EXTENDED_MASTER_SECRET, content: &[] }.emit(w);
                Extension { kind: RENEGOTIATION, content: &[0] }.emit(w);
            }
        });
        built(|w| {
            ServerHello {
                version: TLS12,
                random: &random,
                session: &session,
                cipher_suite: if is_13 { SUITE_13 } else { SUITE_12 },
                compression: 0,
                extensions: Some(Extensions(&extensions)),
            }
            .emit(w);
        })
    }

    /// One record with messages in the clear, then others of those kinds and lengths; tells all.
    fn handshakes(
        &mut self,
        stage: &mut Stage<'_>,
        side: Side,
        messages: &[(u8, Vec<u8>)],
        rest: &[(u8, usize)],
    ) -> Timestamp {
        stage.told(self.id, HANDSHAKE.into(), false);
        let fragment = built(|w| {
            messages.iter().for_each(|(kind, body)| Handshake { kind: *kind, body }.emit(w));
        });
        for (kind, _) in messages {
            let operation = HANDSHAKE_OPERATION | u32::from(*kind);
            stage.told(self.id, operation, side == Side::Server);
        }
        let mut bytes = built(|w| {
            // A first hello says TLS 1.0 for old servers, RFC 8446 section 5.1.
            let is_first = matches!(messages, [(CLIENT_HELLO, _)]);
            let version_minor = if is_first { 1 } else { 3 };
            Record { kind: HANDSHAKE, version_minor, fragment: &fragment }.emit(w);
        });
        self.records(stage, rest, &mut bytes);
        stage.say(&mut self.tcp, side, |w| {
            w.bytes(&bytes);
            Ok(())
        })
    }

    /// Records of those kinds and lengths; tells them.
    fn encrypted(&mut self, stage: &mut Stage<'_>, side: Side, records: &[(u8, usize)]) {
        let mut bytes = Vec::new();
        self.records(stage, records, &mut bytes);
        stage.say(&mut self.tcp, side, |w| {
            w.bytes(&bytes);
            Ok(())
        });
    }

    fn records(&mut self, stage: &mut Stage<'_>, records: &[(u8, usize)], bytes: &mut Vec<u8>) {
        let mut w = Writer::new(bytes);
        for &(kind, length) in records {
            stage.told(self.id, kind.into(), false);
            let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
            w.bytes(&[kind, 3, 3, high, low]);
            if kind == CHANGE_CIPHER_SPEC {
                w.byte(1); // its only value, RFC 5246 section 7.1
            } else {
                // Cannot fail: it only appends.
                let _ = ciphertext(&mut self.random, length, &mut w);
            }
        }
    }
}

fn built(fill: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill(&mut Writer::new(&mut bytes));
    bytes
}

/// What Schannel offers.
fn client_extensions(name: &str, is_13: bool, random: &mut Random) -> Vec<u8> {
    /// x25519, P-256, P-384; RSA-PSS, RSA and ECDSA with SHA-256 to SHA-512: RFC 8446 sections
    /// 4.2.7 and 4.2.3.
    const GROUPS: &[u8] = &[0, 6, 0, 29, 0, 23, 0, 24];
    const SIGNATURES: &[u8] = &[0, 18, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 2, 1, 4, 3, 5, 3, 6, 3];
    let mut key = [0; 32];
    random.fill(&mut key);
    built(|w| {
        Extension::emit_server_name(w, name.as_bytes());
        Extension { kind: SUPPORTED_GROUPS, content: GROUPS }.emit(w);
        Extension { kind: POINT_FORMATS, content: &[1, 0] }.emit(w);
        Extension { kind: SIGNATURE_ALGORITHMS, content: SIGNATURES }.emit(w);
        Extension { kind: SESSION_TICKET, content: &[] }.emit(w);
        Extension { kind: EXTENDED_MASTER_SECRET, content: &[] }.emit(w);
        if is_13 {
            Extension::emit_versions(w, &[Version::TLS13, TLS12]);
            Extension { kind: KEY_MODES, content: &[1, 1] }.emit(w);
            let share = built(|w| x25519(&key, w));
            let shares = built(|w| {
                w.bytes(&u16::try_from(share.len()).unwrap_or(0).to_be_bytes());
                w.bytes(&share);
            });
            Extension { kind: KEY_SHARE, content: &shares }.emit(w);
        }
        Extension { kind: RENEGOTIATION, content: &[0] }.emit(w);
    })
}

/// A key share of x25519, RFC 8446 section 4.2.8.
fn x25519(key: &[u8; 32], w: &mut Writer<'_>) {
    w.bytes(&[0, 29, 0, 32]);
    w.bytes(key);
}

/// ServerKeyExchange: a signed point of P-256, RFC 8422 section 5.4.
fn server_key(random: &mut Random) -> Vec<u8> {
    let (mut point, mut signature) = ([0; POINT_BYTES as usize - 1], [0; RSA_BYTES]);
    random.fill(&mut point);
    random.fill(&mut signature);
    built(|w| {
        w.bytes(&[3, 0, 23, POINT_BYTES, 4]);
        w.bytes(&point);
        // RSA-PSS with SHA-256.
        w.bytes(&[8, 4, 1, 0]);
        w.bytes(&signature);
    })
}

/// CertificateRequest: any signed by the forest's authority, RFC 5246 section 7.4.4.
fn wanted_certificate(cast: &Cast) -> Vec<u8> {
    let name = distinguished(&[(COMMON_NAME, &authority(cast))]);
    let short = |length: usize| u16::try_from(length).unwrap_or(0).to_be_bytes();
    built(|w| {
        // Certificates with RSA or ECDSA keys, signed with RSA-PSS, RSA or ECDSA.
        w.bytes(&[2, 1, 64, 0, 6, 8, 4, 4, 1, 4, 3]);
        w.bytes(&short(2 + name.len()));
        w.bytes(&short(name.len()));
        w.bytes(&name);
    })
}

/// Object identifiers of names and algorithms: X.520 section 6.2.2, RFC 8017 appendix A.
const COMMON_NAME: &[u8] = b"\x55\x04\x03";
const SHA256_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
const RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// Alternative names, and what the key is for, RFC 5280 section 4.2.1; server and client
/// authentication.
const ALTERNATIVE_NAMES: &[u8] = b"\x55\x1d\x11";
const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";
const SERVER_AUTHENTICATION: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x01";
const CLIENT_AUTHENTICATION: &[u8] = b"\x2b\x06\x01\x05\x05\x07\x03\x02";
/// Universal tags, X.680 section 8.6.
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;

/// Name of the certification authority of the forest.
fn authority(cast: &Cast) -> String {
    format!("{}-CA", cast.forest.netbios_name)
}

/// A certificate of the domain controller, RFC 5280 section 4.1, its key and signature random.
fn certificate(cast: &Cast, random: &mut Random) -> Vec<u8> {
    let host = cast.dc_dns_name(cast.dc);
    issued(&host, &authority(cast), random)
}

/// A certificate of `subject` by `issuer`.
pub fn issued(subject: &str, issuer: &str, random: &mut Random) -> Vec<u8> {
    let (mut serial, mut key, mut signature) = ([0; 16], [0; RSA_BYTES], [0; RSA_BYTES]);
    [&mut serial[..], &mut key, &mut signature].into_iter().for_each(|b| random.fill(b));
    // Positive numbers, the key of full length.
    serial[0] = serial[0] & 0x3f | 0x40;
    let modulus = [&[0][..], &key].concat();
    let sequence = |parts: &[&[u8]]| element(ber::SEQUENCE, parts);
    let algorithm =
        |id: &[u8]| sequence(&[&element(OBJECT_IDENTIFIER, &[id]), &element(NULL, &[])]);
    let rsa = sequence(&[&element(ber::INTEGER, &[&modulus]), b"\x02\x03\x01\x00\x01"]);
    let times = [b"250101000000Z", b"270101000000Z"].map(|time| element(UTC_TIME, &[time]));
    let [begins, ends] = &times;
    let extension = |id: &[u8], value: &[u8]| {
        sequence(&[&element(OBJECT_IDENTIFIER, &[id]), &element(ber::OCTET_STRING, &[value])])
    };
    let purposes = [SERVER_AUTHENTICATION, CLIENT_AUTHENTICATION]
        .map(|id| element(OBJECT_IDENTIFIER, &[id]))
        .concat();
    let extensions = sequence(&[
        &extension(EXTENDED_KEY_USAGE, &sequence(&[&purposes])),
        &extension(ALTERNATIVE_NAMES, &sequence(&[&element(0x82, &[subject.as_bytes()])])),
    ]);
    let fields = sequence(&[
        b"\xa0\x03\x02\x01\x02", // version 3
        &element(ber::INTEGER, &[&serial]),
        &algorithm(SHA256_WITH_RSA),
        &distinguished(&[(COMMON_NAME, issuer)]),
        &sequence(&[begins, ends]),
        &distinguished(&[(COMMON_NAME, subject)]),
        &sequence(&[&algorithm(RSA), &element(BIT_STRING, &[&[0], &rsa])]),
        &element(0xa3, &[&extensions]),
    ]);
    let signature = element(BIT_STRING, &[&[0], &signature]);
    sequence(&[&fields, &algorithm(SHA256_WITH_RSA), &signature])
}

/// A distinguished name, RFC 5280 section 4.1.2.4.
fn distinguished(parts: &[(&[u8], &str)]) -> Vec<u8> {
    let sets: Vec<u8> = parts
        .iter()
        .flat_map(|(kind, value)| {
            let kind = element(OBJECT_IDENTIFIER, &[kind]);
            let value = element(UTF8_STRING, &[value.as_bytes()]);
            element(ber::SET, &[&element(ber::SEQUENCE, &[&kind, &value])])
        })
        .collect();
    element(ber::SEQUENCE, &[&sets])
}

fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    built(|w| Element::new(tag, &content).emit(w))
}
