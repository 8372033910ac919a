//! When who does what.
//!
//! Each client is planned by itself, from its own random numbers, so that it does not matter
//! which clients are planned together. What it does are a few [tracks](track) side by side; the
//! client's next item is the first of theirs, and a heap finds the client that comes first.
//!
//! Days, sessions and slow timers are pure functions of seed and time: whenever a plan begins,
//! everybody is where he is. The rest begins as if it had gone on for ever.

mod clock;
mod habit;
mod life;
mod mix;
mod onoff;
mod operations;
mod reference;
mod track;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use clock::{Clock, HOUR_NS, MINUTE_NS};
use habit::{Everybody, Habit};
use life::Event;
use track::{Actor, Kind, Scene, Track, World};

use super::{Cast, Item};
use crate::base::{Random, Timestamp};
use crate::estate::{Join, Knob, PopulationKind};

/// Labels of a client's random numbers, apart from those of others that are drawn from the seed.
const DRAWN: u64 = 1 << 62;
const FIXED: u64 = 3 << 61;

/// Plans what some of the clients do, in order of time.
#[derive(Debug)]
pub struct Planner {
    /// The next item of each client: time in nanoseconds, place in `actors`.
    next: BinaryHeap<Reverse<(i64, u32)>>,
    actors: Vec<Actor>,
    /// Of all clients, one after the other.
    tracks: Vec<Track>,
    world: World,
    events: Vec<Event>,
}

impl Planner {
    /// Plans the `clients` from `start` to `end`.
    pub fn new(cast: &Cast, clients: &[u32], start: Timestamp, end: Timestamp) -> Self {
        let (start, end) = (start.nanos(), end.nanos());
        let mut planner = Self {
            next: BinaryHeap::with_capacity(clients.len()),
            actors: Vec::with_capacity(clients.len()),
            tracks: Vec::new(),
            world: World::new(cast, start, end),
            events: Vec::new(),
        };
        for &client in clients {
            planner.add(cast, client, start);
        }
        planner.tracks.shrink_to_fit();
        planner
    }

    /// The time of the next item, in nanoseconds; `i64::MAX` at the end.
    pub fn next_time(&self) -> i64 {
        self.next.peek().map_or(i64::MAX, |Reverse((time, _))| *time)
    }

    fn add(&mut self, cast: &Cast, client: u32, start: i64) {
        let someone = cast.client(client);
        let habit = match someone.population {
            Some(population) => population + 1,
            None => 0,
        };
        // Another start is another day: what is drawn for it is not that of this one.
        let day = cast.seed ^ Random::new(start.cast_unsigned()).next_u64();
        let random = Random::fork(day, DRAWN | u64::from(client));
        let seed = Random::fork(cast.seed, FIXED | u64::from(client)).next_u64();
        let Ok(habit) = u16::try_from(habit) else { return };
        let mut actor = Actor::new(client, someone.number, habit, random, seed);
        let first_track = self.tracks.len();
        let Some(place) = u32::try_from(self.actors.len()).ok() else { return };
        let kinds = self.world.kinds(cast, client, habit);
        self.tracks.extend(kinds.iter().map(|(kind, which)| Track::new(*kind, *which)));
        actor.tracks = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
        actor.first_track = u32::try_from(first_track).unwrap_or(u32::MAX);
        let tracks = tracks_of(&mut self.tracks, &actor);
        let scene = self.world.scene(&mut actor, &mut self.events);
        let time = scene.map_or(i64::MAX, |mut scene| scene.begin(tracks, start));
        self.actors.push(actor);
        if time < self.world.end {
            self.next.push(Reverse((time, place)));
        }
    }
}

impl Iterator for Planner {
    type Item = Item;

    /// The next item.
    fn next(&mut self) -> Option<Item> {
        let mut top = self.next.peek_mut()?;
        let Reverse((time, place)) = *top;
        let actor = self.actors.get_mut(place as usize)?;
        let tracks = tracks_of(&mut self.tracks, actor);
        let mut scene = self.world.scene(actor, &mut self.events)?;
        let current = tracks.get_mut(usize::from(scene.actor.current))?;
        let (activity, argument) = scene.play(current);
        let again = scene.settle(tracks);
        if again < self.world.end {
            *top = Reverse((again, place));
        } else {
            PeekMut::pop(top);
        }
        let variation = Random::fork(actor.seed, time.cast_unsigned()).next_u64();
        let (time, client) = (Timestamp::from_nanos(time), actor.client);
        Some(Item { time, client, activity, argument, variation })
    }
}

/// The tracks of a client.
fn tracks_of<'a>(tracks: &'a mut [Track], actor: &Actor) -> &'a mut [Track] {
    let start = actor.first_track as usize;
    tracks.get_mut(start..start + usize::from(actor.tracks)).unwrap_or_default()
}

