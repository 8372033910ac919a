//! Days of a client: when somebody is there, when its computer is on, what happens then. Pure
//! functions of seed, client and day, so that a plan that begins in the middle of any day finds
//! everybody where he is.

use super::clock::{
    Clock, DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS, follows_patch_day, nanos, weekday,
};
use super::habit::{CHORES, Habit};
use crate::base::Random;
use crate::estate::{Arrival, AutopilotWave};
use crate::synth::Activity;

/// Days that are looked through for when somebody was or will be there.
const DAYS_AROUND: i64 = 15;
/// Deviation of how long somebody stays, in nanoseconds: 40 minutes. Assumed.
const STAY_DEVIATION_NS: f64 = 40.0 * MINUTE_NS;
/// Least time between leaving and the next arrival, in nanoseconds: ten minutes. Assumed.
const AWAY_MIN_NS: i64 = 600 * SECOND_NS;
/// Deviation of the logarithm of the length of a VPN session. Assumed.
const SESSION_SIGMA: f64 = 0.5;
/// Minutes between two VPN sessions of a day. Assumed.
const RECONNECT_MINUTES: [f64; 2] = [1.0, 45.0];
/// Most VPN sessions of a day.
const SESSIONS_MAX: usize = 6;
/// Most boots, logons or unlocks of a day.
const TIMES_MAX: f64 = 48.0;
/// Attempts at an arrival between its earliest and latest.
const ATTEMPTS_MAX: usize = 64;
/// Seconds from a start to the logon. Assumed.
const BOOT_SECONDS: [f64; 2] = [60.0, 150.0];
/// Seconds from waking to the logon. Assumed.
const WAKE_SECONDS: [f64; 2] = [5.0, 30.0];
/// Seconds from a start to the change of a password that fell due meanwhile. Assumed.
const CATCH_UP_SECONDS: f64 = 200.0;
/// Minutes from the start of an enrolment until the account exists, the device has joined, it
/// restarts, and its user logs on. Assumed, after the phases of Autopilot.
const ENROL_MINUTES: [f64; 4] = [4.0, 10.0, 25.0, 32.0];
/// Minutes from the start of an enrolment until its user works. Assumed.
pub const ENROLLED_MINUTES: f64 = 60.0;
/// Local hours in which computers restart after updates.
const PATCH_HOURS: [i64; 2] = [1, 5];

/// Labels of a client's streams of random numbers.
const DAY: u64 = 1 << 56;
const EVENTS: u64 = 2 << 56;
const CHORE: u64 = 3 << 56;
const NIGHT: u64 = 4 << 56;
/// Labels of the run's own streams: a new device.
const DEVICE: u64 = 1 << 61;

/// What a client's computer does for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Off,
    /// It is on, and nobody is there.
    Idle,
    /// Somebody is there; of a server, it is on.
    Present,
}

/// A part of a client's life, in which its state does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: i64,
    pub to: i64,
    pub state: State,
    /// Local day on which it began, for its random numbers.
    pub day: i64,
    /// Number of the session on that day.
    pub session: u8,
    /// It begins with the enrolment of the device.
    pub enrols: bool,
}

/// Something that happens at a time of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub time: i64,
    pub activity: Activity,
    pub argument: u32,
}

/// A client's life.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    pub habit: &'a Habit,
    pub clock: &'a Clock,
    /// Seed of the run.
    pub run_seed: u64,
    /// Seed of the client.
    pub seed: u64,
    /// Its number within its population.
    pub number: u32,
}

/// Times on a day when somebody is there, from and to.
type Stays = ([(i64, i64); SESSIONS_MAX], usize);

