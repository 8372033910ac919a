//! The words for what the virtual sensor says, the same in every format. Text from the record is
//! ready for the second step of [`escape`].

use crate::base::percent_in_full;
use crate::record::{
    ArrivalsFrom, Assumption, Basis, CalibrationSummary, Chance, Evidence, Exhaustion, Headroom,
    HealthSpan, Limit, REPLICAS_FOR_YES, SensorSize, SimulatedSize, SizeProbability, SizingReport,
    TableReading, VirtualVerdict,
};

use super::labels::{self, Tone};
use super::{escape, number};

/// Whose the answer is. Stands wherever it is shown.
pub const WHOSE: &str = "A model by Headroom, a virtual sensor, fitted to Microsoft’s published \
                         capacity table. It is not Microsoft’s sensor, and Microsoft has not said this.";

/// What makes an answer, for the legend.
pub const CHANCES: &str = "Yes: the risk, that is the probability of losing more packets than may be \
                           lost, is below 5 %. Maybe: 5 to 50 %. No: above 50 %.";

/// Probability up to which the answer is `Yes`, 0 to 1; see [`Chance`].
pub const YES_BELOW: f64 = 0.05;

/// Probability above which it is `No`.
pub const NO_ABOVE: f64 = 0.5;

/// Most health alerts that a record holds, see [`SimulatedSize::health`].
pub const HEALTH_HELD: usize = 1_000;

/// Health alerts of one title, summed up.
pub struct Alerts<'a> {
    /// Its exact title.
    pub title: &'a str,
    /// How often, when first and until when.
    pub when: String,
    /// Whose title, condition and time are.
    pub whose: String,
}

/// Health alerts whose condition held, each title once.
pub fn alerts(course: &SimulatedSize) -> Vec<Alerts<'_>> {
    let mut titles: Vec<Vec<&HealthSpan>> = Vec::new();
    for span in &course.health {
        let same = |known: &&mut Vec<&HealthSpan>| {
            known
                .first()
                .is_some_and(|first| (&first.title, first.basis) == (&span.title, span.basis))
        };
        match titles.iter_mut().find(same) {
            Some(known) => known.push(span),
            None => titles.push(vec![span]),
        }
    }
    let more = if course.health.len() >= HEALTH_HELD { "at least " } else { "" };
    titles.into_iter().filter_map(|spans| summed(&spans, more)).collect()
}

fn summed<'a>(spans: &[&'a HealthSpan], more: &str) -> Option<Alerts<'a>> {
    let first = spans.first()?;
    let last = spans.iter().map(|span| span.end_utc).max()?;
    let once = number::span(first.start_utc, first.end_utc);
    let when = match spans.len() as u64 {
        1 => once,
        times => format!(
            "{more}{} times, {}, the first {once}",
            number::count(times),
            number::span(first.start_utc, last)
        ),
    };
    Some(Alerts { title: &first.title, when, whose: alert_basis(first.basis) })
}

/// Whose an alert's title, condition and time are: never all of one.
pub fn alert_basis(basis: Basis) -> String {
    match basis {
        Basis::VendorPublished => "title and condition: Microsoft’s; time: our model".to_string(),
        other => {
            format!("title: Microsoft’s; condition: {}; time: our model", labels::basis(other))
        }
    }
}

/// The answer in one word.
pub fn chance(chance: Chance) -> &'static str {
    match chance {
        Chance::Yes => "Yes",
        Chance::Maybe => "Maybe",
        Chance::No => "No",
    }
}

/// How an answer is to be taken.
pub fn tone(chance: Chance) -> Tone {
    match chance {
        Chance::Yes => Tone::Good,
        Chance::Maybe => Tone::Attention,
        Chance::No => Tone::Bad,
    }
}

/// Tone of the answer for the server; unknown without one.
pub fn server_tone(verdict: &VirtualVerdict) -> Tone {
    let told = verdict.server.as_ref().map_or(Tone::Unknown, |server| tone(server.chance));
    match (told, verdict.evidence()) {
        // No good news from next to nothing.
        (Tone::Good, Evidence::TooLittle) => Tone::Attention,
        _ => told,
    }
}

/// The answer for the server, with the time that it is of where that is next to nothing.
fn qualified(verdict: &VirtualVerdict, answer: Chance) -> String {
    match verdict.evidence() {
        Evidence::TooLittle => format!("{}, for {} only", chance(answer), seen(verdict)),
        Evidence::Short | Evidence::Enough => chance(answer).to_string(),
    }
}

