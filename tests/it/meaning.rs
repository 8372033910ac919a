//! What our parsers understand of real captures, value by value, against what tshark does.
//!
//! Each protocol has a file in `meaning/` that turns our messages and tshark's truth into facts
//! of the same form. A fact is a category, a value and how often it occurs in a capture.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use headroom::capture::{CaptureSet, Options};
use headroom::proto::{Context, Message, Tally};
use headroom::sensor::{self, Audience, Ends};
use serde_json::Value;

mod dcerpc;
mod dhcp;
mod dns;
mod kerberos;
mod ldap;
mod netbios;
mod ntlmssp;
mod ntp;
mod radius;
mod rdp;
mod smb1;
mod smb2;
mod tls;

/// At least this share of tshark's values must be found, and at most the rest be extra.
const FOUND_MIN: f64 = 0.995;
const EXTRA_MAX: f64 = 0.005;

/// How often each value of each category occurs in one capture.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<(&'static str, String), u64>);

impl Facts {
    /// Adds `count` occurrences.
    pub fn add(&mut self, category: &'static str, value: impl ToString, count: u64) {
        if count > 0 {
            *self.0.entry((category, value.to_string())).or_default() += count;
        }
    }

    fn of(&self, key: &(&'static str, String)) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }
}

/// Who is right about a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "not every kind occurs at every time")]
pub enum Fault {
    /// We miss it or make it up: counts against us.
    Ours,
    /// tshark does; the reason proves it from the specification.
    Theirs,
    /// Both are right and count different things.
    Convention,
}

/// A known difference in one capture.
pub struct Explained {
    /// The capture; `*` for any.
    pub file: &'static str,
    pub category: &'static str,
    /// The value; `*` for any.
    pub value: &'static str,
    pub fault: Fault,
    /// How much ours is above tshark's, summed over all that this explains. A difference that
    /// changes needs a new look.
    pub surplus: i64,
    pub why: &'static str,
}

/// One protocol's part of the comparison.
struct Part {
    name: &'static str,
    collect: fn(&Context, &Message<'_>, &Tally, &mut Facts),
    expect: fn(&Value, &mut Facts),
    explained: &'static [Explained],
}

macro_rules! parts {
    ($($module:ident)+) => {
        [$(Part {
            name: stringify!($module),
            collect: $module::collect,
            expect: $module::expect,
            explained: $module::EXPLAINED,
        },)+]
    };
}

const PARTS: [Part; 13] =
    parts! { dcerpc dhcp dns kerberos ldap netbios ntlmssp ntp radius rdp smb1 smb2 tls };

/// Collects our facts of one capture, part by part.
#[derive(Default)]
struct Collector {
    facts: [Facts; PARTS.len()],
}

impl Audience for Collector {
    fn message(&mut self, _: &Ends, context: &Context, message: &Message<'_>, tally: Tally) {
        for (part, facts) in PARTS.iter().zip(&mut self.facts) {
            (part.collect)(context, message, &tally, facts);
        }
    }
}

/// Values over all captures: of tshark's, of those found, and what is ours alone.
#[derive(Debug, Default, Clone, Copy)]
struct Score {
    theirs: u64,
    found: u64,
    extra: u64,
    /// Missing and extra that are tshark's fault or a convention.
    excused_missing: u64,
    excused_extra: u64,
}

#[test]
fn what_we_understand_is_what_tshark_understands() {
    let Some(folder) = super::truth::shared_captures() else {
        println!("skipped: no captures beside the project");
        return;
    };
    let only = std::env::var("MEANING").ok(); // one part, for working on it
    let mut scores: BTreeMap<(&str, &str), Score> = BTreeMap::new();
    let mut surplus: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    let mut wrong = String::new();
    for path in super::truth::captures(&folder.join("dev")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let truth = folder.join("truth/dev").join(format!("{name}.json"));
        let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
        let ours = collect(&path);
        for (at, part) in PARTS.iter().enumerate() {
            if only.as_deref().is_some_and(|only| only != part.name) {
                continue;
            }
            let mut theirs = Facts::default();
            (part.expect)(&truth, &mut theirs);
            compare(
                (at, part),
                &name,
                &ours.facts[at],
                &theirs,
                &mut scores,
                &mut surplus,
                &mut wrong,
            );
        }
    }
    print_scores(&scores);
    for (at, part) in
        PARTS.iter().enumerate().filter(|(_, p)| only.as_deref().is_none_or(|o| o == p.name))
    {
        for (row, explained) in part.explained.iter().enumerate() {
            let found = surplus.get(&(at, row)).copied();
            if found != Some(explained.surplus) {
                let Explained { file, category, value, surplus, .. } = explained;
                writeln!(wrong, "{file}: {category} {value}: explained {surplus:+}, is {found:+?}")
                    .unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "unexplained differences:\n{wrong}");
    meets_the_bar(&scores);
}

fn compare(
    (at, part): (usize, &Part),
    file: &str,
    ours: &Facts,
    theirs: &Facts,
    scores: &mut BTreeMap<(&str, &str), Score>,
    surplus: &mut BTreeMap<(usize, usize), i64>,
    wrong: &mut String,
) {
    let keys: std::collections::BTreeSet<_> = ours.0.keys().chain(theirs.0.keys()).collect();
    for key in keys {
        let (own, other) = (ours.of(key), theirs.of(key));
        let score = scores.entry((part.name, key.0)).or_default();
        score.theirs += other;
        score.found += own.min(other);
        score.extra += own.saturating_sub(other);
        if own == other {
            continue;
        }
        let matches = |e: &&Explained| {
            (e.file == "*" || e.file == file)
                && e.category == key.0
                && (e.value == "*" || e.value == key.1)
        };
        let Some(row) = part.explained.iter().position(|e| matches(&e)) else {
            let (category, value) = key;
            writeln!(wrong, "{file}: {category} {value:?}: ours {own}, tshark {other}").unwrap();
            continue;
        };
        *surplus.entry((at, row)).or_default() +=
            i64::try_from(own).unwrap() - i64::try_from(other).unwrap();
        if part.explained[row].fault != Fault::Ours {
            score.excused_missing += other.saturating_sub(own);
            score.excused_extra += own.saturating_sub(other);
        }
    }
}

fn print_scores(scores: &BTreeMap<(&str, &str), Score>) {
    println!(
        "{:<10} {:<24} {:>8} {:>8} {:>7} {:>6} {:>8}",
        "protocol", "values", "tshark", "found", "%", "extra", "excused"
    );
    for ((part, category), s) in scores {
        let percent = if s.theirs == 0 { 100.0 } else { s.found as f64 * 100.0 / s.theirs as f64 };
        let excused = s.excused_missing + s.excused_extra;
        println!(
            "{part:<10} {category:<24} {:>8} {:>8} {percent:>7.2} {:>6} {excused:>8}",
            s.theirs, s.found, s.extra
        );
    }
}

/// The bar of each protocol over all its categories and captures; what is tshark's fault or a
/// convention counts for neither side.
fn meets_the_bar(scores: &BTreeMap<(&str, &str), Score>) {
    for part in &PARTS {
        let rows = scores.iter().filter(|((name, _), _)| *name == part.name).map(|(_, s)| s);
        let sum = |field: fn(&Score) -> u64| rows.clone().map(field).sum::<u64>() as f64;
        let theirs = sum(|s| s.theirs) - sum(|s| s.excused_missing);
        if theirs == 0.0 {
            continue;
        }
        let found = sum(|s| s.found) / theirs;
        let extra = (sum(|s| s.extra) - sum(|s| s.excused_extra)) / theirs;
        assert!(found >= FOUND_MIN, "{}: only {:.2} % found", part.name, found * 100.0);
        assert!(extra <= EXTRA_MAX, "{}: {:.2} % extra", part.name, extra * 100.0);
    }
}

fn collect(path: &Path) -> Collector {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let mut collector = Collector::default();
    let options = sensor::Options { threads: 1, ..sensor::Options::default() };
    sensor::hear(&mut set, &options, &mut collector);
    collector
}

/// The numbers of a JSON object whose keys are values.
#[allow(dead_code, reason = "for the parts")]
pub fn counts(truth: &Value, pointer: &str) -> Vec<(String, u64)> {
    let object = truth.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(key, n)| (key.clone(), n.as_u64().unwrap_or(0))).collect()
}

/// The rows of a JSON list of objects: the named fields joined with `|`, and their count.
#[allow(dead_code, reason = "for the parts")]
pub fn rows(truth: &Value, pointer: &str, fields: &[&str]) -> Vec<(String, u64)> {
    let list = truth.pointer(pointer).and_then(Value::as_array);
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    list.into_iter()
        .flatten()
        .map(|row| {
            let key: Vec<_> = fields.iter().map(|field| text(&row[*field])).collect();
            (key.join("|"), row["count"].as_u64().unwrap_or(1))
        })
        .collect()
}
