//! Activities of all shards in one order: counted over time, handed on, and what resolving
//! their addresses would cost.

use super::jot::{Did, Jot, Note};
use super::names::Names;
use crate::base::Timestamp;
use crate::flow::{Address, AddressMap};
use crate::proto::{Kind, Outcome};
use crate::record::{self, ActivityCount, ActivitySeries, KindSeries};

/// Lengths of a bin in seconds: the first that fits the capture.
const BIN_SECONDS: [u32; 8] = [1, 5, 15, 60, 300, 900, 3_600, 21_600];

/// Bins kept; a day has 288 of five minutes. Ours.
const BINS_MAX: usize = 600;

/// Addresses whose activities are counted one by one. Ours.
const ASKERS_MAX: usize = 1 << 16;

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Receives each activity as it would be written, in order.
pub type Rows<'a> = Box<dyn FnMut(&record::Activity<'_>) + Send + 'a>;

/// Totals of one kind.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    success: u64,
    failure: u64,
    continued: u64,
    unanswered: u64,
    unknown: u64,
}

/// All activities so far.
pub struct Ledger<'a> {
    totals: [Totals; Kind::ALL.len()],
    series: Series,
    askers: AddressMap<u64>,
    pub names: Names,
    rows: Option<Rows<'a>>,
}

impl<'a> Ledger<'a> {
    /// Empty; `rows` is told each activity.
    pub fn new(rows: Option<Rows<'a>>) -> Self {
        Self {
            totals: [Totals::default(); Kind::ALL.len()],
            series: Series::default(),
            askers: AddressMap::default(),
            names: Names::default(),
            rows,
        }
    }

    /// Enters the notes of one batch.
    pub fn enter(&mut self, jot: &Jot) {
        for note in jot.notes() {
            match note {
                Note::Did(did) => self.did(did, jot),
                &Note::Named { address, name, by_ntlm, time } => {
                    self.names.hint(address, name, by_ntlm, time);
                }
                &Note::Resolved(method, answered) => self.names.asked(method, answered, 1),
            }
        }
    }

    fn did(&mut self, did: &Did, jot: &Jot) {
        if let Some(totals) = self.totals.get_mut(did.kind as usize) {
            *match did.outcome {
                Outcome::Success => &mut totals.success,
                Outcome::Failure { .. } => &mut totals.failure,
                Outcome::Continued { .. } => &mut totals.continued,
                Outcome::Unanswered => &mut totals.unanswered,
                Outcome::Unknown => &mut totals.unknown,
            } += 1;
        }
        self.series.count(did.kind, did.time);
        let [(asker, _), (asked, port)] = did.ends;
        if self.askers.len() < ASKERS_MAX || self.askers.contains_key(&asker) {
            *self.askers.entry(asker).or_default() += 1;
        }
        if did.kind.is_monitored() {
            self.names.activity(asker, (asked, port), did.time);
        }
        if let Some(rows) = &mut self.rows {
            write_row(did, jot, rows);
        }
    }

    /// Activities that `address` asked for.
    pub fn asked_by(&self, address: Address) -> u64 {
        self.askers.get(&address).copied().unwrap_or(0)
    }

    /// Activities per kind.
    pub fn counts(&self) -> Vec<ActivityCount> {
        let all = Kind::ALL.iter().zip(&self.totals);
        all.map(|(kind, totals)| ActivityCount {
            kind: kind.name().to_owned(),
            label: kind.label().to_owned(),
            is_monitored: kind.is_monitored(),
            total: totals.success
                + totals.failure
                + totals.continued
                + totals.unanswered
                + totals.unknown,
            success: totals.success,
            failure: totals.failure,
            continued: totals.continued,
            unanswered: totals.unanswered,
            unknown: totals.unknown,
        })
        .filter(|count| count.total > 0)
        .collect()
    }

    /// Activities over time.
    pub fn over_time(&self) -> ActivitySeries {
        self.series.record()
    }
}

