//! Everybody who speaks at one domain controller: names and addresses out of the estate.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SynthError;
use super::activity::Cache;
use crate::base::Random;
use crate::estate::{DomainController, Estate, Forest, Knob, Population, PopulationKind, Subnet};
use crate::proto::dns::NameBuf;

/// Hosts of a client subnet that are no clients: network, gateway and some room.
const RESERVED_HOSTS: u32 = 16;
/// Room for a client's short name and a dot, in bytes.
const NAME_BYTES: usize = 24;
/// That of the VPN gateway.
const VPN_GATEWAY_HOST: u32 = 4;

/// Bits of the subnet of a domain controller that is in none of a site's: it stands in a network
/// of servers. Assumed.
const SERVERS_PREFIX_BITS: u8 = 24;

/// Somebody with an address, as the wire at the domain controller shows him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Address.
    pub address: IpAddr,
    /// Ethernet address: his own, or his router's.
    pub mac: [u8; 6],
}

/// A client of the domain controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Index of its population; of domain controllers, none.
    pub population: Option<u32>,
    /// Its number within the population, from 0.
    pub number: u32,
    /// IPv4 address.
    pub v4: Ipv4Addr,
    /// IPv6 address, of one that speaks it to the domain controller.
    pub v6: Option<Ipv6Addr>,
    /// Ethernet address of its frames at the domain controller: its own, or a router's.
    pub mac: [u8; 6],
    /// Its site.
    pub site: u32,
    /// An application of another domain controller's that searches here, too, and does nothing
    /// else.
    pub is_guest: bool,
}

impl Client {
    /// Its own Ethernet address.
    pub fn own_mac(&self) -> [u8; 6] {
        mac(self.v4)
    }
}

/// Everybody at one domain controller.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The estate.
    pub estate: Estate,
    /// Name of the domain.
    pub forest: Forest,
    /// Index of the domain controller in the estate.
    pub dc: usize,
    /// The domain controller as a peer, by IPv4 and by IPv6.
    pub dc_v4: Peer,
    /// The same by IPv6, where it has such an address.
    pub dc_v6: Option<Peer>,
    /// Clients that use this domain controller. The first stands for the domain controller
    /// itself: what it does of its own accord.
    pub clients: Vec<Client>,
    /// The other domain controllers that are alive: index in the estate, and peer.
    pub others: Vec<(usize, Peer)>,
    /// Indices into `clients` of member servers, NTLM servers and applications.
    pub servers: Vec<u32>,
    /// Seed of the run.
    pub seed: u64,
    /// The subnet that the domain controller is in.
    link: Subnet,
    /// The router that all others are behind.
    gateway: Peer,
    /// Of each population, the share of its searches that come to this domain controller.
    search_shares: Vec<f64>,
    /// What is asked for outside the domain.
    pub(super) cache: Cache,
    /// Names that are used often.
    names: Names,
}

/// Names that many activities use, made once.
#[derive(Debug, Clone)]
struct Names {
    /// Full DNS names of the domain controllers, by index in the estate.
    controllers: Vec<String>,
    /// The domain in capitals.
    realm: String,
    /// The domain, this domain controller and the mailbox of the domain's zone.
    zone: [NameBuf; 3],
}

impl Names {
    fn new(estate: &Estate, forest: &Forest, dc: usize) -> Result<Self, SynthError> {
        let domain = forest.dns_name.as_str();
        let full = |dc: &DomainController| format!("{}.{domain}", short_name(&dc.name));
        let controllers: Vec<String> = estate.domain_controllers().iter().map(full).collect();
        let own = controllers.get(dc).map_or(domain, String::as_str);
        let name = |text: &str| {
            NameBuf::from_text(text)
                .map_err(|_| SynthError::Estate(format!("make traffic: {text} is no DNS name")))
        };
        let zone = [name(domain)?, name(own)?, name(&format!("hostmaster.{domain}"))?];
        Ok(Self { realm: domain.to_uppercase(), controllers, zone })
    }
}

