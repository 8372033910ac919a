//! When who does what.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Activity, Cast, Item};
use crate::base::{Random, Timestamp};
use crate::estate::Knob;

/// Plans what some of the clients do, in order of time.
#[derive(Debug)]
pub struct Planner {
    /// The next item of each client: time in nanoseconds, client.
    next: BinaryHeap<Reverse<(i64, u32)>>,
    randoms: Vec<(u32, Random)>,
    rates: Vec<f64>,
    end: i64,
}

impl Planner {
    /// Plans the `clients` from `start` to `end`.
    pub fn new(cast: &Cast, clients: &[u32], start: Timestamp, end: Timestamp) -> Self {
        let mut planner = Self {
            next: BinaryHeap::new(),
            randoms: Vec::new(),
            rates: Vec::new(),
            end: end.nanos(),
        };
        for (place, &client) in (0u32..).zip(clients) {
            let mut random = Random::fork(cast.seed, client.into());
            let rate = cast.parameter(client, Knob::DnsQueries) / 3.6e12;
            let first = start.nanos() + gap(&mut random, rate);
            planner.randoms.push((client, random));
            planner.rates.push(rate);
            planner.next.push(Reverse((first, place)));
        }
        planner
    }

    /// The time of the next item, in nanoseconds; `i64::MAX` at the end.
    pub fn next_time(&self) -> i64 {
        self.next.peek().map_or(i64::MAX, |Reverse((time, _))| *time)
    }

    /// The next item.
    pub fn next(&mut self) -> Option<Item> {
        let Reverse((time, place)) = self.next.pop()?;
        let (client, random) = self.randoms.get_mut(place as usize)?;
        let rate = self.rates.get(place as usize).copied()?;
        let item = Item {
            time: Timestamp::from_nanos(time),
            client: *client,
            activity: Activity::DnsLookup,
            argument: 0,
            variation: random.next_u64(),
        };
        let again = time + gap(random, rate);
        if again < self.end {
            self.next.push(Reverse((again, place)));
        }
        Some(item)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn gap(random: &mut Random, rate: f64) -> i64 {
    random.exponential(1.0 / rate) as i64
}