fn write_row(did: &Did, jot: &Jot, rows: &mut Rows<'_>) {
    let [(asker, asker_port), (asked, asked_port)] = did.ends;
    let (asker, asked) = (asker.to_string(), asked.to_string());
    let [principal, target, detail] = jot.words(did);
    let named = |name: &'static str| Some(name).filter(|name| !name.is_empty());
    let (outcome, code, code_name) = match did.outcome {
        Outcome::Success => ("success", None, None),
        Outcome::Failure { code, name } => ("failure", Some(code), named(name)),
        Outcome::Continued { code, name } => ("continued", Some(code), named(name)),
        Outcome::Unanswered => ("unanswered", None, None),
        Outcome::Unknown => ("unknown", None, None),
    };
    rows(&record::Activity {
        time_utc: did.time,
        kind: did.kind.name(),
        is_monitored: did.kind.is_monitored(),
        protocol: did.protocol.name(),
        client: &asker,
        client_port: asker_port,
        server: &asked,
        server_port: asked_port,
        principal,
        target,
        detail,
        outcome,
        code,
        code_name,
    });
}

/// Activities in bins that grow as the capture does.
#[derive(Debug, Default)]
struct Series {
    /// Place of the bin length in [`BIN_SECONDS`].
    step: usize,
    /// Seconds since 1970 of the first bin, a multiple of the longest bin.
    start: Option<i64>,
    kinds: Vec<[u32; Kind::ALL.len()]>,
    outside: u64,
}

impl Series {
    fn count(&mut self, kind: Kind, time: Timestamp) {
        let second = time.nanos().div_euclid(NS_PER_SECOND);
        let start = *self.start.get_or_insert(second);
        // Requests are told when they are answered: some lie before the first.
        let Ok(seconds) = u64::try_from((second - start).max(0)) else { return };
        let Some(at) = self.bin(seconds) else {
            self.outside += 1;
            return;
        };
        if self.kinds.len() <= at {
            self.kinds.resize(at + 1, [0; Kind::ALL.len()]);
        }
        if let Some(count) = self.kinds.get_mut(at).and_then(|bin| bin.get_mut(kind as usize)) {
            *count = count.saturating_add(1);
        }
    }

    /// The bin for a time since the start; bins are merged until it is among those kept.
    fn bin(&mut self, seconds: u64) -> Option<usize> {
        loop {
            let length = u64::from(self.bin_seconds());
            let at = usize::try_from(seconds / length).unwrap_or(usize::MAX);
            if at < BINS_MAX {
                return Some(at);
            }
            let longer = *BIN_SECONDS.get(self.step + 1)?;
            let merged = longer / self.bin_seconds();
            self.step += 1;
            self.merge(merged as usize);
        }
    }

    fn merge(&mut self, together: usize) {
        let sum = |bins: &[[u32; Kind::ALL.len()]]| {
            let mut sum = [0u32; Kind::ALL.len()];
            for bin in bins {
                sum.iter_mut().zip(bin).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
            }
            sum
        };
        self.kinds = self.kinds.chunks(together).map(sum).collect();
    }

    fn bin_seconds(&self) -> u32 {
        BIN_SECONDS.get(self.step).copied().unwrap_or(1)
    }

    fn record(&self) -> ActivitySeries {
        let of = |kind: &Kind| KindSeries {
            kind: kind.name().to_owned(),
            counts: self.kinds.iter().filter_map(|bin| bin.get(*kind as usize).copied()).collect(),
        };
        ActivitySeries {
            start_utc: self
                .start
                .map(|second| Timestamp::from_nanos(second.saturating_mul(NS_PER_SECOND))),
            bin_seconds: self.bin_seconds(),
            kinds: Kind::ALL.iter().map(of).filter(|k| k.counts.iter().any(|&n| n > 0)).collect(),
            outside: self.outside,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_grow_with_the_capture_and_lose_nothing() {
        let mut series = Series::default();
        for second in 0..100_000 {
            series.count(Kind::LdapQuery, Timestamp::from_nanos(second * NS_PER_SECOND));
        }
        let record = series.record();
        assert_eq!(record.bin_seconds, 300);
        let [of_kind] = record.kinds.as_slice() else { panic!("one kind") };
        assert_eq!(of_kind.counts.len(), 334);
        assert!(of_kind.counts[..333].iter().all(|&count| count == 300));
        assert_eq!(of_kind.counts.iter().sum::<u32>(), 100_000);
    }

    #[test]
    fn what_is_years_away_is_counted_as_outside() {
        let mut series = Series::default();
        series.count(Kind::LdapQuery, Timestamp::from_nanos(0));
        series.count(Kind::LdapQuery, Timestamp::from_nanos(i64::MAX));
        assert_eq!(series.record().outside, 1);
    }
}
