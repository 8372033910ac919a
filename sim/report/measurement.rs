//! A measurement of the core, for a terminal, as JSON, and as the files of its directory.

use super::inspection::new_table;
use super::plots::latency::{latency, words};
use super::{OutputFormat, RenderOptions, ReportError, escape, json, number};
use crate::record::{
    Cost, Disturbance, EnforcedLimit, GoalResult, Interval, Latency, MeasureMode, Measurement,
    Spread, Trial,
};

/// The files of a measurement's directory, beside the histograms.
pub const MEASUREMENT_FILES: [&str; 3] = ["measurement.json", "latency.csv", "latency.svg"];

/// Disturbed parts listed in the text; the JSON has them all.
const DISTURBED_LISTED: usize = 8;

/// `measurement` as JSON, or as text for every other format.
///
/// # Errors
/// See [`ReportError`]; no content of a record causes one.
pub fn render_measurement(
    measurement: &Measurement,
    format: OutputFormat,
    options: RenderOptions,
) -> Result<Vec<u8>, ReportError> {
    match format {
        OutputFormat::Json => json::render(measurement),
        _ => Ok(text(measurement, options.width).into_bytes()),
    }
}

/// The file called `name`, one of [`MEASUREMENT_FILES`].
///
/// # Errors
/// See [`ReportError`].
pub fn measurement_file(measurement: &Measurement, name: &str) -> Result<Vec<u8>, ReportError> {
    match name {
        "latency.csv" => csv(measurement),
        "latency.svg" => latency(measurement),
        _ => json::render(measurement),
    }
}

fn csv(measurement: &Measurement) -> Result<Vec<u8>, ReportError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(["load_pps", "quantile", "sojourn_ns", "service_ns", "queue_packets"])?;
    for latency in &measurement.latency {
        let curves = [&latency.sojourn_ns, &latency.service_ns, &latency.queue_packets];
        for (at, level) in Spread::levels().enumerate() {
            let mut row = vec![number::fixed(latency.trial.load_pps, 3), format!("{level:.8}")];
            let value = |spread: &&Spread| spread.curve.get(at).map(u64::to_string);
            row.extend(curves.iter().map(|spread| value(spread).unwrap_or_default()));
            writer.write_record(row)?;
        }
    }
    writer.into_inner().map_err(|error| ReportError::Csv(error.into_error().into()))
}

fn text(measurement: &Measurement, width: u16) -> String {
    let mut out = String::new();
    if !measurement.inconclusive.is_empty() {
        out.push_str("INCONCLUSIVE: these figures must not be relied on.\n");
        list(&mut out, "-", &measurement.inconclusive);
        out.push('\n');
    }
    if !measurement.complete {
        out.push_str("INCOMPLETE: this rests on only a part of the input.\n");
        list(&mut out, "-", &measurement.problems);
        out.push('\n');
    }
    out.push_str(&setting(measurement));
    out.push_str(&goals(measurement, width));
    out.push_str(&loads(measurement, width));
    out.push_str(&delays(&measurement.latency, width));
    out.push_str(&costs(&measurement.cost, width));
    out.push_str(&disturbances(&measurement.disturbances, width));
    out.push_str(&checks(measurement));
    if !measurement.warnings.is_empty() {
        out.push_str("\nWarnings\n");
        list(&mut out, "!", &measurement.warnings);
    }
    out.push_str("\nThis is our own core. It says nothing of how fast the vendor's sensor is.\n");
    out
}

fn list(out: &mut String, bullet: &str, sentences: &[String]) {
    for sentence in escape::sentences(sentences) {
        out.push_str(&format!("  {bullet} {sentence}\n"));
    }
}

