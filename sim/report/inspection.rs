//! What is in a capture, for a terminal or as JSON.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::{OutputFormat, RenderOptions, ReportError, escape, json, number, understood};
use crate::record::{InputFile, Inspection, Quantiles, RunFigures, Server, Traffic};

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;

/// Hosts listed in the text; the JSON has them all.
const LISTED: usize = 12;

/// `inspection` as JSON, or as text for every other format.
///
/// # Errors
/// See [`ReportError`]; no content of a record causes one.
pub fn render_inspection(
    inspection: &Inspection,
    format: OutputFormat,
    options: RenderOptions,
) -> Result<Vec<u8>, ReportError> {
    match format {
        OutputFormat::Json => json::render(inspection),
        _ => Ok(text(inspection, options.width).into_bytes()),
    }
}

fn text(inspection: &Inspection, width: u16) -> String {
    let traffic = &inspection.traffic;
    let mut out = String::new();
    if !inspection.complete {
        out.push_str("INCOMPLETE: this rests on only a part of the input.\n");
        list(&mut out, "-", &inspection.problems);
        out.push('\n');
    }
    out.push_str(&inputs(&inspection.inputs, width));
    out.push_str(&interfaces(&inspection.inputs, width));
    out.push_str(&overview(traffic));
    out.push_str(&protocols(traffic, width));
    out.push_str(&servers(traffic, width));
    out.push_str(&understood::text(&inspection.understood, width));
    out.push_str(&quality(inspection));
    if !inspection.warnings.is_empty() {
        out.push_str("\nWarnings\n");
        list(&mut out, "!", &inspection.warnings);
    }
    if let Some(run) = &inspection.run {
        out.push_str(&run_line(run));
    }
    out
}

fn list(out: &mut String, bullet: &str, sentences: &[String]) {
    for sentence in escape::sentences(sentences) {
        out.push_str(&format!("  {bullet} {sentence}\n"));
    }
}

