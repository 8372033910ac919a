//! What the messages of a capture say, for a terminal.

use std::cmp::Reverse;

use super::inspection::new_table;
use super::number;
use crate::record::{
    ActivitySeries, Limits, MalformedReason, NameResolution, OperationCount, Streams, Understood,
};

/// Rows of each list in the text; the JSON has them all.
const LISTED: usize = 12;

/// Narrower terminals are not shown bars, which would be folded.
const BARS_WIDTH_MIN: u16 = 110;

/// Columns of a line of bars.
const BARS: usize = 24;

/// Heights of a bar, lowest first; no activity is a blank.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// All sections; nothing where no message was understood.
pub fn text(understood: &Understood, width: u16) -> String {
    let mut out = String::new();
    if understood.protocols.is_empty() {
        return out;
    }
    out.push_str(&messages(understood, width));
    out.push_str(&operations(&understood.operations, width));
    out.push_str(&activities(understood, width));
    out.push_str(&talkers(understood, width));
    if !understood.activities.is_empty() {
        out.push_str(&name_resolution(&understood.name_resolution));
    }
    out.push_str(&malformed(&understood.malformed));
    out.push_str(&counts("\nTCP streams\n", &streams(&understood.streams)));
    out.push_str(&counts("\nNot followed\n", &limits(&understood.limits)));
    out
}

fn messages(understood: &Understood, width: u16) -> String {
    let header =
        ["Messages", "All", "per s", "Bytes", "Parsed", "Opaque", "Cut", "Malformed", "Lost bytes"];
    let mut table = new_table(width, &header, 1..9);
    for p in &understood.protocols {
        table.add_row([
            p.protocol.clone(),
            number::count(p.messages),
            number::optional_rate(p.messages_per_second),
            number::bytes(p.bytes),
            number::count(p.parsed),
            number::count(p.opaque),
            number::count(p.cut),
            number::count(p.malformed),
            number::count(p.lost_bytes + p.unread_bytes),
        ]);
    }
    format!("\n{}\n", table.trim_fmt())
}

fn operations(operations: &[OperationCount], width: u16) -> String {
    let mut most: Vec<_> = operations.iter().collect();
    most.sort_by_key(|o| Reverse(o.messages)); // stable: ties keep the record's order
    let mut table = new_table(width, &["Operation", "", "Messages", "Bytes"], 2..4);
    for operation in most.iter().take(LISTED) {
        table.add_row([
            format!("{} {}", operation.protocol, operation.operation),
            if operation.is_answer { "answers" } else { "" }.to_owned(),
            number::count(operation.messages),
            number::bytes(operation.bytes),
        ]);
    }
    format!("\n{}\n{}", table.trim_fmt(), more(most.len(), "operations"))
}

fn activities(understood: &Understood, width: u16) -> String {
    if understood.activities.is_empty() {
        return String::new();
    }
    let header =
        ["Activity", "All", "Success", "Failure", "Goes on", "No answer", "Unknown", "Over time"];
    let shows_bars = width >= BARS_WIDTH_MIN;
    let columns = if shows_bars { header.len() } else { header.len() - 1 };
    let mut table = new_table(width, header.get(..columns).unwrap_or(&header), 1..7);
    let (monitored, besides): (Vec<_>, Vec<_>) =
        understood.activities.iter().partition(|activity| activity.is_monitored);
    for activity in monitored.iter().chain(&besides) {
        let mark = if activity.is_monitored { "" } else { " *" };
        let mut row = vec![
            format!("{}{mark}", activity.label),
            number::count(activity.total),
            number::count(activity.success),
            number::count(activity.failure),
            number::count(activity.continued),
            number::count(activity.unanswered),
            number::count(activity.unknown),
        ];
        row.extend(shows_bars.then(|| bars(&understood.over_time, &activity.kind)));
        table.add_row(row);
    }
    let note = if besides.is_empty() {
        ""
    } else {
        "* not among the vendor's monitored activities, to which we add LSA lookups and the remote \
         registry\n"
    };
    format!("\n{}\n{note}", table.trim_fmt())
}

/// A line of bars, each the sum of some bins, the highest of the kind full.
fn bars(series: &ActivitySeries, kind: &str) -> String {
    let bins = series.kinds.iter().map(|kind| kind.counts.len()).max().unwrap_or(0);
    let Some(counts) = series.kinds.iter().find(|k| k.kind == kind).map(|k| &k.counts) else {
        return String::new();
    };
    let sums: Vec<u64> = counts
        .chunks(bins.div_ceil(BARS).max(1))
        .map(|some| some.iter().map(|&count| u64::from(count)).sum())
        .collect();
    let most = sums.iter().copied().max().unwrap_or(0).max(1);
    let bar = |&sum: &u64| {
        let steps = HEIGHTS.len() as u64;
        let height = (sum * steps).div_ceil(most);
        let at = usize::try_from(height).unwrap_or(0);
        at.checked_sub(1).and_then(|at| HEIGHTS.get(at)).copied().unwrap_or(' ')
    };
    sums.iter().map(bar).collect::<String>().trim_end().to_owned()
}