impl Cast {
    /// Everybody at domain controller `dc` of the estate, its first where `None`. Clients of the
    /// `failed` ones have gone to the others of their site, or of all sites.
    ///
    /// # Errors
    /// An unknown domain controller, or an estate that does not say enough.
    pub fn new(
        estate: &Estate,
        dc: Option<&str>,
        failed: &[String],
        seed: u64,
    ) -> Result<Self, SynthError> {
        let index = find(estate, dc)?;
        let failed = failed.iter().map(|name| find(estate, Some(name)));
        let failed = failed.collect::<Result<Vec<usize>, _>>()?;
        if failed.contains(&index) {
            let what =
                "look at a domain controller that has failed; name another with --dc".to_owned();
            return Err(SynthError::Estate(what));
        }
        let forest = estate.forest().cloned().ok_or_else(|| {
            SynthError::Estate(
                "make traffic: the estate has no [forest]; see `headroom estate init`".to_owned(),
            )
        })?;
        let controllers = estate.domain_controllers();
        let own = controllers.get(index).map(|dc| peers(dc, index)).unwrap_or_default();
        let mut ours = own.iter().filter_map(|peer| Some((v4_of(peer)?, *peer)));
        let (v4, dc_v4) = ours.next().ok_or_else(|| {
            SynthError::Estate("make traffic: the domain controller has no IPv4 address".to_owned())
        })?;
        let dc_v6 = own.iter().copied().find(|peer| peer.address.is_ipv6());
        let link = link(estate, v4);
        let gateway = router_of(estate, link).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let names = Names::new(estate, &forest, index)?;
        let mut cast = Self {
            estate: estate.clone(),
            forest,
            names,
            dc: index,
            dc_v4,
            dc_v6,
            clients: Vec::new(),
            others: Vec::new(),
            servers: Vec::new(),
            seed,
            link,
            gateway: Peer { address: gateway.into(), mac: mac(gateway) },
            search_shares: Vec::new(),
            cache: Cache::default(),
        };
        cast.others = cast.others_but(&failed);
        cast.fill(&failed);
        cast.cache = Cache::new(&cast);
        Ok(cast)
    }

    /// The other domain controllers that are alive, as they are seen here.
    fn others_but(&self, failed: &[usize]) -> Vec<(usize, Peer)> {
        let others = self.estate.domain_controllers().iter().enumerate();
        let others = others.filter(|(at, _)| *at != self.dc && !failed.contains(at));
        let others = others.filter_map(|(at, dc)| {
            let peers = peers(dc, at);
            let (v4, peer) = peers.iter().find_map(|peer| Some((v4_of(peer)?, *peer)))?;
            let mac = if self.is_on_link(v4) { peer.mac } else { self.gateway.mac };
            Some((at, Peer { mac, ..peer }))
        });
        others.collect()
    }

    fn fill(&mut self, failed: &[usize]) {
        let estate = self.estate.clone();
        let IpAddr::V4(v4) = self.dc_v4.address else { return };
        let v6 = self.dc_v6.and_then(|peer| match peer.address {
            IpAddr::V6(v6) => Some(v6),
            IpAddr::V4(_) => None,
        });
        let site = estate.domain_controllers().get(self.dc).and_then(|dc| dc.site).unwrap_or(0);
        let mac = self.dc_v4.mac;
        let site = number(site);
        let is_guest = false;
        self.clients.push(Client { population: None, number: 0, v4, v6, mac, site, is_guest });
        let mut used = vec![RESERVED_HOSTS; estate.sites().len()];
        for (at, population) in estate.populations().iter().enumerate() {
            let choice = Choice::new(&estate, population, failed);
            let share = choice.share(self.dc);
            self.search_shares.push(share);
            let searches_all = population.kind == PopulationKind::Application && share > 0.0;
            let Some(used) = used.get_mut(population.site) else { continue };
            for index in 0..population.count {
                let host = *used;
                *used += 1;
                let mut random =
                    Random::fork(self.seed, u64::from(number(at)) << 32 | u64::from(index));
                let is_guest = choice.draw(&mut random) != Some(self.dc);
                if is_guest && !searches_all {
                    continue;
                }
                let Some(client) = self.client_of(population, at, index, host, &mut random) else {
                    continue;
                };
                let client = Client { is_guest, ..client };
                if is_server(population.kind) && !is_guest {
                    self.servers.push(number(self.clients.len()));
                }
                self.clients.push(client);
            }
        }
    }

