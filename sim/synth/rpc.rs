//! Remote procedure calls as Windows makes them: what both ends of an association remember, and
//! the bytes of its packets, whoever carries them. C706 chapter 12 with \[MS-RPCE\] section 2.2.
//!
//! An [`Association`] writes one packet after the other: `bind`, `bind_ack`, then for each call
//! the fragments of `request` and `response`. Over a connection a [`Connection`] does this and
//! tells the truth; over a named pipe the bytes go into the pipe, and whoever puts them there
//! tells [`code`] of every fragment.

mod connection;
mod security;

pub use connection::{Call, Connection, Mapper, Partner, Stub};
pub use security::{Package, Security};

use crate::base::Random;
use crate::proto::Side;
use crate::proto::dcerpc::pdu::{
    Address, Body, FIRST_FRAGMENT, Fragment, LAST_FRAGMENT, Limits, OfferParts, Request, Response,
    TRAILER, Verdict,
};
use crate::proto::dcerpc::syntax::{Uuid, kind};
use crate::proto::dcerpc::{Service, Syntax};
use crate::synth::Stage;
use crate::synth::tickets::Ticket;
use crate::wire::Writer;

/// An interface in the version that Windows speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interface {
    /// Which.
    pub service: Service,
    /// Its major version; the minor one is 0.
    pub version: u16,
}

/// Endpoint mapper, C706 appendix O.
pub const EPM: Interface = Interface { service: Service::Epm, version: 3 };
/// Netlogon, \[MS-NRPC\] section 2.1.
pub const NETLOGON: Interface = Interface { service: Service::Netlogon, version: 1 };
/// Local security authority, \[MS-LSAT\] section 2.1.
pub const LSARPC: Interface = Interface { service: Service::Lsarpc, version: 0 };
/// Security account manager, \[MS-SAMR\] section 2.1.
pub const SAMR: Interface = Interface { service: Service::Samr, version: 1 };
/// Directory replication, \[MS-DRSR\] section 2.2.
pub const DRSUAPI: Interface = Interface { service: Service::Drsuapi, version: 4 };

/// What carries an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// A TCP connection.
    Connection,
    /// A named pipe of SMB.
    Pipe,
}

/// Longest fragment over a connection, measured on Windows 7 to Server 2022; over a pipe,
/// \[MS-RPCE\] section 3.3.2.3 and measured. In octets.
const FRAGMENT_MAX: u16 = 5_840;
const PIPE_FRAGMENT_MAX: u16 = 4_280;
/// Octets of a request or response before its stub, C706 section 12.6.4.9.
const CALL_HEADER: usize = 24;
/// Presentation contexts that a Windows of 64 bits offers, in order: NDR, NDR64, and the
/// negotiation of features, \[MS-RPCE\] section 3.3.1.5.3. The second is accepted.
const OFFERED: [Syntax; 3] = [Syntax::NDR, Syntax::NDR64, FEATURES];
/// The context that is accepted.
const WIDE: u16 = 1;
/// Features of Windows: security contexts are multiplexed, connections outlive orphaned calls.
const FEATURES: Syntax =
    Syntax { uuid: Uuid(0x6cb71c2c_9812_4540_0300_000000000000), version: 1, minor: 0 };
/// The same in an answer.
const FEATURE_BITS: u16 = 3;
/// Where a verdict has no encoding.
const NO_SYNTAX: Syntax = Syntax { uuid: Uuid(0), version: 0, minor: 0 };
/// Results, \[MS-RPCE\] section 2.2.2.4, and the reason "proposed transfer syntaxes not supported".
const ACCEPTED: u16 = 0;
const PROVIDER_REJECTION: u16 = 2;
const NEGOTIATED: u16 = 3;
const NOT_SUPPORTED: u16 = 2;
/// Flag of packets that authenticate: the headers can be signed too, \[MS-RPCE\] section 2.2.2.3.
const SUPPORTS_HEADER_SIGNING: u8 = 0x04;
/// Number of the first call of an association of Windows, measured.
const FIRST_CALL: u32 = 2;
/// Sealed stubs are padded to a multiple of this, \[MS-RPCE\] section 2.2.2.11.
const SEALED_UNIT: usize = 16;

