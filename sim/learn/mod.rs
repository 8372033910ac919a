//! A user's own capture becomes an estate: who asks a domain controller, how often, for what.
//!
//! Two passes. [`Names`] finds out what the domain and its controllers are called; the
//! [`Learner`] then counts per client and controller. [`Learner::finish`] splits the clients into
//! populations by what they do and fits the parameters that can be seen; [`Learned::to_toml`]
//! writes them down, each with where it comes from, and says of all others why they are not
//! learned.
//!
//! Nothing of a client is kept in the result but that there was one: counts, rates and shares.

mod client;
mod fit;
mod names;
mod spread;
mod text;
mod when;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use crate::base::Timestamp;
use crate::estate::Parameters;

pub use fit::{EVENTS_MIN, Fitted, Group, Learned, Site};
pub use names::{NO_DOMAIN, Names};
pub use text::{CALIBRATION, Telling};
pub use when::{Hours, WORK_ENDS, WORK_STARTS};

use client::{Client, Event, Known, WRAPPING_BYTES};
use spread::Spread;

/// Clients followed one by one, of all controllers together: about 700 bytes each. Ours.
pub const CLIENTS_MAX: usize = 1 << 18;
/// Users of a VPN followed one by one. Ours.
const USERS_MAX: usize = 1 << 17;
/// Flows of LDAP and SMB whose state is kept. Ours: as many as a core follows in eight shards.
const FLOWS_MAX: usize = 1 << 16;
/// Forwarders told apart. Ours: a controller has two or three.
const FORWARDERS_MAX: usize = 64;

/// Something that somebody did, in the words of `record::Activity`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting<'a> {
    /// When it was asked for.
    pub time: Timestamp,
    /// Who asked.
    pub client: IpAddr,
    /// From which port.
    pub client_port: u16,
    /// Who was asked.
    pub server: IpAddr,
    /// At which port.
    pub server_port: u16,
    /// Over TCP.
    pub is_tcp: bool,
    /// Name of the kind.
    pub kind: &'a str,
    /// Protocol in which it was asked.
    pub protocol: &'a str,
    /// In whose name.
    pub principal: Option<&'a str>,
    /// What it was done to.
    pub target: Option<&'a str>,
    /// The operation in the protocol's words.
    pub detail: Option<&'a str>,
    /// `success`, `failure`, `continued`, `unanswered` or `unknown`.
    pub outcome: &'a str,
    /// Name of the code of a failure.
    pub code_name: Option<&'a str>,
}

/// A message that is no activity, and says something all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// A search of LDAP in the clear, or a part of its result.
    Ldap,
    /// A sealed or signed buffer of LDAP.
    LdapBuffer,
    /// A NetBIOS name query.
    NbnsQuery,
    /// SMB 2 or 3 in the clear.
    Smb,
    /// From now on a dialect of SMB before 3.1.1 is spoken.
    SmbOld,
    /// SMB 3, encrypted.
    SmbEncrypted,
}

/// Such a message with its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// When its last byte came.
    pub time: Timestamp,
    /// Address and port of who opened the flow.
    pub client: (IpAddr, u16),
    /// Address of who was spoken to.
    pub server: IpAddr,
    /// Sent by the client.
    pub is_request: bool,
    /// What it is.
    pub message: Message,
    /// Its length.
    pub bytes: usize,
}

/// A domain controller to learn from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Short name.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// Counts what happens at domain controllers.
#[derive(Debug)]
pub struct Learner {
    controllers: Vec<Controller>,
    by_address: HashMap<IpAddr, usize>,
    known: Known,
    hours: Hours,
    /// What happened at each.
    at: Vec<Place>,
    clients: usize,
    users: usize,
    /// Addresses and users that found no room.
    unfollowed: u64,
    flows: HashMap<(IpAddr, u16), Flow>,
    replications: u64,
}

/// What happened at one controller.
#[derive(Debug, Default)]
struct Place {
    clients: HashMap<IpAddr, Client>,
    /// Users of a VPN: when the last account of a session came.
    users: HashMap<String, Option<i64>>,
    /// Addresses that their sessions gave them.
    remote: HashSet<IpAddr>,
    /// Starts, ends and seconds of sessions; gaps between interim accounts.
    vpn: Vpn,
    /// Where it forwards questions, and how many of them were answered with what was asked for.
    forwards: HashMap<IpAddr, u64>,
    /// Addresses it asked for their name.
    probes: u64,
    /// Leases asked for.
    leases: u64,
    /// All that was asked of it, over time.
    spread: Spread,
}

