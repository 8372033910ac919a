//! An association over TCP on the stage: what is sent is told.

use super::security::{NETLOGON_ANSWER, Package, Security, netlogon_token};
use super::{Association, Carrier, EPM, Interface, Unsent, code};
use crate::base::{Random, Timestamp};
use crate::proto::dcerpc::epm::{self, Endpoint, Tower};
use crate::proto::dcerpc::syntax::{Order, kind};
use crate::proto::dcerpc::{Service, Syntax};
use crate::proto::{Id, Kind, Outcome, Side};
use crate::synth::tickets::Ticket;
use crate::synth::{Cast, Close, Flow, Stage, Tcp, Words};

/// Port of the endpoint mapper, \[MS-RPCE\] section 2.1.1.1.
const EPM_PORT: u16 = 135;
/// First dynamic port of Windows, RFC 6335 section 6. What starts with the system takes the first
/// ones and keeps them until it starts again; measured 49,667 and 49,675.
const DYNAMIC_PORT: u16 = 49_664;
/// How many of them the directory service's port is one of, and how many above these Netlogon's.
const DIRECTORY_PORTS: u32 = 6;
const NETLOGON_PORTS: u32 = 11;

/// The dynamic ports of a domain controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// Of the directory service, in whose process SAM and LSA are too.
    pub directory: u16,
    /// Of Netlogon.
    pub netlogon: u16,
}

impl Ports {
    /// Those of a domain controller, by index in the estate: of its name alone, so that they stay
    /// the same in every run.
    pub fn of(cast: &Cast, dc: usize) -> Self {
        let text = cast.dc_name(dc);
        let mix = |seed: u64, byte| Random::fork(seed, u64::from(byte)).next_u64();
        let mut random = Random::new(text.bytes().fold(0, mix));
        let mut draw = |first: u16, count| first + u16::try_from(random.below(count)).unwrap_or(0);
        let directory = draw(DYNAMIC_PORT, DIRECTORY_PORTS);
        let netlogon = draw(DYNAMIC_PORT + 6, NETLOGON_PORTS);
        Self { directory, netlogon }
    }

    /// Those at which an interface is offered, in the order in which the mapper tells them.
    fn offering(self, service: Service) -> ([u16; 2], usize) {
        match service {
            // The process has two ports, and offers Netlogon at both.
            Service::Netlogon => ([self.netlogon, self.directory], 2),
            _ => ([self.directory; 2], 1),
        }
    }

    /// The first of them.
    pub fn port(self, service: Service) -> u16 {
        let ([first, _], _) = self.offering(service);
        first
    }
}

/// Who vouches for the calls of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vouched {
    /// Nobody.
    Nobody,
    /// The computer of that client, by its secure channel.
    Computer(u32),
    /// Whoever the ticket was given to.
    Ticket(Ticket),
}

/// Arguments or results of a call.
#[derive(Debug, Clone, Copy)]
pub enum Stub<'a> {
    /// In the clear.
    Clear(&'a [u8]),
    /// Sealed: how many octets.
    Sealed(usize),
}

/// A call and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Number of the operation.
    pub opnum: u16,
    /// The activity that it is.
    pub kind: Kind,
    /// Arguments.
    pub asked: Stub<'a>,
    /// Results.
    pub answered: Stub<'a>,
}

impl Call<'_> {
    /// A sealed call with so many octets of arguments and results.
    pub const fn sealed(opnum: u16, kind: Kind, asked: usize, answered: usize) -> Self {
        Self { opnum, kind, asked: Stub::Sealed(asked), answered: Stub::Sealed(answered) }
    }
}

/// An association over TCP. Small, so that a client can keep it.
#[derive(Debug, Clone, Copy)]
pub struct Connection {
    tcp: Tcp,
    rpc: Association,
    vouched: Vouched,
    /// When a ticket was shown of which nothing is told yet: the first answer does.
    shown: Option<Timestamp>,
    /// When its last answer was sent: the next call comes after it.
    free: Timestamp,
}

impl Connection {
    /// Opens a connection.
    pub fn open(stage: &mut Stage<'_>, flow: Flow, interface: Interface) -> Self {
        let rpc = Association::new(interface, Carrier::Connection, &mut stage.random);
        let tcp = stage.connect(flow);
        Self { tcp, rpc, vouched: Vouched::Nobody, shown: None, free: stage.now() }
    }

    /// Its ends.
    pub const fn flow(&self) -> &Flow {
        &self.tcp.flow
    }

    /// Nobody has seen how it began, and who vouches for its calls.
    pub const fn hide(&mut self) {
        (self.tcp.is_from_before, self.vouched, self.shown) = (true, Vouched::Nobody, None);
    }

    /// When it was last used.
    pub const fn used(&self) -> Timestamp {
        self.free
    }