/// Number of a call for [`Tally`](crate::proto::Tally), of a request as of its answer.
pub fn code(service: Service, opnum: u16) -> u32 {
    service.code(Some(opnum))
}

/// What both ends of an association remember. Holds no bytes, so that a client can keep it.
#[derive(Debug, Clone, Copy)]
pub struct Association {
    interface: Interface,
    carrier: Carrier,
    /// Number of the next call. Whatever is agreed on before it has the same.
    call_id: u32,
    /// Group of associations, as the server numbers it.
    group: u32,
    security: Option<Security>,
}

impl Association {
    /// One that is not bound yet.
    pub fn new(interface: Interface, carrier: Carrier, random: &mut Random) -> Self {
        // Windows counts them from its start in the lower half of the word.
        let group = random.below(1 << 16);
        Self { interface, carrier, call_id: FIRST_CALL, group, security: None }
    }

    /// The interface.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// Seals with Kerberos from the bind on: the tokens of bind and alter_context and of their
    /// answers in turn, told.
    pub fn seal(&mut self, stage: &mut Stage<'_>, ticket: &Ticket) -> [Vec<u8>; 4] {
        let mut security = Security::new(Package::Kerberos, 0, &mut stage.random);
        let tokens = security.show(stage, ticket);
        self.security = Some(security);
        tokens
    }

    /// Seals, from the next call on, or from the bind on if it is not sent yet.
    pub const fn secure(&mut self, security: Security) {
        self.security = Some(security);
    }

    fn limits(&self, group: u32) -> Limits {
        let most = self.fragment_max();
        Limits { transmit: most, receive: most, group }
    }

    const fn fragment_max(&self) -> u16 {
        match self.carrier {
            Carrier::Connection => FRAGMENT_MAX,
            Carrier::Pipe => PIPE_FRAGMENT_MAX,
        }
    }

    /// Appends the bind, with a token where somebody authenticates.
    pub fn bind(&self, token: &[u8], w: &mut Writer<'_>) {
        let offers = (0..).zip(OFFERED).map(|(id, transfer)| self.offer(id, transfer)).collect();
        self.offers(kind::BIND, offers, token, w);
    }

    /// Appends an alter_context: one more token, or somebody who begins to authenticate.
    pub fn alter(&self, token: &[u8], w: &mut Writer<'_>) {
        let offers = vec![self.offer(WIDE, Syntax::NDR64)];
        self.offers(kind::ALTER_CONTEXT, offers, token, w);
    }

    fn offer(&self, id: u16, transfer: Syntax) -> OfferParts {
        let Interface { service, version } = self.interface;
        let interface = Syntax { uuid: service.uuid(), version, minor: 0 };
        OfferParts { id, interface, transfers: vec![transfer], reserved: 0 }
    }

    fn offers(&self, kind: u8, offers: Vec<OfferParts>, token: &[u8], w: &mut Writer<'_>) {
        let body = Body::Offers(kind, self.limits(0), offers, ([0; 3], &[]));
        self.agreement(body, token, w);
    }

    /// Appends the answer to a bind; `address` is the port or pipe, ending with a zero.
    pub fn bind_ack(&self, address: &[u8], token: &[u8], w: &mut Writer<'_>) {
        let verdicts = vec![
            Verdict { result: PROVIDER_REJECTION, reason: NOT_SUPPORTED, transfer: NO_SYNTAX },
            Verdict { result: ACCEPTED, reason: 0, transfer: Syntax::NDR64 },
            Verdict { result: NEGOTIATED, reason: FEATURE_BITS, transfer: NO_SYNTAX },
        ];
        self.verdicts(kind::BIND_ACK, address, verdicts, token, w);
    }

