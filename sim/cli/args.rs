//! What can be typed. Reading flags opens no file; `plan.rs` checks what they mean.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Will the Microsoft Defender for Identity sensor keep up on this domain controller, and if
/// not, what must be added?
#[derive(Debug, Parser)]
#[command(
    name = "headroom",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Print nothing but results and errors
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub quiet: bool,

    /// Say more: which files were skipped, how each input was read
    #[arg(short, long, global = true, help_heading = GENERAL)]
    pub verbose: bool,

    /// When to colour the terminal output; NO_COLOR is honoured
    #[arg(long, global = true, help_heading = GENERAL, value_enum, default_value_t = When::Auto,
          value_name = "WHEN")]
    pub color: When,
}

/// Heading of the flags that every command has: without one they stand among the command's own.
const GENERAL: &str = "General options";

/// Exit codes, told by the help of every command that reads inputs.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a --fail-if condition holds
  2  wrong use, or an input that cannot be read
  3  an input is damaged: the result is partial and says so (goes before 1)";

/// When to do something that depends on the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// If the output is a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Size domain controllers and write a report: HTML, XLSX, JSON, CSV, Markdown
    #[command(after_help = format!("{REPORT_EXAMPLES}\n\n{EXIT_CODES}"))]
    Report(ReportArgs),
    /// Size domain controllers and print the result
    #[command(after_help = format!("{SIZE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Size(SizeArgs),
    /// Try virtual sensors of all sizes on the traffic: would it drop, when, and what would not
    #[command(after_help = format!("{SIMULATE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Simulate(SimulateArgs),
    /// Show what is in captures: protocols, flows, hosts, quality
    #[command(after_help = format!("{INSPECT_EXAMPLES}\n\n{EXIT_CODES}"))]
    Inspect(InspectArgs),
    /// Write captures without names, addresses and payload that still size the same
    #[command(after_help = format!("{ANONYMIZE_EXAMPLES}\n\n{EXIT_CODES}"))]
    Anonymize(AnonymizeArgs),
    /// Make a domain controller's traffic out of an estate file and a seed
    #[command(after_help = SYNTH_EXAMPLES)]
    Synth(SynthArgs),
    /// Write a commented estate file, or explain one
    #[command(subcommand, arg_required_else_help = true)]
    Estate(EstateCommand),
    /// Fit an estate to a capture of your own: who asks, how often, for what
    #[command(after_help = format!("{LEARN_EXAMPLES}\n\n{EXIT_CODES}"))]
    Learn(LearnArgs),
    /// Put our own core under load inside an envelope: throughput, delay, cost per packet
    #[command(after_help = MEASURE_HELP)]
    Measure(MeasureArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page (roff), e.g. `headroom man size | man -l -`
    Man {
        /// The command it describes; the whole program without it
        #[arg(value_parser = ["report", "size", "simulate", "inspect", "anonymize", "synth", "estate", "learn", "completions",
                               "man"])]
        page: Option<String>,
    },
}

const REPORT_EXAMPLES: &str = "\
Examples:
  headroom report dc01.pcapng -o report --cores 4 --ram 16
  headroom report rotated/ --dc DC01=10.0.0.10,fd00::10 -o report
  headroom report perfmon.csv --estate site.toml -o report
  headroom report site.toml --dc DC01 --failed DC02 -o report
  zcat day.pcap.gz | headroom report - -o report";

const SIZE_EXAMPLES: &str = "\
Examples:
  headroom size perfmon.csv
  headroom size dc01.pcapng --cores 4 --ram 16 --min-available-mb 9000
  headroom size perfmon.csv --cores DC01=4 --cores DC02=8 --format markdown
  headroom size site.toml --start 2026-01-12T06:00 --duration 8h
  headroom size *.pcapng --fail-if 'busy_pps>20000' --fail-if 'verdict!=Yes'

Conditions for --fail-if: NAME OP VALUE, with OP one of > >= < <= == !=
  busy_pps, average_pps, maximum_pps, peak_1ms_pps, peak_10ms_pps, peak_100ms_pps,
  peak_1s_pps, short_memory_gb, short_cores, failed_samples, packets
  loss_probability: that our model of the sensor loses more than the goal, 0 to 1
  verdict (== and != only): Yes, YesBut, Maybe, MaybeBut, No, Missing
  virtual_verdict (== and != only), our model's answer: Yes, Maybe, No