    fn client_of(
        &self,
        population: &Population,
        at: usize,
        index: u32,
        host: u32,
        random: &mut Random,
    ) -> Option<Client> {
        let site = self.estate.sites().get(population.site)?;
        let IpAddr::V4(v4) = address_in(site.subnet, host) else { return None };
        let speaks_v6 = self.dc_v6.is_some() && random.chance(population.ipv6_share);
        let v6 = site.subnet6.filter(|_| speaks_v6).map(|subnet| address_in(subnet, host));
        let v6 = v6.and_then(|address| match address {
            IpAddr::V6(v6) => Some(v6),
            IpAddr::V4(_) => None,
        });
        let population_index = Some(number(at));
        let site = number(population.site);
        let mac = self.peer(v4).mac;
        let is_guest = false;
        Some(Client { population: population_index, number: index, v4, v6, mac, site, is_guest })
    }

    /// The client at that index; the domain controller itself where there is none.
    pub fn client(&self, index: u32) -> &Client {
        static NOBODY: Client = Client {
            population: None,
            number: 0,
            v4: Ipv4Addr::UNSPECIFIED,
            v6: None,
            mac: [0; 6],
            site: 0,
            is_guest: false,
        };
        self.clients.get(index as usize).or(self.clients.first()).unwrap_or(&NOBODY)
    }

    /// The population of a client; `None` of the domain controller.
    pub fn population(&self, index: u32) -> Option<&Population> {
        let population = self.client(index).population?;
        self.estate.populations().get(population as usize)
    }

    /// The value of a parameter for a client: its population's, or the estate's.
    pub fn parameter(&self, index: u32, knob: Knob) -> f64 {
        let own = self.population(index).map(|population| &population.parameters);
        own.unwrap_or(self.estate.parameters()).get(knob)
    }

    /// Short host name of a client, lower case, at most 15 characters as NetBIOS wants: `pc00042`.
    pub fn host_name(&self, index: u32) -> String {
        let Some(population) = self.population(index) else {
            return self.dc_name(self.dc);
        };
        let prefix = match population.kind {
            PopulationKind::Workstation => "pc",
            PopulationKind::Laptop => "nb",
            PopulationKind::MemberServer => "srv",
            PopulationKind::NtlmServer => "prx",
            PopulationKind::Application => "app",
            PopulationKind::VpnUser => "vpn",
            PopulationKind::ManagedDevice => "md",
        };
        let client = self.client(index);
        // The population keeps equal numbers of two populations apart.
        self.numbered(prefix, client)
    }

    /// Full DNS name of a client.
    pub fn dns_name(&self, index: u32) -> String {
        let mut name = self.host_name(index);
        name.push('.');
        name.push_str(&self.forest.dns_name);
        name
    }

    /// Name of the account of the person at a client: `u1-000042`.
    pub fn user_name(&self, index: u32) -> String {
        self.numbered("u", self.client(index))
    }

    /// A client's name: prefix, number of its population, and six digits. By hand, as it is made
    /// for every other activity; with room for the domain behind it.
    fn numbered(&self, prefix: &str, client: &Client) -> String {
        let mut name = String::with_capacity(NAME_BYTES + self.forest.dns_name.len());
        name.push_str(prefix);
        push_number(&mut name, client.population.unwrap_or(0), 1);
        name.push('-');
        push_number(&mut name, client.number, 6);
        name
    }

    /// Short name of a domain controller, lower case.
    pub fn dc_name(&self, index: usize) -> String {
        let name = self.estate.domain_controllers().get(index).map(|dc| dc.name.as_str());
        short_name(name.unwrap_or_default())
    }

    /// Full DNS name of a domain controller.
    pub fn dc_dns_name(&self, index: usize) -> String {
        self.names.controllers.get(index).cloned().unwrap_or_default()
    }

