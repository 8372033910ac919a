//! What weakens a result, as sentences.

use crate::record::DomainController;

use super::host::{Host, Os};
use super::load::{MIN_GOOD_PERCENT, Traffic, busy_window_ms};
use super::tables::{Support, tables, v3_limits};
use super::words;

/// Milliseconds in an hour.
const HOUR_MS: f64 = 3_600_000.0;

/// Share of failed readings, in percent, from which they are worth a sentence. Ours: the first
/// row of a perfmon log is always empty.
const FAILED_PERCENT_MIN: u64 = 1;

/// How many times Busy the fullest second must be to be worth a sentence. Ours.
const BURST_RATIO: f64 = 5.0;

/// Length of the window that bursts are told from, in milliseconds.
const BURST_WINDOW_MS: u64 = 1_000;

/// All caveats, the gravest first.
pub(super) fn caveats(
    dc: &DomainController,
    traffic: &Traffic,
    host: &Host,
    os: &Os,
) -> Vec<String> {
    let mut list = Vec::new();
    list.extend(duration(dc, traffic));
    list.extend(coverage(traffic));
    list.extend(offload(dc));
    list.extend(unrecognised(dc));
    list.extend(burst(traffic));
    list.extend(server(host));
    list.extend(operating_system(os));
    list
}

fn duration(dc: &DomainController, traffic: &Traffic) -> Option<String> {
    let covered_ms = traffic.covered_ms.filter(|_| traffic.load.busy.is_some())?;
    let hours = tables().figures.recommended_duration.value;
    let line = dc.timeline.as_ref().filter(|_| dc.packets.is_some() && traffic.short);
    if let Some(line) = line.filter(|line| line.covered_ms < line.interval_ms) {
        return Some(format!(
            "Only {} are covered, less than one sample: the packets are spread over a sample of \
             {}, so every rate is lower than it was, and nothing is known of the busiest quarter \
             of an hour. The vendor recommends {} hours.",
            words::span(line.covered_ms),
            words::span(line.interval_ms),
            words::plain(hours)
        ));
    }
    if traffic.short {
        return Some(format!(
            "Only {} are covered, less than 15 minutes: Busy is the mean of what there is, so it \
             may be far from the busiest quarter of an hour, and the test for spikes cannot \
             fire. The vendor recommends {} hours.",
            words::span(covered_ms),
            words::plain(hours)
        ));
    }
    // A log of a day that lacks its last window is a day.
    let lacking_ms = hours * HOUR_MS - covered_ms as f64;
    (lacking_ms > busy_window_ms() as f64).then(|| {
        format!(
            "{} are covered: the daily peak may have been missed. The vendor recommends {} hours.",
            words::span(covered_ms),
            words::plain(hours)
        )
    })
}

fn coverage(traffic: &Traffic) -> Vec<String> {
    let mut list = Vec::new();
    let failed = traffic.load.failed_samples;
    let all = failed.saturating_add(traffic.load.good_samples);
    if failed > 0 && failed.saturating_mul(100) >= all.saturating_mul(FAILED_PERCENT_MIN) {
        list.push(format!(
            "{} of {} samples ({}) have no good reading and are left out.",
            words::count(failed),
            words::count(all),
            words::percent(failed, all)
        ));
    }
    if let Some((good, samples)) = traffic.coverage
        && !traffic.short
        && good.saturating_mul(100) < samples.saturating_mul(MIN_GOOD_PERCENT)
    {
        list.push(format!(
            "No window of 15 minutes has {MIN_GOOD_PERCENT} % good readings; Busy is the mean of \
             {} good samples of {} in the best covered ones.",
            words::count(good),
            words::count(samples)
        ));
    }
    // Half a sample is how far the nearest number of samples may lie from the window.
    if let Some(window_ms) = traffic.window_ms.filter(|ms| *ms > busy_window_ms() * 3 / 2) {
        list.push(format!(
            "Samples are {} long: the busiest 15 minutes cannot be told, and Busy is lower than \
             they were. Log every 5 s.",
            words::span(window_ms)
        ));
    }
    list
}

fn offload(dc: &DomainController) -> Option<String> {
    let offload = &dc.offload;
    (offload.frames > 0).then(|| {
        format!(
            "{} frames are larger than the link's MTU of {} bytes (the largest has {}): the \
             adapter splits or merges them (offload), and on the wire they stand for about {} \
             packets. The rates here count frames, so they are too low by that.",
            words::count(offload.frames),
            words::count(u64::from(offload.mtu_bytes)),
            words::count(u64::from(offload.largest_frame_bytes)),
            words::count(offload.estimated_wire_packets)
        )
    })
}

/// A capture whose frames belong to no host in particular.
fn unrecognised(dc: &DomainController) -> Option<String> {
    (dc.packets.is_some() && dc.addresses.is_empty()).then(|| {
        "No domain controller was recognised: the figures are of the whole capture. Name it with \
         `--dc`."
            .to_owned()
    })
}

fn burst(traffic: &Traffic) -> Option<String> {
    let busy = traffic.load.busy?.packets_per_second;
    let second = traffic.load.peaks.iter().find(|peak| peak.window_ms == BURST_WINDOW_MS)?;
    let ratio = second.packets_per_second / busy;
    (busy > 0.0 && ratio >= BURST_RATIO).then(|| {
        format!(
            "The fullest second has {} packets, {} times Busy: the table is read with a mean of \
             15 minutes and says nothing about such bursts.",
            words::rate(second.packets_per_second),
            words::rate(ratio)
        )
    })
}

fn server(host: &Host) -> Vec<String> {
    let mut list = Vec::new();
    match (host.installed_gb, host.min_available_gb) {
        (Some(installed), Some(available)) if available > installed => list.push(format!(
            "More memory was available ({} GB) than is installed ({} GB): one of the two is wrong.",
            words::amount(available),
            words::memory(installed)
        )),
        (Some(_), None) => list.push(
            "How much memory the domain controller uses itself is not known: memory is compared \
             with what is installed only, which is the weaker test."
                .to_owned(),
        ),
        _ => {}
    }
    match (host.physical_cores, host.logical_processors) {
        (Some(physical), Some(logical)) if physical > logical => list.push(format!(
            "More physical cores ({}) than logical processors ({}): one of the two is wrong.",
            words::plain(physical),
            words::plain(logical)
        )),
        (Some(physical), Some(logical)) if logical > physical => list.push(
            "Hyper-threading is on: the vendor advises against it, and only physical cores are \
             counted."
                .to_owned(),
        ),
        _ => {}
    }
    list
}

fn operating_system(os: &Os) -> Option<String> {
    let limits = v3_limits();
    match os {
        Os::NotGiven => Some(
            "The operating system is not known, so whether the sensor runs on it is not checked."
                .to_owned(),
        ),
        Os::Unreadable => Some(
            "The vendor's tool could not read the operating system, so whether the sensor runs \
             on it is not checked."
                .to_owned(),
        ),
        Os::Unrecognised => Some(
            "The operating system is not one that the vendor's pages name for the sensor."
                .to_owned(),
        ),
        Os::Known { os, .. } if os.sensor_2x == Support::Ended => Some(format!(
            "{} is no longer supported by the vendor; the sensor may still run on it.",
            os.name
        )),
        Os::Known { os, .. } if os.sensor_3x => Some(format!(
            "{} can run the v3.x sensor, which is not sized by traffic: it limits itself to {} % \
             of the processors and {} GB. This sizing is for the sensor 2.x.",
            os.name,
            words::plain(limits.cpu.value),
            words::plain(limits.memory.value)
        )),
        Os::Known { .. } => None,
    }
}
