//! What the core found, as records.

use super::hosts::{Host, Hosts, Ignored};
use super::pipeline::{Timeline, shown};
use super::shard::{PROBED_PORTS, Shard, Totals};
use super::understood;
use crate::flow::{Reassembler, SHARDS};
use crate::record::{
    Basis, DomainController, HostFacts, NameLookups, NameResolution, RejectedReadings, Server,
    Traffic, Understood,
};

/// A host that sends or receives at least this share of all frames is the one the capture was
/// taken at; then all frames count to it, as its adapter's Packets/sec counter counts them.
/// Ours.
const TAKEN_AT_SHARE: f64 = 0.9;

/// A silence this long is told: a domain controller is hardly ever quiet for 5 minutes, in
/// nanoseconds. Ours.
const GAP_TOLD_NS: i64 = 300_000_000_000;

/// Samples kept over all rows, 41 bytes each with what is made of them: a day of 485 domain
/// controllers, a week of 69. Two frames can be 15 days apart, so nothing else bounds them.
const ROW_SAMPLES_MAX: usize = 8 << 20;

/// Everything one run of the core found.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What the frames hold.
    pub traffic: Traffic,
    /// What their messages say.
    pub understood: Understood,
    /// One entry per domain controller, busiest first; the whole capture where none was found;
    /// empty without frames.
    pub domain_controllers: Vec<DomainController>,
    /// Frames that belong to none of them.
    pub unattributed: u64,
    /// What a reader should know, as sentences.
    pub warnings: Vec<String>,
}

/// Puts the parts together.
pub(super) fn conclude(
    timeline: Timeline<'_>,
    fragments: &Reassembler,
    shards: [Shard; SHARDS],
) -> Observation {
    let totals = merge(shards);
    let Timeline { mut ledger, mut hosts, layers, mut drops } = timeline;
    hosts.finish();
    drops.fragments_dropped = fragments.dropped;
    drops.flows_evicted = totals.evicted;
    let (chosen, sure) = hosts.domain_controllers();
    let mut traffic = Traffic { layers, drops, ..Traffic::default() };
    traffic.layers.reassembled_datagrams = fragments.completed;
    traffic.flows = totals.flow_counts();
    (traffic.tcp_ports, traffic.udp_ports) = totals.ports();
    traffic.servers = servers(&hosts, &chosen);
    traffic.unfollowed_answers = hosts.ignored.telling + hosts.ignored.common;
    if let Some(whole) = &hosts.whole {
        fill_whole(&mut traffic, whole, &hosts);
    }
    let kept = affordable(&hosts, &chosen);
    let (mut domain_controllers, unattributed) = rows(&hosts, &kept, sure);
    let mut warnings = warnings(&hosts, sure);
    if kept.len() < chosen.len() {
        warnings.push(format!(
            "{} of {} domain controllers, those with the fewest frames, have no row: the frames \
             span so long a time that the memory does not suffice for all. Give shorter captures, \
             or name fewer with --dc",
            chosen.len() - kept.len(),
            chosen.len()
        ));
    }
    for (unanswered, (_, method)) in totals.unanswered_probes.iter().zip(PROBED_PORTS) {
        ledger.names.asked(method, false, *unanswered);
    }
    let understood = understood::record(&totals, &ledger, hosts.span);
    for dc in &mut domain_controllers {
        dc.name_lookups = name_lookups(&understood.name_resolution, dc, traffic.frames);
    }
    Observation { traffic, understood, domain_controllers, unattributed, warnings }
}

/// The name resolution of a capture of so many frames, as far as it is that of `dc`. Which domain
/// controller an activity was seen at is not kept, so that several share in proportion.
fn name_lookups(all: &NameResolution, dc: &DomainController, frames: u64) -> Option<NameLookups> {
    #[expect(clippy::cast_precision_loss, reason = "a share of two counts")]
    let share = dc.packets? as f64 / frames.max(1) as f64;
    Some(NameLookups {
        per_second: all.average_per_second? * share,
        per_second_if_unanswered: all.average_per_second_if_unanswered? * share,
    })
}