    /// Binds; nobody authenticates.
    pub fn bind(&mut self, stage: &mut Stage<'_>) {
        self.agree(stage, kind::BIND, &[], &[]);
    }

    /// Binds, and the computer of this client authenticates with its secure channel.
    pub fn bind_netlogon(&mut self, stage: &mut Stage<'_>) {
        self.rpc.secure(Security::new(Package::Netlogon, 0, &mut stage.random));
        self.show_computer(stage, kind::BIND);
    }

    /// The same behind a bind without authentication, and calls in the clear.
    pub fn alter_netlogon(&mut self, stage: &mut Stage<'_>) {
        self.rpc.secure(Security::new(Package::Netlogon, 1, &mut stage.random));
        self.show_computer(stage, kind::ALTER_CONTEXT);
    }

    /// Binds and shows a ticket, in two exchanges.
    pub fn bind_kerberos(&mut self, stage: &mut Stage<'_>, ticket: Ticket) {
        let mut security = Security::new(Package::Kerberos, 0, &mut stage.random);
        let [first, second, third, fourth] = security.show(stage, &ticket);
        self.rpc.secure(security);
        self.shown = Some(self.agree(stage, kind::BIND, &first, &second));
        self.agree(stage, kind::ALTER_CONTEXT, &third, &fourth);
        self.vouched = Vouched::Ticket(ticket);
    }

    fn show_computer(&mut self, stage: &mut Stage<'_>, kind: u8) {
        let client = stage.item.client;
        let (domain, computer) = names(stage.cast, client);
        let token = netlogon_token(domain, &computer, &stage.cast.forest.dns_name);
        self.agree(stage, kind, &token, &NETLOGON_ANSWER);
        self.vouched = Vouched::Computer(client);
    }

    /// Sends a bind or alter_context and its answer, with their tokens; when it was asked.
    fn agree(&mut self, stage: &mut Stage<'_>, kind: u8, token: &[u8], answer: &[u8]) -> Timestamp {
        let Self { tcp, rpc, .. } = self;
        let is_bind = kind == kind::BIND;
        let asked = stage.say(tcp, Side::Client, |w| {
            if is_bind {
                rpc.bind(token, w)
            } else {
                rpc.alter(token, w)
            }
            Ok(())
        });
        stage.told(Id::Dcerpc, kind.into(), false);
        let port = format!("{}\0", tcp.flow.server_port);
        stage.say(tcp, Side::Server, |w| {
            if is_bind {
                rpc.bind_ack(port.as_bytes(), answer, w)
            } else {
                rpc.alter_ack(answer, w)
            }
            Ok(())
        });
        // The answers have the numbers behind those of bind and alter_context.
        stage.told(Id::Dcerpc, u32::from(kind) + 1, true);
        self.free = stage.now();
        asked
    }

    /// Makes a call and answers it; in the clear successfully. `words` are its target, and what
    /// its detail says beside the operation.
    pub fn call(
        &mut self,
        stage: &mut Stage<'_>,
        call: &Call<'_>,
        words: impl FnOnce() -> (Option<String>, Option<String>),
    ) {
        let interface = self.rpc.interface();
        let code = code(interface.service, call.opnum);
        let asked = self.packets(stage, Side::Client, call.opnum, call.asked, code);
        self.packets(stage, Side::Server, call.opnum, call.answered, code);
        self.free = stage.now();
        if let (Some(shown), Vouched::Ticket(ticket)) = (self.shown.take(), self.vouched) {
            stage.accessed(&self.tcp.flow, shown, &ticket, Outcome::Success);
        }
        let outcome = match call.answered {
            Stub::Clear(_) => Outcome::Success,
            Stub::Sealed(_) => Outcome::Unknown,
        };
        let (cast, vouched, opnum) = (stage.cast, self.vouched, call.opnum);
        stage.did(&self.tcp.flow, asked, call.kind, outcome, || {
            let (target, more) = words();
            let name = interface.service.operation(opnum).unwrap_or_default();
            let detail = more.map_or_else(|| name.to_owned(), |more| format!("{name} {more}"));
            Words { principal: vouched.principal(cast), target, detail: Some(detail) }
        });
    }

