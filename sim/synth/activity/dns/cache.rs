//! The server's cache of names outside, without one.
//!
//! What a cache holds depends on what everybody asked before, and clients are rendered apart from
//! each other. So the cache is a rule of name, type and time instead. The life of an answer is cut
//! into epochs as long as its time to live, at a phase of its own. Who asks in the first part of
//! an epoch, as long as the mean time between two questions, finds nothing, and a forwarder is
//! asked; who asks later gets what is cached, whose time to live is what is left of the epoch.
//!
//! So an answer is fetched once per epoch in the mean, before anybody gets it out of the cache;
//! what is asked for less often than it lives is fetched every time. How many names are popular
//! follows from the share that is to be forwarded: at its value, names are as unequal (Zipf's law)
//! as that takes, whatever the number of clients.

use super::places::{MANAGED, Place, WEB, place};
use crate::base::{Random, Timestamp};
use crate::estate::{Knob, Population};
use crate::proto::dns::types::{A, AAAA, HTTPS};
use crate::synth::Cast;

/// Shares of the types asked for, the others being A: assumed, from one AAAA for each two A and
/// browsers that ask for HTTPS.
pub const AAAA_SHARE: f64 = 0.3;
pub const HTTPS_SHARE: f64 = 0.1;
/// Texts are asked for so much less often that they are hardly ever cached. Assumed.
const TXT_SHARE: f64 = 0.01;
/// Share of outside names that Windows itself and its services want. Assumed.
const SERVICES_SHARE: f64 = 0.35;
/// Share of forwarded questions that are for names nobody else wants. Assumed.
const RARE_SHARE: f64 = 0.25;
/// Largest exponent of Zipf's law that is tried: the first name then has five sixths of all. What
/// pages of the web follow is about 1 (Breslau et al. 1999).
const EXPONENT_MAX: f64 = 3.0;
/// Halvings of the range of exponents: to a millionth.
const HALVINGS: u32 = 22;
/// Label of the phases among the seed's streams.
const PHASE: u64 = 0x6361_6368 << 32;
const SECOND_NS: i64 = 1_000_000_000;

/// What is asked for outside the domain, and how much of that is cached.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    seed: u64,
    services: Ranks,
    web: Ranks,
    /// Share of questions for names that nobody else asks for.
    rare_share: f64,
    /// Questions per second for each of the places, by [`Place::number`].
    rates: Vec<f64>,
    /// Questions per second for one endpoint while new devices enrol.
    pub wave_rate: f64,
}

/// What the server has of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// It is cached.
    pub is_cached: bool,
    /// What is left of its time to live, in seconds, here or at the forwarder.
    pub left_seconds: u32,
}

impl Cache {
    /// That of everybody's domain controller.
    pub fn new(cast: &Cast) -> Self {
        let demand = Demand::new(cast);
        let wanted = demand.forwarded_share();
        let rare_share = wanted * RARE_SHARE;
        let popular = (wanted - rare_share) / (1.0 - rare_share);
        let per_second = demand.outside * (1.0 - rare_share);
        let (mut low, mut high) = (0.0, EXPONENT_MAX);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            // The more unequal names are, the less is forwarded.
            if forwarded_share(&rates(middle), per_second) > popular {
                low = middle;
            } else {
                high = middle;
            }
        }
        let shares = rates(low);
        let made = forwarded_share(&shares, per_second);
        // Where even equal names are cached too much of the time, more of them are rare.
        let rest = if made < 1.0 { ((wanted - made) / (1.0 - made)).max(0.0) } else { 0.0 };
        let per_second = demand.outside * (1.0 - rest);
        Self {
            seed: cast.seed,
            services: Ranks::new(&zipf(MANAGED.popular.len(), low)),
            web: Ranks::new(&zipf(WEB.len(), low)),
            rare_share: rest,
            rates: shares.iter().map(|share| share * per_second).collect(),
            wave_rate: demand.enrolling / MANAGED.places.len() as f64,
        }
    }

    /// Whether somebody asks for a name that nobody else wants.
    pub const fn is_rare(&self, random: &mut Random) -> bool {
        random.chance(self.rare_share)
    }

    /// Some host outside.
    pub fn host(&self, random: &mut Random) -> &'static Place {
        if random.chance(SERVICES_SHARE) {
            return place(*self.endpoint(random));
        }
        let rank = self.web.draw(random);
        WEB.get(rank).or(WEB.first()).expect("the web is not empty")
    }

    /// Index of some endpoint of managed devices.
    pub fn endpoint(&self, random: &mut Random) -> &'static u16 {
        MANAGED.popular.get(self.services.draw(random)).unwrap_or(&0)
    }

    /// What the server has at `now` of an answer that is asked for `more` times a second more
    /// than usual.
    #[expect(clippy::cast_possible_truncation, reason = "minutes at most")]
    pub fn held(&self, place: &Place, kind: u16, more: f64, now: Timestamp) -> Held {
        let life_ns = i64::from(place.life_seconds(kind)) * SECOND_NS;
        let label = PHASE ^ u64::from(place.number) << 16 ^ u64::from(kind);
        let mut random = Random::fork(self.seed, label);
        let phase_ns = (random.unit() * life_ns as f64) as i64;
        let age_ns = (now.nanos() + phase_ns).rem_euclid(life_ns);
        let rate = self.rates.get(place.number as usize).copied().unwrap_or(0.0) + more;
        let gap_ns = SECOND_NS as f64 / (rate * type_share(kind));
        let left = (life_ns - age_ns + SECOND_NS - 1) / SECOND_NS;
        Held {
            is_cached: age_ns as f64 >= gap_ns,
            left_seconds: u32::try_from(left).unwrap_or(u32::MAX),
        }
    }
}