fn talkers(understood: &Understood, width: u16) -> String {
    let mut table = new_table(width, &["Top talkers", "Packets", "Bytes", "Activities"], 1..4);
    for talker in understood.talkers.iter().take(LISTED) {
        table.add_row([
            talker.address.clone(),
            number::count(talker.packets),
            number::bytes(talker.bytes),
            number::count(talker.activities),
        ]);
    }
    if table.is_empty() { String::new() } else { format!("\n{}\n", table.trim_fmt()) }
}

fn name_resolution(names: &NameResolution) -> String {
    let mut text = format!(
        "\nName resolution the sensor would ask for (modelled after the vendor's flow of 2019)\n  \
         {} times an address stood in a monitored activity, a server at its own port not counted\n  \
         if every address answers:  {} resolutions, {} per second on average, {} in the busiest\n  \
         if none does:  {} resolutions, {} per second on average\n  \
         each is one NetBIOS (137), one RPC (135) and one RDP (3389) probe; without an answer a \
         reverse lookup (53) more\n",
        number::count(names.addresses_seen),
        number::count(names.resolutions_if_answered),
        number::optional_rate(names.average_per_second),
        number::count(names.peak_per_second.into()),
        number::count(names.resolutions_if_unanswered),
        number::optional_rate(names.average_per_second_if_unanswered),
    );
    for method in names.methods.iter().filter(|method| method.asked > 0) {
        let alert = if method.would_alert {
            ": more than 90 % fail, the sensor would raise \"Low success rate of active name \
             resolution\""
        } else {
            ""
        };
        text.push_str(&format!(
            "  {} in this capture: {} of {} questions answered{alert}\n",
            method.method,
            number::count(method.answered),
            number::count(method.asked),
        ));
    }
    text
}

fn malformed(reasons: &[MalformedReason]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let mut most: Vec<_> = reasons.iter().collect();
    most.sort_by_key(|reason| Reverse(reason.messages));
    let mut text = String::from("\nMalformed messages\n");
    for reason in most.iter().take(LISTED) {
        text.push_str(&format!(
            "  {:>12}  {}: {}: {}\n",
            number::count(reason.messages),
            reason.protocol,
            reason.structure,
            reason.reason
        ));
    }
    text + &more(most.len(), "reasons")
}

fn streams(streams: &Streams) -> [(&'static str, u64); 10] {
    [
        ("segments out of order, put in order", streams.out_of_order_segments),
        ("bytes sent again", streams.retransmitted_bytes),
        ("bytes sent again while the first copy waited", streams.overlapping_bytes),
        ("of these bytes that differed; the first copy counts", streams.conflicting_bytes),
        ("keep-alives", streams.keep_alives),
        ("segments that cannot be of their connection", streams.refused_segments),
        ("connections that went on elsewhere", streams.restarts),
        ("holes that nothing filled", streams.gaps),
        ("bytes in them", streams.lost_bytes),
        ("holes given up early, for want of room", streams.evictions),
    ]
}

fn limits(limits: &Limits) -> [(&'static str, u64); 4] {
    [
        ("times a flow went on after it was given up for others", limits.flows_unheard),
        ("messages whose operation is not listed, for want of room", limits.operations_dropped),
        ("frames of talkers that are not listed", limits.talkers_dropped_packets),
        ("addresses left out of the model of name resolution", limits.names_dropped),
    ]
}

/// Those that are not zero, below a heading.
fn counts(heading: &str, rows: &[(&str, u64)]) -> String {
    let rows = rows.iter().filter(|(_, count)| *count > 0);
    let lines: String =
        rows.map(|(what, count)| format!("  {:>12}  {what}\n", number::count(*count))).collect();
    if lines.is_empty() { lines } else { format!("{heading}{lines}") }
}

fn more(all: usize, what: &str) -> String {
    match all.saturating_sub(LISTED) {
        0 => String::new(),
        more => format!("… and {more} more {what}; --format json has them\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ActivityCount, KindSeries};

    #[test]
    fn bars_show_each_kind_against_its_own_highest() {
        let kind = |kind: &str, counts: &[u32]| KindSeries {
            kind: kind.to_owned(),
            counts: counts.to_vec(),
        };
        let series = ActivitySeries {
            kinds: vec![kind("a", &[0, 1, 8, 4]), kind("b", &[0, 0, 0, 9])],
            ..ActivitySeries::default()
        };
        assert_eq!(bars(&series, "a"), " ▁█▄");
        assert_eq!(bars(&series, "b"), "   █");
        assert_eq!(bars(&series, "c"), "");
    }

    #[test]
    fn a_narrow_terminal_gets_no_bars() {
        let understood = Understood {
            activities: vec![ActivityCount {
                kind: "a".to_owned(),
                label: "Kerberos logon".to_owned(),
                is_monitored: true,
                ..ActivityCount::default()
            }],
            ..Understood::default()
        };
        assert!(activities(&understood, BARS_WIDTH_MIN).contains("Over time"));
        let narrow = activities(&understood, 80);
        assert!(!narrow.contains("Over time") && narrow.contains(" Kerberos logon "), "{narrow}");
    }

    #[test]
    fn many_bins_are_drawn_together() {
        let counts = vec![1; 240];
        let series = ActivitySeries {
            kinds: vec![KindSeries { kind: "a".to_owned(), counts }],
            ..ActivitySeries::default()
        };
        assert_eq!(bars(&series, "a").chars().count(), BARS);
    }
}
