//! Hosts outside the domain: names that devices ask for, and what they get.
//!
//! The names that managed devices need are those of `endpoints.txt`; the web's are made up below
//! `example` (RFC 2606). What any of them gets is made up: aliases below `example`, addresses for
//! documentation (RFC 5737, RFC 3849). The same name always gets the same.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::exchange::put;
use crate::base::Random;
use crate::proto::dns::types::{A, AAAA, HTTPS, TXT};
use crate::proto::dns::{Data, NameBuf, Section, Sheet, SoaTimes};

/// The endpoints of managed devices.
pub const ENDPOINTS: &str = include_str!("endpoints.txt");

/// Names of the web that are made up. Few enough to be kept, enough for a tail.
const WEB_NAMES: u16 = 2_000;
/// Everything made up here comes from it, whatever the seed of the run.
const SEED: u64 = 0x6e61_6d65;
/// Times to live that content networks use, in seconds: 20 to 300, as in the traffic of
/// enrolments. Which how often is assumed.
const TTLS_SECONDS: [u32; 6] = [20, 30, 60, 60, 120, 300];
/// Shares of hosts that are an alias at least once, and of these that are so twice; that have
/// IPv6 addresses; that have an HTTPS record. Assumed.
const ALIAS_SHARE: f64 = 0.6;
const SECOND_ALIAS_SHARE: f64 = 0.5;
const IPV6_SHARE: f64 = 0.6;
const HTTPS_SHARE: f64 = 0.35;
/// Strings of a mail domain's TXT records: each in its own, and so many that they do not fit into
/// a datagram without EDNS. Assumed.
const TEXT_LENGTH: usize = 70;
const TEXTS: u32 = 8;
/// Record of an HTTPS service: priority 1, its own target, and the protocols h3 and h2 (RFC 9460
/// sections 2.2 and 7.1).
const HTTPS_DATA: &[u8] = b"\x00\x01\x00\x00\x01\x00\x06\x02h3\x02h2";
/// Times of a zone on the Internet: refresh, retry, expire, minimum in seconds. Assumed.
const ZONE_TIMES: [u32; 4] = [3_600, 900, 1_209_600, MISSING_SECONDS];
/// The last of them: for so long it may be kept that there is nothing (RFC 2308 section 4).
pub const MISSING_SECONDS: u32 = 300;

/// A host outside.
#[derive(Debug)]
pub struct Place {
    /// Its number: of the endpoints their index, of the web that and the number of endpoints.
    pub number: u32,
    /// Its name.
    pub name: NameBuf,
    /// What it is an alias of, and that again.
    aliases: Vec<NameBuf>,
    /// The zone of the last name, its server and its mailbox.
    zone: [NameBuf; 3],
    v4: Ipv4Addr,
    v4_count: u8,
    v6: Option<Ipv6Addr>,
    has_https: bool,
    /// Time to live of its records, in seconds.
    ttl_seconds: u32,
    /// Of Intune's scale units, of which a tenant uses one.
    pub unit: Option<u8>,
}

/// Names with what is needed for choosing among them.
#[derive(Debug)]
pub struct Endpoints {
    /// All of them, each once.
    pub places: Vec<Place>,
    /// Indices by service, in the order of the file.
    pub services: Vec<(&'static str, Vec<u16>)>,
    /// Indices of all, the most popular first. Which these are is made up.
    pub popular: Vec<u16>,
    /// How many scale units Intune has.
    pub units: u8,
}

/// The web.
pub static WEB: LazyLock<Vec<Place>> = LazyLock::new(|| (0..WEB_NAMES).filter_map(web).collect());

/// The endpoints of managed devices.
pub static MANAGED: LazyLock<Endpoints> = LazyLock::new(|| Endpoints::read(ENDPOINTS));

impl Place {
    fn new(text: &str, number: u32, label: u64) -> Option<Self> {
        let mut random = Random::fork(SEED, label);
        let aliases = aliases(text, &mut random);
        let last = aliases.last().map_or(text, String::as_str);
        let zone = behind(last);
        let [_, _, third, fourth, ..] = random.next_u64().to_be_bytes();
        let v4 = match random.below(3) {
            0 => Ipv4Addr::new(192, 0, 2, fourth),
            1 => Ipv4Addr::new(198, 51, 100, fourth),
            _ => Ipv4Addr::new(203, 0, 113, fourth),
        };
        let v6 = Ipv6Addr::new(0x2001, 0xdb8, third.into(), 0, 0, 0, 0, fourth.into());
        let name = |text: &str| NameBuf::from_text(text).ok();
        Some(Self {
            number,
            name: name(text)?,
            zone: [
                name(zone)?,
                name(&format!("ns1.{zone}"))?,
                name(&format!("hostmaster.{zone}"))?,
            ],
            aliases: aliases.iter().map(|alias| name(alias)).collect::<Option<_>>()?,
            v4,
            v4_count: u8::try_from(1 + random.below(4)).unwrap_or(1),
            v6: Some(v6).filter(|_| random.chance(IPV6_SHARE)),
            has_https: random.chance(HTTPS_SHARE),
            ttl_seconds: TTLS_SECONDS.get(random.below(6) as usize).copied().unwrap_or(60),
            unit: None,
        })
    }

