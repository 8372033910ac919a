//! Addresses: leases asked for, granted and kept. RFC 2131; options as Windows sends them.

use std::net::{IpAddr, Ipv4Addr};

use super::{EVERYBODY, mask, site, to_dc_v4};
use crate::base::Timestamp;
use crate::proto::dhcp::{
    COOKIE, FULL_NAME, FullName, HOST_NAME, Header, LEASE_TIME, MESSAGE_TYPE, Message, Names,
    REQUESTED_ADDRESS, SERVER_ID, TYPE_ACK, TYPE_REQUEST, VENDOR_CLASS, Value,
};
use crate::proto::{Id, Kind, Outcome, Side, Utf8};
use crate::synth::cast::router_of;
use crate::synth::{Flow, Peer, Stage, Words};
use crate::wire::Writer;

/// Ports of client and server, RFC 2131 section 4.1; a relay agent uses the server's (RFC 1542
/// section 4.1).
const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;
/// Message types besides those of `proto`, RFC 2132 section 9.6.
const TYPE_DISCOVER: u8 = 1;
const TYPE_OFFER: u8 = 2;
/// Operations, RFC 2131 section 2.
const REQUEST: u8 = 1;
const REPLY: u8 = 2;
/// Options, RFC 2132 sections 3.3, 3.5, 3.8, 3.17, 9.8, 9.11, 9.12, 9.14.
const SUBNET_MASK: u8 = 1;
const ROUTER: u8 = 3;
const NAME_SERVER: u8 = 6;
const DOMAIN_NAME: u8 = 15;
const WISHES: u8 = 55;
const RENEWAL_TIME: u8 = 58;
const REBINDING_TIME: u8 = 59;
const CLIENT_ID: u8 = 61;
/// What Windows wishes to know.
const WINDOWS_WISHES: &[u8] = &[1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252];
/// What Windows calls itself, \[MS-DHCPE\] section 2.2.3.
const WINDOWS: &[u8] = b"MSFT 5.0";
/// Eight days, the default of Windows' server; renewed after half, asked of all after 7/8.
const LEASE_SECONDS: u32 = 691_200;
/// Result codes of the full name that servers send, RFC 4702 section 2.2.
const RESULT: u8 = 255;
/// Ethernet, RFC 2131 section 2, and in client identifiers.
const ETHERNET: u8 = 1;
/// Flag of a client that cannot be told anything by unicast yet, RFC 2131 section 2.
const TO_EVERYBODY: u16 = 0x8000;
/// Least length of a message, RFC 1542 section 2.1.
const LENGTH_MIN: usize = 300;
/// What a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Discover,
    Offer,
    Request,
    Acknowledge,
    Renew,
    Renewed,
}

/// The words of one lease.
struct Lease {
    transaction_id: u32,
    address: Ipv4Addr,
    mac: [u8; 6],
    /// Hardware type and address.
    client_id: [u8; 7],
    host: String,
    full_name: String,
    domain: String,
    server: Ipv4Addr,
    server_octets: [u8; 4],
    mask: Ipv4Addr,
    router: Ipv4Addr,
    router_octets: [u8; 4],
    /// The domain controller is in the client's subnet: no relay agent stands between.
    is_direct: bool,
}

/// A client gets an address: discovery, offer, request, acknowledgment.
pub fn lease(stage: &mut Stage<'_>) {
    let Some(lease) = lease_of(stage) else { return };
    if lease.is_direct {
        return lease_of_neighbour(stage, &lease);
    }
    // The relay agent speaks for the client: its router.
    let relay = stage.cast.peer(lease.router);
    let mut flow = Flow { client: relay, ..to_dc_v4(stage, SERVER_PORT, SERVER_PORT) };
    lease.send(stage, &mut flow, Side::Client, Says::Discover);
    lease.send(stage, &mut flow, Side::Server, Says::Offer);
    let time = lease.send(stage, &mut flow, Side::Client, Says::Request);
    lease.send(stage, &mut flow, Side::Server, Says::Acknowledge);
    lease.did(stage, &flow, time, Some(&lease.host));
}

/// The same where both are in one subnet: by broadcast, each into a flow of its own.
fn lease_of_neighbour(stage: &mut Stage<'_>, lease: &Lease) {
    let own = to_dc_v4(stage, CLIENT_PORT, SERVER_PORT);
    let everybody = Peer { address: Ipv4Addr::BROADCAST.into(), mac: EVERYBODY };
    let nobody = Peer { address: Ipv4Addr::UNSPECIFIED.into(), ..own.client };
    let mut asking = Flow { client: nobody, server: everybody, ..own };
    // Whoever sends first is the client of a flow.
    let mut telling = Flow {
        client: own.server,
        server: everybody,
        client_port: SERVER_PORT,
        server_port: CLIENT_PORT,
        here: Side::Client,
        ..own
    };
    lease.send(stage, &mut asking, Side::Client, Says::Discover);
    lease.send(stage, &mut telling, Side::Client, Says::Offer);
    lease.send(stage, &mut asking, Side::Client, Says::Request);
    let time = lease.send(stage, &mut telling, Side::Client, Says::Acknowledge);
    // The acknowledgment alone tells of the lease: to whom it went, and not the client's name.
    let flow = Flow { client: everybody, server: own.server, ..own };
    lease.did(stage, &flow, time, None);
}

/// A client keeps its address: request and acknowledgment between the two.
pub fn renew(stage: &mut Stage<'_>) {
    let Some(lease) = lease_of(stage) else { return };
    let mut flow = to_dc_v4(stage, CLIENT_PORT, SERVER_PORT);
    let time = lease.send(stage, &mut flow, Side::Client, Says::Renew);
    lease.send(stage, &mut flow, Side::Server, Says::Renewed);
    lease.did(stage, &flow, time, Some(&lease.host));
}

