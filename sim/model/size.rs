//! The verdict: the vendor's words, and the working behind them.

use crate::record::{
    Basis, CapacityRow, DomainController, OtherTable, Sized, Verdict, VerdictKind,
};

use super::caveats::caveats;
use super::host::{Host, Os};
use super::load::{Traffic, measure};
use super::resources::{Need, Shortage, checks};
use super::rules::Rules;
use super::tables::{row_for, tables};
use super::words;

/// Sizes one domain controller.
///
/// The kind of result is decided in this order:
/// 1. `No` where the sensor does not run on the operating system at all;
/// 2. `Missing Traffic Data` without Busy Packets/sec, or where it is 0: no domain controller is
///    without a packet, so that it is the wrong adapter that was read;
/// 3. `No` above [`Rules::no_above_packets_per_second`] or the table's end;
/// 4. `Missing RAM data` where neither installed nor available memory is known,
///    `Missing core data` without *physical* cores; `Missing OS Data` instead of either where the
///    vendor's tool said it could not read the operating system. An operating system that was
///    merely not given holds no verdict up: nothing is computed from it;
/// 5. `Maybe` above [`Rules::maybe_above_packets_per_second`], or where Busy is more than
///    [`Rules::spike_ratio`] times the average; else `Yes`; either with `, but additional
///    resources required` and the amounts where memory or cores run short.
///
/// Whatever is known is shown in `checks` for every kind of result.
pub fn size(dc: DomainController, rules: &Rules) -> Sized {
    let traffic = measure(&dc);
    let verdict = verdict(&dc, &traffic, rules);
    Sized { dc, load: traffic.load, verdict, virtual_sensor: None }
}

fn verdict(dc: &DomainController, traffic: &Traffic, rules: &Rules) -> Verdict {
    let host = Host::read(&dc.host);
    let os = Os::read(&dc.host);
    let busy = busy(traffic);
    let row = busy.and_then(|busy| row_for(rules.table(), busy));
    let need = row.zip(busy).map(|(row, busy)| Need { row, busy_packets_per_second: busy });
    let checks = checks(need, &host, rules);
    let shortage = Shortage::of(&checks);
    let reasons = reasons(traffic, &os, row, rules);
    let missing = missing(traffic, &host, &os);
    let kind = kind(busy, row, &host, &os, shortage, reasons.maybe);
    Verdict {
        kind,
        words: vendor_words(kind, &os, shortage),
        summary: summary(kind, need, shortage, &reasons.sentences),
        row: row.cloned(),
        checks,
        reasons: reasons.sentences,
        missing,
        caveats: caveats(dc, traffic, &host, &os),
        other_tables: busy.map(|busy| other_tables(busy, rules)).unwrap_or_default(),
    }
}

/// Busy Packets/sec that are some.
fn busy(traffic: &Traffic) -> Option<f64> {
    let rate = traffic.load.busy.map(|window| window.packets_per_second);
    rate.filter(|rate| *rate > 0.0)
}

fn kind(
    busy: Option<f64>,
    row: Option<&CapacityRow>,
    host: &Host,
    os: &Os,
    shortage: Shortage,
    maybe: Maybe,
) -> VerdictKind {
    if os.refused().is_some() {
        return VerdictKind::No;
    }
    if busy.is_none() {
        return VerdictKind::MissingTrafficData;
    }
    if row.is_none() || maybe == Maybe::TooMuch {
        return VerdictKind::No;
    }
    let memory_known = host.knows_memory();
    if !memory_known || host.physical_cores.is_none() {
        return match os {
            Os::Unreadable => VerdictKind::MissingOsData,
            _ if !memory_known => VerdictKind::MissingRamData,
            _ => VerdictKind::MissingCoreData,
        };
    }
    match (maybe == Maybe::Perhaps, shortage.any()) {
        (false, false) => VerdictKind::Yes,
        (false, true) => VerdictKind::YesButResources,
        (true, false) => VerdictKind::Maybe,
        (true, true) => VerdictKind::MaybeButResources,
    }
}

/// What the traffic alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Maybe {
    /// Nothing against it.
    Fine,
    /// High or spiky.
    Perhaps,
    /// Above the ceiling.
    TooMuch,
}

struct Reasons {
    maybe: Maybe,
    sentences: Vec<String>,
}