/// Questions per second in working hours.
#[derive(Debug, Default)]
struct Demand {
    /// For hosts outside.
    outside: f64,
    /// Of these, those that are to be forwarded.
    forwarded: f64,
    /// Of new devices, while they enrol.
    enrolling: f64,
}

impl Demand {
    fn new(cast: &Cast) -> Self {
        let mut demand = Self::default();
        for client in cast.clients.iter().filter(|client| !client.is_guest) {
            let at = client.population.map(|at| at as usize);
            let population = at.and_then(|at| cast.estate.populations().get(at));
            if let Some(population) = population {
                demand.add(population, client.number);
            }
        }
        demand
    }

    fn add(&mut self, population: &Population, number: u32) {
        let knob = |knob| population.parameters.get(knob);
        let (missing, outside) = (knob(Knob::DnsNxdomainShare), knob(Knob::DnsOutsideShare));
        let per_second = knob(Knob::DnsQueries) / 3_600.0 / (missing + outside).max(1.0);
        self.outside += per_second * outside;
        self.forwarded += per_second * outside * knob(Knob::DnsForwardedShare);
        let wave = population.autopilot.filter(|wave| number < wave.devices);
        self.enrolling +=
            wave.map_or(0.0, |wave| knob(Knob::AutopilotQueries) / (wave.over.max(1.0) * 60.0));
    }

    fn forwarded_share(&self) -> f64 {
        let share = self.forwarded / self.outside;
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 }
    }
}

/// Ranks from 0, to be drawn with given shares.
#[derive(Debug, Clone, Default)]
struct Ranks {
    /// Sum of the shares up to each rank.
    upto: Vec<f64>,
    /// Where to begin to look for a number: the first rank of each of as many equal parts.
    guide: Vec<u16>,
}