fn lease_of(stage: &mut Stage<'_>) -> Option<Lease> {
    let (cast, client) = (stage.cast, stage.item.client);
    let subnet = site(stage)?.subnet;
    let IpAddr::V4(server) = cast.dc_v4.address else { return None };
    let (address, mac) = (cast.client(client).v4, cast.client(client).own_mac());
    let [a, b, c, d, e, f] = mac;
    let mask = mask(subnet);
    let router = router_of(&cast.estate, subnet)?;
    Some(Lease {
        transaction_id: stage.random.below(u32::MAX),
        address,
        mac,
        client_id: [ETHERNET, a, b, c, d, e, f],
        host: cast.host_name(client).to_uppercase(),
        full_name: cast.dns_name(client),
        domain: cast.forest.dns_name.clone(),
        server,
        server_octets: server.octets(),
        mask,
        router,
        router_octets: router.octets(),
        is_direct: cast.is_on_link(address),
    })
}

impl Lease {
    /// Sends a message; its time.
    fn send(&self, stage: &mut Stage<'_>, flow: &mut Flow, side: Side, says: Says) -> Timestamp {
        let mut options = vec![(MESSAGE_TYPE, Value::Byte(says.kind()))];
        self.add_options(says, &mut options);
        let names = Names { server_name: [0; 64], file: [0; 128], cookie: COOKIE };
        let message = Message { header: self.header(says), names, options, padding: &[] };
        let mut bytes = Vec::new();
        message.emit(&mut Writer::new(&mut bytes));
        // Behind the end of the options.
        bytes.resize(bytes.len().max(LENGTH_MIN), 0);
        let time = stage.datagram(flow, side, |w| {
            w.bytes(&bytes);
            Ok(())
        });
        stage.told(Id::Dhcp, says.kind().into(), says.is_reply());
        time
    }

    fn header(&self, says: Says) -> Header {
        let is_renewal = matches!(says, Says::Renew | Says::Renewed);
        let is_relayed = !self.is_direct && !is_renewal;
        let none = Ipv4Addr::UNSPECIFIED;
        let or_none = |is: bool, address: Ipv4Addr| if is { address } else { none }.octets();
        let mut hardware_address = [0; 16];
        hardware_address.iter_mut().zip(self.mac).for_each(|(to, byte)| *to = byte);
        Header {
            operation: if says.is_reply() { REPLY } else { REQUEST },
            hardware_type: ETHERNET,
            hardware_length: 6,
            hops: u8::from(is_relayed && !says.is_reply()),
            transaction_id: self.transaction_id,
            seconds: 0,
            flags: if self.is_direct && !is_renewal { TO_EVERYBODY } else { 0 },
            client_address: or_none(is_renewal, self.address),
            your_address: or_none(says.is_reply(), self.address),
            server_address: or_none(matches!(says, Says::Offer), self.server),
            gateway_address: or_none(is_relayed, self.router),
            hardware_address,
        }
    }

    /// The options in the order in which Windows writes them.
    fn add_options<'a>(&'a self, says: Says, options: &mut Vec<(u8, Value<'a>)>) {
        let wanted = (REQUESTED_ADDRESS, Value::Address(self.address));
        let server = (SERVER_ID, Value::Address(self.server));
        let client = (CLIENT_ID, Value::Octets(&self.client_id));
        let host = (HOST_NAME, Value::Text(Utf8(self.host.as_bytes())));
        let class = (VENDOR_CLASS, Value::Text(Utf8(WINDOWS)));
        let wishes = (WISHES, Value::Octets(WINDOWS_WISHES));
        let name = FullName { flags: 0, results: [0; 2], name: self.full_name.as_bytes() };
        let name = (FULL_NAME, Value::FullName(name));
        match says {
            Says::Discover => options.extend([client, wanted, host, class, wishes]),
            Says::Request => {
                options.extend([client, wanted, server, host, name, class, wishes]);
            }
            Says::Renew => options.extend([client, host, name, class, wishes]),
            Says::Offer | Says::Acknowledge | Says::Renewed => {
                options.extend([
                    (SUBNET_MASK, Value::Address(self.mask)),
                    (RENEWAL_TIME, Value::Long(LEASE_SECONDS / 2)),
                    (REBINDING_TIME, Value::Long(LEASE_SECONDS / 8 * 7)),
                    (LEASE_TIME, Value::Long(LEASE_SECONDS)),
                    server,
                ]);
                if says != Says::Offer {
                    // The client has entered its address itself.
                    let name = FullName { flags: 0, results: [RESULT; 2], name: b"" };
                    options.push((FULL_NAME, Value::FullName(name)));
                }
                options.extend([
                    (ROUTER, Value::Addresses(&self.router_octets)),
                    (NAME_SERVER, Value::Addresses(&self.server_octets)),
                    (DOMAIN_NAME, Value::Text(Utf8(self.domain.as_bytes()))),
                ]);
            }
        }
    }

    fn did(&self, stage: &mut Stage<'_>, flow: &Flow, time: Timestamp, principal: Option<&String>) {
        stage.did(flow, time, Kind::AddressLease, Outcome::Success, || Words {
            principal: principal.cloned(),
            target: Some(self.address.to_string()),
            detail: Some("DHCPREQUEST".to_owned()),
        });
    }
}

impl Says {
    const fn kind(self) -> u8 {
        match self {
            Self::Discover => TYPE_DISCOVER,
            Self::Offer => TYPE_OFFER,
            Self::Request | Self::Renew => TYPE_REQUEST,
            Self::Acknowledge | Self::Renewed => TYPE_ACK,
        }
    }

    const fn is_reply(self) -> bool {
        matches!(self, Self::Offer | Self::Acknowledge | Self::Renewed)
    }
}