    /// How long an answer to a question for `kind` may be kept, in seconds: that there is none as
    /// its zone says, and no longer than the aliases that lead there.
    pub const fn life_seconds(&self, kind: u16) -> u32 {
        let is_there = match kind {
            AAAA => self.v6.is_some(),
            HTTPS => self.has_https,
            _ => true,
        };
        if is_there || self.is_alias() { self.ttl_seconds } else { MISSING_SECONDS }
    }

    /// Adds the answer to a question for `kind` of `name`, its own or one below it: aliases,
    /// records or that there are none. `turn` is where round robin stands, `ttl_seconds` what is
    /// left.
    pub fn put(
        &self,
        sheet: &mut Sheet,
        (name, kind): (&NameBuf, u16),
        turn: u32,
        ttl_seconds: u32,
    ) {
        let mut owner = name;
        for alias in &self.aliases {
            put(sheet, Section::Answer, owner, ttl_seconds, Data::Cname(alias.name()));
            owner = alias;
        }
        let mut answer = |data: Data<'_>| put(sheet, Section::Answer, owner, ttl_seconds, data);
        match (kind, self.v6) {
            (A, _) => {
                let count = u32::from(self.v4_count);
                for at in 0..count {
                    let bits = self.v4.to_bits() ^ ((turn + at) % count);
                    answer(Data::A(Ipv4Addr::from_bits(bits)));
                }
            }
            (AAAA, Some(v6)) => answer(Data::Aaaa(v6)),
            (HTTPS, _) if self.has_https => answer(Data::Other(HTTPS, HTTPS_DATA)),
            (TXT, _) => self.put_texts(sheet, ttl_seconds),
            _ => self.put_soa(sheet, ttl_seconds),
        }
    }

    /// Adds the SOA record of the zone where nothing was found, which may be known for so long.
    pub fn put_soa(&self, sheet: &mut Sheet, ttl_seconds: u32) {
        let [zone, server, mailbox] = &self.zone;
        let [refresh_seconds, retry_seconds, expire_seconds, minimum_seconds] = ZONE_TIMES;
        let serial = 2_026_010_100;
        let times =
            SoaTimes { serial, refresh_seconds, retry_seconds, expire_seconds, minimum_seconds };
        let data = Data::Soa(server.name(), mailbox.name(), times);
        put(sheet, Section::Authority, zone, ttl_seconds, data);
    }

    /// Proofs that the domain is somebody's, one a record.
    fn put_texts(&self, sheet: &mut Sheet, ttl_seconds: u32) {
        let mut random = Random::fork(SEED, u64::from(self.v4.to_bits()));
        for _ in 0..TEXTS {
            let mut text = vec![u8::try_from(TEXT_LENGTH).unwrap_or(u8::MAX)];
            text.extend(
                (0..TEXT_LENGTH).map(|_| b'a' + u8::try_from(random.below(26)).unwrap_or(0)),
            );
            let data = Data::Txt(&text);
            put(sheet, Section::Answer, &self.name, ttl_seconds, data);
        }
    }

