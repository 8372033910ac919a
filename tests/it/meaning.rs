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
    /// How much ours is above tshark's, summed over all that this explains in its capture: a
    /// difference that changes needs a new look. Not looked at where `file` is `*`.
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

/// What was compared so far.
#[derive(Default)]
struct Comparison {
    scores: BTreeMap<(&'static str, &'static str), Score>,
    /// What each explanation explains, by part and row.
    surplus: BTreeMap<(usize, usize), i64>,
    wrong: String,
}

/// Parts to compare: all, or the one that `MEANING` names, for working on it.
fn chosen() -> impl Iterator<Item = (usize, &'static Part)> {
    let only = std::env::var("MEANING").ok();
    PARTS.iter().enumerate().filter(move |(_, part)| only.as_ref().is_none_or(|o| o == part.name))
}

#[test]
fn what_we_understand_is_what_tshark_understands() {
    let Some(folder) = super::truth::shared_captures() else {
        println!("skipped: no captures beside the project");
        return;
    };
    let mut all = Comparison::default();
    let mut files = Vec::new();
    for path in super::truth::captures(&folder.join("dev")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let truth = folder.join("truth/dev").join(format!("{name}.json"));
        let ours = collect(&path);
        for (at, part) in chosen() {
            all.compare((at, part), &name, &ours.facts[at], &expected(part, &truth));
        }
        files.push(name);
    }
    all.conclude(&files);
    keep_scores("dev", files.len(), &all.scores);
}

/// The lab captures against what tshark found in them when they were recorded, kept beside them.
/// `HEADROOM_LAB_TRUTH` names a folder of fresh truth, to be kept instead.
#[test]
fn what_we_understand_of_the_lab_is_what_tshark_understood() {
    let captures = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let fresh = std::env::var_os("HEADROOM_LAB_TRUTH").map(std::path::PathBuf::from);
    let mut all = Comparison::default();
    let mut files = Vec::new();
    for path in lab_captures(&captures) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kept = captures.join("lab/facts").join(format!("{name}.tsv"));
        if let Some(fresh) = &fresh {
            let truth = fresh.join(format!("{name}.json"));
            let parts = PARTS.iter().map(|part| (part.name, expected(part, &truth)));
            std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
            std::fs::write(&kept, to_lines(parts)).unwrap();
        }
        let theirs = from_lines(&std::fs::read_to_string(&kept).unwrap());
        let ours = collect(&path);
        for (at, part) in chosen() {
            all.compare((at, part), &name, &ours.facts[at], &theirs[at]);
        }
        files.push(name);
    }
    assert!(files.len() > 12, "only {} lab captures", files.len());
    all.conclude(&files);
    keep_scores("lab", files.len(), &all.scores);
}

fn lab_captures(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_capture = |path: &std::path::PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("dc-") && !name.ends_with(".toml")
    };
    let mut paths: Vec<_> = entries.filter(is_capture).collect();
    paths.sort();
    paths
}

fn expected(part: &Part, truth: &Path) -> Facts {
    let truth = std::fs::read(truth).unwrap_or_else(|error| panic!("{}: {error}", truth.display()));
    let mut facts = Facts::default();
    (part.expect)(&serde_json::from_slice(&truth).unwrap(), &mut facts);
    facts
}

/// One line per fact: part, category, value with what would break a line escaped, count.
fn to_lines<'a>(parts: impl Iterator<Item = (&'a str, Facts)>) -> String {
    let mut lines = String::new();
    for (part, facts) in parts {
        for ((category, value), count) in &facts.0 {
            writeln!(lines, "{part}\t{category}\t{}\t{count}", value.escape_default()).unwrap();
        }
    }
    lines
}

fn from_lines(lines: &str) -> Vec<Facts> {
    let mut all: Vec<Facts> = PARTS.iter().map(|_| Facts::default()).collect();
    for line in lines.lines() {
        let [part, category, value, count] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line:?} is not of four fields");
        };
        let at = PARTS.iter().position(|p| p.name == part).unwrap();
        // Categories are literals of the parts; the few that files hold may live as long.
        let category: &'static str = category.to_owned().leak();
        all[at].add(category, unescape(value), count.parse().unwrap());
    }
    all
}