A condition on a figure that is unknown counts as holding.";

const SIMULATE_EXAMPLES: &str = "\
Examples:
  headroom simulate dc01.pcapng --dc-cores 4 --dc-ram 16
  headroom simulate perfmon.csv --dc-cores 4 --dc-ram 16 --growth 25%
  headroom simulate site.toml --dc DC01 --failed DC02 --json
  headroom simulate dc01.pcapng --dc-cores 4 --dc-ram 16 --own-cpu 55% --goal 0.1%
  headroom simulate perfmon.csv --observed 28000:2:kept --observed 31000:2:dropped

The virtual sensor is a model of ours, fitted to the vendor's table; it is not the vendor's sensor.";

const INSPECT_EXAMPLES: &str = "\
Examples:
  headroom inspect dc01.pcapng
  headroom inspect dc01.pcapng --format json | jq .run
  headroom inspect dc01.pcapng --activities did.jsonl
  headroom inspect dc01.pcapng --activities - | jq -r .principal
  tcpdump -i eth0 -w - | headroom inspect -";

const ANONYMIZE_EXAMPLES: &str = "\
Examples:
  headroom anonymize dc01.pcapng shared.pcapng
  headroom anonymize rotated/ shared.pcap --key secret.key
  headroom anonymize dc01.pcap - | zstd > shared.pcapng.zst

What stays visible: times, lengths, ports, protocol, operation and error codes. Equal names and
addresses stay equal. Look at the result before you share it.";

const SYNTH_EXAMPLES: &str = "\
Examples:
  headroom synth estate.toml -o day.pcapng.zst --truth day.json
  headroom synth estate.toml --dc DC02 --start 2026-01-12T08:00 --duration 2h -o morning.pcap
  headroom synth estate.toml --failed DC02 -o - | headroom report - -o report
  headroom synth estate.toml --write-plan plan.tsv; headroom synth estate.toml --plan plan.tsv -o day.pcapng

The same estate, seed and version give the same bytes on any machine with any number of threads.
pcapng files say inside that they are synthesized, with every parameter; pcap files cannot.";

const ESTATE_INIT_EXAMPLES: &str = "\
Examples:
  headroom estate init > estate.toml
  headroom estate init --kind campus -o estate.toml";

const ESTATE_CHECK_EXAMPLES: &str = "\
Examples:
  headroom estate check estate.toml
  headroom estate check estate.toml --json | jq '.parameters[] | select(.basis == \"assumed\")'

Exit codes:
  0  it says all that traffic and sizing need
  1  it is right, but says too little to make traffic of it
  2  wrong use, or a file that cannot be read or is wrong";

const LEARN_EXAMPLES: &str = "\
Examples:
  headroom learn dc01.pcapng -o my-estate.toml
  headroom learn rotated/ --dc DC01=10.0.0.10,fd00::10 --time-zone Europe/Berlin -o my-estate.toml
  headroom learn dc01.pcapng --scale 1.3 -o next-year.toml && headroom synth next-year.toml -o next-year.pcapng

Only captures say who asks for what: counter logs and estates are refused.
Clients are counted, never named. Each value says whether it was learned, and from how many events.";

const MEASURE_HELP: &str = "\
Examples:
  headroom measure dc01.pcapng
  headroom measure dc01.pcapng --cores 1 --goal ndr --goal 0.1% --json | jq .goals
  headroom measure dc01.pcapng --arrivals mmpp:10,20,180 --load x10 --load 20000 -o measured
  headroom measure site.toml --mode realtime --soak 30m
  tcpdump -c 100000 -w - | headroom measure -

What is measured is our own core, not the vendor's sensor. In virtual time, costs are measured in
processor time and the load is computed, which works on busy machines; in real time the core is
fed as the clock says, which needs a machine of its own. Unsent packets count as lost.

Exit codes:
  0  done
  2  wrong use, or an input that cannot be read
  3  an input is damaged: only what came before was replayed
  4  the core gave different answers when fed differently: please report this (goes before 6)
  6  inconclusive: others disturbed the machine, or the modes contradict each other; the figures
     are shown, with the reason, and must not be relied on (goes before 3)";

