//! What resolving addresses to names would cost the sensor.
//!
//! The vendor's flow diagram of 2019 (the only one published): both addresses of an activity are
//! looked up in a cache of 30 s; what is not there, or is contradicted by a hint from NTLM or
//! DNS, is asked for with three probes at once; what answers none of them is asked of the DNS and
//! not cached. Whether an address would answer a capture cannot tell, so both ends are counted.

use crate::base::Timestamp;
use crate::flow::{Address, AddressMap};
use crate::proto::{Method, Transport, by_port};
use crate::record::{MethodSuccess, NameResolution};

/// How long a name is kept, in nanoseconds: 30 s, the flow diagram.
const KEPT_NS: i64 = 30_000_000_000;

/// Addresses remembered per generation, two of which exist. Ours.
const CACHE_MAX: usize = 1 << 17;

const NS_PER_SECOND: i64 = 1_000_000_000;

/// The vendor's alert: more than 90 % of the questions fail.
const FAILED_MIN: f64 = 0.9;

#[derive(Debug, Clone, Copy)]
struct Cached {
    since: i64,
    /// Hash of the name that a hint gave; `None` where only a probe would have told.
    name: Option<u64>,
}

/// The model of the cache and its counts.
#[derive(Debug, Default)]
pub struct Names {
    /// Entered in the current span of 30 s, and in the one before: all that can still be valid.
    young: AddressMap<Cached>,
    old: AddressMap<Cached>,
    span: i64,
    /// Names that hints gave before the address was asked for.
    hints: AddressMap<u64>,
    seen: u64,
    resolved: u64,
    contradicted: u64,
    ntlm_hints: u64,
    dns_hints: u64,
    methods: [(u64, u64); METHODS.len()],
    second: i64,
    in_second: u32,
    peak: (u32, i64),
    /// Addresses that found no room.
    pub dropped: u64,
}

const METHODS: [(Method, &str); 4] = [
    (Method::NetBios, "NetBIOS"),
    (Method::RpcNtlm, "NTLM over RPC"),
    (Method::Rdp, "RDP"),
    (Method::ReverseDns, "reverse DNS"),
];

impl Names {
    /// Both addresses of a monitored activity are looked up: who asked, and who was asked unless
    /// it serves at that port, as the sensor's own host does.
    pub fn activity(&mut self, asker: Address, (asked, port): (Address, u16), time: Timestamp) {
        self.look_up(asker, time);
        let serves = by_port(Transport::Tcp, port).or(by_port(Transport::Udp, port)).is_some();
        if !serves {
            self.look_up(asked, time);
        }
    }

    /// A hint that `address` has the name that `name` is the hash of.
    pub fn hint(&mut self, address: Address, name: u64, by_ntlm: bool, time: Timestamp) {
        *(if by_ntlm { &mut self.ntlm_hints } else { &mut self.dns_hints }) += 1;
        self.age(time.nanos());
        let cached = self.young.get_mut(&address).or_else(|| self.old.get_mut(&address));
        if let Some(cached) = cached
            && cached.since.saturating_add(KEPT_NS) > time.nanos()
        {
            match cached.name {
                Some(known) if known != name => {
                    self.contradicted += 1;
                    self.young.remove(&address);
                    self.old.remove(&address);
                }
                _ => cached.name = Some(name),
            }
        }
        if self.hints.len() < CACHE_MAX || self.hints.contains_key(&address) {
            self.hints.insert(address, name);
        } else {
            self.dropped += 1;
        }
    }

    /// `count` questions of a method, answered or not.
    pub fn asked(&mut self, method: Method, answered: bool, count: u64) {
        if let Some((asked, got)) = self.methods.get_mut(method as usize) {
            *asked += count;
            *got += if answered { count } else { 0 };
        }
    }

    fn look_up(&mut self, address: Address, time: Timestamp) {
        if !address.is_host() {
            return;
        }
        self.seen += 1;
        let now = time.nanos();
        self.age(now);
        let cached = self.young.get(&address).or_else(|| self.old.get(&address));
        if cached.is_some_and(|cached| cached.since.saturating_add(KEPT_NS) > now) {
            return;
        }
        self.resolved += 1;
        self.count_second(now.div_euclid(NS_PER_SECOND));
        if self.young.len() < CACHE_MAX {
            let name = self.hints.get(&address).copied();
            self.young.insert(address, Cached { since: now, name });
        } else {
            self.dropped += 1;
        }
    }

    /// Begins a new span where the time has come. What was entered two spans ago has expired.
    fn age(&mut self, now: i64) {
        let span = now.div_euclid(KEPT_NS);
        if span < self.span - 1 {
            // A frame from the future was before: the clock starts over.
            self.young.clear();
            self.old.clear();
            self.span = span;
        }
        if span > self.span {
            if span > self.span + 1 {
                self.young.clear();
            }
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
            self.span = span;
        }
    }

