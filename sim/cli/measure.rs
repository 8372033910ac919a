//! `headroom measure`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{Cli, EnvelopeArgs, InspectFormat, LoadArgs, MeasureArgs, MeasureWay};
use super::inputs::is_standard_input;
use super::plan::InputPlan;
use super::progress::Bar;
use super::run::{Reading, problems};
use super::{EXIT_DAMAGED, amount, anonymize, command_line, made, output, span, tell, tell_read};
use crate::base::FrameSource;
use crate::capture::{self, CaptureSet, Filtered};
use crate::measure::{self, Arrivals, Goal, Load, Measured, Mmpp, Mode, Plan, Window, Wish};
use crate::record::{Drops, InputFile, Measurement, SCHEMA_VERSION};
use crate::report::{self, OutputFormat, RenderOptions};
use crate::sensor;

/// The core gave different answers when fed differently.
const EXIT_DIFFERENT: u8 = 4;
/// Others disturbed the machine, or the modes contradict each other.
const EXIT_INCONCLUSIVE: u8 = 6;

/// `headroom measure`.
///
/// # Errors
/// Flags that are wrong, inputs that cannot be read, results that cannot be written.
pub fn run(cli: &Cli, args: &MeasureArgs) -> anyhow::Result<ExitCode> {
    let mut names = anonymize::names(&args.input)?;
    let mut plan = plan(&args.envelope, &args.load)?;
    let mut inputs = InputPlan::new(&args.input, &args.day)?;
    if let Some(folder) = &args.output {
        output::prepare_folder(folder)?;
        for name in report::MEASUREMENT_FILES {
            output::spare(&folder.join(name), &inputs.inputs)?;
        }
    }
    inputs.look_at_estates()?;
    super::tell_skipped(cli, &inputs);
    let reading = Reading { sha256: true, quiet: cli.quiet };
    let (window, core, files) = preload(&inputs, reading, plan.window_bytes)?;
    plan.core = core;
    let steps = Steps::new(cli.quiet);
    let measured = measure::measure(window, &plan, &|step| steps.tell(step));
    steps.0.finish_and_clear();
    let (record, histograms) = record(measured?, files);
    let record = anonymize::result(&mut names, record)?;
    if let Some(folder) = &args.output {
        write_files(folder, &record, &histograms)?;
    }
    show(cli, args, &record)?;
    Ok(conclude(cli, &record))
}

/// What is being done, on standard error, when that is a terminal.
struct Steps(ProgressBar);

impl Steps {
    fn new(quiet: bool) -> Self {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a constant; a wrong one shows the default.
        let style = ProgressStyle::with_template("measuring {spinner} {msg} ({elapsed})");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self(bar)
    }

    fn tell(&self, step: &str) {
        self.0.set_message(step.to_owned());
        self.0.tick();
    }
}

fn plan(envelope: &EnvelopeArgs, load: &LoadArgs) -> anyhow::Result<Plan> {
    let quota_cores = envelope.quota;
    if quota_cores.is_some_and(|cores| !(0.01..=1024.0).contains(&cores)) {
        bail!("--quota: give a number of cores from 0.01 to 1024");
    }
    let sum = load.trial_sum.unwrap_or(measure::REALTIME_SUM_SECONDS);
    if !(1.0..=86_400.0).contains(&sum) {
        bail!("--trial-sum {sum}: give seconds from 1 to 86400");
    }
    let arrivals = if load.rfc2544 { Arrivals::Fixed } else { arrivals(&load.arrivals)? };
    let soak = load
        .soak
        .as_deref()
        .map(span::duration)
        .transpose()
        .map_err(|error| anyhow::anyhow!("--soak: {error}"))?;
    if soak.is_some() && load.mode == MeasureWay::Virtual && !arrivals.is_drawn() {
        bail!(
            "--soak: in virtual time, recorded packets and those at equal distances only repeat \
             the same trial; use --mode realtime, or --arrivals poisson"
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "at most a year, to the nanosecond or nearly")]
    let soak_seconds = soak.map(|nanos| nanos as f64 / 1e9);
    Ok(Plan {
        envelope: Wish {
            cores: envelope.cores.into(),
            memory_bytes: amount::bytes("--memory", &envelope.memory)?,
            quota_cores,
            may_make_groups: envelope.cgroup,
        },
        mode: match load.mode {
            MeasureWay::Auto => Mode::Auto,
            MeasureWay::Virtual => Mode::Virtual,
            MeasureWay::Realtime => Mode::Realtime,
        },
        goals: goals(load, sum)?,
        arrivals,
        seed: 1,
        buffer_bytes: amount::bytes("--buffer", &load.buffer)?,
        window_bytes: amount::bytes("--window", &load.window)?,
        loads: load.load.iter().map(|text| one_load(text)).collect::<Result<_, _>>()?,
        soak_seconds,
        core: sensor::Options::default(),
    })
}