    /// The domain, this domain controller and the mailbox of the domain's zone, as DNS has them.
    pub const fn zone_names(&self) -> &[NameBuf; 3] {
        &self.names.zone
    }

    /// Kerberos realm: the domain in capitals.
    pub fn realm(&self) -> String {
        self.names.realm.clone()
    }

    /// Round-trip time between a client and the domain controller, in nanoseconds.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most a few seconds")]
    pub fn round_trip_ns(&self, index: u32) -> i64 {
        let site = self.estate.sites().get(self.client(index).site as usize);
        site.map_or(0, |site| (site.round_trip_ms * 1e6) as i64)
    }

    /// The VPN gateway of a client's site: one of the hosts of its subnet that are no clients.
    pub fn vpn_gateway(&self, index: u32) -> Option<Peer> {
        let site = self.estate.sites().get(self.client(index).site as usize)?;
        let IpAddr::V4(v4) = address_in(site.subnet, VPN_GATEWAY_HOST) else { return None };
        Some(self.peer(v4))
    }

    /// Somebody who is no domain controller, as he is seen here.
    pub fn peer(&self, v4: Ipv4Addr) -> Peer {
        if self.is_on_link(v4) {
            return Peer { address: v4.into(), mac: mac(v4) };
        }
        Peer { address: v4.into(), ..self.gateway }
    }

    /// Whether an address is in the subnet of the domain controller: broadcasts are heard, and no
    /// router stands between.
    pub fn is_on_link(&self, v4: Ipv4Addr) -> bool {
        self.link.contains(v4.into())
    }

    /// The router of the domain controller's subnet.
    pub const fn gateway(&self) -> Peer {
        self.gateway
    }

    /// The share of the searches of an application that come to this domain controller: an
    /// application asks for one whenever it connects, and so uses all of its site.
    pub fn search_share(&self, population: usize) -> f64 {
        self.search_shares.get(population).copied().unwrap_or(1.0)
    }

    /// The same between the domain controller and another, by index in the estate.
    #[expect(clippy::cast_possible_truncation, reason = "checked to be at most a few seconds")]
    pub fn round_trip_to_ns(&self, dc: usize) -> i64 {
        let site = self.estate.domain_controllers().get(dc).and_then(|dc| dc.site);
        let site = site.and_then(|site| self.estate.sites().get(site));
        site.map_or(0, |site| (site.round_trip_ms * 1e6) as i64)
    }

    /// VLAN tag of a client's frames.
    pub fn vlan(&self, index: u32) -> Option<u16> {
        self.estate.sites().get(self.client(index).site as usize)?.vlan
    }
}

/// Which domain controller a population's clients use.
struct Choice {
    /// Index of a domain controller, and the sum of the weights up to it.
    weights: Vec<(usize, f64)>,
}

impl Choice {
    fn new(estate: &Estate, population: &Population, failed: &[usize]) -> Self {
        let site = estate.sites().get(population.site).map(|site| site.served_by);
        let all = || {
            let controllers = estate.domain_controllers().iter().enumerate();
            controllers.filter(|(at, _)| !failed.contains(at))
        };
        let near: Vec<_> = all().filter(|(_, dc)| dc.site == site).collect();
        let chosen = if near.is_empty() { all().collect() } else { near };
        let pdc = estate.parameters().get(Knob::PdcWeight);
        let mut sum = 0.0;
        let weights = chosen.into_iter().map(|(at, dc)| {
            sum += if dc.roles.pdc_emulator { pdc } else { 1.0 };
            (at, sum)
        });
        Self { weights: weights.collect() }
    }

    /// The share of one of them, by index.
    fn share(&self, dc: usize) -> f64 {
        let mut before = 0.0;
        let mut shares = self.weights.iter().map(|(at, upto)| {
            let weight = upto - before;
            before = *upto;
            (*at, weight)
        });
        let found = shares.find(|(at, _)| *at == dc);
        let sum = self.weights.last().map_or(1.0, |(_, sum)| *sum);
        found.map_or(0.0, |(_, weight)| weight / sum)
    }

