//! Flags to a checked plan to a call. The only room that prints.

mod amount;
mod anonymize;
mod args;
mod costs;
mod document;
mod estate;
mod gate;
mod inputs;
mod learn;
mod made;
mod measure;
mod order;
mod output;
mod plan;
mod progress;
mod run;
mod simulate;
mod span;
mod synth;

use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{CommandFactory, Parser};

use crate::record::{InputFile, SizingReport};
use crate::report::{self, OutputFormat, RenderOptions};
use args::{
    Cli, Command, FactArgs, InputArgs, InspectArgs, InspectFormat, QuestionArgs, ReportArgs,
    SizeArgs, SizeFormat,
};
use plan::{FactPlan, InputPlan};
use run::Reading;

/// A `--fail-if` condition holds.
const EXIT_CONDITION: u8 = 1;
/// Wrong use, or an input that cannot be read. clap uses the same.
const EXIT_USE: u8 = 2;
/// An input is damaged; the result is partial.
const EXIT_DAMAGED: u8 = 3;

/// Runs the command line.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            output::say(&report::line(&failure(&error)));
            EXIT_USE.into()
        }
    }
}

/// A message about a flag begins with it; all others say what could not be done. Many errors
/// quote their cause: it is said once.
fn failure(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    if text.starts_with("--") { text } else { format!("failed to {text}") }
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Report(args) => write_report(cli, args),
        Command::Size(args) => size(cli, args, None),
        Command::Simulate(args) => size(cli, &args.size, Some(&args.question)),
        Command::Inspect(args) => inspect(cli, args),
        Command::Anonymize(args) => anonymize::captures(cli, args),
        Command::Synth(args) => synth::run(cli, args),
        Command::Estate(command) => estate::run(command),
        Command::Learn(args) => learn::run(cli, args),
        Command::Measure(args) => measure::run(cli, args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "headroom", &mut script);
            output::write(None, &script)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Man { page } => {
            output::write(None, &manual(page.as_deref())?)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The manual page of the program, or of one of its commands.
fn manual(verb: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut program = Cli::command();
    // Gives the commands their full names and the flags that all share.
    program.build();
    let command = match verb {
        None => program,
        Some(verb) => program.find_subcommand(verb).context("find that command")?.clone(),
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("render the manual page")?;
    Ok(page)
}

/// The command as it was typed, for provenance. Only the program's own path is left out: it
/// says nothing about the result and differs between machines.
fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|word| quote(&word.to_string_lossy()));
    std::iter::once("headroom".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// Quotes a word that a shell would take apart.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=+./:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether standard input is asked for only once.
fn standard_input_once(
    input: &InputArgs,
    facts: &FactArgs,
    question: Option<&QuestionArgs>,
) -> anyhow::Result<()> {
    let flags = [
        ("--estate", facts.estate.as_ref()),
        ("--counter-names", facts.counter_names.as_ref()),
        ("--costs", question.and_then(|question| question.costs.as_ref())),
    ];
    inputs::standard_input_once(&input.inputs, &flags)
}

fn write_report(cli: &Cli, args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let asked = (!args.table_only).then_some(&args.question);
    standard_input_once(&args.input, &args.facts, asked)?;
    let facts = FactPlan::new(&args.facts)?;
    let question = asked.map(simulate::question).transpose()?;
    let mut names = anonymize::names(&args.input)?;
    let mut inputs = InputPlan::new(&args.input, &args.day)?;
    if args.output.as_os_str() == "-" {
        bail!(
            "--output -: a report is several files; name a directory, or use `headroom size \
             --format html`"
        );
    }
    // Before the long part: a bad path fails in the first second.
    output::prepare_folder(&args.output)?;
    for (name, _) in report::FILES {
        output::spare(&args.output.join(name), &inputs.inputs)?;
    }
    inputs.look_at_estates()?;
    tell_skipped(cli, &inputs);
    let reading = Reading { sha256: true, quiet: cli.quiet };
    let (mut result, origins) = run::size(&inputs, &facts, reading, command_line())?;
    if let Some(question) = &question {
        simulate::judge(&inputs, &mut result, &origins, question, cli.quiet)?;
    }
    let result = anonymize::result(&mut names, result)?;
    for &(name, format) in report::FILES {
        let bytes = report::render(&result, format, RenderOptions::default())?;
        output::write(Some(&args.output.join(name)), &bytes)?;
    }
    if !cli.quiet {
        let text = render_text(cli, &result, false)?;
        output::write(None, &text)?;
        let html = args.output.join("report.html");
        let place = report::line(&html.display().to_string());
        output::write(None, format!("\nreport: {place}\n").as_bytes())?;
    }
    Ok(conclude(cli, &result, &facts, &[]))
}

fn size(cli: &Cli, args: &SizeArgs, question: Option<&QuestionArgs>) -> anyhow::Result<ExitCode> {
    standard_input_once(&args.input, &args.facts, question)?;
    let facts = FactPlan::new(&args.facts)?;
    let question = question.map(simulate::question).transpose()?;
    let mut names = anonymize::names(&args.input)?;
    let mut inputs = InputPlan::new(&args.input, &args.day)?;
    output::prepare(args.output.as_deref(), &inputs.inputs)?;
    inputs.look_at_estates()?;
    tell_skipped(cli, &inputs);
    let format = match (args.json, args.format) {
        (true, _) | (_, SizeFormat::Json) => OutputFormat::Json,
        (_, SizeFormat::Text) => OutputFormat::Text,
        (_, SizeFormat::Csv) => OutputFormat::Csv,
        (_, SizeFormat::Markdown) => OutputFormat::Markdown,
        (_, SizeFormat::Html) => OutputFormat::Html,
        (_, SizeFormat::Xlsx) => OutputFormat::Xlsx,
    };
    let reading = Reading { sha256: false, quiet: cli.quiet };
    let (mut result, origins) = run::size(&inputs, &facts, reading, command_line())?;
    if let Some(question) = &question {
        simulate::judge(&inputs, &mut result, &origins, question, cli.quiet)?;
    }
    let result = anonymize::result(&mut names, result)?;
    let bytes = if format == OutputFormat::Text {
        render_text(cli, &result, args.output.is_some())?
    } else {
        report::render(&result, format, RenderOptions::default())?
    };
    output::write(args.output.as_deref(), &bytes)?;
    // The text shows its warnings itself.
    let seen = format == OutputFormat::Text && args.output.is_none();
    Ok(conclude(cli, &result, &facts, if seen { &[] } else { &result.warnings }))
}

fn render_text(cli: &Cli, result: &SizingReport, to_file: bool) -> anyhow::Result<Vec<u8>> {
    let options =
        RenderOptions { color: output::color(cli.color, to_file), width: output::width() };
    Ok(report::render(result, OutputFormat::Text, options)?)
}

fn inspect(cli: &Cli, args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let mut names = anonymize::names(&args.input)?;
    let mut inputs = InputPlan::new(&args.input, &args.day)?;
    output::prepare(args.output.as_deref(), &inputs.inputs)?;
    output::prepare(args.activities.as_deref(), &inputs.inputs)?;
    if let (Some(path), Some(lines)) = (&args.output, &args.activities) {
        output::differ(("--output", path), ("--activities", lines))?;
    }
    inputs.look_at_estates()?;
    tell_skipped(cli, &inputs);
    let (captures, logs) = (inputs.inputs.captures.len(), inputs.inputs.counters.len());
    if captures > 0 && logs > 0 && !cli.quiet {
        output::say(&format!("counter logs left out: {logs}; `headroom size` reads them"));
    }
    let reading = Reading { sha256: false, quiet: cli.quiet };
    let activities = args.activities.as_deref();
    let result = run::inspect(&inputs, reading, command_line(), activities, &mut names)?;
    let result = anonymize::result(&mut names, result)?;
    let json = args.json || args.format == InspectFormat::Json;
    let format = if json { OutputFormat::Json } else { OutputFormat::Text };
    let to_file = args.output.is_some();
    let options =
        RenderOptions { color: output::color(cli.color, to_file), width: output::width() };
    let bytes = report::render_inspection(&result, format, options)?;
    let lines_there = activities.is_some_and(|path| path.as_os_str() == "-");
    if to_file || !lines_there {
        output::write(args.output.as_deref(), &bytes)?;
    }
    let seen = !json && !to_file && !lines_there;
    tell_read(cli, &result.inputs);
    tell(cli, &result.problems, if seen { &[] } else { &result.warnings });
    Ok(if result.complete { ExitCode::SUCCESS } else { EXIT_DAMAGED.into() })
}

/// Errors always, warnings unless asked to be quiet.
fn tell(cli: &Cli, problems: &[String], warnings: &[String]) {
    for problem in problems {
        output::say(&report::line(&format!("failed to {problem}")));
    }
    if !cli.quiet {
        for warning in warnings {
            output::say(&report::line(&format!("warning: {warning}")));
        }
    }
}

fn tell_skipped(cli: &Cli, plan: &InputPlan) {
    let skipped = &plan.inputs.skipped;
    for path in plan.inputs.doubled.iter().filter(|_| !cli.quiet) {
        output::say(&report::line(&format!(
            "skipped {}: the same file as another input",
            path.display()
        )));
    }
    if cli.verbose {
        for path in skipped {
            output::say(&report::line(&format!(
                "skipped {}: no capture, no counter log",
                path.display()
            )));
        }
    } else if !skipped.is_empty() && !cli.quiet {
        output::say(&format!("skipped {} other files; -v names them", skipped.len()));
    }
}

/// How each input was read, for those who asked.
fn tell_read(cli: &Cli, inputs: &[InputFile]) {
    for input in inputs.iter().filter(|_| cli.verbose && !cli.quiet) {
        output::say(&report::line(&format!(
            "read {} as {}: {} records, {} bytes",
            input.path, input.format_text, input.records, input.size_bytes
        )));
    }
}

/// Says what went wrong, and those `warnings` that nothing else showed, and turns it into the
/// exit code.
fn conclude(cli: &Cli, result: &SizingReport, facts: &FactPlan, warnings: &[String]) -> ExitCode {
    tell_read(cli, &result.inputs);
    tell(cli, &result.problems, warnings);
    let rows = &result.domain_controllers;
    let holding = facts
        .conditions
        .iter()
        .flat_map(|condition| rows.iter().filter_map(|row| condition.holds(row)));
    let mut holding: Vec<String> = holding.collect();
    if rows.is_empty() && !facts.conditions.is_empty() {
        // A gate that passes for lack of data guards nothing.
        holding.push("unknown, no domain controller was found".to_owned());
    }
    for text in &holding {
        output::say(&report::line(&format!("condition holds: {text}")));
    }
    if !result.complete {
        EXIT_DAMAGED.into()
    } else if !holding.is_empty() {
        EXIT_CONDITION.into()
    } else {
        ExitCode::SUCCESS
    }
}
