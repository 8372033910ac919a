//! Tracks: the things that a client does side by side, each with the time of its next item.

use super::clock::{Clock, MINUTE_NS, SECOND_NS, nanos};
use super::habit::{CHORES, Habit, NTLM_GAP_SECONDS};
use super::life::{self, ENROLLED_MINUTES, Event, Life, Segment, State};
use super::mix::{Choice, Mix, Run, short_gap};
use crate::base::Random;
use crate::estate::AutopilotWave;
use crate::synth::Activity;

/// Label of the check-ins of a managed device.
const CHECK_IN: u64 = 5 << 56;
/// Names that a managed device asks for when it checks in. Assumed.
const CHECK_IN_NAMES: u32 = 10;
/// A domain controller refreshes its own group policy every five minutes, in nanoseconds:
/// Windows' default.
const CONTROLLER_GPO_NS: i64 = 300 * SECOND_NS;
/// Jitter of the time between two replications, as a share to either side. Assumed.
const REPLICATION_JITTER: f64 = 0.2;

/// An application's searches come from a process of two states (MMPP-2): it is busy a fifth of
/// the time, for a minute on average, and then asks two and a half times as much as on average.
/// Assumed.
const BUSY_SHARE: f64 = 0.2;
const BUSY_FACTOR: f64 = 2.5;
const BUSY_NS: f64 = 6e10;

/// What a track does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Accounts of VPN sessions. Before `Day`: a session's last one comes when it ends.
    Vpn,
    /// What happens at certain times of a day, and where one segment of life becomes another.
    Day,
    /// Group policy of the computer.
    GpoComputer,
    /// Group policy of the person.
    GpoUser,
    /// What people do.
    People,
    /// What a server does all day.
    Steady,
    /// What a computer does by itself.
    Background,
    /// Slow timers.
    Chores,
    /// Check-ins of a managed device.
    CheckIn,
    /// A stream of runs of NTLM validations.
    Ntlm,
    /// Searches of an application.
    Application,
    /// Probes by the sensor.
    Probe,
    /// The steady state of the reference capture.
    Reference,
    /// The domain controller's own group policy.
    Controller,
    /// The domain controller and its router make sure of each other.
    Router,
    /// Replication with another domain controller.
    Replication,
    /// Accounts that the Intune connector creates.
    Connector,
}

/// A track.
#[derive(Debug, Clone, Copy)]
pub struct Track {
    /// Time of the next item; `i64::MAX` where none is due.
    pub time: i64,
    /// Until when it goes on as it does.
    until: i64,
    /// Which of several; or 1 while active or busy.
    pub which: u32,
    /// Items that are left of a run.
    left: u16,
    /// What comes next: index of a choice or of a chore.
    what: u8,
    pub kind: Kind,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Actor {
    pub random: Random,
    /// Seed of what depends on nothing but the day.
    pub seed: u64,
    pub segment: Segment,
    pub client: u32,
    /// Its number within its population.
    pub number: u32,
    /// Its first track, and how many there are.
    pub first_track: u32,
    pub tracks: u16,
    pub habit: u16,
    /// Events of the segment that are over.
    event: u8,
    /// The track whose item comes next.
    pub current: u16,
}

/// What all clients share.
#[derive(Debug)]
pub struct World {
    pub habits: Vec<Habit>,
    /// Of each site.
    pub clocks: Vec<Clock>,
    pub seed: u64,
    pub end: i64,
    /// Mean nanoseconds between replications with each other domain controller.
    pub replicas: Vec<f64>,
    /// Mean nanoseconds between two checks of the domain controller's router; 0 where there are
    /// none.
    pub router_ns: f64,
    /// Waves of devices that join the domain: site, population, wave.
    pub waves: Vec<(usize, u32, AutopilotWave)>,
}

impl Track {
    /// A track that has not begun.
    pub const fn new(kind: Kind, which: u32) -> Self {
        Self { time: i64::MAX, until: 0, which, left: 0, what: 0, kind }
    }
}

impl Actor {
    /// A client that has not begun.
    pub const fn new(client: u32, number: u32, habit: u16, random: Random, seed: u64) -> Self {
        let state = State::Off;
        let (from, to, day) = (i64::MIN, i64::MIN, 0);
        let segment = Segment { from, to, state, day, session: 0, enrols: false };
        let (first_track, tracks, event, current) = (0, 0, 0, 0);
        Self { random, seed, segment, client, number, first_track, tracks, habit, event, current }
    }
}

/// A client in its world.
pub struct Scene<'a> {
    pub world: &'a World,
    pub habit: &'a Habit,
    pub clock: &'a Clock,
    pub actor: &'a mut Actor,
    /// Room for the events of a segment.
    pub events: &'a mut Vec<Event>,
}

