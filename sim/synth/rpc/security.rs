//! Who vouches for the packets of an association: verifiers with random signatures, and the
//! tokens of the Netlogon and Kerberos packages.

use crate::base::Random;
use crate::proto::dcerpc::pdu::Verifier;
use crate::proto::dcerpc::syntax::{LEVEL_PRIVACY, auth_type};
use crate::proto::gss::{self, oid};
use crate::proto::kerberos::Parts;
use crate::proto::{Id, Side};
use crate::synth::Stage;
use crate::synth::tickets::{Ticket, cipher};
use crate::wire::Writer;
use crate::wire::ber::{self, Element};

/// A security package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// The secure channel's own, \[MS-NRPC\] section 3.3.
    Netlogon,
    /// Kerberos, negotiated with SPNEGO.
    Kerberos,
}

impl Package {
    /// Its number, \[MS-RPCE\] section 2.2.1.1.7.
    pub const fn number(self) -> u8 {
        match self {
            Self::Netlogon => auth_type::NETLOGON,
            Self::Kerberos => auth_type::NEGOTIATE,
        }
    }
}

/// Octets of a signature of AES, \[MS-NRPC\] section 2.2.1.3.3.
const NETLOGON_SIGNATURE: usize = 56;
/// Octets of a token that wraps, in the order that RPC wants: its header, then checksum and
/// confounder, RFC 4121 section 4.2.6.2 and \[MS-KILE\] section 3.4.5.4.1. Measured.
const KERBEROS_SIGNATURE: usize = 76;

/// One security context of an association.
#[derive(Debug, Clone, Copy)]
pub struct Security {
    package: Package,
    /// Its number in the association.
    context: u32,
    /// Sequence numbers of the next message of each side.
    sequence: [u32; 2],
}

impl Security {
    /// A security context in which nothing was sent.
    pub fn new(package: Package, context: u32, random: &mut Random) -> Self {
        let sequence = match package {
            // Kerberos begins anywhere, RFC 4120 section 5.5.1.
            Package::Kerberos => {
                [(random.next_u64() >> 34) as u32, (random.next_u64() >> 34) as u32]
            }
            Package::Netlogon => [0; 2],
        };
        Self { package, context, sequence }
    }

    /// A verifier with that padding and token.
    pub(super) const fn verifier<'a>(&self, padding: &'a [u8], token: &'a [u8]) -> Verifier<'a> {
        let (kind, level, context) = (self.package.number(), LEVEL_PRIVACY, self.context);
        Verifier { kind, level, padding, reserved: 0, context, token }
    }

    /// Octets of a signature.
    pub(super) const fn signature_length(&self) -> usize {
        match self.package {
            Package::Netlogon => NETLOGON_SIGNATURE,
            Package::Kerberos => KERBEROS_SIGNATURE,
        }
    }

    fn count(&mut self, side: Side) -> u32 {
        let [client, server] = &mut self.sequence;
        let sequence = if side == Side::Client { client } else { server };
        let now = *sequence;
        *sequence = sequence.wrapping_add(1);
        now
    }

    /// The signature of the next message of `side`: the fields that can be read, and random
    /// octets for what is computed with a key.
    pub(super) fn signature(&mut self, side: Side, random: &mut Random) -> Signature {
        let mut octets = [0; KERBEROS_SIGNATURE];
        random.fill(&mut octets);
        let sequence = self.count(side);
        match self.package {
            // HMAC-SHA256, AES-128, no flags.
            Package::Netlogon => put(&mut octets, 0, b"\x13\0\x1a\0\xff\xff\0\0"),
            Package::Kerberos => {
                let sent_by = if side == Side::Client { SEALED } else { SEALED | BY_ACCEPTOR };
                put(&mut octets, 0, &[5, 4, sent_by, 0xff, 0, 16, 0, 28, 0, 0, 0, 0]);
                put(&mut octets, 12, &sequence.to_be_bytes());
            }
        }
        Signature { octets, length: self.signature_length() }
    }