impl World {
    fn new(cast: &Cast, start: i64, end: i64) -> Self {
        let estate = &cast.estate;
        let everybody = Everybody::new(cast);
        let populations = (0u32..).zip(estate.populations());
        // The first stands for the domain controller itself.
        let own_site = cast.client(0).site as usize;
        let controller = Habit::of_controller(own_site);
        let habits = populations
            .clone()
            .map(|(at, population)| Habit::new(cast, at, population, &everybody));
        let habits = std::iter::once(controller).chain(habits).collect();
        let clocks = estate.sites().iter().map(|site| Clock::new(site, start, end)).collect();
        let knob = |knob| estate.parameters().get(knob);
        let controllers = estate.domain_controllers();
        let replicas = cast.others.iter().map(|(at, _)| {
            let site = controllers.get(*at).and_then(|dc| dc.site);
            if site == controllers.get(cast.dc).and_then(|dc| dc.site) {
                knob(Knob::ReplicationSeconds) * 1e9
            } else {
                knob(Knob::ReplicationIntersiteMinutes) * MINUTE_NS
            }
        });
        let is_steady = knob(Knob::ReferenceMix) >= 0.5;
        let replicas = replicas.filter(|_| !is_steady).collect();
        let checks = knob(Knob::NeighbourChecks);
        let router_ns = if checks > 0.0 && !is_steady { HOUR_NS as f64 / checks } else { 0.0 };
        let waves = populations
            .filter(|(_, population)| population.join == Join::Hybrid)
            .filter_map(|(at, population)| Some((population.site, at, population.autopilot?)));
        Self { habits, clocks, seed: cast.seed, end, replicas, router_ns, waves: waves.collect() }
    }

    /// What a client does side by side: kinds of tracks, and which of several.
    fn kinds(&self, cast: &Cast, client: u32, habit: u16) -> Vec<(Kind, u32)> {
        let Some(habit) = self.habits.get(usize::from(habit)) else { return Vec::new() };
        let Some(population) = cast.population(client) else {
            let is_steady = cast.parameter(client, Knob::ReferenceMix) >= 0.5;
            let own =
                chosen([(Kind::Controller, !is_steady), (Kind::Router, self.router_ns > 0.0)]);
            let replicas = (0u32..).zip(&self.replicas).map(|(at, _)| (Kind::Replication, at));
            return own.into_iter().chain(replicas).collect();
        };
        if cast.client(client).is_guest {
            let searches = habit.reference.is_none() && habit.searches_per_ns > 0.0;
            return chosen([(Kind::Application, searches)]);
        }
        let background = (Kind::Background, !habit.background.is_empty());
        if habit.reference.is_some() {
            return chosen([(Kind::Reference, true), background]);
        }
        let doings = !habit.doings.is_empty();
        let people = !habit.is_server;
        let mut kinds = chosen([
            (Kind::Vpn, habit.vpn.is_some_and(|vpn| vpn.accounts)),
            (Kind::Day, true),
            (Kind::GpoComputer, habit.is_member),
            (Kind::GpoUser, habit.is_member && people),
            (Kind::People, people && doings),
            (Kind::Steady, !people && doings),
            background,
            (Kind::Chores, habit.chores.iter().any(|interval| *interval > 0)),
            (Kind::CheckIn, habit.check_in > 0),
            (Kind::Application, habit.searches_per_ns > 0.0),
            (Kind::Probe, habit.probe_ns > 0.0),
            (Kind::Connector, cast.servers.first() == Some(&client) && !self.waves.is_empty()),
        ]);
        if population.kind == PopulationKind::NtlmServer {
            kinds.extend((0..habit.ntlm.streams).map(|stream| (Kind::Ntlm, stream)));
        }
        kinds
    }

    fn scene<'a>(&'a self, actor: &'a mut Actor, events: &'a mut Vec<Event>) -> Option<Scene<'a>> {
        let habit = self.habits.get(usize::from(actor.habit))?;
        let clock = self.clocks.get(habit.site)?;
        Some(Scene { world: self, habit, clock, actor, events })
    }
}

fn chosen<const N: usize>(kinds: [(Kind, bool); N]) -> Vec<(Kind, u32)> {
    kinds.into_iter().filter(|(_, applies)| *applies).map(|(kind, _)| (kind, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::Estate;

    #[test]
    fn an_endpoint_takes_less_than_300_bytes() {
        let text = include_str!("../../tests/it/synth/small.toml");
        let estate = Estate::parse(text, "small.toml").unwrap();
        let cast = Cast::new(&estate, None, &[], 1).unwrap();
        let count = u32::try_from(cast.clients.len()).unwrap();
        let start = Timestamp::from_parts(1_768_204_800, 0);
        let clients: Vec<u32> = (0..count).collect();
        let planner = Planner::new(&cast, &clients, start, start.plus_nanos(1));
        let each = size_of::<Actor>() + size_of::<Reverse<(i64, u32)>>();
        for actor in &planner.actors {
            let is_proxy = planner.world.habits[usize::from(actor.habit)].ntlm.streams > 0;
            let bytes = each + usize::from(actor.tracks) * size_of::<Track>();
            assert!(bytes < 300 || is_proxy, "{bytes} of {}", cast.host_name(actor.client));
        }
        let tracks: usize = planner.actors.iter().map(|actor| usize::from(actor.tracks)).sum();
        assert_eq!(planner.tracks.len(), tracks);
    }
}