impl Life<'_> {
    /// The segment in which `time` lies.
    pub fn segment(&self, time: i64) -> Segment {
        let day = self.clock.day(time);
        if self.habit.is_always_there() {
            let from = self.clock.time(day * DAY_NS);
            let to = self.clock.time((day + 1) * DAY_NS);
            let state = State::Present;
            return Segment { from, to, state, day, session: 0, enrols: false };
        }
        let before = (day - DAYS_AROUND..=day + 1).rev().find_map(|day| self.last(day, time));
        if let Some(present) = before.filter(|present| time < present.to) {
            return present;
        }
        let after = (day - 1..=day + DAYS_AROUND).find_map(|day| self.first(day, time));
        let to = after.map_or(self.clock.time((day + DAYS_AROUND) * DAY_NS), |next| next.from);
        let from = before.map_or(to - DAYS_AROUND * DAY_NS, |present| present.to);
        let is_new = after.is_some_and(|next| next.enrols);
        let left_on = before.is_some_and(|present| self.leaves_on(present.day));
        let state = if left_on && !is_new { State::Idle } else { State::Off };
        Segment { from, to, state, day: self.clock.day(from), session: u8::MAX, enrols: false }
    }

    /// The last stay of a day that begins at `time` or before.
    fn last(&self, day: i64, time: i64) -> Option<Segment> {
        let (stays, count) = self.stays(day)?;
        let stays = (0u8..).zip(stays.iter().take(count));
        let last = stays.filter(|(_, (from, _))| *from <= time).last()?;
        Some(self.present(day, last))
    }

    /// The first stay of a day that begins after `time`.
    fn first(&self, day: i64, time: i64) -> Option<Segment> {
        let (stays, count) = self.stays(day)?;
        let mut stays = (0u8..).zip(stays.iter().take(count));
        let first = stays.find(|(_, (from, _))| *from > time)?;
        Some(self.present(day, first))
    }

    fn present(&self, day: i64, (session, &(from, to)): (u8, &(i64, i64))) -> Segment {
        let enrols = session == 0 && self.enrolment(day).is_some();
        Segment { from, to, state: State::Present, day, session, enrols }
    }

    /// When somebody is there on a local day; `None` where nobody comes.
    fn stays(&self, day: i64) -> Option<Stays> {
        let arrival = self.arrival(day)?;
        let mut random = self.random(DAY, day);
        let mut stays = [(0, 0); SESSIONS_MAX];
        // Where he stays beyond midnight, he leaves before he comes again.
        let next_midnight = self.clock.time((day + 1) * DAY_NS);
        let limit = |to: i64| {
            let next = if to > next_midnight { self.arrival(day + 1) } else { None };
            next.map_or(to, |next| to.min(next - AWAY_MIN_NS))
        };
        let Some(vpn) = self.habit.vpn else {
            let mean = self.habit.schedule.stay_hours * HOUR_NS as f64;
            let stay = random.normal(mean, STAY_DEVIATION_NS.min(mean / 4.0)).max(mean / 4.0);
            let to = limit(arrival.saturating_add(nanos(stay)));
            *stays.first_mut()? = (arrival, to.max(arrival + 1));
            return Some((stays, 1));
        };
        let count = times(&mut random, vpn.sessions_per_day) as usize;
        let (mut from, mut made) = (arrival, 0);
        // The median of a lognormal distribution of that mean.
        let median = vpn.session_ns / libm::exp(SESSION_SIGMA * SESSION_SIGMA / 2.0);
        for stay in stays.iter_mut().take(count) {
            let length = nanos(random.lognormal(median, SESSION_SIGMA));
            // Whole seconds, so that accounts can say them.
            let to = limit(from + (length / SECOND_NS).max(1) * SECOND_NS);
            if to <= from {
                break;
            }
            *stay = (from, from + (to - from) / SECOND_NS * SECOND_NS);
            let [low, high] = RECONNECT_MINUTES;
            from = to + nanos(random.between(low, high) * MINUTE_NS);
            made += 1;
        }
        (made > 0).then_some((stays, made))
    }

    /// When somebody arrives on a local day; `None` where nobody comes.
    fn arrival(&self, day: i64) -> Option<i64> {
        if let Some(time) = self.enrolment(day) {
            return Some(time);
        }
        if self.is_awaited(day) {
            return None;
        }
        let schedule = &self.habit.schedule;
        let mut random = self.random(DAY | 1, day);
        let presence = schedule.presence.get(weekday(day)).copied().unwrap_or(0.0);
        if !random.chance(presence) {
            return None;
        }
        let minute = match schedule.arrival {
            Arrival::Normal { mean, deviation, earliest, latest } => {
                let mut draws = (0..ATTEMPTS_MAX).map(|_| random.normal(mean, deviation));
                let inside = draws.find(|minute| (earliest..=latest).contains(minute));
                inside.unwrap_or(mean.clamp(earliest, latest))
            }
            Arrival::Burst { at, mean_delay } => at + random.exponential(mean_delay),
            Arrival::Always => 0.0,
        };
        Some(self.clock.time(day * DAY_NS + nanos(minute * MINUTE_NS)))
    }

    /// When the device enrols, where it does so on that local day.
    fn enrolment(&self, day: i64) -> Option<i64> {
        let wave = self.habit.wave.filter(|wave| self.number < wave.devices)?;
        let minute = device_minute(&wave, self.run_seed, self.habit.population, self.number);
        let late = nanos(minute * MINUTE_NS);
        let began = day - late.div_euclid(DAY_NS);
        let comes = wave.days.get(weekday(began)).copied().unwrap_or(false);
        comes.then(|| self.clock.time(day * DAY_NS + late.rem_euclid(DAY_NS)))
    }

    /// Whether the device is still to enrol in the week of that local day. A wave brings new
    /// devices every week, on its first day of those or again on others: until then they are in
    /// their boxes.
    fn is_awaited(&self, day: i64) -> bool {
        let Some(wave) = self.habit.wave.filter(|wave| self.number < wave.devices) else {
            return false;
        };
        let minute = device_minute(&wave, self.run_seed, self.habit.population, self.number);
        let began = day - nanos(minute * MINUTE_NS).div_euclid(DAY_NS);
        let first = wave.days.iter().position(|comes| *comes);
        first.is_some_and(|first| weekday(began) < first)
    }

    /// Whether the computer stays on when its people leave on that local day.
    fn leaves_on(&self, day: i64) -> bool {
        self.habit.stays_on && !self.random(DAY | 2, day).chance(self.habit.boots)
    }

    /// Whether a segment begins with a start of the computer, `before` being the state before it.
    pub fn boots(&self, segment: &Segment, before: State) -> bool {
        if before != State::Off || !self.habit.is_member || segment.state != State::Present {
            return false;
        }
        // Whoever shut down starts; who took the computer along has mostly put it to sleep.
        self.habit.stays_on || self.random(DAY | 3, segment.day).chance(self.habit.boots)
    }

    /// What happens in a segment, in order.
    pub fn events(&self, segment: &Segment, out: &mut Vec<Event>) {
        out.clear();
        let label = EVENTS | u64::from(segment.session);
        let mut random = self.random(label, segment.day);
        if segment.state == State::Present && !self.habit.is_server {
            if self.habit.is_always_there() {
                self.all_day(segment, &mut random, out);
            } else {
                self.stay(segment, &mut random, out);
            }
        }
        if self.habit.is_member && segment.state != State::Off {
            self.updates(segment, out);
        }
        out.retain(|event| (segment.from..segment.to).contains(&event.time));
        out.sort_unstable();
    }

    /// What somebody does who has been there all the time.
    fn all_day(&self, segment: &Segment, random: &mut Random, out: &mut Vec<Event>) {
        if !self.habit.is_member {
            return;
        }
        let Habit { boots, logons, unlocks, .. } = *self.habit;
        for (activity, mean) in
            [(Activity::Boot, boots), (Activity::Logon, logons), (Activity::Unlock, unlocks)]
        {
            spread(segment, times(random, mean), activity, random, out);
        }
    }

    /// What somebody does who comes and goes.
    fn stay(&self, segment: &Segment, random: &mut Random, out: &mut Vec<Event>) {
        let mut at = |seconds: f64, activity, argument| {
            let time = segment.from.saturating_add(nanos(seconds * 1e9));
            out.push(Event { time, activity, argument });
        };
        if segment.enrols {
            at(0.0, Activity::AutopilotEnrolment, 0);
            if self.habit.is_member {
                let [_, joined, restarts, logs_on] = ENROL_MINUTES;
                at(joined * 60.0, Activity::HybridJoin, 0);
                at(restarts * 60.0, Activity::Boot, 0);
                at(logs_on * 60.0, Activity::Logon, 0);
            }
            return;
        }
        let before = self.segment(segment.from - 1);
        let boots = self.boots(segment, before.state);
        if before.state == State::Off && self.habit.leases {
            at(0.2, if boots { Activity::DhcpLease } else { Activity::DhcpRenew }, 0);
        }
        if !self.habit.is_member {
            return;
        }
        if boots {
            at(3.0, Activity::Boot, 0);
        } else if before.state == State::Off {
            at(1.0, Activity::DnsLocate, 0);
            at(2.0, Activity::ServiceTickets, 1);
        }
        let password = CHORES.iter().position(|chore| *chore == Activity::MachinePassword);
        if before.state == State::Off
            && password.is_some_and(|chore| self.chore(chore, before.from) < segment.from)
        {
            at(CATCH_UP_SECONDS, Activity::MachinePassword, 0);
        }
        let [low, high] = if boots { BOOT_SECONDS } else { WAKE_SECONDS };
        let ready = random.between(low, high);
        let Habit { boots: all_boots, logons, unlocks, .. } = *self.habit;
        let logons = times(random, logons);
        if segment.session > 0 {
            return at(ready, Activity::Unlock, 0);
        }
        let first = if logons > 0 { Activity::Logon } else { Activity::Unlock };
        at(ready, first, 0);
        spread(segment, logons.saturating_sub(1), Activity::Logon, random, out);
        spread(segment, times(random, unlocks), Activity::Unlock, random, out);
        let restarts = times(random, (all_boots - 1.0).max(0.0));
        spread(segment, restarts, Activity::Boot, random, out);
    }

    /// Restarts in the nights after updates.
    fn updates(&self, segment: &Segment, out: &mut Vec<Event>) {
        let is_night = self.habit.is_server || segment.state == State::Idle;
        if !is_night || self.habit.patch_share <= 0.0 {
            return;
        }
        for day in self.clock.day(segment.from)..=self.clock.day(segment.to - 1) {
            let mut random = self.random(NIGHT, day);
            if follows_patch_day(day) && random.chance(self.habit.patch_share) {
                let [low, high] = PATCH_HOURS.map(|hour| (hour * HOUR_NS) as f64);
                let time = self.clock.time(day * DAY_NS + nanos(random.between(low, high)));
                out.push(Event { time, activity: Activity::Boot, argument: 0 });
            }
        }
    }

    /// The first time after `after` at which a chore recurs; `i64::MAX` where it never does.
    pub fn chore(&self, index: usize, after: i64) -> i64 {
        let interval = self.habit.chores.get(index).copied().unwrap_or(0);
        // An address is registered when its lease is renewed, shortly after.
        let is_update = CHORES.get(index) == Some(&Activity::DnsUpdate);
        let (label, delay) = match is_update && !self.habit.is_server {
            true => (index - 1, 2 * SECOND_NS),
            false => (index, 0),
        };
        self.recurrence(CHORE | label as u64, interval, after - delay).saturating_add(delay)
    }

    /// The first time after `after` of something that recurs at that interval, give or take a
    /// tenth of it, at the client's own phase.
    pub fn recurrence(&self, label: u64, interval: i64, after: i64) -> i64 {
        if interval <= 0 {
            return i64::MAX;
        }
        let phase = nanos(interval as f64 * Random::fork(self.seed, label).unit());
        let number = (after - phase).div_euclid(interval);
        let time = |number: i64| {
            let late = self.random(label, number).unit() * JITTER;
            number * interval + phase + nanos(interval as f64 * late)
        };
        // The one before is late by less than an interval.
        (number..=number + 2).map(time).find(|time| *time > after).unwrap_or(i64::MAX)
    }

    /// The VPN session's next account after `after`, and its seconds since the session began.
    pub fn account(&self, segment: &Segment, after: i64) -> (i64, Activity) {
        let interim = match self.habit.vpn {
            Some(vpn) if vpn.accounts && segment.state == State::Present => vpn.interim_ns,
            _ => return (i64::MAX, Activity::VpnStop),
        };
        if after < segment.from {
            return (segment.from, Activity::VpnStart);
        }
        let next = segment.from + ((after - segment.from) / interim + 1) * interim;
        match (next < segment.to, after < segment.to) {
            (true, _) => (next, Activity::VpnInterim),
            (false, true) => (segment.to, Activity::VpnStop),
            _ => (i64::MAX, Activity::VpnStop),
        }
    }

    /// Random numbers of the client for `label` and a number.
    const fn random(&self, label: u64, number: i64) -> Random {
        Random::fork(self.seed ^ label, number.cast_unsigned())
    }
}

