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

impl Mmpp {
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
    /// Number of the next packet.
    number: u64,
    now_ns: f64,
    random: Random,
    is_busy: bool,
    state_ends_ns: f64,
}

impl<'a> Schedule<'a> {
    /// Arrivals at `load` packets per second in the mean. Recorded arrivals without times are
    /// spaced equally.
    pub fn new(pace: &'a Pace, arrivals: Arrivals, load: f64, mut random: Random) -> Self {
        let arrivals = match arrivals {
            Arrivals::Recorded if pace.recorded_pps.is_none() => Arrivals::Fixed,
            other => other,
        };
        let (mut is_busy, mut state_ends_ns) = (false, 0.0);
        if let Arrivals::Mmpp(m) = arrivals {
            // In the long run it is busy for this share of the time.
            is_busy = random.chance(m.busy_seconds / (m.busy_seconds + m.calm_seconds));
            let mean = if is_busy { m.busy_seconds } else { m.calm_seconds };
            state_ends_ns = random.exponential(mean * NS_PER_SECOND);
        }
        let mean_ns = NS_PER_SECOND / load;
        Self { pace, arrivals, mean_ns, number: 0, now_ns: 0.0, random, is_busy, state_ends_ns }
    }

    /// When the next packet arrives, in nanoseconds after the start of the trial.
    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "packets of a trial stay below 2^53")]
    pub fn next(&mut self) -> f64 {
        let number = self.number;
        self.number += 1;
        match self.arrivals {
            Arrivals::Fixed => number as f64 * self.mean_ns,
            Arrivals::Recorded => self.recorded(number),
            Arrivals::Poisson => {
                self.now_ns += self.random.exponential(self.mean_ns);
                self.now_ns
            }
            Arrivals::Mmpp(mmpp) => self.modulated(mmpp),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "as in `next`")]
    fn recorded(&self, number: u64) -> f64 {
        let frames = self.pace.offsets_ns.len().max(1) as u64;
        let (round, within) = (number / frames, number % frames);
        #[expect(clippy::cast_possible_truncation, reason = "below the number of frames")]
        let offset = self.pace.offsets_ns.get(within as usize).copied().unwrap_or_default();
        let recorded = round as f64 * self.pace.round_ns + offset as f64;
        // A whole round takes as long as its packets at the mean distance.
        recorded * (self.mean_ns * frames as f64 / self.pace.round_ns)
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
            let mean = if self.is_busy { mmpp.busy_seconds } else { mmpp.calm_seconds };
            self.state_ends_ns += self.random.exponential(mean * NS_PER_SECOND);
        }
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