impl Ranks {
    fn new(shares: &[f64]) -> Self {
        let mut sum = 0.0;
        let upto: Vec<f64> = shares
            .iter()
            .map(|share| {
                sum += share;
                sum
            })
            .collect();
        let part = |at: usize| at as f64 / upto.len() as f64;
        let first = |at: usize| upto.partition_point(|upto| *upto <= part(at));
        let guide = (0..upto.len()).map(|at| u16::try_from(first(at)).unwrap_or(u16::MAX));
        Self { guide: guide.collect(), upto }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the count")]
    fn draw(&self, random: &mut Random) -> usize {
        let unit = random.unit();
        let part = (unit * self.guide.len() as f64) as usize;
        let begin = self.guide.get(part).map_or(0, |begin| usize::from(*begin));
        let rest = self.upto.iter().skip(begin);
        let rank = begin + rest.take_while(|upto| **upto <= unit).count();
        rank.min(self.upto.len().saturating_sub(1))
    }
}

/// Shares of so many ranks, the first the largest: Zipf's law.
fn zipf(count: usize, exponent: f64) -> Vec<f64> {
    let mut shares: Vec<f64> =
        (1..=count).map(|number| libm::pow(number as f64, -exponent)).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    shares
}

/// Shares of the questions for each place, by its number, where names are that unequal.
fn rates(exponent: f64) -> Vec<f64> {
    let mut shares = vec![0.0; MANAGED.places.len()];
    let services = zipf(MANAGED.popular.len(), exponent);
    for (at, share) in MANAGED.popular.iter().zip(services) {
        if let Some(to) = shares.get_mut(usize::from(*at)) {
            *to = share * SERVICES_SHARE;
        }
    }
    let web = zipf(WEB.len(), exponent).into_iter();
    shares.extend(web.map(|share| share * (1.0 - SERVICES_SHARE)));
    shares
}

/// Share of questions that find nothing, at so many a second.
fn forwarded_share(shares: &[f64], per_second: f64) -> f64 {
    let places = MANAGED.places.iter().chain(WEB.iter());
    let of = |(place, share): (&Place, &f64)| -> f64 {
        let types = [A, AAAA, HTTPS].map(|kind| {
            let wanted = share * type_share(kind);
            let life = f64::from(place.life_seconds(kind));
            wanted.min(1.0 / (life * per_second))
        });
        types.iter().sum()
    };
    places.zip(shares).map(of).sum()
}

const fn type_share(kind: u16) -> f64 {
    match kind {
        A => 1.0 - AAAA_SHARE - HTTPS_SHARE,
        AAAA => AAAA_SHARE,
        HTTPS => HTTPS_SHARE,
        _ => TXT_SHARE,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::estate::Estate;

    /// The small estate with so many office workers, of whose questions that share is forwarded.
    fn cast(count: u32, share: f64) -> Cast {
        let text = include_str!("../../../../tests/it/synth/small.toml");
        let text = text.replace("count = 8", &format!("count = {count}"));
        let text = format!("{text}\n[parameters]\ndns.forwarded_share = {share}\n");
        let estate = Estate::parse(&text, "small.toml").unwrap();
        Cast::new(&estate, None, &[], 1).unwrap()
    }

    /// So many seconds after some Monday morning.
    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(1_768_204_800 + seconds, 0)
    }

    /// Questions for half an hour, each with what was held.
    fn asked(cast: &Cast, mut each: impl FnMut(f64, (u32, u16), Option<Held>)) -> f64 {
        let (cache, demand) = (&cast.cache, Demand::new(cast));
        let mut random = Random::new(9);
        let mut seconds = 0.0;
        let (mut all, mut forwarded) = (0.0, 0.0);
        while seconds < 1_800.0 {
            seconds += random.exponential(1.0 / demand.outside);
            all += 1.0;
            if cache.is_rare(&mut random) {
                forwarded += 1.0;
                each(seconds, (0, 0), None);
                continue;
            }
            let place = cache.host(&mut random);
            let kind = match random.unit() {
                unit if unit < 0.6 => A,
                unit if unit < 0.9 => AAAA,
                _ => HTTPS,
            };
            #[expect(clippy::cast_possible_truncation, reason = "half an hour")]
            let now = at(0).plus_nanos((seconds * 1e9) as i64);
            let held = cache.held(place, kind, 0.0, now);
            forwarded += f64::from(u8::from(!held.is_cached));
            each(seconds, (place.number, kind), Some(held));
        }
        forwarded / all
    }

    #[test]
    fn ranks_are_drawn_with_their_shares() {
        let mut random = Random::new(4);
        for exponent in [0.0, 1.0, 2.5] {
            let shares = zipf(50, exponent);
            let ranks = Ranks::new(&shares);
            let mut counts = vec![0.0; 50];
            (0..100_000).for_each(|_| counts[ranks.draw(&mut random)] += 1.0);
            for (rank, (count, share)) in counts.iter().zip(&shares).enumerate() {
                let wanted = share * 1e5;
                assert!((count - wanted).abs() < 6.0 * (wanted + 1.0).sqrt(), "{exponent} {rank}");
            }
        }
        assert_eq!(Ranks::default().draw(&mut random), 0);
    }

    #[test]
    fn as_much_is_forwarded_as_the_parameter_says_however_many_clients_there_are() {
        for (count, share) in
            [(100, 0.3), (200, 0.3), (400, 0.3), (4_000, 0.3), (300, 0.833), (4_000, 0.833)]
        {
            let got = asked(&cast(count, share), |_, _, _| {});
            assert!((got / share - 1.0).abs() < 0.06, "{count}: {got}, not {share}");
        }
        assert!((asked(&cast(8, 1.0), |_, _, _| {}) - 1.0).abs() < 1e-9);
        // A cache has to be filled.
        let least = asked(&cast(400, 0.0), |_, _, _| {});
        assert!((0.01..0.15).contains(&least), "{least}");
    }

    #[test]
    fn an_answer_is_fetched_once_and_then_lives_as_long_as_it_says() {
        // End of the epoch, questions of it, those that were forwarded, whether one was cached.
        let mut epochs: BTreeMap<(u32, u16), (f64, u32, u32, bool)> = BTreeMap::new();
        let (mut popular, mut fetched, mut rose) = (0, 0, 0);
        asked(&cast(400, 0.3), |seconds, what, held| {
            let Some(held) = held else { return };
            let end = seconds + f64::from(held.left_seconds);
            let epoch = epochs.entry(what).or_insert((end, 0, 0, false));
            if end > epoch.0 + 1.001 {
                // Another epoch, and only once the last is over.
                rose += u32::from(seconds < epoch.0 - 1.001);
                if epoch.1 >= 8 {
                    popular += 1;
                    fetched += epoch.2;
                }
                *epoch = (end, 0, 0, false);
            }
            epoch.1 += 1;
            epoch.2 += u32::from(!held.is_cached);
            assert!(held.is_cached || !epoch.3, "fetched again: {what:?} at {seconds}");
            epoch.3 |= held.is_cached;
        });
        assert_eq!(rose, 0);
        assert!(popular > 500, "{popular}");
        let mean = f64::from(fetched) / f64::from(popular);
        assert!((0.8..1.3).contains(&mean), "{mean} of {popular}");
    }

    #[test]
    fn what_is_asked_for_seldom_is_fetched_every_time() {
        let cast = cast(400, 0.3);
        let last = WEB.last().unwrap();
        let seconds = 0..600;
        assert!(seconds.map(at).all(|now| { !cast.cache.held(last, HTTPS, 0.0, now).is_cached }));
        // Unless a wave wants it.
        let seconds = 0..600;
        let cached =
            seconds.map(at).filter(|now| cast.cache.held(last, HTTPS, 100.0, *now).is_cached);
        assert!(cached.count() > 300);
    }
}