/// Sessions of a VPN.
#[derive(Debug, Default, Clone, Copy)]
struct Vpn {
    starts: u64,
    ends: u64,
    seconds: u64,
    gaps: u64,
    gap_nanos: i64,
}

/// A flow of LDAP or SMB.
#[derive(Debug, Default, Clone, Copy)]
struct Flow {
    /// Bytes of the answer that comes.
    answer: u64,
    is_bound: bool,
    is_wrapped: bool,
    is_counted: bool,
    is_old: bool,
    is_encrypted: bool,
}

impl Learner {
    /// Learns from `controllers` of the domain `domain`, in a capture of these `hours`.
    pub fn new(controllers: Vec<Controller>, domain: &str, hours: Hours) -> Self {
        let addresses = controllers.iter().enumerate();
        let addresses = addresses.flat_map(|(at, dc)| dc.addresses.iter().map(move |a| (*a, at)));
        let known = Known {
            domain: domain.to_lowercase(),
            controllers: controllers.iter().map(|dc| dc.name.clone()).collect(),
        };
        Self {
            by_address: addresses.collect(),
            at: controllers.iter().map(|_| Place::default()).collect(),
            controllers,
            known,
            hours,
            clients: 0,
            users: 0,
            unfollowed: 0,
            flows: HashMap::new(),
            replications: 0,
        }
    }

    /// Counts what somebody did.
    pub fn see(&mut self, sighting: &Sighting<'_>) {
        let [from, to] =
            [sighting.client, sighting.server].map(|address| self.by_address.get(&address));
        match (from.copied(), to.copied()) {
            (Some(_), Some(_)) => self.replications += u64::from(sighting.kind == "replication"),
            (Some(at), None) => self.outbound(at, sighting),
            (None, Some(at)) => self.inbound(at, sighting),
            (None, None) => {}
        }
    }

    /// Counts what a flow carries.
    pub fn hear(&mut self, carried: &Carried) {
        let Some(&at) = self.by_address.get(&carried.server) else { return };
        if carried.message == Message::NbnsQuery {
            let is_core = self.hours.is_core(carried.time);
            if let Some(client) = self.client(at, carried.client.0) {
                client.count(Event::Nbns, is_core);
            }
            return;
        }
        let mut flow = self.flow(carried.client);
        let is_core = self.hours.is_core(carried.time);
        let Some(client) = self.client(at, carried.client.0) else { return };
        match carried.message {
            // Behind a bind that seals or signs, messages are inside buffers.
            Message::Ldap if flow.is_wrapped => {}
            Message::Ldap | Message::LdapBuffer => {
                flow.is_wrapped |= carried.message == Message::LdapBuffer;
                if carried.is_request {
                    client.answer(std::mem::take(&mut flow.answer));
                    client.count(Event::LdapRequest, is_core);
                } else {
                    let wrapping = if flow.is_wrapped { WRAPPING_BYTES } else { 0 };
                    flow.answer += (carried.bytes as u64).saturating_sub(wrapping);
                }
            }
            Message::Smb if !flow.is_counted => {
                flow.is_counted = true;
                client.count(Event::SmbFlow, is_core);
            }
            Message::SmbOld if !flow.is_old => {
                flow.is_old = true;
                client.count(Event::SmbOldFlow, is_core);
            }
            Message::SmbEncrypted if !flow.is_encrypted => {
                flow.is_encrypted = true;
                client.count(Event::SmbEncryptedFlow, is_core);
            }
            Message::Smb | Message::SmbOld | Message::SmbEncrypted | Message::NbnsQuery => {}
        }
        self.flows.insert(carried.client, flow);
    }

    /// What is known of a flow.
    fn flow(&mut self, client: (IpAddr, u16)) -> Flow {
        if self.flows.len() >= FLOWS_MAX && !self.flows.contains_key(&client) {
            // Forgets what is under way, rarely and little, instead of following it for ever.
            self.flows.clear();
        }
        self.flows.get(&client).copied().unwrap_or_default()
    }