fn setting(measurement: &Measurement) -> String {
    let Measurement { replay, envelope, machine, .. } = measurement;
    let enforced = |limit: &EnforcedLimit| {
        let how = escape::sentence(&limit.how);
        if limit.is_enforced { how } else { format!("NOT ENFORCED: {how}") }
    };
    let mode = match measurement.mode {
        MeasureMode::Virtual => "virtual time",
        MeasureMode::Realtime => "real time",
        MeasureMode::Both => "real and virtual time",
    };
    let pace = replay.recorded_pps.map_or_else(
        || "no times".to_owned(),
        |pps| format!("{} packets/s as recorded", number::rate(pps)),
    );
    let processors: Vec<String> = envelope.processors.iter().map(usize::to_string).collect();
    let mut lines = vec![
        format!(
            "Replayed   {} frames, {} ({pace}), arriving {}",
            number::count(replay.frames),
            number::bytes(replay.bytes),
            replay.arrivals
        ),
        format!(
            "Buffer     {}, batches of at most {}",
            number::bytes(replay.buffer_bytes),
            replay.batch_max
        ),
        format!(
            "Cores      {} ({}), processors {}",
            envelope.cores,
            enforced(&envelope.affinity),
            if processors.is_empty() { number::UNKNOWN.to_owned() } else { processors.join(", ") }
        ),
        format!(
            "Memory     {} ({})",
            number::bytes(envelope.memory_bytes),
            enforced(&envelope.memory)
        ),
    ];
    if let Some(cores) = envelope.quota_cores {
        lines.push(format!("Quota      {cores} cores ({})", enforced(&envelope.quota)));
    }
    let processor = machine.processor.as_deref().map_or_else(String::new, escape::sentence);
    let hypervisor = if machine.is_virtual == Some(true) { ", under a hypervisor" } else { "" };
    lines
        .push(format!("Machine    {}, {processor}{hypervisor}", escape::sentence(&machine.system)));
    lines.push(format!("Mode       {mode} ({})", measurement.mode_reason));
    lines.join("\n") + "\n"
}

fn goals(measurement: &Measurement, width: u16) -> String {
    let header =
        ["Goal", "Loss", "Carried/s", "Not carried/s", "Through/s", "Mbit/s", "Costs say", "Flags"];
    let mut table = new_table(width, &header, 1..7);
    for goal in &measurement.goals {
        let mode = if goal.mode == MeasureMode::Virtual { "virtual" } else { "real time" };
        let range = goal.range_pps.map_or_else(
            || number::UNKNOWN.to_owned(),
            |(low, high)| format!("{} to {}", number::rate(low), number::rate(high)),
        );
        table.add_row([
            format!("{} {mode}", goal.goal),
            format!("{} %", number::amount(goal.loss_ratio * 100.0)),
            number::optional_rate(goal.lower_pps),
            number::optional_rate(goal.upper_pps),
            number::optional_rate(goal.conditional_throughput_pps),
            number::optional_rate(goal.conditional_throughput_bps.map(|bps| bps / 1e6)),
            range,
            flags(goal),
        ]);
    }
    format!("\nThroughput, packets per second\n{table}\n")
}

fn flags(goal: &GoalResult) -> String {
    let mut flags = Vec::new();
    if goal.is_inconclusive {
        flags.push("inconclusive");
    }
    if !goal.irregular.is_empty() {
        flags.push("irregular");
    }
    flags.extend(goal.caveats.iter().map(String::as_str));
    flags.join(", ")
}

fn loads(measurement: &Measurement, width: u16) -> String {
    let rows: Vec<(&str, &Trial)> = (measurement.loads.iter().map(|trial| ("load", trial)))
        .chain(measurement.soak.iter().map(|trial| ("soak", trial)))
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["Trial", "Packets/s", "Seconds", "Offered", "Lost", "Unsent", "Loss", "Busy"];
    let mut table = new_table(width, &header, 1..8);
    for (name, trial) in rows {
        let taint = if trial.is_tainted { ", disturbed" } else { "" };
        table.add_row([
            format!("{name}{taint}"),
            number::rate(trial.load_pps),
            number::amount(trial.seconds),
            number::count(trial.offered),
            number::count(trial.lost_buffer_full),
            number::count(trial.unsent),
            number::percent(trial.loss_ratio),
            number::percent(trial.utilisation),
        ]);
    }
    format!("\nTrials that were asked for\n{table}\n")
}

fn delays(list: &[Latency], width: u16) -> String {
    if list.is_empty() {
        return String::new();
    }
    let header = ["Delay at", "p50", "p90", "p99", "p99.9", "Worst", "Service p50", "Queue p99"];
    let mut table = new_table(width, &header, 1..8);
    for latency in list {
        let delay = &latency.sojourn_ns;
        table.add_row([
            format!(
                "{} = {}/s",
                number::percent(latency.share),
                number::rate(latency.trial.load_pps)
            ),
            words(delay.quantiles.p50),
            words(delay.quantiles.p90),
            words(delay.quantiles.p99),
            words(delay.p999),
            words(delay.quantiles.max),
            words(latency.service_ns.quantiles.p50),
            number::count(latency.queue_packets.quantiles.p99),
        ]);
    }
    format!("\nDelay from scheduled arrival to the end of the batch\n{table}\n")
}