/// The answer for the server in a word, or the few that it needs.
pub fn server_word(verdict: &VirtualVerdict) -> Option<String> {
    verdict.server.as_ref().map(|server| qualified(verdict, server.chance))
}

/// How long traffic was seen.
fn seen(verdict: &VirtualVerdict) -> String {
    match verdict.seen_ms {
        ..1_000 => "less than 1 s".to_string(),
        ms => number::duration(ms),
    }
}

/// That little was seen; nothing where it was enough.
fn of_what(verdict: &VirtualVerdict) -> String {
    match verdict.evidence() {
        Evidence::Enough => String::new(),
        Evidence::Short => {
            format!("; {} of traffic were seen and say nothing of other hours", seen(verdict))
        }
        Evidence::TooLittle => format!(
            "; {} in {} say next to nothing of this server",
            labels::plural(verdict.seen_packets, "packet", "packets"),
            seen(verdict)
        ),
    }
}

/// The answer for the server as it is, complete in one line.
pub fn answer(verdict: &VirtualVerdict) -> String {
    let goal = goal(verdict.goal_loss_ratio);
    match &verdict.server {
        Some(server) => format!(
            "{}: the risk of losing more than {goal} of the packets is {}{}{}",
            qualified(verdict, server.chance),
            probability(server),
            as_far(server),
            of_what(verdict)
        ),
        None => "No answer for this server: how many cores or how much memory it has is not known"
            .to_string(),
    }
}

/// How far the runs tell, where chance alone leaves open that a Yes is none.
fn as_far(server: &SizeProbability) -> String {
    if server.chance != Chance::Yes || server.probability_high < YES_BELOW {
        return String::new();
    }
    let runs = labels::plural(server.replicas.into(), "run tells", "runs tell");
    if server.replicas < REPLICAS_FOR_YES {
        return format!(
            ", as far as {runs}; at least {REPLICAS_FOR_YES} are needed to be sure of less than 5 %"
        );
    }
    format!(", as far as {runs}; more are needed to be sure of less than 5 %")
}

/// Heading of a column of [`brief`] answers.
pub const HEADING: &str = "Our model: risk of losing too much";

/// The answer in a few words for a list: `Maybe: risk 12.0 %`.
pub fn brief(verdict: Option<&VirtualVerdict>) -> String {
    let told = verdict.and_then(|verdict| Some((verdict, verdict.server.as_ref()?)));
    told.map_or_else(
        || number::UNKNOWN.to_string(),
        |(verdict, server)| {
            let answer = qualified(verdict, server.chance);
            format!("{answer}: risk {}", number::percent(server.probability))
        },
    )
}

/// An answer with the risk behind it, which must not be read as how sure the answer is.
pub fn at_risk(answer: Chance, probability: f64) -> String {
    format!("{}: risk {}", chance(answer), number::percent(probability))
}

/// A probability with its interval, `12.0 % (8.2 to 17.3 %)`.
pub fn probability(size: &SizeProbability) -> String {
    format!(
        "{} ({})",
        number::percent(size.probability),
        interval(size.probability_low, size.probability_high)
    )
}

/// `8.2 to 17.3 %`, of shares of one.
pub fn interval(low: f64, high: f64) -> String {
    format!("{} to {} %", number::fixed(low * 100.0, 1), number::fixed(high * 100.0, 1))
}

/// What the range behind a probability is.
pub const RANGE: &str = "The range in brackets is what chance alone leaves open with so many runs \
                         (95 % interval).";

/// How many runs there were, and of what.
pub fn runs(verdict: &VirtualVerdict) -> String {
    format!(
        "{}, each with other values for what is not known, drawn with seed {}; {}",
        number::count(verdict.replicas.into()),
        verdict.seed,
        arrivals(verdict.arrivals)
    )
}

/// A loss goal in percent, with as many places as it needs.
pub fn goal(ratio: f64) -> String {
    if !ratio.is_finite() {
        return format!("{} %", number::UNKNOWN);
    }
    format!("{} %", percent_in_full(ratio))
}

/// Where the arrivals came from.
pub fn arrivals(from: ArrivalsFrom) -> &'static str {
    match from {
        ArrivalsFrom::Packets => "packets come at their own times",
        ArrivalsFrom::Samples => {
            "packets come at times that a model of bursts makes from the counters"
        }
    }
}

/// The busy part that the probability is of.
pub fn span(verdict: &VirtualVerdict) -> String {
    format!(
        "{}, {} packets/s on average",
        number::span(verdict.span_start_utc, verdict.span_end_utc),
        number::rate(verdict.packets_per_second)
    )
}

