//! A pipe whose calls are sealed with Kerberos, \[MS-RPCE\] section 3.3.1.5.2: who authenticates can be
//! seen, and which operations are called, but not with what.

use super::link::Smb;
use super::pipe::Pipe;
use crate::base::Timestamp;
use crate::proto::dcerpc::pdu::{
    Address, Body as Pdu, Fragment, Limits, OfferParts, Request, Response, Verdict, Verifier,
};
use crate::proto::dcerpc::syntax::{LEVEL_PRIVACY, auth_type, kind};
use crate::proto::gss::{self, oid};
use crate::proto::{Id, Kind, Outcome};
use crate::synth::tickets::Ticket;
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Bytes of a signature of AES, \[MS-RPCE\] section 3.3.1.5.2.2 and RFC 4121 section 4.2.6.2.
const SIGNATURE: usize = 76;
/// Sealed stubs are multiples of this, section 2.2.2.11.
const ALIGN: usize = 16;

/// Who seals.
#[derive(Debug)]
pub struct Seal {
    ticket: Ticket,
    asked: Timestamp,
    /// Calls so far.
    calls: u32,
}

impl Seal {
    /// Binds with a ticket: its token, the answer, and the third that ends it.
    pub fn bind(
        pipe: &mut Pipe,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        ticket: Ticket,
        (offers, verdicts): (Vec<OfferParts>, Vec<Verdict>),
        (limits, address): (Limits, &[u8]),
    ) -> Self {
        let mut exchange = Exchange { stage, smb, pipe };
        let token = exchange.stage.spnego(&ticket);
        let first = offers.iter().skip(1).take(1).cloned().collect();
        let body = Pdu::Offers(kind::BIND, limits, offers, ([0; 3], &[]));
        let asked = exchange.ask(kind::BIND, body, &token);
        let token = exchange.stage.spnego_answer();
        let agreed = Limits { group: 0x3400 + exchange.stage.random.below(256), ..limits };
        let accepted = verdicts.iter().skip(1).take(1).copied().collect();
        let address = Address::new(address);
        let body = Pdu::Verdicts(kind::BIND_ACK, agreed, address, verdicts, ([0; 3], &[]));
        exchange.answer(kind::BIND_ACK, body, &token);
        // The client proves that it has read the answer, \[MS-KILE\] section 3.4.5.1.
        let reply = exchange.stage.ap_rep();
        let mut token = Vec::new();
        gss::emit_response(None, None, Some(&reply), &mut Writer::new(&mut token));
        let body = Pdu::Offers(kind::ALTER_CONTEXT, agreed, first, ([0; 3], &[]));
        exchange.ask(kind::ALTER_CONTEXT, body, &token);
        token.clear();
        gss::emit_response(
            Some(0),
            Some(oid::KERBEROS_MICROSOFT),
            None,
            &mut Writer::new(&mut token),
        );
        let none = Address::new(b"");
        let body = Pdu::Verdicts(kind::ALTER_CONTEXT_RESP, agreed, none, accepted, ([0; 3], &[]));
        exchange.answer(kind::ALTER_CONTEXT_RESP, body, &token);
        Self { ticket, asked, calls: 0 }
    }

    /// What a sealed fragment ends with: a wrap token, RFC 4121 section 4.2.6.2, whose flags say who
    /// sends, that it is sealed and with which key; filled by 16 bytes and rotated by 28.
    fn signature(&self, stage: &mut Stage<'_>, is_server: bool) -> [u8; SIGNATURE] {
        let mut token = [0; SIGNATURE];
        stage.random.fill(&mut token);
        let (head, _) = token.split_at_mut(16);
        let [a, b, c, d] = self.calls.to_be_bytes();
        let flags = if is_server { 7 } else { 6 };
        head.copy_from_slice(&[5, 4, flags, 0xff, 0, 16, 0, 28, 0, 0, 0, 0, a, b, c, d]);
        token
    }

    /// Calls an operation with as many bytes of arguments and results.
    pub fn call(
        &mut self,
        pipe: &mut Pipe,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        opnum: u16,
        lengths: (usize, usize),
    ) {
        let call_id = pipe.next_call();
        let (arguments, results) = (sealed(stage, lengths.0), sealed(stage, lengths.1));
        let (signature, answered) = (self.signature(stage, false), self.signature(stage, true));
        let hint = |length: usize| u32::try_from(length).unwrap_or(0);
        let body = Pdu::Request(Request {
            hint: hint(lengths.0),
            context: 1,
            opnum,
            object: None,
            stub: &arguments,
        });
        let request = fragment(call_id, body, &signature);
        let body = Pdu::Response(
            kind::RESPONSE,
            Response { hint: hint(lengths.1), context: 1, cancels: 0, reserved: 0, stub: &results },
        );
        let response = fragment(call_id, body, &answered);
        let time = pipe.transceive(stage, smb, &request, &response);
        let service = pipe.service();
        stage.told(Id::Dcerpc, service.code(Some(opnum)), false);
        stage.told(Id::Dcerpc, service.code(Some(opnum)), true);
        let flow = smb.link.tcp.flow;
        self.calls += 1;
        if self.calls == 1 {
            stage.accessed(&flow, self.asked, &self.ticket, Outcome::Success);
        }
        let principal = self.ticket.principal(stage.cast);
        stage.did(&flow, time, Kind::RemoteCall, Outcome::Unknown, || Words {
            principal,
            target: None,
            detail: service.operation(opnum).map(str::to_owned),
        });
    }
}

/// What a bind needs.
struct Exchange<'a, 's, 'p> {
    stage: &'a mut Stage<'s>,
    smb: &'a mut Smb,
    pipe: &'p mut Pipe,
}

impl Exchange<'_, '_, '_> {
    fn ask(&mut self, what: u8, body: Pdu<'_>, token: &[u8]) -> Timestamp {
        let bytes = fragment(self.pipe.next_call(), body, token);
        self.stage.told(Id::Dcerpc, what.into(), false);
        self.pipe.write(self.stage, self.smb, &bytes)
    }

    fn answer(&mut self, what: u8, body: Pdu<'_>, token: &[u8]) {
        let bytes = fragment(self.pipe.last_call(), body, token);
        self.stage.told(Id::Dcerpc, what.into(), true);
        self.pipe.read(self.stage, self.smb, &bytes);
    }
}

/// A fragment with its verifier, which is aligned.
fn fragment(call_id: u32, body: Pdu<'_>, token: &[u8]) -> Vec<u8> {
    let verifier = Verifier {
        kind: auth_type::NEGOTIATE,
        level: LEVEL_PRIVACY,
        padding: &[],
        reserved: 0,
        context: 0,
        token,
    };
    let mut bytes = Vec::with_capacity(256 + token.len());
    let fragment = Fragment { verifier: Some(verifier), ..Fragment::new(call_id, body) };
    fragment.emit(&mut Writer::new(&mut bytes));
    bytes
}

fn sealed(stage: &mut Stage<'_>, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length.next_multiple_of(ALIGN)];
    stage.random.fill(&mut bytes);
    bytes
}
