//! One association: which interfaces its contexts mean, which calls wait, who authenticated.

use super::datagram::DatagramPacket;
use super::epm::Endpoint;
use super::interfaces::{self, Service};
use super::logon::Logons;
use super::meaning;
use super::pdu::Pdu;
use super::status;
use super::syntax::{Syntax, auth_type, kind};
use super::view::{Carrier, Packet, View};
use super::{Header, connection_length};
use crate::proto::{
    Context, Dialogue, Held, Id, Kind, Message, Observer, Outcome, Pending, Quality, Side, Tally,
};
use crate::wire::{Reader, WireError};

/// Presentation contexts remembered: Windows offers three for each interface.
const CONTEXTS_MAX: usize = 64;
/// Calls that may wait for their answers.
const CALLS_MAX: usize = 32;

/// Tells calls apart: connectionless ones by activity and sequence number, others by their
/// identifier alone.
type Key = (u128, u32);

/// One association over a named pipe or a connection, or one client's datagrams: what both
/// sides send and what it means.
#[derive(Debug, Default)]
pub struct Association {
    contexts: Vec<Presentation>,
    /// Contexts in the order in which the last bind offers them.
    offered: Vec<u16>,
    calls: Vec<Call>,
    pending: Pending<Key, CALLS_MAX>,
    logons: Logons,
    /// Whoever opened the pipe.
    account: Held,
    /// Beginning of a packet that each side of a pipe has sent: less than 65,536 octets.
    parts: [Vec<u8>; 2],
    /// Something over the pipe was RPC.
    is_proven: bool,
}

/// One presentation context.
#[derive(Debug, Clone, Copy)]
struct Presentation {
    id: u16,
    interface: Syntax,
    service: Option<Service>,
    is_wide: bool,
}

/// A call that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Call {
    key: Key,
    interface: Option<Syntax>,
    service: Option<Service>,
    opnum: u16,
    is_wide: bool,
}

impl Association {
    /// Whose calls those are for which nobody authenticates on the association itself: of the
    /// account whose session opened the pipe, \[MS-RPCE\] section 2.1.1.2.
    pub fn set_account(&mut self, account: &dyn std::fmt::Display) {
        self.account.set(account);
    }

    /// Reads bytes that `context.side` sent next through a pipe: one fragment, several, or part
    /// of one. What is no RPC is left alone, and counted as malformed where RPC came before.
    pub fn bytes(&mut self, bytes: &[u8], context: &Context, out: &mut dyn Observer) {
        let side = context.side.index();
        let Some(mut part) = self.parts.get_mut(side).map(std::mem::take) else { return };
        let rest = self.complete(&mut part, bytes, context, out);
        let rest = self.whole(rest, context, out);
        part.extend_from_slice(rest);
        if context.is_cut {
            if let Some(length) = wanted(&part).filter(|_| part.len() >= Header::LEN) {
                self.packet(&part, length, context, out);
            }
            part.clear();
        }
        if let Some(place) = self.parts.get_mut(side) {
            *place = part;
        }
    }