    /// The four tokens with which `ticket` is shown in the style of DCE, the sides taking turns:
    /// request, reply, the client's own reply with a checksum over the list of mechanisms, and the
    /// service's checksum. \[MS-KILE\] section 3.4.5.1, RFC 4178 section 5. Told.
    pub fn show(&mut self, stage: &mut Stage<'_>, ticket: &Ticket) -> [Vec<u8>; 4] {
        let request = stage.ap_req(ticket);
        let replies = [SERVICE_REPLY, CLIENT_REPLY].map(|length| {
            // Also the client's is an answer in the numbers of messages.
            stage.told(Id::Kerberos, AP_REPLY, true);
            Parts::AccessReply(cipher(&mut stage.random, None, length)).encode()
        });
        let checksums = [Side::Client, Side::Server].map(|s| self.checksum(s, &mut stage.random));
        let [mut first, mut second] = [Vec::new(), Vec::new()];
        gss::emit_init(&OFFERED, &mut Writer::new(&mut first), |w| w.bytes(&request));
        let [service, client] = replies;
        let mechanism = Some(oid::KERBEROS_MICROSOFT);
        gss::emit_response(
            Some(INCOMPLETE),
            mechanism,
            Some(&service),
            &mut Writer::new(&mut second),
        );
        let [by_client, by_service] = checksums;
        let third = checked(INCOMPLETE, Some(&client), &by_client);
        [first, second, third, checked(COMPLETED, None, &by_service)]
    }

    /// A checksum over the list of mechanisms, RFC 4121 section 4.2.6.1, as the next message of
    /// `side`.
    fn checksum(&mut self, side: Side, random: &mut Random) -> [u8; 28] {
        let mut octets = [0; 28];
        random.fill(&mut octets);
        let sent_by = if side == Side::Client { SUBKEY } else { SUBKEY | BY_ACCEPTOR };
        put(&mut octets, 0, &[4, 4, sent_by, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        put(&mut octets, 12, &self.count(side).to_be_bytes());
        octets
    }
}

/// Mechanisms that Windows offers, best first; the third is NEGOEX, \[MS-NEGOEX\] section 2.2.1.
const OFFERED: [&[u8]; 4] = [
    oid::KERBEROS_MICROSOFT,
    oid::KERBEROS,
    b"\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e",
    oid::NTLMSSP,
];
/// States of a negotiation, RFC 4178 section 4.2.2.
const COMPLETED: u8 = 0;
const INCOMPLETE: u8 = 1;
/// AP-REP, RFC 4120 section 5.10.
const AP_REPLY: u32 = 15;
/// Encrypted octets of the service's AP-REP and of the client's. Measured.
const SERVICE_REPLY: usize = 112;
const CLIENT_REPLY: usize = 68;

/// A NegTokenResp with a checksum over the list of mechanisms, RFC 4178 section 4.2.2.
fn checked(state: u8, token: Option<&[u8]>, checksum: &[u8]) -> Vec<u8> {
    /// Context tags of its fields, constructed.
    const STATE: u8 = 0xa0;
    const TOKEN: u8 = 0xa2;
    const CHECKSUM: u8 = 0xa3;
    const RESPONSE: u8 = 0xa1;
    let mut fields = around(STATE, &around(ber::ENUMERATED, &[state]));
    if let Some(token) = token {
        fields.extend(around(TOKEN, &around(ber::OCTET_STRING, token)));
    }
    fields.extend(around(CHECKSUM, &around(ber::OCTET_STRING, checksum)));
    around(RESPONSE, &around(ber::SEQUENCE, &fields))
}

fn around(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 4);
    Element::new(tag, content).emit(&mut Writer::new(&mut bytes));
    bytes
}

/// Flags of tokens, RFC 4121 section 4.2.2.
const BY_ACCEPTOR: u8 = 1;
const SUBKEY: u8 = 4;
const SEALED: u8 = SUBKEY | 2;

fn put(octets: &mut [u8], at: usize, field: &[u8]) {
    octets.iter_mut().skip(at).zip(field).for_each(|(octet, byte)| *octet = *byte);
}

/// A signature.
pub(super) struct Signature {
    octets: [u8; KERBEROS_SIGNATURE],
    length: usize,
}

impl Signature {
    pub(super) fn bytes(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// What a computer begins its secure channel with: `NL_AUTH_MESSAGE` with the names of domain
/// and computer in the code page of old, and compressed, \[MS-NRPC\] section 2.2.1.3.1.
pub fn netlogon_token(domain: &str, computer: &str, dns_domain: &str) -> Vec<u8> {
    /// A request, and which names there are: NetBIOS domain and computer, DNS domain, and the
    /// computer once more in UTF-8.
    const HEAD: [u8; 8] = [0, 0, 0, 0, 0x17, 0, 0, 0];
    let mut token = HEAD.to_vec();
    for name in [domain, computer] {
        token.extend_from_slice(name.as_bytes());
        token.push(0);
    }
    for name in [dns_domain, computer] {
        for label in name.split('.') {
            token.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            token.extend_from_slice(label.as_bytes());
        }
        token.push(0);
    }
    token
}

/// The answer to it, same place.
pub const NETLOGON_ANSWER: [u8; 12] = [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
