//! Remote procedure calls through a named pipe, \[MS-RPCE\] section 2.1.1.2: opened, bound with
//! WRITE and READ, called with FSCTL_PIPE_TRANSCEIVE, as Windows does.

use super::file;
use super::link::{Message, Smb};
use super::seal::Seal;
use super::tokens::wide;
use crate::base::Timestamp;
use crate::proto::dcerpc::pdu::{
    Address, Body as Pdu, Fragment, Limits, OfferParts, Request, Response, Verdict,
};
use crate::proto::dcerpc::syntax::{Syntax, Uuid, kind};
use crate::proto::dcerpc::{Service, is_little_endian};
use crate::proto::smb2::body::{
    CreateRequest, CreateResponse, FileId, IoctlRequest, IoctlResponse, PIPE_TRANSCEIVE,
    ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use crate::proto::smb2::part::{At8Long, At16, At16Long, At32, Buffer};
use crate::proto::smb2::{Body, command};
use crate::proto::{Id, Kind, Outcome};
use crate::synth::tickets::Ticket;
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Rights that a client wants of a pipe, and that it is opened without following links.
const ACCESS: u32 = 0x0012_019f;
const OPTIONS: u32 = 0x0040_0040;
/// A pipe has no attributes but "normal", \[MS-FSCC\] section 2.6.
const NORMAL: u32 = 0x80;
/// Longest fragment over a pipe, \[MS-RPCE\] section 3.3.1.5.2.
const FRAGMENT: u16 = 4_280;
const LIMITS: Limits = Limits { transmit: FRAGMENT, receive: FRAGMENT, group: 0 };
/// Bytes that a client reads at once from a pipe.
const READ: u32 = 1_024;
/// Features of a bind, \[MS-RPCE\] section 2.2.2.14.
const FEATURES: Syntax =
    Syntax { uuid: Uuid(0x6cb71c2c_9812_4540_0300_000000000000), version: 1, minor: 0 };
/// No encoding.
const NO_SYNTAX: Syntax = Syntax { uuid: Uuid(0), version: 0, minor: 0 };

/// An interface behind a pipe.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    /// Which.
    pub service: Service,
    /// Name of its pipe.
    pub pipe: &'static str,
    /// Its version.
    pub version: u16,
    /// Whether it is called in 64-bit NDR, as between Windows of 64 bits.
    pub is_wide: bool,
}

/// A call.
#[derive(Debug)]
pub struct Call {
    /// Number of its operation.
    pub opnum: u16,
    /// Arguments.
    pub arguments: Vec<u8>,
    /// Results, and at their end what it returns.
    pub results: Vec<u8>,
    /// Which activity it is.
    pub kind: Kind,
    /// What it is done to.
    pub target: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
}

/// A bound pipe.
#[derive(Debug)]
pub struct Pipe {
    tree: u32,
    file: FileId,
    interface: Interface,
    call_id: u32,
}

impl Pipe {
    /// Opens the interface's pipe and binds to it.
    pub fn new(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, interface: Interface) -> Self {
        let mut pipe = Self::open(stage, smb, tree, interface);
        pipe.bind(stage, smb);
        pipe
    }

    /// Opens the interface's pipe and binds to it so that calls are sealed.
    pub fn sealed(
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        tree: u32,
        interface: Interface,
        ticket: Ticket,
    ) -> (Self, Seal) {
        let mut pipe = Self::open(stage, smb, tree, interface);
        let address = format!("\\PIPE\\{}\0", interface.pipe);
        let parts = (pipe.offers(), pipe.verdicts());
        let seal = Seal::bind(&mut pipe, stage, smb, ticket, parts, (LIMITS, address.as_bytes()));
        (pipe, seal)
    }

    fn open(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, interface: Interface) -> Self {
        let name = wide(interface.pipe);
        let body = CreateRequest {
            impersonation: 2,
            desired_access: ACCESS,
            share_access: 7,
            disposition: 1,
            options: OPTIONS,
            name: At16(Buffer::new(&name)),
            ..Default::default()
        };
        let asked = smb.ask(stage, Message::new(command::CREATE, tree, Body::CreateRequest(body)));
        let file = smb.new_file();
        let body = CreateResponse {
            action: 1,
            allocated: 4_096,
            attributes: NORMAL,
            file,
            ..Default::default()
        };
        smb.answer(stage, asked, Message::new(command::CREATE, tree, Body::CreateResponse(body)));
        file::standard(stage, smb, tree, file);
        Self { tree, file, interface, call_id: 1 }
    }

    fn offers(&self) -> Vec<OfferParts> {
        let Interface { service, version, .. } = self.interface;
        let interface = Syntax { uuid: service.uuid(), version, minor: 0 };
        let offers = [Syntax::NDR, Syntax::NDR64, FEATURES].into_iter().zip(0..);
        let offer =
            |(transfer, id)| OfferParts { id, interface, transfers: vec![transfer], reserved: 0 };
        offers.map(offer).collect()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let yes = |transfer| Verdict { result: 0, reason: 0, transfer };
        let no = Verdict { result: 2, reason: 2, transfer: NO_SYNTAX };
        let features = Verdict { result: 3, reason: 3, transfer: NO_SYNTAX };
        match self.interface.is_wide {
            true => vec![no, yes(Syntax::NDR64), features],
            false => vec![yes(Syntax::NDR), no, features],
        }
    }