    /// Reads the packet that `part` and the beginning of `bytes` make up, and gives the rest.
    fn complete<'b>(
        &mut self,
        part: &mut Vec<u8>,
        mut bytes: &'b [u8],
        context: &Context,
        out: &mut dyn Observer,
    ) -> &'b [u8] {
        while !part.is_empty() && !bytes.is_empty() {
            let missing = wanted(part).unwrap_or(0).saturating_sub(part.len());
            let (more, rest) = bytes.split_at(missing.min(bytes.len()));
            part.extend_from_slice(more);
            bytes = rest;
            match wanted(part) {
                Some(length) if length > part.len() => {}
                Some(length) => {
                    self.packet(part, length, context, out);
                    part.clear();
                }
                None => part.clear(),
            }
        }
        bytes
    }

    /// Reads the packets that `bytes` begins with, and gives the beginning of the next.
    fn whole<'b>(
        &mut self,
        mut bytes: &'b [u8],
        context: &Context,
        out: &mut dyn Observer,
    ) -> &'b [u8] {
        while !bytes.is_empty() {
            let length = match connection_length(&mut Reader::new("dcerpc::Header", bytes)) {
                Ok(length) => length,
                Err(error) if error.is_truncation() => return bytes,
                Err(error) => {
                    if self.is_proven {
                        out.malformed(Id::Dcerpc, error);
                    }
                    return &[];
                }
            };
            let Some((packet, rest)) = bytes.split_at_checked(length) else { return bytes };
            self.packet(packet, length, context, out);
            bytes = rest;
        }
        bytes
    }

    /// Panics where more is remembered than the limits allow.
    #[cfg(test)]
    pub(super) fn assert_bounded(&self) {
        let part = usize::from(u16::MAX);
        assert!(self.contexts.len() <= CONTEXTS_MAX && self.calls.len() <= CALLS_MAX);
        assert!(self.offered.len() <= usize::from(u8::MAX));
        assert!(self.parts.iter().all(|bytes| bytes.len() < part));
    }

    fn packet(&mut self, input: &[u8], length: usize, outer: &Context, out: &mut dyn Observer) {
        let is_cut = input.len() < length;
        let context = Context { length, is_cut, ..*outer };
        match self.connection(input, &context, Carrier::Pipe, out) {
            Ok(()) => self.is_proven = true,
            Err(error) => out.malformed(Id::Dcerpc, error),
        }
    }

    /// Reads one connection-oriented packet.
    ///
    /// # Errors
    /// What is wrong with it; it is then not told.
    pub(super) fn connection(
        &mut self,
        input: &[u8],
        context: &Context,
        carrier: Carrier,
        out: &mut dyn Observer,
    ) -> Result<(), WireError> {
        let pdu = Pdu::parse(input)?;
        if !pdu.is_cut {
            pdu.check()?;
        }
        match pdu.kind {
            kind::REQUEST => self.request(&pdu, context, carrier, out),
            kind::RESPONSE | kind::FAULT => self.response(&pdu, context, carrier, out),
            _ => {
                let (interface, opnum, is_wide) = (None, None, false);
                let packet = Packet::Connection(pdu);
                let view = View { packet, carrier, interface, opnum, is_wide };
                tell(&view, u32::from(pdu.kind), None, context, out);
                self.agreement(&pdu, context, carrier, out);
            }
        }
        Ok(())
    }

    /// Binds, their answers, and what else is no call.
    fn agreement(
        &mut self,
        pdu: &Pdu<'_>,
        context: &Context,
        carrier: Carrier,
        out: &mut dyn Observer,
    ) {
        let mut is_mapper = false;
        match pdu.kind {
            kind::BIND | kind::ALTER_CONTEXT => {
                is_mapper = self.offer(pdu) && carrier == Carrier::Connection;
            }
            kind::BIND_ACK | kind::ALTER_CONTEXT_RESP => self.accept(pdu),
            kind::BIND_NAK => {
                let code = pdu.reason().map_or(0, u32::from);
                let outcome = Outcome::Failure { code, name: status::refusal(code) };
                self.logons.refused(outcome, context, out);
                return;
            }
            kind::AUTH3 => {}
            _ => return,
        }
        if let Some(verifier) = &pdu.verifier {
            self.logons.token(verifier, is_mapper, context, out);
        }
    }

    /// Remembers offered contexts. Whether one is for a service at the endpoint mapper's port.
    fn offer(&mut self, pdu: &Pdu<'_>) -> bool {
        self.offered.clear();
        let mut is_mapper = false;
        for offer in pdu.offers() {
            let service = Service::of(offer.interface.uuid);
            is_mapper |= service.is_some_and(Service::is_at_mapper);
            let is_wide = offer.transfers(pdu.order).next() == Some(Syntax::NDR64);
            let interface = offer.interface;
            let presentation = Presentation { id: offer.id, interface, service, is_wide };
            self.offered.push(offer.id);
            if let Some(known) = self.contexts.iter_mut().find(|known| known.id == offer.id) {
                *known = presentation;
                continue;
            }
            if self.contexts.len() == CONTEXTS_MAX {
                self.contexts.remove(0);
            }
            self.contexts.push(presentation);
        }
        is_mapper
    }

    /// Notes the encodings that were agreed on.
    fn accept(&mut self, pdu: &Pdu<'_>) {
        const ACCEPTED: u16 = 0;
        for (id, verdict) in self.offered.iter().zip(pdu.verdicts()) {
            if verdict.result == ACCEPTED
                && let Some(known) = self.contexts.iter_mut().find(|known| known.id == *id)
            {
                known.is_wide = verdict.transfer.uuid == Syntax::NDR64.uuid;
            }
        }
    }

    fn request(
        &mut self,
        pdu: &Pdu<'_>,
        context: &Context,
        carrier: Carrier,
        out: &mut dyn Observer,
    ) {
        let request = pdu.request();
        let known = request.and_then(|request| {
            self.contexts.iter().find(|known| known.id == request.context).copied()
        });
        let guessed = match known {
            Some(_) => None,
            None => unbound(pdu, carrier, out),
        };
        let interface = known.map(|known| known.interface).or(guessed);
        let view = View {
            packet: Packet::Connection(*pdu),
            carrier,
            interface,
            opnum: request.map(|request| request.opnum),
            is_wide: known.is_some_and(|known| known.is_wide),
        };
        let service = match known {
            Some(known) => known.service,
            None => guessed.and_then(|guessed| Service::of(guessed.uuid)),
        };
        tell(&view, code(service, view.opnum), service, context, out);
        if pdu.is_first() {
            // Without its bind nobody knows how arguments are encoded.
            let is_readable = known.is_some();
            self.begin((0, pdu.call_id), &view, (service, is_readable), context, out);
        }
    }

    /// Remembers a call and the activity that it is.
    fn begin(
        &mut self,
        key: Key,
        view: &View<'_>,
        (service, is_readable): (Option<Service>, bool),
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let Some(opnum) = view.opnum else { return };
        let (interface, is_wide) = (view.interface, view.is_wide);
        self.calls.retain(|call| call.key != key);
        if self.calls.len() == CALLS_MAX {
            self.calls.remove(0);
        }
        self.calls.push(Call { key, interface, service, opnum, is_wide });
        let kind = service.map_or(Kind::RemoteCall, |service| meaning::kind(service, opnum));
        let asked = self.pending.ask(key, (kind, Id::Dcerpc), (context.time, context.side), out);
        match service.map(|service| (service.name(), service.operation(opnum))) {
            Some((_, Some(name))) => asked.detail.set(&name),
            Some((name, None)) => asked.detail.set(&format_args!("{name} opnum {opnum}")),
            None => asked.detail.set(&format_args!("opnum {opnum} of an unknown interface")),
        }
        if self.logons.is_idle() {
            asked.principal.set(&self.account);
        } else if let Some(name) = self.logons.principal(view.verifier().as_ref()) {
            asked.principal.set(name);
        }
        if let (Some(service), Some(stub)) = (service, view.arguments().filter(|_| is_readable)) {
            meaning::arguments(service, opnum, stub, asked);
        }
    }

    fn response(
        &mut self,
        pdu: &Pdu<'_>,
        context: &Context,
        carrier: Carrier,
        out: &mut dyn Observer,
    ) {
        let call = self.calls.iter().find(|call| call.key == (0, pdu.call_id)).copied();
        let id = pdu.response().map(|response| response.context);
        let known = self.contexts.iter().find(|known| Some(known.id) == id).copied();
        let view = View {
            packet: Packet::Connection(*pdu),
            carrier,
            interface: call.map_or(known.map(|known| known.interface), |call| call.interface),
            opnum: call.map(|call| call.opnum),
            is_wide: call.is_some_and(|call| call.is_wide),
        };
        let service = call.map_or(known.and_then(|known| known.service), |call| call.service);
        let code = match pdu.kind {
            kind::FAULT => u32::from(kind::FAULT),
            _ => code(service, view.opnum),
        };
        tell(&view, code, service, context, out);
        if let Some(call) = call {
            self.answer(&call, &view, context, out);
        }
    }

    /// What an answer says about its call.
    fn answer(&mut self, call: &Call, view: &View<'_>, context: &Context, out: &mut dyn Observer) {
        if view.is_first()
            && let Some(tower) = view.towers().next()
            && let Some(asked) = self.pending.get(call.key)
        {
            asked.add_detail(&tower);
            for tower in view.towers() {
                if let Endpoint::Tcp(port) = tower.endpoint {
                    out.learn_endpoint(port, tower.interface);
                }
            }
        }
        let is_fault = matches!(view.kind(), kind::FAULT | kind::REJECT);
        if !is_fault && !view.is_last() {
            return;
        }
        let fault = view.fault();
        let outcome = match (is_fault, fault, returned(view, call.service)) {
            (true, Some(code), _) => Outcome::Failure { code, name: status::fault(code) },
            (false, _, Some(outcome)) => outcome,
            _ => Outcome::Unknown,
        };
        let is_refused =
            matches!(fault, Some(status::ACCESS_DENIED | status::STATUS_ACCESS_DENIED));
        let logon = if is_refused { outcome } else { Outcome::Success };
        let name = call.service.map(Service::name);
        let target = name.as_ref().map(|name| name as &dyn std::fmt::Display);
        self.logons.answered(view.verifier().as_ref(), (logon, target), context, out);
        self.pending.answer(call.key, outcome, out);
        self.calls.retain(|waiting| waiting.key != call.key);
    }

    /// Reads one connectionless packet.
    pub(super) fn datagram(
        &mut self,
        datagram: &DatagramPacket<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let kind = datagram.header.kind;
        let interface = datagram.interface();
        let service = Service::of(interface.uuid);
        let view = View {
            packet: Packet::Datagram(*datagram),
            carrier: Carrier::Datagram,
            interface: Some(interface),
            opnum: Some(datagram.opnum()),
            is_wide: false,
        };
        let code = match kind {
            kind::REQUEST | kind::RESPONSE => code(service, view.opnum),
            _ => u32::from(kind),
        };
        tell(&view, code, service, context, out);
        let key = datagram.key();
        match kind {
            kind::REQUEST if datagram.is_first() => {
                self.begin(key, &view, (service, true), context, out);
                if datagram.is_unanswered() {
                    self.pending.answer(key, Outcome::Unknown, out);
                    self.calls.retain(|call| call.key != key);
                }
            }
            kind::RESPONSE | kind::FAULT | kind::REJECT => {
                let call = self.calls.iter().find(|call| call.key == key).copied();
                if let Some(call) = call {
                    self.answer(&call, &view, context, out);
                }
            }
            _ => {}
        }
    }
}