fn goals(load: &LoadArgs, sum: f64) -> anyhow::Result<Vec<Goal>> {
    if load.rfc2544 {
        return Ok(vec![measure::rfc2544()]);
    }
    let ndr = || measure::goal("NDR", 0.0, sum);
    let pdr = || measure::goal("PDR", measure::PDR_LOSS_RATIO, sum);
    if load.goal.is_empty() {
        return Ok(vec![ndr(), pdr()]);
    }
    let read = |text: &String| -> anyhow::Result<Goal> {
        match text.to_ascii_lowercase().as_str() {
            "ndr" => return Ok(ndr()),
            "pdr" => return Ok(pdr()),
            _ => {}
        }
        let percent = text.strip_suffix('%').and_then(|text| text.trim().parse::<f64>().ok());
        let percent = percent.filter(|percent| (0.0..100.0).contains(percent));
        let percent = percent
            .with_context(|| format!("--goal {text}: give ndr, pdr, or a share like 0.1%"))?;
        Ok(measure::goal("loss goal", percent / 100.0, sum))
    };
    let goals = load.goal.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    if goals.windows(2).any(|pair| matches!(pair, [a, b] if a.loss_ratio >= b.loss_ratio)) {
        bail!("--goal: name each once, the one with the least loss first");
    }
    Ok(goals)
}

/// `recorded`, `fixed`, `poisson` or `mmpp:RATIO,BUSY,CALM`.
fn arrivals(text: &str) -> anyhow::Result<Arrivals> {
    let wrong = || {
        format!(
            "--arrivals {text}: give recorded, fixed, poisson, or mmpp:RATIO,BUSY_MS,CALM_MS with \
             a ratio of at least 1 and times above 0"
        )
    };
    match text.split_once(':') {
        None => match text {
            "recorded" => Ok(Arrivals::Recorded),
            "fixed" => Ok(Arrivals::Fixed),
            "poisson" => Ok(Arrivals::Poisson),
            _ => bail!(wrong()),
        },
        Some(("mmpp", numbers)) => {
            let numbers: Option<Vec<f64>> =
                numbers.split(',').map(|n| n.trim().parse().ok()).collect();
            match numbers.as_deref() {
                Some(&[ratio, busy, calm])
                    if (1.0..=1e6).contains(&ratio)
                        && [busy, calm].iter().all(|ms| (1e-3..=1e9).contains(ms)) =>
                {
                    Ok(Arrivals::Mmpp(Mmpp {
                        ratio,
                        busy_seconds: busy / 1e3,
                        calm_seconds: calm / 1e3,
                    }))
                }
                _ => bail!(wrong()),
            }
        }
        Some(_) => bail!(wrong()),
    }
}

/// `20000` or `x2`.
fn one_load(text: &str) -> anyhow::Result<Load> {
    let number =
        |text: &str| text.parse::<f64>().ok().filter(|value| measure::RATES.contains(value));
    let load = match text.strip_prefix('x') {
        Some(times) => number(times).map(Load::Times),
        None => number(text).map(Load::PacketsPerSecond),
    };
    load.with_context(|| format!("--load {text}: give packets per second, or xN"))
}

/// Reads what is replayed: the window, how to run the core, and what was read.
fn preload(
    plan: &InputPlan,
    reading: Reading,
    window_bytes: u64,
) -> anyhow::Result<(Window, sensor::Options, Vec<InputFile>)> {
    let read = |source: &mut dyn FrameSource| Window::read(source, window_bytes);
    if let Some(made) = made::only(plan)? {
        let (window, core, file) = made.read(plan, reading, read)?;
        return Ok((window, core, vec![file]));
    }
    let captures = &plan.inputs.captures;
    if captures.is_empty() {
        bail!("measure captures: there is none among the inputs");
    }
    let piped = captures.iter().any(|path| is_standard_input(path));
    let piped = piped.then(|| plan.inputs.standard_input()).transpose();
    let options = capture::Options { sha256: reading.sha256 };
    let set = CaptureSet::open_with(captures, options, piped.context("read standard input")?)?;
    let bar = Bar::new(set.total_bytes(), reading.quiet);
    let mut source = Filtered::new(set, plan.filter.clone())?;
    let window = read(&mut source);
    bar.finish();
    Ok((window, plan.core.clone(), source.into_inner()?.finish()))
}

