//! An explained estate for the terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::{ControllerRow, Explanation, ParameterRow, PopulationRow, SiteRow, explained, wrapped};
use crate::estate::{Arrival, AutopilotWave, Schedule};
use crate::report;

/// What stands where nothing is known.
const UNKNOWN: &str = "–";

/// In front of what explains the line above.
const INDENT: &str = "      ";

/// Names of the days, Monday first.
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The whole text, `width` columns wide.
pub fn render(estate: &Explanation, width: u16) -> String {
    let mut parts = vec![heading(estate)];
    if !estate.sites.is_empty() {
        parts.push(format!("Sites\n{}", sites(&estate.sites, width)));
    }
    parts.push(format!("Domain controllers\n{}", controllers(&estate.domain_controllers, width)));
    if !estate.populations.is_empty() {
        parts.push(format!("Populations\n{}", populations(&estate.populations, width)));
    }
    parts.push(calibration(estate, width));
    parts.push(format!("Parameters\n{}", parameters(&estate.parameters, width)));
    let own = estate.populations.iter().filter(|population| !population.parameters.is_empty());
    for population in own {
        let name = report::line(&population.name);
        parts.push(format!("Parameters of {name}\n{}", parameters(&population.parameters, width)));
    }
    if !estate.warnings.is_empty() {
        parts.push(format!("To be looked at\n{}", warnings(&estate.warnings, width)));
    }
    parts.push(match &estate.missing_for_traffic {
        None => "It says all that `headroom synth` needs.".to_owned(),
        Some(what) => {
            let what = format!("No traffic can be made of it: {}", report::line(what));
            paragraph(&what, "", width)
        }
    });
    parts.join("\n\n") + "\n"
}

/// A schedule by its name, or in words.
pub fn schedule(schedule: &Schedule) -> String {
    if let Some((name, _)) = Schedule::NAMES.iter().find(|(_, named)| named == schedule) {
        return (*name).to_owned();
    }
    let arrival = match schedule.arrival {
        Arrival::Normal { mean, deviation, earliest, latest } => format!(
            "around {} ± {deviation} min, {} to {}",
            time(mean),
            time(earliest),
            time(latest)
        ),
        Arrival::Burst { at, mean_delay } => {
            format!("from {}, {mean_delay} min after it on average", time(at))
        }
        Arrival::Always => "always".to_owned(),
    };
    format!("{arrival}, for {} h", schedule.stay_hours)
}

/// A wave of new devices in words.
pub fn wave(wave: &AutopilotWave) -> String {
    let days = DAYS.iter().zip(wave.days).filter(|(_, has)| *has).map(|(day, _)| *day);
    format!(
        "{} enrol from {} over {} min on {}",
        wave.devices,
        time(wave.start),
        wave.over,
        days.collect::<Vec<_>>().join(", ")
    )
}

/// Minutes after midnight as a time of day.
fn time(minutes: f64) -> String {
    format!("{:02}:{:02}", (minutes / 60.0).floor(), minutes % 60.0)
}