    fn count_second(&mut self, second: i64) {
        if second != self.second {
            (self.second, self.in_second) = (second, 0);
        }
        self.in_second += 1;
        if self.in_second > self.peak.0 {
            self.peak = (self.in_second, second);
        }
    }

    /// The result; `seconds` is how long the capture is.
    pub fn record(&self, seconds: Option<f64>) -> NameResolution {
        let methods = METHODS.iter().zip(&self.methods).map(|((method, name), &(asked, got))| {
            #[expect(clippy::cast_precision_loss, reason = "a share of two counts")]
            let failed = (asked - got) as f64 / asked.max(1) as f64;
            MethodSuccess {
                method: (*name).to_owned(),
                asked,
                answered: got,
                would_alert: asked > 0 && failed > FAILED_MIN && *method != Method::Rdp,
            }
        });
        let (peak_per_second, second) = self.peak;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let rate = |count: u64| seconds.map(|seconds| count as f64 / seconds);
        NameResolution {
            addresses_seen: self.seen,
            resolutions_if_answered: self.resolved,
            resolutions_if_unanswered: self.seen,
            contradicted: self.contradicted,
            average_per_second: rate(self.resolved),
            average_per_second_if_unanswered: rate(self.seen),
            peak_per_second,
            peak_utc: (peak_per_second > 0)
                .then(|| Timestamp::from_nanos(second.saturating_mul(NS_PER_SECOND))),
            ntlm_hints: self.ntlm_hints,
            dns_hints: self.dns_hints,
            methods: methods.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * NS_PER_SECOND)
    }

    fn host(last: u8) -> Address {
        Address::v4([10, 0, 0, last])
    }

    fn ask(names: &mut Names, client: u8, seconds: i64) {
        names.activity(host(client), (host(250), 445), at(seconds));
    }

    #[test]
    fn an_address_is_asked_for_once_in_thirty_seconds() {
        let mut names = Names::default();
        for seconds in [100, 101, 115, 129, 130, 131, 159, 160, 300] {
            ask(&mut names, 7, seconds);
        }
        let record = names.record(Some(200.0));
        assert_eq!(record.addresses_seen, 9);
        assert_eq!(record.resolutions_if_answered, 4, "at 100, 130, 160 and 300");
        assert_eq!(record.resolutions_if_unanswered, 9);
        assert_eq!(record.average_per_second, Some(0.02));
        assert_eq!(record.average_per_second_if_unanswered, Some(0.045));
    }

    #[test]
    fn one_frame_from_the_future_does_not_stop_the_clock() {
        let mut names = Names::default();
        for seconds in [100, 9_000_000_000, 101, 131, 161] {
            ask(&mut names, 7, seconds);
        }
        let record = names.record(None);
        assert_eq!(record.resolutions_if_answered, 5);
        assert!(names.young.len() + names.old.len() <= 2);
    }

    #[test]
    fn who_serves_is_not_asked_for_and_who_does_not_is() {
        let mut names = Names::default();
        names.activity(host(1), (host(250), 88), at(1));
        assert_eq!(names.record(None).addresses_seen, 1);
        names.activity(host(1), (host(2), 49_999), at(2));
        assert_eq!(names.record(None).addresses_seen, 3);
        names.activity(Address::v4([255; 4]), (host(250), 88), at(3));
        assert_eq!(names.record(None).addresses_seen, 3, "a broadcast address has no name");
    }

    #[test]
    fn a_hint_that_contradicts_asks_again() {
        let mut names = Names::default();
        names.hint(host(7), 1, true, at(0));
        ask(&mut names, 7, 1);
        names.hint(host(7), 1, false, at(2));
        ask(&mut names, 7, 3);
        assert_eq!(names.record(None).resolutions_if_answered, 1);
        names.hint(host(7), 2, true, at(4));
        ask(&mut names, 7, 5);
        let record = names.record(None);
        assert_eq!((record.resolutions_if_answered, record.contradicted), (2, 1));
        assert_eq!((record.ntlm_hints, record.dns_hints), (2, 1));
    }

    #[test]
    fn the_busiest_second_is_found() {
        let mut names = Names::default();
        for (client, seconds) in [(1, 10), (2, 10), (3, 11), (4, 12), (5, 12), (6, 12), (7, 13)] {
            ask(&mut names, client, seconds);
        }
        let record = names.record(None);
        assert_eq!((record.peak_per_second, record.peak_utc), (3, Some(at(12))));
    }

    #[test]
    fn more_than_nine_of_ten_failures_alert() {
        let mut names = Names::default();
        names.asked(Method::NetBios, false, 91);
        names.asked(Method::NetBios, true, 9);
        names.asked(Method::ReverseDns, false, 90);
        names.asked(Method::ReverseDns, true, 10);
        names.asked(Method::Rdp, false, 100);
        let alerts: Vec<_> = names.record(None).methods.iter().map(|m| m.would_alert).collect();
        assert_eq!(alerts, [true, false, false, false]);
    }
}
