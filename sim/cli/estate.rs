//! `headroom estate`: writes a commented estate file, and explains one.

mod text;

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;

use super::args::{EstateCheckArgs, EstateCommand, EstateInitArgs, EstateKind};
use super::order::{Described, UNCERTAINTY_FACTOR};
use super::{EXIT_CONDITION, output};
use crate::estate::{
    CALIBRATIONS, DomainController, Estate, EstateError, Join, Parameter, Population,
    PopulationKind, Roles,
};
use crate::record::SCHEMA_VERSION;

/// Columns of a commented estate file.
const COLUMNS_MAX: usize = 100;

/// Carries out `headroom estate init` or `headroom estate check`.
///
/// # Errors
/// A file that cannot be read, used or written.
pub fn run(command: &EstateCommand) -> anyhow::Result<ExitCode> {
    match command {
        EstateCommand::Init(args) => init(args),
        EstateCommand::Check(args) => check(args),
    }
}

fn init(args: &EstateInitArgs) -> anyhow::Result<ExitCode> {
    let file = args.output.as_deref().filter(|path| path.as_os_str() != "-");
    if let Some(path) = file.filter(|path| path.exists()) {
        bail!("write {}: it is there already; choose another name", path.display());
    }
    let text = format!("{}{}", template(args.kind), parameter_list()?);
    output::write(file, text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The example estate of a kind.
const fn template(kind: EstateKind) -> &'static str {
    match kind {
        EstateKind::Branch => include_str!("../../captures/estates/branch.toml"),
        EstateKind::Headquarters => include_str!("../../captures/estates/headquarters.toml"),
        EstateKind::Campus => include_str!("../../captures/estates/campus.toml"),
    }
}

/// Every parameter with the value, unit, basis and source of the first calibration, as comments.
fn parameter_list() -> Result<String, EstateError> {
    let [light, ..] = CALIBRATIONS;
    let mut list = format!(
        "\n# Every parameter, as the calibration `{light}` has it. To change one, write it under \
         `[parameters]`,\n# or into the `parameters` of a population.\n"
    );
    for parameter in Parameter::all_of(light)? {
        let Parameter { knob, value, unit, basis, source } = parameter;
        list.push_str(&format!("#\n# {} = {value}    ({unit})\n", knob.name()));
        let words = explained(knob.meaning(), basis.name(), &source);
        for line in wrapped(&words, COLUMNS_MAX - 6) {
            list.push_str(&format!("#     {line}\n"));
        }
    }
    Ok(list)
}

fn check(args: &EstateCheckArgs) -> anyhow::Result<ExitCode> {
    let Described { document, estate } = Described::read(&args.estate)?;
    let explanation = Explanation::of(&estate, document.name);
    let bytes = if args.json {
        let mut bytes = serde_json::to_vec_pretty(&explanation).context("write JSON")?;
        bytes.push(b'\n');
        bytes
    } else {
        text::render(&explanation, output::width()).into_bytes()
    };
    output::write(None, &bytes)?;
    let enough = explanation.missing_for_traffic.is_none();
    Ok(if enough { ExitCode::SUCCESS } else { EXIT_CONDITION.into() })
}

/// An estate in plain words and figures.
#[derive(Debug, Serialize)]
struct Explanation {
    schema_version: u32,
    headroom_version: &'static str,
    /// As it was named. Hostile, like all names.
    file: String,
    domain: Option<Domain>,
    endpoints: u64,
    sites: Vec<SiteRow>,
    domain_controllers: Vec<ControllerRow>,
    populations: Vec<PopulationRow>,
    calibration: String,
    calibration_meaning: String,
    /// Rates may be too high or too low by this factor.
    uncertainty_factor: f64,
    parameters: Vec<ParameterRow>,
    /// Why no traffic can be made of it.
    missing_for_traffic: Option<String>,
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Domain {
    dns_name: String,
    netbios_name: String,
}

#[derive(Debug, Serialize)]
struct SiteRow {
    name: String,
    time_zone: String,
    subnet: String,
    subnet6: Option<String>,
    vlan: Option<u16>,
    round_trip_ms: f64,
    served_by: String,
    clients: u64,
    /// Those that its clients use.
    domain_controllers: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ControllerRow {
    name: String,
    site: Option<String>,
    time_zone: Option<String>,
    addresses: Vec<String>,
    roles: Vec<&'static str>,
    physical_cores: Option<u32>,
    installed_memory_gb: Option<f64>,
    expected_clients: f64,
}

#[derive(Debug, Serialize)]
struct PopulationRow {
    name: String,
    kind: &'static str,
    join: &'static str,
    count: u64,
    site: String,
    schedule: String,
    ipv6_share: f64,
    autopilot: Option<String>,
    /// What it has of its own.
    parameters: Vec<ParameterRow>,
}

#[derive(Debug, Serialize)]
struct ParameterRow {
    name: &'static str,
    meaning: &'static str,
    value: f64,
    unit: String,
    basis: &'static str,
    source: String,
}

impl Explanation {
    fn of(estate: &Estate, file: String) -> Self {
        let expected = estate.expected_clients();
        let controllers = estate.domain_controllers().iter().zip(expected);
        Self {
            schema_version: SCHEMA_VERSION,
            headroom_version: env!("CARGO_PKG_VERSION"),
            file,
            domain: estate.forest().map(|forest| Domain {
                dns_name: forest.dns_name.clone(),
                netbios_name: forest.netbios_name.clone(),
            }),
            endpoints: estate.endpoints(),
            sites: sites(estate),
            domain_controllers: controllers
                .map(|(dc, expected)| controller(estate, dc, expected))
                .collect(),
            populations: estate.populations().iter().map(|p| population(estate, p)).collect(),
            calibration: estate.calibration().to_owned(),
            calibration_meaning: estate.calibration_meaning().to_owned(),
            uncertainty_factor: UNCERTAINTY_FACTOR,
            parameters: estate.described_parameters().iter().map(parameter).collect(),
            missing_for_traffic: estate.check_for_synthesis().err().map(|error| error.to_string()),
            warnings: estate.warnings(),
        }
    }
}

fn sites(estate: &Estate) -> Vec<SiteRow> {
    let name_of = |at: usize| estate.sites().get(at).map(|site| site.name.clone());
    let dc_name = |at: usize| estate.domain_controllers().get(at).map(|dc| dc.name.clone());
    let rows = estate.sites().iter().zip(estate.clients_of_sites()).enumerate();
    rows.map(|(at, (site, clients))| SiteRow {
        name: site.name.clone(),
        time_zone: site.time_zone.clone(),
        subnet: site.subnet.to_string(),
        subnet6: site.subnet6.map(|subnet| subnet.to_string()),
        vlan: site.vlan,
        round_trip_ms: site.round_trip_ms,
        served_by: name_of(site.served_by).unwrap_or_default(),
        clients,
        domain_controllers: estate.servers_of(at).into_iter().filter_map(dc_name).collect(),
    })
    .collect()
}

fn controller(estate: &Estate, dc: &DomainController, expected_clients: f64) -> ControllerRow {
    let site = estate.site_of(dc);
    ControllerRow {
        name: dc.name.clone(),
        site: site.map(|site| site.name.clone()),
        time_zone: site.map(|site| site.time_zone.clone()),
        addresses: dc.addresses.iter().map(ToString::to_string).collect(),
        roles: roles(dc.roles),
        physical_cores: dc.physical_cores,
        installed_memory_gb: dc.installed_memory_gb,
        expected_clients,
    }
}

fn roles(roles: Roles) -> Vec<&'static str> {
    let named = [
        (roles.pdc_emulator, "pdc-emulator"),
        (roles.dns, "dns"),
        (roles.dhcp, "dhcp"),
        (roles.wins, "wins"),
        (roles.radius_accounting, "radius-accounting"),
        (roles.sensor, "sensor"),
    ];
    named.into_iter().filter(|(has, _)| *has).map(|(_, name)| name).collect()
}

fn population(estate: &Estate, population: &Population) -> PopulationRow {
    let site = estate.sites().get(population.site);
    PopulationRow {
        name: population.name.clone(),
        kind: kind(population.kind),
        join: match population.join {
            Join::ActiveDirectory => "active-directory",
            Join::Hybrid => "hybrid",
            Join::Entra => "entra",
        },
        count: population.count.into(),
        site: site.map(|site| site.name.clone()).unwrap_or_default(),
        schedule: text::schedule(&population.schedule),
        ipv6_share: population.ipv6_share,
        autopilot: population.autopilot.as_ref().map(text::wave),
        parameters: population.own_parameters.iter().map(parameter).collect(),
    }
}

const fn kind(kind: PopulationKind) -> &'static str {
    match kind {
        PopulationKind::Workstation => "workstation",
        PopulationKind::Laptop => "laptop",
        PopulationKind::MemberServer => "member-server",
        PopulationKind::NtlmServer => "ntlm-server",
        PopulationKind::Application => "application",
        PopulationKind::VpnUser => "vpn-user",
        PopulationKind::ManagedDevice => "managed-device",
    }
}

fn parameter(parameter: &Parameter) -> ParameterRow {
    ParameterRow {
        name: parameter.knob.name(),
        meaning: parameter.knob.meaning(),
        value: parameter.value,
        unit: parameter.unit.clone(),
        basis: parameter.basis.name(),
        source: parameter.source.clone(),
    }
}

/// What a parameter is, and whence its value.
fn explained(meaning: &str, basis: &str, source: &str) -> String {
    let mut letters = basis.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    let basis: String = first.into_iter().chain(letters).collect();
    format!("{meaning} {basis}: {}.", source.trim_end_matches('.'))
}

/// Words in lines of at most `columns` characters, longer words alone.
fn wrapped(words: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