impl Scene<'_> {
    const fn life(&self) -> Life<'_> {
        Life {
            habit: self.habit,
            clock: self.clock,
            run_seed: self.world.seed,
            seed: self.actor.seed,
            number: self.actor.number,
        }
    }

    /// Begins all tracks at `now`, in the middle of whatever goes on; the time of the first item.
    pub fn begin(&mut self, tracks: &mut [Track], now: i64) -> i64 {
        if tracks.iter().any(|track| track.kind == Kind::Day) {
            self.actor.segment = self.life().segment(now);
        } else {
            // Who has no days is always there.
            self.actor.segment.state = State::Present;
            self.actor.segment.to = i64::MAX;
        }
        for track in &mut *tracks {
            self.begin_track(track, now);
        }
        self.enter(tracks, State::Off, now, true);
        self.settle(tracks)
    }

    /// Begins a track that does not depend on who is there.
    fn begin_track(&mut self, track: &mut Track, now: i64) {
        let random = &mut self.actor.random;
        match track.kind {
            Kind::Day => self.begin_events(track, now),
            Kind::Steady | Kind::Application | Kind::Probe | Kind::Connector | Kind::Router => {
                self.follow(track, now);
            }
            Kind::Ntlm => {
                let weight = self.clock.site_weight(now);
                let gap = ntlm_gap(self.habit, weight, random) * random.unit();
                self.begin_run(track, after(now, gap));
            }
            Kind::Reference => {
                let gap = self.habit.reference.as_ref().map_or(0.0, |mix| mix.rest(random));
                self.begin_run(track, after(now, gap));
            }
            Kind::Controller => {
                track.time = after(now, random.unit() * CONTROLLER_GPO_NS as f64);
            }
            Kind::Replication => {
                let mean = self.world.replicas.get(track.which as usize).copied().unwrap_or(0.0);
                track.time = after(now, random.unit() * mean);
            }
            _ => {}
        }
    }

    /// Finds the first event of the segment at `now` or after.
    fn begin_events(&mut self, track: &mut Track, now: i64) {
        let mut events = std::mem::take(self.events);
        self.life().events(&self.actor.segment, &mut events);
        let over = events.iter().take_while(|event| event.time < now).count();
        track.time = events.get(over).map_or(self.actor.segment.to, |event| event.time);
        self.actor.event = u8::try_from(over).unwrap_or(u8::MAX);
        *self.events = events;
    }

    /// Begins and ends tracks as the state of the client's life demands.
    fn enter(&mut self, tracks: &mut [Track], before: State, now: i64, is_start: bool) {
        let segment = self.actor.segment;
        let is_on = segment.state != State::Off;
        let was_on = before != State::Off && !is_start;
        let boots = !is_start && self.life().boots(&segment, before);
        for track in tracks {
            match track.kind {
                Kind::Vpn => (track.time, _) = self.life().account(&segment, now - 1),
                Kind::People if segment.state == State::Present => {
                    let ready = segment.from.saturating_add(nanos(ENROLLED_MINUTES * MINUTE_NS));
                    let begin = if segment.enrols { now.max(ready) } else { now };
                    self.begin_person(track, begin);
                }
                Kind::GpoComputer | Kind::GpoUser if is_on && !was_on => {
                    let random = &mut self.actor.random;
                    let [base, offset] = self.habit.gpo;
                    let whole = random.between(base, base + offset);
                    let wait = if boots { whole } else { rest_of_uniform(base, offset, random) };
                    track.time = after(now, wait);
                }
                Kind::Background | Kind::Chores | Kind::CheckIn if is_on && !was_on => {
                    self.follow(track, now - 1);
                }
                Kind::GpoComputer
                | Kind::GpoUser
                | Kind::Background
                | Kind::Chores
                | Kind::CheckIn
                    if !is_on =>
                {
                    track.time = i64::MAX;
                }
                Kind::People => track.time = i64::MAX,
                _ => {}
            }
        }
    }

    /// Takes the client from segment to segment, up to its next item; the time of that.
    pub fn settle(&mut self, tracks: &mut [Track]) -> i64 {
        loop {
            let (at, now) = first(tracks);
            self.actor.current = at;
            let Some(track) = tracks.get_mut(usize::from(at)) else { return i64::MAX };
            if track.kind != Kind::Day || now < self.actor.segment.to || now >= self.world.end {
                return now;
            }
            let before = self.actor.segment.state;
            self.actor.segment = self.life().segment(now);
            self.begin_events(track, now);
            if before != self.actor.segment.state {
                self.enter(tracks, before, now, false);
            }
        }
    }

    /// The item that is due, and how much or which. Plans the next of its track.
    pub fn play(&mut self, track: &mut Track) -> (Activity, u32) {
        let now = track.time;
        let habit = self.habit;
        let item = match track.kind {
            Kind::Vpn => self.account(track),
            Kind::Day => return self.event(track),
            Kind::GpoComputer => (Activity::GpoRefresh, 0),
            Kind::GpoUser => (Activity::GpoRefresh, 1),
            Kind::People | Kind::Steady => self.chosen(&habit.doings, track),
            Kind::Background => self.chosen(&habit.background, track),
            Kind::Chores => {
                let chore = CHORES.get(usize::from(track.what)).copied();
                (chore.unwrap_or(Activity::TimeRequest), 0)
            }
            Kind::CheckIn => (Activity::ManagedNames, CHECK_IN_NAMES),
            Kind::Ntlm => (Activity::NtlmValidation, 0),
            Kind::Application => (Activity::LdapApplication, 0),
            Kind::Probe => {
                let is_off = self.actor.segment.state == State::Off;
                (Activity::NameProbe, u32::from(is_off))
            }
            Kind::Reference => match &habit.reference {
                Some(reference) => self.chosen(reference.mix(), track),
                None => (Activity::ServiceTickets, 1),
            },
            Kind::Controller => (Activity::GpoRefresh, 0),
            Kind::Router => (Activity::NeighbourCheck, 0),
            Kind::Replication => (Activity::Replication, track.which),
            Kind::Connector => (Activity::IntuneConnector, 0),
        };
        self.follow(track, now);
        item
    }

    /// Plans the next item of a track after `now`.
    fn follow(&mut self, track: &mut Track, now: i64) {
        if track.left > 0 {
            track.left -= 1;
            track.time = after(now, short_gap(&mut self.actor.random));
            return;
        }
        let random = &mut self.actor.random;
        match track.kind {
            Kind::Vpn => (track.time, _) = self.life().account(&self.actor.segment, now),
            Kind::Day => {}
            Kind::GpoComputer | Kind::GpoUser => {
                let [base, offset] = self.habit.gpo;
                track.time = after(now, random.between(base, base + offset));
            }
            Kind::People => self.follow_person(track, now),
            Kind::Steady => {
                let (rate, factor) = (self.habit.doings.per_ns(), self.habit.backup_factor);
                let clock = self.clock;
                let weight = |time| clock.server_weight(time, factor);
                let time = next_at(clock, random, rate, weight, (now, self.world.end));
                self.begin_run(track, time);
            }
            Kind::Background => {
                let gap = random.exponential(1.0 / self.habit.background.per_ns());
                self.begin_run(track, after(now, gap));
            }
            Kind::Chores => {
                let life = self.life();
                let next = (0u8..).zip(CHORES).map(|(at, _)| (life.chore(at.into(), now), at));
                (track.time, track.what) = next.min().unwrap_or((i64::MAX, 0));
            }
            Kind::CheckIn => {
                track.time = self.life().recurrence(CHECK_IN, self.habit.check_in, now);
            }
            Kind::Ntlm => {
                let gap = ntlm_gap(self.habit, self.clock.site_weight(now), random);
                self.begin_run(track, after(now, gap));
            }
            Kind::Application => self.follow_application(track, now),
            Kind::Probe => track.time = after(now, random.exponential(self.habit.probe_ns)),
            Kind::Reference => {
                let gap = self.habit.reference.as_ref().map_or(f64::MAX, |mix| mix.gap(random));
                self.begin_run(track, after(now, gap));
            }
            Kind::Router => track.time = after(now, random.exponential(self.world.router_ns)),
            Kind::Controller => track.time = now + CONTROLLER_GPO_NS,
            Kind::Replication => {
                let mean = self.world.replicas.get(track.which as usize).copied();
                let jitter = random.between(1.0 - REPLICATION_JITTER, 1.0 + REPLICATION_JITTER);
                track.time = after(now, mean.unwrap_or(f64::MAX) * jitter);
            }
            Kind::Connector => {
                let World { waves, clocks, seed, .. } = self.world;
                let next = waves.iter().filter_map(|(site, population, wave)| {
                    let clock = clocks.get(*site)?;
                    Some(life::connector(wave, clock, *seed, *population, now))
                });
                track.time = next.min().unwrap_or(i64::MAX);
            }
        }
    }

    /// The account of a VPN session that is due, with the seconds since the session began.
    fn account(&self, track: &Track) -> (Activity, u32) {
        let (_, activity) = self.life().account(&self.actor.segment, track.time - 1);
        let seconds = (track.time - self.actor.segment.from) / SECOND_NS;
        (activity, u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// The event that is due.
    fn event(&mut self, track: &mut Track) -> (Activity, u32) {
        let mut events = std::mem::take(self.events);
        self.life().events(&self.actor.segment, &mut events);
        let at = usize::from(self.actor.event);
        let due = events.get(at).map(|event| (event.activity, event.argument));
        self.actor.event = self.actor.event.saturating_add(1);
        track.time = events.get(at + 1).map_or(self.actor.segment.to, |event| event.time);
        *self.events = events;
        due.unwrap_or((Activity::Unlock, 0))
    }

    /// What was chosen for a track, with its argument.
    fn chosen(&mut self, mix: &Mix, track: &Track) -> (Activity, u32) {
        let Some(choice) = mix.choice(track.what) else { return (Activity::DnsLookup, 0) };
        let argument = match choice.run {
            Run::Argument(lengths) => lengths.draw(&mut self.actor.random).into(),
            Run::Single | Run::Items(_) => 0,
        };
        (choice.activity, argument)
    }

    /// Begins a run at `time`: chooses what, and how long.
    fn begin_run(&mut self, track: &mut Track, time: i64) {
        let random = &mut self.actor.random;
        track.time = time;
        let mix = match track.kind {
            Kind::Ntlm => {
                track.left = self.habit.ntlm.lengths.draw(random) - 1;
                return;
            }
            Kind::Background => &self.habit.background,
            Kind::Reference => match &self.habit.reference {
                Some(reference) => reference.mix(),
                None => return,
            },
            _ => &self.habit.doings,
        };
        let Some((what, choice)) = mix.draw(random) else {
            track.time = i64::MAX;
            return;
        };
        track.what = what;
        if let Choice { run: Run::Items(lengths), .. } = choice {
            track.left = lengths.draw(random) - 1;
        }
    }

    /// Begins what somebody does who has been active and resting for ever.
    fn begin_person(&mut self, track: &mut Track, now: i64) {
        let random = &mut self.actor.random;
        let is_active = random.chance(self.habit.on_share());
        let periods = if is_active { &self.habit.on } else { &self.habit.off };
        (track.left, track.which) = (0, u32::from(is_active));
        track.until = after(now, periods.rest(random));
        self.follow_person(track, now);
    }

    fn follow_person(&mut self, track: &mut Track, now: i64) {
        let Habit { doings, on, off, .. } = self.habit;
        let rate = doings.per_ns() / self.habit.on_share();
        let until = self.actor.segment.to.min(self.world.end);
        let (clock, random) = (self.clock, &mut self.actor.random);
        let mut time = now;
        while time < until {
            if track.which == 1 {
                let weight = |time| clock.person_weight(time);
                let next = next_at(clock, random, rate, weight, (time, track.until));
                if next < track.until {
                    return self.begin_run(track, next);
                }
            }
            time = track.until;
            track.which = 1 - track.which;
            let periods = if track.which == 1 { on } else { off };
            track.until = after(time, periods.whole(random));
        }
        track.time = i64::MAX;
    }

    fn follow_application(&mut self, track: &mut Track, now: i64) {
        let (clock, random) = (self.clock, &mut self.actor.random);
        let calm_factor = (1.0 - BUSY_SHARE * BUSY_FACTOR) / (1.0 - BUSY_SHARE);
        let calm_ns = BUSY_NS * (1.0 - BUSY_SHARE) / BUSY_SHARE;
        if track.until == 0 {
            track.which = u32::from(random.chance(BUSY_SHARE));
            let mean = if track.which == 1 { BUSY_NS } else { calm_ns };
            track.until = after(now, random.exponential(mean));
        }
        let mut time = now;
        while time < self.world.end {
            let factor = if track.which == 1 { BUSY_FACTOR } else { calm_factor };
            let rate = self.habit.searches_per_ns * factor;
            let weight = |time| clock.site_weight(time);
            track.time = next_at(clock, random, rate, weight, (time, track.until));
            if track.time < track.until {
                return;
            }
            time = track.until;
            track.which = 1 - track.which;
            let mean = if track.which == 1 { BUSY_NS } else { calm_ns };
            track.until = after(time, random.exponential(mean));
        }
        track.time = i64::MAX;
    }
}

/// The track whose item comes first, and when; of one time, the first of them.
#[inline]
fn first(tracks: &[Track]) -> (u16, i64) {
    let (mut first, mut time) = (0, i64::MAX);
    for (at, track) in (0u16..).zip(tracks) {
        if track.time < time {
            (first, time) = (at, track.time);
        }
    }
    (first, time)
}

/// The next event of a Poisson process of that rate times a weight that changes with the hour,
/// after the first and before the second time; the second where there is none.
fn next_at(
    clock: &Clock,
    random: &mut Random,
    rate: f64,
    weight: impl Fn(i64) -> f64,
    (from, until): (i64, i64),
) -> i64 {
    let mut time = from;
    while time < until {
        let hour = clock.next_hour(time);
        let next = after(time, random.exponential(1.0 / (rate * weight(time))));
        if next < hour {
            return next.min(until);
        }
        time = hour;
    }
    until
}

/// What is left of an interval between `base` and `base + offset` that holds at a moment chosen
/// without looking: long ones are found more often.
fn rest_of_uniform(base: f64, offset: f64, random: &mut Random) -> f64 {
    let (low, high) = (base * base, (base + offset) * (base + offset));
    libm::sqrt(random.between(low, high)) * random.unit()
}

/// The gap between two runs of NTLM validations of one stream, in nanoseconds.
fn ntlm_gap(habit: &Habit, weight: f64, random: &mut Random) -> f64 {
    let [low, high] = NTLM_GAP_SECONDS;
    1e9 * random.between(low, high) * habit.ntlm.stretch / weight
}

/// `now` and so many nanoseconds, at least one.
#[inline]
fn after(now: i64, nanoseconds: f64) -> i64 {
    now.saturating_add(nanos(nanoseconds).max(1))
}