fn reasons(traffic: &Traffic, os: &Os, row: Option<&CapacityRow>, rules: &Rules) -> Reasons {
    let mut sentences = Vec::new();
    let mut maybe = Maybe::Fine;
    if let Some(os) = os.refused() {
        sentences.push(format!("The sensor does not run on {} ({}).", os.name, os.source));
    }
    let (Some(window), Some(rate)) = (traffic.load.busy, busy(traffic)) else {
        sentences.extend(traffic.load.busy.map(|_| {
            "All readings are 0: not one packet came, which is true of no domain controller. Look \
             whether the log is of the adapter that is in use."
                .to_owned()
        }));
        return Reasons { maybe, sentences };
    };
    let end = rules.table().rows.last().map_or(0.0, |row| row.to_packets_per_second);
    if rate > rules.no_above_packets_per_second() {
        maybe = Maybe::TooMuch;
        sentences.push(format!(
            "Busy is {} packets/s, above {}, where we stop sizing (the {} table ends at {}; the \
             vendor's own limit is not published).",
            words::rate(rate),
            words::rate(rules.no_above_packets_per_second()),
            rules.table().title,
            words::rate(end)
        ));
    } else if row.is_none() {
        maybe = Maybe::TooMuch;
        sentences.push(format!(
            "Busy is {} packets/s; the {} table ends at {}.",
            words::rate(rate),
            rules.table().title,
            words::rate(end)
        ));
    } else if rate > rules.maybe_above_packets_per_second() {
        maybe = Maybe::Perhaps;
        sentences.push(format!(
            "Busy is {} packets/s, above {}, {}.",
            words::rate(rate),
            words::rate(rules.maybe_above_packets_per_second()),
            match rules.maybe_basis() {
                Basis::Given => "the limit given for Maybe",
                _ => "the one figure that the vendor publishes for Maybe",
            }
        ));
    }
    let average = traffic.load.average_packets_per_second;
    // Where Busy is the average itself there is nothing to compare.
    if let Some(average) = average.filter(|average| rate > rules.spike_ratio() * average)
        && !traffic.short
    {
        maybe = if maybe == Maybe::TooMuch { maybe } else { Maybe::Perhaps };
        sentences.push(format!(
            "Busy ({}) is more than {} times the average ({}; {}): find out what ran from {} to {} \
             and whether its traffic can be limited.",
            words::rate(rate),
            words::plain(rules.spike_ratio()),
            words::rate(average),
            match rules.spike_basis() {
                Basis::Given => "the ratio was given",
                _ => "the ratio is ours, the vendor publishes none",
            },
            window.start_utc,
            window.end_utc
        ));
    }
    Reasons { maybe, sentences }
}

/// The vendor's words, with the amounts where it adds them.
fn vendor_words(kind: VerdictKind, os: &Os, shortage: Shortage) -> String {
    let words = tables().wordings.of(kind);
    match (kind, os) {
        (VerdictKind::YesButResources | VerdictKind::MaybeButResources, _) => {
            format!("{words}: {}", shortage.vendor_words())
        }
        (VerdictKind::No, Os::Known { os, core: true }) => {
            os.words_if_core.as_deref().unwrap_or(words).to_owned()
        }
        _ => words.to_owned(),
    }
}

/// The answer in one sentence.
fn summary(
    kind: VerdictKind,
    need: Option<Need<'_>>,
    shortage: Shortage,
    reasons: &[String],
) -> String {
    let traffic = need.map_or_else(String::new, |need| {
        let busy = words::rate(need.busy_packets_per_second);
        format!("Busy {busy} packets/s, row {}", need.row.label)
    });
    let add = shortage.plain_words();
    let reason = reasons.first().map_or("", String::as_str);
    match kind {
        VerdictKind::Yes => format!("The sensor fits on this server as it is ({traffic})."),
        VerdictKind::YesButResources => {
            format!("The sensor fits on this server after adding {add} ({traffic}).")
        }
        VerdictKind::Maybe => format!("The sensor may keep up, but that is not certain. {reason}"),
        VerdictKind::MaybeButResources => {
            format!("The sensor may keep up after adding {add}, but that is not certain. {reason}")
        }
        VerdictKind::No => format!("The sensor is not expected to run or to keep up. {reason}"),
        VerdictKind::MissingTrafficData => {
            let why = if reason.is_empty() { "" } else { " " };
            format!("No verdict: the input holds no usable packet rate.{why}{reason}")
        }
        VerdictKind::MissingOsData | VerdictKind::MissingRamData | VerdictKind::MissingCoreData => {
            let takes = need.map_or_else(String::new, |need| {
                format!(
                    " For {traffic}, the sensor itself takes {} and {} GB.",
                    words::cores(need.row.cores),
                    words::memory(need.row.memory_gb)
                )
            });
            let known =
                if shortage.any() { format!(" Short in any case: {add}.") } else { String::new() };
            format!("No verdict yet: too little is known of the server.{takes}{known}")
        }
    }
}

/// What was not known, as flags to give or counters to log; what the verdict needs first.
fn missing(traffic: &Traffic, host: &Host, os: &Os) -> Vec<String> {
    let mut missing = Vec::new();
    let mut lacks = |lacking: bool, what: &str| {
        if lacking {
            missing.push(what.to_owned());
        }
    };
    lacks(
        busy(traffic).is_none(),
        "packet rate: log the counter `Network Adapter(*)\\Packets/sec` every 5 s, or give a capture",
    );
    lacks(
        busy(traffic).is_some() && traffic.load.average_packets_per_second.is_none(),
        "average packet rate, to tell a spike: log the counter `Network Adapter(*)\\Packets/sec`",
    );
    lacks(host.installed_gb.is_none(), "installed memory: `--ram`");
    lacks(
        host.min_available_gb.is_none(),
        "available memory at the worst moment: `--min-available-mb`, or the counter \
         `Memory\\Available MBytes`",
    );
    lacks(
        host.physical_cores.is_none(),
        match host.logical_processors {
            Some(_) => {
                "physical cores: `--cores` (logical processors are known, but hyper-threads do \
                 not count)"
            }
            None => "physical cores: `--cores`",
        },
    );
    lacks(
        host.cpu_percent.is_none(),
        "processor use of the domain controller itself: the counter \
         `Processor(_Total)\\% Processor Time`",
    );
    lacks(os.missing(), "operating system: `--os`");
    missing
}

/// What the tables other than the one in force would have said.
fn other_tables(busy: f64, rules: &Rules) -> Vec<OtherTable> {
    tables()
        .capacity
        .iter()
        .filter(|other| other.table.key != rules.table().key)
        .map(|other| OtherTable {
            key: other.table.key.clone(),
            title: other.table.title.clone(),
            row: row_for(&other.table, busy).cloned(),
            convention: other.table.convention.clone(),
        })
        .collect()
}
