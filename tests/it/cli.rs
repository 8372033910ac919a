//! The program as a person or a script meets it: arguments in, text and an exit code out.

mod estates;
mod exit;
mod facts;
mod hostile;
mod inputs;
mod measure;
mod readme;
mod results;
mod simulate;
mod synth;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use headroom::base::{Batch, FrameSource, Timestamp};
use headroom::capture::{CaptureSet, Options, PcapWriter, Resolution};
use serde_json::Value;

/// What one run gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    fn new(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        Self {
            code: output.status.code().expect("ended by itself"),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    /// The output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts the exit code, with everything that was said.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that standard error holds each of `parts`.
    #[track_caller]
    pub fn says(self, parts: &[&str]) -> Self {
        for part in parts {
            assert!(self.err.contains(part), "no {part:?} in {self:#?}");
        }
        self
    }

    /// Asserts that standard output holds `part`.
    #[track_caller]
    pub fn shows(self, part: &str) -> Self {
        assert!(self.out.contains(part), "no {part:?} in {self:#?}");
        self
    }
}

/// The program with `arguments`, in the project's folder, without a terminal.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("headroom"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// Runs the program.
pub fn headroom(arguments: &[&str]) -> Run {
    Run::new(command(arguments).output().unwrap())
}

/// Runs the program with `input` as its standard input.
fn headroom_reading(arguments: &[&str], input: Vec<u8>) -> Run {
    let mut command = assert_cmd::Command::from_std(command(arguments));
    Run::new(command.write_stdin(input).output().unwrap())
}

/// The words of a command line, where none holds a space.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn run(line: &str) -> Run {
    headroom(&words(line))
}

/// One record of a capture, owned.
#[derive(Debug, Clone)]
pub struct Kept {
    pub time: Timestamp,
    pub link: headroom::base::LinkType,
    pub bytes: Vec<u8>,
    pub original_length: u32,
}

/// All records of a capture.
pub fn records(path: &Path) -> Vec<Kept> {
    let mut set = CaptureSet::open(&[path.to_owned()], Options::default()).unwrap();
    let mut batch = Batch::default();
    let mut kept = Vec::new();
    while set.fill(&mut batch) {
        kept.extend(batch.frames().map(|frame| Kept {
            time: frame.time,
            link: frame.link,
            bytes: frame.bytes.to_vec(),
            original_length: frame.original_length,
        }));
    }
    kept
}

/// Writes records as a pcap file with nanoseconds.
pub fn write_pcap(path: &Path, records: &[Kept]) {
    let file = std::fs::File::create(path).unwrap();
    let out = std::io::BufWriter::new(file);
    let link = records[0].link;
    let mut writer = PcapWriter::new(out, link, 0, Resolution::Nanoseconds).unwrap();
    for kept in records {
        let frame = headroom::base::Frame {
            time: kept.time,
            link: kept.link,
            bytes: &kept.bytes,
            original_length: kept.original_length,
        };
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
}

/// A capture that ships with the project.
fn sample(name: &str) -> PathBuf {
    super::samples::folder().join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
