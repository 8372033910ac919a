//! The virtual sensor on what was sized: a second pass over the packets, or the samples of logs.

use anyhow::{Context, bail};

use super::args::{QuestionArgs, TableSemantics};
use super::inputs::is_standard_input;
use super::plan::InputPlan;
use super::progress::{Bar, JudgeBar};
use super::run::Origin;
use super::{amount, costs};
use crate::capture::{self, CaptureSet, Filtered};
use crate::model::calibration::FieldObservation;
use crate::model::{self, Case, JudgeError, Question, Watch};
use crate::record::{SizingReport, TableReading, VirtualVerdict};
use crate::sensor;

/// Seed of the replicas.
const SEED: u64 = 1;
/// Largest capture buffer of a core, in binary gigabytes: the virtual sensor takes no larger one.
const BUFFER_GIB_MAX: u64 = 1;
/// Highest loss goal that is taken without a percent sign: nobody lets a tenth be lost, and 0.5 is
/// meant as half a percent. Ours.
const GOAL_BARE: f64 = 0.1;

/// What was typed, checked; of --costs the file, too.
///
/// # Errors
/// With the flag that is wrong, or its file.
pub fn question(args: &QuestionArgs) -> anyhow::Result<Question> {
    let observations = args.observed.iter().map(|text| observation(text));
    Ok(Question {
        goal_loss_ratio: goal(&args.goal).context("--goal")?,
        reading: match args.table_semantics {
            TableSemantics::Tight => TableReading::Tight,
            TableSemantics::Upper => TableReading::Upper,
        },
        observations: observations.collect::<anyhow::Result<_>>()?,
        replicas: args.replicas,
        seed: SEED,
        growth_per_year: growth(&args.growth).context("--growth")?,
        own_cpu_percent: match &args.own_cpu {
            Some(text) => Some(share(text, 1.0, 1.0).context("--own-cpu")? * 100.0),
            None => None,
        },
        buffer_bytes: args
            .buffer
            .as_deref()
            .map(|text| amount::bytes_up_to("--buffer", text, BUFFER_GIB_MAX))
            .transpose()?,
        load_if_one_fails: None,
        costs: costs::read(args.costs.as_deref())?,
    })
}

/// A share that may be lost: where all of it may, there is no question.
fn goal(text: &str) -> anyhow::Result<f64> {
    let goal = share(text, GOAL_BARE, 1.0)?;
    if goal >= 1.0 {
        bail!("{text} lets every packet be lost; write a share below 100 %, e.g. 0.5%");
    }
    Ok(goal)
}

/// Growth in a year.
fn growth(text: &str) -> anyhow::Result<f64> {
    let growth = share(text, 1.0, 10.0);
    if growth.is_err() && text.trim().starts_with('-') {
        bail!("{text} is no growth: less traffic uses no room up; write 0% or more, e.g. 10%");
    }
    growth
}

/// `0.5%` or `0.005`; without a percent sign at most `bare`, since more is most probably percent.
fn share(text: &str, bare: f64, most: f64) -> anyhow::Result<f64> {
    let (number, unit) = match text.trim().strip_suffix('%') {
        Some(number) => (number.trim_end(), 0.01),
        None => (text.trim(), 1.0),
    };
    let value: f64 = number.parse().ok().with_context(|| {
        format!("'{}' is no share; write e.g. 0.5% or 0.005", text.escape_debug())
    })?;
    if unit == 1.0 && value > bare {
        bail!(
            "{text} without a percent sign is {} %; write {text}% or {}%",
            value * 100.0,
            value * 100.0
        );
    }
    let value = value * unit;
    if !(0.0..=most).contains(&value) {
        bail!("{text} is not between 0 and {} %", most * 100.0);
    }
    Ok(value)
}

/// `RATE:CORES:kept` or `RATE:CORES:dropped`.
fn observation(text: &str) -> anyhow::Result<FieldObservation> {
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    let read = || -> Option<FieldObservation> {
        let [rate, cores, what] = parts.as_slice() else { return None };
        Some(FieldObservation {
            packets_per_second: rate.parse().ok()?,
            cores: cores.parse().ok()?,
            dropped: match *what {
                "kept" => false,
                "dropped" => true,
                _ => return None,
            },
        })
    };
    read().with_context(|| {
        format!(
            "--observed: '{}' is no observation; write PACKETS_PER_SECOND:CORES:kept or \
             PACKETS_PER_SECOND:CORES:dropped, e.g. 28000:2:kept",
            text.escape_debug()
        )
    })
}

/// Gives every domain controller of `result` the verdict of the virtual sensor. `origins` says
/// where each came from.
///
/// One that cannot be judged keeps what the table says and has a caveat that says why.
///
/// # Errors
/// Inputs that cannot be read again, or observations that contradict the table.
pub fn judge(
    plan: &InputPlan,
    result: &mut SizingReport,
    origins: &[Origin],
    question: &Question,
    quiet: bool,
) -> anyhow::Result<()> {
    let all = &result.domain_controllers;
    let ask = |index| Question {
        load_if_one_fails: model::load_if_one_fails(all, index),
        ..question.clone()
    };
    let questions: Vec<Question> = (0..all.len()).map(ask).collect();
    let verdicts = verdicts(plan, result, origins, &questions, quiet)?;
    for (sized, verdict) in result.domain_controllers.iter_mut().zip(verdicts) {
        let name = &sized.dc.name;
        let verdict = match verdict {
            Ok(Some(verdict)) => Some(verdict),
            Ok(None) => {
                let why = match sized.load.busy {
                    Some(busy) if busy.packets_per_second > 0.0 => {
                        "its busy rate is known, but not its traffic over time"
                    }
                    Some(_) => "not one packet was seen",
                    None => "no traffic was seen",
                };
                result.warnings.push(format!("{name}: no model verdict: {why}."));
                None
            }
            Err(error) => {
                let caveat =
                    format!("No model verdict for {name}, because the model could not {error}.");
                sized.verdict.caveats.push(caveat);
                None
            }
        };
        sized.virtual_sensor = verdict.map(Box::new);
    }
    Ok(())
}

