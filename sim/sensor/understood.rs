//! What was understood, as records.

use super::ledger::Ledger;
use super::shard::Totals;
use crate::base::Timestamp;
use crate::flow::StreamCounts;
use crate::proto::Id;
use crate::record::{
    Limits, MalformedReason, OperationCount, ProtocolMessages, Streams, Talker, Understood,
};

/// Talkers that are recorded, of those with the most bytes. Ours.
const TALKERS: usize = 100;

/// Puts the counts of all shards and the ledger together; `span` is the capture's.
pub(super) fn record(
    totals: &Totals,
    ledger: &Ledger<'_>,
    span: Option<(Timestamp, Timestamp)>,
) -> Understood {
    #[expect(clippy::cast_precision_loss, reason = "a duration")]
    let seconds =
        span.map(|(first, last)| last.since(first) as f64 / 1e9).filter(|seconds| *seconds > 0.0);
    Understood {
        protocols: protocols(totals, seconds),
        operations: operations(totals),
        malformed: malformed(totals),
        talkers: talkers(totals, ledger),
        activities: ledger.counts(),
        over_time: ledger.over_time(),
        name_resolution: ledger.names.record(seconds),
        streams: streams(&totals.streams),
        limits: Limits {
            flows_unheard: totals.tallies.evicted,
            operations_dropped: totals.tallies.operations_dropped,
            talkers_dropped_packets: totals.talkers.dropped_packets,
            names_dropped: ledger.names.dropped,
        },
    }
}

fn streams(counts: &StreamCounts) -> Streams {
    Streams {
        out_of_order_segments: counts.out_of_order_segments,
        retransmitted_bytes: counts.retransmitted_bytes,
        overlapping_bytes: counts.overlapping_bytes,
        conflicting_bytes: counts.conflicting_bytes,
        keep_alives: counts.keep_alives,
        refused_segments: counts.refused_segments,
        restarts: counts.restarts,
        gaps: counts.gaps,
        lost_bytes: counts.lost_bytes,
        evictions: counts.evictions,
    }
}

fn protocols(totals: &Totals, seconds: Option<f64>) -> Vec<ProtocolMessages> {
    let all = Id::ALL.iter().map(|&id| (id, totals.tallies.of(id)));
    all.map(|(id, heard)| {
        let messages = heard.parsed + heard.opaque + heard.cut + heard.malformed;
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let messages_per_second = seconds.map(|seconds| messages as f64 / seconds);
        ProtocolMessages {
            protocol: id.label().to_owned(),
            messages,
            bytes: heard.bytes,
            messages_per_second,
            parsed: heard.parsed,
            opaque: heard.opaque,
            cut: heard.cut,
            malformed: heard.malformed,
            gaps: heard.gaps,
            lost_bytes: heard.lost_bytes,
            unread_bytes: heard.unread_bytes,
        }
    })
    .filter(|p| p.messages + p.gaps + p.unread_bytes > 0)
    .collect()
}

fn operations(totals: &Totals) -> Vec<OperationCount> {
    let all = totals.tallies.operations().into_iter();
    all.map(|(id, code, is_answer, count)| OperationCount {
        protocol: id.label().to_owned(),
        operation: id.operation(code).map_or_else(|| format!("{code:#x}"), str::to_owned),
        is_answer,
        messages: count.messages,
        bytes: count.bytes,
    })
    .collect()
}

fn malformed(totals: &Totals) -> Vec<MalformedReason> {
    let all = totals.tallies.reasons().into_iter();
    all.map(|(id, structure, reason, messages)| MalformedReason {
        protocol: id.label().to_owned(),
        structure: structure.to_owned(),
        reason: reason.to_owned(),
        messages,
    })
    .collect()
}

fn talkers(totals: &Totals, ledger: &Ledger<'_>) -> Vec<Talker> {
    let most = totals.talkers.sorted().into_iter().take(TALKERS);
    most.map(|(address, (packets, bytes))| Talker {
        address: address.to_string(),
        packets,
        bytes,
        activities: ledger.asked_by(address),
    })
    .collect()
}