/// Undoes [`str::escape_default`].
fn unescape(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text.chars());
    while let Some(c) = rest.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match rest.next().unwrap() {
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'n' => out.push('\n'),
            'u' => {
                let digits: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                out.push(char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap());
            }
            other => out.push(other),
        }
    }
    out
}

/// The table of scores is part of the repository: rewritten with `BLESS=1`, else compared.
fn keep_scores(set: &str, files: usize, scores: &BTreeMap<(&str, &str), Score>) {
    if std::env::var_os("MEANING").is_some() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("reports/parsers-{set}.md"));
    let text = score_page(set, files, scores);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).is_ok_and(|kept| kept == text),
        "{} is not what was measured now; run with BLESS=1 and look at the difference",
        path.display()
    );
}

fn score_page(set: &str, files: usize, scores: &BTreeMap<(&str, &str), Score>) -> String {
    let what = match set {
        "dev" => "public captures that nobody here made, kept beside the project, not in it",
        _ => "captures of our own lab, in `captures/`",
    };
    format!(
        "# What the parsers understand, against tshark 4.0.17: {files} {what}\n\n\
         Made by `BLESS=1 cargo test --locked --test it meaning`; the same test holds the parsers \
         to it.\n\n\
         *tshark*: values it shows; *found*: those of them that our parsers tell too; *extra*: \
         values that only ours tell; *excused*: missing or extra values where tshark is wrong or \
         counts something else, each listed with its reason or its proof in `tests/it/meaning/`.\n\n\
         {}",
        score_table(scores)
    )
}

fn score_table(scores: &BTreeMap<(&str, &str), Score>) -> String {
    let mut table = "| protocol | values | tshark | found | found % | extra | excused |\n\
                     |---|---|--:|--:|--:|--:|--:|\n"
        .to_owned();
    for ((part, category), s) in scores {
        let percent = if s.theirs == 0 { 100.0 } else { s.found as f64 * 100.0 / s.theirs as f64 };
        let excused = s.excused_missing + s.excused_extra;
        writeln!(
            table,
            "| {part} | {category} | {} | {} | {percent:.2} | {} | {excused} |",
            s.theirs, s.found, s.extra
        )
        .unwrap();
    }
    table
}

impl Comparison {
    /// Prints the scores and why they are not higher, then fails where anything is unexplained,
    /// explained in vain, or below the bar. Explanations of captures that were not compared are
    /// left alone; those for any capture may find none.
    fn conclude(&mut self, files: &[String]) {
        println!("{}", score_table(&self.scores));
        for (at, part) in chosen() {
            for (row, explained) in part.explained.iter().enumerate() {
                let found = self.surplus.get(&(at, row)).copied();
                let Explained { file, category, value, fault, surplus, why } = explained;
                if let Some(found) = found {
                    println!("{file}: {category} {value}: {found:+} ({fault:?}): {why}");
                }
                if files.iter().any(|name| name == file) && found != Some(*surplus) {
                    let wrong = &mut self.wrong;
                    writeln!(
                        wrong,
                        "{file}: {category} {value}: explained {surplus:+}, is {found:+?}"
                    )
                    .unwrap();
                }
            }
        }
        assert!(self.wrong.is_empty(), "unexplained differences:\n{}", self.wrong);
        meets_the_bar(&self.scores);
    }

    fn compare(
        &mut self,
        (at, part): (usize, &'static Part),
        file: &str,
        ours: &Facts,
        theirs: &Facts,
    ) {
        let Self { scores, surplus, wrong } = self;
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
                writeln!(wrong, "{file}: {category} {value:?}: ours {own}, tshark {other}")
                    .unwrap();
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
pub fn counts(truth: &Value, pointer: &str) -> Vec<(String, u64)> {
    let object = truth.pointer(pointer).and_then(Value::as_object);
    object.into_iter().flatten().map(|(key, n)| (key.clone(), n.as_u64().unwrap_or(0))).collect()
}

/// The rows of a JSON list of objects: the named fields joined with `|`, and their count.
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