/// A verdict, none where there is no traffic, or why there is none.
type Judged = Result<Option<VirtualVerdict>, JudgeError>;

fn verdicts(
    plan: &InputPlan,
    result: &SizingReport,
    origins: &[Origin],
    questions: &[Question],
    quiet: bool,
) -> anyhow::Result<Vec<Judged>> {
    let mut cases = Vec::new();
    for (sized, question) in result.domain_controllers.iter().zip(questions) {
        match Case::new(sized, &result.table, question) {
            Err(error) if error.is_wrong_use() => return Err(error.into()),
            case => cases.push(case),
        }
    }
    let rereadable = !plan.inputs.captures.iter().any(|path| is_standard_input(path));
    let mut watches: Vec<Option<Watch>> = cases
        .iter()
        .zip(origins)
        .map(|(case, origin)| {
            let has_packets = match origin {
                Origin::Captures { .. } => rereadable,
                Origin::Made(_) => true,
                Origin::Counters => false,
            };
            case.as_ref().ok()?.as_ref().filter(|_| has_packets).map(Case::watch)
        })
        .collect();
    if rereadable {
        watch_captures(plan, result, origins, &mut watches, quiet)?;
    }
    for (watch, origin) in watches.iter_mut().zip(origins) {
        if let (Some(watch), Origin::Made(number)) = (watch, origin)
            && let Some(made) = plan.made.get(*number)
        {
            made.show(plan, quiet, watch)?;
        }
    }
    let all = cases.len();
    let mut verdicts = Vec::new();
    for (number, (case, watch)) in cases.into_iter().zip(watches).enumerate() {
        let case = match case {
            Ok(Some(case)) => case,
            without => {
                verdicts.push(without.map(|_| None));
                continue;
            }
        };
        let name = result.domain_controllers.get(number).map_or("", |sized| &sized.dc.name);
        let bar = JudgeBar::new(name, (number + 1, all), quiet);
        let update = |done, whole| bar.update(done, whole);
        let case = case.with_progress(&update);
        let judged = match watch {
            Some(watch) => case.judge_packets(watch),
            None => case.judge_samples(),
        };
        bar.finish();
        match judged {
            Err(error) if error.is_wrong_use() => return Err(error.into()),
            judged => verdicts.push(judged),
        }
    }
    Ok(verdicts)
}

/// Shows the packets of the captures to those who watch a domain controller in them.
fn watch_captures(
    plan: &InputPlan,
    result: &SizingReport,
    origins: &[Origin],
    watches: &mut [Option<Watch>],
    quiet: bool,
) -> anyhow::Result<()> {
    let of_captures: Vec<usize> = (0..origins.len())
        .filter(|index| matches!(origins.get(*index), Some(Origin::Captures { .. })))
        .collect();
    if of_captures.is_empty() {
        return Ok(());
    }
    let takes_all = origins.contains(&Origin::Captures { takes_all: true });
    let addresses = |index: &usize| {
        let dc = result.domain_controllers.get(*index).map(|sized| &sized.dc);
        let texts = dc.map(|dc| dc.addresses.as_slice()).unwrap_or_default();
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    };
    let hosts = if takes_all { Vec::new() } else { of_captures.iter().map(addresses).collect() };
    let options = capture::Options { sha256: false };
    let set = CaptureSet::open_with(&plan.inputs.captures, options, None)?;
    let bar = Bar::new(set.total_bytes(), quiet);
    let mut source = Filtered::new(set, plan.filter.clone())?;
    let update = |progress| bar.update(progress);
    sensor::arrivals(&mut source, &plan.core, &hosts, &update, &mut |host, arrivals| {
        let watch = of_captures.get(host).and_then(|index| watches.get_mut(*index));
        if let Some(Some(watch)) = watch {
            watch.offer(arrivals);
        }
    });
    bar.finish();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_observations_are_read() {
        assert_eq!(share("0.5%", 0.1, 1.0).unwrap(), 0.005);
        assert_eq!(share("0.005", 0.1, 1.0).unwrap(), 0.005);
        assert!(share("101 %", 1.0, 1.0).is_err() && share("-1%", 1.0, 1.0).is_err());
        assert_eq!(share("50 %", 0.1, 1.0).unwrap(), 0.5);
        for (text, bare, most, told) in [
            ("0.5", 0.1, 1.0, "write 0.5% or 50%"),
            ("40", 1.0, 1.0, "write 40%"),
            ("25", 1.0, 10.0, "write 25%"),
        ] {
            let error = share(text, bare, most).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(goal("99.9%").is_ok() && goal("100%").is_err());
        assert!(growth("0%").is_ok() && growth("-0.1").is_err());
        assert!(share("x", 1.0, 1.0).unwrap_err().to_string().contains("'x' is no share"));
        let seen = observation("18000:2:dropped").unwrap();
        assert_eq!((seen.packets_per_second, seen.cores, seen.dropped), (18_000.0, 2.0, true));
        assert!(observation("18000:2").is_err() && observation("18000:2:maybe").is_err());
    }
}