/// Inputs and how to read captures.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// Captures (pcap, pcapng, also .gz and .zst), counter logs (perfmon CSV, plain CSV),
    /// sizing workbooks (XLSX), directories of these, estates (TOML), of which traffic is made,
    /// or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// A domain controller in the captures: an address, or NAME=ADDRESS[,ADDRESS...]; of an
    /// estate its name. Without it they are found from the traffic, and estates show all
    #[arg(long, value_name = "DC")]
    pub dc: Vec<String>,

    /// Only frames that match this capture filter (pcap-filter syntax; needs libpcap,
    /// not on Windows)
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,

    /// Largest IP packet of the link in bytes; larger frames come from offload
    #[arg(long, value_name = "BYTES", default_value_t = 1500,
          value_parser = clap::value_parser!(u32).range(68..=65_535))]
    pub mtu: u32,

    /// Worker threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Flows remembered at the same time, 64 bytes each; beyond it the idlest make room
    #[arg(long, value_name = "N", default_value_t = 1 << 20,
          value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub max_flows: u32,

    /// Replace names, addresses and security identifiers in every result by pseudonyms
    #[arg(long)]
    pub anonymize: bool,

    /// Secret that pseudonyms are drawn with, so that several runs agree: at least 16 bytes, e.g.
    /// of `head -c 32 /dev/urandom` [default: a new one]
    #[arg(long, value_name = "FILE", requires = "anonymize")]
    pub anonymize_key: Option<PathBuf>,
}

/// Which day of an estate is made.
#[derive(Debug, Default, Args)]
pub struct DayArgs {
    /// Seed of everything that is drawn [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// First moment, in local time of the domain controller unless it says otherwise
    /// [default: the Monday 2026-01-12; `synth` begins at 00:00, the others with the busiest hours]
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,

    /// Length of the traffic, e.g. 15m, 24h, 7d. What has begun by then is finished: the last
    /// packets come up to a minute later [default: 24h of `synth`, 2h of the others]
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// A domain controller that has failed: its clients use the others. May be repeated
    #[arg(long, value_name = "NAME")]
    pub failed: Vec<String>,
}

/// Heading of the flags that only estates among the inputs need.
const ESTATES: &str = "Options for estates as inputs";
/// Heading of the flags of the virtual sensor.
const VIRTUAL_SENSOR: &str = "Virtual sensor";

/// What is known of the servers, and thresholds.
#[derive(Debug, Args)]
pub struct FactArgs {
    /// Estate file (TOML) with the facts of each domain controller
    #[arg(long, value_name = "FILE")]
    pub estate: Option<PathBuf>,

    /// Physical cores of the server (hyper-threads not counted): N, or NAME=N for one of several
    #[arg(long, visible_alias = "dc-cores", value_name = "[DC=]N")]
    pub cores: Vec<String>,

    /// Installed memory in GB: N, or NAME=N for one of several
    #[arg(long, visible_alias = "dc-ram", value_name = "[DC=]GB")]
    pub ram: Vec<String>,

    /// Smallest available memory in MB (counter Memory\Available MBytes)
    #[arg(long, value_name = "[DC=]MB")]
    pub min_available_mb: Vec<String>,

    /// Operating system, e.g. "Windows Server 2022"
    #[arg(long, value_name = "[DC=]NAME")]
    pub os: Vec<String>,

    /// Capacity table to read the verdict from: mdi-2.x, or of older sensors azure-atp-2018,
    /// ata-lightweight-gateway, ata-gateway
    #[arg(long, value_name = "KEY", default_value = "mdi-2.x")]
    pub table: String,

    /// Maybe, when Busy is more than this many times the average (ours)
    #[arg(long, value_name = "RATIO")]
    pub spike_ratio: Option<f64>,

    /// Maybe, when Busy is above this many packets per second (vendor-published: 60000)
    #[arg(long, value_name = "PPS")]
    pub maybe_above: Option<f64>,

    /// No, when Busy is above this many packets per second (ours: the end of the table)
    #[arg(long, value_name = "PPS")]
    pub no_above: Option<f64>,

