//! The verdict in sentences, and what it rests on.

use crate::base::percent_in_full;
use crate::model::bursts::BurstModel;
use crate::model::probability::chance;
use crate::model::virtual_sensor::Settings;
use crate::model::words::{count, list, rate, span};
use crate::record::{
    Assumption, Basis, Chance, Evidence, Headroom, Limit, REPLICAS_FOR_YES, SensorSize,
    SizeProbability, Sized, TableReading, VerdictKind, VirtualVerdict,
};

use super::made::Made;
use super::own_load::Follow;
use super::server::{ASSUMED_CPU_PERCENT, Host};
use super::work::Part;
use super::{ASSUMED_BYTES, ASSUMED_FLOWS, Question};

/// Protocols whose part of the work is told.
const PARTS_TOLD: usize = 3;

/// Sentences for people who have never heard of queues; the first alone is enough. `work` are the
/// protocols' parts of it, the largest first.
pub fn sentences(
    verdict: &VirtualVerdict,
    sized: &Sized,
    work: &[Part<'_>],
    host: Option<&Host>,
) -> Vec<String> {
    let mut all = vec![answer(verdict)];
    all.extend(verdict.server.as_ref().map(|server| working(verdict, server)));
    all.extend(short_first(verdict));
    all.extend(host.filter(|_| verdict.limit() == Some(Limit::Quota)).and_then(own_work));
    all.extend(verdict.headroom.as_ref().map(|headroom| spare(headroom, verdict)));
    all.extend(untold(verdict));
    all.push(smallest(verdict));
    all.extend(whose(work));
    all.extend(sized.verdict.row.as_ref().map(|row| {
        format!(
            "The vendor's table, which knows the busiest 15 minutes but no bursts, says {} for the \
             sensor (row {}).",
            of(row.cores, row.memory_gb),
            row.label
        )
    }));
    all.extend(difference(verdict, sized.verdict.kind));
    all.push(
        "This is a model of ours, fitted to the vendor's table. It is not the vendor's sensor, and \
         the vendor has not seen it."
            .to_owned(),
    );
    all
}

fn answer(verdict: &VirtualVerdict) -> String {
    let goal = format!("{} %", percent_in_full(verdict.goal_loss_ratio));
    let seen = seen(verdict);
    match &verdict.server {
        Some(server) => {
            let word = match server.chance {
                Chance::Yes => "Yes: on this server the sensor most probably keeps up",
                Chance::Maybe => "Maybe: on this server the sensor may miss too much",
                Chance::No => "No: on this server the sensor most probably misses too much",
            };
            format!(
                "{word}{seen}. The risk, that is the probability that it misses more than {goal} of the \
                 packets in the busiest time, is {} (between {} and {}){}.",
                percent(server.probability),
                percent(server.probability_low),
                percent(server.probability_high),
                as_far(server)
            )
        }
        None => match &verdict.sufficient.target {
            Some(size) => format!(
                "A sensor that may use {} most probably misses at most {goal} of the packets in \
                 the busiest time{seen}. Whether this server has that to spare is not known: give its \
                 cores and memory.",
                amount(size)
            ),
            None => format!(
                "No size that was tried keeps the loss at or below {goal} with enough \
                 certainty{seen}."
            ),
        },
    }
}

/// How far the runs tell, where chance alone leaves open that a Yes is none.
fn as_far(server: &SizeProbability) -> String {
    if server.chance != Chance::Yes || chance(server.probability_high) == Chance::Yes {
        return String::new();
    }
    let needed = if server.replicas < REPLICAS_FOR_YES {
        format!("at least {REPLICAS_FOR_YES}")
    } else {
        "more".to_owned()
    };
    format!(
        ", as far as {} runs tell; {needed} are needed to be sure of less than 5 %",
        server.replicas
    )
}

/// What the server's own work is assumed to take of its processors; `None` where it is known.
pub fn assumed_cpu_percent(host: &Host) -> Option<f64> {
    (host.cpu_basis == Basis::Assumed).then_some(ASSUMED_CPU_PERCENT)
}

/// That little was seen, behind an answer; nothing where it was enough.
fn seen(verdict: &VirtualVerdict) -> String {
    let time = match verdict.seen_ms {
        ..1_000 => "less than a second".to_owned(),
        ms => span(ms),
    };
    match verdict.evidence() {
        Evidence::Enough => String::new(),
        Evidence::Short => {
            format!(" – in the {time} of traffic that were seen, which say nothing of other hours")
        }
        Evidence::TooLittle => {
            let packets = match verdict.seen_packets {
                1 => "1 packet".to_owned(),
                more => format!("{} packets", count(more)),
            };
            format!(
                " – in what was seen, {time} with {packets}, which says next to nothing of this \
                 server: give at least 15 minutes of its busiest time"
            )
        }
    }
}

fn working(verdict: &VirtualVerdict, server: &SizeProbability) -> String {
    let replicas = f64::from(server.replicas);
    let missed = match (server.probability * replicas).round() {
        0.0 => "none".to_owned(),
        all if all == replicas => "all".to_owned(),
        some => format!("{some:.0}"),
    };
    format!(
        "This was tried {} times, each time with other values for what nobody knows, such as the \
         cost of a packet: in {missed} of them more was lost than allowed. The server itself \
         uses {}.",
        server.replicas, verdict.own_load
    )
}

/// What ran short, or would first.
fn short_first(verdict: &VirtualVerdict) -> Option<String> {
    let now = verdict.server.as_ref().and_then(|server| server.limit);
    let limit = verdict.limit()?;
    let what = match limit {
        Limit::Cores => "the cores",
        Limit::Quota => {
            "processor time: the server's own work and the 15 % that the sensor keeps free leave \
             too little of it"
        }
        Limit::Memory => "memory: the sensor stops and starts again",
        Limit::Conversation => {
            "a single core: the conversations that fall to it are more than it can do, and more \
             cores help little"
        }
        Limit::Bursts => {
            "the capture buffer, in which packets wait until they are read, in bursts of a second \
             or less: more cores help little"
        }
    };
    Some(match now {
        Some(_) => format!("Where it misses too much, what runs short is {what}."),
        None => format!("With more traffic, what would run short first is {what}."),
    })
}

/// That the limit is only assumed, and how to know it; nothing where it is known.
fn own_work(host: &Host) -> Option<String> {
    (host.cpu_basis == Basis::Assumed).then(|| {
        "But what the server's own work takes of its processors is assumed: give --own-cpu, or a \
         counter log with its processor time."
            .to_owned()
    })
}

fn spare(headroom: &Headroom, verdict: &VirtualVerdict) -> String {
    let years = verdict.exhaustion.as_ref().and_then(|exhaustion| {
        let years = exhaustion.years_yes.filter(|years| *years > 0.0)?;
        let growth = percent(exhaustion.growth_per_year);
        Some(format!(" With {growth} more traffic each year that lasts {years:.1} years."))
    });
    let whose = if verdict.server.is_some() { "It" } else { "That size" };
    // What is judged may be denser than the busy rate: without its name nobody can compare.
    let instead = |load: f64| {
        let now = headroom.packets_per_second;
        let nanos = verdict.span_end_utc.nanos().saturating_sub(verdict.span_start_utc.nanos());
        // Half a minute at least: parts of a second are noise.
        let seconds = (nanos.unsigned_abs() + 500_000_000) / 1_000_000_000;
        format!(
            "{} packets per second in its busiest {} instead of {}",
            rate(load * now),
            span(seconds * 1_000),
            rate(now)
        )
    };
    match headroom.load_yes {
        Some(load) if load >= headroom.load_tried => {
            format!("{whose} would take more than {load:.0} times the traffic.")
        }
        Some(load) if load >= 1.0 => format!(
            "{whose} takes up to {load:.2} times this traffic, {}, before the answer is no longer \
             Yes.{}",
            instead(load),
            years.unwrap_or_default()
        ),
        Some(load) => {
            format!(
                "{whose} would be enough only for {load:.2} times this traffic: {}.",
                instead(load)
            )
        }
        None => format!("{whose} is not enough for any share of this traffic that was tried."),
    }
}

/// What is not told of other traffic and other servers, and why; nothing where it is.
fn untold(verdict: &VirtualVerdict) -> Option<String> {
    let why = match (verdict.evidence(), &verdict.server) {
        (Evidence::TooLittle, _) => "too little was seen",
        (_, None) => "its cores or memory are not known",
        _ => return None,
    };
    let whose = if verdict.server.is_some() { "" } else { " for this server" };
    Some(format!(
        "What more traffic, another server or the failure of another domain controller would \
         change{whose} is not told, because {why}."
    ))
}

fn smallest(verdict: &VirtualVerdict) -> String {
    let sufficient = &verdict.sufficient;
    match (&sufficient.lower, &sufficient.target, &sufficient.upper) {
        (lower, Some(target), upper) => {
            let whose = if verdict.is_beyond_table(target) {
                "No size in the vendor's table is enough. Of larger ones, of which the vendor says \
                 nothing,"
            } else {
                "Of the sizes in the vendor's table,"
            };
            let mut text = format!(
                "{whose} the smallest that is enough is {} for the sensor alone",
                amount(target)
            );
            if let Some(lower) = lower.filter(|lower| lower != target) {
                text.push_str(&format!("; {} may be enough", amount(&lower)));
            }
            if let Some(upper) = upper.filter(|upper| upper != target) {
                text.push_str(&format!("; {} is the cautious choice", amount(&upper)));
            }
            text.push('.');
            text
        }
        (Some(lower), None, _) => format!(
            "Of the sizes that were tried, in the vendor's table and beyond it, {} may be enough; none is \
             with enough certainty.",
            amount(lower)
        ),
        (None, None, _) => {
            let largest = verdict.sizes.last().map_or_else(String::new, |size| {
                format!(", nor is a sensor that may use {}", amount(&size.size))
            });
            format!("No size in the vendor's table is enough{largest}.")
        }
    }
}

/// Why table and model can differ; nothing where they do not.
fn difference(verdict: &VirtualVerdict, kind: VerdictKind) -> Option<String> {
    let model = verdict.server.as_ref()?.chance;
    let differ = match kind {
        VerdictKind::Yes => model != Chance::Yes,
        VerdictKind::No | VerdictKind::YesButResources | VerdictKind::MaybeButResources => {
            model != Chance::No
        }
        VerdictKind::Maybe => model != Chance::Maybe,
        VerdictKind::MissingOsData
        | VerdictKind::MissingTrafficData
        | VerdictKind::MissingRamData
        | VerdictKind::MissingCoreData => false,
    };
    differ.then(|| {
        "Table and model differ here, and can: the table reads the mean of 15 minutes against the \
         cores that are installed; the model lets packets come in bursts, takes the server's own \
         work and the 15 % that stay free off those cores, and calls it enough as long as few \
         packets are missed."
            .to_owned()
    })
}

/// Whose packets the work is; nothing where the traffic is made of an assumed mix.
fn whose(work: &[Part<'_>]) -> Option<String> {
    let words = |part: &Part<'_>| format!("{} {}", part.name, percent(part.share));
    let named: Vec<String> = work.iter().take(PARTS_TOLD).map(words).collect();
    (!named.is_empty()).then(|| {
        format!(
            "What keeps the sensor busy here, judged by what each protocol costs Headroom itself \
             to read: {}.",
            named.join(", ")
        )
    })
}

/// What the verdict rests on.
pub fn assumptions(
    question: &Question,
    settings: &Settings,
    made: Option<&Made>,
    host: Option<&Host>,
) -> Vec<Assumption> {
    let mut all = vec![Assumption {
        text: match question.reading {
            TableReading::Tight => {
                "Virtual sensor: what the sensor uses is fitted to the vendor's \
                                        table, read tightly: the amount of a row is enough at its \
                                        upper end, that of the row below is not."
                    .to_owned()
            }
            TableReading::Upper => {
                "Virtual sensor: what the sensor uses is fitted to the vendor's \
                                        table as an upper bound: the amount of a row is enough."
                    .to_owned()
            }
        },
        basis: Basis::Inferred,
        source: "--table-semantics; the vendor's capacity table".to_owned(),
    }];
    let told = question.costs.assumptions().iter().cloned().chain(settings.assumptions());
    all.extend(told.map(|assumption| Assumption {
        text: format!("Virtual sensor: {}", assumption.text),
        ..assumption
    }));
    all.push(match question.buffer_bytes {
        Some(bytes) => Assumption {
            text: format!(
                "Virtual sensor: each of the sensor's cores has {} of capture buffer, in which \
                 packets wait until they are read.",
                buffer(bytes)
            ),
            basis: Basis::Given,
            source: "--buffer".to_owned(),
        },
        None => ours(
            "Virtual sensor: each of the sensor's cores has between 1 and 64 MiB of capture \
             buffer, in which packets wait until they are read, each doubling as likely as \
             another; the run over the whole input had 8 MiB."
                .to_owned(),
            "--buffer; Npcap's default kernel buffer is 1 MiB, what the sensor sets is not published",
        ),
    });
    all.push(ours(
        "Virtual sensor: another day has more traffic than this one, or less: in two of three \
          cases between 0.90 and 1.11 times as much."
            .to_owned(),
        "how far the days differ that Headroom makes of the same estate; captures of several days \
         would tell yours",
    ));
    all.extend(made.into_iter().flat_map(made_below_samples));
    all.extend(host.map(of_host));
    all.extend(host.and_then(|host| host.follow).iter().flat_map(of_readings));
    all
}

/// Bytes as people count buffers.
fn buffer(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    if bytes.is_multiple_of(MIB) {
        format!("{} MiB", count(bytes / MIB))
    } else {
        format!("{} bytes", count(bytes))
    }
}

fn ours(text: String, how: &str) -> Assumption {
    Assumption { text, basis: Basis::Assumed, source: how.to_owned() }
}

fn made_below_samples(made: &Made) -> [Assumption; 2] {
    let moves = format!("Virtual sensor: between two samples {}.", swings(&made.bursts));
    let bytes = ASSUMED_BYTES
        .map(|(bytes, share)| format!("{} bytes ({})", count(bytes.into()), percent(share)));
    let flows = count(ASSUMED_FLOWS.0.into());
    [
        if made.are_bursts_measured {
            Assumption {
                text: moves,
                basis: Basis::Inferred,
                source: "the capture's highest rates in windows of 1 ms to 5 s; read from a file \
                         instead of a pipe, its packets tell"
                    .to_owned(),
            }
        } else {
            ours(moves, "a capture tells it: give one instead of the log")
        },
        if made.is_mix_measured {
            Assumption {
                text: format!(
                    "Virtual sensor: packets have the protocols of the capture, and of each its \
                     mean size; they belong to {flows} conversations, a number that is assumed."
                ),
                basis: made.basis,
                source: "the capture; read from a file instead of a pipe, its packets tell"
                    .to_owned(),
            }
        } else {
            ours(
                format!(
                    "Virtual sensor: packets have {}, are of the protocols of the mix that the \
                     vendor's table is taken to hold for, and belong to {flows} conversations.",
                    list(&bytes)
                ),
                "a capture tells it: give one instead of the log",
            )
        },
    ]
}

/// How the rate moves between samples.
fn swings(bursts: &BurstModel) -> String {
    // Of a normal distribution two of three lie within its deviation.
    let scales = bursts.scales.iter().filter(|scale| scale.sigma >= 0.005).map(|scale| {
        format!(
            "for about {} s at a time, in two of three cases between {:.2} and {:.2} times as high",
            time(scale.tau_seconds),
            libm::exp(-scale.sigma),
            libm::exp(scale.sigma)
        )
    });
    let scales: Vec<String> = scales.collect();
    if scales.is_empty() {
        return "the packet rate stays as it is, and packets come at random moments".to_owned();
    }
    format!(
        "the packet rate swings by chance around that of the sample: {}; packets come at random \
         moments",
        scales.join("; ")
    )
}

/// A time in seconds, to two digits.
fn time(seconds: f64) -> String {
    if seconds >= 1.0 {
        format!("{seconds:.0}")
    } else if seconds >= 0.1 {
        format!("{seconds:.1}")
    } else {
        format!("{seconds:.3}")
    }
}

fn of_host(host: &Host) -> Assumption {
    let source = "--own-cpu, counters Processor(_Total)\\% Processor Time and \
                  Memory\\Available MBytes; capacity planning for AD DS plans for 40 %";
    let basis = match (host.cpu_basis, host.memory_basis) {
        (Basis::Assumed, _) | (_, Basis::Assumed) => Basis::Assumed,
        (cpu, _) => cpu,
    };
    let text = format!("Virtual sensor: the server itself uses {}.", host.words);
    Assumption { text, basis, source: source.to_owned() }
}

/// How the server's own readings become what it uses under other traffic.
fn of_readings(follow: &Follow) -> [Assumption; 2] {
    let each = 1e3 * follow.cores_per_packet_per_second;
    let grows = format!(
        "Virtual sensor: the server itself uses {each:.3} cores for each 1,000 packets per second; \
         the rest of what its readings show stays as it was at that time, whatever the traffic."
    );
    [
        if follow.is_shown {
            Assumption {
                text: grows,
                basis: Basis::Inferred,
                source: "the straight line nearest to the readings of processor time and packets"
                    .to_owned(),
            }
        } else {
            ours(
                grows,
                "the readings do not show which part follows the traffic (there are fewer than 30, or \
                 they do not rise and fall with it clearly enough): so all of it is taken to",
            )
        },
        ours(
            "Virtual sensor: readings of the server are taken to hold no sensor; where one ran while \
             they were logged, what it used counts twice."
                .to_owned(),
            "the log's counters of single processes are not read",
        ),
    ]
}

fn amount(size: &SensorSize) -> String {
    of(size.cores, size.memory_gb)
}

fn of(cores: f64, memory_gb: f64) -> String {
    let word = if cores == 1.0 { "core" } else { "cores" };
    format!("{cores} {word} and {memory_gb} GB")
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent >= 9.95 {
        format!("{percent:.0} %")
    } else if percent >= 0.095 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.2} %")
    }
}