fn heading(estate: &Explanation) -> String {
    let domain = match &estate.domain {
        Some(domain) => format!("domain {} ({})", domain.dns_name, domain.netbios_name),
        None => "no domain".to_owned(),
    };
    format!(
        "Estate {}: {domain}, {}, {}, {}, {}",
        report::line(&estate.file),
        count(estate.sites.len(), "site"),
        count(estate.domain_controllers.len(), "domain controller"),
        count(estate.populations.len(), "population"),
        count(usize::try_from(estate.endpoints).unwrap_or(usize::MAX), "endpoint"),
    )
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn sites(rows: &[SiteRow], width: u16) -> Table {
    let header = ["name", "time zone", "clients", "addresses", "VLAN", "round trip", "served by"];
    let mut table = table(&header, &[2], width);
    for site in rows {
        let networks = std::iter::once(&site.subnet).chain(&site.subnet6);
        table.add_row([
            site.name.clone(),
            site.time_zone.clone(),
            site.clients.to_string(),
            networks.cloned().collect::<Vec<_>>().join(" "),
            site.vlan.map_or_else(|| UNKNOWN.to_owned(), |vlan| vlan.to_string()),
            format!("{} ms", site.round_trip_ms),
            some_of(&site.domain_controllers),
        ]);
    }
    table
}

/// The first names, and how many more.
fn some_of(names: &[String]) -> String {
    /// A cell that can still be read.
    const SHOWN: usize = 8;
    let shown = names.iter().take(SHOWN).map(|name| report::line(name));
    let mut text = shown.collect::<Vec<_>>().join(" ");
    if let Some(more) = names.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    text
}

fn controllers(rows: &[ControllerRow], width: u16) -> Table {
    let header =
        ["name", "site", "time zone", "expected clients", "addresses", "roles", "cores", "GB"];
    let mut table = table(&header, &[3, 6, 7], width);
    for dc in rows {
        let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
        table.add_row([
            report::line(&dc.name),
            known(dc.site.clone()),
            known(dc.time_zone.clone()),
            format!("{:.0}", dc.expected_clients),
            some_of(&dc.addresses),
            dc.roles.join(" "),
            known(dc.physical_cores.map(|cores| cores.to_string())),
            known(dc.installed_memory_gb.map(|memory| memory.to_string())),
        ]);
    }
    table
}

fn populations(rows: &[PopulationRow], width: u16) -> Table {
    let header = ["name", "count", "kind", "joined to", "site", "there", "IPv6"];
    let mut table = table(&header, &[1, 6], width);
    for population in rows {
        let there = match &population.autopilot {
            Some(wave) => format!("{}; {wave}", population.schedule),
            None => population.schedule.clone(),
        };
        table.add_row([
            report::line(&population.name),
            population.count.to_string(),
            population.kind.to_owned(),
            population.join.to_owned(),
            population.site.clone(),
            there,
            format!("{:.0} %", population.ipv6_share * 100.0),
        ]);
    }
    table
}

fn calibration(estate: &Explanation, width: u16) -> String {
    let by_basis = |basis: &str| {
        let count = estate.parameters.iter().filter(|row| row.basis == basis).count();
        let are = if count == 1 { "is" } else { "are" };
        (count > 0).then(|| format!("{count} {are} {basis}"))
    };
    let counted = ["sourced", "assumed", "learned", "given"].into_iter().filter_map(by_basis);
    let text = format!(
        "Calibration {}: {}. Of its {} parameters, {}. Nobody publishes rates that hold for every \
         network: traffic made of this estate may be too much or too little by a factor of {}. A \
         capture of yours tells more.",
        estate.calibration,
        estate.calibration_meaning,
        estate.parameters.len(),
        counted.collect::<Vec<_>>().join(", "),
        estate.uncertainty_factor
    );
    paragraph(&text, "", width)
}

/// A line for each that can be searched for, and below it what it is and whence.
fn parameters(rows: &[ParameterRow], width: u16) -> String {
    let longest = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
    let entry = |row: &ParameterRow| {
        let ParameterRow { name, meaning, value, unit, basis, source } = row;
        let words = report::line(&explained(meaning, basis, source));
        let words = paragraph(&words, INDENT, width);
        format!("  {name:longest$}  {value}  ({unit})\n{words}")
    };
    rows.iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// The first warnings, and how many more.
fn warnings(all: &[String], width: u16) -> String {
    /// What somebody reads; `--json` has all.
    const SHOWN: usize = 50;
    let shown = all.iter().take(SHOWN).map(|text| paragraph(&report::line(text), "- ", width));
    let mut lines: Vec<String> = shown.collect();
    if let Some(more) = all.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("and {more} more; --json has all"));
    }
    lines.join("\n")
}

/// A table; the columns `right` are numbers.
fn table(header: &[&str], right: &[usize], width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(header);
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Wrapped text, its first line behind `mark`.
fn paragraph(text: &str, mark: &str, width: u16) -> String {
    let lines = wrapped(text, usize::from(width).saturating_sub(mark.len()));
    let lines = lines.iter().enumerate();
    let indent = " ".repeat(mark.len());
    let lines = lines.map(|(at, line)| format!("{}{line}", if at == 0 { mark } else { &indent }));
    lines.collect::<Vec<_>>().join("\n")
}