    fn draw(&self, random: &mut Random) -> Option<usize> {
        let (_, sum) = self.weights.last()?;
        let drawn = random.unit() * sum;
        self.weights.iter().find(|(_, upto)| drawn < *upto).map(|(at, _)| *at)
    }
}

/// The first label of a domain controller's name, lower case.
fn short_name(name: &str) -> String {
    name.split('.').next().unwrap_or_default().to_lowercase()
}

/// Appends a number with at least so many digits.
fn push_number(text: &mut String, number: u32, digits: usize) {
    let mut all = *b"0000000000";
    let (mut rest, mut used) = (number, 0);
    for digit in all.iter_mut().rev() {
        if rest == 0 && used >= digits {
            break;
        }
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        (rest, used) = (rest / 10, used + 1);
    }
    let shown = all.get(all.len() - used..).unwrap_or_default();
    text.extend(shown.iter().map(|digit| char::from(*digit)));
}

fn find(estate: &Estate, name: Option<&str>) -> Result<usize, SynthError> {
    let controllers = estate.domain_controllers();
    let Some(name) = name else { return Ok(0) };
    let found = estate.by_name(name);
    let found = found.and_then(|dc| controllers.iter().position(|other| other.name == dc.name));
    found.ok_or_else(|| SynthError::NoDomainController {
        wanted: name.escape_debug().to_string(),
        known: controllers.iter().map(|dc| dc.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

fn peers(dc: &DomainController, index: usize) -> Vec<Peer> {
    let mac = mac(Ipv4Addr::from_bits(number(index) | 0x7f00_0000));
    dc.addresses.iter().map(|address| Peer { address: *address, mac }).collect()
}

const fn v4_of(peer: &Peer) -> Option<Ipv4Addr> {
    match peer.address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    }
}

/// The subnet of a domain controller: the one of a site that it is in, or else one of servers.
fn link(estate: &Estate, v4: Ipv4Addr) -> Subnet {
    let of_sites = estate.sites().iter().map(|site| site.subnet);
    of_sites.into_iter().find(|subnet| subnet.contains(v4.into())).unwrap_or_else(|| {
        let [a, b, c, _] = v4.octets();
        let network = Ipv4Addr::new(a, b, c, 0).into();
        Subnet { network, prefix_bits: SERVERS_PREFIX_BITS }
    })
}

/// The router of a subnet: by custom its first host, unless a domain controller is that.
pub fn router_of(estate: &Estate, subnet: Subnet) -> Option<Ipv4Addr> {
    let controllers = estate.domain_controllers();
    let is_free = |address: &IpAddr| controllers.iter().all(|dc| !dc.addresses.contains(address));
    let v4 = |address| match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(_) => None,
    };
    (1..RESERVED_HOSTS).map(|host| address_in(subnet, host)).find(is_free).and_then(v4)
}

/// An Ethernet address for a host: locally administered (IEEE 802), made of its IPv4 address.
fn mac(v4: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = v4.octets();
    [0x02, 0x48, a, b, c, d]
}

/// The host with that number in a subnet.
fn address_in(subnet: Subnet, host: u32) -> IpAddr {
    match subnet.network {
        IpAddr::V4(network) => Ipv4Addr::from_bits(network.to_bits().wrapping_add(host)).into(),
        IpAddr::V6(network) => {
            Ipv6Addr::from_bits(network.to_bits().wrapping_add(host.into())).into()
        }
    }
}

const fn is_server(kind: PopulationKind) -> bool {
    matches!(
        kind,
        PopulationKind::MemberServer | PopulationKind::NtlmServer | PopulationKind::Application
    )
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_digits() {
        let text = |number, digits| {
            let mut text = "x".to_owned();
            push_number(&mut text, number, digits);
            text
        };
        for number in [0, 7, 42, 123_456, 1_234_567, u32::MAX] {
            assert_eq!(text(number, 6), format!("x{number:06}"));
            assert_eq!(text(number, 1), format!("x{number}"));
        }
    }
}