/// How long the busy part is.
fn span_length(verdict: &VirtualVerdict) -> String {
    let (start, end) = (verdict.span_start_utc.nanos(), verdict.span_end_utc.nanos());
    number::duration(end.saturating_sub(start).unsigned_abs() / 1_000_000)
}

/// What runs short, in a word or three.
pub fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Cores => "Cores",
        Limit::Quota => "What the server leaves over",
        Limit::Memory => "Memory",
        Limit::Conversation => "One core",
        Limit::Bursts => "The capture buffer",
    }
}

/// How that comes.
pub fn limit_reason(limit: Limit) -> &'static str {
    match limit {
        Limit::Cores => "the sensor is busy on all the cores of its size",
        Limit::Quota => "the server’s own work takes processor time that the sensor needs",
        Limit::Memory => "the sensor stops at its memory limit and starts again",
        Limit::Conversation => "one conversation, or a few, are more than one core can do",
        Limit::Bursts => {
            "more packets arrive at once than it holds, although cores are free on average"
        }
    }
}

/// Both in one line.
pub fn limit(limit: Limit) -> String {
    format!("{}: {}", limit_name(limit), limit_reason(limit))
}

/// What runs short first, and how that comes, or why it is not known.
pub fn short_first(verdict: &VirtualVerdict) -> (String, String) {
    let now = verdict.server.as_ref().and_then(|server| server.limit);
    match (now, verdict.limit()) {
        (Some(limit), _) => (limit_name(limit).to_string(), limit_reason(limit).to_string()),
        (None, Some(limit)) => {
            let reason = format!("with more traffic than its room: {}", limit_reason(limit));
            (limit_name(limit).to_string(), reason)
        }
        (None, None) => {
            let why = match (verdict.evidence(), &verdict.headroom) {
                (Evidence::TooLittle, _) => "too little was seen to tell",
                (_, Some(_)) => "nothing did at any load that was tried",
                (_, None) => "not known for this server",
            };
            (number::UNKNOWN.to_string(), why.to_string())
        }
    }
}

/// A size as `2 cores, 9 GB`.
pub fn size(size: &SensorSize) -> String {
    format!(
        "{}, {}",
        number::amount_of(Some(size.cores), "cores"),
        number::amount_of(Some(size.memory_gb), "GB")
    )
}

/// [`size`], or that none is enough.
pub fn optional_size(found: Option<&SensorSize>) -> String {
    found.map_or_else(|| "no size that was tried".to_string(), size)
}

/// The server as it is: `4 cores, 16 GB`, unknown parts as `–`.
pub fn server_size(verdict: &VirtualVerdict) -> String {
    format!(
        "{}, {}",
        number::amount_of(verdict.server_cores, "cores"),
        number::amount_of(verdict.server_memory_gb, "GB")
    )
}

/// Sufficient sizes with what each of them means.
pub fn sufficient(verdict: &VirtualVerdict) -> [(&'static str, String, &'static str); 3] {
    let found = &verdict.sufficient;
    let upper = match found.upper {
        None if found.target.is_some() && verdict.replicas < REPLICAS_FOR_YES => format!(
            "not told by {} (at least {REPLICAS_FOR_YES} are needed)",
            labels::plural(verdict.replicas.into(), "run", "runs")
        ),
        upper => optional_size(upper.as_ref()),
    };
    [
        (
            "Lower",
            optional_size(found.lower.as_ref()),
            "the smallest that may be enough: the answer is not No",
        ),
        (
            "Target",
            optional_size(found.target.as_ref()),
            "the smallest that is enough: the answer is Yes",
        ),
        (
            "Upper",
            upper,
            "the smallest whose answer stays Yes at the upper end of the risk’s range",
        ),
    ]
}

/// Spare packets per second, signed: `+4,200 packets/s`; `at least` where more was not tried.
pub fn spare(headroom: Option<&Headroom>) -> String {
    let known = headroom.and_then(|room| Some((room, room.spare_packets_per_second()?)));
    let Some((room, spare)) = known.filter(|(_, spare)| spare.is_finite()) else {
        return number::UNKNOWN.to_string();
    };
    format!("{}{} packets/s", at_least(room.load_yes, room), signed(spare, number::rate(spare)))
}

