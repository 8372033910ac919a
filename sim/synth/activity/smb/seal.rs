//! A pipe whose calls are sealed with Kerberos, \[MS-RPCE\] section 3.3.1.5.2: who authenticates
//! can be seen, and which operations are called, but not with what.

use super::link::Smb;
use super::pipe::Pipe;
use crate::base::Timestamp;
use crate::proto::dcerpc::syntax::kind;
use crate::proto::{Kind, Outcome};
use crate::synth::tickets::Ticket;
use crate::synth::{Stage, Words};

/// Who seals.
#[derive(Debug)]
pub struct Seal {
    ticket: Ticket,
    asked: Timestamp,
    /// Calls so far.
    calls: u32,
}

impl Seal {
    /// Binds with a ticket: its token, the answer, and the third, with which the client proves
    /// that it has read the answer, \[MS-KILE\] section 3.4.5.1.
    pub fn bind(pipe: &mut Pipe, stage: &mut Stage<'_>, smb: &mut Smb, ticket: Ticket) -> Self {
        let [first, second, third, fourth] = pipe.rpc().seal(stage, &ticket);
        let asked = pipe.agree(stage, smb, kind::BIND, (&first, &second));
        pipe.agree(stage, smb, kind::ALTER_CONTEXT, (&third, &fourth));
        Self { ticket, asked, calls: 0 }
    }

    /// Calls an operation with as many bytes of arguments and results.
    pub fn call(
        &mut self,
        pipe: &mut Pipe,
        stage: &mut Stage<'_>,
        smb: &mut Smb,
        opnum: u16,
        (asked, answered): (usize, usize),
    ) {
        let (mut arguments, mut results) = (vec![0; asked], vec![0; answered]);
        stage.random.fill(&mut arguments);
        stage.random.fill(&mut results);
        let Some(time) = pipe.transceive(stage, smb, opnum, (&arguments, &results)) else {
            return;
        };
        let flow = smb.link.tcp.flow;
        self.calls += 1;
        if self.calls == 1 {
            stage.accessed(&flow, self.asked, &self.ticket, Outcome::Success);
        }
        let (service, principal) = (pipe.service(), self.ticket.principal(stage.cast));
        stage.did(&flow, time, Kind::RemoteCall, Outcome::Unknown, || Words {
            principal,
            target: None,
            detail: service.operation(opnum).map(str::to_owned),
        });
    }
}