    /// Share of the server that stays free, in percent (vendor-published: 15); for the table alone,
    /// the virtual sensor always leaves the vendor's 15
    #[arg(long, value_name = "PERCENT")]
    pub reserve_percent: Option<f64>,

    /// Further localised counter names (TOML), for logs of other languages
    #[arg(long, value_name = "FILE")]
    pub counter_names: Option<PathBuf>,

    /// Exit with 1 if this holds for any domain controller, e.g. 'busy_pps>20000'
    #[arg(long, value_name = "CONDITION")]
    pub fail_if: Vec<String>,
}

/// `headroom report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Inputs.
    #[command(flatten)]
    pub input: InputArgs,
    /// Facts.
    #[command(flatten)]
    pub facts: FactArgs,
    /// Directory for the report; made if missing
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Leave the virtual sensor out: the vendor's table alone, in one pass over the input
    #[arg(long)]
    pub table_only: bool,
    /// The question to the virtual sensor.
    #[command(flatten, next_help_heading = VIRTUAL_SENSOR)]
    pub question: QuestionArgs,
    /// The day of estates.
    #[command(flatten, next_help_heading = ESTATES)]
    pub day: DayArgs,
}

/// What is asked of the virtual sensor.
#[derive(Debug, Args)]
pub struct QuestionArgs {
    /// Share of packets that may be lost in the busiest time
    #[arg(long, value_name = "SHARE", default_value = "0.5%", allow_hyphen_values = true)]
    pub goal: String,

    /// What the server itself uses of its processors in the busiest ten seconds; its counters say it
    /// where there are any, else 40 % are assumed
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    pub own_cpu: Option<String>,

    /// Growth of the traffic in a year
    #[arg(long, value_name = "SHARE", default_value = "10%", allow_hyphen_values = true)]
    pub growth: String,

    /// How the vendor's table is read: each amount is enough and the one below is not (tight), or
    /// each amount is enough (upper)
    #[arg(long, value_enum, default_value_t = TableSemantics::Tight, value_name = "READING")]
    pub table_semantics: TableSemantics,

    /// What somebody saw: packets per second, cores that the sensor had, and whether it kept or
    /// dropped, e.g. 28000:2:kept
    #[arg(long, value_name = "PPS:CORES:SEEN")]
    pub observed: Vec<String>,

    /// Capture buffer of each core of the sensor, e.g. 1MiB, 512kB, at most 1GiB; it is not
    /// published, so that without this anything from 1 to 64 MiB counts as possible
    #[arg(long, value_name = "SIZE")]
    pub buffer: Option<String>,

    /// What packets cost by protocol, as `headroom measure INPUT --json > FILE` found it on a
    /// machine of yours, instead of the built-in costs; only their proportions count
    #[arg(long, value_name = "FILE")]
    pub costs: Option<PathBuf>,

    /// How often what is not known is drawn anew
    #[arg(long, value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(20..=10_000))]
    pub replicas: u32,
}

/// How the vendor's table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableSemantics {
    /// Each amount is enough, and the one below is not.
    Tight,
    /// Each amount is enough.
    Upper,
}

/// `headroom simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Everything that sizing has.
    #[command(flatten)]
    pub size: SizeArgs,
    /// The question.
    #[command(flatten, next_help_heading = VIRTUAL_SENSOR)]
    pub question: QuestionArgs,
}

/// `headroom size`.
#[derive(Debug, Args)]
pub struct SizeArgs {
    /// Inputs.
    #[command(flatten)]
    pub input: InputArgs,
    /// Facts.
    #[command(flatten)]
    pub facts: FactArgs,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = SizeFormat::Text, value_name = "FORMAT")]
    pub format: SizeFormat,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The day of estates.
    #[command(flatten, next_help_heading = ESTATES)]
    pub day: DayArgs,
}

/// Forms of `headroom size`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SizeFormat {
    /// A table for the terminal.
    Text,
    /// JSON with `schema_version`.
    Json,
    /// CSV, the vendor tool's columns first.
    Csv,
    /// Markdown.
    Markdown,
    /// One HTML file.
    Html,
    /// A workbook.
    Xlsx,
}