/// The same in percent.
pub fn spare_percent(headroom: Option<&Headroom>) -> String {
    let known = headroom.and_then(|room| Some((room, room.spare_percent()?)));
    let Some((room, spare)) = known.filter(|(_, spare)| spare.is_finite()) else {
        return number::UNKNOWN.to_string();
    };
    let percent = number::fixed(spare, 0);
    format!("{}{} %", at_least(room.load_yes, room), signed(spare, percent))
}

/// What spare is counted to, and on which size.
pub fn spare_of(verdict: &VirtualVerdict) -> String {
    let Some(room) = &verdict.headroom else {
        return match verdict.evidence() {
            Evidence::TooLittle => "too little was seen to tell".to_string(),
            Evidence::Short | Evidence::Enough => "no size that was tried is enough".to_string(),
        };
    };
    let of = room_of(verdict, room);
    let now = format!(
        "the {} packets/s in its busiest {}",
        number::rate(room.packets_per_second),
        span_length(verdict)
    );
    match room.load_yes {
        Some(load) if load < 1.0 => format!(
            "{} against {now}: only then the answer is Yes; with {of}",
            spare_percent(Some(room))
        ),
        Some(_) => format!(
            "{} on top of {now} until the answer is no longer Yes; with {of}",
            spare_percent(Some(room))
        ),
        None => {
            format!("not even with the least traffic that was tried is the answer Yes; with {of}")
        }
    }
}

/// That room and its years rest on what is only assumed of the server; nothing where it is known,
/// or there is no room to tell of.
pub fn rests_on(verdict: &VirtualVerdict) -> Option<String> {
    let percent = verdict.assumed_own_cpu_percent.filter(|_| verdict.headroom.is_some())?;
    Some(format!("rests on an assumed own load of {} %", number::amount(percent)))
}

/// Fine print with [`rests_on`] behind it.
pub fn flagged(text: String, verdict: &VirtualVerdict) -> String {
    rests_on(verdict).map_or(text.clone(), |flag| format!("{text}; {flag}"))
}

/// What room is counted on: what the server leaves over, or a size.
pub fn room_of(verdict: &VirtualVerdict, room: &Headroom) -> String {
    match &verdict.server {
        Some(_) => format!("what this server leaves over of its {}", server_size(verdict)),
        None => format!("{} for the sensor", size(&room.size)),
    }
}

/// Nothing, or that it may be more: no higher load was tried.
pub fn at_least(load: Option<f64>, room: &Headroom) -> &'static str {
    // Loads are found by bisection; the end of the range is the end but for rounding.
    let end = load.is_some_and(|load| load >= room.load_tried * (1.0 - 1e-9));
    if end { "at least " } else { "" }
}

fn signed(value: f64, text: String) -> String {
    if value > 0.0 { format!("+{text}") } else { text }
}

/// Years until headroom is used up.
pub fn years(years: Option<f64>) -> String {
    match years {
        None => "not in sight".to_string(),
        Some(years) if years <= 0.0 => "already used up".to_string(),
        Some(years) => format!("{} years", number::fixed(years, 1)),
    }
}

/// What those years rest on.
pub fn growth(exhaustion: &Exhaustion) -> String {
    let until_no = match exhaustion.years_maybe {
        None => "when it becomes No is not in sight".to_string(),
        Some(years) if years <= 0.0 => "the answer is No already".to_string(),
        some => format!("the answer becomes No after {}", years(some)),
    };
    format!(
        "with {} % growth a year; {until_no}",
        number::amount(exhaustion.growth_per_year * 100.0),
    )
}

/// How the table was read.
pub fn reading(summary: &CalibrationSummary) -> String {
    let reading = match summary.reading {
        TableReading::Tight => {
            "the amount of a row is enough at the row’s upper end, and that of the row below is not"
        }
        TableReading::Upper => {
            "the amount of a row is enough at the row’s upper end; nothing is said about less"
        }
    };
    let field = match summary.observations {
        0 => "no observation of a real sensor was added".to_string(),
        1 => "1 observation of a real sensor was added".to_string(),
        more => format!("{} observations of real sensors were added", number::count(more.into())),
    };
    format!("Table {}, read so: {reading}; {field}.", escape::name(&summary.table))
}

/// Calibrations of a report, each once, with the domain controllers they are of.
pub fn calibrations(report: &SizingReport) -> Vec<(&CalibrationSummary, Vec<&str>)> {
    let mut found: Vec<(&CalibrationSummary, Vec<&str>)> = Vec::new();
    for sized in &report.domain_controllers {
        let Some(verdict) = &sized.virtual_sensor else { continue };
        match found.iter_mut().find(|(known, _)| **known == verdict.calibration) {
            Some((_, names)) => names.push(&sized.dc.name),
            None => found.push((&verdict.calibration, vec![&sized.dc.name])),
        }
    }
    found
}