    /// Appends the answer to an alter_context.
    pub fn alter_ack(&self, token: &[u8], w: &mut Writer<'_>) {
        let verdicts = vec![Verdict { result: ACCEPTED, reason: 0, transfer: Syntax::NDR64 }];
        self.verdicts(kind::ALTER_CONTEXT_RESP, &[], verdicts, token, w);
    }

    fn verdicts(
        &self,
        kind: u8,
        address: &[u8],
        verdicts: Vec<Verdict>,
        token: &[u8],
        w: &mut Writer<'_>,
    ) {
        let (limits, address) = (self.limits(self.group), Address::new(address));
        let body = Body::Verdicts(kind, limits, address, verdicts, ([0; 3], &[]));
        self.agreement(body, token, w);
    }

    fn agreement(&self, body: Body<'_>, token: &[u8], w: &mut Writer<'_>) {
        let mut fragment = Fragment::new(self.call_id, body);
        if let Some(security) = self.security.filter(|_| !token.is_empty()) {
            fragment.flags |= SUPPORTS_HEADER_SIGNING;
            fragment.verifier = Some(security.verifier(&[], token));
        }
        fragment.emit(w);
    }

    /// Appends a request in its fragments; how many. Where calls are sealed, `stub` is what is
    /// encrypted, without padding.
    pub fn request(
        &mut self,
        opnum: u16,
        stub: &[u8],
        random: &mut Random,
        w: &mut Writer<'_>,
    ) -> u32 {
        let (mut stub, mut count) = (Unsent::new(stub), 0);
        while !stub.is_sent() {
            self.request_fragment(opnum, &mut stub, random, w);
            count += 1;
        }
        count
    }

    /// Appends the answer in its fragments, which ends the call; how many.
    pub fn response(&mut self, stub: &[u8], random: &mut Random, w: &mut Writer<'_>) -> u32 {
        let (mut stub, mut count) = (Unsent::new(stub), 0);
        while !stub.is_sent() {
            self.response_fragment(&mut stub, random, w);
            count += 1;
        }
        count
    }

    /// Appends the next fragment of a request.
    pub fn request_fragment(
        &mut self,
        opnum: u16,
        stub: &mut Unsent<'_>,
        random: &mut Random,
        w: &mut Writer<'_>,
    ) {
        self.fragment(Side::Client, stub, random, w, |hint, stub| {
            Body::Request(Request { hint, context: WIDE, opnum, object: None, stub })
        });
    }

    /// Appends the next fragment of the answer, the last of which ends the call.
    pub fn response_fragment(
        &mut self,
        stub: &mut Unsent<'_>,
        random: &mut Random,
        w: &mut Writer<'_>,
    ) {
        self.fragment(Side::Server, stub, random, w, |hint, stub| {
            let (cancels, reserved) = (0, 0);
            Body::Response(
                kind::RESPONSE,
                Response { hint, context: WIDE, cancels, reserved, stub },
            )
        });
        self.call_id += u32::from(stub.is_sent());
    }

    fn fragment<'a>(
        &mut self,
        side: Side,
        stub: &mut Unsent<'a>,
        random: &mut Random,
        w: &mut Writer<'_>,
        body: impl FnOnce(u32, &'a [u8]) -> Body<'a>,
    ) {
        let room = self.room();
        let (first, hint, part) = stub.take(room);
        let last = if stub.is_sent() { LAST_FRAGMENT } else { 0 };
        let padding = [0; SEALED_UNIT];
        let padding = padding.get(..part.len().wrapping_neg() % SEALED_UNIT).unwrap_or_default();
        let signature = self.security.as_mut().map(|s| s.signature(side, random));
        let token = signature.as_ref().map(security::Signature::bytes);
        let verifier = self.security.zip(token);
        let verifier = verifier.as_ref().map(|(s, token)| s.verifier(padding, token));
        let flags = first | last;
        let call = Fragment::new(self.call_id, body(hint, part));
        Fragment { flags, verifier, ..call }.emit(w);
    }