fn record(measured: Measured, files: Vec<InputFile>) -> (Measurement, Vec<measure::Histograms>) {
    let problems = problems(&files, &Drops::default());
    let mut warnings = measured.warnings;
    let is_made = files.iter().any(|file| file.synthesis.is_some());
    if is_made {
        warnings.push("the traffic is synthesized: nobody recorded it".to_owned());
    }
    let record = Measurement {
        schema_version: SCHEMA_VERSION,
        headroom_version: env!("CARGO_PKG_VERSION").to_owned(),
        is_optimised_build: !cfg!(debug_assertions),
        command: command_line(),
        inputs: files,
        complete: problems.is_empty(),
        problems,
        inconclusive: measured.inconclusive,
        warnings,
        mode: measured.mode,
        mode_reason: measured.mode_reason,
        machine: measured.machine,
        envelope: measured.envelope,
        replay: measured.replay,
        digest: measured.digest,
        goals: measured.goals,
        loads: measured.loads,
        soak: measured.soak,
        trials: measured.trials,
        latency: measured.latency,
        cost: measured.cost,
        cross_check: measured.cross_check,
        disturbances: measured.disturbances,
    };
    (record, measured.histograms)
}

fn write_files(
    folder: &Path,
    record: &Measurement,
    histograms: &[measure::Histograms],
) -> anyhow::Result<()> {
    for name in report::MEASUREMENT_FILES {
        let bytes = report::measurement_file(record, name)?;
        output::write(Some(&folder.join(name)), &bytes)?;
    }
    for (latency, histograms) in record.latency.iter().zip(histograms) {
        for (name, bytes) in
            measure::logs(latency.share, &latency.trial, histograms).context("write histograms")?
        {
            output::write(Some(&folder.join(name)), &bytes)?;
        }
    }
    Ok(())
}

fn show(cli: &Cli, args: &MeasureArgs, record: &Measurement) -> anyhow::Result<()> {
    let is_json = args.json || args.format == InspectFormat::Json;
    let format = if is_json { OutputFormat::Json } else { OutputFormat::Text };
    let options = RenderOptions { color: output::color(cli.color, false), width: output::width() };
    output::write(None, &report::render_measurement(record, format, options)?)?;
    tell_read(cli, &record.inputs);
    tell(cli, &record.problems, if is_json { &record.warnings } else { &[] });
    Ok(())
}

fn conclude(cli: &Cli, record: &Measurement) -> ExitCode {
    if record.digest.differing > 0 {
        output::say(&format!(
            "{} of {} runs of the core gave other answers than the first; please report this",
            record.digest.differing, record.digest.compared
        ));
        return EXIT_DIFFERENT.into();
    }
    if !record.inconclusive.is_empty() {
        if !cli.quiet {
            output::say("inconclusive: the result says why");
        }
        return EXIT_INCONCLUSIVE.into();
    }
    if record.complete { ExitCode::SUCCESS } else { EXIT_DAMAGED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_and_loads_are_read() {
        let mmpp = Mmpp { ratio: 10.0, busy_seconds: 0.05, calm_seconds: 0.45 };
        assert_eq!(arrivals("mmpp:10,50,450").unwrap(), Arrivals::Mmpp(mmpp));
        assert_eq!(arrivals("poisson").unwrap(), Arrivals::Poisson);
        for wrong in ["", "mmpp", "mmpp:0,1,1", "mmpp:2,0,1", "mmpp:2,1", "mmpp:NaN,1,1", "x:1"] {
            assert!(arrivals(wrong).unwrap_err().to_string().starts_with("--arrivals"), "{wrong}");
        }
        assert_eq!(one_load("x2.5").unwrap(), Load::Times(2.5));
        assert_eq!(one_load("20000").unwrap(), Load::PacketsPerSecond(20_000.0));
        for wrong in ["", "x", "0", "-5", "xNaN", "1e99", "20k"] {
            assert!(one_load(wrong).unwrap_err().to_string().starts_with("--load"), "{wrong}");
        }
    }

    #[test]
    fn goals_are_in_order_of_loss() {
        let read = |list: &[&str]| {
            let goal = list.iter().map(|text| (*text).to_owned()).collect();
            let load = LoadArgs {
                mode: MeasureWay::Auto,
                goal,
                rfc2544: false,
                arrivals: "recorded".into(),
                load: Vec::new(),
                buffer: "1MiB".into(),
                window: "1MiB".into(),
                trial_sum: None,
                soak: None,
            };
            goals(&load, 5.0)
        };
        let ratios = |list: &[&str]| -> Vec<f64> {
            read(list).unwrap().iter().map(|goal| goal.loss_ratio).collect()
        };
        assert_eq!(ratios(&[]), [0.0, 0.005]);
        assert_eq!(ratios(&["ndr", "0.1%"]), [0.0, 0.001]);
        for wrong in [&["pdr", "ndr"][..], &["ndr", "NDR"], &["much"], &["100%"], &["NaN%"]] {
            assert!(read(wrong).unwrap_err().to_string().starts_with("--goal"), "{wrong:?}");
        }
    }
}