    fn bind(&mut self, stage: &mut Stage<'_>, smb: &mut Smb) {
        let body = Pdu::Offers(kind::BIND, LIMITS, self.offers(), ([0; 3], &[]));
        let bind = emitted(&Fragment::new(self.next_call(), body));
        self.write(stage, smb, &bind);
        let address = format!("\\PIPE\\{}\0", self.interface.pipe);
        let limits = Limits { group: 0x3400 + stage.random.below(256), ..LIMITS };
        let address = Address::new(address.as_bytes());
        let verdicts = self.verdicts();
        let body = Pdu::Verdicts(kind::BIND_ACK, limits, address, verdicts, ([0; 3], &[]));
        let answer = emitted(&Fragment::new(self.call_id, body));
        if smb.is_clear() {
            stage.told(Id::Dcerpc, kind::BIND.into(), false);
            stage.told(Id::Dcerpc, kind::BIND_ACK.into(), true);
        }
        self.read(stage, smb, &answer);
    }

    /// Number of the next call.
    pub fn next_call(&mut self) -> u32 {
        self.call_id += 1;
        self.call_id
    }

    /// Number of the last one.
    pub const fn last_call(&self) -> u32 {
        self.call_id
    }

    /// Which interface.
    pub const fn service(&self) -> Service {
        self.interface.service
    }

    /// Writes into the pipe; when.
    pub fn write(&self, stage: &mut Stage<'_>, smb: &mut Smb, bytes: &[u8]) -> Timestamp {
        let body = WriteRequest {
            data: At16Long(Buffer::new(bytes)),
            file: self.file,
            ..Default::default()
        };
        let asked =
            smb.ask(stage, Message::new(command::WRITE, self.tree, Body::WriteRequest(body)));
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let body = Body::WriteResponse(WriteResponse { count, ..Default::default() });
        smb.answer(stage, asked, Message::new(command::WRITE, self.tree, body));
        asked.time
    }

    /// Reads out of the pipe.
    pub fn read(&self, stage: &mut Stage<'_>, smb: &mut Smb, bytes: &[u8]) {
        let body = ReadRequest {
            padding: 0x50,
            length: READ,
            file: self.file,
            rest: b"\0",
            ..Default::default()
        };
        let asked = smb.ask(stage, Message::new(command::READ, self.tree, Body::ReadRequest(body)));
        let body = ReadResponse { data: At8Long(Buffer::new(bytes)), ..Default::default() };
        smb.answer(stage, asked, Message::new(command::READ, self.tree, Body::ReadResponse(body)));
    }

    /// Calls an operation.
    pub fn call(&mut self, stage: &mut Stage<'_>, smb: &mut Smb, call: Call) {
        let call_id = self.next_call();
        let context = u16::from(self.interface.is_wide);
        let hint = |stub: &[u8]| u32::try_from(stub.len()).unwrap_or(0);
        let Call { opnum, arguments, results, kind: what, target, outcome } = call;
        let body = Pdu::Request(Request {
            hint: hint(&arguments),
            context,
            opnum,
            object: None,
            stub: &arguments,
        });
        let request = emitted(&Fragment::new(call_id, body));
        let body = Pdu::Response(
            kind::RESPONSE,
            Response { hint: hint(&results), context, cancels: 0, reserved: 0, stub: &results },
        );
        let response = emitted(&Fragment::new(call_id, body));
        let time = self.transceive(stage, smb, &request, &response);
        if !smb.is_clear() {
            return;
        }
        let service = self.interface.service;
        stage.told(Id::Dcerpc, service.code(Some(opnum)), false);
        stage.told(Id::Dcerpc, service.code(Some(opnum)), true);
        let (flow, principal) = (smb.link.tcp.flow, smb.principal.clone());
        stage.did(&flow, time, what, outcome, || Words {
            principal,
            target,
            detail: service.operation(opnum).map(str::to_owned),
        });
    }

    /// Writes and reads in one exchange; when.
    pub fn transceive(
        &self,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        request: &[u8],
        response: &[u8],
    ) -> Timestamp {
        let body = IoctlRequest {
            code: PIPE_TRANSCEIVE,
            file: self.file,
            input: At32(Buffer::new(request)),
            output_max: READ,
            flags: 1,
            ..Default::default()
        };
        let asked =
            smb.ask(stage, Message::new(command::IOCTL, self.tree, Body::IoctlRequest(body)));
        let body = IoctlResponse {
            code: PIPE_TRANSCEIVE,
            file: self.file,
            output: At32(Buffer::new(response)),
            ..Default::default()
        };
        let message = Message::new(command::IOCTL, self.tree, Body::IoctlResponse(body));
        smb.answer(stage, asked, message);
        asked.time
    }

    /// Closes it.
    pub fn close(self, stage: &mut Stage<'_>, smb: &mut Smb) {
        file::close(stage, smb, self.tree, self.file);
    }
}

fn emitted(fragment: &Fragment<'_>) -> Vec<u8> {
    debug_assert!(is_little_endian(&fragment.representation));
    let mut bytes = Vec::with_capacity(200);
    fragment.emit(&mut Writer::new(&mut bytes));
    bytes
}