    /// Octets of stub that fit into a fragment.
    fn room(&self) -> usize {
        let room = usize::from(self.fragment_max()) - CALL_HEADER;
        match &self.security {
            None => room,
            Some(security) => {
                let room = room - TRAILER - security.signature_length();
                room - room % SEALED_UNIT
            }
        }
    }
}

/// Arguments or results of which fragments are still to be sent. Where calls are sealed, what is
/// encrypted, without padding.
#[derive(Debug, Clone, Copy)]
pub struct Unsent<'a> {
    stub: &'a [u8],
    /// Nothing of it is sent.
    is_whole: bool,
}

impl<'a> Unsent<'a> {
    /// All of it. Also an empty stub has a fragment.
    pub const fn new(stub: &'a [u8]) -> Self {
        Self { stub, is_whole: true }
    }

    /// Whether the last fragment is sent.
    pub const fn is_sent(&self) -> bool {
        !self.is_whole && self.stub.is_empty()
    }

    /// What goes into the next fragment, behind its flag and what there was still to send.
    fn take(&mut self, room: usize) -> (u8, u32, &'a [u8]) {
        let first = if self.is_whole { FIRST_FRAGMENT } else { 0 };
        let hint = u32::try_from(self.stub.len()).unwrap_or(u32::MAX);
        let (part, rest) = self.stub.split_at(self.stub.len().min(room));
        (self.stub, self.is_whole) = (rest, false);
        (first, hint, part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::dcerpc::pdu::Pdu;

    fn association() -> Association {
        Association::new(NETLOGON, Carrier::Connection, &mut Random::new(1))
    }

    fn written(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Writer::new(&mut bytes));
        bytes
    }

    /// Lengths measured on Windows 10 and Server 2019.
    #[test]
    fn agreements_are_as_long_as_windows_makes_them() {
        let mut association = association();
        assert_eq!(written(|w| association.bind(&[], w)).len(), 160);
        assert_eq!(written(|w| association.bind_ack(b"49675\0", &[], w)).len(), 108);
        association.secure(Security::new(Package::Netlogon, 1, &mut Random::new(1)));
        assert_eq!(written(|w| association.bind(&[7; 44], w)).len(), 212);
        assert_eq!(written(|w| association.bind_ack(b"49675\0", &[7; 12], w)).len(), 128);
        assert_eq!(written(|w| association.alter_ack(&[7; 12], w)).len(), 76);
    }

    #[test]
    fn sealed_calls_are_padded_and_signed() {
        let random = &mut Random::new(2);
        for (package, stub, length) in
            [(Package::Netlogon, 144, 232), (Package::Kerberos, 148, 268)]
        {
            let mut association = association();
            association.secure(Security::new(package, 0, random));
            let stub = vec![1; stub];
            let bytes = written(|w| assert_eq!(association.request(21, &stub, random, w), 1));
            assert_eq!(bytes.len(), length, "{package:?}");
            let pdu = Pdu::parse(&bytes).unwrap();
            let verifier = pdu.verifier.unwrap();
            assert_eq!(pdu.request().unwrap().stub.len(), stub.len());
            assert_eq!((stub.len() + verifier.padding.len()) % 16, 0);
            assert_eq!((verifier.level, verifier.kind), (6, package.number()));
        }
    }

    #[test]
    fn long_answers_come_in_fragments_that_say_how_much_is_left() {
        let random = &mut Random::new(3);
        let mut association = association();
        association.secure(Security::new(Package::Kerberos, 0, random));
        let stub = vec![1; 12_000];
        let (mut stub, mut told) = (Unsent::new(&stub), Vec::new());
        while !stub.is_sent() {
            let bytes = written(|w| association.response_fragment(&mut stub, random, w));
            let pdu = Pdu::parse(&bytes).unwrap();
            told.push((bytes.len(), pdu.flags, pdu.call_id, pdu.response().unwrap().hint));
        }
        assert_eq!(told, [(5836, 1, 2, 12_000), (5836, 0, 2, 6_272), (652, 2, 2, 544)]);
        assert_eq!(association.call_id, 3);
    }
}