pub(super) fn new_table(width: u16, header: &[&str], numbers: std::ops::Range<usize>) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(header);
    for at in numbers {
        if let Some(column) = table.column_mut(at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn inputs(files: &[InputFile], width: u16) -> String {
    let mut table = new_table(width, &["Input", "Format", "Frames", "First frame (UTC)"], 2..3);
    for file in files.iter().take(LISTED) {
        table.add_row([
            escape::path(&file.path),
            file.format_text.clone(),
            number::count(file.records),
            number::optional_time(file.first_utc),
        ]);
    }
    let more = files.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("… and {more} more inputs\n") } else { String::new() };
    format!("{}\n{more}", table.trim_fmt())
}

/// Interfaces that have a name or that lost packets; others say nothing.
fn interfaces(files: &[InputFile], width: u16) -> String {
    let header =
        ["Interface", "Link", "Snap length", "Frames", "Lost by interface", "Lost by system"];
    let mut table = new_table(width, &header, 2..6);
    let all = files.iter().flat_map(|file| &file.interfaces);
    let lost = |count: Option<u64>| count.map_or_else(|| number::UNKNOWN.to_owned(), number::count);
    let telling = all.filter(|i| i.name.is_some() || i.dropped_by_interface.is_some());
    for interface in telling.take(LISTED) {
        let name = interface.name.as_deref().or(interface.description.as_deref());
        table.add_row([
            name.map_or_else(|| number::UNKNOWN.to_owned(), escape::name),
            interface.link_name.clone(),
            match interface.snap_length_bytes {
                0 => "unlimited".to_owned(),
                bytes => number::count(bytes.into()),
            },
            number::count(interface.packets),
            lost(interface.dropped_by_interface),
            lost(interface.dropped_by_os),
        ]);
    }
    if table.is_empty() { String::new() } else { format!("\n{}\n", table.trim_fmt()) }
}

fn overview(traffic: &Traffic) -> String {
    let span = traffic.first_utc.zip(traffic.last_utc);
    let duration = span.map_or_else(
        || number::UNKNOWN.to_owned(),
        |(first, last)| number::duration(last.since(first).unsigned_abs() / NS_PER_MS),
    );
    let (layers, flows) = (&traffic.layers, &traffic.flows);
    let mut text = format!(
        "\n{} frames, {}, {duration}\n",
        number::count(traffic.frames),
        number::bytes(traffic.bytes),
    );
    let named = |pairs: &[(&str, u64)]| {
        let some = pairs.iter().filter(|(_, count)| *count > 0);
        some.map(|(name, count)| format!("{name} {}", number::count(*count)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let headers = [
        ("IPv4", layers.ipv4),
        ("IPv6", layers.ipv6),
        ("not IP", layers.not_ip),
        ("TCP", layers.tcp),
        ("UDP", layers.udp),
        ("VLAN", layers.vlan),
        ("tunnelled", layers.tunnelled),
        ("fragments", layers.fragments),
    ];
    text.push_str(&format!("  frames  {}\n", named(&headers)));
    let states = [
        ("TCP", flows.tcp),
        ("UDP", flows.udp),
        ("opened", flows.tcp_opened),
        ("unanswered", flows.tcp_unanswered),
        ("reset", flows.tcp_reset),
        ("without payload", flows.without_payload),
        ("with NTLMSSP", flows.with_ntlmssp),
    ];
    text.push_str(&format!("  flows   {}\n", named(&states)));
    text.push_str(&format!("  packets per flow  {}\n", quantiles(&flows.packets_per_flow)));
    for peak in &traffic.peaks {
        let rate = number::rate(peak.packets_per_second);
        let at = number::time(peak.start_utc);
        text.push_str(&format!("  peak over {:>5} ms  {rate} packets/s at {at}\n", peak.window_ms));
    }
    text
}

fn quantiles(values: &Quantiles) -> String {
    let part = |name: &str, value: u64| format!("{name} {}", number::count(value));
    [
        part("median", values.p50),
        part("p90", values.p90),
        part("p99", values.p99),
        part("max", values.max),
    ]
    .join(", ")
}

fn protocols(traffic: &Traffic, width: u16) -> String {
    let header = ["Protocol", "Packets", "Share", "Bytes", "Flows", "by payload", "by port only"];
    let mut table = new_table(width, &header, 1..7);
    for protocol in &traffic.protocols {
        let flows =
            traffic.flows.protocols.iter().find(|flows| flows.protocol == protocol.protocol);
        let (proven, by_port) =
            flows.map_or((0, 0), |flows| (flows.by_payload, flows.by_port_only));
        #[expect(clippy::cast_precision_loss, reason = "a share of two counts")]
        let share = protocol.packets as f64 / traffic.frames.max(1) as f64;
        table.add_row([
            protocol.protocol.clone(),
            number::count(protocol.packets),
            number::percent(share),
            number::bytes(protocol.bytes),
            number::count(proven + by_port),
            number::count(proven),
            number::count(by_port),
        ]);
    }
    format!("\n{}\n", table.trim_fmt())
}

fn servers(traffic: &Traffic, width: u16) -> String {
    let servers = &traffic.servers;
    if servers.is_empty() {
        return "\nNo host answers from a port of a domain controller.\n".to_owned();
    }
    let mut table = new_table(width, &["Host", "Answers on", "Packets", "DC"], 2..3);
    for server in servers.iter().take(LISTED) {
        let ports: Vec<String> = server.services.iter().map(|s| s.port.to_string()).collect();
        table.add_row([
            shown(server),
            ports.join(", "),
            number::count(server.packets),
            if server.is_domain_controller { "yes" } else { "" }.to_owned(),
        ]);
    }
    let more = servers.len().saturating_sub(LISTED);
    let mut text = format!("\n{}\n", table.trim_fmt());
    if more > 0 {
        text.push_str(&format!("… and {more} more hosts; --format json has them\n"));
    }
    if traffic.unfollowed_answers > 0 {
        text.push_str(&format!(
            "{} answers of further hosts, which were not followed\n",
            number::count(traffic.unfollowed_answers)
        ));
    }
    text
}

/// A host by its name, where it has one that is no address, and its addresses.
fn shown(server: &Server) -> String {
    let addresses = server.addresses.join(", ");
    match server.name.as_deref().filter(|name| !server.addresses.iter().any(|a| a == name)) {
        Some(name) => format!("{} ({addresses})", escape::name(name)),
        None => addresses,
    }
}

fn quality(inspection: &Inspection) -> String {
    let traffic = &inspection.traffic;
    let (drops, offload) = (&traffic.drops, &traffic.offload);
    let rows = [
        ("lost by the capture itself", drops.not_captured),
        ("cut by the snap length, counted at full length", drops.cut_by_snap_length),
        ("with headers that cannot be read", drops.undecodable),
        ("fragments given up", drops.fragments_dropped),
        ("flows evicted from the full table", drops.flows_evicted),
        ("outside the time span of the timeline", drops.outside_timeline),
        ("larger than the MTU (offload)", offload.frames),
    ];
    let mut text = String::from("\nQuality\n");
    for (what, count) in rows.iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!("  {:>12}  {what}\n", number::count(*count)));
    }
    if offload.frames > 0 {
        text.push_str(&format!(
            "                these stand for about {} packets on the wire\n",
            number::count(offload.estimated_wire_packets)
        ));
    }
    if inspection.complete && rows.iter().all(|(_, count)| *count == 0) {
        text.push_str("  every frame was read whole\n");
    }
    text
}

fn run_line(run: &RunFigures) -> String {
    let cpu = run.cpu_seconds.map_or_else(String::new, |cpu| {
        let each =
            run.cpu_ns_per_packet.map_or_else(String::new, |ns| format!(", {ns:.0} ns a packet"));
        format!(", {cpu:.2} s of processor time{each}")
    });
    let memory = run
        .peak_memory_bytes
        .map_or_else(String::new, |bytes| format!(", {} of memory at most", number::bytes(bytes)));
    let rate = number::rate(run.packets_per_second);
    format!("\nread in {:.2} s ({rate} packets/s{cpu}{memory})\n", run.wall_seconds)
}