/// The interface of a request whose bind was not captured, as far as it can be told.
///
/// The secure channel's package seals calls of Netlogon and, over TCP the only ones of its interface,
/// two of the local security authority's, \[MS-LSAT\] section 2.1. Otherwise an endpoint mapper may
/// have told what is at the port; but what another package seals is neither's, although they share
/// the port with other interfaces.
fn unbound(pdu: &Pdu<'_>, carrier: Carrier, out: &mut dyn Observer) -> Option<Syntax> {
    /// LsarLookupSids3 and LsarLookupNames4, \[MS-LSAT\] section 3.1.4.
    const LOOKUPS: [u16; 2] = [76, 77];
    let interface = |service: Service, version| Syntax { uuid: service.uuid(), version, minor: 0 };
    let package = pdu.verifier.as_ref().map(|verifier| verifier.kind);
    if package == Some(auth_type::NETLOGON) {
        let is_lookup = LOOKUPS.contains(&pdu.request()?.opnum);
        return Some(match is_lookup {
            true => interface(Service::Lsarpc, 0),
            false => interface(Service::Netlogon, 1),
        });
    }
    let told = if carrier == Carrier::Connection { out.endpoint()? } else { return None };
    let is_of_channel = matches!(Service::of(told.uuid), Some(Service::Netlogon | Service::Lsarpc));
    (package.is_none() || !is_of_channel).then_some(told)
}