fn ns(interval: &Interval) -> [String; 2] {
    let range = format!("{} to {}", number::amount(interval.low), number::amount(interval.high));
    [number::amount(interval.estimate), range]
}

/// Stands behind what must not be relied on.
fn doubt(is_inconclusive: bool) -> &'static str {
    if is_inconclusive { " (disturbed)" } else { "" }
}

fn costs(cost: &Cost, width: u16) -> String {
    let kind = if cost.is_cpu_time { "processor time" } else { "elapsed time" };
    let mut table = new_table(width, &["Cost of", "Frames", "ns a packet", "95 % interval"], 1..4);
    for batch in &cost.batches {
        let [estimate, range] = ns(&batch.ns_per_packet);
        let name = format!("batches of {}{}", batch.packets, doubt(batch.is_inconclusive));
        table.add_row([name, String::new(), estimate, range]);
        if let Some(together) = &batch.together_ns_per_packet {
            let [estimate, range] = ns(together);
            let name = "  all workers at once, elapsed".to_owned();
            table.add_row([name, String::new(), estimate, range]);
        }
    }
    for stage in &cost.stages {
        let [estimate, range] = ns(&stage.ns_per_packet);
        let share = number::percent(stage.share);
        table.add_row([format!("  {}, {share}", stage.stage), String::new(), estimate, range]);
    }
    for protocol in &cost.protocols {
        let [estimate, range] = protocol
            .ns_per_packet
            .as_ref()
            .map_or_else(|| [number::UNKNOWN.to_owned(), "too few frames".to_owned()], ns);
        table.add_row([protocol.protocol.clone(), number::count(protocol.frames), estimate, range]);
    }
    let mut out = format!(
        "\nCost in {kind}; parts and protocols in batches of {}\n{table}\n",
        Cost::REFERENCE_BATCH
    );
    out.push_str(&format!(
        "  a packet's way through the ring takes {} ns beside these\n",
        number::fixed(cost.arrival_ns, 1)
    ));
    if let Some(ratio) = cost.parts_over_whole {
        out.push_str(&format!(
            "  protocols alone cost {} times what they cost together\n",
            number::fixed(ratio, 2)
        ));
    }
    out.push_str(&cost.memory_per_flow_bytes.map_or_else(
        || "  memory per flow: too few flows to tell\n".to_owned(),
        |bytes| {
            format!(
                "  memory per flow: {} bytes of resident memory, over {} new flows\n",
                number::fixed(bytes, 0),
                number::count(cost.memory_flows)
            )
        },
    ));
    out
}

fn disturbances(list: &[Disturbance], width: u16) -> String {
    let tainted: Vec<&Disturbance> = list.iter().filter(|part| !part.taints.is_empty()).collect();
    if tainted.is_empty() {
        return format!("\nDisturbance: none of {} parts was disturbed\n", list.len());
    }
    let header = ["Disturbed", "Steal", "CPU/wall", "Switches", "Spread", "Repeated"];
    let mut table = new_table(width, &header, 1..6);
    let share =
        |share: Option<f64>| share.map_or_else(|| number::UNKNOWN.to_owned(), number::percent);
    let left_out = tainted.len().saturating_sub(DISTURBED_LISTED);
    for part in tainted.into_iter().take(DISTURBED_LISTED) {
        table.add_row([
            part.part.clone(),
            share(part.steal_share),
            share(part.cpu_over_wall),
            part.involuntary_switches.map_or_else(|| number::UNKNOWN.to_owned(), number::count),
            share(part.replica_spread),
            part.repeated.to_string(),
        ]);
    }
    let more = if left_out > 0 { format!("  and {left_out} more\n") } else { String::new() };
    format!("\n{table}\n{more}")
}

fn checks(measurement: &Measurement) -> String {
    let digest = &measurement.digest;
    let activities: u64 = digest.activities.iter().map(|kind| kind.total).sum();
    let mut out = if digest.differing == 0 {
        format!(
            "Answers: {} runs compared, all the same; {} activities in one pass\n",
            digest.compared,
            number::count(activities)
        )
    } else {
        format!("Answers: {} of {} runs DIFFER\n", digest.differing, digest.compared)
    };
    if let Some(check) = &measurement.cross_check {
        out.push_str(&format!(
            "Cross-check of {}: virtual time {}/s, real time {}/s, ratio {}{}\n",
            check.goal,
            number::rate(check.virtual_pps),
            number::rate(check.realtime_pps),
            number::fixed(check.ratio, 2),
            if check.agrees { "" } else { ", OUTSIDE 0.9 to 1.1" }
        ));
    }
    out
}