/// The busiest of `chosen` whose timelines fit [`ROW_SAMPLES_MAX`], at least one.
fn affordable(hosts: &Hosts, chosen: &[usize]) -> Vec<usize> {
    let span = hosts.whole.as_ref().and_then(|whole| whole.series.span());
    let samples = span.map_or(1, |(first, last)| last.abs_diff(first) + 1);
    let rows = ROW_SAMPLES_MAX / usize::try_from(samples).unwrap_or(usize::MAX).max(1);
    let packets = |at: usize| hosts.list.get(at).map_or(0, |host| host.series.total().packets);
    let mut kept = chosen.to_vec();
    kept.sort_by_key(|&at| (std::cmp::Reverse(packets(at)), at));
    kept.truncate(rows.max(1));
    kept.sort_unstable();
    kept
}

fn merge(shards: [Shard; SHARDS]) -> Totals {
    let mut all = shards.into_iter().map(Shard::finish);
    let mut totals = all.next().unwrap_or_else(|| Shard::new(1).finish());
    all.for_each(|more| totals.add(&more));
    totals
}

fn fill_whole(traffic: &mut Traffic, whole: &Host, hosts: &Hosts) {
    let total = whole.series.total();
    (traffic.frames, traffic.bytes) = (total.packets, total.bytes);
    (traffic.first_utc, traffic.last_utc) = hosts.span.unzip();
    traffic.protocols = whole.series.protocols();
    traffic.peaks = whole.series.peaks();
    traffic.offload = whole.offload;
    traffic.drops.outside_timeline = whole.series.outside;
}

fn servers(hosts: &Hosts, chosen: &[usize]) -> Vec<Server> {
    let answering = hosts.list.iter().enumerate().filter(|(_, host)| host.weight() > 0);
    let mut servers: Vec<Server> = answering
        .map(|(at, host)| Server {
            name: host.name.clone(),
            addresses: shown(&host.addresses),
            services: host.services(),
            packets: host.series.total().packets,
            is_domain_controller: chosen.contains(&at),
        })
        .collect();
    servers.sort_by(|a, b| b.packets.cmp(&a.packets).then_with(|| a.addresses.cmp(&b.addresses)));
    servers
}

/// One row per domain controller, and the frames that belong to none.
fn rows(hosts: &Hosts, chosen: &[usize], sure: bool) -> (Vec<DomainController>, u64) {
    let Some(whole) = &hosts.whole else { return (Vec::new(), 0) };
    let hosts_chosen: Vec<&Host> = chosen.iter().filter_map(|&at| hosts.list.get(at)).collect();
    let view = View { hosts, whole };
    match hosts_chosen.as_slice() {
        [] => (vec![view.whole_capture()], 0),
        [only] => {
            #[expect(clippy::cast_precision_loss, reason = "a share of two counts")]
            let share = only.series.total().packets as f64 / whole.series.total().packets as f64;
            let taken_at = share >= TAKEN_AT_SHARE;
            let mut row = view.row(only, if taken_at { whole } else { only }, sure);
            let percent = share * 100.0;
            row.notes.push(if taken_at {
                format!(
                    "{percent:.1} % of all frames carry its address: the capture was taken at \
                     its adapter, so all frames count, as in the adapter's Packets/sec"
                )
            } else {
                format!(
                    "{percent:.1} % of all frames carry its address; only those count, as in a \
                     capture from a mirror port"
                )
            });
            (vec![row], if taken_at { 0 } else { unattributed(hosts, chosen) })
        }
        several => {
            let mut rows: Vec<_> = several.iter().map(|host| view.row(host, host, sure)).collect();
            rows.sort_by(|a, b| b.packets.cmp(&a.packets).then_with(|| a.name.cmp(&b.name)));
            (rows, unattributed(hosts, chosen))
        }
    }
}

/// Frames that involve none of the chosen hosts: all, less each row's, plus what counted twice
/// because it passed between two of them.
fn unattributed(hosts: &Hosts, chosen: &[usize]) -> u64 {
    let packets = |host: &Host| host.series.total().packets;
    let rows: u64 = chosen.iter().filter_map(|&at| hosts.list.get(at)).map(packets).sum();
    let pairs = hosts.between.iter();
    let chosen_pairs = pairs.filter(|((a, b), _)| chosen.contains(a) && chosen.contains(b));
    let twice: u64 = chosen_pairs.map(|(_, packets)| packets).sum();
    (hosts.whole.as_ref().map_or(0, packets) + twice).saturating_sub(rows)
}

