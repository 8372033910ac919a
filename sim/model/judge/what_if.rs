//! What if there were more traffic, larger bursts, another domain controller fewer, or more cores or memory.

use crate::model::probability::{Experiment, Traffic};
use crate::model::virtual_sensor::{Candidate, Server};
use crate::record::WhatIf;

use super::server::Host;
use super::{JudgeError, Question};

/// Traffic, in multiples of today's: growth.
const LOADS: [f64; 4] = [1.0, 1.25, 1.5, 2.0];
/// Cores of the server, in multiples of today's.
const CORES: [f64; 2] = [1.0, 2.0];
/// Memory of the server, in multiples of today's: what the server itself uses stays as it is.
const MEMORY: [f64; 2] = [1.5, 2.0];
/// Bursts, in multiples of those that arrivals are made with.
const BURSTS: [f64; 2] = [1.0, 2.0];

/// The grid: growth by cores, with all domain controllers and with one fewer, and where arrivals
/// are made, with larger bursts; and as it is, with more memory.
pub fn grid(
    experiment: &Experiment<'_>,
    host: &Host,
    question: &Question,
) -> Result<Vec<WhatIf>, JudgeError> {
    let mut grid = Vec::new();
    match &experiment.traffic {
        Traffic::Recorded { .. } => rows(experiment, host, question, 1.0, &mut grid)?,
        Traffic::Generated { rates, bursts, mix } => {
            for times in BURSTS {
                let (rates, mix) = (rates.clone(), mix.clone());
                let traffic = Traffic::Generated { rates, bursts: bursts.times(times), mix };
                let other = Experiment { traffic, ..experiment.clone() };
                rows(&other, host, question, times, &mut grid)?;
            }
        }
    }
    Ok(grid)
}

/// Work of one replica of the grid.
pub fn work(experiment: &Experiment<'_>, question: &Question) -> u64 {
    let bursts = match experiment.traffic {
        Traffic::Recorded { .. } => 1,
        Traffic::Generated { .. } => BURSTS.len(),
    };
    let cells = CORES.len() * LOADS.len() * (1 + usize::from(failed_max(question) > 0));
    let others = experiment.work(cells).saturating_mul(bursts as u64 - 1);
    experiment.work(cells + MEMORY.len()).saturating_add(others)
}

/// How many domain controllers fail at most.
fn failed_max(question: &Question) -> u32 {
    u32::from(question.load_if_one_fails.is_some())
}

fn rows(
    experiment: &Experiment<'_>,
    host: &Host,
    question: &Question,
    bursts: f64,
    grid: &mut Vec<WhatIf>,
) -> Result<(), JudgeError> {
    let now = host.server;
    let mut cells: Vec<(u32, Server, f64)> = Vec::new();
    for failed in 0..=failed_max(question) {
        for cores in CORES {
            let server = Server { cores: cores * now.cores, ..now };
            cells.extend(LOADS.map(|load| (failed, server, load)));
        }
    }
    if bursts == 1.0 {
        let server = |times: f64| Server { memory_gb: times * now.memory_gb, ..now };
        cells.extend(MEMORY.map(|times| (0, server(times), 1.0)));
    }
    let candidate = |&(failed, server, load): &(u32, Server, f64)| {
        let times = question.load_if_one_fails.filter(|_| failed > 0).unwrap_or(1.0);
        Candidate { load: load * times, ..host.with(server, question) }
    };
    let candidates: Vec<Candidate> = cells.iter().map(candidate).collect();
    let found = experiment.probabilities(&candidates)?;
    grid.extend(cells.iter().zip(found).map(|(&(failed, server, load), size)| WhatIf {
        load,
        bursts,
        failed,
        server_cores: server.cores,
        server_memory_gb: server.memory_gb,
        probability: size.probability,
        chance: size.chance,
    }));
    Ok(())
}