    /// The host without its own aliases: only a name has TXT records of its own.
    pub const fn is_alias(&self) -> bool {
        !self.aliases.is_empty()
    }
}

/// The endpoint with that index.
pub fn place(index: u16) -> &'static Place {
    let places = &MANAGED.places;
    places.get(usize::from(index)).or(places.first()).expect("the list of endpoints is not empty")
}

impl Endpoints {
    /// Reads the file: services in brackets, names, and patterns with what takes the place of
    /// their stars.
    fn read(text: &'static str) -> Self {
        let mut endpoints =
            Self { places: Vec::new(), services: Vec::new(), popular: Vec::new(), units: 0 };
        let mut known: BTreeMap<String, u16> = BTreeMap::new();
        let mut units: Vec<String> = Vec::new();
        for (service, name) in names(text) {
            if endpoints.services.last().is_none_or(|(last, _)| *last != service) {
                endpoints.services.push((service, Vec::new()));
            }
            let at = match known.get(&name) {
                Some(at) => *at,
                None => {
                    let at = u16::try_from(endpoints.places.len()).unwrap_or(u16::MAX);
                    let Some(mut place) = Place::new(&name, at.into(), at.into()) else { continue };
                    place.unit = unit(&name).map(|unit| number(&mut units, unit));
                    endpoints.places.push(place);
                    known.insert(name, at);
                    at
                }
            };
            if let Some((_, indices)) = endpoints.services.last_mut() {
                indices.push(at);
            }
        }
        endpoints.units = u8::try_from(units.len()).unwrap_or(u8::MAX);
        let mut random = Random::new(SEED);
        let count = u16::try_from(endpoints.places.len()).unwrap_or(u16::MAX);
        let mut popular: Vec<(u64, u16)> = (0..count).map(|at| (random.next_u64(), at)).collect();
        popular.sort_unstable();
        endpoints.popular = popular.into_iter().map(|(_, at)| at).collect();
        endpoints
    }

    /// Index of a name.
    pub fn find(&self, name: &str) -> Option<u16> {
        let at = self.places.iter().position(|place| place.name.name().to_string() == name)?;
        u16::try_from(at).ok()
    }
}

/// Services and names of the file, stars filled in.
pub fn names(text: &'static str) -> impl Iterator<Item = (&'static str, String)> {
    let mut service = "";
    text.lines().flat_map(move |line| {
        let (pattern, fillings) = line.split_once(": ").unwrap_or((line, ""));
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            service = name;
        }
        let is_name = !line.is_empty() && !line.starts_with(['#', '[']);
        let star = ["*.*", "*", "<tenant>"].into_iter().find(|star| pattern.contains(star));
        let whole = Some(pattern.to_owned()).filter(|_| is_name && star.is_none());
        let filled = fillings.split(' ').filter(|filling| is_name && !filling.is_empty());
        let filled: Vec<String> = filled
            .filter_map(|filling| star.map(|star| pattern.replacen(star, filling, 1)))
            .collect();
        whole.into_iter().chain(filled).map(move |name| (service, name))
    })
}

/// The scale unit in one of Intune's names: `msua01`, `amsua0502`.
fn unit(name: &str) -> Option<&str> {
    name.strip_suffix(".manage.microsoft.com")?
        .rsplit('.')
        .next()
        .filter(|label| label.starts_with("msu") || label.starts_with("amsu"))
}