/// How many octets of a packet must be there to go on: its common header, then all of it. `None`
/// where `bytes` begin no packet.
fn wanted(bytes: &[u8]) -> Option<usize> {
    match connection_length(&mut Reader::new("dcerpc::Header", bytes)) {
        Ok(length) => Some(length),
        Err(error) => error.is_truncation().then_some(Header::LEN),
    }
}

/// What a call returned, where that can be read.
fn returned(view: &View<'_>, service: Option<Service>) -> Option<Outcome> {
    let stub = view.stub().filter(|_| !view.is_cut())?;
    let value = view.order().get_u32(*stub.last_chunk()?);
    Some(meaning::outcome(service?.answer(), value))
}

fn code(service: Option<Service>, opnum: Option<u16>) -> u32 {
    service.map_or(interfaces::UNKNOWN, |service| service.code(opnum))
}

/// Tells a packet.
fn tell(
    view: &View<'_>,
    operation: u32,
    service: Option<Service>,
    context: &Context,
    out: &mut dyn Observer,
) {
    let kind = view.kind();
    let is_call = matches!(kind, kind::REQUEST | kind::RESPONSE);
    let quality = if view.is_cut() || context.is_cut {
        Quality::Cut
    } else if is_call && (service.is_none() || view.stub().is_none()) {
        Quality::Opaque
    } else {
        Quality::Parsed
    };
    let is_answer = matches!(
        kind,
        kind::RESPONSE
            | kind::FAULT
            | kind::WORKING
            | kind::NOCALL
            | kind::REJECT
            | kind::CANCEL_ACK
            | kind::BIND_ACK
            | kind::BIND_NAK
            | kind::ALTER_CONTEXT_RESP
    );
    let tally = Tally { operation, is_answer, bytes: context.length, quality };
    out.message(context, &Message::Dcerpc(*view), tally);
}

impl Dialogue for Association {
    fn gap(&mut self, side: Side) {
        if let Some(part) = self.parts.get_mut(side.index()) {
            part.clear();
        }
    }

    fn is_idle(&self) -> bool {
        self.calls.is_empty()
            && self.pending.is_empty()
            && self.contexts.is_empty()
            && self.logons.is_idle()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.pending.finish(out);
        self.logons.finish(out);
    }

    fn reset(&mut self) {
        self.contexts.clear();
        self.offered.clear();
        self.calls.clear();
        self.pending.reset();
        self.logons.reset();
        self.account.clear();
        self.parts.iter_mut().for_each(Vec::clear);
        self.is_proven = false;
    }

    fn memory(&self) -> usize {
        let parts: usize = self.parts.iter().map(Vec::capacity).sum();
        parts
            + self.contexts.capacity() * size_of::<Presentation>()
            + self.offered.capacity() * size_of::<u16>()
            + self.calls.capacity() * size_of::<Call>()
            + self.pending.memory()
            + self.logons.memory()
            + self.account.memory()
    }
}
