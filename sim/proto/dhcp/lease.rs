//! Leases asked for, granted and refused.

use std::fmt::Display;
use std::net::Ipv4Addr;

use super::{COOKIE, FullName, Header, Message, Names, Value, View};
use crate::proto::{
    Activity, Context, Dialogue, Held, Id, Kind, Observer, Outcome, Pending, Side, Utf8,
};

/// Requests through one relay agent that wait for an answer at most.
const RELAYED_MAX: usize = 32;
/// What a lease is asked for with, RFC 2132 section 9.6: its name in every activity.
const ASKED_WITH: &str = "DHCPREQUEST";

/// What a lease is made of, gathered in one walk.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// Message type.
    pub kind: Option<u8>,
    host: Option<&'a [u8]>,
    full: Option<&'a [u8]>,
    requested: Option<&'a [u8]>,
}

impl<'a> Facts<'a> {
    /// Gathers them.
    pub fn of(view: &View<'a>) -> Self {
        let mut facts = Self::default();
        for (code, value) in view.options() {
            match code {
                super::MESSAGE_TYPE => facts.kind = value.first().copied(),
                super::HOST_NAME => facts.host = facts.host.or(Some(value)),
                super::FULL_NAME => facts.full = facts.full.or(Some(value)),
                super::REQUESTED_ADDRESS => facts.requested = Some(value),
                _ => {}
            }
        }
        facts
    }

    /// Sets `name` to the client's name, or where it gives none to its hardware address.
    fn name_client(&self, view: &View<'_>, name: &mut Held) {
        match (self.host, self.full.and_then(FullName::parse)) {
            (Some(host), _) => name.set(&Utf8(host)),
            (None, Some(full)) => name.set(&full),
            (None, None) => name.set(&view.hardware_address()),
        }
    }

    /// The address that is asked for.
    fn wanted(&self, view: &View<'_>) -> Option<Ipv4Addr> {
        let requested = self.requested.and_then(|value| <[u8; 4]>::try_from(value).ok());
        address(requested.unwrap_or(view.header().client_address()))
    }
}

/// An address, unless it is none.
fn address(octets: [u8; 4]) -> Option<Ipv4Addr> {
    Some(Ipv4Addr::from(octets)).filter(|address| !address.is_unspecified())
}

/// What is remembered of one flow, by transaction.
#[derive(Debug, Default)]
pub struct Exchange {
    /// Requests of relay agents, which are answered where they came from (RFC 2131 section 4.1).
    relayed: Pending<u32, RELAYED_MAX>,
    /// The last request of a client that has an address: answered here, or, if it was broadcast,
    /// elsewhere, which is where it is told then.
    renewing: Pending<u32, 1>,
    /// For the name in an answer whose request is in another flow.
    name: Held,
}

impl Exchange {
    /// Takes one message.
    pub(super) fn message(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        match facts.kind {
            Some(super::TYPE_REQUEST) => self.request(view, facts, context, out),
            Some(super::TYPE_ACK) => self.answer(view, facts, Outcome::Success, context, out),
            Some(code @ super::TYPE_NAK) => {
                let refused = Outcome::of(code.into(), |_| "DHCPNAK");
                self.answer(view, facts, refused, context, out);
            }
            _ => {}
        }
    }

    fn request(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let header = view.header();
        let (key, what) = (header.transaction_id(), (Kind::AddressLease, Id::Dhcp));
        let at = (context.time, context.side);
        let asked = if address(header.gateway_address()).is_some() {
            self.relayed.ask(key, what, at, out)
        } else if address(header.client_address()).is_some() {
            self.renewing.reset();
            self.renewing.ask(key, what, at, out)
        } else {
            return; // broadcast: the answer tells
        };
        facts.name_client(view, &mut asked.principal);
        if let Some(wanted) = facts.wanted(view) {
            asked.target.set(&wanted);
        }
        asked.detail.set(&ASKED_WITH);
    }