fn number(units: &mut Vec<String>, unit: &str) -> u8 {
    let at = units.iter().position(|known| known == unit).unwrap_or_else(|| {
        units.push(unit.to_owned());
        units.len() - 1
    });
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// The name behind the first label.
fn behind(name: &str) -> &str {
    name.split_once('.').map_or(name, |(_, rest)| rest)
}

fn aliases(name: &str, random: &mut Random) -> Vec<String> {
    let first = name.split('.').next().unwrap_or(name);
    let mut aliases = Vec::new();
    if random.chance(ALIAS_SHARE) {
        let number = random.below(1_000);
        aliases.push(format!("{first}-{number}.traffic-manager.example"));
        if random.chance(SECOND_ALIAS_SHARE) {
            let (host, number) = (random.below(100_000), random.below(30));
            aliases.push(format!("e{host}.d{number}.edge-network.example"));
        }
    }
    aliases
}

/// A made-up name of the web; popular ones are `www` more often.
fn web(number: u16) -> Option<Place> {
    const HOSTS: [&str; 12] = [
        "www", "www", "www", "cdn", "api", "static", "images", "login", "events", "assets", "m",
        "tracking",
    ];
    const FIRST: [&str; 16] = [
        "amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "harbour", "indigo",
        "juniper", "kestrel", "linden", "meadow", "nimbus", "orchid", "pebble",
    ];
    const SECOND: [&str; 16] = [
        "analytics",
        "bank",
        "cloud",
        "daily",
        "express",
        "foods",
        "games",
        "health",
        "insights",
        "jobs",
        "logistics",
        "media",
        "news",
        "shop",
        "travel",
        "weather",
    ];
    let mut random = Random::fork(SEED, u64::from(number) | 1 << 32);
    let pick = |words: &[&'static str], random: &mut Random| {
        let count = u32::try_from(words.len()).unwrap_or(u32::MAX);
        words.get(random.below(count) as usize).copied().unwrap_or_default()
    };
    let host = pick(&HOSTS, &mut random);
    let (first, second) = (pick(&FIRST, &mut random), pick(&SECOND, &mut random));
    // The number keeps names apart.
    let name = format!("{host}.{first}-{second}{number}.example");
    let endpoints = u32::try_from(MANAGED.places.len()).ok()?;
    Place::new(&name, endpoints + u32::from(number), u64::from(number) | 1 << 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_names_and_patterns_are_read() {
        let text = "# words\n[One]\na.example\n*.b.example: x y\n[Two]\n*.*.c.example: m.n\n<tenant>-my.d.example: corp\n";
        let names: Vec<_> = names(text).collect();
        let wanted = [
            ("One", "a.example"),
            ("One", "x.b.example"),
            ("One", "y.b.example"),
            ("Two", "m.n.c.example"),
            ("Two", "corp-my.d.example"),
        ];
        assert_eq!(names, wanted.map(|(service, name)| (service, name.to_owned())));
    }

    #[test]
    fn every_name_of_the_endpoints_is_a_host() {
        let wanted: std::collections::BTreeSet<String> =
            names(ENDPOINTS).map(|(_, name)| name).collect();
        assert_eq!(MANAGED.places.len(), wanted.len());
        assert!(wanted.len() > 350 && wanted.iter().all(|name| !name.contains(['*', '<'])));
        assert_eq!((MANAGED.services.len(), MANAGED.units), (17, 17));
        assert!(WEB.len() == usize::from(WEB_NAMES));
    }

    /// Full names in the tables of a page; those that a line break tore are not names.
    fn full_names(page: &str) -> Vec<String> {
        let mut found = Vec::new();
        let cells = page.lines().filter(|line| line.contains("<br>") || line.contains("://"));
        let mut is_torn = false;
        let pieces = cells.flat_map(|line| line.split("<br>").flat_map(|cell| cell.split('|')));
        for piece in pieces.map(str::trim) {
            let name = piece.trim_start_matches("https://").trim_end_matches('/').to_lowercase();
            let is_name = name.contains('.')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
            if is_name && !is_torn {
                found.push(name.clone());
            }
            is_torn = name.ends_with('-');
        }
        found
    }

    #[test]
    fn the_endpoints_are_all_that_the_pages_list() {
        let Ok(shared) = std::env::var("HEADROOM_SHARED") else {
            println!("skipped: HEADROOM_SHARED does not say where the pages are");
            return;
        };
        let known: Vec<String> = names(ENDPOINTS).map(|(_, name)| name).collect();
        let mut count = 0;
        for entry in std::fs::read_dir(format!("{shared}/seeds")).unwrap().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if !file.starts_with("001_") {
                continue;
            }
            let page = std::fs::read_to_string(entry.path()).unwrap();
            for name in full_names(&page) {
                assert!(known.contains(&name), "{name}");
                count += 1;
            }
        }
        assert!(count > 250, "{count}");
        let autopilot = ["ztd.dds.microsoft.com", "cs.dds.microsoft.com", "login.live.com"];
        let others = ["time.windows.com", "ekop.intel.com", "ftpm.amd.com"];
        for name in autopilot.iter().chain(&others) {
            assert!(known.iter().any(|known| known == name), "{name}");
        }
    }
}