/// What every row needs of the whole capture.
struct View<'a> {
    hosts: &'a Hosts,
    whole: &'a Host,
}

impl View<'_> {
    /// A row for `host`, with the figures of `counted`.
    fn row(&self, host: &Host, counted: &Host, sure: bool) -> DomainController {
        let addresses = shown(&host.addresses);
        let mut notes = Vec::new();
        if host.late {
            notes.push(
                "recognised late: some of its first packets are not in its timeline; name it \
                 with --dc to count them all"
                    .to_owned(),
            );
        }
        let ports: Vec<String> = host.services().iter().map(|s| s.port.to_string()).collect();
        let recognised_by = match (&host.named_by, ports.is_empty()) {
            (Some(by), true) => by.clone(),
            (Some(by), false) => format!("{by}; answers on {}", ports.join(", ")),
            (None, _) => format!("answers on {}", ports.join(", ")),
        };
        if host.name.is_none() && addresses.len() > 1 {
            notes.push(
                "its addresses are taken for one host because they share an Ethernet address; if \
                 that is a router's, name the domain controllers with --dc"
                    .to_owned(),
            );
        }
        if !sure {
            notes.push(
                "no host answers on Kerberos (88), and LDAP (389) with another port of a domain \
                 controller; this one comes nearest. Name the domain controller with --dc"
                    .to_owned(),
            );
        }
        let name = host.name.clone().or_else(|| addresses.first().cloned()).unwrap_or_default();
        self.fill(name, addresses, recognised_by, host, counted, notes)
    }

    fn whole_capture(&self) -> DomainController {
        let note = "no domain controller was recognised: all frames are counted together. Name \
                    it with --dc"
            .to_owned();
        let by = "not recognised".to_owned();
        self.fill("whole capture".to_owned(), Vec::new(), by, self.whole, self.whole, vec![note])
    }

    fn fill(
        &self,
        name: String,
        addresses: Vec<String>,
        recognised_by: String,
        host: &Host,
        counted: &Host,
        mut notes: Vec<String>,
    ) -> DomainController {
        let (series, total) = (&counted.series, counted.series.total());
        let seen = total.packets > 0;
        if !seen {
            notes.push(
                "no frame carries its address, so its traffic is unknown, not zero: check the \
                 address given with --dc"
                    .to_owned(),
            );
        }
        let covered = self.hosts.span.map_or(0, |(first, last)| last.since(first));
        let covered_ms = covered.unsigned_abs() / 1_000_000;
        let span = self.whole.series.span();
        DomainController {
            name,
            addresses,
            recognised_by,
            services: host.services(),
            packets: Some(total.packets),
            bytes: Some(total.bytes),
            timeline: span.filter(|_| seen).map(|span| series.timeline(span, covered_ms)),
            reported: None,
            traffic_basis: Basis::Measured,
            sub_sample_peaks: series.peaks(),
            protocols: series.protocols(),
            offload: counted.offload,
            name_lookups: None,
            host: HostFacts::default(),
            rejected: RejectedReadings::default(),
            notes,
        }
    }
}

fn warnings(hosts: &Hosts, sure: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    if hosts.longest_gap_ns >= GAP_TOLD_NS {
        warnings.push(format!(
            "there is no frame for {} minutes after {}; it counts as time without traffic. If the \
             recording was interrupted there, averages are too low",
            hosts.longest_gap_ns / 60_000_000_000,
            hosts.gap_start
        ));
    }
    // Workstations that answer the sensor are no domain controllers; where none is sure to be one,
    // it may be among those that were passed over.
    let Ignored { telling, common } = hosts.ignored;
    let ignored = telling + if sure { 0 } else { common };
    if ignored > 0 {
        warnings.push(format!(
            "{ignored} answers came from more hosts than are followed at once; name the domain \
             controllers with --dc"
        ));
    }
    warnings
}