/// How the text of an assumption of the model begins.
const OF_MODEL: &str = "Virtual sensor: ";

/// What the report rests on, then what its virtual sensors rest on besides, each once. What not
/// all of them rest on names whose it is.
pub fn assumptions(report: &SizingReport) -> Vec<Assumption> {
    let mut all = report.assumptions.clone();
    let mut found: Vec<(&Assumption, Vec<&str>)> = Vec::new();
    let mut asked = 0;
    for sized in &report.domain_controllers {
        let Some(verdict) = &sized.virtual_sensor else { continue };
        asked += 1;
        let new = verdict.assumptions.iter().filter(|one| !report.assumptions.contains(one));
        for assumption in new {
            match found.iter_mut().find(|(known, _)| *known == assumption) {
                Some((_, names)) => names.push(&sized.dc.name),
                None => found.push((assumption, vec![&sized.dc.name])),
            }
        }
    }
    all.extend(found.into_iter().map(|(assumption, names)| Assumption {
        text: if names.len() == asked {
            assumption.text.clone()
        } else {
            with_names(&assumption.text, &names)
        },
        ..assumption.clone()
    }));
    all
}

fn with_names(text: &str, names: &[&str]) -> String {
    let names = super::virtual_page::named(names);
    match text.strip_prefix(OF_MODEL) {
        Some(rest) => format!("Virtual sensor of {names}: {rest}"),
        None => format!("Of {names}: {text}"),
    }
}

/// What a basis means where there is a model besides synthesized traffic; `None` where that
/// changes nothing.
pub fn basis(basis: Basis) -> Option<&'static str> {
    match basis {
        Basis::Sourced => {
            Some("of synthesized traffic or our model: published elsewhere, see the source")
        }
        Basis::Assumed => {
            Some("of synthesized traffic or our model: our assumption, for the reason named")
        }
        _ => None,
    }
}

/// Does any domain controller have an answer of the virtual sensor?
pub fn any(report: &SizingReport) -> bool {
    report.domain_controllers.iter().any(|sized| sized.virtual_sensor.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(load_yes: Option<f64>) -> Headroom {
        Headroom {
            size: SensorSize { cores: 2.0, memory_gb: 9.0, buffer_bytes_per_shard: None },
            packets_per_second: 10_000.0,
            load_yes,
            load_maybe: None,
            load_tried: 20.0,
            highest_loads: vec![],
        }
    }

    #[test]
    fn a_goal_shows_all_its_places() {
        assert_eq!(goal(0.005), "0.5 %");
        assert_eq!(goal(0.0), "0 %");
        assert_eq!(goal(0.000_01), "0.001 %");
        assert_eq!(goal(0.1), "10 %");
        assert_eq!(goal(1e-9), "0.0000001 %");
        assert_eq!(goal(f64::NAN), "– %");
    }

    #[test]
    fn spare_is_signed_and_says_where_it_was_not_looked_further() {
        assert_eq!(spare(Some(&room(Some(1.25)))), "+2,500 packets/s");
        assert_eq!(spare_percent(Some(&room(Some(1.25)))), "+25 %");
        assert_eq!(spare(Some(&room(Some(0.5)))), "−5,000 packets/s");
        assert_eq!(spare(Some(&room(Some(20.0)))), "at least +190,000 packets/s");
        assert_eq!(spare(Some(&room(None))), "–");
        assert_eq!(spare(None), "–");
        assert_eq!(spare_percent(Some(&room(Some(f64::NAN)))), "–");
    }

    #[test]
    fn growth_tells_in_plain_words_when_the_answer_is_no() {
        let told = |years_maybe| {
            growth(&Exhaustion { growth_per_year: 0.1, years_yes: Some(0.0), years_maybe })
        };
        assert_eq!(told(Some(0.0)), "with 10 % growth a year; the answer is No already");
        assert_eq!(
            told(Some(2.44)),
            "with 10 % growth a year; the answer becomes No after 2.4 years"
        );
        assert_eq!(told(None), "with 10 % growth a year; when it becomes No is not in sight");
    }

    #[test]
    fn years_tell_now_from_never() {
        assert_eq!(years(None), "not in sight");
        assert_eq!(years(Some(0.0)), "already used up");
        assert_eq!(years(Some(2.44)), "2.4 years");
    }
}