    fn answer(
        &mut self,
        view: &View<'_>,
        facts: &Facts<'_>,
        outcome: Outcome,
        context: &Context,
        out: &mut dyn Observer,
    ) {
        let key = view.header().transaction_id();
        let given = address(view.header().your_address());
        for asked in [self.relayed.get(key), self.renewing.get(key)].into_iter().flatten() {
            if let Some(given) = &given {
                asked.target.set(given);
            }
        }
        if self.relayed.answer(key, outcome, out) || self.renewing.answer(key, outcome, out) {
            return;
        }
        if given.is_none() && outcome == Outcome::Success {
            return; // parameters alone, RFC 2131 section 4.3.5
        }
        facts.name_client(view, &mut self.name);
        out.activity(&Activity {
            kind: Kind::AddressLease,
            protocol: Id::Dhcp,
            time: context.time,
            asked_by: match context.side {
                Side::Client => Side::Server,
                Side::Server => Side::Client,
            },
            principal: self.name.shown(),
            target: given.as_ref().map(|given| given as &dyn Display),
            detail: Some(&ASKED_WITH),
            outcome,
        });
    }
}

impl Dialogue for Exchange {
    fn is_idle(&self) -> bool {
        self.relayed.is_empty() && self.renewing.is_empty()
    }

    fn finish(&mut self, out: &mut dyn Observer) {
        self.relayed.finish(out);
        self.renewing.reset();
    }

    fn reset(&mut self) {
        self.relayed.reset();
        self.renewing.reset();
        self.name.clear();
    }

    fn memory(&self) -> usize {
        self.relayed.memory() + self.renewing.memory() + self.name.memory()
    }
}

/// An exchange from discovery to release, through a relay agent and without, each field with a
/// value of its own.
pub(super) fn samples() -> Vec<Message<'static>> {
    const HOST: (u8, Value<'_>) = (super::HOST_NAME, Value::Text(Utf8(b"ws07")));
    const SERVER: (u8, Value<'_>) =
        (super::SERVER_ID, Value::Address(Ipv4Addr::new(10, 20, 30, 40)));
    const WANTED: (u8, Value<'_>) =
        (super::REQUESTED_ADDRESS, Value::Address(Ipv4Addr::new(10, 20, 30, 100)));
    const FULL: FullName<'_> =
        FullName { flags: 5, results: [0; 2], name: b"\x04ws07\x05heron\x07example\0" };
    let header = |operation: u8| Header {
        operation,
        hardware_type: 1,
        hardware_length: 6,
        hops: 1,
        transaction_id: 0xcafe_f00d,
        seconds: 2,
        flags: 0x8000,
        client_address: [10, 20, 30, 99],
        your_address: [10, 20, 30, 100],
        server_address: [10, 20, 30, 40],
        gateway_address: [10, 20, 30, 1],
        hardware_address: *b"\x02\x00\x5e\x10\x20\x30\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07",
    };
    let names = Names { server_name: [b's'; 64], file: [b'f'; 128], cookie: COOKIE };
    let message = |operation, kind, more: &[(u8, Value<'static>)]| Message {
        header: header(operation),
        names,
        options: [&[(super::MESSAGE_TYPE, Value::Byte(kind))], more].concat(),
        padding: &[],
    };
    let class = (super::VENDOR_CLASS, Value::Text(Utf8(b"MSFT 5.0")));
    let wishes = (55, Value::Octets(&[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252]));
    let lease = (super::LEASE_TIME, Value::Long(86_400));
    vec![
        message(1, 1, &[HOST, class, wishes, (super::PAD, Value::Octets(&[])), WANTED]),
        message(2, 2, &[SERVER, lease, (1, Value::Address(Ipv4Addr::new(255, 255, 255, 0)))]),
        message(1, 3, &[HOST, WANTED, SERVER, (super::FULL_NAME, Value::FullName(FULL))]),
        message(2, 5, &[SERVER, lease, (6, Value::Addresses(&[10, 20, 30, 1, 10, 20, 30, 2]))]),
        message(2, 6, &[SERVER, (56, Value::Text(Utf8(b"wrong network")))]),
        message(1, 4, &[WANTED, SERVER]),
        message(1, 7, &[SERVER, (61, Value::Octets(b"\x01\x02\x00\x5e\x10\x20\x30"))]),
        message(1, 8, &[HOST, (57, Value::Short(1_500))]),
    ]
}
