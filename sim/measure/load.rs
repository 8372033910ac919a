//! When packets arrive: open loop, whether or not the core keeps up.

use crate::base::Random;

const NS_PER_SECOND: f64 = 1e9;

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arrivals {
    /// As recorded, faster or slower as a whole.
    Recorded,
    /// At equal distances.
    Fixed,
    /// Independent of each other: exponential distances.
    Poisson,
    /// Two rates that take turns, each Poisson (Markov-modulated, Fischer and Meier-Hellstern
    /// 1993, "The Markov-modulated Poisson process cookbook").
    Mmpp(Mmpp),
}

/// A Markov-modulated Poisson process with two states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mmpp {
    /// Rate of the busy state over that of the calm one.
    pub ratio: f64,
    /// Mean length of a busy time in seconds.
    pub busy_seconds: f64,
    /// Mean length of a calm time in seconds.
    pub calm_seconds: f64,
}

/// Turns of calm and busy time that are drawn together, with exactly the share of busy time that
/// is asked for: a trial of whole lots has the rate it is given, whatever the draw. A trial that
/// holds fewer turns says little. Ours.
pub const TURNS: u32 = 20;

impl Mmpp {
    /// Seconds that [`TURNS`] turns of calm and busy time take.
    pub fn lot_seconds(&self) -> f64 {
        f64::from(TURNS) * (self.busy_seconds + self.calm_seconds)
    }

    /// Rates of the calm and the busy state for a mean of one packet per second.
    fn rates(&self) -> (f64, f64) {
        let whole = self.busy_seconds + self.calm_seconds;
        let calm = whole / (self.ratio * self.busy_seconds + self.calm_seconds);
        (calm, calm * self.ratio)
    }
}

impl Arrivals {
    /// In words.
    pub fn words(&self) -> String {
        match self {
            Self::Recorded => "as recorded, scaled".to_owned(),
            Self::Fixed => "at equal distances".to_owned(),
            Self::Poisson => "Poisson".to_owned(),
            Self::Mmpp(m) => format!(
                "MMPP, busy {} times the calm rate for {} ms in the mean, calm for {} ms",
                m.ratio,
                m.busy_seconds * 1e3,
                m.calm_seconds * 1e3
            ),
        }
    }

    /// Seconds that a trial should last at least, for the arrivals to show what they are like.
    pub fn least_seconds(&self) -> f64 {
        match self {
            Self::Mmpp(mmpp) => mmpp.lot_seconds(),
            _ => 0.0,
        }
    }

    /// Whether trials differ by chance.
    pub fn is_drawn(&self) -> bool {
        matches!(self, Self::Poisson | Self::Mmpp(_))
    }
}

/// The recorded pace of a window.
#[derive(Debug)]
pub struct Pace {
    offsets_ns: Vec<u64>,
    /// From the first frame of one repetition to that of the next.
    round_ns: f64,
    /// Packets per second; `None` without times.
    pub recorded_pps: Option<f64>,
}

impl Pace {
    /// The pace of frames that came so many nanoseconds after the first. Between repetitions lies
    /// one mean distance.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53 for windows of a hundred days")]
    pub fn new(offsets_ns: Vec<u64>) -> Self {
        let frames = offsets_ns.len() as f64;
        let span = offsets_ns.last().copied().unwrap_or_default() as f64;
        let round_ns = span * frames / (frames - 1.0).max(1.0);
        let recorded_pps = (round_ns > 0.0).then(|| frames * NS_PER_SECOND / round_ns);
        Self { offsets_ns, round_ns, recorded_pps }
    }
}

/// The arrivals of one trial: an endless list of times.
pub struct Schedule<'a> {
    pace: &'a Pace,
    arrivals: Arrivals,
    /// Nanoseconds between packets, in the mean.
    mean_ns: f64,
    /// Of recorded arrivals: their distances over those of the recording.
    stretch: f64,
    /// Of recorded arrivals: the round of the next packet, and its place in it.
    next_recorded: (u64, usize),
    /// Number of the next packet.
    number: u64,
    now_ns: f64,
    random: Random,
    is_busy: bool,
    state_ends_ns: f64,
    /// Times of calm and busy that were drawn and are still to come, in nanoseconds.
    turns: Vec<f64>,
    /// The first arrival and the latest, in nanoseconds.
    seen_ns: Option<(f64, f64)>,
}