    /// Sends the arguments or results in their fragments; when the first was.
    fn packets(
        &mut self,
        stage: &mut Stage<'_>,
        side: Side,
        opnum: u16,
        stub: Stub<'_>,
        code: u32,
    ) -> Timestamp {
        let Self { tcp, rpc, .. } = self;
        let mut random = Random::new(stage.random.next_u64());
        let mut cipher = Vec::new();
        let stub = match stub {
            Stub::Clear(stub) => stub,
            Stub::Sealed(length) => {
                cipher.resize(length, 0);
                random.fill(&mut cipher);
                &cipher
            }
        };
        let mut stub = Unsent::new(stub);
        let mut first = None;
        while !stub.is_sent() {
            // Windows writes each fragment by itself.
            let time = stage.say(tcp, side, |w| {
                match side {
                    Side::Client => rpc.request_fragment(opnum, &mut stub, &mut random, w),
                    Side::Server => rpc.response_fragment(&mut stub, &mut random, w),
                }
                Ok(())
            });
            stage.told(Id::Dcerpc, code, side == Side::Server);
            first = first.or(Some(time));
        }
        first.unwrap_or(stage.now())
    }

    /// Waits until the last answer is sent, where another activity of this client was quicker.
    pub fn wait(&self, stage: &mut Stage<'_>) {
        let left = self.free.since(stage.now());
        if left > 0 {
            #[expect(clippy::cast_precision_loss, reason = "seconds at most")]
            stage.wait_ms(left as f64 / 1e6);
        }
    }

    /// Ends it.
    pub fn close(self, stage: &mut Stage<'_>) {
        stage.close(self.tcp, Close::Client);
    }
}

impl Vouched {
    /// In whose name the calls are made, as far as an observer of the wire can know.
    fn principal(self, cast: &Cast) -> Option<String> {
        match self {
            Self::Nobody => None,
            Self::Computer(client) => Some(account(cast, client)),
            Self::Ticket(ticket) => ticket.principal(cast),
        }
    }
}

/// Account of a client's computer as its secure channel names it: `CORP\PC1-000042$`.
fn account(cast: &Cast, client: u32) -> String {
    let (domain, computer) = names(cast, client);
    format!("{domain}\\{computer}$")
}

/// NetBIOS names of the domain and of a client.
fn names(cast: &Cast, client: u32) -> (&str, String) {
    (&cast.forest.netbios_name, cast.host_name(client).to_uppercase())
}

/// A connection with another domain controller.
#[derive(Debug, Clone, Copy)]
pub struct Partner {
    /// Its place among the others.
    pub place: u32,
    /// Whether this domain controller is the client.
    pub is_ours: bool,
    /// The connection.
    pub connection: Connection,
}

/// A connection to an endpoint mapper.
#[derive(Debug, Clone, Copy)]
pub struct Mapper {
    connection: Connection,
    ports: Ports,
}

impl Mapper {
    /// Opens and binds one to the endpoint mapper of this domain controller.
    pub fn open(stage: &mut Stage<'_>) -> Self {
        let flow = stage.to_dc(EPM_PORT);
        Self::at(stage, flow, stage.cast.dc)
    }

    /// The same over that flow, to the domain controller of that index in the estate.
    pub fn at(stage: &mut Stage<'_>, flow: Flow, dc: usize) -> Self {
        let ports = Ports::of(stage.cast, dc);
        let mut connection = Connection::open(stage, Flow { server_port: EPM_PORT, ..flow }, EPM);
        connection.bind(stage);
        Self { connection, ports }
    }

    /// Asks where an interface is; the port.
    pub fn map(&mut self, stage: &mut Stage<'_>, wanted: Interface) -> u16 {
        let Interface { service, version } = wanted;
        let interface = Syntax { uuid: service.uuid(), version, minor: 0 };
        let address = match stage.cast.dc_v4.address {
            std::net::IpAddr::V4(v4) => v4,
            std::net::IpAddr::V6(_) => std::net::Ipv4Addr::UNSPECIFIED,
        };
        let address = match self.connection.flow().server.address {
            std::net::IpAddr::V4(v4) => v4,
            // Towers hold no address of IPv6: the one of IPv4 stands in its place.
            std::net::IpAddr::V6(_) => address,
        };
        let anywhere = Some(std::net::Ipv4Addr::UNSPECIFIED);
        let any = Tower { interface, endpoint: Endpoint::Tcp(EPM_PORT), address: anywhere };
        let (ports, count) = self.ports.offering(service);
        let there = ports.map(|port| {
            let endpoint = Endpoint::Tcp(port);
            Tower { interface, endpoint, address: Some(address) }
        });
        let asked = epm::ask(&any, Order::Little, true);
        let found = there.get(..count).unwrap_or_default();
        let answered = epm::answer(found, 0, Order::Little, true);
        let (asked, answered) = (Stub::Clear(&asked), Stub::Clear(&answered));
        let call = Call { opnum: epm::MAP, kind: Kind::RemoteCall, asked, answered };
        let [first, _] = there;
        self.connection
            .call(stage, &call, || (Some(service.name().to_owned()), Some(first.to_string())));
        self.ports.port(service)
    }

    /// Ends it.
    pub fn close(self, stage: &mut Stage<'_>) {
        self.connection.close(stage);
    }
}