/// `headroom inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Inputs.
    #[command(flatten)]
    pub input: InputArgs,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = InspectFormat::Text, value_name = "FORMAT")]
    pub format: InspectFormat,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every activity to this file, one JSON object a line: who did what to whom, when,
    /// with which outcome. With - they go to standard output, and the rest only to --output
    #[arg(long, value_name = "FILE")]
    pub activities: Option<PathBuf>,
    /// The day of estates.
    #[command(flatten, next_help_heading = ESTATES)]
    pub day: DayArgs,
}

/// Forms of `headroom inspect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InspectFormat {
    /// For the terminal.
    Text,
    /// JSON with `schema_version`; `run` holds the figures of this run.
    Json,
}

/// `headroom anonymize`.
#[derive(Debug, Args)]
pub struct AnonymizeArgs {
    /// Captures or directories of these, or - for standard input; last the file to write: pcap
    /// where its name ends in .pcap, else pcapng, or - for standard output
    #[arg(required = true, num_args = 2.., value_names = ["INPUT", "OUTPUT"])]
    pub paths: Vec<PathBuf>,

    /// Secret that pseudonyms are drawn with, so that several runs agree: at least 16 bytes, e.g.
    /// of `head -c 32 /dev/urandom` [default: a new one]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
}

/// `headroom synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// Estate file (TOML), or - for standard input; `headroom estate init` writes one
    #[arg(value_name = "ESTATE")]
    pub estate: PathBuf,

    /// Capture to write: pcap where its name ends in .pcap, else pcapng; compressed where it ends
    /// in .zst; - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// The day.
    #[command(flatten)]
    pub day: DayArgs,

    /// The domain controller whose traffic it is [default: the first of the estate]
    #[arg(long, value_name = "NAME")]
    pub dc: Option<String>,

    /// Form of the capture, whatever its name
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<CaptureFormat>,

    /// Write the ground truth to this file (JSON): activities, messages by protocol and operation,
    /// how many of each are on connections that were opened before the start, packets, bytes, and
    /// the parameters they were made with
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// Render the plan in this file, or - for standard input, instead of making one; its seed,
    /// start and length count
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "start", "duration", "write_plan"])]
    pub plan: Option<PathBuf>,

    /// Write the plan to this file: who does what when, one line each; from 16 minutes before the
    /// start on, for the connections that are open by then
    #[arg(long, value_name = "FILE")]
    pub write_plan: Option<PathBuf>,

    /// Worker threads; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// `headroom estate`.
#[derive(Debug, Subcommand)]
pub enum EstateCommand {
    /// Print a commented estate file to begin with
    #[command(after_help = ESTATE_INIT_EXAMPLES)]
    Init(EstateInitArgs),
    /// Check an estate file and explain it: who uses which domain controller, every parameter
    #[command(after_help = ESTATE_CHECK_EXAMPLES)]
    Check(EstateCheckArgs),
}

/// `headroom estate init`.
#[derive(Debug, Args)]
pub struct EstateInitArgs {
    /// Which example to begin with; `branch` explains every key
    #[arg(long, value_enum, default_value_t = EstateKind::Branch, value_name = "KIND")]
    pub kind: EstateKind,
    /// Write to this new file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Example estates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EstateKind {
    /// 200 endpoints, one domain controller.
    Branch,
    /// 10,000 endpoints, two sites in different time zones, five domain controllers.
    Headquarters,
    /// Managed devices with an Autopilot wave.
    Campus,
}

/// `headroom estate check`.
#[derive(Debug, Args)]
pub struct EstateCheckArgs {
    /// Estate file (TOML), or - for standard input
    #[arg(value_name = "ESTATE")]
    pub estate: PathBuf,
    /// Print JSON with `schema_version`
    #[arg(long)]
    pub json: bool,
}

/// Forms of captures that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CaptureFormat {
    /// libpcap savefile, nanoseconds.
    Pcap,
    /// pcapng, which says inside how it was made.
    Pcapng,
}