impl<'a> Schedule<'a> {
    /// Arrivals at `load` packets per second in the mean. Recorded arrivals without times are
    /// spaced equally.
    #[expect(clippy::cast_precision_loss, reason = "frames in memory")]
    pub fn new(pace: &'a Pace, arrivals: Arrivals, load: f64, mut random: Random) -> Self {
        let arrivals = match arrivals {
            Arrivals::Recorded if pace.recorded_pps.is_none() => Arrivals::Fixed,
            other => other,
        };
        // A whole round takes as long as its packets at the mean distance.
        let stretch = NS_PER_SECOND / load * pace.offsets_ns.len().max(1) as f64 / pace.round_ns;
        // In the long run it is busy for this share of the time.
        let is_busy = matches!(arrivals, Arrivals::Mmpp(m)
            if random.chance(m.busy_seconds / (m.busy_seconds + m.calm_seconds)));
        Self {
            pace,
            arrivals,
            mean_ns: NS_PER_SECOND / load,
            stretch,
            next_recorded: (0, 0),
            number: 0,
            now_ns: 0.0,
            random,
            // The first turn changes it.
            is_busy: !is_busy,
            state_ends_ns: 0.0,
            turns: Vec::new(),
            seen_ns: None,
        }
    }

    /// Packets per second so far, from the first arrival to the latest; `None` before two.
    #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
    pub fn realised_pps(&self) -> Option<f64> {
        let span_ns = self.seen_ns.map(|(first, latest)| latest - first)?;
        (span_ns > 0.0).then(|| (self.number - 1) as f64 * NS_PER_SECOND / span_ns)
    }