/// Jitter of what recurs, as a share of its interval. Assumed; Nokia gives it for interim accounts.
const JITTER: f64 = 0.1;

/// When a device of a wave begins, in minutes after the midnight before the wave: one after the
/// other, each somewhere in its own part of the wave.
pub fn device_minute(wave: &AutopilotWave, run_seed: u64, population: u32, number: u32) -> f64 {
    let label = DEVICE | u64::from(population) << 32 | u64::from(number);
    let within = Random::fork(run_seed, label).unit();
    wave.start + wave.over * (f64::from(number) + within) / f64::from(wave.devices.max(1))
}

/// When the connector creates the first account after `after` for the devices of a wave.
pub fn connector(
    wave: &AutopilotWave,
    clock: &Clock,
    run_seed: u64,
    population: u32,
    after: i64,
) -> i64 {
    let [created, ..] = ENROL_MINUTES;
    let minutes = |day: i64| (clock.local(after) - day * DAY_NS) as f64 / MINUTE_NS - created;
    let today = clock.day(after);
    let days = nanos(wave.over * MINUTE_NS) / DAY_NS + 2;
    let time = |day: i64, number: u32| {
        let minute = device_minute(wave, run_seed, population, number) + created;
        clock.time(day * DAY_NS + nanos(minute * MINUTE_NS))
    };
    let waves = (today - days..=today + 8)
        .filter(|day| wave.days.get(weekday(*day)).copied().unwrap_or(false));
    let next = waves.filter_map(|day| {
        let done = (minutes(day) - wave.start) / wave.over * f64::from(wave.devices);
        let first = u32::try_from(nanos(done) - 1).unwrap_or(0);
        (first..wave.devices).take(4).map(|number| time(day, number)).find(|time| *time > after)
    });
    next.min().unwrap_or(i64::MAX)
}

/// How often something happens that happens `mean` times on average.
fn times(random: &mut Random, mean: f64) -> u32 {
    let whole = libm::floor(mean.min(TIMES_MAX));
    let more = u32::from(random.chance(mean.min(TIMES_MAX) - whole));
    u32::try_from(nanos(whole)).unwrap_or(0) + more
}

/// At any times of a segment.
fn spread(
    segment: &Segment,
    count: u32,
    activity: Activity,
    random: &mut Random,
    out: &mut Vec<Event>,
) {
    let length = (segment.to - segment.from) as f64;
    out.extend((0..count).map(|_| {
        let time = segment.from + nanos(random.unit() * length);
        Event { time, activity, argument: 0 }
    }));
}