    /// Whether a flow had no bind yet.
    fn is_first_bind(&mut self, client: (IpAddr, u16)) -> bool {
        let mut flow = self.flow(client);
        let is_first = !flow.is_bound;
        flow.is_bound = true;
        self.flows.insert(client, flow);
        is_first
    }

    /// A client of a controller; `None` where there is no room for another.
    fn client(&mut self, at: usize, address: IpAddr) -> Option<&mut Client> {
        let room = self.clients < CLIENTS_MAX;
        match self.at.get_mut(at)?.clients.entry(address) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) if room => {
                self.clients += 1;
                Some(entry.insert(Client::default()))
            }
            Entry::Vacant(_) => {
                self.unfollowed += 1;
                None
            }
        }
    }

    /// What a controller asks of others.
    fn outbound(&mut self, at: usize, sighting: &Sighting<'_>) {
        let Some(place) = self.at.get_mut(at) else { return };
        // A name that does not exist is none of those that the share is of, and a question that
        // nobody answers is asked again.
        let found = u64::from(sighting.outcome == "success");
        match (sighting.protocol, sighting.server_port) {
            ("dns", 53) if place.forwards.len() < FORWARDERS_MAX => {
                *place.forwards.entry(sighting.server).or_default() += found;
            }
            ("dns", 53) => {
                if let Some(count) = place.forwards.get_mut(&sighting.server) {
                    *count += found;
                }
            }
            // The sensor asks three ways at once; this one is asked of every address.
            ("nbns", 137) if sighting.detail == Some("query NBSTAT") => place.probes += 1,
            _ => {}
        }
    }

    /// What is asked of a controller.
    fn inbound(&mut self, at: usize, sighting: &Sighting<'_>) {
        let is_core = self.hours.is_core(sighting.time);
        let Some(place) = self.at.get_mut(at) else { return };
        place.spread.count(sighting.time.nanos());
        if sighting.kind == "vpn_session" {
            if place.vpn(sighting, self.users < USERS_MAX) {
                self.users += 1;
            }
            return;
        }
        if sighting.kind == "address_lease" {
            place.leases += 1;
            return;
        }
        let is_bind = matches!(sighting.kind, "ldap_bind" | "ldap_clear_text_bind");
        if is_bind && !self.is_first_bind((sighting.client, sighting.client_port)) {
            return;
        }
        let known = std::mem::take(&mut self.known);
        if let Some(client) = self.client(at, sighting.client) {
            client.see(sighting, is_core, &known);
        }
        self.known = known;
    }

    /// Splits the clients into populations and fits what can be seen of them; of what cannot be
    /// seen apart, `light` says how much it is.
    pub fn finish(self, light: &Parameters) -> Learned {
        fit::fit(self, light)
    }
}

impl Place {
    /// An account of a VPN session; whether its user is new.
    fn vpn(&mut self, sighting: &Sighting<'_>, room: bool) -> bool {
        let detail = sighting.detail.unwrap_or_default();
        let user = sighting.principal.unwrap_or_default();
        let is_new = !self.users.contains_key(user);
        if is_new && !room {
            return false;
        }
        // What the account gives the user, or else the gateway's name.
        let address = sighting.target.and_then(|target| target.parse().ok());
        if let Some(address) = address.filter(|_| room) {
            self.remote.insert(address);
        }
        let last = self.users.entry(user.to_owned()).or_default();
        let now = sighting.time.nanos();
        let vpn = &mut self.vpn;
        if detail.starts_with("Stop") {
            vpn.ends += 1;
            let seconds = detail.strip_suffix(" s").and_then(|text| text.rsplit(' ').next());
            vpn.seconds += seconds.and_then(|text| text.parse().ok()).unwrap_or(0);
            *last = None;
        } else {
            vpn.starts += u64::from(detail.starts_with("Start"));
            if let Some(before) = last.filter(|_| detail.starts_with("Interim")) {
                vpn.gaps += 1;
                vpn.gap_nanos = vpn.gap_nanos.saturating_add(now.saturating_sub(before).max(0));
            }
            *last = Some(now);
        }
        is_new
    }
}
