//! Ground truth: what was planned and put on the wire, told by those who did it.
//!
//! Of a connection that was opened before the start an observer knows less: not which interface
//! its remote procedure calls are of, where nothing else tells it. What is on such connections is
//! told as if that were known, and counted apart as well.

use std::net::IpAddr;

use super::Activity;
use crate::base::Timestamp;
use crate::proto::{Id, Kind, Outcome};

/// What was put on the wire.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// Items of the plan, per activity in the order of [`Activity::ALL`].
    planned: Vec<u64>,
    /// Messages per protocol, in registry order.
    messages: Vec<Vec<Messages>>,
    /// Activities that an observer can derive.
    derived: Vec<Derived>,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Each derivable activity, where they are wanted.
    rows: Option<Vec<Did>>,
}

/// Messages of one operation of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Messages {
    /// In the numbers of [`Tally`](crate::proto::Tally).
    pub operation: u32,
    /// Whether they are answers.
    pub is_answer: bool,
    /// How many.
    pub count: u64,
    /// So many of them on connections that were opened before the start.
    pub from_before: u64,
}

/// Activities of one kind and outcome that an observer can derive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Derived {
    /// What.
    pub kind: Kind,
    /// Name of the outcome, see [`outcome_name`].
    pub outcome: &'static str,
    /// How many.
    pub count: u64,
    /// So many of them on connections that were opened before the start.
    pub from_before: u64,
}

/// One activity that an observer of the wire can derive.
#[derive(Debug, Clone, PartialEq)]
pub struct Did {
    /// What.
    pub kind: Kind,
    /// When it was asked for.
    pub time: Timestamp,
    /// Who asked.
    pub client: IpAddr,
    /// Who was asked.
    pub server: IpAddr,
    /// In whose name.
    pub principal: Option<String>,
    /// What it was done to.
    pub target: Option<String>,
    /// The operation in the protocol's words.
    pub detail: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether it was on a connection that was opened before the start.
    pub is_from_before: bool,
}

impl Truth {
    /// Nothing yet. `with_rows`: keep each activity, for tests and small captures.
    pub fn new(with_rows: bool) -> Self {
        Self { rows: with_rows.then(Vec::new), ..Self::default() }
    }

    /// An item of the plan is rendered.
    pub(super) fn planned(&mut self, activity: Activity) {
        add_at(&mut self.planned, activity as usize, 1);
    }

    /// A message is put on the wire.
    pub(super) fn message(
        &mut self,
        protocol: Id,
        operation: u32,
        is_answer: bool,
        is_from_before: bool,
    ) {
        let (count, from_before) = (1, u64::from(is_from_before));
        self.add_messages(protocol as usize, Messages { operation, is_answer, count, from_before });
    }

    fn add_messages(&mut self, protocol: usize, more: Messages) {
        if self.messages.len() <= protocol {
            self.messages.resize(protocol + 1, Vec::new());
        }
        let Some(rows) = self.messages.get_mut(protocol) else { return };
        let same = |row: &&mut Messages| {
            (row.operation, row.is_answer) == (more.operation, more.is_answer)
        };
        match rows.iter_mut().find(same) {
            Some(row) => {
                row.count += more.count;
                row.from_before += more.from_before;
            }
            None => rows.push(more),
        }
    }

    fn add_derived(&mut self, more: Derived) {
        let same = |row: &&mut Derived| (row.kind, row.outcome) == (more.kind, more.outcome);
        match self.derived.iter_mut().find(same) {
            Some(row) => {
                row.count += more.count;
                row.from_before += more.from_before;
            }
            None => self.derived.push(more),
        }
    }

    /// An activity is put on the wire; `row` is asked for where rows are kept.
    pub(super) fn did(
        &mut self,
        kind: Kind,
        outcome: Outcome,
        is_from_before: bool,
        row: impl FnOnce() -> Did,
    ) {
        let (count, from_before) = (1, u64::from(is_from_before));
        self.add_derived(Derived { kind, outcome: outcome_name(outcome), count, from_before });
        if let Some(rows) = &mut self.rows {
            rows.push(row());
        }
    }

    /// Adds what another shard tells.
    pub fn add(&mut self, other: &Self) {
        for (at, count) in other.planned.iter().enumerate() {
            add_at(&mut self.planned, at, *count);
        }
        for (at, rows) in other.messages.iter().enumerate() {
            rows.iter().for_each(|row| self.add_messages(at, *row));
        }
        other.derived.iter().for_each(|row| self.add_derived(*row));
        self.frames += other.frames;
        self.bytes += other.bytes;
        if let (Some(rows), Some(more)) = (&mut self.rows, &other.rows) {
            rows.extend(more.iter().cloned());
        }
    }

    /// Items of the plan per activity; those without any are left out.
    pub fn activities(&self) -> impl Iterator<Item = (Activity, u64)> + '_ {
        let named = Activity::ALL.iter().zip(&self.planned);
        named.filter(|(_, count)| **count > 0).map(|(activity, count)| (*activity, *count))
    }

    /// Messages per protocol and operation, sorted.
    pub fn messages(&self) -> Vec<(Id, Messages)> {
        let mut all: Vec<(Id, Messages)> = Id::ALL
            .iter()
            .filter_map(|id| Some((*id, self.messages.get(*id as usize)?)))
            .flat_map(|(id, rows)| rows.iter().map(move |row| (id, *row)))
            .collect();
        all.sort_by_key(|(id, row)| (*id as usize, row.operation, row.is_answer));
        all
    }

    /// Activities that an observer can derive, per kind and name of the outcome, sorted.
    pub fn derived(&self) -> Vec<Derived> {
        let mut all = self.derived.clone();
        all.sort_unstable();
        all
    }

    /// Each of them, where they were wanted.
    pub fn rows(&self) -> &[Did] {
        self.rows.as_deref().unwrap_or_default()
    }
}

/// `success`, `failure`, `continued`, `unanswered` or `unknown`.
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "success",
        Outcome::Failure { .. } => "failure",
        Outcome::Continued { .. } => "continued",
        Outcome::Unanswered => "unanswered",
        Outcome::Unknown => "unknown",
    }
}

fn add_at(counts: &mut Vec<u64>, at: usize, more: u64) {
    if counts.len() <= at {
        counts.resize(at + 1, 0);
    }
    if let Some(count) = counts.get_mut(at) {
        *count += more;
    }
}