    /// When the next packet arrives, in nanoseconds after the start of the trial.
    #[inline]
    pub fn next(&mut self) -> f64 {
        let at_ns = self.draw();
        self.seen_ns = Some((self.seen_ns.map_or(at_ns, |(first, _)| first), at_ns));
        at_ns
    }

    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
    fn draw(&mut self) -> f64 {
        let number = self.number;
        self.number += 1;
        match self.arrivals {
            Arrivals::Fixed => number as f64 * self.mean_ns,
            Arrivals::Recorded => self.recorded(),
            Arrivals::Poisson => {
                self.now_ns += self.random.exponential(self.mean_ns);
                self.now_ns
            }
            Arrivals::Mmpp(mmpp) => self.modulated(mmpp),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as in `next`")]
    fn recorded(&mut self) -> f64 {
        let (round, within) = self.next_recorded;
        let is_last = within + 1 >= self.pace.offsets_ns.len();
        self.next_recorded = if is_last { (round + 1, 0) } else { (round, within + 1) };
        let offset = self.pace.offsets_ns.get(within).copied().unwrap_or_default();
        (round as f64 * self.pace.round_ns + offset as f64) * self.stretch
    }

    fn modulated(&mut self, mmpp: Mmpp) -> f64 {
        let (calm, busy) = mmpp.rates();
        loop {
            let rate = if self.is_busy { busy } else { calm };
            let at = self.now_ns + self.random.exponential(self.mean_ns / rate);
            if at <= self.state_ends_ns {
                self.now_ns = at;
                return at;
            }
            // What was not drawn in this state is forgotten: exponential distances may.
            self.now_ns = self.state_ends_ns;
            self.is_busy = !self.is_busy;
            if self.turns.is_empty() {
                self.turns = self.lot(mmpp);
            }
            self.state_ends_ns += self.turns.pop().unwrap_or_default();
        }
    }

    /// Times of [`TURNS`] turns, last first, beginning with the present state. Exponential but for
    /// one thing: those of each state are scaled to have their mean exactly.
    fn lot(&mut self, mmpp: Mmpp) -> Vec<f64> {
        let (one, other) = if self.is_busy {
            (mmpp.calm_seconds, mmpp.busy_seconds)
        } else {
            (mmpp.busy_seconds, mmpp.calm_seconds)
        };
        let mut of_mean = |seconds: f64| -> Vec<f64> {
            let drawn: Vec<f64> = (0..TURNS).map(|_| self.random.exponential(1.0)).collect();
            let scale = f64::from(TURNS) / drawn.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            drawn.iter().map(|time| time * scale * seconds * NS_PER_SECOND).collect()
        };
        let (ones, others) = (of_mean(one), of_mean(other));
        ones.into_iter().zip(others).flat_map(|(one, other)| [one, other]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(vec![0, 1_000_000, 1_500_000, 3_000_000])
    }

    fn times(arrivals: Arrivals, load: f64, count: usize) -> Vec<f64> {
        let pace = pace();
        let mut schedule = Schedule::new(&pace, arrivals, load, Random::new(3));
        (0..count).map(|_| schedule.next()).collect()
    }

    const MMPP: Arrivals =
        Arrivals::Mmpp(Mmpp { ratio: 5.0, busy_seconds: 0.01, calm_seconds: 0.04 });

    #[test]
    fn every_kind_has_the_rate_it_is_given_and_never_goes_back() {
        for arrivals in [Arrivals::Recorded, Arrivals::Fixed, Arrivals::Poisson, MMPP] {
            let times = times(arrivals, 50_000.0, 400_000);
            let rate = 400_000.0 * 1e9 / times.last().unwrap();
            assert!((rate / 50_000.0 - 1.0).abs() < 0.02, "{arrivals:?}: {rate}");
            assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{arrivals:?}");
        }
    }

    #[test]
    fn whole_lots_of_turns_have_the_rate_whatever_the_draw() {
        let pace = pace();
        for seed in 0..30 {
            let mut schedule = Schedule::new(&pace, MMPP, 50_000.0, Random::new(seed));
            // A lot is 20 turns of 50 ms: a second.
            let count = (0..60_000).take_while(|_| schedule.next() < 1e9).count();
            assert!((49_000..51_000).contains(&count), "{seed}: {count}");
            let realised = schedule.realised_pps().unwrap();
            assert!((realised / 50_000.0 - 1.0).abs() < 0.02, "{seed}: {realised}");
        }
    }

    #[test]
    fn recorded_pace_keeps_its_shape() {
        assert_eq!(pace().recorded_pps, Some(1_000.0));
        let times: Vec<f64> = times(Arrivals::Recorded, 2_000.0, 5);
        assert_eq!(times, [0.0, 500_000.0, 750_000.0, 1_500_000.0, 2_000_000.0]);
    }

    #[test]
    fn frames_without_times_come_at_equal_distances() {
        let pace = Pace::new(vec![0, 0, 0]);
        assert_eq!(pace.recorded_pps, None);
        let mut schedule = Schedule::new(&pace, Arrivals::Recorded, 1e6, Random::new(1));
        assert_eq!([schedule.next(), schedule.next()], [0.0, 1_000.0]);
    }

    #[test]
    fn modulated_arrivals_are_burstier_than_poisson() {
        // Variance over mean of the counts in windows of 10 ms; 1 for Poisson.
        let dispersion = |arrivals| {
            let times = times(arrivals, 50_000.0, 400_000);
            let before = |window: i32| times.partition_point(|at| *at < f64::from(window) * 1e7);
            let counts: Vec<f64> =
                (0..700).map(|window| (before(window + 1) - before(window)) as f64).collect();
            let mean = counts.iter().sum::<f64>() / 700.0;
            counts.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 700.0 / mean
        };
        let poisson = dispersion(Arrivals::Poisson);
        assert!((0.8..1.2).contains(&poisson), "{poisson}");
        assert!(dispersion(MMPP) > 50.0);
    }
}