/// `headroom learn`.
#[derive(Debug, Args)]
pub struct LearnArgs {
    /// Inputs.
    #[command(flatten)]
    pub input: InputArgs,
    /// Estate file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Multiply the number of clients; what each does, and when, stays the same
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    pub scale: f64,
    /// Time zone of the clients (IANA name): rates are learned from their working hours
    /// [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

/// `headroom measure`.
#[derive(Debug, Args)]
pub struct MeasureArgs {
    /// Inputs.
    #[command(flatten)]
    pub input: InputArgs,
    /// Form of the result
    #[arg(long, value_enum, default_value_t = InspectFormat::Text, value_name = "FORMAT")]
    pub format: InspectFormat,
    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Also write the result into this directory, made if missing: measurement.json, latency.csv,
    /// a plot latency.svg, and HDR histograms (.hlog)
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Limits.
    #[command(flatten, next_help_heading = "Envelope")]
    pub envelope: EnvelopeArgs,
    /// Load and search.
    #[command(flatten, next_help_heading = "Load and search")]
    pub load: LoadArgs,
    /// The day of estates.
    #[command(flatten, next_help_heading = ESTATES)]
    pub day: DayArgs,
}

/// The limits of `headroom measure`.
#[derive(Debug, Args)]
pub struct EnvelopeArgs {
    /// Cores, and as many workers, held there by affinity (Linux)
    #[arg(long, value_name = "N", default_value_t = 2,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub cores: u16,

    /// Memory of the whole process, e.g. 6GB, 512MiB; held by a resource limit (Linux). At least
    /// 64 MB, and what flows, frames and buffer take: less is refused
    #[arg(long, value_name = "SIZE", default_value = "6GB")]
    pub memory: String,

    /// Make control groups for the memory, instead of the resource limit, and for --quota; needs
    /// privileges. They are removed at the end
    #[arg(long)]
    pub cgroup: bool,

    /// Processor time of all workers in cores, e.g. 1.5: stops them for the rest of each 100 ms.
    /// Virtual time knows no such stops: its results say "without the quota"
    #[arg(long, value_name = "CORES", requires = "cgroup")]
    pub quota: Option<f64>,
}

/// The load of `headroom measure`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// How to measure; auto is both on a quiet machine (some minutes), else virtual
    #[arg(long, value_enum, default_value_t = MeasureWay::Auto, value_name = "MODE")]
    pub mode: MeasureWay,

    /// What to search for: ndr (no loss), pdr (at most 0.5 %), or a share like 0.1%. May be
    /// repeated, least loss first [default: ndr and pdr]
    #[arg(long, value_name = "GOAL", conflicts_with = "rfc2544")]
    pub goal: Vec<String>,

    /// Search as RFC 2544 does: trials of 60 s, no loss, no second chance, equal distances
    #[arg(long)]
    pub rfc2544: bool,

    /// How packets arrive while the search changes their rate: recorded (as in the capture,
    /// faster or slower as a whole), fixed (equal distances), poisson, or mmpp:RATIO,BUSY,CALM
    /// (RATIO times the calm rate for BUSY ms in the mean, calm for CALM ms; a trial should hold 20
    /// such turns, else the result is inconclusive). Poisson and mmpp are drawn: three of five
    /// draws decide about a load
    #[arg(long, value_name = "ARRIVALS", default_value = "recorded")]
    pub arrivals: String,

    /// Also try this load: packets per second, or xN for N times the recorded pace, up to
    /// 1,000,000,000 a second. May be repeated
    #[arg(long, value_name = "LOAD")]
    pub load: Vec<String>,

    /// Captured bytes that may wait, e.g. 512kB, 4MiB; the default is the kernel buffer that Npcap
    /// gives where nobody asks for another
    #[arg(long, value_name = "SIZE", default_value = "1MiB")]
    pub buffer: String,

    /// Memory for the frames that are replayed; of a larger capture only the first are
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    pub window: String,

    /// Trial time in real time that decides about a load, in seconds (CSIT: 21)
    #[arg(long, value_name = "SECONDS")]
    pub trial_sum: Option<f64>,

    /// At the end, one trial of this length at the lower bound of the first goal, e.g. 30m: whether
    /// it holds, not a fit of the loss as PLRsearch makes one. In virtual time only of poisson and
    /// mmpp, and at most 2,000,000,000 packets
    #[arg(long, value_name = "TIME")]
    pub soak: Option<String>,
}

/// How `headroom measure` measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MeasureWay {
    /// Both on a quiet machine, else virtual.
    Auto,
    /// Costs measured, load computed.
    Virtual,
    /// By the clock, cross-checked against virtual time.
    Realtime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_flags_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
