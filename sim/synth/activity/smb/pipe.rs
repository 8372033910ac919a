//! Remote procedure calls through a named pipe, \[MS-RPCE\] section 2.1.1.2: opened, bound with
//! WRITE and READ, called with FSCTL_PIPE_TRANSCEIVE, as Windows does.

use super::file;
use super::link::{Message, Smb};
use super::seal::Seal;
use crate::base::{Random, Timestamp};
use crate::proto::dcerpc::Service;
use crate::proto::dcerpc::syntax::kind;
use crate::proto::smb2::body::{
    CreateRequest, CreateResponse, FileId, IoctlRequest, IoctlResponse, PIPE_TRANSCEIVE,
    ReadRequest, ReadResponse, WriteRequest, WriteResponse,
};
use crate::proto::smb2::part::{At8Long, At16, At16Long, At32, Buffer};
use crate::proto::smb2::{Body, command};
use crate::proto::{Id, Kind, Outcome};
use crate::synth::activity::wide;
use crate::synth::rpc::{self, Association, Carrier};
use crate::synth::tickets::Ticket;
use crate::synth::{Stage, Words};
use crate::wire::Writer;

/// Rights that a client wants of a pipe, and that it is opened without following links.
const ACCESS: u32 = 0x0012_019f;
const OPTIONS: u32 = 0x0040_0040;
/// A pipe has no attributes but "normal", \[MS-FSCC\] section 2.6.
const NORMAL: u32 = 0x80;
/// Bytes that a client reads at once from a pipe.
const READ: u32 = 1_024;

/// An interface behind a pipe.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    /// Which.
    pub rpc: rpc::Interface,
    /// Name of its pipe.
    pub pipe: &'static str,
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
    name: &'static str,
    rpc: Association,
}

impl Pipe {
    /// Opens the interface's pipe and binds to it.
    pub fn new(stage: &mut Stage<'_>, smb: &mut Smb, tree: u32, interface: Interface) -> Self {
        let mut pipe = Self::open(stage, smb, tree, interface);
        pipe.agree(stage, smb, kind::BIND, (&[], &[]));
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
        let seal = Seal::bind(&mut pipe, stage, smb, ticket);
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
        let rpc = Association::new(interface.rpc, Carrier::Pipe, &mut stage.random);
        Self { tree, file, name: interface.pipe, rpc }
    }

    /// What both ends of the association remember.
    pub const fn rpc(&mut self) -> &mut Association {
        &mut self.rpc
    }

    /// Which interface.
    pub const fn service(&self) -> Service {
        self.rpc.interface().service
    }

    /// A bind or alter_context and its answer, with their tokens; when it was asked.
    pub fn agree(
        &mut self,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        what: u8,
        (token, answer): (&[u8], &[u8]),
    ) -> Timestamp {
        let mut bytes = Vec::with_capacity(256 + token.len());
        let w = &mut Writer::new(&mut bytes);
        match what {
            kind::BIND => self.rpc.bind(token, w),
            _ => self.rpc.alter(token, w),
        }
        let time = self.write(stage, smb, &bytes);
        bytes.clear();
        let w = &mut Writer::new(&mut bytes);
        match what {
            kind::BIND => {
                let address = format!("\\PIPE\\{}\0", self.name);
                self.rpc.bind_ack(address.as_bytes(), answer, w);
            }
            _ => self.rpc.alter_ack(answer, w),
        }
        self.read(stage, smb, &bytes);
        if smb.is_clear() {
            // The answers have the numbers behind those of bind and alter_context.
            stage.told(Id::Dcerpc, what.into(), false);
            stage.told(Id::Dcerpc, u32::from(what) + 1, true);
        }
        time
    }

    fn write(&self, stage: &mut Stage<'_>, smb: &mut Smb, bytes: &[u8]) -> Timestamp {
        let body = WriteRequest {
            data: At16Long(Buffer::new(bytes)),
            file: self.file,
            ..Default::default()
        };
        let message = Message::new(command::WRITE, self.tree, Body::WriteRequest(body));
        let asked = smb.ask(stage, message);
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let body = Body::WriteResponse(WriteResponse { count, ..Default::default() });
        smb.answer(stage, asked, Message::new(command::WRITE, self.tree, body));
        asked.time
    }

    fn read(&self, stage: &mut Stage<'_>, smb: &mut Smb, bytes: &[u8]) {
        let body = ReadRequest {
            padding: 0x50,
            length: READ,
            file: self.file,
            rest: b"\0",
            ..Default::default()
        };
        let message = Message::new(command::READ, self.tree, Body::ReadRequest(body));
        let asked = smb.ask(stage, message);
        let body = ReadResponse { data: At8Long(Buffer::new(bytes)), ..Default::default() };
        smb.answer(stage, asked, Message::new(command::READ, self.tree, Body::ReadResponse(body)));
    }

    /// Calls an operation in the clear.
    pub fn call(&mut self, stage: &mut Stage<'_>, smb: &mut Smb, call: Call) {
        let Call { opnum, arguments, results, kind, target, outcome } = call;
        let Some(time) = self.transceive(stage, smb, opnum, (&arguments, &results)) else {
            return;
        };
        let (flow, principal) = (smb.link.tcp.flow, smb.principal.clone());
        let service = self.service();
        stage.did(&flow, time, kind, outcome, || Words {
            principal,
            target,
            detail: service.operation(opnum).map(str::to_owned),
        });
    }

    /// Writes arguments and reads results in one exchange, and tells it; when, where it can be
    /// seen. Stubs are at most as long as a fragment.
    pub fn transceive(
        &mut self,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        opnum: u16,
        (arguments, results): (&[u8], &[u8]),
    ) -> Option<Timestamp> {
        let mut random = Random::new(stage.random.next_u64());
        let (mut request, mut response) = (Vec::with_capacity(256), Vec::with_capacity(256));
        let counts = [
            self.rpc.request(opnum, arguments, &mut random, &mut Writer::new(&mut request)),
            self.rpc.response(results, &mut random, &mut Writer::new(&mut response)),
        ];
        let body = IoctlRequest {
            code: PIPE_TRANSCEIVE,
            file: self.file,
            input: At32(Buffer::new(&request)),
            output_max: READ,
            flags: 1,
            ..Default::default()
        };
        let message = Message::new(command::IOCTL, self.tree, Body::IoctlRequest(body));
        let asked = smb.ask(stage, message);
        let body = IoctlResponse {
            code: PIPE_TRANSCEIVE,
            file: self.file,
            output: At32(Buffer::new(&response)),
            ..Default::default()
        };
        let message = Message::new(command::IOCTL, self.tree, Body::IoctlResponse(body));
        smb.answer(stage, asked, message);
        if !smb.is_clear() {
            return None;
        }
        let code = rpc::code(self.service(), opnum);
        for (count, is_answer) in counts.into_iter().zip([false, true]) {
            (0..count).for_each(|_| stage.told(Id::Dcerpc, code, is_answer));
        }
        Some(asked.time)
    }

    /// Closes it.
    pub fn close(self, stage: &mut Stage<'_>, smb: &mut Smb) {
        file::close(stage, smb, self.tree, self.file);
    }
}
