//! What a synthesizer needs of an estate besides its servers: forest, sites, populations, network.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::Deserialize;

use super::{Parameter, Parameters};

/// The forest: one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forest {
    /// DNS name of the domain, lower case, e.g. `corp.example`.
    pub dns_name: String,
    /// NetBIOS name of the domain, e.g. `CORP`.
    pub netbios_name: String,
}

/// A place with its own time and address space.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// Name, as in Active Directory Sites and Services.
    pub name: String,
    /// IANA name of its time zone, e.g. `Europe/Berlin`; checked against the bundled database.
    pub time_zone: String,
    /// Addresses of its clients.
    pub subnet: Subnet,
    /// IPv6 addresses of its clients, a /64.
    pub subnet6: Option<Subnet>,
    /// VLAN tag (IEEE 802.1Q) its clients' frames carry at the domain controller, if any.
    pub vlan: Option<u16>,
    /// Round-trip time between its clients and a domain controller of the site, in milliseconds.
    pub round_trip_ms: f64,
    /// The site whose domain controllers its clients use; its own where it has one.
    pub served_by: usize,
}

/// A network prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    /// Its first address.
    pub network: IpAddr,
    /// Bits that are the same in all of its addresses.
    pub prefix_bits: u8,
}

/// What a domain controller does besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles {
    /// PDC emulator: password changes and time go there.
    pub pdc_emulator: bool,
    /// Serves DNS to clients.
    pub dns: bool,
    /// Serves DHCP to clients.
    pub dhcp: bool,
    /// Serves WINS (NetBIOS names).
    pub wins: bool,
    /// Takes RADIUS accounting, as the sensor does for VPN.
    pub radius_accounting: bool,
    /// Runs a sensor, which asks addresses for their names.
    pub sensor: bool,
}

/// A group of equal clients.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// Name, unique in the estate.
    pub name: String,
    /// What they are.
    pub kind: PopulationKind,
    /// How they are joined.
    pub join: Join,
    /// How many.
    pub count: u32,
    /// Index of their site.
    pub site: usize,
    /// When people use them.
    pub schedule: Schedule,
    /// Share that speaks IPv6 to the domain controller.
    pub ipv6_share: f64,
    /// The enrolment of new devices, of a population of managed devices.
    pub autopilot: Option<AutopilotWave>,
    /// The estate's parameters with this population's own.
    pub parameters: Parameters,
    /// What the population says itself of parameters, in order of the knobs.
    pub own_parameters: Vec<Parameter>,
}

/// What the clients of a population are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PopulationKind {
    /// A desktop that is there all day.
    Workstation,
    /// Comes and goes, sleeps, speaks over Wi-Fi.
    Laptop,
    /// A server of the domain: flat over the day, with backups at night.
    MemberServer,
    /// A server whose users authenticate with NTLM: proxy, mail, old application.
    NtlmServer,
    /// An application that reads the directory: Exchange, ConfigMgr, identity management.
    Application,
    /// A remote user: sessions announced by RADIUS accounting.
    VpnUser,
    /// A device of a managed fleet (Autopilot, Intune, Managed Desktop).
    ManagedDevice,
}

/// How clients are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// To Active Directory.
    ActiveDirectory,
    /// To Active Directory and Microsoft Entra ID.
    Hybrid,
    /// To Microsoft Entra ID only: for a domain controller mostly DNS.
    Entra,
}

/// When people arrive and leave, in local time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The shape of the arrivals.
    pub arrival: Arrival,
    /// Hours after arrival until leaving, mean.
    pub stay_hours: f64,
    /// Share that is present on each day, Monday first.
    pub presence: [f64; 7],
}

/// How arrivals spread over a morning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrival {
    /// Normal around a time, cut off at the ends; all in minutes after midnight.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
        /// Nobody before.
        earliest: f64,
        /// Nobody after.
        latest: f64,
    },
    /// All at once and then ever fewer, as after a power failure.
    Burst {
        /// Minutes after midnight.
        at: f64,
        /// Mean delay in minutes.
        mean_delay: f64,
    },
    /// Always there: servers.
    Always,
}

/// New devices that enrol.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutopilotWave {
    /// How many of the population are new.
    pub devices: u32,
    /// When the first begins, in minutes after local midnight.
    pub start: f64,
    /// Over how many minutes they begin.
    pub over: f64,
    /// On which days, Monday first.
    pub days: [bool; 7],
}

/// The network at the domain controller.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Largest IP packet in bytes.
    pub mtu_bytes: u16,
    /// Share of TCP segments with data, and of answers to a SYN, that are lost on their way and
    /// sent again.
    pub loss: f64,
    /// Share of TCP segments that overtake another.
    pub reordering: f64,
    /// Frames larger than the MTU, as captured on a host whose adapter segments and merges.
    pub offload: bool,
    /// Where the domain controllers forward queries for other domains.
    pub forwarders: Vec<IpAddr>,
}

impl Site {
    /// Its time zone; `None` only if its name is in no database, which parsing an estate excludes.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZoneDatabase::bundled().get(&self.time_zone).ok()
    }
}

impl Subnet {
    /// Whether the address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let of_one_kind = self.network.is_ipv4() == address.is_ipv4();
        of_one_kind && Self { network: address, ..*self }.masked().network == self.masked().network
    }

    /// Number of the first address for clients. Those before are the network's own, a router's
    /// and servers'.
    pub const FIRST_CLIENT: u64 = 16;

    /// Addresses for clients: all from [`Self::FIRST_CLIENT`], but not the broadcast address.
    pub fn clients(&self) -> u64 {
        let bits = u32::from(self.bits().saturating_sub(self.prefix_bits));
        let all = 1u64.checked_shl(bits).unwrap_or(u64::MAX);
        all.saturating_sub(Self::FIRST_CLIENT + 1)
    }

    /// Number of an address in it: the network's own is 0.
    pub(super) fn number_of(&self, address: IpAddr) -> Option<u128> {
        if !self.contains(address) {
            return None;
        }
        match (address, self.network) {
            (IpAddr::V4(address), IpAddr::V4(first)) => {
                Some(u128::from(address.to_bits().checked_sub(first.to_bits())?))
            }
            (IpAddr::V6(address), IpAddr::V6(first)) => {
                address.to_bits().checked_sub(first.to_bits())
            }
            _ => None,
        }
    }

    /// Without the bits behind its prefix.
    pub(super) fn masked(self) -> Self {
        let host_bits = u32::from(self.bits().saturating_sub(self.prefix_bits));
        let network = match self.network {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
            }
        };
        Self { network, ..self }
    }

    /// Bits of its addresses.
    const fn bits(&self) -> u8 {
        match self.network {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        }
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.network, self.prefix_bits)
    }
}
